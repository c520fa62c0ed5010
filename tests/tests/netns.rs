//! The harness itself: what the other tests rely on, and that they are able to fail.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use gateway::demo::attacks;
use gateway::demo::work;
use gateway::netns::{Host, Spec, Topology, address, output};
use weir_tests::lab::{FAMILIES, must, scene};
use weir_tests::stream::Stream;

fn spec(label: &str) -> Spec<'_> {
    Spec {
        label,
        ..Spec::default()
    }
}

#[test]
fn two_runs_under_one_label_stand_side_by_side() {
    let first = must(Topology::build(&spec("twice")));
    let second = must(Topology::build(&spec("twice")));
    assert_eq!(first.state().label(), "twice");
    assert_eq!(second.state().label(), "twice-2");
    let _bridges = [&first, &second].map(|topology| must(topology.bridge()));
    for topology in [&first, &second] {
        for family in FAMILIES {
            assert!(reaches(topology, Host::Devices, Host::Servers, family));
            assert!(reaches(topology, Host::Attacker, Host::Victim, family));
        }
    }
}

#[test]
fn nothing_crosses_a_gateway_that_isn_t_there() {
    let topology = must(Topology::build(&spec("apart")));
    for family in FAMILIES {
        assert!(!reaches(&topology, Host::Devices, Host::Servers, family));
        // The field network doesn't need the gateway.
        assert!(reaches(&topology, Host::Devices, Host::Attacker, family));
    }
}

fn reaches(topology: &Topology, from: Host, to: Host, family: gateway::netns::Family) -> bool {
    let to = address(to, 0, family).to_string();
    let mut ping = topology.host(from).command("ping");
    ping.args(["-c", "1", "-W", "1", &to]);
    must(output(&mut ping)).status.success()
}

#[test]
fn a_topology_leaves_nothing_behind() {
    let spec = Spec {
        plant: true,
        ..spec("gone")
    };
    let topology = must(Topology::build(&spec));
    let dir = topology.state().dir().to_owned();
    must(topology.state().mount_bpf());
    drop(topology);
    assert!(!dir.exists());
    let entries = fs::read_dir("/run/netns").expect("there is one");
    let names = entries.map(|entry| entry.expect("readable").file_name());
    let left: Vec<_> = names
        .filter(|name| name.to_string_lossy().starts_with("weir-gone-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn with_a_bridge_all_work_works_and_every_attack_succeeds() {
    let scene = scene("bridged");
    let _bridge = must(scene.topology.bridge());
    for family in FAMILIES {
        for job in work::ALL {
            let outcome = must(job.run(&scene, family));
            assert!(outcome.works, "{}, {family:?}: {outcome:?}", job.name);
        }
        for attack in attacks::ALL {
            let seen = must(attack.run(&scene, family));
            assert!(seen.succeeded, "{}, {family:?}: {seen:?}", attack.name);
        }
    }
}

#[test]
fn without_a_bridge_no_work_works_and_no_attack_succeeds() {
    let scene = scene("unbridged");
    let family = FAMILIES[0];
    for attack in attacks::ALL {
        let seen = must(attack.run(&scene, family));
        assert!(!seen.succeeded, "{}: {seen:?}", attack.name);
    }
    // One that gives up quickly.
    let outcome = must(work::ALL[0].run(&scene, family));
    assert!(!outcome.works, "{outcome:?}");
}

#[test]
fn a_stream_notices_an_interruption() {
    let topology = must(Topology::build(&Spec {
        field: false,
        ..spec("stream")
    }));
    let bridge = must(topology.bridge());
    let stream = Stream::start(&topology, 5683);
    sleep(Duration::from_millis(300));
    let cut = stream.now();
    drop(bridge);
    sleep(Duration::from_millis(200));
    let joined = stream.now();
    let _bridge = must(topology.bridge());
    sleep(Duration::from_millis(300));
    let record = stream.finish();
    println!(
        "lost {} of {}, gap {:?}",
        record.lost(),
        record.sent,
        record.longest_gap(cut..joined)
    );
    assert!(
        record.lost() > 100 && record.lost() < record.sent,
        "{}",
        record.lost()
    );
    assert!(record.longest_gap(cut..joined) > Duration::from_millis(100));
    assert!(record.longest_gap(Duration::ZERO..cut) < Duration::from_millis(100));
}
