//! Any segmentation, reordering within the window, duplication or overlap of one stream gives the same
//! message verdicts, and no denied message completes at the receiver, whichever bytes of an overlap
//! that receiver keeps (DESIGN section 8).

use policy::Side;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult, TestRunner};
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Passage, Stream, tcp_of};
use testkit::reference::{Overlap, Receiver};
use weir_inspect::{Count, MessageKind, Verdict};
use wire::Decoded;
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::{ControlPacket, Version};
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

/// Seeds of one run, and streams of each. `PROPTEST_RNG_SEED` isn't asked: a run is always the same.
const SEEDS: u64 = 2048;
const CASES: u32 = 2;

const PACK: &str = r#"
[[rule]]
id     = "secret"
match  = { packet = "PUBLISH", topic = "secret/#" }
action = "reset"

[[rule]]
id     = "order"
match  = { reason = ["mqtt.session.*", "mqtt.spoofed.*"] }
action = "reset"
"#;

/// One message of a client.
#[derive(Debug, Clone, Copy)]
enum Message {
    Open(usize),
    Secret(usize),
    Ping,
    Spoofed,
}

impl Message {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Open(len) => mqtt::publish(Version::V311, "open/topic", &vec![b'o'; len]),
            Self::Secret(len) => mqtt::publish(Version::V311, "secret/topic", &vec![b's'; len]),
            Self::Ping => mqtt::pingreq(),
            Self::Spoofed => mqtt::pingresp(),
        }
    }
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => (0..300_usize).prop_map(Message::Open),
        1 => (0..300_usize).prop_map(Message::Secret),
        4 => Just(Message::Ping),
        2 => Just(Message::Spoofed),
    ]
}

/// A place in the stream.
#[derive(Debug, Clone)]
enum Place {
    /// What the receiver lacks next.
    Next,
    At(prop::sample::Index),
}

/// What the network, or an attacker on the sender's side, does next.
#[derive(Debug, Clone)]
enum Step {
    /// A segment from this place of the stream, that many bytes long, passes.
    Segment { at: Place, len: usize },
    /// The same, with the byte at one place changed.
    Forged {
        at: Place,
        len: usize,
        change: prop::sample::Index,
    },
    /// A segment reaches the gateway, but not the receiver behind it.
    LostBehind { at: Place, len: usize },
    /// A FIN, RST or SYN at this place, that may end behind the gateway.
    Control {
        at: Place,
        len: usize,
        flags: TcpFlags,
        arrives: bool,
    },
    /// The receiver acknowledges what it has.
    Acknowledge,
}

impl Step {
    /// Whether an honest sender and a bad network can do it.
    fn is_honest(&self) -> bool {
        !matches!(self, Self::Forged { .. } | Self::Control { .. })
    }
}

fn step() -> impl Strategy<Value = Step> {
    let at = prop_oneof![
        Just(Place::Next),
        any::<prop::sample::Index>().prop_map(Place::At)
    ];
    let len = prop_oneof![1..4_usize, 1..80_usize];
    let segment = (at.clone(), len.clone()).prop_map(|(at, len)| Step::Segment { at, len });
    let lost = (at.clone(), len.clone()).prop_map(|(at, len)| Step::LostBehind { at, len });
    let forged = (at.clone(), len, any::<prop::sample::Index>())
        .prop_map(|(at, len, change)| Step::Forged { at, len, change });
    let (fin, rst, syn, ack) = (TcpFlags::FIN, TcpFlags::RST, TcpFlags::SYN, TcpFlags::ACK);
    let flags = prop::sample::select(vec![fin | ack, rst, rst | ack, syn, syn | ack]);
    let control = (at, 0..3_usize, flags, any::<bool>()).prop_map(|(at, len, flags, arrives)| {
        Step::Control {
            at,
            len,
            flags,
            arrives,
        }
    });
    prop_oneof![
        12 => segment,
        2 => forged,
        2 => lost,
        1 => control,
        4 => Just(Step::Acknowledge),
    ]
}

/// A connection past its CONNACK, and the two kinds of receiver behind the gateway.
struct Scene {
    gateway: Gateway,
    stream: Stream,
    bytes: Vec<u8>,
    receivers: [Receiver; 2],
}

