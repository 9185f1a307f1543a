//! Channels, right by right, and over restarts.

use glog::control::Verdict;

use super::world::{Member, World, newest, now, text};
use crate::*;

fn new(broadcast: bool) -> NewChannel {
    NewChannel {
        broadcast,
        title: "Harbour".into(),
        about: "Of boats".into(),
        ttl_period: 0,
        forum: false,
    }
}

impl World {
    pub(super) async fn channel(&self, owner: Member, broadcast: bool) -> ChannelId {
        self.core.create_channel(owner.actor(), owner.id, new(broadcast)).await.unwrap().channel
    }

    pub(super) async fn named(&self, owner: Member, channel: ChannelId, name: &str) {
        let (actor, name) = (owner.actor(), name.to_owned());
        self.core.update_channel_username(actor, owner.id, channel, name).await.unwrap();
    }

    pub(super) async fn post(
        &self,
        from: Member,
        channel: ChannelId,
        words: &str,
    ) -> CoreResult<Sent> {
        let message = Outgoing::text(channel.into(), text(words), self.number());
        self.core.send(from.actor(), from.id, message).await
    }

    pub(super) async fn said_in(&self, viewer: Member, channel: ChannelId) -> Vec<String> {
        let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
        let page = self.core.history(viewer.id, channel.into(), query).await.unwrap();
        let said = page.messages.iter().rev().filter(|stored| stored.message.action.is_none());
        said.map(|stored| stored.message.text.clone()).collect()
    }

    pub(super) async fn dialog_of(&self, viewer: Member, channel: ChannelId) -> DialogView {
        self.dialog_with(viewer, channel.into()).await
    }

    pub(super) async fn dialog_with(&self, viewer: Member, peer: PeerId) -> DialogView {
        let (page, _) = self.core.peer_dialogs(viewer.id, &[peer]).await.unwrap();
        page.dialogs.into_iter().next().unwrap()
    }

    pub(super) async fn history_of(&self, viewer: Member, peer: PeerId) -> Vec<String> {
        let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
        let page = self.core.history(viewer.id, peer, query).await.unwrap();
        page.messages.into_iter().map(|stored| stored.message.text).collect()
    }
}

