//! Blobs of other nodes: two nodes in two directories, one of which has what the other reads.

use std::collections::BTreeMap;
use std::time::Duration;

use blobs::{
    ANSWER_WITHIN, ASK_WITHIN, Assembled, BlobError, BlobId, Blobs, Bounds, CHUNK_BYTES,
    FAR_READS_AT_ONCE_MAX, FETCHES_AT_ONCE, Partials, READ_BYTES_MAX, Removal, SERVED_AT_ONCE_MAX,
    Wanted,
};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::elsewhere::{Does, Elsewhere, wanted};
use crate::ground::{DAY, Ground, at, content, files, late, upload};

const CHUNK: u64 = CHUNK_BYTES as u64;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(120);

/// Reads a whole blob of another node, a megabyte at a time.
async fn far_whole(blobs: &Blobs, wanted: &Wanted) -> Result<Bytes, BlobError> {
    let mut whole = Vec::new();
    while (whole.len() as u64) < wanted.size {
        let offset = whole.len() as u64;
        whole.extend_from_slice(&blobs.read_far(wanted, offset, READ_BYTES_MAX).await?);
    }
    Ok(whole.into())
}

/// Waits for what goes on behind answers.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap();
}

/// Waits until a blob is here as any other.
async fn until_whole(blobs: &Blobs, blob: &Assembled) {
    let is_whole = async || blobs.read(blob.id, blob.size, 0, 1).await.is_ok();
    until(async || is_whole().await && blobs.partials().blobs == 0).await;
}

/// Waits until nothing is asked for, and what came is kept: so many chunks of so many blobs.
async fn until_kept(ground: &Ground, chunks: usize) {
    let kept = || {
        let files = files(&ground.far());
        let whole = |name: &str| name.len() == 4 && !name.contains('-');
        files.iter().filter(|file| whole(file.file_name().unwrap().to_str().unwrap())).count()
    };
    until(async || kept() == chunks).await;
}

struct Two {
    here: Ground,
    there: Ground,
    elsewhere: std::sync::Arc<Elsewhere>,
    there_blobs: Blobs,
}

impl Two {
    async fn new() -> Self {
        Self::with(Ground::directory()).await
    }

    async fn with(here: Ground) -> Self {
        let there = Ground::directory();
        let there_blobs = there.open_with(1).await.unwrap();
        let elsewhere = Elsewhere::new([Does::Gives(there_blobs.clone())]);
        Self { here, there, elsewhere, there_blobs }
    }

    async fn open(&self) -> Blobs {
        let blobs = self.here.open().await;
        blobs.connect(self.elsewhere.clone());
        blobs
    }

    /// What the other node has.
    async fn has(&self, seed: u64, size: usize) -> (Assembled, Bytes) {
        let content = content(seed, size);
        (upload(&self.there_blobs, seed as i64, &content, CHUNK_BYTES).await, content)
    }
}

/// The whole of it is as there, each chunk is fetched once, and then it is a blob like any other.
pub(crate) async fn far_blobs_become_ours(ground: &Ground) {
    let two = Two::with(ground.with(ground.bounds.clone())).await;
    let blobs = two.open().await;
    let sizes = [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 4_000_000];
    for (seed, size) in sizes.into_iter().enumerate() {
        let (blob, content) = two.has(seed as u64, size).await;
        two.elsewhere.forget();
        assert!(far_whole(&blobs, &wanted(&blob)).await.unwrap() == content, "{size}");
        let chunks = size.div_ceil(CHUNK_BYTES);
        let each_once: BTreeMap<u32, usize> = (0..chunks as u32).map(|index| (index, 1)).collect();
        assert_eq!(two.elsewhere.chunks(), each_once, "{size}");
        assert_eq!(two.elsewhere.manifests(), usize::from(chunks > 1), "{size}");
        until_whole(&blobs, &blob).await;
        assert!(blobs.load(blob.id, blob.size, size).await.unwrap() == content, "{size}");
        assert_eq!(blobs.partials(), Partials::default());
        until(async || files(&two.here.far()).is_empty()).await;
        assert!(far_whole(&blobs, &wanted(&blob)).await.unwrap() == content, "{size}");
        assert_eq!(two.elsewhere.chunks(), each_once, "from the place");
    }
    assert!(blobs.sweep().find(late(), DAY).await.unwrap().orphans.iter().all(|o| o.whole));
    let empty = two.there_blobs.put(Bytes::new()).await.unwrap();
    assert!(blobs.read_far(&wanted(&empty), 0, 1024).await.unwrap().is_empty());
}

