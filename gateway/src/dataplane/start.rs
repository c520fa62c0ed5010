//! The data plane as a whole: started, asked, stopped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::Errno;
use tracing::error;
use xsk::Waker;

use super::checks::{self, Finding};
use super::hold::Hold;
use super::link::{Link, LinkError, report_mode};
use super::netlink::{Interface, Monitor};
use super::settings::{Settings, StartError};
use super::stats::WorkerStats;
use super::supervisor::{SharedXdp, Supervisor};
use super::worker::{Phase, Tempo};
use super::workshop::Workshop;
use super::xdp::{self, BlockList, Claim, Counters, Xdp};
use super::{Inspection, LinkNames, Observer, WorkerId};

/// What becomes of the XDP program when the data plane stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It stays: the kernel goes on by `on_failure`, and a successor takes over.
    Attached,
    /// It goes, and nothing joins the ends of the links any more.
    Nothing,
}

/// What is known of a link.
#[derive(Debug, Clone)]
pub struct LinkStatus {
    /// Its ends.
    pub names: LinkNames,
    /// What its workers count.
    pub workers: Vec<Arc<WorkerStats>>,
    /// Whether the XDP program is on its ends.
    pub hold: Arc<Hold>,
    running: Arc<AtomicBool>,
}

impl LinkStatus {
    /// A link whose workers are yet to come.
    #[cfg(test)]
    pub(crate) fn new(names: LinkNames, workers: Vec<Arc<WorkerStats>>) -> Self {
        Self {
            names,
            workers,
            hold: Arc::default(),
            running: Arc::default(),
        }
    }

    /// Whether its workers are at work.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }
}

/// The running data plane. Dropping it stops it, and leaves the XDP program attached.
pub struct Dataplane {
    links: Vec<LinkStatus>,
    findings: Vec<Finding>,
    xdp: Option<SharedXdp>,
    stop: Arc<AtomicBool>,
    waker: Waker,
    supervisor: Option<JoinHandle<()>>,
}

impl Dataplane {
    /// Checks the interfaces, attaches the XDP program and puts every link to work, with the pins that
    /// were claimed. A link with an interface that is down starts when that is up. `observers` makes the observer of each worker,
    /// again whenever its link starts anew.
    ///
    /// # Errors
    /// See [`StartError`]. What was attached on the way is detached again, unless an earlier run had
    /// left it there.
    pub fn start<O: Observer>(
        settings: &Settings,
        claim: Claim,
        inspection: Inspection,
        observers: impl FnMut(WorkerId) -> O + Send + 'static,
    ) -> Result<Self, StartError> {
        if settings.links.is_empty() {
            return Err(StartError::NoLink);
        }
        // From here on no change of an interface goes unnoticed.
        let monitor = Monitor::new().map_err(StartError::system("watching interfaces"))?;
        check_free(&settings.links, &claim)?;
        let findings = check(&settings.links)?;
        let ends = find(&settings.links)?;
        let mut xdp = Xdp::open(
            claim,
            settings.mode,
            ends.iter().map(as_link).collect(),
            &settings.program,
        )?;
        let waker = Waker::new().map_err(StartError::system("eventfd"))?;
        let mut workshop = Workshop {
            sockets: xsk::Config {
                ring_size: settings.ring_size,
                copying: settings.copying,
                ..xsk::Config::default()
            },
            tempo: Tempo {
                busy_poll: settings.busy_poll,
                heartbeat: settings.heartbeat,
                stale_after: Duration::from_nanos(settings.program.port.stale_after_ns),
                on_failure: settings.program.port.on_failure,
            },
            inspection,
            observers: Box::new(observers),
            waker: waker.clone(),
        };
        let links = match start_links(settings, &ends, &mut xdp, &mut workshop) {
            Ok(links) => links,
            Err(error) => return Err(undo(xdp, error)),
        };
        let statuses = settings
            .links
            .iter()
            .zip(&links)
            .map(|(names, link)| LinkStatus {
                names: names.clone(),
                workers: link.stats().to_vec(),
                hold: Arc::clone(link.hold()),
                running: Arc::clone(link.running()),
            })
            .collect();
        let (stop, xdp) = (Arc::default(), SharedXdp::new(xdp));
        let supervisor = Supervisor {
            links,
            xdp: xdp.clone(),
            workshop,
            monitor,
            waker: waker.clone(),
            stop: Arc::clone(&stop),
            complaint: None,
        };
        let supervisor = thread::Builder::new()
            .name("weir-links".to_owned())
            .spawn(move || supervisor.run())
            .map_err(StartError::system("starting a thread"))?;
        Ok(Self {
            links: statuses,
            findings,
            xdp: Some(xdp),
            stop,
            waker,
            supervisor: Some(supervisor),
        })
    }
}

