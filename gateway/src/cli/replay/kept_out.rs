//! Whom the XDP program would have kept out during a capture: those that rules ban, from the next frame on
//! and for as long as the capture's clock says; and those on the lists of `[block]`, all the while.
//!
//! As there, of the networks that cover a source the longest counts, `never` wins, and only frames of
//! services are kept out. In monitor mode none are.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use inspect::Instant;
use ipnet::IpNet;
use policy::{Mode, RuleIndex, Service, Services};
use wire::net::{Packet, Transport};

use crate::control::feeds::Sources;

/// Bans that are remembered, as many as the block list in the kernel has room for.
const MAX_BANS: usize = 1 << 20;

/// Sources that are kept out.
pub(super) struct KeptOut {
    mode: Mode,
    services: Services,
    /// Networks of the lists, and those never kept out: whether it is one of the former.
    listed: HashMap<IpNet, bool>,
    /// Which lengths those have, the longest first.
    lengths: BTreeSet<Reverse<u8>>,
    /// Until when, and by which rule.
    bans: HashMap<IpAddr, (Instant, RuleIndex)>,
    /// Frames that were kept out.
    frames: u64,
}

/// Why a frame is kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// This rule has banned its source.
    Ban(RuleIndex),
    /// Its source stands on a list.
    List,
}

impl Cause {
    /// Its name in a line of verdicts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ban(_) => "ban",
            Self::List => "block-list",
        }
    }
}

impl KeptOut {
    pub(super) fn new(sources: &Sources, services: &Services, mode: Mode) -> Self {
        let blocked = sources.blocked.iter().map(|network| (*network, true));
        let never = sources.never.iter().map(|network| (*network, false));
        // What stands in both is never kept out.
        let listed: HashMap<IpNet, bool> = blocked.chain(never).collect();
        let lengths = listed.keys().map(|network| Reverse(network.prefix_len()));
        Self {
            mode,
            services: services.clone(),
            lengths: lengths.collect(),
            listed,
            bans: HashMap::new(),
            frames: 0,
        }
    }

    /// Rules ban sources.
    pub(super) fn ban(
        &mut self,
        now: Instant,
        bans: impl IntoIterator<Item = (policy::Ban, RuleIndex)>,
    ) {
        for (ban, rule) in bans {
            self.ban_one(now, &ban, rule);
        }
    }

    fn ban_one(&mut self, now: Instant, ban: &policy::Ban, rule: RuleIndex) {
        if self.is_listed(ban.address) == Some(false) {
            return;
        }
        if self.bans.len() == MAX_BANS {
            self.bans.retain(|_, (until, _)| *until > now);
        }
        if self.bans.len() < MAX_BANS || self.bans.contains_key(&ban.address) {
            let until = now + ban.duration;
            let (longest, _) = *self.bans.entry(ban.address).or_insert((until, rule));
            if until > longest {
                self.bans.insert(ban.address, (until, rule));
            }
        }
    }

    /// Whether a frame is kept out, and why.
    pub(super) fn cause(&mut self, now: Instant, frame: &[u8]) -> Option<Cause> {
        let packet = Packet::decode(frame).ok()?;
        if self.mode == Mode::Monitor || !self.is_of_service(&packet) {
            return None;
        }
        let cause = self.cause_against(now, packet.source())?;
        self.frames += 1;
        Some(cause)
    }

    fn cause_against(&self, now: Instant, source: IpAddr) -> Option<Cause> {
        match self.bans.get(&source) {
            Some(&(until, rule)) if now < until => Some(Cause::Ban(rule)),
            _ => (self.is_listed(source) == Some(true)).then_some(Cause::List),
        }
    }

    /// What the longest network says that covers a source: whether it is kept out. None if none covers it.
    fn is_listed(&self, source: IpAddr) -> Option<bool> {
        self.lengths.iter().find_map(|Reverse(length)| {
            let network = IpNet::new(source, *length).ok()?;
            self.listed.get(&network.trunc()).copied()
        })
    }

    fn is_of_service(&self, packet: &Packet<'_>) -> bool {
        let Some((source, destination)) = packet.endpoints() else {
            return false;
        };
        let has = |services: &[(&[u16], Service)]| {
            let mut ports = services.iter().flat_map(|(ports, _)| ports.iter());
            ports.any(|port| [source.port(), destination.port()].contains(port))
        };
        match packet.transport {
            Transport::Tcp(_) => has(&self.services.over_tcp()),
            _ => has(&self.services.over_udp()),
        }
    }

    /// What is worth saying at the end.
    pub(super) fn note(&self) -> Option<String> {
        (self.frames > 0).then(|| {
            format!(
                "{} frames were kept out, as the XDP program does it: their sources were banned, or on a list \
                 of [block] (`kept_out` in --verdicts)",
                self.frames
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kept_out(blocked: &[&str], never: &[&str]) -> KeptOut {
        let networks = |texts: &[&str]| {
            let network = |text: &&str| text.parse().expect("a network");
            texts.iter().map(network).collect()
        };
        let sources = Sources {
            blocked: networks(blocked),
            never: networks(never),
        };
        KeptOut::new(&sources, &Services::default(), Mode::Enforce)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_longest_network_counts_and_never_wins() {
        let blocked = [
            "10.0.0.0/8",
            "10.20.0.7/32",
            "10.20.0.8/32",
            "2001:db8::/32",
        ];
        let kept_out = kept_out(&blocked, &["10.20.0.0/16", "10.20.0.8/32"]);
        let now = Instant::ZERO;
        for (source, expected) in [
            ("10.1.0.1", true),
            ("10.20.0.1", false),
            ("10.20.0.7", true),
            ("10.20.0.8", false),
            ("192.0.2.1", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
        ] {
            let cause = kept_out.cause_against(now, address(source));
            assert_eq!(cause, expected.then_some(Cause::List), "{source}");
        }
    }

    #[test]
    fn a_ban_holds_for_its_time_and_none_shortens_another() {
        let mut kept_out = kept_out(&[], &["10.20.0.8/32"]);
        let (long, short) = (RuleIndex(1), RuleIndex(2));
        for (source, seconds, rule) in [
            ("10.20.0.7", 60, long),
            ("10.20.0.7", 10, short),
            ("10.20.0.8", 60, long),
        ] {
            let ban = policy::Ban {
                address: address(source),
                duration: Duration::from_secs(seconds),
            };
            kept_out.ban(Instant::from_secs(100), [(ban, rule)]);
        }
        let cause = |at, source| kept_out.cause_against(Instant::from_secs(at), address(source));
        assert_eq!(cause(159, "10.20.0.7"), Some(Cause::Ban(long)));
        assert_eq!(cause(160, "10.20.0.7"), None);
        assert_eq!(cause(101, "10.20.0.8"), None, "never");
    }
}
