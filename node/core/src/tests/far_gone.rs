//! An account that ends is a deleted account on every node that knew of it, also one that was away.

use super::federation::Two;
use super::mail::deliver;
use super::pairs::{bring, introduce};
use super::world::{Member, World, outgoing};
use crate::*;

/// Ada here has a private chat with Eve there, where she is known by name.
struct Met {
    here: World,
    there: World,
    ada: Member,
    eve: Member,
    /// Ada, as she is called there.
    ada_there: Member,
}

impl Met {
    async fn new() -> Self {
        let mut here = World::new().await;
        let mut there = World::other(&here, 1).await;
        let (_owner, ada) = (here.member("Olga").await, here.member("Ada").await);
        let (owner, eve) = (there.member("Oscar").await, there.member("Eve").await);
        let _ = owner;
        here.core.update_username(None, ada.id, "ada_lovelace".into()).await.unwrap();
        let eve_here = introduce(&here, ada, &there, eve).await;
        let ada_there = introduce(&there, eve, &here, ada).await;
        // As it is when nodes answer each other.
        here.core.note_told(there.core.node(), vec![ada.id.0 as u64]).await.unwrap();
        let message = outgoing(Member { id: eve_here, ..ada }, "remember me", 1);
        here.try_send(ada, message).await.unwrap();
        bring(&here.core, &there.core).await;
        bring(&there.core, &here.core).await;
        Self { here, there, ada, eve, ada_there: Member { id: ada_there, ..eve } }
    }

    async fn delete(&self) {
        self.here.core.delete_account(self.ada.id, self.ada.key, None).await.unwrap();
    }

    /// Ada is gone at Eve's node, and what she said is not.
    async fn is_gone(&self) {
        let (there, eve) = (&self.there, self.eve);
        let view = there.core.view(eve.id, self.ada_there.id).unwrap().unwrap().user;
        assert!(view.deleted && view.first_name.is_empty() && view.username.is_none(), "{view:?}");
        assert_eq!(there.texts(eve, self.ada_there).await, ["remember me"]);
        let refused = there.try_send(eve, outgoing(self.ada_there, "hello?", 77)).await;
        assert!(matches!(refused, Err(CoreError::Deactivated)), "{refused:?}");
        let name = format!("ada_lovelace_at_{}_node", self.here.core.node().short());
        let name = &name[..32];
        assert!(there.core.resolve_name(eve.id, name).await.is_err(), "{name}");
    }

    fn is_there(&self) -> bool {
        let view = self.there.core.view(self.eve.id, self.ada_there.id).unwrap().unwrap();
        !view.user.deleted && view.user.first_name == "Ada"
    }
}

#[tokio::test]
async fn a_deleted_account_is_deleted_on_nodes_that_knew_of_it() {
    let met = Met::new().await;
    assert!(met.is_there());
    met.delete().await;
    // The other node is away, for a long time; this one starts again meanwhile.
    met.here.pass_s(29 * 86_400);
    met.here.core.tidy_mail().await.unwrap();
    let met = Met { here: met.here.reopen(), ..met };
    assert!(met.is_there());
    deliver(&met.here, &met.there).await;
    met.is_gone().await;
    assert!(met.here.core.mail_waiting().unwrap().is_empty());
    let met = Met { there: met.there.reopen(), ..met };
    met.is_gone().await;
    // Asked for again, its node says the same.
    let cards = met.here.core.cards_shown(&[met.ada.id.0 as u64]).unwrap();
    assert!(cards[0].deleted);
    met.there.core.learn_people(met.here.core.node().short(), cards).await.unwrap();
    met.is_gone().await;
}

#[tokio::test]
async fn the_letter_is_written_in_the_batch_that_ends_the_account() {
    for survives in [false, true] {
        let met = Met::new().await;
        met.here.disk.hold();
        let core = met.here.core.clone();
        let mut deleting = Box::pin(core.delete_account(met.ada.id, met.ada.key, None));
        assert!(super::world::now(deleting.as_mut()).is_none());
        met.here.disk.wait_for_undurable(1);
        let here = met.here.crash_keeping(usize::from(survives));
        assert!(deleting.await.is_err());
        let gone = here.core.view(met.ada.id, met.ada.id).unwrap().unwrap().user.deleted;
        assert_eq!(gone, survives);
        assert_eq!(here.core.mail_waiting().unwrap().len(), usize::from(survives));
        let met = Met { here, ..met };
        deliver(&met.here, &met.there).await;
        assert_eq!(met.is_there(), !survives);
    }
}

