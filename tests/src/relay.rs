//! A long wire that loses segments, in the place of the field's switch between devices and gateway.
//!
//! What passes takes [`DELAY`] in either direction. Of the segments with new data from the devices one
//! in [`ONE_IN`] is lost, always the same ones; never what is sent again, so that one loss is repaired
//! by one retransmission.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gateway::netns::{Namespace, Topology};
use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{AddressFamily, SocketType, socket};
use wire::net::{Packet, Transport};

use crate::lab::must;

/// How long a frame is under way.
const DELAY: Duration = Duration::from_millis(10);
/// Of so many segments with new data, the last is lost.
const ONE_IN: u64 = 100;
/// How often a direction looks at its clock when no frames come.
const TICK: Duration = Duration::from_millis(1);
/// Larger than what can be under way, so that nothing is lost but what shall be, whoever else uses the
/// machine.
const RECEIVE_BUFFER: usize = 16 << 20;
/// Larger than any frame, those that the kernel has put together (GRO) too.
const FRAME_MAX: usize = 1 << 16;

/// A running relay.
#[derive(Debug)]
pub struct Relay {
    stop: Arc<AtomicBool>,
    to_gateway: JoinHandle<u64>,
    to_devices: JoinHandle<u64>,
}

impl Relay {
    /// Unplugs devices and gateway from the field's switch, and relays between them.
    ///
    /// # Panics
    /// Without the right to.
    pub fn start(topology: &Topology) -> Self {
        let ends = must(topology.unplug());
        let (to_devices, from_devices) = open(ends.field, ends.devices);
        let (to_gateway, from_gateway) = open(ends.field, ends.gateway);
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |from, to, losses| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || carry(from, to, losses, &stop))
        };
        Self {
            to_gateway: spawn(from_devices, to_gateway, Some(Losses::default())),
            to_devices: spawn(from_gateway, to_devices, None),
            stop,
        }
    }

    /// Ends it, and says how many segments were lost.
    ///
    /// # Panics
    /// When one of its threads did.
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let lost = [self.to_gateway, self.to_devices]
            .map(|direction| direction.join().expect("relaying goes on"));
        lost.iter().sum()
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

/// Carries frames in one direction until it is told to stop; returns how many were lost.
fn carry(mut from: Receiver, mut to: Sender, mut losses: Option<Losses>, stop: &AtomicBool) -> u64 {
    let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    while !stop.load(Ordering::Relaxed) {
        match from.next() {
            Ok(frame) if losses.as_mut().is_some_and(|losses| losses.takes(frame)) => {}
            Ok(frame) => under_way.push_back((Instant::now() + DELAY, frame.to_vec())),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => panic!("receiving: {error}"),
        }
        while let Some((_, frame)) = under_way.pop_front_if(|(due, _)| *due <= Instant::now()) {
            let sent = to.send_to(&frame, None).expect("it always tries");
            sent.expect("room on the wire");
        }
    }
    losses.map_or(0, |losses| losses.lost)
}

/// Which segments are lost.
#[derive(Debug, Default)]
struct Losses {
    /// Where the data ends that each sender has sent.
    ends: HashMap<SocketAddr, u32>,
    fresh: u64,
    lost: u64,
}

impl Losses {
    /// Whether this frame is lost.
    fn takes(&mut self, frame: &[u8]) -> bool {
        if !self.is_fresh(frame) {
            return false;
        }
        self.fresh += 1;
        let takes = self.fresh.is_multiple_of(ONE_IN);
        self.lost += u64::from(takes);
        takes
    }

    /// Whether it has data that was never sent before.
    fn is_fresh(&mut self, frame: &[u8]) -> bool {
        let packet = Packet::decode(frame).expect("made by a kernel");
        let (Transport::Tcp(tcp), Some((source, _))) = (packet.transport, packet.endpoints())
        else {
            return false;
        };
        if tcp.payload.is_empty() {
            return false;
        }
        let end = tcp.seq.wrapping_add(tcp.payload.len() as u32);
        let known = self.ends.entry(source).or_insert(tcp.seq);
        // Ahead by less than half the circle (RFC 9293 §3.4).
        let is_fresh = end.wrapping_sub(*known).cast_signed() > 0;
        if is_fresh {
            *known = end;
        }
        is_fresh
    }
}
