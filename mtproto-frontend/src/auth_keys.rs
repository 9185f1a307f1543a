//! Auth keys in use, and where they rest.
//!
//! A permanent key is stored, sealed, before the client learns that it was made; a temporary key
//! (perfect forward secrecy) is stored only once it is bound, because an unbound one is good for
//! nothing. What the client said in `initConnection` belongs to the permanent key.
//!
//! Keyspace `AUTH_KEYS`, key = auth_key_id (8 bytes, big-endian) ++ kind (1 byte):
//! - `k`: the key, [`encode_key`]
//! - `c`: what the client said about itself, [`encode_client`]
//! - `b`: temporary keys bound to this permanent one, [`encode_bindings`]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keys::{AuthKey, MasterKey, Secret};
use node_core::{AuthKeyId, Standing};
use node_store::{Batch, Keyspace, Store, StoreError, Ticket};
use parking_lot::Mutex;

use crate::sharded::Sharded;

mod record;
#[cfg(test)]
mod tests;

pub(crate) use record::{Binding, ClientInfo, truncated};
use record::{
    decode_bindings, decode_client, decode_key, encode_bindings, encode_client, encode_key,
};

/// Temporary keys that one permanent key may have. TDLib makes one per session, of which it has
/// up to a dozen.
const BINDINGS_MAX: usize = 64;

/// An unused key leaves memory after this long; the store still has it.
const CACHE_IDLE_MS: u64 = 15 * 60 * 1000;

const KIND_KEY: u8 = b'k';
const KIND_CLIENT: u8 = b'c';
const KIND_BINDINGS: u8 = b'b';

/// One auth key and what is known about it.
pub(crate) struct KeyEntry {
    pub(crate) key: AuthKey,
    pub(crate) id: i64,
    pub(crate) created_ms: u64,
    pub(crate) first_salt: i64,
    /// The DC that the client named in the key exchange; 0 if it named none.
    pub(crate) dc: i32,
    /// Unix seconds at which a temporary key ends; 0 for a permanent one.
    pub(crate) expires_at: i64,
    destroyed: AtomicBool,
    used_ms: AtomicU64,
    /// Of a temporary key: the permanent key that it acts for.
    permanent: Mutex<Option<Arc<KeyEntry>>>,
    /// Of a permanent key: see `initConnection`.
    client: Mutex<Option<Arc<ClientInfo>>>,
    /// Of a permanent key: whom it acts for.
    login: Mutex<Login>,
    /// Unix milliseconds at which core was last told that the login is used.
    touched_ms: AtomicU64,
}

/// What is known in memory of a key's login.
#[derive(Default)]
struct Login {
    /// Grows with each change: what was read before one is not kept after it.
    generation: u64,
    standing: Option<Standing>,
}

/// How often core is told that a login is used.
const TOUCH_EVERY_MS: u64 = 3600 * 1000;

impl KeyEntry {
    /// A key that was just made.
    pub(crate) fn new(
        key: AuthKey,
        first_salt: i64,
        dc: i32,
        expires_at: i64,
        now_ms: u64,
    ) -> Self {
        Self {
            id: key.id(),
            key,
            created_ms: now_ms,
            first_salt,
            dc,
            expires_at,
            destroyed: AtomicBool::new(false),
            used_ms: AtomicU64::new(now_ms),
            permanent: Mutex::new(None),
            client: Mutex::new(None),
            login: Mutex::default(),
            touched_ms: AtomicU64::new(0),
        }
    }

    /// Whom this permanent key acts for, where that is known; and the generation to
    /// [`remember`](Self::remember) it under.
    pub(crate) fn standing(&self) -> (Option<Standing>, u64) {
        let login = self.login.lock();
        (login.standing, login.generation)
    }

    /// Keeps what core answered, unless it has changed meanwhile.
    pub(crate) fn remember(&self, standing: Standing, generation: u64) {
        let mut login = self.login.lock();
        if login.generation == generation {
            login.standing = Some(standing);
        }
    }

