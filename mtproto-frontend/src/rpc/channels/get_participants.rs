//! `channels.getParticipants#77ced9d0 channel:InputChannel filter:ChannelParticipantsFilter
//! offset:int limit:int hash:long = channels.ChannelParticipants`,
//! `channels.getParticipant#a0ab6cc6 channel:InputChannel participant:InputPeer =
//! channels.ChannelParticipant`
//!
//! Who is in a channel is for its admins; who is in a supergroup, for everybody who reads it.
//! Sources: <https://core.telegram.org/method/channels.getParticipants>,
//! <https://core.telegram.org/method/channels.getParticipant>

use node_core::{BannedSender, ChannelId, ChannelRole, ParticipantFilter, ParticipantPage, PeerId};
use tl::enums::{ChannelParticipantsFilter as Filter, InputChannel};
use tl::functions::channels as f;
use tl::{enums, types};

use super::ADMIN_REQUIRED;
use crate::project::{self, Named};
use crate::rpc::resolve::hash_of;
use crate::rpc::{Context, RpcError, RpcResult};

const NOT_PARTICIPANT: RpcError = RpcError::new(400, "USER_NOT_PARTICIPANT");

pub(in crate::rpc) async fn get_participants(
    ctx: &Context,
    request: f::GetParticipants,
) -> RpcResult<enums::channels::ChannelParticipants> {
    let found = ctx.channel_to_read(&request.channel)?;
    let is_admin = !found.admin_rights().is_empty();
    let filter = match request.filter {
        Filter::ChannelParticipantsRecent(_) => Some(ParticipantFilter::Recent),
        Filter::ChannelParticipantsAdmins(_) => Some(ParticipantFilter::Admins),
        Filter::ChannelParticipantsKicked(of) => Some(ParticipantFilter::Kicked(of.q)),
        Filter::ChannelParticipantsBanned(of) => Some(ParticipantFilter::Restricted(of.q)),
        Filter::ChannelParticipantsSearch(of) => Some(ParticipantFilter::Search(of.q)),
        Filter::ChannelParticipantsContacts(of) => Some(ParticipantFilter::Contacts(of.q)),
        // Whoever is there may be mentioned.
        Filter::ChannelParticipantsMentions(of) => Some(match of.q.filter(|q| !q.is_empty()) {
            Some(q) => ParticipantFilter::Search(q),
            None => ParticipantFilter::Recent,
        }),
        Filter::ChannelParticipantsBots(_) => None,
    };
    let removed =
        matches!(filter, Some(ParticipantFilter::Kicked(_) | ParticipantFilter::Restricted(_)));
    if (found.channel.broadcast || removed || found.is_through()) && !is_admin {
        return Err(ADMIN_REQUIRED);
    }
    // Admins show themselves by what they do.
    let hidden = found.channel.hidden_members && !is_admin;
    let filter = filter.filter(|filter| !hidden || *filter == ParticipantFilter::Admins);
    let (offset, limit) = (at_least_none(request.offset), at_least_none(request.limit));
    let page = match &filter {
        Some(filter) => {
            let (core, viewer) = (&ctx.shared.core, ctx.user()?);
            core.participants(viewer, &found.channel, filter, offset, limit).await?
        }
        None => ParticipantPage::default(),
    };
    let hash = hash_of(page.participants.iter().map(|participant| participant.user.0));
    if request.hash != 0 && request.hash == hash {
        return Ok(types::channels::ChannelParticipantsNotModified {}.into());
    }
    let view = ctx.view()?;
    let mut named = Named::default();
    named.peer(found.channel.id.into());
    let participants = page.participants.iter().map(|participant| {
        project::participant_names(participant).for_each(|user| {
            named.user(user);
        });
        project::channel_participant(view, &found.channel, participant)
    });
    let mut participants: Vec<enums::ChannelParticipant> = participants.collect();
    let mut count = page.count;
    if let Some(ParticipantFilter::Kicked(words)) = &filter {
        // Behind the people.
        let senders = banned_senders(ctx, found.channel.id, words)?;
        let skipped = offset.saturating_sub(count);
        let room = limit.saturating_sub(participants.len());
        for sender in senders.iter().skip(skipped).take(room) {
            named.peer(sender.channel.into()).user(sender.by);
            participants.push(project::banned_sender(sender));
        }
        count += senders.len();
    }
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let (users, chats) = named.shown(view)?;
    Ok(types::channels::ChannelParticipants { count, participants, chats, users }.into())
}

/// Channels that are banned as senders, by a part of their titles.
fn banned_senders(ctx: &Context, group: ChannelId, words: &str) -> RpcResult<Vec<BannedSender>> {
    let (core, words) = (&ctx.shared.core, words.trim().to_lowercase());
    let mut senders = core.banned_senders(group)?;
    senders.retain(|sender| {
        let found = core.channel(sender.channel);
        found.is_some_and(|found| found.title.to_lowercase().contains(&words))
    });
    Ok(senders)
}

fn at_least_none(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

pub(in crate::rpc) async fn get_participant(
    ctx: &Context,
    request: f::GetParticipant,
) -> RpcResult<types::channels::ChannelParticipant> {
    let (viewer, core) = (ctx.user()?, &ctx.shared.core);
    if let Ok(PeerId::Channel(sender)) = ctx.peer(&request.participant) {
        return get_sender(ctx, &request.channel, sender);
    }
    let user = ctx.user_peer(&request.participant);
    let user = user.map_err(|_| RpcError::new(400, "PARTICIPANT_ID_INVALID"))?;
    let found = if user == viewer {
        // Who left a private one may still ask about oneself.
        core.channel_for(viewer, ctx.input_channel(&request.channel)?)?
    } else {
        ctx.channel_to_read(&request.channel)?
    };
    let is_admin = !found.admin_rights().is_empty();
    let is_hidden = found.channel.broadcast || found.channel.hidden_members || found.is_through();
    if user != viewer && is_hidden && !is_admin {
        return Err(ADMIN_REQUIRED);
    }
    let participant = core.participant(found.channel.id, user)?.ok_or(NOT_PARTICIPANT)?;
    let participant = core.participant_for(viewer, found.channel.id, participant)?;
    let is_shown = participant.joined
        || match participant.role {
            // Of who is out, admins see what was taken from them; the rest is nobody's business.
            ChannelRole::Banned { .. } | ChannelRole::Restricted { .. } => is_admin,
            _ => false,
        };
    if !is_shown {
        return Err(NOT_PARTICIPANT);
    }
    let view = ctx.view()?;
    let mut named = Named::default();
    named.peer(found.channel.id.into());
    for user in project::participant_names(&participant) {
        named.user(user);
    }
    let participant = project::channel_participant(view, &found.channel, &participant);
    let (users, chats) = named.shown(view)?;
    Ok(types::channels::ChannelParticipant { participant, chats, users })
}

/// A channel that may not be written as, for admins.
fn get_sender(
    ctx: &Context,
    named: &InputChannel,
    sender: ChannelId,
) -> RpcResult<types::channels::ChannelParticipant> {
    let found = ctx.channel_to_read(named)?;
    if found.admin_rights().is_empty() {
        return Err(NOT_PARTICIPANT);
    }
    let all = ctx.shared.core.banned_senders(found.channel.id)?;
    let banned = all.into_iter().find(|banned| banned.channel == sender).ok_or(NOT_PARTICIPANT)?;
    let mut named = Named::default();
    named.peer(found.channel.id.into()).peer(sender.into()).user(banned.by);
    let participant = project::banned_sender(&banned);
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::channels::ChannelParticipant { participant, chats, users })
}
