//! What is searched for, and in what: texts without the differences that nobody types.
//!
//! A text is folded (compatibility forms, case, accents), then cut into words, and into runs of
//! scripts that put no space between words, and of signs. Of a run, any part may be asked for.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::kinds::{INDEXED, fits, names};
use crate::media::Document;
use crate::message::Message;
use crate::text::{Entity, EntityKind};

/// Characters of a query that are looked at.
const QUERY_CHARS_MAX: usize = 256;

/// Lengths, in characters, of the beginnings of words that have a token of their own. A longer
/// beginning is looked for under the longest of these, and the words are compared then.
const PREFIX_CHARS: [usize; 4] = [1, 2, 3, 5];

/// Characters of a word that its token holds.
const WORD_CHARS_MAX: usize = 64;

/// Marks that are accents: the diacritics of Latin, Greek and Cyrillic. Those of other scripts are
/// letters to their readers.
fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// Joiners, selectors and hyphens that are not seen.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Scripts without space between words, and signs such as emoji.
fn is_dense(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0fff // Thai, Lao, Tibetan
        | 0x1000..=0x109f // Burmese
        | 0x1780..=0x17ff // Khmer
        | 0x203c | 0x2049 | 0x2190..=0x2bff // arrows and signs
        | 0x2e80..=0x2fdf // radicals
        | 0x3005..=0x3007 | 0x3040..=0x30ff | 0x31f0..=0x31ff // kana
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff // Han
        | 0x1f000..=0x1faff // emoji
        | 0x2_0000..=0x3_ffff) // more Han
}

/// A text as it is compared: NFKC, without case and accents.
pub(super) fn fold(text: &str) -> String {
    // By way of upper case: it makes `ß` and `ss`, `ς` and `σ` the same.
    let letters = text.nfkd().filter(|c| !is_accent(*c) && !is_unseen(*c));
    let letters = letters.flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    let letters = letters.flat_map(char::to_lowercase);
    letters.nfkd().filter(|c| !is_accent(*c)).nfc().collect()
}

/// A part of a folded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Word(&'a str),
    Dense(&'a str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Dense,
    Between,
}

fn class(c: char) -> Class {
    match c {
        _ if is_dense(c) => Class::Dense,
        _ if c.is_alphanumeric() || is_combining_mark(c) => Class::Word,
        _ => Class::Between,
    }
}

fn parts(folded: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = folded;
    std::iter::from_fn(move || {
        loop {
            let first = class(rest.chars().next()?);
            let end = rest.find(|c| class(c) != first).unwrap_or(rest.len());
            let (part, more) = rest.split_at_checked(end)?;
            rest = more;
            match first {
                Class::Word => return Some(Part::Word(part)),
                Class::Dense => return Some(Part::Dense(part)),
                Class::Between => {}
            }
        }
    })
}

fn beginning(word: &str, chars: usize) -> &str {
    word.char_indices().nth(chars).map_or(word, |(at, _)| word.get(..at).unwrap_or(word))
}

/// What is indexed of a message; its hash is the place of its list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token(pub(super) String);

impl Token {
    fn new(kind: char, text: &str) -> Self {
        let mut token = String::with_capacity(1 + text.len());
        token.push(kind);
        token.push_str(text);
        Self(token)
    }

    fn word(word: &str) -> Self {
        Self::new('w', beginning(word, WORD_CHARS_MAX))
    }

    /// The token of the longest beginning that has one.
    fn prefix(beginning_of_word: &str) -> Self {
        let chars = beginning_of_word.chars().count();
        let longest = PREFIX_CHARS.into_iter().rfind(|length| *length <= chars).unwrap_or(1);
        Self::new('p', beginning(beginning_of_word, longest))
    }

    /// Messages of one kind, by its name.
    pub(super) fn kind(name: &str) -> Self {
        Self::new('f', name)
    }
}

fn pairs(run: &str) -> impl Iterator<Item = &str> {
    let starts = run.char_indices().map(|(at, _)| at);
    let ends = run.char_indices().map(|(at, c)| at + c.len_utf8()).skip(1);
    starts.zip(ends).filter_map(|(from, to)| run.get(from..to))
}

/// What is searched of a message, folded: its text, and the names of what comes with it.
fn searched(message: &Message, document: Option<&Document>) -> String {
    let names: Vec<&str> = document.into_iter().flat_map(names).collect();
    if names.is_empty() {
        return fold(&message.text);
    }
    fold(&format!("{}\n{}", message.text, names.join("\n")))
}

