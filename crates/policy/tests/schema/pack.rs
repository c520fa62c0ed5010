//! A JSON Schema of rule packs, for editors to complete and check them with: rules/pack.schema.json.
//!
//! It says less than `weir check` does: which keys there are, and what form their values have.

use serde_json::{Map, Value, json};
use weir_policy::{
    Action, Counted, Detail, Holding, Layer, Per, Proof, Protocol, REFUSALS, Reason, Service,
    Severity, Side, Verdict, vocabulary,
};
use wire::hello::Version;
use wire::mqtt::PacketType;

/// The schema, as it is kept in rules/.
pub(crate) fn schema() -> String {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A rule pack of Weir",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "pack": table(json!({ "cases": names(["alone", "together"]) })),
            "zones": { "type": "object", "additionalProperties": { "$ref": "#/definitions/texts" } },
            "sets": { "type": "object", "additionalProperties": { "$ref": "#/definitions/texts" } },
            "rule": { "type": "array", "items": { "$ref": "#/definitions/rule" } },
            "case": { "type": "array", "items": { "$ref": "#/definitions/case" } },
        },
        "definitions": definitions(),
    });
    let mut text = serde_json::to_string_pretty(&schema).expect("a value is JSON");
    text.push('\n');
    text
}

fn definitions() -> Value {
    let mut definitions = json!({
        "text": { "type": "string" },
        "texts": { "type": "array", "items": { "type": "string" } },
        "text-or-texts": one_or_several(&json!({ "type": "string" })),
        "flag": { "type": "boolean" },
        "time": { "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" },
        "rule": rule(),
        "match": table(conditions()),
        "schedule": required(
            json!({ "days": texts(), "from": text(), "until": text(), "zone": text() }),
            &["zone"],
        ),
        "limit": any_of(limits()),
        "case": case(),
        "line": any_of([
            json!({ "type": "string" }),
            required(json!({ "times": { "type": "integer" }, "say": lines() }), &["times", "say"]),
        ]),
    });
    for most in [QOS, OCTET, BLOCK, VLAN, SHORT, BLOCKS, LONG] {
        definitions[format!("numbers-{most}")] = numbers_up_to(most);
    }
    definitions
}

/// A number, bounds, a text like `!5` or `10-20`, or several of them.
fn numbers_up_to(most: u32) -> Value {
    let number = json!({ "type": "integer", "minimum": 0, "maximum": most });
    let mut bounds = table(json!({ "min": number, "max": number }));
    bounds["minProperties"] = json!(1);
    let text = json!({
        "type": "string",
        "pattern": "^!?(@.*|[0-9]+(-[0-9]+)?|0x[0-9a-fA-F]+(-0x[0-9a-fA-F]+)?)$",
    });
    one_or_several(&any_of([number, bounds, text]))
}

fn rule() -> Value {
    let severities = Severity::ALL.iter().map(|severity| severity.name());
    let actions = Action::ALL.iter().map(|action| action.name());
    let proofs = Proof::ALL.iter().map(|(name, _)| *name);
    let details = names(Detail::ALL.iter().map(|(name, _)| *name));
    let conditions = json!({ "$ref": "#/definitions/match" });
    required(
        json!({
            "id": { "type": "string", "pattern": "^[a-z0-9-]{1,64}$" },
            "sid": { "type": "integer" },
            "description": text(),
            "severity": names(severities),
            "match": conditions,
            "except": any_of([conditions.clone(), json!({ "type": "array", "items": conditions })]),
            "limit": { "$ref": "#/definitions/limit" },
            "action": names(actions),
            "proof": names(proofs),
            "refusal": names(REFUSALS.iter().map(|(name, _)| *name)),
            "ban": { "$ref": "#/definitions/time" },
            "dry_run": flag(),
            "log": any_of([details.clone(), json!({ "type": "array", "items": details })]),
            "overrides": { "$ref": "#/definitions/texts" },
            "references": { "$ref": "#/definitions/texts" },
        }),
        &["id", "match", "action"],
    )
}

/// The most that numbers of a kind can be.
const QOS: u32 = 2;
const OCTET: u32 = u8::MAX as u32;
const VLAN: u32 = 4094;
const BLOCK: u32 = 1024;
const SHORT: u32 = u16::MAX as u32;
const BLOCKS: u32 = (1 << 20) - 1;
const LONG: u32 = u32::MAX;

