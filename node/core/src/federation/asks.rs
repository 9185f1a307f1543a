//! What only the home of a group decides, and admins of other nodes want.

use glog::body::{Action, Ask, ControlBody, Evidence};
use glog::cbor::Blob;
use glog::{AskId, ControlRef, GroupId, NodeId, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::WAITING_ASK;
use crate::channels::VEILED;

use crate::decide::{Decide, scan_prefix};
use crate::event::{Event, Own};
use crate::ids::{Actor, ChannelId, UserId};
use crate::record::Record;
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
    /// In which channel here.
    channel: ChannelId,
    /// Its name: the same however often it is asked.
    id: [u8; 16],
    /// Who wants it.
    by: UserId,
    /// Whom it bans: hidden here until the home has decided.
    bans: Option<UserRef>,
}

/// A ban that the home of a channel has not heard of yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WaitingAsk {
    home: [u8; 32],
    group: [u8; 32],
    evidence: Vec<u8>,
    bans: ([u8; 16], u64),
}

impl Record for WaitingAsk {
    const VERSION: u8 = 1;
    const NAME: &'static str = "ask that waits";
}

/// Asks that wait. Beyond, the admin tries again.
const WAITING_MAX: usize = 1000;

fn waiting_key(channel: ChannelId, id: &[u8; 16]) -> Vec<u8> {
    [&[WAITING_ASK][..], &channel.bytes(), id].concat()
}

