//! What people of other nodes say: brought into the boxes of those who live here.
//!
//! As in channels, a message is compared with what the log says now, and made so. What has gone does not
//! return: a deletion is final, and what its owner has removed from their own box alone stays removed.

use glog::body::DataBody;
use glog::{EntryRef, Event as LogEvent, GroupId, PairMessage, UserRef};

use super::PairRow;
use crate::CoreResult;
use crate::channels::Read;
use crate::decide::Decide;
use crate::ids::{MessageId, PeerId};
use crate::media::Media;
use crate::message::{Action, BoxRow, Message, Reply};
use crate::send::PINNED_MAX;

/// What an entry says about a message, for whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It comes.
    Post,
    /// It says something else.
    Edit,
    /// It goes.
    Delete,
    /// It is pinned, or no longer.
    Pin,
}

impl Decide<'_> {
    /// Shows what was delivered of a pair.
    pub(super) fn follow_pair(
        &mut self,
        group: GroupId,
        row: &PairRow,
        events: &[LogEvent],
    ) -> CoreResult<()> {
        for event in events {
            if let LogEvent::Delivered { at, entry, .. } = event {
                self.show_in_pair(group, row, at, entry.header().ts_ms)?;
            }
        }
        Ok(())
    }

    fn show_in_pair(
        &mut self,
        group: GroupId,
        row: &PairRow,
        at: &EntryRef,
        ts_ms: u64,
    ) -> CoreResult<()> {
        let (subjects, entry) = self.read_pair(group, row, |pair| {
            let entry = pair.get(at).filter(|_| pair.counts(at));
            (pair.subjects(at), entry.cloned())
        })?;
        let Some(entry) = entry else { return Ok(()) };
        let said = match entry.body() {
            Some(DataBody::Post(_)) => Said::Post,
            Some(DataBody::Edit(_)) => Said::Edit,
            Some(DataBody::Delete(_)) => Said::Delete,
            Some(DataBody::Pin(_) | DataBody::Unpin(_)) => Said::Pin,
            Some(DataBody::React(react)) => {
                for item in react.items.iter() {
                    self.show_reaction_in_pair(group, row, &item.target, entry.user)?;
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        for subject in subjects {
            self.show_message_in_pair(group, row, &subject, said, (entry.user, ts_ms))?;
        }
        Ok(())
    }

    /// Makes a message what the log says; `by` has just said something about it, then.
    fn show_message_in_pair(
        &mut self,
        group: GroupId,
        row: &PairRow,
        at: &EntryRef,
        said: Said,
        (by, ts_ms): (UserRef, u64),
    ) -> CoreResult<()> {
        let message = self.read_pair(group, row, |pair| pair.message(at))?;
        let known = self.brought_by(group, at)?;
        match (message, known) {
            // It was removed here, or never shown.
            (_, Some(MessageId(0))) | (None, None) => Ok(()),
            // The other copies are the other node's to remove.
            (None, Some(id)) => self.delete_messages(row.mine, &[id], false).map(|_| ()),
            (Some(message), None) if said == Said::Post => {
                self.place_from_pair(group, row, at, message, ts_ms)
            }
            (Some(_), None) => Ok(()),
            (Some(message), Some(id)) => match said {
                Said::Edit => self.show_edit_in_pair(row, id, message, ts_ms),
                Said::Pin => self.show_pin_in_pair(row, id, !message.pins.is_empty(), by),
                Said::Post | Said::Delete => Ok(()),
            },
        }
    }

    /// Whether what the other one says now is nothing to show: as little of it as if both lived here.
    fn is_unheard(&self, row: &PairRow) -> CoreResult<bool> {
        let gone = self.user(row.mine)?.is_none_or(|account| account.deleted);
        Ok(gone || self.is_blocked(row.mine, row.account)?)
    }

    /// Puts a message into the box of the one who lives here.
    fn place_from_pair(
        &mut self,
        group: GroupId,
        row: &PairRow,
        at: &EntryRef,
        said: PairMessage,
        ts_ms: u64,
    ) -> CoreResult<()> {
        let (owner, peer) = (row.mine, PeerId::from(row.account));
        // Its own comes back where a backup was restored.
        let out = self.is_own_node(said.author);
        if !out && self.is_unheard(row)? {
            return self.put_brought(group, owner, MessageId(0), at);
        }
        let Some(post) = &said.post else { return Ok(()) };
        let Read { mut message, reply_to, file, .. } = self.read_post(peer, said.author, post)?;
        if let Some(file) = file
            && !self.keep_file(file)?
        {
            message.media = Some(Media::Unsupported);
        }
        let answered = reply_to.map(|to| self.brought_by(group, &to)).transpose()?.flatten();
        message.reply = answered.filter(|to| to.0 != 0).map(|to| Reply { to, quote: None });
        // Nobody stands in another's name between two people, and nobody says nothing at all.
        (message.sent_as, message.post_author) = (None, None);
        if message.media.is_none() && message.text.is_empty() {
            message.media = Some(Media::Unsupported);
        }
        message.out = out;
        message.date = self.date_shown(Some(ts_ms));
        message.edited = if said.edited.is_some() { message.date } else { 0 };
        message.ttl_period = self.inner.keep_s;
        if let Some(media) = &message.media {
            message.unread_media = self.has_to_be_heard(media)?;
        }
        let id = self.next_id(owner)?;
        self.put_brought(group, owner, id, at)?;
        self.expires(owner, id, &message)?;
        self.hold_media(&message, 1)?;
        if !out {
            self.wake_dialog(owner, peer)?;
        }
        self.append(owner, BoxRow::Message(message))?;
        // What came before it, being late.
        if let Some(pin) = said.pins.first() {
            let by = UserRef { node: pin.node, id: self.person_of(row, pin.node) };
            self.show_pin_in_pair(row, id, true, by)?;
        }
        for (user, _) in said.reactions {
            self.show_reaction_in_pair(group, row, at, user)?;
        }
        Ok(())
    }

    fn is_own_node(&self, user: UserRef) -> bool {
        user.node == self.inner.logs.keys().node().short()
    }

    /// Who of the two lives on a node.
    fn person_of(&self, row: &PairRow, node: glog::Node16) -> u64 {
        let own = self.inner.logs.keys().node().short();
        if node == own { row.mine.0.unsigned_abs() } else { row.theirs }
    }

    fn show_edit_in_pair(
        &mut self,
        row: &PairRow,
        id: MessageId,
        said: PairMessage,
        ts_ms: u64,
    ) -> CoreResult<()> {
        let Some(before) = self.message(row.mine, id)? else { return Ok(()) };
        let Some(post) = &said.post else { return Ok(()) };
        let read = self.read_post(row.account.into(), said.author, post)?;
        let Some(mut message) = self.edited_to(&before, read)? else { return Ok(()) };
        message.edited = self.date_shown(Some(ts_ms));
        if message.media != before.media {
            self.hold_media(&message, 1)?;
            self.release_media([&before])?;
        }
        self.rewrite(row.mine, id, &message)?;
        self.append_edited(row.mine, id, &message).map(|_| ())
    }

    fn show_pin_in_pair(
        &mut self,
        row: &PairRow,
        id: MessageId,
        pinned: bool,
        by: UserRef,
    ) -> CoreResult<()> {
        let (owner, peer) = (row.mine, PeerId::from(row.account));
        let Some(before) = self.message(owner, id)?.filter(|m| m.pinned != pinned) else {
            return Ok(());
        };
        let own = self.is_own_node(by);
        // Whoever blocked the other keeps what is above the dialog.
        if (!own && self.is_unheard(row)?)
            || (pinned && self.pinned(owner, peer)?.len() >= PINNED_MAX)
        {
            return Ok(());
        }
        self.rewrite(owner, id, &Message { pinned, ..before })?;
        self.append(owner, BoxRow::Pinned { peer, ids: vec![id], pinned })?;
        if pinned && !own {
            let service = Message {
                action: Some(Action::Pin),
                reply: Some(Reply { to: id, quote: None }),
                ..Message::service(peer, row.account, false, self.now())
            };
            self.wake_dialog(owner, peer)?;
            self.append(owner, BoxRow::Message(service))?;
        }
        Ok(())
    }

    /// Makes somebody's reaction to a message what the log says.
    fn show_reaction_in_pair(
        &mut self,
        group: GroupId,
        row: &PairRow,
        at: &EntryRef,
        by: UserRef,
    ) -> CoreResult<()> {
        let known = self.brought_by(group, at)?.filter(|id| id.0 != 0);
        let Some(id) = known else { return Ok(()) };
        let said = self.read_pair(group, row, |pair| pair.message(at))?;
        let said = said.and_then(|said| said.reactions.get(&by)?.first().cloned());
        let wanted = match said {
            Some(text) => self.reaction_named(by.node, text)?,
            None => None,
        };
        let user = if self.is_own_node(by) { row.mine } else { row.account };
        if user == row.account && wanted.is_some() && self.is_unheard(row)? {
            return Ok(());
        }
        self.set_far_reaction(row.mine, id, user, wanted)
    }
}
