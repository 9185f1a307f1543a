//! What holds in every place.

use std::time::{Duration, UNIX_EPOCH};

use blobs::{
    AssembleError, BlobError, BlobId, Bounds, CHUNK_BYTES, Expired, Kind, OpenError, Part,
    PartError, READ_BYTES_MAX, Removal, SMALL_FILE_BYTES_MAX, Usage,
};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::ground::{DAY, Ground, at, content, files, late, part, parts, save_all, upload, whole};

const SMALL_MAX: usize = SMALL_FILE_BYTES_MAX as usize;

/// Uploaded in parts of several sizes, or put: the same blob, and the same bytes.
pub(crate) async fn every_size_comes_back(ground: &Ground) {
    let blobs = ground.open().await;
    let empty = blobs.put(Bytes::new()).await.unwrap();
    assert_eq!(whole(&blobs, &empty).await, Bytes::new());
    let sizes = [
        1,
        1024,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        3 * CHUNK_BYTES,
        SMALL_MAX - 1,
        SMALL_MAX,
        SMALL_MAX + 1,
    ];
    for (file, size) in sizes.into_iter().enumerate() {
        let content = content(file as u64, size);
        let put = blobs.put(content.clone()).await.unwrap();
        let (id, file) = (put.id, file as i64 * 10);
        drop(put);
        for (way, part_bytes) in [CHUNK_BYTES, 128 << 10].into_iter().enumerate() {
            assert_eq!(blobs.remove(id, || false).await.unwrap(), Removal::Removed);
            assert!(matches!(blobs.load(id, size as u64, size).await, Err(BlobError::NotFound)));
            let assembled = upload(&blobs, file + way as i64, &content, part_bytes).await;
            assert_eq!((assembled.id, assembled.size), (id, size as u64));
            assert!(whole(&blobs, &assembled).await == content, "{size} in {part_bytes}");
        }
    }
    assert_eq!(blobs.usage(), Usage::default());
}

/// Ranges at many places against a slice.
pub(crate) async fn ranges_are_slices(ground: &Ground) {
    let blobs = ground.open().await;
    let mut rng = StdRng::seed_from_u64(7);
    for size in [1000, CHUNK_BYTES, 2 * CHUNK_BYTES + 70_000] {
        let content = content(size as u64, size);
        let blob = blobs.put(content.clone()).await.unwrap();
        let edges =
            [0, 1, 65_535, 65_536, 65_537, CHUNK_BYTES - 1, CHUNK_BYTES, size - 1, size, size + 1];
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for offset in edges {
            for limit in [0, 1, 4096, 65_536, 65_537, READ_BYTES_MAX as usize] {
                ranges.push((offset, limit));
            }
        }
        for _ in 0..40 {
            ranges.push((rng.random_range(0..size), rng.random_range(0..=READ_BYTES_MAX as usize)));
        }
        for (offset, limit) in ranges {
            let read = blobs.read(blob.id, blob.size, offset as u64, limit as u32).await.unwrap();
            let expected = &content[offset.min(size)..(offset + limit).min(size)];
            assert!(read == expected, "{size}: {limit} at {offset}");
        }
        let too_much = blobs.read(blob.id, blob.size, 0, READ_BYTES_MAX + 1).await;
        assert!(matches!(too_much, Err(BlobError::TooLarge)));
        assert!(blobs.read(blob.id, blob.size, u64::MAX, 1).await.unwrap().is_empty());
        let max = size - 1;
        assert!(matches!(blobs.load(blob.id, blob.size, max).await, Err(BlobError::TooLarge)));
        for wrong in [blob.size - 1, blob.size + 1, blob.size + CHUNK_BYTES as u64] {
            let read = blobs.read(blob.id, wrong, wrong - 1, 1).await;
            assert!(read.is_err(), "a size that is not the blob's: {wrong}");
        }
    }
    let nothing = blobs.read(BlobId([7; 32]), 5, 0, 5).await;
    assert!(matches!(nothing, Err(BlobError::NotFound)));
    let nothing = blobs.read(BlobId([7; 32]), 5 << 20, 0, 5).await;
    assert!(matches!(nothing, Err(BlobError::NotFound)));
}

