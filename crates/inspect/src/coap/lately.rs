//! What happened lately between two of anything: who asked under a token, who asked whom, who answered.
//!
//! It may forget: a slot holds the last of all keys that fall on it. So it only names what is refused
//! anyway, or is asked again where forgetting would let too much through.

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Instant;
use crate::hashing::{Hashing, hashing};

/// When each key was noted last, known for so many seconds.
#[derive(Debug)]
pub(super) struct Lately<K, const SECONDS: i32> {
    /// The upper half of the hash, and when it was noted in seconds.
    slots: Box<[AtomicU64]>,
    hasher: Hashing,
    keys: PhantomData<fn(K)>,
}

impl<K: Hash, const SECONDS: i32> Lately<K, SECONDS> {
    /// With a slot of eight bytes for each of about `slots` keys.
    pub(super) fn new(slots: usize, hash_seed: u64) -> Self {
        let slots = slots.clamp(1, 1 << 24).next_power_of_two();
        Self {
            slots: std::iter::repeat_with(AtomicU64::default)
                .take(slots)
                .collect(),
            hasher: hashing(hash_seed),
            keys: PhantomData,
        }
    }

    /// It happens now.
    #[inline]
    pub(super) fn note(&self, now: Instant, key: K) {
        let hash = self.hasher.hash_one(key);
        let value = (hash >> 32 << 32) | u64::from(secs(now));
        self.slot(hash).store(value, Ordering::Relaxed);
    }

    /// Whether it happened. A clock that is behind another worker's takes nothing from it.
    #[inline]
    pub(super) fn is_noted(&self, now: Instant, key: K) -> bool {
        self.age(now, key).is_some_and(|age| age <= SECONDS)
    }

    /// Whether it happened, and so many seconds ago at least.
    pub(super) fn is_noted_since(&self, now: Instant, key: K, seconds: i32) -> bool {
        let age = self.age(now, key);
        age.is_some_and(|age| (seconds..=SECONDS).contains(&age))
    }

    /// Whether it happened, and so many seconds ago at most.
    pub(super) fn is_noted_within(&self, now: Instant, key: K, seconds: i32) -> bool {
        self.age(now, key).is_some_and(|age| age <= seconds)
    }

    /// How many seconds ago it happened, give or take one.
    #[inline]
    fn age(&self, now: Instant, key: K) -> Option<i32> {
        let hash = self.hasher.hash_one(key);
        let value = self.slot(hash).load(Ordering::Relaxed);
        let age = secs(now).wrapping_sub(value as u32).cast_signed();
        (value >> 32 == hash >> 32).then_some(age)
    }

    fn slot(&self, hash: u64) -> &AtomicU64 {
        &self.slots[hash as usize & (self.slots.len() - 1)]
    }
}

/// Whole seconds, which wrap after 136 years.
fn secs(now: Instant) -> u32 {
    (now.0 / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_for_its_time() {
        let lately = Lately::<u8, 247>::new(100, 1);
        assert_eq!(lately.slots.len(), 128);
        assert!(!lately.is_noted(Instant::from_secs(1000), 1));
        lately.note(Instant::from_secs(1000), 1);
        assert!(lately.is_noted(Instant::from_secs(1247), 1));
        assert!(!lately.is_noted_since(Instant::from_secs(1001), 1, 2));
        assert!(lately.is_noted_since(Instant::from_secs(1002), 1, 2));
        assert!(!lately.is_noted(Instant::from_secs(1248), 1));
        assert!(!lately.is_noted(Instant::from_secs(1000), 2));
    }

    #[test]
    fn a_clock_behind_by_a_second_knows_it_too() {
        let lately = Lately::<u8, 60>::new(100, 1);
        lately.note(Instant::from_secs(1000), 1);
        assert!(lately.is_noted(Instant::from_secs(999), 1));
    }
}
