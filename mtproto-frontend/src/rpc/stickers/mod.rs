//! `stickers.*`: sets that members make. And what sets and kept files have in common elsewhere.

mod change;
mod create;

pub(super) use change::{
    add_sticker_to_set, change_sticker, change_sticker_position, delete_sticker_set,
    remove_sticker_from_set, rename_sticker_set, set_sticker_set_thumb,
};
pub(super) use create::{check_short_name, create_sticker_set, suggest_short_name};

use node_core::{
    Core, CoreError, CoreResult, FileId, MaskPoint, NewSticker, Origin, SetName, StickerError,
    StickerSet, UserId,
};
use tl::enums;
use tl::types::messages as t;

use super::{Context, RpcError, RpcResult, media};
use crate::project;

/// The set that a client names. The special ones (animated emoji, dice, topic icons) are not here:
/// clients know the error and go on without.
pub(super) fn set_name(named: &enums::InputStickerSet) -> RpcResult<SetName> {
    match named {
        enums::InputStickerSet::InputStickerSetId(set) => Ok(SetName::Id(set.id)),
        enums::InputStickerSet::InputStickerSetShortName(set) => {
            Ok(SetName::Short(set.short_name.clone()))
        }
        _ => Err(CoreError::from(StickerError::UnknownSet).into()),
    }
}

/// The document that a client names, which it was shown.
pub(super) fn named_document(
    ctx: &Context,
    named: &enums::InputDocument,
    invalid: RpcError,
) -> RpcResult<FileId> {
    checked_document(ctx, named, invalid, Core::check_reference)
}

/// The document that a client names and is about to keep, or to show to others: what may not be
/// forwarded may not leave its message by this way either.
pub(super) fn shared_document(
    ctx: &Context,
    named: &enums::InputDocument,
    invalid: RpcError,
) -> RpcResult<FileId> {
    checked_document(ctx, named, invalid, media::shown)
}

fn checked_document(
    ctx: &Context,
    named: &enums::InputDocument,
    invalid: RpcError,
    check: fn(&Core, UserId, FileId, i64, &[u8]) -> CoreResult<Origin>,
) -> RpcResult<FileId> {
    let enums::InputDocument::InputDocument(named) = named else { return Err(invalid) };
    let (core, file) = (&ctx.shared.core, FileId(named.id));
    match check(core, ctx.user()?, file, named.access_hash, &named.file_reference) {
        Ok(_) => {}
        Err(CoreError::FileInvalid) => return Err(invalid),
        Err(other) => return Err(other.into()),
    }
    if core.document(file)?.is_some() { Ok(file) } else { Err(invalid) }
}

/// A sticker as a client describes it.
fn new_sticker(ctx: &Context, item: &enums::InputStickerSetItem) -> RpcResult<NewSticker> {
    let enums::InputStickerSetItem::InputStickerSetItem(item) = item;
    Ok(NewSticker {
        document: shared_document(ctx, &item.document, FILE_INVALID)?,
        emoji: item.emoji.clone(),
        keywords: item.keywords.clone().unwrap_or_default(),
        mask: item.mask_coords.as_ref().map(mask_point),
    })
}

const FILE_INVALID: RpcError = RpcError::new(400, "STICKER_FILE_INVALID");
const STICKER_INVALID: RpcError = RpcError::new(400, "STICKER_INVALID");

fn mask_point(coords: &enums::MaskCoords) -> MaskPoint {
    let enums::MaskCoords::MaskCoords(coords) = coords;
    MaskPoint { n: coords.n, x: coords.x.into(), y: coords.y.into(), zoom: coords.zoom.into() }
}

/// A set with its files, as the caller sees it.
pub(super) fn full(ctx: &Context, set: &StickerSet) -> RpcResult<t::StickerSet> {
    let view = ctx.view()?;
    let flags = view.core.set_flags(view.viewer, set)?;
    Ok(project::full_sticker_set(view, set, flags)?)
}
