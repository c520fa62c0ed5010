//! TCP headers and options (RFC 9293 §3.1).

use pnet_packet::tcp::TcpPacket;

use super::Malformed;

/// Bytes of a header without options.
pub(crate) const HEADER_LEN: usize = 20;

/// The control flags of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpFlags(pub u8);

#[allow(missing_docs, reason = "the constants are the flags' names")]
impl TcpFlags {
    pub const FIN: Self = Self(1);
    pub const SYN: Self = Self(1 << 1);
    pub const RST: Self = Self(1 << 2);
    pub const PSH: Self = Self(1 << 3);
    pub const ACK: Self = Self(1 << 4);
    pub const URG: Self = Self(1 << 5);
    pub const ECE: Self = Self(1 << 6);
    pub const CWR: Self = Self(1 << 7);
}

impl TcpFlags {
    /// Whether all of `flags` are set.
    #[inline]
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether any of `flags` is set.
    #[inline]
    #[must_use]
    pub const fn intersects(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// These without `flags`.
    #[inline]
    #[must_use]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }

    /// Whether a connection uses the combination, PSH, URG, ECE and CWR aside.
    #[inline]
    const fn is_possible(self) -> bool {
        const FIN: u8 = TcpFlags::FIN.0;
        const SYN: u8 = TcpFlags::SYN.0;
        const RST: u8 = TcpFlags::RST.0;
        const ACK: u8 = TcpFlags::ACK.0;
        const SYN_ACK: u8 = SYN | ACK;
        const RST_ACK: u8 = RST | ACK;
        const FIN_ACK: u8 = FIN | ACK;
        let core = self.0 & (FIN | SYN | RST | ACK);
        matches!(core, SYN | SYN_ACK | RST | RST_ACK | ACK | FIN_ACK)
    }
}

impl std::ops::BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let set = NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0);
        f.write_str(&set.map(|(_, name)| *name).collect::<Vec<_>>().join("+"))
    }
}

/// One TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tcp<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The sequence number of the first byte (or of the SYN).
    pub seq: u32,
    /// The next byte expected from the other end, if ACK is set.
    pub ack: u32,
    /// The control flags.
    pub flags: TcpFlags,
    /// The window, not scaled.
    pub window: u16,
    /// The urgent pointer, meaningful with URG.
    pub urgent: u16,
    /// The options.
    pub options: TcpOptions<'a>,
    /// The data.
    pub payload: &'a [u8],
}

impl<'a> Tcp<'a> {
    /// Reads a segment that fills `bytes`.
    #[inline]
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = TcpPacket::new(bytes).ok_or(Malformed::TcpTruncated)?;
        let header_len = usize::from(header.get_data_offset()) * 4;
        if header_len < HEADER_LEN {
            return Err(Malformed::TcpHeaderLength);
        }
        if header_len > bytes.len() {
            return Err(Malformed::TcpTruncated);
        }
        let flags = TcpFlags(header.get_flags());
        if !flags.is_possible() {
            return Err(Malformed::TcpFlags);
        }
        Ok(Self {
            source_port: header.get_source(),
            destination_port: header.get_destination(),
            seq: header.get_sequence(),
            ack: header.get_acknowledgement(),
            flags,
            window: header.get_window(),
            urgent: header.get_urgent_ptr(),
            options: TcpOptions::decode(&bytes[HEADER_LEN..header_len])?,
            payload: &bytes[header_len..],
        })
    }

    /// Sequence numbers the segment takes: its data, SYN and FIN.
    #[inline]
    #[must_use]
    pub fn seq_len(&self) -> usize {
        let control = [TcpFlags::SYN, TcpFlags::FIN];
        self.payload.len()
            + control
                .iter()
                .filter(|flag| self.flags.contains(**flag))
                .count()
    }
}

/// The options of a segment, their lengths checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TcpOptions<'a> {
    raw: &'a [u8],
}

/// One option; padding is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// Largest segment the sender takes (RFC 9293 §3.7.1).
    MaximumSegmentSize(u16),
    /// Shift of the window (RFC 7323 §2).
    WindowScale(u8),
    /// Selective acknowledgements are welcome (RFC 2018 §2).
    SackPermitted,
    /// Up to four ranges received out of order (RFC 2018 §3): see [`sack_ranges`].
    Sack(&'a [u8]),
    /// Timestamps (RFC 7323 §3).
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// The clock of the other end, as last seen.
        echo: u32,
    },
    /// Anything else.
    Other {
        /// The kind.
        kind: u8,
        /// The data after kind and length.
        data: &'a [u8],
    },
}

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
/// Multipath TCP (RFC 8684 §3).
pub(crate) const MULTIPATH: u8 = 30;

