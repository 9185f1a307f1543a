//! Files, call by call: parts, ranges, references, photos, albums.

use std::sync::atomic::{AtomicI64, Ordering};

use node_core::UserId;
use tl::{enums, types};

use super::super::media::film::tests::film;
use super::members::{error, member, message, named};
use super::*;

/// A number for an upload: no two tests have the same.
pub(super) fn number() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// Some bytes that differ from place to place.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64 ^ length as u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(next).collect()
}

/// A picture: the simplest format that is read.
pub(super) fn bmp(width: u32, height: u32) -> Vec<u8> {
    let row = (width * 3).next_multiple_of(4);
    let mut file = b"BM".to_vec();
    for field in [54 + row * height, 0, 54, 40, width, height] {
        file.extend(field.to_le_bytes());
    }
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    for y in 0..height {
        let line = (0..width).flat_map(|x| [x as u8, y as u8, (x ^ y) as u8]);
        let mut line: Vec<u8> = line.collect();
        line.resize(row as usize, 0);
        file.extend(line);
    }
    file
}

/// Sends one part of a small file.
async fn part(ctx: &Context, file_id: i64, file_part: i32, bytes: &[u8]) -> RpcResult<bool> {
    let bytes = bytes.to_vec();
    call(ctx, &f::upload::SaveFilePart { file_id, file_part, bytes }).await
}

/// Sends one part of a big file.
async fn big(ctx: &Context, file_id: i64, at: i32, total: i32, bytes: &[u8]) -> RpcResult<bool> {
    let (file_part, file_total_parts, bytes) = (at, total, bytes.to_vec());
    let part = f::upload::SaveBigFilePart { file_id, file_part, file_total_parts, bytes };
    call(ctx, &part).await
}

/// Uploads a file in parts of 512 KiB.
pub(super) async fn upload(ctx: &Context, content: &[u8], name: &str) -> enums::InputFile {
    let id = number();
    let mut parts = 0;
    for bytes in content.chunks(512 << 10) {
        assert!(part(ctx, id, parts, bytes).await.unwrap());
        parts += 1;
    }
    types::InputFile { id, parts, name: name.into(), md5_checksum: String::new() }.into()
}

pub(super) fn document(file: enums::InputFile) -> types::InputMediaUploadedDocument {
    let mime_type = "application/x-test".into();
    types::InputMediaUploadedDocument { file, mime_type, ..Default::default() }
}

fn photo(file: enums::InputFile) -> enums::InputMedia {
    types::InputMediaUploadedPhoto { file, ..Default::default() }.into()
}

pub(super) fn media(
    to: enums::InputPeer,
    media: enums::InputMedia,
    random_id: i64,
) -> f::messages::SendMedia {
    f::messages::SendMedia { peer: to, media, random_id, ..Default::default() }
}

/// The messages of an answer.
pub(super) fn messages(updates: enums::Updates) -> Vec<types::Message> {
    let enums::Updates::Updates(updates) = updates else { panic!("{updates:?}") };
    let message = |update| match update {
        enums::Update::UpdateNewMessage(new) => Some(new.message),
        enums::Update::UpdateEditMessage(new) => Some(new.message),
        enums::Update::UpdateNewScheduledMessage(new) => Some(new.message),
        _ => None,
    };
    let plain = |message| match message {
        enums::Message::Message(message) => *message,
        other => panic!("{other:?}"),
    };
    updates.updates.into_iter().filter_map(message).map(plain).collect()
}

pub(super) fn only(updates: enums::Updates) -> types::Message {
    let mut all = messages(updates);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

pub(super) fn document_of(message: &types::Message) -> types::Document {
    let Some(enums::MessageMedia::MessageMediaDocument(media)) = &message.media else {
        panic!("{:?}", message.media)
    };
    let Some(enums::Document::Document(document)) = &media.document else { panic!("{media:?}") };
    (**document).clone()
}

fn photo_of(message: &types::Message) -> types::Photo {
    let Some(enums::MessageMedia::MessageMediaPhoto(media)) = &message.media else {
        panic!("{:?}", message.media)
    };
    let Some(enums::Photo::Photo(photo)) = &media.photo else { panic!("{media:?}") };
    (**photo).clone()
}

/// The only message that `who` has with `with`, as a history shows it.
pub(super) async fn seen(who: &Context, with: UserId) -> types::Message {
    let query = f::messages::GetHistory { peer: named(who, with), limit: 1, ..Default::default() };
    let mut found = match call(who, &query).await.unwrap() {
        enums::messages::Messages::Messages(found) => found.messages,
        enums::messages::Messages::MessagesSlice(found) => found.messages,
        other => panic!("{other:?}"),
    };
    let Some(enums::Message::Message(message)) = found.pop() else { panic!("no message") };
    *message
}

pub(super) fn at(document: &types::Document, thumb_size: &str) -> enums::InputFileLocation {
    types::InputDocumentFileLocation {
        id: document.id,
        access_hash: document.access_hash,
        file_reference: document.file_reference.clone(),
        thumb_size: thumb_size.into(),
    }
    .into()
}

pub(super) fn of_photo(photo: &types::Photo, thumb_size: &str) -> enums::InputFileLocation {
    types::InputPhotoFileLocation {
        id: photo.id,
        access_hash: photo.access_hash,
        file_reference: photo.file_reference.clone(),
        thumb_size: thumb_size.into(),
    }
    .into()
}

pub(super) async fn range(
    ctx: &Context,
    location: &enums::InputFileLocation,
    offset: i64,
    limit: i32,
) -> RpcResult<types::upload::File> {
    let location = location.clone();
    let query = f::upload::GetFile { location, offset, limit, ..Default::default() };
    match call(ctx, &query).await? {
        enums::upload::File::File(file) => Ok(*file),
        other => panic!("{other:?}"),
    }
}

pub(super) async fn download(ctx: &Context, location: &enums::InputFileLocation) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let some = range(ctx, location, whole.len() as i64, 512 << 10).await.unwrap().bytes;
        let last = some.len() < 512 << 10;
        whole.extend(some);
        if last {
            return whole;
        }
    }
}

pub(super) struct Pair {
    pub(super) shared: Arc<Shared>,
    pub(super) ada: Context,
    pub(super) ada_id: UserId,
    pub(super) bob: Context,
    pub(super) bob_id: UserId,
}

pub(super) async fn pair(layer: i32) -> Pair {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
    Pair { shared, ada, ada_id, bob, bob_id }
}

impl Pair {
    pub(super) fn to_bob(&self) -> enums::InputPeer {
        named(&self.ada, self.bob_id)
    }
}

pub(super) fn bad(name: &str) -> (i32, String) {
    (400, name.to_owned())
}

