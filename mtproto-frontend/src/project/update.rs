//! Updates: those that are pushed, and the same ones in answers and differences.

use std::sync::Arc;

use bytes::Bytes;
use node_core::{
    AdminRights, Authorization, BoxEvent, BoxRow, ChannelId, ChannelRead, ChatChange, ChatId, Core,
    CoreError, CoreResult, Doing, Message, MessageId, Own, PeerId, PollId, Pts, SecretUpdate,
    UserId,
};
use parking_lot::Mutex;
use tl::{enums, types};

use super::{
    Named, View, banned_rights, history_ttl, message, own_update, participants, peer, status,
};
use crate::frontend::Shared;
use crate::session::NeutralUpdate;

/// A new message of the viewer's box, or of a channel, as an update.
///
/// # Errors
/// Those of the store.
pub(crate) fn new_message(
    view: View<'_>,
    id: MessageId,
    pts: Pts,
    stored: &Message,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    named.shown_with(view, id, stored)?;
    let message = message(view, id, stored)?;
    let (pts, pts_count) = (pts.0, 1);
    Ok(match stored.peer {
        PeerId::Channel(_) => types::UpdateNewChannelMessage { message, pts, pts_count }.into(),
        _ => types::UpdateNewMessage { message, pts, pts_count }.into(),
    })
}

/// A message of the viewer's box, or of a channel, in its new form, as an update.
///
/// # Errors
/// Those of the store.
pub(crate) fn edited_message(
    view: View<'_>,
    id: MessageId,
    pts: Pts,
    stored: &Message,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    named.shown_with(view, id, stored)?;
    let mut message = message(view, id, stored)?;
    // What else changes of a message, such as the preview of a page, is no edit for people.
    if let enums::Message::Message(message) = &mut message {
        message.edit_hide = stored.edited == 0;
    }
    let (pts, pts_count) = (pts.0, 1);
    Ok(match stored.peer {
        PeerId::Channel(_) => types::UpdateEditChannelMessage { message, pts, pts_count }.into(),
        _ => types::UpdateEditMessage { message, pts, pts_count }.into(),
    })
}

/// That something about a channel, or what the viewer is in it, changed: it is said beside it.
pub(crate) fn channel_changed(channel: ChannelId, named: &mut Named) -> enums::Update {
    named.peer(channel.into());
    types::UpdateChannel { channel_id: channel.0 }.into()
}

