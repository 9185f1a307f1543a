//! `account.*`: lists in which a node has nothing to show yet.
//!
//! Clients ask for them at every start, and some go no further without an answer.

use tl::functions::account as f;
use tl::types::{self, account as t};

use crate::rpc::empty::CHOSEN_HASH;
use crate::rpc::{Context, RpcResult};

/// `account.getThemes#7206e458 format:string hash:long = account.Themes`
pub(in crate::rpc) async fn get_themes(_: &Context, _: f::GetThemes) -> RpcResult<t::Themes> {
    Ok(t::Themes::default())
}

/// `account.getChatThemes#d638de89 hash:long = account.Themes`
pub(in crate::rpc) async fn get_chat_themes(
    _: &Context,
    _: f::GetChatThemes,
) -> RpcResult<t::Themes> {
    Ok(t::Themes::default())
}

/// `account.getUniqueGiftChatThemes#e42ce9c9 offset:string limit:int hash:long =
/// account.ChatThemes`
pub(in crate::rpc) async fn get_unique_gift_chat_themes(
    _: &Context,
    _: f::GetUniqueGiftChatThemes,
) -> RpcResult<t::ChatThemes> {
    Ok(t::ChatThemes::default())
}

/// `account.getWallPapers#07967d36 hash:long = account.WallPapers`
pub(in crate::rpc) async fn get_wall_papers(
    _: &Context,
    _: f::GetWallPapers,
) -> RpcResult<t::WallPapers> {
    Ok(t::WallPapers::default())
}

/// `account.getDefaultEmojiStatuses#d6753386 hash:long = account.EmojiStatuses`
pub(in crate::rpc) async fn get_default_emoji_statuses(
    _: &Context,
    _: f::GetDefaultEmojiStatuses,
) -> RpcResult<t::EmojiStatuses> {
    Ok(t::EmojiStatuses::default())
}

/// `account.getRecentEmojiStatuses#0f578105 hash:long = account.EmojiStatuses`
pub(in crate::rpc) async fn get_recent_emoji_statuses(
    _: &Context,
    _: f::GetRecentEmojiStatuses,
) -> RpcResult<t::EmojiStatuses> {
    Ok(t::EmojiStatuses::default())
}

/// `account.getCollectibleEmojiStatuses#2e7b4543 hash:long = account.EmojiStatuses`
pub(in crate::rpc) async fn get_collectible_emoji_statuses(
    _: &Context,
    _: f::GetCollectibleEmojiStatuses,
) -> RpcResult<t::EmojiStatuses> {
    Ok(t::EmojiStatuses::default())
}

/// `account.getChannelDefaultEmojiStatuses#7727a7d5 hash:long = account.EmojiStatuses`
pub(in crate::rpc) async fn get_channel_default_emoji_statuses(
    _: &Context,
    _: f::GetChannelDefaultEmojiStatuses,
) -> RpcResult<t::EmojiStatuses> {
    Ok(t::EmojiStatuses::default())
}

/// `account.getDefaultBackgroundEmojis#a60ab9ce hash:long = EmojiList`
pub(in crate::rpc) async fn get_default_background_emojis(
    _: &Context,
    _: f::GetDefaultBackgroundEmojis,
) -> RpcResult<types::EmojiList> {
    Ok(types::EmojiList::default())
}

/// `account.getDefaultProfilePhotoEmojis#e2750328 hash:long = EmojiList`
pub(in crate::rpc) async fn get_default_profile_photo_emojis(
    _: &Context,
    _: f::GetDefaultProfilePhotoEmojis,
) -> RpcResult<types::EmojiList> {
    Ok(types::EmojiList::default())
}

/// `account.getDefaultGroupPhotoEmojis#915860ae hash:long = EmojiList`
pub(in crate::rpc) async fn get_default_group_photo_emojis(
    _: &Context,
    _: f::GetDefaultGroupPhotoEmojis,
) -> RpcResult<types::EmojiList> {
    Ok(types::EmojiList::default())
}

/// `account.getChannelRestrictedStatusEmojis#35a9e0d5 hash:long = EmojiList`
pub(in crate::rpc) async fn get_channel_restricted_status_emojis(
    _: &Context,
    _: f::GetChannelRestrictedStatusEmojis,
) -> RpcResult<types::EmojiList> {
    Ok(types::EmojiList::default())
}

/// `account.getSavedRingtones#e1902288 hash:long = account.SavedRingtones`
pub(in crate::rpc) async fn get_saved_ringtones(
    _: &Context,
    _: f::GetSavedRingtones,
) -> RpcResult<t::SavedRingtones> {
    Ok(t::SavedRingtones::default())
}

/// `account.getWebAuthorizations#182e6d6f = account.WebAuthorizations`
pub(in crate::rpc) async fn get_web_authorizations(
    _: &Context,
    _: f::GetWebAuthorizations,
) -> RpcResult<t::WebAuthorizations> {
    Ok(t::WebAuthorizations::default())
}

/// `account.getConnectedBots#4ea4c80f = account.ConnectedBots`
pub(in crate::rpc) async fn get_connected_bots(
    _: &Context,
    _: f::GetConnectedBots,
) -> RpcResult<t::ConnectedBots> {
    Ok(t::ConnectedBots::default())
}

/// `account.getPasskeys#ea1f0c52 = account.Passkeys`
pub(in crate::rpc) async fn get_passkeys(_: &Context, _: f::GetPasskeys) -> RpcResult<t::Passkeys> {
    Ok(t::Passkeys::default())
}

/// `account.getSavedMusicIds#e09d5faf hash:long = account.SavedMusicIds`
pub(in crate::rpc) async fn get_saved_music_ids(
    _: &Context,
    _: f::GetSavedMusicIds,
) -> RpcResult<t::SavedMusicIds> {
    Ok(t::SavedMusicIds::default())
}

/// `account.getWebBrowserSettings#56655768 hash:long = account.WebBrowserSettings`
///
/// Links open as the client likes, and no domain is an exception.
pub(in crate::rpc) async fn get_web_browser_settings(
    _: &Context,
    request: f::GetWebBrowserSettings,
) -> RpcResult<tl::enums::account::WebBrowserSettings> {
    let hash = i64::from(CHOSEN_HASH);
    Ok(if request.hash == hash {
        t::WebBrowserSettingsNotModified {}.into()
    } else {
        t::WebBrowserSettings { hash, ..Default::default() }.into()
    })
}
