//! What a proxy is asked for: URIs and schemes as text (RFC 7252 §5.10.2, RFC 3986).

use super::Malformed;

/// The most bytes Uri-Host can hold (RFC 7252 §5.10).
const URI_HOST_LEN_MAX: usize = 255;

/// What an absolute URI asks for, as it is written there (RFC 3986 §3): with its escapes, dots and capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The host, without a user before it or a port behind it; empty if there is none.
    pub host: &'a str,
    /// The path; empty if there is none.
    pub path: &'a str,
    /// What follows the question mark.
    pub query: Option<&'a str>,
}

impl<'a> Uri<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let text = text.split_once('#').map_or(text, |(text, _)| text);
        let (hierarchy, query) = match text.split_once('?') {
            Some((hierarchy, query)) => (hierarchy, Some(query)),
            None => (text, None),
        };
        let (authority, path) = hierarchy.split_at(hierarchy.find('/').unwrap_or(hierarchy.len()));
        Self {
            host: host(authority),
            path,
            query,
        }
    }
}

/// The host of an authority; the colons within brackets are an address's (RFC 3986 §3.2.2).
fn host(authority: &str) -> &str {
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    let end = match place.find(']') {
        Some(bracket) => bracket + 1,
        None => place.find(':').unwrap_or(place.len()),
    };
    &place[..end]
}

/// A letter, then letters, digits and `+-.` (RFC 3986 §3.1).
pub(super) fn is_scheme(value: &[u8]) -> bool {
    let is_rest = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    value.first().is_some_and(u8::is_ascii_alphabetic) && value.iter().all(is_rest)
}

/// The host of an absolute URI has to fit into Uri-Host (RFC 7252 §6.4).
pub(super) fn check_host(uri: &[u8]) -> Result<(), Malformed> {
    let host = after_scheme(uri)
        .split(|byte| b":/?#".contains(byte))
        .next()
        .unwrap_or_default();
    if host.len() > URI_HOST_LEN_MAX {
        Err(Malformed::ProxyUriHost)
    } else {
        Ok(())
    }
}

/// Whether the path of an absolute URI has a segment of one dot or two, escaped or not: resolved, it
/// leads elsewhere than it reads (RFC 3986 §5.2.4, §6.2.2).
pub(super) fn has_dots(uri: &[u8]) -> bool {
    let mut parts = after_scheme(uri).split(|byte| b"?#".contains(byte));
    let hierarchy = parts.next().unwrap_or_default();
    // The first is the authority.
    let mut segments = hierarchy.split(|byte| *byte == b'/').skip(1);
    segments.any(is_dots)
}

fn is_dots(mut segment: &[u8]) -> bool {
    let mut dots = 0;
    while let Some(rest) = after_dot(segment) {
        segment = rest;
        dots += 1;
    }
    segment.is_empty() && (1..=2).contains(&dots)
}

/// What follows a dot at the beginning.
fn after_dot(segment: &[u8]) -> Option<&[u8]> {
    match segment {
        [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// What follows `scheme://`, or all of it.
fn after_scheme(uri: &[u8]) -> &[u8] {
    let authority = uri
        .windows(3)
        .position(|window| window == b"://")
        .map_or(0, |at| at + 3);
    &uri[authority..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_falls_into_its_parts() {
        for (text, host, path, query) in [
            ("coap://h", "h", "", None),
            ("coap://h/", "h", "/", None),
            ("coap://h:5683/a/b?c=/d&e#f", "h", "/a/b", Some("c=/d&e")),
            ("coap://u@H.org?x", "H.org", "", Some("x")),
            ("coap://[2001:db8::1]:61616/a", "[2001:db8::1]", "/a", None),
            ("coap://h/a?", "h", "/a", Some("")),
            ("coap://h/a#b?c", "h", "/a", None),
            ("coap:///a", "", "/a", None),
            ("h/a?b", "h", "/a", Some("b")),
            ("", "", "", None),
        ] {
            let uri = Uri { host, path, query };
            assert_eq!(Uri::new(text), uri, "{text}");
        }
    }

    #[test]
    fn dots_are_found_in_the_path_alone() {
        for (uri, expected) in [
            ("coap://h/../x", true),
            ("coap://h/a/./b", true),
            ("coap://h/a/..", true),
            ("coap://h/a/%2e%2E/b", true),
            ("coap://h/a/.%2e?q", true),
            ("coap://h", false),
            ("coap://../x", false),
            ("coap://h/.../.well-known/a..b", false),
            ("coap://h/%2e%2e%2e", false),
            ("coap://h/%2", false),
            ("coap://h/a?b=/../c", false),
            ("coap://h/a#/../c", false),
        ] {
            assert_eq!(has_dots(uri.as_bytes()), expected, "{uri}");
        }
    }
}
