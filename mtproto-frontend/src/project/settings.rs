//! What a member sets for oneself: drafts, folders, notifications.

use node_core::{Core, Draft, Filter, FilterId, FolderId, NotifySettings, PeerId, Sound, UserId};
use tl::enums::NotificationSound;
use tl::{enums, types};

use super::entities;

/// A list of dialogs as clients number it.
pub(crate) fn folder_id(folder: FolderId) -> i32 {
    match folder {
        FolderId::Main => 0,
        FolderId::Archive => 1,
    }
}

/// A peer as `owner` may name it in a request.
fn input_peer(core: &Core, owner: UserId, peer: PeerId) -> enums::InputPeer {
    let user = match peer {
        PeerId::User(user) => user,
        PeerId::Chat(chat) => return types::InputPeerChat { chat_id: chat.0 }.into(),
        _ => return types::InputPeerEmpty {}.into(),
    };
    if user == owner {
        return types::InputPeerSelf {}.into();
    }
    types::InputPeerUser { user_id: user.0, access_hash: core.access_hash(owner, user) }.into()
}

/// A draft.
pub(crate) fn draft(draft: &Draft) -> enums::DraftMessage {
    let reply = draft.reply.as_ref();
    types::DraftMessage {
        no_webpage: draft.no_webpage,
        invert_media: draft.invert_media,
        reply_to: reply.map(|reply| {
            let quote = reply.quote.as_ref();
            types::InputReplyToMessage {
                reply_to_msg_id: reply.to.0,
                quote_text: quote.map(|(text, ..)| text.clone()),
                quote_entities: quote.and_then(|(_, formatting, _)| entities(formatting)),
                quote_offset: quote.map(|(.., offset)| *offset).filter(|offset| *offset > 0),
                ..types::InputReplyToMessage::default()
            }
            .into()
        }),
        // Before layer 161 a number stood there.
        reply_to_msg_id: reply.map(|reply| reply.to.0),
        message: draft.text.clone(),
        entities: entities(&draft.entities),
        date: draft.date,
        ..types::DraftMessage::default()
    }
    .into()
}

/// A folder.
pub(crate) fn filter(
    core: &Core,
    owner: UserId,
    id: FilterId,
    filter: &Filter,
) -> enums::DialogFilter {
    let peers =
        |peers: &[PeerId]| peers.iter().map(|peer| input_peer(core, owner, *peer)).collect();
    types::DialogFilter {
        contacts: filter.contacts,
        non_contacts: filter.non_contacts,
        groups: filter.groups,
        broadcasts: filter.broadcasts,
        bots: filter.bots,
        exclude_muted: filter.exclude_muted,
        exclude_read: filter.exclude_read,
        exclude_archived: filter.exclude_archived,
        title_noanimate: filter.title_noanimate,
        id: id.0.into(),
        title: types::TextWithEntities {
            text: filter.title.clone(),
            entities: entities(&filter.title_entities).unwrap_or_default(),
        }
        .into(),
        emoticon: filter.emoticon.clone(),
        color: filter.color,
        pinned_peers: peers(&filter.pinned),
        include_peers: peers(&filter.include),
        exclude_peers: peers(&filter.exclude),
        title_until_195: filter.title.clone(),
    }
    .into()
}

/// Notification settings, as far as they were set.
pub(crate) fn notify_settings(settings: &NotifySettings) -> types::PeerNotifySettings {
    let main = settings.sound.as_ref().map(sound);
    let stories = settings.stories_sound.as_ref().map(sound);
    types::PeerNotifySettings {
        show_previews: settings.show_previews,
        silent: settings.silent,
        mute_until: settings.mute_until,
        ios_sound: main.clone(),
        android_sound: main.clone(),
        other_sound: main,
        stories_muted: settings.stories_muted,
        stories_hide_sender: settings.stories_hide_sender,
        stories_ios_sound: stories.clone(),
        stories_android_sound: stories.clone(),
        stories_other_sound: stories,
    }
}

/// The settings of a scope: what was not set is as for everybody. Each scope notifies, with a
/// preview.
pub(crate) fn default_notify_settings(settings: &NotifySettings) -> types::PeerNotifySettings {
    let settings = NotifySettings {
        show_previews: settings.show_previews.or(Some(true)),
        silent: settings.silent.or(Some(false)),
        mute_until: settings.mute_until.or(Some(0)),
        sound: settings.sound.clone().or(Some(Sound::Default)),
        ..settings.clone()
    };
    notify_settings(&settings)
}

/// A sound.
pub(crate) fn sound(sound: &Sound) -> NotificationSound {
    match sound {
        Sound::Default => types::NotificationSoundDefault {}.into(),
        Sound::None => types::NotificationSoundNone {}.into(),
        Sound::Local { title, data } => {
            types::NotificationSoundLocal { title: title.clone(), data: data.clone() }.into()
        }
        Sound::Ringtone(id) => types::NotificationSoundRingtone { id: *id }.into(),
    }
}

/// The inverse of [`sound`].
pub(crate) fn sound_from_tl(sound: NotificationSound) -> Sound {
    match sound {
        NotificationSound::NotificationSoundDefault(_) => Sound::Default,
        NotificationSound::NotificationSoundNone(_) => Sound::None,
        NotificationSound::NotificationSoundLocal(local) => {
            Sound::Local { title: local.title, data: local.data }
        }
        NotificationSound::NotificationSoundRingtone(ringtone) => Sound::Ringtone(ringtone.id),
    }
}
