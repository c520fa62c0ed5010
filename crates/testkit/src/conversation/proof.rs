//! `proven`: an Echo value that shows the gateway that a client is at its address (RFC 9175 §2.3).
//!
//! Whether the gateway under test ever asks for proof is its rules' to say. So the value comes from another one, of
//! the same secret at the same time, that asks everybody.

use std::net::IpAddr;

use inspect::Instant;
use wire::Direction;
use wire::coap::{Code, Message, Type};
use wire::net::{Packet, Transport};

use crate::coap::message;
use crate::network::{Ends, Gateway, policy_of};

const ASK_EVERYBODY: &str = r#"
[[rule]]
id     = "prove-it"
match  = { protocol = "coap", method = "GET", address_validated = false }
action = "challenge"
"#;
/// The port of CoAP where no configuration says otherwise.
const PORT: u16 = 5683;
/// Room enough in the answer for the longest value there is.
const PADDING: [u8; 32] = [b'x'; 32];

/// The value for a client that asks a server now, from that port; nothing if the gateway made none.
pub(super) fn echo(now: Instant, client: (IpAddr, u16), server: IpAddr) -> Vec<u8> {
    let mut gateway = Gateway::new(policy_of("", ASK_EVERYBODY));
    gateway.now = now;
    let request = message(Type::Confirmable, Code::GET, 1, &[1], |builder| {
        builder.payload(&PADDING);
    });
    let ends = Ends::between(client, (server, PORT));
    let side = ends.side_of_sender(Direction::ToServer);
    let frame = ends.datagram(Direction::ToServer, &request);
    let passage = gateway.carry(side, &frame);
    let answers = passage.toward(side);
    answers
        .first()
        .and_then(|frame| echo_in(frame))
        .unwrap_or_default()
}

fn echo_in(frame: &[u8]) -> Option<Vec<u8>> {
    let Transport::Udp(udp) = Packet::decode(frame).ok()?.transport else {
        return None;
    };
    let message = Message::decode(udp.payload).ok()?;
    message.echo().map(<[u8]>::to_vec)
}
