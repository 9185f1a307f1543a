//! `messages.saveDraft#ad0fa15c flags:# … reply_to:flags.4?InputReplyTo peer:InputPeer
//! message:string entities:flags.3?Vector<MessageEntity> … = Bool`,
//! `messages.getAllDrafts#6a3f8d65 = Updates`,
//! `messages.clearAllDrafts#7e58ee9c = Bool`
//!
//! Source: <https://core.telegram.org/api/drafts>

use node_core::{CoreError, Draft, DraftReply, MessageId, Talk, Text};
use tl::enums::InputReplyTo;
use tl::functions::messages::{ClearAllDrafts, GetAllDrafts, SaveDraft};
use tl::{enums, types};

use super::refuse;
use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn save_draft(ctx: &Context, request: SaveDraft) -> RpcResult<bool> {
    refuse(
        request.media.is_some()
            || request.effect.is_some()
            || request.suggested_post.is_some()
            || request.rich_message.is_some(),
    )?;
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let text = formatted(ctx, &request.message, request.entities)?;
    let topic = match &request.reply_to {
        Some(InputReplyTo::InputReplyToMessage(reply)) => reply.top_msg_id,
        _ => request.top_msg_id,
    };
    let reply = match request.reply_to {
        Some(reply) => Some(reply_of(ctx, reply)?),
        // Before layer 161 a number stood here.
        None => request
            .reply_to_msg_id
            .filter(|id| *id > 0)
            .map(|id| DraftReply { to: MessageId(id), quote: None }),
    };
    let draft = (!text.text.trim().is_empty() || reply.is_some()).then_some(Draft {
        text: text.text,
        entities: text.entities,
        reply,
        no_webpage: request.no_webpage,
        invert_media: request.invert_media,
        date: 0,
    });
    // A draft that answers nothing names its topic only, as what it answers.
    let topic = topic.filter(|topic| peer.channel().is_some() && *topic > 0).map(MessageId);
    let draft = draft.map(|mut draft: Draft| {
        draft.reply = draft.reply.filter(|reply| Some(reply.to) != topic || reply.quote.is_some());
        draft
    });
    let draft = draft.filter(|draft| !draft.text.trim().is_empty() || draft.reply.is_some());
    let talk = Talk { peer, topic };
    ctx.shared.core.save_draft(ctx.actor()?, owner, talk, draft).await?;
    Ok(true)
}

fn reply_of(ctx: &Context, reply: InputReplyTo) -> RpcResult<DraftReply> {
    let InputReplyTo::InputReplyToMessage(reply) = reply else {
        return Err(RpcError::NOT_IMPLEMENTED);
    };
    let offset = reply.quote_offset.unwrap_or(0);
    let quote = match reply.quote_text {
        Some(text) => {
            let quote = formatted(ctx, &text, reply.quote_entities)?;
            Some((quote.text, quote.entities, offset))
        }
        None => None,
    };
    Ok(DraftReply { to: MessageId(reply.reply_to_msg_id), quote })
}

fn formatted(
    ctx: &Context,
    text: &str,
    entities: Option<Vec<enums::MessageEntity>>,
) -> RpcResult<Text> {
    let entities = entities.unwrap_or_default();
    let entities = project::entities_from_tl(entities, |user| ctx.named_user(user))?;
    Text::draft(text, entities).map_err(|error| CoreError::from(error).into())
}

pub(in crate::rpc) async fn get_all_drafts(
    ctx: &Context,
    _: GetAllDrafts,
) -> RpcResult<enums::Updates> {
    let (core, owner) = (&ctx.shared.core, ctx.user()?);
    let mut named = Named::default();
    let mut updates = Vec::new();
    for (to, _) in core.drafts(owner)? {
        updates.push(project::draft_update(core, owner, to, &mut named)?);
    }
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: core.now(), seq: 0 }.into())
}

pub(in crate::rpc) async fn clear_all_drafts(ctx: &Context, _: ClearAllDrafts) -> RpcResult<bool> {
    ctx.shared.core.clear_drafts(ctx.actor()?, ctx.user()?).await?;
    Ok(true)
}
