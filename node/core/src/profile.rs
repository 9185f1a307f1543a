//! What members say of themselves.

use node_store::Keyspace;

use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{Actor, UserId};
use crate::privacy::PrivacyKey;
use crate::user::{
    ABOUT_CHARS_MAX, Birthday, NameColor, RESERVED_USERNAMES, User, clean_name, is_username,
};
use crate::{Core, CoreError, CoreResult};

/// What everybody may see of a member.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicProfile {
    /// Who.
    pub id: UserId,
    /// First and last name.
    pub name: String,
    /// As its owner spells it.
    pub username: String,
    /// A few words about oneself.
    pub about: Option<String>,
}

impl std::fmt::Debug for PublicProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicProfile").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Core {
    /// Changes names and the text about oneself, where given.
    ///
    /// # Errors
    /// [`CoreError::NameInvalid`], [`CoreError::AboutTooLong`].
    pub async fn update_profile(
        &self,
        actor: Option<Actor>,
        user: UserId,
        first_name: Option<String>,
        last_name: Option<String>,
        about: Option<String>,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            let mut account = decide.user(user)?.ok_or(CoreError::UnknownUser)?;
            let clean = |name: String| clean_name(&name).ok_or(CoreError::NameInvalid);
            if let Some(name) = first_name {
                account.first_name = clean(name)?;
                if account.first_name.is_empty() {
                    return Err(CoreError::NameInvalid);
                }
            }
            if let Some(name) = last_name {
                account.last_name = clean(name)?;
            }
            if let Some(about) = about {
                account.about = about.trim().to_owned();
                if account.about.chars().count() > ABOUT_CHARS_MAX {
                    return Err(CoreError::AboutTooLong);
                }
            }
            decide.put_user(account)?;
            decide.event(Event::Profile { user });
            Ok(())
        })
        .await
    }

    /// What everybody may see of whoever has this username, whatever its case; none also for whom
    /// nobody may see.
    ///
    /// # Errors
    /// Those of the store.
    pub fn public_profile(&self, username: &str) -> CoreResult<Option<PublicProfile>> {
        let directory = &self.inner.directory;
        let user = directory.by_username(username).and_then(|id| directory.get(id));
        let Some(user) = user.filter(|user| !user.deleted) else { return Ok(None) };
        let Some(username) = user.username.clone() else { return Ok(None) };
        let name = user.full_name();
        let shown = self.inner.may_anybody_see(user.id, PrivacyKey::About)?;
        let about = Some(user.about.clone()).filter(|about| shown && !about.is_empty());
        Ok(Some(PublicProfile { id: user.id, name, username, about }))
    }

    /// Sets the birthday; `None` removes it.
    ///
    /// # Errors
    /// [`CoreError::BirthdayInvalid`].
    pub async fn set_birthday(
        &self,
        actor: Option<Actor>,
        user: UserId,
        birthday: Option<Birthday>,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            if birthday.is_some_and(|birthday| !birthday.is_possible(decide.now())) {
                return Err(CoreError::BirthdayInvalid);
            }
            let account = decide.user(user)?.ok_or(CoreError::UnknownUser)?;
            decide.put_user(User { birthday, ..account })?;
            decide.event(Event::Shown { user });
            Ok(())
        })
        .await
    }

    /// Sets how the name, or with `of_profile` the profile page, is painted; `None`: as for
    /// everybody. The edge knows which colours there are.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_color(
        &self,
        actor: Option<Actor>,
        user: UserId,
        of_profile: bool,
        painted: Option<NameColor>,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            let mut account = decide.user(user)?.ok_or(CoreError::UnknownUser)?;
            if of_profile {
                account.profile_color = painted;
            } else {
                account.color = painted;
            }
            decide.put_user(account)?;
            decide.event(Event::Shown { user });
            Ok(())
        })
        .await
    }

    /// Whether a username could be taken by `user`.
    ///
    /// # Errors
    /// [`CoreError::UsernameInvalid`].
    pub async fn is_username_free(&self, user: UserId, name: &str) -> CoreResult<bool> {
        if !may_be_taken(name) {
            return Err(CoreError::UsernameInvalid);
        }
        let holder = self.inner.directory.by_username(name);
        let is_free = holder.is_none_or(|holder| holder == user);
        Ok(is_free && self.channel_by_username(name).is_none())
    }

    /// Changes the username; an empty one removes it.
    ///
    /// # Errors
    /// [`CoreError::UsernameInvalid`], [`CoreError::UsernameOccupied`],
    /// [`CoreError::NotModified`].
    pub async fn update_username(
        &self,
        actor: Option<Actor>,
        user: UserId,
        name: String,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            let mut account = decide.user(user)?.ok_or(CoreError::UnknownUser)?;
            let wanted = (!name.is_empty()).then_some(name);
            if wanted == account.username {
                return Err(CoreError::NotModified);
            }
            if let Some(name) = &wanted {
                if !may_be_taken(name) {
                    return Err(CoreError::UsernameInvalid);
                }
                let holder = decide.get(Keyspace::NAMES, name.to_lowercase().as_bytes())?;
                if holder.is_some_and(|holder| holder != user.bytes()) {
                    return Err(CoreError::UsernameOccupied);
                }
            }
            if let Some(old) = &account.username {
                decide.delete(Keyspace::NAMES, old.to_lowercase().as_bytes());
            }
            if let Some(name) = &wanted {
                let key = name.to_lowercase();
                decide.put_bytes(Keyspace::NAMES, key.as_bytes(), user.bytes().to_vec());
            }
            account.username = wanted;
            decide.put_user(account)?;
            decide.event(Event::Profile { user });
            Ok(())
        })
        .await
    }
}

pub(crate) fn may_be_taken(name: &str) -> bool {
    is_username(name) && !RESERVED_USERNAMES.contains(&name.to_lowercase().as_str())
}

impl Decide<'_> {
    /// Writes an account, and shows it once that is durable.
    pub(crate) fn put_user(&mut self, user: User) -> CoreResult<()> {
        self.put(Keyspace::USERS, &user.id.bytes(), &user)?;
        self.after(move |inner| inner.directory.put(user));
        Ok(())
    }
}
