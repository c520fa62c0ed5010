//! A sender with a denied message, the gateway, and two receivers that disagree on overlaps.

use policy::Side;
use testkit::mqtt;
use testkit::network::{Departed, Ends, Gateway, Passage, Stream, tcp_of};
use testkit::reference::{Overlap, Receiver};
use weir_inspect::Verdict;
use wire::Direction::{self, ToClient, ToServer};
use wire::mqtt::{ControlPacket, Version};
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;
use wire::{Decoded, net};

pub(crate) const ACK: TcpFlags = TcpFlags::ACK;
pub(crate) const SYN: TcpFlags = TcpFlags::SYN;
pub(crate) const RST: TcpFlags = TcpFlags::RST;
pub(crate) const FIN: TcpFlags = TcpFlags::FIN;
pub(crate) const PSH: TcpFlags = TcpFlags::PSH;
pub(crate) const URG: TcpFlags = TcpFlags::URG;
pub(crate) const NONE: TcpFlags = TcpFlags(0);

const BASELINE: &str = include_str!("../../../../rules/baseline.toml");
const SECRET: &str = r#"
[[rule]]
id     = "secret"
match  = { packet = "PUBLISH", topic = "secret/#" }
action = "reset"
"#;

/// The message that must not arrive whole.
pub(crate) fn denied() -> Vec<u8> {
    mqtt::publish(Version::V311, "secret/x", b"0123456789")
}

/// As long, and differing from the fifth byte on: what a trick shows the gateway instead.
pub(crate) fn allowed() -> Vec<u8> {
    mqtt::publish(Version::V311, "open/abc", b"0123456789")
}

/// The first byte in which the two differ.
pub(crate) const TOPIC: usize = 4;

/// What the gateway is to make of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on.
    Passes,
    /// It waits for what is missing before it.
    Held,
    /// It goes nowhere, for this reason.
    Dropped(&'static str),
    /// The denied message is found in it: cut off, and the connection is over.
    Denied,
    /// The connection was over before.
    Over,
}

/// One segment of a trick.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) direction: Direction,
    /// Place in its direction's stream, from the end of CONNECT and CONNACK.
    pub(crate) at: i64,
    /// Distance from what the other end has sent, as the script goes.
    pub(crate) ack: i64,
    pub(crate) flags: TcpFlags,
    pub(crate) window: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) urgent: u16,
    pub(crate) has_bad_checksum: bool,
    /// It ends behind the gateway: by its hop limit, or because the receiver's stack rejects it.
    pub(crate) is_lost_behind: bool,
    pub(crate) fate: Fate,
}

/// Bytes of the client's from this place on.
pub(crate) fn data(at: usize, bytes: &[u8]) -> Step {
    Step {
        direction: ToServer,
        at: at as i64,
        ack: 0,
        flags: ACK | PSH,
        window: 0xffff,
        options: Vec::new(),
        bytes: bytes.to_vec(),
        urgent: 0,
        has_bad_checksum: false,
        is_lost_behind: false,
        fate: Fate::Passes,
    }
}

/// A segment of the client's without bytes.
pub(crate) fn bare(at: i64, flags: TcpFlags) -> Step {
    Step {
        at,
        flags,
        ..data(0, &[])
    }
}

/// The server acknowledges this much of the client's stream.
pub(crate) fn server_acks(upto: usize) -> Step {
    Step {
        direction: ToClient,
        ack: upto as i64,
        flags: ACK,
        ..data(0, &[])
    }
}

impl Step {
    pub(crate) fn lost_behind(self) -> Self {
        Self {
            is_lost_behind: true,
            ..self
        }
    }

    pub(crate) fn with_options(self, options: &[u8]) -> Self {
        Self {
            options: options.to_vec(),
            ..self
        }
    }

    pub(crate) fn with_flags(self, flags: TcpFlags) -> Self {
        Self { flags, ..self }
    }

    pub(crate) fn is(self, fate: Fate) -> Self {
        Self { fate, ..self }
    }

    pub(crate) fn dropped(self, reason: &'static str) -> Self {
        self.is(Fate::Dropped(reason))
    }
}

/// Timestamps as stacks lay them out (RFC 7323, appendix A).
pub(crate) fn timestamp(value: u32) -> Vec<u8> {
    let [value, echo] = [value, 1].map(u32::to_be_bytes);
    [&[1, 1, 8, 10][..], &value, &echo].concat()
}

/// A named trick.
pub(crate) struct Case {
    /// The row of the catalogue, or the test of Ptacek and Newsham, or of fragroute.
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
    /// Without the gateway, the denied message arrives whole: at a receiver that keeps the first bytes
    /// of an overlap, and at one that keeps the last.
    pub(crate) unprotected: [bool; 2],
}

/// The two receivers of a stream that starts at `start`.
fn receivers(start: u32) -> [Receiver; 2] {
    [Overlap::First, Overlap::Last].map(|overlap| Receiver::new(start, overlap))
}

/// A connection whose session is open.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    pub(crate) stream: Stream,
    behind: [Receiver; 2],
    unprotected: [Receiver; 2],
}

