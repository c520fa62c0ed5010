//! Ethernet, IPv4, IPv6, TCP and UDP: a frame as the inspector and the XDP program see it.
//!
//! [`Packet::decode`] is the reference for what every frame is; the XDP program has to agree, and is
//! tested against it on the same frames. The rules, in the order they are applied:
//!
//! 1. **Ethernet.** A frame under 14 bytes is malformed. One VLAN tag is taken: type 0x8100 or
//!    0x88a8, then 2 bytes of tag and 2 of type (a frame under 18 bytes is malformed). A type of
//!    0x0800 is IPv4, 0x86dd IPv6; everything else, a second tag and the lengths of 802.3 included,
//!    is [`Transport::NotIp`] and never malformed.
//! 2. **IPv4.** Malformed: under 20 bytes left; version not 4; header length under 20; total length
//!    under the header length; total length over what is left; wrong header checksum. Bytes after
//!    the total length are padding and are never looked at. Options are skipped unread.
//! 3. **IPv6.** Malformed: under 40 bytes left; version not 6; payload length over what is left.
//!    Bytes after the payload length are padding. A payload length of 0 is taken as it stands:
//!    jumbograms (RFC 2675) are not read.
//! 4. **IPv6 extension headers.** Hop-by-hop options (0), routing (43) and destination options (60)
//!    are walked by their length, at most [`EXTENSION_HEADERS_MAX`] of them. Malformed: a ninth one;
//!    hop-by-hop options anywhere but first; fewer than 8 bytes, or fewer than its length says, left
//!    in the packet. Every other next header ends the walk.
//! 5. **Fragments.** IPv4 with more-fragments set or an offset other than 0, and any IPv6 fragment
//!    header (44), offset 0 without more-fragments included, is [`Transport::Fragment`]. Malformed: an
//!    IPv6 fragment header cut short; more to come, yet the fragment's data is empty or no multiple
//!    of 8 bytes; offset plus data over 65535. What stands in the fragment is not checked.
//! 6. **TCP** (6). Malformed: under 20 bytes; data offset under 5 words, or over what is left; flags
//!    other than SYN, SYN+ACK, RST, RST+ACK, ACK or FIN+ACK when only these four are looked at; an
//!    option whose length is impossible.
//! 7. **UDP** (17). Malformed: under 8 bytes; UDP length other than the rest of the IP packet.
//! 8. Any other protocol is [`Transport::Other`]: ICMP, authentication header and ESP among them.
//!
//! The checksums of TCP and UDP are not part of decoding: [`checksum::verify`] looks at them. What
//! length fields and flags can't show is marked in [`Malformed::is_structural`]; a packet filter that
//! leaves it to the inspector agrees on everything else.

pub mod build;
pub mod checksum;
pub mod edit;
mod finding;
pub mod fuzz;
mod ip;
mod packet;
mod rough;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub use finding::Malformed;
pub use ip::{EXTENSION_HEADERS_MAX, Fragment};
pub use packet::{Ethernet, Layout, MacAddr, Packet, Transport, Vlan};
pub use rough::Rough;
pub use tcp::{Tcp, TcpFlags, TcpOption, TcpOptions, sack_ranges};
pub use udp::Udp;
