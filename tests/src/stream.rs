//! A steady stream of numbered datagrams from the devices to the servers, and what became of it.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gateway::netns::{Family, Host, Topology, address};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;

use crate::lab::uninterrupted;

/// Between two datagrams, if nothing else is asked for.
const INTERVAL: Duration = Duration::from_micros(500);
/// Enough for a receiver that isn't scheduled for a while: what it loses would look like the
/// gateway's loss.
const RECEIVE_BUFFER: usize = 16 << 20;

/// A running stream.
#[derive(Debug)]
pub struct Stream {
    epoch: Instant,
    stop: Arc<AtomicBool>,
    sender: JoinHandle<u64>,
    receiver: JoinHandle<Vec<Arrival>>,
}

/// One datagram at its receiver. Times since the stream's epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Which one: the first is 0.
    pub number: u64,
    /// When it was sent.
    pub sent: Duration,
    /// When it came.
    pub received: Duration,
}

/// All that is known at the end.
#[derive(Debug, Clone)]
pub struct Record {
    /// How many were sent.
    pub sent: u64,
    /// Those that came, in the order they came in.
    pub arrivals: Vec<Arrival>,
}

impl Stream {
    /// Starts a stream to `port` of the servers: CoAP requests that want no answer (RFC 7252 §4.3,
    /// non-confirmable), whatever the port is for.
    ///
    /// # Panics
    /// When the sockets can't be opened.
    pub fn start(topology: &Topology, port: u16) -> Self {
        Self::every(INTERVAL, topology, port)
    }