/// One event of a channel's box as an update, to a viewer who may read it and to whom nothing up to
/// `hidden` is shown. `edited` is the present form of an edited message.
///
/// # Errors
/// Those of the store.
pub(crate) fn channel_update(
    view: View<'_>,
    channel: ChannelId,
    hidden: MessageId,
    event: (Pts, &BoxRow),
    edited: Option<&Message>,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    let (at, row) = event;
    let (channel_id, pts, pts_count) = (channel.0, at.0, row.pts_count());
    named.peer(channel.into());
    let numbers = |ids: &[MessageId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    // Its pts has to be told, and nothing else: what is not there can go.
    let gone = |id: MessageId| {
        let messages = vec![id.0];
        types::UpdateDeleteChannelMessages { channel_id, messages, pts, pts_count }.into()
    };
    Ok(match row {
        BoxRow::Message(stored) if pts > hidden.0 => {
            new_message(view, MessageId(pts), at, stored, named)?
        }
        BoxRow::Message(_) => gone(MessageId(pts)),
        BoxRow::Edited(id) => match edited.filter(|_| *id > hidden) {
            Some(stored) => edited_message(view, *id, at, stored, named)?,
            None => gone(*id),
        },
        BoxRow::Deleted { ids, .. } => {
            let messages = numbers(ids);
            types::UpdateDeleteChannelMessages { channel_id, messages, pts, pts_count }.into()
        }
        BoxRow::Pinned { ids, pinned, .. } => types::UpdatePinnedChannelMessages {
            pinned: *pinned,
            channel_id,
            messages: numbers(ids),
            pts,
            pts_count,
        }
        .into(),
        BoxRow::ReadContents { ids, .. } => types::UpdateChannelReadMessagesContents {
            channel_id,
            messages: numbers(ids),
            ..types::UpdateChannelReadMessagesContents::default()
        }
        .into(),
        // How far anybody has read is no event of a channel's box.
        BoxRow::ReadInbox { .. } | BoxRow::ReadOutbox { .. } => channel_changed(channel, named),
    })
}

/// An event of a channel's box as it is pushed; `None` to who may not read it.
///
/// # Errors
/// Those of the store.
pub(super) fn of_channel(
    view: View<'_>,
    channel: ChannelId,
    event: &BoxEvent,
) -> CoreResult<Option<enums::Updates>> {
    let mut named = Named::default();
    let seen = match view.core.channel_to_read(view.viewer, channel) {
        // Not there any more: that was told.
        Err(CoreError::UnknownChannel) => return Ok(None),
        seen => seen?,
    };
    let hidden = seen.own.map_or(MessageId(0), |own| own.hidden_below);
    let at = (event.pts, &event.row);
    let update = channel_update(view, channel, hidden, at, event.edited.as_ref(), &mut named)?;
    let (users, chats) = named.shown(view)?;
    let date = view.core.now();
    Ok(Some(types::Updates { updates: vec![update], users, chats, date, seq: 0 }.into()))
}

/// The channel that a row of a box is about, as far as the row says so.
fn channel_of(row: &BoxRow) -> Option<ChannelId> {
    match row {
        BoxRow::Message(message) => message.peer.channel(),
        BoxRow::Edited(_) => None,
        BoxRow::Deleted { peer, .. }
        | BoxRow::ReadInbox { peer, .. }
        | BoxRow::ReadOutbox { peer, .. }
        | BoxRow::ReadContents { peer, .. }
        | BoxRow::Pinned { peer, .. } => peer.channel(),
    }
}

/// One event as an update: of the viewer's box, or what the viewer did in a channel.
///
/// `edited` is the present form of an edited message.
///
/// # Errors
/// Those of the store.
pub(crate) fn box_update(
    view: View<'_>,
    pts: Pts,
    row: &BoxRow,
    edited: Option<&Message>,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    if let Some(channel) = channel_of(row) {
        return channel_update(view, channel, MessageId(0), (pts, row), edited, named);
    }
    let (at, pts, pts_count) = (pts, pts.0, row.pts_count());
    Ok(match row {
        BoxRow::Message(stored) => new_message(view, MessageId(pts), at, stored, named)?,
        BoxRow::Edited(id) => match edited {
            Some(stored) => edited_message(view, *id, at, stored, named)?,
            // Deleted since, which comes next; the pts still has to be told.
            None => types::UpdateDeleteMessages { messages: vec![id.0], pts, pts_count }.into(),
        },
        BoxRow::Deleted { ids, .. } => {
            let messages = ids.iter().map(|id| id.0).collect();
            types::UpdateDeleteMessages { messages, pts, pts_count }.into()
        }
        BoxRow::ReadInbox { peer: with, max_id, still_unread, .. } => {
            named.peer(*with);
            types::UpdateReadHistoryInbox {
                peer: peer(*with),
                max_id: max_id.0,
                still_unread_count: *still_unread,
                pts,
                pts_count,
                ..types::UpdateReadHistoryInbox::default()
            }
            .into()
        }
        BoxRow::ReadOutbox { peer: with, max_id, .. } => {
            named.peer(*with);
            types::UpdateReadHistoryOutbox { peer: peer(*with), max_id: max_id.0, pts, pts_count }
                .into()
        }
        BoxRow::ReadContents { peer: with, ids } => {
            named.peer(*with);
            let messages = ids.iter().map(|id| id.0).collect();
            types::UpdateReadMessagesContents { messages, pts, pts_count, date: None }.into()
        }
        BoxRow::Pinned { peer: with, ids, pinned } => {
            named.peer(*with);
            types::UpdatePinnedMessages {
                pinned: *pinned,
                peer: peer(*with),
                messages: ids.iter().map(|id| id.0).collect(),
                pts,
                pts_count,
            }
            .into()
        }
    })
}

/// How a group is now, after something about it changed; `None` if there is no such group.
pub(crate) fn chat_update(
    view: View<'_>,
    chat: ChatId,
    change: ChatChange,
    named: &mut Named,
) -> CoreResult<Option<enums::Update>> {
    named.peer(chat.into());
    let Some(found) = view.core.chat(chat) else { return Ok(None) };
    Ok(Some(match change {
        ChatChange::Members => {
            // Who is not in it does not learn who is.
            if found.has(view.viewer) {
                for member in &found.members {
                    named.user(member.user).user(member.inviter);
                }
            }
            let participants = participants(view, &found);
            types::UpdateChatParticipants { participants }.into()
        }
        ChatChange::Rights => types::UpdateChatDefaultBannedRights {
            peer: peer(chat.into()),
            default_banned_rights: banned_rights(found.banned),
            version: found.version,
        }
        .into(),
        ChatChange::Requests if found.is_admin(view.viewer) => {
            pending_requests(view, chat.into(), named)?
        }
        _ => types::UpdateChat { chat_id: chat.0 }.into(),
    }))
}

/// How often posts were seen and forwarded, as updates; none for who may not read the channel.
fn channel_counts(
    view: View<'_>,
    channel: ChannelId,
    (views, forwards): &Counts,
    named: &mut Named,
) -> CoreResult<Vec<enums::Update>> {
    let seen = match view.core.channel_to_read(view.viewer, channel) {
        Err(CoreError::UnknownChannel) => return Ok(Vec::new()),
        seen => seen?,
    };
    named.peer(channel.into());
    let hidden_below = seen.own.map_or(MessageId(0), |own| own.hidden_below);
    let shown = |(id, _): &&(MessageId, i32)| *id > hidden_below;
    let channel_id = channel.0;
    let views = views.iter().filter(shown).map(|(id, views)| {
        types::UpdateChannelMessageViews { channel_id, id: id.0, views: *views }.into()
    });
    let forwards = forwards.iter().filter(shown).map(|(id, forwards)| {
        types::UpdateChannelMessageForwards { channel_id, id: id.0, forwards: *forwards }.into()
    });
    Ok(views.chain(forwards).collect())
}

/// Who asks to join a channel; `None` for who may not let them in.
pub(crate) fn channel_requests(
    view: View<'_>,
    channel: ChannelId,
    named: &mut Named,
) -> CoreResult<Option<enums::Update>> {
    let rights = view.core.channel_for(view.viewer, channel)?.admin_rights();
    if !rights.contains_all(AdminRights::INVITE_USERS) {
        return Ok(None);
    }
    named.peer(channel.into());
    pending_requests(view, channel.into(), named).map(Some)
}

fn pending_requests(view: View<'_>, place: PeerId, named: &mut Named) -> CoreResult<enums::Update> {
    let (requests_pending, recent) = view.core.pending_requests(place)?;
    let requesters = recent.into_iter().map(|user| {
        named.user(user);
        user.0
    });
    let (recent_requesters, peer) = (requesters.collect(), peer(place));
    Ok(types::UpdatePendingJoinRequests { peer, requests_pending, recent_requesters }.into())
}

/// What somebody is doing who writes, as they say it.
pub(crate) struct Typing {
    /// What.
    pub(crate) action: enums::SendMessageAction,
    /// In which thread of a supergroup.
    pub(crate) top_msg_id: Option<i32>,
}

impl Typing {
    /// As another node says it.
    pub(crate) fn of(doing: Doing, thread: Option<MessageId>) -> Self {
        // How far an upload is is not told between nodes.
        let progress = 0;
        let action = match doing {
            Doing::Cancel => types::SendMessageCancelAction {}.into(),
            Doing::RecordVideo => types::SendMessageRecordVideoAction {}.into(),
            Doing::UploadVideo => types::SendMessageUploadVideoAction { progress }.into(),
            Doing::RecordAudio => types::SendMessageRecordAudioAction {}.into(),
            Doing::UploadAudio => types::SendMessageUploadAudioAction { progress }.into(),
            Doing::UploadPhoto => types::SendMessageUploadPhotoAction { progress }.into(),
            Doing::UploadDocument => types::SendMessageUploadDocumentAction { progress }.into(),
            Doing::GeoLocation => types::SendMessageGeoLocationAction {}.into(),
            Doing::ChooseContact => types::SendMessageChooseContactAction {}.into(),
            Doing::RecordRound => types::SendMessageRecordRoundAction {}.into(),
            Doing::UploadRound => types::SendMessageUploadRoundAction { progress }.into(),
            Doing::ChooseSticker => types::SendMessageChooseStickerAction {}.into(),
            _ => types::SendMessageTypingAction {}.into(),
        };
        Self { action, top_msg_id: thread.map(|top| top.0) }
    }

    /// As other nodes are told; `None` for what stays here.
    pub(crate) fn doing(&self) -> Option<Doing> {
        use enums::SendMessageAction as A;
        Some(match &self.action {
            A::SendMessageCancelAction(_) => Doing::Cancel,
            A::SendMessageTypingAction(_) => Doing::Typing,
            A::SendMessageRecordVideoAction(_) => Doing::RecordVideo,
            A::SendMessageUploadVideoAction(_) => Doing::UploadVideo,
            A::SendMessageRecordAudioAction(_) => Doing::RecordAudio,
            A::SendMessageUploadAudioAction(_) => Doing::UploadAudio,
            A::SendMessageUploadPhotoAction(_) => Doing::UploadPhoto,
            A::SendMessageUploadDocumentAction(_) => Doing::UploadDocument,
            A::SendMessageGeoLocationAction(_) => Doing::GeoLocation,
            A::SendMessageChooseContactAction(_) => Doing::ChooseContact,
            A::SendMessageRecordRoundAction(_) => Doing::RecordRound,
            A::SendMessageUploadRoundAction(_) => Doing::UploadRound,
            A::SendMessageChooseStickerAction(_) => Doing::ChooseSticker,
            _ => return None,
        })
    }
}

/// Something to push to one member's sessions, in neutral form: it becomes bytes when it is sent,
/// in the layer that the session has then.
pub(crate) struct Pushed {
    core: Core,
    viewer: UserId,
    dc: i32,
    what: What,
    /// The last encoding: the sessions of one member mostly have one layer.
    encoded: Mutex<Option<(i32, Option<Bytes>)>>,
}

enum What {
    Box(Arc<BoxEvent>),
    Channel { channel: ChannelId, change: ChatChange },
    ChannelRequests { channel: ChannelId },
    ChannelCounts { channel: ChannelId, counts: Arc<Counts> },
    ChannelPoll { channel: ChannelId, id: MessageId, poll: PollId },
    ChannelRead { channel: ChannelId, read: ChannelRead },
    ChannelSeen { channel: ChannelId, max_id: MessageId },
    ThreadRead { thread: (ChannelId, MessageId), max_id: MessageId },
    ThreadSeen { thread: (ChannelId, MessageId), max_id: MessageId },
    TopicsPinned { channel: ChannelId, pinned: Option<(MessageId, bool)> },
    Typing { from: UserId, to: PeerId, action: Arc<Typing> },
    Chat { chat: ChatId, change: ChatChange },
    Status { user: UserId },
    Profile { user: UserId },
    Shown { user: UserId },
    Phone { user: UserId },
    Settings { user: UserId },
    Own(Own),
    Login(Arc<Authorization>),
    LoginToken,
    Secret(Arc<SecretUpdate>),
}

/// Posts with how often each was seen, and with how often each was forwarded.
pub(crate) type Counts = (Vec<(MessageId, i32)>, Vec<(MessageId, i32)>);

impl std::fmt::Debug for Pushed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pushed").field("viewer", &self.viewer).finish_non_exhaustive()
    }
}