#[tokio::test]
async fn line_58_parts_have_the_documented_shape() {
    let Pair { ada, .. } = pair(230).await;
    let id = number();
    for (at, bytes, name) in [
        (0, vec![], "FILE_PART_EMPTY"),
        (0, noise((512 << 10) + 1024), "FILE_PART_TOO_BIG"),
        (-1, noise(1024), "FILE_PART_INVALID"),
        (4000, noise(1024), "FILE_PART_INVALID"),
    ] {
        assert_eq!(error(part(&ada, id, at, &bytes).await), bad(name), "{at} {}", bytes.len());
    }
    // The last one may have any size up to that of the others; a part after it shows that it was
    // not the last.
    assert!(part(&ada, id, 0, &noise(1000)).await.unwrap());
    let after = error(part(&ada, id, 1, &noise(1000)).await);
    assert_eq!(after, bad("FILE_PART_SIZE_CHANGED"));
    // Whole kilobytes are not enough: 512 KiB have to be so many of them.
    let id = number();
    let uneven = error(big(&ada, id, 0, 3, &noise(3072)).await);
    assert_eq!(uneven, bad("FILE_PART_SIZE_INVALID"));
    assert!(big(&ada, id, 0, 3, &noise(4096)).await.unwrap());
    let id = number();
    for at in [2, 0, 1, 1] {
        assert!(part(&ada, id, at, &noise(2048)).await.unwrap(), "in any order, and again");
    }
    assert_eq!(error(part(&ada, id, 3, &noise(4096)).await), bad("FILE_PART_SIZE_CHANGED"));
    let id = number();
    for total in [0, -2, 4001] {
        let refused = error(big(&ada, id, 0, total, &noise(1024)).await);
        assert_eq!(refused, bad("FILE_PARTS_INVALID"), "{total}");
    }
    // -1: as long as the client does not know it; then it stays as it was said.
    assert!(big(&ada, id, 0, -1, &noise(1024)).await.unwrap());
    assert!(big(&ada, id, 1, 3, &noise(1024)).await.unwrap());
    assert_eq!(error(big(&ada, id, 2, 4, &noise(1024)).await), bad("FILE_PARTS_INVALID"));
    assert_eq!(error(big(&ada, id, 3, 3, &noise(1024)).await), bad("FILE_PART_INVALID"));
    let long = tl::to_bytes(
        &f::upload::SaveFilePart { file_id: 1, file_part: 0, bytes: vec![0; 1 << 20] },
        230,
    );
    assert_eq!(error(execute(&ada, &long.unwrap()).await), bad("INPUT_REQUEST_TOO_LONG"));
}

#[tokio::test]
async fn line_58_small_files_are_small() {
    let Pair { ada, .. } = pair(230).await;
    let (id, whole) = (number(), noise(512 << 10));
    for at in 0..20 {
        assert!(part(&ada, id, at, &whole).await.unwrap());
    }
    assert_eq!(error(part(&ada, id, 20, &[1]).await), bad("FILE_PARTS_INVALID"));
}

#[tokio::test]
async fn line_58_what_is_assembled_is_whole() {
    let pair = pair(230).await;
    let (ada, content) = (&pair.ada, noise(5000));
    let id = number();
    for (at, bytes) in content.chunks(2048).enumerate() {
        if at != 1 {
            assert!(part(ada, id, at as i32, bytes).await.unwrap());
        }
    }
    let file = |parts: i32, md5: &str| -> enums::InputFile {
        types::InputFile { id, parts, name: "x".into(), md5_checksum: md5.into() }.into()
    };
    let send = |file: enums::InputFile| media(pair.to_bob(), document(file).into(), number());
    assert_eq!(error(call(ada, &send(file(3, ""))).await), bad("FILE_PART_1_MISSING"));
    assert!(part(ada, id, 1, &content[2048..4096]).await.unwrap());
    for parts in [0, 2, -1, 5000] {
        let refused = error(call(ada, &send(file(parts, ""))).await);
        assert_eq!(refused, bad("FILE_PARTS_INVALID"), "{parts}");
    }
    let wrong = "00112233445566778899aabbccddeeff";
    assert_eq!(error(call(ada, &send(file(3, wrong))).await), bad("MD5_CHECKSUM_INVALID"));
    assert_eq!(error(call(ada, &send(file(3, "x"))).await), bad("MD5_CHECKSUM_INVALID"));
    // Another member has no such upload.
    let theirs = media(named(&pair.bob, pair.ada_id), document(file(3, "")).into(), number());
    assert_eq!(error(call(&pair.bob, &theirs).await), bad("FILE_PART_0_MISSING"));
    let sent = only(call(ada, &send(file(3, ""))).await.unwrap());
    assert_eq!(document_of(&sent).size, 5000);
    let got = document_of(&seen(&pair.bob, pair.ada_id).await);
    assert_eq!(download(&pair.bob, &at(&got, "")).await, content);
}

#[tokio::test]
async fn line_59_ranges_are_exact() {
    let pair = pair(230).await;
    let content = noise((1 << 20) + 70_001);
    let file = upload(&pair.ada, &content, "x.bin").await;
    call(&pair.ada, &media(pair.to_bob(), document(file).into(), 1)).await.unwrap();
    let (bob, got) = (&pair.bob, document_of(&seen(&pair.bob, pair.ada_id).await));
    let location = at(&got, "");
    for (offset, limit) in [(0, 1 << 20), (4096, 4096), (1 << 20, 128 << 10), (1 << 16, 1 << 16)] {
        let end = (offset + limit).min(content.len());
        let bytes = range(bob, &location, offset as i64, limit as i32).await.unwrap().bytes;
        assert!(bytes == content[offset..end], "{offset} {limit}");
    }
    let precise = f::upload::GetFile {
        precise: true,
        location: location.clone(),
        offset: 1024,
        limit: 3072,
        ..Default::default()
    };
    let enums::upload::File::File(found) = call(bob, &precise).await.unwrap() else { panic!() };
    assert!(found.bytes == content[1024..4096]);
    // Past the end there is nothing.
    for offset in [2 << 20, 1 << 40] {
        assert!(range(bob, &location, offset, 4096).await.unwrap().bytes.is_empty());
    }
    for (offset, limit, name) in [
        (1, 4096, "OFFSET_INVALID"),
        (-4096, 4096, "OFFSET_INVALID"),
        (0, 0, "LIMIT_INVALID"),
        (0, 5000, "LIMIT_INVALID"),
        (4096, 1 << 20, "LIMIT_INVALID"),
        (0, 2 << 20, "LIMIT_INVALID"),
    ] {
        assert_eq!(error(range(bob, &location, offset, limit).await), bad(name), "{offset}");
    }
    let query = f::upload::GetFileHashes { location: location.clone(), offset: 1 << 20 };
    let hashes = call(bob, &query).await.unwrap();
    let [enums::FileHash::FileHash(hash)] = &hashes[..] else { panic!("{hashes:?}") };
    use sha2::Digest as _;
    let expected = sha2::Sha256::digest(&content[1 << 20..]).to_vec();
    assert_eq!((hash.offset, hash.limit, &hash.hash), (1 << 20, 70_001, &expected));
    // Whoever goes on behind the last range has all of them.
    let offset = content.len() as i64;
    let query = f::upload::GetFileHashes { location: location.clone(), offset };
    assert_eq!(call(bob, &query).await.unwrap(), []);
    let query = f::upload::GetFileHashes { location, offset: 0 };
    assert_eq!(call(bob, &query).await.unwrap().len(), 8);
    for nothing in [
        at(&got, "m"),
        types::InputFileLocation::default().into(),
        types::InputSecureFileLocation::default().into(),
        types::InputPeerPhotoFileLocation {
            peer: types::InputPeerSelf {}.into(),
            photo_id: 5,
            ..Default::default()
        }
        .into(),
    ] {
        assert_eq!(error(range(bob, &nothing, 0, 4096).await), bad("LOCATION_INVALID"));
    }
}

