//! Tokens with which a client that logged out comes back: they stand for the code, and for nothing
//! else.
//!
//! Keyspace `AUTHORIZATIONS`: `f` ++ user (8) ++ hash of the token (16): unix seconds of its end.
//! Source: <https://core.telegram.org/api/auth#future-auth-tokens>

use std::net::IpAddr;

use node_store::Keyspace;

use super::Login;
use super::device::Device;
use super::notices::Way;
use super::security::DAY_S;
use crate::decide::Decide;
use crate::ids::{AuthKeyId, UserId};
use crate::limits::Limit;
use crate::{Core, CoreResult};

/// Bytes of a token.
const TOKEN_BYTES: usize = 32;

/// How long a client may stay away.
const LIFETIME_S: i32 = 30 * DAY_S;

/// Tokens that an account has at once, and that a client may show: clients keep as many.
const TOKENS_MAX: usize = 20;

impl Core {
    /// [`Core::log_out`] of a client that may come back without a code: answers the token for that.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn leave(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<Vec<u8>> {
        self.write(None, move |decide| {
            decide.log_out(user, auth_key)?;
            let mut token = vec![0; TOKEN_BYTES];
            decide.rng.fill_bytes(&mut token);
            let (prefix, now) = (prefix(user), decide.now());
            let mut rows = decide.scan_prefix(Keyspace::AUTHORIZATIONS, &prefix, 2 * TOKENS_MAX)?;
            rows.sort_by_key(|(_, value)| end(value));
            let too_many = (rows.len() + 1).saturating_sub(TOKENS_MAX);
            for (at, (key, value)) in rows.iter().enumerate() {
                if at < too_many || end(value) <= now {
                    decide.delete(Keyspace::AUTHORIZATIONS, key);
                }
            }
            let ends = now.saturating_add(LIFETIME_S).to_be_bytes().to_vec();
            let key = row(&decide.inner.access_secret, user, &token);
            decide.put_bytes(Keyspace::AUTHORIZATIONS, &key, ends);
            Ok(token)
        })
        .await
    }

    /// Logs in with one of the tokens, which is used up; `None` when none is good for the number.
    ///
    /// # Errors
    /// [`crate::CoreError::Flood`].
    pub async fn come_back(
        &self,
        phone: u64,
        mut tokens: Vec<Vec<u8>>,
        auth_key: AuthKeyId,
        device: Device,
        from: IpAddr,
    ) -> CoreResult<Option<Login>> {
        tokens.truncate(TOKENS_MAX);
        tokens.retain(|token| token.len() == TOKEN_BYTES);
        if tokens.is_empty() {
            return Ok(None);
        }
        self.write(None, move |decide| {
            decide.take(Limit::SignInsOfAddress(from), 1)?;
            let Some(user) = decide.member(phone)? else { return Ok(None) };
            for token in &tokens {
                let key = row(&decide.inner.access_secret, user, token);
                let Some(value) = decide.get(Keyspace::AUTHORIZATIONS, &key)? else { continue };
                decide.delete(Keyspace::AUTHORIZATIONS, &key);
                if end(&value) > decide.now() {
                    return decide.log_in(user, auth_key, device, Way::Code).map(Some);
                }
            }
            Ok(None)
        })
        .await
    }
}

impl Decide<'_> {
    /// No client comes back to the account without a code any more.
    pub(super) fn forget_return_tokens(&mut self, user: UserId) -> CoreResult<()> {
        for (key, _) in self.scan_prefix(Keyspace::AUTHORIZATIONS, &prefix(user), 2 * TOKENS_MAX)? {
            self.delete(Keyspace::AUTHORIZATIONS, &key);
        }
        Ok(())
    }
}

fn end(value: &[u8]) -> i32 {
    value.first_chunk().map_or(0, |end| i32::from_be_bytes(*end))
}

/// The first byte of the keys of such rows.
pub(super) const PREFIX: u8 = b'f';

fn prefix(user: UserId) -> Vec<u8> {
    [&[PREFIX][..], &user.bytes()].concat()
}

/// The token itself is not stored: who reads the store cannot log in with it.
fn row(secret: &[u8; 32], user: UserId, token: &[u8]) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"return token").update(&user.bytes()).update(token);
    [&prefix(user)[..], &hasher.finalize().as_bytes()[..16]].concat()
}
