//! `weir explain`: what a reason code means.

use std::io::Write;

use policy::Reason;

use super::{Failure, Status};

/// Names further away than this are no suggestion.
const MAX_DISTANCE: usize = 6;

pub(super) fn run(code: Option<&str>, out: &mut impl Write) -> Result<Status, Failure> {
    let Some(code) = code else {
        return list(Reason::ALL.iter().copied(), out);
    };
    if let Some(reason) = Reason::from_code(code) {
        explain(reason, out)?;
        return Ok(Status::Fine);
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

fn explain(reason: Reason, out: &mut impl Write) -> std::io::Result<()> {
    let code = reason.code();
    let unruled = if reason.is_malformed() {
        "dropped: what can't be parsed is forwarded only if a rule names this code and accepts it"
    } else {
        "an event and a count; only a rule does something about it (rules/baseline.toml has one)"
    };
    writeln!(out, "{code}\n\n  {}\n", reason.summary())?;
    writeln!(out, "  stands on     {}", reason.source())?;
    writeln!(out, "  without rule  {unruled}")?;
    writeln!(
        out,
        "  metric        weir_reasons_total{{reason=\"{code}\"}}\n"
    )?;
    writeln!(
        out,
        "  To make an exception, put a rule before the one that acts on it:\n"
    )?;
    writeln!(out, "    [[rule]]")?;
    writeln!(
        out,
        "    id          = \"accept-{}\"",
        code.replace('.', "-")
    )?;
    writeln!(out, "    description = \"why this is all right here\"")?;
    writeln!(
        out,
        "    match       = {{ reason = \"{code}\", source = \"a-zone\" }}"
    )?;
    writeln!(out, "    action      = \"accept\"")
}

fn unknown(code: &str) -> String {
    let nearest = Reason::ALL
        .iter()
        .map(|reason| {
            (
                strsim::damerau_levenshtein(code, reason.code()),
                reason.code(),
            )
        })
        .min();
    match nearest {
        Some((distance, near)) if distance <= MAX_DISTANCE => {
            format!("no reason code {code:?}; did you mean {near}?")
        }
        _ => format!("no reason code {code:?}; `weir explain` lists them all"),
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
            assert!(text.contains(reason.summary()), "{text}");
        }
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
        assert!(
            explained(Some("nothing-like-it"))
                .expect_err("unknown")
                .contains("lists them")
        );
    }
}
