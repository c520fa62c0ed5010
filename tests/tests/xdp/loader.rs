//! The program on interfaces: put there, left there, taken over, taken off.

use std::fs;
use std::path::Path;

use abi::{OnFailure, Outcome, Side, ban};
use aya::EbpfLoader;
use aya::maps::{Array, Map, MapData};
use aya::programs::{Xdp as Program, XdpMode};
use gateway::dataplane::xdp::{self, Claim, Error, Link, Mode, Xdp};
use ipnet::IpNet;
use policy::XdpMode as Wanted;
use rustix::mount::{UnmountFlags, unmount};

use crate::stage::{Stage, interface, settings};

fn modes(xdp: &Xdp) -> Vec<(Mode, bool)> {
    xdp.ports()
        .iter()
        .map(|port| (port.mode, port.adopted))
        .collect()
}

#[test]
fn the_program_outlives_its_owner_and_goes_when_told() {
    let stage = Stage::new("life");
    let xdp = stage.open(Wanted::Auto).expect("attached");
    assert_eq!(modes(&xdp), [(Mode::Native, false), (Mode::Native, false)]);
    assert_eq!(stage.mode("in0").as_deref(), Some("native"));
    assert_eq!(stage.coap(&xdp, 3), [(Outcome::OpenNoSocket, 3)]);

    drop(xdp);
    assert_eq!(
        stage.mode("in0").as_deref(),
        Some("native"),
        "as after a crash"
    );
    assert_eq!(
        stage.mode("out0").as_deref(),
        Some("native"),
        "as after a crash"
    );

    let mut names = xdp::detach(&stage.pins).expect("detached");
    names.sort();
    assert_eq!(names, ["in0", "out0"]);
    assert!(stage.is_bare());
    assert_eq!(stage.pinned(), Vec::<String>::new());
    assert_eq!(
        xdp::detach(&stage.pins).expect("nothing to do"),
        Vec::<String>::new()
    );
}

#[test]
fn a_successor_takes_over_what_is_there() {
    let stage = Stage::new("heir");
    let first = stage.open(Wanted::Auto).expect("attached");
    let source: IpNet = "10.9.0.1/32".parse().expect("a prefix");
    first
        .block_list()
        .expect("the list")
        .place(source, ban::FOREVER_NS)
        .expect("banned");
    assert_eq!(stage.coap(&first, 2), [(Outcome::Banned, 2)]);
    let program = stage.program("in0");
    drop(first);

    let second = stage.open(Wanted::Auto).expect("taken over");
    assert_eq!(modes(&second), [(Mode::Native, true), (Mode::Native, true)]);
    assert_ne!(stage.program("in0"), program, "with its own program");
    assert_eq!(stage.coap(&second, 1), [(Outcome::Banned, 1)], "bans stay");
    let counts = second
        .counters()
        .expect("the counters")
        .read(0, Side::Inside)
        .expect("counts");
    let banned = counts
        .iter()
        .find(|(outcome, _)| *outcome == Outcome::Banned)
        .expect("a count");
    assert_eq!(banned.1.frames, 3, "counters go on");
    // Ethernet, IPv4 and UDP headers before four bytes of CoAP.
    assert_eq!(banned.1.bytes, 3 * 46);

    assert!(
        second
            .block_list()
            .expect("the list")
            .lift(source)
            .expect("lifted")
    );
    assert_eq!(stage.coap(&second, 1), [(Outcome::OpenNoSocket, 1)]);
    second.detach().expect("detached");
    assert!(stage.is_bare());
}

#[test]
fn a_successor_of_another_layout_keeps_the_links_and_replaces_the_maps() {
    let stage = Stage::new("layout");
    drop(stage.open(Wanted::Auto).expect("attached"));
    let (current, old) = (format!("v{}", abi::LAYOUT_VERSION), stage.pins.join("v0"));
    fs::rename(stage.pins.join(&current), &old).expect("maps of another layout");
    let xdp = stage.open(Wanted::Auto).expect("taken over");
    assert_eq!(modes(&xdp), [(Mode::Native, true), (Mode::Native, true)]);
    assert!(!old.exists() && stage.pins.join(&current).exists());
    assert_eq!(stage.coap(&xdp, 1), [(Outcome::OpenNoSocket, 1)]);
}

