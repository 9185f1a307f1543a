//! `ROOKERY_TEST_SKIP=name,name`: tests left out by name, counted aloud.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Whether any of `names` (a client, or a client and its transport) is to be skipped.
///
/// Says so on the process's own standard error, which the test runner does not capture: a run that
/// left something out must not look like one that did not.
pub(crate) fn skipped(names: &[&str]) -> bool {
    let Ok(list) = std::env::var("ROOKERY_TEST_SKIP") else { return false };
    let Some(name) = list.split(',').map(str::trim).find(|wanted| names.contains(wanted)) else {
        return false;
    };
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let line =
        format!("skipped by ROOKERY_TEST_SKIP: {name} ({}; {count} so far)\n", names.join(" "));
    std::io::stderr().write_all(line.as_bytes()).ok();
    true
}
