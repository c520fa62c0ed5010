//! Link types of captures, brought to Ethernet, which is what the inspector reads.

use pcap_file::DataLink;

/// Length of an Ethernet header.
const ETHERNET_LEN: usize = 14;
/// Length of the Linux cooked header, version 1 (LINKTYPE_LINUX_SLL): the type is its last field.
const SLL_LEN: usize = 16;
/// Length of the Linux cooked header, version 2 (LINKTYPE_LINUX_SLL2): the type is its first field.
const SLL2_LEN: usize = 20;
/// The type number of the Linux cooked header, version 2, which the capture crate has no name for.
const SLL2: u32 = 276;

/// A link type that can't be brought to Ethernet.
#[derive(Debug)]
pub(super) struct Unsupported;

/// Turns a captured packet of link type `link` into an Ethernet frame, in place.
///
/// Where the capture has no Ethernet header, one with zero addresses takes its place. A packet too
/// short for its own link header is left as it is: it is too short for Ethernet as well.
pub(super) fn to_ethernet(link: DataLink, packet: &mut Vec<u8>) -> Result<(), Unsupported> {
    let (header_len, ethertype) = match link {
        DataLink::ETHERNET => return Ok(()),
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => (0, ip_ethertype(packet)),
        DataLink::LINUX_SLL => (SLL_LEN, field(packet, SLL_LEN - 2)),
        other if u32::from(other) == SLL2 => (SLL2_LEN, field(packet, 0)),
        _ => return Err(Unsupported),
    };
    if packet.len() < header_len {
        return Ok(());
    }
    let mut header = [0; ETHERNET_LEN];
    header[ETHERNET_LEN - 2..].copy_from_slice(&ethertype);
    packet.splice(..header_len, header);
    Ok(())
}

/// The EtherType of a bare IP packet, by its version.
fn ip_ethertype(packet: &[u8]) -> [u8; 2] {
    match packet.first().map(|byte| byte >> 4) {
        Some(6) => [0x86, 0xdd],
        _ => [0x08, 0x00],
    }
}

fn field(packet: &[u8], at: usize) -> [u8; 2] {
    match packet.get(at..at + 2) {
        Some(&[high, low]) => [high, low],
        _ => [0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(link: DataLink, packet: &[u8]) -> Vec<u8> {
        let mut frame = packet.to_vec();
        to_ethernet(link, &mut frame).expect("a known link type");
        frame
    }

    #[test]
    fn ethernet_stays_as_it_is() {
        assert_eq!(converted(DataLink::ETHERNET, &[1, 2, 3]), [1, 2, 3]);
    }

    #[test]
    fn bare_ip_gets_a_header_by_its_version() {
        for (first, ethertype) in [(0x45, [0x08, 0x00]), (0x60, [0x86, 0xdd])] {
            let frame = converted(DataLink::RAW, &[first, 9]);
            assert_eq!(frame[12..], [ethertype[0], ethertype[1], first, 9]);
        }
    }

    #[test]
    fn cooked_headers_are_replaced() {
        let mut cooked = vec![0; SLL_LEN];
        cooked[14..].copy_from_slice(&[0x08, 0x00]);
        cooked.push(0x45);
        assert_eq!(
            converted(DataLink::LINUX_SLL, &cooked)[12..],
            [0x08, 0x00, 0x45]
        );

        let mut cooked = vec![0; SLL2_LEN];
        cooked[..2].copy_from_slice(&[0x86, 0xdd]);
        cooked.push(0x60);
        assert_eq!(
            converted(DataLink::from(SLL2), &cooked)[12..],
            [0x86, 0xdd, 0x60]
        );
    }

    #[test]
    fn a_packet_shorter_than_its_link_header_stays_short() {
        assert_eq!(converted(DataLink::LINUX_SLL, &[0; 15]), [0; 15]);
    }

    #[test]
    fn radio_captures_are_refused() {
        assert!(to_ethernet(DataLink::IEEE802_11, &mut vec![0; 64]).is_err());
    }
}
