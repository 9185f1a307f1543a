//! `messages.*`: lists of dialogs, drafts and messages in which a node has nothing to show yet.

use tl::enums;
use tl::functions::messages as f;
use tl::types::{self, messages as t};

use crate::rpc::empty::CHOSEN_HASH;
use crate::rpc::{Context, RpcResult};

/// `messages.getSuggestedDialogFilters#a29cd42c = Vector<DialogFilterSuggested>`
pub(in crate::rpc) async fn get_suggested_dialog_filters(
    _: &Context,
    _: f::GetSuggestedDialogFilters,
) -> RpcResult<Vec<enums::DialogFilterSuggested>> {
    Ok(Vec::new())
}

/// `messages.getAttachMenuBots#16fcc2cb hash:long = AttachMenuBots`
pub(in crate::rpc) async fn get_attach_menu_bots(
    _: &Context,
    request: f::GetAttachMenuBots,
) -> RpcResult<enums::AttachMenuBots> {
    let hash = i64::from(CHOSEN_HASH);
    Ok(if request.hash == hash {
        types::AttachMenuBotsNotModified {}.into()
    } else {
        types::AttachMenuBots { hash, ..Default::default() }.into()
    })
}

/// `messages.getQuickReplies#d483f2a8 hash:long = messages.QuickReplies`
pub(in crate::rpc) async fn get_quick_replies(
    _: &Context,
    _: f::GetQuickReplies,
) -> RpcResult<t::QuickReplies> {
    Ok(t::QuickReplies::default())
}

/// `messages.getRecentLocations#702a40e0 peer:InputPeer limit:int hash:long = messages.Messages`
pub(in crate::rpc) async fn get_recent_locations(
    _: &Context,
    _: f::GetRecentLocations,
) -> RpcResult<t::Messages> {
    Ok(t::Messages::default())
}

/// `messages.getSponsoredMessages#3d6ce850 flags:# peer:InputPeer msg_id:flags.0?int =
/// messages.SponsoredMessages`
pub(in crate::rpc) async fn get_sponsored_messages(
    _: &Context,
    _: f::GetSponsoredMessages,
) -> RpcResult<t::SponsoredMessagesEmpty> {
    Ok(t::SponsoredMessagesEmpty {})
}
