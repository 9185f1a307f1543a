//! `auth.bindTempAuthKey#cdd42a05 perm_auth_key_id:long nonce:long expires_at:int
//! encrypted_message:bytes = Bool`
//!
//! Makes a temporary key act for a permanent one. The proof is a message in the manner of
//! MTProto 1.0 under the permanent key: only who has both can write it.
//! Source: <https://core.telegram.org/method/auth.bindTempAuthKey>

use keys::Side;
use keys::message_v1::open_v1;
use tl::functions::auth::BindTempAuthKey;
use tl::mtproto::types::BindAuthKeyInner;

use crate::rpc::{Context, RpcError, RpcResult};

/// How far `expires_at` may be from what the key exchange said, in seconds: the client adds its
/// `expires_in` to its own idea of our time.
const EXPIRY_TOLERANCE_S: i64 = 300;

const INVALID: RpcError = RpcError::new(400, "ENCRYPTED_MESSAGE_INVALID");

pub(in crate::rpc) async fn bind_temp_auth_key(
    ctx: &Context,
    request: BindTempAuthKey,
) -> RpcResult<bool> {
    if !ctx.key.is_temporary() {
        return Err(RpcError::new(400, "TEMP_AUTH_KEY_EMPTY"));
    }
    // One answer whether the permanent key is unknown, or the proof wrong: no oracle.
    let permanent = ctx
        .shared
        .auth_keys
        .get(request.perm_auth_key_id, ctx.now_ms)?
        .filter(|key| !key.is_temporary())
        .ok_or(INVALID)?;
    let proof =
        open_v1(&permanent.key, Side::Client, &request.encrypted_message).map_err(|_| INVALID)?;
    if proof.msg_id != ctx.msg_id {
        return Err(INVALID);
    }
    let inner: BindAuthKeyInner = tl::from_bytes(&proof.body, 0).map_err(|_| INVALID)?;
    let expected = BindAuthKeyInner {
        nonce: request.nonce,
        temp_auth_key_id: ctx.key.id,
        perm_auth_key_id: permanent.id,
        temp_session_id: ctx.session_id,
        expires_at: request.expires_at,
    };
    if inner != expected {
        return Err(INVALID);
    }
    if (i64::from(request.expires_at) - ctx.key.expires_at).abs() > EXPIRY_TOLERANCE_S {
        return Err(RpcError::new(400, "EXPIRES_AT_INVALID"));
    }
    if ctx.key.identity().is_some_and(|bound| bound.id != permanent.id) {
        return Err(RpcError::new(400, "TEMP_AUTH_KEY_ALREADY_BOUND"));
    }
    let ticket = ctx.shared.auth_keys.bind(&ctx.key, &permanent, ctx.session_id, ctx.now_ms)?;
    ctx.shared.store.durable(ticket).await?;
    Ok(true)
}
