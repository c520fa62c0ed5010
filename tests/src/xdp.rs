//! The XDP program under `BPF_PROG_TEST_RUN`: an instance of it with maps of its own, which needs
//! no interface and no pins.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use abi::ban::{self, Value};
use abi::service::{self, Bitmap, Transport};
use abi::{Outcome, PortConfig, map};
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, DevMap, HashMap, Map, MapData, MapError, PerCpuArray, XskMap};
use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use ipnet::IpNet;
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::time::{ClockId, clock_gettime};

/// Index of the loopback interface, which every network namespace has: the peer of the tests.
const LOOPBACK: u32 = 1;

/// What the program tells the kernel to do with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `XDP_DROP`.
    Drop,
    /// `XDP_PASS`.
    Pass,
    /// `XDP_REDIRECT`: to a socket or to the peer; which one, the outcome tells.
    Redirect,
}

/// An instance of the program. It serves port 0, the inside of link 0.
pub struct Rig {
    ebpf: Ebpf,
    counters: PerCpuArray<MapData, map::CounterRow>,
    /// Keeps the map's entry alive.
    _socket: Option<OwnedFd>,
}

impl Rig {
    /// Loads the program with no service, no peer and no worker.
    ///
    /// # Panics
    /// Without the right to load programs: these tests need root.
    #[must_use]
    pub fn new() -> Self {
        let mut ebpf = EbpfLoader::new()
            .load(gateway::dataplane::xdp::OBJECT)
            .expect("loading the XDP program (this needs root)");
        for name in [map::PROGRAM, map::EMPTY_PROGRAM] {
            let loaded = program_mut(&mut ebpf, name).load();
            loaded.unwrap_or_else(|error| panic!("the verifier refuses {name}: {error:#}"));
        }
        let counters = ebpf.take_map(map::COUNTERS).expect("the counters");
        let counters = counters.try_into().expect("counters of the agreed layout");
        Self {
            ebpf,
            counters,
            _socket: None,
        }
    }

    /// Loads the program as in service: the four default services, a peer, a worker that lives.
    #[must_use]
    pub fn in_service() -> Self {
        let mut rig = Self::new();
        rig.services(&[
            (Transport::Tcp, 1883),
            (Transport::Tcp, 8883),
            (Transport::Udp, 5683),
            (Transport::Udp, 5684),
        ]);
        rig.configure(PortConfig {
            stale_after_ns: 60_000_000_000,
            ..PortConfig::default()
        });
        rig.peer();
        rig.socket();
        rig.beat(Duration::ZERO);
        rig
    }

    /// Sets the services.
    pub fn services(&mut self, services: &[(Transport, u16)]) {
        let mut bitmap = service::EMPTY;
        for &(transport, port) in services {
            service::insert(&mut bitmap, transport, port);
        }
        let mut map: Array<_, Bitmap> = self.map(map::SERVICES);
        map.set(0, bitmap, 0).expect("the services");
    }

    /// Sets the configuration of the port.
    pub fn configure(&mut self, config: PortConfig) {
        let mut map: Array<_, [u64; 2]> = self.map(map::PORT_CONFIG);
        map.set(0, config.to_words(), 0).expect("the configuration");
    }

    /// Gives the link a device at its other end.
    pub fn peer(&mut self) {
        let mut map: DevMap<_> = self.map(map::PEERS);
        map.set(0, LOOPBACK, None, 0).expect("the peer");
    }

    /// Gives queue 0 a socket.
    pub fn socket(&mut self) {
        self.socket_in_slot(abi::socket_slot(0, 0));
    }

    /// Puts a socket into any slot.
    pub fn socket_in_slot(&mut self, slot: u32) {
        let fd = socket(AddressFamily::XDP, SocketType::RAW, None).expect("an AF_XDP socket");
        let mut map: XskMap<_> = self.map(map::SOCKETS);
        map.set(slot, fd.as_raw_fd(), 0).expect("the socket");
        self._socket = Some(fd);
    }

    /// Takes the socket of queue 0 out.
    pub fn no_socket(&mut self) {
        let mut map: XskMap<_> = self.map(map::SOCKETS);
        map.unset(abi::socket_slot(0, 0)).expect("the socket");
    }

