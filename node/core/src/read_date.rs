//! When the other party read a message.

use node_store::{Keyspace, Order};

use crate::history::Place;
use crate::ids::{MessageId, PeerId, UserId, box_key, box_number};
use crate::message::BoxRow;
use crate::record::Record as _;
use crate::{Core, CoreError, CoreResult};

/// For how long it is told, in seconds: `pm_read_date_expire_period` of the app config.
pub const READ_DATE_KEPT_S: i32 = 7 * 86_400;

/// Rows of a box that are read in one go.
const ROWS_AT_ONCE: usize = 256;

impl Core {
    /// When one's message was read, in unix seconds. Whether that may be told is not asked here.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`] where it is not one's own message in this dialog,
    /// [`CoreError::ReadTooOld`], [`CoreError::NotReadYet`].
    pub async fn read_date(&self, owner: UserId, peer: PeerId, id: MessageId) -> CoreResult<i32> {
        let message = self.message(owner, id)?.filter(|message| message.peer == peer);
        let message = message.filter(|message| message.out && peer != owner.into());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        if self.now().saturating_sub(message.date) > READ_DATE_KEPT_S {
            return Err(CoreError::ReadTooOld);
        }
        let place = Place::Dialog(peer);
        let read = self.in_place(owner, place, |dialog, _, _| Ok(dialog.read_outbox >= id))?;
        if read != Some(true) {
            return Err(CoreError::NotReadYet);
        }
        // The event that covered it came after the message, mostly soon.
        let mut from = id.0;
        loop {
            let rows = self.inner.store.scan(
                Keyspace::BOXES,
                &box_key(owner, from.saturating_add(1)),
                Some(&UserId(owner.0 + 1).bytes()),
                ROWS_AT_ONCE,
                Order::Ascending,
            )?;
            for (key, value) in &rows {
                from = box_number(key);
                match BoxRow::decode(value)? {
                    BoxRow::ReadOutbox { peer: with, max_id, date, .. }
                        if with == peer && max_id >= id =>
                    {
                        self.settled().await?;
                        return if date == 0 { Err(CoreError::ReadTooOld) } else { Ok(date) };
                    }
                    _ => {}
                }
            }
            if rows.len() < ROWS_AT_ONCE {
                // The event is forgotten, or not on disk yet.
                return Err(CoreError::ReadTooOld);
            }
            crate::search::turn().await;
        }
    }
}
