//! The rows of the index.
//!
//! Keyspace `SEARCH`, all derived from `BOXES`:
//! - owner (8) ++ 0: how far it is, [`Head`];
//! - owner (8) ++ 1 ++ generation (1) ++ token (8) ++ first id, inverted (4): some messages with
//!   the token, the newest rows first.
//!
//! A token is a keyed hash: the keys of the store tell nothing of what was written.

use node_store::{Keyspace, Order, Store};
use serde::{Deserialize, Serialize};

use super::words::Token;
use crate::ids::BoxId;
use crate::record::Record;
use crate::{CoreError, CoreResult};

/// What tokens and rows are like; another number makes every index be built anew.
pub(super) const FORMAT: u32 = 2;

/// Ids of a full row: 1 to 5 bytes each, so that no row is split.
pub(super) const ROW_IDS_MAX: usize = 512;

const KIND_HEAD: u8 = 0;
const KIND_LIST: u8 = 1;

/// One whole index of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Generation {
    /// Part of its keys.
    pub(super) number: u8,
    /// [`FORMAT`] when it was begun.
    pub(super) format: u32,
    /// How often the operator had asked for new indexes when it was begun.
    pub(super) epoch: u32,
    /// The newest row of the box when it was begun.
    pub(super) begun_at: i32,
    /// Rows of the box up to here are in it.
    pub(super) cursor: i32,
    /// Messages that were changed or deleted since they were put in.
    pub(super) stale: u32,
}

/// How far the index of a box is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The one that is read.
    pub(super) live: Option<Generation>,
    /// The one that will replace it.
    pub(super) building: Option<Generation>,
    /// Those whose rows still have to go.
    pub(super) leaving: Vec<u8>,
}

impl Record for Head {
    const VERSION: u8 = 1;
    const NAME: &'static str = "head of a search index";
}

impl Head {
    pub(super) fn load(store: &dyn Store, owner: BoxId) -> CoreResult<Self> {
        match store.get(Keyspace::SEARCH, &head_key(owner))? {
            Some(bytes) => Self::decode(&bytes),
            None => Ok(Self::default()),
        }
    }

    /// The generation that may be read.
    pub(super) fn readable(&self) -> Option<Generation> {
        self.live.filter(|live| live.format == FORMAT)
    }

    /// A number that no generation has.
    pub(super) fn free_number(&self) -> u8 {
        let taken = |n: &u8| {
            [self.live, self.building].into_iter().flatten().any(|known| known.number == *n)
                || self.leaving.contains(n)
        };
        (0..=u8::MAX).find(|n| !taken(n)).unwrap_or(u8::MAX)
    }
}

/// Ids of messages with a token: the first one in full, the others as the difference to the one
/// before.
#[derive(Debug, Serialize, Deserialize)]
struct ListRecord(Vec<u32>);

impl Record for ListRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "row of a search index";
}

/// A row's value; `ids` ascend.
pub(super) fn encode(ids: &[i32]) -> CoreResult<Vec<u8>> {
    let mut before = 0;
    let deltas = ids.iter().map(|id| {
        let delta = id.abs_diff(before);
        before = *id;
        delta
    });
    ListRecord(deltas.collect()).encode()
}

fn decode(value: &[u8]) -> CoreResult<Vec<i32>> {
    let mut id = 0_i32;
    let deltas = ListRecord::decode(value)?.0;
    let ids = deltas.into_iter().map(|delta| {
        id = id.checked_add_unsigned(delta).ok_or(CoreError::Damaged(ListRecord::NAME))?;
        Ok(id)
    });
    ids.collect()
}

/// Bytes of a hashed token.
const TOKEN_BYTES: usize = 8;

/// The keyed hash of a token, of one box alone: the same word has another one in every box.
pub(super) fn hashed(secret: &[u8; 32], owner: BoxId, token: &Token) -> [u8; TOKEN_BYTES] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"search").update(&owner.bytes()).update(token.0.as_bytes());
    let mut short = [0; TOKEN_BYTES];
    short.iter_mut().zip(hasher.finalize().as_bytes()).for_each(|(to, from)| *to = *from);
    short
}

pub(super) fn head_key(owner: BoxId) -> Vec<u8> {
    let mut key = owner.bytes().to_vec();
    key.push(KIND_HEAD);
    key
}

/// All rows of a generation begin with this.
pub(super) fn generation_prefix(owner: BoxId, generation: u8) -> Vec<u8> {
    let mut key = owner.bytes().to_vec();
    key.extend_from_slice(&[KIND_LIST, generation]);
    key
}

/// The rows of one token.
#[derive(Debug, Clone)]
pub(super) struct Lane(Vec<u8>);

impl Lane {
    pub(super) fn new(owner: BoxId, generation: u8, token: [u8; TOKEN_BYTES]) -> Self {
        let mut key = generation_prefix(owner, generation);
        key.extend_from_slice(&token);
        Self(key)
    }

    /// The key of the row that begins with `first`.
    pub(super) fn key(&self, first: i32) -> Vec<u8> {
        let mut key = self.0.clone();
        key.extend_from_slice(&(!first.max(0).unsigned_abs()).to_be_bytes());
        key
    }

    /// The row with the greatest first id at or below `id`.
    pub(super) fn row(&self, store: &dyn Store, id: i32) -> CoreResult<Option<Vec<i32>>> {
        let (from, mut end) = (self.key(id), self.0.clone());
        end.extend_from_slice(&[u8::MAX; 5]);
        let rows = store.scan(Keyspace::SEARCH, &from, Some(&end), 1, Order::Ascending)?;
        rows.first().map(|(_, value)| decode(value)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;

    #[test]
    fn rows_come_back_and_lie_newest_first() {
        for ids in [vec![1], vec![1, 2, 300, i32::MAX], (5..500).collect::<Vec<i32>>()] {
            assert_eq!(decode(&encode(&ids).unwrap()).unwrap(), ids);
        }
        let full: Vec<i32> = (0..ROW_IDS_MAX as i32).map(|n| n << 22).collect();
        assert!(encode(&full).unwrap().len() < 6 * 1024);
        let lane = Lane::new(UserId(7).into(), 3, [9; 8]);
        assert!(lane.key(2) < lane.key(1) && lane.key(i32::MAX) < lane.key(300));
    }

    #[test]
    fn hashes_differ_by_box_token_and_secret() {
        let (token, other) = (Token("wship".into()), Token("pship".into()));
        let hash = hashed(&[1; 32], UserId(1).into(), &token);
        assert_eq!(hash, hashed(&[1; 32], UserId(1).into(), &token));
        assert_ne!(hash, hashed(&[2; 32], UserId(1).into(), &token));
        assert_ne!(hash, hashed(&[1; 32], UserId(2).into(), &token));
        assert_ne!(hash, hashed(&[1; 32], UserId(1).into(), &other));
    }
}
