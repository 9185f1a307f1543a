//! `message` and its parts.

use node_core::{
    Action, Author, CoreResult, Entity, EntityKind, Message, MessageId, Origin, Scheduled, Text,
    UserId,
};
use tl::enums::MessageEntity;
use tl::{enums, types};

use super::{View, media, peer, photo};

/// A message of the viewer's box, or of a channel.
///
/// # Errors
/// Those of the store.
pub(crate) fn message(
    view: View<'_>,
    id: MessageId,
    stored: &Message,
) -> CoreResult<enums::Message> {
    shown(view, id, stored, origin(id, stored))
}

/// Whether it stands in a topic, as long as its group is a forum.
fn in_topic(view: View<'_>, stored: &Message) -> bool {
    let forum = || stored.peer.channel().and_then(|group| view.core.channel(group));
    stored.in_topic && forum().is_some_and(|group| group.forum)
}

/// Where what comes with a message is shown.
fn origin(id: MessageId, stored: &Message) -> Origin {
    match stored.peer.channel() {
        Some(channel) => Origin::ChannelMessage(channel, id),
        None => Origin::Message(id),
    }
}

/// Whose message it is, and how that shows.
struct Written {
    out: bool,
    /// The channel itself writes it.
    post: bool,
    from_id: Option<enums::Peer>,
}

impl Written {
    fn of(view: View<'_>, stored: &Message) -> Self {
        let from_id = Some(peer(stored.from.into()));
        let Some(channel) = stored.peer.channel() else {
            // TDLib complains of `out` on a message to oneself.
            let out = stored.out && stored.peer != view.viewer.into();
            return Self { out, post: false, from_id };
        };
        // Of one that is not known nobody is named.
        let post = view.core.channel(channel).is_none_or(|channel| channel.broadcast);
        let out = stored.is_by(view.viewer);
        let from_id = stored.sent_as.map(peer).or(from_id);
        Self { out, post, from_id: from_id.filter(|_| !post) }
    }
}

fn shown(
    view: View<'_>,
    id: MessageId,
    stored: &Message,
    origin: Origin,
) -> CoreResult<enums::Message> {
    if let Some(action) = &stored.action {
        return service(view, id, stored, action);
    }
    let Written { out, post, from_id } = Written::of(view, stored);
    let is_scheduled = matches!(origin, Origin::Scheduled);
    let media = match &stored.media {
        Some(found) => media(view, origin, found)?,
        None => None,
    };
    let counts = match stored.peer.channel().filter(|_| post) {
        Some(channel) => Some(view.core.post_counts(channel, id)?),
        None => None,
    };
    let (mentioned, media_unread) = match stored.peer.channel() {
        Some(channel) => {
            let mention = view.core.mentions(view.viewer, channel, id, stored)?;
            let unheard = view.core.is_unheard(view.viewer, channel, id, stored)?;
            (mention.is_some(), unheard || mention == Some(true))
        }
        None => (stored.mentioned, stored.unread_media),
    };
    Ok(types::Message {
        views: counts.map(|counts| counts.views),
        forwards: counts.map(|counts| counts.forwards),
        out,
        post,
        mentioned,
        media_unread,
        silent: stored.silent,
        from_scheduled: stored.scheduled,
        pinned: stored.pinned,
        noforwards: stored.noforwards,
        invert_media: stored.invert_media,
        id: id.0,
        from_id,
        peer_id: peer(stored.peer),
        saved_peer_id: stored.saved_from().map(peer),
        post_author: stored.post_author.clone(),
        fwd_from: stored.forward.as_ref().map(|forward| {
            types::MessageFwdHeader {
                from_id: forward.from.peer().map(peer),
                from_name: match &forward.from {
                    Author::Name(name) => Some(name.clone()),
                    Author::User(_) | Author::Channel { .. } => None,
                },
                channel_post: match &forward.from {
                    Author::Channel { post, .. } => post.map(|post| post.0),
                    Author::User(_) | Author::Name(_) => None,
                },
                post_author: match &forward.from {
                    Author::Channel { signed, .. } => signed.clone(),
                    Author::User(_) | Author::Name(_) => None,
                },
                date: forward.date,
                saved_from_peer: forward.saved_from.map(|(from, _)| peer(from)),
                saved_from_msg_id: forward.saved_from.map(|(_, id)| id.0),
                ..types::MessageFwdHeader::default()
            }
            .into()
        }),
        reply_to: stored.reply.as_ref().map(|reply| {
            let quote = reply.quote.as_ref();
            types::MessageReplyHeader {
                forum_topic: in_topic(view, stored),
                quote: quote.is_some(),
                reply_to_msg_id: Some(reply.to.0),
                // Of what answers the first message of its thread, that is said already.
                reply_to_top_id: stored.thread.filter(|top| *top != reply.to).map(|top| top.0),
                quote_text: quote.map(|quote| quote.text.clone()),
                quote_entities: quote.and_then(|quote| entities(&quote.entities)),
                quote_offset: quote.map(|quote| quote.offset).filter(|offset| *offset > 0),
                ..types::MessageReplyHeader::default()
            }
            .into()
        }),
        date: stored.date,
        message: stored.text.clone(),
        media,
        entities: entities(&stored.entities),
        edit_date: (stored.edited != 0).then_some(stored.edited),
        grouped_id: (stored.grouped_id != 0).then_some(stored.grouped_id),
        reactions: super::message_reactions(view, id, stored)?,
        // What waits has a number among others that wait.
        replies: if is_scheduled { None } else { super::thread::replies(view, id, stored)? },
        ttl_period: (stored.ttl_period != 0).then_some(stored.ttl_period),
        ..types::Message::default()
    }
    .into())
}

