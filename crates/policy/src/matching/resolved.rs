//! What a request asks for, whichever way it says so: a Proxy-Uri as the options that its proxy will ask the server with
//! (RFC 7252 §5.10.2, §6.4), names of hosts and schemes in small letters.

use smallvec::SmallVec;
use wire::coap::{self, number};

/// Longer ones are rare.
const INLINE_BYTES: usize = 256;

/// Texts as Uri-Host, Uri-Path and Uri-Query would carry them.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    text: SmallVec<[u8; INLINE_BYTES]>,
    /// Where each part ends in `text`.
    ends: SmallVec<[u16; 16]>,
}

impl Resolved {
    /// What such options would say, where a Proxy-Uri stands for them, or where what they say may be written in
    /// several ways.
    pub(crate) fn option(message: &coap::Content<'_>, number: u16) -> Option<Self> {
        // Proxy-Uri is looked for where it may stand for something only.
        match number {
            number::URI_HOST => match message.proxy_uri() {
                Some(uri) => Some(Self::host(uri.host)),
                None => Self::name(message, number),
            },
            number::PROXY_SCHEME => Self::name(message, number),
            number::URI_QUERY => Some(Self::query(message.proxy_uri()?.query)),
            _ => None,
        }
    }

    /// The segments of the path of a URI: `/a/b%2Fc`. What leads up and down (`.`, `..`) is followed, escaped or not
    /// (RFC 3986 §5.2.4, §6.2.2.2).
    pub(crate) fn path(path: &str) -> Self {
        let mut resolved = Self::default();
        let path = path.strip_prefix('/').unwrap_or(path);
        for segment in path.split('/').filter(|_| !path.is_empty()) {
            let (before, start) = (resolved.ends.len(), resolved.len());
            resolved.push(segment);
            match resolved.text.get(start..) {
                Some(b".") => resolved.ends.truncate(before),
                Some(b"..") => resolved.ends.truncate(before.saturating_sub(1)),
                _ => {}
            }
        }
        resolved
    }

    fn host(host: &str) -> Self {
        let mut resolved = Self::default();
        if !host.is_empty() {
            resolved.push(host);
            resolved.simplify_name();
        }
        resolved
    }

    /// A host or a scheme that stands in an option of its own, without escapes.
    fn name(message: &coap::Content<'_>, number: u16) -> Option<Self> {
        let name = message.options_of(number).next()?.as_str()?;
        let mut resolved = Self::default();
        resolved.text.extend_from_slice(name.as_bytes());
        resolved.end();
        resolved.simplify_name();
        Some(resolved)
    }

    /// A name is the same in any case of letters (RFC 3986 §3.1, §3.2.2, RFC 7252 §6.4), and with the root's dot behind it.
    fn simplify_name(&mut self) {
        self.text.make_ascii_lowercase();
        if let Some(end) = self.ends.last_mut()
            && *end > 1
            && self.text.last() == Some(&b'.')
        {
            *end -= 1;
        }
    }

    fn query(query: Option<&str>) -> Self {
        let mut resolved = Self::default();
        let arguments = query.into_iter().flat_map(|query| query.split('&'));
        arguments.for_each(|argument| resolved.push(argument));
        resolved
    }

    /// The parts; one that isn't UTF-8 is an empty one.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        let ends = self.ends.iter().map(|end| usize::from(*end));
        let starts = std::iter::once(0).chain(ends.clone());
        starts.zip(ends).map(|(start, end)| {
            let part = self.text.get(start..end).unwrap_or_default();
            std::str::from_utf8(part).unwrap_or_default()
        })
    }

    /// A URI has no more bytes than an option (RFC 7252 §5.10: 1034), so that the ends fit.
    fn push(&mut self, part: &str) {
        self.text.truncate(self.len());
        let mut rest = part.as_bytes();
        while let [byte, after @ ..] = rest {
            let escaped = (*byte == b'%').then(|| octet(after)).flatten();
            self.text.push(escaped.unwrap_or(*byte));
            rest = escaped.and_then(|_| after.get(2..)).unwrap_or(after);
        }
        self.end();
    }

    /// Bytes of the parts.
    fn len(&self) -> usize {
        self.ends.last().map_or(0, |end| usize::from(*end))
    }

    fn end(&mut self) {
        self.ends.extend(u16::try_from(self.text.len()).ok());
    }
}

/// The number that two hex digits are.
fn octet(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_what_options_would_carry() {
        for (path, segments) in [
            ("", &[][..]),
            ("/", &[]),
            ("/a/b", &["a", "b"]),
            ("/a//b", &["a", "", "b"]),
            ("/a/", &["a", ""]),
            ("/%73ecret/x%2Fy", &["secret", "x/y"]),
            ("/a/../secret/./x", &["secret", "x"]),
            ("/a/%2e%2E/secret/%2e/x/.%2e", &["secret"]),
            ("/a/...", &["a", "..."]),
            ("/../a", &["a"]),
            ("/100%/%4", &["100%", "%4"]),
            ("/%ff/a", &["", "a"]),
        ] {
            let resolved = Resolved::path(path);
            assert_eq!(resolved.parts().collect::<Vec<_>>(), segments, "{path}");
        }
    }

    #[test]
    fn arguments_and_hosts_are_what_options_would_carry() {
        for (query, arguments) in [
            (None, &[][..]),
            (Some(""), &[""]),
            (Some("a=1&b=/x%26y"), &["a=1", "b=/x&y"]),
            (Some("%61dmin"), &["admin"]),
        ] {
            let resolved = Resolved::query(query);
            assert_eq!(resolved.parts().collect::<Vec<_>>(), arguments, "{query:?}");
        }
        assert_eq!(Resolved::host("").parts().count(), 0);
        for host in ["%50LC.Example", "plc.example.", "plc.example%2e"] {
            let host = Resolved::host(host);
            assert_eq!(host.parts().collect::<Vec<_>>(), ["plc.example"]);
        }
    }
}
