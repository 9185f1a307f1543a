//! `updates.*`: where a client is, and what it missed.

mod get_channel_difference;
mod get_difference;
mod get_state;

pub(super) use get_channel_difference::get_channel_difference;
pub(super) use get_difference::get_difference;
pub(super) use get_state::{get_state, state};
