//! What a text says without formatting: mentions, hashtags, commands, links.

use super::{Entity, EntityKind};

/// Longest hashtag and bot command, in characters.
const TAG_CHARS_MAX: usize = 64;

/// Everything that is found, in order of place.
pub(super) fn all(text: &str) -> Vec<Entity> {
    let mut found: Vec<(usize, usize, EntityKind)> = Vec::new();
    let mut finder = linkify::LinkFinder::new();
    finder.url_must_have_scheme(true);
    for link in finder.links(text) {
        let kind = match link.kind() {
            linkify::LinkKind::Email => EntityKind::Email,
            _ => EntityKind::Url,
        };
        found.push((link.start(), link.end(), kind));
    }
    let mut before = None;
    for (at, c) in text.char_indices() {
        let starts = before.is_none_or(|b: char| !b.is_alphanumeric() && b != '_' && b != '/');
        before = Some(c);
        let kind = match c {
            '@' => EntityKind::Mention,
            '#' => EntityKind::Hashtag,
            '$' => EntityKind::Cashtag,
            '/' => EntityKind::BotCommand,
            _ => continue,
        };
        if !starts || found.iter().any(|(from, to, _)| (*from..*to).contains(&at)) {
            continue;
        }
        let word = word(text.get(at + c.len_utf8()..).unwrap_or_default(), &kind);
        if is_whole(word, &kind) {
            found.push((at, at + c.len_utf8() + word.len(), kind));
        }
    }
    found.sort_by_key(|(from, ..)| *from);
    if found.is_empty() {
        return Vec::new();
    }
    let units = units(text);
    let at = |byte: usize| units.get(byte).copied().unwrap_or_default();
    found
        .into_iter()
        .map(|(from, to, kind)| Entity { offset: at(from), length: at(to) - at(from), kind })
        .collect()
}

/// UTF-16 units before each byte at which a character begins, and before the end. Counted once: a
/// text may hold a thousand tags.
fn units(text: &str) -> Vec<i32> {
    let mut units = vec![0; text.len() + 1];
    let mut before = 0;
    for (at, c) in text.char_indices() {
        if let Some(place) = units.get_mut(at) {
            *place = before;
        }
        before += c.len_utf16() as i32;
    }
    if let Some(end) = units.last_mut() {
        *end = before;
    }
    units
}

/// The letters that belong to a tag of this kind.
fn word<'a>(rest: &'a str, kind: &EntityKind) -> &'a str {
    let belongs = |c: char| match kind {
        EntityKind::Hashtag => c.is_alphanumeric() || c == '_',
        EntityKind::Cashtag => c.is_ascii_uppercase(),
        EntityKind::BotCommand => c.is_ascii_alphanumeric() || c == '_' || c == '@',
        _ => c.is_ascii_alphanumeric() || c == '_',
    };
    let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn is_whole(word: &str, kind: &EntityKind) -> bool {
    let chars = word.chars().count();
    match kind {
        // Not only digits: "#1" is a place in a list.
        EntityKind::Hashtag => {
            (1..=TAG_CHARS_MAX).contains(&chars) && !word.chars().all(char::is_numeric)
        }
        EntityKind::Cashtag => (1..=8).contains(&chars),
        EntityKind::BotCommand => {
            (1..=TAG_CHARS_MAX).contains(&chars)
                && word.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !word.ends_with('@')
        }
        _ => crate::user::USERNAME_CHARS.contains(&chars) || (3..5).contains(&chars),
    }
}
