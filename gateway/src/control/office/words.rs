//! What `weir ctl` asks, and what it is told.

use serde::{Deserialize, Serialize};

/// What bans come to in monitor mode.
pub const NOT_KEPT_OUT: &str = "in monitor mode nothing is kept out";

/// What the operator asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// How things stand.
    Status,
    /// To read all files anew.
    Reload,
    /// Who is banned.
    Bans,
    /// To ban an address or network for so many seconds.
    Ban {
        /// Whom.
        source: String,
        /// For how long.
        seconds: u64,
    },
    /// To let an address or network in again.
    Unban {
        /// Whom.
        source: String,
    },
}

/// What the operator is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "about", rename_all = "snake_case")]
pub enum Answer {
    /// How things stand.
    Status(Box<Status>),
    /// The rules now in force.
    Reloaded(Reloaded),
    /// Who is banned, the longest first.
    Bans(Vec<Banned>),
    /// It is done; in a sentence.
    Done(String),
    /// It isn't, and why.
    Refused(String),
}

/// What came of reading everything anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The rules now in force.
    #[serde(flatten)]
    pub rules: Rules,
    /// What is worth knowing all the same: warnings, and what waits for the next start.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Whether the block lists stay as they were, for one of `notes`.
    #[serde(default)]
    pub lists_stay: bool,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// Seconds since the start.
    pub up_seconds: u64,
    /// Whether rulings are carried out: "enforce" or "monitor".
    pub mode: String,
    /// What is in force.
    pub rules: Rules,
    /// What the files say isn't, and why.
    pub failed_reload: Option<Failed>,
    /// Why the block lists in force aren't what their files say.
    #[serde(default)]
    pub failed_lists: Option<Failed>,
    /// Each link by its ends.
    pub links: Vec<Link>,
    /// What crossed uninspected, or was dropped, for want of a worker.
    pub missed: Missed,
    /// What keeps `/readyz` from being ready.
    pub complaints: Vec<String>,
    /// TCP flows past their handshake.
    pub flows: usize,
    /// MQTT sessions.
    pub sessions: usize,
    /// CoAP endpoints remembered.
    pub endpoints: usize,
    /// Sources that are banned.
    pub bans: u64,
    /// Networks on the block lists.
    pub listed: u64,
    /// Networks on the block lists that aren't kept out, for want of room.
    #[serde(default)]
    pub unlisted: u64,
}

/// Rules in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rules {
    /// How many policies there have been; 1 is that of the start.
    pub generation: u64,
    /// How many rules.
    pub rules: usize,
}

/// The last time that files were read, when that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When, in RFC 3339.
    pub time: String,
    /// What was found first.
    pub problem: String,
    /// How many have failed since one didn't.
    pub times: u64,
}

/// Frames of services since the start that no worker was there for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Missed {
    /// Those that crossed uninspected (`on_failure = "open"`).
    pub passed: u64,
    /// Those that were dropped (`on_failure = "closed"`).
    pub dropped: u64,
    /// When the last were seen, in RFC 3339.
    pub last: Option<String>,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The interface towards the devices.
    pub inside: String,
    /// The other.
    pub outside: String,
    /// How many workers it has.
    pub workers: usize,
    /// Whether they are at work.
    pub running: bool,
    /// How the XDP program is attached to each port: "native", "generic", or "taken off".
    pub modes: Vec<(String, String)>,
}

/// A source that is banned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banned {
    /// An address or network.
    pub source: String,
    /// For how much longer.
    pub seconds: u64,
    /// Whether it is kept out by that: not in monitor mode.
    pub kept_out: bool,
}
