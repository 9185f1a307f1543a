//! `account.*`

mod authorizations;
mod auto_download;
mod auto_save;
mod change_phone;
mod contact_sign_up;
mod content_settings;
mod delete_account;
mod empty_lists;
mod global_privacy;
mod invalidate_codes;
mod login_email;
mod notify_settings;
mod password;
mod password_email;
mod privacy;
mod reactions_notify;
mod report_peer;
mod reset_password;
mod update_birthday;
mod update_color;
mod update_profile;
mod update_status;
mod username;

pub(super) use authorizations::{
    authorization, change_authorization_settings, get_authorizations, reset_authorization,
    set_authorization_ttl,
};
pub(super) use auto_download::{get_auto_download_settings, save_auto_download_settings};
pub(super) use auto_save::{
    delete_auto_save_exceptions, get_auto_save_settings, save_auto_save_settings,
};
pub(super) use change_phone::{change_phone, send_change_phone_code};
pub(super) use contact_sign_up::{
    get_contact_sign_up_notification, set_contact_sign_up_notification,
};
pub(super) use content_settings::{get_content_settings, set_content_settings};
pub(super) use delete_account::{delete_account, get_account_ttl, set_account_ttl};
pub(super) use empty_lists::{
    get_channel_default_emoji_statuses, get_channel_restricted_status_emojis, get_chat_themes,
    get_collectible_emoji_statuses, get_connected_bots, get_default_background_emojis,
    get_default_emoji_statuses, get_default_group_photo_emojis, get_default_profile_photo_emojis,
    get_passkeys, get_recent_emoji_statuses, get_saved_music_ids, get_saved_ringtones, get_themes,
    get_unique_gift_chat_themes, get_wall_papers, get_web_authorizations, get_web_browser_settings,
};
pub(super) use global_privacy::{get_global_privacy_settings, set_global_privacy_settings};
pub(super) use invalidate_codes::invalidate_sign_in_codes;
pub(super) use login_email::{email_code, send_verify_email_code, verify_email};
pub(super) use notify_settings::{
    get_notify_exceptions, get_notify_settings, reset_notify_settings, update_notify_settings,
};
pub(super) use password::{
    change, get_password, get_password_settings, proof, update_password_settings,
};
pub(super) use password_email::{
    cancel_password_email, confirm_password_email, resend_password_email,
};
pub(super) use privacy::{get_privacy, set_privacy};
pub(super) use reactions_notify::{get_reactions_notify_settings, set_reactions_notify_settings};
pub(super) use report_peer::report_peer;
pub(super) use reset_password::{decline_password_reset, reset_password};
pub(super) use update_birthday::update_birthday;
pub(super) use update_color::update_color;
pub(super) use update_profile::update_profile;
pub(super) use update_status::update_status;
pub(super) use username::{check_username, reorder_usernames, toggle_username, update_username};
