//! `messages.sendEncrypted#44fa7a15 flags:# silent:flags.0?true peer:InputEncryptedChat random_id:long
//! data:bytes = messages.SentEncryptedMessage`,
//! `messages.sendEncryptedFile#5559481d flags:# silent:flags.0?true peer:InputEncryptedChat
//! random_id:long data:bytes file:InputEncryptedFile = messages.SentEncryptedMessage`,
//! `messages.sendEncryptedService#32d439a4 peer:InputEncryptedChat random_id:long data:bytes =
//! messages.SentEncryptedMessage`,
//! `messages.uploadEncryptedFile#5057c497 peer:InputEncryptedChat file:InputEncryptedFile =
//! EncryptedFile`
//!
//! What is sent is bytes, and is given on as it is, in the order in which it came, whether or not a file
//! has to be put together: clients number their messages inside, and one that is missing stops the chat.
//! `silent` is between the clients.
//! Source: <https://core.telegram.org/api/end-to-end>

use node_core::{
    Ciphertext, CoreError, FileId, NewSecretFile, SecretChatId, SecretOutgoing, SecretSent,
};
use tl::enums::messages::SentEncryptedMessage;
use tl::enums::{self, InputEncryptedChat, InputEncryptedFile, InputFile};
use tl::functions::messages::{
    SendEncrypted, SendEncryptedFile, SendEncryptedService, UploadEncryptedFile,
};
use tl::types;
use tokio::sync::OwnedSemaphorePermit;

use crate::project::encrypted_file;
use crate::rpc::media::Uploads;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn send_encrypted(
    ctx: &Context,
    request: SendEncrypted,
) -> RpcResult<SentEncryptedMessage> {
    let SendEncrypted { peer, random_id, data, .. } = request;
    let sent = send(ctx, &peer, random_id, false, data).await?;
    Ok(types::messages::SentEncryptedMessage { date: sent.date }.into())
}

pub(in crate::rpc) async fn send_encrypted_service(
    ctx: &Context,
    request: SendEncryptedService,
) -> RpcResult<SentEncryptedMessage> {
    let SendEncryptedService { peer, random_id, data } = request;
    let sent = send(ctx, &peer, random_id, true, data).await?;
    Ok(types::messages::SentEncryptedMessage { date: sent.date }.into())
}

pub(in crate::rpc) async fn send_encrypted_file(
    ctx: &Context,
    request: SendEncryptedFile,
) -> RpcResult<SentEncryptedMessage> {
    let SendEncryptedFile { peer, random_id, data, file, .. } = request;
    let chat = ctx.secret_chat(&peer)?;
    let data = Ciphertext::new(data).map_err(CoreError::from)?;
    let _turn = turn(ctx, chat, &data).await?;
    let (core, by, user) = (&ctx.shared.core, ctx.actor()?, ctx.user()?);
    // Asked again: the parts of the upload may be gone by now.
    if let Some(sent) = core.sent_secret(user, chat, random_id).await? {
        return sent_file(ctx, &sent);
    }
    let mut uploads = Uploads::default();
    let sent = match encrypted(ctx, &mut uploads, &file).await {
        Ok(file) => {
            let outgoing = SecretOutgoing { random_id, service: false, data, file };
            core.send_secret(by, user, chat, outgoing).await.map_err(RpcError::from)
        }
        Err(refused) => Err(refused),
    };
    uploads.settle(ctx);
    sent_file(ctx, &sent?)
}

pub(in crate::rpc) async fn upload_encrypted_file(
    ctx: &Context,
    request: UploadEncryptedFile,
) -> RpcResult<enums::EncryptedFile> {
    let chat = ctx.secret_chat(&request.peer)?;
    let mut uploads = Uploads::default();
    let kept = match encrypted(ctx, &mut uploads, &request.file).await {
        Ok(Some(file)) => {
            let (by, user) = (ctx.actor()?, ctx.user()?);
            let kept = ctx.shared.core.keep_secret_file(by, user, chat, file).await;
            kept.map(Some).map_err(RpcError::from)
        }
        Ok(None) => Ok(None),
        Err(refused) => Err(refused),
    };
    uploads.settle(ctx);
    Ok(encrypted_file(ctx.view()?, kept?.as_ref()))
}

fn sent_file(ctx: &Context, sent: &SecretSent) -> RpcResult<SentEncryptedMessage> {
    let file = encrypted_file(ctx.view()?, sent.file.as_ref());
    Ok(types::messages::SentEncryptedFile { date: sent.date, file }.into())
}

async fn send(
    ctx: &Context,
    peer: &InputEncryptedChat,
    random_id: i64,
    service: bool,
    data: Vec<u8>,
) -> RpcResult<SecretSent> {
    let chat = ctx.secret_chat(peer)?;
    let data = Ciphertext::new(data).map_err(CoreError::from)?;
    let _turn = turn(ctx, chat, &data).await?;
    let outgoing = SecretOutgoing { random_id, service, data, file: None };
    Ok(ctx.shared.core.send_secret(ctx.actor()?, ctx.user()?, chat, outgoing).await?)
}

/// Waits until what was said before is said. As long as what is answered lives, nothing else is.
async fn turn(
    ctx: &Context,
    chat: SecretChatId,
    data: &Ciphertext,
) -> RpcResult<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
    let too_many = || RpcError::flood_wait(1);
    let bytes = u32::try_from(data.size()).unwrap_or(u32::MAX);
    let leave = ctx.shared.waiting_bytes.clone().try_acquire_many_owned(bytes);
    let leave = leave.map_err(|_| too_many())?;
    let turn = ctx.shared.secret_turns.wait(ctx.user()?, chat).await;
    Ok((turn.ok_or_else(too_many)?, leave))
}

/// The file that a client names; `None` for none.
async fn encrypted(
    ctx: &Context,
    uploads: &mut Uploads,
    named: &InputEncryptedFile,
) -> RpcResult<Option<NewSecretFile>> {
    let (file, key_fingerprint) = match named {
        InputEncryptedFile::InputEncryptedFileEmpty(_) => return Ok(None),
        InputEncryptedFile::InputEncryptedFile(known) => {
            let id = FileId(known.id);
            let core = &ctx.shared.core;
            let is_shown = core.file_access_hash(id) == known.access_hash;
            return match core.sealed_file(id)?.filter(|_| is_shown) {
                Some(_) => Ok(Some(NewSecretFile::Known(id))),
                None => Err(CoreError::FileInvalid.into()),
            };
        }
        InputEncryptedFile::InputEncryptedFileUploaded(uploaded) => {
            let (id, parts) = (uploaded.id, uploaded.parts);
            let md5_checksum = uploaded.md5_checksum.clone();
            let file = types::InputFile { id, parts, name: String::new(), md5_checksum };
            (InputFile::from(file), uploaded.key_fingerprint)
        }
        InputEncryptedFile::InputEncryptedFileBigUploaded(uploaded) => {
            let (id, parts) = (uploaded.id, uploaded.parts);
            let file = types::InputFileBig { id, parts, name: String::new() };
            (InputFile::from(file), uploaded.key_fingerprint)
        }
    };
    let (blob, size) = uploads.sealed(ctx, &file).await?;
    Ok(Some(NewSecretFile::Uploaded { blob, size, key_fingerprint }))
}
