//! The books: what is said to be held is what the holders have, whatever becomes of them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use proptest::prelude::*;
use wire::Direction;

use super::session::Part;
use super::*;

/// Keys that holders share.
const KEYS: u128 = 4;
const TOPICS: std::ops::Range<u128> = 10..13;
const SLOTS: [Slot; 4] = [
    Slot::Sessions,
    Slot::ToServer,
    Slot::ToClient,
    Slot::Observers,
];
/// Messages on topics for which there is room.
const ROOM: usize = 12;

#[derive(Debug, Clone)]
enum Act {
    /// A holder comes, under these keys.
    Come(Vec<u128>),
    Set(usize, usize, u32),
    /// A message is in flight on a topic.
    Enter(usize, Place, u128),
    Leave(usize, Place),
    /// A reload has it counted by others.
    Move(usize, Vec<u128>),
    /// It takes a name.
    Name(usize, u128),
    Go(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let keys = || prop::collection::btree_set(0..KEYS, 0..3).prop_map(|k| k.into_iter().collect());
    let place = || {
        let direction = prop_oneof![Just(Direction::ToServer), Just(Direction::ToClient)];
        (direction, 1..5u16)
    };
    prop_oneof![
        keys().prop_map(Act::Come),
        (any::<usize>(), 0..SLOTS.len(), 0..50u32).prop_map(|(n, s, to)| Act::Set(n, s, to)),
        (any::<usize>(), place(), TOPICS).prop_map(|(n, place, t)| Act::Enter(n, place, t)),
        (any::<usize>(), place()).prop_map(|(n, place)| Act::Leave(n, place)),
        (any::<usize>(), keys()).prop_map(|(n, keys)| Act::Move(n, keys)),
        (any::<usize>(), 0..3u128).prop_map(|(n, name)| Act::Name(n, name)),
        any::<usize>().prop_map(Act::Go),
    ]
}

/// What one holder has, in the model.
struct Modelled {
    part: SessionPart,
    keys: Vec<u128>,
    held: [u32; SLOTS.len()],
    messages: BTreeMap<(u8, u16), u128>,
    name: Option<u128>,
}

fn holdings() -> Arc<Holdings> {
    let limits = Limits {
        meters: ROOM,
        ..Limits::default()
    };
    Arc::new(Holdings::new(&limits, &Seed::fixed(1)))
}

fn part(holdings: &Arc<Holdings>, keys: &[u128]) -> SessionPart {
    let share = Share::new(holdings, 1, HolderKeys::from_slice(keys));
    Arc::new(Mutex::new(Part::new(share)))
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
        for ((direction, _), topic) in &holder.messages {
            totals.entry(*topic).or_default()[1 + usize::from(*direction)] += 1;
        }
    }
    totals.retain(|_, total| *total != [0; SLOTS.len()]);
    assert_eq!(holdings.len(), totals.len(), "nothing is kept for nobody");
    for key in (0..KEYS).chain(TOPICS) {
        let total = holdings.total(key);
        let modelled = totals.get(&key).copied().unwrap_or_default();
        assert_eq!(SLOTS.map(|slot| total.of(slot)), modelled, "{key}");
    }
}

proptest! {
    #[test]
    fn the_books_balance(acts in prop::collection::vec(act(), 1..200)) {
        let holdings = holdings();
        let mut holders = Vec::<Modelled>::new();
        for act in acts {
            let len = holders.len().max(1);
            let at = |n: usize| n % len;
            match act {
                Act::Come(keys) => holders.push(Modelled {
                    part: part(&holdings, &keys),
                    keys,
                    held: [1, 0, 0, 0],
                    messages: BTreeMap::new(),
                    name: None,
                }),
                _ if holders.is_empty() => {}
                Act::Set(n, slot, to) => {
                    let holder = &mut holders[at(n)];
                    lock(&holder.part).share().set(SLOTS[slot], to);
                    holder.held[slot] = to;
                }
                Act::Enter(n, place, topic) => {
                    let entered: usize = holders.iter().map(|holder| holder.messages.len()).sum();
                    let holder = &mut holders[at(n)];
                    let known = (place.0 as u8, place.1);
                    let fits = entered < ROOM || holder.messages.contains_key(&known);
                    prop_assert_eq!(lock(&holder.part).enter_topic(place, topic), fits);
                    if fits {
                        holder.messages.insert(known, topic);
                    }
                }
                Act::Leave(n, place) => {
                    let holder = &mut holders[at(n)];
                    lock(&holder.part).leave_topic(place);
                    holder.messages.remove(&(place.0 as u8, place.1));
                }
                Act::Move(n, keys) => {
                    let holder = &mut holders[at(n)];
                    lock(&holder.part).share().move_to(2, HolderKeys::from_slice(&keys));
                    holder.keys = keys;
                }
                Act::Name(n, name) => {
                    let n = at(n);
                    if holders[n].name.is_none() {
                        _ = holdings.take_name(Instant::ZERO, name, &holders[n].part);
                        // Who had it is out of the books, whatever it goes on to do.
                        holders.retain(|holder| holder.name != Some(name));
                        let part = holdings.named(name).expect("just taken");
                        for holder in &mut holders {
                            if Arc::ptr_eq(&holder.part, &part) {
                                holder.name = Some(name);
                            }
                        }
                    }
                }
                Act::Go(n) => {
                    let holder = holders.swap_remove(at(n));
                    if let Some(name) = holder.name {
                        holdings.leave_name(name, &holder.part);
                    }
                }
            }
            check(&holdings, &holders);
        }
        for holder in holders.drain(..) {
            if let Some(name) = holder.name {
                holdings.leave_name(name, &holder.part);
            }
        }
        check(&holdings, &[]);
        prop_assert!(holdings.named.is_empty());
        prop_assert_eq!(holdings.messages.entered(), 0);
    }
}

#[test]
fn one_that_was_replaced_enters_nothing_more() {
    let holdings = holdings();
    let (first, second) = (part(&holdings, &[1]), part(&holdings, &[1]));
    for part in [&first, &second] {
        _ = holdings.take_name(Instant::ZERO, 7, part);
    }
    lock(&first).share().set(Slot::ToServer, 5);
    assert!(lock(&first).enter_topic((Direction::ToServer, 1), 10));
    assert_eq!(holdings.total(1), Held::default().with(Slot::Sessions, 1));
    assert_eq!(holdings.total(10), Held::default());
    holdings.leave_name(7, &first);
    assert!(holdings.named(7).is_some(), "the name is the second's");
}

#[test]
fn messages_have_a_pooled_buffer_as_long_as_there_are_any() {
    const MANY: u16 = 2000;
    let limits = Limits::default();
    let holdings = Arc::new(Holdings::new(&limits, &Seed::fixed(1)));
    let part = part(&holdings, &[]);
    for id in 1..=MANY {
        assert!(lock(&part).enter_topic((Direction::ToClient, id), 10));
    }
    assert_eq!(holdings.total(10).of(Slot::ToClient), MANY.into());
    for id in 1..=MANY {
        assert!(lock(&part).has_message_buffer());
        lock(&part).leave_topic((Direction::ToClient, id));
    }
    assert!(!lock(&part).has_message_buffer());
    assert_eq!(holdings.total(10), Held::default());
}
