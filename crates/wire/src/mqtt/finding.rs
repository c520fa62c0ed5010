//! Everything the MQTT parser can say against a control packet.
//!
//! Clause numbers are those of MQTT 5.0 unless marked 3.1.1; a section sign stands where the
//! specification gives no number.

use crate::finding::findings;

findings! {
    /// A violation of the control packet format: the packet must not reach the other end.
    pub enum Malformed {
        /// The packet type is reserved: 0 always, 15 before 5.0
        PacketType => "mqtt.malformed.packet-type", "§2.1.2";
        /// The reserved flag bits of the fixed header are wrong
        Flags => "mqtt.malformed.flags", "[MQTT-2.1.3-1], 3.1.1 [MQTT-2.2.2-2]";
        /// A PUBLISH has QoS 3
        PublishQos => "mqtt.malformed.publish-qos", "[MQTT-3.3.1-4]";
        /// A PUBLISH has DUP set with QoS 0
        DupQos0 => "mqtt.malformed.dup-qos0", "[MQTT-3.3.1-2]";
        /// The remaining length takes more than four bytes
        RemainingLength => "mqtt.malformed.remaining-length", "§1.5.5, 3.1.1 §2.2.3";
        /// A variable byte integer takes more bytes than it needs
        LengthNotMinimal => "mqtt.malformed.length-not-minimal", "[MQTT-1.5.5-1]";
        /// The packet ends inside a mandatory field
        Truncated => "mqtt.malformed.truncated", "§4.13, 3.1.1 [MQTT-4.8.0-1]";
        /// A string or binary field reaches beyond the packet
        FieldLength => "mqtt.malformed.field-length", "§1.5.4, 3.1.1 §1.5.3";
        /// Bytes follow the last field, or the type has no room for that many
        TrailingBytes => "mqtt.malformed.trailing-bytes", "§4.13, 3.1.1 [MQTT-4.8.0-1]";
        /// A string is not well-formed UTF-8
        Utf8 => "mqtt.malformed.utf8", "[MQTT-1.5.4-1], 3.1.1 [MQTT-1.5.3-1]";
        /// A string contains U+0000
        Utf8Null => "mqtt.malformed.utf8-null", "[MQTT-1.5.4-2], 3.1.1 [MQTT-1.5.3-2]";

        /// The protocol name is neither MQTT nor MQIsdp
        ProtocolName => "mqtt.malformed.protocol-name", "[MQTT-3.1.2-1]";
        /// The protocol level is none of 3, 4 and 5
        ProtocolLevel => "mqtt.malformed.protocol-level", "[MQTT-3.1.2-2]";
        /// The protocol level does not belong to the protocol name
        ProtocolMismatch => "mqtt.malformed.protocol-mismatch", "[MQTT-3.1.2-1], [MQTT-3.1.2-2]";
        /// The reserved connect flag is set
        ConnectReserved => "mqtt.malformed.connect-reserved", "[MQTT-3.1.2-3]";
        /// The will QoS is 3
        WillQos => "mqtt.malformed.will-qos", "[MQTT-3.1.2-12], 3.1.1 [MQTT-3.1.2-14]";
        /// A will QoS is given without a will
        WillQosAlone => "mqtt.malformed.will-qos-alone", "[MQTT-3.1.2-11], 3.1.1 [MQTT-3.1.2-13]";
        /// The will retain flag is set without a will
        WillRetainAlone => "mqtt.malformed.will-retain-alone", "[MQTT-3.1.2-13], 3.1.1 [MQTT-3.1.2-15]";
        /// A password is given without a user name before 5.0
        PasswordAlone => "mqtt.malformed.password-alone", "3.1.1 [MQTT-3.1.2-22]";
        /// The client identifier is empty where it must not be
        ClientIdEmpty => "mqtt.malformed.client-id-empty", "3.1.1 [MQTT-3.1.3-7], [MQTT-3.1.3-8]";
        /// The will topic is empty
        WillTopicEmpty => "mqtt.malformed.will-topic-empty", "[MQTT-4.7.3-1], §3.1.3.3";
        /// The will topic contains a wildcard
        WillTopicWildcard => "mqtt.malformed.will-topic-wildcard", "[MQTT-4.7.0-1], 3.1.1 [MQTT-4.7.1-1]";

        /// Reserved CONNACK flags are set
        ConnAckFlags => "mqtt.malformed.connack-flags", "[MQTT-3.2.2-1]";
        /// A CONNACK refuses and claims a present session
        SessionPresentRefused => "mqtt.malformed.session-present-refused", "[MQTT-3.2.2-6], 3.1.1 [MQTT-3.2.2-4]";
        /// The reason code is not defined for this packet
        ReasonCode => "mqtt.malformed.reason-code", "§2.4, [MQTT-3.2.2-8], [MQTT-3.4.2-1], 3.1.1 [MQTT-3.2.2-6]";
        /// The reason code belongs to the other end
        ReasonCodeSender => "mqtt.malformed.reason-code-sender", "[MQTT-3.14.2-1], [MQTT-3.15.2-1]";

        /// The topic name is empty
        TopicEmpty => "mqtt.malformed.topic-empty", "[MQTT-4.7.3-1]";
        /// The topic name contains a wildcard
        TopicWildcard => "mqtt.malformed.topic-wildcard", "[MQTT-3.3.2-2]";
        /// The packet ends before its packet identifier
        PacketIdMissing => "mqtt.malformed.packet-id-missing", "§2.2.1, §3.3.2.2, 3.1.1 §3.3.2.2";
        /// The packet identifier is zero
        PacketIdZero => "mqtt.malformed.packet-id-zero", "[MQTT-2.2.1-3], 3.1.1 [MQTT-2.3.1-1]";

        /// A SUBSCRIBE has no topic filter
        SubscribeEmpty => "mqtt.malformed.subscribe-empty", "[MQTT-3.8.3-2], 3.1.1 [MQTT-3.8.3-3]";
        /// An UNSUBSCRIBE has no topic filter
        UnsubscribeEmpty => "mqtt.malformed.unsubscribe-empty", "[MQTT-3.10.3-2]";
        /// A SUBACK has no reason code
        SubAckEmpty => "mqtt.malformed.suback-empty", "[MQTT-3.8.4-6], CVE-2024-10525";
        /// An UNSUBACK has no reason code
        UnsubAckEmpty => "mqtt.malformed.unsuback-empty", "[MQTT-3.11.3-1]";
        /// The topic filter is empty
        FilterEmpty => "mqtt.malformed.filter-empty", "[MQTT-4.7.3-1]";
        /// A multi-level wildcard is not the last level, or shares its level
        FilterMultiLevel => "mqtt.malformed.filter-multi-level", "[MQTT-4.7.1-1], 3.1.1 [MQTT-4.7.1-2]";
        /// A single-level wildcard shares its level
        FilterSingleLevel => "mqtt.malformed.filter-single-level", "[MQTT-4.7.1-2], 3.1.1 [MQTT-4.7.1-3]";
        /// A shared subscription lacks a valid share name or a filter
        ShareName => "mqtt.malformed.share-name", "[MQTT-4.8.2-1], [MQTT-4.8.2-2]";
        /// The requested QoS is 3
        SubscriptionQos => "mqtt.malformed.subscription-qos", "§3.8.3.1, 3.1.1 [MQTT-3.8.3-4]";
        /// Reserved bits of the subscription options are set
        SubscriptionReserved => "mqtt.malformed.subscription-reserved", "[MQTT-3.8.3-5], 3.1.1 [MQTT-3.8.3-4]";
        /// The retain handling option is 3
        RetainHandling => "mqtt.malformed.retain-handling", "§3.8.3.1";
        /// No Local is set on a shared subscription
        NoLocalShared => "mqtt.malformed.no-local-shared", "[MQTT-3.8.3-4]";

        /// The property length reaches beyond the packet
        PropertyLength => "mqtt.malformed.property-length", "§2.2.2.1";
        /// A property's value reaches beyond the property length
        PropertyTruncated => "mqtt.malformed.property-truncated", "§2.2.2";
        /// The property identifier is not defined
        PropertyUnknown => "mqtt.malformed.property-unknown", "§2.2.2.2";
        /// The property does not belong into this packet
        PropertyMisplaced => "mqtt.malformed.property-misplaced", "§2.2.2.2";
        /// The property must not be sent by this end
        PropertySender => "mqtt.malformed.property-sender", "[MQTT-3.3.4-6], [MQTT-3.14.2-2], §3.14.2.2.5";
        /// A property stands twice that may stand once
        PropertyRepeated => "mqtt.malformed.property-repeated", "§2.2.2.2";
        /// A yes-or-no property is neither 0 nor 1
        PropertyBoolean => "mqtt.malformed.property-boolean", "§3.1.2.11.6, §3.2.2.3.4, §3.3.2.3.2";
        /// The receive maximum is zero
        ReceiveMaximumZero => "mqtt.malformed.receive-maximum-zero", "§3.1.2.11.3";
        /// The maximum packet size is zero
        MaximumPacketSizeZero => "mqtt.malformed.maximum-packet-size-zero", "§3.1.2.11.4";
        /// The topic alias is zero
        TopicAliasZero => "mqtt.malformed.topic-alias-zero", "[MQTT-3.3.2-8]";
        /// The subscription identifier is zero
        SubscriptionIdZero => "mqtt.malformed.subscription-id-zero", "§3.8.2.1.2";
        /// The response topic contains a wildcard
        ResponseTopicWildcard => "mqtt.malformed.response-topic-wildcard", "[MQTT-3.3.2-14]";
        /// Authentication data is given without an authentication method
        AuthDataAlone => "mqtt.malformed.auth-data-alone", "§3.1.2.11.10";
        /// An AUTH names no authentication method
        AuthMethodMissing => "mqtt.malformed.auth-method-missing", "§3.15.2.2.2";
    }
}

