//! `messages.getMessagesViews#5784d3e1 peer:InputPeer id:Vector<int> increment:Bool =
//! messages.MessageViews`
//!
//! Source: <https://core.telegram.org/method/messages.getMessagesViews>

use node_core::{MessageId, PostCounts};
use tl::functions::messages::GetMessagesViews;
use tl::types;

use crate::project::Named;
use crate::rpc::{Context, RpcError, RpcResult};

/// Messages of one call.
const IDS_MAX: usize = 100;

pub(in crate::rpc) async fn get_messages_views(
    ctx: &Context,
    request: GetMessagesViews,
) -> RpcResult<types::messages::MessageViews> {
    if request.id.len() > IDS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let (viewer, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let ids: Vec<MessageId> = request.id.iter().map(|id| MessageId(*id)).collect();
    let counts = match peer.channel() {
        Some(channel) => {
            ctx.shared.core.view_posts(viewer, channel, &ids, request.increment).await?
        }
        // Elsewhere nothing is counted.
        None => vec![None; ids.len()],
    };
    let views = counts.iter().map(|counts: &Option<PostCounts>| {
        types::MessageViews {
            views: counts.map(|counts| counts.views),
            forwards: counts.map(|counts| counts.forwards),
            ..types::MessageViews::default()
        }
        .into()
    });
    let views = views.collect();
    let (users, chats) = Named::default().peer(peer).shown(ctx.view()?)?;
    Ok(types::messages::MessageViews { views, chats, users })
}
