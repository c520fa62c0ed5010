//! What this binary is.

use std::sync::LazyLock;

/// The released version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, where the build was told (`WEIR_COMMIT`).
pub const COMMIT: &str = match option_env!("WEIR_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// How it was compiled.
pub const PROFILE: &str = if cfg!(debug_assertions) {
    "debug"
} else {
    "release"
};

/// The answer to `--version`.
pub static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{VERSION} (commit {COMMIT}, {PROFILE}, {})",
        std::env::consts::ARCH
    )
});
