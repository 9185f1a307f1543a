//! Threads, comments and in whose name one writes, call by call and layer by layer.

use node_core::{AdminRights, ChannelId};
use tl::{enums, types};

use super::channel_messages::{
    LAYERS, Told, channel, input, join, peer, public_channel, push_of, say,
};
use super::members::{error, member, message};
use super::*;

/// An answer, as clients of the layer say it.
fn answer(
    ctx: &Context,
    id: ChannelId,
    to: i32,
    text: &str,
    number: i64,
) -> f::messages::SendMessage {
    f::messages::SendMessage {
        reply_to: (ctx.layer >= 159).then(|| {
            types::InputReplyToMessage { reply_to_msg_id: to, ..Default::default() }.into()
        }),
        reply_to_msg_id: (ctx.layer < 159).then_some(to),
        ..message(text, peer(ctx, id), number)
    }
}

fn new_message(update: &enums::Update) -> &types::Message {
    let enums::Update::UpdateNewChannelMessage(new) = update else { panic!("{update:?}") };
    let enums::Message::Message(message) = &new.message else { panic!("{update:?}") };
    message
}

async fn replies(ctx: &Context, id: ChannelId, msg_id: i32) -> types::messages::ChannelMessages {
    let ask =
        f::messages::GetReplies { peer: peer(ctx, id), msg_id, limit: 10, ..Default::default() };
    let page = call(ctx, &ask).await.unwrap();
    let enums::messages::Messages::ChannelMessages(page) = page else { panic!("{page:?}") };
    *page
}

#[tokio::test]
async fn comments_in_every_layer() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (eve, _) = member(&shared, 7, layer, "Eve").await;
        let news = public_channel(&ada, true, "the_news").await;
        let talk = channel(&ada, false).await;
        join(&bob, news).await;
        // Private, and nobody's but the owner's, until it is where one discusses what one may read.
        let full = f::channels::GetFullChannel { channel: input(&bob, talk) };
        assert_eq!(error(call(&bob, &full).await), (400, "CHANNEL_PRIVATE".into()));
        let link = f::channels::SetDiscussionGroup {
            broadcast: input(&ada, news),
            group: input(&ada, talk),
        };
        assert!(call(&ada, &link).await.unwrap());
        call(&bob, &full).await.unwrap();
        // The words are for the channel's readers; who is there is not.
        let people = f::channels::GetParticipants {
            channel: input(&bob, talk),
            filter: types::ChannelParticipantsRecent {}.into(),
            limit: 10,
            ..Default::default()
        };
        assert_eq!(error(call(&bob, &people).await), (400, "CHAT_ADMIN_REQUIRED".into()));
        let nothing = f::channels::SetDiscussionGroup {
            broadcast: types::InputChannelEmpty {}.into(),
            group: types::InputChannelEmpty {}.into(),
        };
        assert_eq!(error(call(&ada, &nothing).await), (400, "LINK_NOT_MODIFIED".into()));
        let swapped = f::channels::SetDiscussionGroup {
            broadcast: input(&ada, news),
            group: input(&ada, news),
        };
        assert_eq!(error(call(&ada, &swapped).await), (400, "MEGAGROUP_ID_INVALID".into()));

        let told = Told::by(&shared);
        let (post, sent) = say(&ada, news, "ships", 1).await;
        // A post says where it is discussed, and what it names stands beside it.
        let Some(enums::MessageReplies::MessageReplies(about)) = &post.replies else {
            panic!("{layer}: {post:?}")
        };
        assert!(about.comments && about.channel_id == Some(talk.0) && about.replies == 0);
        assert_eq!(sent.chats.len(), 2, "{layer}");
        let copied = push_of(&ada, &told.boxes(talk)[0]).unwrap();
        let copy = new_message(&copied.updates[0]).clone();
        assert!(!copy.out && copy.pinned && !copy.post, "{layer}");
        assert_eq!(copy.from_id, Some(types::PeerChannel { channel_id: news.0 }.into()));
        assert!(copied.users.is_empty() && copied.chats.len() == 2, "{layer}: nobody is named");

        // By who is not in the group: other readers see it too.
        let comment = answer(&bob, talk, copy.id, "seen them", 2);
        let enums::Updates::Updates(said) = call(&bob, &comment).await.unwrap() else { panic!() };
        let said = new_message(&said.updates[1]).clone();
        assert!(said.out, "{layer}");
        let second = answer(&ada, talk, said.id, "so have I", 3);
        call(&ada, &second).await.unwrap();
        let page = replies(&eve, news, post.id).await;
        assert_eq!((page.count, page.messages.len()), (2, 2), "{layer}");
        let enums::Message::Message(newest) = &page.messages[0] else { panic!("{layer}") };
        let Some(enums::MessageReplyHeader::MessageReplyHeader(to)) = &newest.reply_to else {
            panic!("{layer}")
        };
        assert_eq!((to.reply_to_msg_id, to.reply_to_top_id), (Some(said.id), Some(copy.id)));
        let ask = f::messages::GetDiscussionMessage { peer: peer(&eve, news), msg_id: post.id };
        let enums::messages::DiscussionMessage::DiscussionMessage(found) =
            call(&eve, &ask).await.unwrap();
        assert_eq!((found.max_id, found.unread_count), (Some(newest.id), 2), "{layer}");
        let [enums::Message::Message(first)] = &found.messages[..] else { panic!("{layer}") };
        let Some(enums::MessageReplies::MessageReplies(about)) = &first.replies else {
            panic!("{layer}: {first:?}")
        };
        assert!(!about.comments && about.replies == 2, "{layer}");
        let faces: Vec<enums::Peer> = about.recent_repliers.clone().unwrap();
        assert_eq!(faces[1], types::PeerUser { user_id: bob_id.0 }.into());
        assert_eq!(found.users.len(), 2, "{layer}: those who have answered");

        let ask = f::messages::GetMessagesViews {
            peer: peer(&eve, news),
            id: vec![post.id],
            increment: true,
        };
        let enums::messages::MessageViews::MessageViews(counted) = call(&eve, &ask).await.unwrap();
        let [enums::MessageViews::MessageViews(counts)] = &counted.views[..] else { panic!() };
        let Some(enums::MessageReplies::MessageReplies(about)) = &counts.replies else {
            panic!("{layer}: {counts:?}")
        };
        assert!(about.comments && about.replies == 2, "{layer}");
        assert_eq!((counted.users.len(), counted.chats.len()), (2, 2), "{layer}");

        // What is read of it is told to one's other sessions, and where that is.
        let read = f::messages::ReadDiscussion {
            peer: peer(&bob, news),
            msg_id: post.id,
            read_max_id: newest.id,
        };
        assert!(call(&bob, &read).await.unwrap() && !call(&bob, &read).await.unwrap());
        let thread = (talk, node_core::MessageId(copy.id));
        let read = crate::project::Pushed::thread_read(
            &shared,
            bob_id,
            thread,
            node_core::MessageId(newest.id),
        );
        let bytes = crate::session::NeutralUpdate::encode(&*read, layer).unwrap();
        let enums::Updates::Updates(read) = tl::from_bytes(&bytes, layer).unwrap() else {
            panic!()
        };
        let [enums::Update::UpdateReadChannelDiscussionInbox(read)] = &read.updates[..] else {
            panic!("{layer}: {:?}", read.updates)
        };
        assert_eq!((read.top_msg_id, read.broadcast_post), (copy.id, Some(post.id)), "{layer}");
        let none = f::messages::GetDiscussionMessage { peer: peer(&eve, news), msg_id: 1 };
        assert_eq!(error(call(&eve, &none).await), (400, "MSG_ID_INVALID".into()));
        let own =
            f::messages::GetDiscussionMessage { peer: types::InputPeerSelf {}.into(), msg_id: 1 };
        assert_eq!(error(call(&eve, &own).await), (400, "MSG_ID_INVALID".into()));
    }
}

