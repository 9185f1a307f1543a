//! Files between the store and the rules: what they are, who keeps them, what they count for.
//!
//! Keyspace `FILES`, key = file (8) ++ kind: 0 is the [`FileRecord`], 1 who keeps it ([`Held`]).
//! Keyspace `BLOBS`: 0 ++ keyed hash of a blob (32): the blob, and how many files have its bytes
//! ([`BlobRow`]); 1 ++ user (8): bytes of the files that the member has uploaded; 2: bytes of all
//! blobs; 3 ++ since (4) ++ file (8): a file that nothing keeps any more.
//!
//! A file is kept by what shows it: each copy of a message counts, a photo of a group, a set of
//! stickers. What nothing has kept for a while is removed, and with it the blobs that no other file
//! has: see [`crate::Core::collect_files`].

use std::collections::{BTreeMap, BTreeSet};

use node_store::{Batch, Keyspace, Order, Store};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::{BlobId, Document, FileId, FileRecord, Media, Photo, PhotoSize, SealedFile};
use crate::access::blob_tag;
use crate::decide::Decide;
use crate::ids::UserId;
use crate::message::Message;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult, Quotas};

pub(super) const FILE: u8 = 0;
pub(super) const HELD: u8 = 1;

/// Blobs that are listed in one go.
const BLOBS_AT_ONCE: usize = 1024;

pub(super) const BLOB: u8 = 0;
pub(super) const OF_MEMBER: u8 = 1;
pub(super) const OF_NODE: u8 = 2;
pub(super) const UNHELD: u8 = 3;

/// What keeps a file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) count: u32,
    /// Since when nothing does, in unix seconds, if nothing does.
    pub(super) since: u32,
}

impl Held {
    /// Whether nothing has kept it since before a time, in unix seconds.
    pub(super) fn is_due(self, before: i32) -> bool {
        self.count == 0 && self.since < before.unsigned_abs()
    }

    /// What keeps it once so many more do, or fewer, below 0.
    pub(super) fn changed(self, more: i64, now: i32) -> Self {
        let count = i64::from(self.count).saturating_add(more).max(0);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let since = match (self.count, count) {
            // What was not kept before keeps its place in the queue.
            (0, 0) => self.since,
            (_, 0) => now.unsigned_abs(),
            _ => 0,
        };
        Self { count, since }
    }
}

impl Record for Held {
    const VERSION: u8 = 1;
    const NAME: &'static str = "what keeps a file";
}

/// A blob that files have.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct BlobRow {
    pub(super) blob: BlobId,
    pub(super) files: u64,
}

impl Record for BlobRow {
    const VERSION: u8 = 1;
    const NAME: &'static str = "blob of files";
}

fn file_key(file: FileId, kind: u8) -> [u8; 9] {
    let mut key = [kind; 9];
    if let Some(head) = key.first_chunk_mut::<8>() {
        *head = file.bytes();
    }
    key
}

/// Keyed by the node's secret, as the blob's name in its place is: see [`blob_tag`].
pub(super) fn blob_key(secret: &[u8; 32], blob: &BlobId) -> Vec<u8> {
    [&[BLOB][..], &blob_tag(secret, &blob.0)].concat()
}

pub(super) fn member_key(user: UserId) -> Vec<u8> {
    [&[OF_MEMBER][..], &user.bytes()].concat()
}

pub(super) fn unheld_key(since: u32, file: FileId) -> Vec<u8> {
    [&[UNHELD][..], &since.to_be_bytes(), &file.bytes()].concat()
}

pub(super) fn number(row: Option<Vec<u8>>) -> u64 {
    row.and_then(|row| row.try_into().ok()).map_or(0, u64::from_be_bytes)
}

impl FileRecord {
    fn id(&self) -> FileId {
        match self {
            Self::Photo(photo) => photo.id,
            Self::Document(document) => document.id,
            Self::Sealed(file) => file.id,
        }
    }

    pub(super) fn owner(&self) -> UserId {
        match self {
            Self::Photo(photo) => photo.owner,
            Self::Document(document) => document.owner,
            Self::Sealed(file) => file.owner,
        }
    }

