//! A link at work: its workers from the first socket to the last frame.
//!
//! Order at both ends of a link's life: a socket is published in the XDP program's map when its
//! worker is ready, last of all, and withdrawn first, so that a frame always has somewhere to go.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use abi::Side as Port;
use inspect::Instant;
use policy::Side;
use rustix::io::Errno;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tracing::{error, info, warn};
use xsk::{ChunkSize, Queue, Socket, Umem, Waker};

use super::checks::{self, Queues};
use super::netlink::Interface;
use super::plan::{Plan, share_out};
use super::stats::WorkerStats;
use super::worker::{Control, Parts, Phase, Pulse, Tempo, Worker};
use super::xdp::{self, Heartbeat, Xdp};
use super::{Inspection, LinkNames, Observer, WorkerId};

/// Why a link can't be put to work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The XDP side refused.
    #[error(transparent)]
    Xdp(#[from] xdp::Error),
    /// The AF_XDP side refused.
    #[error(transparent)]
    Sockets(#[from] xsk::Error),
    /// An interface that came back isn't fit; the findings are in the log.
    #[error("{0}: not fit to be an end of it")]
    Unfit(String),
    /// The system refused something else.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl LinkError {
    fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            what,
            source: source.into(),
        }
    }
}

/// How workers are made: the same for all links.
pub(super) struct Workshop<O> {
    pub(super) sockets: xsk::Config,
    pub(super) tempo: Tempo,
    pub(super) inspection: Inspection,
    pub(super) observers: Box<dyn FnMut(WorkerId) -> O + Send>,
    /// Called when a worker ends, for whatever reason.
    pub(super) waker: Waker,
}

/// A link and its workers, while both ends are there.
pub(super) struct Link {
    index: u16,
    names: LinkNames,
    /// Index of the interface the XDP program is on, inside and outside.
    attached: [u32; 2],
    /// One for each worker there can be; they outlive the workers.
    stats: Vec<Arc<WorkerStats>>,
    workers: Vec<Running>,
    /// What the workers were made for.
    shape: Option<Shape>,
    running: Arc<AtomicBool>,
    /// What went wrong last, so that it is told once.
    complaint: Option<String>,
}

/// What decides how many workers a link has and how large their chunks are. It can change under
/// them: a queue without a socket would have its frames take the fallback, uninspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    chunk: ChunkSize,
    queues: [Queues; 2],
}

impl Shape {
    fn of(ends: &[Interface; 2]) -> Result<Self, LinkError> {
        let queues =
            |end: &Interface| checks::queues(end).map_err(LinkError::system("asking for queues"));
        Ok(Self {
            chunk: ChunkSize::for_mtu(ends[0].mtu.max(ends[1].mtu))?,
            queues: [queues(&ends[0])?, queues(&ends[1])?],
        })
    }
}

/// A worker's thread, and the hold on it.
struct Running {
    plan: Plan,
    control: Control,
    thread: JoinHandle<Result<(), Errno>>,
}

const SIDES: [(Side, Port); 2] = [(Side::Inside, Port::Inside), (Side::Outside, Port::Outside)];

impl Link {
    /// A link whose ends have the XDP program; its workers are yet to come.
    pub(super) fn new(index: u16, names: LinkNames, ends: &[Interface; 2]) -> io::Result<Self> {
        let queues = [checks::queues(&ends[0])?, checks::queues(&ends[1])?];
        let workers = share_out(queues[0], queues[1], usize::MAX).len();
        Ok(Self {
            index,
            names,
            attached: [ends[0].index, ends[1].index],
            stats: (0..workers).map(|_| Arc::default()).collect(),
            workers: Vec::new(),
            shape: None,
            running: Arc::default(),
            complaint: None,
        })
    }

    pub(super) fn stats(&self) -> &[Arc<WorkerStats>] {
        &self.stats
    }

    /// Tells, at any time, whether the link has workers.
    pub(super) fn running(&self) -> &Arc<AtomicBool> {
        &self.running
    }

    /// Compares what is with what was: stops the workers of a link that has lost an end, starts
    /// them when it is whole, tells them which ends are up.
    pub(super) fn follow<O: Observer>(&mut self, xdp: &mut Xdp, workshop: &mut Workshop<O>) {
        if self
            .workers
            .iter()
            .any(|worker| worker.thread.is_finished())
        {
            error!("a worker of the link {} ended by itself", self.names);
            self.stop(xdp, Phase::Stop);
        }
        match self.try_follow(xdp, workshop) {
            Ok(()) => self.complaint = None,
            Err(problem) => {
                let problem = problem.to_string();
                if self.complaint.as_ref() != Some(&problem) {
                    warn!("the link {} is not at work: {problem}", self.names);
                }
                self.complaint = Some(problem);
            }
        }
    }

