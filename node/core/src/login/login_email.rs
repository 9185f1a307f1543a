//! A member's login address: where codes go that no session can show.
//!
//! It was proven by a code that arrived there, by an invite that did, or is the operator's word. A
//! client may ask to be rid of it; that takes a week, in which any login stops it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::Rng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::address::{clean_email, masked_email};
use super::codes::{CODE_DIGITS, digits};
use super::{CodeWay, SentCode};
use crate::decide::Decide;
use crate::event::{Event, Outbound, Purpose};
use crate::ids::UserId;
use crate::limits::Limit;
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Seconds between the wish to be rid of an address and its end.
const RESET_AFTER_S: i32 = 7 * 24 * 3600;

/// How long a code that proves an address is good for.
const LIFETIME_MS: u64 = 15 * 60 * 1000;

/// Wrong tries after which it is over.
const TRIES_MAX: u8 = 5;

/// Addresses that wait for their proof. Protects memory: 400 bytes each.
const WAITING_MAX: usize = 10_000;

/// A member's login address, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginEmail {
    pub(crate) address: String,
    /// Unix seconds at which it ends, if its end was asked for.
    pub(crate) ends: Option<i32>,
}

impl Record for LoginEmail {
    const VERSION: u8 = 1;
    const NAME: &'static str = "login address";
}

impl PersonalRecord for LoginEmail {
    const KIND: u8 = 50;
}

/// Whose address it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EmailOf {
    /// A member's, who is logged in.
    Member(UserId),
    /// Of whoever asked for a code for this number with this `phone_code_hash`.
    Number(u64, String),
}

/// Addresses whose code is on its way.
#[derive(Default)]
pub(crate) struct EmailProofs(Mutex<HashMap<EmailOf, Proof>>);

struct Proof {
    address: String,
    code: String,
    expires_ms: u64,
    tries: u8,
}

impl EmailProofs {
    /// A new code for an address.
    fn ask(&self, of: EmailOf, address: &str, now_ms: u64, rng: &mut dyn Rng) -> CoreResult<Proof> {
        let mut waiting = self.0.lock();
        if waiting.len() >= WAITING_MAX {
            waiting.retain(|_, proof| proof.expires_ms > now_ms);
            if waiting.len() >= WAITING_MAX {
                return Err(CoreError::Flood { wait_s: 60 });
            }
        }
        let proof = || Proof {
            address: address.to_owned(),
            code: String::new(),
            expires_ms: now_ms + LIFETIME_MS,
            tries: 0,
        };
        let code = digits(CODE_DIGITS, rng);
        waiting.insert(of, Proof { code: code.clone(), ..proof() });
        Ok(Proof { code, ..proof() })
    }

    /// The address, if the code is right; it is used up then.
    fn attempt(&self, of: &EmailOf, code: &str, now_ms: u64) -> CoreResult<String> {
        let mut waiting = self.0.lock();
        let living = |proof: &&mut Proof| proof.expires_ms > now_ms && proof.tries < TRIES_MAX;
        let proof = waiting.get_mut(of).filter(living).ok_or(CoreError::EmailExpired)?;
        proof.tries += 1;
        if !bool::from(proof.code.as_bytes().ct_eq(code.as_bytes())) {
            return Err(CoreError::EmailCodeInvalid);
        }
        waiting.remove(of).map(|proof| proof.address).ok_or(CoreError::EmailExpired)
    }
}

/// Where a code has gone that proves an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentEmail {
    /// The address, masked.
    pub pattern: String,
    /// Digits of the code.
    pub length: usize,
}

