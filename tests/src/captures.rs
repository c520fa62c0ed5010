//! The captures of tests/replay, as scripts: every frame of them is built here.

use std::time::Duration;

use pcap_file::TsResolution;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use testkit::frames::{Connection, End, Path, fragments, path, udp};
use testkit::{coap, mqtt};
use wire::coap::Code;
use wire::mqtt::{PacketType, QoS, Version};
use wire::net::TcpFlags;

/// When the first frame was captured, in seconds of the Unix epoch.
const BEGIN: Duration = Duration::from_secs(1_770_000_000);
/// Time between two frames.
const STEP: Duration = Duration::from_millis(5);

const SENSOR: &str = "10.20.0.7:40001";
const BROKER: &str = "10.30.0.2:1883";
const BROKER_TLS: &str = "10.30.0.2:8883";
const COAP_CLIENT: &str = "198.51.100.9:50000";
const COAP_SERVER: &str = "10.20.0.8:5683";

/// A capture and its name, which is that of its directory in tests/replay.
pub struct Script {
    /// The case.
    pub name: &'static str,
    /// Its frames in order.
    pub frames: Vec<Vec<u8>>,
}

/// Every capture.
#[must_use]
pub fn scripts() -> Vec<Script> {
    let script = |name, frames| Script { name, frames };
    vec![
        script(
            "mqtt-ordinary",
            ordinary(Version::V311, &path(SENSOR, BROKER)),
        ),
        script(
            "mqtt-ordinary-v5-ipv6",
            ordinary(
                Version::V5,
                &path("[fd00:20::7]:40001", "[fd00:30::2]:1883"),
            ),
        ),
        script("mqtt-spoofed-suback", spoofed_suback()),
        script("mqtt-spoofed-subscribe", spoofed_subscribe()),
        script("mqtt-second-connect", second_connect()),
        script("mqtt-publish-first", publish_first()),
        script("mqtt-malformed", malformed()),
        script("mqtt-out-of-order", out_of_order()),
        script(
            "mqtt-conflicting-retransmission",
            conflicting_retransmission(),
        ),
        script("tcp-blind-reset", blind_reset()),
        script("tls-plaintext", plaintext_on_tls_port()),
        script("coap-ordinary", coap_ordinary()),
        script("coap-amplification", coap_amplification()),
        script("coap-unmatched-response", coap_unmatched_response()),
        script("coap-fragment", coap_fragment()),
        script("monitor", spoofed_suback()),
    ]
}

/// The frames as a pcap file, a step of time apart.
///
/// # Panics
/// Never: the frames are short and the times are within the format.
#[must_use]
pub fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let header = PcapHeader {
        ts_resolution: TsResolution::MicroSecond,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).expect("into memory");
    for (frame, at) in frames.iter().zip(0_u32..) {
        let len = u32::try_from(frame.len()).expect("a frame");
        let packet = PcapPacket::new(BEGIN + STEP * at, len, frame);
        writer.write_packet(&packet).expect("into memory");
    }
    writer.into_writer()
}

/// A connection with its session accepted, and the frames so far.
fn session(version: Version, path: &Path) -> (Connection, Vec<Vec<u8>>) {
    let mut connection = Connection::new(*path);
    let mut frames = connection.open().to_vec();
    frames.push(connection.send(End::Client, &mqtt::connect(version, "s7")));
    frames.push(connection.ack(End::Server));
    frames.push(connection.send(End::Server, &mqtt::connack(version, 0)));
    frames.push(connection.ack(End::Client));
    (connection, frames)
}

fn ordinary(version: Version, path: &Path) -> Vec<Vec<u8>> {
    use End::{Client, Server};
    let ack = |packet_type, id| mqtt::ack(version, packet_type, id);
    let (mut connection, mut frames) = session(version, path);
    for (end, packet) in [
        (
            Client,
            mqtt::subscribe(version, 1, &["sensors/7/set", "plant/+/state"]),
        ),
        (Server, mqtt::suback(version, 1, &[2, 2])),
        (
            Client,
            mqtt::publish(version, "sensors/7/temperature", b"21.5"),
        ),
        (
            Client,
            mqtt::publish_qos(version, QoS::AtLeastOnce, 2, "sensors/7/state", b"on"),
        ),
        (Server, ack(PacketType::PubAck, 2)),
        (
            Server,
            mqtt::publish_qos(version, QoS::ExactlyOnce, 9, "sensors/7/set", b"20"),
        ),
        (Client, ack(PacketType::PubRec, 9)),
        (Server, ack(PacketType::PubRel, 9)),
        (Client, ack(PacketType::PubComp, 9)),
        (Client, mqtt::pingreq()),
        (Server, mqtt::pingresp()),
        (Client, mqtt::unsubscribe(version, 3, &["plant/+/state"])),
        (Server, mqtt::unsuback(version, 3, 1)),
        (Client, mqtt::disconnect(version)),
    ] {
        frames.push(connection.send(end, &packet));
    }
    frames.push(connection.fin(Client));
    frames.push(connection.fin(Server));
    frames.push(connection.ack(Client));
    frames
}

