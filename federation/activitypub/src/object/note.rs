//! Posts: `Note`, and `Question` for one with a poll.
//!
//! Long posts too: Mastodon shows an `Article` as its title and a link.

use serde_json::{Value, json};

use super::actor::Picture;
use super::context::{PUBLIC, fields, put};
use super::date::write_date;
use super::ids::{Cid, Cursor, Ids, Mid, Place};
use crate::text::{HtmlText, escape};

/// Attachments of a post: as many as an album has.
const ATTACHMENTS_MAX: usize = 10;
/// Attachments that Mastodon keeps; a line says where the others are.
const ATTACHMENTS_SHOWN: usize = 4;
/// What stands before a text with a spoiler that has no warning of its own.
const SPOILER_WARNING: &str = "spoiler";

/// Who sees a post.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Visibility {
    /// In all timelines.
    #[default]
    Public,
    /// Whoever looks for it: answers of the channel.
    Unlisted,
}

/// What kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AttachmentKind {
    Image,
    Video,
    Audio,
    Document,
}

/// A file of a post.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Attachment {
    /// What kind.
    pub(crate) kind: AttachmentKind,
    /// `video/mp4`.
    pub(crate) media_type: String,
    /// Where it is.
    pub(crate) url: String,
    /// What it shows, for who cannot see it; of a document, its file name.
    pub(crate) name: Option<String>,
    /// Width and height in pixels.
    pub(crate) size: Option<(u32, u32)>,
    /// Length in milliseconds.
    pub(crate) duration_ms: Option<u64>,
    /// <https://blurha.sh>
    pub(crate) blurhash: Option<String>,
    /// A still picture of it.
    pub(crate) icon: Option<Picture>,
}

/// A line before or behind the text: where a post was forwarded from, where a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// What stands before the link.
    pub(crate) text: String,
    /// Where the link leads, and what is shown of it.
    pub(crate) link: Option<(String, String)>,
}

/// Another post that this one quotes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Quoted {
    /// Its id.
    pub(crate) id: String,
    /// Its page.
    pub(crate) url: String,
    /// That its author agrees; the author of both needs none.
    pub(crate) authorization: Option<String>,
}

/// An answer of a poll.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PollOption {
    /// Its text. Others know an answer by it.
    pub(crate) text: String,
    /// Who chose it, here and elsewhere.
    pub(crate) votes: u64,
}

/// A poll.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Poll {
    /// Whether one may choose several.
    pub(crate) multiple: bool,
    /// The answers.
    pub(crate) options: Vec<PollOption>,
    /// Who voted.
    pub(crate) voters: u64,
    /// When it ends, in seconds of Unix time.
    pub(crate) end_s: Option<i64>,
    /// When it ended.
    pub(crate) closed_s: Option<i64>,
}

/// What others did with a post.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) replies: u64,
    pub(crate) likes: u64,
    pub(crate) shares: u64,
}

/// A post.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Note {
    /// The channel.
    pub(crate) cid: Cid,
    /// The post.
    pub(crate) mid: Mid,
    /// The channel's username, for the page of the post.
    pub(crate) username: String,
    /// When it was posted, in seconds of Unix time. It never changes.
    pub(crate) published_s: i64,
    /// When it was last edited. It grows with each edit, and only then: an `Update` without a newer
    /// one changes counts alone.
    pub(crate) updated_s: Option<i64>,
    /// The text.
    pub(crate) text: HtmlText,
    /// Lines before it.
    pub(crate) before: Vec<Line>,
    /// Lines behind it.
    pub(crate) behind: Vec<Line>,
    /// A content warning of its author.
    pub(crate) warning: Option<String>,
    /// Whether its media are hidden.
    pub(crate) sensitive: bool,
    /// `de`, when it is known.
    pub(crate) language: Option<String>,
    /// Who sees it.
    pub(crate) visibility: Visibility,
    /// Id of the post that it answers.
    pub(crate) in_reply_to: Option<String>,
    /// The post that began its thread: itself if it answers nothing of the channel.
    pub(crate) thread: Mid,
    /// Files.
    pub(crate) attachments: Vec<Attachment>,
    /// What it quotes.
    pub(crate) quoted: Option<Quoted>,
    /// Whether everybody may quote it.
    pub(crate) quotable: bool,
    /// The poll in it.
    pub(crate) poll: Option<Poll>,
    /// What others did.
    pub(crate) counts: Counts,
}

