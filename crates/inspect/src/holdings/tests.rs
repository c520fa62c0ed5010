//! The books: what is said to be held is what the holders have, whatever becomes of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Keys that holders share.
const KEYS: u128 = 4;
const SLOTS: [Slot; 3] = [Slot::Sessions, Slot::ToServer, Slot::Observers];

#[derive(Debug, Clone)]
enum Act {
    /// A holder comes, under these keys.
    Come(Vec<u128>),
    Set(usize, usize, u32),
    /// A reload has it counted by others.
    Move(usize, Vec<u128>),
    /// It takes a name.
    Name(usize, u128),
    Go(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let keys = || prop::collection::btree_set(0..KEYS, 0..3).prop_map(|k| k.into_iter().collect());
    prop_oneof![
        keys().prop_map(Act::Come),
        (any::<usize>(), 0..SLOTS.len(), 0..50u32).prop_map(|(n, s, to)| Act::Set(n, s, to)),
        (any::<usize>(), keys()).prop_map(|(n, keys)| Act::Move(n, keys)),
        (any::<usize>(), 0..3u128).prop_map(|(n, name)| Act::Name(n, name)),
        any::<usize>().prop_map(Act::Go),
    ]
}

/// What one holder has, in the model.
struct Modelled {
    share: SessionShare,
    keys: Vec<u128>,
    held: [u32; SLOTS.len()],
    name: Option<u128>,
}

fn share(holdings: &Arc<Holdings>, keys: &[u128]) -> SessionShare {
    let keys = HolderKeys::from_slice(keys);
    Arc::new(Mutex::new(Share::new(holdings, 1, keys)))
}

fn check(holdings: &Holdings, holders: &[Modelled]) {
    let mut totals = BTreeMap::<u128, [u32; SLOTS.len()]>::new();
    for holder in holders {
        for key in &holder.keys {
            let total = totals.entry(*key).or_default();
            for (total, held) in total.iter_mut().zip(holder.held) {
                *total += held;
            }
        }
    }
    totals.retain(|_, total| *total != [0; SLOTS.len()]);
    assert_eq!(holdings.len(), totals.len(), "nothing is kept for nobody");
    for key in 0..KEYS {
        let total = holdings.total(key);
        let modelled = totals.get(&key).copied().unwrap_or_default();
        assert_eq!(SLOTS.map(|slot| total.of(slot)), modelled, "{key}");
    }
}

proptest! {
    #[test]
    fn the_books_balance(acts in prop::collection::vec(act(), 1..200)) {
        let holdings = Arc::new(Holdings::new(&Seed::fixed(1)));
        let mut holders = Vec::<Modelled>::new();
        for act in acts {
            let len = holders.len().max(1);
            let at = |n: usize| n % len;
            match act {
                Act::Come(keys) => holders.push(Modelled {
                    share: share(&holdings, &keys),
                    keys,
                    held: [0; SLOTS.len()],
                    name: None,
                }),
                _ if holders.is_empty() => {}
                Act::Set(n, slot, to) => {
                    let holder = &mut holders[at(n)];
                    lock(&holder.share).set(SLOTS[slot], to);
                    holder.held[slot] = to;
                }
                Act::Move(n, keys) => {
                    let holder = &mut holders[at(n)];
                    lock(&holder.share).move_to(2, HolderKeys::from_slice(&keys));
                    holder.keys = keys;
                }
                Act::Name(n, name) => {
                    let n = at(n);
                    if holders[n].name.is_none() {
                        holdings.take_name(name, &holders[n].share);
                        // Who had it is out of the books, whatever it goes on to do.
                        holders.retain(|holder| holder.name != Some(name));
                        let share = holdings.named(name).expect("just taken");
                        for holder in &mut holders {
                            if Arc::ptr_eq(&holder.share, &share) {
                                holder.name = Some(name);
                            }
                        }
                    }
                }
                Act::Go(n) => {
                    let holder = holders.swap_remove(at(n));
                    if let Some(name) = holder.name {
                        holdings.leave_name(name, &holder.share);
                    }
                }
            }
            check(&holdings, &holders);
        }
        for holder in holders.drain(..) {
            if let Some(name) = holder.name {
                holdings.leave_name(name, &holder.share);
            }
        }
        check(&holdings, &[]);
        prop_assert!(holdings.named.is_empty());
    }
}

#[test]
fn one_that_was_replaced_enters_nothing_more() {
    let holdings = Arc::new(Holdings::new(&Seed::fixed(1)));
    let (first, second) = (share(&holdings, &[1]), share(&holdings, &[1]));
    for share in [&first, &second] {
        lock(share).set(Slot::Sessions, 1);
        holdings.take_name(7, share);
    }
    lock(&first).set(Slot::ToServer, 5);
    assert_eq!(holdings.total(1), Held::default().with(Slot::Sessions, 1));
    holdings.leave_name(7, &first);
    assert!(holdings.named(7).is_some(), "the name is the second's");
}
