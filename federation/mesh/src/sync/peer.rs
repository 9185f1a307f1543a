//! What is known of a connected peer.

use std::collections::{BTreeMap, BTreeSet};

use glog::GroupId;

use super::bucket::Bucket;
use crate::frames::{DIGESTS_MAX, Digest};
use crate::setup::Rate;

/// A peer that is here.
#[derive(Debug)]
pub(super) struct Peer {
    /// Groups that are shared, by what the two call them. `None` until the node has said.
    pub(super) tags: Option<BTreeMap<[u8; 16], GroupId>>,
    pub(super) asking_shared: bool,
    pub(super) ask_shared_again: bool,
    pub(super) shared_asked_at: u64,
    /// What it has told and that was not compared yet.
    stash: BTreeMap<[u8; 16], [u8; 32]>,
    /// Groups of which it is to be told.
    pub(super) to_tell: BTreeSet<GroupId>,
    /// Whether it was told of everything since that was last due.
    pub(super) told_all: bool,
    /// Groups of which it is being told.
    pub(super) telling: Option<Vec<GroupId>>,
    /// When everything is compared again.
    pub(super) full_at: u64,
    /// Groups whose heads are asked for when there is room.
    pub(super) next_heads: BTreeSet<GroupId>,
    /// Requests under way.
    pub(super) flying: usize,
    /// What it may be asked.
    pub(super) bucket: Bucket,
    /// It is too busy until then.
    pub(super) paused_until: u64,
    pub(super) failures: u32,
    /// Entries that were fetched from it and were new.
    pub(super) entries: u64,
}

impl Peer {
    pub(super) fn new(ask: Rate, full_at: u64, now_ms: u64) -> Self {
        Self {
            tags: None,
            asking_shared: false,
            ask_shared_again: false,
            shared_asked_at: now_ms,
            stash: BTreeMap::new(),
            to_tell: BTreeSet::new(),
            told_all: false,
            telling: None,
            full_at,
            next_heads: BTreeSet::new(),
            flying: 0,
            bucket: Bucket::new(ask, now_ms),
            paused_until: 0,
            failures: 0,
            entries: 0,
        }
    }

    /// What was told of groups that are shared. The rest is kept until it is known of which groups it is;
    /// nothing else of that is looked at.
    pub(super) fn hears(&mut self, digests: Vec<Digest>) -> Vec<(GroupId, [u8; 32])> {
        let mut told = Vec::new();
        for Digest { tag, digest } in digests {
            if let Some(group) = self.tags.as_ref().and_then(|tags| tags.get(&tag)) {
                told.push((*group, digest));
            } else if self.stash.len() < DIGESTS_MAX || self.stash.contains_key(&tag) {
                self.stash.insert(tag, digest);
            }
        }
        told
    }

    /// What was told before of groups that are known to be shared only now.
    pub(super) fn take_told(&mut self) -> Vec<(GroupId, [u8; 32])> {
        let Some(tags) = &self.tags else { return Vec::new() };
        let mut told = Vec::new();
        self.stash.retain(|tag, digest| match tags.get(tag) {
            Some(group) => {
                told.push((*group, *digest));
                false
            }
            None => true,
        });
        told
    }

    /// Whether it has told of something that is not known to be shared.
    pub(super) fn has_stash(&self) -> bool {
        !self.stash.is_empty()
    }

    /// Everything will be told again.
    pub(super) fn clear_stash(&mut self) {
        self.stash.clear();
    }

    /// It has not heard what it was told.
    pub(super) fn told_in_vain(&mut self) {
        self.to_tell.extend(self.telling.take().into_iter().flatten());
        self.told_all = false;
    }
}
