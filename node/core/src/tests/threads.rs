//! Threads of supergroups: where an answer stands, what is read, and what pages show.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, text};
use crate::*;

impl World {
    pub(super) async fn answer(
        &self,
        from: Member,
        channel: ChannelId,
        to: MessageId,
        words: &str,
    ) -> CoreResult<Sent> {
        let mut message = Outgoing::text(channel.into(), text(words), self.number());
        message.reply = Some((to, None));
        self.core.send(from.actor(), from.id, message).await
    }
}

fn ids(page: &HistoryPage) -> Vec<MessageId> {
    page.messages.iter().map(|stored| stored.id).collect()
}

const ALL: HistoryQuery =
    HistoryQuery { offset_id: 0, offset_date: 0, add_offset: 0, limit: 100, max_id: 0, min_id: 0 };

#[tokio::test]
async fn answers_stand_in_the_thread_of_the_first_message() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let first = world.post(ada, group, "first").await.unwrap();
    assert!(!first.message.has_thread && core.thread(group, first.id).unwrap().is_none());
    let one = world.answer(bob, group, first.id, "one").await.unwrap();
    let two = world.answer(ada, group, one.id, "two").await.unwrap();
    assert_eq!((one.message.thread, two.message.thread), (Some(first.id), Some(first.id)));
    let other = world.post(bob, group, "of something else").await.unwrap();
    assert_eq!(other.message.thread, None);
    assert!(core.message(group, first.id).unwrap().unwrap().has_thread);
    let thread = core.thread(group, first.id).unwrap().unwrap();
    assert_eq!((thread.count, thread.max_id), (2, two.id));
    assert_eq!(thread.recent, [ada.peer(), bob.peer()]);
    // By any message of it.
    for id in [first.id, one.id, two.id] {
        assert_eq!(core.thread_at(group, id).await.unwrap(), (group, first.id));
    }
    assert_eq!(ids(&core.replies(group, first.id, ALL).await.unwrap()), [two.id, one.id]);

    // What is read: who writes has, another one has not.
    let page = core.open_thread(bob.id, group, first.id).await.unwrap();
    assert_eq!((page.read_inbox, page.unread), (other.id, 0), "he has written since");
    let page = core.open_thread(ada.id, group, first.id).await.unwrap();
    assert_eq!((page.max_id, page.read_inbox, page.unread), (two.id, two.id, 0));
    let three = world.answer(bob, group, two.id, "three").await.unwrap();
    let page = core.open_thread(ada.id, group, first.id).await.unwrap();
    assert_eq!((page.read_inbox, page.unread), (two.id, 1));
    let page = core.open_thread(bob.id, group, first.id).await.unwrap();
    assert_eq!(page.read_outbox, one.id, "ada has answered it");
    world.recorder.take();
    let far = MessageId(1000);
    assert!(core.read_thread(ada.actor(), ada.id, group, first.id, far).await.unwrap());
    assert!(!core.read_thread(ada.actor(), ada.id, group, first.id, three.id).await.unwrap());
    let told = world.recorder.take();
    assert!(told.iter().any(|event| matches!(event,
        Event::ThreadRead { user, max_id, .. } if *user == ada.id && *max_id == three.id)));
    assert!(told.iter().any(|event| matches!(event,
        Event::ThreadSeen { by, after, max_id, .. }
            if *by == ada.id && *after == two.id && *max_id == three.id)));
    let wrote = core.writers_in_thread(group, first.id, two.id, three.id, 100).unwrap();
    assert_eq!(wrote.into_iter().collect::<Vec<_>>(), [bob.id]);
    let page = core.open_thread(bob.id, group, first.id).await.unwrap();
    assert_eq!(page.read_outbox, three.id);
    assert_eq!(core.open_thread(ada.id, group, first.id).await.unwrap().unread, 0);
    assert_eq!(core.participant(group, ada.id).unwrap().unwrap().read_inbox, two.id);

    // A deletion takes it out, and with the first message the thread stays.
    core.delete_in_channel(ada.actor(), ada.id, group, vec![three.id, first.id]).await.unwrap();
    let world = world.reopen();
    let core = world.core.clone();
    let thread = core.thread(group, first.id).unwrap().unwrap();
    assert_eq!((thread.count, thread.max_id), (2, two.id));
    assert_eq!(core.thread_at(group, first.id).await.unwrap(), (group, first.id));
    let four = world.answer(bob, group, two.id, "four").await.unwrap();
    assert_eq!(four.message.thread, Some(first.id));
    let all = vec![one.id, two.id, four.id];
    core.delete_in_channel(ada.actor(), ada.id, group, all).await.unwrap();
    assert!(core.thread(group, first.id).unwrap().is_none());
    let gone = core.thread_at(group, first.id).await;
    assert!(matches!(gone, Err(CoreError::UnknownMessage)), "{gone:?}");
}

