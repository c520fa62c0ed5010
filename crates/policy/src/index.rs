//! Which rules a message is shown to.

use crate::matching::{BUCKETS, Matching};

/// For each bucket, and for messages without and with detections, the rules that could match, in
/// order of evaluation.
#[derive(Debug)]
pub(crate) struct Index {
    /// Where each list starts in `rules`; the next start is its end.
    starts: [u32; BUCKETS * 2 + 1],
    rules: Box<[u32]>,
}

impl Index {
    pub(crate) fn new<'m>(rules: impl Iterator<Item = &'m Matching> + Clone) -> Self {
        let (mut starts, mut listed) = ([0; BUCKETS * 2 + 1], Vec::new());
        for list in 0..BUCKETS * 2 {
            let (bucket, detected) = (list / 2, list % 2 == 1);
            for (rule, matching) in (0..).zip(rules.clone()) {
                let asks_detection = matching.reasons.is_some();
                if matching.scope.contains(bucket) && (detected || !asks_detection) {
                    listed.push(rule);
                }
            }
            starts[list + 1] = u32::try_from(listed.len()).expect("rules times buckets fit");
        }
        Self {
            starts,
            rules: listed.into(),
        }
    }

    #[inline]
    pub(crate) fn candidates(&self, bucket: usize, detected: bool) -> &[u32] {
        let list = bucket * 2 + usize::from(detected);
        &self.rules[self.starts[list] as usize..self.starts[list + 1] as usize]
    }
}