/// Ranges at many places, in any order, against a slice; no chunk comes twice.
#[tokio::test(flavor = "multi_thread")]
async fn far_ranges_are_slices() {
    let two = Two::new().await;
    let (blobs, mut rng) = (two.open().await, StdRng::seed_from_u64(11));
    let size = 9 * CHUNK_BYTES + 70_001;
    let (blob, content) = two.has(1, size).await;
    let wanted = wanted(&blob);
    for _ in 0..60 {
        let offset = rng.random_range(0..size + 10);
        let limit = match rng.random_range(0..3) {
            0 => rng.random_range(0..5000),
            1 => CHUNK_BYTES,
            _ => rng.random_range(0..=READ_BYTES_MAX as usize),
        };
        let read = blobs.read_far(&wanted, offset as u64, limit as u32).await.unwrap();
        let expected = &content[offset.min(size)..(offset + limit).min(size)];
        assert!(read == expected, "{limit} at {offset}");
    }
    assert!(two.elsewhere.chunks().values().all(|often| *often == 1));
    let too_much = blobs.read_far(&wanted, 0, READ_BYTES_MAX + 1).await;
    assert!(matches!(too_much, Err(BlobError::TooLarge)));
    let huge = Wanted { size: 1 << 40, ..wanted };
    assert!(matches!(blobs.read_far(&huge, 0, 1).await, Err(BlobError::TooLarge)));
}

/// A range has the chunks fetched that it lies in, and one more.
#[tokio::test(flavor = "multi_thread")]
async fn a_range_fetches_its_chunk_and_the_next() {
    let two = Two::new().await;
    let blobs = two.open().await;
    let (blob, content) = two.has(1, 9 * CHUNK_BYTES).await;
    let read = blobs.read_far(&wanted(&blob), 3 * CHUNK + 4096, 4096).await.unwrap();
    assert!(read == content[3 * CHUNK_BYTES + 4096..][..4096]);
    until_kept(&two.here, 2).await;
    assert_eq!(two.elsewhere.chunks(), BTreeMap::from([(3, 1), (4, 1)]));
    assert_eq!(blobs.partials().blobs, 1);
    // What was fetched ahead is there, and the one after it comes.
    blobs.read_far(&wanted(&blob), 4 * CHUNK, 4096).await.unwrap();
    until_kept(&two.here, 3).await;
    assert_eq!(two.elsewhere.chunks(), BTreeMap::from([(3, 1), (4, 1), (5, 1)]));
    assert_eq!(two.elsewhere.manifests(), 1);
}

/// Who gives something else is found out, and the next one is asked; nothing wrong is kept.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_are_refused() {
    let two = Two::new().await;
    let blobs = two.open().await;
    let honest = Does::Gives(two.there_blobs.clone());
    let liar = Does::Lies(two.there_blobs.clone());
    two.elsewhere.become_([liar.clone(), Does::Floods, Does::Lacks, Does::Gone, honest.clone()]);
    for (seed, size) in [1000, 2 * CHUNK_BYTES + 9].into_iter().enumerate() {
        let (blob, content) = two.has(seed as u64, size).await;
        two.elsewhere.forget();
        assert!(far_whole(&blobs, &wanted(&blob)).await.unwrap() == content);
        // Once for each chunk, and for the manifest if there is one.
        let asks = if size > CHUNK_BYTES { 4 } else { 1 };
        let bad = two.elsewhere.bad();
        let of = |number| bad.iter().filter(|bad| **bad == number).count();
        assert_eq!((of(0), of(1), bad.len()), (asks, asks, 2 * asks));
        until_whole(&blobs, &blob).await;
    }
    two.elsewhere.become_([liar]);
    for (seed, size) in [(5, 1000), (6, 2 * CHUNK_BYTES + 9)] {
        let (blob, content) = two.has(seed, size).await;
        let refused = far_whole(&blobs, &wanted(&blob)).await;
        assert!(matches!(refused, Err(BlobError::NotFound)));
        assert!(matches!(blobs.chunk(blob.id, 0).await, Ok(None)), "not passed on");
        assert!(files(&two.here.far()).is_empty());
        two.elsewhere.become_([honest.clone()]);
        assert!(far_whole(&blobs, &wanted(&blob)).await.unwrap() == content);
        two.elsewhere.become_([Does::Lies(two.there_blobs.clone())]);
    }
}

