//! The gateway from its start to its end.
//!
//! Order of a start: everything that can be refused without touching an interface comes first (the
//! files, the machine, the pins, the port of the metrics, the events file), then the data plane, then what
//! reports on it. A stop goes the other way round.

mod keeping;
mod serve;
mod visits;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use inspect::{Inspector, Seed};
use jiff::Timestamp;
use policy::{Config, OnFailure};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::absence::{self, Absences};
use super::bans::{self, Keeper, Lists, Order};
use super::budgets;
use super::events::{Destination, Policies, Writer, WriterError};
use super::http::{self, BindError};
use super::load::{self, Loaded, Unusable};
use super::logs::{self, LogError};
use super::metrics::{ControlCounts, LinkWorkers, Metrics, ReadXdp, XdpCount};
use super::office::{self, Office};
use super::preflight::{self, PreflightError};
use super::reload::Reloader;
use super::reporter::{Interfaces, Reporter};
use super::signals::Signals;
use crate::dataplane::xdp::{self, Claim};
use crate::dataplane::{self, Dataplane, Inspection, LinkStatus, clock};

use keeping::BanThread;

/// Why the gateway can't run; each text names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration or its packs.
    #[error(transparent)]
    Files(#[from] Unusable),
    /// The log's filter.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The machine.
    #[error(transparent)]
    Machine(#[from] PreflightError),
    /// The metrics' port.
    #[error(transparent)]
    Metrics(#[from] BindError),
    /// The control socket.
    #[error(transparent)]
    Control(#[from] office::BindError),
    /// The events file.
    #[error(transparent)]
    Events(#[from] WriterError),
    /// Interfaces, XDP and sockets.
    #[error(transparent)]
    Dataplane(Box<dataplane::StartError>),
    /// The maps of the XDP program.
    #[error(transparent)]
    Xdp(Box<xdp::Error>),
    /// Anything else the system refuses.
    #[error("{doing}: {error}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl From<dataplane::StartError> for RunError {
    fn from(error: dataplane::StartError) -> Self {
        Self::Dataplane(Box::new(error))
    }
}

impl From<xdp::Error> for RunError {
    fn from(error: xdp::Error) -> Self {
        Self::Xdp(Box::new(error))
    }
}

/// Runs the gateway with the configuration at `path` until it is told to stop.
///
/// # Errors
///
/// It can't start.
pub fn run(path: &Path) -> Result<(), RunError> {
    let loaded = load::load(path)?;
    logs::start(&loaded.config.log.level, loaded.config.log.format)?;
    if !loaded.warnings.is_empty() {
        tracing::warn!("{}", loaded.warnings.to_string().trim_end());
    }
    let mut settings = dataplane::Settings::from(&loaded.config);
    settings.program = xdp::Settings::of(&loaded.config, &loaded.policy);
    preflight::check()?;
    preflight::raise_locked_memory();
    let claim = claim(&settings.pin_dir)?;
    let runtime = runtime()?;
    let _entered = runtime.enter();
    let signals = Signals::listen().map_err(system("listening for signals"))?;
    let doors = Doors {
        listener: bind(&runtime, &loaded.config)?,
        office: open_office(&loaded.config)?,
        signals,
    };
    let gateway = Gateway::start(path, loaded, &settings, claim)?;
    runtime.block_on(gateway.serve(doors))
}

/// The pins, and a warning if they don't last.
fn claim(dir: &Path) -> Result<Claim, xdp::Error> {
    let claim = Claim::take(dir)?;
    if claim.is_short_lived() {
        let dir = claim.dir().display();
        tracing::warn!(
            "{dir} is on a bpffs of this mount namespace alone, as under `ip netns exec`: the XDP \
             program goes with the last process here, and nothing joins the interfaces then, whatever \
             on_failure says; start the gateway by `nsenter --net=/run/netns/NAME` instead, with \
             `mount -t bpf bpf /sys/fs/bpf` done outside"
        );
    }
    Ok(claim)
}

/// One thread is plenty for scrapes and signals, and leaves the processors to the workers.
fn runtime() -> Result<Runtime, RunError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("starting tokio"))
}

fn bind(runtime: &Runtime, config: &Config) -> Result<Option<TcpListener>, RunError> {
    let address = config.metrics.listen;
    Ok(address
        .map(|address| runtime.block_on(http::bind(address)))
        .transpose()?)
}

fn open_office(config: &Config) -> Result<Option<Office>, office::BindError> {
    let socket = config.control.socket.as_deref();
    socket.map(|path| Office::open(Path::new(path))).transpose()
}

/// Where the gateway can be spoken to from outside.
struct Doors {
    listener: Option<TcpListener>,
    office: Option<Office>,
    signals: Signals,
}

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |error| RunError::System { doing, error }
}

/// A running gateway.
struct Gateway {
    dataplane: Dataplane,
    events: Writer,
    bans: BanThread,
    metrics: Arc<Metrics>,
    inspector: Arc<Inspector>,
    reloader: Reloader,
    keeper: SyncSender<Order>,
    started: Instant,
    counts: Arc<ControlCounts>,
    absences: Arc<Absences>,
    /// The burst of budgets, for who watches over them.
    burst_ns: Arc<AtomicU64>,
    on_failure: OnFailure,
    stale_after: Duration,
}

impl Gateway {
    fn start(
        path: &Path,
        loaded: Loaded,
        settings: &dataplane::Settings,
        claim: Claim,
    ) -> Result<Self, RunError> {
        let Loaded {
            config,
            policy,
            sources,
            feeds,
            files,
            ..
        } = loaded;
        let policy = Arc::new(policy);
        let inspector = Inspector::new(config.limits, Arc::clone(&policy), random_seed()?);
        inspector.lose_sight(clock::now());
        set_wall_clock(&inspector);
        let inspector = Arc::new(inspector);
        let policies = Arc::new(Policies::default());
        policies.remember(inspector.gauges().generation, Arc::clone(&policy));

        let (queue, mut events) = Writer::start(Destination::named(config.events.file.as_deref()))?;
        let (keeper, orders) = bans::channel();
        let interfaces = Arc::new(Interfaces::of(&config.links));
        let reporter = Reporter::new(queue, keeper.clone(), Arc::clone(&policies), interfaces);
        let inspection = Inspection::Full(Arc::clone(&inspector));
        let dataplane = Dataplane::start(settings, claim, inspection, move |_| reporter.clone())?;
        // From here on frames cross, and what is seen of them stays.
        events.keep_file();

        let counts = Arc::new(ControlCounts::default());
        let keeping = Keeper::new(
            dataplane.block_list()?,
            Arc::clone(&policies),
            Arc::clone(&counts),
        );
        let first = Lists {
            sources,
            feeds,
            unread: None,
            asker: None,
        };
        let burst_ns = Arc::new(AtomicU64::new(settings.program.port.budget.burst_ns));
        let budgets = budgets::Watch::new(
            dataplane.budgets()?,
            read_xdp(&dataplane)?,
            Arc::clone(&burst_ns),
        );
        let stale_after = Duration::from_nanos(settings.program.port.stale_after_ns);
        let absences = Arc::new(Absences::default());
        let absent = absence::Watch::new(
            dataplane.links(),
            read_xdp(&dataplane)?,
            stale_after,
            Arc::clone(&absences),
        );
        // The keeper has the other end.
        drop(keeper.send(Order::Lists(first)));
        let bans = BanThread::spawn(keeping, orders, budgets, absent)?;
        let metrics = Arc::new(Metrics::new(
            dataplane.links().iter().map(link_workers).collect(),
            Arc::clone(&inspector),
            &policy,
            events.counts(),
            Arc::clone(&counts),
            read_xdp(&dataplane)?,
        ));
        let on_failure = config.on_failure;
        let reloader = Reloader::new(
            (path, files),
            config,
            Arc::clone(&inspector),
            policies,
            Arc::clone(&metrics),
            Arc::clone(&counts),
            keeper.clone(),
        );
        Ok(Self {
            dataplane,
            events,
            bans,
            metrics,
            inspector,
            reloader,
            keeper,
            started: Instant::now(),
            counts,
            absences,
            burst_ns,
            on_failure,
            stale_after,
        })
    }
}

fn link_workers(link: &LinkStatus) -> LinkWorkers {
    LinkWorkers {
        inside: link.names.inside.clone(),
        outside: link.names.outside.clone(),
        workers: link.workers.clone(),
        hold: Arc::clone(&link.hold),
    }
}

/// A reader of the XDP program's counters, by interface.
fn read_xdp(dataplane: &Dataplane) -> Result<ReadXdp, RunError> {
    let counters = dataplane.counters()?;
    let names: Vec<_> = dataplane
        .links()
        .iter()
        .map(|link| link.names.clone())
        .collect();
    Ok(Box::new(move || {
        let ports = (0_u32..).zip(&names).flat_map(|(link, names)| {
            [
                (link, abi::Side::Inside, &names.inside),
                (link, abi::Side::Outside, &names.outside),
            ]
        });
        let mut counts = Vec::new();
        for (link, side, interface) in ports {
            match counters.read(link, side) {
                Ok(outcomes) => {
                    counts.extend(outcomes.into_iter().map(|(outcome, count)| XdpCount {
                        interface: interface.clone(),
                        outcome: outcome.name(),
                        reason: outcome.reason(),
                        frames: count.frames,
                    }))
                }
                Err(error) => tracing::warn!(%interface, %error, "the XDP counters can't be read"),
            }
        }
        counts
    }))
}

/// Tells the inspector what the clock on the wall shows.
fn set_wall_clock(inspector: &Inspector) {
    let unix_ns = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    inspector.set_wall_clock(clock::now(), unix_ns);
}

/// A seed nobody can guess: cookies and hash keys hang on it.
fn random_seed() -> Result<Seed, RunError> {
    let mut seed = [0; 32];
    let filled = getrandom(&mut seed, GetRandomFlags::empty());
    match filled {
        Ok(len) if len == seed.len() => Ok(Seed(seed)),
        Ok(_) => Err(system("drawing a seed")(
            io::ErrorKind::UnexpectedEof.into(),
        )),
        Err(errno) => Err(system("drawing a seed")(errno.into())),
    }
}
