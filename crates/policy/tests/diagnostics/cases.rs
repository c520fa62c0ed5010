//! Cases.

use weir_policy::{Config, Policy, SourceText};

use super::{headlines, pack};

#[test]
fn whom_the_rules_are_all_is_kept_up_by_no_case() {
    let rule = "[[rule]]\nid = \"r\"\nmatch = { packet = \"CONNECT\" }\naction = \"drop\"\n";
    let case = "[[case]]\nname = \"c\"\nsay = [\"CONECT\"]\nexpect = { rule = \"s\" }\n";
    let rules_only = |text: &str| {
        let source = SourceText::new("site.toml", text);
        Policy::check_rules(&Config::default(), &[source])
    };
    let with_case = format!("{rule}{case}");
    assert!(pack(&with_case).contains("nobody can say `CONECT`"));
    let (policy, said) = rules_only(&with_case);
    let policy = policy.unwrap_or_else(|| panic!("{}", said.render()));
    assert_eq!((policy.rules().len(), policy.cases().len()), (1, 0));
    assert!(said.is_empty(), "{}", said.render());
    let (policy, said) = rules_only(&format!("{with_case}[[case]\n"));
    assert!(policy.is_none() && !said.is_empty(), "it has to be TOML");
}

#[test]
fn a_case_begins_at_a_moment() {
    let case = |at: &str| {
        pack(&format!(
            "[[case]]\nname = \"c\"\nat = {at}\nsay = [\"CONNECT\"]\nexpect = {{ verdict = \"accept\" }}\n"
        ))
    };
    assert_eq!(case("\"2026-03-29T06:30:00+02:00\""), "");
    for at in ["\"2026-03-29\"", "\"2026-02-30T06:30:00Z\"", "\"soon\""] {
        let shown = case(at);
        assert!(
            shown.contains("isn't a moment") && shown.contains("distance from UTC"),
            "{shown}"
        );
    }
    assert!(case("2026-03-29T06:30:00Z").contains("expected a string, found a date"));
}

