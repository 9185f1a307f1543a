//! `kill -9` at any moment.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use blobs::{AssembleError, BlobError, Blobs, Bounds, CHUNK_BYTES, Place, Setup};
use bytes::Bytes;
use keys::{BlobKey, MasterKey};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::ground::{DAY, Ground, at, content, late, parts};

const DIRECTORY: &str = "ROOKERY_BLOBS_CRASH";
const ROUNDS: u64 = 12;

/// Upload `number`: every other one in parts that are chunks.
fn upload(number: i64) -> (Bytes, usize) {
    let part_bytes = if number % 2 == 0 { CHUNK_BYTES } else { 256 << 10 };
    (content(number as u64, 2 * CHUNK_BYTES + 777 + number as usize), part_bytes)
}

async fn open(directory: PathBuf) -> Blobs {
    let place = Place::Directory(directory.join("place"));
    let bounds = Bounds { free_bytes_min: 1 << 20, ..Bounds::default() };
    let key = BlobKey::derive(&MasterKey::from_file_bytes(&[0; 32]).unwrap());
    let (spool, far) = (directory.join("spool"), directory.join("far"));
    Blobs::open(Setup { place, spool, far, bounds }, key).await.unwrap()
}

/// What was acknowledged before a kill is there after it, and what is there is whole.
///
/// How: this test runs itself as a process that uploads and says what was acknowledged; it is killed
/// after so many lines, at whatever it does then.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_parts_or_a_blob() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return upload_until_killed(directory.into()).await;
    }
    // An id does not depend on the node.
    let elsewhere = Ground::directory().open().await;
    let directory = tempfile::tempdir().unwrap();
    let mut rng = StdRng::seed_from_u64(5);
    for round in 0..ROUNDS {
        let start = round as i64 * 100;
        let lines = killed_after(directory.path(), start, rng.random_range(1..40));
        let blobs = open(directory.path().to_owned()).await;
        let last = start + lines.iter().filter(|line| line.starts_with("blob")).count() as i64;
        let mut sweep = blobs.sweep();
        for number in start..=last {
            let (content, part_bytes) = upload(number);
            let count = content.len().div_ceil(part_bytes) as u32;
            let (id, size) = {
                let blob = elsewhere.put(content.clone()).await.unwrap();
                (blob.id, blob.size)
            };
            sweep.know(id);
            let acknowledged = lines.contains(&format!("blob {number}"));
            match blobs.load(id, size, 1 << 30).await {
                Ok(loaded) => assert!(loaded == content, "upload {number}"),
                Err(BlobError::NotFound) if !acknowledged => {}
                Err(error) => panic!("upload {number} in round {round}: {error}"),
            }
            let saved: BTreeSet<u32> = (0..count)
                .filter(|index| lines.contains(&format!("part {number} {index}")))
                .collect();
            match blobs.assemble(1, number, count, None).await {
                Ok(again) => {
                    assert_eq!(again.id, id);
                    assert!(blobs.load(id, size, 1 << 30).await.unwrap() == content);
                }
                Err(AssembleError::Missing { part }) if !acknowledged => {
                    assert!(!saved.contains(&part), "upload {number} lost part {part}");
                }
                Err(error) => panic!("upload {number} in round {round}: {error}"),
            }
        }
        // What the last assembly had begun is of a blob that is known, or does not exist.
        let found = sweep.find(late(), DAY).await.unwrap();
        for orphan in &found.orphans {
            assert!(orphan.whole, "left of upload {last}: {orphan:?}");
        }
        blobs.expire(late(), false).await.unwrap();
        blobs.sweep().remove(late(), DAY).await.unwrap();
        let mut rest = crate::ground::files(directory.path());
        rest.retain(|file| !file.ends_with("owner"));
        assert!(rest.is_empty(), "{rest:?}");
    }
}

/// What a process said until it was killed.
fn killed_after(directory: &std::path::Path, start: i64, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::a_kill_leaves_parts_or_a_blob", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env("ROOKERY_BLOBS_START", start.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut said = Vec::new();
    let mut killed = false;
    for line in output.lines().map_while(Result::ok) {
        if line.starts_with("part") || line.starts_with("blob") {
            said.push(line);
        }
        if said.len() >= lines && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.kill().ok();
    child.wait().unwrap();
    assert!(killed, "it ended by itself: {said:?}");
    said
}

/// What is killed.
async fn upload_until_killed(directory: PathBuf) {
    let start: i64 = std::env::var("ROOKERY_BLOBS_START").unwrap().parse().unwrap();
    let blobs = open(directory).await;
    for number in start..start + 90 {
        let (content, part_bytes) = upload(number);
        let parts = parts(number, &content, part_bytes);
        for part in &parts {
            blobs.save_part(part.clone(), at(0)).await.unwrap();
            println!("part {number} {}", part.index);
        }
        blobs.assemble(1, number, parts.len() as u32, None).await.unwrap();
        println!("blob {number}");
    }
}
