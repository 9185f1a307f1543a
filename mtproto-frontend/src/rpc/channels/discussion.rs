//! `channels.getGroupsForDiscussion#f5dad378 = messages.Chats`,
//! `channels.setDiscussionGroup#40582bb2 broadcast:InputChannel group:InputChannel = Bool`
//!
//! Source: <https://core.telegram.org/api/discussion>

use node_core::{ChannelId, CoreError};
use tl::enums::InputChannel;
use tl::enums::messages::Chats;
use tl::functions::channels as f;
use tl::types;

use crate::project::Named;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_groups_for_discussion(
    ctx: &Context,
    _: f::GetGroupsForDiscussion,
) -> RpcResult<Chats> {
    let mut named = Named::default();
    for group in ctx.shared.core.groups_for_discussion(ctx.user()?)? {
        named.peer(group);
    }
    Ok(types::messages::Chats { chats: named.chats(ctx.view()?)? }.into())
}

/// A channel or a group, or nothing: then whatever the other one is linked to.
fn named(
    ctx: &Context,
    named: &InputChannel,
    broadcast: bool,
    invalid: &'static str,
) -> RpcResult<Option<ChannelId>> {
    if matches!(named, InputChannel::InputChannelEmpty(_)) {
        return Ok(None);
    }
    let found = ctx.channel_to_read(named)?.channel;
    let fits = found.broadcast == broadcast;
    fits.then_some(Some(found.id)).ok_or(RpcError::new(400, invalid))
}

pub(in crate::rpc) async fn set_discussion_group(
    ctx: &Context,
    request: f::SetDiscussionGroup,
) -> RpcResult<bool> {
    let channel = named(ctx, &request.broadcast, true, "BROADCAST_ID_INVALID")?;
    let group = named(ctx, &request.group, false, "MEGAGROUP_ID_INVALID")?;
    if channel.is_none() && group.is_none() {
        return Err(RpcError::new(400, "LINK_NOT_MODIFIED"));
    }
    let set = ctx.shared.core.set_discussion_group(ctx.actor()?, ctx.user()?, channel, group).await;
    set.map_err(|error| match error {
        CoreError::ChatNotModified => RpcError::new(400, "LINK_NOT_MODIFIED"),
        other => other.into(),
    })?;
    Ok(true)
}
