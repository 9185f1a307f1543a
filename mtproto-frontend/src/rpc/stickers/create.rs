//! `stickers.createStickerSet#9021ab67 flags:# masks:flags.0?true emojis:flags.5?true
//! text_color:flags.6?true user_id:InputUser title:string short_name:string
//! thumb:flags.2?InputDocument stickers:Vector<InputStickerSetItem> software:flags.3?string =
//! messages.StickerSet`,
//! `stickers.checkShortName#284b3639 short_name:string = Bool`,
//! `stickers.suggestShortName#4dafc503 title:string = stickers.SuggestedShortName`
//!
//! Source: <https://core.telegram.org/api/stickers>

use node_core::{CoreError, NewSet, SetKind, StickerError};
use tl::functions::stickers as f;
use tl::types::messages as t;

use super::{FILE_INVALID, full, new_sticker, shared_document};
use crate::rpc::{Context, RpcError, RpcResult};

/// Stickers of the largest set.
const STICKERS_MAX: usize = 200;

pub(in crate::rpc) async fn create_sticker_set(
    ctx: &Context,
    request: f::CreateStickerSet,
) -> RpcResult<t::StickerSet> {
    let owner = ctx.user()?;
    // Only bots make sets for others.
    if ctx.named_user(&request.user_id)? != owner {
        return Err(RpcError::new(400, "USER_ID_INVALID"));
    }
    if request.stickers.len() > STICKERS_MAX {
        return Err(CoreError::from(StickerError::TooMany).into());
    }
    let kind = match (request.masks, request.emojis) {
        (false, false) => SetKind::Stickers,
        (true, false) => SetKind::Masks,
        (false, true) => SetKind::Emoji,
        (true, true) => return Err(CoreError::from(StickerError::KindInvalid).into()),
    };
    let thumb = request.thumb.as_ref().map(|thumb| shared_document(ctx, thumb, FILE_INVALID));
    let stickers = request.stickers.iter().map(|item| new_sticker(ctx, item));
    let core = &ctx.shared.core;
    let short_name = match request.short_name.as_str() {
        "" => core.suggest_set_name(&request.title)?,
        said => said.to_owned(),
    };
    let new = NewSet {
        title: request.title,
        short_name,
        kind,
        text_color: request.text_color,
        stickers: stickers.collect::<RpcResult<_>>()?,
        thumb: thumb.transpose()?,
    };
    let set = core.create_sticker_set(ctx.actor()?, owner, new).await?;
    full(ctx, &set)
}

pub(in crate::rpc) async fn check_short_name(
    ctx: &Context,
    request: f::CheckShortName,
) -> RpcResult<bool> {
    match ctx.shared.core.check_set_name(&request.short_name) {
        Ok(()) => Ok(true),
        Err(CoreError::Sticker(StickerError::NameInvalid)) => {
            Err(RpcError::new(400, "SHORT_NAME_INVALID"))
        }
        Err(CoreError::Sticker(StickerError::NameOccupied)) => {
            Err(RpcError::new(400, "SHORT_NAME_OCCUPIED"))
        }
        Err(other) => Err(other.into()),
    }
}

pub(in crate::rpc) async fn suggest_short_name(
    ctx: &Context,
    request: f::SuggestShortName,
) -> RpcResult<tl::types::stickers::SuggestedShortName> {
    match ctx.shared.core.suggest_set_name(&request.title) {
        Ok(short_name) => Ok(tl::types::stickers::SuggestedShortName { short_name }),
        Err(CoreError::Sticker(_)) => Err(RpcError::new(400, "TITLE_INVALID")),
        Err(other) => Err(other.into()),
    }
}
