//! HTML of other servers as a text and entities.
//!
//! Only tags are read, no tree is built, and what is open is bounded: a hundred thousand tags inside
//! each other cost no more than as many beside each other. No HTML goes on to clients.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use node_core::{ENTITIES_MAX, EntityKind, TEXT_UNITS_MAX, Text, utf16_len};
use url::Url;

use super::element::{Element, Link, SKIPPED, attribute, class_language, element, web_target};
use super::shape::{Level, Span, entities, hashtag_word, level, shape};

/// Elements that are open at once; deeper ones lose their formatting.
const OPEN_MAX: usize = 64;
/// Parts that are noted while reading; a message keeps fewer.
const SPANS_MAX: usize = 1024;
/// Bytes behind all links of one message, as `node-core` keeps them.
const LINK_BYTES_MAX: usize = 8 << 10;
/// Line ends in a row: an empty line and no more.
pub(super) const BREAKS_MAX: usize = 2;
/// Characters of one picture's description.
const ALT_CHARS_MAX: usize = 500;
/// What stands at the end of a text that was cut, with a link to the whole.
const FULL_TEXT: &str = "… full text";

/// What is known about HTML beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Foreign<'a> {
    /// Where all of it can be read, should it be too long.
    pub(crate) full_url: &'a str,
    /// Mentions of the note: where each leads (`href` of the tag), and `@user@host`.
    pub(crate) mentions: &'a [(String, String)],
    /// Who need not be mentioned at the beginning: ids and pages of actors, and `@user@host`.
    /// Mastodon begins each reply with whom it answers.
    pub(crate) drop_leading: &'a [&'a str],
}

/// Reads HTML into a text of at most [`TEXT_UNITS_MAX`] units, with its entities in order.
///
/// Never fails: what is not understood is read as the text that it holds. The text may be empty.
pub(crate) fn from_html(html: &str, foreign: &Foreign<'_>) -> Text {
    let mut emitter = DefaultEmitter::default();
    // What stands in scripts, styles and titles is no tag.
    emitter.naively_switch_states(true);
    let mut reader = Reader::new(foreign);
    for token in Tokenizer::new_with_emitter(html, emitter).map_while(Result::ok) {
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::EndTag(tag) => reader.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => reader.string(&String::from_utf8_lossy(&text.value)),
            _ => {}
        }
        // The rest would be cut off anyway.
        if reader.units > 2 * TEXT_UNITS_MAX {
            break;
        }
    }
    reader.finish()
}

#[derive(Debug)]
struct Open {
    name: String,
    element: Element,
    /// Bytes of text before it.
    from: usize,
    /// Parts noted before it.
    noted: usize,
}

struct Reader<'a> {
    foreign: &'a Foreign<'a>,
    text: String,
    units: usize,
    spans: Vec<Span>,
    open: Vec<Open>,
    /// Line ends and space that come before the next text.
    breaks: usize,
    space: bool,
    /// A block begins or ended here: one line end, whatever else asks for more.
    border: bool,
    /// Where the mark of an item ended: a paragraph in the item begins beside it.
    marked: Option<usize>,
    /// Text and language of the block of code that is open.
    pre: Option<(String, String)>,
    /// The element of which nothing is text, and how many of its name are open.
    skipped: Option<(String, usize)>,
    invisible: usize,
}

impl<'a> Reader<'a> {
    fn new(foreign: &'a Foreign<'a>) -> Self {
        Self {
            foreign,
            text: String::new(),
            units: 0,
            spans: Vec::new(),
            open: Vec::new(),
            breaks: 0,
            space: false,
            border: false,
            marked: None,
            pre: None,
            skipped: None,
            invisible: 0,
        }
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        if let Some((skipped, depth)) = &mut self.skipped {
            *depth += usize::from(*skipped == name && !tag.self_closing);
            return;
        }
        match name.as_str() {
            "br" => return self.line_end(),
            "hr" => return self.part(BREAKS_MAX),
            "img" => {
                let alt = attribute(tag, "alt").or_else(|| attribute(tag, "title"));
                let alt: String = alt.unwrap_or_default().chars().take(ALT_CHARS_MAX).collect();
                return self.string(&alt);
            }
            "wbr" | "input" | "meta" | "link" | "base" | "col" | "embed" | "source" | "track"
            | "area" | "param" => return,
            _ => {}
        }
        if SKIPPED.contains(&name.as_str()) {
            // Only these may close themselves.
            let empty = tag.self_closing && matches!(name.as_str(), "svg" | "math");
            self.skipped = (!empty).then_some((name, 1));
            return;
        }
        self.close_implied(&name);
        let element = element(&name, tag);
        if self.open.len() >= OPEN_MAX {
            // Lines stay lines.
            if let Element::Block(_) | Element::Item = element {
                self.part(1);
            }
            return;
        }
        self.begin(&element, tag);
        let (from, noted) = (self.text.len(), self.spans.len());
        self.open.push(Open { name, element, from, noted });
    }

