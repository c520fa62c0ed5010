//! The worker's loop over simulated sockets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use inspect::{Event, Sink};
use xsk::sim::{self, Calls, Faults, Kernel};
use xsk::{ChunkSize, Socket};

use super::*;
use crate::dataplane::Ban;

const RING: u32 = 128;

/// An observer that takes nothing.
struct Deaf;

impl Observer for Deaf {
    fn event(&mut self, _event: &Event<'_>) -> bool {
        false
    }

    fn ban(&mut self, _ban: Ban) -> bool {
        false
    }
}

#[derive(Clone, Default)]
struct Beats(Arc<AtomicU64>);

impl Pulse for Beats {
    fn beat(&mut self, _now: Instant) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A worker with simulated sockets, and the kernels behind them.
struct Bench {
    worker: Worker<Socket<Calls>, Deaf, Beats>,
    inside: Vec<Kernel>,
    outside: Vec<Kernel>,
    beats: Beats,
    control: Control,
    stats: Arc<WorkerStats>,
}

/// A bench with so many queues inside and outside, whose heartbeats are good for so long.
fn bench(queues: [usize; 2], stale_after: Duration) -> Bench {
    let umem = Umem::simulated(ChunkSize::K2, 4 * RING * 2);
    let open = |count: usize, seed: u64| -> (Vec<_>, Vec<_>) {
        (0..count as u64)
            .map(|queue| sim::socket(&umem, RING, seed + queue, Faults::NONE))
            .unzip()
    };
    let (inside_sockets, inside) = open(queues[0], 1);
    let (outside_sockets, outside) = open(queues[1], 100);
    let (beats, stats) = (Beats::default(), Arc::new(WorkerStats::default()));
    let control = Control::new().expect("an eventfd");
    let worker = Worker::new(Parts {
        link: 0,
        umem,
        inside: inside_sockets,
        outside: outside_sockets,
        inspection: Inspection::AcceptAll,
        observer: Deaf,
        pulse: beats.clone(),
        tempo: Tempo {
            busy_poll: Duration::ZERO,
            heartbeat: stale_after / 5,
            stale_after,
            on_failure: abi::OnFailure::Open,
        },
        control: control.clone(),
        stats: Arc::clone(&stats),
    });
    Bench {
        worker,
        inside,
        outside,
        beats,
        control,
        stats,
    }
}

impl Bench {
    fn round(&mut self) {
        self.worker.round(clock::now());
        self.assert_balance();
    }

