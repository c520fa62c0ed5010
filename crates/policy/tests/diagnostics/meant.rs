//! What means something else than it says, and words of other products.

use super::pack;
use super::rules::check_match;

#[test]
fn a_placeholder_where_none_is_known_is_an_error() {
    for conditions in [
        "topic_text = 'dev-{client_id}*'",
        "filter = { text = '!dev/{username}/*' }",
        "method = 'GET', option = { uri_query = 'ep={client_id}' }",
        "method = 'GET', option = { uri_host = '{source}' }",
        "packet = 'PUBLISH', payload = { json = { '/id' = ['a', '{client_id}'] } }",
        "packet = 'CONNECT', property = { auth_method = '{username}' }",
        "packet = 'CONNECT', property = { user_property = { site = '{source}' } }",
        "sni = '{client_id}.plant'",
    ] {
        check_match(conditions, "}` stands for nothing here", r"`\{`");
    }
    check_match(
        "packet = 'PUBLISH', payload = { contains = '{source}' }",
        "warning: `{source}` stands for itself in a payload",
        "hex:",
    );
    for conditions in [
        r"topic_text = 'dev-\{client_id}*'",
        "topic_text = '{*}'",
        "topic = 'dev/{client_id}/#'",
        "filter = { within = 'dev/{source}/#' }",
    ] {
        let text = format!("[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"drop\"\n");
        assert_eq!(pack(&text), "", "{conditions}");
    }
}

#[test]
fn a_switch_of_a_rule_is_in_the_configuration() {
    for word in ["enabled = false", "disabled = true", "active = true"] {
        let text = format!(
            "[[rule]]\nid = \"r\"\n{word}\nmatch = {{ packet = 'PUBLISH' }}\naction = \"drop\"\n"
        );
        let said = pack(&text);
        let key = word.split(' ').next().expect("a word");
        assert!(
            said.contains(&format!("3:1: error: a rule has no key `{key}`")),
            "{said}"
        );
        assert!(
            said.contains("`disabled` in [policy]") && said.contains("`dry_run`"),
            "{said}"
        );
        assert!(said.ends_with("\n1 error\n"), "{said}");
    }
}

#[test]
fn what_belongs_in_the_configuration_is_told_and_the_rules_are_read_all_the_same() {
    let text = "mode = \"monitor\"\n[policy]\npacks = []\n[[link]]\ninside = \"a\"\n\
        [[rule]]\nid = \"r\"\nmatch = { packte = 'PUBLISH' }\naction = \"drop\"\n";
    let said = pack(text);
    for needle in [
        "1:1: error: `mode` doesn't stand in a pack",
        "2:2: error: [policy] doesn't stand in a pack",
        "4:3: error: [[link]] doesn't stand in a pack",
        "names this file in `packs` of [policy]",
        "did you mean `packet`?",
        "\n4 errors\n",
    ] {
        assert!(said.contains(needle), "{needle}: {said}");
    }
}

#[test]
fn what_is_a_wildcard_elsewhere_is_told_of() {
    for (conditions, headline, help) in [
        (
            "packet = 'PUBLISH', topic = '!dev/s*/x'",
            "warning: a `*` in a topic filter stands for itself",
            "write `+`",
        ),
        (
            "filter = { overlaps = 'dev/s*/x' }",
            "warning: a `*` in a topic filter stands for itself",
            "are globs over the whole",
        ),
        (
            "packet = 'PUBLISH', topic = 'dev/${client_id}/x'",
            "warning: the `$` before a placeholder stands for itself",
            "the braces alone",
        ),
        (
            "packet = 'PUBLISH', topic = 'dev/%c/x'",
            "warning: a `%` in a topic filter stands for itself",
            "did you mean `{client_id}`?",
        ),
        (
            "filter = { within = '!dev/%u/#' }",
            "warning: a `%` in a topic filter stands for itself",
            "did you mean `{username}`?",
        ),
    ] {
        check_match(conditions, headline, help);
    }
}

#[test]
fn a_word_of_another_product_is_told_what_it_is_called_here() {
    for (key, meant) in [
        ("src", "`source`"),
        ("dst_ip", "`destination`"),
        ("user", "`username`"),
        ("pass", "`password`"),
        ("port", "`service`, `destination_port` or `source_port`"),
        ("dport", "`destination_port`"),
        ("uri_path", "`path`"),
        ("ip", "`client` or `source`"),
        ("device_id", "`client_id`"),
        ("resource", "`topic` or `path`"),
        ("clientid", "`client_id`"),
    ] {
        let conditions = format!("{key} = 'x'");
        check_match(&conditions, "has no key", &format!("did you mean {meant}?"));
    }
    for (action, meant) in [
        ("reject", "`refuse`"),
        ("block", "`drop` or `refuse`"),
        ("deny", "`drop` or `refuse`"),
        ("allow", "`accept`"),
        ("pass", "`accept`"),
        ("log", "`alert`"),
        ("rest", "`reset`"),
    ] {
        let said = pack(&format!(
            "[[rule]]\nid = \"r\"\nmatch = {{}}\naction = \"{action}\"\n"
        ));
        assert!(said.contains(&format!("did you mean {meant}?")), "{said}");
    }
    for (line, meant) in [
        ("name = 'x'", "`id`"),
        ("unless = { qos = 0 }", "`except`"),
        ("threshold = { count = 3 }", "`limit`"),
    ] {
        let said = pack(&format!(
            "[[rule]]\nid = \"r\"\nmatch = {{}}\naction = \"alert\"\n{line}\n"
        ));
        assert!(said.contains(&format!("did you mean {meant}?")), "{said}");
    }
}
