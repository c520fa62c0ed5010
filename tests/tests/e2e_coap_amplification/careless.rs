//! A server as careless as some in the field: it answers everybody at length, a CON to a group too
//! (RFC 7252 §8.1 forbids it to be asked), sends a whole burst of blocks at once (RFC 9177 §7), what it
//! protects by OSCORE it sends to wherever the request seems to come from, and whoever registers with it
//! it asks, or writes to, again and again without waiting for an answer (RFC 9176 §5.1).

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use gateway::demo::scene::Scene;
use gateway::netns::{Family, Host, INTERFACE, address};
use rustix::net::sockopt;
use testkit::coap::message;
use weir_tests::lab::{must, uninterrupted};
use wire::coap::{Code, Message, Type, number};

pub(crate) const PORT: u16 = 5689;
/// How much it says.
const PAYLOAD: [u8; 1024] = [b'c'; 1024];
/// Blocks in a burst: MAX_PAYLOADS (RFC 9177 §7.2).
const BURST: u32 = 10;
/// How often it asks: as often as a CON is sent (RFC 7252 §4.8), but all at once.
const ASKED: usize = 5;

pub(crate) struct Careless {
    socket: UdpSocket,
}

impl Careless {
    /// A member of these groups.
    pub(crate) fn start(scene: &Scene, groups: &[IpAddr]) -> Self {
        // Takes what comes by either family.
        let at = SocketAddr::from(([0; 16], PORT));
        let socket = scene.host(Host::Servers).udp(at).expect("a socket");
        for group in groups {
            let joined = match (group, address(Host::Servers, 0, Family::V4)) {
                (IpAddr::V4(group), IpAddr::V4(own)) => socket.join_multicast_v4(group, &own),
                (IpAddr::V6(group), _) => socket.join_multicast_v6(group, interface_index(scene)),
                (IpAddr::V4(_), IpAddr::V6(own)) => panic!("{own} is of the other family"),
            };
            joined.expect("a member");
        }
        Self { socket }
    }

    /// Answers whatever comes, until `end`.
    pub(crate) fn serve(&self, end: Instant) {
        let mut buffer = [0; 2048];
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let patience = Some(left.max(Duration::from_millis(1)));
            self.socket.set_read_timeout(patience).expect("a socket");
            match uninterrupted(|| self.socket.recv_from(&mut buffer)) {
                Ok((len, from)) => self.answer(&buffer[..len], from),
                Err(error) if is_nothing(error.kind()) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn answer(&self, datagram: &[u8], from: SocketAddr) {
        let Ok(request) = Message::decode(datagram) else {
            return;
        };
        if !request.code().is_request() {
            return;
        }
        let is_burst = request
            .options()
            .any(|option| option.number == number::Q_BLOCK2);
        let parts = if is_burst { BURST } else { 1 };
        for part in 0..parts {
            let answer = response(&request, is_burst.then_some(part));
            self.socket.send_to(&answer, from).expect("a way back");
        }
        if let Some(request) = request_back(&request) {
            for _ in 0..ASKED {
                self.socket.send_to(&request, from).expect("a way back");
            }
        }
    }
}

/// What it wants of the one who has registered.
fn request_back(registration: &Message<'_>) -> Option<Vec<u8>> {
    let path: Vec<_> = registration
        .options_of(number::URI_PATH)
        .map(|segment| segment.value)
        .collect();
    let (code, path, payload) = match path[..] {
        [b".well-known", b"rd"] => (Code::GET, ".well-known/core", &[][..]),
        [b"rd"] => (Code::PUT, "5/0/0", &PAYLOAD[..]),
        _ => return None,
    };
    let (message_id, token) = (registration.message_id(), [7; 8]);
    Some(message(
        Type::Confirmable,
        code,
        message_id,
        &token,
        |builder| {
            builder.path(number::URI_PATH, path).payload(payload);
        },
    ))
}

/// Nobody has sent anything, or nobody was there for the last answer.
fn is_nothing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
    )
}

/// A response, or this part of one.
fn response(request: &Message<'_>, part: Option<u32>) -> Vec<u8> {
    let message_type = match request.message_type() {
        Type::Confirmable => Type::Acknowledgement,
        _ => Type::NonConfirmable,
    };
    let is_protected = request
        .options()
        .any(|option| option.number == number::OSCORE);
    let is_registration = request_back(request).is_some();
    let code = if is_protected || is_registration {
        Code::CHANGED
    } else {
        Code::CONTENT
    };
    let message_id = request.message_id().wrapping_add(part.unwrap_or(0) as u16);
    message(message_type, code, message_id, request.token(), |builder| {
        let builder = match (is_protected, part) {
            (true, _) => builder.option(number::OSCORE, &[]),
            (false, Some(part)) => builder.uint(number::Q_BLOCK2, part << 4 | 0x0e),
            (false, None) => builder,
        };
        let payload = if is_registration { &[] } else { &PAYLOAD[..] };
        builder.payload(payload);
    })
}

fn interface_index(scene: &Scene) -> u32 {
    let shown = must(
        scene
            .host(Host::Servers)
            .ip(&format!("-j link show dev {INTERFACE}")),
    );
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let index = shown[0]["ifindex"].as_u64().expect("an index");
    u32::try_from(index).expect("a small number")
}

/// Has a socket that is bound to a forged IPv4 address send to groups by its host's interface.
pub(crate) fn send_to_groups(socket: &UdpSocket, host: Host) {
    if let IpAddr::V4(own) = address(host, 0, Family::V4) {
        sockopt::set_ip_multicast_if(socket, &own).expect("an interface");
    }
}
