//! What two readers of one text see.

use proptest::prelude::*;

use super::super::pointer::Pointer;
use super::walker::{MAX_DEPTH, NotJson, Walker};
use super::*;
use crate::matching::glob::Glob;
use crate::matching::list::List;

fn find<'t>(text: &'t str, pointer: &str) -> Result<Vec<Value<'t>>, NotJson> {
    let pointer = Pointer::new(pointer).expect("a pointer");
    let mut found = Vec::new();
    let mut walker = Walker::new(text.as_bytes(), |value| {
        found.push(value);
        true
    });
    walker.document(Some(pointer.tokens()))?;
    Ok(found)
}

#[test]
fn finds_what_a_pointer_names() {
    let text = r#" { "a" : [1, {"b": -2.5e1}], "on": true, "t": "x\u0041", "n": null, "": 7 } "#;
    for (pointer, value) in [
        ("", Some(Value::Other)),
        ("/a/0", Some(Value::Number(1.0))),
        ("/a/1/b", Some(Value::Number(-25.0))),
        ("/a/2", None),
        ("/a/01", None),
        ("/a/b", None),
        ("/on", Some(Value::Flag(true))),
        ("/n", Some(Value::Other)),
        ("/", Some(Value::Number(7.0))),
        ("/on/x", None),
    ] {
        let found = value.into_iter().collect();
        assert_eq!(find(text, pointer), Ok(found), "{pointer}");
    }
}

#[test]
fn a_name_in_disguise_is_the_same_name() {
    let text = r#"{"\u0073peed": 5, "\ud83d\ude00": 6}"#;
    assert_eq!(find(text, "/speed"), Ok(vec![Value::Number(5.0)]));
    assert_eq!(find(text, "/😀"), Ok(vec![Value::Number(6.0)]));
    let twice = r#"{"a":1,"\u0061":2}"#;
    let both = vec![Value::Number(1.0), Value::Number(2.0)];
    assert_eq!(find(twice, "/a"), Ok(both));
}

