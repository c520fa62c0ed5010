//! The XDP program under `BPF_PROG_TEST_RUN`: an instance of it with maps of its own, which needs
//! no interface and no pins.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use abi::budget::{self, Bucket};
use abi::service::{self, Bitmap, Transport};
use abi::{Outcome, OutcomeSet, PortConfig, PortWords, map};
use aya::maps::{Array, DevMap, Map, MapData, MapError, PerCpuArray, PerCpuValues, XskMap};
use aya::programs::{TestRun as _, TestRunOptions, Xdp, XdpMode};
use aya::{Ebpf, EbpfLoader};
use gateway::dataplane::xdp::BlockList;
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

/// An instance of the program.
pub struct Rig {
    port: u32,
    ebpf: Ebpf,
    counters: PerCpuArray<MapData, map::CounterRow>,
    block_list: BlockList,
    /// Keep their entries in the map.
    sockets: Vec<OwnedFd>,
}

impl Rig {
    /// Loads the program for the inside of link 0, with no service, no peer and no worker.
    ///
    /// # Panics
    /// Without the right to load programs: these tests need root.
    #[must_use]
    pub fn new() -> Self {
        Self::of_port(0)
    }

    /// As [`Self::new`], for any port.
    ///
    /// # Panics
    /// Likewise.
    #[must_use]
    pub fn of_port(port: u32) -> Self {
        let mut ebpf = EbpfLoader::new()
            .override_global(map::PORT_GLOBAL, &port, true)
            .load(gateway::dataplane::xdp::OBJECT)
            .expect("loading the XDP program (this needs root)");
        for name in [map::PROGRAM, map::EMPTY_PROGRAM] {
            let loaded = program_mut(&mut ebpf, name).load();
            loaded.unwrap_or_else(|error| panic!("the verifier refuses {name}: {error:#}"));
        }
        let counters = ebpf.take_map(map::COUNTERS).expect("the counters");
        let counters = counters.try_into().expect("counters of the agreed layout");
        let block_list = BlockList::over(|name| {
            ebpf.take_map(name).ok_or(MapError::InvalidName {
                name: name.to_owned(),
            })
        });
        Self {
            port,
            counters,
            block_list: block_list.expect("the block list"),
            ebpf,
            sockets: Vec::new(),
        }
    }

    /// Loads the program as in service: the four default services, a peer, a worker that lives.
    ///
    /// # Panics
    /// As [`Self::new`].
    #[must_use]
    pub fn in_service() -> Self {
        let mut rig = Self::new();
        rig.put_in_service();
        rig
    }

    /// Gives the program the four default services, a peer, and a worker that lives on queue 0.
    pub fn put_in_service(&mut self) {
        self.services(&[
            (Transport::Tcp, 1883),
            (Transport::Tcp, 8883),
            (Transport::Udp, 5683),
            (Transport::Udp, 5684),
        ]);
        self.coap(&[5683]);
        self.configure(Self::config());
        self.peer();
        self.socket(0);
        self.beat(0, Duration::ZERO);
    }

