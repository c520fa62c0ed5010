//! On which side of the link the sender of a captured frame stands.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use policy::{Services, Side};
use wire::net::{Packet, Transport};

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
        let (Some(source), Some(destination)) = (packet.source(), packet.destination()) else {
            return Side::Inside;
        };
        let from_inside = if self.inside.is_empty() {
            self.from_initiator(&packet, source, destination)
        } else {
            self.inside.iter().any(|net| net.contains(&source))
        };
        if from_inside {
            Side::Inside
        } else {
            Side::Outside
        }
    }
}
