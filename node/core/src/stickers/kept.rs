//! Files that a member keeps at hand: stickers that were used lately, favourite ones, GIFs.

use serde::{Deserialize, Serialize};

use super::StickerError;
use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, UserId};
use crate::media::{Document, DocumentAttribute, FileId, Media};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreResult};

/// Recent stickers, and GIFs: `stickers_recent_limit` and `saved_gifs_limit`.
pub const KEPT_MAX: usize = 200;

/// Favourite stickers: `stickers_faved_limit`.
pub const FAVED_MAX: usize = 5;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Stickers that were sent lately.
    Recent,
    /// Stickers that were put on photos lately.
    RecentAttached,
    /// Favourite stickers.
    Faved,
    /// GIFs.
    Gifs,
}

impl Kept {
    const ALL: [Self; 4] = [Self::Recent, Self::RecentAttached, Self::Faved, Self::Gifs];

    const fn byte(self) -> u8 {
        match self {
            Self::Recent => 0,
            Self::RecentAttached => 1,
            Self::Faved => 2,
            Self::Gifs => 3,
        }
    }

    const fn max(self) -> usize {
        match self {
            Self::Faved => FAVED_MAX,
            Self::Recent | Self::RecentAttached | Self::Gifs => KEPT_MAX,
        }
    }

    const fn told(self) -> Own {
        match self {
            Self::Recent | Self::RecentAttached => Own::RecentStickers,
            Self::Faved => Own::FavedStickers,
            Self::Gifs => Own::SavedGifs,
        }
    }

    fn takes(self, document: &Document) -> Result<(), StickerError> {
        use DocumentAttribute as Is;
        let is = |what: fn(&Is) -> bool| document.attributes.iter().any(what);
        match self {
            Self::Gifs if !is(|is| matches!(is, Is::Animated)) => Err(StickerError::NoGif),
            Self::Recent | Self::RecentAttached | Self::Faved
                if !is(|is| matches!(is, Is::Sticker { .. })) =>
            {
                Err(StickerError::StickerInvalid)
            }
            _ => Ok(()),
        }
    }

    fn missing(self) -> StickerError {
        if self == Self::Gifs { StickerError::NoGif } else { StickerError::StickerInvalid }
    }
}

/// Files and since when they are kept (unix seconds), the newest first. Rest of the key: [`Kept`].
#[derive(Debug, Default, Serialize, Deserialize)]
struct KeptFiles(Vec<(FileId, i32)>);

impl Record for KeptFiles {
    const VERSION: u8 = 1;
    const NAME: &'static str = "kept files";
}

impl PersonalRecord for KeptFiles {
    const KIND: u8 = 95;
}

impl Core {
    /// What a member keeps, the newest first, each with the time of it in unix seconds.
    ///
    /// # Errors
    /// Those of the store.
    pub fn kept(&self, owner: UserId, what: Kept) -> CoreResult<Vec<(FileId, i32)>> {
        let kept: Option<KeptFiles> = self.inner.personal(owner)?.get(&[what.byte()])?;
        Ok(kept.unwrap_or_default().0)
    }

    /// Whether a member keeps a file, in any of the lists.
    pub(crate) fn keeps(&self, owner: UserId, file: FileId) -> CoreResult<bool> {
        let personal = self.inner.personal(owner)?;
        for (_, kept) in personal.all::<KeptFiles>()? {
            if kept.0.iter().any(|(known, _)| *known == file) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keeps a file at hand, or no longer. That the member may show it was looked at before.
    ///
    /// # Errors
    /// [`StickerError::StickerInvalid`], [`StickerError::NoGif`].
    pub async fn keep(
        &self,
        actor: Actor,
        owner: UserId,
        what: Kept,
        file: FileId,
        keeps: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| decide.keep(owner, what, file, keeps)).await
    }

    /// Keeps none of these any more.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn clear_kept(&self, actor: Actor, owner: UserId, what: Kept) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            decide.forget_kept_of(owner, what)?;
            decide.tell_own(owner, what.told());
            Ok(())
        })
        .await
    }
}

impl Decide<'_> {
    /// A member sends media, not as a forward: stickers and GIFs are at hand from then on. Clients
    /// put them into their lists and ask for nothing, as Telegram's server does the same; TDLib
    /// leaves out GIFs with stickers on them.
    ///
    /// Sources: <https://core.telegram.org/api/gifs>, <https://core.telegram.org/api/stickers>
    pub(crate) fn keep_sent(&mut self, owner: UserId, media: Option<&Media>) -> CoreResult<()> {
        let Some(Media::Document { document: file, .. }) = media else { return Ok(()) };
        let Some(document) = self.document(*file)? else { return Ok(()) };
        let has_stickers = document.attributes.contains(&DocumentAttribute::HasStickers);
        if Kept::Recent.takes(&document).is_ok() {
            self.keep(owner, Kept::Recent, *file, true)?;
        } else if Kept::Gifs.takes(&document).is_ok() && !has_stickers {
            self.keep(owner, Kept::Gifs, *file, true)?;
        }
        Ok(())
    }

    fn keep(&mut self, owner: UserId, what: Kept, file: FileId, keeps: bool) -> CoreResult<()> {
        let key = [what.byte()];
        let mut kept: KeptFiles = self.personal(owner, &key)?.unwrap_or_default();
        let before = kept.0.len();
        if keeps {
            let document = self.document(file)?.ok_or_else(|| what.missing())?;
            what.takes(&document)?;
        }
        kept.0.retain(|(known, _)| *known != file);
        let had = kept.0.len() < before;
        if !keeps && !had {
            return Ok(());
        }
        if keeps {
            kept.0.insert(0, (file, self.now()));
        }
        if keeps != had {
            self.hold_file(Some(file), if keeps { 1 } else { -1 })?;
        }
        for (gone, _) in kept.0.split_off(kept.0.len().min(what.max())) {
            self.hold_file(Some(gone), -1)?;
        }
        self.set_personal(owner, &key, (!kept.0.is_empty()).then_some(&kept))?;
        self.tell_own(owner, what.told());
        Ok(())
    }

    fn forget_kept_of(&mut self, owner: UserId, what: Kept) -> CoreResult<()> {
        let key = [what.byte()];
        let kept: KeptFiles = self.personal(owner, &key)?.unwrap_or_default();
        for (file, _) in kept.0 {
            self.hold_file(Some(file), -1)?;
        }
        self.set_personal::<KeptFiles>(owner, &key, None)
    }

    /// An account ends: it keeps no file any more. Its sets stay.
    pub(crate) fn forget_kept(&mut self, owner: UserId) -> CoreResult<()> {
        for what in Kept::ALL {
            self.forget_kept_of(owner, what)?;
        }
        Ok(())
    }
}
