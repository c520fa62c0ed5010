//! Observations that outlast what happens meanwhile: a proof that lapses, a gateway that starts, rules that come
//! into force. Their clients follow no Echo.

use std::time::Duration;

use wire::coap::{Code, Message, Type, number};

use crate::world::{
    BASELINE, Datagram, Passage, World, client, empty, message, observe, policy_of, server,
};

const TOKEN: &[u8] = &[0xa1, 0xb2, 0xc3, 0xd4];

fn notification(kind: Type, id: u16) -> Vec<u8> {
    message(kind, Code::CONTENT, id, TOKEN, |builder| {
        builder
            .uint(number::OBSERVE, u32::from(id))
            .payload(b"21.5");
    })
}

fn notify(world: &mut World, kind: Type, id: u16) -> Passage {
    world.send(server(), client(), &notification(kind, id))
}

fn message_id(datagram: &[u8]) -> u16 {
    Message::decode(datagram).expect("a message").message_id()
}

/// What an observer does with what it is sent: it acknowledges a notification, and resets what it didn't ask for.
fn replies(world: &mut World, passage: &Passage) {
    let mut inbox = passage.injected.clone();
    let forwarded = passage.forwarded.iter().map(|payload| Datagram {
        from: server(),
        to: client(),
        payload: payload.clone(),
    });
    inbox.extend(forwarded);
    while let Some(sent) = inbox.pop() {
        if sent.to != client() {
            continue;
        }
        let decoded = Message::decode(&sent.payload).expect("a message");
        if decoded.message_type() != Type::Confirmable {
            continue;
        }
        assert_eq!(decoded.code(), Code::CONTENT, "{sent:?}");
        let kind = match decoded.token() == TOKEN {
            true => Type::Acknowledgement,
            false => Type::Reset,
        };
        let reply = empty(kind, message_id(&sent.payload));
        inbox.extend(world.send(client(), server(), &reply).injected);
    }
}

/// The value that a client was brought, by whoever.
fn arrived(passage: &Passage) -> bool {
    let ours = passage.injected.iter().filter(|sent| sent.to == client());
    passage.forwarded.is_some()
        || ours
            .map(|sent| Message::decode(&sent.payload).expect("a message"))
            .any(|message| message.token() == TOKEN && message.payload() == b"21.5")
}

/// Whether the server was told to forget the observation.
fn ended(passage: &Passage) -> bool {
    let reset =
        |payload: &[u8]| Message::decode(payload).expect("a message").message_type() == Type::Reset;
    let mut to_server = passage.injected.iter().filter(|sent| sent.to == server());
    to_server.any(|sent| reset(&sent.payload))
}

fn register(world: &mut World) {
    world.pass(client(), server(), &observe(1, TOKEN, 0, "temperature"));
    let passage = notify(world, Type::Acknowledgement, 1);
    assert!(arrived(&passage));
    replies(world, &passage);
}

#[test]
fn an_observation_outlasts_the_proof_it_began_with() {
    let mut world = World::new();
    register(&mut world);
    for id in 100..280 {
        world.pause(Duration::from_secs(60));
        let passage = notify(&mut world, Type::NonConfirmable, id);
        assert!(
            arrived(&passage) && !ended(&passage),
            "minute {}: {passage:?}",
            id - 99
        );
        replies(&mut world, &passage);
    }
}

/// However rarely it is notified: one that is still interested says so when it is asked.
#[test]
fn an_observer_that_is_notified_once_in_hours_stays_one() {
    let mut world = World::new();
    register(&mut world);
    for id in 100..140 {
        world.pause(Duration::from_secs(20 * 3600));
        let passage = notify(&mut world, Type::NonConfirmable, id);
        assert!(arrived(&passage) && !ended(&passage), "{id}: {passage:?}");
        replies(&mut world, &passage);
    }
}

/// Registered by a few bytes, an observation begins when they are repeated.
#[test]
fn a_short_registration_is_granted_once_it_is_repeated() {
    let mut world = World::new();
    let token = &[0xb1];
    let request = observe(1, token, 0, "t");
    let granted = crate::world::notification(Type::Acknowledgement, 1, token, 1);
    world.pass(client(), server(), &request);
    let mut passage = world.send(server(), client(), &granted);
    assert!(passage.forwarded.is_none());
    for _ in 0..3 {
        if !passage.injected.is_empty() {
            break;
        }
        world.pause(Duration::from_secs(3));
        passage = world.send(client(), server(), &request);
        assert!(passage.forwarded.is_none());
    }
    let mut inbox = passage.injected;
    while let Some(sent) = inbox.pop() {
        let message = Message::decode(&sent.payload).expect("a message");
        let kind = match message.token() == token {
            true => Type::Acknowledgement,
            false => Type::Reset,
        };
        if message.message_type() == Type::Confirmable {
            let reply = empty(kind, message.message_id());
            inbox.extend(world.send(client(), server(), &reply).injected);
        }
    }
    for sequence in 2..20 {
        world.pause(Duration::from_secs(60));
        let id = 100 + sequence as u16;
        let sent = crate::world::notification(Type::NonConfirmable, id, token, sequence);
        world.pass(server(), client(), &sent);
    }
}

