//! What the order of the rules makes of them.

use super::pack;

/// Two rules, `first` and `second`, and one that stops nothing.
pub(super) fn two(first: &str, second: &str) -> String {
    let rule = |id: &str, rest: &str| {
        let (conditions, action) = rest.split_once(" -> ").expect("a match and an action");
        format!("[[rule]]\nid = \"{id}\"\nmatch = {{ {conditions} }}\naction = \"{action}\"\n")
    };
    let zones = "[zones]\nhall = [\"10.1.0.0/16\"]\n";
    let third = rule("third", "server = 'hall' -> alert");
    pack(&(zones.to_owned() + &rule("first", first) + &rule("second", second) + &third))
}

#[test]
fn a_rule_is_hidden_by_one_that_takes_it_in() {
    for (first, second) in [
        (
            "topic = 'a/#' -> drop",
            "topic = ['a/b', 'a/+/c'] -> accept",
        ),
        (
            "topic = 'a/#' -> drop",
            "topic = ['a/b', '!a/b/c'] -> accept",
        ),
        (
            "topic = ['#', '!$SYS/#'] -> drop",
            "topic = ['a', '!$SYS/#'] -> accept",
        ),
        (
            "source = '10.0.0.0/8' -> drop",
            "source = ['10.1.2.3', 'hall'] -> accept",
        ),
        (
            "source = 'hall' -> drop",
            "source = 'hall', size = { min = 9 } -> accept",
        ),
        (
            "client_id = 'plc-*' -> drop",
            "client_id = ['plc-1', 'plc-2'] -> accept",
        ),
        (
            "filter = { overlaps = 'a/#' } -> drop",
            "filter = { overlaps = 'a/+' } -> accept",
        ),
        (
            "filter = { within = 'a/#' } -> drop",
            "filter = { within = 'a/b/#' } -> accept",
        ),
        (
            "filter = { covers = 'a/b' } -> drop",
            "filter = { covers = 'a/#' } -> accept",
        ),
        (
            "path = '/a/**' -> drop",
            "path = '/a/**', method = 'GET' -> accept",
        ),
        (
            "payload = { contains = 'x' } -> drop",
            "payload = { contains = 'x' }, size = { min = 9 } -> accept",
        ),
        (
            "filter = { overlaps = 'a/#' } -> drop",
            "filter = { within = 'a/b' } -> accept",
        ),
        (
            "filter = { overlaps = 'a/b' } -> drop",
            "filter = { covers = 'a/+' } -> accept",
        ),
        ("path = '/a/**' -> drop", "path = '/a/b/*' -> accept"),
        ("path = '/a/**' -> drop", "path = '/a/**/b' -> accept"),
        (
            "path = '/a/*' -> drop",
            "path = ['/a/b', '/a/c*'] -> accept",
        ),
        ("path = '/**' -> drop", "path = '/a' -> accept"),
        ("client_id = 'a*' -> drop", "client_id = 'ab*c' -> accept"),
        (
            "payload = { contains = 'boot' } -> drop",
            "payload = { contains = 'reboot' } -> accept",
        ),
        (
            "payload = { contains = 'boot' } -> drop",
            "payload = { starts_with = 'reboot' } -> accept",
        ),
        (
            "payload = { starts_with = 're' } -> drop",
            "payload = { starts_with = ['reboot', 'reset'], utf8 = true } -> accept",
        ),
        (
            "payload = { size = { min = 9 } } -> drop",
            "payload = { size = { min = 10, max = 20 }, regex = 'a+' } -> accept",
        ),
        (
            "payload = { regex = 'a+' } -> drop",
            "payload = { regex = 'a+', contains = 'ab' } -> accept",
        ),
        (
            "payload = { json = { '/v' = true } } -> drop",
            "payload = { json = { '/v' = true, '/w' = 'x' } } -> accept",
        ),
        (
            "reason = 'mqtt.*' -> drop",
            "reason = 'mqtt.spoofed.*', source = 'hall' -> accept",
        ),
        (
            "time = { from = '06:00', until = '22:00', zone = 'UTC' } -> drop",
            "time = [{ days = 'mon', from = '08:00', until = '12:00', zone = 'UTC' }] -> accept",
        ),
        (
            "topic = 'a/#', qos = [0, 1, 2] -> drop",
            "topic = 'a/b' -> accept",
        ),
        (
            "filter = { within = 'a/#' }, qos = [0, 1, 2] -> drop",
            "filter = { within = 'a/b' } -> accept",
        ),
        ("topic = '!a' -> drop", "topic = ['b', 'c/#'] -> accept"),
        (
            "source = '!10.1.0.0/16' -> drop",
            "source = '10.2.0.0/16' -> accept",
        ),
        (
            "client_id = ['!a', '!b*'] -> drop",
            "client_id = ['!b*', '!a', '!c'] -> accept",
        ),
        ("path = '!/a/*' -> drop", "path = '/a' -> accept"),
        (
            "topic = '{client_id}/#' -> drop",
            "topic = '{client_id}/a' -> accept",
        ),
        (
            "topic = 'a/+/#' -> drop",
            "topic = 'a/x-{client_id}/{username}' -> accept",
        ),
        (
            "property = { session_expiry = { max = 100 } } -> drop",
            "property = { session_expiry = { max = 50 } } -> accept",
        ),
        (
            "payload = { json = { '/a' = { min = 1, max = 9 } } } -> drop",
            "payload = { json = { '/a' = { min = 2, max = 9 } } } -> accept",
        ),
    ] {
        let said = two(first, second);
        assert!(
            said.contains("the rule `second` can never be reached"),
            "{first}\n{second}\n{said}"
        );
        assert!(
            said.contains("`first` decides before it: site.toml:4:6"),
            "{said}"
        );
    }
}

