//! Login tokens: what a QR code shows. A device that waits makes one, a member's device takes it.
//!
//! In memory: a restart ends them, and the waiting device makes another.
//! Source: <https://core.telegram.org/api/qr-login>

use std::collections::VecDeque;

use parking_lot::Mutex;
use rand::Rng;

use super::device::Device;
use super::{Authorization, Login, Way};
use crate::event::Event;
use crate::ids::{AuthKeyId, UserId};
use crate::{Core, CoreError, CoreResult};

/// Bytes of a token.
pub const LOGIN_TOKEN_BYTES: usize = 32;

/// How long a token may be taken. Clients ask again when it ends.
const LIFETIME_MS: u64 = 30_000;

/// A token that ends this soon is replaced: nobody can scan it in time.
const SOON_MS: u64 = 5000;

/// How long it is known what became of a token.
const KEPT_MS: u64 = 60_000;

/// Tokens at once; the oldest makes room. Protects memory: 500 bytes each.
const TOKENS_MAX: usize = 10_000;

/// Accounts that a waiting device may leave out: those that it has already.
const EXCEPT_MAX: usize = 100;

/// What a waiting device is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginToken {
    /// To be shown.
    Waiting {
        /// What the QR code carries.
        token: [u8; LOGIN_TOKEN_BYTES],
        /// Unix seconds.
        expires: i32,
    },
    /// A member has taken it.
    Accepted(Login),
}

/// All tokens, oldest first.
#[derive(Default)]
pub(crate) struct LoginTokens(Mutex<VecDeque<Token>>);

impl std::fmt::Debug for LoginTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginTokens").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Token {
    auth_key: AuthKeyId,
    token: [u8; LOGIN_TOKEN_BYTES],
    expires_ms: u64,
    device: Device,
    except: Vec<UserId>,
    accepted: Option<UserId>,
}

impl LoginTokens {
    /// The token of this key: the one it has while that lives, else a new one.
    fn show(
        &self,
        auth_key: AuthKeyId,
        device: Device,
        except: Vec<UserId>,
        now_ms: u64,
        rng: &mut dyn Rng,
    ) -> ([u8; LOGIN_TOKEN_BYTES], u64) {
        let mut all = self.0.lock();
        all.retain(|known| known.expires_ms + KEPT_MS > now_ms);
        let living = |known: &&mut Token| {
            known.auth_key == auth_key
                && known.accepted.is_none()
                && known.expires_ms > now_ms + SOON_MS
        };
        if let Some(known) = all.iter_mut().find(living) {
            (known.device, known.except) = (device, except);
            return (known.token, known.expires_ms);
        }
        all.retain(|known| known.auth_key != auth_key);
        if all.len() >= TOKENS_MAX {
            all.pop_front();
        }
        let mut token = [0; LOGIN_TOKEN_BYTES];
        rng.fill_bytes(&mut token);
        let expires_ms = now_ms + LIFETIME_MS;
        all.push_back(Token { auth_key, token, expires_ms, device, except, accepted: None });
        (token, expires_ms)
    }

    fn find(&self, token: &[u8]) -> Option<Token> {
        // Not compared in constant time: 256 random bits are not found byte by byte in 30 s.
        self.0.lock().iter().find(|known| known.token == token).cloned()
    }

    /// Who has taken the newest token of a key, not long ago.
    fn accepted(&self, auth_key: AuthKeyId, now_ms: u64) -> Option<UserId> {
        let all = self.0.lock();
        let known = all.iter().find(|known| known.auth_key == auth_key)?;
        known.accepted.filter(|_| known.expires_ms + KEPT_MS > now_ms)
    }

    fn accept(&self, token: &[u8], user: UserId) {
        if let Some(known) = self.0.lock().iter_mut().find(|known| known.token == token) {
            known.accepted = Some(user);
        }
    }
}

