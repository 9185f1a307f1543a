//! `messages.getMessages#63c66506 id:Vector<InputMessage> = messages.Messages`
//!
//! What is not there comes as `messageEmpty`: the list is as long as the question.
//! Source: <https://core.telegram.org/method/messages.getMessages>

use node_core::MessageId;
use tl::enums::InputMessage;
use tl::enums::messages::Messages;
use tl::functions::messages::GetMessages;
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Messages of one call.
const MESSAGES_MAX: usize = 100;

pub(in crate::rpc) async fn get_messages(
    ctx: &Context,
    request: GetMessages,
) -> RpcResult<Messages> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    if request.id.len() > MESSAGES_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let mut ids = Vec::with_capacity(request.id.len());
    for named in &request.id {
        ids.push(match named {
            InputMessage::InputMessageId(message) => MessageId(message.id),
            InputMessage::InputMessageReplyTo(message) => {
                // The message that this one answers.
                let answering = core.messages(owner, &[MessageId(message.id)]).await?;
                let reply = answering.first().and_then(|stored| stored.message.reply.as_ref());
                reply.map_or(MessageId(0), |reply| reply.to)
            }
            // Nothing is pinned, and no bot asks.
            InputMessage::InputMessagePinned(_) | InputMessage::InputMessageCallbackQuery(_) => {
                MessageId(0)
            }
        });
    }
    let found = core.messages(owner, &ids).await?;
    let mut named = Named::default();
    let messages = ids.iter().map(|id| -> RpcResult<_> {
        let stored = found.iter().find(|stored| stored.id == *id).map(|stored| &stored.message);
        if let Some(message) = stored {
            named.shown_with(ctx.view()?, *id, message)?;
        }
        Ok(project::message_or_empty(ctx.view()?, *id, stored)?)
    });
    let messages = messages.collect::<RpcResult<_>>()?;
    let (users, chats) = named.shown(ctx.view()?)?;
    let topics = Vec::new();
    Ok(types::messages::Messages { messages, topics, chats, users }.into())
}
