//! `channels.editAdmin#9a98ad68 flags:# channel:InputChannel user_id:InputUser
//! admin_rights:ChatAdminRights rank:flags.0?string = Updates`,
//! `channels.editBanned#96e6cd81 channel:InputChannel participant:InputPeer
//! banned_rights:ChatBannedRights = Updates`
//!
//! Sources: <https://core.telegram.org/api/rights>,
//! <https://core.telegram.org/method/channels.editAdmin>,
//! <https://core.telegram.org/method/channels.editBanned>

use node_core::{
    AdminRights, Banned, ChannelId, ChannelRole, CoreError, Participant, PeerId, Rights,
};
use tl::enums;
use tl::functions::channels as f;

use super::{ADMIN_REQUIRED, channel_updates};
use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn edit_admin(
    ctx: &Context,
    request: f::EditAdmin,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let (user, core) = (ctx.named_user(&request.user_id)?, &ctx.shared.core);
    let rights = project::admin_rights_from_tl(&request.admin_rights);
    let rank = match request.rank {
        Some(rank) => rank,
        // Clients of new layers change it by a method of its own.
        None => core.participant(channel, user)?.as_ref().map(rank_of).unwrap_or_default(),
    };
    let own = core.channel_for(owner, channel)?.admin_rights();
    let edited = core.edit_channel_admin(ctx.actor()?, owner, channel, user, rights, rank).await;
    edited.map_err(|error| match error {
        // Who may make admins gives no more than they have, and takes from whom they made one.
        CoreError::AdminRightMissing if own.contains_all(AdminRights::ADD_ADMINS) => {
            RpcError::new(403, "RIGHT_FORBIDDEN")
        }
        CoreError::ChannelOwner => RpcError::new(400, "USER_CREATOR"),
        CoreError::BannedInChannel => RpcError::new(400, "USER_KICKED"),
        CoreError::TooMany => RpcError::new(403, "USER_CHANNELS_TOO_MUCH"),
        CoreError::UnknownUser => RpcError::new(400, "INPUT_USER_DEACTIVATED"),
        other => other.into(),
    })?;
    channel_updates(ctx, channel, &[])
}

fn rank_of(participant: &Participant) -> String {
    match &participant.role {
        ChannelRole::Admin { rank, .. } | ChannelRole::Creator { rank } => rank.clone(),
        _ => String::new(),
    }
}

pub(in crate::rpc) async fn edit_banned(
    ctx: &Context,
    request: f::EditBanned,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    // Channels take part in nothing but in whose name one writes.
    if let Ok(PeerId::Channel(sender)) = ctx.peer(&request.participant) {
        return ban_sender(ctx, channel, sender, &request.banned_rights).await;
    }
    let user = ctx.user_peer(&request.participant);
    let user = user.map_err(|_| RpcError::new(400, "PARTICIPANT_ID_INVALID"))?;
    if user == owner {
        return Err(RpcError::new(400, "USER_ID_INVALID"));
    }
    let core = &ctx.shared.core;
    let banned = project::banned_in_channel_from_tl(&request.banned_rights);
    let own = core.channel_for(owner, channel)?.admin_rights();
    let done = core.ban_in_channel(ctx.actor()?, owner, channel, user, banned).await;
    let done = done.map_err(|error| match error {
        CoreError::AdminRightMissing if !own.contains_all(AdminRights::BAN_USERS) => ADMIN_REQUIRED,
        // An admin whom somebody else made one.
        CoreError::AdminRightMissing | CoreError::ChannelOwner => {
            RpcError::new(400, "USER_ADMIN_INVALID")
        }
        CoreError::SettingsInvalid => RpcError::new(406, "BANNED_RIGHTS_INVALID"),
        CoreError::UnknownUser => RpcError::new(400, "INPUT_USER_DEACTIVATED"),
        other => other.into(),
    })?;
    channel_updates(ctx, channel, &done.sent)
}

/// A channel is banned, or it is not: there is nothing to take from it in pieces.
async fn ban_sender(
    ctx: &Context,
    group: ChannelId,
    sender: ChannelId,
    rights: &enums::ChatBannedRights,
) -> RpcResult<enums::Updates> {
    let Banned { entirely, rights, .. } = project::banned_in_channel_from_tl(rights);
    let banned = entirely || rights.contains_any(Rights::SEND);
    let (actor, owner, core) = (ctx.actor()?, ctx.user()?, &ctx.shared.core);
    let done = core.ban_sender(actor, owner, group, sender, banned).await;
    done.map_err(|error| match error {
        CoreError::SendAsInvalid => RpcError::new(400, "PARTICIPANT_ID_INVALID"),
        other => other.into(),
    })?;
    channel_updates(ctx, group, &[])
}
