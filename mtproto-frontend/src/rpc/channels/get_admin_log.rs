//! `channels.getAdminLog#33ddf480 flags:# channel:InputChannel q:string
//! events_filter:flags.0?ChannelAdminLogEventsFilter admins:flags.1?Vector<InputUser> max_id:long
//! min_id:long limit:int = channels.AdminLogResults`
//!
//! Source: <https://core.telegram.org/api/recent-actions>

use node_core::{
    AdminAction, AdminEvent, AdminEvents, AdminLogQuery, BannedSender, ChannelId, ChannelSetting,
    ChannelView, ChatLink, Message, MessageId, Origin,
};
use tl::enums::ChannelAdminLogEventAction as Tl;
use tl::functions::channels::GetAdminLog;
use tl::{enums, types};

use super::ADMIN_REQUIRED;
use crate::project::{self, Named};
use crate::rpc::messages::exported;
use crate::rpc::{Context, RpcError, RpcResult};

/// Admins by whom events may be asked for at once.
const ADMINS_MAX: usize = 100;

/// Longest words that are looked for, in bytes.
const WORDS_BYTES_MAX: usize = 256;

/// Characters of a link's hash that are shown to whom it does not belong.
const HASH_SHOWN: usize = 5;

pub(in crate::rpc) async fn get_admin_log(
    ctx: &Context,
    request: GetAdminLog,
) -> RpcResult<types::channels::AdminLogResults> {
    let viewer = ctx.user()?;
    let found = ctx.channel_to_read(&request.channel)?;
    if found.admin_rights().is_empty() {
        return Err(ADMIN_REQUIRED);
    }
    let named_admins = request.admins.unwrap_or_default();
    if named_admins.len() > ADMINS_MAX || request.q.len() > WORDS_BYTES_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let by = named_admins.iter().map(|user| ctx.named_user(user)).collect::<RpcResult<_>>()?;
    let query = AdminLogQuery {
        kinds: request.events_filter.as_ref().map_or(AdminEvents::ALL, kinds),
        by,
        words: request.q,
        max_id: request.max_id,
        min_id: request.min_id,
        limit: match usize::try_from(request.limit) {
            Ok(limit) if limit > 0 => limit,
            _ => usize::MAX,
        },
    };
    let events = ctx.shared.core.admin_log(viewer, found.channel.id, &query).await?;
    let mut named = Named::default();
    named.peer(found.channel.id.into());
    let events = events.iter().map(|event| shape(ctx, &found, event, &mut named));
    let events = events.filter_map(Result::transpose).collect::<RpcResult<_>>()?;
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::channels::AdminLogResults { events, chats, users })
}

fn kinds(filter: &enums::ChannelAdminLogEventsFilter) -> AdminEvents {
    let enums::ChannelAdminLogEventsFilter::ChannelAdminLogEventsFilter(asked) = filter;
    AdminEvents::NONE
        .with(AdminEvents::JOIN, asked.join)
        .with(AdminEvents::LEAVE, asked.leave)
        .with(AdminEvents::INVITE, asked.invite)
        .with(AdminEvents::BAN, asked.ban)
        .with(AdminEvents::UNBAN, asked.unban)
        .with(AdminEvents::KICK, asked.kick)
        .with(AdminEvents::UNKICK, asked.unkick)
        .with(AdminEvents::PROMOTE, asked.promote)
        .with(AdminEvents::DEMOTE, asked.demote)
        .with(AdminEvents::INFO, asked.info)
        .with(AdminEvents::SETTINGS, asked.settings)
        .with(AdminEvents::PINNED, asked.pinned)
        .with(AdminEvents::EDIT, asked.edit)
        .with(AdminEvents::DELETE, asked.delete)
        .with(AdminEvents::LINKS, asked.invites)
        .with(AdminEvents::SEND, asked.send)
        .with(AdminEvents::FORUMS, asked.forums)
}

