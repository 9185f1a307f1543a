//! Messages of channels and supergroups, call by call: what their writer and others see, what they
//! missed, and where their dialogs stand.

use node_core::{
    Banned, BoxEvent, ChannelId, ChannelSetting, Event, Follower, MessageId, NewChannel, PinHow,
    Rights, UserId,
};
use parking_lot::Mutex;
use tl::{enums, types};

use super::members::{error, member, message, named};
use super::*;
use crate::project::Pushed;
use crate::session::NeutralUpdate as _;

/// The layers whose shapes are looked at: an old one and the newest.
pub(super) const LAYERS: [i32; 2] = [158, 230];

pub(super) async fn channel(of: &Context, broadcast: bool) -> ChannelId {
    let (title, about) = ("News".to_owned(), String::new());
    let new = NewChannel { broadcast, title, about, ttl_period: 0, forum: false };
    let owner = of.user().unwrap();
    of.shared.core.create_channel(of.actor().unwrap(), owner, new).await.unwrap().channel
}

/// A channel that everybody may join.
pub(super) async fn public_channel(of: &Context, broadcast: bool, name: &str) -> ChannelId {
    let (id, owner) = (channel(of, broadcast).await, of.user().unwrap());
    let (actor, core) = (of.actor().unwrap(), &of.shared.core);
    core.update_channel_username(actor, owner, id, name.into()).await.unwrap();
    id
}

pub(super) async fn join(ctx: &Context, id: ChannelId) {
    let (actor, user) = (ctx.actor().unwrap(), ctx.user().unwrap());
    ctx.shared.core.join_channel(actor, user, id).await.unwrap();
}

fn hash(ctx: &Context, id: ChannelId) -> i64 {
    ctx.shared.core.channel_access_hash(ctx.user().unwrap(), id)
}

pub(super) fn peer(ctx: &Context, id: ChannelId) -> enums::InputPeer {
    types::InputPeerChannel { channel_id: id.0, access_hash: hash(ctx, id) }.into()
}

pub(super) fn input(ctx: &Context, id: ChannelId) -> enums::InputChannel {
    types::InputChannel { channel_id: id.0, access_hash: hash(ctx, id) }.into()
}

/// Sends a text: the answer's new message, with its pts.
pub(super) async fn say(
    ctx: &Context,
    id: ChannelId,
    text: &str,
    random_id: i64,
) -> (types::Message, types::Updates) {
    let sent = call(ctx, &message(text, peer(ctx, id), random_id)).await.unwrap();
    let enums::Updates::Updates(sent) = sent else { panic!("no updates") };
    let [enums::Update::UpdateMessageId(number), enums::Update::UpdateNewChannelMessage(new)] =
        &sent.updates[..]
    else {
        panic!("not one id and one message: {:?}", sent.updates)
    };
    let enums::Message::Message(said) = &new.message else { panic!("no message") };
    assert_eq!((number.id, number.random_id), (said.id, random_id));
    assert_eq!((new.pts, new.pts_count), (said.id, 1));
    ((**said).clone(), *sent)
}

fn history(ctx: &Context, id: ChannelId) -> f::messages::GetHistory {
    f::messages::GetHistory { peer: peer(ctx, id), limit: 50, ..Default::default() }
}

async fn messages(ctx: &Context, id: ChannelId) -> types::messages::ChannelMessages {
    let page = call(ctx, &history(ctx, id)).await.unwrap();
    let enums::messages::Messages::ChannelMessages(page) = page else { panic!("{page:?}") };
    *page
}

fn difference(ctx: &Context, id: ChannelId, pts: i32) -> f::updates::GetChannelDifference {
    f::updates::GetChannelDifference {
        channel: input(ctx, id),
        filter: types::ChannelMessagesFilterEmpty {}.into(),
        pts,
        limit: 100,
        ..Default::default()
    }
}

/// What core told.
#[derive(Default)]
pub(super) struct Told(Mutex<Vec<Event>>);

impl Follower for Told {
    fn happened(&self, event: &Event) {
        self.0.lock().push(event.clone());
    }
}

impl Told {
    pub(super) fn by(shared: &Shared) -> Arc<Self> {
        let told = Arc::new(Self::default());
        shared.core.follow(told.clone());
        told
    }

    /// What happened in any box since this was asked last.
    pub(super) fn all_boxes(&self) -> Vec<Arc<BoxEvent>> {
        let events = std::mem::take(&mut *self.0.lock());
        let of = |event| match event {
            Event::Box(event) => Some(event),
            _ => None,
        };
        events.into_iter().filter_map(of).collect()
    }

    /// What happened in the box of a channel since this was asked last.
    pub(super) fn boxes(&self, id: ChannelId) -> Vec<Arc<BoxEvent>> {
        let events = std::mem::take(&mut *self.0.lock());
        let of = |event| match event {
            Event::Box(event) if event.owner.channel() == Some(id) => Some(event),
            _ => None,
        };
        events.into_iter().filter_map(of).collect()
    }
}

