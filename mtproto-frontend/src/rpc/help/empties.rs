//! `help.*`: notices and offers that a node does not make.

use tl::functions::help as f;
use tl::types::help as t;

use crate::rpc::{Context, RpcResult};

/// When clients ask again, in seconds: nothing here changes by itself.
const ASK_AGAIN_AFTER_S: i32 = 24 * 60 * 60;

/// `help.getTermsOfServiceUpdate#2ca51fd1 = help.TermsOfServiceUpdate`
pub(in crate::rpc) async fn get_terms_of_service_update(
    ctx: &Context,
    _: f::GetTermsOfServiceUpdate,
) -> RpcResult<t::TermsOfServiceUpdateEmpty> {
    Ok(t::TermsOfServiceUpdateEmpty { expires: tomorrow(ctx) })
}

/// `help.getPromoData#c0977421 = help.PromoData`
pub(in crate::rpc) async fn get_promo_data(
    ctx: &Context,
    _: f::GetPromoData,
) -> RpcResult<t::PromoDataEmpty> {
    Ok(t::PromoDataEmpty { expires: tomorrow(ctx) })
}

/// `help.hidePromoData#1e251c95 peer:InputPeer = Bool`
///
/// There is no promoted chat to hide.
pub(in crate::rpc) async fn hide_promo_data(_: &Context, _: f::HidePromoData) -> RpcResult<bool> {
    Ok(true)
}

/// `help.dismissSuggestion#f50dbaa1 peer:InputPeer suggestion:string = Bool`
///
/// The application configuration suggests nothing, so nothing comes back.
pub(in crate::rpc) async fn dismiss_suggestion(
    _: &Context,
    _: f::DismissSuggestion,
) -> RpcResult<bool> {
    Ok(true)
}

/// `help.getPremiumPromo#b81b93d4 = help.PremiumPromo`
///
/// No subscription, so no options to buy one.
pub(in crate::rpc) async fn get_premium_promo(
    _: &Context,
    _: f::GetPremiumPromo,
) -> RpcResult<t::PremiumPromo> {
    Ok(t::PremiumPromo::default())
}

/// `help.saveAppLog#6f02f748 events:Vector<InputAppEvent> = Bool`
///
/// Differs from Telegram's server: what clients report about their users is thrown away.
pub(in crate::rpc) async fn save_app_log(_: &Context, _: f::SaveAppLog) -> RpcResult<bool> {
    Ok(true)
}

fn tomorrow(ctx: &Context) -> i32 {
    ((ctx.now_ms / 1000) as i32).saturating_add(ASK_AGAIN_AFTER_S)
}
