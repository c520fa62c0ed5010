//! The command line as an operator meets it: exit statuses, and errors that name their remedy.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A directory that goes when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("weir-cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a scratch directory");
        Self(dir)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn weir(arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .env_remove("WEIR_LOG")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

/// Runs it, checks the exit status, and returns what it printed on both streams.
fn ends(arguments: &[&str], status: i32) -> String {
    let output = weir(arguments);
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}:\n{text}");
    text.into_owned()
}

fn tells(arguments: &[&str], status: i32, needles: &[&str]) {
    let text = ends(arguments, status);
    for needle in needles {
        assert!(
            text.contains(needle),
            "{arguments:?}: no {needle:?} in\n{text}"
        );
    }
}

#[test]
fn help_and_version_are_there() {
    tells(
        &["--help"],
        0,
        &[
            "run",
            "check",
            "replay",
            "demo",
            "explain",
            "detach",
            "Exit status",
        ],
    );
    tells(
        &["replay", "--help"],
        0,
        &["--verdicts", "--out", "--inside"],
    );
    tells(&["--version"], 0, &[env!("CARGO_PKG_VERSION"), "commit"]);
}

#[test]
fn a_slip_on_the_command_line_could_not_run() {
    tells(&[], 2, &["Usage"]);
    tells(&["rpelay"], 2, &["replay"]);
    tells(&["check"], 2, &["FILE"]);
    tells(&["replay", "--config", "x"], 2, &["CAPTURE"]);
}

#[test]
fn the_shipped_pack_passes_its_own_cases() {
    let pack = format!("{ROOT}/rules/baseline.toml");
    tells(&["check", &pack], 0, &["all fine"]);
}

#[test]
fn check_speaks_json_and_names_the_rules_that_no_case_shows() {
    let scratch = Scratch::new("json");
    let pack = scratch.file(
        "site.toml",
        "[[rule]]\nid = \"shown\"\nmatch = { packet = \"PUBLISH\" }\naction = \"reset\"\n\n\
         [[rule]]\nid = \"not-shown\"\nmatch = { packet = \"SUBSCRIBE\" }\naction = \"reset\"\n\n\
         [[case]]\nname = \"a publish\"\nsay = [\"CONNECT\", \"< CONNACK\", \"PUBLISH\"]\n\
         expect = { verdict = \"reset\", rule = \"shown\" }\n",
    );
    tells(
        &["check", &pack],
        0,
        &["no case brings 1 rule to a match: not-shown"],
    );
    let needles = [
        r#""kind":"unmatched""#,
        r#""line":7"#,
        r#""rule":"not-shown""#,
        r#""kind":"checked""#,
    ];
    tells(&["check", "--json", &pack], 0, &needles);
    let broken = scratch.file(
        "broken.toml",
        "[[rule]]\nid = \"x\"\nmatch = { packte = \"A\" }\naction = \"drop\"\n",
    );
    let needles = [
        r#""kind":"finding""#,
        r#""level":"error""#,
        r#""line":3,"column":11"#,
        "did you mean",
    ];
    tells(&["check", "--json", &broken], 1, &needles);
}