#[tokio::test]
async fn line_60_references_are_of_one_viewer_and_one_place() {
    let pair = pair(230).await;
    let (eve, eve_id) = member(&pair.shared, 7, 230, "Eve").await;
    let file = upload(&pair.ada, &noise(4000), "x.bin").await;
    let sent =
        only(call(&pair.ada, &media(pair.to_bob(), document(file).into(), 1)).await.unwrap());
    let own = document_of(&sent);
    let got = document_of(&seen(&pair.bob, pair.ada_id).await);
    assert_eq!((own.id, own.access_hash), (got.id, got.access_hash));
    assert!(!got.file_reference.is_empty());
    assert_eq!(range(&pair.bob, &at(&got, ""), 0, 4096).await.unwrap().bytes.len(), 4000);
    // Who has not seen it has number and hash, and nothing from it.
    for stolen in [&own, &got] {
        let refused = error(range(&eve, &at(stolen, ""), 0, 4096).await);
        assert_eq!(refused, bad("FILE_REFERENCE_INVALID"));
    }
    let with = |reference: &[u8], access_hash: i64| {
        let file_reference = reference.to_vec();
        at(&types::Document { file_reference, access_hash, ..got.clone() }, "")
    };
    for (location, name) in [
        (with(&[], got.access_hash), "FILE_REFERENCE_EMPTY"),
        (with(&[1, 2, 3], got.access_hash), "FILE_REFERENCE_INVALID"),
        (with(&own.file_reference, got.access_hash), "FILE_REFERENCE_INVALID"),
        (with(&got.file_reference, 5), "FILE_ID_INVALID"),
    ] {
        assert_eq!(error(range(&pair.bob, &location, 0, 4096).await), bad(name));
    }
    // Forwarded, it is seen elsewhere; the first place is gone with its message.
    let saw = seen(&pair.bob, pair.ada_id).await;
    let forward = f::messages::ForwardMessages {
        from_peer: named(&pair.bob, pair.ada_id),
        id: vec![saw.id],
        random_id: vec![2],
        to_peer: named(&pair.bob, eve_id),
        ..Default::default()
    };
    call(&pair.bob, &forward).await.unwrap();
    let delete = f::messages::DeleteMessages { revoke: true, id: vec![sent.id] };
    call(&pair.ada, &delete).await.unwrap();
    for (who, old) in [(&pair.ada, &own), (&pair.bob, &got)] {
        let refused = error(range(who, &at(old, ""), 0, 4096).await);
        assert_eq!(refused, bad("FILE_REFERENCE_EXPIRED"));
    }
    let fresh = document_of(&seen(&eve, pair.bob_id).await);
    assert_eq!(range(&eve, &at(&fresh, ""), 0, 4096).await.unwrap().bytes.len(), 4000);
    let again = document_of(&seen(&pair.bob, eve_id).await);
    assert_eq!(range(&pair.bob, &at(&again, ""), 0, 4096).await.unwrap().bytes.len(), 4000);
    // What may not be forwarded may not be sent anew by its reference either.
    let file = upload(&pair.ada, &noise(100), "x.bin").await;
    let kept = f::messages::SendMedia {
        noforwards: true,
        ..media(pair.to_bob(), document(file).into(), 3)
    };
    call(&pair.ada, &kept).await.unwrap();
    let kept = document_of(&seen(&pair.bob, pair.ada_id).await);
    let id = types::InputDocument {
        id: kept.id,
        access_hash: kept.access_hash,
        file_reference: kept.file_reference.clone(),
    };
    let known = types::InputMediaDocument { id: id.into(), ..Default::default() };
    let refused = call(&pair.bob, &media(named(&pair.bob, eve_id), known.into(), 4)).await;
    assert_eq!(error(refused), bad("CHAT_FORWARDS_RESTRICTED"));
}

#[tokio::test]
async fn line_61_photos_have_their_sizes() {
    let pair = pair(230).await;
    let file = upload(&pair.ada, &bmp(1400, 700), "x.bmp").await;
    let send = f::messages::SendMedia {
        message: "a caption".into(),
        ..media(pair.to_bob(), photo(file), 1)
    };
    call(&pair.ada, &send).await.unwrap();
    let got = seen(&pair.bob, pair.ada_id).await;
    assert_eq!(got.message, "a caption");
    let got = photo_of(&got);
    let mut letters = Vec::new();
    for size in &got.sizes {
        let (letter, w, h, bytes) = match size {
            enums::PhotoSize::PhotoStrippedSize(size) => {
                assert!(size.bytes.len() <= 240, "{}", size.bytes.len());
                letters.push(size.type_.clone());
                continue;
            }
            enums::PhotoSize::PhotoSize(size) => (&size.type_, size.w, size.h, size.size),
            enums::PhotoSize::PhotoSizeProgressive(size) => {
                assert!(size.sizes.is_sorted());
                (&size.type_, size.w, size.h, *size.sizes.last().unwrap())
            }
            other => panic!("{other:?}"),
        };
        letters.push(letter.clone());
        let bytes_of = download(&pair.bob, &of_photo(&got, letter)).await;
        assert_eq!(bytes_of.len() as i32, bytes);
        assert!(bytes_of.starts_with(&[0xff, 0xd8]), "a JPEG");
        assert!(w == 2 * h && w <= 1400, "{w} x {h}");
    }
    assert_eq!(letters, ["i", "m", "x", "y", "w"]);
    let enums::upload::File::File(first) = call(
        &pair.bob,
        &f::upload::GetFile { location: of_photo(&got, "m"), limit: 4096, ..Default::default() },
    )
    .await
    .unwrap() else {
        panic!()
    };
    assert!(matches!(first.type_, enums::storage::FileType::FileJpeg(_)));
    for letter in ["", "i", "q", "mm"] {
        let refused = range(&pair.bob, &of_photo(&got, letter), 0, 4096).await;
        assert_eq!(error(refused), bad("LOCATION_INVALID"), "{letter}");
    }
}

#[tokio::test]
async fn line_61_what_is_no_photo_is_refused() {
    let pair = pair(230).await;
    let mut huge = bmp(4, 4);
    huge[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    huge[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
    for (content, name) in [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), "PHOTO_EXT_INVALID"),
        (noise(5000), "PHOTO_EXT_INVALID"),
        (bmp(2100, 100), "PHOTO_INVALID_DIMENSIONS"),
        (huge, "PHOTO_INVALID_DIMENSIONS"),
        (bmp(300, 300)[..5000].to_vec(), "IMAGE_PROCESS_FAILED"),
        (noise(10_000_001), "PHOTO_INVALID"),
    ] {
        let file = upload(&pair.ada, &content, "x.jpg").await;
        let refused = call(&pair.ada, &media(pair.to_bob(), photo(file), number())).await;
        assert_eq!(error(refused), bad(name));
    }
    let stored = pair.shared.core.stored(pair.ada_id).unwrap();
    assert_eq!(stored.member_bytes, 0, "nothing is left of them");
    let timed = types::InputMediaUploadedPhoto { ttl_seconds: Some(5), ..Default::default() };
    let refused = call(&pair.ada, &media(pair.to_bob(), timed.into(), number())).await;
    assert_eq!(error(refused), bad("TTL_MEDIA_INVALID"));
}

