//! JSON pointers (RFC 6901).

use super::json;

/// More tokens than this are refused.
pub(super) const MAX_TOKENS: usize = 16;

/// A pointer's tokens, from the root down.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pointer(Box<[Token]>);

/// What names a member of an object, or a place in an array.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Token {
    text: Box<str>,
    /// What it has in common with all names that some reader takes for it.
    folded: Box<[u8]>,
}

/// Why a text is no pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PointerError {
    NoSlash,
    TooLong,
    /// `~` without a 0 or 1 behind it.
    Escape,
}

impl Pointer {
    pub(crate) fn new(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self(Box::default()));
        }
        let tokens = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        let tokens: Result<Vec<_>, _> = tokens.split('/').map(Token::new).collect();
        let tokens = tokens?;
        if tokens.len() > MAX_TOKENS {
            return Err(PointerError::TooLong);
        }
        Ok(Self(tokens.into()))
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.0
    }
}

impl Token {
    pub(super) fn new(escaped: &str) -> Result<Self, PointerError> {
        let text = unescape(escaped)?;
        let folded = json::folded(&text).into_vec().into();
        Ok(Self { text, folded })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn folded(&self) -> &[u8] {
        &self.folded
    }

    /// RFC 6901 §4: digits without leading zeros.
    pub(super) fn index(&self) -> Option<usize> {
        let text = self.text();
        let is_plain = text == "0" || text.starts_with(|c: char| ('1'..='9').contains(&c));
        text.parse().ok().filter(|_| is_plain)
    }
}

/// `~1` is a slash, `~0` a tilde.
fn unescape(token: &str) -> Result<Box<str>, PointerError> {
    let mut text = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerError::Escape),
            },
            c => c,
        });
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_their_escapes() {
        for (text, tokens) in [
            ("", &[][..]),
            ("/", &[""]),
            ("/a/0", &["a", "0"]),
            ("/a~1b/m~0n", &["a/b", "m~n"]),
        ] {
            let pointer = Pointer::new(text).expect("a pointer");
            let read: Vec<&str> = pointer.tokens().iter().map(Token::text).collect();
            assert_eq!(read, tokens, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_pointer() {
        for (text, error) in [
            ("a", PointerError::NoSlash),
            ("/~2", PointerError::Escape),
            ("/a~", PointerError::Escape),
        ] {
            assert_eq!(Pointer::new(text), Err(error), "{text}");
        }
        assert_eq!(Pointer::new(&"/a".repeat(17)), Err(PointerError::TooLong));
    }
}
