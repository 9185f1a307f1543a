//! `messages.*`: what members can react with. A node has no effects and no tags.
//!
//! Source: <https://core.telegram.org/api/reactions>

use md5::{Digest as _, Md5};
use node_core::{FileId, Origin, REACTIONS, Reaction};
use tl::enums::messages as e;
use tl::functions::messages as f;
use tl::types::{self, Updates, messages as t};

use crate::bundled::{self, Pictures};
use crate::project;
use crate::rpc::empty::{CHOSEN_HASH, updates};
use crate::rpc::help::content_hash;
use crate::rpc::resolve::hash_of;
use crate::rpc::{Context, RpcError, RpcResult};

/// Reactions of one list.
const REACTIONS_MAX: usize = 100;

/// `messages.getAvailableReactions#18dea0ac hash:int = messages.AvailableReactions`
pub(in crate::rpc) async fn get_available_reactions(
    ctx: &Context,
    request: f::GetAvailableReactions,
) -> RpcResult<e::AvailableReactions> {
    let mut said = Vec::new();
    for known in REACTIONS {
        said.extend_from_slice(known.emoticon.as_bytes());
        for (document, _) in Pictures::of(known.emoticon).iter().flat_map(|found| found.files()) {
            said.extend_from_slice(&document.id.0.to_be_bytes());
        }
    }
    let hash = content_hash(&said);
    if request.hash == hash {
        return Ok(t::AvailableReactionsNotModified {}.into());
    }
    let view = ctx.view()?;
    let mut reactions = Vec::with_capacity(REACTIONS.len());
    for known in REACTIONS {
        let Some(pictures) = Pictures::of(known.emoticon) else { continue };
        let picture = |file: FileId| project::sticker_of(view, file, Origin::Own);
        let (still, moving) = (bundled::number(pictures.still), bundled::number(pictures.moving));
        // Where a picture could not be stored, there is none to offer.
        let (Some(static_icon), Some(moving)) = (picture(still)?, picture(moving)?) else {
            continue;
        };
        reactions.push(
            types::AvailableReaction {
                reaction: known.emoticon.to_owned(),
                title: known.title.to_owned(),
                static_icon,
                appear_animation: moving.clone(),
                select_animation: moving.clone(),
                activate_animation: moving.clone(),
                effect_animation: moving.clone(),
                around_animation: Some(moving.clone()),
                center_icon: Some(moving),
                ..types::AvailableReaction::default()
            }
            .into(),
        );
    }
    Ok(t::AvailableReactions { hash, reactions }.into())
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
    ctx: &Context,
    request: f::GetTopReactions,
) -> RpcResult<e::Reactions> {
    let found = ctx.shared.core.top_reactions(ctx.user()?)?;
    Ok(reactions(&found, request.limit, request.hash))
}

/// `messages.getRecentReactions#39461db2 limit:int hash:long = messages.Reactions`
pub(in crate::rpc) async fn get_recent_reactions(
    ctx: &Context,
    request: f::GetRecentReactions,
) -> RpcResult<e::Reactions> {
    let found = ctx.shared.core.recent_reactions(ctx.user()?)?;
    Ok(reactions(&found, request.limit, request.hash))
}

/// `messages.clearRecentReactions#9dfeefb4 = Bool`
pub(in crate::rpc) async fn clear_recent_reactions(
    ctx: &Context,
    _: f::ClearRecentReactions,
) -> RpcResult<bool> {
    ctx.shared.core.clear_recent_reactions(ctx.actor()?, ctx.user()?).await?;
    Ok(true)
}

/// `messages.setDefaultReaction#4f47a016 reaction:Reaction = Bool`
pub(in crate::rpc) async fn set_default_reaction(
    ctx: &Context,
    request: f::SetDefaultReaction,
) -> RpcResult<bool> {
    let reaction = project::reaction_from_tl(&request.reaction);
    let reaction = reaction.ok_or(RpcError::new(400, "REACTION_INVALID"))?;
    ctx.shared.core.set_default_reaction(ctx.actor()?, ctx.user()?, reaction).await?;
    Ok(true)
}

/// Clients compute the hash of these lists themselves.
fn reactions(found: &[Reaction], limit: i32, hash: i64) -> e::Reactions {
    let limit = usize::try_from(limit).unwrap_or(0).min(REACTIONS_MAX);
    let found = found.get(..limit.min(found.len())).unwrap_or_default();
    let own = reactions_hash(found);
    if hash != 0 && hash == own {
        return t::ReactionsNotModified {}.into();
    }
    t::Reactions { hash: own, reactions: found.iter().map(project::reaction).collect() }.into()
}

/// Two numbers of each reaction: the halves of a custom emoji's number; of an emoji 0, and the
/// begin of its MD5 with its sign. Not documented: this is what TDLib does.
fn reactions_hash(found: &[Reaction]) -> i64 {
    let numbers = found.iter().flat_map(|reaction| match reaction {
        Reaction::Emoji(emoticon) => {
            let [a, b, c, d, ..]: [u8; 16] = Md5::digest(emoticon.as_bytes()).into();
            [0, i64::from(i32::from_be_bytes([a, b, c, d]))]
        }
        Reaction::Custom(file) => {
            let number = file.0.cast_unsigned();
            [(number >> 32).cast_signed(), (number & 0xffff_ffff).cast_signed()]
        }
    });
    hash_of(numbers)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The value that TDLib 1.8.67 computed.
    #[test]
    fn line_51_lists_of_reactions_have_the_hash_that_clients_compute() {
        let emoji = |emoticon: &str| Reaction::Emoji(emoticon.to_owned());
        assert_eq!(reactions_hash(&[emoji("👍"), emoji("🔥")]), -2_025_852_358_968_056_497);
        assert_eq!(reactions_hash(&[]), 0);
    }
}
