//! Who may say what when: CONNECT, CONNACK, everything else, DISCONNECT (MQTT 5.0 §3.1, §3.2, §3.14).

use policy::Reason;
use wire::Direction;
use wire::mqtt::{ControlPacket, Version};

use super::Session;
use super::session::Stage;

impl Session {
    /// What the course of the connection so far has against a packet.
    pub(super) fn check_order(
        &self,
        packet: &ControlPacket<'_>,
        direction: Direction,
    ) -> Option<Reason> {
        if self.has_left[direction as usize] {
            return Some(Reason::MQTT_SESSION_AFTER_DISCONNECT);
        }
        match direction {
            Direction::ToServer => self.check_order_of_client(packet),
            Direction::ToClient => self.check_order_of_server(packet),
        }
    }

    fn check_order_of_client(&self, packet: &ControlPacket<'_>) -> Option<Reason> {
        let is_connect = matches!(packet, ControlPacket::Connect(_));
        match self.stage {
            Stage::Opening if !is_connect => Some(Reason::MQTT_SESSION_FIRST_NOT_CONNECT),
            Stage::Connecting | Stage::Open | Stage::Refused if is_connect => {
                Some(Reason::MQTT_SESSION_SECOND_CONNECT)
            }
            // Between CONNECT and CONNACK clients may go ahead ([MQTT-3.1.4-5]), and what they say
            // may cross a refusal.
            _ => None,
        }
    }

    fn check_order_of_server(&self, packet: &ControlPacket<'_>) -> Option<Reason> {
        let is_connack = matches!(packet, ControlPacket::ConnAck(_));
        let is_auth = matches!(packet, ControlPacket::Auth(_));
        match self.stage {
            Stage::Opening | Stage::Open if is_connack => {
                Some(Reason::MQTT_SESSION_CONNACK_UNEXPECTED)
            }
            Stage::Opening => Some(Reason::MQTT_SESSION_SERVER_FIRST),
            Stage::Connecting if is_connack || (is_auth && self.version == Version::V5) => None,
            Stage::Connecting => Some(Reason::MQTT_SESSION_SERVER_FIRST),
            Stage::Refused => Some(Reason::MQTT_SESSION_AFTER_REFUSAL),
            Stage::Open | Stage::Unknown => None,
        }
    }
}
