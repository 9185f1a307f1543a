//! How long what nobody uses stays: a member's own choice.

use serde::{Deserialize, Serialize};

use crate::ids::{AuthKeyId, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Days that clients can ask for.
const DAYS: std::ops::RangeInclusive<i32> = 1..=366;

/// What holds until a member chooses.
const DAYS_DEFAULT: i32 = 365;

pub(super) const DAY_S: i32 = 24 * 3600;

/// Row of a member who chose otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lifetimes {
    /// Days after which an unused login ends.
    pub(super) login_days: i32,
    /// Days after which an account that nobody uses ends.
    pub(super) account_days: i32,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { login_days: DAYS_DEFAULT, account_days: DAYS_DEFAULT }
    }
}

impl Record for Lifetimes {
    const VERSION: u8 = 1;
    const NAME: &'static str = "lifetimes";
}

impl PersonalRecord for Lifetimes {
    const KIND: u8 = 40;
}

impl Core {
    /// Days after which an unused login of the account ends.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn login_days(&self, user: UserId) -> CoreResult<i32> {
        Ok(self.lifetimes(user).await?.login_days)
    }

    async fn lifetimes(&self, user: UserId) -> CoreResult<Lifetimes> {
        let chosen = self.inner.personal(user)?.get::<Lifetimes>(&[])?;
        self.settled().await?;
        Ok(chosen.unwrap_or_default())
    }

    /// Chooses [`Core::login_days`]. Few days would shut out who is seldom there: a login that may
    /// not end older ones may not choose either.
    ///
    /// # Errors
    /// [`CoreError::DaysInvalid`], [`CoreError::FreshReset`].
    pub async fn set_login_days(&self, user: UserId, own: AuthKeyId, days: i32) -> CoreResult<()> {
        check(days)?;
        self.write(None, move |decide| {
            decide.may_shut_out(user, own)?;
            let chosen: Option<Lifetimes> = decide.personal(user, &[])?;
            let chosen = Lifetimes { login_days: days, ..chosen.unwrap_or_default() };
            decide.set_personal(user, &[], Some(&chosen))
        })
        .await
    }
}

impl Core {
    /// Days after which the account ends if nobody uses it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn account_days(&self, user: UserId) -> CoreResult<i32> {
        Ok(self.lifetimes(user).await?.account_days)
    }

    /// Chooses [`Core::account_days`]; see [`Core::set_login_days`].
    ///
    /// # Errors
    /// [`CoreError::DaysInvalid`], [`CoreError::FreshReset`].
    pub async fn set_account_days(
        &self,
        user: UserId,
        own: AuthKeyId,
        days: i32,
    ) -> CoreResult<()> {
        check(days)?;
        self.write(None, move |decide| {
            decide.may_shut_out(user, own)?;
            let chosen: Option<Lifetimes> = decide.personal(user, &[])?;
            let chosen = Lifetimes { account_days: days, ..chosen.unwrap_or_default() };
            decide.set_personal(user, &[], Some(&chosen))
        })
        .await
    }
}

fn check(days: i32) -> CoreResult<()> {
    if DAYS.contains(&days) { Ok(()) } else { Err(CoreError::DaysInvalid) }
}
