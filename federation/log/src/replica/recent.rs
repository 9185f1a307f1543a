//! How much of a lane has come just now.
//!
//! Other members have what is newest of a lane at other times than this node. Of one of which little comes
//! that is a moment; of one of which much comes whatever names its newest entries waits there for them.

/// A lane of which more came in the last two to four seconds is hasty.
pub(super) const HASTY_ENTRIES: u32 = 32;
pub(super) const HASTY_WINDOW_MS: u64 = 2_000;

/// How much of a lane was delivered just now, in two windows of time, and how far it went before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent {
    window: u64,
    now: Delivered,
    before: Delivered,
    /// The last number of the time before both windows.
    pub(super) settled: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Delivered {
    count: u32,
    last: Option<u64>,
}

impl Recent {
    pub(super) fn at(self, now_ms: u64) -> Self {
        let window = now_ms / HASTY_WINDOW_MS;
        let none = Delivered::default();
        match window.saturating_sub(self.window) {
            0 => self,
            1 => Self {
                window,
                now: none,
                before: self.now,
                settled: self.before.last.or(self.settled),
            },
            _ => {
                let settled = self.now.last.or(self.before.last).or(self.settled);
                Self { window, now: none, before: none, settled }
            }
        }
    }

    pub(super) fn came(&mut self, seq: u64, now_ms: u64) {
        *self = self.at(now_ms);
        self.now.count = self.now.count.saturating_add(1);
        self.now.last = self.now.last.max(Some(seq));
    }

    pub(super) fn is_hasty(self) -> bool {
        self.now.count.saturating_add(self.before.count) > HASTY_ENTRIES
    }
}
