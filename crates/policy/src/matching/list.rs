//! Lists as rules write them: any of the plain entries, none of those with a leading `!`.

/// A condition's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T> {
    /// One of these has to hold; empty where all entries are negated.
    pub(crate) any_of: Vec<T>,
    /// None of these may hold.
    pub(crate) none_of: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            any_of: Vec::new(),
            none_of: Vec::new(),
        }
    }
}

impl<T> List<T> {
    /// Whether the list holds, where `test` says whether one entry does.
    pub(crate) fn holds(&self, test: impl Fn(&T) -> bool) -> bool {
        self.holds_by(&test, &test)
    }

    /// The same, where it takes something else to be named than to be excluded.
    pub(crate) fn holds_by(
        &self,
        named: impl Fn(&T) -> bool,
        excluded: impl Fn(&T) -> bool,
    ) -> bool {
        (self.any_of.is_empty() || self.any_of.iter().any(named))
            && !self.none_of.iter().any(excluded)
    }

    /// Whether nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.any_of.is_empty() && self.none_of.is_empty()
    }

    pub(crate) fn push(&mut self, negated: bool, entry: T) {
        let entries = match negated {
            true => &mut self.none_of,
            false => &mut self.any_of,
        };
        // Most lists have one: room for more would be left empty ten thousand times.
        if entries.is_empty() {
            entries.reserve_exact(1);
        }
        entries.push(entry);
    }
}

/// An entry without its `!`, and whether it had one.
pub(crate) fn negation(text: &str) -> (bool, &str) {
    match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&'static str]) -> List<&'static str> {
        let mut list = List::default();
        for entry in entries {
            let (negated, entry) = negation(entry);
            list.push(negated, entry);
        }
        list
    }

    #[test]
    fn any_of_the_plain_and_none_of_the_negated() {
        for (entries, value, holds) in [
            (&["a", "b"][..], "b", true),
            (&["a", "b"], "c", false),
            (&["!a"], "a", false),
            (&["!a"], "b", true),
            (&["!a", "!b"], "b", false),
            (&["!a", "!b"], "c", true),
            (&["a", "!a"], "a", false),
            (&["a", "!b"], "c", false),
        ] {
            assert_eq!(
                list(entries).holds(|e| *e == value),
                holds,
                "{entries:?} {value}"
            );
        }
    }
}
