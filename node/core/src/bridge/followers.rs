//! Who follows a bridged channel on other servers.

use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::{
    BlockSeverity, BridgeError, Cid, Count, FOLLOWER, FOLLOWER_BY_HOST, FOLLOWERS, INBOXES_ON,
    NewOutgoing, ROWS_AT_ONCE, RemoteActor, check_host, check_id, hash16, key,
};
use crate::decide::{Decide, scan_prefix};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Followers of one page, and of one command.
pub const FOLLOWERS_AT_ONCE: usize = ROWS_AT_ONCE;

/// Followers of one channel. Protects the disk: whoever has a domain makes any number of actors.
const FOLLOWERS_MAX: u64 = 1_000_000;

/// Inboxes of one host that are told of one channel's posts, each by a request of its own. Servers of many
/// people have one for all of them.
pub const INBOXES_ON_HOST_MAX: usize = 1000;

/// Somebody on another server who follows a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// Their id.
    pub actor: String,
    /// The host that the id names, in lower case.
    pub host: String,
    /// Where they are told of posts.
    pub inbox: String,
    /// Where all of their server are told together.
    pub shared_inbox: Option<String>,
    /// The activity by which they follow.
    pub follow: String,
    /// Unix seconds.
    pub since: i32,
}

impl Record for Follower {
    const VERSION: u8 = 1;
    const NAME: &'static str = "follower of a bridge";
}

/// Where a host is told of a channel's posts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inboxes {
    /// Those of all of a server; there is one, unless the server has changed it.
    pub shared: Vec<String>,
    /// Those of people whose server has none for all.
    pub own: Vec<String>,
}

impl Follower {
    /// Where they are told of posts: together with all of their server, where it has a place for that.
    #[must_use]
    pub fn told_at(&self) -> &str {
        self.shared_inbox.as_deref().unwrap_or(&self.inbox)
    }

    pub(super) fn check(&self) -> CoreResult<()> {
        let ids = [&self.actor, &self.inbox, &self.follow];
        ids.into_iter().chain(&self.shared_inbox).try_for_each(|id| check_id(id))?;
        check_host(&self.host)
    }
}

fn follower_key(cid: &Cid, actor: &str) -> Vec<u8> {
    key(FOLLOWER, &[cid, &hash16(actor)])
}

/// Where the index says who is told at an inbox.
fn inbox_key(host: &str, cid: &Cid, inbox: &str) -> Vec<u8> {
    key(FOLLOWER_BY_HOST, &[&hash16(host), cid, &hash16(inbox)])
}

fn by_host_key(cid: &Cid, follower: &Follower) -> Vec<u8> {
    let mut at = inbox_key(&follower.host, cid, follower.told_at());
    at.extend(hash16(&follower.actor));
    at
}

/// The channel and the hash of the actor in a key of the index, between which is that of the inbox.
fn named_in(key: &[u8]) -> CoreResult<(Cid, [u8; 16])> {
    let named = || {
        let (rest, actor) = key.split_last_chunk::<16>()?;
        let (rest, _) = rest.split_last_chunk::<16>()?;
        Some((*rest.last_chunk()?, *actor))
    };
    named().ok_or(CoreError::Damaged(Follower::NAME))
}

