//! What readers of JSON are known to take, and what two ways to read make of that.

use proptest::prelude::*;

use super::super::pointer::Pointer;
use super::*;
use crate::matching::glob::Glob;
use crate::matching::list::List;

fn within(min: f64, max: f64) -> JsonTest {
    JsonTest::Within([Range::new(min, max)].into())
}

fn catches(payload: &[u8], pointer: &str, test: &JsonTest) -> bool {
    let pointer = Pointer::new(pointer).expect("a pointer");
    holds(payload, &pointer, test, Effect::Catches)
}

fn lets_through(payload: &[u8], pointer: &str, test: &JsonTest) -> bool {
    let pointer = Pointer::new(pointer).expect("a pointer");
    holds(payload, &pointer, test, Effect::LetsThrough)
}

/// What a reader finds 200 in, and where.
const TAKEN: &[(&str, &[u8], &str)] = &[
    ("Gson", br#"{"speed"=200}"#, "/speed"),
    ("Gson", br#"{"speed"=>200}"#, "/speed"),
    ("Gson", br#"{speed=200}"#, "/speed"),
    ("Gson", br#"{"a":1;"speed":200}"#, "/speed"),
    ("Gson", br#"[1;200]"#, "/1"),
    ("Gson", br#"[,200]"#, "/1"),
    ("Gson", br#"{"a":[1,,{"b":200}]}"#, "/a/2/b"),
    ("Gson", b"#c\n{\"speed\":200}", "/speed"),
    ("Gson", b"{#\"\n\"speed\":200}", "/speed"),
    ("Gson", b"{\"a\":1#\"{\r\"speed\":200}", "/speed"),
    ("Gson", b")]}'\n{\"speed\":200}", "/speed"),
    ("Gson", br#"{speed:200d}"#, "/speed"),
    ("Gson", br#"{'speed':200}"#, "/speed"),
    ("Gson", br#"{"a":it's,"speed":200}"#, "/speed"),
    ("Gson", b"null\n{\"speed\":200}", "/speed"),
    ("Gson", br#"1 {"speed":200}"#, "/speed"),
    ("Gson", br#""x" 'y' TRUE {"speed":200}"#, "/speed"),
    ("Jackson", br#"{"\speed":200}"#, "/speed"),
    ("Jackson", b"{\"\xc1\xb3peed\":200}", "/speed"),
    ("Jackson", b"{\"\xe0\x81\xb3peed\":200}", "/speed"),
    ("Jackson", br#"{"a":NaN,"speed":+200}"#, "/speed"),
    ("Jackson", br#"{"a":00.5,"speed":0200}"#, "/speed"),
    ("JSON5", br#"{"\x73peed":200}"#, "/speed"),
    ("JSON5", b"{\"sp\\\need\":200}", "/speed"),
    ("JSON5", b"{\"sp\\\r\need\":200}", "/speed"),
    ("JSON5", b"{\"sp\\\xe2\x80\xa9eed\":200}", "/speed"),
    ("JSON5", br#"{sp\u0065ed:200,}"#, "/speed"),
    ("JSON5", "{\"speed\":\u{2028}200}".as_bytes(), "/speed"),
    (
        "JSON5",
        "{\"speed\"\u{a0}:\u{feff}200\u{3000}}".as_bytes(),
        "/speed",
    ),
    ("JSON5", "{speed\u{a0}:200}".as_bytes(), "/speed"),
    ("JSON5", "{//\"\u{2029}\"speed\":200}".as_bytes(), "/speed"),
    ("JSON5", br#"{"speed":0xC8}"#, "/speed"),
    ("JSON5", br#"{"speed":200.}"#, "/speed"),
    ("JSON5", br#"{"a":.5,"speed":+2e2}"#, "/speed"),
    ("JSON5", br#"{"a":200/*"*/,"speed":200/*}*/}"#, "/speed"),
    ("JSON5", br#"{'a"b':'it\'s','speed':200}"#, "/speed"),
    ("RapidJSON", b"{//\r{\"\n\"speed\":200}", "/speed"),
    ("json-c", b"{/* { */'speed':200, // }\n}", "/speed"),
    ("jsmn", br#"{"a":#x,"speed":200}"#, "/speed"),
    ("jsmn", br#"{"a"://x,"speed":200}"#, "/speed"),
    ("jsmn", br#"{"a":/*x,"speed":200}"#, "/speed"),
    ("jsmn", br#"{"a":'x,"speed":200}"#, "/speed"),
    ("jsmn", br#"{"a":,"speed":200}"#, "/speed"),
    ("jsmn and atoi", br#"{"speed":200rpm}"#, "/speed"),
    ("jsmn and strtol", br#"{"speed":0310}"#, "/speed"),
    ("Lua CJSON", br#"{"speed":0x1.9p7}"#, "/speed"),
    ("cJSON", br#"{"SPEED":200,"speed":50}"#, "/speed"),
    ("cJSON", br#"{"speed\u0000x":200,"speed":50}"#, "/speed"),
    ("cJSON 1.0", br#"{"spe\u0000ed":200}"#, "/speed"),
    ("cJSON", b"{\"speed\":200}\0{\"speed\":5}", "/speed"),
    (
        "encoding/json",
        "{\"\u{17f}peed\":200}".as_bytes(),
        "/speed",
    ),
    (
        "encoding/json",
        "{\"\u{212a}\":{\"GRÖẞE\":200}}".as_bytes(),
        "/k/größe",
    ),
    (
        "Newtonsoft.Json",
        br#"{"Motor":{"Speed":200}}"#,
        "/motor/speed",
    ),
    ("PHP", b"{\"sp\xffeed\":200}", "/speed"),
    ("ArduinoJson", br#"{"speed":200"#, "/speed"),
    ("ArduinoJson", br#"{"speed":200}garbage"#, "/speed"),
    ("Python", b"{\"a\":Infinity,\"speed\":200}", "/speed"),
    (
        "Python",
        b"\xff\xfe{\0\"\0v\0\"\0:\x002\x000\x000\0}\0",
        "/v",
    ),
    (
        "JSON lines",
        b"{\"speed\":5}\r\n{\"speed\":200}\r\n",
        "/speed",
    ),
    (
        "RFC 7464",
        b"\x1e{\"speed\":5}\n\x1e{\"speed\":200}\n",
        "/speed",
    ),
];

#[test]
fn what_a_reader_takes_is_caught_and_never_let_through() {
    let asked = within(200.0, 200.0);
    for (reader, payload, pointer) in TAKEN {
        let shown = payload.escape_ascii();
        assert!(catches(payload, pointer, &asked), "{reader}: {shown}");
        let small = within(0.0, 100.0);
        assert!(!lets_through(payload, pointer, &small), "{reader}: {shown}");
    }
}

#[test]
fn a_text_is_caught_as_some_reader_reads_it() {
    let mut globs = List::default();
    globs.push(false, Glob::new("auto").expect("a glob"));
    let asked = JsonTest::Like(globs);
    for (reader, payload) in [
        ("JSON5", &br#"{"mode":"\x61uto"}"#[..]),
        ("JSON5", b"{\"mode\":'au\\\nto'}"),
        ("Gson", b"{mode=auto}"),
        ("cJSON", br#"{"mode":"auto\u0000x"}"#),
        ("cJSON 1.0", br#"{"mode":"au\u0000to"}"#),
        ("PHP", b"{\"mode\":\"au\xffto\"}"),
        ("Jackson", b"{\"mode\":\"\xc1\xa1uto\"}"),
    ] {
        let shown = payload.escape_ascii();
        assert!(catches(payload, "/mode", &asked), "{reader}: {shown}");
        assert!(!lets_through(payload, "/mode", &asked), "{reader}: {shown}");
    }
}

#[test]
fn what_is_let_through_is_so_to_every_reader() {
    for (payload, pointer, surely) in [
        (&br#"{"speed":50}"#[..], "/speed", true),
        (br#"{"\u0073peed":50}"#, "/speed", true),
        (br#"{"speed":50,"speed":60}"#, "/speed", true),
        (br#"{"speed":50,"SPEED":60}"#, "/speed", true),
        (br#"{"a":{"b":50},"b":500}"#, "/a/b", true),
        (br#"{"a":[500,50]}"#, "/a/1", true),
        (
            br#"{"speed":50,"note":"Speed","x":{"Speed":500}}"#,
            "/speed",
            true,
        ),
        // Newtonsoft.Json, encoding/json and cJSON.
        (br#"{"speed":50,"SPEED":200}"#, "/speed", false),
        (br#"{"Speed":50}"#, "/speed", false),
        (
            "{\"speed\":50,\"\u{17f}peed\":200}".as_bytes(),
            "/speed",
            false,
        ),
        (br#"{"speed":50,"\u017fpeed":200}"#, "/speed", false),
        // cJSON.
        (br#"{"speed\u0000x":200,"speed":50}"#, "/speed", false),
        (br#"{"speed\u0000":50}"#, "/speed", false),
        (br#"{"spe\u0000ed":200,"speed":50}"#, "/speed", false),
        // What half a character becomes differs.
        (br#"{"spe\ud800ed":200,"speed":50}"#, "/speed", false),
        (br#"{"speed\u00a0":200,"speed":50}"#, "/speed", false),
        (br#"{" speed":200,"speed":50}"#, "/speed", false),
        // The first of two members with one name, or the last.
        (br#"{"speed":50,"speed":200}"#, "/speed", false),
        (br#"{"a":{"b":50},"a":{}}"#, "/a/b", false),
        (br#"{"a":{"b":50},"A":[]}"#, "/a/b", false),
        (br#"{"a":{"b":50},"A":{"b":60}}"#, "/a/b", true),
        (br#"{"speed":"50"}"#, "/speed", false),
        (br#"{"speed":[50]}"#, "/speed", false),
    ] {
        let through = lets_through(payload, pointer, &within(0.0, 100.0));
        assert_eq!(through, surely, "{}", payload.escape_ascii());
        let missing = catches(payload, pointer, &JsonTest::Exists(false));
        assert_eq!(
            missing,
            !lets_through(payload, pointer, &JsonTest::Exists(true))
        );
    }
    for payload in [r#"{"Speed":1}"#, r#"{"speed\u0000":1}"#, r#"{" speed":1}"#] {
        let none = JsonTest::Exists(false);
        assert!(
            !lets_through(payload.as_bytes(), "/speed", &none),
            "{payload}"
        );
        assert!(
            lets_through(payload.as_bytes(), "/other", &none),
            "{payload}"
        );
    }
}

#[test]
fn what_is_no_json_holds_nothing() {
    for payload in [
        &b"speed=500"[..],
        b"speed: 500",
        b"\"speed\":500",
        b"speed 500 {",
        b"INFO {\"speed\":500}",
        b"12:00 {\"speed\":500}",
        b"5 turns {\"speed\":500}",
        b"<a>{\"speed\":500}</a>",
        b"callback({\"speed\":500})",
        b"--\nspeed: 500\n",
        b"\x82\xa5speed\xcd\x01\xf4",
        b"\xa1\x65speed\x19\x01\xf4",
        b"\x0a\x05speed\x10\xf4\x03",
        b"} {\"speed\":500}",
        b"",
        b"\0",
        b"'",
        b"\\",
    ] {
        for test in [JsonTest::Exists(true), within(500.0, 500.0)] {
            assert!(
                !catches(payload, "/speed", &test),
                "{}",
                payload.escape_ascii()
            );
        }
    }
}

#[test]
fn names_that_may_be_the_same_all_the_way_down_are_read_once_each() {
    let depth = 16;
    let name = r#"{"a\u0000a":"#;
    let payload = name.repeat(depth) + "200" + &"}".repeat(depth);
    let pointer = "/a".repeat(depth);
    assert!(catches(payload.as_bytes(), &pointer, &within(200.0, 200.0)));
    let wide = format!("[{}]", format!("{payload},").repeat(1000));
    assert!(!catches(
        wide.as_bytes(),
        &format!("/0{}", "/a".repeat(15)),
        &within(7.0, 7.0)
    ));
}

/// What is written without a mistake.
#[derive(Debug, Clone)]
enum Written {
    Number(i32),
    Text(&'static str),
    Object(Vec<(&'static str, Written)>),
    Array(Vec<Written>),
}

const NAMES: &[&str] = &[
    "a", "b", "0", "1", "speed", "Speed", "größe", "é b", "a/b", "#", "=", "//",
];
const TEXTS: &[&str] = &[
    "",
    "x",
    "{\\\"a\\\":1}",
    "//",
    "#",
    "'",
    "\\\\",
    "/*",
    "ü",
    "=;",
    "\\u0061",
];
const SPACES: &[&str] = &["", " ", "\n", "\t\r\n  "];

fn written() -> impl Strategy<Value = Written> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(Written::Number),
        prop::sample::select(TEXTS).prop_map(Written::Text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let member = (prop::sample::select(NAMES), inner.clone());
        prop_oneof![
            prop::collection::vec(member, 0..4).prop_map(Written::Object),
            prop::collection::vec(inner, 0..4).prop_map(Written::Array),
        ]
    })
}

impl Written {
    fn write(&self, space: &str, text: &mut String) {
        text.push_str(space);
        match self {
            Self::Number(number) => text.push_str(&number.to_string()),
            Self::Text(inside) => text.push_str(&format!("\"{inside}\"")),
            Self::Object(members) => {
                text.push('{');
                for (number, (name, value)) in members.iter().enumerate() {
                    let comma = if number > 0 { "," } else { "" };
                    text.push_str(&format!("{comma}{space}\"{name}\"{space}:"));
                    value.write(space, text);
                }
                text.push('}');
            }
            Self::Array(items) => {
                text.push('[');
                for (number, item) in items.iter().enumerate() {
                    text.push_str(if number > 0 { "," } else { "" });
                    item.write(space, text);
                }
                text.push(']');
            }
        }
        text.push_str(space);
    }

    /// The numbers that a pointer's tokens lead to; capitals are small letters.
    fn numbers(&self, way: &[&str], found: &mut Vec<i32>) {
        match (self, way) {
            (Self::Number(number), []) => found.push(*number),
            (Self::Object(members), [token, rest @ ..]) => {
                let alike = |name: &str| name.to_lowercase() == token.to_lowercase();
                let on_way = members.iter().filter(|(name, _)| alike(name));
                on_way.for_each(|(_, value)| value.numbers(rest, found));
            }
            (Self::Array(items), [token, rest @ ..]) => {
                let item = token
                    .parse()
                    .ok()
                    .and_then(|number: usize| items.get(number));
                item.into_iter().for_each(|item| item.numbers(rest, found));
            }
            _ => {}
        }
    }
}

proptest! {
    /// What is JSON to everybody says what it says, and nothing more.
    #[test]
    fn json_without_a_mistake_means_what_it_says(
        written in written(),
        way in prop::collection::vec(prop::sample::select(NAMES), 0..4),
        space in prop::sample::select(SPACES),
    ) {
        let (mut text, mut found) = (String::new(), Vec::new());
        written.write(space, &mut text);
        written.numbers(&way, &mut found);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        prop_assert!(is_json(text.as_bytes()), "{}", text);
        let pointer: String = way.iter().map(|token| format!("/{}", token.replace('/', "~1"))).collect();
        let tests = [within(f64::NEG_INFINITY, -1.0), within(0.0, 0.0), within(1.0, f64::INFINITY)];
        let signs = found.iter().map(|number| number.signum());
        let expected = [-1, 0, 1].map(|sign| signs.clone().any(|found| found == sign));
        let caught = tests.map(|test| catches(text.as_bytes(), &pointer, &test));
        prop_assert_eq!(caught, expected, "{} {}", pointer, text);
    }

    /// The same as another reader finds, by the names as they are written.
    #[test]
    fn finds_what_another_reader_finds(
        written in written(),
        way in prop::collection::vec(prop::sample::select(NAMES), 0..4),
    ) {
        let mut text = String::new();
        written.write("", &mut text);
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let pointer: String = way.iter().map(|token| format!("/{}", token.replace('/', "~1"))).collect();
        if let Some(number) = read.pointer(&pointer).and_then(serde_json::Value::as_f64) {
            prop_assert!(catches(text.as_bytes(), &pointer, &within(number, number)), "{} {}", pointer, text);
        }
        prop_assert!(
            read.pointer(&pointer).is_none() || catches(text.as_bytes(), &pointer, &JsonTest::Exists(true))
        );
    }
}
