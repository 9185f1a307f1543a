//! `account.getAuthorizations#e320c158 = account.Authorizations`,
//! `account.resetAuthorization#df77f3bc hash:long = Bool`
//!
//! The list of devices. The hash 0 means the one that asks.
//! Source: <https://core.telegram.org/method/account.getAuthorizations>

use tl::enums::account::Authorizations;
use tl::functions::account::{GetAuthorizations, ResetAuthorization};
use tl::types;

use crate::rpc::{Context, RpcError, RpcResult};

/// Days after which an unused login ends. Nothing ends them yet: the largest that clients offer.
const TTL_DAYS: i32 = 365;

pub(in crate::rpc) async fn get_authorizations(
    ctx: &Context,
    _: GetAuthorizations,
) -> RpcResult<Authorizations> {
    let own = ctx.auth_key()?;
    let logins = ctx.shared.core.authorizations(ctx.user()?).await?;
    let authorizations = logins.into_iter().map(|login| {
        let current = login.auth_key == own;
        let device = login.device;
        types::Authorization {
            current,
            hash: if current { 0 } else { login.hash },
            device_model: device.device_model,
            platform: String::new(),
            system_version: device.system_version,
            api_id: device.api_id,
            app_name: format!("App {}", device.api_id),
            app_version: device.app_version,
            date_created: login.created,
            date_active: if current { ctx.now() } else { login.active },
            ip: device.ip,
            ..types::Authorization::default()
        }
        .into()
    });
    let authorizations = authorizations.collect();
    Ok(types::account::Authorizations { authorization_ttl_days: TTL_DAYS, authorizations }.into())
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
