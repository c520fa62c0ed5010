//! A gateway between two sides, and what a test wants to see of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use inspect::{
    Count, Counted, Event, Frame, Injected, Inspector, Instant, Limits, Outcome, Port, Seed, Sink,
    Verdict,
};
use policy::{Ban, Config, Policy, Reason, RuleIndex, Side, SourceText};
use wire::coap::encode::Builder;
use wire::coap::{Code, Message, Type, number};
use wire::net::build::{self, Path};
use wire::net::{Packet, Transport};

/// The rules as they are shipped.
pub(crate) const BASELINE: &str = include_str!("../../../../rules/baseline.toml");

/// A gateway, and the time.
pub(crate) struct World {
    pub(crate) inspector: Inspector,
    pub(crate) now: Instant,
    pub(crate) log: Log,
}

/// What the inspector told.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<(Option<Reason>, Verdict)>,
    /// What was said in a message's place, event by event.
    pub(crate) replies: Vec<Option<Injected>>,
    pub(crate) injected: Vec<(Port, Vec<u8>)>,
    pub(crate) purposes: Vec<Injected>,
    pub(crate) ratios: Vec<u32>,
    /// Bytes that rules went by.
    pub(crate) counted: Vec<Counted>,
}

/// What became of a datagram.
#[derive(Debug)]
pub(crate) struct Passage {
    pub(crate) outcome: Outcome,
    /// What went on to its receiver.
    pub(crate) forwarded: Option<Vec<u8>>,
    /// What the gateway sent on its own.
    pub(crate) injected: Vec<Datagram>,
}

