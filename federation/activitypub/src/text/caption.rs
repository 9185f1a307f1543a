//! Lines of a text that say something about it: `CW: …`, `ALT: …`, `LANG: xx`.
//!
//! Telegram has no field for a content warning, for what a picture shows or for a language.

use node_core::{Entity, EntityKind};

use super::html_out::HIDDEN;
use super::shape::{Span, entities, spans};

/// A text without the lines about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Caption {
    /// What is left.
    pub(crate) text: String,
    /// Its entities, moved along.
    pub(crate) entities: Vec<Entity>,
    /// Content warning.
    pub(crate) warning: Option<String>,
    /// What the attachments show, in their order; empty for one that is passed over.
    pub(crate) alts: Vec<String>,
    /// Language of the post, as BCP 47 has it: `de`, `pt-BR`.
    pub(crate) language: Option<String>,
}

enum Line {
    Warning(String),
    Alt(String),
    Language(String),
}

/// Takes the lines about a text out of it. Those in code are code.
pub(crate) fn split_caption(text: &str, given: &[Entity]) -> Caption {
    let mut caption = Caption::default();
    let parts = spans(text, given);
    let mut removed: Vec<(usize, usize)> = Vec::new();
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        let to = from + line.len();
        let in_code = |part: &Span| {
            matches!(part.kind, EntityKind::Pre { .. } | EntityKind::Code)
                && part.from < to
                && from < part.to
        };
        if let Some(said) = read(&shown(line, from, &parts))
            && !parts.iter().any(in_code)
        {
            removed.push((from, to));
            match said {
                Line::Alt(alt) => caption.alts.push(alt),
                Line::Warning(warning) if warning.is_empty() => {}
                Line::Warning(warning) => _ = caption.warning.get_or_insert(warning),
                Line::Language(language) => _ = caption.language.get_or_insert(language),
            }
        }
        from = to;
    }
    if removed.is_empty() {
        let entities = entities(text, parts);
        return Caption { text: text.to_owned(), entities, ..caption };
    }
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for (from, to) in removed.iter().chain([&(text.len(), text.len())]) {
        kept.push_str(text.get(at..*from).unwrap_or_default());
        at = *to;
    }
    // The line before a last one that went has its line end still.
    let (end, start) = (kept.trim_end().len(), kept.len() - kept.trim_start().len());
    let place = |byte: usize| {
        let gone = removed.iter().map(|(from, to)| byte.min(*to).saturating_sub(*from));
        (byte - gone.sum::<usize>()).clamp(start.min(end), end) - start.min(end)
    };
    let moved = parts.into_iter().map(|part| Span {
        from: place(part.from),
        to: place(part.to),
        kind: part.kind,
    });
    let moved = moved.filter(|part| part.from < part.to).collect();
    caption.text = kept.trim().to_owned();
    caption.entities = entities(&caption.text, moved);
    caption
}

/// A line as it may be shown outside of the text: what a spoiler hides stays hidden.
fn shown(line: &str, from: usize, parts: &[Span]) -> String {
    let hidden = |at: usize| {
        let inside = |part: &Span| part.from <= at && at < part.to;
        parts.iter().any(|part| part.kind == EntityKind::Spoiler && inside(part))
    };
    let shown = |(at, c): (usize, char)| if hidden(from + at) { HIDDEN } else { c };
    line.char_indices().map(shown).collect()
}

fn read(line: &str) -> Option<Line> {
    let (name, said) = line.split_once(':')?;
    let said = said.trim();
    match name.trim_start() {
        "CW" => Some(Line::Warning(said.to_owned())),
        "ALT" => Some(Line::Alt(said.to_owned())),
        "LANG" => language(said).map(Line::Language),
        _ => None,
    }
}

/// A language tag; `None` for a line that only looks like one that names a language.
fn language(tag: &str) -> Option<String> {
    let mut parts = tag.split('-');
    let first = parts.next()?;
    let letters = |part: &str| part.chars().all(|c| c.is_ascii_alphabetic());
    let fits = (2..=3).contains(&first.len()) && letters(first);
    let rest = |part: &str| {
        (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    (fits && tag.len() <= 35 && parts.all(rest))
        .then(|| format!("{}{}", first.to_ascii_lowercase(), tag.get(first.len()..).unwrap_or("")))
}