#[test]
fn check_tells_what_can_only_be_replayed_and_which_line_names_a_missing_pack() {
    let scratch = Scratch::new("named");
    let linkless = scratch.file("linkless.toml", "mode = \"monitor\"\n");
    tells(
        &["check", &linkless],
        0,
        &["all fine", "not for `weir run`"],
    );
    let kind = r#""kind":"linkless""#;
    tells(&["check", "--json", &linkless], 0, &[kind]);
    let text = "[policy]\npacks = [\"linkles.toml\"]\n[block]\nfiles = [\"feed.txt\"]\n";
    let config = scratch.file("weir.toml", text);
    let needles = [
        "weir.toml:2:10: error: `linkles.toml` can't be read",
        "did you mean `linkless.toml`?",
        "weir.toml:4:10: error: `feed.txt` can't be read",
        "2 errors",
    ];
    tells(&["check", &config], 1, &needles);
    let needles = [r#""line":2,"column":10,"length":14"#, r#""line":4"#];
    tells(&["check", "--json", &config], 1, &needles);
    let latin = scratch.0.join("latin.toml");
    fs::write(&latin, b"# caf\xe9\n").expect("written");
    let files = ["nowhere.toml", latin.to_str().expect("UTF-8"), &linkless];
    let json = weir(&[&["check", "--json"][..], &files].concat());
    assert_eq!(json.status.code(), Some(2));
    assert_eq!(json.stderr, b"", "all is told in lines of JSON");
    let lines = String::from_utf8(json.stdout).expect("UTF-8");
    let kinds = lines.lines().map(|line| line.split(',').next());
    let wanted = ["unreadable", "finding", "checked", "linkless"];
    let wanted = wanted.map(|kind| format!("{{\"kind\":\"{kind}\""));
    assert_eq!(
        kinds.flatten().collect::<Vec<_>>(),
        wanted,
        "each once: {lines}"
    );
    assert!(lines.contains(r#""file":"nowhere.toml""#), "{lines}");
    let needles = [
        "weir: nowhere.toml: No such file",
        "isn't UTF-8",
        "all fine",
    ];
    tells(&[&["check"][..], &files].concat(), 2, &needles);
}

/// What the documentation gives for it is enough, and a case sees the default as the gateway would.
#[test]
fn cases_of_a_site_know_what_happens_without_a_rule() {
    let scratch = Scratch::new("deny");
    let readme = fs::read_to_string(format!("{ROOT}/rules/README.md")).expect("rules/README.md");
    let (_, block) = readme
        .split_once("```toml default-deny\n")
        .expect("the block");
    let (rules, _) = block.split_once("```").expect("its end");
    let baseline = fs::canonicalize(format!("{ROOT}/rules/baseline.toml")).expect("the pack");
    let own = "[[rule]]\nid = \"plcs\"\nmatch = { packet = [\"CONNECT\", \"PUBLISH\"], client_id = \"plc-*\" }\n\
        action = \"accept\"\n[[rule]]\nid = \"reads\"\nmatch = { method = \"GET\" }\naction = \"accept\"\n";
    let case = |name: &str, say: &str, verdict: &str| {
        format!(
            "[[case]]\nname = \"{name}\"\nsay = [{say}]\nexpect = {{ verdict = \"{verdict}\" }}\n"
        )
    };
    let cases = [
        case(
            "a reading",
            "'CONNECT client_id=plc-1', '< CONNACK', 'PUBLISH qos=1', '< PUBACK', 'PINGREQ', '< PINGRESP', 'DISCONNECT'",
            "accept",
        ),
        case("a stranger", "'CONNECT client_id=x'", "drop"),
        case(
            "another packet",
            "'CONNECT client_id=plc-1', '< CONNACK', 'SUBSCRIBE'",
            "drop",
        ),
        case("an answer", "'GET /a', '< 2.05'", "accept"),
        case("an answer to nothing", "'< 2.05'", "drop"),
        case("a change", "'PUT /a'", "drop"),
        case(
            "an answer over TCP",
            "'7.01', '< 7.01', 'GET /a', '< 2.05', '7.02', '< 7.03'",
            "accept",
        )
        .replace("say =", "service = \"coap-tcp\"\nsay ="),
    ];
    scratch.file("site.toml", &[rules, own, &cases.concat()].concat());
    let text = format!("[policy]\ndefault = \"drop\"\npacks = [{baseline:?}, \"site.toml\"]\n");
    let config = scratch.file("weir.toml", &text);
    tells(&["check", &config], 0, &["all fine"]);
    // Without the default the strangers come in, and the pack's cases say so.
    let config = scratch.file("weir.toml", &text.replace("\"drop\"", "\"accept\""));
    tells(
        &["check", &config],
        1,
        &["3 of", "a stranger", "another packet", "a change"],
    );
}

#[test]
fn all_shipped_packs_pass_beside_each_other() {
    let scratch = Scratch::new("all");
    let packs = [
        "virtual-patches",
        "baseline",
        "mqtt-dos",
        "mqtt-harvest",
        "mqtt-hardening",
        "coap-amplification",
        "coap-hardening",
    ];
    let packs = packs.map(|name| format!("{ROOT}/rules/{name}.toml"));
    let config = scratch.file("weir.toml", &format!("[policy]\npacks = {packs:?}\n"));
    let said = ends(&["check", &config], 0);
    assert!(said.contains("all fine"), "{said}");
    assert!(!said.contains("no case"), "{said}");
}

#[test]
fn the_example_configuration_is_fine_but_for_its_packs_place() {
    let scratch = Scratch::new("example");
    let example = fs::read_to_string(format!("{ROOT}/deploy/weir.toml")).expect("the example");
    let pack = fs::canonicalize(format!("{ROOT}/rules/baseline.toml")).expect("the pack");
    let here = example.replace(
        "/usr/share/weir/rules/baseline.toml",
        pack.to_str().expect("UTF-8"),
    );
    assert_ne!(here, example);
    let file = scratch.file("weir.toml", &here);
    tells(&["check", &file], 0, &["all fine"]);
}

#[test]
fn check_tells_every_problem_at_once() {
    let scratch = Scratch::new("problems");
    let pack = scratch.file(
        "site.toml",
        "[[rule]]\nid = \"x\"\nmatch = { packte = \"CONNECT\" }\naction = \"rest\"\n",
    );
    let config = scratch.file(
        "weir.toml",
        "on_failur = \"open\"\n[policy]\npacks = [\"site.toml\", \"gone.toml\"]\n",
    );
    let needles = [
        "weir.toml:1:1",
        "on_failure",
        "gone.toml",
        "site.toml:3:11",
        "site.toml:4:10",
        "did you mean",
    ];
    tells(&["check", &config], 1, &needles);
    // The pack is a part of the configuration: it isn't told twice.
    let both = ends(&["check", &config, &pack], 1);
    assert_eq!(both.matches("site.toml:4:10").count(), 1, "{both}");
    tells(&["check", &pack], 1, &["site.toml:3:11"]);
}

#[test]
fn a_case_that_fails_is_a_finding() {
    let scratch = Scratch::new("case");
    let pack = scratch.file(
        "site.toml",
        "[[rule]]\nid = \"no-publish\"\ndescription = \"x\"\n\
         match = { packet = \"PUBLISH\" }\naction = \"reset\"\n\n\
         [[case]]\nname = \"a publish passes\"\n\
         say = [\"CONNECT client_id=s7\", \"< CONNACK\", \"PUBLISH topic=a payload=b\"]\n\
         expect = { verdict = \"accept\" }\n",
    );
    tells(
        &["check", &pack],
        1,
        &[
            "site.toml:9",
            "a publish passes",
            "no-publish",
            "1 of 1 case failed",
        ],
    );
}

#[test]
fn a_file_that_is_not_there_could_not_run() {
    tells(
        &["check", "/nonexistent.toml"],
        2,
        &["/nonexistent.toml", "No such file"],
    );
    tells(
        &["run", "--config", "/nonexistent.toml"],
        2,
        &["/nonexistent.toml"],
    );
    let scratch = Scratch::new("capture");
    let config = scratch.file("weir.toml", "");
    tells(
        &["replay", "--config", &config, "/nonexistent.pcap"],
        2,
        &["/nonexistent.pcap"],
    );
}

#[test]
fn a_broken_capture_could_not_run() {
    let scratch = Scratch::new("broken");
    let config = scratch.file("weir.toml", "");
    let text = scratch.file(
        "text.pcap",
        "this is no capture, but it is long enough for one",
    );
    tells(
        &["replay", "--config", &config, &text],
        2,
        &["neither a pcap nor a pcapng"],
    );
    let capture = fs::read(Path::new(ROOT).join("tests/replay/coap-ordinary/input.pcap"));
    let capture = capture.expect("a capture");
    let cut = scratch.0.join("cut.pcap");
    fs::write(&cut, &capture[..capture.len() - 1]).expect("written");
    let cut = cut.to_str().expect("UTF-8");
    let output = weir(&["replay", "--verdicts", "--config", &config, cut]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).lines().count(),
        3,
        "what came before"
    );
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("broken after frame 3"), "{error}");
    let output = weir(&["replay", "--summary", "--config", &config, cut]);
    assert_eq!(output.status.code(), Some(2));
    let summary = String::from_utf8_lossy(&output.stdout);
    assert!(summary.starts_with("3 frames: "), "{summary}");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("broken after frame 3"), "{error}");
}

