//! The cases of packs, run; and the rules that none of them brought to a match.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::{Case, Diagnostics, Place, Policy};
use testkit::conversation;

use crate::control::load::Loaded;

/// What came of all cases.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) rules: usize,
    pub(super) cases: usize,
    pub(super) failed: Vec<Failed>,
    /// Packs whose cases are about them alone, and that can't be read so.
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
pub(super) fn run(loaded: &Loaded) -> Tally {
    let policy = Policy::compile(&loaded.config.for_cases(), &loaded.packs);
    let policy = Arc::new(policy.expect("compiled in another mode before"));
    let mut tally = Tally {
        rules: policy.rules().len(),
        cases: policy.cases().len(),
        ..Tally::default()
    };
    let mut matched = BTreeSet::new();
    let together = policy.cases().iter().filter(|case| !case.alone);
    run_all(&policy, together, &mut tally, &mut matched);
    let config = loaded.config.for_cases_alone();
    for pack in &loaded.packs {
        let mut own = policy.cases().iter();
        if !own.any(|case| case.alone && case.place.file == pack.name) {
            continue;
        }
        match Policy::compile(&config, std::slice::from_ref(pack)) {
            Ok(alone) => {
                let alone = Arc::new(alone);
                run_all(&alone, alone.cases().iter(), &mut tally, &mut matched);
            }
            Err(problems) => tally.broken.extend(problems),
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