/// One that answers nothing, whoever registered in its name, is sent no more after half an hour and some attempts.
#[test]
fn who_confirms_nothing_is_sent_no_more() {
    for kind in [Type::NonConfirmable, Type::Confirmable] {
        let mut world = World::new();
        register(&mut world);
        let mut arrivals = Vec::new();
        for id in 100..7300 {
            world.pause(Duration::from_secs(1));
            if arrived(&notify(&mut world, kind, id)) {
                arrivals.push(id);
            }
        }
        let last = arrivals.last().copied().unwrap_or(0);
        assert!((1900..2300).contains(&last), "{kind:?}: {last}");
        assert_eq!(arrivals.len(), usize::from(last - 99));
    }
}

/// What one has proved is no proof of others at its address.
#[test]
fn a_registration_from_a_port_that_proved_nothing_is_a_stranger_s() {
    let mut world = World::new();
    register(&mut world);
    let other = crate::world::endpoint("192.0.2.1:45678");
    let request = observe(1, TOKEN, 0, "temperature");
    world.pass(other, server(), &request);
    let granted = notification(Type::Acknowledgement, 1);
    let mut bytes = 0;
    let mut count = |passage: Passage| {
        let ours = passage.injected.iter().filter(|sent| sent.to == other);
        bytes += ours.map(|sent| sent.payload.len()).sum::<usize>();
        bytes += passage.forwarded.map_or(0, |payload| payload.len());
    };
    count(world.send(server(), other, &granted));
    for id in 100..10_900 {
        world.pause(Duration::from_secs(1));
        let sent = notification(Type::NonConfirmable, id);
        count(world.send(server(), other, &sent));
    }
    // They share what both have sent as strangers.
    assert!(bytes <= 2 * 3 * request.len(), "{bytes}");
}

#[test]
fn an_observation_older_than_the_gateway_goes_on() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let mut world = World::new();
        world.inspector.lose_sight(world.now);
        for id in 100..280 {
            let passage = notify(&mut world, kind, id);
            assert!(
                arrived(&passage) && !ended(&passage),
                "{kind:?} {id}: {passage:?}"
            );
            replies(&mut world, &passage);
            world.pause(Duration::from_secs(60));
        }
    }
}

#[test]
fn an_observation_that_began_unheeded_goes_on_once_rules_are_enforced() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let mut world = World::new();
        let watch = policy_of("mode = \"monitor\"", BASELINE);
        world.inspector.install(watch);
        register(&mut world);
        for id in 100..400 {
            if id == 200 {
                world.inspector.install(policy_of("", BASELINE));
            }
            let passage = notify(&mut world, kind, id);
            assert!(
                arrived(&passage) && !ended(&passage),
                "{kind:?} {id}: {passage:?}"
            );
            replies(&mut world, &passage);
            world.pause(Duration::from_secs(60));
        }
    }
}

/// node-coap notifies whoever has registered by a NON in acknowledgements of nothing: what they belong to, their token says.
#[test]
fn a_notification_that_acknowledges_nothing_is_its_observer_s() {
    let mut world = World::new();
    world.pause(Duration::from_secs(120));
    let is_accused = |passage: &Passage| {
        let reason = passage.outcome.reason;
        reason.is_some_and(|reason| reason.code().starts_with("coap.spoofed"))
    };
    let stranger = notify(&mut world, Type::Acknowledgement, 9);
    assert!(is_accused(&stranger), "{stranger:?}");
    let mut register = observe(1, TOKEN, 0, "sensors/temperature");
    register[0] |= 0x10;
    // The first time, it proves its address on the way.
    for is_proven in [false, true] {
        world.pass(client(), server(), &register);
        let answer = notify(&mut world, Type::NonConfirmable, 10);
        replies(&mut world, &answer);
        for id in 11..20 {
            world.pause(Duration::from_secs(1));
            let passage = notify(&mut world, Type::Acknowledgement, id);
            assert!(!is_accused(&passage), "{id}: {passage:?}");
            assert!(!is_proven || passage.forwarded.is_some(), "{passage:?}");
            replies(&mut world, &passage);
        }
        register[2..4].copy_from_slice(&[0, 2]);
    }
    let mut other = notification(Type::Acknowledgement, 30);
    other[4] ^= 1;
    assert!(is_accused(&world.send(server(), client(), &other)));
}
