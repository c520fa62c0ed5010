//! An attacker's end of a TCP conversation: says any bytes it likes, and notices when it is cut off.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::netns::Namespace;

/// How long the other end may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A conversation, possibly over before it began.
#[derive(Debug)]
pub(super) struct Talk {
    stream: Option<TcpStream>,
    heard: Vec<u8>,
}

impl Talk {
    /// Connects; a refusal or silence leaves a conversation that is over.
    pub(super) fn with(namespace: &Namespace, from: IpAddr, to: SocketAddr) -> Self {
        match namespace.tcp(from, to) {
            Ok(stream) => Self::over(stream),
            Err(_) => Self {
                stream: None,
                heard: Vec::new(),
            },
        }
    }

    /// Takes up an accepted connection.
    pub(super) fn over(stream: TcpStream) -> Self {
        Self {
            stream: Some(stream),
            heard: Vec::new(),
        }
    }

    /// Whether there is still somebody to talk to.
    pub(super) fn connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Says `bytes` at once. That nobody listens any more shows when listening.
    pub(super) fn say(&mut self, bytes: &[u8]) -> &mut Self {
        if let Some(stream) = &mut self.stream
            && stream
                .set_nodelay(true)
                .and_then(|()| stream.write_all(bytes))
                .is_err()
        {
            self.stream = None;
        }
        self
    }

    /// Listens until `len` bytes have been heard in all, the other end is gone, or a second is over.
    /// Returns all that was heard since the beginning.
    pub(super) fn hear(&mut self, len: usize) -> &[u8] {
        let deadline = Instant::now() + PATIENCE;
        while self.heard.len() < len && Instant::now() < deadline && self.listen() {}
        &self.heard
    }

    /// Whether the other end is gone; takes some milliseconds to find out that it isn't.
    pub(super) fn ended(&mut self) -> bool {
        !self.listen()
    }

    /// Takes in what has come; false once the conversation is over.
    fn listen(&mut self) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let mut buffer = [0; 4096];
        let read = stream
            .set_read_timeout(Some(Duration::from_millis(10)))
            .and_then(|()| stream.read(&mut buffer));
        match read {
            Ok(0) => self.stream = None,
            Ok(len) => self.heard.extend_from_slice(&buffer[..len]),
            Err(error) if waits(&error) => {}
            Err(_) => self.stream = None,
        }
        self.stream.is_some()
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
