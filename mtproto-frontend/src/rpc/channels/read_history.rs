//! `channels.readHistory#cc104937 channel:InputChannel max_id:int = Bool`,
//! `channels.readMessageContents#eab5dc38 channel:InputChannel id:Vector<int> = Bool`
//!
//! Source: <https://core.telegram.org/method/channels.readHistory>

use node_core::MessageId;
use tl::functions::channels::{ReadHistory, ReadMessageContents};

use crate::rpc::{Context, RpcError, RpcResult};

/// Messages of one call.
const MESSAGES_MAX: usize = 100;

pub(in crate::rpc) async fn read_history(ctx: &Context, request: ReadHistory) -> RpcResult<bool> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let max_id = MessageId(request.max_id);
    ctx.shared.core.read_channel(ctx.actor()?, owner, channel, max_id).await?;
    Ok(true)
}

pub(in crate::rpc) async fn read_message_contents(
    ctx: &Context,
    request: ReadMessageContents,
) -> RpcResult<bool> {
    if request.id.len() > MESSAGES_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let ids = request.id.into_iter().map(MessageId).collect();
    ctx.shared.core.read_contents_in_channel(ctx.actor()?, owner, channel, ids).await?;
    Ok(true)
}
