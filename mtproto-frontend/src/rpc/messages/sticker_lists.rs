//! `messages.*`: sets that a node would recommend. It recommends none.
//!
//! Clients compute the hash of these lists from the ids in them, and TDLib logs an error where its
//! own differs: for an empty list it is 0.
//! Source: <https://core.telegram.org/api/offsets#hash-generation>

use tl::functions::messages as f;
use tl::types::messages as t;

use crate::rpc::{Context, RpcResult};

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
