//! A message as HTML that other servers keep.
//!
//! Every tag here is one that Mastodon lets through (`app/lib/sanitize_ext/sanitize_config.rb`),
//! but the classes `spoiler` and `language-…`, which it drops and others show.

use std::collections::HashMap;

use node_core::{Entity, EntityKind};
use serde_json::{Value, json};

use super::shape::{
    Level, Span, breaks, hashtag_word, language, level, link_target, shape, spans, url_target,
};

/// Mentions of one note that are told to who is mentioned: Misskey drops notes with more.
pub(crate) const MENTIONS_MAX: usize = 20;
/// Hashtags of one note.
const HASHTAGS_MAX: usize = 50;
/// Different pictures among the words of one text.
const EMOJI_MAX: usize = 20;
/// Between two names of emoji, and beside a word: they are only read where they stand alone.
const ZERO_WIDTH: char = '\u{200b}';
/// What stands for a hidden character.
pub(super) const HIDDEN: char = '▒';

/// Somebody who is mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mentioned {
    /// Id of the actor.
    pub(crate) actor: String,
    /// Their page.
    pub(crate) url: String,
    /// `@user@host`.
    pub(crate) handle: String,
}

/// Whom a written name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MentionTo {
    /// An actor, who is told.
    Actor(Mentioned),
    /// Somebody who is no actor, by the address of their page.
    Page(String),
    /// Nobody that is known.
    Nobody,
}

/// What names in a text mean.
pub(crate) trait Names {
    /// `written` is `@name` of this node or `@user@host`.
    fn mention(&self, written: &str) -> MentionTo;
    /// Address of the page of a hashtag, given without `#`.
    fn hashtag(&self, word: &str) -> String;
    /// The picture of a custom emoji; without one the emoji that it stands for is shown.
    fn emoji(&self, _document_id: i64) -> Option<Emoji> {
        None
    }
}

/// A picture that stands among the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Emoji {
    /// MIME type.
    pub(crate) media_type: String,
    /// Where the picture is.
    pub(crate) url: String,
}

/// What becomes of a text with a spoiler in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Spoilers {
    /// All of the post is behind a content warning.
    #[default]
    Warn,
    /// It is shown as any other text.
    Reveal,
}

/// A text as it goes into a note.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct HtmlText {
    /// `content`.
    pub(crate) html: String,
    /// Whether a spoiler makes the post one with a content warning.
    pub(crate) hidden: bool,
    /// Objects for `tag`: mentions and hashtags, each once.
    pub(crate) tags: Vec<Value>,
    /// Ids of the actors mentioned, for `cc`.
    pub(crate) mentioned: Vec<String>,
}

/// Writes a text as HTML.
///
/// Entities may overlap; those that do not lie in the text, or lead to an address that is not for
/// following, are shown as text. A tag or a mention under a spoiler is a link and nothing more: in
/// `tag` it would be shown outside of the content warning.
pub(crate) fn to_html(
    text: &str,
    entities: &[Entity],
    spoilers: Spoilers,
    names: &dyn Names,
) -> HtmlText {
    let mut given = spans(text, entities);
    let mut handles = handles(text);
    let cut = |one: &Span, other: &Span| one.from < other.to && other.from < one.to;
    // Part of an address is no mention; the mention in a handle is only half of it.
    handles.retain(|handle| {
        !given.iter().any(|span| span.kind == EntityKind::Url && cut(span, handle))
    });
    given.retain(|span| {
        span.kind != EntityKind::Mention || !handles.iter().any(|handle| cut(span, handle))
    });
    given.extend(handles);
    // Who is nobody is text like any other.
    let mut known: HashMap<String, MentionTo> = HashMap::new();
    let mut emoji: HashMap<i64, Emoji> = HashMap::new();
    given.retain(|span| {
        let shown = text.get(span.from..span.to).unwrap_or_default();
        match span.kind {
            EntityKind::Mention => {}
            EntityKind::CustomEmoji { document_id } => {
                let known = emoji.contains_key(&document_id);
                if !known && emoji.len() < EMOJI_MAX {
                    emoji.extend(names.emoji(document_id).map(|found| (document_id, found)));
                }
                return emoji.contains_key(&document_id);
            }
            _ => return true,
        }
        let to = known.entry(shown.to_owned()).or_insert_with(|| names.mention(shown));
        *to != MentionTo::Nobody
    });
    let done = HtmlText::default();
    let mut out = Out { text, spans: shape(text, given), names, known, emoji, done };
    let spoiler = |entity: &Entity| entity.kind == EntityKind::Spoiler;
    out.done.hidden = spoilers == Spoilers::Warn && entities.iter().any(spoiler);
    out.all();
    out.done
}

