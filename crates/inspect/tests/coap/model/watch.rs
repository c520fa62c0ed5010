//! What the gateway is held to, whoever speaks: it accuses nobody who keeps to the rules, sends no more to who has proved
//! nothing than three bytes for one, and nobody an older state after a newer one.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use inspect::Instant;
use policy::Reason;
use wire::coap::{Code, Message, Type};

/// What is never to be raised against those who keep to the rules.
const GRAVE: [&str; 3] = ["coap.spoofed.", "coap.exchange.", "coap.block."];

/// What went between the gateway and a client that has proved nothing.
#[derive(Debug, Default)]
struct Book {
    received: usize,
    sent: usize,
    /// Message IDs of responses that it didn't ask for.
    decoys: Vec<u16>,
    /// Echo values that the gateway gave it.
    cookies: Vec<Vec<u8>>,
    proven: Option<Instant>,
}

#[derive(Debug, Default)]
pub(crate) struct Watch {
    books: HashMap<SocketAddr, Book>,
    /// The newest notification that went to a client under a token, and its message ID.
    notified: BTreeMap<(SocketAddr, Vec<u8>), (u32, u16)>,
    /// What has come to the gateway: its place among notifications, and the token of a request.
    latest: Option<u32>,
    asked: Option<Vec<u8>>,
    /// What went wrong.
    pub(crate) faults: Vec<String>,
}

impl Watch {
    /// When a client proved its address, if it did.
    pub(crate) fn proven(&self, client: SocketAddr) -> Option<Instant> {
        self.books.get(&client)?.proven
    }

    /// The gateway says that of a message.
    pub(crate) fn hear_accusation(
        &mut self,
        now: Instant,
        (from, to): (SocketAddr, SocketAddr),
        payload: &[u8],
        reason: Reason,
    ) {
        if GRAVE.iter().any(|family| reason.code().starts_with(family)) {
            self.faults.push(format!(
                "{} for {:?} from {from} to {to} at {now:?}",
                reason.code(),
                Message::decode(payload),
            ));
        }
    }

    /// A message comes to the gateway.
    pub(crate) fn enter_received(&mut self, now: Instant, from: SocketAddr, payload: &[u8]) {
        let book = self.books.entry(from).or_default();
        let message = Message::decode(payload).expect("a message");
        // Who never asked resets what it gets.
        if message.code() != Code::EMPTY || message.message_type() == Type::Confirmable {
            book.received += payload.len();
        }
        let is_request = message.code().is_request();
        self.latest = message.observe().filter(|_| !is_request);
        self.asked = is_request.then(|| message.token().to_vec());
        let is_cookie = |echo: &[u8]| book.cookies.iter().any(|cookie| cookie == echo);
        let proves = message.echo().is_some_and(is_cookie)
            || message.message_type() == Type::Reset && book.decoys.contains(&message.message_id());
        if proves {
            book.proven.get_or_insert(now);
        }
    }

    /// A message leaves the gateway: one of its own, or what has come.
    pub(crate) fn enter_sent(&mut self, to: SocketAddr, payload: &[u8], is_own: bool) {
        let message = Message::decode(payload).expect("a message");
        if message.code().is_request() || to.port() == 5683 {
            return;
        }
        self.enter_notification(to, &message, is_own);
        let book = self.books.entry(to).or_default();
        book.sent += payload.len();
        if is_own && payload.len() == 8 && message.code().is_response() {
            book.decoys.push(message.message_id());
        }
        if is_own {
            book.cookies.extend(message.echo().map(<[u8]>::to_vec));
        }
        if book.proven.is_none() && book.sent > 3 * book.received {
            let fault = format!("{} for {} bytes to {to}", book.sent, book.received);
            self.faults.push(fault);
        }
    }

    /// The network may bring an older notification after a newer one. The gateway, which keeps some back, may not, unless
    /// to who asks for it again, or as the same message, which is nothing to who has got the newer.
    fn enter_notification(&mut self, to: SocketAddr, message: &Message<'_>, is_own: bool) {
        let Some(number) = message.observe().filter(|_| message.code().class() == 2) else {
            return;
        };
        let observer = (to, message.token().to_vec());
        let next = (number, message.message_id());
        let newest = self.notified.entry(observer).or_insert(next);
        let is_asked_again = self.asked.as_deref() == Some(message.token());
        let is_fair = is_asked_again || next.1 == newest.1 || self.latest == Some(number);
        if is_own && number < newest.0 && !is_fair {
            let fault = format!("notification {number} to {to} after {}", newest.0);
            self.faults.push(fault);
        }
        *newest = next.max(*newest);
    }
}
