//! `auth.logOut#3e72ba19 = auth.LoggedOut`,
//! `auth.resetAuthorizations#9fab0d1a = Bool`
//!
//! Source: <https://core.telegram.org/method/auth.logOut>

use node_core::Standing;
use tl::enums::auth::LoggedOut;
use tl::functions::auth::{LogOut, ResetAuthorizations};

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn log_out(ctx: &Context, _: LogOut) -> RpcResult<LoggedOut> {
    let key = ctx.auth_key()?;
    let token = match ctx.standing {
        // A login that waits for the password is given up: nothing was shown that could be kept.
        Standing::PasswordNeeded(user) => {
            ctx.shared.core.log_out(user, key).await?;
            None
        }
        _ => Some(ctx.shared.core.leave(ctx.user()?, key).await?),
    };
    Ok(tl::types::auth::LoggedOut { future_auth_token: token }.into())
}

pub(in crate::rpc) async fn reset_authorizations(
    ctx: &Context,
    _: ResetAuthorizations,
) -> RpcResult<bool> {
    ctx.shared.core.revoke_others(ctx.user()?, ctx.auth_key()?).await?;
    Ok(true)
}
