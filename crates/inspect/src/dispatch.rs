//! From a frame to the module that judges it.

use std::net::{IpAddr, Ipv4Addr};

use policy::{Action, Endpoints, Fragments, Message, Protocol, Reason, Service, Session, Subject};
use wire::Direction;
use wire::net::checksum::{self, State};
use wire::net::{Fragment, Layout, Malformed, Packet, Rough, Transport, Vlan};

use crate::context::{Arrival, Carrier, Context};
use crate::inspector::Installed;
use crate::services::Ported;
use crate::source::{handle_martian, is_martian};
use crate::{Frame, Inspector, Outcome, Port, Sink, tls};

/// TCP's protocol number.
pub(crate) const TCP: u8 = 6;
/// UDP's protocol number.
const UDP: u8 = 17;

impl Inspector {
    /// Finds the service a frame belongs to, and has it judged. What belongs to none passes.
    pub(crate) fn dispatch<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        installed: &Installed,
        frame: &mut Frame<'_>,
    ) -> Outcome {
        let decoded = Packet::decode(frame.as_slice());
        let packet = match &decoded {
            Ok(packet) => packet,
            Err(malformed) => return handle_malformed(cx, installed, frame.as_slice(), *malformed),
        };
        let transport = match packet.transport {
            Transport::Tcp(_) => Ported::Tcp,
            Transport::Udp(_) => Ported::Udp,
            Transport::Fragment(fragment) => {
                return handle_fragment(cx, installed, packet, fragment);
            }
            Transport::NotIp => return handle_without_ip(cx, installed, packet),
            Transport::Other(_) => return Outcome::ACCEPT,
        };
        let Some(ports) = packet.ports() else {
            return Outcome::ACCEPT;
        };
        let Some((service, direction)) = installed.ports.find(transport, ports.0, ports.1) else {
            return Outcome::ACCEPT;
        };
        let addresses = (packet.source(), packet.destination());
        let vlan = packet.vlan().and_then(Vlan::id);
        let mut arrival = Arrival {
            service,
            direction,
            endpoints: endpoints(cx.port, addresses, ports, vlan),
            carrier: Carrier {
                protocol: packet.layout.protocol,
            },
            layout: packet.layout,
        };
        let checksum = checksum::verify(packet);
        if checksum == State::Wrong {
            return handle_wrong_checksum(cx, &arrival, transport);
        }
        match packet.transport {
            Transport::Tcp(tcp) => {
                let segment = crate::tcp::Segment::new(&tcp, packet.layout);
                complete(frame, &arrival.layout, checksum);
                self.handle_tcp(cx, &mut arrival, &segment, frame)
            }
            _ => {
                complete(frame, &arrival.layout, checksum);
                self.handle_udp(cx, &arrival, frame)
            }
        }
    }

    fn handle_udp<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        frame: &mut Frame<'_>,
    ) -> Outcome {
        if arrival.service == Service::Coaps {
            return tls::handle_datagram(cx, arrival, &frame.as_slice()[arrival.payload()]);
        }
        let Endpoints {
            source,
            destination,
            from,
            ..
        } = arrival.endpoints;
        if is_martian(source, destination) {
            return handle_martian(cx, arrival);
        }
        if arrival.direction == Direction::ToServer && cx.policy.requires_tls(source, from) {
            let reasons = [Reason::TLS_REQUIRED];
            let subject = arrival.detection(Protocol::Coap, &reasons);
            let judgement = cx.judge(arrival, &subject, &mut ());
            if judgement.action.stops() {
                return judgement.outcome;
            }
        }
        self.coap.handle_datagram(cx, arrival, frame)
    }
}

/// A local stack leaves the checksum to an interface that isn't on the way any more: done here.
fn complete(frame: &mut Frame<'_>, layout: &Layout, state: State) {
    if state == State::Partial {
        checksum::complete(frame.as_mut_slice(), layout);
    }
}

fn handle_wrong_checksum<S: Sink>(
    cx: &mut Context<'_, S>,
    arrival: &Arrival,
    transport: Ported,
) -> Outcome {
    let (protocol, reason) = match transport {
        Ported::Tcp => (Protocol::Tcp, Malformed::TcpChecksum),
        Ported::Udp => (Protocol::Udp, Malformed::UdpChecksum),
    };
    let reasons = [Reason::from(reason)];
    let subject = arrival.detection(protocol, &reasons);
    cx.judge_or(Action::Drop, arrival, &subject, &mut ())
        .outcome
}