impl Core {
    /// A member's login address, masked.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn login_email(&self, user: UserId) -> CoreResult<Option<String>> {
        let known: Option<LoginEmail> = self.inner.personal(user)?.get(&[])?;
        self.settled().await?;
        Ok(known.map(|known| masked_email(&known.address)))
    }

    /// Sends a code to an address that is to become a login address.
    ///
    /// # Errors
    /// [`CoreError::EmailInvalid`], [`CoreError::EmailNotAllowed`] where nothing can mail or the
    /// number needs no address, [`CoreError::CodeExpired`], [`CoreError::Flood`].
    pub async fn send_email_code(
        &self,
        of: EmailOf,
        address: &str,
        from: IpAddr,
    ) -> CoreResult<SentEmail> {
        if !self.inner.can_mail {
            return Err(CoreError::EmailNotAllowed);
        }
        let address = clean_email(address).ok_or(CoreError::EmailInvalid)?;
        self.write(None, move |decide| decide.send_email_code(of, &address, from)).await
    }

    /// Takes a login address with the code that arrived there. Of a number: the way that its login
    /// code takes now.
    ///
    /// # Errors
    /// [`CoreError::EmailCodeInvalid`], [`CoreError::EmailExpired`], [`CoreError::CodeExpired`],
    /// [`CoreError::Flood`].
    pub async fn verify_email(
        &self,
        of: EmailOf,
        code: String,
        from: IpAddr,
    ) -> CoreResult<(String, Option<SentCode>)> {
        self.write(None, move |decide| decide.verify_email(&of, &code, from)).await
    }

    /// The operator's word about a member's login address; none removes it.
    ///
    /// # Errors
    /// [`CoreError::EmailInvalid`], [`CoreError::UnknownUser`].
    pub async fn set_login_email(&self, phone: u64, address: Option<&str>) -> CoreResult<()> {
        let address = address.map(|text| clean_email(text).ok_or(CoreError::EmailInvalid));
        let address = address.transpose()?;
        self.write(None, move |decide| {
            let user = decide.member(phone)?.ok_or(CoreError::UnknownUser)?;
            let said = match &address {
                Some(address) => format!("is now {}", masked_email(address)),
                None => "was removed".to_owned(),
            };
            decide.put_login_email(user, address)?;
            let text = format!("Your login address {said}: the node's operator did that.");
            decide.service_message(user, text, Vec::new())
        })
        .await
    }

    /// Whoever asked for a code that went to the login address cannot read it there: the address
    /// ends in a week, unless somebody logs in before.
    ///
    /// # Errors
    /// [`CoreError::CodeExpired`], [`CoreError::NoLoginEmail`] where the code went elsewhere or
    /// there is no other way for one, [`CoreError::AlreadyAsked`], [`CoreError::Flood`].
    pub async fn reset_login_email(
        &self,
        phone: u64,
        phone_code_hash: String,
        from: IpAddr,
    ) -> CoreResult<SentCode> {
        self.write(None, move |decide| decide.reset_login_email(phone, &phone_code_hash, from))
            .await
    }
}

