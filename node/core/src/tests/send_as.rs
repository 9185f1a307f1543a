//! In whose name one writes in a supergroup, and who learns of it.

use std::sync::Arc;

use super::world::{Member, World, text};
use crate::*;

async fn appoint(world: &World, by: Member, group: ChannelId, user: Member, rights: AdminRights) {
    let (actor, rank) = (by.actor(), "Captain".to_owned());
    let done = world.core.edit_channel_admin(actor, by.id, group, user.id, rights, rank).await;
    done.unwrap();
}

/// A public group of ada's with bob, who writes as the group, and eve.
async fn scene() -> (World, [Member; 3], ChannelId) {
    let mut world = World::new().await;
    let (ada, bob, eve) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Eve").await);
    let group = world.channel(ada, false).await;
    world.named(ada, group, "harbour_talk").await;
    let (actor, core) = (ada.actor(), world.core.clone());
    core.add_to_channel(actor, ada.id, group, vec![bob.id, eve.id]).await.unwrap();
    let rights = AdminRights::ANONYMOUS
        .and(AdminRights::CHANGE_INFO)
        .and(AdminRights::BAN_USERS)
        .and(AdminRights::ADD_ADMINS);
    appoint(&world, ada, group, bob, rights).await;
    (world, [ada, bob, eve], group)
}

async fn write_as(
    world: &World,
    from: Member,
    group: ChannelId,
    sender: PeerId,
) -> CoreResult<Sent> {
    let message = Outgoing {
        send_as: Some(sender),
        ..Outgoing::text(group.into(), text("as said"), world.number())
    };
    world.core.send(from.actor(), from.id, message).await
}

#[tokio::test]
async fn who_writes_as_the_group_is_not_known() {
    let (world, [ada, bob, eve], group) = scene().await;
    let core = world.core.clone();
    let sent = world.post(bob, group, "by the group").await.unwrap();
    let message = &sent.message;
    assert_eq!((message.author(), message.sent_as), (group.into(), Some(group.into())));
    assert!(message.is_by(bob.id) && message.post_author.as_deref() == Some("Captain"));
    // Nor by choice: a slip of a client must not tell.
    let slip = write_as(&world, bob, group, bob.peer()).await;
    assert!(matches!(slip, Err(CoreError::SendAsInvalid)), "{slip:?}");
    let other = write_as(&world, eve, group, group.into()).await;
    assert!(matches!(other, Err(CoreError::SendAsInvalid)), "{other:?}");
    assert_eq!(core.senders(bob.id, group).unwrap(), [group.into()]);
    assert_eq!(core.senders(eve.id, group).unwrap(), [eve.peer()]);
    // What he does is told as what he says.
    let done = core.edit_channel_title(bob.actor(), bob.id, group, "Quay").await.unwrap();
    assert_eq!(done.sent[0].message.author(), group.into());
    // He is found by nobody's name.
    let by = |from| SearchQuery {
        peer: Some(group.into()),
        from: Some(from),
        limit: 10,
        ..SearchQuery::default()
    };
    assert_eq!(core.search(eve.id, &by(bob.peer())).await.unwrap().messages.len(), 0);
    assert_eq!(core.search(eve.id, &by(group.into())).await.unwrap().messages.len(), 2);
    let channel = core.channel(group).unwrap();
    for filter in [ParticipantFilter::Recent, ParticipantFilter::Admins] {
        let page = core.participants(eve.id, &channel, &filter, 0, 10).await.unwrap();
        assert!(page.participants.iter().all(|one| one.user != bob.id));
        assert_eq!(page.count, page.participants.len());
        let page = core.participants(ada.id, &channel, &filter, 0, 10).await.unwrap();
        assert!(page.participants.iter().any(|one| one.user == bob.id && one.is_admin()));
    }
    let own = core.participant(group, bob.id).unwrap().unwrap();
    let shown = core.participant_for(eve.id, group, own.clone()).unwrap();
    assert_eq!(shown.role, ChannelRole::Member);
    assert_eq!(core.participant_for(ada.id, group, own.clone()).unwrap(), own);
    // Nor by what he took from somebody.
    let rights = Banned { entirely: false, rights: Rights::SEND_PHOTOS, until: 0 };
    core.ban_in_channel(bob.actor(), bob.id, group, eve.id, rights).await.unwrap();
    let own = core.participant(group, eve.id).unwrap().unwrap();
    let shown = core.participant_for(eve.id, group, own).unwrap();
    let is_hidden = |role: &ChannelRole| matches!(role, ChannelRole::Restricted { by, .. } if *by == UserId::SERVICE);
    assert!(is_hidden(&shown.role), "{shown:?}");
    // Nor by writing, nor by a forward, nor by an answer.
    world.recorder.take();
    core.typing(bob.id, group.into(), Arc::new(()), None, None).unwrap();
    assert!(world.recorder.take().is_empty());
    core.typing(ada.id, group.into(), Arc::new(()), None, None).unwrap();
    assert_eq!(world.recorder.take().len(), 1);
    let how = ForwardHow::default();
    let ids = vec![(sent.id, world.number())];
    let forwarded = core.forward(eve.actor(), eve.id, group.into(), eve.peer(), ids, how).await;
    let forward = forwarded.unwrap()[0].message.forward.clone().unwrap();
    let signed = Some("Captain".to_owned());
    assert!(forward.from == Author::Channel { channel: group, post: None, signed });
    world.answer(bob, group, sent.id, "so it is").await.unwrap();
    let thread = core.thread(group, sent.id).unwrap().unwrap();
    assert_eq!(thread.recent, [group.into()]);
    // It is his still.
    let edit = || Edit::text(text("by the group, mended"));
    let refused = core.edit(ada.actor(), ada.id, group.into(), sent.id, edit()).await;
    assert!(matches!(refused, Err(CoreError::NotTheAuthor)), "{refused:?}");
    let edited = core.edit(bob.actor(), bob.id, group.into(), sent.id, edit()).await.unwrap();
    assert_eq!(edited.message.author(), group.into());
    core.delete_in_channel(bob.actor(), bob.id, group, vec![sent.id]).await.unwrap();

    // Without the right he writes as himself.
    appoint(&world, ada, group, bob, AdminRights::CHANGE_INFO).await;
    let sent = world.post(bob, group, "by bob").await.unwrap();
    assert_eq!((sent.message.author(), sent.message.post_author), (bob.peer(), None));
}

