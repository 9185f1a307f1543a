//! Sets of stickers: `stickerSet` and `messages.stickerSet`.

use node_core::{CoreResult, FileId, Found, Origin, SetFlags, SetKind, StickerSet};
use tl::{enums, types};

use super::{View, document};

/// A set without its files.
pub(crate) fn sticker_set(
    view: View<'_>,
    set: &StickerSet,
    flags: SetFlags,
) -> CoreResult<enums::StickerSet> {
    let first = match set.stickers.first() {
        Some(sticker) => view.core.document(sticker.document)?,
        None => None,
    };
    let is = |mime: &str| first.as_ref().is_some_and(|first| first.mime_type == mime);
    Ok(types::StickerSet {
        archived: flags.archived,
        masks: set.kind == SetKind::Masks,
        emojis: set.kind == SetKind::Emoji,
        text_color: set.text_color,
        creator: set.creator == view.viewer,
        installed_date: flags.installed,
        id: set.id,
        access_hash: view.core.sticker_set_access_hash(set.id),
        title: set.title.clone(),
        short_name: set.short_name.clone(),
        thumb_document_id: set.thumb.map(|thumb| thumb.0),
        count: i32::try_from(set.stickers.len()).unwrap_or(i32::MAX),
        hash: set.version,
        // Before layer 175 a set said of what its stickers are.
        animated: is("application/x-tgsticker"),
        videos: is("video/webm"),
        ..types::StickerSet::default()
    }
    .into())
}

/// A set with all of its files.
pub(crate) fn full_sticker_set(
    view: View<'_>,
    set: &StickerSet,
    flags: SetFlags,
) -> CoreResult<types::messages::StickerSet> {
    let mut documents = Vec::with_capacity(set.stickers.len());
    for sticker in &set.stickers {
        documents.extend(sticker_of(view, sticker.document, Origin::StickerSet(set.id))?);
    }
    let packs = set.packs().into_iter().map(|(emoticon, documents)| {
        let documents = documents.iter().map(|file| file.0).collect();
        types::StickerPack { emoticon, documents }.into()
    });
    let with_words = set.stickers.iter().filter(|sticker| !sticker.keywords.is_empty());
    let keywords = with_words.map(|sticker| {
        let keyword = sticker.keywords.clone();
        types::StickerKeyword { document_id: sticker.document.0, keyword }.into()
    });
    Ok(types::messages::StickerSet {
        set: sticker_set(view, set, flags)?,
        packs: packs.collect(),
        keywords: keywords.collect(),
        documents,
    })
}

/// A set with the file that stands for it.
pub(crate) fn covered_set(
    view: View<'_>,
    set: &StickerSet,
    flags: SetFlags,
) -> CoreResult<enums::StickerSetCovered> {
    let cover = set.thumb.or(set.stickers.first().map(|sticker| sticker.document));
    let cover = match cover {
        Some(cover) => sticker_of(view, cover, Origin::StickerSet(set.id))?,
        None => None,
    };
    let set = sticker_set(view, set, flags)?;
    Ok(match cover {
        Some(cover) => types::StickerSetCovered { set, cover }.into(),
        None => types::StickerSetNoCovered { set }.into(),
    })
}

/// A sticker, where it is shown; `None` where it is gone.
pub(crate) fn sticker_of(
    view: View<'_>,
    file: FileId,
    origin: Origin,
) -> CoreResult<Option<enums::Document>> {
    Ok(view.core.document(file)?.map(|found| document(view, origin, &found)))
}

/// Stickers that were found.
pub(crate) fn found_stickers(view: View<'_>, found: &[Found]) -> CoreResult<Vec<enums::Document>> {
    let mut documents = Vec::with_capacity(found.len());
    for one in found {
        documents.extend(sticker_of(view, one.document, Origin::StickerSet(one.set))?);
    }
    Ok(documents)
}
