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

/// The filters a client has asked for, each with its [`END`], and no room for more: most clients ask once, and
/// every session has this.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Box<str>);

/// What became of filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    All,
    /// One of them may mean anything.
    Unclear,
    NoRoom,
}

impl Subscriptions {
    /// Takes note of what is asked for, within `most` bytes.
    fn add(&mut self, subscribe: &Subscribe<'_>, most: usize) -> Added {
        for subscription in subscribe.subscriptions() {
            let filter = subscription.topic_filter();
            if is_server_s_own(filter) {
                return Added::Unclear;
            }
            if self.filters().any(|known| known == filter) {
                continue;
            }
            let len = self.0.len() + filter.len() + END.len_utf8();
            if len > most {
                return Added::NoRoom;
            }
            let mut filters = String::from(std::mem::take(&mut self.0));
            filters.reserve_exact(len - filters.len());
            filters.push_str(filter);
            filters.push(END);
            self.0 = filters.into_boxed_str();
        }
        Added::All
    }

    fn match_name(&self, name: &[u8]) -> bool {
        self.filters().any(|filter| topic::matches(filter, name))
    }

    fn filters(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(END)
    }
}

/// Whether a filter begins with a word of some server, which may mean anything.
fn is_server_s_own(filter: &str) -> bool {
    filter.starts_with('$') && !filter.starts_with("$SYS/")
}

impl Session {
    /// Takes note of the filters of a SUBSCRIBE. False if there is no room for them in `most` bytes.
    pub(super) fn note_subscriptions(&mut self, subscribe: &Subscribe<'_>, most: usize) -> bool {
        if !self.knows_subscriptions {
            return true;
        }
        for subscription in subscribe.subscriptions() {
            self.terms.note_asked(subscription.qos);
        }
        let added = self.subscriptions.add(subscribe, most);
        if added != Added::All {
            self.forget_subscriptions();
        }
        added != Added::NoRoom
    }

    /// There may be other filters than were seen.
    pub(super) fn forget_subscriptions(&mut self) {
        self.knows_subscriptions = false;
        self.subscriptions = Subscriptions::default();
    }

    /// Whether a server sends what its client never asked for, or with a larger QoS than it asked for anything.
    #[inline]
    pub(super) fn check_subscribed(
        &self,
        packet: &ControlPacket<'_>,
        direction: Direction,
    ) -> Option<Reason> {
        let is_open = self.stage == Stage::Open && direction == Direction::ToClient;
        match packet {
            ControlPacket::Publish(publish) if is_open && self.knows_subscriptions => {
                self.check_asked_for(publish)
            }
            _ => None,
        }
    }

    fn check_asked_for(&self, publish: &Publish<'_>) -> Option<Reason> {
        let name = self.name_of(publish)?;
        // What a server says of itself it may say to whom it likes.
        let is_its_own = name.starts_with(b"$");
        if !is_its_own && !self.subscriptions.match_name(name) {
            return Some(Reason::MQTT_SESSION_NOT_SUBSCRIBED);
        }
        let is_raised = !is_its_own && publish.qos > self.terms.asked_qos();
        is_raised.then_some(Reason::MQTT_SESSION_QOS_NOT_ASKED)
    }

    fn name_of<'a>(&'a self, publish: &Publish<'a>) -> Option<&'a [u8]> {
        match publish.topic.is_empty() {
            true => self
                .aliased_topic(publish, Direction::ToClient)
                .map(str::as_bytes),
            false => Some(publish.topic.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::Decoded;
    use wire::mqtt::{Version, encode};

    use super::*;

    fn add(subscriptions: &mut Subscriptions, filter: &str, most: usize) -> Added {
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
    fn what_one_filter_matches_was_asked_for() {
        let mut asked = Subscriptions::default();
        assert!(!asked.match_name(b"a"));
        for filter in ["a/+", "$share/g/b/#", "c", "c", "a/+"] {
            assert_eq!(add(&mut asked, filter, 10), Added::All);
        }
        for name in ["a/1", "b", "b/1/2", "c"] {
            assert!(asked.match_name(name.as_bytes()), "{name}");
        }
        for name in ["a", "a/1/2", "c/1", "ota/firmware"] {
            assert!(!asked.match_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn room_and_understanding_have_an_end() {
        let mut asked = Subscriptions::default();
        assert_eq!(add(&mut asked, "abc", 8), Added::All);
        assert_eq!(add(&mut asked, "defg", 8), Added::NoRoom);
        assert_eq!(add(&mut asked, "$queue/a", 100), Added::Unclear);
        assert_eq!(add(&mut asked, "$SYS/#", 100), Added::All);
    }
}