#[tokio::test]
async fn a_channel_is_read_by_who_joins_and_goes_on_after_a_restart() {
    let mut world = World::new().await;
    let (ada, bob, eve) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Eve").await);
    world.recorder.take();
    let channel = world.channel(ada, true).await;
    let core = world.core.clone();
    // Whoever tells members who are there learns of the first one too.
    let is_told =
        |event: &Event| matches!(event, Event::ChannelMember { user, .. } if *user == ada.id);
    assert!(world.recorder.take().iter().any(is_told));
    let first = world.post(ada, channel, "first").await.unwrap();
    // Private: nobody finds it, nobody reads it.
    assert!(core.channel_to_read(bob.id, channel).is_err());
    let refused = core.join_channel(bob.actor(), bob.id, channel).await;
    assert!(matches!(refused, Err(CoreError::UnknownChannel)), "{refused:?}");
    world.named(ada, channel, "harbour_news").await;
    let found = core.resolve_name(bob.id, "Harbour_News").await.unwrap();
    assert_eq!(found, PeerId::Channel(channel));
    let view = core.channel_to_read(bob.id, channel).unwrap();
    assert!(!view.is_member() && view.may_read());
    core.join_channel(bob.actor(), bob.id, channel).await.unwrap();
    let again = core.join_channel(bob.actor(), bob.id, channel).await;
    assert!(matches!(again, Err(CoreError::AlreadyAMember)));
    assert_eq!(core.channel(channel).unwrap().members, 2);
    assert_eq!(core.channels_of(bob.id).unwrap(), [channel]);
    // Readers do not write.
    let refused = world.post(bob, channel, "me too").await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    let second = world.post(ada, channel, "second").await.unwrap();
    assert_eq!(second.pts.0, second.id.0);
    assert_eq!(world.said_in(bob, channel).await, ["first", "second"]);
    // What is unread is counted above the mark; the writer has read what she wrote.
    let mine = world.dialog_of(ada, channel).await;
    assert_eq!((mine.unread, mine.top, mine.read_inbox), (0, second.id, second.id));
    assert_eq!(world.dialog_of(bob, channel).await.unread, 3, "with the service message");
    let read = core.read_channel(bob.actor(), bob.id, channel, first.id).await.unwrap();
    assert_eq!((read.max_id, read.unread), (first.id, 1));
    let back = core.read_channel(bob.actor(), bob.id, channel, MessageId(1)).await.unwrap();
    assert_eq!(back.max_id, first.id, "never back");

    let world = world.reopen();
    let core = world.core.clone();
    assert_eq!(world.dialog_of(bob, channel).await.unread, 1);
    let third = world.post(ada, channel, "third").await.unwrap();
    let edit = Edit::text(text("third, mended"));
    let edited = core.edit(ada.actor(), ada.id, channel.into(), third.id, edit).await.unwrap();
    core.delete_in_channel(ada.actor(), ada.id, channel, vec![first.id]).await.unwrap();
    let missed = core.difference(channel, second.pts, 100, None).await.unwrap();
    let Difference::Events { rows, pts, last } = missed else { panic!("{missed:?}") };
    assert!(last && pts.0 == edited.pts.0 + 1);
    let kinds: Vec<_> = rows.iter().map(|row| (row.pts.0, row.row.pts_count())).collect();
    assert_eq!(kinds, [(third.pts.0, 1), (pts.0, 1)], "an edit of what is new comes with it");
    assert_eq!(world.said_in(eve, channel).await, ["second", "third, mended"]);

    // The list of dialogs has it where its newest message belongs.
    world.pass_s(5);
    let said = world.send(eve, bob, "hello").await;
    let page = core.dialogs(bob.id, newest(10)).await.unwrap();
    let peers: Vec<PeerId> = page.dialogs.iter().map(|dialog| dialog.peer).collect();
    assert_eq!(peers[..2], [eve.peer(), channel.into()]);
    let after =
        DialogPlace { id: said.message.twin, date: said.message.date, peer: Some(eve.peer()) };
    let query = DialogQuery { after: Some(after), ..newest(1) };
    let page = core.dialogs(bob.id, query).await.unwrap();
    assert_eq!(page.dialogs[0].peer, channel.into());

    // Whoever leaves has it no longer; the owner cannot.
    core.leave_channel(bob.actor(), bob.id, channel).await.unwrap();
    assert_eq!(core.channels_of(bob.id).unwrap(), []);
    assert_eq!(core.channel(channel).unwrap().members, 1);
    let refused = core.leave_channel(ada.actor(), ada.id, channel).await;
    assert!(matches!(refused, Err(CoreError::ChannelOwner)));
    core.delete_channel(ada.actor(), ada.id, channel).await.unwrap();
    assert!(core.channel_to_read(ada.id, channel).is_err());
    assert!(world.post(ada, channel, "ghost").await.is_err());
    assert!(core.channel_by_username("harbour_news").is_none());
}

#[tokio::test]
async fn who_joins_a_group_with_hidden_history_begins_there() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.set_in_channel(ada.actor(), ada.id, group, ChannelSetting::HiddenHistory(true))
        .await
        .unwrap();
    let before = world.post(ada, group, "before").await.unwrap();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let own = core.participant(group, bob.id).unwrap().unwrap();
    assert_eq!((own.hidden_below, own.inviter), (before.id, ada.id));
    assert_eq!(world.dialog_of(bob, group).await.unread, 1, "that he was added");
    // What everybody said is seen to be read once somebody else has read it.
    world.post(bob, group, "hello").await.unwrap();
    let mine = world.post(ada, group, "welcome").await.unwrap();
    assert!(world.dialog_of(ada, group).await.read_outbox < mine.id);
    core.read_channel(bob.actor(), bob.id, group, MessageId(0)).await.unwrap();
    assert_eq!(world.dialog_of(ada, group).await.read_outbox, mine.id);
}

