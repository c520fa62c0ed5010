//! `weir explain`: what a reason code means, or a shipped rule.

use std::io::Write;

use policy::shipped::{self, ShippedRule};
use policy::{Reason, reference};

use super::{Failure, Status};

/// Names further away than this are no suggestion, nor those that are wrong in more than a third.
const MAX_DISTANCE: usize = 6;

pub(super) fn run(code: Option<&str>, out: &mut impl Write) -> Result<Status, Failure> {
    let Some(code) = code else {
        return list(Reason::ALL.iter().copied(), out);
    };
    if let Some(reason) = Reason::from_code(&code.to_lowercase()) {
        out.write_all(reference::explain_reason(reason).as_bytes())?;
        return Ok(Status::Fine);
    }
    if let Some(rule) = reference::rule(code) {
        out.write_all(reference::explain_rule(rule).as_bytes())?;
        return Ok(Status::Fine);
    }
    let rules: Vec<_> = reference::rules_of(code).collect();
    match rules[..] {
        [] => {}
        [rule] => {
            out.write_all(reference::explain_rule(rule).as_bytes())?;
            return Ok(Status::Fine);
        }
        [..] => return list_rules(&rules, out),
    }
    let family = code.trim_end_matches('*').trim_end_matches('.');
    let family = format!("{}.", family.to_lowercase());
    let members = || {
        Reason::ALL
            .iter()
            .copied()
            .filter(|r| r.code().starts_with(&family))
    };
    if members().next().is_none() {
        return Err(unknown(code).into());
    }
    list(members(), out)
}

fn list(reasons: impl Iterator<Item = Reason>, out: &mut impl Write) -> Result<Status, Failure> {
    for reason in reasons {
        writeln!(out, "{:<44} {}", reason.code(), reason.summary())?;
    }
    Ok(Status::Fine)
}

fn list_rules(rules: &[&ShippedRule], out: &mut impl Write) -> Result<Status, Failure> {
    for ShippedRule { rule, .. } in rules {
        writeln!(out, "{:<44} {}", rule.id, rule.description)?;
    }
    Ok(Status::Fine)
}

fn unknown(code: &str) -> String {
    let code = &code.to_lowercase();
    // Another hole with almost the same number is another hole.
    if let Some(number) = code.strip_prefix("cve-") {
        let remark = shipped::PACKS.iter().find_map(|pack| remark_on(code, pack));
        return remark.unwrap_or_else(|| {
            format!("no shipped rule is about CVE-{number}; rules/REFERENCE.md lists those that are about one")
        });
    }
    let rules = shipped::rules();
    let codes = Reason::ALL.iter().map(|reason| reason.code());
    // `mqtt.spoofed` of `mqtt.spoofed.server-packet`: listed like a code, so suggested like one.
    let families = codes.clone().flat_map(|code| {
        let dots = code.match_indices('.').map(|(at, _)| at);
        dots.map(|at| &code[..at])
    });
    let ids = rules.iter().map(|shipped| &*shipped.rule.id);
    let near = |names: &mut dyn Iterator<Item = &str>| {
        names
            .map(|name| (strsim::damerau_levenshtein(code, name), name.to_owned()))
            .min()
            .filter(|(distance, _)| *distance <= MAX_DISTANCE.min(code.len() / 3))
    };
    // What has dots is meant for a code rather than for a rule.
    let named = near(&mut codes.chain(families));
    let ruled = near(&mut ids.into_iter());
    let nearest = match code.contains('.') {
        true => named.or(ruled),
        false => ruled.into_iter().chain(named).min(),
    };
    match nearest {
        Some((_, near)) => {
            format!("no reason code or shipped rule {code:?}; did you mean {near}?")
        }
        None => format!(
            "no reason code or shipped rule {code:?}; `weir explain` lists the codes, rules/REFERENCE.md the rules"
        ),
    }
}

