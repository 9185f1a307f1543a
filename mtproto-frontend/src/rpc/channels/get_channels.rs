//! `channels.getChannels#0a7f6bbb id:Vector<InputChannel> = messages.Chats`,
//! `channels.getAdminedPublicChannels#f8b036af flags:# by_location:flags.0?true
//! check_limit:flags.1?true for_personal:flags.2?true for_community_peer:flags.3?true =
//! messages.Chats`
//!
//! Sources: <https://core.telegram.org/method/channels.getChannels>,
//! <https://core.telegram.org/method/channels.getAdminedPublicChannels>

use tl::functions::channels as f;
use tl::types::messages::Chats;

use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

/// Channels of one call.
const CHANNELS_MAX: usize = 200;

pub(in crate::rpc) async fn get_channels(
    ctx: &Context,
    request: f::GetChannels,
) -> RpcResult<Chats> {
    if request.id.len() > CHANNELS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let view = ctx.view()?;
    let chats = request.id.iter().map(|id| Ok(project::channel(view, ctx.input_channel(id)?)?));
    Ok(Chats { chats: chats.collect::<RpcResult<_>>()? })
}

/// The public channels that the member has. None is of a place; and there is no limit to say that
/// it was reached.
pub(in crate::rpc) async fn get_admined_public_channels(
    ctx: &Context,
    request: f::GetAdminedPublicChannels,
) -> RpcResult<Chats> {
    let (owner, core, view) = (ctx.user()?, &ctx.shared.core, ctx.view()?);
    let mut chats = Vec::new();
    if request.by_location {
        return Ok(Chats { chats });
    }
    for id in core.channels_of(owner)? {
        let found = core.channel(id);
        let is_public = |found: &node_core::Channel| !found.deleted && found.username.is_some();
        if found.is_some_and(|found| found.creator == owner && is_public(&found)) {
            chats.push(project::channel(view, id)?);
        }
    }
    Ok(Chats { chats })
}