    /// Its blobs, each once, with their sizes in bytes.
    pub(super) fn blobs(&self) -> BTreeMap<BlobId, u64> {
        let size = |size: &PhotoSize| (size.blob, u64::from(size.size));
        match self {
            Self::Photo(photo) => photo.sizes.iter().map(size).collect(),
            Self::Sealed(file) => BTreeMap::from([(file.blob, file.size)]),
            Self::Document(document) => {
                let thumbs = document.thumbs.iter().map(size);
                thumbs.chain([(document.blob, document.size)]).collect()
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.blobs().values().sum()
    }
}

/// Key in [`Keyspace::SETTINGS`]: rows of blobs have keyed keys.
const BLOBS_KEYED_KEY: &[u8] = b"blobs_keyed";

/// Gives the rows of blobs the keys and values of [`BlobRow`]. They were the blob itself, and a
/// number of 8 bytes. Goes on where a power cut ended it.
///
/// # Errors
/// Those of the store.
pub(crate) fn key_blobs(store: &dyn Store, secret: &[u8; 32]) -> CoreResult<()> {
    if store.get(Keyspace::SETTINGS, BLOBS_KEYED_KEY)?.is_some() {
        return Ok(());
    }
    let mut from = vec![BLOB];
    loop {
        let rows = store.scan(
            Keyspace::BLOBS,
            &from,
            Some(&[BLOB + 1]),
            BLOBS_AT_ONCE,
            Order::Ascending,
        )?;
        let Some((last, _)) = rows.last() else { break };
        from = [last.as_slice(), &[0]].concat();
        let mut batch = Batch::new();
        for (key, value) in rows {
            // A row of today is longer.
            let (Ok(files), Some(Ok(blob))) =
                (value.try_into().map(u64::from_be_bytes), key.get(1..).map(TryInto::try_into))
            else {
                continue;
            };
            let blob = BlobId(blob);
            let row = BlobRow { blob, files }.encode()?;
            batch.delete(Keyspace::BLOBS, &key).put(Keyspace::BLOBS, &blob_key(secret, &blob), row);
        }
        store.commit_decided(batch)?;
    }
    let mut done = Batch::new();
    done.put(Keyspace::SETTINGS, BLOBS_KEYED_KEY, Vec::new());
    let ticket = store.commit_decided(done)?;
    Ok(store.wait_durable(ticket)?)
}

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Bytes of the files that the member has uploaded and that are still there.
    pub member_bytes: u64,
    /// Bytes of all blobs.
    pub node_bytes: u64,
}

impl Decide<'_> {
    /// What lies under a number.
    pub(crate) fn file(&self, file: FileId) -> CoreResult<Option<FileRecord>> {
        self.load(Keyspace::FILES, &file_key(file, FILE))
    }

    pub(crate) fn photo(&self, file: FileId) -> CoreResult<Option<Photo>> {
        Ok(match self.file(file)? {
            Some(FileRecord::Photo(photo)) => Some(photo),
            _ => None,
        })
    }

    pub(crate) fn document(&self, file: FileId) -> CoreResult<Option<Document>> {
        Ok(match self.file(file)? {
            Some(FileRecord::Document(document)) => Some(document),
            _ => None,
        })
    }

    /// Stores what a photo is; nothing keeps it yet.
    pub(crate) fn add_photo(&mut self, photo: Photo) -> CoreResult<()> {
        let quotas = self.quotas_of(photo.owner);
        self.add_file(FileRecord::Photo(photo), quotas)
    }

    /// Stores what a document is; nothing keeps it yet.
    pub(crate) fn add_document(&mut self, document: Document) -> CoreResult<()> {
        let quotas = self.quotas_of(document.owner);
        self.add_file(FileRecord::Document(document), quotas)
    }

    pub(crate) fn sealed_file(&self, file: FileId) -> CoreResult<Option<SealedFile>> {
        Ok(match self.file(file)? {
            Some(FileRecord::Sealed(file)) => Some(file),
            _ => None,
        })
    }

