//! Subscriptions that outlast their connection, as a `max` counts them.

use testkit::conversation::assert_cases;

/// A server that knows a session knows what it has subscribed to.
#[test]
fn a_session_keeps_its_subscriptions() {
    assert_cases(
        r#"
[[rule]]
id     = "three-filters"
match  = { packet = "SUBSCRIBE" }
limit  = { max = 3, of = "subscriptions", per = "client_id" }
action = "refuse"

[[rule]]
id     = "four-filters"
match  = { packet = "SUBSCRIBE" }
limit  = { max = 4, of = "subscriptions", per = "username" }
action = "reset"

[[case]]
name   = "across connections"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=a filter=b", "< SUBACK code=0 code=0", "reconnect",
  "CONNECT client_id=a clean=false", "< CONNACK session_present", "SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "refuse", rule = "three-filters" }

[[case]]
name   = "and across three of them"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=a", "< SUBACK code=0", "DISCONNECT", "reconnect",
  "CONNECT client_id=a clean=false", "< CONNACK session_present", "SUBSCRIBE filter=b", "< SUBACK code=0", "reconnect",
  "CONNECT client_id=a clean=false", "< CONNACK session_present", "SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "refuse", rule = "three-filters" }

[[case]]
name   = "by user name, once it is back"
say    = [
  "@1 CONNECT client_id=a username=u version=5.0 clean=false session_expiry=600", "@1 < CONNACK",
  "@1 SUBSCRIBE filter=a filter=b filter=c", "@1 < SUBACK code=0 code=0 code=0", "@1 reconnect",
  "@2 CONNECT client_id=b username=u", "@2 < CONNACK", "@2 SUBSCRIBE filter=a filter=b", "@2 < SUBACK code=0 code=0",
  "@1 CONNECT client_id=a username=u version=5.0 clean=false session_expiry=600", "@1 < CONNACK session_present",
  "@2 SUBSCRIBE filter=c",
]
expect = { verdict = "reset", rule = "four-filters" }

[[case]]
name   = "what it asks for again is the same"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=c", "< SUBACK code=0 code=0 code=0",
  "reconnect", "CONNECT client_id=a clean=false", "< CONNACK session_present", "SUBSCRIBE filter=a filter=b filter=c",
]
expect = { verdict = "accept" }

[[case]]
name   = "what was given back, refused, or never answered, isn't held"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=a filter=b", "< SUBACK code=0 code=0x80",
  "UNSUBSCRIBE filter=a", "< UNSUBACK", "SUBSCRIBE filter=c filter=d packet_id=2", "reconnect",
  "CONNECT client_id=a clean=false", "< CONNACK session_present", "SUBSCRIBE filter=e filter=f filter=g",
]
expect = { verdict = "accept" }

[[case]]
name   = "a server that has forgotten it"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=c", "< SUBACK code=0 code=0 code=0",
  "reconnect", "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=d filter=e filter=f",
]
expect = { verdict = "accept" }

[[case]]
name   = "has forgotten it for good"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=c", "< SUBACK code=0 code=0 code=0",
  "reconnect", "CONNECT client_id=a clean=false", "< CONNACK", "reconnect",
  "CONNECT client_id=a clean=false", "< CONNACK session_present", "SUBSCRIBE filter=d filter=e filter=f",
]
expect = { verdict = "accept" }

[[case]]
name   = "a server of 3.1 doesn't say whether it has"
say    = [
  "CONNECT client_id=a version=3.1 clean=false", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=c",
  "< SUBACK code=0 code=0 code=0", "reconnect",
  "CONNECT client_id=a version=3.1 clean=false", "< CONNACK session_present", "SUBSCRIBE filter=d filter=e filter=f",
]
expect = { verdict = "accept" }

[[case]]
name   = "a client that begins anew"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=c", "< SUBACK code=0 code=0 code=0",
  "reconnect", "CONNECT client_id=a clean", "< CONNACK", "SUBSCRIBE filter=d filter=e filter=f",
]
expect = { verdict = "accept" }

[[case]]
name   = "a session that didn't outlast its connection"
say    = [
  "CONNECT client_id=a clean", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=c", "< SUBACK code=0 code=0 code=0",
  "reconnect", "CONNECT client_id=a clean=false", "< CONNACK session_present", "SUBSCRIBE filter=d filter=e filter=f",
]
expect = { verdict = "accept" }