/// A size that is not the blob's is the fault of whoever showed the file, not of who has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_size_is_no_fault_of_the_holder() {
    let two = Two::new().await;
    let blobs = two.open().await;
    for (seed, size) in [1000, 3 * CHUNK_BYTES].into_iter().enumerate() {
        let (blob, content) = two.has(seed as u64, size).await;
        for wrong in [blob.size - 1, blob.size + 1] {
            let wrong = Wanted { size: wrong, ..wanted(&blob) };
            assert!(matches!(blobs.read_far(&wrong, 0, 1).await, Err(BlobError::NotFound)));
        }
        assert!(two.elsewhere.bad().is_empty());
        assert!(far_whole(&blobs, &wanted(&blob)).await.unwrap() == content);
    }
}

/// Whether to come again: yes where somebody may have it, no where nobody has.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_reached_is_asked_for_again() {
    let two = Two::new().await;
    let (blob, content) = two.has(1, CHUNK_BYTES + 9).await;
    let (small, _) = two.has(2, 9).await;
    let blobs = two.here.open().await;
    for blob in [&blob, &small] {
        let nobody = blobs.read_far(&wanted(blob), 0, 9).await;
        assert!(matches!(nobody, Err(BlobError::NotFound)), "there is no way to others");
    }
    blobs.connect(two.elsewhere.clone());
    for (nodes, again) in [
        (vec![], false),
        (vec![Does::Lacks], false),
        (vec![Does::Lacks, Does::Gone], true),
        (vec![Does::Gone, Does::Lacks], true),
        (vec![Does::Silent], true),
        (vec![Does::Silent, Does::Silent, Does::Lacks], true),
    ] {
        two.elsewhere.become_(nodes.clone());
        for blob in [&blob, &small] {
            let begin = tokio::time::Instant::now();
            let refused = blobs.read_far(&wanted(blob), 0, 9).await;
            match refused.unwrap_err() {
                BlobError::Unreachable if again => {}
                BlobError::NotFound if !again => {}
                other => panic!("{nodes:?}: {other}"),
            }
            assert!(begin.elapsed() <= ANSWER_WITHIN + Duration::from_secs(1), "{nodes:?}");
        }
        // What goes on of it has its end; no time passes for it, the clock is the test's.
        tokio::time::sleep(ASK_WITHIN * 3).await;
    }
    // Another one has it, and is asked in time.
    two.elsewhere.become_([Does::Silent, Does::Gives(two.there_blobs.clone())]);
    assert!(blobs.read_far(&wanted(&small), 0, 9).await.is_ok());
    // The manifest and the chunk take longer than one read waits: the next one has them.
    let wanted = wanted(&blob);
    let first = blobs.read_far(&wanted, 0, 9).await;
    assert!(matches!(first, Err(BlobError::Unreachable)));
    assert!(blobs.read_far(&wanted, 0, 9).await.unwrap() == content[..9]);
    // The one after it waits for the silent one: no time passes while this looks.
    until_kept(&two.here, 1).await;
}