#[tokio::test]
async fn documents_that_are_no_pictures_are_just_files() {
    let pair = pair(230).await;
    for (content, mime, shown, thumbs) in [
        (bmp(400, 200), "image/bmp", "image/bmp", true),
        (noise(3000), "image/jpeg", "application/octet-stream", false),
        (bmp(300, 300)[..5000].to_vec(), "image/png", "application/octet-stream", false),
        (bmp(2100, 100), "image/bmp", "image/bmp", false),
        (b"<svg onload='x'/>".to_vec(), "image/svg+xml", "image/svg+xml", false),
        (noise(3000), "../x", "application/octet-stream", false),
    ] {
        let file = upload(&pair.ada, &content, "../\u{202e}gpj.exe").await;
        let size = types::DocumentAttributeImageSize { w: 400, h: 200 };
        let sent = types::InputMediaUploadedDocument {
            mime_type: mime.into(),
            attributes: vec![size.into()],
            ..document(file)
        };
        call(&pair.ada, &media(pair.to_bob(), sent.into(), number())).await.unwrap();
        let got = document_of(&seen(&pair.bob, pair.ada_id).await);
        assert_eq!((got.mime_type.as_str(), got.thumbs.is_some()), (shown, thumbs), "{mime}");
        assert!(got.attributes.iter().any(|is| matches!(
            is,
            enums::DocumentAttribute::DocumentAttributeFilename(name) if name.file_name == "gpj.exe"
        )));
        assert_eq!(download(&pair.bob, &at(&got, "")).await, content, "as it was sent");
        if thumbs {
            let thumb = download(&pair.bob, &at(&got, "m")).await;
            assert!(thumb.starts_with(&[0xff, 0xd8]));
        }
    }
    // A thumb of the client's is made anew, or left out.
    for (thumb, shown) in [(bmp(320, 200), true), (noise(500), false), (noise(300_000), false)] {
        let file = upload(&pair.ada, &noise(100), "x").await;
        let thumb = Some(upload(&pair.ada, &thumb, "thumb.jpg").await);
        let sent = types::InputMediaUploadedDocument { thumb, ..document(file) };
        call(&pair.ada, &media(pair.to_bob(), sent.into(), number())).await.unwrap();
        let got = document_of(&seen(&pair.bob, pair.ada_id).await);
        assert_eq!(got.thumbs.is_some(), shown);
    }
}

/// An answer that was lost on the way: the same request is the same message, though its parts are
/// gone; another one under its number is refused.
#[tokio::test]
async fn line_54_media_sent_again_are_the_same_message() {
    let pair = pair(230).await;
    let file = upload(&pair.ada, &bmp(200, 200), "x.bmp").await;
    let send = media(pair.to_bob(), photo(file), 77);
    let first = only(call(&pair.ada, &send).await.unwrap());
    let again = only(call(&pair.ada, &send).await.unwrap());
    assert_eq!(first.id, again.id);
    assert_eq!(photo_of(&first).id, photo_of(&again).id);
    let other = upload(&pair.ada, &bmp(210, 200), "x.bmp").await;
    let refused = call(&pair.ada, &media(pair.to_bob(), photo(other), 77)).await;
    assert_eq!(error(refused), bad("RANDOM_ID_DUPLICATE"));
    let caption = f::messages::SendMedia { message: "other".into(), ..send.clone() };
    assert_eq!(error(call(&pair.ada, &caption).await), bad("RANDOM_ID_DUPLICATE"));
    // By another reference to the same file it is still the same.
    let known = |file_reference: Vec<u8>| {
        let (id, access_hash) = (photo_of(&first).id, photo_of(&first).access_hash);
        let id = types::InputPhoto { id, access_hash, file_reference };
        types::InputMediaPhoto { id: id.into(), ..Default::default() }.into()
    };
    let reference = photo_of(&first).file_reference;
    let by_reference = media(pair.to_bob(), known(reference), 78);
    let second = only(call(&pair.ada, &by_reference).await.unwrap());
    let retried = media(pair.to_bob(), known(photo_of(&second).file_reference), 78);
    assert_eq!(only(call(&pair.ada, &retried).await.unwrap()).id, second.id);
    // And of one that waits for its time.
    let file = upload(&pair.ada, &bmp(220, 200), "x.bmp").await;
    let later = f::messages::SendMedia {
        schedule_date: Some((NOW_MS / 1000) as i32 + 600),
        ..media(pair.to_bob(), photo(file), 79)
    };
    let waits = only(call(&pair.ada, &later).await.unwrap());
    assert_eq!(only(call(&pair.ada, &later).await.unwrap()).id, waits.id);
    let waiting = photo_of(&waits);
    assert!(!download(&pair.ada, &of_photo(&waiting, "m")).await.is_empty());
    assert_eq!(
        error(call(&pair.ada, &media(pair.to_bob(), known(Vec::new()), 0)).await).1,
        "RANDOM_ID_EMPTY"
    );
}

pub(super) async fn uploaded(ctx: &Context, media: enums::InputMedia) -> enums::InputMedia {
    let query = f::messages::UploadMedia {
        peer: types::InputPeerSelf {}.into(),
        media,
        ..Default::default()
    };
    match call(ctx, &query).await.unwrap() {
        enums::MessageMedia::MessageMediaPhoto(found) => {
            let Some(enums::Photo::Photo(photo)) = found.photo else { panic!("no photo") };
            let id = types::InputPhoto {
                id: photo.id,
                access_hash: photo.access_hash,
                file_reference: photo.file_reference.clone(),
            };
            types::InputMediaPhoto { id: id.into(), ..Default::default() }.into()
        }
        enums::MessageMedia::MessageMediaDocument(found) => {
            let Some(enums::Document::Document(document)) = found.document else {
                panic!("no document")
            };
            let id = types::InputDocument {
                id: document.id,
                access_hash: document.access_hash,
                file_reference: document.file_reference.clone(),
            };
            types::InputMediaDocument { id: id.into(), ..Default::default() }.into()
        }
        other => panic!("{other:?}"),
    }
}

fn album(
    to: enums::InputPeer,
    items: Vec<(enums::InputMedia, i64)>,
) -> f::messages::SendMultiMedia {
    let item = |(media, random_id): (enums::InputMedia, i64)| {
        let message = format!("caption {random_id}");
        types::InputSingleMedia { media, random_id, message, ..Default::default() }.into()
    };
    let multi_media = items.into_iter().map(item).collect();
    f::messages::SendMultiMedia { peer: to, multi_media, ..Default::default() }
}

