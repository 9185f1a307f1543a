//! Mentions in supergroups: of whom, until when, and counted exactly.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, full, text};
use crate::*;

async fn named(world: &World, user: Member, name: &str) {
    world.core.update_username(Some(user.actor()), user.id, name.into()).await.unwrap();
}

impl World {
    async fn mention_by(
        &self,
        from: Member,
        group: ChannelId,
        words: &str,
        to: Option<MessageId>,
    ) -> Sent {
        let message = Outgoing::text(group.into(), text(words), self.number());
        let message = Outgoing { reply: to.map(|id| (id, None)), ..message };
        self.core.send(from.actor(), from.id, message).await.unwrap()
    }

    async fn meant(&self, user: Member, group: ChannelId) -> Vec<MessageId> {
        self.core.unread_mentions(user.id, PeerId::from(group)).await.unwrap()
    }

    /// Whether a message mentions somebody, and whether they have not looked.
    fn mention(&self, user: Member, group: ChannelId, sent: &Sent) -> Option<bool> {
        self.core.mentions(user.id, group, sent.id, &sent.message).unwrap()
    }
}

#[tokio::test]
async fn who_is_named_or_answered_is_told_until_they_look() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let (cyd, eve) = (world.member("Cyd").await, world.member("Eve").await);
    named(&world, bob, "bob_the_bosun").await;
    named(&world, eve, "eve_elsewhere").await;
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id, cyd.id]).await.unwrap();
    let first = world.mention_by(ada, group, "ahoy @bob_the_bosun and @eve_elsewhere", None).await;
    let second = world.mention_by(cyd, group, "aye", Some(first.id)).await;
    let plain = world.mention_by(cyd, group, "and more", None).await;
    assert_eq!(world.meant(bob, group).await, [first.id]);
    assert_eq!(world.meant(ada, group).await, [second.id], "who is answered");
    assert!(world.meant(cyd, group).await.is_empty());
    assert_eq!(world.meant(eve, group).await, [], "who is not there");
    assert_eq!(world.dialog_of(bob, group).await.unread_mentions, 1);
    assert_eq!(world.mention(bob, group, &first), Some(true));
    assert_eq!(world.mention(cyd, group, &first), None);
    assert_eq!(world.mention(bob, group, &plain), None);
    // Reading does not look; looking does, and other devices are told.
    core.read_channel(bob.actor(), bob.id, group, MessageId(0)).await.unwrap();
    assert_eq!(world.dialog_of(bob, group).await.unread_mentions, 1);
    world.recorder.take();
    let ids = vec![first.id, plain.id];
    core.read_contents_in_channel(bob.actor(), bob.id, group, ids).await.unwrap();
    let told = world.recorder.take().into_iter().any(|event| {
        matches!(event, Event::Own { owner, change: Own::ReadContents { ids, .. }, .. }
            if owner == bob.id && ids == [first.id])
    });
    assert!(told);
    assert!(world.meant(bob, group).await.is_empty());
    assert_eq!(world.mention(bob, group, &first), Some(false), "it still mentions him");
    assert_eq!(world.dialog_of(bob, group).await.unread_mentions, 0);
    // All of them, over a restart; and what is deleted means nobody.
    let mut world = world.reopen();
    let core = world.core.clone();
    let gone = world.mention_by(ada, group, "@bob_the_bosun again", None).await;
    world.mention_by(ada, group, "and @bob_the_bosun once more", None).await;
    core.delete_in_channel(ada.actor(), ada.id, group, vec![gone.id]).await.unwrap();
    assert_eq!(world.dialog_of(bob, group).await.unread_mentions, 1);
    let pts = core.channel_state(group).unwrap();
    let left = core.read_mentions_in_channel(bob.actor(), bob.id, group, None).await.unwrap();
    assert_eq!((core.channel_state(group).unwrap(), left), (pts, 0));
    assert_eq!(world.dialog_of(bob, group).await.unread_mentions, 0);
    // Who leaves is meant no more, and comes back to nothing.
    world.mention_by(ada, group, "@bob_the_bosun, stay", None).await;
    core.leave_channel(bob.actor(), bob.id, group).await.unwrap();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    assert!(world.meant(bob, group).await.is_empty());
    assert_eq!(world.dialog_of(bob, group).await.unread_mentions, 0);
    // What is out of sight mentions nobody, and later things do.
    let hidden = world.mention_by(ada, group, "@bob_the_bosun, look", None).await;
    let bound = core.clear_channel(bob.actor(), bob.id, group, MessageId(0)).await.unwrap();
    assert_eq!((bound, world.meant(bob, group).await), (hidden.id, Vec::new()));
    let dialog = world.dialog_of(bob, group).await;
    assert_eq!((dialog.unread, dialog.unread_mentions, dialog.read_inbox), (0, 0, hidden.id));
    let back = core.clear_channel(bob.actor(), bob.id, group, MessageId(3)).await.unwrap();
    assert_eq!(back, hidden.id, "nothing comes back into sight");
    let later = world.mention_by(ada, group, "@bob_the_bosun, again", None).await;
    assert_eq!(world.meant(bob, group).await, [later.id]);
    let stranger = world.member("Eve").await;
    let refused = core.clear_channel(stranger.actor(), stranger.id, group, MessageId(0)).await;
    assert!(matches!(refused, Err(CoreError::UnknownChannel)));
    // Nobody is mentioned in a broadcast channel.
    let news = world.channel(ada, true).await;
    core.add_to_channel(ada.actor(), ada.id, news, vec![bob.id]).await.unwrap();
    world.mention_by(ada, news, "read this, @bob_the_bosun", None).await;
    assert!(world.meant(bob, news).await.is_empty());
}

