//! Topics of forums: what stands where, what is read, and random life against a recount.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, full, newest, text};
use crate::*;

const ALL: HistoryQuery =
    HistoryQuery { offset_id: 0, offset_date: 0, add_offset: 0, limit: 100, max_id: 0, min_id: 0 };

fn new(title: &str) -> NewTopic {
    NewTopic { title: title.into(), color: None, emoji: None, random_id: 0, send_as: None }
}

impl World {
    pub(super) async fn forum(&self, owner: Member) -> ChannelId {
        let group = self.channel(owner, false).await;
        self.set_forum(owner, group, true).await.unwrap();
        group
    }

    pub(super) async fn set_forum(
        &self,
        by: Member,
        group: ChannelId,
        so: bool,
    ) -> CoreResult<ChannelDone> {
        let setting = ChannelSetting::Forum(so.then_some(false));
        self.core.set_in_channel(by.actor(), by.id, group, setting).await
    }

    pub(super) async fn topic(
        &self,
        by: Member,
        group: ChannelId,
        title: &str,
    ) -> CoreResult<Sent> {
        self.core.create_topic(by.actor(), by.id, group, new(title)).await
    }

    pub(super) async fn change(
        &self,
        by: Member,
        group: ChannelId,
        topic: MessageId,
        change: TopicChange,
    ) -> CoreResult<Sent> {
        self.core.edit_topic(by.actor(), by.id, group, topic, change).await
    }

    pub(super) async fn topics(&self, viewer: Member, group: ChannelId) -> Vec<ShownTopic> {
        let query = TopicQuery { limit: 100, ..TopicQuery::default() };
        let page = self.core.topics(viewer.id, group, &query).await.unwrap();
        assert_eq!(page.count as usize, page.topics.len());
        let newest: BTreeSet<MessageId> = page.topics.iter().map(|shown| shown.top).collect();
        assert!(page.messages.iter().all(|stored| newest.contains(&stored.id)));
        page.topics
    }

    pub(super) async fn one_topic(
        &self,
        viewer: Member,
        group: ChannelId,
        topic: MessageId,
    ) -> ShownTopic {
        let page = self.core.topics_by_id(viewer.id, group, &[topic]).await.unwrap();
        page.topics[0].clone()
    }

    pub(super) async fn stands(&self, group: ChannelId, topic: MessageId) -> Vec<MessageId> {
        let page = self.core.replies(group, topic, ALL).await.unwrap();
        page.messages.iter().map(|stored| stored.id).collect()
    }
}

#[tokio::test]
async fn what_answers_a_topic_stands_in_it() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let old = world.post(ada, group, "before").await.unwrap();
    let refused = world.topic(ada, group, "Boats").await;
    assert!(matches!(refused, Err(CoreError::ForumMissing)), "{refused:?}");
    world.set_forum(ada, group, true).await.unwrap();
    let again = world.set_forum(ada, group, true).await;
    assert!(matches!(again, Err(CoreError::ChatNotModified)));

    let boats = world.topic(ada, group, " Boats ").await.unwrap();
    let icon = TopicIcon { color: 0x6f_b9f0, emoji: None };
    assert_eq!(
        boats.message.action,
        Some(message::Action::TopicCreated { title: "Boats".into(), icon })
    );
    let one = world.answer(bob, group, boats.id, "one").await.unwrap();
    let two = world.answer(ada, group, one.id, "two").await.unwrap();
    let there = [&one, &two].map(|sent| (sent.message.thread, sent.message.in_topic));
    assert_eq!(there, [(Some(boats.id), true); 2]);
    assert!(!one.message.mentioned, "who began the topic is not answered by all of it");
    let plain = world.post(bob, group, "plain").await.unwrap();
    let answer = world.answer(ada, group, plain.id, "in the general one").await.unwrap();
    assert_eq!((answer.message.thread, answer.message.topic()), (Some(plain.id), GENERAL_TOPIC));
    assert_eq!(world.stands(group, boats.id).await, [two.id, one.id, boats.id]);
    let general = world.stands(group, GENERAL_TOPIC).await;
    assert_eq!(general[..2], [answer.id, plain.id]);
    assert!(general.contains(&old.id) && general.last() == Some(&MessageId(2)), "{general:?}");
    assert_eq!(world.stands(group, plain.id).await, [answer.id], "a thread in the general one");
    for id in [boats.id, one.id, two.id] {
        assert_eq!(core.thread_at(group, id).await.unwrap(), (group, boats.id));
    }
    assert_eq!(core.thread_at(group, GENERAL_TOPIC).await.unwrap(), (group, GENERAL_TOPIC));

    // The latest first, with what each is to whom.
    let shown = world.topics(bob, group).await;
    let of = |shown: &ShownTopic| (shown.topic.id, shown.topic.title.clone(), shown.top);
    let both = [(GENERAL_TOPIC, "General".into(), answer.id), (boats.id, "Boats".into(), two.id)];
    assert_eq!(shown.iter().map(of).collect::<Vec<_>>(), both);
    assert_eq!((shown[1].topic.author(), shown[1].unread), (ada.peer(), 1));
    assert_eq!((shown[0].unread, shown[0].unread_mentions), (1, 1));
    let bobs = world.core.dialogs(bob.id, newest(10)).await.unwrap().dialogs;
    let dialog = bobs.iter().find(|dialog| dialog.peer == group.into()).unwrap();
    assert_eq!(dialog.unread, 2);

    // Pins and what tells of them stand where the message does.
    let how = PinHow { pinned: true, one_side: false, silent: false };
    for id in [one.id, plain.id] {
        core.pin_message(ada.actor(), ada.id, group.into(), id, how).await.unwrap();
    }
    assert_eq!(world.stands(group, boats.id).await[1..], [two.id, one.id, boats.id]);
    let talk = Talk { peer: group.into(), topic: Some(boats.id) };
    let (unpinned, left) = core.unpin_all(ada.actor(), ada.id, talk).await.unwrap();
    assert_eq!((unpinned.pts_count, left), (1, 0));
    let pinned = |id| core.message(group, id).unwrap().unwrap().pinned;
    assert!(!pinned(one.id) && pinned(plain.id));
}

