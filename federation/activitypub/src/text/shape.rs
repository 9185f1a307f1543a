//! The one shape in which formatting goes to HTML and comes from it.
//!
//! HTML has blocks and paragraphs, which nothing inline may cross, and its links do not nest. What
//! is brought into this shape before it becomes HTML, and after it was read from HTML, is the same
//! both times: that makes the way there and back stable.

use node_core::{Entity, EntityKind};
use url::Url;

/// Longest address behind a link, in bytes: as long as one that `node-core` keeps.
pub(super) const URL_BYTES_MAX: usize = 2048;
/// Longest hashtag, in characters.
const HASHTAG_CHARS_MAX: usize = 100;
/// Longest name of a programming language, in bytes.
const LANGUAGE_BYTES_MAX: usize = 64;

/// A part of a text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: EntityKind,
}

/// What a kind does to what is around and in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Holds paragraphs.
    Quote,
    /// Holds lines of nothing but characters.
    Pre,
    /// Bold and the like.
    Format,
    /// Code in a line: nothing is inside.
    Code,
    /// One unbroken thing: a hashtag, a mention, an address, a picture among the words.
    Atom,
}

/// `None` for what HTML shows as nothing but its text.
pub(super) fn level(kind: &EntityKind) -> Option<Level> {
    Some(match kind {
        EntityKind::Blockquote { .. } => Level::Quote,
        EntityKind::Pre { .. } => Level::Pre,
        EntityKind::Bold
        | EntityKind::Italic
        | EntityKind::Underline
        | EntityKind::Strike
        | EntityKind::Spoiler
        | EntityKind::TextUrl { .. } => Level::Format,
        EntityKind::Code => Level::Code,
        EntityKind::Mention
        | EntityKind::Hashtag
        | EntityKind::Url
        | EntityKind::CustomEmoji { .. } => Level::Atom,
        EntityKind::BotCommand
        | EntityKind::Email
        | EntityKind::Phone
        | EntityKind::Cashtag
        | EntityKind::BankCard
        | EntityKind::MentionName { .. } => return None,
    })
}

/// The address that a link leads to, as it is written into HTML. Only schemes that do nothing but
/// lead somewhere.
pub(super) fn link_target(written: &str) -> Option<Url> {
    let written = written.trim();
    let url = match Url::parse(written) {
        Ok(url) => url,
        // Clients make links of what has no scheme, "example.org/x".
        Err(url::ParseError::RelativeUrlWithoutBase)
            if written.starts_with(char::is_alphanumeric) =>
        {
            Url::parse(&format!("https://{written}")).ok()?
        }
        Err(_) => return None,
    };
    let known = match url.scheme() {
        "http" | "https" => url.host_str().is_some_and(|host| host.contains(['.', ':'])),
        "mailto" | "tel" => true,
        _ => false,
    };
    (known && url.as_str().len() <= URL_BYTES_MAX).then_some(url)
}

/// The address that an [`EntityKind::Url`] of this text leads to.
pub(super) fn url_target(shown: &str) -> Option<Url> {
    let url = link_target(shown).filter(|url| matches!(url.scheme(), "http" | "https"))?;
    // An address that is shown over several words is no address that is shown.
    (!shown.contains(char::is_whitespace)).then_some(url)
}

/// The word of a hashtag, without `#`.
pub(super) fn hashtag_word(shown: &str) -> Option<&str> {
    let word = shown.strip_prefix('#')?;
    let fits = !word.is_empty()
        && word.chars().count() <= HASHTAG_CHARS_MAX
        && word.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !word.chars().all(char::is_numeric);
    fits.then_some(word)
}

/// A name of a programming language that may stand in a class.
pub(super) fn language(written: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '#' | '.' | '-');
    let fits = !written.is_empty() && written.len() <= LANGUAGE_BYTES_MAX;
    (fits && written.chars().all(plain)).then_some(written)
}

/// Entities as parts in bytes. Those that are not inside the text or cut a character are left out.
pub(super) fn spans(text: &str, entities: &[Entity]) -> Vec<Span> {
    // Where a unit begins that begins a character; one pass for any number of entities.
    let mut starts: Vec<(i64, usize)> = Vec::with_capacity(text.len() + 1);
    let mut units = 0;
    for (at, c) in text.char_indices() {
        starts.push((units, at));
        units += c.len_utf16() as i64;
    }
    starts.push((units, text.len()));
    let byte = |unit: i64| {
        let found = starts.binary_search_by_key(&unit, |(unit, _)| *unit).ok()?;
        starts.get(found).map(|(_, at)| *at)
    };
    let span = |entity: &Entity| {
        let from = i64::from(entity.offset);
        let (from, to) = (byte(from)?, byte(from + i64::from(entity.length))?);
        (from < to).then(|| Span { from, to, kind: entity.kind.clone() })
    };
    entities.iter().filter_map(span).collect()
}

