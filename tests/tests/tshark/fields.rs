//! The fields of a message, by tshark's names for them.

use std::collections::BTreeMap;

use serde_json::Value;
use wire::mqtt::PacketType;

/// Texts of Weir's that end with this were cut.
const CUT: char = '…';

/// A message's fields, each with all its values.
#[derive(Debug, Default)]
pub(crate) struct Message(BTreeMap<String, Vec<String>>);

/// What tshark has no value for is one of these, by what stands at the wire: nothing.
const ABSENT: [&str; 2] = ["", "0"];

impl Message {
    /// What Weir reports, under tshark's names.
    pub(crate) fn of_weir(mqtt: &Value) -> Self {
        let is_packet =
            |(name, _): &(&String, &Value)| !matches!(name.as_str(), "client_id" | "username");
        let Some((name, packet)) = mqtt
            .as_object()
            .and_then(|fields| fields.iter().find(is_packet))
        else {
            // Weir reports no field of what it can't read.
            return Self::default();
        };
        let packet_type = PacketType::ALL
            .iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name));
        let mut message = Self::default();
        message.put(
            "mqtt.msgtype",
            &Value::from(*packet_type.expect("a type") as u8),
        );
        for (key, value) in packet.as_object().expect("fields") {
            message.put_field(name, key, value);
        }
        message
    }

    fn put_field(&mut self, packet: &str, key: &str, value: &Value) {
        match (packet, key) {
            ("connect", "protocol_string") => self.put("mqtt.protoname", value),
            ("connect", "protocol_version") => self.put("mqtt.ver", value),
            ("connect", "flags") => {
                self.put("mqtt.conflag.uname", &value["username"]);
                self.put("mqtt.conflag.passwd", &value["password"]);
                self.put("mqtt.conflag.retain", &value["will_retain"]);
                self.put("mqtt.conflag.willflag", &value["will"]);
                self.put("mqtt.conflag.cleansess", &value["clean_session"]);
            }
            ("connect", "client_id") => self.put("mqtt.clientid", value),
            ("connect", "username") => self.put("mqtt.username", value),
            ("connect", "keep_alive") => self.put("mqtt.kalive", value),
            ("connect", "will") => {
                self.put("mqtt.willtopic", &value["topic"]);
                self.put("mqtt.conflag.qos", &value["qos"]);
            }
            ("connack", "session_present") => self.put("mqtt.conack.flags.sp", value),
            ("connack", "return_code") => self.put("mqtt.conack.code", value),
            ("subscribe", "topics") => {
                for topic in value.as_array().expect("a list") {
                    self.put("mqtt.topic", &topic["topic"]);
                    self.put("mqtt.sub.qos", &topic["qos"]);
                }
            }
            ("unsubscribe", "topics") => self.put("mqtt.topic", value),
            (_, "message_id") => self.put("mqtt.msgid", value),
            (_, "reason_code" | "reason_codes") => self.put("mqtt.reason_code", value),
            ("publish", "topic") => self.put("mqtt.topic", value),
            ("publish", "qos") => self.put("mqtt.qos", value),
            ("publish", "retain") => self.put("mqtt.retain", value),
            ("publish", "dup") => self.put("mqtt.dupflag", value),
            ("publish", "payload_len") => self.put("payload_len", value),
            _ => panic!("{packet}.{key} has no name in tshark, or none was written down here"),
        }
    }

    /// What tshark reads. Its names of reason codes tell packets and versions apart; here they don't.
    pub(crate) fn of_tshark(mqtt: &Value) -> Self {
        let mut message = Self::default();
        message.walk(mqtt);
        let payload = message.0.remove("mqtt.msg").and_then(|mut msg| msg.pop());
        let payload_len = payload.map_or(0, |hex| {
            hex.split(':').filter(|byte| !byte.is_empty()).count()
        });
        message.put("payload_len", &Value::from(payload_len));
        message
    }

    fn walk(&mut self, value: &Value) {
        for (key, value) in value.as_object().expect("an object") {
            match value {
                Value::Object(_) => self.walk(value),
                Value::Array(values) if values.iter().all(Value::is_object) => {
                    values.iter().for_each(|value| self.walk(value));
                }
                _ => self.put(our_name(key), value),
            }
        }
    }

    fn put(&mut self, key: &str, value: &Value) {
        let values = self.0.entry(key.to_owned()).or_default();
        match value {
            Value::Array(all) => values.extend(all.iter().map(plain)),
            one => values.push(plain(one)),
        }
    }

    /// Where `theirs` says something else.
    pub(crate) fn differences(&self, theirs: &Self) -> Vec<String> {
        let differs = |(key, ours): &(&String, &Vec<String>)| match theirs.0.get(*key) {
            Some(theirs) => {
                ours.len() != theirs.len()
                    || ours
                        .iter()
                        .zip(theirs)
                        .any(|(ours, theirs)| !is_same(ours, theirs))
            }
            None => ours.iter().any(|ours| !ABSENT.contains(&ours.as_str())),
        };
        let shown = |(key, ours): (&String, &Vec<String>)| {
            format!("{key}: {ours:?}, by tshark {:?}", theirs.0.get(key))
        };
        self.0.iter().filter(differs).map(shown).collect()
    }
}

/// One name for what has several, by packet and version.
fn our_name(key: &str) -> &str {
    match key {
        "mqtt.conack.val" | "mqtt.connack.reason_code" => "mqtt.conack.code",
        "mqtt.subscription_options_qos" => "mqtt.sub.qos",
        "mqtt.suback.qos" => "mqtt.reason_code",
        _ if key.ends_with(".reason_code") => "mqtt.reason_code",
        _ => key,
    }
}

/// A value as text, numbers in decimal, flags as numbers.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::Bool(flag) => return u8::from(*flag).to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text
        .strip_prefix("0x")
        .map(|hex| u64::from_str_radix(hex, 16))
    {
        Some(Ok(number)) => number.to_string(),
        _ => text,
    }
}

fn is_same(ours: &str, theirs: &str) -> bool {
    match ours.strip_suffix(CUT) {
        Some(beginning) => theirs.starts_with(beginning),
        None => ours == theirs,
    }
}
