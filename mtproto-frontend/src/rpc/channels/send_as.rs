//! `channels.getSendAs#e785a43f flags:# for_paid_reactions:flags.0?true
//! for_live_stories:flags.1?true peer:InputPeer = channels.SendAsPeers`,
//! `messages.saveDefaultSendAs#ccfddf96 peer:InputPeer send_as:InputPeer = Bool`
//!
//! Source: <https://core.telegram.org/api/channel#send-as>

use node_core::{ChannelId, PeerId};
use tl::enums::InputPeer;
use tl::functions as f;
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

fn channel(ctx: &Context, peer: &InputPeer) -> RpcResult<ChannelId> {
    ctx.peer(peer)?.channel().ok_or(RpcError::new(400, "PEER_ID_INVALID"))
}

pub(in crate::rpc) async fn get_send_as(
    ctx: &Context,
    request: f::channels::GetSendAs,
) -> RpcResult<types::channels::SendAsPeers> {
    if request.for_paid_reactions || request.for_live_stories {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    let senders = ctx.shared.core.senders(ctx.user()?, channel(ctx, &request.peer)?)?;
    let mut named = Named::default();
    let peers = senders.into_iter().map(|sender| {
        named.peer(sender);
        types::SendAsPeer { premium_required: false, peer: project::peer(sender) }.into()
    });
    let peers = peers.collect();
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::channels::SendAsPeers { peers, chats, users })
}

pub(in crate::rpc) async fn save_default_send_as(
    ctx: &Context,
    request: f::messages::SaveDefaultSendAs,
) -> RpcResult<bool> {
    let group = channel(ctx, &request.peer)?;
    let sender = named_sender(ctx, group.into(), &request.send_as)?;
    let (actor, user) = (ctx.actor()?, ctx.user()?);
    ctx.shared.core.save_default_sender(actor, user, group, sender).await?;
    Ok(true)
}

/// In whose name a message is to be written: only in channels in another one than one's own.
pub(in crate::rpc) fn named_sender(
    ctx: &Context,
    to: PeerId,
    send_as: &InputPeer,
) -> RpcResult<PeerId> {
    let sender = ctx.peer(send_as)?;
    let may = sender == ctx.user()?.into() || to.channel().is_some();
    if may { Ok(sender) } else { Err(RpcError::new(400, "SEND_AS_PEER_INVALID")) }
}
