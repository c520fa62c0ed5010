//! How much of our own may go towards a client, under every ratio that books are kept for.

use policy::Ratio;
use wire::net::Layout;

use super::budget::{Balance, Standing};
use super::size::Size;
use crate::coap::DEFAULT_RATIO;
use crate::coap::proof::probe::DECOY_LEN;

/// Bytes of UDP payload, headers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// In one message.
    pub(crate) alone: usize,
    /// In one that a decoy follows.
    pub(crate) before_decoy: usize,
}

impl Allowance {
    pub(crate) const UNBOUNDED: Self = Self {
        alone: usize::MAX,
        before_decoy: usize::MAX,
    };
    const NOTHING: Self = Self {
        alone: 0,
        before_decoy: 0,
    };

    /// What so many bytes on the layer of `ratio` have room for.
    fn within(bytes: u64, ratio: &Ratio, layout: &Layout) -> Self {
        let decoy = Size::own(layout, DECOY_LEN).on(ratio.of);
        let room = |bytes| Size::payload_within(layout, ratio.of, bytes);
        Self {
            alone: room(bytes),
            before_decoy: room(bytes.saturating_sub(decoy.into())),
        }
    }

    fn min(self, other: Self) -> Self {
        Self {
            alone: self.alone.min(other.alone),
            before_decoy: self.before_decoy.min(other.before_decoy),
        }
    }
}

impl Standing {
    /// How much more may go towards the client at the ratio of a rule, over any of the windows `booked`. On
    /// another layer it is no more than three times what came, and no more than rules ask for there.
    pub(crate) fn allowance(&self, booked: &[Ratio], ratio: &Ratio, layout: &Layout) -> Allowance {
        let books = booked.iter().zip(&self.balances);
        let allowances = books.map(|(kept, balance)| {
            let ratio_milli = match kept.of == ratio.of {
                true => ratio.ratio_milli,
                false => kept.ratio_milli.min(DEFAULT_RATIO.ratio_milli),
            };
            Allowance::within(balance.left(ratio_milli), kept, layout)
        });
        allowances
            .reduce(Allowance::min)
            .unwrap_or(Allowance::NOTHING)
    }
}

impl Balance {
    /// How many bytes more may go towards the client at this ratio, in thousandths.
    fn left(&self, ratio_milli: u32) -> u64 {
        let most = u128::from(self.received) * u128::from(ratio_milli) / 1000;
        let left = most.saturating_sub(u128::from(self.sent));
        u64::try_from(left).unwrap_or(u64::MAX)
    }
}
