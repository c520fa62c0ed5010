//! Reproducible noise, and frames made of it: sound ones, hostile ones, and rubbish.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::frame::{self, IPV4, IPV6, SERVICE_VLAN, TCP, UDP, VLAN};

/// A xorshift generator (Marsaglia 2003).
#[derive(Debug, Clone)]
pub struct Noise(u64);

impl Noise {
    /// The generator of a seed, which must not be zero.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        assert_ne!(seed, 0, "zero stays zero");
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Up to `max` bytes.
    pub fn bytes(&mut self, max: usize) -> Vec<u8> {
        let len = self.below(max + 1);
        (0..len).map(|_| self.number() as u8).collect()
    }

    /// A frame of at least an Ethernet header. Most have TCP or UDP in them, about half of those a
    /// port out of `services`; of all, about half are broken somewhere.
    pub fn frame(&mut self, services: &[u16]) -> Vec<u8> {
        if self.once_in(50) {
            let ethertype = self.one_of(&[IPV4, IPV6, VLAN, SERVICE_VLAN, 0x0806]);
            return frame::ethernet(ethertype, &self.bytes(100));
        }
        let (mut ethertype, mut packet) = self.packet(services);
        while self.once_in(4) {
            packet = frame::tag(self.number() as u16, ethertype, &packet);
            ethertype = self.one_of(&[VLAN, SERVICE_VLAN]);
        }
        let mut frame = frame::ethernet(ethertype, &packet);
        if self.once_in(3) {
            self.mutilate(&mut frame);
        }
        if self.once_in(8) {
            frame.truncate(frame::ETHERNET_LEN.max(self.below(frame.len() + 1)));
        }
        if self.once_in(4) {
            frame.extend(self.bytes(40));
        }
        frame
    }

    fn packet(&mut self, services: &[u16]) -> (u16, Vec<u8>) {
        let (protocol, transport) = self.transport(services);
        if self.once_in(2) {
            let options: Vec<[u8; 4]> = (0..self.few(10))
                .map(|_| (self.number() as u32).to_ne_bytes())
                .collect();
            let (a, b) = (
                Ipv4Addr::from(self.number() as u32),
                Ipv4Addr::new(10, 30, 0, 9),
            );
            let packet = frame::ipv4_with_options(a, b, &options, protocol, &transport);
            if self.once_in(8) {
                let (offset, more) = (self.offset(), self.once_in(2));
                return (IPV4, frame::ipv4_fragment(packet, offset, more));
            }
            return (IPV4, packet);
        }
        let (next, payload) = self.extensions(protocol, transport);
        let a = u128::from(self.number()) << 64 | u128::from(self.number());
        (
            IPV6,
            frame::ipv6(Ipv6Addr::from(a), Ipv6Addr::LOCALHOST, next, &payload),
        )
    }

    fn extensions(&mut self, mut next: u8, mut payload: Vec<u8>) -> (u8, Vec<u8>) {
        const HOP_BY_HOP: u8 = 0;
        const FRAGMENT: u8 = 44;
        for _ in 0..self.few(10) {
            let kind = self.one_of(&[HOP_BY_HOP, 43, 60, 60, 60, FRAGMENT, 51]);
            payload = if kind == FRAGMENT {
                frame::fragment_header(next, self.offset(), self.once_in(2), &payload)
            } else {
                frame::extension(next, &payload)
            };
            next = kind;
        }
        if self.once_in(8) {
            payload = frame::extension(next, &payload);
            next = HOP_BY_HOP;
        }
        (next, payload)
    }

    fn transport(&mut self, services: &[u16]) -> (u8, Vec<u8>) {
        let ports = [self.port(services), self.port(services)];
        let payload = self.bytes(64);
        match self.below(8) {
            0 => (self.one_of(&[1, 2, 47, 50, 58, 59, 132, 136]), payload),
            1..=4 => {
                let mut segment = frame::tcp(ports[0], ports[1], &payload);
                segment[13] = self.one_of(&[0x02, 0x10, 0x11, 0x12, 0x14, 0x18, 0x10, 0x18]);
                let options = self.few(10).min(payload.len() / 4);
                segment[12] = (5 + options as u8) << 4;
                // End of options: what follows in the place of options is padding.
                segment[20..20 + 4 * options].fill(0);
                (TCP, segment)
            }
            _ => (UDP, frame::udp(ports[0], ports[1], &payload)),
        }
    }

    fn port(&mut self, services: &[u16]) -> u16 {
        if self.once_in(3) {
            self.one_of(services)
        } else {
            self.number() as u16
        }
    }

    fn offset(&mut self) -> u16 {
        if self.once_in(2) {
            0
        } else {
            self.number() as u16 & 0x1fff
        }
    }

    /// Mostly zero, `max` at most.
    fn few(&mut self, max: usize) -> usize {
        if self.once_in(3) {
            self.below(max + 1)
        } else {
            0
        }
    }

    /// Flips up to four bits, or overwrites bytes with such as parsers like to stumble over.
    fn mutilate(&mut self, bytes: &mut [u8]) {
        // Headers are where it hurts.
        let headers = bytes.len().min(80);
        for _ in 0..=self.below(4) {
            let at = self.below(headers);
            match self.below(4) {
                0 => bytes[at] = self.one_of(&[0, 1, 0x7f, 0x80, 0xff]),
                _ => bytes[at] ^= 1 << self.below(8),
            }
        }
    }
}
