//! Silence: a connection without its CONNECT, a client that lets its keep alive pass (MQTT 5.0 §3.1.2.10,
//! §3.1.4), one that stops in the middle of a packet; and the answers to PINGREQs (§3.12, §3.13).
//!
//! A packet is a sign of life when it has come. One that takes long is one as far as it comes on: what its bytes
//! are worth in time is all that its sender is taken to have been heard later. So an upload over a slow radio lives,
//! and drops that are to hold a connection don't, however they are cut into segments.

use std::time::Duration;

use policy::Reason;
use wire::Direction;
use wire::mqtt::ControlPacket;

use super::Session;
use super::session::Stage;
use crate::framer::Reading;
use crate::{Instant, Limits};

/// What one byte of a packet is worth, while the rest is to come: ten a second are life. The slowest radio that
/// MQTT is used over has thirty times as many.
const BYTE_WORTH_MS: u64 = 100;

/// The server has the first word: it hears of a packet later than the gateway does.
const GRACE: Duration = Duration::from_secs(1);

impl Session {
    /// A packet of the client's begins, so that the one before has come to its end.
    pub(super) fn note_begun(&mut self, now: Instant) {
        if self.moved != Instant::FAR {
            self.moved = Instant::FAR;
            self.heard = now;
        }
    }

    /// So many bytes of the client's were read. They don't stand in for a CONNECT, which has its time from the
    /// connection's beginning.
    pub(super) fn note_progress(&mut self, now: Instant, bytes: usize) {
        let reading = self.framers.at(Direction::ToServer).reading;
        if !matches!(reading, Reading::Partial { .. } | Reading::Body { .. }) {
            return self.note_begun(now);
        }
        let worth = Duration::from_millis(BYTE_WORTH_MS * bytes as u64);
        if self.stage != Stage::Opening {
            self.heard = now.min(self.heard + worth);
        }
        self.moved = now.min(self.moved + worth);
    }

    /// When the client has to have said something.
    pub(crate) fn deadline(&self, limits: &Limits) -> Instant {
        let direction = Direction::ToServer;
        let is_over = self.has_left[direction as usize]
            || self.framers.at(direction).reading == Reading::Lost;
        match self.stage {
            _ if is_over => Instant::FAR,
            Stage::Opening => self.heard + limits.connect_timeout,
            Stage::Connecting | Stage::Open => self.silent_at(limits).min(self.stalled_at(limits)),
            Stage::Refused | Stage::Unknown => Instant::FAR,
        }
    }

    /// When its keep alive is over. Before the CONNACK it waits for its server, which may take its time to ask others
    /// about it, and may give it another keep alive: then it has as long as for its CONNECT, if that is longer.
    fn silent_at(&self, limits: &Limits) -> Instant {
        let keep_alive = Duration::from_millis(1500 * u64::from(self.keep_alive_s)) + GRACE;
        match (self.keep_alive_s, self.stage) {
            (0, _) => Instant::FAR,
            (_, Stage::Connecting) => self.heard + keep_alive.max(limits.connect_timeout),
            _ => self.heard + keep_alive,
        }
    }

    /// When the packet that it is sending has taken too long.
    fn stalled_at(&self, limits: &Limits) -> Instant {
        self.moved + limits.packet_timeout
    }

    /// What it means that the client hasn't.
    pub(crate) fn overdue(&self, limits: &Limits) -> Reason {
        match self.stage {
            Stage::Opening => Reason::MQTT_SESSION_CONNECT_TIMEOUT,
            _ if self.stalled_at(limits) < self.silent_at(limits) => {
                Reason::MQTT_SESSION_PACKET_STALLED
            }
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
        if self.moved != Instant::FAR {
            self.moved = now;
        }
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
        assert_eq!(due(Stage::Connecting, 1), Instant::from_secs(160));
        assert_eq!(due(Stage::Connecting, 60), Instant::from_secs(191));
        assert_eq!(due(Stage::Open, u16::MAX), Instant::from_millis(98_403_500));
    }

    #[test]
    fn a_packet_on_its_way_has_its_time_by_what_comes_of_it() {
        let limits = Limits::default();
        let secs = Instant::from_secs;
        let mut session = session(Stage::Open, 0);
        session.framers.at_mut(Direction::ToServer).pass(1_000_000);
        session.note_progress(secs(1000), 100);
        assert_eq!(session.deadline(&limits), secs(1300));
        // Sixty-four bytes a minute are six seconds and a half.
        for minute in 1..=5 {
            session.note_progress(secs(1000 + 60 * minute), 64);
        }
        assert_eq!(session.deadline(&limits), secs(1332));
        assert_eq!(
            session.overdue(&limits),
            Reason::MQTT_SESSION_PACKET_STALLED
        );
        // Three hundred a second, in small segments, are life.
        for second in 0..600 {
            for _ in 0..6 {
                session.note_progress(secs(1330 + second), 50);
            }
        }
        assert_eq!(session.deadline(&limits), secs(1330 + 599 + 300));
        session.framers.at_mut(Direction::ToServer).pass(0);
        session.note_progress(secs(2000), 10);
        assert_eq!(session.deadline(&limits), Instant::FAR);
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
