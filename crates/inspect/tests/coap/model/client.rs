//! The client of an end: its tasks, and what comes of them.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use inspect::Instant;
use wire::coap::encode::Builder;
use wire::coap::{Block, Code, Message, Type, number};

use super::messages::{Messages, Outbox, Timer, acknowledgement, reset};
use super::server::body;
use super::task::{Conduct, Ending, Outcome, Report, Task, Why};
use crate::world::message;

/// How long an answer is awaited: after an acknowledgement, to a NON, and from a group.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_OF_NON: Duration = Duration::from_secs(20);

/// A request under way.
#[derive(Debug, Clone)]
struct Exchange {
    task: usize,
    id: u16,
    body: Vec<u8>,
    etag: Option<Vec<u8>>,
    uploaded: usize,
    block1: Option<u8>,
    block2: Option<Block>,
    observe: Option<u32>,
    /// The latest notification, if it observes.
    latest: Option<(u32, Instant)>,
    /// The notification that this is the rest of.
    rest_of: Option<u32>,
    /// Members of a group that have answered.
    heard: Vec<SocketAddr>,
    is_over: bool,
}

pub(crate) struct Client {
    pub(crate) conduct: Conduct,
    pub(crate) tasks: Vec<Task>,
    pub(crate) outcomes: Vec<Outcome>,
    /// When each was asked for last, and came to its end.
    pub(crate) spans: Vec<(Instant, Instant)>,
    asked: BTreeMap<Vec<u8>, Exchange>,
    queue: VecDeque<usize>,
    next_token: u64,
}

impl Client {
    pub(crate) fn new(conduct: Conduct) -> Self {
        Self {
            conduct,
            tasks: Vec::new(),
            outcomes: Vec::new(),
            spans: Vec::new(),
            asked: BTreeMap::new(),
            queue: VecDeque::new(),
            next_token: 0,
        }
    }

    pub(crate) fn add(&mut self, task: Task) -> usize {
        self.tasks.push(task);
        self.outcomes.push(Outcome::Open);
        self.spans.push((Instant(0), Instant(0)));
        self.tasks.len() - 1
    }

    pub(crate) fn start(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        task: usize,
        out: &mut Outbox,
    ) {
        self.queue.push_back(task);
        self.go_on(now, messages, out);
    }

    /// Begins what waits, as far as the client does several things at once.
    fn go_on(&mut self, now: Instant, messages: &mut Messages, out: &mut Outbox) {
        while let Some(task) = self.queue.front().copied() {
            let is_busy = self.asked.values().any(|exchange| !exchange.is_over);
            if is_busy && !self.conduct.at_once {
                return;
            }
            self.queue.pop_front();
            if self.tasks[task].code.is_empty() {
                self.ping(now, messages, task, out);
                continue;
            }
            let wanted = &self.tasks[task];
            let block2 = wanted.block2.map(|szx| Block {
                number: 0,
                more: false,
                szx,
            });
            let exchange = Exchange {
                task,
                id: 0,
                body: Vec::new(),
                etag: None,
                uploaded: 0,
                block1: wanted.block1,
                block2,
                observe: wanted.observes.map(|_| 0),
                latest: None,
                rest_of: None,
                heard: Vec::new(),
                is_over: false,
            };
            self.ask(now, messages, exchange, None, None, out);
        }
    }

    fn ping(&mut self, now: Instant, messages: &mut Messages, task: usize, out: &mut Outbox) {
        let id = messages.new_id();
        self.spans[task] = (now, now);
        let to = self.tasks[task].to;
        messages.send(
            out,
            to,
            message(Type::Confirmable, Code::EMPTY, id, &[], |_| {}),
        );
        let exchange = Exchange {
            task,
            id,
            body: Vec::new(),
            etag: None,
            uploaded: 0,
            block1: None,
            block2: None,
            observe: None,
            latest: None,
            rest_of: None,
            heard: Vec::new(),
            is_over: false,
        };
        // No token of a request's is as long.
        let key = [b"of a ping".as_slice(), &id.to_be_bytes()].concat();
        self.asked.insert(key, exchange);
    }

    fn new_token(&mut self) -> Vec<u8> {
        self.next_token += 1;
        let mixed = self.next_token.wrapping_mul(0x9e37_79b9_7f4a_7c15) & !0xff;
        let token = (mixed | self.next_token).to_be_bytes();
        token[8 - self.conduct.token_len..].to_vec()
    }

