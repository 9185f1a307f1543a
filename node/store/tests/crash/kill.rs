//! Killed processes. The page cache outlives them, so this shows the logic, not the disk.

use tempfile::TempDir;

use crate::writer::{COMPACTS, RESEALS, SEALED, Writer, check, is_sealed, write_if_asked};
use crate::{Chance, pass_time, rounds};

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
            writer.listen_to_opening();
            pass_time(chance.below(1_000_000));
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

/// The first start makes half a dozen files; killed anywhere among them, it can be repeated.
#[test]
fn a_killed_first_start_can_be_repeated() {
    if write_if_asked() {
        return;
    }
    let mut chance = Chance::new(8);
    for _ in 0..rounds(20, 200) {
        let directory = TempDir::new().unwrap();
        let test = "kill::a_killed_first_start_can_be_repeated";
        let mut writer = Writer::start(test, directory.path());
        writer.listen_to_opening();
        pass_time(chance.below(400_000));
        let acknowledged = writer.kill();
        check(directory.path(), acknowledged);
    }
}

/// The same through the layer that seals, its first start included.
#[test]
fn nothing_acknowledged_is_lost_by_kills_of_a_sealed_store() {
    if write_if_asked() {
        return;
    }
    let test = "kill::nothing_acknowledged_is_lost_by_kills_of_a_sealed_store";
    let mut chance = Chance::new(11);
    for _ in 0..rounds(10, 100) {
        let directory = TempDir::new().unwrap();
        let mut writer = Writer::start_as(SEALED, test, directory.path());
        writer.listen_to_opening();
        pass_time(chance.below(400_000));
        check(directory.path(), writer.kill());
    }
    let directory = TempDir::new().unwrap();
    let mut acknowledged = 0;
    for round in 0..rounds(10, 100) {
        let mut writer = Writer::start_as(SEALED, test, directory.path());
        writer.listen_to(1 + chance.below(120));
        acknowledged = writer.kill().max(acknowledged);
        if round % 2 == 1 {
            check(directory.path(), acknowledged);
        }
    }
    check(directory.path(), acknowledged);
    assert!(acknowledged > 100 && is_sealed(directory.path()));
}

/// A change of the mode that is cut short leaves the clear store or the sealed one, and both hold
/// the same.
#[test]
fn nothing_is_lost_by_kills_during_resealing() {
    if write_if_asked() {
        return;
    }
    let test = "kill::nothing_is_lost_by_kills_during_resealing";
    let directory = TempDir::new().unwrap();
    let mut writer = Writer::start(test, directory.path());
    writer.listen_to(150);
    let acknowledged = writer.kill();
    let found = check(directory.path(), acknowledged);
    let mut chance = Chance::new(12);
    let (mut cut_short, mut sealed) = (0, 0);
    for _ in 0..rounds(20, 200) {
        let mut writer = Writer::start_as(RESEALS, test, directory.path());
        writer.listen_to_opening();
        pass_time(chance.below(20_000_000));
        writer.kill();
        let left = ["compact.new", "compact.done"];
        cut_short += left.iter().filter(|name| directory.path().join(name).exists()).count();
        sealed += usize::from(is_sealed(directory.path()));
        assert_eq!(check(directory.path(), acknowledged), found);
    }
    println!("{cut_short} were cut short, {sealed} left a sealed store");
    assert!(cut_short > 2 && sealed > 0);
}

/// A compaction that is cut short leaves the old store or the new one, and both hold the same.
#[test]
fn nothing_is_lost_by_kills_during_compaction() {
    if write_if_asked() {
        return;
    }
    let test = "kill::nothing_is_lost_by_kills_during_compaction";
    let directory = TempDir::new().unwrap();
    let mut writer = Writer::start(test, directory.path());
    writer.listen_to(150);
    let acknowledged = writer.kill();
    let found = check(directory.path(), acknowledged);
    let mut chance = Chance::new(7);
    let mut cut_short = 0;
    for _ in 0..rounds(15, 150) {
        let mut command = Writer::command(test, directory.path());
        command.env(COMPACTS, "on");
        let mut writer = Writer::run(command);
        writer.listen_to_opening();
        pass_time(chance.below(10_000_000));
        writer.kill();
        let left = ["compact.new", "compact.done"];
        cut_short += left.iter().filter(|name| directory.path().join(name).exists()).count();
        assert_eq!(check(directory.path(), acknowledged), found);
    }
    println!("{cut_short} compactions were cut short");
    assert!(cut_short > 2);
}
