//! What makes room, and what stays.

use super::*;

struct Value {
    used: Instant,
    established: bool,
}

impl Aging for Value {
    fn used(&self) -> Instant {
        self.used
    }

    fn lifetime(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn is_established(&self, _: Instant) -> bool {
        self.established
    }
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// Uses or makes the entry of `key`; returns whether another one alive had to go.
fn touch(table: &Table<u32, Value>, now: Instant, key: u32, established: bool) -> bool {
    let make = || Value {
        used: now,
        established,
    };
    let visit = |value: &mut Value| (value.used, value.established) = (now, established);
    table.with_or_insert(now, key, make, visit).1
}

fn holds(table: &Table<u32, Value>, now: Instant, key: u32) -> bool {
    table.with(now, &key, |_| ()).is_some()
}

#[test]
fn the_longest_idle_entry_makes_room() {
    let table = Table::new(3, 1);
    for key in 1..=3 {
        assert!(!touch(&table, at(u64::from(key)), key, false));
    }
    touch(&table, at(4), 1, false);
    assert!(touch(&table, at(5), 4, false));
    assert_eq!(table.len(), 3);
    assert!(!holds(&table, at(5), 2));
    for key in [1, 3, 4] {
        assert!(holds(&table, at(5), key), "{key} was used later");
    }
}

#[test]
fn a_flood_of_newcomers_leaves_the_established_alone() {
    let table = Table::new(100, 1);
    for key in 0..50 {
        touch(&table, at(1), key, true);
    }
    for key in 1000..20_000 {
        touch(&table, at(2), key, false);
    }
    assert_eq!(table.len(), 100);
    assert!((0..50).all(|key| holds(&table, at(3), key)));
}

#[test]
fn the_established_leave_a_quarter_to_others() {
    let table = Table::new(100, 1);
    for key in 0..1000 {
        touch(&table, at(1), key, true);
    }
    for key in 5000..5020 {
        touch(&table, at(2), key, false);
    }
    assert_eq!(table.len(), 100);
    let newcomers = (5000..5020)
        .filter(|key| holds(&table, at(3), *key))
        .count();
    assert!(
        newcomers >= 20,
        "only {newcomers} of 20 newcomers are there"
    );
}

#[test]
fn an_entry_that_is_over_is_not_found_and_makes_room_unseen() {
    let table = Table::new(2, 1);
    touch(&table, at(0), 1, false);
    touch(&table, at(5_000), 2, false);
    assert!(holds(&table, at(9_999), 1));
    assert!(!holds(&table, at(10_000), 1));
    assert!(
        !touch(&table, at(10_000), 3, false),
        "nobody alive had to go"
    );
    assert_eq!(table.len(), 2);
    touch(&table, at(30_000), 2, false);
    assert!(holds(&table, at(30_000), 2), "made anew in its old place");
    assert_eq!(table.len(), 2);
}

#[test]
fn sweeping_forgets_what_is_over_and_no_more_than_asked() {
    let table = Table::new(1000, 1);
    for key in 0..100 {
        touch(&table, at(0), key, key % 2 == 0);
    }
    touch(&table, at(8_000), 7, false);
    assert!(!table.sweep(at(9_000), 1000));
    assert_eq!(table.len(), 100);
    assert!(table.sweep(at(11_000), 10), "there is more to do");
    assert!(table.len() >= 80);
    while table.sweep(at(11_000), 10) {}
    assert_eq!(table.len(), 1);
    assert!(holds(&table, at(11_000), 7));
}

#[test]
fn every_entry_has_one_record() {
    let table = Table::new(64, 1);
    for step in 0..10_000u64 {
        let key = (step * 7919 % 200) as u32;
        touch(&table, at(step * 10), key, key.is_multiple_of(3));
        if step % 100 == 0 {
            table.sweep(at(step * 10), 8);
        }
        let lane = table.lane(0);
        assert_eq!(table.len(), lane.newcomers.len() + lane.established.len());
        assert_eq!(table.records(Class::Newcomers), lane.newcomers.len());
        assert_eq!(table.len(), table.entries.len());
        assert!(table.len() <= 64);
    }
}

/// Uses or makes an entry of somebody's.
fn touch_of(table: &Table<u32, Value>, now: Instant, key: u32, owner: u64) {
    let make = || Value {
        used: now,
        established: false,
    };
    table.with_or_replace_of(now, key, |_| owner << 32, make, |value| value.used = now);
}

#[test]
fn nobody_turns_the_table_over_by_himself() {
    let table = Table::of_owners(1600, 1);
    for owner in 0..50 {
        touch_of(&table, at(1), owner as u32, owner);
    }
    for key in 1000..20_000 {
        touch_of(&table, at(2), key, 77);
    }
    assert_eq!(table.len(), 1600);
    assert!((0..50).all(|key| holds(&table, at(3), key)), "the others'");
    // Who comes now pushes out what is the flood's.
    for owner in 0..50 {
        touch_of(&table, at(4), 500 + owner as u32, owner);
    }
    let theirs = (0..50).chain(500..550);
    assert!(theirs.into_iter().all(|key| holds(&table, at(5), key)));
    assert_eq!(table.len(), 1600);
}

#[test]
fn a_table_that_one_owner_fills_alone_is_all_of_that_owner() {
    let table = Table::of_owners(1600, 1);
    (0..1600).for_each(|key| touch_of(&table, at(1), key, 3));
    assert!((0..1600).all(|key| holds(&table, at(2), key)));
    touch_of(&table, at(2), 1600, 3);
    assert!(!holds(&table, at(2), 0) && holds(&table, at(2), 1));
}

#[test]
fn who_holds_less_than_others_loses_nothing() {
    let table = Table::of_owners(1600, 1);
    (0..15).for_each(|key| touch_of(&table, at(1), key, 99));
    for key in 1000..50_000 {
        touch_of(&table, at(2), key, u64::from(key) % 50);
    }
    assert_eq!(table.len(), 1600);
    assert!((0..15).all(|key| holds(&table, at(3), key)));
}

#[test]
fn workers_share_a_table_without_outgrowing_it() {
    let table = Table::new(20_000, 1);
    std::thread::scope(|scope| {
        for worker in 0..4u32 {
            let table = &table;
            scope.spawn(move || {
                for step in 0..20_000u32 {
                    touch(table, at(u64::from(step)), worker * 15_000 + step, false);
                }
            });
        }
    });
    assert!(table.len() <= 20_000);
    assert_eq!(table.len(), table.entries.len());
}
