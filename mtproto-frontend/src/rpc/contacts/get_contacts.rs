//! `contacts.getContacts#5dd69e12 hash:long = contacts.Contacts`,
//! `contacts.getContactIDs#7adc669d hash:long = Vector<int>`,
//! `contacts.getStatuses#c4a353ee = Vector<ContactStatus>`
//!
//! Source: <https://core.telegram.org/method/contacts.getContacts>

use tl::enums::contacts::Contacts;
use tl::enums::{self};
use tl::functions::contacts::{GetContactIDs, GetContacts, GetStatuses};
use tl::types;

use crate::project::{self, Named};
use crate::rpc::resolve::hash_of;
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_contacts(
    ctx: &Context,
    request: GetContacts,
) -> RpcResult<Contacts> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let book = core.contacts(owner).await?;
    // Contacts without an account: clients count them into the hash.
    let saved_count = core.saved_contacts(owner).await?.len() as i32;
    let ids = book.iter().map(|contact| contact.user.0);
    let hash = hash_of([i64::from(saved_count)].into_iter().chain(ids));
    if request.hash != 0 && request.hash == hash {
        return Ok(types::contacts::ContactsNotModified {}.into());
    }
    let mut named = Named::default();
    let contacts = book.iter().map(|contact| {
        named.user(contact.user);
        types::Contact { user_id: contact.user.0, mutual: contact.mutual }.into()
    });
    let contacts = contacts.collect();
    let users = named.users(ctx.view()?)?;
    Ok(types::contacts::Contacts { contacts, saved_count, users }.into())
}

pub(in crate::rpc) async fn get_contact_ids(
    ctx: &Context,
    _: GetContactIDs,
) -> RpcResult<Vec<i32>> {
    let book = ctx.shared.core.contacts(ctx.user()?).await?;
    // Ids are given out from a million upwards: 2^31 of them fit.
    Ok(book.iter().filter_map(|contact| i32::try_from(contact.user.0).ok()).collect())
}

pub(in crate::rpc) async fn get_statuses(
    ctx: &Context,
    _: GetStatuses,
) -> RpcResult<Vec<enums::ContactStatus>> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let mut statuses = Vec::new();
    for contact in core.contacts(owner).await? {
        if let Some(view) = core.view(owner, contact.user)? {
            let status = project::status(view.status);
            statuses.push(types::ContactStatus { user_id: contact.user.0, status }.into());
        }
    }
    Ok(statuses)
}
