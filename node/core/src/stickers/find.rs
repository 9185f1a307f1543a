//! Finding sets and stickers among those of the node.

use node_store::{Keyspace, Order};

use super::make::set_of;
use super::{SET, SetKind, SetName, StickerSet, member_prefix};
use crate::ids::UserId;
use crate::media::FileId;
use crate::record::Record as _;
use crate::{Core, CoreResult};

/// Sets that one search looks through, and rows of one read.
const LOOKED_AT_MAX: usize = 5000;
const ROWS_AT_ONCE: usize = 200;

/// Sets and stickers that one search finds.
const FOUND_SETS_MAX: usize = 100;
const FOUND_STICKERS_MAX: usize = 200;

/// A sticker that was found, and the set that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub document: FileId,
    /// The set's number.
    pub set: i64,
}

impl Core {
    /// The sets that a member has made, the oldest number first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn own_sets(&self, owner: UserId) -> CoreResult<Vec<StickerSet>> {
        let (store, prefix) = (&*self.inner.store, member_prefix(owner));
        let rows = crate::decide::scan_prefix(store, Keyspace::STICKERS, &prefix, ROWS_AT_ONCE)?;
        self.settled().await?;
        let mut sets = Vec::with_capacity(rows.len());
        for (key, _) in rows {
            let id = key.last_chunk().map_or(0, |id| i64::from_be_bytes(*id));
            sets.extend(self.sticker_set(&SetName::Id(id)).ok());
        }
        sets.sort_by_key(|set| (set.date, set.id));
        Ok(sets)
    }

    /// Sets of one kind whose title or name has all words of `query`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn search_sets(&self, kind: SetKind, query: &str) -> CoreResult<Vec<StickerSet>> {
        let words: Vec<String> = query.to_lowercase().split_whitespace().map(Into::into).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        self.each_set(|set| {
            let said = format!("{} {}", set.title, set.short_name).to_lowercase();
            if set.kind == kind && words.iter().all(|word| said.contains(word)) {
                found.push(set);
            }
            found.len() < FOUND_SETS_MAX
        })?;
        self.settled().await?;
        Ok(found)
    }

    /// Stickers of one kind that stand for one of `emoji`, or that have a word of `query`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn search_stickers(
        &self,
        kind: SetKind,
        emoji: &[String],
        query: &str,
    ) -> CoreResult<Vec<Found>> {
        let word = query.trim().to_lowercase();
        let mut found = Vec::new();
        self.each_set(|set| {
            if set.kind == kind {
                found.extend(matching(&set, emoji, &word));
            }
            found.len() < FOUND_STICKERS_MAX
        })?;
        self.settled().await?;
        found.truncate(FOUND_STICKERS_MAX);
        Ok(found)
    }

    /// Stickers among those that a member has installed that stand for an emoji.
    ///
    /// # Errors
    /// Those of the store.
    pub fn stickers_for(&self, owner: UserId, emoji: &str) -> CoreResult<Vec<Found>> {
        let emoji = [emoji.to_owned()];
        let sets = self.installed_sets(owner, SetKind::Stickers)?;
        let found = sets.iter().flat_map(|installed| matching(&installed.set, &emoji, ""));
        Ok(found.take(FOUND_STICKERS_MAX).collect())
    }

    /// The set that a sticker is in, if it is in one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn set_of_sticker(&self, document: FileId) -> CoreResult<Option<i64>> {
        Ok(self.document(document)?.as_ref().and_then(set_of))
    }

    fn each_set(&self, mut each: impl FnMut(StickerSet) -> bool) -> CoreResult<()> {
        let (store, end) = (&*self.inner.store, [SET + 1]);
        let (mut from, mut looked) = (vec![SET], 0);
        while looked < LOOKED_AT_MAX {
            let rows = store.scan(
                Keyspace::STICKERS,
                &from,
                Some(&end),
                ROWS_AT_ONCE,
                Order::Ascending,
            )?;
            looked += rows.len();
            for (_, row) in &rows {
                if !each(StickerSet::decode(row)?) {
                    return Ok(());
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_AT_ONCE => from = [key, &[0][..]].concat(),
                _ => break,
            }
        }
        Ok(())
    }
}

/// The stickers of a set that stand for one of `emoji`, or that have the word.
fn matching(set: &StickerSet, emoji: &[String], word: &str) -> Vec<Found> {
    let plain = |emoji: &str| emoji.trim_end_matches('\u{fe0f}').to_owned();
    let wanted: Vec<String> = emoji.iter().map(|one| plain(one)).collect();
    let matches = set.stickers.iter().filter(|sticker| {
        let stands = sticker.emoji.iter().any(|one| wanted.contains(&plain(one)));
        stands || (!word.is_empty() && sticker.keywords.iter().any(|known| known.starts_with(word)))
    });
    matches.map(|sticker| Found { document: sticker.document, set: set.id }).collect()
}
