//! Topics with a name of the session in them, where the rule asks for names that can't stand there.

use crate::matching::{Condition, Effect, Identity, Matching, Pattern};

/// Why no message has a topic or filter as it is asked for, if that is plain. Of a session that nobody saw begin, a
/// rule that lets through takes any name for the right one.
pub(super) fn why(matching: &Matching) -> Option<&'static str> {
    if matching.effect != Effect::Catches {
        return None;
    }
    let conditions = matching.conditions.iter();
    let unfit = conditions.filter_map(|condition| match condition {
        Condition::Identity(identity, list) => {
            let mut names = list.any_of.iter();
            let is_unfit = !list.any_of.is_empty() && names.all(|name| name.fits_no_topic());
            is_unfit.then_some(*identity)
        }
        _ => None,
    });
    let unfit: Vec<Identity> = unfit.collect();
    if unfit.is_empty() {
        return None;
    }
    let is_unfit = |pattern: &Pattern| unfit.iter().any(|name| pattern.is_filled_with(*name));
    let none_fits = |list: &[Pattern]| !list.is_empty() && list.iter().all(is_unfit);
    let mut conditions = matching.conditions.iter();
    let is_never = conditions.any(|condition| match condition {
        Condition::Topic(list) => none_fits(&list.any_of),
        Condition::Filter(filter) => [&filter.overlaps, &filter.within, &filter.covers]
            .iter()
            .any(|list| none_fits(&list.any_of)),
        _ => false,
    });
    is_never.then_some(
        "a name with a `/`, `+` or `#`, as it asks for, stands for no placeholder of a topic",
    )
}
