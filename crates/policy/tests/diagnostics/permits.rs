//! Rules that let more through than a later one stops, but only from some.

use weir_policy::{Config, Policy, SourceText};

use super::order::two;
use super::rule;

#[test]
fn a_permission_before_what_is_denied_within_it_is_told_of() {
    for (first, second) in [
        (
            "topic = 'plant/#', source = '10.1.0.0/16', direction = 'to_server' -> accept",
            "topic = 'plant/valve/#', direction = 'to_server' -> drop",
        ),
        (
            "packet = ['PUBLISH', 'CONNECT'], topic = 'plant/#', client = 'hall', destination = '10.0.0.5' -> accept",
            "topic = 'plant/valve/+' -> refuse",
        ),
        (
            "topic = ['plant/#', 'office/#'], client_id = 'plc-*' -> accept",
            "topic = 'plant/7/#' -> drop",
        ),
        (
            "filter = { within = 'plant/#' }, username = '*@plant' -> accept",
            "filter = { within = 'plant/valve/#' } -> refuse",
        ),
        (
            "path = '/a/**', source = 'hall' -> accept",
            "path = '/a/lock' -> drop",
        ),
        (
            "source = '10.0.0.0/8', topic_text = 'a*', qos = 0 -> accept",
            "source = '10.1.0.0/16', topic_text = 'a*' -> drop",
        ),
        // Both are about that client.
        (
            "topic = 'a/#', client_id = 'x', source = 'hall' -> accept",
            "topic = 'a/7/#', client_id = 'x' -> drop",
        ),
    ] {
        let said = two(first, second);
        assert!(
            said.contains(
                "site.toml:4:6: warning: `first` lets through a part of what `second` stops"
            ),
            "{first}\n{second}\n{said}"
        );
        assert!(
            said.contains("write overrides = [\"second\"] in `first`"),
            "{said}"
        );
        assert!(said.ends_with("\n1 warning\n"), "{said}");
        let meant = first.replace("-> accept", "-> accept\"\noverrides = [\"second\"] #");
        assert_eq!(two(&meant, second), "", "{first}\n{second}");
    }
}

#[test]
fn an_exception_proper_is_none() {
    for (first, second) in [
        // No wider, or about something else.
        (
            "topic = 'plant/valve/#', source = 'hall' -> accept",
            "topic = 'plant/#' -> drop",
        ),
        (
            "topic = 'plant/#', source = 'hall' -> accept",
            "topic = 'plant/#' -> drop",
        ),
        (
            "topic = 'plant/#', source = 'hall' -> accept",
            "topic = 'office/#' -> drop",
        ),
        (
            "topic = 'plant/#', source = 'hall', direction = 'to_server' -> accept",
            "topic = 'plant/valve/#', direction = 'to_client' -> drop",
        ),
        (
            "topic = 'plant/#', source = 'hall' -> accept",
            "topic = 'plant/valve/#', retain = true -> drop",
        ),
        (
            "topic = '#', source = 'hall' -> accept",
            "topic = '$SYS/#' -> drop",
        ),
        // For somebody.
        (
            "topic = 'plant/#', client_id = ['hmi-1', 'hmi-2'] -> accept",
            "topic = 'plant/valve/#' -> drop",
        ),
        (
            "topic = 'plant/#', source = '10.1.2.3' -> accept",
            "topic = 'plant/valve/#' -> drop",
        ),
        // What is passed by is said.
        (
            "topic = 'plant/#', source = 'hall' }\nexcept = { topic = 'plant/valve/#' -> accept",
            "topic = 'plant/valve/#' -> drop",
        ),
        (
            "topic = 'plant/#', source = 'hall' -> accept",
            "topic = 'plant/valve/#' }\nexcept = { source = 'hall' -> drop",
        ),
        // What doesn't decide.
        (
            "topic = 'plant/#', source = 'hall' -> alert",
            "topic = 'plant/valve/#' -> drop",
        ),
        (
            "topic = 'plant/#', source = 'hall' -> accept",
            "topic = 'plant/valve/#' -> alert",
        ),
        (
            "topic = 'plant/#', source = 'hall' -> drop",
            "topic = 'plant/valve/#' -> accept",
        ),
    ] {
        assert_eq!(two(first, second), "", "{first}\n{second}");
    }
}

/// An exception of a site from what a pack stops may be as wide as the site wants.
#[test]
fn a_permission_of_another_pack_is_none() {
    let site = rule(
        "site",
        "topic = 'plant/#', source = '10.1.0.0/16'",
        "accept",
    );
    let pack = rule("pack", "topic = 'plant/valve/#'", "drop");
    let files = [("site.toml", &site), ("pack.toml", &pack)];
    let files = files.map(|(name, text)| SourceText::new(name, text));
    assert_eq!(Policy::check(&Config::default(), &files).1.render(), "");
}

/// However many rules there are beside.
#[test]
fn a_permission_among_many_is_told_of() {
    let others: String = (0..600)
        .map(|n| rule(&format!("o-{n}"), &format!("topic = 'o/{n}/#'"), "drop"))
        .collect();
    let said = super::pack(
        &(rule("may", "topic = 'plant/#', source = '10.1.0.0/16'", "accept")
            + &others
            + &rule("deny", "topic = 'plant/valve/#'", "drop")),
    );
    assert!(
        said.contains("`may` lets through a part of what `deny` stops"),
        "{said}"
    );
    assert!(said.ends_with("\n1 warning\n"), "{said}");
}
