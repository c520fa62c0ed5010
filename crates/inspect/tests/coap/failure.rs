//! Failures towards clients that have proved nothing.

use wire::coap::{Code, Message, Type, number};

use crate::delivery::portion;
use crate::world::{World, client, get, message, server};

const TOKEN: &[u8] = &[0xa1];

/// What a failure is comes even to those who follow no Echo; what is said about it to people, if there is room.
#[test]
fn a_failure_is_told_with_as_much_as_there_is_room_for() {
    let failure = |len: usize, format: Option<u32>| {
        message(
            Type::Acknowledgement,
            Code::NOT_FOUND,
            1,
            TOKEN,
            |builder| {
                format
                    .into_iter()
                    .fold(builder, |builder, format| {
                        builder.uint(number::CONTENT_FORMAT, format)
                    })
                    .payload(&vec![b'?'; len]);
            },
        )
    };
    let request = get(Type::Confirmable, 1, TOKEN, "x");
    let said = portion(&mut World::new(), &request, &failure(500, None));
    assert_eq!(said, failure(0, None));
    let said = portion(&mut World::new(), &request, &failure(500, Some(50)));
    let said = Message::decode(&said).expect("a message");
    assert_eq!(said.code(), Code::UNAUTHORIZED, "that is for machines");
    let long = get(Type::Confirmable, 1, TOKEN, "sensors");
    let passage = {
        let mut world = World::new();
        world.pass(client(), server(), &long);
        world.send(server(), client(), &failure(20, None))
    };
    let said = passage.forwarded.expect("there is room for it");
    assert_eq!(said, failure(20, None));
}
