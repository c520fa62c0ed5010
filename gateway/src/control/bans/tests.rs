//! What becomes of bans, with maps that are a list.

use std::sync::Mutex;

use policy::RuleIndex;

use super::*;

const SECOND_NS: u64 = 1_000_000_000;

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Vec<(IpNet, u64)>>>, usize);

impl Fake {
    fn roomy() -> Self {
        Self(Arc::default(), 100)
    }
}

impl BlockList for Fake {
    type Error = String;

    fn place(&mut self, source: IpNet, expires_ns: u64) -> Result<(), String> {
        let mut list = self.0.lock().expect("one thread");
        list.retain(|(net, _)| *net != source);
        if list.len() == self.1.max(2) {
            return Err("full".to_owned());
        }
        list.push((source, expires_ns));
        Ok(())
    }

    fn lift(&mut self, source: IpNet) -> Result<(), String> {
        self.0
            .lock()
            .expect("one thread")
            .retain(|(ip, _)| *ip != source);
        Ok(())
    }

    fn found(&mut self) -> Vec<(IpNet, u64)> {
        self.0.lock().expect("one thread").clone()
    }
}

fn ban(source: &str, seconds: u64) -> Ban {
    Ban {
        source: network(source),
        duration: Duration::from_secs(seconds),
        rule: RuleIndex(0),
        generation: 1,
    }
}

/// An address, or a network.
fn network(text: &str) -> IpNet {
    let parsed = text.parse::<std::net::IpAddr>().map(IpNet::from);
    parsed.or_else(|_| text.parse()).expect("a network")
}

fn keeper(list: &Fake) -> (Keeper<Fake>, Arc<ControlCounts>) {
    let counts = Arc::new(ControlCounts::default());
    let keeper = Keeper::new(list.clone(), Arc::default(), Arc::clone(&counts));
    (keeper, counts)
}

#[test]
fn a_ban_is_placed_once_and_ends() {
    let list = Fake::default();
    let (mut keeper, counts) = keeper(&list);
    for _ in 0..100 {
        keeper.place(&ban("192.0.2.1", 60), SECOND_NS);
    }
    assert_eq!(
        *list.0.lock().expect("one thread"),
        [("192.0.2.1/32".parse().expect("an address"), 61 * SECOND_NS)]
    );
    keeper.sweep(60 * SECOND_NS);
    assert_eq!(counts.bans.load(Ordering::Relaxed), 1);
    keeper.sweep(61 * SECOND_NS);
    assert_eq!(counts.bans.load(Ordering::Relaxed), 0);
    assert!(list.0.lock().expect("one thread").is_empty());
}

#[test]
fn a_full_list_is_counted() {
    let list = Fake::default();
    let (mut keeper, counts) = keeper(&list);
    for source in ["192.0.2.1", "2001:db8::1", "192.0.2.3"] {
        keeper.place(&ban(source, 60), 0);
    }
    assert_eq!(counts.bans_placed.load(Ordering::Relaxed), 2);
    assert_eq!(counts.bans_failed.load(Ordering::Relaxed), 1);
}

#[test]
fn what_an_earlier_run_banned_ends_as_well() {
    let list = Fake::default();
    keeper(&list).0.place(&ban("192.0.2.1", 5), 0);
    let (mut successor, counts) = keeper(&list);
    assert_eq!(counts.bans.load(Ordering::Relaxed), 1);
    successor.sweep(5 * SECOND_NS);
    assert_eq!(counts.bans.load(Ordering::Relaxed), 0);
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    let mut networks: Vec<IpNet> = texts
        .iter()
        .map(|text| text.parse().expect("a network"))
        .collect();
    networks.sort_unstable();
    networks
}

fn follow(keeper: &mut Keeper<Fake>, blocked: &[&str], never: &[&str]) {
    let lists = Sources {
        blocked: networks(blocked),
        never: networks(never),
    };
    let placed = keeper.follow(lists);
    let counted = keeper.counts.unlisted.load(Ordering::Relaxed);
    assert_eq!(i64::try_from(placed.unplaced), Ok(counted));
}

/// What the kernel has, the last word on each source.
fn held(list: &Fake) -> Vec<(String, u64)> {
    let entries = list.0.lock().expect("one thread").clone();
    let by_source: std::collections::BTreeMap<IpNet, u64> = entries.into_iter().collect();
    by_source
        .into_iter()
        .map(|(net, end)| (net.to_string(), end))
        .collect()
}

fn is(list: &Fake, expected: &[(&str, u64)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(net, end)| ((*net).to_owned(), *end))
        .collect();
    assert_eq!(held(list), expected);
}

