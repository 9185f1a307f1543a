//! `messages.deleteMessages#e58e95d2 flags:# revoke:flags.0?true id:Vector<int> =
//! messages.AffectedMessages`
//!
//! Source: <https://core.telegram.org/method/messages.deleteMessages>

use node_core::MessageId;
use tl::enums::messages::AffectedMessages;
use tl::functions::messages::DeleteMessages;
use tl::types;

use crate::rpc::{Context, RpcError, RpcResult};

/// Messages of one call: what clients send at most.
const MESSAGES_MAX: usize = 100;

pub(in crate::rpc) async fn delete_messages(
    ctx: &Context,
    request: DeleteMessages,
) -> RpcResult<AffectedMessages> {
    if request.id.len() > MESSAGES_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let ids = request.id.into_iter().map(MessageId).collect();
    let core = &ctx.shared.core;
    let affected = core.delete(ctx.actor()?, ctx.user()?, ids, request.revoke).await?;
    let (pts, pts_count) = (affected.pts.0, affected.pts_count);
    Ok(types::messages::AffectedMessages { pts, pts_count }.into())
}