#[tokio::test]
async fn a_topic_is_read_for_itself() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.forum(ada).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let boats = world.topic(ada, group, "Boats").await.unwrap();
    let sails = world.topic(ada, group, "Sails").await.unwrap();
    let first = world.answer(ada, group, boats.id, "first").await.unwrap();
    let second = world.answer(ada, group, sails.id, "second").await.unwrap();
    let third = world.answer(ada, group, boats.id, "third").await.unwrap();
    let unread = async |world: &World| {
        let (one, other) = (boats.id, sails.id);
        let dialogs = world.core.dialogs(bob.id, newest(10)).await.unwrap().dialogs;
        let dialog = dialogs.into_iter().find(|dialog| dialog.peer == group.into()).unwrap();
        let by_topic = (
            world.one_topic(bob, group, one).await.unread,
            world.one_topic(bob, group, other).await.unread,
        );
        (by_topic, dialog.unread - world.one_topic(bob, group, GENERAL_TOPIC).await.unread)
    };
    assert_eq!(unread(&world).await, ((3, 2), 5));
    core.read_thread(bob.actor(), bob.id, group, boats.id, third.id).await.unwrap();
    assert_eq!(unread(&world).await, ((0, 2), 2));
    assert_eq!(world.one_topic(ada, group, boats.id).await.read_outbox, third.id);
    assert!(world.one_topic(ada, group, sails.id).await.read_outbox < second.id);

    // With the last one that was not read the mark of the group follows.
    world.recorder.take();
    core.read_thread(bob.actor(), bob.id, group, GENERAL_TOPIC, third.id).await.unwrap();
    core.read_thread(bob.actor(), bob.id, group, sails.id, second.id).await.unwrap();
    assert_eq!(unread(&world).await, ((0, 0), 0));
    assert_eq!(core.participant(group, bob.id).unwrap().unwrap().read_inbox, third.id);
    let told = world.recorder.take();
    assert!(told.iter().any(|event| matches!(event, Event::ChannelRead { user, read, actor, .. }
        if (*user, read.max_id, *actor) == (bob.id, third.id, None))));

    // Who writes in one has read that one; who reads all at once all.
    let fourth = world.answer(bob, group, boats.id, "fourth").await.unwrap();
    let fifth = world.answer(bob, group, sails.id, "fifth").await.unwrap();
    world.answer(ada, group, boats.id, "sixth").await.unwrap();
    let ada_sees = world.one_topic(ada, group, sails.id).await;
    assert_eq!((ada_sees.unread, ada_sees.read_inbox < fifth.id), (1, true));
    assert_eq!(world.one_topic(ada, group, boats.id).await.unread, 0);
    assert!(fourth.id < fifth.id && first.id < fourth.id);
    core.read_channel(ada.actor(), ada.id, group, MessageId(0)).await.unwrap();
    assert_eq!(world.one_topic(ada, group, sails.id).await.unread, 0);
}

