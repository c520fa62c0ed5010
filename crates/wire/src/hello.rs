//! ClientHello: what a client asks for before anything is encrypted (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2, RFC
//! 9147 §5.3). Read are the versions it offers, the server's name (RFC 6066 §3) and the application protocols
//! (RFC 7301 §3.1); cipher suites and all other extensions are stepped over.
//!
//! A name stands in lower case here, since DNS knows no other (RFC 4343): that is why it is copied. What two
//! servers may read differently, as an extension that comes twice, is no ClientHello.

use crate::dtls;
use crate::tls::{self, FirstHandshake};

/// The type of the message (RFC 8446 §4).
pub(crate) const CLIENT_HELLO: u8 = 1;
const RANDOM_LEN: usize = 32;
/// DNS has no longer ones (RFC 1035 §2.3.4).
const NAME_LEN_MAX: usize = 255;

/// Extensions by their numbers (RFC 8446 §4.2).
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// What a client begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The latest version that the client offers.
    pub version: Version,
    name: Name,
    /// The entries of the ALPN extension, checked.
    protocols: &'a [u8],
}

/// A version of TLS, or the one of DTLS that is like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the variants are the versions' names")]
pub enum Version {
    Ssl3,
    V10,
    V11,
    V12,
    V13,
    /// None of these.
    Other,
}

/// A server's name; none if it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    bytes: [u8; NAME_LEN_MAX],
    len: u8,
}

impl Version {
    /// All that have a name, the oldest first.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("ssl3", Self::Ssl3),
        ("1.0", Self::V10),
        ("1.1", Self::V11),
        ("1.2", Self::V12),
        ("1.3", Self::V13),
    ];

    /// The name in rule files and events.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let mut named = Self::NAMED.into_iter();
        named.find_map(|(name, version)| (version == self).then_some(name))
    }

    /// By the number on the wire: DTLS counts down from 0xfeff, and has no 1.1.
    const fn of(number: u16) -> Self {
        match number {
            0x0300 => Self::Ssl3,
            0x0301 | 0xfeff => Self::V10,
            0x0302 => Self::V11,
            0x0303 | 0xfefd => Self::V12,
            0x0304 | 0xfefc => Self::V13,
            _ => Self::Other,
        }
    }
}

impl<'a> ClientHello<'a> {
    /// One that can't be read: of no version, without a name or protocols.
    pub const UNREADABLE: ClientHello<'static> = ClientHello {
        version: Version::Other,
        name: Name::NONE,
        protocols: &[],
    };

    /// Reads a handshake message of TLS, if it is a ClientHello and nothing else.
    #[must_use]
    pub fn decode(message: &'a [u8]) -> Option<Self> {
        let mut rest = message;
        let [kind] = take(&mut rest)?;
        let len = take::<3>(&mut rest)?;
        let body = take_slice(&mut rest, number(&len))?;
        (kind == CLIENT_HELLO).then(|| Self::body(body, false))?
    }

    /// Reads what follows the header of the message; with DTLS there is a cookie in it.
    pub(crate) fn body(body: &'a [u8], has_cookie: bool) -> Option<Self> {
        let mut rest = body;
        let legacy_version = u16::from_be_bytes(take(&mut rest)?);
        take_slice(&mut rest, RANDOM_LEN)?;
        let _session = vector::<1>(&mut rest)?;
        if has_cookie {
            vector::<1>(&mut rest)?;
        }
        let _cipher_suites = vector::<2>(&mut rest)?;
        let _compression = vector::<1>(&mut rest)?;
        let mut hello = Self {
            version: Version::of(legacy_version),
            ..Self::UNREADABLE
        };
        // Before TLS 1.2 a hello may end here.
        if !rest.is_empty() {
            hello.extensions(vector::<2>(&mut rest)?)?;
        }
        rest.is_empty().then_some(hello)
    }

    fn extensions(&mut self, mut extensions: &'a [u8]) -> Option<()> {
        let mut seen = 0_u64;
        while !extensions.is_empty() {
            let kind = u16::from_be_bytes(take(&mut extensions)?);
            let data = vector::<2>(&mut extensions)?;
            let bit = match kind {
                SERVER_NAME => {
                    self.name = Name::of(data)?;
                    1
                }
                ALPN => {
                    self.protocols = protocols(data)?;
                    2
                }
                SUPPORTED_VERSIONS => {
                    self.version = latest(data)?;
                    4
                }
                _ => continue,
            };
            if seen & bit != 0 {
                return None;
            }
            seen |= bit;
        }
        Some(())
    }

    /// The name of the server it wants, in lower case and without a dot at the end.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        let name = self.name.bytes.get(..self.name.len.into())?;
        let name = std::str::from_utf8(name).ok()?;
        (!name.is_empty()).then_some(name)
    }

    /// The application protocols it offers, the dearest first.
    pub fn protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.protocols;
        std::iter::from_fn(move || vector::<1>(&mut rest))
    }
}

