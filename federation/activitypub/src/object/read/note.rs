//! Posts of other servers.

use serde_json::Value;

use super::actor::{own_id, page, picture};
use super::json::{all, flag, id, id_of, kind, kinds, number, text};
use crate::object::context::PUBLIC;
use crate::object::date::read_date;

/// Types that are read as posts.
pub(super) const POSTS: [&str; 9] =
    ["Note", "Question", "Article", "Page", "Image", "Audio", "Video", "Event", "Document"];
/// Attachments of one post that are kept.
const ATTACHMENTS_MAX: usize = 10;
/// Mentions, hashtags and emoji of one post that are kept, of each kind.
const TAGS_MAX: usize = 50;
/// Whom one post is for, at most.
const AUDIENCE_MAX: usize = 200;
/// Longest text that is kept, in bytes. A message is far shorter; what is over is cut off anyway.
const CONTENT_BYTES_MAX: usize = 256 << 10;
/// Longest title, warning or description, in bytes.
const LINE_BYTES_MAX: usize = 10 << 10;
/// Longest media type, language, or hash of a picture, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// Who sees a post.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// In all timelines.
    Public,
    /// By whoever looks for it.
    Unlisted,
    /// By followers, or by those who are named.
    Private,
}

/// A file of a post.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct RemoteAttachment {
    /// Its type: `Image`, `Document`, …
    pub(crate) kind: String,
    /// `image/png`, as it says.
    pub(crate) media_type: Option<String>,
    /// Where it is.
    pub(crate) url: String,
    /// What it shows.
    pub(crate) name: Option<String>,
    /// Width in pixels, as it says.
    pub(crate) width: Option<u32>,
    /// Height in pixels, as it says.
    pub(crate) height: Option<u32>,
    /// <https://blurha.sh>
    pub(crate) blurhash: Option<String>,
}

/// Somebody who is mentioned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RemoteMention {
    /// Id of the actor.
    pub(crate) href: String,
    /// `@user@host`, if it says so.
    pub(crate) name: Option<String>,
}

/// A picture that stands for `:name:` in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RemoteEmoji {
    /// `:name:`.
    pub(crate) name: String,
    /// Where the picture is.
    pub(crate) url: String,
}

/// A post.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RemoteNote {
    /// Its id.
    pub(crate) id: String,
    /// Its type: `Note`, `Question`, `Article`, …
    pub(crate) kind: String,
    /// Who wrote it.
    pub(crate) attributed_to: String,
    /// Its text, as HTML. Empty for one that has only files.
    pub(crate) content: String,
    /// The language of that, if it says so.
    pub(crate) language: Option<String>,
    /// A title.
    pub(crate) name: Option<String>,
    /// A content warning of a note, as text or HTML; an extract of an article.
    pub(crate) summary: Option<String>,
    /// Whether it is hidden behind a warning.
    pub(crate) sensitive: bool,
    /// What it answers.
    pub(crate) in_reply_to: Option<String>,
    /// Ids of whom it is for; everybody is [`crate::object::PUBLIC`], however they wrote it.
    pub(crate) to: Vec<String>,
    /// The same.
    pub(crate) cc: Vec<String>,
    /// When it was posted, in seconds of Unix time.
    pub(crate) published_s: Option<i64>,
    /// When it was edited.
    pub(crate) updated_s: Option<i64>,
    /// Its files.
    pub(crate) attachments: Vec<RemoteAttachment>,
    /// Whom it mentions.
    pub(crate) mentions: Vec<RemoteMention>,
    /// Its hashtags, without `#`.
    pub(crate) hashtags: Vec<String>,
    /// Its emoji.
    pub(crate) emoji: Vec<RemoteEmoji>,
    /// Its page.
    pub(crate) url: Option<String>,
    /// What it quotes.
    pub(crate) quote: Option<String>,
    /// That the quoted author agrees: id of the stamp.
    pub(crate) quote_authorization: Option<String>,
}

