//! Message types and codes (RFC 7252 §3, §12.1).

/// The message type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// CON: wants an acknowledgement.
    Confirmable = 0,
    /// NON: wants none.
    NonConfirmable = 1,
    /// ACK.
    Acknowledgement = 2,
    /// RST.
    Reset = 3,
}

impl Type {
    /// The type in the two low bits.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0 => Self::Confirmable,
            1 => Self::NonConfirmable,
            2 => Self::Acknowledgement,
            _ => Self::Reset,
        }
    }

    /// The specification's three letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmable => "CON",
            Self::NonConfirmable => "NON",
            Self::Acknowledgement => "ACK",
            Self::Reset => "RST",
        }
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The code: a method, a response, or empty; written class.detail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u8);

#[allow(missing_docs, reason = "the constants are the registry's names")]
impl Code {
    pub const EMPTY: Self = Self::new(0, 0);
    pub const GET: Self = Self::new(0, 1);
    pub const POST: Self = Self::new(0, 2);
    pub const PUT: Self = Self::new(0, 3);
    pub const DELETE: Self = Self::new(0, 4);
    pub const FETCH: Self = Self::new(0, 5);
    pub const PATCH: Self = Self::new(0, 6);
    pub const IPATCH: Self = Self::new(0, 7);
    pub const CREATED: Self = Self::new(2, 1);
    pub const DELETED: Self = Self::new(2, 2);
    pub const VALID: Self = Self::new(2, 3);
    pub const CHANGED: Self = Self::new(2, 4);
    pub const CONTENT: Self = Self::new(2, 5);
    pub const CONTINUE: Self = Self::new(2, 31);
    pub const BAD_REQUEST: Self = Self::new(4, 0);
    pub const UNAUTHORIZED: Self = Self::new(4, 1);
    pub const BAD_OPTION: Self = Self::new(4, 2);
    pub const FORBIDDEN: Self = Self::new(4, 3);
    pub const NOT_FOUND: Self = Self::new(4, 4);
    pub const METHOD_NOT_ALLOWED: Self = Self::new(4, 5);
    pub const REQUEST_ENTITY_INCOMPLETE: Self = Self::new(4, 8);
    pub const REQUEST_ENTITY_TOO_LARGE: Self = Self::new(4, 13);
    pub const INTERNAL_SERVER_ERROR: Self = Self::new(5, 0);
    pub const SERVICE_UNAVAILABLE: Self = Self::new(5, 3);
    pub const CSM: Self = Self::new(7, 1);
    pub const PING: Self = Self::new(7, 2);
    pub const PONG: Self = Self::new(7, 3);
    pub const RELEASE: Self = Self::new(7, 4);
    pub const ABORT: Self = Self::new(7, 5);
}

impl Code {
    /// The code `class.detail`.
    ///
    /// # Panics
    /// When `class` has more than three bits or `detail` more than five.
    #[must_use]
    pub const fn new(class: u8, detail: u8) -> Self {
        assert!(
            class < 8 && detail < 32,
            "three bits of class, five of detail"
        );
        Self(class << 5 | detail)
    }

    /// The class: 0 request, 2 success, 4 client error, 5 server error.
    #[inline]
    #[must_use]
    pub const fn class(self) -> u8 {
        self.0 >> 5
    }

    /// The detail.
    #[inline]
    #[must_use]
    pub const fn detail(self) -> u8 {
        self.0 & 0x1f
    }

    /// Whether it is 0.00.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it is a method.
    #[inline]
    #[must_use]
    pub const fn is_request(self) -> bool {
        self.class() == 0 && !self.is_empty()
    }

    /// Whether it is a response code.
    #[inline]
    #[must_use]
    pub const fn is_response(self) -> bool {
        matches!(self.class(), 2..=5)
    }

    /// Whether it is the code of a response that says no: 4.xx or 5.xx.
    #[inline]
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(self.class(), 4 | 5)
    }

    /// Whether it is a signal, which only CoAP over a stream has (RFC 8323 §5.1).
    #[inline]
    #[must_use]
    pub const fn is_signal(self) -> bool {
        self.class() == 7
    }

    /// Whether the code is registered.
    #[inline]
    #[must_use]
    pub const fn is_registered(self) -> bool {
        match self.class() {
            0 => self.detail() <= 7,
            2 => matches!(self.detail(), 1..=5 | 31),
            4 => matches!(self.detail(), 0..=6 | 8 | 9 | 12 | 13 | 15 | 22 | 29),
            5 => matches!(self.detail(), 0..=5 | 8),
            7 => matches!(self.detail(), 1..=5),
            _ => false,
        }
    }

    /// The name of a registered method.
    #[must_use]
    pub const fn method(self) -> Option<&'static str> {
        Some(match self {
            Self::GET => "GET",
            Self::POST => "POST",
            Self::PUT => "PUT",
            Self::DELETE => "DELETE",
            Self::FETCH => "FETCH",
            Self::PATCH => "PATCH",
            Self::IPATCH => "iPATCH",
            _ => return None,
        })
    }

    /// The method with this name.
    #[must_use]
    pub fn from_method(name: &str) -> Option<Self> {
        (1..=7).map(Self).find(|code| code.method() == Some(name))
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.class(), self.detail())
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_names() {
        assert_eq!(Code::CONTENT.0, 0x45);
        assert_eq!(Code::CONTENT.to_string(), "2.05");
        assert_eq!(Code::NOT_FOUND.to_string(), "4.04");
        assert!(Code::GET.is_request() && !Code::EMPTY.is_request());
        assert!(Code::new(5, 3).is_response() && !Code::new(0, 3).is_response());
        assert_eq!(Code::from_method("iPATCH"), Some(Code::IPATCH));
        assert_eq!(Code::from_method("get"), None);
        assert!(!Code::new(0, 8).is_registered() && Code::new(4, 13).is_registered());
    }
}