#[tokio::test]
async fn nothing_that_is_shown_names_who_writes_as_the_group() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (eve, _) = member(&shared, 7, layer, "Eve").await;
        let group = public_channel(&ada, false, "the_group").await;
        join(&bob, group).await;
        join(&eve, group).await;
        let rights = AdminRights::ANONYMOUS.and(AdminRights::PIN_MESSAGES);
        let (actor, rank) = (ada.actor().unwrap(), "Mate".to_owned());
        let core = &shared.core;
        core.edit_channel_admin(actor, ada_id, group, bob_id, rights, rank).await.unwrap();
        let told = Told::by(&shared);
        let (own, _) = say(&bob, group, "by the group", 1).await;
        let by = Some(types::PeerChannel { channel_id: group.0 }.into());
        assert!(own.out && own.from_id == by, "{layer}");
        assert_eq!(own.post_author.as_deref(), Some("Mate"));
        let pin = f::messages::UpdatePinnedMessage {
            peer: peer(&bob, group),
            id: own.id,
            ..Default::default()
        };
        call(&bob, &pin).await.unwrap();
        let events = told.boxes(group);
        assert_eq!(events.len(), 3);
        for event in &events {
            let push = push_of(&eve, event).unwrap();
            assert!(push.users.is_empty(), "{layer}: {push:?}");
            assert!(!format!("{push:?}").contains(&format!("{}", bob_id.0)), "{layer}: {push:?}");
        }
        let reply = answer(&bob, group, own.id, "and again", 2);
        call(&bob, &reply).await.unwrap();
        let history =
            f::messages::GetHistory { peer: peer(&eve, group), limit: 50, ..Default::default() };
        let page = call(&eve, &history).await.unwrap();
        assert!(!format!("{page:?}").contains(&format!("{}", bob_id.0)), "{layer}: {page:?}");
        // Nor does one who has seen the message get a hold of its writer by it.
        let seen = types::InputUserFromMessage {
            peer: peer(&eve, group),
            msg_id: own.id,
            user_id: bob_id.0,
        };
        let users = f::users::GetUsers { id: vec![seen.into()] };
        let found = call(&eve, &users).await;
        let shown = |user: &enums::User| matches!(user, enums::User::User(_));
        assert!(found.is_err() || !found.unwrap().iter().any(shown), "{layer}");
        let senders = f::channels::GetSendAs { peer: peer(&eve, group), ..Default::default() };
        let enums::channels::SendAsPeers::SendAsPeers(senders) =
            call(&eve, &senders).await.unwrap();
        assert_eq!((senders.peers.len(), senders.users.len()), (1, 1), "{layer}");
        let nobody =
            f::channels::GetSendAs { peer: types::InputPeerSelf {}.into(), ..Default::default() };
        assert_eq!(error(call(&eve, &nobody).await), (400, "PEER_ID_INVALID".into()));
    }
}
