//! `channels.createChannel#91006707 flags:# broadcast:flags.0?true megagroup:flags.1?true
//! for_import:flags.3?true forum:flags.5?true title:string about:string
//! geo_point:flags.2?InputGeoPoint address:flags.2?string ttl_period:flags.4?int = Updates`,
//! `channels.deleteChannel#c0111fe3 channel:InputChannel = Updates`
//!
//! Sources: <https://core.telegram.org/method/channels.createChannel>,
//! <https://core.telegram.org/method/channels.deleteChannel>

use node_core::{CoreError, NewChannel};
use tl::functions::channels as f;
use tl::{enums, types};

use super::channel_updates;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn create_channel(
    ctx: &Context,
    request: f::CreateChannel,
) -> RpcResult<enums::Updates> {
    // Imports, groups of a place: not built.
    if request.for_import || request.geo_point.is_some() {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    // Who asks for neither gets a channel.
    let (broadcast, title, about) = (!request.megagroup, request.title, request.about);
    let core = &ctx.shared.core;
    let ttl_period = request.ttl_period.unwrap_or(0);
    let forum = request.forum && !broadcast;
    let new = NewChannel { broadcast, title, about, ttl_period, forum };
    let made = core.create_channel(ctx.actor()?, ctx.user()?, new).await;
    let made = made.map_err(|error| match error {
        CoreError::TooMany => RpcError::new(400, "CHANNELS_TOO_MUCH"),
        other => other.into(),
    })?;
    let id = made.sent.id.0;
    let mut answer = channel_updates(ctx, made.channel, &[made.sent])?;
    if let enums::Updates::Updates(updates) = &mut answer {
        // TDLib takes the answer only with the number under which a message was sent, of one that
        // nobody sent too; it does not look at the number.
        let named = types::UpdateMessageId { id, random_id: made.channel.0 };
        updates.updates.insert(0, named.into());
    }
    Ok(answer)
}

pub(in crate::rpc) async fn delete_channel(
    ctx: &Context,
    request: f::DeleteChannel,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    ctx.shared.core.delete_channel(ctx.actor()?, owner, channel).await?;
    channel_updates(ctx, channel, &[])
}
