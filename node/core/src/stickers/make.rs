//! Making sets and changing them: their makers only.

use node_store::Keyspace;

use super::{
    MaskPoint, Named, SHORT_NAME_BYTES_MAX, SetKind, SetName, Sticker, StickerError, StickerSet,
    member_key, member_prefix, name_key, set_key,
};
use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, UserId};
use crate::media::{Document, DocumentAttribute, FileId};
use crate::{Core, CoreResult};

/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 64;

/// Emoji of one sticker, and bytes of one emoji.
const EMOJI_MAX: usize = 20;
const EMOJI_BYTES_MAX: usize = 48;

/// Words of one sticker, and bytes of all of them.
const KEYWORDS_MAX: usize = 20;
const KEYWORDS_BYTES_MAX: usize = 256;

/// Sets that one member may make.
pub(super) const SETS_MAX: usize = 200;

/// What a file may be that is a sticker, and its bytes at most.
///
/// Source: <https://core.telegram.org/stickers>
const FORMATS: [(&str, u64); 4] = [
    ("image/webp", 512 << 10),
    ("image/png", 512 << 10),
    ("application/x-tgsticker", 64 << 10),
    ("video/webm", 256 << 10),
];

/// A set that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSet {
    /// Its title.
    pub title: String,
    /// Its name in links.
    pub short_name: String,
    /// What it holds.
    pub kind: SetKind,
    /// Emoji that take the colour of the text.
    pub text_color: bool,
    /// In their order.
    pub stickers: Vec<NewSticker>,
    /// The file that stands for it.
    pub thumb: Option<FileId>,
}

/// A sticker that is to be part of a set. That the maker may show the file was looked at before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSticker {
    /// The file.
    pub document: FileId,
    /// Emoji that it stands for, one after the other.
    pub emoji: String,
    /// Words by which it is found, with commas.
    pub keywords: String,
    /// Of a mask.
    pub mask: Option<MaskPoint>,
}

fn clean_title(title: &str) -> Result<String, StickerError> {
    let title = title.trim();
    let fits = (1..=TITLE_CHARS_MAX).contains(&title.chars().count());
    if fits && !title.chars().any(char::is_control) {
        Ok(title.to_owned())
    } else {
        Err(StickerError::TitleInvalid)
    }
}

fn check_name(name: &str) -> Result<(), StickerError> {
    let fits = (1..=SHORT_NAME_BYTES_MAX).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.contains("__")
        && !name.ends_with('_');
    if fits { Ok(()) } else { Err(StickerError::NameInvalid) }
}

/// Emoji one after the other, each by itself: what joins two characters keeps them together.
fn split_emoji(text: &str) -> Result<Vec<String>, StickerError> {
    let mut all: Vec<String> = Vec::new();
    let mut joined = false;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let joins = c == '\u{200d}';
        let belongs = joins
            || joined
            || matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}')
            || matches!(c, '\u{e0020}'..='\u{e007f}')
            || is_second_half_of_flag(&all, c);
        match all.last_mut() {
            Some(last) if belongs => last.push(c),
            _ if c.is_alphabetic() || c.is_control() => return Err(StickerError::EmojiInvalid),
            _ => all.push(c.to_string()),
        }
        joined = joins;
    }
    let mut emoji: Vec<String> = Vec::new();
    for one in all {
        if one.len() > EMOJI_BYTES_MAX {
            return Err(StickerError::EmojiInvalid);
        }
        if !emoji.contains(&one) {
            emoji.push(one);
        }
    }
    if emoji.is_empty() || emoji.len() > EMOJI_MAX {
        return Err(StickerError::EmojiInvalid);
    }
    Ok(emoji)
}

/// A flag is two letters of its own kind.
fn is_second_half_of_flag(all: &[String], c: char) -> bool {
    let letter = |c: char| matches!(c, '\u{1f1e6}'..='\u{1f1ff}');
    letter(c)
        && all.last().is_some_and(|last| {
            let mut before = last.chars();
            before.next().is_some_and(letter) && before.next().is_none()
        })
}

fn split_keywords(text: &str) -> Vec<String> {
    // Small letters may have other lengths: what is cut by bytes is what is kept.
    let head = text.get(..text.floor_char_boundary(KEYWORDS_BYTES_MAX)).unwrap_or_default();
    let small = head.to_lowercase();
    let cut = small.get(..small.floor_char_boundary(KEYWORDS_BYTES_MAX)).unwrap_or_default();
    let words = cut.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.take(KEYWORDS_MAX).map(str::to_owned).collect()
}

impl Core {
    /// Makes a set, and installs it.
    ///
    /// # Errors
    /// [`crate::CoreError::Sticker`], [`crate::CoreError::QuotaExceeded`].
    pub async fn create_sticker_set(
        &self,
        actor: Actor,
        owner: UserId,
        new: NewSet,
    ) -> CoreResult<StickerSet> {
        self.write(Some(actor), move |decide| decide.create_set(owner, new)).await
    }