/// An update as it is pushed; with who and what stands beside it.
fn pushed(update: &Pushed, layer: i32) -> Option<types::Updates> {
    let bytes = update.encode(layer)?;
    let enums::Updates::Updates(updates) = tl::from_bytes(&bytes, layer).unwrap() else {
        panic!("no updates")
    };
    Some(*updates)
}

pub(super) fn push_of(viewer: &Context, event: &Arc<BoxEvent>) -> Option<types::Updates> {
    let push = Pushed::event(&viewer.shared, viewer.user().unwrap(), event);
    super::fan_out::looks_alike(viewer, event, &push);
    pushed(&push, viewer.layer)
}

#[tokio::test]
async fn a_post_names_its_channel_and_nobody_else() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, _) = member(&shared, 6, layer, "Bob").await;
        let news = public_channel(&ada, true, "the_news").await;
        join(&bob, news).await;
        let told = Told::by(&shared);
        let (own, sent) = say(&ada, news, "hello", 1).await;
        assert!(own.out && own.post && own.from_id.is_none(), "{layer}");
        assert_eq!((own.views, own.forwards), (Some(1), Some(0)), "{layer}");
        assert_eq!(own.peer_id, types::PeerChannel { channel_id: news.0 }.into());
        let [enums::Chat::Channel(shown)] = &sent.chats[..] else { panic!("{layer}") };
        assert!(shown.creator && shown.broadcast && !shown.megagroup && !shown.left);
        assert_eq!(shown.username.as_deref(), Some("the_news"));
        assert!(shown.admin_rights.is_some() && shown.banned_rights.is_none());
        assert_eq!(shown.access_hash, Some(hash(&ada, news)));
        // The same once more is the same message.
        assert_eq!(say(&ada, news, "hello", 1).await.0, own);

        let events = told.boxes(news);
        let [event] = &events[..] else { panic!("{events:?}") };
        let push = push_of(&bob, event).unwrap();
        let [enums::Update::UpdateNewChannelMessage(new)] = &push.updates[..] else { panic!() };
        let enums::Message::Message(theirs) = &new.message else { panic!("{layer}") };
        assert!(!theirs.out && theirs.post && theirs.from_id.is_none(), "{layer}");
        assert_eq!((new.pts, new.pts_count), (own.id, 1));
        assert!(push.users.is_empty(), "{layer}: who wrote it is nobody's to know");
        let [enums::Chat::Channel(shown)] = &push.chats[..] else { panic!("{layer}") };
        assert!(!shown.creator && shown.admin_rights.is_none());
        assert_eq!(shown.access_hash, Some(hash(&bob, news)));
        assert_ne!(shown.access_hash, Some(hash(&ada, news)));

        let page = messages(&bob, news).await;
        assert_eq!((page.count, page.pts), (2, own.id), "{layer}");
        let [enums::Message::Message(first), enums::Message::MessageService(made)] =
            &page.messages[..]
        else {
            panic!("{layer}: {:?}", page.messages)
        };
        assert_eq!(first, theirs);
        assert!(made.post && made.from_id.is_none(), "{layer}");
        let action =
            enums::MessageAction::from(types::MessageActionChannelCreate { title: "News".into() });
        assert_eq!(made.action, action);
        assert!(page.users.is_empty() && page.chats.len() == 1, "{layer}");

        // Nor does a search tell it.
        let search = f::messages::Search {
            peer: peer(&bob, news),
            from_id: Some(named(&bob, ada_id)),
            filter: types::InputMessagesFilterEmpty {}.into(),
            limit: 10,
            ..Default::default()
        };
        let found = call(&bob, &search).await.unwrap();
        let enums::messages::Messages::ChannelMessages(found) = found else { panic!("{layer}") };
        assert_eq!((found.count, found.messages.len()), (0, 0));
        let words = f::messages::Search { from_id: None, q: "hello".into(), ..search };
        let enums::messages::Messages::ChannelMessages(found) = call(&bob, &words).await.unwrap()
        else {
            panic!("{layer}")
        };
        assert_eq!((found.count, found.messages.len()), (1, 1));
        // Nor a forward, which says from where it is.
        let forward = f::messages::ForwardMessages {
            from_peer: peer(&bob, news),
            id: vec![own.id],
            random_id: vec![7],
            to_peer: types::InputPeerSelf {}.into(),
            ..Default::default()
        };
        let enums::Updates::Updates(kept) = call(&bob, &forward).await.unwrap() else { panic!() };
        let Some(enums::Update::UpdateNewMessage(kept)) = kept.updates.last() else { panic!() };
        let enums::Message::Message(kept) = &kept.message else { panic!("{layer}") };
        let Some(enums::MessageFwdHeader::MessageFwdHeader(header)) = &kept.fwd_from else {
            panic!("{layer}")
        };
        let from = types::PeerChannel { channel_id: news.0 }.into();
        assert_eq!((&header.from_id, &header.from_name), (&Some(from), &None), "{layer}");
        assert_eq!((header.channel_post, &header.post_author), (Some(own.id), &None), "{layer}");
        // Readers do not write.
        let refused = call(&bob, &message("me too", peer(&bob, news), 2)).await;
        assert_eq!(error(refused), (403, "CHAT_WRITE_FORBIDDEN".into()));
        let typing = f::messages::SetTyping {
            peer: peer(&bob, news),
            action: types::SendMessageTypingAction {}.into(),
            ..Default::default()
        };
        assert_eq!(error(call(&bob, &typing).await), (403, "CHAT_WRITE_FORBIDDEN".into()));
    }
}

