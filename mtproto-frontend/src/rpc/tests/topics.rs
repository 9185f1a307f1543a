//! Topics of forums, call by call, by both names that their methods have.

use node_core::{ChannelId, GENERAL_TOPIC, MessageId, Own, Talk};
use tl::{enums, types};

use super::members::{error, member};
use super::*;
use crate::project::Pushed;
use crate::session::NeutralUpdate as _;

fn input(ctx: &Context, id: ChannelId) -> enums::InputChannel {
    let access_hash = ctx.shared.core.channel_access_hash(ctx.user().unwrap(), id);
    types::InputChannel { channel_id: id.0, access_hash }.into()
}

fn peer(ctx: &Context, id: ChannelId) -> enums::InputPeer {
    let access_hash = ctx.shared.core.channel_access_hash(ctx.user().unwrap(), id);
    types::InputPeerChannel { channel_id: id.0, access_hash }.into()
}

async fn forum(ctx: &Context, username: &str) -> ChannelId {
    let create = f::channels::CreateChannel {
        megagroup: true,
        forum: true,
        title: "Harbour".into(),
        ..Default::default()
    };
    let enums::Updates::Updates(made) = call(ctx, &create).await.unwrap() else { panic!() };
    let [enums::Chat::Channel(made)] = &made.chats[..] else { panic!() };
    assert!(made.forum && made.megagroup);
    let (id, core) = (ChannelId(made.id), &ctx.shared.core);
    let (actor, owner) = (ctx.actor().unwrap(), ctx.user().unwrap());
    core.update_channel_username(actor, owner, id, username.into()).await.unwrap();
    id
}

/// The message that answers a call which has one.
fn said(updates: enums::Updates) -> enums::Message {
    let enums::Updates::Updates(updates) = updates else { panic!() };
    let mut all = updates.updates.into_iter();
    let found = all.find_map(|update| match update {
        enums::Update::UpdateNewChannelMessage(new) => Some(new.message),
        _ => None,
    });
    found.unwrap()
}

fn service(message: enums::Message) -> types::MessageService {
    let enums::Message::MessageService(message) = message else { panic!("{message:?}") };
    *message
}

async fn topic(ctx: &Context, id: ChannelId, title: &str, random_id: i64) -> i32 {
    let (peer, title) = (peer(ctx, id), title.into());
    let create = f::messages::CreateForumTopic { peer, title, random_id, ..Default::default() };
    service(said(call(ctx, &create).await.unwrap())).id
}

async fn say(ctx: &Context, id: ChannelId, to: Option<i32>, random_id: i64) -> types::Message {
    let reply = |reply_to_msg_id| {
        types::InputReplyToMessage { reply_to_msg_id, ..Default::default() }.into()
    };
    let send = f::messages::SendMessage {
        peer: peer(ctx, id),
        message: "fog".into(),
        reply_to: to.map(reply),
        random_id,
        ..Default::default()
    };
    let enums::Message::Message(message) = said(call(ctx, &send).await.unwrap()) else { panic!() };
    *message
}

fn header(message: &types::Message) -> (bool, Option<i32>, Option<i32>) {
    let Some(enums::MessageReplyHeader::MessageReplyHeader(header)) = &message.reply_to else {
        return (false, None, None);
    };
    (header.forum_topic, header.reply_to_msg_id, header.reply_to_top_id)
}

async fn topics(ctx: &Context, id: ChannelId) -> types::messages::ForumTopics {
    let list = f::messages::GetForumTopics { peer: peer(ctx, id), limit: 20, ..Default::default() };
    let enums::messages::ForumTopics::ForumTopics(found) = call(ctx, &list).await.unwrap();
    *found
}