#[tokio::test]
async fn what_is_not_built_for_channels_says_so_and_what_is_hidden_is_not_quoted() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.set_in_channel(ada.actor(), ada.id, group, ChannelSetting::HiddenHistory(true))
        .await
        .unwrap();
    let before = world.post(ada, group, "before").await.unwrap();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let mut answer = Outgoing::text(group.into(), text("what was that?"), world.number());
    answer.reply = Some((before.id, None));
    let refused = core.send(bob.actor(), bob.id, answer.clone()).await;
    assert!(matches!(refused, Err(CoreError::UnknownMessage)), "{refused:?}");
    core.send(ada.actor(), ada.id, answer.clone()).await.unwrap();
    let (how, reaction) = (ReactHow::default(), Reaction::Emoji("👍".into()));
    let refused =
        core.react(bob.actor(), bob.id, group.into(), before.id, vec![reaction], how).await;
    assert!(matches!(refused, Err(CoreError::UnknownMessage)), "{refused:?}");
    // Of two channels, messages with one number forwarded under one number are two.
    let other = world.channel(ada, false).await;
    let there = world.post(ada, other, "there").await.unwrap();
    assert_eq!(there.id, before.id);
    let ids = vec![(before.id, 77)];
    let how = ForwardHow::default();
    let forward = async |source: ChannelId| {
        core.forward(ada.actor(), ada.id, source.into(), ada.peer(), ids.clone(), how).await
    };
    forward(group).await.unwrap();
    assert!(forward(group).await.unwrap()[0].repeated);
    let refused = forward(other).await;
    assert!(matches!(refused, Err(CoreError::RandomIdDuplicate)), "{refused:?}");
}

#[tokio::test]
async fn what_a_failed_command_wrote_into_a_log_was_never_written() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    let before = core.log_entries(group).len();
    let name = core.name_in_logs(bob.id);
    let fails = async |both: bool| {
        let done = core.write(None, move |decide| {
            let admit = glog::body::Admit { user: name, invite: None };
            decide.write_control(group, Some(ada.id), glog::body::Action::Admit(admit))?;
            if both {
                let joins = glog::body::Member { join: true, invite: None };
                decide.write_data(group, ada.id, &glog::body::DataBody::Member(joins))?;
            }
            // What is refused in the end, after the log has gone on.
            Err::<(), _>(CoreError::ChatNotModified)
        });
        assert!(matches!(done.await, Err(CoreError::ChatNotModified)));
    };
    fails(false).await;
    fails(true).await;
    // One that never began.
    let number = ChannelId(99);
    let done = core.write(None, move |decide| {
        decide.begin_log(number, ada.id)?;
        Err::<(), _>(CoreError::ChatNotModified)
    });
    assert!(done.await.is_err());
    assert_eq!((core.log_entries(group).len(), core.log_entries(number).len()), (before, 0));
    // The node goes on, and what it writes next continues what was there.
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    world.post(bob, group, "hello").await.unwrap();
    let replica = core.replica_of(group);
    assert!(replica.chain().verdicts().iter().all(|verdict| *verdict == Verdict::Applied));
    assert_eq!(replica.lanes().view(replica.chain()).messages.len(), 1);
    let world = world.reopen();
    world.post(bob, group, "after a restart").await.unwrap();
}

#[tokio::test]
async fn slow_mode_keeps_members_from_writing_too_often() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let odd = core.set_in_channel(ada.actor(), ada.id, group, ChannelSetting::SlowMode(7)).await;
    assert!(matches!(odd, Err(CoreError::SettingsInvalid)));
    core.set_in_channel(ada.actor(), ada.id, group, ChannelSetting::SlowMode(30)).await.unwrap();
    world.post(bob, group, "one").await.unwrap();
    world.pass_s(10);
    let refused = world.post(bob, group, "two").await;
    assert!(matches!(refused, Err(CoreError::SlowMode { wait_s: 20 })), "{refused:?}");
    world.post(ada, group, "admins may").await.unwrap();
    world.post(ada, group, "at once").await.unwrap();
    world.pass_s(20);
    world.post(bob, group, "two").await.unwrap();
}

