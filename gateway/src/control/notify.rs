//! Telling the service manager how far the start is (the protocol of sd_notify(3)).

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What the service manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Links are attached and frames are being inspected.
    Ready,
    /// The stop has begun.
    Stopping,
}

impl State {
    fn message(self) -> &'static [u8] {
        match self {
            Self::Ready => b"READY=1",
            Self::Stopping => b"STOPPING=1",
        }
    }
}

/// Tells the service manager, where there is one (`NOTIFY_SOCKET`).
///
/// # Errors
///
/// The socket is named but can't be reached.
pub fn notify(state: State) -> io::Result<()> {
    match env::var_os("NOTIFY_SOCKET") {
        Some(path) => send(path.as_bytes(), state),
        None => Ok(()),
    }
}

/// Sends to the socket at `path`; a leading `@` stands for the abstract namespace.
fn send(path: &[u8], state: State) -> io::Result<()> {
    let address = match path.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.message(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_a_socket_in_the_abstract_namespace() {
        let name = format!("weir-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a legal name");
        let manager = UnixDatagram::bind_addr(&address).expect("a free name");
        send(format!("@{name}").as_bytes(), State::Ready).expect("a listening socket");
        let mut heard = [0; 32];
        let len = manager.recv(&mut heard).expect("a datagram");
        assert_eq!(&heard[..len], b"READY=1");
    }

    #[test]
    fn names_a_socket_that_is_not_there() {
        let error = send(b"/nonexistent/notify", State::Stopping).expect_err("no such socket");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
