//! What an event tells of a ban.

use ipnet::IpNet;
use policy::Ban;
use serde::Serialize;
use serde::ser::Serializer;

/// Whom a rule keeps out, and how long.
#[derive(Serialize)]
pub(super) struct BanLine {
    #[serde(serialize_with = "plain")]
    source: IpNet,
    seconds: u64,
}

impl From<Ban> for BanLine {
    fn from(ban: Ban) -> Self {
        Self {
            source: ban.source,
            seconds: ban.duration.as_secs(),
        }
    }
}

/// An address as such, a network with its length.
fn plain<S: Serializer>(source: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    match source.prefix_len() == source.max_prefix_len() {
        true => serializer.collect_str(&source.addr()),
        false => serializer.collect_str(source),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_is_told_as_one_and_a_network_with_its_length() {
        for (source, told) in [
            ("10.20.0.7/32", "10.20.0.7"),
            ("2001:db8::7/128", "2001:db8::7"),
            ("2001:db8:7::/64", "2001:db8:7::/64"),
        ] {
            let ban = Ban {
                source: source.parse().expect("a network"),
                duration: Duration::from_secs(900),
            };
            let line = serde_json::to_value(BanLine::from(ban)).expect("JSON");
            assert_eq!(line, json!({ "source": told, "seconds": 900 }));
        }
    }
}