#[tokio::test]
async fn what_was_taken_for_a_while_is_given_back() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    world.named(ada, group, "harbour_crew").await;
    let core = world.core.clone();
    core.join_channel(bob.actor(), bob.id, group).await.unwrap();
    let ban = async |world: &World, entirely, rights, for_s| {
        let banned = Banned { entirely, rights, until: world.core.now() + for_s };
        world.core.ban_in_channel(ada.actor(), ada.id, group, bob.id, banned).await.unwrap();
    };
    ban(&world, false, Rights::SEND_PLAIN, 100).await;
    let refused = world.post(bob, group, "muted").await;
    assert!(matches!(refused, Err(CoreError::RightMissing(Rights::SEND_PLAIN))), "{refused:?}");
    // Made longer, it ends then and not before; over a restart.
    ban(&world, false, Rights::SEND_PLAIN | Rights::SEND_PHOTOS, 200).await;
    let world = world.reopen();
    world.pass_s(101);
    world.core.tick().await.unwrap();
    assert!(world.post(bob, group, "still muted").await.is_err());
    world.pass_s(100);
    world.core.tick().await.unwrap();
    world.post(bob, group, "free").await.unwrap();
    ban(&world, true, Rights::NONE, 100).await;
    let refused = world.core.join_channel(bob.actor(), bob.id, group).await;
    assert!(matches!(refused, Err(CoreError::BannedInChannel)));
    world.pass_s(101);
    world.core.tick().await.unwrap();
    world.core.join_channel(bob.actor(), bob.id, group).await.unwrap();
    world.post(bob, group, "back").await.unwrap();
    let channel = world.core.channel(group).unwrap();
    assert_eq!((channel.members, channel.kicked, channel.restricted), (2, 0, 0));
}

#[tokio::test]
async fn a_channel_outlives_the_account_that_made_it() {
    let mut world = World::new().await;
    let (owner, ada, bob) =
        (world.member("Owner").await, world.member("Ada").await, world.member("Bob").await);
    let (group, alone) = (world.channel(ada, false).await, world.channel(ada, true).await);
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![owner.id, bob.id]).await.unwrap();
    let (rights, rank) = (AdminRights::BAN_USERS, String::new());
    core.edit_channel_admin(ada.actor(), ada.id, group, bob.id, rights, rank).await.unwrap();
    world.post(ada, group, "the last words").await.unwrap();
    core.delete_account(ada.id, ada.key, None).await.unwrap();
    let channel = core.channel(group).unwrap();
    assert_eq!((channel.creator, channel.members, channel.admins), (bob.id, 2, 1));
    assert!(core.channel(alone).unwrap().deleted);
    core.edit_channel_title(bob.actor(), bob.id, group, "Bob's").await.unwrap();
    assert_eq!(world.said_in(owner, group).await, ["the last words"]);
    let replica = core.replica_of(group);
    assert!(replica.chain().verdicts().iter().all(|verdict| *verdict == Verdict::Applied));
    assert_eq!(replica.chain().state().owner.id, bob.id.0 as u64);
}

#[tokio::test]
async fn messages_of_channels_go_after_as_many_days_as_others() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let world = world.with_ways(super::world::Ways {
        keep_s: 1000,
        quotas: super::world::UNBOUNDED,
        ..super::world::Ways::default()
    });
    let channel = world.channel(ada, true).await;
    world.named(ada, channel, "harbour_news").await;
    world.core.join_channel(bob.actor(), bob.id, channel).await.unwrap();
    world.post(ada, channel, "soon gone").await.unwrap();
    world.pass_s(500);
    world.post(ada, channel, "later").await.unwrap();
    world.pass_s(501);
    world.core.tick().await.unwrap();
    assert_eq!(world.said_in(bob, channel).await, ["later"]);
    let replica = world.core.replica_of(channel);
    let view = replica.lanes().view(replica.chain());
    assert_eq!(view.messages.len(), 1, "gone in the log too");
}

/// Timers are told apart by whose numbers a message has.
#[tokio::test]
async fn equal_numbers_in_two_channels_and_a_dialog_all_go() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let world = world.with_ways(super::world::Ways {
        keep_s: 1000,
        quotas: super::world::UNBOUNDED,
        ..super::world::Ways::default()
    });
    let (one, other) = (world.channel(ada, true).await, world.channel(ada, true).await);
    let said = world.send(ada, bob, "hello").await;
    let first = world.post(ada, one, "one").await.unwrap();
    let second = world.post(ada, other, "other").await.unwrap();
    let dates = [said.message.date, first.message.date, second.message.date];
    assert_eq!((said.id, dates), (first.id, [said.message.date; 3]), "numbers and dates meet");
    assert_eq!(first.id, second.id);
    world.pass_s(1001);
    world.core.tick().await.unwrap();
    assert!(world.texts(ada, bob).await.is_empty() && world.texts(bob, ada).await.is_empty());
    assert!(world.said_in(ada, one).await.is_empty() && world.said_in(ada, other).await.is_empty());
}

