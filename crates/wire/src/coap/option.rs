//! Options: the wire form (RFC 7252 §3.1), values, and what one pass over them finds.

use super::proxy;
use super::registry::{Definition, Format, definition, is_critical, is_reserved, number};
use super::{Anomalies, Anomaly, Code, Malformed};

/// One option as it stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt<'a> {
    /// The option number.
    pub number: u16,
    /// The value.
    pub value: &'a [u8],
}

impl<'a> Opt<'a> {
    /// The value as an unsigned number; none if it is longer than four bytes.
    #[inline]
    #[must_use]
    pub fn as_uint(&self) -> Option<u32> {
        let fits = self.value.len() <= 4;
        fits.then(|| {
            self.value
                .iter()
                .fold(0, |value, byte| value << 8 | u32::from(*byte))
        })
    }

    /// The value as text; none if it is not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.value).ok()
    }

    /// The value as a block descriptor; none if it is longer than three bytes.
    #[inline]
    #[must_use]
    pub fn as_block(&self) -> Option<Block> {
        let value = self.as_uint().filter(|_| self.value.len() <= 3)?;
        Some(Block {
            number: value >> 4,
            more: value & 8 != 0,
            szx: (value & 7) as u8,
        })
    }

    /// Checks length, repetition and text.
    #[inline]
    pub(super) fn check_value(
        &self,
        definition: &Definition,
        repeats: bool,
        anomalies: &mut Anomalies,
    ) -> Result<(), Malformed> {
        let lens = usize::from(definition.len_min)..=usize::from(definition.len_max);
        if !lens.contains(&self.value.len()) {
            return Err(Malformed::OptionValueLength);
        }
        if repeats && !definition.repeatable {
            return Err(Malformed::OptionRepeated);
        }
        match definition.format {
            Format::Text => check_text(self.number, self.value, anomalies),
            _ => Ok(()),
        }
    }

    #[cold]
    fn note_unknown(&self, anomalies: &mut Anomalies) {
        if is_reserved(self.number) {
            anomalies.insert(Anomaly::ReservedOption);
        } else if is_critical(self.number) {
            anomalies.insert(Anomaly::UnknownCriticalOption);
        }
    }
}

/// Where Observe means something: in a GET or a FETCH, and in a success (RFC 7641 §2, RFC 8132 §2.4).
#[inline]
fn is_observable(code: Code) -> bool {
    matches!(code, Code::GET | Code::FETCH) || code.class() == 2
}

/// Checks text, and what it may say as a path's segment or a host.
#[inline]
fn check_text(number: u16, text: &[u8], anomalies: &mut Anomalies) -> Result<(), Malformed> {
    let class = text
        .iter()
        .fold(0, |class, byte| class | CLASS[usize::from(*byte)]);
    if class & HIGH != 0 {
        std::str::from_utf8(text).map_err(|_| Malformed::OptionUtf8)?;
    }
    if class & CONTROL != 0 {
        anomalies.insert(Anomaly::ControlCharacter);
    }
    match number {
        number::URI_PATH | number::LOCATION_PATH => {
            if class & SLASH != 0 {
                anomalies.insert(Anomaly::PathSlash);
            }
            match text {
                b"." | b".." => return Err(Malformed::PathDots),
                [] => anomalies.insert(Anomaly::PathEmptySegment),
                _ => {}
            }
        }
        number::URI_HOST if class & (SLASH | NOT_HOST) != 0 => {
            anomalies.insert(Anomaly::UriHostCharacter);
        }
        _ => {}
    }
    Ok(())
}

const CONTROL: u8 = 1;
const SLASH: u8 = 2;
const HIGH: u8 = 4;
/// What stands in no host's name, but for the slash (RFC 3986 §3.2.2).
const NOT_HOST: u8 = 8;

/// What a byte of text may mean; a table, because one pass over it is all an ASCII text costs.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            0x00..=0x1f | 0x7f => CONTROL,
            b'/' => SLASH,
            b' ' | b'"' | b'#' | b'<' | b'>' | b'?' | b'@' => NOT_HOST,
            b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => NOT_HOST,
            0x80.. => HIGH,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// The compressed COSE object of OSCORE: flags, partial IV, key context and key (RFC 8613 §6.1).
