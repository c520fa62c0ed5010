//! Enhanced authentication: whose turn it is, by the method the CONNECT names (MQTT 5.0 §4.12).

use policy::Reason;
use wire::Direction;
use wire::mqtt::{Auth, ConnAck, ControlPacket, ReasonCode};

use super::Session;
use super::session::{Stage, recalls, remembered};

/// An authentication, under way or through.
#[derive(Debug)]
pub(super) struct Authentication {
    method: Box<str>,
    turn: Turn,
}

/// Who has to say the next word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Client,
    Server,
    /// It is through; the client may begin anew.
    Nobody,
}

impl Authentication {
    /// The one a CONNECT begins.
    pub(super) fn of(method: &str) -> Option<Self> {
        Some(Self {
            method: remembered(method)?,
            turn: Turn::Server,
        })
    }
}

impl Session {
    /// What a packet has against it that belongs to an authentication, or comes in between.
    #[inline]
    pub(super) fn check_authentication(
        &self,
        packet: &ControlPacket<'_>,
        direction: Direction,
    ) -> Option<Reason> {
        let is_through = self.stage == Stage::Open && !matches!(packet, ControlPacket::Auth(_));
        match self.is_blind || is_through {
            true => None,
            false => self.check_turn(packet, direction),
        }
    }

    fn check_turn(&self, packet: &ControlPacket<'_>, direction: Direction) -> Option<Reason> {
        match packet {
            ControlPacket::Auth(auth) => self.check_auth(auth, direction),
            ControlPacket::ConnAck(connack) => self.check_method_of(connack),
            ControlPacket::Connect(_) | ControlPacket::Disconnect(_) => None,
            _ => {
                let is_unfinished = direction == Direction::ToServer
                    && self.stage == Stage::Connecting
                    && self.authentication().is_some();
                is_unfinished.then_some(Reason::MQTT_AUTH_UNFINISHED)
            }
        }
    }

    fn check_auth(&self, auth: &Auth<'_>, direction: Direction) -> Option<Reason> {
        let Some(known) = self.authentication() else {
            return Some(Reason::MQTT_AUTH_UNEXPECTED);
        };
        let method = auth.properties.authentication_method();
        if method.is_some_and(|method| !recalls(&known.method, method)) {
            return Some(Reason::MQTT_AUTH_METHOD);
        }
        let is_open = self.stage == Stage::Open;
        let fits = match (direction, auth.reason_code) {
            (Direction::ToServer, ReasonCode::CONTINUE_AUTHENTICATION) => {
                known.turn == Turn::Client
            }
            (Direction::ToServer, _) => is_open && known.turn == Turn::Nobody,
            (Direction::ToClient, ReasonCode::CONTINUE_AUTHENTICATION) => {
                known.turn == Turn::Server
            }
            (Direction::ToClient, _) => is_open && known.turn == Turn::Server,
        };
        (!fits).then_some(Reason::MQTT_AUTH_UNEXPECTED)
    }

    fn check_method_of(&self, connack: &ConnAck<'_>) -> Option<Reason> {
        let told = connack.properties.authentication_method();
        match (self.authentication(), told) {
            _ if self.stage != Stage::Connecting || !connack.is_accepted() => None,
            (Some(known), Some(told)) if recalls(&known.method, told) => None,
            (Some(_), None) => Some(Reason::MQTT_AUTH_METHOD_MISSING),
            (None, None) => None,
            _ => Some(Reason::MQTT_AUTH_METHOD),
        }
    }

    /// Takes note of whose turn it is after a packet.
    pub(super) fn note_authentication(&mut self, packet: &ControlPacket<'_>, direction: Direction) {
        let Some(known) = self
            .rare
            .as_mut()
            .and_then(|rare| rare.authentication.as_mut())
        else {
            return;
        };
        known.turn = match packet {
            ControlPacket::ConnAck(connack) if connack.is_accepted() => Turn::Nobody,
            ControlPacket::Auth(auth) => match (direction, auth.reason_code) {
                (Direction::ToServer, _) => Turn::Server,
                (Direction::ToClient, ReasonCode::CONTINUE_AUTHENTICATION) => Turn::Client,
                (Direction::ToClient, _) => Turn::Nobody,
            },
            _ => return,
        };
    }
}