/// Chunks that are here stay here, whatever ended the process, and are served without their source.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_in_part_outlives_a_restart() {
    let two = Two::new().await;
    let (blob, content) = two.has(1, 6 * CHUNK_BYTES).await;
    let (other, _) = two.has(2, 3 * CHUNK_BYTES).await;
    let want = wanted(&blob);
    let blobs = two.open().await;
    for index in [0, 2, 5] {
        blobs.read_far(&want, index * CHUNK, 1).await.unwrap();
    }
    blobs.read_far(&wanted(&other), 2 * CHUNK, 1).await.unwrap();
    // 1 and 3 came ahead.
    until_kept(&two.here, 6).await;
    until(async || blobs.partials().bytes > 6 * CHUNK).await;
    let before = blobs.partials();
    drop(blobs);
    // What was being written.
    let directory = files(&two.here.far())[0].parent().unwrap().to_owned();
    std::fs::write(directory.join("tmp-0004-0004"), b"half").unwrap();
    let blobs = two.here.open().await;
    assert_eq!(blobs.partials(), before);
    assert!(!files(&two.here.far()).iter().any(|f| f.to_string_lossy().contains("tmp-")));
    two.elsewhere.forget();
    // Without a source.
    let read = blobs.read_far(&want, 2 * CHUNK + 5, 700_000).await.unwrap();
    assert!(read == content[2 * CHUNK_BYTES + 5..][..700_000]);
    let missing = blobs.read_far(&want, 4 * CHUNK, 5).await;
    assert!(matches!(missing, Err(BlobError::Unreachable)), "it was somebody's");
    blobs.connect(two.elsewhere.clone());
    assert!(far_whole(&blobs, &want).await.unwrap() == content);
    assert_eq!(two.elsewhere.chunks(), BTreeMap::from([(4, 1)]));
    assert_eq!(two.elsewhere.manifests(), 0);
    until(async || blobs.partials().blobs == 1).await;
    assert!(blobs.load(blob.id, blob.size, 1 << 30).await.unwrap() == content);
}

/// A chunk that was cut, changed or lost on the disk is fetched again; so is a manifest.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_chunks_come_again() {
    let two = Two::new().await;
    let (blob, content) = two.has(1, 5 * CHUNK_BYTES).await;
    let want = wanted(&blob);
    let blobs = two.open().await;
    for index in [0, 2] {
        blobs.read_far(&want, index * CHUNK, 1).await.unwrap();
    }
    until_kept(&two.here, 4).await;
    until(async || blobs.partials().bytes > 4 * CHUNK).await;
    let path = |name: &str| {
        let found = files(&two.here.far());
        found.into_iter().find(|file| file.ends_with(name)).unwrap()
    };
    let mut bytes = std::fs::read(path("0000")).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(path("0000"), bytes).unwrap();
    std::fs::write(path("0001"), b"short").unwrap();
    std::fs::remove_file(path("0002")).unwrap();
    two.elsewhere.forget();
    assert!(far_whole(&blobs, &want).await.unwrap() == content);
    assert_eq!(two.elsewhere.chunks(), BTreeMap::from([(0, 1), (1, 1), (2, 1), (4, 1)]));
    until_whole(&blobs, &blob).await;
    assert!(blobs.load(blob.id, blob.size, 1 << 30).await.unwrap() == content);
    // After a restart, nothing that has no manifest is taken up.
    let (blob, content) = two.has(2, 3 * CHUNK_BYTES).await;
    blobs.read_far(&wanted(&blob), 2 * CHUNK, 1).await.unwrap();
    until_kept(&two.here, 1).await;
    drop(blobs);
    std::fs::write(path("manifest"), b"").unwrap();
    let blobs = two.open().await;
    assert_eq!(blobs.partials(), Partials::default());
    assert!(files(&two.here.far()).is_empty());
    assert!(far_whole(&blobs, &wanted(&blob)).await.unwrap() == content);
}

/// Many who read one chunk at once have it fetched once.
#[tokio::test(flavor = "multi_thread")]
async fn reads_at_once_fetch_once() {
    let two = Two::new().await;
    let blobs = two.open().await;
    for (seed, size) in [777, 4 * CHUNK_BYTES].into_iter().enumerate() {
        let (blob, content) = two.has(seed as u64, size).await;
        two.elsewhere.forget();
        two.elsewhere.hold();
        let offset = size as u64 - 700;
        let reads = (0..40).map(|_| {
            let (blobs, wanted) = (blobs.clone(), wanted(&blob));
            tokio::spawn(async move { blobs.read_far(&wanted, offset, 700).await })
        });
        let reads: Vec<_> = reads.collect();
        until(async || two.elsewhere.running().0 == 1).await;
        two.elsewhere.release();
        for read in reads {
            assert!(read.await.unwrap().unwrap() == content[offset as usize..]);
        }
        assert_eq!(two.elsewhere.chunks().values().sum::<usize>(), 1);
        assert!(two.elsewhere.manifests() <= 1);
    }
}

