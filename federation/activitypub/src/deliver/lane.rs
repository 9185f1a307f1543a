//! What one host got, and when it is tried again: without clock, chance or I/O.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Item, Page, Seq};
use crate::client::{FetchError, Outcome};
use crate::sign::Scheme;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Waits after the first failure, the second, and so on; then each a day.
const DELAYS_MS: [u64; 7] =
    [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS];
/// How long a host is left alone that refuses us.
const PAUSE_MS: u64 = DAY_MS;
/// After this long a host is dormant.
const DORMANT_AFTER_MS: u64 = 7 * DAY_MS;
/// After this long its followers are dropped.
const OVER_AFTER_MS: u64 = 60 * DAY_MS;
/// An inbox is given up that was missing this often, over so long.
const MISSING_HITS: u32 = 3;
const MISSING_FOR_MS: u64 = 3 * DAY_MS;
/// Inboxes of a host whose absence is counted.
const MISSING_MAX: usize = 1000;
/// What a host stumbles over for so long is left out.
const STUMBLES_MS: u64 = DAY_MS;
/// Inboxes that are posted to in one turn.
const INBOXES_A_TURN: usize = 16;

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Lane {
    /// All activities up to here are done with.
    pub(crate) cursor: Seq,
    /// The activity that `answered` and `refused` are about; 0 if none is begun.
    pub(crate) at: Seq,
    /// Its inboxes that have answered.
    pub(crate) answered: Vec<String>,
    /// Whether it was refused with 403 once.
    pub(crate) refused: bool,
    /// Since when it has stumbled over that activity.
    #[serde(default)]
    pub(crate) stumbles_since_ms: Option<u64>,
    /// How it is doing.
    pub(crate) state: LaneState,
    /// Failures since the last answer.
    pub(crate) fails: u32,
    /// When the first of them was.
    pub(crate) fail_since_ms: Option<u64>,
    /// When it was tried last.
    pub(crate) tried_ms: u64,
    /// Not before this.
    pub(crate) next_try_ms: u64,
    /// Up to here `Update`s are left out that have been overtaken: the host was dormant.
    pub(crate) skip_to: Seq,
    /// The signature scheme that worked.
    pub(crate) scheme: Option<Scheme>,
    /// Inboxes that were not there.
    pub(crate) missing: BTreeMap<String, Missing>,
}

/// How a host is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum LaneState {
    /// It answers, or will soon.
    #[default]
    Live,
    /// It refuses us, and is left alone for a day.
    Paused,
    /// It has not answered for a week, and is tried once a day.
    Dormant,
}

impl LaneState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Dormant => "dormant",
        }
    }
}

/// How often an inbox was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Missing {
    /// How often.
    pub(crate) hits: u32,
    /// Since when.
    pub(crate) first_ms: u64,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Taken.
    Done(Option<Scheme>),
    /// Not now.
    Retry {
        /// When the host wants to be asked again.
        after_s: Option<u64>,
    },
    /// 500: something is wrong there, maybe with this activity.
    Stumbled,
    /// 403: it does not want to hear from us.
    Forbidden,
    /// There is no such inbox; with 410, it says that there was.
    NoInbox {
        /// Whether it was 410.
        gone: bool,
    },
    /// This activity will never be taken, in either scheme.
    Dropped,
}

/// What an outcome means.
#[must_use]
pub(crate) fn judge(outcome: &Outcome) -> Verdict {
    let retry = Verdict::Retry { after_s: outcome.retry_after_s };
    match &outcome.status {
        Ok(200..=299) => Verdict::Done(outcome.scheme),
        Ok(403) => Verdict::Forbidden,
        Ok(410) => Verdict::NoInbox { gone: true },
        // Moved away: what was signed for one address is not sent to another.
        Ok(404 | 300..=399) => Verdict::NoInbox { gone: false },
        Ok(408 | 425 | 429) => retry,
        Ok(500) => Verdict::Stumbled,
        Ok(501 | 400..=499) => Verdict::Dropped,
        Ok(_) => retry,
        Err(FetchError::Url(_)) => Verdict::NoInbox { gone: false },
        // Blocked here, or its actor is no more.
        Err(FetchError::Blocked(_) | FetchError::Gone) => Verdict::Dropped,
        Err(_) => retry,
    }
}

/// What to do in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// There is nothing up to where the log was read.
    Nothing,
    /// That one was needless or done: look on.
    Passed,
    /// Post to these inboxes, one after another.
    Send(Vec<Url>),
}

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next inbox.
    Next,
    /// The turn is over: the host is to be left alone for a while.
    Stop,
    /// The next inbox; this one's follower is dropped if he is gone too.
    AskActor,
    /// The next inbox; this one is given up.
    DropInbox,
}

impl Lane {
    /// A lane of a host that gets what follows `cursor`.
    #[must_use]
    pub(crate) fn new(cursor: Seq) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// Decides about what comes next. `newest` is the end of the log.
    pub(crate) fn plan(&mut self, page: &Page, newest: Seq) -> Plan {
        if self.state == LaneState::Dormant {
            self.skip_to = newest;
        }
        let Some(item) = &page.item else {
            self.pass(page.scanned_to);
            return Plan::Nothing;
        };
        let seq = item.activity.seq;
        if seq != self.at {
            self.begin(seq);
        }
        if item.superseded && seq <= self.skip_to {
            self.pass(seq);
            return Plan::Passed;
        }
        let inboxes = self.unanswered(item);
        if inboxes.is_empty() {
            self.pass(seq);
            return Plan::Passed;
        }
        Plan::Send(inboxes.into_iter().take(INBOXES_A_TURN).collect())
    }

