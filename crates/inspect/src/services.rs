//! Which service a frame belongs to, by its ports.

use policy::{Service, Services};
use wire::Direction;
use wire::coap::Code;

/// The configured ports, in the order in which they are asked.
#[derive(Debug)]
pub(crate) struct ServicePorts {
    tcp: Box<[(u16, Service)]>,
    udp: Box<[(u16, Service)]>,
}

/// A transport protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ported {
    Tcp,
    Udp,
}

impl ServicePorts {
    pub(crate) fn new(services: &Services) -> Self {
        let list = |pairs: &[(&[u16], Service)]| {
            let ports = pairs
                .iter()
                .flat_map(|(ports, service)| ports.iter().map(|port| (*port, *service)));
            ports.collect()
        };
        Self {
            tcp: list(&services.over_tcp()),
            udp: list(&services.over_udp()),
        }
    }

    /// The service of a frame, and which way it goes. Between two service ports, the receiver's counts.
    pub(crate) fn find(
        &self,
        transport: Ported,
        source_port: u16,
        destination_port: u16,
    ) -> Option<(Service, Direction)> {
        if let Some(service) = self.at(transport, destination_port) {
            return Some((service, Direction::ToServer));
        }
        let service = self.at(transport, source_port)?;
        Some((service, Direction::ToClient))
    }

    /// As [`ServicePorts::find`], of a UDP datagram. A client may send from any port, that of CoAP over DTLS too
    /// (RFC 7252 §4.1): what a CoAP server says to that, and is no request, is its answer.
    #[inline]
    pub(crate) fn find_datagram(
        &self,
        (source_port, destination_port): (u16, u16),
        payload: &[u8],
    ) -> Option<(Service, Direction)> {
        let found = self.find(Ported::Udp, source_port, destination_port)?;
        let is_answer = found.0 == Service::Coaps
            && self.at(Ported::Udp, source_port) == Some(Service::Coap)
            && is_answer(payload);
        Some(match is_answer {
            true => (Service::Coap, Direction::ToClient),
            false => found,
        })
    }

    fn at(&self, transport: Ported, port: u16) -> Option<Service> {
        let ports = match transport {
            Ported::Tcp => &self.tcp,
            Ported::Udp => &self.udp,
        };
        let found = ports.iter().find(|(known, _)| *known == port);
        found.map(|(_, service)| *service)
    }
}

/// Whether it begins as a message of CoAP does that asks for nothing; no record of DTLS does.
fn is_answer(payload: &[u8]) -> bool {
    matches!(payload, [first, code, ..] if first >> 6 == 1 && !Code(*code).is_request())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_s_port_tells_service_and_direction() {
        let ports = ServicePorts::new(&Services::default());
        let found = |transport, source, destination| ports.find(transport, source, destination);
        assert_eq!(
            found(Ported::Tcp, 4000, 1883),
            Some((Service::Mqtt, Direction::ToServer))
        );
        assert_eq!(
            found(Ported::Tcp, 8883, 4000),
            Some((Service::Mqtts, Direction::ToClient))
        );
        assert_eq!(
            found(Ported::Udp, 5683, 5684),
            Some((Service::Coaps, Direction::ToServer))
        );
        assert_eq!(found(Ported::Udp, 4000, 1883), None);
        assert_eq!(found(Ported::Tcp, 5683, 5684), None);
    }

    #[test]
    fn a_client_at_the_port_of_dtls_is_answered_in_plain() {
        let ports = ServicePorts::new(&Services::default());
        let (answered, asked) = (
            Some((Service::Coap, Direction::ToClient)),
            Some((Service::Coaps, Direction::ToServer)),
        );
        for (source, payload, found) in [
            (5683, &[0x60, 0x45, 0, 1][..], answered),
            (5683, &[0x60, 0x00, 0, 1], answered),
            (5683, &[0x40, 0x01, 0, 1], asked),
            (5683, &[0x16, 0xfe, 0xfd, 0], asked),
            (5683, &[0x60], asked),
            (4000, &[0x60, 0x45, 0, 1], asked),
        ] {
            assert_eq!(
                ports.find_datagram((source, 5684), payload),
                found,
                "{payload:x?}"
            );
        }
    }

    #[test]
    fn one_port_may_have_a_service_over_each_transport() {
        let services = Services {
            coap_tcp: vec![5683],
            ..Services::default()
        };
        let ports = ServicePorts::new(&services);
        let found = |transport| {
            ports
                .find(transport, 4000, 5683)
                .map(|(service, _)| service)
        };
        assert_eq!(found(Ported::Tcp), Some(Service::CoapTcp));
        assert_eq!(found(Ported::Udp), Some(Service::Coap));
    }
}