#[tokio::test]
async fn a_thread_of_a_channel_is_none() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let channel = world.channel(ada, true).await;
    let first = world.post(ada, channel, "first").await.unwrap();
    let second = world.answer(ada, channel, first.id, "second").await.unwrap();
    assert_eq!(second.message.thread, None);
    let none = world.core.thread_at(channel, first.id).await;
    assert!(matches!(none, Err(CoreError::UnknownMessage)));
}

/// Pages of a thread against the list that they are cut from.
#[tokio::test]
async fn pages_of_a_thread_are_cut_as_those_of_a_dialog() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let group = world.channel(ada, false).await;
    let mut rng = StdRng::seed_from_u64(7);
    let first = world.post(ada, group, "first").await.unwrap().id;
    let mut inside = Vec::new();
    for _ in 0..60 {
        world.pass_s(1);
        if rng.random_bool(0.5) {
            inside.push(world.answer(ada, group, first, "inside").await.unwrap());
        } else {
            world.post(ada, group, "outside").await.unwrap();
        }
    }
    inside.reverse();
    let top = inside[0].id.0;
    for _ in 0..2000 {
        let mut some =
            |likely: f64| if rng.random_bool(likely) { rng.random_range(0..top + 5) } else { 0 };
        let (offset_id, max_id, min_id) = (some(0.6), some(0.2), some(0.2));
        let (limit, add_offset) = (rng.random_range(0..40), rng.random_range(-40..40));
        let offset_date = match rng.random_bool(0.2) {
            true => inside[rng.random_range(0..inside.len())].message.date,
            false => 0,
        };
        let query = HistoryQuery { offset_id, offset_date, add_offset, limit, max_id, min_id };
        let end = if max_id > 0 { max_id } else { i32::MAX };
        let seen: Vec<&Sent> =
            inside.iter().filter(|sent| sent.id.0 > min_id && sent.id.0 < end).collect();
        let place = seen.iter().position(|sent| match (offset_id, offset_date) {
            (0, 0) => true,
            (0, date) => sent.message.date < date,
            (id, _) => sent.id.0 < id,
        });
        let place = place.unwrap_or(seen.len()) as i32 + add_offset;
        let cut = |at: i32| at.clamp(0, seen.len() as i32) as usize;
        let expected: Vec<MessageId> =
            seen[cut(place)..cut(place + limit as i32)].iter().map(|sent| sent.id).collect();
        let page = world.core.replies(group, first, query).await.unwrap();
        assert_eq!(ids(&page), expected, "{query:?}");
        assert_eq!(page.count as usize, inside.len());
    }
}

/// A public channel of ada's, discussed in a private group of hers.
async fn discussed(world: &World, ada: Member) -> (ChannelId, ChannelId) {
    let (channel, group) = (world.channel(ada, true).await, world.channel(ada, false).await);
    world.named(ada, channel, "harbour_news").await;
    let link = world.core.set_discussion_group(ada.actor(), ada.id, Some(channel), Some(group));
    link.await.unwrap();
    (channel, group)
}

