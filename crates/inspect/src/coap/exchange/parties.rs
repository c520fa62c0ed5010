//! Keys: who takes part, and what tells their exchanges or messages apart.

use std::hash::{Hash, Hasher};

use super::endpoint::{Address, Endpoint};

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    One(Endpoint),
    /// Every member of a group, at this port.
    Group(u16),
}

/// Two endpoints, and what tells their exchanges (or messages) apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parties<T> {
    first: Address,
    second: Address,
    first_port: u16,
    second_port: u16,
    id: T,
}

impl<T> Parties<T> {
    #[inline]
    pub(crate) fn new(first: Endpoint, second: Endpoint, id: T) -> Self {
        Self {
            first: first.address,
            second: second.address,
            first_port: first.port,
            second_port: second.port,
            id,
        }
    }
}

/// What tells them apart has 96 bits at most.
impl<T: Copy + Into<u128>> Hash for Parties<T> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u128::from(self.first_port) << 16 | u128::from(self.second_port);
        state.write_u128(self.first.bits());
        state.write_u128(self.second.bits());
        state.write_u128(ports << 96 | self.id.into());
    }
}

impl Server {
    /// What stands for it in a key.
    pub(crate) fn endpoint(self) -> Endpoint {
        match self {
            Self::One(endpoint) => endpoint,
            Self::Group(port) => Endpoint {
                address: Address::ANY,
                port,
            },
        }
    }
}
