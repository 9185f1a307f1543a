//! `messages.getHistory#4423e6c5 peer:InputPeer offset_id:int offset_date:int add_offset:int
//! limit:int max_id:int min_id:int hash:long = messages.Messages`
//!
//! Source: <https://core.telegram.org/method/messages.getHistory>

use node_core::HistoryQuery;
use tl::enums::messages::Messages;
use tl::functions::messages::GetHistory;
use tl::types;

use super::{Page, page, page_limit};
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_history(ctx: &Context, request: GetHistory) -> RpcResult<Messages> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let hidden = ctx.hidden_below(peer)?;
    let query = HistoryQuery {
        offset_id: request.offset_id,
        offset_date: request.offset_date,
        add_offset: request.add_offset,
        limit: page_limit(request.limit),
        max_id: request.max_id,
        min_id: request.min_id.max(hidden.0),
    };
    let core = &ctx.shared.core;
    // Before the page: what comes meanwhile is told again.
    let pts = peer.channel().map(|channel| core.channel_state(channel)).transpose()?;
    let found = core.history(owner, peer, query).await?;
    let Page { messages, users, chats } = page(ctx, &found.messages)?;
    let topics = Vec::new();
    if let Some(pts) = pts {
        let (pts, count) = (pts.0, found.count);
        return Ok(types::messages::ChannelMessages {
            pts,
            count,
            messages,
            topics,
            chats,
            users,
            ..types::messages::ChannelMessages::default()
        }
        .into());
    }
    // What is there in whole needs no count.
    if found.messages.len() as i32 == found.count {
        return Ok(types::messages::Messages { messages, topics, chats, users }.into());
    }
    Ok(types::messages::MessagesSlice {
        count: found.count,
        messages,
        topics,
        chats,
        users,
        ..types::messages::MessagesSlice::default()
    }
    .into())
}
