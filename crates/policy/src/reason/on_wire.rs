//! What each reason looks like in a capture: the bytes one would see, and where.

mod below;
mod coap;
mod mqtt;

use super::Reason;

/// Reasons by their codes, each with what is seen of it.
type Seen = &'static [(&'static str, &'static str)];

/// A row for each reason.
macro_rules! seen {
    ($($code:literal => $bytes:literal;)*) => {
        pub(super) const SEEN: super::Seen = &[$(($code, $bytes),)*];
    };
}
use seen;

impl Reason {
    /// What a capture shows of it: bytes in hex, fields by their names in the specification.
    #[must_use]
    pub fn on_wire(self) -> &'static str {
        let tables = [below::SEEN, mqtt::SEEN, coap::SEEN];
        let mut rows = tables.into_iter().flatten();
        let row = rows.find(|(code, _)| *code == self.code());
        row.map_or("", |(_, bytes)| bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wire::Direction;
    use wire::coap::Message;
    use wire::mqtt::{ControlPacket, Version};

    use super::*;

    #[test]
    fn every_reason_is_seen_in_its_own_words_and_nothing_else_is() {
        let mut told = BTreeSet::new();
        for reason in Reason::ALL {
            let bytes = reason.on_wire();
            assert!(bytes.len() > 12, "{reason} is nowhere to be seen");
            assert!(bytes != reason.summary(), "{reason} says it twice");
            assert!(told.insert(bytes), "{reason} looks like another: {bytes}");
        }
        let rows = below::SEEN.len() + mqtt::SEEN.len() + coap::SEEN.len();
        assert_eq!(rows, Reason::COUNT, "a row is of no reason");
    }

    /// What stands behind "as": bytes in hex up to the first word that isn't.
    fn examples(text: &str) -> impl Iterator<Item = Vec<u8>> {
        let examples = text.split("as ").skip(1);
        let read = examples.map(|example| {
            let words = example.split([' ', ',', ':']);
            let bytes = words.map_while(|word| match word.len() {
                2 => u8::from_str_radix(word, 16).ok(),
                _ => None,
            });
            bytes.collect::<Vec<u8>>()
        });
        read.filter(|bytes| bytes.len() > 1)
    }

    fn is_raised_by_packet(reason: Reason, bytes: &[u8]) -> bool {
        let directions = [Direction::ToServer, Direction::ToClient];
        let versions = [Version::V31, Version::V311, Version::V5];
        directions.into_iter().any(|direction| {
            let mut read = versions
                .into_iter()
                .map(|version| ControlPacket::decode(bytes, version, direction));
            read.any(|read| read.is_err_and(|problem| Reason::from(problem) == reason))
        })
    }

    /// By a datagram, or by an option behind the header of a GET.
    fn is_raised_by_message(reason: Reason, bytes: &[u8]) -> bool {
        let behind_header = [b"\x40\x01\x00\x01", bytes].concat();
        let mut read = [bytes, &behind_header].map(Message::decode).into_iter();
        read.any(|read| read.is_err_and(|problem| Reason::from(problem) == reason))
    }

    #[test]
    fn examples_are_examples() {
        let mut tried = 0;
        for reason in Reason::ALL.iter().filter(|reason| reason.is_malformed()) {
            for bytes in examples(reason.on_wire()) {
                let is_one = match reason.family() {
                    "mqtt" => is_raised_by_packet(*reason, &bytes),
                    "coap" => is_raised_by_message(*reason, &bytes),
                    _ => continue,
                };
                assert!(is_one, "{reason}: {bytes:02x?}");
                tried += 1;
            }
        }
        assert!(tried >= 8, "{tried}");
    }
}