    /// Stores what a client has encrypted; nothing keeps it yet. Somebody of another node has no share here:
    /// what they send to one person is none of what others get from them.
    pub(crate) fn add_sealed_file(&mut self, file: SealedFile) -> CoreResult<()> {
        let mut quotas = self.quotas_of(file.owner);
        if crate::is_remote(file.owner) {
            quotas.member_bytes = u64::MAX;
        }
        self.add_file(FileRecord::Sealed(file), quotas)
    }

    /// A number that no file has.
    pub(crate) fn draw_file_id(&mut self) -> CoreResult<FileId> {
        loop {
            let id = FileId(self.rng.random_range(1..=i64::MAX));
            if self.file(id)?.is_none() {
                return Ok(id);
            }
        }
    }

    /// Says anew what a document is; its bytes stay the same.
    pub(crate) fn change_document(&mut self, document: Document) -> CoreResult<()> {
        let key = file_key(document.id, FILE);
        self.put(Keyspace::FILES, &key, &FileRecord::Document(document))
    }

    /// What an owner may fill: the node itself no share, but the whole.
    fn quotas_of(&self, owner: UserId) -> Quotas {
        let quotas = self.inner.quotas;
        match owner {
            UserId::SERVICE => Quotas { member_bytes: u64::MAX, ..quotas },
            _ => quotas,
        }
    }

    fn add_file(&mut self, record: FileRecord, quotas: Quotas) -> CoreResult<()> {
        let id = record.id();
        if self.file(id)?.is_some() {
            // Drawn at random from 2^63: somebody sends one that is there.
            return Err(CoreError::FileInvalid);
        }
        let bytes = record.bytes();
        let member = member_key(record.owner());
        let of_member = number(self.get(Keyspace::BLOBS, &member)?).saturating_add(bytes);
        let mut of_node = number(self.get(Keyspace::BLOBS, &[OF_NODE])?);
        let mut rows = Vec::new();
        for (blob, size) in record.blobs() {
            let key = blob_key(&self.inner.access_secret, &blob);
            let row: Option<BlobRow> = self.load(Keyspace::BLOBS, &key)?;
            if row.is_none() {
                of_node = of_node.saturating_add(size);
            }
            rows.push((key, BlobRow { blob, files: row.map_or(0, |row| row.files) + 1 }));
        }
        if of_member > quotas.member_bytes || of_node > quotas.node_bytes {
            return Err(CoreError::QuotaExceeded);
        }
        for (key, row) in rows {
            self.put(Keyspace::BLOBS, &key, &row)?;
        }
        self.put_bytes(Keyspace::BLOBS, &member, of_member.to_be_bytes().to_vec());
        self.put_bytes(Keyspace::BLOBS, &[OF_NODE], of_node.to_be_bytes().to_vec());
        self.put(Keyspace::FILES, &file_key(id, FILE), &record)?;
        let since = self.now().unsigned_abs();
        self.put(Keyspace::FILES, &file_key(id, HELD), &Held { count: 0, since })?;
        self.put_bytes(Keyspace::BLOBS, &unheld_key(since, id), Vec::new());
        Ok(())
    }

    /// What the files of a message are made of.
    pub(crate) fn blobs_of(&self, message: &Message) -> CoreResult<Vec<BlobId>> {
        let file = message.media.as_ref().and_then(Media::file);
        let record = file.map(|file| self.file(file)).transpose()?.flatten();
        Ok(record.map(|record| record.blobs().into_keys().collect()).unwrap_or_default())
    }

    /// Whether anything keeps a file.
    pub(crate) fn is_held(&self, file: FileId) -> CoreResult<bool> {
        let held: Option<Held> = self.load(Keyspace::FILES, &file_key(file, HELD))?;
        Ok(held.is_some_and(|held| held.count > 0))
    }

    /// So many more keep a file; or fewer, below 0.
    pub(crate) fn hold_file(&mut self, file: Option<FileId>, more: i64) -> CoreResult<()> {
        let Some(file) = file else { return Ok(()) };
        let key = file_key(file, HELD);
        let Some(held) = self.load::<Held>(Keyspace::FILES, &key)? else { return Ok(()) };
        let held_now = held.changed(more, self.now());
        if held.count == 0 && held_now.count > 0 {
            self.delete(Keyspace::BLOBS, &unheld_key(held.since, file));
        }
        if held.count > 0 && held_now.count == 0 {
            self.put_bytes(Keyspace::BLOBS, &unheld_key(held_now.since, file), Vec::new());
        }
        self.put(Keyspace::FILES, &key, &held_now)
    }

