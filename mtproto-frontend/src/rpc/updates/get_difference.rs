//! `updates.getDifference#19c2f763 flags:# pts:int pts_limit:flags.1?int
//! pts_total_limit:flags.0?int date:int qts:int qts_limit:flags.2?int = updates.Difference`
//!
//! `date` is not a filter: TDLib confirms with the largest one. By it only channels are chosen of
//! which a client is told that they went on: each has events of its own, by `getChannelDifference`; and
//! secret chats, of which it is told how they stand. What was said in these has numbers: `qts`.
//! Source: <https://core.telegram.org/method/updates.getDifference>

use node_core::{BoxRow, DIFFERENCE_ROWS_MAX, Difference, MessageId, Pts, SecretMissed};
use tl::functions::updates::GetDifference;
use tl::{enums, types};

use super::state;
use crate::project::{self, Named, box_update, encrypted_message, secret_update};
use crate::rpc::{Context, RpcError, RpcResult};

/// Seconds.
const DAY_S: i32 = 86_400;

pub(in crate::rpc) async fn get_difference(
    ctx: &Context,
    request: GetDifference,
) -> RpcResult<enums::updates::Difference> {
    let owner = ctx.user()?;
    if request.pts <= 0 {
        return Err(RpcError::new(400, "PERSISTENT_TIMESTAMP_EMPTY"));
    }
    ctx.resume_updates();
    let core = &ctx.shared.core;
    // TDLib asks with a limit of 1 only to confirm what it has seen: it takes what it gets.
    let limit = request.pts_limit.map_or(DIFFERENCE_ROWS_MAX, |limit| limit.max(1) as usize);
    let from = Pts(request.pts);
    let missed = core.difference(owner, from, limit, request.pts_total_limit).await?;
    let (mut named, mut other_updates) = (Named::default(), Vec::new());
    let (rows, pts, last) = match missed {
        Difference::Empty => (Vec::new(), from, true),
        Difference::TooLong(pts) => {
            return Ok(types::updates::DifferenceTooLong { pts: pts.0 }.into());
        }
        Difference::Events { rows, pts, last } => (rows, pts, last),
    };
    // The rest comes with the last of the box.
    let mut secret = SecretMissed { qts: request.qts, ..SecretMissed::default() };
    if last {
        // The clock may have been put back since; further ahead lies only what confirms.
        let latest = ctx.now().saturating_add(DAY_S);
        let since = Some(request.date).filter(|date| *date > 0 && *date <= latest);
        secret = core.secret_missed(owner, ctx.auth_key()?, request.qts, since).await?;
        other_updates = went_on(ctx, request.date, &mut named)?;
        let view = ctx.view()?;
        let of_chats = secret.updates.iter();
        other_updates.extend(of_chats.filter_map(|told| secret_update(view, told, &mut named)));
        let is_empty = rows.is_empty() && secret.messages.is_empty() && other_updates.is_empty();
        if pts == from && is_empty && secret.qts <= request.qts.max(1) {
            return Ok(types::updates::DifferenceEmpty { date: ctx.now(), seq: 0 }.into());
        }
    }
    let mut new_messages = Vec::new();
    for event in &rows {
        if let BoxRow::Message(message) = &event.row {
            let id = MessageId(event.pts.0);
            named.shown_with(ctx.view()?, id, message)?;
            new_messages.push(project::message(ctx.view()?, id, message)?);
        } else {
            let (pts, edited) = (event.pts, event.edited.as_ref());
            other_updates.push(box_update(ctx.view()?, pts, &event.row, edited, &mut named)?);
        }
    }
    let (users, chats) = named.shown(ctx.view()?)?;
    let mut state = state(ctx, pts, secret.qts, 0);
    let view = ctx.view()?;
    let said = secret.messages.iter();
    let new_encrypted_messages = said.map(|(_, said)| encrypted_message(view, said)).collect();
    Ok(if last && !secret.more {
        types::updates::Difference {
            new_messages,
            new_encrypted_messages,
            other_updates,
            chats,
            users,
            state,
        }
        .into()
    } else {
        // What goes by the date comes with the last slice: it is asked for by this one then.
        let enums::updates::State::State(seen) = &mut state;
        if request.date > 0 {
            seen.date = seen.date.min(request.date);
        }
        types::updates::DifferenceSlice {
            new_messages,
            new_encrypted_messages,
            other_updates,
            chats,
            users,
            intermediate_state: state,
        }
        .into()
    })
}

/// The channels in which something happened since a time, as far as that is known: whether the newest
/// event is older, where it is a message. A client that has it all asks for nothing.
fn went_on(ctx: &Context, since: i32, named: &mut Named) -> RpcResult<Vec<enums::Update>> {
    let (core, mut updates) = (&ctx.shared.core, Vec::new());
    // Whoever names a time to come confirms what it has seen.
    if since <= 0 || since > ctx.now() {
        return Ok(updates);
    }
    for channel in core.channels_of(ctx.user()?)? {
        let pts = core.channel_state(channel)?.0;
        let newest = core.message(channel, MessageId(pts))?;
        if newest.is_none_or(|newest| newest.date >= since) {
            named.peer(channel.into());
            let update = types::UpdateChannelTooLong { channel_id: channel.0, pts: Some(pts) };
            updates.push(update.into());
        }
    }
    Ok(updates)
}
