//! Files that lie on another node.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use ::blobs::{Blobs, Fetching, Holder, Manifest, Removal, Source, Unreachable, Wanted};
use bytes::Bytes;
use node_core::FileId;
use tl::{enums, types};

use super::media::{
    at, bmp, document, document_of, download, media, noise, number, of_photo, only, pair, range,
    seen, upload,
};
use super::members::error;
use super::*;

/// The other node.
struct Elsewhere {
    blobs: Blobs,
    has: HashSet<::blobs::BlobId>,
    owner: i64,
    is_there: AtomicBool,
}

impl Elsewhere {
    fn ask(&self) -> Result<&Blobs, Unreachable> {
        self.is_there.load(Ordering::SeqCst).then_some(&self.blobs).ok_or(Unreachable)
    }
}

impl Source for Elsewhere {
    fn holders(&self, wanted: &Wanted) -> Vec<Holder> {
        // Other tests have blobs in the same place.
        let has = self.has.contains(&wanted.blob);
        assert!(!has || wanted.owner == self.owner, "who showed it is the hint");
        has.then_some(Holder([1; 32])).into_iter().collect()
    }

    fn manifest(&self, _: Holder, blob: ::blobs::BlobId) -> Fetching<'_, Manifest> {
        Box::pin(async move { self.ask()?.manifest(blob).await.map_err(|_| Unreachable) })
    }

    fn chunk(&self, _: Holder, blob: ::blobs::BlobId, index: u32) -> Fetching<'_, Bytes> {
        Box::pin(async move { self.ask()?.chunk(blob, index).await.map_err(|_| Unreachable) })
    }

    fn bad(&self, _: Holder, blob: ::blobs::BlobId) {
        panic!("{blob} is as it was");
    }
}

/// Documents, their thumbnails and photos are loaded from the node that has them; while it is away,
/// clients are told to come again.
///
/// How: they are sent here, and their bytes taken to another place.
#[tokio::test]
async fn files_of_other_nodes_are_loaded_from_there() {
    let pair = pair(230).await;
    let content = noise((1 << 20) + 54_321);
    let file = upload(&pair.ada, &content, "x.bin").await;
    let thumb = Some(upload(&pair.ada, &bmp(211, 107), "t.bmp").await);
    let sent = types::InputMediaUploadedDocument { thumb, ..document(file) };
    only(call(&pair.ada, &media(pair.to_bob(), sent.into(), number())).await.unwrap());
    let got = document_of(&seen(&pair.bob, pair.ada_id).await);
    let file = upload(&pair.ada, &bmp(613, 307), "p.bmp").await;
    let sent = types::InputMediaUploadedPhoto { file, ..Default::default() };
    only(call(&pair.ada, &media(pair.to_bob(), sent.into(), number())).await.unwrap());
    let message = seen(&pair.bob, pair.ada_id).await;
    let Some(enums::MessageMedia::MessageMediaPhoto(shown)) = &message.media else { panic!() };
    let Some(enums::Photo::Photo(photo)) = &shown.photo else { panic!() };

    let core = &pair.shared.core;
    let stored = core.document(FileId(got.id)).unwrap().unwrap();
    let picture = core.photo(FileId(photo.id)).unwrap().unwrap();
    let letters = |sizes: &[node_core::PhotoSize]| -> Vec<String> {
        sizes.iter().map(|size| char::from(size.kind).to_string()).collect()
    };
    let locations: Vec<_> = std::iter::once(at(&got, ""))
        .chain(letters(&stored.thumbs).iter().map(|letter| at(&got, letter)))
        .chain(letters(&picture.sizes).iter().map(|letter| of_photo(photo, letter)))
        .collect();
    assert!(locations.len() >= 4, "{}", locations.len());
    let mut before = Vec::new();
    for location in &locations {
        before.push(download(&pair.bob, location).await);
    }
    assert!(before[0] == content);

    let directory = tempfile::tempdir().unwrap();
    let setup = ::blobs::Setup {
        place: ::blobs::Place::Directory(directory.path().join("blobs")),
        spool: directory.path().join("spool"),
        far: directory.path().join("far"),
        bounds: ::blobs::Bounds { free_bytes_min: 0, ..Default::default() },
    };
    let key = keys::BlobKey::derive(&MasterKey::from_file_bytes(&[8; 32]).unwrap());
    let there = Blobs::open(setup, key).await.unwrap();
    let (here, mut has) = (blobs(), HashSet::new());
    for bytes in &before {
        let id = there.put(bytes.clone().into()).await.unwrap().id;
        assert_eq!(here.remove(id, || false).await.unwrap(), Removal::Removed);
        has.insert(id);
    }
    let gone = error(range(&pair.bob, &locations[0], 0, 4096).await);
    assert_eq!(gone, (400, "LOCATION_INVALID".to_owned()), "nobody else is known");

    let (owner, is_there) = (pair.ada_id.0, AtomicBool::new(false));
    let elsewhere = Arc::new(Elsewhere { blobs: there, has, owner, is_there });
    here.connect(elsewhere.clone());
    for location in &locations {
        let away = error(range(&pair.bob, location, 0, 4096).await);
        assert_eq!(away, (420, "FLOOD_WAIT_5".to_owned()));
    }
    elsewhere.is_there.store(true, Ordering::SeqCst);
    let middle = range(&pair.bob, &locations[0], 700 << 10, 128 << 10).await.unwrap();
    assert!(middle.bytes == content[700 << 10..][..128 << 10]);
    let query = f::upload::GetFileHashes { location: locations[0].clone(), offset: 0 };
    assert_eq!(call(&pair.bob, &query).await.unwrap().len(), 8);
    for (location, bytes) in locations.iter().zip(&before) {
        assert!(download(&pair.bob, location).await == *bytes);
    }
}
