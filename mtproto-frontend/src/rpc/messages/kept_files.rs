//! Files that a member keeps at hand, and stickers that are found: recent and favourite stickers,
//! saved GIFs, custom emoji.
//!
//! Clients compute the hash of these lists from the ids in them, and TDLib logs an error where its
//! own differs: for an empty list it is 0.
//! Source: <https://core.telegram.org/api/offsets#hash-generation>

use node_core::{CoreResult, FileId, Kept, Origin, SetKind};
use tl::enums::messages as e;
use tl::functions::messages as f;
use tl::types::messages as t;
use tl::{enums, types};

use crate::project;
use crate::rpc::resolve::hash_of;
use crate::rpc::stickers::{named_document, shared_document};
use crate::rpc::{Context, RpcError, RpcResult};

/// Custom emoji that one call may name: as many as clients ask for at once.
const EMOJI_MAX: usize = 200;

const STICKER_ID_INVALID: RpcError = RpcError::new(400, "STICKER_ID_INVALID");
const GIF_ID_INVALID: RpcError = RpcError::new(400, "GIF_ID_INVALID");

/// Kept files that are still there, and when they were kept.
struct Files {
    hash: i64,
    documents: Vec<enums::Document>,
    dates: Vec<i32>,
    packs: Vec<enums::StickerPack>,
}