impl Scene {
    fn new(ends: Ends, messages: &[Message]) -> Self {
        let mut gateway = Gateway::of("", PACK);
        let mut stream = Stream::new(ends);
        stream.open(&mut gateway);
        let connect = mqtt::connect(Version::V311, "device");
        assert!(
            stream
                .data(&mut gateway, ToServer, &connect)
                .outcome
                .forward
        );
        assert!(
            stream
                .data(&mut gateway, ToClient, &mqtt::connack(Version::V311, 0))
                .outcome
                .forward
        );
        let start = stream.next(ToServer);
        Self {
            gateway,
            stream,
            bytes: messages
                .iter()
                .flat_map(|message| message.bytes())
                .collect(),
            receivers: [Overlap::First, Overlap::Last].map(|overlap| Receiver::new(start, overlap)),
        }
    }

    /// Sends bytes of the stream, or others, from one of its places.
    fn send(&mut self, at: usize, bytes: &[u8], arrives: bool) {
        self.send_with(TcpFlags::ACK, at, bytes, arrives);
    }

    fn send_with(&mut self, flags: TcpFlags, at: usize, bytes: &[u8], arrives: bool) {
        let segment = TcpSegment {
            seq: self.stream.next(ToServer).wrapping_add(at as u32),
            ack: self.stream.next(ToClient),
            flags,
            window: 0xffff,
            payload: bytes,
            ..TcpSegment::default()
        };
        let frame = self.stream.raw(ToServer, &segment);
        let passage = self.gateway.carry(Side::Inside, &frame);
        if arrives {
            self.deliver(&passage);
        }
    }

    fn deliver(&mut self, passage: &Passage) {
        for frame in passage.toward(Side::Outside) {
            for receiver in &mut self.receivers {
                receiver.handle_segment(&tcp_of(frame));
            }
        }
    }

    /// Acknowledges what both kinds of receiver have.
    fn acknowledge(&mut self) {
        let segment = TcpSegment {
            seq: self.stream.next(ToClient),
            ack: self
                .received()
                .min_by_key(|bytes| bytes.len())
                .map_or(0, |bytes| {
                    self.stream.next(ToServer).wrapping_add(bytes.len() as u32)
                }),
            flags: TcpFlags::ACK,
            window: 0xffff,
            ..TcpSegment::default()
        };
        let frame = self.stream.raw(ToClient, &segment);
        let passage = self.gateway.carry(Side::Outside, &frame);
        self.deliver(&passage);
    }

    fn received(&self) -> impl Iterator<Item = &[u8]> {
        self.receivers.iter().map(Receiver::received)
    }

    fn step(&mut self, step: &Step) {
        let total = self.bytes.len();
        let next = self.received().map(<[u8]>::len).min().unwrap_or(0);
        let piece = |at: &Place, len: usize| {
            let at = match at {
                Place::Next => next.min(total - 1),
                Place::At(index) => index.index(total),
            };
            (at, (at + len).min(total))
        };
        match step {
            Step::Segment { at, len } => {
                let (from, to) = piece(at, *len);
                let bytes = self.bytes[from..to].to_vec();
                self.send(from, &bytes, true);
            }
            Step::LostBehind { at, len } => {
                let (from, to) = piece(at, *len);
                let bytes = self.bytes[from..to].to_vec();
                self.send(from, &bytes, false);
            }
            Step::Forged { at, len, change } => {
                let (from, to) = piece(at, *len);
                let mut bytes = self.bytes[from..to].to_vec();
                let place = change.index(bytes.len());
                bytes[place] ^= 0x21;
                self.send(from, &bytes, true);
            }
            Step::Control {
                at,
                len,
                flags,
                arrives,
            } => {
                let (from, to) = piece(at, *len);
                let bytes = self.bytes[from..to].to_vec();
                self.send_with(*flags, from, &bytes, *arrives);
            }
            Step::Acknowledge => self.acknowledge(),
        }
    }