fn check_oscore(value: &[u8]) -> Result<(), Malformed> {
    let Some((&flags, rest)) = value.split_first() else {
        return Ok(());
    };
    let partial_iv_len = usize::from(flags & 0b111);
    let (has_key, has_context) = (flags & 0b1000 != 0, flags & 0b1_0000 != 0);
    let is_reserved = flags & 0b1110_0000 != 0 || partial_iv_len > 5;
    // No flag set is written as an empty value.
    if is_reserved || flags == 0 {
        return Err(Malformed::OscoreOption);
    }
    let mut rest = rest.get(partial_iv_len..).ok_or(Malformed::OscoreOption)?;
    if has_context {
        let (&len, context) = rest.split_first().ok_or(Malformed::OscoreOption)?;
        rest = context
            .get(usize::from(len)..)
            .ok_or(Malformed::OscoreOption)?;
    }
    if rest.is_empty() || has_key {
        Ok(())
    } else {
        Err(Malformed::OscoreOption)
    }
}

/// A Block1, Block2, Q-Block1 or Q-Block2 value (RFC 7959 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The number of the block, from 0.
    pub number: u32,
    /// Whether more follow.
    pub more: bool,
    /// The size exponent: 0 to 6, and [`Block::BERT`] over a stream.
    pub szx: u8,
}

impl Block {
    /// The size exponent of several blocks of 1024 bytes at once (RFC 8323 §6).
    pub const BERT: u8 = 7;

    /// Bytes of a full block.
    #[inline]
    #[must_use]
    pub const fn size(self) -> usize {
        match self.szx {
            Self::BERT => 1024,
            szx => 1 << (szx + 4),
        }
    }

    /// Whether a payload of `len` bytes is what has to stand with a block that isn't the last.
    #[inline]
    pub(super) fn is_full(self, len: usize) -> bool {
        match self.szx {
            Self::BERT => len > 0 && len.is_multiple_of(self.size()),
            _ => len == self.size(),
        }
    }

    /// Where it begins in the body, in bytes (RFC 7959 §2.2, RFC 8323 §6).
    #[inline]
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.number as u64 * self.size() as u64
    }
}

/// A walk over the options of a message, stopping at the payload marker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk<'a> {
    rest: &'a [u8],
    number: u16,
}

impl<'a> Walk<'a> {
    #[inline]
    pub(crate) fn new(options: &'a [u8]) -> Self {
        Self {
            rest: options,
            number: 0,
        }
    }

