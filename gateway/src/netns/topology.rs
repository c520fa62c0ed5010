//! The topology: who stands where, and what joins them.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::namespace::Namespace;
use super::plan::{Family, Host, address};
use super::run;
use super::state::State;
use super::{Error, Result};

/// The field network's switch, which joins devices, attacker and victim.
const FIELD: &str = "field";
/// The servers' switch.
const PLANT: &str = "plant";
const GATEWAY: &str = "gateway";
/// A switch's end of the gateway's cable.
const UPLINK: &str = "uplink";
/// The one interface of every host.
pub const INTERFACE: &str = "eth0";

/// The gateway's two ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Towards the servers.
    pub inside: &'static str,
    /// Towards the field.
    pub outside: &'static str,
}

/// What to build.
#[derive(Debug, Clone)]
pub struct Spec<'a> {
    /// The run's label, part of every namespace's name. Short, letters, digits and hyphens.
    pub label: &'a str,
    /// Queues of each interface.
    pub queues: u32,
    /// MTU of every interface, in bytes.
    pub mtu: u32,
    /// Whether the hosts leave transport checksums to their (virtual) hardware. On real wires every
    /// frame has its checksums; a veth pair passes on frames that lack them, and redirection by XDP
    /// forgets that they do. Off, the hosts fill them in.
    pub checksum_offload: bool,
    /// Whether there is a field network with attacker and victim; otherwise the devices are plugged
    /// into the gateway's port.
    pub field: bool,
    /// Whether there is a switch between gateway and servers; otherwise these are plugged into the
    /// gateway's port.
    pub plant: bool,
}

impl Default for Spec<'_> {
    fn default() -> Self {
        Self {
            label: "lab",
            queues: 1,
            mtu: 1500,
            checksum_offload: false,
            field: true,
            plant: false,
        }
    }
}

/// The namespaces of a run, joined up; removed when dropped.
#[derive(Debug)]
pub struct Topology {
    devices: Namespace,
    servers: Namespace,
    gateway: Namespace,
    /// Switch, attacker, victim.
    field: Option<[Namespace; 3]>,
    plant: Option<Namespace>,
    // Last: the label stays ours until the namespaces are gone.
    state: State,
}

impl Topology {
    /// Removes leftovers of dead runs, then makes the namespaces. Nothing joins the gateway's two ports
    /// yet.
    ///
    /// # Errors
    /// Without the rights, or without iproute2, ethtool and util-linux.
    pub fn build(spec: &Spec<'_>) -> Result<Self> {
        let state = State::claim(spec.label)?;
        let create = |role| Namespace::create(&namespace_name(state.label(), role));
        let field = match spec.field {
            true => Some([
                create(FIELD)?,
                create(Host::Attacker.role())?,
                create(Host::Victim.role())?,
            ]),
            false => None,
        };
        let plant = spec.plant.then(|| create(PLANT)).transpose()?;
        let topology = Self {
            devices: create(Host::Devices.role())?,
            servers: create(Host::Servers.role())?,
            gateway: create(GATEWAY)?,
            field,
            plant,
            state,
        };
        topology.wire_up(spec)?;
        Ok(topology)
    }

    /// The names of the gateway's ports.
    pub const PORTS: Ports = Ports {
        inside: "inside",
        outside: "outside",
    };

    /// The namespace of a host.
    ///
    /// # Panics
    /// For attacker and victim in a topology built without a field network.
    pub fn host(&self, host: Host) -> &Namespace {
        let field = || self.field.as_ref().expect("built with a field network");
        match host {
            Host::Devices => &self.devices,
            Host::Servers => &self.servers,
            Host::Attacker => &field()[1],
            Host::Victim => &field()[2],
        }
    }

    /// The namespace the gateway runs in: its two ports and a loopback interface.
    pub fn gateway(&self) -> &Namespace {
        &self.gateway
    }

    /// The run's files.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Joins the gateway's ports by a Linux bridge, as if nothing but a switch stood there.
    ///
    /// # Errors
    /// When the kernel has no bridge, or the ports are joined already.
    pub fn bridge(&self) -> Result<Bridge> {
        let Ports { inside, outside } = Self::PORTS;
        // Frames that pass a bridge would be shown to iptables, at twice the cost.
        for family in ["iptables", "ip6tables", "arptables"] {
            self.gateway
                .set(&format!("bridge/bridge-nf-call-{family}"), "0")?;
        }
        let bridge = Bridge {
            namespace: self.gateway.name().to_owned(),
        };
        batch(
            &self.gateway,
            &format!(
                "link add bridge type bridge forward_delay 0 mcast_snooping 0\n\
                 link set {inside} master bridge\n\
                 link set {outside} master bridge\n\
                 link set bridge up\n"
            ),
        )?;
        Ok(bridge)
    }