#[tokio::test]
async fn topics_are_changed_by_their_makers_and_admins() {
    let mut world = World::new().await;
    let (ada, bob, cyd) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Cyd").await);
    let group = world.forum(ada).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id, cyd.id]).await.unwrap();
    let refused = world.topic(bob, group, "Boats").await;
    assert!(
        matches!(refused, Err(CoreError::AdminRightMissing)),
        "new groups keep it: {refused:?}"
    );
    core.edit_channel_rights(ada.actor(), ada.id, group, Rights::NONE).await.unwrap();
    let bobs = world.topic(bob, group, "Boats").await.unwrap().id;
    for (title, fits) in
        [("", false), (" ", false), (&*"x".repeat(128), true), (&*"x".repeat(129), false)]
    {
        let change = TopicChange { title: Some(title.into()), ..TopicChange::default() };
        let done = world.change(bob, group, bobs, change).await;
        assert_eq!(done.is_ok(), fits, "{title:?}");
        assert!(fits || matches!(done, Err(CoreError::TopicTitleInvalid)));
    }
    let title = |title: &str| TopicChange { title: Some(title.into()), ..TopicChange::default() };
    let closes = |closed| TopicChange { closed: Some(closed), ..TopicChange::default() };
    let hides = |hidden| TopicChange { hidden: Some(hidden), ..TopicChange::default() };
    world.change(bob, group, bobs, title("Ships")).await.unwrap();
    let same = world.change(bob, group, bobs, title("Ships")).await;
    assert!(matches!(same, Err(CoreError::TopicNotModified)));
    let others = world.change(cyd, group, bobs, title("Cyd's")).await;
    assert!(matches!(others, Err(CoreError::AdminRightMissing)));
    let hidden = world.change(ada, group, bobs, hides(true)).await;
    assert!(matches!(hidden, Err(CoreError::TopicInvalid)), "only the general one hides");
    let general = world.change(bob, group, GENERAL_TOPIC, title("Bob's")).await;
    assert!(matches!(general, Err(CoreError::AdminRightMissing)));
    let emoji = TopicChange { emoji: Some(77), ..TopicChange::default() };
    let none = world.change(bob, group, bobs, emoji).await;
    assert!(matches!(none, Err(CoreError::FileInvalid)));

    // In a closed one write its maker and who manages topics.
    world.change(ada, group, bobs, closes(true)).await.unwrap();
    let refused = world.answer(cyd, group, bobs, "words").await;
    assert!(matches!(refused, Err(CoreError::TopicClosed)), "{refused:?}");
    world.answer(bob, group, bobs, "words").await.unwrap();
    world.answer(ada, group, bobs, "words").await.unwrap();
    world.change(bob, group, bobs, closes(false)).await.unwrap();
    world.answer(cyd, group, bobs, "words").await.unwrap();
    // What is hidden is closed.
    world.change(ada, group, GENERAL_TOPIC, hides(true)).await.unwrap();
    let general = world.one_topic(cyd, group, GENERAL_TOPIC).await.topic;
    assert!(general.hidden && general.closed);
    let refused = world.post(cyd, group, "words").await;
    assert!(matches!(refused, Err(CoreError::TopicClosed)), "{refused:?}");
    world.change(ada, group, GENERAL_TOPIC, hides(false)).await.unwrap();
    world.post(cyd, group, "words").await.unwrap();

    // Pins.
    let pin = |by: Member, topic, so| core.pin_topic(by.actor(), by.id, group, topic, so);
    assert!(matches!(pin(bob, bobs, true).await, Err(CoreError::AdminRightMissing)));
    pin(ada, bobs, true).await.unwrap();
    assert!(matches!(pin(ada, bobs, true).await, Err(CoreError::TopicPinNotModified)));
    assert!(matches!(pin(ada, MessageId(999), true).await, Err(CoreError::TopicInvalid)));
    let mut order = vec![bobs];
    for number in 0..4 {
        let topic = world.topic(ada, group, &format!("Topic {number}")).await.unwrap().id;
        pin(ada, topic, true).await.unwrap();
        order.insert(0, topic);
    }
    let full = pin(ada, GENERAL_TOPIC, true).await;
    assert!(matches!(full, Err(CoreError::TooManyPinnedMessages)), "{full:?}");
    assert_eq!(core.channel(group).unwrap().pinned_topics, order);
    let listed: Vec<_> =
        world.topics(bob, group).await.iter().map(|shown| shown.topic.id).collect();
    assert_eq!((listed[..5].to_vec(), listed.len()), (order.clone(), 6));
    order.swap(0, 3);
    let first = vec![order[0], MessageId(999)];
    core.reorder_topics(ada.actor(), ada.id, group, first, false).await.unwrap();
    let expected = [&order[..1], &core.channel(group).unwrap().pinned_topics[1..]].concat();
    assert_eq!(core.channel(group).unwrap().pinned_topics, expected);
    core.reorder_topics(ada.actor(), ada.id, group, vec![bobs], true).await.unwrap();
    assert_eq!(core.channel(group).unwrap().pinned_topics, [bobs]);

    // Deleted by its maker while it is theirs alone, and by who deletes messages.
    let delete = |by: Member, topic| core.delete_topic(by.actor(), by.id, group, topic);
    assert!(matches!(delete(bob, bobs).await, Err(CoreError::AdminRightMissing)));
    assert!(matches!(delete(ada, GENERAL_TOPIC).await, Err(CoreError::TopicInvalid)));
    let (_, gone, left) = delete(ada, bobs).await.unwrap();
    assert_eq!((gone.first(), left), (Some(&bobs), 0));
    assert!(core.channel(group).unwrap().pinned_topics.is_empty());
    let page = core.topics_by_id(ada.id, group, &[bobs]).await.unwrap();
    assert_eq!((page.topics.len(), page.missing), (0, vec![bobs]));
    assert!(matches!(world.answer(cyd, group, bobs, "late").await, Err(CoreError::UnknownMessage)));
    let own = world.topic(bob, group, "Own").await.unwrap().id;
    world.answer(bob, group, own, "mine").await.unwrap();
    core.delete_in_channel(ada.actor(), ada.id, group, vec![own]).await.unwrap();
    assert!(core.message(group, own).unwrap().is_some(), "it goes with its topic only");
    assert_eq!(delete(bob, own).await.unwrap().1.len(), 2);
    let elsewhere = world.set_forum(bob, group, false).await;
    assert!(matches!(elsewhere, Err(CoreError::AdminRightMissing)), "{elsewhere:?}");
}

