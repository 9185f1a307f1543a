//! Logins: which auth key acts for whom.
//!
//! Keyspace `AUTHORIZATIONS`:
//! - `k` ++ auth_key_id (8): who that is, [`KeyRecord`];
//! - `u` ++ user (8) ++ auth_key_id (8): what is known of the login, [`AuthorizationRecord`].

use node_store::{Keyspace, Store};
use serde::{Deserialize, Serialize};

use super::device::{Device, DeviceV1};
use crate::access::authorization_hash;
use crate::decide::{Decide, scan_prefix};
use crate::event::Event;
use crate::ids::{AuthKeyId, UserId};
use crate::inner::Inner;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Logins of one account. The oldest unused one makes room.
pub(super) const AUTHORIZATIONS_MAX: usize = 100;

/// A login younger than this may end those that came after it, and none before: whoever stole a
/// code must not throw out its owner.
const FRESH_S: i32 = 24 * 3600;

/// Seconds after which the time of last use is written again.
const TOUCH_EVERY_S: i32 = 3600;

/// Seconds after which a login that nobody confirmed or ended counts as confirmed. Clients are
/// told by `authorization_autoconfirm_period`.
pub const CONFIRMED_AFTER_S: i32 = 7 * 24 * 3600;

/// How long a login waits for the password: a mailed code arrives in this time.
const PENDING_S: i32 = 3600;

/// What an auth key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has logged in with it.
    Unknown,
    /// It acts for this user.
    LoggedIn(UserId),
    /// It has shown a code of this user, who has a password; it may do nothing but show that too.
    PasswordNeeded(UserId),
    /// It acted for somebody; another session ended that.
    Revoked,
}

/// One login of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The key.
    pub auth_key: AuthKeyId,
    /// Names the login towards its owner.
    pub hash: i64,
    /// What the client said.
    pub device: Device,
    /// Unix seconds of the login.
    pub created: i32,
    /// Unix seconds of the last use; exact to an hour.
    pub active: i32,
    /// The login that this one was exported from.
    pub parent: Option<AuthKeyId>,
    /// Unix seconds until which it may wait for the password; none once it acts for the account.
    pub pending_until: Option<i32>,
    /// Nobody has said yet that it is the owner's.
    pub unconfirmed: bool,
    /// What it does not take.
    pub refuses: Refuses,
}

/// What a login does not take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refuses {
    /// Secret chats.
    pub secret_chats: bool,
    /// Calls.
    pub calls: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AuthorizationRecord {
    device: Device,
    created: i32,
    active: i32,
    /// The login that this one was exported from: it ends with that, and is not listed beside it.
    parent: Option<AuthKeyId>,
    pending_until: Option<i32>,
    confirmed: bool,
    refuses: Refuses,
}

#[derive(Serialize, Deserialize)]
struct AuthorizationV1 {
    device: DeviceV1,
    created: i32,
    active: i32,
    parent: Option<AuthKeyId>,
}

