//! What nodes tell each other beside their logs: who writes, who is there, how far was read.

use std::sync::Arc;

use super::federation::Two as Group;
use super::pairs::{Side, Two};
use super::world::Recorder;
use crate::*;

/// What one side tells the other of its member.
fn tell_status(from: &Side, to: &Side) -> Status {
    let told = from.core().statuses_across(from.me.id).unwrap();
    let [(node, status)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((*node, status.to), (to.core().node(), to.me.id.0 as u64));
    to.core().status_from(from.core().node(), *status).unwrap();
    status.status
}

fn shown(side: &Side) -> Status {
    side.core().view(side.me.id, side.other).unwrap().unwrap().status
}

fn presences(recorder: &Recorder, of: UserId) -> usize {
    let events = recorder.take();
    events.iter().filter(|event| matches!(event, Event::Presence { user } if *user == of)).count()
}

async fn hide(side: &Side, what: Vec<PrivacyRule>) {
    side.core().set_privacy(None, side.me.id, PrivacyKey::Status, what).await.unwrap();
}

#[tokio::test]
async fn who_is_there_is_told_as_far_as_they_let_it_be_known() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    here.core().set_online(here.me.id, true).await.unwrap();
    assert!(here.core().statuses_across(here.me.id).unwrap().is_empty(), "they never talked");
    let unknown = FarStatus {
        by: here.me.id.0 as u64,
        to: there.me.id.0 as u64,
        status: Status::Online { expires: i32::MAX },
    };
    let refused = there.core().status_from(here.core().node(), unknown);
    assert!(matches!(refused, Err(CoreError::UnknownUser)), "{refused:?}");

    here.say("are you there?").await;
    two.heal().await;
    assert_eq!(shown(there), Status::Recently { by_me: false });
    there.world.recorder.take();
    let told = tell_status(here, there);
    assert!(matches!(told, Status::Online { .. }), "{told:?}");
    assert_eq!(shown(there), told);
    assert_eq!(presences(&there.world.recorder, there.other), 1);
    assert_eq!(there.core().presence_audience(there.other, 10).unwrap(), [there.me.id]);
    tell_status(here, there);
    assert_eq!(presences(&there.world.recorder, there.other), 0, "nothing new");
    // What a node has when another comes is the same.
    let all = here.core().statuses_for(there.core().node(), 10).unwrap();
    assert_eq!(all.iter().map(|one| one.status).collect::<Vec<_>>(), [told]);
    // Nobody is there for ever because their node went away.
    there.world.pass_s(ONLINE_MS / 1000 + 1);
    assert!(matches!(shown(there), Status::Offline { .. }));

    // Who hides when they were there hides it there too; and does not see it of others.
    hide(here, vec![PrivacyRule { allow: false, who: Who::All }]).await;
    assert_eq!(tell_status(here, there), Status::Recently { by_me: false });
    assert_eq!(shown(there), Status::Recently { by_me: false });
    there.core().set_online(there.me.id, true).await.unwrap();
    assert!(tell_status(there, here).is_exact());
    assert_eq!(shown(here), Status::Recently { by_me: true });
    hide(here, vec![PrivacyRule { allow: true, who: Who::All }]).await;
    assert!(shown(here).is_exact());
    // Who is blocked learns nothing.
    there.block(true).await;
    assert_eq!(tell_status(there, here), Status::LongAgo);
    assert_eq!(shown(here), Status::LongAgo);
}

#[tokio::test]
async fn who_stays_says_so_again() {
    let two = Two::new().await;
    let here = &two.sides[0];
    here.core().set_online(here.me.id, true).await.unwrap();
    here.world.recorder.take();
    here.core().set_online(here.me.id, true).await.unwrap();
    assert_eq!(presences(&here.world.recorder, here.me.id), 0);
    here.world.pass_s(ONLINE_MS / 2000 + 1);
    here.core().set_online(here.me.id, true).await.unwrap();
    assert_eq!(presences(&here.world.recorder, here.me.id), 1);
}

#[tokio::test]
async fn writers_see_that_somebody_of_another_node_has_read() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    let first = here.say("first").await.id;
    let second = here.say("second").await.id;
    let third = here.say("third").await.id;
    two.heal().await;
    assert!(there.core().reads_across(here.core().node()).unwrap().is_empty());
    there.world.recorder.take();
    let to = there.found("second").await.id;
    there.core().read_history(there.me.actor(), there.me.id, there.peer(), to).await.unwrap();
    let events = there.world.recorder.take();
    let group = two.group();
    let told = |e: &Event| matches!(e, Event::PairRead { group: g } if *g == group);
    assert!(events.iter().any(told), "{events:?}");

    // It is told until it was heard, also after a restart.
    let two = two.restarted();
    let [here, there] = &two.sides;
    let reads = there.core().reads_across(here.core().node()).unwrap();
    let [read] = &reads[..] else { panic!("{reads:?}") };
    // The newest of them goes meanwhile: what was before it was read all the same.
    here.delete(&[second], true).await;
    assert_eq!(here.dialog().await.read_outbox, MessageId(0));
    here.core().read_from(there.core().node(), read.clone()).await.unwrap();
    assert_eq!(here.dialog().await.read_outbox, first);
    there.core().read_was_told(read.clone()).await.unwrap();
    assert!(there.core().reads_across(here.core().node()).unwrap().is_empty());

    // What was read since is not taken for told by an answer to what was told before.
    two.heal().await;
    let (core, me) = (there.core(), there.me);
    core.read_history(me.actor(), me.id, there.peer(), MessageId(0)).await.unwrap();
    there.core().read_was_told(read.clone()).await.unwrap();
    let reads = there.core().reads_across(here.core().node()).unwrap();
    here.core().read_from(there.core().node(), reads[0].clone()).await.unwrap();
    assert_eq!(here.dialog().await.read_outbox, third);
    // Less than was told before changes nothing; what was not written here neither.
    let pts = here.pts().await;
    here.core().read_from(there.core().node(), read.clone()).await.unwrap();
    let own = FarRead { at: here.core().log_heads(group).await.unwrap().unwrap().lanes, group };
    here.core().read_from(there.core().node(), own).await.unwrap();
    assert_eq!(here.pts().await, pts);
    let other = here.core().read_from(here.core().node(), read.clone()).await;
    assert!(matches!(other, Err(CoreError::UnknownChannel)), "not of the two: {other:?}");
}