/// Mentions and reactions are those of a topic, and are looked at by topic.
#[tokio::test]
async fn scheduled_messages_go_into_no_closed_topic() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.forum(ada).await;
    world.core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let topic = world.topic(ada, group, "Boats").await.unwrap().id;
    let mut message = Outgoing::text(group.into(), text("words"), world.number());
    message.reply = Some((topic, None));
    let when = When { date: world.core.now() + 10, repeat: 0 };
    let placed = world.core.schedule(bob.actor(), bob.id, message, when).await.unwrap();
    let Placed::Waits(waits) = placed else { panic!("{placed:?}") };
    let closes = TopicChange { closed: Some(true), ..TopicChange::default() };
    world.change(ada, group, topic, closes).await.unwrap();
    let sent = world.core.send_scheduled(bob.actor(), bob.id, group.into(), vec![waits.id]).await;
    assert!(matches!(sent, Err(CoreError::TopicClosed)), "{sent:?}");
    world.pass_s(10);
    world.core.tick().await.unwrap();
    assert_eq!(world.said_in(ada, group).await, [] as [&str; 0]);
}

#[tokio::test]
async fn what_is_new_to_somebody_is_told_by_topic() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.forum(ada).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let boats = world.topic(ada, group, "Boats").await.unwrap().id;
    let sails = world.topic(ada, group, "Sails").await.unwrap().id;
    world.hears_all(bob).await;
    let mut said = Vec::new();
    for topic in [boats, sails] {
        let own = world.answer(bob, group, topic, "own").await.unwrap();
        world.answer(ada, group, own.id, "an answer").await.unwrap();
        let with = vec![Reaction::Emoji("👍".into())];
        let how = ReactHow::default();
        core.react(ada.actor(), ada.id, group.into(), own.id, with, how).await.unwrap();
        said.push(own.id);
    }
    let news = async |topic| {
        let shown = world.one_topic(bob, group, topic).await;
        (shown.unread_mentions, shown.unread_reactions)
    };
    let of = |topic| Talk { peer: group.into(), topic: Some(topic) };
    assert_eq!((news(boats).await, news(sails).await), ((1, 1), (1, 1)));
    assert_eq!(news(GENERAL_TOPIC).await, (0, 0));
    assert_eq!(core.unread_reactions(bob.id, of(sails)).unwrap(), [said[1]]);
    assert_eq!(core.unread_mentions(bob.id, of(sails)).await.unwrap().len(), 1);
    core.read_reactions(bob.actor(), bob.id, of(boats)).await.unwrap();
    core.read_mentions_in_channel(bob.actor(), bob.id, group, Some(sails)).await.unwrap();
    assert_eq!((news(boats).await, news(sails).await), ((1, 0), (0, 1)));
}