/// What was saved is there after the process is gone, and files that were being written are not.
pub(crate) async fn uploads_outlive_a_restart(ground: &Ground) {
    let content = content(1, 3 * CHUNK_BYTES + 5);
    let all = parts(1, &content, 256 << 10);
    let blobs = ground.open().await;
    save_all(&blobs, &all[..4]).await.unwrap();
    // The last one wins, also after a restart.
    blobs.save_part(part(1, 4, vec![7; 256 << 10].into()), at(0)).await.unwrap();
    blobs.save_part(all[4].clone(), at(0)).await.unwrap();
    let usage = blobs.usage();
    assert_eq!(usage, Usage { bytes: 5 * (256 << 10), uploads: 1 });
    drop(blobs);
    let upload_directory = files(&ground.spool())[0].parent().unwrap().to_owned();
    std::fs::write(upload_directory.join("tmp-0"), b"half a part").unwrap();
    std::fs::write(upload_directory.join("tmp-77"), b"").unwrap();
    let blobs = ground.open().await;
    assert_eq!(blobs.usage(), usage);
    assert!(!files(&ground.spool()).iter().any(|file| file.to_string_lossy().contains("/tmp-")));
    // The rule about sizes needs no memory of its own.
    let odd = blobs.save_part(part(1, 5, vec![0; 1024].into()), at(0)).await;
    odd.unwrap();
    let odd = blobs.save_part(part(1, 6, vec![0; 1024].into()), at(0)).await;
    assert!(matches!(odd, Err(PartError::SizeChanged)));
    save_all(&blobs, &all[5..]).await.unwrap();
    let first = blobs.assemble(1, 1, all.len() as u32, None).await.unwrap();
    assert!(whole(&blobs, &first).await == content);
    drop(blobs);
    let blobs = ground.open().await;
    let again = blobs.assemble(1, 1, all.len() as u32, None).await.unwrap();
    assert_eq!((again.id, again.size), (first.id, first.size));
}

/// A sweep removes what its node does not know: so no two nodes have one place.
pub(crate) async fn a_place_has_one_owner(ground: &Ground) {
    let blobs = ground.open().await;
    let content = content(77, 3 * CHUNK_BYTES);
    let blob = upload(&blobs, 1, &content, CHUNK_BYTES).await;
    let (objects, spooled) = (ground.raw.list(), files(&ground.spool()));
    assert!(matches!(ground.open_with(9).await, Err(OpenError::Foreign(_))));
    assert_eq!((ground.raw.list(), files(&ground.spool())), (objects, spooled));
    assert!(whole(&blobs, &blob).await == content);
    // What its owner finds again, as often as it likes.
    ground.open().await;
    // A mark that is cut off is nobody's.
    let mark = ground.raw.read("owner");
    ground.raw.write("owner", &mark[..mark.len() - 1]);
    assert!(matches!(ground.open_with(0).await, Err(OpenError::Foreign(_))));
    ground.raw.write("owner", &mark);
    ground.open().await;
}

pub(crate) async fn what_is_missing_is_named(ground: &Ground) {
    let blobs = ground.open().await;
    let content = content(2, 4 * CHUNK_BYTES);
    let all = parts(1, &content, CHUNK_BYTES);
    let assemble = async |count| blobs.assemble(1, 1, count, None).await.map(|_| ());
    assert!(matches!(assemble(4).await, Err(AssembleError::Missing { part: 0 })));
    for index in [0, 1, 3] {
        blobs.save_part(all[index].clone(), at(0)).await.unwrap();
    }
    assert!(matches!(assemble(4).await, Err(AssembleError::Missing { part: 2 })));
    assert!(matches!(assemble(5).await, Err(AssembleError::Missing { part: 2 })));
    assert!(matches!(assemble(3).await, Err(AssembleError::Parts)));
    assert!(matches!(assemble(0).await, Err(AssembleError::Parts)));
    assert!(matches!(assemble(8001).await, Err(AssembleError::Parts)));
    blobs.save_part(Part { total: Some(4), ..all[2].clone() }, at(0)).await.unwrap();
    assert!(matches!(assemble(5).await, Err(AssembleError::Parts)));
    assert!(matches!(blobs.assemble(2, 1, 4, None).await, Err(AssembleError::Missing { part: 0 })));
    assemble(4).await.unwrap();
    // What it became is known, for that number of parts.
    assemble(4).await.unwrap();
    assert!(matches!(assemble(5).await, Err(AssembleError::Missing { part: 0 })));
}

