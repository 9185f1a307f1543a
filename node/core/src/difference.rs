//! What a client missed.
//!
//! Source: <https://core.telegram.org/api/updates>

use node_store::{Keyspace, Order};

use crate::ids::{BoxId, Pts, UserId, box_key, box_number};
use crate::message::{BoxRow, Message};
use crate::record::Record as _;
use crate::{Core, CoreError, CoreResult};

/// Events of one slice.
pub const DIFFERENCE_ROWS_MAX: usize = 500;

/// A client that has missed more than this starts anew: it would ask hundreds of times.
const BEHIND_MAX: i32 = 100_000;

/// Where a box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The newest event.
    pub pts: Pts,
    /// Messages in all dialogs that are not read.
    pub unread: i32,
}

/// The events after a pts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// There are none.
    Empty,
    /// Too many, or some are gone: start anew from here.
    TooLong(Pts),
    /// Some or all of them.
    Events {
        /// In order of pts.
        rows: Vec<DifferenceRow>,
        /// What the client has seen with them.
        pts: Pts,
        /// Whether there are no more.
        last: bool,
    },
}

/// One event of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceRow {
    /// The box's pts after it.
    pub pts: Pts,
    /// What happened.
    pub row: BoxRow,
    /// Of an edit: the message in its present form.
    pub edited: Option<Message>,
}

impl Core {
    /// Where the box is.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn state(&self, owner: UserId) -> CoreResult<State> {
        let state = {
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(&*self.inner.store, owner)?;
            State { pts: state.pts, unread: state.unread }
        };
        self.settled().await?;
        Ok(state)
    }

    /// What happened after `from`. At most `limit` events, and [`DIFFERENCE_ROWS_MAX`]; if more
    /// than `total_max` pts are missing, [`Difference::TooLong`].
    ///
    /// # Errors
    /// [`CoreError::FromTheFuture`] for a pts that the box has not reached.
    pub async fn difference(
        &self,
        owner: impl Into<BoxId>,
        from: Pts,
        limit: usize,
        total_max: Option<i32>,
    ) -> CoreResult<Difference> {
        let owner = owner.into();
        if let Some(channel) = owner.channel() {
            self.look_at(channel).await;
        }
        let (pts, floor) = {
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(&*self.inner.store, owner)?;
            (state.pts, state.floor)
        };
        self.settled().await?;
        if from > pts {
            return Err(CoreError::FromTheFuture);
        }
        if from >= pts {
            return Ok(Difference::Empty);
        }
        let behind = pts.0.saturating_sub(from.0);
        if from < floor || behind > total_max.unwrap_or(BEHIND_MAX).min(BEHIND_MAX) {
            return Ok(Difference::TooLong(pts));
        }
        let limit = limit.clamp(1, DIFFERENCE_ROWS_MAX);
        let rows = self.inner.store.scan(
            Keyspace::BOXES,
            &box_key(owner, from.0.max(0).saturating_add(1)),
            Some(&box_key(owner, pts.0.saturating_add(1))),
            limit,
            Order::Ascending,
        )?;
        // Rows that a flush removes meanwhile must not be a silent hole: it raises the floor first.
        if from < self.inner.boxes.cell(owner).lock(&*self.inner.store, owner)?.floor {
            return Ok(Difference::TooLong(pts));
        }
        let full = rows.len() == limit;
        let mut events = Vec::with_capacity(rows.len());
        for (key, value) in &rows {
            let at = Pts(box_number(key));
            let row = BoxRow::decode(value)?;
            let edited = match row {
                // A message that is new to the client comes with its present text.
                BoxRow::Edited(id) if id.0 > from.0 => continue,
                BoxRow::Edited(id) => match self.message(owner, id)? {
                    Some(message) => Some(message),
                    // Deleted since: that comes later.
                    None => continue,
                },
                _ => None,
            };
            events.push(DifferenceRow { pts: at, row, edited });
        }
        let reached = rows.last().map_or(pts, |(key, _)| Pts(box_number(key)));
        let last = !full || reached >= pts;
        self.settled().await?;
        Ok(Difference::Events { rows: events, pts: if last { pts } else { reached }, last })
    }
}
