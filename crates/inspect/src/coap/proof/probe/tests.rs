//! Attempts at a proof, and guesses at them.

use std::net::IpAddr;

use super::*;

fn probes() -> Probes {
    Probes::new(&Limits::default(), &Seed::fixed(1), 1)
}

fn token(byte: u8) -> Token {
    Token::new(&[byte])
}

fn about(byte: u8) -> (u16, Token) {
    (u16::from(byte), token(byte))
}

fn client(last: u8) -> Endpoint {
    at_port(last, 40_000)
}

fn at_port(last: u8, port: u16) -> Endpoint {
    Endpoint::new(IpAddr::from([192, 0, 2, last]), port)
}

#[test]
fn every_response_has_an_id_of_its_own() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    let id = probes.begin(now, client(1), about(1));
    assert_eq!(probes.begin(now, client(1), about(1)), id, "sent again");
    assert_ne!(probes.begin(now, client(1), about(2)), id);
    assert_ne!(
        probes.begin(now, client(1), (2, token(1))),
        id,
        "that token again"
    );
    assert_ne!(probes.begin(now, client(2), about(1)), id);
    assert!(probes.pass(now, client(1)));
    assert!(!probes.pass(now, client(3)), "nothing was sent");
}

#[test]
fn some_guesses_end_an_attempt_for_a_minute() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    let id = probes.begin(now, client(1), about(1));
    for _ in 1..GUESSES {
        probes.guess(now, client(1));
        probes.guess(now, at_port(1, 40_001));
    }
    assert!(probes.pass(now, client(1)));
    probes.guess(now, client(1));
    assert!(!probes.pass(now, client(1)));
    assert_eq!(probes.begin(now, client(1), about(1)), None);
    let other = at_port(1, 40_001);
    assert!(probes.begin(now, other, about(1)).is_some());
    let later = Instant::from_secs(71);
    assert_ne!(probes.begin(later, client(1), about(1)), id);
}

/// Who guesses at many ports has one guess at each, and ends no attempt but where it guesses.
#[test]
fn who_guesses_at_all_ports_of_an_address_keeps_nobody_else_out() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    let per_port = GUESSES - 1;
    let ports = GUESSES_AT_ADDRESS / per_port + 1;
    for port in 0..ports {
        let endpoint = at_port(1, 1000 + port);
        assert!(probes.begin(now, endpoint, about(1)).is_some());
        (0..per_port).for_each(|_| probes.guess(now, endpoint));
    }
    for port in 0..ports {
        assert!(!probes.pass(now, at_port(1, 1000 + port)), "port {port}");
    }
    let another = at_port(1, 999);
    assert!(probes.begin(now, another, about(1)).is_some());
    assert!(probes.pass(now, another));
    probes.guess(now, another);
    assert!(!probes.pass(now, another));
    assert_eq!(probes.begin(now, another, about(2)), None);
    let later = Instant::from_secs(71);
    assert!(probes.begin(later, another, about(1)).is_some());
}

/// Who does the wrong thing with what only it has got doesn't ask for it.
#[test]
fn the_wrong_reply_ends_an_attempt() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    probes.begin(now, client(1), about(1));
    probes.fail(now, client(1));
    assert!(!probes.pass(now, client(1)));
    assert_eq!(probes.begin(now, client(1), about(1)), None);
}

#[test]
fn a_repetition_is_no_attempt_more_and_may_be_reset() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    let id = probes.begin(now, client(1), about(1));
    for _ in 0..100 {
        assert_eq!(probes.begin(now, client(1), about(1)), id);
    }
    assert!(!probes.is_doubtful(now, client(1)));
    assert!(probes.decoy(now, client(1)).is_some());
    probes.reset(now, client(1));
    assert!(probes.pass(now, client(1)), "it has been acknowledged");
    probes.begin(now, client(2), about(1));
    probes.reset(now, client(2));
    assert!(!probes.pass(now, client(2)));
}

#[test]
fn what_waits_for_a_proof_is_given_in_turn_and_little() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    let may_wait = |now| probes.may_wait(now, client(1), false);
    let wait = |id| probes.wait(now, client(1), (client(9), id));
    assert!(!may_wait(now), "nothing was sent");
    assert!(probes.begin(now, client(1), about(1)).is_some());
    assert!(may_wait(now));
    for id in 0..WAITING as u16 {
        assert!(wait(id));
    }
    assert!(!may_wait(now) && !wait(77));
    assert!(wait(2), "it waits already");
    let waiting = || Some(probes.next_waiting(now, client(1))?.1);
    let in_turn = std::iter::from_fn(waiting).collect::<Vec<_>>();
    assert_eq!(in_turn, (0..WAITING as u16).collect::<Vec<_>>());
    assert!(!may_wait(now + REPLY_MAX), "too late");
    let may_wait = |is_last| probes.may_wait(now, client(2), is_last);
    assert!(probes.offer(now, client(2), token(1)));
    assert!(!may_wait(false) && may_wait(true), "of a beginning");
}

#[test]
fn an_attempt_has_its_end() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    for number in 0..SENT_MAX {
        assert!(probes.begin(now, client(1), about(number)).is_some());
    }
    assert_eq!(probes.begin(now, client(1), about(SENT_MAX)), None);
    assert!(
        !probes.is_doubtful(now, client(1)),
        "it hasn't had the time to reply"
    );
    let later = now + REPLY_MAX;
    assert!(probes.is_doubtful(later, client(1)) && !probes.is_doubtful(later, client(2)));
}

#[test]
fn who_was_sent_several_messages_just_now_may_yet_reply() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    for number in 0..DOUBTFUL {
        assert!(probes.begin(now, client(1), about(number)).is_some());
    }
    assert!(!probes.is_doubtful(now, client(1)));
    assert!(probes.is_doubtful(now + REPLY_MAX, client(1)));
}

#[test]
fn who_asks_for_more_has_heard_the_beginning() {
    let (probes, now) = (probes(), Instant::from_secs(10));
    let later = now + REPLY_MAX;
    for byte in 0..DOUBTFUL {
        assert!(probes.offer(now, client(1), token(byte)));
        assert!(probes.offer(now, client(2), token(byte)));
    }
    assert!(probes.is_doubtful(later, client(1)));
    probes.follow(now, client(1));
    assert!(!probes.is_doubtful(later, client(1)));
    assert!(probes.is_doubtful(later, client(2)));
    // No more than was begun is heard of.
    for _ in 0..100 {
        probes.follow(now, client(1));
    }
    for byte in 0..DOUBTFUL {
        assert!(probes.begin(now, client(1), about(byte)).is_some());
    }
    assert!(probes.is_doubtful(later, client(1)));
}

/// A client takes two answers under one message ID for one that came twice (RFC 7252 §4.5).
#[test]
fn no_two_answers_to_a_client_have_one_message_id() {
    let probes = probes();
    let ids: std::collections::BTreeSet<_> = (0..=u16::MAX)
        .map(|request| probes.portion(client(1), request))
        .collect();
    assert_eq!(ids.len(), 1 << 16);
    assert_ne!(probes.portion(client(1), 1), probes.portion(client(2), 1));
}
