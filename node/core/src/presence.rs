//! Who is online. Never stored: after a restart nothing is known, and `Recently` is said.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::ids::UserId;

/// How long "online" lasts unless the client says it again. Clients do every few minutes.
pub const ONLINE_MS: u64 = 5 * 60 * 1000;

/// What is shown of somebody's presence. Times are unix seconds.
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
    /// Nothing exact is known, or to be told.
    Recently,
}

/// Of everybody who was there since the start: until when, in unix milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<HashMap<UserId, u64>>);

impl Presence {
    /// Somebody came or went. True if others see a difference.
    pub(crate) fn set(&self, user: UserId, online: bool, now_ms: u64) -> bool {
        let mut known = self.0.lock();
        let until = known.get(&user).copied();
        let was_online = until.is_some_and(|until| until > now_ms);
        if !online && !was_online {
            // It ended earlier, or never began: that time stays.
            return false;
        }
        known.insert(user, if online { now_ms + ONLINE_MS } else { now_ms });
        was_online != online
    }

    pub(crate) fn status(&self, user: UserId, now_ms: u64) -> Status {
        match self.0.lock().get(&user) {
            None => Status::Recently,
            Some(until) if *until > now_ms => Status::Online { expires: seconds(*until) },
            Some(until) => Status::Offline { was_online: seconds(*until) },
        }
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
        assert_eq!(presence.status(ada, 0), Status::Recently);
        assert!(!presence.set(ada, false, 5_000), "nobody saw her come");
        assert!(presence.set(ada, true, 10_000));
        assert!(!presence.set(ada, true, 20_000), "still there");
        assert_eq!(presence.status(ada, 20_000), Status::Online { expires: 320 });
        assert_eq!(presence.status(ada, 320_000), Status::Offline { was_online: 320 });
        assert!(presence.set(ada, true, 400_000));
        assert!(presence.set(ada, false, 410_000));
        assert_eq!(presence.status(ada, 420_000), Status::Offline { was_online: 410 });
    }
}
