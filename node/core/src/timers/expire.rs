//! Messages that go by themselves, and the timers of dialogs that make them.

use serde::{Deserialize, Serialize};

use super::{Kind, at};
use crate::channels::ChannelSetting;
use crate::chats::{Chat, Rights};
use crate::decide::Decide;
use crate::event::Own;
use crate::federation::is_remote;
use crate::ids::{Actor, BoxId, MessageId, PeerId, UserId};
use crate::message::{Action, BoxRow, Message};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::send::Sent;
use crate::{Core, CoreError, CoreResult};

/// Longest time that messages may stay, in seconds: a year.
const PERIOD_MAX_S: i32 = 366 * 86_400;

/// After how many seconds messages of a dialog go. Rest of the key: the peer. Both parties have
/// the same.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct HistoryTtl(pub(crate) i32);

impl Record for HistoryTtl {
    const VERSION: u8 = 1;
    const NAME: &'static str = "timer of a dialog";
}

impl PersonalRecord for HistoryTtl {
    const KIND: u8 = 61;
}

/// The same for dialogs that a member begins. One row.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct DefaultTtl(i32);

impl Record for DefaultTtl {
    const VERSION: u8 = 1;
    const NAME: &'static str = "timer of new dialogs";
}

impl PersonalRecord for DefaultTtl {
    const KIND: u8 = 62;
}

/// What goes when a timer of a message fires: it, and its twin.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Expiry {
    peer: PeerId,
    twin: MessageId,
}

impl Record for Expiry {
    const VERSION: u8 = 1;
    const NAME: &'static str = "timer of a message";
}

impl Core {
    /// From now on, messages of a dialog go after `period` seconds, from both boxes; 0: they stay.
    ///
    /// # Errors
    /// [`CoreError::TtlInvalid`], [`CoreError::NotModified`], [`CoreError::UnknownUser`].
    pub async fn set_history_ttl(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        period: i32,
    ) -> CoreResult<Sent> {
        self.write(Some(actor), move |decide| {
            if peer == owner.into() || peer == UserId::SERVICE.into() {
                return Err(CoreError::UnknownUser);
            }
            if let PeerId::Channel(channel) = peer {
                let done = decide.set_in_channel(owner, channel, ChannelSetting::Ttl(period))?;
                return done.sent.into_iter().next().ok_or(CoreError::NotModified);
            }
            check_period(period)?;
            if decide.history_ttl(owner, peer)? == period {
                return Err(CoreError::NotModified);
            }
            decide.may_write(owner, peer)?;
            // The other node would not keep to it.
            if peer.user().is_some_and(is_remote) {
                return Err(CoreError::NotBuilt);
            }
            if let PeerId::Chat(chat) = peer {
                decide.chat(chat)?.needs(owner, Rights::CHANGE_INFO)?;
            }
            decide.change_ttl(owner, peer, period, None)
        })
        .await
    }

    /// Dialogs that a member begins get this timer; 0: none.
    ///
    /// # Errors
    /// [`CoreError::TtlInvalid`].
    pub async fn set_default_ttl(
        &self,
        actor: Actor,
        owner: UserId,
        period: i32,
    ) -> CoreResult<()> {
        check_period(period)?;
        self.write(Some(actor), move |decide| {
            let record = (period != 0).then_some(DefaultTtl(period));
            decide.set_personal(owner, &[], record.as_ref())
        })
        .await
    }

    /// The timer of dialogs that a member begins; 0: none.
    ///
    /// # Errors
    /// Those of the store.
    pub fn default_ttl(&self, owner: UserId) -> CoreResult<i32> {
        let personal = self.inner.personal(owner)?;
        Ok(personal.get::<DefaultTtl>(&[])?.map_or(0, |record| record.0))
    }

    /// The timer of a dialog; 0: none.
    ///
    /// # Errors
    /// Those of the store.
    pub fn history_ttl(&self, owner: UserId, peer: PeerId) -> CoreResult<i32> {
        match peer {
            PeerId::Chat(chat) => {
                return Ok(self.inner.chats.get(chat).map_or(0, |chat| chat.ttl_period));
            }
            PeerId::Channel(channel) => {
                return Ok(self.channel(channel).map_or(0, |channel| channel.ttl_period));
            }
            PeerId::User(_) => {}
        }
        let personal = self.inner.personal(owner)?;
        Ok(personal.get::<HistoryTtl>(&peer.bytes())?.map_or(0, |record| record.0))
    }
}

/// Whether messages may go after so many seconds.
pub(crate) fn check_period(period: i32) -> CoreResult<()> {
    if (0..=PERIOD_MAX_S).contains(&period) { Ok(()) } else { Err(CoreError::TtlInvalid) }
}

