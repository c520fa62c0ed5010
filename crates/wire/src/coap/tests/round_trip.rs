//! What is encoded is decoded as the same.

use proptest::collection::vec;
use proptest::prelude::*;

use super::message;
use crate::coap::encode::Builder;
use crate::coap::{Code, Opt, Type, number};

fn message_type() -> impl Strategy<Value = Type> {
    prop_oneof![Just(Type::Confirmable), Just(Type::NonConfirmable)]
}

/// Elective, unassigned numbers: any value and any repetition of them is legal.
fn options() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    let number = (300_u16..20_000).prop_map(|number| number * 2);
    vec(
        (
            number,
            prop_oneof![vec(any::<u8>(), 0..20), vec(any::<u8>(), 250..300)],
        ),
        0..6,
    )
    .prop_map(|mut options| {
        options.sort_by_key(|(number, _)| *number);
        options
    })
}

proptest! {
    #[test]
    fn messages(
        message_type in message_type(), message_id: u16, token in vec(any::<u8>(), 0..=8),
        segments in vec("[a-z0-9]{1,14}", 0..4), options in options(),
        payload in vec(any::<u8>(), 0..100), observe in 0..=0xff_ffff_u32,
    ) {
        let mut out = Vec::new();
        let builder = Builder::new(&mut out, message_type, Code::GET, message_id, &token)
            .uint(number::OBSERVE, observe)
            .path(number::URI_PATH, &segments.join("/"));
        options
            .iter()
            .fold(builder, |builder, (number, value)| builder.option(*number, value))
            .payload(&payload);
        let decoded = message(&out);
        prop_assert_eq!((decoded.message_type(), decoded.code()), (message_type, Code::GET));
        prop_assert_eq!((decoded.message_id(), decoded.token()), (message_id, &token[..]));
        prop_assert_eq!(decoded.observe(), Some(observe));
        prop_assert_eq!(decoded.uri_path().collect::<Vec<_>>(), segments.clone());
        let rest: Vec<_> = decoded.options().skip(1 + segments.len()).collect();
        let expected: Vec<_> =
            options.iter().map(|(number, value)| Opt { number: *number, value }).collect();
        prop_assert_eq!(rest, expected);
        prop_assert_eq!(decoded.payload(), payload);
    }
}

#[test]
fn numbers_take_their_shortest_form() {
    for (value, len) in [
        (0, 0),
        (1, 1),
        (0xff, 1),
        (0x100, 2),
        (0x1_0000, 3),
        (0x100_0000, 4),
    ] {
        let mut out = Vec::new();
        Builder::new(&mut out, Type::Confirmable, Code::GET, 1, &[]).uint(number::MAX_AGE, value);
        let option = message(&out).option(number::MAX_AGE).unwrap();
        assert_eq!((option.value.len(), option.as_uint()), (len, Some(value)));
    }
}
