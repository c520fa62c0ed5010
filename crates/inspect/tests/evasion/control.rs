//! Tricks with FIN, RST, SYN and impossible flags.

use super::scene::*;

const BOTH: [bool; 2] = [true, true];
const NEITHER: [bool; 2] = [false, false];

#[test]
fn ends_that_are_none() {
    let (denied, allowed) = (denied(), allowed());
    let len = allowed.len();
    let out = "tcp.out-of-window";
    for case in [
        Case {
            name: "TC-14, data after a FIN",
            steps: vec![
                bare(0, ACK | FIN),
                data(1, &allowed).dropped(out),
                data(1, &denied).dropped(out),
            ],
            unprotected: NEITHER,
        },
        Case {
            name: "TC-14, a FIN that ends behind the gateway, and data in its place",
            steps: vec![
                data(0, &denied[..TOPIC]),
                bare(TOPIC as i64, ACK | FIN).lost_behind(),
                data(TOPIC, &denied[TOPIC..=TOPIC]).dropped(out),
                data(TOPIC, &denied[TOPIC..]).dropped(out),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-14, data held ahead of a FIN that comes before it",
            steps: vec![
                data(TOPIC + 1, &denied[TOPIC + 1..]).is(Fate::Held),
                data(0, &denied[..TOPIC]),
                bare(TOPIC as i64, ACK | FIN),
                data(TOPIC, &denied[TOPIC..]).dropped(out),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "a FIN in the middle of what was sent already",
            steps: vec![
                data(0, &allowed).lost_behind(),
                data(0, &denied[..TOPIC]).with_flags(ACK | FIN).dropped(out),
                data(0, &denied).dropped("tcp.overlap-conflict"),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-08, a RST that ends behind the gateway",
            steps: vec![
                data(0, &allowed[..TOPIC]),
                bare(TOPIC as i64, RST).lost_behind(),
                data(TOPIC, &denied[TOPIC..]).dropped("tcp.no-connection"),
                data(0, &denied).dropped("tcp.no-connection"),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-08, Ptacek-Newsham tcbt: a RST within the window ends nothing",
            steps: vec![
                bare(9, RST).dropped("tcp.blind-reset"),
                bare(-1, RST),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-08, a RST with data",
            steps: vec![
                data(9, &denied)
                    .with_flags(RST | ACK)
                    .dropped("tcp.blind-reset"),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "a denied connection takes nothing more",
            steps: vec![
                data(0, &denied).is(Fate::Denied),
                data(0, &denied).is(Fate::Over),
                data(len, &allowed).is(Fate::Over),
                bare(0, ACK).is(Fate::Over),
            ],
            unprotected: BOTH,
        },
    ] {
        check(&case);
    }
}

#[test]
fn beginnings_that_are_none() {
    let (denied, allowed) = (denied(), allowed());
    for case in [
        Case {
            name: "TC-10, Ptacek-Newsham tcbc: a SYN in a live connection",
            steps: vec![
                bare(5000, SYN).dropped("tcp.blind-syn"),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-10, fragroute tcp_chaff syn: data on a SYN in a live connection",
            steps: vec![
                data(0, &allowed)
                    .with_flags(SYN | ACK)
                    .dropped("tcp.blind-syn"),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-10, a RST and a SYN that end behind the gateway: the old connection isn't the new one",
            steps: vec![
                data(0, &allowed).lost_behind(),
                bare(allowed.len() as i64, RST).lost_behind(),
                bare(-1, SYN).lost_behind(),
                data(0, &denied).dropped("tcp.out-of-window"),
                server_acks(0),
                data(0, &denied).dropped("tcp.out-of-window"),
            ],
            unprotected: BOTH,
        },
    ] {
        check(&case);
    }
}

#[test]
fn flags_no_connection_uses() {
    let denied = denied();
    let all = [
        ("TC-17, fragroute tcp_chaff null: no flags", NONE),
        ("TC-17, XMAS", FIN | PSH | URG),
        ("TC-17, SYN and FIN", SYN | FIN),
        ("TC-17, SYN and RST", SYN | RST),
        ("TC-17, FIN without ACK", FIN),
        ("TC-17, data without ACK", PSH),
    ];
    for (name, flags) in all {
        check(&Case {
            name,
            steps: vec![
                data(0, &denied)
                    .with_flags(flags)
                    .dropped("tcp.malformed.flags"),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        });
    }
}
