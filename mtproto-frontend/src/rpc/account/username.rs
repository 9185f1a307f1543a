//! `account.checkUsername#2714d86c username:string = Bool`,
//! `account.updateUsername#3e0bdd7c username:string = User`,
//! `account.reorderUsernames#ef500eab order:Vector<string> = Bool`,
//! `account.toggleUsername#58d6b376 username:string active:Bool = Bool`
//!
//! Source: <https://core.telegram.org/method/account.updateUsername>

use node_core::CoreError;
use tl::enums;
use tl::functions::account::{CheckUsername, ReorderUsernames, ToggleUsername, UpdateUsername};

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

/// A member has one username at most: it is the only order.
pub(in crate::rpc) async fn reorder_usernames(
    ctx: &Context,
    request: ReorderUsernames,
) -> RpcResult<bool> {
    let order = request.order;
    match own_username(ctx)? {
        Some(own) if order.len() == 1 && order.iter().all(|name| is_same(name, &own)) => Ok(true),
        None if order.is_empty() => Ok(true),
        _ => Err(RpcError::new(400, "ORDER_INVALID")),
    }
}

/// The username that one chose is always active; another would have been bought.
pub(in crate::rpc) async fn toggle_username(
    ctx: &Context,
    request: ToggleUsername,
) -> RpcResult<bool> {
    let own = own_username(ctx)?;
    let is_own = own.is_some_and(|own| is_same(&request.username, &own));
    // To switch the chosen one off is to remove it, which is another method.
    let name = if is_own { "USERNAME_NOT_MODIFIED" } else { "USERNAME_INVALID" };
    Err(RpcError::new(400, name))
}

fn own_username(ctx: &Context) -> RpcResult<Option<String>> {
    let user = ctx.user()?;
    Ok(ctx.shared.core.view(user, user)?.and_then(|view| view.user.username.clone()))
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim_start_matches('@').eq_ignore_ascii_case(other)
}
