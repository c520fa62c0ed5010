//! What rules have to do with each other is told of among a thousand others, where it is looked up.

use weir_policy::{Config, Policy, SourceText};

fn rule(id: &str, conditions: &str, action: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nmatch = {{ {conditions} }}\naction = \"{action}\"\n")
}

/// What is said of two rules with a thousand of two kinds between them.
fn said(first: &str, last: &str) -> String {
    let between = (0..1000).map(|n| {
        let path = rule(
            &format!("p{n}"),
            &format!("path = \"/plant/**/{n}/halt\""),
            "drop",
        );
        path + &rule(
            &format!("c{n}"),
            &format!("client_id = \"hmi-*-{n}\""),
            "drop",
        )
    });
    let text = format!("{first}{}{last}", between.collect::<String>());
    let packs = [SourceText::new("p.toml", &text)];
    Policy::check(&Config::default(), &packs).1.render()
}

#[test]
fn what_hides_a_rule_is_found() {
    for (hiding, hidden, is_hidden) in [
        ("path = '/**/stop'", "path = '/a/b/stop'", true),
        ("path = '/**/stop'", "path = '/stop'", true),
        ("path = '/**/stop'", "path = '/a/**/b/stop'", true),
        ("path = '/a/**/stop'", "path = '/a/stop'", true),
        (
            "path = '/a/**/stop'",
            "path = ['/a/b/**/stop', '/a/stop']",
            true,
        ),
        ("path = '/a/**/stop'", "path = '/b/**/stop'", false),
        ("path = '/**/stop'", "path = '/**/stop/*'", false),
        ("client_id = 'plc-*'", "client_id = 'plc-*-007-??'", true),
        ("client_id = '*-007-??'", "client_id = '*-007-??'", true),
        ("client_id = '*-007-??'", "client_id = 'plc-007-12'", true),
        ("client_id = '*-007-??'", "client_id = 'plc-007-123'", false),
    ] {
        let said = said(
            &rule("first", hiding, "drop"),
            &rule("last", hidden, "drop"),
        );
        let told = said.contains("`last` can never be reached");
        assert_eq!(told, is_hidden, "{hiding}, {hidden}: {said}");
    }
}

#[test]
fn what_contradicts_a_rule_is_found() {
    for (one, other, contradict) in [
        ("path = '/a/**'", "path = '/**/b'", true),
        ("path = '/**/b'", "path = '/a/**'", true),
        ("path = '/*/b'", "path = '/a/**'", true),
        ("path = '/a/**/c/b'", "path = '/**/b'", false),
        ("path = '/a/**/c'", "path = '/**/b'", false),
    ] {
        let said = said(&rule("one", one, "accept"), &rule("other", other, "drop"));
        let told = said.contains("`one` lets through a part of what `other` stops");
        assert_eq!(told, contradict, "{one}, {other}: {said}");
    }
}
