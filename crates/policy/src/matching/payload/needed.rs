//! The literal bytes that whatever a regular expression matches has to have in it.

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind};

/// More of them say less than they cost to look for.
const MAX_LITERALS: usize = 64;
/// Shorter ones are in most payloads.
const MIN_BYTES: usize = 2;

/// Literals of which every match has one; none if there are no such, or none worth looking for.
pub(super) fn needed(expression: &Hir) -> Option<Vec<Box<[u8]>>> {
    needed_by(expression).or_else(|| prefixes(expression))
}

fn needed_by(hir: &Hir) -> Option<Vec<Box<[u8]>>> {
    match hir.kind() {
        HirKind::Literal(literal) => worthwhile(vec![literal.0.clone()]),
        HirKind::Capture(capture) => needed_by(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed_by(&repetition.sub),
        HirKind::Concat(parts) => {
            let needed = parts.iter().filter_map(needed_by);
            needed.max_by_key(|literals| shortest(literals))
        }
        HirKind::Alternation(ways) => {
            let needed: Option<Vec<_>> = ways.iter().map(needed_by).collect();
            worthwhile(needed?.concat())
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// What every match begins with: spelled out where letters may be small or capital.
fn prefixes(hir: &Hir) -> Option<Vec<Box<[u8]>>> {
    let prefixes = Extractor::new().extract(hir);
    let literals = prefixes.literals()?.iter();
    worthwhile(literals.map(|literal| literal.as_bytes().into()).collect())
}

fn worthwhile(literals: Vec<Box<[u8]>>) -> Option<Vec<Box<[u8]>>> {
    let fits = (1..=MAX_LITERALS).contains(&literals.len()) && shortest(&literals) >= MIN_BYTES;
    fits.then_some(literals)
}

fn shortest(literals: &[Box<[u8]>]) -> usize {
    literals.iter().map(|l| l.len()).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::expression::parse;
    use super::*;

    #[test]
    fn what_every_match_has() {
        for (expression, literals) in [
            ("reboot", &["reboot"][..]),
            (r"^set-7=\d+$", &["set-7="]),
            (r"\d+(valve|pump)s?", &["valve", "pump"]),
            ("(?:on|off)+", &["on", "off"]),
            ("(?i)rm", &["RM", "Rm", "rM", "rm"]),
            ("a{2,}b(stop)?", &["aa"]),
            (r"\w+", &[]),
            ("(long)?", &[]),
            ("a|stop", &[]),
            ("", &[]),
        ] {
            let parsed = parse(expression).expect("a right expression");
            let needed = needed(&parsed).unwrap_or_default();
            let needed: Vec<&str> = needed
                .iter()
                .map(|l| std::str::from_utf8(l).expect("text"))
                .collect();
            assert_eq!(needed, literals, "{expression}");
        }
    }
}
