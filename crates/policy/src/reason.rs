//! Reason codes: the stable names of everything Weir detects by itself.
//!
//! A code is the metric label, the event field, the match key of rules and the heading
//! `weir explain CODE` prints. It is dotted, lower case, `family.detail`, and never changes its
//! meaning. What can't be parsed is named by the parser that gave up (`wire`'s `Malformed` enums);
//! everything that takes memory of earlier frames is named in `registry.rs`.

mod note;
mod on_wire;
mod registry;
mod table;

use std::fmt;

pub use note::{Note, Tune};

use table::{Entry, TABLE};

/// A stable reason code, by its dense index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(u16);

impl Reason {
    /// How many reasons there are; [`Reason::index`] is always below.
    pub const COUNT: usize = TABLE.len();

    /// All reasons, in the order of their indices.
    pub const ALL: &'static [Self] = &{
        let mut all = [Self(0); Self::COUNT];
        let mut at = 0;
        while at < Self::COUNT {
            all[at] = Self(at as u16);
            at += 1;
        }
        all
    };

    /// A dense number from 0, for arrays of counters. Not stable between releases.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The code, as in `mqtt.spoofed.server-packet`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// The code's first word: the layer it is about.
    #[must_use]
    pub fn family(self) -> &'static str {
        self.code().split('.').next().unwrap_or_default()
    }

    /// What it is, in one line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        self.entry().summary
    }

    /// The clause it cites: a specification's section, an RFC or a CVE.
    #[must_use]
    pub fn source(self) -> &'static str {
        self.entry().source
    }

    /// Whether the bytes can't be parsed. Such input isn't forwarded unless a rule accepts this
    /// very reason.
    #[must_use]
    pub fn is_malformed(self) -> bool {
        self.code().contains(".malformed.")
    }

    /// Whether nothing raises it but a rule whose `limit` is exceeded.
    #[must_use]
    pub fn is_of_limit(self) -> bool {
        self == Self::COAP_AMPLIFICATION_RATIO || self.family() == "rule"
    }

    /// The reason of this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.code() == code)
    }

    fn entry(self) -> &'static Entry {
        &TABLE[self.index()]
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_is_found_by_its_code() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert_eq!(Reason::from_code(reason.code()), Some(*reason), "{reason}");
            assert!(
                !reason.summary().is_empty() && !reason.source().is_empty(),
                "{reason}"
            );
        }
        assert_eq!(Reason::from_code("mqtt.nonsense"), None);
    }

    #[test]
    fn codes_are_dotted_lower_case_and_of_a_known_family() {
        let families = BTreeSet::from([
            "ethernet", "ip", "tcp", "udp", "tls", "dtls", "mqtt", "coap", "rule", "limits",
        ]);
        for reason in Reason::ALL {
            let code = reason.code();
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(code.split('.').count() >= 2, "{code}");
            assert!(
                code.split('.')
                    .all(|w| !w.is_empty() && w.bytes().all(plain)),
                "{code}"
            );
            assert!(families.contains(reason.family()), "{code}");
        }
    }

    #[test]
    fn parsers_findings_keep_their_codes() {
        fn check<F: wire::Finding + Into<Reason>>(codes: impl Fn(F) -> &'static str) {
            for finding in F::ALL {
                let reason: Reason = (*finding).into();
                assert_eq!(reason.code(), codes(*finding));
            }
        }
        check(wire::net::Malformed::code);
        check(wire::tls::Malformed::code);
        check(wire::dtls::Malformed::code);
        check(wire::mqtt::Malformed::code);
        check(wire::mqtt::Anomaly::code);
        check(wire::coap::Malformed::code);
        check(wire::coap::Anomaly::code);
    }

    #[test]
    fn what_cannot_be_parsed_says_so() {
        assert!(Reason::from(wire::mqtt::Malformed::PublishQos).is_malformed());
        assert!(!Reason::from(wire::mqtt::Anomaly::PacketIdZero).is_malformed());
        assert!(!Reason::MQTT_SPOOFED_SERVER_PACKET.is_malformed());
    }
}
