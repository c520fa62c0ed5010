//! Workers made: sockets opened, threads started, sockets published and withdrawn.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use abi::Side as Port;
use inspect::Instant;
use policy::Side;
use rustix::io::Errno;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tracing::{error, warn};
use xsk::{ChunkSize, Queue, Socket, Umem, Waker};

use super::link::LinkError;
use super::netlink::Interface;
use super::plan::Plan;
use super::stats::WorkerStats;
use super::worker::{Control, Parts, Pulse, Tempo, Worker};
use super::xdp::{Heartbeat, Xdp};
use super::{Inspection, Observer, WorkerId};

/// How workers are made: the same for all links.
pub(super) struct Workshop<O> {
    pub(super) sockets: xsk::Config,
    pub(super) tempo: Tempo,
    pub(super) inspection: Inspection,
    pub(super) observers: Box<dyn FnMut(WorkerId) -> O + Send>,
    /// Called when a worker ends, for whatever reason.
    pub(super) waker: Waker,
}

/// What a worker is wanted for.
pub(super) struct Post<'a> {
    pub(super) id: WorkerId,
    pub(super) plan: Plan,
    pub(super) ends: &'a [Interface; 2],
    pub(super) chunk: ChunkSize,
    pub(super) processor: usize,
    pub(super) stats: &'a Arc<WorkerStats>,
}

/// A worker's thread, and the hold on it.
pub(super) struct Running {
    link: u32,
    plan: Plan,
    pub(super) control: Control,
    thread: JoinHandle<Result<(), Errno>>,
    /// Descriptors of its sockets, inside and outside, until they are published: kept any longer,
    /// they would keep the sockets open when the worker is gone.
    unpublished: [Vec<OwnedFd>; 2],
}

impl<O: Observer> Workshop<O> {
    /// Opens a worker's sockets and starts it. Nothing reaches it until it is published.
    pub(super) fn employ(&mut self, post: Post<'_>, xdp: &Xdp) -> Result<Running, LinkError> {
        let Post { id, plan, .. } = &post;
        let (umem, inside, outside) = open_sockets(plan, post.ends, post.chunk, self.sockets)?;
        for (side, sockets) in [(Side::Inside, &inside), (Side::Outside, &outside)] {
            let zero_copy = sockets.iter().all(Socket::is_zero_copy);
            let flag = &post.stats.port(side).zero_copy;
            flag.store(zero_copy, Ordering::Relaxed);
        }
        let unpublished = [duplicates(&inside)?, duplicates(&outside)?];
        let control = Control::new().map_err(LinkError::system("eventfd"))?;
        let worker = Worker::new(Parts {
            link: id.link,
            umem,
            inside,
            outside,
            inspection: self.inspection.clone(),
            observer: (self.observers)(*id),
            pulse: Heartbeats::open(id.link, plan, xdp)?,
            tempo: self.tempo,
            control: control.clone(),
            stats: Arc::clone(post.stats),
        });
        let name = format!("weir-{}.{}", id.link, id.number);
        let thread = spawn(name, post.processor, self.waker.clone(), worker)?;
        Ok(Running {
            link: u32::from(id.link),
            plan: post.plan,
            control,
            thread,
            unpublished,
        })
    }
}

impl Running {
    /// Lets the worker's sockets receive.
    pub(super) fn publish(&mut self, xdp: &mut Xdp) -> Result<(), LinkError> {
        let unpublished = std::mem::take(&mut self.unpublished);
        for ((port, queues), sockets) in self.ports().into_iter().zip(unpublished) {
            for (&queue, socket) in queues.iter().zip(sockets) {
                xdp.publish(self.link, port, queue, &socket)?;
            }
        }
        Ok(())
    }

    /// Has frames for the worker's queues take the fallback. All are tried; the last failure is told.
    pub(super) fn withdraw(&self, xdp: &mut Xdp) -> Result<(), LinkError> {
        let mut result = Ok(());
        for (port, queues) in self.ports() {
            for &queue in queues {
                if let Err(problem) = xdp.withdraw(self.link, port, queue) {
                    result = Err(problem.into());
                }
            }
        }
        result
    }