impl Record for AuthorizationRecord {
    const VERSION: u8 = 2;
    const NAME: &'static str = "authorization";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        let old: AuthorizationV1 = postcard::from_bytes(fields).ok()?;
        Some(Self {
            device: old.device.into(),
            created: old.created,
            active: old.active,
            parent: old.parent,
            pending_until: None,
            confirmed: true,
            refuses: Refuses::default(),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum KeyState {
    LoggedIn,
    Revoked,
    /// Unix seconds until which the password may be shown.
    PasswordNeeded(i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct KeyRecord {
    user: UserId,
    state: KeyState,
}

#[derive(Serialize, Deserialize)]
struct KeyV1 {
    user: UserId,
    revoked: bool,
}

impl Record for KeyRecord {
    const VERSION: u8 = 2;
    const NAME: &'static str = "standing of a key";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        let old: KeyV1 = postcard::from_bytes(fields).ok()?;
        let state = if old.revoked { KeyState::Revoked } else { KeyState::LoggedIn };
        Some(Self { user: old.user, state })
    }
}

impl Core {
    /// What a key may do, as far as that is durable.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn standing(&self, auth_key: AuthKeyId) -> CoreResult<Standing> {
        let row = self.inner.store.get(Keyspace::AUTHORIZATIONS, &key_row(auth_key))?;
        self.settled().await?;
        let Some(row) = row else { return Ok(Standing::Unknown) };
        let KeyRecord { user, state } = KeyRecord::decode(&row)?;
        Ok(match state {
            KeyState::LoggedIn => Standing::LoggedIn(user),
            KeyState::Revoked => Standing::Revoked,
            KeyState::PasswordNeeded(until) if until > self.now() => Standing::PasswordNeeded(user),
            KeyState::PasswordNeeded(_) => Standing::Unknown,
        })
    }

    /// The login that a key acts by: its own, or the one that it was exported from.
    ///
    /// # Errors
    /// [`CoreError::UnknownAuthorization`].
    pub fn login_of(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<AuthKeyId> {
        let row = self.inner.store.get(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key))?;
        acting(row.map(|row| AuthorizationRecord::decode(&row)).transpose()?, auth_key)
    }

    /// Whether a login takes secret chats that others ask for.
    pub(crate) fn takes_secret_chats(&self, user: UserId, device: AuthKeyId) -> CoreResult<bool> {
        let row = self.inner.store.get(Keyspace::AUTHORIZATIONS, &user_row(user, device))?;
        let record = row.map(|row| AuthorizationRecord::decode(&row)).transpose()?;
        Ok(record.is_some_and(|record| !record.refuses.secret_chats))
    }

    /// All logins of an account, the newest use first; also those that wait for the password.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn authorizations(&self, user: UserId) -> CoreResult<Vec<Authorization>> {
        let now = self.now();
        let mut all = self.inner.logins(user, now)?;
        self.settled().await?;
        all.retain(|login| login.parent.is_none());
        all.retain(|login| login.pending_until.is_none_or(|until| until > now));
        all.sort_by_key(|login| std::cmp::Reverse((login.active, login.created)));
        Ok(all)
    }

    /// The login is used: remembers when, and by what, about once an hour.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn touch_authorization(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        device: Device,
    ) -> CoreResult<()> {
        let row = user_row(user, auth_key);
        let known = self.inner.store.get(Keyspace::AUTHORIZATIONS, &row)?;
        let Some(known) = known else { return Ok(()) };
        let known = AuthorizationRecord::decode(&known)?;
        if known.device == device && self.now() - known.active < TOUCH_EVERY_S {
            return Ok(());
        }
        self.write(None, move |decide| {
            let known: Option<AuthorizationRecord> = decide.load(Keyspace::AUTHORIZATIONS, &row)?;
            let Some(known) = known else { return Ok(()) };
            let record = AuthorizationRecord { device, active: decide.now(), ..known };
            decide.put(Keyspace::AUTHORIZATIONS, &row, &record)
        })
        .await
    }

    /// Another key of the same client acts for the user too: connections to "other" DCs, which all
    /// end here, have keys of their own.
    ///
    /// # Errors
    /// [`CoreError::UnknownAuthorization`] when the login that it comes from has ended.
    pub async fn import_authorization(
        &self,
        user: UserId,
        parent: AuthKeyId,
        auth_key: AuthKeyId,
        device: Device,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let known: Option<AuthorizationRecord> =
                decide.load(Keyspace::AUTHORIZATIONS, &user_row(user, parent))?;
            // One that waits for the password has nothing to pass on.
            let known = known.filter(|known| known.pending_until.is_none());
            let known = known.ok_or(CoreError::UnknownAuthorization)?;
            // Exported from a key that was imported itself: it ends with the same login.
            let parent = known.parent.unwrap_or(parent);
            if parent == auth_key {
                return Ok(());
            }
            // It had chats of its own, if it has logged in itself before.
            decide.end_secret_chats(user, auth_key)?;
            decide.authorize(user, auth_key, device, Some(parent), true)
        })
        .await
    }

    /// Ends another login of the account, named by its hash.
    ///
    /// # Errors
    /// [`CoreError::UnknownAuthorization`], [`CoreError::FreshReset`].
    pub async fn revoke(&self, user: UserId, own: AuthKeyId, hash: i64) -> CoreResult<()> {
        self.write(None, move |decide| {
            let logins = decide.logins(user)?;
            let other = logins.iter().find(|login| login.hash == hash && login.auth_key != own);
            let other = other.ok_or(CoreError::UnknownAuthorization)?;
            decide.may_end(&logins, own, other)?;
            decide.revoke_with_children(user, &logins, other.auth_key)
        })
        .await
    }

    /// Ends all other logins of the account.
    ///
    /// # Errors
    /// [`CoreError::FreshReset`].
    pub async fn revoke_others(&self, user: UserId, own: AuthKeyId) -> CoreResult<()> {
        self.write(None, move |decide| {
            let logins = decide.logins(user)?;
            let others =
                || logins.iter().filter(|login| login.auth_key != own && login.parent != Some(own));
            for other in others() {
                decide.may_end(&logins, own, other)?;
            }
            for other in others() {
                decide.revoke(user, other.auth_key)?;
            }
            decide.forget_return_tokens(user)
        })
        .await
    }

    /// Changes what is kept of a login, where given; the hash 0 means `own`. Confirming says that
    /// it is the owner's.
    ///
    /// # Errors
    /// [`CoreError::UnknownAuthorization`]; [`CoreError::FreshReset`] when a login that is not
    /// confirmed itself confirms another.
    pub async fn change_authorization(
        &self,
        user: UserId,
        own: AuthKeyId,
        hash: i64,
        confirm: bool,
        secret_chats: Option<bool>,
        calls: Option<bool>,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let logins = decide.logins(user)?;
            let is_named = |login: &&Authorization| {
                if hash == 0 { login.auth_key == own } else { login.hash == hash }
            };
            let named = logins.iter().find(is_named).ok_or(CoreError::UnknownAuthorization)?;
            let row = user_row(user, named.auth_key);
            let record: Option<AuthorizationRecord> =
                decide.load(Keyspace::AUTHORIZATIONS, &row)?;
            let mut record = record.ok_or(CoreError::UnknownAuthorization)?;
            if confirm {
                let own = logins.iter().find(|login| login.auth_key == own);
                if own.is_none_or(|own| own.unconfirmed) {
                    return Err(CoreError::FreshReset);
                }
                record.confirmed = true;
                if named.unconfirmed {
                    let login = Authorization { unconfirmed: false, ..named.clone() };
                    decide.event(Event::Login { user, login: login.into() });
                }
            }
            record.refuses.secret_chats = secret_chats.unwrap_or(record.refuses.secret_chats);
            record.refuses.calls = calls.unwrap_or(record.refuses.calls);
            decide.put(Keyspace::AUTHORIZATIONS, &row, &record)
        })
        .await
    }
}

