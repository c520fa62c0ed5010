//! Responses that are withheld until their client has made room for them.
//!
//! A request of a few bytes isn't owed the smallest block of a response. The response is kept meanwhile. Its client
//! sends the request again while it isn't acknowledged (RFC 7252 §4.2), and is owed as much once more then. (A NON isn't
//! repeated: it is challenged instead.) Then the client gets as much of the response as there is room for by now, the whole in a way that has to be acknowledged. The server has done its work,
//! and hears of a repetition no more. So it is where a separate response has gone out on the acknowledgement of its
//! request ([`super::promised`]): the server takes it for delivered.

use wire::coap::Type;

use crate::coap::aged::Aged;
use crate::coap::books::allowance::Allowance;
use crate::coap::delivery::{KEPT_BYTES, TOKEN_LEN_MAX, takes_any_proof};
use crate::coap::exchange::Asked;
use crate::coap::exchange::bearing::Role;
use crate::coap::exchange::endpoint::{Endpoint, Token};
use crate::coap::exchange::parties::{Parties, Server};
use crate::coap::exchange::sent::{Kind, Sent};
use crate::coap::proof::answer::{self, Towards};
use crate::coap::proof::challenge::{Reply, allowance};
use crate::coap::proof::probe::Waiting;
use crate::coap::{Datagram, Standing, Tracker};
use crate::context::Context;
use crate::table::Table;
use crate::{Injected, Instant, Outcome, Sink};
use policy::RuleIndex;
use wire::net::build::Path;

/// How long a client goes on with an unacknowledged request (MAX_TRANSMIT_WAIT, RFC 7252 §4.8.2).
const LIFETIME_S: u64 = 93;

/// Responses withheld, between the two ends of the request: by its message ID, or by that of the response if that
/// acknowledges no request, of which the server is the first end.
#[derive(Debug)]
pub(crate) struct Withheld {
    kept: Table<Parties<u16>, Aged<Kept, LIFETIME_S>>,
}

/// A response that is withheld.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// The request; of one that isn't repeated, nothing.
    request: Option<Sent>,
    token: Token,
    /// Whom the request was for.
    asked: Server,
    /// Bytes of it.
    request_len: usize,
    /// What makes the body of the response.
    body: u64,
    response: Box<[u8]>,
    /// Its way to the client.
    path: Path,
    is_given: bool,
    /// A challenge has gone out in its place.
    is_challenged: bool,
}

impl Kept {
    /// The response to a request, which isn't repeated.
    pub(super) fn once(datagram: &Datagram<'_>, asked: &Asked) -> Option<Self> {
        Some(Self {
            request: None,
            token: datagram.token,
            asked: asked.server,
            request_len: asked.len,
            body: asked.body,
            response: datagram.bytes.into(),
            path: answer::path(datagram.frame)?,
            is_given: false,
            is_challenged: false,
        })
    }

    /// The request, by what it says; of one that isn't repeated, nothing.
    pub(super) fn request(&self) -> Option<u32> {
        self.request.map(|request| request.digest())
    }

    /// Whom the request was for.
    pub(crate) fn asked(&self) -> Server {
        self.asked
    }

    /// Whether it was for a group, and the response is that of a member.
    pub(crate) fn is_of_group(&self) -> bool {
        matches!(self.asked, Server::Group(_))
    }

    /// What makes the body of the response.
    pub(super) fn body(&self) -> u64 {
        self.body
    }

    /// Its way to the client.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn response(&self) -> &[u8] {
        &self.response
    }

    pub(crate) fn token(&self) -> Token {
        self.token
    }
}

impl Withheld {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            kept: Table::new(capacity, hash_seed),
        }
    }

    pub(super) fn keep(&self, now: Instant, parties: Parties<u16>, kept: &Kept) {
        let kept = || Aged::new(now, kept.clone());
        self.kept
            .with_or_insert(now, parties, kept, |known| *known = kept());
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.len() == 0
    }

    /// What is withheld from the request that is known by its bytes.
    fn repeated(&self, now: Instant, parties: &Parties<u16>, request: u32) -> Option<Kept> {
        self.find(now, parties, |kept| {
            kept.request.is_some_and(|known| known.is(request))
        })
    }

    /// What is withheld from `client` under a message ID, for it to prove its address.
    pub(crate) fn waiting(
        &self,
        now: Instant,
        client: Endpoint,
        (server, message_id): Waiting,
    ) -> Option<Kept> {
        both_ways(client, server, message_id)
            .iter()
            .find_map(|parties| self.find(now, parties, |kept| !kept.is_given))
    }

    /// What was withheld from `client` under a message ID and a token has gone out: once, unless its request is
    /// repeated.
    pub(crate) fn let_go(
        &self,
        now: Instant,
        client: Endpoint,
        server: Endpoint,
        (message_id, token): (u16, Token),
    ) {
        if self.is_empty() {
            return;
        }
        for parties in both_ways(client, server, message_id) {
            self.kept.with(now, &parties, |kept| {
                kept.value.is_given |= kept.value.token == token;
            });
        }
    }

    fn find(
        &self,
        now: Instant,
        parties: &Parties<u16>,
        is_it: impl Fn(&Kept) -> bool,
    ) -> Option<Kept> {
        if self.is_empty() {
            return None;
        }
        let find =
            |kept: &mut Aged<Kept, LIFETIME_S>| is_it(&kept.value).then(|| kept.value.clone());
        self.kept.with(now, parties, find)?
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.kept.sweep(now, at_most)
    }
}

