//! `channels.joinChannel#7f6a1e22 channel:InputChannel = messages.ChatInviteJoinResult`,
//! `channels.leaveChannel#f836aa95 channel:InputChannel = Updates`
//!
//! Up to layer 225 the first answered updates alone.
//! Sources: <https://core.telegram.org/method/channels.joinChannel>,
//! <https://core.telegram.org/method/channels.leaveChannel>

use node_core::{CoreError, LinkTaken};
use tl::functions::channels as f;
use tl::{enums, types};

use super::channel_updates;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn join_channel(
    ctx: &Context,
    request: f::JoinChannel,
) -> RpcResult<enums::messages::ChatInviteJoinResult> {
    let (user, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let joined = ctx.shared.core.join_channel(ctx.actor()?, user, channel).await;
    let joined = joined.map_err(|error| match error {
        CoreError::TooMany => RpcError::new(400, "CHANNELS_TOO_MUCH"),
        other => other.into(),
    })?;
    let sent = match joined {
        // An error to who asks, and good news to clients.
        LinkTaken::Requested => return Err(RpcError::new(400, "INVITE_REQUEST_SENT")),
        LinkTaken::Joined(_, done) => done.sent,
    };
    let updates = channel_updates(ctx, channel, &sent)?;
    Ok(types::messages::ChatInviteJoinResultOk { updates }.into())
}

pub(in crate::rpc) async fn leave_channel(
    ctx: &Context,
    request: f::LeaveChannel,
) -> RpcResult<enums::Updates> {
    let (user, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let left = ctx.shared.core.leave_channel(ctx.actor()?, user, channel).await;
    left.map_err(|error| match error {
        CoreError::ChannelOwner => RpcError::new(400, "USER_CREATOR"),
        other => other.into(),
    })?;
    channel_updates(ctx, channel, &[])
}
