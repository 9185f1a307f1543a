//! The end of an account: by its owner, or because nobody uses it. Its messages stay in other
//! people's boxes, by a deleted user.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::Proof;
use super::notices::moment;
use super::security::{DAY_S, Lifetimes};
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{AuthKeyId, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::user::{Role, User};
use crate::{Core, CoreError, CoreResult};

/// How long somebody who knows the password has to refuse.
const WAIT_S: i32 = 7 * DAY_S;

/// Row of an account whose end was asked without the password: unix seconds from which it may be.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Deletion {
    from: i32,
}

impl Record for Deletion {
    const VERSION: u8 = 1;
    const NAME: &'static str = "deletion";
}

impl PersonalRecord for Deletion {
    const KIND: u8 = 41;
}

/// Row of an account that is logged in nowhere: unix seconds from which that is known.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Away {
    since: i32,
}

impl Record for Away {
    const VERSION: u8 = 1;
    const NAME: &'static str = "absence";
}

impl PersonalRecord for Away {
    const KIND: u8 = 42;
}

impl Core {
    /// Ends the account. Where there is a password, who shows it does so at once; who does not has
    /// to ask again after a week, in which showing it (for a login, or to change it) refuses.
    ///
    /// # Errors
    /// [`CoreError::DeletionWaits`]; those of a proof; [`CoreError::FreshReset`] for a login that
    /// may not end older ones.
    pub async fn delete_account(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        proof: Option<Proof>,
    ) -> CoreResult<()> {
        let generation = match proof {
            Some(_) => Some(self.prove(user, auth_key, proof).await?),
            None => None,
        };
        // That it waits now is an outcome and not a failure: it has to be written.
        self.write(None, move |decide| {
            match generation {
                Some(generation) => decide.has_proven(user, generation)?,
                None if decide.has_password(user)? => {
                    let now = decide.now();
                    let asked: Option<Deletion> = decide.personal(user, &[])?;
                    let from = match asked {
                        Some(asked) => asked.from,
                        None => decide.ask_deletion(user, now.saturating_add(WAIT_S))?,
                    };
                    if from > now {
                        let wait_s = from.saturating_sub(now).unsigned_abs();
                        return Ok(Err(CoreError::DeletionWaits { wait_s }));
                    }
                }
                None => decide.may_shut_out(user, auth_key)?,
            }
            decide.delete_account(user, Some(auth_key)).map(Ok)
        })
        .await?
    }

    /// Ends an account that nobody has used for as long as its owner chose. The owner's stays: the
    /// node needs one.
    pub(super) async fn end_unused_account(
        &self,
        account: &User,
        lifetimes: Lifetimes,
        last_used: Option<i32>,
    ) -> CoreResult<()> {
        if account.deleted || account.role != Role::Member {
            return Ok(());
        }
        let (user, now) = (account.id, self.now());
        let away = self.inner.personal_row::<Away>(user, &[])?;
        let last = match (last_used, away) {
            (Some(last), None) => last,
            (Some(_), Some(_)) => {
                // Back again.
                return self
                    .write(None, move |decide| decide.set_personal::<Away>(user, &[], None))
                    .await;
            }
            (None, Some(away)) => away.since,
            (None, None) => {
                let away = Away { since: now };
                return self
                    .write(None, move |decide| decide.set_personal(user, &[], Some(&away)))
                    .await;
            }
        };
        let unused_s = i64::from(now) - i64::from(last);
        if unused_s < i64::from(lifetimes.account_days) * i64::from(DAY_S) {
            return Ok(());
        }
        self.write(None, move |decide| {
            // Somebody may have logged in since.
            let logins = decide.logins(user)?;
            let back = |used: i32| used > last;
            if logins.iter().any(|login| login.pending_until.is_none() && back(login.active)) {
                return Ok(());
            }
            decide.delete_account(user, None)
        })
        .await
    }
}

impl Decide<'_> {
    fn ask_deletion(&mut self, user: UserId, from: i32) -> CoreResult<i32> {
        self.set_personal(user, &[], Some(&Deletion { from }))?;
        let text = format!(
            "Somebody who has a login code of this account has asked to delete it without knowing \
             its password. That will be possible on {}.\n\nIf this was not you, open Two-Step \
             Verification in the settings and enter your password: that refuses it.",
            moment(from)
        );
        self.service_message(user, text, Vec::new())?;
        Ok(from)
    }

    /// Somebody has shown the password: nobody else's wish to delete the account counts.
    pub(super) fn refuse_deletion(&mut self, user: UserId) -> CoreResult<()> {
        let asked: Option<Deletion> = self.personal(user, &[])?;
        match asked {
            Some(_) => self.set_personal::<Deletion>(user, &[], None),
            None => Ok(()),
        }
    }

    /// `by`: the key that asked, whose connection stays so that it gets its answer.
    pub(super) fn delete_account(&mut self, user: UserId, by: Option<AuthKeyId>) -> CoreResult<()> {
        let account = self.user(user)?.filter(|account| !account.deleted);
        let account = account.ok_or(CoreError::UnknownUser)?;
        if account.role == Role::Service {
            return Err(CoreError::UnknownUser);
        }
        // While it shows where they are.
        self.tell_gone(user)?;
        for login in self.logins(user)? {
            if by != Some(login.auth_key) {
                self.revoke(user, login.auth_key)?;
            }
        }
        if let Some(by) = by {
            self.log_out(user, by)?;
        }
        self.forget_secret_chats(user)?;
        self.forget_return_tokens(user)?;
        self.delete(Keyspace::PASSWORDS, &user.bytes());
        self.delete(Keyspace::PHONES, &account.phone.to_be_bytes());
        if let Some(name) = &account.username {
            self.delete(Keyspace::NAMES, name.to_lowercase().as_bytes());
        }
        if account.role == Role::Owner {
            self.delete(Keyspace::SETTINGS, super::OWNER_KEY);
        }
        self.leave_all_chats(user)?;
        self.leave_all_channels(user)?;
        self.forget_photos(user)?;
        self.forget_kept(user)?;
        self.forget_personal(user)?;
        self.forget_book(user)?;
        let (inner, phone) = (self.inner, account.phone);
        inner.codes.end(phone);
        self.put_user(User {
            id: user,
            phone: 0,
            first_name: String::new(),
            last_name: String::new(),
            username: None,
            about: String::new(),
            role: Role::Member,
            created: account.created,
            birthday: None,
            color: None,
            profile_color: None,
            deleted: true,
        })?;
        self.event(Event::Profile { user });
        self.set_clear_box(user);
        Ok(())
    }
}