#[tokio::test]
async fn a_topic_is_named_by_what_stands_in_it() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (old, _) = member(&shared, 6, 158, "Bob").await;
    let group = forum(&ada, "harbour_forum").await;
    let (actor, user) = (old.actor().unwrap(), old.user().unwrap());
    shared.core.join_channel(actor, user, group).await.unwrap();
    let boats = topic(&ada, group, "Boats", 1).await;
    let one = say(&ada, group, Some(boats), 2).await;
    assert_eq!(header(&one), (true, Some(boats), None));
    let two = say(&old, group, Some(one.id), 3).await;
    assert_eq!(header(&two), (true, Some(one.id), Some(boats)));
    let plain = say(&old, group, None, 4).await;
    assert_eq!(header(&plain), (false, None, None));
    let general = say(&ada, group, Some(GENERAL_TOPIC.0), 5).await;
    assert_eq!(header(&general), (false, None, None), "as some clients name the general one");
    let answer = say(&ada, group, Some(plain.id), 6).await;
    assert_eq!(header(&answer), (false, Some(plain.id), None));

    let found = topics(&ada, group).await;
    let shown: Vec<_> = found
        .topics
        .iter()
        .map(|topic| match topic {
            enums::ForumTopic::ForumTopic(topic) => {
                (topic.id, topic.title.clone(), topic.unread_count)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, [(1, "General".into(), 0), (boats, "Boats".into(), 1)]);
    assert_eq!((found.count, found.messages.len()), (2, 2));
    // By its older name, in a layer that has no other.
    let list = f::channels::GetForumTopics {
        channel: input(&old, group),
        limit: 20,
        ..Default::default()
    };
    let enums::messages::ForumTopics::ForumTopics(found) = call(&old, &list).await.unwrap();
    let enums::ForumTopic::ForumTopic(boats_to_bob) = &found.topics[1] else { panic!() };
    assert!(!boats_to_bob.my && !boats_to_bob.short && boats_to_bob.read_inbox_max_id >= two.id);
    let some =
        f::channels::GetForumTopicsById { channel: input(&old, group), topics: vec![boats, 999] };
    let enums::messages::ForumTopics::ForumTopics(found) = call(&old, &some).await.unwrap();
    assert!(matches!(&found.topics[..], [enums::ForumTopic::ForumTopic(one),
        enums::ForumTopic::ForumTopicDeleted(gone)] if one.id == boats && gone.id == 999));
    let none = f::messages::GetForumTopicsById { peer: peer(&ada, group), topics: Vec::new() };
    assert_eq!(error(call(&ada, &none).await), (400, "TOPICS_EMPTY".into()));

    // History and search of each.
    let replies = |msg_id| f::messages::GetReplies {
        peer: peer(&ada, group),
        msg_id,
        limit: 10,
        ..Default::default()
    };
    let search = |top| f::messages::Search {
        peer: peer(&ada, group),
        q: "fog".into(),
        top_msg_id: Some(top),
        filter: types::InputMessagesFilterEmpty {}.into(),
        limit: 10,
        ..Default::default()
    };
    let ids = |found: enums::messages::Messages| {
        let enums::messages::Messages::ChannelMessages(found) = found else { panic!() };
        let ids = found.messages.iter().map(|message| match message {
            enums::Message::Message(message) => message.id,
            enums::Message::MessageService(message) => message.id,
            other => panic!("{other:?}"),
        });
        ids.collect::<Vec<i32>>()
    };
    assert_eq!(ids(call(&ada, &replies(boats)).await.unwrap()), [two.id, one.id, boats]);
    let in_general = ids(call(&ada, &replies(1)).await.unwrap());
    assert_eq!(in_general[..3], [answer.id, general.id, plain.id]);
    assert_eq!(ids(call(&ada, &search(boats)).await.unwrap()), [two.id, one.id]);
    assert_eq!(ids(call(&ada, &search(1)).await.unwrap()), in_general[..3]);

    // A link leads through the topic.
    let link = f::channels::ExportMessageLink {
        channel: input(&ada, group),
        id: two.id,
        ..Default::default()
    };
    let enums::ExportedMessageLink::ExportedMessageLink(link) = call(&ada, &link).await.unwrap();
    let link = link.link;
    assert!(link.ends_with(&format!("/harbour_forum/{boats}/{}", two.id)), "{link}");
}

#[tokio::test]
async fn errors_of_topics_are_the_protocols_own() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (bob, _) = member(&shared, 6, 230, "Bob").await;
    let group = forum(&ada, "harbour_forum").await;
    call(&bob, &f::channels::JoinChannel { channel: input(&bob, group) }).await.unwrap();
    let boats = topic(&ada, group, "Boats", 1).await;
    let create = |ctx: &Context, title: &str, random_id| f::messages::CreateForumTopic {
        peer: peer(ctx, group),
        title: title.into(),
        random_id,
        ..Default::default()
    };
    let edit = |ctx: &Context, topic_id| f::messages::EditForumTopic {
        peer: peer(ctx, group),
        topic_id,
        ..Default::default()
    };
    let refused = async |ctx: &Context, request| error(call(ctx, &request).await).1;
    assert_eq!(refused(&ada, create(&ada, " ", 2)).await, "TOPIC_TITLE_EMPTY");
    assert_eq!(refused(&ada, create(&ada, "Own", 0)).await, "RANDOM_ID_EMPTY");
    assert_eq!(refused(&bob, create(&bob, "Own", 3)).await, "CHAT_ADMIN_REQUIRED");
    let odd = f::messages::CreateForumTopic { icon_emoji_id: Some(5), ..create(&ada, "Own", 4) };
    assert_eq!(refused(&ada, odd).await, "DOCUMENT_INVALID");
    let refused = async |ctx: &Context, request| error(call(ctx, &request).await).1;
    let title = Some("Ships".to_owned());
    let both = f::messages::EditForumTopic {
        title: title.clone(),
        closed: Some(true),
        ..edit(&ada, boats)
    };
    assert_eq!(refused(&ada, both).await, "TOPIC_CLOSE_SEPARATELY");
    let both =
        f::messages::EditForumTopic { closed: Some(true), hidden: Some(true), ..edit(&ada, 1) };
    assert_eq!(refused(&ada, both).await, "TOPIC_HIDE_SEPARATELY");
    let hides = f::messages::EditForumTopic { hidden: Some(true), ..edit(&ada, boats) };
    assert_eq!(refused(&ada, hides).await, "NOGENERAL_HIDE_FORBIDDEN");
    let icon = f::messages::EditForumTopic { icon_emoji_id: Some(1), ..edit(&ada, 1) };
    assert_eq!(refused(&ada, icon).await, "GENERAL_MODIFY_ICON_FORBIDDEN");
    let none = f::messages::EditForumTopic { title: title.clone(), ..edit(&ada, 999) };
    assert_eq!(refused(&ada, none).await, "TOPIC_ID_INVALID");
    assert_eq!(refused(&ada, edit(&ada, boats)).await, "TOPIC_NOT_MODIFIED");
    let others = f::messages::EditForumTopic { title: title.clone(), ..edit(&bob, boats) };
    assert_eq!(refused(&bob, others).await, "CHAT_ADMIN_REQUIRED");
    let closes = f::messages::EditForumTopic { closed: Some(true), ..edit(&ada, boats) };
    let done = service(said(call(&ada, &closes).await.unwrap()));
    let enums::MessageAction::MessageActionTopicEdit(change) = &done.action else { panic!() };
    assert_eq!((change.closed, &change.title, change.hidden), (Some(true), &None, None));
    let Some(enums::MessageReplyHeader::MessageReplyHeader(there)) = &done.reply_to else {
        panic!()
    };
    assert!(there.forum_topic && there.reply_to_msg_id == Some(boats));
    let send = f::messages::SendMessage {
        peer: peer(&bob, group),
        message: "late".into(),
        reply_to: Some(
            types::InputReplyToMessage { reply_to_msg_id: boats, ..Default::default() }.into(),
        ),
        random_id: 9,
        ..Default::default()
    };
    assert_eq!(error(call(&bob, &send).await), (406, "TOPIC_CLOSED".into()));
    let pin = |topic_id, pinned| f::messages::UpdatePinnedForumTopic {
        peer: peer(&ada, group),
        topic_id,
        pinned,
    };
    call(&ada, &pin(boats, true)).await.unwrap();
    assert_eq!(error(call(&ada, &pin(boats, true)).await).1, "PINNED_TOPIC_NOT_MODIFIED");
    let hides = f::channels::TogglePreHistoryHidden { channel: input(&ada, group), enabled: true };
    assert_eq!(error(call(&ada, &hides).await).1, "FORUM_ENABLED");
    let toggle = |enabled| f::channels::ToggleForum {
        channel: input(&ada, group),
        enabled,
        ..Default::default()
    };
    assert_eq!(error(call(&ada, &toggle(true)).await).1, "CHAT_NOT_MODIFIED");
    call(&ada, &toggle(false)).await.unwrap();
    let list =
        f::messages::GetForumTopics { peer: peer(&ada, group), limit: 5, ..Default::default() };
    assert_eq!(error(call(&ada, &list).await).1, "CHANNEL_FORUM_MISSING");
    // What was said in topics is a thread, until there are topics again.
    let one = say(&ada, group, Some(boats), 10).await;
    assert_eq!(header(&one), (false, Some(boats), None));
    call(&ada, &toggle(true)).await.unwrap();
    assert_eq!(topics(&ada, group).await.count, 2);
    let delete = f::messages::DeleteTopicHistory { peer: peer(&ada, group), top_msg_id: boats };
    let gone = call(&ada, &delete).await.unwrap();
    let enums::messages::AffectedHistory::AffectedHistory(gone) = gone;
    assert_eq!((gone.pts_count, gone.offset), (3, 0), "its own, the edit, and one");
    assert_eq!(error(call(&ada, &delete).await).1, "TOPIC_ID_INVALID");
    let general = f::messages::DeleteTopicHistory { peer: peer(&ada, group), top_msg_id: 1 };
    assert_eq!(error(call(&ada, &general).await).1, "TOPIC_ID_INVALID");
}

