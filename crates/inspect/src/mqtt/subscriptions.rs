//! What a client has asked for, and a server may send it (MQTT 5.0 §3.3.2.1): every filter that was ever in a
//! SUBSCRIBE of the session and wasn't refused, given back or not, since what its server has in its buffers may still
//! come (§3.10.4); and every subscription identifier.
//!
//! Silent where a legal server can't be told from others: once a session has a past, packets went by unread,
//! there was no room for a filter, or a filter is of a kind the server has for itself (`$queue/`).

use policy::Reason;
use wire::Direction;
use wire::mqtt::{ControlPacket, FilterAck, Properties, Property, Publish, QoS, Subscribe, topic};

use super::Session;
use super::inflight::Step;
use super::session::Stage;
use super::untracked::Unseen;

/// Stands between two filters: no filter contains it ([MQTT-1.5.4-2]).
const END: char = '\0';

/// The filters a client has asked for, each with its [`END`], and no room for more: most clients ask once, and
/// every session has this.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Box<str>);

/// What became of filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    /// All are there, so many of them new.
    All {
        new: usize,
    },
    /// One of them may mean anything.
    Unclear,
    NoRoom,
}

impl Subscriptions {
    /// Takes note of what is asked for, within `most` bytes.
    fn add(&mut self, subscribe: &Subscribe<'_>, most: usize) -> Added {
        let mut new = 0;
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
            new += 1;
        }
        Added::All { new }
    }

    /// Drops those of the last `refused.len()` filters that are refused.
    fn drop_refused(&mut self, refused: impl ExactSizeIterator<Item = bool>) {
        let earlier = self.filters().count().saturating_sub(refused.len());
        let mut kept = String::with_capacity(self.0.len());
        let is_refused = std::iter::repeat_n(false, earlier).chain(refused);
        for (filter, _) in self.filters().zip(is_refused).filter(|(_, is)| !is) {
            kept.push_str(filter);
            kept.push(END);
        }
        self.0 = kept.into_boxed_str();
    }

    fn match_name(&self, name: &[u8]) -> bool {
        self.filters().any(|filter| topic::matches(filter, name))
    }

    fn filters(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(END)
    }
}

fn identifiers(properties: Properties<'_>) -> impl Iterator<Item = u32> {
    properties.iter().filter_map(|property| match property {
        Property::SubscriptionIdentifier(identifier) => Some(identifier),
        _ => None,
    })
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
            self.terms.note_asked(&subscription);
        }
        let added = self.subscriptions.add(subscribe, most);
        let has_room = added != Added::NoRoom && self.note_identifier(subscribe, most);
        match added {
            Added::All { new } if has_room => {
                let is_new = subscribe.subscriptions().count() == new;
                self.in_flight.latest_news = if is_new { subscribe.packet_id } else { 0 };
            }
            _ => self.forget_subscriptions(),
        }
        has_room
    }

    /// Takes note of a subscription identifier. False if there is no room for it in `most` bytes.
    fn note_identifier(&mut self, subscribe: &Subscribe<'_>, most: usize) -> bool {
        let Some(identifier) = identifiers(subscribe.properties).next() else {
            return true;
        };
        let given = &mut self.rare.get_or_insert_default().subscription_ids;
        if given.contains(&identifier) {
            return true;
        }
        let fits = size_of_val(&identifier) * (given.len() + 1) <= most;
        if fits {
            *given = given.iter().copied().chain([identifier]).collect();
        }
        fits
    }

    /// Takes note of a SUBACK: for what it refuses, nothing is sent, and nothing with more than it grants.
    pub(super) fn note_granted(&mut self, suback: &FilterAck<'_>) {
        for code in suback.reason_codes().filter(|code| !code.is_error()) {
            if let Some(qos) = QoS::from_bits(code.0) {
                self.terms.note_granted(qos);
            }
        }
        let refused = || suback.reason_codes().map(|code| code.is_error());
        if self.in_flight.latest_news == suback.packet_id && self.answers_all(suback) {
            self.in_flight.latest_news = 0;
            if refused().any(|is_refused| is_refused) {
                self.subscriptions.drop_refused(refused());
            }
        }
    }

    /// Whether a SUBACK answers one SUBSCRIBE with a code for each of its filters.
    fn answers_all(&self, suback: &FilterAck<'_>) -> bool {
        let entry = self.in_flight.entry(Direction::ToServer, suback.packet_id);
        entry.is_some_and(|entry| {
            entry.step == Step::SubAck && usize::from(entry.count) == suback.reason_codes().len()
        })
    }

    /// There may be other filters than were seen.
    pub(super) fn forget_subscriptions(&mut self) {
        self.knows_subscriptions = false;
        self.subscriptions = Subscriptions::default();
        self.in_flight.latest_news = 0;
        if let Some(rare) = &mut self.rare {
            rare.subscription_ids = [].into();
        }
    }

    /// Whether a server sends what its client never asked for, or not in that way.
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
        if !is_its_own && publish.qos > self.allowed_qos() {
            return Some(Reason::MQTT_SESSION_QOS_NOT_ASKED);
        }
        if !is_its_own && publish.retain && !self.terms.asks_for_retained() {
            return Some(Reason::MQTT_SESSION_RETAIN_NOT_ASKED);
        }
        let mut named = identifiers(publish.properties);
        let is_made_up = named.any(|identifier| !self.has_given(identifier));
        is_made_up.then_some(Reason::MQTT_SESSION_SUBSCRIPTION_ID_NOT_GIVEN)
    }

    /// The largest QoS that a message may come with: what was granted, or asked for with what isn't answered yet, since
    /// messages may come before the SUBACK (§3.8.4).
    fn allowed_qos(&self) -> QoS {
        let may_wait = self.unseen[Direction::ToServer as usize] != Unseen::Nothing
            || self.in_flight.has_request(Direction::ToServer)
            || self.has_leftovers(Direction::ToServer);
        match may_wait {
            true => self.terms.asked_qos(),
            false => self.terms.asked_qos().min(self.terms.granted_qos()),
        }
    }

    /// Whether the client has given a subscription this identifier.
    fn has_given(&self, identifier: u32) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.subscription_ids.contains(&identifier))
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
            assert!(matches!(add(&mut asked, filter, 10), Added::All { .. }));
        }
        for name in ["a/1", "b", "b/1/2", "c"] {
            assert!(asked.match_name(name.as_bytes()), "{name}");
        }
        for name in ["a", "a/1/2", "c/1", "ota/firmware"] {
            assert!(!asked.match_name(name.as_bytes()), "{name}");
        }
        asked.drop_refused([true, false].into_iter());
        assert!(asked.filters().eq(["a/+", "c"]));
        asked.drop_refused([true; 3].into_iter());
        assert!(!asked.match_name(b"c"));
    }

    #[test]
    fn room_and_understanding_have_an_end() {
        let mut asked = Subscriptions::default();
        assert_eq!(add(&mut asked, "abc", 8), Added::All { new: 1 });
        assert_eq!(add(&mut asked, "abc", 8), Added::All { new: 0 });
        assert_eq!(add(&mut asked, "defg", 8), Added::NoRoom);
        assert_eq!(add(&mut asked, "$queue/a", 100), Added::Unclear);
        assert_eq!(add(&mut asked, "$SYS/#", 100), Added::All { new: 1 });
    }
}
