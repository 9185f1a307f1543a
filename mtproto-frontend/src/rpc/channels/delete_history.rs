//! `channels.deleteHistory#9baa9647 flags:# for_everyone:flags.0?true channel:InputChannel
//! max_id:int = Updates`,
//! `channels.deleteParticipantHistory#367544db channel:InputChannel participant:InputPeer =
//! messages.AffectedHistory`
//!
//! A channel's messages lie once, for all who are there: for everybody they go; for one alone they
//! are out of sight.
//! Sources: <https://core.telegram.org/method/channels.deleteHistory>,
//! <https://core.telegram.org/method/channels.deleteParticipantHistory>

use node_core::{AdminRights, Affected, ChannelId, HistoryQuery, MessageId, PAGE_MAX, PeerId, Pts};
use tl::functions::channels as f;
use tl::{enums, types};

use super::ADMIN_REQUIRED;
use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Messages that may go for everybody by one call. Protects who waits for the committer: clients do
/// not ask in pieces here.
const FOR_EVERYBODY_MAX: i32 = 10_000;

/// Messages of somebody that go by one call; clients ask again for the rest.
const OF_ONE_MAX: i32 = 1000;

/// Deletes some messages of a channel, page by page from the newest down, until so many are gone.
/// What became of each page, and whether more may be left.
async fn delete(
    ctx: &Context,
    channel: ChannelId,
    max_id: i32,
    most: i32,
    by: Option<PeerId>,
) -> RpcResult<(Vec<(Affected, Vec<i32>)>, bool)> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let (mut pages, mut gone) = (Vec::new(), 0);
    let mut query = HistoryQuery { max_id, limit: PAGE_MAX, ..HistoryQuery::default() };
    loop {
        let page = core.history(owner, channel.into(), query).await?.messages;
        let Some(last) = page.last().map(|stored| stored.id.0) else { return Ok((pages, false)) };
        // What happened in the group stays where somebody's words go.
        let goes = |message: &node_core::Message| {
            by.is_none_or(|by| message.author() == by && message.action.is_none())
        };
        let ids = page.iter().filter(|stored| goes(&stored.message)).map(|stored| stored.id);
        let ids: Vec<MessageId> = ids.collect();
        if !ids.is_empty() {
            let said = ids.iter().map(|id| id.0).collect();
            let affected = core.delete_in_channel(ctx.actor()?, owner, channel, ids).await?;
            gone += affected.pts_count;
            pages.push((affected, said));
        }
        if gone >= most {
            return Ok((pages, true));
        }
        query.max_id = last;
    }
}

pub(in crate::rpc) async fn delete_history(
    ctx: &Context,
    request: f::DeleteHistory,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let (core, peer) = (&ctx.shared.core, PeerId::from(channel));
    let view = core.channel_for(owner, channel)?;
    if !request.for_everyone {
        let max_id = MessageId(request.max_id);
        let hidden_below = core.clear_channel(ctx.actor()?, owner, channel, max_id).await?;
        let updates = vec![project::available_messages(channel, hidden_below)];
        let (users, chats) = Named::default().peer(peer).shown(ctx.view()?)?;
        return Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into());
    }
    if view.channel.creator != owner {
        return Err(ADMIN_REQUIRED);
    }
    // Up to and including; 0 means all.
    let max_id = if request.max_id > 0 { request.max_id.saturating_add(1) } else { 0 };
    let one = HistoryQuery { limit: 1, ..HistoryQuery::default() };
    if core.history(owner, peer, one).await?.count > FOR_EVERYBODY_MAX {
        return Err(RpcError::new(400, "CHANNEL_TOO_BIG"));
    }
    let (pages, _) = delete(ctx, channel, max_id, i32::MAX, None).await?;
    let updates = pages.into_iter().map(|(affected, messages)| {
        let Affected { pts: Pts(pts), pts_count } = affected;
        let channel_id = channel.0;
        types::UpdateDeleteChannelMessages { channel_id, messages, pts, pts_count }.into()
    });
    let updates = updates.collect();
    let (users, chats) = Named::default().peer(peer).shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

pub(in crate::rpc) async fn delete_participant_history(
    ctx: &Context,
    request: f::DeleteParticipantHistory,
) -> RpcResult<types::messages::AffectedHistory> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    // Of a channel: what was written in its name.
    let participant = ctx.peer(&request.participant);
    let participant = participant.map_err(|_| RpcError::new(400, "PARTICIPANT_ID_INVALID"))?;
    let core = &ctx.shared.core;
    let view = core.channel_for(owner, channel)?;
    if view.channel.broadcast || !view.admin_rights().contains_all(AdminRights::DELETE_MESSAGES) {
        return Err(ADMIN_REQUIRED);
    }
    let (pages, more) = delete(ctx, channel, 0, OF_ONE_MAX, Some(participant)).await?;
    let pts = match pages.last() {
        Some((affected, _)) => affected.pts,
        None => core.channel_state(channel)?,
    };
    let pts_count = pages.iter().map(|(affected, _)| affected.pts_count).sum();
    let offset = i32::from(more);
    Ok(types::messages::AffectedHistory { pts: pts.0, pts_count, offset })
}