/// A client that says what only a server may, behind a PUBLISH in the same segment: that one still
/// arrives.
fn spoofed_suback() -> Vec<Vec<u8>> {
    let version = Version::V311;
    let (mut connection, mut frames) = session(version, &path(SENSOR, BROKER));
    let mut data = mqtt::publish(version, "sensors/7/temperature", b"21.5");
    data.extend(mqtt::suback(version, 1, &[0]));
    frames.push(connection.send(End::Client, &data));
    frames.push(connection.send(End::Client, &mqtt::pingreq()));
    frames
}

fn spoofed_subscribe() -> Vec<Vec<u8>> {
    let version = Version::V5;
    let (mut connection, mut frames) = session(version, &path(SENSOR, BROKER));
    frames.push(connection.send(End::Server, &mqtt::subscribe(version, 1, &["#"])));
    frames
}

fn second_connect() -> Vec<Vec<u8>> {
    let version = Version::V311;
    let (mut connection, mut frames) = session(version, &path(SENSOR, BROKER));
    frames.push(connection.send(End::Client, &mqtt::connect(version, "s8")));
    frames
}

fn publish_first() -> Vec<Vec<u8>> {
    let mut connection = Connection::new(path(SENSOR, BROKER));
    let mut frames = connection.open().to_vec();
    let publish = mqtt::publish(Version::V311, "plant/valve", b"open");
    frames.push(connection.send(End::Client, &publish));
    frames
}

/// A PUBLISH of QoS 3, in two segments.
fn malformed() -> Vec<Vec<u8>> {
    let (mut connection, mut frames) = session(Version::V311, &path(SENSOR, BROKER));
    let publish = mqtt::raw(0x36, &[0, 1, b't', 0, 1, b'x']);
    let (first, rest) = publish.split_at(1);
    frames.push(connection.send(End::Client, first));
    frames.push(connection.send(End::Client, rest));
    frames
}

/// The second of three segments arrives last: what comes before its turn is held.
fn out_of_order() -> Vec<Vec<u8>> {
    let version = Version::V311;
    let (mut connection, mut frames) = session(version, &path(SENSOR, BROKER));
    let publish = mqtt::publish(version, "sensors/7/log", b"a payload in three segments");
    let segments = publish.chunks(publish.len().div_ceil(3));
    let [first, second, third] = segments
        .map(|part| connection.send(End::Client, part))
        .collect::<Vec<_>>()
        .try_into()
        .expect("three segments");
    frames.extend([first, third, second]);
    frames.push(connection.ack(End::Server));
    frames
}

fn conflicting_retransmission() -> Vec<Vec<u8>> {
    let version = Version::V311;
    let (mut connection, mut frames) = session(version, &path(SENSOR, BROKER));
    let before = connection.clone();
    frames.push(connection.send(End::Client, &mqtt::publish(version, "valve", b"shut")));
    let mut again = before;
    frames.push(again.send(End::Client, &mqtt::publish(version, "valve", b"open")));
    frames
}

fn blind_reset() -> Vec<Vec<u8>> {
    let (connection, mut frames) = session(Version::V311, &path(SENSOR, BROKER));
    let mut guess = connection;
    guess.server_seq = guess.server_seq.wrapping_add(5_000);
    frames.push(guess.segment(End::Server, TcpFlags::RST, &[]));
    frames
}

fn plaintext_on_tls_port() -> Vec<Vec<u8>> {
    let mut connection = Connection::new(path(SENSOR, BROKER_TLS));
    let mut frames = connection.open().to_vec();
    frames.push(connection.send(End::Client, &mqtt::connect(Version::V311, "s7")));
    frames
}

fn coap_path() -> Path {
    path(COAP_CLIENT, COAP_SERVER)
}

fn coap_ordinary() -> Vec<Vec<u8>> {
    let there = coap_path();
    let back = there.reversed();
    vec![
        udp(&there, &coap::get(1, b"\x01", "sensors/8/temperature")),
        udp(&back, &coap::response(Code::CONTENT, 1, b"\x01", b"21.5")),
        udp(&there, &coap::observe(2, b"\x02", "sensors/8/state")),
        udp(&back, &coap::response(Code::CONTENT, 2, b"\x02", b"on")),
    ]
}

/// A request of some 20 bytes that draws 600: five times over, to see the window.
fn coap_amplification() -> Vec<Vec<u8>> {
    let there = coap_path();
    let back = there.reversed();
    (1..=5_u8)
        .flat_map(|n| {
            [
                udp(&there, &coap::get(n.into(), &[n], ".well-known/core")),
                udp(
                    &back,
                    &coap::response(Code::CONTENT, n.into(), &[n], &[b'x'; 600]),
                ),
            ]
        })
        .collect()
}

fn coap_unmatched_response() -> Vec<Vec<u8>> {
    let there = coap_path();
    let back = there.reversed();
    vec![
        udp(&there, &coap::get(1, b"\xaa\xbb", "sensors/8")),
        udp(
            &back,
            &coap::response(Code::CONTENT, 1, b"\xaa\xbc", b"forged"),
        ),
        udp(
            &back,
            &coap::response(Code::CONTENT, 1, b"\xaa\xbb", b"21.5"),
        ),
    ]
}

fn coap_fragment() -> Vec<Vec<u8>> {
    let whole = udp(
        &coap_path(),
        &coap::get(1, b"\x01", "sensors/8/temperature"),
    );
    fragments(&whole, 16).to_vec()
}
