//! What the tests that see the node from outside share: a running node, published client programs
//! at pinned versions, a network namespace that nothing leaves, and skipping aloud.

pub(crate) mod browser;
#[allow(dead_code, reason = "for the tests of clocks")]
pub(crate) mod faketime;
pub(crate) mod install;
pub(crate) mod isolation;
#[allow(dead_code, reason = "for the tests of backups")]
pub(crate) mod keys;
pub(crate) mod node;
pub(crate) mod process;
pub(crate) mod skip;

use std::path::{Path, PathBuf};

/// `node/tests/` of the source tree.
pub(crate) fn tests_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The target directory of this build, wherever `CARGO_TARGET_DIR` put it.
pub(crate) fn target_directory() -> PathBuf {
    // Cargo: "<target>/tmp", made for integration tests.
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp lies in target").to_path_buf()
}
