//! `channels.toggleForum#3ff75734 channel:InputChannel enabled:Bool tabs:Bool = Updates`,
//! `channels.toggleViewForumAsMessages#9738bb15 channel:InputChannel enabled:Bool = Updates`,
//! and of topics, by the names that they have since layer 215 and, for channels alone, had before:
//! `messages.createForumTopic#2f98c3d5 flags:# title_missing:flags.4?true peer:InputPeer title:string
//! icon_color:flags.0?int icon_emoji_id:flags.3?long random_id:long send_as:flags.2?InputPeer =
//! Updates`,
//! `messages.editForumTopic#cecc1134 flags:# peer:InputPeer topic_id:int title:flags.0?string
//! icon_emoji_id:flags.1?long closed:flags.2?Bool hidden:flags.3?Bool = Updates`,
//! `messages.getForumTopics#3ba47bff flags:# peer:InputPeer q:flags.0?string offset_date:int
//! offset_id:int offset_topic:int limit:int = messages.ForumTopics`,
//! `messages.getForumTopicsByID#af0a4a08 peer:InputPeer topics:Vector<int> = messages.ForumTopics`,
//! `messages.updatePinnedForumTopic#175df251 peer:InputPeer topic_id:int pinned:Bool = Updates`,
//! `messages.reorderPinnedForumTopics#0e7841f0 flags:# force:flags.0?true peer:InputPeer
//! order:Vector<int> = Updates`,
//! `messages.deleteTopicHistory#d2816f10 peer:InputPeer top_msg_id:int = messages.AffectedHistory`
//!
//! Source: <https://core.telegram.org/api/forum>

use node_core::{
    ChannelId, ChannelSetting, CoreError, GENERAL_TOPIC, MessageId, NewTopic, TopicChange,
    TopicPage, TopicQuery,
};
use tl::enums::{InputChannel, InputPeer, messages::ForumTopics};
use tl::functions::{channels as c, messages as m};
use tl::{enums, types};

use super::settings;
use crate::project::{self, Named};
use crate::rpc::messages::{channel_updates, sent_updates};
use crate::rpc::{Context, RpcError, RpcResult};

const CHANNEL_INVALID: RpcError = RpcError::new(400, "CHANNEL_INVALID");
const TOPIC_ID_INVALID: RpcError = RpcError::new(400, "TOPIC_ID_INVALID");

/// Topics that one request names.
const TOPICS_MAX: usize = 100;

/// A group by either name.
trait Forum {
    fn channel(&self, ctx: &Context) -> RpcResult<ChannelId>;
}

impl Forum for InputChannel {
    fn channel(&self, ctx: &Context) -> RpcResult<ChannelId> {
        ctx.input_channel(self)
    }
}

impl Forum for InputPeer {
    /// Bots with topics in their private chats are not there.
    fn channel(&self, ctx: &Context) -> RpcResult<ChannelId> {
        ctx.peer(self)?.channel().ok_or(CHANNEL_INVALID)
    }
}

pub(in crate::rpc) async fn toggle_forum(
    ctx: &Context,
    request: c::ToggleForum,
) -> RpcResult<enums::Updates> {
    let setting = ChannelSetting::Forum(request.enabled.then_some(request.tabs));
    settings::set(ctx, &request.channel, setting).await
}

pub(in crate::rpc) async fn toggle_view_forum_as_messages(
    ctx: &Context,
    request: c::ToggleViewForumAsMessages,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, ctx.input_channel(&request.channel)?);
    let core = &ctx.shared.core;
    core.show_forum_as_messages(ctx.actor()?, owner, channel, request.enabled).await?;
    let update =
        types::UpdateChannelViewForumAsMessages { channel_id: channel.0, enabled: request.enabled };
    one_update(ctx, channel, update.into())
}

fn one_update(
    ctx: &Context,
    channel: ChannelId,
    update: enums::Update,
) -> RpcResult<enums::Updates> {
    let mut named = Named::default();
    let (users, chats) = named.peer(channel.into()).shown(ctx.view()?)?;
    let date = ctx.now();
    Ok(types::Updates { updates: vec![update], users, chats, date, seq: 0 }.into())
}

struct New {
    title: String,
    color: Option<i32>,
    emoji: Option<i64>,
    random_id: i64,
    send_as: Option<InputPeer>,
}

async fn create(ctx: &Context, forum: &impl Forum, new: New) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, forum.channel(ctx)?);
    if new.random_id == 0 {
        return Err(RpcError::new(400, "RANDOM_ID_EMPTY"));
    }
    let send_as = new
        .send_as
        .as_ref()
        .map(|peer| super::named_sender(ctx, channel.into(), peer))
        .transpose()?;
    let (title, color, emoji, random_id) = (new.title, new.color, new.emoji, new.random_id);
    let topic = NewTopic { title, color, emoji, random_id, send_as };
    let made = ctx.shared.core.create_topic(ctx.actor()?, owner, channel, topic).await;
    sent_updates(ctx, &[(made.map_err(to_topic)?, random_id)])
}