#[tokio::test]
async fn albums_are_one_group_of_one_kind() {
    let pair = pair(230).await;
    let ada = &pair.ada;
    let picture = uploaded(ada, photo(upload(ada, &bmp(200, 200), "x.bmp").await)).await;
    let with = |attribute: enums::DocumentAttribute, file| types::InputMediaUploadedDocument {
        attributes: vec![attribute],
        ..document(file)
    };
    let video = types::DocumentAttributeVideo { duration: 1.0, w: 9, h: 9, ..Default::default() };
    let film = with(video.clone().into(), upload(ada, &noise(100), "x.mp4").await);
    let film = uploaded(ada, film.into()).await;
    let round = types::DocumentAttributeVideo { round_message: true, ..video };
    let round = uploaded(ada, with(round.into(), upload(ada, &noise(101), "x").await).into()).await;
    let audio = types::DocumentAttributeAudio { duration: 1, ..Default::default() };
    let music = uploaded(ada, with(audio.into(), upload(ada, &noise(102), "x").await).into()).await;
    let file = uploaded(ada, document(upload(ada, &noise(103), "x").await).into()).await;
    let geo = types::InputMediaGeoPoint {
        geo_point: types::InputGeoPoint { lat: 1.0, long: 2.0, accuracy_radius: None }.into(),
    };
    for (first, second) in [
        (&picture, &music),
        (&picture, &file),
        (&music, &file),
        (&picture, &round),
        (&round, &round),
        (&picture, &geo.into()),
    ] {
        let items = vec![(first.clone(), number()), (second.clone(), number())];
        let refused = call(ada, &album(pair.to_bob(), items)).await;
        assert_eq!(error(refused), bad("MEDIA_GROUPED_INVALID"), "{first:?} {second:?}");
    }
    let many = (0..11).map(|_| (picture.clone(), number())).collect();
    let refused = call(ada, &album(pair.to_bob(), many)).await;
    assert_eq!(error(refused), bad("MULTI_MEDIA_TOO_LONG"));
    assert_eq!(error(call(ada, &album(pair.to_bob(), vec![])).await), bad("MEDIA_EMPTY"));
    let twice = vec![(picture.clone(), 5), (picture.clone(), 5)];
    assert_eq!(error(call(ada, &album(pair.to_bob(), twice)).await), bad("RANDOM_ID_DUPLICATE"));
    let enums::InputMedia::InputMediaPhoto(mut stale) = picture.clone() else { panic!() };
    let enums::InputPhoto::InputPhoto(id) = &mut stale.id else { panic!() };
    id.file_reference[3] ^= 1;
    let stale = vec![(picture.clone(), number()), ((*stale).into(), number())];
    let refused = call(ada, &album(pair.to_bob(), stale)).await;
    assert_eq!(error(refused), bad("FILE_REFERENCE_1_INVALID"), "which one it was");

    let items = vec![(picture.clone(), 901), (film.clone(), 902), (picture.clone(), 903)];
    let request = album(pair.to_bob(), items);
    let sent = messages(call(ada, &request).await.unwrap());
    let group = sent[0].grouped_id.unwrap();
    assert!(group != 0 && sent.iter().all(|message| message.grouped_id == Some(group)));
    let captions: Vec<_> = sent.iter().map(|message| message.message.as_str()).collect();
    assert_eq!(captions, ["caption 901", "caption 902", "caption 903"]);
    let again = messages(call(ada, &request).await.unwrap());
    let ids = |sent: &[types::Message]| sent.iter().map(|message| message.id).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&sent));
    let got = seen(&pair.bob, pair.ada_id).await;
    assert_eq!(got.grouped_id, Some(group));
    let forward = f::messages::ForwardMessages {
        from_peer: pair.to_bob(),
        id: ids(&sent),
        random_id: vec![911, 912, 913],
        to_peer: types::InputPeerSelf {}.into(),
        ..Default::default()
    };
    let forwarded = messages(call(ada, &forward).await.unwrap());
    assert!(forwarded.iter().all(|message| message.grouped_id.is_some()));
    // All wait for their time, in one group.
    let mut later = album(pair.to_bob(), vec![(music.clone(), 921), (music, 922)]);
    later.schedule_date = Some((NOW_MS / 1000) as i32 + 600);
    let waiting = messages(call(ada, &later).await.unwrap());
    assert_eq!(waiting.len(), 2);
    assert!(waiting[0].grouped_id.is_some() && waiting[0].grouped_id == waiting[1].grouped_id);
}

#[tokio::test]
async fn captions_and_media_are_edited() {
    let pair = pair(230).await;
    let ada = &pair.ada;
    let sent = media(pair.to_bob(), photo(upload(ada, &bmp(200, 200), "x.bmp").await), 1);
    let id = only(call(ada, &sent).await.unwrap()).id;
    let edit = |message: Option<&str>, media: Option<enums::InputMedia>| f::messages::EditMessage {
        peer: pair.to_bob(),
        id,
        message: message.map(str::to_owned),
        media,
        ..Default::default()
    };
    assert_eq!(only(call(ada, &edit(Some("one"), None)).await.unwrap()).message, "one");
    let long = "x".repeat(1025);
    let refused = call(ada, &edit(Some(&long), None)).await;
    assert_eq!(error(refused), bad("MEDIA_CAPTION_TOO_LONG"));
    assert_eq!(error(call(ada, &edit(None, None)).await), bad("MESSAGE_NOT_MODIFIED"));
    let file = document(upload(ada, &noise(50), "x").await).into();
    let edited = only(call(ada, &edit(None, Some(file))).await.unwrap());
    assert_eq!((edited.message.as_str(), document_of(&edited).size), ("one", 50));
    let got = seen(&pair.bob, pair.ada_id).await;
    assert_eq!((got.message.as_str(), document_of(&got).size), ("one", 50));
    // The caption may go; the file stays.
    let edited = only(call(ada, &edit(Some(""), None)).await.unwrap());
    assert_eq!((edited.message.as_str(), document_of(&edited).size), ("", 50));
    let data = f::messages::GetMessageEditData { peer: pair.to_bob(), id };
    let enums::messages::MessageEditData::MessageEditData(data) = call(ada, &data).await.unwrap();
    assert!(data.caption);
    let dice: enums::InputMedia = types::InputMediaDice { emoticon: "🎲".into() }.into();
    assert_eq!(error(call(ada, &edit(None, Some(dice))).await), bad("MEDIA_INVALID"));
    let long = f::messages::SendMedia { message: "x".repeat(1025), ..sent };
    assert_eq!(error(call(ada, &long).await), bad("MEDIA_CAPTION_TOO_LONG"));
}