    /// The sender repeats what isn't acknowledged until all has arrived or the connection is gone.
    fn finish(&mut self) {
        for _ in 0..self.bytes.len() {
            let have = self.received().map(<[u8]>::len).min().unwrap_or(0);
            let is_over = self.receivers.iter().all(Receiver::is_over);
            if have == self.bytes.len() || is_over {
                return;
            }
            let to = (have + 1000).min(self.bytes.len());
            let bytes = self.bytes[have..to].to_vec();
            self.send(have, &bytes, true);
            self.acknowledge();
        }
        panic!("the stream got stuck");
    }

    /// Kind and verdict of every message judged on its way to the server.
    fn verdicts(&self) -> Vec<(MessageKind, Verdict)> {
        let judged = |count: &Count| match count {
            Count::Message {
                kind,
                direction: ToServer,
                verdict,
            } => Some((*kind, *verdict)),
            _ => None,
        };
        self.gateway
            .record
            .counts
            .iter()
            .filter_map(judged)
            .collect()
    }
}

/// Control packets in `bytes` that a server would act on.
fn complete(mut bytes: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(Decoded::Complete { message, len }) =
        ControlPacket::decode(bytes, Version::V311, ToServer)
    {
        seen.push(match message {
            ControlPacket::Publish(publish) => publish.topic.as_str().to_owned(),
            other => other.packet_type().to_string(),
        });
        bytes = &bytes[len..];
    }
    seen
}

fn in_one_go(ends: Ends, messages: &[Message]) -> Scene {
    let mut scene = Scene::new(ends, messages);
    for message in messages {
        let at: usize = scene.received().map(<[u8]>::len).max().unwrap_or(0);
        scene.send(at, &message.bytes(), true);
        scene.acknowledge();
    }
    scene
}

type Play = (bool, Vec<Message>, Vec<Step>);

/// Over which family, what a client says, and what becomes of it.
fn play() -> impl Strategy<Value = Play> {
    let messages = prop::collection::vec(message(), 1..8);
    let steps = prop::collection::vec(step(), 0..80);
    (any::<bool>(), messages, steps)
}

fn ends(is_v6: bool) -> Ends {
    match is_v6 {
        true => Ends::v6(7, 1883),
        false => Ends::v4(7, 1883),
    }
}

/// Holds a property against every seed. One that fails is named, with the smallest play that does.
fn hold(property: impl Fn(Play) -> TestCaseResult) {
    let play = play();
    for seed in 0..SEEDS {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: CASES,
            rng_seed: RngSeed::Fixed(seed),
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        if let Err(failure) = runner.run(&play, &property) {
            panic!("seed {seed}: {failure}");
        }
    }
}

#[test]
fn an_honest_stream_is_judged_alike_however_it_is_cut_and_shuffled() {
    hold(|(is_v6, messages, steps)| {
        let mut scene = Scene::new(ends(is_v6), &messages);
        for step in steps.iter().filter(|step| step.is_honest()) {
            scene.step(step);
        }
        scene.finish();
        let expected = in_one_go(ends(is_v6), &messages);
        prop_assert_eq!(scene.verdicts(), expected.verdicts());
        let [first, last] = &scene.receivers;
        prop_assert_eq!(first.received(), last.received());
        // What was lost behind the gateway before a denial is never repeated.
        let [arrived, should] = [first, &expected.receivers[0]].map(|r| complete(r.received()));
        prop_assert!(should.starts_with(&arrived));
        prop_assert!(first.is_reset() || arrived == should);
        let reasons = scene.gateway.record.reasons();
        prop_assert!(
            !reasons.iter().any(|reason| reason.starts_with("tcp.")),
            "{reasons:?}"
        );
        Ok(())
    });
}

#[test]
fn no_denied_message_completes_whatever_a_sender_forges() {
    hold(|(is_v6, messages, steps)| {
        let mut scene = Scene::new(ends(is_v6), &messages);
        for step in &steps {
            scene.step(step);
        }
        let [first, last] = &scene.receivers;
        let common = first.received().len().min(last.received().len());
        prop_assert_eq!(&first.received()[..common], &last.received()[..common]);
        for receiver in &scene.receivers {
            for message in complete(receiver.received()) {
                prop_assert!(!message.starts_with("secret/"), "{message} arrived");
                prop_assert!(message != "PINGRESP", "{message} arrived");
            }
        }
        Ok(())
    });
}