#[test]
fn the_mode_is_the_one_that_is_asked_for() {
    let stage = Stage::new("mode");
    for (wanted, mode, name, adopted) in [
        (Wanted::Generic, Mode::Generic, "generic", false),
        (Wanted::Auto, Mode::Generic, "generic", true),
        (Wanted::Native, Mode::Native, "native", false),
        (Wanted::Native, Mode::Native, "native", true),
        (Wanted::Generic, Mode::Generic, "generic", false),
    ] {
        let xdp = stage
            .open(wanted)
            .unwrap_or_else(|error| panic!("{wanted:?}: {error}"));
        assert_eq!(
            modes(&xdp),
            [(mode, adopted), (mode, adopted)],
            "{wanted:?}"
        );
        assert_eq!(stage.mode("in0").as_deref(), Some(name), "{wanted:?}");
        assert_eq!(
            stage.coap(&xdp, 1),
            [(Outcome::OpenNoSocket, 1)],
            "{wanted:?}"
        );
    }
}

#[test]
fn a_driver_without_native_mode_gets_generic_or_a_clear_error() {
    let stage = Stage::new("lo");
    let refused = stage
        .open_links(Wanted::Native, &[("in0", "lo")])
        .err()
        .expect("no native mode");
    assert!(
        matches!(&refused, Error::NoNativeMode { interface, .. } if interface == "lo"),
        "{refused:?}"
    );
    assert!(stage.is_bare(), "in0 is let go again");

    let xdp = stage
        .open_links(Wanted::Auto, &[("in0", "lo")])
        .expect("attached");
    assert_eq!(modes(&xdp), [(Mode::Native, false), (Mode::Generic, false)]);
    let [inside, outside] = xdp.ports() else {
        panic!("two ports")
    };
    assert!(inside.refused_native.is_none() && outside.refused_native.is_some());
}

#[test]
fn an_occupied_interface_is_left_alone() {
    let stage = Stage::new("taken");
    let mut foreign = EbpfLoader::new().load(xdp::OBJECT).expect("loaded");
    let program: &mut Program = foreign
        .program_mut("empty")
        .expect("there")
        .try_into()
        .expect("XDP");
    program.load().expect("loaded");
    let id = program.info().expect("known").id();
    let link = stage
        .run(|| program.attach("out0", XdpMode::Driver))
        .expect("attached");

    for wanted in [Wanted::Auto, Wanted::Generic] {
        let refused = stage.open(wanted).err().expect("occupied");
        let Error::Occupied {
            interface,
            program,
            name,
        } = &refused
        else {
            panic!("{refused:?}")
        };
        assert_eq!((interface.as_str(), *program), ("out0", id));
        assert_eq!(name.as_deref(), Some("empty"));
        let told = refused.to_string();
        assert!(told.contains("out0") && told.contains("xdp off"), "{told}");
        assert_eq!(stage.program("in0"), None, "in0 is let go again");
        assert_eq!(stage.program("out0").map(|(_, id)| id), Some(id));
    }
    stage.run(|| program.detach(link)).expect("detached");
    stage.open(Wanted::Auto).expect("free now");
}

#[test]
fn two_gateways_do_not_take_each_others_ports() {
    let stage = Stage::new("two");
    let first = stage.open(Wanted::Auto).expect("attached");
    let elsewhere = stage.pins.with_extension("other");
    let links = || {
        vec![Link {
            inside: interface("in0"),
            outside: interface("out0"),
        }]
    };
    let refused = stage
        .run(|| Xdp::open(Claim::take(&elsewhere)?, Wanted::Auto, links(), &settings()))
        .err();
    let _ = unmount(&elsewhere, UnmountFlags::DETACH);
    fs::remove_dir(&elsewhere).expect("nothing is left there");
    let told = refused.expect("occupied").to_string();
    assert!(
        told.contains("called weir") && told.contains("`weir detach`"),
        "{told}"
    );
    assert_eq!(stage.coap(&first, 1), [(Outcome::OpenNoSocket, 1)]);
}

#[test]
fn two_gateways_do_not_work_with_the_same_pins() {
    let stage = Stage::new("same");
    let first = stage.open(Wanted::Auto).expect("attached");
    let program = stage.program("in0");
    let refused = stage.open(Wanted::Auto).err().expect("one is at work");
    let Error::AtWork {
        process,
        interfaces,
        ..
    } = &refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(*process, Some(std::process::id()));
    assert_eq!(*interfaces, ["in0", "out0"]);
    let kept = xdp::detach(&stage.pins);
    assert!(matches!(kept, Err(Error::AtWork { .. })), "{kept:?}");
    assert_eq!(stage.program("in0"), program);
    assert_eq!(stage.coap(&first, 1), [(Outcome::OpenNoSocket, 1)]);
    drop(first);
    stage.open(Wanted::Auto).expect("free now");
}

