//! `messages.deleteHistory#b08f922a flags:# just_clear:flags.0?true revoke:flags.1?true
//! peer:InputPeer max_id:int min_date:flags.2?int max_date:flags.3?int = messages.AffectedHistory`
//!
//! Goes on in further calls as long as `offset` is above 0.
//! Source: <https://core.telegram.org/method/messages.deleteHistory>

use node_core::{HistoryQuery, MessageId};
use tl::enums::messages::AffectedHistory;
use tl::functions::messages::DeleteHistory;
use tl::types;

use super::refuse;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn delete_history(
    ctx: &Context,
    request: DeleteHistory,
) -> RpcResult<AffectedHistory> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    // Channels have `channels.deleteHistory`.
    if peer.channel().is_some() {
        return Err(RpcError::new(400, "PEER_ID_INVALID"));
    }
    // By days of the calendar: not built.
    refuse(request.min_date.is_some() || request.max_date.is_some())?;
    let core = &ctx.shared.core;
    let query = HistoryQuery {
        // Up to and including; 0 means all, to both.
        max_id: if request.max_id > 0 { request.max_id.saturating_add(1) } else { 0 },
        limit: node_core::PAGE_MAX,
        ..HistoryQuery::default()
    };
    let page = core.history(owner, peer, query).await?;
    let more = page.messages.len() == node_core::PAGE_MAX;
    let ids: Vec<MessageId> = page.messages.iter().map(|stored| stored.id).collect();
    let affected = core.delete(ctx.actor()?, owner, ids, request.revoke).await?;
    if !more && !request.just_clear {
        core.forget_dialog(ctx.actor()?, owner, peer).await?;
    }
    let (pts, pts_count) = (affected.pts.0, affected.pts_count);
    Ok(types::messages::AffectedHistory { pts, pts_count, offset: i32::from(more) }.into())
}
