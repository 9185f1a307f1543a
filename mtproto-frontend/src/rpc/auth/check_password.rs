//! `auth.checkPassword#d18b4d16 password:InputCheckPasswordSRP = auth.Authorization`
//!
//! The second factor of a login that got `SESSION_PASSWORD_NEEDED`.
//! Source: <https://core.telegram.org/method/auth.checkPassword>

use node_core::CoreError;
use tl::enums::auth::Authorization;
use tl::functions::auth::CheckPassword;

use super::authorization;
use crate::rpc::account::proof;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn check_password(
    ctx: &Context,
    request: CheckPassword,
) -> RpcResult<Authorization> {
    ctx.account()?;
    let (key, from) = (ctx.auth_key()?, ctx.addresses.remote.ip());
    let checked = ctx.shared.core.check_password(key, proof(request.password), from).await;
    match checked {
        Ok(user) => authorization(ctx, user),
        // The time for it is over: the login begins anew.
        Err(CoreError::UnknownAuthorization) => Err(RpcError::AUTH_KEY_UNREGISTERED),
        Err(other) => Err(other.into()),
    }
}
