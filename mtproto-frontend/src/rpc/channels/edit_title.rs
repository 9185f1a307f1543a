//! `channels.editTitle#566decd0 channel:InputChannel title:string = Updates`,
//! `channels.toggleSlowMode#edd49ef0 channel:InputChannel seconds:int = Updates`,
//! `channels.togglePreHistoryHidden#eabbb94c channel:InputChannel enabled:Bool = Updates`
//!
//! Sources: <https://core.telegram.org/method/channels.editTitle>,
//! <https://core.telegram.org/method/channels.toggleSlowMode>,
//! <https://core.telegram.org/method/channels.togglePreHistoryHidden>

use node_core::CoreError;
use tl::enums;
use tl::functions::channels as f;

use super::channel_updates;
use crate::rpc::{Context, RpcError, RpcResult};

/// What only supergroups have.
const NOT_A_GROUP: RpcError = RpcError::new(400, "CHAT_ID_INVALID");

pub(in crate::rpc) async fn edit_title(
    ctx: &Context,
    request: f::EditTitle,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let core = &ctx.shared.core;
    let done = core.edit_channel_title(ctx.actor()?, owner, channel, &request.title).await?;
    channel_updates(ctx, channel, &done.sent)
}

pub(in crate::rpc) async fn toggle_slow_mode(
    ctx: &Context,
    request: f::ToggleSlowMode,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let core = &ctx.shared.core;
    if core.channel_for(owner, channel)?.channel.broadcast {
        return Err(NOT_A_GROUP);
    }
    let edited = core.edit_channel_slow_mode(ctx.actor()?, owner, channel, request.seconds).await;
    edited.map_err(|error| match error {
        CoreError::SettingsInvalid => RpcError::new(400, "SECONDS_INVALID"),
        other => other.into(),
    })?;
    channel_updates(ctx, channel, &[])
}

/// In a public one everybody reads: nothing is hidden there from who joins.
pub(in crate::rpc) async fn toggle_pre_history_hidden(
    ctx: &Context,
    request: f::TogglePreHistoryHidden,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let core = &ctx.shared.core;
    let found = core.channel_for(owner, channel)?.channel;
    if found.broadcast {
        return Err(NOT_A_GROUP);
    }
    if found.username.is_some() && request.enabled {
        return Err(RpcError::new(400, "CHAT_LINK_EXISTS"));
    }
    core.edit_channel_history(ctx.actor()?, owner, channel, request.enabled).await?;
    channel_updates(ctx, channel, &[])
}