/// A topic of three hundred messages goes in pieces.
#[tokio::test]
async fn a_long_topic_goes_in_pieces() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let group = world.forum(ada).await;
    let core = world.core.clone();
    let topic = world.topic(ada, group, "Long").await.unwrap().id;
    for number in 0..250 {
        world.answer(ada, group, topic, &number.to_string()).await.unwrap();
    }
    let mut sizes = Vec::new();
    loop {
        let (done, gone, left) =
            core.delete_topic(ada.actor(), ada.id, group, topic).await.unwrap();
        assert_eq!(done.pts_count as usize, gone.len());
        sizes.push(gone.len());
        if left == 0 {
            break;
        }
        assert!(core.topic(group, topic).unwrap().is_some());
    }
    assert_eq!(sizes, [100, 100, 51]);
    assert_eq!(world.topics(ada, group).await.len(), 1);
    let again = core.delete_topic(ada.actor(), ada.id, group, topic).await;
    assert!(matches!(again, Err(CoreError::TopicInvalid)));
}

/// What is unread of a long topic is counted by what lies close together, and is as exact as one by one.
#[tokio::test]
async fn a_long_topic_is_counted_exactly() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    for number in 0..300 {
        world.post(ada, group, &number.to_string()).await.unwrap();
    }
    world.set_forum(ada, group, true).await.unwrap();
    let boats = world.topic(ada, group, "Boats").await.unwrap().id;
    let mut rng = StdRng::seed_from_u64(7);
    let mut there = vec![boats];
    for number in 0..900 {
        let words = number.to_string();
        match rng.random_bool(0.6) {
            true => there.push(world.answer(ada, group, boats, &words).await.unwrap().id),
            false => drop(world.post(ada, group, &words).await.unwrap()),
        }
    }
    for _ in 0..40 {
        let gone = there.remove(rng.random_range(1..there.len()));
        core.delete_in_channel(ada.actor(), ada.id, group, vec![gone]).await.unwrap();
    }
    let query = HistoryQuery { limit: 100, ..ALL };
    let mut general = Vec::new();
    loop {
        let offset_id = general.last().map_or(0, |id: &MessageId| id.0);
        let query = HistoryQuery { offset_id, ..query };
        let page = core.replies(group, GENERAL_TOPIC, query).await.unwrap();
        if page.messages.is_empty() {
            break;
        }
        general.extend(page.messages.iter().map(|stored| stored.id));
    }
    let newest = *there.last().unwrap();
    for mark in (0..newest.0 + 20).step_by(37).map(MessageId) {
        let above = |all: &[MessageId]| all.iter().filter(|id| **id > mark).count() as i32;
        assert_eq!(core.unread_in_thread(group, boats, mark).unwrap(), above(&there), "{mark:?}");
        let unread = core.unread_in_thread(group, GENERAL_TOPIC, mark).unwrap();
        assert_eq!(unread, above(&general), "{mark:?}");
    }
}