#[tokio::test]
async fn the_owner_may_stay_unknown_and_whoever_follows_is_not() {
    let (world, [ada, bob, eve], group) = scene().await;
    let core = world.core.clone();
    assert_eq!(world.post(ada, group, "by ada").await.unwrap().message.author(), ada.peer());
    let entries = core.log_entries(group).len();
    let all = AdminRights::ALL;
    appoint(&world, ada, group, ada, all).await;
    assert_eq!(core.log_entries(group).len(), entries, "the owner may anything");
    let again =
        core.edit_channel_admin(ada.actor(), ada.id, group, ada.id, all, "Captain".into()).await;
    assert!(matches!(again, Err(CoreError::ChatNotModified)), "{again:?}");
    let sent = world.post(ada, group, "by the group").await.unwrap();
    assert_eq!(sent.message.author(), group.into());
    appoint(&world, ada, group, ada, AdminRights::NONE).await;
    assert_eq!(world.post(ada, group, "by ada").await.unwrap().message.author(), ada.peer());
    // Whoever had the group may all that admins may, and did not ask to be unknown.
    core.give_channel(ada.actor(), ada.id, group, eve.id).await.unwrap();
    let own = core.participant(group, ada.id).unwrap().unwrap();
    assert!(own.admin_rights().contains_all(AdminRights::ANONYMOUS) && !own.is_anonymous());
    assert_eq!(world.post(ada, group, "by ada").await.unwrap().message.author(), ada.peer());
    // The same rights once more, now to be used.
    let rank = String::new();
    let done = core.edit_channel_admin(eve.actor(), eve.id, group, ada.id, all, rank).await;
    done.unwrap();
    assert!(core.participant(group, ada.id).unwrap().unwrap().is_anonymous());
    assert!(core.participant(group, bob.id).unwrap().unwrap().is_anonymous());
}

#[tokio::test]
async fn a_channel_of_ones_own_writes_where_others_read() {
    let (world, [ada, bob, eve], group) = scene().await;
    let core = world.core.clone();
    let news = world.channel(eve, true).await;
    let private = world.channel(eve, true).await;
    let theirs = world.channel(ada, true).await;
    world.named(ada, theirs, "ada_news").await;
    let refused = write_as(&world, eve, group, news.into()).await;
    assert!(matches!(refused, Err(CoreError::SendAsInvalid)), "nobody could look it up");
    world.named(eve, news, "eve_news").await;
    for other in [private.into(), theirs.into(), group.into(), bob.peer()] {
        let refused = write_as(&world, eve, group, other).await;
        assert!(matches!(refused, Err(CoreError::SendAsInvalid)), "{other:?}");
    }
    assert_eq!(core.senders(eve.id, group).unwrap(), [eve.peer(), news.into()]);
    let sent = write_as(&world, eve, group, news.into()).await.unwrap();
    assert_eq!((sent.message.author(), sent.message.from), (news.into(), eve.id));
    // Chosen, it holds until something else is said.
    let save = |world: &World, sender| {
        let core = world.core.clone();
        async move { core.save_default_sender(eve.actor(), eve.id, group, sender).await }
    };
    save(&world, news.into()).await.unwrap();
    assert!(matches!(save(&world, theirs.into()).await, Err(CoreError::SendAsInvalid)));
    let world = world.reopen();
    let core = world.core.clone();
    assert_eq!(core.default_sender(eve.id, group).unwrap(), news.into());
    assert_eq!(world.post(eve, group, "news").await.unwrap().message.author(), news.into());
    let own = write_as(&world, eve, group, eve.peer()).await.unwrap();
    assert_eq!(own.message.author(), eve.peer());
    // In a group that nobody else reads, and when the channel is private again, one is oneself.
    world.named(eve, news, "").await;
    assert_eq!(core.default_sender(eve.id, group).unwrap(), eve.peer());
    assert_eq!(world.post(eve, group, "news").await.unwrap().message.author(), eve.peer());
    world.named(eve, news, "eve_news").await;
    world.named(ada, group, "").await;
    assert_eq!(core.senders(eve.id, group).unwrap(), [eve.peer()]);
    assert_eq!(world.post(eve, group, "news").await.unwrap().message.author(), eve.peer());
    save(&world, eve.peer()).await.unwrap();
}

