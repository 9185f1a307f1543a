//! `channel`, `channelForbidden`, `channelParticipant…`, and what admins may do.

use node_core::{
    AdminRights, Banned, BannedSender, Channel, ChannelId, ChannelRole, ChannelView, CoreError,
    CoreResult, Participant,
};
use tl::{enums, types};

use super::chat::{UNTIL_ALWAYS, banned_until, chat_photo};
use super::{View, banned_rights, banned_rights_from_tl, peer};

/// A channel as the viewer sees it. Who may not read it learns no more than its title.
///
/// # Errors
/// Those of the store.
pub(crate) fn channel(view: View<'_>, id: ChannelId) -> CoreResult<enums::Chat> {
    let seen = match view.core.channel_for(view.viewer, id) {
        Err(CoreError::UnknownChannel) => return Ok(types::ChatEmpty { id: id.0 }.into()),
        seen => seen?,
    };
    if seen.channel.deleted || !seen.may_read() {
        return Ok(forbidden(view, &seen));
    }
    let found = &seen.channel;
    let own = seen.own.as_ref().filter(|own| own.joined);
    let rights = seen.admin_rights();
    Ok(types::Channel {
        creator: found.creator == view.viewer,
        left: own.is_none(),
        broadcast: found.broadcast,
        megagroup: !found.broadcast,
        has_link: found.linked.is_some(),
        signatures: found.signatures,
        slowmode_enabled: found.slow_mode_s > 0,
        noforwards: found.noforwards,
        join_to_send: found.join_to_send,
        join_request: found.join_request,
        forum: found.forum,
        forum_tabs: found.forum_tabs,
        id: id.0,
        access_hash: Some(view.core.channel_access_hash(view.viewer, id)),
        title: found.title.clone(),
        username: found.username.clone(),
        photo: chat_photo(view, found.photo)?,
        date: own.map_or(found.date, |own| own.date),
        admin_rights: (!rights.is_empty())
            .then(|| admin_rights(rights, own.is_some_and(Participant::is_anonymous))),
        banned_rights: seen.own.as_ref().and_then(|own| match own.role {
            ChannelRole::Restricted { rights, until, .. } => Some(banned_until(rights, until)),
            _ => None,
        }),
        default_banned_rights: (!found.broadcast).then(|| banned_rights(found.banned)),
        participants_count: Some(found.members_everywhere()),
        ..types::Channel::default()
    }
    .into())
}

fn forbidden(view: View<'_>, seen: &ChannelView) -> enums::Chat {
    let found = &seen.channel;
    let until_date = seen.own.as_ref().and_then(|own| match own.role {
        ChannelRole::Banned { until, .. } => Some(until).filter(|until| *until != 0),
        _ => None,
    });
    types::ChannelForbidden {
        broadcast: found.broadcast,
        megagroup: !found.broadcast,
        id: found.id.0,
        access_hash: view.core.channel_access_hash(view.viewer, found.id),
        title: found.title.clone(),
        until_date,
        ..types::ChannelForbidden::default()
    }
    .into()
}

/// The group of another node in which a channel is discussed, before anybody here has opened it: as one that
/// the viewer may come into, or TDLib shows no comments.
///
/// # Errors
/// Those of the store.
pub(crate) fn unopened(view: View<'_>, of: &Channel, group: ChannelId) -> CoreResult<enums::Chat> {
    Ok(types::Channel {
        left: true,
        megagroup: true,
        has_link: true,
        id: group.0,
        access_hash: Some(view.core.channel_access_hash(view.viewer, group)),
        // What it is called is known when it is here.
        title: of.title.clone(),
        photo: chat_photo(view, None)?,
        date: of.date,
        ..types::Channel::default()
    }
    .into())
}

/// Somebody in a channel, or who was, as the viewer sees them. That the viewer may is the caller's to
/// ask; the answer has to name the participant, and those of [`participant_names`].
pub(crate) fn channel_participant(
    view: View<'_>,
    channel: &Channel,
    participant: &Participant,
) -> enums::ChannelParticipant {
    let (user_id, date) = (participant.user.0, participant.date);
    let is_viewer = participant.user == view.viewer;
    let rank = |rank: &str| (!rank.is_empty()).then(|| rank.to_owned());
    let banned = |kicked_by: i64, banned_rights| {
        let peer = peer(participant.user.into());
        let left = !participant.joined;
        types::ChannelParticipantBanned { left, peer, kicked_by, date, banned_rights, rank: None }
            .into()
    };
    match &participant.role {
        ChannelRole::Banned { until, by } => banned(by.0, banned_entirely(*until)),
        ChannelRole::Restricted { rights, until, by } => {
            banned(by.0, banned_until(*rights, *until))
        }
        _ if !participant.joined => {
            types::ChannelParticipantLeft { peer: peer(participant.user.into()) }.into()
        }
        ChannelRole::Creator { rank: own } => types::ChannelParticipantCreator {
            user_id,
            admin_rights: admin_rights(AdminRights::ALL, participant.is_anonymous()),
            rank: rank(own),
        }
        .into(),
        ChannelRole::Admin { rights, rank: own, by } => types::ChannelParticipantAdmin {
            can_edit: *by == view.viewer || channel.creator == view.viewer,
            self_: is_viewer,
            user_id,
            // Said together with `self`: they share a flag.
            inviter_id: is_viewer.then_some(participant.inviter.0),
            promoted_by: by.0,
            date,
            admin_rights: admin_rights(*rights, participant.is_anonymous()),
            rank: rank(own),
        }
        .into(),
        ChannelRole::Member if is_viewer => types::ChannelParticipantSelf {
            user_id,
            inviter_id: participant.inviter.0,
            date,
            ..types::ChannelParticipantSelf::default()
        }
        .into(),
        ChannelRole::Member => {
            types::ChannelParticipant { user_id, date, ..types::ChannelParticipant::default() }
                .into()
        }
    }
}