#[tokio::test]
async fn a_post_is_copied_where_it_is_discussed() {
    let mut world = World::new().await;
    let (ada, bob, eve) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Eve").await);
    let (channel, group) = discussed(&world, ada).await;
    let core = world.core.clone();
    world.recorder.take();
    let post = world.post(ada, channel, "ships").await.unwrap();
    let copy = core.copy_of_post(channel, post.id).unwrap().unwrap();
    assert_eq!((copy.group, copy.top), (group, copy.id));
    let shown = core.message(group, copy.id).unwrap().unwrap();
    assert_eq!((shown.text.as_str(), shown.pinned), ("ships", true));
    assert_eq!((shown.author(), shown.post()), (channel.into(), Some((channel, post.id))));
    assert!(!shown.is_by(ada.id) && shown.from == ada.id, "the group's owner vouches for it");
    let forward = shown.forward.unwrap();
    let from = Author::Channel { channel, post: Some(post.id), signed: None };
    assert!(forward.from == from && forward.date == post.message.date);
    // All sessions are told of it, also that of who posted.
    let told = world.recorder.take();
    let copied = told.iter().find_map(|event| match event {
        Event::Box(event) if event.owner.channel() == Some(group) => Some(event.actor.is_none()),
        _ => None,
    });
    assert_eq!(copied, Some(true));

    // Who reads the channel comments without being in the group; the log lets that be.
    assert!(core.channel_to_read(bob.id, group).unwrap().is_guest());
    let comment = world.answer(bob, group, copy.id, "seen them").await.unwrap();
    assert_eq!(core.thread_at(channel, post.id).await.unwrap(), (group, copy.id));
    assert_eq!(core.thread(group, copy.id).unwrap().unwrap().recent, [bob.peer()]);
    assert!(core.participant(group, bob.id).unwrap().is_none(), "and no row is left of that");
    // And reacts: to what nobody in the group wrote, and to a comment.
    let thumb = vec![Reaction::Emoji("👍".into())];
    let peer = PeerId::from(group);
    world.hears_all(ada).await;
    let how = ReactHow::default();
    core.react(bob.actor(), bob.id, peer, copy.id, thumb.clone(), how).await.unwrap();
    let shown = core.message(group, copy.id).unwrap().unwrap();
    let found = core.reactions(eve.id, copy.id, &shown).unwrap().unwrap();
    assert_eq!((found.counts[0].count, found.recent[0].0.user), (1, bob.id));
    assert!(core.unread_reactions(ada.id, peer).unwrap().is_empty(), "it is not hers");
    let hers = world.answer(ada, group, copy.id, "where?").await.unwrap();
    core.react(bob.actor(), bob.id, peer, hers.id, thumb, how).await.unwrap();
    assert_eq!(core.unread_reactions(ada.id, peer).unwrap(), [hers.id]);
    core.delete_in_channel(ada.actor(), ada.id, group, vec![hers.id]).await.unwrap();
    assert_eq!(core.read_in_thread(group, copy.id, bob.id).unwrap(), comment.id);
    assert_eq!(core.read_by_others(group, ada.id).unwrap(), MessageId(0), "of the group");
    let page = core.open_thread(ada.id, group, copy.id).await.unwrap();
    assert_eq!(page.read_outbox, comment.id, "of the thread");
    let replica = core.replica_of(group);
    let said = replica.lanes().view(replica.chain());
    let entry = core.entry_of(group, comment.id).unwrap();
    assert_eq!(said.messages[&entry].author, core.name_in_logs(bob.id));
    let edit = || Edit::text(text("I have seen them"));
    core.edit(bob.actor(), bob.id, group.into(), comment.id, edit()).await.unwrap();
    // One's own only, and nothing else of what members may.
    let refused = core.edit(eve.actor(), eve.id, group.into(), comment.id, edit()).await;
    assert!(matches!(refused, Err(CoreError::NotTheAuthor)), "{refused:?}");
    let how = PinHow { pinned: true, one_side: false, silent: true };
    let refused = core.pin_message(bob.actor(), bob.id, group.into(), comment.id, how).await;
    assert!(matches!(refused, Err(CoreError::UnknownChannel)), "{refused:?}");
    let refused = core.delete_in_channel(bob.actor(), bob.id, group, vec![copy.id]).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");

    // What becomes of the post becomes of the copy; a deletion leaves it there.
    let edit = Edit::text(text("ships, mended"));
    let edited = core.edit(ada.actor(), ada.id, channel.into(), post.id, edit).await.unwrap();
    let shown = core.message(group, copy.id).unwrap().unwrap();
    assert_eq!((shown.text.as_str(), shown.edited), ("ships, mended", edited.message.edited));
    core.delete_in_channel(ada.actor(), ada.id, channel, vec![post.id]).await.unwrap();
    assert!(core.message(group, copy.id).unwrap().is_some());
    assert!(core.copy_of_post(channel, post.id).unwrap().is_none());
    assert_eq!(core.thread_at(group, comment.id).await.unwrap(), (group, copy.id));
    // Without the copy nothing is discussed.
    let post = world.post(ada, channel, "more ships").await.unwrap();
    let copy = core.copy_of_post(channel, post.id).unwrap().unwrap();
    core.delete_in_channel(ada.actor(), ada.id, group, vec![copy.id]).await.unwrap();
    assert!(core.copy_of_post(channel, post.id).unwrap().is_none());
    let none = core.thread_at(channel, post.id).await;
    assert!(matches!(none, Err(CoreError::UnknownMessage)), "{none:?}");
    let edit = Edit::text(text("more ships, mended"));
    core.edit(ada.actor(), ada.id, channel.into(), post.id, edit).await.unwrap();

    // What the channel keeps stays kept.
    let setting = ChannelSetting::NoForwards(true);
    core.set_in_channel(ada.actor(), ada.id, channel, setting).await.unwrap();
    let kept = world.post(ada, channel, "not for others").await.unwrap();
    let kept = core.copy_of_post(channel, kept.id).unwrap().unwrap();
    let ids = vec![(kept.id, world.number())];
    let how = ForwardHow::default();
    let refused = core.forward(eve.actor(), eve.id, group.into(), eve.peer(), ids, how).await;
    assert!(matches!(refused, Err(CoreError::ForwardsRestricted)), "{refused:?}");

    // Whom the group has banned, or where one has to be in it, nobody from outside writes.
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    core.ban_in_channel(ada.actor(), ada.id, group, bob.id, banned).await.unwrap();
    assert!(core.channel_to_read(bob.id, group).is_err());
    assert!(world.post(bob, group, "let me in").await.is_err());
    let setting = ChannelSetting::JoinToSend(true);
    core.set_in_channel(ada.actor(), ada.id, group, setting).await.unwrap();
    let refused = world.post(eve, group, "me too").await;
    assert!(matches!(refused, Err(CoreError::RightMissing(_))), "{refused:?}");
    let joined = core.join_channel(eve.actor(), eve.id, group).await;
    assert!(matches!(joined, Ok(LinkTaken::Joined(..))), "who reads the channel may come in");
    world.post(eve, group, "me too").await.unwrap();

    // With the link goes the way in.
    core.leave_channel(eve.actor(), eve.id, group).await.unwrap();
    core.set_discussion_group(ada.actor(), ada.id, None, Some(group)).await.unwrap();
    assert!(core.channel_to_read(eve.id, group).is_err());
    assert_eq!(core.channel(channel).unwrap().linked, None);
    let newest = core.channel_state(group).unwrap();
    world.post(ada, channel, "to nobody").await.unwrap();
    assert_eq!(core.channel_state(group).unwrap(), newest);
}

