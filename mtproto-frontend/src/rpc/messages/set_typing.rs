//! `messages.setTyping#58943ee2 flags:# peer:InputPeer top_msg_id:flags.0?int
//! action:SendMessageAction = Bool`
//!
//! Lossy: no pts, never stored.
//! Source: <https://core.telegram.org/method/messages.setTyping>

use std::sync::Arc;

use node_core::MessageId;
use tl::functions::messages::SetTyping;

use super::send_message::to_write;
use crate::project::Typing;
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn set_typing(ctx: &Context, request: SetTyping) -> RpcResult<bool> {
    let (from, to) = (ctx.user()?, ctx.peer(&request.peer)?);
    let typing = Typing { action: request.action, top_msg_id: request.top_msg_id };
    let (doing, thread) = (typing.doing(), typing.top_msg_id.map(MessageId));
    let told = ctx.shared.core.typing(from, to, Arc::new(typing), doing, thread);
    told.map_err(to_write)?;
    Ok(true)
}
