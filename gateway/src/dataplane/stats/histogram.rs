//! A histogram with fixed bounds, written by one thread.

use super::Counter;

/// Counts of values by range, and their sum.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    bounds: &'static [u64; N],
    buckets: [Counter; N],
    above: Counter,
    sum: Counter,
}

/// What a histogram holds at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Values up to each bound, the bound included and all smaller ones with it (as Prometheus
    /// counts), ascending.
    pub cumulative: Vec<(u64, u64)>,
    /// All values.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl<const N: usize> Histogram<N> {
    pub(super) fn new(bounds: &'static [u64; N]) -> Self {
        Self {
            bounds,
            buckets: std::array::from_fn(|_| Counter::default()),
            above: Counter::default(),
            sum: Counter::default(),
        }
    }

    /// Records `value`, `times` times over.
    pub(crate) fn record(&self, value: u64, times: u64) {
        let bucket = self.bounds.iter().position(|&bound| value <= bound);
        bucket
            .map_or(&self.above, |at| &self.buckets[at])
            .add(times);
        self.sum.add(value.saturating_mul(times));
    }

    /// What it holds now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut count = 0;
        let cumulative = self
            .bounds
            .iter()
            .zip(&self.buckets)
            .map(|(&bound, bucket)| {
                count += bucket.value();
                (bound, count)
            })
            .collect();
        Snapshot {
            cumulative,
            count: count + self.above.value(),
            sum: self.sum.value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(&[10, 100]);
        histogram.record(10, 1);
        histogram.record(11, 2);
        histogram.record(101, 1);
        assert_eq!(
            histogram.snapshot(),
            Snapshot {
                cumulative: vec![(10, 1), (100, 3)],
                count: 4,
                sum: 10 + 22 + 101,
            }
        );
    }
}