/// An answer to a poll: a note with a name and without a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Vote {
    /// Its id, if it has one.
    pub(crate) id: Option<String>,
    /// Who voted, if it says so.
    pub(crate) attributed_to: Option<String>,
    /// The poll.
    pub(crate) in_reply_to: String,
    /// The text of the answer.
    pub(crate) name: String,
}

impl RemoteNote {
    /// Who sees it.
    pub(crate) fn seen(&self) -> Seen {
        let public = |list: &[String]| list.iter().any(|id| id == PUBLIC);
        match (public(&self.to), public(&self.cc)) {
            (true, _) => Seen::Public,
            (false, true) => Seen::Unlisted,
            (false, false) => Seen::Private,
        }
    }
}

/// Reads a post; `None` for what has no id, no author, or is no post.
pub(crate) fn read_note(document: &Value) -> Option<RemoteNote> {
    let kind = kind(document, &POSTS);
    if !POSTS.contains(&kind) {
        return None;
    }
    let (content, language) = content(document);
    let mut note = RemoteNote {
        id: own_id(document)?,
        kind: kind.to_owned(),
        attributed_to: author(document)?,
        content,
        language,
        name: of_map(document, "name", "nameMap", LINE_BYTES_MAX),
        summary: of_map(document, "summary", "summaryMap", LINE_BYTES_MAX),
        sensitive: flag(document, "sensitive") || flag(document, "as:sensitive"),
        in_reply_to: id(document, "inReplyTo"),
        to: audience(document, "to"),
        cc: audience(document, "cc"),
        published_s: date(document, "published"),
        updated_s: date(document, "updated"),
        attachments: attachments(document),
        mentions: Vec::new(),
        hashtags: Vec::new(),
        emoji: Vec::new(),
        url: page(document),
        quote: None,
        quote_authorization: id(document, "quoteAuthorization"),
    };
    let named = ["quote", "quoteUri", "quoteUrl", "quoteURL", "_misskey_quote"];
    note.quote = named.into_iter().find_map(|name| id(document, name));
    for tag in all(document, "tag") {
        read_tag(tag, &mut note);
    }
    Some(note)
}

/// Reads an answer to a poll; `None` for any other note.
pub(crate) fn read_vote(document: &Value) -> Option<Vote> {
    let has_text = text(document, "content", 16).is_some_and(|content| !content.trim().is_empty());
    if has_text || !kinds(document).contains(&"Note") {
        return None;
    }
    Some(Vote {
        id: own_id(document),
        attributed_to: author(document),
        in_reply_to: id(document, "inReplyTo")?,
        name: text(document, "name", LINE_BYTES_MAX).filter(|name| !name.is_empty())?,
    })
}

/// PeerTube names the channel too: whoever is a person, or the first.
fn author(document: &Value) -> Option<String> {
    let authors = all(document, "attributedTo");
    let person = authors.iter().find(|author| kinds(author).contains(&"Person"));
    person.or(authors.first()).and_then(|author| id_of(author))
}

/// Everybody has three names.
pub(super) fn audience(document: &Value, name: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for value in all(document, name).into_iter().take(AUDIENCE_MAX) {
        let id = match value.as_str() {
            Some("as:Public" | "Public" | PUBLIC) => Some(PUBLIC.to_owned()),
            _ => id_of(value),
        };
        found.extend(id.filter(|id| !found.contains(id)));
    }
    found
}

fn content(document: &Value) -> (String, Option<String>) {
    let map = document.get("contentMap").and_then(Value::as_object);
    let known = text(document, "content", CONTENT_BYTES_MAX);
    // The entry that is the content; of one alone, it is meant to be.
    let entry = map.and_then(|map| {
        let same = |(_, value): &(&String, &Value)| value.as_str() == known.as_deref();
        let alone = map.len() == 1 || known.is_none();
        map.iter().find(same).or_else(|| map.iter().next().filter(|_| alone))
    });
    let language = entry.map(|(code, _)| code.clone());
    let language = language.filter(|code| code.len() <= 35 && code != "und");
    let mapped = || {
        let text = entry?.1.as_str()?;
        Some(text.get(..text.floor_char_boundary(CONTENT_BYTES_MAX))?.to_owned())
    };
    (known.or_else(mapped).unwrap_or_default(), language)
}

