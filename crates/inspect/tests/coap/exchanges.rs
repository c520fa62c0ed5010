//! What belongs to a request passes, and what belongs to none doesn't.

use std::time::Duration;

use policy::Reason;
use wire::coap::{Code, Type};

use crate::world::{
    World, client, content, empty, endpoint, get, message, notification, observe, server,
};

const TOKEN: &[u8] = &[0xa1, 0xa2];

/// It may be a node with both services that asks from one socket, or what a NAT came to.
#[test]
fn a_client_may_ask_from_the_port_of_dtls() {
    let mut world = World::new();
    let node = endpoint("192.0.2.7:5684");
    world.pass(node, server(), &get(Type::Confirmable, 1, TOKEN, "a"));
    world.pass(server(), node, &content(Type::Acknowledgement, 1, TOKEN, 4));
    assert_eq!(world.log.events, []);
    let asked_in_plain = get(Type::Confirmable, 2, TOKEN, "a");
    let passage = world.send(server(), node, &asked_in_plain);
    assert_eq!(passage.outcome.reason, Some(Reason::TLS_REQUIRED));
}

#[test]
fn a_request_and_its_piggybacked_response_pass_as_often_as_they_are_sent() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, "sensors/7/temperature");
    let response = content(Type::Acknowledgement, 1, TOKEN, 4);
    for _ in 0..5 {
        world.pass(client(), server(), &request);
        world.pass(server(), client(), &response);
        world.pass(server(), client(), &response);
        world.pause(Duration::from_secs(20));
    }
}

#[test]
fn a_separate_response_is_acknowledged_by_the_client() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, "slow/thing");
    world.wait_for_acknowledgement(client(), server(), &request);
    world.pause(Duration::from_secs(60));
    // The retransmissions of both too: the acknowledgements get lost.
    for pause_secs in [2, 4, 8] {
        let response = content(Type::Confirmable, 900, TOKEN, 4);
        world.pass(server(), client(), &response);
        world.pass(client(), server(), &empty(Type::Acknowledgement, 900));
        world.pause(Duration::from_secs(pause_secs));
        world.pass(client(), server(), &request);
    }
}

#[test]
fn what_answers_nothing_is_dropped() {
    let mut world = World::new();
    world.pass(
        client(),
        server(),
        &get(Type::Confirmable, 1, TOKEN, "a/b/c/d"),
    );
    let (elsewhere, unregistered) = (
        Reason::COAP_SPOOFED_OTHER_ENDPOINT,
        Reason::COAP_SPOOFED_UNREGISTERED_NOTIFICATION,
    );
    let (response, ack, reset) = (
        Reason::COAP_SPOOFED_UNMATCHED_RESPONSE,
        Reason::COAP_SPOOFED_UNMATCHED_ACK,
        Reason::COAP_SPOOFED_UNMATCHED_RESET,
    );
    let forged = [
        (content(Type::Acknowledgement, 1, &[0xa1], 4), response),
        (content(Type::Acknowledgement, 2, TOKEN, 4), response),
        (content(Type::NonConfirmable, 1, &[0xa1, 0xa3], 4), response),
        (content(Type::Confirmable, 1, &[], 4), response),
        (
            notification(Type::NonConfirmable, 9, &[0x7a], 1),
            unregistered,
        ),
        (empty(Type::Acknowledgement, 2), ack),
        (empty(Type::Reset, 2), reset),
    ];
    for (datagram, reason) in &forged {
        world.block(server(), client(), datagram, *reason);
    }
    let right = content(Type::Acknowledgement, 1, TOKEN, 4);
    for (from, to, reason) in [
        ("10.0.0.3:5683", "192.0.2.1:40000", elsewhere),
        ("10.0.0.2:5683", "192.0.2.1:40001", response),
    ] {
        world.block(endpoint(from), endpoint(to), &right, reason);
    }
    world.block(client(), server(), &empty(Type::Acknowledgement, 1), ack);
    world.block(client(), server(), &empty(Type::Reset, 1), reset);
    world.pass(server(), client(), &right);
    assert_eq!(world.log.events.len(), forged.len() + 4);
}

#[test]
fn a_response_may_take_minutes_but_not_for_ever() {
    let mut world = World::new();
    world.pass(
        client(),
        server(),
        &get(Type::NonConfirmable, 1, TOKEN, "slow/thing"),
    );
    world.pause(Duration::from_secs(50));
    let response = content(Type::NonConfirmable, 900, TOKEN, 4);
    world.pass(server(), client(), &response);
    world.pause(Duration::from_secs(248));
    let reason = Reason::COAP_SPOOFED_UNMATCHED_RESPONSE;
    world.block(server(), client(), &response, reason);
}

