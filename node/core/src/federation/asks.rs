//! What only the home of a group decides, and admins of other nodes want.

use glog::body::{Action, Ask, ControlBody, Evidence};
use glog::cbor::Blob;
use glog::{AskId, ControlRef, GroupId, NodeId, UserRef};

use crate::decide::Decide;
use crate::ids::{Actor, ChannelId, UserId};
use crate::{Core, CoreError, CoreResult};

/// Something that the home of a group is to do, signed by this node.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The node that decides.
    pub home: NodeId,
    /// In which group.
    pub group: GroupId,
    /// The ask, encoded: an [`Evidence`].
    pub evidence: Vec<u8>,
}

impl Core {
    /// Runs a command; what another node has to decide is asked there, and shows here when it has
    /// answered. What is said about it then comes as an update.
    ///
    /// # Errors
    /// Those of the command, [`CoreError::NodeUnreachable`], and what the home refuses.
    pub(crate) async fn write_or_ask<T: Default + Send + 'static>(
        &self,
        actor: Option<Actor>,
        decide: impl FnOnce(&mut Decide<'_>) -> CoreResult<T> + Send + 'static,
    ) -> CoreResult<T> {
        match self.write(actor, decide).await {
            Err(CoreError::AskHome(asked)) => {
                self.network()?.ask(*asked).await?;
                Ok(T::default())
            }
            done => done,
        }
    }

    /// Does what an admin of another node asks of this one, the home; answers where the chain ends then.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::AdminRightMissing`], [`CoreError::ChatNotModified`],
    /// [`CoreError::NotBuilt`] for what cannot be asked.
    pub async fn answer_ask(&self, from: NodeId, evidence: Vec<u8>) -> CoreResult<ControlRef> {
        let evidence: Evidence =
            glog::cbor::decode(&evidence).map_err(|_| CoreError::UnknownChannel)?;
        if evidence.ask.node != from {
            return Err(CoreError::UnknownChannel);
        }
        self.write(None, move |decide| decide.answer_ask(evidence)).await
    }
}

impl Decide<'_> {
    /// The error that says what the home has to be asked.
    pub(crate) fn ask_of(
        &mut self,
        channel: ChannelId,
        by: Option<UserId>,
        action: Action,
    ) -> CoreResult<CoreError> {
        let Some(by) = by else { return Ok(CoreError::AdminRightMissing) };
        let by = self.user_ref(by)?;
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        let (home, group, head) =
            self.with_chain(channel, |chain| (chain.state().home, chain.group(), chain.cite()))?;
        let action = action.as_asked();
        let keys = self.inner.logs.keys();
        let content = Blob::new(action.encode()).map_err(|_| CoreError::TooLarge("ask"))?;
        let ask = Ask {
            group,
            node: keys.node(),
            key_serial: keys.cert().body.serial,
            user: by.id,
            head: head.ok_or(CoreError::NodeUnreachable)?,
            id: AskId(id),
            kind: action.kind(),
            content,
        };
        let evidence = ask.sign(keys.operational(), None);
        let evidence = glog::cbor::encode(&evidence);
        Ok(CoreError::AskHome(Box::new(Asked { home, group, evidence })))
    }

    fn answer_ask(&mut self, evidence: Evidence) -> CoreResult<ControlRef> {
        let ask = &evidence.ask;
        let channel = self.channel_of(ask.group)?.ok_or(CoreError::UnknownChannel)?;
        let own = self.inner.logs.keys().node();
        let (node, serial) = (ask.node.short(), ask.key_serial);
        let (home, key, answered) = self.with_chain(channel, |chain| {
            let key = chain.state().cert(node, serial).map(glog::NodeCert::op);
            let same = |entry: &&glog::control::ControlEntry| {
                entry.evidence().is_some_and(|known| known.ask.id == ask.id)
            };
            (chain.state().home, key, chain.entries().iter().rev().find(same).is_some())
        })?;
        if home != own {
            return Err(CoreError::UnknownChannel);
        }
        let key = key.ok_or(CoreError::UnknownChannel)?;
        evidence.verify(&key).map_err(|_| CoreError::UnknownChannel)?;
        // Asked again, since the answer was lost.
        if !answered {
            let action = ask.action().map_err(|_| CoreError::NotBuilt)?;
            // Those need a key, a certificate or an agreement that an ask does not carry.
            if matches!(action, Action::Genesis(_) | Action::Recover(_) | Action::MoveHome(_)) {
                return Err(CoreError::NotBuilt);
            }
            let by = UserRef { node, id: ask.user };
            self.log_reactions(channel)?;
            let bare = ControlBody::answering(action.clone(), evidence.clone());
            match self.append_control_by(channel, Some(by), bare) {
                Err(CoreError::CutMissing) => {
                    let action = action.with_cut(self.cut_here(channel)?);
                    let body = ControlBody::answering(action, evidence);
                    self.append_control_by(channel, Some(by), body)?;
                }
                done => done?,
            }
            self.follow_chain(channel)?;
        }
        let head = self.with_chain(channel, glog::control::Chain::cite)?;
        head.ok_or(CoreError::UnknownChannel)
    }
}
