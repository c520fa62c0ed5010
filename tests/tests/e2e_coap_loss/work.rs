//! What clients of three makers do over the wire, and what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use gateway::demo::scene::{Scene, port};
use gateway::netns::peers::coap_client;
use gateway::netns::{Family, Host, Output, address, output};
use weir_tests::clients::CoapClient;
use weir_tests::lab::{FAMILIES, must};
use weir_tests::peers::Peer;

/// Bytes of what is downloaded and uploaded.
pub(crate) const LARGE_LEN: usize = 64 * 1024;
/// How long a client waits for anything, in seconds.
const PATIENCE_S: &str = "45";
const PATIENCE: Duration = Duration::from_secs(45);
const ROUNDS: u8 = 3;
/// Bytes of blocks (RFC 7959 §2.2).
const BLOCK_SIZES: [usize; 7] = [16, 32, 64, 128, 256, 512, 1024];
/// How long libcoap's client observes, and how many notifications it should have seen by then.
const OBSERVED_S: &str = "12";
const NOTIFICATIONS: usize = 6;
/// The port that libcoap's client proves to be its own before it downloads.
const OWN_PORT: [&str; 2] = ["-p", "40001"];

/// What came of one thing that a client did.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// What was wrong, if anything was.
    pub(crate) failure: Option<String>,
    pub(crate) took: Duration,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:5} ms", self.took.as_millis())?;
        match &self.failure {
            Some(failure) => write!(f, ": {failure}"),
            None => Ok(()),
        }
    }
}

/// By client, and by what it did.
pub(crate) type Outcomes = BTreeMap<String, Outcome>;

/// What one client does after the other.
struct Diary {
    client: String,
    outcomes: Outcomes,
}

impl Diary {
    fn new(client: impl Into<String>) -> Self {
        Self {
            client: client.into(),
            outcomes: Outcomes::new(),
        }
    }

    /// Notes the next thing of that name.
    fn note(&mut self, what: &str, failure: Option<String>, took: Duration) {
        let name = |number| format!("{} {what} {number}", self.client);
        let number = (1..).find(|number| !self.outcomes.contains_key(&name(*number)));
        let name = name(number.expect("numbers don't end"));
        self.outcomes.insert(name, Outcome { failure, took });
    }

    fn tried(&mut self, what: &str, doing: impl FnOnce() -> Result<(), String>) {
        let started = Instant::now();
        let failure = doing().err();
        self.note(what, failure, started.elapsed());
    }
}

/// All of them at once. What node-coap moves is of `node_len` bytes: it doubles its patience with each loss and goes
/// on with that (1.5.0), so that it would be at it for minutes where much is lost.
pub(crate) fn do_all(scene: &Scene, node_len: usize) -> Outcomes {
    for len in [LARGE_LEN, node_len] {
        leave(scene, len);
    }
    thread::scope(|scope| {
        let mut clients = Vec::new();
        for family in FAMILIES {
            let aiocoap = ("aiocoap_lossy.py", "aiocoap", LARGE_LEN);
            let node = ("nodecoap_lossy.cjs", "node", node_len);
            clients.push(scope.spawn(move || libcoap_small(scene, family)));
            clients.push(scope.spawn(move || libcoap_downloads(scene, family)));
            clients.push(scope.spawn(move || libcoap_uploads(scene, family)));
            clients.push(scope.spawn(move || peer(scene, aiocoap, family, 3)));
            clients.push(scope.spawn(move || peer(scene, node, family, 6)));
        }
        let outcomes = clients.into_iter().map(|client| client.join());
        outcomes
            .flat_map(|outcomes| outcomes.expect("it doesn't panic"))
            .collect()
    })
}

/// The same text as other makers' peers send.
fn body(len: usize) -> String {
    (0..len)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect()
}

/// The server's file of so many bytes.
fn file(scene: &Scene, len: usize) -> PathBuf {
    scene.topology.state().dir().join(format!("large-{len}"))
}

/// Where it is to be downloaded.
fn resource(len: usize) -> String {
    format!("/large-{len}")
}

fn put(file: &Path) -> [&str; 4] {
    ["-m", "put", "-f", file.to_str().expect("a plain path")]
}

fn leave(scene: &Scene, len: usize) {
    let file = file(scene, len);
    fs::write(&file, body(len)).expect("room for a file");
    beside_server(scene, &resource(len), &put(&file));
    let left = beside_server(scene, &resource(len), &[]).stdout;
    is(&left, &body(len)).expect("something to download");
}

/// Whether the server has kept so many bytes of an upload. Which they are isn't asked: where a block came again, libcoap's
/// server (4.3.1) has others in the place of some, with and without Weir.
fn has_kept(scene: &Scene, path: &str, len: usize) -> Result<(), String> {
    let file = scene.topology.state().dir().join(path.replace('/', "-"));
    let arguments = ["-o", file.to_str().expect("a plain path")];
    beside_server(scene, path, &arguments);
    let kept = fs::metadata(&file).map_or(0, |file| file.len());
    let is_whole = kept == len as u64;
    is_whole
        .then_some(())
        .ok_or_else(|| format!("{kept} bytes"))
}

fn example(scene: &Scene) -> String {
    let text = beside_server(scene, "/example_data", &[]).stdout;
    text.trim_end().to_owned()
}

/// From beside the server, where nothing is lost.
fn beside_server(scene: &Scene, path: &str, arguments: &[&str]) -> Output {
    let uri = format!("coap://{}{path}", address(Host::Servers, 0, Family::V4));
    let mut client = coap_client(scene.host(Host::Servers));
    must(output(client.args(["-B", "8"]).args(arguments).arg(uri)))
}

