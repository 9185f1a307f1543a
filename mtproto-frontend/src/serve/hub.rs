//! Who is there to be told: sessions by member, and what core tells them.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use node_core::{
    Actor, AuthKeyId, BoxEvent, ChannelId, ChatChange, CoreResult, Event, Follower, Own, PeerId,
    Standing, UserId,
};

use super::lanes::Lanes;
use super::sessions::SessionEntry;
use crate::frontend::Shared;
use crate::project::{FanOut, Pushed, Typing};
use crate::session::NeutralUpdate;
use crate::sharded::Sharded;

/// How many others learn that a member came, went, or changed names. Protects the node: with one
/// known to everybody this is everybody.
const AUDIENCE_MAX: usize = 500;

/// Members of a channel who are told at once what changes beside its messages, such as reactions. Where
/// more are there, clients ask for what they show, as they do anyway: each change told to each of a
/// thousand would be a million updates for a popular post.
const TOLD_BESIDE_MAX: usize = 200;

/// Numbers of messages that are looked at for who wrote them when a channel was read further: whoever
/// wrote before is told by the next dialog.
const SEEN_MAX: u16 = 100;

/// Sessions that take updates, by member; and the members who have some, by channel.
///
/// A channel may have a hundred thousand members: what happens there costs as much as there are
/// members with a session. Both tables change under the lock of the member's row, which is taken
/// before that of a channel's.
#[derive(Default)]
pub(crate) struct Hub {
    members: Sharded<Present>,
    channels: Sharded<BTreeSet<UserId>>,
    /// By which members of channels are told.
    pub(super) lanes: Lanes,
}

/// A member with a session.
#[derive(Default)]
struct Present {
    sessions: Vec<Weak<SessionEntry>>,
    /// Where this member is listed.
    channels: BTreeSet<ChannelId>,
    /// Whether all channels that the member is in are among them.
    is_listed: bool,
    /// How often that changed since.
    changes: u32,
}

impl Hub {
    /// Updates of `user` go to `session` from now on, and of nobody else; unless the login has ended,
    /// which is asked again once it would be found here.
    ///
    /// A session that is only asked for the bytes of files takes them for want of another one of its
    /// key. `channels` are those that the member is in: asked for the first session of a member, and
    /// again if one changed meanwhile.
    pub(crate) fn subscribe(
        &self,
        user: UserId,
        session: &Arc<SessionEntry>,
        about_bytes: bool,
        is_logged_in: impl FnOnce() -> bool,
        channels: impl Fn() -> CoreResult<Vec<ChannelId>>,
    ) {
        if about_bytes && self.has_another(user, session) {
            return;
        }
        let (before, for_want) = {
            let mut state = session.lock();
            let before = state.subscriber.replace(user);
            let for_want = state.for_want;
            state.for_want = about_bytes && (for_want || before != Some(user));
            (before, for_want)
        };
        if !about_bytes && (for_want || before != Some(user)) {
            let key = session.auth_key();
            self.remove(user, |known| {
                let other = known.auth_key() == key && !Arc::ptr_eq(known, session);
                let goes = other && known.lock().for_want;
                if goes {
                    known.lose_updates();
                }
                goes
            });
        }
        if before == Some(user) {
            return;
        }
        if let Some(before) = before {
            self.remove(before, |known| Arc::ptr_eq(known, session));
        }
        let taken = Arc::downgrade(session);
        self.members.of(user.0).entry(user.0).or_default().sessions.push(taken);
        self.list(user, channels);
        // Ended since the caller looked: the event found nothing to end.
        if !is_logged_in() {
            self.remove(user, |known| {
                let goes = Arc::ptr_eq(known, session);
                if goes {
                    known.lose_updates();
                }
                goes
            });
        }
    }

    /// Lists a member under the channels that it is in, unless that was done. They are read without a
    /// lock, so what changes meanwhile makes them be read again.
    fn list(&self, user: UserId, channels: impl Fn() -> CoreResult<Vec<ChannelId>>) {
        loop {
            let changes = match self.members.of(user.0).get(&user.0) {
                Some(present) if !present.is_listed => present.changes,
                _ => return,
            };
            let found = match channels() {
                Ok(found) => found,
                Err(cause) => {
                    // The client misses a pts, and the next session tries again.
                    tracing::error!(%cause, "a member is not told what happens in channels");
                    return;
                }
            };
            let mut shard = self.members.of(user.0);
            let Some(present) = shard.get_mut(&user.0) else { return };
            if present.changes != changes {
                continue;
            }
            present.is_listed = true;
            for channel in found {
                if present.channels.insert(channel) {
                    self.channels.of(channel.0).entry(channel.0).or_default().insert(user);
                }
            }
            return;
        }
    }