    fn try_follow<O: Observer>(
        &mut self,
        xdp: &mut Xdp,
        workshop: &mut Workshop<O>,
    ) -> Result<(), LinkError> {
        let found = [find(&self.names.inside)?, find(&self.names.outside)?];
        for ((side, _), end) in SIDES.into_iter().zip(&found) {
            self.tell_up(side, end.as_ref());
        }
        let [Some(inside), Some(outside)] = found else {
            if !self.workers.is_empty() {
                warn!("the link {} has lost an end", self.names);
                self.stop(xdp, Phase::Stop);
            }
            return Ok(());
        };
        let ends = [inside, outside];
        self.adopt_returned(&ends, xdp)?;
        if !self.workers.is_empty() && self.shape != Some(Shape::of(&ends)?) {
            info!(
                "the link {} has other queues or another MTU now",
                self.names
            );
            self.stop(xdp, Phase::Drain);
        }
        if self.workers.is_empty() && ends.iter().all(|end| end.up) {
            self.start(&ends, xdp, workshop)?;
            for ((side, _), end) in SIDES.into_iter().zip(&ends) {
                self.tell_up(side, Some(end));
            }
        }
        Ok(())
    }

    /// Attaches the XDP program to an end that has gone and come back, after the checks that an
    /// interface has to pass at the start.
    fn adopt_returned(&mut self, ends: &[Interface; 2], xdp: &mut Xdp) -> Result<(), LinkError> {
        for (at, (_, port)) in SIDES.into_iter().enumerate() {
            let Interface { name, index, .. } = &ends[at];
            if self.attached[at] == *index {
                continue;
            }
            info!("{name} is back as interface {index}");
            self.stop(xdp, Phase::Stop);
            let findings = checks::check_link(&self.names.inside, &self.names.outside)
                .map_err(LinkError::system("checking the interfaces"))?;
            findings.iter().for_each(checks::Finding::log);
            if findings.iter().any(checks::Finding::is_fatal) {
                return Err(LinkError::Unfit(name.clone()));
            }
            report_mode(xdp.reattach(u32::from(self.index), port, *index)?)?;
            self.attached[at] = *index;
        }
        Ok(())
    }

    /// Tells the workers, and whoever reads the statistics, whether frames can leave by an end.
    fn tell_up(&self, side: Side, end: Option<&Interface>) {
        let usable = end.is_some_and(Interface::is_usable);
        for worker in &self.workers {
            worker.control.set_up(side, usable);
        }
        for stats in &self.stats {
            let before = stats.port(side).up.swap(usable, Ordering::Relaxed);
            if before != usable {
                let (names, state) = (&self.names, if usable { "up" } else { "down" });
                info!("the link {names}: {side:?} is {state}");
            }
        }
    }

    /// Opens the sockets, starts the workers and publishes them.
    pub(super) fn start<O: Observer>(
        &mut self,
        ends: &[Interface; 2],
        xdp: &mut Xdp,
        workshop: &mut Workshop<O>,
    ) -> Result<(), LinkError> {
        let started = self.start_all(ends, xdp, workshop);
        if started.is_err() {
            self.stop(xdp, Phase::Stop);
        }
        started
    }

    fn start_all<O: Observer>(
        &mut self,
        ends: &[Interface; 2],
        xdp: &mut Xdp,
        workshop: &mut Workshop<O>,
    ) -> Result<(), LinkError> {
        let shape = Shape::of(ends)?;
        let [inside, outside] = shape.queues;
        for (number, plan) in share_out(inside, outside, self.stats.len())
            .into_iter()
            .enumerate()
        {
            self.start_one(number, plan, ends, shape.chunk, xdp, workshop)?;
        }
        self.shape = Some(shape);
        self.running.store(true, Ordering::Relaxed);
        let count = self.workers.len();
        info!("the link {} is at work with {count} workers", self.names);
        Ok(())
    }

