//! The order of events: the same work and the same attacks, with a bridge and then with Weir.

use std::env;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::Options;
use super::attacks::{self, Attack};
use super::board::{Board, Cell, Kind, Row, Way};
use super::figures;
use super::interrupt::Interrupt;
use super::scene::Scene;
use super::screen::Screen;
use super::table::{self, Line, Look};
use super::work::{self, Telemetry};
use crate::netns::peers::{Gateway, Setup};
use crate::netns::{Error, Family, Spec, Topology};

const LABEL: &str = "demo";
/// How often logs are looked at while everything is left running, and how long they may be.
const LOOK_AT_LOGS: Duration = Duration::from_secs(10);
const LOG_BYTES: u64 = 16 << 20;
const TELEMETRY: &str = "reports during the attacks";

/// Why a performance ended early.
#[derive(Debug)]
pub(super) enum Ended {
    Interrupted,
    Environment(Error),
    Output(io::Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Environment(error)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// One performance.
#[derive(Debug)]
pub(super) struct Play {
    options: Options,
    interrupt: Interrupt,
    started: Instant,
    board: Board,
    screen: Screen,
}

impl Play {
    pub(super) fn new(options: Options, interrupt: Interrupt) -> Self {
        let work = work::ALL.iter().map(|job| job.name).chain([TELEMETRY]);
        let attacks = attacks::ALL.iter();
        let board = Board {
            rows: work
                .map(|name| Row::new(Kind::Work, name, ""))
                .chain(attacks.map(|attack| Row::new(Kind::Attack, attack.name, attack.gain)))
                .collect(),
            way: Way::Without,
            status: String::new(),
        };
        let lines = table::lines(&board, table::MIN_WIDTH).len();
        Self {
            options,
            interrupt,
            started: Instant::now(),
            board,
            screen: Screen::new(lines),
        }
    }

    /// Performs, and says whether all went as it should.
    pub(super) fn perform(mut self) -> Result<bool, Ended> {
        self.status("making namespaces, starting Mosquitto and libcoap")?;
        let scene = Scene::start(Topology::build(&Spec {
            label: LABEL,
            ..Spec::default()
        })?)?;
        let bridge = scene.topology.bridge()?;
        self.act(Way::Without, &scene, None)?;
        drop(bridge);

        self.status("starting Weir in place of the bridge")?;
        let weir = env::current_exe()?;
        let rules = attacks::rules();
        let mut setup = Setup::new(&weir, &rules);
        setup.more = attacks::TLS_ZONE;
        let gateway = Gateway::start(&scene.topology, &setup)?;
        self.act(Way::With, &scene, Some(&gateway))?;

        self.judge();
        self.board.status = format!("done in {} s", self.started.elapsed().as_secs());
        self.screen.finish(&self.board)?;
        let width = self.screen.width();
        self.screen
            .say(&figures::lines(&gateway.metrics()?, width))?;
        let fine = self.summary()?;
        if self.options.keep {
            let _telemetry = Telemetry::start(&scene.topology, &scene.broker)?;
            let attacker = scene.topology.give_attacker_a_fresh_address(Family::V4)?;
            let entries = figures::exploring(&scene, &gateway, attacker);
            self.screen.say(&entries)?;
            while !self.interrupt.wait(LOOK_AT_LOGS) {
                scene.topology.state().bound_logs(LOG_BYTES)?;
            }
        }
        Ok(fine)
    }

    /// Everybody does what they do, that way.
    fn act(&mut self, way: Way, scene: &Scene, gateway: Option<&Gateway<'_>>) -> Result<(), Ended> {
        self.board.way = way;
        let telemetry = Telemetry::start(&scene.topology, &scene.broker)?;
        self.status(match way {
            Way::Without => "a bridge joins the ports: devices at work",
            Way::With => "Weir joins the ports: devices at work",
        })?;
        self.work(way, scene)?;
        for (index, attack) in attacks::ALL.iter().enumerate() {
            self.check_interrupt()?;
            self.attack(way, scene, gateway, work::ALL.len() + 1 + index, attack)?;
        }
        let (sent, arrived) = telemetry.finish()?;
        let cell = Cell::Done {
            good: arrived == sent && sent > 0,
            seen: format!("{arrived} of {sent} arrived"),
        };
        self.set(work::ALL.len(), way, cell)
    }

    /// All kinds of work at once, as a plant does.
    fn work(&mut self, way: Way, scene: &Scene) -> Result<(), Ended> {
        self.check_interrupt()?;
        for at in 0..=work::ALL.len() {
            self.board.rows[at].set(way, Cell::Running);
        }
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for (at, job) in work::ALL.iter().enumerate() {
                let sender = sender.clone();
                scope.spawn(move || {
                    // Nobody receives any more once another job has met an error.
                    let _ = sender.send((at, job.run(scene, Family::V4)));
                });
            }
            drop(sender);
            for (at, outcome) in receiver {
                let outcome = outcome?;
                let cell = Cell::Done {
                    good: outcome.works,
                    seen: outcome.seen,
                };
                self.set(at, way, cell)?;
            }
            Ok(())
        })
    }