#[tokio::test]
async fn a_channel_goes_to_who_may_have_it_however_many_may_not() {
    let mut world = World::new().await;
    let (owner, ada, bob) =
        (world.member("Owner").await, world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![owner.id]).await.unwrap();
    let mut latest = vec![bob];
    latest.push(world.member("Cyd").await);
    latest.push(world.member("Dan").await);
    for muted in &latest {
        world.pass_s(1);
        core.add_to_channel(ada.actor(), ada.id, group, vec![muted.id]).await.unwrap();
        let banned = Banned { entirely: false, rights: Rights::SEND_PLAIN, until: 0 };
        core.ban_in_channel(ada.actor(), ada.id, group, muted.id, banned).await.unwrap();
    }
    core.delete_account(ada.id, ada.key, None).await.unwrap();
    let found = core.channel(group).unwrap();
    assert_eq!((found.deleted, found.creator, found.members), (false, owner.id, 4));
}

/// What a channel is to somebody is told only once it is on disk.
#[tokio::test]
async fn who_is_in_a_channel_is_not_shown_before_it_is_durable() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let channel = world.channel(ada, true).await;
    world.named(ada, channel, "harbour_news").await;
    let core = world.core.clone();
    world.disk.hold();
    let mut joining = Box::pin(core.join_channel(bob.actor(), bob.id, channel));
    assert!(now(joining.as_mut()).is_none());
    world.disk.wait_for_undurable(1);
    assert_eq!(core.participant(channel, bob.id).unwrap(), None);
    assert!(!core.channel_to_read(bob.id, channel).unwrap().is_member());
    assert!(!core.is_in_channel(channel, bob.id).unwrap());
    world.disk.release();
    joining.await.unwrap();
    assert!(core.participant(channel, bob.id).unwrap().unwrap().joined);
    assert!(core.is_in_channel(channel, bob.id).unwrap());
}

/// Clients forbid previews; a link is text.
#[tokio::test]
async fn who_may_not_embed_links_still_writes_them() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    core.edit_channel_rights(ada.actor(), ada.id, group, Rights::EMBED_LINKS).await.unwrap();
    let sent = world.post(bob, group, "see https://example.org/harbour").await.unwrap();
    assert!(matches!(sent.message.entities[..], [Entity { kind: EntityKind::Url, .. }]));
}

/// What one entry of a log cannot hold is refused, and of the command nothing stays.
#[tokio::test]
async fn what_is_too_long_for_a_log_is_refused_whole() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let before = core.log_entries(group).len();
    // As many characters as a message may have, of three bytes each, and marks over them.
    let words = "\u{4e00}".repeat(TEXT_UNITS_MAX);
    let mark = |at: i32| {
        let url = format!("https://example.org/{}", "x".repeat(60));
        Entity { offset: at * 8, length: 4, kind: EntityKind::TextUrl { url } }
    };
    let long = Text::parse(&words, (0..100).map(mark).collect()).unwrap();
    let message = Outgoing::text(group.into(), long.clone(), world.number());
    let refused = core.send(bob.actor(), bob.id, message).await;
    assert!(matches!(refused, Err(CoreError::Text(TextError::TooLong))), "{refused:?}");
    assert_eq!(core.log_entries(group).len(), before, "nor that he has come");
    let bare = Text { entities: Vec::new(), ..long };
    let message = Outgoing::text(group.into(), bare, world.number());
    core.send(bob.actor(), bob.id, message).await.unwrap();
    assert_eq!(core.log_entries(group).len(), before + 2);
}