    /// As [`Stream::start`], with a datagram each `interval`.
    ///
    /// # Panics
    /// Likewise.
    pub fn every(interval: Duration, topology: &Topology, port: u16) -> Self {
        let at = SocketAddr::new(address(Host::Servers, 1, Family::V4), port);
        let from = SocketAddr::new(address(Host::Devices, 1, Family::V4), 0);
        let receiver = topology.host(Host::Servers).udp(at).expect("a socket");
        let sender = topology.host(Host::Devices).udp(from).expect("a socket");
        set_socket_recv_buffer_size_force(&receiver, RECEIVE_BUFFER).expect("the right to");
        sender.connect(at).expect("a route");
        let (epoch, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let (sending, receiving) = (Arc::clone(&stop), Arc::clone(&stop));
        Self {
            epoch,
            stop,
            sender: thread::spawn(move || send(&sender, epoch, interval, &sending)),
            receiver: thread::spawn(move || receive(&receiver, epoch, &receiving)),
        }
    }

    /// Now, on the stream's clock.
    pub fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Ends the stream.
    ///
    /// # Panics
    /// When one of its threads did.
    pub fn finish(self) -> Record {
        self.stop.store(true, Ordering::Relaxed);
        Record {
            sent: self.sender.join().expect("sending goes on"),
            arrivals: self.receiver.join().expect("receiving goes on"),
        }
    }
}

impl Record {
    /// How many of those sent never came.
    pub fn lost(&self) -> u64 {
        let mut numbers: Vec<u64> = self.arrivals.iter().map(|arrival| arrival.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.sent - numbers.len() as u64
    }

    /// The longest time within `window` in which none came; a window that nothing reaches counts
    /// whole.
    pub fn longest_gap(&self, window: Range<Duration>) -> Duration {
        let inside = self
            .arrivals
            .iter()
            .map(|arrival| arrival.received)
            .filter(|at| window.contains(at));
        let mut last = window.start;
        let mut longest = Duration::ZERO;
        for at in inside.chain([window.end]) {
            longest = longest.max(at.saturating_sub(last));
            last = at;
        }
        longest
    }

    /// How many came within `window`.
    pub fn arrived(&self, window: Range<Duration>) -> usize {
        self.arrivals
            .iter()
            .filter(|arrival| window.contains(&arrival.received))
            .count()
    }

    /// The oldest that came within `window`: the time from sending to receiving.
    pub fn oldest(&self, window: Range<Duration>) -> Duration {
        self.arrivals
            .iter()
            .filter(|arrival| window.contains(&arrival.received))
            .map(|arrival| arrival.received.saturating_sub(arrival.sent))
            .max()
            .unwrap_or_default()
    }
}

/// NON POST with a token of four bytes and the Uri-Path "n", up to its payload.
const HEAD: [u8; 2] = [0x54, 0x02];
const URI_PATH: [u8; 2] = [0xb1, b'n'];
const PAYLOAD_MARKER: u8 = 0xff;
const NUMBER_AT: usize = 11;
const DATAGRAM_LEN: usize = NUMBER_AT + 16;

fn encode(number: u64, sent: Duration) -> [u8; DATAGRAM_LEN] {
    let mut datagram = [0; DATAGRAM_LEN];
    datagram[..2].copy_from_slice(&HEAD);
    datagram[2..4].copy_from_slice(&(number as u16).to_be_bytes());
    datagram[4..8].copy_from_slice(&(number as u32).to_be_bytes());
    datagram[8..10].copy_from_slice(&URI_PATH);
    datagram[10] = PAYLOAD_MARKER;
    datagram[NUMBER_AT..][..8].copy_from_slice(&number.to_be_bytes());
    datagram[NUMBER_AT + 8..].copy_from_slice(&(sent.as_nanos() as u64).to_be_bytes());
    datagram
}

fn decode(datagram: &[u8]) -> Option<(u64, Duration)> {
    let payload = datagram.get(NUMBER_AT..DATAGRAM_LEN)?;
    let number = |bytes: &[u8]| Some(u64::from_be_bytes(bytes.try_into().ok()?));
    let (head, tail) = payload.split_at(8);
    Some((number(head)?, Duration::from_nanos(number(tail)?)))
}

fn send(socket: &UdpSocket, epoch: Instant, interval: Duration, stop: &AtomicBool) -> u64 {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        // What is refused by an ICMP error, such as while nobody is there, counts as sent and lost.
        let _ = socket.send(&encode(number, epoch.elapsed()));
        number += 1;
        let due = interval * u32::try_from(number).expect("a test of minutes");
        thread::sleep(due.saturating_sub(epoch.elapsed()));
    }
    number
}

/// Receives until `stop`, and then as long as something still comes.
fn receive(socket: &UdpSocket, epoch: Instant, stop: &AtomicBool) -> Vec<Arrival> {
    socket
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("not zero");
    let mut arrivals = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        match uninterrupted(|| socket.recv(&mut buffer)) {
            Ok(len) => {
                let received = epoch.elapsed();
                let (number, sent) = decode(&buffer[..len]).expect("a datagram of this stream");
                arrivals.push(Arrival {
                    number,
                    sent,
                    received,
                });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if stop.load(Ordering::Relaxed) {
                    return arrivals;
                }
            }
            Err(error) => panic!("receiving: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn record() -> Record {
        let arrivals = [(0, 10), (1, 20), (3, 70), (2, 75), (5, 80)];
        Record {
            sent: 6,
            arrivals: arrivals
                .map(|(number, received)| Arrival {
                    number,
                    sent: ms(10 * number),
                    received: ms(received),
                })
                .to_vec(),
        }
    }

    #[test]
    fn loss_gap_and_age_are_told() {
        let record = record();
        assert_eq!(record.lost(), 1);
        assert_eq!(record.longest_gap(ms(0)..ms(100)), ms(50));
        assert_eq!(record.longest_gap(ms(70)..ms(100)), ms(20));
        assert_eq!(record.longest_gap(ms(200)..ms(300)), ms(100));
        assert_eq!(record.arrived(ms(15)..ms(75)), 2);
        assert_eq!(record.oldest(ms(0)..ms(100)), ms(55));
    }

    #[test]
    fn a_datagram_says_which_it_is() {
        let datagram = encode(70_000, ms(3));
        assert_eq!(decode(&datagram), Some((70_000, ms(3))));
        assert_eq!(decode(&datagram[..20]), None);
    }
}
