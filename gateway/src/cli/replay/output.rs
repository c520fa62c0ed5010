//! What a replay puts out: events, verdicts, and the frames that would have gone on.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use inspect::{Count, Event, EventKind, Port, Sink, Verdict};
use jiff::Timestamp;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{PcapError, TsResolution};
use policy::{Ban, Policy, Reason, RuleIndex};
use serde::Serialize;

use super::Played;
use super::capture::Captured;
use super::kept_out::Cause;
use crate::control::events::{self, Place, Policies};
use crate::control::reporter::Interfaces;

/// Longest frame written; a larger one can't be read back by common tools.
const SNAPLEN: u32 = 262_144;

/// Collects what the inspector tells during one frame.
pub(super) struct Observed<'a> {
    policies: &'a Policies,
    interfaces: &'a Interfaces,
    /// Whether messages are told of one by one.
    messages: bool,
    pub(super) injected: Vec<Vec<u8>>,
    pub(super) events: Vec<u8>,
    pub(super) counts: Vec<Count>,
    pub(super) bans: Vec<(Ban, RuleIndex)>,
}

impl<'a> Observed<'a> {
    pub(super) fn new(policies: &'a Policies, interfaces: &'a Interfaces, messages: bool) -> Self {
        Self {
            policies,
            interfaces,
            messages,
            injected: Vec::new(),
            events: Vec::new(),
            counts: Vec::new(),
            bans: Vec::new(),
        }
    }
}

impl Sink for Observed<'_> {
    const TAKES_MESSAGES: bool = true;

    fn event(&mut self, event: &Event<'_>) {
        if event.kind == EventKind::Message && !self.messages {
            return;
        }
        let place = Place {
            time: Timestamp::from_nanosecond(event.at.0.into()).unwrap_or(Timestamp::MAX),
            interface: self.interfaces.name(event.port),
            policies: self.policies,
        };
        events::write(event, &place, &mut self.events);
    }

    fn inject(&mut self, _port: Port, frame: &[u8]) {
        self.injected.push(frame.to_vec());
    }

    fn ban(&mut self, ban: Ban, rule: RuleIndex, _generation: u64) {
        self.bans.push((ban, rule));
    }

    fn count(&mut self, count: Count) {
        self.counts.push(count);
    }
}

/// Writes `--verdicts` lines.
pub(super) struct Verdicts {
    policy: Arc<Policy>,
}

#[derive(Serialize)]
struct VerdictLine<'a> {
    frame: u64,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<&'static str>,
    /// Why the inspector didn't get to see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_out: Option<&'static str>,
    /// Bytes captured of a frame that was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    captured: Option<usize>,
}

impl Verdicts {
    pub(super) fn new(policy: Arc<Policy>) -> Self {
        Self { policy }
    }

    /// The rules that are asked.
    pub(super) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy)
    }

    pub(super) fn write(
        &self,
        captured: &Captured,
        played: &Played<'_>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let outcome = &played.outcome;
        let rule = outcome
            .rule
            .and_then(|index| self.policy.rules().get(index.as_usize()));
        let line = VerdictLine {
            frame: captured.number,
            verdict: outcome.verdict.name(),
            reason: outcome.reason.map(Reason::code),
            rule: rule.map(|rule| rule.id.as_str()),
            would: outcome.would.map(Verdict::name),
            kept_out: played.kept_out.map(Cause::name),
            captured: captured.is_cut().then_some(captured.captured_len),
        };
        serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
        out.write_all(b"\n")
    }
}

/// The capture of what would have been forwarded, Ethernet with nanoseconds.
pub(super) struct Forwarded {
    path: PathBuf,
    writer: PcapWriter<BufWriter<File>>,
}

/// The capture of forwarded frames can't be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub(super) struct ForwardedError {
    path: PathBuf,
    reason: String,
}

impl Forwarded {
    pub(super) fn create(path: &Path) -> Result<Self, ForwardedError> {
        let failed = |reason: String| ForwardedError {
            path: path.to_owned(),
            reason,
        };
        let file = File::create(path).map_err(|error| failed(error.to_string()))?;
        let header = PcapHeader {
            snaplen: SNAPLEN,
            ts_resolution: TsResolution::NanoSecond,
            ..PcapHeader::default()
        };
        let writer = PcapWriter::with_header(BufWriter::new(file), header)
            .map_err(|error| failed(reason(&error)))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
        })
    }

    /// Writes the frame, if it goes on, and what was injected after it.
    pub(super) fn write(
        &mut self,
        time: Duration,
        played: &Played<'_>,
    ) -> Result<(), ForwardedError> {
        let injected = played.injected.iter().map(Vec::as_slice);
        for frame in played.forwarded.into_iter().chain(injected) {
            let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
            self.writer
                .write_packet(&PcapPacket::new(time, len, frame))
                .map_err(|error| self.failed(reason(&error)))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), ForwardedError> {
        let path = self.path;
        self.writer
            .into_writer()
            .flush()
            .map_err(|error| ForwardedError {
                path,
                reason: error.to_string(),
            })
    }

    fn failed(&self, reason: String) -> ForwardedError {
        ForwardedError {
            path: self.path.clone(),
            reason,
        }
    }
}

fn reason(error: &PcapError) -> String {
    match error {
        PcapError::IoError(cause) => cause.to_string(),
        other => other.to_string(),
    }
}
