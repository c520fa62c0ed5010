//! The registry of option numbers (RFC 7252 §12.2 and the documents named in the table).

use super::Code;

/// Option numbers.
#[allow(missing_docs, reason = "the constants are the registry's names")]
pub mod number {
    pub const IF_MATCH: u16 = 1;
    pub const URI_HOST: u16 = 3;
    pub const ETAG: u16 = 4;
    pub const IF_NONE_MATCH: u16 = 5;
    pub const OBSERVE: u16 = 6;
    pub const URI_PORT: u16 = 7;
    pub const LOCATION_PATH: u16 = 8;
    pub const OSCORE: u16 = 9;
    pub const URI_PATH: u16 = 11;
    pub const CONTENT_FORMAT: u16 = 12;
    pub const MAX_AGE: u16 = 14;
    pub const URI_QUERY: u16 = 15;
    pub const HOP_LIMIT: u16 = 16;
    pub const ACCEPT: u16 = 17;
    pub const Q_BLOCK1: u16 = 19;
    pub const LOCATION_QUERY: u16 = 20;
    pub const EDHOC: u16 = 21;
    pub const BLOCK2: u16 = 23;
    pub const BLOCK1: u16 = 27;
    pub const SIZE2: u16 = 28;
    pub const Q_BLOCK2: u16 = 31;
    pub const PROXY_URI: u16 = 35;
    pub const PROXY_SCHEME: u16 = 39;
    pub const SIZE1: u16 = 60;
    pub const ECHO: u16 = 252;
    pub const NO_RESPONSE: u16 = 258;
    pub const REQUEST_TAG: u16 = 292;
    pub const OCF_ACCEPT_CONTENT_FORMAT_VERSION: u16 = 2049;
    pub const OCF_CONTENT_FORMAT_VERSION: u16 = 2053;
}

/// What an option's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Nothing.
    Empty,
    /// Bytes.
    Opaque,
    /// An unsigned number.
    Uint,
    /// UTF-8 text.
    Text,
}

/// The messages an option is defined for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Requests only.
    Request,
    /// Responses only.
    Response,
    /// Both.
    Either,
}

impl Place {
    /// Whether a message with this code is one of them.
    #[inline]
    pub(super) fn is_of(self, code: Code) -> bool {
        match self {
            Self::Request => code.is_request(),
            Self::Response => code.is_response(),
            Self::Either => true,
        }
    }
}

/// The definition of a registered option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// The registered name.
    pub name: &'static str,
    /// What the value is.
    pub format: Format,
    /// Fewest bytes of value.
    pub len_min: u16,
    /// Most bytes of value.
    pub len_max: u16,
    /// Whether it may stand more than once.
    pub repeatable: bool,
    /// Where it may stand.
    pub place: Place,
}

/// Looks an option number up.
#[inline]
#[must_use]
pub fn definition(option: u16) -> Option<&'static Definition> {
    match COMMON.get(usize::from(option)) {
        Some(definition) => *definition,
        None => registered(option),
    }
}

/// The definitions of the numbers that most options have, by number.
static COMMON: [Option<&'static Definition>; 64] = {
    let mut common = [None; 64];
    let mut option = 0;
    while option < common.len() {
        common[option] = registered(option as u16);
        option += 1;
    }
    common
};

const fn registered(option: u16) -> Option<&'static Definition> {
    macro_rules! table {
        ($( $number:ident $name:literal $format:ident $min:literal..=$max:literal $times:ident $place:ident; )+) => {
            match option {
                $( number::$number => Some(&Definition {
                    name: $name,
                    format: Format::$format,
                    len_min: $min,
                    len_max: $max,
                    repeatable: table!(@$times),
                    place: Place::$place,
                }), )+
                _ => None,
            }
        };
        (@once) => { false };
        (@many) => { true };
    }
    table! {
        // RFC 7252 §5.10
        IF_MATCH "If-Match" Opaque 0..=8 many Request;
        URI_HOST "Uri-Host" Text 1..=255 once Request;
        ETAG "ETag" Opaque 1..=8 many Either;
        IF_NONE_MATCH "If-None-Match" Empty 0..=0 once Request;
        URI_PORT "Uri-Port" Uint 0..=2 once Request;
        LOCATION_PATH "Location-Path" Text 0..=255 many Response;
        URI_PATH "Uri-Path" Text 0..=255 many Request;
        CONTENT_FORMAT "Content-Format" Uint 0..=2 once Either;
        MAX_AGE "Max-Age" Uint 0..=4 once Response;
        URI_QUERY "Uri-Query" Text 0..=255 many Request;
        ACCEPT "Accept" Uint 0..=2 once Request;
        LOCATION_QUERY "Location-Query" Text 0..=255 many Response;
        PROXY_URI "Proxy-Uri" Text 1..=1034 once Request;
        PROXY_SCHEME "Proxy-Scheme" Text 1..=255 once Request;
        SIZE1 "Size1" Uint 0..=4 once Either;
        // RFC 7641 §2
        OBSERVE "Observe" Uint 0..=3 once Either;
        // RFC 7959 §2.1, §4
        BLOCK2 "Block2" Uint 0..=3 once Either;
        BLOCK1 "Block1" Uint 0..=3 once Either;
        SIZE2 "Size2" Uint 0..=4 once Either;
        // RFC 7967 §2
        NO_RESPONSE "No-Response" Uint 0..=1 once Request;
        // RFC 8613 §2
        OSCORE "OSCORE" Opaque 0..=255 once Either;
        // RFC 8768 §3
        HOP_LIMIT "Hop-Limit" Uint 1..=1 once Request;
        // RFC 9175 §2.2, §3.2
        ECHO "Echo" Opaque 1..=40 once Either;
        REQUEST_TAG "Request-Tag" Opaque 0..=8 many Request;
        // RFC 9177 §4.1
        Q_BLOCK1 "Q-Block1" Uint 0..=3 once Either;
        Q_BLOCK2 "Q-Block2" Uint 0..=3 many Either;
        // RFC 9668 §3.1
        EDHOC "EDHOC" Empty 0..=0 once Request;
        // Open Connectivity Foundation
        OCF_ACCEPT_CONTENT_FORMAT_VERSION "OCF-Accept-Content-Format-Version" Uint 0..=2 once Either;
        OCF_CONTENT_FORMAT_VERSION "OCF-Content-Format-Version" Uint 0..=2 once Either;
    }
}

/// Whether whoever doesn't know the option must not ignore it (RFC 7252 §5.4.6).
#[inline]
#[must_use]
pub const fn is_critical(option: u16) -> bool {
    option & 1 != 0
}

/// Whether IANA holds the number back (RFC 7252 §12.2).
#[must_use]
pub const fn is_reserved(option: u16) -> bool {
    matches!(option, 0 | 128 | 132 | 136 | 140)
}
