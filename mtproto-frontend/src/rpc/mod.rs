//! Methods: from the bytes of a request to the bytes of its answer.
//!
//! [`execute`] unwraps what stands around a call (layer, client information, order, updates),
//! looks the method up in the table of [`table`], checks its guard and runs its handler. One
//! file per method, which opens with its TL line; answers about nothing share a file per family,
//! with the TL line above each.

mod account;
mod aicompose;
mod auth;
mod bots;
mod channels;
mod contacts;
mod empty;
mod error;
mod folders;
mod help;
mod langpack;
mod media;
mod messages;
mod payments;
mod phone;
mod photos;
mod premium;
mod resolve;
mod stickers;
mod stories;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod unwrap;
mod updates;
mod upload;
mod users;

use std::net::SocketAddr;
use std::sync::Arc;

use node_core::{Actor, AuthKeyId, Device, Standing, UserId};

use crate::auth_keys::KeyEntry;
use crate::frontend::Shared;
use crate::project::View;

pub(crate) use auth::ExportedLogins;
pub(crate) use error::{RpcError, RpcResult};
pub use table::{Guard, MethodRow, Rate, Size, method_rows};
pub(crate) use unwrap::{Unwrapped, unwrap};

/// Who calls, over what, and the node around it.
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: Arc<KeyEntry>,
    pub(crate) session_id: i64,
    pub(crate) msg_id: i64,
    /// Unix milliseconds at which the request came in.
    pub(crate) now_ms: u64,
    /// The layer to read the request and to write its answer in.
    pub(crate) layer: i32,
    /// Where the client connected to and from.
    pub(crate) addresses: Addresses,
    /// The DC that the client believes to talk to: 1 to 5, or 10001 to 10005 for test DCs.
    pub(crate) dc: i32,
    /// Whom the key acts for.
    pub(crate) standing: Standing,
}

impl Context {
    /// The logged-in user.
    ///
    /// # Errors
    /// 401: the key acts for nobody, or no longer.
    pub(crate) fn user(&self) -> RpcResult<UserId> {
        match self.standing {
            Standing::LoggedIn(user) => Ok(user),
            Standing::PasswordNeeded(_) => Err(RpcError::SESSION_PASSWORD_NEEDED),
            Standing::Revoked => Err(RpcError::SESSION_REVOKED),
            Standing::Unknown => Err(RpcError::AUTH_KEY_UNREGISTERED),
        }
    }

    /// The user whose password the key may show or ask about: logged in, or but for the password.
    ///
    /// # Errors
    /// 401: the key acts for nobody, or no longer.
    pub(crate) fn account(&self) -> RpcResult<UserId> {
        match self.standing {
            Standing::PasswordNeeded(user) => Ok(user),
            _ => self.user(),
        }
    }

    /// The permanent key: logins belong to it.
    ///
    /// # Errors
    /// 401 for a temporary key that was never bound.
    pub(crate) fn auth_key(&self) -> RpcResult<AuthKeyId> {
        let identity = self.key.identity().ok_or(RpcError::AUTH_KEY_PERM_EMPTY)?;
        Ok(AuthKeyId(identity.id))
    }

    /// The point of view of the logged-in user.
    ///
    /// # Errors
    /// See [`Context::user`].
    pub(crate) fn view(&self) -> RpcResult<View<'_>> {
        let (core, dc) = (&self.shared.core, self.shared.profile.dc);
        Ok(View { core, viewer: self.user()?, dc })
    }

    /// The session that acts: it gets an answer, and no second copy.
    ///
    /// # Errors
    /// See [`Context::auth_key`].
    pub(crate) fn actor(&self) -> RpcResult<Actor> {
        Ok(Actor { auth_key: self.auth_key()?, session_id: self.session_id })
    }

    /// What the client says about itself.
    pub(crate) fn device(&self) -> Device {
        let client = self.key.client().unwrap_or_default();
        Device {
            api_id: client.api_id,
            device_model: client.device_model.clone(),
            system_version: client.system_version.clone(),
            app_version: client.app_version.clone(),
            lang_pack: client.lang_pack.clone(),
            ip: self.addresses.remote.ip().to_canonical().to_string(),
        }
    }
}

/// Both ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The node's end, as the client reached it.
    pub(crate) local: SocketAddr,
    /// The client's end.
    pub(crate) remote: SocketAddr,
}

/// Whether a call is about the bytes of a file: those ask for no updates where another session of
/// the client takes them, so that one in which it loads and uploads gets none. TDLib takes what comes
/// there for messages that it missed.
///
/// Source: <https://core.telegram.org/method/invokeWithoutUpdates>
pub(crate) fn is_about_bytes(query: &[u8], layer: i32) -> bool {
    use tl::Method as M;
    let id = query.first_chunk::<4>().map(|id| u32::from_le_bytes(*id));
    let method = id.and_then(|id| M::from_id(id, layer));
    matches!(
        method,
        Some(
            M::UploadSaveFilePart
                | M::UploadSaveBigFilePart
                | M::UploadGetFile
                | M::UploadGetFileHashes
                | M::UploadGetWebFile
                | M::UploadGetCdnFile
                | M::UploadGetCdnFileHashes
                | M::UploadReuploadCdnFile
        )
    )
}

/// Whether a call is no longer than its method may be; one that is not built may be anything.
///
/// # Errors
/// 400 `INPUT_REQUEST_TOO_LONG`.
pub(crate) fn check_length(query: &[u8], layer: i32) -> RpcResult<()> {
    let id = query.first_chunk::<4>().map(|id| u32::from_le_bytes(*id));
    let built = id.and_then(|id| tl::Method::from_id(id, layer)).and_then(table::built);
    built.map_or(Ok(()), |built| built.check_length(query))
}

/// Runs one unwrapped call; the bytes are the answer in the caller's layer.
///
/// # Errors
/// What the client is told as `rpc_error`.
pub(crate) async fn execute(ctx: &Context, query: &[u8]) -> RpcResult<Vec<u8>> {
    let id = query
        .first_chunk::<4>()
        .map(|id| u32::from_le_bytes(*id))
        .ok_or(RpcError::INPUT_FETCH_ERROR)?;
    let Some(method) = tl::Method::from_id(id, ctx.layer) else {
        return Err(RpcError::unknown_constructor(id));
    };
    // Telegram Desktop binds its temporary key before it says a layer; the rest has to wait.
    if method != tl::Method::AuthBindTempAuthKey {
        if ctx.key.identity().is_none() {
            return Err(RpcError::AUTH_KEY_PERM_EMPTY);
        }
        if ctx.layer == 0 {
            return Err(RpcError::CONNECTION_NOT_INITED);
        }
    }
    let Some(built) = table::built(method) else {
        return Err(match table::guard(method) {
            // A client must learn that it is not logged in before it learns anything else.
            table::Guard::User => ctx.user().err().unwrap_or(RpcError::NOT_IMPLEMENTED),
            table::Guard::Open => RpcError::NOT_IMPLEMENTED,
        });
    };
    if table::guard(method) == table::Guard::User {
        ctx.user()?;
    }
    built.check_length(query)?;
    if built.rate() == Rate::Search {
        let (user, now_ms) = (ctx.user()?, ctx.shared.now_ms());
        let taken = ctx.shared.search_limits.lock().take(user, now_ms);
        taken.map_err(RpcError::flood_wait)?;
    }
    (built.handler)(ctx, query).await
}