impl Dataplane {
    /// The links, in the order of the configuration.
    #[must_use]
    pub fn links(&self) -> &[LinkStatus] {
        &self.links
    }

    /// What the checks found at the start.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether all links are at work.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.links.iter().all(LinkStatus::is_running)
    }

    /// The block list of the XDP program.
    ///
    /// # Errors
    /// Its maps can't be opened.
    pub fn block_list(&self) -> Result<BlockList, xdp::Error> {
        self.with_xdp(|xdp| xdp.block_list())
    }

    /// The packet budgets of the XDP program.
    ///
    /// # Errors
    /// Their map can't be opened.
    pub fn budgets(&self) -> Result<xdp::Budgets, xdp::Error> {
        self.with_xdp(|xdp| xdp.budgets())
    }

    /// The counters of the XDP program.
    ///
    /// # Errors
    /// Its map can't be opened.
    pub fn counters(&self) -> Result<Counters, xdp::Error> {
        self.with_xdp(|xdp| xdp.counters())
    }

    /// In which mode the XDP program runs on each port, by the port's interface.
    #[must_use]
    pub fn modes(&self) -> Vec<(String, xdp::Mode)> {
        self.with_xdp(|xdp| {
            let mode = |port: &xdp::Port| (port.interface.name.clone(), port.mode);
            xdp.ports().iter().map(mode).collect()
        })
    }

    /// Interfaces that the XDP program is not on now, though it was put there.
    #[must_use]
    pub fn bare(&self) -> Vec<String> {
        let is_bare = |xdp: &Xdp, link: u32, side: abi::Side| {
            !matches!(xdp.standing(link, side), Ok(xdp::Standing::InPlace))
        };
        self.with_xdp(|xdp| {
            let mut bare = Vec::new();
            for (link, LinkStatus { names, .. }) in (0..).zip(&self.links) {
                for (side, name) in [
                    (abi::Side::Inside, &names.inside),
                    (abi::Side::Outside, &names.outside),
                ] {
                    if is_bare(xdp, link, side) {
                        bare.push(name.clone());
                    }
                }
            }
            bare
        })
    }

    /// Sees to it that the XDP program stays when the process ends.
    ///
    /// # Errors
    /// Its pins were removed, and can't be made anew.
    pub fn keep_pins(&self) -> Result<(), xdp::Error> {
        self.with_xdp(|xdp| xdp.keep_pins().map(drop))
    }

    /// Has the XDP program work by new settings: after a reload of the configuration. Links and the
    /// heartbeat are those of the start.
    ///
    /// # Errors
    /// A map can't be written.
    pub fn configure(&self, program: &xdp::Settings) -> Result<(), xdp::Error> {
        self.with_xdp(|xdp| xdp.configure(program))
    }

    /// Stops the workers without losing a frame: sockets are withdrawn first, then what they hold is
    /// sent out. Takes some ten milliseconds.
    ///
    /// # Errors
    /// The XDP program was to be detached and can't be.
    pub fn stop(mut self, leave: Leave) -> Result<(), xdp::Error> {
        self.halt();
        let xdp = self.xdp.take().and_then(SharedXdp::into_inner);
        match (leave, xdp) {
            (Leave::Nothing, Some(xdp)) => xdp.detach(),
            _ => Ok(()),
        }
    }

    fn with_xdp<T>(&self, ask: impl FnOnce(&mut Xdp) -> T) -> T {
        let xdp = self.xdp.as_ref().expect("only `stop` takes it, at the end");
        ask(&mut xdp.lock())
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        if let Some(supervisor) = self.supervisor.take()
            && supervisor.join().is_err()
        {
            // The panic's own message is on standard error.
            error!("the supervisor of the links panicked");
        }
    }
}

