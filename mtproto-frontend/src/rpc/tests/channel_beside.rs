//! What stands beside messages of channels, call by call: reactions, views and polls, in every layer;
//! and that who does not see a message learns nothing of them.

use node_core::{
    Banned, ChannelId, ChannelSetting, MessageId, NewChannel, Own, PollId, ReactHow, Reaction,
    Rights, UserId,
};
use tl::{enums, types};

use super::members::{error, member, message, named};
use super::*;
use crate::project::Pushed;
use crate::session::NeutralUpdate as _;

async fn place(of: &Context, broadcast: bool) -> ChannelId {
    let (title, about) = ("Harbour".to_owned(), String::new());
    let new = NewChannel { broadcast, title, about, ttl_period: 0, forum: false };
    let owner = of.user().unwrap();
    of.shared.core.create_channel(of.actor().unwrap(), owner, new).await.unwrap().channel
}

async fn open(of: &Context, id: ChannelId, name: &str) {
    let (actor, owner) = (of.actor().unwrap(), of.user().unwrap());
    of.shared.core.update_channel_username(actor, owner, id, name.into()).await.unwrap();
}

async fn join(ctx: &Context, id: ChannelId) {
    let (actor, user) = (ctx.actor().unwrap(), ctx.user().unwrap());
    ctx.shared.core.join_channel(actor, user, id).await.unwrap();
}

fn peer(ctx: &Context, id: ChannelId) -> enums::InputPeer {
    let access_hash = ctx.shared.core.channel_access_hash(ctx.user().unwrap(), id);
    types::InputPeerChannel { channel_id: id.0, access_hash }.into()
}

async fn say(ctx: &Context, id: ChannelId, random_id: i64) -> i32 {
    let sent = call(ctx, &message("fog", peer(ctx, id), random_id)).await.unwrap();
    let enums::Updates::Updates(sent) = sent else { panic!() };
    let [enums::Update::UpdateMessageId(number), ..] = &sent.updates[..] else { panic!() };
    number.id
}

/// A poll, with names or without.
async fn ask(ctx: &Context, id: ChannelId, public_voters: bool) -> (i32, PollId) {
    let answer = |text: &str, option: u8| {
        let text = types::TextWithEntities { text: text.into(), entities: Vec::new() }.into();
        types::PollAnswer { text, option: vec![option], ..Default::default() }.into()
    };
    let question = types::TextWithEntities { text: "Which?".into(), entities: Vec::new() }.into();
    let answers = vec![answer("This", 0), answer("That", 1)];
    let poll = types::Poll { question, answers, public_voters, ..Default::default() }.into();
    let media = types::InputMediaPoll { poll, ..Default::default() }.into();
    let ask =
        f::messages::SendMedia { peer: peer(ctx, id), media, random_id: 99, ..Default::default() };
    let enums::Updates::Updates(sent) = call(ctx, &ask).await.unwrap() else { panic!() };
    let [enums::Update::UpdateMessageId(number), ..] = &sent.updates[..] else { panic!() };
    let core = &ctx.shared.core;
    let poll = core.poll_in(ctx.user().unwrap(), id.into(), MessageId(number.id)).await.unwrap();
    (number.id, poll)
}

async fn reacts(ctx: &Context, id: ChannelId, msg_id: i32) {
    let with = vec![Reaction::Emoji("👍".into())];
    let (actor, user) = (ctx.actor().unwrap(), ctx.user().unwrap());
    let (core, how) = (&ctx.shared.core, ReactHow::default());
    core.react(actor, user, id.into(), MessageId(msg_id), with, how).await.unwrap();
}

/// An update as it is pushed; with who and what stands beside it.
fn pushed(update: &Pushed, layer: i32) -> Option<types::Updates> {
    let bytes = update.encode(layer)?;
    let enums::Updates::Updates(updates) = tl::from_bytes(&bytes, layer).unwrap() else { panic!() };
    Some(*updates)
}

fn own(ctx: &Context, viewer: UserId, id: ChannelId, msg_id: i32) -> Arc<Pushed> {
    let change = Own::Reactions { peer: id.into(), id: MessageId(msg_id) };
    Pushed::own(&ctx.shared, viewer, change)
}

