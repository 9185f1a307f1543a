//! Photos of members: the one that is shown, those before it, and one for those who may not see it.
//!
//! Source: <https://core.telegram.org/api/files#profile-pictures>

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{Actor, UserId};
use crate::media::{FileId, Photo};
use crate::personal::PersonalRecord;
use crate::privacy::{PrivacyKey, What};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Photos of one member; the oldest go first.
pub const PROFILE_PHOTOS_MAX: usize = 100;

/// The photos of a member. Each is kept as long as it is here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProfilePhotos {
    /// The one that is shown first.
    photos: Vec<FileId>,
    /// Shown to those who may not see the others.
    fallback: Option<FileId>,
}

impl Record for ProfilePhotos {
    const VERSION: u8 = 1;
    const NAME: &'static str = "profile photos";
}

impl PersonalRecord for ProfilePhotos {
    const KIND: u8 = 80;
}

/// What becomes a profile photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfilePhoto {
    /// One that was just uploaded.
    New(Photo),
    /// One that the member had before.
    Known(FileId),
    /// None: the one that is shown goes, and the one before it is shown.
    None,
}

impl ProfilePhotos {
    /// The one that somebody sees: `sees_all` by the member's rules, `sees_any` by not being blocked.
    pub(crate) fn seen(&self, sees_all: bool, sees_any: bool) -> Option<FileId> {
        if sees_all { self.photos.first().copied() } else { self.fallback.filter(|_| sees_any) }
    }
}

impl Core {
    pub(crate) fn photos_of(&self, user: UserId) -> CoreResult<ProfilePhotos> {
        Ok(self.inner.personal(user)?.get::<ProfilePhotos>(&[])?.unwrap_or_default())
    }

    /// Whether the viewer sees a member's photos; whom the member has blocked sees none at all.
    fn sees_photos(&self, viewer: UserId, user: UserId) -> CoreResult<bool> {
        self.may_see(viewer, user, What::Key(PrivacyKey::ProfilePhoto))
    }

    /// The photo that the viewer sees of a member.
    ///
    /// # Errors
    /// Those of the store.
    pub fn profile_photo(&self, viewer: UserId, user: UserId) -> CoreResult<Option<FileId>> {
        Ok(self.profile_photos(viewer, user)?.first().copied())
    }

    /// All photos that the viewer sees of a member, the one that is shown first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn profile_photos(&self, viewer: UserId, user: UserId) -> CoreResult<Vec<FileId>> {
        let found = self.photos_of(user)?;
        // Most have none: nothing more is asked.
        if found == ProfilePhotos::default() {
            return Ok(Vec::new());
        }
        if self.sees_photos(viewer, user)? {
            return Ok(found.photos);
        }
        let hidden = self.inner.has_blocked(user, viewer)?;
        Ok(found.fallback.filter(|_| !hidden).into_iter().collect())
    }

    /// The photo that a member shows to those who may not see the others.
    ///
    /// # Errors
    /// Those of the store.
    pub fn fallback_photo(&self, user: UserId) -> CoreResult<Option<FileId>> {
        Ok(self.photos_of(user)?.fallback)
    }

    /// Whether the viewer is shown this photo on a member's profile.
    pub(crate) fn is_profile_photo(
        &self,
        viewer: UserId,
        user: UserId,
        photo: FileId,
    ) -> CoreResult<bool> {
        let own = viewer == user && self.fallback_photo(user)? == Some(photo);
        Ok(own || self.profile_photos(viewer, user)?.contains(&photo))
    }

    /// Gives a member another photo, or with `fallback` another one for those who may not see it.
    ///
    /// # Errors
    /// [`CoreError::FileInvalid`] for a photo that the member never had,
    /// [`CoreError::QuotaExceeded`].
    pub async fn set_profile_photo(
        &self,
        actor: Actor,
        user: UserId,
        photo: ProfilePhoto,
        fallback: bool,
    ) -> CoreResult<Option<FileId>> {
        self.write(Some(actor), move |decide| {
            let mut all: ProfilePhotos = decide.personal(user, &[])?.unwrap_or_default();
            let photo = match photo {
                ProfilePhoto::New(photo) => {
                    let id = photo.id;
                    decide.add_photo(photo)?;
                    Some(id)
                }
                ProfilePhoto::Known(id) => {
                    if !all.photos.contains(&id) && all.fallback != Some(id) {
                        return Err(CoreError::FileInvalid);
                    }
                    Some(id)
                }
                ProfilePhoto::None => None,
            };
            let before = all.clone();
            if fallback {
                all.fallback = photo;
            } else {
                match photo {
                    Some(photo) => {
                        all.photos.retain(|known| *known != photo);
                        all.photos.insert(0, photo);
                        all.photos.truncate(PROFILE_PHOTOS_MAX);
                    }
                    None => drop(all.photos.drain(..all.photos.len().min(1))),
                }
            }
            let shown = if fallback { all.fallback } else { all.photos.first().copied() };
            decide.set_photos(user, &before, &all)?;
            Ok(shown)
        })
        .await
    }

    /// Removes photos of a member; answers those that were there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_profile_photos(
        &self,
        actor: Actor,
        user: UserId,
        photos: Vec<FileId>,
    ) -> CoreResult<Vec<FileId>> {
        self.write(Some(actor), move |decide| {
            let before: ProfilePhotos = decide.personal(user, &[])?.unwrap_or_default();
            let mut all = before.clone();
            all.photos.retain(|known| !photos.contains(known));
            all.fallback = all.fallback.filter(|known| !photos.contains(known));
            let had =
                |photo: &FileId| before.photos.contains(photo) || before.fallback == Some(*photo);
            let gone = photos.iter().copied().filter(had).collect();
            decide.set_photos(user, &before, &all)?;
            Ok(gone)
        })
        .await
    }
}

impl ProfilePhotos {
    fn files(&self) -> impl Iterator<Item = FileId> {
        self.photos.iter().copied().chain(self.fallback)
    }
}

impl Decide<'_> {
    fn set_photos(
        &mut self,
        user: UserId,
        before: &ProfilePhotos,
        after: &ProfilePhotos,
    ) -> CoreResult<()> {
        if before == after {
            return Ok(());
        }
        for file in after.files() {
            self.hold_file(Some(file), 1)?;
        }
        for file in before.files() {
            self.hold_file(Some(file), -1)?;
        }
        let none = *after == ProfilePhotos::default();
        self.set_personal(user, &[], (!none).then_some(after))?;
        self.event(Event::Photo { user });
        Ok(())
    }

    /// Lets go of all photos of a member who leaves.
    pub(crate) fn forget_photos(&mut self, user: UserId) -> CoreResult<()> {
        let all: ProfilePhotos = self.personal(user, &[])?.unwrap_or_default();
        for file in all.files() {
            self.hold_file(Some(file), -1)?;
        }
        Ok(())
    }
}