fn veil_key(channel: ChannelId, user: UserRef) -> Vec<u8> {
    [&channel.bytes()[..], &[VEILED], &user.node.0, &user.id.to_be_bytes()].concat()
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
                let again = (*asked).clone();
                let answered = match self.network() {
                    Ok(network) => network.ask(*asked).await,
                    Err(cause) => Err(cause),
                };
                if matches!(answered, Err(CoreError::NodeUnreachable)) {
                    let (channel, bans) = (again.channel, again.bans.is_some());
                    let change = Own::HomeAway { channel, bans };
                    let away = Event::Own { owner: again.by, change, actor: None };
                    self.write(None, move |decide| {
                        decide.veil(&again)?;
                        decide.event(away);
                        Ok(())
                    })
                    .await?;
                }
                answered.map(|()| T::default())
            }
            done => done,
        }
    }

    /// Asks again what homes that could not be reached have not decided: bans, which hide somebody here
    /// until then.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ask_again(&self) -> CoreResult<()> {
        let network = self.network()?;
        let prefix = [WAITING_ASK];
        for (key, row) in scan_prefix(&*self.inner.store, Keyspace::NODES, &prefix, WAITING_MAX)? {
            let waiting = WaitingAsk::decode(&row)?;
            let place = key.get(1..9).and_then(|id| id.try_into().ok());
            let id = key.last_chunk::<16>().copied();
            let (Some(place), Some(id)) = (place, id) else {
                return Err(CoreError::Damaged(WaitingAsk::NAME));
            };
            let channel = ChannelId(i64::from_be_bytes(place));
            let bans = UserRef { node: glog::Node16(waiting.bans.0), id: waiting.bans.1 };
            let asked = Asked {
                home: NodeId(waiting.home),
                group: GroupId(waiting.group),
                evidence: self.signed_now(waiting.evidence),
                channel,
                id,
                by: UserId(0),
                bans: Some(bans),
            };
            // Done, or refused for good: what the chain says counts from now on.
            if !matches!(network.ask(asked).await, Err(CoreError::NodeUnreachable)) {
                self.write(None, move |decide| decide.unveil(channel, &id, bans)).await?;
            }
        }
        Ok(())
    }

    /// An ask under the key of now: only the newest one of a node speaks for it.
    fn signed_now(&self, evidence: Vec<u8>) -> Vec<u8> {
        let keys = self.inner.logs.keys();
        let serial = keys.cert().body.serial;
        match glog::cbor::decode::<Evidence>(&evidence) {
            Ok(before) if before.ask.key_serial != serial => {
                let ask = Ask { key_serial: serial, ..before.ask };
                let again = ask.sign(keys.operational(), Some(keys.cert().clone()));
                glog::cbor::encode(&again)
            }
            _ => evidence,
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
        let Some(asker) = by else { return Ok(CoreError::AdminRightMissing) };
        let by = self.user_ref(asker)?;
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        let keys = self.inner.logs.keys();
        let (own, serial) = (keys.node().short(), keys.cert().body.serial);
        let (home, group, head, known) = self.with_chain(channel, |chain| {
            let state = chain.state();
            (state.home, chain.group(), chain.cite(), state.cert(own, serial).is_some())
        })?;
        let action = action.as_asked();
        let bans = match &action {
            Action::Ban(ban) => Some(ban.user),
            _ => None,
        };
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
        let cert = (!known).then(|| keys.cert().clone());
        let evidence = ask.sign(keys.operational(), cert);
        let evidence = glog::cbor::encode(&evidence);
        let asked = Asked { home, group, evidence, channel, id, by: asker, bans };
        Ok(CoreError::AskHome(Box::new(asked)))
    }

    /// Hides what somebody writes from now on, until the home has decided about a ban.
    fn veil(&mut self, asked: &Asked) -> CoreResult<()> {
        let Some(user) = asked.bans else { return Ok(()) };
        if self.scan_prefix(Keyspace::NODES, &[WAITING_ASK], WAITING_MAX)?.len() == WAITING_MAX {
            return Ok(());
        }
        let waiting = WaitingAsk {
            home: asked.home.0,
            group: asked.group.0,
            evidence: asked.evidence.clone(),
            bans: (user.node.0, user.id),
        };
        self.put(Keyspace::NODES, &waiting_key(asked.channel, &asked.id), &waiting)?;
        self.put_bytes(Keyspace::CHANNELS, &veil_key(asked.channel, user), asked.id.to_vec());
        Ok(())
    }

    /// The home has decided: what was hidden is as the log says.
    fn unveil(&mut self, channel: ChannelId, id: &[u8; 16], user: UserRef) -> CoreResult<()> {
        self.delete(Keyspace::NODES, &waiting_key(channel, id));
        let key = veil_key(channel, user);
        // Somebody else may have asked the same.
        if self.get(Keyspace::CHANNELS, &key)?.is_none_or(|row| row != id) {
            return Ok(());
        }
        self.delete(Keyspace::CHANNELS, &key);
        self.show_all_of(channel, user)
    }

    /// Whether what somebody writes is hidden here until the home has decided.
    pub(crate) fn is_veiled(&self, channel: ChannelId, user: UserRef) -> CoreResult<bool> {
        Ok(self.get(Keyspace::CHANNELS, &veil_key(channel, user))?.is_some())
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
        // A key that the chain does not know yet comes along.
        let brought = evidence.cert.as_ref().filter(|cert| {
            let fits = cert.node() == ask.node && cert.body.serial == serial;
            fits && cert.verify().is_ok()
        });
        let key = key.or(brought.map(glog::NodeCert::op)).ok_or(CoreError::UnknownChannel)?;
        evidence.verify(&key).map_err(|_| CoreError::UnknownChannel)?;
        // Asked again, since the answer was lost.
        if !answered {
            let action = ask.action().map_err(|_| CoreError::NotBuilt)?;
            // Those need a key, a certificate or an agreement that an ask does not carry.
            if matches!(action, Action::Genesis(_) | Action::Recover(_) | Action::MoveHome(_)) {
                return Err(CoreError::NotBuilt);
            }
            // Whom the operator here wants nothing of is not brought in by the way.
            if let Action::AddNode(add) = &action
                && self.node_row(add.cert.node().short())?.is_some_and(|row| row.blocked)
            {
                return Err(CoreError::AdminRightMissing);
            }
            let by = UserRef { node, id: ask.user };
            if let Action::Promote(of) = &action {
                self.let_node_of_admin_in(channel, of.user.node)?;
            }
            self.log_reactions(channel)?;
            let action = self.with_key(channel, action)?;
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