#[tokio::test]
async fn what_stands_beside_messages_is_told_in_every_layer() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let (news, crew) = (place(&ada, true).await, place(&ada, false).await);
    open(&ada, news, "harbour_news").await;
    open(&ada, crew, "harbour_crew").await;
    join(&bob, news).await;
    join(&bob, crew).await;
    let (post, said) = (say(&ada, news, 1).await, say(&ada, crew, 2).await);
    let (asked, poll) = ask(&ada, crew, true).await;
    reacts(&bob, news, post).await;
    reacts(&bob, crew, said).await;
    let vote =
        f::messages::SendVote { peer: peer(&bob, crew), msg_id: asked, options: vec![vec![1]] };
    call(&bob, &vote).await.unwrap();
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        for (place, id, listed) in [(news, post, false), (crew, said, true)] {
            let push = pushed(&own(&ada, bob_id, place, id), layer).unwrap();
            let [enums::Update::UpdateMessageReactions(update)] = &push.updates[..] else {
                panic!("{layer}")
            };
            let enums::MessageReactions::MessageReactions(shown) = &update.reactions;
            let [enums::ReactionCount::ReactionCount(count)] = &shown.results[..] else { panic!() };
            assert_eq!((count.count, count.chosen_order), (1, Some(0)), "{layer}");
            assert_eq!((shown.can_see_list, shown.recent_reactions.is_some()), (listed, listed));
            assert!(matches!(&push.chats[..], [enums::Chat::Channel(_)]), "{layer}");
        }
        let counts = Arc::new((vec![(MessageId(post), 7)], vec![(MessageId(post), 2)]));
        let push = pushed(&Pushed::counts(&shared, bob_id, news, counts), layer).unwrap();
        let [
            enums::Update::UpdateChannelMessageViews(views),
            enums::Update::UpdateChannelMessageForwards(forwards),
        ] = &push.updates[..]
        else {
            panic!("{layer}")
        };
        assert_eq!((views.id, views.views, forwards.forwards), (post, 7, 2));
        let push = Pushed::channel_poll(&shared, bob_id, crew, MessageId(asked), poll);
        let push = pushed(&push, layer).unwrap();
        let [enums::Update::UpdateMessagePoll(update)] = &push.updates[..] else { panic!() };
        let enums::PollResults::PollResults(results) = &update.results;
        assert_eq!(results.total_voters, Some(1), "{layer}");
        let change = Own::ReadContents { channel: crew, ids: vec![MessageId(said)] };
        let push = pushed(&Pushed::own(&shared, bob_id, change), layer).unwrap();
        let read = matches!(&push.updates[..],
            [enums::Update::UpdateChannelReadMessagesContents(read)] if read.messages == [said]);
        assert!(read, "{layer}");
    }
}

#[tokio::test]
async fn who_does_not_see_a_message_learns_nothing_of_what_stands_beside_it() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let crew = place(&ada, false).await;
    let core = &shared.core;
    let hidden = ChannelSetting::HiddenHistory(true);
    core.set_in_channel(ada.actor().unwrap(), ada_id, crew, hidden).await.unwrap();
    let said = say(&ada, crew, 1).await;
    let (asked, poll) = ask(&ada, crew, true).await;
    reacts(&ada, crew, said).await;
    core.add_to_channel(ada.actor().unwrap(), ada_id, crew, vec![bob_id]).await.unwrap();
    let seen = say(&ada, crew, 3).await;
    reacts(&ada, crew, seen).await;
    // What was said before he came is not there for him.
    let of = |ids: Vec<i32>| f::messages::GetMessagesReactions { peer: peer(&bob, crew), id: ids };
    let enums::Updates::Updates(found) = call(&bob, &of(vec![said, seen])).await.unwrap() else {
        panic!()
    };
    let [enums::Update::UpdateMessageReactions(update)] = &found.updates[..] else { panic!() };
    assert_eq!(update.msg_id, seen);
    assert!(pushed(&own(&bob, bob_id, crew, said), 230).is_none());
    assert!(pushed(&own(&bob, bob_id, crew, seen), 230).is_some());
    assert!(
        pushed(&Pushed::channel_poll(&shared, bob_id, crew, MessageId(asked), poll), 230).is_none()
    );
    let list = |msg_id: i32| f::messages::GetMessageReactionsList {
        peer: peer(&bob, crew),
        id: msg_id,
        limit: 10,
        ..Default::default()
    };
    let invalid = (400, "MESSAGE_ID_INVALID".to_owned());
    assert_eq!(error(call(&bob, &list(said)).await), invalid);
    let react = f::messages::SendReaction {
        peer: peer(&bob, crew),
        msg_id: said,
        reaction: Some(vec![types::ReactionEmoji { emoticon: "👍".into() }.into()]),
        ..Default::default()
    };
    assert_eq!(error(call(&bob, &react).await), invalid);
    let vote =
        f::messages::SendVote { peer: peer(&bob, crew), msg_id: asked, options: vec![vec![0]] };
    assert_eq!(error(call(&bob, &vote).await), invalid);
    let (peer_of_bob, poll_hash) = (peer(&bob, crew), 0);
    let results =
        f::messages::GetPollResults { peer: peer_of_bob.clone(), msg_id: asked, poll_hash };
    assert_eq!(error(call(&bob, &results).await), invalid);
    let votes =
        f::messages::GetPollVotes { peer: peer_of_bob, id: asked, limit: 5, ..Default::default() };
    assert_eq!(error(call(&bob, &votes).await), invalid);
    // Nor is anything there for who was removed.
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    core.ban_in_channel(ada.actor().unwrap(), ada_id, crew, bob_id, banned).await.unwrap();
    assert!(pushed(&own(&bob, bob_id, crew, seen), 230).is_none());
    let counts = Arc::new((vec![(MessageId(seen), 7)], Vec::new()));
    assert!(pushed(&Pushed::counts(&shared, bob_id, crew, counts), 230).is_none());
    assert_eq!(error(call(&bob, &of(vec![seen])).await).1, "CHANNEL_PRIVATE");
    let views =
        f::messages::GetMessagesViews { peer: peer(&bob, crew), id: vec![seen], increment: true };
    assert_eq!(error(call(&bob, &views).await).1, "CHANNEL_PRIVATE");
    // More than one may name.
    let views = f::messages::GetMessagesViews {
        peer: peer(&ada, crew),
        id: (0..101).collect(),
        increment: true,
    };
    assert_eq!(error(call(&ada, &views).await), (400, "LIMIT_INVALID".into()));
    let views = f::messages::GetMessagesViews {
        peer: named(&ada, bob_id),
        id: vec![1, 2],
        increment: true,
    };
    let enums::messages::MessageViews::MessageViews(found) = call(&ada, &views).await.unwrap();
    assert_eq!(found.views.len(), 2);
}
