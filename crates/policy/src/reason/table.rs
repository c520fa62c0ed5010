//! One table of all reasons: the detections of [`super::registry`], then the parsers' findings.

use super::Reason;
use super::registry::DETECTIONS;

/// What is known of a reason.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) code: &'static str,
    pub(super) summary: &'static str,
    pub(super) source: &'static str,
}

/// Puts the parsers' findings behind the detections, in this order, and turns each into its reason.
macro_rules! findings {
    ($($finding:ty),* $(,)?) => {
        const LEN: usize = DETECTIONS.len() $(+ <$finding>::ALL.len())*;

        /// All reasons by index.
        pub(super) const TABLE: [Entry; LEN] = {
            let mut table = [DETECTIONS[0]; LEN];
            let mut len = 0;
            while len < DETECTIONS.len() {
                table[len] = DETECTIONS[len];
                len += 1;
            }
            $(
                let mut at = 0;
                while at < <$finding>::ALL.len() {
                    let finding = <$finding>::ALL[at];
                    table[len] = Entry {
                        code: finding.code(),
                        summary: finding.summary(),
                        source: finding.clause(),
                    };
                    at += 1;
                    len += 1;
                }
            )*
            table
        };

        findings!(@from DETECTIONS.len(), $($finding,)*);
    };
    (@from $start:expr, $finding:ty, $($rest:ty,)*) => {
        impl From<$finding> for Reason {
            #[inline]
            fn from(finding: $finding) -> Self {
                const START: usize = $start;
                // Far fewer findings than 65,536 are ever named.
                Self((START + finding.index()) as u16)
            }
        }
        findings!(@from $start + <$finding>::ALL.len(), $($rest,)*);
    };
    (@from $start:expr,) => {};
}

findings! {
    wire::net::Malformed,
    wire::tls::Malformed,
    wire::dtls::Malformed,
    wire::mqtt::Malformed,
    wire::mqtt::Anomaly,
    wire::coap::Malformed,
    wire::coap::Anomaly,
}
