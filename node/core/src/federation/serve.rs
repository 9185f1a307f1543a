//! What other nodes are told and given of logs, and what they bring.

use glog::control::Refused;
use glog::{ControlRef, Entry, EntryRef, GroupId, Hash16, Node16, NodeCert, NodeId};

use super::SharedGroup;
use super::groups::takes_part;
use crate::decide::Decide;
use crate::ids::ChannelId;
use crate::{Core, CoreResult};

/// Entries that one command takes: what follows from each is some rows.
const TAKEN_AT_ONCE: usize = 64;

/// What is held of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    /// The last entry of the chain.
    pub control: ControlRef,
    /// Its term.
    pub term: u32,
    /// The last entry of each lane.
    pub lanes: Vec<EntryRef>,
    /// Anybody may read it.
    pub public: bool,
    /// Whoever is told this may read no more than that.
    pub ends: bool,
}

/// A chain or a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneName {
    /// The chain.
    Control,
    /// What a node says.
    Data {
        /// Which node.
        node: Node16,
        /// In which incarnation.
        inc: u32,
    },
}

/// What became of entries that a node brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// So many were new.
    pub fresh: u32,
    /// So many were of no log, or not signed by who is said to have written them.
    pub rejected: u32,
    /// Why the rest was not looked at; not the sender's fault.
    pub stopped: Option<String>,
}

impl Core {
    /// Whether a node may read a group: anybody a public one, of others those that take part; of two
    /// people the other one's node.
    ///
    /// # Errors
    /// Those of the store.
    pub fn may_node_read(&self, node: NodeId, group: GroupId) -> CoreResult<bool> {
        if self.known_node(node.short())?.is_some_and(|known| known.blocked) {
            return Ok(false);
        }
        let Some(channel) = self.channel_of_group(group)? else {
            // What two people say is of their two nodes alone.
            return Ok(self.pair(group)?.is_some_and(|pair| pair.node == node));
        };
        let public = match self.inner.groups.of(channel) {
            Some(row) if takes_part(&row, node.short()) => true,
            Some(row) => row.public,
            None => self.channel(channel).is_some_and(|found| found.username.is_some()),
        };
        Ok(public)
    }

