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
    /// Of a service, from a banned source.
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
}