impl std::error::Error for Malformed {}

findings! {
    /// Something odd in a packet that parses: old devices do it, or attacks hide behind it.
    pub enum Anomaly {
        /// The remaining length takes more bytes than it needs, which 3.x does not forbid
        LengthNotMinimal => "mqtt.anomaly.length-not-minimal", "[MQTT-1.5.5-1]";
        /// A PUBLISH has DUP set with QoS 0 in a 3.1 session
        DupQos0 => "mqtt.anomaly.dup-qos0", "3.1 §2.1";
        /// A packet identifier is zero in a 3.1 session
        PacketIdZero => "mqtt.anomaly.packet-id-zero", "3.1 §2.4";
        /// The client identifier is longer than the 23 characters of 3.1
        ClientIdLength => "mqtt.anomaly.client-id-length", "3.1 §3.1";
        /// The client identifier or user name contains a topic wildcard
        IdentityWildcard => "mqtt.anomaly.identity-wildcard", "CVE-2017-7650";
        /// The protocol level carries the bridge bit of Mosquitto
        BridgeLevel => "mqtt.anomaly.bridge-level", "§3.1.2.2";
        /// Will flags are set without a will in 3.1, which disregards them
        WillFlagsAlone => "mqtt.anomaly.will-flags-alone", "3.1 §3.1";
        /// A user name or password is announced but missing, which 3.1 allows
        CredentialsMissing => "mqtt.anomaly.credentials-missing", "3.1 §3.1";
        /// The will delay is longer than the session expiry interval
        WillDelay => "mqtt.anomaly.will-delay", "§3.1.3.2.2, CVE-2019-11778";
        /// A server reports a present session or a refused filter to a 3.1 client
        NotIn31 => "mqtt.anomaly.not-in-31", "3.1 §3.2, §3.9";
        /// The reserved connect flag is set in 3.1, which doesn't use it
        ConnectReserved => "mqtt.anomaly.connect-reserved", "3.1 §3.1";
        /// The payload is announced as UTF-8 text and isn't
        PayloadFormat => "mqtt.anomaly.payload-format", "§3.3.2.3.2, §3.1.3.2.3";
        /// A packet carries more user properties than any use asks for
        UserProperties => "mqtt.anomaly.user-properties", "§3.1.2.11.8, CVE-2021-41039";
        /// A server sends the client to another one
        ServerReference => "mqtt.anomaly.server-reference", "§4.11";
        /// A server of 3.1.1 or 3.1 answers in its own form that it doesn't know 5.0
        OlderServer => "mqtt.anomaly.older-server", "3.1.1 [MQTT-3.1.2-2]";
        /// A server of 5.0 answers in its own form that it knows nothing older
        NewerServer => "mqtt.anomaly.newer-server", "[MQTT-3.1.2-2]";
        /// A topic name or filter has 200 levels or more
        TopicDepth => "mqtt.anomaly.topic-depth", "§4.7.3, CVE-2019-11779";
        /// A string contains a control character
        ControlCharacter => "mqtt.anomaly.control-character", "§1.5.4, 3.1.1 §1.5.3";
        /// A string contains a code point that is no character
        NonCharacter => "mqtt.anomaly.non-character", "§1.5.4, 3.1.1 §1.5.3";
        /// A string contains U+FEFF, which readers may not see
        ZeroWidth => "mqtt.anomaly.zero-width", "[MQTT-1.5.4-3]";
    }
}

/// The oddities of one packet.
pub type Anomalies = crate::FindingSet<Anomaly>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_documented() {
        let rows = Malformed::ALL
            .iter()
            .map(|m| (m.code(), m.clause(), m.summary()));
        crate::finding::assert_table("mqtt.malformed.", &rows.collect::<Vec<_>>());
        let rows = Anomaly::ALL
            .iter()
            .map(|a| (a.code(), a.clause(), a.summary()));
        crate::finding::assert_table("mqtt.anomaly.", &rows.collect::<Vec<_>>());
    }
}
