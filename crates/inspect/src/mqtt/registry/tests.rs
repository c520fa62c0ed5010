//! Names held, asked for, left and taken over.

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn registry(clients: usize) -> Registry {
    let limits = Limits {
        clients,
        ..Limits::default()
    };
    Registry::new(&limits, &Seed::fixed(1))
}

fn address(n: u32) -> IpAddr {
    IpAddr::from((0x0a14_0000 + n).to_be_bytes())
}

fn name(registry: &Registry, client_id: &str) -> Name {
    registry.name((address(1), 1883), client_id)
}

/// What a CONNECT would take from somebody else.
fn takeover(registry: &Registry, now: Instant, name: &Name, address: IpAddr) -> Option<Reason> {
    registry.ask(now, name, address).1
}

fn at(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

#[test]
fn a_name_belongs_to_its_broker() {
    let registry = registry(10);
    let names = [
        registry.name((address(1), 1883), "plc"),
        registry.name((address(2), 1883), "plc"),
        registry.name((address(1), 8883), "plc"),
        registry.name((address(1), 1883), "plc2"),
    ];
    let distinct: std::collections::HashSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

#[test]
fn a_live_name_is_taken_from_another_address_only() {
    let registry = registry(10);
    let plc = name(&registry, "plc");
    assert_eq!(takeover(&registry, at(1), &plc, address(7)), None);
    let lease = registry.hold(plc, address(7));
    assert_eq!(takeover(&registry, at(2), &plc, address(7)), None);
    assert_eq!(
        takeover(&registry, at(2), &plc, address(8)),
        Some(Reason::MQTT_TAKEOVER_CLIENT_ID)
    );
    registry.release(at(3), &lease, Duration::ZERO);
    assert_eq!(takeover(&registry, at(4), &plc, address(8)), None);
    assert_eq!(registry.len(), 0);
}

#[test]
fn a_name_given_away_since_it_was_asked_for_is_overtaken_once() {
    let registry = registry(10);
    let plc = name(&registry, "plc");
    let ask = |n| registry.ask(at(1), &plc, address(n)).0;
    let (first, second) = (ask(7), ask(8));
    assert!(registry.claim(first, plc, address(7)).is_some());
    assert!(registry.claim(second, plc, address(8)).is_none());
    // Its own address takes nothing from anybody, nor does who was told of at its CONNECT.
    assert!(registry.claim(second, plc, address(7)).is_some());
    assert!(registry.claim(ask(8), plc, address(8)).is_some());
    registry.lose_sight(at(2));
    assert!(registry.claim(first, plc, address(7)).is_some());
}

#[test]
fn whoever_is_told_nothing_of_is_alone() {
    const ROUNDS: u32 = 100_000;
    let (registry, alone) = (registry(10), AtomicU32::new(0));
    let plc = name(&registry, "plc");
    std::thread::scope(|scope| {
        for client in 1..=4 {
            let (registry, alone) = (&registry, &alone);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let (asked, reason) = registry.ask(at(1), &plc, address(client));
                    if reason.is_none()
                        && let Some(lease) = registry.claim(asked, plc, address(client))
                    {
                        assert_eq!(alone.fetch_add(1, Ordering::SeqCst), 0);
                        // Long enough for whoever came in beside it.
                        (0..200).for_each(|_| std::hint::spin_loop());
                        alone.fetch_sub(1, Ordering::SeqCst);
                        registry.release(at(1), &lease, Duration::ZERO);
                    }
                }
            });
        }
    });
}

#[test]
fn an_earlier_holder_that_closes_late_takes_nothing_with_it() {
    let registry = registry(10);
    let plc = name(&registry, "plc");
    let earlier = registry.hold(plc, address(7));
    let later = registry.hold(plc, address(8));
    registry.release(at(3), &earlier, DAY);
    assert_eq!(
        takeover(&registry, at(4), &plc, address(7)),
        Some(Reason::MQTT_TAKEOVER_CLIENT_ID)
    );
    registry.release(at(5), &later, DAY);
    assert_eq!(takeover(&registry, at(6), &plc, address(8)), None);
}

