//! Feature 61: reactions.

use node_store::{Keyspace, Order, Store as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, now};
use crate::*;

fn emoji(emoticon: &str) -> Reaction {
    Reaction::Emoji(emoticon.to_owned())
}

impl World {
    pub(super) async fn hears_all(&self, member: Member) {
        let all = ReactionsNotify { messages: ReactionsFrom::All, ..ReactionsNotify::default() };
        self.core.set_reactions_notify(None, member.id, all).await.unwrap();
    }

    async fn react(
        &self,
        by: Member,
        peer: PeerId,
        id: MessageId,
        emoticon: &str,
    ) -> CoreResult<()> {
        let reactions = if emoticon.is_empty() { Vec::new() } else { vec![emoji(emoticon)] };
        self.core.react(by.actor(), by.id, peer, id, reactions, ReactHow::default()).await
    }

    async fn reactions(&self, viewer: Member, id: MessageId) -> Option<ReactionsView> {
        let found = self.core.messages(viewer.id, &[id]).await.unwrap();
        let message = &found.first()?.message;
        self.core.reactions(viewer.id, id, message).unwrap()
    }

    /// (emoticon, count, own) of each.
    async fn counted(&self, viewer: Member, id: MessageId) -> Vec<(String, i32, bool)> {
        let found = self.reactions(viewer, id).await.unwrap_or_default();
        let count = |count: &ReactionCount| match &count.reaction {
            Reaction::Emoji(emoticon) => (emoticon.clone(), count.count, count.chosen.is_some()),
            Reaction::Custom(file) => (file.0.to_string(), count.count, count.chosen.is_some()),
        };
        found.counts.iter().map(count).collect()
    }

    fn reaction_rows(&self) -> usize {
        let rows = self.disk.scan(Keyspace::REACTIONS, &[], None, usize::MAX, Order::Ascending);
        rows.unwrap().len()
    }

    async fn unread(&self, owner: Member, with: PeerId) -> i32 {
        let (page, _) = self.core.peer_dialogs(owner.id, &[with]).await.unwrap();
        let count = page.dialogs[0].unread_reactions;
        assert_eq!(self.core.unread_reactions(owner.id, with).unwrap().len(), count as usize);
        count
    }
}

#[tokio::test]
async fn both_parties_see_a_reaction_and_its_withdrawal() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.hears_all(ada).await;
    let sent = world.send(ada, bob, "hello").await;
    let theirs = sent.message.twin;
    assert_eq!(world.reactions(ada, sent.id).await, None, "no extra read where nobody reacted");
    let pts = world.pts(ada).await;
    world.recorder.take();
    world.react(bob, ada.peer(), theirs, "❤\u{fe0f}").await.unwrap();
    assert_eq!(world.pts(ada).await, pts, "it is no event of the box");
    let told = world.recorder.take().into_iter().filter_map(|event| match event {
        Event::Own { owner, change: Own::Reactions { peer, id }, .. } => Some((owner, peer, id)),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let expected = [(bob.id, ada.peer(), theirs), (ada.id, bob.peer(), sent.id)];
    assert_eq!(told, expected);
    assert_eq!(world.counted(ada, sent.id).await, [("❤".into(), 1, false)]);
    assert_eq!(world.counted(bob, theirs).await, [("❤".into(), 1, true)]);
    let seen = world.reactions(ada, sent.id).await.unwrap();
    assert!(seen.recent[0].1, "the writer has not looked at it");
    assert!(!world.reactions(bob, theirs).await.unwrap().recent[0].1);
    assert_eq!(world.unread(ada, bob.peer()).await, 1);
    let same = world.react(bob, ada.peer(), theirs, "❤").await;
    assert!(matches!(same, Err(CoreError::Reaction(ReactionError::NotModified))));
    // Another one takes its place; the own one stands beside it.
    world.react(bob, ada.peer(), theirs, "🔥").await.unwrap();
    world.react(ada, bob.peer(), sent.id, "🔥").await.unwrap();
    assert_eq!(world.counted(ada, sent.id).await, [("🔥".into(), 2, true)]);
    assert_eq!(world.unread(bob, ada.peer()).await, 0, "it is not the message's writer");
    world.react(bob, ada.peer(), theirs, "").await.unwrap();
    assert_eq!(world.unread(ada, bob.peer()).await, 0, "what is taken back is not unread");
    world.react(ada, bob.peer(), sent.id, "").await.unwrap();
    assert_eq!(world.reaction_rows(), 0);
    let two = vec![emoji("🔥"), emoji("👍")];
    let two = world.core.react(ada.actor(), ada.id, bob.peer(), sent.id, two, ReactHow::default());
    assert!(matches!(two.await, Err(CoreError::Reaction(ReactionError::TooMany))));
    let unknown = world.react(ada, bob.peer(), sent.id, "x").await;
    assert!(matches!(unknown, Err(CoreError::Reaction(ReactionError::Invalid))));
}

#[tokio::test]
async fn reading_takes_the_marks_away() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.hears_all(ada).await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        let one = world.send(ada, bob, "x").await;
        world.react(bob, ada.peer(), one.message.twin, "👍").await.unwrap();
        sent.push(one);
    }
    assert_eq!(world.unread(ada, bob.peer()).await, 3);
    // Who looks at a message has seen its reactions.
    world.core.read_contents(ada.actor(), ada.id, vec![sent[0].id]).await.unwrap();
    assert_eq!(world.unread(ada, bob.peer()).await, 2);
    world.delete(ada, &[sent[1].id], true).await;
    assert_eq!(world.unread(ada, bob.peer()).await, 1);
    let world = world.crash();
    assert_eq!(world.unread(ada, bob.peer()).await, 1);
    let affected = world.core.read_reactions(ada.actor(), ada.id, bob.peer()).await.unwrap();
    assert_eq!((affected.pts, affected.pts_count), (world.pts(ada).await, 0));
    assert_eq!(world.unread(ada, bob.peer()).await, 0);
    // Nobody, or contacts only: then nothing is marked.
    let nobody = ReactionsNotify { messages: ReactionsFrom::Contacts, ..Default::default() };
    world.core.set_reactions_notify(None, ada.id, nobody).await.unwrap();
    world.react(bob, ada.peer(), sent[2].message.twin, "🎉").await.unwrap();
    assert_eq!(world.unread(ada, bob.peer()).await, 0);
    assert_eq!(world.counted(ada, sent[2].id).await, [("🎉".into(), 1, false)]);
}

