//! Every violation has its packet.

use std::collections::BTreeSet;

use hex_literal::hex;

use super::{C2S, S2C, Sample, refused};
use crate::mqtt::Malformed as M;
use crate::mqtt::Version::{V5, V31, V311};

#[rustfmt::skip]
const TABLE: &[(M, Sample)] = &[
    (M::PacketType, (V311, C2S, &hex!("00 00"))),
    (M::PacketType, (V311, C2S, &hex!("f0 00"))),
    (M::Flags, (V311, C2S, &hex!("c1 00"))),
    (M::Flags, (V311, C2S, &hex!("80 06 0001 0001 61 00"))),
    (M::Flags, (V5, C2S, &hex!("60 02 0001"))),
    (M::Flags, (V311, C2S, &hex!("6a 02 0001"))),
    (M::PublishQos, (V311, C2S, &hex!("36 06 0001 74 0001 78"))),
    (M::DupQos0, (V311, C2S, &hex!("38 04 0001 74 78"))),
    (M::RemainingLength, (V311, C2S, &hex!("30 ffffffff 01"))),
    (M::RemainingLength, (V5, C2S, &hex!("30 09 0001 74 ffffffff01 78"))),
    (M::LengthNotMinimal, (V5, C2S, &hex!("c0 8000"))),
    (M::LengthNotMinimal, (V5, C2S, &hex!("10 8e00 0004 4d515454 05 02 003c 00 0001 61"))),
    (M::LengthNotMinimal, (V5, C2S, &hex!("30 05 0001 74 8000"))),
    (M::Truncated, (V311, C2S, &hex!("10 8700 20100f878cb7"))),
    (M::Truncated, (V311, C2S, &hex!("10 0d 0004 4d515454 04 82 003c 0001 61"))),
    (M::Truncated, (V311, C2S, &hex!("40 01 00"))),
    (M::Truncated, (V311, S2C, &hex!("20 01 00"))),
    (M::Truncated, (V5, S2C, &hex!("20 02 0000"))),
    (M::Truncated, (V311, C2S, &hex!("82 05 0001 0001 61"))),
    (M::FieldLength, (V311, C2S, &hex!("30 05 00ff 616263"))),
    (M::FieldLength, (V311, C2S, &hex!("82 06 0001 fff0 6100"))),
    (M::TrailingBytes, (V311, C2S, &hex!("c0 01"))),
    (M::TrailingBytes, (V311, C2S, &hex!("40 03"))),
    (M::TrailingBytes, (V311, S2C, &hex!("e0 ff01"))),
    (M::TrailingBytes, (V311, C2S, &hex!("10 0e 0004 4d515454 04 02 003c 0001 61 00"))),
    (M::TrailingBytes, (V5, S2C, &hex!("20 04 0000 00 00"))),
    (M::TrailingBytes, (V5, C2S, &hex!("40 05 0001 00 00 00"))),
    (M::Utf8, (V311, C2S, &hex!("30 08 0005 746feda080 78"))),
    (M::Utf8Null, (V311, C2S, &hex!("30 07 0004 746f0070 78"))),

    (M::ProtocolName, (V311, C2S, &hex!("10 0d 0004 4d515458 04 02 003c 0001 61"))),
    (M::ProtocolName, (V311, C2S, &hex!("10 0d 0004 6d71"))),
    (M::ProtocolName, (V311, C2S, &hex!("10 0c 0003 4d5154 04 02 003c 0001 61"))),
    (M::ProtocolLevel, (V311, C2S, &hex!("10 0d 0004 4d515454 06 02 003c 0001 61"))),
    (M::ProtocolLevel, (V311, C2S, &hex!("10 0d 0004 4d515454 85 02 003c 0001 61"))),
    (M::ProtocolMismatch, (V311, C2S, &hex!("10 0d 0004 4d515454 03 02 003c 0001 61"))),
    (M::ProtocolMismatch, (V311, C2S, &hex!("10 0f 0006 4d5149736470 04 02 003c 0001 61"))),
    (M::ConnectReserved, (V311, C2S, &hex!("10 0d 0004 4d515454 04 03 003c 0001 61"))),
    (M::WillQos, (V311, C2S, &hex!("10 13 0004 4d515454 04 1e 003c 0001 61 0001 77 0001 70"))),
    (M::WillQosAlone, (V311, C2S, &hex!("10 0d 0004 4d515454 04 0a 003c 0001 61"))),
    (M::WillRetainAlone, (V311, C2S, &hex!("10 0d 0004 4d515454 04 22 003c 0001 61"))),
    (M::PasswordAlone, (V311, C2S, &hex!("10 10 0004 4d515454 04 42 003c 0001 61 0001 70"))),
    (M::PasswordAlone, (V31, C2S, &hex!("10 12 0006 4d5149736470 03 42 003c 0001 61 0001 70"))),
    (M::ClientIdEmpty, (V311, C2S, &hex!("10 0c 0004 4d515454 04 00 003c 0000"))),
    (M::ClientIdEmpty, (V31, C2S, &hex!("10 0e 0006 4d5149736470 03 02 003c 0000"))),
    (M::WillTopicEmpty, (V311, C2S, &hex!("10 12 0004 4d515454 04 06 003c 0001 61 0000 0001 70"))),
    (M::WillTopicWildcard, (V311, C2S, &hex!("10 15 0004 4d515454 04 06 003c 0001 61 0003 612f23 0001 70"))),

    (M::ConnAckFlags, (V311, S2C, &hex!("20 02 02 00"))),
    (M::SessionPresentRefused, (V311, S2C, &hex!("20 02 01 05"))),
    (M::SessionPresentRefused, (V5, S2C, &hex!("20 03 01 87 00"))),
    (M::ReasonCode, (V311, S2C, &hex!("20 02 00 06"))),
    (M::ReasonCode, (V5, S2C, &hex!("20 03 00 01 00"))),
    (M::ReasonCode, (V5, C2S, &hex!("40 04 0001 ff 00"))),
    (M::ReasonCode, (V5, C2S, &hex!("62 03 0001 10"))),
    (M::ReasonCode, (V311, S2C, &hex!("90 03 0001 03"))),
    (M::ReasonCode, (V5, S2C, &hex!("b0 04 0001 00 01"))),
    (M::ReasonCode, (V5, S2C, &hex!("e0 01 01"))),
    (M::ReasonCode, (V5, C2S, &hex!("f0 06 01 04 15 0001 41"))),
    (M::ReasonCodeSender, (V5, C2S, &hex!("40 03 0001 10"))),
    (M::ReasonCodeSender, (V5, C2S, &hex!("e0 01 8b"))),
    (M::ReasonCodeSender, (V5, S2C, &hex!("e0 01 04"))),
    (M::ReasonCodeSender, (V5, C2S, &hex!("f0 00"))),
    (M::ReasonCodeSender, (V5, S2C, &hex!("f0 06 19 04 15 0001 41"))),

    (M::TopicEmpty, (V311, C2S, &hex!("30 03 0000 78"))),
    (M::TopicEmpty, (V5, C2S, &hex!("30 04 0000 00 78"))),
    (M::TopicEmpty, (V5, C2S, &hex!("30 07 0001 74 03 08 0000"))),
    (M::TopicWildcard, (V311, C2S, &hex!("30 06 0003 612f23 78"))),
    (M::TopicWildcard, (V31, S2C, &hex!("30 04 0001 2b 78"))),
    (M::PacketIdMissing, (V311, C2S, &hex!("32 03 0001 74"))),
    (M::PacketIdMissing, (V5, C2S, &hex!("34 04 0001 74 01"))),
    (M::PacketIdZero, (V311, C2S, &hex!("32 06 0001 74 0000 78"))),
    (M::PacketIdZero, (V5, C2S, &hex!("40 02 0000"))),

    (M::SubscribeEmpty, (V311, C2S, &hex!("82 02 0001"))),
    (M::UnsubscribeEmpty, (V311, C2S, &hex!("a2 02 0001"))),
    (M::SubAckEmpty, (V311, S2C, &hex!("90 02 0001"))),
    (M::SubAckEmpty, (V5, S2C, &hex!("90 03 0001 00"))),
    (M::UnsubAckEmpty, (V5, S2C, &hex!("b0 03 0001 00"))),
    (M::FilterEmpty, (V311, C2S, &hex!("82 05 0001 0000 00"))),
    (M::FilterMultiLevel, (V311, C2S, &hex!("82 0a 0001 0005 612f232f62 00"))),
    (M::FilterMultiLevel, (V311, C2S, &hex!("a2 06 0001 0002 6123"))),
    (M::FilterSingleLevel, (V311, C2S, &hex!("82 08 0001 0003 612b62 00"))),
    (M::ShareName, (V5, C2S, &hex!("82 0f 0001 00 0009 2473686172652f6162 00"))),
    (M::ShareName, (V5, C2S, &hex!("82 0f 0001 00 0009 2473686172652f2f74 00"))),
    (M::ShareName, (V5, C2S, &hex!("82 10 0001 00 000a 2473686172652f2b2f74 00"))),
    (M::ShareName, (V5, C2S, &hex!("82 0f 0001 00 0009 2473686172652f672f 00"))),
    (M::SubscriptionQos, (V311, C2S, &hex!("82 06 0001 0001 61 03"))),
    (M::SubscriptionReserved, (V311, C2S, &hex!("82 06 0001 0001 61 04"))),
    (M::SubscriptionReserved, (V5, C2S, &hex!("82 07 0001 00 0001 61 c0"))),
    (M::RetainHandling, (V5, C2S, &hex!("82 07 0001 00 0001 61 30"))),
    (M::NoLocalShared, (V5, C2S, &hex!("82 10 0001 00 000a 2473686172652f672f74 04"))),

    (M::PropertyLength, (V5, C2S, &hex!("10 0e 0004 4d515454 05 02 003c 7f 0001 61"))),
    (M::PropertyTruncated, (V5, C2S, &hex!("30 06 0001 74 02 23 00"))),
    (M::PropertyTruncated, (V5, C2S, &hex!("30 09 0001 74 05 08 0005 6162"))),
    (M::PropertyUnknown, (V5, C2S, &hex!("30 06 0001 74 02 7f 00"))),
    (M::PropertyMisplaced, (V5, C2S, &hex!("10 11 0004 4d515454 05 02 003c 03 23 0001 0001 61"))),
    (M::PropertyMisplaced, (V5, C2S, &hex!("10 1a 0004 4d515454 05 06 003c 00 0001 61 05 11 00000001 0001 77 0001 70"))),
    (M::PropertySender, (V5, C2S, &hex!("30 06 0001 74 02 0b 01"))),
    (M::PropertySender, (V5, S2C, &hex!("e0 07 00 05 11 00000001"))),
    (M::PropertySender, (V5, C2S, &hex!("e0 06 00 04 1c 0001 61"))),
    (M::PropertyRepeated, (V5, C2S, &hex!("10 18 0004 4d515454 05 02 003c 0a 11 00000001 11 00000001 0001 61"))),
    (M::PropertyRepeated, (V5, C2S, &hex!("82 0b 0001 04 0b 01 0b 02 0001 61 00"))),
    (M::PropertyBoolean, (V5, C2S, &hex!("10 10 0004 4d515454 05 02 003c 02 17 02 0001 61"))),
    (M::ReceiveMaximumZero, (V5, C2S, &hex!("10 11 0004 4d515454 05 02 003c 03 21 0000 0001 61"))),
    (M::MaximumPacketSizeZero, (V5, C2S, &hex!("10 13 0004 4d515454 05 02 003c 05 27 00000000 0001 61"))),
    (M::TopicAliasZero, (V5, C2S, &hex!("30 08 0001 74 03 23 0000 78"))),
    (M::SubscriptionIdZero, (V5, C2S, &hex!("82 09 0001 02 0b 00 0001 61 00"))),
    (M::ResponseTopicWildcard, (V5, C2S, &hex!("30 09 0001 74 04 08 0001 23 78"))),
    (M::AuthDataAlone, (V5, C2S, &hex!("10 12 0004 4d515454 05 02 003c 04 16 0001 61 0001 61"))),
    (M::AuthMethodMissing, (V5, C2S, &hex!("f0 02 18 00"))),
    (M::AuthMethodMissing, (V5, C2S, &hex!("f0 01 18"))),
];

#[test]
fn every_violation_is_seen_as_itself() {
    for (expected, (version, direction, input)) in TABLE {
        let found = refused(*version, *direction, input);
        assert_eq!(found, *expected, "{input:02x?}");
    }
}

#[test]
fn no_violation_is_without_a_packet() {
    let shown: BTreeSet<_> = TABLE
        .iter()
        .map(|(malformed, _)| malformed.code())
        .collect();
    let known: BTreeSet<_> = M::ALL.iter().map(|malformed| malformed.code()).collect();
    assert_eq!(shown, known);
}
