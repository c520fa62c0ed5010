//! Which service a frame belongs to, by its ports.

use policy::{Service, Services};
use wire::Direction;

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
        let ports = match transport {
            Ported::Tcp => &self.tcp,
            Ported::Udp => &self.udp,
        };
        let of = |port| {
            ports
                .iter()
                .find(|(p, _)| *p == port)
                .map(|(_, service)| *service)
        };
        if let Some(service) = of(destination_port) {
            return Some((service, Direction::ToServer));
        }
        of(source_port).map(|service| (service, Direction::ToClient))
    }
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
