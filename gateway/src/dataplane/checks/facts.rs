//! What there is to know of an interface before it becomes a port.

use std::io;
use std::net::IpAddr;

use xsk::ethtool::{self, Feature};

use crate::dataplane::netlink::{self, Interface};

/// Everything that is asked about one port.
#[derive(Debug, Clone, Default)]
pub(super) struct PortFacts {
    pub(super) name: String,
    /// Nothing when it isn't there.
    pub(super) interface: Option<Interface>,
    /// Receive and send queues in use.
    pub(super) queues: Queues,
    /// Offloads of the port by their kernel names; one that isn't known isn't there.
    pub(super) features: Vec<(&'static str, Feature)>,
    /// Addresses of this host's on it, but those that every interface gives itself.
    pub(super) addresses: Vec<IpAddr>,
    /// The bridge or bond it is a port of.
    pub(super) master: Option<String>,
    /// For one end of a veth pair: the other end, if it can be seen, and its offloads.
    pub(super) peer: Option<(String, Vec<(&'static str, Feature)>)>,
}

/// Queues in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Queues {
    pub(crate) rx: u32,
    pub(crate) tx: u32,
}

impl Default for Queues {
    fn default() -> Self {
        Self { rx: 1, tx: 1 }
    }
}

/// Strips the VLAN tag off before XDP sees the frame.
pub(super) const RX_VLAN: &str = "rx-vlan-hw-parse";
/// Merges frames in the device.
pub(super) const RX_LRO: &str = "rx-lro";
/// Merges frames in the device, reversibly.
pub(super) const RX_GRO_HW: &str = "rx-gro-hw";
/// Merges frames in the kernel, before generic XDP sees them. On a veth it brings NAPI with it, without
/// which nothing can be redirected to its peer.
pub(super) const RX_GRO: &str = "rx-gro";
/// Leaves checksums to the device, and a veth has none.
pub(super) const TX_CHECKSUM: &str = "tx-checksum-ip-generic";
/// Leaves cutting up to the device, and a veth has none.
pub(super) const TX_TSO: &str = "tx-tcp-segmentation";

const PORT_FEATURES: [&str; 4] = [RX_VLAN, RX_LRO, RX_GRO_HW, RX_GRO];
const PEER_FEATURES: [&str; 3] = [TX_CHECKSUM, TX_TSO, RX_GRO];

impl PortFacts {
    pub(super) fn gather(name: &str) -> io::Result<Self> {
        let mut facts = Self {
            name: name.to_owned(),
            interface: Interface::by_name(name)?,
            ..Self::default()
        };
        let Some(interface) = &facts.interface else {
            return Ok(facts);
        };
        facts.queues = queues(interface)?;
        facts.features = features(name, &PORT_FEATURES)?;
        facts.addresses = netlink::addresses(interface.index)?;
        if let Some(master) = interface.master {
            let master = Interface::by_index(master)?;
            facts.master = master.map(|master| master.name);
        }
        if let Some(index) = interface.peer
            && let Some(peer) = Interface::by_index(index)?
        {
            let offloads = features(&peer.name, &PEER_FEATURES)?;
            facts.peer = Some((peer.name, offloads));
        }
        Ok(facts)
    }

    pub(super) fn is_on(&self, feature: &str) -> bool {
        is_on(&self.features, feature)
    }
}

/// Whether it is known to be off.
pub(super) fn is_off(features: &[(&'static str, Feature)], name: &str) -> bool {
    features
        .iter()
        .any(|(known, feature)| *known == name && !feature.on)
}

pub(super) fn is_on(features: &[(&'static str, Feature)], name: &str) -> bool {
    features
        .iter()
        .any(|(known, feature)| *known == name && feature.on)
}

/// The queues an interface has in use; all it could use, where its driver doesn't say.
pub(crate) fn queues(interface: &Interface) -> io::Result<Queues> {
    match ethtool::Interface::new(&interface.name)?.channels() {
        Ok(channels) => Ok(Queues {
            rx: channels.rx.max(1),
            tx: channels.tx.max(1),
        }),
        Err(_) => Ok(Queues {
            rx: interface.rx_queues.max(1),
            tx: interface.tx_queues.max(1),
        }),
    }
}

fn features(name: &str, wanted: &[&'static str]) -> io::Result<Vec<(&'static str, Feature)>> {
    let device = ethtool::Interface::new(name)?;
    let mut found = Vec::new();
    for &feature in wanted {
        if let Some(state) = device.feature(feature)? {
            found.push((feature, state));
        }
    }
    Ok(found)
}
