//! For how long channels of other nodes are followed: while somebody here is in them, or looks at them.
//!
//! A channel of another node comes here because somebody wants it. It is let go when nobody here is in
//! it and nobody has looked at it for a while ([`crate::Setup::follow_s`]): what is here stays, and this
//! node asks for no more. Whoever looks again has it followed again, and what was missed is fetched. A
//! group in which a channel is discussed stays as long as that channel does, and a channel as long as this
//! node copies its posts into such a group. Where this node writes, the
//! home lets it go first: it would wait for this node otherwise, when its backup is restored.
//!
//! Of a private group nothing is decided here: the home lets this node go with the last of its people.
//!
//! Keyspace `CHANNELS`, kind 19: a [`Hold`].

use std::collections::{BTreeMap, BTreeSet};

use glog::{EntryRef, GroupId, NodeId};
use node_store::{Keyspace, Store};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::channels::HELD;
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::ChannelId;
use crate::record::Record;
use crate::timers::{Kind, at};
use crate::{Core, CoreError, CoreResult};

/// A look is written down so many times in the span that it counts for, at most.
const NOTED_IN_SPAN: i32 = 28;

/// Whether a channel of another node is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Followed {
    /// It is.
    Yes,
    /// Nobody here wants it, and its home is to let this node go.
    Leaving,
    /// No longer.
    No,
}

/// How a channel of another node is held here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hold {
    /// When somebody looked last, or left, in unix seconds.
    looked: i32,
    /// When it is asked again whether somebody wants it, in unix seconds; 0: when somebody leaves.
    due: i32,
    followed: Followed,
}

impl Record for Hold {
    const VERSION: u8 = 1;
    const NAME: &'static str = "hold of a channel";
}

fn hold_key(channel: ChannelId) -> Vec<u8> {
    [&channel.bytes()[..], &[HELD]].concat()
}

/// All of them, in memory.
#[derive(Debug, Default)]
pub(crate) struct Holds(RwLock<BTreeMap<ChannelId, Hold>>);

impl Holds {
    pub(super) fn load(&self, store: &dyn Store, channel: ChannelId) -> CoreResult<()> {
        if let Some(row) = store.get(Keyspace::CHANNELS, &hold_key(channel))? {
            self.0.write().insert(channel, Hold::decode(&row)?);
        }
        Ok(())
    }

    fn of(&self, channel: ChannelId) -> Option<Hold> {
        self.0.read().get(&channel).copied()
    }

    fn all(&self, followed: Followed) -> BTreeSet<ChannelId> {
        let holds = self.0.read();
        let such = holds.iter().filter(|(_, hold)| hold.followed == followed);
        such.map(|(channel, _)| *channel).collect()
    }

    /// Channels that are followed no longer.
    pub(super) fn resting(&self) -> BTreeSet<ChannelId> {
        self.all(Followed::No)
    }
}

impl Core {
    /// Somebody here looks at a channel: it is followed for some time more. One that was let go is
    /// followed again; that is not waited for.
    pub(crate) async fn look_at(&self, channel: ChannelId) {
        let Some(hold) = self.inner.groups.holds.of(channel) else { return };
        let noted = self.inner.follow_s / NOTED_IN_SPAN;
        let is_new = self.now().saturating_sub(hold.looked) >= noted;
        if hold.followed == Followed::Yes && !is_new {
            return;
        }
        // One reads also what cannot be written down: the disk may be full.
        if let Err(cause) = self.write(None, move |decide| decide.hold(channel)).await {
            tracing::debug!(%cause, "a look is not noted");
        }
    }