/// The way back: parts as entities.
pub(super) fn entities(text: &str, spans: Vec<Span>) -> Vec<Entity> {
    let mut at: Vec<usize> = spans.iter().flat_map(|span| [span.from, span.to]).collect();
    at.sort_unstable();
    at.dedup();
    let mut units: Vec<(usize, i32)> = Vec::with_capacity(at.len());
    let (mut byte, mut unit) = (0, 0);
    for place in at {
        let between = text.get(byte..place).unwrap_or_default();
        unit += node_core::utf16_len(between) as i32;
        byte = place;
        units.push((place, unit));
    }
    let unit = |byte: usize| {
        let found = units.binary_search_by_key(&byte, |(byte, _)| *byte);
        found.ok().and_then(|at| units.get(at)).map_or(0, |(_, unit)| *unit)
    };
    let entity = |span: Span| {
        let offset = unit(span.from);
        Entity { offset, length: unit(span.to) - offset, kind: span.kind }
    };
    spans.into_iter().map(entity).collect()
}

/// Brings parts into shape: sorted, the outer first; blocks apart; what is inline within one
/// paragraph, with nothing in code, no link in a link, and no atom cut.
pub(super) fn shape(text: &str, spans: Vec<Span>) -> Vec<Span> {
    let mut of_level: [Vec<Span>; 5] = Default::default();
    for span in spans {
        let place = level(&span.kind).and_then(|level| of_level.get_mut(level as usize));
        if let Some(place) = place {
            place.push(span);
        }
    }
    let [quotes, pres, formats, codes, atoms] = of_level;
    let pres = blocks(text, pres);
    let quotes = blocks(text, around(apart(quotes), &pres));
    let borders = Borders::of(text, &quotes, &pres);

    let codes = borders.within(text, apart(codes));
    let (links, formats): (Vec<Span>, Vec<Span>) =
        formats.into_iter().partition(|span| matches!(span.kind, EntityKind::TextUrl { .. }));
    let links = apart(links.into_iter().filter_map(absolute).collect());
    let links = borders.within(text, outside_of(links, &codes));
    let taken: Vec<(usize, usize)> =
        codes.iter().chain(&links).chain(&pres).map(|span| (span.from, span.to)).collect();
    let atoms = apart(atoms.into_iter().filter(|atom| is_whole(text, atom)).collect());
    let free = |atom: &Span| {
        taken.iter().all(|(from, to)| atom.to <= *from || *to <= atom.from)
            && borders.all_outside(atom)
    };
    let mut atoms: Vec<Span> = atoms.into_iter().filter(free).collect();
    let (addresses, links): (Vec<Span>, Vec<Span>) =
        links.into_iter().partition(|link| is_address(text, link, &codes));
    atoms.extend(addresses.into_iter().map(|link| Span { kind: EntityKind::Url, ..link }));
    let formats = united(snapped(formats, &atoms));
    let formats = borders.within(text, outside_of(formats, &codes));

    let mut all: Vec<Span> =
        [quotes, pres, links, formats, codes, atoms].into_iter().flatten().collect();
    sort(&mut all);
    all
}

/// By place, the outer first; of two at one place, the one that holds the other by its level.
fn sort(spans: &mut [Span]) {
    spans.sort_by_key(|span| (span.from, std::cmp::Reverse(span.to), level(&span.kind)));
}

/// Blocks that lie apart, without line ends around them, and are not empty.
fn blocks(text: &str, spans: Vec<Span>) -> Vec<Span> {
    let mut kept = trimmed(text, apart(spans), &['\n']);
    kept.retain(|block| !is_blank(text, block));
    kept
}

fn is_blank(text: &str, span: &Span) -> bool {
    text.get(span.from..span.to).is_none_or(|part| part.trim().is_empty())
}

/// Whether an atom is what it says.
fn is_whole(text: &str, atom: &Span) -> bool {
    let shown = text.get(atom.from..atom.to).unwrap_or_default();
    match atom.kind {
        EntityKind::Hashtag => hashtag_word(shown).is_some(),
        EntityKind::Url => url_target(shown).is_some(),
        EntityKind::CustomEmoji { .. } => !shown.trim().is_empty(),
        _ => shown.len() > 1 && shown.starts_with('@') && !shown.contains(char::is_whitespace),
    }
}

/// Whether a link shows where it leads.
fn is_address(text: &str, link: &Span, codes: &[Span]) -> bool {
    let EntityKind::TextUrl { url } = &link.kind else { return false };
    let shown = text.get(link.from..link.to).unwrap_or_default();
    url_target(shown).is_some_and(|target| target.as_str() == url)
        && Url::parse(shown).is_ok()
        && codes.iter().all(|code| code.to <= link.from || link.to <= code.from)
}

/// A link whose address is as HTML has it; `None` for one that leads nowhere.
fn absolute(span: Span) -> Option<Span> {
    let EntityKind::TextUrl { url } = &span.kind else { return Some(span) };
    let url = link_target(url)?.into();
    Some(Span { kind: EntityKind::TextUrl { url }, ..span })
}

