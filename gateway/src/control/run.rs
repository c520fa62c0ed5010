//! The gateway from its start to its end.
//!
//! Order of a start: everything that can be refused without touching an interface comes first (the
//! files, the machine, the port of the metrics, the events file), then the data plane, then what
//! reports on it. A stop goes the other way round.

use std::io;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use inspect::{Inspector, Seed};
use policy::{Config, OnFailure};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::bans::{self, Keeper, Lists, Orders};
use super::budgets::Watch;
use super::events::{Destination, Policies, Writer, WriterError};
use super::health::Health;
use super::http::{self, BindError};
use super::load::{self, Loaded, Unusable};
use super::logs::{self, LogError};
use super::metrics::{ControlCounts, LinkWorkers, Metrics, ReadXdp, XdpCount};
use super::notify::{self, State};
use super::preflight::{self, PreflightError};
use super::reload::Reloader;
use super::reporter::{Interfaces, Reporter};
use super::signals::{Request, Signals};
use crate::build_info;
use crate::dataplane::{self, Dataplane, Inspection, Leave, LinkStatus, clock, xdp};

/// How long a stop waits for the events that are still queued.
const EVENTS_PATIENCE: Duration = Duration::from_secs(2);

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
    let mut settings = dataplane::Settings::try_from(&loaded.config)?;
    settings.program = xdp::Settings::of(&loaded.config, &loaded.policy);
    preflight::check()?;
    preflight::raise_locked_memory();
    let runtime = runtime()?;
    let _entered = runtime.enter();
    let signals = Signals::listen().map_err(system("listening for signals"))?;
    let listener = bind(&runtime, &loaded.config)?;
    let gateway = Gateway::start(path, loaded, &settings)?;
    runtime.block_on(gateway.serve(listener, signals))
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

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |error| RunError::System { doing, error }
}

/// A running gateway.
struct Gateway {
    dataplane: Dataplane,
    events: Writer,
    bans: BanThread,
    metrics: Arc<Metrics>,
    reloader: Reloader,
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
    ) -> Result<Self, RunError> {
        let Loaded {
            config,
            policy,
            sources,
            feeds,
            ..
        } = loaded;
        let policy = Arc::new(policy);
        let inspector = Inspector::new(config.limits, Arc::clone(&policy), random_seed()?);
        inspector.lose_sight(clock::now());
        let inspector = Arc::new(inspector);
        let policies = Arc::new(Policies::default());
        policies.remember(inspector.gauges().generation, Arc::clone(&policy));

        let (queue, events) = Writer::start(Destination::named(config.events.file.as_deref()))?;
        let (ban, list, orders) = bans::channels();
        let interfaces = Arc::new(Interfaces::of(&config.links));
        let reporter = Reporter::new(queue, ban, Arc::clone(&policies), interfaces);
        let inspection = Inspection::Full(Arc::clone(&inspector));
        let dataplane = Dataplane::start(settings, inspection, move |_| reporter.clone())?;

        let counts = Arc::new(ControlCounts::default());
        let keeper = Keeper::new(dataplane.block_list()?, Arc::clone(&counts));
        let first = Lists {
            sources,
            feeds,
            path: path.to_owned(),
        };
        let burst_ns = Arc::new(AtomicU64::new(settings.program.port.budget.burst_ns));
        let watch = Watch::new(
            dataplane.budgets()?,
            read_xdp(&dataplane)?,
            Arc::clone(&burst_ns),
        );
        // The keeper has the other end.
        drop(list.send(first));
        let bans = BanThread::spawn(keeper, orders, watch)?;
        let metrics = Arc::new(Metrics::new(
            dataplane.links().iter().map(link_workers).collect(),
            Arc::clone(&inspector),
            &policy,
            events.counts(),
            Arc::clone(&counts),
            read_xdp(&dataplane)?,
        ));
        let on_failure = config.on_failure;
        let shown = Arc::clone(&metrics);
        let reloader = Reloader::new(path, config, inspector, policies, shown, counts, list);
        Ok(Self {
            dataplane,
            events,
            bans,
            metrics,
            reloader,
            burst_ns,
            on_failure,
            stale_after: Duration::from_nanos(settings.program.port.stale_after_ns),
        })
    }

    /// Answers scrapes and signals until it is told to stop.
    async fn serve(
        self,
        listener: Option<TcpListener>,
        mut signals: Signals,
    ) -> Result<(), RunError> {
        if let Some(listener) = listener {
            let links = self.dataplane.links().to_vec();
            let health = Health::new(Arc::clone(&self.metrics), links, self.stale_after);
            tokio::spawn(http::serve(listener, Arc::new(health)));
        }
        tell(State::Ready);
        tracing::info!(
            version = build_info::VERSION,
            links = self.dataplane.links().len(),
            "started"
        );
        loop {
            match signals.next().await {
                Request::Stop => break,
                Request::Reopen => self.events.open_anew(),
                Request::Reload => {
                    self.events.open_anew();
                    self.reloader.reload(|config, policy| {
                        let settings = xdp::Settings::of(config, policy);
                        let burst_ns = settings.port.budget.burst_ns;
                        self.burst_ns.store(burst_ns, Ordering::Relaxed);
                        self.dataplane.configure(&settings)
                    });
                }
            }
        }
        self.stop(signals).await
    }

    /// Ends everything in order; a second request to stop ends the process at once.
    async fn stop(self, mut signals: Signals) -> Result<(), RunError> {
        tell(State::Stopping);
        let stopping = tokio::task::spawn_blocking(move || self.end());
        tokio::select! {
            ended = stopping => ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
            () = second_stop(&mut signals) => {
                tracing::warn!("stopped at once, as asked a second time");
                process::exit(1)
            }
        }
    }

    fn end(self) -> Result<(), RunError> {
        // Frames first: from here on the kernel path has them.
        self.dataplane.stop(Leave::Attached)?;
        self.bans.stop();
        self.events.finish(EVENTS_PATIENCE);
        let does = match self.on_failure {
            OnFailure::Open => "forwards all frames uninspected (on_failure = \"open\")",
            OnFailure::Closed => "drops the services' frames (on_failure = \"closed\")",
        };
        tracing::info!(
            "stopped; the XDP program stays on the interfaces and {does}: `weir detach` removes it"
        );
        Ok(())
    }
}

/// The thread that keeps the block list.
struct BanThread {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl BanThread {
    fn spawn(
        keeper: Keeper<xdp::BlockList>,
        orders: Orders,
        mut watch: Watch,
    ) -> Result<Self, RunError> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("weir-bans".to_owned())
            .spawn(move || keeper.run(&orders, &told, || watch.look()))
            .map_err(system("starting a thread"))?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            // The panic's own message is on standard error.
            tracing::error!("the keeper of the block list panicked");
        }
    }
}

fn link_workers(link: &LinkStatus) -> LinkWorkers {
    LinkWorkers {
        inside: link.names.inside.clone(),
        outside: link.names.outside.clone(),
        workers: link.workers.clone(),
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

async fn second_stop(signals: &mut Signals) {
    while signals.next().await != Request::Stop {}
}

/// Tells the service manager; without one that listens there is nothing lost.
fn tell(state: State) {
    if let Err(error) = notify::notify(state) {
        tracing::warn!(%error, "the service manager can't be told");
    }
}
