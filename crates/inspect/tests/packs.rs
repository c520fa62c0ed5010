//! The shipped packs' own cases, through a real inspector.

use std::sync::Arc;

use policy::{Config, Policy, SourceText};
use testkit::conversation;

const BASELINE: &str = include_str!("../../../rules/baseline.toml");

#[test]
fn every_case_of_the_baseline_goes_as_it_says() {
    let packs = [SourceText::new("baseline.toml", BASELINE)];
    let policy = Policy::compile(&Config::default().for_cases(), &packs);
    let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")));
    let failures: Vec<_> = policy
        .cases()
        .iter()
        .filter_map(|case| {
            let failure = conversation::check(&policy, case).err()?;
            Some(format!("{}: {}: {failure}", failure.place, case.name))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
