//! The attacks: each a small program against the real servers, the same with and without the gateway,
//! and an honest look at what reached its target.

mod control_packets;
mod explanation;
mod plaintext;
mod reflection;
mod talk;

use super::scene::Scene;
use crate::netns::{Family, Result};

pub use control_packets::{
    FORGED_BY_CLIENTS, FORGED_BY_SERVERS, Forged, forge_as_client, forge_as_server,
};
pub use explanation::{Explanation, Watch};
pub use plaintext::TLS_ZONE;
pub use reflection::RATIO_LIMIT;

/// One way to attack.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// A few words.
    pub name: &'static str,
    /// What the attacker gets from it, in one line.
    pub gain: &'static str,
    /// How the gateway says why it was stopped.
    pub explanation: Explanation,
    run: Run,
}

type Run = fn(&Scene, Family) -> Result<Observation>;

/// What was seen at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Whether the attack got what it was after.
    pub succeeded: bool,
    /// What the target saw, in a few words.
    pub seen: String,
}

impl Observation {
    fn reached(seen: impl Into<String>) -> Self {
        Self {
            succeeded: true,
            seen: seen.into(),
        }
    }

    fn stopped(seen: impl Into<String>) -> Self {
        Self {
            succeeded: false,
            seen: seen.into(),
        }
    }
}

impl Attack {
    /// Attacks, and watches the target.
    ///
    /// Each attack has an address of its own: a source that is banned after one of them must not make
    /// the next look defended.
    ///
    /// # Errors
    /// When the environment fails; never because the attack does.
    pub fn run(&self, scene: &Scene, family: Family) -> Result<Observation> {
        (self.run)(scene, family)
    }
}

/// Those that the demo shows, in its order.
pub const ALL: &[Attack] = &[
    Attack {
        name: "SUBACK sent by a client",
        gain: "brokers read packets only they themselves may send",
        explanation: Explanation::Reason(&["mqtt.spoofed.server-packet"]),
        run: control_packets::server_packet_from_client,
    },
    Attack {
        name: "SUBSCRIBE sent by a server",
        gain: "a rogue broker drives devices into untested states",
        explanation: Explanation::Reason(&["mqtt.spoofed.client-packet"]),
        run: control_packets::client_packet_from_server,
    },
    Attack {
        name: "PUBLISH before CONNECT",
        gain: "reaches the broker's parser without a login",
        explanation: Explanation::Reason(&["mqtt.session.first-not-connect"]),
        run: control_packets::publish_first,
    },
    Attack {
        name: "second CONNECT in a session",
        gain: "confuses who the session belongs to",
        explanation: Explanation::Reason(&["mqtt.session.second-connect"]),
        run: control_packets::second_connect,
    },
    Attack {
        name: "CoAP reflection",
        gain: "small forged requests make the server flood a victim",
        explanation: Explanation::Reason(&["coap.amplification.ratio"]),
        run: reflection::reflect,
    },
    Attack {
        name: "plaintext on the TLS port",
        gain: "whatever it is, it isn't what the TLS port is for",
        explanation: Explanation::Reason(&["tls.required"]),
        run: plaintext::on_the_tls_port,
    },
    Attack {
        name: "password in plaintext",
        gain: "a contractor's login, on the wire for all to read",
        explanation: Explanation::Reason(&["tls.required"]),
        run: plaintext::from_a_tls_zone,
    },
    Attack {
        name: "the first attacker again",
        gain: "he knows his way by now, and tries a proper CONNECT",
        explanation: Explanation::Ban,
        run: control_packets::first_attacker_again,
    },
];

/// Whoever forges control packets is shut out; to be read before the shipped rules, which leave it at
/// a reset.
const BAN_RULE: &str = r#"
[[rule]]
id          = "forgers-are-banned"
description = "Who sends what only a server may send isn't heard again for a while"
severity    = "high"
match       = { reason = "mqtt.spoofed.server-packet" }
action      = "reset"
ban         = "10m"

"#;

/// The shipped rules: what an operator gets without writing one.
const BASELINE: &str = include_str!("../../../../rules/baseline.toml");

/// The rules that stop these attacks.
pub fn rules() -> String {
    [BAN_RULE, BASELINE].concat()
}
