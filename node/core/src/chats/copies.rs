//! Where the copies of a message lie.
//!
//! A message of a group has a number in the group, and a copy in each member's box under an id of
//! that box. Keyspace `COPIES`, key = chat (8) ++ number (4): the ids, by member. So an edit, a
//! deletion or an answer finds the same message in every box.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::Chat;
use super::table::{CHAT, NUMBERS};
use crate::decide::Decide;
use crate::ids::{ChatId, MessageId, PeerId, UserId};
use crate::message::Message;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Numbers that are taken on disk at once: none is given twice, whatever the moment of a crash.
const NUMBERS_AT_ONCE: i32 = 256;

/// The copies of one message, by member, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Copies(pub(crate) Vec<(UserId, MessageId)>);

impl Record for Copies {
    const VERSION: u8 = 1;
    const NAME: &'static str = "copies of a message";
}

impl Copies {
    /// The copy in a member's box.
    pub(crate) fn of(&self, user: UserId) -> Option<MessageId> {
        let at = self.0.binary_search_by_key(&user, |(user, _)| *user).ok()?;
        self.0.get(at).map(|(_, id)| *id)
    }
}

/// chat (8) ++ number (4).
pub(crate) fn copies_key(chat: ChatId, number: MessageId) -> [u8; 12] {
    crate::ids::box_key(UserId(chat.0), number.0)
}

fn chat_key(chat: ChatId, kind: u8) -> [u8; 9] {
    let mut key = [kind; 9];
    if let Some(head) = key.first_chunk_mut::<8>() {
        *head = chat.bytes();
    }
    key
}

impl Decide<'_> {
    /// A group, as the commands before this one leave it.
    ///
    /// # Errors
    /// [`CoreError::UnknownChat`].
    pub(crate) fn chat(&self, chat: ChatId) -> CoreResult<Chat> {
        self.load(Keyspace::CHATS, &chat_key(chat, CHAT))?.ok_or(CoreError::UnknownChat)
    }

    /// A group in which somebody can still write, for one of its members.
    ///
    /// # Errors
    /// [`CoreError::UnknownChat`], [`CoreError::ChatDeactivated`], [`CoreError::NotAMember`].
    pub(crate) fn chat_for(&self, user: UserId, chat: ChatId) -> CoreResult<Chat> {
        let chat = self.chat(chat)?;
        if chat.deactivated {
            return Err(CoreError::ChatDeactivated);
        }
        if chat.has(user) { Ok(chat) } else { Err(CoreError::NotAMember) }
    }

    pub(crate) fn put_chat(&mut self, chat: Chat) -> CoreResult<()> {
        self.put(Keyspace::CHATS, &chat_key(chat.id, CHAT), &chat)?;
        self.after(move |inner| inner.chats.put(chat));
        Ok(())
    }

    /// The number that the next message of a group gets. Those of a command that fails are skipped:
    /// a number is given once.
    pub(crate) fn next_number(&mut self, chat: ChatId) -> CoreResult<MessageId> {
        let key = chat_key(chat, NUMBERS);
        let known = self.inner.chats.numbers.lock().get(&chat).copied();
        let (next, taken) = match known {
            Some(known) => known,
            None => {
                let row = self.get(Keyspace::CHATS, &key)?;
                let taken = row.and_then(|row| row.try_into().ok()).map_or(1, i32::from_be_bytes);
                (taken, taken)
            }
        };
        let after = next.checked_add(1).ok_or(CoreError::BoxFull)?;
        if after > taken {
            let taken = next.saturating_add(NUMBERS_AT_ONCE);
            self.put_bytes(Keyspace::CHATS, &key, taken.to_be_bytes().to_vec());
            // Not before this batch is kept: of one that fails, no row says that they are taken.
            self.after(move |inner| {
                if let Some(known) = inner.chats.numbers.lock().get_mut(&chat) {
                    known.1 = known.1.max(taken);
                }
            });
        }
        self.inner.chats.numbers.lock().insert(chat, (after, taken.max(after)));
        Ok(MessageId(next))
    }

    /// The copies of a group's message.
    pub(crate) fn copies(&self, chat: ChatId, number: MessageId) -> CoreResult<Copies> {
        Ok(self.load(Keyspace::COPIES, &copies_key(chat, number))?.unwrap_or_default())
    }

    /// A message is gone: from the box of `only`, or from all.
    pub(crate) fn forget_copies(
        &mut self,
        chat: ChatId,
        number: MessageId,
        only: Option<UserId>,
    ) -> CoreResult<()> {
        if number.0 == 0 {
            return Ok(());
        }
        let key = copies_key(chat, number);
        let mut copies = self.copies(chat, number)?;
        match only {
            Some(user) => copies.0.retain(|(of, _)| *of != user),
            None => copies.0.clear(),
        }
        if copies.0.is_empty() {
            self.delete(Keyspace::COPIES, &key);
            return Ok(());
        }
        self.put(Keyspace::COPIES, &key, &copies)
    }

    /// The same message in other boxes than `owner`'s, as far as it is there.
    pub(crate) fn other_copies(
        &self,
        owner: UserId,
        message: &Message,
    ) -> CoreResult<Vec<(UserId, MessageId, Message)>> {
        if message.twin.0 == 0 {
            return Ok(Vec::new());
        }
        let places = match message.peer {
            PeerId::User(other) => vec![(other, message.twin)],
            PeerId::Chat(chat) => self.copies(chat, message.twin)?.0,
            // One copy for everybody.
            PeerId::Channel(_) => return Ok(Vec::new()),
        };
        let mut others = Vec::with_capacity(places.len());
        for (user, id) in places.into_iter().filter(|(user, _)| *user != owner) {
            others.extend(self.message(user, id)?.map(|message| (user, id, message)));
        }
        Ok(others)
    }

    /// [`Decide::other_copies`] of those who are still there. Who left or was removed keeps what came
    /// until then, and learns nothing of what becomes of it but that it is gone.
    pub(crate) fn present_copies(
        &self,
        owner: UserId,
        message: &Message,
    ) -> CoreResult<Vec<(UserId, MessageId, Message)>> {
        let mut others = self.other_copies(owner, message)?;
        if let PeerId::Chat(chat) = message.peer {
            let found = self.chat(chat)?;
            others.retain(|(user, ..)| found.has(*user));
        }
        Ok(others)
    }
}

impl Core {
    /// Where the copies of a group's message lie: for followers, who are told of what is durable.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn stored_copies(&self, chat: ChatId, number: MessageId) -> CoreResult<Copies> {
        let row = self.inner.store.get(Keyspace::COPIES, &copies_key(chat, number))?;
        Ok(row.map(|row| Copies::decode(&row)).transpose()?.unwrap_or_default())
    }
}