/// As errors of these methods are called.
fn to_topic(error: CoreError) -> RpcError {
    match error {
        CoreError::FileInvalid => RpcError::new(400, "DOCUMENT_INVALID"),
        other => other.into(),
    }
}

pub(in crate::rpc) async fn create_forum_topic(
    ctx: &Context,
    request: m::CreateForumTopic,
) -> RpcResult<enums::Updates> {
    let m::CreateForumTopic { peer, title, icon_color, icon_emoji_id, random_id, send_as, .. } =
        request;
    let new = New { title, color: icon_color, emoji: icon_emoji_id, random_id, send_as };
    create(ctx, &peer, new).await
}

pub(in crate::rpc) async fn create_forum_topic_until_214(
    ctx: &Context,
    request: c::CreateForumTopic,
) -> RpcResult<enums::Updates> {
    let c::CreateForumTopic { channel, title, icon_color, icon_emoji_id, random_id, send_as } =
        request;
    let new = New { title, color: icon_color, emoji: icon_emoji_id, random_id, send_as };
    create(ctx, &channel, new).await
}

async fn edit(
    ctx: &Context,
    forum: &impl Forum,
    topic: i32,
    change: TopicChange,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, forum.channel(ctx)?);
    let is_another = change.title.is_some() || change.emoji.is_some();
    if change.hidden.is_some() && (is_another || change.closed.is_some()) {
        return Err(RpcError::new(400, "TOPIC_HIDE_SEPARATELY"));
    }
    if change.closed.is_some() && is_another {
        return Err(RpcError::new(400, "TOPIC_CLOSE_SEPARATELY"));
    }
    let topic = MessageId(topic);
    if change.hidden.is_some() && topic != GENERAL_TOPIC {
        return Err(RpcError::new(400, "NOGENERAL_HIDE_FORBIDDEN"));
    }
    if change.emoji.is_some() && topic == GENERAL_TOPIC {
        return Err(RpcError::new(400, "GENERAL_MODIFY_ICON_FORBIDDEN"));
    }
    let done = ctx.shared.core.edit_topic(ctx.actor()?, owner, channel, topic, change).await;
    channel_updates(ctx, channel, &[done.map_err(to_topic)?])
}

pub(in crate::rpc) async fn edit_forum_topic(
    ctx: &Context,
    request: m::EditForumTopic,
) -> RpcResult<enums::Updates> {
    let m::EditForumTopic { peer, topic_id, title, icon_emoji_id, closed, hidden } = request;
    edit(ctx, &peer, topic_id, TopicChange { title, emoji: icon_emoji_id, closed, hidden }).await
}

pub(in crate::rpc) async fn edit_forum_topic_until_214(
    ctx: &Context,
    request: c::EditForumTopic,
) -> RpcResult<enums::Updates> {
    let c::EditForumTopic { channel, topic_id, title, icon_emoji_id, closed, hidden } = request;
    edit(ctx, &channel, topic_id, TopicChange { title, emoji: icon_emoji_id, closed, hidden }).await
}

async fn list(
    ctx: &Context,
    forum: &impl Forum,
    words: Option<String>,
    (offset_id, offset_topic): (i32, i32),
    limit: i32,
) -> RpcResult<ForumTopics> {
    let channel = forum.channel(ctx)?;
    let query = TopicQuery {
        words: words.unwrap_or_default(),
        offset_topic: MessageId(offset_topic),
        offset_id: MessageId(offset_id),
        limit: usize::try_from(limit).unwrap_or(0).min(TOPICS_MAX),
    };
    // Before the topics: what comes meanwhile is told again.
    let pts = ctx.shared.core.channel_state(channel)?.0;
    let page = ctx.shared.core.topics(ctx.user()?, channel, &query).await?;
    shaped(ctx, channel, pts, &page)
}

pub(in crate::rpc) async fn get_forum_topics(
    ctx: &Context,
    request: m::GetForumTopics,
) -> RpcResult<ForumTopics> {
    let m::GetForumTopics { peer, q, offset_id, offset_topic, limit, .. } = request;
    list(ctx, &peer, q, (offset_id, offset_topic), limit).await
}

pub(in crate::rpc) async fn get_forum_topics_until_214(
    ctx: &Context,
    request: c::GetForumTopics,
) -> RpcResult<ForumTopics> {
    let c::GetForumTopics { channel, q, offset_id, offset_topic, limit, .. } = request;
    list(ctx, &channel, q, (offset_id, offset_topic), limit).await
}

async fn some(ctx: &Context, forum: &impl Forum, topics: &[i32]) -> RpcResult<ForumTopics> {
    let channel = forum.channel(ctx)?;
    if topics.is_empty() {
        return Err(RpcError::new(400, "TOPICS_EMPTY"));
    }
    let ids: Vec<MessageId> = topics.iter().take(TOPICS_MAX).map(|id| MessageId(*id)).collect();
    let pts = ctx.shared.core.channel_state(channel)?.0;
    let page = ctx.shared.core.topics_by_id(ctx.user()?, channel, &ids).await?;
    shaped(ctx, channel, pts, &page)
}