/// All tokens of a message with this document, each once.
pub(super) fn tokens(message: &Message, document: Option<&Document>) -> Vec<Token> {
    let folded = searched(message, document);
    let mut tokens = Vec::new();
    for part in parts(&folded) {
        match part {
            Part::Word(word) => {
                tokens.push(Token::word(word));
                let chars = word.chars().count();
                let lengths = PREFIX_CHARS.into_iter().filter(|length| *length <= chars);
                tokens.extend(lengths.map(|length| Token::new('p', beginning(word, length))));
            }
            Part::Dense(run) => {
                tokens.extend(run.chars().map(|c| Token::new('d', c.encode_utf8(&mut [0; 4]))));
                tokens.extend(pairs(run).map(|pair| Token::new('d', pair)));
            }
        }
    }
    tokens.extend(hashtags(message).map(|tag| Token::new('t', &tag)));
    let kinds = INDEXED.iter().filter(|(filter, _)| fits(*filter, message, document));
    tokens.extend(kinds.map(|(_, name)| Token::kind(name)));
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// Whether a link is in the message.
pub(super) fn has_url(message: &Message) -> bool {
    let link =
        |entity: &Entity| matches!(entity.kind, EntityKind::Url | EntityKind::TextUrl { .. });
    message.entities.iter().any(link)
}

/// The folded hashtags of a message, without their `#`.
fn hashtags(message: &Message) -> impl Iterator<Item = String> {
    let tags = message.entities.iter().filter(|entity| entity.kind == EntityKind::Hashtag);
    tags.filter_map(|entity| {
        let units = message.text.encode_utf16();
        let from = usize::try_from(entity.offset).ok()?;
        let length = usize::try_from(entity.length).ok()?;
        let tag: Vec<u16> = units.skip(from).take(length).collect();
        Some(fold(String::from_utf16(&tag).ok()?.trim_start_matches('#')))
    })
}

/// One thing that a message must have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Word(String),
    /// The beginning of a word: the last one is still being typed.
    Prefix(String),
    Dense(String),
    Hashtag(String),
}

/// What somebody typed: all of it must occur in a message, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words(Vec<Term>);

impl Words {
    /// Cuts what was typed into words.
    pub(super) fn parse(typed: &str) -> Self {
        let typed: String = typed.chars().take(QUERY_CHARS_MAX).collect();
        let mut terms = Vec::new();
        for piece in typed.split_whitespace() {
            if let Some(tag) = piece.strip_prefix('#') {
                let folded = fold(tag);
                if !folded.is_empty()
                    && folded.chars().all(|c| class(c) != Class::Between || c == '_')
                {
                    terms.push(Term::Hashtag(folded));
                    continue;
                }
            }
            terms.extend(parts(&fold(piece)).map(|part| match part {
                Part::Word(word) => Term::Word(word.to_owned()),
                Part::Dense(run) => Term::Dense(run.to_owned()),
            }));
        }
        let complete = fold(&typed).chars().next_back().is_none_or(|c| class(c) != Class::Word);
        if let Some(Term::Word(word)) = terms.last_mut().filter(|_| !complete) {
            let beginning = std::mem::take(word);
            if let Some(last) = terms.last_mut() {
                *last = Term::Prefix(beginning);
            }
        }
        Self(terms)
    }

