//! Which sets a member has installed.

use serde::{Deserialize, Serialize};

use super::{SetKind, SetName, StickerError, StickerSet};
use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreResult};

/// Installed sets of one kind; the oldest beyond it go to the archive.
const INSTALLED_MAX: usize = 200;

/// Archived sets of one kind.
const ARCHIVED_MAX: usize = 200;

/// Numbers and when they were installed, in the member's order. Rest of the key: the kind.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Installed(Vec<(i64, i32)>);

impl Record for Installed {
    const VERSION: u8 = 1;
    const NAME: &'static str = "installed sets";
}

impl PersonalRecord for Installed {
    const KIND: u8 = 93;
}

/// Numbers, the newest first. Rest of the key: the kind.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Archived(Vec<(i64, i32)>);

impl Record for Archived {
    const VERSION: u8 = 1;
    const NAME: &'static str = "archived sets";
}

impl PersonalRecord for Archived {
    const KIND: u8 = 94;
}

/// A set as a member has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledSet {
    /// The set.
    pub set: StickerSet,
    /// What the member has done with it.
    pub flags: SetFlags,
}

/// What a member has done with a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetFlags {
    /// When it was installed, in unix seconds; `None`: it was not.
    pub installed: Option<i32>,
    /// It is in the archive.
    pub archived: bool,
}

impl Core {
    /// What a member has done with a set.
    ///
    /// # Errors
    /// Those of the store.
    pub fn set_flags(&self, owner: UserId, set: &StickerSet) -> CoreResult<SetFlags> {
        let (personal, key) = (self.inner.personal(owner)?, [set.kind.byte()]);
        let date =
            |sets: &[(i64, i32)]| sets.iter().find(|(id, _)| *id == set.id).map(|(_, date)| *date);
        let installed: Option<Installed> = personal.get(&key)?;
        if let Some(date) = installed.and_then(|sets| date(&sets.0)) {
            return Ok(SetFlags { installed: Some(date), archived: false });
        }
        let archived: Option<Archived> = personal.get(&key)?;
        let date = archived.and_then(|sets| date(&sets.0));
        Ok(SetFlags { installed: date, archived: date.is_some() })
    }

    /// The sets of one kind that a member has installed, in their order.
    ///
    /// # Errors
    /// Those of the store.
    pub fn installed_sets(&self, owner: UserId, kind: SetKind) -> CoreResult<Vec<InstalledSet>> {
        let sets: Option<Installed> = self.inner.personal(owner)?.get(&[kind.byte()])?;
        self.sets_of(sets.unwrap_or_default().0, false)
    }

    /// The sets of one kind in a member's archive, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn archived_sets(&self, owner: UserId, kind: SetKind) -> CoreResult<Vec<InstalledSet>> {
        let sets: Option<Archived> = self.inner.personal(owner)?.get(&[kind.byte()])?;
        self.sets_of(sets.unwrap_or_default().0, true)
    }

    /// Those that are still there.
    fn sets_of(&self, sets: Vec<(i64, i32)>, archived: bool) -> CoreResult<Vec<InstalledSet>> {
        let mut found = Vec::with_capacity(sets.len());
        for (id, date) in sets {
            match self.sticker_set(&SetName::Id(id)) {
                Ok(set) => {
                    let flags = SetFlags { installed: Some(date), archived };
                    found.push(InstalledSet { set, flags });
                }
                Err(crate::CoreError::Sticker(StickerError::UnknownSet)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }

    /// Installs a set, at the top or in the archive; answers those that had to go to the archive.
    ///
    /// # Errors
    /// [`StickerError::UnknownSet`].
    pub async fn install_set(
        &self,
        actor: Actor,
        owner: UserId,
        name: SetName,
        archived: bool,
    ) -> CoreResult<Vec<i64>> {
        self.write(Some(actor), move |decide| {
            let set = decide.stored_set(&name)?;
            if archived { decide.archive(owner, &set) } else { decide.install(owner, &set) }
        })
        .await
    }

    /// Uninstalls a set, also from the archive.
    ///
    /// # Errors
    /// [`StickerError::UnknownSet`].
    pub async fn uninstall_set(
        &self,
        actor: Actor,
        owner: UserId,
        name: SetName,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let set = decide.stored_set(&name)?;
            decide.uninstall(owner, set.kind, set.id)
        })
        .await
    }

    /// Puts the installed sets of one kind into an order; those that are not named follow.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reorder_sets(
        &self,
        actor: Actor,
        owner: UserId,
        kind: SetKind,
        order: Vec<i64>,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let key = [kind.byte()];
            let known: Installed = decide.personal(owner, &key)?.unwrap_or_default();
            let place = |id: i64| order.iter().take(INSTALLED_MAX).position(|known| *known == id);
            let mut sets = known.0;
            // Stable: the rest stays as it was.
            sets.sort_by_key(|(id, _)| place(*id).unwrap_or(usize::MAX));
            decide.set_personal(owner, &key, Some(&Installed(sets)))?;
            decide.tell_own(owner, Own::StickerSetsOrder(kind));
            Ok(())
        })
        .await
    }
}

