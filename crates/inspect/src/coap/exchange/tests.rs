//! Exchanges, opened, matched and ended.

use super::*;
use crate::coap::books::size::Size;
use crate::coap::exchange::sent::Kind;

const CLIENT: u16 = 40_000;
const SERVER: u16 = 5683;

fn endpoint(last: u8, port: u16) -> Endpoint {
    Endpoint::new([192, 0, 2, last].into(), port)
}

fn token(byte: u8) -> Token {
    Token::new(&[byte, 7])
}

fn at(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

fn request(observe: Option<Observe>) -> Request {
    Request {
        client: endpoint(1, CLIENT),
        server: Server::One(endpoint(2, SERVER)),
        token: token(1),
        message_id: 100,
        observe,
        trusted: true,
        asks_anybody: false,
        resource: Some(9),
        body: 5,
        act: None,
        offset: 0,
        enlarged: None,
        confirmable: true,
        uploads: false,
        draws_several: false,
        size: Size::of_payload(40),
    }
}

fn response() -> Response {
    Response {
        client: endpoint(1, CLIENT),
        server: endpoint(2, SERVER),
        token: token(1),
        piggybacked_on: None,
    }
}

fn table() -> Exchanges {
    Exchanges::new(100, 1)
}

#[test]
fn a_response_belongs_to_its_endpoints_and_token() {
    let exchanges = table();
    exchanges.open(at(0), &request(None));
    let asked = exchanges.asked(at(1), &response()).unwrap();
    assert_eq!(asked.server, Server::One(endpoint(2, SERVER)));
    assert!(asked.trusted && asked.resource == Some(9));
    let strangers = [
        Response {
            client: endpoint(3, CLIENT),
            ..response()
        },
        Response {
            client: endpoint(1, CLIENT + 1),
            ..response()
        },
        Response {
            server: endpoint(3, SERVER),
            ..response()
        },
        Response {
            server: endpoint(2, SERVER + 1),
            ..response()
        },
        Response {
            token: token(2),
            ..response()
        },
        Response {
            token: Token::new(&[]),
            ..response()
        },
    ];
    for stranger in strangers {
        assert_eq!(exchanges.asked(at(1), &stranger), None, "{stranger:?}");
    }
}

#[test]
fn a_piggybacked_response_carries_the_message_id_of_a_request() {
    let exchanges = table();
    let (from, to) = (endpoint(1, CLIENT), Server::One(endpoint(2, SERVER)));
    // Two requests at once under one token, as clients do that leave tokens empty.
    for message_id in [100, 101] {
        exchanges.open(
            at(0),
            &Request {
                message_id,
                ..request(None)
            },
        );
        let sent = Sent::new(at(0), Kind::Request, true, token(1), 0);
        exchanges.note(at(0), from, to, message_id, sent);
    }
    for (message_id, known) in [(99, false), (100, true), (101, true), (102, false)] {
        let response = Response {
            piggybacked_on: Some(message_id),
            ..response()
        };
        assert_eq!(
            exchanges.asked(at(1), &response).is_some(),
            known,
            "{message_id}"
        );
    }
}

#[test]
fn members_of_a_group_answer_from_their_own_addresses_and_its_port() {
    let exchanges = table();
    exchanges.open(
        at(0),
        &Request {
            server: Server::Group(SERVER),
            ..request(None)
        },
    );
    for member in 2..10 {
        let response = Response {
            server: endpoint(member, SERVER),
            ..response()
        };
        let asked = exchanges.asked(at(1), &response).unwrap();
        assert_eq!(asked.server, Server::Group(SERVER));
    }
    let response = Response {
        server: endpoint(2, SERVER + 1),
        ..response()
    };
    assert_eq!(exchanges.asked(at(1), &response), None);
}

#[test]
fn an_exchange_lasts_for_its_lifetime_after_its_last_use() {
    let exchanges = table();
    exchanges.open(at(0), &request(None));
    assert!(exchanges.asked(at(246), &response()).is_some());
    assert!(exchanges.asked(at(246 + 246), &response()).is_some());
    assert!(exchanges.asked(at(246 + 246 + 247), &response()).is_none());
}

#[test]
fn an_observation_keeps_its_token_alive_while_the_server_may_be_silent() {
    let exchanges = table();
    exchanges.open(at(0), &request(Some(Observe::Register)));
    assert_eq!(exchanges.observations(), 0, "asked for is not granted");
    exchanges.answered(
        at(1),
        &response(),
        request(None).server,
        Some(1),
        true,
        None,
    );
    assert_eq!(exchanges.observations(), 1);
    let day = 24 * 3600;
    assert!(exchanges.asked(at(day), &response()).is_some());
    assert!(exchanges.asked(at(2 * day), &response()).is_some());
    assert!(exchanges.asked(at(3 * day + 250), &response()).is_none());
}

#[test]
fn an_observation_ends_in_four_ways() {
    let server = request(None).server;
    let ends: [&dyn Fn(&Exchanges); 4] = [
        &|exchanges| {
            exchanges.open(at(10), &request(Some(Observe::Deregister)));
            exchanges.answered(at(10), &response(), server, None, true, None);
        },
        &|exchanges| exchanges.answered(at(10), &response(), server, None, true, None),
        &|exchanges| {
            let (client, server) = (endpoint(1, CLIENT), endpoint(2, SERVER));
            exchanges.reject_observation(at(10), client, server, token(1));
        },
        &|exchanges| while exchanges.sweep(at(200_000), 10) {},
    ];
    for (way, end) in ends.iter().enumerate() {
        let exchanges = table();
        exchanges.open(at(0), &request(Some(Observe::Register)));
        exchanges.answered(at(1), &response(), server, Some(1), true, None);
        end(&exchanges);
        assert_eq!(exchanges.observations(), 0, "way {way}");
        assert!(exchanges.asked(at(300), &response()).is_none(), "way {way}");
    }
}

#[test]
fn a_retransmitted_registration_leaves_the_observation_in_force() {
    let exchanges = table();
    exchanges.open(at(0), &request(Some(Observe::Register)));
    exchanges.answered(
        at(1),
        &response(),
        request(None).server,
        Some(1),
        true,
        None,
    );
    exchanges.open(at(2), &request(Some(Observe::Register)));
    assert_eq!(exchanges.observations(), 1);
    assert!(exchanges.asked(at(3600), &response()).is_some());
}

#[test]
fn an_observation_stays_trusted_but_not_a_new_answer() {
    let exchanges = table();
    let register = request(Some(Observe::Register));
    exchanges.open(at(0), &register);
    exchanges.answered(at(1), &response(), register.server, Some(1), true, None);
    exchanges.open(
        at(3600),
        &Request {
            trusted: false,
            message_id: 200,
            ..register
        },
    );
    let answer = Response {
        piggybacked_on: Some(200),
        ..response()
    };
    assert!(!exchanges.asked(at(3601), &answer).unwrap().trusted);
    assert!(exchanges.asked(at(3602), &response()).unwrap().trusted);
}

#[test]
fn an_adopted_observation_is_as_good_as_one_seen_from_the_start() {
    let exchanges = table();
    exchanges.adopt(at(0), &response(), 1, false);
    assert_eq!(exchanges.observations(), 1);
    let asked = exchanges.asked(at(3600), &response()).unwrap();
    assert!(!asked.trusted);
}

#[test]
fn an_observer_that_is_known_by_now_stays_trusted() {
    let exchanges = table();
    let register = Request {
        trusted: false,
        ..request(Some(Observe::Register))
    };
    exchanges.open(at(0), &register);
    exchanges.answered(at(1), &response(), register.server, Some(1), false, None);
    assert!(!exchanges.asked(at(2), &response()).unwrap().trusted);
    exchanges.answered(at(3), &response(), register.server, Some(2), true, None);
    assert!(exchanges.asked(at(4), &response()).unwrap().trusted);
}

const WINDOW: Duration = Duration::from_secs(60);

#[test]
fn what_was_asked_before_the_books_is_carried_over_once() {
    let exchanges = table();
    let server = request(None).server;
    let carried = |secs| {
        let is_unbooked = exchanges.asked(at(secs), &response()).unwrap().is_unbooked;
        let unbooked = exchanges.book(at(secs), &response(), server, WINDOW);
        assert_eq!(is_unbooked, unbooked != Unbooked::Nothing);
        unbooked
    };
    exchanges.open(at(0), &request(None));
    assert_eq!(carried(1), Unbooked::Nothing);
    exchanges.begin_anew();
    assert_eq!(
        [carried(2), carried(3)],
        [Unbooked::Before(Size::of_payload(40)), Unbooked::Nothing]
    );
    exchanges.begin_anew();
    exchanges.open(at(4), &request(None));
    assert_eq!(carried(5), Unbooked::Nothing, "it stands in the new books");
}

#[test]
fn a_request_that_waits_for_its_answer_is_booked_once_more_when_the_window_has_gone_on() {
    let exchanges = table();
    let server = request(None).server;
    let book = |secs| exchanges.book(at(secs), &response(), server, WINDOW);
    exchanges.open(at(0), &request(None));
    assert_eq!(
        [book(63), book(64)],
        [Unbooked::Nothing, Unbooked::Overdue(Size::of_payload(40))]
    );
    assert_eq!(book(65), Unbooked::Nothing, "it stands there again");
    exchanges.answered(at(66), &response(), server, None, false, None);
    assert_eq!(book(200), Unbooked::Nothing, "it has its answer");
}

#[test]
fn as_many_answers_are_owed_as_were_asked_for() {
    let exchanges = table();
    let server = request(None).server;
    let is_owed = || exchanges.asked(at(1), &response()).unwrap().is_owed;
    let answer = || exchanges.answered(at(1), &response(), server, None, false, None);
    exchanges.open(at(0), &request(None));
    exchanges.open(at(0), &request(None));
    for expected in [true, true, false] {
        assert_eq!(is_owed(), expected);
        answer();
    }
    let several = Request {
        draws_several: true,
        ..request(None)
    };
    exchanges.open(at(0), &several);
    (0..1000).for_each(|_| answer());
    assert!(is_owed());
}

#[test]
fn the_answer_to_another_request_ends_no_observation() {
    let exchanges = table();
    let server = request(None).server;
    exchanges.open(at(0), &request(Some(Observe::Register)));
    exchanges.answered(at(1), &response(), server, Some(1), true, None);
    exchanges.open(at(2), &request(None));
    exchanges.answered(at(3), &response(), server, None, true, None);
    assert_eq!(exchanges.observations(), 1);
    exchanges.open(at(4), &request(Some(Observe::Deregister)));
    assert_eq!(exchanges.observations(), 1, "that may get lost");
    exchanges.answered(at(5), &response(), server, None, true, None);
    assert_eq!(exchanges.observations(), 0);
    let ended = exchanges.asked(at(6), &response()).unwrap().ended;
    assert_eq!(ended, Some(at(5)));
}

#[test]
fn message_ids_last_by_type() {
    let exchanges = table();
    let (from, to) = (endpoint(2, SERVER), endpoint(1, CLIENT));
    for (message_id, confirmable) in [(1, true), (2, false)] {
        let sent = Sent::new(at(0), Kind::Response, confirmable, token(1), 0);
        exchanges.note(at(0), from, Server::One(to), message_id, sent);
    }
    let known = |secs, message_id| exchanges.sent(at(secs), from, to, message_id).is_some();
    assert!(known(144, 1) && known(144, 2));
    assert!(known(246, 1) && !known(145, 2));
    assert!(!known(247, 1));
    assert!(
        exchanges.sent(at(1), to, from, 1).is_none(),
        "the other way round"
    );
}

#[test]
fn the_table_keeps_its_bound() {
    let exchanges = table();
    for message_id in 0..1000u16 {
        let token = Token::new(&message_id.to_be_bytes());
        exchanges.open(
            at(0),
            &Request {
                token,
                message_id,
                ..request(None)
            },
        );
    }
    assert_eq!(exchanges.len(), 100);
}
