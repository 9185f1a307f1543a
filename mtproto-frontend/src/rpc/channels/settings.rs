//! `channels.toggleSlowMode#edd49ef0 channel:InputChannel seconds:int = Updates`,
//! `channels.togglePreHistoryHidden#eabbb94c channel:InputChannel enabled:Bool = Updates`,
//! `channels.toggleSignatures#418d549c flags:# signatures_enabled:flags.0?true
//! profiles_enabled:flags.1?true channel:InputChannel = Updates`,
//! `channels.toggleJoinToSend#e4cb9580 channel:InputChannel enabled:Bool = Updates`,
//! `channels.toggleJoinRequest#0ecc2618 flags:# apply_to_invites:flags.1?true channel:InputChannel
//! enabled:Bool guard_bot:flags.0?InputUser = Updates`,
//! `channels.toggleParticipantsHidden#6a6e7854 channel:InputChannel enabled:Bool = Updates`
//!
//! Sources: <https://core.telegram.org/method/channels.toggleSlowMode>,
//! <https://core.telegram.org/method/channels.togglePreHistoryHidden>,
//! <https://core.telegram.org/method/channels.toggleSignatures>,
//! <https://core.telegram.org/api/discussion#requiring-users-to-join-the-group>,
//! <https://core.telegram.org/method/channels.toggleParticipantsHidden>

use node_core::{ChannelSetting, CoreError};
use tl::enums;
use tl::enums::InputChannel;
use tl::functions::channels as f;

use super::channel_updates;
use crate::rpc::{Context, RpcError, RpcResult};

/// What only the other kind has: supergroups, or broadcast channels.
const WRONG_KIND: RpcError = RpcError::new(400, "CHAT_ID_INVALID");

pub(super) async fn set(
    ctx: &Context,
    named: &InputChannel,
    setting: ChannelSetting,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(named)?);
    let core = &ctx.shared.core;
    let of_broadcast = matches!(setting, ChannelSetting::Signatures(_));
    if core.channel_for(owner, channel)?.channel.broadcast != of_broadcast {
        return Err(WRONG_KIND);
    }
    let done = core.set_in_channel(ctx.actor()?, owner, channel, setting).await;
    let done = done.map_err(|error| match (error, setting) {
        (CoreError::SettingsInvalid, ChannelSetting::SlowMode(_)) => {
            RpcError::new(400, "SECONDS_INVALID")
        }
        // In a public one everybody reads: nothing is hidden there from who joins.
        (CoreError::SettingsInvalid, ChannelSetting::HiddenHistory(_)) => {
            RpcError::new(400, "CHAT_LINK_EXISTS")
        }
        (other, _) => other.into(),
    })?;
    channel_updates(ctx, channel, &done.sent)
}

pub(in crate::rpc) async fn toggle_slow_mode(
    ctx: &Context,
    request: f::ToggleSlowMode,
) -> RpcResult<enums::Updates> {
    set(ctx, &request.channel, ChannelSetting::SlowMode(request.seconds)).await
}

pub(in crate::rpc) async fn toggle_pre_history_hidden(
    ctx: &Context,
    request: f::TogglePreHistoryHidden,
) -> RpcResult<enums::Updates> {
    set(ctx, &request.channel, ChannelSetting::HiddenHistory(request.enabled)).await
}

/// Up to layer 184 it was one flag alone. Profiles beside the names are not built: a post says who wrote it in words.
pub(in crate::rpc) async fn toggle_signatures(
    ctx: &Context,
    request: f::ToggleSignatures,
) -> RpcResult<enums::Updates> {
    if request.profiles_enabled {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    let signed = request.signatures_enabled || request.enabled;
    set(ctx, &request.channel, ChannelSetting::Signatures(signed)).await
}

pub(in crate::rpc) async fn toggle_join_to_send(
    ctx: &Context,
    request: f::ToggleJoinToSend,
) -> RpcResult<enums::Updates> {
    set(ctx, &request.channel, ChannelSetting::JoinToSend(request.enabled)).await
}

/// Bots that decide who comes in are not built; invite links say for themselves who approves.
pub(in crate::rpc) async fn toggle_join_request(
    ctx: &Context,
    request: f::ToggleJoinRequest,
) -> RpcResult<enums::Updates> {
    if request.guard_bot.is_some() || request.apply_to_invites {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    set(ctx, &request.channel, ChannelSetting::JoinRequest(request.enabled)).await
}

pub(in crate::rpc) async fn toggle_participants_hidden(
    ctx: &Context,
    request: f::ToggleParticipantsHidden,
) -> RpcResult<enums::Updates> {
    set(ctx, &request.channel, ChannelSetting::HiddenMembers(request.enabled)).await
}
