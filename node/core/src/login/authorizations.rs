//! Logins: which auth key acts for whom.
//!
//! Keyspace `AUTHORIZATIONS`:
//! - `k` ++ auth_key_id (8): who that is, [`KeyRecord`];
//! - `u` ++ user (8) ++ auth_key_id (8): what is known of the login, [`AuthorizationRecord`].

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use crate::access::authorization_hash;
use crate::decide::{Decide, scan_prefix};
use crate::event::Event;
use crate::ids::{AuthKeyId, UserId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Logins of one account. The oldest unused one makes room.
const AUTHORIZATIONS_MAX: usize = 100;

/// A login younger than this may end those that came after it, and none before: whoever stole a
/// code must not throw out its owner.
const FRESH_S: i32 = 24 * 3600;

/// Seconds after which the time of last use is written again.
const TOUCH_EVERY_S: i32 = 3600;

/// What a client says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The application's id.
    pub api_id: i32,
    /// For example "Pixel 9".
    pub device_model: String,
    /// For example "Android 16".
    pub system_version: String,
    /// For example "12.1.0".
    pub app_version: String,
    /// The address that it was last seen at.
    pub ip: String,
}

/// What an auth key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has logged in with it.
    Unknown,
    /// It acts for this user.
    LoggedIn(UserId),
    /// It did; another session ended that.
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
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct AuthorizationRecord {
    device: Device,
    created: i32,
    active: i32,
    /// The login that this one was exported from: it ends with that, and is not listed beside it.
    parent: Option<AuthKeyId>,
}

impl Record for AuthorizationRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "authorization";
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct KeyRecord {
    user: UserId,
    revoked: bool,
}

impl Record for KeyRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "standing of a key";
}

impl Core {
    /// What a key may do, as far as that is durable.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn standing(&self, auth_key: AuthKeyId) -> CoreResult<Standing> {
        let row = self.inner.store.get(Keyspace::AUTHORIZATIONS, &key_row(auth_key))?;
        self.settled().await?;
        let record = row.map(|row| KeyRecord::decode(&row)).transpose()?;
        Ok(match record {
            None => Standing::Unknown,
            Some(record) if record.revoked => Standing::Revoked,
            Some(record) => Standing::LoggedIn(record.user),
        })
    }

    /// All logins of an account, the newest use first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn authorizations(&self, user: UserId) -> CoreResult<Vec<Authorization>> {
        let (store, secret) = (&*self.inner.store, &self.inner.access_secret);
        let rows = scan_prefix(
            store,
            Keyspace::AUTHORIZATIONS,
            &user_prefix(user),
            2 * AUTHORIZATIONS_MAX,
        )?;
        self.settled().await?;
        let mut all = rows
            .iter()
            .map(|(key, value)| decode(secret, user, key, value))
            .collect::<CoreResult<Vec<_>>>()?;
        all.retain(|login| login.parent.is_none());
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
            let known = known.ok_or(CoreError::UnknownAuthorization)?;
            // Exported from a key that was imported itself: it ends with the same login.
            let parent = known.parent.unwrap_or(parent);
            if parent == auth_key {
                return Ok(());
            }
            decide.authorize(user, auth_key, device, Some(parent))
        })
        .await
    }

    /// The key's own login ends, by its client.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_out(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<()> {
        self.write(None, move |decide| decide.log_out(user, auth_key)).await
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
            Ok(())
        })
        .await
    }
}

impl Decide<'_> {
    fn logins(&self, user: UserId) -> CoreResult<Vec<Authorization>> {
        let prefix = user_prefix(user);
        let rows = self.scan_prefix(Keyspace::AUTHORIZATIONS, &prefix, 2 * AUTHORIZATIONS_MAX)?;
        let secret = &self.inner.access_secret;
        rows.iter().map(|(key, value)| decode(secret, user, key, value)).collect()
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

    fn log_out(&mut self, user: UserId, auth_key: AuthKeyId) -> CoreResult<()> {
        let logins = self.logins(user)?;
        for child in logins.iter().filter(|login| login.parent == Some(auth_key)) {
            self.revoke(user, child.auth_key)?;
        }
        self.delete(Keyspace::AUTHORIZATIONS, &key_row(auth_key));
        self.delete(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key));
        self.event(Event::LoggedOut { user, auth_key, revoked: false });
        Ok(())
    }

    fn revoke(&mut self, user: UserId, auth_key: AuthKeyId) -> CoreResult<()> {
        self.delete(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key));
        let record = KeyRecord { user, revoked: true };
        self.put(Keyspace::AUTHORIZATIONS, &key_row(auth_key), &record)?;
        self.event(Event::LoggedOut { user, auth_key, revoked: true });
        Ok(())
    }

    fn revoke_with_children(
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

    /// The key acts for the user from now on.
    pub(super) fn authorize(
        &mut self,
        user: UserId,
        auth_key: AuthKeyId,
        device: Device,
        parent: Option<AuthKeyId>,
    ) -> CoreResult<()> {
        let before: Option<KeyRecord> = self.load(Keyspace::AUTHORIZATIONS, &key_row(auth_key))?;
        if let Some(before) = before.filter(|before| before.user != user) {
            // Its sessions get nothing of that account any more, and what was exported ends.
            self.log_out(before.user, auth_key)?;
        }
        let mut logins = self.logins(user)?;
        logins.retain(|login| login.auth_key != auth_key);
        logins.sort_by_key(|login| login.active);
        for oldest in logins.iter().take((logins.len() + 1).saturating_sub(AUTHORIZATIONS_MAX)) {
            self.revoke_with_children(user, &logins, oldest.auth_key)?;
        }
        let now = self.now();
        let record = AuthorizationRecord { device, created: now, active: now, parent };
        self.put(Keyspace::AUTHORIZATIONS, &user_row(user, auth_key), &record)?;
        let record = KeyRecord { user, revoked: false };
        self.put(Keyspace::AUTHORIZATIONS, &key_row(auth_key), &record)?;
        self.event(Event::LoggedIn { user, auth_key });
        Ok(())
    }

    /// Whether the account is logged in anywhere.
    pub(super) fn is_logged_in(&self, user: UserId) -> CoreResult<bool> {
        let prefix = user_prefix(user);
        Ok(!self.scan_prefix(Keyspace::AUTHORIZATIONS, &prefix, 1)?.is_empty())
    }
}

fn decode(secret: &[u8; 32], user: UserId, key: &[u8], value: &[u8]) -> CoreResult<Authorization> {
    let record = AuthorizationRecord::decode(value)?;
    let auth_key = AuthKeyId(key.last_chunk().map_or(0, |id| i64::from_be_bytes(*id)));
    let AuthorizationRecord { device, created, active, parent } = record;
    let hash = authorization_hash(secret, user, auth_key);
    Ok(Authorization { auth_key, hash, device, created, active, parent })
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
