//! Everything the CoAP parser can say against a message.

use crate::finding::findings;

findings! {
    /// A violation of the message format: the datagram must not reach the other end.
    pub enum Malformed {
        /// The datagram is shorter than the header
        TooShort => "coap.malformed.too-short", "RFC 7252 §3";
        /// The version is not 1
        Version => "coap.malformed.version", "RFC 7252 §3";
        /// The token length is the reserved 15
        TokenLength => "coap.malformed.token-length", "RFC 7252 §3, RFC 8974 §2.1";
        /// The datagram ends inside the token
        TokenTruncated => "coap.malformed.token-truncated", "RFC 7252 §3";
        /// The code class is reserved
        CodeClass => "coap.malformed.code-class", "RFC 7252 §4.2, §12.1";
        /// An empty message has a token, options or a payload
        EmptyMessage => "coap.malformed.empty-message", "RFC 7252 §4.1";
        /// A non-confirmable message is empty
        EmptyNonConfirmable => "coap.malformed.empty-non-confirmable", "RFC 7252 §4.3";
        /// An acknowledgement carries a request
        AckRequest => "coap.malformed.ack-request", "RFC 7252 §4.2";
        /// A reset is not empty
        ResetNotEmpty => "coap.malformed.reset-not-empty", "RFC 7252 §4.2";
        /// An option's delta nibble is 15
        OptionDelta => "coap.malformed.option-delta", "RFC 7252 §3.1";
        /// An option's length nibble is 15
        OptionLength => "coap.malformed.option-length", "RFC 7252 §3.1";
        /// The datagram ends inside an option's extended delta or length
        OptionHeaderTruncated => "coap.malformed.option-header-truncated", "RFC 7252 §3.1";
        /// The datagram ends inside an option's value
        OptionTruncated => "coap.malformed.option-truncated", "RFC 7252 §3.1";
        /// An option's number is above 65535
        OptionNumber => "coap.malformed.option-number", "RFC 7252 §3.1, CVE-2020-10063";
        /// The payload marker is the last byte
        PayloadMarker => "coap.malformed.payload-marker", "RFC 7252 §3";
        /// An option's value is shorter or longer than its definition allows
        OptionValueLength => "coap.malformed.option-value-length", "RFC 7252 §5.4.3, CVE-2024-32017";
        /// An option stands twice that may stand once
        OptionRepeated => "coap.malformed.option-repeated", "RFC 7252 §5.4.5";
        /// A text option is not well-formed UTF-8
        OptionUtf8 => "coap.malformed.option-utf8", "RFC 7252 §3.2";
        /// A path segment is one dot or two
        PathDots => "coap.malformed.path-dots", "RFC 7252 §5.10.1, §5.10.7";
        /// Proxy-Uri stands beside Uri-Host, Uri-Port, Uri-Path or Uri-Query
        ProxyUriConflict => "coap.malformed.proxy-uri-conflict", "RFC 7252 §5.10.2";
        /// The host in Proxy-Uri is longer than Uri-Host allows
        ProxyUriHost => "coap.malformed.proxy-uri-host", "RFC 7252 §5.10.1, §6.4, CVE-2025-34468";
        /// The hop limit is zero
        HopLimitZero => "coap.malformed.hop-limit-zero", "RFC 8768 §3";
        /// A block option of a datagram has the size exponent 7, or is too long
        BlockSize => "coap.malformed.block-size", "RFC 7959 §2.2";
        /// A block that is not the last differs in size from what its option says
        BlockPayload => "coap.malformed.block-payload", "RFC 7959 §2.2, RFC 8323 §6";
        /// A response that says "still valid" has a payload
        ValidPayload => "coap.malformed.valid-payload", "RFC 7252 §5.9.1.3";
        /// The flags or lengths of the OSCORE option don't fit its value
        OscoreOption => "coap.malformed.oscore-option", "RFC 8613 §6.1";
        /// A message with the OSCORE option has no payload
        OscorePayload => "coap.malformed.oscore-payload", "RFC 8613 §6";
    }
}

impl std::error::Error for Malformed {}