    /// Adds a sticker at the end of one's own set.
    ///
    /// # Errors
    /// [`crate::CoreError::Sticker`], [`crate::CoreError::QuotaExceeded`].
    pub async fn add_sticker(
        &self,
        actor: Actor,
        owner: UserId,
        name: SetName,
        sticker: NewSticker,
    ) -> CoreResult<StickerSet> {
        self.write(Some(actor), move |decide| {
            let mut set = decide.own_set(owner, &name)?;
            if set.stickers.len() >= set.kind.stickers_max() {
                return Err(StickerError::TooMany.into());
            }
            let sticker = decide.new_sticker(owner, &set, sticker)?;
            set.stickers.push(sticker);
            decide.changed_set(owner, set)
        })
        .await
    }

    /// Removes a sticker from one's own set.
    ///
    /// # Errors
    /// [`StickerError::UnknownSticker`].
    pub async fn remove_sticker(
        &self,
        actor: Actor,
        owner: UserId,
        document: FileId,
    ) -> CoreResult<StickerSet> {
        self.write(Some(actor), move |decide| {
            let (mut set, at) = decide.own_sticker(owner, document)?;
            let removed = set.stickers.remove(at);
            decide.hold_file(Some(removed.document), -1)?;
            decide.take_out(removed.document)?;
            decide.changed_set(owner, set)
        })
        .await
    }

    /// Moves a sticker of one's own set.
    ///
    /// # Errors
    /// [`StickerError::UnknownSticker`].
    pub async fn move_sticker(
        &self,
        actor: Actor,
        owner: UserId,
        document: FileId,
        to: usize,
    ) -> CoreResult<StickerSet> {
        self.write(Some(actor), move |decide| {
            let (mut set, at) = decide.own_sticker(owner, document)?;
            let sticker = set.stickers.remove(at);
            let to = to.min(set.stickers.len());
            set.stickers.insert(to, sticker);
            decide.changed_set(owner, set)
        })
        .await
    }

    /// Says anew what a sticker of one's own set stands for; `None`: as it is.
    ///
    /// # Errors
    /// [`StickerError::UnknownSticker`], [`StickerError::EmojiInvalid`].
    pub async fn change_sticker(
        &self,
        actor: Actor,
        owner: UserId,
        document: FileId,
        emoji: Option<String>,
        mask: Option<MaskPoint>,
        keywords: Option<String>,
    ) -> CoreResult<StickerSet> {
        self.write(Some(actor), move |decide| {
            let (mut set, at) = decide.own_sticker(owner, document)?;
            let emoji = emoji.map(|emoji| split_emoji(&emoji)).transpose()?;
            if let Some(sticker) = set.stickers.get_mut(at) {
                if let Some(emoji) = emoji {
                    sticker.emoji = emoji;
                }
                if let Some(keywords) = keywords {
                    sticker.keywords = split_keywords(&keywords);
                }
                sticker.mask = mask.or(sticker.mask);
                let sticker = sticker.clone();
                decide.put_in(&set, &sticker)?;
            }
            decide.changed_set(owner, set)
        })
        .await
    }

    /// Gives one's own set another title.
    ///
    /// # Errors
    /// [`StickerError::UnknownSet`], [`StickerError::TitleInvalid`].
    pub async fn rename_sticker_set(
        &self,
        actor: Actor,
        owner: UserId,
        name: SetName,
        title: String,
    ) -> CoreResult<StickerSet> {
        self.write(Some(actor), move |decide| {
            let mut set = decide.own_set(owner, &name)?;
            set.title = clean_title(&title)?;
            decide.changed_set(owner, set)
        })
        .await
    }

    /// Gives one's own set another file that stands for it; `None`: its first sticker.
    ///
    /// # Errors
    /// [`StickerError::UnknownSet`], [`StickerError::FileInvalid`].
    pub async fn set_sticker_set_thumb(
        &self,
        actor: Actor,
        owner: UserId,
        name: SetName,
        thumb: Option<FileId>,
    ) -> CoreResult<StickerSet> {
        self.write(Some(actor), move |decide| {
            let mut set = decide.own_set(owner, &name)?;
            if let Some(thumb) = thumb {
                decide.document(thumb)?.ok_or(StickerError::FileInvalid)?;
            }
            decide.hold_file(thumb, 1)?;
            decide.hold_file(set.thumb, -1)?;
            set.thumb = thumb;
            decide.changed_set(owner, set)
        })
        .await
    }

