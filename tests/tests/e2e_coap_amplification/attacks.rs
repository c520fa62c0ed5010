//! How a CoAP server is used against a third party: what the attacker sends, one way a row of the
//! catalogue of threats.

use testkit::coap::{get, message, observe, request};
use wire::coap::encode::Builder;
use wire::coap::{Code, Type, number};

/// Observations of one victim.
const REGISTRATIONS: u16 = 10;
const REQUESTS: u16 = 20;

/// Where the attacker's datagrams go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Server,
    /// A server, by the group that it is a member of.
    Group,
    /// The careless server.
    Careless,
    /// The careless server, by the group.
    CarelessGroup,
}

/// One way.
pub(crate) struct Attack {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) target: Target,
    /// Datagrams under the victim's address.
    pub(crate) datagrams: u16,
    /// Each of them, by its number.
    pub(crate) datagram: fn(u16) -> Vec<u8>,
    /// What arrives at the victim at least, for each byte spent, where nothing stands in between.
    pub(crate) floor: f64,
}

const fn unicast(
    id: &'static str,
    what: &'static str,
    floor: f64,
    datagram: fn(u16) -> Vec<u8>,
) -> Attack {
    Attack {
        floor,
        id,
        what,
        target: Target::Server,
        datagrams: REQUESTS,
        datagram,
    }
}

const fn group(
    id: &'static str,
    what: &'static str,
    floor: f64,
    datagram: fn(u16) -> Vec<u8>,
) -> Attack {
    Attack {
        target: Target::Group,
        ..unicast(id, what, floor, datagram)
    }
}

/// The path under which the attacker has left something large, from his own address.
pub(crate) const LEFT: &str = "x";

/// All that libcoap's example server can be used for, or a careless one where that server takes care.
/// CO-A15 is CO-A01 at this place: the server stands where devices do. CO-A16 is a test of its own. Left out
/// is of CO-A17 an address changed under DTLS, where Weir sees no more than records.
pub(crate) const ALL: &[Attack] = &[
    unicast("CO-A01", "discovery", 8.0, |number| {
        get(number, &[], ".well-known/core")
    }),
    unicast("CO-A02", "the smallest request", 30.0, |number| {
        get(number, &[], "")
    }),
    unicast(
        "CO-A03",
        "what the attacker has left there",
        100.0,
        |number| get(number, &[], LEFT),
    ),
    Attack {
        datagrams: 1,
        ..unicast("CO-A04", "one observation", 5.0, |number| {
            observe(number, &[], "time")
        })
    },
    Attack {
        datagrams: 1,
        ..unicast(
            "CO-A05",
            "an observation that asks for haste",
            2.5,
            |number| {
                message(Type::Confirmable, Code::GET, number, &[], |builder| {
                    builder
                        .uint(number::OBSERVE, 0)
                        .path(number::URI_PATH, "time")
                        .option(number::URI_QUERY, b"c.pmax=0.1")
                        .payload(&[]);
                })
            },
        )
    },
    Attack {
        datagrams: REGISTRATIONS,
        ..unicast("CO-A06", "many observations", 2.0, |number| {
            observe(number, &number.to_be_bytes(), "time")
        })
    },
    group("CO-A07", "discovery of a group", 7.0, |number| {
        ask(Type::NonConfirmable, number, &[], |builder| {
            builder.path(number::URI_PATH, ".well-known/core")
        })
    }),
    Attack {
        target: Target::CarelessGroup,
        ..unicast("CO-A08", "a group told to acknowledge", 30.0, |number| {
            get(number, &[], ".well-known/core")
        })
    },
    group("CO-A09", "a group observed", 3.0, |number| {
        let token = number.to_be_bytes();
        ask(Type::NonConfirmable, number, &token, |builder| {
            builder
                .uint(number::OBSERVE, 0)
                .path(number::URI_PATH, "time")
        })
    }),
    unicast("CO-A10", "errors: no such resource", 2.0, |number| {
        get(number, &[], "y")
    }),
    unicast("CO-A10", "errors: no such option", 2.0, |number| {
        ask(Type::Confirmable, number, &[], |builder| {
            builder.option(9999, &[])
        })
    }),
    unicast("CO-A10", "errors: no such method", 5.0, |number| {
        request(Code::new(0, 31), number, &[], "", &[])
    }),
    Attack {
        datagrams: 4,
        ..unicast(
            "CO-A11",
            "late responses, sent again and again",
            0.5,
            |number| {
                let token = number.to_be_bytes();
                ask(Type::Confirmable, number, &token, |builder| {
                    builder
                        .path(number::URI_PATH, "async")
                        .option(number::URI_QUERY, b"1")
                })
            },
        )
    },
    unicast("CO-A12", "the largest blocks", 50.0, |number| {
        ask(Type::Confirmable, number, &[], |builder| {
            builder
                .path(number::URI_PATH, "example_data")
                .uint(number::BLOCK2, 6)
        })
    }),
    unicast("CO-A12", "blocks, as if each had come", 1.2, |number| {
        ask(Type::Confirmable, number, &[], |builder| {
            let block = u32::from(number - 1) << 4;
            builder
                .path(number::URI_PATH, "example_data")
                .uint(number::BLOCK2, block)
        })
    }),
    Attack {
        target: Target::Careless,
        ..unicast("CO-A13", "many blocks for one request", 100.0, |number| {
            let token = number.to_be_bytes();
            ask(Type::NonConfirmable, number, &token, |builder| {
                builder
                    .path(number::URI_PATH, "example_data")
                    .uint(number::Q_BLOCK2, 0x0e)
            })
        })
    },
    Attack {
        target: Target::Careless,
        ..unicast("CO-A14", "a directory that asks back", 4.0, |number| {
            register(number, ".well-known/rd")
        })
    },
    Attack {
        target: Target::Careless,
        ..unicast("CO-A14", "a server that writes back", 30.0, |number| {
            register(number, "rd")
        })
    },
    Attack {
        target: Target::Careless,
        ..unicast("CO-A17", "OSCORE from another address", 30.0, |number| {
            let (token, sequence) = (number.to_be_bytes(), [0x09, number as u8, b'k']);
            message(Type::Confirmable, Code::POST, number, &token, |builder| {
                builder
                    .option(number::OSCORE, &sequence)
                    .payload(b"protected");
            })
        })
    },
];

/// A registration with a resource directory, by a name.
fn register(message_id: u16, path: &str) -> Vec<u8> {
    message(Type::Confirmable, Code::POST, message_id, &[], |builder| {
        builder
            .path(number::URI_PATH, path)
            .option(number::URI_QUERY, b"ep=x")
            .payload(&[]);
    })
}

/// A GET with options, in the order of their numbers.
fn ask(
    message_type: Type,
    message_id: u16,
    token: &[u8],
    options: impl FnOnce(Builder<'_>) -> Builder<'_>,
) -> Vec<u8> {
    message(message_type, Code::GET, message_id, token, |builder| {
        options(builder).payload(&[]);
    })
}