#[test]
fn a_place_where_nothing_can_be_pinned_is_named() {
    let error = Claim::take(Path::new("/proc/weir"))
        .expect_err("no directory can be made there")
        .to_string();
    assert!(
        error.contains("/proc/weir") && error.contains("`[dataplane] pin_dir` must be on a bpffs"),
        "{error}"
    );
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let stage = Stage::new("absent");
    let refused = stage
        .open_links(Wanted::Auto, &[("in0", "nope0")])
        .err()
        .expect("no such interface");
    assert!(
        matches!(&refused, Error::NoSuchInterface { interface } if interface == "nope0"),
        "{refused:?}"
    );
    assert!(stage.is_bare());
}

#[test]
fn an_interface_that_comes_back_gets_the_program_again() {
    let stage = Stage::new("back");
    let mut xdp = stage.open(Wanted::Auto).expect("attached");
    stage.ip("link del out0");
    stage.pair("out0", "srv0");
    assert_eq!(stage.program("out0"), None);
    let index = stage.run(|| interface("out0")).index;
    let port = stage.run(|| {
        xdp.reattach(0, Side::Outside, index)
            .map(|port| (port.mode, port.adopted))
    });
    assert_eq!(port.expect("attached"), (Mode::Native, false));
    assert_eq!(stage.mode("out0").as_deref(), Some("native"));
    assert_eq!(xdp.ports().len(), 2);
    assert_eq!(
        stage.coap(&xdp, 1),
        [(Outcome::OpenNoSocket, 1)],
        "and is the peer again"
    );
}

#[test]
fn links_that_are_no_longer_configured_are_let_go() {
    let stage = Stage::new("fewer");
    stage.pair("in.1", "dev1");
    stage.pair("out.1", "srv1");
    let both = [("in0", "out0"), ("in.1", "out.1")];
    assert_eq!(
        stage
            .open_links(Wanted::Auto, &both)
            .expect("attached")
            .ports()
            .len(),
        4
    );
    assert_eq!(
        stage.mode("in.1").as_deref(),
        Some("native"),
        "a name with a dot"
    );
    let xdp = stage
        .open_links(Wanted::Auto, &both[..1])
        .expect("taken over");
    assert_eq!(modes(&xdp), [(Mode::Native, true), (Mode::Native, true)]);
    assert_eq!(stage.program_soon("in.1"), None);

    drop(xdp);
    drop(stage.open_links(Wanted::Auto, &both).expect("attached"));
    let xdp = stage
        .open_links(Wanted::Auto, &both[1..])
        .expect("attached");
    // The link has changed its place. What was attached under its old number must not linger.
    assert_eq!(modes(&xdp), [(Mode::Native, false), (Mode::Native, false)]);
    assert!(stage.is_bare(), "in0 and out0 are free");
    assert_eq!(stage.mode("out.1").as_deref(), Some("native"));
}

#[test]
fn new_settings_take_effect_at_once() {
    let stage = Stage::new("reload");
    let mut xdp = stage.open(Wanted::Auto).expect("attached");
    assert_eq!(stage.coap(&xdp, 1), [(Outcome::OpenNoSocket, 1)]);
    let mut changed = settings();
    changed.port.on_failure = OnFailure::Closed;
    xdp.configure(&changed).expect("configured");
    assert_eq!(stage.coap(&xdp, 1), [(Outcome::ClosedNoSocket, 1)]);
    changed.services.clear();
    xdp.configure(&changed).expect("configured");
    assert_eq!(stage.coap(&xdp, 1), [], "CoAP is no service any more");
}

#[test]
fn the_block_list_keeps_what_it_is_told() {
    let stage = Stage::new("list");
    let xdp = stage.open(Wanted::Auto).expect("attached");
    let mut list = xdp.block_list().expect("the list");
    let mut entries: Vec<(IpNet, u64)> = [
        ("10.9.0.1/32", 17),
        ("10.9.0.0/24", ban::FOREVER_NS),
        ("0.0.0.0/0", 1),
        ("fd00::1/128", 1 << 40),
        ("fd00::/16", 5),
    ]
    .map(|(net, expires_ns)| (net.parse().expect("a prefix"), expires_ns))
    .to_vec();
    for (net, expires_ns) in &entries {
        list.place(*net, *expires_ns).expect("placed");
    }
    list.place("10.9.0.77/24".parse().expect("a prefix"), 99)
        .expect("the same prefix, placed again");
    entries[1].1 = 99;
    let mut kept = list.entries().expect("entries");
    kept.sort();
    entries.sort();
    assert_eq!(kept, entries);
    for (net, _) in &entries {
        assert!(list.lift(*net).expect("lifted"));
        assert!(!list.lift(*net).expect("gone"));
    }
    assert_eq!(list.entries().expect("entries"), []);
}