#[tokio::test]
async fn only_who_was_told_of_somebody_learns_that_they_are_gone() {
    let met = Met::new().await;
    let mut third = World::other(&met.here, 2).await;
    third.member("Tom").await;
    met.here.core.learn_node(third.core.cert()).await.unwrap();
    met.delete().await;
    let waiting = met.here.core.mail_waiting().unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].node, met.there.core.node().short());
}

#[tokio::test]
async fn whom_an_earlier_version_has_told_learns_it_too_and_nobody_who_was_not() {
    // Nothing is noted; she has written to somebody there.
    let met = Met::new().await;
    let noted = [&[55][..], &met.ada.id.bytes(), &met.there.core.node().short().0].concat();
    let forget = met.here.core.write(None, move |decide| {
        decide.delete(node_store::Keyspace::NODES, &noted);
        Ok(())
    });
    forget.await.unwrap();
    met.delete().await;
    deliver(&met.here, &met.there).await;
    met.is_gone().await;
    // Who has only joined a public group is not named in its log.
    let mut two = Two::new(false).await;
    two.join(two.eve).await;
    two.heal().await;
    let olga = two.home.member("Olga").await;
    two.home.core.join_channel(olga.actor(), olga.id, two.channel).await.unwrap();
    two.home.core.learn_node(two.far.core.cert()).await.unwrap();
    two.home.core.delete_account(olga.id, olga.key, None).await.unwrap();
    assert!(two.home.core.mail_waiting().unwrap().is_empty());
}

#[tokio::test]
async fn a_node_speaks_of_its_own_people_alone() {
    let met = Met::new().await;
    // Another node says that the person with Ada's number is gone: it has none of that number here.
    let mut third = World::other(&met.here, 2).await;
    third.member("Tom").await;
    let tina = third.member("Tina").await;
    assert_eq!(tina.id, met.ada.id, "numbers begin alike");
    third.core.learn_node(met.there.core.cert()).await.unwrap();
    met.there.core.learn_node(third.core.cert()).await.unwrap();
    third.core.note_told(met.there.core.node(), vec![tina.id.0 as u64]).await.unwrap();
    third.core.delete_account(tina.id, tina.key, None).await.unwrap();
    deliver(&third, &met.there).await;
    assert!(met.is_there());
    // Nor does it end somebody who lives here and has that number.
    let oscar = met.there.core.view(met.eve.id, met.eve.id).unwrap().unwrap().user;
    assert!(!oscar.deleted);
}

#[tokio::test]
async fn what_a_deleted_account_said_in_a_group_stays() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(false, "knots").await;
    two.heal().await;
    two.introduce().await;
    let eve = two.home.core.view(two.ada.id, UserId(1 << 39)).unwrap().unwrap().user;
    assert_eq!(eve.first_name, "Eve");
    // Nothing was noted of whom was told: an earlier version did not. They share a group.
    two.far.core.delete_account(two.eve.id, two.eve.key, None).await.unwrap();
    two.home.core.learn_node(two.far.core.cert()).await.unwrap();
    deliver(&two.far, &two.home).await;
    two.heal().await;
    let user = two.home.core.view(two.ada.id, eve.id).unwrap().unwrap().user;
    assert!(user.deleted && user.first_name.is_empty());
    let query = HistoryQuery { limit: 10, ..HistoryQuery::default() };
    let page = two.home.core.history(two.ada.id, two.channel.into(), query).await.unwrap();
    let knots = page.messages.iter().find(|stored| stored.message.text == "knots").unwrap();
    assert_eq!(knots.message.from, eve.id);
    let own = two.home.core.participant(two.channel, eve.id).unwrap();
    assert!(own.is_none_or(|own| !own.joined), "and is not in it any more");
}

#[tokio::test]
async fn a_full_box_keeps_nobodys_account() {
    let met = Met::new().await;
    let to = met.there.core.node().short();
    let filled = met.here.core.write(None, move |decide| {
        use crate::federation::{Kind, Post};
        let body = glog::cbor::Blob::new(Vec::new()).unwrap();
        let post = Post { to, user: 0, kind: Kind::REPORT, body, slot: None, by_node: true };
        for _ in 0..10_000 {
            decide.post(post.clone())?;
        }
        Ok(())
    });
    filled.await.unwrap();
    met.delete().await;
    assert!(met.here.core.view(met.ada.id, met.ada.id).unwrap().unwrap().user.deleted);
}