/// Of several that come in one command the last is looked at before the first is written: a command
/// that has changed a box may not fail.
#[tokio::test]
async fn what_is_too_long_for_a_log_is_found_before_anything_is_written() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let (group, news) = (world.channel(ada, false).await, world.channel(ada, true).await);
    let core = world.core.clone();
    let mark = |at: i32| {
        let url = format!("https://example.org/{}", "x".repeat(60));
        Entity { offset: at * 8, length: 4, kind: EntityKind::TextUrl { url } }
    };
    let long = Text::parse(&"\u{4e00}".repeat(TEXT_UNITS_MAX), (0..100).map(mark).collect());
    let long = Outgoing::text(ada.peer(), long.unwrap(), world.number());
    let long_id = core.send(ada.actor(), ada.id, long.clone()).await.unwrap().id;
    let short = Outgoing::text(ada.peer(), text("short"), world.number());
    let short_id = core.send(ada.actor(), ada.id, short).await.unwrap().id;
    for to in [group, news] {
        let before = core.log_entries(to).len();
        let ids = vec![(short_id, world.number()), (long_id, world.number())];
        let how = ForwardHow::default();
        let done = core.forward(ada.actor(), ada.id, ada.peer(), to.into(), ids, how).await;
        assert!(matches!(done, Err(CoreError::Text(TextError::TooLong))), "{done:?}");
        // Nor does it wait for a time at which it could not be said.
        let later = Outgoing { to: to.into(), random_id: world.number(), ..long.clone() };
        let when = When { date: core.now() + 100, repeat: 0 };
        let done = core.schedule(ada.actor(), ada.id, later, when).await;
        assert!(matches!(done, Err(CoreError::Text(TextError::TooLong))), "{done:?}");
        assert_eq!(core.log_entries(to).len(), before);
        world.post(ada, to, "the node goes on").await.unwrap();
    }
}

/// Who answers has read, whether their client says so or not.
#[tokio::test]
async fn who_writes_has_read_and_others_see_it() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let asked = world.post(ada, group, "who is there?").await.unwrap();
    assert!(world.dialog_of(ada, group).await.read_outbox < asked.id);
    world.recorder.take();
    let answer = world.post(bob, group, "me").await.unwrap();
    let told = world.recorder.take();
    let seen = |event: &Event| {
        matches!(event, Event::ChannelSeen { by, max_id, .. }
            if *by == bob.id && max_id.0 == answer.id.0 - 1)
    };
    assert!(told.iter().any(seen), "{told:?}");
    let read = |event: &Event| {
        matches!(event, Event::ChannelRead { user, read, .. }
            if *user == bob.id && read.unread == 0)
    };
    assert!(told.iter().any(read), "his other devices: {told:?}");
    assert!(world.dialog_of(ada, group).await.read_outbox >= asked.id);
    // What follows at once is no news.
    world.post(bob, group, "still me").await.unwrap();
    assert!(!world.recorder.take().iter().any(|event| seen(event) || read(event)));
}

#[tokio::test]
async fn what_one_pins_oneself_is_read() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let sent = world.post(ada, group, "keep this").await.unwrap();
    let how = PinHow { pinned: true, one_side: false, silent: false };
    core.pin_message(ada.actor(), ada.id, group.into(), sent.id, how).await.unwrap();
    let mine = world.dialog_of(ada, group).await;
    assert_eq!((mine.top.0, mine.unread), (sent.id.0 + 2, 0), "the pin is an event of its own");
    assert_eq!(world.dialog_of(bob, group).await.unread, 4, "all from the beginning");
}

/// What a link is to allow.
fn terms(usage_limit: Option<i32>, expires: Option<i32>, request_needed: bool) -> LinkTerms {
    let request_needed = request_needed.then_some(true);
    LinkTerms { usage_limit, expires, request_needed, title: None }
}

async fn take(world: &World, by: Member, link: &ChatLink) -> CoreResult<LinkTaken> {
    world.core.import_link(by.actor(), by.id, &link.hash).await
}

