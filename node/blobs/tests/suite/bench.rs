//! What a byte costs. `cargo test --release -p blobs bench -- --ignored --nocapture`

use std::time::Instant;

use blobs::READ_BYTES_MAX;
use bytes::Bytes;

use crate::ground::{Ground, content, parts, save_all, whole};

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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn bench() {
    let ground = Ground::directory();
    let blobs = ground.open().await;
    for (file, part_bytes) in [(1, 512 << 10), (2, 128 << 10)] {
        let content: Bytes = content(file as u64, SIZE);
        let kib = part_bytes >> 10;
        let parts = parts(file, &content, part_bytes);
        measured(&format!("save_part, {kib} KiB"), async {
            save_all(&blobs, &parts).await.unwrap();
        })
        .await;
        let mut blob = None;
        measured(&format!("assemble, {kib} KiB"), async {
            blob = Some(blobs.assemble(1, file, parts.len() as u32, None).await.unwrap());
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
        assert!(whole(&blobs, &blob).await == content);
    }
}
