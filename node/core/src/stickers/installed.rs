//! Which sets a member has installed.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{SetKind, SetName, StickerError, StickerSet, set_key};
use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

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

    /// The numbers of the sets of one kind that a member has installed; some may be gone.
    pub(super) fn installed_ids(&self, owner: UserId, kind: SetKind) -> CoreResult<Vec<i64>> {
        let sets: Option<Installed> = self.inner.personal(owner)?.get(&[kind.byte()])?;
        Ok(sets.unwrap_or_default().0.into_iter().map(|(id, _)| id).collect())
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
                Err(error) if is_unknown(&error) => {}
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
            if archived {
                decide.archive(owner, set.kind, &[set.id])?;
                return Ok(Vec::new());
            }
            decide.install(owner, set.kind, &[set.id])
        })
        .await
    }

    /// Uninstalls a set, also from the archive, and also one that is gone.
    ///
    /// # Errors
    /// [`StickerError::UnknownSet`] for one that is neither there nor installed.
    pub async fn uninstall_set(
        &self,
        actor: Actor,
        owner: UserId,
        name: SetName,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let (id, known) = match decide.stored_set(&name) {
                Ok(set) => (set.id, true),
                Err(error) => match name {
                    SetName::Id(id) if is_unknown(&error) => (id, false),
                    _ => return Err(error),
                },
            };
            let mut had = false;
            for kind in SetKind::ALL {
                had |= decide.uninstall(owner, kind, &[id])?;
            }
            if had || known { Ok(()) } else { Err(StickerError::UnknownSet.into()) }
        })
        .await
    }

    /// Does the same to several sets at once; those that are gone can be uninstalled, and are left
    /// out otherwise.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn toggle_sets(
        &self,
        actor: Actor,
        owner: UserId,
        names: Vec<SetName>,
        how: Toggle,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let (mut there, mut gone) = (Vec::new(), Vec::new());
            for name in names {
                match decide.stored_set(&name) {
                    Ok(set) => there.push((set.kind, set.id)),
                    Err(error) if is_unknown(&error) => {
                        gone.extend(if let SetName::Id(id) = name { Some(id) } else { None });
                    }
                    Err(error) => return Err(error),
                }
            }
            for kind in SetKind::ALL {
                let of_kind = there.iter().filter(|(of, _)| *of == kind).map(|(_, id)| *id);
                let mut ids: Vec<i64> = of_kind.collect();
                match how {
                    Toggle::Uninstall => {
                        ids.extend(&gone);
                        decide.uninstall(owner, kind, &ids)?;
                    }
                    _ if ids.is_empty() => {}
                    Toggle::Archive => decide.archive(owner, kind, &ids)?,
                    Toggle::Unarchive => drop(decide.install(owner, kind, &ids)?),
                }
            }
            Ok(())
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
            let mut lists = decide.lists(owner, kind)?;
            let place = |id: i64| order.iter().take(INSTALLED_MAX).position(|known| *known == id);
            // Stable: the rest stays as it was.
            lists.installed.sort_by_key(|(id, _)| place(*id).unwrap_or(usize::MAX));
            decide.put_lists(owner, kind, lists)?;
            decide.tell_own(owner, Own::StickerSetsOrder(kind));
            Ok(())
        })
        .await
    }
}

/// What is done to several sets at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toggle {
    /// They are in neither list any more.
    Uninstall,
    /// They go to the archive.
    Archive,
    /// They are installed.
    Unarchive,
}

fn is_unknown(error: &CoreError) -> bool {
    matches!(error, CoreError::Sticker(StickerError::UnknownSet))
}

/// The sets of one kind that a member has: numbers, and when they were installed.
struct Lists {
    installed: Vec<(i64, i32)>,
    archived: Vec<(i64, i32)>,
}

impl Lists {
    /// Takes sets out of both lists; says whether one was there.
    fn remove(&mut self, sets: &[i64]) -> bool {
        let before = self.installed.len() + self.archived.len();
        self.installed.retain(|(id, _)| !sets.contains(id));
        self.archived.retain(|(id, _)| !sets.contains(id));
        self.installed.len() + self.archived.len() < before
    }
}

impl Decide<'_> {
    fn lists(&self, owner: UserId, kind: SetKind) -> CoreResult<Lists> {
        let key = [kind.byte()];
        let installed: Installed = self.personal(owner, &key)?.unwrap_or_default();
        let archived: Archived = self.personal(owner, &key)?.unwrap_or_default();
        Ok(Lists { installed: installed.0, archived: archived.0 })
    }

    /// Writes what a member has. Its maker may have ended a set, which nobody goes through all
    /// members for: it leaves their lists here, and takes no place in them.
    fn put_lists(&mut self, owner: UserId, kind: SetKind, mut lists: Lists) -> CoreResult<()> {
        for list in [&mut lists.installed, &mut lists.archived] {
            let mut there = Vec::with_capacity(list.len());
            for (id, date) in list.drain(..) {
                if self.get(Keyspace::STICKERS, &set_key(id))?.is_some() {
                    there.push((id, date));
                }
            }
            *list = there;
        }
        let Lists { mut installed, mut archived } = lists;
        let more = installed.split_off(installed.len().min(INSTALLED_MAX));
        archived.splice(0..0, more);
        archived.truncate(ARCHIVED_MAX);
        let (key, installed, archived) = ([kind.byte()], Installed(installed), Archived(archived));
        self.set_personal(owner, &key, (!installed.0.is_empty()).then_some(&installed))?;
        self.set_personal(owner, &key, (!archived.0.is_empty()).then_some(&archived))
    }

    /// Installs sets of one kind at the top; answers those that had to go to the archive.
    pub(super) fn install(
        &mut self,
        owner: UserId,
        kind: SetKind,
        sets: &[i64],
    ) -> CoreResult<Vec<i64>> {
        let mut lists = self.lists(owner, kind)?;
        lists.remove(sets);
        let before: Vec<i64> = lists.installed.iter().map(|(id, _)| *id).collect();
        let now = self.now();
        for set in sets {
            // Named twice, it is there once.
            lists.installed.retain(|(id, _)| id != set);
            lists.installed.insert(0, (*set, now));
            self.tell_own(owner, Own::NewStickerSet(*set));
        }
        self.put_lists(owner, kind, lists)?;
        let after = self.lists(owner, kind)?;
        let archived = |id: &i64| after.archived.iter().any(|(known, _)| known == id);
        Ok(before.into_iter().filter(archived).collect())
    }

    fn archive(&mut self, owner: UserId, kind: SetKind, sets: &[i64]) -> CoreResult<()> {
        let mut lists = self.lists(owner, kind)?;
        lists.remove(sets);
        let now = self.now();
        for set in sets {
            lists.archived.retain(|(id, _)| id != set);
            lists.archived.insert(0, (*set, now));
        }
        self.put_lists(owner, kind, lists)?;
        self.tell_own(owner, Own::StickerSets(kind));
        Ok(())
    }

    /// Says whether one of them was there.
    pub(super) fn uninstall(
        &mut self,
        owner: UserId,
        kind: SetKind,
        sets: &[i64],
    ) -> CoreResult<bool> {
        let mut lists = self.lists(owner, kind)?;
        if !lists.remove(sets) {
            return Ok(false);
        }
        self.put_lists(owner, kind, lists)?;
        self.tell_own(owner, Own::StickerSets(kind));
        Ok(true)
    }
}
