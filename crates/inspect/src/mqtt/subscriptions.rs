//! What a client has asked for, and a server may send it (MQTT 5.0 §3.3.2.1): every filter that was ever in a
//! SUBSCRIBE of the session, granted or not, given back or not, since messages may still be on their way.
//!
//! Silent where a legal server can't be told from others: once a session has a past, packets went by unread,
//! there was no room for a filter, or a filter is of a kind the server has for itself (`$queue/`).

use policy::Reason;
use wire::Direction;
use wire::mqtt::{ControlPacket, Publish, Subscribe, topic};

use super::Session;
use super::session::Stage;

/// Stands between two filters: no filter contains it ([MQTT-1.5.4-2]).
const END: char = '\0';

/// The filters of one session.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Subscriptions {
    /// There may be others than were seen.
    #[default]
    Unknown,
    /// These and no others, each with its [`END`].
    Known(Box<str>),
}

impl Subscriptions {
    /// Those of a session without a past.
    pub(super) fn none() -> Self {
        Self::Known(Box::default())
    }

    /// Takes note of what is asked for. False if there is no room for it in `most` bytes.
    fn add(&mut self, subscribe: &Subscribe<'_>, most: usize) -> bool {
        for subscription in subscribe.subscriptions() {
            let Self::Known(known) = self else {
                return true;
            };
            let filter = subscription.topic_filter();
            if is_server_s_own(filter) {
                *self = Self::Unknown;
                return true;
            }
            if filters(known).any(|known| known == filter) {
                continue;
            }
            if known.len() + filter.len() + END.len_utf8() > most {
                *self = Self::Unknown;
                return false;
            }
            *known = [known, filter, "\0"].concat().into();
        }
        true
    }

    /// Whether nothing that was asked for can be this.
    fn exclude(&self, name: &str) -> bool {
        match self {
            Self::Known(known) => !filters(known).any(|filter| topic::matches(filter, name)),
            Self::Unknown => false,
        }
    }
}

fn filters(known: &str) -> impl Iterator<Item = &str> {
    known.split_terminator(END)
}

/// Whether a filter begins with a word of some server, which may mean anything.
fn is_server_s_own(filter: &str) -> bool {
    filter.starts_with('$') && !filter.starts_with("$SYS/")
}

impl Session {
    /// Takes note of the filters of a SUBSCRIBE. False if there is no room for them in `most` bytes.
    pub(super) fn note_subscriptions(&mut self, packet: &ControlPacket<'_>, most: usize) -> bool {
        match packet {
            ControlPacket::Subscribe(subscribe) => self.subscriptions.add(subscribe, most),
            _ => true,
        }
    }

    /// Whether a server sends what its client never asked for.
    pub(super) fn check_subscribed(
        &self,
        packet: &ControlPacket<'_>,
        direction: Direction,
    ) -> Option<Reason> {
        let ControlPacket::Publish(publish) = packet else {
            return None;
        };
        if direction == Direction::ToServer || self.stage != Stage::Open {
            return None;
        }
        let name = self.name_of(publish)?;
        // What a server says of itself it may say to whom it likes.
        let is_excluded = !name.starts_with('$') && self.subscriptions.exclude(name);
        is_excluded.then_some(Reason::MQTT_SESSION_NOT_SUBSCRIBED)
    }

    fn name_of<'a>(&'a self, publish: &Publish<'a>) -> Option<&'a str> {
        match publish.topic {
            "" => self.aliased_topic(publish, Direction::ToClient),
            name => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::Decoded;
    use wire::mqtt::{Version, encode};

    use super::*;

    /// Adds a filter. False if there was no room.
    fn add(subscriptions: &mut Subscriptions, filter: &str, most: usize) -> bool {
        let mut bytes = Vec::new();
        encode::subscribe(&mut bytes, Version::V311, 1, &[], &[(filter, 0)]);
        match ControlPacket::decode(&bytes, Version::V311, Direction::ToServer) {
            Ok(Decoded::Complete {
                message: ControlPacket::Subscribe(subscribe),
                ..
            }) => subscriptions.add(&subscribe, most),
            other => panic!("{filter}: {other:?}"),
        }
    }

    #[test]
    fn only_what_no_filter_matches_is_excluded() {
        let mut asked = Subscriptions::none();
        assert!(asked.exclude("a"));
        for filter in ["a/+", "$share/g/b/#", "c", "c", "a/+"] {
            assert!(add(&mut asked, filter, 12));
        }
        for name in ["a/1", "b", "b/1/2", "c"] {
            assert!(!asked.exclude(name), "{name}");
        }
        for name in ["a", "a/1/2", "c/1", "ota/firmware"] {
            assert!(asked.exclude(name), "{name}");
        }
    }

    #[test]
    fn where_room_or_knowledge_ends_nothing_is_excluded() {
        let mut asked = Subscriptions::none();
        assert!(add(&mut asked, "abc", 8) && !add(&mut asked, "defg", 8));
        assert_eq!(asked, Subscriptions::Unknown);
        let mut asked = Subscriptions::none();
        assert!(add(&mut asked, "$queue/a", 100));
        assert!(!asked.exclude("b") && !Subscriptions::default().exclude("b"));
    }
}
