//! `channels.editTitle#566decd0 channel:InputChannel title:string = Updates`
//!
//! Source: <https://core.telegram.org/method/channels.editTitle>

use tl::enums;
use tl::functions::channels::EditTitle;

use super::channel_updates;
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn edit_title(
    ctx: &Context,
    request: EditTitle,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let core = &ctx.shared.core;
    let done = core.edit_channel_title(ctx.actor()?, owner, channel, &request.title).await?;
    channel_updates(ctx, channel, &done.sent)
}
