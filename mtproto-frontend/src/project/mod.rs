//! What core knows, in TL's shapes, at one viewer's point of view.
//!
//! Every path that shows a user or a message goes through here: answers, pushed updates,
//! differences. So rights and privacy hold on all of them.

mod channel;
mod chat;
mod fan_out;
mod media;
mod message;
mod own;
mod poll;
mod privacy;
mod reactions;
mod secret;
mod settings;
mod stickers;
mod thread;
mod topic;
mod update;
mod user;
mod web_page;

use std::collections::BTreeSet;

use node_core::{
    Action, ChannelId, ChatId, Core, CoreResult, Entity, EntityKind, HIDDEN_AUTHOR, Media, Message,
    MessageId, PeerId, UserId,
};
use tl::enums;

pub(crate) use channel::{
    admin_rights_from_tl, banned_in_channel_from_tl, banned_sender, channel, channel_participant,
    participant_names, unopened,
};
pub(crate) use chat::{banned_rights, banned_rights_from_tl, chat, chat_reactions, participants};
pub(crate) use fan_out::FanOut;
pub(crate) use media::{document, media, photo};
pub(crate) use message::{
    entities, entities_from_tl, message, message_or_empty, scheduled, text_with_entities,
};
pub(crate) use own::{
    available_messages, draft_update, history_ttl, notify_update, own_update, scheduled_gone,
};
pub(crate) use poll::{poll_and_results, poll_hash, poll_update};
pub(crate) use privacy::{key as privacy_key, key_from_tl, rules as privacy_rules, rules_from_tl};
pub(crate) use reactions::{
    message_reactions, peer_reaction, reaction, reaction_from_tl, reactions_update,
};
pub(crate) use secret::{encrypted_chat, encrypted_file, encrypted_message, secret_update};
pub(crate) use settings::{
    default_notify_settings, draft, filter, folder_id, notify_settings, sound, sound_from_tl,
};
pub(crate) use stickers::{covered_set, found_stickers, full_sticker_set, sticker_of, sticker_set};
pub(crate) use thread::replies;
pub(crate) use topic::{forum_topic, short_topic, topic_pinned, topics_pinned};
pub(crate) use update::{
    Pushed, Typing, box_update, channel_changed, channel_requests, channel_update, chat_update,
    edited_message, new_message,
};
pub(crate) use user::{birthday, peer_settings, status, user};
pub(crate) use web_page::web_page;

/// Whose point of view it is.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) core: &'a Core,
    pub(crate) viewer: UserId,
    /// The DC that files are said to be on.
    pub(crate) dc: i32,
}

/// A peer in TL's shape.
pub(crate) fn peer(peer: PeerId) -> enums::Peer {
    match peer {
        PeerId::User(user) => tl::types::PeerUser { user_id: user.0 }.into(),
        PeerId::Chat(chat) => tl::types::PeerChat { chat_id: chat.0 }.into(),
        PeerId::Channel(channel) => tl::types::PeerChannel { channel_id: channel.0 }.into(),
        // What a later version adds is not shown before it can be.
        _ => tl::types::PeerUser { user_id: 0 }.into(),
    }
}

/// Users, groups and channels that an answer names: all of them have to be in it.
#[derive(Debug, Default)]
pub(crate) struct Named {
    users: BTreeSet<UserId>,
    chats: BTreeSet<ChatId>,
    channels: BTreeSet<ChannelId>,
    /// Who wrote in which channel: named where the channel shows it.
    writers: BTreeSet<(ChannelId, UserId)>,
}

impl Named {
    /// Names a user.
    pub(crate) fn user(&mut self, user: UserId) -> &mut Self {
        self.users.insert(user);
        self
    }

    /// Names a user, a group or a channel.
    pub(crate) fn peer(&mut self, peer: PeerId) -> &mut Self {
        self.users.extend(peer.user());
        self.chats.extend(peer.chat());
        self.channels.extend(peer.channel());
        self
    }