#[tokio::test]
async fn links_let_people_into_channels_as_far_as_they_say() {
    let mut world = World::new().await;
    let mut users = Vec::new();
    for n in 0..6 {
        users.push(world.member(&format!("User {n}")).await);
    }
    let [ada, bob, eve, dan, fay, guy] = users[..] else { panic!() };
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let export = |by: Member, terms: LinkTerms| {
        let core = core.clone();
        async move { core.export_link(by.actor(), by.id, group, false, terms).await }
    };
    // Members may add others, and make no links all the same.
    let refused = export(bob, LinkTerms::default()).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    let refused = export(eve, LinkTerms::default()).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    let always = export(ada, LinkTerms::default()).await.unwrap();
    assert!(always.permanent && always.place == group.into());
    assert_eq!(core.permanent_link(group, ada.id).await.unwrap().as_ref(), Some(&always));

    // One place, and what is said about it; the log lets in whom the link's admin answers for.
    let one = export(ada, terms(Some(1), None, false)).await.unwrap();
    let LinkTaken::Joined(place, done) = take(&world, eve, &one).await.unwrap() else { panic!() };
    let said = &done.sent[0].message;
    assert_eq!(said.action, Some(Action::ChatJoinedByLink { inviter: ada.id }));
    assert_eq!((place, said.from), (group.into(), eve.id));
    let own = core.participant(group, eve.id).unwrap().unwrap();
    assert_eq!((own.joined, own.inviter), (true, ada.id));
    world.post(eve, group, "ahoy").await.unwrap();
    assert_eq!(world.said_in(bob, group).await, ["ahoy"]);
    assert!(matches!(take(&world, eve, &one).await, Err(CoreError::AlreadyAMember)));
    assert!(matches!(take(&world, dan, &one).await, Err(CoreError::LinkExpired)), "used up");
    assert_eq!(core.link(ada.id, group, &one.hash).await.unwrap().0.usage, 1);

    // For a minute.
    let expires = core.now() + 60;
    let short = export(ada, terms(None, Some(expires), false)).await.unwrap();
    let seen = core.check_link(dan.id, &short.hash, 5).await.unwrap();
    let open = LinkFor::Open { place: group.into(), request_needed: false, known: Vec::new() };
    assert_eq!(seen, open);
    let seen = core.check_link(bob.id, &short.hash, 5).await.unwrap();
    assert_eq!(seen, LinkFor::Member(group.into()));
    world.pass_s(60);
    assert!(matches!(take(&world, dan, &short).await, Err(CoreError::LinkExpired)));

    // Who is banned does not come back by a link.
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    core.ban_in_channel(ada.actor(), ada.id, group, eve.id, banned).await.unwrap();
    assert!(matches!(take(&world, eve, &always).await, Err(CoreError::LinkExpired)));
    let seen = core.check_link(eve.id, &always.hash, 5).await;
    assert!(matches!(seen, Err(CoreError::LinkExpired)));

    // Asking, over a restart.
    let asks = export(ada, terms(None, None, true)).await.unwrap();
    for user in [dan, fay, guy, guy] {
        assert_eq!(take(&world, user, &asks).await.unwrap(), LinkTaken::Requested);
    }
    drop(core);
    let world = world.reopen();
    let core = world.core.clone();
    assert_eq!(core.pending_requests(group).unwrap().0, 3);
    let hidden = core.hide_request(bob.actor(), bob.id, group, dan.id, true).await;
    assert!(matches!(hidden, Err(CoreError::AdminRightMissing)));
    let done = core.hide_request(ada.actor(), ada.id, group, dan.id, true).await.unwrap();
    assert_eq!(done.sent[0].message.action, Some(Action::ChatJoinedByRequest));
    assert_eq!(done.sent[0].message.from, dan.id);
    core.hide_request(ada.actor(), ada.id, group, fay.id, false).await.unwrap();
    let again = core.hide_request(ada.actor(), ada.id, group, fay.id, true).await;
    assert!(matches!(again, Err(CoreError::NoRequest)));
    // Who is banned waits no more, nor does who is added.
    core.ban_in_channel(ada.actor(), ada.id, group, guy.id, banned).await.unwrap();
    assert_eq!(core.pending_requests(group).unwrap().0, 0);
    assert_eq!(take(&world, fay, &asks).await.unwrap(), LinkTaken::Requested);
    core.add_to_channel(ada.actor(), ada.id, group, vec![fay.id]).await.unwrap();
    assert_eq!(core.pending_requests(group).unwrap().0, 0);
    let came = core.importers(ada.id, group, Some(&asks.hash), false).await.unwrap();
    assert_eq!(came.len(), 1);
    assert_eq!((came[0].user, came[0].approved_by), (dan.id, Some(ada.id)));
    // All at once.
    for user in [dan, fay] {
        core.leave_channel(user.actor(), user.id, group).await.unwrap();
        assert_eq!(take(&world, user, &asks).await.unwrap(), LinkTaken::Requested);
    }
    let done = core.hide_all_requests(ada.actor(), ada.id, group, None, true).await.unwrap();
    assert_eq!(done.sent.len(), 2);
    assert_eq!(core.channel(group).unwrap().members, 4);
    let replica = core.replica_of(group);
    assert!(replica.chain().verdicts().iter().all(|verdict| *verdict == Verdict::Applied));
}