/// Nothing bounds the time that a server takes once it has acknowledged (RFC 7252 §5.2.2).
#[test]
fn a_response_that_was_promised_may_take_hours() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let mut world = World::new();
        let ask = |id| get(Type::Confirmable, id, TOKEN, "slow/thing");
        world.pass(client(), server(), &ask(1));
        world.pass(client(), server(), &ask(1));
        world.promise(server(), client(), 1);
        world.pause(Duration::from_secs(3 * 3600));
        let response = content(kind, 900, TOKEN, 4);
        world.pass(server(), client(), &response);
        world.pause(Duration::from_secs(45));
        world.pass(server(), client(), &response);
        // It has come; another request is promised nothing yet.
        world.pass(client(), server(), &ask(2));
        world.pause(Duration::from_secs(248));
        let reason = Reason::COAP_SPOOFED_UNMATCHED_RESPONSE;
        let late = content(kind, 901, TOKEN, 4);
        world.block(server(), client(), &late, reason);
    }
}

#[test]
fn a_ping_is_answered() {
    let mut world = World::new();
    world.pass(client(), server(), &empty(Type::Confirmable, 7));
    world.pass(server(), client(), &empty(Type::Reset, 7));
    world.pass(server(), client(), &empty(Type::Confirmable, 8));
    world.pass(client(), server(), &empty(Type::Reset, 8));
}

#[test]
fn a_device_is_client_and_server_on_the_same_ports() {
    // LwM2M: the device registers from a port of its own, and is asked at that port.
    let (device, lwm2m) = (endpoint("10.0.0.9:56830"), endpoint("192.0.2.7:5683"));
    let both = (endpoint("10.0.0.9:5683"), endpoint("192.0.2.7:5683"));
    for (device, lwm2m) in [(device, lwm2m), both] {
        let mut world = World::new();
        let register = message(Type::Confirmable, Code::POST, 1, &[1], |builder| {
            builder
                .path(wire::coap::number::URI_PATH, "rd")
                .payload(b"</3/0>");
        });
        world.pass(device, lwm2m, &register);
        let created = message(Type::Acknowledgement, Code::CREATED, 1, &[1], |_| {});
        world.pass(lwm2m, device, &created);
        world.pass(lwm2m, device, &get(Type::Confirmable, 500, &[2], "3/0/9"));
        world.pass(device, lwm2m, &content(Type::Acknowledgement, 500, &[2], 2));
        world.pass(lwm2m, device, &get(Type::Confirmable, 501, &[3], "3/0/13"));
        world.promise(device, lwm2m, 501);
        world.pass_promised(device, lwm2m, &content(Type::Confirmable, 2, &[3], 2), 501);
        world.pass(lwm2m, device, &empty(Type::Acknowledgement, 2));
        let reason = Reason::COAP_SPOOFED_UNMATCHED_RESPONSE;
        let forged = content(Type::NonConfirmable, 3, &[4], 2);
        world.block(device, lwm2m, &forged, reason);
        world.block(lwm2m, device, &forged, reason);
    }
}

#[test]
fn every_member_of_a_group_may_answer() {
    let groups = [
        (
            "192.0.2.1:40000",
            "224.0.1.187:5683",
            ["10.0.0.2:5683", "10.0.0.3:5683"],
        ),
        (
            "[2001:db8::1]:40000",
            "[ff05::fd]:5683",
            ["[fd00::2]:5683", "[fd00::3]:5683"],
        ),
    ];
    for (client, group, members) in
        groups.map(|(c, g, m)| (endpoint(c), endpoint(g), m.map(endpoint)))
    {
        let mut world = World::new();
        let request = get(Type::NonConfirmable, 1, TOKEN, "sensors/temperature");
        world.pass(client, group, &request);
        for (id, member) in (1..).zip(members) {
            world.pass(member, client, &content(Type::NonConfirmable, id, TOKEN, 4));
        }
        let stranger = content(Type::NonConfirmable, 9, &[1], 4);
        let reason = Reason::COAP_SPOOFED_UNMATCHED_RESPONSE;
        world.block(members[0], client, &stranger, reason);
    }
}

