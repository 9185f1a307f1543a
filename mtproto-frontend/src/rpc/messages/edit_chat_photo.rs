//! `messages.editChatPhoto#35ddd674 chat_id:long photo:InputChatPhoto = Updates`
//!
//! Source: <https://core.telegram.org/method/messages.editChatPhoto>

use node_core::ChatPhoto;
use tl::enums::InputChatPhoto;
use tl::functions::messages::EditChatPhoto;
use tl::{enums, types};

use crate::project::{self, Named};
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
    let photo = match &request.photo {
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
    };
    let done = ctx.shared.core.edit_chat_photo(ctx.actor()?, owner, chat, photo).await?;
    let (mut named, mut updates) = (Named::default(), Vec::with_capacity(done.sent.len()));
    named.peer(chat.into());
    for sent in &done.sent {
        named.message(&sent.message);
        let message = project::message(ctx.view()?, sent.id, &sent.message)?;
        updates.push(types::UpdateNewMessage { message, pts: sent.pts.0, pts_count: 1 }.into());
    }
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}
