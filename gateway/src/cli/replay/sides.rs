//! On which side of the link the sender of a captured frame stands.

use std::collections::HashMap;
use std::net::SocketAddr;

use ipnet::IpNet;
use policy::{Service, Services, Side};
use wire::net::{Packet, TcpFlags, Transport};

/// Flows whose initiator is remembered; of further ones it is guessed frame by frame.
const MAX_FLOWS: usize = 1 << 20;

/// Tells the side of each frame's sender: by address where addresses were given, else whoever opens
/// a flow is inside.
pub(super) struct Sides {
    inside: Vec<IpNet>,
    services: Services,
    /// Flows by their ends, the lesser first: whether that one is the initiator.
    initiators: HashMap<Flow, bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Flow {
    lesser: SocketAddr,
    greater: SocketAddr,
    tcp: bool,
}

impl Sides {
    pub(super) fn new(inside: &[IpNet]) -> Self {
        Self {
            inside: inside.to_vec(),
            services: Services::default(),
            initiators: HashMap::new(),
        }
    }

    pub(super) fn with_services(self, services: &Services) -> Self {
        Self {
            services: services.clone(),
            ..self
        }
    }

    /// The side of the sender of `frame`. A frame without addresses comes from inside.
    pub(super) fn side(&mut self, frame: &[u8]) -> Side {
        let Ok(packet) = Packet::decode(frame) else {
            return Side::Inside;
        };
        let from_inside = if self.inside.is_empty() {
            self.is_from_initiator(&packet)
        } else {
            self.inside.iter().any(|net| net.contains(&packet.source()))
        };
        if from_inside {
            Side::Inside
        } else {
            Side::Outside
        }
    }

    fn is_from_initiator(&mut self, packet: &Packet<'_>) -> bool {
        let Some((source, destination)) = packet.endpoints() else {
            return true;
        };
        let tcp = matches!(packet.transport, Transport::Tcp(_));
        let source_is_lesser = source < destination;
        let flow = Flow {
            lesser: source.min(destination),
            greater: source.max(destination),
            tcp,
        };
        let lesser_is_initiator = match self.initiators.get(&flow) {
            Some(&known) => known,
            None => {
                let initiates = self.seems_to_initiate(packet, source.port(), destination.port());
                let lesser = initiates == source_is_lesser;
                if self.initiators.len() < MAX_FLOWS {
                    self.initiators.insert(flow, lesser);
                }
                lesser
            }
        };
        lesser_is_initiator == source_is_lesser
    }

    /// Whether the sender of a flow's first frame is the one who opened it: by the handshake, where
    /// there is one, else by which end has a service's port.
    fn seems_to_initiate(&self, packet: &Packet<'_>, source: u16, destination: u16) -> bool {
        match packet.transport {
            Transport::Tcp(tcp) if tcp.flags.contains(TcpFlags::SYN) => {
                !tcp.flags.contains(TcpFlags::ACK)
            }
            Transport::Tcp(_) => {
                !self.is_service(true, source) || self.is_service(true, destination)
            }
            _ => !self.is_service(false, source) || self.is_service(false, destination),
        }
    }

    fn is_service(&self, tcp: bool, port: u16) -> bool {
        match tcp {
            true => has(&self.services.over_tcp(), port),
            false => has(&self.services.over_udp(), port),
        }
    }
}

fn has(services: &[(&[u16], Service)], port: u16) -> bool {
    services.iter().any(|(ports, _)| ports.contains(&port))
}