impl Inner {
    /// All logins of an account as the store shows them, those of other DCs and those that wait for
    /// the password too.
    pub(super) fn logins(&self, user: UserId, now: i32) -> CoreResult<Vec<Authorization>> {
        let (space, prefix) = (Keyspace::AUTHORIZATIONS, user_prefix(user));
        let rows = scan_prefix(&*self.store, space, &prefix, 2 * AUTHORIZATIONS_MAX)?;
        let secret = &self.access_secret;
        rows.iter().map(|(key, value)| decode(secret, user, key, value, now)).collect()
    }
}

impl Decide<'_> {
    /// All logins of an account, those of other DCs and those that wait for the password too.
    pub(super) fn logins(&self, user: UserId) -> CoreResult<Vec<Authorization>> {
        let prefix = user_prefix(user);
        let rows = self.scan_prefix(Keyspace::AUTHORIZATIONS, &prefix, 2 * AUTHORIZATIONS_MAX)?;
        let (secret, now) = (&self.inner.access_secret, self.now());
        rows.iter().map(|(key, value)| decode(secret, user, key, value, now)).collect()
    }

    fn may_end(
        &self,
        logins: &[Authorization],
        own: AuthKeyId,
        other: &Authorization,
    ) -> CoreResult<()> {
        let own = logins.iter().find(|login| login.auth_key == own);
        let own = own.ok_or(CoreError::UnknownAuthorization)?;
        if self.now() - own.created < FRESH_S && other.created < own.created {
            return Err(CoreError::FreshReset);
        }
        Ok(())
    }

    /// What would shut others out is not for a login that is younger than a day and not the oldest.
    ///
    /// # Errors
    /// [`CoreError::FreshReset`], [`CoreError::UnknownAuthorization`].
    pub(super) fn may_shut_out(&self, user: UserId, own: AuthKeyId) -> CoreResult<()> {
        let logins = self.logins(user)?;
        let acting = logins.iter().filter(|login| login.pending_until.is_none());
        for other in acting.filter(|login| login.parent.is_none()) {
            self.may_end(&logins, own, other)?;
        }
        Ok(())
    }

    pub(super) fn log_out(&mut self, user: UserId, auth_key: AuthKeyId) -> CoreResult<()> {
        self.end_secret_chats(user, auth_key)?;
        let logins = self.logins(user)?;
        for child in logins.iter().filter(|login| login.parent == Some(auth_key)) {
            self.revoke(user, child.auth_key)?;
        }
        self.delete(Keyspace::AUTHORIZATIONS, &key_row(auth_key));
        self.delete(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key));
        self.event(Event::LoggedOut { user, auth_key, revoked: false });
        Ok(())
    }

    pub(super) fn revoke(&mut self, user: UserId, auth_key: AuthKeyId) -> CoreResult<()> {
        self.end_secret_chats(user, auth_key)?;
        self.delete(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key));
        let record = KeyRecord { user, state: KeyState::Revoked };
        self.put(Keyspace::AUTHORIZATIONS, &key_row(auth_key), &record)?;
        self.event(Event::LoggedOut { user, auth_key, revoked: true });
        Ok(())
    }

    pub(super) fn revoke_with_children(
        &mut self,
        user: UserId,
        logins: &[Authorization],
        auth_key: AuthKeyId,
    ) -> CoreResult<()> {
        for child in logins.iter().filter(|login| login.parent == Some(auth_key)) {
            self.revoke(user, child.auth_key)?;
        }
        self.revoke(user, auth_key)
    }

    /// What an earlier login of the key holds ends; and the account's oldest unused login, if there
    /// are too many.
    fn make_room(&mut self, user: UserId, auth_key: AuthKeyId) -> CoreResult<Vec<Authorization>> {
        let before: Option<KeyRecord> = self.load(Keyspace::AUTHORIZATIONS, &key_row(auth_key))?;
        if let Some(before) = before.filter(|before| before.user != user) {
            // Its sessions get nothing of that account any more, and what was exported ends.
            self.log_out(before.user, auth_key)?;
        }
        let mut logins = self.logins(user)?;
        logins.retain(|login| login.auth_key != auth_key);
        logins.sort_by_key(|login| (login.pending_until.is_none(), login.active));
        let too_many = (logins.len() + 1).saturating_sub(AUTHORIZATIONS_MAX);
        for oldest in logins.iter().take(too_many) {
            self.revoke_with_children(user, &logins, oldest.auth_key)?;
        }
        logins.drain(..too_many.min(logins.len()));
        Ok(logins)
    }

    /// The key acts for the user from now on.
    pub(super) fn authorize(
        &mut self,
        user: UserId,
        auth_key: AuthKeyId,
        device: Device,
        parent: Option<AuthKeyId>,
        confirmed: bool,
    ) -> CoreResult<()> {
        let logins = self.make_room(user, auth_key)?;
        if let Some(kind) = device.kind()
            && self.inner.one_device_per_kind
            && parent.is_none()
        {
            let same = |login: &&Authorization| {
                login.parent.is_none()
                    && login.pending_until.is_none()
                    && login.device.kind() == Some(kind)
            };
            for other in logins.iter().filter(same) {
                self.revoke_with_children(user, &logins, other.auth_key)?;
            }
        }
        let now = self.now();
        let record = AuthorizationRecord {
            device,
            created: now,
            active: now,
            parent,
            pending_until: None,
            confirmed,
            refuses: Refuses::default(),
        };
        self.put(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key), &record)?;
        let record = KeyRecord { user, state: KeyState::LoggedIn };
        self.put(Keyspace::AUTHORIZATIONS, &key_row(auth_key), &record)?;
        self.event(Event::LoggedIn { user, auth_key });
        Ok(())
    }

    /// The key has shown to be the user's but for the password: it may do nothing but show that.
    pub(super) fn wait_for_password(
        &mut self,
        user: UserId,
        auth_key: AuthKeyId,
        device: Device,
    ) -> CoreResult<()> {
        let before: Option<KeyRecord> = self.load(Keyspace::AUTHORIZATIONS, &key_row(auth_key))?;
        if before.is_some_and(|before| before.state == KeyState::LoggedIn && before.user == user) {
            self.log_out(user, auth_key)?;
        }
        self.make_room(user, auth_key)?;
        let now = self.now();
        let until = now.saturating_add(PENDING_S);
        let record = AuthorizationRecord {
            device,
            created: now,
            active: now,
            parent: None,
            pending_until: Some(until),
            confirmed: true,
            refuses: Refuses::default(),
        };
        self.put(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key), &record)?;
        let record = KeyRecord { user, state: KeyState::PasswordNeeded(until) };
        self.put(Keyspace::AUTHORIZATIONS, &key_row(auth_key), &record)?;
        self.event(Event::PasswordNeeded { user, auth_key });
        Ok(())
    }

    /// Whose password the key has to show.
    ///
    /// # Errors
    /// [`CoreError::UnknownAuthorization`] when it has not, or no longer.
    pub(super) fn waits_for_password(&self, auth_key: AuthKeyId) -> CoreResult<UserId> {
        let record: Option<KeyRecord> = self.load(Keyspace::AUTHORIZATIONS, &key_row(auth_key))?;
        match record.map(|record| (record.user, record.state)) {
            Some((user, KeyState::PasswordNeeded(until))) if until > self.now() => Ok(user),
            _ => Err(CoreError::UnknownAuthorization),
        }
    }

    /// The device of a login.
    pub(super) fn device(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<Device> {
        let row = user_row(user, auth_key);
        let record: Option<AuthorizationRecord> = self.load(Keyspace::AUTHORIZATIONS, &row)?;
        record.map(|record| record.device).ok_or(CoreError::UnknownAuthorization)
    }

    /// The login that a key acts by: its own, or the one that it was exported from.
    ///
    /// # Errors
    /// [`CoreError::UnknownAuthorization`].
    pub(crate) fn login_of(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<AuthKeyId> {
        let record = self.load(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key))?;
        acting(record, auth_key)
    }

    /// The logins of an account that take secret chats.
    pub(crate) fn secret_devices(&self, user: UserId) -> CoreResult<Vec<AuthKeyId>> {
        let logins = self.logins(user)?.into_iter().filter(|login| {
            let acts = login.parent.is_none() && login.pending_until.is_none();
            acts && !login.refuses.secret_chats
        });
        Ok(logins.map(|login| login.auth_key).collect())
    }

    /// Whether the account is logged in anywhere.
    pub(super) fn is_logged_in(&self, user: UserId) -> CoreResult<bool> {
        Ok(self.logins(user)?.iter().any(|login| login.pending_until.is_none()))
    }
}

