//! A flood: one CoAP message under one source address or under many, as fast as the kernel sends it.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use gateway::dataplane::netlink::Interface;
use gateway::netns::peers::Gateway;
use gateway::netns::{Family, Host, INTERFACE, Topology, address, output};
use testkit::frames;
use weir_tests::frame::ETHERNET_LEN;
use weir_tests::lab::must;
use wire::net::edit;
use xsk::live::{Field, Generator};

/// Frames of a run: the kernel takes its time to prepare one.
const RUN: u32 = 200_000;
/// Where UDP stands, and has its checksum.
const UDP_V4: usize = ETHERNET_LEN + 20;
const UDP_V6: usize = ETHERNET_LEN + 40;
const UDP_CHECKSUM: usize = 6;
/// The last four bytes of the source address, and the checksum over them.
const FIELD_V4: Field = Field {
    at: ETHERNET_LEN as u16 + 12,
    checksum_at: ETHERNET_LEN as u16 + 10,
};
const FIELD_V6: Field = Field {
    at: ETHERNET_LEN as u16 + 8 + 12,
    checksum_at: (UDP_V6 + UDP_CHECKSUM) as u16,
};

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    /// The message.
    pub(crate) message: &'a [u8],
    /// The Ethernet address it goes to.
    pub(crate) receiver: [u8; 6],
    /// The first source address.
    pub(crate) first: IpAddr,
    /// From there to the next, in a number of 32 bits: the last ones of the address.
    pub(crate) step: u32,
}

impl Load<'_> {
    /// Sends it from where the devices are, for so long; says how many frames that were.
    pub(crate) fn send(&self, topology: &Topology, duration: Duration) -> u64 {
        must(topology.host(Host::Devices).enter(|| {
            let field = if self.first.is_ipv4() {
                FIELD_V4
            } else {
                FIELD_V6
            };
            let generator = Generator::counting(field).expect("the right to load programs");
            let interface = Interface::by_name(INTERFACE).expect("an answer");
            let interface = interface.expect("a host's interface").index;
            let (frame, started, mut sent) = (self.frame(), Instant::now(), 0);
            while started.elapsed() < duration {
                generator
                    .send_counting(interface, &frame, RUN, self.step)
                    .expect("live frames");
                sent += u64::from(RUN);
            }
            sent
        }))
    }

    /// The frame under the first address.
    fn frame(&self) -> Vec<u8> {
        let family = if self.first.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        };
        let server = SocketAddr::new(address(Host::Servers, 0, family), 5683);
        let source = SocketAddr::new(self.first, 40_000);
        let mut path = frames::path(&source.to_string(), &server.to_string());
        path.destination_mac = self.receiver;
        let mut frame = frames::udp(&path, self.message);
        if family == Family::V4 {
            // None, as RFC 768 has it: one checksum that changes with the address is enough.
            frame[UDP_V4 + UDP_CHECKSUM..][..2].fill(0);
            edit::refresh_ip_checksum(&mut frame, ETHERNET_LEN);
        }
        frames::padded(frame)
    }
}

/// Frames of floods that found no room in the veth between the devices and the gateway.
pub(crate) fn not_taken(topology: &Topology) -> u64 {
    let mut ethtool = topology.host(Host::Devices).command("ethtool");
    let figures = must(output(ethtool.args(["-S", INTERFACE]))).stdout;
    let count = figures.lines().find_map(|line| {
        let count = line.trim().strip_prefix("tx_queue_0_xdp_xmit_errors: ")?;
        count.parse().ok()
    });
    count.expect("a count of frames that weren't taken")
}

/// What the gateway's worker has run for.
pub(crate) fn worker_time(gateway: &Gateway<'_>) -> Duration {
    let tasks = format!("/proc/{}/task", gateway.process().id());
    let spent = fs::read_dir(tasks).expect("procfs").filter_map(|task| {
        let path = task.ok()?.path();
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let schedstat = fs::read_to_string(path.join("schedstat")).ok()?;
        let is_worker = name.starts_with("weir-0.");
        is_worker.then(|| schedstat.split(' ').next()?.parse::<u64>().ok())?
    });
    Duration::from_nanos(spent.sum())
}
