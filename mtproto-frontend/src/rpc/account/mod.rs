//! `account.*`

mod authorizations;
mod update_profile;
mod update_status;
mod username;

pub(super) use authorizations::{get_authorizations, reset_authorization};
pub(super) use update_profile::update_profile;
pub(super) use update_status::update_status;
pub(super) use username::{check_username, update_username};
