//! `messages.editMessage#51e842e1 flags:# no_webpage:flags.1?true … peer:InputPeer id:int
//! message:flags.11?string … entities:flags.3?Vector<MessageEntity> … = Updates`,
//! `messages.getMessageEditData#fda68d36 peer:InputPeer id:int = messages.MessageEditData`
//!
//! Source: <https://core.telegram.org/method/messages.editMessage>

use node_core::{AdminRights, BoxId, Edit, Media, Message, MessageId, ScheduledEdit, Text};
use tl::enums;
use tl::functions::messages::{EditMessage, GetMessageEditData};
use tl::types;

use super::polls::poll_updates;
use super::refuse;
use super::scheduled::edited_scheduled;
use super::send_message::{caption, text};
use crate::previews::first_link;
use crate::project::{self, Named};
use crate::rpc::media::{self, Uploads};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn edit_message(
    ctx: &Context,
    request: EditMessage,
) -> RpcResult<enums::Updates> {
    refuse(request.quick_reply_shortcut_id.is_some() || request.rich_message.is_some())?;
    let mut uploads = Uploads::default();
    let answer = edit(ctx, request, &mut uploads).await;
    uploads.settle(ctx);
    answer
}

async fn edit(
    ctx: &Context,
    request: EditMessage,
    uploads: &mut Uploads,
) -> RpcResult<enums::Updates> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    if let Some(enums::InputMedia::InputMediaPoll(media)) = &request.media {
        let enums::Poll::Poll(poll) = &media.poll;
        // Nothing else of a poll can be changed.
        refuse(!poll.closed || request.schedule_date.is_some())?;
        let (core, id) = (&ctx.shared.core, MessageId(request.id));
        let poll = core.close_poll(ctx.actor()?, owner, peer, id).await?;
        return poll_updates(ctx, poll, None);
    }
    let (id, core) = (MessageId(request.id), &ctx.shared.core);
    let before = match request.schedule_date {
        Some(_) => core.scheduled(owner, peer, id)?.map(|found| found.message),
        None => core.message(BoxId::of(owner, peer), id)?,
    };
    // Whether the text is one of media: of those that come, or of those that are there.
    let is_caption = match &request.media {
        Some(media) => media::has_caption(media),
        None => before.as_ref().is_some_and(has_caption),
    };
    let text = match &request.message {
        Some(message) if is_caption => Some(caption(ctx, message, request.entities)?),
        // Of what has no text, such as a place, none is meant.
        Some(message) if message.is_empty() && request.media.is_some() => None,
        Some(message) => Some(text(ctx, message, request.entities)?),
        None => None,
    };
    let media = match request.media {
        None | Some(enums::InputMedia::InputMediaEmpty(_)) => None,
        Some(named) => {
            let fingerprint = media::fingerprint(&named)?;
            Some(media::read(ctx, named, fingerprint, uploads).await?)
        }
    };
    if let Some(date) = request.schedule_date {
        // The number is of a scheduled message.
        let (date, repeat) = (Some(date), request.schedule_repeat_period);
        let edit = ScheduledEdit { text, media, date, repeat };
        let placed = core.edit_scheduled(ctx.actor()?, owner, peer, id, edit).await?;
        return edited_scheduled(ctx, peer, id, placed);
    }
    if text.is_none() && media.is_none() {
        return Err(RpcError::new(400, "MESSAGE_NOT_MODIFIED"));
    }
    // Of another link than before there is another preview, or none.
    let another = match (&before, &text) {
        (Some(before), Some(text)) => links_elsewhere(before, text),
        _ => false,
    };
    let (drops_media, invert_media) = (request.no_webpage || another, request.invert_media);
    let edit = Edit { text, media, drops_media, invert_media };
    let edited = core.edit(ctx.actor()?, owner, peer, id, edit).await?;
    if !request.no_webpage {
        ctx.shared.preview(owner, edited.id, &edited.message);
    }
    let mut named = Named::default();
    let (view, message) = (ctx.view()?, &edited.message);
    let update = project::edited_message(view, edited.id, edited.pts, message, &mut named)?;
    let updates = vec![update];
    let (users, chats) = named.shown(view)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

fn has_caption(message: &Message) -> bool {
    message.media.as_ref().is_some_and(Media::has_caption)
}

/// Whether the preview of a message is of a link that its new text does not begin with.
fn links_elsewhere(before: &Message, text: &Text) -> bool {
    let of_text = matches!(before.media, Some(Media::WebPage { manual: false, .. }));
    of_text && first_link(&before.text, &before.entities) != first_link(&text.text, &text.entities)
}

pub(in crate::rpc) async fn get_message_edit_data(
    ctx: &Context,
    request: GetMessageEditData,
) -> RpcResult<enums::messages::MessageEditData> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let (place, core) = (BoxId::of(owner, peer), &ctx.shared.core);
    let found = core.messages(place, &[MessageId(request.id)]).await?;
    let message = found.first().filter(|stored| stored.message.peer == peer);
    let message = message.ok_or(RpcError::new(400, "MESSAGE_ID_INVALID"))?;
    let edits_all = match peer.channel() {
        Some(channel) => {
            let view = core.channel_for(owner, channel)?;
            view.admin_rights().contains_all(AdminRights::EDIT_MESSAGES) && view.channel.broadcast
        }
        None => false,
    };
    let is_own = message.message.out || (peer.channel().is_some() && message.message.is_by(owner));
    if !is_own && !edits_all {
        return Err(RpcError::new(403, "MESSAGE_AUTHOR_REQUIRED"));
    }
    let caption = has_caption(&message.message);
    Ok(types::messages::MessageEditData { caption }.into())
}
