//! How long a channel waits for what its lanes are said to hold.
//!
//! Nothing of it shows meanwhile, and who told what there is may have lied, or be gone with it. So it has
//! to come at some pace as long as somebody is there who could give it, and in a bounded time. What is
//! here by then is history, and what comes later is new.

/// While a node that has the channel is connected, so many entries come in so long, or no more is waited.
const WINDOW_MS: u64 = 15_000;
const PER_WINDOW_MIN: u64 = 64;

/// How long is waited for a node, and in all, however often it comes and goes.
const AWAY_MAX_MS: u64 = 300_000;
const ALL_MAX_MS: u64 = 900_000;

/// What has come, and since when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    /// Entries that are here, and that were here when the window began.
    has: u64,
    had: u64,
    window_ms: u64,
    /// When a node that has the channel was last seen.
    met_ms: u64,
    since_ms: u64,
}

impl Wait {
    /// It begins, or goes on after a restart.
    pub(super) fn new(now_ms: u64) -> Self {
        Self { has: 0, had: 0, window_ms: now_ms, met_ms: now_ms, since_ms: now_ms }
    }

    /// So many entries of those that are waited for are here.
    pub(super) fn has(&mut self, has: u64) {
        self.has = has;
    }

    /// Whether no more is waited; `connected` is whether a node that has the channel is.
    pub(super) fn is_over(&mut self, connected: bool, now_ms: u64) -> bool {
        if now_ms.saturating_sub(self.since_ms) >= ALL_MAX_MS {
            return true;
        }
        if !connected {
            (self.window_ms, self.had) = (now_ms, self.has);
            return now_ms.saturating_sub(self.met_ms) >= AWAY_MAX_MS;
        }
        self.met_ms = now_ms;
        if now_ms.saturating_sub(self.window_ms) < WINDOW_MS {
            return false;
        }
        let came = self.has.saturating_sub(self.had);
        (self.window_ms, self.had) = (now_ms, self.has);
        came < PER_WINDOW_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a second; after how many it is over.
    fn over_after(mut at_s: impl FnMut(&mut Wait, u64) -> bool) -> Option<u64> {
        let mut wait = Wait::new(1_000);
        (1..2_000).find(|second| {
            let connected = at_s(&mut wait, *second);
            wait.is_over(connected, 1_000 + second * 1_000)
        })
    }

    #[test]
    fn it_is_waited_as_long_as_enough_comes() {
        assert_eq!(over_after(|_, _| true), Some(15));
        // A burst, and then nothing.
        let burst = |wait: &mut Wait, second: u64| {
            wait.has(second.min(20) * 1_000);
            true
        };
        assert_eq!(over_after(burst), Some(45));
        // Drops: no pace.
        let drops = |wait: &mut Wait, second: u64| {
            wait.has(second * 4);
            true
        };
        assert_eq!(over_after(drops), Some(15));
        let steady = |wait: &mut Wait, second: u64| {
            wait.has(second * 5);
            true
        };
        assert_eq!(over_after(steady), Some(900));
    }

    #[test]
    fn who_is_away_is_waited_for_longer() {
        assert_eq!(over_after(|_, _| false), Some(300));
        // Away for a minute, then as if it had just begun.
        assert_eq!(over_after(|_, second| second > 60), Some(75));
        // Who comes and goes holds it up no longer than who stays.
        let flaps = |wait: &mut Wait, second: u64| {
            wait.has(second * 1_000);
            second.is_multiple_of(2)
        };
        assert_eq!(over_after(flaps), Some(900));
        // Nor who is there for a moment now and then.
        assert_eq!(over_after(|_, second| second.is_multiple_of(299)), Some(900));
    }
}