    /// Whether core should be told that the login is used. True once an hour.
    pub(crate) fn touch(&self, now_ms: u64) -> bool {
        let before = self.touched_ms.load(Ordering::Relaxed);
        let due = now_ms.saturating_sub(before) >= TOUCH_EVERY_MS;
        due && self
            .touched_ms
            .compare_exchange(before, now_ms, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether this key was made with an end.
    pub(crate) fn is_temporary(&self) -> bool {
        self.expires_at != 0
    }

    /// Whether messages under this key must be answered as if it had never been.
    pub(crate) fn is_dead(&self, now_ms: u64) -> bool {
        self.destroyed.load(Ordering::Acquire)
            || (self.is_temporary() && now_ms / 1000 >= self.expires_at.unsigned_abs())
            || self.permanent.lock().as_ref().is_some_and(|p| p.is_dead(now_ms))
    }

    /// Makes every connection that still holds this entry drop it.
    fn destroy(&self) {
        self.destroyed.store(true, Ordering::Release);
    }

    /// The key that authorizations and client information belong to; `None` for a temporary key
    /// that was never bound.
    pub(crate) fn identity(self: &Arc<Self>) -> Option<Arc<Self>> {
        if self.is_temporary() { self.permanent.lock().clone() } else { Some(self.clone()) }
    }

    /// What the client said in `initConnection` under this key or the one it is bound to.
    pub(crate) fn client(self: &Arc<Self>) -> Option<Arc<ClientInfo>> {
        match self.identity() {
            Some(identity) => identity.client.lock().clone(),
            None => self.client.lock().clone(),
        }
    }
}

impl std::fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyEntry").field("id", &self.id).finish_non_exhaustive()
    }
}

/// All auth keys of the node.
pub(crate) struct AuthKeys {
    cached: Sharded<Arc<KeyEntry>>,
    store: Arc<dyn Store>,
    master: Arc<MasterKey>,
    /// Serialises changes of bindings, which are read, changed and written.
    binding: Mutex<()>,
}

impl AuthKeys {
    pub(crate) fn new(store: Arc<dyn Store>, master: Arc<MasterKey>) -> Self {
        Self { cached: Sharded::default(), store, master, binding: Mutex::new(()) }
    }

    /// The living key with this id.
    ///
    /// # Errors
    /// When the store cannot be read. An id that nobody has is `Ok(None)`.
    pub(crate) fn get(&self, id: i64, now_ms: u64) -> Result<Option<Arc<KeyEntry>>, StoreError> {
        let cached = self.cached.of(id).get(&id).cloned();
        let entry = match cached {
            Some(entry) => entry,
            None => match self.load(id, now_ms)? {
                Some(entry) => entry,
                None => return Ok(None),
            },
        };
        entry.used_ms.store(now_ms, Ordering::Relaxed);
        Ok((!entry.is_dead(now_ms)).then_some(entry))
    }

    fn load(&self, id: i64, now_ms: u64) -> Result<Option<Arc<KeyEntry>>, StoreError> {
        let Some(value) = self.store.get(Keyspace::AUTH_KEYS, &row(id, KIND_KEY))? else {
            return Ok(None);
        };
        let Some(record) = decode_key(&value, id, &self.master) else {
            tracing::error!(auth_key_id = id, "a stored auth key cannot be opened");
            return Ok(None);
        };
        let permanent = match record.permanent {
            0 => None,
            // A bound key whose permanent key is gone is gone too.
            permanent => match self.get(permanent, now_ms)? {
                Some(entry) => Some(entry),
                None => return Ok(None),
            },
        };
        let client = self.store.get(Keyspace::AUTH_KEYS, &row(id, KIND_CLIENT))?;
        let entry = KeyEntry {
            created_ms: record.created_s * 1000,
            permanent: Mutex::new(permanent),
            client: Mutex::new(client.as_deref().and_then(decode_client).map(Arc::new)),
            ..KeyEntry::new(record.key, record.first_salt, record.dc, record.expires_at, now_ms)
        };
        // Two connections may load at once: the first to insert wins, so that all share one.
        let mut shard = self.cached.of(id);
        Ok(Some(shard.entry(id).or_insert_with(|| Arc::new(entry)).clone()))
    }

    /// Whether some key has this id already: the exchange then asks the client to retry.
    pub(crate) fn contains(&self, id: i64) -> Result<bool, StoreError> {
        if self.cached.of(id).contains_key(&id) {
            return Ok(true);
        }
        Ok(self.store.get(Keyspace::AUTH_KEYS, &row(id, KIND_KEY))?.is_some())
    }

