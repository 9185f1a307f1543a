//! Setting, changing and removing a password, and the address that recovers it.

use std::sync::Arc;

use keys::srp;
use subtle::ConstantTimeEq as _;

use super::super::address::{clean_email, masked_email};
use super::super::codes::digits;
use super::super::notices::{moment, named};
use super::{MailCode, Offer, Password, Proof, SALT1_BYTES, Secret, Waiting};
use crate::decide::Decide;
use crate::event::{Event, Outbound, Purpose};
use crate::ids::{AuthKeyId, UserId};
use crate::limits::Limit;
use crate::{Core, CoreError, CoreResult};

/// Bytes that a client may append to the first salt. They append 32.
const CLIENT_SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;

/// Longest hint, in characters.
const HINT_CHARS_MAX: usize = 255;

/// Digits of a code that is mailed.
pub(super) const MAIL_CODE_DIGITS: usize = 6;

/// How long a mailed code is good for.
const MAIL_CODE_S: i32 = 3600;

/// Wrong tries after which a mailed code is over.
const MAIL_TRIES_MAX: u8 = 5;

/// A new password, or none.
#[derive(Clone, PartialEq, Eq)]
pub enum NewSecret {
    /// It is set or changed.
    Set {
        /// Begins with the one that was offered.
        salt1: Vec<u8>,
        /// As it was offered.
        salt2: Vec<u8>,
        /// What the node keeps: g to the hash of the password, at most 256 bytes.
        v: Vec<u8>,
        /// What its owner wants to remember it by; may be empty.
        hint: String,
    },
    /// It is removed.
    Remove,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret").finish_non_exhaustive()
    }
}

/// What is to change of a password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PasswordChange {
    /// None: it stays.
    pub secret: Option<NewSecret>,
    /// The address that recovers it; an empty one removes that, none leaves it.
    pub email: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordChanged {
    /// It is done.
    Done,
    /// It is done once the address is confirmed, by a code of so many digits.
    EmailUnconfirmed(usize),
}

impl Core {
    /// The address that recovers the password, for who knows that.
    ///
    /// # Errors
    /// Those of a proof.
    pub async fn password_email(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        proof: Option<Proof>,
    ) -> CoreResult<Option<String>> {
        let generation = self.prove(user, auth_key, proof).await?;
        self.write(None, move |decide| {
            decide.has_proven(user, generation)?;
            Ok(decide.password(user)?.email)
        })
        .await
    }

    /// Changes the password or its address. Where there is a password, who knows it may.
    ///
    /// # Errors
    /// Those of a proof; [`CoreError::NewSettingsEmpty`], [`CoreError::NewSettingsInvalid`],
    /// [`CoreError::NewSaltInvalid`], [`CoreError::EmailInvalid`],
    /// [`CoreError::EmailNotAllowed`]; [`CoreError::FreshReset`] when a login that may not end
    /// older ones would set the first password.
    pub async fn update_password(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        proof: Option<Proof>,
        change: PasswordChange,
    ) -> CoreResult<PasswordChanged> {
        let now = self.write(None, move |decide| decide.password(user)).await?;
        let (generation, proven) = match now.secret {
            Some(_) => (self.prove(user, auth_key, proof).await?, true),
            None => (now.generation, false),
        };
        self.write(None, move |decide| {
            if proven {
                decide.has_proven(user, generation)?;
            } else {
                decide.has_generation(user, generation)?;
            }
            decide.update_password(user, auth_key, change)
        })
        .await
    }

    /// Confirms the address that waits, and with it what was changed together with it.
    ///
    /// # Errors
    /// [`CoreError::EmailCodeInvalid`], [`CoreError::MailCodeExpired`].
    pub async fn confirm_password_email(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        code: String,
    ) -> CoreResult<()> {
        // A wrong code is an outcome and not a failure: what it counts has to be written.
        self.write(None, move |decide| Ok(decide.confirm_email(user, auth_key, &code))).await?
    }

