//! Members whom the operator keeps out, for a time or for good.

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::ids::UserId;
use crate::operator::INVITES_MAX;
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::user::{Role, User};
use crate::{Core, CoreError, CoreResult};

/// Row of a member who may not log in: unix seconds since when. What the account has stays.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Suspension {
    since: i32,
}

impl Record for Suspension {
    const VERSION: u8 = 1;
    const NAME: &'static str = "suspension";
}

impl PersonalRecord for Suspension {
    const KIND: u8 = 96;
}

impl Core {
    /// Ends all logins of a member, and lets nobody log in to the account until [`Core::unsuspend`]. Their
    /// open invites are taken back: who keeps somebody out does not want whom they bring. What the account
    /// has and was stays; its scheduled messages wait.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`]; [`CoreError::OwnerStays`].
    pub async fn suspend(&self, user: UserId) -> CoreResult<()> {
        self.write(None, move |decide| decide.suspend(user)).await
    }

    /// Lets a member log in again.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`], also if they may.
    pub async fn unsuspend(&self, user: UserId) -> CoreResult<()> {
        self.write(None, move |decide| {
            if decide.suspended_since(user)?.is_none() {
                return Err(CoreError::UnknownUser);
            }
            decide.set_personal::<Suspension>(user, &[], None)?;
            let text = "The operator of this node had suspended your account, and has ended that.";
            decide.service_message(user, text.into(), Vec::new())
        })
        .await
    }

    /// Deletes the account of a member, as [`Core::delete_account`] does, without asking them.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`]; [`CoreError::OwnerStays`].
    pub async fn remove_member(&self, user: UserId) -> CoreResult<()> {
        self.write(None, move |decide| {
            decide.removable(user)?;
            decide.take_back_invites(user)?;
            decide.delete_account(user, None)
        })
        .await
    }

    /// Unix seconds since when a member is suspended, if one is.
    ///
    /// # Errors
    /// Those of the store.
    pub fn suspended_since(&self, user: UserId) -> CoreResult<Option<i32>> {
        let row = self.inner.personal_row::<Suspension>(user, &[])?;
        Ok(row.map(|suspension| suspension.since))
    }
}

impl Decide<'_> {
    pub(crate) fn suspended_since(&self, user: UserId) -> CoreResult<Option<i32>> {
        let row: Option<Suspension> = self.personal(user, &[])?;
        Ok(row.map(|suspension| suspension.since))
    }

    /// Refuses who may not log in.
    pub(super) fn may_log_in(&self, user: UserId) -> CoreResult<()> {
        match self.suspended_since(user)? {
            Some(_) => Err(CoreError::Suspended),
            None => Ok(()),
        }
    }

    fn suspend(&mut self, user: UserId) -> CoreResult<()> {
        let account = self.removable(user)?;
        if self.suspended_since(user)?.is_some() {
            return Ok(());
        }
        let suspension = Suspension { since: self.now() };
        self.set_personal(user, &[], Some(&suspension))?;
        for login in self.logins(user)? {
            self.revoke(user, login.auth_key)?;
        }
        self.forget_return_tokens(user)?;
        self.take_back_invites(user)?;
        self.after(move |inner| inner.codes.end(account.phone));
        Ok(())
    }

    /// The account of a member whom the operator may keep out: not the owner's, as the node needs one.
    fn removable(&self, user: UserId) -> CoreResult<User> {
        let account = self.user(user)?.filter(|account| !account.deleted);
        match account {
            Some(account) if account.role == Role::Member => Ok(account),
            Some(account) if account.role == Role::Owner => Err(CoreError::OwnerStays),
            _ => Err(CoreError::UnknownUser),
        }
    }

    fn take_back_invites(&mut self, by: UserId) -> CoreResult<()> {
        for invite in self.open_invites(INVITES_MAX)? {
            if invite.by == Some(by) {
                self.revoke_invite(invite.phone)?;
            }
        }
        Ok(())
    }
}
