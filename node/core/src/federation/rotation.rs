//! New keys of this node, and of others: shown in logs before anything is signed under them.
//!
//! A certificate is shown in each chain of which this node is the home, and in each lane that it has
//! begun, before the first entry under it. That is done when the node next writes there, and for all
//! logs that others read soon after a rotation: what stands below a certificate is pinned, so that who
//! has stolen the old key cannot fork it.

use glog::body::{Action, ControlBody, DataBody};
use glog::control::Chain;
use glog::{NodeCert, NodeId};
use node_store::Keyspace;

use crate::channels::LogKeys;
use crate::decide::Decide;
use crate::ids::{ChannelId, UserId};
use crate::{Core, CoreError, CoreResult};

/// Key in [`Keyspace::SETTINGS`]: the serial of the last certificate that all logs have shown, 4 bytes.
const SHOWN_KEY: &[u8] = b"cert_shown";

impl Core {
    /// The node's keys after these: see [`LogKeys::rotated`].
    #[must_use]
    pub fn next_keys(
        &self,
        operational: keys::NodeIdentity,
        sealing: keys::sealed::BoxSecret,
    ) -> LogKeys {
        self.inner.logs.keys().rotated(operational, sealing, self.now_ms())
    }

    /// The node signs with these keys from now on; durable, with `rows` of [`Keyspace::SETTINGS`], when
    /// it answers. What came before stays as it was signed.
    ///
    /// # Errors
    /// [`CoreError::Busy`] where the keys have changed since [`Core::next_keys`].
    pub async fn rotate_keys(
        &self,
        next: LogKeys,
        rows: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            let now = decide.inner.logs.keys();
            if !next.certs().any(|cert| cert == now.cert()) || next.cert() == now.cert() {
                return Err(CoreError::Busy);
            }
            for (key, row) in rows {
                decide.put_bytes(Keyspace::SETTINGS, &key, row);
            }
            decide.after(move |inner| inner.logs.set_keys(next));
            Ok(())
        })
        .await
    }

    /// Shows the certificate in force in the logs that others read, where that was not done; answers in
    /// how many. One log after the other: nobody waits for all of them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn show_keys(&self) -> CoreResult<usize> {
        let serial = self.cert().body.serial;
        let shown = self.inner.store.get(Keyspace::SETTINGS, SHOWN_KEY)?;
        if shown.as_deref() == Some(&serial.to_be_bytes()[..]) {
            return Ok(0);
        }
        let (mut count, mut waits) = (0, false);
        for shared in self.shared_groups() {
            let done = self.write(None, move |decide| decide.show_keys_in(shared.channel)).await;
            match done {
                Ok(changed) => count += usize::from(changed),
                // After a backup was restored the chain waits for what others hold.
                Err(CoreError::NodeUnreachable) => waits = true,
                // Its lane takes nothing more: there is nothing to show.
                Err(CoreError::NotWriter | CoreError::UnknownChannel) => {}
                Err(cause) => return Err(cause),
            }
        }
        for known in self.known_nodes()? {
            for (group, ..) in self.pairs_with(known.id)? {
                match self.write(None, move |decide| decide.show_keys_in_pair(group)).await {
                    Ok(changed) => count += usize::from(changed),
                    Err(CoreError::NotWriter) => {}
                    Err(cause) => return Err(cause),
                }
            }
        }
        if !waits {
            self.write(None, move |decide| {
                decide.put_bytes(Keyspace::SETTINGS, SHOWN_KEY, serial.to_be_bytes().to_vec());
                Ok(())
            })
            .await?;
        }
        Ok(count)
    }

    /// Writes the newest certificate of a node into the chains of this node's groups in which it takes
    /// part, where they do not know it yet; answers into how many. A private group gets another key: the
    /// last one was sealed to a key that may have been stolen.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn certify_node(&self, node: NodeId) -> CoreResult<usize> {
        let Some(known) = self.known_node(node.short())?.filter(|known| !known.blocked) else {
            return Ok(0);
        };
        let mut count = 0;
        for shared in self.shared_groups() {
            if !shared.is_home || !shared.members.contains(&node) {
                continue;
            }
            let cert = known.cert.clone();
            let done = self.write(None, move |decide| decide.certify(shared.channel, cert)).await;
            match done {
                Ok(changed) => count += usize::from(changed),
                Err(CoreError::NodeUnreachable) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(count)
    }
}

