//! What a byte costs: `cargo run --release -p blobs --example measure`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it measures")]

use std::time::{Instant, SystemTime};

use blobs::{Blobs, Bounds, Kind, Part, Place, READ_BYTES_MAX, Setup};
use bytes::Bytes;
use keys::{BlobKey, MasterKey};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const TICKS_PER_SECOND: u64 = 100; // USER_HZ of Linux
const SIZE: usize = 256 << 20;

/// Processor time of this process so far, in ns, with a resolution of 10 ms.
fn processor_ns() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ns =
        |field: usize| fields[field].parse::<u64>().unwrap() * (1_000_000_000 / TICKS_PER_SECOND);
    (ns(11), ns(12))
}

#[expect(clippy::disallowed_methods, reason = "what is measured is time")]
async fn measured(what: &str, work: impl Future<Output = ()>) {
    let (start, (user, system)) = (Instant::now(), processor_ns());
    work.await;
    let (user_end, system_end) = processor_ns();
    let per_byte = |ns: u64| ns as f64 / SIZE as f64;
    println!(
        "{what}: {:.2} ns/byte user, {:.2} system, {:.2} wall",
        per_byte(user_end - user),
        per_byte(system_end - system),
        per_byte(start.elapsed().as_nanos() as u64),
    );
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::Directory(directory.path().join("place"));
    let (spool, far) = (directory.path().join("spool"), directory.path().join("far"));
    let key = BlobKey::derive(&MasterKey::from_file_bytes(&[0; 32]).unwrap());
    let setup = Setup { place, spool, far, bounds: Bounds::default() };
    let blobs = Blobs::open(setup, key).await.unwrap();
    for (file, part_bytes) in [(1, 512 << 10), (2, 128 << 10)] {
        let mut content = vec![0; SIZE];
        StdRng::seed_from_u64(file as u64).fill_bytes(&mut content);
        let content = Bytes::from(content);
        let kib = part_bytes >> 10;
        let starts = (0..SIZE).step_by(part_bytes);
        measured(&format!("save_part, {kib} KiB"), async {
            for (index, from) in starts.clone().enumerate() {
                let bytes = content.slice(from..from + part_bytes);
                let index = index as u32;
                let (owner, total, kind) = (1, None, Kind::Big);
                let part = Part { owner, file, index, total, kind, bytes };
                blobs.save_part(part, SystemTime::UNIX_EPOCH).await.unwrap();
            }
        })
        .await;
        let mut blob = None;
        measured(&format!("assemble, {kib} KiB"), async {
            let parts = starts.clone().count() as u32;
            blob = Some(blobs.assemble(1, file, parts, None).await.unwrap());
        })
        .await;
        let blob = blob.unwrap();
        for limit in [READ_BYTES_MAX, 128 << 10, 32 << 10] {
            measured(&format!("read, {} KiB", limit >> 10), async {
                for offset in (0..blob.size).step_by(limit as usize) {
                    blobs.read(blob.id, blob.size, offset, limit).await.unwrap();
                }
            })
            .await;
        }
        assert!(blobs.load(blob.id, blob.size, SIZE).await.unwrap() == content);
    }
}
