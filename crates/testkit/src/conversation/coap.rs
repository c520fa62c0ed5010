//! CoAP lines: `GET /a/b token=01`, `2.05 size=600` or `EMPTY type=RST` as a message.

use policy::Fields;
use wire::Direction;
use wire::coap::encode::{self, Builder};
use wire::coap::{Code, Type, number};

use super::mqtt::{payload, short};
use crate::coap::message;

/// What a message travels by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Datagram,
    /// TCP, where it has neither type nor message ID (RFC 8323 §3.2).
    Stream,
}

/// Remembers what was said, so that an answer fits unless its line says otherwise.
#[derive(Debug, Default)]
pub(super) struct Speaker {
    /// By direction: the last message of that way.
    last: [Option<Said>; 2],
    /// The last message ID made up.
    message_id: u16,
}

#[derive(Debug, Clone)]
struct Said {
    message_type: Type,
    message_id: u16,
    token: Vec<u8>,
}

impl Speaker {
    /// The bytes of a line.
    pub(super) fn message(
        &mut self,
        carrier: Carrier,
        direction: Direction,
        code: Code,
        path: &str,
        fields: &Fields,
    ) -> Vec<u8> {
        let heard = self.last[direction.reverse() as usize].clone();
        let message_type = type_of(fields).unwrap_or_else(|| default_type(code, heard.as_ref()));
        let said = Said {
            message_type,
            message_id: self.message_id_of(message_type, heard.as_ref(), fields),
            token: token_of(code, heard.as_ref(), fields),
        };
        let build = |builder: Builder<'_>| content(builder, path, fields);
        let bytes = match carrier {
            Carrier::Datagram => message(message_type, code, said.message_id, &said.token, build),
            Carrier::Stream => {
                let mut bytes = Vec::new();
                encode::tcp(&mut bytes, code, &said.token, build);
                bytes
            }
        };
        self.last[direction as usize] = Some(said);
        bytes
    }

    /// An acknowledgement or reset names the message it answers; everything else has its own number.
    fn message_id_of(&mut self, of: Type, heard: Option<&Said>, fields: &Fields) -> u16 {
        let answered = match of {
            Type::Acknowledgement | Type::Reset => heard.map(|said| said.message_id),
            Type::Confirmable | Type::NonConfirmable => None,
        };
        let default = answered.unwrap_or_else(|| {
            self.message_id = self.message_id.wrapping_add(1);
            self.message_id
        });
        short(fields, "mid", default)
    }
}

/// Options and payload of a line.
fn content(mut builder: Builder<'_>, path: &str, fields: &Fields) {
    /// Max-Message-Size of a CSM (RFC 8323 §5.3.1).
    const MAX_MESSAGE_SIZE: u16 = 2;
    if let Some(size) = fields.number("max_message_size") {
        builder = builder.uint(MAX_MESSAGE_SIZE, size as u32);
    }
    if let Some(observe) = fields.number("observe") {
        builder = builder.uint(number::OBSERVE, observe as u32);
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    builder = builder.path(number::URI_PATH, path);
    for part in query.split('&').filter(|part| !part.is_empty()) {
        builder = builder.option(number::URI_QUERY, part.as_bytes());
    }
    if let Some(echo) = fields.bytes("echo") {
        builder = builder.option(number::ECHO, echo);
    }
    builder.payload(&payload(fields));
}

fn type_of(fields: &Fields) -> Option<Type> {
    Some(match fields.text("type")? {
        "CON" => Type::Confirmable,
        "NON" => Type::NonConfirmable,
        "ACK" => Type::Acknowledgement,
        _ => Type::Reset,
    })
}

/// A response rides on the acknowledgement of a confirmable request.
fn default_type(code: Code, heard: Option<&Said>) -> Type {
    match heard {
        Some(said) if code.is_response() && said.message_type == Type::Confirmable => {
            Type::Acknowledgement
        }
        Some(_) if code.is_response() => Type::NonConfirmable,
        _ => Type::Confirmable,
    }
}

fn token_of(code: Code, heard: Option<&Said>, fields: &Fields) -> Vec<u8> {
    match (fields.bytes("token"), heard) {
        (Some(token), _) => token.to_vec(),
        (None, Some(said)) if code.is_response() || code == Code::PONG => said.token.clone(),
        (None, _) if code.is_empty() || code.is_signal() => Vec::new(),
        (None, _) => vec![1],
    }
}
