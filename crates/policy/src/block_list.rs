//! Lists of sources to keep out, as feeds publish them: an address or a network a line.
//!
//! What follows `#` or `;` is a comment, as in the lists of FireHOL and Spamhaus. A line that can't be
//! read is a warning, and the others count all the same: a feed with a mistake in it must not open
//! the door to the rest of it. Nor may one shut the plant out: a line that takes in more than a stranger's
//! networks is a slip, and left out in the same way.

mod plant;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::report::{Report, Span};
use crate::{Diagnostics, SourceText};
use plant::Plant;

/// Reads the list that the file `name` holds: its networks in the order of their addresses, each once, and
/// what is wrong with its lines. A line that isn't UTF-8, as where a comment has a name in it, counts by its
/// address all the same. No line keeps a whole one of the `zones` out together with others.
#[must_use]
pub fn block_list(
    name: &str,
    bytes: &[u8],
    zones: &BTreeMap<String, Vec<IpNet>>,
) -> (Vec<IpNet>, Diagnostics) {
    let mut report = Report::default();
    let text = String::from_utf8_lossy(bytes);
    let is_lossy = matches!(text, Cow::Owned(_));
    let file = report.add_file(&SourceText::new(name, &text));
    let plant = Plant::new(zones);
    let mut networks = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let network = entry(&mut report, &file, &plant, offset, line);
        if is_lossy && network.is_some() {
            note_foreign(&mut report, &file, offset, line);
        }
        networks.extend(network);
        offset += line.len();
    }
    networks.sort_unstable();
    networks.dedup();
    (networks, report.finish())
}

/// The network of a line that starts at `offset`; none for a comment, or one that can't be read.
fn entry(
    report: &mut Report,
    file: &Span,
    plant: &Plant<'_>,
    offset: usize,
    line: &str,
) -> Option<IpNet> {
    let line = match offset {
        0 => line.trim_start_matches('\u{feff}'),
        _ => line,
    };
    let text = line.split(['#', ';']).next().unwrap_or_default().trim();
    if text.is_empty() {
        return None;
    }
    match network(text).and_then(|network| plant.lets_block(network)) {
        Ok(network) => Some(network),
        Err(problem) => {
            // Every line is within the file, whose offsets these are.
            let indent = line.find(text).unwrap_or(0);
            let span = file.part(offset + indent, text.len());
            report
                .warning(&span, problem)
                .help("the line is left out, the rest of the list counts");
            None
        }
    }
}

/// Says so of a line whose comment isn't UTF-8.
fn note_foreign(report: &mut Report, file: &Span, offset: usize, line: &str) {
    if let Some(at) = line.find(char::REPLACEMENT_CHARACTER) {
        let span = file.part(offset + at, char::REPLACEMENT_CHARACTER.len_utf8());
        report
            .warning(&span, "the line isn't UTF-8 from here on")
            .help("its address counts all the same");
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let Ok(network) = text.parse::<IpNet>() else {
        let shown: String = text.escape_debug().take(64).collect();
        return Err(format!("`{shown}` is neither an address nor a network"));
    };
    if network.trunc() != network {
        let trunc = network.trunc();
        return Err(format!(
            "`{network}` has bits set beyond its prefix, unlike `{trunc}`"
        ));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, String) {
        read_bytes(text.as_bytes())
    }

    fn read_bytes(bytes: &[u8]) -> (Vec<String>, String) {
        let (networks, diagnostics) = block_list("feed.netset", bytes, &BTreeMap::new());
        let networks = networks.iter().map(ToString::to_string).collect();
        (networks, diagnostics.to_string())
    }

    #[test]
    fn bytes_that_are_no_utf_8_cost_no_more_than_their_line() {
        let (networks, problems) =
            read_bytes(b"# T\xe9l\xe9com\n10.20.0.8 ; T\xe9l\xe9com\n192.0\xb7.2.1\n192.0.2.2\n");
        assert_eq!(networks, ["10.20.0.8/32", "192.0.2.2/32"]);
        for place in [
            "feed.netset:2:14: warning: the line isn't UTF-8",
            "feed.netset:3:1",
            "2 warnings",
        ] {
            assert!(
                problems.contains(place),
                "{place} is missing in\n{problems}"
            );
        }
    }

    #[test]
    fn the_lists_of_feeds_are_understood() {
        let text = "\u{feff}# firehol_level1\n#\n\n198.51.100.0/24\r\n192.0.2.1\n\
                    ; Spamhaus DROP\n203.0.113.0/24 ; SBL1\n  2001:db8::/32 ; SBL2\n2001:db8::1#x\n192.0.2.1";
        let (networks, problems) = read(text);
        let expected = [
            "192.0.2.1/32",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "2001:db8::/32",
            "2001:db8::1/128",
        ];
        assert_eq!(networks, expected);
        assert_eq!(problems, "");
    }

    #[test]
    fn mapped_addresses_are_the_ones_that_frames_bear() {
        let (networks, problems) =
            read("::ffff:10.20.0.9\n::ffff:192.0.2.0/120\n::ffff:0.0.0.0/96\n");
        assert_eq!(networks, ["10.20.0.9/32", "192.0.2.0/24"]);
        assert!(
            problems
                .contains("feed.netset:3:1: warning: `::ffff:0.0.0.0/96` would keep everybody out")
        );
    }

    #[test]
    fn a_broken_line_is_named_and_the_rest_counts() {
        let text = "192.0.2.1\n  nonsense\n192.0.2.300\n10.0.0.1/8\n0.0.0.0/0\n::/0\n\
                    10.0.0.0/33\n192.0.2.7-192.0.2.9\n192.0.2.2\n";
        let (networks, problems) = read(text);
        assert_eq!(networks, ["192.0.2.1/32", "192.0.2.2/32"]);
        for place in [
            "feed.netset:2:3",
            "feed.netset:3:1",
            "feed.netset:4:1",
            "feed.netset:5:1",
            "feed.netset:6:1",
            "feed.netset:7:1",
            "feed.netset:8:1",
        ] {
            assert!(
                problems.contains(place),
                "{place} is missing in\n{problems}"
            );
        }
    }

    #[test]
    fn rubbish_is_told_in_bounds() {
        let (networks, problems) = read(&"\u{1b}[2J\0rubbish\n".repeat(100_000));
        assert!(networks.is_empty());
        assert!(problems.len() < 100_000 && !problems.contains('\u{1b}'));
    }
}
