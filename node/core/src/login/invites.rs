//! Invites: a number from a reserved range, and a code that is good until the number signs up.

use std::sync::Arc;

use node_store::Keyspace;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::address::clean_email;
use super::codes::{CODE_DIGITS, digits};
use crate::access::code_hash;
use crate::decide::Decide;
use crate::event::{Event, Outbound, Purpose};
use crate::ids::UserId;
use crate::operator::OpenInvite;
use crate::record::Record;
use crate::user::Role;
use crate::{Core, CoreError, CoreResult};

/// How long an invite is good for.
const MEMBER_INVITE_MS: u64 = 7 * 24 * 3600 * 1000;

/// How long the first one is: an operator may set up a node long before using it.
pub const OWNER_INVITE_MS: u64 = 30 * 24 * 3600 * 1000;

/// Wrong codes after which an invite is over: a thousandth of a percent is guessed in them.
const TRIES_MAX: u8 = 10;

/// +888 is the range of numbers that are nobody's telephone (ITU-T E.164, reserved). Eight digits
/// after it.
const NUMBER_FIRST: u64 = 888_0000_0000;
const NUMBERS: u64 = 1_0000_0000;

/// Whether a number is of the range that is nobody's telephone.
pub(super) fn is_reserved(phone: u64) -> bool {
    (NUMBER_FIRST..NUMBER_FIRST + NUMBERS).contains(&phone)
}

/// What is given to somebody who is to join.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// Digits of the number, without `+`.
    pub phone: u64,
    /// The code.
    pub code: String,
    /// Unix seconds.
    pub expires: i32,
}

impl std::fmt::Debug for Invite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invite").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// An invite as it is stored. Key: the number.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct InviteRecord {
    /// [`code_hash`]: the code is said once.
    code_hash: [u8; 32],
    expires_ms: u64,
    tries: u8,
    pub(super) role: Role,
    /// The member who invited; none: the operator.
    pub(super) by: Option<UserId>,
    /// Where the invite was sent: it becomes the login address.
    pub(super) email: Option<String>,
}

impl InviteRecord {
    /// Neither expired nor tried too often.
    pub(super) fn is_good(&self, now_ms: u64) -> bool {
        self.expires_ms > now_ms && self.tries < TRIES_MAX
    }

    /// Whether this is the [`code_hash`] of its code.
    pub(super) fn has(&self, hash: &[u8; 32]) -> bool {
        hash.ct_eq(&self.code_hash).into()
    }

    /// Unix seconds.
    pub(super) fn expires(&self) -> i32 {
        i32::try_from(self.expires_ms / 1000).unwrap_or(i32::MAX)
    }
}

impl Record for InviteRecord {
    const VERSION: u8 = 2;
    const NAME: &'static str = "invite";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        let old: InviteRecordV1 = postcard::from_bytes(fields).ok()?;
        let InviteRecordV1 { code_hash, expires_ms, tries, role, by } = old;
        Some(Self { code_hash, expires_ms, tries, role, by, email: None })
    }
}

/// Version 1 of [`InviteRecord`].
#[derive(Serialize, Deserialize)]
struct InviteRecordV1 {
    code_hash: [u8; 32],
    expires_ms: u64,
    tries: u8,
    role: Role,
    by: Option<UserId>,
}

impl Core {
    /// A new invite, by the operator or a member. As long as nobody owns the node, it makes the
    /// owner.
    ///
    /// # Errors
    /// [`CoreError::RegistrationClosed`].
    pub async fn invite(&self, by: Option<UserId>) -> CoreResult<Invite> {
        self.write(None, move |decide| decide.invite(by)).await
    }

    /// A new invite by the operator, sent to a mail address, which becomes the login address.
    ///
    /// # Errors
    /// [`CoreError::EmailInvalid`], [`CoreError::EmailNotAllowed`] where nothing can mail,
    /// [`CoreError::RegistrationClosed`].
    pub async fn invite_by_mail(&self, address: &str) -> CoreResult<Invite> {
        if !self.inner.can_mail {
            return Err(CoreError::EmailNotAllowed);
        }
        let address = clean_email(address).ok_or(CoreError::EmailInvalid)?;
        self.write(None, move |decide| {
            let invite = decide.invite_to(None, Some(address.clone()))?;
            decide.event(Event::Outbound(Arc::new(Outbound {
                purpose: Purpose::Invite,
                user: None,
                phone: invite.phone,
                email: Some(address),
                page: decide.inner.invite_page(&invite),
                code: invite.code.clone(),
                expires: invite.expires,
            })));
            Ok(invite)
        })
        .await
    }
}