#[tokio::test]
async fn a_supergroup_names_who_writes() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let group = public_channel(&ada, false, "the_group").await;
        join(&bob, group).await;
        let told = Told::by(&shared);
        let (own, sent) = say(&bob, group, "hello", 1).await;
        assert!(own.out && !own.post, "{layer}");
        assert_eq!(own.from_id, Some(types::PeerUser { user_id: bob_id.0 }.into()));
        assert_eq!(sent.users.len(), 1, "{layer}");
        let event = told.boxes(group).pop().unwrap();
        let push = push_of(&ada, &event).unwrap();
        let [enums::Update::UpdateNewChannelMessage(new)] = &push.updates[..] else { panic!() };
        let enums::Message::Message(theirs) = &new.message else { panic!("{layer}") };
        assert!(!theirs.out && theirs.from_id == own.from_id, "{layer}");
        assert!(matches!(&push.users[..], [enums::User::User(user)] if user.id == bob_id.0));

        // An answer to it, an edit, a pin, a deletion.
        let answer = f::messages::SendMessage {
            reply_to: (layer >= 159).then(|| {
                let reply_to_msg_id = own.id;
                types::InputReplyToMessage { reply_to_msg_id, ..Default::default() }.into()
            }),
            reply_to_msg_id: (layer < 159).then_some(own.id),
            ..message("I see", peer(&ada, group), 2)
        };
        call(&ada, &answer).await.unwrap();
        let push = push_of(&bob, &told.boxes(group)[0]).unwrap();
        let [enums::Update::UpdateNewChannelMessage(new)] = &push.updates[..] else { panic!() };
        let enums::Message::Message(answer) = &new.message else { panic!("{layer}") };
        let Some(enums::MessageReplyHeader::MessageReplyHeader(to)) = &answer.reply_to else {
            panic!("{layer}")
        };
        assert_eq!(to.reply_to_msg_id, Some(own.id));
        let edit = f::messages::EditMessage {
            peer: peer(&bob, group),
            id: own.id,
            message: Some("hello!".into()),
            ..Default::default()
        };
        let enums::Updates::Updates(edited) = call(&bob, &edit).await.unwrap() else { panic!() };
        let [enums::Update::UpdateEditChannelMessage(edited)] = &edited.updates[..] else {
            panic!("{layer}: {:?}", edited.updates)
        };
        assert_eq!((edited.pts, edited.pts_count), (answer.id + 1, 1));
        let push = push_of(&ada, &told.boxes(group)[0]).unwrap();
        assert!(matches!(&push.updates[..], [enums::Update::UpdateEditChannelMessage(_)]));
        let theirs = f::messages::EditMessage { peer: peer(&ada, group), ..edit };
        let refused = error(call(&ada, &theirs).await);
        assert_eq!(refused, (403, "MESSAGE_AUTHOR_REQUIRED".into()));
        let data = f::messages::GetMessageEditData { peer: peer(&bob, group), id: own.id };
        call(&bob, &data).await.unwrap();

        let pin = f::messages::UpdatePinnedMessage {
            peer: peer(&ada, group),
            id: own.id,
            ..Default::default()
        };
        let enums::Updates::Updates(pinned) = call(&ada, &pin).await.unwrap() else { panic!() };
        let [
            enums::Update::UpdatePinnedChannelMessages(pins),
            enums::Update::UpdateNewChannelMessage(said),
        ] = &pinned.updates[..]
        else {
            panic!("{layer}: {:?}", pinned.updates)
        };
        assert!(pins.pinned && pins.messages == [own.id] && pins.channel_id == group.0);
        assert_eq!(said.pts, pins.pts + 1);
        let members_may_not = f::messages::UpdatePinnedMessage { peer: peer(&bob, group), ..pin };
        let refused = error(call(&bob, &members_may_not).await);
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        let unpin = f::messages::UnpinAllMessages { peer: peer(&ada, group), ..Default::default() };
        let enums::messages::AffectedHistory::AffectedHistory(unpinned) =
            call(&ada, &unpin).await.unwrap();
        assert_eq!((unpinned.pts, unpinned.pts_count), (said.pts + 1, 1));
        told.boxes(group);
        let ids = vec![MessageId(own.id)];
        let core = &shared.core;
        core.delete_in_channel(ada.actor().unwrap(), ada_id, group, ids).await.unwrap();
        let push = push_of(&bob, &told.boxes(group)[0]).unwrap();
        let [enums::Update::UpdateDeleteChannelMessages(gone)] = &push.updates[..] else {
            panic!("{layer}: {:?}", push.updates)
        };
        assert_eq!((gone.channel_id, &gone.messages[..]), (group.0, &[own.id][..]));

        // Forwards: into the channel, and out of it.
        let (note, _) = say(&bob, group, "take it", 4).await;
        let forward = f::messages::ForwardMessages {
            from_peer: peer(&ada, group),
            id: vec![note.id],
            random_id: vec![5],
            to_peer: types::InputPeerSelf {}.into(),
            ..Default::default()
        };
        let enums::Updates::Updates(kept) = call(&ada, &forward).await.unwrap() else { panic!() };
        let Some(enums::Update::UpdateNewMessage(kept)) = kept.updates.last() else { panic!() };
        let enums::Message::Message(kept) = &kept.message else { panic!("{layer}") };
        let Some(enums::MessageFwdHeader::MessageFwdHeader(header)) = &kept.fwd_from else {
            panic!("{layer}")
        };
        let saved_from = Some(types::PeerChannel { channel_id: group.0 }.into());
        assert_eq!(
            (&header.saved_from_peer, header.saved_from_msg_id),
            (&saved_from, Some(note.id))
        );
        let back = f::messages::ForwardMessages {
            from_peer: types::InputPeerSelf {}.into(),
            id: vec![kept.id],
            random_id: vec![6],
            to_peer: peer(&ada, group),
            ..Default::default()
        };
        let enums::Updates::Updates(back) = call(&ada, &back).await.unwrap() else { panic!() };
        assert!(matches!(back.updates.last(), Some(enums::Update::UpdateNewChannelMessage(_))));
    }
}

