//! Moving an account to another number.

use std::net::IpAddr;
use std::sync::Arc;

use node_store::Keyspace;

use super::invites::is_reserved;
use super::{CodeWay, SentCode};
use crate::decide::Decide;
use crate::event::{Event, Outbound, Purpose};
use crate::ids::{AuthKeyId, UserId};
use crate::limits::Limit;
use crate::text::{Entity, EntityKind, utf16_len};
use crate::{Core, CoreError, CoreResult, Registration};

impl Core {
    /// Makes a code for a number that the account is to move to. A number of the reserved range is
    /// nobody's telephone: its code comes to the account's sessions. Any other one has to be shown,
    /// so that nobody takes a stranger's: where registration is open and something reaches numbers.
    ///
    /// # Errors
    /// [`CoreError::PhoneInvalid`], [`CoreError::PhoneOccupied`], [`CoreError::FreshReset`] for a
    /// login that may not end older ones, [`CoreError::Flood`].
    pub async fn send_change_code(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        phone: u64,
        from: IpAddr,
    ) -> CoreResult<SentCode> {
        self.write(None, move |decide| {
            decide.may_shut_out(user, auth_key)?;
            decide.may_move_to(phone)?;
            decide.take(Limit::CodesOfAddress(from), 1)?;
            decide.take(Limit::CodesOfNumber(phone), 1)?;
            let (inner, now_ms) = (decide.inner, decide.now_ms);
            let waits = change_key(&inner.access_secret, user, phone);
            let (phone_code_hash, code, expires_ms) =
                inner.changes.ask(waits, (0, None), now_ms, decide.rng)?;
            let by = if is_reserved(phone) {
                let head = "Code for your new number: ";
                let text = format!("{head}{code}.\n\nIf you did not ask for it, ignore it.");
                let bold = Entity {
                    offset: utf16_len(head) as i32,
                    length: utf16_len(&code) as i32,
                    kind: EntityKind::Bold,
                };
                decide.service_message(user, text, vec![bold])?;
                CodeWay::Sessions
            } else {
                decide.event(Event::Outbound(Arc::new(Outbound {
                    purpose: Purpose::ChangePhone,
                    user: Some(user),
                    phone,
                    email: None,
                    page: None,
                    code,
                    expires: i32::try_from(expires_ms / 1000).unwrap_or(i32::MAX),
                })));
                CodeWay::Number
            };
            Ok(SentCode { phone_code_hash, by, next: None })
        })
        .await
    }

    /// Moves the account to the number, whose code this is.
    ///
    /// # Errors
    /// [`CoreError::CodeInvalid`], [`CoreError::CodeExpired`], [`CoreError::PhoneInvalid`],
    /// [`CoreError::PhoneOccupied`], [`CoreError::Flood`].
    pub async fn change_phone(
        &self,
        user: UserId,
        phone: u64,
        phone_code_hash: String,
        code: String,
    ) -> CoreResult<()> {
        // A wrong code is an outcome and not a failure: what it counts has to be written.
        self.write(None, move |decide| {
            Ok(decide.change_phone(user, phone, &phone_code_hash, &code))
        })
        .await?
    }

    /// Codes of the account that were seen by others, such as in a chat, are over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn invalidate_codes(&self, user: UserId, codes: Vec<String>) -> CoreResult<()> {
        self.write(None, move |decide| {
            let account = decide.user(user)?.ok_or(CoreError::UnknownUser)?;
            decide.inner.codes.invalidate(account.phone, &codes);
            Ok(())
        })
        .await
    }
}

impl Decide<'_> {
    fn may_move_to(&self, phone: u64) -> CoreResult<()> {
        let key = phone.to_be_bytes();
        if self.get(Keyspace::PHONES, &key)?.is_some()
            || self.get(Keyspace::INVITES, &key)?.is_some()
        {
            return Err(CoreError::PhoneOccupied);
        }
        let inner = self.inner;
        let shown = inner.registration == Registration::Open && inner.reaches_numbers;
        if is_reserved(phone) || shown { Ok(()) } else { Err(CoreError::PhoneInvalid) }
    }

    fn change_phone(&mut self, user: UserId, phone: u64, hash: &str, code: &str) -> CoreResult<()> {
        self.take(Limit::SignInsOfNumber(phone), 1)?;
        let inner = self.inner;
        let waits = change_key(&inner.access_secret, user, phone);
        if !inner.changes.attempt(waits, hash, code, self.now_ms)? {
            return Err(CoreError::CodeInvalid);
        }
        self.may_move_to(phone)?;
        let mut account = self.user(user)?.ok_or(CoreError::UnknownUser)?;
        let before = std::mem::replace(&mut account.phone, phone);
        self.delete(Keyspace::PHONES, &before.to_be_bytes());
        self.put_bytes(Keyspace::PHONES, &phone.to_be_bytes(), user.bytes().to_vec());
        self.put_user(account)?;
        inner.changes.end(waits);
        inner.codes.end(before);
        self.event(Event::Phone { user });
        Ok(())
    }
}

/// What a code for a change waits under: it is good for one account and one number.
fn change_key(secret: &[u8; 32], user: UserId, phone: u64) -> u64 {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"change of number").update(&user.bytes()).update(&phone.to_be_bytes());
    hasher.finalize().as_bytes().first_chunk().map_or(0, |head| u64::from_le_bytes(*head))
}
