//! Logging in: codes, invites, sign-up, logins.
//!
//! Clients insist on a number and a code. The node speaks in numbers, and needs no telephone: an
//! invite carries a number and a code; a member's further codes come as a message to the other
//! sessions, by mail, by whatever reaches the number, or from the operator.

mod address;
mod authorizations;
mod codes;
mod deletion;
mod device;
mod ending;
mod examine;
mod identity;
mod invite_page;
mod invites;
mod login_email;
mod notices;
mod password;
mod phone;
mod return_token;
mod security;
mod suspension;
mod tokens;

use std::net::IpAddr;
use std::sync::Arc;

use node_store::Keyspace;

pub use address::{clean_email, masked_email};
pub use authorizations::{Authorization, CONFIRMED_AFTER_S, Refuses, Standing};
pub use codes::CODE_DIGITS;
pub(crate) use codes::LoginCodes;
pub use device::{Device, DeviceKind};
pub(crate) use examine::examine;
pub use identity::IdentityCode;
pub use invites::{Invite, OWNER_INVITE_MS};
pub(crate) use login_email::EmailProofs;
pub use login_email::{EmailOf, SentEmail};
pub(crate) use notices::Way;
pub(crate) use password::Questions;
pub use password::{
    NewSecret, Offer, PasswordChange, PasswordChanged, PasswordReset, PasswordView, Proof, Question,
};
pub(crate) use tokens::LoginTokens;
pub use tokens::{LOGIN_TOKEN_BYTES, LoginToken};

use crate::decide::Decide;
use crate::event::{Event, Outbound, Purpose};
use crate::ids::{AuthKeyId, SUPPORT_IDS_EVERY, USER_ID_END, USER_ID_FIRST, UserId};
use crate::limits::Limit;
use crate::setup::Registration;
use crate::text::{Entity, EntityKind, utf16_len};
use crate::user::{Role, User, clean_name};
use crate::{Core, CoreError, CoreResult};

/// Key in [`Keyspace::SETTINGS`]: the id that the next account gets, 8 bytes.
const NEXT_USER_KEY: &[u8] = b"next_user";

/// Key in [`Keyspace::SETTINGS`]: the id of the owner, 8 bytes.
const OWNER_KEY: &[u8] = b"owner";

/// The answer to a request for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCode {
    /// What the client repeats to show that it asked.
    pub phone_code_hash: String,
    /// Which way the code has taken.
    pub by: CodeWay,
    /// The other way that [`Core::resend_code`] would take, if there is one.
    pub next: Option<CodeWay>,
}

/// A way for a code to get to its person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeWay {
    /// A message to the account's other sessions. Also what is said where nothing leaves the node:
    /// of a number that is nobody's, or of a member whom only the operator can reach.
    Sessions,
    /// Mail to the login address.
    Email {
        /// The address, masked.
        pattern: String,
        /// Seconds after which [`Core::reset_login_email`] ends the address; none: it cannot be
        /// asked for, or was.
        reset_after_s: Option<i32>,
        /// Unix seconds at which the address ends, if that was asked for.
        ends: Option<i32>,
    },
    /// No code yet: whoever asks has to show a mail address first, see [`Core::send_email_code`].
    SetUpEmail,
    /// Whatever reaches the number: [`crate::Setup::reaches_numbers`].
    Number,
    /// The page for people of another service: [`crate::Setup::has_login_page`].
    Page,
}

/// An attempt to sign in.
pub struct SignIn {
    /// Digits of the number.
    pub phone: u64,
    /// From [`SentCode`].
    pub phone_code_hash: String,
    /// What the person typed.
    pub code: String,
    /// The permanent key.
    pub auth_key: AuthKeyId,
    /// What the client says about itself.
    pub device: Device,
    /// Where it comes from.
    pub address: IpAddr,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Logged in.
    Done(UserId),
    /// The account has a password, which has to be shown too.
    PasswordNeeded(UserId),
    /// The code is right, and there is no account: [`Core::sign_up`].
    SignUpRequired,
}

