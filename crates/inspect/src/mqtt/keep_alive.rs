//! Silence: a connection without its CONNECT, and a client that lets its keep alive pass (MQTT 5.0
//! §3.1.2.10, §3.1.4); and the answers to PINGREQs (§3.12, §3.13).

use std::time::Duration;

use policy::Reason;
use wire::Direction;
use wire::mqtt::ControlPacket;

use super::Session;
use super::session::Stage;
use crate::framer::Reading;
use crate::{Instant, Limits};

/// Client's bytes that count as a sign of life by themselves, although the packet they belong to isn't through:
/// an upload that takes longer than a keep alive. Fewer count when a packet of theirs has come (§3.1.2.10).
const UPLOAD_BYTES: usize = 64;

/// The server has the first word: it hears of a packet later than the gateway does.
const GRACE: Duration = Duration::from_secs(1);

impl Session {
    /// Bytes of the client's that nobody has read yet. They don't stand in for a CONNECT, which has its time
    /// from the connection's beginning.
    pub(super) fn hear(&mut self, now: Instant, bytes: &[u8]) {
        let is_unread = self.framers.at(Direction::ToServer).reading == Reading::Seeking;
        let is_upload = bytes.len() >= UPLOAD_BYTES && self.stage != Stage::Opening;
        if is_unread || is_upload {
            self.heard = now;
        }
    }

    /// When the client has to have said something.
    pub(crate) fn deadline(&self, limits: &Limits) -> Instant {
        let direction = Direction::ToServer;
        let is_over = self.has_left[direction as usize]
            || self.framers.at(direction).reading == Reading::Lost;
        match self.stage {
            _ if is_over => Instant::FAR,
            Stage::Opening => self.heard + limits.connect_timeout,
            Stage::Connecting | Stage::Open if self.keep_alive_s > 0 => {
                let one_and_a_half = 1500 * u64::from(self.keep_alive_s);
                self.heard + Duration::from_millis(one_and_a_half) + GRACE
            }
            Stage::Connecting | Stage::Open | Stage::Refused | Stage::Unknown => Instant::FAR,
        }
    }

    /// What it means that the client hasn't.
    pub(crate) fn overdue(&self) -> Reason {
        match self.stage {
            Stage::Opening => Reason::MQTT_SESSION_CONNECT_TIMEOUT,
            _ => Reason::MQTT_SESSION_KEEP_ALIVE,
        }
    }

    /// Whether a PINGRESP answers a PINGREQ, as far as all of them were read.
    pub(super) fn check_ping(&self, packet: &ControlPacket<'_>) -> Option<Reason> {
        let is_answer = matches!(packet, ControlPacket::PingResp(_));
        let is_unasked = is_answer && self.pings == 0 && !self.is_blind;
        is_unasked.then_some(Reason::MQTT_SESSION_PINGRESP_UNEXPECTED)
    }

    /// Takes note of a PINGREQ or PINGRESP that was let through.
    pub(super) fn note_ping(&mut self, packet: &ControlPacket<'_>, direction: Direction) {
        self.pings = match (packet, direction) {
            (ControlPacket::PingReq(_), Direction::ToServer) => self.pings.saturating_add(1),
            (ControlPacket::PingResp(_), Direction::ToClient) if self.pings < u8::MAX => {
                self.pings.saturating_sub(1)
            }
            _ => self.pings,
        };
    }

    /// When the client was last heard.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Takes the client for heard, although it wasn't.
    pub(crate) fn excuse(&mut self, now: Instant) {
        self.heard = now;
    }
}

#[cfg(test)]
mod tests {
    use wire::Decoded;
    use wire::mqtt::Version;

    use super::*;

    fn session(stage: Stage, keep_alive_s: u16) -> Session {
        let mut session = Session::new(Instant::from_secs(100));
        (session.stage, session.keep_alive_s) = (stage, keep_alive_s);
        session
    }

    #[test]
    fn a_client_has_one_and_a_half_keep_alives() {
        let limits = Limits::default();
        let due = |stage, keep_alive_s| session(stage, keep_alive_s).deadline(&limits);
        assert_eq!(due(Stage::Opening, 0), Instant::from_secs(160));
        assert_eq!(due(Stage::Open, 60), Instant::from_secs(191));
        assert_eq!(due(Stage::Connecting, 1), Instant::from_millis(102_500));
        assert_eq!(due(Stage::Open, u16::MAX), Instant::from_millis(98_403_500));
    }

    #[test]
    fn more_questions_than_can_be_counted_have_any_number_of_answers() {
        let mut session = session(Stage::Open, 60);
        let (request, response) = ([0xc0, 0], [0xd0, 0]);
        let [request, response] = [
            (&request, Direction::ToServer),
            (&response, Direction::ToClient),
        ]
        .map(|(bytes, direction)| {
            match ControlPacket::decode(bytes, Version::V311, direction) {
                Ok(Decoded::Complete { message, .. }) => message,
                other => panic!("{other:?}"),
            }
        });
        let unexpected = Some(Reason::MQTT_SESSION_PINGRESP_UNEXPECTED);
        assert_eq!(session.check_ping(&response), unexpected);
        for _ in 0..u8::MAX {
            session.note_ping(&request, Direction::ToServer);
        }
        for _ in 0..1000 {
            assert_eq!(session.check_ping(&response), None);
            session.note_ping(&response, Direction::ToClient);
        }
    }

    #[test]
    fn without_keep_alive_or_sight_nothing_is_due() {
        let limits = Limits::default();
        for (stage, keep_alive_s) in [(Stage::Open, 0), (Stage::Unknown, 60), (Stage::Refused, 60)]
        {
            assert_eq!(session(stage, keep_alive_s).deadline(&limits), Instant::FAR);
        }
        let mut session = session(Stage::Open, 60);
        session.lose(Direction::ToServer);
        assert_eq!(session.deadline(&limits), Instant::FAR);
    }
}
