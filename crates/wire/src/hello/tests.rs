//! Hellos as clients say them, and what is none.

use super::*;

fn sized(len: usize, bytes: &[u8]) -> Vec<u8> {
    let size = u32::try_from(bytes.len()).expect("short").to_be_bytes();
    [&size[4 - len..], bytes].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized(2, data)].concat()
}

fn server_name(name: &[u8]) -> Vec<u8> {
    let entry = [&[0], &sized(2, name)[..]].concat();
    extension(SERVER_NAME, &sized(2, &entry))
}

fn alpn(protocols: &[&[u8]]) -> Vec<u8> {
    let list: Vec<u8> = protocols.iter().flat_map(|p| sized(1, p)).collect();
    extension(ALPN, &sized(2, &list))
}

fn versions(numbers: &[u16]) -> Vec<u8> {
    let list: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    extension(SUPPORTED_VERSIONS, &sized(1, &list))
}

fn body(version: u16, cookie: Option<&[u8]>, extensions: Option<&[Vec<u8>]>) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; RANDOM_LEN]);
    body.extend(sized(1, &[1; 32]));
    body.extend(cookie.map(|cookie| sized(1, cookie)).unwrap_or_default());
    body.extend(sized(2, &[0xc0, 0x2b]));
    body.extend(sized(1, &[0]));
    body.extend(
        extensions
            .map(|all| sized(2, &all.concat()))
            .unwrap_or_default(),
    );
    body
}

fn message(version: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    [
        &[CLIENT_HELLO],
        &sized(3, &body(version, None, Some(extensions)))[..],
    ]
    .concat()
}

#[test]
fn a_hello_says_what_the_client_wants() {
    let message = message(
        0x0303,
        &[
            extension(10, &[0, 2, 0, 29]),
            server_name(b"Broker.Example."),
            versions(&[0x7a7a, 0x0304, 0x0303]),
            alpn(&[b"mqtt", b"x-amzn-mqtt-ca"]),
        ],
    );
    let hello = ClientHello::decode(&message).expect("a hello");
    assert_eq!(hello.server_name(), Some("broker.example"));
    assert_eq!(hello.version, Version::V13);
    let protocols: Vec<&[u8]> = hello.protocols().collect();
    assert_eq!(protocols, [&b"mqtt"[..], b"x-amzn-mqtt-ca"]);
    for end in 0..message.len() {
        assert_eq!(ClientHello::decode(&message[..end]), None, "{end}");
    }
}

#[test]
fn versions_are_the_latest_that_is_known() {
    for (legacy, offered, latest) in [
        (0x0300, &[][..], Version::Ssl3),
        (0x0301, &[], Version::V10),
        (0x0302, &[], Version::V11),
        (0x0303, &[], Version::V12),
        (0x0303, &[0x0302, 0x0301], Version::V11),
        (0x0303, &[0xfefc, 0xfefd], Version::V13),
        (0xfefd, &[], Version::V12),
        (0xfeff, &[], Version::V10),
        (0x0303, &[0x1a1a], Version::Other),
        (0x0505, &[], Version::Other),
    ] {
        let offered: Vec<_> = (!offered.is_empty())
            .then(|| versions(offered))
            .into_iter()
            .collect();
        let message = message(legacy, &offered);
        let hello = ClientHello::decode(&message).expect("a hello");
        assert_eq!(hello.version, latest, "{legacy:04x}");
    }
}

#[test]
fn old_hellos_have_no_extensions_and_those_of_dtls_a_cookie() {
    let body_of_old = body(0x0301, None, None);
    let hello = ClientHello::body(&body_of_old, false).expect("a hello");
    assert_eq!((hello.server_name(), hello.version), (None, Version::V10));
    let of_dtls = body(0xfefd, Some(b"cookie"), Some(&[server_name(b"a")]));
    let hello = ClientHello::body(&of_dtls, true).expect("a hello");
    assert_eq!(hello.server_name(), Some("a"));
    assert_eq!(ClientHello::body(&of_dtls, false), None);
}

#[test]
fn what_could_be_read_differently_is_none() {
    let two_names = [sized(2, b"a"), sized(2, b"b")].map(|name| [vec![0], name].concat());
    let trailing = [server_name(b"a"), vec![0]].concat();
    for extensions in [
        vec![server_name(b"a"), server_name(b"b")],
        vec![alpn(&[b"a"]), alpn(&[b"b"])],
        vec![versions(&[0x0303]), versions(&[0x0303])],
        vec![extension(SERVER_NAME, &sized(2, &two_names.concat()))],
        vec![extension(SERVER_NAME, &[])],
        vec![server_name(b"")],
        vec![server_name(b".")],
        vec![server_name(b"\xff")],
        vec![server_name(&[b'a'; 257])],
        vec![alpn(&[b""])],
        vec![extension(SUPPORTED_VERSIONS, &[1, 3])],
        vec![trailing],
    ] {
        let message = message(0x0303, &extensions);
        assert_eq!(ClientHello::decode(&message), None, "{extensions:02x?}");
    }
    let mut of_server = message(0x0303, &[]);
    of_server[0] = 2;
    assert_eq!(ClientHello::decode(&of_server), None);
}

#[test]
fn exercise_fuzz_client_hello() {
    for data in [
        &message(0x0303, &[server_name(b"a"), alpn(&[b"b"])])[..],
        &[1, 0],
        &[],
    ] {
        fuzz_client_hello(data);
    }
}
