//! Stickers and what is kept of them, call by call: which way a file may go, and where it is loaded.

use tl::{enums, types};

use super::media::{
    Pair, at, bad, document, document_of, media, noise, number, only, pair, range, seen, upload,
    uploaded,
};
use super::members::{error, member};
use super::*;

/// A sticker that is not uploaded yet: bytes that no picture is looked for in.
async fn sticker(ctx: &Context) -> enums::InputMedia {
    let file = upload(ctx, &noise(1000 + number() as usize), "sticker.tgs").await;
    let is = types::DocumentAttributeSticker {
        alt: "😀".into(),
        stickerset: types::InputStickerSetEmpty {}.into(),
        ..Default::default()
    };
    types::InputMediaUploadedDocument {
        mime_type: "application/x-tgsticker".into(),
        attributes: vec![is.into()],
        ..document(file)
    }
    .into()
}

fn input(document: &types::Document) -> enums::InputDocument {
    types::InputDocument {
        id: document.id,
        access_hash: document.access_hash,
        file_reference: document.file_reference.clone(),
    }
    .into()
}

fn known(document: &types::Document) -> enums::InputMedia {
    types::InputMediaDocument { id: input(document), ..Default::default() }.into()
}

/// A document as `uploadMedia` shows it.
async fn shown_again(ctx: &Context, named: enums::InputMedia) -> types::Document {
    let enums::InputMedia::InputMediaDocument(found) = uploaded(ctx, named).await else {
        panic!("no document")
    };
    let enums::InputDocument::InputDocument(id) = found.id else { panic!("no document") };
    types::Document {
        id: id.id,
        access_hash: id.access_hash,
        file_reference: id.file_reference,
        ..Default::default()
    }
}

fn set_of(item: enums::InputDocument, name: &str, emojis: bool) -> f::stickers::CreateStickerSet {
    let item =
        types::InputStickerSetItem { document: item, emoji: "😀".into(), ..Default::default() };
    f::stickers::CreateStickerSet {
        user_id: types::InputUserSelf {}.into(),
        title: name.into(),
        short_name: name.into(),
        emojis,
        stickers: vec![item.into()],
        ..Default::default()
    }
}

/// Ada sends Bob something; what he sees.
async fn sent(pair: &Pair, what: enums::InputMedia, noforwards: bool) -> (i32, types::Document) {
    let request = f::messages::SendMedia { noforwards, ..media(pair.to_bob(), what, number()) };
    let id = only(call(&pair.ada, &request).await.unwrap()).id;
    (id, document_of(&seen(&pair.bob, pair.ada_id).await))
}

/// Keeping a file and making a set of it are ways out of a message, as sending it anew is.
#[tokio::test]
async fn what_may_not_be_forwarded_is_not_kept() {
    let pair = pair(230).await;
    let bob = &pair.bob;
    let (_, closed) = sent(&pair, sticker(&pair.ada).await, true).await;
    let restricted = bad("CHAT_FORWARDS_RESTRICTED");
    let fave = |of: &types::Document, unfave| f::messages::FaveSticker { id: input(of), unfave };
    assert_eq!(error(call(bob, &fave(&closed, false)).await), restricted);
    let recent = f::messages::SaveRecentSticker { id: input(&closed), ..Default::default() };
    assert_eq!(error(call(bob, &recent).await), restricted);
    assert_eq!(error(call(bob, &set_of(input(&closed), "Owls", false)).await), restricted);
    let (_, open) = sent(&pair, sticker(&pair.ada).await, false).await;
    call(bob, &set_of(input(&open), "Owls", false)).await.unwrap();
    let name = types::InputStickerSetShortName { short_name: "Owls".into() };
    let thumb = f::stickers::SetStickerSetThumb {
        stickerset: name.into(),
        thumb: Some(input(&closed)),
        ..Default::default()
    };
    assert_eq!(error(call(bob, &thumb).await), restricted);
    // What is kept already may be let go, by whatever reference.
    call(bob, &fave(&open, false)).await.unwrap();
    let own = document_of(&seen(&pair.ada, pair.bob_id).await);
    let (_, again) = sent(&pair, known(&own), true).await;
    assert_eq!(again.id, open.id);
    call(bob, &fave(&again, true)).await.unwrap();
    // Its writer may do all of it, and everybody with what is in a set.
    let (_, closed) = sent(&pair, sticker(&pair.ada).await, true).await;
    let own = document_of(&seen(&pair.ada, pair.bob_id).await);
    assert_eq!(own.id, closed.id);
    let enums::messages::StickerSet::StickerSet(set) =
        call(&pair.ada, &set_of(input(&own), "Rooks", false)).await.unwrap()
    else {
        panic!("no set")
    };
    let enums::Document::Document(of_set) = &set.documents[0] else { panic!("no document") };
    let (_, public) = sent(&pair, known(of_set), true).await;
    call(bob, &fave(&public, false)).await.unwrap();
}

