//! The requests of a session: which run, which are answered, which wait for others.

use std::collections::VecDeque;

use super::event::Released;

/// Requests that may run at once. TDLib sends at most 1000 in one go.
pub(super) const RUNNING_MAX: usize = 2048;

/// Ids that all waiting requests of a session may wait for, together.
const WAITS_MAX: usize = 4096;

/// Failed requests that are remembered for those that come after them.
const FAILED_MAX: usize = 64;

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No answer yet. `acked`: the client was told that it arrived.
    Running { acked: bool },
    /// The answer is made, and the client has not acknowledged it.
    Answered,
}

#[derive(Debug)]
struct Request {
    msg_id: i64,
    state: State,
}

/// Requests that are not over, by id.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: VecDeque<Request>,
    running: usize,
    order: Option<Box<Order>>,
}

impl Requests {
    fn find(&self, msg_id: i64) -> Result<usize, usize> {
        match self.open.back() {
            Some(last) if last.msg_id < msg_id => Err(self.open.len()),
            _ => self.open.binary_search_by_key(&msg_id, |request| request.msg_id),
        }
    }

    pub(super) fn get(&self, msg_id: i64) -> Option<State> {
        self.find(msg_id).ok().and_then(|at| self.open.get(at)).map(|request| request.state)
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn insert(&mut self, msg_id: i64) {
        if let Err(at) = self.find(msg_id) {
            self.open.insert(at, Request { msg_id, state: State::Running { acked: false } });
            self.running += 1;
        }
    }

    pub(super) fn mark_acked(&mut self, msg_id: i64) {
        if let Some(request) = self.find(msg_id).ok().and_then(|at| self.open.get_mut(at))
            && let State::Running { acked } = &mut request.state
        {
            *acked = true;
        }
    }

    /// The request has its answer. False if it was not running.
    pub(super) fn answer(&mut self, msg_id: i64) -> bool {
        let found = self.find(msg_id).ok().and_then(|at| self.open.get_mut(at));
        let Some(request) = found.filter(|r| matches!(r.state, State::Running { .. })) else {
            return false;
        };
        request.state = State::Answered;
        self.running -= 1;
        true
    }

    /// Forgets a request: its answer is acknowledged, dropped or lost.
    pub(super) fn remove(&mut self, msg_id: i64) -> Option<State> {
        let request = self.open.remove(self.find(msg_id).ok()?)?;
        self.running -= usize::from(matches!(request.state, State::Running { .. }));
        if self.open.is_empty() {
            self.open = VecDeque::new();
        }
        Some(request.state)
    }

    /// Makes `msg_id` wait for those of `after` that are known and still running.
    ///
    /// `Ok(true)`: it waits. `Ok(false)`: it may run. `Err`: one of them failed, or too many wait.
    ///
    /// An id that this session does not know lets the request run: the protocol allows messages
    /// to overtake each other, and waiting for what may never come would hang the client. So
    /// does an id that is not below the request's own, which no client can have known: this also
    /// makes circles impossible.
    pub(super) fn wait_for(&mut self, msg_id: i64, after: &[i64]) -> Result<bool, ()> {
        if after.len() > WAITS_MAX {
            return Err(());
        }
        if self.order.as_ref().is_some_and(|order| after.iter().any(|id| order.failed.contains(id)))
        {
            return Err(());
        }
        let is_running =
            |id: &i64| *id < msg_id && matches!(self.get(*id), Some(State::Running { .. }));
        let mut left: Vec<i64> = after.iter().copied().filter(is_running).collect();
        left.sort_unstable();
        left.dedup();
        if left.is_empty() {
            return Ok(false);
        }
        let order = self.order.get_or_insert_default();
        if order.waits + left.len() > WAITS_MAX {
            return Err(());
        }
        order.waits += left.len();
        order.waiting.push(Waiting { msg_id, left });
        Ok(true)
    }

    /// Tells those that wait for `msg_id` that it is over. Those that failed by this are listed
    /// with `ready: false` and have to be answered; those that wait for them are listed too.
    pub(super) fn release(&mut self, msg_id: i64, ok: bool) -> Vec<Released> {
        let mut released = Vec::new();
        if ok && self.order.is_none() {
            return released;
        }
        let order = self.order.get_or_insert_default();
        let mut over = vec![(msg_id, ok)];
        while let Some((id, ok)) = over.pop() {
            if !ok {
                order.remember_failed(id);
            }
            let mut at = 0;
            while let Some(waiting) = order.waiting.get_mut(at) {
                let Ok(found) = waiting.left.binary_search(&id) else {
                    at += 1;
                    continue;
                };
                waiting.left.remove(found);
                order.waits -= 1;
                if ok && !waiting.left.is_empty() {
                    at += 1;
                    continue;
                }
                // In the order in which they came.
                let done = order.waiting.remove(at);
                order.waits -= done.left.len();
                released.push(Released { msg_id: done.msg_id, ready: ok });
                if !ok {
                    over.push((done.msg_id, false));
                }
            }
        }
        if order.waiting.is_empty() && order.failed.is_empty() {
            self.order = None;
        }
        released
    }

    /// A request that waited is gone before its turn.
    pub(super) fn stop_waiting(&mut self, msg_id: i64) {
        if let Some(order) = &mut self.order
            && let Some(at) = order.waiting.iter().position(|w| w.msg_id == msg_id)
        {
            order.waits -= order.waiting.remove(at).left.len();
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let order = self.order.as_ref().map_or(0, |order| {
            size_of::<Order>()
                + order.waiting.capacity() * size_of::<Waiting>()
                + order.failed.capacity() * size_of::<i64>()
                + order.waits * size_of::<i64>()
        });
        self.open.capacity() * size_of::<Request>() + order
    }
}

/// What waits, and what failed. Boxed: most sessions never need it.
#[derive(Debug, Default)]
struct Order {
    waiting: Vec<Waiting>,
    /// Ids in all of `waiting`.
    waits: usize,
    failed: VecDeque<i64>,
}

#[derive(Debug)]
struct Waiting {
    msg_id: i64,
    /// Sorted ids that are still running.
    left: Vec<i64>,
}

impl Order {
    fn remember_failed(&mut self, msg_id: i64) {
        if self.failed.len() >= FAILED_MAX {
            self.failed.pop_front();
        }
        self.failed.push_back(msg_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(ids: &[i64]) -> Requests {
        let mut requests = Requests::default();
        ids.iter().for_each(|id| requests.insert(*id));
        requests
    }

    fn ready(msg_id: i64) -> Released {
        Released { msg_id, ready: true }
    }

    #[test]
    fn a_request_waits_for_all_of_its_predecessors() {
        let mut requests = running(&[4, 8, 12]);
        assert_eq!(requests.wait_for(12, &[8, 4, 4]), Ok(true));
        assert!(requests.answer(4));
        assert_eq!(requests.release(4, true), []);
        assert!(requests.answer(8));
        assert_eq!(requests.release(8, true), [ready(12)]);
        assert_eq!(requests.heap_bytes(), requests.open.capacity() * size_of::<Request>());
    }

    #[test]
    fn a_failure_reaches_all_that_wait_for_it() {
        let mut requests = running(&[4, 8, 12, 16]);
        assert_eq!(requests.wait_for(8, &[4]), Ok(true));
        assert_eq!(requests.wait_for(12, &[8]), Ok(true));
        assert_eq!(requests.wait_for(16, &[8]), Ok(true));
        requests.answer(4);
        let failed = |msg_id| Released { msg_id, ready: false };
        assert_eq!(requests.release(4, false), [failed(8), failed(12), failed(16)]);
        requests.insert(20);
        assert_eq!(requests.wait_for(20, &[12]), Err(()), "remembered");
    }

    #[test]
    fn the_unknown_and_the_later_hold_nothing_up() {
        let mut requests = running(&[4, 8]);
        assert_eq!(requests.wait_for(4, &[4]), Ok(false));
        assert_eq!(requests.wait_for(4, &[8]), Ok(false));
        assert_eq!(requests.wait_for(8, &[0]), Ok(false));
    }

    #[test]
    fn waits_are_bounded() {
        let ids: Vec<i64> = (0..1500).map(|n| n * 4).collect();
        let mut requests = running(&ids);
        assert_eq!(requests.wait_for(6000, &ids), Ok(true));
        assert_eq!(requests.wait_for(6000, &ids), Ok(true));
        assert_eq!(requests.wait_for(6000, &ids), Err(()));
        requests.stop_waiting(6000);
        assert_eq!(requests.wait_for(6000, &ids), Ok(true));
    }
}
