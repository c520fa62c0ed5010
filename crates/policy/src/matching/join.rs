//! What the conditions of several rules ask for between them, where one that asks for all of it is plain.

use wire::mqtt::{PacketType, QoS, Version};

use super::addresses::{Addresses, Networks};
use super::condition::Condition;
use super::contain::MAX_PAIRS;
use super::list::List;
use super::measure::Measure;
use super::numbers::Bounds;
use super::scope::Scope;
use crate::Service;

impl Condition {
    /// A condition that holds where one of the two does, of the same thing.
    pub(crate) fn or(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Service(mine), Self::Service(theirs)) => Self::Service(mine.or(theirs)),
            (Self::Version(mine), Self::Version(theirs)) => Self::Version(mine.or(theirs)),
            (Self::Qos(mine), Self::Qos(theirs)) => Self::Qos(mine.or(theirs)),
            (Self::Type(mine), Self::Type(theirs)) => Self::Type(mine.or(theirs)),
            (Self::Number(measure, mine), Self::Number(other, theirs)) if measure == other => {
                Self::Number(*measure, mine.or(theirs))
            }
            (Self::Address(party, mine), Self::Address(other, theirs)) if party == other => {
                Self::Address(*party, gathered(joined(mine, theirs)?))
            }
            (Self::Identity(of, mine), Self::Identity(other, theirs)) if of == other => {
                Self::Identity(*of, joined(mine, theirs)?)
            }
            (Self::Topic(mine), Self::Topic(theirs)) => Self::Topic(joined(mine, theirs)?),
            (Self::TopicText(mine), Self::TopicText(theirs)) => {
                Self::TopicText(joined(mine, theirs)?)
            }
            (Self::Path(mine), Self::Path(theirs)) => Self::Path(joined(mine, theirs)?),
            _ => return None,
        })
    }

    /// Whether conditions of its kind may hold for every message.
    pub(crate) fn may_hold_for_all(&self) -> bool {
        matches!(
            self,
            Self::Qos(_)
                | Self::Version(_)
                | Self::Service(_)
                | Self::Address(..)
                | Self::Number(Measure::SourcePort | Measure::DestinationPort, _)
        )
    }

    /// Whether it holds for every message of these kinds, of which it can be asked.
    pub(crate) fn holds_for_all(&self, scope: Scope) -> bool {
        match self {
            Self::Qos(wanted) => {
                let all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
                scope.is_subset(Scope::packet(PacketType::Publish))
                    && all.iter().all(|qos| wanted.contains(*qos))
            }
            // Other packets may be of a session whose version nobody saw.
            Self::Version(versions) => {
                let all = [Version::V31, Version::V311, Version::V5];
                scope.is_subset(Scope::packet(PacketType::Connect))
                    && all.iter().all(|version| versions.contains(*version))
            }
            Self::Service(services) => {
                let mut all = Service::ALL.iter();
                all.all(|service| services.contains(*service))
            }
            Self::Number(Measure::SourcePort | Measure::DestinationPort, ports) => {
                let all = Bounds {
                    min: 0,
                    max: u16::MAX.into(),
                };
                ports.takes_in(all)
            }
            Self::Address(_, list) => list.is_everywhere(),
            _ => false,
        }
    }
}

/// What one of two lists names; of what is excluded, only the same.
fn joined<T: Clone + PartialEq>(mine: &List<T>, theirs: &List<T>) -> Option<List<T>> {
    let are_named = !mine.any_of.is_empty() && !theirs.any_of.is_empty();
    let is_short = mine.any_of.len() + theirs.any_of.len() <= MAX_PAIRS;
    (are_named && is_short && mine.none_of == theirs.none_of).then(|| List {
        any_of: [mine.any_of.as_slice(), &theirs.any_of].concat(),
        none_of: mine.none_of.clone(),
    })
}

/// With all networks that it names in one set.
fn gathered(list: List<Addresses>) -> List<Addresses> {
    let (mut any_of, mut all) = (Vec::new(), Vec::new());
    for entry in list.any_of {
        match entry.networks() {
            Some(networks) => all.extend(networks.subnets()),
            None => any_of.push(entry),
        }
    }
    if !all.is_empty() {
        any_of.push(Addresses::Own(Networks::new(&all)));
    }
    List { any_of, ..list }
}
