//! `weir replay`: a capture through the same inspector the live data plane asks.
//!
//! The clock is the capture's. Whom a rule bans is kept out from the next frame on, and who stands on a list of
//! `[block]` all the while; budgets aren't kept. What else the XDP program would have kept from the inspector
//! (other ports, for one) is accepted by the inspector itself.

mod capture;
mod kept_out;
mod link;
mod output;
mod sides;
mod summary;

use std::io::Write;
use std::sync::Arc;

use inspect::{Count, Frame, Inspector, Instant, Port, Seed};

use super::{Failure, ReplayArguments, Status};
use crate::control::events::Policies;
use crate::control::load::{Loaded, load};
use crate::control::reporter::Interfaces;
use capture::{Capture, Captured};
use kept_out::{Cause, KeptOut};
use output::{Forwarded, Observed, Verdicts};
use sides::Sides;
use summary::Summary;

/// The same for every replay, so that two of them print the same.
const SEED: u64 = 0;
/// Room behind a frame, for an inspector that lengthens it.
const SLACK: usize = 256;

pub(super) fn run(arguments: &ReplayArguments, out: &mut impl Write) -> Result<Status, Failure> {
    let loaded = load(&arguments.config)?;
    let mut capture = Capture::open(&arguments.capture)?;
    let mut forwarded = arguments
        .out
        .as_deref()
        .map(Forwarded::create)
        .transpose()?;
    let mut replay = Replay::new(loaded, Sides::new(&arguments.inside), arguments.messages);
    let mut summary = Summary::new(replay.verdicts.policy());
    let mut cut = CutFrames::default();
    let mut buffer = Vec::new();
    // What can't be read any further is told of as far as it could be.
    let read_all = loop {
        let captured = match capture.read(&mut buffer) {
            Ok(Some(captured)) => captured,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        cut.look_at(&captured);
        let played = replay.play(&captured, &mut buffer);
        if let Some(forwarded) = &mut forwarded {
            forwarded.write(captured.time, &played)?;
        }
        if arguments.verdicts {
            replay.verdicts.write(&captured, &played, out)?;
        } else if arguments.summary {
            summary.add(&played.outcome, played.kept_out.is_some(), &played.counts);
        } else {
            out.write_all(&played.events)?;
        }
    };
    if let Some(forwarded) = forwarded {
        forwarded.finish()?;
    }
    if arguments.summary {
        write!(out, "{summary}")?;
    }
    out.flush()?;
    if let Some(warning) = cut.warning() {
        eprintln!("weir: {}: {warning}", arguments.capture.display());
    }
    if let Some(note) = replay.kept_out.note() {
        eprintln!("weir: {}: {note}", arguments.capture.display());
    }
    read_all?;
    Ok(Status::Fine)
}

/// The inspector and what surrounds it.
struct Replay {
    inspector: Inspector,
    policies: Policies,
    interfaces: Interfaces,
    sides: Sides,
    verdicts: Verdicts,
    kept_out: KeptOut,
    /// Whether messages are told of one by one.
    messages: bool,
    now: Instant,
}

/// What came of one frame.
struct Played<'a> {
    outcome: inspect::Outcome,
    /// Why the inspector didn't get to see it.
    kept_out: Option<Cause>,
    /// The frame as the inspector left it, if it goes on.
    forwarded: Option<&'a [u8]>,
    /// What leaves after it.
    injected: Vec<Vec<u8>>,
    /// Event lines.
    events: Vec<u8>,
    /// What was counted.
    counts: Vec<Count>,
}

impl Replay {
    fn new(loaded: Loaded, sides: Sides, messages: bool) -> Self {
        let Loaded {
            config,
            policy,
            sources,
            ..
        } = loaded;
        let policy = Arc::new(policy);
        let inspector = Inspector::new(config.limits, Arc::clone(&policy), Seed::fixed(SEED));
        // A capture's time stamps are those of the wall.
        inspector.set_wall_clock(Instant::ZERO, 0);
        let policies = Policies::default();
        policies.remember(inspector.gauges().generation, Arc::clone(&policy));
        Self {
            inspector,
            policies,
            interfaces: Interfaces::of(&config.links),
            sides: sides.with_services(&config.services),
            verdicts: Verdicts::new(policy),
            kept_out: KeptOut::new(&sources, &config.services, config.mode),
            messages,
            now: Instant::ZERO,
        }
    }

    /// Lets time pass up to the frame, and has it judged.
    fn play<'a>(&mut self, captured: &Captured, buffer: &'a mut Vec<u8>) -> Played<'a> {
        let captured_at = u64::try_from(captured.time.as_nanos()).unwrap_or(u64::MAX);
        // Captures of several queues are not strictly in order; the inspector's time is.
        self.now = self.now.max(Instant(captured_at));
        let mut observed = Observed::new(&self.policies, &self.interfaces, self.messages);
        while self
            .inspector
            .poll_timeout()
            .is_some_and(|(due, _)| due <= self.now)
        {
            self.inspector.handle_timeout(self.now, &mut observed);
        }
        self.kept_out.ban(self.now, observed.bans.drain(..));
        // Who opened a flow is noted of all.
        let side = self.sides.side(buffer);
        if let Some(cause) = self.kept_out.cause(self.now, buffer) {
            return Played::kept_out(cause, observed);
        }
        let port = Port { link: 0, side };
        let len = buffer.len();
        buffer.resize(len + SLACK, 0);
        let mut frame = Frame::new(buffer, len);
        let outcome = self
            .inspector
            .handle_frame(self.now, port, &mut frame, &mut observed);
        let len = frame.len();
        let Observed {
            injected,
            events,
            counts,
            bans,
            ..
        } = observed;
        self.kept_out.ban(self.now, bans);
        Played {
            outcome,
            kept_out: None,
            forwarded: outcome.forward.then_some(&buffer[..len]),
            injected,
            events,
            counts,
        }
    }
}

impl Played<'_> {
    /// The inspector doesn't see the frame; what became due before it has been observed.
    fn kept_out(cause: Cause, observed: Observed<'_>) -> Self {
        let rule = match cause {
            Cause::Ban(rule) => Some(rule),
            Cause::List => None,
        };
        Self {
            outcome: inspect::Outcome {
                verdict: inspect::Verdict::Drop,
                forward: false,
                reason: None,
                rule,
                would: None,
            },
            kept_out: Some(cause),
            forwarded: None,
            injected: observed.injected,
            events: observed.events,
            counts: observed.counts,
        }
    }
}

/// Frames of which the capture holds only the beginning.
#[derive(Default)]
struct CutFrames {
    frames: u64,
    cut: u64,
    first: Option<Captured>,
}

impl CutFrames {
    fn look_at(&mut self, captured: &Captured) {
        self.frames += 1;
        if captured.is_cut() {
            self.cut += 1;
            self.first.get_or_insert(*captured);
        }
    }

    fn warning(&self) -> Option<String> {
        let first = self.first?;
        Some(format!(
            "{} of {} frames were cut when they were captured (the first: frame {}, {} of {} \
             bytes); what is said of them and their flows is about the missing bytes: capture \
             whole frames (`tcpdump -s 0`)",
            self.cut, self.frames, first.number, first.captured_len, first.original_len
        ))
    }
}
