//! What was changed where it lies is seen, and is not handed out.

use blobs::{BlobError, CHUNK_BYTES};

use crate::ground::{Ground, content, part, save_all, upload};

pub(crate) async fn damage_is_seen(ground: &Ground) {
    let blobs = ground.open().await;
    let content = content(1, 2 * CHUNK_BYTES + 100_000);
    let blob = upload(&blobs, 1, &content, CHUNK_BYTES).await;
    let (id, size) = (blob.id, blob.size);
    drop((blob, blobs));
    let raw = &ground.raw;
    let paths = raw.list();
    let [manifest, chunks @ ..] = &paths[..] else { panic!("{paths:?}") };
    assert_eq!(chunks.len(), 3, "{paths:?}");
    // A fresh node each time: a manifest that it has read before hides what happened to it since.
    let load = async || ground.open().await.load(id, size, 1 << 30).await;
    assert!(load().await.unwrap() == content);
    for (number, path) in paths.iter().enumerate() {
        let good = raw.read(path);
        let segment = (2 + 65_536 + 16).min(good.len());
        let mut bad = Vec::new();
        for byte in [0, 1, 2, good.len() / 2, good.len() - 1] {
            let mut flipped = good.clone();
            flipped[byte] ^= 0x10;
            bad.push((format!("byte {byte} of object {number}"), flipped));
        }
        for length in [0, 1, 2, segment - 1, good.len() - 1, good.len() - 17] {
            bad.push((format!("object {number} cut to {length}"), good[..length].to_vec()));
        }
        if segment < good.len() {
            bad.push((format!("object {number} cut to {segment}"), good[..segment].to_vec()));
        }
        for (what, bytes) in bad {
            // The version is looked at where a whole object is opened; a range needs it for nothing
            // but its tag.
            raw.write(path, &bytes);
            let loaded = load().await;
            let header = number > 0 && bytes.len() == good.len() && bytes[2..] == good[2..];
            match loaded {
                Err(BlobError::Damaged(_)) => {}
                Ok(same) if header => assert!(same == content),
                other => panic!("{what}: {other:?}"),
            }
        }
        raw.write(path, &good);
    }
    assert!(load().await.unwrap() == content);
    // Two chunks of one blob, each right in itself.
    let (first, second) = (raw.read(&chunks[0]), raw.read(&chunks[1]));
    raw.write(&chunks[0], &second);
    raw.write(&chunks[1], &first);
    assert!(matches!(load().await, Err(BlobError::Damaged(_))), "swapped");
    raw.write(&chunks[0], &first);
    raw.delete(&chunks[1]);
    assert!(matches!(load().await, Err(BlobError::Damaged(_))), "a chunk is lost");
    raw.write(&chunks[1], &second);
    assert!(load().await.unwrap() == content);
    // Without what makes it whole there is no blob, and what is left is found.
    raw.delete(manifest);
    assert!(matches!(load().await, Err(BlobError::NotFound)));
    let blobs = ground.open().await;
    let found = blobs.sweep().find(crate::ground::late(), crate::ground::DAY).await.unwrap();
    assert_eq!((found.orphans.len(), found.orphans[0].whole), (1, false));
    // Uploaded again, it is whole again.
    let blob = upload(&blobs, 2, &content, CHUNK_BYTES).await;
    assert!(blobs.load(blob.id, size, 1 << 30).await.unwrap() == content);
    drop(blob);
    blobs.remove(id, || false).await.unwrap();
    assert_eq!(raw.list(), Vec::<String>::new());
}

/// A part that was changed in the spool makes no blob, where it is opened on the way.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_parts_are_seen() {
    let ground = Ground::directory();
    let blobs = ground.open().await;
    let small = |index| part(1, index, vec![index as u8; 64 << 10].into());
    save_all(&blobs, &[small(0), small(1), small(2)]).await.unwrap();
    let files = crate::ground::files(&ground.spool());
    let mut bytes = std::fs::read(&files[1]).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&files[1], bytes).unwrap();
    assert!(blobs.assemble(1, 1, 3, None).await.is_err());
    // The client sends it again.
    save_all(&blobs, &[small(1)]).await.unwrap();
    blobs.assemble(1, 1, 3, None).await.unwrap();
    save_all(&blobs, &[part(2, 0, vec![0; 64 << 10].into()), part(2, 1, vec![1; 9].into())])
        .await
        .unwrap();
    drop(blobs);
    // One that was cut is missing after a restart.
    let files = crate::ground::files(&ground.spool());
    let cut = files.iter().find(|file| file.display().to_string().contains("/0000-")).unwrap();
    std::fs::write(cut, b"C\x01cut").unwrap();
    let blobs = ground.open().await;
    let missing = blobs.assemble(1, 2, 2, None).await;
    assert!(matches!(missing, Err(blobs::AssembleError::Missing { part: 0 })));
}

/// What is wrong with a place is said when it is opened.
#[tokio::test]
async fn places_that_do_not_work_say_so() {
    let ground = Ground::directory();
    std::fs::create_dir_all(ground.spool().parent().unwrap()).unwrap();
    std::fs::write(ground.spool().parent().unwrap().join("place"), b"a file").unwrap();
    let error = ground.open_with(0).await.unwrap_err().to_string();
    assert!(error.contains("place"), "{error}");
}
