//! All basic groups, in memory.
//!
//! Shows what is durable, like the directory of accounts: the committer changes it once a batch is
//! on disk.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use node_store::{Keyspace, Order, Store};
use parking_lot::{Mutex, RwLock};

use super::{Chat, Readers};
use crate::CoreResult;
use crate::ids::{ChatId, UserId};
use crate::record::Record as _;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 256;

/// Kinds of rows of a chat.
pub(super) const CHAT: u8 = 0;
pub(super) const NUMBERS: u8 = 1;

/// Groups by number, and by who is in them.
#[derive(Debug, Default)]
pub(crate) struct Chats {
    tables: RwLock<Tables>,
    /// Of groups that are written in: the number that their next message gets, and up to where
    /// numbers are taken on disk. Only the committer asks.
    pub(super) numbers: Mutex<HashMap<ChatId, (i32, i32)>>,
    /// Who has read furthest, per group. Only the committer asks.
    pub(super) readers: Mutex<HashMap<ChatId, Readers>>,
}

#[derive(Debug, Default)]
struct Tables {
    chats: HashMap<ChatId, Arc<Chat>>,
    members: HashMap<UserId, BTreeSet<ChatId>>,
}

impl Chats {
    /// Reads all groups.
    pub(crate) fn load(store: &dyn Store) -> CoreResult<Self> {
        let chats = Self::default();
        let mut from = Vec::new();
        loop {
            let rows = store.scan(Keyspace::CHATS, &from, None, ROWS_AT_ONCE, Order::Ascending)?;
            for (key, value) in &rows {
                if key.last() == Some(&CHAT) {
                    chats.put(Chat::decode(value)?);
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_AT_ONCE => from = [key, &[0][..]].concat(),
                _ => return Ok(chats),
            }
        }
    }

    /// Adds a group, or replaces what was known of it.
    pub(super) fn put(&self, chat: Chat) {
        let mut tables = self.tables.write();
        if let Some(old) = tables.chats.get(&chat.id).cloned() {
            for member in old.members.iter().filter(|member| !chat.has(member.user)) {
                if let Some(of) = tables.members.get_mut(&member.user) {
                    of.remove(&chat.id);
                }
            }
        }
        for member in &chat.members {
            tables.members.entry(member.user).or_default().insert(chat.id);
        }
        tables.chats.insert(chat.id, Arc::new(chat));
    }

    /// A group.
    pub(crate) fn get(&self, chat: ChatId) -> Option<Arc<Chat>> {
        self.tables.read().chats.get(&chat).cloned()
    }

    /// The groups that a user is in, by number.
    pub(crate) fn of(&self, user: UserId) -> Vec<ChatId> {
        let tables = self.tables.read();
        tables.members.get(&user).map_or_else(Vec::new, |of| of.iter().copied().collect())
    }

    /// Whether a user is in a group.
    pub(crate) fn has(&self, chat: ChatId, user: UserId) -> bool {
        self.tables.read().members.get(&user).is_some_and(|of| of.contains(&chat))
    }
}