#[tokio::test]
async fn what_is_set_for_a_topic_is_its_own() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let group = forum(&ada, "harbour_forum").await;
    let boats = topic(&ada, group, "Boats", 1).await;
    let reply = types::InputReplyToMessage {
        reply_to_msg_id: boats,
        top_msg_id: Some(boats),
        ..Default::default()
    };
    let save = |message: &str, reply_to| f::messages::SaveDraft {
        peer: peer(&ada, group),
        message: message.into(),
        reply_to,
        ..Default::default()
    };
    call(&ada, &save("in boats", Some(reply.clone().into()))).await.unwrap();
    call(&ada, &save("in the group", None)).await.unwrap();
    let notify: enums::InputNotifyPeer =
        types::InputNotifyForumTopic { peer: peer(&ada, group), top_msg_id: boats }.into();
    let mute = f::account::UpdateNotifySettings {
        peer: notify.clone(),
        settings: types::InputPeerNotifySettings {
            mute_until: Some(i32::MAX),
            ..Default::default()
        }
        .into(),
    };
    call(&ada, &mute).await.unwrap();
    let settings = call(&ada, &f::account::GetNotifySettings { peer: notify }).await.unwrap();
    let enums::PeerNotifySettings::PeerNotifySettings(settings) = settings;
    assert_eq!(settings.mute_until, Some(i32::MAX));
    let found = topics(&ada, group).await;
    let enums::ForumTopic::ForumTopic(shown) = &found.topics[0] else { panic!() };
    let Some(enums::DraftMessage::DraftMessage(draft)) = &shown.draft else { panic!() };
    let enums::PeerNotifySettings::PeerNotifySettings(muted) = &shown.notify_settings;
    assert_eq!((shown.id, &*draft.message, muted.mute_until), (boats, "in boats", Some(i32::MAX)));
    let enums::Updates::Updates(all) = call(&ada, &f::messages::GetAllDrafts {}).await.unwrap()
    else {
        panic!()
    };
    let tops: Vec<Option<i32>> = all
        .updates
        .iter()
        .map(|update| match update {
            enums::Update::UpdateDraftMessage(draft) => draft.top_msg_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tops, [None, Some(boats)]);
    // Sent, the draft of that topic is done, and no other.
    let send = f::messages::SendMessage {
        peer: peer(&ada, group),
        message: "in boats".into(),
        reply_to: Some(reply.into()),
        clear_draft: true,
        random_id: 2,
        ..Default::default()
    };
    call(&ada, &send).await.unwrap();
    let core = &shared.core;
    let of = |topic| Talk { peer: group.into(), topic };
    assert!(core.draft(ada_id, of(Some(MessageId(boats)))).unwrap().is_none());
    assert!(core.draft(ada_id, of(None)).unwrap().is_some());
    // As one conversation, for this member alone.
    let view =
        f::channels::ToggleViewForumAsMessages { channel: input(&ada, group), enabled: true };
    call(&ada, &view).await.unwrap();
    let full = call(&ada, &f::channels::GetFullChannel { channel: input(&ada, group) }).await;
    let enums::messages::ChatFull::ChatFull(full) = full.unwrap();
    let enums::ChatFull::ChannelFull(full) = full.full_chat else { panic!() };
    assert!(full.view_forum_as_messages);
}

