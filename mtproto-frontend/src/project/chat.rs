//! `chat`, `chatForbidden`, `chatParticipants`, and rights.

use node_core::{Chat, ChatId, ChatMember, ChatReactions, ChatRole, CoreResult, FileId, Rights};
use tl::{enums, types};

use super::View;

/// A basic group as the viewer sees it.
pub(crate) fn chat(view: View<'_>, id: ChatId) -> CoreResult<enums::Chat> {
    let Some(chat) = view.core.chat(id) else {
        return Ok(types::ChatEmpty { id: id.0 }.into());
    };
    let member = chat.member(view.viewer);
    if member.is_none() && chat.has_removed(view.viewer) {
        return Ok(types::ChatForbidden { id: id.0, title: chat.title.clone() }.into());
    }
    let role = member.map(|member| member.role);
    let is_admin = matches!(role, Some(ChatRole::Admin | ChatRole::Creator));
    Ok(types::Chat {
        creator: role == Some(ChatRole::Creator),
        left: member.is_none(),
        deactivated: chat.deactivated,
        noforwards: chat.noforwards,
        id: id.0,
        title: chat.title.clone(),
        photo: chat_photo(view, chat.photo)?,
        participants_count: chat.members.len() as i32,
        // TDLib complains where it is not the same for ever.
        date: chat.date,
        version: chat.version,
        migrated_to: chat.migrated_to.map(|channel| {
            let access_hash = view.core.channel_access_hash(view.viewer, channel);
            types::InputChannel { channel_id: channel.0, access_hash }.into()
        }),
        admin_rights: is_admin.then(|| admin_rights().into()),
        default_banned_rights: Some(banned_rights(chat.banned)),
        ..types::Chat::default()
    }
    .into())
}

/// A photo as it is shown beside a title: by its number, which a client names with the group.
pub(super) fn chat_photo(view: View<'_>, photo: Option<FileId>) -> CoreResult<enums::ChatPhoto> {
    let Some(photo) = photo else { return Ok(types::ChatPhotoEmpty {}.into()) };
    let stripped_thumb = view.core.photo(photo)?.map(|photo| photo.stripped);
    Ok(types::ChatPhoto {
        has_video: false,
        photo_id: photo.0,
        stripped_thumb: stripped_thumb.filter(|stripped| !stripped.is_empty()),
        dc_id: view.dc,
    }
    .into())
}

/// What admins of a basic group may do: all of it.
fn admin_rights() -> types::ChatAdminRights {
    types::ChatAdminRights {
        change_info: true,
        delete_messages: true,
        ban_users: true,
        invite_users: true,
        pin_messages: true,
        manage_call: true,
        other: true,
        ..types::ChatAdminRights::default()
    }
}

/// Who is in a group, for one who is; others only learn that they may not know.
pub(crate) fn participants(view: View<'_>, chat: &Chat) -> enums::ChatParticipants {
    if !chat.has(view.viewer) {
        let chat_id = chat.id.0;
        return types::ChatParticipantsForbidden { chat_id, self_participant: None }.into();
    }
    types::ChatParticipants {
        chat_id: chat.id.0,
        participants: chat.members.iter().map(participant).collect(),
        version: chat.version,
    }
    .into()
}

fn participant(member: &ChatMember) -> enums::ChatParticipant {
    let (user_id, inviter_id, date) = (member.user.0, member.inviter.0, member.date);
    let rank = (!member.rank.is_empty()).then(|| member.rank.clone());
    match member.role {
        ChatRole::Member => types::ChatParticipant { user_id, inviter_id, date, rank }.into(),
        ChatRole::Admin => types::ChatParticipantAdmin { user_id, inviter_id, date, rank }.into(),
        ChatRole::Creator => types::ChatParticipantCreator { user_id, rank }.into(),
    }
}

