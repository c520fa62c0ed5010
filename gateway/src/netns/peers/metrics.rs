//! Reading the gateway's metrics: the Prometheus text format, as far as Weir writes it.

/// One scrape.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    /// Reads the text of a scrape; comments and lines that are no samples are skipped.
    pub fn parse(text: &str) -> Self {
        let samples = text.lines().filter_map(Sample::parse).collect();
        Self { samples }
    }

    /// The sum over all samples of `name` that carry all of `labels`; 0 if there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name)
            .filter(|sample| sample.carries(labels))
            .map(|sample| sample.value)
            .sum()
    }

    /// The sums of `name` by the values of one label, largest first.
    pub fn by_label(&self, name: &str, label: &str) -> Vec<(String, f64)> {
        let mut sums: Vec<(String, f64)> = Vec::new();
        for sample in self.of(name) {
            let Some((_, value)) = sample.labels.iter().find(|(key, _)| key == label) else {
                continue;
            };
            match sums.iter_mut().find(|(known, _)| known == value) {
                Some((_, sum)) => *sum += sample.value,
                None => sums.push((value.clone(), sample.value)),
            }
        }
        sums.sort_by(|a, b| b.1.total_cmp(&a.1));
        sums
    }

    /// Whether there is any sample of `name`.
    pub fn has(&self, name: &str) -> bool {
        self.of(name).next().is_some()
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.name == name)
    }
}

impl Sample {
    fn parse(line: &str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (series, value) = line.rsplit_once(' ')?;
        let value = value.parse().ok()?;
        let (name, labels) = match series.split_once('{') {
            Some((name, rest)) => (name, parse_labels(rest.strip_suffix('}')?)?),
            None => (series, Vec::new()),
        };
        Some(Self {
            name: name.to_owned(),
            labels,
            value,
        })
    }

    fn carries(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(key, value)| {
            self.labels
                .iter()
                .any(|(own_key, own_value)| own_key == key && own_value == value)
        })
    }
}

/// `a="b",c="d"`. Weir's label values hold no quotes and no commas.
fn parse_labels(text: &str) -> Option<Vec<(String, String)>> {
    text.split(',')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let value = value.strip_prefix('"')?.strip_suffix('"')?;
            Some((key.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: &str = "# HELP weir_frames_total Frames.\n\
                          # TYPE weir_frames_total counter\n\
                          weir_frames_total{link=\"0\",verdict=\"accept\"} 7\n\
                          weir_frames_total{link=\"1\",verdict=\"accept\"} 2\n\
                          weir_frames_total{link=\"0\",verdict=\"drop\"} 1\n\
                          weir_policy_generation 3\n";

    #[test]
    fn sums_go_over_the_labels_not_asked_for() {
        let metrics = Metrics::parse(SCRAPE);
        assert_eq!(metrics.sum("weir_frames_total", &[]), 10.0);
        assert_eq!(
            metrics.sum("weir_frames_total", &[("verdict", "accept")]),
            9.0
        );
        assert_eq!(metrics.sum("weir_policy_generation", &[]), 3.0);
        assert_eq!(metrics.sum("weir_frames", &[]), 0.0);
        assert!(metrics.has("weir_policy_generation") && !metrics.has("weir_frames"));
    }

    #[test]
    fn values_of_a_label_come_largest_first() {
        let by_verdict = Metrics::parse(SCRAPE).by_label("weir_frames_total", "verdict");
        assert_eq!(by_verdict, [("accept".into(), 9.0), ("drop".into(), 1.0)]);
    }
}
