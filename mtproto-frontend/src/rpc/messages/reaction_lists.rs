//! `messages.*`: reactions and effects. A node has no catalogue of them yet.

use tl::enums::messages as e;
use tl::functions::messages as f;
use tl::types::{Updates, messages as t};

use crate::rpc::empty::{CHOSEN_HASH, updates};
use crate::rpc::{Context, RpcResult};

/// `messages.getAvailableReactions#18dea0ac hash:int = messages.AvailableReactions`
pub(in crate::rpc) async fn get_available_reactions(
    _: &Context,
    request: f::GetAvailableReactions,
) -> RpcResult<e::AvailableReactions> {
    Ok(if request.hash == CHOSEN_HASH {
        t::AvailableReactionsNotModified {}.into()
    } else {
        t::AvailableReactions { hash: CHOSEN_HASH, ..Default::default() }.into()
    })
}

/// `messages.getAvailableEffects#dea20a39 hash:int = messages.AvailableEffects`
pub(in crate::rpc) async fn get_available_effects(
    _: &Context,
    request: f::GetAvailableEffects,
) -> RpcResult<e::AvailableEffects> {
    Ok(if request.hash == CHOSEN_HASH {
        t::AvailableEffectsNotModified {}.into()
    } else {
        t::AvailableEffects { hash: CHOSEN_HASH, ..Default::default() }.into()
    })
}

/// `messages.getTopReactions#bb8125ba limit:int hash:long = messages.Reactions`
pub(in crate::rpc) async fn get_top_reactions(
    _: &Context,
    _: f::GetTopReactions,
) -> RpcResult<t::Reactions> {
    Ok(t::Reactions::default())
}

/// `messages.getRecentReactions#39461db2 limit:int hash:long = messages.Reactions`
pub(in crate::rpc) async fn get_recent_reactions(
    _: &Context,
    _: f::GetRecentReactions,
) -> RpcResult<t::Reactions> {
    Ok(t::Reactions::default())
}

/// `messages.getDefaultTagReactions#bdf93428 hash:long = messages.Reactions`
pub(in crate::rpc) async fn get_default_tag_reactions(
    _: &Context,
    _: f::GetDefaultTagReactions,
) -> RpcResult<t::Reactions> {
    Ok(t::Reactions::default())
}

/// `messages.getSavedReactionTags#3637e05b flags:# peer:flags.0?InputPeer hash:long =
/// messages.SavedReactionTags`
pub(in crate::rpc) async fn get_saved_reaction_tags(
    _: &Context,
    _: f::GetSavedReactionTags,
) -> RpcResult<t::SavedReactionTags> {
    Ok(t::SavedReactionTags::default())
}

/// `messages.getPaidReactionPrivacy#472455aa = Updates`
///
/// Nothing is paid for, so the default was never changed.
pub(in crate::rpc) async fn get_paid_reaction_privacy(
    ctx: &Context,
    _: f::GetPaidReactionPrivacy,
) -> RpcResult<Updates> {
    Ok(updates(ctx))
}