/// The verdicts on tests/replay/coap-ordinary under a configuration and a pack.
fn verdicts_on_coap(scratch: &Scratch, configuration: &str, pack: &str) -> String {
    let config = format!("{configuration}\n[policy]\npacks = [\"site.toml\"]\n");
    let config = scratch.file("weir.toml", &config);
    scratch.file("site.toml", pack);
    let capture = format!("{ROOT}/tests/replay/coap-ordinary/input.pcap");
    let output = weir(&["replay", "--verdicts", "--config", &config, &capture]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).expect("JSON")
}

#[test]
fn who_is_banned_or_on_a_list_is_kept_out_of_a_replay_too() {
    const RULE: &str = "[[rule]]\nid = \"hot\"\nmatch = { method = \"GET\", path = \"/sensors/*/temperature\" }\n\
                        action = \"drop\"\nban = \"10m\"\n";
    let scratch = Scratch::new("kept-out");
    let banned = verdicts_on_coap(&scratch, "", RULE);
    assert_eq!(
        banned,
        "{\"frame\":1,\"verdict\":\"drop\",\"rule\":\"hot\"}\n\
         {\"frame\":2,\"verdict\":\"accept\",\"reason\":\"coap.spoofed.unmatched-response\"}\n\
         {\"frame\":3,\"verdict\":\"drop\",\"rule\":\"hot\",\"kept_out\":\"ban\"}\n\
         {\"frame\":4,\"verdict\":\"accept\",\"reason\":\"coap.spoofed.unmatched-response\"}\n"
    );
    scratch.file("feed.txt", "198.51.100.0/24\n");
    let lists = "[block]\nfiles = [\"feed.txt\"]\n";
    let listed = verdicts_on_coap(&scratch, lists, "");
    let kept_out = "\"verdict\":\"drop\",\"kept_out\":\"block-list\"}";
    assert_eq!(listed.matches(kept_out).count(), 2, "{listed}");
    let never = format!("{lists}never = [\"198.51.100.9\"]\n");
    let monitor = format!("mode = \"monitor\"\n{lists}");
    for (configuration, pack) in [(never.as_str(), ""), (&monitor, RULE)] {
        let verdicts = verdicts_on_coap(&scratch, configuration, pack);
        assert!(!verdicts.contains("kept_out"), "{verdicts}");
    }
}