    /// Ends one's own set: nobody has it any more; what was sent stays.
    ///
    /// # Errors
    /// [`StickerError::UnknownSet`].
    pub async fn delete_sticker_set(
        &self,
        actor: Actor,
        owner: UserId,
        name: SetName,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let set = decide.own_set(owner, &name)?;
            for sticker in &set.stickers {
                decide.hold_file(Some(sticker.document), -1)?;
                decide.take_out(sticker.document)?;
            }
            decide.hold_file(set.thumb, -1)?;
            let (space, name) = (Keyspace::STICKERS, name_key(&set.short_name));
            decide.put_shown::<StickerSet>(space, &set_key(set.id), None)?;
            decide.put_shown::<Named>(space, &name, None)?;
            decide.delete(space, &member_key(owner, set.id));
            decide.uninstall(owner, set.kind, &[set.id])?;
            Ok(())
        })
        .await
    }

    /// Whether a set may have a name.
    ///
    /// # Errors
    /// [`StickerError::NameInvalid`], [`StickerError::NameOccupied`].
    pub fn check_set_name(&self, name: &str) -> CoreResult<()> {
        check_name(name)?;
        let taken: Option<Named> = self.shown(Keyspace::STICKERS, &name_key(name))?;
        if taken.is_some() { Err(StickerError::NameOccupied.into()) } else { Ok(()) }
    }

    /// A free name for a set with this title.
    ///
    /// # Errors
    /// [`StickerError::TitleInvalid`].
    pub fn suggest_set_name(&self, title: &str) -> CoreResult<String> {
        let title = clean_title(title)?;
        let mut name = String::new();
        for c in title.chars() {
            if c.is_ascii_alphanumeric() && (!name.is_empty() || c.is_ascii_alphabetic()) {
                name.push(c);
            } else if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
        }
        let name = name.trim_end_matches('_');
        let name = if name.is_empty() { "Stickers" } else { name };
        for number in 0..100 {
            let tried = if number == 0 { name.to_owned() } else { format!("{name}_{number}") };
            if self.check_set_name(&tried).is_ok() {
                return Ok(tried);
            }
        }
        Err(StickerError::TitleInvalid.into())
    }
}

impl Decide<'_> {
    fn create_set(&mut self, owner: UserId, new: NewSet) -> CoreResult<StickerSet> {
        let title = clean_title(&new.title)?;
        check_name(&new.short_name)?;
        let (space, name) = (Keyspace::STICKERS, name_key(&new.short_name));
        if self.load::<Named>(space, &name)?.is_some() {
            return Err(StickerError::NameOccupied.into());
        }
        if new.stickers.is_empty() {
            return Err(StickerError::Empty.into());
        }
        if new.stickers.len() > new.kind.stickers_max() {
            return Err(StickerError::TooMany.into());
        }
        if self.scan_prefix(space, &member_prefix(owner), SETS_MAX)?.len() >= SETS_MAX {
            return Err(StickerError::TooManySets.into());
        }
        let id = rand::RngExt::random_range(&mut self.rng, 1..=i64::MAX);
        let mut set = StickerSet {
            id,
            creator: owner,
            title,
            short_name: new.short_name,
            kind: new.kind,
            text_color: new.text_color && new.kind == SetKind::Emoji,
            stickers: Vec::with_capacity(new.stickers.len()),
            thumb: new.thumb,
            version: 0,
            date: self.now(),
        };
        if let Some(thumb) = set.thumb {
            self.document(thumb)?.ok_or(StickerError::FileInvalid)?;
        }
        for sticker in new.stickers {
            let sticker = self.new_sticker(owner, &set, sticker)?;
            set.stickers.push(sticker);
        }
        self.hold_file(set.thumb, 1)?;
        self.put_shown(space, &name, Some(&Named(id)))?;
        self.put_bytes(space, &member_key(owner, id), Vec::new());
        let set = self.changed_set(owner, set)?;
        self.install(owner, set.kind, &[set.id])?;
        Ok(set)
    }

    /// Makes a file part of a set, which keeps it.
    fn new_sticker(
        &mut self,
        owner: UserId,
        set: &StickerSet,
        new: NewSticker,
    ) -> CoreResult<Sticker> {
        let emoji = split_emoji(&new.emoji)?;
        let document = self.document(new.document)?.ok_or(StickerError::FileInvalid)?;
        let format = FORMATS.iter().find(|(mime, _)| *mime == document.mime_type);
        let (_, bytes_max) = format.ok_or(StickerError::FileInvalid)?;
        if document.size > *bytes_max || document.size == 0 {
            return Err(StickerError::FileInvalid.into());
        }
        // A set says in the file itself what it is: what is in a set already, lies in a message or
        // is somebody else's becomes part of this one as another file with the same bytes.
        let free = set_of(&document).is_none() && !self.is_held(document.id)?;
        let id = if document.owner == owner && free {
            document.id
        } else {
            let id = FileId(rand::RngExt::random_range(&mut self.rng, 1..=i64::MAX));
            self.add_document(Document { id, owner, date: self.now(), ..document })?;
            id
        };
        let keywords = split_keywords(&new.keywords);
        let mask = new.mask.filter(|_| set.kind == SetKind::Masks);
        let sticker = Sticker { document: id, emoji, keywords, mask };
        self.put_in(set, &sticker)?;
        self.hold_file(Some(id), 1)?;
        Ok(sticker)
    }

    /// Writes into a file of which set it is.
    fn put_in(&mut self, set: &StickerSet, sticker: &Sticker) -> CoreResult<()> {
        let Some(mut document) = self.document(sticker.document)? else { return Ok(()) };
        let alt = sticker.emoji.first().cloned().unwrap_or_default();
        document.attributes.retain(|is| !is_sticker(is));
        document.attributes.push(match set.kind {
            SetKind::Emoji => {
                let (text_color, set) = (set.text_color, Some(set.id));
                DocumentAttribute::CustomEmoji { text_color, alt, set }
            }
            kind => {
                let (mask, set) = (kind == SetKind::Masks, Some(set.id));
                DocumentAttribute::Sticker { mask, alt, set }
            }
        });
        self.change_document(document)
    }

    /// A file is of no set any more.
    fn take_out(&mut self, document: FileId) -> CoreResult<()> {
        let Some(mut document) = self.document(document)? else { return Ok(()) };
        for is in &mut document.attributes {
            if let DocumentAttribute::Sticker { set, .. }
            | DocumentAttribute::CustomEmoji { set, .. } = is
            {
                *set = None;
            }
        }
        self.change_document(document)
    }

    fn own_set(&self, owner: UserId, name: &SetName) -> CoreResult<StickerSet> {
        let set = self.stored_set(name)?;
        if set.creator == owner { Ok(set) } else { Err(StickerError::UnknownSet.into()) }
    }

    /// A sticker of one of the member's own sets, and its place there.
    fn own_sticker(&self, owner: UserId, document: FileId) -> CoreResult<(StickerSet, usize)> {
        let found = self.document(document)?;
        let set = found.as_ref().and_then(set_of).ok_or(StickerError::UnknownSticker)?;
        let set = self.own_set(owner, &SetName::Id(set));
        let set = set.map_err(|_| StickerError::UnknownSticker)?;
        let at = set.stickers.iter().position(|sticker| sticker.document == document);
        Ok((set, at.ok_or(StickerError::UnknownSticker)?))
    }

    fn changed_set(&mut self, owner: UserId, mut set: StickerSet) -> CoreResult<StickerSet> {
        set.version = set.version.wrapping_add(1).max(1);
        self.put_set(&set)?;
        self.tell_own(owner, Own::StickerSets(set.kind));
        Ok(set)
    }
}