#[test]
fn lists_are_followed_and_a_successor_goes_on_with_them() {
    let list = Fake::roomy();
    let (mut first, counts) = keeper(&list);
    follow(&mut first, &["192.0.2.0/24", "198.51.100.7/32"], &[]);
    is(
        &list,
        &[
            ("192.0.2.0/24", FOREVER_NS),
            ("198.51.100.7/32", FOREVER_NS),
        ],
    );
    assert_eq!(counts.listed.load(Ordering::Relaxed), 2);
    assert_eq!(counts.bans.load(Ordering::Relaxed), 0);
    first.sweep(u64::MAX - 1);
    assert_eq!(held(&list).len(), 2, "no time takes them off");

    let (mut successor, counts) = keeper(&list);
    assert_eq!(counts.listed.load(Ordering::Relaxed), 2);
    follow(&mut successor, &["192.0.2.0/24", "203.0.113.0/24"], &[]);
    is(
        &list,
        &[("192.0.2.0/24", FOREVER_NS), ("203.0.113.0/24", FOREVER_NS)],
    );
    follow(&mut successor, &[], &[]);
    is(&list, &[]);
}

#[test]
fn what_is_never_kept_out_wins() {
    let list = Fake::roomy();
    let (mut keeper, counts) = keeper(&list);
    keeper.place(&ban("10.0.0.5", 60), 0);
    keeper.place(&ban("10.0.0.6", 60), 0);
    follow(
        &mut keeper,
        &["10.0.0.0/8", "10.0.0.4/31", "10.0.0.5/32", "10.0.0.7/32"],
        &["10.0.0.4/31", "10.0.0.7/32"],
    );
    is(
        &list,
        &[
            ("10.0.0.0/8", FOREVER_NS),
            ("10.0.0.4/31", NEVER_NS),
            ("10.0.0.6/32", 60 * SECOND_NS),
            ("10.0.0.7/32", NEVER_NS),
        ],
    );
    for source in ["10.0.0.5", "10.0.0.7"] {
        keeper.place(&ban(source, 60), 0);
    }
    assert_eq!(counts.bans_exempt.load(Ordering::Relaxed), 2);
    assert_eq!(held(&list).len(), 4);
    // Once it isn't any more, the lists hold it again.
    follow(&mut keeper, &["10.0.0.7/32"], &[]);
    is(
        &list,
        &[("10.0.0.6/32", 60 * SECOND_NS), ("10.0.0.7/32", FOREVER_NS)],
    );
}

#[test]
fn a_rule_bans_a_network_but_for_what_is_never_kept_out() {
    let list = Fake::roomy();
    let (mut keeper, counts) = keeper(&list);
    follow(&mut keeper, &[], &["2001:db8:7::1/128", "2001:db8:8::/48"]);
    for source in ["2001:db8:7::/64", "2001:db8:7::/64", "2001:db8:8::/64"] {
        keeper.place(&ban(source, 60), 0);
    }
    let kept_out = [
        ("2001:db8:7::/64", 60 * SECOND_NS),
        ("2001:db8:7::1/128", NEVER_NS),
        ("2001:db8:8::/48", NEVER_NS),
    ];
    is(&list, &kept_out);
    assert_eq!(counts.bans_exempt.load(Ordering::Relaxed), 1);
    let bans = granted(&mut keeper, 0, Wish::Show);
    assert_eq!(bans, [(network("2001:db8:7::/64"), 60)]);
    let unban = |asker| Wish::Unban(network("2001:db8:7::/64"), asker);
    assert_eq!(granted(&mut keeper, 0, unban), Ok(true));
    is(&list, &kept_out[1..]);
}

#[test]
fn a_ban_outlives_the_list_that_its_source_stood_on() {
    let list = Fake::roomy();
    let (mut keeper, _) = keeper(&list);
    keeper.place(&ban("192.0.2.1", 60), 0);
    follow(&mut keeper, &["192.0.2.1/32"], &[]);
    is(&list, &[("192.0.2.1/32", FOREVER_NS)]);
    follow(&mut keeper, &[], &[]);
    is(&list, &[("192.0.2.1/32", 60 * SECOND_NS)]);
}

#[test]
fn lists_that_cannot_be_read_stay_but_for_what_is_never_kept_out() {
    let list = Fake::default();
    let (mut keeper, counts) = keeper(&list);
    follow(
        &mut keeper,
        &["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"],
        &[],
    );
    let figures = || [&counts.listed, &counts.unlisted].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(figures(), [2, 1]);
    assert!(!counts.lists.is_failing());
    let stayed = keeper.stay(Vec::new(), "gone");
    assert_eq!((stayed.listed, stayed.unplaced), (2, 1));
    assert_eq!(figures(), [2, 1]);
    let spared = keeper.stay(networks(&["192.0.2.1/32"]), "gone yet");
    let failed = counts.lists.failure().expect("told");
    assert_eq!((&*failed.problem, failed.times), ("gone yet", 2));
    assert_eq!((spared.listed, spared.unplaced), (1, 1));
    assert_eq!(keeper.listed, networks(&["192.0.2.2/32"]));
    follow(&mut keeper, &["192.0.2.2/32"], &[]);
    assert!(!counts.lists.is_failing());
}

