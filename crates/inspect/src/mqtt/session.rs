//! What is known of an MQTT connection beyond the packet at hand.

use std::borrow::Cow;

use policy::Session as Known;
use wire::Direction;
use wire::mqtt::{ConnAck, Connect, ControlPacket, Property, Publish, Version};

use super::alias::{Aliases, Room};
use super::auth::Authentication;
use super::inflight::InFlight;
use super::leftovers::Leftovers;
use super::membership::Membership;
use super::negotiated::Terms;
use super::resync::Hunches;
use super::subscriptions::Subscriptions;
use super::untracked::{AnsweredOften, Unseen, Untracked};
use crate::app::Closing;
use crate::framer::{Framers, Reading};
use crate::holdings::Holder;
use crate::shared::Shared;
use crate::{Count, Instant, Sink};

/// A client identifier or user name is remembered up to this many bytes. Devices have shorter ones;
/// what is longer never equals the remembered text, so that a rule can't be fooled by the cut.
const IDENTITY_BYTES: usize = 1024;

/// How far the connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Older than the gateway: anything may have happened.
    Unknown,
    /// Nothing was said.
    Opening,
    /// The client has said CONNECT.
    Connecting,
    /// The server has accepted it.
    Open,
    /// The server has refused it.
    Refused,
}

/// One MQTT connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) framers: Framers,
    pub(super) stage: Stage,
    /// Fixed by CONNECT; before that, what most clients speak.
    pub(super) version: Version,
    /// No CONNECT said so: the version is one in which the packets so far could be read.
    pub(super) version_is_guess: bool,
    client_id: Option<Box<str>>,
    username: Option<Box<str>>,
    /// By direction; absent until one end gives an alias.
    aliases: Option<Box<[Aliases; 2]>>,
    pub(super) terms: Terms,
    pub(super) in_flight: InFlight,
    pub(super) subscriptions: Subscriptions,
    /// What the client asked for was all seen.
    pub(super) knows_subscriptions: bool,
    /// By the direction of its opening: what may be in flight that wasn't seen to begin.
    pub(super) unseen: [Unseen; 2],
    /// Some packet of the connection went by unread.
    pub(super) is_blind: bool,
    /// By direction: its sender has said DISCONNECT.
    pub(super) has_left: [bool; 2],
    /// PINGREQs without their answer; at the most it can be, it stays there.
    pub(super) pings: u8,
    /// For how long the client may say nothing, in seconds; 0 is for ever.
    pub(super) keep_alive_s: u16,
    /// When the client was last heard; before that, when its connection began.
    pub(super) heard: Instant,
    /// When the packet that the client is sending came on last; [`Instant::FAR`] between two.
    pub(super) moved: Instant,
    pub(super) membership: Membership,
    /// What few sessions have.
    pub(super) rare: Option<Box<Rare>>,
}

/// What few sessions have, behind one pointer because all of them have that.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// Absent unless the CONNECT names a method.
    pub(super) authentication: Option<Authentication>,
    /// Absent unless a rule counts what clients hold, or asks what they have subscribed to.
    pub(super) holder: Option<Holder>,
    /// Subscription identifiers that the client has given.
    pub(super) subscription_ids: Box<[u32]>,
    /// By the direction of their opening.
    pub(super) untracked: [Untracked; 2],
    pub(super) answered_often: [AnsweredOften; 2],
    pub(super) leftovers: [Leftovers; 2],
    /// Of a connection that isn't read yet.
    pub(super) hunches: Hunches,
}