    /// What ends because something else begins.
    fn close_implied(&mut self, name: &str) {
        let (wanted, within): (&str, &[&str]) = match name {
            "p" | "div" | "ul" | "ol" | "blockquote" | "pre" | "h1" | "h2" | "h3" | "h4" | "h5"
            | "h6" => ("p", &["blockquote", "li", "div", "td", "section", "article"]),
            "li" => ("li", &["ul", "ol"]),
            // A link ends where the next one begins.
            "a" => ("a", &[]),
            _ => return,
        };
        for (at, open) in self.open.iter().enumerate().rev() {
            if open.name == wanted {
                return self.close_down_to(at);
            }
            if within.contains(&open.name.as_str()) {
                return;
            }
        }
    }

    fn begin(&mut self, element: &Element, tag: &StartTag<()>) {
        match element {
            Element::Block(apart) => self.part(*apart),
            Element::Quote => self.border(),
            Element::Pre if self.pre.is_none() => {
                self.pre = Some((String::new(), class_language(tag).unwrap_or_default()));
            }
            Element::Format(EntityKind::Code) => {
                if let (Some((_, known)), Some(language)) = (&mut self.pre, class_language(tag)) {
                    *known = language;
                }
            }
            Element::List(_) => self.part_list(),
            Element::Item => {
                self.marked = None;
                self.part(1);
                let lists = self.open.iter().filter(|o| matches!(o.element, Element::List(_)));
                let depth = lists.count();
                let list = self.open.iter_mut().rev().find_map(|open| match &mut open.element {
                    Element::List(number) => Some(number),
                    _ => None,
                });
                let mark = match list {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    _ => "• ".to_owned(),
                };
                // An inner list is set in by a space that HTML does not take for one.
                self.string(&"\u{2003}".repeat(depth.saturating_sub(1).min(4)));
                self.string(&mark);
                self.marked = Some(self.text.len());
            }
            Element::Invisible => self.invisible += 1,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((skipped, depth)) = &mut self.skipped {
            *depth -= usize::from(skipped == name && *depth > 0);
            if *depth == 0 {
                self.skipped = None;
            }
            return;
        }
        match name {
            // As browsers read them.
            "br" => return self.line_end(),
            "p" if !self.open.iter().any(|open| open.name == "p") => return self.part(BREAKS_MAX),
            _ => {}
        }
        if let Some(at) = self.open.iter().rposition(|open| open.name == name) {
            self.close_down_to(at);
        }
    }

    fn close_down_to(&mut self, at: usize) {
        while self.open.len() > at {
            let Some(open) = self.open.pop() else { return };
            self.close(open);
        }
    }

    fn close(&mut self, open: Open) {
        match open.element {
            Element::Format(kind) => self.note(open.from, kind),
            Element::Link(link) => self.close_link(&link, open.from, open.noted),
            Element::Block(apart) => {
                if open.name.starts_with('h') && open.name.len() == 2 {
                    self.note(open.from, EntityKind::Bold);
                }
                self.part(apart);
            }
            Element::Quote => {
                self.note(open.from, EntityKind::Blockquote { collapsed: false });
                self.border();
            }
            // One inside another is part of it.
            Element::Pre if !self.open.iter().any(|open| open.element == Element::Pre) => {
                self.close_pre();
            }
            Element::List(_) => self.part_list(),
            Element::Item => {
                self.marked = None;
                self.part(1);
            }
            Element::Invisible => self.invisible = self.invisible.saturating_sub(1),
            Element::Ellipsis => {
                let goes_on = self.text.len() > open.from && !self.text.ends_with('…');
                if goes_on {
                    self.words("…");
                }
            }
            Element::Pre | Element::Plain => {}
        }
    }

    fn close_pre(&mut self) {
        let Some((code, language)) = self.pre.take() else { return };
        let code = code.trim_start_matches('\n').trim_end();
        self.border();
        if code.is_empty() {
            return;
        }
        self.flush();
        let from = self.text.len();
        self.push(code);
        self.note(from, EntityKind::Pre { language });
        self.border();
    }

    /// The text of a link is done: a mention or a hashtag of the fediverse, or an address.
    fn close_link(&mut self, link: &Link, from: usize, noted: usize) {
        let shown = self.text.get(from..).unwrap_or_default();
        // Space as HTML has it: a link may well begin with another one.
        let space = [' ', '\n'];
        let from = from + shown.len() - shown.trim_start_matches(space).len();
        let shown = shown.trim_matches(space).to_owned();
        let Some(target) = &link.target else { return };
        if shown.is_empty() {
            return;
        }
        if link.hashtag && hashtag_word(&shown).is_some() {
            return self.note(from, EntityKind::Hashtag);
        }
        if let Some(handle) = link.mention.then(|| self.handle(&shown, target)).flatten() {
            self.spans.truncate(noted);
            self.units -= utf16_len(self.text.get(from..).unwrap_or_default());
            self.text.truncate(from);
            if self.text.trim().is_empty() && self.is_dropped(&handle, target) {
                // The space behind goes too, and nothing has been written yet.
                self.units = 0;
                self.text.clear();
                for open in &mut self.open {
                    open.from = 0;
                }
                return;
            }
            self.push(&handle);
            return self.note(from, EntityKind::TextUrl { url: target.as_str().to_owned() });
        }
        self.note(from, EntityKind::TextUrl { url: target.as_str().to_owned() });
    }

    /// `@user@host` of a mention that shows `@user`, or all of it.
    fn handle(&self, shown: &str, target: &Url) -> Option<String> {
        let name = shown.strip_prefix('@').unwrap_or(shown);
        let (user, host) = name.split_once('@').map_or((name, None), |(u, h)| (u, Some(h)));
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let fits = |part: &str| !part.is_empty() && part.chars().all(plain);
        if !fits(user) || !host.is_none_or(fits) {
            return None;
        }
        if host.is_some() {
            return Some(format!("@{name}"));
        }
        // The host of a handle may be another than that of the page; the tag knows it.
        let of_host =
            |href: &str| Url::parse(href).is_ok_and(|url| url.host_str() == target.host_str());
        let known = self.foreign.mentions.iter().find(|(href, handle)| {
            let name = handle.trim_start_matches('@').split('@').next().unwrap_or_default();
            href == target.as_str() || (name.eq_ignore_ascii_case(user) && of_host(href))
        });
        let known = known.map(|(_, handle)| handle.trim_start_matches('@'));
        match known.filter(|handle| handle.split('@').all(fits) && handle.contains('@')) {
            Some(handle) => Some(format!("@{handle}")),
            None => Some(format!("@{user}@{}", target.host_str()?)),
        }
    }

    fn is_dropped(&self, handle: &str, target: &Url) -> bool {
        let tag = self.foreign.mentions.iter().find(|(_, known)| {
            known.trim_start_matches('@').eq_ignore_ascii_case(handle.trim_start_matches('@'))
        });
        self.foreign.drop_leading.iter().any(|who| {
            who.eq_ignore_ascii_case(handle)
                || *who == target.as_str()
                || tag.is_some_and(|(href, _)| href == who)
        })
    }

    fn string(&mut self, text: &str) {
        if self.skipped.is_some() || self.invisible > 0 {
            return;
        }
        let control = |c: &char| !c.is_ascii_control() || matches!(c, '\n' | '\t' | '\x0c');
        if let Some((code, _)) = &mut self.pre {
            // As much as can be shown; the bound on text counts only what has been written.
            if code.len() <= 8 * TEXT_UNITS_MAX {
                code.extend(text.chars().filter(control).filter(|c| *c != '\x0c'));
            }
            return;
        }
        // Runs of space are one, and none stands beside a line end.
        let text: String = text.chars().filter(control).collect();
        for (index, word) in text.split([' ', '\n', '\t', '\x0c']).enumerate() {
            self.space |= index > 0;
            if !word.is_empty() {
                self.words(word);
            }
        }
    }

    fn words(&mut self, word: &str) {
        if self.invisible == 0 && self.pre.is_none() {
            self.flush();
            self.push(word);
        }
    }

    fn push(&mut self, text: &str) {
        self.units += utf16_len(text);
        self.text.push_str(text);
    }

    /// Writes what has to stand before the next text.
    fn flush(&mut self) {
        let (breaks, space) = (std::mem::take(&mut self.breaks), std::mem::take(&mut self.space));
        self.border = false;
        if self.text.is_empty() {
            return;
        }
        match breaks {
            0 if space => self.push(" "),
            breaks => self.push("\n".repeat(breaks).as_str()),
        }
    }

    fn line_end(&mut self) {
        if let Some((code, _)) = &mut self.pre {
            code.push('\n');
        } else if !self.border {
            self.breaks = (self.breaks + 1).min(BREAKS_MAX);
        }
    }

    /// At least so many line ends between what is before and behind.
    fn part(&mut self, apart: usize) {
        if let Some((code, _)) = &mut self.pre {
            if !code.is_empty() && !code.ends_with('\n') {
                code.push('\n');
            }
        } else if !self.border && self.marked != Some(self.text.len()) {
            self.breaks = self.breaks.max(apart);
        }
    }

    /// A list in a list is part of its lines.
    fn part_list(&mut self) {
        let inner = self.open.iter().any(|open| matches!(open.element, Element::List(_)));
        self.marked = None;
        self.part(if inner { 1 } else { BREAKS_MAX });
    }

    fn border(&mut self) {
        if self.pre.is_none() {
            self.border = true;
            self.breaks = 1;
        }
    }

    fn note(&mut self, from: usize, kind: EntityKind) {
        if self.spans.len() < SPANS_MAX && from < self.text.len() {
            self.spans.push(Span { from, to: self.text.len(), kind });
        }
    }

    fn finish(mut self) -> Text {
        self.close_down_to(0);
        // Noted when they ended: of two at one place the outer one came last.
        self.spans.reverse();
        let mut text = std::mem::take(&mut self.text);
        // One token may have brought more than will ever be shown.
        truncate(&mut text, &mut self.spans, 2 * TEXT_UNITS_MAX);
        let mut parts = shape(&text, std::mem::take(&mut self.spans));
        let is_cut = self.units > TEXT_UNITS_MAX;
        if is_cut {
            cut(&mut text, &mut parts);
        }
        let mut room = LINK_BYTES_MAX;
        let mut left = ENTITIES_MAX - 1;
        parts.retain(|part| {
            let bytes = match &part.kind {
                EntityKind::TextUrl { url } => url.len(),
                EntityKind::Pre { language } => language.len(),
                _ => 0,
            };
            let fits = left > 0 && bytes <= room && level(&part.kind).is_some();
            if fits {
                room -= bytes;
                left -= 1;
            }
            fits
        });
        if is_cut {
            // Behind a block a line begins.
            let block = |part: &Span| {
                part.to == text.len() && level(&part.kind).is_some_and(|l| l <= Level::Pre)
            };
            if parts.iter().any(block) {
                text.push('\n');
            }
            let from = text.len();
            text.push_str(FULL_TEXT);
            if let Some(url) = web_target(self.foreign.full_url) {
                let kind = EntityKind::TextUrl { url: url.into() };
                parts.push(Span { from, to: text.len(), kind });
            }
        }
        let entities = entities(&text, parts);
        Text { text, entities }
    }
}

/// Cuts a text so that the words about the rest, and a line end before them, still fit.
fn cut(text: &mut String, parts: &mut Vec<Span>) {
    truncate(text, parts, TEXT_UNITS_MAX - utf16_len(FULL_TEXT) - 1);
    let end = text.trim_end().len();
    text.truncate(end);
    clip(parts, end);
}

/// Cuts a text after so many units, or one less where that would cut a character.
fn truncate(text: &mut String, parts: &mut Vec<Span>, units_max: usize) {
    let mut units = 0;
    let over = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > units_max
    });
    if let Some((at, _)) = over {
        text.truncate(at);
        clip(parts, at);
    }
}

fn clip(parts: &mut Vec<Span>, end: usize) {
    // A part of an address or of a tag is another one.
    parts.retain(|part| {
        part.from < end && (part.to <= end || level(&part.kind) != Some(Level::Atom))
    });
    for part in parts.iter_mut() {
        part.to = part.to.min(end);
    }
}
