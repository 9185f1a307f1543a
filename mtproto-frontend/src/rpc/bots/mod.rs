//! `bots.*`: automatic users.

mod empty_lists;

pub(super) use empty_lists::{get_bot_recommendations, get_popular_app_bots};
