//! Users as others see them: the one place where it is decided what is shown to whom.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::access::{channel_hash, user_hash};
use crate::contacts::Book;
use crate::federation::Doing;
use crate::ids::{ChannelId, MessageId, PeerId, UserId};
use crate::limits::Limit;
use crate::media::FileId;
use crate::presence::Status;
use crate::privacy::{Privacy, PrivacyKey, What};
use crate::profile_photo::ProfilePhotos;
use crate::user::{Birthday, Contact, User, days_around};
use crate::{Core, CoreError, CoreResult};

/// Acquaintances that a search looks through.
const SEARCHED_MAX: usize = 1000;

/// A user at one viewer's point of view.
#[derive(Debug, Clone)]
pub struct UserView {
    /// The account.
    pub user: Arc<User>,
    /// Proof for this viewer that the account was shown.
    pub access_hash: i64,
    /// How the viewer keeps it in the address book.
    pub contact: Option<Contact>,
    /// Whether each has the other in the address book.
    pub mutual: bool,
    /// The number, where the viewer may see it.
    pub phone: Option<u64>,
    /// Presence, as far as the viewer may see it.
    pub status: Status,
    /// Whether the viewer has blocked it.
    pub blocked: bool,
    /// The photo, where the viewer may see one.
    pub photo: Option<FileId>,
}

/// What the view of a member is made of, before it is known who looks.
#[derive(Debug)]
pub struct Seen {
    pub(crate) user: Arc<User>,
    pub(crate) book: Arc<Book>,
    pub(crate) privacy: Arc<Privacy>,
    photos: ProfilePhotos,
    pub(crate) status: Status,
}

/// What a profile page shows beside the [`UserView`].
#[derive(Clone, Default)]
pub struct ProfileView {
    /// The text about oneself, where the viewer may see it; may be empty.
    pub about: String,
    /// The birthday, likewise.
    pub birthday: Option<Birthday>,
    /// The name that stands over messages which the viewer forwards, where there is no link.
    pub forward_name: Option<String>,
    /// The viewer may not call.
    pub calls_private: bool,
    /// The viewer may not send voice messages.
    pub voice_messages_forbidden: bool,
    /// The viewer does not learn when messages were read.
    pub read_dates_private: bool,
}

