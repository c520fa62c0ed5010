//! Signals: what the ends of a stream tell each other about the connection (RFC 8323 §5).
//!
//! Each signal has options of its own, numbered apart from those of requests and responses (§5.2).

use super::option::{Opt, Walk};
use super::registry::{Definition, Format, Place, is_critical};
use super::{Anomalies, Anomaly, Code, Malformed, tcp};

/// The largest message an end takes that has announced nothing (RFC 8323 §5.3.1).
pub const MAX_MESSAGE_SIZE_BASE: u32 = 1152;

/// Max-Message-Size of a CSM.
const MAX_MESSAGE_SIZE: u16 = 2;
/// Extended-Token-Length of a CSM (RFC 8974 §2.2.1).
const EXTENDED_TOKEN_LENGTH: u16 = 6;

/// What an end says in a CSM (RFC 8323 §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The largest message it takes, if it says.
    pub max_message_size: Option<u32>,
    /// The longest token it takes, if it says.
    pub extended_token_len: Option<u32>,
}

impl Capabilities {
    /// What `message` says, if it is a CSM.
    #[must_use]
    pub fn of(message: &tcp::Message<'_>) -> Option<Self> {
        (message.code() == Code::CSM).then(|| Self {
            max_message_size: message.uint(MAX_MESSAGE_SIZE),
            extended_token_len: message.uint(EXTENDED_TOKEN_LENGTH),
        })
    }
}

/// Walks and checks the options of a signal, leaving `walk` at the payload marker or the end.
pub(super) fn check_options(
    walk: &mut Walk<'_>,
    code: Code,
    anomalies: &mut Anomalies,
) -> Result<(), Malformed> {
    let mut last = None;
    while let Some(option) = walk.next()? {
        check(&option, code, last == Some(option.number), anomalies)?;
        last = Some(option.number);
    }
    Ok(())
}

fn check(
    option: &Opt<'_>,
    code: Code,
    repeats: bool,
    anomalies: &mut Anomalies,
) -> Result<(), Malformed> {
    match definition(code, option.number) {
        Some(definition) => option.check_value(definition, repeats, anomalies),
        None if is_critical(option.number) => {
            anomalies.insert(Anomaly::UnknownCriticalOption);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Looks a signal's option up (RFC 8323 §11.2, RFC 8974 §5.1).
#[must_use]
pub const fn definition(code: Code, option: u16) -> Option<&'static Definition> {
    macro_rules! defined {
        ($name:literal $format:ident $min:literal..=$max:literal $repeatable:literal) => {
            Some(&Definition {
                name: $name,
                format: Format::$format,
                len_min: $min,
                len_max: $max,
                repeatable: $repeatable,
                place: Place::Either,
            })
        };
    }
    match (code, option) {
        (Code::CSM, MAX_MESSAGE_SIZE) => defined!("Max-Message-Size" Uint 0..=4 false),
        (Code::CSM, 4) => defined!("Block-Wise-Transfer" Empty 0..=0 false),
        (Code::CSM, EXTENDED_TOKEN_LENGTH) => defined!("Extended-Token-Length" Uint 0..=3 false),
        (Code::PING | Code::PONG, 2) => defined!("Custody" Empty 0..=0 false),
        (Code::RELEASE, 2) => defined!("Alternative-Address" Text 1..=255 true),
        (Code::RELEASE, 4) => defined!("Hold-Off" Uint 0..=3 false),
        (Code::ABORT, 2) => defined!("Bad-CSM-Option" Uint 0..=2 false),
        _ => None,
    }
}
