//! Pages of channels whose owners show them to everybody.

use maud::{Markup, PreEscaped, html};
use time::OffsetDateTime;

use crate::layout;
use crate::pages::{About, face, initials};

/// A channel, and some of what was said in it.
#[derive(Debug, Clone, Default)]
pub struct Channel {
    /// Chooses the colour of a face without a picture.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// As its owner spells it: what its pages are called by.
    pub username: String,
    /// What clients of this node call it, if that is another name.
    pub name_here: Option<String>,
    /// Scheme and host of its pages, if they are not the node's: it came from another node.
    pub base: Option<String>,
    /// A few words about it; may be empty.
    pub about: String,
    /// Where its picture is.
    pub photo: Option<String>,
    /// How many are in it.
    pub members: u64,
    /// `user@domain`, for people of the fediverse.
    pub handle: Option<String>,
    /// The address of its actor.
    pub actor: Option<String>,
    /// The username of the group in which its posts are discussed.
    pub discussion: Option<String>,
    /// Search engines may show it.
    pub indexable: bool,
    /// The newest first.
    pub posts: Vec<Post>,
    /// There are older ones, before this number.
    pub older: Option<i32>,
}

impl Channel {
    fn name_here(&self) -> &str {
        self.name_here.as_ref().unwrap_or(&self.username)
    }
}

/// A post.
#[derive(Debug, Clone, Default)]
pub struct Post {
    /// Its number here.
    pub number: i32,
    /// Its own page, from `/` on.
    pub path: String,
    /// The address of its object.
    pub object: Option<String>,
    /// Unix seconds.
    pub date: i64,
    /// Unix seconds of the last edit.
    pub edited: Option<i64>,
    /// HTML that is made of escaped text.
    pub html: String,
    /// The same as text alone.
    pub text: String,
    /// What is warned of before it is shown.
    pub warning: Option<String>,
    /// What came with it.
    pub media: Vec<Media>,
    /// What is asked.
    pub poll: Option<Poll>,
    /// Whose words these are, where they were forwarded.
    pub forwarded: Option<String>,
    /// The page of the post that it answers.
    pub answers: Option<String>,
    /// Who signed it.
    pub author: Option<String>,
    /// How often it was seen.
    pub views: u64,
    /// How many reacted.
    pub reactions: u64,
    /// How many comments there are.
    pub comments: u64,
}

/// What comes with a post.
#[derive(Debug, Clone)]
pub struct Media {
    /// What a browser does with it.
    pub kind: MediaKind,
    /// Where it is.
    pub url: String,
    /// What it shows, in words; or how the file is called. May be empty.
    pub name: String,
    /// Pixels.
    pub size: Option<(u32, u32)>,
    /// Bytes.
    pub bytes: u64,
}

/// Kinds of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// Shown.
    Image,
    /// Played.
    Video,
    /// Played.
    Audio,
    /// Saved.
    File,
}

/// A poll.
#[derive(Debug, Clone, Default)]
pub struct Poll {
    /// What is asked.
    pub question: String,
    /// Answers, each with how many gave it.
    pub options: Vec<(String, u64)>,
    /// How many answered.
    pub voters: u64,
    /// No more answers are taken.
    pub closed: bool,
}

/// A post with what was said about it.
#[derive(Debug, Clone, Default)]
pub struct PostPage {
    /// Its channel, without posts.
    pub channel: Channel,
    /// The post.
    pub post: Post,
    /// The oldest first.
    pub comments: Vec<Comment>,
}

/// Something said about a post.
#[derive(Debug, Clone, Default)]
pub struct Comment {
    /// Who wrote it.
    pub author: String,
    /// Where it was written first, if that was elsewhere.
    pub url: Option<String>,
    /// Unix seconds.
    pub date: i64,
    /// HTML that is made of escaped text.
    pub html: String,
}

/// Characters of a description that link previews show.
const DESCRIPTION_CHARS: usize = 200;

/// `/@NAME`
pub(crate) fn channel(about: &About, base: &str, found: &Channel) -> Markup {
    let path = format!("/@{}", found.username);
    let photo = found.photo.as_deref().map(|photo| format!("{base}{photo}"));
    let head = html! {
        (preview(&found.title, &found.about, photo.as_deref(), "profile"))
        link rel="alternate" type="application/atom+xml" title=(found.title) href={ (path) "/feed" };
        @if let Some(actor) = &found.actor {
            link rel="alternate" type="application/activity+json" href=(actor);
        }
    };
    layout::wide(
        about,
        &found.title,
        &head,
        &html! {
            (top(found, true))
            @if found.posts.is_empty() { p.faint { "Nothing was posted yet." } }
            @for one in &found.posts { (post(found, one, false)) }
            @if let Some(before) = found.older {
                nav { a.button href={ (path) "?before=" (before) } { "Older posts" } }
            }
        },
    )
}

