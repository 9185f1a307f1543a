//! Messages that are shown above their dialog.
//!
//! Source: <https://core.telegram.org/api/pin>

use std::collections::BTreeMap;

use crate::chats::{CHAT_MEMBERS_MAX, Rights};
use crate::decide::Decide;
use crate::ids::{Actor, BoxId, MessageId, PeerId, Pts, Talk, UserId};
use crate::message::{Action, BoxRow, Message, Reply};
use crate::send::COPIES_BYTES_MAX;
use crate::{Affected, Core, CoreError, CoreResult};

/// Pinned messages of one dialog. Protects the dialog's row.
pub(crate) const PINNED_MAX: usize = 500;

/// Messages that one command unpins.
const UNPIN_AT_ONCE: usize = 100;

/// Of a message beside its texts, roughly.
const MESSAGE_BYTES: usize = 100;

/// How a message is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinHow {
    /// Or unpinned.
    pub pinned: bool,
    /// For oneself only, and without a service message.
    pub one_side: bool,
    /// The service message makes no sound.
    pub silent: bool,
}

/// Events of one's own box that a command caused, in their order.
pub type OwnEvents = Vec<(Pts, BoxRow)>;

impl Core {
    /// Pins a message or unpins it. Nothing happens where it is so already.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::TooManyPinnedMessages`].
    pub async fn pin_message(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        how: PinHow,
    ) -> CoreResult<OwnEvents> {
        self.write(Some(actor), move |decide| decide.pin_message(owner, peer, id, how)).await
    }

    /// Unpins some of a dialog's messages, on both sides, or of those in a thread of a supergroup; and
    /// how many are left.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unpin_all(
        &self,
        actor: Actor,
        owner: UserId,
        talk: impl Into<Talk>,
    ) -> CoreResult<(Affected, usize)> {
        let talk = talk.into();
        self.write(Some(actor), move |decide| decide.unpin_all(owner, talk)).await
    }

    /// The pinned messages of a dialog, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn pinned_messages(&self, owner: UserId, peer: PeerId) -> CoreResult<Vec<MessageId>> {
        let pinned = {
            let place = BoxId::of(owner, peer);
            let cell = self.inner.boxes.cell(place);
            let state = cell.lock(&*self.inner.store, place)?;
            let dialog = state.dialogs.get(&peer);
            dialog.map_or(Vec::new(), |dialog| dialog.pinned.iter().rev().copied().collect())
        };
        self.settled().await?;
        Ok(pinned)
    }
}