    /// Sends the next request of an exchange.
    fn ask(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        mut exchange: Exchange,
        token: Option<Vec<u8>>,
        echo: Option<&[u8]>,
        out: &mut Outbox,
    ) {
        let token = token.unwrap_or_else(|| self.new_token());
        exchange.id = messages.new_id();
        let task = &self.tasks[exchange.task];
        let tag = self.conduct.follows_echo.then_some(exchange.task as u8);
        let request = request(task, &exchange, &token, echo, tag);
        self.spans[exchange.task] = (now, now);
        if task.kind == Type::NonConfirmable {
            out.timers
                .push((PATIENCE_OF_NON, Timer::GiveUp(exchange.id)));
        }
        messages.send(out, task.to, request);
        self.asked.insert(token, exchange);
    }

    /// A response has come.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        from: SocketAddr,
        response: &Message<'_>,
        out: &mut Outbox,
    ) {
        let (id, kind) = (response.message_id(), response.message_type());
        let is_piggybacked = kind == Type::Acknowledgement;
        let exchange = self
            .asked
            .get(response.token())
            .cloned()
            .filter(|exchange| {
                let to = self.tasks[exchange.task].to;
                (to == from || to.ip().is_multicast()) && (!is_piggybacked || exchange.id == id)
            });
        let Some(exchange) = exchange else {
            if kind == Type::Confirmable || kind == Type::NonConfirmable && self.conduct.resets_non
            {
                messages.reply(out, from, id, reset(id));
            }
            return;
        };
        messages.settle(from, exchange.id);
        let leaves = exchange.is_over
            && self.tasks[exchange.task].observes == Some(Ending::Reset)
            && response.observe().is_some()
            && matches!(self.outcomes[exchange.task], Outcome::Done(_));
        if leaves && kind != Type::Acknowledgement && exchange.observe.is_none() {
            self.asked.remove(response.token());
            messages.reply(out, from, id, reset(id));
            return;
        }
        if kind == Type::Confirmable {
            messages.reply(out, from, id, acknowledgement(id));
        }
        self.take(now, messages, (from, exchange), response, out);
        self.go_on(now, messages, out);
    }

    /// What a response to a request is.
    fn take(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        (from, mut exchange): (SocketAddr, Exchange),
        response: &Message<'_>,
        out: &mut Outbox,
    ) {
        let token = response.token().to_vec();
        let is_group = self.tasks[exchange.task].to.ip().is_multicast();
        if response.echo().is_some() && is_group && !self.conduct.follows_echo {
            // Others may answer.
            return;
        }
        if let Some(value) = response.echo() {
            self.asked.remove(&token);
            match self.conduct.follows_echo && !exchange.is_over {
                true => self.ask(now, messages, exchange, None, Some(value), out),
                false => self.finish(now, &exchange, Outcome::Failed(Why::Challenged)),
            }
            return;
        }
        if response.code() == Code::CONTINUE {
            let block = response.block1().expect("it goes on with a block");
            exchange.uploaded += 16 << exchange.block1.unwrap_or(block.szx);
            exchange.block1 = Some(block.szx);
            self.asked.remove(&token);
            self.ask(now, messages, exchange, None, None, out);
            return;
        }
        if exchange.latest.is_some() || response.observe().is_some() {
            self.note(now, messages, exchange, response, out);
            return;
        }
        if is_group && response.block2().is_none() {
            self.gather(now, exchange, from, response);
            return;
        }
        self.append(now, messages, exchange, response, out);
    }

    /// The first, or the next block of a response.
    fn append(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        mut exchange: Exchange,
        response: &Message<'_>,
        out: &mut Outbox,
    ) {
        let token = response.token().to_vec();
        let block = response.block2();
        let etag = response.option(number::ETAG).map(|tag| tag.value.to_vec());
        let offset = block.map_or(0, |block| block.offset());
        let is_of_another = !exchange.body.is_empty() && etag != exchange.etag;
        if offset != exchange.body.len() as u64 || is_of_another {
            self.leave_token(&token);
            self.finish(now, &exchange, Outcome::Failed(Why::Mixed));
            return;
        }
        exchange.etag = etag;
        exchange.body.extend_from_slice(response.payload());
        if let Some(block) = block.filter(|block| block.more) {
            self.leave_token(&token);
            exchange.uploaded = self.tasks[exchange.task].payload_len;
            exchange.block2 = Some(Block {
                number: block.number + 1,
                more: false,
                szx: block.szx,
            });
            self.ask(now, messages, exchange, None, None, out);
            return;
        }
        self.leave_token(&token);
        let report = Report::of(response, std::mem::take(&mut exchange.body));
        match self.tasks[exchange.task].observes {
            Some(_) if self.is_out_of_date(&exchange) => {}
            Some(_) => self.push(exchange.task, report),
            None => self.finish(now, &exchange, Outcome::Done(vec![report])),
        }
    }

    /// Nothing more is awaited under a token, unless it observes.
    fn leave_token(&mut self, token: &[u8]) {
        if self
            .asked
            .get(token)
            .is_some_and(|exchange| exchange.latest.is_none())
        {
            self.asked.remove(token);
        }
    }

    fn push(&mut self, task: usize, report: Report) {
        match &mut self.outcomes[task] {
            Outcome::Done(reports) => reports.push(report),
            outcome => *outcome = Outcome::Done(vec![report]),
        }
    }

    /// Whether another notification has come by the time that the rest of one is there (RFC 7959 §2.6).
    fn is_out_of_date(&self, rest: &Exchange) -> bool {
        let mut observing = self.asked.values();
        observing.any(|exchange| {
            let latest = exchange.latest.map(|(number, _)| number);
            exchange.task == rest.task && latest.is_some() && latest != rest.rest_of
        })
    }

    /// One of several responses to a request to a group.
    fn gather(
        &mut self,
        now: Instant,
        mut exchange: Exchange,
        from: SocketAddr,
        response: &Message<'_>,
    ) {
        if exchange.heard.contains(&from) {
            return;
        }
        exchange.heard.push(from);
        let body = response.payload().to_vec();
        self.push(exchange.task, Report::of(response, body));
        self.asked
            .insert(response.token().to_vec(), exchange.clone());
        self.spans[exchange.task].1 = now;
        if let Outcome::Done(reports) = &mut self.outcomes[exchange.task] {
            reports.sort_unstable();
        }
    }

    /// A notification, or what ends them.
    fn note(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        mut exchange: Exchange,
        response: &Message<'_>,
        out: &mut Outbox,
    ) {
        let token = response.token().to_vec();
        let task = exchange.task;
        let Some(next) = response.observe() else {
            self.asked.remove(&token);
            return;
        };
        let is_first = exchange.latest.is_none();
        if exchange
            .latest
            .is_some_and(|latest| !is_newer(latest, (next, now)))
        {
            return;
        }
        exchange.latest = Some((next, now));
        exchange.is_over = true;
        exchange.observe = Some(0);
        self.asked.insert(token, exchange.clone());
        if is_first {
            self.spans[task].1 = now;
            out.timers
                .push((Duration::from_secs(100), Timer::Leave(task)));
        }
        let rest = Exchange {
            observe: None,
            latest: None,
            rest_of: Some(next),
            is_over: false,
            body: Vec::new(),
            ..exchange
        };
        match response.block2().filter(|block| block.more) {
            Some(_) => self.append(now, messages, rest, response, out),
            None => self.push(task, Report::of(response, response.payload().to_vec())),
        }
    }

    /// An observer has had enough, or shows that it hasn't.
    pub(crate) fn leave(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        task: usize,
        out: &mut Outbox,
    ) {
        let found = self
            .asked
            .iter()
            .find(|(_, exchange)| exchange.task == task);
        let Some((token, mut exchange)) =
            found.map(|(token, exchange)| (token.clone(), exchange.clone()))
        else {
            return;
        };
        let ending = self.tasks[task].observes.expect("it observes");
        match ending {
            Ending::Reset => {
                exchange.observe = None;
                self.asked.insert(token, exchange);
            }
            Ending::Deregister => {
                exchange.observe = Some(1);
                self.ask(now, messages, exchange, Some(token), None, out);
            }
            Ending::Renew => {
                self.tasks[task].observes = Some(Ending::Deregister);
                out.timers
                    .push((Duration::from_secs(100), Timer::Leave(task)));
                self.ask(now, messages, exchange, Some(token), None, out);
            }
        }
    }

    /// A message has been acknowledged or reset, which was waiting for that or not.
    pub(crate) fn hear_reply(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        (id, is_reset): (u16, bool),
        was_waiting: bool,
        out: &mut Outbox,
    ) {
        let Some((token, exchange)) = self.under(id) else {
            return;
        };
        if self.tasks[exchange.task].code.is_empty() {
            self.asked.remove(&token);
            self.finish(now, &exchange, Outcome::Done(Vec::new()));
        } else if is_reset {
            self.asked.remove(&token);
            self.finish(now, &exchange, Outcome::Failed(Why::Reset));
        } else if was_waiting {
            out.timers.push((PATIENCE, Timer::GiveUp(id)));
        }
        self.go_on(now, messages, out);
    }

    /// The request with that message ID is given up, if it waits.
    pub(crate) fn lose(
        &mut self,
        now: Instant,
        messages: &mut Messages,
        id: u16,
        out: &mut Outbox,
    ) {
        let Some((token, exchange)) = self.under(id) else {
            return;
        };
        let is_group = self.tasks[exchange.task].to.ip().is_multicast();
        if is_group {
            self.spans[exchange.task].1 = now;
        }
        if is_group || exchange.latest.is_none() {
            self.asked.remove(&token);
            if !matches!(self.outcomes[exchange.task], Outcome::Done(_)) {
                self.finish(now, &exchange, Outcome::Failed(Why::Timeout));
            }
        }
        self.go_on(now, messages, out);
    }

    fn under(&self, id: u16) -> Option<(Vec<u8>, Exchange)> {
        let found = self.asked.iter().find(|(_, exchange)| exchange.id == id);
        found.map(|(token, exchange)| (token.clone(), exchange.clone()))
    }

    fn finish(&mut self, now: Instant, exchange: &Exchange, outcome: Outcome) {
        let observes = self.tasks[exchange.task].observes.is_some();
        if !observes || self.outcomes[exchange.task] == Outcome::Open {
            self.outcomes[exchange.task] = outcome;
        }
        self.spans[exchange.task].1 = now;
    }
}

