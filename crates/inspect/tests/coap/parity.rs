//! What flows without the gateway flows with it: the same ends over the same network, with it and without.
//!
//! A seed has six clients of as many kinds ask servers this and that, over IPv4 or IPv6, one by one or several things at
//! once: small and large, confirmable or not, in blocks, observing, of a group, freshly by an Echo of the server's own, and
//! being asked back. What each datagram meets is a matter of what it says, the same in both networks. There are a few seeds
//! here; some thousands, at any loss of a hundred (or 1 to 8), for who has changed something:
//!
//! ```text
//! WEIR_PARITY_SEEDS=10000..30000 WEIR_PARITY_LOSS=5 \
//!     cargo test --release -p weir-inspect --test coap -- --nocapture over_any_network
//! ```

mod run;

use std::ops::Range;

use crate::model::{Conditions, Outcome, Report};
use crate::world::World;
use run::{Fate, Run, SERVERS, run};

/// Something that differs between the runs with and without the gateway, and shouldn't: what is the same in other runs of
/// the seed, and all that is to be told.
type Difference = (String, String);

/// What differs with any keys of the gateway's, for of 65,536 message IDs one is that of another message.
fn differences(seed: u64, conditions: Conditions) -> Vec<String> {
    let straight = run(seed, conditions, None);
    let with_key = |key| {
        let world = World::with_key(key);
        differences_from(&straight, run(seed, conditions, Some(world)))
    };
    let mut all = with_key(7);
    if !all.is_empty() {
        let others = with_key(8);
        all.retain(|(what, _)| others.iter().any(|(other, _)| what == other));
    }
    all.into_iter().map(|(_, told)| told).collect()
}

fn differences_from(straight: &Run, through: Run) -> Vec<Difference> {
    let faults = through.faults.iter();
    let kind = |fault: &str| fault.split(' ').next().unwrap_or_default().to_owned();
    let mut all: Vec<_> = faults.map(|fault| (kind(fault), fault.clone())).collect();
    for (whose, fate) in &through.fates {
        let of_it = straight.fates.get(whose).filter(|_| fate.is_client_s);
        if !is_as_it_was(of_it, fate) {
            let was = of_it.map(|fate| &fate.outcome);
            let Fate {
                task,
                outcome,
                losses,
                ..
            } = fate;
            all.push((
                format!("{whose:?}"),
                format!("{whose:?} {task:?}: {outcome:?} after {losses} losses, not {was:?}"),
            ));
        }
    }
    for (what, times) in &through.done {
        let (client, path, _) = what;
        let fates = through.fates.iter();
        let asked = fates.filter(|((whose, _), fate)| whose == client && fate.task.path == *path);
        let most = asked.count();
        if *times > most {
            all.push((
                format!("{what:?}"),
                format!("{what:?} was done {times} times, not {most}"),
            ));
        }
    }
    all
}

/// Whether a task came to the same with the gateway, or there is a reason. Who is asked back is known to have asked.
fn is_as_it_was(straight: Option<&Fate>, through: &Fate) -> bool {
    let is_explained = through.is_explained();
    let Some(straight) = straight else {
        return is_explained || matches!(through.outcome, Outcome::Done(_));
    };
    match (&straight.outcome, &through.outcome) {
        (Outcome::Done(_), Outcome::Done(reports)) if through.task.observes.is_some() => {
            !reports.is_empty() && is_in_order(reports)
        }
        (Outcome::Done(_), _) if through.task.to.ip().is_multicast() => has_heard_all(through),
        (Outcome::Done(a), Outcome::Done(b)) => a == b || is_told_briefly(a, b),
        (Outcome::Done(_), _) => is_explained,
        _ => true,
    }
}

/// Whether nobody was told of an older state after a newer one. A state begins with its number.
fn is_in_order(reports: &[Report]) -> bool {
    reports.is_sorted_by_key(|report| report.body.get(..4).map(<[u8]>::to_vec))
}

/// Whether all members of a group were heard, each once and alike, but for what was lost.
fn has_heard_all(fate: &Fate) -> bool {
    let heard = match &fate.outcome {
        Outcome::Done(reports) => &reports[..],
        _ => &[],
    };
    let are_alike = heard.iter().all(|report| *report == heard[0]);
    let is_excused = fate.losses >= fate.least_losses() || fate.is_poor();
    are_alike && (heard.len() == SERVERS || is_excused && heard.len() < SERVERS)
}

/// Whether it is a failure without what is said about it to people, for which there was no room.
fn is_told_briefly(straight: &[Report], through: &[Report]) -> bool {
    let mut pairs = straight.iter().zip(through);
    pairs.all(|(a, b)| {
        a.code.is_error() && (a.code, &a.options) == (b.code, &b.options) && b.body.is_empty()
    })
}

#[test]
fn over_a_good_network_everything_comes_as_it_is() {
    for seed in 0..60 {
        let straight = run(seed, Conditions::GOOD, None);
        for fate in straight.fates.values() {
            assert!(
                matches!(fate.outcome, Outcome::Done(_)),
                "seed {seed}: {fate:?}"
            );
        }
        assert_same(seed, Conditions::GOOD);
    }
}

#[test]
fn what_comes_twice_or_in_another_order_harms_nothing() {
    (1000..1080).for_each(|seed| assert_same(seed, Conditions::bad(0)));
}

#[test]
fn over_a_bad_network_what_comes_without_comes_with() {
    (2000..2100).for_each(|seed| assert_same(seed, Conditions::bad(1 + seed % 8)));
}

/// Seeds that nobody has chosen, a few of them; the test's file says how to run more.
#[test]
fn over_any_network_what_comes_without_comes_with() {
    let seeds = std::env::var("WEIR_PARITY_SEEDS").unwrap_or_else(|_| "10000..10060".into());
    let (first, end) = seeds.split_once("..").expect("seeds as FIRST..END");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let seeds = number(first)..number(end);
    let loss = std::env::var("WEIR_PARITY_LOSS").ok();
    let loss = loss.map(|loss| number(&loss));
    let workers = std::thread::available_parallelism().map_or(1, |workers| workers.get());
    let failures: usize = std::thread::scope(|scope| {
        let share = |worker| (seeds.start + worker as u64..seeds.end).step_by(workers);
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || share(worker).filter(|seed| tells(*seed, loss)).count())
            })
            .collect();
        let failures = workers.into_iter().map(|worker| worker.join());
        failures.map(|count| count.expect("no panic")).sum()
    });
    let Range { start, end } = seeds;
    assert_eq!(failures, 0, "of {}", end - start);
}

/// Tells what differs. Returns whether something does.
fn tells(seed: u64, loss: Option<u64>) -> bool {
    let conditions = Conditions::bad(loss.unwrap_or(1 + seed % 8));
    let differences = differences(seed, conditions);
    if !differences.is_empty() {
        eprintln!("seed {seed}:\n{}", differences.join("\n"));
    }
    !differences.is_empty()
}

#[track_caller]
fn assert_same(seed: u64, conditions: Conditions) {
    let differences = differences(seed, conditions);
    assert!(
        differences.is_empty(),
        "seed {seed}:\n{}",
        differences.join("\n")
    );
}