#[tokio::test]
async fn whoever_is_blocked_reacts_for_oneself() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.hears_all(ada).await;
    let sent = world.send(ada, bob, "hello").await;
    world.core.set_blocked(None, ada.id, bob.id, true).await.unwrap();
    world.recorder.take();
    world.react(bob, ada.peer(), sent.message.twin, "👎").await.unwrap();
    assert_eq!(world.counted(bob, sent.message.twin).await, [("👎".into(), 1, true)]);
    assert_eq!(world.counted(ada, sent.id).await, []);
    assert_eq!(world.unread(ada, bob.peer()).await, 0);
    let told = world.recorder.take();
    let to_ada = |event: &Event| matches!(event, Event::Own { owner, .. } if *owner == ada.id);
    assert!(!told.iter().any(to_ada), "nothing tells of it");
}

/// What was seen before the block is seen to go.
#[tokio::test]
async fn a_reaction_from_before_the_block_can_be_taken_back() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.hears_all(ada).await;
    let sent = world.send(ada, bob, "hello").await;
    world.react(bob, ada.peer(), sent.message.twin, "👍").await.unwrap();
    assert_eq!(world.unread(ada, bob.peer()).await, 1);
    world.core.set_blocked(None, ada.id, bob.id, true).await.unwrap();
    world.recorder.take();
    // Another in its place is not shown; the old one is gone for both.
    world.react(bob, ada.peer(), sent.message.twin, "👎").await.unwrap();
    assert_eq!(world.counted(ada, sent.id).await, []);
    assert_eq!(world.unread(ada, bob.peer()).await, 0);
    let told = world.recorder.take();
    let to_ada = |event: &Event| matches!(event, Event::Own { owner, .. } if *owner == ada.id);
    assert!(told.iter().any(to_ada));
}

