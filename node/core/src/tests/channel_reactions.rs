//! Reactions in channels: who may, who is told, and what is left of them.

use node_store::Keyspace;

use super::world::{Member, World, now};
use crate::*;

fn emoji(emoticon: &str) -> Reaction {
    Reaction::Emoji(emoticon.to_owned())
}

impl World {
    async fn reacts(
        &self,
        by: Member,
        channel: ChannelId,
        id: MessageId,
        with: &str,
    ) -> CoreResult<()> {
        let with = if with.is_empty() { Vec::new() } else { vec![emoji(with)] };
        let how = ReactHow::default();
        self.core.react(by.actor(), by.id, channel.into(), id, with, how).await
    }

    async fn shown(&self, viewer: Member, channel: ChannelId, id: MessageId) -> ReactionsView {
        let message = self.core.message(channel, id).unwrap().unwrap();
        self.core.reactions(viewer.id, id, &message).unwrap().unwrap_or_default()
    }

    async fn joins(&self, user: Member, channel: ChannelId) {
        self.core.join_channel(user.actor(), user.id, channel).await.unwrap();
    }
}

#[tokio::test]
async fn readers_of_a_channel_react_and_are_not_shown() {
    let mut world = World::new().await;
    let (ada, bob, eve) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Eve").await);
    let channel = world.channel(ada, true).await;
    world.named(ada, channel, "harbour_news").await;
    world.joins(bob, channel).await;
    let post = world.post(ada, channel, "fog").await.unwrap().id;
    world.reacts(bob, channel, post, "🔥").await.unwrap();
    // Who only reads does not react.
    let refused = world.reacts(eve, channel, post, "🔥").await;
    assert!(matches!(refused, Err(CoreError::RightMissing(_))), "{refused:?}");
    let same = world.reacts(bob, channel, post, "🔥").await;
    assert!(matches!(same, Err(CoreError::Reaction(ReactionError::NotModified))));
    let pts = world.core.channel_state(channel).unwrap();
    world.recorder.take();
    world.reacts(ada, channel, post, "🔥").await.unwrap();
    assert_eq!(world.core.channel_state(channel).unwrap(), pts, "no event of the box");
    let told = |event: &Event| matches!(event, Event::ChannelReactions { id, .. } if *id == post);
    assert!(world.recorder.take().iter().any(told));
    for (viewer, chosen) in [(ada, Some(0)), (bob, Some(0)), (eve, None)] {
        let shown = world.shown(viewer, channel, post).await;
        assert_eq!((shown.counts[0].count, shown.counts[0].chosen), (2, chosen));
        assert!(shown.recent.is_empty() && !shown.can_see_list);
    }
    let (core, peer) = (world.core.clone(), channel.into());
    for reader in [ada, bob] {
        let list = core.reactions_page(reader.id, peer, post, None, 0, 10).await;
        assert!(matches!(list, Err(CoreError::Reaction(ReactionError::ListHidden))));
    }
    assert!(core.unread_reactions(ada.id, peer).unwrap().is_empty());
    world.reacts(bob, channel, post, "").await.unwrap();
    assert_eq!(world.shown(ada, channel, post).await.counts[0].count, 1);
}