    /// Adds a key. The client may be told once the ticket (if any) is durable.
    pub(crate) fn insert(&self, entry: KeyEntry) -> Result<Option<Ticket>, StoreError> {
        let ticket = if entry.is_temporary() {
            None
        } else {
            let mut batch = Batch::new();
            batch.put(Keyspace::AUTH_KEYS, &row(entry.id, KIND_KEY), self.encode(&entry, 0));
            Some(self.store.commit(batch)?)
        };
        self.cached.of(entry.id).insert(entry.id, Arc::new(entry));
        Ok(ticket)
    }

    fn encode(&self, entry: &KeyEntry, permanent: i64) -> Vec<u8> {
        encode_key(entry, permanent, &self.master)
    }

    /// `auth.bindTempAuthKey`: `temporary` acts for `permanent` from now on. A key that was bound
    /// for the same session before is destroyed: one temporary key per permanent key and session.
    pub(crate) fn bind(
        &self,
        temporary: &Arc<KeyEntry>,
        permanent: &Arc<KeyEntry>,
        session_id: i64,
        now_ms: u64,
    ) -> Result<Ticket, StoreError> {
        let _serial = self.binding.lock();
        let mut batch = Batch::new();
        let mut bindings = self.bindings(permanent.id)?;
        let mut replaced = Vec::new();
        bindings.retain(|old| {
            let goes = old.temporary != temporary.id
                && (old.session_id == session_id || old.expires_at <= (now_ms / 1000) as i64);
            if goes {
                replaced.push(old.temporary);
            }
            !goes && old.temporary != temporary.id
        });
        while bindings.len() >= BINDINGS_MAX {
            replaced.push(bindings.remove(0).temporary);
        }
        bindings.push(Binding {
            temporary: temporary.id,
            session_id,
            expires_at: temporary.expires_at,
        });
        for id in &replaced {
            batch.delete(Keyspace::AUTH_KEYS, &row(*id, KIND_KEY));
        }
        batch.put(
            Keyspace::AUTH_KEYS,
            &row(temporary.id, KIND_KEY),
            self.encode(temporary, permanent.id),
        );
        batch.put(
            Keyspace::AUTH_KEYS,
            &row(permanent.id, KIND_BINDINGS),
            encode_bindings(&bindings),
        );
        let ticket = self.store.commit(batch)?;
        for id in replaced {
            self.forget(id, now_ms)?;
        }
        *temporary.permanent.lock() = Some(permanent.clone());
        Ok(ticket)
    }

    /// `auth.dropTempAuthKeys`: destroys the keys bound to `permanent` but for those in `except`.
    pub(crate) fn drop_temporary(
        &self,
        permanent: i64,
        except: &[i64],
        now_ms: u64,
    ) -> Result<Ticket, StoreError> {
        let _serial = self.binding.lock();
        let (kept, dropped): (Vec<_>, Vec<_>) =
            self.bindings(permanent)?.into_iter().partition(|b| except.contains(&b.temporary));
        let mut batch = Batch::new();
        batch.put(Keyspace::AUTH_KEYS, &row(permanent, KIND_BINDINGS), encode_bindings(&kept));
        for binding in &dropped {
            batch.delete(Keyspace::AUTH_KEYS, &row(binding.temporary, KIND_KEY));
        }
        let ticket = self.store.commit(batch)?;
        for binding in dropped {
            self.forget(binding.temporary, now_ms)?;
        }
        Ok(ticket)
    }

    /// `destroy_auth_key`: the key, and every temporary key that acts for it.
    pub(crate) fn destroy(&self, entry: &KeyEntry, now_ms: u64) -> Result<Ticket, StoreError> {
        let _serial = self.binding.lock();
        let mut batch = Batch::new();
        let bindings = self.bindings(entry.id)?;
        for kind in [KIND_KEY, KIND_CLIENT, KIND_BINDINGS] {
            batch.delete(Keyspace::AUTH_KEYS, &row(entry.id, kind));
        }
        for binding in &bindings {
            batch.delete(Keyspace::AUTH_KEYS, &row(binding.temporary, KIND_KEY));
        }
        let ticket = self.store.commit(batch)?;
        for binding in bindings {
            self.forget(binding.temporary, now_ms)?;
        }
        entry.destroy();
        Ok(ticket)
    }