    /// What a node that was let go may read of a group: the chain, up to where it was.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn heads_for_left(&self, node: NodeId, group: GroupId) -> CoreResult<Option<Heads>> {
        let Some(channel) = self.channel_of_group(group)? else { return Ok(None) };
        let now = self.now();
        let row = self.inner.groups.of(channel);
        let left = row.and_then(|row| {
            row.left.into_iter().find(|left| left.node == node.0 && left.until > now)
        });
        let Some(left) = left else { return Ok(None) };
        self.write(None, move |decide| {
            decide.with_chain(channel, |chain| {
                let control = chain.at(left.seq)?.cite();
                let term = chain.state().generation.term;
                Some(Heads { control, term, lanes: Vec::new(), public: false, ends: true })
            })
        })
        .await
    }

    /// What is held of a group; `None` where there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_heads(&self, group: GroupId) -> CoreResult<Option<Heads>> {
        let Some(channel) = self.channel_of_group(group)? else {
            return self.write(None, move |decide| decide.pair_heads(group)).await;
        };
        self.write(None, move |decide| decide.log_heads(channel)).await.map(Some)
    }

    /// Entries of a chain or lane from one number up to and without another, as far as they fit, at
    /// least one if there is one. As they were stored.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_page(
        &self,
        group: GroupId,
        lane: LaneName,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> CoreResult<Vec<Vec<u8>>> {
        let channel = self.channel_of_group(group)?;
        // Nothing leaves that is not durable: what a command sees may not be.
        self.write(None, move |decide| match channel {
            Some(channel) => decide.log_page(channel, lane, from, to, bytes_max),
            None => decide.pair_page(group, lane, from, to, bytes_max),
        })
        .await
    }

    /// Entries by their names, those that are here.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_named(
        &self,
        group: GroupId,
        names: Vec<EntryRef>,
    ) -> CoreResult<Vec<Vec<u8>>> {
        let Some(channel) = self.channel_of_group(group)? else {
            return self.write(None, move |decide| decide.pair_named(group, &names)).await;
        };
        self.write(None, move |decide| {
            let mut found = Vec::new();
            for at in &names {
                let entry = decide.entry_at(channel, at)?;
                let is_it = |entry: &Vec<u8>| {
                    Entry::decode(entry).is_ok_and(|entry| entry.id().short() == at.hash)
                };
                found.extend(entry.filter(is_it));
            }
            Ok(found)
        })
        .await
    }

    /// Certificates that the lanes of a group have shown.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_certs(&self, group: GroupId) -> CoreResult<Vec<NodeCert>> {
        let Some(channel) = self.channel_of_group(group)? else {
            return self.write(None, move |decide| decide.pair_certs(group)).await;
        };
        self.write(None, move |decide| {
            let certs = decide.with_shared(channel, |shared| {
                shared.replica.certs().cloned().collect::<Vec<_>>()
            })?;
            Ok(certs.unwrap_or_default())
        })
        .await
    }

    /// Certificates that another member of a group shows: what waits for them is delivered.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn learn_log_certs(&self, group: GroupId, certs: Vec<NodeCert>) -> CoreResult<()> {
        let Some(channel) = self.channel_of_group(group)? else {
            return self.write(None, move |decide| decide.learn_pair_certs(group, certs)).await;
        };
        self.write(None, move |decide| {
            certs.into_iter().try_for_each(|cert| decide.learn_log_cert(channel, cert))
        })
        .await
    }

    /// Entries that are to be asked for by their names.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_wanted(&self, group: GroupId) -> CoreResult<Vec<EntryRef>> {
        let Some(channel) = self.channel_of_group(group)? else { return Ok(Vec::new()) };
        self.write(None, move |decide| {
            let wanted = decide.with_shared(channel, |shared| shared.replica.wanted())?;
            Ok(wanted.unwrap_or_default())
        })
        .await
    }

    /// Keys without which something of a group cannot be read here, and who takes part in it, its home
    /// first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn missing_keys(
        &self,
        channel: ChannelId,
    ) -> CoreResult<Option<(SharedGroup, Vec<Hash16>)>> {
        let Some(shared) = self.sharing(channel) else { return Ok(None) };
        let missing = self.write(None, move |decide| decide.missing_keys(channel)).await?;
        Ok(Some((shared, missing)).filter(|(_, missing)| !missing.is_empty()))
    }

    /// Keys of a group for a node that takes part in it, sealed to that node: those that it may have, as
    /// the group shows its history or does not.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keys_for(
        &self,
        node: NodeId,
        group: GroupId,
        ids: Vec<Hash16>,
    ) -> CoreResult<Vec<(Hash16, Vec<u8>)>> {
        let Some(channel) = self.channel_of_group(group)? else { return Ok(Vec::new()) };
        self.write(None, move |decide| decide.keys_for(channel, node.short(), &ids)).await
    }

    /// Keys of a group that a member of it has given: what they open is shown. Others are ignored.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn learn_keys(
        &self,
        channel: ChannelId,
        given: Vec<(Hash16, Vec<u8>)>,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let mut opened = Vec::new();
            for (id, sealed) in given {
                for event in decide.learn_key(channel, id, sealed)? {
                    if let glog::Event::Judged(all) = event {
                        opened.extend(all);
                    }
                }
            }
            // As they came, whichever key opens them.
            let opened = decide.as_delivered(channel, opened)?;
            decide.follow_log(channel, &[glog::Event::Judged(opened)])?;
            decide.note_keys_asked(channel)
        })
        .await
    }

    /// Takes entries of a group that a node brought, in their order; durable when it answers.
    pub async fn receive_log(&self, group: GroupId, entries: Vec<Vec<u8>>) -> Received {
        self.receive_by(entries, move |decide, some| decide.receive_log(group, some)).await
    }

    /// Takes entries of what somebody of this node and somebody of another one say to each other, when
    /// that may be unknown here: its name is a hash, and does not tell who they are. The first time a
    /// message of the other one has to be among them, and the one who lives here has to be somebody to
    /// whom people of other nodes may write. `from` is the other node, `theirs` who lives there; `mine`
    /// who lives here.
    pub async fn receive_pair(
        &self,
        from: NodeId,
        mine: u64,
        theirs: u64,
        entries: Vec<Vec<u8>>,
    ) -> Received {
        let take =
            move |decide: &mut Decide<'_>, some| decide.receive_pair(from, mine, theirs, some);
        self.receive_by(entries, take).await
    }

    async fn receive_by(
        &self,
        entries: Vec<Vec<u8>>,
        take: impl Fn(&mut Decide<'_>, Vec<Vec<u8>>) -> CoreResult<Received> + Copy + Send + 'static,
    ) -> Received {
        let mut all = Received::default();
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let some: Vec<Vec<u8>> = entries.by_ref().take(TAKEN_AT_ONCE).collect();
            let taken = self.write(None, move |decide| take(decide, some)).await;
            match taken {
                Ok(taken) => {
                    all.fresh += taken.fresh;
                    all.rejected += taken.rejected;
                    if taken.stopped.is_some() {
                        return Received { stopped: taken.stopped, ..all };
                    }
                }
                Err(cause) => return Received { stopped: Some(cause.to_string()), ..all },
            }
        }
        all
    }

    /// Time has passed: what waited for entries that do not come is shown.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tick_logs(&self) -> CoreResult<()> {
        self.tick_fills();
        for channel in self.inner.logs.waiting() {
            self.write(None, move |decide| decide.tick_log(channel)).await?;
        }
        if self.inner.pairs.wait() {
            self.write(None, |decide| decide.tick_pairs()).await?;
        }
        Ok(())
    }
}