impl Scene {
    pub(crate) fn new(config: &str, ends: Ends, options: &[u8]) -> Self {
        let mut gateway = Gateway::of(config, &[SECRET, BASELINE].concat());
        let mut stream = Stream::new(ends);
        for (direction, flags) in [(ToServer, SYN), (ToClient, SYN | ACK), (ToServer, ACK)] {
            let segment = TcpSegment {
                seq: stream.next(direction),
                ack: match flags.contains(ACK) {
                    true => stream.next(direction.reverse()),
                    false => 0,
                },
                flags,
                window: 0xffff,
                options,
                ..TcpSegment::default()
            };
            let frame = stream.raw(direction, &segment);
            stream.advance(direction, usize::from(flags.contains(SYN)));
            let side = ends.side_of_sender(direction);
            assert!(gateway.carry(side, &frame).outcome.forward);
        }
        let connect = mqtt::connect(Version::V311, "device");
        let connack = mqtt::connack(Version::V311, 0);
        for (direction, packet) in [(ToServer, &connect), (ToClient, &connack)] {
            let passage = stream.data(&mut gateway, direction, packet);
            assert!(passage.outcome.forward, "{:?}", passage.outcome);
        }
        let start = stream.next(ToServer);
        Self {
            gateway,
            stream,
            behind: receivers(start),
            unprotected: receivers(start),
        }
    }

    /// The frame of a step.
    fn frame(&self, step: &Step) -> Vec<u8> {
        let acked = self.stream.next(step.direction.reverse());
        let segment = TcpSegment {
            seq: self
                .stream
                .next(step.direction)
                .wrapping_add(step.at as u32),
            ack: acked.wrapping_add(step.ack as u32),
            flags: step.flags,
            window: step.window,
            options: &step.options,
            payload: &step.bytes,
        };
        let mut frame = self.stream.raw(step.direction, &segment);
        if step.urgent != 0 {
            let layout = net::Packet::decode(&frame)
                .expect("a frame of our own")
                .layout;
            frame[layout.l4 + 18..][..2].copy_from_slice(&step.urgent.to_be_bytes());
            net::edit::refresh_checksums(&mut frame, &layout);
        }
        if step.has_bad_checksum {
            *frame.last_mut().expect("a frame has bytes") ^= 0x55;
        }
        frame
    }

    /// Carries a step, and lets both pairs of receivers have what reaches them.
    pub(crate) fn carry(&mut self, step: &Step) -> Passage {
        let frame = self.frame(step);
        let is_for_server = step.direction == ToServer;
        if is_for_server && !step.is_lost_behind && !step.has_bad_checksum {
            deliver(&mut self.unprotected, &frame);
        }
        let side = self.stream.ends.side_of_sender(step.direction);
        let passage = self.gateway.carry(side, &frame);
        for departed in passage.toward(Side::Outside) {
            // What the gateway adds of its own isn't lost with the segment.
            let is_lost = step.is_lost_behind && !tcp_of(departed).flags.contains(RST);
            if !is_lost {
                deliver(&mut self.behind, departed);
            }
        }
        passage
    }

    pub(crate) fn assert_never_complete(&self, name: &str) {
        for receiver in &self.behind {
            assert!(!holds_denied(receiver.received()), "{name}: it arrived");
        }
    }
}

/// Lets receivers have a segment. They look at no acknowledgement, as nothing a firewall may rely on;
/// what isn't a segment of a stream they ignore.
fn deliver(receivers: &mut [Receiver; 2], frame: &[u8]) {
    let Ok(packet) = net::Packet::decode(frame) else {
        return;
    };
    if let net::Transport::Tcp(tcp) = packet.transport
        && !tcp.flags.contains(SYN)
    {
        for receiver in receivers {
            receiver.handle_segment(&tcp);
        }
    }
}

/// Whether a broker that reads `bytes` gets the denied message.
fn holds_denied(mut bytes: &[u8]) -> bool {
    while let Ok(Decoded::Complete { message, len }) =
        ControlPacket::decode(bytes, Version::V311, ToServer)
    {
        if matches!(message, ControlPacket::Publish(publish) if publish.topic.as_str().starts_with("secret/"))
        {
            return true;
        }
        bytes = &bytes[len..];
    }
    false
}

/// What became of a step.
fn fate(passage: &Passage) -> Fate {
    let reason = passage.reason().unwrap_or("no reason");
    match passage.verdict() {
        Verdict::Accept if passage.outcome.forward => Fate::Passes,
        Verdict::Hold => Fate::Held,
        Verdict::Reset => Fate::Denied,
        Verdict::Drop if passage.reason().is_none() => Fate::Over,
        Verdict::Drop => Fate::Dropped(reason),
        other => panic!("{other:?} of {reason}"),
    }
}

/// Past a monitor, whatever comes in goes out as it came, and nothing else does.
fn check_monitored(case: &Case, ends: Ends, options: &[u8]) {
    let mut scene = Scene::new("mode = \"monitor\"", ends, options);
    for (n, step) in case.steps.iter().enumerate() {
        let sent = Departed {
            side: ends.side_of_sender(step.direction).opposite(),
            frame: scene.frame(step),
        };
        let passage = scene.carry(step);
        assert_eq!(
            passage.out,
            [sent],
            "{}: step {n}: {:?}",
            case.name,
            passage.outcome
        );
    }
}

/// Plays a case over both address families.
pub(crate) fn check(case: &Case) {
    for ends in [Ends::v4(7, 1883), Ends::v6(7, 1883)] {
        // The ends use timestamps where the trick does.
        let uses_timestamps = case
            .steps
            .iter()
            .any(|step| step.options.starts_with(&[1, 1, 8]));
        let options = match uses_timestamps {
            true => timestamp(100),
            false => Vec::new(),
        };
        check_monitored(case, ends, &options);
        let mut scene = Scene::new("", ends, &options);
        for (n, step) in case.steps.iter().enumerate() {
            let passage = scene.carry(step);
            assert_eq!(
                fate(&passage),
                step.fate,
                "{}: step {n}: {passage:?}",
                case.name
            );
        }
        scene.assert_never_complete(case.name);
        let unprotected = scene.unprotected.each_ref();
        let unprotected = unprotected.map(|receiver| holds_denied(receiver.received()));
        assert_eq!(
            unprotected, case.unprotected,
            "{}: without the gateway",
            case.name
        );
    }
}
