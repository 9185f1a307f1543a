//! What a member changed for oneself, as the update for the other sessions: these have no pts of
//! their own.

use node_core::{
    BoxId, ChannelId, Core, CoreError, CoreResult, MessageId, NotifyTarget, Own, PeerId, SetKind,
    SetName, Talk, UserId,
};
use tl::{enums, types};

use super::{
    Named, View, default_notify_settings, draft, filter, folder_id, notify_settings, peer,
    privacy_key, privacy_rules,
};

/// The update; `None` where there is nothing to tell any more. Says how things are now, which may be
/// later than the change.
pub(crate) fn own_update(
    view: View<'_>,
    change: &Own,
    named: &mut Named,
) -> CoreResult<Option<enums::Update>> {
    let (core, owner) = (view.core, view.viewer);
    let dialog_peer = |with: PeerId, named: &mut Named| -> enums::DialogPeer {
        named.peer(with);
        types::DialogPeer { peer: peer(with) }.into()
    };
    Ok(Some(match change {
        Own::UnreadMark { peer: with, unread } => types::UpdateDialogUnreadMark {
            unread: *unread,
            peer: dialog_peer(*with, named),
            saved_peer_id: None,
        }
        .into(),
        Own::Draft { to } => draft_update(core, owner, *to, named)?,
        Own::ChannelCleared { channel, hidden_below } => {
            named.peer((*channel).into());
            available_messages(*channel, *hidden_below)
        }
        Own::ForumAsMessages { channel, so } => {
            named.peer((*channel).into());
            let (channel_id, enabled) = (channel.0, *so);
            types::UpdateChannelViewForumAsMessages { channel_id, enabled }.into()
        }
        Own::Pinned { peer: with, folder, pinned } => types::UpdateDialogPinned {
            pinned: *pinned,
            folder_id: Some(folder_id(*folder)).filter(|id| *id != 0),
            peer: dialog_peer(*with, named),
        }
        .into(),
        Own::PinnedOrder(folder) => {
            let order = core.pins(owner, *folder)?;
            let order = order.into_iter().map(|with| dialog_peer(with, named)).collect();
            let folder_id = Some(folder_id(*folder)).filter(|id| *id != 0);
            types::UpdatePinnedDialogs { folder_id, order: Some(order) }.into()
        }
        Own::Folders { moved, pts } => {
            let folder_peers = moved.iter().map(|(with, folder)| {
                named.peer(*with);
                types::FolderPeer { peer: peer(*with), folder_id: folder_id(*folder) }.into()
            });
            let folder_peers = folder_peers.collect();
            // The API counts no event here: the box stays where it is.
            types::UpdateFolderPeers { folder_peers, pts: pts.0, pts_count: 0 }.into()
        }
        Own::Notify(target) => notify_update(core, owner, *target, named)?,
        Own::Filter(id) => {
            let found = core.filter(owner, *id)?;
            if let Some(found) = &found {
                named.entities(&found.title_entities);
                for with in [&found.pinned, &found.include, &found.exclude].into_iter().flatten() {
                    named.peer(*with);
                }
            }
            let shown = found.map(|found| filter(core, owner, *id, &found));
            types::UpdateDialogFilter { id: id.0.into(), filter: shown }.into()
        }
        Own::FilterOrder => {
            let order = core.filters(owner)?.filters.iter().map(|(id, _)| id.0.into()).collect();
            types::UpdateDialogFilterOrder { order }.into()
        }
        Own::Filters => types::UpdateDialogFilters {}.into(),
        Own::Privacy(key) => {
            let rules = privacy_rules(&core.shown_privacy(owner, *key)?, named);
            types::UpdatePrivacy { key: privacy_key(*key), rules }.into()
        }
        Own::Blocked { user, blocked } => {
            named.user(*user);
            let peer_id = peer((*user).into());
            types::UpdatePeerBlocked { blocked: *blocked, peer_id, ..Default::default() }.into()
        }
        Own::AutoSave => types::UpdateAutoSaveSettings {}.into(),
        Own::ContactsReset => types::UpdateContactsReset {}.into(),
        Own::SavedPinned { source, pinned } => {
            let peer = dialog_peer(*source, named);
            types::UpdateSavedDialogPinned { pinned: *pinned, peer }.into()
        }
        Own::SavedPins => {
            let order = core.saved_pins(owner)?;
            let order = order.into_iter().map(|source| dialog_peer(source, named)).collect();
            types::UpdatePinnedSavedDialogs { order: Some(order) }.into()
        }
        Own::HistoryTtl { peer: with } => history_ttl(core, owner, *with, named)?,
        Own::Scheduled { peer: with, id } => {
            let Some(waiting) = core.scheduled(owner, *with, *id)? else { return Ok(None) };
            named.message(&waiting.message);
            let message = super::scheduled(view, &waiting)?;
            types::UpdateNewScheduledMessage { message }.into()
        }
        Own::Reactions { peer: with, id } => {
            if !is_seen(core, owner, *with, *id)? {
                return Ok(None);
            }
            let stored = core.message(BoxId::of(owner, *with), *id)?;
            let Some(stored) = stored else { return Ok(None) };
            super::reactions_update(view, *id, &stored, named)?
        }
        Own::ReadContents { channel, ids } => {
            named.peer((*channel).into());
            types::UpdateChannelReadMessagesContents {
                channel_id: channel.0,
                messages: ids.iter().map(|id| id.0).collect(),
                ..types::UpdateChannelReadMessagesContents::default()
            }
            .into()
        }
        Own::HomeAway { channel, bans } => home_away(view, *channel, *bans),
        Own::RecentReactions => types::UpdateRecentReactions {}.into(),
        Own::DefaultReaction => types::UpdateConfig {}.into(),
        Own::Poll(id) => return super::poll_update(view, *id, named),
        Own::StickerSets(kind) => {
            let (masks, emojis) = (*kind == SetKind::Masks, *kind == SetKind::Emoji);
            types::UpdateStickerSets { masks, emojis }.into()
        }
        Own::StickerSetsOrder(kind) => {
            let order = core.installed_sets(owner, *kind)?;
            types::UpdateStickerSetsOrder {
                masks: *kind == SetKind::Masks,
                emojis: *kind == SetKind::Emoji,
                order: order.iter().map(|installed| installed.set.id).collect(),
            }
            .into()
        }
        Own::NewStickerSet(id) => {
            let Ok(set) = core.sticker_set(&SetName::Id(*id)) else { return Ok(None) };
            let flags = core.set_flags(owner, &set)?;
            let stickerset = super::full_sticker_set(view, &set, flags)?.into();
            types::UpdateNewStickerSet { stickerset }.into()
        }
        Own::RecentStickers => types::UpdateRecentStickers {}.into(),
        Own::FavedStickers => types::UpdateFavedStickers {}.into(),
        Own::SavedGifs => types::UpdateSavedGifs {}.into(),
        Own::ScheduledGone { peer: with, ids, sent } => {
            named.peer(*with);
            scheduled_gone(*with, ids, sent)
        }
        _ => return Ok(None),
    }))
}

