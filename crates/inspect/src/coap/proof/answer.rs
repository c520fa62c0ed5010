//! Messages of our own, in the name of one end to the other: challenges, refusals, resets.
//!
//! They are as small as can be: a header, the token, and the cookie if there is one. A request to a
//! group is never answered, since no answer comes from a group's address.

use std::net::IpAddr;

use smallvec::SmallVec;
use wire::coap::encode::{self, Builder};
use wire::coap::{Code, HEADER_LEN, Type, number};
use wire::net::Packet;
use wire::net::build::{self, Path};

use super::echo::{Cookie, LEN_MIN};
use crate::coap::exchange::endpoint::is_group;
use crate::context::Context;
use crate::{Count, Frame, Injected, Port, Sink};

/// Bytes of an Echo option but for its value: its number takes an extended delta.
pub(crate) const ECHO_HEADER_LEN: usize = 2;
/// Ethernet with a tag, IPv6 and UDP.
const HEADERS_LEN_MAX: usize = 14 + 4 + 40 + 8;
/// Room for most of them, but for larger portions.
const FRAME_LEN: usize = 128;

/// A message of our own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) message_type: Type,
    pub(crate) code: Code,
    pub(crate) message_id: u16,
    pub(crate) token: &'a [u8],
    pub(crate) echo: Option<Cookie>,
}

/// Where an answer goes, seen from the frame under inspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Towards {
    /// Back, in the name of the frame's receiver.
    Sender,
    /// On, in the place of the frame.
    Receiver,
}

impl<'a> Answer<'a> {
    /// A RST for the CON or NON with this message ID.
    pub(crate) fn reset(message_id: u16) -> Self {
        Self {
            message_type: Type::Reset,
            code: Code::EMPTY,
            message_id,
            token: &[],
            echo: None,
        }
    }

    /// An Empty ACK for the CON with this message ID.
    pub(crate) fn acknowledge(message_id: u16) -> Self {
        Self {
            message_type: Type::Acknowledgement,
            ..Self::reset(message_id)
        }
    }

    /// Bytes of the smallest challenge with a token of so many bytes.
    pub(crate) fn challenge_len_min(token_len: usize) -> usize {
        HEADER_LEN + token_len + ECHO_HEADER_LEN + LEN_MIN
    }

    /// Bytes of it.
    pub(crate) fn len(&self) -> usize {
        let echo = self.echo.as_ref();
        let echo_len = echo.map_or(0, |cookie| ECHO_HEADER_LEN + cookie.as_slice().len());
        HEADER_LEN + encode::token_len(self.token) + echo_len
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.len());
        let builder = Builder::new(
            &mut message,
            self.message_type,
            self.code,
            self.message_id,
            self.token,
        );
        if let Some(cookie) = &self.echo {
            builder.option(number::ECHO, cookie.as_slice());
        }
        message
    }

    /// Sends it. Returns whether that was possible.
    pub(crate) fn send<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        frame: &Frame<'_>,
        towards: Towards,
        purpose: Injected,
    ) -> bool {
        send(cx, frame, towards, purpose, &self.encode())
    }
}

/// Sends a message of our own. Returns whether that was possible.
pub(crate) fn send<S: Sink>(
    cx: &mut Context<'_, S>,
    frame: &Frame<'_>,
    towards: Towards,
    purpose: Injected,
    message: &[u8],
) -> bool {
    let Some(path) = path(frame) else {
        return false;
    };
    let (path, port) = match towards {
        Towards::Sender => (path.reversed(), cx.port),
        Towards::Receiver => (path, cx.port.opposite()),
    };
    send_along(cx, (&path, port), purpose, message)
}

/// The way that a frame is on.
pub(crate) fn path(frame: &Frame<'_>) -> Option<Path> {
    Path::of(&Packet::decode(frame.as_slice()).ok()?)
}

/// Sends a message of our own along a way, out of a port. Returns whether that was possible.
pub(crate) fn send_along<S: Sink>(
    cx: &mut Context<'_, S>,
    (path, port): (&Path, Port),
    purpose: Injected,
    message: &[u8],
) -> bool {
    if is_nobody(path.source) {
        return false;
    }
    let mut buffer: SmallVec<[u8; FRAME_LEN]> = SmallVec::new();
    buffer.resize(HEADERS_LEN_MAX + message.len(), 0);
    let Some(len) = build::udp_datagram(&mut buffer, path, message) else {
        return false;
    };
    cx.sink.inject(port, &buffer[..len]);
    cx.sink.count(Count::Injected(purpose));
    true
}

/// Whether nothing can come from this address.
fn is_nobody(address: IpAddr) -> bool {
    is_group(address) || address.is_unspecified()
}
