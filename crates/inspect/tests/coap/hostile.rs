//! Bytes nobody should send: no panic, nothing malformed goes on, nothing grows.

use inspect::Limits;
use policy::{Reason, Verdict};
use proptest::prelude::*;
use wire::coap::{Code, Message, Type, number};

use crate::world::{
    BASELINE, World, client, content, empty, get, message, notification, observe, server,
};

/// Sound messages of every sort, to be spoiled.
fn samples() -> Vec<Vec<u8>> {
    vec![
        get(Type::Confirmable, 1, &[1], "a/b"),
        get(Type::NonConfirmable, 2, &[], ".well-known/core"),
        observe(3, &[2, 2], 0, "t"),
        content(Type::Acknowledgement, 1, &[1], 20),
        content(Type::Confirmable, 9, &[1], 20),
        notification(Type::NonConfirmable, 10, &[2, 2], 5),
        empty(Type::Confirmable, 4),
        empty(Type::Acknowledgement, 9),
        empty(Type::Reset, 10),
        message(Type::Confirmable, Code::PUT, 5, &[3; 8], |builder| {
            builder
                .path(number::URI_PATH, "firmware")
                .uint(number::BLOCK1, 0x0e)
                .option(number::ECHO, &[9; 9])
                .option(number::REQUEST_TAG, &[1])
                .payload(&[b'x'; 1024]);
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn spoiled_messages_harm_nobody(
        spoiled in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<bool>(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), 0usize..40),
            1..60,
        ),
    ) {
        let limits = Limits { endpoints: 16, exchanges: 16, ..Limits::default() };
        let mut world = World::with(BASELINE, limits);
        let samples = samples();
        for (sample, to_server, changes, cut) in spoiled {
            let mut payload = sample.get(&samples).clone();
            for (at, byte) in changes {
                *at.get_mut(&mut payload[..]) = byte;
            }
            payload.truncate(payload.len().saturating_sub(cut));
            let (from, to) = if to_server { (client(), server()) } else { (server(), client()) };
            let passage = world.send(from, to, &payload);
            if let Some(forwarded) = passage.forwarded {
                prop_assert!(Message::decode(&forwarded).is_ok());
            }
            for injected in passage.injected {
                prop_assert!(Message::decode(&injected.payload).is_ok());
            }
            let gauges = world.inspector.gauges();
            prop_assert!(gauges.endpoints <= 16 && gauges.exchanges <= 16);
        }
    }
}

#[test]
fn what_can_t_be_read_is_dropped_with_its_reason() {
    let mut world = World::new();
    for (payload, reason) in [
        (&[][..], "coap.malformed.too-short"),
        (&[0x80, 1, 0, 1], "coap.malformed.version"),
        (&[0x60, 1, 0, 1], "coap.malformed.ack-request"),
        (&[0x40, 1, 0, 1, 0xff], "coap.malformed.payload-marker"),
    ] {
        let reason = Reason::from_code(reason).unwrap();
        world.block(client(), server(), payload, reason);
        world.block(server(), client(), payload, reason);
    }
}

#[test]
fn a_malformed_con_is_rejected_where_the_rules_say_reset() {
    let rules = r#"
        [[rule]]
        id = "reject"
        description = "as RFC 7252 §4.2 does"
        match = { reason = "coap.malformed.*" }
        action = "reset"
    "#;
    let mut world = World::with(rules, Limits::default());
    let passage = world.send(client(), server(), &[0x40, 1, 0xab, 0xcd, 0xff]);
    assert_eq!(passage.outcome.verdict, Verdict::Reset);
    assert_eq!(passage.injected[0].payload, empty(Type::Reset, 0xabcd));
    let passage = world.send(client(), server(), &[0x50, 1, 0xab, 0xcd, 0xff]);
    assert_eq!(passage.injected, []);
}

#[test]
fn what_is_larger_than_the_limit_is_dropped() {
    let limits = Limits {
        coap_message_bytes: 100,
        ..Limits::default()
    };
    let mut world = World::with(BASELINE, limits);
    let put = |len: usize| {
        message(Type::Confirmable, Code::PUT, 5, &[], |builder| {
            builder.payload(&vec![0; len - 5]);
        })
    };
    world.pass(client(), server(), &put(100));
    world.block(client(), server(), &put(101), Reason::COAP_TOO_LARGE);
}

#[test]
fn what_is_forgotten_in_time_leaves_nothing_behind() {
    let mut world = World::new();
    for id in 0..5000u16 {
        world.send(
            client(),
            server(),
            &get(Type::Confirmable, id, &id.to_be_bytes(), "x"),
        );
    }
    assert_eq!(world.inspector.gauges().exchanges, 5000);
    world.pause(std::time::Duration::from_secs(3600));
    let gauges = world.inspector.gauges();
    assert_eq!((gauges.exchanges, gauges.endpoints), (0, 0));
}
