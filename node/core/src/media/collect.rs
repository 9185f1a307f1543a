//! Removing what nothing keeps.

use node_store::Keyspace;

use super::store::UNHELD;
use super::{BlobId, FileId};
use crate::decide::scan_prefix;
use crate::{Core, CoreError, CoreResult};

/// Files that one command removes.
const AT_ONCE: usize = 64;

/// What a collection removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Files that nothing kept.
    pub files: u64,
    /// Blobs that no file has any more: their bytes may go, once nobody is about to use them again.
    pub blobs: Vec<BlobId>,
}

impl Core {
    /// Removes some files that nothing has kept since before a time (unix seconds), the oldest
    /// first; with `dry_run` only says which. Empty: there are none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn collect_files(&self, before: i32, dry_run: bool) -> CoreResult<Collected> {
        let limit = if dry_run { usize::MAX >> 1 } else { AT_ONCE };
        let rows = scan_prefix(&*self.inner.store, Keyspace::BLOBS, &[UNHELD], limit)?;
        let due = rows.iter().filter_map(|(key, _)| {
            let (since, file) = (key.get(1..5)?, key.get(5..13)?);
            let since = u32::from_be_bytes(since.try_into().ok()?);
            let file = FileId(i64::from_be_bytes(file.try_into().ok()?));
            (since < before.unsigned_abs()).then_some(file)
        });
        let due: Vec<FileId> = due.collect();
        if due.is_empty() || dry_run {
            return Ok(Collected { files: due.len() as u64, blobs: Vec::new() });
        }
        self.write(None, move |decide| {
            let mut collected = Collected::default();
            for file in due {
                if let Some(blobs) = decide.remove_file(file, before)? {
                    collected.files += 1;
                    collected.blobs.extend(blobs);
                }
            }
            Ok::<_, CoreError>(collected)
        })
        .await
    }

    /// Removes some previews of pages that no message has shown since before a time (unix seconds);
    /// with `dry_run` only says how many. 0: there are none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn collect_web_pages(&self, before: i32, dry_run: bool) -> CoreResult<u64> {
        let limit = if dry_run { usize::MAX >> 1 } else { AT_ONCE };
        let due = self.due_web_pages(before, limit)?;
        if due.is_empty() || dry_run {
            return Ok(due.len() as u64);
        }
        self.write(None, move |decide| {
            let mut removed = 0;
            for page in due {
                removed += u64::from(decide.remove_page(page, before)?);
            }
            Ok::<_, CoreError>(removed)
        })
        .await
    }

    /// Whether some file has these bytes: for whoever finds bytes that nothing seems to need.
    ///
    /// # Errors
    /// Those of the store.
    pub fn is_blob_known(&self, blob: &BlobId) -> CoreResult<bool> {
        let key = super::store::blob_key(&self.inner.access_secret, blob);
        Ok(self.inner.store.get(Keyspace::BLOBS, &key)?.is_some())
    }
}
