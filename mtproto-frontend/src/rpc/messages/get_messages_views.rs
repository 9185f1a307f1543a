//! `messages.getMessagesViews#5784d3e1 peer:InputPeer id:Vector<int> increment:Bool =
//! messages.MessageViews`
//!
//! Source: <https://core.telegram.org/method/messages.getMessagesViews>

use node_core::MessageId;
use tl::functions::messages::GetMessagesViews;
use tl::types;

use crate::project::{self, Named};
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
    let found = match peer.channel() {
        Some(channel) => ctx.shared.core.messages(channel, &ids).await?,
        None => Vec::new(),
    };
    let (mut named, view) = (Named::default(), ctx.view()?);
    named.peer(peer);
    let mut views = Vec::with_capacity(ids.len());
    let hidden_below = ctx.hidden_below(peer)?;
    for (id, counts) in ids.iter().zip(counts) {
        // What is said in answer comes with it.
        let shown = found.iter().find(|stored| stored.id == *id && *id > hidden_below);
        let replies = match shown {
            Some(stored) => {
                named.shown_with(view, *id, &stored.message)?;
                project::replies(view, *id, &stored.message)?
            }
            None => None,
        };
        let (views_of, forwards) = counts.map(|counts| (counts.views, counts.forwards)).unzip();
        views.push(types::MessageViews { views: views_of, forwards, replies }.into());
    }
    let (users, chats) = named.shown(view)?;
    Ok(types::messages::MessageViews { views, chats, users })
}
