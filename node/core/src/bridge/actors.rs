//! People and things of other servers as they were last seen, and activities that came already.

use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::{
    ACTOR, BridgeError, COMMENT_BY, ROWS_AT_ONCE, SEEN, SEEN_AT, check_host, check_id, hash16, key,
    number_in, short,
};
use crate::decide::Decide;
use crate::record::Record;
use crate::{Core, CoreResult};

/// Longest name that is kept, in bytes: 2048 is what servers show at most.
const NAME_BYTES_MAX: usize = 2048;

/// Longest keys of an actor, in bytes.
const KEYS_BYTES_MAX: usize = 16 * 1024;

/// Whether an actor is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ActorState {
    /// It is.
    #[default]
    There,
    /// Its server says that it is no more.
    Gone,
}

/// An actor of another server, as it was when it was fetched.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteActor {
    /// Its id.
    pub id: String,
    /// The host that the id names, in lower case.
    pub host: String,
    /// As it calls itself; may be empty.
    pub name: String,
    /// `user@host`.
    pub handle: String,
    /// Where it is told of things.
    pub inbox: String,
    /// Where all of its server are told together.
    pub shared_inbox: Option<String>,
    /// Its picture.
    pub icon: Option<String>,
    /// Its page.
    pub url: Option<String>,
    /// What it signs with, in the caller's encoding.
    pub keys: Vec<u8>,
    /// Unix milliseconds.
    pub fetched_at_ms: u64,
    /// Whether it is there.
    pub state: ActorState,
}

impl std::fmt::Debug for RemoteActor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteActor").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Record for RemoteActor {
    const VERSION: u8 = 1;
    const NAME: &'static str = "actor of another server";
}

impl RemoteActor {
    pub(super) fn check(&self) -> CoreResult<()> {
        let ids = [&self.id, &self.inbox, &self.handle].into_iter();
        let links = self.shared_inbox.iter().chain(&self.icon).chain(&self.url);
        ids.chain(links).try_for_each(|id| check_id(id))?;
        short("name", &self.name, NAME_BYTES_MAX)?;
        if self.keys.len() > KEYS_BYTES_MAX {
            return Err(BridgeError::Invalid("keys").into());
        }
        check_host(&self.host)
    }
}

/// When something came: unix milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct SeenAt(u64);

impl Record for SeenAt {
    const VERSION: u8 = 1;
    const NAME: &'static str = "seen activity";
}

fn actor_key(id: &str) -> Vec<u8> {
    key(ACTOR, &[&hash16(id)])
}

impl Core {
    /// An actor of another server, if it was fetched.
    ///
    /// # Errors
    /// Those of the store.
    pub fn remote_actor(&self, id: &str) -> CoreResult<Option<RemoteActor>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &actor_key(id))?;
        row.map(|row| RemoteActor::decode(&row)).transpose()
    }

    /// Keeps an actor of another server as it is now.
    ///
    /// # Errors
    /// [`BridgeError::Invalid`].
    pub async fn put_remote_actor(&self, actor: RemoteActor) -> CoreResult<()> {
        self.write(None, move |decide| decide.put_remote_actor(&actor)).await
    }

    /// Forgets actors that were fetched before a time, in unix milliseconds, but those whose comments are
    /// here: who is needed is fetched again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prune_remote_actors(&self, before_ms: u64) -> CoreResult<()> {
        let (mut from, end) = (vec![ACTOR], [ACTOR + 1]);
        loop {
            let store = &self.inner.store;
            let rows =
                store.scan(Keyspace::BRIDGE, &from, Some(&end), ROWS_AT_ONCE, Order::Ascending)?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            from = [last.as_slice(), &[0]].concat();
            let mut old = Vec::new();
            for (at, row) in &rows {
                if RemoteActor::decode(row)?.fetched_at_ms < before_ms {
                    old.push(at.clone());
                }
            }
            self.write(None, move |decide| {
                for at in old {
                    // Fetched again meanwhile: it stays.
                    let known: Option<RemoteActor> = decide.load(Keyspace::BRIDGE, &at)?;
                    let old = known.is_some_and(|known| known.fetched_at_ms < before_ms);
                    // Whose comments are here is needed when one is approved.
                    let said = [&[COMMENT_BY][..], at.get(1..).unwrap_or_default()].concat();
                    if old && decide.scan_prefix(Keyspace::BRIDGE, &said, 1)?.is_empty() {
                        decide.delete(Keyspace::BRIDGE, &at);
                    }
                }
                Ok(())
            })
            .await?;
        }
    }

    /// Whether an activity came already.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn was_seen(&self, activity: &str) -> CoreResult<bool> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &key(SEEN, &[&hash16(activity)]))?;
        self.settled().await?;
        Ok(row.is_some())
    }

    /// An activity has come of which nothing is kept.
    ///
    /// # Errors
    /// [`BridgeError::Invalid`].
    pub async fn mark_seen(&self, activity: String) -> CoreResult<()> {
        self.write(None, move |decide| decide.see_activity(&activity).map(|_| ())).await
    }

    /// Forgets activities that came before a time, in unix milliseconds.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prune_seen(&self, before_ms: u64) -> CoreResult<()> {
        loop {
            let left = self
                .write(None, move |decide| {
                    let rows = decide.scan_prefix(Keyspace::BRIDGE, &[SEEN_AT], ROWS_AT_ONCE)?;
                    let mut left = rows.len() == ROWS_AT_ONCE;
                    for (at, _) in &rows {
                        let Some((head, activity)) = at.split_last_chunk::<16>() else { continue };
                        if number_in(head)? >= before_ms {
                            left = false;
                            break;
                        }
                        decide.delete(Keyspace::BRIDGE, &key(SEEN, &[activity]));
                        decide.delete(Keyspace::BRIDGE, at);
                    }
                    Ok(left)
                })
                .await?;
            if !left {
                return Ok(());
            }
        }
    }
}

impl Decide<'_> {
    pub(super) fn put_remote_actor(&mut self, actor: &RemoteActor) -> CoreResult<()> {
        actor.check()?;
        if let Some(ghost) = self.known_ghost(&actor.id)? {
            self.rename_ghost(ghost.user, actor)?;
        }
        let known: Option<RemoteActor> = self.load(Keyspace::BRIDGE, &actor_key(&actor.id))?;
        let told_at = |of: &RemoteActor| (of.inbox.clone(), of.shared_inbox.clone());
        if known.as_ref().map(told_at) != Some(told_at(actor)) {
            self.tell_elsewhere(actor)?;
        }
        self.put(Keyspace::BRIDGE, &actor_key(&actor.id), actor)
    }

    pub(super) fn has_seen(&self, activity: &str) -> CoreResult<bool> {
        Ok(self.get(Keyspace::BRIDGE, &key(SEEN, &[&hash16(activity)]))?.is_some())
    }

    /// An activity comes: true the first time. What fails afterwards may come again.
    pub(super) fn see_activity(&mut self, activity: &str) -> CoreResult<bool> {
        check_id(activity)?;
        let hash = hash16(activity);
        let at = key(SEEN, &[&hash]);
        if self.get(Keyspace::BRIDGE, &at)?.is_some() {
            return Ok(false);
        }
        self.put(Keyspace::BRIDGE, &at, &SeenAt(self.now_ms))?;
        let by_time = key(SEEN_AT, &[&self.now_ms.to_be_bytes(), &hash]);
        self.put_bytes(Keyspace::BRIDGE, &by_time, Vec::new());
        Ok(true)
    }
}