#[tokio::test]
async fn links_of_channels_end_with_their_admins_rights() {
    let mut world = World::new().await;
    let mut users = Vec::new();
    for n in 0..4 {
        users.push(world.member(&format!("User {n}")).await);
    }
    let [ada, bob, eve, dan] = users[..] else { panic!() };
    let channel = world.channel(ada, true).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, channel, vec![bob.id]).await.unwrap();
    let admin = async |rights| {
        let (actor, rank) = (ada.actor(), String::new());
        core.edit_channel_admin(actor, ada.id, channel, bob.id, rights, rank).await.unwrap();
    };
    let export = async || {
        let terms = LinkTerms::default();
        core.export_link(bob.actor(), bob.id, channel, true, terms).await
    };
    let ended = async |link: &ChatLink| {
        let seen = core.check_link(dan.id, &link.hash, 5).await;
        assert!(matches!(seen, Err(CoreError::LinkExpired)), "{seen:?}");
    };
    admin(AdminRights::POST_MESSAGES).await;
    assert!(matches!(export().await, Err(CoreError::AdminRightMissing)));
    let inviting = AdminRights::POST_MESSAGES.with(AdminRights::INVITE_USERS, true);
    admin(inviting).await;
    let first = export().await.unwrap();
    // Nothing is said in a broadcast channel.
    let LinkTaken::Joined(_, done) = take(&world, eve, &first).await.unwrap() else { panic!() };
    assert_eq!(done.sent, []);
    assert!(core.is_in_channel(channel, eve.id).unwrap());
    assert_eq!(core.links_of_admins(ada.id, channel).await.unwrap(), [(bob.id, 1, 0)]);
    let refused = core.links_of_admins(bob.id, channel).await;
    assert!(matches!(refused, Err(CoreError::NotAnAdmin)));
    let peeked = core.links(bob.id, channel, ada.id, false).await;
    assert!(matches!(peeked, Err(CoreError::NotAnAdmin)), "only the creator sees others'");
    // The right alone is taken, then all of them, by a ban, and by oneself.
    admin(AdminRights::POST_MESSAGES).await;
    ended(&first).await;
    admin(inviting).await;
    ended(&first).await;
    let second = export().await.unwrap();
    admin(AdminRights::NONE).await;
    ended(&second).await;
    admin(inviting).await;
    let third = export().await.unwrap();
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    core.ban_in_channel(ada.actor(), ada.id, channel, bob.id, banned).await.unwrap();
    ended(&third).await;
    core.add_to_channel(ada.actor(), ada.id, channel, vec![bob.id]).await.unwrap();
    admin(inviting).await;
    let fourth = export().await.unwrap();
    core.leave_channel(bob.actor(), bob.id, channel).await.unwrap();
    ended(&fourth).await;
    core.delete_revoked_links(ada.actor(), ada.id, channel, bob.id).await.unwrap();
    assert_eq!(core.links(ada.id, channel, bob.id, true).await.unwrap(), []);
    // They end with the channel.
    let terms = LinkTerms::default();
    let last = core.export_link(ada.actor(), ada.id, channel, true, terms).await.unwrap();
    assert!(core.check_link(dan.id, &last.hash, 5).await.is_ok());
    core.delete_channel(ada.actor(), ada.id, channel).await.unwrap();
    ended(&last).await;
    assert!(matches!(take(&world, dan, &last).await, Err(CoreError::LinkExpired)));
}
