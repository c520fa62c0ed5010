//! `weir explain`: what a reason code means, or a shipped rule.

use std::io::Write;

use policy::shipped::{self, ShippedRule};
use policy::{Reason, reference};

use super::{Failure, Status};

/// Names further away than this are no suggestion.
const MAX_DISTANCE: usize = 6;

pub(super) fn run(code: Option<&str>, out: &mut impl Write) -> Result<Status, Failure> {
    let Some(code) = code else {
        return list(Reason::ALL.iter().copied(), out);
    };
    if let Some(reason) = Reason::from_code(code) {
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
    let family = format!("{}.", code.trim_end_matches('*').trim_end_matches('.'));
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
            .filter(|(distance, _)| *distance <= MAX_DISTANCE)
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
        assert!(error.contains("did you mean cve-2018-1254"), "{error}");
    }

    #[test]
    fn a_shipped_rule_is_found_by_all_it_is_called() {
        let rule = explained(Some("cve-2018-12543")).expect("a shipped rule");
        for name in ["CVE-2018-12543", "7400720"] {
            let found = explained(Some(name)).expect("the same");
            assert!(found.contains("cve-2018-12543"), "{name}: {found}");
        }
        assert_eq!(explained(Some("7400720")), Ok(rule));
        let shared = explained(Some("CVE-2021-34431")).expect("rules that shield it");
        assert!(shared.contains("34431"), "{shared}");
        let pack = explained(Some("baseline")).expect("the rules of a pack");
        assert!(pack.contains("spoofed-control-packets"), "{pack}");
        assert_eq!(explained(Some("baseline.toml")), Ok(pack));
    }

    #[test]
    fn a_family_is_listed() {
        let text = explained(Some("mqtt.spoofed.*")).expect("a family");
        assert!(text.contains("mqtt.spoofed.server-packet"), "{text}");
        assert!(!text.contains("coap."), "{text}");
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
        assert!(
            explained(Some("nothing-like-it"))
                .expect_err("unknown")
                .contains("lists the codes")
        );
    }
}
