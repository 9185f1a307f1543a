//! `help.*`: what a client asks about the node before and after its login.

mod empties;
mod get_app_config;
mod get_app_update;
mod get_cdn_config;
mod get_config;
mod get_countries_list;
mod get_deep_link_info;
mod get_invite_text;
mod get_nearest_dc;
mod get_peer_colors;
mod get_support;
mod get_timezones_list;

pub(super) use empties::{
    dismiss_suggestion, get_premium_promo, get_promo_data, get_terms_of_service_update,
    hide_promo_data, save_app_log,
};
pub(super) use get_app_config::get_app_config;
pub(super) use get_app_update::get_app_update;
pub(super) use get_cdn_config::get_cdn_config;
pub(super) use get_config::get_config;
pub(super) use get_countries_list::get_countries_list;
pub(super) use get_deep_link_info::get_deep_link_info;
pub(super) use get_invite_text::get_invite_text;
pub(super) use get_nearest_dc::get_nearest_dc;
pub(super) use get_peer_colors::{get_peer_colors, get_peer_profile_colors, is_color};
pub(super) use get_support::{get_support, get_support_name};
pub(super) use get_timezones_list::get_timezones_list;

/// A stable, never-zero `hash:int` over the bytes of an answer: clients send it back, and zero
/// means that they have nothing.
pub(super) fn content_hash(bytes: &[u8]) -> i32 {
    let [a, b, c, d, ..] = *blake3::hash(bytes).as_bytes();
    (i32::from_le_bytes([a, b, c, d]) & i32::MAX).max(1)
}