impl Core {
    /// Somebody follows a channel, and is told that they do: both in one batch. Who follows already is
    /// answered again. `follower.since` is set here.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`], [`BridgeError::Blocked`], [`BridgeError::Invalid`],
    /// [`CoreError::TooMany`].
    pub async fn bridge_follow(
        &self,
        cid: Cid,
        follower: Follower,
        accept: NewOutgoing,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            follower.check()?;
            decide.bridge_of_cid(&cid)?;
            decide.not_blocked(&follower.host, BlockSeverity::Suspend)?;
            decide.see_activity(&follower.follow)?;
            decide.append_outgoing(cid, vec![accept])?;
            decide.put_follower(cid, follower)
        })
        .await
    }

    /// Somebody follows a channel no longer; true if they did. `follow` is the activity that is taken
    /// back, where it is known: an older one than that by which they follow now changes nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn bridge_unfollow(
        &self,
        cid: Cid,
        actor: String,
        follow: Option<String>,
    ) -> CoreResult<bool> {
        self.write(None, move |decide| {
            decide.is_not_given(&cid)?;
            let known: Option<Follower> =
                decide.load(Keyspace::BRIDGE, &follower_key(&cid, &actor))?;
            let Some(known) = known else { return Ok(false) };
            if let Some(follow) = follow.filter(|follow| *follow != known.follow)
                && decide.has_seen(&follow)?
            {
                return Ok(false);
            }
            decide.remove_follower(cid, &known)?;
            Ok(true)
        })
        .await
    }

    /// A follower is told elsewhere from now on; false where nobody of that id follows.
    ///
    /// # Errors
    /// [`BridgeError::Invalid`].
    pub async fn change_follower(&self, cid: Cid, follower: Follower) -> CoreResult<bool> {
        self.write(None, move |decide| {
            follower.check()?;
            let known: Option<Follower> =
                decide.load(Keyspace::BRIDGE, &follower_key(&cid, &follower.actor))?;
            let is_known = known.is_some_and(|known| known.host == follower.host);
            if is_known {
                decide.put_follower(cid, follower)?;
            }
            Ok(is_known)
        })
        .await
    }

    /// How many follow a channel, as it is on disk.
    ///
    /// # Errors
    /// Those of the store.
    pub fn followers(&self, cid: &Cid) -> CoreResult<u64> {
        let count: Option<Count> = self.shown(Keyspace::BRIDGE, &key(FOLLOWERS, &[cid]))?;
        Ok(count.unwrap_or_default().0)
    }

    /// Somebody who follows a channel.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn follower(&self, cid: &Cid, actor: &str) -> CoreResult<Option<Follower>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &follower_key(cid, actor))?;
        self.settled().await?;
        row.map(|row| Follower::decode(&row)).transpose()
    }

    /// Who follows a channel, after one of them in no order that means anything; at most `at_most`, and
    /// [`FOLLOWERS_AT_ONCE`].
    ///
    /// # Errors
    /// Those of the store.
    pub async fn followers_of(
        &self,
        cid: &Cid,
        after: Option<&str>,
        at_most: usize,
    ) -> CoreResult<Vec<Follower>> {
        let from = match after {
            Some(actor) => [&follower_key(cid, actor)[..], &[0]].concat(),
            None => key(FOLLOWER, &[cid]),
        };
        let end = key(FOLLOWER, &[cid, &[u8::MAX; 17]]);
        let at_most = at_most.min(FOLLOWERS_AT_ONCE);
        let store = &self.inner.store;
        let rows = store.scan(Keyspace::BRIDGE, &from, Some(&end), at_most, Order::Ascending)?;
        self.settled().await?;
        rows.iter().map(|(_, row)| Follower::decode(row)).collect()
    }

    /// Where those of a host are told of a channel's posts. Reads one row for each inbox, however many are
    /// told there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn inboxes_on(&self, host: &str, cid: &Cid) -> CoreResult<Inboxes> {
        let mut from = key(FOLLOWER_BY_HOST, &[&hash16(host), cid]);
        let end = [&from[..], &[u8::MAX; 33]].concat();
        let mut found = Inboxes::default();
        let store = &self.inner.store;
        for _ in 0..INBOXES_ON_HOST_MAX {
            let rows = store.scan(Keyspace::BRIDGE, &from, Some(&end), 1, Order::Ascending)?;
            let Some((row, _)) = rows.first() else { break };
            if let Some(follower) = self.follower_named_in(row)? {
                match follower.shared_inbox {
                    Some(shared) => found.shared.push(shared),
                    None => found.own.push(follower.inbox),
                }
            }
            // The next inbox is behind all who are told at this one.
            let (inbox, _) =
                row.split_last_chunk::<16>().ok_or(CoreError::Damaged(Follower::NAME))?;
            from = [inbox, &[u8::MAX; 17]].concat();
        }
        self.settled().await?;
        Ok(found)
    }

    /// Who of a host is told of a channel's posts at an inbox; at most `at_most`, and
    /// [`FOLLOWERS_AT_ONCE`].
    ///
    /// # Errors
    /// Those of the store.
    pub async fn followers_told_at(
        &self,
        host: &str,
        cid: &Cid,
        inbox: &str,
        at_most: usize,
    ) -> CoreResult<Vec<Follower>> {
        let at_most = at_most.min(FOLLOWERS_AT_ONCE);
        let prefix = inbox_key(host, cid, inbox);
        let rows = scan_prefix(&*self.inner.store, Keyspace::BRIDGE, &prefix, at_most)?;
        let mut found = Vec::with_capacity(rows.len());
        for (row, _) in &rows {
            found.extend(self.follower_named_in(row)?);
        }
        self.settled().await?;
        Ok(found)
    }

    fn follower_named_in(&self, row: &[u8]) -> CoreResult<Option<Follower>> {
        let (cid, actor) = named_in(row)?;
        let row = self.inner.store.get(Keyspace::BRIDGE, &key(FOLLOWER, &[&cid, &actor]))?;
        row.map(|row| Follower::decode(&row)).transpose()
    }

    /// Somebody is somebody else from now on, who was looked up and says the same: follows all that they
    /// followed. Answers how many channels.
    ///
    /// # Errors
    /// [`BridgeError::Blocked`], [`BridgeError::Invalid`], and those of the store.
    pub async fn bridge_move_follower(&self, old: String, new: Follower) -> CoreResult<usize> {
        self.write(None, move |decide| {
            new.check()?;
            decide.not_blocked(&new.host, BlockSeverity::Suspend)?;
            let mut moved = 0;
            for bridge in decide.inner.bridges.all() {
                let at = follower_key(&bridge.cid, &old);
                let known: Option<Follower> = decide.load(Keyspace::BRIDGE, &at)?;
                let Some(known) = known else { continue };
                decide.remove_follower(bridge.cid, &known)?;
                decide.put_follower(bridge.cid, new.clone())?;
                moved += 1;
            }
            Ok(moved)
        })
        .await
    }

    /// Nobody of a host follows anything here any more. Answers how many did.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn drop_followers_of_host(&self, host: &str) -> CoreResult<u64> {
        let mut dropped = 0;
        loop {
            let host = host.to_owned();
            let some = self
                .write(None, move |decide| {
                    let prefix = key(FOLLOWER_BY_HOST, &[&hash16(&host)]);
                    let rows = decide.scan_prefix(Keyspace::BRIDGE, &prefix, FOLLOWERS_AT_ONCE)?;
                    for (row, _) in &rows {
                        let (cid, actor) = named_in(row)?;
                        let at = key(FOLLOWER, &[&cid, &actor]);
                        match decide.load::<Follower>(Keyspace::BRIDGE, &at)? {
                            Some(known) => decide.remove_follower(cid, &known)?,
                            None => decide.delete(Keyspace::BRIDGE, row),
                        }
                    }
                    Ok(rows.len())
                })
                .await?;
            dropped += some as u64;
            if some < FOLLOWERS_AT_ONCE {
                return Ok(dropped);
            }
        }
    }
}

