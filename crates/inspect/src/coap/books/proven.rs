//! Which endpoints of an address have proved that it is their own: so many at most, the latest.
//!
//! What is proved is good for half an hour, so who knows such a port may have answers sent there meanwhile. Behind
//! an address there may be thousands (NAT), and some take another port for each request; but were there no end
//! to them, a forger would hit one of them by naming any.

use std::collections::VecDeque;

use crate::Instant;
use crate::coap::aged::Aged;
use crate::coap::exchange::endpoint::{Address, Endpoint};
use crate::table::Table;

/// Endpoints of an address: of 256 ports that somebody names, one.
const ENDPOINTS_MAX: usize = 256;
/// As long as a proof counts for anything.
const LIFETIME_S: u64 = 35 * 60;

/// The ports of each address, the latest proof at the end.
#[derive(Debug)]
pub(crate) struct Proven {
    ports: Table<Address, Aged<VecDeque<u16>, LIFETIME_S>>,
}

impl Proven {
    pub(crate) fn new(addresses: usize, hash_seed: u64) -> Self {
        Self {
            ports: Table::new(addresses, hash_seed),
        }
    }

    /// Notes that `client` has proved its address. Returns whose proof counts no more for that.
    pub(crate) fn note(&self, now: Instant, client: Endpoint) -> Option<Endpoint> {
        let fresh = || Aged::new(now, VecDeque::new());
        let note = |ports: &mut Aged<VecDeque<u16>, LIFETIME_S>| {
            let ports = ports.touch(now);
            ports.retain(|port| *port != client.port);
            ports.push_back(client.port);
            let is_full = ports.len() > ENDPOINTS_MAX;
            is_full.then(|| ports.pop_front()).flatten()
        };
        let (port, _) = self.ports.with_or_insert(now, client.address, fresh, note);
        port.map(|port| Endpoint { port, ..client })
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.ports.sweep(now, at_most)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn at(last: u8, port: u16) -> Endpoint {
        Endpoint::new(IpAddr::from([192, 0, 2, last]), port)
    }

    #[test]
    fn the_oldest_proof_of_an_address_goes() {
        let (proven, now) = (Proven::new(10, 1), Instant::from_secs(10));
        let most = ENDPOINTS_MAX as u16;
        for port in 1..=most {
            assert_eq!(proven.note(now, at(1, port)), None);
        }
        assert_eq!(proven.note(now, at(1, 1)), None, "once more");
        assert_eq!(proven.note(now, at(2, most + 1)), None, "another address");
        assert_eq!(proven.note(now, at(1, most + 1)), Some(at(1, 2)));
        assert_eq!(proven.note(now, at(1, most + 2)), Some(at(1, 3)));
        let later = Instant::from_secs(11 + LIFETIME_S);
        assert_eq!(proven.note(later, at(1, 4)), None);
        assert!(!proven.sweep(later, 10));
    }
}
