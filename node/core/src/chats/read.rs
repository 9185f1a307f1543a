//! Who has read what in a group.

use node_store::{Keyspace, Order};

use crate::decide::Decide;
use crate::history::Place;
use crate::ids::{ChatId, MessageId, UserId, box_key, box_number};
use crate::message::BoxRow;
use crate::read_date::READ_DATE_KEPT_S;
use crate::record::Record as _;
use crate::{Core, CoreError, CoreResult};

/// Members of a group whose readers are told: `chat_read_mark_size_threshold` of the app config.
pub(crate) const READERS_MEMBERS_MAX: usize = 100;

/// Rows of a member's box that are looked through for the moment of reading.
const ROWS_MAX: usize = 4096;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 256;

/// How far the two who have read furthest have read, by numbers of the group.
///
/// A message is read as soon as anybody but its author has read it. Whatever lies below both is
/// read, whoever wrote it: so most of what members read later changes nothing for anybody, and
/// costs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Readers {
    first: Option<(UserId, MessageId)>,
    second: Option<(UserId, MessageId)>,
}

/// Whose messages become read when somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newly {
    Nobodys,
    Of(UserId),
    Anybodys,
}

impl Readers {
    /// Somebody has read up to `number`.
    pub(crate) fn read(&mut self, reader: UserId, number: MessageId) -> Newly {
        let known = |entry: Option<(UserId, MessageId)>| entry.map_or(MessageId(0), |(_, at)| at);
        let newly = match self.first {
            _ if number <= known(self.second) => Newly::Nobodys,
            Some((first, at)) if number <= at && first == reader => Newly::Nobodys,
            // All but the first one's own are read already.
            Some((first, at)) if number <= at => Newly::Of(first),
            _ => Newly::Anybodys,
        };
        match self.first {
            Some((first, at)) if first == reader => self.first = Some((first, at.max(number))),
            Some((_, at)) if number <= at => {
                if number > known(self.second) {
                    self.second = Some((reader, number));
                }
            }
            first => {
                self.second = first;
                self.first = Some((reader, number));
            }
        }
        newly
    }
}

/// Somebody who has read a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user: UserId,
    /// When, in unix seconds; 0 if that is not known any more.
    pub date: i32,
}

impl Decide<'_> {
    /// Somebody came: their messages from before may be unread where those of others are read.
    pub(super) fn forget_readers(&self, chat: ChatId) {
        self.inner.chats.readers.lock().remove(&chat);
    }

    /// Somebody has read a group's messages up to a number: the events that this is for others.
    /// Each with the number of messages that become read.
    pub(crate) fn seen_by_group(
        &self,
        reader: UserId,
        chat: ChatId,
        number: MessageId,
    ) -> CoreResult<Vec<(UserId, MessageId, i32)>> {
        let newly = self.inner.chats.readers.lock().entry(chat).or_default().read(reader, number);
        let found = self.chat(chat)?;
        let authors = match newly {
            Newly::Nobodys => return Ok(Vec::new()),
            // Who is out learns nothing more.
            Newly::Of(author) => vec![author].into_iter().filter(|of| found.has(*of)).collect(),
            Newly::Anybodys => found.users(),
        };
        let (copies, mut seen) = (self.copies(chat, number)?, Vec::new());
        for author in authors.into_iter().filter(|author| *author != reader) {
            let Some(max_id) = (match copies.of(author) {
                Some(id) => Some(id),
                // Who came later, or has deleted it, has other messages near it.
                None => self.newest_own_up_to(author, chat, number)?,
            }) else {
                continue;
            };
            let (store, owner) = (self.store(), author);
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(store, owner)?;
            let Some(dialog) = state.dialogs.get(&chat.into()) else { continue };
            let chunks = crate::boxes::StoredChunks { store, owner: owner.into() };
            let count = dialog.outgoing_up_to(max_id, &chunks, chat.into())?;
            if count > 0 {
                seen.push((author, max_id, count));
            }
        }
        Ok(seen)
    }

    /// The newest unread message of an author that is no newer in the group than `number`.
    fn newest_own_up_to(
        &self,
        owner: UserId,
        chat: ChatId,
        number: MessageId,
    ) -> CoreResult<Option<MessageId>> {
        let mut own = Vec::new();
        {
            let store = self.store();
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(store, owner)?;
            let Some(dialog) = state.dialogs.get(&chat.into()) else { return Ok(None) };
            let chunks = crate::boxes::StoredChunks { store, owner: owner.into() };
            dialog.index.descend(i32::MAX, &chunks, chat.into(), |entry| {
                let unread = entry.id > dialog.read_outbox.0;
                if unread && entry.out {
                    own.push(MessageId(entry.id));
                }
                unread
            })?;
        }
        // Both kinds of numbers grow together: halved until the place is found.
        let (mut from, mut to) = (0, own.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            let id = own.get(middle).copied().unwrap_or_default();
            let twin = self.message(owner, id)?.map_or(MessageId(0), |message| message.twin);
            if twin > number { from = middle + 1 } else { to = middle }
        }
        Ok(own.get(from).copied())
    }
}

