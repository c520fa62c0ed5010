//! Rules of ten kinds, each with a case that it stops and one that it doesn't.

use std::fmt::Write as _;

/// Of a rule: its `match`, what it stops, and what it lets pass.
struct Kind {
    conditions: String,
    stops: String,
    passes: String,
}

/// So many of them, as a pack.
pub(crate) fn text(rules: usize) -> String {
    let mut text = String::new();
    for n in 0..rules {
        let kind = kind(rules, n);
        writeln!(
            text,
            "[[rule]]\nid = \"r{n}\"\nmatch = {{ {} }}\naction = \"drop\"",
            kind.conditions
        )
        .expect("writing to a string");
        let drops = format!("verdict = \"drop\", rule = \"r{n}\"");
        text += &case(n, "stopped", &kind.stops, &drops);
        text += &case(n, "not its own", &kind.passes, "verdict = \"accept\"");
    }
    text
}

fn case(n: usize, name: &str, says: &str, expect: &str) -> String {
    let [a, b] = halves(n);
    let say = match says.starts_with("CONNECT") {
        true => format!("'{says}'"),
        false => format!("\"CONNECT client_id=plc-{n} version=5.0\", \"< CONNACK\", '{says}'"),
    };
    format!(
        "[[case]]\nname = \"r{n}: {name}\"\nfrom = \"10.{a}.{b}.7\"\nsay = [{say}]\nexpect = {{ {expect} }}\n"
    )
}

/// Every tenth rule is of one kind, as sites have them.
fn kind(rules: usize, n: usize) -> Kind {
    let [a, b] = halves(n);
    let publish = |conditions: String, stops: String, passes: &str| Kind {
        conditions: format!("packet = \"PUBLISH\", {conditions}"),
        stops: format!("PUBLISH {stops}"),
        passes: format!("PUBLISH {passes}"),
    };
    match n % 10 {
        0 => publish(
            format!("topic = \"line/{n}/#\", client_id = \"!hmi-{n}\""),
            format!("topic=line/{n}/state payload=1"),
            "topic=hall/state payload=1",
        ),
        1 => publish(
            format!("client_id = \"plc-{n}\", topic = \"!plc/{{client_id}}/#\""),
            "topic=hall/state payload=1".to_owned(),
            &format!("topic=plc/plc-{n}/state payload=1"),
        ),
        2 => publish(
            format!("source = \"10.{a}.{b}.0/24\", topic = \"valve/#\""),
            "topic=valve/7 payload=1".to_owned(),
            "topic=hall/state payload=1",
        ),
        3 => publish(
            format!("topic = \"job/#\", payload = {{ contains = \"reboot-{n:05};\" }}"),
            format!("topic=job/1 payload=\"now reboot-{n:05};\""),
            "topic=job/1 payload=start",
        ),
        4 => publish(
            format!("topic = \"set/#\", payload = {{ regex = 'set-{n:05}=\\d+' }}"),
            format!("topic=set/1 payload=set-{n:05}=1"),
            &format!("topic=set/1 payload=set-{n:05}=a"),
        ),
        5 => publish(
            format!("topic = \"run/#\", payload = {{ json = {{ \"/job\" = \"j-{n}\" }} }}"),
            format!("topic=run/1 hex={}", hex(&format!("{{\"job\":\"j-{n}\"}}"))),
            &format!("topic=run/1 hex={}", hex("{\"job\":\"none\"}")),
        ),
        6 => {
            let size = rules * 2 - n;
            publish(
                format!("topic = \"file/{n}\", size = {{ min = {size} }}"),
                format!("topic=file/{n} size={size}"),
                &format!("topic=file/{n} size=9"),
            )
        }
        7 => Kind {
            conditions: format!("packet = \"UNSUBSCRIBE\", packet_id = {}", n + 1),
            stops: format!("UNSUBSCRIBE packet_id={} filter=hall/#", n + 1),
            passes: "UNSUBSCRIBE packet_id=65000 filter=hall/#".to_owned(),
        },
        8 => Kind {
            conditions: format!("packet = \"CONNECT\", keep_alive = {}", n + 1),
            stops: format!("CONNECT client_id=plc-{n} keep_alive={}", n + 1),
            passes: format!("CONNECT client_id=plc-{n} keep_alive=65000"),
        },
        _ => publish(
            format!("property = {{ user_property = {{ asset = \"a-{n}\" }} }}"),
            format!("topic=hall/state payload=1 user_property=asset=a-{n}"),
            "topic=hall/state payload=1",
        ),
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn halves(n: usize) -> [usize; 2] {
    [n / 256, n % 256]
}
