//! Packet budgets: how many frames of services a source may send, and how many CoAP responses a client
//! may be sent, who may never have asked for them.
//!
//! A bucket stands for all addresses that hash to it, with a key nobody outside knows; there are as
//! many buckets as ever, so that a flood of made-up sources takes no memory and no time of a table's.
//! A bucket is one number, the time at which it would be full again: the generic cell rate algorithm
//! (ITU-T I.371 annex A), which is a token bucket without a refill to compute.

use crate::service::Transport;

/// The buckets of sources. `Array<Bucket>`.
pub const BUCKETS: &str = "BUDGETS";
/// The buckets of clients. `Array<Bucket>`.
pub const CLIENT_BUCKETS: &str = "CLIENT_BUDGETS";
/// How many there are of each: a power of two.
pub const BUCKETS_ENTRIES: u32 = 1 << 16;

/// When the bucket is full again, in nanoseconds of `CLOCK_MONOTONIC`, and the last address that it
/// had nothing left for, as [`of_ipv4`] or [`of_ipv6`] have it; zero for none yet.
pub type Bucket = [u64; 2];

/// An address as buckets are chosen by it.
#[must_use]
#[inline(always)]
pub const fn of_ipv4(address: [u8; 4]) -> u64 {
    u32::from_be_bytes(address) as u64
}

/// The same in IPv6, where the smallest network has 64 bits of addresses to choose from: all of it is
/// one source. No IPv4 address has the same word, but for networks in `::/32`, which nobody has.
#[must_use]
#[inline(always)]
pub const fn of_ipv6(address: [u8; 16]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = address;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What a source may send, and a client be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// What a frame costs, by [`Transport`]: nanoseconds between two frames at the permitted rate;
    /// zero for no budget.
    pub cost_ns: [u64; 2],
    /// The same for a CoAP response to a client.
    pub response_ns: u64,
    /// What may be saved up: how far ahead of the rate they may be.
    pub burst_ns: u64,
    /// The key of the hash.
    pub key: [u64; 2],
}

impl Budget {
    /// What a frame of `transport` costs.
    #[must_use]
    #[inline(always)]
    pub const fn cost_ns(&self, transport: Transport) -> u64 {
        match transport {
            Transport::Tcp => self.cost_ns[0],
            Transport::Udp => self.cost_ns[1],
        }
    }
}

/// When a bucket that was to be `full_at` is full again after a frame at `now`; none, and the bucket
/// stays as it is, if there is nothing left for the frame.
#[must_use]
#[inline(always)]
pub const fn spend(full_at: u64, now: u64, cost_ns: u64, burst_ns: u64) -> Option<u64> {
    let from = if full_at > now { full_at } else { now };
    let after = from.saturating_add(cost_ns);
    if after - now > burst_ns {
        return None;
    }
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// How many of `frames`, one each `gap` nanoseconds, a budget of 1,000 a second lets through.
    fn through(bucket: &mut u64, start: u64, gap: u64, frames: u64) -> u64 {
        let mut passed = 0;
        for frame in 0..frames {
            if let Some(after) = spend(*bucket, start + frame * gap, SECOND / 1000, SECOND / 2) {
                (*bucket, passed) = (after, passed + 1);
            }
        }
        passed
    }

    #[test]
    fn a_source_may_save_up_its_burst_and_send_at_its_rate() {
        let mut bucket = 0;
        // All at once: the burst, half a second's worth.
        assert_eq!(through(&mut bucket, SECOND, 0, 10_000), 500);
        // Ten seconds at ten times the rate: the rate.
        assert_eq!(
            through(&mut bucket, SECOND, SECOND / 10_000, 100_000),
            9_999
        );
        // At the rate, for good.
        let mut bucket = 0;
        assert_eq!(through(&mut bucket, 1, SECOND / 1000, 100_000), 100_000);
        // After a pause, a burst again, and no more.
        assert_eq!(through(&mut bucket, 1000 * SECOND, 0, 10_000), 500);
    }

    #[test]
    fn the_end_of_time_is_no_overflow() {
        assert_eq!(spend(u64::MAX, u64::MAX, 1, 0), Some(u64::MAX));
        assert_eq!(spend(u64::MAX, 0, u64::MAX, 10), None);
    }

    #[test]
    fn sources_of_the_families_differ() {
        let v6 = |start: [u8; 8]| {
            let mut address = [0xab; 16];
            address[..8].copy_from_slice(&start);
            of_ipv6(address)
        };
        assert_eq!(of_ipv4([10, 20, 0, 7]), 0x0a14_0007);
        assert_eq!(v6([0xfd, 0, 0, 0x20, 0, 0, 0, 1]), 0xfd00_0020_0000_0001);
    }
}
