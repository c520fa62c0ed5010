//! Everything the Ethernet to TCP/UDP parser can say against a frame.

use crate::finding::findings;

findings! {
    /// A frame that breaks the format of a layer below the application.
    pub enum Malformed {
        /// The frame ends inside the Ethernet header or the VLAN tag
        EthernetTruncated => "ethernet.malformed.truncated", "IEEE 802.3 §3, IEEE 802.1Q §9";

        /// The frame ends inside the IP packet
        IpTruncated => "ip.malformed.truncated", "RFC 791 §3.1, RFC 8200 §3";
        /// The version field contradicts the Ethernet type
        IpVersion => "ip.malformed.version", "RFC 791 §3.1, RFC 8200 §3";
        /// The IPv4 header is said to be shorter than 20 bytes
        IpHeaderLength => "ip.malformed.header-length", "RFC 791 §3.1";
        /// The IPv4 total length is smaller than the header
        IpTotalLength => "ip.malformed.total-length", "RFC 791 §3.1";
        /// The IPv4 header checksum is wrong
        IpChecksum => "ip.malformed.checksum", "RFC 791 §3.1, RFC 1812 §5.2.2";
        /// A fragment that is not the last is empty or no multiple of eight bytes
        FragmentSize => "ip.malformed.fragment-size", "RFC 791 §3.2, RFC 8200 §4.5";
        /// A fragment reaches beyond the largest packet
        FragmentOverrun => "ip.malformed.fragment-overrun", "RFC 791 §3.2, RFC 8200 §4.5, CVE-1999-0128";
        /// An IPv6 extension header reaches beyond the packet
        ExtensionTruncated => "ip.malformed.extension-truncated", "RFC 8200 §4";
        /// A hop-by-hop options header does not come first
        ExtensionOrder => "ip.malformed.extension-order", "RFC 8200 §4.1";
        /// There are more than eight IPv6 extension headers
        ExtensionCount => "ip.malformed.extension-count", "RFC 8504 §5.3";
        /// The sender has chosen the way the packet takes: source routing
        IpSourceRoute => "ip.malformed.source-route", "RFC 7126 §4.3, §4.4, RFC 5095 §3";

        /// The IP packet ends inside the TCP header
        TcpTruncated => "tcp.malformed.truncated", "RFC 9293 §3.1";
        /// The TCP header is said to be shorter than 20 bytes
        TcpHeaderLength => "tcp.malformed.header-length", "RFC 9293 §3.1";
        /// The control flags are a combination no connection uses
        TcpFlags => "tcp.malformed.flags", "RFC 9293 §3.5, §3.10.7";
        /// An option's length is impossible
        TcpOptions => "tcp.malformed.options", "RFC 9293 §3.1, RFC 7323 §2, §3, RFC 2018 §2, §3";
        /// The TCP checksum is wrong
        TcpChecksum => "tcp.malformed.checksum", "RFC 9293 §3.1";

        /// The IP packet ends inside the UDP header
        UdpTruncated => "udp.malformed.truncated", "RFC 768";
        /// The UDP length is not that of the IP payload
        UdpLength => "udp.malformed.length", "RFC 768, RFC 8085 §3.4";
        /// The UDP checksum is wrong, or missing over IPv6
        UdpChecksum => "udp.malformed.checksum", "RFC 768, RFC 8200 §8.1";
    }
}

impl std::error::Error for Malformed {}

impl Malformed {
    /// Whether the length fields alone show it. The rest takes arithmetic over the bytes or a walk
    /// over options, which a packet filter in front may leave to the inspector.
    #[must_use]
    pub const fn is_structural(self) -> bool {
        !matches!(
            self,
            Self::IpChecksum
                | Self::IpSourceRoute
                | Self::TcpOptions
                | Self::TcpChecksum
                | Self::UdpChecksum
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_documented() {
        let families = [
            "ethernet.malformed.",
            "ip.malformed.",
            "tcp.malformed.",
            "udp.malformed.",
        ];
        let mut found = 0;
        for family in families {
            let rows: Vec<_> = Malformed::ALL
                .iter()
                .filter(|m| m.code().starts_with(family))
                .map(|m| (m.code(), m.clause(), m.summary()))
                .collect();
            crate::finding::assert_table(family, &rows);
            found += rows.len();
        }
        assert_eq!(found, Malformed::ALL.len());
    }
}
