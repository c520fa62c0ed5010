//! Who is owed how many bytes, and who is remembered.

use std::net::{IpAddr, Ipv4Addr};

use policy::{Layer, Per};
use proptest::prelude::*;

use super::super::window::GRANULES;
use super::*;

const WINDOW: Duration = Duration::from_secs(60);
const RATIO: Ratio = ratio(3000, WINDOW);

const fn ratio(ratio_milli: u32, window: Duration) -> Ratio {
    Ratio {
        ratio_milli,
        of: Layer::UdpPayload,
        per: Per::Client,
        window,
    }
}

fn client(number: u32) -> Endpoint {
    Endpoint::new(IpAddr::V4(Ipv4Addr::from_bits(number)), 5683)
}

fn ledger() -> Ledger {
    Ledger::new(1000, 1)
}

fn enter(ledger: &Ledger, at_secs: u64, entry: Entry, bytes: usize) -> Balance {
    let now = Instant::from_secs(at_secs);
    ledger
        .enter(now, client(1), entry, Size::of_payload(bytes), &[RATIO])
        .balances[0]
}

#[test]
fn bytes_leave_the_window_after_its_length() {
    let ledger = ledger();
    enter(&ledger, 0, Entry::Credit, 100);
    let balance = enter(&ledger, 0, Entry::Charge, 300);
    assert_eq!((balance.received, balance.sent), (100, 300));
    let balance = enter(&ledger, 60, Entry::Charge, 0);
    assert_eq!((balance.received, balance.sent), (100, 300));
    let balance = enter(&ledger, 64, Entry::Charge, 0);
    assert_eq!((balance.received, balance.sent), (0, 0));
}

/// What came pays once, and what it paid for leaves the window with it.
#[test]
fn bytes_leave_the_window_with_those_that_pay_for_them() {
    let ledger = ledger();
    enter(&ledger, 0, Entry::Credit, 100);
    enter(&ledger, 30, Entry::Credit, 10);
    let balance = enter(&ledger, 59, Entry::Charge, 310);
    assert_eq!((balance.received, balance.sent), (110, 310));
    // Three hundred were for the first hundred, ten for the ten after them.
    let balance = enter(&ledger, 64, Entry::Charge, 0);
    assert_eq!((balance.received, balance.sent), (10, 10));
    enter(&ledger, 64, Entry::Charge, 25);
    let balance = enter(&ledger, 64, Entry::Refund, 25);
    assert_eq!((balance.received, balance.sent), (10, 10));
    let balance = enter(&ledger, 64, Entry::Charge, 20);
    assert_eq!((balance.received, balance.sent), (10, 30));
    let balance = enter(&ledger, 95, Entry::Charge, 0);
    assert_eq!((balance.received, balance.sent), (0, 0));
}

#[test]
fn a_refund_undoes_a_charge() {
    let ledger = ledger();
    enter(&ledger, 0, Entry::Charge, 300);
    enter(&ledger, 0, Entry::Charge, 50);
    let balance = enter(&ledger, 0, Entry::Refund, 300);
    assert_eq!(balance.sent, 50);
}

#[test]
fn a_full_slot_stays_full() {
    let ledger = ledger();
    enter(&ledger, 0, Entry::Charge, u32::MAX as usize - 1);
    let balance = enter(&ledger, 0, Entry::Charge, 1000);
    assert_eq!(balance.sent, u64::from(u32::MAX));
    let balance = enter(&ledger, 64, Entry::Charge, 7);
    assert_eq!(balance.sent, 7);
}

#[test]
fn clients_have_books_of_their_own() {
    let ledger = ledger();
    let now = Instant::from_secs(1);
    ledger.enter(
        now,
        client(1),
        Entry::Charge,
        Size::of_payload(300),
        &[RATIO],
    );
    let other = ledger.enter(now, client(2), Entry::Charge, Size::of_payload(7), &[RATIO]);
    assert_eq!(other.balances[0].sent, 7);
}

#[test]
fn each_window_has_its_own_reach_and_survives_a_change_of_policy() {
    let (ledger, short) = (ledger(), ratio(3000, Duration::from_secs(1)));
    let enter = |at_secs, ratios: &[Ratio]| {
        let now = Instant::from_secs(at_secs);
        ledger
            .enter(now, client(1), Entry::Charge, Size::of_payload(10), ratios)
            .balances
    };
    enter(0, &[RATIO, short]);
    let balances = enter(10, &[RATIO, short]);
    assert_eq!((balances[0].sent, balances[1].sent), (20, 10));
    let balances = enter(11, &[short, RATIO]);
    assert_eq!((balances[0].sent, balances[1].sent), (20, 30));
    assert!(enter(12, &[]).is_empty());
}

