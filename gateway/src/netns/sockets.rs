//! Sockets inside a namespace, usable from anywhere: ordinary ones, and one that sees all.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SocketType, bind, connect, eth, recv, socket,
};

use super::Namespace;

/// A connection that isn't there after this long has met a drop on its way.
const CONNECT_WITHIN: Duration = Duration::from_millis(800);

impl Namespace {
    /// Connects to `to` from the address `from`.
    ///
    /// # Errors
    /// As `connect(2)`; after 800 ms without an answer, too.
    pub fn tcp(&self, from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
        self.io(|| {
            let family = match to {
                SocketAddr::V4(_) => AddressFamily::INET,
                SocketAddr::V6(_) => AddressFamily::INET6,
            };
            let stream = socket(family, SocketType::STREAM, None)?;
            bind(&stream, &SocketAddr::new(from, 0))?;
            // Linux takes the send timeout as that of connecting, too (socket(7)).
            set_socket_timeout(&stream, Timeout::Send, Some(CONNECT_WITHIN))?;
            connect(&stream, &to)?;
            Ok(TcpStream::from(stream))
        })
    }

    /// Listens at `at`.
    ///
    /// # Errors
    /// As `bind(2)`.
    pub fn tcp_listener(&self, at: SocketAddr) -> io::Result<TcpListener> {
        self.io(|| TcpListener::bind(at))
    }

    /// A UDP socket bound to `at`.
    ///
    /// # Errors
    /// As `bind(2)`.
    pub fn udp(&self, at: SocketAddr) -> io::Result<UdpSocket> {
        self.io(|| UdpSocket::bind(at))
    }

    /// A socket that sees every frame that enters or leaves the namespace from now on.
    ///
    /// # Errors
    /// Without the right to.
    pub fn tap(&self) -> io::Result<Tap> {
        self.io(|| {
            let every: Option<Protocol> = Some(eth::ALL);
            let socket = socket(AddressFamily::PACKET, SocketType::RAW, every)?;
            Ok(Tap { socket })
        })
    }

    fn io<T: Send>(&self, open: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        self.enter(open).map_err(io::Error::other)?
    }
}

/// Sees every frame that enters or leaves a namespace.
#[derive(Debug)]
pub struct Tap {
    socket: OwnedFd,
}

impl Tap {
    /// The next frame, from its Ethernet header on, cut to the buffer's size; None if there is none
    /// within `timeout`.
    ///
    /// # Errors
    /// As `recv(2)`.
    pub fn frame<'b>(
        &self,
        buffer: &'b mut [u8],
        timeout: Duration,
    ) -> io::Result<Option<&'b [u8]>> {
        // A timeout of zero would mean for ever.
        let timeout = timeout.max(Duration::from_micros(1));
        set_socket_timeout(&self.socket, Timeout::Recv, Some(timeout))?;
        match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((len, _)) => Ok(Some(&buffer[..len])),
            Err(rustix::io::Errno::AGAIN) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}