    /// Whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tokens that every message has which matches.
    pub(super) fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        for term in &self.0 {
            match term {
                Term::Word(word) => tokens.push(Token::word(word)),
                Term::Prefix(word) => tokens.push(Token::prefix(word)),
                Term::Dense(run) => {
                    let before = tokens.len();
                    tokens.extend(pairs(run).map(|pair| Token::new('d', pair)));
                    if tokens.len() == before {
                        tokens.push(Token::new('d', run));
                    }
                }
                Term::Hashtag(tag) => tokens.push(Token::new('t', tag)),
            }
        }
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// Whether all of it is in the message, or in the names of its document.
    pub(super) fn are_in(&self, message: &Message, document: Option<&Document>) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let folded = searched(message, document);
        let parts: Vec<Part<'_>> = parts(&folded).collect();
        self.0.iter().all(|term| match term {
            Term::Word(word) => parts.contains(&Part::Word(word)),
            Term::Prefix(start) => {
                parts.iter().any(|part| matches!(part, Part::Word(w) if w.starts_with(start)))
            }
            Term::Dense(run) => {
                parts.iter().any(|part| matches!(part, Part::Dense(d) if d.contains(run)))
            }
            Term::Hashtag(tag) => hashtags(message).any(|found| found == *tag),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::text::Text;

    fn message(text: &str) -> Message {
        let Text { text, entities } = Text::parse(text, Vec::new()).unwrap();
        let user = UserId(1);
        Message { text, entities, ..Message::plain(user.into(), user, true) }
    }

    /// Whether it is found; and then the index has to lead there.
    fn finds(typed: &str, text: &str) -> bool {
        let (words, message) = (Words::parse(typed), message(text));
        let found = !words.is_empty() && words.are_in(&message, None);
        let tokens = tokens(&message, None);
        if found {
            let missing = words.tokens().into_iter().find(|token| !tokens.contains(token));
            assert_eq!(missing, None, "{typed:?} in {text:?}");
        }
        found
    }

    #[test]
    fn case_accents_and_forms_make_no_difference() {
        for (typed, text) in [
            ("ECLAIR", "un éclair au chocolat"),
            ("éclair", "ECLAIRS"),
            ("strasse", "in der Straße"),
            ("STRAẞE", "strasse"),
            ("οδος", "ΟΔΟΣ"),
            ("ΟΔΌΣ", "οδός"),
            ("елка", "новогодняя Ёлка"),
            ("istanbul", "İSTANBUL"),
            ("file", "the ﬁle"),
            ("m2", "m²"),
            ("ｆｕｌｌ", "full width"),
            ("한국", "한국어를 배워요"),
            ("नमस्", "नमस्ते दुनिया"),
            ("Zürich", "Zu\u{308}rich"),
            ("cooperate", "co\u{ad}op\u{ad}er\u{ad}ate"),
        ] {
            assert!(finds(typed, text), "{typed} in {text}");
        }
    }

    #[test]
    fn all_words_must_occur_and_the_last_may_be_a_beginning() {
        let text = "Meet me at the old harbour, by example.com/ships_and-boats!";
        for typed in
            ["harb", "old harbour", "HARBOUR old me", "ships", "com ships boats", "m", "me"]
        {
            assert!(finds(typed, text), "{typed}");
        }
        for typed in
            ["harb old", "arbour", "meeting", "harbours", "meet you", "oldharbour", "harb ", ""]
        {
            assert!(!finds(typed, text), "{typed}");
        }
        assert!(finds("internationalization", "internationalizations"));
        assert!(!finds("internationalizer", "internationalization"));
        assert!(finds(&"x".repeat(200), &"x".repeat(300)));
        assert!(!finds(&format!("{}y", "x".repeat(200)), &"x".repeat(300)));
    }

    #[test]
    fn scripts_without_spaces_are_searched_by_any_part() {
        for (typed, text) in [
            ("京", "東京タワー"),
            ("東京", "私は東京タワーへ行く"),
            ("京タ", "東京タワー"),
            ("ﾀﾜｰ", "東京タワー"),
            ("が", "か\u{3099}"),
            ("ไทย", "ภาษาไทยง่าย"),
            ("東京 tower", "tower of 東京"),
            ("tower東京", "東京 Tower"),
            ("🎉", "party 🎉🎂"),
            ("❤", "I ❤️ you"),
        ] {
            assert!(finds(typed, text), "{typed} in {text}");
        }
        for (typed, text) in
            [("京東", "東京"), ("東ワ", "東京タワー"), ("東京", "東の京"), ("か", "が")]
        {
            assert!(!finds(typed, text), "{typed} in {text}");
        }
    }

    #[test]
    fn hashtags_are_exact() {
        let text = "at the #Harbour_2 with #boats";
        for typed in ["#harbour_2", "#BOATS", "#boats at", "harbour", "boats #harbour_2"] {
            assert!(finds(typed, text), "{typed}");
        }
        for typed in ["#harbour", "#boat", "#the", "#at boats"] {
            assert!(!finds(typed, text), "{typed}");
        }
    }

    #[test]
    fn what_is_no_word_asks_for_nothing() {
        for typed in ["", " ", "!?", "#", "--", "\u{fe0f}", "#!"] {
            assert!(Words::parse(typed).is_empty(), "{typed}");
        }
        assert!(Words::parse(&"a ".repeat(100_000)).0.len() <= QUERY_CHARS_MAX);
    }

    #[test]
    fn the_longest_texts_have_bounded_tokens() {
        // The character that grows most.
        let longest = message(&"\u{fdfa}".repeat(4096));
        assert!(tokens(&longest, None).len() < 100);
        let all: String = (0..4096).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
        assert_eq!(tokens(&message(&all), None).len(), 4096 + 4095);
    }
}
