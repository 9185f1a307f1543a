//! What is set in channels, and what follows from it.

use super::world::{World, text};
use crate::*;

#[tokio::test]
async fn only_who_may_sets_what_such_a_channel_has() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let (group, news) = (world.channel(ada, false).await, world.channel(ada, true).await);
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let rights = AdminRights::BAN_USERS;
    core.edit_channel_admin(ada.actor(), ada.id, group, bob.id, rights, String::new())
        .await
        .unwrap();
    use ChannelSetting as Is;
    let both = [Is::NoForwards(true), Is::Ttl(1000)];
    let of_groups = [
        (Is::SlowMode(30), true),
        (Is::JoinToSend(true), true),
        (Is::JoinRequest(true), true),
        (Is::HiddenMembers(true), true),
        (Is::HiddenHistory(true), false),
    ];
    for (setting, by_admin) in of_groups {
        let other = core.set_in_channel(ada.actor(), ada.id, news, setting).await;
        assert!(matches!(other, Err(CoreError::SettingsInvalid)), "{setting:?}");
        let done = core.set_in_channel(bob.actor(), bob.id, group, setting).await;
        assert_eq!(done.is_ok(), by_admin, "{setting:?} {done:?}");
    }
    for setting in both {
        let refused = core.set_in_channel(bob.actor(), bob.id, group, setting).await;
        assert!(refused.is_err(), "{setting:?}");
        for channel in [group, news] {
            core.set_in_channel(ada.actor(), ada.id, channel, setting).await.unwrap();
            let again = core.set_in_channel(ada.actor(), ada.id, channel, setting).await;
            assert!(matches!(again, Err(CoreError::ChatNotModified)), "{setting:?}");
        }
    }
    let refused = core.set_in_channel(ada.actor(), ada.id, group, Is::Signatures(true)).await;
    assert!(matches!(refused, Err(CoreError::SettingsInvalid)));
    let odd = core.set_in_channel(ada.actor(), ada.id, news, Is::Ttl(-1)).await;
    assert!(matches!(odd, Err(CoreError::TtlInvalid)));
    // A public one hides nothing from who joins.
    core.set_in_channel(ada.actor(), ada.id, group, Is::HiddenHistory(true)).await.unwrap();
    core.set_in_channel(ada.actor(), ada.id, group, Is::HiddenHistory(false)).await.unwrap();
    world.named(ada, group, "harbour_crew").await;
    let refused = core.set_in_channel(ada.actor(), ada.id, group, Is::HiddenHistory(true)).await;
    assert!(matches!(refused, Err(CoreError::SettingsInvalid)));
    let shown = core.channel(group).unwrap();
    assert!(shown.noforwards && shown.join_to_send && shown.join_request && shown.hidden_members);
    assert_eq!((shown.ttl_period, shown.slow_mode_s), (1000, 30));
    // Other nodes read the same in the log.
    for channel in [group, news] {
        let replica = core.replica_of(channel);
        let state = replica.chain().state();
        let found = core.channel(channel).unwrap();
        for setting in state.settings.values() {
            use glog::body::Setting;
            match setting {
                Setting::NoForwards(so) => assert_eq!(*so, found.noforwards),
                Setting::TtlS(period) => assert_eq!(*period as i32, found.ttl_period),
                Setting::JoinToSend(so) => assert_eq!(*so, found.join_to_send),
                Setting::JoinRequest(so) => assert_eq!(*so, found.join_request),
                Setting::HiddenMembers(so) => assert_eq!(*so, found.hidden_members),
                Setting::SlowModeS(pace) => assert_eq!(*pace as i32, found.slow_mode_s),
                _ => {}
            }
        }
        assert!(state.settings.len() >= 3);
    }
}

#[tokio::test]
async fn posts_are_signed_as_long_as_the_channel_says_so() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let news = world.channel(ada, true).await;
    let core = world.core.clone();
    let signed = |sent: Sent| sent.message.post_author;
    assert_eq!(signed(world.post(ada, news, "one").await.unwrap()), None);
    let on = ChannelSetting::Signatures(true);
    core.set_in_channel(ada.actor(), ada.id, news, on).await.unwrap();
    let two = world.post(ada, news, "two").await.unwrap();
    assert_eq!(signed(two).as_deref(), Some("Ada"));
    let off = ChannelSetting::Signatures(false);
    core.set_in_channel(ada.actor(), ada.id, news, off).await.unwrap();
    assert_eq!(signed(world.post(ada, news, "three").await.unwrap()), None);
}

