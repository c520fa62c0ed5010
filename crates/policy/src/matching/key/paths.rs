//! Paths by how they begin and by how they end.

use super::{Entry, Key, Look, all, levels};
use crate::matching::list::List;
use crate::matching::path::PathPattern;

/// What paths are found by that fit: how they begin; and where a `**` parts them, how they end.
pub(super) fn keys(list: &List<PathPattern>) -> Vec<Key> {
    let mut keys = Vec::new();
    keys.extend(all(list, |path| path.start().or_else(|| path.end())));
    if list.any_of.iter().any(PathPattern::ends_apart) {
        keys.extend(all(list, |path| path.end().or_else(|| path.start())));
    }
    keys
}

/// What patterns are found by that have to do with these. One without a `**` may be part of what ends as it does, and
/// one that ends with it goes together with any end.
pub(super) fn kin(list: &List<PathPattern>) -> Vec<Key> {
    let paths = list.any_of.iter();
    let starts = paths.clone().filter_map(PathPattern::start);
    let ends = paths.filter_map(PathPattern::widened_from_end);
    let ends = ends.map(|end| Entry::Levels(Look::PathEnd, end.into()));
    vec![starts.collect(), ends.collect()]
}

impl PathPattern {
    fn start(&self) -> Option<Entry> {
        levels(Look::Path, &self.widened()?)
    }

    /// Of a path without a `**` its beginning says all.
    fn end(&self) -> Option<Entry> {
        match self.ends_apart() {
            true => levels(Look::PathEnd, &self.widened_from_end()?),
            false => None,
        }
    }
}
