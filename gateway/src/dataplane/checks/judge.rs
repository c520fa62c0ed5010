//! From facts to findings. Nothing here asks or changes anything but [`Fix::apply`].

use std::io;

use xsk::{ChunkSize, ethtool};

use super::facts::{self, PortFacts, RX_GRO, RX_GRO_HW, RX_LRO, RX_VLAN, TX_CHECKSUM, TX_TSO};
use super::{Finding, Severity};
use crate::dataplane::netlink;

/// The largest MTU that native XDP takes on the drivers that ask for one page a frame; a veth says
/// no from 3507 on.
const NATIVE_MTU: u32 = 3498;

/// What the gateway can put right by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fix {
    /// Turn an offload off.
    Off(&'static str),
    /// Receive frames for any address.
    Promiscuous,
}

impl Fix {
    pub(super) fn apply(self, interface: &str) -> io::Result<()> {
        match self {
            Self::Off(feature) => {
                Ok(ethtool::Interface::new(interface)?.set_feature(feature, false)?)
            }
            Self::Promiscuous => netlink::set_promiscuous(interface),
        }
    }

    /// The rest of the sentence, once it is done.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Off(_) => ": turned off",
            Self::Promiscuous => ": set",
        }
    }
}

type Judged = (Finding, Option<Fix>);

/// What one port's facts amount to.
pub(super) fn port(facts: &PortFacts) -> Vec<Judged> {
    let Some(interface) = &facts.interface else {
        let remedy = "`ip link` lists those there are";
        return vec![found(facts, Severity::Fatal, "no such interface", remedy)];
    };
    let name = &facts.name;
    if interface.is_loopback {
        let remedy = "name the interface that leads to the devices or to the servers";
        return vec![found(facts, Severity::Fatal, "is the loopback", remedy)];
    }
    let mut judged = Vec::new();
    if !interface.up {
        let remedy = format!("`ip link set dev {name} up`, and its link starts by itself");
        judged.push(found(facts, Severity::Warning, "is down", remedy));
    }
    judged.extend(mtu(facts, interface.mtu));
    judged.extend(queues(facts));
    if !interface.promiscuous {
        let what = "does not receive frames for other addresses than its own";
        let remedy = format!("`ip link set dev {name} promisc on`");
        let (finding, _) = found(facts, Severity::Fatal, what, remedy);
        judged.push((finding, Some(Fix::Promiscuous)));
    }
    judged.extend(host(facts));
    judged.extend(offloads(facts));
    judged.extend(veth(facts, interface.is_veth));
    judged
}

/// What the facts of both ports of a link amount to.
pub(super) fn link(inside: &PortFacts, outside: &PortFacts) -> Vec<Finding> {
    let (Some(one), Some(other)) = (&inside.interface, &outside.interface) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if one.index == other.index {
        let what = "is both ends of its link";
        let remedy = "name another interface as `outside`";
        findings.push(found(inside, Severity::Fatal, what, remedy).0);
    }
    if one.mtu != other.mtu {
        let what = format!("MTU {}, and {} at {}", one.mtu, other.mtu, other.name);
        let remedy = format!(
            "`ip link set dev {} mtu {}`, or frames too large for one end are lost there",
            if one.mtu < other.mtu {
                &other.name
            } else {
                &one.name
            },
            one.mtu.min(other.mtu)
        );
        findings.push(found(inside, Severity::Warning, what, remedy).0);
    }
    if inside.queues.rx != outside.queues.rx {
        let what = format!(
            "{} receive queues, and {} at {}",
            inside.queues.rx, outside.queues.rx, other.name
        );
        let remedy = "workers serve as many queues as the smaller end has, and share the others; \
                      `ethtool -L` makes the ends equal";
        findings.push(found(inside, Severity::Note, what, remedy).0);
    }
    findings
}

/// What only matters in generic mode.
pub(super) fn generic(facts: &PortFacts) -> Vec<Judged> {
    let mut judged = Vec::new();
    if facts.is_on(RX_GRO) {
        let what = "generic receive offload is on, and merged frames are too large for generic XDP";
        let remedy = format!("`ethtool -K {} gro off`", facts.name);
        let (finding, _) = found(facts, Severity::Warning, what, remedy);
        judged.push((finding, Some(Fix::Off(RX_GRO))));
    }
    if let Some((peer, features)) = &facts.peer
        && facts::is_on(features, TX_TSO)
    {
        let what = format!("its veth peer {peer} sends segments too large for generic XDP");
        let remedy = format!("`ethtool -K {peer} tso off gso off`");
        judged.push(found(facts, Severity::Warning, what, remedy));
    }
    judged
}

/// A port belongs to its link alone: what comes in there goes out at the other end, and nothing of it to
/// this host.
fn host(facts: &PortFacts) -> Vec<Judged> {
    let mut judged = Vec::new();
    let name = &facts.name;
    for address in &facts.addresses {
        let what = format!(
            "has the address {address}, at which nobody reaches this host through it any more"
        );
        let remedy =
            format!("manage the host through another interface, and `ip address flush dev {name}`");
        judged.push(found(facts, Severity::Warning, what, remedy));
    }
    if let Some(master) = &facts.master {
        let what = format!("is a port of {master}, which gets nothing from it any more");
        let remedy = format!("`ip link set dev {name} nomaster`");
        judged.push(found(facts, Severity::Warning, what, remedy));
    }
    judged
}