/// A message of the viewer that waits to be sent.
pub(crate) fn scheduled(view: View<'_>, scheduled: &Scheduled) -> CoreResult<enums::Message> {
    let mut shown = shown(view, scheduled.id, &scheduled.message, Origin::Scheduled)?;
    if let enums::Message::Message(shown) = &mut shown {
        shown.schedule_repeat_period = (scheduled.repeat != 0).then_some(scheduled.repeat);
    }
    Ok(shown)
}

/// A message that tells what happened.
fn service(
    view: View<'_>,
    id: MessageId,
    stored: &Message,
    action: &Action,
) -> CoreResult<enums::Message> {
    let Written { out, post, from_id } = Written::of(view, stored);
    let numbers = |users: &[UserId]| users.iter().map(|user| user.0).collect::<Vec<_>>();
    Ok(types::MessageService {
        out,
        post,
        mentioned: stored.mentioned,
        media_unread: stored.unread_media,
        silent: stored.silent,
        id: id.0,
        from_id,
        peer_id: peer(stored.peer),
        saved_peer_id: stored.saved_from().map(peer),
        reply_to: stored.reply.as_ref().map(|reply| {
            types::MessageReplyHeader {
                forum_topic: in_topic(view, stored),
                reply_to_msg_id: Some(reply.to.0),
                reply_to_top_id: stored.thread.filter(|top| *top != reply.to).map(|top| top.0),
                ..types::MessageReplyHeader::default()
            }
            .into()
        }),
        date: stored.date,
        action: match action {
            Action::SetTtl { period, auto_from } => {
                let (period, auto_setting_from) = (*period, auto_from.map(|user| user.0));
                types::MessageActionSetMessagesTtl { period, auto_setting_from }.into()
            }
            Action::ContactSignUp => types::MessageActionContactSignUp {}.into(),
            Action::ChatCreated { title, users } => {
                let (title, users) = (title.clone(), numbers(users));
                types::MessageActionChatCreate { title, users }.into()
            }
            Action::ChannelCreated { title } => {
                types::MessageActionChannelCreate { title: title.clone() }.into()
            }
            Action::ChatMigratedTo(channel) => {
                types::MessageActionChatMigrateTo { channel_id: channel.0 }.into()
            }
            Action::ChatMigratedFrom { title, chat } => {
                let (title, chat_id) = (title.clone(), chat.0);
                types::MessageActionChannelMigrateFrom { title, chat_id }.into()
            }
            Action::ChatTitle(title) => {
                types::MessageActionChatEditTitle { title: title.clone() }.into()
            }
            Action::ChatPhoto(Some(file)) => {
                let photo = photo(view, origin(id, stored), *file)?;
                types::MessageActionChatEditPhoto { photo }.into()
            }
            Action::ChatPhoto(None) => types::MessageActionChatDeletePhoto {}.into(),
            Action::ChatAdded(users) => {
                types::MessageActionChatAddUser { users: numbers(users) }.into()
            }
            Action::ChatRemoved(user) => {
                types::MessageActionChatDeleteUser { user_id: user.0 }.into()
            }
            Action::ChatJoinedByLink { inviter } => {
                types::MessageActionChatJoinedByLink { inviter_id: inviter.0 }.into()
            }
            Action::TopicCreated { title, icon } => types::MessageActionTopicCreate {
                title_missing: false,
                title: title.clone(),
                icon_color: icon.color,
                icon_emoji_id: icon.emoji,
            }
            .into(),
            Action::TopicEdited(change) => types::MessageActionTopicEdit {
                title: change.title.clone(),
                icon_emoji_id: change.emoji,
                closed: change.closed,
                hidden: change.hidden,
            }
            .into(),
            Action::ChatJoinedByRequest => types::MessageActionChatJoinedByRequest {}.into(),
            // Also what a later version adds: there is always something to show.
            _ => types::MessageActionPinMessage {}.into(),
        },
        ttl_period: (stored.ttl_period != 0).then_some(stored.ttl_period),
        ..types::MessageService::default()
    }
    .into())
}