/// A frame that can't be read below the application. It passes if it shows that it is nobody's.
fn handle_malformed<S: Sink>(
    cx: &mut Context<'_, S>,
    installed: &Installed,
    frame: &[u8],
    malformed: Malformed,
) -> Outcome {
    let Some(rough) = Rough::read(frame) else {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let ends = endpoints(cx.port, (nowhere, nowhere), (0, 0), None);
        return judge_roughly(cx, ends, Service::Mqtt, Reason::from(malformed));
    };
    let (transport, guess) = match rough.protocol {
        UDP => (Ported::Udp, Service::Coap),
        _ => (Ported::Tcp, Service::Mqtt),
    };
    let ports = rough.ports.unwrap_or_default();
    let found = installed.ports.find(transport, ports.0, ports.1);
    if rough.ports.is_some() && found.is_none() {
        return Outcome::ACCEPT;
    }
    let addresses = (rough.source, rough.destination);
    let ends = endpoints(cx.port, addresses, ports, rough.vlan);
    let service = found.map_or(guess, |(service, _)| service);
    judge_roughly(cx, ends, service, Reason::from(malformed))
}

/// A frame without IP passes, unless it hides that of a service behind a second tag: receivers take
/// priority tags off in any number. What is behind a third is beyond reach.
#[cold]
fn handle_without_ip<S: Sink>(
    cx: &mut Context<'_, S>,
    installed: &Installed,
    packet: &Packet<'_>,
) -> Outcome {
    let Some(inner) = packet.behind_tag() else {
        return Outcome::ACCEPT;
    };
    let packet = match Packet::decode(inner) {
        Ok(packet) => packet,
        Err(malformed) => return handle_malformed(cx, installed, inner, malformed),
    };
    let transport = match packet.transport {
        Transport::Tcp(_) => Ported::Tcp,
        Transport::Udp(_) => Ported::Udp,
        Transport::Fragment(fragment) => return handle_fragment(cx, installed, &packet, fragment),
        Transport::Other(_) => return Outcome::ACCEPT,
        Transport::NotIp if packet.behind_tag().is_none() => return Outcome::ACCEPT,
        Transport::NotIp => Ported::Tcp,
    };
    let ports = packet.ports();
    let found = ports.and_then(|(from, to)| installed.ports.find(transport, from, to));
    if ports.is_some() && found.is_none() {
        return Outcome::ACCEPT;
    }
    let addresses = (packet.source(), packet.destination());
    let vlan = packet.vlan().and_then(Vlan::id);
    let ends = endpoints(cx.port, addresses, ports.unwrap_or_default(), vlan);
    let service = found.map_or(Service::Mqtt, |(service, _)| service);
    judge_roughly(cx, ends, service, Reason::ETHERNET_STACKED_TAGS)
}

/// A piece of an IP packet. Only the first piece may show that it is nobody's.
fn handle_fragment<S: Sink>(
    cx: &mut Context<'_, S>,
    installed: &Installed,
    packet: &Packet<'_>,
    fragment: Fragment,
) -> Outcome {
    let (transport, guess) = match fragment.protocol {
        TCP => (Ported::Tcp, Service::Mqtt),
        UDP => (Ported::Udp, Service::Coap),
        _ => return Outcome::ACCEPT,
    };
    if cx.policy.fragments() == Fragments::Forward {
        return Outcome::ACCEPT;
    }
    let data = &packet.frame()[packet.layout.l4..packet.layout.end];
    let ports = data.first_chunk().filter(|_| fragment.offset == 0);
    let ports = ports.map(|p: &[u8; 4]| {
        (
            u16::from_be_bytes([p[0], p[1]]),
            u16::from_be_bytes([p[2], p[3]]),
        )
    });
    let found = ports.and_then(|(from, to)| installed.ports.find(transport, from, to));
    if ports.is_some() && found.is_none() {
        return Outcome::ACCEPT;
    }
    let addresses = (packet.source(), packet.destination());
    let vlan = packet.vlan().and_then(Vlan::id);
    let ends = endpoints(cx.port, addresses, ports.unwrap_or_default(), vlan);
    let service = found.map_or(guess, |(service, _)| service);
    judge_roughly(cx, ends, service, Reason::IP_FRAGMENT)
}

/// Judges a frame of which only its ends are known, if that.
fn judge_roughly<S: Sink>(
    cx: &mut Context<'_, S>,
    endpoints: Endpoints,
    service: Service,
    reason: Reason,
) -> Outcome {
    let (protocol, number) = match reason.code().split('.').next() {
        Some("tcp") => (Protocol::Tcp, TCP),
        Some("udp") => (Protocol::Udp, UDP),
        _ => (Protocol::Ip, 0),
    };
    let reasons = [reason];
    let subject = Subject {
        protocol,
        service,
        direction: Direction::ToServer,
        endpoints,
        message: Message::None,
        session: Session::default(),
        reasons: &reasons,
        address_validated: false,
        unix_s: None,
        size: 0,
    };
    let carrier = Carrier { protocol: number };
    cx.judge_at(carrier, Action::Drop, &subject, &mut ())
        .outcome
}

#[inline]
fn endpoints(
    port: Port,
    addresses: (IpAddr, IpAddr),
    ports: (u16, u16),
    vlan: Option<u16>,
) -> Endpoints {
    Endpoints {
        source: addresses.0,
        source_port: ports.0,
        destination: addresses.1,
        destination_port: ports.1,
        from: port.side,
        vlan,
    }
}