fn mtu(facts: &PortFacts, mtu: u32) -> Option<Judged> {
    let remedy = format!("`ip link set dev {} mtu {NATIVE_MTU}`", facts.name);
    if ChunkSize::for_mtu(mtu).is_err() {
        let what = format!("MTU {mtu} is more than a frame buffer holds");
        return Some(found(facts, Severity::Fatal, what, remedy));
    }
    if mtu > NATIVE_MTU {
        let what = format!("MTU {mtu} is more than native XDP takes");
        return Some(found(facts, Severity::Warning, what, remedy));
    }
    None
}

fn queues(facts: &PortFacts) -> Option<Judged> {
    let (rx, most) = (facts.queues.rx, abi::QUEUES);
    if rx <= most {
        return None;
    }
    let what = format!("{rx} receive queues, and {most} can be inspected");
    let remedy = format!("`ethtool -L {} combined {most}`", facts.name);
    Some(found(facts, Severity::Fatal, what, remedy))
}

fn offloads(facts: &PortFacts) -> Vec<Judged> {
    [
        (
            RX_VLAN,
            "rxvlan",
            "receive VLAN offload hides VLAN tags from XDP",
        ),
        (
            RX_LRO,
            "lro",
            "large receive offload merges frames before XDP",
        ),
        (
            RX_GRO_HW,
            "rx-gro-hw",
            "hardware GRO merges frames before XDP",
        ),
    ]
    .into_iter()
    .filter(|(feature, _, _)| facts.is_on(feature))
    .map(|(feature, option, what)| {
        let remedy = format!("`ethtool -K {} {option} off`", facts.name);
        let (finding, _) = found(facts, Severity::Fatal, what, remedy);
        (finding, Some(Fix::Off(feature)))
    })
    .collect()
}

/// A local stack behind a veth leaves checksums to a device that there isn't. Inspected frames are
/// completed on their way; those the kernel forwards by itself can't be. And it forwards none to a veth
/// whose peer doesn't run NAPI, which GRO switches on there: the kernel drops them, and counts nothing.
fn veth(facts: &PortFacts, is_veth: bool) -> Vec<Judged> {
    let mut judged = Vec::new();
    if !is_veth {
        return judged;
    }
    let mut warn = |what: String, remedy: &str| {
        judged.push(found(facts, Severity::Warning, what, remedy));
    };
    let Some((peer, features)) = &facts.peer else {
        let what = "is a veth whose peer can't be seen from here".to_owned();
        let remedy = "`ethtool -K PEER gro on tx off` where the peer is, once it is up: without `gro on` then \
                      (or an XDP program there) nothing arrives at it, and with `tx on` traffic that \
                      isn't inspected arrives without checksums";
        warn(what, remedy);
        return judged;
    };
    if facts::is_on(features, TX_CHECKSUM) {
        let what = format!(
            "its veth peer {peer} sends without checksums: traffic that isn't inspected \
             arrives broken"
        );
        warn(what, &format!("`ethtool -K {peer} tx off`"));
    }
    if facts::is_off(features, RX_GRO) {
        let what = format!(
            "its veth peer {peer} has GRO off: unless it has an XDP program of its own, the kernel \
             can forward nothing to it"
        );
        warn(what, &format!("`ethtool -K {peer} gro on`"));
    }
    judged
}