    fn start_one<O: Observer>(
        &mut self,
        number: usize,
        plan: Plan,
        ends: &[Interface; 2],
        chunk: ChunkSize,
        xdp: &mut Xdp,
        workshop: &mut Workshop<O>,
    ) -> Result<(), LinkError> {
        let (umem, inside, outside) = open_sockets(&plan, ends, chunk, workshop.sockets)?;
        let stats = Arc::clone(&self.stats[number]);
        for (side, sockets) in [(Side::Inside, &inside), (Side::Outside, &outside)] {
            let zero_copy = sockets.iter().all(Socket::is_zero_copy);
            stats
                .port(side)
                .zero_copy
                .store(zero_copy, Ordering::Relaxed);
        }
        let published = [duplicates(&inside)?, duplicates(&outside)?];
        let control = Control::new().map_err(LinkError::system("eventfd"))?;
        let worker = Worker::new(Parts {
            link: self.index,
            umem,
            inside,
            outside,
            inspection: workshop.inspection.clone(),
            observer: (workshop.observers)(WorkerId {
                link: self.index,
                number,
            }),
            pulse: self.heartbeats(&plan, xdp)?,
            tempo: workshop.tempo,
            control: control.clone(),
            stats,
        });
        let name = format!("weir-{}.{number}", self.index);
        let thread = spawn(name, self.processor(number), workshop.waker.clone(), worker)?;
        self.workers.push(Running {
            plan: plan.clone(),
            control,
            thread,
        });
        for ((port, queues), sockets) in ports(&plan).into_iter().zip(published) {
            for (&queue, socket) in queues.iter().zip(sockets) {
                xdp.publish(u32::from(self.index), port, queue, &socket)?;
            }
        }
        Ok(())
    }

    /// A sign of life for every queue number that the worker has at either end.
    fn heartbeats(&self, plan: &Plan, xdp: &Xdp) -> Result<Heartbeats, LinkError> {
        let mut queues: Vec<u32> = plan.inside.iter().chain(&plan.outside).copied().collect();
        queues.sort_unstable();
        queues.dedup();
        let beats: Result<_, _> = queues
            .into_iter()
            .map(|queue| xdp.heartbeat(u32::from(self.index), queue))
            .collect();
        Ok(Heartbeats {
            beats: beats?,
            complained: false,
        })
    }

    /// Workers of all links are spread over the processors.
    fn processor(&self, number: usize) -> usize {
        usize::from(self.index) * self.stats.len() + number
    }

    /// Withdraws the sockets, lets the workers end in the way of `phase`, and waits for them.
    pub(super) fn stop(&mut self, xdp: &mut Xdp, phase: Phase) {
        self.running.store(false, Ordering::Relaxed);
        for worker in &self.workers {
            for (port, queues) in ports(&worker.plan) {
                for &queue in queues {
                    if let Err(problem) = xdp.withdraw(u32::from(self.index), port, queue) {
                        error!("queue {queue} of the link {}: {problem}", self.names);
                    }
                }
            }
        }
        for worker in &self.workers {
            worker.control.set_phase(phase);
        }
        for worker in self.workers.drain(..) {
            match worker.thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(errno)) => error!("a worker of the link {}: {errno}", self.names),
                // The panic's own message is on standard error.
                Err(_) => error!("a worker of the link {} panicked", self.names),
            }
        }
    }
}

/// The signs of life of one worker.
struct Heartbeats {
    beats: Vec<Heartbeat>,
    complained: bool,
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

fn ports(plan: &Plan) -> [(Port, &[u32]); 2] {
    [(Port::Inside, &plan.inside), (Port::Outside, &plan.outside)]
}

fn find(name: &str) -> Result<Option<Interface>, LinkError> {
    Interface::by_name(name).map_err(LinkError::system("asking for an interface"))
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

/// Tells in which mode the XDP program runs on a port, and sees to what that mode needs.
pub(super) fn report_mode(port: &xdp::Port) -> Result<(), LinkError> {
    let (name, mode) = (&port.interface.name, port.mode.name());
    match &port.refused_native {
        Some(refusal) => {
            warn!("{name}: XDP in {mode} mode, since the driver refused native: {refusal}")
        }
        None if port.adopted => info!("{name}: XDP in {mode} mode, taken over from an earlier run"),
        None => info!("{name}: XDP in {mode} mode"),
    }
    if port.mode == xdp::Mode::Generic {
        checks::settle_generic(name)
            .map_err(LinkError::system("checking an interface"))?
            .iter()
            .for_each(checks::Finding::log);
    }
    Ok(())
}