impl Core {
    /// What the device of this key shows as a QR code; or what became of the one that it showed.
    /// Who is in `except` cannot take it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn export_login_token(
        &self,
        auth_key: AuthKeyId,
        device: Device,
        mut except: Vec<UserId>,
    ) -> CoreResult<LoginToken> {
        except.truncate(EXCEPT_MAX);
        if let Some(accepted) = self.accepted_login(auth_key).await? {
            return Ok(LoginToken::Accepted(accepted));
        }
        self.write(None, move |decide| {
            let (inner, now_ms) = (decide.inner, decide.now_ms);
            let shown = inner.tokens.show(auth_key, device, except, now_ms, decide.rng);
            Ok(waiting(shown))
        })
        .await
    }

    /// [`Core::export_login_token`] for a token that the key was given before. It is good for no
    /// other key: whoever has seen the QR code has the token too.
    ///
    /// # Errors
    /// [`CoreError::TokenInvalid`], [`CoreError::TokenExpired`].
    pub async fn import_login_token(
        &self,
        auth_key: AuthKeyId,
        token: &[u8],
    ) -> CoreResult<LoginToken> {
        let known = self.inner.tokens.find(token).filter(|known| known.auth_key == auth_key);
        let known = known.ok_or(CoreError::TokenInvalid)?;
        if known.accepted.is_some()
            && let Some(accepted) = self.accepted_login(auth_key).await?
        {
            return Ok(LoginToken::Accepted(accepted));
        }
        if known.expires_ms <= self.now_ms() {
            return Err(CoreError::TokenExpired);
        }
        Ok(waiting((known.token, known.expires_ms)))
    }

    /// What came of the token that a key has shown, as long as that still holds.
    async fn accepted_login(&self, auth_key: AuthKeyId) -> CoreResult<Option<Login>> {
        let accepted = self.inner.tokens.accepted(auth_key, self.now_ms());
        let Some(user) = accepted else { return Ok(None) };
        Ok(match self.standing(auth_key).await? {
            super::Standing::LoggedIn(now) if now == user => Some(Login::Done(user)),
            super::Standing::PasswordNeeded(now) if now == user => {
                Some(Login::PasswordNeeded(user))
            }
            _ => None,
        })
    }

    /// A member takes a token: the device that shows it is logged in, or asked for the password.
    ///
    /// # Errors
    /// [`CoreError::TokenInvalid`], [`CoreError::TokenExpired`], [`CoreError::TokenTaken`],
    /// [`CoreError::TokenExcept`].
    pub async fn accept_login_token(
        &self,
        user: UserId,
        token: Vec<u8>,
    ) -> CoreResult<Authorization> {
        self.write(None, move |decide| {
            let inner = decide.inner;
            let known = inner.tokens.find(&token).ok_or(CoreError::TokenInvalid)?;
            if known.accepted.is_some() {
                return Err(CoreError::TokenTaken);
            }
            if known.expires_ms <= decide.now_ms {
                return Err(CoreError::TokenExpired);
            }
            if known.except.contains(&user) {
                return Err(CoreError::TokenExcept);
            }
            let auth_key = known.auth_key;
            decide.log_in(user, auth_key, known.device, Way::Token)?;
            inner.tokens.accept(&token, user);
            decide.event(Event::LoginToken { auth_key });
            let logins = decide.logins(user)?;
            let login = logins.into_iter().find(|login| login.auth_key == auth_key);
            login.ok_or(CoreError::UnknownAuthorization)
        })
        .await
    }
}

fn waiting((token, expires_ms): ([u8; LOGIN_TOKEN_BYTES], u64)) -> LoginToken {
    let expires = i32::try_from(expires_ms / 1000).unwrap_or(i32::MAX);
    LoginToken::Waiting { token, expires }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn one_token_per_key_and_a_bound() {
        let (tokens, mut rng) = (LoginTokens::default(), StdRng::seed_from_u64(1));
        let mut show = |key: i64, now_ms: u64| {
            tokens.show(AuthKeyId(key), Device::default(), Vec::new(), now_ms, &mut rng)
        };
        let first = show(1, 0);
        assert_eq!(first.1, 30_000);
        assert_eq!(show(1, 10), first, "it still lives");
        assert_ne!(show(1, 25_000).0, first.0, "it ends soon");
        assert_eq!(tokens.0.lock().len(), 1);
        for key in 0..TOKENS_MAX as i64 + 10 {
            show(key, 25_000);
        }
        assert_eq!(tokens.0.lock().len(), TOKENS_MAX, "the oldest makes room");
        show(1, 200_000);
        assert_eq!(tokens.0.lock().len(), 1, "expired tokens are gone");
    }
}