impl Decide<'_> {
    /// The login address, unless it has ended.
    pub(super) fn login_email_of(&self, user: UserId) -> CoreResult<Option<LoginEmail>> {
        let known: Option<LoginEmail> = self.personal(user, &[])?;
        Ok(known.filter(|known| known.ends.is_none_or(|ends| ends > self.now())))
    }

    /// What a stranger may learn of the way to a login address.
    pub(super) fn email_way(&self, known: &LoginEmail) -> CodeWay {
        CodeWay::Email {
            pattern: masked_email(&known.address),
            reset_after_s: (self.inner.reaches_numbers && known.ends.is_none())
                .then_some(RESET_AFTER_S),
            ends: known.ends,
        }
    }

    pub(super) fn put_login_email(
        &mut self,
        user: UserId,
        address: Option<String>,
    ) -> CoreResult<()> {
        let record = address.map(|address| LoginEmail { address, ends: None });
        self.set_personal(user, &[], record.as_ref())
    }

    /// Somebody has logged in: the address works, or is not needed.
    pub(super) fn keep_login_email(&mut self, user: UserId) -> CoreResult<()> {
        match self.login_email_of(user)? {
            Some(known) if known.ends.is_some() => self.put_login_email(user, Some(known.address)),
            _ => Ok(()),
        }
    }

    fn send_email_code(
        &mut self,
        of: EmailOf,
        address: &str,
        from: IpAddr,
    ) -> CoreResult<SentEmail> {
        let (user, phone) = match &of {
            EmailOf::Member(user) => {
                (Some(*user), self.user(*user)?.ok_or(CoreError::UnknownUser)?.phone)
            }
            EmailOf::Number(phone, hash) => {
                self.waits_for_email(*phone, hash)?;
                (None, *phone)
            }
        };
        self.take(Limit::CodesOfAddress(from), 1)?;
        self.take(Limit::CodesOfNumber(phone), 1)?;
        self.take(Limit::codes_of_email(address), 1)?;
        let (now_ms, inner) = (self.now_ms, self.inner);
        let proof = inner.email_proofs.ask(of, address, now_ms, self.rng)?;
        self.event(Event::Outbound(Arc::new(Outbound {
            purpose: Purpose::EmailVerification,
            user,
            phone,
            email: Some(proof.address),
            page: None,
            code: proof.code,
            expires: i32::try_from(proof.expires_ms / 1000).unwrap_or(i32::MAX),
        })));
        Ok(SentEmail { pattern: masked_email(address), length: CODE_DIGITS })
    }

    fn verify_email(
        &mut self,
        of: &EmailOf,
        code: &str,
        from: IpAddr,
    ) -> CoreResult<(String, Option<SentCode>)> {
        if let EmailOf::Number(phone, hash) = of {
            self.waits_for_email(*phone, hash)?;
        }
        let address = self.inner.email_proofs.attempt(of, code, self.now_ms)?;
        match of {
            EmailOf::Member(user) => {
                self.put_login_email(*user, Some(address.clone()))?;
                let pattern = masked_email(&address);
                let text = format!("Your login address is now {pattern}.");
                self.service_message(*user, text, Vec::new())?;
                Ok((address, None))
            }
            EmailOf::Number(phone, hash) => {
                let sent = self.send_code_with(*phone, from, 1, Some(address.clone()))?;
                self.inner.codes.forget(*phone, hash);
                Ok((address, Some(sent)))
            }
        }
    }

    /// Whether the request was told to show an address first.
    fn waits_for_email(&self, phone: u64, hash: &str) -> CoreResult<()> {
        let step = self.inner.codes.step(phone, hash, self.now_ms);
        let step = step.ok_or(CoreError::CodeExpired)?;
        let member = self.member(phone)?;
        let asked = self.code_ways(phone, member, None)?;
        let asked = asked.get(step) == Some(&CodeWay::SetUpEmail);
        asked.then_some(()).ok_or(CoreError::EmailNotAllowed)
    }

    fn reset_login_email(&mut self, phone: u64, hash: &str, from: IpAddr) -> CoreResult<SentCode> {
        let step = self.inner.codes.step(phone, hash, self.now_ms);
        let step = step.ok_or(CoreError::CodeExpired)?;
        let user = self.member(phone)?.ok_or(CoreError::NoLoginEmail)?;
        let known = self.login_email_of(user)?.ok_or(CoreError::NoLoginEmail)?;
        let ways = self.code_ways(phone, Some(user), None)?;
        if !self.inner.reaches_numbers || !matches!(ways.get(step), Some(CodeWay::Email { .. })) {
            return Err(CoreError::NoLoginEmail);
        }
        if known.ends.is_some() {
            return Err(CoreError::AlreadyAsked);
        }
        let ends = Some(self.now().saturating_add(RESET_AFTER_S));
        self.set_personal(user, &[], Some(&LoginEmail { ends, ..known }))?;
        let sent = self.send_code_with(phone, from, step, None)?;
        let text = "Somebody who knows your number asked to log in without your login address. In a \
                    week codes will go to the number instead. Log in once before then, anywhere, \
                    and nothing changes.";
        self.service_message(user, text.to_owned(), Vec::new())?;
        self.inner.codes.forget(phone, hash);
        Ok(sent)
    }
}
