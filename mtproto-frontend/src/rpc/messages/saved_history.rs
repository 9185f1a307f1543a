//! `messages.getSavedHistory#998ab009 flags:# parent_peer:flags.0?InputPeer peer:InputPeer
//! offset_id:int offset_date:int add_offset:int limit:int max_id:int min_id:int hash:long =
//! messages.Messages`,
//! `messages.deleteSavedHistory#4dc5085f flags:# parent_peer:flags.0?InputPeer peer:InputPeer
//! max_id:int min_date:flags.2?int max_date:flags.3?int = messages.AffectedHistory`
//!
//! Source: <https://core.telegram.org/api/saved-messages>

use node_core::{HistoryQuery, MessageId, SearchPage, SearchQuery};
use tl::enums::messages::{AffectedHistory, Messages};
use tl::functions::messages::{DeleteSavedHistory, GetSavedHistory};
use tl::types;

use super::search::found_messages;
use super::{page_limit, refuse};
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_saved_history(
    ctx: &Context,
    request: GetSavedHistory,
) -> RpcResult<Messages> {
    // The topics of a channel's direct messages.
    refuse(request.parent_peer.is_some())?;
    let source = ctx.saved_peer(&request.peer)?;
    let query = HistoryQuery {
        offset_id: request.offset_id,
        offset_date: request.offset_date,
        add_offset: request.add_offset,
        limit: page_limit(request.limit),
        max_id: request.max_id,
        min_id: request.min_id,
    };
    let found = ctx.shared.core.saved_history(ctx.user()?, source, query).await?;
    let (count, newer) = (found.count, found.newer);
    let found = SearchPage { messages: found.messages, count, newer, exact: true };
    found_messages(ctx, &found, None)
}

/// Goes on in further calls as long as `offset` is above 0.
pub(in crate::rpc) async fn delete_saved_history(
    ctx: &Context,
    request: DeleteSavedHistory,
) -> RpcResult<AffectedHistory> {
    refuse(request.parent_peer.is_some())?;
    let (owner, source) = (ctx.user()?, ctx.saved_peer(&request.peer)?);
    let core = &ctx.shared.core;
    let query = SearchQuery {
        saved: Some(source),
        // Up to and including; 0 means all.
        max_id: if request.max_id > 0 { request.max_id.saturating_add(1) } else { 0 },
        min_date: request.min_date.unwrap_or(0),
        max_date: request.max_date.unwrap_or(0),
        limit: node_core::PAGE_MAX,
        ..SearchQuery::default()
    };
    let page = core.search(owner, &query).await?;
    let more = page.messages.len() == node_core::PAGE_MAX;
    let ids: Vec<MessageId> = page.messages.iter().map(|stored| stored.id).collect();
    let affected = core.delete(ctx.actor()?, owner, ids, false).await?;
    let (pts, pts_count) = (affected.pts.0, affected.pts_count);
    Ok(types::messages::AffectedHistory { pts, pts_count, offset: i32::from(more) }.into())
}
