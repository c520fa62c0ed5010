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

#[test]
fn sessions_held_at_once_are_counted() {
    check(
        r#"
[zones]
floor = ["10.20.0.0/16"]

[[rule]]
id     = "two-each"
match  = { packet = "CONNECT", source = "floor" }
limit  = { max = 2, of = "sessions", per = "client" }
action = "refuse"

[[rule]]
id     = "three-for-a-user"
match  = { packet = "CONNECT", username = "shared" }
limit  = { max = 3, of = "sessions", per = "username" }
action = "refuse"

[[case]]
name   = "a third session of one address"
from   = "10.20.0.7"
say    = ["@1 CONNECT client_id=a", "@2 CONNECT client_id=b", "@3 CONNECT client_id=c"]
expect = { verdict = "refuse", rule = "two-each", reason = "rule.limit.max" }

[[case]]
name   = "each address by itself"
from   = ["10.20.0.7", "10.20.0.8"]
say    = ["@1 CONNECT client_id=a", "@1 < CONNACK", "@2 CONNECT client_id=b", "@2 < CONNACK", "@3 CONNECT client_id=c"]
expect = { verdict = "accept" }

[[case]]
name   = "who leaves makes room"
from   = "10.20.0.7"
say    = ["@1 CONNECT client_id=a", "@2 CONNECT client_id=b", "@2 reconnect", "@3 CONNECT client_id=c"]
expect = { verdict = "accept" }

[[case]]
name   = "whom the server refuses holds nothing"
from   = "10.20.0.7"
say    = ["@1 CONNECT client_id=a", "@2 CONNECT client_id=b", "@2 < CONNACK code=5", "@3 CONNECT client_id=c"]
expect = { verdict = "accept" }

[[case]]
name   = "who comes back under its name takes its own place"
from   = "10.20.0.7"
say    = [
  "@1 CONNECT client_id=a", "@1 < CONNACK", "@2 CONNECT client_id=b", "@2 < CONNACK",
  "@3 CONNECT client_id=b", "@3 < CONNACK", "@4 CONNECT client_id=a",
]
expect = { verdict = "accept" }

[[case]]
name   = "and no other's"
from   = "10.20.0.7"
say    = [
  "@1 CONNECT client_id=a", "@1 < CONNACK", "@2 CONNECT client_id=b", "@2 < CONNACK",
  "@3 CONNECT client_id=b", "@3 < CONNACK", "@4 CONNECT client_id=c",
]
expect = { verdict = "refuse", rule = "two-each" }

[[case]]
name   = "a user from anywhere"
from   = ["10.30.0.1", "10.30.0.2", "10.30.0.3", "10.30.0.4"]
say    = [
  "@1 CONNECT client_id=a username=shared", "@2 CONNECT client_id=b username=shared",
  "@3 CONNECT client_id=c username=shared", "@4 CONNECT client_id=d username=shared",
]
expect = { verdict = "refuse", rule = "three-for-a-user" }
"#,
    );
}

#[test]
fn connections_of_coap_over_tcp_are_sessions_too() {
    check(
        r#"
[[rule]]
id     = "two-each"
match  = { code = "7.01" }
limit  = { max = 2, of = "sessions", per = "client" }
action = "reset"

[[case]]
name    = "a third connection of one address"
service = "coap-tcp"
from    = "10.20.0.7"
say     = ["@1 7.01", "@1 < 7.01", "@2 7.01", "@3 7.01"]
expect  = { verdict = "reset", rule = "two-each", reason = "rule.limit.max" }

[[case]]
name    = "each address by itself"
service = "coap-tcp"
from    = ["10.20.0.7", "10.20.0.8"]
say     = ["@1 7.01", "@1 < 7.01", "@2 7.01", "@2 < 7.01", "@3 7.01"]
expect  = { verdict = "accept" }

[[case]]
name    = "who leaves makes room"
service = "coap-tcp"
from    = "10.20.0.7"
say     = ["@1 7.01", "@2 7.01", "@2 reconnect", "@3 7.01"]
expect  = { verdict = "accept" }

[[case]]
name    = "a connection whose client says more of itself is the same one"
service = "coap-tcp"
from    = "10.20.0.7"
say     = ["@1 7.01", "@2 7.01", "@2 7.01 max_message_size=4096", "@1 GET /t", "@1 < 2.05", "@1 7.01"]
expect  = { verdict = "accept" }
"#,
    );
}