#[test]
fn a_mistake_is_no_json() {
    for text in [
        r#"{"a":1} x"#,
        r#"{"a":01}"#,
        r#"{"a":+1}"#,
        r#"{"a":.5}"#,
        r#"{"a":1,}"#,
        r#"{'a':1}"#,
        r#"{"a":NaN}"#,
        "{\"a\":\"\n\"}",
        r#"{"a":"\x"}"#,
        "{\"a\":1}\0x",
        "",
    ] {
        assert_eq!(find(text, "/a"), Err(NotJson), "{text}");
    }
    for text in ["\u{feff}{\"a\":3}", "{\"a\":3}\0", "{\"a\":3}\n\0\0"] {
        assert_eq!(find(text, "/a"), Ok(vec![Value::Number(3.0)]), "{text:?}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(is_json(nested(MAX_DEPTH).as_bytes()));
    assert!(!is_json(nested(MAX_DEPTH + 2).as_bytes()));
    assert!(!is_json("[".repeat(1 << 20).as_bytes()));
}

fn above_100() -> JsonTest {
    JsonTest::Within([Range::new(101.0, f64::INFINITY)].into())
}

#[test]
fn what_some_device_reads_is_caught() {
    let (pointer, test) = (Pointer::new("/speed").expect("a pointer"), above_100());
    let [open, close] = ["[", "]"].map(|bracket| bracket.repeat(5000));
    let deep = format!("{{\"q\":{open}1{close},\"speed\":500}}");
    let caught = |text: &[u8]| holds(text, &pointer, &test, Effect::Catches);
    for text in [
        &br#"{"speed":500}"#[..],
        br#"{"speed":5,"speed":500}"#,
        br#"{"speed":500,"speed":5}"#,
        b"\xef\xbb\xbf{\"speed\":500}",
        b"{\"speed\":500}\0",
        br#"{"a":[1,2,],"speed":500,}"#,
        b"{\"place\":\"M\xfcnchen\",\"speed\":500}",
        br#"{speed:500}"#,
        br#"{'speed':+500}"#,
        br#"{"a":1 "speed":0500.}"#,
        br#"{"a":{"speed":1}/* "speed" */,"speed":5e2"#,
        b"// speed\n{\"a\":\"\x01\",\"speed\":500}",
        b"{\"speed\":5}\n{\"speed\":500}",
        br#"{"a":"\ud800","sp\u0065ed":500} and so on"#,
        deep.as_bytes(),
    ] {
        assert!(caught(text), "{}", String::from_utf8_lossy(text));
    }
    for text in [
        &br#"{"speed":5}"#[..],
        br#"{"a":{"speed":500}}"#,
        br#"{"a":"{\"speed\":500}"}"#,
        br#"["speed",500]"#,
        br#"{"speed":"500"}"#,
        br#"{"speed":"#,
        br#"{"speed":}"#,
        b"INFO {\"speed\":500}",
        b"speed=500",
        b"\x01\x02\xff",
        b"",
    ] {
        assert!(!caught(text), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn what_is_let_through_passes_whoever_reads_it() {
    let pointer = Pointer::new("/speed").expect("a pointer");
    let test = JsonTest::Within([Range::new(0.0, 100.0)].into());
    for (text, passes) in [
        (r#"{"speed":5}"#, true),
        ("{\"speed\":5}\0", true),
        (r#"{"speed":5,"speed":6}"#, true),
        (r#"{"speed":5,"speed":500}"#, false),
        (r#"{"speed":5,}"#, false),
        (r#"{"speed":5} {"speed":500}"#, false),
        ("{}", false),
    ] {
        let through = holds(text.as_bytes(), &pointer, &test, Effect::LetsThrough);
        assert_eq!(through, passes, "{text}");
    }
}

#[test]
fn nothing_is_missing_from_what_cannot_be_read() {
    let pointer = Pointer::new("/x").expect("a pointer");
    let none = JsonTest::Exists(false);
    for (text, caught, let_through) in [
        ("{}", true, true),
        (r#"{"x":1}"#, false, false),
        (r#"{"x":1,}"#, true, false),
        ("no JSON", true, false),
    ] {
        let holds = |effect| holds(text.as_bytes(), &pointer, &none, effect);
        assert_eq!(holds(Effect::Catches), caught, "{text}");
        assert_eq!(holds(Effect::LetsThrough), let_through, "{text}");
    }
}

#[test]
fn a_text_is_compared_as_what_it_stands_for() {
    let mut globs = List::default();
    globs.push(false, Glob::new("auto*").expect("a glob"));
    let test = JsonTest::Like(globs);
    let pointer = Pointer::new("/mode").expect("a pointer");
    for (text, caught, let_through) in [
        (r#"{"mode":"auto-1"}"#, true, true),
        (r#"{"mode":"\u0061uto"}"#, true, true),
        (r#"{"mode":"manual"}"#, false, false),
        (r#"{"mode":"auto\ud800"}"#, true, false),
        (r#"{"mode":1}"#, false, false),
    ] {
        let holds = |effect| holds(text.as_bytes(), &pointer, &test, effect);
        assert_eq!(holds(Effect::Catches), caught, "{text}");
        assert_eq!(holds(Effect::LetsThrough), let_through, "{text}");
    }
}

/// What texts that look like JSON are made of.
pub(super) const PIECES: &[&str] = &[
    "{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "{\"a\":", "[1,", "500", "0", "-1e3", "true",
    " ", "/*", "*/", "//", "\n", "'", "\"", "\\", "a",
];

proptest! {
    /// Whatever comes, it ends, and agrees with another reader on what is JSON.
    #[test]
    fn agrees_with_another_reader(text in r#"[\[\]{}:,"a0-9.eE\\u+\- ]{0,24}"#) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        // That one refuses numbers beyond an f64, and half characters, which this one leaves alone.
        let beyond = |e: &serde_json::Error| {
            let text = e.to_string();
            text.contains("out of range") || text.contains("surrogate") || text.contains("hex escape")
        };
        match theirs {
            Ok(_) => prop_assert!(is_json(text.as_bytes()), "{}", text),
            Err(e) => prop_assert!(!is_json(text.as_bytes()) || beyond(&e), "{}: {}", text, e),
        }
    }

    /// Whatever comes, the lenient reader ends, and finds whatever the strict one does.
    #[test]
    fn catches_all_that_is_read_strictly(
        pieces in proptest::collection::vec(prop::sample::select(PIECES), 0..24),
        pointer in prop::sample::select(&["", "/a", "/0", "/a/a", "/a/0", "/0/a"]),
    ) {
        let (text, named) = (pieces.concat(), Pointer::new(pointer).expect("a pointer"));
        for test in [JsonTest::Exists(true), above_100()] {
            let holds = |effect| holds(text.as_bytes(), &named, &test, effect);
            prop_assert!(holds(Effect::Catches) || !holds(Effect::LetsThrough), "{} {}", text, pointer);
        }
    }
}