    /// The configuration in service: no budget, and all broken CoAP may be refused that the rules
    /// refuse by default.
    #[must_use]
    pub fn config() -> PortConfig {
        let coap = Outcome::ALL
            .iter()
            .filter(|outcome| outcome.reason().is_some());
        PortConfig {
            stale_after_ns: 60_000_000_000,
            coap_refused: coap.fold(OutcomeSet::default(), |set, outcome| set.with(*outcome)),
            coap_bytes_max: 65_507,
            ..PortConfig::default()
        }
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

    /// Sets which of the UDP services are plain CoAP.
    pub fn coap(&mut self, ports: &[u16]) {
        let mut bitmap = service::EMPTY;
        for &port in ports {
            service::insert(&mut bitmap, Transport::Udp, port);
        }
        let mut map: Array<_, Bitmap> = self.map(map::COAP_SERVICES);
        map.set(0, bitmap, 0).expect("the services");
    }

    /// Lets no more broken CoAP through as a sample, for as long as a test lasts.
    pub fn no_samples(&mut self) {
        let port = self.port;
        let mut map: PerCpuArray<_, u64> = self.map(map::SAMPLES);
        let full_at = map.get(&port, 0).expect("the samples");
        let never = PerCpuValues::try_from(vec![u64::MAX; full_at.len()]).expect("as many");
        map.set(port, never, 0).expect("the samples");
    }

    /// The bucket of every budget that something was spent of.
    #[must_use]
    pub fn buckets(&mut self) -> Vec<Bucket> {
        let map: Array<_, Bucket> = self.map(budget::BUCKETS);
        let buckets = map.iter().map(|bucket| bucket.expect("a bucket"));
        buckets.filter(|bucket| *bucket != [0; 2]).collect()
    }

    /// Sets the configuration of the port.
    pub fn configure(&mut self, config: PortConfig) {
        let port = self.port;
        let mut map: Array<_, PortWords> = self.map(map::PORT_CONFIG);
        map.set(port, config.to_words(), 0)
            .expect("the configuration");
    }

    /// Gives the link a device at its other end.
    pub fn peer(&mut self) {
        let port = self.port;
        let mut map: DevMap<_> = self.map(map::PEERS);
        map.set(port, LOOPBACK, None, 0).expect("the peer");
    }

    /// Gives a queue of the port a socket.
    pub fn socket(&mut self, queue: u32) {
        let fd = socket(AddressFamily::XDP, SocketType::RAW, None).expect("an AF_XDP socket");
        let slot = abi::socket_slot(self.port, queue);
        let mut map: XskMap<_> = self.map(map::SOCKETS);
        map.set(slot, fd.as_raw_fd(), 0).expect("the socket");
        self.sockets.push(fd);
    }

    /// Takes the socket of a queue out.
    pub fn no_socket(&mut self, queue: u32) {
        let slot = abi::socket_slot(self.port, queue);
        let mut map: XskMap<_> = self.map(map::SOCKETS);
        map.unset(slot).expect("the socket");
    }

    /// Makes the worker of a queue have shown life `ago`.
    pub fn beat(&mut self, queue: u32, ago: Duration) {
        let ago = u64::try_from(ago.as_nanos()).expect("less than 584 years");
        let slot = abi::heartbeat_slot(abi::link_of(self.port), queue);
        let mut map: Array<_, u64> = self.map(map::HEARTBEATS);
        map.set(slot, monotonic_ns() - ago, 0)
            .expect("the heartbeat");
    }

    /// Bans `source` until `expires_ns`.
    pub fn ban(&mut self, source: IpNet, expires_ns: u64) {
        let placed = self.block_list.place(source, expires_ns);
        placed.expect("room on the block list");
    }

    /// Takes `source` off the block list; false if it wasn't there.
    pub fn lift(&mut self, source: IpNet) -> bool {
        self.block_list.lift(source).expect("a readable list")
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
        self.counted(frame, None)
    }

    /// As [`Self::run`], for a frame that a queue of an interface has received.
    ///
    /// # Panics
    /// Likewise; and if the interface doesn't have that queue.
    pub fn run_from(&mut self, interface: u32, queue: u32, frame: &[u8]) -> (Action, Outcome) {
        // struct xdp_md: limits of the data and of what is before it, interface, queue, egress.
        let len = u32::try_from(frame.len()).expect("a frame");
        let context = [0, len, 0, interface, queue, 0]
            .map(u32::to_ne_bytes)
            .concat();
        self.counted(frame, Some(&context))
    }

    fn counted(&mut self, frame: &[u8], context: Option<&[u8]>) -> (Action, Outcome) {
        let before = self.counts();
        let (action, _) = self.test_run(map::PROGRAM, frame, context, 1);
        let after = self.counts();
        let grown = |outcome: &&Outcome| before[2 * outcome.index()] != after[2 * outcome.index()];
        let mut counted = Outcome::ALL.iter().filter(grown);
        let outcome = *counted.next().expect("every frame is counted");
        assert_eq!(counted.next(), None, "a frame is counted under one outcome");
        let frames = 2 * outcome.index();
        assert_eq!(after[frames] - before[frames], 1, "a frame is counted once");
        let bytes = after[frames + 1] - before[frames + 1];
        assert_eq!(bytes, frame.len() as u64, "with its bytes");
        (action, outcome)
    }

    /// How long a program of the object takes for a frame, on average of `repeat` runs.
    pub fn time(&mut self, program: &str, frame: &[u8], repeat: u32) -> Duration {
        self.test_run(program, frame, None, repeat).1
    }

    fn test_run(
        &mut self,
        program: &str,
        frame: &[u8],
        context: Option<&[u8]>,
        repeat: u32,
    ) -> (Action, Duration) {
        let options = TestRunOptions {
            data_in: Some(frame),
            ctx_in: context,
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

    /// Puts the program on an interface of this thread's network namespace, until the rig goes.
    pub fn attach(&mut self, interface: u32) {
        let attached = program_mut(&mut self.ebpf, map::PROGRAM)
            .attach_to_if_index(interface, XdpMode::Driver);
        attached.expect("attached");
    }

    /// The counters of the port, summed over all processors.
    #[must_use]
    pub fn counts(&self) -> map::CounterRow {
        let rows = self.counters.get(&self.port, 0).expect("the counters");
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
