//! `messages.searchGlobal#6126a43c flags:# broadcasts_only:flags.1?true groups_only:flags.2?true
//! users_only:flags.3?true folder_id:flags.0?int community:flags.4?InputChannel q:string
//! filter:MessagesFilter min_date:int max_date:int offset_rate:int offset_peer:InputPeer
//! offset_id:int limit:int = messages.Messages`
//!
//! Source: <https://core.telegram.org/method/messages.searchGlobal>

use node_core::{SearchFilter, SearchKind, SearchQuery};
use tl::enums::messages::Messages;
use tl::functions::messages::SearchGlobal;
use tl::types;

use super::search::{filter, found_messages};
use super::{folder_id, page_limit};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn search_global(
    ctx: &Context,
    request: SearchGlobal,
) -> RpcResult<Messages> {
    let folder = request.folder_id.map(folder_id).transpose()?;
    let filter = filter(&request.filter);
    if filter == Some(SearchFilter::Any) && request.q.trim().is_empty() {
        return Err(RpcError::new(400, "SEARCH_QUERY_EMPTY"));
    }
    // There are no channels.
    let elsewhere = request.broadcasts_only || request.community.is_some();
    let Some(filter) = filter.filter(|_| !elsewhere) else {
        return Ok(types::messages::Messages::default().into());
    };
    let query = SearchQuery {
        words: request.q,
        folder,
        kind: match (request.users_only, request.groups_only) {
            (true, false) => SearchKind::Users,
            (false, true) => SearchKind::Groups,
            (false, false) | (true, true) => SearchKind::Both,
        },
        filter,
        min_date: request.min_date,
        max_date: match (request.offset_id, request.offset_rate) {
            // A client that knows no message of the last page goes on by its time.
            (0, rate) if rate > 0 && (request.max_date <= 0 || rate < request.max_date) => rate,
            _ => request.max_date,
        },
        // All messages of a box are numbered together.
        offset_id: request.offset_id,
        limit: page_limit(request.limit),
        ..SearchQuery::default()
    };
    let found = ctx.shared.core.search(ctx.user()?, &query).await?;
    let reached = found.newer + found.messages.len() as i32;
    let last = found.messages.last().filter(|_| reached < found.count);
    found_messages(ctx, &found, last.map(|stored| stored.message.date))
}
