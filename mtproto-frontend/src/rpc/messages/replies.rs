//! `messages.getReplies#22ddd30c peer:InputPeer msg_id:int offset_id:int offset_date:int
//! add_offset:int limit:int max_id:int min_id:int hash:long = messages.Messages`,
//! `messages.getDiscussionMessage#446972fd peer:InputPeer msg_id:int = messages.DiscussionMessage`,
//! `messages.readDiscussion#f731a9f4 peer:InputPeer msg_id:int read_max_id:int = Bool`
//!
//! Source: <https://core.telegram.org/api/threads>

use node_core::{ChannelId, CoreError, HistoryQuery, MessageId};
use tl::enums::InputPeer;
use tl::enums::messages::{DiscussionMessage, Messages};
use tl::functions::messages as f;
use tl::types;

use super::{Page, page, page_limit};
use crate::rpc::{Context, RpcError, RpcResult};

const MSG_ID_INVALID: RpcError = RpcError::new(400, "MSG_ID_INVALID");

/// The thread that a client names by a message: in which group, and with what it begins.
async fn thread(ctx: &Context, peer: &InputPeer, id: i32) -> RpcResult<(ChannelId, MessageId)> {
    let channel = ctx.peer(peer)?.channel().ok_or(MSG_ID_INVALID)?;
    // A topic goes on, whenever it began.
    let is_hidden = id <= ctx.hidden_below(channel.into())?.0;
    if is_hidden && ctx.shared.core.topic(channel, MessageId(id))?.is_none() {
        return Err(MSG_ID_INVALID);
    }
    let core = &ctx.shared.core;
    // Of another node's channel, the group in which it is discussed may have to be brought.
    core.open_discussion(ctx.user()?, channel).await?;
    let (group, top) = core.thread_at(channel, MessageId(id)).await.map_err(unknown)?;
    // Who may read the channel may be banned where it is discussed.
    core.channel_to_read(ctx.user()?, group)?;
    Ok((group, top))
}

fn unknown(error: CoreError) -> RpcError {
    match error {
        CoreError::UnknownMessage => MSG_ID_INVALID,
        other => other.into(),
    }
}

pub(in crate::rpc) async fn get_replies(
    ctx: &Context,
    request: f::GetReplies,
) -> RpcResult<Messages> {
    let (group, top) = thread(ctx, &request.peer, request.msg_id).await?;
    let query = HistoryQuery {
        offset_id: request.offset_id,
        offset_date: request.offset_date,
        add_offset: request.add_offset,
        limit: page_limit(request.limit),
        max_id: request.max_id,
        min_id: request.min_id.max(ctx.hidden_below(group.into())?.0),
    };
    replies(ctx, group, top, query).await
}

/// A page of a thread.
pub(super) async fn replies(
    ctx: &Context,
    group: ChannelId,
    top: MessageId,
    query: HistoryQuery,
) -> RpcResult<Messages> {
    let core = &ctx.shared.core;
    // Before the page: what comes meanwhile is told again.
    let pts = core.channel_state(group)?.0;
    let found = core.replies(group, top, query).await?;
    let Page { messages, users, chats } = page(ctx, &found.messages)?;
    Ok(types::messages::ChannelMessages {
        pts,
        count: found.count,
        messages,
        chats,
        users,
        ..types::messages::ChannelMessages::default()
    }
    .into())
}

pub(in crate::rpc) async fn get_discussion_message(
    ctx: &Context,
    request: f::GetDiscussionMessage,
) -> RpcResult<DiscussionMessage> {
    let (group, top) = thread(ctx, &request.peer, request.msg_id).await?;
    let found = ctx.shared.core.open_thread(ctx.user()?, group, top).await.map_err(unknown)?;
    let Page { messages, users, chats } = page(ctx, &found.messages)?;
    let known = |id: MessageId| Some(id.0).filter(|id| *id > 0);
    Ok(types::messages::DiscussionMessage {
        messages,
        max_id: known(found.max_id),
        read_inbox_max_id: known(found.read_inbox),
        read_outbox_max_id: known(found.read_outbox),
        unread_count: found.unread,
        chats,
        users,
    }
    .into())
}

pub(in crate::rpc) async fn read_discussion(
    ctx: &Context,
    request: f::ReadDiscussion,
) -> RpcResult<bool> {
    let (group, top) = thread(ctx, &request.peer, request.msg_id).await?;
    let (actor, max_id) = (ctx.actor()?, MessageId(request.read_max_id));
    Ok(ctx.shared.core.read_thread(actor, ctx.user()?, group, top, max_id).await?)
}
