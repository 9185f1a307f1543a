//! `contacts.getSaved#82f1e39f = Vector<SavedContact>`,
//! `contacts.resetSaved#879537f1 = Bool`,
//! `contacts.deleteByPhones#1013fd9e phones:Vector<string> = Bool`
//!
//! Contacts whose numbers are nobody's.
//! Source: <https://core.telegram.org/method/contacts.getSaved>

use tl::enums;
use tl::functions::contacts::{DeleteByPhones, GetSaved, ResetSaved};
use tl::types::SavedPhoneContact;

use crate::rpc::resolve::phone_number;
use crate::rpc::{Context, RpcError, RpcResult};

/// Numbers of one call.
const PHONES_MAX: usize = 1000;

/// Differs from Telegram's server: the numbers are left empty, as the node keeps only hashes of
/// them.
pub(in crate::rpc) async fn get_saved(
    ctx: &Context,
    _: GetSaved,
) -> RpcResult<Vec<enums::SavedContact>> {
    let saved = ctx.shared.core.saved_contacts(ctx.user()?).await?;
    let contacts = saved.into_iter().map(|saved| {
        let (first_name, last_name, date) = (saved.first_name, saved.last_name, saved.date);
        SavedPhoneContact { phone: String::new(), first_name, last_name, date }.into()
    });
    Ok(contacts.collect())
}

pub(in crate::rpc) async fn reset_saved(ctx: &Context, _: ResetSaved) -> RpcResult<bool> {
    ctx.shared.core.reset_saved_contacts(Some(ctx.actor()?), ctx.user()?).await?;
    Ok(true)
}

pub(in crate::rpc) async fn delete_by_phones(
    ctx: &Context,
    request: DeleteByPhones,
) -> RpcResult<bool> {
    if request.phones.len() > PHONES_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let phones = request.phones.iter().filter_map(|phone| phone_number(phone).ok()).collect();
    ctx.shared.core.delete_contacts_by_phone(Some(ctx.actor()?), ctx.user()?, phones).await?;
    Ok(true)
}
