//! `messages.exportChatInvite#a455de90 flags:# legacy_revoke_permanent:flags.2?true
//! request_needed:flags.3?true peer:InputPeer expire_date:flags.0?int usage_limit:flags.1?int
//! title:flags.4?string subscription_pricing:flags.5?StarsSubscriptionPricing =
//! ExportedChatInvite`,
//! `messages.editExportedChatInvite#bdca2f75 flags:# revoked:flags.2?true peer:InputPeer link:string
//! expire_date:flags.0?int usage_limit:flags.1?int request_needed:flags.3?Bool title:flags.4?string
//! = messages.ExportedChatInvite`,
//! `messages.getExportedChatInvite#73746f5c peer:InputPeer link:string =
//! messages.ExportedChatInvite`,
//! `messages.getExportedChatInvites#a2b5a3f6 flags:# revoked:flags.3?true peer:InputPeer
//! admin_id:InputUser offset_date:flags.2?int offset_link:flags.2?string limit:int =
//! messages.ExportedChatInvites`,
//! `messages.deleteExportedChatInvite#d464a42b peer:InputPeer link:string = Bool`,
//! `messages.deleteRevokedExportedChatInvites#56987bd5 peer:InputPeer admin_id:InputUser = Bool`,
//! `messages.getAdminsWithInvites#3920e6ef peer:InputPeer = messages.ChatAdminsWithInvites`
//!
//! Source: <https://core.telegram.org/api/invites>

use node_core::{ChatLink, LinkTerms};
use tl::functions::messages as f;
use tl::types::messages as t;
use tl::{enums, types};

use super::{page_limit, refuse};
use crate::project::Named;
use crate::rpc::{Context, RpcError, RpcResult};

/// A link as its admin sees it; `requested` wait who came by it.
pub(in crate::rpc) fn exported(
    ctx: &Context,
    link: &ChatLink,
    requested: i32,
) -> enums::ExportedChatInvite {
    let prefix = ctx.shared.me_url_prefix(ctx.addresses.local);
    let some = |number: i32| (number != 0).then_some(number);
    types::ChatInviteExported {
        revoked: link.revoked,
        permanent: link.permanent,
        request_needed: link.request_needed,
        link: format!("{prefix}+{}", link.hash),
        admin_id: link.admin.0,
        date: link.date,
        start_date: some(link.changed),
        expire_date: some(link.expires),
        usage_limit: some(link.usage_limit),
        usage: some(link.usage),
        requested: some(requested),
        title: (!link.title.is_empty()).then(|| link.title.clone()),
        ..types::ChatInviteExported::default()
    }
    .into()
}

/// The hash in a link, in whatever form a client has it.
pub(super) fn hash_in(link: &str) -> &str {
    let link = link.trim().trim_end_matches('/');
    let tail = link.rsplit(['/', '=']).next().unwrap_or(link);
    tail.trim_start_matches(['+', ' '])
}

pub(in crate::rpc) async fn export_chat_invite(
    ctx: &Context,
    request: f::ExportChatInvite,
) -> RpcResult<enums::ExportedChatInvite> {
    refuse(request.subscription_pricing.is_some())?;
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let terms = LinkTerms {
        expires: request.expire_date.filter(|date| *date != 0),
        usage_limit: request.usage_limit.filter(|limit| *limit != 0),
        request_needed: request.request_needed.then_some(true),
        title: request.title.filter(|title| !title.trim().is_empty()),
    };
    let replaces = request.legacy_revoke_permanent;
    let link = ctx.shared.core.export_link(ctx.actor()?, owner, place, replaces, terms).await?;
    Ok(exported(ctx, &link, 0))
}