/// What has left the window counts once more, but for what has been sent for it.
#[test]
fn what_is_overdue_counts_as_far_as_it_was_not_spent() {
    let ledger = ledger();
    let overdue = |at_secs, bytes| enter(&ledger, at_secs, Entry::Overdue, bytes).received;
    enter(&ledger, 0, Entry::Credit, 100);
    enter(&ledger, 1, Entry::Charge, 100);
    enter(&ledger, 2, Entry::Charge, 50);
    enter(&ledger, 3, Entry::Refund, 50);
    assert_eq!(enter(&ledger, 100, Entry::Charge, 0).received, 0);
    // A hundred bytes have taken thirty-four of those that came.
    assert_eq!(overdue(100, 40), 40);
    assert_eq!(overdue(101, 100), 66, "forty of them stood there");
    enter(&ledger, 150, Entry::Charge, 198);
    assert_eq!(overdue(300, 100), 0);
    ledger.begin_anew();
    assert_eq!(overdue(301, 100), 0);
}

/// What one has proved is no proof of its neighbours, nor do they share its books.
#[test]
fn a_proof_is_of_one_endpoint() {
    let ledger = ledger();
    let at = |port| Endpoint { port, ..client(1) };
    let now = Instant::from_secs(1);
    let enter =
        |port, entry, bytes| ledger.enter(now, at(port), entry, Size::of_payload(bytes), &[RATIO]);
    enter(1, Entry::Credit, 10);
    enter(2, Entry::Credit, 20);
    ledger.validate(now, at(1));
    ledger.validate(now, at(0));
    enter(1, Entry::Credit, 5);
    let standing = enter(1, Entry::Charge, 5000);
    assert_eq!(standing.validation, Validation::Fresh);
    // Its books go on from those of the address.
    let (received, sent) = (35, 5000);
    assert_eq!(standing.balances[..], [Balance { received, sent }]);
    for port in [2, 3, 0] {
        let standing = enter(port, Entry::Credit, 0);
        assert_eq!(standing.validation, Validation::None, "port {port}");
        let (received, sent) = (30, 0);
        assert_eq!(standing.balances[..], [Balance { received, sent }]);
    }
}

#[test]
fn new_books_begin_empty_and_keep_who_is_validated() {
    let ledger = ledger();
    ledger.validate(Instant::from_secs(0), client(1));
    enter(&ledger, 0, Entry::Credit, 100);
    enter(&ledger, 0, Entry::Charge, 900);
    ledger.begin_anew();
    let now = Instant::from_secs(1);
    let standing = ledger.enter(
        now,
        client(1),
        Entry::Charge,
        Size::of_payload(30),
        &[RATIO],
    );
    let (received, sent) = (0, 30);
    assert_eq!(standing.balances[..], [Balance { received, sent }]);
    assert_eq!(standing.validation, Validation::Fresh);
    assert_eq!(enter(&ledger, 2, Entry::Charge, 5).sent, 35);
}

#[test]
fn validation_lasts_its_time_and_not_longer() {
    let ledger = ledger();
    let standing = |at_secs| {
        let now = Instant::from_secs(at_secs);
        ledger
            .enter(now, client(1), Entry::Credit, Size::of_payload(1), &[RATIO])
            .validation
    };
    assert_eq!(standing(0), Validation::None);
    ledger.validate(Instant::from_secs(10), client(1));
    assert_eq!(standing(10), Validation::Fresh);
    assert_eq!(standing(10 + 30 * 60 - 1), Validation::Fresh);
    assert_eq!(standing(10 + 30 * 60), Validation::Lapsed);
    assert_eq!(standing(10 + 35 * 60), Validation::None);
}

#[test]
fn an_unknown_or_evicted_client_has_sent_nothing() {
    let ledger = Ledger::new(2, 1);
    let now = Instant::from_secs(1);
    for number in 1..=3 {
        ledger.enter(
            now,
            client(number),
            Entry::Credit,
            Size::of_payload(1000),
            &[RATIO],
        );
    }
    assert_eq!(ledger.len(), 2);
    let standing = ledger.enter(now, client(1), Entry::Charge, Size::of_payload(1), &[RATIO]);
    assert_eq!(standing.validation, Validation::None);
    assert_eq!(standing.balances[0].received, 0);
    assert!(standing.evicted);
}

