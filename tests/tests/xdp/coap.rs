//! CoAP that the program refuses by itself, and when it doesn't.

use abi::{Outcome, OutcomeSet, PortConfig, Refusals, map};
use weir_tests::frame::{UDP, udp};
use weir_tests::xdp::{Action, Rig};

use crate::v4;

const REFUSED: (Action, Outcome) = (Action::Drop, Outcome::CoapVersion);
const INSPECTED: (Action, Outcome) = (Action::Redirect, Outcome::Inspect);

fn to(port: u16, payload: &[u8]) -> Vec<u8> {
    v4(UDP, &udp(40000, port, payload))
}

#[test]
fn the_first_of_a_flood_go_to_the_inspector() {
    let mut rig = Rig::in_service();
    let broken = to(5683, b"\0\0\0\0");
    let outcomes: Vec<_> = (0..10 * map::SAMPLES_PER_SECOND)
        .map(|_| rig.run(&broken))
        .collect();
    let first = outcomes.iter().take_while(|outcome| **outcome == INSPECTED);
    assert!(first.count() as u64 >= map::SAMPLES_PER_SECOND.min(90));
    let seen = outcomes
        .iter()
        .filter(|outcome| **outcome == INSPECTED)
        .count() as u64;
    let refused = outcomes
        .iter()
        .filter(|outcome| **outcome == REFUSED)
        .count() as u64;
    assert!(refused > 0, "{seen} of {} were inspected", outcomes.len());
    assert_eq!(seen + refused, 10 * map::SAMPLES_PER_SECOND);
}

#[test]
fn only_what_the_rules_stop_in_any_case_is_refused() {
    let mut rig = Rig::in_service();
    rig.no_samples();
    let broken = to(5683, b"\0\0\0\0");
    assert_eq!(rig.run(&broken), REFUSED);
    let others = OutcomeSet(Rig::config().coap_refused.0 & !(1 << Outcome::CoapVersion.index()));
    for coap_refused in [others, OutcomeSet::default()] {
        rig.configure(PortConfig {
            coap_refused,
            ..Rig::config()
        });
        assert_eq!(rig.run(&broken), INSPECTED, "{coap_refused:?}");
    }
}

#[test]
fn other_udp_services_and_directions_are_told_apart() {
    let mut rig = Rig::in_service();
    rig.no_samples();
    let (broken, between) = (b"\0\0\0\0", |a, b| v4(UDP, &udp(a, b, b"\0\0\0\0")));
    assert_eq!(rig.run(&to(5684, broken)), INSPECTED, "DTLS");
    assert_eq!(rig.run(&between(5683, 40000)), REFUSED, "an answer");
    assert_eq!(
        rig.run(&between(5684, 5683)),
        REFUSED,
        "the receiver's service counts"
    );
    assert_eq!(
        rig.run(&between(5683, 5684)),
        INSPECTED,
        "the receiver's service counts"
    );
    assert_eq!(
        rig.run(&between(40000, 40001)),
        (Action::Redirect, Outcome::Forward)
    );
}

#[test]
fn a_message_may_be_as_large_as_the_limit() {
    let mut rig = Rig::in_service();
    rig.no_samples();
    rig.configure(PortConfig {
        coap_bytes_max: 20,
        ..Rig::config()
    });
    let sized = |len: usize| {
        let mut payload = b"\x40\x01\0\x01\xff".to_vec();
        payload.resize(len, 0x61);
        to(5683, &payload)
    };
    assert_eq!(rig.run(&sized(20)), INSPECTED);
    assert_eq!(rig.run(&sized(21)), (Action::Drop, Outcome::CoapTooLarge));
}

#[test]
fn a_port_that_only_watches_forwards() {
    let mut rig = Rig::in_service();
    rig.no_samples();
    rig.configure(PortConfig {
        refusals: Refusals::Monitored,
        ..Rig::config()
    });
    let broken = to(5683, b"\0\0\0\0");
    assert_eq!(rig.run(&broken), (Action::Redirect, Outcome::CoapVersion));
}
