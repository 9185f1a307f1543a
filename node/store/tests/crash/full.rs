//! A full disk, and one that fails.

use std::path::Path;
use std::process::Command;

use node_store::{Batch, Keyspace, Resealing, SledStore, Store, StoreError, compact, reseal};
use tempfile::TempDir;

use crate::seal;
use crate::writer::{Writer, arguments, check, executable, inspect, is_sealed, write_if_asked};

/// Names the test that already runs in its own mount namespace.
const INSIDE: &str = "CRASH_INSIDE";

/// Size of the small disk: little more than what the store keeps free.
const DISK: &str = "size=112m";

/// `unshare` in the way that this user may: with a user namespace, or as root without one.
fn unshare() -> Command {
    for options in [&["--user", "--map-root-user", "--mount"][..], &["--mount"]] {
        let trial = Command::new("unshare").args(options).arg("true").output();
        if trial.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("unshare");
            command.args(options);
            return command;
        }
    }
    panic!(
        "neither `unshare --user --map-root-user --mount` nor, as root, `unshare --mount` works \
         here (util-linux; kernel.unprivileged_userns_clone): a small disk cannot be made"
    );
}

/// Runs `body` with `mounted` as the root of a small disk that only it sees: the calling test,
/// whose full name is `test`, starts itself again.
fn on_a_small_disk(test: &str, body: impl FnOnce(&Path)) {
    if let Some(mounted) = std::env::var_os(INSIDE) {
        return body(Path::new(&mounted));
    }
    let mounted = TempDir::new().unwrap();
    let script =
        format!("mount -t tmpfs -o {DISK} small \"${INSIDE}\" || exit 98\nexec \"$0\" \"$@\"");
    let finished = unshare()
        .args(["sh", "-c", &script])
        .arg(executable())
        .args(arguments(test))
        .env(INSIDE, mounted.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&finished.stdout);
    println!("{said}");
    assert!(
        finished.status.success() && said.contains("1 passed"),
        "{}\n{said}\n{}",
        finished.status,
        String::from_utf8_lossy(&finished.stderr)
    );
}

#[test]
fn a_full_disk_refuses_writes_and_recovers() {
    if write_if_asked() {
        return;
    }
    on_a_small_disk("full::a_full_disk_refuses_writes_and_recovers", |disk| {
        let directory = disk.join("store");
        let test = "full::a_full_disk_refuses_writes_and_recovers";
        // The writer fills the disk until it is refused, and everything that it said holds.
        let (acknowledged, reason) = Writer::start(test, &directory).finish();
        assert!(reason.starts_with("Full"), "{reason}");
        assert!(acknowledged > 100, "{acknowledged}");
        check(&directory, acknowledged);

        // A compaction, which needs room for a copy, is refused and leaves everything as it was.
        let refused = compact(&directory);
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
        assert!(!directory.join("compact.new").exists());
        check(&directory, acknowledged);

        // So is a change of the mode, which needs the same.
        let (record, seal) = seal::make(1);
        let resealing = Resealing { from: None, to: Some((record, seal)) };
        let refused = reseal(&directory, resealing, &mut |_| {});
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
        assert!(!is_sealed(&directory));
        check(&directory, acknowledged);

        // A start on a disk without a byte left may fail, but costs nothing.
        let hog = disk.join("hog");
        fill(&hog);
        let opened = SledStore::open(&directory, [1; 16]).map(drop);
        println!("opening on a full disk: {opened:?}");
        std::fs::remove_file(&hog).unwrap();
        check(&directory, acknowledged);

        // Others fill it to the last byte: reads go on, writes do not.
        let store = SledStore::open(&directory, [1; 16]).unwrap();
        fill(&hog);
        let mut batch = Batch::new();
        batch.put(Keyspace::USERS, b"u", vec![1]);
        for _ in 0..200 {
            assert!(matches!(store.commit(batch.clone()), Err(StoreError::Full { .. })));
            assert!(matches!(store.admit(), Err(StoreError::Full { .. })));
        }
        assert!(inspect(&store).unwrap() >= acknowledged);
        assert_eq!(store.get(Keyspace::USERS, b"u").unwrap(), None);

        // Space for the writes: the disk grows, as an operator would let it.
        std::fs::remove_file(&hog).unwrap();
        let grown = Command::new("mount").args(["-o", "remount,size=200m"]).arg(disk).output();
        assert!(grown.unwrap().status.success());
        store.admit().unwrap();
        store.wait_durable(store.commit(batch).unwrap()).unwrap();
        drop(store);
        let found = check(&directory, acknowledged);
        let store = SledStore::open(&directory, [1; 16]).unwrap();
        assert_eq!(store.get(Keyspace::USERS, b"u").unwrap(), Some(vec![1]));
        println!("{acknowledged} batches acknowledged, {found} found");
    });
}

/// Writes zeros until the disk has no byte left.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// A write that fails in spite of admission (here: over the largest file that the process may
/// make) stops the store with a reason. Nothing acknowledged is lost, and none of what failed was
/// acknowledged.
#[test]
fn a_failed_write_stops_the_store_with_a_reason() {
    if write_if_asked() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let test = "full::a_failed_write_stops_the_store_with_a_reason";
    let inner = Writer::command(test, directory.path());
    let mut command = Command::new("sh");
    // In units of 512 bytes: 4 MiB. The signal would end the process before the error shows.
    command.args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let (acknowledged, reason) = Writer::run(command).finish();
    assert!(reason.contains("writing to the store failed"), "{reason}");
    assert!(acknowledged > 10, "{acknowledged}");
    check(directory.path(), acknowledged);
}
