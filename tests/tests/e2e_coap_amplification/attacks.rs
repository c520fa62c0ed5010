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
}

const fn unicast(id: &'static str, what: &'static str, datagram: fn(u16) -> Vec<u8>) -> Attack {
    Attack {
        id,
        what,
        target: Target::Server,
        datagrams: REQUESTS,
        datagram,
    }
}

const fn group(id: &'static str, what: &'static str, datagram: fn(u16) -> Vec<u8>) -> Attack {
    Attack {
        target: Target::Group,
        ..unicast(id, what, datagram)
    }
}

/// The path under which the attacker has left something large, from his own address.
pub(crate) const LEFT: &str = "x";

/// All that libcoap's example server can be used for. Left out are those that take a server of another
/// kind: a resource directory that asks back (CO-A14), and an address changed under DTLS or OSCORE (CO-A17).
/// CO-A15 is CO-A01 at this place: the server stands where devices do.
pub(crate) const ALL: &[Attack] = &[
    unicast("CO-A01", "discovery", |number| {
        get(number, &[], ".well-known/core")
    }),
    unicast("CO-A02", "the smallest request", |number| {
        get(number, &[], "")
    }),
    unicast("CO-A03", "what the attacker has left there", |number| {
        get(number, &[], LEFT)
    }),
    Attack {
        datagrams: 1,
        ..unicast("CO-A04", "one observation", |number| {
            observe(number, &[], "time")
        })
    },
    Attack {
        datagrams: 1,
        ..unicast("CO-A05", "an observation that asks for haste", |number| {
            message(Type::Confirmable, Code::GET, number, &[], |builder| {
                builder
                    .uint(number::OBSERVE, 0)
                    .path(number::URI_PATH, "time")
                    .option(number::URI_QUERY, b"c.pmax=0.1")
                    .payload(&[]);
            })
        })
    },
    Attack {
        datagrams: REGISTRATIONS,
        ..unicast("CO-A06", "many observations", |number| {
            observe(number, &number.to_be_bytes(), "time")
        })
    },
    group("CO-A07", "discovery of a group", |number| {
        ask(Type::NonConfirmable, number, &[], |builder| {
            builder.path(number::URI_PATH, ".well-known/core")
        })
    }),
    group("CO-A08", "a group told to acknowledge", |number| {
        get(number, &[], ".well-known/core")
    }),
    group("CO-A09", "a group observed", |number| {
        let token = number.to_be_bytes();
        ask(Type::NonConfirmable, number, &token, |builder| {
            builder
                .uint(number::OBSERVE, 0)
                .path(number::URI_PATH, "time")
        })
    }),
    unicast("CO-A10", "errors: no such resource", |number| {
        get(number, &[], "y")
    }),
    unicast("CO-A10", "errors: no such option", |number| {
        ask(Type::Confirmable, number, &[], |builder| {
            builder.option(9999, &[])
        })
    }),
    unicast("CO-A10", "errors: no such method", |number| {
        request(Code::new(0, 31), number, &[], "", &[])
    }),
    Attack {
        datagrams: 4,
        ..unicast("CO-A11", "late responses, sent again and again", |number| {
            let token = number.to_be_bytes();
            ask(Type::Confirmable, number, &token, |builder| {
                builder
                    .path(number::URI_PATH, "async")
                    .option(number::URI_QUERY, b"1")
            })
        })
    },
    unicast("CO-A12", "the largest blocks", |number| {
        ask(Type::Confirmable, number, &[], |builder| {
            builder
                .path(number::URI_PATH, "example_data")
                .uint(number::BLOCK2, 6)
        })
    }),
    unicast("CO-A12", "blocks, as if each had come", |number| {
        ask(Type::Confirmable, number, &[], |builder| {
            let block = u32::from(number - 1) << 4;
            builder
                .path(number::URI_PATH, "example_data")
                .uint(number::BLOCK2, block)
        })
    }),
    unicast("CO-A13", "many blocks for one request", |number| {
        let token = number.to_be_bytes();
        ask(Type::NonConfirmable, number, &token, |builder| {
            builder
                .path(number::URI_PATH, "example_data")
                .uint(number::Q_BLOCK2, 0x0e)
        })
    }),
];

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
