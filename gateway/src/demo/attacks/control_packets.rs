//! Control packets from the wrong end or at the wrong time (MQTT 3.1.1 §2.2.1 table 2.1, §3.1).

use std::net::SocketAddr;
use std::time::Duration;

use super::Observation;
use super::talk::Talk;
use crate::demo::scene::{Scene, log_line, port};
use crate::netns::{Error, Family, Host, Result, address};

const PATIENCE: Duration = Duration::from_secs(1);

/// The attacker's first address.
const FIRST_ATTACKER: u8 = 0;

/// CONNECT of MQTT 3.1.1, clean session, client id "intruder".
const CONNECT: &[u8] = b"\x10\x14\x00\x04MQTT\x04\x02\x00\x3c\x00\x08intruder";
const CONNACK: &[u8] = b"\x20\x02\x00\x00";
const PUBLISH: &[u8] = b"\x30\x0c\x00\x05valveopen!";

/// A control packet from the wrong end.
#[derive(Debug, Clone, Copy)]
pub struct Forged {
    /// Its type's name.
    pub name: &'static str,
    bytes: &'static [u8],
    /// Part of the line by which Mosquitto's log proves that it has read one; nothing for those that
    /// a server sends to a device.
    proof: &'static str,
}

const FORGED_SUBACK: Forged = Forged {
    name: "SUBACK",
    bytes: b"\x90\x03\x00\x01\x00",
    proof: "Received SUBACK",
};
const FORGED_SUBSCRIBE: Forged = Forged {
    name: "SUBSCRIBE",
    bytes: b"\x82\x06\x00\x01\x00\x01#\x00",
    proof: "",
};

/// What only a server may send.
pub const FORGED_BY_CLIENTS: &[Forged] = &[
    Forged {
        name: "CONNACK",
        bytes: CONNACK,
        proof: "Invalid function arguments",
    },
    FORGED_SUBACK,
    Forged {
        name: "UNSUBACK",
        bytes: b"\xb0\x02\x00\x01",
        proof: "Received UNSUBACK",
    },
    Forged {
        name: "PINGRESP",
        bytes: b"\xd0\x00",
        proof: "Received PINGRESP",
    },
];

/// What only a client may send.
pub const FORGED_BY_SERVERS: &[Forged] = &[
    Forged {
        name: "CONNECT",
        bytes: CONNECT,
        proof: "",
    },
    FORGED_SUBSCRIBE,
    Forged {
        name: "UNSUBSCRIBE",
        bytes: b"\xa2\x05\x00\x01\x00\x01#",
        proof: "",
    },
    Forged {
        name: "PINGREQ",
        bytes: b"\xc0\x00",
        proof: "",
    },
];

pub(super) fn server_packet_from_client(scene: &Scene, family: Family) -> Result<Observation> {
    forge_as_client(scene, family, FIRST_ATTACKER, &FORGED_SUBACK)
}

pub(super) fn client_packet_from_server(scene: &Scene, family: Family) -> Result<Observation> {
    forge_as_server(scene, family, 1, &FORGED_SUBSCRIBE)
}

/// The attacker logs in from his address number `index`, then sends what only a server may send.
///
/// # Errors
/// When the environment fails.
pub fn forge_as_client(
    scene: &Scene,
    family: Family,
    index: u8,
    forged: &Forged,
) -> Result<Observation> {
    let mut talk = logged_in(scene, index, family);
    seen_by_broker(scene, &mut talk, forged.bytes, forged.proof)
}

/// A device connects to a rogue broker at the servers' address number `index`, which answers the
/// CONNECT properly and then sends what only a client may send.
///
/// # Errors
/// When the environment fails.
pub fn forge_as_server(
    scene: &Scene,
    family: Family,
    index: u8,
    forged: &Forged,
) -> Result<Observation> {
    let at = SocketAddr::new(address(Host::Servers, index, family), port::MQTT);
    let listener = scene
        .host(Host::Servers)
        .tcp_listener(at)
        .map_err(Error::socket(at))?;
    let device = address(Host::Devices, 1, family);
    let mut device = Talk::with(scene.host(Host::Devices), device, at);
    if !device.connected() {
        return Ok(Observation::stopped("no connection"));
    }
    let (stream, _) = listener.accept().map_err(Error::socket(at))?;
    let mut rogue = Talk::over(stream);
    device.say(CONNECT);
    rogue.hear(CONNECT.len());
    rogue.say(CONNACK);
    device.hear(CONNACK.len());
    rogue.say(forged.bytes);
    let all = [CONNACK, forged.bytes].concat();
    Ok(match device.hear(all.len()) {
        heard if heard == all => Observation::reached(format!("device received {}", forged.name)),
        heard if heard == CONNACK => Observation::stopped("nothing reached the device"),
        heard => Observation::stopped(format!("{} bytes reached the device", heard.len())),
    })
}

pub(super) fn publish_first(scene: &Scene, family: Family) -> Result<Observation> {
    let mut talk = connected(scene, 1, family, port::MQTT);
    seen_by_broker(scene, &mut talk, PUBLISH, "protocol error")
}

pub(super) fn second_connect(scene: &Scene, family: Family) -> Result<Observation> {
    let mut talk = logged_in(scene, 2, family);
    seen_by_broker(scene, &mut talk, CONNECT, "multiple CONNECT")
}

/// He who forged a SUBACK comes back, and does nothing wrong.
pub(super) fn first_attacker_again(scene: &Scene, family: Family) -> Result<Observation> {
    let mut talk = connected(scene, FIRST_ATTACKER, family, port::MQTT);
    seen_by_broker(scene, &mut talk, CONNECT, "as intruder")
}

/// The attacker's connection from its address number `index`.
pub(super) fn connected(scene: &Scene, index: u8, family: Family, port: u16) -> Talk {
    Talk::with(
        scene.host(Host::Attacker),
        address(Host::Attacker, index, family),
        SocketAddr::new(scene.broker.address(family), port),
    )
}

/// The same, and the broker has accepted a CONNECT.
fn logged_in(scene: &Scene, index: u8, family: Family) -> Talk {
    let mut talk = connected(scene, index, family, port::MQTT);
    talk.say(CONNECT).hear(CONNACK.len());
    talk
}

/// Says `bytes`, and looks for the broker's log line that proves that it has read them.
pub(super) fn seen_by_broker(
    scene: &Scene,
    talk: &mut Talk,
    bytes: &[u8],
    proof: &str,
) -> Result<Observation> {
    let broker = scene.broker.process();
    let mark = broker.mark();
    if !talk.connected() {
        return Ok(Observation::stopped("no connection"));
    }
    talk.say(bytes);
    let line = log_line(broker, mark, proof, PATIENCE, || talk.ended())?;
    Ok(match line {
        Some(_) => Observation::reached(format!("broker: {proof}")),
        None => Observation::stopped("nothing reached the broker"),
    })
}
