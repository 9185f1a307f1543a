//! `stickers.*`: sets that members make. And what sets and kept files have in common elsewhere.

mod change;
mod create;

pub(super) use change::{
    add_sticker_to_set, change_sticker, change_sticker_position, delete_sticker_set,
    remove_sticker_from_set, rename_sticker_set, set_sticker_set_thumb,
};
pub(super) use create::{check_short_name, create_sticker_set, suggest_short_name};

use node_core::{CoreError, FileId, MaskPoint, NewSticker, SetName, StickerError, StickerSet};
use tl::enums;
use tl::types::messages as t;

use super::{Context, RpcError, RpcResult};
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
    let enums::InputDocument::InputDocument(named) = named else { return Err(invalid) };
    let (core, file) = (&ctx.shared.core, FileId(named.id));
    let shown = core.check_reference(ctx.user()?, file, named.access_hash, &named.file_reference);
    match shown {
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
        document: named_document(ctx, &item.document, FILE_INVALID)?,
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
