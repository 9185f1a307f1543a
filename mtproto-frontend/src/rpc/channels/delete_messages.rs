//! `channels.deleteMessages#84c1fd4e channel:InputChannel id:Vector<int> =
//! messages.AffectedMessages`
//!
//! Source: <https://core.telegram.org/method/channels.deleteMessages>

use node_core::{CoreError, MessageId};
use tl::enums::messages::AffectedMessages;
use tl::functions::channels::DeleteMessages;
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
    let channel = ctx.input_channel(&request.channel)?;
    let view = ctx.shared.core.channel_for(ctx.user()?, channel)?;
    // What is not shown is not there: nobody deletes it by its number.
    let hidden_below = view.own.map_or(MessageId(0), |own| own.hidden_below);
    let ids = request.id.into_iter().map(MessageId).filter(|id| *id > hidden_below).collect();
    let core = &ctx.shared.core;
    let affected = core.delete_in_channel(ctx.actor()?, ctx.user()?, channel, ids).await;
    let affected = affected.map_err(|error| match error {
        CoreError::AdminRightMissing => RpcError::new(403, "MESSAGE_DELETE_FORBIDDEN"),
        other => other.into(),
    })?;
    let (pts, pts_count) = (affected.pts.0, affected.pts_count);
    Ok(types::messages::AffectedMessages { pts, pts_count }.into())
}