/// Cuts surrounding space off.
fn trimmed(text: &str, spans: Vec<Span>, space: &[char]) -> Vec<Span> {
    let trim = |span: Span| {
        let part = text.get(span.from..span.to)?;
        let to = span.from + part.trim_end_matches(space).len();
        let from = span.to - part.trim_start_matches(space).len();
        (from < to).then_some(Span { from, to, ..span })
    };
    spans.into_iter().filter_map(trim).collect()
}

/// Sorts parts of which no two may overlap: a later one begins where the one before ends.
fn apart(mut spans: Vec<Span>) -> Vec<Span> {
    sort(&mut spans);
    let mut end = 0;
    spans.retain_mut(|span| {
        // An atom is whole or not there.
        let whole = level(&span.kind) == Some(Level::Atom);
        if whole && span.from < end {
            return false;
        }
        span.from = span.from.max(end);
        end = end.max(span.to);
        span.from < span.to
    });
    spans
}

/// Quotes that hold the whole of each block of code that they touch, or nothing of it.
fn around(mut quotes: Vec<Span>, pres: &[Span]) -> Vec<Span> {
    for quote in &mut quotes {
        for pre in pres {
            if pre.from < quote.from && quote.from < pre.to {
                quote.from = pre.to;
            }
            if pre.from < quote.to && quote.to < pre.to {
                quote.to = pre.from;
            }
        }
    }
    quotes.retain(|quote| quote.from < quote.to);
    quotes
}

/// What lies in code goes; what reaches into it ends there; what holds it whole stays.
fn outside_of(spans: Vec<Span>, codes: &[Span]) -> Vec<Span> {
    let mut kept = Vec::with_capacity(spans.len());
    for span in spans {
        let mut parts = vec![span];
        for code in codes {
            parts = parts.into_iter().flat_map(|part| without(part, code)).collect();
        }
        kept.extend(parts);
    }
    kept
}

fn without(span: Span, code: &Span) -> Vec<Span> {
    let apart = span.to <= code.from || code.to <= span.from;
    let holds = span.from <= code.from && code.to <= span.to;
    let same = span.from == code.from && code.to == span.to;
    if apart || holds || same {
        return vec![span];
    }
    let before = Span { to: span.to.min(code.from), ..span.clone() };
    let behind = Span { from: span.from.max(code.to), ..span };
    [before, behind].into_iter().filter(|part| part.from < part.to).collect()
}

/// Formatting of a part of an atom is of all of it: a hidden letter hides the whole tag.
fn snapped(mut spans: Vec<Span>, atoms: &[Span]) -> Vec<Span> {
    for span in &mut spans {
        for atom in atoms {
            if atom.from < span.from && span.from < atom.to {
                span.from = atom.from;
            }
            if atom.from < span.to && span.to < atom.to {
                span.to = atom.to;
            }
        }
    }
    spans
}

/// Two of one kind that overlap are one.
fn united(mut spans: Vec<Span>) -> Vec<Span> {
    let mut all: Vec<Span> = Vec::with_capacity(spans.len());
    spans.sort_by_key(|span| span.from);
    for span in spans {
        let known = all.iter_mut().rev().find(|known| known.kind == span.kind);
        match known {
            Some(known) if span.from < known.to => known.to = known.to.max(span.to),
            _ => all.push(span),
        }
    }
    all
}

/// What nothing inline crosses.
struct Borders {
    /// Blocks of code, what is between paragraphs, and, empty, the ends of quotes; sorted.
    gaps: Vec<(usize, usize)>,
}

impl Borders {
    fn of(text: &str, quotes: &[Span], pres: &[Span]) -> Self {
        let pres: Vec<(usize, usize)> = pres.iter().map(|pre| (pre.from, pre.to)).collect();
        let mut gaps = breaks(text);
        gaps.retain(|(from, to)| pres.iter().all(|(start, end)| to <= start || end <= from));
        gaps.extend(pres);
        gaps.extend(quotes.iter().flat_map(|quote| [quote.from, quote.to]).map(|at| (at, at)));
        gaps.sort_unstable();
        Self { gaps }
    }

    fn all_outside(&self, atom: &Span) -> bool {
        self.gaps.iter().all(|(from, to)| atom.to <= *from || *to <= atom.from)
    }

    /// The parts of each that lie within one paragraph, without space around them.
    fn within(&self, text: &str, spans: Vec<Span>) -> Vec<Span> {
        let mut kept = Vec::with_capacity(spans.len());
        for mut rest in spans {
            for (from, to) in &self.gaps {
                if *to <= rest.from || rest.to <= *from {
                    continue;
                }
                if rest.from < *from {
                    kept.push(Span { to: *from, ..rest.clone() });
                }
                rest.from = *to;
            }
            kept.push(rest);
        }
        trimmed(text, kept, &[' ', '\n', '\t'])
    }
}

/// Where paragraphs end: two line ends or more.
pub(super) fn breaks(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.find("\n\n")) {
        let from = at + next;
        let rest = text.get(from..).unwrap_or_default();
        let to = from + rest.len() - rest.trim_start_matches('\n').len();
        found.push((from, to));
        at = to;
    }
    found
}
