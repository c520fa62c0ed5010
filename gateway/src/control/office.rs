//! Where the operator is received while the gateway runs: the Unix socket of `[control]`, on which
//! `weir ctl` says one line of JSON and hears another.
//!
//! Who may open the socket may do everything that can be asked here: it belongs to the gateway's user
//! alone. Connections are few, each asks once and at once, hears the answer as it comes, and ends after
//! [`PATIENCE`]. Where all places are taken, who keeps silent makes room sooner.

mod visitors;
mod words;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::files::make_directory_of;
use visitors::{Turn, Visitors};

pub use words::{
    Answer, Banned, Failed, Link, Missed, NOT_KEPT_OUT, Question, Reloaded, Rules, Status,
};

/// How long one connection may take, the answer included.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long the question may take, and every piece of the answer that the socket doesn't hold: who keeps
/// silent must not keep others from being heard.
const PEERS_PATIENCE: Duration = Duration::from_secs(1);
/// The longest line that is read of a question.
const QUESTION_BYTES: u64 = 4096;
/// Rest after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
        let mut visitors = Visitors::default();
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "control: a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let visits = visits.clone();
            let admitted = visitors.admit(async move |turn| {
                match timeout(PATIENCE, receive_one(stream, &visits, &turn)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "control: connection ended early"),
                    Err(_) => tracing::debug!("control: connection took too long"),
                }
            });
            admitted.await;
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

async fn receive_one(
    mut stream: UnixStream,
    visits: &mpsc::Sender<Visit>,
    turn: &Turn,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(QUESTION_BYTES));
    timeout(PEERS_PATIENCE, reader.read_line(&mut line)).await??;
    turn.is_ours();
    let answer = match serde_json::from_str(&line) {
        Ok(question) => ask(question, visits).await,
        Err(error) => Answer::Refused(format!("that is no question: {error}")),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    turn.is_peers();
    let mut rest = &*line;
    while !rest.is_empty() {
        let written = timeout(PEERS_PATIENCE, writer.write(rest)).await??;
        rest = &rest[written..];
    }
    Ok(())
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
    use tokio::task::JoinHandle;

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

    /// An office at which every question is answered so.
    fn answering(label: &str, with: &'static str) -> (PathBuf, JoinHandle<()>) {
        let path = path(label);
        let office = Office::open(&path).expect("open");
        let (sender, mut visits) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(Visit { answer, .. }) = visits.recv().await {
                drop(answer.send(Answer::Done(with.to_owned())));
            }
        });
        (path, tokio::spawn(office.receive(sender)))
    }

    const STATUS: &[u8] = b"{\"ask\":\"status\"}\n";

    #[tokio::test]
    async fn the_silent_keep_nobody_from_being_heard() {
        let (path, task) = answering("silent", "heard");
        let mut silent = Vec::new();
        for _ in 0..100 {
            silent.push(UnixStream::connect(&path).await.expect("open"));
        }
        let heard = timeout(4 * PEERS_PATIENCE, said(&path, STATUS)).await;
        assert!(heard.is_ok_and(|answer| answer.contains("heard")));
        task.abort();
    }

    /// More than a socket holds, so that the answer can't be left there.
    #[tokio::test]
    async fn who_does_not_read_the_answer_loses_the_place() {
        let long: &'static str = "heard ".repeat(1 << 19).leak();
        let (path, task) = answering("deaf", long);
        let mut deaf = Vec::new();
        for _ in 0..3 * visitors::MAX_CONNECTIONS {
            let mut stream = UnixStream::connect(&path).await.expect("open");
            stream.write_all(STATUS).await.expect("written");
            deaf.push(stream);
        }
        let heard = timeout(4 * PEERS_PATIENCE, said(&path, STATUS)).await;
        assert!(heard.is_ok_and(|answer| answer.len() > long.len()));
        // What was cut off is no line.
        let mut cut = String::new();
        deaf[0].read_to_string(&mut cut).await.expect("read");
        assert!(!cut.ends_with('\n'));
        task.abort();
    }

    #[tokio::test]
    async fn a_crowd_that_asks_at_once_is_answered_whole() {
        let (path, task) = answering("crowd", "heard");
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let path = path.clone();
            crowd.spawn(async move { said(&path, STATUS).await });
        }
        let answers = crowd.join_all().await;
        assert!(answers.iter().all(|answer| answer.contains("heard")));
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
