//! What an end of a dialogue takes (MQTT 5.0 §3.1.2.11, §3.2.2.3).

use wire::Direction;
use wire::mqtt::{Property, QoS, Version};

use crate::network::Random;

/// What one end takes; before 5.0 everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the properties' names")]
pub struct Takes {
    pub receive_maximum: u16,
    pub packet_bytes: u32,
    pub topic_alias_maximum: u16,
    pub maximum_qos: u8,
    pub retain: bool,
    pub wildcards: bool,
    pub shared: bool,
    pub subscription_ids: bool,
    pub problem_information: bool,
}

impl Takes {
    /// Everything, and no topic alias.
    pub const ALL: Self = Self {
        receive_maximum: u16::MAX,
        packet_bytes: u32::MAX,
        topic_alias_maximum: 0,
        maximum_qos: 2,
        retain: true,
        wildcards: true,
        shared: true,
        subscription_ids: true,
        problem_information: true,
    };

    pub(super) fn by_chance(version: Version, random: &mut Random) -> Self {
        if version != Version::V5 || random.once_in(4) {
            return Self::ALL;
        }
        let mut no = || !random.once_in(3);
        Self {
            retain: no(),
            wildcards: no(),
            shared: no(),
            subscription_ids: no(),
            problem_information: no(),
            receive_maximum: [1, 2, 5, u16::MAX][random.below(4)],
            packet_bytes: [128, 1000, u32::MAX][random.below(3)],
            topic_alias_maximum: [0, 1, 3][random.below(3)],
            maximum_qos: [2, 2, 1, 0][random.below(4)],
        }
    }

    /// How the end that says `direction` tells the other.
    pub(super) fn told(&self, direction: Direction) -> Vec<Property<'static>> {
        let mut told = Vec::new();
        if self.receive_maximum != u16::MAX {
            told.push(Property::ReceiveMaximum(self.receive_maximum));
        }
        if self.packet_bytes != u32::MAX {
            told.push(Property::MaximumPacketSize(self.packet_bytes));
        }
        if self.topic_alias_maximum != 0 {
            told.push(Property::TopicAliasMaximum(self.topic_alias_maximum));
        }
        match direction {
            Direction::ToServer => {
                told.push(Property::RequestProblemInformation(
                    self.problem_information,
                ));
            }
            Direction::ToClient => {
                if self.maximum_qos < 2 {
                    told.push(Property::MaximumQoS(match self.maximum_qos {
                        0 => QoS::AtMostOnce,
                        _ => QoS::AtLeastOnce,
                    }));
                }
                told.push(Property::RetainAvailable(self.retain));
                told.push(Property::WildcardSubscriptionAvailable(self.wildcards));
                told.push(Property::SharedSubscriptionAvailable(self.shared));
                told.push(Property::SubscriptionIdentifierAvailable(
                    self.subscription_ids,
                ));
            }
        }
        told
    }
}
