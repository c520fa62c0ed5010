//! `client-hello`: the first flight of a TLS or DTLS client (RFC 8446 §4.1.2, RFC 6347 §4.2.2), with a server name
//! (RFC 6066 §3), versions and application protocols (RFC 7301 §3.1) if the line gives them.

use policy::{Fields, Service, Value};

/// The record that opens a session of the service.
pub(super) fn client_hello(service: Service, fields: &Fields) -> Vec<u8> {
    let is_dtls = service.is_udp();
    let body = body(is_dtls, fields);
    let len = (body.len() as u32).to_be_bytes();
    let mut handshake = vec![CLIENT_HELLO, len[1], len[2], len[3]];
    if is_dtls {
        // Message sequence 0, in one fragment.
        handshake.extend([0, 0, 0, 0, 0, len[1], len[2], len[3]]);
    }
    handshake.extend(body);
    let header: &[u8] = match is_dtls {
        true => &[HANDSHAKE, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
        false => &[HANDSHAKE, 3, 1],
    };
    [header, &sized(&handshake)].concat()
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

fn body(is_dtls: bool, fields: &Fields) -> Vec<u8> {
    let version = fields.text("version").unwrap_or("1.2");
    let mut body = Vec::from(legacy_version(is_dtls, version));
    // The client's random, and an empty session identifier.
    body.extend([0x77; 32]);
    body.push(0);
    if is_dtls {
        // An empty cookie.
        body.push(0);
    }
    // One cipher suite, one compression method.
    body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    let mut extensions = Vec::new();
    if let Some(name) = fields.text("sni") {
        let entry = [&[0], &*sized(name.as_bytes())].concat();
        extensions.extend(extension(0, &sized(&entry)));
    }
    let protocols: Vec<u8> = fields.all("alpn").flat_map(protocol).collect();
    if !protocols.is_empty() {
        extensions.extend(extension(16, &sized(&protocols)));
    }
    if version == "1.3" {
        let latest: [u8; 2] = if is_dtls { [0xfe, 0xfc] } else { [3, 4] };
        let [old, new] = legacy_version(is_dtls, version);
        extensions.extend(extension(43, &[4, latest[0], latest[1], old, new]));
    }
    body.extend(sized(&extensions));
    body
}

/// What stands before all extensions; 1.3 calls itself 1.2 there, and DTLS has no 1.1.
fn legacy_version(is_dtls: bool, version: &str) -> [u8; 2] {
    match (version, is_dtls) {
        ("1.0" | "1.1", true) => [0xfe, 0xff],
        (_, true) => [0xfe, 0xfd],
        ("1.0", false) => [3, 1],
        ("1.1", false) => [3, 2],
        (_, false) => [3, 3],
    }
}

/// A protocol as an entry of its list; of long ones only the beginning.
fn protocol(value: &Value) -> Vec<u8> {
    let Value::Text(text) = value else {
        return Vec::new();
    };
    let name = &text.as_bytes()[..text.len().min(255)];
    [&[name.len() as u8], name].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &*sized(data)].concat()
}

/// With the length before it, in two bytes.
fn sized(data: &[u8]) -> Vec<u8> {
    [&(data.len() as u16).to_be_bytes(), data].concat()
}