/// However many read, few chunks are on their way; beyond, readers are told to come back. What is
/// here goes on being read.
#[tokio::test(flavor = "multi_thread")]
async fn few_chunks_are_on_their_way() {
    let two = Two::new().await;
    let blobs = two.open().await;
    let ours = blobs.put(content(99, 5000)).await.unwrap();
    let many = FAR_READS_AT_ONCE_MAX + 36;
    let (blob, content) = two.has(1, many * CHUNK_BYTES).await;
    // The manifest is there, so that all wait for chunks.
    blobs.read_far(&wanted(&blob), (many as u64 - 1) * CHUNK, 1).await.unwrap();
    two.elsewhere.hold();
    let read = |index: usize| {
        let (blobs, wanted) = (blobs.clone(), wanted(&blob));
        tokio::spawn(async move { blobs.read_far(&wanted, index as u64 * CHUNK, 10).await })
    };
    let mut reads: Vec<_> = (0..many - 1).map(|index| (index, read(index))).collect();
    // Those beyond are answered while the others wait.
    let over = many - 1 - FAR_READS_AT_ONCE_MAX;
    until(async || reads.iter().filter(|(_, read)| read.is_finished()).count() == over).await;
    // One node has no more of them than half.
    until(async || two.elsewhere.running().0 == FETCHES_AT_ONCE / 2).await;
    assert!(blobs.read(ours.id, ours.size, 0, 5000).await.is_ok());
    assert!(blobs.read_far(&wanted(&ours), 0, 5000).await.is_ok());
    two.elsewhere.release();
    let mut busy = 0;
    for (index, read) in reads.drain(..) {
        match read.await.unwrap() {
            Ok(read) => assert!(read == content[index * CHUNK_BYTES..][..10]),
            Err(BlobError::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(busy, over);
    assert!(two.elsewhere.running().1 <= FETCHES_AT_ONCE / 2);
}

/// What is kept in part is bounded, and what was read the longest ago goes first.
#[tokio::test(flavor = "multi_thread")]
async fn partial_blobs_are_bounded() {
    let place = Ground::directory();
    // Two chunks with their manifests, and not three.
    let far_bytes_max = 5 * CHUNK / 2;
    let here = place.with(Bounds { far_bytes_max, ..place.bounds.clone() });
    let two = Two::with(here).await;
    let blobs = two.open().await;
    let mut all = Vec::new();
    for seed in 0..4 {
        all.push(two.has(seed, 3 * CHUNK_BYTES).await);
    }
    // The last chunk, after which nothing is fetched ahead.
    let last = async |blobs: &Blobs, number: usize| {
        let (blob, content) = &all[number];
        two.elsewhere.forget();
        let read = blobs.read_far(&wanted(blob), 2 * CHUNK, CHUNK as u32).await.unwrap();
        assert!(read == content[2 * CHUNK_BYTES..]);
        assert!(blobs.partials().bytes <= far_bytes_max);
        two.elsewhere.chunks().len()
    };
    let kept = async |number: usize| {
        let has = async || blobs.chunk(all[number].0.id, 2).await.unwrap().is_some();
        until(async || has().await).await;
    };
    for number in [0, 1, 0, 2] {
        last(&blobs, number).await;
        kept(number).await;
    }
    assert_eq!(blobs.partials().blobs, 2);
    assert_eq!(last(&blobs, 0).await, 0, "read twice, and still there");
    assert_eq!(last(&blobs, 2).await, 0);
    assert_eq!(last(&blobs, 1).await, 1, "it went");
    kept(1).await;
    drop(blobs);
    // Less room than before, and then none at all: all is read, nothing is kept.
    let bounds = Bounds { far_bytes_max: 3 * CHUNK / 2, ..two.here.bounds.clone() };
    let blobs = two.here.reopen(bounds).await;
    assert_eq!(blobs.partials().blobs, 1);
    assert_eq!(files(&two.here.far()).len(), 2);
    drop(blobs);
    let blobs = two.here.reopen(Bounds { far_bytes_max: 1000, ..two.here.bounds.clone() }).await;
    blobs.connect(two.elsewhere.clone());
    assert_eq!((blobs.partials(), files(&two.here.far()).len()), (Partials::default(), 0));
    let (blob, content) = &all[3];
    assert!(far_whole(&blobs, &wanted(blob)).await.unwrap() == content);
    assert!(blobs.read(blob.id, blob.size, 0, 1).await.is_err(), "nothing was kept");
    drop(blobs);
    // Nor is anything kept that would fill the disk.
    let bounds = Bounds { free_bytes_min: u64::MAX, ..two.here.bounds.clone() };
    let blobs = two.here.reopen(bounds).await;
    blobs.connect(two.elsewhere.clone());
    assert!(far_whole(&blobs, &wanted(blob)).await.unwrap() == content);
    assert!(files(&two.here.far()).is_empty());
}

/// What no file has goes, in part as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn partial_blobs_are_swept() {
    let two = Two::new().await;
    let blobs = two.open().await;
    let mut all = Vec::new();
    for seed in 0..3 {
        let (blob, _) = two.has(seed, 3 * CHUNK_BYTES).await;
        blobs.read_far(&wanted(&blob), 2 * CHUNK, 1).await.unwrap();
        until_kept(&two.here, seed as usize + 1).await;
        all.push(blob);
    }
    until(async || blobs.partials().blobs == 3).await;
    let mut sweep = blobs.sweep();
    sweep.know(all[0].id);
    assert!(sweep.find(at(0) - 400 * DAY, DAY).await.unwrap().orphans.is_empty(), "too young");
    let found = sweep.find(late(), DAY).await.unwrap();
    assert_eq!(found.orphans.len(), 2);
    assert!(found.orphans.iter().all(|orphan| !orphan.whole && orphan.bytes > CHUNK));
    // One goes because its file is gone, the other because nobody knows it.
    assert_eq!(blobs.remove(all[1].id, || true).await.unwrap(), Removal::Referred);
    assert_eq!(blobs.remove(all[1].id, || false).await.unwrap(), Removal::Removed);
    assert_eq!(blobs.remove(all[1].id, || false).await.unwrap(), Removal::Absent);
    assert_eq!(sweep.remove(late(), DAY).await.unwrap().orphans.len(), 1);
    assert_eq!(blobs.partials().blobs, 1);
    assert_eq!(files(&two.here.far()).len(), 2);
    assert!(blobs.chunk(all[0].id, 2).await.unwrap().is_some());
}

/// What a member uploads here needs no other node any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_replaces_what_is_here_in_part() {
    let two = Two::new().await;
    let blobs = two.open().await;
    let (blob, content) = two.has(1, 3 * CHUNK_BYTES).await;
    blobs.read_far(&wanted(&blob), 2 * CHUNK, 1).await.unwrap();
    until_kept(&two.here, 1).await;
    let ours = upload(&blobs, 5, &content, CHUNK_BYTES).await;
    assert_eq!(ours.id, blob.id);
    assert!(files(&two.here.far()).is_empty());
    two.elsewhere.become_([]);
    assert!(far_whole(&blobs, &wanted(&blob)).await.unwrap() == content);
}

/// Reads, removals and uploads of one blob at once: what is read is right, and in the end it is whole.
#[tokio::test(flavor = "multi_thread")]
async fn far_blobs_come_and_go() {
    let two = Two::new().await;
    let blobs = two.open().await;
    let (blob, content) = two.has(1, 3 * CHUNK_BYTES + 5).await;
    let readers = (0..4).map(|seed| {
        let (blobs, wanted, content) = (blobs.clone(), wanted(&blob), content.clone());
        tokio::spawn(async move {
            let mut rng = StdRng::seed_from_u64(seed);
            for _ in 0..60 {
                let offset = rng.random_range(0..content.len());
                let read = blobs.read_far(&wanted, offset as u64, 100_000).await;
                match read {
                    Ok(read) => {
                        assert!(read == content[offset..(offset + 100_000).min(content.len())]);
                    }
                    Err(BlobError::Busy) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut round = 0;
    while !readers.iter().all(|reader| reader.is_finished()) {
        round += 1;
        match round % 3 {
            0 => drop(blobs.put(content.clone()).await.unwrap()),
            1 => drop(blobs.sweep().remove(late(), DAY).await.unwrap()),
            _ => drop(blobs.remove(blob.id, || false).await.unwrap()),
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(far_whole(&blobs, &wanted(&blob)).await.unwrap() == content);
    until_whole(&blobs, &blob).await;
}

/// What others are given: of what is here, chunk by chunk, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn others_are_given_what_is_here() {
    let two = Two::new().await;
    let there = &two.there_blobs;
    for size in [0, 5, CHUNK_BYTES, 2 * CHUNK_BYTES + 3] {
        let content = content(size as u64, size);
        let blob = there.put(content.clone()).await.unwrap();
        // A fresh process has no manifest at hand.
        let there = two.there.open_with(1).await.unwrap();
        let manifest = there.manifest(blob.id).await.unwrap().unwrap();
        let hashes: Vec<[u8; 32]> = match size {
            0 => vec![*blake3::hash(&[]).as_bytes()],
            _ => content.chunks(CHUNK_BYTES).map(|c| *blake3::hash(c).as_bytes()).collect(),
        };
        assert_eq!((manifest.size, manifest.chunks.to_vec()), (size as u64, hashes.clone()));
        let mut whole = Vec::new();
        for index in 0..hashes.len() as u32 {
            whole.extend_from_slice(&there.chunk(blob.id, index).await.unwrap().unwrap());
        }
        assert!(whole == content);
        for index in [hashes.len() as u32, u32::from(u16::MAX) + 1, u32::MAX] {
            assert!(there.chunk(blob.id, index).await.unwrap().is_none(), "{index}");
        }
    }
    let unknown = BlobId([3; 32]);
    assert!(there.manifest(unknown).await.unwrap().is_none());
    assert!(there.chunk(unknown, 0).await.unwrap().is_none());
    // From what is here in part, and only from that: a third node gets what the second has.
    let second = two.open().await;
    let (blob, content) = two.has(9, 3 * CHUNK_BYTES).await;
    second.read_far(&wanted(&blob), 2 * CHUNK, 1).await.unwrap();
    until_kept(&two.here, 1).await;
    two.elsewhere.forget();
    let third_ground = Ground::directory();
    let third = third_ground.open_with(2).await.unwrap();
    third.connect(Elsewhere::new([Does::Gives(second.clone())]));
    let read = third.read_far(&wanted(&blob), 2 * CHUNK, 77).await.unwrap();
    assert!(read == content[2 * CHUNK_BYTES..][..77]);
    assert!(matches!(third.read_far(&wanted(&blob), 0, 77).await, Err(BlobError::NotFound)));
    assert!(two.elsewhere.chunks().is_empty(), "nobody is asked for others");
    const { assert!(SERVED_AT_ONCE_MAX < blobs::REQUESTS_AT_ONCE_MAX) };
}

/// Neither content nor its hash stands in the directory of what is loaded.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_far_is_in_the_clear() {
    let two = Two::new().await;
    let blobs = two.open().await;
    let text: Bytes = b"a text that somebody wrote ".repeat(60_000).into();
    let blob = upload(&two.there_blobs, 1, &text, CHUNK_BYTES).await;
    blobs.read_far(&wanted(&blob), 3 * CHUNK, 1).await.unwrap();
    until_kept(&two.here, 1).await;
    let hashes = [blob.id.0, *blake3::hash(&text[3 * CHUNK_BYTES..]).as_bytes()];
    let found = files(&two.here.far());
    assert_eq!(found.len(), 2);
    for file in found {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(13).any(|window| window == b"somebody wrot"), "{file:?}");
        for hash in hashes {
            assert!(!bytes.windows(8).any(|window| window == &hash[..8]), "{file:?}");
            let hex: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!file.to_string_lossy().contains(&hex), "{file:?}");
        }
    }
}