/// A text that may stand in a map of languages only.
fn of_map(document: &Value, name: &str, map: &str, bytes_max: usize) -> Option<String> {
    let mapped = || {
        let map = document.get(map)?.as_object()?;
        let text = map.values().next()?.as_str()?;
        Some(text.get(..text.floor_char_boundary(bytes_max))?.to_owned())
    };
    text(document, name, bytes_max).or_else(mapped).filter(|text| !text.trim().is_empty())
}

fn date(document: &Value, name: &str) -> Option<i64> {
    read_date(&text(document, name, WORD_BYTES_MAX)?)
}

fn attachments(document: &Value) -> Vec<RemoteAttachment> {
    let mut values = all(document, "attachment");
    // An `Image` without attachments is its own; so is a `Video`, whose links are in `url`.
    if values.is_empty() && ["Image", "Audio", "Video"].iter().any(|k| kinds(document).contains(k))
    {
        values.push(document);
    }
    values.into_iter().filter_map(attachment).take(ATTACHMENTS_MAX).collect()
}

fn attachment(value: &Value) -> Option<RemoteAttachment> {
    let known = ["Image", "Video", "Audio", "Document"];
    let kind = kind(value, &known);
    let kind = if kind.is_empty() { "Document" } else { kind };
    if !known.contains(&kind) {
        return None;
    }
    let word = |value: &Value, name: &str| {
        text(value, name, WORD_BYTES_MAX).filter(|text| !text.contains(char::is_control))
    };
    // Each form of a file is a link with a type of its own; pages are none.
    let links = all(value, "url");
    let is_media = |link: &&&Value| {
        let kind = link.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        ["image/", "video/", "audio/"].iter().any(|prefix| kind.starts_with(prefix))
    };
    let link = links.iter().find(is_media).or(links.first()).copied();
    let url = link.and_then(picture).or_else(|| id(value, "href"))?;
    let inner = |name: &str| link.filter(|link| link.is_object()).and_then(|link| word(link, name));
    Some(RemoteAttachment {
        kind: kind.to_owned(),
        media_type: word(value, "mediaType").or_else(|| inner("mediaType")),
        url,
        name: of_map(value, "name", "nameMap", LINE_BYTES_MAX)
            .or_else(|| of_map(value, "summary", "summaryMap", LINE_BYTES_MAX)),
        width: number(value, "width").or_else(|| number(link?, "width")),
        height: number(value, "height").or_else(|| number(link?, "height")),
        blurhash: word(value, "blurhash"),
    })
}

fn read_tag(tag: &Value, note: &mut RemoteNote) {
    let name = text(tag, "name", LINE_BYTES_MAX);
    match kind(tag, &["Mention", "Hashtag", "Emoji", "Link"]) {
        "Mention" => {
            if let Some(href) = id(tag, "href")
                && note.mentions.len() < TAGS_MAX
                && !note.mentions.iter().any(|known| known.href == href)
            {
                note.mentions.push(RemoteMention { href, name });
            }
        }
        "Hashtag" => {
            let word = name.unwrap_or_default();
            let word = word.trim().trim_start_matches('#').to_owned();
            if !word.is_empty() && note.hashtags.len() < TAGS_MAX && !note.hashtags.contains(&word)
            {
                note.hashtags.push(word);
            }
        }
        "Emoji" => {
            if let (Some(name), Some(url)) = (name, all(tag, "icon").into_iter().find_map(picture))
                && note.emoji.len() < TAGS_MAX
            {
                note.emoji.push(RemoteEmoji { name, url });
            }
        }
        // FEP-e232.
        "Link" if is_quote(tag) => note.quote = note.quote.take().or_else(|| id(tag, "href")),
        _ => {}
    }
}

/// Whether a link to an object says that it is what the note quotes.
fn is_quote(tag: &Value) -> bool {
    let rels = ["https://misskey-hub.net/ns#_misskey_quote", "https://w3id.org/fep/044f#quote"];
    all(tag, "rel").into_iter().filter_map(Value::as_str).any(|rel| rels.contains(&rel))
}