#[test]
fn a_limit_leaves_nothing_to_one_that_is_exceeded_later() {
    let said = |first: &str, second: &str| {
        let rule = |limit: &str| format!("packet = 'PUBLISH' -> drop\"\nlimit = {{ {limit} }}\n#");
        two(&rule(first), &rule(second))
    };
    for (first, second) in [
        (
            "count = 5, window = '1m', per = 'client'",
            "count = 10, window = '1m', per = 'client'",
        ),
        (
            "count = 5, window = '1h', per = 'client'",
            "count = 5, window = '1m', per = 'client'",
        ),
        (
            "rate = 5, burst = 10, per = 'topic'",
            "rate = 5, burst = 20, per = 'topic'",
        ),
        (
            "max = 5, of = 'in_flight', per = 'client_id'",
            "max = 6, of = 'in_flight', per = 'client_id'",
        ),
        (
            "distinct = 5, of = 'topic', window = '1m', per = 'client'",
            "distinct = 9, of = 'topic', window = '1m', per = 'client'",
        ),
        (
            "count = 5, window = '1m', per = 'client', ipv6_prefix = 64",
            "count = 5, window = '1m', per = 'client'",
        ),
    ] {
        let hidden = said(first, second);
        assert!(
            hidden.contains("the rule `second` can never be reached"),
            "{first}\n{second}\n{hidden}"
        );
        if first != second.replace("window = '1m'", "window = '1h'") {
            assert_eq!(said(second, first), "", "{second}\n{first}");
        }
    }
    for (first, second) in [
        (
            "count = 5, window = '1m', per = 'client'",
            "count = 10, window = '1h', per = 'client'",
        ),
        (
            "count = 5, window = '1m', per = 'client'",
            "count = 10, window = '1m', per = 'flow'",
        ),
        (
            "count = 5, window = '1m', per = 'client'",
            "rate = 9, burst = 9, per = 'client'",
        ),
        (
            "rate = 5, burst = 20, per = 'client'",
            "rate = 9, burst = 9, per = 'client'",
        ),
        (
            "distinct = 5, of = 'topic', window = '1m', per = 'client'",
            "distinct = 9, of = 'client_id', window = '1m', per = 'client'",
        ),
    ] {
        assert_eq!(said(first, second), "", "{first}\n{second}");
    }
}

