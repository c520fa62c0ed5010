//! Sources that nothing keeps out.

use ipnet::IpNet;

/// A set of networks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Never {
    /// In order, none within another.
    networks: Vec<IpNet>,
}

impl Never {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        let mut networks = IpNet::aggregate(&networks.to_vec());
        networks.sort_unstable();
        Self { networks }
    }

    /// The fewest networks that are the set, in order.
    pub(crate) fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    /// Whether all of `network` is in the set.
    pub(crate) fn covers(&self, network: IpNet) -> bool {
        // None is within another, so it is the last that doesn't begin behind it, or none.
        let behind = self
            .networks
            .partition_point(|own| own.network() <= network.network());
        behind > 0 && self.networks[behind - 1].contains(&network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_covered_when_all_of_it_is() {
        let net = |text: &str| text.parse::<IpNet>().expect("a network");
        let never =
            Never::new(&["10.0.0.4/31", "10.0.0.0/30", "10.0.0.1/32", "fd00::/16"].map(net));
        for (network, is_covered) in [
            ("10.0.0.0/32", true),
            ("10.0.0.2/31", true),
            ("10.0.0.5/32", true),
            ("10.0.0.0/29", false),
            ("10.0.0.6/32", false),
            ("9.255.255.255/32", false),
            ("fd00:20::/32", true),
            ("fd01::/32", false),
            ("::/0", false),
        ] {
            assert_eq!(never.covers(net(network)), is_covered, "{network}");
        }
        assert!(!Never::default().covers(net("10.0.0.1/32")));
    }
}