#[tokio::test]
async fn an_album_is_discussed_under_its_first_post() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let (channel, group) = discussed(&world, ada).await;
    let core = world.core.clone();
    let album = (0..3).map(|at| {
        let words = text(&format!("picture {at}"));
        Outgoing { grouped_id: 77, ..Outgoing::text(channel.into(), words, world.number()) }
    });
    let sent = core.send_album(ada.actor(), ada.id, album.collect()).await.unwrap();
    let copies: Vec<PostCopy> =
        sent.iter().map(|sent| core.copy_of_post(channel, sent.id).unwrap().unwrap()).collect();
    let top = copies[0].id;
    assert!(copies.iter().all(|copy| copy.top == top) && copies[2].id.0 == top.0 + 2);
    for sent in &sent {
        assert_eq!(core.thread_at(channel, sent.id).await.unwrap(), (group, top));
    }
    let comment = world.answer(bob, group, copies[1].id, "the second one").await.unwrap();
    assert_eq!(comment.message.thread, Some(top));
    assert_eq!(core.thread_at(group, copies[2].id).await.unwrap(), (group, top));
    let page = core.open_thread(bob.id, group, top).await.unwrap();
    let shown: Vec<MessageId> = page.messages.iter().map(|stored| stored.id).collect();
    assert_eq!(shown, [copies[2].id, copies[1].id, top], "the newest first");
    // Another album right behind it is another discussion.
    let next = world.post(ada, channel, "alone").await.unwrap();
    let copy = core.copy_of_post(channel, next.id).unwrap().unwrap();
    assert_eq!(copy.top, copy.id);
}

