//! `weir ctl`: asks a running gateway, over its control socket.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use ipnet::IpNet;
use jiff::SignedDuration;
use policy::{Config, MAX_BAN};

use super::{CONFIGURATION, Failure, Status, network};
use crate::control::load;
use crate::control::office::{
    self, Answer, Banned, Failed, Link, Missed, NOT_KEPT_OUT, PATIENCE, Question, Rules,
};

/// What `weir ctl` was told.
#[derive(Debug, Args)]
pub(super) struct CtlArguments {
    /// The configuration the gateway runs with, which names its socket
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIGURATION)]
    config: PathBuf,
    /// The socket itself
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "config")]
    socket: Option<PathBuf>,
    /// Print the gateway's answer as it came, in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// What to ask.
#[derive(Debug, Subcommand)]
enum Command {
    /// How things stand: links, rules in force, what is wrong
    Status,
    /// Read the configuration, its packs and its block lists anew
    Reload,
    /// List who is banned, and for how long
    Bans,
    /// Keep an address or network out; what is to last stands better on a list of [block]
    Ban {
        /// An address or a network
        #[arg(value_name = "SOURCE", value_parser = network)]
        source: IpNet,
        /// For how long: "10m", "36h", "7d"
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = duration)]
        duration: Duration,
        /// Yes, a network as wide as this: more than an IPv4 /8 or an IPv6 /16 has
        #[arg(long)]
        wide: bool,
    },
    /// Let an address or network in again
    Unban {
        /// An address or a network, as `weir ctl bans` shows it
        #[arg(value_name = "SOURCE", value_parser = network)]
        source: IpNet,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok())
        .map(|days| SignedDuration::from_hours(i64::from(days) * 24));
    let duration: SignedDuration = match days {
        Some(duration) => duration,
        None => text
            .parse()
            .map_err(|_| "no time: write \"10m\" or \"36h\"".to_owned())?,
    };
    match Duration::try_from(duration) {
        Ok(duration) if duration > MAX_BAN => Err("has to be at most 365d, as a rule's".to_owned()),
        Ok(duration) if duration.as_secs() > 0 => Ok(duration),
        _ => Err("has to be a second or more".to_owned()),
    }
}

/// Asks, and shows the answer.
pub(super) fn run(arguments: &CtlArguments, out: &mut impl Write) -> Result<Status, Failure> {
    let socket = match &arguments.socket {
        Some(socket) => socket.clone(),
        None => socket_of(&arguments.config)?,
    };
    if let Command::Ban { source, wide, .. } = &arguments.command
        && is_wide(source)
        && !wide
    {
        return Err(
            format!("{source} is a large part of all addresses: add --wide if so meant").into(),
        );
    }
    let line = ask(&socket, &question(&arguments.command))?;
    let answer: Answer = serde_json::from_str(&line)?;
    if arguments.json {
        writeln!(out, "{}", line.trim_end())?;
    } else {
        write!(out, "{}", shown(&answer))?;
    }
    match answer {
        Answer::Refused(_) => Ok(Status::Findings),
        Answer::Reloaded(reloaded) if reloaded.lists_stay => Ok(Status::Findings),
        _ => Ok(Status::Fine),
    }
}

/// Whether a ban of the network is more likely a slip than meant.
fn is_wide(network: &IpNet) -> bool {
    let narrowest = match network {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 16,
    };
    network.prefix_len() < narrowest
}

/// Only the socket is asked of the configuration, so mistakes elsewhere don't matter.
fn socket_of(config: &Path) -> Result<PathBuf, Failure> {
    let (read, _) = Config::check(&load::read(config)?);
    let socket = read.control.socket.ok_or_else(|| {
        format!(
            "{} names no [control] socket: with one, as in \
             `socket = \"/run/weir/control.sock\"`, the gateway can be asked from its next start on",
            config.display()
        )
    })?;
    Ok(PathBuf::from(socket))
}

fn question(command: &Command) -> Question {
    match command {
        Command::Status => Question::Status,
        Command::Reload => Question::Reload,
        Command::Bans => Question::Bans,
        Command::Ban {
            source, duration, ..
        } => Question::Ban {
            source: source.to_string(),
            seconds: duration.as_secs(),
        },
        Command::Unban { source } => Question::Unban {
            source: source.to_string(),
        },
    }
}