/// A text without what its spoilers hide: for where no content warning stands before it.
pub(crate) fn masked(text: &str, entities: &[Entity]) -> String {
    let mut hidden = spans(text, entities);
    hidden.retain(|span| span.kind == EntityKind::Spoiler);
    let mask = |(at, c): (usize, char)| match c {
        '\n' | ' ' => c,
        _ if hidden.iter().any(|span| span.from <= at && at < span.to) => HIDDEN,
        _ => c,
    };
    text.char_indices().map(mask).collect()
}

/// Text as it may stand anywhere in HTML, in attributes too.
pub(crate) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    put(&mut html, text);
    html.replace('"', "&quot;")
}

/// Between tags.
fn put(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\u{a0}' => html.push_str("&nbsp;"),
            '\n' | '\t' => html.push(c),
            c if c.is_ascii_control() => {}
            c => html.push(c),
        }
    }
}

/// `@user@host` in a text: Telegram's own entities know only `@user`.
fn handles(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut before = None;
    let mut end = 0;
    for (from, c) in text.char_indices() {
        let begins = before.is_none_or(|b: char| !b.is_alphanumeric() && !matches!(b, '_' | '/'));
        before = Some(c);
        if c != '@' || !begins || from < end {
            continue;
        }
        let rest = text.get(from + 1..).unwrap_or_default();
        let user = run(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        let Some(host) = rest.get(user.len()..).and_then(|rest| rest.strip_prefix('@')) else {
            continue;
        };
        let host = run(host, |c| c.is_alphanumeric() || matches!(c, '.' | '-'));
        let host = host.trim_end_matches(['.', '-']);
        if !user.is_empty() && host.contains('.') && !host.starts_with(['.', '-']) {
            end = from + 1 + user.len() + 1 + host.len();
            found.push(Span { from, to: end, kind: EntityKind::Mention });
        }
    }
    found
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

struct Out<'a> {
    text: &'a str,
    spans: Vec<Span>,
    names: &'a dyn Names,
    /// Whom the mentions mean, by how they are written.
    known: HashMap<String, MentionTo>,
    emoji: HashMap<i64, Emoji>,
    done: HtmlText,
}

impl Out<'_> {
    fn all(&mut self) {
        let blocks = |wanted: Level| -> Vec<Span> {
            let of_level = |span: &&Span| level(&span.kind) == Some(wanted);
            self.spans.iter().filter(of_level).cloned().collect()
        };
        let (quotes, pres) = (blocks(Level::Quote), blocks(Level::Pre));
        let mut at = 0;
        for quote in quotes {
            self.flow(at, quote.from, &pres);
            self.done.html.push_str("<blockquote>");
            self.flow(quote.from, quote.to, &pres);
            self.done.html.push_str("</blockquote>");
            at = quote.to;
        }
        self.flow(at, self.text.len(), &pres);
    }

    /// Paragraphs and blocks of code.
    fn flow(&mut self, from: usize, to: usize, pres: &[Span]) {
        let mut at = from;
        for pre in pres.iter().filter(|pre| from <= pre.from && pre.to <= to) {
            self.paragraphs(at, pre.from);
            self.done.html.push_str("<pre><code");
            if let EntityKind::Pre { language: written } = &pre.kind
                && let Some(language) = language(written)
            {
                self.done.html.push_str(" class=\"language-");
                put(&mut self.done.html, language);
                self.done.html.push('"');
            }
            self.done.html.push('>');
            put(&mut self.done.html, self.text.get(pre.from..pre.to).unwrap_or_default());
            self.done.html.push_str("</code></pre>");
            at = pre.to;
        }
        self.paragraphs(at, to);
    }

    fn paragraphs(&mut self, from: usize, to: usize) {
        let part = self.text.get(from..to).unwrap_or_default();
        let mut at = 0;
        for (end, next) in breaks(part).into_iter().chain([(part.len(), part.len())]) {
            let space = [' ', '\n', '\t'];
            let piece = part.get(at..end).unwrap_or_default();
            let start = at + piece.len() - piece.trim_start_matches(space).len();
            let piece = piece.trim_matches(space);
            if !piece.is_empty() {
                self.done.html.push_str("<p>");
                self.line(from + start, from + start + piece.len());
                self.done.html.push_str("</p>");
            }
            at = next;
        }
    }

    /// One paragraph: at each place where something begins or ends, what does not go on is closed,
    /// the inner ones first.
    fn line(&mut self, from: usize, to: usize) {
        let inside = |span: &&Span| {
            let block = matches!(level(&span.kind), Some(Level::Quote | Level::Pre) | None);
            !block && from <= span.from && span.to <= to
        };
        let inline: Vec<Span> = self.spans.iter().filter(inside).cloned().collect();
        let mut places: Vec<usize> = inline.iter().flat_map(|span| [span.from, span.to]).collect();
        places.extend([from, to]);
        places.sort_unstable();
        places.dedup();
        let mut open: Vec<&Span> = Vec::new();
        for pair in places.windows(2) {
            let [from, to] = *pair else { continue };
            let here: Vec<&Span> =
                inline.iter().filter(|span| span.from <= from && to <= span.to).collect();
            let same = open.iter().zip(&here).take_while(|(a, b)| std::ptr::eq(**a, **b)).count();
            for span in open.drain(same..).rev() {
                self.done.html.push_str(closing(&span.kind));
            }
            for span in here.iter().skip(same) {
                self.open(span);
            }
            open = here;
            let atom = open.last().filter(|span| level(&span.kind) == Some(Level::Atom));
            let part = self.text.get(from..to).unwrap_or_default();
            match atom.map(|atom| &atom.kind) {
                Some(EntityKind::CustomEmoji { document_id }) => {
                    let after = self.text.get(to..).and_then(|rest| rest.chars().next());
                    self.emoji(*document_id, part, after);
                }
                Some(kind) => {
                    let under = open.iter().any(|span| span.kind == EntityKind::Spoiler);
                    self.atom(kind, part, under && self.done.hidden);
                }
                None => self.words(part),
            }
        }
        for span in open.iter().rev() {
            self.done.html.push_str(closing(&span.kind));
        }
    }

    fn words(&mut self, part: &str) {
        for (index, line) in part.split('\n').enumerate() {
            if index > 0 {
                self.done.html.push_str("<br>");
            }
            put(&mut self.done.html, line);
        }
    }

    fn open(&mut self, span: &Span) {
        let tag = match &span.kind {
            EntityKind::Bold => "<strong>",
            EntityKind::Italic => "<em>",
            EntityKind::Underline => "<u>",
            EntityKind::Strike => "<del>",
            EntityKind::Spoiler => "<span class=\"spoiler\">",
            EntityKind::Code => "<code>",
            EntityKind::TextUrl { url } => {
                let target = link_target(url).map(String::from).unwrap_or_default();
                return self.anchor(&target, None);
            }
            _ => return,
        };
        self.done.html.push_str(tag);
    }

    /// `class` comes with whatever else its tag has.
    fn anchor(&mut self, target: &str, class: Option<&str>) {
        self.done.html.push_str("<a href=\"");
        self.done.html.push_str(&escape(target));
        self.done.html.push('"');
        if let Some(class) = class {
            self.done.html.push_str(class);
        }
        self.done.html.push('>');
    }

    fn atom(&mut self, kind: &EntityKind, shown: &str, under_spoiler: bool) {
        match kind {
            EntityKind::Url => match url_target(shown) {
                Some(target) => self.link(target.as_str(), shown),
                None => self.words(shown),
            },
            EntityKind::Hashtag => {
                let Some(word) = hashtag_word(shown) else { return self.words(shown) };
                let target = self.names.hashtag(word);
                let Some(target) = link_target(&target) else { return self.words(shown) };
                self.anchor(target.as_str(), Some(" class=\"mention hashtag\" rel=\"tag\""));
                self.done.html.push_str("#<span>");
                self.words(word);
                self.done.html.push_str("</span></a>");
                if !under_spoiler {
                    self.tag_hashtag(word, target.as_str());
                }
            }
            _ => match self.known.get(shown).cloned() {
                Some(MentionTo::Actor(who)) => self.mention(&who, shown, under_spoiler),
                Some(MentionTo::Page(page)) => self.link(&page, shown),
                Some(MentionTo::Nobody) | None => self.words(shown),
            },
        }
    }

    /// As Mastodon writes it: a name between colons, which stand alone, and what it looks like in `tag`.
    fn emoji(&mut self, document_id: i64, shown: &str, after: Option<char>) {
        let Some(emoji) = self.emoji.get(&document_id).cloned() else { return self.words(shown) };
        let name = format!(":e{document_id:x}:");
        let before = self.done.html.chars().next_back();
        if before.is_some_and(|before| before == ':' || before.is_alphanumeric()) {
            self.done.html.push(ZERO_WIDTH);
        }
        self.done.html.push_str(&name);
        if after.is_some_and(|after| after == ':' || after.is_alphanumeric()) {
            self.done.html.push(ZERO_WIDTH);
        }
        let same = |tag: &Value| tag.get("name").and_then(Value::as_str) == Some(&name);
        if !self.done.tags.iter().any(same) {
            let icon = json!({ "type": "Image", "mediaType": emoji.media_type, "url": emoji.url });
            self.done
                .tags
                .push(json!({ "type": "Emoji", "id": emoji.url, "name": name, "icon": icon }));
        }
    }

    fn link(&mut self, target: &str, shown: &str) {
        let Some(target) = link_target(target) else { return self.words(shown) };
        self.anchor(target.as_str(), None);
        self.words(shown);
        self.done.html.push_str("</a>");
    }

    fn mention(&mut self, who: &Mentioned, shown: &str, under_spoiler: bool) {
        let known = self.done.mentioned.contains(&who.actor);
        if under_spoiler || (!known && self.done.mentioned.len() >= MENTIONS_MAX) {
            return self.link(&who.url, shown);
        }
        let Some(target) = link_target(&who.url) else { return self.words(shown) };
        self.done.html.push_str("<span class=\"h-card\">");
        self.anchor(target.as_str(), Some(" class=\"u-url mention\""));
        self.done.html.push_str("@<span>");
        let name = shown.trim_start_matches('@');
        self.words(name.split('@').next().unwrap_or(name));
        self.done.html.push_str("</span></a></span>");
        if !known {
            self.done.mentioned.push(who.actor.clone());
            self.done
                .tags
                .push(json!({ "type": "Mention", "href": who.actor, "name": who.handle }));
        }
    }

    fn tag_hashtag(&mut self, word: &str, target: &str) {
        let name = format!("#{word}");
        let same = |tag: &Value| {
            let known = tag.get("name").and_then(Value::as_str).unwrap_or_default();
            known.to_lowercase() == name.to_lowercase()
        };
        if self.done.tags.len() < HASHTAGS_MAX + MENTIONS_MAX + EMOJI_MAX
            && !self.done.tags.iter().any(same)
        {
            self.done.tags.push(json!({ "type": "Hashtag", "href": target, "name": name }));
        }
    }
}

fn closing(kind: &EntityKind) -> &'static str {
    match kind {
        EntityKind::Bold => "</strong>",
        EntityKind::Italic => "</em>",
        EntityKind::Underline => "</u>",
        EntityKind::Strike => "</del>",
        EntityKind::Spoiler => "</span>",
        EntityKind::Code => "</code>",
        EntityKind::TextUrl { .. } => "</a>",
        _ => "",
    }
}
