//! An end: client and server at one port.

use std::net::SocketAddr;

use inspect::Instant;
use wire::coap::{Message, Type};

use super::client::Client;
use super::messages::{Messages, Outbox, Timer, reset};
use super::server::Server;
use super::task::{Conduct, Task};

pub(crate) struct Peer {
    messages: Messages,
    pub(crate) client: Client,
    pub(crate) server: Server,
}

impl Peer {
    pub(crate) fn new(first_id: u16, conduct: Conduct) -> Self {
        Self {
            messages: Messages::new(first_id),
            client: Client::new(conduct),
            server: Server::default(),
        }
    }

    /// A datagram has come.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        payload: &[u8],
        out: &mut Outbox,
    ) {
        let message = Message::decode(payload).expect("nobody sends anything else");
        let id = message.message_id();
        let expects_reply = matches!(
            message.message_type(),
            Type::Confirmable | Type::NonConfirmable
        );
        if expects_reply && self.messages.is_repeated(out, from, &message) {
            return;
        }
        if message.code().is_request() {
            self.server.serve(&mut self.messages, from, &message, out);
        } else if message.code().is_response() {
            self.client
                .respond(now, &mut self.messages, from, &message, out);
        } else if expects_reply {
            self.messages.reply(out, from, id, reset(id));
        } else {
            let was_waiting = self.messages.settle(from, id);
            let is_reset = message.message_type() == Type::Reset;
            self.client
                .hear_reply(now, &mut self.messages, (id, is_reset), was_waiting, out);
            if is_reset {
                self.server.hear_reset(from, id);
            }
        }
    }

    pub(crate) fn handle_timer(&mut self, now: Instant, timer: Timer, out: &mut Outbox) {
        let messages = &mut self.messages;
        match timer {
            Timer::Retransmit { to, id } => {
                if messages.retransmit(out, to, id) {
                    self.client.lose(now, messages, id, out);
                    self.server.lose(to, id);
                }
            }
            Timer::Start(task) => self.client.start(now, messages, task, out),
            Timer::GiveUp(id) => self.client.lose(now, messages, id, out),
            Timer::Leave(task) => self.client.leave(now, messages, task, out),
            Timer::Answer { to, message } => messages.send(out, to, message),
            Timer::Notify => self.server.notify(messages, out),
            Timer::AskBack(whom) => {
                let task = self.client.add(Task::get(whom, "p40"));
                self.client.start(now, messages, task, out);
            }
        }
    }
}
