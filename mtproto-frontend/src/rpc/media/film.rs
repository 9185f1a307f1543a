//! Whether a film has sound: one without is a GIF, unless its sender says that it is a film.
//!
//! Only boxes are walked, down to what each track is, and nothing is allocated by what they say:
//! parsers of whole films read tables that do not matter here.
//!
//! Sources: <https://core.telegram.org/api/files#uploading-and-sending-media> (`nosound_video`),
//! ISO/IEC 14496-12 (the box structure).

use std::ops::Range;

/// Boxes of a file that are looked at before the one with the tracks. Files have a handful, those
/// in fragments one at the begin.
pub(super) const BOXES_MAX: usize = 16;

/// Bytes of the longest head of a box.
pub(super) const HEAD_BYTES: u32 = 16;

/// What is at a place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    /// The box that lists the tracks; where its content is.
    Tracks(Range<u64>),
    /// Another box; where the next begins.
    Next(u64),
    /// No box.
    Nothing,
}

/// A box at the begin of some bytes, of which `length` follow in all: its name, and where its content
/// is.
fn head(bytes: &[u8], length: u64) -> Option<([u8; 4], Range<u64>)> {
    let short = u32::from_be_bytes(*bytes.first_chunk()?);
    let name = *bytes.get(4..)?.first_chunk()?;
    let (from, end) = match short {
        // To the end of the file.
        0 => (8, length),
        1 => (16, u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)),
        short => (8, short.into()),
    };
    (from <= end && end <= length).then_some((name, from..end))
}

/// Looks at the head of the box at `offset` of a file of `size` bytes.
pub(super) fn look(offset: u64, size: u64, bytes: &[u8]) -> At {
    match head(bytes, size.saturating_sub(offset)) {
        Some((name, content)) if &name == b"moov" => {
            At::Tracks(offset + content.start..offset + content.end)
        }
        Some((_, content)) if content.end > 0 => At::Next(offset + content.end),
        _ => At::Nothing,
    }
}

/// The boxes in a box; ends where one is broken.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (name, content) = head(bytes, bytes.len() as u64)?;
        let (from, end) =
            (usize::try_from(content.start).ok()?, usize::try_from(content.end).ok()?);
        let inside = bytes.get(from..end)?;
        bytes = bytes.get(end..)?;
        Some((name, inside))
    })
}

fn named<'a>(bytes: &'a [u8], wanted: &'static [u8; 4]) -> impl Iterator<Item = &'a [u8]> {
    boxes(bytes).filter(move |(name, _)| name == wanted).map(|(_, content)| content)
}

/// Whether tracks, the content of `moov`, are a film without sound.
pub(super) fn is_silent(tracks: &[u8]) -> bool {
    let (mut seen, mut heard) = (false, false);
    for track in named(tracks, b"trak") {
        for handler in named(track, b"mdia").flat_map(|media| named(media, b"hdlr")) {
            // After version, flags and what is predefined.
            match handler.get(8..12) {
                Some(b"vide") => seen = true,
                Some(b"soun") => heard = true,
                _ => {}
            }
        }
    }
    seen && !heard
}

#[cfg(test)]
pub(in crate::rpc) mod tests {
    use super::*;

    fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len() + 8).unwrap();
        [&length.to_be_bytes()[..], name, content].concat()
    }

    fn track(kind: &[u8; 4]) -> Vec<u8> {
        let handler = [&[0; 8][..], kind, &[0; 12], b"x\0"].concat();
        let media = [boxed(b"mdhd", &[0; 24]), boxed(b"hdlr", &handler)].concat();
        boxed(b"trak", &[boxed(b"tkhd", &[0; 84]), boxed(b"mdia", &media)].concat())
    }

    /// A file with such tracks, listed at its begin or at its end.
    pub(in crate::rpc) fn film(kinds: &[&[u8; 4]], at_end: bool) -> Vec<u8> {
        let tracks: Vec<u8> = kinds.iter().flat_map(|kind| track(kind)).collect();
        let moov = boxed(b"moov", &[boxed(b"mvhd", &[0; 100]), tracks].concat());
        let mut parts = [boxed(b"ftyp", b"isom\0\0\x02\0isom"), moov, boxed(b"mdat", &[7; 5000])];
        if at_end {
            parts.swap(1, 2);
        }
        parts.concat()
    }

    /// As it is done where the file lies elsewhere.
    fn silent(file: &[u8]) -> bool {
        let size = file.len() as u64;
        let mut offset = 0;
        for _ in 0..BOXES_MAX {
            let rest = &file[usize::try_from(offset).unwrap()..];
            match look(offset, size, &rest[..rest.len().min(HEAD_BYTES as usize)]) {
                At::Tracks(at) => return is_silent(&file[at.start as usize..at.end as usize]),
                At::Next(next) => offset = next,
                At::Nothing => return false,
            }
        }
        false
    }

    #[test]
    fn a_film_without_sound_is_found_wherever_its_tracks_are_listed() {
        for at_end in [false, true] {
            assert!(silent(&film(&[b"vide"], at_end)));
            assert!(silent(&film(&[b"hint", b"vide"], at_end)));
            assert!(!silent(&film(&[b"vide", b"soun"], at_end)));
            assert!(!silent(&film(&[b"soun"], at_end)));
            assert!(!silent(&film(&[], at_end)));
        }
        // With a length of 64 bits, and one that goes to the end.
        let mut long = film(&[b"vide"], true);
        let mdat = long.windows(4).position(|name| name == b"mdat").unwrap() - 4;
        let end = u64::from(u32::from_be_bytes(*long[mdat..].first_chunk().unwrap())) + 8;
        long.splice(mdat + 8..mdat + 8, end.to_be_bytes());
        long[mdat..mdat + 4].copy_from_slice(&1_u32.to_be_bytes());
        assert!(silent(&long));
        let moov = long.windows(4).position(|name| name == b"moov").unwrap() - 4;
        long[moov..moov + 4].copy_from_slice(&0_u32.to_be_bytes());
        assert!(silent(&long));
    }

    #[test]
    fn what_is_broken_is_no_silent_film_and_ends() {
        let good = film(&[b"vide"], true);
        for end in 0..good.len() - 1 {
            silent(&good[..end]);
        }
        assert!(!silent(&good[..good.len() - 1]));
        for lie in [1, 7, u32::MAX, 0x7fff_ffff] {
            let mut bad = good.clone();
            bad[..4].copy_from_slice(&lie.to_be_bytes());
            assert!(!silent(&bad), "{lie}");
        }
        assert!(!silent(&[0; 64]));
        // Empty boxes without end.
        assert!(!silent(&boxed(b"free", &[]).repeat(100_000)));
        assert!(!is_silent(&boxed(b"trak", &[]).repeat(100_000)));
    }
}