    /// Removes a file that nothing has kept since before a time; answers the blobs that no file has
    /// any more, and none for a file that stays.
    pub(super) fn remove_file(
        &mut self,
        file: FileId,
        before: i32,
    ) -> CoreResult<Option<Vec<BlobId>>> {
        let Some(record) = self.file(file)? else { return Ok(None) };
        let held: Held = self.load(Keyspace::FILES, &file_key(file, HELD))?.unwrap_or_default();
        // Whoever found it due looked before: it may have been shown, and let go, since.
        if !held.is_due(before) {
            return Ok(None);
        }
        self.delete(Keyspace::BLOBS, &unheld_key(held.since, file));
        self.delete(Keyspace::FILES, &file_key(file, FILE));
        self.delete(Keyspace::FILES, &file_key(file, HELD));
        let member = member_key(record.owner());
        let left = number(self.get(Keyspace::BLOBS, &member)?).saturating_sub(record.bytes());
        self.put_bytes(Keyspace::BLOBS, &member, left.to_be_bytes().to_vec());
        let mut of_node = number(self.get(Keyspace::BLOBS, &[OF_NODE])?);
        let mut gone = Vec::new();
        for (blob, size) in record.blobs() {
            let key = blob_key(&self.inner.access_secret, &blob);
            match self.load::<BlobRow>(Keyspace::BLOBS, &key)? {
                Some(row) if row.files > 1 => {
                    self.put(Keyspace::BLOBS, &key, &BlobRow { files: row.files - 1, ..row })?;
                }
                _ => {
                    self.delete(Keyspace::BLOBS, &key);
                    of_node = of_node.saturating_sub(size);
                    gone.push(blob);
                }
            }
        }
        self.put_bytes(Keyspace::BLOBS, &[OF_NODE], of_node.to_be_bytes().to_vec());
        Ok(Some(gone))
    }
}

/// What a document is, as it is in the store.
pub(crate) fn stored_document(store: &dyn Store, file: FileId) -> CoreResult<Option<Document>> {
    let row = store.get(Keyspace::FILES, &file_key(file, FILE))?;
    Ok(match row.map(|row| FileRecord::decode(&row)).transpose()? {
        Some(FileRecord::Document(document)) => Some(document),
        _ => None,
    })
}

impl Core {
    fn file(&self, file: FileId) -> CoreResult<Option<FileRecord>> {
        let row = self.inner.store.get(Keyspace::FILES, &file_key(file, FILE))?;
        row.map(|row| FileRecord::decode(&row)).transpose()
    }

    /// Whose the files are that have any of these blobs, in no order. Looks through all files, if any is
    /// known.
    pub(crate) fn owners_of(
        &self,
        mut blobs: BTreeSet<BlobId>,
    ) -> CoreResult<BTreeSet<(BlobId, UserId)>> {
        const AT_ONCE: usize = 1000;
        for blob in blobs.clone() {
            if !self.is_blob_known(&blob)? {
                blobs.remove(&blob);
            }
        }
        let (mut owners, mut from) = (BTreeSet::new(), Vec::new());
        while !blobs.is_empty() {
            let store = &self.inner.store;
            let rows = store.scan(Keyspace::FILES, &from, None, AT_ONCE, Order::Ascending)?;
            for (_, row) in rows.iter().filter(|(key, _)| key.last() == Some(&FILE)) {
                let record = FileRecord::decode(row)?;
                let has = record.blobs().into_keys().filter(|blob| blobs.contains(blob));
                owners.extend(has.map(|blob| (blob, record.owner())));
            }
            match rows.last() {
                Some((last, _)) if rows.len() == AT_ONCE => {
                    from.clone_from(last);
                    from.push(0);
                }
                _ => break,
            }
        }
        Ok(owners)
    }

    /// What a photo is, as it is in the store: who names it was told of it when it was durable.
    ///
    /// # Errors
    /// Those of the store.
    pub fn photo(&self, file: FileId) -> CoreResult<Option<Photo>> {
        Ok(match self.file(file)? {
            Some(FileRecord::Photo(photo)) => Some(photo),
            _ => None,
        })
    }