#[test]
fn subscriptions_and_messages_in_flight_are_counted() {
    check(
        r#"
[[rule]]
id     = "two-filters"
match  = { packet = "SUBSCRIBE" }
limit  = { max = 2, of = "subscriptions", per = "client_id" }
action = "refuse"

[[rule]]
id     = "two-in-flight"
match  = { packet = "PUBLISH", direction = "to_server" }
limit  = { max = 2, of = "in_flight", per = "source" }
action = "drop"

[[case]]
name   = "three filters in one packet"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=c"]
expect = { verdict = "refuse", rule = "two-filters", reason = "rule.limit.max" }

[[case]]
name   = "one filter too many"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=a filter=b", "< SUBACK code=0 code=0", "SUBSCRIBE filter=c"]
expect = { verdict = "refuse", rule = "two-filters" }

[[case]]
name   = "a filter asked for again is the same one"
say    = ["CONNECT", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=a", "< SUBACK code=0 code=0 code=0", "SUBSCRIBE filter=b"]
expect = { verdict = "accept" }

[[case]]
name   = "what was refused or given back isn't held"
say    = [
  "CONNECT", "< CONNACK", "SUBSCRIBE filter=a filter=b", "< SUBACK code=0 code=0x80",
  "UNSUBSCRIBE filter=a", "< UNSUBACK", "SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "accept" }

[[case]]
name   = "three messages at once"
say    = ["CONNECT", "< CONNACK", "PUBLISH topic=t qos=1 packet_id=1", "PUBLISH topic=t qos=2 packet_id=2", "PUBLISH topic=t qos=1 packet_id=3"]
expect = { verdict = "drop", rule = "two-in-flight", reason = "rule.limit.max" }

[[case]]
name   = "one after the other, and those of QoS 0"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=t qos=1 packet_id=1", "PUBLISH topic=t qos=2 packet_id=2",
  "< PUBACK packet_id=1", "PUBLISH topic=t", "PUBLISH topic=t qos=1 packet_id=3", "< PUBREC packet_id=2",
  "PUBREL packet_id=2", "< PUBCOMP packet_id=2", "PUBLISH topic=t qos=1 packet_id=4",
]
expect = { verdict = "accept" }

[[case]]
name   = "a message said again is the same one"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=t qos=1 packet_id=1", "PUBLISH topic=t qos=2 packet_id=2",
  "PUBLISH topic=t qos=2 packet_id=2 dup",
]
expect = { verdict = "accept" }

[[case]]
name   = "those of both connections of a client count together"
say    = [
  "@1 CONNECT client_id=a", "@1 < CONNACK", "@1 PUBLISH topic=t qos=1 packet_id=1", "@1 PUBLISH topic=t qos=1 packet_id=2",
  "@2 CONNECT client_id=b", "@2 < CONNACK", "@2 PUBLISH topic=t qos=1 packet_id=1",
]
expect = { verdict = "drop", rule = "two-in-flight" }
"#,
    );
}

