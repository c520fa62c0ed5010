//! Bodies that a client takes in small blocks, because its first one was small: its server is asked for large ones.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use inspect::Limits;
use policy::{Reason, Verdict};
use wire::coap::{Code, Message, Type, number};

use crate::world::{BASELINE, World, client, empty, message, server};

const PATH: &str = "firmware";
const FIRST: &[u8] = b"v1";
const SECOND: &[u8] = b"v2";
/// How often a client sends a CON at most (RFC 7252 §4.8).
const TRANSMISSIONS: usize = 5;

/// A server with one resource, which gives it out in blocks and sends a response again to what comes again.
struct Server {
    body: Vec<u8>,
    etag: &'static [u8],
    szx: u8,
    /// Acknowledges first, and answers by a message of its own.
    is_separate: bool,
    /// Requests that came, with their repetitions.
    requests: usize,
    answered: HashMap<u16, Vec<Vec<u8>>>,
    /// Responses that nobody has acknowledged.
    waiting: Vec<Vec<u8>>,
}

impl Server {
    fn new(len: usize) -> Self {
        Self {
            body: body(len, 23),
            etag: FIRST,
            szx: 6,
            is_separate: false,
            requests: 0,
            answered: HashMap::new(),
            waiting: vec![],
        }
    }

    fn answer(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let request = Message::decode(datagram).expect("the gateway lets nothing else through");
        if !request.code().is_request() {
            let id = request.message_id().to_be_bytes();
            self.waiting.retain(|response| response[2..4] != id);
            return vec![];
        }
        self.requests += 1;
        if let Some(before) = self.answered.get(&request.message_id()) {
            return before.clone();
        }
        let answers = self.make(&request);
        self.waiting
            .extend(answers.last().filter(|_| self.is_separate).cloned());
        self.answered.insert(request.message_id(), answers.clone());
        answers
    }

    fn make(&self, request: &Message<'_>) -> Vec<Vec<u8>> {
        let asked = request.block2();
        let szx = asked.map_or(self.szx, |block| block.szx.min(self.szx));
        let at = asked.map_or(0, |block| block.offset() as usize);
        let end = self.body.len().min(at + (16 << szx));
        let id = request.message_id();
        let (kind, own_id) = match request.message_type() {
            Type::Confirmable if self.is_separate => (Type::Confirmable, 0x7000 | id),
            Type::Confirmable => (Type::Acknowledgement, id),
            _ => (Type::NonConfirmable, 0x7000 | id),
        };
        let code = match at < self.body.len() {
            true => Code::CONTENT,
            false => Code::BAD_REQUEST,
        };
        let response = message(kind, code, own_id, request.token(), |builder| {
            if code == Code::CONTENT {
                let more = u32::from(end < self.body.len());
                let block = (at as u32 >> (szx + 4)) << 4 | more << 3 | u32::from(szx);
                builder
                    .option(number::ETAG, self.etag)
                    .uint(number::CONTENT_FORMAT, 42)
                    .uint(number::MAX_AGE, 90)
                    .uint(number::BLOCK2, block)
                    .uint(number::SIZE2, self.body.len() as u32)
                    .payload(&self.body[at..end]);
            }
        });
        let ack = self.is_separate.then(|| empty(Type::Acknowledgement, id));
        ack.into_iter().chain([response]).collect()
    }
}

/// The gateway between a client and its server.
struct Lab {
    world: World,
    server: Server,
    /// Which transmission gets lost, over both halves of both ways.
    loses: Option<usize>,
    sent: usize,
}

impl Lab {
    fn new(server: Server) -> Self {
        Self {
            world: World::new(),
            server,
            loses: None,
            sent: 0,
        }
    }

    fn is_lost(&mut self) -> bool {
        self.sent += 1;
        self.loses == Some(self.sent - 1)
    }

