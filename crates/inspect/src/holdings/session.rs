//! An MQTT session as a holder: itself, the filters it has subscribed to, and what it has in flight.

use std::sync::{Arc, Mutex};

use wire::Direction;
use wire::mqtt::{ControlPacket, FilterAck, Subscribe, Unsubscribe};

use super::{HolderKeys, Holdings, SessionShare, Share, Slot, lock};

/// Filters counted for a connection: that many and no more are known apart.
const FILTERS: usize = 1024;

/// What a session holds. Dropped, it gives all of it back.
#[derive(Debug)]
pub(crate) struct Holder {
    holdings: Arc<Holdings>,
    share: SessionShare,
    /// Its own, once its server has accepted it.
    name: Option<u128>,
    /// In order.
    filters: Vec<Filter>,
}

/// A filter subscribed to, told from others by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Filter {
    hash: u64,
    /// The SUBSCRIBE that hasn't been answered yet, or 0.
    packet_id: u16,
    /// Its place in that.
    nth: u16,
}

impl Holder {
    pub(crate) fn new(holdings: &Arc<Holdings>, generation: u64, keys: HolderKeys) -> Self {
        let mut share = Share::new(holdings, generation, keys);
        share.set(Slot::Sessions, 1);
        Self {
            holdings: Arc::clone(holdings),
            share: Arc::new(Mutex::new(share)),
            name: None,
            filters: Vec::new(),
        }
    }

    /// The generation of the policy that said what to count it by.
    pub(crate) fn generation(&self) -> u64 {
        lock(&self.share).generation()
    }

    /// From here on it is counted by these keys.
    pub(crate) fn move_to(&self, generation: u64, keys: HolderKeys) {
        lock(&self.share).move_to(generation, keys);
    }

    /// Its server has accepted it under this name.
    pub(crate) fn take_name(&mut self, name: Option<u128>) {
        if self.name.is_none()
            && let Some(name) = name
        {
            self.holdings.take_name(name, &self.share);
            self.name = Some(name);
        }
    }

    /// So many messages that travel this way are in flight.
    pub(crate) fn set_in_flight(&self, direction: Direction, number: u32) {
        lock(&self.share).set(Slot::in_flight(direction), number);
    }

    /// What was asked for, and what is in flight, isn't known any more.
    pub(crate) fn lose_track(&mut self) {
        self.filters.clear();
        let mut share = lock(&self.share);
        for slot in [Slot::Subscriptions, Slot::ToServer, Slot::ToClient] {
            share.set(slot, 0);
        }
    }

    /// Whether it has subscribed to the filter of that hash.
    pub(crate) fn has(&self, filter: u64) -> bool {
        self.place(filter).is_ok()
    }

    /// Takes note of what subscribes and unsubscribes, and of the answer to the former.
    pub(crate) fn note(&mut self, packet: &ControlPacket<'_>) {
        match packet {
            ControlPacket::Subscribe(subscribe) => self.subscribe(subscribe),
            ControlPacket::Unsubscribe(unsubscribe) => self.unsubscribe(unsubscribe),
            ControlPacket::SubAck(ack) => self.settle(ack),
            _ => return,
        }
        let number = u32::try_from(self.filters.len()).unwrap_or(u32::MAX);
        lock(&self.share).set(Slot::Subscriptions, number);
    }

    fn subscribe(&mut self, subscribe: &Subscribe<'_>) {
        for (nth, subscription) in subscribe.subscriptions().enumerate() {
            let hash = self.holdings.hash(subscription.filter);
            // One it has already stays as it is: a refusal leaves it in force ([MQTT-3.8.4-3]).
            if let Err(at) = self.place(hash)
                && self.filters.len() < FILTERS
            {
                let filter = Filter {
                    hash,
                    packet_id: subscribe.packet_id,
                    nth: u16::try_from(nth).unwrap_or(u16::MAX),
                };
                self.filters.insert(at, filter);
            }
        }
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe<'_>) {
        for filter in unsubscribe.filters() {
            if let Ok(at) = self.place(self.holdings.hash(filter)) {
                self.filters.remove(at);
            }
        }
    }

    /// What was refused isn't held.
    fn settle(&mut self, ack: &FilterAck<'_>) {
        self.filters.retain_mut(|filter| {
            if filter.packet_id == 0 || filter.packet_id != ack.packet_id {
                return true;
            }
            filter.packet_id = 0;
            let code = ack.reason_codes().nth(filter.nth.into());
            !code.is_some_and(|code| code.is_error())
        });
    }

    fn place(&self, hash: u64) -> Result<usize, usize> {
        self.filters
            .binary_search_by_key(&hash, |filter| filter.hash)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(name) = self.name {
            self.holdings.leave_name(name, &self.share);
        }
        lock(&self.share).end();
    }
}
