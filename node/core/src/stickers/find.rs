//! Finding sets and stickers among those of the node.

use node_store::{Keyspace, Order};

use super::make::{SETS_MAX, set_of};
use super::{SET, SetKind, SetName, StickerError, StickerSet, member_prefix};
use crate::ids::UserId;
use crate::media::FileId;
use crate::record::Record as _;
use crate::search::turn;
use crate::{Core, CoreError, CoreResult};

/// Sets that one search looks through.
const LOOKED_AT_MAX: usize = 5000;

/// Sets that are read in one go, before others have their turn: each is up to 64 KiB to decode.
const SETS_PER_TURN: usize = 32;

/// Words, and emoji, of one search: each is compared with each of every set.
const WORDS_MAX: usize = 8;
const EMOJI_MAX: usize = 32;

/// Longest word that is looked for, in characters: none that is found is longer than all keywords
/// of a sticker.
const WORD_CHARS_MAX: usize = 256;

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
        let rows = crate::decide::scan_prefix(store, Keyspace::STICKERS, &prefix, SETS_MAX)?;
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
        let words: Vec<String> = query.split_whitespace().take(WORDS_MAX).map(small).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        self.each_set(|set| {
            let says = |word: &String| has(&set.title, word) || has(&set.short_name, word);
            if set.kind == kind && words.iter().all(says) {
                found.push(set);
            }
            found.len() < FOUND_SETS_MAX
        })
        .await?;
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
        let (word, emoji) = (small(query.trim()), plain_all(emoji));
        let mut found = Vec::new();
        self.each_set(|set| {
            if set.kind == kind {
                found.extend(matching(&set, &emoji, &word));
            }
            found.len() < FOUND_STICKERS_MAX
        })
        .await?;
        self.settled().await?;
        found.truncate(FOUND_STICKERS_MAX);
        Ok(found)
    }

    /// Stickers among those that a member has installed that stand for an emoji.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn stickers_for(&self, owner: UserId, emoji: &str) -> CoreResult<Vec<Found>> {
        let emoji = [plain(emoji)];
        let mut found = Vec::new();
        for (at, id) in self.installed_ids(owner, SetKind::Stickers)?.into_iter().enumerate() {
            if at % SETS_PER_TURN == SETS_PER_TURN - 1 {
                turn().await;
            }
            match self.sticker_set(&SetName::Id(id)) {
                Ok(set) => found.extend(matching(&set, &emoji, "")),
                Err(CoreError::Sticker(StickerError::UnknownSet)) => {}
                Err(other) => return Err(other),
            }
            if found.len() >= FOUND_STICKERS_MAX {
                break;
            }
        }
        found.truncate(FOUND_STICKERS_MAX);
        Ok(found)
    }

    /// The set that a sticker is in, if it is in one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn set_of_sticker(&self, document: FileId) -> CoreResult<Option<i64>> {
        Ok(self.document(document)?.as_ref().and_then(set_of))
    }

    async fn each_set(&self, mut each: impl FnMut(StickerSet) -> bool) -> CoreResult<()> {
        let (store, end) = (&*self.inner.store, [SET + 1]);
        let (mut from, mut looked) = (vec![SET], 0);
        while looked < LOOKED_AT_MAX {
            let rows = store.scan(
                Keyspace::STICKERS,
                &from,
                Some(&end),
                SETS_PER_TURN,
                Order::Ascending,
            )?;
            looked += rows.len();
            for (_, row) in &rows {
                if !each(StickerSet::decode(row)?) {
                    return Ok(());
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == SETS_PER_TURN => from = [key, &[0][..]].concat(),
                _ => break,
            }
            turn().await;
        }
        Ok(())
    }
}

/// An emoji without the selector that asks for a picture: clients say it or not.
fn plain(emoji: &str) -> &str {
    emoji.trim_end_matches('\u{fe0f}')
}

fn plain_all(emoji: &[String]) -> Vec<&str> {
    emoji.iter().take(EMOJI_MAX).map(|one| plain(one)).collect()
}

/// A word in small letters, as far as it is looked at: letter by letter, as [`has`] reads them.
fn small(word: &str) -> String {
    letters(word).take(WORD_CHARS_MAX).collect()
}

/// The letters of a text, small; Greek has two small ones for one, by where it stands.
fn letters(text: &str) -> impl Iterator<Item = char> {
    let one = |c| if c == 'ς' { 'σ' } else { c };
    text.chars().flat_map(char::to_lowercase).map(one)
}

/// Whether a text has a word that is in small letters. Texts of thousands of sets are read: none is
/// copied for it.
fn has(text: &str, word: &str) -> bool {
    text.char_indices().any(|(at, _)| begins(text.get(at..).unwrap_or_default(), word))
}

/// Whether a text begins with a word that is in small letters.
fn begins(text: &str, word: &str) -> bool {
    let mut letters = letters(text);
    word.chars().all(|letter| letters.next() == Some(letter))
}

/// The stickers of a set that stand for one of `emoji`, or that have the word.
fn matching<'a>(
    set: &'a StickerSet,
    emoji: &'a [&str],
    word: &'a str,
) -> impl Iterator<Item = Found> + 'a {
    let matches = set.stickers.iter().filter(move |sticker| {
        let stands = sticker.emoji.iter().any(|one| emoji.contains(&plain(one)));
        stands || (!word.is_empty() && sticker.keywords.iter().any(|known| begins(known, word)))
    });
    matches.map(|sticker| Found { document: sticker.document, set: set.id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case() {
        for (text, word, found) in [
            ("Night Owls", "OWL", true),
            ("Night Owls", "ow ls", false),
            ("ΣΊΣΥΦΟΣ", "σίσυφος", true),
            ("σίσυφος", "ΣΊΣΥΦΟΣ", true),
            ("Ёлки", "ёлк", true),
            ("", "a", false),
        ] {
            assert_eq!(has(text, &small(word)), found, "{text} {word}");
        }
        assert!(begins("Happy", &small("HAP")) && !begins("unhappy", "happy"));
    }
}