fn ask(socket: &Path, question: &Question) -> Result<String, Failure> {
    let unreachable = |error: io::Error| {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ": no gateway runs with it"
            }
            io::ErrorKind::PermissionDenied => ": ask as the gateway's user, root mostly",
            _ => "",
        };
        format!("{}: {error}{remedy}", socket.display())
    };
    let mut stream = UnixStream::connect(socket).map_err(unreachable)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(question)?;
    line.push('\n');
    stream.write_all(line.as_bytes()).map_err(unreachable)?;
    line.clear();
    BufReader::new(stream)
        .read_line(&mut line)
        .map_err(unreachable)?;
    if line.is_empty() {
        return Err(format!("{}: the gateway gave no answer", socket.display()).into());
    }
    Ok(line)
}

/// An answer in words.
fn shown(answer: &Answer) -> String {
    let mut text = String::new();
    // No formatting error in memory.
    let _ = match answer {
        Answer::Status(status) => show_status(&mut text, status),
        Answer::Reloaded(reloaded) => {
            let mut notes = reloaded.notes.iter();
            let written = writeln!(text, "in force: {}", rules_in_words(reloaded.rules));
            written.and_then(|()| notes.try_for_each(|note| writeln!(text, "{note}")))
        }
        Answer::Bans(bans) if bans.is_empty() => writeln!(text, "nobody is banned"),
        Answer::Bans(bans) => show_bans(&mut text, bans),
        Answer::Done(sentence) | Answer::Refused(sentence) => {
            writeln!(text, "{}", sentence.trim_end())
        }
    };
    text
}

fn show_bans(text: &mut String, bans: &[Banned]) -> std::fmt::Result {
    for Banned {
        source, seconds, ..
    } in bans
    {
        let left = SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX));
        writeln!(text, "{source:<43} {left:#}")?;
    }
    match bans.iter().all(|ban| ban.kept_out) {
        true => Ok(()),
        false => writeln!(text, "{NOT_KEPT_OUT}"),
    }
}

fn show_status(text: &mut String, status: &office::Status) -> std::fmt::Result {
    let office::Status {
        version,
        up_seconds,
        mode,
        rules,
        failed_reload,
        failed_lists,
        links,
        missed,
        complaints,
        flows,
        sessions,
        endpoints,
        bans,
        listed,
        unlisted,
    } = status;
    let up = SignedDuration::from_secs(i64::try_from(*up_seconds).unwrap_or(i64::MAX));
    writeln!(text, "weir {version}, up {up:#}")?;
    writeln!(text, "mode       {}", mode_in_words(mode))?;
    writeln!(text, "rules      {}", rules_in_words(*rules))?;
    if let Some(failed) = failed_reload {
        let since = "since a reload succeeded";
        writeln!(text, "not loaded {}", failure_in_words(failed, since))?;
    }
    if let Some(failed) = failed_lists {
        let since = "since the block lists were read";
        writeln!(text, "old lists  {}", failure_in_words(failed, since))?;
    }
    for link in links {
        writeln!(text, "link       {}", link_in_words(link))?;
    }
    writeln!(
        text,
        "followed   flows: {flows}, MQTT sessions: {sessions}, CoAP endpoints: {endpoints}"
    )?;
    writeln!(text, "missed     {}", missed_in_words(missed))?;
    let but = match mode == policy::Mode::Monitor.name() {
        true => format!("; {NOT_KEPT_OUT}"),
        false => String::new(),
    };
    writeln!(
        text,
        "kept out   {bans} banned, {listed} on block lists{but}"
    )?;
    if *unlisted > 0 {
        writeln!(
            text,
            "let in     {unlisted} on block lists, for want of room"
        )?;
    }
    if complaints.is_empty() {
        return writeln!(text, "ready");
    }
    complaints
        .iter()
        .try_for_each(|complaint| writeln!(text, "not ready  {complaint}"))
}

fn mode_in_words(mode: &str) -> String {
    match mode == policy::Mode::Monitor.name() {
        true => format!("{mode}: nothing is stopped"),
        false => mode.to_owned(),
    }
}

fn missed_in_words(
    Missed {
        passed,
        dropped,
        last,
    }: &Missed,
) -> String {
    match last {
        None => "no frame of a service for want of a worker".to_owned(),
        Some(last) => format!(
            "{passed} service frames crossed uninspected, {dropped} were dropped, for want of a worker; last {last}"
        ),
    }
}