impl Core {
    /// The profile page of `user` for `viewer`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn profile(&self, viewer: UserId, user: &User) -> CoreResult<ProfileView> {
        let theirs = self.inner.contacts.book(&*self.inner.store, user.id)?;
        let may = |what| self.inner.may_see(viewer, user.id, &theirs, what);
        let key = |key| may(What::Key(key));
        Ok(ProfileView {
            about: if key(PrivacyKey::About)? { user.about.clone() } else { String::new() },
            birthday: if key(PrivacyKey::Birthday)? { user.birthday } else { None },
            forward_name: (!key(PrivacyKey::Forwards)?).then(|| user.full_name()),
            calls_private: !key(PrivacyKey::PhoneCall)?,
            voice_messages_forbidden: !key(PrivacyKey::VoiceMessages)?,
            read_dates_private: !may(What::ReadDates)?,
        })
    }

    /// The birthdays of the contacts of `owner` that are yesterday, today or tomorrow, by id.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn birthdays(&self, owner: UserId) -> CoreResult<Vec<(UserId, Birthday)>> {
        let near = days_around(self.now());
        let mut birthdays = Vec::new();
        for contact in self.contacts(owner).await? {
            let Some(user) = self.inner.directory.get(contact.user) else { continue };
            let Some(birthday) = user.birthday else { continue };
            if near.contains(&(birthday.month, birthday.day))
                && self.may_see(owner, user.id, What::Key(PrivacyKey::Birthday))?
            {
                birthdays.push((user.id, birthday));
            }
        }
        Ok(birthdays)
    }

    /// `user` as `viewer` sees it; `None` if there is none.
    ///
    /// Shows what is durable, and does not wait: it is also asked while an update is encoded.
    ///
    /// # Errors
    /// Those of the store.
    pub fn view(&self, viewer: UserId, user: UserId) -> CoreResult<Option<UserView>> {
        let Some(seen) = self.seen(user)? else { return Ok(None) };
        self.view_of(viewer, &seen).map(Some)
    }

    /// What [`Core::view`] has to know of `user` whoever looks; `None` if there is none. It is good
    /// while [`Core::version`] and the time stay.
    ///
    /// # Errors
    /// Those of the store.
    pub fn seen(&self, user: UserId) -> CoreResult<Option<Seen>> {
        let inner = &self.inner;
        let Some(user) = inner.directory.get(user) else { return Ok(None) };
        let book = inner.contacts.book(&*inner.store, user.id)?;
        let privacy = inner.personal(user.id)?.privacy()?;
        let (photos, status) = (self.photos_of(user.id)?, inner.status(user.id)?);
        Ok(Some(Seen { user, book, privacy, photos, status }))
    }

    /// [`Core::view`] of who was looked up before, for many viewers.
    ///
    /// # Errors
    /// Those of the store.
    pub fn view_of(&self, viewer: UserId, seen: &Seen) -> CoreResult<UserView> {
        let inner = &self.inner;
        let user = seen.user.clone();
        let access_hash = user_hash(&inner.access_secret, viewer, user.id);
        if user.id == viewer {
            let (phone, status) = (Some(user.phone), seen.status);
            let (contact, mutual, blocked) = (None, false, false);
            let photo = seen.photos.seen(true, true);
            return Ok(UserView {
                user,
                access_hash,
                contact,
                mutual,
                phone,
                status,
                blocked,
                photo,
            });
        }
        let own = inner.contacts.book(&*inner.store, viewer)?;
        let sees = |key| seen.privacy.lets_see(viewer, &seen.book, What::Key(key), &inner.chats);
        let contact = own.contacts.get(&user.id).cloned();
        let knows_viewer = seen.book.contacts.contains_key(&viewer);
        let knows_phone = contact.as_ref().is_some_and(|contact| contact.knows_phone);
        let status = inner.status_for(viewer, &own, seen)?;
        // Who has typed the number knows it, whatever is said since.
        let knows_phone = knows_phone || sees(PrivacyKey::PhoneNumber);
        let has_phone = user.has_number();
        let phone = (knows_phone && has_phone).then_some(user.phone);
        let mutual = contact.is_some() && knows_viewer;
        let blocked = own.blocked.contains_key(&user.id);
        let is_blocked = seen.book.blocked.contains_key(&viewer);
        let photo = seen.photos.seen(sees(PrivacyKey::ProfilePhoto), !is_blocked);
        Ok(UserView { user, access_hash, contact, mutual, phone, status, blocked, photo })
    }

    /// Grows whenever what is shown of anybody or anything may have changed, but by the time and by
    /// how often posts were seen: what was read since it last did is good.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.inner.version.load(Ordering::Acquire)
    }

    /// The proof by which `viewer` may name `user`.
    #[must_use]
    pub fn access_hash(&self, viewer: UserId, user: UserId) -> i64 {
        user_hash(&self.inner.access_secret, viewer, user)
    }

    /// The proof by which `viewer` may name a channel.
    #[must_use]
    pub fn channel_access_hash(&self, viewer: UserId, channel: ChannelId) -> i64 {
        channel_hash(&self.inner.access_secret, viewer, channel.0)
    }

    /// Whether `access_hash` is the one that `viewer` was shown for a channel.
    #[must_use]
    pub fn may_name_channel(&self, viewer: UserId, channel: ChannelId, access_hash: i64) -> bool {
        self.channel_access_hash(viewer, channel) == access_hash
    }

    /// Who or what has this username: a member or a public channel.
    ///
    /// # Errors
    /// [`CoreError::Flood`], [`CoreError::UnknownUser`].
    pub async fn resolve_name(&self, asker: UserId, name: &str) -> CoreResult<PeerId> {
        self.take(Limit::Lookups(asker)).await?;
        let user = self.inner.directory.by_username(name).map(PeerId::from);
        let found = user.or_else(|| self.channel_by_username(name).map(PeerId::from));
        if let Some(channel) = found.and_then(PeerId::channel) {
            self.open_again(channel).await?;
        }
        match (found, self.far_name(name)?) {
            (Some(found), _) => Ok(found),
            (None, Some((name, domain))) => self.resolve_far(asker, &name, &domain).await,
            (None, None) => Err(CoreError::UnknownUser),
        }
    }

    /// Whom `asker` may turn to for help: the node's owner, for whom it is the node itself.
    ///
    /// # Errors
    /// Those of the store.
    pub fn support(&self, asker: UserId) -> CoreResult<UserId> {
        Ok(self.inner.owner()?.filter(|owner| *owner != asker).unwrap_or(UserId::SERVICE))
    }

    /// Whether `access_hash` is the one that `viewer` was shown for `user`.
    #[must_use]
    pub fn may_name(&self, viewer: UserId, user: UserId, access_hash: i64) -> bool {
        user_hash(&self.inner.access_secret, viewer, user) == access_hash
    }

    /// Who has this username.
    ///
    /// # Errors
    /// [`CoreError::Flood`], [`CoreError::UnknownUser`].
    pub async fn resolve_username(&self, asker: UserId, name: &str) -> CoreResult<UserId> {
        self.take(Limit::Lookups(asker)).await?;
        self.inner.directory.by_username(name).ok_or(CoreError::UnknownUser)
    }

    /// Who has this number.
    ///
    /// # Errors
    /// [`CoreError::Flood`], [`CoreError::UnknownUser`] also of who does not want to be found so.
    pub async fn resolve_phone(&self, asker: UserId, phone: u64) -> CoreResult<UserId> {
        self.take(Limit::Lookups(asker)).await?;
        let user = self.inner.directory.by_phone(phone).ok_or(CoreError::UnknownUser)?;
        let found = self.may_see(asker, user, What::Key(PrivacyKey::AddedByPhone))?;
        found.then_some(user).ok_or(CoreError::UnknownUser)
    }

    /// The member with this number, for whoever runs the node.
    #[must_use]
    pub fn member_by_phone(&self, phone: u64) -> Option<UserId> {
        self.inner.directory.by_phone(phone)
    }

    /// Who is found by what somebody types: first those in the asker's address book and dialogs,
    /// by any of their names, then others by their username. The service account is never found.
    ///
    /// # Errors
    /// [`CoreError::Flood`].
    pub async fn search_people(
        &self,
        asker: UserId,
        start: &str,
        limit: usize,
    ) -> CoreResult<(Vec<UserId>, Vec<UserId>)> {
        self.take(Limit::Lookups(asker)).await?;
        let low = start.trim_start_matches('@').to_lowercase();
        // Each word that was typed begins a word of the name.
        let named = |first: &str, last: &str| {
            let name = format!("{first} {last}").to_lowercase();
            low.split_whitespace()
                .all(|typed| name.split_whitespace().any(|w| w.starts_with(typed)))
        };
        let begins = |username: &str| username.to_lowercase().starts_with(&low);
        if low.trim().is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut known = Vec::new();
        for id in self.acquaintances(asker, SEARCHED_MAX)? {
            let Some(view) = self.view(asker, id)? else { continue };
            let matches = view.contact.as_ref().map_or_else(
                || named(&view.user.first_name, &view.user.last_name),
                |contact| named(&contact.first_name, &contact.last_name),
            );
            if matches || view.user.username.as_deref().is_some_and(begins) {
                known.push(id);
            }
        }
        known.truncate(limit);
        let mut others = self.inner.directory.search(&low, limit + known.len() + 2);
        others.retain(|id| *id != UserId::SERVICE && *id != asker && !known.contains(id));
        others.truncate(limit);
        Ok((known, others))
    }

    /// Tells `to` that `from` is writing. Never stored. `doing` is what other nodes are told, `thread` in
    /// which thread of a supergroup.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`], [`CoreError::NotAMember`], [`CoreError::RightMissing`].
    pub fn typing(
        &self,
        from: UserId,
        to: PeerId,
        action: Arc<dyn std::any::Any + Send + Sync>,
        doing: Option<Doing>,
        thread: Option<MessageId>,
    ) -> CoreResult<()> {
        match to {
            PeerId::User(user) => {
                self.inner.directory.get(user).ok_or(CoreError::UnknownUser)?;
                if from == user || self.inner.has_blocked(user, from)? {
                    return Ok(());
                }
            }
            PeerId::Chat(chat) => {
                let found = self.inner.chats.get(chat).ok_or(CoreError::UnknownChat)?;
                found.needs(from, crate::Rights::SEND)?;
            }
            PeerId::Channel(channel) => {
                self.channel_for(from, channel)?.may_post(crate::Rights::SEND)?;
                // Who writes in another name is not seen to write.
                if self.default_sender(from, channel)? != from.into() {
                    return Ok(());
                }
            }
        }
        let action = Some(action);
        self.inner.tell(&crate::Event::Typing { from, to, action, doing, thread });
        Ok(())
    }

    /// Whom `user` knows: those with whom there is a dialog, and contacts.
    ///
    /// # Errors
    /// Those of the store.
    pub fn acquaintances(&self, user: UserId, max: usize) -> CoreResult<Vec<UserId>> {
        let cell = self.inner.boxes.cell(user);
        let state = cell.lock(&*self.inner.store, user)?;
        let known = state.newest_first(None).filter_map(|(peer, _)| peer.user());
        let mut known: Vec<UserId> =
            known.filter(|other| *other != user && *other != UserId::SERVICE).take(max).collect();
        drop(state);
        let mut seen: HashSet<UserId> = known.iter().copied().collect();
        // Those who are in the same groups.
        for chat in self.inner.chats.of(user) {
            let Some(chat) = self.inner.chats.get(chat) else { continue };
            for member in &chat.members {
                if known.len() < max && member.user != user && seen.insert(member.user) {
                    known.push(member.user);
                }
            }
        }
        let book = self.inner.contacts.book(&*self.inner.store, user)?;
        let others = book.contacts.keys().filter(|contact| !seen.contains(*contact)).copied();
        known.extend(others.take(max.saturating_sub(seen.len())));
        Ok(known)
    }
}