#[tokio::test]
async fn who_may_link_a_channel_with_a_group() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let (channel, other) = (world.channel(ada, true).await, world.channel(ada, true).await);
    let (group, theirs) = (world.channel(ada, false).await, world.channel(bob, false).await);
    let link = |by: Member, channel, group| {
        core.set_discussion_group(by.actor(), by.id, Some(channel), Some(group))
    };
    assert_eq!(core.groups_for_discussion(ada.id).unwrap(), [group.into()]);
    core.add_to_channel(ada.actor(), ada.id, channel, vec![bob.id]).await.unwrap();
    core.add_to_channel(bob.actor(), bob.id, theirs, vec![ada.id]).await.unwrap();
    let missing = |done: CoreResult<()>| matches!(done, Err(CoreError::AdminRightMissing));
    assert!(missing(link(bob, channel, theirs).await));
    assert!(missing(link(ada, channel, theirs).await));
    // Each right is asked for: in the channel one, in the group two.
    let rights = AdminRights::CHANGE_INFO;
    let appoint = |by: Member, channel, user: Member, rights| {
        core.edit_channel_admin(by.actor(), by.id, channel, user.id, rights, String::new())
    };
    appoint(bob, theirs, ada, rights).await.unwrap();
    assert!(missing(link(ada, channel, theirs).await));
    appoint(bob, theirs, ada, rights.and(AdminRights::PIN_MESSAGES)).await.unwrap();
    let hidden = |hidden| {
        let setting = ChannelSetting::HiddenHistory(hidden);
        core.set_in_channel(bob.actor(), bob.id, theirs, setting)
    };
    hidden(true).await.unwrap();
    let refused = link(ada, channel, theirs).await;
    assert!(matches!(refused, Err(CoreError::HistoryHidden)), "{refused:?}");
    hidden(false).await.unwrap();
    link(ada, channel, theirs).await.unwrap();
    assert!(matches!(hidden(true).await, Err(CoreError::SettingsInvalid)), "it is read by others");
    assert!(matches!(link(ada, channel, theirs).await, Err(CoreError::ChatNotModified)));
    let linked = |channel| core.channel(channel).unwrap().linked;
    assert_eq!((linked(channel), linked(theirs)), (Some(theirs), Some(channel)));
    // Another group for the channel, and then another channel for that group.
    link(ada, channel, group).await.unwrap();
    assert_eq!((linked(channel), linked(theirs)), (Some(group), None));
    link(ada, other, group).await.unwrap();
    assert_eq!((linked(channel), linked(other), linked(group)), (None, Some(group), Some(other)));
    // What ends is linked to nothing.
    core.delete_channel(ada.actor(), ada.id, group).await.unwrap();
    assert_eq!(linked(other), None);
    world.post(ada, other, "alone").await.unwrap();
    for channel in [channel, other, group, theirs] {
        let replica = core.replica_of(channel);
        let applied =
            |verdict: &glog::control::Verdict| *verdict == glog::control::Verdict::Applied;
        assert!(replica.chain().verdicts().iter().all(applied));
    }
}

/// As many posts as pins: the oldest makes room.
#[tokio::test]
async fn more_posts_than_pins_are_copied() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let (channel, group) = discussed(&world, ada).await;
    let core = world.core.clone();
    let said = world.post(ada, group, "rules").await.unwrap();
    let how = PinHow { pinned: true, one_side: false, silent: true };
    core.pin_message(ada.actor(), ada.id, group.into(), said.id, how).await.unwrap();
    let first = world.post(ada, channel, "first").await.unwrap();
    let first = core.copy_of_post(channel, first.id).unwrap().unwrap().id;
    for _ in 0..499 {
        world.post(ada, channel, "post").await.unwrap();
    }
    let pinned = core.pinned_messages(ada.id, group.into()).await.unwrap();
    assert_eq!(pinned.len(), 500);
    assert!(pinned.contains(&said.id) && !pinned.contains(&first), "people's pins stay");
    assert!(!core.message(group, first).unwrap().unwrap().pinned);
    let more = world.post(ada, group, "more rules").await.unwrap();
    core.pin_message(ada.actor(), ada.id, group.into(), more.id, how).await.unwrap();
    assert_eq!(core.pinned_messages(ada.id, group.into()).await.unwrap().len(), 500);
}

#[tokio::test]
async fn an_album_is_one_message_to_slow_mode() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let setting = ChannelSetting::SlowMode(300);
    core.set_in_channel(ada.actor(), ada.id, group, setting).await.unwrap();
    let album = |world: &World| {
        let one = || Outgoing {
            grouped_id: 77,
            ..Outgoing::text(group.into(), text("one"), world.number())
        };
        vec![one(), one()]
    };
    assert_eq!(core.send_album(bob.actor(), bob.id, album(&world)).await.unwrap().len(), 2);
    let refused = core.send_album(bob.actor(), bob.id, album(&world)).await;
    assert!(matches!(refused, Err(CoreError::SlowMode { .. })), "{refused:?}");
}

/// The group's owner vouches for copies of posts, and is not meant by what answers them.
#[tokio::test]
async fn comments_to_a_post_mean_nobody_by_themselves() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let (channel, group) = discussed(&world, ada).await;
    let core = world.core.clone();
    core.join_channel(bob.actor(), bob.id, group).await.unwrap();
    let post = world.post(ada, channel, "ships").await.unwrap();
    let copy = core.copy_of_post(channel, post.id).unwrap().unwrap();
    let comment = world.answer(bob, group, copy.id, "aye").await.unwrap();
    assert!(core.unread_mentions(ada.id, PeerId::from(group)).await.unwrap().is_empty());
    world.answer(ada, group, comment.id, "nay").await.unwrap();
    let meant = core.unread_mentions(bob.id, PeerId::from(group)).await.unwrap();
    assert_eq!(meant.len(), 1, "who is answered");
}
