//! What a metric is called, and how its samples become a Prometheus family.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::dataplane::stats::Snapshot;

/// What a metric is: docs/metrics.md has a row for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Its name, with prefix and base unit.
    pub name: &'static str,
    /// What it measures, for people.
    pub help: &'static str,
    /// What can be done with it.
    pub kind: Kind,
    /// Names of its labels; each has few values, known beforehand.
    pub labels: &'static [&'static str],
}

/// What can be done with a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

impl Kind {
    /// The name in the exposition format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One sample of a family: the values of its labels, in order, and what it stands at.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    labels: Vec<String>,
    value: Value,
}

#[derive(Debug, Clone)]
enum Value {
    Number(f64),
    /// Observations in units of which one base unit has so many.
    Histogram(Snapshot, f64),
}

impl Sample {
    pub(super) fn new<L: Into<String>>(labels: impl IntoIterator<Item = L>, value: f64) -> Self {
        let labels = labels.into_iter().map(Into::into).collect();
        Self {
            labels,
            value: Value::Number(value),
        }
    }

    /// A counter; beyond 2^53 the format itself loses the last digits.
    pub(super) fn count<L: Into<String>>(labels: impl IntoIterator<Item = L>, value: u64) -> Self {
        Self::new(labels, value as f64)
    }

    /// A histogram whose observations were counted in fractions: `per_unit` of them are one base unit.
    pub(super) fn histogram(snapshot: Snapshot, per_unit: f64) -> Self {
        Self {
            labels: Vec::new(),
            value: Value::Histogram(snapshot, per_unit),
        }
    }
}

impl Spec {
    pub(super) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            help,
            kind: Kind::Counter,
            labels,
        }
    }

    pub(super) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            help,
            kind: Kind::Gauge,
            labels,
        }
    }

    pub(super) const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            kind: Kind::Histogram,
            labels: &[],
        }
    }

    /// The family with these samples.
    pub(super) fn family(&self, samples: impl IntoIterator<Item = Sample>) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(match self.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(
            samples
                .into_iter()
                .map(|sample| self.metric(sample))
                .collect(),
        );
        family
    }

    /// The family with a single sample without labels.
    pub(super) fn single(&self, value: u64) -> MetricFamily {
        self.family([Sample::count([""; 0], value)])
    }

    fn metric(&self, sample: Sample) -> Metric {
        assert_eq!(
            sample.labels.len(),
            self.labels.len(),
            "labels of {}",
            self.name
        );
        let pairs = self.labels.iter().zip(sample.labels).map(|(&name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value);
            pair
        });
        let mut metric = Metric::from_label(pairs.collect());
        match sample.value {
            Value::Histogram(snapshot, per_unit) => {
                metric.set_histogram(histogram(&snapshot, per_unit));
            }
            Value::Number(value) if self.kind == Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Value::Number(value) => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        metric
    }
}

fn histogram(snapshot: &Snapshot, per_unit: f64) -> Histogram {
    let buckets = snapshot.cumulative.iter().map(|&(bound, count)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound as f64 / per_unit);
        bucket.set_cumulative_count(count);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(snapshot.count);
    histogram.set_sample_sum(snapshot.sum as f64 / per_unit);
    histogram
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn families_come_out_in_the_text_format() {
        const COUNTER: Spec = Spec::counter("weir_things_total", &["kind"], "Things.");
        const RATIO: Spec = Spec::histogram("weir_ratio", "A ratio.");
        let cumulative = vec![(500, 0), (1_000, 2)];
        let ratio = Snapshot {
            cumulative,
            count: 2,
            sum: 1_500,
        };
        let families = [
            COUNTER.family([Sample::count(["a\"b"], 7)]),
            RATIO.family([Sample::histogram(ratio, 1e3)]),
        ];
        let text = TextEncoder::new()
            .encode_to_string(&families)
            .expect("well-formed families");
        for line in [
            "# TYPE weir_things_total counter",
            "weir_things_total{kind=\"a\\\"b\"} 7",
            "weir_ratio_bucket{le=\"0.5\"} 0",
            "weir_ratio_bucket{le=\"1\"} 2",
            "weir_ratio_bucket{le=\"+Inf\"} 2",
            "weir_ratio_sum 1.5",
            "weir_ratio_count 2",
        ] {
            assert!(
                text.lines().any(|l| l == line),
                "{line} is missing in\n{text}"
            );
        }
    }
}