#[test]
fn a_lasting_session_is_remembered_while_it_lasts() {
    let registry = registry(10);
    let plc = name(&registry, "plc");
    let lease = registry.hold(plc, address(7));
    registry.release(at(100), &lease, DAY);
    let taken = Some(Reason::MQTT_TAKEOVER_SESSION);
    assert_eq!(takeover(&registry, at(200), &plc, address(8)), taken);
    assert_eq!(takeover(&registry, at(200), &plc, address(7)), None);
    assert_eq!(takeover(&registry, at(100) + DAY, &plc, address(8)), None);
    while registry
        .poll_timeout()
        .is_some_and(|(due, _)| due <= at(100) + DAY)
    {
        registry.handle_timeout(at(100) + DAY);
    }
    assert_eq!(registry.len(), 0);
}

#[test]
fn a_clean_session_leaves_no_lasting_one_behind() {
    let registry = registry(10);
    let plc = name(&registry, "plc");
    registry.release(at(2), &registry.hold(plc, address(7)), DAY);
    let lease = registry.hold(plc, address(7));
    registry.note_live(at(3), &plc);
    registry.release(at(4), &lease, Duration::ZERO);
    assert_eq!(takeover(&registry, at(5), &plc, address(8)), None);
}

#[test]
fn what_was_known_before_sight_was_lost_raises_nothing() {
    let registry = registry(10);
    let (live, left) = (name(&registry, "live"), name(&registry, "left"));
    let _lease = registry.hold(live, address(7));
    registry.release(at(2), &registry.hold(left, address(7)), DAY);
    registry.lose_sight(at(3));
    for name in [live, left] {
        assert_eq!(takeover(&registry, at(4), &name, address(8)), None);
    }
    let _lease = registry.hold(live, address(8));
    assert_eq!(
        takeover(&registry, at(6), &live, address(7)),
        Some(Reason::MQTT_TAKEOVER_CLIENT_ID)
    );
}

#[test]
fn the_oldest_lasting_session_makes_room() {
    let registry = registry(4);
    let names: Vec<Name> = (0..6).map(|n| name(&registry, &n.to_string())).collect();
    let mut evicted = Vec::new();
    for (second, name) in (10..).zip(&names) {
        let lease = registry.hold(*name, address(7));
        evicted.push(registry.release(at(second), &lease, DAY));
    }
    assert_eq!(evicted, [false, false, false, false, true, true]);
    assert_eq!(registry.len(), 4);
    let taken = names
        .iter()
        .map(|name| takeover(&registry, at(20), name, address(8)).is_some());
    assert_eq!(
        taken.collect::<Vec<_>>(),
        [false, false, true, true, true, true]
    );
}

#[test]
fn eight_threads_leave_the_books_straight() {
    const CLIENTS: usize = 500;
    let registry = registry(CLIENTS);
    std::thread::scope(|scope| {
        for thread in 0..8u32 {
            let registry = &registry;
            scope.spawn(move || {
                for round in 0..20_000u32 {
                    let now = at(u64::from(round));
                    // Some names are shared by the threads, most aren't.
                    let number = if round % 3 == 0 { 0 } else { thread };
                    let name = name(registry, &format!("{number}/{}", round % 997));
                    takeover(registry, now, &name, address(thread));
                    let lease = registry.hold(name, address(thread));
                    registry.note_live(now, &name);
                    registry.release(now, &lease, DAY * (round % 2));
                    // Each thread may be between an insertion and the eviction for it.
                    assert!(registry.len() <= CLIENTS + 16);
                }
            });
        }
    });
    assert!(registry.holders.is_empty());
    assert!(registry.len() <= CLIENTS);
}
