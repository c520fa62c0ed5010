//! What a client is told on its server's behalf: prove your address, or no.
//!
//! A challenge is a 4.01 with an Echo option (RFC 9175 §2.3), a refusal a 4.03, 4.05 or 5.03 without more.
//! Both are charged to the client's books. A client whose address isn't validated gets a challenge, and a
//! refusal in the place of a response, only as far as its budget goes; nothing at all, when that is spent.
//! The refusal of a request is no longer than the request: it is always said.

use policy::{Limit, Policy, RuleIndex, Ruling, Subject};
use wire::coap::{Code, Message, Type};
use wire::net::Layout;

use super::answer::{Answer, ECHO_HEADER_LEN, Towards};
use crate::coap::books::allowance::Allowance;
use crate::coap::books::budget::{Entry, Standing};
use crate::coap::books::meters::{Books, Promise};
use crate::coap::exchange::endpoint::Endpoint;
use crate::coap::{DEFAULT_RATIO, Datagram, Tracker, booked};
use crate::context::Context;
use crate::{Injected, Instant, Sink};

/// The least that a server answers: stands for the answer that is foreseen.
const CONTENT: [u8; 4] = [0x60, Code::CONTENT.0, 0, 0];

/// Where in a conversation an answer of ours belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply<'a> {
    pub(crate) message_type: Type,
    pub(crate) message_id: u16,
    pub(crate) token: &'a [u8],
    pub(crate) towards: Towards,
    /// How long it may be.
    pub(crate) room: usize,
}

impl Tracker {
    /// Has the client prove its address. Returns whether there was room for that.
    pub(crate) fn challenge<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        reply: &Reply<'_>,
    ) -> bool {
        let challenge = self.challenge_in(cx.now, datagram.bearing.client, reply);
        challenge.is_some_and(|challenge| {
            self.tell_client(cx, datagram, &challenge, reply.towards, Injected::Echo)
        })
    }

    /// A challenge with as much of a cookie as there is room for, if that is enough.
    pub(crate) fn challenge_in<'r>(
        &self,
        now: Instant,
        client: Endpoint,
        reply: &Reply<'r>,
    ) -> Option<Answer<'r>> {
        let without_cookie = reply.answer(Code::UNAUTHORIZED);
        let room = reply
            .room
            .saturating_sub(without_cookie.len() + ECHO_HEADER_LEN);
        let cookie = self.mint.issue(now, client, room)?;
        Some(Answer {
            echo: Some(cookie),
            ..without_cookie
        })
    }

    /// Tells the client no, with this code. Returns whether there was room for that.
    pub(crate) fn refuse<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        reply: &Reply<'_>,
        code: Code,
    ) -> bool {
        let answer = reply.answer(code);
        answer.len() <= reply.room
            && self.tell_client(cx, datagram, &answer, reply.towards, Injected::Refusal)
    }

    /// Sends the client an answer of ours, and charges it. Returns whether that was possible.
    pub(crate) fn tell_client<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        answer: &Answer<'_>,
        towards: Towards,
        purpose: Injected,
    ) -> bool {
        let is_sent = answer.send(cx, datagram.frame, towards, purpose);
        if is_sent {
            let client = datagram.bearing.client;
            let size = datagram.own_size(answer.len());
            self.enter(cx, client, Entry::Charge, size);
        }
        is_sent
    }
}

impl<'a> Reply<'a> {
    fn answer(&self, code: Code) -> Answer<'a> {
        Answer {
            message_type: self.message_type,
            code,
            message_id: self.message_id,
            token: self.token,
            echo: None,
        }
    }
}

/// What the policy makes of a response of `size` bytes to the receiver of `subject`.
pub(crate) fn foresee<S: Sink>(
    cx: &Context<'_, S>,
    datagram: &Datagram<'_>,
    subject: &Subject<'_>,
    standing: &Standing,
    size: usize,
) -> Ruling {
    let content = Message::decode(&CONTENT).expect("a header alone is a message");
    let foreseen = Subject {
        message: policy::Message::Coap(&content),
        reasons: &[],
        size,
        ..*subject
    };
    let mut books = Books::new(cx.policy, standing, Promise::Bytes(datagram.own_size(size)));
    let foreseen = cx.timed(&foreseen).unwrap_or(foreseen);
    cx.policy.decide(&foreseen, &mut books, &mut |_| {})
}

/// How much more may go towards a client in answers of ours on the way of `layout`, or back: what the
/// rule's ratio leaves, or the usual one where it has none.
pub(crate) fn allowance(
    policy: &Policy,
    rule: Option<RuleIndex>,
    standing: &Standing,
    layout: &Layout,
) -> Allowance {
    let limit = rule.and_then(|rule| policy.rules().get(rule.as_usize())?.limit);
    let ratio = match limit {
        Some(Limit::Ratio(ratio)) => ratio,
        Some(Limit::Count(_) | Limit::Rate(_) | Limit::Max(_) | Limit::Distinct(_)) | None => {
            DEFAULT_RATIO
        }
    };
    standing.allowance(booked(policy), &ratio, layout)
}