impl Core {
    /// Who has read one's own message of a group, as far as that is told: in small groups, for
    /// some days.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::ReadTooOld`], [`CoreError::TooMany`] in a large
    /// group.
    pub async fn chat_readers(
        &self,
        owner: UserId,
        chat: ChatId,
        id: MessageId,
    ) -> CoreResult<Vec<Reader>> {
        let message = self.message(owner, id)?.filter(|message| message.peer == chat.into());
        let message = message.filter(|message| message.out && message.action.is_none());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        if self.now().saturating_sub(message.date) > READ_DATE_KEPT_S {
            return Err(CoreError::ReadTooOld);
        }
        let found = self.inner.chats.get(chat).ok_or(CoreError::UnknownChat)?;
        if found.members.len() > READERS_MEMBERS_MAX {
            return Err(CoreError::TooMany);
        }
        let mut readers = Vec::new();
        for (user, id) in self.stored_copies(chat, message.twin)?.0 {
            if user == owner || !found.has(user) {
                continue;
            }
            let place = Place::Dialog(chat.into());
            let read = self.in_place(user, place, |dialog, _, _| Ok(dialog.read_inbox >= id))?;
            if read == Some(true) {
                let date = self.read_inbox_date(user, chat, id).await?;
                readers.push(Reader { user, date });
            }
        }
        self.settled().await?;
        Ok(readers)
    }

    /// When a member read a message; 0 where that is not found.
    async fn read_inbox_date(&self, user: UserId, chat: ChatId, id: MessageId) -> CoreResult<i32> {
        let (mut from, mut looked) = (id.0, 0);
        while looked < ROWS_MAX {
            let rows = self.inner.store.scan(
                Keyspace::BOXES,
                &box_key(user, from.saturating_add(1)),
                Some(&UserId(user.0 + 1).bytes()),
                ROWS_AT_ONCE,
                Order::Ascending,
            )?;
            for (key, value) in &rows {
                from = box_number(key);
                if let BoxRow::ReadInbox { peer, max_id, date, .. } = BoxRow::decode(value)?
                    && peer == chat.into()
                    && max_id >= id
                {
                    return Ok(date);
                }
            }
            if rows.len() < ROWS_AT_ONCE {
                break;
            }
            looked += rows.len();
            crate::search::turn().await;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_have_read_is_read_whoever_wrote_it() {
        let (ada, bob, eve) = (UserId(1), UserId(2), UserId(3));
        let at = MessageId;
        let mut readers = Readers::default();
        assert_eq!(readers.read(ada, at(5)), Newly::Anybodys);
        assert_eq!(readers.read(ada, at(5)), Newly::Nobodys);
        assert_eq!(readers.read(bob, at(5)), Newly::Of(ada), "hers may be new to him");
        assert_eq!(readers.read(eve, at(5)), Newly::Nobodys);
        assert_eq!(readers.read(eve, at(7)), Newly::Anybodys);
        assert_eq!(readers.read(ada, at(6)), Newly::Of(eve));
        assert_eq!(readers.read(bob, at(6)), Newly::Nobodys);
        assert_eq!(readers.read(bob, at(7)), Newly::Of(eve));
        assert_eq!(readers.read(ada, at(9)), Newly::Anybodys);
    }

    /// Against the definition: each message with the set of those who have read it.
    #[test]
    fn readers_equal_a_slow_model() {
        use rand::{RngExt as _, SeedableRng as _};
        for seed in 0..200 {
            let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
            let mut readers = Readers::default();
            // Up to where each has read; a message by X at n is read if somebody else reached n.
            let mut reached = [0; 4];
            for _ in 0..60 {
                let reader = rng.random_range(0..4_usize);
                let number: i32 = rng.random_range(1..12);
                let read = |reached: &[i32; 4], author: usize| {
                    (0..4).filter(|other| *other != author).map(|other| reached[other]).max()
                };
                let before: Vec<_> = (0..4).map(|author| read(&reached, author)).collect();
                reached[reader] = reached[reader].max(number);
                let newly = readers.read(UserId(reader as i64), MessageId(number));
                for author in (0..4).filter(|author| *author != reader) {
                    if read(&reached, author) != before[author] {
                        let told = match newly {
                            Newly::Nobodys => false,
                            Newly::Of(of) => of == UserId(author as i64),
                            Newly::Anybodys => true,
                        };
                        assert!(told, "seed {seed}: author {author}, {reader} at {number}");
                    }
                }
            }
        }
    }
}
