//! Letters that other nodes bring.

use glog::{Node16, NodeId};
use node_store::Keyspace;

use super::kinds::Kind;
use super::letter::{Letter, LetterId};
use super::{INBOX, TAKEN, TAKEN_UNTIL, key};
use crate::decide::Decide;
use crate::limits::Limit;
use crate::{Core, CoreError, CoreResult};

/// How long a letter is known again, in seconds, from when it last came: a day longer than its node
/// keeps it.
const KNOWN_FOR_S: i32 = 31 * 86_400;

/// Letters of one node that are known again. Protects the disk; beyond, it has to wait.
const KNOWN_OF_NODE_MAX: u64 = 100_000;

/// So long it waits then, in seconds.
const FULL_WAIT_S: u32 = 3600;

/// Ids that one command forgets.
const FORGOTTEN_AT_ONCE: usize = 1000;

/// A letter that came again moves its row only if that gains so much, in seconds.
const RENEWED_AFTER_S: i32 = 86_400;

impl Core {
    /// Takes a letter that a node brings over its own connection. When this answers it is done with: what
    /// follows from it is durable, and it has no effect if it comes again.
    ///
    /// # Errors
    /// [`CoreError::NotALetter`] for what need not come again: it is none, it is not that node's own, or
    /// of a kind that is unknown here. Of others it may: [`CoreError::Flood`]; [`CoreError::UnknownNode`]
    /// for a node that is blocked, or whose keys are others here.
    pub async fn take_letter(&self, from: NodeId, sealed: Vec<u8>) -> CoreResult<()> {
        self.write(None, move |decide| decide.take_letter(from, &sealed)).await
    }
}

fn until_key(until: i32, node: Node16, id: &LetterId) -> Vec<u8> {
    [&[TAKEN_UNTIL][..], &until.to_be_bytes(), &node.0, id].concat()
}

impl Decide<'_> {
    fn take_letter(&mut self, from: NodeId, sealed: &[u8]) -> CoreResult<()> {
        let node = from.short();
        let row = self.node_row(node)?.filter(|row| !row.blocked && row.id == from.0);
        let row = row.ok_or(CoreError::UnknownNode)?;
        let keys = self.inner.logs.keys();
        let letter = Letter::open(sealed, keys.node(), keys.sealing(), &row.cert()?)?;
        if (Kind { number: letter.kind, version: letter.version }) == Kind::SECRET {
            // Each of its acts is known again by its number.
            return self.take_secret(node, &letter.body);
        }
        let known = self.get(Keyspace::NODES, &key(TAKEN, node, &letter.id))?;
        if let Some(known) = known {
            let until = known.first_chunk().map_or(0, |until| i32::from_be_bytes(*until));
            if until.saturating_add(RENEWED_AFTER_S) < self.known_until() {
                self.remember(node, &letter.id, Some(until))?;
            }
            return Ok(());
        }
        self.take(Limit::LettersOfNode(node), 1)?;
        if self.known_of(node)? >= KNOWN_OF_NODE_MAX {
            return Err(CoreError::Flood { wait_s: FULL_WAIT_S });
        }
        // First: what follows may be a message, after which nothing may fail.
        self.remember(node, &letter.id, None)?;
        self.act_on(node, &letter)
    }

    /// Does what follows from a letter.
    fn act_on(&mut self, node: Node16, letter: &Letter) -> CoreResult<()> {
        // None of these is for one person.
        if letter.user != 0 {
            return Err(CoreError::NotALetter);
        }
        match (Kind { number: letter.kind, version: letter.version }, &letter.body) {
            (Kind::REPORT, said) => self.take_report(node, said),
            (Kind::GONE, said) => self.take_gone(node, said),
            (Kind::TAKEDOWN, said) => self.take_takedown(node, said),
            (Kind::SUMS, said) => self.take_sums(node, said),
            (Kind::SUMS_ANEW, said) => self.take_sums_anew(node, said),
            (Kind::HAND_OVER, said) => self.take_hand_over(node, said),
            (Kind::FAR_ACT, said) => self.take_far_act(node, said),
            _ => Err(CoreError::NotALetter),
        }
    }

    fn known_until(&self) -> i32 {
        self.now().saturating_add(KNOWN_FOR_S)
    }

    fn known_of(&self, node: Node16) -> CoreResult<u64> {
        let row = self.get(Keyspace::NODES, &key(INBOX, node, &[]))?;
        Ok(row.and_then(|row| row.first_chunk().map(|n| u64::from_be_bytes(*n))).unwrap_or(0))
    }

    fn count_known(&mut self, node: Node16, change: impl Fn(u64) -> u64) -> CoreResult<()> {
        let key = key(INBOX, node, &[]);
        match change(self.known_of(node)?) {
            0 => self.delete(Keyspace::NODES, &key),
            known => self.put_bytes(Keyspace::NODES, &key, known.to_be_bytes().to_vec()),
        }
        Ok(())
    }

    /// Knows a letter again from now on; `before`: until when it was known already.
    fn remember(&mut self, node: Node16, id: &LetterId, before: Option<i32>) -> CoreResult<()> {
        match before {
            Some(before) => self.delete(Keyspace::NODES, &until_key(before, node, id)),
            None => self.count_known(node, |known| known + 1)?,
        }
        let until = self.known_until();
        self.put_bytes(Keyspace::NODES, &key(TAKEN, node, id), until.to_be_bytes().to_vec());
        self.put_bytes(Keyspace::NODES, &until_key(until, node, id), Vec::new());
        Ok(())
    }

    /// Forgets ids that cannot come again: whether there may be more.
    pub(super) fn forget_taken(&mut self) -> CoreResult<bool> {
        let now = self.now();
        let rows = self.scan_prefix(Keyspace::NODES, &[TAKEN_UNTIL], FORGOTTEN_AT_ONCE)?;
        let mut forgotten = 0;
        for (key_of_until, _) in rows {
            let Some((until, of)) = key_of_until.get(1..).and_then(<[u8]>::split_first_chunk)
            else {
                continue;
            };
            if i32::from_be_bytes(*until) > now {
                return Ok(false);
            }
            let Some((node, id)) = of.split_first_chunk::<16>() else { continue };
            self.delete(Keyspace::NODES, &key(TAKEN, Node16(*node), id));
            self.delete(Keyspace::NODES, &key_of_until);
            self.count_known(Node16(*node), |known| known.saturating_sub(1))?;
            forgotten += 1;
        }
        Ok(forgotten == FORGOTTEN_AT_ONCE)
    }
}
