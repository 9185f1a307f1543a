//! `account.getAuthorizations#e320c158 = account.Authorizations`,
//! `account.resetAuthorization#df77f3bc hash:long = Bool`,
//! `account.changeAuthorizationSettings#40f48462 flags:# confirmed:flags.3?true hash:long
//! encrypted_requests_disabled:flags.0?Bool call_requests_disabled:flags.1?Bool = Bool`,
//! `account.setAuthorizationTTL#bf899aa0 authorization_ttl_days:int = Bool`
//!
//! The list of devices. The hash 0 means the one that asks.
//! Source: <https://core.telegram.org/method/account.getAuthorizations>

use node_core::Authorization as Login;
use tl::enums::account::Authorizations;
use tl::functions::account::{
    ChangeAuthorizationSettings, GetAuthorizations, ResetAuthorization, SetAuthorizationTtl,
};
use tl::{enums, types};

use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_authorizations(
    ctx: &Context,
    _: GetAuthorizations,
) -> RpcResult<Authorizations> {
    let own = ctx.auth_key()?;
    let core = &ctx.shared.core;
    let authorization_ttl_days = core.login_days(ctx.user()?).await?;
    let logins = core.authorizations(ctx.user()?).await?;
    let now = ctx.now();
    let shown = |login: Login| {
        let current = (login.auth_key == own).then_some(now);
        authorization(login, current)
    };
    let authorizations = logins.into_iter().map(shown).collect();
    Ok(types::account::Authorizations { authorization_ttl_days, authorizations }.into())
}

/// A login in the list of devices; the one that asks has the hash 0, and is used now.
pub(in crate::rpc) fn authorization(login: Login, current: Option<i32>) -> enums::Authorization {
    let device = login.device;
    types::Authorization {
        current: current.is_some(),
        password_pending: login.pending_until.is_some(),
        encrypted_requests_disabled: login.refuses.secret_chats,
        call_requests_disabled: login.refuses.calls,
        unconfirmed: login.unconfirmed,
        hash: if current.is_some() { 0 } else { login.hash },
        device_model: device.device_model,
        platform: device.lang_pack,
        system_version: device.system_version,
        api_id: device.api_id,
        app_name: format!("App {}", device.api_id),
        app_version: device.app_version,
        date_created: login.created,
        date_active: current.unwrap_or(login.active),
        ip: device.ip,
        ..types::Authorization::default()
    }
    .into()
}

pub(in crate::rpc) async fn reset_authorization(
    ctx: &Context,
    request: ResetAuthorization,
) -> RpcResult<bool> {
    if request.hash == 0 {
        // One's own ends by auth.logOut.
        return Err(RpcError::new(400, "HASH_INVALID"));
    }
    ctx.shared.core.revoke(ctx.user()?, ctx.auth_key()?, request.hash).await?;
    Ok(true)
}

pub(in crate::rpc) async fn change_authorization_settings(
    ctx: &Context,
    request: ChangeAuthorizationSettings,
) -> RpcResult<bool> {
    let (secret_chats, calls) =
        (request.encrypted_requests_disabled, request.call_requests_disabled);
    let (user, own) = (ctx.user()?, ctx.auth_key()?);
    ctx.shared
        .core
        .change_authorization(user, own, request.hash, request.confirmed, secret_chats, calls)
        .await?;
    Ok(true)
}

pub(in crate::rpc) async fn set_authorization_ttl(
    ctx: &Context,
    request: SetAuthorizationTtl,
) -> RpcResult<bool> {
    let (user, own, days) = (ctx.user()?, ctx.auth_key()?, request.authorization_ttl_days);
    ctx.shared.core.set_login_days(user, own, days).await?;
    Ok(true)
}