    /// Somebody came to a channel, or left it.
    fn move_member(&self, user: UserId, channel: ChannelId, is_in: bool) {
        let mut shard = self.members.of(user.0);
        // Who is not there is listed by the first session.
        let Some(present) = shard.get_mut(&user.0) else { return };
        present.changes = present.changes.wrapping_add(1);
        if is_in {
            if present.channels.insert(channel) {
                self.channels.of(channel.0).entry(channel.0).or_default().insert(user);
            }
        } else if present.channels.remove(&channel) {
            self.unlist(user, channel);
        }
    }

    fn unlist(&self, user: UserId, channel: ChannelId) {
        let mut shard = self.channels.of(channel.0);
        if let Some(members) = shard.get_mut(&channel.0) {
            members.remove(&user);
            if members.is_empty() {
                shard.remove(&channel.0);
            }
        }
    }

    /// Members of a channel who have a session.
    pub(super) fn present_in(&self, channel: ChannelId) -> Vec<UserId> {
        let shard = self.channels.of(channel.0);
        shard.get(&channel.0).map_or_else(Vec::new, |members| members.iter().copied().collect())
    }

    /// Members of a channel who are told what changes beside its messages: who has a session, or of
    /// too many only those who are concerned.
    fn told_beside(&self, channel: ChannelId, concerned: &[UserId]) -> Vec<UserId> {
        let mut present = self.present_in(channel);
        if present.len() > TOLD_BESIDE_MAX {
            present.retain(|viewer| concerned.contains(viewer));
        }
        present
    }

    /// Whether another session of the same key takes updates.
    fn has_another(&self, user: UserId, session: &Arc<SessionEntry>) -> bool {
        let key = session.auth_key();
        self.sessions(user)
            .iter()
            .any(|known| known.auth_key() == key && !Arc::ptr_eq(known, session))
    }

    /// No session of this login takes updates any more.
    fn end(&self, user: UserId, auth_key: AuthKeyId) {
        self.remove(user, |known| {
            let ends = known.auth_key() == Some(auth_key);
            if ends {
                known.lose_updates();
            }
            ends
        });
    }

    fn remove(&self, user: UserId, goes: impl Fn(&Arc<SessionEntry>) -> bool) {
        let mut shard = self.members.of(user.0);
        if let Some(present) = shard.get_mut(&user.0) {
            present.sessions.retain(|known| known.upgrade().is_some_and(|known| !goes(&known)));
            if present.sessions.is_empty() {
                for channel in std::mem::take(&mut present.channels) {
                    self.unlist(user, channel);
                }
                shard.remove(&user.0);
            }
        }
    }

    /// The sessions that take updates of `user`.
    pub(crate) fn sessions(&self, user: UserId) -> Vec<Arc<SessionEntry>> {
        let shard = self.members.of(user.0);
        shard.get(&user.0).map_or_else(Vec::new, |present| {
            present.sessions.iter().filter_map(Weak::upgrade).collect()
        })
    }

    /// Frees the memory of sessions that are gone.
    pub(crate) fn sweep(&self) {
        self.members.retain_by_id(|user, present| {
            present.sessions.retain(|session| session.strong_count() > 0);
            if !present.sessions.is_empty() {
                return true;
            }
            for channel in std::mem::take(&mut present.channels) {
                self.unlist(UserId(user), channel);
            }
            false
        });
    }
}

/// Hands what core tells to the sessions; the frontend's [`Follower`].
pub(super) struct Pusher(pub(super) Weak<Shared>);

impl Follower for Pusher {
    fn happened(&self, event: &Event) {
        let Some(shared) = self.0.upgrade() else { return };
        if lane(event).is_none_or(|channel| !shared.hub.lanes.take(channel, event)) {
            shared.push(event);
        }
    }
}

/// The channel whose lane an event goes through: what all who are there are told, in its order.
pub(super) fn lane(event: &Event) -> Option<ChannelId> {
    match event {
        Event::Box(event) => event.owner.channel(),
        Event::Channel { channel, .. }
        | Event::ChannelReactions { channel, .. }
        | Event::ChannelPoll { channel, .. }
        | Event::ChannelCounts { channel, .. }
        | Event::TopicsPinned { channel, .. } => Some(*channel),
        _ => None,
    }
}