/// `/@NAME/POST`
pub(crate) fn post_page(about: &About, base: &str, found: &PostPage) -> Markup {
    let channel = &found.channel;
    let title = match first_words(&found.post.text, 60) {
        words if words.is_empty() => channel.title.clone(),
        words => format!("{}: {words}", channel.title),
    };
    // What is warned of stands in no preview.
    let hidden = found.post.warning.as_deref();
    let image = found.post.media.iter().find(|media| media.kind == MediaKind::Image);
    let image = image.filter(|_| hidden.is_none()).map(|media| format!("{base}{}", media.url));
    let head = html! {
        (preview(&title, hidden.unwrap_or(&found.post.text), image.as_deref(), "article"))
        link rel="canonical" href={ (base) (found.post.path) };
        @if let Some(object) = &found.post.object {
            link rel="alternate" type="application/activity+json" href=(object);
        }
    };
    layout::wide(
        about,
        &title,
        &head,
        &html! {
            (top(channel, false))
            (post(channel, &found.post, true))
            section.comments aria-label="Comments" {
                h2 { "Comments" }
                @if found.comments.is_empty() { p.faint { "None yet." } }
                @for comment in &found.comments {
                    article.comment {
                        p.by { strong { (comment.author) } " " (when(comment.date)) }
                        div.words { (PreEscaped(&comment.html)) }
                        @if let Some(url) = &comment.url {
                            a.faint href=(url) rel="nofollow noopener" { "Where it was written" }
                        }
                    }
                }
            }
        },
    )
}

/// `/@NAME/feed`. Source: RFC 4287.
pub(crate) fn feed(base: &str, found: &Channel) -> String {
    let page = format!("{base}/@{}", found.username);
    let updated = found.posts.iter().map(|post| post.edited.unwrap_or(post.date)).max();
    let entry = |post: &Post| {
        let url = format!("{base}{}", post.path);
        let title = post.warning.clone().unwrap_or_else(|| first_words(&post.text, 80));
        let title = if title.is_empty() { found.title.clone() } else { title };
        html! {
            entry {
                id { (post.object.as_deref().unwrap_or(&url)) }
                title { (title) }
                link rel="alternate" type="text/html" href=(url) {}
                published { (rfc3339(post.date)) }
                updated { (rfc3339(post.edited.unwrap_or(post.date))) }
                author { name { (post.author.as_deref().unwrap_or(&found.title)) } }
                @for media in &post.media {
                    link rel="enclosure" href={ (base) (media.url) } length=(media.bytes) {}
                }
                // The feed's own escaping makes text of it, which is what `type="html"` asks for.
                content type="html" { (post.html) }
            }
        }
    };
    let feed = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"))
        feed xmlns="http://www.w3.org/2005/Atom" {
            id { (page) }
            title { (found.title) }
            @if !found.about.is_empty() { subtitle { (found.about) } }
            link rel="self" type="application/atom+xml" href={ (page) "/feed" } {}
            link rel="alternate" type="text/html" href=(page) {}
            updated { (rfc3339(updated.unwrap_or(0))) }
            @for post in &found.posts { (entry(post)) }
        }
    };
    feed.into_string()
}

/// What link previews show.
fn preview(title: &str, says: &str, image: Option<&str>, kind: &str) -> Markup {
    let says = first_words(says, DESCRIPTION_CHARS);
    html! {
        meta property="og:type" content=(kind);
        meta property="og:title" content=(title);
        @if !says.is_empty() {
            meta property="og:description" content=(says);
            meta name="description" content=(says);
        }
        @if let Some(image) = image { meta property="og:image" content=(image); }
        meta name="twitter:card" content="summary";
    }
}

fn top(found: &Channel, is_page: bool) -> Markup {
    let path = format!("/@{}", found.username);
    html! {
        header.channel {
            @if let Some(photo) = &found.photo {
                img.face src=(photo) alt="" width="96" height="96";
            } @else {
                div class=(face(found.id)) aria-hidden="true" { (initials(&found.title)) }
            }
            div {
                @if is_page { h1 { (found.title) } } @else { h1 { a href=(path) { (found.title) } } }
                p.faint { "@" (found.username) " · " (counted(found.members, "member", "members")) }
            }
        }
        @if is_page {
            @if !found.about.is_empty() { p.about { (found.about) } }
            p {
                a.button href={ "tg://resolve?domain=" (found.name_here()) } { "Open in the app" }
            }
            @if let Some(handle) = &found.handle {
                p.faint {
                    "From Mastodon and other servers of the fediverse: search for "
                    code { "@" (handle) } ", follow, and answer."
                }
            }
            @if let Some(group) = &found.discussion {
                p.faint { "Posts are discussed in " a href={ "/" (group) } { "@" (group) } "." }
            }
        }
    }
}

