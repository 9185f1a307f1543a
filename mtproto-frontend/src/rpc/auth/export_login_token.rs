//! `auth.exportLoginToken#b7e085fe api_id:int api_hash:string except_ids:Vector<long> =
//! auth.LoginToken`
//!
//! The token behind the QR code that desktop and web clients show first. It is real and expires;
//! a member's device that accepts it arrives with `auth.acceptLoginToken`.
//! Source: <https://core.telegram.org/api/qr-login>

use std::collections::VecDeque;

use parking_lot::Mutex;
use rand::Rng as _;
use tl::functions::auth::ExportLoginToken;
use tl::types::auth::LoginToken;

use crate::rpc::{Context, RpcError, RpcResult};

/// How long a token lives. Clients ask again when it ends.
const LIFETIME_S: u64 = 30;

/// A token that ends this soon is replaced: nobody can scan it in time.
const SOON_MS: u64 = 5000;

/// Tokens that may wait at once. Protects memory: 100 bytes each.
const TOKENS_MAX: usize = 10_000;

/// Login tokens that wait to be accepted, oldest first.
#[derive(Default)]
pub(crate) struct LoginTokens(Mutex<VecDeque<Waiting>>);

struct Waiting {
    auth_key_id: i64,
    token: [u8; 32],
    expires_ms: u64,
}

impl LoginTokens {
    /// The token of this key: the one it has while that lives, else a new one.
    fn export(&self, auth_key_id: i64, now_ms: u64, fresh: [u8; 32]) -> ([u8; 32], u64) {
        let mut waiting = self.0.lock();
        waiting.retain(|w| w.expires_ms > now_ms);
        if let Some(known) = waiting.iter().find(|w| w.auth_key_id == auth_key_id)
            && known.expires_ms - now_ms > SOON_MS
        {
            return (known.token, known.expires_ms);
        }
        waiting.retain(|w| w.auth_key_id != auth_key_id);
        if waiting.len() >= TOKENS_MAX {
            waiting.pop_front();
        }
        let expires_ms = now_ms + LIFETIME_S * 1000;
        waiting.push_back(Waiting { auth_key_id, token: fresh, expires_ms });
        (fresh, expires_ms)
    }
}

pub(in crate::rpc) async fn export_login_token(
    ctx: &Context,
    request: ExportLoginToken,
) -> RpcResult<LoginToken> {
    super::send_code::check_api_id(request.api_id)?;
    let identity = ctx.key.identity().ok_or(RpcError::AUTH_KEY_PERM_EMPTY)?;
    let mut fresh = [0; 32];
    crate::rng().fill_bytes(&mut fresh);
    let (token, expires_ms) = ctx.shared.login_tokens.export(identity.id, ctx.now_ms, fresh);
    Ok(LoginToken { expires: (expires_ms / 1000) as i32, token: token.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_per_key_and_a_bound() {
        let tokens = LoginTokens::default();
        let (first, expires_ms) = tokens.export(1, 0, [1; 32]);
        assert_eq!((first, expires_ms), ([1; 32], 30_000));
        assert_eq!(tokens.export(1, 10, [2; 32]), (first, expires_ms), "it still lives");
        assert_eq!(tokens.export(1, 25_000, [2; 32]).0, [2; 32], "it ends soon");
        assert_eq!(tokens.0.lock().len(), 1);
        for key in 0..TOKENS_MAX as i64 + 10 {
            tokens.0.lock().push_back(Waiting {
                auth_key_id: -key,
                token: [0; 32],
                expires_ms: 90_000,
            });
            tokens.0.lock().truncate(TOKENS_MAX);
        }
        tokens.export(8, 20, [3; 32]);
        assert_eq!(tokens.0.lock().len(), TOKENS_MAX, "the oldest makes room");
        tokens.export(9, 100_000, [4; 32]);
        assert_eq!(tokens.0.lock().len(), 1, "expired tokens are gone");
    }
}
