//! What rules ask of messages, through a real inspector: the cases of packs made for it.

mod held;
mod lasting;

use std::sync::Arc;

use policy::{Config, Policy, SourceText};
use testkit::conversation::{self, assert_cases};

#[test]
fn payloads_are_seen_in_one_segment_in_several_and_in_wills() {
    assert_cases(
        r#"
[[rule]]
id     = "shell"
match  = { payload = { contains = "telnetd" } }
action = "reset"

[[case]]
name   = "in one segment"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=t payload=;telnetd"]
expect = { verdict = "reset", rule = "shell" }

[[case]]
name   = "cut within the word, towards the client"
say    = ["CONNECT", "< CONNACK", "< hex 30 0c 0001 74 3b 74 65 6c", "< hex 6e 65 74 64 78"]
expect = { verdict = "reset", rule = "shell" }

[[case]]
name   = "cut before the payload"
say    = ["CONNECT", "< CONNACK", "hex 30 0a 0001 74", "hex 74 65 6c 6e 65 74 64"]
expect = { verdict = "reset", rule = "shell" }

[[case]]
name   = "what is harmless goes on after it was whole"
say    = ["CONNECT", "< CONNACK", "hex 30 0a 0001 74 74 65", "hex 6c 6e 65 74 65 c0 00"]
expect = { verdict = "accept" }

[[case]]
name   = "a large payload passes whole"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=t size=40000", "PUBLISH topic=t payload=telnet"]
expect = { verdict = "accept" }

[[case]]
name   = "in a will"
say    = ["CONNECT will_topic=t will_payload=telnetd"]
expect = { verdict = "reset", rule = "shell" }

[[case]]
name   = "in a CoAP message"
say    = ["PUT /t payload=telnetd"]
expect = { verdict = "reset", rule = "shell" }
"#,
    );
}

/// What is larger than is ever kept of a packet can only be told by its size, and is never held up.
#[test]
fn a_payload_larger_than_is_kept_is_known_by_its_size() {
    assert_cases(
        r#"
[[rule]]
id     = "numbers-only"
match  = { packet = "PUBLISH", topic = "small/#" }
except = { payload = { regex = '^[0-9]+$' } }
action = "drop"

[[rule]]
id     = "shell"
match  = { packet = "PUBLISH", payload = { contains = "xxxxxxxx" } }
action = "drop"

[[case]]
name   = "nothing is claimed of what isn't seen"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=large size=70000"]
expect = { verdict = "accept" }

[[case]]
name   = "an exception that can't be seen to hold doesn't"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=small/1 size=70000"]
expect = { verdict = "drop", rule = "numbers-only" }

[[case]]
name   = "a number"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=small/1 payload=215"]
expect = { verdict = "accept" }
"#,
    );
}

#[test]
fn messages_are_counted_by_topic_and_by_zone() {
    assert_cases(
        r#"
[zones]
cell-a = ["10.1.0.0/24"]
cell-b = ["10.2.0.0/24"]

[[rule]]
id     = "one-topic"
match  = { packet = "PUBLISH", direction = "to_server", retain = false }
limit  = { count = 5, window = "1m", per = "topic" }
action = "reset"

[[rule]]
id     = "one-cell"
match  = { packet = "PUBLISH", direction = "to_server", retain = true }
limit  = { count = 5, window = "1m", per = "zone" }
action = "reset"

[[case]]
name   = "a topic is one whoever publishes to it, by its name or an alias"
from   = ["10.1.0.1", "10.9.0.1"]
say    = [
    "CONNECT", "< CONNACK", { times = 3, say = ["PUBLISH topic=t"] },
    "@2 CONNECT version=5.0", "@2 < CONNACK topic_alias_maximum=1",
    "@2 PUBLISH topic=t alias=1", "@2 PUBLISH alias=1", "@2 PUBLISH alias=1",
]
expect = { verdict = "reset", rule = "one-topic", reason = "rule.limit.count" }

[[case]]
name   = "two topics are two"
say    = ["CONNECT", "< CONNACK", { times = 5, say = ["PUBLISH topic=t", "PUBLISH topic=u"] }]
expect = { verdict = "accept" }

[[case]]
name   = "a zone is one whoever of it speaks"
from   = ["10.1.0.1", "10.1.0.2"]
say    = [
    "CONNECT", "< CONNACK", { times = 3, say = ["PUBLISH topic=t retain"] },
    "@2 CONNECT", "@2 < CONNACK", { times = 3, say = ["@2 PUBLISH topic=u retain"] },
]
expect = { verdict = "reset", rule = "one-cell" }

[[case]]
name   = "two zones are two, and outside of them nobody counts"
from   = ["10.1.0.1", "10.2.0.1", "10.9.0.1"]
say    = [
    "CONNECT", "< CONNACK", { times = 5, say = ["PUBLISH topic=t retain"] },
    "@2 CONNECT", "@2 < CONNACK", { times = 5, say = ["@2 PUBLISH topic=t retain"] },
    "@3 CONNECT", "@3 < CONNACK", { times = 9, say = ["@3 PUBLISH topic=t retain"] },
]
expect = { verdict = "accept" }
"#,
    );
}

