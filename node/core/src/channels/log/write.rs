//! What this node adds to logs: entries of chains that it decides about, and of its lanes.

use glog::body::{Action, ControlBody, Cut, DataBody, Genesis};
use glog::cbor::List;
use glog::control::{Chain, ControlEntry, Refused, Verdict, Void};
use glog::{AuthorError, Entry, EntryRef, EpochPlace, LaneEnd, Opened, UserRef};
use keys::epoch::EpochSecret;
use node_store::Keyspace;

use super::{
    CONTROL, DATA, ENTRY, Held, Log, LogMark, ROWS_MAX, UNOPENED, entry_key, named_in, too_large,
};
use crate::decide::Decide;
use crate::ids::{ChannelId, UserId};
use crate::{CoreError, CoreResult};

/// How a log begins.
pub(in crate::channels) struct Start {
    pub(in crate::channels) kind: glog::body::GroupKind,
    pub(in crate::channels) public: bool,
    pub(in crate::channels) defaults: glog::Rights,
}

impl Decide<'_> {
    /// Begins a log.
    pub(in crate::channels) fn write_genesis(
        &mut self,
        channel: ChannelId,
        owner: UserId,
        start: Start,
    ) -> CoreResult<()> {
        let by = self.user_ref(owner)?;
        let logs = &self.inner.logs;
        let keys = logs.keys();
        let secret = (!start.public).then(|| EpochSecret::generate(self.rng));
        let place = EpochPlace {
            group: glog::GroupId::default(),
            home: keys.node(),
            generation: glog::Generation::default(),
            seq: 0,
        };
        let epoch = secret.as_ref().map(|secret| {
            glog::seal_epoch(secret, place, &[keys.cert()], self.rng).map_err(too_large)
        });
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let genesis = Genesis {
            kind: start.kind,
            public: start.public,
            shows_history: true,
            owner: by,
            recovery: keys.recovery(),
            nonce,
            defaults: start.defaults,
            cert: keys.cert().clone(),
            epoch: epoch.transpose()?,
        };
        let body = ControlBody::bare(Action::Genesis(Box::new(genesis)));
        let author = keys.author();
        let entry = glog::write_genesis(author, by, &body, self.now_ms, self.rng);
        let entry = entry.map_err(too_large)?;
        let bytes = entry.encode();
        let chain = ControlEntry::new(entry).and_then(Chain::new);
        let chain = chain.map_err(|_| CoreError::Damaged(ENTRY))?;
        let end = LaneEnd { inc: logs.incarnation(), last: None };
        let group = chain.group();
        let held = Held::Alone { chain: Box::new(chain), end };
        logs.open.lock().insert(channel, Log { held, secret });
        self.changed_log(LogMark { channel, entries: 0, end, shared: false });
        self.put_group(channel, group);
        self.put_bytes(Keyspace::LOGS, &entry_key(channel, CONTROL, &0_u64.to_be_bytes()), bytes);
        Ok(())
    }

    /// Writes the next entry of a control chain, asked for by a user; `None`: by the home itself.
    ///
    /// # Errors
    /// What the log's own rules refuse: [`CoreError::AdminRightMissing`],
    /// [`CoreError::ChatNotModified`]. [`CoreError::AskHome`] where another node decides.
    pub(crate) fn write_control(
        &mut self,
        channel: ChannelId,
        by: Option<UserId>,
        action: Action,
    ) -> CoreResult<()> {
        self.log_reactions(channel)?;
        let own = self.inner.logs.keys().node();
        let home = self.with_chain(channel, |chain| chain.state().home)?;
        if home != own {
            return Err(self.ask_of(channel, by, action)?);
        }
        self.append_control(channel, by, ControlBody::bare(action))?;
        self.has_shown_chain(channel)
    }

    /// Writes the next entry of a chain of which this node is the home.
    ///
    /// # Errors
    /// As [`Decide::write_control`].
    pub(crate) fn append_control(
        &mut self,
        channel: ChannelId,
        by: Option<UserId>,
        body: ControlBody,
    ) -> CoreResult<()> {
        let by = by.map(|user| self.user_ref(user)).transpose()?;
        self.append_control_by(channel, by, body)
    }

    /// [`Decide::append_control`] for somebody whom logs know.
    pub(crate) fn append_control_by(
        &mut self,
        channel: ChannelId,
        by: Option<UserRef>,
        body: ControlBody,
    ) -> CoreResult<()> {
        self.open_log(channel)?;
        // After a restore there may be entries of the chain that only others hold.
        if self.federated(channel)?.is_some_and(|row| !row.unheard.is_empty()) {
            return Err(CoreError::NodeUnreachable);
        }
        let brings_own = matches!(&body.action, Action::Cert(cert) if cert.node() == self.inner.logs.keys().node());
        if !brings_own {
            self.show_key_in_chain(channel)?;
        }
        let subject = named_in(&body.action);
        let (logs, now_ms) = (&self.inner.logs, self.now_ms);
        let rng = &mut *self.rng;
        let (mark, seq, bytes, events, delivered) = logs.with(channel, |keys, log| {
            let mark = log.mark(channel);
            let entry = glog::write_control(log.chain(), keys.author(), by, &body, now_ms, rng);
            let entry = entry.map_err(too_large)?;
            let (seq, bytes) = (entry.header().seq, entry.encode());
            let control =
                ControlEntry::new(entry.clone()).map_err(|_| CoreError::Damaged(ENTRY))?;
            let would = log.chain().would(&control).map_err(|cause| match cause {
                // Until it is recovered nobody decides.
                Refused::Disputed => CoreError::NodeUnreachable,
                _ => CoreError::Damaged(ENTRY),
            })?;
            match would {
                Verdict::Applied => {}
                Verdict::Void(Void::NotAllowed | Void::Evidence) => {
                    return Err(CoreError::AdminRightMissing);
                }
                Verdict::Void(Void::Nothing) => return Err(CoreError::ChatNotModified),
                Verdict::Void(Void::Cut) => return Err(CoreError::CutMissing),
                Verdict::Void(_) => return Err(CoreError::Damaged(ENTRY)),
            }
            // Opened before the chain takes the entry: after that nothing may fail, or the chain would
            // have what the store does not get.
            let carried = body.action.epoch().map(|_| keys.open_epoch(&control).ok_or(UNOPENED));
            let carried = carried.transpose()?;
            let (mut events, mut delivered) = (Vec::new(), Vec::new());
            match &mut log.held {
                Held::Alone { chain, .. } => {
                    chain.offer(control).map_err(|_| CoreError::Damaged(ENTRY))?;
                }
                Held::Shared(shared) => {
                    let received = shared.change(keys, |copy| copy.receive(entry, now_ms));
                    events = received.map_err(|_| CoreError::Damaged(ENTRY))?;
                    delivered = shared.delivered(&events);
                }
            }
            if carried.is_some() || log.chain().state().epoch.is_none() {
                log.secret = carried;
            }
            Ok((mark, seq, bytes, events, delivered))
        })?;
        self.changed_log(mark);
        let key = entry_key(channel, CONTROL, &seq.to_be_bytes());
        self.put_bytes(Keyspace::LOGS, &key, bytes.clone());
        self.keep_delivered(channel, delivered);
        self.follow_own(channel, events);
        if self.is_told(channel)? {
            let own = self.inner.logs.keys().node().short();
            for user in [by, subject].into_iter().flatten().filter(|user| user.node == own) {
                self.note_shown(UserId(i64::try_from(user.id).unwrap_or(0)))?;
            }
        }
        self.tell_entry(channel, bytes)
    }

    /// Writes the next entry of this node's lane. As [`Decide::write_control`]. User 0 is the node.
    ///
    /// # Errors
    /// [`CoreError::NotWriter`] where the home has not let this node write yet, or its lane is forked;
    /// [`CoreError::NodeUnreachable`] where the key in force is not here.
    pub(crate) fn write_data(
        &mut self,
        channel: ChannelId,
        user: UserId,
        body: &DataBody,
    ) -> CoreResult<EntryRef> {
        self.open_lane(channel)?;
        self.show_key_in_lane(channel)?;
        self.append_data(channel, user, body)
    }

    /// An incarnation of a lane above the first begins with an Open.
    pub(crate) fn open_lane(&mut self, channel: ChannelId) -> CoreResult<()> {
        let global = self.inner.logs.incarnation();
        let opened = self.with_log(channel, |keys, log| {
            let (node, inc) = (keys.node(), log.incarnation(keys, global));
            let Some(before) = inc.checked_sub(1) else { return Ok(None) };
            let previous = match &log.held {
                Held::Alone { end, .. } if end.last.is_some() => return Ok(None),
                Held::Alone { .. } => None,
                Held::Shared(shared) => {
                    let heads = shared.replica.lanes().heads(shared.replica.chain());
                    let of = |inc: u32| {
                        heads.iter().copied().find(|at| (at.node, at.inc) == (node.short(), inc))
                    };
                    if of(inc).is_some() {
                        return Ok(None);
                    }
                    of(before)
                }
            };
            Ok(Some(Opened { group: log.chain().group(), node, inc, previous }))
        })?;
        let Some(mut opened) = opened else { return Ok(()) };
        if opened.previous.is_none() {
            opened.previous = self.end_of_own(channel, opened.inc - 1)?;
        }
        let open = self.inner.logs.keys().open(&opened);
        self.append_data(channel, UserId(0), &open).map(|_| ())
    }

    /// The last entry of an earlier incarnation, written while nobody else wrote.
    fn end_of_own(&self, channel: ChannelId, inc: u32) -> CoreResult<Option<EntryRef>> {
        let rows = self.scan_prefix(
            Keyspace::LOGS,
            &entry_key(channel, DATA, &inc.to_be_bytes()),
            ROWS_MAX,
        )?;
        let Some((_, row)) = rows.last() else { return Ok(None) };
        let entry = Entry::decode(row).map_err(|_| CoreError::Damaged(ENTRY))?;
        let (node, seq) = (self.inner.logs.keys().node().short(), entry.header().seq);
        Ok(Some(EntryRef { node, inc, seq, hash: entry.id().short() }))
    }

    /// As [`Decide::write_data`], in a lane that is open and shows its key.
    pub(crate) fn append_data(
        &mut self,
        channel: ChannelId,
        user: UserId,
        body: &DataBody,
    ) -> CoreResult<EntryRef> {
        self.open_log(channel)?;
        let (logs, now_ms) = (&self.inner.logs, self.now_ms);
        let global = logs.incarnation();
        let rng = &mut *self.rng;
        let (mark, at, entry, events, delivered) = logs.with(channel, |keys, log| {
            let (mark, inc) = (log.mark(channel), log.incarnation(keys, global));
            let by = user.0.unsigned_abs();
            let refused = |cause| match cause {
                AuthorError::TooLong => crate::TextError::TooLong.into(),
                AuthorError::NotWriter | AuthorError::Closed => CoreError::NotWriter,
                // Members are asked for it; until one answers nothing can be sealed.
                AuthorError::NoKey(_) => CoreError::NodeUnreachable,
                _ => CoreError::Damaged(ENTRY),
            };
            let author = keys.author();
            let entry = match &log.held {
                Held::Alone { chain, end } => glog::write_data(
                    chain,
                    author,
                    *end,
                    log.secret.as_ref(),
                    List::default(),
                    by,
                    body,
                    now_ms,
                    rng,
                ),
                Held::Shared(shared) => {
                    shared.replica.write_data(author, inc, by, body, now_ms, rng)
                }
            };
            let entry = entry.map_err(refused)?;
            let (id, seq) = (entry.id(), entry.header().seq);
            let (mut events, mut delivered) = (Vec::new(), None);
            match &mut log.held {
                Held::Alone { end, .. } => end.last = Some((seq, id)),
                Held::Shared(shared) => {
                    let received = shared.replica.receive(entry.clone(), now_ms);
                    events = received.map_err(|_| CoreError::Damaged(ENTRY))?;
                    delivered = Some(shared.delivered(&events));
                }
            }
            let node = keys.node().short();
            let at = EntryRef { node, inc, seq, hash: id.short() };
            Ok((mark, at, entry.encode(), events, delivered))
        })?;
        self.changed_log(mark);
        match delivered {
            Some(delivered) => self.keep_delivered(channel, delivered),
            None => {
                let rest = [&at.inc.to_be_bytes()[..], &at.seq.to_be_bytes()].concat();
                let key = entry_key(channel, DATA, &rest);
                self.put_bytes(Keyspace::LOGS, &key, entry.clone());
            }
        }
        self.follow_own(channel, events);
        if self.is_told(channel)? {
            self.note_shown(user)?;
        }
        self.tell_entry(channel, entry)?;
        Ok(at)
    }

    /// A cut that keeps all that is here: what a revocation takes, it takes from here on.
    pub(crate) fn cut_here(&mut self, channel: ChannelId) -> CoreResult<Cut> {
        // What is shown is said before, or it would lie above the cut.
        self.log_reactions(channel)?;
        self.with_log(channel, |keys, log| {
            let (chain, end) = match &log.held {
                Held::Alone { chain, end } => (chain, end),
                Held::Shared(shared) => {
                    let chain = shared.replica.chain();
                    return shared.replica.lanes().cut(chain, |_| true).map_err(too_large);
                }
            };
            debug_assert!(chain.state().is_member(keys.node().short()));
            let node = keys.node().short();
            let head =
                end.last.map(|(seq, id)| EntryRef { node, inc: end.inc, seq, hash: id.short() });
            Cut::new(head.into_iter().collect()).map_err(too_large)
        })
    }
}