impl CodeWay {
    /// Without what it says of a person.
    fn name(&self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Email { .. } => "email",
            Self::SetUpEmail => "set up email",
            Self::Number => "number",
            Self::Page => "page",
        }
    }
}

impl Core {
    /// Makes what a node needs before its first client: the service account, and, as long as there
    /// is no owner and no invite that makes one, that invite.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prepare(&self, name: &str) -> CoreResult<Option<Invite>> {
        let name = name.to_owned();
        self.index_groups().await?;
        self.begin_holds().await?;
        let stamp = self.inner.stamp;
        self.write(None, move |decide| decide.notice_restore(stamp)).await?;
        self.write(None, move |decide| decide.prepare(&name)).await
    }

    /// Makes a code for a number, and tells the account's sessions, if there are any. The answer
    /// is the same whether the number is anybody's.
    ///
    /// # Errors
    /// [`CoreError::Flood`].
    pub async fn send_code(&self, phone: u64, from: IpAddr) -> CoreResult<SentCode> {
        self.write(None, move |decide| decide.send_code(phone, from, 0)).await
    }

    /// [`Core::send_code`] for a client that says that the first did not arrive: the code takes the
    /// next way that the account has, or the last one again.
    ///
    /// # Errors
    /// [`CoreError::CodeExpired`], [`CoreError::Flood`].
    pub async fn resend_code(
        &self,
        phone: u64,
        phone_code_hash: String,
        from: IpAddr,
    ) -> CoreResult<SentCode> {
        self.write(None, move |decide| {
            let now_ms = decide.now_ms;
            let step = decide.inner.codes.step(phone, &phone_code_hash, now_ms);
            let step = step.ok_or(CoreError::CodeExpired)?;
            let email = decide.inner.codes.email(phone, &phone_code_hash);
            let sent = decide.send_code_with(phone, from, step + 1, email)?;
            // The new request takes the place of the old one; the code may be the same.
            decide.inner.codes.forget(phone, &phone_code_hash);
            Ok(sent)
        })
        .await
    }

    /// A client says that no code came, and which way it should have taken goes to the log.
    ///
    /// # Errors
    /// [`CoreError::CodeExpired`], [`CoreError::Flood`].
    pub async fn report_missing_code(
        &self,
        phone: u64,
        phone_code_hash: String,
        from: IpAddr,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let step = decide.inner.codes.step(phone, &phone_code_hash, decide.now_ms);
            let step = step.ok_or(CoreError::CodeExpired)?;
            decide.take(Limit::CodesOfAddress(from), 1)?;
            let user = decide.member(phone)?;
            let ways = decide.code_ways(phone, user, None)?;
            let way = ways.get(step).map(CodeWay::name);
            let user = user.map(|user| user.0);
            tracing::warn!(user, way, "somebody says that no login code came");
            Ok(())
        })
        .await
    }

    /// Takes a request for a code back.
    ///
    /// # Errors
    /// [`CoreError::CodeExpired`].
    pub fn cancel_code(&self, phone: u64, phone_code_hash: &str) -> CoreResult<()> {
        self.inner.codes.cancel(phone, phone_code_hash, self.now_ms())
    }

    /// The code that a member would get, for the operator to pass on; and when it ends (unix
    /// seconds).
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`] where the number is nobody's and registration is not open.
    pub async fn show_code(&self, phone: u64) -> CoreResult<(String, i32)> {
        self.write(None, move |decide| {
            let member = decide.get(Keyspace::PHONES, &phone.to_be_bytes())?.is_some();
            if !member && decide.inner.registration != Registration::Open {
                return Err(CoreError::UnknownUser);
            }
            let (now_ms, inner) = (decide.now_ms, decide.inner);
            let (code, expires_ms) = inner.codes.show(phone, now_ms, decide.rng)?;
            Ok((code, i32::try_from(expires_ms / 1000).unwrap_or(i32::MAX)))
        })
        .await
    }

    /// Logs in with a code.
    ///
    /// # Errors
    /// [`CoreError::CodeInvalid`], [`CoreError::CodeExpired`], [`CoreError::EmailMissing`],
    /// [`CoreError::Flood`].
    pub async fn sign_in(&self, request: SignIn) -> CoreResult<Login> {
        // A wrong code is an outcome and not a failure: what it counts has to be written.
        self.write(None, move |decide| Ok(decide.sign_in(&request))).await?
    }

    /// Makes an account, after [`Login::SignUpRequired`].
    ///
    /// # Errors
    /// [`CoreError::CodeExpired`], [`CoreError::NameInvalid`],
    /// [`CoreError::RegistrationClosed`].
    pub async fn sign_up(
        &self,
        phone: u64,
        phone_code_hash: String,
        first_name: String,
        last_name: String,
        auth_key: AuthKeyId,
        device: Device,
    ) -> CoreResult<UserId> {
        self.write(None, move |decide| {
            decide.sign_up(phone, &phone_code_hash, &first_name, &last_name, auth_key, device)
        })
        .await
    }
}

impl crate::inner::Inner {
    /// Who owns the node, if anybody does yet.
    pub(crate) fn owner(&self) -> CoreResult<Option<UserId>> {
        let row = self.store.get(Keyspace::SETTINGS, OWNER_KEY)?;
        let id = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        Ok(id.map(UserId))
    }
}

impl Decide<'_> {
    fn prepare(&mut self, name: &str) -> CoreResult<Option<Invite>> {
        if self.user(UserId::SERVICE)?.is_none_or(|service| service.first_name != name) {
            self.put_user(User {
                id: UserId::SERVICE,
                phone: 42_777,
                first_name: name.to_owned(),
                last_name: String::new(),
                username: None,
                about: String::new(),
                role: Role::Service,
                created: self.now(),
                birthday: None,
                color: None,
                profile_color: None,
                deleted: false,
            })?;
        }
        if self.has_owner()? {
            return Ok(None);
        }
        for (key, _) in self.scan_prefix(Keyspace::INVITES, &[], 1000)? {
            let phone = key.first_chunk().map_or(0, |phone| u64::from_be_bytes(*phone));
            if self.invite_for(phone)?.is_some_and(|invite| invite.role == Role::Owner) {
                return Ok(None);
            }
        }
        match self.invite(None) {
            Ok(invite) => Ok(Some(invite)),
            Err(CoreError::RegistrationClosed) => Ok(None),
            Err(other) => Err(other),
        }
    }

    pub(super) fn has_owner(&self) -> CoreResult<bool> {
        Ok(self.get(Keyspace::SETTINGS, OWNER_KEY)?.is_some())
    }

    pub(super) fn member(&self, phone: u64) -> CoreResult<Option<UserId>> {
        let row = self.get(Keyspace::PHONES, &phone.to_be_bytes())?;
        let id = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        Ok(id.map(UserId))
    }

    /// `step`: which of the number's ways the code takes, counted from 0.
    fn send_code(&mut self, phone: u64, from: IpAddr, step: usize) -> CoreResult<SentCode> {
        self.send_code_with(phone, from, step, None)
    }

    /// [`Decide::send_code`] for somebody without an account who has shown `email` to be theirs.
    fn send_code_with(
        &mut self,
        phone: u64,
        from: IpAddr,
        step: usize,
        email: Option<String>,
    ) -> CoreResult<SentCode> {
        self.take(Limit::CodesOfAddress(from), 1)?;
        self.take(Limit::CodesOfNumber(phone), 1)?;
        let (now_ms, inner) = (self.now_ms, self.inner);
        let member = self.member(phone)?;
        if let Some(user) = member {
            self.may_log_in(user)?;
        }
        let mut ways = self.code_ways(phone, member, email.as_deref())?;
        let step = step.min(ways.len() - 1);
        let next = ways.get(step + 1).filter(|_| ways[step] != CodeWay::SetUpEmail).cloned();
        let by = ways.swap_remove(step);
        let asked = (step, email.clone());
        let (phone_code_hash, code, expires_ms) =
            inner.codes.ask(phone, asked, now_ms, self.rng)?;
        let email = match (&by, member) {
            (CodeWay::Email { .. }, Some(user)) => {
                self.login_email_of(user)?.map(|known| known.address)
            }
            (CodeWay::Email { .. }, None) => email,
            // Nobody else could do anything with it: a number from an invite has the invite's code.
            (CodeWay::Number, None) if inner.registration != Registration::Open => {
                return Ok(SentCode { phone_code_hash, by, next });
            }
            (CodeWay::Number, _) => None,
            (CodeWay::Sessions | CodeWay::SetUpEmail | CodeWay::Page, _) => {
                if let Some(user) = member
                    && by == CodeWay::Sessions
                    && self.is_logged_in(user)?
                {
                    self.tell_code(user, &code)?;
                }
                return Ok(SentCode { phone_code_hash, by, next });
            }
        };
        self.event(Event::Outbound(Arc::new(Outbound {
            purpose: Purpose::LoginCode,
            user: member,
            phone,
            email,
            page: None,
            code,
            expires: i32::try_from(expires_ms / 1000).unwrap_or(i32::MAX),
        })));
        Ok(SentCode { phone_code_hash, by, next })
    }

    /// The ways that a login code can take, in order; never none. A number that is nobody's has
    /// those of a member who is logged in somewhere, so that asking tells nothing. Somebody who is to
    /// join has to show an address first, where the node wants one; `email` is what was shown.
    fn code_ways(
        &self,
        phone: u64,
        member: Option<UserId>,
        email: Option<&str>,
    ) -> CoreResult<Vec<CodeWay>> {
        let mut ways = Vec::new();
        let inner = self.inner;
        let known = match member {
            Some(user) if inner.can_mail => self.login_email_of(user)?,
            _ => None,
        };
        let has_sessions = match member {
            Some(user) => self.is_logged_in(user)?,
            None => {
                let invite = self.invite_for(phone)?;
                let open = inner.registration == Registration::Open;
                let shows_none = invite.as_ref().is_none_or(|invite| invite.email.is_none());
                if self.wants_email() && shows_none && (open || invite.is_some()) {
                    ways.push(CodeWay::SetUpEmail);
                }
                !open
            }
        };
        if has_sessions {
            ways.push(CodeWay::Sessions);
        }
        if let Some(known) = known {
            // Safer than the number, and its owner has chosen it: the number waits for its end.
            ways.push(self.email_way(&known));
        } else if inner.reaches_numbers {
            ways.push(CodeWay::Number);
        } else if let Some(shown) = email
            && !has_sessions
        {
            let pattern = masked_email(shown);
            ways.push(CodeWay::Email { pattern, reset_after_s: None, ends: None });
        }
        if let Some(user) = member
            && self.is_known_elsewhere(user)?
        {
            ways.push(CodeWay::Page);
        }
        if ways.is_empty() {
            ways.push(CodeWay::Sessions);
        }
        Ok(ways)
    }

    /// Whether who joins has to show a mail address.
    fn wants_email(&self) -> bool {
        self.inner.can_mail && self.inner.requires_email
    }

    /// A login code, to the account's sessions.
    fn tell_code(&mut self, user: UserId, code: &str) -> CoreResult<()> {
        let head = "Login code: ";
        let text = format!(
            "{head}{code}. Do not give it to anyone: whoever has it can log in as you.\n\nIf you did \
             not ask for a code, somebody else typed your number. Ignore it, and tell the node's \
             owner if it happens often."
        );
        let bold = Entity {
            offset: utf16_len(head) as i32,
            length: utf16_len(code) as i32,
            kind: EntityKind::Bold,
        };
        self.service_message(user, text, vec![bold])
    }

    fn sign_in(&mut self, request: &SignIn) -> CoreResult<Login> {
        let SignIn { phone, phone_code_hash: hash, code, .. } = request;
        let phone = *phone;
        self.take(Limit::SignInsOfAddress(request.address), 1)?;
        self.take(Limit::SignInsOfNumber(phone), 1)?;
        let (now_ms, inner) = (self.now_ms, self.inner);
        let right = inner.codes.attempt(phone, hash, code, now_ms)?;
        if let Some(user) = self.member(phone)? {
            if !right {
                return Err(CoreError::CodeInvalid);
            }
            inner.codes.end(phone);
            self.keep_login_email(user)?;
            return self.log_in(user, request.auth_key, request.device.clone(), Way::Code);
        }
        let invite = self.invite_for(phone)?;
        let shown = inner.codes.email(phone, hash);
        let shown = shown.or_else(|| invite.as_ref().and_then(|invite| invite.email.clone()));
        let invited = match invite {
            Some(invite) => self.try_invite(phone, invite, code)?,
            None => false,
        };
        let open = inner.registration == Registration::Open && !self.is_of_identity(phone)?;
        if invited || (right && open) {
            if self.wants_email() && shown.is_none() {
                return Err(CoreError::EmailMissing);
            }
            inner.codes.prove(phone, hash);
            return Ok(Login::SignUpRequired);
        }
        Err(CoreError::CodeInvalid)
    }

    fn sign_up(
        &mut self,
        phone: u64,
        hash: &str,
        first_name: &str,
        last_name: &str,
        auth_key: AuthKeyId,
        device: Device,
    ) -> CoreResult<UserId> {
        let inner = self.inner;
        if inner.registration == Registration::Closed {
            return Err(CoreError::RegistrationClosed);
        }
        if !inner.codes.is_proven(phone, hash, self.now_ms) || self.member(phone)?.is_some() {
            return Err(CoreError::CodeExpired);
        }
        let clean = |name: &str| clean_name(name).ok_or(CoreError::NameInvalid);
        let (first_name, last_name) = (clean(first_name)?, clean(last_name)?);
        if first_name.is_empty() {
            return Err(CoreError::NameInvalid);
        }
        let invite = self.invite_for(phone)?;
        let owns = !self.has_owner()? && invite.as_ref().is_some_and(|i| i.role == Role::Owner);
        let id = self.next_user_id()?;
        if owns {
            self.put_bytes(Keyspace::SETTINGS, OWNER_KEY, id.bytes().to_vec());
        }
        self.put_bytes(Keyspace::PHONES, &phone.to_be_bytes(), id.bytes().to_vec());
        let name = first_name.clone();
        self.put_user(User {
            id,
            phone,
            first_name,
            last_name,
            username: None,
            about: String::new(),
            role: if owns { Role::Owner } else { Role::Member },
            created: self.now(),
            birthday: None,
            color: None,
            profile_color: None,
            deleted: false,
        })?;
        self.end_invite(phone);
        self.bind_identity(phone, id)?;
        let shown = inner.codes.email(phone, hash);
        let shown = shown.or_else(|| invite.as_ref().and_then(|invite| invite.email.clone()));
        if shown.is_some() {
            self.put_login_email(id, shown)?;
        }
        self.authorize(id, auth_key, device, None, true)?;
        self.has_joined(id, phone)?;
        if owns {
            self.service_message(
                id,
                format!("Welcome, {name}. You own this node.\n\n{}", crate::send::OWNER_HELP),
                Vec::new(),
            )?;
        }
        if let Some(by) = invite.and_then(|invite| invite.by).filter(|by| *by != id) {
            self.service_message(by, format!("{name} has joined with your invite."), Vec::new())?;
        }
        self.after(move |inner| inner.codes.end(phone));
        Ok(id)
    }

    fn next_user_id(&mut self) -> CoreResult<UserId> {
        let row = self.get(Keyspace::SETTINGS, NEXT_USER_KEY)?;
        let next = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        let next = at_or_after(next.unwrap_or(USER_ID_FIRST));
        if next >= USER_ID_END {
            return Err(CoreError::BoxFull);
        }
        self.put_bytes(Keyspace::SETTINGS, NEXT_USER_KEY, (next + 1).to_be_bytes().to_vec());
        Ok(UserId(next))
    }
}

/// The first id from here on that is given out.
fn at_or_after(id: i64) -> i64 {
    id + i64::from(id % SUPPORT_IDS_EVERY == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_support_staff_are_left_out() {
        assert_eq!(at_or_after(USER_ID_FIRST), USER_ID_FIRST);
        assert_eq!(at_or_after(1_002_000), 1_002_001);
        assert_eq!(at_or_after(1_002_001), 1_002_001);
    }
}
