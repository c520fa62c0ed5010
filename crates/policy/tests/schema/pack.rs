//! A JSON Schema of rule packs, for editors to complete and check them with: rules/pack.schema.json.
//!
//! It says less than `weir check` does: which keys there are, and what form their values have.

use serde_json::{Map, Value, json};
use weir_policy::{
    Action, Detail, Holding, Per, Proof, Protocol, REFUSALS, Reason, Service, Severity, Side,
    Verdict, vocabulary,
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
    json!({
        "text": { "type": "string" },
        "texts": { "type": "array", "items": { "type": "string" } },
        "text-or-texts": any_of([json!({ "type": "string" }), json!({ "$ref": "#/definitions/texts" })]),
        "flag": { "type": "boolean" },
        "number": any_of([
            json!({ "type": "integer" }),
            table(json!({ "min": { "type": "integer" }, "max": { "type": "integer" } })),
            json!({ "type": "string", "pattern": "^!?(@.*|[0-9]+(-[0-9]+)?|0x[0-9a-fA-F]+(-0x[0-9a-fA-F]+)?)$" }),
        ]),
        "numbers": any_of([
            json!({ "$ref": "#/definitions/number" }),
            json!({ "type": "array", "items": { "$ref": "#/definitions/number" } }),
        ]),
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
    })
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

/// Those keys of a `match` that ask for numbers.
const NUMBERS: [&str; 9] = [
    "size",
    "filters",
    "levels",
    "user_properties",
    "source_port",
    "destination_port",
    "keep_alive",
    "options",
    "token",
];
/// Those that ask for a number that may be missing.
const IDENTIFIERS: [&str; 3] = ["vlan", "packet_id", "message_id"];

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
        "qos": numbers(),
        "retain": flag(),
        "dup": flag(),
        "clean": flag(),
        "will": flag(),
        "password": flag(),
        "will_outlives_session": flag(),
        "session_present": flag(),
        "reason_code": numbers(),
        "property": properties(),
        "method": negatable(vocabulary::methods()),
        "code": texts(),
        "path": texts(),
        "type": negatable(["CON", "NON", "ACK", "RST"]),
        "option": options(),
        "payload": payload(),
    });
    for key in NUMBERS {
        conditions[key] = numbers();
    }
    for key in IDENTIFIERS {
        conditions[key] = any_of([numbers(), flag()]);
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
        "retain_handling": numbers(),
    }))
}

fn properties() -> Value {
    let forms = vocabulary::properties().map(|(name, form)| {
        let form = match form {
            "flag" => flag(),
            "number" => any_of([numbers(), flag()]),
            "text" => any_of([texts(), flag()]),
            _ => json!({ "type": "object", "additionalProperties": any_of([texts(), flag()]) }),
        };
        (name.to_owned(), form)
    });
    table(Value::Object(forms.collect()))
}

/// By name, or by number.
fn options() -> Value {
    let test = any_of([texts(), numbers(), flag()]);
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
    let value = table(json!({ "min": number, "max": number, "exists": flag() }));
    let values = json!({
        "type": "object",
        "additionalProperties": any_of([texts(), value, flag()]),
    });
    table(json!({
        "size": numbers(),
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
    let count = json!({ "count": whole, "window": window, "per": per });
    let rate = json!({ "rate": number, "burst": whole, "per": per });
    let holdings = names(Holding::ALL.iter().map(|holding| holding.name()));
    let distinct = json!({ "distinct": whole, "of": per, "window": window, "per": per });
    let max = json!({ "max": whole, "of": holdings, "per": per });
    let of = names(["udp_payload_bytes"]);
    let ratio = json!({ "ratio": number, "of": of, "per": names(["client"]), "window": window });
    [
        required(count, &["count", "window", "per"]),
        required(rate, &["rate", "burst", "per"]),
        required(distinct, &["distinct", "of", "window", "per"]),
        required(max, &["max", "of", "per"]),
        required(ratio, &["ratio", "of", "per", "window"]),
    ]
}

fn case() -> Value {
    let verdicts = || names(Verdict::ALL.iter().map(|verdict| verdict.name()));
    let expect = json!({
        "verdict": verdicts(),
        "rule": text(),
        "reason": names(Reason::ALL.iter().map(|reason| reason.code())),
        "would": verdicts(),
        "alerts": texts(),
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
    let one = any_of([json!({ "enum": all }), set]);
    any_of([one.clone(), json!({ "type": "array", "items": one })])
}

/// Any texts, of which these are known.
fn suggested<'n>(known: impl IntoIterator<Item = &'n str>) -> Value {
    let one = any_of([names(known), text()]);
    any_of([one.clone(), json!({ "type": "array", "items": one })])
}

/// A number, bounds, a text like `!5` or `10-20`, or several of them.
fn numbers() -> Value {
    json!({ "$ref": "#/definitions/numbers" })
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
