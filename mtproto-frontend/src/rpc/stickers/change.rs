//! `stickers.addStickerToSet#8653febe stickerset:InputStickerSet sticker:InputStickerSetItem =
//! messages.StickerSet`,
//! `stickers.removeStickerFromSet#f7760f51 sticker:InputDocument = messages.StickerSet`,
//! `stickers.changeStickerPosition#ffb6d4ca sticker:InputDocument position:int =
//! messages.StickerSet`,
//! `stickers.changeSticker#f5537ebc flags:# sticker:InputDocument emoji:flags.0?string
//! mask_coords:flags.1?MaskCoords keywords:flags.2?string = messages.StickerSet`,
//! `stickers.renameStickerSet#124b1c00 stickerset:InputStickerSet title:string =
//! messages.StickerSet`,
//! `stickers.setStickerSetThumb#a76a5392 flags:# stickerset:InputStickerSet
//! thumb:flags.0?InputDocument thumb_document_id:flags.1?long = messages.StickerSet`,
//! `stickers.deleteStickerSet#87704394 stickerset:InputStickerSet = Bool`
//!
//! Source: <https://core.telegram.org/api/stickers>

use node_core::FileId;
use tl::functions::stickers as f;
use tl::types::messages as t;

use super::{
    FILE_INVALID, STICKER_INVALID, full, mask_point, named_document, new_sticker, set_name,
    shared_document,
};
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn add_sticker_to_set(
    ctx: &Context,
    request: f::AddStickerToSet,
) -> RpcResult<t::StickerSet> {
    let (owner, name) = (ctx.user()?, set_name(&request.stickerset)?);
    let sticker = new_sticker(ctx, &request.sticker)?;
    let set = ctx.shared.core.add_sticker(ctx.actor()?, owner, name, sticker).await?;
    full(ctx, &set)
}

pub(in crate::rpc) async fn remove_sticker_from_set(
    ctx: &Context,
    request: f::RemoveStickerFromSet,
) -> RpcResult<t::StickerSet> {
    let document = named_document(ctx, &request.sticker, STICKER_INVALID)?;
    let set = ctx.shared.core.remove_sticker(ctx.actor()?, ctx.user()?, document).await?;
    full(ctx, &set)
}

pub(in crate::rpc) async fn change_sticker_position(
    ctx: &Context,
    request: f::ChangeStickerPosition,
) -> RpcResult<t::StickerSet> {
    let document = named_document(ctx, &request.sticker, STICKER_INVALID)?;
    let to = usize::try_from(request.position).unwrap_or(0);
    let set = ctx.shared.core.move_sticker(ctx.actor()?, ctx.user()?, document, to).await?;
    full(ctx, &set)
}

pub(in crate::rpc) async fn change_sticker(
    ctx: &Context,
    request: f::ChangeSticker,
) -> RpcResult<t::StickerSet> {
    let document = named_document(ctx, &request.sticker, STICKER_INVALID)?;
    let mask = request.mask_coords.as_ref().map(mask_point);
    let (core, owner) = (&ctx.shared.core, ctx.user()?);
    let (emoji, keywords) = (request.emoji, request.keywords);
    let set = core.change_sticker(ctx.actor()?, owner, document, emoji, mask, keywords).await?;
    full(ctx, &set)
}

pub(in crate::rpc) async fn rename_sticker_set(
    ctx: &Context,
    request: f::RenameStickerSet,
) -> RpcResult<t::StickerSet> {
    let (owner, name) = (ctx.user()?, set_name(&request.stickerset)?);
    let core = &ctx.shared.core;
    let set = core.rename_sticker_set(ctx.actor()?, owner, name, request.title).await?;
    full(ctx, &set)
}

pub(in crate::rpc) async fn set_sticker_set_thumb(
    ctx: &Context,
    request: f::SetStickerSetThumb,
) -> RpcResult<t::StickerSet> {
    let (core, owner) = (&ctx.shared.core, ctx.user()?);
    let name = set_name(&request.stickerset)?;
    let thumb = match (&request.thumb, request.thumb_document_id) {
        (Some(thumb), _) => Some(shared_document(ctx, thumb, FILE_INVALID)?),
        // Of emoji one of the set stands for it.
        (None, Some(id)) => {
            let set = core.sticker_set(&name)?;
            let found = set.stickers.iter().any(|sticker| sticker.document == FileId(id));
            Some(FileId(id)).filter(|_| found).map_or(Err(FILE_INVALID), |id| Ok(Some(id)))?
        }
        (None, None) => None,
    };
    let set = core.set_sticker_set_thumb(ctx.actor()?, owner, name, thumb).await?;
    full(ctx, &set)
}

pub(in crate::rpc) async fn delete_sticker_set(
    ctx: &Context,
    request: f::DeleteStickerSet,
) -> RpcResult<bool> {
    let (owner, name) = (ctx.user()?, set_name(&request.stickerset)?);
    ctx.shared.core.delete_sticker_set(ctx.actor()?, owner, name).await?;
    Ok(true)
}
