//! `users.*`: lists in which a node has nothing to show yet.

use tl::enums::RequirementToContact;
use tl::functions::users as f;
use tl::types::RequirementToContactEmpty;
use tl::types::users as t;

use crate::rpc::{Context, RpcResult};

/// `users.getRequirementsToContact#d89a83a3 id:Vector<InputUser> = Vector<RequirementToContact>`
///
/// Nobody asks for a subscription or for stars: one for each user asked about, in their order.
pub(in crate::rpc) async fn get_requirements_to_contact(
    _: &Context,
    request: f::GetRequirementsToContact,
) -> RpcResult<Vec<RequirementToContact>> {
    Ok(vec![RequirementToContactEmpty {}.into(); request.id.len()])
}

/// `users.getIsPremiumRequiredToContact#a622aa10 id:Vector<InputUser> = Vector<Bool>`
///
/// The name of `users.getRequirementsToContact` up to layer 199.
pub(in crate::rpc) async fn get_is_premium_required_to_contact(
    _: &Context,
    request: f::GetIsPremiumRequiredToContact,
) -> RpcResult<Vec<bool>> {
    Ok(vec![false; request.id.len()])
}

/// `users.getSavedMusic#788d7fe3 id:InputUser offset:int limit:int hash:long = users.SavedMusic`
pub(in crate::rpc) async fn get_saved_music(
    _: &Context,
    _: f::GetSavedMusic,
) -> RpcResult<t::SavedMusic> {
    Ok(t::SavedMusic::default())
}
