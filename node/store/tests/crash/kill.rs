//! Killed processes. The page cache outlives them, so this shows the logic, not the disk.

use tempfile::TempDir;

use crate::writer::{Writer, check, write_if_asked};
use crate::{Chance, rounds};

/// Kills the writer while it opens, while it writes, and while it opens what was killed before.
#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    if write_if_asked() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let mut chance = Chance::new(1);
    let mut acknowledged = 0;
    for round in 0..rounds(30, 300) {
        let mut writer =
            Writer::start("kill::nothing_acknowledged_is_lost_by_kills", directory.path());
        if round % 5 == 4 {
            // While opening: somewhere within the first few milliseconds.
            for _ in 0..chance.below(10_000_000) {
                std::hint::spin_loop();
            }
        } else {
            writer.listen_to(1 + chance.below(120));
        }
        acknowledged = writer.kill().max(acknowledged);
        // Every other time, the next writer finds what this one left, not what a check closed.
        if round % 2 == 1 {
            check(directory.path(), acknowledged);
        }
    }
    let found = check(directory.path(), acknowledged);
    println!("{acknowledged} batches acknowledged, {found} found");
    assert!(acknowledged > 500);
}
