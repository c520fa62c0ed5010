//! By what a rule can be found: the conditions of it that tell a message apart from most others.

mod paths;
mod texts;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ipnet::IpNet;
use wire::mqtt::topic;

use super::addresses::{Addresses, Networks};
use super::condition::{Condition, FilterCondition, Identity, Party};
use super::extent::Extent;
use super::glob::Glob;
use super::hello::HelloCondition;
use super::list::List;
use super::measure::Measure;
use super::numbers::{Bounds, Numbers};
use super::path::PathPattern;
use super::pattern::{Pattern, Relation};
use super::payload::{Bytes, Expression, JsonTest, PayloadCondition, Pointer, Range};
use super::prefix::delayed;
use super::read::Matching;
use super::resolved::Resolved;
use super::scope::Scope;
use super::told;
use crate::{Message, Reason, Subject};

use texts::{globs, names, values};

/// Of longer literals only so much is looked for: what the index finds is looked at once more.
const MAX_LITERAL_BYTES: usize = 32;

/// Who asks for more VLANs is found by something else.
const MAX_VLANS: usize = 64;

/// Entries of which a message has to have one for a rule to match.
pub(crate) type Key = Vec<Entry>;

/// Something of a message that can be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    /// A topic, filter or path that stands in this relation to a filter.
    Levels(Look, Box<str>),
    /// A text that has this one at this place.
    Text(Field, Place, Box<str>),
    /// An address in this network.
    Network(Party, IpNet),
    Zone(Party, Zone),
    /// A frame in this VLAN.
    Vlan(u16),
    /// A payload with these bytes in it.
    Payload(Box<[u8]>),
    /// A payload in JSON with such a value there.
    Json(Pointer, JsonLook),
    /// So many bytes, or what else is measured.
    Number(Extent, Bounds),
    /// This detection.
    Reason(Reason),
}

/// What is looked up level by level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Look {
    /// The topic of a message.
    Topic,
    /// Filters of a SUBSCRIBE or UNSUBSCRIBE that overlap the rule's.
    Overlaps,
    /// Such filters that stay inside of the rule's.
    Within,
    /// Such filters that take in the rule's.
    Covers,
    /// The path of a CoAP request.
    Path,
    /// The same, its last segment first.
    PathEnd,
}

/// A text of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    Topic,
    Filter,
    ClientId,
    Username,
    Password,
    ServerName,
    /// By the property's identifier.
    Property(u8),
    /// By the option's number.
    Option(u16),
}

/// What a value in JSON is looked up by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum JsonLook {
    There,
    Flag(bool),
    /// A number, both ends included.
    Within(Range),
    Text(Place, Box<str>),
}

/// Where in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Whole,
    Start,
    End,
    Inside,
}

/// A zone, known by its address: there is one of each.
#[derive(Debug, Clone)]
pub(crate) struct Zone(pub(crate) Arc<Networks>);

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Entry {
    /// How many of all messages have it, as a guess: the least is best looked up.
    pub(crate) fn breadth(&self) -> u64 {
        match self {
            Self::Text(_, Place::Whole, _) => 1,
            Self::Text(_, Place::Start | Place::End, text) if text.len() > 2 => 2,
            Self::Text(..) => 8,
            Self::Levels(_, filter) => match filter.split('/').filter(|l| is_literal(l)).count() {
                0 | 1 if filter.ends_with('#') => 16,
                _ => 2,
            },
            Self::Network(_, network) => match network.prefix_len() {
                0..16 => 16,
                16..24 => 4,
                _ => 2,
            },
            Self::Zone(..) => 16,
            Self::Vlan(_) => 4,
            Self::Payload(bytes) if bytes.len() > 3 => 4,
            // Whoever is found by it makes payloads be read.
            Self::Json(..) => 32,
            Self::Number(
                Extent::SourcePort | Extent::DestinationPort | Extent::PacketId | Extent::MessageId,
                _,
            ) => 8,
            Self::Number(..) => 48,
            Self::Payload(_) | Self::Reason(_) => 64,
        }
    }
}

fn is_literal(level: &str) -> bool {
    !matches!(level, "+" | "#")
}