pub(crate) async fn checksums_are_checked(ground: &Ground) {
    let blobs = ground.open().await;
    // `md5sum` of "hello world\n", and of nothing.
    let (right, wrong) = ("6F5902ac237024bdd0c176cb93063dc4", "d41d8cd98f00b204e9800998ecf8427e");
    let hello = Part { kind: Kind::Small, ..part(1, 0, Bytes::from_static(b"hello world\n")) };
    blobs.save_part(hello, at(0)).await.unwrap();
    for bad in [wrong, "6f59", "6f5902ac237024bdd0c176cb93063dcx", &right.repeat(2)] {
        let assembled = blobs.assemble(1, 1, 1, Some(bad)).await;
        assert!(matches!(assembled, Err(AssembleError::Md5)), "{bad}");
    }
    let first = blobs.assemble(1, 1, 1, Some(right)).await.unwrap();
    assert_eq!(whole(&blobs, &first).await, "hello world\n");
    let again = blobs.assemble(1, 1, 1, Some(right)).await.unwrap();
    assert_eq!(again.id, first.id);
    assert!(matches!(blobs.assemble(1, 1, 1, Some(wrong)).await, Err(AssembleError::Md5)));
    blobs.assemble(1, 1, 1, Some("")).await.unwrap();
    // Over several chunks, each of several parts: `head -c 1100000 /dev/zero | md5sum`.
    let zeros: Bytes = vec![0; 1_100_000].into();
    save_all(&blobs, &parts(2, &zeros, 64 << 10)).await.unwrap();
    assert!(matches!(blobs.assemble(1, 2, 17, Some(right)).await, Err(AssembleError::Md5)));
    blobs.assemble(1, 2, 17, Some("70a0142085d567e7b8642c15a0dbe49c")).await.unwrap();
}

/// Parts of one upload, each sent twice, all at once.
pub(crate) async fn parts_come_at_once(ground: &Ground) {
    let blobs = ground.open().await;
    let content = content(4, 5 * CHUNK_BYTES + 77);
    for (file, part_bytes) in [(1, CHUNK_BYTES), (2, 256 << 10)] {
        let parts = parts(file, &content, part_bytes);
        let twice = parts.iter().rev().chain(&parts).cloned();
        let saves = twice.map(|part| {
            let blobs = blobs.clone();
            tokio::spawn(async move { blobs.save_part(part, at(0)).await })
        });
        for save in saves.collect::<Vec<_>>() {
            save.await.unwrap().unwrap();
        }
        let bytes = parts.iter().map(|part| part.bytes.len().max(16 << 10) as u64).sum();
        assert_eq!(blobs.usage(), Usage { bytes, uploads: 1 });
        assert_eq!(files(&ground.spool()).len(), parts.len() + (file as usize - 1));
        let blob = blobs.assemble(1, file, parts.len() as u32, None).await.unwrap();
        assert!(whole(&blobs, &blob).await == content);
    }
}