#[test]
fn a_rule_that_has_something_of_its_own_is_not_hidden() {
    for (first, second) in [
        (
            "time = { from = '06:00', until = '22:00', zone = 'UTC' } -> drop",
            "time = { from = '06:00', until = '12:00', zone = 'Europe/Berlin' } -> accept",
        ),
        (
            "packet = ['CONNECT', 'PUBLISH'], qos = [0, 1, 2] -> drop",
            "packet = 'CONNECT', will = false -> accept",
        ),
        ("topic = '!a/b' -> drop", "topic = 'a/+' -> accept"),
        (
            "topic = '!{client_id}/a' -> drop",
            "topic = '+/a' -> accept",
        ),
        (
            "source = '!10.1.0.0/16' -> drop",
            "source = '10.0.0.0/8' -> accept",
        ),
        ("source = '!hall' -> drop", "source = 'inside' -> accept"),
        ("client_id = '!a*' -> drop", "client_id = '*b' -> accept"),
        ("topic = 'a/+' -> drop", "topic = 'a/#' -> accept"),
        ("topic = ['a/#', '!a/b'] -> drop", "topic = 'a/+' -> accept"),
        ("topic = '#' -> drop", "topic = '$SYS/a' -> accept"),
        (
            "source = ['10.0.0.0/8', '!hall'] -> drop",
            "source = '10.0.0.0/9' -> accept",
        ),
        ("source = 'hall' -> drop", "destination = 'hall' -> accept"),
        (
            "client_id = 'plc-?' -> drop",
            "client_id = 'plc-10' -> accept",
        ),
        ("client_id = 'a' -> drop", "username = 'a' -> accept"),
        ("client_id = 'ab*' -> drop", "client_id = 'a*' -> accept"),
        (
            "filter = { overlaps = 'a/b' } -> drop",
            "filter = { within = 'a/#' } -> accept",
        ),
        ("client_id = 'a*c' -> drop", "client_id = 'ab*' -> accept"),
        ("path = '/a/*' -> drop", "path = '/a/**' -> accept"),
        ("path = '/a/b/**' -> drop", "path = '/a/**' -> accept"),
        (
            "payload = { contains = 'reboot' } -> drop",
            "payload = { contains = 'boot' } -> accept",
        ),
        (
            "payload = { contains = '!ab' } -> drop",
            "payload = { starts_with = '!a' } -> accept",
        ),
        (
            "payload = { starts_with = 'a' } -> drop",
            "payload = { contains = 'a' } -> accept",
        ),
        (
            "payload = { size = { min = 9 }, utf8 = true } -> drop",
            "payload = { size = { min = 10 } } -> accept",
        ),
        (
            "filter = { covers = 'a/#' } -> drop",
            "filter = { covers = 'a/b' } -> accept",
        ),
        (
            "filter = { overlaps = 'a/b' } -> drop",
            "filter = { overlaps = 'a/#' } -> accept",
        ),
    ] {
        assert!(!two(first, second).contains("error"), "{first}\n{second}");
    }
}

