//! `account.getGlobalPrivacySettings#eb2b4cf6 = GlobalPrivacySettings`,
//! `account.setGlobalPrivacySettings#1edaaac2 settings:GlobalPrivacySettings =
//! GlobalPrivacySettings`
//!
//! What costs money elsewhere is refused: nobody pays here, or has to. Gifts are neither sent nor
//! refused.
//! Source: <https://core.telegram.org/method/account.setGlobalPrivacySettings>

use node_core::GlobalPrivacy;
use tl::enums;
use tl::functions::account::{GetGlobalPrivacySettings, SetGlobalPrivacySettings};
use tl::types::GlobalPrivacySettings;

use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_global_privacy_settings(
    ctx: &Context,
    _: GetGlobalPrivacySettings,
) -> RpcResult<GlobalPrivacySettings> {
    let set = ctx.shared.core.global_privacy(ctx.user()?).await?;
    Ok(GlobalPrivacySettings {
        hide_read_marks: set.hide_read_marks,
        keep_archived_unmuted: set.keep_archived_unmuted,
        keep_archived_folders: set.keep_archived_folders,
        ..GlobalPrivacySettings::default()
    })
}

pub(in crate::rpc) async fn set_global_privacy_settings(
    ctx: &Context,
    request: SetGlobalPrivacySettings,
) -> RpcResult<GlobalPrivacySettings> {
    let enums::GlobalPrivacySettings::GlobalPrivacySettings(sent) = request.settings;
    if sent.archive_and_mute_new_noncontact_peers {
        // As `autoarchive_setting_available` of help.getAppConfig says.
        return Err(RpcError::new(400, "AUTOARCHIVE_NOT_AVAILABLE"));
    }
    let paid = sent.noncontact_peers_paid_stars.is_some_and(|stars| stars != 0);
    if sent.new_noncontact_peers_require_premium || paid {
        return Err(RpcError::new(403, "PREMIUM_ACCOUNT_REQUIRED"));
    }
    let set = GlobalPrivacy {
        hide_read_marks: sent.hide_read_marks,
        keep_archived_unmuted: sent.keep_archived_unmuted,
        keep_archived_folders: sent.keep_archived_folders,
    };
    ctx.shared.core.set_global_privacy(Some(ctx.actor()?), ctx.user()?, set).await?;
    get_global_privacy_settings(ctx, GetGlobalPrivacySettings {}).await
}