    /// Has the client send a datagram. Returns what comes to it.
    fn send(&mut self, payload: Vec<u8>) -> Vec<Vec<u8>> {
        self.deliver(VecDeque::from([(client(), server(), payload)]))
    }

    /// Has time go by, in which the server sends again what nobody has acknowledged. Returns what comes to the client.
    fn wait(&mut self) -> Vec<Vec<u8>> {
        self.world.pause(Duration::from_secs(3));
        let waiting = self.server.waiting.iter().cloned();
        self.deliver(
            waiting
                .map(|response| (server(), client(), response))
                .collect(),
        )
    }

    fn deliver(
        &mut self,
        mut under_way: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    ) -> Vec<Vec<u8>> {
        let mut inbox = vec![];
        while let Some((from, to, payload)) = under_way.pop_front() {
            if self.is_lost() {
                continue;
            }
            for (to, payload) in self.cross(from, to, &payload) {
                if self.is_lost() {
                    continue;
                }
                if to == client() {
                    inbox.push(payload);
                } else {
                    let answers = self.server.answer(&payload).into_iter();
                    under_way.extend(answers.map(|answer| (server(), client(), answer)));
                }
            }
        }
        inbox
    }

    /// Whatever comes out of the gateway, which has nothing to say but that an address is to be proved.
    fn cross(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        let passage = self.world.send(from, to, payload);
        let outcome = passage.outcome;
        let is_challenge = outcome.verdict == Verdict::Challenge;
        assert!(outcome.verdict == Verdict::Accept || is_challenge);
        let is_fair = matches!(
            outcome.reason,
            None | Some(Reason::COAP_AMPLIFICATION_RATIO)
        );
        assert!(is_fair, "{outcome:?}");
        let forwarded = passage.forwarded.map(|payload| (to, payload));
        let injected = passage.injected.into_iter();
        forwarded
            .into_iter()
            .chain(injected.map(|own| (own.to, own.payload)))
            .collect()
    }
}

/// A client that knows of blocks, and of no Echo.
struct Client {
    next_id: u16,
    /// Whether it has one token for all that it asks.
    is_frugal: bool,
    /// What it has asked for: from where on, and how.
    asked: Vec<(usize, Vec<u8>)>,
    body: Vec<u8>,
    etag: Option<Vec<u8>>,
    /// The size that it has come to, and keeps.
    szx: Option<u8>,
    is_over: bool,
    failed: Option<Code>,
}

impl Client {
    fn new() -> Self {
        Self {
            next_id: 0,
            is_frugal: false,
            asked: vec![],
            body: vec![],
            etag: None,
            szx: None,
            is_over: false,
            failed: None,
        }
    }

    fn request(&self) -> Vec<u8> {
        let id = self.next_id;
        message(Type::Confirmable, Code::GET, id, &self.token(), |builder| {
            let builder = builder.path(number::URI_PATH, PATH);
            if let Some(szx) = self.szx {
                let value = (self.body.len() as u32 >> (szx + 4)) << 4 | u32::from(szx);
                builder.uint(number::BLOCK2, value);
            }
        })
    }

    fn token(&self) -> Vec<u8> {
        match self.is_frugal {
            true => vec![],
            false => self.next_id.to_be_bytes().to_vec(),
        }
    }

    /// Asks for block after block, each until it is there.
    fn get(&mut self, lab: &mut Lab) {
        self.is_over = false;
        while !self.is_over && self.failed.is_none() {
            self.ask(lab);
        }
    }

    fn ask(&mut self, lab: &mut Lab) {
        self.next_id += 1;
        let request = self.request();
        self.asked.push((self.body.len(), request.clone()));
        for _ in 0..TRANSMISSIONS {
            let inbox = lab.send(request.clone());
            if self.take_all(lab, inbox) {
                return;
            }
            let inbox = lab.wait();
            if self.take_all(lab, inbox) {
                return;
            }
        }
        panic!("no answer for {} of the body", self.body.len());
    }

