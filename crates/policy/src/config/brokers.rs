//! Which addresses are one broker: it keeps one list of client identifiers for all of them.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// An address and one of its ports, or 0 for all of them.
pub(crate) type Door = (IpAddr, u16);

/// `[mqtt] brokers`: each door that is named, with the first one of its broker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brokers(BTreeMap<Door, Door>);

impl Brokers {
    /// A broker has these doors, none of which another has.
    pub(crate) fn add(&mut self, doors: &[Door]) {
        let first = doors.first().copied();
        self.0
            .extend(doors.iter().copied().zip(first.into_iter().cycle()));
    }

    /// What stands for the broker behind a server's address and port: the same for all its doors. A port that
    /// isn't named goes with its address, and an address that isn't named is a broker of its own.
    #[must_use]
    pub fn of(&self, address: IpAddr, port: u16) -> (IpAddr, u16) {
        let whole = (address, 0);
        let named = self.0.get(&(address, port)).or_else(|| self.0.get(&whole));
        named.copied().unwrap_or(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_door_leads_to_its_broker() {
        let [a, b, c] = [1, 2, 3].map(|n| IpAddr::from([10, 0, 0, n]));
        let mut brokers = Brokers::default();
        brokers.add(&[(a, 0), (b, 1884)]);
        brokers.add(&[(a, 1885)]);
        assert_eq!(brokers.of(a, 1883), brokers.of(a, 8883));
        assert_eq!(brokers.of(a, 1883), brokers.of(b, 1884));
        assert_eq!(brokers.of(c, 1883), brokers.of(c, 1885));
        let distinct = [(a, 1883), (a, 1885), (b, 1883), (c, 1883)];
        let distinct = distinct.map(|(address, port)| brokers.of(address, port));
        let distinct: std::collections::BTreeSet<_> = distinct.into_iter().collect();
        assert_eq!(distinct.len(), 4);
    }
}
