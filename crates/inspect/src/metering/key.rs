//! By what a meter is found.

use std::hash::Hash;

use policy::{Apart, Per, Policy, Subject};
use siphasher::sip128::{Hasher128, SipHasher13};
use wire::Direction;

use crate::Seed;
use crate::flow::FlowKey;

/// Makes the keys of meters: 128 bits, so that two of them are never the same by chance, under a secret,
/// so that they aren't by intent.
pub(crate) struct Keys([u8; 16]);

impl Keys {
    pub(crate) fn new(seed: &Seed, purpose: &str) -> Self {
        Self(seed.key(purpose))
    }

    /// What stands for a text.
    pub(crate) fn hash(&self, text: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        text.hash(&mut hasher);
        hasher.finish128().as_u64().0
    }

    /// The key of a rule's meter for whom a message is to be counted, if it has what is counted by.
    pub(crate) fn key(
        &self,
        policy: &Policy,
        rule: u64,
        apart: Apart,
        subject: &Subject<'_>,
        flow: &FlowKey,
    ) -> Option<u128> {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        rule.hash(&mut hasher);
        let as_one = |address| apart.ipv6_prefix.network(address);
        match apart.per {
            Per::Client => as_one(subject.client()).hash(&mut hasher),
            Per::Source => as_one(subject.endpoints.source).hash(&mut hasher),
            Per::Destination => as_one(subject.endpoints.destination).hash(&mut hasher),
            Per::Flow => flow.hash(&mut hasher),
            Per::ClientId => {
                subject.server().hash(&mut hasher);
                server_port(subject).hash(&mut hasher);
                subject.session.client_id?.hash(&mut hasher);
            }
            Per::Username => subject.session.username?.hash(&mut hasher),
            Per::Topic => {
                subject.server().hash(&mut hasher);
                server_port(subject).hash(&mut hasher);
                subject.topic()?.hash(&mut hasher);
            }
            Per::Zone => policy.zone_of(subject.client())?.hash(&mut hasher),
        }
        Some(hasher.finish128().as_u128())
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

fn server_port(subject: &Subject<'_>) -> u16 {
    match subject.direction {
        Direction::ToServer => subject.endpoints.destination_port,
        Direction::ToClient => subject.endpoints.source_port,
    }
}
