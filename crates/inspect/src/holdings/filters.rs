//! The filters that a session has subscribed to, told apart by their hashes.

use wire::mqtt::{FilterAck, Subscribe, Unsubscribe, topic};

use super::Holdings;

/// Filters counted for a session: that many and no more are known apart.
const MOST: usize = 1024;

/// What stands for a filter: those that listen to the same, each for a group or for the session alone, stand side by
/// side (MQTT 5.0 §4.8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FilterKey {
    listens_to: u64,
    /// 0 of one that isn't shared.
    group: u32,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Filters {
    /// In order of their keys.
    known: Vec<Filter>,
    beyond: Beyond,
}

/// Of which kinds there may be more than are known.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Beyond {
    shared: bool,
    alone: bool,
}

/// A [`FilterKey`], and what it waits for.
#[derive(Debug, Clone, Copy)]
struct Filter {
    listens_to: u64,
    group: u32,
    /// The SUBSCRIBE that hasn't been answered yet, or 0.
    packet_id: u16,
    /// Its place in that.
    nth: u16,
}

impl FilterKey {
    pub(super) fn of(holdings: &Holdings, filter: &str) -> Self {
        let (listens_to, group) = match topic::share(filter) {
            // Half of the hash is enough: the groups of one filter are told apart by it.
            Some((group, filter)) => (filter, (holdings.hash(group) as u32).max(1)),
            None => (filter, 0),
        };
        Self {
            listens_to: holdings.hash(listens_to),
            group,
        }
    }

    fn is_shared(self) -> bool {
        self.group != 0
    }
}

impl Filters {
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn has(&self, key: FilterKey) -> bool {
        self.place(key).is_ok()
    }

    pub(super) fn subscribe(&mut self, holdings: &Holdings, subscribe: &Subscribe<'_>) {
        // Of two that wait under one identifier, the answer to the first says nothing of the second.
        let waits = |filter: &Filter| filter.packet_id == subscribe.packet_id;
        let packet_id = match self.known.iter().any(waits) {
            true => 0,
            false => subscribe.packet_id,
        };
        for (nth, subscription) in subscribe.subscriptions().enumerate() {
            let key = FilterKey::of(holdings, subscription.filter);
            self.add(key, packet_id, u16::try_from(nth).unwrap_or(u16::MAX));
        }
    }

    pub(super) fn unsubscribe(&mut self, holdings: &Holdings, unsubscribe: &Unsubscribe<'_>) {
        for filter in unsubscribe.filters() {
            self.remove(FilterKey::of(holdings, filter));
        }
    }

    /// Whether it unsubscribes from a filter that the session goes on with in a shared subscription. What stands in one
    /// packet is taken in its order ([MQTT-3.10.4-6]).
    pub(super) fn leaves_shared(&self, holdings: &Holdings, unsubscribe: &Unsubscribe<'_>) -> bool {
        let keys = || {
            let filters = unsubscribe.filters();
            filters.map(|filter| FilterKey::of(holdings, filter))
        };
        // Most clients share nothing.
        if !keys().any(|key| self.is_still_shared(key)) {
            return false;
        }
        let mut left = self.clone();
        keys().any(|key| {
            let is_found = left.is_still_shared(key);
            left.remove(key);
            is_found
        })
    }

    /// What was refused isn't held.
    pub(super) fn settle(&mut self, ack: &FilterAck<'_>) {
        self.known.retain_mut(|filter| {
            if filter.packet_id == 0 || filter.packet_id != ack.packet_id {
                return true;
            }
            filter.packet_id = 0;
            let code = ack.reason_codes().nth(filter.nth.into());
            !code.is_some_and(|code| code.is_error())
        });
    }

    /// The session had these before.
    pub(super) fn take_up(&mut self, settled: &[FilterKey], beyond: Beyond) {
        for key in settled {
            self.add(*key, 0, 0);
        }
        self.beyond.shared |= beyond.shared;
        self.beyond.alone |= beyond.alone;
    }

    /// Those that its server has answered: what became of the others isn't known.
    pub(super) fn settled(&self) -> Box<[FilterKey]> {
        let answered = self.known.iter().filter(|filter| filter.packet_id == 0);
        answered.map(Filter::key).collect()
    }

    pub(super) fn beyond(&self) -> Beyond {
        self.beyond
    }

    /// One it has already stays as it is: a refusal leaves it in force ([MQTT-3.8.4-3]).
    fn add(&mut self, key: FilterKey, packet_id: u16, nth: u16) {
        let FilterKey { listens_to, group } = key;
        let filter = Filter {
            listens_to,
            group,
            packet_id,
            nth,
        };
        match self.place(key) {
            Ok(_) => {}
            Err(at) if self.known.len() < MOST => self.known.insert(at, filter),
            Err(_) if key.is_shared() => self.beyond.shared = true,
            Err(_) => self.beyond.alone = true,
        }
    }

    fn remove(&mut self, key: FilterKey) {
        if let Ok(at) = self.place(key) {
            self.known.remove(at);
        }
    }

    /// Whether the session has a filter by itself, and in a group, too.
    fn is_still_shared(&self, key: FilterKey) -> bool {
        let place = self.place(key);
        let (Ok(at) | Err(at)) = place;
        let next = self.known.get(at + usize::from(place.is_ok()));
        let is_shared = next.is_some_and(|next| next.listens_to == key.listens_to);
        !key.is_shared()
            && (place.is_ok() || self.beyond.alone)
            && (is_shared || self.beyond.shared)
    }

    fn place(&self, key: FilterKey) -> Result<usize, usize> {
        self.known.binary_search_by_key(&key, Filter::key)
    }
}

impl Filter {
    fn key(&self) -> FilterKey {
        FilterKey {
            listens_to: self.listens_to,
            group: self.group,
        }
    }
}
