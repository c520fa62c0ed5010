//! The corpora of the fuzz targets, replayed: what a fuzzer once found interesting stays tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A fuzz target and its entry point.
type Target = (&'static str, fn(&[u8]));

/// Every fuzz target.
const TARGETS: &[Target] = &[
    ("client_hello", wire::hello::fuzz_client_hello),
    ("coap_message", wire::coap::fuzz::fuzz_message),
    ("coap_stream", wire::coap::fuzz::fuzz_stream),
    ("dtls_datagram", wire::dtls::fuzz_dtls_datagram),
    ("greeting", wire::greeting::fuzz_greeting),
    ("inspect_frames", testkit::fuzz::fuzz_frames),
    ("inspect_stream", testkit::fuzz::fuzz_stream),
    ("mqtt_control_packet", wire::mqtt::fuzz::fuzz_control_packet),
    ("mqtt_topics", wire::mqtt::fuzz::fuzz_topics),
    ("net_frame", wire::net::fuzz::fuzz_frame),
    ("policy", policy::fuzz::fuzz_policy),
    ("tls_record", wire::tls::fuzz_tls_record),
];

/// A corpus of fewer inputs than this was lost on the way.
const INPUTS_MIN: usize = 10;
/// All corpora together stay small enough to be cloned by everybody.
const BYTES_MAX: u64 = 768 << 10;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().expect("a name");
            stem.to_str().expect("UTF-8").to_owned()
        })
        .collect()
}

fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = fuzz().join("corpus").join(target);
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, bytes)
    };
    entries.map(read).collect()
}

#[test]
fn every_target_has_its_corpus_and_its_place_here() {
    let here: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), here);
    assert_eq!(names(&fuzz().join("corpus")), here);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("a manifest");
    let mut bytes = 0;
    for target in here {
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target}"
        );
        let inputs = inputs(&target);
        assert!(inputs.len() >= INPUTS_MIN, "{target}: {}", inputs.len());
        bytes += inputs
            .iter()
            .map(|(_, input)| input.len() as u64)
            .sum::<u64>();
    }
    assert!(
        bytes <= BYTES_MAX,
        "{bytes} bytes of corpora: minimise them"
    );
}

#[test]
fn every_input_ever_kept_passes() {
    for (target, entry) in TARGETS {
        for (path, input) in inputs(target) {
            let outcome = std::panic::catch_unwind(|| entry(&input));
            assert!(outcome.is_ok(), "{}", path.display());
        }
    }
}
