//! `channels.inviteToChannel#c9e33d54 channel:InputChannel users:Vector<InputUser> =
//! messages.InvitedUsers`
//!
//! Before layer 175 it answered updates alone, and said by an error that somebody does not want to
//! be added.
//! Source: <https://core.telegram.org/method/channels.inviteToChannel>

use node_core::{CoreError, UserId};
use tl::enums;
use tl::functions::channels::InviteToChannel;
use tl::types;

use super::channel_updates;
use crate::rpc::{Context, RpcError, RpcResult};

/// The first layer that can say who was not added.
const SAYS_MISSING: i32 = 175;

/// People of one call.
const USERS_MAX: usize = 200;

pub(in crate::rpc) async fn invite_to_channel(
    ctx: &Context,
    request: InviteToChannel,
) -> RpcResult<enums::messages::InvitedUsers> {
    if request.users.len() > USERS_MAX {
        return Err(RpcError::new(400, "USERS_TOO_MUCH"));
    }
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let users = request.users.iter().map(|user| ctx.named_user(user));
    let users = users.collect::<RpcResult<Vec<UserId>>>()?;
    let wanted = users.len();
    let core = &ctx.shared.core;
    let added = core.add_to_channel(ctx.actor()?, owner, channel, users).await;
    let added = added.map_err(|error| match error {
        CoreError::BannedInChannel => RpcError::new(400, "USER_KICKED"),
        CoreError::TooMany => RpcError::new(403, "USER_CHANNELS_TOO_MUCH"),
        CoreError::UnknownUser => RpcError::new(400, "INPUT_USER_DEACTIVATED"),
        other => other.into(),
    })?;
    if !added.missing.is_empty() && added.missing.len() == wanted && ctx.layer < SAYS_MISSING {
        return Err(CoreError::UserPrivacy.into());
    }
    let updates = channel_updates(ctx, channel, &added.sent)?;
    let missing_invitees = added.missing.iter().map(|user| {
        types::MissingInvitee { user_id: user.0, ..types::MissingInvitee::default() }.into()
    });
    let missing_invitees = missing_invitees.collect();
    Ok(types::messages::InvitedUsers { updates, missing_invitees }.into())
}