/// Lines 40 and 41.
#[tokio::test]
async fn what_was_missed_in_a_channel() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, _) = member(&shared, 6, layer, "Bob").await;
        let group = public_channel(&ada, false, "the_group").await;
        let (first, _) = say(&ada, group, "one", 1).await;
        // Who is not in it may poll too.
        let empty = call(&bob, &difference(&bob, group, first.id)).await.unwrap();
        let enums::updates::ChannelDifference::ChannelDifferenceEmpty(empty) = empty else {
            panic!("{layer}: {empty:?}")
        };
        assert_eq!((empty.final_, empty.pts, empty.timeout), (true, first.id, Some(30)));
        let (second, _) = say(&ada, group, "two", 2).await;
        let (third, _) = say(&ada, group, "three", 3).await;
        let core = &shared.core;
        let (actor, how) =
            (ada.actor().unwrap(), PinHow { pinned: true, one_side: false, silent: true });
        core.pin_message(actor, ada_id, group.into(), MessageId(first.id), how).await.unwrap();
        let missed = call(&bob, &difference(&bob, group, first.id)).await.unwrap();
        let enums::updates::ChannelDifference::ChannelDifference(missed) = missed else {
            panic!("{layer}: {missed:?}")
        };
        let ids: Vec<i32> = missed.new_messages.iter().map(id_of).collect();
        assert_eq!(ids, [second.id, third.id, third.id + 2], "{layer}: ascending");
        assert!(missed.final_ && missed.pts == third.id + 2, "{layer}");
        let [enums::Update::UpdatePinnedChannelMessages(pins)] = &missed.other_updates[..] else {
            panic!("{layer}: {:?}", missed.other_updates)
        };
        assert_eq!((pins.pts, pins.pts_count), (third.id + 1, 1));
        assert!(matches!(&missed.chats[..], [enums::Chat::Channel(shown)] if shown.left));
        assert_eq!(missed.users.len(), 1, "{layer}");

        // More than was asked for: from the start.
        for at in 0..12 {
            say(&ada, group, "more", 10 + at).await;
        }
        let few = f::updates::GetChannelDifference { limit: 1, ..difference(&bob, group, 1) };
        let long = call(&bob, &few).await.unwrap();
        let enums::updates::ChannelDifference::ChannelDifferenceTooLong(long) = long else {
            panic!("{layer}: {long:?}")
        };
        let enums::Dialog::Dialog(dialog) = &long.dialog else { panic!("{layer}") };
        let top = core.channel_state(group).unwrap().0;
        assert_eq!((dialog.pts, dialog.top_message), (Some(top), top), "{layer}");
        assert_eq!(long.messages.first().map(id_of), Some(top));
        assert!(long.final_ && long.messages.len() == 10 && long.chats.len() == 1, "{layer}");

        // Of another life of the database, of nobody, of no such channel.
        let refused = error(call(&bob, &difference(&bob, group, top + 1)).await);
        assert_eq!(refused, (400, "PERSISTENT_TIMESTAMP_INVALID".into()));
        let refused = error(call(&bob, &difference(&bob, group, 0)).await);
        assert_eq!(refused, (400, "PERSISTENT_TIMESTAMP_EMPTY".into()));
        let another = f::updates::GetChannelDifference {
            channel: input(&ada, group),
            ..difference(&bob, group, 1)
        };
        assert_eq!(error(call(&bob, &another).await), (400, "CHANNEL_INVALID".into()));
        let hidden = channel(&ada, true).await;
        let refused = error(call(&bob, &difference(&bob, hidden, 1)).await);
        assert_eq!(refused, (400, "CHANNEL_PRIVATE".into()));
    }
}

