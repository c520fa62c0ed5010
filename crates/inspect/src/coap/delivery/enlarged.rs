//! Bodies that are given out in smaller blocks than their server has.
//!
//! Of the first block, a client that has proved nothing gets as much as its budget goes, and keeps that size to the end
//! (RFC 7959 §2.4 lets it become smaller only). The server isn't asked for every 16 bytes for that: what a block kept
//! here has no more is asked of it in blocks of its own size. The one that comes is kept in the place of the one
//! before, and the client gets its small block of it. A server that answers in a smaller size is followed, what isn't
//! a block goes on as it is, and nothing of one block is ever given out under the number of another.

use wire::coap::{Block, number};

use super::portion::{self, Envelope, SZX_MAX};
use super::{KEPT_BYTES, TOKEN_LEN_MAX};
use crate::Sink;
use crate::coap::exchange::bearing::Role;
use crate::coap::exchange::parties::Server;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;

/// Sizes of a block, as exponents: as a client asks for it, and as its server is asked instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Enlarged {
    pub(crate) from: u8,
    pub(crate) to: u8,
}

impl Enlarged {
    /// The value of the Block2 option that asks a server for the block that begins at `offset`.
    pub(crate) fn to_ask(self, offset: u64) -> u32 {
        ((offset >> (self.to + 4)) as u32) << 4 | u32::from(self.to)
    }
}

impl Tracker {
    /// Whether a request is to ask its server for a larger block. One that is repeated asks as it did before.
    pub(crate) fn enlarge<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> Option<Enlarged> {
        let (message, bearing, facts) = (datagram.message, datagram.bearing, datagram.facts);
        let asked = facts.block2.filter(|block| block.szx < SZX_MAX)?;
        // What a payload asks for, the number of its body doesn't tell.
        let is_fit = bearing.role.is_request()
            && !bearing.is_to_group
            && !facts.draws_several
            && facts.observe.is_none()
            && message.payload().is_empty()
            && message.token().len() <= TOKEN_LEN_MAX
            && !cx.is_monitor()
            && message
                .options()
                .all(|option| option.number != number::OSCORE);
        if !is_fit {
            return None;
        }
        let before = self.exchanges.enlarged(cx.now, &datagram.request());
        before
            .filter(|enlarged| enlarged.from == asked.szx)
            .or_else(|| {
                let body = self.wants.body(bearing, message.code(), facts);
                let to = self.portions.larger(cx.now, body, asked)?;
                let from = asked.szx;
                Some(Enlarged { from, to })
            })
    }

    /// The block that a client asked for, in the place of the larger one that its server was asked for.
    pub(crate) fn block_asked_for(&self, datagram: &Datagram<'_>) -> Option<Vec<u8>> {
        let message = datagram.message;
        let Role::Response(Some(asked)) = datagram.bearing.role else {
            return None;
        };
        let enlarged = asked.enlarged?;
        let own = datagram.facts.block2?;
        let is_answer = asked.server == Server::One(datagram.bearing.server)
            && message.code().class() == 2
            && own.szx > enlarged.from;
        if !is_answer {
            return None;
        }
        let envelope = Envelope {
            message_type: message.message_type(),
            message_id: message.message_id(),
            token: message.token(),
            room: datagram.frame.capacity() - datagram.arrival.layout.payload,
        };
        // Of one that answers an earlier request, the beginning is what that asked for.
        let offset = match asked.is_earlier {
            true => own.offset(),
            false => asked.offset,
        };
        let wanted = Block {
            number: (offset >> (enlarged.from + 4)) as u32,
            more: false,
            szx: enlarged.from,
        };
        portion::block(message, wanted, &envelope)?.ok()
    }

    /// A block larger than what its client gets of it goes towards that: the rest is kept.
    pub(crate) fn keep_enlarged<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) {
        if let Role::Response(Some(asked)) = datagram.bearing.role
            && datagram.len() <= KEPT_BYTES
        {
            self.portions
                .go_on(cx.now, asked.body, datagram.message, datagram.bytes);
            self.note_answered(cx, datagram);
        }
    }
}