    /// Unplugs devices or servers, and the gateway, from the switch between them: from now on nothing joins
    /// them there, unless somebody relays what comes in at the switch's ends of their two cables.
    ///
    /// # Errors
    /// When `ip` fails.
    ///
    /// # Panics
    /// For a topology built without that switch, and for other hosts.
    pub fn unplug(&self, host: Host) -> Result<Unplugged<'_>> {
        let switch = match host {
            Host::Devices => self.field.as_ref().map(|field| &field[0]),
            Host::Servers => self.plant.as_ref(),
            Host::Attacker | Host::Victim => None,
        };
        let namespace = switch.expect("built with a switch there");
        let host = host.role();
        batch(
            namespace,
            &format!("link set {host} nomaster\nlink set {UPLINK} nomaster\n"),
        )?;
        Ok(Unplugged {
            namespace,
            host,
            gateway: UPLINK,
        })
    }

    fn wire_up(&self, spec: &Spec<'_>) -> Result<()> {
        for namespace in [&self.gateway]
            .into_iter()
            .chain(self.field.as_ref().map(|field| &field[0]))
            .chain(&self.plant)
        {
            // Neither the gateway's ports nor a switch say anything of their own.
            namespace.set("ipv6/conf/default/disable_ipv6", "1")?;
        }
        let Ports { inside, outside } = Self::PORTS;
        match &self.plant {
            Some(plant) => self.switch(spec, inside, plant, &[Host::Servers])?,
            None => self.veth(spec, inside, &self.servers, INTERFACE)?,
        }
        let of_field = [Host::Devices, Host::Attacker, Host::Victim];
        match &self.field {
            Some([field, ..]) => self.switch(spec, outside, field, &of_field)?,
            None => self.veth(spec, outside, &self.devices, INTERFACE)?,
        }
        for host in Host::ALL {
            let of_field = matches!(host, Host::Attacker | Host::Victim);
            if self.field.is_some() || !of_field {
                self.set_up_host(spec, host)?;
            }
        }
        if self.field.is_some() {
            self.let_attacker_spoof()?;
        }
        batch(
            &self.gateway,
            &format!("link set {inside} up\nlink set {outside} up\n"),
        )
    }

    /// A pair between the gateway's `port` and `peer`'s `interface`.
    fn veth(&self, spec: &Spec<'_>, port: &str, peer: &Namespace, interface: &str) -> Result<()> {
        let each = format!(
            "mtu {} numtxqueues {queues} numrxqueues {queues}",
            spec.mtu,
            queues = spec.queues
        );
        let peer_name = peer.name();
        self.gateway.ip(&format!(
            "link add {port} {each} type veth peer name {interface} {each} netns {peer_name}"
        ))?;
        // Redirection by XDP into a veth needs its peer to run NAPI, which GRO switches on.
        peer.ethtool(&format!("-K {interface} gro on"))?;
        if spec.queues > 1 {
            // Each queue is then fed by the flows that hash to it, as on a network card.
            let queues = spec.queues;
            peer.ethtool(&format!("-L {interface} rx {queues} tx {queues}"))?;
        }
        Ok(())
    }

    /// A switch in `namespace`: the hosts' cables, and the one to the gateway's `port`.
    fn switch(
        &self,
        spec: &Spec<'_>,
        port: &str,
        namespace: &Namespace,
        hosts: &[Host],
    ) -> Result<()> {
        self.veth(spec, port, namespace, UPLINK)?;
        let mut lines = format!(
            "link add switch type bridge forward_delay 0 mcast_snooping 0\n\
             link set switch up\n\
             link set {UPLINK} master switch\n\
             link set {UPLINK} up\n"
        );
        for host in hosts {
            let (port, mtu, peer) = (host.role(), spec.mtu, self.host(*host).name());
            // No formatting error in memory.
            let _ = write!(
                lines,
                "link add {port} mtu {mtu} type veth peer name {INTERFACE} mtu {mtu} netns {peer}\n\
                 link set {port} master switch\n\
                 link set {port} up\n"
            );
        }
        for family in ["iptables", "ip6tables", "arptables"] {
            namespace.set(&format!("bridge/bridge-nf-call-{family}"), "0")?;
        }
        batch(namespace, &lines)?;
        // What leaves for the gateway are frames as on a wire, never a bundle of them.
        namespace.ethtool(&format!("-K {UPLINK} tso off gso off"))?;
        Ok(())
    }

    /// Gives the attacker the victim's addresses too, where nobody looks for them: he can send from
    /// them by ordinary sockets, but neither answers nor asks for them on the network.
    fn let_attacker_spoof(&self) -> Result<()> {
        let attacker = self.host(Host::Attacker);
        attacker.set("ipv4/conf/all/arp_ignore", "1")?;
        attacker.set("ipv4/conf/all/arp_announce", "2")?;
        // Without it there is no way to a group from addresses that aren't the interface's.
        let mut lines = format!("route add 224.0.0.0/4 dev {INTERFACE}\n");
        for index in 0..Host::Victim.octets().count() as u8 {
            let [v4, v6] =
                [Family::V4, Family::V6].map(|family| address(Host::Victim, index, family));
            // No formatting error in memory.
            let _ = write!(
                lines,
                "addr add {v4}/32 dev lo\naddr add {v6}/128 dev lo nodad\n"
            );
        }
        batch(attacker, &lines)
    }

    /// Leaves the attacker one address only, that he hasn't used yet if he kept to the others, and returns
    /// it.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn give_attacker_a_fresh_address(&self, family: Family) -> Result<IpAddr> {
        let last = (Host::Attacker.octets().count() - 1) as u8;
        let [v4, v6] = [Family::V4, Family::V6].map(|family| address(Host::Attacker, last, family));
        let lines = format!(
            "addr flush dev {INTERFACE} scope global\n\
             addr add {v4}/24 dev {INTERFACE}\n\
             addr add {v6}/64 dev {INTERFACE} nodad\n"
        );
        batch(self.host(Host::Attacker), &lines)?;
        Ok(address(Host::Attacker, last, family))
    }

    /// Addresses and offloads of one host.
    fn set_up_host(&self, spec: &Spec<'_>, host: Host) -> Result<()> {
        let namespace = self.host(host);
        namespace.set("ipv6/conf/all/accept_dad", "0")?;
        namespace.set(&format!("ipv6/conf/{INTERFACE}/accept_ra"), "0")?;
        let first = *host.octets().start();
        let mut lines = format!("link set {INTERFACE} address 02:77:00:00:00:{first:02x} up\n");
        for index in 0..host.octets().count() as u8 {
            let v4 = address(host, index, Family::V4);
            let v6 = address(host, index, Family::V6);
            // The others are used by who asks for them.
            let preferred = if index == 0 { "" } else { " preferred_lft 0" };
            // No formatting error in memory.
            let _ = write!(
                lines,
                "addr add {v4}/24 dev {INTERFACE}\n\
                 addr add {v6}/64 dev {INTERFACE} nodad{preferred}\n"
            );
        }
        batch(namespace, &lines)?;
        if !spec.checksum_offload {
            namespace.ethtool(&format!("-K {INTERFACE} tx off"))?;
        }
        Ok(())
    }
}