#[test]
fn an_observation_lives_until_it_is_ended() {
    let mut world = World::new();
    world.validate(client(), server());
    world.pass(client(), server(), &observe(10, TOKEN, 0, "temperature"));
    world.pass(
        server(),
        client(),
        &notification(Type::Acknowledgement, 10, TOKEN, 1),
    );
    for round in 0..50u16 {
        world.pause(Duration::from_secs(600));
        let id = 2000 + round;
        let sequence = u32::from(round) + 2;
        // Every third is confirmable, as RFC 7641 asks from time to time.
        if round % 3 == 0 {
            world.pass(
                server(),
                client(),
                &notification(Type::Confirmable, id, TOKEN, sequence),
            );
            world.pass(client(), server(), &empty(Type::Acknowledgement, id));
        } else {
            world.pass(
                server(),
                client(),
                &notification(Type::NonConfirmable, id, TOKEN, sequence),
            );
        }
    }
    assert_eq!(world.inspector.gauges().observations, 1);
    world.pass(client(), server(), &observe(11, TOKEN, 1, "temperature"));
    world.pass(
        server(),
        client(),
        &content(Type::Acknowledgement, 11, TOKEN, 4),
    );
    assert_eq!(world.inspector.gauges().observations, 0);
    world.pause(Duration::from_secs(300));
    let late = notification(Type::NonConfirmable, 3000, TOKEN, 99);
    let reason = Reason::COAP_SPOOFED_UNREGISTERED_NOTIFICATION;
    world.block(server(), client(), &late, reason);
}

#[test]
fn a_reset_ends_an_observation() {
    let mut world = World::new();
    world.validate(client(), server());
    world.pass(client(), server(), &observe(10, TOKEN, 0, "temperature"));
    world.pass(
        server(),
        client(),
        &notification(Type::Acknowledgement, 10, TOKEN, 1),
    );
    world.pass(
        server(),
        client(),
        &notification(Type::NonConfirmable, 2000, TOKEN, 2),
    );
    world.pass(client(), server(), &empty(Type::Reset, 2000));
    assert_eq!(world.inspector.gauges().observations, 0);
}

#[test]
fn after_a_start_in_midstream_responses_get_the_benefit_of_the_doubt() {
    let mut world = World::new();
    world.inspector.lose_sight(world.now);
    world.pass(
        server(),
        client(),
        &content(Type::NonConfirmable, 1, TOKEN, 40),
    );
    assert_eq!(
        world.log.events,
        [(Some(Reason::COAP_MIDSTREAM), policy::Verdict::Accept)]
    );
    world.pause(Duration::from_secs(60));
    let reason = Reason::COAP_SPOOFED_UNMATCHED_RESPONSE;
    let response = content(Type::NonConfirmable, 2, &[9], 40);
    world.block(server(), client(), &response, reason);
}

#[test]
fn an_observation_older_than_the_gateway_is_challenged_and_goes_on() {
    let mut world = World::with_cookies_only();
    world.inspector.lose_sight(world.now);
    let passage = world.send(
        server(),
        client(),
        &notification(Type::Confirmable, 5, TOKEN, 7),
    );
    assert_eq!(passage.forwarded, None);
    let [challenge, reset] = &passage.injected[..] else {
        panic!("a challenge and a reset: {passage:?}");
    };
    assert_eq!(challenge.to, client());
    assert_eq!(reset.payload, empty(Type::Reset, 5));
    let cookie = crate::world::echo_of(&challenge.payload).unwrap();
    let again = crate::world::with_echo(&observe(10, TOKEN, 0, "temperature"), &cookie);
    assert!(world.send(client(), server(), &again).forwarded.is_some());
    world.pass(
        server(),
        client(),
        &notification(Type::Acknowledgement, 10, TOKEN, 8),
    );
    world.pass(
        server(),
        client(),
        &notification(Type::Confirmable, 6, TOKEN, 9),
    );
}

/// A response that the network doubles takes nothing from the next under its token.
#[test]
fn a_doubled_response_leaves_the_next_one_owed() {
    let mut world = World::new();
    let ask = |id| get(Type::Confirmable, id, &[], "a");
    let answer = |id| content(Type::Acknowledgement, id, &[], 2);
    world.pass(client(), server(), &ask(1));
    world.pass(server(), client(), &answer(1));
    world.pass(client(), server(), &ask(2));
    world.pass(server(), client(), &answer(1));
    world.pass(server(), client(), &answer(2));
}
