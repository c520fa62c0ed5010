//! The tables of clauses name reasons and tests that exist, and leave no reason out.

use weir_tests::clauses;

#[test]
fn coap() {
    let rows = clauses::read("coap-clauses.md");
    assert!(rows.len() > 50, "{} rows", rows.len());
    let problems = clauses::problems(&rows, &["coap."]);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_reason_left_out_or_made_up_is_seen() {
    let mut rows = clauses::read("coap-clauses.md");
    rows.retain(|row| !row.reasons.contains(&"coap.malformed.version".to_owned()));
    rows[0].tests = vec!["no_such_test".to_owned()];
    rows[1].reasons = vec!["coap.no-such-reason".to_owned()];
    rows[2].tests = Vec::new();
    let problems = clauses::problems(&rows, &["coap.malformed.version"]);
    assert_eq!(problems.len(), 4, "{}", problems.join("\n"));
}
