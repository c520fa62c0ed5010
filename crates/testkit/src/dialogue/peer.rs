//! One end of a dialogue.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wire::Direction;
use wire::mqtt::encode;
use wire::mqtt::{PacketType, ReasonCode, Version};

use super::words::said;
use super::{Meaning, Said, Takes};
use crate::network::Random;

/// What an identifier of one's own is in flight for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Out {
    /// A QoS 1 message.
    Message1,
    /// A QoS 2 message that wasn't received yet.
    Message2,
    /// A QoS 2 message that was.
    Release,
    /// A SUBSCRIBE or UNSUBSCRIBE.
    Request,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Silent,
    /// The client waits for CONNACK, the server has said none.
    Waiting,
    Open,
    Gone,
}

/// What is talked about.
pub(super) const TOPICS: [&str; 3] = ["a", "plant/7/valve", "sensors/t"];

/// A client, or its broker.
#[derive(Debug)]
pub struct Peer {
    pub(super) version: Version,
    pub(super) direction: Direction,
    pub(super) stage: Stage,
    /// What is in flight, as far as this end knows.
    pub outgoing: BTreeMap<u16, Out>,
    /// QoS 2 messages received and not released.
    pub(super) unreleased: BTreeSet<u16>,
    /// Answers, in the order in which they have to be given.
    pub(super) owed: VecDeque<Said>,
    /// Aliases given in this connection.
    pub(super) aliases: BTreeSet<u16>,
    pub(super) takes: Takes,
    /// What the other end takes; for a client only once it has heard so.
    pub(super) others: Takes,
    pub(super) has_method: bool,
    pub(super) authenticates: bool,
    /// The other end has asked for the topics: a server has nothing to send before.
    pub(super) is_asked: bool,
    /// The largest QoS that a server has granted.
    pub(super) granted: u8,
    /// Whether the session ends with its connection.
    pub(super) is_clean: bool,
    pub(super) knows_session: bool,
    pub(super) is_resumed: bool,
}

