//! The filters that a session has subscribed to, told apart by their hashes.

use wire::mqtt::{FilterAck, Subscribe, Unsubscribe};

use super::Holdings;

/// Filters counted for a session: that many and no more are known apart.
const MOST: usize = 1024;

/// In order.
#[derive(Debug, Default)]
pub(super) struct Filters(Vec<Filter>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Filter {
    hash: u64,
    /// The SUBSCRIBE that hasn't been answered yet, or 0.
    packet_id: u16,
    /// Its place in that.
    nth: u16,
}

impl Filters {
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn has(&self, hash: u64) -> bool {
        self.place(hash).is_ok()
    }

    pub(super) fn subscribe(&mut self, holdings: &Holdings, subscribe: &Subscribe<'_>) {
        for (nth, subscription) in subscribe.subscriptions().enumerate() {
            self.add(Filter {
                hash: holdings.hash(subscription.filter),
                packet_id: subscribe.packet_id,
                nth: u16::try_from(nth).unwrap_or(u16::MAX),
            });
        }
    }

    pub(super) fn unsubscribe(&mut self, holdings: &Holdings, unsubscribe: &Unsubscribe<'_>) {
        for filter in unsubscribe.filters() {
            if let Ok(at) = self.place(holdings.hash(filter)) {
                self.0.remove(at);
            }
        }
    }

    /// What was refused isn't held.
    pub(super) fn settle(&mut self, ack: &FilterAck<'_>) {
        self.0.retain_mut(|filter| {
            if filter.packet_id == 0 || filter.packet_id != ack.packet_id {
                return true;
            }
            filter.packet_id = 0;
            let code = ack.reason_codes().nth(filter.nth.into());
            !code.is_some_and(|code| code.is_error())
        });
    }

    /// The session had these before.
    pub(super) fn take_up(&mut self, settled: &[u64]) {
        for hash in settled {
            self.add(Filter {
                hash: *hash,
                packet_id: 0,
                nth: 0,
            });
        }
    }

    /// The hashes of those that its server has answered: what became of the others isn't known.
    pub(super) fn settled(&self) -> Box<[u64]> {
        let answered = self.0.iter().filter(|filter| filter.packet_id == 0);
        answered.map(|filter| filter.hash).collect()
    }

    /// One it has already stays as it is: a refusal leaves it in force ([MQTT-3.8.4-3]).
    fn add(&mut self, filter: Filter) {
        if let Err(at) = self.place(filter.hash)
            && self.0.len() < MOST
        {
            self.0.insert(at, filter);
        }
    }

    fn place(&self, hash: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&hash, |filter| filter.hash)
    }
}
