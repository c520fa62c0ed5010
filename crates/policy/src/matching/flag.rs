//! What is so of a control packet, or isn't.

use wire::mqtt::{Connect, ControlPacket};

use super::told;
use crate::{Message, Subject};

/// A yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    /// `retain` of a PUBLISH or a will.
    Retain,
    /// `dup` of a PUBLISH.
    Dup,
    /// `clean` of a CONNECT: Clean Session, Clean Start.
    Clean,
    /// `will`: whether a CONNECT has one.
    Will,
    /// `password = true`: whether a CONNECT has one; an empty one is none.
    Password,
    /// `will_outlives_session`: whether a will is due later than its session ends (MQTT 5.0 §3.1.3.2.2,
    /// which publishes it at the earlier of the two).
    WillOutlivesSession,
    /// `session_present` of a CONNACK.
    SessionPresent,
}

impl Flag {
    /// `None` where the message can't have it.
    pub(super) fn of(self, subject: &Subject<'_>) -> Option<bool> {
        let Message::Mqtt(packet) = subject.message else {
            return None;
        };
        match (self, packet) {
            (Self::Retain, ControlPacket::Publish(publish)) => Some(publish.retain),
            (Self::Retain, ControlPacket::Connect(connect)) => connect.will.map(|will| will.retain),
            (Self::Dup, ControlPacket::Publish(publish)) => Some(publish.dup),
            (Self::Clean, ControlPacket::Connect(connect)) => Some(connect.clean_start),
            (Self::Will, ControlPacket::Connect(connect)) => Some(connect.will.is_some()),
            (Self::Password, ControlPacket::Connect(_)) => Some(told::password(subject).is_some()),
            (Self::WillOutlivesSession, ControlPacket::Connect(connect)) => {
                Some(will_outlives_session(connect))
            }
            (Self::SessionPresent, ControlPacket::ConnAck(connack)) => {
                Some(connack.session_present)
            }
            _ => None,
        }
    }
}

/// Who names no expiry has a session that ends with its connection; all ones are for ever
/// (MQTT 5.0 §3.1.2.11.2).
fn will_outlives_session(connect: &Connect<'_>) -> bool {
    let delay_s = connect.will.and_then(|will| will.delay_s()).unwrap_or(0);
    delay_s > connect.properties.session_expiry_s().unwrap_or(0)
}