    /// Mails another code to the address that waits. Answers how many digits it has.
    ///
    /// # Errors
    /// [`CoreError::MailCodeExpired`] when none waits, [`CoreError::Flood`].
    pub async fn resend_password_email(&self, user: UserId) -> CoreResult<usize> {
        self.write(None, move |decide| {
            let mut password = decide.password(user)?;
            let waiting = password.waiting.as_mut().ok_or(CoreError::MailCodeExpired)?;
            waiting.code = decide.mail(user, Purpose::EmailVerification, &waiting.email)?;
            decide.put_password(user, &password)?;
            Ok(MAIL_CODE_DIGITS)
        })
        .await
    }

    /// The address that waits is not to be confirmed, and what came with it not to be done.
    ///
    /// # Errors
    /// [`CoreError::MailCodeExpired`] when none waits.
    pub async fn cancel_password_email(&self, user: UserId) -> CoreResult<()> {
        self.write(None, move |decide| {
            let mut password = decide.password(user)?;
            password.waiting.take().ok_or(CoreError::MailCodeExpired)?;
            decide.put_password(user, &password)
        })
        .await
    }
}

impl Decide<'_> {
    fn update_password(
        &mut self,
        user: UserId,
        auth_key: AuthKeyId,
        change: PasswordChange,
    ) -> CoreResult<PasswordChanged> {
        let mut password = self.password(user)?;
        if password.secret.is_none() {
            // Whoever stole a code must not lock out its owner.
            self.may_shut_out(user, auth_key)?;
        }
        let PasswordChange { secret, email } = change;
        if secret.is_none() && email.is_none() {
            return Err(CoreError::NewSettingsEmpty);
        }
        let removes = secret == Some(NewSecret::Remove);
        let set = match secret {
            Some(set @ NewSecret::Set { .. }) => Some(self.checked(user, &password, set)?),
            _ => None,
        };
        let email = email.filter(|email| password.email.as_ref() != Some(email));
        let email = match email {
            Some(email) if !email.is_empty() && !removes => {
                if !self.inner.can_mail {
                    return Err(CoreError::EmailNotAllowed);
                }
                Some(clean_email(&email).ok_or(CoreError::EmailInvalid)?)
            }
            Some(email) if email.is_empty() => {
                password.email = None;
                None
            }
            _ => None,
        };
        if removes {
            password.secret.take().ok_or(CoreError::NewSettingsInvalid)?;
            self.forget_secret(&mut password);
            self.put_password(user, &password)?;
            self.tell_change(user, auth_key, "removed")?;
            return Ok(PasswordChanged::Done);
        }
        if password.secret.is_none() && set.is_none() {
            // Nothing that could be recovered.
            return Err(CoreError::NewSettingsInvalid);
        }
        if let Some(email) = email {
            let code = self.mail(user, Purpose::EmailVerification, &email)?;
            let (secret, hint) = set.map_or((None, String::new()), |(s, hint)| (Some(s), hint));
            password.waiting = Some(Waiting { secret, hint, email, code });
            self.put_password(user, &password)?;
            return Ok(PasswordChanged::EmailUnconfirmed(MAIL_CODE_DIGITS));
        }
        password.waiting = None;
        let told = set.is_some();
        if let Some((secret, hint)) = set {
            password.set(secret, hint);
        }
        self.put_password(user, &password)?;
        if told {
            self.tell_change(user, auth_key, "changed")?;
        }
        Ok(PasswordChanged::Done)
    }

    /// A new secret with its hint, as it may be kept.
    pub(super) fn checked(
        &self,
        user: UserId,
        password: &Password,
        new: NewSecret,
    ) -> CoreResult<(Secret, String)> {
        let NewSecret::Set { salt1, salt2, v, hint } = new else {
            return Err(CoreError::NewSettingsInvalid);
        };
        let Offer { salt1: begin, salt2: offered } = self.inner.offer(user, password.generation);
        let appended = salt1.len().saturating_sub(SALT1_BYTES);
        if !salt1.starts_with(&begin) || salt2 != offered || !CLIENT_SALT_BYTES.contains(&appended)
        {
            return Err(CoreError::NewSaltInvalid);
        }
        if hint.chars().count() > HINT_CHARS_MAX || srp::Verifier::new(&salt1, &salt2, &v).is_err()
        {
            return Err(CoreError::NewSettingsInvalid);
        }
        Ok((Secret { salt1, salt2, v }, hint))
    }

    /// The account has no password any more, and nothing that belongs to one.
    pub(super) fn forget_secret(&self, password: &mut Password) {
        *password =
            Password { generation: password.generation.wrapping_add(1), ..Password::default() };
    }

    fn confirm_email(&mut self, user: UserId, auth_key: AuthKeyId, code: &str) -> CoreResult<()> {
        let mut password = self.password(user)?;
        let waiting = password.waiting.as_mut().ok_or(CoreError::MailCodeExpired)?;
        match waiting.code.attempt(code, self.now()) {
            Ok(()) => {}
            Err(refused) => {
                self.put_password(user, &password)?;
                return Err(refused);
            }
        }
        let Some(waiting) = password.waiting.take() else { return Ok(()) };
        let told = waiting.secret.is_some();
        if let Some(secret) = waiting.secret {
            password.set(secret, waiting.hint);
        }
        password.email = Some(waiting.email);
        self.put_password(user, &password)?;
        if told { self.tell_change(user, auth_key, "changed") } else { Ok(()) }
    }

    /// Sends a code to an address.
    pub(super) fn mail(
        &mut self,
        user: UserId,
        purpose: Purpose,
        email: &str,
    ) -> CoreResult<MailCode> {
        self.take(Limit::Mails(user), 1)?;
        let account = self.user(user)?.ok_or(CoreError::UnknownUser)?;
        let code = digits(MAIL_CODE_DIGITS, self.rng);
        let expires = self.now().saturating_add(MAIL_CODE_S);
        self.event(Event::Outbound(Arc::new(Outbound {
            purpose,
            user: Some(user),
            phone: account.phone,
            email: Some(email.to_owned()),
            page: None,
            code: code.clone(),
            expires,
        })));
        Ok(MailCode { code, expires, tries: 0 })
    }

    /// Tells the account that its password is another, or none.
    pub(super) fn tell_change(
        &mut self,
        user: UserId,
        auth_key: AuthKeyId,
        what: &str,
    ) -> CoreResult<()> {
        self.forget_return_tokens(user)?;
        let logins = self.logins(user)?;
        let by = logins.iter().find(|login| login.auth_key == auth_key);
        let by = by.map_or_else(|| "unknown".to_owned(), |login| named(&login.device));
        let at = moment(self.now());
        let text = format!(
            "The password for logins to this account was {what} on {at}.\n\nDevice: {by}\n\nIf \
             this was not you, end that session under Settings, Devices."
        );
        self.service_message(user, text, Vec::new())
    }
}

impl Password {
    /// Another secret from now on.
    pub(super) fn set(&mut self, secret: Secret, hint: String) {
        self.generation = self.generation.wrapping_add(1);
        (self.secret, self.hint) = (Some(secret), hint);
        (self.waiting, self.recovery, self.reset_at) = (None, None, None);
    }

    /// The address that recovers it, as it is shown to who may not know it.
    pub(super) fn recovery_pattern(&self) -> Option<String> {
        self.email.as_deref().map(masked_email)
    }
}

impl MailCode {
    /// Counts one try, and compares.
    pub(super) fn attempt(&mut self, code: &str, now: i32) -> CoreResult<()> {
        if self.expires <= now || self.tries >= MAIL_TRIES_MAX {
            return Err(CoreError::MailCodeExpired);
        }
        self.tries += 1;
        let right = bool::from(self.code.as_bytes().ct_eq(code.trim().as_bytes()));
        if right { Ok(()) } else { Err(CoreError::EmailCodeInvalid) }
    }
}