#[tokio::test]
async fn places_contacts_and_dice() {
    let pair = pair(230).await;
    let (ada, to) = (&pair.ada, || pair.to_bob());
    let point = |lat: f64, long: f64| -> enums::InputGeoPoint {
        types::InputGeoPoint { lat, long, accuracy_radius: None }.into()
    };
    for geo_point in [
        point(91.0, 0.0),
        point(0.0, -181.0),
        point(f64::NAN, 0.0),
        types::InputGeoPointEmpty {}.into(),
    ] {
        let geo = types::InputMediaGeoPoint { geo_point };
        let refused = call(ada, &media(to(), geo.into(), number())).await;
        assert_eq!(error(refused), bad("GEO_POINT_INVALID"));
    }
    let geo = types::InputMediaGeoPoint { geo_point: point(52.5, 13.4) };
    let sent = only(call(ada, &media(to(), geo.into(), 1)).await.unwrap());
    let Some(enums::MessageMedia::MessageMediaGeo(geo)) = sent.media else { panic!() };
    let enums::GeoPoint::GeoPoint(geo) = geo.geo else { panic!() };
    assert_eq!((geo.lat, geo.long), (52.5, 13.4));
    let live = |period: Option<i32>, stopped: bool| -> enums::InputMedia {
        types::InputMediaGeoLive {
            stopped,
            geo_point: point(1.0, 2.0),
            heading: Some(90),
            period,
            ..Default::default()
        }
        .into()
    };
    for period in [None, Some(59), Some(86_401)] {
        let refused = call(ada, &media(to(), live(period, false), number())).await;
        assert_eq!(error(refused), bad("MEDIA_INVALID"), "{period:?}");
    }
    let sent = only(call(ada, &media(to(), live(Some(900), false), 2)).await.unwrap());
    let edit = |media| f::messages::EditMessage {
        peer: to(),
        id: sent.id,
        media: Some(media),
        ..Default::default()
    };
    let moved: enums::InputMedia =
        types::InputMediaGeoLive { geo_point: point(3.0, 4.0), ..Default::default() }.into();
    let edited = only(call(ada, &edit(moved)).await.unwrap());
    let Some(enums::MessageMedia::MessageMediaGeoLive(shown)) = &edited.media else { panic!() };
    let enums::GeoPoint::GeoPoint(at) = &shown.geo else { panic!() };
    assert_eq!((at.lat, shown.period), (3.0, 900));
    let stopped = types::InputMediaGeoLive { stopped: true, ..Default::default() };
    let edited = only(call(ada, &edit(stopped.into())).await.unwrap());
    let Some(enums::MessageMedia::MessageMediaGeoLive(shown)) = &edited.media else { panic!() };
    let enums::GeoPoint::GeoPoint(at) = &shown.geo else { panic!() };
    assert_eq!((at.lat, shown.period), (3.0, 1), "where it was, and over");
    let after = call(ada, &edit(live(None, false))).await;
    assert_eq!(error(after), bad("MESSAGE_EDIT_TIME_EXPIRED"));

    for (emoticon, most) in [("🎲", 6), ("🎰", 64), ("⚽️", 5)] {
        let dice = types::InputMediaDice { emoticon: emoticon.into() };
        let sent = only(call(ada, &media(to(), dice.into(), number())).await.unwrap());
        let Some(enums::MessageMedia::MessageMediaDice(dice)) = sent.media else { panic!() };
        assert!((1..=most).contains(&dice.value), "{emoticon} {}", dice.value);
    }
    let phone_number = {
        let view = ada.shared.core.view(pair.bob_id, pair.bob_id).unwrap().unwrap();
        format!("+{}", view.phone.unwrap())
    };
    let contact =
        types::InputMediaContact { phone_number, first_name: "Bobby".into(), ..Default::default() };
    let sent = only(call(ada, &media(to(), contact.into(), 3)).await.unwrap());
    let Some(enums::MessageMedia::MessageMediaContact(contact)) = sent.media else { panic!() };
    assert_eq!((contact.user_id, contact.first_name.as_str()), (pair.bob_id.0, "Bobby"));
    let nothing = types::InputMediaEmpty {};
    let text =
        f::messages::SendMedia { message: "just text".into(), ..media(to(), nothing.into(), 4) };
    assert_eq!(only(call(ada, &text).await.unwrap()).message, "just text");
}

#[tokio::test]
async fn voice_messages_wait_to_be_heard() {
    let pair = pair(230).await;
    let file = upload(&pair.ada, &noise(2000), "x.ogg").await;
    let voice = types::DocumentAttributeAudio {
        voice: true,
        duration: 3,
        waveform: Some(vec![7; 63]),
        ..Default::default()
    };
    let sent = types::InputMediaUploadedDocument {
        mime_type: "audio/ogg".into(),
        attributes: vec![voice.into()],
        ..document(file)
    };
    let sent = only(call(&pair.ada, &media(pair.to_bob(), sent.into(), 1)).await.unwrap());
    let got = seen(&pair.bob, pair.ada_id).await;
    assert!(sent.media_unread && got.media_unread);
    let Some(enums::MessageMedia::MessageMediaDocument(media)) = &got.media else { panic!() };
    assert!(media.voice && !media.video && !media.round);
    let read = f::messages::ReadMessageContents { id: vec![got.id] };
    call(&pair.bob, &read).await.unwrap();
    assert!(!seen(&pair.bob, pair.ada_id).await.media_unread);
    assert!(!seen(&pair.ada, pair.bob_id).await.media_unread);
}

#[tokio::test]
async fn tabs_show_what_they_name() {
    use enums::MessagesFilter as Filter;
    use types as t;
    let pair = pair(230).await;
    let ada = &pair.ada;
    let send = async |media: enums::InputMedia| {
        let peer = pair.to_bob();
        let request =
            f::messages::SendMedia { peer, media, random_id: number(), ..Default::default() };
        only(call(ada, &request).await.unwrap()).id
    };
    let doc = async |mime: &str, name: &str, attributes: Vec<enums::DocumentAttribute>| {
        let file = upload(ada, &noise(64 + name.len()), name).await;
        let mime_type = mime.into();
        let sent = t::InputMediaUploadedDocument { mime_type, attributes, ..document(file) };
        send(sent.into()).await
    };
    let video = t::DocumentAttributeVideo { duration: 1.0, w: 9, h: 9, ..Default::default() };
    let round = t::DocumentAttributeVideo { round_message: true, ..video.clone() };
    let audio = t::DocumentAttributeAudio {
        duration: 1,
        title: Some("Harbour lights".into()),
        ..Default::default()
    };
    let voice = t::DocumentAttributeAudio { voice: true, duration: 1, ..Default::default() };
    let picture = send(photo(upload(ada, &bmp(200, 200), "x.bmp").await)).await;
    let film = doc("video/mp4", "film.mp4", vec![video.clone().into()]).await;
    let gif =
        doc("video/mp4", "g.mp4", vec![video.into(), t::DocumentAttributeAnimated {}.into()]).await;
    let round = doc("video/mp4", "", vec![round.into()]).await;
    let music = doc("audio/mpeg", "song.mp3", vec![audio.into()]).await;
    let voice = doc("audio/ogg", "", vec![voice.into()]).await;
    let file = doc("application/pdf", "Quarterly report.pdf", vec![]).await;
    let geo_point = t::InputGeoPoint { lat: 1.0, long: 2.0, accuracy_radius: None }.into();
    let place = send(t::InputMediaGeoPoint { geo_point }.into()).await;
    let contact = t::InputMediaContact {
        phone_number: "+1".into(),
        first_name: "x".into(),
        ..Default::default()
    };
    let contact = send(contact.into()).await;
    call(ada, &message("plain", pair.to_bob(), number())).await.unwrap();
    let expected: Vec<(Filter, Vec<i32>)> = vec![
        (t::InputMessagesFilterPhotos {}.into(), vec![picture]),
        (t::InputMessagesFilterVideo {}.into(), vec![film]),
        (t::InputMessagesFilterPhotoVideo {}.into(), vec![film, picture]),
        (t::InputMessagesFilterDocument {}.into(), vec![file]),
        (t::InputMessagesFilterMusic {}.into(), vec![music]),
        (t::InputMessagesFilterVoice {}.into(), vec![voice]),
        (t::InputMessagesFilterRoundVideo {}.into(), vec![round]),
        (t::InputMessagesFilterRoundVoice {}.into(), vec![voice, round]),
        (t::InputMessagesFilterGif {}.into(), vec![gif]),
        (t::InputMessagesFilterGeo {}.into(), vec![place]),
        (t::InputMessagesFilterContacts {}.into(), vec![contact]),
        (t::InputMessagesFilterChatPhotos {}.into(), vec![]),
        (t::InputMessagesFilterUrl {}.into(), vec![]),
    ];
    let ids = |found: enums::messages::Messages| -> Vec<i32> {
        let found = match found {
            enums::messages::Messages::Messages(found) => found.messages,
            enums::messages::Messages::MessagesSlice(found) => found.messages,
            other => panic!("{other:?}"),
        };
        let id = |message: &enums::Message| match message {
            enums::Message::Message(message) => message.id,
            other => panic!("{other:?}"),
        };
        found.iter().map(id).collect()
    };
    let search = |q: &str, filter: Filter| f::messages::Search {
        peer: pair.to_bob(),
        q: q.into(),
        filter,
        limit: 20,
        ..Default::default()
    };
    for (filter, wanted) in &expected {
        let found = call(ada, &search("", filter.clone())).await.unwrap();
        assert_eq!(&ids(found), wanted, "{filter:?}");
    }
    let filters = expected.iter().map(|(filter, _)| filter.clone()).collect();
    let counters =
        f::messages::GetSearchCounters { peer: pair.to_bob(), filters, ..Default::default() };
    for (counter, (filter, wanted)) in call(ada, &counters).await.unwrap().iter().zip(&expected) {
        let enums::messages::SearchCounter::SearchCounter(counter) = counter;
        assert_eq!(counter.count as usize, wanted.len(), "{filter:?}");
    }
    // Names of files and songs are found like texts.
    for (q, wanted) in [("quarterly", file), ("harbour", music), ("film", film)] {
        let found = call(ada, &search(q, t::InputMessagesFilterEmpty {}.into())).await.unwrap();
        assert_eq!(ids(found), [wanted], "{q}");
    }
    let filter = t::InputMessagesFilterDocument {}.into();
    let own = f::messages::SearchSentMedia { q: String::new(), filter, limit: 10 };
    assert_eq!(ids(call(ada, &own).await.unwrap()), [file]);
    assert!(ids(call(&pair.bob, &own).await.unwrap()).is_empty());
    let days = f::messages::GetSearchResultsCalendar {
        peer: pair.to_bob(),
        filter: t::InputMessagesFilterPhotoVideo {}.into(),
        ..Default::default()
    };
    let enums::messages::SearchResultsCalendar::SearchResultsCalendar(days) =
        call(ada, &days).await.unwrap();
    assert_eq!((days.count, days.periods.len()), (2, 1));
}

