//! Who is there to be told: sessions by member, and what core tells them.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use node_core::{AuthKeyId, Event, Follower, Standing, UserId};
use parking_lot::{Mutex, MutexGuard};
use tl::enums::SendMessageAction;

use super::sessions::SessionEntry;
use crate::frontend::Shared;
use crate::project::Pushed;

/// Shards of the table: two cores rarely meet in one.
const SHARDS: usize = 16;

/// How many others learn that a member came, went, or changed names. Protects the node: with one
/// known to everybody this is everybody.
const AUDIENCE_MAX: usize = 500;

/// Sessions that take updates, by member.
#[derive(Default)]
pub(crate) struct Hub {
    shards: [Mutex<HashMap<UserId, Vec<Weak<SessionEntry>>>>; SHARDS],
}

impl Hub {
    fn shard(&self, user: UserId) -> MutexGuard<'_, HashMap<UserId, Vec<Weak<SessionEntry>>>> {
        let place = user.0.unsigned_abs() as usize % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "the place is taken modulo the length")]
        self.shards[place].lock()
    }

    /// Updates of `user` go to `session` from now on, and of nobody else.
    pub(crate) fn subscribe(&self, user: UserId, session: &Arc<SessionEntry>) {
        let before = session.lock().subscriber.replace(user);
        if before == Some(user) {
            return;
        }
        if let Some(before) = before {
            self.remove(before, |known| Arc::ptr_eq(known, session));
        }
        let mut shard = self.shard(user);
        let sessions = shard.entry(user).or_default();
        sessions.retain(|known| known.strong_count() > 0);
        sessions.push(Arc::downgrade(session));
    }

    /// No session of this login takes updates any more.
    fn end(&self, user: UserId, auth_key: AuthKeyId) {
        self.remove(user, |known| {
            let ends = known.auth_key() == Some(auth_key);
            if ends {
                let mut state = known.lock();
                state.subscriber = None;
                state.session.drop_updates();
            }
            ends
        });
    }

    fn remove(&self, user: UserId, goes: impl Fn(&Arc<SessionEntry>) -> bool) {
        let mut shard = self.shard(user);
        if let Some(sessions) = shard.get_mut(&user) {
            sessions.retain(|known| known.upgrade().is_some_and(|known| !goes(&known)));
            if sessions.is_empty() {
                shard.remove(&user);
            }
        }
    }

    /// The sessions that take updates of `user`.
    pub(crate) fn sessions(&self, user: UserId) -> Vec<Arc<SessionEntry>> {
        let shard = self.shard(user);
        shard.get(&user).map_or_else(Vec::new, |all| all.iter().filter_map(Weak::upgrade).collect())
    }
}

/// Hands what core tells to the sessions; the frontend's [`Follower`].
pub(super) struct Pusher(pub(super) Weak<Shared>);

impl Follower for Pusher {
    fn happened(&self, event: &Event) {
        let Some(shared) = self.0.upgrade() else { return };
        let (core, hub) = (&shared.core, &shared.hub);
        match event {
            Event::Box(event) => {
                let sessions = hub.sessions(event.owner);
                if sessions.is_empty() {
                    return;
                }
                let update = Pushed::event(core, event);
                for session in sessions {
                    // The acting session has the event in its answer.
                    let acted = event.actor.is_some_and(|actor| {
                        actor.session_id == session.session_id
                            && session.auth_key() == Some(actor.auth_key)
                    });
                    if !acted {
                        session.push(update.clone());
                    }
                }
            }
            Event::LoggedIn { user, auth_key } => {
                shared.auth_keys.set_standing(*auth_key, Standing::LoggedIn(*user));
            }
            Event::LoggedOut { user, auth_key, revoked } => {
                let standing = if *revoked { Standing::Revoked } else { Standing::Unknown };
                shared.auth_keys.set_standing(*auth_key, standing);
                hub.end(*user, *auth_key);
                if *revoked {
                    shared.end_sessions(*auth_key);
                }
            }
            Event::Typing { from, to, action } => {
                let Ok(action) = action.clone().downcast::<SendMessageAction>() else { return };
                let to = to.user();
                for session in hub.sessions(to) {
                    session.push(Pushed::typing(core, to, *from, action.clone()));
                }
            }
            Event::Presence { user } => {
                for viewer in audience(&shared, *user) {
                    for session in hub.sessions(viewer).iter().filter(|s| s.is_shown()) {
                        session.push(Pushed::status(core, viewer, *user));
                    }
                }
            }
            Event::Profile { user } => {
                for viewer in audience(&shared, *user).into_iter().chain([*user]) {
                    for session in hub.sessions(viewer) {
                        session.push(Pushed::profile(core, viewer, *user));
                    }
                }
            }
            Event::Contact { owner, user } => {
                for session in hub.sessions(*owner) {
                    session.push(Pushed::settings(core, *owner, *user));
                }
            }
            _ => {}
        }
    }
}

fn audience(shared: &Shared, user: UserId) -> Vec<UserId> {
    shared.core.acquaintances(user, AUDIENCE_MAX).unwrap_or_else(|cause| {
        // Lossy by nature: the next one is told again.
        tracing::warn!(%cause, "nobody is told of a member");
        Vec::new()
    })
}

impl Shared {
    /// Ends the connections of a key and of all that act for it; what they ask next gets 401.
    fn end_sessions(&self, auth_key: AuthKeyId) {
        let temporary = self.auth_keys.bound_to(auth_key.0).unwrap_or_else(|cause| {
            tracing::error!(%cause, "temporary keys of an ended login keep their connections");
            Vec::new()
        });
        for key in temporary.into_iter().chain([auth_key.0]) {
            self.sessions.end_key(key);
        }
    }
}