impl Shared {
    /// Puts what happened into the outboxes of the sessions that are to know.
    pub(super) fn push(self: &Arc<Self>, event: &Event) {
        let (shared, core, hub) = (self, &self.core, &self.hub);
        match event {
            Event::Box(event) => {
                if let Some(viewer) = event.owner.user() {
                    tell(shared, viewer, event);
                }
                if let Some(channel) = event.owner.channel() {
                    let update = FanOut::new(shared, channel, event);
                    for viewer in hub.present_in(channel) {
                        push(hub.sessions(viewer), event.actor, &update.to(viewer));
                    }
                }
            }
            Event::Channel { channel, change, actor } => {
                for viewer in hub.present_in(*channel) {
                    let update = Pushed::channel(shared, viewer, *channel, *change);
                    push(hub.sessions(viewer), *actor, &update);
                }
            }
            Event::ChannelReactions { channel, id, concerned, actor } => {
                let (peer, id) = (PeerId::from(*channel), *id);
                for viewer in hub.told_beside(*channel, concerned) {
                    let update = Pushed::own(shared, viewer, Own::Reactions { peer, id });
                    push(hub.sessions(viewer), *actor, &update);
                }
            }
            Event::ChannelPoll { channel, id, poll, creator, actor } => {
                for viewer in hub.told_beside(*channel, &[*creator]) {
                    let update = Pushed::channel_poll(shared, viewer, *channel, *id, *poll);
                    push(hub.sessions(viewer), *actor, &update);
                }
            }
            Event::ChannelCounts { channel, views, forwards } => {
                let counts = Arc::new((views.clone(), forwards.clone()));
                for viewer in hub.told_beside(*channel, &[]) {
                    let update = Pushed::counts(shared, viewer, *channel, counts.clone());
                    push(hub.sessions(viewer), None, &update);
                }
            }
            Event::ChannelRequests { channel, audience, actor } => {
                for viewer in audience {
                    let update = Pushed::channel_requests(shared, *viewer, *channel);
                    push(hub.sessions(*viewer), *actor, &update);
                }
            }
            Event::ChannelMember { channel, user, actor } => {
                match core.is_in_channel(*channel, *user) {
                    Ok(is_in) => hub.move_member(*user, *channel, is_in),
                    Err(cause) => tracing::error!(%cause, "who is in a channel is not known"),
                }
                let update = Pushed::channel(shared, *user, *channel, ChatChange::Members);
                push(hub.sessions(*user), *actor, &update);
            }
            Event::ChannelRead { channel, user, read, actor } => {
                let update = Pushed::channel_read(shared, *user, *channel, *read);
                push(hub.sessions(*user), *actor, &update);
            }
            Event::ChannelSeen { channel, by, after, max_id } => {
                let present = hub.present_in(*channel);
                if present.iter().all(|viewer| viewer == by) {
                    return;
                }
                let writers = told(core.writers_in_channel(*channel, *after, *max_id, SEEN_MAX));
                for viewer in present {
                    if viewer != *by && writers.contains(&viewer) {
                        for session in hub.sessions(viewer) {
                            session.push(Pushed::channel_seen(shared, viewer, *channel, *max_id));
                        }
                    }
                }
            }
            Event::ThreadRead { channel, top, user, max_id, actor } => {
                let update = Pushed::thread_read(shared, *user, (*channel, *top), *max_id);
                push(hub.sessions(*user), *actor, &update);
            }
            Event::TopicsPinned { channel, pinned, actor } => {
                for viewer in hub.present_in(*channel) {
                    let update = Pushed::topics_pinned(shared, viewer, *channel, *pinned);
                    push(hub.sessions(viewer), *actor, &update);
                }
            }
            Event::ThreadSeen { channel, top, by, after, max_id } => {
                let thread = (*channel, *top);
                let writers = core.writers_in_thread(*channel, *top, *after, *max_id, SEEN_MAX);
                // Also who is not in the group, and has commented there.
                for viewer in told(writers).into_iter().filter(|viewer| viewer != by) {
                    let update = Pushed::thread_seen(shared, viewer, thread, *max_id);
                    push(hub.sessions(viewer), None, &update);
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
            Event::Own { owner, change, actor } => {
                let update = Pushed::own(shared, *owner, change.clone());
                push(hub.sessions(*owner), *actor, &update);
            }
            Event::PasswordNeeded { user, auth_key } => {
                shared.auth_keys.set_standing(*auth_key, Standing::PasswordNeeded(*user));
            }
            Event::Login { user, login } => {
                for session in hub.sessions(*user) {
                    if session.auth_key() != Some(login.auth_key) {
                        session.push(Pushed::login(shared, *user, login));
                    }
                }
            }
            Event::LoginToken { auth_key } => {
                for key in shared.keys_of(*auth_key) {
                    for session in shared.sessions.of_key(key) {
                        session.push(Pushed::login_token(shared));
                    }
                }
            }
            Event::Secret { user, device, update, actor } => {
                let mut sessions = hub.sessions(*user);
                sessions.retain(|session| session.auth_key() == Some(*device));
                push(sessions, *actor, &Pushed::secret(shared, *user, update));
            }
            Event::Typing { from, to, action, doing, thread } => {
                let here = action.clone().and_then(|action| action.downcast::<Typing>().ok());
                let told = || doing.map(|doing| Arc::new(Typing::of(doing, *thread)));
                let Some(action) = here.or_else(told) else { return };
                let viewers = match to {
                    PeerId::Chat(chat) => core.chat(*chat).map_or(Vec::new(), |chat| chat.users()),
                    PeerId::Channel(channel) => hub.present_in(*channel),
                    to => to.user().into_iter().collect(),
                };
                for viewer in viewers.into_iter().filter(|viewer| viewer != from) {
                    for session in hub.sessions(viewer) {
                        let action = action.clone();
                        session.push(Pushed::typing(shared, viewer, *from, *to, action));
                    }
                }
            }
            Event::Chat { chat, audience, change, actor } => {
                for viewer in audience {
                    let sessions = hub.sessions(*viewer);
                    if !sessions.is_empty() {
                        push(sessions, *actor, &Pushed::chat(shared, *viewer, *chat, *change));
                    }
                }
            }
            Event::Presence { user } => {
                for viewer in told(core.presence_audience(*user, AUDIENCE_MAX)) {
                    for session in hub.sessions(viewer).iter().filter(|s| s.is_shown()) {
                        session.push(Pushed::status(shared, viewer, *user));
                    }
                }
            }
            Event::Profile { user } => {
                for viewer in audience(shared, *user).into_iter().chain([*user]) {
                    for session in hub.sessions(viewer) {
                        session.push(Pushed::profile(shared, viewer, *user));
                    }
                }
            }
            Event::Shown { user } => {
                for viewer in audience(shared, *user) {
                    for session in hub.sessions(viewer) {
                        session.push(Pushed::shown(shared, viewer, *user));
                    }
                }
            }
            Event::Photo { user } => {
                for viewer in audience(shared, *user).into_iter().chain([*user]) {
                    for session in hub.sessions(viewer) {
                        session.push(Pushed::shown(shared, viewer, *user));
                    }
                }
            }
            Event::Phone { user } => {
                for viewer in audience(shared, *user).into_iter().chain([*user]) {
                    for session in hub.sessions(viewer) {
                        session.push(Pushed::phone(shared, viewer, *user));
                    }
                }
            }
            Event::Contact { owner, user } => {
                for session in hub.sessions(*owner) {
                    session.push(Pushed::settings(shared, *owner, *user));
                }
            }
            _ => {}
        }
    }
}

/// Hands an event of a box to somebody who is to see it.
fn tell(shared: &Arc<Shared>, viewer: UserId, event: &Arc<BoxEvent>) {
    let sessions = shared.hub.sessions(viewer);
    if !sessions.is_empty() {
        push(sessions, event.actor, &Pushed::event(shared, viewer, event));
    }
}

/// To all but the session that acted: it has the change in its answer.
fn push(
    sessions: Vec<Arc<SessionEntry>>,
    actor: Option<Actor>,
    update: &Arc<impl NeutralUpdate + 'static>,
) {
    for session in sessions {
        if !acted(actor, &session) {
            session.push(update.clone());
        }
    }
}

/// Whether it is this session that did it.
pub(super) fn acted(actor: Option<Actor>, session: &SessionEntry) -> bool {
    actor.is_some_and(|actor| {
        actor.session_id == session.session_id && session.auth_key() == Some(actor.auth_key)
    })
}

fn audience(shared: &Shared, user: UserId) -> Vec<UserId> {
    told(shared.core.acquaintances(user, AUDIENCE_MAX))
}

fn told<T: Default>(audience: CoreResult<T>) -> T {
    audience.unwrap_or_else(|cause| {
        // Lossy by nature: the next one is told again.
        tracing::warn!(%cause, "nobody is told of a member");
        T::default()
    })
}

impl Shared {
    /// Ends the connections of a key and of all that act for it; what they ask next gets 401.
    fn end_sessions(&self, auth_key: AuthKeyId) {
        for key in self.keys_of(auth_key) {
            self.sessions.end_key(key);
        }
    }

    /// A permanent key and those that act for it.
    fn keys_of(&self, auth_key: AuthKeyId) -> impl Iterator<Item = i64> {
        let temporary = self.auth_keys.bound_to(auth_key.0).unwrap_or_else(|cause| {
            tracing::error!(%cause, "the temporary keys of a login are left out");
            Vec::new()
        });
        temporary.into_iter().chain([auth_key.0])
    }
}

#[cfg(test)]
mod tests {
    use keys::AuthKey;

    use super::super::sessions::Sessions;
    use super::*;
    use crate::auth_keys::KeyEntry;
    use crate::session::Session;

    const ADA: UserId = UserId(1_000_001);
    const BOB: UserId = UserId(1_000_002);

    fn none() -> CoreResult<Vec<ChannelId>> {
        Ok(Vec::new())
    }

    fn session(sessions: &Sessions) -> Arc<SessionEntry> {
        let key = AuthKey::from_slice(&[1; 256]).unwrap();
        let key = Arc::new(KeyEntry::new(key, 1, 0, 0, 0));
        sessions.get_or_make(&key, 1, 0, || Session::new(1, 1, 0)).unwrap()
    }

    #[test]
    fn a_session_takes_the_updates_of_one_member() {
        let (hub, sessions) = (Hub::default(), Sessions::default());
        let session = session(&sessions);
        hub.subscribe(ADA, &session, false, || true, none);
        hub.subscribe(ADA, &session, false, || true, none);
        assert_eq!(hub.sessions(ADA).len(), 1);
        hub.subscribe(BOB, &session, false, || true, none);
        assert_eq!((hub.sessions(ADA).len(), hub.sessions(BOB).len()), (0, 1));
        hub.end(ADA, session.auth_key().unwrap());
        assert_eq!(hub.sessions(BOB).len(), 1, "that was another's login");
        hub.end(BOB, session.auth_key().unwrap());
        assert!(hub.sessions(BOB).is_empty());
    }

    /// Line 42: one that loads and uploads gets none, as long as another one of the client does.
    #[test]
    fn a_session_for_bytes_takes_updates_for_want_of_another() {
        let (hub, sessions) = (Hub::default(), Sessions::default());
        let key = Arc::new(KeyEntry::new(AuthKey::from_slice(&[1; 256]).unwrap(), 1, 0, 0, 0));
        let make = |number| {
            let new = || Session::new(number, 1, 0);
            sessions.get_or_make(&key, number, 0, new).unwrap()
        };
        let (files, main, more) = (make(1), make(2), make(3));
        hub.subscribe(ADA, &files, true, || true, none);
        assert!(Arc::ptr_eq(&hub.sessions(ADA)[0], &files), "there is no other");
        hub.subscribe(ADA, &main, false, || true, none);
        hub.subscribe(ADA, &more, true, || true, none);
        hub.subscribe(ADA, &files, true, || true, none);
        assert_eq!(hub.sessions(ADA).len(), 1);
        assert!(Arc::ptr_eq(&hub.sessions(ADA)[0], &main));
        // Who asks for anything else wants updates too.
        hub.subscribe(ADA, &files, false, || true, none);
        assert_eq!(hub.sessions(ADA).len(), 2);
    }

    /// A call looks whom its key acts for, the login ends, the call goes on.
    #[test]
    fn a_login_that_ended_meanwhile_is_not_subscribed() {
        let (hub, sessions) = (Hub::default(), Sessions::default());
        let session = session(&sessions);
        let ended = || {
            assert_eq!(hub.sessions(ADA).len(), 1, "what ends it from here on finds it");
            false
        };
        hub.subscribe(ADA, &session, false, ended, none);
        assert!(hub.sessions(ADA).is_empty());
        // The same key may log in again.
        hub.subscribe(ADA, &session, false, || true, none);
        assert_eq!(hub.sessions(ADA).len(), 1);
    }

    #[test]
    fn of_too_many_only_those_are_told_beside_whom_it_concerns() {
        let (hub, sessions) = (Hub::default(), Sessions::default());
        let channel = ChannelId(5);
        let mut kept = Vec::new();
        let mut comes = |number: u8| {
            let key = AuthKey::from_slice(&[number; 256]).unwrap();
            let key = Arc::new(KeyEntry::new(key, 1, 0, 0, 0));
            let new = || Session::new(1, 1, 0);
            let session = sessions.get_or_make(&key, 1, 0, new).unwrap();
            let user = UserId(ADA.0 + i64::from(number));
            hub.subscribe(user, &session, false, || true, || Ok(vec![channel]));
            kept.push(session);
        };
        (0..200).for_each(&mut comes);
        assert_eq!(hub.told_beside(channel, &[]).len(), 200);
        comes(200);
        assert_eq!(hub.told_beside(channel, &[BOB, UserId(7)]), [BOB]);
        assert!(hub.told_beside(channel, &[]).is_empty());
        assert_eq!(hub.present_in(channel).len(), 201, "messages are told to all");
    }

    #[test]
    fn sessions_that_are_gone_need_no_memory() {
        let (hub, sessions) = (Hub::default(), Sessions::default());
        let session = session(&sessions);
        hub.subscribe(ADA, &session, false, || true, none);
        hub.sweep();
        assert_eq!(hub.sessions(ADA).len(), 1);
        sessions.end_key(session.key.id);
        drop(session);
        hub.sweep();
        assert!(hub.members.of(ADA.0).is_empty());
    }

    const NEWS: ChannelId = ChannelId(1);
    const TALK: ChannelId = ChannelId(2);

    #[test]
    fn members_who_are_there_are_found_by_channel() {
        let (hub, sessions) = (Hub::default(), Sessions::default());
        let session = session(&sessions);
        hub.move_member(ADA, TALK, true);
        assert!(hub.present_in(TALK).is_empty(), "nobody is there");
        hub.subscribe(ADA, &session, false, || true, || Ok(vec![NEWS]));
        assert_eq!((hub.present_in(NEWS), hub.present_in(TALK)), (vec![ADA], vec![]));
        hub.move_member(ADA, TALK, true);
        hub.move_member(ADA, NEWS, false);
        assert_eq!((hub.present_in(NEWS), hub.present_in(TALK)), (vec![], vec![ADA]));
        assert!(hub.channels.of(NEWS.0).is_empty(), "no memory for nobody");
        // The session is somebody else's from now on.
        hub.subscribe(BOB, &session, false, || true, || Ok(vec![NEWS]));
        assert_eq!((hub.present_in(NEWS), hub.present_in(TALK)), (vec![BOB], vec![]));
        hub.end(BOB, session.auth_key().unwrap());
        assert!(hub.present_in(NEWS).is_empty());
    }

    #[test]
    fn a_channel_that_is_left_while_channels_are_read_is_not_listed() {
        let (hub, sessions) = (Hub::default(), Sessions::default());
        let session = session(&sessions);
        let calls = std::cell::Cell::new(0);
        let channels = || {
            calls.set(calls.get() + 1);
            if calls.get() > 1 {
                return Ok(vec![TALK]);
            }
            // What was read is old by the time it is listed.
            hub.move_member(ADA, NEWS, false);
            hub.move_member(ADA, TALK, true);
            Ok(vec![NEWS])
        };
        hub.subscribe(ADA, &session, false, || true, channels);
        assert_eq!(calls.get(), 2);
        assert_eq!((hub.present_in(NEWS), hub.present_in(TALK)), (vec![], vec![ADA]));
    }

    #[test]
    fn channels_that_could_not_be_read_are_read_for_the_next_session() {
        let (hub, sessions) = (Hub::default(), Sessions::default());
        let first = session(&sessions);
        hub.subscribe(ADA, &first, false, || true, || Err(node_core::CoreError::Busy));
        assert_eq!((hub.sessions(ADA).len(), hub.present_in(NEWS)), (1, vec![]));
        let second = sessions.get_or_make(&first.key, 2, 0, || Session::new(2, 1, 0)).unwrap();
        hub.subscribe(ADA, &second, false, || true, || Ok(vec![NEWS]));
        assert_eq!(hub.present_in(NEWS), vec![ADA]);
        sessions.end_key(first.key.id);
        drop((first, second));
        hub.sweep();
        assert!(hub.present_in(NEWS).is_empty());
        assert!(hub.channels.of(NEWS.0).is_empty());
    }
}
