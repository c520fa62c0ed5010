//! From a frame to the ports that decide where it goes.
//!
//! Most traffic isn't of a service, so finding the ports comes first and costs as little as can be;
//! whether the headers are sound is asked of datagrams of services alone ([`Datagram::check`]). A
//! broken header that leaves the ports in sight and names no service is its receiver's business. One
//! that hides the ports of TCP or UDP is an error, since a receiver that is less strict could find a
//! service there. What isn't IP, or is neither TCP nor UDP, is none of the program's business.

use abi::{Outcome, service::Transport};

use crate::coap;
use crate::frame::Frame;
use crate::header::{
    Coap, Ethernet, Extension, Fragment, Ipv4, Ipv6, Place, Ports, Tcp, Udp, VlanTag,
};

/// Extension headers that are walked before a datagram is refused.
pub const EXTENSIONS_MAX: u32 = 8;

/// VLAN tags that are looked behind. Datagrams behind one are inspected, behind more they are refused.
pub const TAGS_MAX: u32 = 2;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;

const PROTOCOL_HOP_BY_HOP: u8 = 0;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
const PROTOCOL_ROUTING: u8 = 43;
const PROTOCOL_FRAGMENT: u8 = 44;
const PROTOCOL_DESTINATION: u8 = 60;

/// What a frame is to the program.
pub enum Located<'a> {
    /// Neither TCP nor UDP over IP.
    Other,
    /// A fragment of a TCP or UDP datagram after the first: it has no ports.
    LaterFragment,
    /// A TCP or UDP datagram, or its first fragment.
    Datagram(Datagram<'a>),
}

/// A TCP or UDP datagram whose ports are known.
pub struct Datagram<'a> {
    /// Its protocol.
    pub transport: Transport,
    /// Its ports.
    pub ports: &'a Ports,
    frame: Frame<'a>,
    network: Network<'a>,
    l3: usize,
    l4: usize,
}

enum Network<'a> {
    V4(&'a Ipv4),
    V6 { header: &'a Ipv6, place: Place },
}

/// An address of a datagram.
pub enum Address<'a> {
    /// IPv4.
    V4(&'a [u8; 4]),
    /// IPv6.
    V6(&'a [u8; 16]),
}

/// Finds the ports of `frame`.
///
/// # Errors
///
/// The outcome of a frame whose headers are broken where they hide the ports.
#[inline(always)]
pub fn locate<'a>(frame: Frame<'a>) -> Result<Located<'a>, Outcome> {
    let link = frame.at::<Ethernet>(0).ok_or(Outcome::MalformedEthernet)?;
    let mut l3 = size_of::<Ethernet>();
    let mut ethertype = link.ethertype();
    let mut tags = 0;
    while matches!(ethertype, ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN) {
        // A receiver takes priority tags off in any number, so what hides behind a second one is
        // looked at too; a third is beyond reach.
        if tags == TAGS_MAX {
            return Err(Outcome::VlanStacked);
        }
        let tag = frame.at::<VlanTag>(l3).ok_or(Outcome::MalformedEthernet)?;
        ethertype = tag.ethertype();
        l3 += size_of::<VlanTag>();
        tags += 1;
    }
    match ethertype {
        ETHERTYPE_IPV4 => locate_ipv4(frame, l3),
        ETHERTYPE_IPV6 => locate_ipv6(frame, l3),
        _ => Ok(Located::Other),
    }
}

#[inline(always)]
fn locate_ipv4<'a>(frame: Frame<'a>, l3: usize) -> Result<Located<'a>, Outcome> {
    let header = frame.at::<Ipv4>(l3).ok_or(Outcome::MalformedIpv4)?;
    if header.version() != 4 || header.header_len() < size_of::<Ipv4>() {
        return Err(Outcome::MalformedIpv4);
    }
    let l4 = l3 + header.header_len();
    locate_ports(frame, header.protocol, header.place(), l3, l4, |_| {
        Network::V4(header)
    })
}

#[inline(always)]
fn locate_ipv6<'a>(frame: Frame<'a>, l3: usize) -> Result<Located<'a>, Outcome> {
    let header = frame.at::<Ipv6>(l3).ok_or(Outcome::MalformedIpv6)?;
    if header.version() != 6 {
        return Err(Outcome::MalformedIpv6);
    }
    let mut walk = Walk {
        protocol: header.next_header,
        place: Place::Whole,
        l4: l3 + size_of::<Ipv6>(),
    };
    for walked in 0..EXTENSIONS_MAX {
        if !walk.is_at_extension() {
            break;
        }
        // Hop-by-hop options stand first or nowhere (RFC 8200 section 4.1).
        if walk.protocol == PROTOCOL_HOP_BY_HOP && walked > 0 {
            return Err(Outcome::MalformedIpv6Extension);
        }
        walk.step(frame)?;
    }
    if walk.is_at_extension() {
        return Err(Outcome::MalformedIpv6Extension);
    }
    let Walk {
        protocol,
        place,
        l4,
    } = walk;
    locate_ports(frame, protocol, place, l3, l4, |place| Network::V6 {
        header,
        place,
    })
}

/// The walk along IPv6 extension headers.
struct Walk {
    protocol: u8,
    place: Place,
    l4: usize,
}

impl Walk {
    #[inline(always)]
    fn is_at_extension(&self) -> bool {
        self.place != Place::Later
            && matches!(
                self.protocol,
                PROTOCOL_HOP_BY_HOP | PROTOCOL_ROUTING | PROTOCOL_FRAGMENT | PROTOCOL_DESTINATION
            )
    }

