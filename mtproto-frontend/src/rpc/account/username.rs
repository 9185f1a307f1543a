//! `account.checkUsername#2714d86c username:string = Bool`,
//! `account.updateUsername#3e0bdd7c username:string = User`
//!
//! Source: <https://core.telegram.org/method/account.updateUsername>

use node_core::CoreError;
use tl::enums;
use tl::functions::account::{CheckUsername, UpdateUsername};

use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn check_username(
    ctx: &Context,
    request: CheckUsername,
) -> RpcResult<bool> {
    Ok(ctx.shared.core.is_username_free(ctx.user()?, &request.username).await?)
}

pub(in crate::rpc) async fn update_username(
    ctx: &Context,
    request: UpdateUsername,
) -> RpcResult<enums::User> {
    let (user, actor) = (ctx.user()?, ctx.actor()?);
    let updated = ctx.shared.core.update_username(Some(actor), user, request.username).await;
    updated.map_err(|error| match error {
        CoreError::NotModified => RpcError::new(400, "USERNAME_NOT_MODIFIED"),
        other => other.into(),
    })?;
    ctx.oneself()
}
