//! The ids that a session has seen, against replays: packed, bounded, and empty when idle.

/// Ids kept between packets. One packet may hold 1020 more, so that the floor never rises past
/// an id of the packet that is being read.
const IDS_KEPT: usize = 512;

/// How far above [`IDS_KEPT`] the window grows before it is cut: cutting moves memory.
const SLACK: usize = 256;

/// What is known about an id. Ids of clients are divisible by 4, so these bits lie in the id.
const CONTENT: i64 = 1;
const LOST: i64 = 2;
const FLAGS: i64 = 3;

/// What the window knows of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Not received.
    New,
    /// Below everything that is remembered: it cannot be told.
    BelowFloor,
    /// Received.
    Before {
        /// It was a request.
        content: bool,
        /// Its answer was thrown away before the client had it.
        lost: bool,
    },
}

/// A sorted list of ids above a floor.
#[derive(Debug)]
pub(super) struct Window {
    ids: Vec<i64>,
    floor: i64,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { ids: Vec::new(), floor: i64::MIN }
    }

    fn find(&self, msg_id: i64) -> Result<usize, usize> {
        // Nearly every id is above all before.
        match self.ids.last() {
            Some(last) if last & !FLAGS < msg_id => Err(self.ids.len()),
            _ => self.ids.binary_search_by_key(&msg_id, |id| id & !FLAGS),
        }
    }

    pub(super) fn lookup(&self, msg_id: i64) -> Seen {
        match self.find(msg_id).ok().and_then(|at| self.ids.get(at)) {
            Some(id) => Seen::Before { content: id & CONTENT != 0, lost: id & LOST != 0 },
            None if msg_id <= self.floor => Seen::BelowFloor,
            None => Seen::New,
        }
    }

    /// Remembers an id that is divisible by 4.
    pub(super) fn insert(&mut self, msg_id: i64, content: bool) {
        if let Err(at) = self.find(msg_id) {
            self.ids.insert(at, msg_id | if content { CONTENT } else { 0 });
        }
    }

    /// Remembers that the answer of a request is gone.
    pub(super) fn mark_lost(&mut self, msg_id: i64) {
        if let Some(id) = self.find(msg_id).ok().and_then(|at| self.ids.get_mut(at)) {
            *id |= LOST;
        }
    }

    /// The highest id seen.
    pub(super) fn highest(&self) -> i64 {
        self.ids.last().map_or(self.floor, |id| id & !FLAGS)
    }

    /// Cuts the window to its usual size; called before a packet, never within one.
    pub(super) fn trim(&mut self) {
        if self.ids.len() > IDS_KEPT + SLACK {
            self.forget(self.ids.len() - IDS_KEPT);
        }
    }

    /// Forgets ids below `msg_id` and frees what memory they held.
    pub(super) fn forget_below(&mut self, msg_id: i64) {
        self.forget(self.ids.partition_point(|id| *id < msg_id));
        self.ids.shrink_to_fit();
    }

    fn forget(&mut self, count: usize) {
        if let Some(last) = self.ids.drain(..count.min(self.ids.len())).next_back() {
            self.floor = last & !FLAGS;
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.ids.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Seen = Seen::Before { content: false, lost: false };

    #[test]
    fn ids_are_found_in_any_order_and_forgotten_from_below() {
        let mut window = Window::new();
        for id in [40, 8, 24, 16, 32] {
            assert_eq!(window.lookup(id), Seen::New);
            window.insert(id, id == 16);
            window.insert(id, false);
        }
        assert_eq!(window.lookup(16), Seen::Before { content: true, lost: false });
        window.mark_lost(16);
        window.mark_lost(20);
        assert_eq!(window.lookup(16), Seen::Before { content: true, lost: true });
        assert_eq!((window.lookup(8), window.lookup(12), window.highest()), (SEEN, Seen::New, 40));
        window.forget_below(20);
        assert_eq!([8, 12, 16].map(|id| window.lookup(id)), [Seen::BelowFloor; 3]);
        assert_eq!((window.lookup(20), window.lookup(24)), (Seen::New, SEEN));
        window.forget_below(1000);
        assert_eq!((window.highest(), window.heap_bytes()), (40, 0));
    }

    #[test]
    fn the_window_is_bounded() {
        let mut window = Window::new();
        for n in 0..10_000 {
            window.trim();
            window.insert(n * 4, true);
        }
        assert!(window.ids.len() <= IDS_KEPT + SLACK + 1);
        assert_eq!(window.lookup(9_999 * 4), Seen::Before { content: true, lost: false });
        assert_eq!(
            window.lookup((10_000 - IDS_KEPT as i64) * 4),
            Seen::Before { content: true, lost: false }
        );
        assert_eq!(window.lookup(0), Seen::BelowFloor);
    }
}
