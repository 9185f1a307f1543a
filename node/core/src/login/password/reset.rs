//! A password that is forgotten, with nothing to recover it by but time.

use super::super::notices::moment;
use super::super::security::DAY_S;
use crate::ids::{AuthKeyId, UserId};
use crate::{Core, CoreError, CoreResult};

/// How long somebody who knows the password has to refuse.
const WAIT_S: i32 = 7 * DAY_S;

/// How long after that it may not be asked again.
const AGAIN_AFTER_S: i32 = DAY_S;

/// What became of a request to remove a password without knowing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordReset {
    /// It is removed.
    Done,
    /// Asked again from this moment on (unix seconds), it will be.
    Requested(i32),
    /// It was refused lately: it may be asked from this moment on.
    Refused(i32),
}

impl Core {
    /// A session of the account asks that the password be removed without knowing it. All sessions
    /// are told, and each may refuse.
    ///
    /// # Errors
    /// [`CoreError::PasswordEmpty`].
    pub async fn reset_password(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
    ) -> CoreResult<PasswordReset> {
        self.write(None, move |decide| {
            let (mut password, now) = (decide.password(user)?, decide.now());
            if password.secret.is_none() {
                return Err(CoreError::PasswordEmpty);
            }
            match password.reset_at {
                Some(at) if at <= now => {
                    decide.forget_secret(&mut password);
                    decide.put_password(user, &password)?;
                    decide.tell_change(user, auth_key, "removed")?;
                    Ok(PasswordReset::Done)
                }
                Some(at) => Ok(PasswordReset::Requested(at)),
                None if password.reset_again_at > now => {
                    Ok(PasswordReset::Refused(password.reset_again_at))
                }
                None => {
                    let at = now.saturating_add(WAIT_S);
                    password.reset_at = Some(at);
                    decide.put_password(user, &password)?;
                    let text = format!(
                        "Somebody who is logged in to this account has asked to remove its \
                         password without knowing it. That will be possible on {}.\n\nIf this was \
                         not you, refuse it under Settings, Privacy, Two-Step Verification, and \
                         end the session that you do not know under Settings, Devices.",
                        moment(at)
                    );
                    decide.service_message(user, text, Vec::new())?;
                    Ok(PasswordReset::Requested(at))
                }
            }
        })
        .await
    }

    /// Refuses such a request.
    ///
    /// # Errors
    /// [`CoreError::ResetMissing`] when there is none.
    pub async fn decline_password_reset(&self, user: UserId) -> CoreResult<()> {
        self.write(None, move |decide| {
            let mut password = decide.password(user)?;
            password.reset_at.take().ok_or(CoreError::ResetMissing)?;
            password.reset_again_at = decide.now().saturating_add(AGAIN_AFTER_S);
            decide.put_password(user, &password)
        })
        .await
    }
}