impl Matching {
    /// All that the rule could be found by.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.keys_with(paths::keys)
    }

    /// All that rules could be found by that have to do with this one.
    pub(crate) fn kin_keys(&self) -> Vec<Key> {
        self.keys_with(paths::kin)
    }

    fn keys_with(&self, paths: fn(&List<PathPattern>) -> Vec<Key>) -> Vec<Key> {
        let mut keys = Vec::new();
        for condition in &self.conditions {
            condition.keys_with(paths, &mut keys);
        }
        if let Some(reasons) = &self.reasons {
            keys.push(reasons.iter().map(Entry::Reason).collect());
        }
        keys
    }
}

impl Condition {
    /// Adds all that rules could be found by that have to do with one that asks for it.
    pub(crate) fn kin_keys(&self, keys: &mut Vec<Key>) {
        self.keys_with(paths::kin, keys);
    }

    /// Adds all that a rule that asks for it could be found by.
    fn keys_with(&self, paths: fn(&List<PathPattern>) -> Vec<Key>, keys: &mut Vec<Key>) {
        match self {
            // By what tells nothing apart nothing is found.
            everything if everything.holds_for_all(Scope::ALL) => {}
            Self::Topic(list) => keys.extend(topics(Look::Topic, list)),
            Self::TopicText(list) => keys.extend(globs(Field::Topic, list)),
            Self::Filter(filter) => filters(filter, keys),
            Self::Path(list) => keys.extend(paths(list)),
            Self::Identity(identity, list) => keys.extend(names(Field::from(*identity), list)),
            Self::Password(list) => keys.extend(names(Field::Password, list)),
            Self::Property(property) => {
                keys.extend(values(Field::Property(property.id), &property.test));
            }
            Self::Option(option) => {
                keys.extend(values(Field::Option(option.number), &option.test));
            }
            Self::Address(party, list) => keys.extend(addresses(*party, list)),
            Self::Hello(HelloCondition::ServerName(list)) => {
                keys.extend(globs(Field::ServerName, list));
            }
            Self::Number(Measure::Vlan, numbers) => keys.extend(vlans(numbers)),
            Self::Number(measure, numbers) => {
                let extent = Extent::of_measure(*measure);
                // What fits without a number isn't found by one.
                let extent = extent.filter(|_| !numbers.holds_for(None));
                keys.extend(extent.map(|of| sizes(of, numbers)));
            }
            Self::Payload(payload) => payloads(payload, keys),
            _ => {}
        }
    }
}

/// A key of a list: none if one of its entries can't be looked up, or if it only excludes.
fn all<T>(list: &List<T>, entry: impl FnMut(&T) -> Option<Entry>) -> Option<Key> {
    let key: Key = list.any_of.iter().map(entry).collect::<Option<_>>()?;
    (!key.is_empty()).then_some(key)
}

fn levels(look: Look, filter: &str) -> Option<Entry> {
    let tells_apart = filter.split('/').any(is_literal);
    tells_apart.then(|| Entry::Levels(look, filter.into()))
}

/// Filters that match the same have one entry.
fn filter(look: Look, pattern: &Pattern) -> Option<Entry> {
    levels(look, topic::spelled_out(pattern.widened()))
}

fn topics(look: Look, list: &List<Pattern>) -> Option<Key> {
    all(list, |pattern| filter(look, pattern))
}

fn filters(condition: &FilterCondition, keys: &mut Vec<Key>) {
    keys.extend(topics(Look::Overlaps, &condition.overlaps));
    keys.extend(topics(Look::Within, &condition.within));
    // What takes in a pattern with the session's own values need not take in a wider one.
    keys.extend(all(&condition.covers, |pattern| {
        let look = match pattern.is_filled() {
            true => Look::Overlaps,
            false => Look::Covers,
        };
        filter(look, pattern)
    }));
    keys.extend(globs(Field::Filter, &condition.text));
}

fn addresses(party: Party, list: &List<Addresses>) -> Option<Key> {
    let mut key = Key::new();
    for entry in &list.any_of {
        match entry {
            Addresses::Side(_) => return None,
            Addresses::Zone(zone) => key.push(Entry::Zone(party, Zone(zone.clone()))),
            Addresses::Own(own) => key.extend(own.subnets().map(|n| Entry::Network(party, n))),
        }
    }
    (!key.is_empty()).then_some(key)
}

fn vlans(numbers: &Numbers) -> Option<Key> {
    let numbers = numbers.listed(MAX_VLANS)?;
    let vlans = numbers.filter_map(|number| u16::try_from(number).ok());
    Some(vlans.map(Entry::Vlan).collect())
}