/// Whether a notification is newer than the latest (RFC 7641 §3.4).
fn is_newer((latest, at): (u32, Instant), (next, now): (u32, Instant)) -> bool {
    let ahead = next.wrapping_sub(latest) % (1 << 24);
    (1..1 << 23).contains(&ahead) || now.since(at) > Duration::from_secs(128)
}

/// The request that an exchange has come to. The blocks of an upload bear a `tag`, if the client knows of that (RFC 9175
/// §3).
fn request(
    task: &Task,
    exchange: &Exchange,
    token: &[u8],
    echo: Option<&[u8]>,
    tag: Option<u8>,
) -> Vec<u8> {
    message(task.kind, task.code, exchange.id, token, |builder| {
        let builder = exchange
            .observe
            .into_iter()
            .fold(builder, |builder, value| {
                builder.uint(number::OBSERVE, value)
            })
            .path(number::URI_PATH, &task.path);
        let builder = exchange.block2.into_iter().fold(builder, |builder, block| {
            builder.uint(number::BLOCK2, block.number << 4 | u32::from(block.szx))
        });
        let payload = body(&task.path, task.payload_len);
        let is_sent = exchange.uploaded >= payload.len();
        let (builder, end) = match exchange.block1.filter(|_| !is_sent) {
            Some(szx) => block1(builder, exchange.uploaded, payload.len(), szx),
            None => (builder, payload.len()),
        };
        let builder = echo.into_iter().fold(builder, |builder, value| {
            builder.option(number::ECHO, value)
        });
        let tag = tag.filter(|_| task.block1.is_some()).into_iter();
        let builder = tag.fold(builder, |builder, value| {
            builder.option(number::REQUEST_TAG, &[value])
        });
        builder.payload(&payload[exchange.uploaded.min(end)..end]);
    })
}

/// The option of a block of an upload, and where that ends.
fn block1(builder: Builder<'_>, start: usize, len: usize, szx: u8) -> (Builder<'_>, usize) {
    let size = 16 << szx;
    let end = len.min(start + size);
    let value = (start / size) as u32 * 16 + u32::from(end < len) * 8 + u32::from(szx);
    (builder.uint(number::BLOCK1, value), end)
}