#[tokio::test]
async fn line_56_photos_are_for_those_who_may_see_them() {
    let pair = pair(230).await;
    let (ada, bob) = (&pair.ada, &pair.bob);
    let file = upload(ada, &bmp(400, 300), "me.bmp").await;
    let set = f::photos::UploadProfilePhoto { file: Some(file), ..Default::default() };
    let enums::photos::Photo::Photo(first) = call(ada, &set).await.unwrap();
    let enums::Photo::Photo(first) = first.photo else { panic!("no photo") };
    let letters: Vec<_> = first
        .sizes
        .iter()
        .filter_map(|size| match size {
            enums::PhotoSize::PhotoSize(size) => Some((size.type_.clone(), size.w, size.h)),
            _ => None,
        })
        .collect();
    assert_eq!(letters, [("a".into(), 160, 160), ("b".into(), 300, 300)]);
    let shown = async |viewer: &Context| {
        let id = types::InputUser {
            user_id: pair.ada_id.0,
            access_hash: viewer.shared.core.access_hash(viewer.user().unwrap(), pair.ada_id),
        };
        let users = call(viewer, &f::users::GetUsers { id: vec![id.into()] }).await.unwrap();
        let Some(enums::User::User(user)) = users.into_iter().next() else { panic!() };
        match user.photo {
            Some(enums::UserProfilePhoto::UserProfilePhoto(photo)) => Some(photo.photo_id),
            _ => None,
        }
    };
    assert_eq!(shown(bob).await, Some(first.id));
    let place = |peer: enums::InputPeer, photo_id: i64, big: bool| -> enums::InputFileLocation {
        types::InputPeerPhotoFileLocation { big, peer, photo_id }.into()
    };
    let of_ada = named(bob, pair.ada_id);
    let small = download(bob, &place(of_ada.clone(), first.id, false)).await;
    let large = download(bob, &place(of_ada.clone(), first.id, true)).await;
    assert!(small.starts_with(&[0xff, 0xd8]) && large.len() > small.len());
    let file = upload(ada, &bmp(600, 600), "me.bmp").await;
    let set = f::photos::UploadProfilePhoto { file: Some(file), ..Default::default() };
    let enums::photos::Photo::Photo(second) = call(ada, &set).await.unwrap();
    let enums::Photo::Photo(second) = second.photo else { panic!("no photo") };
    let history = async |viewer: &Context, offset: i32, max_id: i64, limit: i32| {
        let user_id = types::InputUser {
            user_id: pair.ada_id.0,
            access_hash: viewer.shared.core.access_hash(viewer.user().unwrap(), pair.ada_id),
        };
        let user_id = user_id.into();
        let query = f::photos::GetUserPhotos { user_id, offset, max_id, limit };
        let photos = match call(viewer, &query).await.unwrap() {
            enums::photos::Photos::Photos(found) => found.photos,
            enums::photos::Photos::PhotosSlice(found) => found.photos,
        };
        let id = |photo| match photo {
            enums::Photo::Photo(photo) => photo.id,
            enums::Photo::PhotoEmpty(_) => 0,
        };
        photos.into_iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(history(bob, 0, 0, 10).await, [second.id, first.id]);
    assert_eq!(history(bob, 1, 0, 1).await, [first.id]);
    assert_eq!(history(bob, -1, first.id, 1).await, [first.id]);
    // An earlier photo is not beside the name any more, and is still in the history.
    let refused = range(bob, &place(of_ada.clone(), first.id, true), 0, 4096).await;
    assert_eq!(error(refused), bad("LOCATION_INVALID"));

    // Another one for those who may not see it.
    let hide = f::account::SetPrivacy {
        key: types::InputPrivacyKeyProfilePhoto {}.into(),
        rules: vec![types::InputPrivacyValueDisallowAll {}.into()],
    };
    call(ada, &hide).await.unwrap();
    assert_eq!((shown(bob).await, shown(ada).await), (None, Some(second.id)));
    assert!(history(bob, 0, 0, 10).await.is_empty());
    let refused = range(bob, &place(of_ada.clone(), second.id, true), 0, 4096).await;
    assert_eq!(error(refused), bad("LOCATION_INVALID"));
    let file = upload(ada, &bmp(200, 200), "public.bmp").await;
    let set =
        f::photos::UploadProfilePhoto { file: Some(file), fallback: true, ..Default::default() };
    let enums::photos::Photo::Photo(public) = call(ada, &set).await.unwrap();
    let enums::Photo::Photo(public) = public.photo else { panic!("no photo") };
    assert_eq!((shown(bob).await, shown(ada).await), (Some(public.id), Some(second.id)));
    let block = f::contacts::Block { id: named(ada, pair.bob_id), ..Default::default() };
    call(ada, &block).await.unwrap();
    assert_eq!(shown(bob).await, None, "who is blocked sees no photo");
    assert!(history(bob, 0, 0, 10).await.is_empty());

    // The one before comes back; an old one can be taken again.
    let input = |photo: &types::Photo| -> enums::InputPhoto {
        types::InputPhoto {
            id: photo.id,
            access_hash: photo.access_hash,
            file_reference: photo.file_reference.clone(),
        }
        .into()
    };
    let again = f::photos::UpdateProfilePhoto { id: input(&first), ..Default::default() };
    call(ada, &again).await.unwrap();
    assert_eq!(history(ada, 0, 0, 10).await, [first.id, second.id]);
    let delete = f::photos::DeletePhotos { id: vec![input(&first)] };
    assert_eq!(call(ada, &delete).await.unwrap(), [first.id]);
    assert_eq!(shown(ada).await, Some(second.id));
    let none = f::photos::UpdateProfilePhoto::default();
    call(ada, &none).await.unwrap();
    assert_eq!(shown(ada).await, None);
    let small = upload(ada, &bmp(100, 100), "small.bmp").await;
    let set = f::photos::UploadProfilePhoto { file: Some(small), ..Default::default() };
    assert_eq!(error(call(ada, &set).await), bad("PHOTO_CROP_SIZE_SMALL"));
}

#[tokio::test]
async fn a_group_has_a_photo() {
    let pair = pair(230).await;
    let (ada, core) = (&pair.ada, &pair.shared.core);
    let actor = ada.actor().unwrap();
    let made = core.create_chat(actor, pair.ada_id, "Harbour", vec![pair.bob_id], 0).await.unwrap();
    let chat_id = made.chat.0;
    let file = Some(upload(ada, &bmp(700, 700), "x.bmp").await);
    let photo = types::InputChatUploadedPhoto { file, ..Default::default() }.into();
    let updates = call(ada, &f::messages::EditChatPhoto { chat_id, photo }).await.unwrap();
    let enums::Updates::Updates(updates) = updates else { panic!("{updates:?}") };
    let Some(enums::Chat::Chat(chat)) = updates.chats.first() else { panic!("no chat") };
    let enums::ChatPhoto::ChatPhoto(shown) = &chat.photo else { panic!("no photo") };
    let [enums::Update::UpdateNewMessage(new)] = &updates.updates[..] else {
        panic!("{:?}", updates.updates)
    };
    let enums::Message::MessageService(service) = &new.message else { panic!() };
    let enums::MessageAction::MessageActionChatEditPhoto(action) = &service.action else {
        panic!()
    };
    let enums::Photo::Photo(of_action) = &action.photo else { panic!() };
    assert_eq!(of_action.id, shown.photo_id);
    let location = |photo_id: i64| -> enums::InputFileLocation {
        let peer = types::InputPeerChat { chat_id }.into();
        types::InputPeerPhotoFileLocation { big: true, peer, photo_id }.into()
    };
    let got = download(&pair.bob, &location(shown.photo_id)).await;
    assert_eq!(got, download(ada, &of_photo(of_action, "c")).await);
    let (eve, _) = member(&pair.shared, 7, 230, "Eve").await;
    assert_eq!(
        error(range(&eve, &location(shown.photo_id), 0, 4096).await),
        bad("CHAT_ID_INVALID")
    );
    let photo = types::InputChatPhotoEmpty {}.into();
    call(ada, &f::messages::EditChatPhoto { chat_id, photo }).await.unwrap();
    let refused = range(&pair.bob, &location(shown.photo_id), 0, 4096).await;
    assert_eq!(error(refused), bad("LOCATION_INVALID"));
}

/// In every layer files can be sent, seen and loaded.
#[tokio::test]
async fn files_in_every_layer() {
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let pair = pair(layer).await;
        let ada = &pair.ada;
        let file = upload(ada, &bmp(340, 200), "x.bmp").await;
        call(ada, &media(pair.to_bob(), photo(file), 1)).await.unwrap();
        let got = photo_of(&seen(&pair.bob, pair.ada_id).await);
        assert!(!download(&pair.bob, &of_photo(&got, "m")).await.is_empty(), "{layer}");
        let file = upload(ada, &noise(10), "x.mp4").await;
        let mut video = types::DocumentAttributeVideo { w: 9, h: 9, ..Default::default() };
        if layer < 159 {
            video.duration_until_158 = 7;
        } else {
            video.duration = 7.0;
        }
        let mut sent = document(file);
        sent.attributes = vec![video.into()];
        call(ada, &media(pair.to_bob(), sent.into(), 2)).await.unwrap();
        let got = document_of(&seen(&pair.bob, pair.ada_id).await);
        let duration = got.attributes.iter().find_map(|is| match is {
            enums::DocumentAttribute::DocumentAttributeVideo(is) if layer < 159 => {
                Some(f64::from(is.duration_until_158))
            }
            enums::DocumentAttribute::DocumentAttributeVideo(is) => Some(is.duration),
            _ => None,
        });
        assert_eq!(duration, Some(7.0), "{layer}");
        assert_eq!(download(&pair.bob, &at(&got, "")).await, noise(10), "{layer}");
    }
}