fn acting(record: Option<AuthorizationRecord>, auth_key: AuthKeyId) -> CoreResult<AuthKeyId> {
    let record = record.filter(|record| record.pending_until.is_none());
    let record = record.ok_or(CoreError::UnknownAuthorization)?;
    Ok(record.parent.unwrap_or(auth_key))
}

fn decode(
    secret: &[u8; 32],
    user: UserId,
    key: &[u8],
    value: &[u8],
    now: i32,
) -> CoreResult<Authorization> {
    let record = AuthorizationRecord::decode(value)?;
    let auth_key = AuthKeyId(key.last_chunk().map_or(0, |id| i64::from_be_bytes(*id)));
    let hash = authorization_hash(secret, user, auth_key);
    let AuthorizationRecord { device, created, active, parent, pending_until, .. } = record;
    let unconfirmed = !record.confirmed && now.saturating_sub(created) < CONFIRMED_AFTER_S;
    Ok(Authorization {
        auth_key,
        hash,
        device,
        created,
        active,
        parent,
        pending_until,
        unconfirmed,
        refuses: record.refuses,
    })
}

/// Whether a row of a login can be read, and the login's key acts for whom it is listed.
pub(super) fn examine_row(
    store: &dyn Store,
    key: &[u8],
    value: &[u8],
) -> CoreResult<Result<(), String>> {
    let impossible = || "a row of logins has an impossible key".to_owned();
    let damaged = |cause: CoreError| format!("a login: {cause}");
    let (kind, rest) = match key.split_first() {
        Some((kind, rest)) => (*kind, rest),
        None => return Ok(Err(impossible())),
    };
    Ok(match (kind, rest.len()) {
        (b'k', 8) => KeyRecord::decode(value).map(drop).map_err(damaged),
        (b'u', 16) => {
            if let Err(cause) = AuthorizationRecord::decode(value) {
                return Ok(Err(damaged(cause)));
            }
            let (user, auth_key) = rest.split_at(8);
            let acts = store.get(Keyspace::AUTHORIZATIONS, &[b"k", auth_key].concat())?;
            match acts.map(|acts| KeyRecord::decode(&acts)) {
                Some(Ok(acts)) if acts.user.bytes() != user || acts.state == KeyState::Revoked => {
                    Err("a login is listed whose key does not act for its account".into())
                }
                None => Err("a login is listed whose key is not known".into()),
                // One that cannot be read is told as the row that it is.
                Some(_) => Ok(()),
            }
        }
        _ => Err(impossible()),
    })
}