pub(in crate::rpc) async fn get_forum_topics_by_id(
    ctx: &Context,
    request: m::GetForumTopicsById,
) -> RpcResult<ForumTopics> {
    some(ctx, &request.peer, &request.topics).await
}

pub(in crate::rpc) async fn get_forum_topics_by_id_until_214(
    ctx: &Context,
    request: c::GetForumTopicsById,
) -> RpcResult<ForumTopics> {
    some(ctx, &request.channel, &request.topics).await
}

fn shaped(ctx: &Context, channel: ChannelId, pts: i32, page: &TopicPage) -> RpcResult<ForumTopics> {
    let (view, mut named) = (ctx.view()?, Named::default());
    named.peer(channel.into());
    let mut topics = Vec::with_capacity(page.topics.len() + page.missing.len());
    for shown in &page.topics {
        topics.push(project::forum_topic(view, channel, shown, &mut named)?);
    }
    let gone = page.missing.iter().map(|id| types::ForumTopicDeleted { id: id.0 }.into());
    topics.extend(gone);
    let hidden = ctx.hidden_below(channel.into())?;
    let mut messages = Vec::with_capacity(page.messages.len());
    for stored in page.messages.iter().filter(|stored| stored.id > hidden) {
        named.shown_with(view, stored.id, &stored.message)?;
        messages.push(project::message(view, stored.id, &stored.message)?);
    }
    let (users, chats) = named.shown(view)?;
    let (order_by_create_date, count) = (false, page.count);
    Ok(types::messages::ForumTopics {
        order_by_create_date,
        count,
        topics,
        messages,
        chats,
        users,
        pts,
    }
    .into())
}

async fn pin(
    ctx: &Context,
    forum: &impl Forum,
    topic: i32,
    pinned: bool,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, forum.channel(ctx)?);
    let topic = MessageId(topic);
    ctx.shared.core.pin_topic(ctx.actor()?, owner, channel, topic, pinned).await?;
    one_update(ctx, channel, project::topic_pinned(channel, topic, pinned))
}

pub(in crate::rpc) async fn update_pinned_forum_topic(
    ctx: &Context,
    request: m::UpdatePinnedForumTopic,
) -> RpcResult<enums::Updates> {
    pin(ctx, &request.peer, request.topic_id, request.pinned).await
}

pub(in crate::rpc) async fn update_pinned_forum_topic_until_214(
    ctx: &Context,
    request: c::UpdatePinnedForumTopic,
) -> RpcResult<enums::Updates> {
    pin(ctx, &request.channel, request.topic_id, request.pinned).await
}

async fn reorder(
    ctx: &Context,
    forum: &impl Forum,
    order: &[i32],
    force: bool,
) -> RpcResult<enums::Updates> {
    let (owner, channel) = (ctx.user()?, forum.channel(ctx)?);
    if order.len() > TOPICS_MAX {
        return Err(TOPIC_ID_INVALID);
    }
    let mut topics: Vec<MessageId> = Vec::with_capacity(order.len());
    for id in order.iter().map(|id| MessageId(*id)) {
        if !topics.contains(&id) {
            topics.push(id);
        }
    }
    ctx.shared.core.reorder_topics(ctx.actor()?, owner, channel, topics, force).await?;
    one_update(ctx, channel, project::topics_pinned(&ctx.shared.core, channel))
}

pub(in crate::rpc) async fn reorder_pinned_forum_topics(
    ctx: &Context,
    request: m::ReorderPinnedForumTopics,
) -> RpcResult<enums::Updates> {
    reorder(ctx, &request.peer, &request.order, request.force).await
}

pub(in crate::rpc) async fn reorder_pinned_forum_topics_until_214(
    ctx: &Context,
    request: c::ReorderPinnedForumTopics,
) -> RpcResult<enums::Updates> {
    reorder(ctx, &request.channel, &request.order, request.force).await
}

async fn delete(
    ctx: &Context,
    forum: &impl Forum,
    topic: i32,
) -> RpcResult<types::messages::AffectedHistory> {
    let (owner, channel) = (ctx.user()?, forum.channel(ctx)?);
    let (done, _, left) =
        ctx.shared.core.delete_topic(ctx.actor()?, owner, channel, MessageId(topic)).await?;
    let (pts, pts_count) = (done.pts.0, done.pts_count);
    Ok(types::messages::AffectedHistory { pts, pts_count, offset: i32::from(left > 0) })
}

pub(in crate::rpc) async fn delete_topic_history(
    ctx: &Context,
    request: m::DeleteTopicHistory,
) -> RpcResult<types::messages::AffectedHistory> {
    delete(ctx, &request.peer, request.top_msg_id).await
}

pub(in crate::rpc) async fn delete_topic_history_until_214(
    ctx: &Context,
    request: c::DeleteTopicHistory,
) -> RpcResult<types::messages::AffectedHistory> {
    delete(ctx, &request.channel, request.top_msg_id).await
}