#[tokio::test]
async fn what_is_told_of_topics_is_told_in_every_layer() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let group = forum(&ada, "harbour_forum").await;
    let boats = MessageId(topic(&ada, group, "Boats", 1).await);
    let core = &shared.core;
    core.pin_topic(ada.actor().unwrap(), ada_id, group, boats, true).await.unwrap();
    let pushed = |update: Arc<Pushed>, layer| {
        let bytes = update.encode(layer)?;
        let enums::Updates::Updates(updates) = tl::from_bytes(&bytes, layer).unwrap() else {
            panic!()
        };
        updates.updates.into_iter().next()
    };
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let one = Pushed::topics_pinned(&shared, ada_id, group, Some((boats, true)));
        let all = Pushed::topics_pinned(&shared, ada_id, group, None);
        match (pushed(one, layer).unwrap(), pushed(all, layer).unwrap()) {
            (
                enums::Update::UpdateChannelPinnedTopic(one),
                enums::Update::UpdateChannelPinnedTopics(all),
            ) => {
                assert!(layer < 215 && one.pinned && one.topic_id == boats.0);
                assert_eq!((all.channel_id, all.order), (group.0, Some(vec![boats.0])));
            }
            (
                enums::Update::UpdatePinnedForumTopic(one),
                enums::Update::UpdatePinnedForumTopics(all),
            ) => {
                assert!(layer >= 215 && one.pinned && one.topic_id == boats.0);
                assert_eq!(all.order, Some(vec![boats.0]));
            }
            other => panic!("{layer}: {other:?}"),
        }
        let change = Own::ForumAsMessages { channel: group, so: true };
        let told = pushed(Pushed::own(&shared, ada_id, change), layer);
        assert_eq!(told.is_some(), layer >= 167, "{layer}");
        let draft = Own::Draft { to: Talk { peer: group.into(), topic: Some(boats) } };
        let told = pushed(Pushed::own(&shared, ada_id, draft), layer);
        assert!(
            matches!(told, Some(enums::Update::UpdateDraftMessage(draft))
            if draft.top_msg_id == Some(boats.0)),
            "{layer}"
        );
    }
}
