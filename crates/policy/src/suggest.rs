//! "Did you mean": the nearest of the names that would have been right.

mod elsewhere;

pub(crate) use elsewhere::meant;

/// More names than this aren't listed.
const MAX_LISTED: usize = 60;
/// Of more names than this only the nearest are listed where it is known what was written.
const MAX_LISTED_WHOLE: usize = 16;
const NEAREST: usize = 6;
/// Longer words are no slips of the finger, and comparing them takes quadratic time.
const MAX_WORD_BYTES: usize = 64;

/// More names than this aren't looked through.
const MAX_CANDIDATES: usize = 10_000;

/// The candidate nearest to `word`, if one is near enough to be what was meant.
pub(crate) fn suggest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    let folded = fold(word);
    let len = folded.chars().count();
    // Nothing is left of a word all of whose letters are others.
    let most = (len / 3).max(1).min(len.saturating_sub(1));
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .map(|candidate| (strsim::osa_distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The same as [`one_of`], and of many names those nearest to `word`, or the first: "`a`, `b` and 40 more".
pub(crate) fn nearest_of(word: &str, names: &[&str]) -> String {
    if names.len() <= MAX_LISTED_WHOLE || names.len() > MAX_CANDIDATES {
        return one_of(names);
    }
    let mut nearest = names.to_vec();
    if word.len() <= MAX_WORD_BYTES {
        let folded = fold(word);
        // What has less than half of it in common is as good as any.
        nearest.sort_by_cached_key(|name| {
            let distance = strsim::osa_distance(&folded, &fold(name));
            match distance <= word.len() / 2 {
                true => distance,
                false => usize::MAX,
            }
        });
    }
    let shown: Vec<String> = nearest[..NEAREST]
        .iter()
        .map(|n| format!("`{n}`"))
        .collect();
    format!("{} and {} more", shown.join(", "), names.len() - NEAREST)
}

/// "`a`, `b` or `c`".
pub(crate) fn one_of(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MAX_LISTED)
        .map(|n| format!("`{n}`"))
        .collect();
    match shown.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        _ if names.len() > MAX_LISTED => format!("{}, …", shown.join(", ")),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// Spelling without case, and with one kind of dash.
fn fold(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near() {
        let names = ["packet", "protocol", "source", "5"];
        for (word, near) in [
            ("packets", Some("packet")),
            ("Packet", Some("packet")),
            ("pakcet", Some("packet")),
            ("sorce", Some("source")),
            ("x", None),
            ("3", None),
            ("completely-different", None),
        ] {
            assert_eq!(suggest(word, names), near, "{word}");
        }
    }

    #[test]
    fn gives_no_thought_to_giant_words() {
        assert_eq!(suggest(&"a".repeat(1 << 20), ["aaaa"]), None);
    }

    #[test]
    fn lists_names_in_words() {
        assert_eq!(one_of(&[]), "nothing");
        assert_eq!(one_of(&["a"]), "`a`");
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
    }

    #[test]
    fn lists_of_many_names_what_is_nearest() {
        let names: Vec<String> = (10..50).map(|n| format!("key-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let listed = nearest_of("Key_423", &names);
        assert!(listed.starts_with("`key-23`, `key-42`"), "{listed}");
        assert!(listed.ends_with(" and 34 more"), "{listed}");
        assert_eq!(nearest_of("x", &["a", "b"]), "`a` or `b`");
        let listed = nearest_of(&"a".repeat(1 << 20), &names);
        assert!(listed.starts_with("`key-10`, `key-11`"), "{listed}");
    }
}