impl Decide<'_> {
    /// The chain of which this node is the home shows what it signs with.
    pub(crate) fn show_key_in_chain(&mut self, channel: ChannelId) -> CoreResult<()> {
        let keys = self.inner.logs.keys();
        let (own, serial) = (keys.node(), keys.cert().body.serial);
        let is_shown = |chain: &Chain| {
            let state = chain.state();
            state.home != own || state.cert(own.short(), serial).is_some()
        };
        if self.with_chain(channel, is_shown)? {
            return Ok(());
        }
        // What waits to be said is said after it.
        let body = ControlBody::bare(Action::Cert(Box::new(keys.cert().clone())));
        self.append_control(channel, None, body)?;
        self.has_shown_chain(channel)
    }

    /// This node's lane shows what it is signed with. Where nobody else writes, the chain does.
    pub(crate) fn show_key_in_lane(&mut self, channel: ChannelId) -> CoreResult<bool> {
        let keys = self.inner.logs.keys();
        let (own, serial) = (keys.node().short(), keys.cert().body.serial);
        let global = self.inner.logs.incarnation();
        let is_shown = self.with_shared(channel, |shared| {
            let replica = &shared.replica;
            let floor = replica.chain().state().nodes.get(&own).map_or(0, |own| own.floor);
            let last = replica.last_serial(own, floor.max(global));
            last.map_or_else(|| replica.knows_key(own, serial), |last| last >= serial)
        })?;
        match is_shown {
            Some(true) => Ok(false),
            Some(false) => {
                let cert = DataBody::Cert(Box::new(keys.cert().clone()));
                self.append_data(channel, UserId(0), &cert)?;
                Ok(true)
            }
            None => {
                self.show_key_in_chain(channel)?;
                Ok(false)
            }
        }
    }

    /// As [`Core::show_keys`], in one log; whether anything was missing.
    fn show_keys_in(&mut self, channel: ChannelId) -> CoreResult<bool> {
        let keys = self.inner.logs.keys();
        let (own, serial) = (keys.node(), keys.cert().body.serial);
        let (home, known, member) = self.with_chain(channel, |chain| {
            let state = chain.state();
            let known = state.cert(own.short(), serial).is_some();
            (state.home, known, state.is_member(own.short()))
        })?;
        let mut changed = false;
        if home == own && !known {
            self.show_key_in_chain(channel)?;
            self.change_key(channel)?;
            changed = true;
        }
        let has_begun = self.with_shared(channel, |shared| {
            let heads = shared.replica.lanes().heads(shared.replica.chain());
            heads.iter().any(|at| at.node == own.short())
        })?;
        if member && has_begun == Some(true) {
            self.open_lane(channel)?;
            changed |= self.show_key_in_lane(channel)?;
        }
        Ok(changed)
    }

    fn certify(&mut self, channel: ChannelId, cert: NodeCert) -> CoreResult<bool> {
        let node = cert.node().short();
        let is_news = self.with_chain(channel, |chain| {
            let known = chain.state().nodes.get(&node).filter(|known| known.member);
            let newest = known.and_then(|known| known.newest_cert());
            newest.is_some_and(|newest| newest.body.serial < cert.body.serial)
        })?;
        if is_news {
            self.write_control(channel, None, Action::Cert(Box::new(cert)))?;
            self.change_key(channel)?;
        }
        Ok(is_news)
    }

    /// Another key for a private group in which others take part.
    fn change_key(&mut self, channel: ChannelId) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let is_private = self.with_chain(channel, |chain| {
            let state = chain.state();
            !state.is_public() && state.members().any(|node| node.id != own)
        })?;
        if is_private {
            let epoch = self.new_epoch(channel, None, None)?;
            self.write_control(channel, None, Action::Epoch(epoch))?;
        }
        Ok(())
    }
}
