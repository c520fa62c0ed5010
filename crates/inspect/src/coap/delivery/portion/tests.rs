//! Responses, cut and kept.

use wire::coap::Code;

use super::*;

const TOKEN: &[u8] = &[7, 8];

fn response(len: usize) -> Vec<u8> {
    let mut message = Vec::new();
    Builder::new(&mut message, Type::Acknowledgement, Code::CONTENT, 9, TOKEN)
        .option(number::ETAG, b"v1")
        .uint(number::CONTENT_FORMAT, 40)
        .uint(number::SIZE2, len as u32)
        .payload(&(0..len).map(|at| at as u8).collect::<Vec<_>>());
    message
}

fn envelope(room: usize) -> Envelope<'static> {
    Envelope {
        message_type: Type::Confirmable,
        message_id: 77,
        token: TOKEN,
        room,
    }
}

#[test]
fn what_fits_goes_out_whole() {
    let bytes = response(20);
    let response = Message::decode(&bytes).expect("a message of our own");
    let whole = whole(&response, &envelope(bytes.len())).expect("room for it");
    let whole = Message::decode(&whole).expect("a message");
    assert_eq!(whole.payload(), response.payload());
    assert_eq!((whole.block2(), whole.message_id()), (None, 77));
}

#[test]
fn the_blocks_of_a_response_are_its_body() {
    let bytes = response(300);
    let response = Message::decode(&bytes).expect("a message of our own");
    let portions = Portions::new(4, 1);
    let now = Instant::from_secs(1);
    portions.keep(now, 5, &bytes);
    let first = first_block(&response, &envelope(60)).expect("room for a block");
    let mut body = Vec::new();
    let mut message = first;
    loop {
        assert!(message.len() <= 60);
        let part = Message::decode(&message).expect("a message");
        let block = part.block2().expect("a block");
        assert_eq!(block.offset(), body.len() as u64);
        body.extend_from_slice(part.payload());
        if !block.more {
            break;
        }
        let next = Block {
            number: block.number + 1,
            ..block
        };
        let cut = portions.block(now, 5, next, &envelope(60));
        message = cut.expect("it is kept").expect("room for it");
    }
    assert_eq!(body, response.payload());
    let beyond = Block {
        number: 19,
        more: false,
        szx: 0,
    };
    assert_eq!(portions.block(now, 5, beyond, &envelope(60)), None);
}

#[test]
fn there_is_a_smallest_portion() {
    let bytes = response(300);
    let response = Message::decode(&bytes).expect("a message of our own");
    assert_eq!(whole(&response, &envelope(31)), None);
    assert_eq!(first_block(&response, &envelope(31)), None);
}

/// Block `number` of 64 bytes.
fn block_of(number: u32, etag: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    Builder::new(&mut message, Type::Acknowledgement, Code::CONTENT, 9, TOKEN)
        .option(number::ETAG, etag)
        .uint(number::BLOCK2, number << 4 | 8 | 2)
        .payload(&[number as u8; 64]);
    message
}

#[test]
fn what_comes_late_takes_no_place() {
    let portions = Portions::new(4, 1);
    let now = Instant::from_secs(1);
    // What comes, and the block that is kept then.
    for (number, etag, kept) in [
        (3, b"v1", 3),
        (4, b"v1", 4),
        (3, b"v1", 4),
        (9, b"v2", 4),
        (5, b"v2", 5),
        (7, b"v2", 7),
        (7, b"v2", 7),
    ] {
        let bytes = block_of(number, etag);
        let response = Message::decode(&bytes).expect("a message of our own");
        portions.go_on(now, 5, &response, &bytes);
        let asked = Block {
            number: kept * 4 + 1,
            more: false,
            szx: 0,
        };
        let cut = portions.block(now, 5, asked, &envelope(60));
        let cut = cut.expect("it is kept").expect("room for it");
        let cut = Message::decode(&cut).expect("a message");
        assert_eq!(cut.payload(), [kept as u8; 16]);
    }
}

#[test]
fn a_larger_block_is_asked_for_where_it_begins() {
    let portions = Portions::new(4, 1);
    let now = Instant::from_secs(1);
    portions.keep(now, 5, &block_of(1, b"v1"));
    for (number, szx, larger) in [
        (0, 0, Some(2)),
        (4, 0, None),
        (7, 0, None),
        (8, 0, Some(2)),
        (9, 0, None),
        (10, 0, None),
        (12, 0, Some(2)),
        (4, 1, Some(2)),
        (2, 2, None),
        (1, 3, None),
    ] {
        let asked = Block {
            number,
            more: false,
            szx,
        };
        assert_eq!(portions.larger(now, 5, asked), larger, "{asked:?}");
    }
    assert_eq!(
        portions.larger(
            now,
            6,
            Block {
                number: 8,
                more: false,
                szx: 0
            }
        ),
        None
    );
}