fn post(channel: &Channel, post: &Post, is_page: bool) -> Markup {
    let words = html! {
        @if !post.html.is_empty() { div.words { (PreEscaped(&post.html)) } }
        @for one in &post.media { (media(one)) }
        @if let Some(poll) = &post.poll { (show_poll(poll)) }
    };
    html! {
        article.post id={ "p" (post.number) } {
            @if let Some(from) = &post.forwarded { p.faint { "Forwarded from " (from) } }
            @if let Some(to) = &post.answers { p.faint { a href=(to) { "In answer to an earlier post" } } }
            @if let Some(warning) = &post.warning {
                details { summary { (warning) } (words) }
            } @else { (words) }
            p.by {
                a href=(post.path) { (when(post.date)) }
                @if post.edited.is_some() { " · edited" }
                @if let Some(author) = &post.author { " · " (author) }
                @if post.views > 0 { " · " (counted(post.views, "view", "views")) }
                @if post.reactions > 0 { " · " (counted(post.reactions, "reaction", "reactions")) }
                @if !is_page && post.comments > 0 {
                    " · " a href=(post.path) { (counted(post.comments, "comment", "comments")) }
                }
            }
            @if is_page {
                p {
                    a.button href={ "tg://resolve?domain=" (channel.name_here()) "&post=" (post.number) } {
                        "Open in the app"
                    }
                }
            }
        }
    }
}

fn media(one: &Media) -> Markup {
    let (width, height) = one.size.unzip();
    html! {
        @match one.kind {
            MediaKind::Image => {
                img.media src=(one.url) alt=(one.name) loading="lazy" width=[width] height=[height];
            }
            MediaKind::Video => {
                video.media src=(one.url) controls preload="none" width=[width] height=[height]
                    aria-label=(label(&one.name, "Video")) {}
            }
            MediaKind::Audio => {
                audio.media src=(one.url) controls preload="none" aria-label=(label(&one.name, "Audio")) {}
            }
            MediaKind::File => {
                p { a href=(one.url) { (label(&one.name, "File")) } " " span.faint { (size(one.bytes)) } }
            }
        }
    }
}

fn label<'a>(name: &'a str, otherwise: &'a str) -> &'a str {
    if name.is_empty() { otherwise } else { name }
}

fn show_poll(poll: &Poll) -> Markup {
    html! {
        section.poll aria-label="Poll" {
            p { strong { (poll.question) } }
            ul {
                @for (option, count) in &poll.options {
                    li { (option) " " span.faint { (percent(*count, poll.voters)) } }
                }
            }
            p.faint {
                (counted(poll.voters, "vote", "votes")) @if poll.closed { " · closed" }
            }
        }
    }
}

fn percent(count: u64, of: u64) -> String {
    let share = (count.saturating_mul(100) + of / 2).checked_div(of);
    format!("{} %", share.unwrap_or(0))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

/// As many whole words as fit, on one line.
fn first_words(text: &str, chars: usize) -> String {
    let mut line = String::new();
    let mut left = chars;
    for word in text.split_whitespace() {
        let length = word.chars().count() + usize::from(!line.is_empty());
        if length > left {
            if line.is_empty() {
                line.extend(word.chars().take(chars));
            }
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
        left -= length;
    }
    line
}

fn moment(unix_s: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix_s).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn rfc3339(unix_s: i64) -> String {
    let at = moment(unix_s);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// A moment, for people and for programs.
pub(crate) fn when(unix_s: i64) -> Markup {
    let at = moment(unix_s);
    let shown = format!(
        "{} {} {}, {:02}:{:02} UTC",
        at.day(),
        at.month(),
        at.year(),
        at.hour(),
        at.minute()
    );
    html! { time datetime=(rfc3339(unix_s)) { (shown) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_between_them_and_long_ones_inside() {
        assert_eq!(first_words("one two\n three", 40), "one two three");
        assert_eq!(first_words("one two three", 8), "one two…");
        assert_eq!(first_words("öööööööööö", 4), "öööö…");
        assert_eq!(first_words("", 4), "");
    }

    #[test]
    fn numbers_are_as_people_read_them() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_500), "1 kB");
        assert_eq!(size(1_550_000), "1.5 MB");
        assert_eq!(size(2_300_000_000), "2.3 GB");
        assert_eq!(percent(1, 3), "33 %");
        assert_eq!(percent(2, 3), "67 %");
        assert_eq!(percent(0, 0), "0 %");
        assert_eq!(rfc3339(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339(i64::MAX), "1970-01-01T00:00:00Z");
    }
}
