//! Where the loader's tests play: a namespace with ports, and a place for pins.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use abi::{Outcome, Side};
use gateway::dataplane::netlink;
use gateway::dataplane::xdp::{Claim, Error, Interface, Link, Settings, Xdp};
use gateway::netns::Namespace;
use policy::XdpMode as Wanted;
use rustix::mount::{UnmountFlags, unmount};
use weir_tests::lab::must;

/// A namespace with two veth pairs, whose near ends are the ports, and a directory for pins.
pub(crate) struct Stage {
    pub(crate) namespace: Namespace,
    pub(crate) pins: PathBuf,
}

impl Stage {
    pub(crate) fn new(label: &str) -> Self {
        let name = format!("weir-xdp-{label}-{}", std::process::id());
        let stage = Self {
            namespace: must(Namespace::create(&name)),
            pins: std::env::temp_dir().join(name),
        };
        stage.pair("in0", "dev0");
        stage.pair("out0", "srv0");
        stage.ip("address add 10.9.0.1/24 dev dev0");
        stage.ip("neighbour add 10.9.0.2 lladdr 02:00:00:00:00:09 dev dev0");
        stage
    }

    /// A veth pair, both ends up. The far end takes redirected frames only with a program of its own
    /// or with GRO, which is on.
    pub(crate) fn pair(&self, near: &str, far: &str) {
        self.ip(&format!("link add {near} type veth peer name {far}"));
        for end in [near, far] {
            self.ip(&format!("link set {end} up"));
            must(gateway::netns::output(
                self.namespace
                    .command("ethtool")
                    .args(["-K", end, "gro", "on"]),
            ));
        }
    }

    pub(crate) fn ip(&self, line: &str) -> String {
        must(self.namespace.ip(line))
    }

    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        must(self.namespace.enter(work))
    }

    pub(crate) fn open(&self, wanted: Wanted) -> Result<Xdp, Error> {
        self.open_links(wanted, &[("in0", "out0")])
    }

    pub(crate) fn open_links(&self, wanted: Wanted, links: &[(&str, &str)]) -> Result<Xdp, Error> {
        self.run(|| {
            let links = links.iter().map(|(inside, outside)| Link {
                inside: interface(inside),
                outside: interface(outside),
            });
            Xdp::open(
                Claim::take(&self.pins)?,
                wanted,
                links.collect(),
                &settings(),
            )
        })
    }

    /// What `ip` says of the program on an interface: its mode and id.
    pub(crate) fn program(&self, interface: &str) -> Option<(String, u32)> {
        let said: serde_json::Value =
            serde_json::from_str(&self.ip(&format!("-j -d link show dev {interface}")))
                .expect("JSON");
        let xdp = &said[0]["xdp"];
        let id = xdp["prog"]["id"].as_u64()?;
        let mode = match xdp["mode"].as_u64() {
            Some(1) => "native",
            Some(2) => "generic",
            _ => "other",
        };
        Some((mode.to_owned(), u32::try_from(id).expect("an id")))
    }

    pub(crate) fn mode(&self, interface: &str) -> Option<String> {
        self.program(interface).map(|(mode, _)| mode)
    }

    /// As [`Self::program`], after a while: the kernel takes links off in its own time.
    pub(crate) fn program_soon(&self, interface: &str) -> Option<(String, u32)> {
        let since = Instant::now();
        while self.program(interface).is_some() && since.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.program(interface)
    }

    pub(crate) fn is_bare(&self) -> bool {
        self.program_soon("in0").is_none() && self.program_soon("out0").is_none()
    }

    /// What is in the directory of the pins, beside what the kernel keeps on every bpffs.
    pub(crate) fn pinned(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.pins).expect("the mount point");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| !name.ends_with(".debug")).collect()
    }

    /// Sends CoAP into `in0` by its far end, and says under which outcomes of services it was counted.
    pub(crate) fn coap(&self, xdp: &Xdp, datagrams: usize) -> Vec<(Outcome, u64)> {
        let counters = xdp.counters().expect("the counters");
        let before = counters.read(0, Side::Inside).expect("counts");
        let at = |port| format!("10.9.0.1:{port}").parse().expect("an address");
        let socket = self.namespace.udp(at(0)).expect("a socket");
        for _ in 0..datagrams {
            socket
                .send_to(b"\x40\x01\0\x07", "10.9.0.2:5683")
                .expect("sent");
        }
        let after = counters.read(0, Side::Inside).expect("counts");
        let grown = before
            .iter()
            .zip(&after)
            .map(|(b, a)| (a.0, a.1.frames - b.1.frames));
        // The kernel sends frames of its own accord, which are of no service.
        grown
            .filter(|(outcome, frames)| *frames > 0 && *outcome != Outcome::Forward)
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What the test has pinned is on a bpffs of its own, which goes with its mount.
        let _ = unmount(&self.pins, UnmountFlags::DETACH);
        let _ = fs::remove_dir_all(&self.pins);
    }
}

/// The interface of this name; if there is none, as good as one that has gone.
pub(crate) fn interface(name: &str) -> Interface {
    let found = netlink::Interface::by_name(name).expect("an answer");
    Interface {
        name: name.to_owned(),
        index: found.map_or(i32::MAX as u32, |found| found.index),
    }
}

pub(crate) fn settings() -> Settings {
    Settings::from(&policy::Config::default())
}