/// Two cables' ends that nothing joins.
#[derive(Debug, Clone, Copy)]
pub struct Unplugged<'t> {
    /// Where they are.
    pub namespace: &'t Namespace,
    /// The end of the host's cable.
    pub host: &'static str,
    /// The end of the cable to the gateway.
    pub gateway: &'static str,
}

/// A Linux bridge that joins the gateway's ports; removed when dropped.
#[derive(Debug)]
pub struct Bridge {
    namespace: String,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // Gone with its namespace if not by this.
        let _ = run::words("ip", &format!("-n {} link del bridge", self.namespace));
    }
}

/// The names of all namespaces a run with `label` may have made.
pub(super) fn namespace_names(label: &str) -> impl Iterator<Item = String> + '_ {
    Host::ALL
        .iter()
        .map(|host| host.role())
        .chain([FIELD, PLANT, GATEWAY])
        .map(move |role| namespace_name(label, role))
}

fn namespace_name(label: &str, role: &str) -> String {
    format!("weir-{label}-{role}")
}

/// Runs the lines as one batch of `ip` inside the namespace.
fn batch(namespace: &Namespace, lines: &str) -> Result<()> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    let mut command = Command::new("ip");
    command
        .args(["-n", namespace.name(), "-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let failed = |source| Error::Start {
        command: format!("ip -batch: {lines}"),
        source,
    };
    let mut child = command.spawn().map_err(failed)?;
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(lines.as_bytes()).map_err(failed)?;
    drop(stdin);
    let done = child.wait_with_output().map_err(failed)?;
    if done.status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        command: format!("ip -n {} -batch", namespace.name()),
        status: done.status,
        output: format!("{}{lines}", String::from_utf8_lossy(&done.stderr)),
    })
}
