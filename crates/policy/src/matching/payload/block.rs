//! What one block shows of a body that comes in several (RFC 7959).
//!
//! Whatever isn't plain from the block alone doesn't hold: a block of JSON is no JSON, and text that is cut within a
//! character is text. So nothing that is excluded holds, and nothing that depends on where the body ends.

use super::{PayloadCondition, json};
use crate::matching::list::List;

impl PayloadCondition {
    /// Whether the body surely fits, of which this is a block.
    pub(super) fn holds_for_block(&self, block: &[u8], is_first: bool) -> bool {
        let Self {
            size: _,
            utf8,
            starts_with,
            contains,
            regex,
            is_json,
            json,
        } = self;
        let mut pointers = json.iter();
        utf8.is_none()
            && is_json.is_none()
            && names_one(starts_with, |bytes| {
                is_first && block.starts_with(bytes.as_slice())
            })
            && names_one(contains, |bytes| bytes.is_in(block))
            && names_one(regex, |expression| {
                expression.is_about_itself() && expression.is_match(block)
            })
            && pointers
                .all(|(pointer, test)| is_first && json::holds_for_beginning(block, pointer, test))
    }
}

/// Whether nothing is asked, or one of the plain entries holds and nothing is excluded.
fn names_one<T>(list: &List<T>, test: impl FnMut(&T) -> bool) -> bool {
    list.is_empty() || list.none_of.is_empty() && list.any_of.iter().any(test)
}

#[cfg(test)]
mod tests {
    use super::super::{Bytes, Expression, JsonTest, Pointer, Range};
    use super::*;

    fn list<T>(entries: &[&str], entry: impl Fn(&str) -> T) -> List<T> {
        let mut list = List::default();
        for text in entries {
            let plain = text.trim_start_matches('!');
            list.push(plain != *text, entry(plain));
        }
        list
    }

    #[test]
    fn only_what_is_sure_of_the_body_holds() {
        let bytes = |entries: &[&str]| list(entries, |text| Bytes::new(text).expect("bytes"));
        let starts_with = |entries: &[&str]| PayloadCondition {
            starts_with: bytes(entries),
            ..Default::default()
        };
        let contains = |entries: &[&str]| PayloadCondition {
            contains: bytes(entries),
            ..Default::default()
        };
        let regex = |text| PayloadCondition {
            regex: list(&[text], |text| Expression::new(text).expect("right")),
            ..Default::default()
        };
        let json = |test| PayloadCondition {
            json: vec![(Pointer::new("/v").expect("a pointer"), test)],
            ..Default::default()
        };
        let utf8 = PayloadCondition {
            utf8: Some(true),
            ..Default::default()
        };
        let no_json = PayloadCondition {
            is_json: Some(false),
            ..Default::default()
        };
        let above_100 = JsonTest::Within([Range::new(101.0, f64::INFINITY)].into());
        let up_to_100 = JsonTest::Within([Range::new(0.0, 100.0)].into());
        let block = br#"{"v":500,"rm -rf":"#;
        for (condition, first, later) in [
            (PayloadCondition::default(), true, true),
            (starts_with(&["{"]), true, false),
            (starts_with(&["!x"]), false, false),
            (contains(&["rm", "x"]), true, true),
            (contains(&["rm", "!x"]), false, false),
            (regex("rm +-rf"), true, true),
            (regex("^.*rm"), false, false),
            (regex(r"\brm"), false, false),
            (json(above_100), true, false),
            (json(up_to_100), false, false),
            (json(JsonTest::Exists(true)), true, false),
            (json(JsonTest::Exists(false)), false, false),
            (utf8, false, false),
            (no_json, false, false),
        ] {
            let holds = [true, false].map(|is_first| condition.holds_for_block(block, is_first));
            assert_eq!(holds, [first, later], "{condition:?}");
        }
    }
}