/// Lengths that the program looks for, in all slots of both families.
fn lengths(stage: &Stage) -> Vec<u64> {
    let map = |name: &str| {
        let path = stage.pins.join(format!("v{}/{name}", abi::LAYOUT_VERSION));
        Map::from_map_data(MapData::from_pin(path).expect("pinned")).expect("a map")
    };
    let v4: Array<_, ban::V4> = map(ban::LENGTHS_V4).try_into().expect("an array");
    let v6: Array<_, ban::V6> = map(ban::LENGTHS_V6).try_into().expect("an array");
    let v4 = v4.iter().flat_map(|set| set.expect("a set"));
    v4.chain(v6.iter().flat_map(|set| set.expect("a set")))
        .collect()
}

#[test]
fn lengths_are_looked_for_while_they_are_listed_and_a_successor_puts_them_right() {
    let stage = Stage::new("lengths");
    let xdp = stage.open(Wanted::Auto).expect("attached");
    let mut list = xdp.block_list().expect("the list");
    let nets = [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.9.0.0/24",
        "10.9.0.1/32",
        "::/0",
        "fd00::1/128",
    ]
    .map(|net| net.parse::<IpNet>().expect("a prefix"));
    for net in nets {
        list.place(net, ban::FOREVER_NS).expect("placed");
    }
    let listed = lengths(&stage);
    drop(list);

    // As after a process that ended between an entry and its length, one way or the other.
    let path = stage
        .pins
        .join(format!("v{}/{}", abi::LAYOUT_VERSION, ban::LENGTHS_V4));
    let map = Map::from_map_data(MapData::from_pin(path).expect("pinned")).expect("a map");
    let mut map: Array<_, ban::V4> = map.try_into().expect("an array");
    map.set(0x0a09, [0], 0).expect("set");
    map.set(0x1234, [u64::MAX], 0).expect("set");
    assert_eq!(stage.coap(&xdp, 1), [(Outcome::OpenNoSocket, 1)]);
    let mut list = xdp.block_list().expect("the list");
    let mut found = list.found();
    found.sort_unstable();
    let mut expected = nets.map(|net| (net, ban::FOREVER_NS));
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(lengths(&stage), listed);
    assert_eq!(stage.coap(&xdp, 1), [(Outcome::Banned, 1)]);

    for net in nets {
        assert!(list.lift(net).expect("lifted"));
    }
    assert!(lengths(&stage).iter().all(|set| *set == 0));
}

#[test]
fn a_full_block_list_says_so() {
    let stage = Stage::new("full");
    let xdp = stage.open(Wanted::Auto).expect("attached");
    let mut list = xdp.block_list().expect("the list");
    let host = |number: u32| IpNet::from(std::net::IpAddr::from(number.to_be_bytes()));
    for number in 0..ban::ENTRIES {
        list.place(host(number), 1).expect("room");
    }
    let full = list.place(host(ban::ENTRIES), 1).expect_err("no room");
    assert!(
        matches!(
            full,
            Error::BlockListFull {
                capacity: ban::ENTRIES
            }
        ),
        "{full:?}"
    );
    list.place(host(0), 2)
        .expect("what is there can be changed");
    assert!(list.lift(host(1)).expect("lifted"));
    list.place(host(ban::ENTRIES), 1).expect("room again");
}

#[test]
fn slots_beyond_the_maps_are_refused() {
    let stage = Stage::new("slots");
    let mut xdp = stage.open(Wanted::Auto).expect("attached");
    for (link, queue) in [(abi::LINKS, 0), (0, abi::QUEUES)] {
        assert!(matches!(
            xdp.heartbeat(link, queue),
            Err(Error::NoSuchSlot { .. })
        ));
        assert!(matches!(
            xdp.withdraw(link, Side::Inside, queue),
            Err(Error::NoSuchSlot { .. })
        ));
    }
    xdp.withdraw(0, Side::Inside, 0)
        .expect("nothing there, nothing to do");
    drop(xdp);
    let many = vec![("in0", "out0"); abi::LINKS as usize + 1];
    assert!(matches!(
        stage.open_links(Wanted::Auto, &many),
        Err(Error::TooManyLinks { links: 17 })
    ));
}
