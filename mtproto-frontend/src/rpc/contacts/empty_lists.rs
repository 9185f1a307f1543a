//! `contacts.*`: lists in which a node has nothing to show yet.

use tl::functions::contacts as f;
use tl::types::contacts as t;

use crate::rpc::{Context, RpcResult};

/// `contacts.getTopPeers#973478b6 flags:# correspondents:flags.0?true bots_pm:flags.1?true
/// bots_inline:flags.2?true phone_calls:flags.3?true forward_users:flags.4?true
/// forward_chats:flags.5?true groups:flags.10?true channels:flags.15?true bots_app:flags.16?true
/// bots_guestchat:flags.17?true offset:int limit:int hash:long = contacts.TopPeers`
///
/// No ratings are kept. Clients count by themselves and merge what they are told, so this is not
/// `topPeersDisabled`, which would switch their own lists off.
pub(in crate::rpc) async fn get_top_peers(
    _: &Context,
    _: f::GetTopPeers,
) -> RpcResult<t::TopPeers> {
    Ok(t::TopPeers::default())
}

/// `contacts.getSponsoredPeers#b6c8c393 q:string = contacts.SponsoredPeers`
pub(in crate::rpc) async fn get_sponsored_peers(
    _: &Context,
    _: f::GetSponsoredPeers,
) -> RpcResult<t::SponsoredPeersEmpty> {
    Ok(t::SponsoredPeersEmpty {})
}
