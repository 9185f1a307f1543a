//! A channel gets another home: by its present one, or by whoever holds its recovery key.

use glog::body::{Action, ControlBody, MoveHome, Recover};
use glog::cbor::List;
use glog::{Entry, EntryId, Generation, GroupId, Node16, NodeId, UserRef};
use keys::NodeIdentity;
use node_store::Keyspace;

use super::Federated;
use super::groups::members_but;
use crate::channels::CONSENT;
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{ChannelId, UserId};
use crate::{Core, CoreError, CoreResult};

/// What the next home of a group is asked to agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HomeOffer {
    /// The group.
    pub group: GroupId,
    /// Under whom the last entry of the term would be written.
    pub generation: Generation,
    /// The entry before that one.
    pub prev: EntryId,
}

fn consent_key(channel: ChannelId) -> Vec<u8> {
    [&channel.bytes()[..], &[CONSENT]].concat()
}

impl Core {
    /// A channel by what an operator calls it: its public name here, or the beginning of its name in
    /// logs.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], also where more than one is called so.
    pub fn channel_called(&self, name: &str) -> CoreResult<ChannelId> {
        let name = name.trim_start_matches('@');
        if let Some(channel) = self.channel_by_username(name) {
            return Ok(channel);
        }
        let shared = self.known_groups();
        let mut found =
            shared.iter().filter(|one| name.len() >= 8 && one.group.to_string().starts_with(name));
        let first = found.next().ok_or(CoreError::UnknownChannel)?;
        if found.next().is_some() { Err(CoreError::UnknownChannel) } else { Ok(first.channel) }
    }

    /// This node agrees to become the home of a channel, when its home asks; or no longer.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for one that is this node's already.
    pub async fn consent_to_home(&self, channel: ChannelId, agrees: bool) -> CoreResult<()> {
        self.write(None, move |decide| {
            if !decide.is_away(channel)? {
                return Err(CoreError::UnknownChannel);
            }
            if agrees {
                decide.put_bytes(Keyspace::CHANNELS, &consent_key(channel), vec![1]);
            } else {
                decide.delete(Keyspace::CHANNELS, &consent_key(channel));
            }
            Ok(())
        })
        .await
    }

    /// What the next home has to agree to. A node that does not write in the channel yet is let in
    /// first.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for what is not this node's; [`CoreError::UnknownNode`], also for
    /// one that does not take part in a private group.
    pub async fn offer_home(&self, channel: ChannelId, to: NodeId) -> CoreResult<HomeOffer> {
        self.write(None, move |decide| decide.offer_home(channel, to)).await
    }

    /// The home of a group asks this node to become its home: the serial of the key that agrees, and its
    /// signature.
    ///
    /// # Errors
    /// [`CoreError::AdminRightMissing`] where the operator has not agreed, [`CoreError::NodeUnreachable`]
    /// where the chain is not here as it is there.
    pub async fn accept_home(&self, from: NodeId, offer: HomeOffer) -> CoreResult<(u32, [u8; 64])> {
        self.write(None, move |decide| decide.accept_home(from, offer)).await
    }

    /// Hands a channel over to the node that has agreed.
    ///
    /// # Errors
    /// [`CoreError::ChatNotModified`] where the chain has grown since the offer: it is made again.
    pub async fn move_home(
        &self,
        channel: ChannelId,
        offer: HomeOffer,
        to: NodeId,
        (key_serial, acceptance): (u32, [u8; 64]),
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let head = decide.with_chain(channel, |chain| chain.state().head.1)?;
            if head != offer.prev {
                return Err(CoreError::ChatNotModified);
            }
            let moved = MoveHome { node: to.short(), key_serial, acceptance };
            let body = ControlBody::bare(Action::MoveHome(moved));
            decide.append_control_by(channel, None, body)?;
            decide.follow_chain(channel)
        })
        .await
    }

    /// Makes this node the home of a channel whose home is dead, cheats or was robbed, by the channel's
    /// recovery key. What the chain has here stays.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for one that is not shared, [`CoreError::AdminRightMissing`] where
    /// the key is not the channel's.
    pub async fn recover_channel(
        &self,
        channel: ChannelId,
        recovery: NodeIdentity,
        undo: bool,
    ) -> CoreResult<()> {
        self.write(None, move |decide| decide.recover_channel(channel, &recovery, undo)).await
    }
}

