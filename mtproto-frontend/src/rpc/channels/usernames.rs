//! `channels.checkUsername#10e6bd2c channel:InputChannel username:string = Bool`,
//! `channels.updateUsername#3514b3de channel:InputChannel username:string = Bool`,
//! `channels.reorderUsernames#b45ced1d channel:InputChannel order:Vector<string> = Bool`,
//! `channels.toggleUsername#50f24105 channel:InputChannel username:string active:Bool = Bool`,
//! `channels.deactivateAllUsernames#0a245dd3 channel:InputChannel = Bool`
//!
//! A channel has one username at most; more of them would have been bought.
//! Source: <https://core.telegram.org/method/channels.updateUsername>

use std::sync::Arc;

use node_core::{Channel, CoreError};
use tl::enums::InputChannel;
use tl::functions::channels as f;

use super::ADMIN_REQUIRED;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn check_username(
    ctx: &Context,
    request: f::CheckUsername,
) -> RpcResult<bool> {
    let channel = match &request.channel {
        // Of a channel that is yet to be made.
        InputChannel::InputChannelEmpty(_) => None,
        named => Some(ctx.input_channel(named)?),
    };
    Ok(ctx.shared.core.channel_may_have(channel, &request.username)?)
}

pub(in crate::rpc) async fn update_username(
    ctx: &Context,
    request: f::UpdateUsername,
) -> RpcResult<bool> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let core = &ctx.shared.core;
    let updated =
        core.update_channel_username(ctx.actor()?, owner, channel, request.username).await;
    updated.map_err(|error| match error {
        CoreError::NotModified => RpcError::new(400, "USERNAME_NOT_MODIFIED"),
        other => other.into(),
    })?;
    Ok(true)
}

/// It is the only order.
pub(in crate::rpc) async fn reorder_usernames(
    ctx: &Context,
    request: f::ReorderUsernames,
) -> RpcResult<bool> {
    let (found, order) = (owned(ctx, &request.channel)?, request.order);
    match &found.username {
        Some(own) if order.len() == 1 && order.iter().all(|name| is_same(name, own)) => Ok(true),
        None if order.is_empty() => Ok(true),
        _ => Err(RpcError::new(400, "ORDER_INVALID")),
    }
}

/// The username that the owner chose is always active: to switch it off is to remove it, which is
/// another method.
pub(in crate::rpc) async fn toggle_username(
    ctx: &Context,
    request: f::ToggleUsername,
) -> RpcResult<bool> {
    let found = owned(ctx, &request.channel)?;
    let is_own = found.username.as_ref().is_some_and(|own| is_same(&request.username, own));
    let name = if is_own { "USERNAME_NOT_MODIFIED" } else { "USERNAME_INVALID" };
    Err(RpcError::new(400, name))
}

/// Of those that were bought: there are none.
pub(in crate::rpc) async fn deactivate_all_usernames(
    ctx: &Context,
    request: f::DeactivateAllUsernames,
) -> RpcResult<bool> {
    owned(ctx, &request.channel)?;
    Ok(true)
}

/// A channel that the caller has.
fn owned(ctx: &Context, named: &InputChannel) -> RpcResult<Arc<Channel>> {
    let found = ctx.channel_to_read(named)?.channel;
    if found.creator == ctx.user()? { Ok(found) } else { Err(ADMIN_REQUIRED) }
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim_start_matches('@').eq_ignore_ascii_case(other)
}
