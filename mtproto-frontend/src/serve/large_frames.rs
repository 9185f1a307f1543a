//! Leave to receive what is longer than a stranger may send: parts of files.
//!
//! Whoever names a member's key may ask for it, and the id of a key is no secret: it stands in the
//! clear before every packet. So what can be held by such packets before they are opened is bounded,
//! in all and for each key.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Packets at once, of about a megabyte each.
const IN_ALL_MAX: usize = 128;

/// Packets at once of one key. TDLib uploads over eight connections.
const OF_KEY_MAX: usize = 16;

/// How long one may take to arrive: half a megabyte over a slow telephone, and no longer.
pub(super) const ARRIVES_WITHIN: Duration = Duration::from_secs(120);

/// Who receives a long packet now.
#[derive(Default)]
pub(crate) struct LargeFrames(Arc<Inner>);

#[derive(Default)]
struct Inner {
    by_key: Mutex<HashMap<i64, usize>>,
    left: Notify,
}

/// Leave for one packet; dropped, it is somebody else's.
pub(super) struct LargeFrame {
    frames: Arc<Inner>,
    auth_key_id: i64,
}

impl LargeFrames {
    /// Leave for one packet, once there is some.
    pub(super) async fn take(&self, auth_key_id: i64) -> LargeFrame {
        loop {
            let mut left = std::pin::pin!(self.0.left.notified());
            // Before the look: whoever leaves between the look and the wait is heard.
            left.as_mut().enable();
            if let Some(frame) = self.try_take(auth_key_id) {
                return frame;
            }
            left.await;
        }
    }

    fn try_take(&self, auth_key_id: i64) -> Option<LargeFrame> {
        let mut by_key = self.0.by_key.lock();
        if by_key.values().sum::<usize>() >= IN_ALL_MAX {
            return None;
        }
        let of_key = by_key.entry(auth_key_id).or_default();
        if *of_key >= OF_KEY_MAX {
            return None;
        }
        *of_key += 1;
        Some(LargeFrame { frames: self.0.clone(), auth_key_id })
    }
}

impl Drop for LargeFrame {
    fn drop(&mut self) {
        {
            let mut by_key = self.frames.by_key.lock();
            if let Some(of_key) = by_key.get_mut(&self.auth_key_id) {
                *of_key -= 1;
                if *of_key == 0 {
                    by_key.remove(&self.auth_key_id);
                }
            }
        }
        // All of them: the first may wait for another key's place.
        self.frames.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_key_takes_no_more_than_its_share_and_waits_for_it() {
        let frames = LargeFrames::default();
        let mut held: Vec<_> = (0..OF_KEY_MAX).filter_map(|_| frames.try_take(1)).collect();
        assert_eq!(held.len(), OF_KEY_MAX);
        let mut waits = std::pin::pin!(frames.take(1));
        assert!(waits.as_mut().now_or_never().is_none());
        let other = frames.try_take(2).unwrap();
        drop(other);
        assert!(waits.as_mut().now_or_never().is_none(), "that was another key's");
        held.pop();
        assert!(waits.now_or_never().is_some());
        held.clear();
        assert!(frames.0.by_key.lock().is_empty());
    }

    #[test]
    fn all_keys_together_have_a_bound() {
        let frames = LargeFrames::default();
        let taken = |key: i64| std::iter::repeat_n(key, OF_KEY_MAX);
        let held: Vec<_> =
            (0..100).flat_map(taken).filter_map(|key| frames.try_take(key)).collect();
        assert_eq!(held.len(), IN_ALL_MAX);
        drop(held);
        assert!(frames.try_take(5).is_some());
    }
}
