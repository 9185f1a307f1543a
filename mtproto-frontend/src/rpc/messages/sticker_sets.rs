//! Sets of stickers that a member has: `messages.getStickerSet`, `installStickerSet`,
//! `uninstallStickerSet`, `toggleStickerSets`, `reorderStickerSets`, and the lists of them.
//!
//! Clients compute the hash of these lists from what is in them, and TDLib logs an error where its
//! own differs.
//! Sources: <https://core.telegram.org/api/stickers>,
//! <https://core.telegram.org/api/offsets#hash-generation>

use node_core::{InstalledSet, SetFlags, SetKind, StickerSet, Toggle};
use tl::enums;
use tl::enums::messages as e;
use tl::functions::messages as f;
use tl::types::messages as t;

use super::page_limit;
use crate::project;
use crate::rpc::resolve::hash_of;
use crate::rpc::stickers::{full, set_name};
use crate::rpc::{Context, RpcResult};

/// Sets that one call may name.
const SETS_MAX: usize = 200;

fn kind_of(masks: bool, emojis: bool) -> SetKind {
    match (masks, emojis) {
        (true, _) => SetKind::Masks,
        (false, true) => SetKind::Emoji,
        (false, false) => SetKind::Stickers,
    }
}

/// `messages.getStickerSet#c8a0ec74 stickerset:InputStickerSet hash:int = messages.StickerSet`
pub(in crate::rpc) async fn get_sticker_set(
    ctx: &Context,
    request: f::GetStickerSet,
) -> RpcResult<e::StickerSet> {
    let set = ctx.shared.core.sticker_set(&set_name(&request.stickerset)?)?;
    Ok(if request.hash != 0 && request.hash == set.version {
        t::StickerSetNotModified {}.into()
    } else {
        full(ctx, &set)?.into()
    })
}

/// `messages.installStickerSet#c78fe460 stickerset:InputStickerSet archived:Bool =
/// messages.StickerSetInstallResult`
pub(in crate::rpc) async fn install_sticker_set(
    ctx: &Context,
    request: f::InstallStickerSet,
) -> RpcResult<e::StickerSetInstallResult> {
    let (core, owner) = (&ctx.shared.core, ctx.user()?);
    let name = set_name(&request.stickerset)?;
    let gone = core.install_set(ctx.actor()?, owner, name, request.archived).await?;
    if gone.is_empty() {
        return Ok(t::StickerSetInstallResultSuccess {}.into());
    }
    let mut sets = Vec::with_capacity(gone.len());
    for id in gone {
        if let Ok(set) = core.sticker_set(&node_core::SetName::Id(id)) {
            sets.push(covered(ctx, &set)?);
        }
    }
    Ok(t::StickerSetInstallResultArchive { sets }.into())
}

/// `messages.uninstallStickerSet#f96e55de stickerset:InputStickerSet = Bool`
pub(in crate::rpc) async fn uninstall_sticker_set(
    ctx: &Context,
    request: f::UninstallStickerSet,
) -> RpcResult<bool> {
    let name = set_name(&request.stickerset)?;
    ctx.shared.core.uninstall_set(ctx.actor()?, ctx.user()?, name).await?;
    Ok(true)
}

/// `messages.toggleStickerSets#b5052fea flags:# uninstall:flags.0?true archive:flags.1?true
/// unarchive:flags.2?true stickersets:Vector<InputStickerSet> = Bool`
pub(in crate::rpc) async fn toggle_sticker_sets(
    ctx: &Context,
    request: f::ToggleStickerSets,
) -> RpcResult<bool> {
    let how = match (request.uninstall, request.archive, request.unarchive) {
        (true, _, _) => Toggle::Uninstall,
        (_, true, _) => Toggle::Archive,
        (_, _, true) => Toggle::Unarchive,
        _ => return Ok(true),
    };
    // The special ones are in nobody's lists.
    let named = request.stickersets.iter().take(SETS_MAX);
    let names = named.filter_map(|named| set_name(named).ok()).collect();
    ctx.shared.core.toggle_sets(ctx.actor()?, ctx.user()?, names, how).await?;
    Ok(true)
}

/// `messages.reorderStickerSets#78337739 flags:# masks:flags.0?true emojis:flags.1?true
/// order:Vector<long> = Bool`
pub(in crate::rpc) async fn reorder_sticker_sets(
    ctx: &Context,
    request: f::ReorderStickerSets,
) -> RpcResult<bool> {
    let kind = kind_of(request.masks, request.emojis);
    ctx.shared.core.reorder_sets(ctx.actor()?, ctx.user()?, kind, request.order).await?;
    Ok(true)
}