    fn bindings(&self, permanent: i64) -> Result<Vec<Binding>, StoreError> {
        let value = self.store.get(Keyspace::AUTH_KEYS, &row(permanent, KIND_BINDINGS))?;
        Ok(value.as_deref().map(decode_bindings).unwrap_or_default())
    }

    /// Marks a key as destroyed. It stays in the table until the next sweep: the store may still
    /// show it for a moment, and whoever asks meanwhile must find it dead and not load it again.
    fn forget(&self, id: i64, now_ms: u64) -> Result<(), StoreError> {
        if let Some(entry) = self.get(id, now_ms)? {
            entry.destroy();
        }
        Ok(())
    }

    /// Remembers what the client said in `initConnection` and `invokeWithLayer`. Answers a ticket
    /// when something changed that has to be durable before the client is answered.
    pub(crate) fn set_client(
        &self,
        entry: &Arc<KeyEntry>,
        info: ClientInfo,
    ) -> Result<Option<Ticket>, StoreError> {
        let Some(identity) = entry.identity() else {
            // Not bound yet: kept in memory, and repeated by the client after the binding.
            *entry.client.lock() = Some(Arc::new(info));
            return Ok(None);
        };
        if identity.client.lock().as_deref() == Some(&info) {
            return Ok(None);
        }
        let mut batch = Batch::new();
        batch.put(Keyspace::AUTH_KEYS, &row(identity.id, KIND_CLIENT), encode_client(&info));
        let ticket = self.store.commit(batch)?;
        *identity.client.lock() = Some(Arc::new(info));
        Ok(Some(ticket))
    }

    /// A login began or ended.
    pub(crate) fn set_standing(&self, id: AuthKeyId, standing: Standing) {
        // A key that is not in memory asks core when it is used.
        if let Some(entry) = self.cached.of(id.0).get(&id.0) {
            let mut login = entry.login.lock();
            login.generation += 1;
            login.standing = Some(standing);
        }
    }

    /// The temporary keys that act for a permanent one.
    pub(crate) fn bound_to(&self, permanent: i64) -> Result<Vec<i64>, StoreError> {
        Ok(self.bindings(permanent)?.into_iter().map(|binding| binding.temporary).collect())
    }

    /// Frees the memory of keys that nobody used for a while.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.cached.retain(|entry| {
            let idle = now_ms.saturating_sub(entry.used_ms.load(Ordering::Relaxed));
            Arc::strong_count(entry) > 1 || (idle < CACHE_IDLE_MS && !entry.is_dead(now_ms))
        });
    }

    /// Deletes expired temporary keys among the next `limit` rows after `from`. Answers where to
    /// go on, or `None` at the end.
    pub(crate) fn purge(
        &self,
        from: &[u8],
        limit: usize,
        now_ms: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.store.scan(
            Keyspace::AUTH_KEYS,
            from,
            None,
            limit,
            node_store::Order::Ascending,
        )?;
        let mut batch = Batch::new();
        let mut expired = 0_usize;
        for (key, value) in &rows {
            if key.last() == Some(&KIND_KEY)
                && record::expires_at(value)
                    .is_some_and(|end| end != 0 && end <= (now_ms / 1000) as i64)
            {
                batch.delete(Keyspace::AUTH_KEYS, key);
                expired += 1;
            }
        }
        if expired > 0 {
            self.store.commit(batch)?;
        }
        let next = rows.last().filter(|_| rows.len() == limit).map(|(key, _)| {
            let mut next = key.clone();
            next.push(0);
            next
        });
        Ok(next)
    }
}

/// The 256 bytes of a key, sealed for the row that they will rest in.
fn seal(master: &MasterKey, entry: &KeyEntry) -> Vec<u8> {
    let place = row(entry.id, KIND_KEY);
    master.seal(Secret::AuthKey, &place, entry.key.secret_bytes(), &mut crate::rng())
}

/// The inverse of [`seal`]; also checks that the key is the one that the row names.
fn open(master: &MasterKey, id: i64, sealed: &[u8]) -> Option<AuthKey> {
    let bytes = master.open(Secret::AuthKey, &row(id, KIND_KEY), sealed).ok()?;
    AuthKey::from_slice(&bytes).filter(|key| key.id() == id)
}

fn row(id: i64, kind: u8) -> [u8; 9] {
    let mut key = [kind; 9];
    if let Some(head) = key.first_chunk_mut::<8>() {
        *head = id.to_be_bytes();
    }
    key
}