impl Pushed {
    fn new(shared: &Shared, viewer: UserId, what: What) -> Arc<Self> {
        let (core, dc) = (shared.core.clone(), shared.profile.dc);
        Arc::new(Self { core, viewer, dc, what, encoded: Mutex::new(None) })
    }

    /// Something about a secret chat of the device.
    pub(crate) fn secret(shared: &Shared, viewer: UserId, update: &Arc<SecretUpdate>) -> Arc<Self> {
        Self::new(shared, viewer, What::Secret(update.clone()))
    }

    /// An event of the viewer's box, or of a channel that the viewer is in.
    pub(crate) fn event(shared: &Shared, viewer: UserId, event: &Arc<BoxEvent>) -> Arc<Self> {
        Self::new(shared, viewer, What::Box(event.clone()))
    }

    /// A channel changed, or what the viewer is in it.
    pub(crate) fn channel(
        shared: &Shared,
        viewer: UserId,
        channel: ChannelId,
        change: ChatChange,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::Channel { channel, change })
    }

    /// Somebody asks to join a channel, or waits no more.
    pub(crate) fn channel_requests(
        shared: &Shared,
        viewer: UserId,
        channel: ChannelId,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::ChannelRequests { channel })
    }

    /// A poll that a message of a channel shows changed.
    pub(crate) fn channel_poll(
        shared: &Shared,
        viewer: UserId,
        channel: ChannelId,
        id: MessageId,
        poll: PollId,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::ChannelPoll { channel, id, poll })
    }

    /// Posts of a channel were seen, or forwarded.
    pub(crate) fn counts(
        shared: &Shared,
        viewer: UserId,
        channel: ChannelId,
        counts: Arc<Counts>,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::ChannelCounts { channel, counts })
    }

    /// The viewer has read a channel.
    pub(crate) fn channel_read(
        shared: &Shared,
        viewer: UserId,
        channel: ChannelId,
        read: ChannelRead,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::ChannelRead { channel, read })
    }

    /// Somebody else has read what the viewer wrote in a channel.
    pub(crate) fn channel_seen(
        shared: &Shared,
        viewer: UserId,
        channel: ChannelId,
        max_id: MessageId,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::ChannelSeen { channel, max_id })
    }

    /// The viewer has read a thread.
    pub(crate) fn thread_read(
        shared: &Shared,
        viewer: UserId,
        thread: (ChannelId, MessageId),
        max_id: MessageId,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::ThreadRead { thread, max_id })
    }

    /// Topics stand above the others, or no longer.
    pub(crate) fn topics_pinned(
        shared: &Shared,
        viewer: UserId,
        channel: ChannelId,
        pinned: Option<(MessageId, bool)>,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::TopicsPinned { channel, pinned })
    }

    /// Somebody else has read what the viewer wrote in a thread.
    pub(crate) fn thread_seen(
        shared: &Shared,
        viewer: UserId,
        thread: (ChannelId, MessageId),
        max_id: MessageId,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::ThreadSeen { thread, max_id })
    }

    /// Somebody writes to the member.
    pub(crate) fn typing(
        shared: &Shared,
        viewer: UserId,
        from: UserId,
        to: PeerId,
        action: Arc<Typing>,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::Typing { from, to, action })
    }

    /// A group that the member is in, or was in, changed.
    pub(crate) fn chat(
        shared: &Shared,
        viewer: UserId,
        chat: ChatId,
        change: ChatChange,
    ) -> Arc<Self> {
        Self::new(shared, viewer, What::Chat { chat, change })
    }

    /// Somebody whom the member knows came or went.
    pub(crate) fn status(shared: &Shared, viewer: UserId, user: UserId) -> Arc<Self> {
        Self::new(shared, viewer, What::Status { user })
    }

    /// Somebody whom the member knows changed names.
    pub(crate) fn profile(shared: &Shared, viewer: UserId, user: UserId) -> Arc<Self> {
        Self::new(shared, viewer, What::Profile { user })
    }

    /// The member sees more or less of somebody than before.
    pub(crate) fn shown(shared: &Shared, viewer: UserId, user: UserId) -> Arc<Self> {
        Self::new(shared, viewer, What::Shown { user })
    }

    /// Somebody whom the member knows has another number.
    pub(crate) fn phone(shared: &Shared, viewer: UserId, user: UserId) -> Arc<Self> {
        Self::new(shared, viewer, What::Phone { user })
    }

    /// The member's address book or block list changed.
    pub(crate) fn settings(shared: &Shared, viewer: UserId, user: UserId) -> Arc<Self> {
        Self::new(shared, viewer, What::Settings { user })
    }

    /// The member changed something for oneself.
    pub(crate) fn own(shared: &Shared, owner: UserId, change: Own) -> Arc<Self> {
        Self::new(shared, owner, What::Own(change))
    }

    /// Another login of the member, new or confirmed.
    pub(crate) fn login(shared: &Shared, viewer: UserId, login: &Arc<Authorization>) -> Arc<Self> {
        Self::new(shared, viewer, What::Login(login.clone()))
    }

    /// The token that a waiting device shows was taken; nobody is logged in there.
    pub(crate) fn login_token(shared: &Shared) -> Arc<Self> {
        Self::new(shared, UserId(0), What::LoginToken)
    }

    fn updates(&self) -> CoreResult<Option<enums::Updates>> {
        let (core, viewer) = (&self.core, self.viewer);
        let view = View { core, viewer, dc: self.dc };
        let mut named = Named::default();
        let update = match &self.what {
            What::Box(event) => {
                if let Some(channel) = event.owner.channel() {
                    return of_channel(view, channel, event);
                }
                let edited = event.edited.as_ref();
                Some(box_update(view, event.pts, &event.row, edited, &mut named)?)
            }
            What::Channel { channel, change: ChatChange::Ttl } => {
                Some(history_ttl(core, viewer, (*channel).into(), &mut named)?)
            }
            What::Channel { channel, .. } => Some(channel_changed(*channel, &mut named)),
            What::ChannelRequests { channel } => channel_requests(view, *channel, &mut named)?,
            What::ChannelPoll { channel, id, poll } => {
                if !super::own::is_seen(core, viewer, (*channel).into(), *id)? {
                    return Ok(None);
                }
                super::poll_update(view, *poll, &mut named)?
            }
            What::ChannelCounts { channel, counts } => {
                let updates = channel_counts(view, *channel, counts, &mut named)?;
                if updates.is_empty() {
                    return Ok(None);
                }
                let (users, chats) = named.shown(view)?;
                let date = core.now();
                return Ok(Some(types::Updates { updates, users, chats, date, seq: 0 }.into()));
            }
            What::ChannelRead { channel, read } => {
                named.peer((*channel).into());
                let update = types::UpdateReadChannelInbox {
                    folder_id: None,
                    channel_id: channel.0,
                    max_id: read.max_id.0,
                    still_unread_count: core.unread_above(*channel, viewer, read.max_id)?,
                    pts: read.pts.0,
                };
                Some(update.into())
            }
            What::ChannelSeen { channel, max_id } => {
                named.peer((*channel).into());
                let (channel_id, max_id) = (channel.0, max_id.0);
                Some(types::UpdateReadChannelOutbox { channel_id, max_id }.into())
            }
            What::ThreadRead { thread, max_id } => {
                Some(super::thread::read_inbox(view, *thread, *max_id, &mut named)?)
            }
            What::ThreadSeen { thread, max_id } => {
                Some(super::thread::read_outbox(*thread, *max_id, &mut named))
            }
            What::TopicsPinned { channel, pinned } => {
                named.peer((*channel).into());
                Some(match pinned {
                    Some((topic, pinned)) => super::topic_pinned(*channel, *topic, *pinned),
                    None => super::topics_pinned(core, *channel),
                })
            }
            What::Typing { from, to, action } => {
                named.user(*from).peer(*to);
                let (action, top_msg_id) = (action.action.clone(), action.top_msg_id);
                let from_id = peer((*from).into());
                Some(match to {
                    PeerId::Chat(chat) => {
                        types::UpdateChatUserTyping { chat_id: chat.0, from_id, action }.into()
                    }
                    PeerId::Channel(channel) => {
                        let channel_id = channel.0;
                        types::UpdateChannelUserTyping { channel_id, top_msg_id, from_id, action }
                            .into()
                    }
                    _ => {
                        let user_id = from.0;
                        types::UpdateUserTyping { user_id, top_msg_id: None, action }.into()
                    }
                })
            }
            What::Chat { chat, change } => chat_update(view, *chat, *change, &mut named)?,
            What::Status { user } => core.view(viewer, *user)?.map(|view| {
                let status = status(view.status);
                types::UpdateUserStatus { user_id: user.0, status }.into()
            }),
            What::Profile { user } => core.view(viewer, *user)?.map(|view| {
                named.user(*user);
                let account = &view.user;
                let usernames = account.username.iter().map(|username| {
                    types::Username {
                        editable: true,
                        active: true,
                        username: username.clone(),
                        ..types::Username::default()
                    }
                    .into()
                });
                types::UpdateUserName {
                    user_id: user.0,
                    first_name: account.first_name.clone(),
                    last_name: account.last_name.clone(),
                    usernames: usernames.collect(),
                }
                .into()
            }),
            What::Phone { user } => core.view(viewer, *user)?.and_then(|view| {
                let phone = view.phone?.to_string();
                named.user(*user);
                Some(types::UpdateUserPhone { user_id: user.0, phone }.into())
            }),
            What::Shown { user } => {
                named.user(*user);
                Some(types::UpdateUser { user_id: user.0 }.into())
            }
            What::Settings { user } => match core.view(viewer, *user)? {
                None => None,
                Some(view) => {
                    named.user(*user);
                    let settings = super::peer_settings(core, &view, viewer)?.into();
                    Some(types::UpdatePeerSettings { peer: peer((*user).into()), settings }.into())
                }
            },
            What::Own(change) => own_update(view, change, &mut named)?,
            What::Login(login) => {
                // Where it is confirmed, only the hash is said.
                let unconfirmed = login.unconfirmed;
                let told = |text: &str| unconfirmed.then(|| text.to_owned());
                let update = types::UpdateNewAuthorization {
                    unconfirmed,
                    hash: login.hash,
                    date: unconfirmed.then_some(login.created),
                    device: told(&login.device.device_model),
                    location: told(&login.device.ip),
                };
                Some(update.into())
            }
            What::Secret(update) => match super::secret_update(view, update, &mut named) {
                Some(update) => Some(update),
                // The device asks for what it missed, which says what it has.
                None => return Ok(Some(types::UpdatesTooLong {}.into())),
            },
            // Alone: whoever is not logged in looks into nothing else.
            What::LoginToken => {
                let update = types::UpdateLoginToken {}.into();
                return Ok(Some(types::UpdateShort { update, date: core.now() }.into()));
            }
        };
        let Some(update) = update else { return Ok(None) };
        let (users, chats) = named.shown(view)?;
        let date = core.now();
        // seq 0: the box's pts orders what has one, and the rest may come in any order.
        Ok(Some(types::Updates { updates: vec![update], users, chats, date, seq: 0 }.into()))
    }
}

impl NeutralUpdate for Pushed {
    fn encode(&self, layer: i32) -> Option<Bytes> {
        if let Some((known, bytes)) = &*self.encoded.lock()
            && *known == layer
        {
            return bytes.clone();
        }
        let bytes = match self.updates() {
            Ok(updates) => {
                updates.and_then(|updates| tl::to_bytes(&updates, layer).ok().map(Bytes::from))
            }
            Err(cause) => {
                // The client misses a pts, and asks for the difference.
                tracing::error!(%cause, "an update was not encoded");
                None
            }
        };
        *self.encoded.lock() = Some((layer, bytes.clone()));
        bytes
    }
}
