//! What is shown of what people on other nodes that only read have done.

use glog::body::Sums;
use glog::{EntryRef, Node16, NodeId};
use node_store::Keyspace;

use super::{OWN, Totals, of_target};
use crate::CoreResult;
use crate::channels::is_known;
use crate::decide::Decide;
use crate::ids::ChannelId;

impl Decide<'_> {
    /// What was done with a message elsewhere, as far as no entry of its own says it.
    pub(crate) fn far_sums(&self, channel: ChannelId, target: &EntryRef) -> CoreResult<Totals> {
        let own = self.inner.logs.keys().node();
        match self.federated(channel)?.filter(|row| row.home != own.0) {
            Some(row) => {
                let known = self.own_sums(channel, target, NodeId(row.home).short())?;
                Ok(known.said.minus(&known.counted))
            }
            None => self.sum_of(channel, target),
        }
    }

    /// Shows what was done with a message elsewhere.
    pub(crate) fn show_sums(&mut self, channel: ChannelId, target: &EntryRef) -> CoreResult<()> {
        let Some(id) = self.message_of_entry(channel, target)? else { return Ok(()) };
        let message = self.message(channel, id)?.filter(|message| message.action.is_none());
        let Some(message) = message else { return Ok(()) };
        let far = self.far_sums(channel, target)?;
        self.show_far_views(channel, id, far.views)?;
        self.show_far_counts(channel, id, &message, &far.reactions)?;
        self.show_far_votes(channel, id, target)
    }

    /// The home has said what readers have told it of a message, in an entry of its lane.
    pub(crate) fn follow_sums(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
        sums: &Sums,
    ) -> CoreResult<()> {
        let Some(home) = self.home_elsewhere(channel)? else { return Ok(()) };
        let mut known = self.own_sums(channel, &sums.target, home)?;
        let counts = self.with_shared(channel, |shared| shared.replica.lanes().counts(at))?;
        if at.node == home && counts == Some(true) {
            known.count(&sums.marks);
        }
        let said = self.with_shared(channel, |shared| {
            let (lanes, chain) = (shared.replica.lanes(), shared.replica.chain());
            lanes.message(chain, &sums.target).and_then(|message| message.sums)
        })?;
        known.said = self.sums_read(home, said.flatten().as_ref())?;
        self.put(Keyspace::NODES, &of_target(OWN, channel, &sums.target), &known)?;
        self.show_sums(channel, &sums.target)
    }

    /// A message is shown, of which the home may have said something before.
    pub(crate) fn take_up_sums(
        &mut self,
        channel: ChannelId,
        target: &EntryRef,
        said: Option<&Sums>,
    ) -> CoreResult<()> {
        let Some(home) = self.home_elsewhere(channel)? else {
            return self.show_sums(channel, target);
        };
        let Some(said) = said else { return Ok(()) };
        let mut known = self.own_sums(channel, target, home)?;
        known.said = self.sums_read(home, Some(said))?;
        self.put(Keyspace::NODES, &of_target(OWN, channel, target), &known)?;
        self.show_sums(channel, target)?;
        // What was from here when it was shown before is in the sum, and not here any more.
        match self.message_of_entry(channel, target)? {
            Some(id) => self.bring_later(channel, id),
            None => Ok(()),
        }
    }

    pub(super) fn home_elsewhere(&self, channel: ChannelId) -> CoreResult<Option<Node16>> {
        let own = self.inner.logs.keys().node();
        let row = self.federated(channel)?.filter(|row| row.home != own.0);
        Ok(row.map(|row| NodeId(row.home).short()))
    }

    /// What the home says, in words of this node.
    fn sums_read(&mut self, home: Node16, said: Option<&Sums>) -> CoreResult<Totals> {
        let Some(said) = said else { return Ok(Totals::default()) };
        let mut totals = Totals { voters: said.voters, views: said.views, ..Totals::default() };
        totals.votes = said.votes.iter().copied().collect();
        for (text, count) in said.reactions.iter() {
            let reaction = self.reaction_named(home, text.to_string())?;
            if let Some(reaction) = reaction.filter(is_known) {
                totals.reactions.insert(reaction, *count);
            }
        }
        Ok(totals.tidy())
    }
}
