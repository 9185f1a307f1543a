//! `contacts.search#8b5bd2c3 flags:# broadcasts:flags.0?true bots:flags.1?true q:string limit:int =
//! contacts.Found`
//!
//! Those whom one knows by any of their names, others by their username.
//! Source: <https://core.telegram.org/method/contacts.search>

use node_core::UserId;
use tl::enums;
use tl::enums::contacts::Found;
use tl::functions::contacts::Search;
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Shortest text that is searched for, in characters.
const QUERY_CHARS_MIN: usize = 2;

/// Results of each kind.
const RESULTS_MAX: usize = 50;

pub(in crate::rpc) async fn search(ctx: &Context, request: Search) -> RpcResult<Found> {
    let query = request.q.trim();
    match query.chars().count() {
        0 => return Err(RpcError::new(400, "SEARCH_QUERY_EMPTY")),
        n if n < QUERY_CHARS_MIN => return Err(RpcError::new(400, "QUERY_TOO_SHORT")),
        _ => {}
    }
    let (asker, core) = (ctx.user()?, &ctx.shared.core);
    let limit = usize::try_from(request.limit).unwrap_or(0).clamp(1, RESULTS_MAX);
    // Only people are there to be found.
    let (known, others) = if request.broadcasts || request.bots {
        (Vec::new(), Vec::new())
    } else {
        core.search_people(asker, query, limit).await?
    };
    // Somebody or something on another node is found by its whole name.
    let far = match query.trim_start_matches('@').split_once('@') {
        Some((name, domain)) if !name.is_empty() && domain.contains('.') => {
            core.resolve_far(asker, name, domain).await.ok()
        }
        _ => None,
    };
    let mut named = Named::default();
    let far = far.map(|far| {
        named.peer(far);
        project::peer(far)
    });
    let mut peers = |users: &[UserId]| -> Vec<enums::Peer> {
        let peers = users.iter().map(|user| {
            named.user(*user);
            project::peer((*user).into())
        });
        peers.collect()
    };
    let (my_results, mut results) = (peers(&known), peers(&others));
    results.extend(far);
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::contacts::Found { my_results, results, chats, users }.into())
}