    /// Names everybody that a message does.
    pub(crate) fn message(&mut self, message: &Message) -> &mut Self {
        self.peer(message.peer);
        match message.peer.channel() {
            Some(channel) => match message.sent_as {
                // Whoever writes as somebody else is not named.
                Some(author) => {
                    self.peer(author);
                }
                None => {
                    self.writers.insert((channel, message.from));
                }
            },
            None => {
                self.users.insert(message.from);
            }
        }
        if let Some(forward) = &message.forward {
            if let Some(author) = forward.from.peer() {
                self.peer(author);
            }
            if let Some((from, _)) = forward.saved_from {
                self.peer(from);
            }
        }
        match &message.action {
            Some(Action::SetTtl { auto_from, .. }) => self.users.extend(*auto_from),
            Some(Action::ChatCreated { users, .. } | Action::ChatAdded(users)) => {
                self.users.extend(users);
            }
            Some(Action::ChatMigratedTo(channel)) => {
                self.channels.insert(*channel);
            }
            Some(Action::ChatMigratedFrom { chat, .. }) => {
                self.peer((*chat).into());
            }
            Some(Action::ChatRemoved(user) | Action::ChatJoinedByLink { inviter: user }) => {
                self.users.insert(*user);
            }
            _ => {}
        }
        if let Some(Media::Contact { user: Some(user), .. }) = message.media {
            self.users.insert(user);
        }
        self.entities(&message.entities)
    }

    /// Names everybody that a message of the viewer's box does, and who is shown beside it.
    pub(crate) fn shown_with(
        &mut self,
        view: View<'_>,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<&mut Self> {
        if let Some(Media::Poll(poll)) = message.media {
            self.poll(view, poll)?;
        }
        self.message(message).reactions(view, id, message)?.repliers(view, id, message)
    }

    /// Names everybody whom a formatted text mentions.
    pub(crate) fn entities(&mut self, entities: &[Entity]) -> &mut Self {
        for entity in entities {
            if let EntityKind::MentionName { user } = entity.kind {
                self.users.insert(user);
            }
        }
        self
    }

    /// Who is named, in the order of [`Named::users`].
    fn user_ids(&self, view: View<'_>) -> BTreeSet<UserId> {
        let mut ids = self.users.clone();
        // Who posts in a channel is nobody's to know.
        let shows = |channel| view.core.channel(channel).is_some_and(|channel| !channel.broadcast);
        ids.extend(self.writers.iter().filter(|(at, _)| shows(*at)).map(|(_, user)| *user));
        // It stands for no account: clients know it.
        ids.retain(|id| HIDDEN_AUTHOR != PeerId::User(*id));
        ids
    }

    /// All users and all channels, in the order in which they are shown; `None` where groups are named.
    fn ids(&self, view: View<'_>) -> Option<(BTreeSet<UserId>, Vec<ChannelId>)> {
        let ids = (self.user_ids(view), self.channels.iter().copied().collect());
        self.chats.is_empty().then_some(ids)
    }

    /// All users, as `viewer` sees them.
    pub(crate) fn users(&self, view: View<'_>) -> CoreResult<Vec<enums::User>> {
        let ids = self.user_ids(view);
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            users.push(match view.core.view(view.viewer, id)? {
                Some(found) => user(&found, view),
                None => tl::types::UserEmpty { id: id.0 }.into(),
            });
        }
        Ok(users)
    }

    /// All groups and channels, as the viewer sees them.
    pub(crate) fn chats(&self, view: View<'_>) -> CoreResult<Vec<enums::Chat>> {
        let channels = self.channels.iter().map(|id| channel(view, *id));
        self.chats.iter().map(|id| chat(view, *id)).chain(channels).collect()
    }

    /// All users, and all groups and channels.
    pub(crate) fn shown(&self, view: View<'_>) -> CoreResult<(Vec<enums::User>, Vec<enums::Chat>)> {
        Ok((self.users(view)?, self.chats(view)?))
    }
}