    /// Passes the activity if all of its inboxes have answered.
    pub(crate) fn finish(&mut self, item: &Item) -> bool {
        let done = self.unanswered(item).is_empty();
        if done {
            self.pass(item.activity.seq);
        }
        done
    }

    fn unanswered(&self, item: &Item) -> Vec<Url> {
        // Each once, in the order in which they are given.
        let mut seen: HashSet<&str> = self.answered.iter().map(String::as_str).collect();
        let all = item.shared_inbox.iter().chain(&item.inboxes);
        all.filter(|inbox| seen.insert(inbox.as_str())).cloned().collect()
    }

    fn pass(&mut self, seq: Seq) {
        self.cursor = self.cursor.max(seq);
        self.begin(0);
    }

    fn begin(&mut self, seq: Seq) {
        (self.at, self.refused, self.stumbles_since_ms) = (seq, false, None);
        self.answered.clear();
    }

    /// Takes an inbox's answer. `chance` is random.
    pub(crate) fn answer(
        &mut self,
        inbox: &Url,
        verdict: Verdict,
        now_ms: u64,
        chance: u32,
    ) -> Step {
        self.tried_ms = now_ms;
        match verdict {
            Verdict::Done(scheme) => {
                self.scheme = scheme.or(self.scheme);
                self.missing.remove(inbox.as_str());
                self.alive();
            }
            Verdict::Dropped => self.alive(),
            Verdict::NoInbox { gone } => {
                self.alive();
                self.answered.push(inbox.to_string());
                if self.count_missing(inbox.as_str(), now_ms) {
                    return Step::DropInbox;
                }
                return if gone { Step::AskActor } else { Step::Next };
            }
            Verdict::Forbidden => {
                // The second time it is this activity that is not wanted: the next one may be.
                if self.refused {
                    self.answered.push(inbox.to_string());
                }
                self.refused = !self.refused;
                self.failed(now_ms);
                if self.state == LaneState::Live {
                    self.state = LaneState::Paused;
                }
                self.next_try_ms = now_ms + PAUSE_MS;
                return Step::Stop;
            }
            Verdict::Retry { after_s } => return self.waits(after_s, now_ms, chance),
            Verdict::Stumbled => {
                let since_ms = *self.stumbles_since_ms.get_or_insert(now_ms);
                if now_ms.saturating_sub(since_ms) < STUMBLES_MS {
                    return self.waits(None, now_ms, chance);
                }
                // It goes on with the next one. It is not well for that: a host where all fails is
                // dormant after as long as any other.
            }
        }
        self.answered.push(inbox.to_string());
        Step::Next
    }

    fn waits(&mut self, after_s: Option<u64>, now_ms: u64, chance: u32) -> Step {
        let nth = self.fails as usize;
        self.failed(now_ms);
        let table_ms = DELAYS_MS.get(nth).copied().unwrap_or(DAY_MS);
        let delay_ms = match (self.state, after_s) {
            (LaneState::Dormant, _) => spread(DAY_MS, chance),
            (_, Some(after_s)) => {
                let asked_ms = after_s.saturating_mul(1000).clamp(MINUTE_MS, DAY_MS);
                // Not sooner than was asked for.
                asked_ms + spread(asked_ms, chance).saturating_sub(asked_ms)
            }
            (_, None) => spread(table_ms, chance),
        };
        self.next_try_ms = now_ms + delay_ms;
        Step::Stop
    }

    fn alive(&mut self) {
        (self.state, self.fails, self.fail_since_ms) = (LaneState::Live, 0, None);
        self.next_try_ms = 0;
    }

    fn failed(&mut self, now_ms: u64) {
        self.fails = self.fails.saturating_add(1);
        let since_ms = *self.fail_since_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since_ms) >= DORMANT_AFTER_MS {
            self.state = LaneState::Dormant;
        } else if self.state == LaneState::Paused {
            self.state = LaneState::Live;
        }
    }

    /// Counts an inbox that is not there. Whether it is to be given up.
    fn count_missing(&mut self, inbox: &str, now_ms: u64) -> bool {
        if self.missing.len() >= MISSING_MAX && !self.missing.contains_key(inbox) {
            return false;
        }
        let new = Missing { hits: 0, first_ms: now_ms };
        let missing = self.missing.entry(inbox.to_owned()).or_insert(new);
        missing.hits = missing.hits.saturating_add(1);
        let long = now_ms.saturating_sub(missing.first_ms) >= MISSING_FOR_MS;
        let over = missing.hits >= MISSING_HITS && long;
        if over {
            self.missing.remove(inbox);
        }
        over
    }

    /// Something came from the host that was verified: it is there, and is tried soon, but not more
    /// often than once a minute. Whether that changed anything.
    pub(crate) fn heard(&mut self, now_ms: u64, newest: Seq) -> bool {
        if self.state == LaneState::Paused || self.fails == 0 {
            return false;
        }
        if self.state == LaneState::Dormant {
            (self.state, self.skip_to) = (LaneState::Live, newest);
        }
        let soon_ms = now_ms.max(self.tried_ms.saturating_add(MINUTE_MS));
        let sooner = soon_ms < self.next_try_ms;
        self.next_try_ms = self.next_try_ms.min(soon_ms);
        sooner
    }

    /// Whether the host has been silent for so long that its followers are dropped.
    #[must_use]
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.fail_since_ms.is_some_and(|since| now_ms.saturating_sub(since) >= OVER_AFTER_MS)
    }
}

/// A wait, a fifth shorter to a fifth longer.
fn spread(delay_ms: u64, chance: u32) -> u64 {
    let fifth = delay_ms / 5;
    let part = u128::from(fifth * 2) * u128::from(chance) / u128::from(u32::MAX);
    delay_ms - fifth + part as u64
}
