//! What others do to a gateway's pins and programs: a second gateway is told so, and the first goes on as
//! if nothing had been; a program that is taken off is put back, and pins that are removed are made anew.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use aya::EbpfLoader;
use aya::programs::{Xdp as Program, XdpMode};
use gateway::dataplane::xdp;
use gateway::demo::scene::Scene;
use gateway::demo::work;
use gateway::netns::peers::Gateway;
use gateway::netns::{Family, Process, Spec, Topology, output, wait_until};
use rustix::process::Signal;
use weir_tests::lab::{must, scene, weir};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const PATIENCE: Duration = Duration::from_secs(5);
/// Longer than the kernel takes to let go of a link.
const WHILE: Duration = Duration::from_millis(500);

/// The gateway's configuration with other endpoints, and `changes`.
fn other_configuration(topology: &Topology, name: &str, changes: &[(&str, &str)]) -> PathBuf {
    let config = Gateway::config(topology);
    let mut text = fs::read_to_string(&config).expect("the gateway's own");
    let endpoints = [
        ("127.0.0.1:9683", "127.0.0.1:9684"),
        ("control.sock", "other.sock"),
    ];
    for (from, to) in endpoints.iter().chain(changes) {
        assert!(text.contains(from), "{from} in {text}");
        text = text.replace(from, to);
    }
    let other = config.with_file_name(name);
    fs::write(&other, text).expect("room for a file");
    other
}

/// What `weir` says that can't do what it is asked.
fn refused(topology: &Topology, command: &str, config: &Path) -> String {
    let mut weir = topology.gateway().command(PROGRAM);
    // One that runs all the same mustn't go on for ever.
    let mut limited = Command::new("timeout");
    weir.args([command, "--config"]).arg(config);
    limited
        .arg("20")
        .arg(weir.get_program())
        .args(weir.get_args());
    let done = must(output(&mut limited));
    assert_eq!(
        done.status.code(),
        Some(2),
        "{}{}",
        done.stdout,
        done.stderr
    );
    done.stderr
}

/// That devices work, and that the inspector sees it.
fn inspects(scene: &Scene, gateway: &Gateway<'_>) {
    let judged = || must(gateway.metrics()).sum("weir_frames_total", &[]);
    let before = judged();
    for job in work::ALL {
        let outcome = must(job.run(scene, Family::V4));
        assert!(outcome.works, "{}: {outcome:?}", job.name);
    }
    assert!(judged() > before, "nothing was inspected");
}

#[test]
fn a_second_gateway_on_the_same_pins_is_refused_and_changes_nothing() {
    let scene = scene("e2e-pins-same");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let services = (
        "[policy]",
        "[services]\nmqtt = [1999]\ncoap = []\n\n[policy]",
    );
    let other = other_configuration(topology, "other.toml", &[services]);
    for (command, config) in [
        ("run", &other),
        ("detach", &other),
        ("run", &Gateway::config(topology)),
    ] {
        let said = refused(topology, command, config);
        let process = format!("process {}", gateway.process().id());
        for needle in [
            "already runs on the pins",
            &process,
            "inside and outside",
            "pin_dir",
        ] {
            assert!(said.contains(needle), "{command}: no {needle} in {said}");
        }
    }
    inspects(&scene, &gateway);
    gateway.into_process().kill();
    let successor = must(Gateway::restart(topology, Path::new(PROGRAM)));
    inspects(&scene, &successor);
    let status = must(successor.into_process().stop(PATIENCE));
    assert!(status.success(), "{status}");
}

