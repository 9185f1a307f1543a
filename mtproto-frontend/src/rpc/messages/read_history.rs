//! `messages.readHistory#e306d3a peer:InputPeer max_id:int = messages.AffectedMessages`,
//! `messages.readMessageContents#36a73f77 id:Vector<int> = messages.AffectedMessages`,
//! `messages.receivedMessages#5a954c0 max_id:int = Vector<ReceivedNotifyMessage>`
//!
//! Source: <https://core.telegram.org/method/messages.readHistory>

use node_core::MessageId;
use tl::enums::ReceivedNotifyMessage;
use tl::enums::messages::AffectedMessages;
use tl::functions::messages::{ReadHistory, ReadMessageContents, ReceivedMessages};
use tl::types;

use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn read_history(
    ctx: &Context,
    request: ReadHistory,
) -> RpcResult<AffectedMessages> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    // Channels are read by `channels.readHistory`.
    if peer.channel().is_some() {
        return Err(RpcError::new(400, "PEER_ID_INVALID"));
    }
    let max_id = MessageId(request.max_id);
    let read = ctx.shared.core.read_history(ctx.actor()?, owner, peer, max_id).await?;
    Ok(types::messages::AffectedMessages { pts: read.pts.0, pts_count: read.pts_count }.into())
}

/// Messages of one call.
const MESSAGES_MAX: usize = 100;

/// Mentions, and what is listened to.
pub(in crate::rpc) async fn read_message_contents(
    ctx: &Context,
    request: ReadMessageContents,
) -> RpcResult<AffectedMessages> {
    if request.id.len() > MESSAGES_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let ids = request.id.into_iter().map(MessageId).collect();
    let read = ctx.shared.core.read_contents(ctx.actor()?, ctx.user()?, ids).await?;
    Ok(types::messages::AffectedMessages { pts: read.pts.0, pts_count: read.pts_count }.into())
}

/// Clients without push notifications confirm what they were shown; nothing waits for that.
pub(in crate::rpc) async fn received_messages(
    ctx: &Context,
    _: ReceivedMessages,
) -> RpcResult<Vec<ReceivedNotifyMessage>> {
    ctx.user()?;
    Ok(Vec::new())
}
