//! Whom the XDP program would have kept out during a capture: those that rules ban, from the next frame on
//! and for as long as the capture's clock says; and those on the lists of `[block]`, all the while.
//!
//! As there, `never` wins over whatever it holds all of, of the other networks that cover a source the longest counts,
//! and only frames of services are kept out. In monitor mode none are.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use inspect::Instant;
use ipnet::IpNet;
use policy::{Mode, RuleIndex, Service, Services};
use wire::net::{Packet, Transport};

use crate::control::feeds::Sources;
use crate::control::never::Never;

/// Bans that are remembered, as many as the block list in the kernel has room for.
const MAX_BANS: usize = 1 << 20;

/// Sources that are kept out.
pub(super) struct KeptOut {
    mode: Mode,
    services: Services,
    /// Networks of the lists, and those never kept out: whether it is one of the former.
    listed: HashMap<IpNet, bool>,
    never: Never,
    /// Until when, and by which rule.
    bans: HashMap<IpNet, (Instant, RuleIndex)>,
    /// Which lengths all of them have, the longest first.
    lengths: BTreeSet<Reverse<u8>>,
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
        let (blocked, never) = sources.clone().settle();
        let blocked = blocked.into_iter().map(|network| (network, true));
        let exempt = never.networks().iter().map(|network| (*network, false));
        let listed: HashMap<IpNet, bool> = blocked.chain(exempt).collect();
        let lengths = listed.keys().map(|network| Reverse(network.prefix_len()));
        Self {
            mode,
            services: services.clone(),
            lengths: lengths.collect(),
            listed,
            never,
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
        if self.never.covers(ban.source) {
            return;
        }
        if self.bans.len() == MAX_BANS {
            self.bans.retain(|_, (until, _)| *until > now);
        }
        if self.bans.len() < MAX_BANS || self.bans.contains_key(&ban.source) {
            self.lengths.insert(Reverse(ban.source.prefix_len()));
            let until = now + ban.duration;
            let (longest, _) = *self.bans.entry(ban.source).or_insert((until, rule));
            if until > longest {
                self.bans.insert(ban.source, (until, rule));
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

    /// The longest network counts of those that cover a source, but for bans that are over.
    fn cause_against(&self, now: Instant, source: IpAddr) -> Option<Cause> {
        let banned = |network: &IpNet| {
            let (until, rule) = self.bans.get(network)?;
            (now < *until).then_some(Some(Cause::Ban(*rule)))
        };
        let listed = |network: &IpNet| {
            let is_kept_out = self.listed.get(network)?;
            Some(is_kept_out.then_some(Cause::List))
        };
        let mut covering = self.covering(source.into());
        covering
            .find_map(|network| banned(&network).or_else(|| listed(&network)))
            .flatten()
    }

    /// The networks a source is in of which one may be known, the longest first.
    fn covering(&self, source: IpNet) -> impl Iterator<Item = IpNet> {
        let lengths = self.lengths.iter().map(|Reverse(length)| *length);
        let lengths = lengths.filter(move |length| *length <= source.prefix_len());
        lengths.filter_map(move |length| Some(IpNet::new(source.addr(), length).ok()?.trunc()))
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
        let networks = |texts: &[&str]| texts.iter().map(|text| network(text)).collect();
        let sources = Sources {
            blocked: networks(blocked),
            never: networks(never),
        };
        KeptOut::new(&sources, &Services::default(), Mode::Enforce)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn network(text: &str) -> IpNet {
        let parsed = text.parse::<IpAddr>().map(IpNet::from);
        parsed.or_else(|_| text.parse()).expect("a network")
    }

    #[test]
    fn the_longest_network_counts_and_never_wins() {
        let blocked = [
            "10.0.0.0/8",
            "10.20.0.7/32",
            "10.20.0.8/32",
            "10.21.0.0/28",
            "2001:db8::/32",
        ];
        let never = ["10.20.0.0/16", "10.20.0.8/32", "10.21.0.8/32"];
        let kept_out = kept_out(&blocked, &never);
        let now = Instant::ZERO;
        for (source, expected) in [
            ("10.1.0.1", true),
            ("10.20.0.1", false),
            ("10.20.0.7", false),
            ("10.20.0.8", false),
            ("10.21.0.7", true),
            ("10.21.0.8", false),
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
                source: network(source),
                duration: Duration::from_secs(seconds),
            };
            kept_out.ban(Instant::from_secs(100), [(ban, rule)]);
        }
        let cause = |at, source| kept_out.cause_against(Instant::from_secs(at), address(source));
        assert_eq!(cause(159, "10.20.0.7"), Some(Cause::Ban(long)));
        assert_eq!(cause(160, "10.20.0.7"), None);
        assert_eq!(cause(101, "10.20.0.8"), None, "never");
    }

    #[test]
    fn a_banned_network_keeps_all_its_addresses_out_but_those_never_kept_out() {
        let mut kept_out = kept_out(&["fd00:20::9/128"], &["fd00:20::1/128", "fd00:21::/48"]);
        for source in ["fd00:20::/64", "fd00:21::/64"] {
            let ban = policy::Ban {
                source: network(source),
                duration: Duration::from_secs(60),
            };
            kept_out.ban(Instant::from_secs(100), [(ban, RuleIndex(1))]);
        }
        let cause = |at, source| kept_out.cause_against(Instant::from_secs(at), address(source));
        for (source, during, after) in [
            ("fd00:20::7", Some(Cause::Ban(RuleIndex(1))), None),
            ("fd00:20::9", Some(Cause::List), Some(Cause::List)),
            ("fd00:20::1", None, None),
            ("fd00:20:0:1::7", None, None),
            ("fd00:21::7", None, None),
        ] {
            assert_eq!(cause(159, source), during, "{source}");
            assert_eq!(cause(160, source), after, "{source}");
        }
    }
}
