//! `messages.*`: stickers, masks, custom emoji and GIFs. A node has no sets yet.
//!
//! Clients compute the hash of most of these lists from the ids in them, and TDLib logs an error
//! where its own differs: for an empty list it is 0.
//! Source: <https://core.telegram.org/api/offsets#hash-generation>

use tl::enums;
use tl::functions::messages as f;
use tl::types::{self, messages as t};

use crate::rpc::{Context, RpcError, RpcResult};

/// `messages.getStickers#d5a5d3a1 emoticon:string hash:long = messages.Stickers`
pub(in crate::rpc) async fn get_stickers(_: &Context, _: f::GetStickers) -> RpcResult<t::Stickers> {
    Ok(t::Stickers::default())
}

/// `messages.getAllStickers#b8a0a1a8 hash:long = messages.AllStickers`
pub(in crate::rpc) async fn get_all_stickers(
    _: &Context,
    _: f::GetAllStickers,
) -> RpcResult<t::AllStickers> {
    Ok(t::AllStickers::default())
}

/// `messages.getEmojiStickers#fbfca18f hash:long = messages.AllStickers`
pub(in crate::rpc) async fn get_emoji_stickers(
    _: &Context,
    _: f::GetEmojiStickers,
) -> RpcResult<t::AllStickers> {
    Ok(t::AllStickers::default())
}

/// `messages.getMaskStickers#640f82b8 hash:long = messages.AllStickers`
pub(in crate::rpc) async fn get_mask_stickers(
    _: &Context,
    _: f::GetMaskStickers,
) -> RpcResult<t::AllStickers> {
    Ok(t::AllStickers::default())
}

/// `messages.getFavedStickers#04f1aaa9 hash:long = messages.FavedStickers`
pub(in crate::rpc) async fn get_faved_stickers(
    _: &Context,
    _: f::GetFavedStickers,
) -> RpcResult<t::FavedStickers> {
    Ok(t::FavedStickers::default())
}

/// `messages.getRecentStickers#9da9403b flags:# attached:flags.0?true hash:long =
/// messages.RecentStickers`
pub(in crate::rpc) async fn get_recent_stickers(
    _: &Context,
    _: f::GetRecentStickers,
) -> RpcResult<t::RecentStickers> {
    Ok(t::RecentStickers::default())
}

/// `messages.getFeaturedStickers#64780b14 hash:long = messages.FeaturedStickers`
pub(in crate::rpc) async fn get_featured_stickers(
    _: &Context,
    _: f::GetFeaturedStickers,
) -> RpcResult<t::FeaturedStickers> {
    Ok(t::FeaturedStickers::default())
}

/// `messages.getFeaturedEmojiStickers#0ecf6736 hash:long = messages.FeaturedStickers`
pub(in crate::rpc) async fn get_featured_emoji_stickers(
    _: &Context,
    _: f::GetFeaturedEmojiStickers,
) -> RpcResult<t::FeaturedStickers> {
    Ok(t::FeaturedStickers::default())
}

/// `messages.getOldFeaturedStickers#7ed094a1 offset:int limit:int hash:long =
/// messages.FeaturedStickers`
pub(in crate::rpc) async fn get_old_featured_stickers(
    _: &Context,
    _: f::GetOldFeaturedStickers,
) -> RpcResult<t::FeaturedStickers> {
    Ok(t::FeaturedStickers::default())
}

/// `messages.getArchivedStickers#57f17692 flags:# masks:flags.0?true emojis:flags.1?true
/// offset_id:long limit:int = messages.ArchivedStickers`
pub(in crate::rpc) async fn get_archived_stickers(
    _: &Context,
    _: f::GetArchivedStickers,
) -> RpcResult<t::ArchivedStickers> {
    Ok(t::ArchivedStickers::default())
}

/// `messages.getMyStickers#d0b5e1fc offset_id:long limit:int = messages.MyStickers`
pub(in crate::rpc) async fn get_my_stickers(
    _: &Context,
    _: f::GetMyStickers,
) -> RpcResult<t::MyStickers> {
    Ok(t::MyStickers::default())
}

/// `messages.getStickerSet#c8a0ec74 stickerset:InputStickerSet hash:int = messages.StickerSet`
///
/// The special sets (animated emoji, dice, topic icons), which every client asks for, are no
/// exception: clients know this error and go on without.
pub(in crate::rpc) async fn get_sticker_set(
    _: &Context,
    _: f::GetStickerSet,
) -> RpcResult<t::StickerSet> {
    Err(RpcError::new(406, "STICKERSET_INVALID"))
}

/// `messages.getCustomEmojiDocuments#d9ab0f54 document_id:Vector<long> = Vector<Document>`
///
/// Emoji that are not here are left out.
pub(in crate::rpc) async fn get_custom_emoji_documents(
    _: &Context,
    _: f::GetCustomEmojiDocuments,
) -> RpcResult<Vec<enums::Document>> {
    Ok(Vec::new())
}

/// `messages.searchStickerSets#35705b8a flags:# exclude_featured:flags.0?true q:string hash:long =
/// messages.FoundStickerSets`
pub(in crate::rpc) async fn search_sticker_sets(
    _: &Context,
    _: f::SearchStickerSets,
) -> RpcResult<t::FoundStickerSets> {
    Ok(t::FoundStickerSets::default())
}

/// `messages.searchEmojiStickerSets#92b4494c flags:# exclude_featured:flags.0?true q:string
/// hash:long = messages.FoundStickerSets`
pub(in crate::rpc) async fn search_emoji_sticker_sets(
    _: &Context,
    _: f::SearchEmojiStickerSets,
) -> RpcResult<t::FoundStickerSets> {
    Ok(t::FoundStickerSets::default())
}

/// `messages.searchStickers#29b1c66a flags:# emojis:flags.0?true q:string emoticon:string
/// lang_code:Vector<string> offset:int limit:int hash:long = messages.FoundStickers`
pub(in crate::rpc) async fn search_stickers(
    _: &Context,
    _: f::SearchStickers,
) -> RpcResult<t::FoundStickers> {
    Ok(t::FoundStickers::default())
}

/// `messages.searchCustomEmoji#2c11c0d7 emoticon:string hash:long = EmojiList`
pub(in crate::rpc) async fn search_custom_emoji(
    _: &Context,
    _: f::SearchCustomEmoji,
) -> RpcResult<types::EmojiList> {
    Ok(types::EmojiList::default())
}

/// `messages.getSavedGifs#5cf09635 hash:long = messages.SavedGifs`
pub(in crate::rpc) async fn get_saved_gifs(
    _: &Context,
    _: f::GetSavedGifs,
) -> RpcResult<t::SavedGifs> {
    Ok(t::SavedGifs::default())
}
