//! What can be said against a CoAP datagram by its header alone (RFC 7252 section 3).
//!
//! The inspector's parser is the authority: this finds the same faults, in the same order, and leaves
//! everything else to it. Options aren't looked at.

use abi::Outcome;

use crate::header::Coap;

const VERSION: u8 = 1;
const NON_CONFIRMABLE: u8 = 1;
const ACKNOWLEDGEMENT: u8 = 2;
const RESET: u8 = 3;
/// Token lengths above it announce longer tokens (RFC 8974 section 2.1), but for the last.
const TOKEN_LENGTH_PLAIN: u8 = 12;
const TOKEN_LENGTH_RESERVED: u8 = 15;

/// What is wrong with the header of a datagram of `len` bytes.
#[inline(always)]
#[must_use]
pub fn fault(header: Option<&Coap>, len: usize) -> Option<Outcome> {
    let (Some(header), Some(body_len)) = (header, len.checked_sub(size_of::<Coap>())) else {
        return Some(Outcome::CoapTooShort);
    };
    if header.version() != VERSION {
        return Some(Outcome::CoapVersion);
    }
    if let fault @ Some(_) = fault_of_code(header, body_len) {
        return fault;
    }
    match header.token_length() {
        TOKEN_LENGTH_RESERVED => Some(Outcome::CoapTokenLength),
        len @ ..=TOKEN_LENGTH_PLAIN if usize::from(len) > body_len => {
            Some(Outcome::CoapTokenTruncated)
        }
        _ => None,
    }
}

/// Classes 2 to 5 answer, class 0 asks or is empty, and there is no other (RFC 7252 section 12.1);
/// which of them a type may carry says section 4.2, table 1.
#[inline(always)]
fn fault_of_code(header: &Coap, body_len: usize) -> Option<Outcome> {
    let is_empty = header.code == 0;
    let class = header.code >> 5;
    if !matches!(class, 0 | 2..=5) {
        return Some(Outcome::CoapCodeClass);
    }
    match header.message_type() {
        RESET if !is_empty => return Some(Outcome::CoapResetNotEmpty),
        ACKNOWLEDGEMENT if class == 0 && !is_empty => return Some(Outcome::CoapAckRequest),
        NON_CONFIRMABLE if is_empty => return Some(Outcome::CoapEmptyNonConfirmable),
        _ => {}
    }
    if is_empty && (header.token_length() != 0 || body_len != 0) {
        return Some(Outcome::CoapEmptyMessage);
    }
    None
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::frame::Frame;

    fn fault_in(bytes: &[u8]) -> Option<Outcome> {
        fault(Frame::of(bytes).at(0), bytes.len())
    }

    #[test]
    fn each_fault_is_found() {
        for (bytes, expected) in [
            (&hex!("")[..], Outcome::CoapTooShort),
            (&hex!("400100"), Outcome::CoapTooShort),
            (&hex!("00010001"), Outcome::CoapVersion),
            (&hex!("80010001"), Outcome::CoapVersion),
            (&hex!("c0010001"), Outcome::CoapVersion),
            (&hex!("40210001"), Outcome::CoapCodeClass),
            (&hex!("40c00001"), Outcome::CoapCodeClass),
            (&hex!("50e10001"), Outcome::CoapCodeClass),
            (&hex!("70450001"), Outcome::CoapResetNotEmpty),
            (&hex!("60010001"), Outcome::CoapAckRequest),
            (&hex!("50000001"), Outcome::CoapEmptyNonConfirmable),
            (&hex!("40000001ff"), Outcome::CoapEmptyMessage),
            (&hex!("41000001"), Outcome::CoapEmptyMessage),
            (&hex!("6000000100"), Outcome::CoapEmptyMessage),
            (&hex!("4f010001"), Outcome::CoapTokenLength),
            (&hex!("44010001aabbcc"), Outcome::CoapTokenTruncated),
            (&hex!("4c010001aabbcc"), Outcome::CoapTokenTruncated),
        ] {
            assert_eq!(fault_in(bytes), Some(expected), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_may_be_right_is_left_alone() {
        for bytes in [
            &hex!("40010001")[..],
            // A ping, its answer, an empty acknowledgement.
            &hex!("40000001"),
            &hex!("70000001"),
            &hex!("60000001"),
            // An unknown method, a piggybacked answer, a non-confirmable one.
            &hex!("401f0001"),
            &hex!("6045000161"),
            &hex!("504500010102"),
            // Tokens of eight bytes, of nine and of more (RFC 8974).
            &hex!("480100010102030405060708"),
            &hex!("49010001010203040506070809"),
            &hex!("4d010001"),
            &hex!("4e010001ffff"),
            // Options and payload are the inspector's.
            &hex!("40010001ff"),
            &hex!("40010001f0"),
        ] {
            assert_eq!(fault_in(bytes), None, "{bytes:02x?}");
        }
    }
}
