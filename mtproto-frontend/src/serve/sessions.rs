//! Sessions in memory: one entry per (auth key, session_id), found again after a reconnect.

use std::sync::Arc;

use node_core::{AuthKeyId, UserId};
use parking_lot::{Mutex, MutexGuard};

use super::call::Call;
use super::outlet::{Buffers, Outlet};
use crate::auth_keys::KeyEntry;
use crate::frontend::Shared;
use crate::session::{NeutralUpdate, Session};
use crate::sharded::Sharded;

/// Sessions that one auth key may have. TDLib opens about a dozen, a web client two.
const SESSIONS_PER_KEY_MAX: usize = 100;

/// A session without a connection leaves memory after this long. Well over the 330 s in which an
/// old message could be replayed: until then its window refuses them.
const IDLE_MS: u64 = 15 * 60 * 1000;

/// One session and the connection that shows it.
pub(crate) struct SessionEntry {
    pub(crate) key: Arc<KeyEntry>,
    pub(crate) session_id: i64,
    state: Mutex<State>,
}

/// What changes in a session.
pub(crate) struct State {
    pub(crate) session: Session,
    /// Calls that wait for others (`invokeAfterMsg`), by their msg_id.
    pub(crate) waiting: Vec<Call>,
    /// The connection (or the waiting HTTP requests) that answers go to.
    sink: Option<Arc<Outlet>>,
    /// The number of that connection, and the newest packet by which a connection was chosen.
    chosen: (u64, i64),
    /// Whose updates come here.
    pub(crate) subscriber: Option<UserId>,
    /// It takes them only since no other session of its key did: all that it asked was about bytes.
    pub(crate) for_want: bool,
    /// The login was ended from elsewhere: the connection closes.
    ended: bool,
    used_ms: u64,
}

impl State {
    /// Whether answers go there.
    pub(super) fn is_shown_by(&self, outlet: &Arc<Outlet>) -> bool {
        self.sink.as_ref().is_some_and(|sink| Arc::ptr_eq(sink, outlet))
    }
}

impl SessionEntry {
    /// The state. Never held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Makes the connection with this number the place for answers, since this packet came over it;
    /// unless the client has sent a later one over a newer connection: what it sent before it left the
    /// old one may be read last.
    pub(crate) fn attach(&self, generation: u64, wake: &Arc<Outlet>, msg_id: i64, now_ms: u64) {
        let mut state = self.state.lock();
        state.used_ms = now_ms;
        let (chosen, newest) = state.chosen;
        if state.sink.is_some() && generation < chosen && msg_id < newest {
            return;
        }
        state.chosen = (generation, msg_id);
        state.session.attach(generation);
        if !state.sink.as_ref().is_some_and(|sink| Arc::ptr_eq(sink, wake)) {
            let old = state.sink.replace(wake.clone());
            drop(state);
            // The connection that showed the session until now lets go of it.
            if let Some(old) = old {
                old.wake();
            }
        }
    }

    /// The connection with this number is gone, or shows another session.
    pub(crate) fn detach(&self, generation: u64, wake: &Arc<Outlet>) {
        let mut state = self.state.lock();
        state.session.detach(generation);
        if state.sink.as_ref().is_some_and(|sink| Arc::ptr_eq(sink, wake)) {
            state.sink = None;
        }
    }

    /// Whether some connection shows the session.
    pub(crate) fn is_shown(&self) -> bool {
        self.state.lock().sink.is_some()
    }

    /// Whether answers go to `wake`.
    pub(crate) fn is_shown_by(&self, wake: &Arc<Outlet>) -> bool {
        self.state.lock().is_shown_by(wake)
    }

    /// What HTTP requests of this session wait on: they share one.
    pub(crate) fn http_wake(&self) -> Arc<Outlet> {
        self.state.lock().sink.clone().unwrap_or_default()
    }

    /// Tells the connection that something is due.
    pub(crate) fn wake(&self) {
        let sink = self.state.lock().sink.clone();
        if let Some(sink) = sink {
            sink.wake();
        }
    }

    /// The permanent key that the session acts for.
    pub(crate) fn auth_key(&self) -> Option<AuthKeyId> {
        self.key.identity().map(|identity| AuthKeyId(identity.id))
    }

