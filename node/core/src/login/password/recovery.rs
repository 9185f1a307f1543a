//! A password that is forgotten, and an address that is not.

use super::change::NewSecret;
use crate::decide::Decide;
use crate::event::Purpose;
use crate::ids::{AuthKeyId, UserId};
use crate::{Core, CoreError, CoreResult};

impl Core {
    /// Mails a code for a new password. Answers the address, in a form that does not give it away.
    ///
    /// # Errors
    /// [`CoreError::PasswordEmpty`], [`CoreError::RecoveryNotAvailable`], [`CoreError::Flood`].
    pub async fn request_recovery(&self, user: UserId) -> CoreResult<String> {
        self.write(None, move |decide| {
            let mut password = decide.password(user)?;
            if password.secret.is_none() {
                return Err(CoreError::PasswordEmpty);
            }
            let email = password.email.clone().filter(|_| decide.inner.can_mail);
            let email = email.ok_or(CoreError::RecoveryNotAvailable)?;
            password.recovery = Some(decide.mail(user, Purpose::PasswordRecovery, &email)?);
            decide.put_password(user, &password)?;
            password.recovery_pattern().ok_or(CoreError::RecoveryNotAvailable)
        })
        .await
    }

    /// Whether a mailed code is the right one; it can still be used after. Each call is a try.
    ///
    /// # Errors
    /// [`CoreError::EmailCodeInvalid`], [`CoreError::RecoveryExpired`].
    pub async fn check_recovery(&self, user: UserId, code: String) -> CoreResult<()> {
        self.write(None, move |decide| Ok(decide.try_recovery(user, &code))).await?
    }

    /// Sets another password, or none, with a mailed code. A login that waits for the password acts
    /// for the account from then on.
    ///
    /// # Errors
    /// Those of [`Core::check_recovery`], [`CoreError::NewSaltInvalid`],
    /// [`CoreError::NewSettingsInvalid`].
    pub async fn recover_password(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        code: String,
        new: Option<NewSecret>,
    ) -> CoreResult<()> {
        self.write(None, move |decide| Ok(decide.recover(user, auth_key, &code, new))).await?
    }
}

impl Decide<'_> {
    fn try_recovery(&mut self, user: UserId, code: &str) -> CoreResult<()> {
        let mut password = self.password(user)?;
        let now = self.now();
        let recovery = password.recovery.as_mut().ok_or(CoreError::RecoveryExpired)?;
        let tried = recovery.attempt(code, now);
        self.put_password(user, &password)?;
        tried.map_err(|refused| match refused {
            CoreError::MailCodeExpired => CoreError::RecoveryExpired,
            other => other,
        })
    }

    fn recover(
        &mut self,
        user: UserId,
        auth_key: AuthKeyId,
        code: &str,
        new: Option<NewSecret>,
    ) -> CoreResult<()> {
        let before = self.password(user)?;
        // Looked at first: a code must not be used up by settings that cannot be kept.
        let set = match new {
            Some(set @ NewSecret::Set { .. }) => Some(self.checked(user, &before, set)?),
            Some(NewSecret::Remove) | None => None,
        };
        self.try_recovery(user, code)?;
        let mut password = self.password(user)?;
        let what = if set.is_some() { "changed by mail" } else { "removed by mail" };
        match set {
            Some((secret, hint)) => password.set(secret, hint),
            None => self.forget_secret(&mut password),
        }
        self.put_password(user, &password)?;
        if self.waits_for_password(auth_key).ok() == Some(user) {
            self.finish_login(user, auth_key)?;
        }
        self.tell_change(user, auth_key, what)
    }
}