/// Counts equal what a slow model finds, whatever happens.
#[tokio::test]
async fn mentions_are_counted_exactly() {
    let steps = if full() { 2000 } else { 400 };
    let mut world = World::new().await;
    let mut users = Vec::new();
    for name in ["Ada", "Bob", "Cyd"] {
        let user = world.member(name).await;
        named(&world, user, &format!("{}_ahoy", name.to_lowercase())).await;
        users.push(user);
    }
    let group = world.channel(users[0], false).await;
    let core = world.core.clone();
    let others = users[1..].iter().map(|user| user.id).collect();
    core.add_to_channel(users[0].actor(), users[0].id, group, others).await.unwrap();
    let mut rng = StdRng::seed_from_u64(7);
    let mut writers: BTreeMap<MessageId, UserId> = BTreeMap::new();
    let mut model: BTreeMap<UserId, BTreeSet<MessageId>> = BTreeMap::new();
    for _ in 0..steps {
        let by = users[rng.random_range(0..3)];
        let known: Vec<MessageId> = writers.keys().copied().collect();
        let some = (!known.is_empty()).then(|| known[rng.random_range(0..known.len())]);
        match rng.random_range(0..10) {
            0..6 => {
                let to = some.filter(|_| rng.random_bool(0.4));
                let named = ["ada_ahoy", "bob_ahoy", "cyd_ahoy"];
                let at = rng.random_range(0..4);
                let words = named.get(at).map_or("plain".into(), |name| format!("hi @{name}"));
                let sent = world.mention_by(by, group, &words, to).await;
                let mut meant = BTreeSet::new();
                meant.extend(users.get(at).map(|user| user.id));
                meant.extend(to.map(|id| writers[&id]));
                for user in meant.into_iter().filter(|user| *user != by.id) {
                    model.entry(user).or_default().insert(sent.id);
                }
                writers.insert(sent.id, by.id);
            }
            6 => {
                let Some(id) = some else { continue };
                let ids = vec![id];
                core.read_contents_in_channel(by.actor(), by.id, group, ids).await.unwrap();
                model.entry(by.id).or_default().remove(&id);
            }
            7 => {
                let Some(id) = some else { continue };
                let owner = users[0];
                core.delete_in_channel(owner.actor(), owner.id, group, vec![id]).await.unwrap();
                writers.remove(&id);
                for meant in model.values_mut() {
                    meant.remove(&id);
                }
            }
            8 => {
                while core.read_mentions_in_channel(by.actor(), by.id, group, None).await.unwrap()
                    > 0
                {}
                model.remove(&by.id);
            }
            _ => {
                core.read_channel(by.actor(), by.id, group, MessageId(0)).await.unwrap();
            }
        }
        let wanted = model.get(&by.id).cloned().unwrap_or_default();
        let found: BTreeSet<MessageId> = world.meant(by, group).await.into_iter().collect();
        assert_eq!(found, wanted, "{by:?}");
        let counted = world.dialog_of(by, group).await.unread_mentions;
        assert_eq!(counted as usize, wanted.len(), "{by:?}");
    }
}

/// Of too many the oldest go, and the count says what is there.
#[tokio::test]
async fn mentions_of_one_member_are_bounded() {
    const KEPT: usize = 1000;
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    named(&world, bob, "bob_the_bosun").await;
    let group = world.channel(ada, false).await;
    let core = world.core.clone();
    core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    let first = world.mention_by(ada, group, "@bob_the_bosun", None).await;
    let ids = vec![first.id];
    core.read_contents_in_channel(bob.actor(), bob.id, group, ids).await.unwrap();
    for _ in 0..KEPT + 2 {
        world.mention_by(ada, group, "@bob_the_bosun", None).await;
    }
    assert_eq!(world.meant(bob, group).await.len(), KEPT);
    assert_eq!(world.dialog_of(bob, group).await.unread_mentions as usize, KEPT);
    assert_eq!(world.mention(bob, group, &first), None, "forgotten");
}

/// What is said while a dialog is looked at is in all of it or in none.
#[tokio::test]
async fn a_mention_between_two_reads_of_a_dialog_is_told_whole() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let crew = world.channel(ada, false).await;
    let added = world.core.add_to_channel(ada.actor(), ada.id, crew, vec![bob.id]).await;
    added.unwrap();
    let name = "bob_the_cook".to_owned();
    world.core.update_username(Some(bob.actor()), bob.id, name).await.unwrap();
    let core = world.core.clone();
    let message = Outgoing::text(crew.into(), text("what is for dinner, @bob_the_cook"), 1);
    let (done, said) = std::sync::mpsc::sync_channel(1);
    world.disk.before_next_read(node_store::Keyspace::CHANNELS, move || {
        // Elsewhere, and whole, before this thread reads on.
        let elsewhere = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(core.send(ada.actor(), ada.id, message))
        });
        done.send(elsewhere.join().unwrap()).unwrap();
    });
    let (page, _) = world.core.peer_dialogs(bob.id, &[crew.into()]).await.unwrap();
    let sent = said.try_recv().expect("the reader read rows").unwrap();
    let dialog = &page.dialogs[0];
    assert_eq!((dialog.top, dialog.pts), (sent.id, Some(sent.pts)));
    assert_eq!(dialog.unread_mentions, 1);
    assert_eq!(page.messages.last().map(|stored| stored.id), Some(sent.id));
    let (quiet, _) = world.core.peer_dialogs(bob.id, &[crew.into()]).await.unwrap();
    assert_eq!(page, quiet);
}
