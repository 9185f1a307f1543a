//! Views of posts: once for each viewer, written rarely, and none twice after a crash.

use node_store::{Keyspace, Store as _};

use super::world::{Member, World};
use crate::*;

impl World {
    async fn views(&self, viewer: Member, channel: ChannelId, ids: &[MessageId]) -> Vec<i32> {
        let counts = self.core.view_posts(viewer.id, channel, ids, true).await.unwrap();
        counts.into_iter().map(|counts| counts.unwrap().views).collect()
    }

    async fn written(&self) -> u64 {
        self.core.tick().await.unwrap();
        self.core.keys().written
    }
}

async fn harbour(readers: usize) -> (World, ChannelId, Vec<Member>, Vec<MessageId>) {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let channel = world.channel(ada, true).await;
    world.named(ada, channel, "harbour_news").await;
    let mut members = vec![ada];
    for n in 0..readers {
        members.push(world.member(&format!("Reader{n}")).await);
    }
    let mut posts = Vec::new();
    for n in 0..20 {
        posts.push(world.post(ada, channel, &format!("post {n}")).await.unwrap().id);
    }
    (world, channel, members, posts)
}

#[tokio::test]
async fn a_view_counts_once_for_each_viewer_and_is_written_with_others() {
    let (world, channel, members, posts) = harbour(3).await;
    let [ada, bob, cyd, _] = members[..] else { panic!() };
    let before = world.written().await;
    // Who posted counts from the beginning, and never again.
    assert_eq!(world.views(ada, channel, &posts[..2]).await, [1, 1]);
    assert_eq!(world.views(bob, channel, &posts).await, [2; 20]);
    for _ in 0..5 {
        assert_eq!(world.views(cyd, channel, &posts[5..6]).await, [3]);
        assert_eq!(world.views(bob, channel, &posts[3..7]).await, [2, 2, 3, 2]);
    }
    assert_eq!(world.core.post_counts(channel, posts[5]).unwrap().views, 3);
    assert_eq!(world.written().await, before, "nothing is written yet");
    // One row for each post and for each viewer, however often they looked.
    world.pass_s(5);
    world.recorder.take();
    assert_eq!(world.written().await, before + 20 + 2);
    let told = world.recorder.take().into_iter().find_map(|event| match event {
        Event::ChannelCounts { views, forwards, .. } if forwards.is_empty() => Some(views),
        _ => None,
    });
    let told = told.expect("who is there is told");
    assert_eq!((told.len(), told[14]), (20, (posts[5], 3)));
    world.pass_s(60);
    assert_eq!(world.written().await, before + 22, "and not again");
    // Not everything is a post, and not everything is seen by asking.
    let (core, ids) = (&world.core, [posts[0], MessageId(1), MessageId(999)]);
    let found = core.view_posts(cyd.id, channel, &ids, false).await.unwrap();
    assert_eq!((found[0].unwrap().views, found[1], found[2]), (2, None, None));
    let group = world.channel(ada, false).await;
    let said = world.post(ada, group, "hello").await.unwrap().id;
    assert_eq!(core.view_posts(ada.id, group, &[said], true).await.unwrap(), [None]);
    let refused = core.view_posts(bob.id, group, &[said], true).await;
    assert!(matches!(refused, Err(CoreError::UnknownChannel)));
}

#[tokio::test]
async fn an_end_keeps_all_views_and_a_crash_counts_none_twice() {
    let (world, channel, members, posts) = harbour(2).await;
    let (bob, cyd) = (members[1], members[2]);
    world.views(bob, channel, &posts[..4]).await;
    // Ended in order, all of it was written.
    let world = world.reopen();
    assert_eq!(world.core.post_counts(channel, posts[0]).unwrap().views, 2);
    assert_eq!(world.views(bob, channel, &posts[..4]).await, [2; 4]);
    // What a power cut takes, it takes from the viewer too.
    world.views(bob, channel, &posts[4..8]).await;
    world.views(cyd, channel, &posts[..1]).await;
    let world = world.crash();
    assert_eq!(world.core.post_counts(channel, posts[4]).unwrap().views, 1);
    assert_eq!(world.views(bob, channel, &posts[3..8]).await, [2; 5]);
    world.pass_s(5);
    world.written().await;
    let world = world.crash_keeping(usize::MAX);
    assert_eq!(world.views(bob, channel, &posts[..8]).await, [2; 8]);
    assert_eq!(world.views(cyd, channel, &posts[..1]).await, [3]);
    // A post that goes leaves nothing, also if its views come to be written afterwards.
    let ada = members[0];
    world.views(cyd, channel, &posts[1..2]).await;
    let gone = vec![posts[0], posts[1]];
    world.core.delete_in_channel(ada.actor(), ada.id, channel, gone).await.unwrap();
    world.pass_s(5);
    world.written().await;
    for id in &posts[..2] {
        let key = [&channel.0.to_be_bytes()[..], &[40], &id.0.to_be_bytes()].concat();
        assert_eq!(world.disk.get(Keyspace::CHANNELS, &key).unwrap(), None);
    }
}

#[tokio::test]
async fn more_viewers_than_memory_has_room_for_are_counted_all_the_same() {
    let (world, channel, members, posts) = harbour(1).await;
    let due = u32::MAX;
    // Members that are not there: their rows are what counts.
    for user in 0..9000 {
        let core = &world.core;
        if core.inner.views.is_full() {
            core.write_views().await.unwrap();
        }
        let see = [(MessageId(posts[0].0 - 1), posts[0])];
        let viewer = UserId(5_000_000 + user);
        let store = &*core.inner.store;
        assert!(core.inner.views.see(store, channel, viewer, &see, due).unwrap());
    }
    assert_eq!(world.core.post_counts(channel, posts[0]).unwrap().views, 9001);
    let world = world.reopen();
    assert_eq!(world.views(members[1], channel, &posts[..1]).await, [9002]);
}

#[tokio::test]
async fn forwards_of_a_post_are_counted_and_told() {
    let (world, channel, members, posts) = harbour(1).await;
    let bob = members[1];
    let how = ForwardHow::default();
    world.recorder.take();
    for number in [1, 1, 2] {
        let ids = vec![(posts[0], number)];
        let to = bob.id.into();
        world.core.forward(bob.actor(), bob.id, channel.into(), to, ids, how).await.unwrap();
    }
    assert_eq!(world.core.post_counts(channel, posts[0]).unwrap().forwards, 2, "one came again");
    let told = world.recorder.take().into_iter().filter_map(|event| match event {
        Event::ChannelCounts { forwards, .. } => Some(forwards),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [[(posts[0], 1)], [(posts[0], 2)]]);
    // They stay when views are written.
    world.views(bob, channel, &posts[..1]).await;
    world.pass_s(5);
    world.written().await;
    let world = world.reopen();
    let counts = world.core.post_counts(channel, posts[0]).unwrap();
    assert_eq!(counts, PostCounts { views: 2, forwards: 2 });
}
