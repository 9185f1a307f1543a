//! What admins see of what was done.

use node_store::{Keyspace, Order, Store as _};

use super::world::{Member, World};
use crate::*;

fn all(limit: usize) -> AdminLogQuery {
    AdminLogQuery {
        kinds: AdminEvents::ALL,
        by: Vec::new(),
        words: String::new(),
        max_id: 0,
        min_id: 0,
        limit,
    }
}

async fn group(world: &mut World) -> (ChannelId, Member, Member) {
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    (group, ada, bob)
}

#[tokio::test]
async fn everything_that_is_done_is_noted_and_goes_after_two_days() {
    let mut world = World::new().await;
    let (group, ada, bob) = group(&mut world).await;
    let (cyd, eve) = (world.member("Cyd").await, world.member("Eve").await);
    let core = world.core.clone();
    core.edit_channel_title(ada.actor(), ada.id, group, "Crew").await.unwrap();
    core.edit_channel_about(ada.actor(), ada.id, group, "All hands").await.unwrap();
    world.named(ada, group, "harbour_crew").await;
    let slow = ChannelSetting::SlowMode(30);
    core.set_in_channel(ada.actor(), ada.id, group, slow).await.unwrap();
    let slow = ChannelSetting::SlowMode(0);
    core.set_in_channel(ada.actor(), ada.id, group, slow).await.unwrap();
    core.edit_channel_rights(ada.actor(), ada.id, group, Rights::SEND_POLLS).await.unwrap();
    core.join_channel(cyd.actor(), cyd.id, group).await.unwrap();
    let terms = LinkTerms { title: Some("Pier".into()), ..LinkTerms::default() };
    let link = core.export_link(ada.actor(), ada.id, group, false, terms).await.unwrap();
    core.import_link(eve.actor(), eve.id, &link.hash).await.unwrap();
    let terms = LinkTerms { title: Some("Quay".into()), ..LinkTerms::default() };
    core.edit_link(ada.actor(), ada.id, group, &link.hash, false, terms).await.unwrap();
    core.edit_link(ada.actor(), ada.id, group, &link.hash, true, LinkTerms::default())
        .await
        .unwrap();
    core.delete_link(ada.actor(), ada.id, group, &link.hash).await.unwrap();
    core.leave_channel(eve.actor(), eve.id, group).await.unwrap();
    let rank = "Mate".to_owned();
    core.edit_channel_admin(ada.actor(), ada.id, group, bob.id, AdminRights::BAN_USERS, rank)
        .await
        .unwrap();
    for rights in [Rights::SEND_PLAIN, Rights::NONE] {
        let banned = Banned { entirely: false, rights, until: 0 };
        core.ban_in_channel(bob.actor(), bob.id, group, cyd.id, banned).await.unwrap();
    }
    for entirely in [true, false] {
        let banned = Banned { entirely, rights: Rights::NONE, until: 0 };
        core.ban_in_channel(bob.actor(), bob.id, group, cyd.id, banned).await.unwrap();
    }
    let none = AdminRights::NONE;
    core.edit_channel_admin(ada.actor(), ada.id, group, bob.id, none, String::new()).await.unwrap();
    let sent = world.post(bob, group, "ahoy").await.unwrap();
    let edit = Edit::text(super::world::text("ahoy there"));
    core.edit(bob.actor(), bob.id, group.into(), sent.id, edit).await.unwrap();
    for pinned in [true, false] {
        let how = PinHow { pinned, one_side: false, silent: false };
        core.pin_message(ada.actor(), ada.id, group.into(), sent.id, how).await.unwrap();
    }
    core.delete_in_channel(ada.actor(), ada.id, group, vec![sent.id]).await.unwrap();

    let events = core.admin_log(ada.id, group, &all(100)).await.unwrap();
    assert!(events.windows(2).all(|pair| pair[0].id > pair[1].id), "the newest first");
    let said: Vec<String> = events
        .iter()
        .rev()
        .map(|event| {
            let what = format!("{:?}", event.what);
            let name = what.split(['(', ' ']).next().unwrap().to_owned();
            match event.by {
                by if by == ada.id => name,
                by if by == bob.id => format!("{name} by Bob"),
                by if by == cyd.id => format!("{name} by Cyd"),
                _ => format!("{name} by Eve"),
            }
        })
        .collect();
    assert_eq!(
        said,
        [
            "Added",
            "Title",
            "About",
            "Username",
            "Set",
            "Set",
            "Rights",
            "Joined by Cyd",
            "JoinedByLink by Eve",
            "LinkEdited",
            "LinkRevoked",
            "LinkDeleted",
            "Left by Eve",
            "Admin",
            "Banned by Bob",
            "Banned by Bob",
            "Banned by Bob",
            "Banned by Bob",
            "Admin",
            "Edited by Bob",
            "Pinned",
            "Pinned",
            "Deleted",
        ]
    );
    let AdminAction::Edited(id, before, now) = &events[3].what else { panic!("{events:?}") };
    assert_eq!((*id, before.text.as_str(), now.text.as_str()), (sent.id, "ahoy", "ahoy there"));
    let AdminAction::Set(before, now) = &events[18].what else { panic!("{:?}", events[18]) };
    let pace = ChannelSetting::SlowMode;
    assert_eq!((*before, *now), (pace(0), pace(30)));

    // Some of it.
    let asked = async |query: AdminLogQuery| {
        let found = core.admin_log(ada.id, group, &query).await.unwrap();
        found.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    assert_eq!(asked(all(2)).await, ids[..2]);
    assert_eq!(asked(AdminLogQuery { max_id: ids[1], ..all(2) }).await, ids[2..4]);
    assert_eq!(asked(AdminLogQuery { min_id: ids[1], ..all(9) }).await, ids[..1]);
    let by_bob = AdminLogQuery { by: vec![bob.id], ..all(9) };
    assert_eq!(asked(by_bob).await, [ids[3], ids[5], ids[6], ids[7], ids[8]]);
    let words = |words: &str| AdminLogQuery { words: words.into(), ..all(9) };
    assert_eq!(asked(words("Ahoy THERE")).await, [ids[0], ids[1], ids[2], ids[3]]);
    assert_eq!(asked(words("eve")).await.len(), 2);
    let kinds = |kinds| AdminLogQuery { kinds, ..all(9) };
    for (kind, at) in [
        (AdminEvents::KICK, 6),
        (AdminEvents::UNKICK, 5),
        (AdminEvents::BAN, 8),
        (AdminEvents::UNBAN, 7),
        (AdminEvents::PROMOTE, 9),
        (AdminEvents::DEMOTE, 4),
        (AdminEvents::LEAVE, 10),
        (AdminEvents::INVITE, 22),
    ] {
        assert_eq!(asked(kinds(kind)).await, [ids[at]], "{kind:?}");
    }
    let refused = core.admin_log(bob.id, group, &all(9)).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");

    // Over a restart it goes at its time, and its numbers do not come again.
    let world = world.reopen();
    world.pass_s(48 * 3600 + 1);
    let core = world.core.clone();
    let refused = core.admin_log(bob.id, group, &all(9)).await;
    assert!(refused.is_err());
    assert!(core.admin_log(ada.id, group, &all(9)).await.unwrap().is_empty());
    core.tick().await.unwrap();
    let rows = world.disk.scan(Keyspace::TIMERS, &[], None, 100, Order::Ascending).unwrap();
    assert_eq!(rows.len(), 0);
    core.edit_channel_title(ada.actor(), ada.id, group, "Hands").await.unwrap();
    let events = core.admin_log(ada.id, group, &all(9)).await.unwrap();
    assert!(events.len() == 1 && events[0].id > ids[0], "{events:?}");
}

/// Posts of broadcast channels are noted, messages of groups are not.
#[tokio::test]
async fn posts_are_noted_in_broadcast_channels() {
    let mut world = World::new().await;
    let (group, ada, _) = group(&mut world).await;
    let news = world.channel(ada, true).await;
    for place in [group, news] {
        world.post(ada, place, "hear").await.unwrap();
    }
    let sent = AdminLogQuery { kinds: AdminEvents::SEND, ..all(9) };
    let core = world.core.clone();
    assert!(core.admin_log(ada.id, group, &sent).await.unwrap().is_empty());
    let found = core.admin_log(ada.id, news, &sent).await.unwrap();
    assert!(matches!(&found[..], [AdminEvent { what: AdminAction::Sent(..), .. }]), "{found:?}");
}