/// A UDP datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) payload: Vec<u8>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(BASELINE, Limits::default())
    }

    /// Where nothing but a cookie proves an address.
    pub(crate) fn with_cookies_only() -> Self {
        Self::with(&cookies_only(), Limits::default())
    }

    /// As [`World::new`], with other keys.
    pub(crate) fn with_key(key: u64) -> Self {
        Self::of(BASELINE, Limits::default(), Seed::fixed(key))
    }

    pub(crate) fn with(rules: &str, limits: Limits) -> Self {
        Self::of(rules, limits, Seed::fixed(7))
    }

    fn of(rules: &str, limits: Limits, seed: Seed) -> Self {
        Self {
            inspector: Inspector::new(limits, policy(rules), seed),
            now: Instant::from_secs(1000),
            log: Log::default(),
        }
    }

    pub(crate) fn pause(&mut self, pause: Duration) {
        self.now = self.now + pause;
        while let Some((due, _)) = self.inspector.poll_timeout() {
            if due > self.now {
                break;
            }
            self.inspector.handle_timeout(self.now, &mut self.log);
        }
    }

    /// Sends a datagram through the gateway. Who has an address beginning with 10 or fd stands
    /// inside.
    pub(crate) fn send(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Passage {
        let path = Path {
            source_mac: [2, 0, 0, 0, 0, 1],
            destination_mac: [2, 0, 0, 0, 0, 2],
            vlan: None,
            source: from.ip(),
            destination: to.ip(),
            source_port: from.port(),
            destination_port: to.port(),
            hop_limit: 64,
        };
        let mut buffer = vec![0; 4096];
        let len = build::udp_datagram(&mut buffer, &path, payload).expect("room for a frame");
        let mut frame = Frame::new(&mut buffer, len);
        let port = Port {
            link: 0,
            side: side_of(from.ip()),
        };
        let told = self.log.injected.len();
        let outcome = self
            .inspector
            .handle_frame(self.now, port, &mut frame, &mut self.log);
        let forwarded = outcome.forward.then(|| {
            let datagram = datagram(frame.as_slice());
            assert_eq!((datagram.from, datagram.to), (from, to));
            datagram.payload
        });
        let injected = self.log.injected[told..].iter().map(|(port, frame)| {
            let datagram = datagram(frame);
            assert_eq!(
                port.side,
                side_of(datagram.to.ip()),
                "out of the receiver's port"
            );
            datagram
        });
        Passage {
            outcome,
            forwarded,
            injected: injected.collect(),
        }
    }

    /// As [`World::send`], for what has to pass as it is.
    #[track_caller]
    pub(crate) fn pass(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let passage = self.send(from, to, payload);
        assert_eq!(passage.forwarded.as_deref(), Some(payload), "{passage:?}");
        assert_eq!(passage.injected, []);
    }

    /// `from` acknowledges the request under that message ID, which is held back: `to` has yet to prove its address.
    #[track_caller]
    pub(crate) fn promise(&mut self, from: SocketAddr, to: SocketAddr, id: u16) {
        let passage = self.send(from, to, &empty(Type::Acknowledgement, id));
        assert_eq!((passage.forwarded, passage.injected), (None, vec![]));
    }

    /// As [`World::pass`], for the response to a request whose acknowledgement was held back, and goes out with it.
    #[track_caller]
    pub(crate) fn pass_promised(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
        id: u16,
    ) {
        let passage = self.send(from, to, payload);
        assert_eq!(passage.forwarded.as_deref(), Some(payload), "{passage:?}");
        let [ack] = &*passage.injected else {
            panic!("{passage:?}");
        };
        assert_eq!(
            (ack.to, &ack.payload),
            (to, &empty(Type::Acknowledgement, id))
        );
    }

    /// Has `from` send a request that isn't answered until it is acknowledged.
    pub(crate) fn wait_for_acknowledgement(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        request: &[u8],
    ) {
        self.pass(from, to, request);
        let id = u16::from_be_bytes([request[2], request[3]]);
        self.promise(to, from, id);
        for is_acknowledged in [false, true] {
            self.pause(Duration::from_secs(3));
            let passage = self.send(from, to, request);
            assert_eq!(passage.forwarded, None, "its server knows of it");
            let told: Vec<_> = passage
                .injected
                .iter()
                .map(|own| (own.to, &*own.payload))
                .collect();
            let ack = empty(Type::Acknowledgement, id);
            assert_eq!(told, [(from, &*ack)][..usize::from(is_acknowledged)]);
        }
    }

    /// As [`World::send`], for what has to be dropped for `reason` and nothing else.
    #[track_caller]
    pub(crate) fn block(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
        reason: Reason,
    ) {
        let passage = self.send(from, to, payload);
        assert_eq!(passage.outcome.reason, Some(reason), "{passage:?}");
        assert_eq!(passage.outcome.verdict, Verdict::Drop);
        assert_eq!(passage.forwarded, None);
        assert_eq!(passage.injected, []);
    }

    /// Has `client` prove its address, by a request that is challenged and repeated.
    pub(crate) fn validate(&mut self, client: SocketAddr, server: SocketAddr) {
        let request = get(Type::NonConfirmable, 1, &[0xee], "validate");
        self.pass(client, server, &request);
        // What is larger than is ever cut into portions.
        let mut response = vec![];
        Builder::new(
            &mut response,
            Type::NonConfirmable,
            Code::CONTENT,
            1,
            &[0xee],
        )
        .payload(&[0; 2100]);
        let passage = self.send(server, client, &response);
        let cookie = echo_of(&passage.injected[0].payload).expect("a challenge");
        let request = with_echo(&request, &cookie);
        assert!(self.send(client, server, &request).forwarded.is_some());
    }
}

impl Sink for Log {
    fn event(&mut self, event: &Event<'_>) {
        self.events.push((event.reason, event.verdict));
        self.replies.push(event.reply);
        self.counted.extend(event.counted);
    }

    fn inject(&mut self, port: Port, frame: &[u8]) {
        self.injected.push((port, frame.to_vec()));
    }

    fn ban(&mut self, _: Ban, _: RuleIndex, _: u64) {}

    fn count(&mut self, count: Count) {
        match count {
            Count::Injected(purpose) => self.purposes.push(purpose),
            Count::AmplificationRatio { permille } => self.ratios.push(permille),
            _ => {}
        }
    }
}

/// The rules as they are shipped, but for what they take for proof.
pub(crate) fn cookies_only() -> String {
    let challenge = "action      = \"challenge\"";
    assert!(BASELINE.contains(challenge));
    BASELINE.replace(challenge, &format!("{challenge}\nproof = \"echo\""))
}

/// Rules compiled against a configuration that says nothing.
pub(crate) fn policy(rules: &str) -> Arc<Policy> {
    policy_of("", rules)
}

