//! Logins that end by their client, or because nobody uses them.

use node_store::{Keyspace, Order};

use super::Authorization;
use super::notices::{moment, named};
use super::security::{DAY_S, Lifetimes};
use crate::decide::Decide;
use crate::ids::{AuthKeyId, UserId};
use crate::record::Record as _;
use crate::user::User;
use crate::{Core, CoreError, CoreResult};

/// Accounts that one call looks through.
const ACCOUNTS_AT_ONCE: usize = 500;

impl Core {
    /// The key's own login ends, by its client.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_out(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<()> {
        self.write(None, move |decide| decide.log_out(user, auth_key)).await
    }

    /// Ends what was not used for as long as its owner chose, of some accounts from this one on.
    /// Answers where to go on; `None` at the end.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn end_unused(&self, from: UserId) -> CoreResult<Option<UserId>> {
        let (store, from) = (&self.inner.store, from.bytes());
        let rows = store.scan(Keyspace::USERS, &from, None, ACCOUNTS_AT_ONCE, Order::Ascending)?;
        let id = |key: &[u8]| key.first_chunk().map(|id| UserId(i64::from_be_bytes(*id)));
        for (key, value) in &rows {
            let Some(user) = id(key) else { continue };
            let days = self.inner.personal_row::<Lifetimes>(user, &[])?.unwrap_or_default();
            let now = self.now();
            let logins = self.inner.logins(user, now)?;
            if logins.iter().any(|login| is_over(login, days, now)) {
                self.write(None, move |decide| decide.end_unused(user)).await?;
            }
            let acting = logins.iter().filter(|login| login.pending_until.is_none());
            let last_used = acting.map(|login| login.active).max();
            self.end_unused_account(&User::decode(value)?, days, last_used).await?;
        }
        let last = rows.last().filter(|_| rows.len() == ACCOUNTS_AT_ONCE);
        Ok(last.and_then(|(key, _)| id(key)).map(|UserId(id)| UserId(id + 1)))
    }
}

impl Decide<'_> {
    /// Ends the login with this hash, whoever asks: that is for the caller to know. Answers what device it
    /// was on.
    pub(crate) fn end_login_called(&mut self, user: UserId, hash: i64) -> CoreResult<String> {
        let logins = self.logins(user)?;
        let login = logins.iter().find(|login| login.hash == hash && login.parent.is_none());
        let login = login.ok_or(CoreError::UnknownAuthorization)?;
        self.revoke_with_children(user, &logins, login.auth_key)?;
        Ok(named(&login.device))
    }

    fn end_unused(&mut self, user: UserId) -> CoreResult<()> {
        let days: Lifetimes = self.personal(user, &[])?.unwrap_or_default();
        let (logins, now) = (self.logins(user)?, self.now());
        for over in logins.iter().filter(|login| is_over(login, days, now)) {
            if over.pending_until.is_none() {
                self.revoke_with_children(user, &logins, over.auth_key)?;
                continue;
            }
            self.log_out(user, over.auth_key)?;
            let text = format!(
                "Somebody had a login code of this account on {}, and did not know the \
                 password.\n\nDevice: {}\nAddress: {}\n\nIf this was not you, find out how the \
                 code came into other hands.",
                moment(over.created),
                named(&over.device),
                over.device.ip
            );
            self.service_message(user, text, Vec::new())?;
        }
        Ok(())
    }
}

/// Whether a login was not used for too long, or has waited too long for the password. Those of
/// other DCs end with the one that they come from.
fn is_over(login: &Authorization, lifetimes: Lifetimes, now: i32) -> bool {
    let unused_s = i64::from(now) - i64::from(login.active);
    login.parent.is_none()
        && (unused_s >= i64::from(lifetimes.login_days) * i64::from(DAY_S)
            || login.pending_until.is_some_and(|until| until <= now))
}