impl Decide<'_> {
    pub(crate) fn pinned(
        &self,
        owner: impl Into<BoxId>,
        peer: PeerId,
    ) -> CoreResult<Vec<MessageId>> {
        let owner = owner.into();
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(self.store(), owner)?;
        let dialog = state.dialogs.get(&peer);
        Ok(dialog.map_or(Vec::new(), |dialog| dialog.pinned.iter().copied().collect()))
    }

    fn pin_message(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        how: PinHow,
    ) -> CoreResult<OwnEvents> {
        if let PeerId::Channel(channel) = peer {
            return self.pin_in_channel(owner, channel, id, how);
        }
        let message = self.message(owner, id)?.filter(|message| message.peer == peer);
        let message = message.filter(|message| message.action.is_none());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        self.may_pin(owner, peer)?;
        if how.pinned && self.pinned(owner, peer)?.len() >= PINNED_MAX {
            return Err(CoreError::TooManyPinnedMessages);
        }
        let mut events = self.set_pinned(owner, peer, &[(id, message)], how)?;
        let told = how.pinned && !how.one_side && peer != owner.into() && !events.is_empty();
        if told {
            let service = Message {
                action: Some(Action::Pin),
                reply: Some(Reply { to: id, quote: None }),
                silent: how.silent,
                ..Message::service(peer, owner, true, self.now())
            };
            let (pts, row) = self.place(owner, service)?;
            events.push((pts, row));
        }
        Ok(events)
    }

    /// Changes the rows of messages and tells both boxes.
    fn set_pinned(
        &mut self,
        owner: UserId,
        peer: PeerId,
        messages: &[(MessageId, Message)],
        how: PinHow,
    ) -> CoreResult<OwnEvents> {
        let pinned = how.pinned;
        // Whoever blocked the member keeps what is above the dialog.
        let others = !how.one_side
            && peer
                .user()
                .map_or(Ok(true), |other| Ok::<_, CoreError>(!self.is_blocked(other, owner)?))?;
        let mut own = Vec::new();
        let mut theirs: BTreeMap<(UserId, PeerId), Vec<(MessageId, Message)>> = BTreeMap::new();
        for (id, message) in messages {
            if message.pinned != pinned {
                own.push((*id, Message { pinned, ..message.clone() }));
            }
            if !others {
                continue;
            }
            for (user, id, copy) in self.present_copies(owner, message)? {
                let with = copy.peer;
                if copy.pinned != pinned && (!pinned || self.pinned(user, with)?.len() < PINNED_MAX)
                {
                    let copy = Message { pinned, ..copy };
                    theirs.entry((user, with)).or_default().push((id, copy));
                }
            }
        }
        let ids = |messages: &[(MessageId, Message)]| {
            let mut ids: Vec<MessageId> = messages.iter().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            ids
        };
        if !how.one_side && peer.user().is_some_and(crate::federation::is_remote) {
            self.pin_across(owner, messages.iter().map(|(id, _)| *id), pinned)?;
        }
        for (id, message) in &own {
            self.rewrite(owner, *id, message)?;
        }
        for ((user, _), messages) in &theirs {
            for (id, message) in messages {
                self.rewrite(*user, *id, message)?;
            }
        }
        let mut events = Vec::new();
        if !own.is_empty() {
            let row = BoxRow::Pinned { peer, ids: ids(&own), pinned };
            events.push((self.append(owner, row.clone())?, row));
        }
        for ((user, peer), messages) in &theirs {
            self.append(*user, BoxRow::Pinned { peer: *peer, ids: ids(messages), pinned })?;
        }
        Ok(events)
    }

    /// In a group not everybody may.
    fn may_pin(&self, owner: UserId, peer: PeerId) -> CoreResult<()> {
        match peer {
            PeerId::User(_) => Ok(()),
            PeerId::Chat(chat) => self.chat_for(owner, chat)?.needs(owner, Rights::PIN_MESSAGES),
            PeerId::Channel(_) => Err(CoreError::NotBuilt),
        }
    }

    fn unpin_all(
        &mut self,
        owner: UserId,
        Talk { peer, topic }: Talk,
    ) -> CoreResult<(Affected, usize)> {
        if let PeerId::Channel(channel) = peer {
            return self.unpin_all_in_channel(owner, channel, topic);
        }
        self.may_pin(owner, peer)?;
        let all = self.pinned(owner, peer)?;
        let mut messages = Vec::new();
        let copies = if peer.chat().is_some() { CHAT_MEMBERS_MAX } else { 2 };
        let mut bytes = 0;
        for id in all.iter().take(UNPIN_AT_ONCE) {
            let Some(message) = self.message(owner, *id)? else { continue };
            // All copies of it are written anew.
            bytes += copies * (message.text_bytes() + MESSAGE_BYTES);
            if bytes > COPIES_BYTES_MAX && !messages.is_empty() {
                break;
            }
            messages.push((*id, message));
        }
        let how = PinHow { pinned: false, one_side: false, silent: true };
        let events = self.set_pinned(owner, peer, &messages, how)?;
        let left = all.len().saturating_sub(messages.len());
        let affected = match events.last() {
            Some((pts, row)) => Affected { pts: *pts, pts_count: row.pts_count() },
            None => Affected { pts: Pts(self.next_id(owner)?.0 - 1), pts_count: 0 },
        };
        Ok((affected, left))
    }
}