#[test]
fn a_gateway_with_other_pins_leaves_the_interfaces_as_they_are() {
    let scene = scene("e2e-pins-other");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let pins = must(topology.state().mount_bpf());
    let (here, there) = (
        format!("pin_dir = \"{}\"", pins.display()),
        format!("pin_dir = \"{}/other\"", pins.display()),
    );
    let other = other_configuration(topology, "other.toml", &[(&here, &there)]);
    must(topology.gateway().ip("link set dev inside promisc off"));
    let said = refused(topology, "run", &other);
    assert!(
        said.contains("inside already has an XDP program") && said.lines().count() == 1,
        "{said}"
    );
    assert!(!pins.join("other").exists(), "nothing is left");
    let link = must(topology.gateway().ip("-d link show dev inside"));
    assert!(link.contains("promiscuity 0"), "it was changed: {link}");
    must(topology.gateway().ip("link set dev inside promisc on"));
    inspects(&scene, &gateway);
}

#[test]
fn pins_that_go_with_a_mount_namespace_are_warned_of() {
    const WARNING: &str = "is on a bpffs of this mount namespace alone";
    let topology = must(Topology::build(&Spec {
        label: "e2e-pins-mount",
        ..Spec::default()
    }));
    let gateway = weir(&topology, PROGRAM, "native");
    let log = must(gateway.process().printed());
    assert!(!log.contains(WARNING), "{log}");
    must(gateway.into_process().stop(PATIENCE));
    xdp::detach(&must(topology.state().mount_bpf())).expect("free");

    // As `ip netns exec` does: a mount namespace, and nobody has mounted a bpffs in it.
    let pins = topology.state().dir().join("private");
    fs::create_dir(&pins).expect("room for a directory");
    let mount = format!(
        "mount -t bpf bpf {} && exec {PROGRAM} run --config \"$0\"",
        pins.display()
    );
    let shared = must(topology.state().mount_bpf());
    let dirs = [&shared, &pins].map(|dir| format!("pin_dir = \"{}\"", dir.display()));
    let config = other_configuration(&topology, "private.toml", &[(&dirs[0], &dirs[1])]);
    let mut command = topology.gateway().command("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-c", &mount])
        .arg(config);
    let mut process = must(Process::start(topology.state(), "private", &mut command));
    must(process.ready(PATIENCE, |process| {
        Ok(process.printed()?.contains("started").then_some(()))
    }));
    let log = must(process.printed());
    assert!(
        log.contains(WARNING) && log.contains("nsenter --net"),
        "{log}"
    );
    assert!(log.contains("1 worker\n"), "{log}");
    must(process.stop(PATIENCE));
}

/// What `weir ctl status` says.
fn status(topology: &Topology) -> String {
    let mut ctl = Command::new(PROGRAM);
    ctl.args(["ctl", "--config"])
        .arg(Gateway::config(topology))
        .arg("status");
    must(output(&mut ctl)).stdout
}

/// What holds the program on `interface`.
fn pin(topology: &Topology, interface: &str) -> PathBuf {
    let pins = must(topology.state().mount_bpf());
    pins.join("links").join(interface)
}

/// Detaches the link that is pinned there, as `bpftool link detach` does: `BPF_OBJ_GET` and
/// `BPF_LINK_DETACH` of bpf(2).
fn detach_link(pin: &Path) {
    const SCRIPT: &str = r#"
        my ($bpf, $path) = (shift() + 0, shift() . "\0");
        my $get = pack("P L L", $path, 0, 0);
        my $link = syscall($bpf, 7, $get, length $get);
        die "no link: $!" if $link < 0;
        my $detach = pack("L", $link);
        die "not detached: $!" if syscall($bpf, 34, $detach, length $detach) != 0;
    "#;
    let bpf = if cfg!(target_arch = "x86_64") {
        "321"
    } else {
        "280"
    };
    let mut perl = Command::new("perl");
    let done = must(output(perl.args(["-e", SCRIPT, bpf]).arg(pin)));
    assert!(done.status.success(), "{}", done.stderr);
}

fn is_bare(topology: &Topology, interface: &str) -> bool {
    let link = must(topology.gateway().ip(&format!("link show dev {interface}")));
    !link.contains("prog/xdp")
}