    /// Whether there is what it waits for.
    fn take_all(&mut self, lab: &mut Lab, inbox: Vec<Vec<u8>>) -> bool {
        let (mut inbox, mut is_answered) = (VecDeque::from(inbox), false);
        while let Some(datagram) = inbox.pop_front() {
            is_answered |= self.take(lab, &datagram, !is_answered, &mut inbox);
        }
        is_answered
    }

    /// Whether that is what it waits for.
    fn take(
        &mut self,
        lab: &mut Lab,
        datagram: &[u8],
        waits: bool,
        inbox: &mut VecDeque<Vec<u8>>,
    ) -> bool {
        let got = Message::decode(datagram).expect("a message");
        let is_asked_for = got.code().is_response() && got.token() == self.token();
        if got.message_type() == Type::Confirmable {
            let kind = match is_asked_for {
                true => Type::Acknowledgement,
                false => Type::Reset,
            };
            inbox.extend(lab.send(empty(kind, got.message_id())));
        }
        if !is_asked_for || !waits {
            return false;
        }
        if got.code() != Code::CONTENT {
            self.failed = Some(got.code());
            return true;
        }
        self.append(&got, &lab.server);
        true
    }

    fn append(&mut self, part: &Message<'_>, server: &Server) {
        let block = part.block2().expect("a block");
        assert!(self.szx.is_none_or(|szx| block.szx <= szx), "{block:?}");
        self.szx = Some(block.szx);
        let option = |wanted| {
            let mut options = part.options();
            let found = options.find(|option| option.number == wanted);
            found.and_then(|option| option.as_uint())
        };
        assert_eq!(option(number::CONTENT_FORMAT), Some(42));
        assert_eq!(option(number::MAX_AGE), Some(90));
        let etag = part.options().find(|option| option.number == number::ETAG);
        let etag = etag.map(|option| option.value.to_vec());
        if etag.as_deref() == Some(server.etag) {
            assert_eq!(option(number::SIZE2), Some(server.body.len() as u32));
        }
        if self.etag.is_some() && self.etag != etag {
            // Another body: it begins anew, in the size that it has come to.
            self.body.clear();
            self.etag = None;
            return;
        }
        self.etag = etag;
        assert_eq!(block.offset(), self.body.len() as u64);
        self.body.extend_from_slice(part.payload());
        self.is_over = !block.more;
        assert!(self.is_over || part.payload().len() == block.size());
    }
}

fn body(len: usize, period: usize) -> Vec<u8> {
    (0..len).map(|at| (at % period + at / 1000) as u8).collect()
}

/// The client has what the server has, in blocks of 16 or 32 bytes.
#[track_caller]
fn has_all_in_small_blocks(client: &Client, lab: &Lab) {
    assert!(client.szx.is_some_and(|szx| szx < 2), "{:?}", client.szx);
    has_all(client, lab);
}

#[track_caller]
fn has_all(client: &Client, lab: &Lab) {
    assert!(client.body == lab.server.body, "{}", client.body.len());
    assert_eq!(client.etag.as_deref(), Some(lab.server.etag));
}

#[test]
fn a_body_in_small_blocks_costs_its_server_no_small_blocks() {
    for len in [65_536, 65_536 - 1000, 65_536 - 1024 + 5] {
        for (is_separate, is_frugal) in [(false, false), (true, false), (false, true)] {
            let server = Server {
                is_separate,
                ..Server::new(len)
            };
            let (mut lab, mut client) = (Lab::new(server), Client::new());
            client.is_frugal = is_frugal;
            client.get(&mut lab);
            has_all_in_small_blocks(&client, &lab);
            let requests = lab.server.requests;
            assert!(requests <= len.div_ceil(1024), "{requests} for {len}");
        }
    }
}

