//! What can become of a frame in the XDP program.

/// What happens to the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// It goes to a worker.
    Inspect,
    /// It leaves by the peer port without inspection.
    Forward,
    /// It is refused: dropped, or forwarded where the gateway only monitors.
    Refuse,
    /// It is dropped.
    Drop,
}

macro_rules! outcomes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal => $disposition:ident,)+) => {
        /// What became of a frame. Every frame has exactly one outcome, and is counted under it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Outcome {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Outcome {
            /// All outcomes, in the order of their indices.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Stable name: the value of the metric's label.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What happens to the frame.
            #[must_use]
            #[inline(always)]
            pub const fn disposition(self) -> Disposition {
                match self {
                    $(Self::$variant => Disposition::$disposition,)+
                }
            }
        }
    };
}

outcomes! {
    /// Of a service: handed to the worker of its queue.
    Inspect = "inspect" => Inspect,
    /// Of a service, from a banned source, where the gateway only monitors: handed to the worker like
    /// any other.
    WouldBan = "would-ban" => Inspect,
    /// Not of a service.
    Forward = "forward" => Forward,
    /// A fragment of a TCP or UDP datagram after the first. Its ports are in the first, without
    /// which no receiver can put the datagram together.
    ForwardFragment = "forward-fragment" => Forward,
    /// First fragment of a datagram of a service, let through because the configuration says so.
    OpenFragment = "open-fragment" => Forward,
    /// Of a service; no worker has a socket on the queue; `on_failure = "open"`.
    OpenNoSocket = "open-no-socket" => Forward,
    /// Of a service; the worker's heartbeat is stale; `on_failure = "open"`.
    OpenStale = "open-stale" => Forward,
    /// Of a service; no worker has a socket on the queue; `on_failure = "closed"`.
    ClosedNoSocket = "closed-no-socket" => Drop,
    /// Of a service; the worker's heartbeat is stale; `on_failure = "closed"`.
    ClosedStale = "closed-stale" => Drop,
    /// Of a service, from a banned source, where the gateway enforces.
    Banned = "banned" => Refuse,
    /// First fragment of a datagram of a service, or too short to tell.
    Fragment = "fragment" => Refuse,
    /// Shorter than an Ethernet header, or than the VLAN tag it announces.
    MalformedEthernet = "malformed-ethernet" => Refuse,
    /// Of a service behind two VLAN tags, or anything behind more: one tag is what is inspected.
    VlanStacked = "vlan-stacked" => Refuse,
    /// IPv4 header cut short, of another version or too short; or of a service, with an impossible
    /// total length (RFC 791 section 3.1).
    MalformedIpv4 = "malformed-ipv4" => Refuse,
    /// IPv6 header cut short or of another version; or of a service, with an impossible payload
    /// length (RFC 8200 section 3).
    MalformedIpv6 = "malformed-ipv6" => Refuse,
    /// IPv6 extension header that is cut short, or more of them than are walked.
    MalformedIpv6Extension = "malformed-ipv6-extension" => Refuse,
    /// TCP header cut short before its ports; or of a service, and broken (RFC 9293 section 3.1).
    MalformedTcp = "malformed-tcp" => Refuse,
    /// UDP header cut short before its ports; or of a service, and broken (RFC 768).
    MalformedUdp = "malformed-udp" => Refuse,
    /// Of a service, from a source that has sent more than its budget.
    OverBudget = "over-budget" => Refuse,
    /// A CoAP response to a client that was sent more of them than its budget.
    OverClientBudget = "over-client-budget" => Refuse,
    /// CoAP datagram shorter than the header (RFC 7252 section 3).
    CoapTooShort = "coap-too-short" => Refuse,
    /// CoAP of another version than 1 (RFC 7252 section 3).
    CoapVersion = "coap-version" => Refuse,
    /// CoAP with a code of a reserved class (RFC 7252 section 12.1).
    CoapCodeClass = "coap-code-class" => Refuse,
    /// A CoAP reset that isn't empty (RFC 7252 section 4.2).
    CoapResetNotEmpty = "coap-reset-not-empty" => Refuse,
    /// A CoAP acknowledgement that carries a request (RFC 7252 section 4.2).
    CoapAckRequest = "coap-ack-request" => Refuse,
    /// An empty CoAP message that is non-confirmable (RFC 7252 section 4.3).
    CoapEmptyNonConfirmable = "coap-empty-non-confirmable" => Refuse,
    /// An empty CoAP message with bytes behind its header (RFC 7252 section 4.1).
    CoapEmptyMessage = "coap-empty-message" => Refuse,
    /// CoAP with the reserved token length 15 (RFC 7252 section 3, RFC 8974 section 2.1).
    CoapTokenLength = "coap-token-length" => Refuse,
    /// CoAP that ends inside its token (RFC 7252 section 3).
    CoapTokenTruncated = "coap-token-truncated" => Refuse,
    /// CoAP message larger than the limit.
    CoapTooLarge = "coap-too-large" => Refuse,
    /// To be forwarded, but the link has no device at its other end.
    NoPeer = "no-peer" => Drop,
}

impl Outcome {
    /// Index of its counter.
    #[must_use]
    #[inline(always)]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The inspector's code for the same finding, for what the program finds in a datagram's payload.
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        Some(match self {
            Self::CoapTooShort => "coap.malformed.too-short",
            Self::CoapVersion => "coap.malformed.version",
            Self::CoapCodeClass => "coap.malformed.code-class",
            Self::CoapResetNotEmpty => "coap.malformed.reset-not-empty",
            Self::CoapAckRequest => "coap.malformed.ack-request",
            Self::CoapEmptyNonConfirmable => "coap.malformed.empty-non-confirmable",
            Self::CoapEmptyMessage => "coap.malformed.empty-message",
            Self::CoapTokenLength => "coap.malformed.token-length",
            Self::CoapTokenTruncated => "coap.malformed.token-truncated",
            Self::CoapTooLarge => "coap.too-large",
            _ => return None,
        })
    }
}

/// A set of outcomes, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutcomeSet(pub u64);

const _: () = assert!(Outcome::ALL.len() <= u64::BITS as usize);

impl OutcomeSet {
    /// The set with this outcome too.
    #[must_use]
    pub const fn with(self, outcome: Outcome) -> Self {
        Self(self.0 | 1 << outcome.index())
    }

    /// Whether there is none.
    #[must_use]
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the outcome is one of them.
    #[must_use]
    #[inline(always)]
    pub const fn contains(self, outcome: Outcome) -> bool {
        self.0 & 1 << outcome.index() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_dense_and_names_are_unique_labels() {
        for (index, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(outcome.index(), index);
            let name = outcome.name();
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
            let same = Outcome::ALL.iter().filter(|o| o.name() == name).count();
            assert_eq!(same, 1, "{name} names {same} outcomes");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        for outcome in Outcome::ALL {
            let set = OutcomeSet::default().with(*outcome);
            let held = Outcome::ALL.iter().filter(|other| set.contains(**other));
            assert!(held.eq([outcome]));
        }
    }
}
