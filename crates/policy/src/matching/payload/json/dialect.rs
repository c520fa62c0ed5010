//! Ways in which lenient readers differ: what is a comment to one is a word to another, and hides what that one sees.

/// What a reader takes for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Of JSON5, Newtonsoft.Json and Jackson: comments that end with their line.
    Json5,
    /// Of Gson, which is lenient by default: `#` begins a comment, `=` and `=>` are colons, `;` is a comma, and nothing
    /// between two commas is null. Jackson can be told to take the first and the last.
    Gson,
    /// Of json-c, RapidJSON and yajl: only a line feed ends a line.
    LineFeeds,
    /// Of jsmn, where nothing but what JSON has is more than a part of a word.
    Jsmn,
}

/// What a byte is to words, by dialect.
const ENDS_JSON5: u8 = 1;
const ENDS_GSON: u8 = 2;
const ENDS_LINE_FEEDS: u8 = 4;
const ENDS_JSMN: u8 = 8;
const ENDS_ALL: u8 = ENDS_JSON5 | ENDS_GSON | ENDS_LINE_FEEDS | ENDS_JSMN;
/// Where it stands outside of quotes, dialects differ.
const IS_ODD: u8 = 16;
/// White space and comments may begin with it.
const BEGINS_SPACE: u8 = 32;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte: u8 = 0;
    while byte < u8::MAX {
        classes[byte as usize] = match byte {
            0..=b' ' => ENDS_ALL | BEGINS_SPACE,
            b'}' | b']' | b':' | b',' => ENDS_ALL,
            // No word of JSON has these behind it.
            b'{' | b'[' | b'"' => ENDS_ALL | IS_ODD,
            b'\'' => ENDS_JSON5 | ENDS_LINE_FEEDS | IS_ODD,
            b'/' => ENDS_JSON5 | ENDS_GSON | ENDS_LINE_FEEDS | IS_ODD | BEGINS_SPACE,
            b'#' => ENDS_GSON | IS_ODD | BEGINS_SPACE,
            b';' | b'=' | b'\\' => ENDS_GSON | IS_ODD,
            0x80.. => BEGINS_SPACE,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Whether white space or a comment may begin with it.
#[inline]
pub(super) fn begins_space(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & BEGINS_SPACE != 0
}

impl Dialect {
    /// The first is enough for a text in which they don't differ.
    pub(super) const ALL: [Self; 4] = [Self::Json5, Self::Gson, Self::LineFeeds, Self::Jsmn];

    /// How long the word is that a text begins with, and whether dialects may differ about it.
    pub(super) fn word(self, text: &[u8]) -> (usize, bool) {
        let ends = self.ends();
        let (mut len, mut seen) = (0, 0);
        for byte in text {
            let class = CLASSES[usize::from(*byte)];
            seen |= class;
            if class & ends != 0 {
                break;
            }
            len += 1;
        }
        (len, seen & IS_ODD != 0)
    }

    fn ends(self) -> u8 {
        match self {
            Self::Json5 => ENDS_JSON5,
            Self::Gson => ENDS_GSON,
            Self::LineFeeds => ENDS_LINE_FEEDS,
            Self::Jsmn => ENDS_JSMN,
        }
    }

    /// How long the comment is that a text begins with.
    pub(super) fn comment(self, text: &[u8]) -> Option<usize> {
        match text {
            _ if self == Self::Jsmn => None,
            [b'/', b'*', rest @ ..] => {
                let end = memchr::memmem::find(rest, b"*/");
                Some(end.map_or(text.len(), |end| end + 4))
            }
            [b'/', b'/', ..] => Some(self.line_len(text)),
            [b'#', ..] if self == Self::Gson => Some(self.line_len(text)),
            _ => None,
        }
    }

    fn line_len(self, text: &[u8]) -> usize {
        let mut ends = memchr::memchr3_iter(b'\n', b'\r', 0xe2, text);
        let end = ends.find(|end| match text[*end] {
            b'\n' => true,
            b'\r' => self != Self::LineFeeds,
            // The separators of lines and of paragraphs (JSON5 §7).
            _ => self == Self::Json5 && matches!(text[*end..], [_, 0x80, 0xa8 | 0xa9, ..]),
        });
        end.unwrap_or(text.len())
    }

    pub(super) fn is_quote(self, byte: u8) -> bool {
        byte == b'"' || byte == b'\'' && self != Self::Jsmn
    }

    pub(super) fn is_colon(self, byte: u8) -> bool {
        byte == b':' || byte == b'=' && self == Self::Gson
    }

    pub(super) fn is_comma(self, byte: u8) -> bool {
        byte == b',' || byte == b';' && self == Self::Gson
    }

    /// Whether nothing has a place in an array.
    pub(super) fn counts_nothing(self) -> bool {
        self == Self::Gson
    }
}