/// `None`: the client has them.
fn files(ctx: &Context, what: Kept, hash: i64) -> RpcResult<Option<Files>> {
    let view = ctx.view()?;
    let kept = view.core.kept(view.viewer, what)?;
    let (mut documents, mut dates, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let mut packs: Vec<(String, Vec<i64>)> = Vec::new();
    for (file, date) in kept {
        let Some(found) = view.core.document(file)? else { continue };
        let alt = found.attributes.iter().find_map(|is| match is {
            node_core::DocumentAttribute::Sticker { alt, .. } => Some(alt.clone()),
            _ => None,
        });
        if let Some(alt) = alt {
            match packs.iter_mut().find(|(known, _)| *known == alt) {
                Some((_, of)) => of.push(file.0),
                None => packs.push((alt, vec![file.0])),
            }
        }
        documents.push(project::document(view, Origin::Own, &found));
        dates.push(date);
        ids.push(file.0);
    }
    let own = hash_of(ids);
    let packs = packs
        .into_iter()
        .map(|(emoticon, documents)| types::StickerPack { emoticon, documents }.into());
    let packs = packs.collect();
    let known = hash != 0 && hash == own;
    Ok((!known).then_some(Files { hash: own, documents, dates, packs }))
}

const fn recent(attached: bool) -> Kept {
    if attached { Kept::RecentAttached } else { Kept::Recent }
}

/// `messages.getRecentStickers#9da9403b flags:# attached:flags.0?true hash:long =
/// messages.RecentStickers`
pub(in crate::rpc) async fn get_recent_stickers(
    ctx: &Context,
    request: f::GetRecentStickers,
) -> RpcResult<e::RecentStickers> {
    Ok(match files(ctx, recent(request.attached), request.hash)? {
        None => t::RecentStickersNotModified {}.into(),
        Some(Files { hash, packs, documents: stickers, dates }) => {
            t::RecentStickers { hash, packs, stickers, dates }.into()
        }
    })
}

/// `messages.saveRecentSticker#392718f8 flags:# attached:flags.0?true id:InputDocument unsave:Bool =
/// Bool`
pub(in crate::rpc) async fn save_recent_sticker(
    ctx: &Context,
    request: f::SaveRecentSticker,
) -> RpcResult<bool> {
    let what = recent(request.attached);
    keep(ctx, what, &request.id, !request.unsave, STICKER_ID_INVALID).await
}

/// `messages.clearRecentStickers#8999602d flags:# attached:flags.0?true = Bool`
pub(in crate::rpc) async fn clear_recent_stickers(
    ctx: &Context,
    request: f::ClearRecentStickers,
) -> RpcResult<bool> {
    let what = recent(request.attached);
    ctx.shared.core.clear_kept(ctx.actor()?, ctx.user()?, what).await?;
    Ok(true)
}

/// `messages.getFavedStickers#04f1aaa9 hash:long = messages.FavedStickers`
pub(in crate::rpc) async fn get_faved_stickers(
    ctx: &Context,
    request: f::GetFavedStickers,
) -> RpcResult<e::FavedStickers> {
    Ok(match files(ctx, Kept::Faved, request.hash)? {
        None => t::FavedStickersNotModified {}.into(),
        Some(Files { hash, packs, documents: stickers, .. }) => {
            t::FavedStickers { hash, packs, stickers }.into()
        }
    })
}

/// `messages.faveSticker#b9ffc55b id:InputDocument unfave:Bool = Bool`
pub(in crate::rpc) async fn fave_sticker(
    ctx: &Context,
    request: f::FaveSticker,
) -> RpcResult<bool> {
    keep(ctx, Kept::Faved, &request.id, !request.unfave, STICKER_ID_INVALID).await
}

/// `messages.getSavedGifs#5cf09635 hash:long = messages.SavedGifs`
pub(in crate::rpc) async fn get_saved_gifs(
    ctx: &Context,
    request: f::GetSavedGifs,
) -> RpcResult<e::SavedGifs> {
    Ok(match files(ctx, Kept::Gifs, request.hash)? {
        None => t::SavedGifsNotModified {}.into(),
        Some(Files { hash, documents: gifs, .. }) => t::SavedGifs { hash, gifs }.into(),
    })
}

/// `messages.saveGif#327a30cb id:InputDocument unsave:Bool = Bool`
pub(in crate::rpc) async fn save_gif(ctx: &Context, request: f::SaveGif) -> RpcResult<bool> {
    keep(ctx, Kept::Gifs, &request.id, !request.unsave, GIF_ID_INVALID).await
}

async fn keep(
    ctx: &Context,
    what: Kept,
    named: &enums::InputDocument,
    keeps: bool,
    invalid: RpcError,
) -> RpcResult<bool> {
    // Whoever has kept it may let it go, wherever it was seen.
    let file = match keeps {
        true => shared_document(ctx, named, invalid)?,
        false => named_document(ctx, named, invalid)?,
    };
    ctx.shared.core.keep(ctx.actor()?, ctx.user()?, what, file, keeps).await?;
    Ok(true)
}

/// `messages.getStickers#d5a5d3a1 emoticon:string hash:long = messages.Stickers`
///
/// Those of installed sets first, then those of the node.
pub(in crate::rpc) async fn get_stickers(
    ctx: &Context,
    request: f::GetStickers,
) -> RpcResult<e::Stickers> {
    let view = ctx.view()?;
    let emoticon = request.emoticon.trim();
    if emoticon.is_empty() {
        return Err(RpcError::new(400, "EMOTICON_EMPTY"));
    }
    let mut found = view.core.stickers_for(view.viewer, emoticon).await?;
    let emoji = [emoticon.to_owned()];
    for other in view.core.search_stickers(SetKind::Stickers, &emoji, "").await? {
        if !found.contains(&other) {
            found.push(other);
        }
    }
    let hash = hash_of(found.iter().map(|one| one.document.0));
    if request.hash != 0 && request.hash == hash {
        return Ok(t::StickersNotModified {}.into());
    }
    let stickers = project::found_stickers(view, &found)?;
    Ok(t::Stickers { hash, stickers }.into())
}

/// `messages.searchStickers#29b1c66a flags:# emojis:flags.0?true q:string emoticon:string
/// lang_code:Vector<string> offset:int limit:int hash:long = messages.FoundStickers`
pub(in crate::rpc) async fn search_stickers(
    ctx: &Context,
    request: f::SearchStickers,
) -> RpcResult<e::FoundStickers> {
    let view = ctx.view()?;
    let kind = if request.emojis { SetKind::Emoji } else { SetKind::Stickers };
    let emoji: Vec<String> =
        request.emoticon.split_whitespace().take(EMOJI_MAX).map(str::to_owned).collect();
    let found = view.core.search_stickers(kind, &emoji, &request.q).await?;
    let hash = hash_of(found.iter().map(|one| one.document.0));
    let first = usize::try_from(request.offset).unwrap_or(0);
    let limit = super::page_limit(request.limit);
    let page: Vec<_> = found.iter().skip(first).take(limit).copied().collect();
    let end = first.saturating_add(page.len());
    let next_offset = (end < found.len()).then(|| i32::try_from(end).unwrap_or(i32::MAX));
    if request.hash != 0 && request.hash == hash {
        return Ok(t::FoundStickersNotModified { next_offset }.into());
    }
    let stickers = project::found_stickers(view, &page)?;
    Ok(t::FoundStickers { next_offset, hash, stickers }.into())
}

/// `messages.searchCustomEmoji#2c11c0d7 emoticon:string hash:long = EmojiList`
pub(in crate::rpc) async fn search_custom_emoji(
    ctx: &Context,
    request: f::SearchCustomEmoji,
) -> RpcResult<enums::EmojiList> {
    let emoji = [request.emoticon.trim().to_owned()];
    let found = ctx.shared.core.search_stickers(SetKind::Emoji, &emoji, "").await?;
    let document_id: Vec<i64> = found.iter().map(|one| one.document.0).collect();
    let hash = hash_of(document_id.iter().copied());
    Ok(if request.hash != 0 && request.hash == hash {
        types::EmojiListNotModified {}.into()
    } else {
        types::EmojiList { hash, document_id }.into()
    })
}

/// `messages.getCustomEmojiDocuments#d9ab0f54 document_id:Vector<long> = Vector<Document>`
///
/// Emoji that are not here are left out.
pub(in crate::rpc) async fn get_custom_emoji_documents(
    ctx: &Context,
    request: f::GetCustomEmojiDocuments,
) -> RpcResult<Vec<enums::Document>> {
    let wanted: Vec<FileId> =
        request.document_id.iter().take(EMOJI_MAX).map(|id| FileId(*id)).collect();
    // Those of other nodes, as far as these can be asked.
    ctx.shared.core.fetch_emoji(ctx.user()?, &wanted).await?;
    let view = ctx.view()?;
    let ids = request.document_id.iter().take(EMOJI_MAX);
    let found = ids.map(|id| {
        let file = FileId(*id);
        let is = view.core.document(file)?.is_some_and(|document| {
            let emoji = |is: &_| matches!(is, node_core::DocumentAttribute::CustomEmoji { .. });
            document.attributes.iter().any(emoji)
        });
        if is { project::sticker_of(view, file, Origin::CustomEmoji) } else { Ok(None) }
    });
    let found: Vec<Option<enums::Document>> = found.collect::<CoreResult<_>>()?;
    Ok(found.into_iter().flatten().collect())
}
