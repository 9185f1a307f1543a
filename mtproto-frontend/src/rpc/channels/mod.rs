//! `channels.*`: supergroups and channels.

mod create_channel;
mod delete_history;
mod delete_messages;
mod discussion;
mod edit_admin;
mod edit_creator;
mod edit_photo;
mod edit_title;
mod empty_lists;
mod export_message_link;
mod forum_topics;
mod get_admin_log;
mod get_channels;
mod get_full_channel;
mod get_messages;
mod get_participants;
mod invite_to_channel;
mod join_channel;
mod read_history;
mod send_as;
mod settings;
mod usernames;

pub(super) use create_channel::{create_channel, delete_channel};
pub(super) use delete_history::{delete_history, delete_participant_history};
pub(super) use delete_messages::delete_messages;
pub(super) use discussion::{get_groups_for_discussion, set_discussion_group};
pub(super) use edit_admin::{edit_admin, edit_banned};
pub(super) use edit_creator::{edit_chat_creator, edit_creator};
pub(super) use edit_photo::edit_photo;
pub(super) use edit_title::edit_title;
pub(super) use empty_lists::{
    get_channel_recommendations, get_inactive_channels, get_left_channels, get_sponsored_messages,
};
pub(super) use export_message_link::export_message_link;
pub(super) use forum_topics::{
    create_forum_topic, create_forum_topic_until_214, delete_topic_history,
    delete_topic_history_until_214, edit_forum_topic, edit_forum_topic_until_214, get_forum_topics,
    get_forum_topics_by_id, get_forum_topics_by_id_until_214, get_forum_topics_until_214,
    reorder_pinned_forum_topics, reorder_pinned_forum_topics_until_214, toggle_forum,
    toggle_view_forum_as_messages, update_pinned_forum_topic, update_pinned_forum_topic_until_214,
};
pub(super) use get_admin_log::get_admin_log;
pub(super) use get_channels::{get_admined_public_channels, get_channels};
pub(super) use get_full_channel::get_full_channel;
pub(super) use get_messages::get_messages;
pub(super) use get_participants::{get_participant, get_participants};
pub(super) use invite_to_channel::invite_to_channel;
pub(super) use join_channel::{join_channel, leave_channel};
pub(super) use read_history::{read_history, read_message_contents};
pub(super) use send_as::{get_send_as, named_sender, save_default_send_as};
pub(super) use settings::{
    toggle_join_request, toggle_join_to_send, toggle_participants_hidden,
    toggle_pre_history_hidden, toggle_signatures, toggle_slow_mode,
};
pub(super) use usernames::{
    check_username, deactivate_all_usernames, reorder_usernames, toggle_username, update_username,
};

use super::RpcError;
use super::messages::{channel_updates, chat_photo};

const ADMIN_REQUIRED: RpcError = RpcError::new(400, "CHAT_ADMIN_REQUIRED");