/// A film without sound is a GIF, unless its sender says that it is a film.
#[tokio::test]
async fn a_film_without_sound_is_a_gif() {
    use types as t;
    let pair = pair(230).await;
    let ada = &pair.ada;
    let video = t::DocumentAttributeVideo { duration: 1.0, w: 9, h: 9, ..Default::default() };
    let round = t::DocumentAttributeVideo { round_message: true, ..video.clone() };
    let send = async |content: &[u8], mime: &str, is: &t::DocumentAttributeVideo, nosound_video| {
        let file = upload(ada, content, "film.mp4").await;
        let (mime_type, attributes) = (mime.into(), vec![is.clone().into()]);
        let sent = t::InputMediaUploadedDocument {
            mime_type,
            attributes,
            nosound_video,
            ..document(file)
        };
        let request = media(pair.to_bob(), sent.into(), number());
        let sent = document_of(&only(call(ada, &request).await.unwrap()));
        let gif = |is: &_| matches!(is, enums::DocumentAttribute::DocumentAttributeAnimated(_));
        sent.attributes.iter().any(gif)
    };
    let silent = film(&[b"vide"], true);
    let mp4 = "video/mp4";
    assert!(send(&silent, mp4, &video, false).await);
    assert!(send(&film(&[b"vide"], false), mp4, &video, false).await);
    // Its tracks are listed beyond the first chunks.
    let mut long = silent.clone();
    let at = silent.windows(4).position(|name| name == b"mdat").unwrap() - 4;
    long.splice(
        at..at,
        [&(3_u32 << 20).to_be_bytes()[..], b"free", &noise((3 << 20) - 8)].concat(),
    );
    assert!(send(&long, mp4, &video, false).await);
    assert!(!send(&silent, mp4, &video, true).await, "its sender wants a film");
    assert!(!send(&film(&[b"vide", b"soun"], true), mp4, &video, false).await);
    assert!(!send(&noise(5000), mp4, &video, false).await);
    assert!(!send(&silent, mp4, &round, false).await);
    assert!(!send(&silent, "video/webm", &video, false).await);
}