/// Which reactions a group has.
pub(crate) fn chat_reactions(reactions: &ChatReactions) -> enums::ChatReactions {
    match reactions {
        ChatReactions::All => types::ChatReactionsAll { allow_custom: true }.into(),
        ChatReactions::None => types::ChatReactionsNone {}.into(),
        ChatReactions::Some(emoji, custom) => {
            let emoji = emoji.iter().map(|emoticon| {
                let emoticon = emoticon.clone();
                types::ReactionEmoji { emoticon }.into()
            });
            let custom = custom.iter().map(|document_id| {
                let document_id = *document_id;
                types::ReactionCustomEmoji { document_id }.into()
            });
            types::ChatReactionsSome { reactions: emoji.chain(custom).collect() }.into()
        }
    }
}

/// For ever.
pub(super) const UNTIL_ALWAYS: i32 = i32::MAX;

/// What may not be done.
pub(crate) fn banned_rights(banned: Rights) -> enums::ChatBannedRights {
    banned_until(banned, 0)
}

/// What may not be done until some time, in unix seconds; 0: for ever.
pub(super) fn banned_until(banned: Rights, until: i32) -> enums::ChatBannedRights {
    let has = |right| banned.contains_all(right);
    types::ChatBannedRights {
        view_messages: false,
        send_messages: has(Rights::SEND),
        send_media: has(Rights::SEND_MEDIA),
        send_stickers: has(Rights::SEND_STICKERS),
        send_gifs: has(Rights::SEND_GIFS),
        send_games: has(Rights::SEND_GAMES),
        send_inline: has(Rights::SEND_INLINE),
        embed_links: has(Rights::EMBED_LINKS),
        send_polls: has(Rights::SEND_POLLS),
        change_info: has(Rights::CHANGE_INFO),
        invite_users: has(Rights::INVITE_USERS),
        pin_messages: has(Rights::PIN_MESSAGES),
        manage_topics: has(Rights::MANAGE_TOPICS),
        send_photos: has(Rights::SEND_PHOTOS),
        send_videos: has(Rights::SEND_VIDEOS),
        send_roundvideos: has(Rights::SEND_ROUND_VIDEOS),
        send_audios: has(Rights::SEND_AUDIOS),
        send_voices: has(Rights::SEND_VOICES),
        send_docs: has(Rights::SEND_DOCS),
        send_plain: has(Rights::SEND_PLAIN),
        edit_rank: has(Rights::EDIT_RANK),
        send_reactions: has(Rights::SEND_REACTIONS),
        until_date: if until == 0 { UNTIL_ALWAYS } else { until },
        ..types::ChatBannedRights::default()
    }
    .into()
}

/// What may not be done, as a client says it.
pub(crate) fn banned_rights_from_tl(rights: &enums::ChatBannedRights) -> Rights {
    let enums::ChatBannedRights::ChatBannedRights(rights) = rights;
    Rights::NONE
        .with(Rights::SEND, rights.send_messages)
        .with(Rights::SEND_MEDIA, rights.send_media)
        .with(Rights::SEND_STICKERS, rights.send_stickers)
        .with(Rights::SEND_GIFS, rights.send_gifs)
        .with(Rights::SEND_GAMES, rights.send_games)
        .with(Rights::SEND_INLINE, rights.send_inline)
        .with(Rights::EMBED_LINKS, rights.embed_links)
        .with(Rights::SEND_POLLS, rights.send_polls)
        .with(Rights::CHANGE_INFO, rights.change_info)
        .with(Rights::INVITE_USERS, rights.invite_users)
        .with(Rights::PIN_MESSAGES, rights.pin_messages)
        .with(Rights::MANAGE_TOPICS, rights.manage_topics)
        .with(Rights::SEND_PHOTOS, rights.send_photos)
        .with(Rights::SEND_VIDEOS, rights.send_videos)
        .with(Rights::SEND_ROUND_VIDEOS, rights.send_roundvideos)
        .with(Rights::SEND_AUDIOS, rights.send_audios)
        .with(Rights::SEND_VOICES, rights.send_voices)
        .with(Rights::SEND_DOCS, rights.send_docs)
        .with(Rights::SEND_PLAIN, rights.send_plain)
        .with(Rights::EDIT_RANK, rights.edit_rank)
        .with(Rights::SEND_REACTIONS, rights.send_reactions)
}
