//! `messages.getDhConfig#26cf8950 version:int random_length:int = messages.DhConfig`,
//! `messages.requestEncryption#f64daf43 user_id:InputUser random_id:int g_a:bytes = EncryptedChat`,
//! `messages.acceptEncryption#3dbc0415 peer:InputEncryptedChat g_b:bytes key_fingerprint:long =
//! EncryptedChat`,
//! `messages.discardEncryption#f393aea0 flags:# delete_history:flags.0?true chat_id:int = Bool`
//!
//! The node knows public values only, and what clients recognise the key by. `random_id` is the number of
//! the chat.
//! Source: <https://core.telegram.org/api/end-to-end>

use node_core::{CoreError, PublicValue, SecretChatId, SecretError};
use rand::Rng as _;
use tl::enums::{self, InputEncryptedChat};
use tl::functions::messages::{
    AcceptEncryption, DiscardEncryption, GetDhConfig, RequestEncryption,
};
use tl::types;

use crate::project::encrypted_chat;
use crate::rpc::{Context, RpcError, RpcResult};

/// Version of the published prime and generator. Another prime would be another version.
const DH_VERSION: i32 = 1;

/// Random bytes that clients get to mix into their own. They are always so many, whatever was asked for.
const RANDOM_BYTES: usize = 256;

/// More than this nobody asks for.
const RANDOM_LENGTH_MAX: i32 = 1024;

pub(in crate::rpc) async fn get_dh_config(
    ctx: &Context,
    request: GetDhConfig,
) -> RpcResult<enums::messages::DhConfig> {
    ctx.user()?;
    if !(0..=RANDOM_LENGTH_MAX).contains(&request.random_length) {
        return Err(RpcError::new(400, "RANDOM_LENGTH_INVALID"));
    }
    let mut random = vec![0; RANDOM_BYTES];
    crate::rng().fill_bytes(&mut random);
    if request.version == DH_VERSION {
        return Ok(types::messages::DhConfigNotModified { random }.into());
    }
    let (g, p, version) = (keys::dh::G, keys::dh::prime().to_vec(), DH_VERSION);
    Ok(types::messages::DhConfig { g, p, version, random }.into())
}

pub(in crate::rpc) async fn request_encryption(
    ctx: &Context,
    request: RequestEncryption,
) -> RpcResult<enums::EncryptedChat> {
    let (by, from, to) = (ctx.actor()?, ctx.user()?, ctx.named_user(&request.user_id)?);
    let (id, g_a) = (SecretChatId(request.random_id), PublicValue::new(request.g_a));
    let core = &ctx.shared.core;
    let asked = core.request_secret_chat(by, from, to, id, g_a.map_err(CoreError::from)?).await;
    let chat = asked.map_err(|error| match error {
        CoreError::UnknownUser | CoreError::UserPrivacy => RpcError::new(400, "USER_ID_INVALID"),
        other => other.into(),
    })?;
    Ok(encrypted_chat(ctx.view()?, &chat))
}

pub(in crate::rpc) async fn accept_encryption(
    ctx: &Context,
    request: AcceptEncryption,
) -> RpcResult<enums::EncryptedChat> {
    let id = ctx.secret_chat(&request.peer)?;
    let g_b = PublicValue::new(request.g_b).map_err(CoreError::from)?;
    let (by, user, fingerprint) = (ctx.actor()?, ctx.user()?, request.key_fingerprint);
    let chat = ctx.shared.core.accept_secret_chat(by, user, id, g_b, fingerprint).await?;
    Ok(encrypted_chat(ctx.view()?, &chat))
}

pub(in crate::rpc) async fn discard_encryption(
    ctx: &Context,
    request: DiscardEncryption,
) -> RpcResult<bool> {
    if request.chat_id == 0 {
        return Err(RpcError::new(400, "CHAT_ID_EMPTY"));
    }
    let (by, user, id) = (ctx.actor()?, ctx.user()?, SecretChatId(request.chat_id));
    let ended = ctx.shared.core.discard_secret_chat(by, user, id, request.delete_history).await;
    ended.map_err(|error| match error {
        CoreError::Secret(SecretError::UnknownChat) => RpcError::new(400, "ENCRYPTION_ID_INVALID"),
        other => other.into(),
    })?;
    Ok(true)
}

impl Context {
    /// The secret chat that a client names.
    ///
    /// # Errors
    /// 400 `CHAT_ID_INVALID`: the access hash is not this viewer's.
    pub(in crate::rpc) fn secret_chat(
        &self,
        named: &InputEncryptedChat,
    ) -> RpcResult<SecretChatId> {
        let InputEncryptedChat::InputEncryptedChat(named) = named;
        let id = SecretChatId(named.chat_id);
        match self.shared.core.secret_access_hash(self.user()?, id) == named.access_hash {
            true => Ok(id),
            false => Err(RpcError::new(400, "CHAT_ID_INVALID")),
        }
    }
}