/// A reference from a message stays one from that message, also through `uploadMedia`.
#[tokio::test]
async fn uploaded_media_are_shown_where_they_were() {
    let pair = pair(230).await;
    let bob = &pair.bob;
    let expired = bad("FILE_REFERENCE_EXPIRED");
    let loads =
        async |document: &types::Document| range(bob, &at(document, ""), 0, 4096).await.map(drop);
    let (id, got) = sent(&pair, sticker(&pair.ada).await, false).await;
    let again = shown_again(bob, known(&got)).await;
    loads(&again).await.unwrap();
    let fave = f::messages::FaveSticker { id: input(&again), unfave: false };
    call(bob, &fave).await.unwrap();
    let faved = async || {
        let found = call(bob, &f::messages::GetFavedStickers { hash: 0 }).await.unwrap();
        let enums::messages::FavedStickers::FavedStickers(found) = found else { panic!() };
        let document = found.stickers.into_iter().next();
        document.map(|document| match document {
            enums::Document::Document(document) => *document,
            other => panic!("{other:?}"),
        })
    };
    let kept = faved().await.unwrap();
    let delete = f::messages::DeleteMessages { revoke: true, id: vec![id] };
    call(&pair.ada, &delete).await.unwrap();
    assert_eq!(error(loads(&again).await), expired);
    // What is kept is loaded as long as it is kept; and one's own in any case.
    loads(&kept).await.unwrap();
    loads(&shown_again(bob, known(&kept)).await).await.unwrap();
    call(bob, &f::messages::FaveSticker { id: input(&kept), unfave: true }).await.unwrap();
    assert!(faved().await.is_none());
    assert_eq!(error(loads(&kept).await), expired);
    loads(&shown_again(bob, sticker(bob).await).await).await.unwrap();
}

/// An emoji is named by its number in texts, whoever made it and whether it is in a set or not.
#[tokio::test]
async fn everybody_loads_a_custom_emoji() {
    let pair = pair(230).await;
    let item = shown_again(&pair.ada, sticker(&pair.ada).await).await;
    let made = call(&pair.ada, &set_of(input(&item), "Marks", true)).await.unwrap();
    let enums::messages::StickerSet::StickerSet(set) = made else { panic!("no set") };
    let enums::Document::Document(emoji) = &set.documents[0] else { panic!("no document") };
    let asked = f::messages::GetCustomEmojiDocuments { document_id: vec![emoji.id] };
    for removed in [false, true] {
        if removed {
            let remove = f::stickers::RemoveStickerFromSet { sticker: input(emoji) };
            call(&pair.ada, &remove).await.unwrap();
        }
        let found = call(&pair.bob, &asked).await.unwrap();
        let [enums::Document::Document(found)] = &found[..] else { panic!("{removed}") };
        let bytes = range(&pair.bob, &at(found, ""), 0, 1 << 20).await.unwrap().bytes;
        assert_eq!(bytes.len() as i64, found.size, "{removed}");
    }
}

/// A search among all sets costs what one among messages does: it is counted with them.
#[tokio::test]
async fn searches_of_stickers_are_limited_per_member() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let sets = f::messages::SearchStickerSets { q: "owls".into(), ..Default::default() };
    for _ in 0..200 {
        call(&ada, &sets).await.unwrap();
    }
    let refused = (420, "FLOOD_WAIT_1".to_owned());
    assert_eq!(error(call(&ada, &sets).await), refused);
    let emoji_sets = f::messages::SearchEmojiStickerSets { q: "a".into(), ..Default::default() };
    assert_eq!(error(call(&ada, &emoji_sets).await), refused);
    let stickers = f::messages::SearchStickers { q: "a".into(), limit: 1, ..Default::default() };
    assert_eq!(error(call(&ada, &stickers).await), refused);
    let by_emoji = f::messages::GetStickers { emoticon: "😀".into(), hash: 0 };
    assert_eq!(error(call(&ada, &by_emoji).await), refused);
    let emoji = f::messages::SearchCustomEmoji { emoticon: "😀".into(), hash: 0 };
    assert_eq!(error(call(&ada, &emoji).await), refused);
    // Lists of one's own are none.
    call(&ada, &f::messages::GetAllStickers { hash: 0 }).await.unwrap();
}
