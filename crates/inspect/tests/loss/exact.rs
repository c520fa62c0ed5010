//! What the sender of a held segment is told, byte for byte.

use policy::Side;
use testkit::mqtt;
use testkit::network::{Departed, Ends, Gateway, Passage, Stream, policy_of};
use weir_inspect::{Count, Injected, Instant, Limits, Verdict};
use wire::Direction::{self, ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

const ACK: TcpFlags = TcpFlags::ACK;
const SYN: TcpFlags = TcpFlags::SYN;
const MSS: usize = 1000;
/// The window of the server's last segment.
const WINDOW: u16 = 501;

/// SACK permitted, and a shift of 7.
const TAKES_SACK: [u8; 8] = [4, 2, 1, 1, 1, 3, 3, 7];
/// A shift of 7 alone.
const TAKES_NONE: [u8; 4] = [1, 3, 3, 7];

/// A connection past its handshake, whose client says a long PUBLISH.
struct Scene {
    gateway: Gateway,
    stream: Stream,
    bytes: Vec<u8>,
    clocks: Option<[u32; 2]>,
}

impl Scene {
    fn new(gateway: Gateway, ends: Ends, syn_options: &[u8], clocks: Option<[u32; 2]>) -> Self {
        let connect = mqtt::connect(Version::V311, "device");
        let publish = mqtt::publish(Version::V311, "t", &[b'x'; 60_000]);
        let mut scene = Self {
            gateway,
            stream: Stream::new(ends),
            bytes: [connect, publish].concat(),
            clocks,
        };
        for (direction, flags) in [(ToServer, SYN), (ToClient, SYN | ACK), (ToServer, ACK)] {
            let is_syn = flags.contains(SYN);
            let options = match is_syn {
                true => [syn_options, &scene.timestamps(direction)].concat(),
                false => scene.timestamps(direction),
            };
            let acked = scene.stream.next(direction.reverse());
            let segment = TcpSegment {
                seq: scene.stream.next(direction),
                ack: if flags.contains(ACK) { acked } else { 0 },
                flags,
                window: 3500,
                options: &options,
                payload: &[],
            };
            let frame = scene.stream.raw(direction, &segment);
            scene.stream.advance(direction, usize::from(is_syn));
            let side = ends.side_of_sender(direction);
            assert!(scene.gateway.carry(side, &frame).outcome.forward);
        }
        scene
    }

    /// The usual one, whose server has said that it has room.
    fn ordinary(syn_options: &[u8], clocks: Option<[u32; 2]>) -> Self {
        let mut scene = Self::new(Gateway::of("", ""), Ends::v4(7, 1883), syn_options, clocks);
        assert!(scene.server_acks(0, WINDOW).outcome.forward);
        scene
    }

    fn timestamps(&self, direction: Direction) -> Vec<u8> {
        let Some(clocks) = self.clocks else {
            return Vec::new();
        };
        let clock = |direction| clocks[direction as usize].to_be_bytes();
        let (value, echo) = (clock(direction), clock(direction.reverse()));
        [&[1, 1, 8, 10][..], &value, &echo].concat()
    }

    /// The client's segment number `n`.
    fn client(&mut self, n: usize) -> Passage {
        self.client_range(n * MSS..(n + 1) * MSS)
    }

    fn client_range(&mut self, range: std::ops::Range<usize>) -> Passage {
        let bytes = self.bytes[range.clone()].to_vec();
        self.client_says(range.start, &bytes)
    }

    fn client_says(&mut self, at: usize, bytes: &[u8]) -> Passage {
        let segment = TcpSegment {
            seq: self.at(at),
            ack: self.stream.next(ToClient),
            flags: ACK,
            window: 3500,
            options: &self.timestamps(ToServer),
            payload: bytes,
        };
        let frame = self.stream.raw(ToServer, &segment);
        self.gateway.carry(Side::Inside, &frame)
    }

    fn at(&self, offset: usize) -> u32 {
        self.stream.next(ToServer).wrapping_add(offset as u32)
    }

    fn server_acks(&mut self, segments: usize, window: u16) -> Passage {
        let options = self.timestamps(ToClient);
        let frame = self.acknowledgement(segments, window, &options);
        self.gateway.carry(Side::Outside, &frame)
    }

    /// A bare segment of the server's.
    fn acknowledgement(&self, segments: usize, window: u16, options: &[u8]) -> Vec<u8> {
        let segment = TcpSegment {
            seq: self.stream.next(ToClient),
            ack: self.at(segments * MSS),
            flags: ACK,
            window,
            options,
            payload: &[],
        };
        self.stream.raw(ToClient, &segment)
    }

    /// What the client is to hear: so much acknowledged, and these segments held.
    fn told(&self, acked: usize, held: &[(usize, usize)]) -> Departed {
        let mut options = self.timestamps(ToClient);
        if !held.is_empty() {
            options.extend([1, 1, 5, (2 + held.len() * 8) as u8]);
        }
        for (start, end) in held {
            options.extend(self.at(start * MSS).to_be_bytes());
            options.extend(self.at(end * MSS).to_be_bytes());
        }
        Departed {
            side: Side::Inside,
            frame: self.acknowledgement(acked, WINDOW, &options),
        }
    }

    fn duplicates(&self) -> usize {
        let counted = Count::Injected(Injected::DuplicateAck);
        self.gateway.record.counted(counted)
    }
}

#[test]
fn it_hears_what_is_held_the_latest_first() {
    let mut scene = Scene::ordinary(&TAKES_SACK, None);
    let passed = scene.client(0);
    assert!(passed.outcome.forward && passed.out.len() == 1);
    scene.server_acks(1, WINDOW);
    for (n, held) in [
        (2, &[(2, 3)][..]),
        (3, &[(2, 4)]),
        (6, &[(6, 7), (2, 4)]),
        (8, &[(8, 9), (6, 7), (2, 4)]),
        (10, &[(10, 11), (8, 9), (6, 7), (2, 4)]),
        (12, &[(12, 13), (10, 11), (8, 9), (6, 7)]),
        (7, &[(6, 9), (12, 13), (10, 11)]),
        (3, &[(3, 4), (6, 9), (12, 13), (10, 11)]),
    ] {
        let passage = scene.client(n);
        assert_eq!(passage.verdict(), Verdict::Hold, "{n}");
        assert_eq!(passage.out, [scene.told(1, held)], "{n}");
    }
    // The gap is filled: the receiver's own acknowledgements follow.
    let filled = scene.client(1);
    assert_eq!(filled.toward(Side::Outside).len(), 3);
    assert_eq!(filled.toward(Side::Inside).len(), 0);
    // There is another behind it. What has had its turn isn't spoken of any more.
    scene.server_acks(4, WINDOW);
    let passage = scene.client(14);
    assert_eq!(
        passage.out,
        [scene.told(4, &[(14, 15), (6, 9), (12, 13), (10, 11)])]
    );
}

#[test]
fn it_hears_timestamps_where_there_are_any() {
    let mut scene = Scene::ordinary(&TAKES_SACK, Some([100, 900]));
    scene.client(0);
    scene.server_acks(1, WINDOW);
    for (n, held) in [
        (2, &[(2, 3)][..]),
        (4, &[(4, 5), (2, 3)]),
        (6, &[(6, 7), (4, 5), (2, 3)]),
        (8, &[(8, 9), (6, 7), (4, 5)]),
    ] {
        // The echo is that of what came in order (RFC 7323 §4.3).
        let told = scene.told(1, held);
        scene.clocks = Some([100 + n as u32, 900]);
        let passage = scene.client(n);
        scene.clocks = Some([100, 900]);
        assert_eq!(passage.out, [told], "{n}");
    }
}

/// What fills the gap was sent after what is held, and would have that thrown away for its age (RFC 7323 §5.3).
#[test]
fn what_was_held_is_no_older_than_what_goes_before_it() {
    let mut scene = Scene::ordinary(&TAKES_SACK, Some([100, 900]));
    for (n, clock) in [(1, 101), (2, 105), (3, 102), (0, 103)] {
        scene.clocks = Some([clock, 900]);
        let passage = scene.client(n);
        let out: Vec<_> = passage.toward(Side::Outside);
        if n > 0 {
            assert_eq!(out.len(), 0);
            continue;
        }
        for (n, (frame, clock)) in out.iter().zip([103, 103, 105, 105]).enumerate() {
            let options = [1, 1, 8, 10, 0, 0, 0, clock, 0, 0, 3, 132];
            let expected = TcpSegment {
                seq: scene.at(n * MSS),
                ack: scene.stream.next(ToClient),
                flags: ACK,
                window: 3500,
                options: &options,
                payload: &scene.bytes[n * MSS..(n + 1) * MSS],
            };
            assert_eq!(**frame, scene.stream.raw(ToServer, &expected), "{n}");
        }
        assert_eq!(out.len(), 4);
    }
}

#[test]
fn it_hears_the_number_alone_where_one_end_takes_no_more() {
    let mut scene = Scene::ordinary(&TAKES_NONE, None);
    for n in 1..5 {
        assert_eq!(scene.client(n).out, [scene.told(0, &[])], "{n}");
    }
}

#[test]
fn nothing_is_called_missing_that_is_under_way_to_its_receiver() {
    for (syn_options, owed) in [(&TAKES_SACK[..], 1), (&TAKES_NONE, 3)] {
        let mut scene = Scene::ordinary(syn_options, None);
        for n in 0..4 {
            assert!(scene.client(n).outcome.forward);
        }
        for n in 5..10 {
            assert_eq!(scene.client(n).out, [], "{n}");
        }
        assert_eq!(scene.server_acks(2, WINDOW).out.len(), 1);
        let passage = scene.server_acks(4, WINDOW);
        let told = match owed {
            1 => scene.told(4, &[(5, 10)]),
            _ => scene.told(4, &[]),
        };
        let own = Departed {
            side: Side::Inside,
            frame: scene.acknowledgement(4, WINDOW, &[]),
        };
        let mut expected = vec![own];
        expected.extend(vec![told; owed]);
        assert_eq!(passage.out, expected);
        // That is all there is to say.
        assert_eq!(scene.server_acks(4, WINDOW).out.len(), 1);
        assert_eq!(scene.client(10).out.len(), 1);
    }
}

#[test]
fn a_receiver_may_wait_for_a_second_segment_and_a_sender_not_for_ever() {
    let mut scene = Scene::ordinary(&TAKES_SACK, None);
    assert!(scene.client(0).outcome.forward);
    assert_eq!(scene.client(2).out, [scene.told(0, &[(2, 3)])]);
    let mut scene = Scene::ordinary(&TAKES_SACK, None);
    for n in 0..4 {
        assert!(scene.client(n).outcome.forward);
    }
    assert_eq!(scene.client(5).out, []);
    // A probe for the loss of the last ones (RFC 8985 §7).
    assert_eq!(scene.client(5).out, [scene.told(0, &[(5, 6)])]);
}

#[test]
fn who_has_acknowledged_all_but_one_may_just_be_at_it() {
    let mut scene = Scene::ordinary(&TAKES_SACK, None);
    for n in 0..4 {
        assert!(scene.client(n).outcome.forward);
    }
    for n in 5..10 {
        assert_eq!(scene.client(n).out, [], "{n}");
    }
    assert_eq!(scene.server_acks(3, WINDOW).out.len(), 1);
    let told = scene.told(4, &[(5, 10)]);
    assert_eq!(scene.server_acks(4, WINDOW).out.last(), Some(&told));
}

#[test]
fn there_is_one_for_each_that_is_held_and_none_for_others() {
    let gateway = Gateway::with_limits(
        policy_of("", ""),
        Limits {
            held_segments_per_flow: 2,
            ..Limits::default()
        },
    );
    let mut scene = Scene::new(gateway, Ends::v6(7, 1883), &TAKES_SACK, None);
    scene.server_acks(0, WINDOW);
    for n in [2, 3, 3, 2] {
        assert_eq!(scene.client(n).out.len(), 1);
    }
    scene.client(5).assert_dropped("tcp.hold-limit");
    scene
        .client_says(2 * MSS, b"other bytes")
        .assert_dropped("tcp.overlap-conflict");
    let bare = scene.client_says(4 * MSS, &[]);
    assert_eq!((bare.verdict(), bare.out.len()), (Verdict::Accept, 1));
    assert_eq!(scene.duplicates(), 4);
}

#[test]
fn the_window_is_what_its_sender_has_heard_last() {
    // Of a SYN it isn't shifted (RFC 7323 §2.2), and in all else it is.
    let mut scene = Scene::new(Gateway::of("", ""), Ends::v4(7, 1883), &TAKES_SACK, None);
    let window = |passage: &Passage| testkit::network::tcp_of(&passage.out[0].frame).window;
    assert_eq!(window(&scene.client(1)), 3500 >> 7);
    // It was made smaller on its way.
    let heard = scene.server_acks(0, u16::MAX);
    assert!(window(&heard) < u16::MAX);
    assert_eq!(window(&scene.client(2)), window(&heard));
}

#[test]
fn of_an_older_connection_sack_is_known_once_it_was_said() {
    let mut scene = Scene::ordinary(&TAKES_SACK, None);
    scene.gateway = Gateway::of("", "");
    scene.gateway.inspector.lose_sight(Instant::from_secs(1));
    assert!(scene.client(0).outcome.forward);
    let early = scene.client(2);
    assert_eq!(early.out, [], "nothing is known of its receiver: {early:?}");
    scene.server_acks(1, WINDOW);
    assert_eq!(scene.client(3).out, [scene.told(1, &[])]);
    let options = [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    let frame = scene.acknowledgement(1, WINDOW, &options);
    scene.gateway.carry(Side::Outside, &frame);
    assert_eq!(scene.client(5).out, [scene.told(1, &[(5, 6), (2, 4)])]);
}

#[test]
fn past_a_monitor_segments_go_on_as_they_come() {
    let gateway = Gateway::of("mode = \"monitor\"", "");
    let mut scene = Scene::new(gateway, Ends::v4(7, 1883), &TAKES_SACK, None);
    scene.server_acks(0, WINDOW);
    for n in [0, 2, 3, 2, 5, 1, 4] {
        let passage = scene.client(n);
        let sent = &scene.bytes[n * MSS..(n + 1) * MSS];
        let out: Vec<_> = passage.toward(Side::Outside);
        assert_eq!((out.len(), passage.out.len()), (1, 1), "{n}");
        assert_eq!(testkit::network::tcp_of(out[0]).payload, sent, "{n}");
        assert_eq!(passage.verdict(), Verdict::Accept, "{n}");
    }
    assert_eq!(scene.gateway.inspector.gauges().held_segments, 0);
    // All of it was read.
    for at in (6..61).map(|n| n * MSS) {
        let end = (at + MSS).min(scene.bytes.len());
        scene.client_range(at..end);
        scene.server_acks((at + MSS) / MSS, WINDOW);
    }
    let publishes = scene.gateway.record.counts.iter().filter(|count| {
        matches!(count, Count::Message { kind, .. }
            if *kind == weir_inspect::MessageKind::Mqtt(wire::mqtt::PacketType::Publish))
    });
    assert_eq!(publishes.count(), 1);
}
