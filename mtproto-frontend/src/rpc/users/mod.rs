//! `users.*`

mod empty_lists;
mod get_full_user;
mod get_users;

pub(super) use empty_lists::{
    get_is_premium_required_to_contact, get_requirements_to_contact, get_saved_music,
};
pub(super) use get_full_user::get_full_user;
pub(super) use get_users::get_users;
