//! Who is online. Never in a log; a row of the member's own says roughly when that ended, so that
//! a restart does not lose it.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::contacts::Book;
use crate::federation::is_remote;
use crate::ids::UserId;
use crate::inner::Inner;
use crate::personal::PersonalRecord;
use crate::privacy::{Facts, PrivacyKey};
use crate::record::Record;
use crate::view::Seen;
use crate::{Core, CoreResult};

/// How long "online" lasts unless the client says it again. Clients do every few minutes.
pub const ONLINE_MS: u64 = 5 * 60 * 1000;

/// How far what is stored may be behind while a member is there, in seconds.
const STORED_EVERY_S: i32 = 3600;

/// How far it may be behind when a member goes, in seconds: clients come and go with each look at
/// the screen.
const STORED_AT_END_EVERY_S: i32 = 60;

const DAY_S: i32 = 24 * 3600;

/// What is shown of somebody's presence. Times are unix seconds. Without an exact time, `by_me`
/// says that the viewer would see one, if the viewer showed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// There, until this time unless it is said again.
    Online {
        /// When it ends by itself.
        expires: i32,
    },
    /// Was there last at this time.
    Offline {
        /// When.
        was_online: i32,
    },
    /// Within three days.
    Recently {
        /// See [`Status`].
        by_me: bool,
    },
    /// Within seven days.
    LastWeek {
        /// See [`Status`].
        by_me: bool,
    },
    /// Within thirty days.
    LastMonth {
        /// See [`Status`].
        by_me: bool,
    },
    /// Longer ago; also what the blocked see.
    LongAgo,
}

impl Status {
    /// Whether it tells a time.
    #[must_use]
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Online { .. } | Self::Offline { .. })
    }

    /// As it is told to who may not know the time.
    fn roughly(self, now: i32, by_me: bool) -> Self {
        match self {
            Self::Offline { was_online } => match now.saturating_sub(was_online) / DAY_S {
                ..3 => Self::Recently { by_me },
                3..7 => Self::LastWeek { by_me },
                7..30 => Self::LastMonth { by_me },
                _ => Self::LongAgo,
            },
            _ => Self::Recently { by_me },
        }
    }
}

/// When a member was there, more or less. Unix seconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct LastSeen(i32);

impl Record for LastSeen {
    const VERSION: u8 = 1;
    const NAME: &'static str = "last seen";
}

impl PersonalRecord for LastSeen {
    const KIND: u8 = 22;
}

/// People of other nodes whose coming and going is remembered. Protects memory.
const FAR_MAX: usize = 20_000;

/// People here who are told of one of them.
const FAR_VIEWERS_MAX: usize = 500;

/// Who is there.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// Of everybody who was there since the start: until when, in unix milliseconds.
    here: Mutex<HashMap<UserId, u64>>,
    /// Of people of other nodes: what their nodes have let people here know.
    far: Mutex<HashMap<UserId, HashMap<UserId, Status>>>,
}

impl Presence {
    /// Somebody came or went. True if others see a difference.
    pub(crate) fn set(&self, user: UserId, online: bool, now_ms: u64) -> bool {
        let mut known = self.here.lock();
        let until = known.get(&user).copied();
        let was_online = until.is_some_and(|until| until > now_ms);
        if !online && !was_online {
            // It ended earlier, or never began: that time stays.
            return false;
        }
        known.insert(user, if online { now_ms + ONLINE_MS } else { now_ms });
        // A client that stays says so before the time ends that others were told.
        let stays = until.is_some_and(|until| until.saturating_sub(now_ms) < ONLINE_MS / 2);
        was_online != online || (online && stays)
    }

    /// What somebody of another node lets `viewer` know. True if that is another than before.
    pub(crate) fn set_far(&self, user: UserId, viewer: UserId, status: Status) -> bool {
        let mut far = self.far.lock();
        if !far.contains_key(&user) && far.len() >= FAR_MAX {
            return false;
        }
        let viewers = far.entry(user).or_default();
        if !viewers.contains_key(&viewer) && viewers.len() >= FAR_VIEWERS_MAX {
            return false;
        }
        viewers.insert(viewer, status) != Some(status)
    }

    /// What `viewer` knows of somebody of another node.
    fn far(&self, user: UserId, viewer: UserId, now: i32) -> Status {
        let known = self.far.lock().get(&user).and_then(|viewers| viewers.get(&viewer).copied());
        match known {
            Some(Status::Online { expires }) if expires <= now => {
                Status::Offline { was_online: expires }
            }
            Some(status) => status,
            None => Status::Recently { by_me: false },
        }
    }

    /// Who knows of somebody of another node.
    fn told_of(&self, user: UserId) -> Vec<UserId> {
        self.far.lock().get(&user).map_or(Vec::new(), |viewers| viewers.keys().copied().collect())
    }

    /// What is known since the start.
    fn status(&self, user: UserId, now_ms: u64) -> Option<Status> {
        self.here.lock().get(&user).map(|until| {
            if *until > now_ms {
                Status::Online { expires: seconds(*until) }
            } else {
                Status::Offline { was_online: seconds(*until) }
            }
        })
    }
}

