//! Checks of the interfaces before anything is attached to them, and what can be put right.
//!
//! Facts are gathered first ([`facts`]), judged by pure functions ([`judge`]), and then the remedies
//! that the gateway can apply itself are applied. What an operator has to do is named as a command.

mod facts;
mod judge;

use std::fmt;
use std::io;

use tracing::{error, info, warn};

pub(super) use facts::{Queues, queues};

use facts::PortFacts;
use judge::Fix;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Put right, or worth knowing.
    Note,
    /// Works, but not as it should.
    Warning,
    /// The data plane can't start like this.
    Fatal,
}

/// Something found out about an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The interface.
    pub interface: String,
    /// What was found.
    pub what: String,
    /// What to do about it, as a command where there is one; none when it has been put right.
    pub remedy: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.interface, self.what)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl Finding {
    /// Whether nothing can start like this.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.severity == Severity::Fatal
    }

    /// Writes it to the log, at the level of its severity.
    pub fn log(&self) {
        match self.severity {
            Severity::Note => info!("{self}"),
            Severity::Warning => warn!("{self}"),
            Severity::Fatal => error!("{self}"),
        }
    }
}

/// Checks the two ends of every link, and puts right what can be, unless something else forbids to start: then
/// nothing is changed. Everything found is reported at once.
///
/// # Errors
/// The kernel can't be asked at all.
pub fn check_links<'n>(links: impl IntoIterator<Item = [&'n str; 2]>) -> io::Result<Vec<Finding>> {
    let mut judged = Vec::new();
    for [inside, outside] in links {
        let ports = [PortFacts::gather(inside)?, PortFacts::gather(outside)?];
        judged.extend(ports.iter().flat_map(judge::port));
        let of_both = judge::link(&ports[0], &ports[1]);
        judged.extend(of_both.into_iter().map(|finding| (finding, None)));
    }
    let is_hopeless = |(finding, fix): &(Finding, Option<_>)| finding.is_fatal() && fix.is_none();
    if judged.iter().any(is_hopeless) {
        judged.retain(is_hopeless);
    }
    Ok(judged.into_iter().map(apply).collect())
}

/// Puts right what only matters to the generic (skb) mode of XDP: there, frames merged by the
/// kernel arrive merged, and are larger than a chunk.
///
/// # Errors
/// The kernel can't be asked at all.
pub fn settle_generic(interface: &str) -> io::Result<Vec<Finding>> {
    let facts = PortFacts::gather(interface)?;
    Ok(judge::generic(&facts).into_iter().map(apply).collect())
}

/// Applies the fix of a finding, if it has one; what can't be fixed keeps its severity and remedy.
fn apply((mut finding, fix): (Finding, Option<Fix>)) -> Finding {
    let Some(fix) = fix else {
        return finding;
    };
    match fix.apply(&finding.interface) {
        Ok(()) => {
            finding.severity = Severity::Note;
            finding.what.push_str(fix.done());
            finding.remedy = None;
        }
        Err(error) => {
            finding
                .what
                .push_str(&format!(" and can't be changed ({error})"));
        }
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_a_sentence_with_its_remedy() {
        let finding = Finding {
            severity: Severity::Fatal,
            interface: "eth1".to_owned(),
            what: "no such interface".to_owned(),
            remedy: Some("`ip link` lists those there are".to_owned()),
        };
        assert_eq!(
            finding.to_string(),
            "eth1: no such interface; `ip link` lists those there are"
        );
    }

    #[test]
    fn absent_interfaces_are_all_reported_at_once() {
        let findings = check_links([["weir-absent0", "weir-absent1"]]).expect("answers");
        let fatal: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Fatal)
            .map(|finding| finding.interface.as_str())
            .collect();
        assert_eq!(fatal, ["weir-absent0", "weir-absent1"]);
    }
}