fn id_of(message: &enums::Message) -> i32 {
    match message {
        enums::Message::Message(message) => message.id,
        enums::Message::MessageService(message) => message.id,
        enums::Message::MessageEmpty(message) => message.id,
    }
}

/// A client that was away learns which channels went on.
#[tokio::test]
async fn a_difference_names_channels_that_went_on() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (bob, _) = member(&shared, 6, 230, "Bob").await;
    let news = public_channel(&ada, true, "the_news").await;
    let enums::updates::State::State(state) = call(&bob, &f::updates::GetState {}).await.unwrap();
    let missed = |date| f::updates::GetDifference { pts: state.pts, date, ..Default::default() };
    let nothing = call(&bob, &missed(state.date)).await.unwrap();
    assert!(matches!(nothing, enums::updates::Difference::DifferenceEmpty(_)));
    join(&bob, news).await;
    let (said, _) = say(&ada, news, "hello", 1).await;
    let told = call(&bob, &missed(state.date)).await.unwrap();
    let enums::updates::Difference::Difference(told) = told else { panic!("{told:?}") };
    let [enums::Update::UpdateChannelTooLong(long)] = &told.other_updates[..] else {
        panic!("{:?}", told.other_updates)
    };
    assert_eq!((long.channel_id, long.pts), (news.0, Some(said.id)));
    assert!(matches!(&told.chats[..], [enums::Chat::Channel(_)]));
    let enums::updates::State::State(now) = told.state;
    assert_eq!(now.pts, state.pts, "one's own box is where it was");
    // Who confirms with a time to come is told nothing.
    let nothing = call(&bob, &missed(i32::MAX)).await.unwrap();
    assert!(matches!(nothing, enums::updates::Difference::DifferenceEmpty(_)));
}

#[tokio::test]
async fn dialogs_with_channels_stand_between_others() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let news = public_channel(&ada, true, "the_news").await;
        let (said, _) = say(&ada, news, "hello", 1).await;
        join(&bob, news).await;
        call(&ada, &message("hi", named(&ada, bob_id), 2)).await.unwrap();
        let all = f::messages::GetDialogs { limit: 20, ..Default::default() };
        let all = f::messages::GetDialogs { offset_peer: types::InputPeerEmpty {}.into(), ..all };
        let enums::messages::Dialogs::Dialogs(page) = call(&bob, &all).await.unwrap() else {
            panic!("{layer}")
        };
        let dialogs: Vec<_> = page.dialogs.iter().map(dialog).collect();
        let of_news = dialogs
            .iter()
            .find(|dialog| dialog.peer == types::PeerChannel { channel_id: news.0 }.into())
            .unwrap();
        assert_eq!((of_news.pts, of_news.top_message), (Some(said.id), said.id), "{layer}");
        assert_eq!((of_news.read_inbox_max_id, of_news.unread_count), (0, 2), "{layer}");
        assert!(dialogs.iter().filter(|dialog| dialog.pts.is_some()).count() == 1, "{layer}");
        assert_eq!(page.messages.len(), page.dialogs.len(), "{layer}");
        assert!(page.messages.iter().any(|message| id_of(message) == said.id));

        // Page by page it is the same list.
        let mut paged = Vec::new();
        let mut next = f::messages::GetDialogs { limit: 1, ..all.clone() };
        for _ in 0..dialogs.len() {
            let (one, messages) = match call(&bob, &next).await.unwrap() {
                enums::messages::Dialogs::DialogsSlice(slice) => (slice.dialogs, slice.messages),
                enums::messages::Dialogs::Dialogs(last) => (last.dialogs, last.messages),
                other => panic!("{layer}: {other:?}"),
            };
            let [one] = &one[..] else { panic!("{layer}: {one:?}") };
            let (peer, top) = (dialog(one).peer.clone(), dialog(one).top_message);
            let date = messages.iter().map(date_of).max().unwrap();
            next.offset_peer = match &peer {
                enums::Peer::PeerChannel(_) => self::peer(&bob, news),
                enums::Peer::PeerUser(user) => named(&bob, UserId(user.user_id)),
                other => panic!("{other:?}"),
            };
            (next.offset_id, next.offset_date) = (top, date);
            paged.push(peer);
        }
        let peers: Vec<_> = dialogs.iter().map(|dialog| dialog.peer.clone()).collect();
        assert_eq!(paged, peers, "{layer}");
        // By time alone: nothing is older than the first second.
        let by_date = f::messages::GetDialogs { offset_date: 1, ..all.clone() };
        let none = call(&bob, &by_date).await.unwrap();
        let enums::messages::Dialogs::DialogsSlice(none) = none else { panic!("{layer}") };
        assert!(none.dialogs.is_empty(), "{layer}");

        // What a member sets about one.
        let at = types::InputDialogPeer { peer: peer(&bob, news) };
        let pin = f::messages::ToggleDialogPin { pinned: true, peer: at.clone().into() };
        call(&bob, &pin).await.unwrap();
        let draft = f::messages::SaveDraft {
            peer: peer(&bob, news),
            message: "later".into(),
            ..Default::default()
        };
        call(&bob, &draft).await.unwrap();
        let ask = f::messages::GetPeerDialogs { peers: vec![at.into()] };
        let enums::messages::PeerDialogs::PeerDialogs(one) = call(&bob, &ask).await.unwrap();
        let one = dialog(&one.dialogs[0]);
        assert!(one.pinned && one.draft.is_some() && one.pts == Some(said.id), "{layer}");
        let pinned = f::messages::GetPinnedDialogs { folder_id: 0 };
        let enums::messages::PeerDialogs::PeerDialogs(pins) = call(&bob, &pinned).await.unwrap();
        assert_eq!(pins.dialogs.len(), 1, "{layer}");
        // Removed, the member has no dialog with it any more, and sees nothing of it.
        let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
        let core = &shared.core;
        core.ban_in_channel(ada.actor().unwrap(), ada_id, news, bob_id, banned).await.unwrap();
        let enums::messages::PeerDialogs::PeerDialogs(pins) = call(&bob, &pinned).await.unwrap();
        assert!(pins.dialogs.is_empty() && pins.messages.is_empty(), "{layer}");
        assert_eq!(error(call(&bob, &ask).await), (400, "CHANNEL_PRIVATE".into()));
    }
}