/// The same number makes the same topic, and pages cut the same list.
#[tokio::test]
async fn topics_come_in_pages() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let group = world.forum(ada).await;
    let core = world.core.clone();
    let mut topics = Vec::new();
    for number in 0..23 {
        let title = format!("Topic {number}");
        let new = NewTopic { random_id: 100 + number, ..new(&title) };
        let sent = core.create_topic(ada.actor(), ada.id, group, new.clone()).await.unwrap();
        let again = core.create_topic(ada.actor(), ada.id, group, new).await.unwrap();
        assert_eq!((again.id, again.repeated), (sent.id, true));
        topics.push(sent.id);
    }
    let other = NewTopic { random_id: 100, ..new("Other") };
    let refused = core.create_topic(ada.actor(), ada.id, group, other).await;
    assert!(matches!(refused, Err(CoreError::RandomIdDuplicate)));
    for topic in [topics[4], topics[9], topics[1]] {
        core.pin_topic(ada.actor(), ada.id, group, topic, true).await.unwrap();
    }
    world.answer(ada, group, topics[7], "newest").await.unwrap();
    let all: Vec<MessageId> = world.topics(ada, group).await.iter().map(|s| s.topic.id).collect();
    assert_eq!(all[..4], [topics[1], topics[9], topics[4], topics[7]]);
    assert_eq!((all.len(), all.last()), (24, Some(&GENERAL_TOPIC)));
    for limit in [1, 2, 5, 7] {
        let mut paged: Vec<MessageId> = Vec::new();
        let mut query = TopicQuery { limit, ..TopicQuery::default() };
        loop {
            let page = core.topics(ada.id, group, &query).await.unwrap();
            let Some(last) = page.topics.last() else { break };
            (query.offset_topic, query.offset_id) = (last.topic.id, last.top);
            paged.extend(page.topics.iter().map(|shown| shown.topic.id));
        }
        assert_eq!(paged, all, "{limit} at a time");
    }
    let query = TopicQuery { words: "TOPIC 2".into(), limit: 10, ..TopicQuery::default() };
    let found = core.topics(ada.id, group, &query).await.unwrap().topics;
    let found: Vec<&str> = found.iter().map(|shown| shown.topic.title.as_str()).collect();
    assert_eq!(found, ["Topic 22", "Topic 21", "Topic 20", "Topic 2"]);
}

/// Random life in a forum, and what it should be.
struct Life {
    world: World,
    rng: StdRng,
    users: Vec<Member>,
    group: ChannelId,
    /// Every message that is there, with its topic.
    messages: BTreeMap<MessageId, MessageId>,
    /// What each has read by topic, and of all.
    read: BTreeMap<(UserId, MessageId), MessageId>,
    read_all: BTreeMap<UserId, MessageId>,
    titles: BTreeMap<MessageId, (String, bool)>,
    pinned: Vec<MessageId>,
    done: BTreeMap<&'static str, u32>,
}

