//! `account.getAutoDownloadSettings#56da0b3f = account.AutoDownloadSettings`,
//! `account.saveAutoDownloadSettings#76f36233 flags:# low:flags.0?true high:flags.1?true
//! settings:AutoDownloadSettings = Bool`
//!
//! The three presets of a client's data settings. What a client does with them is the client's.
//! Source: <https://core.telegram.org/method/account.getAutoDownloadSettings>

use node_core::{AutoDownload, DownloadPreset};
use tl::enums;
use tl::functions::account::{GetAutoDownloadSettings, SaveAutoDownloadSettings};
use tl::types::{self, account as t};

use crate::rpc::{Context, RpcResult};

const MIB: i32 = 1 << 20;

pub(in crate::rpc) async fn get_auto_download_settings(
    ctx: &Context,
    _: GetAutoDownloadSettings,
) -> RpcResult<t::AutoDownloadSettings> {
    let [low, medium, high] = defaults();
    Ok(t::AutoDownloadSettings {
        low: preset(ctx, DownloadPreset::Low, low).await?,
        medium: preset(ctx, DownloadPreset::Medium, medium).await?,
        high: preset(ctx, DownloadPreset::High, high).await?,
    })
}

pub(in crate::rpc) async fn save_auto_download_settings(
    ctx: &Context,
    request: SaveAutoDownloadSettings,
) -> RpcResult<bool> {
    let preset = match (request.low, request.high) {
        (true, _) => DownloadPreset::Low,
        (false, true) => DownloadPreset::High,
        (false, false) => DownloadPreset::Medium,
    };
    let enums::AutoDownloadSettings::AutoDownloadSettings(sent) = request.settings;
    let set = AutoDownload {
        disabled: sent.disabled,
        video_preload_large: sent.video_preload_large,
        audio_preload_next: sent.audio_preload_next,
        phonecalls_less_data: sent.phonecalls_less_data,
        stories_preload: sent.stories_preload,
        photo_size_max: sent.photo_size_max,
        video_size_max: sent.video_size_max,
        file_size_max: sent.file_size_max,
        video_upload_maxbitrate: sent.video_upload_maxbitrate,
        small_queue_active_operations_max: sent.small_queue_active_operations_max,
        large_queue_active_operations_max: sent.large_queue_active_operations_max,
    };
    let (owner, actor) = (ctx.user()?, ctx.actor()?);
    ctx.shared.core.set_auto_download(Some(actor), owner, preset, set).await?;
    Ok(true)
}

async fn preset(
    ctx: &Context,
    preset: DownloadPreset,
    default: types::AutoDownloadSettings,
) -> RpcResult<enums::AutoDownloadSettings> {
    let set = ctx.shared.core.auto_download(ctx.user()?, preset).await?;
    let Some(set) = set else { return Ok(default.into()) };
    Ok(types::AutoDownloadSettings {
        disabled: set.disabled,
        video_preload_large: set.video_preload_large,
        audio_preload_next: set.audio_preload_next,
        phonecalls_less_data: set.phonecalls_less_data,
        stories_preload: set.stories_preload,
        photo_size_max: set.photo_size_max,
        video_size_max: set.video_size_max,
        file_size_max: set.file_size_max,
        video_upload_maxbitrate: set.video_upload_maxbitrate,
        small_queue_active_operations_max: set.small_queue_active_operations_max,
        large_queue_active_operations_max: set.large_queue_active_operations_max,
    }
    .into())
}

/// Low, medium and high, with the numbers that Telegram shows.
fn defaults() -> [types::AutoDownloadSettings; 3] {
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
    [low, medium, high]
}
