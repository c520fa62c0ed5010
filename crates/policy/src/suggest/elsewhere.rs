//! What other products call what Weir has another name for: Suricata and Snort, iptables and nftables, HAProxy, the
//! access lists of Mosquitto and EMQX, the policies of clouds, fail2ban.

use super::{MAX_CANDIDATES, MAX_WORD_BYTES, fold};

/// The words, folded, and the names they may stand for. Which of them can be meant, those say that would have been right.
const WORDS: &[(&[&str], &[&str])] = &[
    // Actions.
    (&["reject"], &["refuse"]),
    (&["block", "deny", "discard", "forbid"], &["drop", "refuse"]),
    (&["allow", "permit", "pass", "ok"], &["accept"]),
    (&["log", "notify", "report", "warn"], &["alert"]),
    (&["kill", "disconnect", "close", "tarpit"], &["reset"]),
    // Modes, and what happens without the daemon.
    (
        &["prevent", "prevention", "ips", "inline", "on"],
        &["enforce"],
    ),
    (
        &["detect", "detection", "ids", "audit", "observe", "learn"],
        &["monitor"],
    ),
    (&["fail-open", "bypass", "ignore"], &["open"]),
    (&["fail-closed", "close", "block"], &["closed"]),
    // Parts of a rule.
    (&["name", "rule-id"], &["id"]),
    (&["msg", "message", "title", "comment"], &["description"]),
    (&["priority", "level"], &["severity"]),
    (
        &["when", "if", "where", "condition", "conditions"],
        &["match"],
    ),
    (&["unless", "exception", "exceptions", "not"], &["except"]),
    (
        &["then", "effect", "verdict", "target", "policy"],
        &["action"],
    ),
    (&["threshold", "detection-filter", "ratelimit"], &["limit"]),
    (&["bantime", "blocktime", "jail"], &["ban"]),
    (&["test", "trial", "log-only"], &["dry_run"]),
    (&["minor", "info", "notice"], &["low"]),
    (&["major", "error"], &["high"]),
    (&["warning", "moderate"], &["medium"]),
    // Whom and what a message is from, to and about.
    (
        &["src", "src-ip", "saddr", "source-ip", "from", "remote"],
        &["source"],
    ),
    (
        &[
            "dst",
            "dest",
            "dst-ip",
            "dest-ip",
            "daddr",
            "destination-ip",
            "to",
        ],
        &["destination"],
    ),
    (
        &["ip", "addr", "address", "host", "ipaddr", "peer", "by-src"],
        &["client", "source"],
    ),
    (&["by-dst"], &["destination"]),
    (&["sport", "src-port"], &["source_port"]),
    (&["dport", "dst-port", "dest-port"], &["destination_port"]),
    (&["port"], &["service", "destination_port", "source_port"]),
    (&["proto", "app-proto"], &["protocol"]),
    (&["user", "user-name", "login"], &["username"]),
    (&["pass", "passwd", "pwd"], &["password"]),
    (&["cid", "device", "device-id", "thing"], &["client_id"]),
    (&["principal"], &["client_id", "username"]),
    (
        &[
            "message",
            "msg-type",
            "message-type",
            "packet-type",
            "command",
            "access",
        ],
        &["packet"],
    ),
    (&["resource"], &["topic", "path"]),
    (&["uri", "url", "uri-path", "location"], &["path"]),
    (&["body", "data", "content"], &["payload"]),
    (&["pcre", "content"], &["regex", "contains"]),
    (&["prefix"], &["starts_with"]),
    (&["len", "length", "dsize"], &["size"]),
    (&["qos-level"], &["qos"]),
    (&["status", "response"], &["reason_code", "code"]),
    (&["clean-session", "clean-start"], &["clean"]),
    (&["server-name", "hostname"], &["sni"]),
    (&["vlan-id"], &["vlan"]),
    (&["schedule", "hours", "clock"], &["time"]),
    // Values of these.
    (&["pub", "write", "iot:publish"], &["PUBLISH"]),
    (&["sub", "read", "iot:subscribe"], &["SUBSCRIBE"]),
    (&["unsub"], &["UNSUBSCRIBE"]),
    (&["iot:connect"], &["CONNECT"]),
    (&["ping"], &["PINGREQ"]),
    (
        &["upstream", "uplink", "to-broker", "request"],
        &["to_server"],
    ),
    (
        &["downstream", "downlink", "to-device", "response"],
        &["to_client"],
    ),
    (&["lan", "home-net", "$home-net", "internal"], &["inside"]),
    (
        &[
            "wan",
            "external-net",
            "$external-net",
            "external",
            "internet",
        ],
        &["outside"],
    ),
    // Limits.
    (&["track", "by", "key"], &["per"]),
    (&["seconds", "interval", "period", "findtime"], &["window"]),
    (&["maxretry", "hits", "times"], &["count"]),
    (&["connection", "session", "stream"], &["flow"]),
];

/// Those of the names that would have been right by which Weir calls what `word` means elsewhere.
pub(crate) fn meant<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    if word.len() > MAX_WORD_BYTES {
        return Vec::new();
    }
    let folded = fold(word);
    let rows = WORDS
        .iter()
        .filter(|(words, _)| words.contains(&folded.as_str()));
    let names: Vec<&str> = rows.flat_map(|(_, names)| names.iter().copied()).collect();
    let candidates = candidates.into_iter().take(MAX_CANDIDATES);
    let mut meant: Vec<&str> = candidates.filter(|name| names.contains(name)).collect();
    meant.sort_by_key(|name| names.iter().position(|known| known == name));
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_what_is_at_hand() {
        let actions = ["accept", "drop", "reset", "refuse"];
        let keys = ["source", "password", "client", "destination"];
        for (word, at_hand, names) in [
            ("reject", &actions[..], &["refuse"][..]),
            ("Block", &actions, &["drop", "refuse"]),
            ("pass", &actions, &["accept"]),
            ("pass", &keys, &["password"]),
            ("dst_ip", &keys, &["destination"]),
            ("ip", &keys, &["client", "source"]),
            ("source", &keys, &[]),
            ("port", &keys, &[]),
        ] {
            assert_eq!(meant(word, at_hand.iter().copied()), names, "{word}");
        }
    }

    #[test]
    fn no_word_stands_for_itself_and_all_are_folded() {
        for (words, names) in WORDS {
            for word in *words {
                assert_eq!(*word, fold(word));
                assert!(!names.iter().any(|name| fold(name) == *word), "{word}");
            }
        }
    }
}
