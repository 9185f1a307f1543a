//! `users.*`: people.

mod empty_lists;

pub(super) use empty_lists::{
    get_is_premium_required_to_contact, get_requirements_to_contact, get_saved_music,
};