#[test]
fn explain_knows_codes_families_and_slips() {
    tells(
        &["explain", "mqtt.spoofed.server-packet"],
        0,
        &["MQTT", "[[rule]]", "metric"],
    );
    tells(
        &["explain", "coap.spoofed"],
        0,
        &["coap.spoofed.unmatched-response"],
    );
    tells(
        &["explain", "mqtt.spofed.server-packet"],
        2,
        &["did you mean"],
    );
}

#[test]
fn output_that_nobody_reads_on_is_no_error() {
    let mut explain = Command::new(PROGRAM)
        .arg("explain")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(explain.stdout.take());
    let output = explain.wait_with_output().expect("it ends");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn run_names_what_is_missing_before_it_touches_anything() {
    let scratch = Scratch::new("run");
    // Of its own, since one gateway at a time works with a directory of pins.
    let pins = format!("/sys/fs/bpf/weir-cli-{}", std::process::id());
    let pins = format!("[dataplane]\npin_dir = \"{pins}\"\n");
    let empty = scratch.file("empty.toml", &pins);
    tells(
        &["run", "--config", &empty],
        2,
        &["no link is configured", "[[link]]"],
    );
    let link = format!("{pins}[[link]]\ninside = \"weirnone0\"\noutside = \"weirnone1\"\n");
    let nowhere = scratch.file("nowhere.toml", &link);
    let needles = [
        "weirnone0: no such interface",
        "weirnone1: no such interface",
        "ip link",
    ];
    tells(&["run", "--config", &nowhere], 2, &needles);

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    let listen = format!("{link}[metrics]\nlisten = \"{address}\"\n");
    let listen = scratch.file("listen.toml", &listen);
    let needles = [address.to_string(), "[metrics] listen".to_owned()];
    tells(
        &["run", "--config", &listen],
        2,
        &needles.each_ref().map(String::as_str),
    );

    let events = format!("{link}[events]\nfile = \"/nonexistent/either/events.json\"\n");
    let events = scratch.file("events.toml", &events);
    tells(
        &["run", "--config", &events],
        2,
        &["/nonexistent/either/events.json", "[events] file"],
    );
}

#[test]
fn the_loopback_is_refused_and_the_start_leaves_no_file() {
    let scratch = Scratch::new("loopback");
    let logs = scratch.0.join("logs");
    let events = logs.join("events.json");
    let text = format!(
        "[[link]]\ninside = \"lo\"\noutside = \"weirnone0\"\n\
         [dataplane]\npin_dir = \"/sys/fs/bpf/weir-cli-lo-{}\"\n[events]\nfile = {:?}\n",
        std::process::id(),
        events.to_str().expect("UTF-8"),
    );
    let config = scratch.file("weir.toml", &text);
    let needles = ["weir.toml:2:10: error: nothing but this machine's own traffic is on `lo`"];
    tells(&["run", "--config", &config], 2, &needles);
    assert!(!logs.exists(), "nothing was seen, and nothing is left");

    fs::create_dir(&logs).expect("room for a directory");
    fs::write(&events, "").expect("written");
    tells(&["run", "--config", &config], 2, &needles);
    assert!(events.exists(), "it was there before");
}

#[test]
fn without_rights_run_and_detach_say_which() {
    let scratch = Scratch::new("rights");
    let link = "[[link]]\ninside = \"weirnone0\"\noutside = \"weirnone1\"\n";
    let config = scratch.file("weir.toml", link);
    for command in ["run", "detach"] {
        let output = Command::new("setpriv")
            .args([
                "--bounding-set=-all",
                "--inh-caps=-all",
                "--no-new-privs",
                PROGRAM,
            ])
            .args([command, "--config", &config])
            .output()
            .expect("setpriv runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {error}");
        for needle in ["attach or detach", "CAP_NET_ADMIN", "run as root"] {
            assert!(error.contains(needle), "{command}: no {needle} in {error}");
        }
    }
}

#[test]
fn a_gateway_that_cant_be_asked_is_told_from_one_that_isnt_there() {
    let scratch = Scratch::new("ctl");
    let without = scratch.file("without.toml", "");
    tells(
        &["ctl", "--config", &without, "status"],
        2,
        &["names no [control] socket"],
    );
    let missing = scratch.0.join("control.sock");
    let missing = missing.to_str().expect("UTF-8");
    tells(
        &["ctl", "--socket", missing, "bans"],
        2,
        &["no gateway runs with it"],
    );
    tells(
        &["ctl", "ban", "192.0.2.1", "--for", "soon"],
        2,
        &["no time"],
    );
}

#[test]
fn detach_of_nothing_is_fine() {
    let scratch = Scratch::new("detach");
    let pins = scratch.0.join("pins");
    let text = format!(
        "[dataplane]\npin_dir = {:?}\n",
        pins.to_str().expect("UTF-8")
    );
    let config = scratch.file("weir.toml", &text);
    tells(
        &["detach", "--config", &config],
        0,
        &["nothing is attached"],
    );
}
