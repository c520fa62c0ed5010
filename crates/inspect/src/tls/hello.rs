//! The ClientHello of a TCP connection: pieces of it pass until it can be judged, and without its last piece it
//! never arrives. What can't be read is judged as a hello that says nothing ([`ClientHello::UNREADABLE`]).

use policy::{Action, Message, Protocol, Subject};
use wire::hello::ClientHello;
use wire::tls::{FirstHandshake, RecordHeader, first_handshake, join_records};

use crate::app::{Denial, Passage};
use crate::context::{Arrival, Context};
use crate::pool::Pool;
use crate::{LimitKind, Sink};

/// No client has that much to say: keys of 2 kB each are the largest there are.
const HELLO_BYTES: usize = 16 << 10;
/// A fatal alert, access_denied (RFC 8446 §6.2), in a record of its own.
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// A connection's hello, until it was judged.
#[derive(Debug, Default)]
pub(crate) struct Hello {
    /// Its beginning, if it didn't come in one segment.
    kept: Vec<u8>,
    is_over: bool,
}

impl Hello {
    /// Whether it was judged.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes in the first bytes of the stream, of which `earlier` have passed before.
    pub(crate) fn begin<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        pool: &Pool,
        earlier: &[u8],
        bytes: &[u8],
    ) -> Passage {
        if !earlier.is_empty() {
            self.keep(earlier, HELLO_BYTES, pool);
        }
        self.handle_bytes(cx, arrival, pool, bytes)
    }

    /// Takes in the next bytes.
    pub(crate) fn handle_bytes<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        pool: &Pool,
        bytes: &[u8],
    ) -> Passage {
        if self.is_over {
            return Passage::all(bytes.len());
        }
        if self.kept.is_empty()
            && let FirstHandshake::Whole { end, records: 1 } = first_handshake(bytes)
        {
            self.is_over = true;
            let hello = ClientHello::decode(&bytes[RecordHeader::LEN..end]);
            return judge(cx, arrival, hello, end, bytes.len());
        }
        let most = HELLO_BYTES.min(cx.limits.partial_bytes);
        self.keep(bytes, most, pool);
        let found = first_handshake(&self.kept);
        if let FirstHandshake::More { need } = found {
            if need <= most {
                return Passage::all(bytes.len());
            }
            cx.limit(LimitKind::Partial);
        }
        self.is_over = true;
        let mut kept = std::mem::take(&mut self.kept);
        let end = match found {
            FirstHandshake::Whole { end, .. } => end,
            FirstHandshake::More { .. } | FirstHandshake::Unreadable => 0,
        };
        let hello = ClientHello::decode(join_records(&mut kept[..end]));
        let passage = judge(cx, arrival, hello, end, bytes.len());
        pool.give(kept);
        passage
    }

    fn keep(&mut self, bytes: &[u8], most: usize, pool: &Pool) {
        let taken = bytes.len().min(most.saturating_sub(self.kept.len()));
        let len = self.kept.len() + taken;
        if self.kept.capacity() < len {
            let mut larger = pool.take(len);
            larger.extend_from_slice(&self.kept);
            pool.give(std::mem::replace(&mut self.kept, larger));
        }
        self.kept.extend_from_slice(&bytes[..taken]);
    }
}

/// Asks what is to become of a hello of so many bytes, and so of the `len` at hand.
fn judge<S: Sink>(
    cx: &mut Context<'_, S>,
    arrival: &Arrival,
    hello: Option<ClientHello<'_>>,
    size: usize,
    len: usize,
) -> Passage {
    let hello = hello.unwrap_or(ClientHello::UNREADABLE);
    let subject = Subject {
        message: Message::Hello(&hello),
        size,
        ..arrival.detection(Protocol::Tls, &[])
    };
    let judgement = cx.judge(arrival, &subject, &mut ());
    let mut passage = Passage::judged(&judgement, len);
    if judgement.action == Action::Refuse {
        passage.denial = Some(Denial::saying(ACCESS_DENIED.to_vec()));
    }
    passage
}
