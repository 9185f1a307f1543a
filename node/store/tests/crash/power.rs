//! Power cuts, modelled at their worst: a file holds what it held when it was last synced.
//!
//! `power_cut.c`, preloaded into the writer, keeps a copy of each file at each sync. The cut kills
//! the writer and puts the copies in the place of the files; a file that was never synced is gone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use node_store::SledStore;
use tempfile::TempDir;

use crate::writer::{RESEALS, SEALED, Writer, check, inspect, is_sealed, write_if_asked};
use crate::{Chance, pass_time, rounds};

/// A directory on a disk that can lose its power.
struct Disk {
    root: TempDir,
    deaf: Option<&'static str>,
}

impl Disk {
    fn new(deaf: Option<&'static str>) -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("store")).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/power_cut.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(root.path().join("power_cut.so"))
            .arg(source)
            .output()
            .expect("this test needs a C compiler called cc");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { root, deaf }
    }

    fn store(&self) -> PathBuf {
        self.root.path().join("store")
    }

    fn aside(&self) -> PathBuf {
        self.root.path().join("aside")
    }

    /// Everything that is on the disk now counts as synced.
    fn settle(&self) {
        let _ = fs::remove_dir_all(self.aside());
        fs::create_dir(self.aside()).unwrap();
        for file in files(&self.store()) {
            fs::copy(&file, self.copy_of(&file)).unwrap();
        }
    }

    fn copy_of(&self, file: &Path) -> PathBuf {
        self.aside().join(fs::metadata(file).unwrap().ino().to_string())
    }

    /// Writes until `moment`, then cuts the power. Answers the newest acknowledged batch.
    fn cut(&self, test: &str, moment: impl FnOnce(&mut Writer)) -> u64 {
        self.cut_as("", test, moment)
    }

    /// [`Self::cut`] of a writer with another task; empty for the usual one.
    fn cut_as(&self, word: &str, test: &str, moment: impl FnOnce(&mut Writer)) -> u64 {
        self.settle();
        let mut command = Writer::command(test, &self.store());
        if !word.is_empty() {
            command.env(word, "on");
        }
        command.env("LD_PRELOAD", self.root.path().join("power_cut.so"));
        command.env("POWER_CUT_ASIDE", self.aside());
        if let Some(call) = self.deaf {
            command.env("POWER_CUT_DEAF", call);
        }
        let mut writer = Writer::run(command);
        moment(&mut writer);
        let acknowledged = writer.kill();
        for file in files(&self.store()) {
            match fs::read(self.copy_of(&file)) {
                Ok(kept) => fs::write(&file, kept).unwrap(),
                Err(_) => fs::remove_file(&file).unwrap(),
            }
        }
        acknowledged
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn nothing_acknowledged_is_lost_by_power_cuts() {
    if write_if_asked() {
        return;
    }
    let mut chance = Chance::new(2);
    let mut total = 0;
    let cuts = rounds(20, 200);
    // Two disks: cuts of a young store, and of one that was cut before.
    for (disk, cuts) in [(Disk::new(None), cuts / 2), (Disk::new(None), cuts - cuts / 2)] {
        let mut acknowledged = 0;
        for cut in 0..cuts {
            let test = "power::nothing_acknowledged_is_lost_by_power_cuts";
            acknowledged = disk.cut(test, |w| w.listen_to(1 + chance.below(40))).max(acknowledged);
            // Every other time, the next writer finds what the cut left.
            if cut % 2 == 1 {
                check(&disk.store(), acknowledged);
            }
        }
        check(&disk.store(), acknowledged);
        total += acknowledged;
    }
    println!("{total} batches acknowledged, none lost");
    assert!(total > 100);
}

#[test]
fn a_first_start_without_power_can_be_repeated() {
    if write_if_asked() {
        return;
    }
    let mut chance = Chance::new(9);
    for _ in 0..rounds(15, 150) {
        let disk = Disk::new(None);
        let acknowledged =
            disk.cut("power::a_first_start_without_power_can_be_repeated", |writer| {
                writer.listen_to_opening();
                pass_time(chance.below(400_000));
            });
        check(&disk.store(), acknowledged);
    }
}

/// The same of a sealed store, and of one whose mode is being changed.
#[test]
fn nothing_of_a_sealed_store_is_lost_by_power_cuts() {
    if write_if_asked() {
        return;
    }
    let test = "power::nothing_of_a_sealed_store_is_lost_by_power_cuts";
    let mut chance = Chance::new(13);
    let (disk, mut acknowledged) = (Disk::new(None), 0);
    for _ in 0..rounds(8, 80) {
        let cut = disk.cut_as(SEALED, test, |writer| writer.listen_to(1 + chance.below(40)));
        acknowledged = cut.max(acknowledged);
        check(&disk.store(), acknowledged);
    }
    assert!(acknowledged > 20 && is_sealed(&disk.store()));
    let found = check(&disk.store(), acknowledged);
    for _ in 0..rounds(8, 80) {
        disk.cut_as(RESEALS, test, |writer| {
            writer.listen_to_opening();
            pass_time(chance.below(20_000_000));
        });
        assert_eq!(check(&disk.store(), acknowledged), found);
    }
}

/// Shows that the model can see a loss, and that `fdatasync` is what prevents it: the same writer
/// on a disk that ignores the call loses what it acknowledged.
#[test]
fn without_fdatasync_acknowledged_batches_are_lost() {
    if write_if_asked() {
        return;
    }
    let disk = Disk::new(Some("fdatasync"));
    let test = "power::without_fdatasync_acknowledged_batches_are_lost";
    let acknowledged = disk.cut(test, |writer| writer.listen_to(30));
    assert!(acknowledged >= 30);
    let found = SledStore::open(&disk.store(), [1; 16])
        .map_err(|e| e.to_string())
        .and_then(|store| inspect(&store));
    assert!(!matches!(found, Ok(n) if n >= acknowledged), "{found:?} of {acknowledged}");
}
