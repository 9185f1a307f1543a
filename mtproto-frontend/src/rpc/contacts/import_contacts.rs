//! `contacts.importContacts#2c800be5 contacts:Vector<InputContact> = contacts.ImportedContacts`
//!
//! Finds people by their numbers. Limited hard: a list of all numbers is not to be tried.
//! Source: <https://core.telegram.org/method/contacts.importContacts>

use node_core::NewContact;
use tl::enums::InputContact;
use tl::enums::contacts::ImportedContacts;
use tl::functions::contacts::ImportContacts;
use tl::types;

use crate::project::Named;
use crate::rpc::resolve::phone_number;
use crate::rpc::{Context, RpcResult};

/// Contacts of one call; the rest comes back to be tried again.
const CONTACTS_MAX: usize = 1000;

pub(in crate::rpc) async fn import_contacts(
    ctx: &Context,
    request: ImportContacts,
) -> RpcResult<ImportedContacts> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let (mut client_ids, mut contacts, mut retry_contacts) = (Vec::new(), Vec::new(), Vec::new());
    for contact in request.contacts {
        let InputContact::InputPhoneContact(contact) = contact;
        let contact = *contact;
        let Ok(phone) = phone_number(&contact.phone) else { continue };
        if contacts.len() >= CONTACTS_MAX {
            retry_contacts.push(contact.client_id);
            continue;
        }
        client_ids.push(contact.client_id);
        let (first_name, last_name) = (contact.first_name, contact.last_name);
        contacts.push((phone, NewContact { first_name, last_name, ..NewContact::default() }));
    }
    let done = core.import_contacts(Some(ctx.actor()?), owner, contacts).await?;
    let client_id = |place: usize| client_ids.get(place).copied().unwrap_or_default();
    let mut named = Named::default();
    let imported = done.found.iter().map(|(place, user)| {
        named.user(*user);
        types::ImportedContact { user_id: user.0, client_id: client_id(*place) }.into()
    });
    let imported = imported.collect();
    retry_contacts.extend(done.retry.into_iter().map(client_id));
    let users = named.users(ctx.view()?)?;
    let popular_invites = Vec::new();
    Ok(types::contacts::ImportedContacts { imported, popular_invites, retry_contacts, users }
        .into())
}
