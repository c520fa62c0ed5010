//! Who is owed how many bytes, and who is remembered.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::super::window::GRANULES;
use super::*;

const WINDOW: Duration = Duration::from_secs(60);

fn client(number: u32) -> Address {
    IpAddr::V4(Ipv4Addr::from_bits(number)).into()
}

fn ledger() -> Ledger {
    Ledger::new(1000, 1)
}

fn enter(ledger: &Ledger, at_secs: u64, entry: Entry, bytes: usize) -> Balance {
    let now = Instant::from_secs(at_secs);
    ledger
        .enter(now, client(1), entry, bytes, &[WINDOW])
        .balances[0]
}

#[test]
fn bytes_leave_the_window_after_its_length() {
    let ledger = ledger();
    enter(&ledger, 0, Entry::Credit, 100);
    let balance = enter(&ledger, 0, Entry::Charge, 300);
    assert_eq!((balance.received, balance.sent), (100, 300));
    let balance = enter(&ledger, 55, Entry::Charge, 0);
    assert_eq!((balance.received, balance.sent), (100, 300));
    // The safe side: what was received goes before what was sent.
    let balance = enter(&ledger, 60, Entry::Charge, 0);
    assert_eq!((balance.received, balance.sent), (0, 300));
    let balance = enter(&ledger, 64, Entry::Charge, 0);
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
    ledger.enter(now, client(1), Entry::Charge, 300, &[WINDOW]);
    let other = ledger.enter(now, client(2), Entry::Charge, 7, &[WINDOW]);
    assert_eq!(other.balances[0].sent, 7);
}

#[test]
fn each_window_has_its_own_reach_and_survives_a_change_of_policy() {
    let (ledger, short) = (ledger(), Duration::from_secs(1));
    let enter = |at_secs, windows: &[Duration]| {
        let now = Instant::from_secs(at_secs);
        ledger
            .enter(now, client(1), Entry::Charge, 10, windows)
            .balances
    };
    enter(0, &[WINDOW, short]);
    let balances = enter(10, &[WINDOW, short]);
    assert_eq!((balances[0].sent, balances[1].sent), (20, 10));
    let balances = enter(11, &[short, WINDOW]);
    assert_eq!((balances[0].sent, balances[1].sent), (20, 30));
    assert!(enter(12, &[]).is_empty());
}

/// What has left the window counts once more, but for what has been sent for it.
#[test]
fn what_is_overdue_counts_as_far_as_it_was_not_spent() {
    let ledger = ledger();
    let overdue = |at_secs, bytes| enter(&ledger, at_secs, Entry::Overdue(3000), bytes).received;
    enter(&ledger, 0, Entry::Credit, 100);
    enter(&ledger, 1, Entry::Charge, 100);
    enter(&ledger, 2, Entry::Charge, 50);
    enter(&ledger, 3, Entry::Refund, 50);
    assert_eq!(enter(&ledger, 100, Entry::Charge, 0).received, 0);
    // A hundred bytes have taken thirty-four of those that came.
    assert_eq!(overdue(100, 40), 40);
    assert_eq!(overdue(101, 100), 66, "forty of them stand there");
    enter(&ledger, 200, Entry::Charge, 198);
    assert_eq!(overdue(300, 100), 0);
    ledger.begin_anew();
    assert_eq!(overdue(301, 100), 0);
}

#[test]
fn new_books_begin_empty_and_keep_who_is_validated() {
    let ledger = ledger();
    ledger.validate(Instant::from_secs(0), client(1));
    enter(&ledger, 0, Entry::Credit, 100);
    enter(&ledger, 0, Entry::Charge, 900);
    ledger.begin_anew();
    let now = Instant::from_secs(1);
    let standing = ledger.enter(now, client(1), Entry::Charge, 30, &[WINDOW]);
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
            .enter(now, client(1), Entry::Credit, 1, &[WINDOW])
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
        ledger.enter(now, client(number), Entry::Credit, 1000, &[WINDOW]);
    }
    assert_eq!(ledger.len(), 2);
    let standing = ledger.enter(now, client(1), Entry::Charge, 1, &[WINDOW]);
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
        ledger.enter(now, client(number), Entry::Credit, 4, &[WINDOW]);
    });
    assert!(ledger.len() <= 1000);
    for number in 0..500 {
        let standing = ledger.enter(now, client(number), Entry::Credit, 4, &[WINDOW]);
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
    /// Against a list of everything: never too generous, never meaner than a granule.
    #[test]
    fn the_books_lean_to_the_safe_side(
        steps in prop::collection::vec((0u64..20_000, any::<bool>(), 1usize..1500), 1..200),
    ) {
        let ledger = ledger();
        let (mut now, mut log) = (Instant::from_secs(1000), Vec::new());
        for (pause_ms, towards, bytes) in steps {
            now = now + Duration::from_millis(pause_ms);
            let entry = if towards { Entry::Charge } else { Entry::Credit };
            let balance = ledger.enter(now, client(1), entry, bytes, &[WINDOW]).balances[0];
            log.push((now, towards, bytes as u64));
            let since = |start: Instant, way: bool| -> u64 {
                let inside = |(at, towards, _): &&(Instant, bool, u64)| *at > start && *towards == way;
                log.iter().filter(inside).map(|(_, _, bytes)| bytes).sum()
            };
            let granule = WINDOW / GRANULES as u32;
            prop_assert!(balance.sent >= since(now - WINDOW, true));
            prop_assert!(balance.sent <= since(now - WINDOW - granule - Duration::from_nanos(1), true));
            prop_assert!(balance.received <= since(now - WINDOW - Duration::from_nanos(1), false));
            prop_assert!(balance.received >= since(now - WINDOW + granule, false));
        }
    }
}