    /// The same for who opens a channel: where it was let go, what was missed is waited for, as far as
    /// its home can be reached.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn open_again(&self, channel: ChannelId) -> CoreResult<()> {
        let hold = self.inner.groups.holds.of(channel);
        let rested = hold.is_some_and(|hold| hold.followed == Followed::No);
        self.look_at(channel).await;
        let Some(sharing) = self.sharing(channel).filter(|_| rested) else { return Ok(()) };
        if let Ok(network) = self.network() {
            // What is here is shown while the home is away.
            let _ = network.follow(sharing.home, sharing.group).await;
        }
        Ok(())
    }

    /// Brings what is wanted here, from the first of these nodes that has it.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] where none of them has it, or shows it to this node;
    /// [`CoreError::NodeUnreachable`] where none can be asked.
    pub async fn bring_wanted(&self, group: GroupId, from: &[NodeId]) -> CoreResult<()> {
        let network = self.network()?;
        let mut failed = CoreError::NodeUnreachable;
        for node in from {
            if self.channel_of_group(group)?.is_none() {
                self.expect_group(group);
            }
            match network.follow(*node, group).await {
                Ok(()) if self.channel_of_group(group)?.is_some() => return Ok(()),
                // It has begun to give it, and not come far.
                Ok(()) | Err(CoreError::NodeUnreachable) => {}
                Err(cause) => failed = cause,
            }
        }
        Err(failed)
    }

    /// Groups of a node in which nobody here is any more, and which it is to let this node out of.
    #[must_use]
    pub fn groups_to_leave(&self, home: NodeId) -> Vec<GroupId> {
        let leaving = self.inner.groups.holds.all(Followed::Leaving).into_iter();
        let shared = leaving.filter_map(|channel| self.sharing(channel));
        shared.filter(|shared| shared.home == home).map(|shared| shared.group).collect()
    }

    /// What this node has written last in a group.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn own_end(&self, group: GroupId) -> CoreResult<Option<EntryRef>> {
        let own = self.node().short();
        let lanes = self.log_heads(group).await?.map(|heads| heads.lanes).unwrap_or_default();
        Ok(lanes.into_iter().filter(|head| head.node == own).max_by_key(|head| head.inc))
    }

    /// The home of a group has answered whether it lets this node go: `false` where somebody of this
    /// node is still in it, as far as it knows.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn was_let_go(&self, group: GroupId, is_out: bool) -> CoreResult<()> {
        self.write(None, move |decide| decide.was_let_go(group, is_out)).await
    }

    /// Lets a node go that says that nobody of it is in a group of this one any more. `end` is the last
    /// entry that it has written there.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::ChatNotModified`] for a node that does not write
    /// there, [`CoreError::AdminRightMissing`] where somebody of it is in it, [`CoreError::Flood`] where
    /// not all that it has written is here yet, [`CoreError::NodeUnreachable`].
    pub async fn let_node_go(
        &self,
        from: NodeId,
        group: GroupId,
        end: Option<EntryRef>,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let channel = decide.channel_of(group)?.ok_or(CoreError::UnknownChannel)?;
            decide.let_go_who_asks(channel, from.short(), end)
        })
        .await
    }

    /// Makes channels of earlier versions be looked at, as if somebody had looked now.
    pub(crate) async fn begin_holds(&self) -> CoreResult<()> {
        let channels = self.inner.groups.channels().into_iter();
        let unheld = channels.filter(|channel| self.inner.groups.holds.of(*channel).is_none());
        for channel in unheld.collect::<Vec<_>>() {
            self.write(None, move |decide| decide.hold(channel)).await?;
        }
        Ok(())
    }
}