/// What a pack says of a hole that none of its rules closes: an item of a list in its comments.
fn remark_on(cve: &str, pack: &shipped::Pack) -> Option<String> {
    let comments = pack.text.lines().map_while(|line| line.strip_prefix('#'));
    let comments: Vec<&str> = comments.map(str::trim).collect();
    let text = comments.join(" ");
    let mut items = text.split("- ").skip(1);
    let names = |item: &&str| {
        let mut words = item.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        words.any(|word| word.eq_ignore_ascii_case(cve))
    };
    let item = items.find(names)?.trim().trim_end_matches([';', '.']);
    Some(format!(
        "{} can't be closed from outside; {} says: {item}",
        cve.to_uppercase(),
        pack.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(code: Option<&str>) -> Result<String, String> {
        let mut out = Vec::new();
        run(code, &mut out).map_err(|failure| failure.to_string())?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn every_code_can_be_explained() {
        for reason in Reason::ALL {
            let text = explained(Some(reason.code())).expect("a known code");
            assert!(text.starts_with(reason.code()), "{text}");
        }
    }

    #[test]
    fn a_shipped_rule_is_explained() {
        let text = explained(Some("cve-2018-12543")).expect("a shipped rule");
        assert!(text.contains("virtual-patches.toml"), "{text}");
        let error = explained(Some("cve-2018-12544")).expect_err("no such rule");
        assert_eq!(
            error,
            "no shipped rule is about CVE-2018-12544; rules/REFERENCE.md lists those that are about one"
        );
        let open = explained(Some("CVE-2021-34434")).expect_err("no rule can");
        assert!(
            open.contains("can't be closed from outside") && open.contains("keeps to itself"),
            "{open}"
        );
    }

    #[test]
    fn a_shipped_rule_is_found_by_all_it_is_called() {
        let rule = explained(Some("cve-2018-12543")).expect("a shipped rule");
        for name in ["CVE-2018-12543", "7400720"] {
            let found = explained(Some(name)).expect("the same");
            assert!(found.contains("cve-2018-12543"), "{name}: {found}");
        }
        assert_eq!(explained(Some("7400720")), Ok(rule));
        for (cve, id) in [
            ("CVE-2021-34431", "cve-2017-7654"),
            ("CVE-2024-8376", "cve-2024-8376"),
        ] {
            let text = explained(Some(cve)).expect("one rule that shields it");
            assert_eq!(Ok(text), explained(Some(id)), "{cve}");
        }
        let pack = explained(Some("baseline")).expect("the rules of a pack");
        assert!(pack.contains("spoofed-control-packets"), "{pack}");
        assert_eq!(explained(Some("baseline.toml")), Ok(pack));
    }

    #[test]
    fn a_rule_that_counts_by_networks_says_so() {
        let of_one = "all IPv6 addresses of one /64";
        for (id, told, is_banned) in [
            ("credential-guessing", false, false),
            ("credential-guessing-network-begun", true, false),
            ("credential-guessing-network", true, true),
        ] {
            let text = explained(Some(id)).expect("a shipped rule");
            assert_eq!(text.contains(of_one), told, "{text}");
            assert_eq!(text.contains("shuts out"), is_banned, "{text}");
        }
    }

    #[test]
    fn a_family_is_listed() {
        let text = explained(Some("mqtt.spoofed.*")).expect("a family");
        assert!(text.contains("mqtt.spoofed.server-packet"), "{text}");
        assert!(!text.contains("coap."), "{text}");
        assert_eq!(explained(Some("MQTT.Spoofed")), Ok(text));
        let all = explained(None).expect("the list");
        assert_eq!(all.lines().count(), Reason::COUNT);
    }

    #[test]
    fn a_slip_of_the_pen_gets_a_suggestion() {
        let error = explained(Some("mqtt.spoofed.server-paket")).expect_err("misspelt");
        assert!(
            error.contains("did you mean mqtt.spoofed.server-packet?"),
            "{error}"
        );
        let error = explained(Some("mqtt.spofed")).expect_err("misspelt");
        assert!(error.contains("did you mean mqtt.spoofed?"), "{error}");
        for nothing in ["", "x"] {
            let error = explained(Some(nothing)).expect_err("nothing");
            assert!(error.contains("lists the codes"), "{error}");
        }
        assert!(
            explained(Some("nothing-like-it"))
                .expect_err("unknown")
                .contains("lists the codes")
        );
    }
}