#[tokio::test]
async fn who_writes_to_somebody_of_another_node_is_seen_to() {
    let two = Two::new().await;
    let [here, there] = &two.sides;
    let typing = |thread| {
        let doing = Doing::RecordAudio;
        here.core().typing_across(here.me.id, here.peer(), doing, thread).unwrap()
    };
    assert!(typing(None).is_empty(), "they never talked");
    here.say("hm").await;
    two.heal().await;
    let told = typing(None);
    let [(node, told)] = told[..] else { panic!("{told:?}") };
    assert_eq!(node, there.core().node());
    there.world.recorder.take();
    there.core().typing_from(here.core().node(), told).unwrap();
    let events = there.world.recorder.take();
    let [Event::Typing { from, to, doing, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*from, *to, *doing), (there.other, there.me.peer(), Some(Doing::RecordAudio)));
    // Nobody speaks for who lives elsewhere, and who is blocked is not heard.
    let other = there.core().typing_from(there.core().node(), told);
    assert!(matches!(other, Err(CoreError::UnknownUser)), "{other:?}");
    there.block(true).await;
    there.world.recorder.take();
    let blocked = there.core().typing_from(here.core().node(), told);
    assert!(matches!(blocked, Err(CoreError::UnknownUser)), "{blocked:?}");
    assert!(there.world.recorder.take().is_empty());
}

#[tokio::test]
async fn a_small_group_sees_who_writes_and_who_has_read() {
    let two = Group::new(false).await;
    two.join(two.eve).await;
    let asked = two.say(true, "who is there?").await;
    two.heal().await;
    two.say(false, "I am").await;
    two.heal().await;
    let (home, far) = (&two.home.core, &two.far.core);

    // Who writes has read: the other node is told what of its own was.
    let read = |events: &[Event]| {
        events.iter().find_map(|event| match *event {
            Event::ChannelSeen { channel, by, after, max_id } => Some((channel, by, after, max_id)),
            _ => None,
        })
    };
    let events = two.far.recorder.take();
    let (channel, by, after, max_id) = read(&events).expect("Eve has read");
    let reads = far.group_reads_across(channel, by, after, max_id).unwrap();
    let [(node, told)] = &reads[..] else { panic!("{reads:?}") };
    assert_eq!(*node, home.node());
    assert!(two.home.dialog_of(two.ada, two.channel).await.read_outbox < asked.id);
    two.home.recorder.take();
    home.read_from(far.node(), told.clone()).await.unwrap();
    assert!(two.home.dialog_of(two.ada, two.channel).await.read_outbox >= asked.id);
    let events = two.home.recorder.take();
    let (channel, by, after, max_id) = read(&events).expect("Ada is told");
    assert!(home.group_reads_across(channel, by, after, max_id).unwrap().is_empty(), "not back");
    let stranger = home.read_from(home.node(), told.clone()).await;
    assert!(matches!(stranger, Err(CoreError::UnknownChannel)), "{stranger:?}");

    // Who is writing, and in which thread.
    let top = two
        .far
        .core
        .message_of(two.there, &home.origin_of(two.channel, asked.id).unwrap().unwrap());
    let top = top.unwrap().unwrap();
    far.typing(two.eve.id, two.there.into(), Arc::new(()), Some(Doing::Typing), Some(top)).unwrap();
    let told = far.typing_across(two.eve.id, two.there.into(), Doing::Typing, Some(top)).unwrap();
    let [(node, typing)] = told[..] else { panic!("{told:?}") };
    assert_eq!(node, home.node());
    two.home.recorder.take();
    home.typing_from(far.node(), typing).unwrap();
    let events = two.home.recorder.take();
    let [Event::Typing { from, to, doing, thread, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(is_remote(*from) && *to == two.channel.into());
    assert_eq!((*doing, *thread), (Some(Doing::Typing), Some(asked.id)));
    let nobody = FarTyping { by: 77, ..typing };
    assert!(matches!(home.typing_from(far.node(), nobody), Err(CoreError::UnknownUser)));
    // Who has left is not seen to write.
    far.leave_channel(two.eve.actor(), two.eve.id, two.there).await.unwrap();
    two.heal().await;
    assert!(matches!(home.typing_from(far.node(), typing), Err(CoreError::UnknownUser)));
}
