//! The victim behind the gateway: responses that others were made to send arrive there (CO-A16), and blocks
//! that somebody slips into a transfer of its own.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use gateway::demo::scene::{Scene, port};
use gateway::netns::{Family, Host, address};
use testkit::coap::message;
use weir_tests::lab::{FAMILIES, baseline, must, scene, uninterrupted};
use wire::coap::{Code, Message, Type, number};

use crate::{INTERVAL, PROGRAM, weigh};

/// The attacker's addresses that stand for as many reflectors.
const REFLECTORS: u8 = 10;
const EACH: u16 = 20;
const RESPONSE: [u8; 512] = [b'r'; 512];
/// A gateway that has been there for longer than any exchange.
const SETTLED: &str = "[limits]\nmidstream_grace = \"1ms\"\n";
const WATCHED: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of the blocks of a transfer (RFC 7959 §2.2: 64).
const SZX: u32 = 2;

#[test]
fn no_reflected_response_arrives_behind_the_gateway() {
    {
        let scene = scene("e2e-flood-bridge");
        let _bridge = must(scene.topology.bridge());
        for (family, spent, arrived) in reflect(&scene) {
            println!("bridge {family:?}: {spent} B sent, {arrived} B arrived");
            assert!(arrived >= spent, "{arrived} of {spent} bytes");
        }
    }
    let scene = scene("e2e-flood-weir");
    let _gateway = baseline(&scene.topology, PROGRAM, "auto", SETTLED);
    for (family, spent, arrived) in reflect(&scene) {
        println!("weir {family:?}: {spent} B sent, {arrived} B arrived");
        assert_eq!(arrived, 0, "of {spent} bytes");
    }
}

/// Sends the flood by each family: what was sent, and what arrived.
fn reflect(scene: &Scene) -> Vec<(Family, usize, usize)> {
    let tap = scene.host(Host::Servers).tap().expect("a tap");
    let any = SocketAddr::from(([0; 16], 40_000));
    let _victim = scene.host(Host::Servers).udp(any).expect("a socket");
    let (sent, arrived) = thread::scope(|scope| {
        let arrived = scope.spawn(|| weigh(&tap, Instant::now() + WATCHED));
        let sent = FAMILIES.map(|family| flood(scene, family));
        (sent, arrived.join().expect("it doesn't panic"))
    });
    let of = |(family, spent)| {
        let victim = address(Host::Servers, 0, family);
        (family, spent, arrived.get(&victim).copied().unwrap_or(0))
    };
    FAMILIES.into_iter().zip(sent).map(of).collect()
}

fn flood(scene: &Scene, family: Family) -> usize {
    let victim = SocketAddr::new(address(Host::Servers, 0, family), 40_000);
    let mut spent = 0;
    for reflector in 0..REFLECTORS {
        let from = SocketAddr::new(address(Host::Attacker, reflector, family), port::COAP);
        let socket = scene.host(Host::Attacker).udp(from).expect("a socket");
        for number in 0..EACH {
            let token = number.to_be_bytes();
            let response = message(
                Type::NonConfirmable,
                Code::CONTENT,
                number,
                &token,
                |builder| {
                    builder.payload(&RESPONSE);
                },
            );
            spent += socket.send_to(&response, victim).expect("a way");
            thread::sleep(INTERVAL);
        }
    }
    spent
}

/// A client asks for a body block by block; one block comes first from somebody who knows the client's
/// endpoint and the token, but stands elsewhere.
#[test]
fn a_block_from_elsewhere_gets_into_no_transfer() {
    for is_protected in [false, true] {
        let label = if is_protected {
            "e2e-block-weir"
        } else {
            "e2e-block-bridge"
        };
        let scene = scene(label);
        let _joined = if is_protected {
            (
                None,
                Some(baseline(&scene.topology, PROGRAM, "auto", SETTLED)),
            )
        } else {
            (Some(must(scene.topology.bridge())), None)
        };
        for family in FAMILIES {
            let forged = transfer(&scene, family);
            assert_eq!(forged, usize::from(!is_protected), "{label} {family:?}");
        }
    }
}

/// Takes two blocks from a server, and returns how many forged ones came in between.
fn transfer(scene: &Scene, family: Family) -> usize {
    // Behind the gateway stands a client, in the field its server and the attacker.
    let at = SocketAddr::new(address(Host::Servers, 1, family), 40_001);
    let client = scene.host(Host::Servers).udp(at).expect("a socket");
    client.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let server = SocketAddr::new(address(Host::Devices, 0, family), port::COAP);
    let device = scene.host(Host::Devices).udp(server).expect("a socket");
    device.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let elsewhere = SocketAddr::new(address(Host::Attacker, 0, family), port::COAP);
    let attacker = scene.host(Host::Attacker).udp(elsewhere).expect("a socket");

    let mut forged = 0;
    for number in 0..2 {
        ask(&client, number, server);
        let (request, from) = receive(&device);
        if number == 1 {
            send(&attacker, &block(&request, number, b'f'), from);
            thread::sleep(Duration::from_millis(100));
        }
        send(&device, &block(&request, number, b'r'), from);
        loop {
            let (response, _) = receive(&client);
            let response = Message::decode(&response).expect("a message");
            if response.payload()[0] == b'r' {
                break;
            }
            forged += 1;
        }
    }
    forged
}

fn ask(client: &UdpSocket, block: u16, server: SocketAddr) {
    let request = message(
        Type::Confirmable,
        Code::GET,
        100 + block,
        &[7; 4],
        |builder| {
            builder
                .path(number::URI_PATH, "firmware")
                .uint(number::BLOCK2, u32::from(block) << 4 | SZX);
        },
    );
    send(client, &request, server);
}

/// The block of a body that was asked for, with this content.
fn block(request: &[u8], index: u16, content: u8) -> Vec<u8> {
    let request = Message::decode(request).expect("a message");
    let (id, token) = (request.message_id(), request.token());
    message(Type::Acknowledgement, Code::CONTENT, id, token, |builder| {
        builder
            .uint(number::BLOCK2, u32::from(index) << 4 | 8 | SZX)
            .payload(&[content; 64]);
    })
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let received = uninterrupted(|| socket.recv_from(&mut buffer));
    let (len, from) = received.expect("a datagram");
    (buffer[..len].to_vec(), from)
}

fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
    socket.send_to(datagram, to).expect("a way");
}
