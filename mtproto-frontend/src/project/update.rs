//! Updates: those that are pushed, and the same ones in answers and differences.

use std::sync::Arc;

use bytes::Bytes;
use node_core::{
    Authorization, BoxEvent, BoxRow, ChatChange, ChatId, Core, CoreResult, Message, Own, PeerId,
    Pts, UserId,
};
use parking_lot::Mutex;
use tl::{enums, types};

use super::{Named, View, banned_rights, message, own_update, participants, peer, status};
use crate::frontend::Shared;
use crate::session::NeutralUpdate;

/// One event of a box as an update.
///
/// `edited` is the present form of an edited message.
pub(crate) fn box_update(
    view: View<'_>,
    pts: Pts,
    row: &BoxRow,
    edited: Option<&Message>,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    let (pts, pts_count) = (pts.0, row.pts_count());
    Ok(match row {
        BoxRow::Message(stored) => {
            named.message(stored);
            let id = node_core::MessageId(pts);
            let message = message(view, id, stored)?;
            types::UpdateNewMessage { message, pts, pts_count }.into()
        }
        BoxRow::Edited(id) => match edited {
            Some(stored) => {
                named.message(stored);
                let message = message(view, *id, stored)?;
                types::UpdateEditMessage { message, pts, pts_count }.into()
            }
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
            let (requests_pending, recent) = view.core.pending_requests(chat)?;
            let requesters = recent.into_iter().map(|user| {
                named.user(user);
                user.0
            });
            let recent_requesters = requesters.collect();
            let peer = peer(chat.into());
            types::UpdatePendingJoinRequests { peer, requests_pending, recent_requesters }.into()
        }
        _ => types::UpdateChat { chat_id: chat.0 }.into(),
    }))
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
    Typing { from: UserId, to: PeerId, action: Arc<enums::SendMessageAction> },
    Chat { chat: ChatId, change: ChatChange },
    Status { user: UserId },
    Profile { user: UserId },
    Shown { user: UserId },
    Phone { user: UserId },
    Settings { user: UserId },
    Own(Own),
    Login(Arc<Authorization>),
    LoginToken,
}

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

    /// An event of the member's box.
    pub(crate) fn event(shared: &Shared, event: &Arc<BoxEvent>) -> Arc<Self> {
        Self::new(shared, event.owner, What::Box(event.clone()))
    }

    /// Somebody writes to the member.
    pub(crate) fn typing(
        shared: &Shared,
        viewer: UserId,
        from: UserId,
        to: PeerId,
        action: Arc<enums::SendMessageAction>,
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
                Some(box_update(view, event.pts, &event.row, event.edited.as_ref(), &mut named)?)
            }
            What::Typing { from, to, action } => {
                named.user(*from).peer(*to);
                let action = (**action).clone();
                Some(match to.chat() {
                    Some(chat) => {
                        let from_id = peer((*from).into());
                        types::UpdateChatUserTyping { chat_id: chat.0, from_id, action }.into()
                    }
                    None => {
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
