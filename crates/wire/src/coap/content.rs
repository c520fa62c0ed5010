//! What a message says, whatever carries it: code, token, options, payload (RFC 7252 §5).

use super::option::{Block, Opt, Survey, Walk};
use super::token::PLAIN_TOKEN_LEN_MAX;
use super::{Anomalies, Anomaly, Code, Malformed, Uri, number, signal};

/// What a message came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// UDP or DTLS (RFC 7252 §3).
    Datagram,
    /// TCP or TLS (RFC 8323 §3.2).
    Stream,
}

/// A message without what its transport adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    code: Code,
    token: &'a [u8],
    options: &'a [u8],
    payload: &'a [u8],
    payload_len: usize,
    anomalies: Anomalies,
}

impl<'a> Content<'a> {
    /// Reads what follows the token: `body`, of `body_len` bytes in all. Where fewer are at hand, the
    /// options have to be among them.
    #[inline]
    pub(super) fn decode(
        code: Code,
        token: &'a [u8],
        body: &'a [u8],
        body_len: usize,
        carrier: Carrier,
    ) -> Result<Self, Malformed> {
        let mut content = Self {
            code,
            token,
            options: body,
            payload: &[],
            payload_len: 0,
            anomalies: unknown_code(code),
        };
        if token.len() > PLAIN_TOKEN_LEN_MAX {
            content.anomalies.insert(Anomaly::ExtendedToken);
        }
        if body_len != 0 {
            content.decode_body(body_len, carrier)?;
        } else if code == Code::VALID {
            content.anomalies.insert(Anomaly::ValidWithoutEtag);
        }
        Ok(content)
    }

    /// Splits what follows the token into options and payload.
    #[inline]
    fn decode_body(&mut self, body_len: usize, carrier: Carrier) -> Result<(), Malformed> {
        let mut walk = Walk::new(self.options);
        if self.code.is_signal() {
            signal::check_options(&mut walk, self.code, &mut self.anomalies)?;
            return self.take_payload(&walk, body_len);
        }
        let survey = Survey::take(&mut walk, self.code)?;
        self.take_payload(&walk, body_len)?;
        self.anomalies.extend(survey.anomalies);
        if survey.has_oscore && self.payload_len == 0 && !survey.asks_to_go_on(self.code) {
            return Err(Malformed::OscorePayload);
        }
        if self.payload_len > 0 || self.code == Code::VALID {
            self.check_payload(&survey)?;
        }
        self.check_blocks(&survey, carrier)
    }

    /// Takes what the walk left for the payload.
    #[inline]
    fn take_payload(&mut self, walk: &Walk<'a>, body_len: usize) -> Result<(), Malformed> {
        let rest = walk.rest();
        let options_len = self.options.len() - rest.len();
        self.options = &self.options[..options_len];
        match rest.split_first() {
            Some((_marker, payload)) => {
                self.payload_len = body_len - options_len - 1;
                self.payload = payload;
                match self.payload_len {
                    0 => Err(Malformed::PayloadMarker),
                    _ => Ok(()),
                }
            }
            // More options may follow.
            None if options_len < body_len => Err(Malformed::OptionTruncated),
            None => Ok(()),
        }
    }

