//! `auth.*`: logging in and out, temporary keys.

mod bind_temp_auth_key;
mod check_password;
mod drop_temp_auth_keys;
mod export_authorization;
mod log_out;
mod login_token;
mod recover_password;
mod send_code;
mod sign_in;

pub(super) use bind_temp_auth_key::bind_temp_auth_key;
pub(super) use check_password::check_password;
pub(super) use drop_temp_auth_keys::drop_temp_auth_keys;
pub(crate) use export_authorization::ExportedLogins;
pub(super) use export_authorization::{export_authorization, import_authorization};
pub(super) use log_out::{log_out, reset_authorizations};
pub(super) use login_token::{accept_login_token, export_login_token, import_login_token};
pub(super) use recover_password::{
    check_recovery_password, recover_password, request_password_recovery,
};
pub(super) use send_code::{
    cancel_code, report_missing_code, resend_code, reset_login_email, send_code, sent_code,
};
pub(super) use sign_in::{sign_in, sign_up};

use node_core::UserId;
use tl::{enums, types};

use super::{Context, RpcError, RpcResult};
use crate::project::{self, View};

impl Context {
    /// The logged-in user, as that user sees it.
    pub(super) fn oneself(&self) -> RpcResult<enums::User> {
        let user = self.user()?;
        let view = self.shared.core.view(user, user)?;
        let view = view.ok_or(RpcError::AUTH_KEY_UNREGISTERED)?;
        Ok(project::user(&view, self.view()?))
    }
}

/// The answer to whoever has just logged in as `user`.
fn authorization(ctx: &Context, user: UserId) -> RpcResult<enums::auth::Authorization> {
    let (core, dc) = (&ctx.shared.core, ctx.shared.profile.dc);
    let view = core.view(user, user)?;
    let view = view.ok_or(RpcError::new(400, "PHONE_NUMBER_UNOCCUPIED"))?;
    let user = project::user(&view, View { core, viewer: user, dc });
    Ok(types::auth::Authorization { user, ..types::auth::Authorization::default() }.into())
}
