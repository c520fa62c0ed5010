//! What a message is to its endpoints: who of them is the client, and what it answers.
//!
//! A port doesn't settle that. A LwM2M device registers with its server from some port, and the server
//! then sends its own requests to that port from the service's; where both ends use 5683, each may ask
//! the other. So a request, and a ping, come from the client whatever the ports are; a response comes
//! from the server; and an acknowledgement or reset goes back to whoever sent what it names. Only one
//! that names nothing known leaves the ports to decide.

use wire::Direction;
use wire::coap::{Message, Type};

use super::endpoint::{Endpoint, Token, is_group};
use super::parties::Server;
use super::sent::{Kind, Sent};
use crate::Instant;
use crate::coap::exchange::{Asked, Exchanges, Response};
use crate::context::Arrival;

/// A message, with what its role says of its endpoints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bearing {
    pub(crate) direction: Direction,
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    /// Whether it goes to more than one.
    pub(crate) is_to_group: bool,
    pub(crate) role: Role,
}

/// What sort of message it is, and what it was found to belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    Request,
    /// An Empty CON (RFC 7252 §4.3).
    Ping,
    Response(Option<Asked>),
    /// An Empty ACK or a RST.
    Reply(Option<Sent>),
}

impl Role {
    #[inline]
    pub(crate) fn is_request(&self) -> bool {
        matches!(self, Self::Request)
    }
}

impl Bearing {
    #[inline]
    pub(crate) fn find(
        now: Instant,
        arrival: &Arrival,
        message: &Message<'_>,
        token: Token,
        exchanges: &Exchanges,
    ) -> Self {
        let ends = &arrival.endpoints;
        let source = Endpoint::new(ends.source, ends.source_port);
        let destination = Endpoint::new(ends.destination, ends.destination_port);
        // A role is large: it is put where it belongs at once.
        let bearing = |direction, role| {
            let (client, server) = match direction {
                Direction::ToServer => (source, destination),
                Direction::ToClient => (destination, source),
            };
            Self {
                direction,
                client,
                server,
                is_to_group: is_group(ends.destination),
                role,
            }
        };
        if message.code().is_request() {
            bearing(Direction::ToServer, Role::Request)
        } else if message.code().is_response() {
            let response = response(message, token, destination, source);
            let mut asked = exchanges.asked(now, &response);
            if asked.is_none()
                && let Some(ping) = answered_ping(now, &response, exchanges)
            {
                return bearing(Direction::ToClient, Role::Reply(Some(ping)));
            }
            if let Some(asked) = &mut asked {
                let id = message.message_id();
                asked.is_earlier = exchanges.is_earlier(now, &response, asked, id);
            }
            bearing(Direction::ToClient, Role::Response(asked))
        } else if message.message_type() == Type::Confirmable {
            bearing(Direction::ToServer, Role::Ping)
        } else {
            let sent = exchanges.sent(now, destination, source, message.message_id());
            let direction = match sent.map(|sent| sent.kind) {
                Some(Kind::Request | Kind::Ping) => Direction::ToClient,
                Some(_) => Direction::ToServer,
                None => arrival.direction,
            };
            bearing(direction, Role::Reply(sent))
        }
    }

    /// Where a request goes.
    pub(crate) fn addressee(&self) -> Server {
        if self.is_to_group {
            Server::Group(self.server.port)
        } else {
            Server::One(self.server)
        }
    }

    /// The response, as its exchange knows it.
    pub(crate) fn response(&self, message: &Message<'_>, token: Token) -> Response {
        response(message, token, self.client, self.server)
    }
}

/// The ping that a response without a token acknowledges, which answers no request: to reset it would have been the way, but
/// node-coap has a 4.04 for it.
fn answered_ping(now: Instant, response: &Response, exchanges: &Exchanges) -> Option<Sent> {
    let id = response
        .piggybacked_on
        .filter(|_| response.token.len() == 0)?;
    let sent = exchanges.sent(now, response.client, response.server, id);
    sent.filter(|sent| sent.kind == Kind::Ping)
}

fn response(message: &Message<'_>, token: Token, client: Endpoint, server: Endpoint) -> Response {
    let is_piggybacked = message.message_type() == Type::Acknowledgement;
    Response {
        client,
        server,
        token,
        piggybacked_on: is_piggybacked.then(|| message.message_id()),
    }
}