/// What may not be forwarded now may be once the channel says so: it is the channel's to say.
#[tokio::test]
async fn a_channel_keeps_its_messages_as_long_as_it_says_so() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let kept = ChannelSetting::NoForwards(true);
    core.set_in_channel(ada.actor(), ada.id, group, kept).await.unwrap();
    let sent = world.post(ada, group, "ours").await.unwrap();
    let forward = async || {
        let ids = vec![(sent.id, world.number())];
        let how = ForwardHow::default();
        core.forward(bob.actor(), bob.id, group.into(), bob.peer(), ids, how).await
    };
    let refused = forward().await;
    assert!(matches!(refused, Err(CoreError::ForwardsRestricted)), "{refused:?}");
    let free = ChannelSetting::NoForwards(false);
    core.set_in_channel(ada.actor(), ada.id, group, free).await.unwrap();
    forward().await.unwrap();
}

#[tokio::test]
async fn messages_go_by_the_timer_of_their_channel() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    world.post(ada, group, "stays").await.unwrap();
    let set = core.set_history_ttl(ada.actor(), ada.id, group.into(), 100).await.unwrap();
    assert_eq!(set.message.action, Some(Action::SetTtl { period: 100, auto_from: None }));
    assert_eq!(core.history_ttl(bob.id, group.into()).unwrap(), 100);
    let sent = world.post(bob, group, "goes").await.unwrap();
    assert_eq!(sent.message.ttl_period, 100);
    assert_eq!(world.said_in(ada, group).await, ["stays", "goes"]);
    world.pass_s(101);
    core.tick().await.unwrap();
    assert_eq!(world.said_in(ada, group).await, ["stays"]);
    let replica = core.replica_of(group);
    assert_eq!(replica.lanes().view(replica.chain()).messages.len(), 1, "in the log too");
    // One that is made with it.
    let title = "Brief".to_owned();
    let brief =
        NewChannel { broadcast: true, title, about: String::new(), ttl_period: 50, forum: false };
    let brief = core.create_channel(ada.actor(), ada.id, brief).await.unwrap().channel;
    assert_eq!(world.post(ada, brief, "soon").await.unwrap().message.ttl_period, 50);
    let title = "Odd".to_owned();
    let odd =
        NewChannel { broadcast: true, title, about: String::new(), ttl_period: -1, forum: false };
    let odd = core.create_channel(ada.actor(), ada.id, odd).await;
    assert!(matches!(odd, Err(CoreError::TtlInvalid)));
}

#[tokio::test]
async fn who_joins_by_the_name_asks_where_the_group_says_so() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    world.named(ada, group, "harbour_crew").await;
    let core = world.core.clone();
    let on = ChannelSetting::JoinRequest(true);
    core.set_in_channel(ada.actor(), ada.id, group, on).await.unwrap();
    for _ in 0..2 {
        let asked = core.join_channel(bob.actor(), bob.id, group).await.unwrap();
        assert_eq!(asked, LinkTaken::Requested);
    }
    assert_eq!(core.pending_requests(group).unwrap(), (1, vec![bob.id]));
    assert!(!core.channel_for(bob.id, group).unwrap().is_member());
    core.hide_request(ada.actor(), ada.id, group, bob.id, true).await.unwrap();
    assert!(core.channel_for(bob.id, group).unwrap().is_member());
    assert_eq!(core.pending_requests(group).unwrap(), (0, vec![]));
    world.post(bob, group, "in").await.unwrap();
}