#[test]
fn what_is_wrong_with_a_case() {
    let case = |say: &str, more: &str| format!("[[case]]\nname = \"c\"\nsay = [{say}]\n{more}\n");
    let fine = "expect = { verdict = \"accept\" }";
    for (say, more, headline, help) in [
        (
            "\"CONECT\"",
            fine,
            "3:9: error: nobody can say `CONECT`",
            "did you mean `CONNECT`?",
        ),
        (
            "\"< CONNACK\", \"PUBLISH topc=a\"",
            fine,
            "3:30: error: PUBLISH has no field `topc`",
            "did you mean `topic`?",
        ),
        (
            "\"PINGREQ qos=1\"",
            fine,
            "PINGREQ has no field `qos`",
            "PINGREQ has none",
        ),
        (
            "\"PUBLISH qos=7\"",
            fine,
            "3:17: error: `qos` takes a number from 0 to 2",
            "",
        ),
        (
            "\"PUBLISH topic\"",
            fine,
            "`topic` takes a value after `=`",
            "",
        ),
        ("\"PUBLISH qos=1 qos=2\"", fine, "`qos` is given twice", ""),
        (
            "\"GET /a\", \"< 2.05 proven\"",
            fine,
            "only a request can show that its sender is `proven`",
            "",
        ),
        (
            "\"GET /a proven echo=01\"",
            fine,
            "`proven` stands for an `echo` of its own",
            "",
        ),
        (
            "\"PUBLISH retain=maybe\"",
            fine,
            "`retain` takes `true` or `false`",
            "",
        ),
        (
            "'PUBLISH payload=\"x'",
            fine,
            "`payload` takes text with one pair of quotes around it",
            "",
        ),
        ("\"GET\"", fine, "GET needs a path", ""),
        ("\"GET a\"", fine, "a path begins with a slash", ""),
        (
            "\"GET /a%2\"",
            fine,
            "`%` isn't followed by two hex digits",
            "write `%25`",
        ),
        (
            "\"GET /a?b=%2g\"",
            fine,
            "`%` isn't followed by two hex digits",
            "write `%25`",
        ),
        ("\"2.5\"", fine, "`2.5` isn't a CoAP code like 2.05", ""),
        (
            "\"GET /a type=MAYBE\"",
            fine,
            "`type` takes `CON`, `NON`, `ACK` or `RST`",
            "",
        ),
        ("\"hex 1\"", fine, "not pairs of hex digits", ""),
        ("\"hex\"", fine, "hex takes 1 to", ""),
        ("\"tcp SIN\"", fine, "`SIN` isn't one of `FIN`", ""),
        (
            "\"tcp RST seq=9999999999\"",
            fine,
            "`seq` takes an offset like +5000 or -1",
            "",
        ),
        ("\"wait 5\"", fine, "`5` isn't a time", ""),
        ("\"wait 5s 6s\"", fine, "`6s` is too much here", ""),
        ("\"\"", fine, "the line says nothing", ""),
        (
            "\"hex 00\"",
            fine,
            "the case doesn't show which service it speaks to",
            "add `service`",
        ),
        (
            "\"CONNECT\", \"GET /a\"",
            fine,
            "3:19: error: that isn't spoken to the service `mqtt`",
            "",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"denied\" }",
            "`denied` isn't one of `accept`, `hold`",
            "",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"reset\", rule = \"nobody\" }",
            "there is no rule `nobody`",
            "",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"reset\", reason = \"mqtt.spoofed.server-paket\" }",
            "isn't one of",
            "did you mean `mqtt.spoofed.server-packet`?",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"accept\" }\nfrom = \"10.0.0.1\"\nto = \"fd00::1\"",
            "both ends have to be of one address family",
            "the other end: site.toml:5:8",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"accept\" }\nfrom = \"sensor\"",
            "`sensor` isn't an address",
            "",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"accept\" }\nfrom = [\"10.0.0.1\", \"fd00::1\"]",
            "all clients have to be of one address family",
            "",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"accept\" }\nfrom = []",
            "clients have 1 to 16 addresses",
            "",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"accept\" }\nfrom = [\"fd00:20::/64\", \"fd00:21::7\"]",
            "`fd00:20::/64` isn't an address",
            "a network is the last in `from`",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"accept\" }\nfrom = \"fd00:20::7/64\"",
            "has bits set beyond its prefix",
            "write `fd00:20::/64` for the network",
        ),
        (
            "\"CONNECT\", \"@9 CONNECT\"",
            "expect = { verdict = \"accept\" }\nfrom = \"10.20.0.0/29\"",
            "`10.20.0.0/29` has no 9 addresses for clients",
            "",
        ),
        (
            "\"CONNECT\"",
            "expect = { verdict = \"accept\" }\nfrom = [\"10.0.0.1\", \"fd00::/64\"]",
            "all clients have to be of one address family",
            "",
        ),
        (
            "\"@1025 CONNECT\"",
            "expect = { verdict = \"accept\" }",
            "clients are called @1 to @1024",
            "",
        ),
        (
            "{ times = 3, say = [\"CONNECT\", \"CONECT\"] }",
            "expect = { verdict = \"accept\" }",
            "nobody can say `CONECT`",
            "did you mean `CONNECT`?",
        ),
        (
            "\"CONNECT client_id=d{n}\"",
            "expect = { verdict = \"accept\" }",
            "`{n}` counts what is repeated",
            "it stands in lines of",
        ),
        (
            "{ times = 1025, say = [\"@{n} CONNECT\"] }",
            "expect = { verdict = \"accept\" }",
            "clients are called @1 to @1024",
            "",
        ),
        (
            "{ times = 6000, say = [\"CONNECT\", \"reconnect\"] }",
            "expect = { verdict = \"accept\" }",
            "a case says 1 to 10000 lines",
            "",
        ),
        (
            "{ say = [\"CONNECT\"] }",
            "expect = { verdict = \"accept\" }",
            "a repetition lacks `times`",
            "",
        ),
        (
            "\"CONNECT\", \"! < CONNACK\"",
            "expect = { verdict = \"accept\" }",
            "what becomes of the last line stands in `expect`",
            "leave out its `!`",
        ),
        ("\"CONNECT\"", "", "a case lacks `expect`", ""),
    ] {
        let rendered = pack(&case(say, more));
        assert_eq!(headlines(&rendered).len(), 1, "{say}: {rendered}");
        assert!(rendered.contains(headline), "{say}: {rendered}");
        assert!(rendered.contains(help), "{say}: {rendered}");
    }
}

/// However many there are.
#[test]
fn many_cases_are_told_of_in_order_with_the_rules() {
    let rule = |id: &str, of: &str| {
        format!("[[rule]]\nid = \"{id}\"\nmatch = {{ topic = \"{of}\" }}\naction = \"drop\"\n\n")
    };
    let case = |number: usize, verdict: &str| {
        format!(
            "[[case]]\nname = \"{number}\"\nsay = [\"CONNECT client_id=a\"]\n\
             expect = {{ verdict = \"{verdict}\", rule = \"r{}\" }}\n\n",
            number % 3
        )
    };
    let told = |cases: usize| {
        let mut text = rule("r0", "a/#") + &rule("r1", "a/b");
        for number in 0..cases {
            text += &case(number, if number == 7 { "dorp" } else { "drop" });
        }
        pack(&text)
    };
    let (few, many) = (told(10), told(500));
    let (few, many) = (headlines(&few), headlines(&many));
    assert!(few[0].ends_with("the rule `r1` can never be reached"));
    assert_eq!(few.len(), 5, "it, one verdict, and `r2` three times");
    assert_eq!(many[..few.len()], few);
    assert_eq!(many.len(), 2 + 166);
}
