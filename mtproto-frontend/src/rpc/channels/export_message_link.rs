//! `channels.exportMessageLink#e63fadeb flags:# grouped:flags.0?true thread:flags.1?true
//! channel:InputChannel id:int = ExportedMessageLink`
//!
//! There are no pages that show messages of channels, so none to embed: `html` is empty.
//! Source: <https://core.telegram.org/method/channels.exportMessageLink>

use node_core::MessageId;
use tl::functions::channels::ExportMessageLink;
use tl::types;

use super::get_messages::visible;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn export_message_link(
    ctx: &Context,
    request: ExportMessageLink,
) -> RpcResult<types::ExportedMessageLink> {
    let view = ctx.channel_to_read(&request.channel)?;
    let found = visible(ctx, &view, &[MessageId(request.id)]).await?;
    let found = found.first().ok_or(RpcError::new(400, "MESSAGE_ID_INVALID"))?;
    let (prefix, id) = (ctx.shared.me_url_prefix(ctx.addresses.local), found.id.0);
    let place = match &view.channel.username {
        Some(name) => name.clone(),
        None => format!("c/{}", view.channel.id.0),
    };
    // Of a forum the topic stands before the message.
    let topic = found.message.thread.filter(|_| view.channel.forum && found.message.in_topic);
    let mut link = match topic.filter(|topic| topic.0 != id) {
        Some(topic) => format!("{prefix}{place}/{}/{id}", topic.0),
        None => format!("{prefix}{place}/{id}"),
    };
    // One picture of an album, and not all of it.
    if found.message.grouped_id != 0 && !request.grouped {
        link.push_str("?single");
    }
    Ok(types::ExportedMessageLink { link, html: String::new() })
}
