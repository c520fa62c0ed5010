//! The first bytes of both ends of a TCP connection: what is spoken here, whatever the port says.
//!
//! What a beginning shows is judged once, as soon as it shows. Until then the bytes pass, which are too
//! few for anything whole ([`wire::greeting`]); whoever reads the stream afterwards gets them too.

use policy::{Action, Protocol, Reason};
use smallvec::SmallVec;
use wire::greeting::{GREETING_BYTES, Probe, Spoken};
use wire::{Direction, greeting};

use crate::Sink;
use crate::context::{Arrival, Context, Judgement};

/// Both directions, until each shows what it speaks.
#[derive(Debug, Default)]
pub(crate) struct Greeting {
    is_over: [bool; 2],
    /// Beginnings too short to tell; absent while there was none.
    starts: Option<Box<[Start; 2]>>,
}

/// The beginning of one direction.
#[derive(Debug, Clone, Copy, Default)]
struct Start {
    bytes: [u8; GREETING_BYTES],
    len: u8,
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
        Self {
            is_over: [true; 2],
            starts: None,
        }
    }

    /// Whether the direction has shown what it speaks.
    #[inline]
    pub(crate) fn is_over(&self, direction: Direction) -> bool {
        self.is_over[direction as usize]
    }

    /// Takes in more of a beginning that isn't over.
    pub(crate) fn hear(&mut self, direction: Direction, bytes: &[u8]) -> Heard {
        let mut start = self.start(direction);
        let earlier = usize::from(start.len);
        let taken = bytes.len().min(GREETING_BYTES - earlier);
        start.bytes[earlier..earlier + taken].copy_from_slice(&bytes[..taken]);
        start.len += taken as u8;
        match greeting::probe(&start.bytes[..usize::from(start.len)], direction) {
            Probe::More { .. } => {
                self.starts.get_or_insert_default()[direction as usize] = start;
                Heard::Little
            }
            Probe::Is(spoken) => {
                self.is_over[direction as usize] = true;
                Heard::Speech(named_in_full(spoken, bytes), earlier)
            }
        }
    }

    /// The first bytes of a direction, which were too few to tell.
    pub(crate) fn first(&self, direction: Direction, len: usize) -> [u8; GREETING_BYTES] {
        let mut first = [0; GREETING_BYTES];
        first[..len].copy_from_slice(&self.start(direction).bytes[..len]);
        first
    }

    /// Whether a direction began as MQTT does; `earlier` bytes of it came before the ones at hand.
    pub(crate) fn begins_mqtt(&self, direction: Direction, earlier: usize, bytes: &[u8]) -> bool {
        match earlier {
            0 => greeting::begins_mqtt(bytes, direction),
            _ => greeting::begins_mqtt(&self.start(direction).bytes, direction),
        }
    }

    fn start(&self, direction: Direction) -> Start {
        let starts = self.starts.as_deref();
        starts.map_or_else(Start::default, |starts| starts[direction as usize])
    }
}

/// WebSocket begins as HTTP. What says so stands further on in the request, and is looked for in the
/// segment at hand only: to wait for it would let a request through in pieces.
pub(crate) fn named_in_full(spoken: Spoken, bytes: &[u8]) -> Spoken {
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

/// Asks what is to become of plaintext where TLS should be. What is `spoken` for want of anything better has no name.
pub(crate) fn judge_plaintext<S: Sink>(
    cx: &mut Context<'_, S>,
    arrival: &Arrival,
    spoken: Spoken,
    begins_mqtt: bool,
) -> Judgement {
    let named = match reason_against(spoken) {
        None if begins_mqtt => Some(Reason::TLS_PLAINTEXT_MQTT),
        named => named,
    };
    let reasons: SmallVec<[Reason; 2]> = [Reason::TLS_REQUIRED].into_iter().chain(named).collect();
    let subject = arrival.detection(Protocol::Tls, &reasons);
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