#[test]
fn rules_that_cross_are_told_of() {
    for (first, second) in [
        ("topic = 'a/+/state' -> accept", "topic = 'a/7/#' -> drop"),
        (
            "topic = 'a/#', client_id = 'x' -> accept",
            "topic = 'a/b', client_id = '*' -> reset",
        ),
        (
            "source = '10.0.0.0/8', topic = 'a/b' -> accept",
            "source = '10.1.0.0/16', topic = 'a/#' -> drop",
        ),
        (
            "source = '10.1.0.0/16', topic = 'a/#' -> accept",
            "source = '10.0.0.0/8', topic = 'a/b' -> drop",
        ),
        ("topic = 'a/7/#' -> drop", "topic = 'a/+/state' -> accept"),
        (
            "topic = 'a/+/state', qos = 1 -> accept",
            "topic = 'a/7/#' -> drop",
        ),
        (
            "topic = 'a/+/state' -> accept",
            "topic = 'a/7/#', retain = true, qos = 0 -> drop",
        ),
        ("topic = '!a' -> accept", "topic = '!b' -> drop"),
        (
            "topic = ['a/+/state', '!a/8/#'] -> accept",
            "topic = 'a/7/#' -> drop",
        ),
        (
            "client_id = 'plc*c' -> accept",
            "client_id = 'plc-*' -> drop",
        ),
        ("path = '/a/*' -> accept", "path = '/*/b' -> drop"),
        (
            "method = 'PUT', path = '/a/**' -> accept",
            "path = '/*/lock' -> drop",
        ),
        (
            "topic = '{client_id}/#' -> accept",
            "topic = '+/state' -> drop",
        ),
        (
            "topic = 'a/{username}/+' -> drop",
            "topic = 'a/+/{client_id}' -> accept",
        ),
        (
            "filter = { within = 'a/#' } -> accept",
            "filter = { overlaps = 'a/b/#' } -> drop",
        ),
        (
            "filter = { within = 'a/{client_id}/#' } -> accept",
            "filter = { overlaps = 'a/+/b' } -> drop",
        ),
        (
            "filter = { overlaps = 'a/+/c' } -> drop",
            "filter = { within = ['a/b/+', '!a/b/d'] } -> accept",
        ),
        ("qos = [0, 1] -> accept", "qos = [1, 2] -> drop"),
        (
            "size = { max = 100 } -> accept",
            "size = { min = 50 } -> drop",
        ),
        (
            "topic = 'a/#', size = { max = 100 } -> accept",
            "topic = 'a/b/#', size = { min = 50 } -> drop",
        ),
        (
            "version = ['3.1', '3.1.1'] -> accept",
            "version = ['3.1.1', '5.0'] -> drop",
        ),
        (
            "code = ['2.05', '4.04'] -> accept",
            "code = ['4.04', '5.00'] -> drop",
        ),
        (
            "type = ['CON', 'NON'] -> accept",
            "type = ['NON', 'ACK'] -> drop",
        ),
        (
            "payload = { size = { max = 100 } } -> accept",
            "payload = { size = { min = 50 } } -> drop",
        ),
        (
            "payload = { json = { '/a' = { max = 5 } } } -> accept",
            "payload = { json = { '/a' = { min = 5 } } } -> drop",
        ),
        (
            "property = { session_expiry = { max = 100 } } -> accept",
            "property = { session_expiry = { min = 50 } } -> drop",
        ),
        (
            "property = { content_type = 'a*' } -> accept",
            "property = { content_type = '*b' } -> drop",
        ),
        (
            "option = { size1 = { max = 100 } } -> accept",
            "option = { size1 = { min = 50 } } -> drop",
        ),
        (
            "topic_text = 'plc*c' -> drop",
            "topic_text = 'plc-*' -> accept",
        ),
        (
            "time = { days = 'mon-fri', zone = 'UTC' }, topic = 'a/+/c' -> accept",
            "topic = 'a/b/+' -> drop",
        ),
    ] {
        let said = two(first, second);
        let does = match first.ends_with("accept") {
            true => "lets through a part of what `second` stops",
            false => "stops a part of what `second` lets through",
        };
        assert!(
            said.contains(&format!("site.toml:4:6: warning: `first` {does}")),
            "{first}\n{second}\n{said}"
        );
        assert!(
            said.contains("`second` comes later: site.toml:8:6"),
            "{said}"
        );
    }
}

#[test]
fn exceptions_and_other_matters_are_no_crossing() {
    for (first, second) in [
        ("topic = 'a/7/#' -> accept", "topic = 'a/#' -> drop"),
        ("topic = 'a/+/state' -> accept", "topic = 'b/7/#' -> drop"),
        ("topic = 'a/+/state' -> drop", "topic = 'a/7/#' -> reset"),
        ("topic = 'a/+/state' -> alert", "topic = 'a/7/#' -> drop"),
        ("client_id = 'x' -> accept", "topic = 'a/#' -> drop"),
        (
            "topic = 'a/#', client_id = 'x' -> accept",
            "topic = 'a/7/#' -> drop",
        ),
        (
            "topic = ['a/+/state', '!a/7/#'] -> accept",
            "topic = 'a/7/#' -> drop",
        ),
        (
            "topic = ['a/+/state', '!+/7/state'] -> accept",
            "topic = 'a/7/#' -> drop",
        ),
        ("topic = '!a/b' -> accept", "topic = 'a/#' -> drop"),
        (
            "source = '!inside' -> accept",
            "source = '!outside' -> drop",
        ),
        ("client_id = 'a*' -> accept", "client_id = 'b*' -> drop"),
        ("path = '/a/**' -> accept", "path = '/b/*' -> drop"),
        ("path = '/a/**/x' -> accept", "path = '/a/**/y' -> drop"),
        (
            "topic = 'a/{client_id}/cmd' -> accept",
            "topic = 'a/+/cmd' -> drop",
        ),
        (
            "topic = 'a/{client_id}/#' -> accept",
            "topic = 'a/hmi/#' -> drop",
        ),
        (
            "topic = '{client_id}/#' -> accept",
            "topic = '$SYS/#' -> drop",
        ),
        (
            "filter = { within = 'a/#' } -> accept",
            "filter = { overlaps = 'a/#' } -> drop",
        ),
        (
            "filter = { within = 'a/#' } -> accept",
            "filter = { overlaps = 'b/#' } -> drop",
        ),
        (
            "filter = { within = ['a/#', '!a/b/#'] } -> accept",
            "filter = { within = 'a/b/#' } -> drop",
        ),
        (
            "filter = { within = 'a/#' }, qos = 0 -> accept",
            "filter = { overlaps = 'a/b' }, qos = [1, 2] -> drop",
        ),
        ("qos = 0 -> accept", "qos = [1, 2] -> drop"),
        ("qos = 0 -> accept", "qos = [0, 1] -> drop"),
        (
            "size = { max = 100 } -> accept",
            "size = { min = 101 } -> drop",
        ),
        (
            "size = { max = 50 } -> accept",
            "size = { max = 100 } -> drop",
        ),
        (
            "payload = { json = { '/a' = { max = 5 } } } -> accept",
            "payload = { json = { '/a' = { max = 50 } } } -> drop",
        ),
        (
            "payload = { json = { '/a' = { max = 5 } } } -> accept",
            "payload = { json = { '/b' = { min = 5 } } } -> drop",
        ),
        (
            "property = { session_expiry = { max = 50 } } -> accept",
            "property = { session_expiry = { max = 100 } } -> drop",
        ),
        (
            "topic = '{username}/#' -> drop",
            "topic = '{client_id}/a' -> accept",
        ),
        (
            "property = { session_expiry = { max = 50 } } -> accept",
            "property = { receive_maximum = { min = 10 } } -> drop",
        ),
        (
            "topic = 'a/+/state', direction = 'to_server' -> accept",
            "topic = 'a/7/#', direction = 'to_client' -> drop",
        ),
    ] {
        assert_eq!(two(first, second), "", "{first}\n{second}");
    }
}