impl Decide<'_> {
    fn hold_of(&self, channel: ChannelId) -> CoreResult<Option<Hold>> {
        self.load(Keyspace::CHANNELS, &hold_key(channel))
    }

    fn put_hold(&mut self, channel: ChannelId, hold: Hold) -> CoreResult<()> {
        self.put(Keyspace::CHANNELS, &hold_key(channel), &hold)?;
        self.after(move |inner| {
            inner.groups.holds.0.write().insert(channel, hold);
        });
        Ok(())
    }

    /// Somebody here looks at a channel, comes into it or leaves it. Nothing where it is this node's.
    pub(crate) fn hold(&mut self, channel: ChannelId) -> CoreResult<()> {
        if !self.is_away(channel)? {
            return Ok(());
        }
        let before = self.hold_of(channel)?;
        let now = self.now();
        let due = match before.map_or(0, |hold| hold.due) {
            0 => self.ask_again_at(channel, now.saturating_add(self.inner.follow_s)),
            due => due,
        };
        self.put_hold(channel, Hold { looked: now, due, followed: Followed::Yes })?;
        if before.is_some_and(|hold| hold.followed == Followed::No) {
            let row = self.federated(channel)?.ok_or(CoreError::UnknownChannel)?;
            let from = [row.home].into_iter().chain(row.members).map(NodeId).collect();
            self.event(Event::GroupsChanged);
            self.event(Event::Wanted { group: GroupId(row.group), from });
        }
        Ok(())
    }

    fn ask_again_at(&mut self, channel: ChannelId, due: i32) -> i32 {
        self.set_timer(&at(Kind::LetGo, due, channel, &[]), Vec::new());
        due
    }

    /// It is time to ask whether somebody here wants a channel still.
    pub(crate) fn fire_let_go(&mut self, channel: ChannelId, due: Option<u32>) -> CoreResult<()> {
        let Some(hold) = self.hold_of(channel)? else { return Ok(()) };
        let Some(row) = self.federated(channel)? else { return Ok(()) };
        // Another one was set since.
        if u32::try_from(hold.due).ok() != due {
            return Ok(());
        }
        let is_wanted = self.is_anybody_here(channel)?;
        // The home of a private one decides, and its own it keeps.
        if is_wanted || !row.public || !self.is_away(channel)? || hold.followed == Followed::No {
            let followed = if is_wanted { Followed::Yes } else { hold.followed };
            return self.put_hold(channel, Hold { due: 0, followed, ..hold });
        }
        let (now, span) = (self.now(), self.inner.follow_s);
        let until = hold.looked.saturating_add(span);
        if until > now || self.is_needed(channel)? {
            let due = if until > now { until } else { now.saturating_add(span) };
            let due = self.ask_again_at(channel, due);
            return self.put_hold(channel, Hold { due, ..hold });
        }
        let own = self.inner.logs.keys().node().short();
        if self.with_chain(channel, |chain| chain.state().is_member(own))? {
            let due = self.ask_again_at(channel, now.saturating_add(span));
            return self.put_hold(channel, Hold { due, followed: Followed::Leaving, ..hold });
        }
        self.rest(channel, hold)
    }

    /// A channel is followed no longer.
    fn rest(&mut self, channel: ChannelId, hold: Hold) -> CoreResult<()> {
        self.put_hold(channel, Hold { due: 0, followed: Followed::No, ..hold })?;
        self.event(Event::GroupsChanged);
        Ok(())
    }

    fn was_let_go(&mut self, group: GroupId, is_out: bool) -> CoreResult<()> {
        let Some(channel) = self.channel_of(group)? else { return Ok(()) };
        // Somebody may have looked at it meanwhile.
        let hold = self.hold_of(channel)?.filter(|hold| hold.followed == Followed::Leaving);
        let Some(hold) = hold else { return Ok(()) };
        if !is_out {
            return self.put_hold(channel, Hold { followed: Followed::Yes, ..hold });
        }
        let own = self.inner.logs.keys().node().short();
        match self.with_chain(channel, |chain| chain.state().is_member(own))? {
            // The entry that says so is on its way.
            true => Ok(()),
            false => self.rest(channel, hold),
        }
    }

    /// Whether somebody of this node is in a channel.
    fn is_anybody_here(&self, channel: ChannelId) -> CoreResult<bool> {
        let members = self.members_seen(channel)?;
        Ok(members.into_iter().any(|user| !super::is_remote(user)))
    }

    /// Whether something else that is here needs a channel: of a group, the channel that is discussed in
    /// it; of a channel, the group into which this node copies its posts.
    fn is_needed(&mut self, channel: ChannelId) -> CoreResult<bool> {
        let found = self.channel_row(channel)?;
        if let Some(group) = found.linked.filter(|_| found.broadcast) {
            return Ok(self.is_here(group)? && self.vouches_for_copies(group)?);
        }
        let Some(channel) = self.channel_discussed(&found)? else { return Ok(false) };
        let hold = self.hold_of(channel)?;
        Ok(hold.is_none_or(|hold| hold.followed == Followed::Yes))
    }
}

#[cfg(test)]
impl Core {
    /// As a version without holds has left it.
    pub(crate) async fn forget_hold(&self, channel: ChannelId) {
        let write = self.write(None, move |decide| {
            if let Some(hold) = decide.hold_of(channel)? {
                let key = at(Kind::LetGo, hold.due, channel, &[]);
                decide.delete(Keyspace::TIMERS, &key);
            }
            decide.delete(Keyspace::CHANNELS, &hold_key(channel));
            Ok(())
        });
        write.await.unwrap();
    }
}
