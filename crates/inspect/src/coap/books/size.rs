//! How large a datagram is on each of the layers that a ratio may count.

use policy::Layer;
use wire::net::Layout;
use wire::net::build;

/// Bytes of the smallest Ethernet frame, its check sequence apart: shorter ones are padded (IEEE 802.3 §4.2.3.3).
const FRAME_LEN_MIN: usize = 60;

/// Bytes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    /// What UDP carries.
    payload: u32,
    /// The headers of IP and UDP.
    headers: u16,
    /// What is around the IP packet.
    around: u16,
}

impl Size {
    /// Of the datagram in a frame of that length.
    #[inline]
    pub(crate) fn of(layout: &Layout, frame_len: usize) -> Self {
        let packet_len = layout.end - layout.l3;
        Self {
            payload: bounded(layout.payload_len()),
            headers: bounded(layout.payload - layout.l3) as u16,
            around: bounded(frame_len.max(FRAME_LEN_MIN) - packet_len) as u16,
        }
    }

    /// Of a datagram of our own with that much payload, on the way of a frame laid out so, or back.
    pub(crate) fn own(layout: &Layout, payload_len: usize) -> Self {
        let own = build::udp_layout(layout, payload_len);
        Self::of(&own, own.end)
    }

    /// Bytes on a layer.
    #[inline]
    pub(crate) fn on(self, layer: Layer) -> u32 {
        let packet_len = self.payload.saturating_add(self.headers.into());
        match layer {
            Layer::UdpPayload => self.payload,
            Layer::Ip => packet_len,
            Layer::Frame => packet_len.saturating_add(self.around.into()),
        }
    }

    /// How much payload a datagram of our own may have that takes no more than `bytes` on a layer.
    pub(crate) fn payload_within(layout: &Layout, layer: Layer, bytes: u64) -> usize {
        let own = build::udp_layout(layout, 0);
        let (least, headers) = match layer {
            Layer::UdpPayload => (0, 0),
            Layer::Ip => (0, own.payload - own.l3),
            Layer::Frame => (FRAME_LEN_MIN, own.payload),
        };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        match bytes < least {
            true => 0,
            false => bytes.saturating_sub(headers),
        }
    }

    /// Of a datagram that is nothing but payload.
    #[cfg(test)]
    pub(crate) fn of_payload(payload_len: usize) -> Self {
        Self {
            payload: bounded(payload_len),
            ..Self::default()
        }
    }
}

fn bounded(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use wire::net::build::{HOP_LIMIT, Path};
    use wire::net::{Packet, Vlan};

    use super::*;

    const TAG: Vlan = Vlan {
        ethertype: 0x8100,
        control: 12,
    };

    /// A frame as it comes from a client.
    fn frame(source: IpAddr, vlan: Option<Vlan>, payload_len: usize) -> Vec<u8> {
        let path = Path {
            source_mac: [2; 6],
            destination_mac: [4; 6],
            vlan,
            source,
            destination: source,
            source_port: 1,
            destination_port: 2,
            hop_limit: HOP_LIMIT,
        };
        let mut frame = vec![0; 1600];
        let len = build::udp_datagram(&mut frame, &path, &vec![7; payload_len]).unwrap();
        frame.truncate(len);
        frame
    }

    fn on_each(size: Size) -> Vec<u32> {
        Layer::ALL.iter().map(|layer| size.on(*layer)).collect()
    }

    #[test]
    fn a_datagram_has_a_size_on_each_layer() {
        let (v4, v6) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([1u16; 8]));
        for (source, vlan, payload_len, expected) in [
            (v4, None, 4, [4, 32, 60]),
            (v4, None, 18, [18, 46, 60]),
            (v4, None, 100, [100, 128, 142]),
            (v4, Some(TAG), 4, [4, 32, 60]),
            (v4, Some(TAG), 100, [100, 128, 146]),
            (v6, None, 4, [4, 52, 66]),
            (v6, Some(TAG), 100, [100, 148, 166]),
        ] {
            let mut frame = frame(source, vlan, payload_len);
            let layout = Packet::decode(&frame).unwrap().layout;
            assert_eq!(on_each(Size::of(&layout, frame.len())), expected);
            assert_eq!(on_each(Size::own(&layout, payload_len)), expected);
            frame.resize(1500, 0);
            let padded = Size::of(&Packet::decode(&frame).unwrap().layout, frame.len());
            assert_eq!(
                on_each(padded),
                [expected[0], expected[1], 1500],
                "as it crosses"
            );
        }
    }

    #[test]
    fn what_fits_is_as_much_as_fits() {
        let frame = frame(IpAddr::from([192, 0, 2, 1]), Some(TAG), 4);
        let layout = Packet::decode(&frame).unwrap().layout;
        for layer in Layer::ALL {
            for bytes in 0..200 {
                let most = Size::payload_within(&layout, *layer, bytes);
                let takes = |payload_len| Size::own(&layout, payload_len).on(*layer);
                assert!(
                    most == 0 || u64::from(takes(most)) <= bytes,
                    "{layer:?} {bytes}"
                );
                assert!(u64::from(takes(most + 1)) > bytes, "{layer:?} {bytes}");
            }
        }
        let endless = Size::own(&layout, usize::MAX / 2);
        assert_eq!(endless.on(Layer::Frame), u32::MAX);
    }
}