#[test]
fn a_flood_of_addresses_forgets_no_validated_one() {
    let ledger = Ledger::new(1000, 1);
    let now = Instant::from_secs(1);
    (0..500).for_each(|number| ledger.validate(now, client(number)));
    (10_000..30_000).for_each(|number| {
        ledger.enter(
            now,
            client(number),
            Entry::Credit,
            Size::of_payload(4),
            &[RATIO],
        );
    });
    assert!(ledger.len() <= 1000);
    for number in 0..500 {
        let standing = ledger.enter(
            now,
            client(number),
            Entry::Credit,
            Size::of_payload(4),
            &[RATIO],
        );
        assert_eq!(standing.validation, Validation::Fresh);
    }
}

#[test]
fn idle_clients_are_swept_and_validated_ones_when_that_ends() {
    let ledger = ledger();
    enter(&ledger, 0, Entry::Credit, 1);
    ledger.validate(Instant::from_secs(0), client(2));
    ledger.sweep(Instant::from_secs(246), 100);
    assert_eq!(ledger.len(), 2);
    ledger.sweep(Instant::from_secs(247), 100);
    assert_eq!(ledger.len(), 1);
    ledger.sweep(Instant::from_secs(35 * 60), 100);
    assert_eq!(ledger.len(), 0);
}

proptest! {
    /// Against a list of everything: of all that was let through, no more than three times what came, and in
    /// any stretch of time, no more than for what came in it and a window before. Who is answered by no more
    /// than three times each request runs short at no interval.
    #[test]
    fn what_came_pays_once_and_for_a_window(
        steps in prop::collection::vec((0u64..40_000, 0usize..3, 1usize..1500), 1..200),
    ) {
        let ledger = ledger();
        let (mut now, mut came, mut sent) = (Instant::from_secs(1000), Vec::new(), Vec::new());
        let sum = |list: &[(Instant, u64)], after: Instant| -> u64 {
            list.iter().filter(|(at, _)| *at > after).map(|(_, bytes)| bytes).sum()
        };
        for (pause_ms, kind, bytes) in steps {
            now = now + Duration::from_millis(pause_ms);
            if kind < 2 {
                ledger.enter(now, client(1), Entry::Credit, Size::of_payload(bytes), &[RATIO]);
                came.push((now, bytes as u64));
            }
            if kind == 1 {
                continue;
            }
            let answer = if kind == 0 { 3 * bytes } else { bytes };
            let balance = ledger.enter(now, client(1), Entry::Charge, Size::of_payload(answer), &[RATIO]).balances[0];
            if RATIO.is_exceeded(balance.received, balance.sent) {
                prop_assert_ne!(kind, 0, "an answer of three times its request");
                ledger.enter(now, client(1), Entry::Refund, Size::of_payload(answer), &[RATIO]);
                continue;
            }
            sent.push((now, answer as u64));
            let granule = WINDOW / GRANULES as u32;
            for (start, _) in &sent {
                let before = Instant(start.0 - 1);
                let paying = Instant((before.0 - (WINDOW + granule).as_nanos() as u64).max(1));
                prop_assert!(sum(&sent, before) <= 3 * sum(&came, paying));
            }
        }
    }

    /// At any interval and phase, with any delay of the answer.
    #[test]
    fn polling_never_runs_short(
        begins_ms in 0u64..60_000, every_ms in 1_000u64..300_000, takes_ms in 0u64..60_000, len in 4usize..1200,
    ) {
        let ledger = ledger();
        let mut entries: Vec<_> = (0..50)
            .flat_map(|poll| {
                let asked_ms = begins_ms + poll * every_ms;
                [(asked_ms, Entry::Credit, len), (asked_ms + takes_ms, Entry::Charge, 3 * len)]
            })
            .collect();
        entries.sort_by_key(|(at_ms, entry, _)| (*at_ms, *entry == Entry::Charge));
        for (at_ms, entry, bytes) in entries {
            let now = Instant::from_secs(1000) + Duration::from_millis(at_ms);
            let balance = ledger.enter(now, client(1), entry, Size::of_payload(bytes), &[RATIO]).balances[0];
            prop_assert!(!RATIO.is_exceeded(balance.received, balance.sent));
        }
    }
}

/// Somebody proves one port after the other: what was proved first counts no more.
#[test]
fn an_address_has_so_many_proven_endpoints() {
    let (ledger, now) = (ledger(), Instant::from_secs(10));
    let at = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    (1..=300).for_each(|port| ledger.validate(now, at(port)));
    let is_proven = |port| {
        let standing = ledger.enter(now, at(port), Entry::Credit, Size::default(), &[RATIO]);
        standing.validation == Validation::Fresh
    };
    assert_eq!((1..=300).filter(|port| is_proven(*port)).count(), 256);
    assert!(!is_proven(44) && is_proven(45));
}