    /// A file that a client has encrypted; see [`Core::photo`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn sealed_file(&self, file: FileId) -> CoreResult<Option<SealedFile>> {
        Ok(match self.file(file)? {
            Some(FileRecord::Sealed(file)) => Some(file),
            _ => None,
        })
    }

    /// What a document is; see [`Core::photo`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn document(&self, file: FileId) -> CoreResult<Option<Document>> {
        Ok(match self.file(file)? {
            Some(FileRecord::Document(document)) => Some(document),
            _ => None,
        })
    }

    /// Stores a photo that its owner means to send or to show. Nothing keeps it yet.
    ///
    /// # Errors
    /// [`CoreError::QuotaExceeded`].
    pub async fn add_photo(&self, photo: Photo) -> CoreResult<()> {
        self.write(None, move |decide| decide.add_photo(photo)).await
    }

    /// Stores a document; see [`Core::add_photo`].
    ///
    /// # Errors
    /// [`CoreError::QuotaExceeded`].
    pub async fn add_document(&self, document: Document) -> CoreResult<()> {
        self.write(None, move |decide| decide.add_document(document)).await
    }

    /// Blobs that files have, in an order that says nothing: some after `after`. Empty: there are
    /// none.
    ///
    /// # Errors
    /// Those of the store.
    pub fn blobs_after(&self, after: Option<BlobId>) -> CoreResult<Vec<BlobId>> {
        let secret = &self.inner.access_secret;
        let mut from = after.map_or_else(|| vec![BLOB], |after| blob_key(secret, &after));
        if after.is_some() {
            from.push(0);
        }
        let (store, end) = (&self.inner.store, [BLOB + 1]);
        let rows =
            store.scan(Keyspace::BLOBS, &from, Some(&end), BLOBS_AT_ONCE, Order::Ascending)?;
        rows.iter().map(|(_, row)| Ok(BlobRow::decode(row)?.blob)).collect()
    }

    /// Stores a document that comes with the node, and keeps it for ever. A full node takes it too:
    /// it has to start.
    ///
    /// # Errors
    /// [`CoreError::FileInvalid`] where it is there already.
    pub async fn bundle(&self, document: Document) -> CoreResult<()> {
        self.write(None, move |decide| {
            let id = document.id;
            let quotas = Quotas { member_bytes: u64::MAX, node_bytes: u64::MAX };
            decide.add_file(FileRecord::Document(document), quotas)?;
            decide.hold_file(Some(id), 1)
        })
        .await
    }

    /// Who has uploaded a file, if it is there.
    pub(super) fn file_owner(&self, file: FileId) -> CoreResult<Option<UserId>> {
        Ok(self.file(file)?.map(|record| record.owner()))
    }

    /// Whether a file is there.
    pub(super) fn file_is_there(&self, file: FileId) -> CoreResult<bool> {
        Ok(self.inner.store.get(Keyspace::FILES, &file_key(file, FILE))?.is_some())
    }

    /// How many keep a file, for tests that count them anew.
    #[cfg(test)]
    pub(crate) fn held(&self, file: FileId) -> CoreResult<Option<u32>> {
        let row = self.inner.store.get(Keyspace::FILES, &file_key(file, HELD))?;
        let held = row.map(|row| Held::decode(&row)).transpose()?;
        Ok(held.map(|held| held.count))
    }

    /// Bytes of all blobs of files.
    ///
    /// # Errors
    /// Those of the store.
    pub fn stored_bytes(&self) -> CoreResult<u64> {
        Ok(number(self.inner.store.get(Keyspace::BLOBS, &[OF_NODE])?))
    }

    /// What is stored, for a member and in all.
    ///
    /// # Errors
    /// Those of the store.
    pub fn stored(&self, member: UserId) -> CoreResult<Stored> {
        let store = &self.inner.store;
        Ok(Stored {
            member_bytes: number(store.get(Keyspace::BLOBS, &member_key(member))?),
            node_bytes: number(store.get(Keyspace::BLOBS, &[OF_NODE])?),
        })
    }
}