fn libcoap(scene: &Scene, family: Family, index: u8) -> CoapClient<'_> {
    CoapClient {
        scene,
        family,
        index,
        port: port::COAP,
    }
}

/// The client's standard output, if it has nothing to complain about.
fn ask(client: &CoapClient<'_>, path: &str, arguments: &[&str]) -> Result<String, String> {
    let started = Instant::now();
    let done = client.ask(path, &[&["-B", PATIENCE_S], arguments].concat());
    if started.elapsed() >= PATIENCE {
        return Err("no end".into());
    }
    match done.stderr.trim() {
        "" => Ok(done.stdout),
        complaint => Err(complaint.into()),
    }
}

fn reads(client: &CoapClient<'_>, path: &str, expect: &str) -> Result<(), String> {
    is(&ask(client, path, &[])?, expect)
}

/// Whether `text` is `expected`, but for blocks that its client took once more when they came again (libcoap 4.3.1).
fn is(text: &str, expected: &str) -> Result<(), String> {
    let (text, expected) = (text.trim_end().as_bytes(), expected.as_bytes());
    let (mut at, mut end) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if expected.get(end) == rest.first() {
            (at, end) = (at + 1, end + 1);
            continue;
        }
        let again = BLOCK_SIZES
            .iter()
            .rev()
            .flat_map(|size| expected[..end].chunks(*size))
            .find(|block| block.len() >= BLOCK_SIZES[0] && rest.starts_with(block));
        let again = again.ok_or_else(|| {
            let shown = String::from_utf8_lossy(&rest[..rest.len().min(48)]);
            format!("{} bytes, at {end} comes {shown:?}", text.len())
        })?;
        at += again.len();
    }
    let is_whole = end == expected.len();
    is_whole.then_some(()).ok_or_else(|| format!("{end} bytes"))
}

/// Each from a port that nothing is known of.
fn libcoap_small(scene: &Scene, family: Family) -> Outcomes {
    let client = libcoap(scene, family, 0);
    let mut diary = Diary::new(format!("{family:?} libcoap"));
    let path = format!("/store/libcoap-{family:?}");
    diary.tried("first", || reads(&client, "/example_data", &example(scene)));
    for _ in 0..ROUNDS {
        let send = |method, payload| ask(&client, &path, &["-m", method, "-e", payload]).map(drop);
        diary.tried("put", || send("put", "21.5"));
        diary.tried("get", || reads(&client, &path, "21.5"));
        diary.tried("post", || send("post", "22"));
        diary.tried("get-changed", || reads(&client, &path, "22"));
        diary.tried("delete", || {
            match ask(&client, &path, &["-m", "delete"]) {
                // What is sent again may find done what it asks for.
                Err(complaint) if !complaint.contains("4.04") => Err(complaint),
                _ => Ok(()),
            }
        });
        diary.tried("separate", || reads(&client, "/async?2", "done"));
    }
    diary.tried("observe", || {
        let seen = client.ask("/time", &["-w", "-s", OBSERVED_S]).stdout;
        let notifications = seen.lines().filter(|line| line.contains(':')).count();
        let is_told = notifications >= NOTIFICATIONS;
        is_told.then_some(()).ok_or(seen)
    });
    diary.outcomes
}

fn libcoap_downloads(scene: &Scene, family: Family) -> Outcomes {
    let client = libcoap(scene, family, 1);
    let mut diary = Diary::new(format!("{family:?} libcoap"));
    diary.tried("first-download", || {
        is(&ask(&client, "/example_data", &OWN_PORT)?, &example(scene))
    });
    diary.tried("download", || {
        is(
            &ask(&client, &resource(LARGE_LEN), &OWN_PORT)?,
            &body(LARGE_LEN),
        )
    });
    diary.outcomes
}

fn libcoap_uploads(scene: &Scene, family: Family) -> Outcomes {
    let client = libcoap(scene, family, 2);
    let mut diary = Diary::new(format!("{family:?} libcoap"));
    let path = upload("libcoap", family);
    diary.tried("upload", || {
        ask(&client, &path, &put(&file(scene, LARGE_LEN))).map(drop)
    });
    diary.tried("uploaded", || has_kept(scene, &path, LARGE_LEN));
    diary.outcomes
}

/// Where a client uploads to.
fn upload(maker: &str, family: Family) -> String {
    let version = match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    };
    format!("/store/{maker}-large-{version}")
}

/// A client in a program of its own, at three addresses from `index` on.
fn peer(
    scene: &Scene,
    (script, maker, len): (&str, &str, usize),
    family: Family,
    index: u8,
) -> Outcomes {
    let [second, third] =
        [1, 2].map(|more| address(Host::Devices, index + more, family).to_string());
    let arguments = [&*second, &third, &resource(len), &len.to_string()];
    let mut peer = Peer::coap_client(scene, script, (family, index), port::COAP, &arguments);
    let status = peer.wait();
    let printed = peer.printed();
    assert!(status.success(), "{script}: {status}\n{printed}");
    let mut diary = Diary::new(format!("{family:?} {maker}"));
    for line in printed.lines() {
        let mut words = line.splitn(4, ' ');
        let [what, outcome, took_ms] = [(); 3].map(|()| words.next().unwrap_or_default());
        let Ok(took_ms) = took_ms.parse() else {
            // What a library of it has to say.
            continue;
        };
        let failure = (outcome != "done").then(|| words.collect());
        diary.note(what, failure, Duration::from_millis(took_ms));
    }
    diary.tried("uploaded", || has_kept(scene, &upload(maker, family), len));
    diary.outcomes
}
