//! Tricks with the bytes of a stream.

use std::cmp::Ordering;

use super::scene::*;

const BOTH: [bool; 2] = [true, true];
const LAST: [bool; 2] = [false, true];
const FIRST: [bool; 2] = [true, false];
const NEITHER: [bool; 2] = [false, false];

#[test]
fn overlaps() {
    let (denied, allowed) = (denied(), allowed());
    let len = denied.len();
    let conflict = "tcp.overlap-conflict";
    for case in [
        Case {
            name: "TC-01, the allowed bytes first, the denied ones over them",
            steps: vec![data(0, &allowed), data(0, &denied).dropped(conflict)],
            unprotected: NEITHER,
        },
        Case {
            name: "TC-01, ahead of their turn, so that the last bytes count",
            steps: vec![
                data(TOPIC, &allowed[TOPIC..]).is(Fate::Held),
                data(TOPIC, &denied[TOPIC..]).dropped(conflict),
                data(0, &denied[..TOPIC]),
            ],
            unprotected: LAST,
        },
        Case {
            name: "TC-01, ahead of their turn, so that the first bytes count",
            steps: vec![
                data(TOPIC, &denied[TOPIC..]).is(Fate::Held),
                data(TOPIC, &allowed[TOPIC..]).dropped(conflict),
                data(0, &denied[..TOPIC]).is(Fate::Denied),
            ],
            unprotected: FIRST,
        },
        Case {
            name: "fragroute tcp_seg with overlap: the tail of one segment is the head of the next",
            steps: vec![
                data(0, &allowed[..12]),
                data(TOPIC, &denied[TOPIC..]).dropped(conflict),
            ],
            unprotected: NEITHER,
        },
        Case {
            name: "an overlap of one byte in the middle of one held segment",
            steps: vec![
                data(8, &allowed[8..14]).is(Fate::Held),
                data(6, &denied[6..]).dropped(conflict),
                data(0, &denied[..8]),
            ],
            unprotected: LAST,
        },
        Case {
            name: "fragroute dup and order: honest bytes in any order, and twice",
            steps: vec![
                data(10, &allowed[10..]).is(Fate::Held),
                data(10, &allowed[10..]).is(Fate::Held),
                data(0, &allowed[..10]),
                data(0, &allowed),
                data(len, &denied[..6]),
                data(len + 6, &denied[6..]).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "fragroute order reverse: the denied message from its end",
            steps: vec![
                data(16, &denied[16..]).is(Fate::Held),
                data(8, &denied[8..16]).is(Fate::Held),
                data(0, &denied[..8]).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
    ] {
        check(&case);
    }
}

#[test]
fn segments_that_only_the_gateway_sees() {
    let (denied, allowed) = (denied(), allowed());
    let conflict = "tcp.overlap-conflict";
    // MD5 signature (RFC 2385) and authentication (RFC 5925) that nobody has agreed on.
    let md5 = [&[19, 18][..], &[7; 16], &[1, 1]].concat();
    let ao = [&[29, 16][..], &[7; 14]].concat();
    let all = [
        (
            "TC-04, fragroute ip_ttl: the hops end behind the gateway",
            vec![],
        ),
        ("TC-18, a signature its receiver knows nothing of", md5),
        ("TC-18, an authentication its receiver knows nothing of", ao),
    ];
    for (name, options) in all {
        check(&Case {
            name,
            steps: vec![
                data(0, &allowed).with_options(&options).lost_behind(),
                data(0, &denied).dropped(conflict),
            ],
            unprotected: BOTH,
        });
    }
    check(&Case {
        name: "TC-04, only the part that matters is lost behind the gateway",
        steps: vec![
            data(0, &allowed[..TOPIC]),
            data(TOPIC, &allowed[TOPIC..]).lost_behind(),
            server_acks(TOPIC),
            data(TOPIC, &denied[TOPIC..]).dropped(conflict),
            data(TOPIC, &allowed[TOPIC..]),
        ],
        unprotected: BOTH,
    });
    check(&Case {
        name: "fragroute tcp_chaff rexmit: the denied bytes as a retransmission of ones that were lost",
        steps: vec![
            data(0, &allowed).lost_behind(),
            data(0, &allowed).lost_behind(),
            data(0, &denied[..10]).dropped(conflict),
            data(10, &denied[10..]).dropped(conflict),
        ],
        unprotected: BOTH,
    });
}

#[test]
fn segments_that_their_receiver_throws_away() {
    let (denied, allowed) = (denied(), allowed());
    let bad_checksum = Step {
        has_bad_checksum: true,
        ..data(0, &allowed)
    };
    for case in [
        Case {
            name: "TC-03, fragroute tcp_chaff cksum: a wrong checksum",
            steps: vec![
                bad_checksum.dropped("tcp.malformed.checksum"),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-13, fragroute tcp_chaff paws: a timestamp of before",
            steps: vec![
                bare(0, ACK).with_options(&timestamp(200)),
                data(0, &allowed)
                    .with_options(&timestamp(99))
                    .lost_behind()
                    .dropped("tcp.old-timestamp"),
                data(0, &denied)
                    .with_options(&timestamp(201))
                    .is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-13, a timestamp that only the gateway takes for the latest",
            steps: vec![
                data(0, &allowed)
                    .with_options(&timestamp(0x4000_0000))
                    .lost_behind(),
                data(0, &denied)
                    .with_options(&timestamp(201))
                    .dropped("tcp.overlap-conflict"),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-06, fragroute tcp_chaff seq: far ahead of the window",
            steps: vec![
                Step {
                    at: 1 << 24,
                    ..data(0, &allowed)
                }
                .dropped("tcp.out-of-window"),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-06, far behind the window",
            steps: vec![
                Step {
                    at: -(1 << 24),
                    ..data(0, &denied)
                }
                .dropped("tcp.out-of-window"),
            ],
            unprotected: NEITHER,
        },
        Case {
            name: "TC-09, a guess at the place, acknowledging what was never sent",
            steps: vec![
                Step {
                    ack: 1,
                    ..data(0, &denied)
                }
                .dropped("tcp.out-of-window"),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-09, a guess at the place, acknowledging what nobody remembers",
            steps: vec![
                Step {
                    ack: -(1 << 24),
                    ..data(0, &denied)
                }
                .dropped("tcp.out-of-window"),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "TC-05, a byte that the urgent pointer takes out of the stream",
            steps: vec![
                Step {
                    urgent: 7,
                    ..data(0, &denied)
                }
                .with_flags(ACK | PSH | URG)
                .dropped("tcp.urgent"),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
    ] {
        check(&case);
    }
}

#[test]
fn a_byte_at_a_time() {
    let denied = denied();
    // The last byte of the topic decides.
    let decides = TOPIC + "secret/x".len() - 1;
    let fates = (0..denied.len()).map(|at| match at.cmp(&decides) {
        Ordering::Less => Fate::Passes,
        Ordering::Equal => Fate::Denied,
        Ordering::Greater => Fate::Over,
    });
    let steps = denied.iter().enumerate().zip(fates);
    check(&Case {
        name: "TC-12, fragroute tcp_seg 1: a byte at a time",
        steps: steps
            .map(|((at, byte), fate)| data(at, &[*byte]).is(fate))
            .collect(),
        unprotected: BOTH,
    });
}

#[test]
fn windows_and_probes() {
    let (denied, allowed) = (denied(), allowed());
    let len = allowed.len();
    let closes = |upto: usize| Step {
        window: 0,
        ..server_acks(upto)
    };
    for case in [
        Case {
            name: "TC-15, a window that stays shut: probes pass, and repeat what they carry",
            steps: vec![
                data(0, &allowed),
                closes(len),
                data(len, &denied[..1]),
                closes(len),
                data(len, &denied[..1]),
                Step {
                    window: 0xffff,
                    ..server_acks(len)
                },
                data(len, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "a probe's byte is bound by the first probe",
            steps: vec![
                data(0, &allowed),
                closes(len),
                data(len, b"\xc0"),
                data(len, &denied).dropped("tcp.overlap-conflict"),
            ],
            unprotected: NEITHER,
        },
        Case {
            name: "a window that shrinks takes back nothing that was allowed",
            steps: vec![
                Step {
                    window: 8,
                    ..server_acks(0)
                },
                data(0, &allowed),
                data(len, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "a keep-alive with the last byte again, or another that its receiver ignores",
            steps: vec![
                data(0, &allowed),
                server_acks(len),
                bare(len as i64 - 1, ACK),
                data(len - 1, b"?").with_flags(ACK),
                data(len, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
        Case {
            name: "a selective acknowledgement is left as it is",
            steps: vec![
                bare(0, ACK).with_options(&[1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2]),
                data(0, &denied).is(Fate::Denied),
            ],
            unprotected: BOTH,
        },
    ] {
        check(&case);
    }
}
