//! Who has listened to what in a supergroup, and who has read it when.

use super::world::{Member, World};
use crate::*;

/// A voice message without a file behind it.
fn voice(owner: Member, id: i64) -> Document {
    Document {
        attributes: vec![DocumentAttribute::Audio {
            voice: true,
            duration: 3,
            title: None,
            performer: None,
            waveform: None,
        }],
        ..super::media::document(owner, id, 10, 1)
    }
}

#[tokio::test]
async fn each_has_their_own_mark_and_the_writer_sees_that_anybody_listened() {
    let mut world = World::new().await;
    let (ada, bob, cyd) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Cyd").await);
    let crew = world.channel(ada, false).await;
    world.named(ada, crew, "harbour_crew").await;
    let core = world.core.clone();
    for user in [bob, cyd] {
        core.join_channel(user.actor(), user.id, crew).await.unwrap();
    }
    let file = OutgoingFile::NewDocument { document: voice(ada, 9), spoiler: false };
    let media = Some(OutgoingMedia { file, fingerprint: [1; 16] });
    let message = Outgoing { media, ..Outgoing::text(crew.into(), Text::none(), world.number()) };
    let id = core.send(ada.actor(), ada.id, message).await.unwrap().id;
    let unheard = || {
        let message = core.message(crew, id).unwrap().unwrap();
        [ada, bob, cyd].map(|viewer| core.is_unheard(viewer.id, crew, id, &message).unwrap())
    };
    assert_eq!(unheard(), [true; 3]);
    let listen = |by: Member| {
        core.read_contents_in_channel(by.actor(), by.id, crew, vec![id, MessageId(999)])
    };
    // The writer's own ear does not count.
    listen(ada).await.unwrap();
    assert_eq!(unheard(), [true; 3]);
    let pts = core.channel_state(crew).unwrap();
    world.recorder.take();
    listen(bob).await.unwrap();
    assert_eq!(unheard(), [false, false, true]);
    let told = |event| match event {
        Event::Own { owner, change: Own::ReadContents { ids, .. }, .. } => Some((owner, ids)),
        _ => None,
    };
    let events: Vec<_> = world.recorder.take().into_iter().filter_map(told).collect();
    assert_eq!(events, [(bob.id, vec![id]), (ada.id, vec![id])]);
    listen(bob).await.unwrap();
    listen(cyd).await.unwrap();
    let events: Vec<_> = world.recorder.take().into_iter().filter_map(told).collect();
    assert_eq!(events, [(cyd.id, vec![id])], "the writer knows already");
    assert_eq!(unheard(), [false; 3]);
    assert_eq!(core.channel_state(crew).unwrap(), pts, "no event of the box");
    let eve = world.member("Eve").await;
    listen(eve).await.unwrap();
    assert!(world.recorder.take().into_iter().filter_map(told).next().is_none());
}

#[tokio::test]
async fn a_writer_learns_who_has_read_and_when() {
    let mut world = World::new().await;
    let (ada, bob, cyd) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Cyd").await);
    let crew = world.channel(ada, false).await;
    world.named(ada, crew, "harbour_crew").await;
    let core = world.core.clone();
    for user in [bob, cyd] {
        core.join_channel(user.actor(), user.id, crew).await.unwrap();
    }
    let id = world.post(ada, crew, "fog").await.unwrap().id;
    assert_eq!(core.channel_readers(ada.id, crew, id).await.unwrap(), []);
    world.pass_s(60);
    let first = core.now();
    core.read_channel(bob.actor(), bob.id, crew, id).await.unwrap();
    world.pass_s(60);
    // Who answers has read it too.
    let second = core.now();
    world.post(cyd, crew, "aye").await.unwrap();
    core.read_channel(bob.actor(), bob.id, crew, MessageId(0)).await.unwrap();
    let mut readers = core.channel_readers(ada.id, crew, id).await.unwrap();
    readers.sort_by_key(|reader| reader.date);
    let readers: Vec<_> = readers.iter().map(|reader| (reader.user, reader.date)).collect();
    assert_eq!(readers, [(bob.id, first), (cyd.id, second)]);
    // Nobody else's.
    let refused = core.channel_readers(bob.id, crew, id).await;
    assert!(matches!(refused, Err(CoreError::UnknownMessage)), "{refused:?}");
    let hidden = ChannelSetting::HiddenMembers(true);
    core.set_in_channel(ada.actor(), ada.id, crew, hidden).await.unwrap();
    let own = world.post(bob, crew, "mine").await.unwrap().id;
    let refused = core.channel_readers(bob.id, crew, own).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    world.pass_s(8 * 86_400);
    let refused = core.channel_readers(ada.id, crew, id).await;
    assert!(matches!(refused, Err(CoreError::ReadTooOld)), "{refused:?}");
    let news = world.channel(ada, true).await;
    let post = world.post(ada, news, "fog").await.unwrap().id;
    let refused = core.channel_readers(ada.id, news, post).await;
    assert!(matches!(refused, Err(CoreError::TooMany)), "{refused:?}");
}
