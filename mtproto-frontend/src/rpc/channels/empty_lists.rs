//! `channels.*`: lists in which a node has nothing to show yet.

use tl::functions::channels as f;
use tl::types::messages as t;

use crate::rpc::{Context, RpcError, RpcResult};

/// `channels.getSponsoredMessages#ec210fbf channel:InputChannel = messages.SponsoredMessages`
///
/// The name of `messages.getSponsoredMessages` up to layer 186.
pub(in crate::rpc) async fn get_sponsored_messages(
    _: &Context,
    _: f::GetSponsoredMessages,
) -> RpcResult<t::SponsoredMessagesEmpty> {
    Ok(t::SponsoredMessagesEmpty {})
}

/// `channels.getInactiveChannels#11e831ee = messages.InactiveChats`
pub(in crate::rpc) async fn get_inactive_channels(
    _: &Context,
    _: f::GetInactiveChannels,
) -> RpcResult<t::InactiveChats> {
    Ok(t::InactiveChats::default())
}

/// `channels.getLeftChannels#8341ecc0 offset:int = messages.Chats`
///
/// Answered within a takeout only, and there is none.
pub(in crate::rpc) async fn get_left_channels(
    _: &Context,
    _: f::GetLeftChannels,
) -> RpcResult<t::Chats> {
    Err(RpcError::new(403, "TAKEOUT_REQUIRED"))
}

/// `channels.getChannelRecommendations#25a71742 flags:# channel:flags.0?InputChannel =
/// messages.Chats`
pub(in crate::rpc) async fn get_channel_recommendations(
    _: &Context,
    _: f::GetChannelRecommendations,
) -> RpcResult<t::Chats> {
    Ok(t::Chats::default())
}
