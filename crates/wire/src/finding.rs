//! What a parser can say against a message: coded, dense, each with the clause it rests on.

use std::marker::PhantomData;

/// A closed list of things a parser can find in a message.
///
/// Implemented by every `Malformed` (the message breaks its format) and every `Anomaly` (it parses,
/// but is odd enough that a rule may want to know).
pub trait Finding: Copy + 'static {
    /// Every variant, in the order of [`Finding::index`].
    const ALL: &'static [Self];

    /// The dense index of this variant in [`Finding::ALL`].
    fn index(self) -> usize;
}

/// A set of findings of one kind; at most 32 variants.
#[derive(PartialEq, Eq, Hash)]
pub struct FindingSet<T> {
    bits: u32,
    kind: PhantomData<T>,
}

impl<T: Finding> FindingSet<T> {
    /// The empty set.
    pub const EMPTY: Self = {
        assert!(T::ALL.len() <= 32, "a set holds 32 kinds of finding");
        Self {
            bits: 0,
            kind: PhantomData,
        }
    };

    /// Adds a finding.
    #[inline]
    pub fn insert(&mut self, finding: T) {
        self.bits |= 1 << finding.index();
    }

    /// Adds everything in `other`.
    #[inline]
    pub fn extend(&mut self, other: Self) {
        self.bits |= other.bits;
    }

    /// Whether `finding` is in the set.
    #[inline]
    #[must_use]
    pub fn contains(self, finding: T) -> bool {
        self.bits & (1 << finding.index()) != 0
    }

    /// Whether nothing was found.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The findings, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL
            .iter()
            .copied()
            .filter(move |finding| self.contains(*finding))
    }
}

impl<T> Clone for FindingSet<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for FindingSet<T> {}

impl<T: Finding> Default for FindingSet<T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T: Finding + std::fmt::Debug> std::fmt::Debug for FindingSet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Declares an enum of findings from one table: summary, variant, code, clause.
///
/// The doc line of a variant is also what [`Display`](std::fmt::Display) and `summary()` print.
macro_rules! findings {
    (
        $(#[$outer:meta])*
        $vis:vis enum $name:ident {
            $( #[doc = $summary:literal] $variant:ident => $code:literal, $clause:literal; )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name {
            $( #[doc = $summary] $variant, )+
        }

        impl $name {
            /// Every variant, in order of declaration.
            $vis const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The stable reason code.
            #[must_use]
            $vis const fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )+ }
            }

            /// The clause, section or advisory this rests on.
            #[must_use]
            $vis const fn clause(self) -> &'static str {
                match self { $( Self::$variant => $clause, )+ }
            }

            /// One sentence without a full stop.
            #[must_use]
            $vis const fn summary(self) -> &'static str {
                match self { $( Self::$variant => $summary.trim_ascii(), )+ }
            }

            /// The place in [`Self::ALL`].
            #[inline]
            #[must_use]
            $vis const fn index(self) -> usize {
                self as usize
            }
        }

        impl $crate::Finding for $name {
            const ALL: &'static [Self] = Self::ALL;

            #[inline]
            fn index(self) -> usize {
                Self::index(self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{} ({})", self.summary(), self.clause())
            }
        }
    };
}

pub(crate) use findings;

/// What every list of findings has to keep: unique codes of the right family, and no empty text.
#[cfg(test)]
pub(crate) fn assert_table(family: &str, rows: &[(&'static str, &'static str, &'static str)]) {
    let mut seen = std::collections::BTreeSet::new();
    for (code, clause, summary) in rows {
        assert!(code.starts_with(family), "{code} is not of {family}");
        assert!(
            code.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)),
            "{code} is not dotted lower case"
        );
        assert!(seen.insert(*code), "{code} stands twice");
        assert!(
            !clause.is_empty() && !summary.is_empty(),
            "{code} lacks text"
        );
        assert!(!summary.ends_with('.'), "{code}: no full stop");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    findings! {
        enum Sample {
            /// The first
            First => "sample.first", "§1";
            /// The second
            Second => "sample.second", "§2";
        }
    }

    #[test]
    fn a_set_keeps_what_was_put_in() {
        let mut set = FindingSet::<Sample>::EMPTY;
        assert!(set.is_empty());
        set.insert(Sample::Second);
        assert!(set.contains(Sample::Second) && !set.contains(Sample::First));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Sample::Second]);
        let mut other = FindingSet::EMPTY;
        other.insert(Sample::First);
        set.extend(other);
        assert_eq!(format!("{set:?}"), "{First, Second}");
    }

    #[test]
    fn a_variant_prints_its_summary_and_clause() {
        assert_eq!(Sample::First.to_string(), "The first (§1)");
        assert_eq!(
            (Sample::Second.index(), Sample::Second.code()),
            (1, "sample.second")
        );
    }
}
