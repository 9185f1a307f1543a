//! `contacts.addContact#d9ba2e54 flags:# add_phone_privacy_exception:flags.0?true id:InputUser
//! first_name:string last_name:string phone:string note:flags.1?TextWithEntities = Updates`,
//! `contacts.deleteContacts#96a0e00 id:Vector<InputUser> = Updates`
//!
//! Source: <https://core.telegram.org/method/contacts.addContact>

use node_core::{NewContact, UserId};
use tl::enums::{self};
use tl::functions::contacts::{AddContact, DeleteContacts};
use tl::types;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn add_contact(
    ctx: &Context,
    request: AddContact,
) -> RpcResult<enums::Updates> {
    let user = ctx.named_user(&request.id)?;
    let contact = NewContact { first_name: request.first_name, last_name: request.last_name };
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

/// How the viewer stands to these users now.
fn settings(ctx: &Context, users: &[UserId]) -> RpcResult<enums::Updates> {
    let (viewer, core) = (ctx.user()?, &ctx.shared.core);
    let (mut named, mut updates) = (Named::default(), Vec::new());
    for user in users {
        if let Some(view) = core.view(viewer, *user)? {
            named.user(*user);
            let settings = project::peer_settings(&view, viewer).into();
            let peer = project::peer((*user).into());
            updates.push(types::UpdatePeerSettings { peer, settings }.into());
        }
    }
    let (users, chats, date) = (named.users(core, viewer)?, Vec::new(), ctx.now());
    Ok(types::Updates { updates, users, chats, date, seq: 0 }.into())
}
