//! `messages.*`: private chats, groups, channels and saved messages.

mod chat_invites;
mod create_chat;
mod delete_history;
mod delete_messages;
mod dialog_filters;
mod drafts;
mod edit_chat;
mod edit_chat_photo;
mod edit_message;
mod emoji_lists;
mod empty_lists;
mod encrypted_history;
mod encryption;
mod forward_messages;
mod get_dialogs;
mod get_full_chat;
mod get_history;
mod get_messages;
mod get_messages_views;
mod get_web_page_preview;
mod history_ttl;
mod import_chat_invite;
mod join_requests;
mod kept_files;
mod migrate_chat;
mod peer_settings;
mod pinned_dialogs;
mod pinned_messages;
mod poll_media;
mod polls;
mod reaction_lists;
mod reactions;
mod read_date;
mod read_history;
mod replies;
mod report;
mod saved_dialogs;
mod saved_history;
mod scheduled;
mod search;
mod search_counters;
mod search_global;
mod send_encrypted;
mod send_media;
mod send_message;
mod set_typing;
mod sticker_lists;
mod sticker_sets;
mod unread_marks;
mod unread_mentions;

pub(super) use chat_invites::{
    delete_exported_chat_invite, delete_revoked_exported_chat_invites, edit_exported_chat_invite,
    export_chat_invite, exported, get_admins_with_invites, get_exported_chat_invite,
    get_exported_chat_invites,
};
pub(super) use create_chat::{add_chat_user, create_chat, delete_chat_user};
pub(super) use delete_history::delete_history;
pub(super) use delete_messages::delete_messages;
pub(super) use dialog_filters::{
    get_dialog_filters, toggle_dialog_filter_tags, update_dialog_filter,
    update_dialog_filters_order,
};
pub(super) use drafts::{clear_all_drafts, get_all_drafts, save_draft};
pub(super) use edit_chat::{
    delete_chat, edit_chat_about, edit_chat_admin, edit_chat_default_banned_rights,
    edit_chat_participant_rank, edit_chat_title, toggle_no_forwards,
};
pub(super) use edit_chat_photo::{chat_photo, edit_chat_photo};
pub(super) use edit_message::{edit_message, get_message_edit_data};
pub(super) use emoji_lists::{
    get_emoji_groups, get_emoji_keywords, get_emoji_keywords_difference,
    get_emoji_keywords_languages, get_emoji_profile_photo_groups, get_emoji_status_groups,
    get_emoji_sticker_groups,
};
pub(super) use empty_lists::{
    get_attach_menu_bots, get_quick_replies, get_recent_locations, get_sponsored_messages,
    get_suggested_dialog_filters,
};
pub(super) use encrypted_history::{
    read_encrypted_history, received_queue, report_encrypted_spam, set_encrypted_typing,
};
pub(super) use encryption::{
    accept_encryption, discard_encryption, get_dh_config, request_encryption,
};
pub(super) use forward_messages::forward_messages;
pub(super) use get_dialogs::{
    dialog_of, folder_id, get_dialogs, get_peer_dialogs, get_pinned_dialogs,
};
pub(super) use get_full_chat::{
    common_chats, get_chats, get_common_chats, get_full_chat, get_onlines,
};
pub(super) use get_history::get_history;
pub(super) use get_messages::get_messages;
pub(super) use get_messages_views::get_messages_views;
pub(super) use get_web_page_preview::{get_web_page, get_web_page_preview};
pub(super) use history_ttl::{get_default_history_ttl, set_default_history_ttl, set_history_ttl};
pub(super) use import_chat_invite::{check_chat_invite, import_chat_invite};
pub(super) use join_requests::{
    get_chat_invite_importers, hide_all_chat_join_requests, hide_chat_join_request,
};
pub(super) use kept_files::{
    clear_recent_stickers, fave_sticker, get_custom_emoji_documents, get_faved_stickers,
    get_recent_stickers, get_saved_gifs, get_stickers, save_gif, save_recent_sticker,
    search_custom_emoji, search_stickers,
};
pub(super) use migrate_chat::migrate_chat;
pub(super) use peer_settings::{get_peer_settings, hide_peer_settings_bar};
pub(super) use pinned_dialogs::{reorder_pinned_dialogs, toggle_dialog_pin};
pub(super) use pinned_messages::{unpin_all_messages, update_pinned_message};
pub(super) use poll_media::new_poll;
pub(super) use polls::{get_poll_results, get_poll_votes, send_vote};
pub(super) use reaction_lists::{
    clear_recent_reactions, get_available_effects, get_available_reactions,
    get_default_tag_reactions, get_paid_reaction_privacy, get_recent_reactions,
    get_saved_reaction_tags, get_top_reactions, set_default_reaction,
};
pub(super) use reactions::{
    get_message_reactions_list, get_messages_reactions, get_unread_reactions, read_reactions,
    send_reaction, set_chat_available_reactions,
};
pub(super) use read_date::{get_message_read_participants, get_outbox_read_date};
pub(super) use read_history::{read_history, read_message_contents, received_messages};
pub(super) use replies::{get_discussion_message, get_replies, read_discussion};
pub(super) use report::{reason_from_tl, report, report_spam, report_to_operator};
pub(super) use saved_dialogs::{
    get_pinned_saved_dialogs, get_saved_dialogs, get_saved_dialogs_by_id,
    reorder_pinned_saved_dialogs, toggle_saved_dialog_pin,
};
pub(super) use saved_history::{delete_saved_history, get_saved_history};
pub(super) use scheduled::{
    delete_scheduled_messages, get_scheduled_history, get_scheduled_messages,
    send_scheduled_messages,
};
pub(super) use search::search;
pub(super) use search_counters::{
    get_search_counters, get_search_results_calendar, get_search_results_positions,
    search_sent_media,
};
pub(super) use search_global::search_global;
pub(super) use send_encrypted::{
    send_encrypted, send_encrypted_file, send_encrypted_service, upload_encrypted_file,
};
pub(super) use send_media::{send_media, send_multi_media, upload_media};
pub(super) use send_message::send_message;
pub(super) use set_typing::set_typing;
pub(super) use sticker_lists::{
    get_featured_emoji_stickers, get_featured_stickers, get_old_featured_stickers,
};
pub(super) use sticker_sets::{
    get_all_stickers, get_archived_stickers, get_emoji_stickers, get_mask_stickers,
    get_my_stickers, get_sticker_set, install_sticker_set, reorder_sticker_sets,
    search_emoji_sticker_sets, search_sticker_sets, toggle_sticker_sets, uninstall_sticker_set,
};
pub(super) use unread_marks::{get_dialog_unread_marks, mark_dialog_unread};
pub(super) use unread_mentions::{get_unread_mentions, read_mentions};