#[tokio::test]
async fn a_supergroup_lists_who_reacted_and_tells_the_author() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let channel = world.channel(ada, false).await;
    world.named(ada, channel, "harbour_crew").await;
    let (core, peer) = (world.core.clone(), PeerId::from(channel));
    world.hears_all(ada).await;
    let said = world.post(ada, channel, "fog").await.unwrap().id;
    let mut others = Vec::new();
    for name in ["Bob", "Cyd", "Dan", "Eve", "Fay"] {
        let other = world.member(name).await;
        world.joins(other, channel).await;
        world.reacts(other, channel, said, if name == "Cyd" { "❤" } else { "👍" }).await.unwrap();
        others.push(other);
    }
    let shown = world.shown(ada, channel, said).await;
    assert_eq!((shown.counts[0].count, shown.counts[1].count), (4, 1));
    let recent: Vec<UserId> = shown.recent.iter().map(|(one, _)| one.user).collect();
    assert_eq!(recent, [others[4].id, others[3].id, others[2].id]);
    assert!(shown.recent.iter().all(|(_, unread)| *unread) && shown.can_see_list);
    assert_eq!(world.dialog_of(ada, channel).await.unread_reactions, 1);
    assert_eq!(core.unread_reactions(ada.id, peer).unwrap(), [said]);
    core.read_reactions(ada.actor(), ada.id, peer).await.unwrap();
    assert_eq!(world.dialog_of(ada, channel).await.unread_reactions, 0);
    // Pages hold while others come and go.
    let page = core.reactions_page(others[0].id, peer, said, None, 0, 2).await.unwrap();
    let of =
        |page: &ReactionsPage| page.reacted.iter().map(|(one, _)| one.user).collect::<Vec<_>>();
    assert_eq!((of(&page), page.count), (vec![others[4].id, others[3].id], 5));
    world.reacts(ada, channel, said, "👍").await.unwrap();
    world.reacts(others[4], channel, said, "").await.unwrap();
    let page =
        core.reactions_page(others[0].id, peer, said, None, page.next.unwrap(), 2).await.unwrap();
    assert_eq!(of(&page), [others[2].id, others[1].id]);
    let page =
        core.reactions_page(others[0].id, peer, said, None, page.next.unwrap(), 2).await.unwrap();
    assert_eq!((of(&page), page.next), (vec![others[0].id], None));
    let hearts = core.reactions_page(ada.id, peer, said, Some(&emoji("❤")), 0, 2).await.unwrap();
    assert_eq!((of(&hearts), hearts.count, hearts.next), (vec![others[1].id], 1, None));
    let recent = world.shown(ada, channel, said).await.recent;
    assert_eq!(
        recent.iter().map(|(one, _)| one.user).collect::<Vec<_>>(),
        [ada.id, others[3].id, others[2].id]
    );
    // Rights, of all and of one.
    let (bob, cyd) = (others[0], others[1]);
    let banned = Banned { entirely: false, rights: Rights::SEND_REACTIONS, until: 0 };
    core.ban_in_channel(ada.actor(), ada.id, channel, bob.id, banned).await.unwrap();
    for with in ["🔥", ""] {
        let refused = world.reacts(bob, channel, said, with).await;
        assert!(matches!(refused, Err(CoreError::RightMissing(_))), "{refused:?}");
    }
    let rights = Rights::SEND_REACTIONS;
    core.edit_channel_rights(ada.actor(), ada.id, channel, rights).await.unwrap();
    let refused = world.reacts(cyd, channel, said, "🔥").await;
    assert!(matches!(refused, Err(CoreError::RightMissing(_))), "{refused:?}");
    core.edit_channel_rights(ada.actor(), ada.id, channel, Rights::NONE).await.unwrap();
    // Which there are.
    let edit = |by: Member, available: ChatReactions, kinds_max: u8| {
        let wanted = ChannelReactions { available, kinds_max };
        core.edit_channel_reactions(by.actor(), by.id, channel, wanted)
    };
    let refused = edit(cyd, ChatReactions::None, 11).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)));
    let some = ChatReactions::some(vec![emoji("👍"), emoji("🎉"), emoji("🔥")]).unwrap();
    edit(ada, some.clone(), 3).await.unwrap();
    assert!(matches!(edit(ada, some, 3).await, Err(CoreError::ChatNotModified)));
    let refused = world.reacts(cyd, channel, said, "😁").await;
    assert!(matches!(refused, Err(CoreError::Reaction(ReactionError::Invalid))));
    world.reacts(others[2], channel, said, "🎉").await.unwrap();
    let refused = world.reacts(others[3], channel, said, "🔥").await;
    assert!(matches!(refused, Err(CoreError::Reaction(ReactionError::TooMany))), "{refused:?}");
    edit(ada, ChatReactions::None, 11).await.unwrap();
    assert!(world.reacts(cyd, channel, said, "👍").await.is_err());
    world.reacts(cyd, channel, said, "").await.unwrap();
    // All of it goes with the message, also what is not looked at.
    world.reacts(others[3], channel, said, "").await.unwrap();
    edit(ada, ChatReactions::All, 11).await.unwrap();
    world.reacts(others[3], channel, said, "👍").await.unwrap();
    assert_eq!(core.unread_reactions(ada.id, peer).unwrap(), [said]);
    assert!(core.reaction_rows(channel, said) > 1);
    let mut world = world.reopen();
    assert_eq!(world.shown(ada, channel, said).await.counts[0].count, 3);
    let core = world.core.clone();
    core.delete_in_channel(ada.actor(), ada.id, channel, vec![said]).await.unwrap();
    assert_eq!(core.reaction_rows(channel, said), 0);
    assert!(core.unread_reactions(ada.id, peer).unwrap().is_empty());
    world = world.reopen();
    assert!(world.core.message(channel, said).unwrap().is_none());
}