impl Decide<'_> {
    /// The timer of a dialog; 0: none.
    pub(crate) fn history_ttl(&self, owner: UserId, peer: PeerId) -> CoreResult<i32> {
        match peer {
            PeerId::Chat(chat) => return Ok(self.chat(chat)?.ttl_period),
            PeerId::Channel(channel) => return Ok(self.channel_row(channel)?.ttl_period),
            PeerId::User(_) => {}
        }
        let record = self.personal::<HistoryTtl>(owner, &peer.bytes())?;
        Ok(record.map_or(0, |record| record.0))
    }

    /// The timer of a message that is about to be sent: that of its dialog, or the node's own where
    /// that is shorter.
    pub(crate) fn ttl_of_new_message(&mut self, from: UserId, to: PeerId) -> CoreResult<i32> {
        if to == from.into() || to == UserId::SERVICE.into() {
            return Ok(0);
        }
        Ok(match (self.ttl_in_dialog(from, to)?, self.inner.keep_s) {
            (period, 0) | (0, period) => period,
            (period, keep_s) => period.min(keep_s),
        })
    }

    /// The timer of a dialog that is about to be written in. One that begins gets the timer that its
    /// writer has set for those, and says so before the first message.
    fn ttl_in_dialog(&mut self, from: UserId, to: PeerId) -> CoreResult<i32> {
        let known = self.history_ttl(from, to)?;
        if to.user().is_none_or(is_remote) {
            return Ok(known);
        }
        let default = match known {
            0 => self.personal::<DefaultTtl>(from, &[])?.map_or(0, |record| record.0),
            _ => 0,
        };
        if default == 0 || self.has_dialog(from, to)? {
            return Ok(known);
        }
        // All sessions have to see it: it is no answer to any of them.
        let actor = self.actor.take();
        let changed = self.change_ttl(from, to, default, Some(from));
        self.actor = actor;
        changed.map(|_| default)
    }

    /// Sets the timer of a dialog on both sides, and says so in it.
    pub(crate) fn change_ttl(
        &mut self,
        owner: UserId,
        peer: PeerId,
        period: i32,
        auto_from: Option<UserId>,
    ) -> CoreResult<Sent> {
        match peer {
            PeerId::User(other) => {
                let record = (period != 0).then_some(HistoryTtl(period));
                self.set_personal(owner, &peer.bytes(), record.as_ref())?;
                self.tell_own(owner, Own::HistoryTtl { peer });
                // Whom the other has blocked changes nothing there.
                if !self.is_blocked(other, owner)? {
                    let back = PeerId::User(owner);
                    self.set_personal(other, &back.bytes(), record.as_ref())?;
                    self.tell_own(other, Own::HistoryTtl { peer: back });
                }
            }
            PeerId::Chat(chat) => {
                let found = self.chat(chat)?;
                for member in found.users() {
                    self.tell_own(member, Own::HistoryTtl { peer });
                }
                self.put_chat(Chat { ttl_period: period, ..found })?;
            }
            PeerId::Channel(_) => return Err(CoreError::NotBuilt),
        }
        let action = Some(Action::SetTtl { period, auto_from });
        let message = Message::service(peer, owner, true, self.now());
        let (pts, row) = self.place(owner, Message { ttl_period: period, action, ..message })?;
        let BoxRow::Message(message) = row else { return Err(CoreError::Damaged("message")) };
        let id = MessageId(pts.0);
        Ok(Sent { id, pts, message, repeated: false })
    }

    /// Sets the timer of a message that is about to lie in its sender's box, or in its channel's.
    pub(crate) fn expires(
        &mut self,
        owner: UserId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        if message.ttl_period > 0 {
            let due = message.date.saturating_add(message.ttl_period);
            let expiry = Expiry { peer: message.peer, twin: message.twin };
            let place = BoxId::of(owner, message.peer);
            let key = at(Kind::Expire, due, place, &id.0.to_be_bytes());
            self.set_timer(&key, expiry.encode()?);
        }
        Ok(())
    }

    /// A message goes, from both boxes, wherever it still is.
    pub(super) fn expire(&mut self, owner: UserId, id: &[u8], expiry: &[u8]) -> CoreResult<()> {
        let id = id.try_into().map_err(|_| CoreError::Damaged("timer"))?;
        let id = MessageId(i32::from_be_bytes(id));
        let Expiry { peer, twin } = Expiry::decode(expiry)?;
        if let PeerId::Channel(channel) = peer {
            return self.expire_in_channel(channel, id);
        }
        if self.message(owner, id)?.is_some_and(|message| message.ttl_period > 0) {
            self.delete_messages(owner, &[id], false)?;
        }
        let copies = match peer {
            PeerId::User(other) if twin.0 != 0 => {
                let there = self.message(other, twin)?.is_some_and(|theirs| theirs.twin == id);
                there.then_some((other, twin)).into_iter().collect()
            }
            PeerId::User(_) => Vec::new(),
            PeerId::Chat(chat) => self.copies(chat, twin)?.0,
            PeerId::Channel(_) => Vec::new(),
        };
        for (user, id) in copies {
            self.delete_messages(user, &[id], false)?;
        }
        Ok(())
    }
}