impl Decide<'_> {
    pub(super) fn install(&mut self, owner: UserId, set: &StickerSet) -> CoreResult<Vec<i64>> {
        let key = [set.kind.byte()];
        let mut installed: Installed = self.personal(owner, &key)?.unwrap_or_default();
        let mut archived: Archived = self.personal(owner, &key)?.unwrap_or_default();
        installed.0.retain(|(id, _)| *id != set.id);
        archived.0.retain(|(id, _)| *id != set.id);
        installed.0.insert(0, (set.id, self.now()));
        let gone = installed.0.split_off(installed.0.len().min(INSTALLED_MAX));
        archived.0.splice(0..0, gone.iter().copied());
        archived.0.truncate(ARCHIVED_MAX);
        self.set_personal(owner, &key, Some(&installed))?;
        self.set_personal(owner, &key, (!archived.0.is_empty()).then_some(&archived))?;
        self.tell_own(owner, Own::NewStickerSet(set.id));
        Ok(gone.into_iter().map(|(id, _)| id).collect())
    }

    fn archive(&mut self, owner: UserId, set: &StickerSet) -> CoreResult<Vec<i64>> {
        let key = [set.kind.byte()];
        let mut installed: Installed = self.personal(owner, &key)?.unwrap_or_default();
        let mut archived: Archived = self.personal(owner, &key)?.unwrap_or_default();
        installed.0.retain(|(id, _)| *id != set.id);
        archived.0.retain(|(id, _)| *id != set.id);
        archived.0.insert(0, (set.id, self.now()));
        archived.0.truncate(ARCHIVED_MAX);
        self.set_personal(owner, &key, (!installed.0.is_empty()).then_some(&installed))?;
        self.set_personal(owner, &key, Some(&archived))?;
        self.tell_own(owner, Own::StickerSets(set.kind));
        Ok(Vec::new())
    }

    pub(super) fn uninstall(&mut self, owner: UserId, kind: SetKind, set: i64) -> CoreResult<()> {
        let key = [kind.byte()];
        let mut installed: Installed = self.personal(owner, &key)?.unwrap_or_default();
        let mut archived: Archived = self.personal(owner, &key)?.unwrap_or_default();
        let before = installed.0.len() + archived.0.len();
        installed.0.retain(|(id, _)| *id != set);
        archived.0.retain(|(id, _)| *id != set);
        if installed.0.len() + archived.0.len() == before {
            return Ok(());
        }
        self.set_personal(owner, &key, (!installed.0.is_empty()).then_some(&installed))?;
        self.set_personal(owner, &key, (!archived.0.is_empty()).then_some(&archived))?;
        self.tell_own(owner, Own::StickerSets(kind));
        Ok(())
    }
}
