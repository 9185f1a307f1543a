//! People of other servers, as accounts of this node: ghosts.
//!
//! They say something where a bridged channel is discussed, react and vote, and can do nothing else: no
//! number, no username, no login. Their numbers lie below those of people of other nodes, so who is a
//! ghost shows from the number alone. To other nodes they are people of this one, which asks for what they
//! wrote.
//!
//! Keyspace `BRIDGE`: 15 ++ actor: its [`Ghost`]; 16 ++ user (8): its actor; 17, and 18 ++ host: how many.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{Count, GHOST, GHOST_OF, GHOSTS, GHOSTS_ON, RemoteActor, hash16, key};
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{SUPPORT_IDS_EVERY, USER_ID_END, UserId};
use crate::record::Record;
use crate::user::{NAME_CHARS_MAX, Role, User, clean_name};
use crate::{Core, CoreError, CoreResult};

/// Ghosts have numbers from here on, up to those of people of other nodes.
const GHOST_FIRST: i64 = USER_ID_END / 4;
const GHOST_END: i64 = USER_ID_END / 2;

/// Ghosts of one host, and of all. Protects memory: accounts lie there, some 300 bytes each, and whoever
/// has a domain makes any number of actors.
const GHOSTS_OF_HOST_MAX: u64 = 20_000;
const GHOSTS_MAX: u64 = 200_000;

/// Whether an account stands for somebody of another server.
#[must_use]
pub fn is_ghost(user: UserId) -> bool {
    (GHOST_FIRST..GHOST_END).contains(&user.0)
}

/// Who a ghost is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ghost {
    pub(super) user: UserId,
    pub(super) actor: String,
    pub(super) host: String,
}

impl Record for Ghost {
    const VERSION: u8 = 1;
    const NAME: &'static str = "ghost";
}

/// As much of a name as a name may have, without what turns text around.
fn clean(name: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String = name.chars().filter(|c| !turns(*c)).take(NAME_CHARS_MAX).collect();
    clean_name(&kept).unwrap_or_default()
}

/// First and last name of a ghost: never empty, and always with where it is from.
fn names(actor: &RemoteActor) -> (String, String) {
    let handle = actor.handle.trim_start_matches('@');
    let user = handle.split('@').next().unwrap_or(handle);
    let first = [clean(&actor.name), clean(user), clean(&actor.host)];
    let first = first.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "?".to_owned());
    (first, clean(&format!("(@{handle})")))
}

/// The number of a ghost before which there were so many: without those that clients take for support
/// staff.
fn numbered(before: u64) -> UserId {
    let before = i64::try_from(before).unwrap_or(i64::MAX / 2);
    let to_first = SUPPORT_IDS_EVERY - GHOST_FIRST.rem_euclid(SUPPORT_IDS_EVERY);
    let passed = (before + SUPPORT_IDS_EVERY - 1 - to_first).div_euclid(SUPPORT_IDS_EVERY - 1);
    UserId(GHOST_FIRST.saturating_add(before).saturating_add(passed))
}

impl Core {
    /// The id of the actor that a ghost stands for.
    ///
    /// # Errors
    /// Those of the store.
    pub fn actor_of_ghost(&self, user: UserId) -> CoreResult<Option<String>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &key(GHOST_OF, &[&user.bytes()]))?;
        let damaged = |_| CoreError::Damaged(Ghost::NAME);
        row.map(|row| String::from_utf8(row).map_err(damaged)).transpose()
    }

    /// The account of an actor, if it has one here.
    ///
    /// # Errors
    /// Those of the store.
    pub fn ghost_of_actor(&self, actor: &str) -> CoreResult<Option<UserId>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &key(GHOST, &[&hash16(actor)]))?;
        Ok(row.map(|row| Ghost::decode(&row)).transpose()?.map(|ghost| ghost.user))
    }
}