fn is_sticker(is: &DocumentAttribute) -> bool {
    matches!(is, DocumentAttribute::Sticker { .. } | DocumentAttribute::CustomEmoji { .. })
}

/// The set that a file is in.
pub(super) fn set_of(document: &Document) -> Option<i64> {
    document.attributes.iter().find_map(|is| match is {
        DocumentAttribute::Sticker { set, .. } | DocumentAttribute::CustomEmoji { set, .. } => *set,
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_stand_by_themselves() {
        let split = |text| split_emoji(text).unwrap();
        assert_eq!(split("😀❤️ 😀"), ["😀", "❤️"]);
        assert_eq!(split("👨‍👩‍👧👍🏽🇩🇪🇫🇷"), ["👨‍👩‍👧", "👍🏽", "🇩🇪", "🇫🇷"]);
        assert_eq!(split_emoji("abc"), Err(StickerError::EmojiInvalid));
        assert_eq!(split_emoji(""), Err(StickerError::EmojiInvalid));
    }

    #[test]
    fn keywords_are_cut_by_bytes() {
        assert_eq!(split_keywords(" Smile,, HAPPY "), ["smile", "happy"]);
        for letter in ["a", "\u{416}", "\u{20ac}", "\u{1f600}"] {
            let [word] = &split_keywords(&letter.repeat(1000))[..] else { panic!("{letter}") };
            assert_eq!(word.len(), KEYWORDS_BYTES_MAX / letter.len() * letter.len(), "{letter}");
        }
        // Its small letter is longer.
        let [word] = &split_keywords(&"\u{130}".repeat(1000))[..] else { panic!() };
        assert!(word.len() <= KEYWORDS_BYTES_MAX, "{}", word.len());
    }

    #[test]
    fn names_in_links_are_letters_digits_and_single_lines() {
        for good in ["a", "Cats_2", "x9_y"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "9a", "a__b", "a_", "ä", "a b"] {
            assert_eq!(check_name(bad), Err(StickerError::NameInvalid), "{bad}");
        }
    }
}
