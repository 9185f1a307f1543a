//! Who says something in a secret chat, one after another.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use node_core::{SecretChatId, UserId};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Chats in which nobody waits any more are forgotten when there are so many.
const SWEPT_AT: usize = 1024;

/// Who may wait in one chat. Protects memory.
const WAITING_MAX: usize = 256;

/// Turns of secret chats, in the order in which they were asked for: what goes with a file takes longer than
/// what does not, and must not come later than what was said after it.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<(UserId, SecretChatId), Weak<Semaphore>>>);

impl Turns {
    /// Waits until all who asked before are done. The place is taken when this is polled first; the turn
    /// ends when what it answers is dropped. `None` where too many wait.
    pub(crate) async fn wait(
        &self,
        user: UserId,
        chat: SecretChatId,
    ) -> Option<OwnedSemaphorePermit> {
        let turn = {
            let mut turns = self.0.lock();
            if turns.len() >= SWEPT_AT {
                turns.retain(|_, turn| turn.strong_count() > 0);
            }
            let known = turns.get(&(user, chat)).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::new(Semaphore::new(1));
                turns.insert((user, chat), Arc::downgrade(&turn));
                turn
            })
        };
        // One for each who waits, and for the one whose turn it is.
        if Arc::strong_count(&turn) > WAITING_MAX {
            return None;
        }
        // Whatever else the task has done: else the place would be taken later. Never closed.
        tokio::task::unconstrained(turn.acquire_owned()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn turns_come_in_the_order_in_which_they_were_asked_for() {
        let turns = Turns::default();
        let ask = |chat| Box::pin(turns.wait(UserId(1), SecretChatId(chat)));
        let first = ask(5).now_or_never().unwrap();
        let (mut second, mut third) = (ask(5), ask(5));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        assert!(ask(6).now_or_never().is_some(), "another chat");
        drop(first);
        assert!((&mut third).now_or_never().is_none());
        let second = second.now_or_never().unwrap();
        drop(second);
        assert!(third.now_or_never().is_some());
        let _mine = ask(-7).now_or_never().unwrap();
        let mut others: Vec<_> = (1..WAITING_MAX).map(|_| ask(-7)).collect();
        assert!(others.iter_mut().all(|other| other.now_or_never().is_none()));
        assert!(ask(-7).now_or_never().unwrap().is_none(), "too many wait");
        drop(others);
        assert!(ask(-7).now_or_never().is_none(), "they have gone");
        for chat in 0..3000 {
            ask(chat).now_or_never().unwrap();
        }
        assert!(turns.0.lock().len() <= SWEPT_AT, "who does not wait needs no memory");
    }
}
