//! Limits on what is held at once (`max`).

use testkit::conversation::assert_cases;

#[test]
fn sessions_held_at_once_are_counted() {
    assert_cases(
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
    assert_cases(
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
    assert_cases(
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
name   = "and takes as much room"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=t qos=1 packet_id=1", "PUBLISH topic=t qos=1 packet_id=1 dup",
  "PUBLISH topic=t qos=1 packet_id=2", "PUBLISH topic=t qos=1 packet_id=2 dup", "PUBLISH topic=t qos=1 packet_id=3",
]
expect = { verdict = "drop", rule = "two-in-flight" }

[[case]]
name   = "until it is acknowledged the first time"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=t qos=1 packet_id=1", "PUBLISH topic=t qos=1 packet_id=1 dup",
  "PUBLISH topic=t qos=1 packet_id=2", "< PUBACK packet_id=1", "PUBLISH topic=t qos=1 packet_id=3",
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
    assert_cases(
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
    assert_cases(
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

/// A topic is its server's, whoever publishes.
#[test]
fn messages_in_flight_are_counted_by_topic() {
    assert_cases(
        r#"
[[rule]]
id     = "two-on-a-topic"
match  = { packet = "PUBLISH", direction = "to_server", topic = "plant/#" }
limit  = { max = 2, of = "in_flight", per = "topic" }
action = "drop"

[[rule]]
id     = "one-to-readers"
match  = { packet = "PUBLISH", direction = "to_client" }
limit  = { max = 1, of = "in_flight", per = "topic" }
action = "alert"

[[case]]
name   = "three on one topic, by two clients, of both QoS"
from   = ["10.20.0.7", "10.20.0.8"]
say    = [
  "@1 CONNECT client_id=a", "@1 < CONNACK", "@2 CONNECT client_id=b", "@2 < CONNACK",
  "@1 PUBLISH topic=plant/x qos=1 packet_id=1", "@2 PUBLISH topic=plant/x qos=2 packet_id=1",
  "@1 PUBLISH topic=plant/x qos=1 packet_id=2",
]
expect = { verdict = "drop", rule = "two-on-a-topic", reason = "rule.limit.max" }

[[case]]
name   = "on several topics, and of QoS 0"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=plant/x qos=1 packet_id=1", "PUBLISH topic=plant/x qos=1 packet_id=2",
  "PUBLISH topic=plant/y qos=1 packet_id=3", "PUBLISH topic=plant/y qos=1 packet_id=4", "PUBLISH topic=plant/x",
  "PUBLISH topic=PLANT/x qos=1 packet_id=5",
]
expect = { verdict = "accept" }

[[case]]
name   = "each direction by itself"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=plant/x qos=1 packet_id=1", "PUBLISH topic=plant/x qos=1 packet_id=2",
  "< PUBLISH topic=plant/x qos=1 packet_id=1",
]
expect = { verdict = "accept", alerts = [] }

[[case]]
name   = "acknowledged, the one in one step, the other in three"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=plant/x qos=1 packet_id=1", "PUBLISH topic=plant/x qos=2 packet_id=2",
  "< PUBACK packet_id=1", "PUBLISH topic=plant/x qos=2 packet_id=3", "< PUBREC packet_id=2", "PUBREL packet_id=2",
  "< PUBCOMP packet_id=2", "PUBLISH topic=plant/x qos=1 packet_id=2",
]
expect = { verdict = "accept" }

[[case]]
name   = "received, but not released"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=plant/x qos=2 packet_id=1", "PUBLISH topic=plant/x qos=2 packet_id=2",
  "< PUBREC packet_id=1", "PUBREL packet_id=1", "PUBLISH topic=plant/x qos=1 packet_id=3",
]
expect = { verdict = "drop", rule = "two-on-a-topic" }

[[case]]
name   = "refused by its server"
say    = [
  "CONNECT version=5.0", "< CONNACK", "PUBLISH topic=plant/x qos=2 packet_id=1", "PUBLISH topic=plant/x qos=2 packet_id=2",
  "< PUBREC packet_id=1 code=0x87", "PUBLISH topic=plant/x qos=1 packet_id=3",
]
expect = { verdict = "accept" }

[[case]]
name   = "said again"
say    = [
  "CONNECT", "< CONNACK", "PUBLISH topic=plant/x qos=1 packet_id=1", "PUBLISH topic=plant/x qos=1 packet_id=2",
  "PUBLISH topic=plant/x qos=1 packet_id=1 dup", "PUBLISH topic=plant/x qos=1 packet_id=2 dup",
]
expect = { verdict = "accept" }

[[case]]
name   = "an alias is seen through"
say    = [
  "CONNECT version=5.0", "< CONNACK topic_alias_maximum=5", "PUBLISH topic=plant/x alias=1 qos=1 packet_id=1",
  "PUBLISH topic='' alias=1 qos=1 packet_id=2", "PUBLISH topic='' alias=1 qos=1 packet_id=3",
]
expect = { verdict = "drop", rule = "two-on-a-topic" }

[[case]]
name   = "what a connection had in flight is gone with it"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "PUBLISH topic=plant/x qos=1 packet_id=1",
  "PUBLISH topic=plant/x qos=1 packet_id=2", "reconnect", "CONNECT client_id=a clean=false", "< CONNACK session_present",
  "PUBLISH topic=plant/x qos=1 packet_id=1 dup", "PUBLISH topic=plant/x qos=1 packet_id=2 dup",
]
expect = { verdict = "accept" }

[[case]]
name   = "and with the client's next one, said before that is accepted"
from   = ["10.20.0.7", "10.20.0.8"]
say    = [
  "@1 CONNECT client_id=a clean=false", "@1 < CONNACK", "@1 PUBLISH topic=plant/x qos=1 packet_id=1",
  "@1 PUBLISH topic=plant/x qos=1 packet_id=2", "@2 CONNECT client_id=a clean=false",
  "@2 PUBLISH topic=plant/x qos=1 packet_id=1 dup", "@2 PUBLISH topic=plant/x qos=1 packet_id=2 dup",
]
expect = { verdict = "accept" }

[[case]]
name   = "a message to each of two readers"
from   = ["10.20.0.7", "10.20.0.8"]
say    = [
  "@1 CONNECT client_id=a", "@1 < CONNACK", "@2 CONNECT client_id=b", "@2 < CONNACK",
  "@1 < PUBLISH topic=t qos=1 packet_id=1", "@2 < PUBLISH topic=t qos=1 packet_id=1",
]
expect = { verdict = "accept", alerts = ["one-to-readers"] }
"#,
    );
}