impl Life {
    async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        let mut users = Vec::new();
        for name in ["Ada", "Bob", "Cyd"] {
            users.push(world.member(name).await);
        }
        let group = world.channel(users[0], false).await;
        let (ada, core) = (users[0], world.core.clone());
        let others = vec![users[1].id, users[2].id];
        core.add_to_channel(ada.actor(), ada.id, group, others).await.unwrap();
        core.edit_channel_rights(ada.actor(), ada.id, group, Rights::NONE).await.unwrap();
        for number in 0..seed % 4 {
            world.post(users[1], group, &format!("before {number}")).await.unwrap();
        }
        world.set_forum(ada, group, true).await.unwrap();
        let page = core.history(ada.id, group.into(), ALL).await.unwrap();
        let messages = page.messages.iter().map(|stored| (stored.id, GENERAL_TOPIC)).collect();
        let mut read_all = BTreeMap::new();
        for user in &users {
            let own = core.participant(group, user.id).unwrap().unwrap();
            read_all.insert(user.id, own.read_inbox);
        }
        Self {
            world,
            rng: StdRng::seed_from_u64(seed),
            users,
            group,
            messages,
            read: BTreeMap::new(),
            read_all,
            titles: BTreeMap::from([(GENERAL_TOPIC, ("General".into(), false))]),
            pinned: Vec::new(),
            done: BTreeMap::new(),
        }
    }

    fn some<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.rng.random_range(0..all.len())]
    }

    fn said(&mut self, by: Member, id: MessageId, topic: MessageId) {
        self.messages.insert(id, topic);
        if self.world.core.channel(self.group).unwrap().forum {
            self.read.insert((by.id, topic), id);
        } else {
            self.read_all.insert(by.id, id);
        }
    }

    async fn step(&mut self) {
        let (core, group) = (self.world.core.clone(), self.group);
        let users = self.users.clone();
        let (by, ada) = (self.some(&users), users[0]);
        let topics: Vec<MessageId> = self.titles.keys().copied().collect();
        let topic = self.some(&topics);
        let forum = core.channel(group).unwrap().forum;
        let what = match self.rng.random_range(0..100) {
            0..8 if topics.len() < 8 && forum => {
                let title = format!("Topic {}", self.rng.random::<u16>());
                let sent = self.world.topic(by, group, &title).await.unwrap();
                self.titles.insert(sent.id, (title, false));
                self.said(by, sent.id, sent.id);
                "topic"
            }
            8..40 => {
                let there: Vec<MessageId> = self
                    .messages
                    .iter()
                    .filter(|(_, of)| **of == topic)
                    .map(|(id, _)| *id)
                    .collect();
                let sent = match there.is_empty() || (topic == GENERAL_TOPIC && self.rng.random()) {
                    true => self.world.post(by, group, "words").await,
                    false => {
                        let to = self.some(&there);
                        self.world.answer(by, group, to, "words").await
                    }
                };
                let topic = if there.is_empty() { GENERAL_TOPIC } else { topic };
                match sent {
                    Ok(sent) => {
                        self.said(by, sent.id, topic);
                        "said"
                    }
                    Err(CoreError::TopicClosed) => {
                        assert!(self.titles[&topic].1 && forum);
                        "closed"
                    }
                    Err(cause) => panic!("{cause}"),
                }
            }
            40..60 => {
                let max_id = MessageId(self.rng.random_range(1..200));
                let own: Vec<MessageId> = self
                    .messages
                    .iter()
                    .filter(|(_, of)| **of == topic)
                    .map(|(id, _)| *id)
                    .collect();
                let newest = own.last().copied().unwrap_or_default();
                core.read_thread(by.actor(), by.id, group, topic, max_id).await.unwrap();
                let mark = self.read.entry((by.id, topic)).or_default();
                *mark = max_id.min(newest).max(*mark);
                "read"
            }
            60..63 => {
                let max_id = MessageId(self.rng.random_range(1..200));
                core.read_channel(by.actor(), by.id, group, max_id).await.unwrap();
                let newest = self.messages.keys().last().copied().unwrap();
                let mark = self.read_all.get_mut(&by.id).unwrap();
                *mark = max_id.min(newest).max(*mark);
                "read all"
            }
            63..74 => {
                let some: Vec<MessageId> = self.messages.keys().copied().collect();
                let id = self.some(&some);
                core.delete_in_channel(ada.actor(), ada.id, group, vec![id]).await.unwrap();
                if !self.titles.contains_key(&id) || id == GENERAL_TOPIC {
                    self.messages.remove(&id);
                }
                "delete"
            }
            74..76 if topic != GENERAL_TOPIC && forum => {
                while core.delete_topic(ada.actor(), ada.id, group, topic).await.unwrap().2 > 0 {}
                self.messages.retain(|_, of| *of != topic);
                self.titles.remove(&topic);
                self.pinned.retain(|other| *other != topic);
                "delete topic"
            }
            76..82 if forum => {
                let pinned = !self.pinned.contains(&topic);
                match core.pin_topic(ada.actor(), ada.id, group, topic, pinned).await {
                    Ok(()) => {
                        self.pinned.retain(|other| *other != topic);
                        if pinned {
                            self.pinned.insert(0, topic);
                        }
                    }
                    Err(CoreError::TooManyPinnedMessages) => assert_eq!(self.pinned.len(), 5),
                    Err(cause) => panic!("{cause}"),
                }
                "pin"
            }
            82..88 if forum => {
                let title = format!("Topic {}", self.rng.random::<u16>());
                let closed = self.rng.random();
                let change = TopicChange {
                    title: Some(title.clone()),
                    closed: Some(closed),
                    ..TopicChange::default()
                };
                let sent = self.world.change(ada, group, topic, change).await.unwrap();
                self.titles.insert(topic, (title, closed));
                self.said(ada, sent.id, topic);
                "edit"
            }
            88..90 => {
                self.world.set_forum(ada, group, !forum).await.unwrap();
                "toggle"
            }
            _ => return,
        };
        *self.done.entry(what).or_default() += 1;
    }

    async fn check(&self) {
        let (core, group) = (&self.world.core, self.group);
        let there = |topic: MessageId| {
            self.messages.iter().rev().filter(move |(_, of)| **of == topic).map(|(id, _)| *id)
        };
        for topic in self.titles.keys() {
            let expected: Vec<MessageId> = there(*topic).take(100).collect();
            assert_eq!(self.world.stands(group, *topic).await, expected, "{topic:?}");
            let count = there(*topic).count();
            let page = core.replies(group, *topic, ALL).await.unwrap();
            assert_eq!(page.count as usize, count, "{topic:?}");
        }
        self.check_log();
        if !core.channel(group).unwrap().forum {
            return;
        }
        let mut order: Vec<MessageId> = self.titles.keys().copied().collect();
        let top = |topic: MessageId| there(topic).next().unwrap_or(topic);
        order.sort_by_key(|topic| std::cmp::Reverse((top(*topic), *topic)));
        order.retain(|topic| !self.pinned.contains(topic));
        order.splice(0..0, self.pinned.iter().copied());
        for user in &self.users {
            let topics = self.world.topics(*user, group).await;
            assert_eq!(topics.iter().map(|shown| shown.topic.id).collect::<Vec<_>>(), order);
            let all = self.read_all[&user.id];
            let read =
                |topic| self.read.get(&(user.id, topic)).copied().unwrap_or_default().max(all);
            let mut unread = 0;
            for shown in &topics {
                let topic = shown.topic.id;
                assert_eq!(shown.top, top(topic));
                let (title, closed) = &self.titles[&topic];
                assert_eq!((&shown.topic.title, shown.topic.closed), (title, *closed));
                assert_eq!(shown.pinned, self.pinned.contains(&topic));
                let above = there(topic).take_while(|id| *id > read(topic)).count() as i32;
                assert_eq!(shown.unread, above, "{user:?} {topic:?}");
                unread += above;
            }
            let dialogs = core.dialogs(user.id, newest(10)).await.unwrap().dialogs;
            let dialog = dialogs.iter().find(|dialog| dialog.peer == group.into()).unwrap();
            assert_eq!(dialog.unread, unread);
            // The mark for all never runs ahead of what was read.
            let first = self.messages.iter().find(|(id, topic)| **id > read(**topic));
            let first = first.map_or(MessageId(i32::MAX), |(id, _)| *id);
            assert!(dialog.read_inbox < first || dialog.read_inbox == all, "{user:?}");
        }
    }

    /// The log says the same of topics, to somebody who reads nothing else.
    fn check_log(&self) {
        let core = &self.world.core;
        let replica = core.replica_of(self.group);
        let view = replica.lanes().view(replica.chain());
        let named = |topic: MessageId| core.entry_of(self.group, topic);
        let mut ranks = Vec::new();
        for (topic, (title, closed)) in &self.titles {
            let general = *topic == GENERAL_TOPIC;
            let at = if general { None } else { Some(named(*topic).unwrap()) };
            let said = view.topics.get(&at).cloned().unwrap_or_default();
            if !general || said.title.is_some() {
                assert_eq!(said.title.as_ref(), Some(title));
            }
            assert_eq!(said.closed, *closed);
            ranks.push((said.pinned, *topic));
        }
        ranks.retain(|(rank, _)| *rank > 0);
        ranks.sort_unstable_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        assert!(ranks.windows(2).all(|pair| pair[0].0 > pair[1].0), "{ranks:?}");
        assert_eq!(ranks.iter().map(|(_, topic)| *topic).collect::<Vec<_>>(), self.pinned);
        let begun = view.topics.keys().filter(|at| at.is_some()).count();
        assert_eq!(begun, self.titles.len() - 1);
        let state = replica.chain().state();
        let forum = core.channel(self.group).unwrap().forum.then_some(false);
        assert_eq!(state.settings.get(&20), Some(&glog::body::Setting::Forum(forum)));
    }
}

#[tokio::test]
async fn topics_are_what_a_recount_says() {
    let (runs, steps) = if full() { (40, 600) } else { (6, 250) };
    let mut done: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..runs {
        let mut life = Life::new(seed).await;
        for step in 0..steps {
            life.step().await;
            if step % 25 == 24 {
                life.check().await;
            }
            if step % 100 == 99 {
                let Life { world, .. } = life;
                life = Life { world: world.reopen(), ..life };
                life.check().await;
            }
        }
        for (what, times) in life.done {
            *done.entry(what).or_default() += times;
        }
    }
    assert_eq!(done.len(), 10, "{done:?}");
}
