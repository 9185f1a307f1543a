//! `payments.*`: balances, offers and gifts. A node takes no money and claims none.

use tl::enums;
use tl::functions::payments as f;
use tl::types::{self, payments as t};

use super::empty::CHOSEN_HASH;
use super::{Context, RpcResult};

/// `payments.getStarsStatus#4ea9b3bf flags:# ton:flags.0?true peer:InputPeer =
/// payments.StarsStatus`
pub(super) async fn get_stars_status(
    _: &Context,
    request: f::GetStarsStatus,
) -> RpcResult<t::StarsStatus> {
    Ok(nothing(request.ton))
}

/// `payments.getStarsTransactions#69da4557 flags:# inbound:flags.0?true outbound:flags.1?true
/// ascending:flags.2?true ton:flags.4?true subscription_id:flags.3?string peer:InputPeer
/// offset:string limit:int = payments.StarsStatus`
pub(super) async fn get_stars_transactions(
    _: &Context,
    request: f::GetStarsTransactions,
) -> RpcResult<t::StarsStatus> {
    Ok(nothing(request.ton))
}

/// `payments.getStarsSubscriptions#032512c5 flags:# missing_balance:flags.0?true peer:InputPeer
/// offset:string = payments.StarsStatus`
pub(super) async fn get_stars_subscriptions(
    _: &Context,
    _: f::GetStarsSubscriptions,
) -> RpcResult<t::StarsStatus> {
    Ok(nothing(false))
}

/// `payments.getStarsTopupOptions#c00ec7d3 = Vector<StarsTopupOption>`
pub(super) async fn get_stars_topup_options(
    _: &Context,
    _: f::GetStarsTopupOptions,
) -> RpcResult<Vec<enums::StarsTopupOption>> {
    Ok(Vec::new())
}

/// `payments.getStarsGiftOptions#d3c96bc8 flags:# user_id:flags.0?InputUser =
/// Vector<StarsGiftOption>`
pub(super) async fn get_stars_gift_options(
    _: &Context,
    _: f::GetStarsGiftOptions,
) -> RpcResult<Vec<enums::StarsGiftOption>> {
    Ok(Vec::new())
}

/// `payments.getStarsGiveawayOptions#bd1efd3e = Vector<StarsGiveawayOption>`
pub(super) async fn get_stars_giveaway_options(
    _: &Context,
    _: f::GetStarsGiveawayOptions,
) -> RpcResult<Vec<enums::StarsGiveawayOption>> {
    Ok(Vec::new())
}

/// `payments.getPremiumGiftCodeOptions#2757ba54 flags:# boost_peer:flags.0?InputPeer =
/// Vector<PremiumGiftCodeOption>`
pub(super) async fn get_premium_gift_code_options(
    _: &Context,
    _: f::GetPremiumGiftCodeOptions,
) -> RpcResult<Vec<enums::PremiumGiftCodeOption>> {
    Ok(Vec::new())
}

/// `payments.getStarGifts#c4563590 hash:int = payments.StarGifts`
pub(super) async fn get_star_gifts(
    _: &Context,
    request: f::GetStarGifts,
) -> RpcResult<enums::payments::StarGifts> {
    Ok(if request.hash == CHOSEN_HASH {
        t::StarGiftsNotModified {}.into()
    } else {
        t::StarGifts { hash: CHOSEN_HASH, ..Default::default() }.into()
    })
}

/// `payments.getSavedStarGifts#a319e569 flags:# exclude_unsaved:flags.0?true
/// exclude_saved:flags.1?true exclude_unlimited:flags.2?true exclude_unique:flags.4?true
/// sort_by_value:flags.5?true exclude_upgradable:flags.7?true exclude_unupgradable:flags.8?true
/// peer_color_available:flags.9?true exclude_hosted:flags.10?true peer:InputPeer
/// collection_id:flags.6?int offset:string limit:int = payments.SavedStarGifts`
pub(super) async fn get_saved_star_gifts(
    _: &Context,
    _: f::GetSavedStarGifts,
) -> RpcResult<t::SavedStarGifts> {
    Ok(t::SavedStarGifts::default())
}

/// `payments.getStarGiftCollections#981b91dd peer:InputPeer hash:long =
/// payments.StarGiftCollections`
pub(super) async fn get_star_gift_collections(
    _: &Context,
    _: f::GetStarGiftCollections,
) -> RpcResult<t::StarGiftCollections> {
    Ok(t::StarGiftCollections::default())
}

/// `payments.getStarGiftActiveAuctions#a5d0514d hash:long = payments.StarGiftActiveAuctions`
pub(super) async fn get_star_gift_active_auctions(
    _: &Context,
    _: f::GetStarGiftActiveAuctions,
) -> RpcResult<t::StarGiftActiveAuctions> {
    Ok(t::StarGiftActiveAuctions::default())
}

/// No stars, or no tons; no history and no subscriptions.
fn nothing(ton: bool) -> t::StarsStatus {
    let balance = if ton {
        types::StarsTonAmount { amount: 0 }.into()
    } else {
        types::StarsAmount { amount: 0, nanos: 0 }.into()
    };
    t::StarsStatus { balance, ..Default::default() }
}
