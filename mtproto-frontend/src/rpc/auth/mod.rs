//! `auth.*`: up to the moment where a login code is asked for, and temporary keys.

mod bind_temp_auth_key;
mod drop_temp_auth_keys;
mod export_login_token;
mod login_codes;
mod send_code;

pub(super) use bind_temp_auth_key::bind_temp_auth_key;
pub(super) use drop_temp_auth_keys::drop_temp_auth_keys;
pub(crate) use export_login_token::LoginTokens;
pub(super) use export_login_token::export_login_token;
pub(crate) use login_codes::LoginCodes;
pub(super) use send_code::{cancel_code, resend_code, send_code};