fn dialog(dialog: &enums::Dialog) -> &types::Dialog {
    let enums::Dialog::Dialog(dialog) = dialog else { panic!("no dialog") };
    dialog
}

fn date_of(message: &enums::Message) -> i32 {
    match message {
        enums::Message::Message(message) => message.date,
        enums::Message::MessageService(message) => message.date,
        enums::Message::MessageEmpty(_) => 0,
    }
}

#[tokio::test]
async fn outsiders_and_the_removed_see_nothing() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let hidden = channel(&ada, false).await;
        say(&ada, hidden, "secret", 1).await;
        let private = (400, "CHANNEL_PRIVATE".to_owned());
        assert_eq!(error(call(&bob, &history(&bob, hidden)).await), private);
        let refused = call(&bob, &message("me", peer(&bob, hidden), 2)).await;
        assert_eq!(error(refused), private);
        let unknown = types::InputPeerChannel { channel_id: 999, access_hash: 1 };
        let asked = f::messages::GetHistory { peer: unknown.into(), ..Default::default() };
        assert_eq!(error(call(&bob, &asked).await), (400, "CHANNEL_INVALID".into()));
        let wrong = types::InputPeerChannel { channel_id: hidden.0, access_hash: 0 };
        let asked = f::messages::GetHistory { peer: wrong.into(), ..Default::default() };
        assert_eq!(error(call(&bob, &asked).await), (400, "CHANNEL_INVALID".into()));
        let resolve = f::contacts::ResolveUsername { username: "the_group".into(), referer: None };
        assert_eq!(error(call(&bob, &resolve).await), (400, "USERNAME_NOT_OCCUPIED".into()));

        let group = public_channel(&ada, false, "the_group").await;
        say(&ada, group, "hello", 3).await;
        let enums::contacts::ResolvedPeer::ResolvedPeer(found) =
            call(&bob, &resolve).await.unwrap();
        assert_eq!(found.peer, types::PeerChannel { channel_id: group.0 }.into());
        let [enums::Chat::Channel(shown)] = &found.chats[..] else { panic!("{layer}") };
        assert!(shown.left && shown.megagroup && shown.default_banned_rights.is_some());
        // Anybody may read it, and only members write.
        assert_eq!(messages(&bob, group).await.messages.len(), 2, "{layer}");
        let refused = call(&bob, &message("me", peer(&bob, group), 4)).await;
        assert_eq!(error(refused), (403, "CHAT_WRITE_FORBIDDEN".into()));
        let later = f::messages::SendMessage {
            schedule_date: Some((NOW_MS / 1000) as i32 + 3600),
            ..message("later", peer(&bob, group), 6)
        };
        assert_eq!(error(call(&bob, &later).await), (403, "CHAT_WRITE_FORBIDDEN".into()));
        join(&bob, group).await;
        say(&bob, group, "me", 5).await;
        // Methods of other dialogs.
        let read = f::messages::ReadHistory { peer: peer(&bob, group), max_id: 0 };
        assert_eq!(error(call(&bob, &read).await), (400, "PEER_ID_INVALID".into()));
        let clear = f::messages::DeleteHistory { peer: peer(&bob, group), ..Default::default() };
        assert_eq!(error(call(&bob, &clear).await), (400, "PEER_ID_INVALID".into()));
        call(&bob, &later).await.unwrap();
        let waiting = f::messages::GetScheduledHistory { peer: peer(&bob, group), hash: 0 };
        let enums::messages::Messages::Messages(waiting) = call(&bob, &waiting).await.unwrap()
        else {
            panic!("no list")
        };
        let [enums::Message::Message(waits)] = &waiting.messages[..] else { panic!("{layer}") };
        assert_eq!(waits.message, "later", "{layer}");
        let react =
            f::messages::SendReaction { peer: peer(&bob, group), msg_id: 2, ..Default::default() };
        assert_eq!(error(call(&bob, &react).await), (400, "MESSAGE_ID_INVALID".into()));
        let about = f::messages::EditChatAbout { peer: peer(&bob, group), about: "x".into() };
        assert_eq!(error(call(&bob, &about).await), (400, "CHAT_ADMIN_REQUIRED".into()));
        let about = f::messages::EditChatAbout { peer: peer(&ada, group), ..about };
        assert!(call(&ada, &about).await.unwrap());
        let again = error(call(&ada, &about).await);
        assert_eq!(again, (400, "CHAT_ABOUT_NOT_MODIFIED".into()));
        let rights = f::messages::EditChatDefaultBannedRights {
            peer: peer(&ada, group),
            banned_rights: types::ChatBannedRights {
                send_polls: true,
                ..types::ChatBannedRights::default()
            }
            .into(),
        };
        let enums::Updates::Updates(changed) = call(&ada, &rights).await.unwrap() else { panic!() };
        assert!(matches!(&changed.updates[..], [enums::Update::UpdateChannel(_)]));
        let core = &shared.core;
        let actor = ada.actor().unwrap();
        core.set_in_channel(actor, ada_id, group, ChannelSetting::SlowMode(60)).await.unwrap();
        say(&bob, group, "slowly", 7).await;
        let refused = call(&bob, &message("too fast", peer(&bob, group), 8)).await;
        assert_eq!(error(refused), (420, "SLOWMODE_WAIT_60".into()));

        let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
        core.ban_in_channel(actor, ada_id, group, bob_id, banned).await.unwrap();
        assert_eq!(error(call(&bob, &history(&bob, group)).await), private);
        let enums::contacts::ResolvedPeer::ResolvedPeer(found) =
            call(&bob, &resolve).await.unwrap();
        let [enums::Chat::ChannelForbidden(shown)] = &found.chats[..] else { panic!("{layer}") };
        assert_eq!((shown.access_hash, shown.megagroup), (hash(&bob, group), true));
        core.delete_channel(actor, ada_id, hidden).await.unwrap();
        assert_eq!(error(call(&ada, &history(&ada, hidden)).await), private);
    }
}

