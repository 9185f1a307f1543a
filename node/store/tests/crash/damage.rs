//! Damaged files: everything acknowledged is there, or the store refuses and says why.

use std::fs;
use std::path::{Path, PathBuf};

use node_store::SledStore;
use tempfile::TempDir;

use crate::writer::{Writer, check, inspect, write_if_asked};
use crate::{Chance, rounds};

/// What a damaged store does.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything acknowledged is there.
    Whole,
    /// It does not open, with this text, and not at a second try either.
    Refused(String),
    /// It opens, and a read of what is damaged is an error.
    ReadError(String),
    /// It opens, and something acknowledged is missing without a word.
    Silent(String),
}

/// A store as a killed writer left it, twice: with a snapshot, and a log that goes on after it.
struct Killed {
    root: TempDir,
    acknowledged: u64,
    copies: u32,
}

impl Killed {
    fn new(test: &str) -> Self {
        let root = TempDir::new().unwrap();
        let mut acknowledged = 0;
        for _ in 0..2 {
            let mut writer = Writer::start(test, &root.path().join("original"));
            writer.listen_to(100);
            acknowledged = writer.kill();
        }
        Self { root, acknowledged, copies: 0 }
    }

    /// Closes it in good order.
    fn close(self) -> Self {
        check(&self.root.path().join("original"), self.acknowledged);
        self
    }

    /// Damages the file `name` of a fresh copy, and looks what is left.
    fn damaged(&mut self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) -> Outcome {
        self.with(|directory| {
            let path = directory.join(name);
            let mut content = fs::read(&path).unwrap();
            damage(&mut content);
            fs::write(&path, content).unwrap();
        })
    }

    fn with(&mut self, damage: impl FnOnce(&Path)) -> Outcome {
        self.copies += 1;
        let directory = self.root.path().join(self.copies.to_string());
        copy(&self.root.path().join("original"), &directory);
        damage(&directory);
        let mut outcome = self.look(&directory);
        if let Outcome::Refused(text) = &outcome {
            assert!(text.to_lowercase().contains("restore a backup"), "no way out: {text}");
            // Service managers try again.
            let second = self.look(&directory);
            if !matches!(second, Outcome::Refused(_)) {
                outcome = second;
            }
        }
        fs::remove_dir_all(&directory).unwrap();
        outcome
    }

    fn look(&self, directory: &Path) -> Outcome {
        let store = match SledStore::open(directory, [1; 16]) {
            Ok(store) => store,
            Err(refused) => return Outcome::Refused(refused.to_string()),
        };
        match inspect(&store) {
            Ok(found) if found >= self.acknowledged => Outcome::Whole,
            Ok(found) => Outcome::Silent(format!("{found} of {}", self.acknowledged)),
            Err(text) if text.starts_with("read error") => Outcome::ReadError(text),
            Err(text) => Outcome::Silent(text),
        }
    }

    /// The names of the files of sled that begin with `prefix`, from the store's directory.
    fn files(&self, prefix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.path().join("original/db")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(prefix))
            .map(|name| format!("db/{name}"))
            .collect()
    }

    fn length(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).unwrap().len()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("original").join(name)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn flip(chance: &mut Chance, content: &mut [u8]) {
    let place = chance.below(content.len() as u64) as usize;
    content[place] ^= 1 << chance.below(8);
}

/// Every second time near the end, where the newest batches are.
fn truncate(chance: &mut Chance, content: &mut Vec<u8>) {
    let length = content.len() as u64;
    let within = if chance.below(2) == 0 { length } else { length.min(40_000) };
    content.truncate((length - 1 - chance.below(within)) as usize);
}

#[test]
fn a_closed_store_is_never_silently_wrong() {
    if write_if_asked() {
        return;
    }
    let mut store = Killed::new("damage::a_closed_store_is_never_silently_wrong").close();
    let mut chance = Chance::new(3);
    let mut names = store.files("");
    names.retain(|name| !name.ends_with("blobs"));
    names.extend(["STORE.id".into(), "STORE.mark".into()]);
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let times = if name == "db/db" { rounds(20, 400) } else { rounds(4, 50) };
        for time in 0..times {
            let outcome = store.damaged(&name, |content| match time % 2 {
                0 => flip(&mut chance, content),
                _ => truncate(&mut chance, content),
            });
            match outcome {
                Outcome::Refused(text) if name == "db/db" => {
                    assert!(text.contains("not as it was when it was closed"), "{text}");
                }
                Outcome::Refused(_) => {}
                Outcome::Whole if name != "db/db" => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_killed_store_with_a_shorter_log_is_refused() {
    if write_if_asked() {
        return;
    }
    let mut store = Killed::new("damage::a_killed_store_with_a_shorter_log_is_refused");
    let mut chance = Chance::new(4);
    assert_eq!(store.damaged("db/db", |_| {}), Outcome::Whole);
    let mut refused = 0;
    for _ in 0..rounds(30, 600) {
        match store.damaged("db/db", |content| truncate(&mut chance, content)) {
            Outcome::Refused(_) => refused += 1,
            // What was cut off held nothing that was acknowledged.
            Outcome::Whole => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 8, "half of the cuts are anywhere in the log: {refused}");
}

/// What is wrong here: sled skips what follows a damaged record up to the end of its segment when
/// it reads the log after a crash. Mostly it then stumbles over the gap and refuses; one or two
/// flipped bits in a hundred make an older state of a page surface without a word. It takes a
/// crash and a disk that lies at the same time; see the module `mark` for why it is not caught.
#[test]
fn a_flipped_bit_in_the_log_of_a_killed_store_is_mostly_noticed() {
    if write_if_asked() {
        return;
    }
    let test = "damage::a_flipped_bit_in_the_log_of_a_killed_store_is_mostly_noticed";
    let mut store = Killed::new(test);
    let mut chance = Chance::new(5);
    let times = rounds(30, 600);
    let (mut noticed, mut silent) = (0, 0);
    for _ in 0..times {
        match store.damaged("db/db", |content| flip(&mut chance, content)) {
            Outcome::Whole => {}
            Outcome::Refused(_) | Outcome::ReadError(_) => noticed += 1,
            Outcome::Silent(text) => {
                println!("{text}");
                silent += 1;
            }
        }
    }
    println!("of {times} flipped bits {noticed} were noticed, {silent} hid something");
    assert!(noticed > 0 && silent <= times / 8, "{noticed} noticed, {silent} silent");
}

#[test]
fn snapshots_are_only_an_index() {
    if write_if_asked() {
        return;
    }
    let mut store = Killed::new("damage::snapshots_are_only_an_index");
    let mut chance = Chance::new(6);
    let names = store.files("snap.");
    let [snapshot] = &names[..] else { panic!("{names:?}") };
    for _ in 0..rounds(6, 100) {
        let outcome = store.damaged(snapshot, |content| flip(&mut chance, content));
        assert_eq!(outcome, Outcome::Whole);
        let outcome = store.damaged(snapshot, |content| truncate(&mut chance, content));
        assert_eq!(outcome, Outcome::Whole);
    }
    assert_eq!(store.with(|copy| fs::remove_file(copy.join(snapshot)).unwrap()), Outcome::Whole);
    // A kill in the middle of writing the next one, at any byte of it.
    let whole = fs::read(store.path(snapshot)).unwrap();
    for _ in 0..rounds(6, 100) {
        let part = &whole[..chance.below(store.length(snapshot)) as usize];
        let outcome = store.with(|copy| {
            fs::write(copy.join("db/snap.7FFFFFFFFFFFFFFF.generating"), part).unwrap();
        });
        assert_eq!(outcome, Outcome::Whole);
    }
}
