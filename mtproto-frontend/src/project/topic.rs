//! `forumTopic`, and what is told of topics.
//!
//! Source: <https://core.telegram.org/constructor/forumTopic>

use node_core::{
    ChannelId, Core, CoreResult, MessageId, NotifyTarget, PeerId, ShownTopic, Talk, Topic, UserId,
};
use tl::{enums, types};

use super::{Named, View, draft, notify_settings, peer};

/// A topic as the viewer sees it.
pub(crate) fn forum_topic(
    view: View<'_>,
    channel: ChannelId,
    shown: &ShownTopic,
    named: &mut Named,
) -> CoreResult<enums::ForumTopic> {
    let (core, viewer, place) = (view.core, view.viewer, PeerId::from(channel));
    let topic = shown.topic.id;
    let target = NotifyTarget::Topic(place, topic);
    let saved = core.draft(viewer, Talk { peer: place, topic: Some(topic) })?;
    let short = of(viewer, channel, &shown.topic, named);
    Ok(types::ForumTopic {
        short: false,
        pinned: shown.pinned,
        top_message: shown.top.0,
        read_inbox_max_id: shown.read_inbox.0,
        read_outbox_max_id: shown.read_outbox.0,
        unread_count: shown.unread,
        unread_mentions_count: shown.unread_mentions,
        unread_reactions_count: shown.unread_reactions,
        notify_settings: notify_settings(&core.notify(viewer, target)?).into(),
        draft: saved.map(|saved| {
            named.entities(&saved.entities);
            draft(&saved)
        }),
        ..short
    }
    .into())
}

/// A topic as an admin log tells of it: what it is, and nothing of what is in it.
pub(crate) fn short_topic(
    view: View<'_>,
    channel: ChannelId,
    topic: &Topic,
    named: &mut Named,
) -> enums::ForumTopic {
    of(view.viewer, channel, topic, named).into()
}

fn of(viewer: UserId, channel: ChannelId, topic: &Topic, named: &mut Named) -> types::ForumTopic {
    let author = topic.author();
    named.peer(author);
    types::ForumTopic {
        my: topic.from == viewer,
        closed: topic.closed,
        hidden: topic.hidden,
        short: true,
        id: topic.id.0,
        date: topic.date,
        peer: peer(channel.into()),
        title: topic.title.clone(),
        icon_color: topic.icon.color,
        icon_emoji_id: topic.icon.emoji,
        from_id: peer(author),
        ..types::ForumTopic::default()
    }
}

/// A topic stands above the others, or no longer.
pub(crate) fn topic_pinned(channel: ChannelId, topic: MessageId, pinned: bool) -> enums::Update {
    let (peer, topic_id) = (peer(channel.into()), topic.0);
    types::UpdatePinnedForumTopic { pinned, peer, topic_id }.into()
}

/// The topics that stand above the others, in their order.
pub(crate) fn topics_pinned(core: &Core, channel: ChannelId) -> enums::Update {
    let pinned = core.channel(channel).map(|found| found.pinned_topics.clone());
    let order = pinned.unwrap_or_default().into_iter().map(|topic| topic.0).collect();
    types::UpdatePinnedForumTopics { peer: peer(channel.into()), order: Some(order) }.into()
}