impl Session {
    /// A connection seen from its beginning.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            ..Self::with(Reading::Boundary, Stage::Opening)
        }
    }

    /// A connection older than the gateway.
    pub(crate) fn midstream() -> Self {
        Self::with(Reading::Seeking, Stage::Unknown)
    }

    fn with(reading: Reading, stage: Stage) -> Self {
        Self {
            framers: Framers::new(reading),
            stage,
            version: Version::V311,
            version_is_guess: stage == Stage::Unknown,
            client_id: None,
            username: None,
            aliases: None,
            terms: Terms::UNKNOWN,
            in_flight: InFlight::default(),
            subscriptions: Subscriptions::default(),
            knows_subscriptions: false,
            unseen: match stage {
                Stage::Unknown => [Unseen::Anything; 2],
                _ => [Unseen::Nothing; 2],
            },
            is_blind: stage == Stage::Unknown,
            has_left: [false; 2],
            pings: 0,
            keep_alive_s: 0,
            heard: Instant::ZERO,
            moved: Instant::FAR,
            membership: Membership::default(),
            rare: None,
        }
    }

    /// Whether the client has said DISCONNECT.
    pub(super) fn client_has_left(&self) -> bool {
        self.has_left[Direction::ToServer as usize]
    }

    /// What it authenticates itself by, beyond its CONNECT.
    pub(super) fn authentication(&self) -> Option<&Authentication> {
        self.rare.as_ref()?.authentication.as_ref()
    }

    /// What the client calls itself, or was named by its server.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// What rules and events may know. A CONNECT under judgement speaks for itself.
    #[inline]
    pub(crate) fn known<'a>(
        &'a self,
        packet: Option<&ControlPacket<'a>>,
        direction: Direction,
    ) -> Known<'a> {
        let known = Known {
            version: (self.stage != Stage::Opening).then_some(self.version),
            client_id: self.client_id.as_deref(),
            username: self.username.as_deref(),
            unseen: self.stage == Stage::Unknown,
            aliased_topic: None,
        };
        match packet {
            Some(ControlPacket::Connect(connect)) => Known {
                version: Some(connect.version),
                client_id: Some(connect.client_id).filter(|id| !id.is_empty()),
                username: connect.username,
                unseen: false,
                aliased_topic: None,
            },
            Some(ControlPacket::Publish(publish)) if publish.topic.is_empty() => Known {
                aliased_topic: self.aliased_topic(publish, direction),
                ..known
            },
            _ => known,
        }
    }

    /// The topic a PUBLISH means that names none.
    pub(super) fn aliased_topic(
        &self,
        publish: &Publish<'_>,
        direction: Direction,
    ) -> Option<&str> {
        let aliases = &self.aliases.as_ref()?[direction as usize];
        aliases.topic(publish.topic_alias()?)
    }

    /// Whether some alias of a direction stands for nothing because there was no room.
    pub(super) fn alias_room_is_short(&self, direction: Direction) -> bool {
        let aliases = self.aliases.as_ref();
        aliases.is_some_and(|aliases| aliases[direction as usize].is_short())
    }

    /// Takes note of a control packet that was let through.
    pub(super) fn note<S: Sink>(
        &mut self,
        packet: &ControlPacket<'_>,
        direction: Direction,
        shared: &Shared,
        sink: &mut S,
    ) {
        match packet {
            ControlPacket::Connect(connect) => self.note_connect(connect),
            ControlPacket::ConnAck(connack) => {
                self.note_authentication(packet, direction);
                self.note_connack(connack, shared, sink);
            }
            ControlPacket::Auth(_) => self.note_authentication(packet, direction),
            ControlPacket::Disconnect(_) => self.has_left[direction as usize] = true,
            ControlPacket::PingReq(_) | ControlPacket::PingResp(_) => {
                self.note_ping(packet, direction);
            }
            _ => {}
        }
    }

    /// Takes note of the topic that an alias is given. False if there is no room for it.
    pub(super) fn note_alias(
        &mut self,
        alias: u16,
        topic: &str,
        direction: Direction,
        room: Room<'_>,
    ) -> bool {
        let aliases = self.aliases.get_or_insert_default();
        aliases[direction as usize].set(alias, topic, room)
    }

    fn note_connect(&mut self, connect: &Connect<'_>) {
        // A second CONNECT that a rule lets through changes nothing of what the first said.
        if matches!(self.stage, Stage::Connecting | Stage::Open | Stage::Refused) {
            return;
        }
        self.stage = Stage::Connecting;
        self.version = connect.version;
        self.version_is_guess = false;
        self.client_id = remembered(connect.client_id);
        self.username = connect.username.and_then(remembered);
        self.terms = Terms::of_connect(connect);
        self.keep_alive_s = connect.keep_alive_s;
        self.note_past(!connect.clean_start);
        self.knows_subscriptions = connect.clean_start && !self.is_blind;
        let method = connect.properties.authentication_method();
        if let Some(authentication) = method.and_then(Authentication::of) {
            self.rare.get_or_insert_default().authentication = Some(authentication);
        }
    }

    fn note_connack<S: Sink>(&mut self, connack: &ConnAck<'_>, shared: &Shared, sink: &mut S) {
        if self.stage != Stage::Connecting {
            return;
        }
        if !connack.is_accepted() {
            self.stage = Stage::Refused;
            return;
        }
        self.stage = Stage::Open;
        self.terms.note_connack(connack);
        self.note_present(connack);
        for property in connack.properties.iter() {
            match property {
                Property::AssignedClientIdentifier(id) => self.client_id = remembered(id),
                // It takes the place of the client's own ([MQTT-3.2.2-21]).
                Property::ServerKeepAlive(seconds) => self.keep_alive_s = seconds,
                _ => {}
            }
        }
        shared.session_opened();
        sink.count(Count::Session { opened: true });
    }

    /// Whether the session has a past. Of one that its server has forgotten, a client of 5.0 forgets its part
    /// ([MQTT-3.2.2-5]), and one of 3.1.1 begins anew what it has left ([MQTT-4.4.0-1]); a server of 3.1 doesn't say.
    fn note_present(&mut self, connack: &ConnAck<'_>) {
        if self.version != Version::V31 {
            self.note_past(connack.session_present);
        }
        if connack.session_present {
            self.forget_subscriptions();
        }
    }

    /// Bytes of either direction may have gone by unseen: who speaks is still known, what was said
    /// isn't.
    pub(crate) fn lose_sight(&mut self, shared: &Shared) {
        self.framers.seek(shared);
        self.moved = Instant::FAR;
        self.give_up_aliases(shared);
        if self.stage != Stage::Open {
            self.stage = Stage::Unknown;
        }
        self.lose_track();
    }

    fn give_up_aliases(&mut self, shared: &Shared) {
        for aliases in self.aliases.take().into_iter().flat_map(|both| *both) {
            aliases.give_back(&shared.alias_total);
        }
    }

    /// A packet was let through unread: what it did to the session isn't known.
    pub(super) fn lose_track(&mut self) {
        self.is_blind = true;
        self.in_flight = InFlight::default();
        self.forget_subscriptions();
        if let Some(holder) = self.rare.as_mut().and_then(|rare| rare.holder.as_mut()) {
            holder.lose_track();
        }
        self.lose_count();
    }

    /// Nothing that travels this way can be read any more.
    pub(crate) fn lose(&mut self, direction: Direction) {
        self.framers.at_mut(direction).reading = Reading::Lost;
        self.lose_track();
    }

    pub(crate) fn is_seeking(&self, direction: Direction) -> bool {
        self.framers.at(direction).reading == Reading::Seeking
    }

    pub(crate) fn is_lost(&self, direction: Direction) -> bool {
        self.framers.at(direction).reading == Reading::Lost
    }

    /// Gives up its memory and its name.
    pub(crate) fn close(mut self, now: Instant, shared: &Shared) -> Closing {
        self.framers.clear(shared);
        self.give_up_aliases(shared);
        let is_remembered = self.fall_asleep(now);
        let evicted = self.membership.end(now, shared) || !is_remembered;
        let was_open = self.stage == Stage::Open;
        if was_open {
            shared.session_closed();
        }
        Closing { was_open, evicted }
    }
}

/// A copy of an identity, as it is remembered.
pub(super) fn remembered(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| as_remembered(text).into())
}

/// An identity, cut where it is too long: by a character no identity can contain, so that the rest can't be forged.
pub(super) fn as_remembered(text: &str) -> Cow<'_, str> {
    if text.len() <= IDENTITY_BYTES {
        return text.into();
    }
    let cut = text.floor_char_boundary(IDENTITY_BYTES);
    [&text[..cut], "\0"].concat().into()
}

/// Whether `text` is what was remembered, as far as that can be told.
pub(super) fn recalls(remembered: &str, text: &str) -> bool {
    match remembered.strip_suffix('\0') {
        Some(beginning) => text.len() > IDENTITY_BYTES && text.starts_with(beginning),
        None => remembered == text,
    }
}