    fn assert_balance(&self) {
        let held: usize = self.worker.ends.iter().map(End::held).sum();
        assert_eq!(self.worker.umem.outstanding(), held);
    }
}

const LONG: Duration = Duration::from_secs(3600);

fn frame(tag: u8) -> Vec<u8> {
    vec![tag; 60]
}

fn all_sent(kernel: &Kernel) -> Vec<u8> {
    std::iter::from_fn(|| kernel.sent()).map(|f| f[0]).collect()
}

#[test]
fn frames_cross_the_link_both_ways_in_order() {
    let mut bench = bench([1, 1], LONG);
    for tag in 0..100 {
        assert!(bench.inside[0].deliver(&frame(tag)));
        assert!(bench.outside[0].deliver(&frame(100 + tag)));
    }
    bench.round();
    bench.round();
    assert_eq!(all_sent(&bench.outside[0]), (0..100).collect::<Vec<_>>());
    assert_eq!(all_sent(&bench.inside[0]), (100..200).collect::<Vec<_>>());
    let port = bench.stats.port(Side::Inside);
    assert_eq!((port.rx_frames.value(), port.rx_bytes.value()), (100, 6000));
    assert_eq!((port.tx_frames.value(), port.tx_bytes.value()), (100, 6000));
}

#[test]
fn queues_beyond_the_other_ends_share_its_sender() {
    let mut bench = bench([3, 1], LONG);
    for (queue, kernel) in bench.inside.iter().enumerate() {
        assert!(kernel.deliver(&frame(queue as u8)));
    }
    bench.outside[0].deliver(&frame(9));
    bench.round();
    assert_eq!(all_sent(&bench.outside[0]), [0, 1, 2]);
    assert_eq!(all_sent(&bench.inside[0]), [9]);
}

#[test]
fn a_worker_that_was_away_sends_nothing_stale() {
    let mut bench = bench([1, 1], Duration::from_millis(20));
    for tag in 0..100 {
        bench.inside[0].deliver(&frame(tag));
    }
    thread::sleep(Duration::from_millis(30));
    let beats = bench.beats.0.load(Ordering::Relaxed);
    bench.round();
    assert!(all_sent(&bench.outside[0]).is_empty());
    assert!(bench.beats.0.load(Ordering::Relaxed) > beats);
    assert_eq!(bench.stats.stalls.value(), 1);
    assert_eq!(bench.stats.port(Side::Inside).stale_frames.value(), 100);
    bench.inside[0].deliver(&frame(7));
    bench.round();
    assert_eq!(all_sent(&bench.outside[0]), [7]);
}

#[test]
fn a_worker_stopped_between_receiving_and_sending_sends_nothing_stale() {
    let mut bench = bench([1, 1], Duration::from_millis(20));
    bench.round();
    for tag in 0..50 {
        bench.inside[0].deliver(&frame(tag));
    }
    assert_eq!(bench.worker.receive_all(clock::now()), 50);
    thread::sleep(Duration::from_millis(30));
    bench.worker.flush_all();
    bench.assert_balance();
    bench.round();
    assert!(all_sent(&bench.outside[0]).is_empty());
    assert_eq!(bench.stats.port(Side::Outside).stale_frames.value(), 50);
}

#[test]
fn nothing_waits_for_an_interface_to_come_back() {
    let mut bench = bench([1, 1], LONG);
    bench.outside[0].set_down(true);
    bench.inside[0].deliver(&frame(1));
    bench.round();
    // Told by the control plane as well, a little later.
    bench.control.set_up(Side::Outside, false);
    bench.inside[0].deliver(&frame(2));
    bench.round();
    assert_eq!(bench.stats.port(Side::Outside).tx_link_down.value(), 2);

    bench.outside[0].set_down(false);
    bench.control.set_up(Side::Outside, true);
    bench.inside[0].deliver(&frame(3));
    bench.round();
    assert_eq!(all_sent(&bench.outside[0]), [3]);
}

#[test]
fn a_kernel_that_takes_no_frames_gets_them_later() {
    let mut bench = bench([1, 1], LONG);
    let stubborn = Faults {
        again_permille: 1000,
        ..Faults::NONE
    };
    bench.outside[0].set_faults(stubborn);
    bench.inside[0].deliver(&frame(1));
    bench.round();
    assert!(bench.worker.blocked);
    assert!(bench.worker.sleep_time(clock::now()) <= tempo::BLOCKED_PAUSE);
    bench.outside[0].set_faults(Faults::NONE);
    bench.round();
    assert_eq!(all_sent(&bench.outside[0]), [1]);
    assert!(!bench.worker.blocked);
}

#[test]
fn a_full_tx_ring_drops_and_counts() {
    let mut bench = bench([1, 1], LONG);
    let stubborn = Faults {
        no_buffers_permille: 1000,
        ..Faults::NONE
    };
    bench.outside[0].set_faults(stubborn);
    for _ in 0..4 {
        for tag in 0..64 {
            assert!(bench.inside[0].deliver(&frame(tag)));
        }
        bench.round();
    }
    let port = bench.stats.port(Side::Outside);
    assert_eq!(port.tx_frames.value(), u64::from(RING));
    assert_eq!(port.tx_ring_full.value(), 4 * 64 - u64::from(RING));
}

#[test]
fn draining_sends_what_is_there_and_ends() {
    let bench = bench([1, 1], LONG);
    for tag in 0..100 {
        bench.inside[0].deliver(&frame(tag));
    }
    bench.control.set_phase(Phase::Drain);
    let worker = bench.worker;
    let thread = thread::spawn(move || worker.run());
    thread.join().expect("no panic").expect("no error");
    assert_eq!(all_sent(&bench.outside[0]).len(), 100);
    assert_eq!(bench.stats.frames_leaked.value(), 0);
}

#[test]
fn a_call_ends_the_sleep_of_a_worker() {
    let bench = bench([1, 1], LONG);
    let worker = bench.worker;
    let thread = thread::spawn(move || worker.run());
    thread::sleep(Duration::from_millis(20));
    bench.control.set_phase(Phase::Stop);
    thread.join().expect("no panic").expect("no error");
    assert!(bench.stats.sleeps.value() >= 1);
}

#[test]
fn injected_frames_leave_by_their_own_port_and_no_other_link() {
    let mut bench = bench([1, 1], LONG);
    let worker = &mut bench.worker;
    let mut sink = WorkerSink {
        link: worker.link,
        umem: &worker.umem,
        stats: &worker.stats,
        observer: &mut worker.observer,
        injected: &mut worker.injected,
    };
    let port = |link, side| Port { link, side };
    sink.inject(port(0, Side::Inside), &frame(1));
    sink.inject(port(0, Side::Outside), &frame(2));
    sink.inject(port(1, Side::Outside), &frame(3));
    sink.inject(port(0, Side::Outside), &[]);
    sink.inject(port(0, Side::Outside), &[0; 4096]);
    worker.send_injected();
    bench.round();
    assert_eq!(all_sent(&bench.inside[0]), [1]);
    assert_eq!(all_sent(&bench.outside[0]), [2]);
    assert_eq!(bench.stats.injections_lost.value(), 3);
}