#[test]
fn a_program_that_somebody_takes_off_is_put_back() {
    let scene = scene("e2e-pins-heal");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let put_back = || {
        let metrics = must(gateway.metrics());
        metrics.sum("weir_xdp_reattached_total", &[("interface", "inside")])
    };
    for times in 1..=2 {
        detach_link(&pin(topology, "inside"));
        must(wait_until("the program's return", PATIENCE, || {
            Ok((put_back() == f64::from(times)).then_some(()))
        }));
        inspects(&scene, &gateway);
    }
    assert!(pin(topology, "inside").exists());
    let log = must(gateway.process().printed());
    let told = log.matches("inside: somebody has taken the XDP program off");
    assert_eq!(told.count(), 2, "{log}");
    assert!(status(topology).ends_with("ready\n"));
}

#[test]
fn a_program_in_the_place_of_weirs_is_told_and_left_alone() {
    let scene = scene("e2e-pins-foreign");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    must(gateway.process().signal(Signal::STOP));
    detach_link(&pin(topology, "outside"));
    must(wait_until("a bare port", PATIENCE, || {
        Ok(is_bare(topology, "outside").then_some(()))
    }));
    let mut foreign = EbpfLoader::new().load(xdp::OBJECT).expect("loaded");
    let program: &mut Program = foreign
        .program_mut("empty")
        .expect("there")
        .try_into()
        .expect("XDP");
    program.load().expect("loaded");
    let attach = || program.attach("outside", XdpMode::Driver);
    let link = must(topology.gateway().enter(attach)).expect("attached");
    must(gateway.process().signal(Signal::CONT));
    must(wait_until("the complaint", PATIENCE, || {
        let said = status(topology);
        let needle = "not ready  link inside - outside: the XDP program has been taken off outside";
        Ok(said.contains(needle).then_some(()))
    }));
    let said = status(topology);
    assert!(
        said.contains("XDP: inside native, outside taken off"),
        "{said}"
    );
    let attached =
        |interface| must(gateway.metrics()).sum("weir_xdp_attached", &[("interface", interface)]);
    assert_eq!((attached("inside"), attached("outside")), (1.0, 0.0));
    let log = must(gateway.process().printed());
    assert!(
        log.contains("ERROR") && log.contains("is there instead"),
        "{log}"
    );

    must(topology.gateway().enter(|| program.detach(link))).expect("detached");
    must(wait_until("the program's return", PATIENCE, || {
        Ok((attached("outside") == 1.0).then_some(()))
    }));
    inspects(&scene, &gateway);
}

#[test]
fn a_program_that_cant_be_put_back_ends_the_gateway() {
    let scene = scene("e2e-pins-end");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let pins = must(topology.state().mount_bpf());
    must(gateway.process().signal(Signal::STOP));
    detach_link(&pin(topology, "inside"));
    for directory in pinned(&pins) {
        fs::remove_dir_all(directory).expect("the pins");
    }
    symlink("/nowhere", pins.join("links")).expect("in the way");
    must(gateway.process().signal(Signal::CONT));
    let mut process = gateway.into_process();
    let status = must(wait_until("the end", PATIENCE, || process.ended()));
    assert_eq!(status.code(), Some(2), "{status}");
    let log = must(process.printed());
    assert!(
        log.contains("have been removed, and can't be made anew"),
        "{log}"
    );
    for untrue in ["it is put back", "is back", "it stays"] {
        assert!(!log.contains(untrue), "{untrue}: {log}");
    }

    fs::remove_file(pins.join("links")).expect("out of the way");
    let successor = must(Gateway::restart(topology, Path::new(PROGRAM)));
    inspects(&scene, &successor);
}

/// What the gateway pins, in `pins`.
fn pinned(pins: &Path) -> [PathBuf; 2] {
    ["links".to_owned(), format!("v{}", abi::LAYOUT_VERSION)].map(|name| pins.join(name))
}

fn made_anew(gateway: &Gateway<'_>) -> usize {
    let log = must(gateway.process().printed());
    log.matches("the pins were removed: made anew").count()
}

