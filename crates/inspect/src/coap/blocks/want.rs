//! What requests want, as numbers: of a resource, and of the body that answers them.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FoldHasher;
use wire::coap::Code;

use crate::coap::exchange::bearing::Bearing;
use crate::coap::exchange::endpoint::Endpoint;
use crate::coap::exchange::observation::Observe;
use crate::coap::facts::Facts;
use crate::hashing::{Hashing, hashing};

/// Makes the numbers.
#[derive(Debug)]
pub(crate) struct Wants(Hashing);

impl Wants {
    pub(crate) fn new(hash_seed: u64) -> Self {
        Self(hashing(hash_seed))
    }

    /// Of what a request wants by its options.
    #[inline]
    pub(crate) fn hasher(&self) -> FoldHasher<'static> {
        self.0.build_hasher()
    }

    /// A number for what a request asks of `server`, to observe it or not. The query is left out:
    /// whoever asks for less by it is challenged once for nothing.
    #[inline]
    pub(crate) fn resource(&self, server: Endpoint, code: Code, facts: &Facts<'_>) -> u64 {
        let observes = facts.asks_to_observe() == Some(Observe::Register);
        let mut hasher = self.hasher();
        server.hash(&mut hasher);
        hasher.write_u128(how(code, observes) << 64 | u128::from(facts.path));
        hasher.finish()
    }

    /// A number for all that makes the response to a request: who asks whom, for what. Which block of
    /// it, and whether to be notified, makes no difference (RFC 7252 §5.4.2, RFC 7959 §2.4).
    #[inline]
    pub(crate) fn body(&self, bearing: &Bearing, code: Code, facts: &Facts<'_>) -> u64 {
        let mut hasher = self.hasher();
        bearing.client.hash(&mut hasher);
        bearing.server.hash(&mut hasher);
        hasher.write_u128(u128::from(facts.rest) << 64 | u128::from(facts.path));
        hasher.write_u128(how(code, false));
        hasher.finish()
    }
}

impl Wants {
    /// A number for what a request that isn't safe does: who has it done, by what payload.
    pub(crate) fn act(&self, body: u64, facts: &Facts<'_>, payload: &[u8]) -> u64 {
        let mut hasher = self.hasher();
        hasher.write_u64(body);
        if let Some(block) = facts.block1 {
            hasher.write_u64(block.offset() << 1 | u64::from(block.more));
        }
        hasher.write(payload);
        hasher.finish()
    }
}

fn how(code: Code, observes: bool) -> u128 {
    u128::from(code.0) << 1 | u128::from(observes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{IpAddr, Ipv4Addr};

    use wire::Direction;
    use wire::coap::encode::Builder;
    use wire::coap::{Message, Type, number};

    use super::*;
    use crate::coap::exchange::bearing::Role;

    const A: (u16, &[u8]) = (number::URI_PATH, b"a");

    /// The numbers of a GET with these options from client number `client`: of the resource, and of the
    /// body.
    fn want(client: u8, options: &[(u16, &[u8])]) -> (u64, u64) {
        let mut bytes = Vec::new();
        let builder = Builder::new(&mut bytes, Type::Confirmable, Code::GET, 1, b"t");
        options.iter().fold(builder, |builder, (number, value)| {
            builder.option(*number, value)
        });
        let message = Message::decode(&bytes).unwrap();
        let end = |host| Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), 5683);
        let bearing = Bearing {
            direction: Direction::ToServer,
            client: end(client),
            server: end(99),
            is_to_group: false,
            role: Role::Request,
        };
        let wants = Wants::new(1);
        let facts = Facts::of(&message, &wants);
        let resource = wants.resource(bearing.server, message.code(), &facts);
        (resource, wants.body(&bearing, message.code(), &facts))
    }

    #[test]
    fn how_it_is_answered_makes_no_other_body() {
        let plain = want(1, &[A]);
        for option in [number::BLOCK2, number::BLOCK1, number::ECHO] {
            assert_eq!(want(1, &[A, (option, &[2])]), plain);
        }
        let observed = want(1, &[(number::OBSERVE, b""), A]);
        assert_eq!(observed.1, plain.1);
        assert_ne!(observed.0, plain.0, "notifications are more than an answer");
    }

    #[test]
    fn everything_else_does() {
        let wanted = [
            want(1, &[A]),
            want(2, &[A]),
            want(1, &[(number::URI_PATH, b"b")]),
            want(1, &[A, (number::URI_PATH, b"")]),
            want(1, &[(number::URI_PATH, b"ab"), (number::URI_PATH, b"c")]),
            want(1, &[A, (number::URI_PATH, b"bc")]),
            want(1, &[A, (number::ACCEPT, &[50])]),
            want(1, &[A, (number::CONTENT_FORMAT, &[50])]),
            want(1, &[(number::ETAG, &[50]), A]),
            want(1, &[A, (number::URI_QUERY, b"q")]),
        ];
        let bodies: BTreeSet<u64> = wanted.iter().map(|want| want.1).collect();
        assert_eq!(bodies.len(), wanted.len());
    }

    #[test]
    fn a_resource_is_a_path_at_a_server_whoever_asks() {
        let plain = want(1, &[A]).0;
        assert_eq!(want(2, &[A]).0, plain);
        assert_eq!(want(1, &[A, (number::URI_QUERY, b"q")]).0, plain);
        assert_ne!(want(1, &[(number::URI_PATH, b"b")]).0, plain);
    }
}