#[test]
fn coap_exchanges_and_observers_are_counted() {
    check(
        r#"
[[rule]]
id     = "two-observers"
match  = { method = "GET" }
limit  = { max = 2, of = "observers", per = "destination" }
action = "refuse"

[[rule]]
id     = "three-at-once"
match  = { code = "0.xx" }
limit  = { max = 3, of = "exchanges", per = "source" }
action = "drop"

[[case]]
name   = "a third observer of a server"
from   = ["10.20.0.7", "10.20.0.8", "10.20.0.9"]
say    = [
  "@1 GET /t observe=0 token=01", "@1 < 2.05 observe=1 token=01",
  "@2 GET /t observe=0 token=02", "@2 < 2.05 observe=1 token=02", "@3 GET /t observe=0 token=03",
]
expect = { verdict = "refuse", rule = "two-observers", reason = "rule.limit.max" }

[[case]]
name   = "who stops observing makes room, and who isn't granted it takes none"
from   = ["10.20.0.7", "10.20.0.8", "10.20.0.9"]
say    = [
  "@1 GET /t observe=0 token=01", "@1 < 2.05 observe=1 token=01", "@2 GET /t observe=0 token=02", "@2 < 2.05 token=02",
  "@3 GET /t observe=0 token=03", "@3 < 2.05 observe=1 token=03", "@1 GET /t observe=1 token=01", "@1 < 2.05 token=01",
  "@2 GET /t observe=0 token=04",
]
expect = { verdict = "accept" }

[[case]]
name   = "an observation renewed is the same one"
from   = ["10.20.0.7", "10.20.0.8"]
say    = [
  "@1 GET /t observe=0 token=01", "@1 < 2.05 observe=1 token=01", "@2 GET /t observe=0 token=02",
  "@2 < 2.05 observe=1 token=02", "@1 GET /t observe=0 token=01",
]
expect = { verdict = "accept" }

[[case]]
name   = "four requests at once"
say    = ["PUT /a token=01", "PUT /a token=02", "PUT /a token=03", "PUT /a token=04"]
expect = { verdict = "drop", rule = "three-at-once", reason = "rule.limit.max" }

[[case]]
name   = "answered ones and repeated ones aren't counted"
say    = [
  "PUT /a token=01 mid=1", "PUT /a token=02 mid=2", "PUT /a token=03 mid=3", "< 2.04 token=01 type=ACK mid=1",
  "PUT /a token=02 mid=2", "PUT /a token=04 mid=4",
]
expect = { verdict = "accept" }

[[case]]
name   = "a request without an answer is given up in time"
say    = ["PUT /a token=01", "PUT /a token=02", "PUT /a token=03", "wait 5m", "PUT /a token=04"]
expect = { verdict = "accept" }
"#,
    );
}

#[test]
fn observers_over_tcp_are_counted_with_the_others() {
    check(
        r#"
[[rule]]
id     = "two-observers"
match  = { method = "GET" }
limit  = { max = 2, of = "observers", per = "destination" }
action = "refuse"

[[case]]
name    = "a third observer of a server, on one connection or on several"
service = "coap-tcp"
from    = ["10.20.0.7", "10.20.0.8"]
say     = [
  "@1 7.01", "@1 < 7.01", "@2 7.01", "@2 < 7.01", "@1 GET /t observe=0 token=01", "@1 < 2.05 observe=1 token=01",
  "@2 GET /t observe=0 token=01", "@2 GET /u observe=0 token=02",
]
expect  = { verdict = "refuse", rule = "two-observers", reason = "rule.limit.max" }

[[case]]
name    = "who ends one, isn't granted one, or asks for the same again takes no room"
service = "coap-tcp"
say     = [
  "7.01", "< 7.01", "GET /t observe=0 token=01", "< 2.05 observe=1 token=01", "GET /t observe=0 token=02",
  "< 2.05 token=02", "GET /u observe=0 token=03", "GET /u observe=0 token=03", "GET /t observe=1 token=01", "< 2.05 token=01",
  "GET /v observe=0 token=04",
]
expect  = { verdict = "accept" }

[[case]]
name    = "a connection that ends observes nothing"
service = "coap-tcp"
say     = [
  "7.01", "< 7.01", "GET /t observe=0 token=01", "GET /u observe=0 token=02", "reconnect", "7.01", "< 7.01",
  "GET /v observe=0 token=03",
]
expect  = { verdict = "accept" }
"#,
    );
}

#[test]
fn time_goes_by_the_clock_on_the_wall() {
    check(
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
    check(
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
    check(
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
    check(
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