#[test]
fn pins_that_are_removed_are_made_anew_and_nothing_is_taken_off() {
    let scene = scene("e2e-pins-removed");
    let topology = &scene.topology;
    let first = weir(topology, PROGRAM, "native");
    must(first.into_process().stop(PATIENCE));
    let mount = must(topology.state().mount_bpf());
    xdp::detach(&mount).expect("free");
    // A directory that can itself be removed.
    let (config, pins) = (Gateway::config(topology), mount.join("weir"));
    let text = fs::read_to_string(&config).expect("the configuration");
    let text = text.replace(
        &format!("pin_dir = \"{}\"", mount.display()),
        &format!("pin_dir = \"{}\"", pins.display()),
    );
    fs::write(&config, text).expect("room for a file");
    let gateway = must(Gateway::restart(topology, Path::new(PROGRAM)));

    let removals: [&dyn Fn(); 3] = [
        &|| fs::remove_dir_all(&pins).expect("the pins"),
        &|| fs::remove_dir_all(pins.join("links")).expect("the links"),
        &|| {
            let map = pinned(&pins)[1].join("SOCKETS");
            fs::remove_file(map).expect("the map");
        },
    ];
    for (times, remove) in (1..).zip(removals) {
        // At work it could make the first anew before the last is gone.
        must(gateway.process().signal(Signal::STOP));
        remove();
        sleep(WHILE);
        assert!(!is_bare(topology, "inside") && !is_bare(topology, "outside"));
        must(gateway.process().signal(Signal::CONT));
        must(wait_until("new pins", PATIENCE, || {
            Ok((made_anew(&gateway) == times).then_some(()))
        }));
        inspects(&scene, &gateway);
    }
    let log = must(gateway.process().printed());
    assert!(!log.contains("taken the XDP program off"), "{log}");
    assert!(status(topology).ends_with("ready\n"));
    let said = refused(topology, "detach", &config);
    assert!(said.contains("already runs on the pins"), "{said}");

    // The new pins are of what was there, and as good.
    let bans = ["ctl", "--config", &config.display().to_string(), "ban"].map(str::to_owned);
    let done = must(output(Command::new(PROGRAM).args(bans).args([
        "192.0.2.1",
        "--for",
        "1h",
    ])));
    assert!(done.status.success(), "{}", done.stderr);
    gateway.into_process().kill();
    assert!(!is_bare(topology, "inside") && !is_bare(topology, "outside"));
    let successor = must(Gateway::restart(topology, Path::new(PROGRAM)));
    inspects(&scene, &successor);
    assert_eq!(must(successor.metrics()).sum("weir_bans", &[]), 1.0);
}

#[test]
fn pins_that_cant_be_made_anew_are_told_and_the_last_words_are_true() {
    let scene = scene("e2e-pins-last");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let pins = must(topology.state().mount_bpf());
    let links = pins.join("links");
    let obstruct = || {
        must(gateway.process().signal(Signal::STOP));
        for directory in pinned(&pins) {
            fs::remove_dir_all(directory).expect("the pins");
        }
        symlink("/nowhere", &links).expect("in the way");
        must(gateway.process().signal(Signal::CONT));
        must(wait_until("the complaint", PATIENCE, || {
            let said = status(topology);
            let needle = "the pins have been removed and can't be made anew";
            Ok(said.contains(needle).then_some(()))
        }));
    };
    obstruct();
    inspects(&scene, &gateway);
    fs::remove_file(&links).expect("out of the way");
    must(wait_until("new pins", PATIENCE, || {
        Ok((made_anew(&gateway) == 1).then_some(()))
    }));
    assert!(status(topology).ends_with("ready\n"));

    obstruct();
    let log = gateway.process().log().to_owned();
    let status = must(gateway.into_process().stop(PATIENCE));
    assert_eq!(status.code(), Some(2), "{status}");
    let log = fs::read_to_string(log).expect("the log");
    assert!(log.contains("only as long as this process runs"), "{log}");
    assert!(!log.contains("it stays"), "{log}");
    must(wait_until("bare ports", PATIENCE, || {
        Ok(is_bare(topology, "inside").then_some(()))
    }));
}