#[test]
fn what_finds_no_room_is_tried_again() {
    let list = Fake::default();
    let (mut keeper, counts) = keeper(&list);
    let all = ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"];
    follow(&mut keeper, &all, &[]);
    let figures = || [&counts.listed, &counts.unlisted].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(figures(), [2, 1]);
    follow(&mut keeper, &all[1..], &[]);
    assert_eq!(figures(), [2, 0]);
}

/// Grants a wish and returns the answer.
fn granted<T>(
    keeper: &mut Keeper<Fake>,
    now_ns: u64,
    wish: impl FnOnce(oneshot::Sender<T>) -> Wish,
) -> T {
    let (asker, mut answer) = oneshot::channel();
    keeper.grant(wish(asker), now_ns);
    answer.try_recv().expect("an answer at once")
}

#[test]
fn an_operator_shortens_lengthens_and_ends_bans() {
    let list = Fake::roomy();
    let (mut keeper, counts) = keeper(&list);
    let source: IpNet = "192.0.2.1/32".parse().expect("a network");
    keeper.place(&ban("192.0.2.1", 60), 0);
    for seconds in [3600, 5] {
        let duration = Duration::from_secs(seconds);
        let done = granted(&mut keeper, 0, |asker| Wish::Ban(source, duration, asker));
        assert_eq!(done, Ok(()));
        is(&list, &[("192.0.2.1/32", seconds * SECOND_NS)]);
        let bans = granted(&mut keeper, 0, Wish::Show);
        assert_eq!(bans, [(source, seconds)]);
    }
    assert_eq!(granted(&mut keeper, 5 * SECOND_NS, Wish::Show), []);
    let unban = |asker| Wish::Unban(source, asker);
    assert_eq!(granted(&mut keeper, SECOND_NS, unban), Ok(true));
    assert_eq!(granted(&mut keeper, SECOND_NS, unban), Ok(false));
    is(&list, &[]);
    assert_eq!(counts.bans.load(Ordering::Relaxed), 0);
}

#[test]
fn who_is_kept_out_with_a_network_is_told_which() {
    let list = Fake::roomy();
    let (mut keeper, _) = keeper(&list);
    follow(&mut keeper, &["198.51.100.0/24"], &["198.51.100.9/32"]);
    for network in ["10.20.0.0/16", "10.20.0.0/24"] {
        let network = network.parse().expect("a network");
        let hour = Duration::from_secs(3600);
        let done = granted(&mut keeper, 0, |asker| Wish::Ban(network, hour, asker));
        assert_eq!(done, Ok(()));
    }
    for (source, named) in [
        ("10.20.0.8/32", "10.20.0.0/24 is"),
        ("10.20.1.8/32", "10.20.0.0/16 is"),
        ("198.51.100.7/32", "198.51.100.0/24 stands on a block list"),
    ] {
        let source = source.parse().expect("a network");
        let refused = granted(&mut keeper, 0, |asker| Wish::Unban(source, asker));
        assert!(
            refused.as_ref().is_err_and(|told| told.contains(named)),
            "{refused:?}"
        );
    }
    for stranger in ["10.21.0.8/32", "198.51.100.9/32"] {
        let stranger = stranger.parse().expect("a network");
        let told = granted(&mut keeper, 0, |asker| Wish::Unban(stranger, asker));
        assert_eq!(told, Ok(false), "{stranger}");
    }
}

#[test]
fn an_operator_cant_outdo_the_configuration() {
    let list = Fake::roomy();
    let (mut keeper, _) = keeper(&list);
    follow(&mut keeper, &["198.51.100.0/24"], &["192.0.2.9/32"]);
    let before = held(&list);
    for (source, why) in [("198.51.100.0/24", "block list"), ("192.0.2.9/32", "never")] {
        let source = source.parse().expect("a network");
        let hour = Duration::from_secs(3600);
        let refused = granted(&mut keeper, 0, |asker| Wish::Ban(source, hour, asker));
        assert!(refused.is_err_and(|told| told.contains(why)));
    }
    let listed = "198.51.100.0/24".parse().expect("a network");
    let refused = granted(&mut keeper, 0, |asker| Wish::Unban(listed, asker));
    assert!(refused.is_err_and(|told| told.contains("take it out of the file")));
    assert_eq!(held(&list), before);
}
