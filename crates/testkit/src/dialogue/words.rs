//! The packets of an end of a dialogue, as it writes them.

use wire::mqtt::encode::{self, Connect, Publish};
use wire::mqtt::{PacketType, Property, QoS, ReasonCode, Version};

use super::peer::{Out, Peer, Stage, TOPICS};
use super::{Meaning, Said};
use crate::mqtt::written;
use crate::network::Random;

const METHOD: &str = "SCRAM";

impl Peer {
    pub(super) fn leave(&mut self, random: &mut Random) -> Option<Said> {
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

    pub(super) fn connect(&self) -> Said {
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

    pub(super) fn connack(&self) -> Said {
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

    pub(super) fn auth(&self, code: u8) -> Said {
        let properties = [Property::AuthenticationMethod(METHOD)];
        said(Meaning::Auth(code), |out| {
            encode::auth(out, ReasonCode(code), &properties);
        })
    }

    #[allow(clippy::too_many_arguments, reason = "a PUBLISH has that many fields")]
    pub(super) fn written_publish(
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

    pub(super) fn subscribe(&mut self, random: &mut Random) -> Option<Said> {
        let id = self.free_id(random);
        self.outgoing.insert(id, Out::Request);
        let mut known = TOPICS.to_vec();
        if self.others.wildcards {
            known.extend(["plant/+/valve", "#"]);
        }
        if self.others.shared && self.version == Version::V5 {
            known.push("$share/g/a");
        }
        let more = (0..random.below(3)).map(|_| known[random.below(known.len())]);
        let filters: Vec<_> = TOPICS
            .into_iter()
            .chain(more)
            .map(|filter| (filter, 2))
            .collect();
        let count = filters.len();
        let properties: &[_] = match self.others.subscription_ids && random.once_in(3) {
            true => &[Property::SubscriptionIdentifier(7)],
            false => &[],
        };
        let meaning = Meaning::Subscribe { id, filters: count };
        Some(said(meaning, |out| {
            encode::subscribe(out, self.version, id, properties, &filters);
        }))
    }

    pub(super) fn unsubscribe(&mut self, random: &mut Random) -> Option<Said> {
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

    pub(super) fn resent(&self, id: u16, out: Out) -> Option<Said> {
        Some(match out {
            Out::Message1 => self.written_publish(1, id, false, true, "a", None, b""),
            Out::Message2 => self.written_publish(2, id, false, true, "a", None, b""),
            Out::Release => self.acknowledgement(PacketType::PubRel, id, 0, false),
            Out::Request => return None,
        })
    }

    pub(super) fn acknowledgement(
        &self,
        packet_type: PacketType,
        id: u16,
        code: u8,
        talks: bool,
    ) -> Said {
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

pub(super) fn said(meaning: Meaning, write: impl FnOnce(&mut Vec<u8>)) -> Said {
    Said {
        bytes: written(write),
        meaning,
    }
}
