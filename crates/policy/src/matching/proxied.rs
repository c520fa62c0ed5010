//! The path that a proxy is asked for by Proxy-Uri (RFC 7252 §5.10.2, §6.4): what it will ask the server for.

use smallvec::SmallVec;

/// Longer ones are rare.
const INLINE_BYTES: usize = 256;

/// Segments as Uri-Path options would carry them.
#[derive(Debug, Default)]
pub(crate) struct ProxiedPath {
    text: SmallVec<[u8; INLINE_BYTES]>,
    /// Where each segment ends in `text`.
    ends: SmallVec<[u16; 16]>,
}

impl ProxiedPath {
    /// Of the path of a URI: `/a/b%2Fc`. What leads up and down (`.`, `..`) is followed (RFC 3986 §5.2.4).
    pub(crate) fn new(path: &str) -> Self {
        let mut proxied = Self::default();
        let path = path.strip_prefix('/').unwrap_or(path);
        for segment in path.split('/').filter(|_| !path.is_empty()) {
            match segment {
                "." => {}
                ".." => _ = proxied.ends.pop(),
                _ => proxied.push(segment),
            }
        }
        proxied
    }

    /// The segments; one that isn't UTF-8 is an empty one.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        let ends = self.ends.iter().map(|end| usize::from(*end));
        let starts = std::iter::once(0).chain(ends.clone());
        starts.zip(ends).map(|(start, end)| {
            let segment = self.text.get(start..end).unwrap_or_default();
            std::str::from_utf8(segment).unwrap_or_default()
        })
    }

    /// A URI has no more bytes than an option (RFC 7252 §5.10: 1034), so that the ends fit.
    fn push(&mut self, segment: &str) {
        self.text
            .truncate(self.ends.last().map_or(0, |end| usize::from(*end)));
        let mut rest = segment.as_bytes();
        while let [byte, after @ ..] = rest {
            let escaped = (*byte == b'%').then(|| octet(after)).flatten();
            self.text.push(escaped.unwrap_or(*byte));
            rest = escaped.and_then(|_| after.get(2..)).unwrap_or(after);
        }
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
            ("/../a", &["a"]),
            ("/100%/%4", &["100%", "%4"]),
            ("/%ff/a", &["", "a"]),
        ] {
            let proxied = ProxiedPath::new(path);
            assert_eq!(proxied.segments().collect::<Vec<_>>(), segments, "{path}");
        }
    }
}