    /// Sends an update, if the session takes any.
    pub(crate) fn push(&self, update: Arc<dyn NeutralUpdate>) {
        let mut state = self.state.lock();
        state.session.push(update);
        let sink = state.sink.clone();
        drop(state);
        if let Some(sink) = sink {
            sink.wake();
        }
    }

    /// [`SessionEntry::push`] by who has time to send it: where the session's socket is idle, nobody
    /// else is woken.
    pub(super) fn push_now(
        &self,
        shared: &Shared,
        updates: impl Iterator<Item = Arc<dyn NeutralUpdate>>,
        buffers: &mut Buffers,
    ) {
        let mut state = self.state.lock();
        updates.for_each(|update| state.session.push(update));
        let sink = state.sink.clone();
        drop(state);
        if let Some(sink) = sink
            && !sink.send_now(shared, self, buffers)
        {
            sink.wake();
        }
    }

    /// The login is over: updates that wait must not reach whoever logs in next.
    pub(crate) fn lose_updates(&self) {
        let mut state = self.state.lock();
        state.subscriber = None;
        state.session.drop_updates();
    }

    /// Whether the login was ended from elsewhere.
    pub(crate) fn is_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Nobody holds this entry but the table, and nothing came for a while.
    fn is_idle(self: &Arc<Self>, now_ms: u64) -> bool {
        Arc::strong_count(self) == 1 && now_ms.saturating_sub(self.lock().used_ms) > IDLE_MS
    }
}

/// All sessions of the node.
///
/// By auth key id, so that one key's sessions are counted at a glance.
#[derive(Default)]
pub(crate) struct Sessions(Sharded<Vec<Arc<SessionEntry>>>);

impl Sessions {
    /// The session, made by `make` if there is none; `None` when the key has too many.
    pub(crate) fn get_or_make(
        &self,
        key: &Arc<KeyEntry>,
        session_id: i64,
        now_ms: u64,
        make: impl FnOnce() -> Session,
    ) -> Option<Arc<SessionEntry>> {
        let mut shard = self.0.of(key.id);
        let sessions = shard.entry(key.id).or_default();
        if let Some(found) = sessions.iter().find(|s| s.session_id == session_id) {
            return Some(found.clone());
        }
        if sessions.len() >= SESSIONS_PER_KEY_MAX {
            sessions.retain(|s| !s.is_idle(now_ms));
            if sessions.len() >= SESSIONS_PER_KEY_MAX {
                return None;
            }
        }
        let state = State {
            session: make(),
            waiting: Vec::new(),
            sink: None,
            chosen: (0, 0),
            subscriber: None,
            for_want: false,
            ended: false,
            used_ms: now_ms,
        };
        let entry =
            Arc::new(SessionEntry { key: key.clone(), session_id, state: Mutex::new(state) });
        // Most keys have one session: no room is kept for more.
        sessions.reserve_exact(1);
        sessions.push(entry.clone());
        Some(entry)
    }

    /// The session, if it exists.
    pub(crate) fn get(&self, auth_key_id: i64, session_id: i64) -> Option<Arc<SessionEntry>> {
        let shard = self.0.of(auth_key_id);
        shard.get(&auth_key_id)?.iter().find(|s| s.session_id == session_id).cloned()
    }

    /// The sessions of a key.
    pub(crate) fn of_key(&self, auth_key_id: i64) -> Vec<Arc<SessionEntry>> {
        self.0.of(auth_key_id).get(&auth_key_id).cloned().unwrap_or_default()
    }

    /// Forgets every session of a key and wakes their connections, which then find the key dead.
    pub(crate) fn remove_key(&self, auth_key_id: i64) {
        let removed = self.0.of(auth_key_id).remove(&auth_key_id);
        for session in removed.into_iter().flatten() {
            session.wake();
        }
    }

    /// Forgets every session of a key and closes their connections. The key stays good: what it
    /// asks next is answered.
    pub(crate) fn end_key(&self, auth_key_id: i64) {
        let removed = self.0.of(auth_key_id).remove(&auth_key_id);
        for session in removed.into_iter().flatten() {
            session.lock().ended = true;
            session.wake();
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.sum(Vec::len)
    }

    /// Frees the memory of sessions that nobody shows or uses, and of what is over in others.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.0.retain(|sessions| {
            sessions.retain(|s| !s.is_idle(now_ms));
            sessions.iter().for_each(|s| s.lock().session.tick(now_ms));
            !sessions.is_empty()
        });
    }
}
