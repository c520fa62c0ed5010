//! Where the operator is received while the gateway runs: the Unix socket of `[control]`, on which
//! `weir ctl` says one line of JSON and hears another.
//!
//! Who may open the socket may do everything that can be asked here: it belongs to the gateway's user
//! alone. Connections are few, each asks once and at once, and ends after [`PATIENCE`].

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::files::make_directory_of;

/// Connections served at the same time; a further one waits in the kernel's backlog.
const MAX_CONNECTIONS: usize = 8;
/// How long one connection may take, the answer included.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long the question may take: who says nothing must not keep others from being heard.
const QUESTION_PATIENCE: Duration = Duration::from_secs(1);
/// The longest line that is read of a question.
const QUESTION_BYTES: u64 = 4096;
/// Rest after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    pub failed_reload: Option<FailedReload>,
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

/// The last reload, when it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedReload {
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

/// A question, and whom to answer.
#[derive(Debug)]
pub struct Visit {
    /// What is asked.
    pub question: Question,
    /// Where the answer goes; who has gone meanwhile needs none.
    pub answer: oneshot::Sender<Answer>,
}

/// Why the socket can't be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve `weir ctl` on {}: {}", path.display(), explanation(error))]
pub struct BindError {
    path: PathBuf,
    error: io::Error,
}

fn explanation(error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "a gateway answers there already; stop it, or give this one another [control] socket"
        }
        io::ErrorKind::NotFound => "its directory can't be made; name one below one that is there",
        _ => return error.to_string(),
    };
    format!("{error}: {remedy}")
}

/// The open socket. Its file goes with it.
#[derive(Debug)]
pub struct Office {
    listener: UnixListener,
    path: PathBuf,
}

impl Office {
    /// Opens the socket at `path`, in the place of what a gateway that is gone left there. Needs a tokio
    /// runtime around it.
    ///
    /// # Errors
    ///
    /// Another gateway answers there, or the system refuses.
    pub fn open(path: &Path) -> Result<Self, BindError> {
        let failed = |error| BindError {
            path: path.to_owned(),
            error,
        };
        make_directory_of(path).map_err(failed)?;
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                fs::remove_file(path).map_err(failed)?;
                UnixListener::bind(path)
            }
            bound => bound,
        };
        let listener = listener.map_err(failed)?;
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Receives visitors until the task is dropped, and passes on what they ask.
    pub async fn receive(self, visits: mpsc::Sender<Visit>) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let place = Arc::clone(&places)
                .acquire_owned()
                .await
                .expect("never closed");
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "control: a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let visits = visits.clone();
            tokio::spawn(async move {
                match timeout(PATIENCE, receive_one(stream, &visits)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "control: connection ended early"),
                    Err(_) => tracing::debug!("control: connection took too long"),
                }
                drop(place);
            });
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        // What stays is found abandoned by the next gateway.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether nobody answers at a socket that is there.
fn is_abandoned(path: &Path) -> bool {
    let met = BlockingStream::connect(path);
    met.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

async fn receive_one(mut stream: UnixStream, visits: &mpsc::Sender<Visit>) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(QUESTION_BYTES));
    timeout(QUESTION_PATIENCE, reader.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(question) => ask(question, visits).await,
        Err(error) => Answer::Refused(format!("that is no question: {error}")),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

async fn ask(question: Question, visits: &mpsc::Sender<Visit>) -> Answer {
    let (answer, answered) = oneshot::channel();
    let visit = Visit { question, answer };
    let stopping = || Answer::Refused("the gateway is stopping".to_owned());
    if visits.send(visit).await.is_err() {
        return stopping();
    }
    answered.await.unwrap_or_else(|_| stopping())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(label: &str) -> PathBuf {
        let name = format!("weir-office-{label}-{}.sock", std::process::id());
        std::env::temp_dir().join(name)
    }

    /// Says `line`, and returns what is said back.
    async fn said(path: &Path, line: &[u8]) -> String {
        let mut stream = UnixStream::connect(path).await.expect("open");
        stream.write_all(line).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("read");
        answer
    }

    #[tokio::test]
    async fn questions_are_passed_on_and_answered() {
        let path = path("asks");
        let office = Office::open(&path).expect("open");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (sender, mut visits) = mpsc::channel(1);
        let task = tokio::spawn(office.receive(sender));
        tokio::spawn(async move {
            while let Some(Visit { question, answer }) = visits.recv().await {
                let told = answer.send(Answer::Done(format!("{question:?}")));
                assert_eq!(told, Ok(()));
            }
        });
        let answer = said(
            &path,
            b"{\"ask\":\"ban\",\"source\":\"192.0.2.1\",\"seconds\":60}\n",
        )
        .await;
        assert!(
            answer.contains("192.0.2.1") && answer.ends_with('\n'),
            "{answer}"
        );
        for nonsense in [
            &b"nonsense\n"[..],
            b"{\"ask\":\"ban\"}\n",
            b"\xff\n",
            &[b'x'; 9000],
        ] {
            // Whoever is cut off in the middle of a line may find the connection gone.
            let mut stream = UnixStream::connect(&path).await.expect("open");
            let _ = stream.write_all(nonsense).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            assert!(!String::from_utf8_lossy(&answer).contains("\"done\""));
        }
        assert!(
            said(&path, b"{\"ask\":\"status\"}\n")
                .await
                .contains("Status")
        );
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        assert!(!path.exists(), "the file goes with the socket");
    }

    #[tokio::test]
    async fn the_silent_keep_nobody_from_being_heard() {
        let path = path("silent");
        let office = Office::open(&path).expect("open");
        let (sender, mut visits) = mpsc::channel(1);
        let task = tokio::spawn(office.receive(sender));
        tokio::spawn(async move {
            while let Some(Visit { answer, .. }) = visits.recv().await {
                drop(answer.send(Answer::Done("heard".to_owned())));
            }
        });
        let mut silent = Vec::new();
        for _ in 0..2 * MAX_CONNECTIONS {
            silent.push(UnixStream::connect(&path).await.expect("open"));
        }
        let question = b"{\"ask\":\"status\"}\n";
        let heard = timeout(4 * QUESTION_PATIENCE, said(&path, question)).await;
        assert!(heard.is_ok_and(|answer| answer.contains("heard")));
        task.abort();
    }

    #[tokio::test]
    async fn a_socket_in_use_is_left_alone_and_an_abandoned_one_taken_over() {
        let path = path("use");
        let office = Office::open(&path).expect("open");
        let error = Office::open(&path).expect_err("in use").to_string();
        assert!(error.contains("[control] socket"), "{error}");
        drop(office);
        // As after a kill: the file is there, and nobody behind it.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        assert!(path.exists());
        drop(Office::open(&path).expect("taken over"));
    }
}