impl Decide<'_> {
    /// From now on others write in a channel of this node.
    pub(super) fn begin_sharing(&mut self, channel: ChannelId) -> CoreResult<()> {
        if self.federated(channel)?.is_some_and(|row| row.shared) {
            return Ok(());
        }
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        let own = self.inner.logs.keys().node();
        let row = Federated {
            group: state.group.0,
            home: state.home.0,
            shared: true,
            public: state.is_public(),
            members: members_but(&state, own),
            applied: state.head.0,
            unheard: Vec::new(),
            left: Vec::new(),
            is_out: false,
        };
        self.put_federated(channel, row)?;
        self.share_log(channel)?;
        self.event(Event::GroupsChanged);
        Ok(())
    }

    /// A channel has got another home: both nodes say so.
    pub(crate) fn tell_move(
        &mut self,
        channel: ChannelId,
        from: NodeId,
        to: Node16,
    ) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let title = self.channel_row(channel)?.title;
        let what = if to == own.short() {
            let from = self.domain_of(from.short())?;
            format!(
                "This node decides about \u{201c}{title}\u{201d} from now on, and no more {from}."
            )
        } else if from == own {
            let to = self.domain_of(to)?;
            format!(
                "{to} decides about \u{201c}{title}\u{201d} from now on, and no more this node."
            )
        } else {
            return Ok(());
        };
        self.tell_recovery(channel, &what, &[])
    }

    /// A channel has got another owner: where that one is on another node, both nodes say so.
    pub(crate) fn tell_transfer(
        &mut self,
        channel: ChannelId,
        from: UserRef,
        to: UserRef,
    ) -> CoreResult<()> {
        let own = self.inner.logs.keys().node().short();
        if from.node == to.node || (from.node != own && to.node != own) {
            return Ok(());
        }
        let title = self.channel_row(channel)?.title;
        let to = if to.node == own { "this node".to_owned() } else { self.domain_of(to.node)? };
        let what = format!("\u{201c}{title}\u{201d} belongs to somebody of {to} from now on.");
        self.tell_recovery(channel, &what, &[from])
    }

    /// Who decides about a channel, or owns it, is on another node from now on: the owner of this node, and
    /// who owns the channel, if here, are told who can still recover it; and so are these.
    fn tell_recovery(&mut self, channel: ChannelId, what: &str, and: &[UserRef]) -> CoreResult<()> {
        let keys = self.inner.logs.keys();
        let (recovery, began, owner) = self.with_chain(channel, |chain| {
            let began = chain.entries().first().map(|entry| entry.header().node);
            (chain.state().recovery, began, chain.state().owner)
        })?;
        let whose = match began {
            _ if recovery == keys.recovery() => "this node".to_owned(),
            Some(node) => self.domain_of(node.short())?,
            None => "the node where it began".to_owned(),
        };
        let title = self.channel_row(channel)?.title;
        let text = format!(
            "{what}\n\nWho has the recovery key of {whose} can still make any node that takes part the \
             home of \u{201c}{title}\u{201d}: `rookery channel recovery-key` prints it there."
        );
        let mut told: Vec<UserId> = self.inner.owner()?.into_iter().collect();
        let own = and.iter().chain([&owner]).filter(|user| user.node == keys.node().short());
        told.extend(own.map(|user| UserId(i64::try_from(user.id).unwrap_or(0))));
        told.sort_unstable();
        told.dedup();
        for user in told {
            if self.user(user)?.is_some_and(|account| !account.deleted) {
                self.service_message(user, text.clone(), Vec::new())?;
            }
        }
        Ok(())
    }

    fn offer_home(&mut self, channel: ChannelId, to: NodeId) -> CoreResult<HomeOffer> {
        let own = self.inner.logs.keys().node();
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        if state.home != own || to == own {
            return Err(CoreError::UnknownChannel);
        }
        // What has not come cannot go on.
        if self.bridge_is_coming(state.group)? {
            return Err(CoreError::Busy);
        }
        self.begin_sharing(channel)?;
        // It agrees to what stands before: nothing may come in between.
        self.show_key_in_chain(channel)?;
        if !state.is_member(to.short()) {
            let cert = self.node_row(to.short())?.ok_or(CoreError::UnknownNode)?.cert()?;
            // Of a private group nothing leaves for a node of which nobody is in it.
            if !state.is_public() {
                return Err(CoreError::UnknownNode);
            }
            self.let_node_in(channel, None, cert)?;
        }
        self.with_chain(channel, |chain| {
            let state = chain.state();
            HomeOffer { group: state.group, generation: state.generation, prev: state.head.1 }
        })
    }

    fn accept_home(&mut self, from: NodeId, offer: HomeOffer) -> CoreResult<(u32, [u8; 64])> {
        let channel = self.channel_of(offer.group)?.ok_or(CoreError::UnknownChannel)?;
        if self.get(Keyspace::CHANNELS, &consent_key(channel))?.is_none() {
            return Err(CoreError::AdminRightMissing);
        }
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        if state.home != from {
            return Err(CoreError::UnknownChannel);
        }
        // It signs for what it holds: else it would go on where it does not know what stands before.
        if (state.head.1, state.generation) != (offer.prev, offer.generation) {
            return Err(CoreError::NodeUnreachable);
        }
        // The newest key that the chain knows agrees: the home writes down a newer one first.
        let keys = self.inner.logs.keys();
        if state.cert(keys.node().short(), keys.cert().body.serial).is_none() {
            return Err(CoreError::NodeUnreachable);
        }
        self.delete(Keyspace::CHANNELS, &consent_key(channel));
        let agreed = MoveHome::agreed_bytes(&offer.group, &offer.generation, &offer.prev);
        Ok((keys.cert().body.serial, keys.operational().sign(&agreed)))
    }

    fn recover_channel(
        &mut self,
        channel: ChannelId,
        recovery: &NodeIdentity,
        undo: bool,
    ) -> CoreResult<()> {
        let keys = self.inner.logs.keys();
        let (own, cert) = (keys.node(), keys.cert().clone());
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        if state.recovery != *recovery.public().as_bytes() {
            return Err(CoreError::AdminRightMissing);
        }
        self.begin_sharing(channel)?;
        // It is read anew where nobody else wrote in it.
        let (seq, id) = self.with_chain(channel, |chain| chain.state().head)?;
        let number = state.generation.recovery.checked_add(1).ok_or(CoreError::BoxFull)?;
        let epoch = if state.is_public() {
            None
        } else {
            Some(self.epoch_of_recover(channel, seq, number)?)
        };
        let recover = Recover {
            keep: id.0,
            cert,
            drop: List::default(),
            certs: List::default(),
            epoch,
            undo,
            owner: None,
            recovery: None,
        };
        let body = ControlBody::bare(Action::Recover(Box::new(recover)));
        let serial = keys.cert().body.serial;
        let rng = &mut *self.rng;
        let entry: Entry = self.inner.logs.with_open(channel, |chain| {
            glog::write_recover(chain, seq, number, (own, serial), &body, recovery, rng)
        })?;
        let bytes = entry.encode();
        match self.receive_entry(channel, entry)? {
            Ok(events) if !events.is_empty() => self.follow_log(channel, &events)?,
            _ => return Err(CoreError::AdminRightMissing),
        }
        self.tell_entry(channel, bytes)
    }
}