/// Blobs of equal content are one, whoever uploads them, and at the same time.
pub(crate) async fn equal_content_is_kept_once(ground: &Ground) {
    let blobs = ground.open().await;
    let content = content(3, CHUNK_BYTES + 9);
    let uploads = (0..8).map(|file| {
        let (blobs, content) = (blobs.clone(), content.clone());
        let part_bytes = if file % 2 == 0 { CHUNK_BYTES } else { 64 << 10 };
        tokio::spawn(async move { upload(&blobs, file, &content, part_bytes).await })
    });
    let uploads: Vec<_> = uploads.collect();
    let mut ids = Vec::new();
    for upload in uploads {
        let blob = upload.await.unwrap();
        assert!(whole(&blobs, &blob).await == content);
        ids.push(blob.id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let found = blobs.sweep().find(late(), DAY).await.unwrap();
    assert_eq!(found.orphans.len(), 1);
    assert!(found.orphans[0].whole && found.orphans[0].bytes > content.len() as u64);
    assert!(found.orphans[0].bytes < content.len() as u64 + 1000);
}

pub(crate) async fn pins_hold_against_removal(ground: &Ground) {
    let blobs = ground.open().await;
    for size in [10, 2 * CHUNK_BYTES] {
        let content = content(size as u64, size);
        let blob = blobs.put(content.clone()).await.unwrap();
        assert_eq!(blobs.remove(blob.id, || false).await.unwrap(), Removal::Pinned);
        let second = blobs.put(content.clone()).await.unwrap();
        let (id, size) = (blob.id, blob.size);
        drop(blob);
        assert_eq!(blobs.remove(id, || false).await.unwrap(), Removal::Pinned);
        assert!(blobs.sweep().remove(late(), DAY).await.unwrap().orphans.is_empty());
        drop(second);
        assert_eq!(blobs.remove(id, || true).await.unwrap(), Removal::Referred);
        assert!(blobs.load(id, size, size as usize).await.unwrap() == content);
        assert_eq!(blobs.remove(id, || false).await.unwrap(), Removal::Removed);
        assert_eq!(blobs.remove(id, || false).await.unwrap(), Removal::Absent);
        assert!(matches!(blobs.read(id, size, 0, 1).await, Err(BlobError::NotFound)));
        assert!(
            blobs.sweep().find(late(), DAY).await.unwrap().orphans.is_empty(),
            "nothing is left"
        );
    }
}

pub(crate) async fn sweeps_find_what_nobody_knows(ground: &Ground) {
    let blobs = ground.open().await;
    let mut ids = Vec::new();
    for (file, size) in
        [10, 0, CHUNK_BYTES, 2 * CHUNK_BYTES, CHUNK_BYTES + 1].into_iter().enumerate()
    {
        ids.push((blobs.put(content(file as u64, size)).await.unwrap().id, size as u64));
    }
    let pinned = upload(&blobs, 50, &content(50, 3 * CHUNK_BYTES), CHUNK_BYTES).await;
    let mut sweep = blobs.sweep();
    drop(pinned);
    sweep.know(ids[0].0);
    sweep.know(ids[3].0);
    // Nothing is old.
    assert!(sweep.find(UNIX_EPOCH, DAY).await.unwrap().orphans.is_empty());
    let found = sweep.find(late(), DAY).await.unwrap();
    assert_eq!(found.orphans.len(), 3);
    assert_eq!(sweep.find(late(), DAY).await.unwrap(), found, "to look changes nothing");
    // Since then one of them came again: its reference is in no list that was made before.
    let again = blobs.put(content(4, CHUNK_BYTES + 1)).await.unwrap();
    drop(again);
    let removed = sweep.remove(late(), DAY).await.unwrap();
    assert_eq!(removed.orphans.len(), 2);
    assert!(removed.orphans.iter().all(|orphan| found.orphans.contains(orphan)));
    assert!(sweep.remove(late(), DAY).await.unwrap().orphans.is_empty());
    for (index, (id, size)) in ids.into_iter().enumerate() {
        let loaded = blobs.load(id, size, 1 << 30).await;
        match index {
            1 | 2 => assert!(matches!(loaded, Err(BlobError::NotFound)), "{index}"),
            _ => assert!(loaded.unwrap() == content(index as u64, size as usize)),
        }
    }
}

/// Whoever holds a pin reads the blob, whatever is removed meanwhile.
pub(crate) async fn removals_and_returns_do_not_race(ground: &Ground) {
    let blobs = ground.open().await;
    let contents: Vec<Bytes> = [100, CHUNK_BYTES + 3].map(|size| content(9, size)).into();
    let putters = (0..4).map(|putter: usize| {
        let (blobs, content) = (blobs.clone(), contents[putter % 2].clone());
        tokio::spawn(async move {
            for _ in 0..30 {
                let blob = blobs.put(content.clone()).await.unwrap();
                assert!(whole(&blobs, &blob).await == content);
            }
        })
    });
    let putters: Vec<_> = putters.collect();
    let ids: Vec<BlobId> = {
        let mut ids = Vec::new();
        for content in &contents {
            ids.push(blobs.put(content.clone()).await.unwrap().id);
        }
        ids
    };
    let mut removed = 0;
    while !putters.iter().all(|putter| putter.is_finished()) {
        for id in &ids {
            removed += usize::from(blobs.remove(*id, || false).await.unwrap() == Removal::Removed);
        }
        removed += blobs.sweep().remove(late(), DAY).await.unwrap().orphans.len();
    }
    for putter in putters {
        putter.await.unwrap();
    }
    blobs.sweep().remove(late(), DAY).await.unwrap();
    assert!(blobs.sweep().find(late(), DAY).await.unwrap().orphans.is_empty());
    println!("removed {removed} times between");
}

pub(crate) async fn uploads_expire(ground: &Ground) {
    let blobs = ground.open().await;
    let save = async |file, index, now| {
        blobs.save_part(part(file, index, vec![1; 32 << 10].into()), now).await.unwrap();
    };
    save(1, 0, at(0)).await;
    save(2, 0, at(0)).await;
    save(2, 1, at(100)).await;
    upload(&blobs, 3, &content(3, 5), 1024).await;
    let keep = ground.bounds.keep;
    let early = at(0) + keep - Duration::from_secs(1);
    assert_eq!(blobs.expire(early, false).await.unwrap(), Expired::default());
    let due = Expired { uploads: 2, bytes: 32 << 10 };
    assert_eq!(blobs.expire(at(0) + keep, true).await.unwrap(), due);
    // The time is in the files: a restart does not make uploads younger.
    drop(blobs);
    let blobs = ground.open().await;
    assert_eq!(blobs.usage(), Usage { bytes: 3 * (32 << 10), uploads: 2 });
    assert_eq!(blobs.expire(at(0) + keep, false).await.unwrap(), due);
    assert_eq!(blobs.usage(), Usage { bytes: 2 * (32 << 10), uploads: 1 });
    assert!(matches!(blobs.assemble(1, 3, 1, None).await, Err(AssembleError::Missing { part: 0 })));
    blobs.expire(at(100) + keep, false).await.unwrap();
    assert_eq!(blobs.usage(), Usage::default());
    assert!(files(&ground.spool()).is_empty());
    assert_eq!(std::fs::read_dir(ground.spool()).unwrap().count(), 0);
}

pub(crate) async fn bounds_hold(ground: &Ground) {
    let bounds = Bounds {
        owner_bytes_max: 64 << 10,
        owner_uploads_max: 3,
        spool_bytes_max: 120 << 10,
        ..ground.bounds.clone()
    };
    let tight = ground.with(bounds);
    let blobs = tight.open().await;
    let save = async |owner, file, size: usize| {
        let part = Part { owner, ..part(file, 0, vec![1; size].into()) };
        blobs.save_part(part, at(0)).await
    };
    // Small parts count for more than they have.
    save(1, 1, 1).await.unwrap();
    assert_eq!(blobs.usage().bytes, 16 << 10);
    save(1, 2, 32 << 10).await.unwrap();
    assert!(matches!(save(1, 3, 32 << 10).await, Err(PartError::OwnerBytes)));
    save(1, 3, 1).await.unwrap();
    assert!(matches!(save(1, 4, 1).await, Err(PartError::OwnerBytes)));
    assert!(matches!(save(2, 1, 64 << 10).await, Err(PartError::SpoolFull)));
    assert_eq!(blobs.usage(), Usage { bytes: 64 << 10, uploads: 3 });
    // What is assembled counts no more.
    blobs.assemble(1, 2, 1, None).await.unwrap();
    save(2, 1, 64 << 10).await.unwrap();
    // After a part is refused, nothing of it counts.
    let odd = Part { kind: Kind::Small, ..part(1, 1, vec![1; 1].into()) };
    assert!(matches!(blobs.save_part(odd, at(0)).await, Err(PartError::Parts)));
    assert_eq!(blobs.usage().bytes, 96 << 10);
    let bounds = Bounds { owner_uploads_max: 1, free_bytes_min: u64::MAX, ..tight.bounds.clone() };
    let full_ground = ground.with(bounds);
    let full = full_ground.open().await;
    let refused = full.save_part(part(1, 0, vec![1; 9].into()), at(0)).await;
    assert!(matches!(refused, Err(PartError::DiskFull)));
    let one = ground.with(Bounds { owner_uploads_max: 1, ..ground.bounds.clone() });
    let blobs = one.open().await;
    save_all(&blobs, &[part(1, 0, vec![1; 9].into())]).await.unwrap();
    let second = blobs.save_part(part(2, 0, vec![1; 9].into()), at(0)).await;
    assert!(matches!(second, Err(PartError::OwnerUploads)));
    blobs.assemble(1, 1, 1, None).await.unwrap();
    save_all(&blobs, &[part(2, 0, vec![1; 9].into())]).await.unwrap();
}

/// Neither content nor its hash stands anywhere on this machine.
pub(crate) async fn nothing_is_in_the_clear(ground: &Ground) {
    let blobs = ground.open().await;
    let text: Bytes = b"a text that somebody wrote ".repeat(30_000).into();
    let blob = upload(&blobs, 1, &text, CHUNK_BYTES).await;
    save_all(&blobs, &parts(2, &text, 64 << 10)).await.unwrap();
    let hashes = [blob.id.0, *blake3::hash(&text[..64 << 10]).as_bytes()];
    let parent = ground.spool().parent().unwrap().to_owned();
    let found = files(&parent);
    assert!(found.len() >= 13, "{found:?}");
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