fn failure_in_words(
    Failed {
        time,
        problem,
        times,
    }: &Failed,
    since: &str,
) -> String {
    let times = match times {
        1 => String::new(),
        times => format!(" ({times} times {since})"),
    };
    format!("{time}{times}: {problem}")
}

fn rules_in_words(Rules { generation, rules }: Rules) -> String {
    format!("{rules} rules, generation {generation}")
}

fn link_in_words(link: &Link) -> String {
    let Link {
        inside,
        outside,
        workers,
        running,
        modes,
    } = link;
    let state = if *running { "at work" } else { "not at work" };
    let plural = if *workers == 1 { "" } else { "s" };
    let modes: Vec<_> = modes
        .iter()
        .map(|(port, mode)| format!("{port} {mode}"))
        .collect();
    format!(
        "{inside} - {outside}: {workers} worker{plural} {state}; XDP: {}",
        modes.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_times_are_read_or_refused_with_a_reason() {
        assert_eq!(
            network("192.0.2.1").map(|net| net.to_string()),
            Ok("192.0.2.1/32".into())
        );
        assert_eq!(
            network("2001:db8::/32").map(|net| net.to_string()),
            Ok("2001:db8::/32".into())
        );
        assert!(network("plc").is_err());
        let seconds = |text| duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("1h 30m"), Ok(5400));
        assert_eq!(seconds("7d"), Ok(7 * 86_400));
        assert!(network("192.0.2.1/24").is_err_and(|error| error.contains("192.0.2.0/24")));
        let plain = network("::ffff:192.0.2.1").map(|network| network.to_string());
        assert_eq!(plain, Ok("192.0.2.1/32".to_owned()));
        let wide = |text| network(text).is_ok_and(|network| is_wide(&network));
        assert!(wide("0.0.0.0/0") && wide("64.0.0.0/7") && wide("::/0") && wide("::ffff:0:0/96"));
        assert!(!wide("10.0.0.0/8") && !wide("2001::/16"));
        assert_eq!(seconds("365d"), Ok(MAX_BAN.as_secs()));
        for wrong in ["", "366d", "0s", "-5m", "soon", "5", "99999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_are_shown_in_words() {
        let rules = Rules {
            generation: 3,
            rules: 40,
        };
        assert_eq!(
            shown(&Answer::Reloaded(office::Reloaded {
                rules,
                notes: vec!["[metrics] has changed".to_owned()],
                lists_stay: false,
            })),
            "in force: 40 rules, generation 3\n[metrics] has changed\n"
        );
        assert_eq!(shown(&Answer::Bans(Vec::new())), "nobody is banned\n");
        let status = shown(&Answer::Status(Box::new(office::Status {
            version: "0.1.0".to_owned(),
            up_seconds: 3700,
            mode: "monitor".to_owned(),
            rules,
            failed_reload: Some(Failed {
                time: "2026-01-02T03:04:05Z".to_owned(),
                problem: "rules.toml:3:11: unknown key".to_owned(),
                times: 2,
            }),
            failed_lists: Some(Failed {
                time: "2026-01-02T03:04:06Z".to_owned(),
                problem: "weir.toml:4:10: `block.txt` can't be read".to_owned(),
                times: 1,
            }),
            links: vec![Link {
                inside: "eth1".to_owned(),
                outside: "eth2".to_owned(),
                workers: 2,
                running: true,
                modes: vec![("eth1".to_owned(), "native".to_owned())],
            }],
            missed: Missed {
                passed: 51,
                dropped: 0,
                last: Some("2026-01-02T03:04:05Z".to_owned()),
            },
            complaints: vec!["link eth1 - eth2: eth1 is down".to_owned()],
            flows: 5,
            sessions: 4,
            endpoints: 3,
            bans: 2,
            listed: 1,
            unlisted: 7,
        })));
        for needle in [
            "up 1h 1m 40s",
            "eth1 - eth2: 2 workers at work; XDP: eth1 native",
            "not ready  link",
            "kept out   2 banned, 1 on block lists; in monitor mode nothing is kept out",
            "let in     7 on block lists, for want of room",
            "missed     51 service frames crossed uninspected, 0 were dropped",
            "mode       monitor: nothing is stopped",
            "not loaded 2026-01-02T03:04:05Z (2 times since a reload succeeded): rules.toml:3:11",
            "old lists  2026-01-02T03:04:06Z: weir.toml:4:10: `block.txt`",
        ] {
            assert!(status.contains(needle), "{status}");
        }
    }
}
