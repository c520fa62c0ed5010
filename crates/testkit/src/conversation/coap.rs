//! CoAP lines: `GET /a/b token=01`, `2.05 size=600` or `EMPTY type=RST` as a message.

use policy::{Fields, Resource, Value};
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

/// What a line says.
#[derive(Debug)]
pub(super) struct What<'l> {
    pub(super) code: Code,
    pub(super) resource: &'l Resource,
    pub(super) fields: &'l Fields,
    /// An Echo value that proves the sender's address.
    pub(super) proof: Option<Vec<u8>>,
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
        what: &What<'_>,
    ) -> Vec<u8> {
        let (code, fields) = (what.code, what.fields);
        let heard = self.last[direction.reverse() as usize].clone();
        let message_type = type_of(fields).unwrap_or_else(|| default_type(code, heard.as_ref()));
        let said = Said {
            message_type,
            message_id: self.message_id_of(message_type, heard.as_ref(), fields),
            token: token_of(code, heard.as_ref(), fields),
        };
        let build = |builder: Builder<'_>| content(builder, what);
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
fn content(builder: Builder<'_>, what: &What<'_>) {
    options(what)
        .iter()
        .fold(builder, |builder, (number, value)| {
            builder.option(*number, value)
        })
        .payload(&payload(what.fields));
}

/// Max-Message-Size of a CSM (RFC 8323 §5.3.1).
const MAX_MESSAGE_SIZE: u16 = 2;

/// The options that a line stands for, in the order of their numbers.
fn options(what: &What<'_>) -> Vec<(u16, Vec<u8>)> {
    let (fields, proof) = (what.fields, &what.proof);
    let Resource { path, query } = what.resource;
    let of_path = path.iter().map(|part| (number::URI_PATH, part.clone()));
    let of_query = query.iter().map(|part| (number::URI_QUERY, part.clone()));
    let of_numbers = [
        ("max_message_size", MAX_MESSAGE_SIZE),
        ("observe", number::OBSERVE),
        ("format", number::CONTENT_FORMAT),
        ("accept", number::ACCEPT),
        ("block1", number::BLOCK1),
        ("block2", number::BLOCK2),
    ];
    let of_numbers = of_numbers
        .into_iter()
        .filter_map(|(key, number)| Some((number, uint(fields.number(key)?))));
    let of_bytes = [
        ("etag", number::ETAG),
        ("echo", number::ECHO),
        ("request_tag", number::REQUEST_TAG),
    ];
    let of_bytes = of_bytes
        .into_iter()
        .filter_map(|(key, number)| Some((number, fields.bytes(key)?.to_vec())));
    let of_texts = [
        ("uri_host", number::URI_HOST),
        ("proxy_uri", number::PROXY_URI),
        ("proxy_scheme", number::PROXY_SCHEME),
    ];
    let of_texts = of_texts
        .into_iter()
        .filter_map(|(key, number)| Some((number, fields.text(key)?.as_bytes().to_vec())));
    let of_any = fields.all("option").filter_map(|value| match value {
        Value::Option(number, bytes) => Some((*number, bytes.clone())),
        _ => None,
    });
    let mut options: Vec<_> = of_path
        .chain(of_query)
        .chain(of_texts)
        .chain(of_any)
        .chain(of_numbers)
        .chain(of_bytes)
        .chain(proof.iter().map(|value| (number::ECHO, value.clone())))
        .collect();
    options.sort_by_key(|(number, _)| *number);
    options
}

/// A number in as few bytes as it takes (RFC 7252 §3.2).
fn uint(value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
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