use node_core::{ChannelId, ChatChange, ChatId, Sent, Stored};
use tl::{enums, types};

use super::{Context, RpcError, RpcResult};
use crate::project::{self, Named};

/// The answer to whoever sent messages: for each exactly one `updateMessageID` and one
/// `updateNewMessage`, also where it had been sent before. Pyrogram, Kurigram and mtcute cannot
/// read the short form of a message to oneself, so the full one goes to all.
pub(super) fn sent_updates(ctx: &Context, sent: &[(Sent, i64)]) -> RpcResult<enums::Updates> {
    let (mut named, mut updates) = (Named::default(), Vec::with_capacity(2 * sent.len()));
    for (sent, random_id) in sent {
        updates.push(types::UpdateMessageId { id: sent.id.0, random_id: *random_id }.into());
    }
    for (sent, _) in sent {
        let (view, message) = (ctx.view()?, &sent.message);
        updates.push(project::new_message(view, sent.id, sent.pts, message, &mut named)?);
    }
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

/// The answer to whoever changed a group: what was said in it, and how it is now.
fn chat_updates(
    ctx: &Context,
    chat: ChatId,
    sent: &[Sent],
    changes: &[ChatChange],
) -> RpcResult<enums::Updates> {
    let (mut named, mut updates) = (Named::default(), Vec::new());
    let view = ctx.view()?;
    named.peer(chat.into());
    for change in changes {
        updates.extend(project::chat_update(view, chat, *change, &mut named)?);
    }
    for sent in sent {
        updates.push(project::new_message(view, sent.id, sent.pts, &sent.message, &mut named)?);
    }
    let (users, chats) = named.shown(view)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

/// The answer to whoever changed a channel: what was said in it, and how it is now.
pub(super) fn channel_updates(
    ctx: &Context,
    channel: ChannelId,
    sent: &[Sent],
) -> RpcResult<enums::Updates> {
    changed_channel(ctx, channel, sent, false)
}

/// [`channel_updates`], with `requests` also who asks to join now.
fn changed_channel(
    ctx: &Context,
    channel: ChannelId,
    sent: &[Sent],
    requests: bool,
) -> RpcResult<enums::Updates> {
    let (mut named, view) = (Named::default(), ctx.view()?);
    let mut updates = vec![project::channel_changed(channel, &mut named)];
    if requests {
        updates.extend(project::channel_requests(view, channel, &mut named)?);
    }
    for sent in sent {
        updates.push(project::new_message(view, sent.id, sent.pts, &sent.message, &mut named)?);
    }
    let (users, chats) = named.shown(view)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

/// Messages of a page, and everybody whom they name.
struct Page {
    messages: Vec<enums::Message>,
    users: Vec<enums::User>,
    chats: Vec<enums::Chat>,
}

fn page(ctx: &Context, stored: &[Stored]) -> RpcResult<Page> {
    let mut named = Named::default();
    let messages = messages(ctx, stored, &mut named)?;
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(Page { messages, users, chats })
}

/// Messages of the caller's box, or of a channel.
fn messages(ctx: &Context, stored: &[Stored], named: &mut Named) -> RpcResult<Vec<enums::Message>> {
    let view = ctx.view()?;
    let mut messages = Vec::with_capacity(stored.len());
    for stored in stored {
        named.shown_with(view, stored.id, &stored.message)?;
        messages.push(project::message(view, stored.id, &stored.message)?);
    }
    Ok(messages)
}

/// How many of a list are wanted: 0 leaves it to the node.
fn page_limit(limit: i32) -> usize {
    const DEFAULT: usize = 20;
    match usize::try_from(limit) {
        Ok(0) | Err(_) => DEFAULT,
        Ok(limit) => limit.min(node_core::PAGE_MAX),
    }
}

/// What messages cannot have yet.
fn refuse(present: bool) -> RpcResult<()> {
    if present { Err(RpcError::NOT_IMPLEMENTED) } else { Ok(()) }
}
