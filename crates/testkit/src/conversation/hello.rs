//! `client-hello`: the first flight of a TLS 1.2 or DTLS 1.2 client (RFC 5246 §7.4.1.2, RFC 6347
//! §4.2.2), with a server name if the line gives one (RFC 6066 §3).

use policy::{Fields, Service};

/// The record that opens a session of the service.
pub(super) fn client_hello(service: Service, fields: &Fields) -> Vec<u8> {
    let is_dtls = service.is_udp();
    let body = body(is_dtls, fields.text("sni"));
    let len = (body.len() as u32).to_be_bytes();
    let mut handshake = vec![CLIENT_HELLO, len[1], len[2], len[3]];
    if is_dtls {
        // Message sequence 0, in one fragment.
        handshake.extend([0, 0, 0, 0, 0, len[1], len[2], len[3]]);
    }
    handshake.extend(body);
    let record_len = (handshake.len() as u16).to_be_bytes();
    let header: &[u8] = match is_dtls {
        true => &[HANDSHAKE, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
        false => &[HANDSHAKE, 3, 1],
    };
    [header, &record_len, &handshake].concat()
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

fn body(is_dtls: bool, sni: Option<&str>) -> Vec<u8> {
    let mut body = match is_dtls {
        true => vec![0xfe, 0xfd],
        false => vec![3, 3],
    };
    // The client's random, and an empty session identifier.
    body.extend([0x77; 32]);
    body.push(0);
    if is_dtls {
        // An empty cookie.
        body.push(0);
    }
    // One cipher suite, one compression method.
    body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    let extensions = sni.map(server_name).unwrap_or_default();
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    body
}

fn server_name(name: &str) -> Vec<u8> {
    let len = |extra: usize| ((name.len() + extra) as u16).to_be_bytes();
    [
        &[0, 0],
        &len(5)[..],
        &len(3),
        &[0],
        &len(0),
        name.as_bytes(),
    ]
    .concat()
}