fn found(
    facts: &PortFacts,
    severity: Severity,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Judged {
    let finding = Finding {
        severity,
        interface: facts.name.clone(),
        what: what.into(),
        remedy: Some(remedy.into()),
    };
    (finding, None)
}

#[cfg(test)]
mod tests {
    use super::super::facts::Queues;
    use super::*;
    use crate::dataplane::netlink::Interface;
    use ethtool::Feature;

    fn healthy(name: &str, index: u32) -> PortFacts {
        PortFacts {
            name: name.to_owned(),
            interface: Some(Interface {
                name: name.to_owned(),
                index,
                mtu: 1500,
                up: true,
                carrier: true,
                promiscuous: true,
                rx_queues: 1,
                tx_queues: 1,
                is_veth: false,
                peer: None,
                is_loopback: false,
                master: None,
            }),
            ..PortFacts::default()
        }
    }

    fn with(change: impl FnOnce(&mut Interface)) -> PortFacts {
        let mut facts = healthy("eth1", 1);
        change(facts.interface.as_mut().expect("it is there"));
        facts
    }

    const ON: Feature = Feature {
        on: true,
        changeable: true,
    };

    /// The one finding, as text.
    fn only(judged: Vec<Judged>) -> (Severity, String, Option<Fix>) {
        assert_eq!(judged.len(), 1, "{judged:?}");
        let (finding, fix) = judged.into_iter().next().expect("one");
        (finding.severity, finding.to_string(), fix)
    }

    #[test]
    fn a_healthy_port_has_no_findings() {
        let (one, other) = (healthy("eth1", 1), healthy("eth2", 2));
        assert_eq!(port(&one), []);
        assert_eq!(link(&one, &other), []);
        assert_eq!(generic(&one), []);
    }

    #[test]
    fn each_fault_is_named_with_its_remedy() {
        let cases: [(PortFacts, Severity, &str); 5] = [
            (
                with(|i| i.up = false),
                Severity::Warning,
                "ip link set dev eth1 up",
            ),
            (with(|i| i.mtu = 9000), Severity::Fatal, "mtu 3498"),
            (with(|i| i.mtu = 3600), Severity::Warning, "mtu 3498"),
            (
                with(|i| i.promiscuous = false),
                Severity::Fatal,
                "promisc on",
            ),
            (
                with(|i| i.is_veth = true),
                Severity::Warning,
                "gro on tx off` where the peer is, once it is up",
            ),
        ];
        for (facts, severity, remedy) in cases {
            let (found, text, _) = only(port(&facts));
            assert_eq!(found, severity, "{text}");
            assert!(text.contains(remedy), "{text}");
        }
        let absent = PortFacts::default();
        assert_eq!(only(port(&absent)).0, Severity::Fatal);
    }

    #[test]
    fn a_port_that_is_used_otherwise_is_told() {
        let mut facts = healthy("eth1", 1);
        facts.addresses = vec!["192.0.2.1".parse().expect("an address")];
        let (severity, text, _) = only(port(&facts));
        assert_eq!(severity, Severity::Warning);
        assert!(
            text.contains("192.0.2.1") && text.contains("flush dev eth1"),
            "{text}"
        );
        let mut facts = healthy("eth1", 1);
        facts.master = Some("br0".to_owned());
        let (severity, text, _) = only(port(&facts));
        assert_eq!(severity, Severity::Warning);
        assert!(text.contains("br0") && text.contains("nomaster"), "{text}");
        let loopback = with(|i| i.is_loopback = true);
        assert_eq!(only(port(&loopback)).0, Severity::Fatal);
    }

    #[test]
    fn merging_and_stripping_offloads_are_turned_off() {
        for (feature, option) in [
            (RX_VLAN, "rxvlan"),
            (RX_LRO, "lro"),
            (RX_GRO_HW, "rx-gro-hw"),
        ] {
            let mut facts = healthy("eth1", 1);
            facts.features = vec![(feature, ON)];
            let (severity, text, fix) = only(port(&facts));
            assert_eq!((severity, fix), (Severity::Fatal, Some(Fix::Off(feature))));
            assert!(
                text.contains(&format!("ethtool -K eth1 {option} off")),
                "{text}"
            );
        }
        let mut facts = healthy("eth1", 1);
        facts.features = vec![(RX_GRO, ON)];
        assert_eq!(port(&facts), [], "of no matter in native mode");
        assert_eq!(only(generic(&facts)).2, Some(Fix::Off(RX_GRO)));
    }

    #[test]
    fn a_visible_peer_that_leaves_checksums_out_is_named() {
        let mut facts = with(|i| i.is_veth = true);
        facts.peer = Some(("dev0".to_owned(), vec![(TX_CHECKSUM, ON)]));
        let (severity, text, _) = only(port(&facts));
        assert_eq!(severity, Severity::Warning);
        assert!(text.contains("`ethtool -K dev0 tx off`"), "{text}");
        facts.peer = Some(("dev0".to_owned(), Vec::new()));
        assert_eq!(port(&facts), []);
    }

    #[test]
    fn a_visible_peer_that_takes_no_redirected_frames_is_named() {
        let mut facts = with(|i| i.is_veth = true);
        let off = Feature { on: false, ..ON };
        facts.peer = Some(("dev0".to_owned(), vec![(RX_GRO, off)]));
        let (severity, text, _) = only(port(&facts));
        assert_eq!(severity, Severity::Warning);
        assert!(text.contains("`ethtool -K dev0 gro on`"), "{text}");
        facts.peer = Some(("dev0".to_owned(), vec![(RX_GRO, ON)]));
        assert_eq!(port(&facts), []);
    }

    #[test]
    fn ends_that_differ_are_told() {
        let mut outside = healthy("eth2", 2);
        outside.queues = Queues { rx: 4, tx: 4 };
        outside.interface.as_mut().expect("there").mtu = 1400;
        let findings = link(&healthy("eth1", 1), &outside);
        let text: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert!(
            text[0].contains("`ip link set dev eth1 mtu 1400`"),
            "{text:?}"
        );
        assert!(
            text[1].contains("1 receive queues, and 4 at eth2"),
            "{text:?}"
        );
        let same = link(&healthy("eth1", 1), &healthy("eth1", 1));
        assert_eq!(same[0].severity, Severity::Fatal);
    }

    #[test]
    fn more_queues_than_the_maps_hold_are_refused() {
        let mut facts = healthy("eth1", 1);
        facts.queues = Queues { rx: 128, tx: 128 };
        let (severity, text, _) = only(port(&facts));
        assert_eq!(severity, Severity::Fatal);
        assert!(text.contains("ethtool -L eth1 combined"), "{text}");
    }
}