fn sizes(of: Extent, numbers: &Numbers) -> Key {
    let ranges = numbers.ranges().iter();
    ranges.map(|range| Entry::Number(of, *range)).collect()
}

fn payloads(condition: &PayloadCondition, keys: &mut Vec<Key>) {
    let literal = |bytes: &[u8]| {
        let bytes = &bytes[..bytes.len().min(MAX_LITERAL_BYTES)];
        Entry::Payload(bytes.into())
    };
    let of_bytes = |list: &List<Bytes>| all(list, |bytes| Some(literal(bytes.as_slice())));
    keys.extend(of_bytes(&condition.starts_with));
    keys.extend(of_bytes(&condition.contains));
    let needed: Option<Vec<_>> = condition
        .regex
        .any_of
        .iter()
        .map(Expression::needs)
        .collect();
    let needed = needed.filter(|needed| !needed.is_empty());
    keys.extend(needed.map(|needed| needed.concat().iter().map(|bytes| literal(bytes)).collect()));
    let json = condition.json.iter();
    keys.extend(json.flat_map(|(pointer, test)| value(pointer, test)));
    let size = condition.size.iter();
    keys.extend(size.map(|numbers| sizes(Extent::Payload, numbers)));
}

/// Keys of a value in JSON: none where one has to be missing.
fn value(pointer: &Pointer, test: &JsonTest) -> Vec<Key> {
    let entry = |look| Entry::Json(pointer.clone(), look);
    let one = match test {
        JsonTest::Exists(false) => return Vec::new(),
        JsonTest::Exists(true) => JsonLook::There,
        JsonTest::Flag(wanted) => JsonLook::Flag(*wanted),
        JsonTest::Within(ranges) => {
            let looks = ranges.iter().map(|range| JsonLook::Within(*range));
            return vec![looks.map(entry).collect()];
        }
        JsonTest::Like(list) => {
            let texts = texts::keys(list, Glob::anchors, |place, text| {
                entry(JsonLook::Text(place, text))
            });
            if !texts.is_empty() {
                return texts;
            }
            JsonLook::There
        }
    };
    vec![vec![entry(one)]]
}

impl From<Identity> for Field {
    fn from(identity: Identity) -> Self {
        match identity {
            Identity::ClientId => Self::ClientId,
            Identity::Username => Self::Username,
        }
    }
}

impl Field {
    /// Whether it is one of the session's.
    pub(crate) fn is_name(self) -> bool {
        matches!(self, Self::ClientId | Self::Username)
    }

    /// Every text of this kind that a message has.
    pub(crate) fn each(self, subject: &Subject<'_>, mut look: impl FnMut(&str)) {
        match self {
            Self::Topic => {
                let topic = told::known_topic(subject);
                let topics = topic.into_iter().chain(topic.and_then(delayed));
                topics.for_each(|topic| look(topic.as_str()));
            }
            Self::Filter => {
                told::filters(subject, &mut look);
                told::sent_filters(subject, &mut look);
            }
            Self::ClientId => subject.session.client_id.into_iter().for_each(look),
            Self::Username => subject.session.username.into_iter().for_each(look),
            Self::Password => told::password(subject).into_iter().for_each(look),
            Self::ServerName => {
                if let Message::Hello(hello) = subject.message {
                    hello.server_name().into_iter().for_each(look);
                }
            }
            Self::Property(id) => {
                let properties = told::properties(subject).into_iter().flatten();
                let mine = properties.filter(|property| property.id() == id);
                mine.filter_map(super::property::text).for_each(look);
            }
            Self::Option(number) => {
                let Some(message) = subject.message.coap() else {
                    return;
                };
                let options = message.options_of(number);
                options
                    .filter_map(|option| option.as_str())
                    .for_each(&mut look);
                if let Some(resolved) = Resolved::option(message, number) {
                    resolved.parts().for_each(look);
                }
            }
        }
    }
}

/// The relation of a filter's [`Look`], for a walk down the levels.
impl From<Look> for Relation {
    fn from(look: Look) -> Self {
        match look {
            Look::Topic | Look::Path | Look::PathEnd => Self::Matches,
            Look::Overlaps => Self::Overlaps,
            Look::Within => Self::Within,
            Look::Covers => Self::Covers,
        }
    }
}