/// Who joins a group that hides what was said before learns nothing of it.
#[tokio::test]
async fn what_was_said_before_stays_hidden() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let (group, core) = (channel(&ada, false).await, &shared.core);
    let actor = ada.actor().unwrap();
    core.set_in_channel(actor, ada_id, group, ChannelSetting::HiddenHistory(true)).await.unwrap();
    let (secret, _) = say(&ada, group, "secret", 1).await;
    let added = core.add_to_channel(actor, ada_id, group, vec![bob_id]).await.unwrap();
    let first = added.sent[0].id.0;
    let ids: Vec<i32> = messages(&bob, group).await.messages.iter().map(id_of).collect();
    assert_eq!(ids, [first]);
    let search = f::messages::Search {
        peer: peer(&bob, group),
        q: "secret".into(),
        filter: types::InputMessagesFilterEmpty {}.into(),
        limit: 10,
        ..Default::default()
    };
    let enums::messages::Messages::ChannelMessages(found) = call(&bob, &search).await.unwrap()
    else {
        panic!("no messages of a channel")
    };
    assert_eq!((found.count, found.messages.len()), (0, 0));
    let forward = f::messages::ForwardMessages {
        from_peer: peer(&bob, group),
        id: vec![secret.id],
        random_id: vec![5],
        to_peer: types::InputPeerSelf {}.into(),
        ..Default::default()
    };
    assert_eq!(error(call(&bob, &forward).await), (400, "MESSAGE_ID_INVALID".into()));
    let missed = call(&bob, &difference(&bob, group, 1)).await.unwrap();
    let enums::updates::ChannelDifference::ChannelDifference(missed) = missed else { panic!() };
    let ids: Vec<i32> = missed.new_messages.iter().map(id_of).collect();
    assert_eq!(ids, [first]);
    // Nor by what becomes of it.
    let told = Told::by(&shared);
    let edit = f::messages::EditMessage {
        peer: peer(&ada, group),
        id: secret.id,
        message: Some("still secret".into()),
        ..Default::default()
    };
    call(&ada, &edit).await.unwrap();
    let event = &told.boxes(group)[0];
    let push = push_of(&bob, event).unwrap();
    let [enums::Update::UpdateDeleteChannelMessages(gone)] = &push.updates[..] else {
        panic!("{:?}", push.updates)
    };
    assert_eq!((gone.pts, gone.pts_count), (event.pts.0, 1));
    // Its newest message is not shown where it is hidden.
    core.delete_in_channel(actor, ada_id, group, vec![MessageId(first)]).await.unwrap();
    let at = types::InputDialogPeer { peer: peer(&bob, group) };
    let ask = f::messages::GetPeerDialogs { peers: vec![at.into()] };
    let enums::messages::PeerDialogs::PeerDialogs(one) = call(&bob, &ask).await.unwrap();
    assert!(matches!(&one.messages[..], [enums::Message::MessageEmpty(_)]), "{:?}", one.messages);
}