[[case]]
name   = "another client's"
say    = [
  "CONNECT client_id=a clean=false", "< CONNACK", "SUBSCRIBE filter=a filter=b filter=c", "< SUBACK code=0 code=0 code=0",
  "reconnect", "CONNECT client_id=b clean=false", "< CONNACK session_present", "SUBSCRIBE filter=d filter=e filter=f",
]
expect = { verdict = "accept" }

[[case]]
name   = "taken over while its earlier connection is still there"
say    = [
  "@1 CONNECT client_id=a clean=false", "@1 < CONNACK", "@1 SUBSCRIBE filter=a filter=b", "@1 < SUBACK code=0 code=0",
  "@2 CONNECT client_id=a clean=false", "@2 SUBSCRIBE filter=a filter=b", "@2 < CONNACK session_present",
  "@2 < SUBACK code=0 code=0", "@2 SUBSCRIBE filter=c packet_id=2", "@2 < SUBACK packet_id=2", "@2 SUBSCRIBE filter=d",
]
expect = { verdict = "refuse", rule = "three-filters" }

[[case]]
name   = "what it says before it is accepted is counted without its earlier connection"
say    = [
  "@1 CONNECT client_id=a", "@1 < CONNACK", "@1 SUBSCRIBE filter=a filter=b", "@1 < SUBACK code=0 code=0",
  "@2 CONNECT client_id=a", "@2 SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "accept" }

[[case]]
name   = "a session that was silent for too long, and comes back to itself"
say    = [
  "CONNECT client_id=a clean=false keep_alive=10", "< CONNACK", "SUBSCRIBE filter=a filter=b", "< SUBACK code=0 code=0",
  "wait 60s", "PINGREQ", "SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "refuse", rule = "three-filters" }

[[case]]
name   = "or by another connection"
say    = [
  "@1 CONNECT client_id=a clean=false keep_alive=10", "@1 < CONNACK", "@1 SUBSCRIBE filter=a filter=b",
  "@1 < SUBACK code=0 code=0", "wait 60s", "@2 CONNECT client_id=a clean=false", "@2 < CONNACK session_present",
  "@2 SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "refuse", rule = "three-filters" }

[[case]]
name   = "while it is away, its user isn't charged with it"
say    = [
  "@1 CONNECT client_id=a username=u clean=false", "@1 < CONNACK", "@1 SUBSCRIBE filter=a filter=b filter=c",
  "@1 < SUBACK code=0 code=0 code=0", "@1 reconnect",
  "@2 CONNECT client_id=b username=u", "@2 < CONNACK", "@2 SUBSCRIBE filter=a filter=b filter=c",
]
expect = { verdict = "accept" }

[[case]]
name   = "it is remembered for as long as it lasts"
say    = [
  "CONNECT client_id=a version=5.0 clean=false session_expiry=60", "< CONNACK", "SUBSCRIBE filter=a filter=b",
  "< SUBACK code=0 code=0", "reconnect", "wait 59s", "CONNECT client_id=a version=5.0 clean=false session_expiry=60",
  "< CONNACK session_present", "SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "refuse", rule = "three-filters" }

[[case]]
name   = "and no longer"
say    = [
  "CONNECT client_id=a version=5.0 clean=false session_expiry=60", "< CONNACK", "SUBSCRIBE filter=a filter=b",
  "< SUBACK code=0 code=0", "reconnect", "wait 120s", "CONNECT client_id=a version=5.0 clean=false session_expiry=60",
  "< CONNACK session_present", "SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "accept" }

[[case]]
name   = "as its client has said in the end"
say    = [
  "CONNECT client_id=a version=5.0 clean=false session_expiry=60", "< CONNACK", "SUBSCRIBE filter=a filter=b",
  "< SUBACK code=0 code=0", "DISCONNECT session_expiry=0", "reconnect",
  "CONNECT client_id=a version=5.0 clean=false session_expiry=60", "< CONNACK session_present", "SUBSCRIBE filter=c filter=d",
]
expect = { verdict = "accept" }
"#,
    );
}
