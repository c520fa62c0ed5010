//! One end of a dialogue.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wire::Direction;
use wire::mqtt::encode::{self, Connect, Publish};
use wire::mqtt::{PacketType, Property, QoS, ReasonCode, Version};

use super::{Meaning, Said, Takes};
use crate::mqtt::written;
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
enum Stage {
    Silent,
    /// The client waits for CONNACK, the server has said none.
    Waiting,
    Open,
    Gone,
}

/// A client, or its broker.
#[derive(Debug)]
pub struct Peer {
    version: Version,
    direction: Direction,
    stage: Stage,
    /// What is in flight, as far as this end knows.
    pub outgoing: BTreeMap<u16, Out>,
    /// QoS 2 messages received and not released.
    unreleased: BTreeSet<u16>,
    /// Answers, in the order in which they have to be given.
    owed: VecDeque<Said>,
    /// Aliases given in this connection.
    aliases: BTreeSet<u16>,
    takes: Takes,
    /// What the other end takes; for a client only once it has heard so.
    others: Takes,
    pub(super) has_method: bool,
    authenticates: bool,
    /// Whether the session ends with its connection.
    pub(super) is_clean: bool,
    pub(super) knows_session: bool,
    pub(super) is_resumed: bool,
}

const METHOD: &str = "SCRAM";

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
        }
    }

    fn is_client(&self) -> bool {
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
            0..6 => self.message(random),
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

    fn leave(&mut self, random: &mut Random) -> Option<Said> {
        let version = self.version;
        if !self.is_client() && version != Version::V5 {
            return None;
        }
        self.stage = Stage::Gone;
        self.owed.clear();
        let prolongs = self.is_client() && !self.is_clean && random.once_in(2);
        let properties: &[_] = match prolongs {
            true => &[Property::SessionExpiryInterval(500)],
            false => &[],
        };
        Some(said(Meaning::Disconnect, |out| {
            encode::disconnect(out, version, ReasonCode::SUCCESS, properties);
        }))
    }

    fn connect(&self) -> Said {
        let mut properties = self.takes.told(self.direction);
        if !self.is_clean {
            properties.push(Property::SessionExpiryInterval(100));
        }
        if self.has_method {
            properties.push(Property::AuthenticationMethod(METHOD));
        }
        let connect = Connect {
            version: self.version,
            clean_start: self.is_clean,
            client_id: "dialogue",
            properties: &properties,
            ..Connect::default()
        };
        said(Meaning::Connect, |out| encode::connect(out, &connect))
    }

    fn connack(&self) -> Said {
        let mut properties = self.takes.told(self.direction);
        if self.has_method {
            properties.push(Property::AuthenticationMethod(METHOD));
        }
        let is_present = self.is_resumed && self.version != Version::V31;
        said(Meaning::ConnAck { accepts: true }, |out| {
            let code = ReasonCode::SUCCESS;
            encode::connack(out, self.version, is_present, code, &properties);
        })
    }

    fn auth(&self, code: u8) -> Said {
        let properties = [Property::AuthenticationMethod(METHOD)];
        said(Meaning::Auth(code), |out| {
            encode::auth(out, ReasonCode(code), &properties);
        })
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

    fn limit_of_qos(&self) -> u8 {
        match self.is_client() {
            true => self.others.maximum_qos,
            false => 2,
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
            false => ["a", "plant/7/valve", "sensors/t"][random.below(3)],
        };
        let payload = [b'x'; 60];
        let payload = &payload[..random.below(60)];
        self.written_publish(qos, id, retain, false, topic, alias, payload)
    }

    #[allow(clippy::too_many_arguments, reason = "a PUBLISH has that many fields")]
    fn written_publish(
        &self,
        qos: u8,
        id: u16,
        retain: bool,
        dup: bool,
        topic: &str,
        alias: Option<u16>,
        payload: &[u8],
    ) -> Said {
        let properties: Vec<_> = alias.map(Property::TopicAlias).into_iter().collect();
        let publish = Publish {
            dup,
            qos: QoS::from_bits(qos).expect("0 to 2"),
            retain,
            topic,
            packet_id: id,
            properties: &properties,
            payload,
        };
        said(Meaning::Publish { qos, id }, |out| {
            encode::publish(out, self.version, &publish);
        })
    }

    /// An identifier that isn't in flight; few of them, so that they are used again soon.
    fn free_id(&self, random: &mut Random) -> u16 {
        loop {
            let id = 1 + random.below(20 + self.outgoing.len()) as u16;
            if !self.outgoing.contains_key(&id) {
                return id;
            }
        }
    }

    fn subscribe(&mut self, random: &mut Random) -> Option<Said> {
        let id = self.free_id(random);
        self.outgoing.insert(id, Out::Request);
        let mut known = vec!["a", "plant/7/valve", "sensors/t"];
        if self.others.wildcards {
            known.extend(["plant/+/valve", "#"]);
        }
        if self.others.shared && self.version == Version::V5 {
            known.push("$share/g/a");
        }
        let count = 1 + random.below(3);
        let filters: Vec<_> = (0..count)
            .map(|_| (known[random.below(known.len())], 0))
            .collect();
        let properties: &[_] = match self.others.subscription_ids && random.once_in(3) {
            true => &[Property::SubscriptionIdentifier(7)],
            false => &[],
        };
        let meaning = Meaning::Subscribe { id, filters: count };
        Some(said(meaning, |out| {
            encode::subscribe(out, self.version, id, properties, &filters);
        }))
    }

    fn unsubscribe(&mut self, random: &mut Random) -> Option<Said> {
        let id = self.free_id(random);
        self.outgoing.insert(id, Out::Request);
        let filters = vec!["a"; 1 + random.below(3)];
        let meaning = Meaning::Unsubscribe {
            id,
            filters: filters.len(),
        };
        Some(said(meaning, |out| {
            encode::unsubscribe(out, self.version, id, &[], &filters);
        }))
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

    fn resent(&self, id: u16, out: Out) -> Option<Said> {
        Some(match out {
            Out::Message1 => self.written_publish(1, id, false, true, "a", None, b""),
            Out::Message2 => self.written_publish(2, id, false, true, "a", None, b""),
            Out::Release => self.acknowledgement(PacketType::PubRel, id, 0, false),
            Out::Request => return None,
        })
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
                let codes = vec![ReasonCode::SUCCESS; filters];
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

    fn acknowledgement(&self, packet_type: PacketType, id: u16, code: u8, talks: bool) -> Said {
        let meaning = match packet_type {
            PacketType::PubAck => Meaning::PubAck(id),
            PacketType::PubRec => Meaning::PubRec {
                id,
                is_error: code >= 0x80,
            },
            PacketType::PubRel => Meaning::PubRel(id),
            _ => Meaning::PubComp(id),
        };
        let properties: &[_] = match talks {
            true => &[Property::ReasonString("as told")],
            false => &[],
        };
        said(meaning, |out| {
            encode::ack(
                out,
                self.version,
                packet_type,
                id,
                ReasonCode(code),
                properties,
            );
        })
    }
}

fn said(meaning: Meaning, write: impl FnOnce(&mut Vec<u8>)) -> Said {
    Said {
        bytes: written(write),
        meaning,
    }
}