/// Who left a group keeps what came until then, and learns nothing of what becomes of it.
#[tokio::test]
async fn who_left_is_told_of_no_reactions_and_no_edits() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let eve = world.member("Eve").await;
    let core = world.core.clone();
    let chat = world.group(&[ada, bob, eve]).await;
    let text = super::world::text;
    let outgoing = Outgoing::text(chat.into(), text("hello"), world.number());
    let sent = core.send(ada.actor(), ada.id, outgoing).await.unwrap();
    let theirs = async |member: Member| {
        let query = HistoryQuery { limit: 1, ..Default::default() };
        core.history(member.id, chat.into(), query).await.unwrap().messages[0].id
    };
    let (bobs, eves) = (theirs(bob).await, theirs(eve).await);
    world.react(bob, chat.into(), bobs, "👍").await.unwrap();
    assert_eq!(world.counted(eve, eves).await.len(), 1);
    core.remove_chat_user(ada.actor(), ada.id, chat, eve.id).await.unwrap();
    world.recorder.take();
    world.react(ada, chat.into(), sent.id, "🔥").await.unwrap();
    let edit =
        Edit { text: Some(text("changed")), media: None, drops_media: false, invert_media: false };
    core.edit(ada.actor(), ada.id, chat.into(), sent.id, edit).await.unwrap();
    let told = world.recorder.take();
    let to_eve = |event: &Event| match event {
        Event::Own { owner, .. } => *owner == eve.id,
        Event::Box(event) => event.owner == eve.id,
        _ => false,
    };
    assert!(!told.iter().any(to_eve), "{told:?}");
    assert!(world.reactions(eve, eves).await.is_none());
    let page = core.reactions_page(eve.id, chat.into(), eves, None, 0, 10).await;
    assert!(matches!(page, Err(CoreError::NotAMember)), "{page:?}");
    let copy = core.message(eve.id, eves).unwrap().unwrap();
    assert_eq!(copy.text, "hello");
    // What its writer takes back goes from everywhere.
    world.delete(ada, &[sent.id], true).await;
    assert!(core.message(eve.id, eves).unwrap().is_none());
    assert_eq!(world.reaction_rows(), 0);
}

#[tokio::test]
async fn in_groups_rights_and_the_list_decide() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let made = core.create_chat(ada.actor(), ada.id, "Birds", vec![bob.id], 0).await.unwrap();
    let chat = made.chat;
    let text = super::world::text("hello");
    let sent = core.send(ada.actor(), ada.id, Outgoing::text(chat.into(), text, 7)).await.unwrap();
    let history =
        core.history(bob.id, chat.into(), HistoryQuery { limit: 1, ..Default::default() });
    let theirs = history.await.unwrap().messages[0].id;
    world.react(bob, chat.into(), theirs, "👍").await.unwrap();
    world.react(ada, chat.into(), sent.id, "👍").await.unwrap();
    assert_eq!(world.counted(ada, sent.id).await, [("👍".into(), 2, true)]);
    assert!(world.reactions(ada, sent.id).await.unwrap().can_see_list);
    let some = ChatReactions::some(vec![emoji("🔥")]).unwrap();
    core.edit_chat_reactions(ada.actor(), ada.id, chat, some).await.unwrap();
    let gone = world.react(bob, chat.into(), theirs, "❤").await;
    assert!(matches!(gone, Err(CoreError::Reaction(ReactionError::Invalid))));
    world.react(bob, chat.into(), theirs, "").await.unwrap();
    core.edit_chat_rights(ada.actor(), ada.id, chat, Rights::SEND_REACTIONS).await.unwrap();
    let refused = world.react(bob, chat.into(), theirs, "🔥").await;
    assert!(matches!(refused, Err(CoreError::RightMissing(Rights::SEND_REACTIONS))));
    let page = core.reactions_page(bob.id, chat.into(), theirs, None, 0, 10).await.unwrap();
    assert_eq!((page.count, page.reacted[0].0.user, page.next), (1, ada.id, None));
    // A copy that is gone takes none of it away from others; the last one takes all.
    world.delete(bob, &[theirs], false).await;
    assert_eq!(world.counted(ada, sent.id).await, [("👍".into(), 1, true)]);
    world.delete(ada, &[sent.id], true).await;
    assert_eq!(world.reaction_rows(), 0);
}

