//! Clearing away the box of a deleted account.
//!
//! Nobody reads it any more, but its copies keep files, polls and previews that everybody else may
//! have deleted. A timer removes some messages, and sets the next one, until there are none; others
//! keep their copies.

use node_store::{Keyspace, Order};

use super::{Kind, at};
use crate::decide::Decide;
use crate::ids::{MessageId, Pts, UserId, box_key};
use crate::message::BoxRow;
use crate::record::Record as _;
use crate::{CoreError, CoreResult};

/// Rows of a box that one command looks at. Each message rewrites a row about its copies.
const ROWS_AT_ONCE: usize = 200;

impl Decide<'_> {
    /// Begins to clear a box.
    pub(crate) fn set_clear_box(&mut self, user: UserId) {
        self.clear_box_after(user, Pts(0));
    }

    fn clear_box_after(&mut self, user: UserId, pts: Pts) {
        let key = at(Kind::ClearBox, self.now(), user, &[]);
        self.set_timer(&key, pts.0.to_be_bytes().to_vec());
    }

    /// Removes the next messages of a box.
    pub(super) fn clear_box(&mut self, user: UserId, after: &[u8]) -> CoreResult<()> {
        let after = after.try_into().map_err(|_| CoreError::Damaged("timer"))?;
        let from = i32::from_be_bytes(after).saturating_add(1);
        let (from, end) = (box_key(user, from), box_key(user, i32::MAX));
        let store = self.store();
        let rows =
            store.scan(Keyspace::BOXES, &from, Some(&end), ROWS_AT_ONCE, Order::Ascending)?;
        let mut last = None;
        let mut messages = Vec::new();
        for (key, value) in rows {
            let pts = key.last_chunk().map(|pts| i32::from_be_bytes(*pts));
            let pts = pts.ok_or(CoreError::Damaged("box row"))?;
            last = Some(Pts(pts));
            if matches!(BoxRow::decode(&value)?, BoxRow::Message(_)) {
                messages.push(MessageId(pts));
            }
        }
        self.delete_messages(user, &messages, false)?;
        if let Some(last) = last {
            self.clear_box_after(user, last);
        }
        Ok(())
    }
}