/// A channel in whose name nobody writes in a group; the answer has to name it, and who banned it.
pub(crate) fn banned_sender(sender: &BannedSender) -> enums::ChannelParticipant {
    types::ChannelParticipantBanned {
        left: true,
        peer: peer(sender.channel.into()),
        kicked_by: sender.by.0,
        date: sender.date,
        banned_rights: banned_entirely(0),
        rank: None,
    }
    .into()
}

/// Everybody whom [`channel_participant`] names.
pub(crate) fn participant_names(
    participant: &Participant,
) -> impl Iterator<Item = node_core::UserId> {
    let by = match participant.role {
        ChannelRole::Admin { by, .. }
        | ChannelRole::Restricted { by, .. }
        | ChannelRole::Banned { by, .. } => Some(by),
        ChannelRole::Member | ChannelRole::Creator { .. } => None,
    };
    [participant.user, participant.inviter].into_iter().chain(by)
}

/// Of who was removed: nothing may be done.
fn banned_entirely(until: i32) -> enums::ChatBannedRights {
    types::ChatBannedRights {
        view_messages: true,
        send_messages: true,
        send_media: true,
        send_stickers: true,
        send_gifs: true,
        send_games: true,
        send_inline: true,
        embed_links: true,
        until_date: if until == 0 { UNTIL_ALWAYS } else { until },
        ..types::ChatBannedRights::default()
    }
    .into()
}

/// What an admin may do.
fn admin_rights(rights: AdminRights, anonymous: bool) -> enums::ChatAdminRights {
    let has = |right| rights.contains_all(right);
    types::ChatAdminRights {
        change_info: has(AdminRights::CHANGE_INFO),
        post_messages: has(AdminRights::POST_MESSAGES),
        edit_messages: has(AdminRights::EDIT_MESSAGES),
        delete_messages: has(AdminRights::DELETE_MESSAGES),
        ban_users: has(AdminRights::BAN_USERS),
        invite_users: has(AdminRights::INVITE_USERS),
        pin_messages: has(AdminRights::PIN_MESSAGES),
        add_admins: has(AdminRights::ADD_ADMINS),
        // Who has it may, and does if they are to.
        anonymous,
        manage_topics: has(AdminRights::MANAGE_TOPICS),
        // What has no right of its own, such as the list of who is there.
        other: true,
        ..types::ChatAdminRights::default()
    }
    .into()
}

/// What an admin is to be allowed, as a client says it.
pub(crate) fn admin_rights_from_tl(rights: &enums::ChatAdminRights) -> AdminRights {
    let enums::ChatAdminRights::ChatAdminRights(rights) = rights;
    let said = AdminRights::NONE
        .with(AdminRights::CHANGE_INFO, rights.change_info)
        .with(AdminRights::POST_MESSAGES, rights.post_messages)
        .with(AdminRights::EDIT_MESSAGES, rights.edit_messages)
        .with(AdminRights::DELETE_MESSAGES, rights.delete_messages)
        .with(AdminRights::BAN_USERS, rights.ban_users)
        .with(AdminRights::INVITE_USERS, rights.invite_users)
        .with(AdminRights::PIN_MESSAGES, rights.pin_messages)
        .with(AdminRights::ADD_ADMINS, rights.add_admins)
        .with(AdminRights::ANONYMOUS, rights.anonymous)
        .with(AdminRights::MANAGE_TOPICS, rights.manage_topics);
    // Who has any has what every admin has.
    let other = rights.other || !said.is_empty();
    said.with(AdminRights::OTHER, other)
}

/// What is to be taken from somebody in a channel, as a client says it.
pub(crate) fn banned_in_channel_from_tl(rights: &enums::ChatBannedRights) -> Banned {
    let enums::ChatBannedRights::ChatBannedRights(sent) = rights;
    let until = if sent.until_date == UNTIL_ALWAYS { 0 } else { sent.until_date };
    Banned { entirely: sent.view_messages, rights: banned_rights_from_tl(rights), until }
}
