//! `messages.*`: dialogs, messages, and what can be put into them.

mod emoji_lists;
mod empty_lists;
mod get_dialog_filters;
mod get_web_page_preview;
mod reaction_lists;
mod sticker_lists;

pub(super) use emoji_lists::{
    get_emoji_groups, get_emoji_keywords, get_emoji_keywords_difference,
    get_emoji_keywords_languages, get_emoji_profile_photo_groups, get_emoji_status_groups,
    get_emoji_sticker_groups,
};
pub(super) use empty_lists::{
    get_all_drafts, get_attach_menu_bots, get_default_history_ttl, get_dialog_unread_marks,
    get_pinned_saved_dialogs, get_quick_replies, get_recent_locations, get_saved_dialogs,
    get_scheduled_history, get_sponsored_messages, get_suggested_dialog_filters,
};
pub(super) use get_dialog_filters::get_dialog_filters;
pub(super) use get_web_page_preview::get_web_page_preview;
pub(super) use reaction_lists::{
    get_available_effects, get_available_reactions, get_default_tag_reactions,
    get_paid_reaction_privacy, get_recent_reactions, get_saved_reaction_tags, get_top_reactions,
};
pub(super) use sticker_lists::{
    get_all_stickers, get_archived_stickers, get_custom_emoji_documents, get_emoji_stickers,
    get_faved_stickers, get_featured_emoji_stickers, get_featured_stickers, get_mask_stickers,
    get_my_stickers, get_old_featured_stickers, get_recent_stickers, get_saved_gifs,
    get_sticker_set, get_stickers, search_custom_emoji, search_emoji_sticker_sets,
    search_sticker_sets, search_stickers,
};
