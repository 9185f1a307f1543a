//! What members set for themselves: drafts, pins, notifications, privacy and the like.
//!
//! Keyspace `PERSONAL`, key = owner (8) ++ kind (1) ++ rest: one row per thing that is set, absent
//! while it is as for everybody. Each capability has a [`PersonalRecord`] with a kind of its own.
//! A member's rows are few, and are in memory while they are used.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use node_store::{Keyspace, Order, Store};
use parking_lot::Mutex;

use crate::decide::Decide;
use crate::event::{Event, Own};
use crate::ids::UserId;
use crate::inner::Inner;
use crate::privacy::Privacy;
use crate::record::Record;
use crate::{CoreError, CoreResult};

/// Members whose rows are in memory. Protects memory: a few hundred bytes each, mostly.
const OWNERS_MAX: usize = 2048;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 1000;

/// A record that a member has for oneself.
pub(crate) trait PersonalRecord: Record {
    /// Tells its rows from those of other records; never used for another one again.
    const KIND: u8;
}

/// Everything that one member has set, as it is on disk.
#[derive(Debug, Default, Clone)]
pub(crate) struct Personal {
    /// kind (1) ++ rest.
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Made from the rows when it is asked for: it is with every user that is shown.
    privacy: OnceLock<Arc<Privacy>>,
}

impl Personal {
    /// One record.
    pub(crate) fn get<R: PersonalRecord>(&self, rest: &[u8]) -> CoreResult<Option<R>> {
        self.rows.get(&row::<R>(rest)).map(|value| R::decode(value)).transpose()
    }

    /// What the member has said about privacy.
    pub(crate) fn privacy(&self) -> CoreResult<Arc<Privacy>> {
        if let Some(known) = self.privacy.get() {
            return Ok(known.clone());
        }
        let privacy = Arc::new(Privacy::of(self)?);
        Ok(self.privacy.get_or_init(|| privacy).clone())
    }

    /// All records of one kind, by the rest of their keys.
    pub(crate) fn all<R: PersonalRecord>(&self) -> CoreResult<Vec<(&[u8], R)>> {
        let rows = self.rows.range(vec![R::KIND]..);
        let rows = rows.take_while(|(key, _)| key.first() == Some(&R::KIND));
        rows.map(|(key, value)| Ok((key.get(1..).unwrap_or_default(), R::decode(value)?))).collect()
    }
}

/// kind (1) ++ rest.
fn row<R: PersonalRecord>(rest: &[u8]) -> Vec<u8> {
    [&[R::KIND][..], rest].concat()
}

/// Rows of members who were there lately, as they are on disk: a command that changes some holds
/// them from before the change is applied until it is durable.
#[derive(Debug, Default)]
pub(crate) struct PersonalCache(Mutex<HashMap<UserId, Arc<Personal>>>);

impl PersonalCache {
    /// What `owner` has set.
    pub(crate) fn of(&self, store: &dyn Store, owner: UserId) -> CoreResult<Arc<Personal>> {
        // Read under the lock: rows that are read while they change must not be kept as they were.
        let mut owners = self.0.lock();
        if let Some(known) = owners.get(&owner) {
            return Ok(known.clone());
        }
        let mut personal = Personal::default();
        let mut from = owner.bytes().to_vec();
        let end = UserId(owner.0 + 1).bytes();
        loop {
            let rows = store.scan(
                Keyspace::PERSONAL,
                &from,
                Some(&end),
                ROWS_AT_ONCE,
                Order::Ascending,
            )?;
            let full = rows.len() == ROWS_AT_ONCE;
            if let Some((last, _)) = rows.last() {
                from.clone_from(last);
                from.push(0);
            }
            for (key, value) in rows {
                let row = key.get(8..).ok_or(CoreError::Damaged("key of a setting"))?;
                personal.rows.insert(row.to_vec(), value);
            }
            if !full {
                break;
            }
        }
        if owners.len() >= OWNERS_MAX {
            owners.retain(|_, known| Arc::strong_count(known) > 1);
        }
        let personal = Arc::new(personal);
        owners.insert(owner, personal.clone());
        Ok(personal)
    }

