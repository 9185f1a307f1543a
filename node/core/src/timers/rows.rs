//! Clearing away rows that nothing leads to any more, piece by piece.
//!
//! A message of a channel may have as many reactions, a poll as many votes, as there are members: who
//! deletes it waits for some of them, and a timer removes the rest.

use node_store::Keyspace;

use super::{Kind, at};
use crate::decide::Decide;
use crate::ids::UserId;
use crate::{CoreError, CoreResult};

/// Rows that go with what they belong to: a hundred messages may be deleted in one command.
const AT_ONCE: usize = 100;

/// Rows that one timer removes.
const LATER_AT_ONCE: usize = 1000;

/// Keyspaces that rows are cleared in, by the number that a timer has for each.
const SPACES: [Keyspace; 4] =
    [Keyspace::CHANNELS, Keyspace::POLLS, Keyspace::NODES, Keyspace::SECRET];

impl Decide<'_> {
    /// Removes all rows whose key begins with `prefix`, which nothing reads or writes any more.
    pub(crate) fn clear_rows(&mut self, space: Keyspace, prefix: &[u8]) -> CoreResult<()> {
        self.clear_some(space, prefix, AT_ONCE)
    }

    /// Removes the next ones.
    pub(super) fn clear_rows_later(&mut self, rest: &[u8]) -> CoreResult<()> {
        let damaged = || CoreError::Damaged("timer");
        let (space, prefix) = rest.split_first().ok_or_else(damaged)?;
        let space = SPACES.get(usize::from(*space)).copied().ok_or_else(damaged)?;
        self.clear_some(space, prefix, LATER_AT_ONCE)
    }

    fn clear_some(&mut self, space: Keyspace, prefix: &[u8], at_once: usize) -> CoreResult<()> {
        let rows = self.scan_prefix(space, prefix, at_once + 1)?;
        for (key, _) in rows.iter().take(at_once) {
            self.delete(space, key);
        }
        if rows.len() > at_once {
            let number = SPACES.iter().position(|known| *known == space);
            let number = number.and_then(|number| u8::try_from(number).ok());
            let number = number.ok_or(CoreError::Damaged("timer"))?;
            let rest = [&[number][..], prefix].concat();
            let key = at(Kind::ClearRows, self.now(), UserId(0), &rest);
            self.set_timer(&key, Vec::new());
        }
        Ok(())
    }
}