impl Decide<'_> {
    /// See [`Core::invite`].
    pub(crate) fn invite(&mut self, by: Option<UserId>) -> CoreResult<Invite> {
        self.invite_to(by, None)
    }

    fn invite_to(&mut self, by: Option<UserId>, email: Option<String>) -> CoreResult<Invite> {
        if self.inner.registration == crate::Registration::Closed {
            return Err(CoreError::RegistrationClosed);
        }
        let role = if self.has_owner()? { Role::Member } else { Role::Owner };
        let phone = self.free_number()?;
        self.put_invite(phone, role, by, email)
    }

    /// A new invite that makes a member, for a number that had one before.
    pub(super) fn invite_again(&mut self, phone: Option<u64>) -> CoreResult<Invite> {
        let phone = phone.map_or_else(|| self.free_number(), Ok)?;
        self.put_invite(phone, Role::Member, None, None)
    }

    fn put_invite(
        &mut self,
        phone: u64,
        role: Role,
        by: Option<UserId>,
        email: Option<String>,
    ) -> CoreResult<Invite> {
        let lifetime_ms = if role == Role::Owner { OWNER_INVITE_MS } else { MEMBER_INVITE_MS };
        let code = digits(CODE_DIGITS, self.rng);
        let expires_ms = self.now_ms + lifetime_ms;
        let code_hash = code_hash(&self.inner.access_secret, phone, &code);
        let record = InviteRecord { code_hash, expires_ms, tries: 0, role, by, email };
        self.put(Keyspace::INVITES, &phone.to_be_bytes(), &record)?;
        Ok(Invite { phone, code, expires: record.expires() })
    }

    fn free_number(&mut self) -> CoreResult<u64> {
        loop {
            let phone = NUMBER_FIRST + self.rng.random_range(0..NUMBERS);
            let key = phone.to_be_bytes();
            let taken = self.get(Keyspace::PHONES, &key)?.is_some()
                || self.get(Keyspace::INVITES, &key)?.is_some();
            if !taken {
                return Ok(phone);
            }
        }
    }

    /// Invites that are still good, in the order of their numbers; at most `max` are looked at.
    pub(crate) fn open_invites(&self, max: usize) -> CoreResult<Vec<OpenInvite>> {
        let mut open = Vec::new();
        for (key, _) in self.scan_prefix(Keyspace::INVITES, &[], max)? {
            let phone = key.first_chunk().map_or(0, |phone| u64::from_be_bytes(*phone));
            let Some(invite) = self.invite_for(phone)? else { continue };
            open.push(OpenInvite {
                phone,
                expires: i32::try_from(invite.expires_ms / 1000).unwrap_or(i32::MAX),
                makes_owner: invite.role == Role::Owner,
                by: invite.by,
                email: invite.email,
            });
        }
        Ok(open)
    }

    /// Takes an invite back; whether there was one that was still good.
    pub(crate) fn revoke_invite(&mut self, phone: u64) -> CoreResult<bool> {
        let was_open = self.invite_for(phone)?.is_some();
        if was_open {
            self.end_invite(phone);
            // Who has shown its code a moment ago does not sign up either.
            self.after(move |inner| inner.codes.end(phone));
        }
        Ok(was_open)
    }

    /// The invite for a number, if there is one that is still good.
    pub(super) fn invite_for(&self, phone: u64) -> CoreResult<Option<InviteRecord>> {
        let record: Option<InviteRecord> = self.load(Keyspace::INVITES, &phone.to_be_bytes())?;
        Ok(record.filter(|invite| invite.is_good(self.now_ms)))
    }

    /// Compares a code with an invite's. A wrong one counts, durably.
    pub(super) fn try_invite(
        &mut self,
        phone: u64,
        mut invite: InviteRecord,
        code: &str,
    ) -> CoreResult<bool> {
        if invite.has(&code_hash(&self.inner.access_secret, phone, code)) {
            return Ok(true);
        }
        invite.tries += 1;
        self.put(Keyspace::INVITES, &phone.to_be_bytes(), &invite)?;
        Ok(false)
    }

    /// An invite was used.
    pub(super) fn end_invite(&mut self, phone: u64) {
        self.delete(Keyspace::INVITES, &phone.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invites_of_version_1_are_read() {
        let old = InviteRecordV1 {
            code_hash: [7; 32],
            expires_ms: 1_700_000_000_000,
            tries: 3,
            role: Role::Member,
            by: Some(UserId(1_000_001)),
        };
        let bytes = postcard::to_extend(&old, vec![1]).unwrap();
        let read = InviteRecord::decode(&bytes).unwrap();
        assert_eq!((read.code_hash, read.tries, read.by), ([7; 32], 3, old.by));
        assert_eq!((read.expires_ms, read.role, read.email), (old.expires_ms, old.role, None));
    }
}