/// What is shown equals a recount of a model, over restarts and power cuts.
#[tokio::test]
async fn counts_equal_a_recount() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.hears_all(ada).await;
    world.hears_all(bob).await;
    let seed = 61;
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    // (writer, the writer's id, the other's id, [writer's, other's reaction])
    let mut model: Vec<(usize, MessageId, MessageId, [&str; 2])> = Vec::new();
    let pair = [ada, bob];
    for step in 0..300 {
        let at = rng.random_range(0..2);
        let (one, other) = (pair[at], pair[1 - at]);
        match rng.random_range(0..8) {
            0 | 1 => {
                let sent = world.send(one, other, "x").await;
                model.push((at, sent.id, sent.message.twin, ["", ""]));
            }
            2 if !model.is_empty() && step % 4 == 0 => {
                let gone = model.swap_remove(rng.random_range(0..model.len()));
                world.delete(pair[gone.0], &[gone.1], true).await;
            }
            _ if !model.is_empty() => {
                let some = rng.random_range(0..model.len());
                let (writer, own, twin, reacted) = &mut model[some];
                let id = if at == *writer { *own } else { *twin };
                let slot = &mut reacted[usize::from(at != *writer)];
                let wanted = ["", "👍", "❤", "🔥"][rng.random_range(0..4)];
                let done = world.react(one, other.peer(), id, wanted).await;
                assert_eq!(done.is_ok(), *slot != wanted, "{done:?}");
                *slot = wanted;
            }
            _ => {}
        }
        if step % 60 == 59 {
            world = if step % 120 == 59 { world.reopen() } else { world.crash() };
        }
        for (writer, own, twin, reacted) in &model {
            let mut all: Vec<&str> =
                reacted.iter().filter(|emoticon| !emoticon.is_empty()).copied().collect();
            all.sort_unstable();
            for (viewer, id) in [(*writer, *own), (1 - *writer, *twin)] {
                let counted = world.counted(pair[viewer], id).await;
                let mut shown: Vec<&str> = Vec::new();
                for (emoticon, count, chosen) in &counted {
                    shown.extend(std::iter::repeat_n(emoticon.as_str(), *count as usize));
                    let own = reacted[usize::from(viewer != *writer)];
                    assert_eq!(*chosen, own == emoticon);
                }
                shown.sort_unstable();
                assert_eq!(shown, all);
            }
        }
        let rows = model.iter().filter(|(.., reacted)| reacted.iter().any(|r| !r.is_empty()));
        assert_eq!(world.reaction_rows(), rows.count());
        for (at, owner) in pair.iter().enumerate() {
            let unread = model
                .iter()
                .filter(|(writer, .., reacted)| *writer == at && !reacted[1].is_empty());
            let shown = world.unread(*owner, pair[1 - at].peer()).await;
            assert_eq!(shown, unread.count() as i32, "step {step}");
        }
    }
}

/// The store shows a reaction before it is on disk: nobody is shown it.
#[tokio::test]
async fn nobody_is_shown_a_reaction_that_a_power_cut_takes_back() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let sent = world.send(ada, bob, "hello").await;
    world.react(bob, ada.peer(), sent.message.twin, "👍").await.unwrap();
    let message = world.core.message(ada.id, sent.id).unwrap().unwrap();
    world.disk.hold();
    let core = world.core.clone();
    let how = ReactHow::default();
    let (peer, id, fire) = (ada.peer(), sent.message.twin, vec![emoji("🔥")]);
    let mut reacting = Box::pin(core.react(bob.actor(), bob.id, peer, id, fire, how));
    assert!(now(reacting.as_mut()).is_none());
    world.disk.wait_for_undurable(1);
    let shown = world.core.reactions(ada.id, sent.id, &message).unwrap().unwrap();
    assert_eq!(shown.counts[0].reaction, emoji("👍"));
    world.disk.release();
    reacting.await.unwrap();
    let shown = world.core.reactions(ada.id, sent.id, &message).unwrap().unwrap();
    assert_eq!(shown.counts[0].reaction, emoji("🔥"));
    // A command that fails leaves nothing behind.
    let same = world.react(bob, ada.peer(), id, "🔥").await;
    assert!(same.is_err());
    world.react(bob, ada.peer(), id, "💯").await.unwrap();
    let shown = world.core.reactions(ada.id, sent.id, &message).unwrap().unwrap();
    assert_eq!(shown.counts[0].reaction, emoji("💯"));
}

#[tokio::test]
async fn what_one_reacts_with_is_remembered() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let sent = world.send(ada, bob, "hello").await;
    let how = ReactHow { big: true, add_to_recent: true };
    for emoticon in ["🔥", "👀", "🔥"] {
        let reaction = vec![emoji(emoticon)];
        core.react(ada.actor(), ada.id, bob.peer(), sent.id, reaction, how).await.unwrap();
    }
    assert_eq!(core.recent_reactions(ada.id).unwrap(), [emoji("🔥"), emoji("👀")]);
    core.set_default_reaction(ada.actor(), ada.id, emoji("🎉")).await.unwrap();
    let top = core.top_reactions(ada.id).unwrap();
    assert_eq!(top[..3], [emoji("🎉"), emoji("🔥"), emoji("👀")]);
    assert_eq!(top.len(), REACTIONS.len());
    core.clear_recent_reactions(ada.actor(), ada.id).await.unwrap();
    assert!(core.recent_reactions(ada.id).unwrap().is_empty());
    assert_eq!(core.default_reaction(bob.id).unwrap(), emoji(DEFAULT_REACTION));
}
