//! `messages.getUnreadMentions#f107e790 flags:# peer:InputPeer top_msg_id:flags.0?int offset_id:int
//! add_offset:int limit:int max_id:int min_id:int = messages.Messages`,
//! `messages.readMentions#36e5bf4d flags:# peer:InputPeer top_msg_id:flags.0?int =
//! messages.AffectedHistory`
//!
//! Mentions are marked in groups only: there is none to show or to read.
//! Source: <https://core.telegram.org/api/mentions>

use tl::functions::messages as f;
use tl::types::messages as t;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_unread_mentions(
    ctx: &Context,
    request: f::GetUnreadMentions,
) -> RpcResult<t::Messages> {
    ctx.peer(&request.peer)?;
    Ok(t::Messages::default())
}

pub(in crate::rpc) async fn read_mentions(
    ctx: &Context,
    request: f::ReadMentions,
) -> RpcResult<t::AffectedHistory> {
    ctx.peer(&request.peer)?;
    nothing(ctx).await
}

/// The box as it is: nothing was read.
async fn nothing(ctx: &Context) -> RpcResult<t::AffectedHistory> {
    let state = ctx.shared.core.state(ctx.user()?).await?;
    Ok(t::AffectedHistory { pts: state.pts.0, pts_count: 0, offset: 0 })
}
