//! A long wire that loses frames, in the place of a switch between hosts and gateway: TCP [`segments`], or
//! UDP [`datagrams`].
//!
//! What passes takes a while in either direction. Which frames are lost is decided by what they are, and by
//! how many came before them: always the same ones.

pub mod datagrams;
pub mod segments;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind};
use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gateway::netns::{Host, Namespace, Topology};
use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{AddressFamily, SocketType, socket};

use crate::lab::must;

/// How often a direction looks at its clock when no frames come.
const TICK: Duration = Duration::from_millis(1);
/// How much later than others a frame comes that is late, or comes again.
const LATE: Duration = Duration::from_millis(50);
/// Larger than what can be under way, so that nothing is lost but what shall be, whoever else uses the
/// machine.
const RECEIVE_BUFFER: usize = 16 << 20;
/// Larger than any frame, those that the kernel has put together (GRO) too.
const FRAME_MAX: usize = 1 << 16;

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It doesn't.
    IsLost,
    /// It arrives, and once more a little later.
    ArrivesTwice,
    /// It arrives behind some of what was sent after it.
    IsLate,
}

/// Decides what becomes of the frames of one direction.
pub trait Fates: Send + 'static {
    /// What becomes of the next one.
    fn of(&mut self, frame: &[u8]) -> Fate;
}

/// A running relay.
#[derive(Debug)]
pub struct Relay<F> {
    stop: Arc<AtomicBool>,
    to_gateway: JoinHandle<F>,
    from_gateway: JoinHandle<F>,
}

impl<F: Fates> Relay<F> {
    /// Unplugs `host` and gateway from the switch between them, and relays in its place: what goes to the
    /// gateway by the first of `fates`, what comes from there by the second, and all of it takes `delay`.
    ///
    /// # Panics
    /// Without the right to.
    pub fn start(topology: &Topology, host: Host, delay: Duration, fates: [F; 2]) -> Self {
        let ends = must(topology.unplug(host));
        let (to_host, from_host) = open(ends.namespace, ends.host);
        let (to_gateway, from_gateway) = open(ends.namespace, ends.gateway);
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |from, to, fates| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || carry(from, to, delay, fates, &stop))
        };
        let [inwards, outwards] = fates;
        Self {
            to_gateway: spawn(from_host, to_gateway, inwards),
            from_gateway: spawn(from_gateway, to_host, outwards),
            stop,
        }
    }

    /// Ends it, and gives back what decided.
    ///
    /// # Panics
    /// When one of its threads did.
    pub fn finish(self) -> [F; 2] {
        self.stop.store(true, Ordering::Relaxed);
        [self.to_gateway, self.from_gateway]
            .map(|direction| direction.join().expect("relaying goes on"))
    }
}

type Sender = Box<dyn DataLinkSender>;
type Receiver = Box<dyn DataLinkReceiver>;

/// What comes in at `interface`, and a way out of it. One socket for both, because a packet socket doesn't see what
/// it has sent itself.
fn open(namespace: &Namespace, interface: &str) -> (Sender, Receiver) {
    let open = || -> io::Result<Channel> {
        let found = pnet_datalink::interfaces()
            .into_iter()
            .find(|found| found.name == interface)
            .ok_or(ErrorKind::NotFound)?;
        // Without a protocol it takes nothing until it is bound.
        let socket = socket(AddressFamily::PACKET, SocketType::RAW, None)?;
        set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER)?;
        let config = Config {
            read_buffer_size: FRAME_MAX,
            read_timeout: Some(TICK),
            socket_fd: Some(socket.into_raw_fd()),
            ..Config::default()
        };
        pnet_datalink::channel(&found, config)
    };
    match must(namespace.enter(open)).expect("the right to") {
        Channel::Ethernet(sender, receiver) => (sender, receiver),
        _ => unreachable!("a channel of frames was asked for"),
    }
}

/// Carries frames in one direction until it is told to stop.
fn carry<F: Fates>(
    mut from: Receiver,
    mut to: Sender,
    delay: Duration,
    mut fates: F,
    stop: &AtomicBool,
) -> F {
    let mut under_way = UnderWay::default();
    while !stop.load(Ordering::Relaxed) {
        match from.next() {
            Ok(frame) => {
                let due = Instant::now() + delay;
                match fates.of(frame) {
                    Fate::Arrives => under_way.add(due, frame),
                    Fate::IsLost => {}
                    Fate::ArrivesTwice => {
                        under_way.add(due, frame);
                        under_way.add(due + LATE, frame);
                    }
                    Fate::IsLate => under_way.add(due + LATE, frame),
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => panic!("receiving: {error}"),
        }
        while let Some(frame) = under_way.pop_due(Instant::now()) {
            let sent = to.send_to(&frame, None).expect("it always tries");
            sent.expect("room on the wire");
        }
    }
    fates
}

/// Frames by when they are due; those due at once, in the order they came.
#[derive(Debug, Default)]
struct UnderWay {
    frames: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    count: u64,
}

impl UnderWay {
    fn add(&mut self, due: Instant, frame: &[u8]) {
        self.count += 1;
        self.frames.push(Reverse((due, self.count, frame.to_vec())));
    }

    fn pop_due(&mut self, now: Instant) -> Option<Vec<u8>> {
        let Reverse((due, ..)) = self.frames.peek()?;
        if *due > now {
            return None;
        }
        self.frames.pop().map(|Reverse((.., frame))| frame)
    }
}
