//! Texts by what all that fit a glob have in them.

use smallvec::{SmallVec, smallvec};

use super::{Entry, Field, Key, Place};
use crate::matching::glob::{Anchor, Glob};
use crate::matching::list::List;
use crate::matching::name::NamePattern;
use crate::matching::value::Test;

/// Texts of one entry, in different places.
type Anchors<'l> = SmallVec<[Anchor<'l>; 3]>;

pub(super) fn globs(field: Field, list: &List<Glob>) -> Vec<Key> {
    keys(list, Glob::anchors, |place, text| {
        Entry::Text(field, place, text)
    })
}

pub(super) fn names(field: Field, list: &List<NamePattern>) -> Vec<Key> {
    keys(list, NamePattern::anchors, |place, text| {
        Entry::Text(field, place, text)
    })
}

pub(super) fn values(field: Field, test: &Test) -> Vec<Key> {
    match test {
        Test::Like(list) => globs(field, list),
        Test::Is(_) | Test::Flag(_) | Test::Within(_) => Vec::new(),
    }
}

/// The longest text of each entry is a key; and where entries have others, those in one place are one more: ten
/// thousand may begin alike and end each in its own way.
pub(super) fn keys<'l, T, A: IntoIterator<Item = Anchor<'l>>>(
    list: &'l List<T>,
    anchors: impl Fn(&'l T) -> A,
    entry: impl Fn(Place, Box<str>) -> Entry,
) -> Vec<Key> {
    let all = list
        .any_of
        .iter()
        .map(|of| anchors(of).into_iter().collect());
    let all: Vec<Anchors<'l>> = all.collect();
    if all.is_empty() || all.iter().any(SmallVec::is_empty) {
        return Vec::new();
    }
    let key = |place: Option<Place>| {
        let entries = all.iter().map(|anchors| {
            let mut there = anchors.iter().copied();
            let there = there.find(|anchor| Some(Place::of(*anchor)) == place);
            let anchor = there.unwrap_or_else(|| longest(anchors));
            entry(Place::of(anchor), anchor.text().into())
        });
        entries.collect::<Key>()
    };
    let is_another = |place: Place| {
        let mut all = all.iter();
        all.any(|anchors| {
            let mut places = anchors.iter().map(|anchor| Place::of(*anchor));
            Place::of(longest(anchors)) != place && places.any(|there| there == place)
        })
    };
    let mut keys = vec![key(None)];
    let others = [Place::Start, Place::End, Place::Inside];
    keys.extend(
        others
            .into_iter()
            .filter(|place| is_another(*place))
            .map(|place| key(Some(place))),
    );
    keys
}

fn longest<'l>(anchors: &Anchors<'l>) -> Anchor<'l> {
    let longest = anchors.iter().max_by_key(|anchor| anchor.text().len());
    *longest.expect("an entry without a text is no key")
}

impl Place {
    fn of(anchor: Anchor<'_>) -> Self {
        match anchor {
            Anchor::Whole(_) => Self::Whole,
            Anchor::Start(_) => Self::Start,
            Anchor::End(_) => Self::End,
            Anchor::Inside(_) => Self::Inside,
        }
    }
}

impl NamePattern {
    /// What every name it fits has; of a filled one, what stands around the value.
    fn anchors(&self) -> Anchors<'_> {
        match self {
            Self::Glob(glob) => glob.anchors().collect(),
            Self::Filled { before, after, .. } => {
                let mut around: Anchors<'_> =
                    smallvec![Anchor::Start(before.as_str()), Anchor::End(after)];
                around.retain(|anchor| !anchor.text().is_empty());
                around
            }
        }
    }
}