impl Malformed {
    /// Whether the bytes end too early.
    pub(super) const fn is_truncation(self) -> bool {
        matches!(
            self,
            Self::TokenTruncated | Self::OptionHeaderTruncated | Self::OptionTruncated
        )
    }
}

findings! {
    /// Something odd in a message that parses.
    pub enum Anomaly {
        /// The method is not registered
        UnknownMethod => "coap.anomaly.unknown-method", "RFC 7252 §5.8, §12.1.1";
        /// The response code is not registered
        UnknownResponse => "coap.anomaly.unknown-response", "RFC 7252 §12.1.2";
        /// The signal is not registered
        UnknownSignal => "coap.anomaly.unknown-signal", "RFC 8323 §5.1, §11.1";
        /// The token is longer than eight bytes
        ExtendedToken => "coap.anomaly.extended-token", "RFC 8974 §2.1";
        /// A critical option is not registered
        UnknownCriticalOption => "coap.anomaly.unknown-critical-option", "RFC 7252 §5.4.1";
        /// An option has a reserved number
        ReservedOption => "coap.anomaly.reserved-option", "RFC 7252 §12.2";
        /// An option stands in a message of a code that it isn't defined for
        OptionMisplaced => "coap.anomaly.option-misplaced", "RFC 7252 §5.4, RFC 7641 §2, §4.2";
        /// A path segment is empty
        PathEmptySegment => "coap.anomaly.path-empty-segment", "RFC 7252 §5.10.1, CVE-2019-12101";
        /// A path segment contains a slash
        PathSlash => "coap.anomaly.path-slash", "RFC 7252 §5.10.1, §6.5";
        /// A text option contains a control character
        ControlCharacter => "coap.anomaly.control-character", "RFC 7252 §3.2, RFC 5198 §2";
        /// Uri-Host contains what no host's name can
        UriHostCharacter => "coap.anomaly.uri-host", "RFC 7252 §5.10.1, RFC 3986 §3.2.2";
        /// Uri-Port is zero
        UriPortZero => "coap.anomaly.uri-port-zero", "RFC 7252 §5.10.1, RFC 6335 §6";
        /// Proxy-Scheme isn't a scheme
        ProxyScheme => "coap.anomaly.proxy-scheme", "RFC 7252 §5.10.2, RFC 3986 §3.1";
        /// Proxy-Scheme stands beside Proxy-Uri, which has a scheme of its own
        ProxyConflict => "coap.anomaly.proxy-conflict", "RFC 7252 §5.10.2";
        /// The path of Proxy-Uri leads elsewhere than it reads
        ProxyUriDots => "coap.anomaly.proxy-uri-dots", "RFC 7252 §6.4, RFC 3986 §5.2.4";
        /// A block option stands beside its quick sibling
        BlockMixed => "coap.anomaly.block-mixed", "RFC 9177 §4.1";
        /// A last block is larger than its option says
        BlockOversize => "coap.anomaly.block-oversize", "RFC 7959 §2.2";
        /// A response that says "still valid" doesn't say what
        ValidWithoutEtag => "coap.anomaly.valid-without-etag", "RFC 7252 §5.9.1.3";
        /// A request has a payload that its method has no use for
        UndefinedPayload => "coap.anomaly.undefined-payload", "RFC 7252 §5.5";
        /// The text of an error is not well-formed UTF-8
        DiagnosticUtf8 => "coap.anomaly.diagnostic-utf8", "RFC 7252 §5.5.2";
        /// EDHOC stands without OSCORE
        EdhocWithoutOscore => "coap.anomaly.edhoc-without-oscore", "RFC 9668 §3.1";
    }
}

/// The oddities of one message.
pub type Anomalies = crate::FindingSet<Anomaly>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_documented() {
        let rows = Malformed::ALL
            .iter()
            .map(|m| (m.code(), m.clause(), m.summary()));
        crate::finding::assert_table("coap.malformed.", &rows.collect::<Vec<_>>());
        let rows = Anomaly::ALL
            .iter()
            .map(|a| (a.code(), a.clause(), a.summary()));
        crate::finding::assert_table("coap.anomaly.", &rows.collect::<Vec<_>>());
    }
}
