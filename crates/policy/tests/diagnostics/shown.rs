//! How findings are shown.

use weir_policy::{Config, Level, Policy, SourceText};

use super::{headlines, pack};

#[test]
fn a_finding_shows_place_line_mark_and_advice() {
    let text = "[[rule]]\nid = \"r\"\nmatch = { packets = \"PUBLISH\" }\naction = \"drop\"\n";
    assert_eq!(
        pack(text),
        "\
site.toml:3:11: error: `match` has no key `packets`
 3 | match = { packets = \"PUBLISH\" }
   |           ^^^^^^^
   = help: did you mean `packet`?

1 error
"
    );
}

#[test]
fn all_problems_of_all_files_come_at_once_in_order() {
    let first = "[[rule]]\nid = \"a\"\nmatch = {}\naction = \"dorp\"\n\n[[rule]]\nid = \"B\"\n";
    let second = "[[rule]]\nid = \"a\"\nmatch = { qos = 3 }\naction = \"drop\"\nban = \"x\"\n";
    let sources = [
        SourceText::new("one.toml", first),
        SourceText::new("two.toml", second),
    ];
    let diagnostics = Policy::check(&Config::default(), &sources).1;
    let places: Vec<String> = diagnostics.iter().map(|d| d.place.to_string()).collect();
    assert_eq!(
        places,
        [
            "one.toml:4:10",
            "one.toml:6:1",
            "one.toml:6:1",
            "one.toml:7:6",
            "two.toml:2:6",
            "two.toml:3:17",
            "two.toml:5:7",
        ]
    );
    assert_eq!(diagnostics.count(Level::Error), 7);
    assert_eq!(diagnostics.summary(), "7 errors");
}

#[test]
fn a_second_definition_points_at_the_first() {
    let rule =
        "[[rule]]\nid = \"a\"\nsid = 5\nmatch = { protocol = \"mqtt\" }\naction = \"alert\"\n";
    let rendered = pack(&format!("{rule}{rule}"));
    assert_eq!(
        rendered,
        "\
site.toml:7:6: error: there are two rules `a`
 7 | id = \"a\"
   |      ^^^
   = first defined here: site.toml:2:6

site.toml:8:7: error: the sid 5 is taken
 8 | sid = 5
   |       ^
   = first used here: site.toml:3:7
   = help: rules/README.md allots them

2 errors
"
    );
}

#[test]
fn syntax_errors_hide_neither_each_other_nor_the_rest() {
    let text = "[[rule]]\nid = \nmatch = { x = 1 }\naction = \"drop\"\nsid = 09\nban = [1,, 2]\n";
    assert_eq!(
        headlines(&pack(text)),
        [
            "2:6: error: not TOML: a value is missing",
            "3:11: error: `match` has no key `x`",
            "5:7: error: not TOML: unexpected leading zero, expected nothing",
            "6:10: error: not TOML: extra comma in array, expected value",
        ]
    );
}

#[test]
fn a_syntax_error_in_one_table_hides_nothing_of_another() {
    let text = "[[link]]\ninside = \"eth1\"\n[[link]]\ninside = \"eth2\"\noutside = eth3\n";
    let (_, diagnostics) = Config::check(&SourceText::new("weir.toml", text));
    assert_eq!(
        headlines(&diagnostics.render()),
        [
            "1:1: error: [[link]] lacks `outside`",
            "5:11: error: not TOML: string values must be quoted, expected literal string",
        ]
    );
}

#[test]
fn a_header_without_its_bracket_is_one_error() {
    let rule =
        |id: &str, action: &str| format!("id = \"{id}\"\nmatch = {{}}\naction = \"{action}\"\n");
    let text = format!(
        "[[rule]]\n{}[[rule]\n{}sid = 7\n[[rule]]\n{}",
        rule("a", "drop"),
        rule("b", "drop"),
        rule("c", "dorp")
    );
    let said = pack(&text);
    let told = headlines(&said);
    assert_eq!(told.len(), 2, "{said}");
    assert_eq!(
        told[0],
        "5:8: error: not TOML: unclosed array table, expected `]`"
    );
    assert!(said.contains("as many brackets at one end"), "{said}");
    assert!(told[1].starts_with("13:10: error: `dorp`"), "{said}");
}

/// Wherever it stands among others that are right.
#[test]
fn a_header_with_one_bracket_too_few_before_it_is_one_error() {
    let rule = |header: &str, id: &str| {
        format!("{header}\nid = \"{id}\"\nmatch = {{}}\naction = \"alert\"\n")
    };
    for headers in [
        ["[rule]]", "[[rule]]", "[[rule]]"],
        ["[[rule]]", "[rule]]", "[[rule]]"],
        ["[[rule]]", "[[rule]]", "[ rule ]]"],
        ["[rule]] # the first", "[[rule]]", "[[ rule ]]"],
    ] {
        let text: String = std::iter::zip(headers, ["a", "b", "c"])
            .map(|(header, id)| rule(header, id))
            .collect();
        let said = pack(&text);
        assert_eq!(headlines(&said).len(), 1, "{said}");
        assert!(said.contains("not TOML: unexpected key or value"), "{said}");
    }
    let twice = rule("[rule]", "a") + &rule("[[rule]]", "b");
    assert!(pack(&twice).contains("duplicate key"));
}

#[test]
fn a_value_that_nobody_closed_is_one_error() {
    for value in ["{ packet = \"PINGREQ\"", "{ topic = [\"a\", \"b\" }"] {
        let text = format!(
            "[[rule]]\nid = \"a\"\nmatch = {value}\naction = \"drop\"\n\n[[rule]]\nid = \"b\"\nmatch = {{}}\naction = \"drop\"\n"
        );
        let said = pack(&text);
        let told = headlines(&said);
        assert!(!told.is_empty() && told.len() <= 2, "{said}");
        assert!(said.contains("without its other end?"), "{said}");
    }
}

#[test]
fn terminals_are_not_driven_by_what_a_file_holds() {
    let text = "[[rule]]\nid = \"\u{202e}x\"\t# \u{1b}[31m\nmatch = {}\naction = \"drop\"\n";
    let rendered = pack(text);
    assert!(
        !rendered.contains(['\u{1b}', '\u{202e}', '\t']),
        "{rendered:?}"
    );
}

#[test]
fn a_long_line_is_cut_around_the_mark() {
    let text = format!("x = \"{}\" # {}\n", "a".repeat(5), "b".repeat(5000));
    let rendered = pack(&format!(
        "{}{text}",
        "y = [".to_owned() + &"1,".repeat(3000) + " ]; "
    ));
    assert!(
        rendered.lines().all(|line| line.chars().count() < 200),
        "{rendered}"
    );
    assert!(rendered.contains('…'), "{rendered}");
}

#[test]
fn what_is_not_utf8_is_shown_where_it_begins() {
    let problems = SourceText::from_bytes("site.toml", b"a = 1\nb = \"\xffx\"\n");
    assert_eq!(
        problems.expect_err("not UTF-8").render(),
        "\
site.toml:2:6: error: the file isn't UTF-8 from here on
 2 | b = \"\u{fffd}x\"
   |      ^
   = help: save it as UTF-8

1 error
"
    );
    let fine = SourceText::from_bytes("site.toml", "zone = \"Zürich\"".as_bytes());
    assert_eq!(fine.expect("UTF-8").text.chars().count(), 15);
}

#[test]
fn a_file_broken_all_over_is_summed_up() {
    let text: String = (0..1000).map(|key| format!("key-{key} = 1\n")).collect();
    let rendered = pack(&text);
    assert!(rendered.contains("800 more are not shown"), "{rendered}");
    assert!(rendered.ends_with("\n1000 errors\n"), "{rendered}");
    let text = "= 1\n".repeat(100_000);
    assert!(pack(&text).len() < 50_000);
}

#[test]
fn depth_and_size_have_bounds() {
    for text in [
        "a = ".to_owned() + &"[".repeat(100_000),
        "a = ".to_owned() + &"{ a = ".repeat(100_000),
        "a.".repeat(100_000) + "a = 1",
        "[[rule]]\nmatch = ".to_owned() + &"[".repeat(1000) + &"]".repeat(1000),
    ] {
        assert!(pack(&text).contains("error"));
    }
    let huge = "#".repeat((16 << 20) + 1);
    assert!(pack(&huge).contains("the file is larger than 16 MiB"));
}
