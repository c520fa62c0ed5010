//! What is encoded is decoded as the same.

use proptest::prelude::*;
use proptest::{collection::vec, option};

use super::{C2S, S2C, complete};
use crate::mqtt::Version::{V5, V31, V311};
use crate::mqtt::{ControlPacket, PacketType, Property, QoS, ReasonCode, Version, encode};

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(V31), Just(V311), Just(V5)]
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![
        Just(QoS::AtMostOnce),
        Just(QoS::AtLeastOnce),
        Just(QoS::ExactlyOnce)
    ]
}

/// Text without wildcards, NUL and what else would be refused or flagged.
fn text() -> impl Strategy<Value = String> {
    "[a-z0-9/\u{e4}\u{20ac}\u{1f600} ]{1,20}"
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

/// Properties that may stand in a PUBLISH from a client, by their values.
type PublishValues = (
    Option<bool>,
    Option<u32>,
    Option<String>,
    Option<u16>,
    Vec<(String, String)>,
);

fn publish_values() -> impl Strategy<Value = PublishValues> {
    (
        option::of(any::<bool>()),
        option::of(any::<u32>()),
        option::of(text()),
        option::of(1..=u16::MAX),
        vec((text(), text()), 0..3),
    )
}

fn publish_properties(values: &PublishValues) -> Vec<Property<'_>> {
    let (format, expiry, response, alias, user) = values;
    let mut properties = Vec::new();
    properties.extend(format.map(Property::PayloadFormatIndicator));
    properties.extend(expiry.map(Property::MessageExpiryInterval));
    properties.extend(response.as_deref().map(Property::ResponseTopic));
    properties.extend(alias.map(Property::TopicAlias));
    properties.extend(
        user.iter()
            .map(|(name, value)| Property::UserProperty((name, value))),
    );
    properties
}

