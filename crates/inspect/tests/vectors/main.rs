//! Attacks by MQTT, byte by byte, under the shipped baseline: what the protocol forbids doesn't arrive,
//! and for the reason it should.

use testkit::network::{Ends, Gateway, Passage, Stream, tcp_of};
use weir_inspect::Verdict;
use wire::Direction::{self, ToClient, ToServer};
use wire::net::TcpFlags;

const BASELINE: &str = include_str!("../../../../rules/baseline.toml");
const VECTORS: &str = include_str!("mqtt.tsv");

struct Vector {
    id: &'static str,
    outcome: &'static str,
    steps: Vec<(Direction, Vec<u8>)>,
}

fn vectors() -> Vec<Vector> {
    let lines = VECTORS.lines().filter(|line| !line.starts_with('#'));
    lines.map(vector).collect()
}

fn vector(line: &'static str) -> Vector {
    let [id, outcome, steps, _name] = line.split('\t').collect::<Vec<_>>()[..] else {
        panic!("four columns, and not {line}");
    };
    let steps = steps.split(' ').map(|step| match step.split_at(1) {
        (">", hex) => (ToServer, bytes(hex)),
        ("<", hex) => (ToClient, bytes(hex)),
        _ => panic!("{id}: {step}"),
    });
    Vector {
        id,
        outcome,
        steps: steps.collect(),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// Plays a vector in segments of `len` bytes: what became of its last step.
fn play(vector: &Vector, len: usize) -> Passage {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let (last, before) = vector.steps.split_last().expect("a vector has steps");
    for (direction, bytes) in before {
        for chunk in bytes.chunks(len) {
            let passage = stream.data(&mut gateway, *direction, chunk);
            assert_eq!(passage.verdict(), Verdict::Accept, "{}", vector.id);
        }
    }
    let (direction, bytes) = last;
    let mut chunks = bytes.chunks(len);
    loop {
        let chunk = chunks.next().expect("a step has bytes");
        let passage = stream.data(&mut gateway, *direction, chunk);
        if passage.verdict() != Verdict::Accept || chunks.len() == 0 {
            return passage;
        }
    }
}

/// A client that goes on after its DISCONNECT: what it says is dropped, and the connection closed.
const LEAVE: &str = "mqtt.session.after-disconnect";

#[test]
fn each_has_the_outcome_it_should_however_it_is_cut() {
    for vector in vectors() {
        for len in [1400, 7, 1] {
            let passage = play(&vector, len);
            let mut reason = passage.reason();
            // Of several clauses a packet breaks, that one is named whose bytes come first.
            let is_malformed = |code: &str| code.starts_with("mqtt.malformed.");
            if len == 1 && is_malformed(vector.outcome) && reason.is_some_and(is_malformed) {
                reason = Some(vector.outcome);
            }
            let told = (passage.verdict(), reason, passage.outcome.rule.is_some());
            let expected = match vector.outcome {
                "passes" => passage.verdict() == Verdict::Accept,
                LEAVE => told == (Verdict::Drop, Some(LEAVE), true),
                "rule" => matches!(told, (Verdict::Reset, None, true)),
                reason => told == (Verdict::Reset, Some(reason), true),
            };
            assert!(expected, "{} by {len}: {:?}", vector.id, passage.outcome);
        }
    }
}

#[test]
fn what_is_reset_doesn_t_arrive_and_both_ends_hear_of_it() {
    for vector in vectors().iter().filter(|vector| vector.outcome != "passes") {
        let passage = play(vector, 1400);
        assert!(!passage.outcome.forward, "{}", vector.id);
        let resets = passage.out.iter().map(|departed| tcp_of(&departed.frame));
        let flags: Vec<_> = resets.map(|tcp| (tcp.flags, tcp.payload.len())).collect();
        assert_eq!(flags.len(), 2, "{}", vector.id);
        let end = match vector.outcome {
            LEAVE => TcpFlags::FIN,
            _ => TcpFlags::RST,
        };
        let end = (end | TcpFlags::ACK, 0);
        assert!(flags.iter().all(|told| *told == end), "{}", vector.id);
    }
}

#[test]
fn past_a_monitor_all_of_it_goes_on_as_it_came() {
    for vector in vectors() {
        for len in [1400, 7] {
            let mut gateway = Gateway::of("mode = \"monitor\"", BASELINE);
            let mut stream = Stream::new(Ends::v4(7, 1883));
            stream.open(&mut gateway);
            for (direction, bytes) in &vector.steps {
                for chunk in bytes.chunks(len) {
                    let flags = TcpFlags::ACK | TcpFlags::PSH;
                    let sent = stream.segment(*direction, 0, flags, chunk);
                    let passage = stream.data(&mut gateway, *direction, chunk);
                    let out: Vec<_> = passage.out.iter().map(|out| &out.frame).collect();
                    assert_eq!(out, [&sent], "{} by {len}", vector.id);
                }
            }
        }
    }
}