/// The document of a post, without context: as it is embedded. [`super::with_context`] makes it stand
/// alone.
pub(crate) fn note(ids: &Ids, note: &Note) -> Value {
    let post = Place::Post(note.cid, note.mid);
    let id = ids.url(&post);
    let page = ids.web_post(&note.username, &note.mid);
    let content = content(note, &page);
    let (to, cc) = audience(ids, note);
    let context = ids.url(&Place::Context(note.cid, note.thread));
    let can_quote = match note.quotable {
        true => PUBLIC.to_owned(),
        // Nobody but the channel.
        false => ids.url(&Place::Actor(note.cid)),
    };
    let mut document = fields(json!({
        "id": id,
        "type": if note.poll.is_some() { "Question" } else { "Note" },
        "attributedTo": ids.url(&Place::Actor(note.cid)),
        "content": content,
        "url": page,
        "published": write_date(note.published_s),
        "to": to,
        "cc": cc,
        "context": context,
        "conversation": context,
        "sensitive": note.sensitive || note.text.hidden || note.warning.is_some(),
        "tag": note.text.tags,
        "attachment": attachments(note),
        "replies": replies(ids, note),
        "likes": count(&ids.url(&Place::Likes(note.cid, note.mid)), note.counts.likes),
        "shares": count(&ids.url(&Place::Shares(note.cid, note.mid)), note.counts.shares),
        "interactionPolicy": { "canQuote": { "automaticApproval": [can_quote] } },
    }));
    put(&mut document, "updated", note.updated_s.map(write_date));
    let hidden = note.text.hidden.then(|| SPOILER_WARNING.to_owned());
    put(&mut document, "summary", note.warning.clone().or(hidden));
    put(&mut document, "contentMap", note.language.as_ref().map(|code| json!({ code: content })));
    put(&mut document, "inReplyTo", note.in_reply_to.clone());
    if let Some(quoted) = &note.quoted {
        for name in ["quote", "quoteUri", "_misskey_quote"] {
            put(&mut document, name, Some(quoted.id.clone()));
        }
        put(&mut document, "quoteAuthorization", quoted.authorization.clone());
    }
    if let Some(poll) = &note.poll {
        put(&mut document, if poll.multiple { "anyOf" } else { "oneOf" }, Some(options(poll)));
        put(&mut document, "votersCount", Some(poll.voters));
        put(&mut document, "endTime", poll.end_s.map(write_date));
        put(&mut document, "closed", poll.closed_s.map(write_date));
    }
    Value::Object(document)
}

fn audience(ids: &Ids, note: &Note) -> (Vec<String>, Vec<String>) {
    let (public, followers) = (PUBLIC.to_owned(), ids.url(&Place::Followers(note.cid)));
    let (to, mut cc) = match note.visibility {
        Visibility::Public => (vec![public], vec![followers]),
        Visibility::Unlisted => (vec![followers], vec![public]),
    };
    cc.extend(note.text.mentioned.iter().cloned());
    (to, cc)
}

fn content(note: &Note, page: &str) -> String {
    let mut html: String = note.before.iter().map(paragraph).collect();
    html.push_str(&note.text.html);
    html.extend(note.behind.iter().map(paragraph));
    // Servers that show no documents show where they are.
    for file in note.attachments.iter().take(ATTACHMENTS_MAX) {
        if file.kind == AttachmentKind::Document {
            let name = file.name.clone().filter(|name| !name.is_empty());
            let shown = name.unwrap_or_else(|| file.media_type.clone());
            let link = Some((file.url.clone(), shown));
            html.push_str(&paragraph(&Line { text: String::new(), link }));
        }
    }
    let more = note.attachments.len().min(ATTACHMENTS_MAX).saturating_sub(ATTACHMENTS_SHOWN);
    if more > 0 {
        let shown = "all of them".to_owned();
        let link = Some((page.to_owned(), shown));
        html.push_str(&paragraph(&Line { text: format!("+{more} more: "), link }));
    }
    if let Some(quoted) = &note.quoted {
        // For servers that know no quotes; the others hide it.
        let url = escape(&quoted.url);
        html.push_str(&format!(
            "<p><span class=\"quote-inline\">RE: <a href=\"{url}\">{url}</a></span></p>"
        ));
    }
    html
}

fn paragraph(line: &Line) -> String {
    let link = match &line.link {
        Some((url, shown)) => format!("<a href=\"{}\">{}</a>", escape(url), escape(shown)),
        None => String::new(),
    };
    format!("<p>{}{link}</p>", escape(&line.text))
}

fn attachments(note: &Note) -> Vec<Value> {
    let document = |file: &Attachment| {
        let kind = match file.kind {
            AttachmentKind::Image => "Image",
            AttachmentKind::Video => "Video",
            AttachmentKind::Audio => "Audio",
            AttachmentKind::Document => "Document",
        };
        let mut document =
            fields(json!({ "type": kind, "mediaType": file.media_type, "url": file.url }));
        put(&mut document, "name", file.name.clone().filter(|name| !name.is_empty()));
        put(&mut document, "width", file.size.map(|(width, _)| width));
        put(&mut document, "height", file.size.map(|(_, height)| height));
        put(&mut document, "duration", file.duration_ms.map(duration));
        put(&mut document, "blurhash", file.blurhash.clone());
        put(&mut document, "icon", file.icon.as_ref().map(Picture::document));
        Value::Object(document)
    };
    note.attachments.iter().take(ATTACHMENTS_MAX).map(document).collect()
}

/// `PT12.5S`: xsd:duration.
fn duration(ms: u64) -> String {
    let fraction = format!("{:03}", ms % 1000);
    match fraction.trim_end_matches('0') {
        "" => format!("PT{}S", ms / 1000),
        fraction => format!("PT{}.{fraction}S", ms / 1000),
    }
}

fn count(id: &str, total: u64) -> Value {
    json!({ "id": id, "type": "Collection", "totalItems": total })
}

fn replies(ids: &Ids, note: &Note) -> Value {
    let place = Place::Replies(note.cid, note.mid);
    let mut replies = fields(count(&ids.url(&place), note.counts.replies));
    put(&mut replies, "first", Some(ids.page(&place, &Cursor::Newest)));
    Value::Object(replies)
}

fn options(poll: &Poll) -> Vec<Value> {
    let option = |option: &PollOption| {
        json!({
            "type": "Note",
            "name": option.text,
            "replies": { "type": "Collection", "totalItems": option.votes },
        })
    };
    poll.options.iter().map(option).collect()
}