pub(in crate::rpc) async fn edit_exported_chat_invite(
    ctx: &Context,
    request: f::EditExportedChatInvite,
) -> RpcResult<enums::messages::ExportedChatInvite> {
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let terms = LinkTerms {
        expires: request.expire_date,
        usage_limit: request.usage_limit,
        request_needed: request.request_needed,
        title: request.title,
    };
    let (core, hash) = (&ctx.shared.core, hash_in(&request.link));
    let edited = core.edit_link(ctx.actor()?, owner, place, hash, request.revoked, terms).await?;
    let (link, next) = edited;
    let (_, requested) = core.link(owner, place, hash).await?;
    let users = Named::default().user(link.admin).users(ctx.view()?)?;
    let invite = exported(ctx, &link, requested);
    Ok(match next {
        Some(next) => {
            let new_invite = exported(ctx, &next, 0);
            t::ExportedChatInviteReplaced { invite, new_invite, users }.into()
        }
        None => t::ExportedChatInvite { invite, users }.into(),
    })
}

pub(in crate::rpc) async fn get_exported_chat_invite(
    ctx: &Context,
    request: f::GetExportedChatInvite,
) -> RpcResult<enums::messages::ExportedChatInvite> {
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let (link, requested) = ctx.shared.core.link(owner, place, hash_in(&request.link)).await?;
    let users = Named::default().user(link.admin).users(ctx.view()?)?;
    Ok(t::ExportedChatInvite { invite: exported(ctx, &link, requested), users }.into())
}

pub(in crate::rpc) async fn get_exported_chat_invites(
    ctx: &Context,
    request: f::GetExportedChatInvites,
) -> RpcResult<t::ExportedChatInvites> {
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let admin = admin(ctx, &request.admin_id)?;
    let all = ctx.shared.core.links(owner, place, admin, request.revoked).await?;
    let count = all.len() as i32;
    let from = match &request.offset_link {
        Some(link) => {
            let hash = hash_in(link);
            all.iter().position(|(link, _)| link.hash == hash).map_or(0, |at| at + 1)
        }
        None => 0,
    };
    let page = all.iter().skip(from).take(page_limit(request.limit));
    let invites = page.map(|(link, requested)| exported(ctx, link, *requested)).collect();
    let users = Named::default().user(admin).users(ctx.view()?)?;
    Ok(t::ExportedChatInvites { count, invites, users })
}

fn admin(ctx: &Context, named: &enums::InputUser) -> RpcResult<node_core::UserId> {
    ctx.named_user(named).map_err(|_| RpcError::new(400, "ADMIN_ID_INVALID"))
}

pub(in crate::rpc) async fn delete_exported_chat_invite(
    ctx: &Context,
    request: f::DeleteExportedChatInvite,
) -> RpcResult<bool> {
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let hash = hash_in(&request.link);
    ctx.shared.core.delete_link(ctx.actor()?, owner, place, hash).await?;
    Ok(true)
}

pub(in crate::rpc) async fn delete_revoked_exported_chat_invites(
    ctx: &Context,
    request: f::DeleteRevokedExportedChatInvites,
) -> RpcResult<bool> {
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let admin = admin(ctx, &request.admin_id)?;
    ctx.shared.core.delete_revoked_links(ctx.actor()?, owner, place, admin).await?;
    Ok(true)
}

pub(in crate::rpc) async fn get_admins_with_invites(
    ctx: &Context,
    request: f::GetAdminsWithInvites,
) -> RpcResult<t::ChatAdminsWithInvites> {
    let (owner, place) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    let found = ctx.shared.core.links_of_admins(owner, place).await?;
    let mut named = Named::default();
    let admins = found.into_iter().map(|(admin, invites_count, revoked_invites_count)| {
        named.user(admin);
        let admin_id = admin.0;
        types::ChatAdminWithInvites { admin_id, invites_count, revoked_invites_count }.into()
    });
    let admins = admins.collect();
    Ok(t::ChatAdminsWithInvites { admins, users: named.users(ctx.view()?)? })
}

#[cfg(test)]
mod tests {
    use super::hash_in;

    #[test]
    fn links_are_read_in_every_form() {
        for link in [
            "AbCdEf-1",
            "+AbCdEf-1",
            "https://node.example/+AbCdEf-1",
            "https://t.me/joinchat/AbCdEf-1",
            "tg://join?invite=AbCdEf-1",
            "node.example/+AbCdEf-1/",
        ] {
            assert_eq!(hash_in(link), "AbCdEf-1", "{link}");
        }
    }
}