/// A limit on requests has room for as many as the server sees of a body, however small the blocks are that a client has to take.
#[test]
fn rules_count_no_blocks_that_are_kept() {
    for len in [500, 5000] {
        let requests = {
            let mut lab = Lab::new(Server::new(len));
            Client::new().get(&mut lab);
            lab.server.requests
        };
        let (mut lab, mut asking) = (limited(len, requests), Client::new());
        asking.get(&mut lab);
        has_all_in_small_blocks(&asking, &lab);
        // The same block once more is one request more.
        let (_, request) = &asking.asked[1];
        lab.world.pause(Duration::from_secs(2));
        let reason = Reason::RULE_LIMIT_COUNT;
        lab.world.block(client(), server(), request, reason);
    }
}

/// The gateway with a rule that lets so many requests through.
fn limited(len: usize, count: usize) -> Lab {
    let limit = format!("limit = {{ count = {count}, window = \"1h\", per = \"client\" }}");
    let rule =
        format!("id = \"polled\"\nmatch = {{ code = \"0.01\" }}\n{limit}\naction = \"drop\"\n");
    let mut lab = Lab::new(Server::new(len));
    lab.world = World::with(&format!("[[rule]]\n{rule}\n{BASELINE}"), Limits::default());
    lab
}

/// Whatever gets lost: the same block comes for what is sent again, and the server isn't asked for more than once more. (Who
/// seems to take no blocks, having lost the first, may get a larger one.)
#[test]
fn no_loss_costs_a_block_or_brings_another() {
    for is_separate in [false, true] {
        let server = || Server {
            szx: 3,
            is_separate,
            ..Server::new(700)
        };
        let mut lab = Lab::new(server());
        Client::new().get(&mut lab);
        let (all, requests) = (lab.sent, lab.server.requests);
        assert!(all > 60 && requests <= 6, "{requests} by {all}");
        for lost in 0..all {
            let (mut lab, mut client) = (Lab::new(server()), Client::new());
            lab.loses = Some(lost);
            client.get(&mut lab);
            has_all(&client, &lab);
            assert!(lab.server.requests <= requests + 1, "{lost}");
        }
    }
}

/// Which block it is that a client asked for, its request tells, and not when it arrives.
#[test]
fn what_comes_late_gets_what_it_asks_for_and_changes_nothing() {
    for is_separate in [false, true] {
        let server = Server {
            is_separate,
            ..Server::new(5000)
        };
        let (mut lab, mut client) = (Lab::new(server), Client::new());
        while client.body.len() < 3200 {
            client.ask(&mut lab);
        }
        let asked = client.asked.clone();
        let late = asked.iter().filter(|(at, _)| *at >= 512);
        lab.world.pause(Duration::from_secs(2));
        for (at, request) in late {
            let token = &Message::decode(request)
                .expect("a message")
                .token()
                .to_vec();
            let answers = lab.send(request.clone());
            let blocks: Vec<_> = answers
                .iter()
                .map(|answer| Message::decode(answer).expect("a message"))
                .filter(|answer| answer.code() == Code::CONTENT)
                .collect();
            assert_eq!(blocks.len(), 1, "{at}");
            let (block, payload) = (blocks[0].block2().expect("a block"), blocks[0].payload());
            assert_eq!((blocks[0].token(), block.offset()), (&**token, *at as u64));
            assert!(*payload == lab.server.body[*at..][..block.size()], "{at}");
        }
        client.get(&mut lab);
        has_all_in_small_blocks(&client, &lab);
    }
}

#[test]
fn a_body_that_changes_halfway_shows_by_its_tag() {
    let (mut lab, mut client) = (Lab::new(Server::new(9000)), Client::new());
    while client.body.len() < 4000 {
        client.ask(&mut lab);
    }
    (lab.server.body, lab.server.etag) = (body(7000, 19), SECOND);
    client.get(&mut lab);
    has_all_in_small_blocks(&client, &lab);
    let requests = lab.server.requests;
    assert!(requests <= 4 + 1 + 7, "{requests}");
}

