//! A link at work: its workers from the first socket to the last frame.
//!
//! Order at both ends of a link's life: a socket is published in the XDP program's map when its
//! worker is ready, last of all, and withdrawn first, so that a frame always has somewhere to go.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abi::Side as Port;
use policy::Side;
use tracing::{error, info, warn};
use xsk::ChunkSize;

use super::checks::{self, Queues};
use super::hold::Hold;
use super::netlink::Interface;
use super::plan::share_out;
use super::stats::WorkerStats;
use super::worker::Phase;
use super::workshop::{Post, Running, Workshop};
use super::xdp::{self, Xdp};
use super::{LinkNames, Observer, WorkerId};
use crate::causes::with_causes;

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
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl LinkError {
    pub(super) fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            what,
            source: source.into(),
        }
    }
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
    hold: Arc<Hold>,
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

pub(super) const SIDES: [(Side, Port); 2] =
    [(Side::Inside, Port::Inside), (Side::Outside, Port::Outside)];

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
            hold: Arc::default(),
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

    /// Tells, at any time, whether the XDP program is on its ends.
    pub(super) fn hold(&self) -> &Arc<Hold> {
        &self.hold
    }

    /// Compares what is with what was: stops the workers of a link that has lost an end, starts
    /// them when it is whole, tells them which ends are up.
    pub(super) fn follow<O: Observer>(&mut self, xdp: &mut Xdp, workshop: &mut Workshop<O>) {
        if self.workers.iter().any(|worker| worker.is_finished()) {
            error!("a worker of the link {} ended by itself", self.names);
            self.stop(xdp, Phase::Stop);
        }
        match self.try_follow(xdp, workshop) {
            Ok(()) => self.complaint = None,
            Err(problem) => {
                let problem = with_causes(&problem);
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
        self.hold.keep(u32::from(self.index), &ends, xdp)?;
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
            let findings =
                checks::check_links([[self.names.inside.as_str(), self.names.outside.as_str()]])
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
                let (side, interface) = match side {
                    Side::Inside => ("inside", &self.names.inside),
                    Side::Outside => ("outside", &self.names.outside),
                };
                let (names, state) = (&self.names, if usable { "up" } else { "down" });
                info!("the link {names}: its {side} end {interface} is {state}");
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
            let worker = workshop.employ(
                Post {
                    id: WorkerId {
                        link: self.index,
                        number,
                    },
                    plan,
                    ends,
                    chunk: shape.chunk,
                    processor: self.processor(number),
                    stats: &self.stats[number],
                },
                xdp,
            )?;
            self.workers.push(worker);
            self.workers[number].publish(xdp)?;
        }
        self.shape = Some(shape);
        self.running.store(true, Ordering::Relaxed);
        let count = self.workers.len();
        let plural = if count == 1 { "" } else { "s" };
        info!(
            "the link {} is at work with {count} worker{plural}",
            self.names
        );
        Ok(())
    }

    /// Workers of all links are spread over the processors.
    fn processor(&self, number: usize) -> usize {
        usize::from(self.index) * self.stats.len() + number
    }

    /// Withdraws the sockets, lets the workers end in the way of `phase`, and waits for them.
    pub(super) fn stop(&mut self, xdp: &mut Xdp, phase: Phase) {
        self.running.store(false, Ordering::Relaxed);
        for worker in &self.workers {
            if let Err(problem) = worker.withdraw(xdp) {
                let problem = with_causes(&problem);
                error!("a socket of the link {}: {problem}", self.names);
            }
        }
        for worker in &self.workers {
            worker.control.set_phase(phase);
        }
        for worker in self.workers.drain(..) {
            match worker.join() {
                Ok(Ok(())) => {}
                Ok(Err(errno)) => error!("a worker of the link {}: {errno}", self.names),
                // The panic's own message is on standard error.
                Err(_) => error!("a worker of the link {} panicked", self.names),
            }
        }
    }
}

fn find(name: &str) -> Result<Option<Interface>, LinkError> {
    Interface::by_name(name).map_err(LinkError::system("asking for an interface"))
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