#[test]
fn a_coap_message_sent_again_is_counted_once() {
    assert_cases(
        r#"
[[rule]]
id     = "writes"
match  = { method = "PUT" }
limit  = { count = 1, window = "10m", per = "client" }
action = "refuse"

[[rule]]
id     = "notifications"
match  = { direction = "to_client", code = "2.05" }
limit  = { rate = 0.001, burst = 1, per = "client" }
action = "drop"

[[case]]
name   = "as often as its sender repeats it"
say    = ["PUT /a mid=7 token=01", { times = 4, say = ["wait 10s", "PUT /a mid=7 token=01"] }]
expect = { verdict = "accept" }

[[case]]
name   = "more often than anybody repeats it"
say    = [{ times = 5, say = ["PUT /a mid=7 token=01"] }, "PUT /a mid=7 token=01"]
expect = { verdict = "refuse", rule = "writes", reason = "rule.limit.count" }

[[case]]
name   = "another one that says the same"
say    = ["PUT /a mid=7 token=01", "PUT /a mid=8 token=01"]
expect = { verdict = "refuse", rule = "writes" }

[[case]]
name   = "a notification whose acknowledgement was lost"
say    = ["GET /t observe=0 token=01 mid=1", "< 2.05 observe=1 token=01 type=CON mid=5", { times = 4, say = ["< 2.05 observe=1 token=01 type=CON mid=5"] }]
expect = { verdict = "accept" }

[[case]]
name   = "the next notification"
say    = ["GET /t observe=0 token=01 mid=1", "< 2.05 observe=1 token=01 type=CON mid=5", "< 2.05 observe=2 token=01 type=CON mid=6"]
expect = { verdict = "drop", rule = "notifications", reason = "rule.limit.rate" }
"#,
    );
}

#[test]
fn time_goes_by_the_clock_on_the_wall() {
    assert_cases(
        r#"
[[rule]]
id     = "at-night"
match  = { packet = "PUBLISH", time = { from = "22:00", until = "06:00", zone = "Europe/Berlin" } }
action = "drop"

[[rule]]
id     = "weekdays-only"
match  = { packet = "SUBSCRIBE" }
except = { time = [{ days = ["mon-fri"], zone = "UTC" }, { days = "sat", until = "12:00", zone = "UTC" }] }
action = "refuse"

[[case]]
name   = "before ten, in summer"
at     = "2026-07-03T21:59:59+02:00"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=t"]
expect = { verdict = "accept" }

[[case]]
name   = "a second later"
at     = "2026-07-03T21:59:59+02:00"
say    = ["CONNECT", "< CONNACK", "wait 1s", "PUBLISH topic=t"]
expect = { verdict = "drop", rule = "at-night" }

[[case]]
name   = "before six, in winter"
at     = "2026-12-04T04:59:59Z"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=t"]
expect = { verdict = "drop", rule = "at-night" }

[[case]]
name   = "in a will too"
at     = "2026-12-04T04:59:59Z"
say    = ["CONNECT will_topic=t"]
expect = { verdict = "drop", rule = "at-night" }

[[case]]
name   = "noon of a Thursday, as of every case that doesn't say"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=t", "SUBSCRIBE filter=t"]
expect = { verdict = "accept" }

[[case]]
name   = "on a Sunday"
at     = "2026-07-05T10:00:00Z"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=t"]
expect = { verdict = "refuse", rule = "weekdays-only" }

[[case]]
name   = "on a Saturday morning"
at     = "2026-07-04T10:00:00Z"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=t"]
expect = { verdict = "accept" }
"#,
    );
}

#[test]
fn every_filter_has_the_qos_given_for_it() {
    assert_cases(
        r#"
[[rule]]
id     = "b-exactly-once"
match  = { filter = { within = ["b", "c"] }, qos = 2 }
action = "refuse"

[[case]]
name   = "another filter's"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=a qos=2 filter=b qos=0 filter=c"]
expect = { verdict = "accept" }

[[case]]
name   = "its own"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=a filter=b qos=0 qos=2"]
expect = { verdict = "refuse", rule = "b-exactly-once" }

[[case]]
name   = "the last one's, of those that follow"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=a qos=1 filter=d qos=2 filter=c"]
expect = { verdict = "refuse", rule = "b-exactly-once" }

[[case]]
name   = "all alike"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=a filter=c qos=2"]
expect = { verdict = "refuse", rule = "b-exactly-once" }
"#,
    );
}

