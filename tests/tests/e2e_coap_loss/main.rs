//! CoAP over a wire that loses datagrams, on both sides of the gateway, with clients of three makers and the
//! shipped rules: what comes about without Weir comes about with it, by the protocol's own retransmissions
//! (RFC 7252 §4.2), and nothing is blocked. The same datagrams are lost of each client, by their number, in
//! either case; where fewer are lost, some come twice, and some late.

mod work;

use std::thread;
use std::time::{Duration, Instant};

use gateway::demo::scene::{Scene, port};
use gateway::netns::{Host, Spec, Topology};
use serde_json::Value;
use weir_tests::lab::{baseline, must};
use weir_tests::relay::Relay;
use weir_tests::relay::datagrams::{Chance, Datagrams, Tally};

use work::{LARGE_LEN, Outcomes, do_all};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
/// How long a datagram is under way, on either side.
const DELAY: Duration = Duration::from_millis(2);
/// Fewer losses would show too little.
const LOSSES: u64 = 25;
/// More failures without Weir would show too little.
const FAILURES: usize = 2;
/// What Weir may have to say: that a client nothing is known of has to show that its address is its own, and that a
/// reset answers nothing. node-coap resets acknowledgements that come twice (1.5.0), which is nothing to a server
/// (RFC 7252 §4.2).
const TOLD: [[&str; 2]; 2] = [
    ["coap.amplification.ratio", "challenge"],
    ["coap.spoofed.unmatched-reset", "drop"],
];

#[test]
fn all_comes_about_where_two_in_a_hundred_datagrams_are_lost() {
    compare("e2e-coap-loss-2", [20, 5], 1, LARGE_LEN);
}

#[test]
fn all_comes_about_where_five_in_a_hundred_datagrams_are_lost() {
    // With this seed no body takes longer than twenty seconds, on average: that leaves time.
    compare("e2e-coap-loss-5", [50, 0], 703, LARGE_LEN / 8);
}

/// What it was like.
struct Run {
    outcomes: Outcomes,
    /// Between devices and gateway, and between gateway and servers; each towards the servers, and back.
    tallies: [[Tally; 2]; 2],
    events: Vec<Value>,
    took: Duration,
}

impl Run {
    /// All that was lost.
    fn lost(&self) -> u64 {
        self.tallies.iter().flatten().map(|tally| tally.lost).sum()
    }

    /// How many of a thousand datagrams to the gateway repeat an earlier one.
    fn repeated_permille(&self) -> u64 {
        let [[to_gateway, _], _] = self.tallies;
        1000 * to_gateway.repeated / to_gateway.all
    }

    fn failures(&self) -> usize {
        let failed = |outcome: &&work::Outcome| outcome.failure.is_some();
        self.outcomes.values().filter(failed).count()
    }
}

/// Loses so many of a thousand datagrams, half of them on either side, and on either lets so many come twice, and as many
/// late; with and without Weir.
fn compare(label: &str, chances: [usize; 2], seed: u64, node_len: usize) {
    let bridged = format!("{label}-bridge");
    let (without, with) = thread::scope(|scope| {
        let without = scope.spawn(|| {
            let scene = build(&bridged);
            let _bridge = must(scene.topology.bridge());
            run(&scene, chances, seed, node_len)
        });
        let with = scope.spawn(|| {
            let scene = build(label);
            let gateway = baseline(&scene.topology, PROGRAM, "auto", "");
            let run = run(&scene, chances, seed, node_len);
            let events = must(gateway.events());
            Run { events, ..run }
        });
        let [without, with] = [without, with].map(|run| run.join().expect("it doesn't panic"));
        (without, with)
    });
    for (by, run) in [("bridge", &without), ("weir", &with)] {
        println!(
            "{by}: {} of {} failed, within {:?}; {:#?}",
            run.failures(),
            run.outcomes.len(),
            run.took,
            run.tallies
        );
        assert!(run.lost() >= LOSSES, "{} losses by {by}", run.lost());
    }
    assert!(without.failures() <= FAILURES, "too little works anyway");
    let mut worse = Vec::new();
    for (what, outcome) in &without.outcomes {
        let guarded = &with.outcomes[what];
        println!("{what:30} bridge {outcome}, weir {guarded}");
        if outcome.failure.is_none() && guarded.failure.is_some() {
            worse.push(format!("{what}: {guarded}"));
        }
    }
    println!("{} events", with.events.len());
    for event in &with.events {
        let weir = &event["weir"];
        let told = ["reason", "verdict"].map(|key| weir[key].as_str().unwrap_or_default());
        assert!(TOLD.contains(&told), "ordinary work met {event:#}");
    }
    assert!(worse.is_empty(), "lost by Weir: {worse:#?}");
    let [before, now] = [&without, &with].map(Run::repeated_permille);
    println!("of a thousand datagrams, devices repeat {before}, with Weir {now}");
    assert!(now <= before + before / 2 + 10, "{now} for {before}");
}

fn build(label: &str) -> Scene {
    let spec = Spec {
        label,
        plant: true,
        ..Spec::default()
    };
    must(Scene::start(must(Topology::build(&spec))))
}

fn run(scene: &Scene, [lost, again]: [usize; 2], seed: u64, node_len: usize) -> Run {
    let started = Instant::now();
    let fates = |side: u64| {
        [0, 1].map(|direction| {
            let chance = Chance {
                seed: seed << 8 | side << 1 | direction,
                lost: lost / 2,
                twice: again,
                late: again,
            };
            Datagrams::new(chance, &[port::COAP])
        })
    };
    let outside = Relay::start(&scene.topology, Host::Devices, DELAY, fates(0));
    let inside = Relay::start(&scene.topology, Host::Servers, DELAY, fates(1));
    let outcomes = do_all(scene, node_len);
    let [outside, inside] =
        [outside, inside].map(|relay| relay.finish().map(|fates| fates.tally()));
    let [to_gateway, from_gateway] = inside;
    Run {
        outcomes,
        tallies: [outside, [from_gateway, to_gateway]],
        events: Vec::new(),
        took: started.elapsed(),
    }
}
