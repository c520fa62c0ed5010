//! What rules ask of messages, through a real inspector: the cases of packs made for it.

use std::sync::Arc;

use policy::{Config, Policy, SourceText};
use testkit::conversation;

#[track_caller]
fn check(pack: &str) {
    let source = SourceText::new("pack.toml", pack);
    let policy = Policy::compile(&Config::default().for_cases(), &[source]);
    let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")));
    assert!(!policy.cases().is_empty());
    for case in policy.cases() {
        if let Err(failure) = conversation::check(&policy, case) {
            panic!("{}: {}: {failure}", failure.place, case.name);
        }
    }
}

#[test]
fn payloads_are_seen_in_one_segment_in_several_and_in_wills() {
    check(
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
    check(
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
    check(
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
