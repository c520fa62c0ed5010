//! Frames whose source address can't be their sender's.

use std::net::IpAddr;

use policy::{Action, Protocol, Reason};

use crate::context::{Arrival, Context};
use crate::{Outcome, Sink};

/// Whether no frame on a link may come from `source` (RFC 1122 §3.2.1.3; RFC 4291 §2.5.2, §2.5.3, §2.7).
/// What a host says to itself is on no link, but in captures of its own.
pub(crate) fn is_martian(source: IpAddr, destination: IpAddr) -> bool {
    let is_this_network = match source {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unspecified(),
    };
    let is_loopback = source.is_loopback() && !destination.is_loopback();
    is_this_network || is_loopback || source.is_multicast()
}

/// A frame from where none comes.
pub(crate) fn handle_martian<S: Sink>(cx: &mut Context<'_, S>, arrival: &Arrival) -> Outcome {
    handle_forged(cx, arrival, Reason::IP_MARTIAN)
}

/// A frame that claims to come from an end which stands elsewhere, or from its own receiver.
pub(crate) fn handle_wrong_side<S: Sink>(cx: &mut Context<'_, S>, arrival: &Arrival) -> Outcome {
    handle_forged(cx, arrival, Reason::IP_WRONG_SIDE)
}

fn handle_forged<S: Sink>(cx: &mut Context<'_, S>, arrival: &Arrival, reason: Reason) -> Outcome {
    let reasons = [reason];
    let subject = arrival.detection(Protocol::Ip, &reasons);
    cx.judge_or(Action::Drop, arrival, &subject, &mut ())
        .outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_hosts_are_told_from_those_of_nobody() {
        let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let is = |text: &str| is_martian(address(text), address("192.0.2.1"));
        for address in [
            "127.0.0.1",
            "224.0.1.187",
            "255.255.255.255",
            "0.0.0.0",
            "::1",
            "::",
            "ff02::fd",
        ] {
            assert!(is(address), "{address}");
        }
        for address in [
            "10.0.0.1",
            "169.254.3.4",
            "192.0.2.255",
            "fe80::1",
            "fd00::7",
        ] {
            assert!(!is(address), "{address}");
        }
        assert!(!is_martian(address("::1"), address("::1")));
        assert!(!is_martian(address("127.0.0.1"), address("127.0.0.2")));
    }
}