fn only_in_5(version: Version, properties: Vec<Property<'_>>) -> Vec<Property<'_>> {
    if version == V5 {
        properties
    } else {
        Vec::new()
    }
}

proptest! {
    #[test]
    fn connect(
        version in version(), clean_start: bool, keep_alive_s: u16, client_id in "[a-z]{1,23}",
        will in option::of((text(), bytes(), qos(), any::<bool>())),
        credentials in option::of((text(), option::of(bytes()))),
        expiry in 1_u32..,
    ) {
        let properties = only_in_5(version, vec![Property::SessionExpiryInterval(expiry)]);
        let will_properties = only_in_5(version, vec![Property::WillDelayInterval(1)]);
        let spec = encode::Connect {
            version, clean_start, keep_alive_s, client_id: &client_id,
            will: will.as_ref().map(|(topic, payload, qos, retain)| encode::Will {
                topic, payload, qos: *qos, retain: *retain, properties: &will_properties,
            }),
            username: credentials.as_ref().map(|(username, _)| username.as_str()),
            password: credentials.as_ref().and_then(|(_, password)| password.as_deref()),
            properties: &properties,
        };
        let mut out = Vec::new();
        encode::connect(&mut out, &spec);
        let ControlPacket::Connect(packet) = complete(V311, C2S, &out) else { panic!("a CONNECT") };
        prop_assert_eq!(packet.version, version);
        prop_assert_eq!(packet.clean_start, clean_start);
        prop_assert_eq!(packet.keep_alive_s, keep_alive_s);
        prop_assert_eq!(packet.client_id, spec.client_id);
        prop_assert_eq!(packet.username, spec.username);
        prop_assert_eq!(packet.password, spec.password);
        prop_assert_eq!(packet.properties.iter().collect::<Vec<_>>(), properties.clone());
        prop_assert_eq!(packet.will.is_some(), spec.will.is_some());
        if let (Some(found), Some(will)) = (packet.will, spec.will) {
            prop_assert_eq!(
                (found.topic, found.payload, found.qos, found.retain),
                (will.topic, will.payload, will.qos, will.retain)
            );
            prop_assert_eq!(found.properties.iter().collect::<Vec<_>>(), will_properties.clone());
        }
        prop_assert!(packet.anomalies.is_empty());
    }

    #[test]
    fn publish(
        version in version(), dup: bool, qos in qos(), retain: bool, topic in text(),
        packet_id in 1_u16.., values in publish_values(), payload in vec(any::<u8>(), 0..300),
    ) {
        let properties = only_in_5(version, publish_properties(&values));
        let spec = encode::Publish {
            dup: dup && qos != QoS::AtMostOnce, qos, retain, topic: &topic, packet_id,
            properties: &properties, payload: &payload,
        };
        let mut out = Vec::new();
        encode::publish(&mut out, version, &spec);
        let ControlPacket::Publish(packet) = complete(version, C2S, &out) else {
            panic!("a PUBLISH");
        };
        prop_assert_eq!((packet.dup, packet.qos, packet.retain), (spec.dup, qos, retain));
        prop_assert_eq!(packet.topic, spec.topic);
        prop_assert_eq!(packet.packet_id, (qos != QoS::AtMostOnce).then_some(packet_id));
        prop_assert_eq!(packet.payload, spec.payload);
        prop_assert_eq!(packet.properties.iter().collect::<Vec<_>>(), properties.clone());
    }

    #[test]
    fn acknowledgements(version in version(), packet_id in 1_u16.., failed: bool, reason in text()) {
        for (packet_type, failure) in [
            (PacketType::PubAck, 0x87), (PacketType::PubRec, 0x97),
            (PacketType::PubRel, 0x92), (PacketType::PubComp, 0x92),
        ] {
            let code = ReasonCode(if failed && version == V5 { failure } else { 0 });
            let reason = [Property::ReasonString(&reason)];
            let properties: &[_] = if code.is_error() { &reason } else { &[] };
            let mut out = Vec::new();
            encode::ack(&mut out, version, packet_type, packet_id, code, properties);
            let packet = complete(version, C2S, &out);
            prop_assert_eq!(packet.packet_type(), packet_type);
            prop_assert_eq!(packet.packet_id(), Some(packet_id));
            let (ControlPacket::PubAck(ack) | ControlPacket::PubRec(ack)
                | ControlPacket::PubRel(ack) | ControlPacket::PubComp(ack)) = packet
            else { panic!("an acknowledgement") };
            prop_assert_eq!(ack.reason_code, code);
            prop_assert_eq!(ack.properties.iter().count(), properties.len());
        }
    }

    #[test]
    fn subscriptions(
        version in version(), packet_id in 1_u16..,
        filters in vec(("[a-z]{1,5}(/[a-z+]){0,3}(/#)?", 0..3_u8), 1..6),
    ) {
        let entries: Vec<_> = filters.iter().map(|(filter, qos)| (filter.as_str(), *qos)).collect();
        let names: Vec<_> = entries.iter().map(|(filter, _)| *filter).collect();
        let mut out = Vec::new();
        encode::subscribe(&mut out, version, packet_id, &[], &entries);
        let ControlPacket::Subscribe(packet) = complete(version, C2S, &out) else {
            panic!("a SUBSCRIBE");
        };
        let found: Vec<_> = packet.subscriptions().map(|s| (s.filter, s.qos as u8)).collect();
        prop_assert_eq!(found, entries);

        out.clear();
        encode::unsubscribe(&mut out, version, packet_id, &[], &names);
        let ControlPacket::Unsubscribe(packet) = complete(version, C2S, &out) else {
            panic!("an UNSUBSCRIBE");
        };
        prop_assert_eq!(packet.filters().collect::<Vec<_>>(), names);

        out.clear();
        let codes: Vec<_> = filters.iter().map(|(_, qos)| ReasonCode(*qos)).collect();
        encode::suback(&mut out, version, packet_id, &[], codes.iter().copied());
        let ControlPacket::SubAck(packet) = complete(version, S2C, &out) else {
            panic!("a SUBACK");
        };
        prop_assert_eq!(packet.reason_codes().collect::<Vec<_>>(), codes);

        out.clear();
        let codes = filters.iter().filter(|_| version == V5).map(|_| ReasonCode(0x11));
        encode::unsuback(&mut out, version, packet_id, &[], codes);
        let ControlPacket::UnsubAck(packet) = complete(version, S2C, &out) else {
            panic!("an UNSUBACK");
        };
        prop_assert_eq!(packet.reason_codes().len(), if version == V5 { filters.len() } else { 0 });
    }

    #[test]
    fn the_rest(version in version(), session_present: bool, reason in text()) {
        let mut out = Vec::new();
        let present = session_present && version != V31;
        encode::connack(&mut out, version, present, ReasonCode::SUCCESS, &[]);
        let ControlPacket::ConnAck(packet) = complete(version, S2C, &out) else {
            panic!("a CONNACK");
        };
        prop_assert_eq!((packet.session_present, packet.is_accepted()), (present, true));

        for (write, packet_type) in [
            (encode::pingreq as fn(&mut Vec<u8>), PacketType::PingReq),
            (encode::pingresp, PacketType::PingResp),
        ] {
            out.clear();
            write(&mut out);
            prop_assert_eq!(complete(version, C2S, &out).packet_type(), packet_type);
        }

        out.clear();
        encode::disconnect(&mut out, version, ReasonCode::SUCCESS, &[]);
        prop_assert_eq!(complete(version, C2S, &out).packet_type(), PacketType::Disconnect);
        out.clear();
        let properties = [Property::ReasonString(&reason)];
        encode::disconnect(&mut out, V5, ReasonCode::NOT_AUTHORIZED, &properties);
        let ControlPacket::Disconnect(packet) = complete(V5, S2C, &out) else {
            panic!("a DISCONNECT");
        };
        prop_assert_eq!(packet.reason_code, ReasonCode::NOT_AUTHORIZED);
        prop_assert_eq!(packet.properties.iter().next(), Some(properties[0]));

        out.clear();
        let properties = [Property::AuthenticationMethod(&reason)];
        encode::auth(&mut out, ReasonCode(0x18), &properties);
        let ControlPacket::Auth(packet) = complete(V5, C2S, &out) else { panic!("an AUTH") };
        prop_assert_eq!(packet.properties.authentication_method(), Some(reason.as_str()));
    }
}

/// Every property, in a packet where it belongs.
#[test]
fn all_properties() {
    use Property as P;
    let connack = [
        P::SessionExpiryInterval(1),
        P::AssignedClientIdentifier("c"),
        P::ServerKeepAlive(2),
        P::AuthenticationMethod("m"),
        P::AuthenticationData(b"d"),
        P::ResponseInformation("r"),
        P::ServerReference("s"),
        P::ReasonString("t"),
        P::ReceiveMaximum(3),
        P::TopicAliasMaximum(4),
        P::MaximumQoS(QoS::AtLeastOnce),
        P::RetainAvailable(false),
        P::UserProperty(("k", "v")),
        P::MaximumPacketSize(5),
        P::WildcardSubscriptionAvailable(true),
        P::SubscriptionIdentifierAvailable(false),
        P::SharedSubscriptionAvailable(true),
    ];
    let publish = [
        P::PayloadFormatIndicator(true),
        P::MessageExpiryInterval(6),
        P::ContentType("text/plain"),
        P::ResponseTopic("r/t"),
        P::CorrelationData(b"\0\xff"),
        P::SubscriptionIdentifier(268_435_455),
        P::SubscriptionIdentifier(1),
        P::TopicAlias(7),
    ];
    let connect = [
        P::RequestProblemInformation(true),
        P::RequestResponseInformation(false),
        P::SessionExpiryInterval(9),
    ];
    let mut out = Vec::new();
    encode::connack(&mut out, V5, false, ReasonCode::SUCCESS, &connack);
    assert_eq!(
        complete(V5, S2C, &out)
            .properties()
            .iter()
            .collect::<Vec<_>>(),
        connack
    );
    out.clear();
    let spec = encode::Publish {
        topic: "t",
        properties: &publish,
        ..Default::default()
    };
    encode::publish(&mut out, V5, &spec);
    assert_eq!(
        complete(V5, S2C, &out)
            .properties()
            .iter()
            .collect::<Vec<_>>(),
        publish
    );
    out.clear();
    let will = encode::Will {
        topic: "w",
        payload: b"",
        qos: QoS::AtMostOnce,
        retain: false,
        properties: &[P::WillDelayInterval(8)],
    };
    let spec = encode::Connect {
        version: V5,
        client_id: "c",
        will: Some(will),
        properties: &connect,
        ..Default::default()
    };
    encode::connect(&mut out, &spec);
    assert_eq!(
        complete(V5, C2S, &out)
            .properties()
            .iter()
            .collect::<Vec<_>>(),
        connect
    );
    let ids: std::collections::BTreeSet<_> = connack
        .iter()
        .chain(&publish)
        .chain(&connect)
        .chain(will.properties)
        .map(P::id)
        .collect();
    assert_eq!(ids.len(), 27, "the specification defines 27 properties");
}
