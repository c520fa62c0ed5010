//! The first bytes of both ends of a TCP connection: what is spoken here, whatever the port says.
//!
//! What a beginning shows is judged once, as soon as it shows. Until then the bytes pass, which are too
//! few for anything whole ([`wire::greeting`]); whoever reads the stream afterwards gets them too.

use policy::{Action, Protocol, Reason};
use wire::greeting::{GREETING_BYTES, Probe, Spoken};
use wire::{Direction, greeting};

use crate::Sink;
use crate::context::{Arrival, Context, Judgement};

/// Both directions, until each shows what it speaks.
#[derive(Debug, Default)]
pub(crate) struct Greeting([Start; 2]);

/// The beginning of one direction.
#[derive(Debug, Clone, Copy, Default)]
struct Start {
    bytes: [u8; GREETING_BYTES],
    len: u8,
    is_over: bool,
}

/// What the next bytes of a beginning show together with those before.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Not enough.
    Little,
    /// This is spoken; so many of the bytes kept came before the ones at hand.
    Speech(Spoken, usize),
}

impl Greeting {
    /// That of a connection whose beginning nobody saw.
    pub(crate) fn unseen() -> Self {
        let past = Start {
            is_over: true,
            ..Start::default()
        };
        Self([past; 2])
    }

    /// Whether the direction has shown what it speaks.
    #[inline]
    pub(crate) fn is_over(&self, direction: Direction) -> bool {
        self.0[direction as usize].is_over
    }

    /// Takes in more of a beginning that isn't over.
    pub(crate) fn hear(&mut self, direction: Direction, bytes: &[u8]) -> Heard {
        let start = &mut self.0[direction as usize];
        let earlier = usize::from(start.len);
        let taken = bytes.len().min(GREETING_BYTES - earlier);
        start.bytes[earlier..earlier + taken].copy_from_slice(&bytes[..taken]);
        start.len += taken as u8;
        match greeting::probe(&start.bytes[..usize::from(start.len)], direction) {
            Probe::More { .. } => Heard::Little,
            Probe::Is(spoken) => {
                start.is_over = true;
                Heard::Speech(named_in_full(spoken, bytes), earlier)
            }
        }
    }

    /// The first bytes of a direction.
    pub(crate) fn first(&self, direction: Direction, len: usize) -> [u8; GREETING_BYTES] {
        let mut first = [0; GREETING_BYTES];
        first[..len].copy_from_slice(&self.0[direction as usize].bytes[..len]);
        first
    }
}

/// WebSocket begins as HTTP. What says so stands further on in the request, and is looked for in the
/// segment at hand only: to wait for it would let a request through in pieces.
fn named_in_full(spoken: Spoken, bytes: &[u8]) -> Spoken {
    match spoken {
        Spoken::Http if greeting::asks_for_websocket(bytes) => Spoken::WebSocket,
        other => other,
    }
}

/// Asks what is to become of another protocol where MQTT should be.
pub(crate) fn judge_foreign<S: Sink>(
    cx: &mut Context<'_, S>,
    arrival: &Arrival,
    reason: Reason,
) -> Judgement {
    let reasons = [reason];
    let subject = arrival.detection(Protocol::Mqtt, &reasons);
    cx.judge_or(Action::Drop, arrival, &subject, &mut ())
}

/// Asks what is to become of plaintext where TLS should be.
pub(crate) fn judge_plaintext<S: Sink>(
    cx: &mut Context<'_, S>,
    arrival: &Arrival,
    spoken: Spoken,
) -> Judgement {
    let named = reason_against(spoken).unwrap_or(Reason::TLS_REQUIRED);
    let reasons = [Reason::TLS_REQUIRED, named];
    let told = match named == Reason::TLS_REQUIRED {
        true => &reasons[..1],
        false => &reasons[..],
    };
    let subject = arrival.detection(Protocol::Tls, told);
    cx.judge_or(Action::Accept, arrival, &subject, &mut ())
}

/// What is to be said against a protocol that isn't MQTT.
pub(crate) fn reason_against(spoken: Spoken) -> Option<Reason> {
    Some(match spoken {
        Spoken::Mqtt => return None,
        Spoken::Tls => Reason::MQTT_WRONG_PROTOCOL_TLS,
        Spoken::Http => Reason::MQTT_WRONG_PROTOCOL_HTTP,
        Spoken::WebSocket => Reason::MQTT_WRONG_PROTOCOL_WEBSOCKET,
        Spoken::Ssh => Reason::MQTT_WRONG_PROTOCOL_SSH,
        Spoken::Smtp => Reason::MQTT_WRONG_PROTOCOL_SMTP,
        Spoken::Rtsp => Reason::MQTT_WRONG_PROTOCOL_RTSP,
        Spoken::Sip => Reason::MQTT_WRONG_PROTOCOL_SIP,
        Spoken::Amqp => Reason::MQTT_WRONG_PROTOCOL_AMQP,
        Spoken::Stomp => Reason::MQTT_WRONG_PROTOCOL_STOMP,
        Spoken::Redis => Reason::MQTT_WRONG_PROTOCOL_REDIS,
        Spoken::Proxy => Reason::MQTT_WRONG_PROTOCOL_PROXY,
        Spoken::Telnet => Reason::MQTT_WRONG_PROTOCOL_TELNET,
        Spoken::Tpkt => Reason::MQTT_WRONG_PROTOCOL_TPKT,
        Spoken::Socks => Reason::MQTT_WRONG_PROTOCOL_SOCKS,
        Spoken::Text => Reason::MQTT_WRONG_PROTOCOL_TEXT,
    })
}
