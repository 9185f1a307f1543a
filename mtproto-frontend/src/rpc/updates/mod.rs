//! `updates.*`: where a client is, and what it missed.

mod get_difference;
mod get_state;

pub(super) use get_difference::get_difference;
pub(super) use get_state::{get_state, state};