    /// Whether the thread has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread to end.
    pub(super) fn join(self) -> thread::Result<Result<(), Errno>> {
        self.thread.join()
    }

    fn ports(&self) -> [(Port, &[u32]); 2] {
        [
            (Port::Inside, &self.plan.inside),
            (Port::Outside, &self.plan.outside),
        ]
    }
}

/// The signs of life of one worker.
struct Heartbeats {
    beats: Vec<Heartbeat>,
    complained: bool,
}

impl Heartbeats {
    /// One for every queue number that the worker has at either end.
    fn open(link: u16, plan: &Plan, xdp: &Xdp) -> Result<Self, LinkError> {
        let mut queues: Vec<u32> = plan.inside.iter().chain(&plan.outside).copied().collect();
        queues.sort_unstable();
        queues.dedup();
        let beats: Result<_, _> = queues
            .into_iter()
            .map(|queue| xdp.heartbeat(u32::from(link), queue))
            .collect();
        Ok(Self {
            beats: beats?,
            complained: false,
        })
    }
}

impl Pulse for Heartbeats {
    fn beat(&mut self, _now: Instant) {
        for heartbeat in &mut self.beats {
            // The fallback takes over, as it should; once is enough to be told.
            if let Err(problem) = heartbeat.beat()
                && !std::mem::replace(&mut self.complained, true)
            {
                error!("a worker can't say that it lives: {problem}");
            }
        }
    }
}

type Opened = (Umem, Vec<Socket>, Vec<Socket>);

fn open_sockets(
    plan: &Plan,
    ends: &[Interface; 2],
    chunk: ChunkSize,
    config: xsk::Config,
) -> Result<Opened, LinkError> {
    let at = |end: &Interface, queues: &[u32]| -> Vec<Queue> {
        let interface = end.index;
        queues
            .iter()
            .map(|&queue| Queue { interface, queue })
            .collect()
    };
    let mut queues = at(&ends[0], &plan.inside);
    queues.extend(at(&ends[1], &plan.outside));
    // A full fill ring for each socket, and as many frames again on their way out of either end.
    let rings = u32::try_from(queues.len() + 2).expect("no more queues than the maps have");
    let umem = Umem::new(chunk, rings * config.ring_size)?;
    let mut inside = xsk::open(&umem, &queues, config)?;
    let outside = inside.split_off(plan.inside.len());
    Ok((umem, inside, outside))
}

/// Descriptors of the sockets to publish; the sockets themselves go to the worker. They must be
/// closed afterwards, or the sockets would outlive it.
fn duplicates(sockets: &[Socket]) -> Result<Vec<OwnedFd>, LinkError> {
    sockets
        .iter()
        .filter_map(xsk::PacketIo::fd)
        .map(|fd| fd.try_clone_to_owned())
        .collect::<Result<_, _>>()
        .map_err(LinkError::system("dup"))
}

fn spawn<O: Observer>(
    name: String,
    processor: usize,
    waker: Waker,
    worker: Worker<Socket, O, Heartbeats>,
) -> Result<JoinHandle<Result<(), Errno>>, LinkError> {
    /// Calls the supervisor when the thread ends, by panic too.
    struct Farewell(Waker);
    impl Drop for Farewell {
        fn drop(&mut self) {
            self.0.wake();
        }
    }
    let run = move || {
        let _farewell = Farewell(waker);
        if let Err(errno) = pin_to(processor) {
            warn!("a worker can't be bound to a processor: {errno}");
        }
        worker.run()
    };
    thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(LinkError::system("starting a thread"))
}

/// Binds this thread to one of the processors it may use.
fn pin_to(processor: usize) -> Result<(), Errno> {
    let allowed = sched_getaffinity(None)?;
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&at| allowed.is_set(at))
        .collect();
    let Some(&chosen) = processors.get(processor % processors.len().max(1)) else {
        return Ok(());
    };
    let mut set = CpuSet::new();
    set.set(chosen);
    sched_setaffinity(None, &set)
}