/// Those keys of a `match` that ask for numbers.
const NUMBERS: [(&str, u32); 11] = [
    ("size", LONG),
    ("filters", LONG),
    ("levels", LONG),
    ("user_properties", LONG),
    ("options", LONG),
    ("token", LONG),
    ("source_port", SHORT),
    ("destination_port", SHORT),
    ("keep_alive", SHORT),
    ("qos", QOS),
    ("reason_code", OCTET),
];
/// Those that ask for a number that may be missing.
const IDENTIFIERS: [(&str, u32); 5] = [
    ("vlan", VLAN),
    ("packet_id", SHORT),
    ("message_id", SHORT),
    ("block_size", BLOCK),
    ("block_number", BLOCKS),
];

/// The keys of a `match`.
fn conditions() -> Value {
    let reasons = Reason::ALL.iter().map(|reason| reason.code());
    let schedule = json!({ "$ref": "#/definitions/schedule" });
    let mut conditions = json!({
        "protocol": negatable(Protocol::ALL.iter().map(|protocol| protocol.name())),
        "service": negatable(Service::ALL.iter().map(|service| service.name())),
        "direction": negatable(["to_server", "to_client"]),
        "source": texts(),
        "destination": texts(),
        "client": texts(),
        "server": texts(),
        "reason": suggested(reasons),
        "time": any_of([schedule.clone(), json!({ "type": "array", "items": schedule })]),
        "tls": flag(),
        "address_validated": flag(),
        "sni": texts(),
        "alpn": texts(),
        "tls_version": negatable(Version::NAMED.into_iter().map(|(name, _)| name)),
        "packet": negatable(PacketType::ALL.iter().map(|packet| packet.name())),
        "version": negatable(["3.1", "3.1.1", "5.0", "5"]),
        "client_id": texts(),
        "username": texts(),
        "topic": texts(),
        "topic_text": texts(),
        "filter": filter(),
        "retain": flag(),
        "dup": flag(),
        "clean": flag(),
        "will": flag(),
        "password": any_of([flag(), texts()]),
        "will_outlives_session": flag(),
        "session_present": flag(),
        "property": properties(),
        "method": negatable(vocabulary::methods()),
        "code": one_or_several(&json!({
            "type": "string",
            "pattern": "^!?(@.*|[0-7]\\.([0-2][0-9]|3[01]|xx))$",
        })),
        "path": texts(),
        "type": negatable(["CON", "NON", "ACK", "RST"]),
        "option": options(),
        "payload": payload(),
    });
    for (key, most) in NUMBERS {
        conditions[key] = numbers(most);
    }
    for (key, most) in IDENTIFIERS {
        conditions[key] = any_of([numbers(most), flag()]);
    }
    conditions
}

fn filter() -> Value {
    table(json!({
        "overlaps": texts(),
        "within": texts(),
        "covers": texts(),
        "text": texts(),
        "no_local": flag(),
        "retain_as_published": flag(),
        "retain_handling": numbers(QOS),
    }))
}

fn properties() -> Value {
    let forms = vocabulary::properties().map(|(name, form)| {
        let form = match form {
            "flag" => flag(),
            "number" => any_of([numbers(LONG), flag()]),
            "text" => any_of([texts(), flag()]),
            _ => json!({ "type": "object", "additionalProperties": any_of([texts(), flag()]) }),
        };
        (name.to_owned(), form)
    });
    table(Value::Object(forms.collect()))
}

/// By name, or by number.
fn options() -> Value {
    let test = any_of([texts(), numbers(LONG), flag()]);
    let names = vocabulary::options();
    let named: Map<String, Value> = names.map(|name| (name, test.clone())).collect();
    json!({
        "type": "object",
        "properties": named,
        "patternProperties": { "^[0-9]{1,5}$": test },
        "additionalProperties": false,
    })
}

fn payload() -> Value {
    let number = json!({ "type": "number" });
    let mut value = table(json!({ "min": number, "max": number, "exists": flag() }));
    value["minProperties"] = json!(1);
    let values = json!({
        "type": "object",
        "additionalProperties": any_of([texts(), one_or_several(&number), value, flag()]),
    });
    table(json!({
        "size": numbers(LONG),
        "utf8": flag(),
        "starts_with": texts(),
        "contains": texts(),
        "regex": texts(),
        "json": any_of([flag(), values]),
    }))
}

