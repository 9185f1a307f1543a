//! `account.getContentSettings#8b9b4dae = account.ContentSettings`,
//! `account.setContentSettings#b574b16b flags:# sensitive_enabled:flags.0?true = Bool`
//!
//! The node itself marks nothing as sensitive.
//! Source: <https://core.telegram.org/method/account.setContentSettings>

use tl::functions::account::{GetContentSettings, SetContentSettings};
use tl::types::account::ContentSettings;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_content_settings(
    ctx: &Context,
    _: GetContentSettings,
) -> RpcResult<ContentSettings> {
    let sensitive_enabled = ctx.shared.core.sensitive_shown(ctx.user()?).await?;
    Ok(ContentSettings { sensitive_enabled, sensitive_can_change: true })
}

pub(in crate::rpc) async fn set_content_settings(
    ctx: &Context,
    request: SetContentSettings,
) -> RpcResult<bool> {
    let (owner, actor) = (ctx.user()?, ctx.actor()?);
    ctx.shared.core.set_sensitive_shown(Some(actor), owner, request.sensitive_enabled).await?;
    Ok(true)
}
