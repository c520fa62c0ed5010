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

/// A client that connects, is let in and leaves: a step each, of which none is divided by those of others.
#[derive(Debug, Clone, Copy)]
enum Client {
    Away,
    Asked {
        ticket: Ticket,
        is_told: bool,
    },
    /// Holding the name with nothing told of it.
    Alone(NonZeroU32),
    Gone,
}

/// Every order in which `clients` take `steps` each.
fn orders(clients: usize, steps: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..clients * steps {
        let longer = |order: Vec<usize>| {
            let is_open = |client: &usize| order.iter().filter(|c| *c == client).count() < steps;
            let next: Vec<usize> = (0..clients).filter(is_open).collect();
            next.into_iter()
                .map(move |client| [&order[..], &[client]].concat())
        };
        orders = orders.into_iter().flat_map(longer).collect();
    }
    orders
}

#[test]
fn whoever_is_told_nothing_of_is_alone() {
    let orders = orders(3, 3);
    assert_eq!(orders.len(), 1680);
    for order in orders {
        let registry = registry(10);
        let plc = name(&registry, "plc");
        let mut clients = [Client::Away; 3];
        for &at_work in &order {
            let from = address(at_work as u32);
            clients[at_work] = match clients[at_work] {
                Client::Away => {
                    let (ticket, reason) = registry.ask(at(1), &plc, from);
                    let is_told = reason.is_some();
                    Client::Asked { ticket, is_told }
                }
                Client::Asked { is_told: true, .. } => Client::Gone,
                Client::Asked { ticket, .. } => match registry.claim(ticket, plc, from) {
                    Some(lease) => Client::Alone(lease.ticket),
                    None => Client::Gone,
                },
                Client::Alone(ticket) => {
                    registry.release(at(1), &Lease { name: plc, ticket }, Duration::ZERO);
                    Client::Gone
                }
                Client::Gone => Client::Gone,
            };
            let alone = clients
                .iter()
                .filter(|client| matches!(client, Client::Alone(_)));
            assert!(alone.count() <= 1, "{order:?}");
        }
    }
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
