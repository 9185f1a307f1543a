//! A home that tells its chain in two ways.

use super::federation::{Two, fetch};
use super::world::{World, recovery_key};
use crate::*;

impl World {
    async fn titled(&self, two: &Two, title: &str) {
        let (ada, channel) = (two.ada, two.channel);
        self.core.edit_channel_title(ada.actor(), ada.id, channel, title).await.unwrap();
    }
}

impl Two {
    /// The title on the other node, after that got what a node has.
    async fn title_after(&self, from: &Core) -> String {
        fetch(from, &self.far.core, self.group).await;
        self.far.core.channel(self.there).unwrap().title.clone()
    }
}

/// The data directory of a home is copied back as files, so that it does not know what it has written.
#[tokio::test]
async fn a_chain_that_is_told_in_two_ways_is_known_as_such_until_it_is_recovered() {
    for broadcast in [false, true] {
        let mut two = Two::new(broadcast).await;
        two.join(two.eve).await;
        let copied = two.home.disk.backup();
        two.home.titled(&two, "Left").await;
        assert_eq!(two.title_after(&two.home.core).await, "Left");
        assert_eq!(two.far.core.dispute(two.there).unwrap(), None);
        let twin = World::on_crashed(&two.home, copied);
        twin.titled(&two, "Right").await;
        twin.titled(&two, "Further right").await;
        assert_eq!(two.title_after(&twin.core).await, "Left");
        let seq = two.home.core.log_heads(two.group).await.unwrap().unwrap().control.seq;
        let author = two.home.core.node();
        let since = two.far.core.now();
        let dispute = Some(Dispute { seq, author, since });
        assert_eq!(two.far.core.dispute(two.there).unwrap(), dispute);
        // Nothing more is taken of either, and both go on being said, over a restart too.
        for restarted in [false, true] {
            if restarted {
                two.far = two.far.reopen();
            }
            two.home.pass_s(60);
            two.home.titled(&two, if restarted { "Left of it" } else { "On the left" }).await;
            assert_eq!(two.title_after(&two.home.core).await, "Left", "{restarted}");
            assert_eq!(two.far.core.dispute(two.there).unwrap(), dispute);
        }
        // A home that hears of it decides nothing any more, and says so.
        let (ada, channel) = (two.ada, two.channel);
        if !broadcast {
            fetch(&two.far.core, &twin.core, two.group).await;
            let told = twin.core.dispute(channel).unwrap().map(|found| found.author);
            assert_eq!(told, Some(author));
            let refused = twin.core.edit_channel_title(ada.actor(), ada.id, channel, "Mine").await;
            assert!(matches!(refused, Err(CoreError::NodeUnreachable)), "{refused:?}");
        }
        // Whoever holds the key ends it.
        two.home.core.recover_channel(channel, recovery_key(0), false).await.unwrap();
        two.home.titled(&two, "Recovered").await;
        assert_eq!(two.title_after(&two.home.core).await, "Recovered");
        assert_eq!(two.far.core.dispute(two.there).unwrap(), None);
        two.far = two.far.reopen();
        assert_eq!(two.far.core.dispute(two.there).unwrap(), None);
        two.home.titled(&two, "And on").await;
        assert_eq!(two.title_after(&two.home.core).await, "And on");
    }
}
