//! All accounts, in memory.
//!
//! It shows what is durable: the committer changes it once a batch is on disk. So it can be asked
//! anywhere, also while an update is encoded.

use std::collections::HashMap;
use std::sync::Arc;

use node_store::{Keyspace, Order, Store};
use parking_lot::RwLock;

use crate::CoreResult;
use crate::ids::UserId;
use crate::record::Record;
use crate::user::User;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 1000;

/// Accounts by what they are found by.
#[derive(Debug, Default)]
pub(crate) struct Directory(RwLock<Tables>);

#[derive(Debug, Default)]
struct Tables {
    users: HashMap<UserId, Arc<User>>,
    phones: HashMap<u64, UserId>,
    /// By the username in lower case.
    names: HashMap<String, UserId>,
}

impl Directory {
    /// Reads all accounts.
    pub(crate) fn load(store: &dyn Store) -> CoreResult<Self> {
        let directory = Self::default();
        let mut from = Vec::new();
        loop {
            let rows = store.scan(Keyspace::USERS, &from, None, ROWS_AT_ONCE, Order::Ascending)?;
            for (_, value) in &rows {
                directory.put(User::decode(value)?);
            }
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_AT_ONCE => {
                    from.clone_from(key);
                    from.push(0);
                }
                _ => return Ok(directory),
            }
        }
    }

    /// Adds an account, or replaces what was known of it.
    pub(crate) fn put(&self, user: User) {
        let mut tables = self.0.write();
        if let Some(old) = tables.users.get(&user.id).cloned() {
            if tables.phones.get(&old.phone) == Some(&old.id) {
                tables.phones.remove(&old.phone);
            }
            if let Some(name) = &old.username {
                tables.names.remove(&name.to_lowercase());
            }
        }
        if !user.deleted && user.has_number() {
            tables.phones.insert(user.phone, user.id);
        }
        if let Some(name) = &user.username {
            tables.names.insert(name.to_lowercase(), user.id);
        }
        tables.users.insert(user.id, Arc::new(user));
    }

    /// An account by its id.
    pub(crate) fn get(&self, id: UserId) -> Option<Arc<User>> {
        self.0.read().users.get(&id).cloned()
    }

    /// An account by its number.
    pub(crate) fn by_phone(&self, phone: u64) -> Option<UserId> {
        self.0.read().phones.get(&phone).copied()
    }

    /// An account by its username, whatever its case.
    pub(crate) fn by_username(&self, name: &str) -> Option<UserId> {
        self.0.read().names.get(&name.to_lowercase()).copied()
    }

    /// Accounts whose username begins with `start`; at most `limit`, by id. Nobody is found by
    /// name who has not chosen a username.
    pub(crate) fn search(&self, start: &str, limit: usize) -> Vec<UserId> {
        let start = start.to_lowercase();
        let tables = self.0.read();
        let names = tables.names.iter();
        let mut found: Vec<UserId> =
            names.filter(|(name, _)| name.starts_with(&start)).map(|(_, id)| *id).collect();
        found.sort_unstable();
        found.truncate(limit);
        found
    }

    /// All accounts, in no order.
    pub(crate) fn ids(&self) -> Vec<UserId> {
        self.0.read().users.keys().copied().collect()
    }

    /// Accounts of which something holds, in no order.
    pub(crate) fn all(&self, holds: impl Fn(&User) -> bool) -> Vec<Arc<User>> {
        self.0.read().users.values().filter(|user| holds(user)).cloned().collect()
    }

    /// How many accounts there are that are of this node: its members and the node itself.
    pub(crate) fn len(&self) -> usize {
        self.0.read().users.values().filter(|user| user.has_number()).count()
    }
}
