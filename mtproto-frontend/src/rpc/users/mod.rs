//! `users.*`

mod get_full_user;
mod get_users;

pub(super) use get_full_user::get_full_user;
pub(super) use get_users::get_users;
