//! In which order history lies, and under which numbers.

use std::collections::{HashMap, VecDeque};

use glog::{Entry, EntryRef, Lane};
use node_store::Store;

use super::Target;
use crate::channels::log::delivered_rows;
use crate::ids::{ChannelId, MessageId};
use crate::{CoreError, CoreResult};

/// The kind of a Post.
const POST: u16 = 64;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 512;

/// What an entry of a lane says of its place.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) at: EntryRef,
    /// What it names: the one before it in its lane, and those of other lanes.
    pub(super) after: Vec<EntryRef>,
    /// When it was written, as its node says.
    pub(super) ts_ms: u64,
    pub(super) is_post: bool,
}

/// The numbers of history.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Its posts, the oldest first: the last one gets the number below the first that is new.
    pub(super) order: Vec<EntryRef>,
    pub(super) ids: HashMap<EntryRef, MessageId>,
    /// What was delivered beside it and is newer, each by its number.
    pub(super) newer: Vec<(u64, EntryRef)>,
}

impl Plan {
    /// Of what was delivered below the number `upto`, until this time.
    pub(super) fn read(
        store: &dyn Store,
        channel: ChannelId,
        first: MessageId,
        target: &Target,
        (upto, until_ms): (u64, u64),
    ) -> CoreResult<Self> {
        let (mut all, mut newer, mut from) = (Vec::new(), Vec::new(), 0);
        while from < upto {
            let rows = delivered_rows(store, channel, (from, upto), ROWS_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { break };
            from = last + 1;
            for (number, row) in rows {
                let said = said(&row)?;
                if target.holds(&said.at) {
                    all.push(said);
                } else {
                    newer.push((number, said.at));
                }
            }
        }
        Ok(Self { newer, ..Self::new(first, all, until_ms) })
    }

    pub(super) fn new(first: MessageId, all: Vec<Said>, until_ms: u64) -> Self {
        let mut order = in_order(all, until_ms);
        // What does not fit is the oldest, and shows nowhere.
        let room = usize::try_from(first.0 - 1).unwrap_or(0);
        order.drain(..order.len().saturating_sub(room));
        let lowest = first.0 - i32::try_from(order.len()).unwrap_or(i32::MAX);
        let ids = order.iter().copied().zip((lowest..).map(MessageId)).collect();
        Self { order, ids, newer: Vec::new() }
    }

    /// What gets its number when so many have: the entry, and the number.
    pub(super) fn next(&self, passed: u32) -> Option<(EntryRef, MessageId)> {
        let left = self.order.len().checked_sub(usize::try_from(passed).ok()?)?;
        let at = self.order.get(left.checked_sub(1)?)?;
        Some((*at, *self.ids.get(at)?))
    }
}

fn said(row: &[u8]) -> CoreResult<Said> {
    let damaged = || CoreError::Damaged("entry of a log");
    let entry = Entry::decode(row).map_err(|_| damaged())?;
    let header = entry.header();
    let Lane::Data { inc, deps, .. } = &header.lane else { return Err(damaged()) };
    let node = header.node.short();
    let at = EntryRef { node, inc: *inc, seq: header.seq, hash: entry.id().short() };
    let before = header.seq.checked_sub(1);
    let before = before.map(|seq| EntryRef { seq, hash: header.prev.short(), ..at });
    let after = before.into_iter().chain(deps.iter().copied()).collect();
    Ok(Said { at, after, ts_ms: header.ts_ms, is_post: header.kind == POST })
}

/// Posts, the oldest first: none before what it names, and else by time.
///
/// An entry counts as not older than what it names, whatever its node's clock said, and not as later than
/// `until_ms`. At one time what names more before it is later, and at last names decide. So the order
/// follows from the entries alone, in whatever order they came.
pub(super) fn in_order(all: Vec<Said>, until_ms: u64) -> Vec<EntryRef> {
    let places: HashMap<EntryRef, usize> =
        all.iter().enumerate().map(|(place, said)| (said.at, place)).collect();
    let mut waits: Vec<usize> = vec![0; all.len()];
    let mut named_by: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    for (place, said) in all.iter().enumerate() {
        for named in said.after.iter().filter_map(|at| places.get(at)) {
            if let (Some(by), Some(waits)) = (named_by.get_mut(*named), waits.get_mut(place)) {
                by.push(place);
                *waits += 1;
            }
        }
    }
    // (time, how many it stands above), as far as they are known.
    let mut known: Vec<(u64, u64)> = all.iter().map(|said| (said.ts_ms.min(until_ms), 0)).collect();
    let mut ready: VecDeque<usize> =
        waits.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(at, _)| at).collect();
    while let Some(place) = ready.pop_front() {
        let Some((time, depth)) = known.get(place).copied() else { continue };
        for next in named_by.get(place).into_iter().flatten() {
            if let (Some(of), Some(waits)) = (known.get_mut(*next), waits.get_mut(*next)) {
                *of = (of.0.max(time), of.1.max(depth + 1));
                *waits -= 1;
                if *waits == 0 {
                    ready.push_back(*next);
                }
            }
        }
    }
    let posts = all.iter().zip(known).filter(|(said, _)| said.is_post);
    let mut posts: Vec<((u64, u64), EntryRef)> =
        posts.map(|(said, known)| (known, said.at)).collect();
    posts.sort_unstable();
    posts.into_iter().map(|(_, at)| at).collect()
}