fn key_row(auth_key: AuthKeyId) -> Vec<u8> {
    [&b"k"[..], &auth_key.0.to_be_bytes()].concat()
}

fn user_prefix(user: UserId) -> Vec<u8> {
    [&b"u"[..], &user.bytes()].concat()
}

fn user_row(user: UserId, auth_key: AuthKeyId) -> Vec<u8> {
    [&b"u"[..], &user.bytes(), &auth_key.0.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_version_1_are_read() {
        let old = AuthorizationV1 {
            device: DeviceV1 { device_model: "Pixel".into(), api_id: 6, ..DeviceV1::default() },
            created: 5,
            active: 7,
            parent: Some(AuthKeyId(3)),
        };
        let bytes = postcard::to_extend(&old, vec![1]).unwrap();
        let read = AuthorizationRecord::decode(&bytes).unwrap();
        assert_eq!((read.created, read.active, read.parent), (5, 7, Some(AuthKeyId(3))));
        assert_eq!((&*read.device.device_model, read.device.api_id), ("Pixel", 6));
        assert!(read.confirmed && read.pending_until.is_none());
        for (revoked, state) in [(true, KeyState::Revoked), (false, KeyState::LoggedIn)] {
            let old = KeyV1 { user: UserId(9), revoked };
            let bytes = postcard::to_extend(&old, vec![1]).unwrap();
            assert_eq!(KeyRecord::decode(&bytes).unwrap(), KeyRecord { user: UserId(9), state });
        }
        assert!(KeyRecord::decode(&[3, 0]).is_err());
    }
}