impl Decide<'_> {
    /// The account of an actor, if it has one.
    pub(super) fn known_ghost(&self, actor: &str) -> CoreResult<Option<Ghost>> {
        self.load(Keyspace::BRIDGE, &key(GHOST, &[&hash16(actor)]))
    }

    /// The account of an actor, made if there is none.
    pub(super) fn ghost_of(&mut self, actor: &RemoteActor) -> CoreResult<UserId> {
        if let Some(known) = self.known_ghost(&actor.id)? {
            self.rename_ghost(known.user, actor)?;
            return Ok(known.user);
        }
        let (all, of_host) = (key(GHOSTS, &[]), key(GHOSTS_ON, &[&hash16(&actor.host)]));
        let Count(count) = self.load(Keyspace::BRIDGE, &all)?.unwrap_or_default();
        let Count(there) = self.load(Keyspace::BRIDGE, &of_host)?.unwrap_or_default();
        if count >= GHOSTS_MAX || there >= GHOSTS_OF_HOST_MAX {
            return Err(CoreError::TooMany);
        }
        self.put(Keyspace::BRIDGE, &all, &Count(count + 1))?;
        self.put(Keyspace::BRIDGE, &of_host, &Count(there + 1))?;
        let user = numbered(count);
        debug_assert!(is_ghost(user));
        let ghost = Ghost { user, actor: actor.id.clone(), host: actor.host.clone() };
        self.put(Keyspace::BRIDGE, &key(GHOST, &[&hash16(&actor.id)]), &ghost)?;
        let of = key(GHOST_OF, &[&user.bytes()]);
        self.put_bytes(Keyspace::BRIDGE, &of, actor.id.clone().into_bytes());
        let (first_name, last_name) = names(actor);
        self.put_user(User {
            id: user,
            phone: 0,
            first_name,
            last_name,
            username: None,
            about: String::new(),
            role: Role::Ghost,
            created: self.now(),
            birthday: None,
            color: None,
            profile_color: None,
            deleted: false,
        })?;
        Ok(user)
    }

    /// An actor calls itself so now.
    pub(super) fn rename_ghost(&mut self, user: UserId, actor: &RemoteActor) -> CoreResult<()> {
        let before = self.user(user)?.ok_or(CoreError::UnknownUser)?;
        let (first_name, last_name) = names(actor);
        let after = User { first_name, last_name, deleted: false, ..before.clone() };
        if after != before {
            self.put_user(after)?;
            self.event(Event::Profile { user });
        }
        Ok(())
    }

    /// An actor is no more: its ghost is a deleted account.
    pub(super) fn end_ghost(&mut self, user: UserId) -> CoreResult<()> {
        let before = self.user(user)?.ok_or(CoreError::UnknownUser)?;
        if before.deleted {
            return Ok(());
        }
        let (first_name, last_name) = (String::new(), String::new());
        self.put_user(User { first_name, last_name, deleted: true, ..before })?;
        self.event(Event::Profile { user });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::ActorState;

    fn called(name: &str, handle: &str) -> (String, String) {
        names(&RemoteActor {
            id: "https://one.test/1".into(),
            host: "one.test".into(),
            name: name.into(),
            handle: handle.into(),
            inbox: "https://one.test/inbox".into(),
            shared_inbox: None,
            icon: None,
            url: None,
            keys: Vec::new(),
            fetched_at_ms: 0,
            state: ActorState::There,
        })
    }

    #[test]
    fn every_ghost_has_a_number_of_its_own() {
        let numbers: Vec<i64> = (0..5000).map(|before| numbered(before).0).collect();
        assert!(numbers.windows(2).all(|two| two[0] < two[1] && two[1] <= two[0] + 2));
        assert!(numbers.iter().all(|number| number % SUPPORT_IDS_EVERY != 0));
        assert_eq!(numbers[0], GHOST_FIRST);
        assert!(is_ghost(numbered(0)) && is_ghost(numbered(GHOSTS_MAX)));
        assert!(!is_ghost(UserId(GHOST_END)) && crate::is_remote(UserId(GHOST_END)));
        assert!(!is_ghost(UserId(crate::USER_ID_FIRST)));
    }

    #[test]
    fn a_name_says_where_somebody_is_from() {
        let named = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(called("Kim", "kim@one.test"), named("Kim", "(@kim@one.test)"));
        assert_eq!(called(" \u{202e}\n ", "@kim@one.test"), named("kim", "(@kim@one.test)"));
        assert_eq!(called("", "@"), named("one.test", "(@)"));
        let (first, last) = called(&"x".repeat(500), &"y".repeat(500));
        assert_eq!((first.len(), last.len()), (64, 64));
    }
}