impl Decide<'_> {
    pub(super) fn follower_row(&self, cid: &Cid, actor: &str) -> CoreResult<Option<Follower>> {
        self.load(Keyspace::BRIDGE, &follower_key(cid, actor))
    }

    fn put_follower(&mut self, cid: Cid, follower: Follower) -> CoreResult<()> {
        let at = follower_key(&cid, &follower.actor);
        let known: Option<Follower> = self.load(Keyspace::BRIDGE, &at)?;
        let since = known.as_ref().map_or(self.now(), |known| known.since);
        self.keep_follower(cid, &Follower { since, ..follower })
    }

    /// Somebody follows a channel, since then.
    pub(super) fn keep_follower(&mut self, cid: Cid, follower: &Follower) -> CoreResult<()> {
        let at = follower_key(&cid, &follower.actor);
        let known: Option<Follower> = self.load(Keyspace::BRIDGE, &at)?;
        if known.is_none() {
            self.count_followers(cid, 1)?;
        }
        // Its host is that of its id, so it is the same.
        if known.as_ref().is_none_or(|known| known.told_at() != follower.told_at()) {
            let inbox = inbox_key(&follower.host, &cid, follower.told_at());
            if self.scan_prefix(Keyspace::BRIDGE, &inbox, 1)?.is_empty() {
                self.count_inboxes(&cid, &follower.host, 1)?;
            }
            self.put_bytes(Keyspace::BRIDGE, &by_host_key(&cid, follower), Vec::new());
            if let Some(known) = &known {
                self.unindex(&cid, known)?;
            }
        }
        self.put(Keyspace::BRIDGE, &at, follower)
    }

    /// Where an actor is told is elsewhere, by what it says of itself now.
    pub(super) fn tell_elsewhere(&mut self, actor: &RemoteActor) -> CoreResult<()> {
        for bridge in self.inner.bridges.all() {
            let Some(known) = self.follower_row(&bridge.cid, &actor.id)? else { continue };
            let (inbox, shared_inbox) = (actor.inbox.clone(), actor.shared_inbox.clone());
            let told = Follower { inbox, shared_inbox, ..known };
            match self.part(|decide| decide.put_follower(bridge.cid, told))? {
                // There is no room for one more: they are told where they were.
                Err(CoreError::TooMany) => {}
                put => put?,
            }
        }
        Ok(())
    }

    /// Somebody follows a channel no longer.
    pub(super) fn remove_follower(&mut self, cid: Cid, known: &Follower) -> CoreResult<()> {
        self.delete(Keyspace::BRIDGE, &follower_key(&cid, &known.actor));
        self.unindex(&cid, known)?;
        self.count_followers(cid, -1)
    }

    fn unindex(&mut self, cid: &Cid, known: &Follower) -> CoreResult<()> {
        self.delete(Keyspace::BRIDGE, &by_host_key(cid, known));
        let inbox = inbox_key(&known.host, cid, known.told_at());
        match self.scan_prefix(Keyspace::BRIDGE, &inbox, 1)?.is_empty() {
            true => self.count_inboxes(cid, &known.host, -1),
            false => Ok(()),
        }
    }

    fn count_inboxes(&mut self, cid: &Cid, host: &str, by: i64) -> CoreResult<()> {
        let at = key(INBOXES_ON, &[&hash16(host), cid]);
        let Count(count) = self.load(Keyspace::BRIDGE, &at)?.unwrap_or_default();
        match count.saturating_add_signed(by) {
            0 => self.delete(Keyspace::BRIDGE, &at),
            after if by > 0 && after > INBOXES_ON_HOST_MAX as u64 => {
                return Err(CoreError::TooMany);
            }
            after => self.put(Keyspace::BRIDGE, &at, &Count(after))?,
        }
        Ok(())
    }

    fn count_followers(&mut self, cid: Cid, by: i64) -> CoreResult<()> {
        let at = key(FOLLOWERS, &[&cid]);
        let Count(count) = self.load(Keyspace::BRIDGE, &at)?.unwrap_or_default();
        let after = count.saturating_add_signed(by);
        if after > FOLLOWERS_MAX && by > 0 {
            return Err(CoreError::TooMany);
        }
        self.put_shown(Keyspace::BRIDGE, &at, Some(&Count(after)))
    }
}

impl Decide<'_> {
    /// Fails for what comes from a host that is blocked this much or more.
    pub(super) fn not_blocked(&self, host: &str, severity: BlockSeverity) -> CoreResult<()> {
        let block = self.inner.bridges.block(host);
        if block.is_some_and(|block| block.severity >= severity) {
            return Err(BridgeError::Blocked.into());
        }
        Ok(())
    }
}
