//! What is asked of a ClientHello.
//!
//! One that can't be read (too long, in pieces, or such that two servers may read it differently) has neither a
//! name nor protocols, and is of none of the versions.

use wire::hello::{ClientHello, Version};

use super::asked::{Asked, Effect};
use super::glob::Glob;
use super::list::List;
use super::set::Set;
use crate::Message;

/// One thing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HelloCondition {
    /// `sni`: the server's name.
    ServerName(List<Glob>),
    /// `alpn`: the protocols offered.
    Protocol(List<Glob>),
    /// `tls_version`: the latest offered.
    Version(Set<Version>),
}

impl HelloCondition {
    pub(super) fn holds(&self, asked: &Asked<'_, '_>) -> bool {
        let Message::Hello(hello) = asked.subject.message else {
            return false;
        };
        match self {
            Self::ServerName(list) => {
                let name = hello.server_name();
                list.holds(|glob| name.is_some_and(|name| glob.matches(name)))
            }
            Self::Protocol(list) => protocol_holds(hello, list, asked.effect),
            Self::Version(versions) => versions.contains(hello.version),
        }
    }
}

/// Who offers nothing fits what is excluded only.
fn protocol_holds(hello: &ClientHello<'_>, list: &List<Glob>, effect: Effect) -> bool {
    let fits = |protocol: &[u8]| {
        let text = std::str::from_utf8(protocol).ok();
        list.holds(|glob| text.is_some_and(|text| glob.matches(text)))
    };
    match hello.protocols().next() {
        None => list.holds(|_| false),
        Some(_) => effect.fits(hello.protocols().map(fits)),
    }
}
