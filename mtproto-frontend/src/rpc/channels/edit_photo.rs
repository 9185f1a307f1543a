//! `channels.editPhoto#f12e57c9 channel:InputChannel photo:InputChatPhoto = Updates`
//!
//! Source: <https://core.telegram.org/method/channels.editPhoto>

use node_core::ChatPhoto;
use tl::enums;
use tl::enums::InputChatPhoto;
use tl::functions::channels::EditPhoto;

use super::channel_updates;
use crate::rpc::media::{self, Uploads};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn edit_photo(
    ctx: &Context,
    request: EditPhoto,
) -> RpcResult<enums::Updates> {
    let mut uploads = Uploads::default();
    let answer = edit(ctx, request, &mut uploads).await;
    uploads.settle(ctx);
    answer
}

async fn edit(
    ctx: &Context,
    request: EditPhoto,
    uploads: &mut Uploads,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
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
    let core = &ctx.shared.core;
    let done = core.edit_channel_photo(ctx.actor()?, owner, channel, photo).await?;
    channel_updates(ctx, channel, &done.sent)
}
