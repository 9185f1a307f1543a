//! `help.getAppConfig#61e3f854 hash:int = help.AppConfig`, at layer 152
//! `help.getAppConfig#98914110 = JSONValue`
//!
//! Limits and switches that clients read. What is not built here is switched off. The bare shape
//! of layer 152 is made where the answer is written (`tl::fallback`).
//! Source: <https://core.telegram.org/api/config#client-configuration>

use tl::enums::JsonValue;
use tl::enums::help::AppConfig;
use tl::functions::help::GetAppConfig;
use tl::types::{JsonArray, JsonBool, JsonNumber, JsonObject, JsonObjectValue, JsonString};

use super::content_hash;
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_app_config(
    _: &Context,
    request: GetAppConfig,
) -> RpcResult<AppConfig> {
    let config = app_config();
    let hash = content_hash(&tl::to_bytes(&config, tl::LAYER_MAX)?);
    Ok(if request.hash == hash {
        tl::types::help::AppConfigNotModified {}.into()
    } else {
        tl::types::help::AppConfig { hash, config }.into()
    })
}

fn app_config() -> JsonValue {
    object([
        ("test", number(1.0)),
        ("emojies_sounds", object([])),
        (
            "emojies_send_dice",
            list(["\u{1F3B2}", "\u{1F3AF}", "\u{1F3C0}", "\u{26BD}", "\u{1F3B3}", "\u{1F3B0}"]),
        ),
        ("gif_search_branding", string("tenor")),
        ("gif_search_emojies", list([])),
        ("stickers_emoji_suggest_only_api", boolean(false)),
        ("qr_login_camera", boolean(true)),
        ("qr_login_code", string("primary")),
        ("dialog_filters_enabled", boolean(true)),
        ("dialog_filters_tooltip", boolean(false)),
        ("autoarchive_setting_available", boolean(false)),
        ("pending_suggestions", list([])),
        ("autologin_domains", list([])),
        ("url_auth_domains", list([])),
        ("whitelisted_domains", list([])),
        ("message_animated_emoji_max", number(100.0)),
        ("reactions_default", string(node_core::DEFAULT_REACTION)),
        ("reactions_uniq_max", number(node_core::REACTIONS_UNIQ_MAX as f64)),
        ("reactions_user_max_default", number(node_core::REACTIONS_USER_MAX as f64)),
        ("reactions_user_max_premium", number(node_core::REACTIONS_USER_MAX as f64)),
        ("reactions_in_chat_max", number(3.0)),
        ("poll_answers_max", number(node_core::POLL_ANSWERS_MAX as f64)),
        ("poll_close_period_max", number(f64::from(node_core::POLL_CLOSE_PERIOD_MAX_S))),
        ("chat_read_mark_expire_period", number(604_800.0)),
        ("chat_read_mark_size_threshold", number(100.0)),
        ("pm_read_date_expire_period", number(604_800.0)),
        ("pinned_dialogs_count_max_default", number(5.0)),
        ("dialogs_pinned_limit_default", number(5.0)),
        ("dialogs_folder_pinned_limit_default", number(100.0)),
        ("dialog_filters_limit_default", number(10.0)),
        ("dialog_filters_chats_limit_default", number(100.0)),
        ("channels_limit_default", number(500.0)),
        ("channels_public_limit_default", number(10.0)),
        ("saved_gifs_limit_default", number(200.0)),
        ("stickers_faved_limit_default", number(5.0)),
        ("caption_length_limit_default", number(1024.0)),
        ("about_length_limit_default", number(70.0)),
        ("upload_max_fileparts_default", number(4000.0)),
        ("upload_max_fileparts_premium", number(8000.0)),
        ("upload_premium_speedup_notify_period", number(0.0)),
        ("hidden_members_group_size_min", number(1.0)),
        ("saved_dialogs_pinned_limit_default", number(5.0)),
        ("topics_pinned_limit", number(5.0)),
        ("forum_upgrade_participants_min", number(1.0)),
        ("telegram_antispam_group_size_min", number(1_000_000.0)),
        ("premium_purchase_blocked", boolean(true)),
        ("premium_gift_attach_menu_icon", boolean(false)),
        ("premium_gift_text_field_icon", boolean(false)),
        ("stars_purchase_blocked", boolean(true)),
        ("stargifts_blocked", boolean(true)),
        ("giveaway_gifts_purchase_available", boolean(false)),
        ("stories_posting", string("disabled")),
        ("stories_entities", string("disabled")),
        ("stories_all_hidden", boolean(true)),
        ("ton_proxy_address", string("")),
        ("ignore_restriction_reasons", list([])),
        ("small_queue_max_active_operations_count", number(5.0)),
        ("large_queue_max_active_operations_count", number(2.0)),
    ])
}

fn object<const N: usize>(fields: [(&str, JsonValue); N]) -> JsonValue {
    let value = fields
        .into_iter()
        .map(|(key, value)| JsonObjectValue { key: key.to_owned(), value }.into())
        .collect();
    JsonObject { value }.into()
}

fn list<const N: usize>(texts: [&str; N]) -> JsonValue {
    JsonArray { value: texts.into_iter().map(string).collect() }.into()
}

fn string(value: &str) -> JsonValue {
    JsonString { value: value.to_owned() }.into()
}

fn number(value: f64) -> JsonValue {
    JsonNumber { value }.into()
}

fn boolean(value: bool) -> JsonValue {
    JsonBool { value }.into()
}
