//! `updates.getChannelDifference#03173d78 flags:# force:flags.0?true channel:InputChannel
//! filter:ChannelMessagesFilter pts:int limit:int = updates.ChannelDifference`
//!
//! Whoever may read a channel may ask, also without being in it. `force` and `filter` change nothing:
//! what is missing is answered whole, or not at all.
//! Source: <https://core.telegram.org/method/updates.getChannelDifference>

use node_core::{BoxRow, ChannelId, Difference, HistoryQuery, MessageId, Pts};
use tl::functions::updates::GetChannelDifference;
use tl::{enums, types};

use crate::project::{self, Named, channel_update};
use crate::rpc::messages::dialog_of;
use crate::rpc::{Context, RpcError, RpcResult};

/// Events that members ask for; bots may ask for more.
const LIMITS: std::ops::RangeInclusive<i32> = 10..=100;

/// Seconds after which a client that is not in the channel, and shows it, asks again.
const TIMEOUT_S: i32 = 30;

pub(in crate::rpc) async fn get_channel_difference(
    ctx: &Context,
    request: GetChannelDifference,
) -> RpcResult<enums::updates::ChannelDifference> {
    let seen = ctx.channel_to_read(&request.channel)?;
    let channel = seen.channel.id;
    let hidden = seen.own.map_or(MessageId(0), |own| own.hidden_below);
    if request.pts <= 0 {
        return Err(RpcError::new(400, "PERSISTENT_TIMESTAMP_EMPTY"));
    }
    let limit = request.limit.clamp(*LIMITS.start(), *LIMITS.end());
    let (from, rows_max) = (Pts(request.pts), limit.unsigned_abs() as usize);
    // Who lacks more than asked for starts anew, so there never is a next part.
    let missed = ctx.shared.core.difference(channel, from, rows_max, Some(limit)).await?;
    let (final_, timeout) = (true, Some(TIMEOUT_S));
    let (rows, pts) = match missed {
        Difference::Empty => {
            let pts = request.pts;
            return Ok(types::updates::ChannelDifferenceEmpty { final_, pts, timeout }.into());
        }
        Difference::TooLong(_) => return too_long(ctx, channel, hidden, rows_max).await,
        Difference::Events { rows, pts, .. } => (rows, pts),
    };
    let (mut named, view) = (Named::default(), ctx.view()?);
    named.peer(channel.into());
    let (mut new_messages, mut other_updates) = (Vec::new(), Vec::new());
    for event in &rows {
        let id = MessageId(event.pts.0);
        match &event.row {
            BoxRow::Message(_) if id <= hidden => {}
            BoxRow::Message(message) => {
                named.shown_with(view, id, message)?;
                new_messages.push(project::message(view, id, message)?);
            }
            row => {
                let (at, edited) = ((event.pts, row), event.edited.as_ref());
                let update = channel_update(view, channel, hidden, at, edited, &mut named)?;
                other_updates.push(update);
            }
        }
    }
    let (users, chats) = named.shown(view)?;
    let pts = pts.0;
    Ok(types::updates::ChannelDifference {
        final_,
        pts,
        timeout,
        new_messages,
        other_updates,
        chats,
        users,
    }
    .into())
}

/// The dialog as it is now, with its newest messages.
async fn too_long(
    ctx: &Context,
    channel: ChannelId,
    hidden: MessageId,
    limit: usize,
) -> RpcResult<enums::updates::ChannelDifference> {
    let (owner, core, view) = (ctx.user()?, &ctx.shared.core, ctx.view()?);
    let (page, _) = core.peer_dialogs(owner, &[channel.into()]).await?;
    let dialog = page.dialogs.first().ok_or(RpcError::new(400, "CHANNEL_INVALID"))?;
    let query = HistoryQuery { limit, min_id: hidden.0, ..HistoryQuery::default() };
    let newest = core.history(owner, channel.into(), query).await?;
    let mut named = Named::default();
    named.peer(channel.into());
    if let Some(draft) = &dialog.draft {
        named.entities(&draft.entities);
    }
    let mut messages = Vec::with_capacity(newest.messages.len());
    for stored in &newest.messages {
        named.shown_with(view, stored.id, &stored.message)?;
        messages.push(project::message(view, stored.id, &stored.message)?);
    }
    let (users, chats) = named.shown(view)?;
    Ok(types::updates::ChannelDifferenceTooLong {
        final_: true,
        timeout: Some(TIMEOUT_S),
        dialog: dialog_of(dialog),
        messages,
        chats,
        users,
    }
    .into())
}
