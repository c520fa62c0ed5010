//! Exchanges that a registration keeps open (RFC 7641): how they begin unseen, are trusted, and end.

use super::endpoint::{Endpoint, Token};
use super::observation::Observe;
use super::parties::{Parties, Server};
use super::{Exchanges, Request, Response};
use crate::Instant;
use crate::coap::books::size::Size;

impl Exchanges {
    /// Takes over an observation older than the gateway, of which a notification is forwarded.
    pub(crate) fn adopt(
        &self,
        now: Instant,
        notification: &Response,
        sequence: u32,
        is_trusted: bool,
    ) -> bool {
        let request = Request {
            client: notification.client,
            server: Server::One(notification.server),
            token: notification.token,
            message_id: 0,
            observe: Some(Observe::Register),
            trusted: false,
            asks_anybody: true,
            resource: None,
            body: 0,
            act: None,
            offset: 0,
            enlarged: None,
            confirmable: true,
            uploads: true,
            draws_several: true,
            size: Size::default(),
        };
        let evicted = self.open(now, &request);
        self.answered(
            now,
            notification,
            request.server,
            Some(sequence),
            is_trusted,
            None,
        );
        evicted
    }

    /// A client has proved its address: if it observes under that token, as an observer too.
    pub(crate) fn trust(&self, now: Instant, client: Endpoint, server: Endpoint, token: Token) {
        let parties = Parties::new(client, server, token);
        self.exchanges
            .with(now, &parties, |exchange| exchange.observation.trust(now));
    }

    /// An observer is asked for its interest.
    pub(crate) fn ask_for_interest(&self, now: Instant, notification: &Response) {
        let Response {
            client,
            server,
            token,
            ..
        } = *notification;
        let parties = Parties::new(client, server, token);
        self.exchanges.with(now, &parties, |exchange| {
            exchange.observation.ask_for_interest(now);
        });
    }

    /// An observer shows its interest, or that it has none.
    pub(crate) fn note_interest(
        &self,
        now: Instant,
        client: Endpoint,
        server: Endpoint,
        token: Token,
        is_interested: bool,
    ) {
        let parties = Parties::new(client, server, token);
        self.exchanges.with(now, &parties, |exchange| {
            exchange.observation.note_interest(now, is_interested);
        });
    }

    /// The client has rejected a notification: the server forgets it, once it hears of that (RFC 7641 §3.6).
    pub(crate) fn reject_observation(
        &self,
        now: Instant,
        client: Endpoint,
        server: Endpoint,
        token: Token,
    ) {
        let parties = Parties::new(client, server, token);
        self.exchanges.with(now, &parties, |exchange| {
            // Notifications under way still belong to it.
            exchange.used = exchange.used.max(now);
            exchange.observation.reject();
            exchange.settle();
        });
    }
}
