//! A channel and a group are linked where other nodes decide about one of them, or about both.
//!
//! Each log is written by its own home, so the two do not change as one. A link counts where both name
//! the other's group: until the second one does, nothing has changed for anybody. Homes that have to be
//! asked come first; where one does not do it, those before it are asked to say again what they said.
//!
//! What a log names may be on another node than its home, and nothing says on which: those are tried that
//! may have it, who has linked the two first. The node of the group's owner, which copies the posts, has
//! the channel brought when the group names it.

use glog::body::{Action as LogAction, Info, Setting};
use glog::control::{Chain, ControlEntry, Verdict};
use glog::{EntryRef, GroupId, NodeId};

use super::Channel;
use super::copies::named;
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{Actor, ChannelId, UserId};
use crate::{Core, CoreError, CoreResult};

/// Nodes that are asked for what a log names.
const ASKED_MAX: usize = 8;

/// What one log is to say of its link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    channel: ChannelId,
    to: Option<[u8; 32]>,
    before: Option<[u8; 32]>,
    /// Without it there is no link, or an old one stays.
    needed: bool,
}

/// The entry of a chain that says with what it is linked.
fn linked_entry(chain: &Chain) -> Option<&ControlEntry> {
    let is_link = |entry: &ControlEntry| matches!(entry.action(), Some(LogAction::Info(info)) if matches!(info.setting, Setting::Linked(_)));
    let all = chain.entries().iter().zip(chain.verdicts()).rev();
    let mut links = all.filter(|(entry, verdict)| **verdict == Verdict::Applied && is_link(entry));
    links.next().map(|(entry, _)| entry)
}

impl Core {
    /// Has each log say what it is to say; all of those that are needed, or none.
    pub(super) async fn link_far(
        &self,
        actor: Actor,
        user: UserId,
        steps: Vec<Step>,
    ) -> CoreResult<()> {
        let mut done = Vec::new();
        for step in steps {
            let Step { channel, to, before, needed } = step;
            match self.say_linked(actor, user, channel, to).await {
                Ok(()) => done.push((channel, before)),
                Err(CoreError::ChatNotModified) => {}
                Err(cause) if needed => {
                    for (channel, before) in done.into_iter().rev() {
                        // What is named by one alone does not count, if it stays.
                        let _ = self.say_linked(actor, user, channel, before).await;
                    }
                    return Err(cause);
                }
                // It says so still, and the other one does not: that is no link.
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn say_linked(
        &self,
        actor: Actor,
        user: UserId,
        channel: ChannelId,
        to: Option<[u8; 32]>,
    ) -> CoreResult<()> {
        self.write_or_ask(Some(actor), move |decide| {
            let setting = Setting::Linked(to);
            let action = LogAction::Info(Info { setting, cut: None, epoch: None });
            decide.write_control(channel, Some(user), action)?;
            decide.show_link(channel)
        })
        .await
    }
}

impl Decide<'_> {
    /// What has to be said where; `None` where this node decides about all that is concerned.
    pub(super) fn plan_link(
        &mut self,
        user: UserId,
        channel: Option<ChannelId>,
        group: Option<ChannelId>,
    ) -> CoreResult<Option<Vec<Step>>> {
        let (channel, group) = self.may_link(user, channel, group)?;
        let (mut needed, mut beside) = (Vec::new(), Vec::new());
        match (&channel, &group) {
            (Some(channel), Some(group)) => {
                let names = (self.name_of_log(channel.id)?, self.name_of_log(group.id)?);
                needed.push((channel.id, Some(names.1)));
                needed.push((group.id, Some(names.0)));
                beside.extend([channel.linked, group.linked]);
            }
            (Some(one), None) | (None, Some(one)) => {
                needed.push((one.id, None));
                beside.push(one.linked);
            }
            (None, None) => return Err(CoreError::UnknownChannel),
        }
        let mut formers = Vec::new();
        for former in beside.into_iter().flatten() {
            if self.is_here(former)? {
                formers.push((former, None));
            }
        }
        let mut far = false;
        for (id, _) in needed.iter().chain(&formers) {
            far |= self.is_away(*id)?;
        }
        if !far {
            return Ok(None);
        }
        if let (Some(channel), Some(group)) = (&channel, &group)
            && !self.can_be_copied(channel, group)?
        {
            return Err(CoreError::DiscussionUnallowed);
        }
        let mut steps = Vec::new();
        let all = needed.into_iter().map(|of| (of, true));
        for ((channel, to), needed) in all.chain(formers.into_iter().map(|of| (of, false))) {
            let before = self.with_chain(channel, named)?;
            let away = self.is_away(channel)?;
            steps.push((!needed, !away, Step { channel, to, before, needed }));
        }
        // What is needed before what is not, and what another node may refuse before what this one does.
        steps.sort_by_key(|(beside, own, _)| (*beside, *own));
        Ok(Some(steps.into_iter().map(|(.., step)| step).collect()))
    }

    /// Whether the node of a group's owner, which copies what a channel posts, may read the channel.
    fn can_be_copied(&mut self, channel: &Channel, group: &Channel) -> CoreResult<bool> {
        let copies = self.with_chain(group.id, |chain| chain.state().owner.node)?;
        self.with_chain(channel.id, |chain| {
            chain.state().is_public() || chain.state().is_member(copies)
        })
    }

    /// Nodes that may have what a log names as linked: that of who said so first, and its home.
    pub(super) fn may_have_linked(&mut self, channel: ChannelId) -> CoreResult<Vec<NodeId>> {
        let own = self.inner.logs.keys().node();
        let (by, known) = self.with_chain(channel, |chain| {
            let by = linked_entry(chain).and_then(ControlEntry::user);
            let members = chain.state().members().map(|node| node.id);
            (by, [chain.state().home].into_iter().chain(members).collect::<Vec<_>>())
        })?;
        let by = by.map(|by| self.node_named(by.node)).transpose()?.flatten();
        let mut nodes = Vec::new();
        for node in by.into_iter().chain(known).filter(|node| *node != own) {
            if nodes.len() < ASKED_MAX && !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    /// A group names a channel that is not here: it is brought where this node is to copy its posts.
    pub(super) fn want_discussed(&mut self, group: ChannelId) -> CoreResult<()> {
        let found = self.channel_row(group)?;
        if found.broadcast || found.deleted {
            return Ok(());
        }
        let Some(name) = self.with_chain(group, named)?.map(GroupId) else { return Ok(()) };
        let known = self.channel_of(name)?;
        if known.map(|known| self.is_here(known)).transpose()? == Some(true)
            || !self.vouches_for_copies(group)?
        {
            return Ok(());
        }
        let from = self.may_have_linked(group)?;
        self.event(Event::Wanted { group: name, from });
        Ok(())
    }

    /// Whether a post was made since its channel is linked: what was there before is not discussed.
    pub(super) fn is_since_link(&mut self, channel: ChannelId, at: &EntryRef) -> CoreResult<bool> {
        let since = self.with_chain(channel, |chain| linked_entry(chain).map(ControlEntry::seq))?;
        let position =
            self.with_shared(channel, |shared| shared.replica.lanes().position(at))?.flatten();
        Ok(since.zip(position).is_some_and(|(since, position)| position >= since))
    }
}