    /// What the code says about the payload (RFC 7252 §5.5, §5.9.1.3).
    #[inline]
    fn check_payload(&mut self, survey: &Survey) -> Result<(), Malformed> {
        match self.code {
            Code::VALID if self.payload_len > 0 => return Err(Malformed::ValidPayload),
            Code::VALID if !survey.has_etag => self.anomalies.insert(Anomaly::ValidWithoutEtag),
            Code::GET | Code::DELETE if self.payload_len > 0 => {
                self.anomalies.insert(Anomaly::UndefinedPayload);
            }
            code if code.is_error() && self.is_broken_diagnostic(survey) => {
                self.anomalies.insert(Anomaly::DiagnosticUtf8);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the payload of an error is a whole text for people to read, but no text (RFC 7252 §5.5.2).
    fn is_broken_diagnostic(&self, survey: &Survey) -> bool {
        !survey.has_content_format
            && survey.block2.is_none()
            && self.payload.len() == self.payload_len
            && std::str::from_utf8(self.payload).is_err()
    }

    /// Block1 of a request and Block2 of a response describe the payload they stand with; the other
    /// way round they only ask (RFC 7959 §2.1). The same holds for their quick siblings.
    #[inline]
    fn check_blocks(&mut self, survey: &Survey, carrier: Carrier) -> Result<(), Malformed> {
        let blocks = [survey.block1, survey.block2];
        if blocks.iter().all(Option::is_none) {
            return Ok(());
        }
        let is_bert = |block: &Option<Block>| block.is_some_and(|block| block.szx == Block::BERT);
        if carrier == Carrier::Datagram && blocks.iter().any(is_bert) {
            return Err(Malformed::BlockSize);
        }
        let described = blocks[usize::from(!self.code.is_request())];
        match described {
            Some(block) if block.more && !block.is_full(self.payload_len) => {
                Err(Malformed::BlockPayload)
            }
            Some(block) if self.payload_len > block.size() && block.szx != Block::BERT => {
                self.anomalies.insert(Anomaly::BlockOversize);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The code.
    #[inline]
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The token: 0 to 8 bytes, or more (RFC 8974) with [`Anomaly::ExtendedToken`].
    #[inline]
    #[must_use]
    pub fn token(&self) -> &'a [u8] {
        self.token
    }

    /// The payload, as far as it is at hand; empty if there is none.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Bytes of the payload, those that are still to come included.
    #[inline]
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.payload_len
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

    /// The URI in Proxy-Uri.
    #[must_use]
    pub fn proxy_uri(&self) -> Option<Uri<'a>> {
        let text = self.known(number::PROXY_URI)?.as_str()?;
        Some(Uri::new(text))
    }

    /// The parts of the query.
    pub fn uri_query(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.texts(number::URI_QUERY)
    }

    fn texts(&self, number: u16) -> impl Iterator<Item = &'a str> + use<'a> {
        // The options of a signal have numbers of their own (RFC 8323 §5.2).
        let number = if self.code.is_signal() { 0 } else { number };
        self.options_of(number)
            .filter(|option| option.number != 0)
            .map(|option| option.as_str().expect("checked by decode"))
    }

    /// Observe (RFC 7641 §2): 0 registers and 1 deregisters in a request; a sequence number in a
    /// response.
    #[must_use]
    pub fn observe(&self) -> Option<u32> {
        self.known(number::OBSERVE)?.as_uint()
    }

    /// Block1 (RFC 7959 §2.1): about the body of a request.
    #[must_use]
    pub fn block1(&self) -> Option<Block> {
        self.known(number::BLOCK1)?.as_block()
    }

    /// Block2 (RFC 7959 §2.1): about the body of a response.
    #[must_use]
    pub fn block2(&self) -> Option<Block> {
        self.known(number::BLOCK2)?.as_block()
    }

    /// Which block of a body the payload is, if it isn't the whole of it: by Block1 of a request and Block2 of a
    /// response (RFC 7959 §2.1), or their quick siblings (RFC 9177 §4).
    #[must_use]
    pub fn block_of_body(&self) -> Option<Block> {
        let numbers = match self.code.is_request() {
            true => [number::BLOCK1, number::Q_BLOCK1],
            false => [number::BLOCK2, number::Q_BLOCK2],
        };
        let mut blocks = numbers
            .into_iter()
            .filter_map(|number| self.known(number)?.as_block());
        blocks.find(|block| block.more || block.number > 0)
    }

    /// What Block1, Block2 (RFC 7959 §2.1) and their quick siblings (RFC 9177 §4) say, in their order.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + use<'a> {
        let numbers = [
            number::Q_BLOCK1,
            number::BLOCK2,
            number::BLOCK1,
            number::Q_BLOCK2,
        ];
        let has_any = !self.code.is_signal();
        self.options()
            .filter(move |option| has_any && numbers.contains(&option.number))
            .filter_map(|option| option.as_block())
    }

    /// Echo (RFC 9175 §2.2): 1 to 40 bytes.
    #[must_use]
    pub fn echo(&self) -> Option<&'a [u8]> {
        self.known(number::ECHO).map(|option| option.value)
    }

    /// No-Response (RFC 7967 §2): the classes of responses not wanted, as bits.
    #[must_use]
    pub fn no_response(&self) -> Option<u32> {
        self.known(number::NO_RESPONSE)?.as_uint()
    }

    /// Content-Format (RFC 7252 §5.10.3).
    #[must_use]
    pub fn content_format(&self) -> Option<u32> {
        self.known(number::CONTENT_FORMAT)?.as_uint()
    }

    /// The first option with this number of the common registry, which a signal has no part in.
    fn known(&self, number: u16) -> Option<Opt<'a>> {
        self.option(number).filter(|_| !self.code.is_signal())
    }
}

#[inline]
fn unknown_code(code: Code) -> Anomalies {
    let mut anomalies = Anomalies::EMPTY;
    if !code.is_registered() {
        anomalies.insert(match code.class() {
            0 => Anomaly::UnknownMethod,
            7 => Anomaly::UnknownSignal,
            _ => Anomaly::UnknownResponse,
        });
    }
    anomalies
}