/// What waits in a channel is sent at its time, by the rules of that time.
#[tokio::test]
async fn scheduled_messages_of_channels_are_sent_by_who_may_still_write() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let later = async |words: &str, after_s: i32, repeat: i32| {
        let message = Outgoing::text(group.into(), text(words), world.number());
        let when = When { date: core.now() + after_s, repeat };
        core.schedule(bob.actor(), bob.id, message, when).await.unwrap()
    };
    later("first", 10, 0).await;
    later("second", 10, 0).await;
    let slow = ChannelSetting::SlowMode(30);
    core.set_in_channel(ada.actor(), ada.id, group, slow).await.unwrap();
    let waiting = core.scheduled_history(bob.id, group.into()).await.unwrap();
    assert_eq!(waiting.len(), 2);
    world.pass_s(10);
    core.tick().await.unwrap();
    assert_eq!(world.said_in(ada, group).await, ["first"], "one at a time, as slow mode has it");
    let world = world.reopen();
    let core = world.core.clone();
    world.pass_s(30);
    core.tick().await.unwrap();
    assert_eq!(world.said_in(ada, group).await, ["first", "second"]);
    assert!(core.scheduled_history(bob.id, group.into()).await.unwrap().is_empty());
    // Who may not write any more is not heard.
    let message = Outgoing::text(group.into(), text("never"), world.number());
    let when = When { date: core.now() + 100, repeat: 0 };
    core.schedule(bob.actor(), bob.id, message, when).await.unwrap();
    let banned = Banned { entirely: false, rights: Rights::SEND_PLAIN, until: 0 };
    core.ban_in_channel(ada.actor(), ada.id, group, bob.id, banned).await.unwrap();
    world.pass_s(101);
    core.tick().await.unwrap();
    assert_eq!(world.said_in(ada, group).await, ["first", "second"]);
    assert!(core.scheduled_history(bob.id, group.into()).await.unwrap().is_empty());
    // Nothing waits but the admin log, which goes after two days.
    assert!(core.due().borrow().is_none_or(|due| due as i32 > core.now() + 100_000));
}

/// The first is sent, and slow mode keeps the second: the command had changed the group by then.
#[tokio::test]
async fn scheduled_messages_that_are_sent_now_go_as_far_as_they_may() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let mut ids = Vec::new();
    for words in ["first", "second"] {
        let message = Outgoing::text(group.into(), text(words), world.number());
        let when = When { date: core.now() + 100, repeat: 0 };
        let placed = core.schedule(bob.actor(), bob.id, message, when).await.unwrap();
        let Placed::Waits(waits) = placed else { panic!("{placed:?}") };
        ids.push(waits.id);
    }
    let slow = ChannelSetting::SlowMode(30);
    core.set_in_channel(ada.actor(), ada.id, group, slow).await.unwrap();
    let send = async |ids| core.send_scheduled(bob.actor(), bob.id, group.into(), ids).await;
    assert_eq!(send(ids.clone()).await.unwrap().len(), 1);
    assert_eq!(world.said_in(ada, group).await, ["first"]);
    assert!(matches!(send(ids[1..].to_vec()).await, Err(CoreError::SlowMode { .. })));
    world.pass_s(30);
    assert_eq!(send(ids[1..].to_vec()).await.unwrap().len(), 1);
    assert_eq!(world.said_in(ada, group).await, ["first", "second"]);
}

/// What members may not do, an admin may only with that right.
#[tokio::test]
async fn an_admin_does_what_was_granted_or_what_members_may() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let cyd = world.member("Cyd").await;
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let rights = AdminRights::DELETE_MESSAGES;
    core.edit_channel_admin(ada.actor(), ada.id, group, bob.id, rights, String::new())
        .await
        .unwrap();
    let sent = world.post(ada, group, "hello").await.unwrap();
    let all = Rights::CHANGE_INFO | Rights::PIN_MESSAGES | Rights::INVITE_USERS;
    for banned in [all, Rights::NONE] {
        let set = core.edit_channel_rights(ada.actor(), ada.id, group, banned).await;
        assert!(set.is_ok(), "{set:?}");
        let may = banned == Rights::NONE;
        let title = core.edit_channel_title(bob.actor(), bob.id, group, "Bob's").await;
        assert_eq!(title.is_ok(), may, "{title:?}");
        let how = PinHow { pinned: true, one_side: false, silent: false };
        let pin = core.pin_message(bob.actor(), bob.id, group.into(), sent.id, how).await;
        assert_eq!(pin.is_ok(), may, "{pin:?}");
        let added = core.add_to_channel(bob.actor(), bob.id, group, vec![cyd.id]).await;
        assert_eq!(added.is_ok(), may, "{added:?}");
    }
}
