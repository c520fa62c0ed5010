//! The gateway reduced to its inspector: frames in at one end, frames out at either.

use std::sync::Arc;
use std::time::Duration;

use inspect::{Frame, Inspector, Instant, Limits, Outcome, Port, Seed, Verdict};
use policy::{Config, Policy, Side, SourceText};

use super::Recorder;

/// An inspector with its clock and a record of what it told.
#[derive(Debug)]
pub struct Gateway {
    /// The inspector.
    pub inspector: Inspector,
    /// The time of the next frame.
    pub now: Instant,
    /// What it told so far.
    pub record: Recorder,
}

/// What came of one frame.
#[derive(Debug)]
pub struct Passage {
    /// The inspector's own words.
    pub outcome: Outcome,
    /// What left the gateway, in order.
    pub out: Vec<Departed>,
}

/// A frame that left the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departed {
    /// By which end.
    pub side: Side,
    /// Its bytes.
    pub frame: Vec<u8>,
}

impl Gateway {
    /// A gateway under `policy`, with the limits of its defaults.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Self {
        Self::with_limits(policy, Limits::default())
    }

    /// A gateway under `policy` and `limits`.
    #[must_use]
    pub fn with_limits(policy: Arc<Policy>, limits: Limits) -> Self {
        Self {
            inspector: Inspector::new(limits, policy, Seed::fixed(1)),
            now: Instant::from_secs(1),
            record: Recorder::default(),
        }
    }

    /// A gateway under a configuration and one rule pack, both as text.
    ///
    /// # Panics
    /// When either has an error; it is in the message.
    #[must_use]
    pub fn of(config: &str, pack: &str) -> Self {
        Self::new(policy_of(config, pack))
    }

    /// Carries a frame that came in at `side` of link 0.
    pub fn carry(&mut self, side: Side, frame: &[u8]) -> Passage {
        let port = Port { link: 0, side };
        let mut bytes = frame.to_vec();
        let mut frame = Frame::whole(&mut bytes);
        let told = self.record.injected.len();
        let outcome = self
            .inspector
            .handle_frame(self.now, port, &mut frame, &mut self.record);
        let mut out = Vec::new();
        if outcome.forward {
            out.push(Departed {
                side: side.opposite(),
                frame: frame.as_slice().to_vec(),
            });
        }
        let injected = self.record.injected[told..].iter();
        out.extend(injected.map(|(port, frame)| Departed {
            side: port.side,
            frame: frame.clone(),
        }));
        Passage { outcome, out }
    }

    /// Lets time pass, and does what is due by then.
    pub fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        while let Some((due, _)) = self.inspector.poll_timeout() {
            if due > self.now {
                break;
            }
            self.inspector.handle_timeout(self.now, &mut self.record);
        }
    }
}

/// Compiles a configuration and one rule pack.
///
/// # Panics
/// When either has an error; it is in the message.
#[must_use]
pub fn policy_of(config: &str, pack: &str) -> Arc<Policy> {
    let config = SourceText::new("weir.toml", config);
    let config = Config::parse(&config).unwrap_or_else(|problems| panic!("{problems}"));
    let pack = SourceText::new("pack.toml", pack);
    let policy = Policy::compile(&config, &[pack]).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(policy)
}

impl Passage {
    /// The verdict, for short assertions.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.outcome.verdict
    }

    /// The code of the detection behind the verdict.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        self.outcome.reason.map(|reason| reason.code())
    }

    /// Asserts that the frame was dropped for a reason.
    ///
    /// # Panics
    /// When it wasn't.
    pub fn assert_dropped(&self, reason: &str) {
        let fate = (self.verdict(), self.reason(), self.outcome.forward);
        assert_eq!(fate, (Verdict::Drop, Some(reason), false));
    }

    /// What left by `side`.
    #[must_use]
    pub fn toward(&self, side: Side) -> Vec<&[u8]> {
        let of_side = self.out.iter().filter(|departed| departed.side == side);
        of_side.map(|departed| &*departed.frame).collect()
    }
}