impl Peer {
    pub(super) fn new(version: Version, direction: Direction, takes: Takes, others: Takes) -> Self {
        Self {
            version,
            direction,
            stage: Stage::Silent,
            outgoing: BTreeMap::new(),
            unreleased: BTreeSet::new(),
            owed: VecDeque::new(),
            aliases: BTreeSet::new(),
            takes,
            others,
            has_method: false,
            authenticates: false,
            is_asked: direction == Direction::ToServer,
            granted: 0,
            is_clean: true,
            knows_session: false,
            is_resumed: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// What the other end takes.
    #[must_use]
    pub fn others(&self) -> &Takes {
        &self.others
    }

    pub(super) fn lose_connection(&mut self) {
        self.stage = Stage::Silent;
        self.owed.clear();
        self.aliases.clear();
        self.authenticates = false;
        self.outgoing.retain(|_, out| *out != Out::Request);
        if self.is_clean {
            self.outgoing.clear();
            self.unreleased.clear();
            self.is_asked = self.is_client();
            self.granted = 0;
        }
    }

    pub(super) fn is_client(&self) -> bool {
        self.direction == Direction::ToServer
    }

    /// Something to say: what is owed, or something new.
    pub(super) fn speak(&mut self, random: &mut Random) -> Option<Said> {
        if random.once_in(2)
            && let Some(said) = self.answer()
        {
            return Some(said);
        }
        match self.stage {
            Stage::Silent if self.is_client() => {
                self.stage = Stage::Waiting;
                Some(self.connect())
            }
            // It doesn't know yet what the server takes.
            Stage::Waiting if self.is_client() && !self.has_method && random.once_in(3) => {
                Some(self.publish(0, false, None, random))
            }
            Stage::Open => self.act(random),
            Stage::Silent | Stage::Waiting | Stage::Gone => None,
        }
    }

    /// The next answer that is owed.
    pub(super) fn answer(&mut self) -> Option<Said> {
        // A repetition may have been faster, and be answered already.
        let is_stale = |said: &Said| match said.meaning {
            Meaning::PubRel(id) => self.outgoing.get(&id) != Some(&Out::Release),
            Meaning::Publish { qos: 1, id } => self.outgoing.get(&id) != Some(&Out::Message1),
            Meaning::Publish { qos: 2, id } => self.outgoing.get(&id) != Some(&Out::Message2),
            _ => false,
        };
        while self.owed.front().is_some_and(is_stale) {
            self.owed.pop_front();
        }
        let said = self.owed.pop_front()?;
        if matches!(said.meaning, Meaning::ConnAck { .. }) {
            self.stage = Stage::Open;
            self.knows_session = true;
            if self.is_resumed {
                self.resend_all();
            }
        }
        Some(said)
    }

    fn act(&mut self, random: &mut Random) -> Option<Said> {
        match random.below(16) {
            0..6 if self.is_asked => self.message(random),
            6 | 7 if self.version != Version::V5 => self.resend_one(random),
            8 | 9 if self.is_client() => self.subscribe(random),
            10 if self.is_client() => self.unsubscribe(random),
            11 if self.is_client() => Some(said(Meaning::PingReq, encode::pingreq)),
            12 if self.is_client() && self.has_method && !self.authenticates => {
                self.authenticates = true;
                Some(self.auth(0x19))
            }
            13 if random.once_in(20) => self.leave(random),
            _ => None,
        }
    }

    fn message(&mut self, random: &mut Random) -> Option<Said> {
        let mut qos = random.below(usize::from(self.limit_of_qos()) + 1) as u8;
        let in_flight = self.outgoing.values().filter(|out| **out != Out::Request);
        if in_flight.count() >= usize::from(self.others.receive_maximum) {
            qos = 0;
        }
        let retain = random.once_in(3) && (self.others.retain || !self.is_client());
        let most = usize::from(self.others.topic_alias_maximum);
        let alias = (most > 0 && random.once_in(2)).then(|| 1 + random.below(most) as u16);
        Some(self.publish(qos, retain, alias, random))
    }

    /// The largest QoS that it may send a message with.
    #[must_use]
    pub fn limit_of_qos(&self) -> u8 {
        match self.is_client() {
            true => self.others.maximum_qos,
            false => self.granted,
        }
    }

    fn publish(&mut self, qos: u8, retain: bool, alias: Option<u16>, random: &mut Random) -> Said {
        let id = match qos {
            0 => 0,
            _ => self.free_id(random),
        };
        match qos {
            1 => _ = self.outgoing.insert(id, Out::Message1),
            2 => _ = self.outgoing.insert(id, Out::Message2),
            _ => {}
        }
        let is_known = alias.is_some_and(|alias| !self.aliases.insert(alias));
        let topic = match is_known && random.once_in(2) {
            true => "",
            false => TOPICS[random.below(TOPICS.len())],
        };
        let payload = [b'x'; 60];
        let payload = &payload[..random.below(60)];
        self.written_publish(qos, id, retain, false, topic, alias, payload)
    }

    /// An identifier that isn't in flight; few of them, so that they are used again soon.
    pub(super) fn free_id(&self, random: &mut Random) -> u16 {
        loop {
            let id = 1 + random.below(20 + self.outgoing.len()) as u16;
            if !self.outgoing.contains_key(&id) {
                return id;
            }
        }
    }

    /// What 3.x may say again at any time.
    fn resend_one(&mut self, random: &mut Random) -> Option<Said> {
        let at = random.below(self.outgoing.len());
        let (id, out) = self.outgoing.iter().nth(at)?;
        self.resent(*id, *out)
    }

    /// What a session that goes on says again ([MQTT-4.4.0-1]).
    fn resend_all(&mut self) {
        let resent = self
            .outgoing
            .iter()
            .filter_map(|(id, out)| self.resent(*id, *out));
        let resent: Vec<_> = resent.collect();
        self.owed.extend(resent);
    }

    /// Takes in a packet of the other end's, and owes what it asks for.
    pub(super) fn hear(&mut self, meaning: &Meaning, random: &mut Random) {
        if self.stage == Stage::Gone {
            return;
        }
        let talks = self.version == Version::V5
            && random.once_in(4)
            && (self.is_client() || self.others.problem_information);
        match *meaning {
            Meaning::Connect => {
                self.stage = Stage::Waiting;
                let answer = match self.has_method {
                    true => self.auth(0x18),
                    false => self.connack(),
                };
                self.owed.push_back(answer);
            }
            Meaning::ConnAck { accepts: true } => {
                self.stage = Stage::Open;
                if !self.is_clean {
                    self.resend_all();
                }
            }
            Meaning::ConnAck { accepts: false } | Meaning::Disconnect => {
                self.stage = Stage::Gone;
                self.owed.clear();
            }
            Meaning::Auth(code) => self.hear_auth(code),
            Meaning::Publish { qos: 1, id } => self.owe(PacketType::PubAck, id, 0, talks),
            Meaning::Publish { qos: 2, id } => {
                let is_error = self.version == Version::V5
                    && !self.unreleased.contains(&id)
                    && random.once_in(5);
                let code = if is_error { 0x97 } else { 0 };
                if !is_error {
                    self.unreleased.insert(id);
                }
                self.owe(PacketType::PubRec, id, code, talks);
            }
            // What answers nothing is disregarded: a repetition's answer may come late.
            Meaning::PubAck(id) => self.settle(id, &[Out::Message1]),
            Meaning::PubComp(id) => self.settle(id, &[Out::Release]),
            Meaning::SubAck(id) | Meaning::UnsubAck(id) => self.settle(id, &[Out::Request]),
            Meaning::PubRec { id, is_error: true } => {
                self.settle(id, &[Out::Message2, Out::Release]);
            }
            Meaning::PubRec { id, .. } => {
                if matches!(self.outgoing.get(&id), Some(Out::Message2 | Out::Release)) {
                    self.outgoing.insert(id, Out::Release);
                    self.owe(PacketType::PubRel, id, 0, talks);
                }
            }
            Meaning::PubRel(id) => {
                self.unreleased.remove(&id);
                self.owe(PacketType::PubComp, id, 0, talks);
            }
            Meaning::Subscribe { id, filters } => {
                self.is_asked = true;
                let granted: Vec<_> = (0..filters).map(|_| random.below(3) as u8).collect();
                self.granted = granted.iter().copied().fold(self.granted, u8::max);
                let codes: Vec<_> = granted.into_iter().map(ReasonCode).collect();
                self.owed.push_back(said(Meaning::SubAck(id), |out| {
                    encode::suback(out, self.version, id, &[], codes);
                }));
            }
            Meaning::Unsubscribe { id, filters } => {
                let count = if self.version == Version::V5 {
                    filters
                } else {
                    0
                };
                let codes = vec![ReasonCode::SUCCESS; count];
                self.owed.push_back(said(Meaning::UnsubAck(id), |out| {
                    encode::unsuback(out, self.version, id, &[], codes);
                }));
            }
            Meaning::PingReq => {
                self.owed
                    .push_back(said(Meaning::PingResp, encode::pingresp));
            }
            Meaning::Publish { .. } | Meaning::PingResp => {}
        }
    }

    fn settle(&mut self, id: u16, waiting: &[Out]) {
        if self
            .outgoing
            .get(&id)
            .is_some_and(|out| waiting.contains(out))
        {
            self.outgoing.remove(&id);
        }
    }

    fn hear_auth(&mut self, code: u8) {
        let answer = match (self.is_client(), code) {
            (true, 0x18) => self.auth(0x18),
            (false, 0x19) => self.auth(0x18),
            (false, 0x18) if self.stage == Stage::Open => self.auth(0),
            (false, 0x18) => self.connack(),
            _ => {
                self.authenticates = false;
                return;
            }
        };
        self.owed.push_back(answer);
    }

    fn owe(&mut self, packet_type: PacketType, id: u16, code: u8, talks: bool) {
        let said = self.acknowledgement(packet_type, id, code, talks);
        self.owed.push_back(said);
    }
}