/// Rules compiled against a configuration.
pub(crate) fn policy_of(config: &str, rules: &str) -> Arc<Policy> {
    let source = |name: &str, text: &str| SourceText {
        name: name.into(),
        text: text.into(),
    };
    let config = Config::parse(&source("weir.toml", config)).expect("a sound configuration");
    let policy = Policy::compile(&config, &[source("rules.toml", rules)]);
    Arc::new(policy.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render())))
}

fn side_of(address: IpAddr) -> Side {
    let inside = match address {
        IpAddr::V4(v4) => v4.octets()[0] == 10 || v4.is_multicast(),
        IpAddr::V6(v6) => v6.segments()[0] >> 8 == 0xfd || v6.is_multicast(),
    };
    if inside { Side::Inside } else { Side::Outside }
}

/// The datagram in a frame, whose lengths and checksums have to be right.
fn datagram(frame: &[u8]) -> Datagram {
    let packet = Packet::decode(frame).expect("a sound frame");
    assert_eq!(
        wire::net::checksum::verify(&packet),
        wire::net::checksum::State::Valid
    );
    let Transport::Udp(udp) = &packet.transport else {
        panic!("no datagram");
    };
    let (from, to) = packet.endpoints().expect("UDP has ports");
    Datagram {
        from,
        to,
        payload: udp.payload.to_vec(),
    }
}

pub(crate) fn endpoint(text: &str) -> SocketAddr {
    text.parse().expect("an address and a port")
}

/// A client outside.
pub(crate) fn client() -> SocketAddr {
    endpoint("192.0.2.1:40000")
}

/// A server inside.
pub(crate) fn server() -> SocketAddr {
    endpoint("10.0.0.2:5683")
}

/// Writes a message.
pub(crate) fn message(
    message_type: Type,
    code: Code,
    id: u16,
    token: &[u8],
    build: impl FnOnce(Builder<'_>),
) -> Vec<u8> {
    let mut out = Vec::new();
    build(Builder::new(&mut out, message_type, code, id, token));
    out
}

pub(crate) fn get(message_type: Type, id: u16, token: &[u8], path: &str) -> Vec<u8> {
    message(message_type, Code::GET, id, token, |builder| {
        builder.path(number::URI_PATH, path);
    })
}

/// A GET that registers (0) or deregisters (1) an observer.
pub(crate) fn observe(id: u16, token: &[u8], value: u32, path: &str) -> Vec<u8> {
    message(Type::Confirmable, Code::GET, id, token, |builder| {
        builder
            .uint(number::OBSERVE, value)
            .path(number::URI_PATH, path);
    })
}

/// A 2.05 with so many bytes of payload.
pub(crate) fn content(message_type: Type, id: u16, token: &[u8], payload_len: usize) -> Vec<u8> {
    message(message_type, Code::CONTENT, id, token, |builder| {
        builder.payload(&vec![b'x'; payload_len]);
    })
}

/// A 2.05 with an Observe option.
pub(crate) fn notification(message_type: Type, id: u16, token: &[u8], sequence: u32) -> Vec<u8> {
    message(message_type, Code::CONTENT, id, token, |builder| {
        builder
            .uint(number::OBSERVE, sequence)
            .payload(b"21.5 degrees");
    })
}

/// An Empty ACK or a RST, or a ping.
pub(crate) fn empty(message_type: Type, id: u16) -> Vec<u8> {
    message(message_type, Code::EMPTY, id, &[], |_| {})
}

/// The value of the Echo option.
pub(crate) fn echo_of(payload: &[u8]) -> Option<Vec<u8>> {
    let message = Message::decode(payload).expect("a sound message");
    message.echo().map(<[u8]>::to_vec)
}

/// The request with an Echo option.
pub(crate) fn with_echo(request: &[u8], value: &[u8]) -> Vec<u8> {
    let decoded = Message::decode(request).expect("a sound message");
    let mut out = Vec::new();
    let mut builder = Builder::new(
        &mut out,
        decoded.message_type(),
        decoded.code(),
        decoded.message_id(),
        decoded.token(),
    );
    let (before, after): (Vec<_>, Vec<_>) = decoded
        .options()
        .filter(|option| option.number != number::ECHO)
        .partition(|option| option.number < number::ECHO);
    for option in before {
        builder = builder.option(option.number, option.value);
    }
    builder = builder.option(number::ECHO, value);
    for option in after {
        builder = builder.option(option.number, option.value);
    }
    builder.payload(decoded.payload());
    out
}