#[tokio::test]
async fn the_log_has_the_reactions_of_two_seconds_together() {
    let mut world = World::new().await;
    let (ada, bob, cyd) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Cyd").await);
    let crew = world.channel(ada, false).await;
    world.named(ada, crew, "harbour_crew").await;
    let core = world.core.clone();
    for user in [bob, cyd] {
        world.joins(user, crew).await;
    }
    let said = world.post(ada, crew, "fog").await.unwrap().id;
    let other = world.post(ada, crew, "rain").await.unwrap().id;
    let before = core.log_entries(crew).len();
    for (by, id, with) in [
        (ada, said, "👍"),
        (bob, said, "🔥"),
        (bob, said, "❤"),
        (cyd, said, "👍"),
        (bob, other, "👍"),
    ] {
        world.reacts(by, crew, id, with).await.unwrap();
    }
    world.reacts(cyd, crew, said, "").await.unwrap();
    assert_eq!(core.log_entries(crew).len(), before);
    let in_log = |core: &Core, id| {
        let replica = core.replica_of(crew);
        let view = replica.lanes().view(replica.chain());
        let message = &view.messages[&core.entry_of(crew, id).unwrap()];
        let reactions = message.reactions.iter();
        reactions.map(|(by, with)| (UserId(by.id as i64), with.clone())).collect()
    };
    // It waits over a restart.
    let world = world.reopen();
    world.pass_s(2);
    world.core.tick().await.unwrap();
    let core = world.core.clone();
    assert_eq!(core.log_entries(crew).len(), before + 1);
    for id in [said, other] {
        assert_eq!(core.listed_reactions(crew, id), in_log(&core, id));
    }
    // Before rights change, what was done with them is said.
    world.reacts(bob, crew, said, "🎉").await.unwrap();
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    core.ban_in_channel(ada.actor(), ada.id, crew, bob.id, banned).await.unwrap();
    let listed = core.listed_reactions(crew, said);
    assert_eq!(listed[&bob.id], ["🎉"]);
    assert_eq!(listed, in_log(&core, said));
    world.pass_s(60);
    let entries = core.log_entries(crew).len();
    core.tick().await.unwrap();
    assert_eq!(core.log_entries(crew).len(), entries, "nothing is said twice");
    // Of what was deleted before it was said, nothing is.
    world.reacts(cyd, crew, other, "🎉").await.unwrap();
    core.delete_in_channel(ada.actor(), ada.id, crew, vec![other]).await.unwrap();
    world.pass_s(2);
    core.tick().await.unwrap();
    assert_eq!(core.log_entries(crew).len(), entries + 1, "the deletion");
}

#[tokio::test]
async fn nobody_is_shown_what_a_power_cut_takes_back_and_who_leaves_has_no_marks() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let crew = world.channel(ada, false).await;
    world.named(ada, crew, "harbour_crew").await;
    world.joins(bob, crew).await;
    world.hears_all(bob).await;
    let said = world.post(bob, crew, "fog").await.unwrap().id;
    world.reacts(ada, crew, said, "👍").await.unwrap();
    world.disk.hold();
    let core = world.core.clone();
    let how = ReactHow::default();
    let fire = vec![emoji("🔥")];
    let mut reacting = Box::pin(core.react(ada.actor(), ada.id, crew.into(), said, fire, how));
    assert!(now(reacting.as_mut()).is_none());
    world.disk.wait_for_undurable(1);
    for viewer in [ada, bob] {
        let shown = world.shown(viewer, crew, said).await;
        let chosen = (viewer.id == ada.id).then_some(0);
        let only = ReactionCount { reaction: emoji("👍"), count: 1, chosen };
        assert_eq!(shown.counts, [only]);
        assert_eq!(shown.recent[0].0.reaction, emoji("👍"));
    }
    world.disk.release();
    reacting.await.unwrap();
    assert_eq!(world.shown(bob, crew, said).await.counts[0].reaction, emoji("🔥"));
    // A command that fails leaves nothing behind.
    assert!(world.reacts(ada, crew, said, "🔥").await.is_err());
    world.reacts(ada, crew, said, "💯").await.unwrap();
    assert_eq!(world.shown(ada, crew, said).await.counts[0].reaction, emoji("💯"));
    assert_eq!(core.unread_reactions(bob.id, PeerId::from(crew)).unwrap(), [said]);
    core.leave_channel(bob.actor(), bob.id, crew).await.unwrap();
    assert!(core.unread_reactions(bob.id, PeerId::from(crew)).unwrap().is_empty());
    // Nor is an author told of anything who is not there.
    world.reacts(ada, crew, said, "👍").await.unwrap();
    assert!(core.unread_reactions(bob.id, PeerId::from(crew)).unwrap().is_empty());
}

#[tokio::test]
async fn what_belonged_to_a_message_goes_piece_by_piece() {
    let world = World::new().await;
    let prefix = [&7_i64.to_be_bytes()[..], &[34, 0]].concat();
    let left = |world: &World| {
        let store = &*world.core.inner.store;
        crate::decide::scan_prefix(store, Keyspace::CHANNELS, &prefix[..9], 10_000).unwrap().len()
    };
    let rows = prefix.clone();
    world
        .core
        .write(None, move |decide| {
            for n in 0..2500_u32 {
                let key = [&rows[..], &n.to_be_bytes()].concat();
                decide.put_bytes(Keyspace::CHANNELS, &key, Vec::new());
            }
            let other = [&rows[..9], &[1]].concat();
            decide.put_bytes(Keyspace::CHANNELS, &other, Vec::new());
            decide.clear_rows(Keyspace::CHANNELS, &rows)
        })
        .await
        .unwrap();
    assert_eq!(left(&world), 2401, "some at once");
    world.core.tick().await.unwrap();
    assert_eq!(left(&world), 1, "and the rest, and nothing else, by itself");
}
