//! Topic relations against a model that tries all names.

use crate::mqtt::Malformed;
use crate::mqtt::Version::{V5, V311};
use crate::mqtt::topic::{
    check_filter, check_name, matches, overlaps, share_group, strip_share, within,
};

#[test]
fn matching_follows_the_specification_s_examples() {
    let table = [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/ranking",
            true,
        ),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/score/wimbledon",
            true,
        ),
        ("sport/#", "sport", true),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("#", "$SYS/uptime", false),
        ("+/monitor/Clients", "$SYS/monitor/Clients", false),
        ("$SYS/#", "$SYS/uptime", true),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
        ("accounts", "ACCOUNTS", false),
        ("a", "a/", false),
        ("a//b", "a/b", false),
        ("#", "a/b/c", true),
    ];
    for (filter, name, expected) in table {
        assert_eq!(matches(filter, name), expected, "{filter} {name}");
    }
}

#[test]
fn a_harvesting_filter_is_caught_by_what_it_could_receive() {
    assert!(overlaps("plant/+/valve", "plant/#"));
    assert!(overlaps("#", "plant/#"));
    assert!(!overlaps("#", "$SYS/#"));
    assert!(!overlaps("plant/a", "plant/b/#"));
    assert!(overlaps("plant/#", "plant"));
    assert!(within("plant/7/#", "plant/+/#"));
    assert!(within("#", "+/#") && within("+/#", "#"));
    assert!(!within("plant/#", "plant/+/#"));
    assert!(!within("$SYS/#", "#") && !within("#", "$SYS/#"));
}

#[test]
fn shares_are_seen_through() {
    assert_eq!(share_group("$share/workers/jobs/#"), Some("workers"));
    assert_eq!(strip_share("$share/workers/jobs/#"), "jobs/#");
    assert_eq!(strip_share("$share/workers//jobs"), "/jobs");
    assert_eq!(strip_share("$share/workers"), "$share/workers");
    assert_eq!(strip_share("share/workers/jobs"), "share/workers/jobs");
    assert_eq!(share_group("jobs"), None);
}

#[test]
fn shares_are_only_checked_where_they_exist() {
    assert_eq!(check_filter("$share/ab", V5), Err(Malformed::ShareName));
    assert_eq!(check_filter("$share/ab", V311), Ok(()));
    assert_eq!(check_filter("$share", V5), Ok(()));
    assert_eq!(
        check_filter("$share/g/a+", V5),
        Err(Malformed::FilterSingleLevel)
    );
    assert_eq!(check_name(""), Err(Malformed::TopicEmpty));
    assert_eq!(check_name("a/+"), Err(Malformed::TopicWildcard));
}

/// All ways to join up to three of the levels.
fn all(levels: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = levels.iter().map(ToString::to_string).collect();
    let mut longest = found.clone();
    for _ in 0..2 {
        longest = longest
            .iter()
            .flat_map(|head| levels.iter().map(move |tail| format!("{head}/{tail}")))
            .collect();
        found.extend(longest.iter().cloned());
    }
    found
}

/// Names of up to four levels tell any two filters of up to three apart: the fourth stands for
/// whatever follows a `#`.
#[test]
fn relations_agree_with_trying_every_name() {
    let mut filters = all(&["a", "", "$s", "+", "#"]);
    filters.retain(|filter| check_filter(filter, V311).is_ok());
    let mut names = all(&["a", "", "$s", "x"]);
    names.extend(
        all(&["a", "", "$s", "x"])
            .iter()
            .map(|name| format!("{name}/x")),
    );
    names.retain(|name| !name.is_empty());
    for one in &filters {
        let received: Vec<_> = names.iter().filter(|name| matches(one, name)).collect();
        for other in &filters {
            let common = received.iter().filter(|name| matches(other, name)).count();
            assert_eq!(overlaps(one, other), common > 0, "{one} overlaps {other}");
            assert_eq!(
                within(one, other),
                common == received.len(),
                "{one} within {other}"
            );
        }
    }
}