    /// The next option; none at the end of the datagram or at the payload marker.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Opt<'a>>, Malformed> {
        let Some((&first, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        if first == super::PAYLOAD_MARKER {
            return Ok(None);
        }
        self.rest = rest;
        let delta = self.extended(first >> 4, Malformed::OptionDelta)?;
        let len = self.extended(first & 0x0f, Malformed::OptionLength)?;
        let number = u32::from(self.number) + delta;
        self.number = u16::try_from(number).map_err(|_| Malformed::OptionNumber)?;
        let split = self.rest.split_at_checked(len as usize);
        let (value, rest) = split.ok_or(Malformed::OptionTruncated)?;
        self.rest = rest;
        Ok(Some(Opt {
            number: self.number,
            value,
        }))
    }

    /// The delta or length a nibble stands for, with its extension bytes.
    #[inline]
    fn extended(&mut self, nibble: u8, reserved: Malformed) -> Result<u32, Malformed> {
        match nibble {
            0..=12 => Ok(u32::from(nibble)),
            13 => self.extension().map(|[byte]| u32::from(byte) + 13),
            14 => self
                .extension()
                .map(|bytes| u32::from(u16::from_be_bytes(bytes)) + 269),
            _ => Err(reserved),
        }
    }

    #[inline]
    fn extension<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let split = self.rest.split_first_chunk();
        let (bytes, rest) = split.ok_or(Malformed::OptionHeaderTruncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// What is left: nothing, or the payload marker and the payload.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// What one pass over the options found.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Survey {
    pub(crate) anomalies: Anomalies,
    /// Block1 or Q-Block1.
    pub(crate) block1: Option<Block>,
    /// Block2 or Q-Block2.
    pub(crate) block2: Option<Block>,
    pub(crate) has_oscore: bool,
    pub(crate) has_etag: bool,
    pub(crate) has_content_format: bool,
    has_uri: bool,
    has_proxy_uri: bool,
    has_block2: bool,
    has_edhoc: bool,
}

impl Survey {
    /// Whether it asks for a further block of a response, by an outer option where it is OSCORE's: what it asks about
    /// isn't sent once more (RFC 7959 §2.7, RFC 8613 §4.1.3.4.2).
    pub(crate) fn asks_to_go_on(&self, code: Code) -> bool {
        code.is_request() && self.block2.is_some_and(|block| block.number > 0)
    }

    /// Walks and checks all options of a message with this code, leaving `walk` at the payload marker
    /// or the end.
    #[inline]
    pub(crate) fn take(walk: &mut Walk<'_>, code: Code) -> Result<Self, Malformed> {
        let mut survey = Self::default();
        let mut last = None;
        while let Some(option) = walk.next()? {
            let repeats = last == Some(option.number);
            survey.check(&option, code, repeats)?;
            last = Some(option.number);
        }
        if survey.has_uri && survey.has_proxy_uri {
            return Err(Malformed::ProxyUriConflict);
        }
        if survey.has_edhoc && !survey.has_oscore {
            survey.anomalies.insert(Anomaly::EdhocWithoutOscore);
        }
        Ok(survey)
    }

    /// Checks an option against the registry, and what more its number asks for.
    #[inline]
    fn check(&mut self, option: &Opt<'_>, code: Code, repeats: bool) -> Result<(), Malformed> {
        let Some(definition) = definition(option.number) else {
            option.note_unknown(&mut self.anomalies);
            return Ok(());
        };
        option.check_value(definition, repeats, &mut self.anomalies)?;
        if !definition.place.is_of(code) {
            self.anomalies.insert(Anomaly::OptionMisplaced);
        }
        match option.number {
            number::URI_HOST | number::URI_PATH | number::URI_QUERY => self.has_uri = true,
            number::URI_PORT => {
                self.has_uri = true;
                self.note_if(option.as_uint() == Some(0), Anomaly::UriPortZero);
            }
            // One of several may be asked for, but a response has just one (RFC 7252 §5.10.6.1).
            number::ETAG if repeats && code.is_response() => return Err(Malformed::OptionRepeated),
            number::ETAG => self.has_etag = true,
            // Several are asked for at once, and come one by one (RFC 9177 §4.1).
            number::Q_BLOCK2 if repeats && code.is_response() => {
                return Err(Malformed::OptionRepeated);
            }
            number::OBSERVE => self.note_if(!is_observable(code), Anomaly::OptionMisplaced),
            number::CONTENT_FORMAT => self.has_content_format = true,
            number::HOP_LIMIT if option.value == [0] => return Err(Malformed::HopLimitZero),
            number::BLOCK1 | number::BLOCK2 | number::Q_BLOCK1 | number::Q_BLOCK2 => {
                self.note_block(option)?;
            }
            number::PROXY_URI => {
                self.has_proxy_uri = true;
                proxy::check_host(option.value)?;
                self.note_if(proxy::has_dots(option.value), Anomaly::ProxyUriDots);
            }
            number::PROXY_SCHEME => {
                self.note_if(self.has_proxy_uri, Anomaly::ProxyConflict);
                self.note_if(!proxy::is_scheme(option.value), Anomaly::ProxyScheme);
            }
            number::OSCORE => {
                self.has_oscore = true;
                check_oscore(option.value)?;
            }
            number::EDHOC => self.has_edhoc = true,
            _ => {}
        }
        Ok(())
    }

    #[inline]
    fn note_if(&mut self, holds: bool, anomaly: Anomaly) {
        if holds {
            self.anomalies.insert(anomaly);
        }
    }

    /// Takes a block option; of one that repeats, the first (RFC 9177 §4.4).
    fn note_block(&mut self, option: &Opt<'_>) -> Result<(), Malformed> {
        let block = option.as_block().ok_or(Malformed::BlockSize)?;
        let is_quick = matches!(option.number, number::Q_BLOCK1 | number::Q_BLOCK2);
        if is_quick && block.szx == Block::BERT {
            return Err(Malformed::BlockSize);
        }
        let is_mixed = match option.number {
            number::BLOCK1 => self.block1.is_some(),
            number::Q_BLOCK2 => self.has_block2,
            _ => false,
        };
        self.note_if(is_mixed, Anomaly::BlockMixed);
        self.has_block2 |= option.number == number::BLOCK2;
        let slot = match option.number {
            number::BLOCK1 | number::Q_BLOCK1 => &mut self.block1,
            _ => &mut self.block2,
        };
        slot.get_or_insert(block);
        Ok(())
    }
}
