//! What the checks say of rules is so: a rule that is hidden has nothing left, an exception that is apart passes nothing by.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{FAMILIES, check, check_rules, compile, rule, sample, topic, topic_text};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_rule_called_hidden_has_nothing_left(
        [first, second] in related(),
        samples in vec(sample(), 12),
    ) {
        let (first, second) = ((0, &first, true), (1, &second, true));
        let (Some(alone), Some(later)) = (compile(&[first]), compile(&[second])) else {
            return Ok(());
        };
        if compile(&[first, second]).is_none() {
            for sample in &samples {
                prop_assert!(sample.ask(&later).1.is_none() || sample.ask(&alone).1.is_some());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn an_exception_called_apart_passes_nothing_by(
        [first, second] in related(),
        samples in vec(sample(), 12),
    ) {
        let rules = [(0, &first, true), (1, &second, true)];
        let (Some(of), Some(excepted)) = (compile(&rules[..1]), compile(&rules[1..])) else {
            return Ok(());
        };
        let both = format!("{first} }}\nexcept = {{ {second}");
        if check(&[(0, &both, true)]).1.render().contains("about nothing that the rule matches") {
            for sample in samples.iter().filter(|sample| sample.is_of_one_part()) {
                prop_assert!(sample.ask(&of).1.is_none() || sample.ask(&excepted).1.is_none());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12000))]

    /// Whatever the first one stops without its exception, of all that the second one is about.
    #[test]
    fn an_exception_called_aside_leaves_nothing(
        ([first, except, second], actions) in excepting(),
        samples in vec(sample(), 12),
    ) {
        let [stops, then] = actions;
        let excepting = rule(0, &format!("{first} }}\nexcept = {{ {except}"), stops);
        let later = rule(1, &second, then);
        let said = check_rules(&format!("{excepting}{later}")).1.render();
        if !said.contains("`r1` can never be reached") {
            return Ok(());
        }
        let whole = rule(0, &first, stops);
        let [Some(excepting), Some(whole), Some(later)] =
            [&excepting, &whole, &later].map(|rule| check_rules(rule).0)
        else {
            return Ok(());
        };
        for sample in samples.iter().filter(|sample| sample.is_of_one_part()) {
            let decides = |policy| sample.ask(policy).1.is_some();
            prop_assert!(
                decides(&excepting) || !decides(&whole) || !decides(&later),
                "{:?}",
                sample
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_rule_called_hidden_by_two_has_nothing_left(
        [first, second, third] in dividing(),
        samples in vec(sample(), 12),
    ) {
        let rules = [(0, &first, true), (1, &second, true), (2, &third, true)];
        if check(&rules).1.render().contains("`r1` decides over a part of it") {
            let alone = [0, 1, 2].map(|at| compile(&rules[at..=at]).expect("whole"));
            for sample in &samples {
                let [first, second, third] = [0, 1, 2].map(|at| sample.ask(&alone[at]).1.is_some());
                prop_assert!(!third || first || second);
            }
        }
    }
}

/// Rules that ask for the same but for one thing.
fn dividing() -> impl Strategy<Value = [String; 3]> {
    let things: [(&str, &[&str]); 4] = [
        ("qos", &["0", "1", "2", "[0, 1]", "[1, 2]", "[0, 2]"]),
        (
            "size",
            &["{ max = 9 }", "{ min = 10 }", "'5-15'", "{ min = 16 }"],
        ),
        (
            "source",
            &[
                "'10.0.0.0/31'",
                "'10.0.0.2/31'",
                "'10.0.0.0/30'",
                "'hall'",
                "'inside'",
                "'outside'",
                "'0.0.0.0/0'",
                "'::/0'",
                "['10.0.0.0/30', '!10.0.0.1']",
            ],
        ),
        (
            "packet",
            &[
                "'CONNECT'",
                "'PUBLISH'",
                "['CONNECT', 'PUBLISH']",
                "['PUBLISH', 'SUBSCRIBE']",
            ],
        ),
    ];
    let dividing = select(things.to_vec()).prop_flat_map(|(key, values)| {
        let value = select(values.to_vec());
        let values = [value.clone(), value.clone(), value];
        let kind = match key {
            "packet" => "protocol = \"mqtt\"",
            _ => "packet = \"PUBLISH\"",
        };
        let rules = (values, any::<bool>());
        rules.prop_map(move |(values, is_open)| {
            let rule = |value: &str| format!("{kind}, {key} = {value}");
            let [first, second, third] = values;
            let third = if is_open {
                kind.to_owned()
            } else {
                rule(third)
            };
            [rule(first), rule(second), third]
        })
    });
    dividing.boxed()
}

/// A rule, what it passes by, and a later one that asks for the same as the one or the other; and what both do.
fn excepting() -> impl Strategy<Value = ([String; 3], [&'static str; 2])> {
    let actions = select(vec![
        ["drop", "accept"],
        ["drop", "drop"],
        ["accept", "drop"],
    ]);
    let rules = select(FAMILIES).prop_flat_map(|(kind, conditions)| {
        select(conditions.to_vec()).prop_flat_map(move |one| {
            (one(), one(), any::<bool>()).prop_map(move |(except, second, is_whole)| {
                let first = match is_whole {
                    true => kind.to_owned(),
                    false => format!("{kind}, {second}"),
                };
                [
                    first,
                    format!("{kind}, {except}"),
                    format!("{kind}, {second}"),
                ]
            })
        })
    });
    (rules, actions).boxed()
}

/// Two rules that ask for the same kind of thing, of which the second may ask for more.
fn related() -> impl Strategy<Value = [String; 2]> {
    let of_family = select(FAMILIES).prop_flat_map(|(kind, conditions)| {
        let one = select(conditions.to_vec());
        one.prop_flat_map(move |one| {
            (one(), one(), any::<bool>()).prop_map(move |(first, second, is_more)| {
                let more = if is_more { ", size = { max = 20 }" } else { "" };
                [
                    format!("{kind}, {first}"),
                    format!("{kind}, {second}{more}"),
                ]
            })
        })
    });
    prop_oneof![4 => of_family, 1 => topics()]
}

/// Two that ask for topics, the one by their levels and the other by their text.
fn topics() -> impl Strategy<Value = [String; 2]> {
    let both = (topic(), topic_text(), any::<bool>());
    both.prop_map(|(levels, text, is_text_first)| {
        let [levels, text] = [levels, text].map(|topic| format!("packet = \"PUBLISH\", {topic}"));
        match is_text_first {
            true => [text, levels],
            false => [levels, text],
        }
    })
}
