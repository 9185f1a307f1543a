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
    assert_eq!(core.open_thread(bob.id, group, first.id).await.unwrap().read_outbox, MessageId(0));
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
