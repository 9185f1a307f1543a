//! `account.*`: settings that nobody has changed, because nobody can yet.

use tl::enums::NotificationSound;
use tl::functions::account as f;
use tl::types::{self, account as t};

use crate::rpc::{Context, RpcResult};

const MIB: i32 = 1 << 20;

/// `account.getAutoDownloadSettings#56da0b3f = account.AutoDownloadSettings`
///
/// The three presets of a client's data settings, with the numbers that Telegram shows. What a
/// client does with them is kept by the client.
pub(in crate::rpc) async fn get_auto_download_settings(
    _: &Context,
    _: f::GetAutoDownloadSettings,
) -> RpcResult<t::AutoDownloadSettings> {
    let common = types::AutoDownloadSettings {
        audio_preload_next: true,
        photo_size_max: MIB,
        video_upload_maxbitrate: 100,
        small_queue_active_operations_max: 5,
        large_queue_active_operations_max: 2,
        ..Default::default()
    };
    let low = types::AutoDownloadSettings {
        phonecalls_less_data: true,
        audio_preload_next: false,
        video_upload_maxbitrate: 50,
        ..common.clone()
    };
    let medium = types::AutoDownloadSettings {
        video_preload_large: true,
        video_size_max: i64::from(10 * MIB),
        file_size_max: i64::from(MIB),
        ..common.clone()
    };
    let high = types::AutoDownloadSettings {
        video_preload_large: true,
        stories_preload: true,
        video_size_max: i64::from(15 * MIB),
        file_size_max: i64::from(3 * MIB),
        ..common
    };
    Ok(t::AutoDownloadSettings { low: low.into(), medium: medium.into(), high: high.into() })
}

/// `account.getAutoSaveSettings#adcbbcda = account.AutoSaveSettings`
///
/// Nothing is saved to a device's gallery by itself.
pub(in crate::rpc) async fn get_auto_save_settings(
    _: &Context,
    _: f::GetAutoSaveSettings,
) -> RpcResult<t::AutoSaveSettings> {
    Ok(t::AutoSaveSettings::default())
}

/// `account.getContentSettings#8b9b4dae = account.ContentSettings`
///
/// A node marks nothing as sensitive.
pub(in crate::rpc) async fn get_content_settings(
    _: &Context,
    _: f::GetContentSettings,
) -> RpcResult<t::ContentSettings> {
    Ok(t::ContentSettings::default())
}

/// `account.getReactionsNotifySettings#06dd654c = ReactionsNotifySettings`
pub(in crate::rpc) async fn get_reactions_notify_settings(
    _: &Context,
    _: f::GetReactionsNotifySettings,
) -> RpcResult<types::ReactionsNotifySettings> {
    let contacts = Some(types::ReactionNotificationsFromContacts {}.into());
    Ok(types::ReactionsNotifySettings {
        messages_notify_from: contacts.clone(),
        stories_notify_from: contacts.clone(),
        poll_votes_notify_from: contacts,
        sound: sound(),
        show_previews: true,
    })
}

fn sound() -> NotificationSound {
    types::NotificationSoundDefault {}.into()
}