impl Name {
    const NONE: Self = Self {
        bytes: [0; NAME_LEN_MAX],
        len: 0,
    };

    /// The one host name of the list.
    fn of(mut data: &[u8]) -> Option<Self> {
        const HOST_NAME: u8 = 0;
        let mut list = vector::<2>(&mut data)?;
        let [kind] = take(&mut list)?;
        let text = vector::<2>(&mut list)?;
        let is_alone = kind == HOST_NAME && list.is_empty() && data.is_empty();
        let text = std::str::from_utf8(text).ok().filter(|_| is_alone)?;
        let text = text.strip_suffix('.').unwrap_or(text).as_bytes();
        let mut name = Self::NONE;
        name.bytes.get_mut(..text.len())?.copy_from_slice(text);
        name.bytes.make_ascii_lowercase();
        name.len = u8::try_from(text.len()).ok().filter(|len| *len > 0)?;
        Some(name)
    }
}

/// The entries of a list of protocols, none of which is empty.
fn protocols(mut data: &[u8]) -> Option<&[u8]> {
    let list = vector::<2>(&mut data)?;
    let mut rest = list;
    while !rest.is_empty() {
        vector::<1>(&mut rest).filter(|protocol| !protocol.is_empty())?;
    }
    data.is_empty().then_some(list)
}

/// The latest of the versions offered that is known; others are there to keep servers on their toes
/// (RFC 8701).
fn latest(mut data: &[u8]) -> Option<Version> {
    let mut list = vector::<1>(&mut data)?;
    let mut latest = None;
    while !list.is_empty() {
        let version = Version::of(u16::from_be_bytes(take(&mut list)?));
        if version != Version::Other {
            latest = latest.max(Some(version as u8));
        }
    }
    let mut named = Version::NAMED.into_iter();
    let known = named.find(|(_, version)| Some(*version as u8) == latest);
    let version = known.map_or(Version::Other, |(_, version)| version);
    data.is_empty().then_some(version)
}

/// Bytes with their length before them, in so many bytes.
fn vector<'a, const LEN: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take::<LEN>(rest)?;
    take_slice(rest, number(&len))
}

fn take<const LEN: usize>(rest: &mut &[u8]) -> Option<[u8; LEN]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn take_slice<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

/// At most three bytes.
fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Reads arbitrary bytes as a stream that begins with a hello, as a message and as a datagram.
///
/// # Panics
/// When what was read isn't what a hello may be.
pub fn fuzz_client_hello(data: &[u8]) {
    if let FirstHandshake::More { need } = tls::first_handshake(data) {
        assert!(need > data.len());
    }
    let mut stream = data.to_vec();
    let joined = tls::join_records(&mut stream);
    for hello in [
        ClientHello::decode(data),
        ClientHello::decode(joined),
        dtls::client_hello(data),
    ] {
        let Some(hello) = hello else { continue };
        let name = hello.server_name().unwrap_or("a");
        assert!(!name.is_empty() && !name.contains(|c: char| c.is_ascii_uppercase()));
        assert!(hello.protocols().all(|protocol| !protocol.is_empty()));
    }
}

#[cfg(test)]
mod tests;