impl Inner {
    /// When `user` was there, as the member knows it.
    pub(crate) fn status(&self, user: UserId) -> CoreResult<Status> {
        if let Some(status) = self.presence.status(user, self.now_ms()) {
            return Ok(status);
        }
        let stored: Option<LastSeen> = self.personal(user)?.get(&[])?;
        Ok(stored.map_or(Status::Recently { by_me: false }, |LastSeen(was_online)| {
            Status::Offline { was_online }
        }))
    }

    /// When a member was there, as `viewer` may know it. `own` is the viewer's book.
    pub(crate) fn status_for(&self, viewer: UserId, own: &Book, seen: &Seen) -> CoreResult<Status> {
        if seen.book.blocked.contains_key(&viewer) {
            return Ok(Status::LongAgo);
        }
        let key = PrivacyKey::Status;
        if is_remote(seen.user.id) {
            // Their node says what the viewer may know; here is known what the viewer shows.
            let status = self.presence.far(seen.user.id, viewer, seconds(self.now_ms()));
            let facts = Facts::of(own, seen.user.id);
            let privacy = self.personal(viewer)?.privacy()?;
            let shows = privacy.allows(key, seen.user.id, facts, &self.chats);
            let rough = status.is_exact() && !shows;
            return Ok(if rough { status.roughly(seconds(self.now_ms()), true) } else { status });
        }
        let (facts, chats) = (Facts::of(&seen.book, viewer), &self.chats);
        let shown = seen.privacy.allows(key, viewer, facts, chats);
        // Who hides the time from others does not get theirs.
        let facts = Facts::of(own, seen.user.id);
        let shows = self.personal(viewer)?.privacy()?.allows(key, seen.user.id, facts, chats);
        if shown && shows {
            return Ok(seen.status);
        }
        Ok(seen.status.roughly(seconds(self.now_ms()), shown && !shows))
    }
}

impl Core {
    /// Somebody came or went, as the client says.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_online(&self, user: UserId, online: bool) -> CoreResult<()> {
        let now_ms = self.inner.now_ms();
        let is_other = self.inner.presence.set(user, online, now_ms);
        self.inner.changed();
        if is_other {
            self.inner.tell(&crate::Event::Presence { user });
            if online {
                self.inner.timers.came(user);
            }
        } else if !online {
            return Ok(());
        }
        let stored: Option<LastSeen> = self.inner.personal(user)?.get(&[])?;
        let behind = stored.map_or(i32::MAX, |LastSeen(at)| seconds(now_ms).saturating_sub(at));
        if behind < if online { STORED_EVERY_S } else { STORED_AT_END_EVERY_S } {
            return Ok(());
        }
        let now = LastSeen(seconds(now_ms));
        self.write(None, move |decide| decide.set_personal(user, &[], Some(&now))).await
    }

    /// Who is to learn that `user` came or went: those of the acquaintances who may know the time.
    ///
    /// # Errors
    /// Those of the store.
    pub fn presence_audience(&self, user: UserId, max: usize) -> CoreResult<Vec<UserId>> {
        if is_remote(user) {
            return Ok(self.inner.presence.told_of(user).into_iter().take(max).collect());
        }
        let Some(seen) = self.seen(user)? else { return Ok(Vec::new()) };
        let mut audience = self.acquaintances(user, max)?;
        let mut failed = None;
        audience.retain(|viewer| {
            let own = self.inner.contacts.book(&*self.inner.store, *viewer);
            let status = own.and_then(|own| self.inner.status_for(*viewer, &own, &seen));
            match status {
                Ok(status) => status.is_exact(),
                Err(cause) => {
                    failed = Some(cause);
                    false
                }
            }
        });
        failed.map_or(Ok(audience), Err)
    }
}

fn seconds(ms: u64) -> i32 {
    i32::try_from(ms / 1000).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn online_ends_by_itself_and_offline_at_once() {
        let (presence, ada) = (Presence::default(), UserId(1));
        assert_eq!(presence.status(ada, 0), None);
        assert!(!presence.set(ada, false, 5_000), "nobody saw her come");
        assert!(presence.set(ada, true, 10_000));
        assert!(!presence.set(ada, true, 20_000), "still there");
        assert_eq!(presence.status(ada, 20_000), Some(Status::Online { expires: 320 }));
        assert_eq!(presence.status(ada, 320_000), Some(Status::Offline { was_online: 320 }));
        assert!(presence.set(ada, true, 400_000));
        assert!(presence.set(ada, false, 410_000));
        assert_eq!(presence.status(ada, 420_000), Some(Status::Offline { was_online: 410 }));
    }

    #[test]
    fn rough_times_are_those_of_the_clients() {
        let rough = |days: i32| Status::Offline { was_online: 0 }.roughly(days * DAY_S + 5, false);
        let by_me = false;
        assert_eq!(rough(0), Status::Recently { by_me });
        assert_eq!(rough(2), Status::Recently { by_me });
        assert_eq!(rough(3), Status::LastWeek { by_me });
        assert_eq!(rough(6), Status::LastWeek { by_me });
        assert_eq!(rough(7), Status::LastMonth { by_me });
        assert_eq!(rough(29), Status::LastMonth { by_me });
        assert_eq!(rough(30), Status::LongAgo);
        let online = Status::Online { expires: 300 };
        assert_eq!(online.roughly(5, true), Status::Recently { by_me: true });
    }
}