#[test]
fn what_is_meant_is_said_by_overrides() {
    let meant = "accept\"\noverrides = [\"second\"]#";
    assert_eq!(
        two(
            &format!("topic = 'a/+/state' -> {meant}"),
            "topic = 'a/7/#' -> drop"
        ),
        ""
    );
    let unknown = "accept\"\noverrides = [\"secnd\"]#";
    let said = two(
        &format!("topic = 'a/+/state' -> {unknown}"),
        "topic = 'a/7/#' -> drop",
    );
    assert!(
        said.contains("there is no rule `secnd`") && said.contains("did you mean `second`?"),
        "{said}"
    );
}

/// However many others have sizes in common with it, and come later or have something of their own.
#[test]
fn a_size_is_hidden_among_many_that_overlap() {
    let rule = |id: usize, conditions: &str| {
        let conditions = format!("packet = 'PUBLISH', {conditions}");
        format!("[[rule]]\nid = \"r{id}\"\nmatch = {{ {conditions} }}\naction = \"drop\"\n")
    };
    let wider = |n: usize| format!("size = {{ min = {} }}", 5000 - n);
    let later: String = (500..1000).map(|n| rule(n, &wider(n))).collect();
    let between = |n: usize| format!("size = {{ min = {}, max = {} }}", 6000 + n, 9000 + n);
    let overlapping: String = (2..500).map(|n| rule(n, &between(n))).collect();
    let wide = rule(0, "size = { min = 5000, max = 8000 }");
    let hidden = rule(1, "size = { min = 6500, max = 7000 }");
    let said = pack(&(wide + &overlapping + &hidden + &later));
    assert!(said.contains("`r1` can never be reached"), "{said}");
    assert!(said.contains("`r0` decides before it"), "{said}");
    assert!(said.ends_with("\n1 error\n"), "{said}");
}

/// What is missing of a rule with a mistake may be just what tells it from others.
#[test]
fn a_rule_with_a_mistake_hides_no_other() {
    for mistake in [
        "packet = 'CONNECT', keep_alive = { min = 70000 }",
        "packet = 'CONNECT', vlan = 5000",
        "packet = 'PUBLISH', topic = 'a/#/b'",
        "packet = 'CONNECT', client_id = ",
    ] {
        let said = two(
            &format!("{mistake} -> drop"),
            "packet = ['CONNECT', 'PUBLISH'], size = { min = 99 } -> reset",
        );
        assert!(said.ends_with("\n1 error\n"), "{mistake}\n{said}");
    }
}