fn limits() -> [Value; 5] {
    let (number, per) = (
        json!({ "type": "number" }),
        names(Per::ALL.iter().map(|per| per.name())),
    );
    let window = json!({ "$ref": "#/definitions/time" });
    let whole = json!({ "type": "integer" });
    let counted = names(Counted::ALL.iter().map(|of| of.name()));
    let bits = json!({ "type": "integer", "minimum": 1, "maximum": 128 });
    let count =
        json!({ "count": whole, "of": counted, "window": window, "per": per, "ipv6_prefix": bits });
    let rate = json!({ "rate": number, "burst": whole, "per": per, "ipv6_prefix": bits });
    let holdings = names(Holding::ALL.iter().map(|holding| holding.name()));
    let distinct =
        json!({ "distinct": whole, "of": per, "window": window, "per": per, "ipv6_prefix": bits });
    let max = json!({ "max": whole, "of": holdings, "per": per, "ipv6_prefix": bits });
    let of = names(Layer::ALL.iter().map(|layer| layer.name()));
    let ratio = json!({ "ratio": number, "of": of, "per": names(["client"]), "window": window });
    [
        required(count, &["count", "window", "per"]),
        required(rate, &["rate", "burst", "per"]),
        required(distinct, &["distinct", "of", "window", "per"]),
        required(max, &["max", "of", "per"]),
        required(ratio, &["ratio", "per", "window"]),
    ]
}

fn case() -> Value {
    let verdicts = || names(Verdict::ALL.iter().map(|verdict| verdict.name()));
    let expect = json!({
        "verdict": verdicts(),
        "rule": text(),
        "reason": names(Reason::ALL.iter().map(|reason| reason.code())),
        "would": verdicts(),
        "alerts": any_of([text(), json!({ "$ref": "#/definitions/texts" })]),
    });
    required(
        json!({
            "name": text(),
            "from": texts(),
            "to": text(),
            "at": text(),
            "vlan": { "type": "integer" },
            "side": names(Side::ALL.iter().map(|side| side.name())),
            "service": names(Service::ALL.iter().map(|service| service.name())),
            "say": lines(),
            "expect": required(expect, &["verdict"]),
        }),
        &["name", "say", "expect"],
    )
}

fn lines() -> Value {
    json!({ "type": "array", "items": { "$ref": "#/definitions/line" } })
}

/// A table with these keys and no others.
fn table(properties: Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn required(properties: Value, keys: &[&str]) -> Value {
    let mut table = table(properties);
    table["required"] = json!(keys);
    table
}

fn any_of(forms: impl IntoIterator<Item = Value>) -> Value {
    let forms: Vec<Value> = forms.into_iter().collect();
    json!({ "anyOf": forms })
}

/// An empty list asks nothing.
fn one_or_several(one: &Value) -> Value {
    any_of([
        one.clone(),
        json!({ "type": "array", "items": one, "minItems": 1 }),
    ])
}

fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> Value {
    let names: Vec<&str> = names.into_iter().collect();
    json!({ "enum": names })
}

/// One of these names or several, each perhaps with a `!`; or a set's.
fn negatable<'n>(known: impl IntoIterator<Item = &'n str>) -> Value {
    let known = known.into_iter();
    let all: Vec<String> = known
        .flat_map(|name| [name.to_owned(), format!("!{name}")])
        .collect();
    let set = json!({ "type": "string", "pattern": "^!?@" });
    one_or_several(&any_of([json!({ "enum": all }), set]))
}

/// Any texts, of which these are known.
fn suggested<'n>(known: impl IntoIterator<Item = &'n str>) -> Value {
    one_or_several(&any_of([names(known), text()]))
}

fn numbers(most: u32) -> Value {
    json!({ "$ref": format!("#/definitions/numbers-{most}") })
}

fn text() -> Value {
    json!({ "$ref": "#/definitions/text" })
}

fn texts() -> Value {
    json!({ "$ref": "#/definitions/text-or-texts" })
}

fn flag() -> Value {
    json!({ "$ref": "#/definitions/flag" })
}