#[tokio::test]
async fn what_has_no_pts_is_pushed_in_every_layer() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let group = public_channel(&ada, false, "the_group").await;
    let told = Told::by(&shared);
    join(&bob, group).await;
    let (said, _) = say(&ada, group, "hello", 1).await;
    let core = &shared.core;
    let actor = bob.actor().unwrap();
    core.read_channel(actor, bob_id, group, MessageId(0)).await.unwrap();
    let (mut read, mut seen, mut came) = (None, None, false);
    for event in std::mem::take(&mut *told.0.lock()) {
        match event {
            Event::ChannelRead { channel, user, read: to, .. } => read = Some((channel, user, to)),
            Event::ChannelSeen { channel, by, after, max_id } => {
                seen = Some((channel, by, after, max_id));
            }
            Event::ChannelMember { user, .. } => came |= user == bob_id,
            _ => {}
        }
    }
    assert!(came);
    let (channel, user, to) = read.unwrap();
    assert_eq!((channel, user), (group, bob_id));
    let (_, by, after, max_id) = seen.unwrap();
    assert_eq!((by, max_id), (bob_id, MessageId(said.id)));
    let writers = core.writers_in_channel(group, after, max_id, 100).unwrap();
    assert_eq!(writers.into_iter().collect::<Vec<_>>(), [ada_id]);
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let push = pushed(&Pushed::channel_read(&shared, bob_id, group, to), layer).unwrap();
        let [enums::Update::UpdateReadChannelInbox(read)] = &push.updates[..] else { panic!() };
        assert_eq!((read.max_id, read.still_unread_count, read.pts), (said.id, 0, said.id));
        let push = pushed(&Pushed::channel_seen(&shared, ada_id, group, max_id), layer).unwrap();
        let [enums::Update::UpdateReadChannelOutbox(read)] = &push.updates[..] else { panic!() };
        assert_eq!((read.channel_id, read.max_id), (group.0, said.id));
        let push =
            pushed(&Pushed::channel(&shared, bob_id, group, node_core::ChatChange::Info), layer)
                .unwrap();
        assert!(matches!(&push.updates[..], [enums::Update::UpdateChannel(_)]), "{layer}");
        assert!(matches!(&push.chats[..], [enums::Chat::Channel(_)]), "{layer}");
        let action = types::SendMessageTypingAction {}.into();
        let action = Arc::new(crate::project::Typing { action, top_msg_id: Some(said.id) });
        let typing = Pushed::typing(&shared, ada_id, bob_id, group.into(), action);
        let push = pushed(&typing, layer).unwrap();
        let [enums::Update::UpdateChannelUserTyping(typing)] = &push.updates[..] else { panic!() };
        assert_eq!(typing.top_msg_id, Some(said.id), "{layer}");
    }
    // Whoever was removed is told nothing more of what is said there.
    let told = Told::by(&shared);
    let (actor, banned) =
        (ada.actor().unwrap(), Banned { entirely: true, rights: Rights::NONE, until: 0 });
    core.ban_in_channel(actor, ada_id, group, bob_id, banned).await.unwrap();
    say(&ada, group, "gone", 9).await;
    let event = told.boxes(group).pop().unwrap();
    assert!(push_of(&bob, &event).is_none());
    let push =
        pushed(&Pushed::channel(&shared, bob_id, group, node_core::ChatChange::Info), 230).unwrap();
    assert!(matches!(&push.chats[..], [enums::Chat::ChannelForbidden(_)]));
}