    #[inline(always)]
    fn step(&mut self, frame: Frame<'_>) -> Result<(), Outcome> {
        const CUT_SHORT: Outcome = Outcome::MalformedIpv6Extension;
        let header = frame.at::<Extension>(self.l4).ok_or(CUT_SHORT)?;
        self.l4 += if self.protocol == PROTOCOL_FRAGMENT {
            let fragment = frame.at::<Fragment>(self.l4).ok_or(CUT_SHORT)?;
            self.place = fragment.place();
            size_of::<Fragment>()
        } else {
            // RFC 8200 section 4: in words of eight bytes, less one.
            (usize::from(header.length) + 1) * 8
        };
        self.protocol = header.next_header;
        Ok(())
    }
}

#[inline(always)]
fn locate_ports<'a>(
    frame: Frame<'a>,
    protocol: u8,
    place: Place,
    l3: usize,
    l4: usize,
    network: impl FnOnce(Place) -> Network<'a>,
) -> Result<Located<'a>, Outcome> {
    let transport = match protocol {
        PROTOCOL_TCP => Transport::Tcp,
        PROTOCOL_UDP => Transport::Udp,
        _ => return Ok(Located::Other),
    };
    if place == Place::Later {
        return Ok(Located::LaterFragment);
    }
    let Some(ports) = frame.at::<Ports>(l4) else {
        return Err(match (place, transport) {
            (Place::First, _) => Outcome::Fragment,
            (_, Transport::Tcp) => Outcome::MalformedTcp,
            (_, Transport::Udp) => Outcome::MalformedUdp,
        });
    };
    Ok(Located::Datagram(Datagram {
        transport,
        ports,
        frame,
        network: network(place),
        l3,
        l4,
    }))
}

impl<'a> Datagram<'a> {
    /// Where it comes from.
    #[inline(always)]
    #[must_use]
    pub fn source(&self) -> Address<'a> {
        match self.network {
            Network::V4(header) => Address::V4(&header.source),
            Network::V6 { header, .. } => Address::V6(&header.source),
        }
    }

    /// Where it goes to.
    #[inline(always)]
    #[must_use]
    pub fn destination(&self) -> Address<'a> {
        match self.network {
            Network::V4(header) => Address::V4(&header.destination),
            Network::V6 { header, .. } => Address::V6(&header.destination),
        }
    }

    /// Whether it is the first fragment of several.
    #[inline(always)]
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        let place = match self.network {
            Network::V4(header) => header.place(),
            Network::V6 { place, .. } => place,
        };
        place == Place::First
    }

    /// Checks the headers of a whole datagram.
    ///
    /// # Errors
    ///
    /// The outcome of a header that is cut short or contradicts the length of what it is in.
    #[inline(always)]
    pub fn check(&self) -> Result<(), Outcome> {
        if self.l3 > size_of::<Ethernet>() + size_of::<VlanTag>() {
            return Err(Outcome::VlanStacked);
        }
        let (end, malformed) = match self.network {
            Network::V4(header) => (self.l3 + header.total_len(), Outcome::MalformedIpv4),
            Network::V6 { header, .. } => (
                self.l3 + size_of::<Ipv6>() + header.payload_len(),
                Outcome::MalformedIpv6,
            ),
        };
        if end > self.frame.len() || end < self.l4 {
            return Err(malformed);
        }
        match self.transport {
            Transport::Tcp => self.check_tcp(end - self.l4),
            Transport::Udp => self.check_udp(end - self.l4),
        }
    }

    /// What is wrong with the CoAP message in a datagram that [`Self::check`] found sound.
    #[inline(always)]
    #[must_use]
    pub fn coap_fault(&self, bytes_max: u64) -> Option<Outcome> {
        let udp = self.frame.at::<Udp>(self.l4)?;
        let len = udp.len() - size_of::<Udp>();
        // A short datagram may have padding behind it, so its length is asked too.
        let fault = coap::fault(self.frame.at(self.l4 + size_of::<Udp>()), len);
        fault.or((len as u64 > bytes_max).then_some(Outcome::CoapTooLarge))
    }

    /// Whether it is a CoAP response, if it is CoAP: its code has the class of one (RFC 7252 §12.1).
    #[inline(always)]
    #[must_use]
    pub fn is_coap_response(&self) -> bool {
        let coap = self.frame.at::<Coap>(self.l4 + size_of::<Udp>());
        coap.is_some_and(|coap| matches!(coap.code >> 5, 2 | 4 | 5))
    }

    #[inline(always)]
    fn check_tcp(&self, available: usize) -> Result<(), Outcome> {
        let tcp = self.frame.at::<Tcp>(self.l4).ok_or(Outcome::MalformedTcp)?;
        let header_len = tcp.header_len();
        if header_len < size_of::<Tcp>() || header_len > available || !tcp.has_sound_flags() {
            return Err(Outcome::MalformedTcp);
        }
        Ok(())
    }

    #[inline(always)]
    fn check_udp(&self, available: usize) -> Result<(), Outcome> {
        let udp = self.frame.at::<Udp>(self.l4).ok_or(Outcome::MalformedUdp)?;
        if udp.len() < size_of::<Udp>() || udp.len() != available {
            return Err(Outcome::MalformedUdp);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