impl Tracker {
    /// Withholds a response that there is no room for, if its client is going to ask again, or a proof is under way
    /// (`may_wait`). Returns whether it is.
    pub(crate) fn withhold<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
        may_wait: bool,
    ) -> bool {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let Role::Response(Some(asked)) = bearing.role else {
            return false;
        };
        let (client, server) = (bearing.client, bearing.server);
        let is_fit = asked.server == Server::One(server)
            && (may_wait || message.code().class() == 2)
            && message.token().len() <= TOKEN_LEN_MAX
            && datagram.len() <= KEPT_BYTES
            && takes_any_proof(cx, rule)
            && !self.probes.is_doubtful(cx.now, client);
        if !is_fit {
            return false;
        }
        let Some(mut kept) = Kept::once(datagram, &asked) else {
            return false;
        };
        match message.message_type() {
            Type::Acknowledgement => {
                let id = message.message_id();
                let request = self.exchanges.sent(cx.now, client, server, id);
                let Some(request) = request.filter(Sent::is_confirmable) else {
                    return false;
                };
                kept.request = Some(request);
                let parties = Parties::new(client, server, id);
                self.withheld.keep(cx.now, parties, &kept);
                true
            }
            Type::NonConfirmable | Type::Confirmable => {
                may_wait && self.withhold_once(cx, datagram, &asked, &kept)
            }
            Type::Reset => false,
        }
    }

    /// Withholds a response that its client won't ask for again, if it is the only one, and nothing was done for it.
    fn withhold_once<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
        kept: &Kept,
    ) -> bool {
        let is_all = asked.is_owed && asked.act.is_none() && !datagram.is_notification();
        if !is_all {
            return false;
        }
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let parties = Parties::new(server, client, datagram.message.message_id());
        self.withheld.keep(cx.now, parties, kept);
        self.record(cx, datagram, Server::One(client), Kind::Replaced);
        // A CON comes again until it is acknowledged, which it is when it goes out.
        if datagram.message.message_type() == Type::NonConfirmable {
            self.note_answer(cx, datagram, asked);
        }
        true
    }

    /// Keeps a response of which its client has got what there is room for, or a challenge, on the acknowledgement of its
    /// request: that may come again.
    pub(crate) fn keep_given<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        said: Option<Injected>,
    ) {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let Role::Response(Some(asked)) = datagram.bearing.role else {
            return;
        };
        let id = datagram.message.message_id();
        let parties = Parties::new(client, server, id);
        let request = self.exchanges.sent(cx.now, client, server, id);
        let Some(request) = request else {
            return;
        };
        let is_kept = || {
            let kept = self.withheld.repeated(cx.now, &parties, request.digest());
            kept.is_some()
        };
        let is_given = matches!(said, Some(Injected::Portion | Injected::Echo));
        if datagram.len() > KEPT_BYTES || !is_given && is_kept() {
            return;
        }
        if let Some(kept) = Kept::once(datagram, &asked) {
            let kept = Kept {
                request: Some(request),
                is_given: true,
                is_challenged: said == Some(Injected::Echo),
                ..kept
            };
            self.withheld.keep(cx.now, parties, &kept);
        }
    }

    /// Answers the repetition of a request whose response is withheld, as far as there is room for it. The
    /// outcome is there if it is one.
    pub(crate) fn serve_withheld<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        standing: &Standing,
        has_to_prove: bool,
    ) -> Option<Outcome> {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let parties = Parties::new(bearing.client, bearing.server, message.message_id());
        let kept = self.withheld.repeated(cx.now, &parties, datagram.digest)?;
        let room = match has_to_prove {
            true => allowance(cx.policy, None, standing, &datagram.arrival.layout),
            false => Allowance::UNBOUNDED,
        };
        if kept.is_challenged && has_to_prove {
            let reply = Reply {
                message_type: Type::Acknowledgement,
                message_id: message.message_id(),
                token: message.token(),
                towards: Towards::Sender,
                room: room.alone,
            };
            self.challenge(cx, datagram, &reply);
            return Some(Outcome::CHALLENGED);
        }
        self.release(cx, datagram, (bearing.server, &kept), room, has_to_prove);
        Some(Outcome::CHALLENGED)
    }

    /// Whether all of what is withheld from a client goes out at once, or nothing.
    pub(crate) fn keeps_whole(
        &self,
        now: Instant,
        client: Endpoint,
        kept: &Kept,
        room: Allowance,
    ) -> bool {
        let times = self.repetitions(now, client, kept.body, kept.request.as_ref());
        let lens = (kept.response.len(), kept.request_len * times);
        self.waits_whole(now, client, lens, room)
    }
}

/// Where something may be withheld from `client`: under the message ID of its request, or of the response.
fn both_ways(client: Endpoint, server: Endpoint, message_id: u16) -> [Parties<u16>; 2] {
    [(client, server), (server, client)]
        .map(|(first, second)| Parties::new(first, second, message_id))
}
