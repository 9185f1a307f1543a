//! `messages.getUnreadMentions#f107e790 flags:# peer:InputPeer top_msg_id:flags.0?int offset_id:int
//! add_offset:int limit:int max_id:int min_id:int = messages.Messages`,
//! `messages.readMentions#36e5bf4d flags:# peer:InputPeer top_msg_id:flags.0?int =
//! messages.AffectedHistory`
//!
//! Source: <https://core.telegram.org/api/mentions>

use node_core::{BoxId, MessageId, Talk};
use tl::enums;
use tl::functions::messages as f;
use tl::types::messages as t;

use super::search::thread;
use super::{Page, page, page_limit};
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_unread_mentions(
    ctx: &Context,
    request: f::GetUnreadMentions,
) -> RpcResult<enums::messages::Messages> {
    let (owner, peer, core) = (ctx.user()?, ctx.peer(&request.peer)?, &ctx.shared.core);
    let topic = thread(ctx, peer, request.top_msg_id)?;
    let all = core.unread_mentions(owner, Talk { peer, topic }).await?;
    let count = all.len() as i32;
    // The place of the first that is older than `offset_id`, moved by `add_offset`.
    let older = all.partition_point(|id| request.offset_id > 0 && id.0 >= request.offset_id);
    let from = usize::try_from(older as i64 + i64::from(request.add_offset)).unwrap_or(0);
    let within =
        |id: &&MessageId| (request.max_id <= 0 || id.0 < request.max_id) && id.0 > request.min_id;
    let some = all.iter().skip(from).filter(within).take(page_limit(request.limit));
    let ids: Vec<MessageId> = some.copied().collect();
    let mut found = core.messages(BoxId::of(owner, peer), &ids).await?;
    found.sort_by_key(|stored| std::cmp::Reverse(stored.id));
    let Page { messages, users, chats } = page(ctx, &found)?;
    let topics = Vec::new();
    if messages.len() as i32 == count {
        return Ok(t::Messages { messages, topics, chats, users }.into());
    }
    Ok(t::MessagesSlice { count, messages, topics, chats, users, ..t::MessagesSlice::default() }
        .into())
}

pub(in crate::rpc) async fn read_mentions(
    ctx: &Context,
    request: f::ReadMentions,
) -> RpcResult<t::AffectedHistory> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let core = &ctx.shared.core;
    if let Some(channel) = peer.channel() {
        let topic = thread(ctx, peer, request.top_msg_id)?;
        let left = core.read_mentions_in_channel(ctx.actor()?, owner, channel, topic).await?;
        let pts = core.channel_state(channel)?.0;
        return Ok(t::AffectedHistory { pts, pts_count: 0, offset: i32::from(left > 0) });
    }
    let (read, left) = core.read_mentions(ctx.actor()?, owner, peer).await?;
    let (pts, pts_count) = (read.pts.0, read.pts_count);
    Ok(t::AffectedHistory { pts, pts_count, offset: i32::from(left > 0) })
}
