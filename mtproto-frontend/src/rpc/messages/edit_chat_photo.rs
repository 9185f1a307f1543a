//! `messages.editChatPhoto#35ddd674 chat_id:long photo:InputChatPhoto = Updates`
//!
//! Source: <https://core.telegram.org/method/messages.editChatPhoto>

use node_core::ChatPhoto;
use tl::enums;
use tl::enums::InputChatPhoto;
use tl::functions::messages::EditChatPhoto;

use super::chat_updates;
use crate::rpc::media::{self, Uploads};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn edit_chat_photo(
    ctx: &Context,
    request: EditChatPhoto,
) -> RpcResult<enums::Updates> {
    let mut uploads = Uploads::default();
    let answer = edit(ctx, request, &mut uploads).await;
    uploads.settle(ctx);
    answer
}

async fn edit(
    ctx: &Context,
    request: EditChatPhoto,
    uploads: &mut Uploads,
) -> RpcResult<enums::Updates> {
    let (owner, chat) = (ctx.user()?, ctx.chat(request.chat_id)?);
    let photo = chat_photo(ctx, &request.photo, uploads).await?;
    let done = ctx.shared.core.edit_chat_photo(ctx.actor()?, owner, chat, photo).await?;
    chat_updates(ctx, chat, &done.sent, &[])
}

/// The photo of a group or a channel as a client names it; `None`: there is to be none.
///
/// # Errors
/// `NOT_IMPLEMENTED` for videos, and those of files.
pub(in crate::rpc) async fn chat_photo(
    ctx: &Context,
    named: &InputChatPhoto,
    uploads: &mut Uploads,
) -> RpcResult<Option<ChatPhoto>> {
    Ok(match named {
        InputChatPhoto::InputChatPhotoEmpty(_) => None,
        InputChatPhoto::InputChatPhoto(named) => {
            Some(ChatPhoto::Known(media::photo(ctx, &named.id)?.id))
        }
        InputChatPhoto::InputChatUploadedPhoto(sent) => {
            if sent.video.is_some() || sent.video_emoji_markup.is_some() {
                return Err(RpcError::NOT_IMPLEMENTED);
            }
            let file = sent.file.as_ref().ok_or(RpcError::new(400, "PHOTO_FILE_MISSING"))?;
            Some(ChatPhoto::New(uploads.profile(ctx, file).await?))
        }
    })
}