fn installed(ctx: &Context, kind: SetKind, hash: i64) -> RpcResult<e::AllStickers> {
    let view = ctx.view()?;
    let found = view.core.installed_sets(view.viewer, kind)?;
    let own = hash_of(found.iter().map(|installed| i64::from(installed.set.version)));
    if hash != 0 && hash == own {
        return Ok(t::AllStickersNotModified {}.into());
    }
    let sets = found.iter().map(|found| project::sticker_set(view, &found.set, found.flags));
    let sets = sets.collect::<node_core::CoreResult<_>>()?;
    Ok(t::AllStickers { hash: own, sets }.into())
}

/// `messages.getAllStickers#b8a0a1a8 hash:long = messages.AllStickers`
pub(in crate::rpc) async fn get_all_stickers(
    ctx: &Context,
    request: f::GetAllStickers,
) -> RpcResult<e::AllStickers> {
    installed(ctx, SetKind::Stickers, request.hash)
}

/// `messages.getEmojiStickers#fbfca18f hash:long = messages.AllStickers`
pub(in crate::rpc) async fn get_emoji_stickers(
    ctx: &Context,
    request: f::GetEmojiStickers,
) -> RpcResult<e::AllStickers> {
    installed(ctx, SetKind::Emoji, request.hash)
}

/// `messages.getMaskStickers#640f82b8 hash:long = messages.AllStickers`
pub(in crate::rpc) async fn get_mask_stickers(
    ctx: &Context,
    request: f::GetMaskStickers,
) -> RpcResult<e::AllStickers> {
    installed(ctx, SetKind::Masks, request.hash)
}

fn covered(ctx: &Context, set: &StickerSet) -> RpcResult<enums::StickerSetCovered> {
    let view = ctx.view()?;
    let flags: SetFlags = view.core.set_flags(view.viewer, set)?;
    Ok(project::covered_set(view, set, flags)?)
}

/// `messages.getArchivedStickers#57f17692 flags:# masks:flags.0?true emojis:flags.1?true
/// offset_id:long limit:int = messages.ArchivedStickers`
pub(in crate::rpc) async fn get_archived_stickers(
    ctx: &Context,
    request: f::GetArchivedStickers,
) -> RpcResult<t::ArchivedStickers> {
    let kind = kind_of(request.masks, request.emojis);
    let found = ctx.shared.core.archived_sets(ctx.user()?, kind)?;
    let count = found.len() as i32;
    let first = after(&found, request.offset_id, |found: &InstalledSet| found.set.id);
    let page = found.iter().skip(first).take(page_limit(request.limit));
    let sets = page.map(|found| covered(ctx, &found.set)).collect::<RpcResult<_>>()?;
    Ok(t::ArchivedStickers { count, sets })
}

/// `messages.getMyStickers#d0b5e1fc offset_id:long limit:int = messages.MyStickers`
pub(in crate::rpc) async fn get_my_stickers(
    ctx: &Context,
    request: f::GetMyStickers,
) -> RpcResult<t::MyStickers> {
    let found = ctx.shared.core.own_sets(ctx.user()?).await?;
    let count = found.len() as i32;
    let first = after(&found, request.offset_id, |set: &StickerSet| set.id);
    let page = found.iter().skip(first).take(page_limit(request.limit));
    let sets = page.map(|set| covered(ctx, set)).collect::<RpcResult<_>>()?;
    Ok(t::MyStickers { count, sets })
}

/// Where a page begins: behind the last one that the client has.
fn after<T>(all: &[T], last: i64, id: impl Fn(&T) -> i64) -> usize {
    all.iter().position(|one| id(one) == last).map_or(0, |at| at + 1)
}

async fn search(
    ctx: &Context,
    kind: SetKind,
    query: &str,
    hash: i64,
) -> RpcResult<e::FoundStickerSets> {
    let found = ctx.shared.core.search_sets(kind, query).await?;
    let own = hash_of(found.iter().map(|set| set.id));
    if hash != 0 && hash == own {
        return Ok(t::FoundStickerSetsNotModified {}.into());
    }
    let sets = found.iter().map(|set| covered(ctx, set)).collect::<RpcResult<_>>()?;
    Ok(t::FoundStickerSets { hash: own, sets }.into())
}

/// `messages.searchStickerSets#35705b8a flags:# exclude_featured:flags.0?true q:string hash:long =
/// messages.FoundStickerSets`
pub(in crate::rpc) async fn search_sticker_sets(
    ctx: &Context,
    request: f::SearchStickerSets,
) -> RpcResult<e::FoundStickerSets> {
    search(ctx, SetKind::Stickers, &request.q, request.hash).await
}

/// `messages.searchEmojiStickerSets#92b4494c flags:# exclude_featured:flags.0?true q:string
/// hash:long = messages.FoundStickerSets`
pub(in crate::rpc) async fn search_emoji_sticker_sets(
    ctx: &Context,
    request: f::SearchEmojiStickerSets,
) -> RpcResult<e::FoundStickerSets> {
    search(ctx, SetKind::Emoji, &request.q, request.hash).await
}
