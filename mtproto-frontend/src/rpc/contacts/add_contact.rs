//! `contacts.addContact#d9ba2e54 flags:# add_phone_privacy_exception:flags.0?true id:InputUser
//! first_name:string last_name:string phone:string note:flags.1?TextWithEntities = Updates`,
//! `contacts.deleteContacts#96a0e00 id:Vector<InputUser> = Updates`
//!
//! Source: <https://core.telegram.org/method/contacts.addContact>

use node_core::{CoreError, NewContact, Note, Text, UserId};
use tl::enums::{self};
use tl::functions::contacts::{AcceptContact, AddContact, DeleteContacts, UpdateContactNote};
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn add_contact(
    ctx: &Context,
    request: AddContact,
) -> RpcResult<enums::Updates> {
    let user = ctx.named_user(&request.id)?;
    let note = match request.note {
        Some(note) => Some(self::note(ctx, note)?),
        None => None,
    };
    let contact = NewContact {
        first_name: request.first_name,
        last_name: request.last_name,
        note,
        share_phone: request.add_phone_privacy_exception,
    };
    ctx.shared.core.add_contact(Some(ctx.actor()?), ctx.user()?, user, contact).await?;
    settings(ctx, &[user])
}

pub(in crate::rpc) async fn delete_contacts(
    ctx: &Context,
    request: DeleteContacts,
) -> RpcResult<enums::Updates> {
    let users: Vec<UserId> =
        request.id.iter().map(|named| ctx.named_user(named)).collect::<RpcResult<_>>()?;
    let core = &ctx.shared.core;
    core.delete_contacts(Some(ctx.actor()?), ctx.user()?, users.clone()).await?;
    settings(ctx, &users)
}

/// `contacts.acceptContact#f831a20f id:InputUser = Updates`
///
/// Shows one's number to somebody who is a contact on both sides.
pub(in crate::rpc) async fn accept_contact(
    ctx: &Context,
    request: AcceptContact,
) -> RpcResult<enums::Updates> {
    let user = ctx.named_user(&request.id)?;
    let accepted = ctx.shared.core.accept_contact(Some(ctx.actor()?), ctx.user()?, user).await;
    accepted.map_err(|error| match error {
        CoreError::NotAContact => RpcError::new(400, "CONTACT_REQ_MISSING"),
        other => other.into(),
    })?;
    settings(ctx, &[user])
}

/// `contacts.updateContactNote#139f63fb id:InputUser note:TextWithEntities = Bool`
pub(in crate::rpc) async fn update_contact_note(
    ctx: &Context,
    request: UpdateContactNote,
) -> RpcResult<bool> {
    let (user, note) = (ctx.named_user(&request.id)?, note(ctx, request.note)?);
    ctx.shared.core.set_contact_note(Some(ctx.actor()?), ctx.user()?, user, note).await?;
    Ok(true)
}

/// A note as it is sent; an empty one is none.
fn note(ctx: &Context, note: enums::TextWithEntities) -> RpcResult<Note> {
    let enums::TextWithEntities::TextWithEntities(note) = note;
    if note.text.trim().is_empty() {
        return Ok(None);
    }
    let entities = project::entities_from_tl(note.entities, |user| ctx.named_user(user))?;
    Ok(Some(Text::parse(&note.text, entities).map_err(CoreError::from)?))
}

/// How the viewer stands to these users now.
fn settings(ctx: &Context, users: &[UserId]) -> RpcResult<enums::Updates> {
    let (viewer, core) = (ctx.user()?, &ctx.shared.core);
    let (mut named, mut updates) = (Named::default(), Vec::new());
    for user in users {
        if let Some(view) = core.view(viewer, *user)? {
            named.user(*user);
            let settings = project::peer_settings(core, &view, viewer)?.into();
            let peer = project::peer((*user).into());
            updates.push(types::UpdatePeerSettings { peer, settings }.into());
        }
    }
    let (users, chats) = named.shown(ctx.view()?)?;
    let date = ctx.now();
    Ok(types::Updates { updates, users, chats, date, seq: 0 }.into())
}
