//! `messages.*`: words and groups that find an emoji. A node has none: clients have their own.

use tl::enums;
use tl::functions::messages as f;
use tl::types::{EmojiKeywordsDifference, messages as t};

use crate::rpc::empty::CHOSEN_HASH;
use crate::rpc::{Context, RpcResult};

/// Version of the (empty) keywords of every language. Clients ask for a difference from theirs.
const VERSION: i32 = 1;

/// `messages.getEmojiKeywords#35a0e062 lang_code:string = EmojiKeywordsDifference`
pub(in crate::rpc) async fn get_emoji_keywords(
    _: &Context,
    request: f::GetEmojiKeywords,
) -> RpcResult<EmojiKeywordsDifference> {
    Ok(no_keywords(request.lang_code, 0))
}

/// `messages.getEmojiKeywordsDifference#1508b6af lang_code:string from_version:int =
/// EmojiKeywordsDifference`
pub(in crate::rpc) async fn get_emoji_keywords_difference(
    _: &Context,
    request: f::GetEmojiKeywordsDifference,
) -> RpcResult<EmojiKeywordsDifference> {
    Ok(no_keywords(request.lang_code, request.from_version))
}

/// `messages.getEmojiKeywordsLanguages#4e9963b2 lang_codes:Vector<string> = Vector<EmojiLanguage>`
///
/// No language has keywords.
pub(in crate::rpc) async fn get_emoji_keywords_languages(
    _: &Context,
    _: f::GetEmojiKeywordsLanguages,
) -> RpcResult<Vec<enums::EmojiLanguage>> {
    Ok(Vec::new())
}

/// `messages.getEmojiGroups#7488ce5b hash:int = messages.EmojiGroups`
pub(in crate::rpc) async fn get_emoji_groups(
    _: &Context,
    request: f::GetEmojiGroups,
) -> RpcResult<enums::messages::EmojiGroups> {
    Ok(no_groups(request.hash))
}

/// `messages.getEmojiStatusGroups#2ecd56cd hash:int = messages.EmojiGroups`
pub(in crate::rpc) async fn get_emoji_status_groups(
    _: &Context,
    request: f::GetEmojiStatusGroups,
) -> RpcResult<enums::messages::EmojiGroups> {
    Ok(no_groups(request.hash))
}

/// `messages.getEmojiProfilePhotoGroups#21a548f3 hash:int = messages.EmojiGroups`
pub(in crate::rpc) async fn get_emoji_profile_photo_groups(
    _: &Context,
    request: f::GetEmojiProfilePhotoGroups,
) -> RpcResult<enums::messages::EmojiGroups> {
    Ok(no_groups(request.hash))
}

/// `messages.getEmojiStickerGroups#1dd840f5 hash:int = messages.EmojiGroups`
pub(in crate::rpc) async fn get_emoji_sticker_groups(
    _: &Context,
    request: f::GetEmojiStickerGroups,
) -> RpcResult<enums::messages::EmojiGroups> {
    Ok(no_groups(request.hash))
}

/// TDLib logs an error unless language and version come back, and the new version is no older.
fn no_keywords(lang_code: String, from_version: i32) -> EmojiKeywordsDifference {
    EmojiKeywordsDifference {
        lang_code,
        from_version,
        version: from_version.max(VERSION),
        keywords: Vec::new(),
    }
}

fn no_groups(known: i32) -> enums::messages::EmojiGroups {
    if known == CHOSEN_HASH {
        t::EmojiGroupsNotModified {}.into()
    } else {
        t::EmojiGroups { hash: CHOSEN_HASH, groups: Vec::new() }.into()
    }
}
