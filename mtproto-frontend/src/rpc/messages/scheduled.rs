//! `messages.getScheduledHistory#f516760b peer:InputPeer hash:long = messages.Messages`,
//! `messages.getScheduledMessages#bdbb0464 peer:InputPeer id:Vector<int> = messages.Messages`,
//! `messages.sendScheduledMessages#bd38850a peer:InputPeer id:Vector<int> = Updates`,
//! `messages.deleteScheduledMessages#59ae2b16 peer:InputPeer id:Vector<int> = Updates`
//!
//! Source: <https://core.telegram.org/api/scheduled-messages>

use node_core::{CoreResult, MessageId, PeerId, Placed, SCHEDULED_DIALOG_MAX, Scheduled, Sent};
use tl::enums::messages::Messages;
use tl::functions::messages as f;
use tl::{enums, types};

use crate::project::{self, Named};
use crate::rpc::resolve::hash_of;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_scheduled_history(
    ctx: &Context,
    request: f::GetScheduledHistory,
) -> RpcResult<Messages> {
    let peer = ctx.peer(&request.peer)?;
    let found = ctx.shared.core.scheduled_history(ctx.user()?, peer).await?;
    let numbers = |one: &Scheduled| [one.id.0, one.message.edited, one.message.date];
    let hash = hash_of(found.iter().flat_map(numbers).map(i64::from));
    if request.hash != 0 && request.hash == hash {
        let count = found.len() as i32;
        return Ok(types::messages::MessagesNotModified { count }.into());
    }
    shape(ctx, &found)
}

pub(in crate::rpc) async fn get_scheduled_messages(
    ctx: &Context,
    request: f::GetScheduledMessages,
) -> RpcResult<Messages> {
    let peer = ctx.peer(&request.peer)?;
    let ids = ids(&request.id)?;
    let mut found = ctx.shared.core.scheduled_history(ctx.user()?, peer).await?;
    found.retain(|scheduled| ids.contains(&scheduled.id));
    shape(ctx, &found)
}

fn shape(ctx: &Context, found: &[Scheduled]) -> RpcResult<Messages> {
    let (view, mut named) = (ctx.view()?, Named::default());
    let messages = found.iter().map(|scheduled| {
        named.message(&scheduled.message);
        project::scheduled(view, scheduled)
    });
    let messages = messages.collect::<CoreResult<_>>()?;
    let (users, chats) = named.shown(ctx.view()?)?;
    let topics = Vec::new();
    Ok(types::messages::Messages { messages, topics, chats, users }.into())
}

fn ids(named: &[i32]) -> RpcResult<Vec<MessageId>> {
    if named.len() > SCHEDULED_DIALOG_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    Ok(named.iter().map(|id| MessageId(*id)).collect())
}

pub(in crate::rpc) async fn send_scheduled_messages(
    ctx: &Context,
    request: f::SendScheduledMessages,
) -> RpcResult<enums::Updates> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let ids = ids(&request.id)?;
    let sent = ctx.shared.core.send_scheduled(ctx.actor()?, owner, peer, ids).await?;
    sent_scheduled(ctx, peer, &sent)
}

/// Scheduled messages that were sent, as their sender learns it.
pub(super) fn sent_scheduled(
    ctx: &Context,
    peer: PeerId,
    sent: &[(MessageId, Sent)],
) -> RpcResult<enums::Updates> {
    let mut named = Named::default();
    named.peer(peer);
    let (gone, new): (Vec<_>, Vec<_>) = sent.iter().map(|(id, sent)| (*id, sent.id)).unzip();
    let mut updates = vec![project::scheduled_gone(peer, &gone, &new)];
    for (_, sent) in sent {
        let (view, message) = (ctx.view()?, &sent.message);
        updates.push(project::new_message(view, sent.id, sent.pts, message, &mut named)?);
    }
    answer(ctx, &named, updates)
}

pub(in crate::rpc) async fn delete_scheduled_messages(
    ctx: &Context,
    request: f::DeleteScheduledMessages,
) -> RpcResult<enums::Updates> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let ids = ids(&request.id)?;
    let gone = ctx.shared.core.delete_scheduled(ctx.actor()?, owner, peer, ids).await?;
    let mut named = Named::default();
    named.peer(peer);
    answer(ctx, &named, vec![project::scheduled_gone(peer, &gone, &[])])
}

/// What became of messages that were to be scheduled, with their `random_id`s.
pub(super) fn placed_updates(ctx: &Context, placed: &[(Placed, i64)]) -> RpcResult<enums::Updates> {
    let (mut named, mut updates) = (Named::default(), Vec::new());
    for (placed, random_id) in placed {
        let id = match placed {
            Placed::Waits(scheduled) => scheduled.id.0,
            Placed::Sent(sent) => sent.id.0,
        };
        updates.push(types::UpdateMessageId { id, random_id: *random_id }.into());
    }
    for (placed, _) in placed {
        updates.push(match placed {
            Placed::Waits(scheduled) => {
                named.message(&scheduled.message);
                let message = project::scheduled(ctx.view()?, scheduled)?;
                types::UpdateNewScheduledMessage { message }.into()
            }
            Placed::Sent(sent) => {
                let (view, message) = (ctx.view()?, &sent.message);
                project::new_message(view, sent.id, sent.pts, message, &mut named)?
            }
        });
    }
    answer(ctx, &named, updates)
}

/// A scheduled message that was changed.
pub(super) fn edited_scheduled(
    ctx: &Context,
    peer: PeerId,
    id: MessageId,
    placed: Placed,
) -> RpcResult<enums::Updates> {
    match placed {
        Placed::Sent(sent) => sent_scheduled(ctx, peer, &[(id, sent)]),
        Placed::Waits(scheduled) => {
            let mut named = Named::default();
            named.message(&scheduled.message);
            let message = project::scheduled(ctx.view()?, &scheduled)?;
            answer(ctx, &named, vec![types::UpdateNewScheduledMessage { message }.into()])
        }
    }
}

fn answer(ctx: &Context, named: &Named, updates: Vec<enums::Update>) -> RpcResult<enums::Updates> {
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}
