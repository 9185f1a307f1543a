//! Polls in channels: where they are asked, who votes and who is told.

use super::polls::{number, poll};
use super::world::{Member, World};
use crate::*;

impl World {
    async fn told_of_poll(&self) -> Vec<(ChannelId, MessageId)> {
        let told = |event| match event {
            Event::ChannelPoll { channel, id, .. } => Some((channel, id)),
            _ => None,
        };
        self.recorder.take().into_iter().filter_map(told).collect()
    }

    fn log_says(&self, channel: ChannelId, id: MessageId) -> glog::data::Message {
        let replica = self.core.replica_of(channel);
        let view = replica.lanes().view(replica.chain());
        view.messages[&self.core.entry_of(channel, id).unwrap()].clone()
    }

    async fn place(
        &self,
        owner: Member,
        broadcast: bool,
        name: &str,
        users: &[Member],
    ) -> ChannelId {
        let channel = self.channel(owner, broadcast).await;
        self.named(owner, channel, name).await;
        for user in users {
            self.core.join_channel(user.actor(), user.id, channel).await.unwrap();
        }
        channel
    }
}

#[tokio::test]
async fn a_public_poll_of_a_supergroup_is_in_its_log_vote_by_vote() {
    let mut world = World::new().await;
    let (ada, bob, eve) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Eve").await);
    let crew = world.place(ada, false, "harbour_crew", &[bob]).await;
    let (core, peer) = (world.core.clone(), PeerId::from(crew));
    let asked = world.ask(ada, peer, poll(3)).await.unwrap();
    let id = number(&asked);
    world.recorder.take();
    world.vote(bob, peer, asked.id, &[1]).await.unwrap();
    assert_eq!(world.told_of_poll().await, [(crew, asked.id)]);
    // Who reads without being in it does not vote.
    let refused = world.vote(eve, peer, asked.id, &[1]).await;
    assert!(matches!(refused, Err(CoreError::RightMissing(_))), "{refused:?}");
    world.vote(ada, peer, asked.id, &[2]).await.unwrap();
    let page = core.votes(bob.id, peer, asked.id, None, 0, 10).await.unwrap();
    assert_eq!((page.count, page.poll.recent), (2, vec![ada.id, bob.id]));
    let said = world.log_says(crew, asked.id);
    assert_eq!(said.votes[&core.name_in_logs(bob.id)], [1]);
    // Forwarded, it shares its votes, and they are in the log of who asked.
    let other = world.place(ada, false, "harbour_talk", &[bob]).await;
    let ids = vec![(asked.id, 77)];
    let sent = core.forward(ada.actor(), ada.id, peer, other.into(), ids, ForwardHow::default());
    let copy = sent.await.unwrap()[0].id;
    world.vote(bob, other.into(), copy, &[0]).await.unwrap();
    let mut told = world.told_of_poll().await;
    told.sort_unstable();
    assert_eq!(told[told.len() - 2..], [(crew, asked.id), (other, copy)]);
    assert_eq!(world.log_says(crew, asked.id).votes[&core.name_in_logs(bob.id)], [0]);
    assert!(world.log_says(other, copy).votes.is_empty());
    // Who was thrown out there does not vote, wherever it is shown.
    let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
    core.ban_in_channel(ada.actor(), ada.id, crew, bob.id, banned).await.unwrap();
    for (peer, id) in [(peer, asked.id), (other.into(), copy)] {
        assert!(world.vote(bob, peer, id, &[2]).await.is_err());
    }
    assert_eq!(world.poll(bob, id).chosen, [0]);
    // Only its author closes it, and the log says so.
    let refused = core.close_poll(bob.actor(), bob.id, other.into(), copy).await;
    assert!(matches!(refused, Err(CoreError::NotTheAuthor)));
    core.close_poll(ada.actor(), ada.id, peer, asked.id).await.unwrap();
    let post = world.log_says(crew, asked.id).post.unwrap();
    assert!(channels::poll_in_log(&post).unwrap().closed);
    assert_eq!(core.message(crew, asked.id).unwrap().unwrap().edited, 0);
    let refused = world.vote(ada, peer, asked.id, &[0]).await;
    assert!(matches!(refused, Err(CoreError::Poll(PollError::Closed))));
}

#[tokio::test]
async fn votes_in_a_channel_have_no_names_and_come_to_the_log_together() {
    let mut world = World::new().await;
    let (ada, bob, cyd) =
        (world.member("Ada").await, world.member("Bob").await, world.member("Cyd").await);
    let news = world.place(ada, true, "harbour_news", &[bob, cyd]).await;
    let (core, peer) = (world.core.clone(), PeerId::from(news));
    let refused = world.ask(ada, peer, poll(2)).await;
    assert!(matches!(refused, Err(CoreError::Poll(PollError::PublicInChannel))), "{refused:?}");
    let refused = world.ask(bob, peer, poll(2)).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    // Nor is a public one forwarded to it.
    let crew = world.place(ada, false, "harbour_crew", &[]).await;
    let public = world.ask(ada, crew.into(), poll(2)).await.unwrap().id;
    let (ids, how) = (vec![(public, 77)], ForwardHow::default());
    let refused = core.forward(ada.actor(), ada.id, crew.into(), peer, ids, how).await;
    assert!(matches!(refused, Err(CoreError::Poll(PollError::PublicInChannel))), "{refused:?}");
    let anonymous = NewPoll { public_voters: false, ..poll(2) };
    let asked = world.ask(ada, peer, anonymous).await.unwrap();
    let before = core.log_entries(news).len();
    world.vote(bob, peer, asked.id, &[1]).await.unwrap();
    world.vote(cyd, peer, asked.id, &[0]).await.unwrap();
    world.vote(cyd, peer, asked.id, &[1]).await.unwrap();
    assert_eq!(core.log_entries(news).len(), before, "nothing tells who voted when");
    let list = core.votes(bob.id, peer, asked.id, None, 0, 10).await;
    assert!(matches!(list, Err(CoreError::Poll(PollError::NotPublic))));
    // Over a restart, and once for all of them.
    let world = world.reopen();
    world.pass_s(10);
    world.core.tick().await.unwrap();
    assert_eq!(world.core.log_entries(news).len(), before + 2, "how many are there, and totals");
    let told = world.log_says(news, asked.id).tallies.into_values().collect::<Vec<_>>();
    assert_eq!(told, [[(0, 0), (1, 2)]]);
    world.pass_s(100);
    world.core.tick().await.unwrap();
    assert_eq!(world.core.log_entries(news).len(), before + 2, "no more than there is to say");
    // What waits when the post is deleted comes to nothing.
    world.vote(bob, peer, asked.id, &[]).await.unwrap();
    let core = world.core.clone();
    core.delete_in_channel(ada.actor(), ada.id, news, vec![asked.id]).await.unwrap();
    world.pass_s(10);
    core.tick().await.unwrap();
    assert_eq!(core.log_entries(news).len(), before + 3, "the deletion");
}
