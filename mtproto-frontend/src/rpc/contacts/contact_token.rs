//! `contacts.exportContactToken#f8654027 = ExportedContactToken`,
//! `contacts.importContactToken#13005788 token:string = User`
//!
//! A link by which its owner is found for a while, without username and number.
//! Source: <https://core.telegram.org/api/links#temporary-profile-links>

use tl::enums;
use tl::functions::contacts::{ExportContactToken, ImportContactToken};
use tl::types::ExportedContactToken;

use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn export_contact_token(
    ctx: &Context,
    _: ExportContactToken,
) -> RpcResult<ExportedContactToken> {
    let (token, expires) = ctx.shared.core.contact_token(ctx.user()?);
    let prefix = ctx.shared.me_url_prefix(ctx.addresses.local);
    Ok(ExportedContactToken { url: format!("{prefix}contact/{token}"), expires })
}

pub(in crate::rpc) async fn import_contact_token(
    ctx: &Context,
    request: ImportContactToken,
) -> RpcResult<enums::User> {
    let viewer = ctx.user()?;
    let invalid = || RpcError::new(400, "IMPORT_TOKEN_INVALID");
    let user = ctx.shared.core.user_of_token(&request.token).await?.ok_or_else(invalid)?;
    let view = ctx.shared.core.view(viewer, user)?.ok_or_else(invalid)?;
    Ok(project::user(&view, ctx.view()?))
}
