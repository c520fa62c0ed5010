//! The cases of packs, run; and the rules that none of them brought to a match.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::{Case, Config, Diagnostics, Place, Policy, SourceText};
use testkit::conversation;

use super::Compiled;

/// What came of all cases.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) rules: usize,
    pub(super) cases: usize,
    pub(super) failed: Vec<Failed>,
    /// Packs that can't be read as their cases need them: alone, where they name what another one defines.
    pub(super) broken: Diagnostics,
    /// Rules that matched in no case: name and place.
    pub(super) unmatched: Vec<(String, Place)>,
}

/// A case that didn't go as it says.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) name: String,
    pub(super) failure: conversation::Failure,
}

impl Tally {
    pub(super) fn is_fine(&self) -> bool {
        self.failed.is_empty() && !self.broken.has_errors()
    }
}

/// Runs every case: through all rules, or through those of its own pack if that is what it is about.
pub(super) fn run(compiled: Compiled) -> Tally {
    let Compiled {
        config,
        packs,
        policy,
        ..
    } = compiled;
    // The rules of the only pack are all rules.
    let is_alone = packs.len() == 1 && policy.cases().iter().all(|case| case.alone);
    let for_cases = match is_alone {
        true => config.for_cases_alone(),
        false => config.for_cases(),
    };
    let policy = match config.has_all_rules() {
        true => policy.under(&for_cases),
        false => match Policy::compile_for_cases(&for_cases, &packs) {
            Ok(policy) => policy,
            Err(broken) => {
                return Tally {
                    rules: policy.rules().len(),
                    cases: policy.cases().len(),
                    broken,
                    ..Tally::default()
                };
            }
        },
    };
    let policy = Arc::new(policy);
    let mut tally = Tally {
        rules: policy.rules().len(),
        cases: policy.cases().len(),
        ..Tally::default()
    };
    let mut matched = BTreeSet::new();
    let here = policy.cases().iter().filter(|case| is_alone || !case.alone);
    run_all(&policy, here, &mut tally, &mut matched);
    if !is_alone {
        let config = config.for_cases_alone();
        for pack in &packs {
            let mut own = policy.cases().iter();
            if own.any(|case| case.alone && case.place.file == pack.name) {
                run_alone(&config, pack, &mut tally, &mut matched);
            }
        }
    }
    let unmatched = policy
        .rules()
        .iter()
        .filter(|rule| !matched.contains(&rule.id));
    tally.unmatched = unmatched
        .map(|rule| (rule.id.clone(), rule.place.clone()))
        .collect();
    tally
}

fn run_alone(
    config: &Config,
    pack: &SourceText,
    tally: &mut Tally,
    matched: &mut BTreeSet<String>,
) {
    match Policy::compile_for_cases(config, std::slice::from_ref(pack)) {
        Ok(alone) => {
            let alone = Arc::new(alone);
            run_all(&alone, alone.cases().iter(), tally, matched);
        }
        Err(problems) => tally.broken.extend(problems),
    }
}

fn run_all<'c>(
    policy: &Arc<Policy>,
    cases: impl Iterator<Item = &'c Case>,
    tally: &mut Tally,
    matched: &mut BTreeSet<String>,
) {
    for case in cases {
        match conversation::check(policy, case) {
            Ok(told) => {
                let rules = told
                    .matched
                    .iter()
                    .map(|rule| &policy.rules()[rule.as_usize()]);
                matched.extend(rules.map(|rule| rule.id.clone()));
            }
            Err(failure) => tally.failed.push(Failed {
                name: case.name.clone(),
                failure,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rules and a case of each, about all packs or about this one; the first hides the second.
    fn pack(head: &str) -> SourceText {
        let rule = |id: &str, action: &str| {
            let rule = "match = { packet = \"CONNECT\", username = \"!*\" }\naction = ";
            format!("[[rule]]\nid = \"{id}\"\n{rule}\"{action}\"\n")
        };
        let case = |verdict: &str, rule: &str| {
            format!(
                "[[case]]\nname = \"by {rule}\"\nsay = [\"CONNECT\"]\nexpect = {{ verdict = \"{verdict}\", rule = \"{rule}\" }}\n"
            )
        };
        let (rules, cases) = (
            rule("one", "refuse") + &rule("two", "drop"),
            case("refuse", "one") + &case("drop", "two"),
        );
        SourceText::new("site.toml", &[head, &rules, &cases].concat())
    }

    fn tally(configuration: &str, packs: &[SourceText]) -> Tally {
        let (config, _) = Config::check(&SourceText::new("weir.toml", configuration));
        let (policy, warnings) = Policy::check(&config, packs);
        run(Compiled {
            config,
            packs: packs.to_vec(),
            policy: policy.unwrap_or_else(|| panic!("{warnings}")),
            warnings,
        })
    }

    #[test]
    fn cases_meet_all_rules_though_one_that_is_left_out_hides_another() {
        let names = |tally: &Tally| -> Vec<String> {
            let failed = tally.failed.iter();
            failed.map(|failed| failed.name.clone()).collect()
        };
        let other = "[[rule]]\nid = \"other\"\nmatch = { topic = \"x\" }\naction = \"alert\"\n";
        let other = SourceText::new("other.toml", other);
        for key in ["disabled", "dry_run"] {
            let configuration = format!("[policy]\n{key} = [\"one\"]\n");
            for head in ["", "[pack]\ncases = \"alone\"\n"] {
                let one = tally(&configuration, &[pack(head)]);
                let beside = tally(&configuration, &[pack(head), other.clone()]);
                for (tally, rules) in [(one, 2), (beside, 3)] {
                    assert!(tally.broken.is_empty(), "{key}, {head:?}: {}", tally.broken);
                    assert_eq!((tally.rules, tally.cases), (rules, 2), "{key}, {head:?}");
                    assert_eq!(names(&tally), ["by two"], "{key}, {head:?}");
                }
            }
        }
    }
}