    /// Makes the worker of queue 0 have shown life `ago`.
    pub fn beat(&mut self, ago: Duration) {
        let ago = u64::try_from(ago.as_nanos()).expect("less than 584 years");
        let mut map: Array<_, u64> = self.map(map::HEARTBEATS);
        map.set(abi::heartbeat_slot(0, 0), monotonic_ns() - ago, 0)
            .expect("the heartbeat");
    }

    /// Bans `source` until `expires_ns`.
    pub fn ban(&mut self, source: IpNet, expires_ns: u64) {
        let value = ban::to_value(expires_ns);
        let placed = match source {
            IpNet::V4(net) if net.prefix_len() == 32 => {
                let mut map: HashMap<_, [u8; 4], Value> = self.map(ban::HOSTS_V4);
                map.insert(net.addr().octets(), value, 0)
            }
            IpNet::V6(net) if net.prefix_len() == 128 => {
                let mut map: HashMap<_, [u8; 16], Value> = self.map(ban::HOSTS_V6);
                map.insert(net.addr().octets(), value, 0)
            }
            IpNet::V4(net) => {
                let mut map: LpmTrie<_, [u8; 4], Value> = self.map(ban::PREFIXES_V4);
                map.insert(
                    &Key::new(net.prefix_len().into(), net.addr().octets()),
                    value,
                    0,
                )
            }
            IpNet::V6(net) => {
                let mut map: LpmTrie<_, [u8; 16], Value> = self.map(ban::PREFIXES_V6);
                map.insert(
                    &Key::new(net.prefix_len().into(), net.addr().octets()),
                    value,
                    0,
                )
            }
        };
        placed.expect("room on the block list");
    }

    fn map<'a, M>(&'a mut self, name: &str) -> M
    where
        M: TryFrom<&'a mut Map, Error = MapError>,
    {
        let map = self
            .ebpf
            .map_mut(name)
            .unwrap_or_else(|| panic!("the object has no map {name}"));
        map.try_into()
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Sends a frame through the program, and says what the kernel is to do and what was counted.
    ///
    /// # Panics
    /// If the frame isn't counted exactly once, with its length.
    pub fn run(&mut self, frame: &[u8]) -> (Action, Outcome) {
        let before = self.counts();
        let action = self.run_uncounted(frame);
        let after = self.counts();
        let mut counted = Outcome::ALL
            .iter()
            .filter(|o| before[2 * o.index()] != after[2 * o.index()]);
        let outcome = *counted.next().expect("every frame is counted");
        assert_eq!(counted.next(), None, "a frame is counted under one outcome");
        let frames = 2 * outcome.index();
        assert_eq!(after[frames] - before[frames], 1, "a frame is counted once");
        assert_eq!(
            after[frames + 1] - before[frames + 1],
            frame.len() as u64,
            "with its bytes"
        );
        (action, outcome)
    }

    /// Sends a frame through the program.
    pub fn run_uncounted(&mut self, frame: &[u8]) -> Action {
        self.test_run(map::PROGRAM, frame, 1).0
    }

    /// Sends a frame through a program of the object `repeat` times: what the kernel is to do with
    /// it, and how long the program took on average.
    pub fn test_run(&mut self, program: &str, frame: &[u8], repeat: u32) -> (Action, Duration) {
        let options = TestRunOptions {
            data_in: Some(frame),
            repeat,
            ..TestRunOptions::default()
        };
        let result = program_mut(&mut self.ebpf, program)
            .test_run(options)
            .expect("a test run");
        let action = match result.return_value {
            1 => Action::Drop,
            2 => Action::Pass,
            4 => Action::Redirect,
            other => panic!("the program returns {other}"),
        };
        (action, result.duration)
    }

    /// The counters of the port, summed over all processors.
    #[must_use]
    pub fn counts(&self) -> map::CounterRow {
        let rows = self.counters.get(&0, 0).expect("the counters");
        let mut sum = [0; 2 * Outcome::ALL.len()];
        for row in rows.iter() {
            for (total, count) in sum.iter_mut().zip(row) {
                *total += count;
            }
        }
        sum
    }
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}

fn program_mut<'a>(ebpf: &'a mut Ebpf, name: &str) -> &'a mut Xdp {
    let program = ebpf
        .program_mut(name)
        .unwrap_or_else(|| panic!("the object has no program {name}"));
    program.try_into().expect("an XDP program")
}

/// Now, on the clock that the program reads.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