    /// Everything is gone, durably.
    fn forget(&self, owner: UserId) {
        self.0.lock().remove(&owner);
    }

    /// A change is durable.
    fn apply(&self, owner: UserId, row: Vec<u8>, value: Option<Vec<u8>>) {
        if let Some(known) = self.0.lock().get_mut(&owner) {
            let known = Arc::make_mut(known);
            known.privacy = OnceLock::new();
            match value {
                Some(value) => known.rows.insert(row, value),
                None => known.rows.remove(&row),
            };
        }
    }
}

impl Inner {
    /// What `owner` has set, as it is on disk.
    pub(crate) fn personal(&self, owner: UserId) -> CoreResult<Arc<Personal>> {
        self.personal.of(&*self.store, owner)
    }

    /// One record out of the store, for who goes through many members and uses none of them again.
    pub(crate) fn personal_row<R: PersonalRecord>(
        &self,
        owner: UserId,
        rest: &[u8],
    ) -> CoreResult<Option<R>> {
        let row = self.store.get(Keyspace::PERSONAL, &key::<R>(owner, rest))?;
        row.map(|row| R::decode(&row)).transpose()
    }
}

impl Decide<'_> {
    /// One record, as the commands before this one leave it.
    pub(crate) fn personal<R: PersonalRecord>(
        &self,
        owner: UserId,
        rest: &[u8],
    ) -> CoreResult<Option<R>> {
        self.load(Keyspace::PERSONAL, &key::<R>(owner, rest))
    }

    /// All records of one kind, by the rest of their keys; at most `limit`.
    pub(crate) fn personal_all<R: PersonalRecord>(
        &self,
        owner: UserId,
        limit: usize,
    ) -> CoreResult<Vec<(Vec<u8>, R)>> {
        let prefix = key::<R>(owner, &[]);
        let rows = self.scan_prefix(Keyspace::PERSONAL, &prefix, limit)?;
        rows.iter()
            .map(|(key, value)| {
                Ok((key.get(prefix.len()..).unwrap_or_default().to_vec(), R::decode(value)?))
            })
            .collect()
    }

    /// Writes a record; `None` removes it.
    pub(crate) fn set_personal<R: PersonalRecord>(
        &mut self,
        owner: UserId,
        rest: &[u8],
        record: Option<&R>,
    ) -> CoreResult<()> {
        // In memory from before the change until it is durable: readers show no other.
        let held = self.inner.personal(owner)?;
        let (key, row) = (key::<R>(owner, rest), row::<R>(rest));
        let value = record.map(Record::encode).transpose()?;
        match &value {
            Some(value) => self.put_bytes(Keyspace::PERSONAL, &key, value.clone()),
            None => self.delete(Keyspace::PERSONAL, &key),
        }
        self.after(move |inner| {
            drop(held);
            inner.personal.apply(owner, row, value);
        });
        Ok(())
    }

    /// Removes everything that a member has set.
    pub(crate) fn forget_personal(&mut self, owner: UserId) -> CoreResult<()> {
        let held = self.inner.personal(owner)?;
        let rows = self.scan_prefix(Keyspace::PERSONAL, &owner.bytes(), usize::MAX >> 1)?;
        for (key, _) in rows {
            self.delete(Keyspace::PERSONAL, &key);
        }
        self.after(move |inner| {
            drop(held);
            inner.personal.forget(owner);
        });
        Ok(())
    }

    /// Tells the member's own sessions, but for the one that acts, once the batch is durable.
    pub(crate) fn tell_own(&mut self, owner: UserId, change: Own) {
        let actor = self.actor;
        self.event(Event::Own { owner, change, actor });
    }
}

/// owner (8) ++ kind (1) ++ rest.
fn key<R: PersonalRecord>(owner: UserId, rest: &[u8]) -> Vec<u8> {
    [&owner.bytes()[..], &[R::KIND], rest].concat()
}