/// One event; `None` for what the API has no words for.
fn shape(
    ctx: &Context,
    found: &ChannelView,
    event: &AdminEvent,
    named: &mut Named,
) -> RpcResult<Option<enums::ChannelAdminLogEvent>> {
    let (view, channel) = (ctx.view()?, &*found.channel);
    named.user(event.by);
    let participant = |participant, named: &mut Named| {
        for user in project::participant_names(participant) {
            named.user(user);
        }
        project::channel_participant(view, channel, participant)
    };
    let message = |id: MessageId, said: &Message, named: &mut Named| {
        // What is shown beside messages belongs to those that are there.
        let said = Message { reacted: false, has_thread: false, ..said.clone() };
        named.shown_with(view, id, &said)?;
        project::message(view, id, &said)
    };
    let link = |link: &ChatLink, named: &mut Named| {
        named.user(link.admin);
        let mut shown = link.clone();
        if ctx.user()? != link.admin && ctx.user()? != channel.creator {
            shown.hash.truncate(HASH_SHOWN);
            shown.hash.push_str("...");
        }
        RpcResult::Ok(exported(ctx, &shown, 0))
    };
    let photo = |file| match file {
        Some(file) => project::photo(view, Origin::Channel(channel.id), file),
        None => Ok(types::PhotoEmpty { id: 0 }.into()),
    };
    let action: Tl = match &event.what {
        AdminAction::Title(before, now) => types::ChannelAdminLogEventActionChangeTitle {
            prev_value: before.clone(),
            new_value: now.clone(),
        }
        .into(),
        AdminAction::About(before, now) => types::ChannelAdminLogEventActionChangeAbout {
            prev_value: before.clone(),
            new_value: now.clone(),
        }
        .into(),
        AdminAction::Username(before, now) => types::ChannelAdminLogEventActionChangeUsername {
            prev_value: before.clone(),
            new_value: now.clone(),
        }
        .into(),
        AdminAction::Linked(before, now) => {
            let mut number = |other: &Option<ChannelId>| match other {
                Some(other) => {
                    named.peer((*other).into());
                    other.0
                }
                None => 0,
            };
            types::ChannelAdminLogEventActionChangeLinkedChat {
                prev_value: number(before),
                new_value: number(now),
            }
            .into()
        }
        AdminAction::Photo(before, now) => types::ChannelAdminLogEventActionChangePhoto {
            prev_photo: photo(*before)?,
            new_photo: photo(*now)?,
        }
        .into(),
        AdminAction::Set(before, now) => match setting(*before, *now) {
            Some(action) => action,
            None => return Ok(None),
        },
        AdminAction::Rights(before, now) => types::ChannelAdminLogEventActionDefaultBannedRights {
            prev_banned_rights: project::banned_rights(*before),
            new_banned_rights: project::banned_rights(*now),
        }
        .into(),
        AdminAction::Joined => types::ChannelAdminLogEventActionParticipantJoin {}.into(),
        AdminAction::JoinedByLink(by) => types::ChannelAdminLogEventActionParticipantJoinByInvite {
            via_chatlist: false,
            invite: link(by, named)?,
        }
        .into(),
        AdminAction::JoinedByRequest(by, approved_by) => {
            named.user(*approved_by);
            let invite = match by {
                Some(by) => link(by, named)?,
                None => types::ChatInvitePublicJoinRequests {}.into(),
            };
            let approved_by = approved_by.0;
            types::ChannelAdminLogEventActionParticipantJoinByRequest { invite, approved_by }.into()
        }
        AdminAction::Left => types::ChannelAdminLogEventActionParticipantLeave {}.into(),
        AdminAction::Added(added) => types::ChannelAdminLogEventActionParticipantInvite {
            participant: participant(added, named),
        }
        .into(),
        AdminAction::Admin(before, now) => {
            types::ChannelAdminLogEventActionParticipantToggleAdmin {
                prev_participant: participant(before, named),
                new_participant: participant(now, named),
            }
            .into()
        }
        AdminAction::Banned(before, now) => types::ChannelAdminLogEventActionParticipantToggleBan {
            prev_participant: participant(before, named),
            new_participant: participant(now, named),
        }
        .into(),
        AdminAction::Pinned(id, said) => {
            types::ChannelAdminLogEventActionUpdatePinned { message: message(*id, said, named)? }
                .into()
        }
        AdminAction::Edited(id, before, now) => types::ChannelAdminLogEventActionEditMessage {
            prev_message: message(*id, before, named)?,
            new_message: message(*id, now, named)?,
        }
        .into(),
        AdminAction::Deleted(id, said) => {
            types::ChannelAdminLogEventActionDeleteMessage { message: message(*id, said, named)? }
                .into()
        }
        AdminAction::Sent(id, said) => {
            types::ChannelAdminLogEventActionSendMessage { message: message(*id, said, named)? }
                .into()
        }
        AdminAction::LinkEdited(before, now) => {
            types::ChannelAdminLogEventActionExportedInviteEdit {
                prev_invite: link(before, named)?,
                new_invite: link(now, named)?,
            }
            .into()
        }
        AdminAction::LinkRevoked(ended) => {
            types::ChannelAdminLogEventActionExportedInviteRevoke { invite: link(ended, named)? }
                .into()
        }
        AdminAction::LinkDeleted(gone) => {
            types::ChannelAdminLogEventActionExportedInviteDelete { invite: link(gone, named)? }
                .into()
        }
        AdminAction::Reactions(before, now) => {
            types::ChannelAdminLogEventActionChangeAvailableReactions {
                prev_value: project::chat_reactions(before),
                new_value: project::chat_reactions(now),
            }
            .into()
        }
        AdminAction::PollStopped(id, said) => {
            types::ChannelAdminLogEventActionStopPoll { message: message(*id, said, named)? }.into()
        }
        AdminAction::SenderBanned(sender, banned) => {
            named.peer((*sender).into());
            let (by, date) = (event.by, event.date);
            let out =
                types::ChannelParticipantLeft { peer: project::peer((*sender).into()) }.into();
            let kept = project::banned_sender(&BannedSender { channel: *sender, by, date });
            let (prev_participant, new_participant) =
                if *banned { (out, kept) } else { (kept, out) };
            types::ChannelAdminLogEventActionParticipantToggleBan {
                prev_participant,
                new_participant,
            }
            .into()
        }
        AdminAction::TopicCreated(topic) => {
            let topic = project::short_topic(view, channel.id, topic, named);
            types::ChannelAdminLogEventActionCreateTopic { topic }.into()
        }
        AdminAction::TopicEdited(before, now) => types::ChannelAdminLogEventActionEditTopic {
            prev_topic: project::short_topic(view, channel.id, before, named),
            new_topic: project::short_topic(view, channel.id, now, named),
        }
        .into(),
        AdminAction::TopicDeleted(topic) => {
            let topic = project::short_topic(view, channel.id, topic, named);
            types::ChannelAdminLogEventActionDeleteTopic { topic }.into()
        }
        AdminAction::TopicPinned(topic, pinned) => {
            let topic = Some(project::short_topic(view, channel.id, topic, named));
            let (prev_topic, new_topic) = if *pinned { (None, topic) } else { (topic, None) };
            types::ChannelAdminLogEventActionPinTopic { prev_topic, new_topic }.into()
        }
        _ => return Ok(None),
    };
    let (id, date, user_id) = (event.id, event.date, event.by.0);
    Ok(Some(types::ChannelAdminLogEvent { id, date, user_id, action }.into()))
}

fn setting(before: ChannelSetting, now: ChannelSetting) -> Option<Tl> {
    use ChannelSetting as Is;
    Some(match (before, now) {
        (Is::SlowMode(prev_value), Is::SlowMode(new_value)) => {
            types::ChannelAdminLogEventActionToggleSlowMode { prev_value, new_value }.into()
        }
        (Is::Ttl(prev_value), Is::Ttl(new_value)) => {
            types::ChannelAdminLogEventActionChangeHistoryTtl { prev_value, new_value }.into()
        }
        (_, Is::HiddenHistory(new_value)) => {
            types::ChannelAdminLogEventActionTogglePreHistoryHidden { new_value }.into()
        }
        (_, Is::Signatures(new_value)) => {
            types::ChannelAdminLogEventActionToggleSignatures { new_value }.into()
        }
        (_, Is::Forum(now)) => {
            let new_value = now.is_some();
            types::ChannelAdminLogEventActionToggleForum { new_value }.into()
        }
        (_, Is::NoForwards(new_value)) => {
            types::ChannelAdminLogEventActionToggleNoForwards { new_value }.into()
        }
        _ => return None,
    })
}
