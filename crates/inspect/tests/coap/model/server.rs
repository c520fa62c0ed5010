//! The server of an end. What a resource does is in the first segment of its path: letters, and how many bytes it
//! answers with.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use wire::coap::encode::Builder;
use wire::coap::{Block, Code, Message, Type, number};

use super::messages::{Messages, Outbox, Timer, acknowledgement};
use crate::world::message;

/// How long a server thinks about what it answers separately.
const THINKING: Duration = Duration::from_millis(2500);
/// What a client has to repeat that asks for what isn't given to a replayed request (RFC 9175 §2).
const FRESH: &[u8] = b"server's";

#[derive(Default)]
pub(crate) struct Server {
    /// What was done how often: by whom, and what.
    pub(crate) done: BTreeMap<(SocketAddr, String, usize), usize>,
    /// Uploads so far.
    uploads: HashMap<(SocketAddr, String), Vec<u8>>,
    /// Observers by address and token: what of, and how many bytes.
    observers: BTreeMap<(SocketAddr, Vec<u8>), (String, usize)>,
    notified: HashMap<(SocketAddr, u16), Vec<u8>>,
    pub(crate) sequence: u32,
}

/// A response in the making.
struct Answer {
    code: Code,
    observe: Option<u32>,
    etag: Option<u32>,
    echo: Option<&'static [u8]>,
    /// What of several states it is.
    version: u32,
    max_age: Option<u32>,
    block1: Option<u32>,
    block2: Option<u32>,
    payload: Vec<u8>,
}

impl Answer {
    fn new(code: Code, payload: Vec<u8>) -> Self {
        Self {
            code,
            observe: None,
            etag: None,
            echo: None,
            version: 0,
            max_age: None,
            block1: None,
            block2: None,
            payload,
        }
    }

    fn write(&self, kind: Type, id: u16, token: &[u8]) -> Vec<u8> {
        message(kind, self.code, id, token, |builder| {
            let builder = uint(builder, number::ETAG, self.etag);
            let builder = uint(builder, number::OBSERVE, self.observe);
            let builder = uint(builder, number::MAX_AGE, self.max_age);
            let builder = uint(builder, number::BLOCK2, self.block2);
            let builder = uint(builder, number::BLOCK1, self.block1);
            let builder = self.echo.into_iter().fold(builder, |builder, value| {
                builder.option(number::ECHO, value)
            });
            builder.payload(&self.payload);
        })
    }
}

impl Server {
    /// A request has come, for the first time under its message ID.
    pub(crate) fn serve(
        &mut self,
        messages: &mut Messages,
        from: SocketAddr,
        request: &Message<'_>,
        out: &mut Outbox,
    ) {
        let path = request.uri_path().collect::<Vec<_>>().join("/");
        let name = path.split('/').next().unwrap_or_default();
        let digits = name.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
        let len = digits.parse().unwrap_or(0);
        let kind = &name[..name.len() - digits.len()];
        let own_echo = (kind == "k").then_some(FRESH);
        let is_known = request.echo().is_none() || request.echo() == own_echo;
        assert!(is_known, "what the gateway issued stays there");
        let answer = match kind {
            "b" => cut(Answer::new(Code::CONTENT, body(&path, len)), request, 6),
            "u" => self.take_block(from, &path, len, request),
            "c" => {
                self.count(from, &path, request.payload().len());
                Answer::new(Code::CHANGED, body(&path, len))
            }
            "e" => Answer::new(Code::NOT_FOUND, body(&path, len)),
            "x" => Answer {
                max_age: Some(30),
                ..Answer::new(Code::SERVICE_UNAVAILABLE, body(&path, len))
            },
            "o" => self.observe(from, &path, len, request),
            "k" if request.echo().is_none() => Answer {
                echo: own_echo,
                ..Answer::new(Code::UNAUTHORIZED, Vec::new())
            },
            "r" => {
                self.count(from, &path, request.payload().len());
                out.timers
                    .push((Duration::from_millis(300), Timer::AskBack(from)));
                Answer::new(Code::CREATED, Vec::new())
            }
            _ => Answer::new(Code::CONTENT, body(&path, len)),
        };
        let token = request.token();
        let id = request.message_id();
        let is_confirmable = request.message_type() == Type::Confirmable;
        if !kind.starts_with('s') && kind != "g" {
            let (kind, own_id) = match is_confirmable {
                true => (Type::Acknowledgement, id),
                false => (Type::NonConfirmable, messages.new_id()),
            };
            messages.reply(out, from, id, answer.write(kind, own_id, token));
            return;
        }
        if is_confirmable && matches!(kind, "se" | "sn") {
            messages.reply(out, from, id, acknowledgement(id));
        }
        let answers_by = match kind {
            "se" | "sc" => Type::Confirmable,
            _ => Type::NonConfirmable,
        };
        let after = match kind {
            "sc" | "sd" => THINKING / 5,
            "g" => THINKING / 10,
            _ => THINKING,
        };
        let message = answer.write(answers_by, messages.new_id(), token);
        out.timers
            .push((after, Timer::Answer { to: from, message }));
    }

