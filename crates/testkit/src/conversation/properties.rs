//! Properties that a line gives its control packet; 3.x leaves them out.

use policy::{Fields, Value};
use wire::mqtt::{PacketType, Property, QoS};

/// The properties of a packet, in the order of their names.
pub(super) fn of(packet: PacketType, fields: &Fields) -> Vec<Property<'_>> {
    let numbers = NUMBERS.iter().filter_map(|(key, property)| {
        let number = fields.number(key)?;
        Some(property(u32::try_from(number).unwrap_or(u32::MAX)))
    });
    let flags = FLAGS
        .iter()
        .filter_map(|(key, property)| Some(property(fields.flag(key)?)));
    let texts = TEXTS
        .iter()
        .filter_map(|(key, property)| Some(property(fields.text(key)?)));
    match packet {
        // Its method has a field, and a default, of its own.
        PacketType::Auth => Vec::new(),
        _ => numbers
            .chain(flags)
            .chain(texts)
            .chain(users(fields))
            .collect(),
    }
}

/// The properties of the will in a CONNECT.
pub(super) fn of_will(fields: &Fields) -> Vec<Property<'_>> {
    let delay = fields.number("will_delay");
    let delay_s = delay.map(|delay| u32::try_from(delay).unwrap_or(u32::MAX));
    delay_s
        .map(Property::WillDelayInterval)
        .into_iter()
        .collect()
}

/// `user_property=name=value` as often as given, then filler to make up `user_properties=1000`.
fn users(fields: &Fields) -> impl Iterator<Item = Property<'_>> {
    let given = fields.all("user_property").filter_map(|value| match value {
        Value::Text(text) => Some(text.split_once('=').unwrap_or((text, ""))),
        _ => None,
    });
    let filler = fields.number("user_properties").unwrap_or(0);
    let filler = usize::try_from(filler).unwrap_or(0);
    let filler = std::iter::repeat_n(("n", "v"), filler);
    given.chain(filler).map(Property::UserProperty)
}

type Make<T> = fn(T) -> Property<'static>;

const NUMBERS: [(&str, Make<u32>); 9] = [
    ("receive_maximum", |n| Property::ReceiveMaximum(n as u16)),
    ("maximum_packet_size", Property::MaximumPacketSize),
    ("topic_alias_maximum", |n| {
        Property::TopicAliasMaximum(n as u16)
    }),
    ("session_expiry", Property::SessionExpiryInterval),
    ("maximum_qos", |n| {
        Property::MaximumQoS(match n {
            0 => QoS::AtMostOnce,
            _ => QoS::AtLeastOnce,
        })
    }),
    ("server_keep_alive", |n| Property::ServerKeepAlive(n as u16)),
    ("subscription_id", Property::SubscriptionIdentifier),
    ("message_expiry", Property::MessageExpiryInterval),
    ("alias", |n| Property::TopicAlias(n as u16)),
];

const FLAGS: [(&str, Make<bool>); 6] = [
    (
        "request_problem_information",
        Property::RequestProblemInformation,
    ),
    (
        "request_response_information",
        Property::RequestResponseInformation,
    ),
    ("retain_available", Property::RetainAvailable),
    (
        "wildcard_available",
        Property::WildcardSubscriptionAvailable,
    ),
    ("shared_available", Property::SharedSubscriptionAvailable),
    (
        "subscription_id_available",
        Property::SubscriptionIdentifierAvailable,
    ),
];

type MakeText = for<'a> fn(&'a str) -> Property<'a>;

const TEXTS: [(&str, MakeText); 6] = [
    ("auth_method", |text| Property::AuthenticationMethod(text)),
    ("assigned_client_id", |text| {
        Property::AssignedClientIdentifier(text)
    }),
    ("response_information", |text| {
        Property::ResponseInformation(text)
    }),
    ("reason_string", |text| Property::ReasonString(text)),
    ("content_type", |text| Property::ContentType(text)),
    ("response_topic", |text| Property::ResponseTopic(text)),
];