#[test]
fn a_server_that_comes_down_in_size_is_followed() {
    for szx in 0..6 {
        let (mut lab, mut client) = (Lab::new(Server::new(6000)), Client::new());
        while client.body.len() < 2000 {
            client.ask(&mut lab);
        }
        lab.server.szx = szx;
        client.get(&mut lab);
        has_all_in_small_blocks(&client, &lab);
        let most = 2 + 4000usize.div_ceil(16 << szx);
        assert!(lab.server.requests <= most, "{}", lab.server.requests);
    }
}

#[test]
fn a_failure_goes_on_as_it_is() {
    let (mut lab, mut client) = (Lab::new(Server::new(6000)), Client::new());
    while client.body.len() < 2000 {
        client.ask(&mut lab);
    }
    (lab.server.body, lab.server.etag) = (body(500, 19), SECOND);
    client.get(&mut lab);
    assert_eq!(client.failed, Some(Code::BAD_REQUEST));
}

/// What is protected, and what asks for many blocks at once, isn't touched; nor is what a client asks for that has
/// got nothing in small blocks.
#[test]
fn other_requests_go_on_as_they_are() {
    let (mut lab, mut client) = (Lab::new(Server::new(6000)), Client::new());
    while client.body.len() < 1024 {
        client.ask(&mut lab);
    }
    let ask = |id, path: &str, block: (u16, u32), payload: &[u8]| {
        message(Type::Confirmable, Code::GET, id, &[9], |builder| {
            let builder = match path {
                "" => builder.option(number::OSCORE, &[9, 1, 1]),
                path => builder.path(number::URI_PATH, path),
            };
            builder.uint(block.0, block.1).payload(payload);
        })
    };
    let next = 64 << 4;
    for request in [
        ask(500, "", (number::BLOCK2, next), &[]),
        ask(501, PATH, (number::Q_BLOCK2, next), &[]),
        ask(502, PATH, (number::BLOCK2, next), b"x"),
        ask(503, PATH, (number::BLOCK2, next | 6), &[]),
        ask(504, PATH, (number::BLOCK2, next + (1 << 4)), &[]),
        ask(505, "another", (number::BLOCK2, next), &[]),
    ] {
        lab.world.pass(crate::world::client(), server(), &request);
    }
    let request = ask(506, PATH, (number::BLOCK2, next), &[]);
    let larger = ask(506, PATH, (number::BLOCK2, 1 << 4 | 6), &[]);
    let passage = lab.world.send(crate::world::client(), server(), &request);
    assert_eq!(passage.forwarded, Some(larger));
}

/// A large block on the way to the gateway is none on the way to the client: who has proved nothing gets no more than
/// three bytes for each that came from there.
#[test]
fn the_books_are_charged_with_what_goes_to_the_client() {
    let mut lab = Lab::new(Server::new(6000));
    let (mut came, mut went) = (0, 0);
    for number in 0..200u16 {
        let request = message(
            Type::NonConfirmable,
            Code::GET,
            number,
            &number.to_be_bytes(),
            |builder| {
                let builder = builder.path(number::URI_PATH, "firmware/of/a/rather/long/name");
                if number > 0 {
                    builder.uint(number::BLOCK2, u32::from(number) << 4);
                }
            },
        );
        came += request.len();
        let got = lab.send(request);
        went += got.iter().map(Vec::len).sum::<usize>();
        assert!(went <= 3 * came, "{went} for {came}");
    }
    assert!(lab.server.requests < 20, "{}", lab.server.requests);
}

/// Whether it is answered by what is kept, or by the server, a request that the network doubles is answered once.
#[test]
fn a_doubled_request_for_a_small_block_draws_nothing() {
    let (mut lab, mut client) = (Lab::new(Server::new(5000)), Client::new());
    while client.body.len() < 3200 {
        client.ask(&mut lab);
        let (at, request) = client.asked.last().expect("it has asked").clone();
        assert_eq!(lab.send(request), Vec::<Vec<u8>>::new(), "{at}");
    }
}
