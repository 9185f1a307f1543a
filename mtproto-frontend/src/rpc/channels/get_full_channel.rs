//! `channels.getFullChannel#08736a09 channel:InputChannel = messages.ChatFull`
//!
//! `online_count` is left out: who is there of a large channel would have to be counted.
//! Source: <https://core.telegram.org/method/channels.getFullChannel>

use node_core::{
    AdminRights, ChannelId, ChannelView, FolderId, MessageId, NotifyTarget, Origin, PeerId,
};
use tl::functions::channels::GetFullChannel;
use tl::types;

use crate::project::{self, Named};
use crate::rpc::messages::exported;
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_full_channel(
    ctx: &Context,
    request: GetFullChannel,
) -> RpcResult<types::messages::ChatFull> {
    let found = ctx.channel_to_read(&request.channel)?;
    let (viewer, core, view) = (ctx.user()?, &ctx.shared.core, ctx.view()?);
    let channel = &*found.channel;
    let peer = PeerId::from(channel.id);
    let (page, _) = core.peer_dialogs(viewer, &[peer]).await?;
    // Who is not in it has read nothing there, and misses nothing.
    let dialog = page.dialogs.first();
    let read = dialog.filter(|_| found.is_member());
    let is_admin = !found.admin_rights().is_empty();
    let is_owner = channel.creator == viewer;
    let counted = |count: i32| is_admin.then_some(count);
    let hidden_below = found.own.as_ref().map(|own| own.hidden_below);
    let hidden_below = hidden_below.filter(|below| *below > MessageId(0));
    let pinned = core.pinned_messages(viewer, peer).await?;
    let pinned = pinned.first().filter(|id| hidden_below.is_none_or(|below| **id > below));
    let mut named = Named::default();
    named.peer(peer);
    // One of another node may not be here yet.
    let unopened = core.discussion_to_open(channel.id);
    if let Some(linked) = channel.linked.filter(|_| unopened.is_none()) {
        named.peer(linked.into());
    }
    let sender = default_send_as(ctx, channel.id)?;
    if let Some(sender) = sender {
        named.peer(sender);
    }
    // What only those see who may let people in.
    let (mut exported_invite, mut requests) = (None, None);
    if found.admin_rights().contains_all(AdminRights::INVITE_USERS) {
        let link = core.permanent_link(peer, viewer).await?;
        exported_invite = link.map(|link| exported(ctx, &link, 0));
        let (pending, recent) = core.pending_requests(peer)?;
        if pending > 0 {
            let users: Vec<i64> = recent.iter().map(|user| user.0).collect();
            for user in recent {
                named.user(user);
            }
            requests = Some((pending, users));
        }
    }
    let (requests_pending, recent_requesters) = requests.unzip();
    // What was said in the group that it was, for those who have it.
    let mut migrated_from = None;
    if let Some(chat) = channel.migrated_from
        && core.knows_chat(viewer, chat)?
    {
        let (page, _) = core.peer_dialogs(viewer, &[chat.into()]).await?;
        named.peer(chat.into());
        migrated_from = page.dialogs.first().map(|dialog| (chat.0, dialog.top.0));
    }
    let (migrated_from_chat_id, migrated_from_max_id) = migrated_from.unzip();
    let reactions = core.channel_reactions(channel.id)?;
    let full = types::ChannelFull {
        can_view_participants: is_admin || !(channel.broadcast || channel.hidden_members),
        participants_hidden: channel.hidden_members,
        has_scheduled: core.has_scheduled(viewer, peer).await?,
        ttl_period: (channel.ttl_period > 0).then_some(channel.ttl_period),
        can_set_username: is_owner,
        can_delete_channel: is_owner,
        hidden_prehistory: channel.hidden_history,
        view_forum_as_messages: found.own.as_ref().is_some_and(|own| own.forum_as_messages),
        id: channel.id.0,
        about: channel.about.clone(),
        participants_count: Some(channel.members_everywhere()),
        admins_count: counted(channel.admins),
        kicked_count: counted(channel.kicked),
        banned_count: counted(channel.restricted),
        read_inbox_max_id: read.map_or(0, |dialog| dialog.read_inbox.0),
        read_outbox_max_id: read.map_or(0, |dialog| dialog.read_outbox.0),
        unread_count: read.map_or(0, |dialog| dialog.unread),
        chat_photo: match channel.photo {
            Some(photo) => project::photo(view, Origin::Channel(channel.id), photo)?,
            None => types::PhotoEmpty { id: 0 }.into(),
        },
        notify_settings: project::notify_settings(&core.notify(viewer, NotifyTarget::Peer(peer))?)
            .into(),
        exported_invite,
        requests_pending,
        recent_requesters,
        pinned_msg_id: pinned.map(|id| id.0),
        migrated_from_chat_id,
        migrated_from_max_id,
        available_min_id: hidden_below.map(|below| below.0),
        default_send_as: sender.map(project::peer),
        linked_chat_id: channel.linked.map(|linked| linked.0),
        folder_id: dialog
            .is_some_and(|dialog| dialog.folder == FolderId::Archive)
            .then_some(project::folder_id(FolderId::Archive)),
        slowmode_seconds: Some(channel.slow_mode_s).filter(|seconds| *seconds > 0),
        slowmode_next_send_date: next_send_date(&found).filter(|date| *date > ctx.now()),
        pts: core.channel_state(channel.id)?.0,
        available_reactions: Some(project::chat_reactions(&reactions.available)),
        reactions_limit: Some(i32::from(reactions.kinds_max)),
        ..types::ChannelFull::default()
    };
    let (users, mut chats) = named.shown(view)?;
    if let Some(group) = unopened {
        chats.push(project::unopened(view, channel, group)?);
    }
    Ok(types::messages::ChatFull { full_chat: full.into(), chats, users })
}

/// In whose name the viewer writes, where there is a choice or it is not their own.
fn default_send_as(ctx: &Context, channel: ChannelId) -> RpcResult<Option<PeerId>> {
    let (viewer, core) = (ctx.user()?, &ctx.shared.core);
    let sender = core.default_sender(viewer, channel)?;
    let plain = sender == viewer.into() && core.senders(viewer, channel)?.len() <= 1;
    Ok((!plain).then_some(sender))
}

/// When slow mode lets a member write again.
fn next_send_date(view: &ChannelView) -> Option<i32> {
    let pace = view.channel.slow_mode_s;
    let own = view.own.as_ref().filter(|own| pace > 0 && own.wrote > 0 && !own.is_admin());
    own.map(|own| own.wrote.saturating_add(pace))
}
