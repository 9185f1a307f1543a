//! `channels.readHistory#cc104937 channel:InputChannel max_id:int = Bool`
//!
//! Source: <https://core.telegram.org/method/channels.readHistory>

use node_core::MessageId;
use tl::functions::channels::ReadHistory;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn read_history(ctx: &Context, request: ReadHistory) -> RpcResult<bool> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let max_id = MessageId(request.max_id);
    ctx.shared.core.read_channel(ctx.actor()?, owner, channel, max_id).await?;
    Ok(true)
}
