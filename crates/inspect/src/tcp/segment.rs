//! What the TCP module needs of a segment, apart from the bytes of its frame.

use std::ops::Range;

use wire::net::{Layout, Tcp, TcpFlags, TcpOption, TcpOptions};

use super::answer::TIMESTAMPS_BYTES;
use super::seq::Seq;

/// A decoded TCP header, and where the payload lies in its frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(super) seq: Seq,
    pub(super) ack: Seq,
    pub(super) flags: TcpFlags,
    pub(super) window: u16,
    /// The window scale option; on a SYN only.
    pub(super) scale: Option<u8>,
    /// The sender's timestamp.
    pub(super) timestamp: Option<u32>,
    /// It is a SYN whose sender takes selective acknowledgements, or bears one (RFC 2018).
    pub(super) says_sack: bool,
    /// It bears an option of Multipath TCP.
    pub(crate) is_multipath: bool,
    pub(super) layout: Layout,
}

impl Segment {
    /// The segment of a decoded frame.
    pub(crate) fn new(tcp: &Tcp<'_>, layout: Layout) -> Self {
        let is_syn = tcp.flags.contains(TcpFlags::SYN);
        let scale = is_syn.then(|| tcp.options.iter().find_map(shift)).flatten();
        Self {
            seq: Seq(tcp.seq),
            ack: Seq(tcp.ack),
            flags: tcp.flags,
            window: tcp.window,
            scale,
            timestamp: timestamp(tcp.options),
            says_sack: says_sack(tcp.options),
            is_multipath: tcp.options.has_multipath(),
            layout,
        }
    }

    pub(super) fn has(&self, flags: TcpFlags) -> bool {
        self.flags.contains(flags)
    }

    /// Whether it asks for a new connection.
    pub(crate) fn is_opening(&self) -> bool {
        self.has(TcpFlags::SYN) && !self.has(TcpFlags::ACK)
    }

    /// Whether it asks for a new connection or answers one that does.
    pub(crate) fn is_syn(&self) -> bool {
        self.has(TcpFlags::SYN)
    }

    /// Whether it breaks a connection off.
    pub(crate) fn is_rst(&self) -> bool {
        self.has(TcpFlags::RST)
    }

    /// Where the payload lies in the frame.
    pub(super) fn payload(&self) -> Range<usize> {
        self.layout.payload..self.layout.end
    }

    /// Bytes of sequence space after the SYN's: payload and FIN.
    pub(super) fn len(&self) -> usize {
        self.layout.payload_len() + usize::from(self.has(TcpFlags::FIN))
    }

    /// The sequence number after its last byte, and its FIN.
    pub(super) fn end(&self) -> Seq {
        self.seq + self.len()
    }
}

fn shift(option: TcpOption<'_>) -> Option<u8> {
    match option {
        TcpOption::WindowScale(shift) => Some(shift),
        _ => None,
    }
}

/// Whether one of the options is about selective acknowledgements: the one on SYNs, or the one on all others.
fn says_sack(options: TcpOptions<'_>) -> bool {
    let is_about_sack = |option| matches!(option, TcpOption::SackPermitted | TcpOption::Sack(_));
    // Few segments bear any beyond timestamps.
    let bytes = options.as_bytes();
    let is_usual = bytes.len() == TIMESTAMPS_BYTES && bytes.starts_with(&[1, 1, 8, 10]);
    !is_usual && options.iter().any(is_about_sack)
}

fn timestamp(options: TcpOptions<'_>) -> Option<u32> {
    // As nearly all senders lay it out (RFC 7323, appendix A).
    if let [1, 1, 8, 10, v0, v1, v2, v3, ..] = *options.as_bytes() {
        return Some(u32::from_be_bytes([v0, v1, v2, v3]));
    }
    options.iter().find_map(|option| match option {
        TcpOption::Timestamps { value, .. } => Some(value),
        _ => None,
    })
}
