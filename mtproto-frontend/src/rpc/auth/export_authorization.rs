//! `auth.exportAuthorization#e5bfffcd dc_id:int = auth.ExportedAuthorization`,
//! `auth.importAuthorization#a57a7dad id:long bytes:bytes = auth.Authorization`
//!
//! Clients have a key for each DC. All DCs are this node, so the login is carried from one key to
//! another; the second one ends with the first.
//! Source: <https://core.telegram.org/method/auth.exportAuthorization>

use std::collections::HashMap;

use node_core::{AuthKeyId, UserId};
use parking_lot::Mutex;
use rand::Rng as _;
use tl::enums::auth::{Authorization, ExportedAuthorization};
use tl::functions::auth::{ExportAuthorization, ImportAuthorization};

use super::authorization;
use crate::rpc::{Context, RpcError, RpcResult};

/// How long the bytes are good for: clients use them at once.
const LIFETIME_MS: u64 = 60_000;

/// Logins on their way. Protects memory: 100 bytes each.
const WAITING_MAX: usize = 10_000;

/// Bytes that a client carries from one key to another.
const TOKEN_BYTES: usize = 32;

/// Logins that were exported and not imported yet, by their bytes.
#[derive(Default)]
pub(crate) struct ExportedLogins(Mutex<HashMap<[u8; TOKEN_BYTES], Waiting>>);

struct Waiting {
    user: UserId,
    parent: AuthKeyId,
    expires_ms: u64,
}

impl ExportedLogins {
    fn add(&self, token: [u8; TOKEN_BYTES], waiting: Waiting, now_ms: u64) -> RpcResult<()> {
        let mut all = self.0.lock();
        if all.len() >= WAITING_MAX {
            all.retain(|_, waiting| waiting.expires_ms > now_ms);
            if all.len() >= WAITING_MAX {
                return Err(RpcError::flood_wait(60));
            }
        }
        all.insert(token, waiting);
        Ok(())
    }

    /// The login that the bytes stand for; they are used up.
    fn take(&self, user: UserId, token: &[u8], now_ms: u64) -> Option<AuthKeyId> {
        let token = <[u8; TOKEN_BYTES]>::try_from(token).ok()?;
        let waiting = self.0.lock().remove(&token)?;
        (waiting.user == user && waiting.expires_ms > now_ms).then_some(waiting.parent)
    }
}

pub(in crate::rpc) async fn export_authorization(
    ctx: &Context,
    request: ExportAuthorization,
) -> RpcResult<ExportedAuthorization> {
    // Any number that the configuration names; test DCs are 10000 more.
    if !(1..=5).contains(&(request.dc_id.abs() % 10_000)) {
        return Err(RpcError::new(400, "DC_ID_INVALID"));
    }
    let (user, parent) = (ctx.user()?, ctx.auth_key()?);
    let mut token = [0; TOKEN_BYTES];
    crate::rng().fill_bytes(&mut token);
    let waiting = Waiting { user, parent, expires_ms: ctx.now_ms + LIFETIME_MS };
    ctx.shared.exported_logins.add(token, waiting, ctx.now_ms)?;
    Ok(tl::types::auth::ExportedAuthorization { id: user.0, bytes: token.to_vec() }.into())
}

pub(in crate::rpc) async fn import_authorization(
    ctx: &Context,
    request: ImportAuthorization,
) -> RpcResult<Authorization> {
    const INVALID: RpcError = RpcError::new(400, "AUTH_BYTES_INVALID");
    let user = UserId(request.id);
    let exported = &ctx.shared.exported_logins;
    let parent = exported.take(user, &request.bytes, ctx.now_ms).ok_or(INVALID)?;
    let core = &ctx.shared.core;
    let imported = core.import_authorization(user, parent, ctx.auth_key()?, ctx.device()).await;
    imported.map_err(|error| match error {
        node_core::CoreError::UnknownAuthorization => INVALID,
        other => other.into(),
    })?;
    authorization(ctx, user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_good_once_for_one_user_and_a_minute() {
        let (all, user) = (ExportedLogins::default(), UserId(7));
        let waiting = || Waiting { user, parent: AuthKeyId(1), expires_ms: LIFETIME_MS };
        all.add([1; 32], waiting(), 0).unwrap();
        assert_eq!(all.take(user, &[1; 32], 1), Some(AuthKeyId(1)));
        assert_eq!(all.take(user, &[1; 32], 1), None, "used");
        all.add([1; 32], waiting(), 0).unwrap();
        assert_eq!(all.take(UserId(8), &[1; 32], 1), None, "somebody else's");
        all.add([1; 32], waiting(), 0).unwrap();
        assert_eq!(all.take(user, &[1; 32], LIFETIME_MS), None, "too late");
        assert_eq!(all.take(user, &[1; 31], 1), None);
    }
}
