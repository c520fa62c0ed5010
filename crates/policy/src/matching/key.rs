//! By what a rule can be found: the one condition of it that tells it apart best.

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use super::addresses::{Addresses, Networks};
use super::condition::{Condition, Party};
use super::list::List;
use super::pattern::Pattern;
use super::read::Matching;

/// A rule that asks for more networks than this is asked always.
const MAX_NETWORKS: usize = 64;

/// What a message has to have for a rule to match, each on its own being enough to look closer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A topic that one of these filters matches.
    Topics(Vec<String>),
    Source(Vec<IpNet>),
    Destination(Vec<IpNet>),
}

impl Matching {
    /// The rule's key for messages of one direction.
    pub(crate) fn key(&self, is_to_server: bool) -> Option<Key> {
        let topics = self.conditions.iter().find_map(topics);
        topics.or_else(|| {
            let mut conditions = self.conditions.iter();
            conditions.find_map(|condition| networks(condition, is_to_server))
        })
    }
}

fn topics(condition: &Condition) -> Option<Key> {
    let Condition::Topic(List { any_of, .. }) = condition else {
        return None;
    };
    let filters = any_of.iter().map(Pattern::widened);
    (!any_of.is_empty()).then(|| Key::Topics(filters.collect()))
}

fn networks(condition: &Condition, is_to_server: bool) -> Option<Key> {
    let Condition::Address(party, List { any_of, .. }) = condition else {
        return None;
    };
    let mut networks = Vec::new();
    for entry in any_of {
        match entry {
            Addresses::Side(_) => return None,
            Addresses::Zone(zone) => subnets(zone, &mut networks)?,
            Addresses::Own(own) => subnets(own, &mut networks)?,
        }
    }
    if networks.is_empty() {
        return None;
    }
    Some(match (party, is_to_server) {
        (Party::Source, _) | (Party::Client, true) | (Party::Server, false) => {
            Key::Source(networks)
        }
        (Party::Destination, _) | (Party::Client, false) | (Party::Server, true) => {
            Key::Destination(networks)
        }
    })
}

/// Puts a set's networks to the others, unless there are too many.
fn subnets(set: &Networks, into: &mut Vec<IpNet>) -> Option<()> {
    let room = MAX_NETWORKS + 1;
    for (first, last) in set.v4_ranges() {
        let subnets = Ipv4Subnets::new(first, last, 0).take(room);
        into.extend(subnets.map(IpNet::V4));
    }
    for (first, last) in set.v6_ranges() {
        let subnets = Ipv6Subnets::new(first, last, 0).take(room);
        into.extend(subnets.map(IpNet::V6));
        if into.len() > MAX_NETWORKS {
            return None;
        }
    }
    (into.len() <= MAX_NETWORKS).then_some(())
}
