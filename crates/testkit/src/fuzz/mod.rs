//! Entry points for fuzzers of the inspector: arbitrary bytes in, promises asserted.
//!
//! They stand here and not beside the inspector because they need what judges it: receivers that know
//! nothing of it, and builders of frames.

mod frames;
mod script;
mod streams;

use std::sync::{Arc, OnceLock};

use inspect::Limits;
use policy::Policy;

use crate::network::policy_of;

pub use frames::fuzz_frames;
pub use streams::fuzz_stream;

const BASELINE: &str = include_str!("../../../../rules/baseline.toml");

/// The baseline pack, compiled once.
fn baseline() -> Arc<Policy> {
    static POLICY: OnceLock<Arc<Policy>> = OnceLock::new();
    Arc::clone(POLICY.get_or_init(|| policy_of("", BASELINE)))
}

/// Bounds that a few hundred bytes can hit.
fn small_limits() -> Limits {
    Limits {
        flows: 8,
        half_open: 4,
        held_bytes: 6_000,
        held_bytes_per_flow: 2_000,
        held_segments_per_flow: 8,
        unacked_bytes_per_flow: 4_000,
        partial_bytes: 600,
        partial_common_bytes: 256 * 100,
        endpoints: 4,
        exchanges: 8,
        meters: 8,
        ..Limits::default()
    }
}
