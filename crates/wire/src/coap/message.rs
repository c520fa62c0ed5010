//! The message: header, token, options, payload (RFC 7252 §3), and what one may not combine (§4).

use super::option::{Block, Opt, Survey, Walk};
use super::{Anomalies, Anomaly, Code, Malformed, Type, number};

/// Bytes of the fixed header.
pub const HEADER_LEN: usize = 4;

const VERSION: u8 = 1;
const TOKEN_LEN_MAX: usize = 8;

/// One CoAP message, viewed in its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    message_type: Type,
    code: Code,
    message_id: u16,
    token: &'a [u8],
    options: &'a [u8],
    payload: &'a [u8],
    anomalies: Anomalies,
}

impl<'a> Message<'a> {
    /// Reads a datagram. A datagram is whole: there is no incomplete message.
    ///
    /// # Errors
    /// The first rule the message breaks.
    #[inline]
    pub fn decode(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let split = datagram.split_first_chunk::<HEADER_LEN>();
        let (&[first, code, id_high, id_low], rest) = split.ok_or(Malformed::TooShort)?;
        if first >> 6 != VERSION {
            return Err(Malformed::Version);
        }
        let token_len = usize::from(first & 0x0f);
        if token_len > TOKEN_LEN_MAX {
            return Err(Malformed::TokenLength);
        }
        let (message_type, code) = (Type::from_bits(first >> 4), Code(code));
        check_code(message_type, code, token_len + rest.len())?;
        let split = rest.split_at_checked(token_len);
        let (token, options) = split.ok_or(Malformed::TokenTruncated)?;
        let mut message = Self {
            message_type,
            code,
            message_id: u16::from_be_bytes([id_high, id_low]),
            token,
            options,
            payload: &[],
            anomalies: unknown_code(code),
        };
        if !options.is_empty() {
            message.decode_options()?;
        }
        Ok(message)
    }

    /// Splits what follows the token into options and payload.
    #[inline]
    fn decode_options(&mut self) -> Result<(), Malformed> {
        let mut walk = Walk::new(self.options);
        let survey = Survey::take(&mut walk)?;
        let rest = walk.rest();
        self.options = &self.options[..self.options.len() - rest.len()];
        self.anomalies.extend(survey.anomalies);
        if let Some((_marker, payload)) = rest.split_first() {
            if payload.is_empty() {
                return Err(Malformed::PayloadMarker);
            }
            self.payload = payload;
        }
        if survey.has_oscore && self.payload.is_empty() {
            return Err(Malformed::OscorePayload);
        }
        // Block1 of a request and Block2 of a response describe the payload they stand with; the
        // other way round they only ask (RFC 7959 §2.1).
        let block = if self.code.is_request() {
            survey.block1
        } else {
            survey.block2
        };
        match block {
            Some(block) if block.more && self.payload.len() != block.size() => {
                Err(Malformed::BlockPayload)
            }
            _ => Ok(()),
        }
    }

    /// The message type.
    #[inline]
    #[must_use]
    pub fn message_type(&self) -> Type {
        self.message_type
    }

    /// The code.
    #[inline]
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The message ID.
    #[inline]
    #[must_use]
    pub fn message_id(&self) -> u16 {
        self.message_id
    }

    /// The token: 0 to 8 bytes.
    #[inline]
    #[must_use]
    pub fn token(&self) -> &'a [u8] {
        self.token
    }

    /// The payload; empty if there is none.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// What is odd about the message.
    #[inline]
    #[must_use]
    pub fn anomalies(&self) -> Anomalies {
        self.anomalies
    }

    /// The options in their order.
    pub fn options(&self) -> impl Iterator<Item = Opt<'a>> + use<'a> {
        let mut walk = Walk::new(self.options);
        std::iter::from_fn(move || walk.next().expect("checked by decode"))
    }

    /// The options with this number.
    pub fn options_of(&self, number: u16) -> impl Iterator<Item = Opt<'a>> + use<'a> {
        self.options()
            .take_while(move |option| option.number <= number)
            .filter(move |option| option.number == number)
    }

    /// The first option with this number.
    #[must_use]
    pub fn option(&self, number: u16) -> Option<Opt<'a>> {
        self.options_of(number).next()
    }

    /// The first option with this number as an unsigned number.
    #[must_use]
    pub fn uint(&self, number: u16) -> Option<u32> {
        self.option(number)?.as_uint()
    }

    /// The segments of the path; none for the root.
    pub fn uri_path(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.texts(number::URI_PATH)
    }

    /// The parts of the query.
    pub fn uri_query(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.texts(number::URI_QUERY)
    }

    fn texts(&self, number: u16) -> impl Iterator<Item = &'a str> + use<'a> {
        self.options_of(number)
            .map(|option| option.as_str().expect("checked by decode"))
    }

    /// Observe (RFC 7641 §2): 0 registers and 1 deregisters in a request; a sequence number in a
    /// response.
    #[must_use]
    pub fn observe(&self) -> Option<u32> {
        self.uint(number::OBSERVE)
    }

    /// Block1 (RFC 7959 §2.1): about the body of a request.
    #[must_use]
    pub fn block1(&self) -> Option<Block> {
        self.option(number::BLOCK1)?.as_block()
    }

    /// Block2 (RFC 7959 §2.1): about the body of a response.
    #[must_use]
    pub fn block2(&self) -> Option<Block> {
        self.option(number::BLOCK2)?.as_block()
    }

    /// Echo (RFC 9175 §2.2): 1 to 40 bytes.
    #[must_use]
    pub fn echo(&self) -> Option<&'a [u8]> {
        self.option(number::ECHO).map(|option| option.value)
    }

    /// No-Response (RFC 7967 §2): the classes of responses not wanted, as bits.
    #[must_use]
    pub fn no_response(&self) -> Option<u32> {
        self.uint(number::NO_RESPONSE)
    }

    /// Content-Format (RFC 7252 §5.10.3).
    #[must_use]
    pub fn content_format(&self) -> Option<u32> {
        self.uint(number::CONTENT_FORMAT)
    }
}

/// Which codes a message type may carry (RFC 7252 §4.2, §4.3, table 1), and that an empty message
/// is just its header (§4.1).
#[inline]
fn check_code(message_type: Type, code: Code, body_len: usize) -> Result<(), Malformed> {
    if code.class() != 0 && !code.is_response() {
        return Err(Malformed::CodeClass);
    }
    match message_type {
        Type::Reset if !code.is_empty() => return Err(Malformed::ResetNotEmpty),
        Type::Acknowledgement if code.is_request() => return Err(Malformed::AckRequest),
        Type::NonConfirmable if code.is_empty() => return Err(Malformed::EmptyNonConfirmable),
        _ => {}
    }
    if code.is_empty() && body_len != 0 {
        return Err(Malformed::EmptyMessage);
    }
    Ok(())
}

#[inline]
fn unknown_code(code: Code) -> Anomalies {
    let mut anomalies = Anomalies::EMPTY;
    if !code.is_registered() {
        anomalies.insert(match code.is_request() {
            true => Anomaly::UnknownMethod,
            false => Anomaly::UnknownResponse,
        });
    }
    anomalies
}
