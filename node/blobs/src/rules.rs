//! What parts may be, as Telegram's clients know it.
//!
//! Source: <https://core.telegram.org/api/files#uploading-files>

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::PartError;
use crate::id::CHUNK_BYTES;

/// What a small file may have in all: a larger one is sent as a big one.
pub const SMALL_FILE_BYTES_MAX: u64 = 10 << 20;
/// Parts of a file: 2 GB.
pub const PARTS_MAX: u32 = 4000;
/// Sizes of parts are multiples of this.
const PART_UNIT_BYTES: u32 = 1024;

/// By which method parts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `upload.saveFilePart`: at most 10 MB.
    Small,
    /// `upload.saveBigFilePart`.
    Big,
}

/// One part of an upload.
#[derive(Debug, Clone)]
pub struct Part {
    /// Who uploads: uploads of one are not those of another.
    pub owner: i64,
    /// The client's name for the upload, any number.
    pub file: i64,
    /// Which part, from 0.
    pub index: u32,
    /// How many parts there are; `None` while the client does not know (-1), and for a small file.
    pub total: Option<u32>,
    /// By which method it comes.
    pub kind: Kind,
    /// What is in it: 1 byte to 512 KiB.
    pub bytes: Bytes,
}

impl Part {
    /// What can be said about a part without knowing others.
    pub(crate) fn check(&self) -> Result<(), PartError> {
        if self.bytes.is_empty() {
            return Err(PartError::Empty);
        }
        if self.bytes.len() > CHUNK_BYTES {
            return Err(PartError::TooBig);
        }
        if self.total.is_some_and(|total| !(1..=PARTS_MAX).contains(&total)) {
            return Err(PartError::Parts);
        }
        if self.index >= self.total.unwrap_or(PARTS_MAX) {
            return Err(PartError::Index);
        }
        Ok(())
    }

    pub(crate) fn size(&self) -> u32 {
        self.bytes.len() as u32
    }
}

/// Whether parts that are not the last may have this size.
fn divides(size: u32) -> bool {
    size.is_multiple_of(PART_UNIT_BYTES) && (CHUNK_BYTES as u32).is_multiple_of(size)
}

/// The sizes of an upload's parts.
///
/// All but the last have one size. Which one is the last may not be known: then it is the last of
/// those that are there, and may be shorter until a later one comes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    kind: Option<Kind>,
    total: Option<u32>,
    sizes: BTreeMap<u32, u32>,
    /// How many parts have each size: two sizes, or three while a part is replaced.
    counts: BTreeMap<u32, u32>,
    bytes: u64,
}

impl Shape {
    pub(crate) fn total(&self) -> Option<u32> {
        self.total
    }

    pub(crate) fn last(&self) -> Option<u32> {
        self.sizes.last_key_value().map(|(index, _)| *index)
    }

    /// Whether the part may come, in place of one with the same index if there is one.
    pub(crate) fn check(
        &self,
        kind: Kind,
        total: Option<u32>,
        index: u32,
        size: u32,
    ) -> Result<(), PartError> {
        if self.kind.is_some_and(|before| before != kind) {
            return Err(PartError::Parts);
        }
        let last = self.last().map_or(index, |last| last.max(index));
        let total = match (self.total, total) {
            (Some(before), Some(now)) if before != now => return Err(PartError::Parts),
            (before, now) => before.or(now),
        };
        if total.is_some_and(|total| last >= total) {
            // The client said a number after it had sent more; or sends more than it had said.
            return Err(if index == last { PartError::Index } else { PartError::Parts });
        }
        let bytes = self.bytes - self.sizes.get(&index).map_or(0, |old| u64::from(*old));
        if kind == Kind::Small && bytes + u64::from(size) > SMALL_FILE_BYTES_MAX {
            return Err(PartError::SmallFile);
        }
        let ends = total.is_none_or(|total| last + 1 == total);
        let may_be_short = index == last && ends;
        if !may_be_short && !divides(size) {
            return Err(PartError::Size);
        }
        // The one size that all parts before the last have.
        let mut counts = self.counts.clone();
        if let Some(old) = self.sizes.get(&index) {
            uncount(&mut counts, *old);
        }
        *counts.entry(size).or_default() += 1;
        let last_size = if index == last { size } else { self.sizes[&last] };
        uncount(&mut counts, last_size);
        let mut others = counts.keys();
        let fits = match (others.next(), others.next()) {
            (None, _) => ends || divides(last_size),
            (Some(one), None) => {
                divides(*one) && if ends { last_size <= *one } else { last_size == *one }
            }
            (Some(_), Some(_)) => false,
        };
        if fits { Ok(()) } else { Err(PartError::SizeChanged) }
    }