/// Nothing of a channel is shown up to a message.
pub(crate) fn available_messages(channel: ChannelId, hidden_below: MessageId) -> enums::Update {
    let (channel_id, available_min_id) = (channel.0, hidden_below.0);
    types::UpdateChannelAvailableMessages { channel_id, available_min_id }.into()
}

/// Whether a message that is there is shown to the member: of a channel, to who may read it.
pub(super) fn is_seen(core: &Core, owner: UserId, with: PeerId, id: MessageId) -> CoreResult<bool> {
    let Some(channel) = with.channel() else { return Ok(true) };
    match core.channel_to_read(owner, channel) {
        Err(CoreError::UnknownChannel) => Ok(false),
        seen => Ok(seen?.own.is_none_or(|own| id > own.hidden_below)),
    }
}

/// A draft as it is now; an empty one where it is gone.
pub(crate) fn draft_update(
    core: &Core,
    owner: UserId,
    to: Talk,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    named.peer(to.peer);
    let draft = match core.draft(owner, to)? {
        Some(found) => {
            named.entities(&found.entities);
            draft(&found)
        }
        None => types::DraftMessageEmpty { date: Some(core.now()) }.into(),
    };
    let (peer, top_msg_id) = (peer(to.peer), to.topic.map(|topic| topic.0));
    Ok(types::UpdateDraftMessage { peer, top_msg_id, saved_peer_id: None, draft }.into())
}

/// The notification settings of a dialog or a scope, as they are now.
pub(crate) fn notify_update(
    core: &Core,
    owner: UserId,
    target: NotifyTarget,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    use node_core::NotifyScope;
    let settings = core.notify(owner, target)?;
    let (peer, notify_settings) = match target {
        NotifyTarget::Peer(with) => {
            named.peer(with);
            (types::NotifyPeer { peer: peer(with) }.into(), notify_settings(&settings))
        }
        NotifyTarget::Topic(with, topic) => {
            named.peer(with);
            let (peer, top_msg_id) = (peer(with), topic.0);
            (types::NotifyForumTopic { peer, top_msg_id }.into(), notify_settings(&settings))
        }
        NotifyTarget::Scope(scope) => {
            let of_scope: enums::NotifyPeer = match scope {
                NotifyScope::Users => types::NotifyUsers {}.into(),
                NotifyScope::Chats => types::NotifyChats {}.into(),
                NotifyScope::Broadcasts => types::NotifyBroadcasts {}.into(),
            };
            (of_scope, default_notify_settings(&settings))
        }
    };
    let notify_settings = notify_settings.into();
    Ok(types::UpdateNotifySettings { peer, notify_settings }.into())
}

/// After how long messages of a dialog go now.
pub(crate) fn history_ttl(
    core: &Core,
    owner: UserId,
    with: PeerId,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    named.peer(with);
    let period = core.history_ttl(owner, with)?;
    let ttl_period = (period != 0).then_some(period);
    Ok(types::UpdatePeerHistoryTtl { peer: peer(with), ttl_period }.into())
}

/// Scheduled messages that are gone, and as what they were sent.
pub(crate) fn scheduled_gone(with: PeerId, ids: &[MessageId], sent: &[MessageId]) -> enums::Update {
    let numbers = |ids: &[MessageId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    types::UpdateDeleteScheduledMessages {
        peer: peer(with),
        messages: numbers(ids),
        sent_messages: (!sent.is_empty()).then(|| numbers(sent)),
    }
    .into()
}
/// What a client shows to an admin whose wish another node has not heard.
fn home_away(view: View<'_>, channel: ChannelId, bans: bool) -> enums::Update {
    let title = view.core.channel(channel).map(|found| found.title.clone()).unwrap_or_default();
    let after = match bans {
        true => "Until it answers, new messages of that person are hidden on this node.",
        false => "Nothing has changed; try again later.",
    };
    types::UpdateServiceNotification {
        popup: true,
        type_: "NODE_UNREACHABLE".to_owned(),
        message: format!("The node that decides about “{title}” cannot be reached. {after}"),
        media: types::MessageMediaEmpty {}.into(),
        ..types::UpdateServiceNotification::default()
    }
    .into()
}