impl Drop for Dataplane {
    fn drop(&mut self) {
        self.halt();
    }
}

/// That nobody else's XDP program is on an interface: before anything about one is changed.
fn check_free(links: &[LinkNames], claim: &Claim) -> Result<(), StartError> {
    let names = links.iter().flat_map(|link| [&link.inside, &link.outside]);
    for name in names {
        let found =
            Interface::by_name(name).map_err(StartError::system("asking for an interface"))?;
        if let Some(interface) = found {
            claim.check(&as_port(&interface))?;
        }
    }
    Ok(())
}

/// Checks all links. What is found is logged; what forbids to start is the error, all of it.
fn check(links: &[LinkNames]) -> Result<Vec<Finding>, StartError> {
    let names = links
        .iter()
        .map(|LinkNames { inside, outside }| [inside.as_str(), outside]);
    let mut findings =
        checks::check_links(names).map_err(StartError::system("checking the interfaces"))?;
    findings
        .iter()
        .filter(|finding| !finding.is_fatal())
        .for_each(Finding::log);
    if findings.iter().any(Finding::is_fatal) {
        findings.retain(Finding::is_fatal);
        return Err(StartError::Interfaces(findings));
    }
    Ok(findings)
}

/// The interfaces of all links; they were there when checked a moment ago.
fn find(links: &[LinkNames]) -> Result<Vec<[Interface; 2]>, StartError> {
    let by_name = |name: &str| {
        Interface::by_name(name)
            .and_then(|found| found.ok_or_else(|| io::Error::from(Errno::NODEV)))
            .map_err(StartError::system("asking for an interface"))
    };
    links
        .iter()
        .map(|names| Ok([by_name(&names.inside)?, by_name(&names.outside)?]))
        .collect()
}

fn as_link([inside, outside]: &[Interface; 2]) -> xdp::Link {
    xdp::Link {
        inside: as_port(inside),
        outside: as_port(outside),
    }
}

fn as_port(interface: &Interface) -> xdp::Interface {
    xdp::Interface {
        name: interface.name.clone(),
        index: interface.index,
    }
}

/// Puts all links to work whose interfaces are up.
fn start_links<O: Observer>(
    settings: &Settings,
    ends: &[[Interface; 2]],
    xdp: &mut Xdp,
    workshop: &mut Workshop<O>,
) -> Result<Vec<Link>, StartError> {
    let mut links = Vec::with_capacity(ends.len());
    for (index, (names, ends)) in (0_u16..).zip(settings.links.iter().zip(ends)) {
        let failed = |source: LinkError| StartError::Link {
            link: names.clone(),
            source: Box::new(source),
        };
        let link = Link::new(index, names.clone(), ends).map_err(|source| {
            failed(LinkError::System {
                what: "asking for queues",
                source,
            })
        })?;
        links.push((link, ends, names));
    }
    for port in xdp.ports() {
        report_mode(port).map_err(|source| StartError::Link {
            link: settings.links[port.link as usize].clone(),
            source: Box::new(source),
        })?;
    }
    for at in 0..links.len() {
        let (link, ends, names) = &mut links[at];
        if !ends.iter().all(|end| end.up) {
            continue;
        }
        if let Err(source) = link.start(ends, xdp, workshop) {
            let link = names.clone();
            for (link, ..) in &mut links[..at] {
                link.stop(xdp, Phase::Stop);
            }
            let source = Box::new(source);
            return Err(StartError::Link { link, source });
        }
    }
    Ok(links.into_iter().map(|(link, ..)| link).collect())
}

/// Takes the XDP program off again after a start that failed, unless it was there before.
fn undo(xdp: Xdp, error: StartError) -> StartError {
    if xdp.ports().iter().any(|port| port.adopted) {
        return error;
    }
    match xdp.detach() {
        Ok(()) => error,
        Err(problem) => {
            error!("the XDP program can't be taken off again: {problem}");
            error
        }
    }
}
