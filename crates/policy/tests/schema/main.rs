//! rules/pack.schema.json is what the sources say, allows all shipped packs, and knows the reader's keys.

mod pack;

use serde_json::{Value, json};
use weir_policy::{Config, Policy, SourceText, shipped};

const SCHEMA: &str = include_str!("../../../../rules/pack.schema.json");

fn root() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// What of JSON Schema the schema uses.
fn allows(root: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/definitions/");
        return allows(root, &root["definitions"][name], value);
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        return forms.iter().any(|form| allows(root, form, value));
    }
    if let Some(names) = schema["enum"].as_array() {
        return names.contains(value);
    }
    match (schema["type"].as_str().expect("a form has a type"), value) {
        ("string", Value::String(text)) => schema["pattern"].as_str().is_none_or(|pattern| {
            regex::Regex::new(pattern)
                .expect("a pattern")
                .is_match(text)
        }),
        ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => true,
        ("integer", Value::Number(number)) => {
            let fits = |bound: &str, fits: fn(i64, i64) -> bool| {
                let bound = schema[bound].as_i64();
                bound.is_none_or(|bound| number.as_i64().is_some_and(|number| fits(number, bound)))
            };
            fits("minimum", |number, least| number >= least)
                && fits("maximum", |number, most| number <= most)
                && (number.is_i64() || number.is_u64())
        }
        ("array", Value::Array(entries)) => {
            has_enough(schema, "minItems", entries.len())
                && entries
                    .iter()
                    .all(|entry| allows(root, &schema["items"], entry))
        }
        ("object", Value::Object(entries)) => {
            let required = schema["required"].as_array();
            let mut required = required.into_iter().flatten();
            required.all(|key| entries.contains_key(key.as_str().expect("a name")))
                && has_enough(schema, "minProperties", entries.len())
                && entries.iter().all(|(key, value)| {
                    form_of(schema, key).is_some_and(|form| allows(root, form, value))
                })
        }
        _ => false,
    }
}

fn has_enough(schema: &Value, bound: &str, number: usize) -> bool {
    let least = schema[bound].as_u64();
    least.is_none_or(|least| number as u64 >= least)
}

fn form_of<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    let numbered = || {
        let patterns = schema["patternProperties"].as_object()?;
        let is_number = key.bytes().all(|byte| byte.is_ascii_digit());
        patterns.values().next().filter(|_| is_number)
    };
    let other = Some(&schema["additionalProperties"]).filter(|form| form.is_object());
    schema["properties"].get(key).or_else(numbered).or(other)
}

fn as_json(toml: &str) -> Value {
    let table: toml::Table = toml.parse().expect("TOML");
    serde_json::to_value(table).expect("a value")
}

#[test]
fn the_schema_is_up_to_date() {
    assert!(
        SCHEMA == pack::schema(),
        "`make reference` brings it up to date"
    );
}

#[test]
fn the_schema_allows_all_shipped_packs() {
    let root = root();
    for pack in shipped::PACKS {
        let value = as_json(pack.text);
        for (key, value) in value.as_object().expect("a table") {
            let form = &root["properties"][key];
            assert!(allows(&root, form, value), "{}: {key}", pack.name);
        }
        assert!(allows(&root, &root, &value), "{}", pack.name);
    }
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    let root = root();
    let rule = |key: &str, value: Value| {
        let mut rule = json!({ "id": "r", "match": {}, "action": "drop" });
        rule[key] = value;
        allows(&root, &root, &json!({ "rule": [rule] }))
    };
    assert!(rule(
        "match",
        json!({ "packet": "!PUBLISH", "option": { "2049": true } })
    ));
    assert!(rule(
        "match",
        json!({ "code": ["2.31", "!4.xx"], "qos": "!2", "keep_alive": { "max": 65_535 } })
    ));
    assert!(rule(
        "limit",
        json!({ "rate": 3, "burst": 3, "per": "client", "ipv6_prefix": 64 })
    ));
    for (key, value) in [
        ("matches", json!({})),
        ("id", json!("Not An Id")),
        ("action", json!("rest")),
        ("match", json!({ "packet": "PUBLSH" })),
        ("match", json!({ "packte": "PUBLISH" })),
        ("match", json!({ "property": { "sesion": true } })),
        ("match", json!({ "packet": [] })),
        ("match", json!({ "topic": [] })),
        ("match", json!({ "qos": 3 })),
        ("match", json!({ "qos": [0, 3] })),
        ("match", json!({ "keep_alive": { "min": 70_000 } })),
        ("match", json!({ "size": { "min": -1 } })),
        ("match", json!({ "size": {} })),
        ("match", json!({ "code": "9.99" })),
        ("match", json!({ "code": ["2.05", "2.32"] })),
        ("limit", json!({ "count": 3, "per": "client" })),
        (
            "limit",
            json!({ "rate": 3, "burst": 3, "per": "client", "ipv6_prefix": 0 }),
        ),
        ("ban", json!("10 minutes")),
    ] {
        assert!(!rule(key, value.clone()), "{key} = {value}");
    }
}

/// The keys that the reader of a table knows, by what it says of one it doesn't.
fn known_to_the_reader(pack: &str) -> Vec<String> {
    let source = SourceText::new("p.toml", pack);
    let (_, diagnostics) = Policy::check(&Config::default(), &[source]);
    let helps = diagnostics.iter().flat_map(|diagnostic| &diagnostic.helps);
    let mut keys: Vec<String> = helps
        .filter_map(|help| help.strip_prefix("its keys are "))
        .flat_map(|list| list.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    keys.sort();
    assert!(!keys.is_empty(), "{diagnostics}");
    keys
}

#[test]
fn the_schema_has_the_keys_of_the_reader() {
    let root = root();
    let rule = |inside: &str| format!("[[rule]]\nid = \"r\"\naction = \"drop\"\n{inside}\n");
    let definitions = &root["definitions"];
    let conditions = &definitions["match"]["properties"];
    let unknown = "zzzzzzzzzzzz = 1";
    for (pack, properties) in [
        (
            rule(&format!("match = {{}}\n{unknown}")),
            &definitions["rule"]["properties"],
        ),
        (rule(&format!("match = {{ {unknown} }}")), conditions),
        (
            rule(&format!("match = {{ filter = {{ {unknown} }} }}")),
            &conditions["filter"]["properties"],
        ),
        (
            rule(&format!("match = {{ payload = {{ {unknown} }} }}")),
            &conditions["payload"]["properties"],
        ),
        (
            rule(&format!("match = {{ property = {{ {unknown} }} }}")),
            &conditions["property"]["properties"],
        ),
        (
            format!("[[case]]\n{unknown}\n"),
            &definitions["case"]["properties"],
        ),
        (
            format!(
                "[[case]]\nname = \"c\"\nsay = [\"CONNECT\"]\nexpect = {{ verdict = \"drop\", {unknown} }}\n"
            ),
            &definitions["case"]["properties"]["expect"]["properties"],
        ),
        (
            format!("[pack]\n{unknown}\n"),
            &root["properties"]["pack"]["properties"],
        ),
        (format!("{unknown}\n"), &root["properties"]),
    ] {
        let mut keys: Vec<&str> = properties
            .as_object()
            .expect("a table")
            .keys()
            .map(|key| &**key)
            .collect();
        keys.sort_unstable();
        assert_eq!(known_to_the_reader(&pack), keys, "{pack}");
    }
}