/// A link says who made it, and who makes links is an admin.
#[tokio::test]
async fn who_made_a_link_stays_unknown_where_they_are() {
    let (world, [ada, bob, eve], group) = scene().await;
    let core = world.core.clone();
    core.leave_channel(eve.actor(), eve.id, group).await.unwrap();
    let rights = AdminRights::ANONYMOUS.and(AdminRights::INVITE_USERS);
    appoint(&world, ada, group, bob, rights).await;
    let said = async |maker: Member| {
        let link = core.export_link(maker.actor(), maker.id, group, false, LinkTerms::default());
        let hash = link.await.unwrap().hash;
        let taken = core.import_link(eve.actor(), eve.id, &hash).await.unwrap();
        core.leave_channel(eve.actor(), eve.id, group).await.unwrap();
        let LinkTaken::Joined(_, done) = taken else { panic!("{taken:?}") };
        done.sent[0].message.action.clone().unwrap()
    };
    assert_eq!(said(bob).await, Action::ChatJoinedByLink { inviter: UserId::SERVICE });
    assert_eq!(said(ada).await, Action::ChatJoinedByLink { inviter: ada.id });
}

/// Nobody who bans a channel knows whose it is: its owner writes in the name of none from then on.
#[tokio::test]
async fn a_banned_channel_speaks_for_nobody() {
    let (mut world, [ada, bob, eve], group) = scene().await;
    let core = world.core.clone();
    let mut channels = Vec::new();
    for name in ["eves_news", "eves_views"] {
        let channel = world.channel(eve, true).await;
        world.named(eve, channel, name).await;
        channels.push(channel);
    }
    let [news, views] = channels[..] else { unreachable!() };
    write_as(&world, eve, group, news.into()).await.unwrap();
    core.save_default_sender(eve.actor(), eve.id, group, news.into()).await.unwrap();
    let ban = |by: Member, sender, so| core.ban_sender(by.actor(), by.id, group, sender, so);
    let refused = ban(eve, news, true).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    let refused = ban(bob, group, true).await;
    assert!(matches!(refused, Err(CoreError::SendAsInvalid)), "no channel: {refused:?}");
    ban(bob, news, true).await.unwrap();
    for channel in [news, views] {
        let refused = write_as(&world, eve, group, channel.into()).await;
        assert!(matches!(refused, Err(CoreError::SendAsInvalid)), "{refused:?}");
    }
    assert_eq!(core.senders(eve.id, group).unwrap(), [eve.peer()]);
    assert_eq!(core.default_sender(eve.id, group).unwrap(), eve.peer());
    let own = world.post(eve, group, "as myself").await.unwrap();
    assert_eq!(own.message.author(), eve.peer());
    write_as(&world, eve, group, eve.peer()).await.unwrap();
    let said = |world: &World| {
        let replica = world.core.replica_of(group);
        let said = replica.chain().state().settings.get(&21).cloned();
        let Some(glog::body::Setting::BannedSenders(names)) = said else { panic!("{said:?}") };
        names.to_vec()
    };
    assert_eq!(said(&world), [core.name_of_log(news)]);
    // Over a restart, until an admin lets it in again.
    drop(core);
    world = world.reopen();
    let core = world.core.clone();
    let banned = core.banned_senders(group).unwrap();
    assert_eq!((banned.len(), banned[0].channel, banned[0].by), (1, news, bob.id));
    core.ban_sender(ada.actor(), ada.id, group, news, false).await.unwrap();
    write_as(&world, eve, group, views.into()).await.unwrap();
    assert_eq!(core.default_sender(eve.id, group).unwrap(), news.into(), "as she chose before");
    assert!(said(&world).is_empty());
}