    /// Adds a part that may come.
    pub(crate) fn insert(&mut self, kind: Kind, total: Option<u32>, index: u32, size: u32) {
        self.kind = Some(kind);
        self.total = self.total.or(total);
        if let Some(old) = self.sizes.insert(index, size) {
            uncount(&mut self.counts, old);
            self.bytes -= u64::from(old);
        }
        *self.counts.entry(size).or_default() += 1;
        self.bytes += u64::from(size);
    }
}

fn uncount(counts: &mut BTreeMap<u32, u32>, size: u32) {
    if let Some(count) = counts.get_mut(&size) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: u32, total: Option<u32>, length: usize) -> Part {
        let bytes = Bytes::from(vec![0; length]);
        Part { owner: 1, file: 1, index, total, kind: Kind::Big, bytes }
    }

    #[test]
    fn each_bound_has_its_error() {
        part(0, None, 1).check().unwrap();
        part(3999, Some(4000), 512 << 10).check().unwrap();
        assert!(matches!(part(0, None, 0).check(), Err(PartError::Empty)));
        assert!(matches!(part(0, None, (512 << 10) + 1).check(), Err(PartError::TooBig)));
        assert!(matches!(part(4000, None, 1).check(), Err(PartError::Index)));
        assert!(matches!(part(5, Some(5), 1).check(), Err(PartError::Index)));
        assert!(matches!(part(0, Some(0), 1).check(), Err(PartError::Parts)));
        assert!(matches!(part(0, Some(4001), 1).check(), Err(PartError::Parts)));
    }

    /// What a sequence of parts (index, total, size) answers.
    fn answers(parts: &[(u32, Option<u32>, u32)]) -> Vec<String> {
        let mut shape = Shape::default();
        let mut answers = Vec::new();
        for (index, total, size) in parts {
            let answer = shape.check(Kind::Big, *total, *index, *size);
            if answer.is_ok() {
                shape.insert(Kind::Big, *total, *index, *size);
            }
            answers.push(answer.map_or_else(|error| format!("{error:?}"), |()| "ok".into()));
        }
        answers
    }

    #[test]
    fn parts_have_one_size_but_for_the_last() {
        let (k, known) = (1024, Some(3));
        assert_eq!(answers(&[(0, None, k), (1, None, k), (2, None, 7)]), ["ok"; 3]);
        assert_eq!(answers(&[(2, None, 7), (1, None, k), (0, None, k)]), ["ok"; 3]);
        assert_eq!(answers(&[(2, known, 7), (0, known, k), (1, known, k)]), ["ok"; 3]);
        assert_eq!(answers(&[(0, None, k), (1, None, 2 * k)]), ["ok", "SizeChanged"]);
        assert_eq!(
            answers(&[(1, None, k), (0, None, 2 * k), (2, None, k)])[1..],
            ["ok", "SizeChanged"]
        );
        assert_eq!(answers(&[(0, known, 7)]), ["Size"]);
        assert_eq!(answers(&[(0, known, 3 * k)]), ["Size"], "512 KiB is not divisible by 3 KiB");
        assert_eq!(answers(&[(0, None, 7), (1, None, k)]), ["ok", "SizeChanged"]);
        assert_eq!(answers(&[(0, None, 7), (0, None, k), (1, None, k)]), ["ok"; 3], "replaced");
        assert_eq!(answers(&[(0, None, k), (2, None, k), (2, Some(2), k)])[2], "Index");
        assert_eq!(answers(&[(0, None, k), (2, None, k), (0, Some(2), k)])[2], "Parts");
        assert_eq!(answers(&[(0, Some(2), k), (1, Some(3), k)])[1], "Parts");
        assert_eq!(answers(&[(0, Some(2), k), (2, None, k)])[1], "Index");
        assert_eq!(answers(&[(1, None, 7), (0, Some(3), k)]), ["ok", "SizeChanged"]);
    }

    #[test]
    fn a_small_file_is_small() {
        let mut shape = Shape::default();
        for index in 0..20 {
            shape.check(Kind::Small, None, index, 512 << 10).unwrap();
            shape.insert(Kind::Small, None, index, 512 << 10);
        }
        assert!(matches!(shape.check(Kind::Small, None, 20, 1), Err(PartError::SmallFile)));
        shape.check(Kind::Small, None, 19, 512 << 10).unwrap();
        assert!(matches!(shape.check(Kind::Big, None, 1, 512 << 10), Err(PartError::Parts)));
    }
}
