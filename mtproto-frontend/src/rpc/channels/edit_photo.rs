//! `channels.editPhoto#f12e57c9 channel:InputChannel photo:InputChatPhoto = Updates`
//!
//! Source: <https://core.telegram.org/method/channels.editPhoto>

use tl::enums;
use tl::functions::channels::EditPhoto;

use super::{channel_updates, chat_photo};
use crate::rpc::media::Uploads;
use crate::rpc::{Context, RpcResult};

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
    let photo = chat_photo(ctx, &request.photo, uploads).await?;
    let core = &ctx.shared.core;
    let done = core.edit_channel_photo(ctx.actor()?, owner, channel, photo).await?;
    channel_updates(ctx, channel, &done.sent)
}