impl Decide<'_> {
    fn receive_log(&mut self, group: GroupId, entries: Vec<Vec<u8>>) -> CoreResult<Received> {
        if self.channel_of(group)?.is_none() && self.is_pair(group)? {
            return self.receive_in_pair(group, entries);
        }
        let mut taken = Received::default();
        for bytes in entries {
            let Ok(entry) = Entry::decode(&bytes) else {
                taken.rejected += 1;
                continue;
            };
            let channel = match self.channel_of(group)? {
                Some(channel) => channel,
                None => match self.begin_far(entry)? {
                    Some(_) => {
                        taken.fresh += 1;
                        continue;
                    }
                    None => {
                        taken.stopped = Some("nobody here wants it".to_owned());
                        return Ok(taken);
                    }
                },
            };
            if self.federated(channel)?.is_none_or(|row| !row.shared) {
                taken.stopped = Some("nobody else writes in it".to_owned());
                return Ok(taken);
            }
            let is_genesis = entry.header().group == GroupId::default();
            match self.receive_entry(channel, entry)? {
                Ok(events) if events.is_empty() => {}
                Ok(events) => {
                    taken.fresh += 1;
                    self.follow_log(channel, &events)?;
                }
                // What does not connect may be another branch: that is no fault of who forwards it. The
                // first entry again is none of the chain's, whoever offers it.
                Err(
                    glog::Rejected::Frozen
                    | glog::Rejected::Control(Refused::Place | Refused::Recover | Refused::Disputed),
                ) => {}
                Err(_) if is_genesis => {}
                Err(_) => taken.rejected += 1,
            }
        }
        if let Some(channel) = self.channel_of(group)? {
            self.look_at_fill(channel)?;
        }
        Ok(taken)
    }

    fn tick_log(&mut self, channel: ChannelId) -> CoreResult<()> {
        let events = self.tick_replica(channel)?;
        self.follow_log(channel, &events)?;
        self.look_at_fill(channel)
    }

    fn learn_log_cert(&mut self, channel: ChannelId, cert: NodeCert) -> CoreResult<()> {
        if cert.verify().is_err() {
            return Ok(());
        }
        let events = self.learn_replica_cert(channel, cert)?;
        self.follow_log(channel, &events)?;
        self.look_at_fill(channel)
    }
}