/// Who wasn't told the time blocks nobody for it.
#[test]
fn without_a_clock_no_time_holds() {
    let pack = r#"
        [[rule]]
        id = "r"
        match = { packet = "CONNECT", time = { days = "mon-sat", zone = "UTC" } }
        action = "drop"
    "#;
    let mut gateway = testkit::network::Gateway::of("", pack);
    let ends = testkit::network::Ends::v4(7, 1883);
    let mut stream = testkit::network::Stream::new(ends);
    stream.open(&mut gateway);
    let connect = testkit::mqtt::connect(wire::mqtt::Version::V311, "a");
    let passage = stream.data(&mut gateway, wire::Direction::ToServer, &connect);
    assert!(passage.outcome.forward);
}

#[test]
fn different_values_are_counted() {
    assert_cases(
        r#"
[[rule]]
id     = "two-names"
match  = { packet = "CONNECT" }
limit  = { distinct = 2, of = "client_id", window = "10m", per = "client" }
action = "refuse"

[[rule]]
id     = "two-topics"
match  = { packet = "PUBLISH", direction = "to_server" }
limit  = { distinct = 2, of = "topic", window = "1m", per = "client_id" }
action = "drop"

[[case]]
name   = "a third name from one address"
say    = ["CONNECT client_id=a", "reconnect", "CONNECT client_id=b", "reconnect", "CONNECT client_id=c"]
expect = { verdict = "refuse", rule = "two-names", reason = "rule.limit.distinct" }

[[case]]
name   = "two names, again and again"
say    = [{ times = 50, say = ["CONNECT client_id=a", "reconnect", "CONNECT client_id=b", "reconnect"] }, "CONNECT client_id=a"]
expect = { verdict = "accept" }

[[case]]
name   = "three names from two addresses"
from   = ["10.20.0.7", "10.20.0.8"]
say    = ["@1 CONNECT client_id=a", "@2 CONNECT client_id=b", "@1 reconnect", "@1 CONNECT client_id=c"]
expect = { verdict = "accept" }

[[case]]
name   = "a third name after a while"
say    = ["CONNECT client_id=a", "reconnect", "wait 11m", "CONNECT client_id=b", "reconnect", "CONNECT client_id=c"]
expect = { verdict = "accept" }

[[case]]
name   = "a third topic"
say    = ["CONNECT client_id=a", "< CONNACK", "PUBLISH topic=1", "PUBLISH topic=2", "PUBLISH topic=1", "PUBLISH topic=3"]
expect = { verdict = "drop", rule = "two-topics", reason = "rule.limit.distinct" }
"#,
    );
}

#[test]
fn who_sends_may_stand_in_topics_and_filters() {
    assert_cases(
        r#"
[[rule]]
id     = "own-address"
match  = { packet = "PUBLISH", direction = "to_server", topic = "!up/{source}/#" }
action = "drop"

[[rule]]
id     = "own-filters"
match  = { packet = "SUBSCRIBE", filter = { within = "!down/{source}/#" } }
action = "refuse"

[[case]]
name   = "its own"
from   = "10.20.0.7"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=down/10.20.0.7/+", "PUBLISH topic=up/10.20.0.7/t"]
expect = { verdict = "accept" }

[[case]]
name   = "another's"
from   = "10.20.0.7"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=up/10.20.0.70/t"]
expect = { verdict = "drop", rule = "own-address" }

[[case]]
name   = "another's, over IPv6, in a will"
from   = "fd00:20::7"
to     = "fd00::1"
say    = ["CONNECT will_topic=up/fd00:20::8/t"]
expect = { verdict = "drop", rule = "own-address" }

[[case]]
name   = "everybody's"
from   = "fd00:20::7"
to     = "fd00::1"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=down/+/t"]
expect = { verdict = "refuse", rule = "own-filters" }
"#,
    );
}

#[test]
fn a_case_names_the_rule_on_trial() {
    let pack = r#"
[[rule]]
id      = "names"
match   = { packet = "CONNECT", client_id = "x" }
action  = "refuse"
dry_run = true

[[rule]]
id     = "told"
match  = { packet = "CONNECT" }
action = "alert"

[[case]]
name   = "it would have said no"
say    = ["CONNECT client_id=x"]
expect = { verdict = "accept", would = "refuse", rule = "names" }
"#;
    assert_cases(pack);
    for (wrong, message) in [
        (("\"names\" }", "\"told\" }"), "expected rule told"),
        (
            ("would = \"refuse\"", "would = \"reset\""),
            "expected it would have been reset, but it was accepted (would have been refused)",
        ),
        (("would = \"refuse\", ", ""), "expected rule names"),
    ] {
        let pack = pack.replace(wrong.0, wrong.1);
        let source = SourceText::new("pack.toml", &pack);
        let policy = Policy::compile(&Config::default().for_cases(), &[source]);
        let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")));
        let failure = conversation::check(&policy, &policy.cases()[0]);
        let failure = failure.expect_err("the case is wrong").to_string();
        assert!(failure.contains(message), "{failure}");
    }
}