    fn attack(
        &mut self,
        way: Way,
        scene: &Scene,
        gateway: Option<&Gateway<'_>>,
        at: usize,
        attack: &Attack,
    ) -> Result<(), Ended> {
        self.board.rows[at].set(way, Cell::Running);
        self.status(&format!("attack: {}", attack.name))?;
        let watch = gateway
            .map(|gateway| attack.explanation.watch(gateway))
            .transpose()?;
        let observation = attack.run(scene, Family::V4)?;
        if let Some(watch) = watch {
            self.board.rows[at].why = watch.explanation()?;
        }
        let cell = Cell::Done {
            good: !observation.succeeded,
            seen: observation.seen,
        };
        self.set(at, way, cell)
    }

    /// Compares both ways: work works in either; an attack succeeds without, fails with, and the
    /// gateway says why.
    fn judge(&mut self) {
        for row in &mut self.board.rows {
            let good = |cell: &Cell| matches!(cell, Cell::Done { good: true, .. });
            let (without, with) = (good(&row.without), good(&row.with));
            row.as_expected = Some(match row.kind {
                Kind::Work => without && with,
                Kind::Attack => !without && with && row.why.is_some(),
            });
        }
    }

    /// What the operator gains, in one sentence, and what went wrong.
    fn summary(&self) -> Result<bool, Ended> {
        let attacks = self.board.attacks();
        let [without, with] = [Way::Without, Way::With].map(|way| self.board.successes(way));
        let failures: Vec<&Row> = self.board.failures().collect();
        let look = match failures.is_empty() {
            true => Look::Good,
            false => Look::Bad,
        };
        let mut lines = vec![
            Line::default(),
            Line::new(
                look,
                format!(
                    "  {without} of {attacks} attacks reached their target without Weir, {with} with it."
                ),
            ),
        ];
        for row in &failures {
            let problem = match row.kind {
                Kind::Work => "did not work both ways",
                Kind::Attack if row.why.is_none() => "the gateway doesn't say why it was stopped",
                Kind::Attack => "did not go as expected",
            };
            lines.push(Line::new(Look::Bad, format!("  {}: {problem}", row.name)));
        }
        self.screen.say(&lines)?;
        Ok(failures.is_empty())
    }

    fn set(&mut self, at: usize, way: Way, cell: Cell) -> Result<(), Ended> {
        self.board.rows[at].set(way, cell);
        let row = &self.board.rows[at];
        Ok(self.screen.update(&self.board, Some((row, way)))?)
    }

    fn status(&mut self, status: &str) -> Result<(), Ended> {
        self.check_interrupt()?;
        status.clone_into(&mut self.board.status);
        Ok(self.screen.update(&self.board, None)?)
    }

    fn check_interrupt(&self) -> Result<(), Ended> {
        match self.interrupt.wanted() {
            true => Err(Ended::Interrupted),
            false => Ok(()),
        }
    }
}