    fn count(&mut self, from: SocketAddr, path: &str, len: usize) {
        *self.done.entry((from, path.into(), len)).or_default() += 1;
    }

    /// A block of an upload, or a later block of the answer to one.
    fn take_block(
        &mut self,
        from: SocketAddr,
        path: &str,
        len: usize,
        request: &Message<'_>,
    ) -> Answer {
        let answer = Answer::new(Code::CHANGED, body(path, len));
        let asks_on = request.block2().is_some_and(|block| block.number > 0);
        if asks_on {
            return cut(answer, request, 4);
        }
        let key = (from, path.to_owned());
        let Some(block) = request.block1() else {
            self.count(from, path, request.payload().len());
            return cut(answer, request, 4);
        };
        let upload = self.uploads.entry(key).or_default();
        if block.offset() == 0 {
            upload.clear();
        }
        if block.offset() != upload.len() as u64 {
            return Answer::new(Code::REQUEST_ENTITY_INCOMPLETE, Vec::new());
        }
        upload.extend_from_slice(request.payload());
        let value = block.number << 4 | u32::from(block.more) << 3 | u32::from(block.szx);
        if block.more {
            return Answer {
                block1: Some(value),
                ..Answer::new(Code::CONTINUE, Vec::new())
            };
        }
        let uploaded = upload.len();
        self.count(from, path, uploaded);
        Answer {
            block1: Some(value),
            ..cut(answer, request, 4)
        }
    }

    fn observe(
        &mut self,
        from: SocketAddr,
        path: &str,
        len: usize,
        request: &Message<'_>,
    ) -> Answer {
        let key = (from, request.token().to_vec());
        let answer = Answer {
            version: self.sequence,
            ..Answer::new(Code::CONTENT, value(path, len, self.sequence))
        };
        match request.observe() {
            Some(0) => {
                self.observers.insert(key, (path.into(), len));
                Answer {
                    observe: Some(self.sequence),
                    ..answer
                }
            }
            Some(_) => {
                self.observers.remove(&key);
                answer
            }
            None => cut(answer, request, 6),
        }
    }

    /// The state changes: observers are told so, but for those who still have to acknowledge what it was before
    /// (RFC 7641 §4.5.2).
    pub(crate) fn notify(&mut self, messages: &mut Messages, out: &mut Outbox) {
        self.sequence += 1;
        for ((observer, token), (path, len)) in self.observers.clone() {
            if messages.is_waiting_for(observer) {
                continue;
            }
            let kind = match self.sequence % 3 {
                0 => Type::Confirmable,
                _ => Type::NonConfirmable,
            };
            let id = messages.new_id();
            let notification = Answer {
                observe: Some(self.sequence),
                ..Answer::new(Code::CONTENT, value(&path, len, self.sequence))
            };
            self.notified.insert((observer, id), token.clone());
            messages.send(out, observer, notification.write(kind, id, &token));
        }
    }

    /// An observer rejects a notification (RFC 7641 §3.6).
    pub(crate) fn hear_reset(&mut self, from: SocketAddr, id: u16) {
        if let Some(token) = self.notified.remove(&(from, id)) {
            self.observers.remove(&(from, token));
        }
    }

    /// An observer doesn't acknowledge a notification (RFC 7641 §4.5).
    pub(crate) fn lose(&mut self, to: SocketAddr, id: u16) {
        self.hear_reset(to, id);
    }
}

fn uint(builder: Builder<'_>, number: u16, value: Option<u32>) -> Builder<'_> {
    match value {
        Some(value) => builder.uint(number, value),
        None => builder,
    }
}

/// The block of an answer that is asked for, or the first.
fn cut(answer: Answer, request: &Message<'_>, szx: u8) -> Answer {
    let asked = request.block2();
    let block = asked.unwrap_or(Block {
        number: 0,
        more: false,
        szx,
    });
    let size = 16 << block.szx;
    let len = answer.payload.len();
    let start = (block.offset() as usize).min(len);
    let end = len.min(start + size);
    if asked.is_none() && end == len {
        return answer;
    }
    let more = end < len;
    let value = block.number << 4 | u32::from(more) << 3 | u32::from(block.szx);
    Answer {
        etag: Some(0x0101 + len as u32 + answer.version * 0x1_0000),
        block2: Some(value),
        payload: answer.payload[start..end].to_vec(),
        ..answer
    }
}

/// What a resource is, or what is written to it.
pub(crate) fn body(path: &str, len: usize) -> Vec<u8> {
    path.bytes().cycle().take(len).collect()
}

/// The state of a resource that changes.
fn value(path: &str, len: usize, sequence: u32) -> Vec<u8> {
    let mut value = sequence.to_be_bytes().to_vec();
    value.extend(body(path, len));
    value
}
