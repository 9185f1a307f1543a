//! What core knows, in TL's shapes, at one viewer's point of view.
//!
//! Every path that shows a user or a message goes through here: answers, pushed updates,
//! differences. So rights and privacy hold on all of them.

mod message;
mod own;
mod privacy;
mod settings;
mod update;
mod user;

use std::collections::BTreeSet;

use node_core::{
    Action, Core, CoreResult, Entity, EntityKind, HIDDEN_AUTHOR, Message, PeerId, UserId,
};
use tl::enums;

pub(crate) use message::{
    entities, entities_from_tl, message, message_or_empty, scheduled, text_with_entities,
};
pub(crate) use own::{draft_update, history_ttl, notify_update, own_update, scheduled_gone};
pub(crate) use privacy::{
    NamesGroups, key as privacy_key, key_from_tl, rules as privacy_rules, rules_from_tl,
};
pub(crate) use settings::{
    default_notify_settings, draft, filter, folder_id, notify_settings, sound, sound_from_tl,
};
pub(crate) use update::{Pushed, box_update};
pub(crate) use user::{birthday, peer_settings, status, user};

/// A peer in TL's shape.
pub(crate) fn peer(peer: PeerId) -> enums::Peer {
    tl::types::PeerUser { user_id: peer.user().0 }.into()
}

/// Users that an answer names: all of them have to be in it.
#[derive(Debug, Default)]
pub(crate) struct Named(BTreeSet<UserId>);

impl Named {
    /// Names a user.
    pub(crate) fn user(&mut self, user: UserId) -> &mut Self {
        self.0.insert(user);
        self
    }

    /// Names everybody that a message does.
    pub(crate) fn message(&mut self, message: &Message) -> &mut Self {
        self.0.insert(message.peer.user());
        self.0.insert(message.from);
        if let Some(forward) = &message.forward {
            self.0.extend(forward.from.user());
            self.0.extend(forward.saved_from.map(|(peer, _)| peer.user()));
        }
        if let Some(Action::SetTtl { auto_from: Some(user), .. }) = message.action {
            self.0.insert(user);
        }
        self.entities(&message.entities)
    }

    /// Names everybody whom a formatted text mentions.
    pub(crate) fn entities(&mut self, entities: &[Entity]) -> &mut Self {
        for entity in entities {
            if let EntityKind::MentionName { user } = entity.kind {
                self.0.insert(user);
            }
        }
        self
    }

    /// All of them, as `viewer` sees them.
    pub(crate) fn users(&self, core: &Core, viewer: UserId) -> CoreResult<Vec<enums::User>> {
        let mut users = Vec::with_capacity(self.0.len());
        // It stands for no account: clients know it.
        for id in self.0.iter().filter(|id| **id != HIDDEN_AUTHOR.user()) {
            users.push(match core.view(viewer, *id)? {
                Some(view) => user(&view, viewer),
                None => tl::types::UserEmpty { id: id.0 }.into(),
            });
        }
        Ok(users)
    }
}