/// A message, or the place where none is: a list of messages by id is never shorter than asked.
pub(crate) fn message_or_empty(
    view: View<'_>,
    id: MessageId,
    stored: Option<&Message>,
) -> CoreResult<enums::Message> {
    match stored {
        Some(stored) => message(view, id, stored),
        None => Ok(types::MessageEmpty { id: id.0, peer_id: None }.into()),
    }
}

/// A text of one's own, such as a note.
pub(crate) fn text_with_entities(text: &Text) -> enums::TextWithEntities {
    let entities = text.entities.iter().map(entity).collect();
    types::TextWithEntities { text: text.text.clone(), entities }.into()
}

/// Formatting; `None` for none.
pub(crate) fn entities(stored: &[Entity]) -> Option<Vec<MessageEntity>> {
    (!stored.is_empty()).then(|| stored.iter().map(entity).collect())
}

fn entity(stored: &Entity) -> MessageEntity {
    let (offset, length) = (stored.offset, stored.length);
    match &stored.kind {
        EntityKind::Mention => types::MessageEntityMention { offset, length }.into(),
        EntityKind::Hashtag => types::MessageEntityHashtag { offset, length }.into(),
        EntityKind::BotCommand => types::MessageEntityBotCommand { offset, length }.into(),
        EntityKind::Url => types::MessageEntityUrl { offset, length }.into(),
        EntityKind::Email => types::MessageEntityEmail { offset, length }.into(),
        EntityKind::Phone => types::MessageEntityPhone { offset, length }.into(),
        EntityKind::Cashtag => types::MessageEntityCashtag { offset, length }.into(),
        EntityKind::BankCard => types::MessageEntityBankCard { offset, length }.into(),
        EntityKind::Bold => types::MessageEntityBold { offset, length }.into(),
        EntityKind::Italic => types::MessageEntityItalic { offset, length }.into(),
        EntityKind::Underline => types::MessageEntityUnderline { offset, length }.into(),
        EntityKind::Strike => types::MessageEntityStrike { offset, length }.into(),
        EntityKind::Spoiler => types::MessageEntitySpoiler { offset, length }.into(),
        EntityKind::Code => types::MessageEntityCode { offset, length }.into(),
        EntityKind::Pre { language } => {
            types::MessageEntityPre { offset, length, language: language.clone() }.into()
        }
        EntityKind::TextUrl { url } => {
            types::MessageEntityTextUrl { offset, length, url: url.clone() }.into()
        }
        EntityKind::MentionName { user } => {
            types::MessageEntityMentionName { offset, length, user_id: user.0 }.into()
        }
        EntityKind::CustomEmoji { document_id } => {
            types::MessageEntityCustomEmoji { offset, length, document_id: *document_id }.into()
        }
        EntityKind::Blockquote { collapsed } => {
            types::MessageEntityBlockquote { collapsed: *collapsed, offset, length }.into()
        }
    }
}

/// Entities as a client sends them. `user` finds whom a mention names; what is not known here is
/// left out.
pub(crate) fn entities_from_tl<E>(
    sent: Vec<MessageEntity>,
    mut user: impl FnMut(&enums::InputUser) -> Result<UserId, E>,
) -> Result<Vec<Entity>, E> {
    let mut entities = Vec::with_capacity(sent.len().min(node_core::ENTITIES_MAX));
    for entity in sent.into_iter().take(node_core::ENTITIES_MAX) {
        let (offset, length, kind) = match entity {
            MessageEntity::MessageEntityBold(e) => (e.offset, e.length, EntityKind::Bold),
            MessageEntity::MessageEntityItalic(e) => (e.offset, e.length, EntityKind::Italic),
            MessageEntity::MessageEntityUnderline(e) => (e.offset, e.length, EntityKind::Underline),
            MessageEntity::MessageEntityStrike(e) => (e.offset, e.length, EntityKind::Strike),
            MessageEntity::MessageEntitySpoiler(e) => (e.offset, e.length, EntityKind::Spoiler),
            MessageEntity::MessageEntityCode(e) => (e.offset, e.length, EntityKind::Code),
            MessageEntity::MessageEntityPre(e) => {
                (e.offset, e.length, EntityKind::Pre { language: e.language })
            }
            MessageEntity::MessageEntityTextUrl(e) => {
                (e.offset, e.length, EntityKind::TextUrl { url: e.url })
            }
            MessageEntity::MessageEntityCustomEmoji(e) => {
                (e.offset, e.length, EntityKind::CustomEmoji { document_id: e.document_id })
            }
            MessageEntity::MessageEntityBlockquote(e) => {
                (e.offset, e.length, EntityKind::Blockquote { collapsed: e.collapsed })
            }
            MessageEntity::InputMessageEntityMentionName(e) => {
                (e.offset, e.length, EntityKind::MentionName { user: user(&e.user_id)? })
            }
            // Found by the node itself in the text.
            _ => continue,
        };
        entities.push(Entity { offset, length, kind });
    }
    Ok(entities)
}
