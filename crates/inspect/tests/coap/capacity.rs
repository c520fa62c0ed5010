//! A table full of endpoints, and a flood that wants their room.

use std::net::SocketAddr;

use allocation_counter::measure;
use inspect::Limits;
use wire::coap::Type;

use crate::world::{BASELINE, World, content, get, server};

const ENDPOINTS: u32 = 1_000_000;
const VALIDATED: u32 = 1000;
/// Bytes that an endpoint may cost, all included.
const ENDPOINT_BYTES: i64 = 768;
const TOKEN: &[u8] = &[0xa1];

/// Client `number` of a network.
fn client(network: u8, number: u32) -> SocketAddr {
    let [_, host @ ..] = number.to_be_bytes();
    let [a, b, c] = host;
    SocketAddr::from(([network, a, b, c], 40_000))
}

/// Each client of a network asks for something small.
fn ask(world: &mut World, network: u8) {
    for number in 0..ENDPOINTS {
        let request = get(Type::NonConfirmable, number as u16, TOKEN, "t");
        world.pass(client(network, number), server(), &request);
    }
}

#[test]
fn a_million_endpoints_are_held_in_their_bound_and_a_million_more_forget_none_that_is_validated() {
    let limits = Limits {
        endpoints: ENDPOINTS as usize,
        // What is weighed are endpoints.
        exchanges: 4096,
        ..Limits::default()
    };
    let mut world = World::with(BASELINE, limits);
    for number in 0..VALIDATED {
        world.validate(client(20, number), server());
    }
    world.log = Default::default();

    let filled = measure(|| ask(&mut world, 21));
    let each = filled.bytes_current / i64::from(ENDPOINTS);
    println!("{each} bytes for an endpoint");
    assert!(each <= ENDPOINT_BYTES, "{each} bytes for an endpoint");
    assert_eq!(world.inspector.gauges().endpoints, ENDPOINTS as usize);

    let flooded = measure(|| ask(&mut world, 22));
    assert_eq!(world.inspector.gauges().endpoints, ENDPOINTS as usize);
    let more = flooded.bytes_current;
    assert!(more <= filled.bytes_current / 100, "{more} bytes more");

    for number in 0..VALIDATED {
        let (client, id) = (client(20, number), number as u16);
        world.pass(client, server(), &get(Type::Confirmable, id, TOKEN, "t"));
        let large = content(Type::Acknowledgement, id, TOKEN, 1000);
        world.pass(server(), client, &large);
    }
    assert_eq!(world.log.events, [], "nothing was worth telling");
}