impl<'a> TcpOptions<'a> {
    #[inline]
    fn decode(raw: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = raw;
        while next_option(&mut rest)?.is_some() {}
        Ok(Self { raw })
    }

    /// The options in their order.
    pub fn iter(self) -> impl Iterator<Item = TcpOption<'a>> {
        let mut rest = self.raw;
        std::iter::from_fn(move || next_option(&mut rest).expect("checked by decode"))
    }

    /// Whether one of them belongs to Multipath TCP (RFC 8684 §3).
    #[must_use]
    pub fn has_multipath(self) -> bool {
        let is_multipath =
            |option| matches!(option, TcpOption::Other { kind, .. } if kind == MULTIPATH);
        self.raw.contains(&MULTIPATH) && self.iter().any(is_multipath)
    }

    /// The bytes as they stand in the header.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.raw
    }
}

impl std::fmt::Debug for TcpOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Fills the options of Multipath TCP with padding, in `raw` that [`TcpOptions::decode`] has checked.
pub(crate) fn blank_multipath(raw: &mut [u8]) {
    let mut at = 0;
    while let Some(&kind) = raw.get(at).filter(|kind| **kind != END) {
        let len = match kind {
            NOP => 1,
            _ => usize::from(raw[at + 1]),
        };
        if kind == MULTIPATH {
            raw[at..at + len].fill(NOP);
        }
        at += len;
    }
}

/// Sets the sender's clock in the timestamps, if there are any, in `raw` that [`TcpOptions::decode`] has checked.
pub(crate) fn set_timestamp(raw: &mut [u8], value: u32) {
    let mut at = 0;
    while let Some(&kind) = raw.get(at).filter(|kind| **kind != END) {
        let len = match kind {
            NOP => 1,
            _ => usize::from(raw[at + 1]),
        };
        if kind == TIMESTAMPS {
            raw[at + 2..at + 6].copy_from_slice(&value.to_be_bytes());
        }
        at += len;
    }
}

/// Takes the next option off `rest`; none at the end of the list.
#[inline]
fn next_option<'a>(rest: &mut &'a [u8]) -> Result<Option<TcpOption<'a>>, Malformed> {
    while let Some((&NOP, after)) = rest.split_first() {
        *rest = after;
    }
    let [kind, after @ ..] = *rest else {
        return Ok(None);
    };
    if *kind == END {
        *rest = &[];
        return Ok(None);
    }
    let (&len, _) = after.split_first().ok_or(Malformed::TcpOptions)?;
    let split = rest.split_at_checked(usize::from(len).max(2));
    let (option, after) = split.ok_or(Malformed::TcpOptions)?;
    if len < 2 {
        return Err(Malformed::TcpOptions);
    }
    *rest = after;
    option_of(*kind, &option[2..]).map(Some)
}

#[inline]
fn option_of(kind: u8, data: &[u8]) -> Result<TcpOption<'_>, Malformed> {
    Ok(match (kind, data) {
        (MSS, &[high, low]) => TcpOption::MaximumSegmentSize(u16::from_be_bytes([high, low])),
        (WINDOW_SCALE, &[shift]) => TcpOption::WindowScale(shift),
        (SACK_PERMITTED, []) => TcpOption::SackPermitted,
        (SACK, ranges) if matches!(ranges.len(), 8 | 16 | 24 | 32) => TcpOption::Sack(ranges),
        (TIMESTAMPS, &[v0, v1, v2, v3, e0, e1, e2, e3]) => TcpOption::Timestamps {
            value: u32::from_be_bytes([v0, v1, v2, v3]),
            echo: u32::from_be_bytes([e0, e1, e2, e3]),
        },
        (MSS | WINDOW_SCALE | SACK_PERMITTED | SACK | TIMESTAMPS, _) => {
            return Err(Malformed::TcpOptions);
        }
        (kind, data) => TcpOption::Other { kind, data },
    })
}

/// The ranges of a [`TcpOption::Sack`]: first sequence number, and the one after the last.
pub fn sack_ranges(ranges: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    ranges.chunks_exact(8).map(|range| {
        let edge =
            |at: usize| u32::from_be_bytes(range[at..at + 4].try_into().expect("four bytes"));
        (edge(0), edge(4))
    })
}
