//! A channel and its posts, as documents for other servers.

use node_core::{
    ActorKind, Author, Bridge, ChannelId, CommentPolicy, CoreResult, Media, Message, MessageId,
    PostRef, PostState, Spoilers as SpoilerSetting, Stored, UserId,
};
use serde_json::{Value, json};

use crate::media::{self, File, Kind};
use crate::object::{
    self, Actor, Attachment, AttachmentKind, Cid, Counts, Line, Mid, Notice, Picture, Place, Poll,
    PollOption,
};
use crate::shared::Shared;
use crate::text::{Emoji, MentionTo, Mentioned, Names, Spoilers, escape, split_caption, to_html};

/// A post as a note.
pub(crate) struct Noted {
    pub(crate) value: Value,
    /// What it is called: the first post of an album.
    pub(crate) post: PostRef,
    pub(crate) id: MessageId,
    pub(crate) is_album: bool,
    /// Unix seconds.
    pub(crate) date: i32,
}

pub(crate) fn mid(post: &PostRef) -> Mid {
    Mid { node: post.node, inc: post.inc, seq: post.seq }
}

pub(crate) fn post_ref(mid: &Mid) -> PostRef {
    PostRef { node: mid.node, inc: mid.inc, seq: mid.seq }
}

/// Marks what stands in the log of the group where a channel is discussed: its places are not those of the
/// channel's own.
const ANSWER: u32 = 1 << 31;

/// What an answer to a comment is called.
pub(crate) fn answer_mid(post: &PostRef) -> Mid {
    Mid { node: post.node, inc: post.inc | ANSWER, seq: post.seq }
}

/// The place in the group's log of what is called so; none of a post.
pub(crate) fn answer_ref(mid: &Mid) -> Option<PostRef> {
    let is_answer = mid.inc & ANSWER != 0;
    is_answer.then_some(PostRef { node: mid.node, inc: mid.inc & !ANSWER, seq: mid.seq })
}

/// The document of a channel's actor; none where the channel is no more.
pub(crate) async fn actor(
    shared: &Shared,
    bridge: &Bridge,
    suspended: bool,
) -> CoreResult<Option<Value>> {
    let Some(channel) = shared.core.channel(bridge.channel) else { return Ok(None) };
    let signing = shared.signing(bridge.channel)?;
    let username = name_of(shared, bridge);
    let ids = shared.ids_of(&bridge.cid);
    // Whoever rests is called by its handle alone: what is private now is not told.
    let (name, about) = match suspended {
        true => (username.clone(), String::new()),
        false => (channel.title.clone(), channel.about.clone()),
    };
    let icon = match channel.photo.filter(|_| !suspended) {
        Some(photo) => media::photo_of(shared, photo)?.map(|file| {
            let url = media::actor_url(shared, &bridge.cid, &file);
            Picture { media_type: file.mime, url }
        }),
        None => None,
    };
    let discussion = discussion_of(shared, bridge.channel).filter(|_| !suspended);
    let link = format!("{}/{}", shared.ids.base(), channel.username.as_ref().unwrap_or(&username));
    let fields = vec![object::Field {
        name: "In the app".into(),
        value: link.trim_start_matches("https://").to_owned(),
        link: Some(link),
    }];
    let document = Actor {
        cid: Cid(bridge.cid),
        kind: match bridge.kind {
            ActorKind::Service => object::ActorKind::Service,
            ActorKind::Person => object::ActorKind::Person,
            ActorKind::Group => object::ActorKind::Group,
            ActorKind::Organization => object::ActorKind::Organization,
        },
        username,
        name,
        about,
        notice: Notice {
            node: shared.about.name.clone(),
            page: format!("{}/", shared.ids.base()),
            replies: discussion.is_some() && bridge.settings.comments != CommentPolicy::Off,
        },
        icon,
        image: None,
        published_s: bridge.known.as_ref().map_or(channel.date, |known| known.made).into(),
        keys: signing.keys,
        discoverable: bridge.settings.discoverable,
        indexable: bridge.settings.discoverable,
        fields,
        discussion: discussion.map(|name| format!("{}/{name}", shared.ids.base())),
        suspended,
        also_known_as: Vec::new(),
        moved_to: None,
        attribution_domains: Vec::new(),
    };
    let mut document = object::actor(&ids, &document);
    if let Some(fields) = document.as_object_mut().filter(|_| bridge.known.is_some()) {
        // One inbox for all at its host is for channels that are still at the old home.
        fields.remove("endpoints");
    }
    Ok(Some(document))
}

/// The name under which other servers know a channel, or one that is made of its number while it has none.
pub(crate) fn name_of(shared: &Shared, bridge: &Bridge) -> String {
    shared.core.bridge_name(bridge).unwrap_or_else(|| format!("c{}", Cid(bridge.cid)))
}

/// The username of the public group in which a channel's posts are discussed.
fn discussion_of(shared: &Shared, channel: ChannelId) -> Option<String> {
    let linked = shared.core.channel(channel)?.linked?;
    shared.core.channel(linked)?.username.clone()
}

/// The post with which an album begins that a post is in; the post itself where it is in none.
pub(crate) async fn main_of(
    shared: &Shared,
    channel: ChannelId,
    id: MessageId,
) -> CoreResult<Option<(MessageId, PostRef)>> {
    let album = shared.core.public_album(channel, id).await?;
    let Some(first) = album.first() else { return Ok(None) };
    let post = shared.core.post_ref(channel, first.id)?;
    Ok(post.map(|post| (first.id, post)))
}

/// What a post was told to repeat, and when.
pub(crate) fn repeats(
    shared: &Shared,
    cid: &node_core::Cid,
    post: &PostRef,
) -> CoreResult<Option<(String, i32)>> {
    Ok(match shared.core.post_state(cid, post)? {
        Some(PostState::Live { repeats: Some(object), published }) => Some((object, published)),
        _ => None,
    })
}

/// What an album, or a post alone, repeats that was forwarded whole from another bridged channel of this
/// node: other servers share that. What was left out or has changed since makes it a post of its own.
pub(crate) async fn repeated(
    shared: &Shared,
    bridge: &Bridge,
    album: &[Stored],
) -> CoreResult<Option<(PostRef, String)>> {
    let Some(first) = album.first() else { return Ok(None) };
    let Some(Author::Channel { channel, post: Some(from), .. }) =
        first.message.forward.as_ref().map(|forward| &forward.from)
    else {
        return Ok(None);
    };
    let Some(source) = shared.core.bridge(*channel) else { return Ok(None) };
    let original = shared.core.public_album(*channel, *from).await?;
    let says = |stored: &Stored| (stored.message.text.clone(), stored.message.media.clone());
    if original.is_empty() || original.iter().map(says).ne(album.iter().map(says)) {
        return Ok(None);
    }
    let Some((_, original)) = main_of(shared, *channel, *from).await? else { return Ok(None) };
    let object = match shared.core.post_state(&source.cid, &original)? {
        // A repeat of a repeat.
        Some(PostState::Live { repeats: Some(object), .. }) => object,
        Some(PostState::Live { repeats: None, .. }) => {
            shared.url(&Place::Post(Cid(source.cid), mid(&original)))
        }
        _ => return Ok(None),
    };
    let post = shared.core.post_ref(bridge.channel, first.id)?;
    Ok(post.map(|post| (post, object)))
}

/// A repeat as other servers are told of it: one activity, and no object of its own.
pub(crate) fn share(
    shared: &Shared,
    cid: &node_core::Cid,
    post: &PostRef,
    object: &str,
    published: Option<i32>,
) -> Value {
    let id = shared.url(&Place::PostActivity(Cid(*cid), mid(post), 0));
    let followers = shared.url(&Place::Followers(Cid(*cid)));
    let said = object::Activity::public(id, shared.actor(cid), followers);
    object::announce(&said, object, published.map(i64::from))
}

/// The post of which this is a part, as a note; none where there is none to show.
pub(crate) async fn note(
    shared: &Shared,
    bridge: &Bridge,
    id: MessageId,
) -> CoreResult<Option<Noted>> {
    let album = shared.core.public_album(bridge.channel, id).await?;
    note_of(shared, bridge, &album)
}

/// The same of an album that was read.
pub(crate) fn note_of(
    shared: &Shared,
    bridge: &Bridge,
    album: &[Stored],
) -> CoreResult<Option<Noted>> {
    let Some(first) = album.first() else { return Ok(None) };
    let Some(post) = shared.core.post_ref(bridge.channel, first.id)? else { return Ok(None) };
    let cid = &bridge.cid;
    // What others were told first holds for ever.
    let published = match shared.core.post_state(cid, &post)? {
        Some(PostState::Live { published, .. }) => published,
        _ => first.message.date,
    };
    let username = name_of(shared, bridge);
    let ids = shared.ids_of(cid);
    let words = album.iter().find(|one| !one.message.text.is_empty()).unwrap_or(first);
    let caption = split_caption(&words.message.text, &words.message.entities);
    let spoilers = match bridge.settings.spoilers {
        SpoilerSetting::Warning => Spoilers::Warn,
        SpoilerSetting::Reveal => Spoilers::Reveal,
    };
    let note = Named { cid, post, username: &username };
    let names = Known { shared, note: Some(note) };
    let mut text = to_html(&caption.text, &caption.entities, spoilers, &names);
    if let Some(quote) = first.message.reply.as_ref().and_then(|reply| reply.quote.as_ref()) {
        // What it quotes notifies nobody, and is no tag of its own.
        let names = Known { shared, note: None };
        let quoted = to_html(&quote.text, &quote.entities, spoilers, &names);
        text.html.insert_str(0, &format!("<blockquote>{}</blockquote>", quoted.html));
        text.hidden |= quoted.hidden;
    }
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    let message = &first.message;
    before.extend(message.forward.as_ref().map(|forward| forwarded(shared, &forward.from)));
    let (mut attachments, mut sensitive, mut poll) = (Vec::new(), false, None);
    // Further captions of an album say what their pictures show.
    let mut alts = caption.alts.into_iter();
    for one in album {
        let message = &one.message;
        if let Some(file) = media::file_of(shared, message)? {
            sensitive |= file.spoiler;
            let said = if one.id == words.id { String::new() } else { message.text.clone() };
            let alt = alts.next().filter(|alt| !alt.is_empty());
            let name = alt.or_else(|| Some(said).filter(|said| !said.is_empty()));
            if file.size > shared.media_bytes_max {
                behind.push(too_large(&ids, &username, &post, &file));
            } else {
                attachments.push(attachment(shared, cid, &post, &file, name));
            }
        } else if let Some(media) = &message.media {
            match media {
                Media::Poll(number) => {
                    if let Some(view) = shared.core.poll(UserId::SERVICE, *number)? {
                        before.push(plain(&view.poll.question.text));
                        let said = message.edited.max(message.date);
                        poll = Some(asked(&view.poll, said));
                    }
                }
                other => behind.extend(told(other)),
            }
        }
    }
    let in_reply_to = answered(shared, bridge, message)?;
    let numbers = shared.core.post_numbers(bridge.channel, first.id)?;
    let updated = album.iter().map(|one| one.message.edited).max().filter(|at| *at != 0);
    let value = object::note(
        &ids,
        &object::Note {
            cid: Cid(*cid),
            mid: mid(&post),
            username,
            published_s: published.into(),
            updated_s: updated.map(i64::from),
            text,
            before,
            behind,
            warning: caption.warning,
            sensitive,
            language: caption.language,
            visibility: object::Visibility::Public,
            in_reply_to,
            thread: mid(&post),
            attachments,
            quoted: None,
            quotable: true,
            poll,
            counts: Counts {
                replies: numbers.comments.into(),
                likes: numbers.reactions.into(),
                shares: u64::try_from(numbers.forwards).unwrap_or(0),
            },
        },
    );
    let is_album = first.message.grouped_id != 0;
    Ok(Some(Noted { value, post, id: first.id, is_album, date: first.message.date }))
}

/// What an admin answers to a comment in the channel's name, as a note: to whom is answered, and the post
/// that all of it is about, as others know them.
pub(crate) fn answer_note(
    shared: &Shared,
    bridge: &Bridge,
    post: &PostRef,
    message: &Message,
    to: &str,
) -> CoreResult<Option<Value>> {
    let Some(comment) = shared.core.far_comment(to)? else { return Ok(None) };
    let Some(author) = shared.core.remote_actor(&comment.actor)? else { return Ok(None) };
    let username = name_of(shared, bridge);
    let named = post_ref(&answer_mid(post));
    let note = Named { cid: &bridge.cid, post: named, username: &username };
    let names = Known { shared, note: Some(note) };
    let mut text = to_html(&message.text, &message.entities, Spoilers::Warn, &names);
    let handle = format!("@{}", author.handle);
    let url = author.url.as_deref().unwrap_or(&author.id);
    let user = author.handle.split('@').next().unwrap_or_default();
    let mention = format!(
        "<p><span class=\"h-card\"><a href=\"{}\" class=\"u-url mention\">@<span>{}</span></a></span></p>",
        escape(url),
        escape(user)
    );
    text.html.insert_str(0, &mention);
    text.tags.push(json!({ "type": "Mention", "href": author.id, "name": handle }));
    text.mentioned.push(author.id);
    let mut attachments = Vec::new();
    if let Some(file) = media::file_of(shared, message)?
        && file.size <= shared.media_bytes_max
    {
        attachments.push(attachment(shared, &bridge.cid, &named, &file, None));
    }
    let note = object::Note {
        cid: Cid(bridge.cid),
        mid: answer_mid(post),
        username,
        published_s: message.date.into(),
        updated_s: Some(message.edited).filter(|at| *at != 0).map(i64::from),
        text,
        before: Vec::new(),
        behind: Vec::new(),
        warning: None,
        sensitive: false,
        language: None,
        visibility: object::Visibility::Unlisted,
        in_reply_to: Some(to.to_owned()),
        thread: mid(&comment.post),
        attachments,
        quoted: None,
        quotable: true,
        poll: None,
        counts: Counts::default(),
    };
    Ok(Some(object::note(&shared.ids_of(&bridge.cid), &note)))
}

/// The answer that is called so, as a note, while it is there.
pub(crate) fn answer_called(
    shared: &Shared,
    bridge: &Bridge,
    post: &PostRef,
) -> CoreResult<Option<Value>> {
    let Some((message, to)) = answer_at(shared, bridge, post)? else { return Ok(None) };
    answer_note(shared, bridge, post, &message, &to)
}

/// The message of the discussion group that stands at a place of its log, if it went out as an answer of
/// the channel's, and the id of the comment that it answers. What the channel says there besides is
/// nobody's outside.
pub(crate) fn answer_at(
    shared: &Shared,
    bridge: &Bridge,
    post: &PostRef,
) -> CoreResult<Option<(Message, String)>> {
    let group = shared.core.channel(bridge.channel).and_then(|channel| channel.linked);
    let Some(group) = group else { return Ok(None) };
    let Some(id) = shared.core.post_at(group, post)? else { return Ok(None) };
    let message = shared.core.message(group, id)?;
    Ok(message.zip(shared.core.answer_to(group, id)?))
}

/// The post to whose comments an answer belongs.
pub(crate) fn post_of_answer(
    shared: &Shared,
    bridge: &Bridge,
    post: &PostRef,
) -> CoreResult<Option<PostRef>> {
    let Some((_, to)) = answer_at(shared, bridge, post)? else { return Ok(None) };
    Ok(shared.core.far_comment(&to)?.map(|comment| comment.post))
}

/// Whether the poll of a post takes no more answers.
pub(crate) fn is_closed(shared: &Shared, channel: ChannelId, id: MessageId) -> bool {
    let of = || -> CoreResult<Option<bool>> {
        let Some(message) = shared.core.message(channel, id)? else { return Ok(None) };
        let Some(Media::Poll(number)) = message.media else { return Ok(None) };
        Ok(shared.core.poll(UserId::SERVICE, number)?.map(|view| view.poll.closed))
    };
    of().ok().flatten().unwrap_or(false)
}

fn plain(text: &str) -> Line {
    Line { text: text.to_owned(), link: None }
}

/// The post that a post answers, if it is one of the same channel.
fn answered(shared: &Shared, bridge: &Bridge, message: &Message) -> CoreResult<Option<String>> {
    let Some(reply) = &message.reply else { return Ok(None) };
    let post = shared.core.post_ref(bridge.channel, reply.to)?;
    Ok(post.map(|post| shared.url(&Place::Post(Cid(bridge.cid), mid(&post)))))
}

fn forwarded(shared: &Shared, from: &Author) -> Line {
    let named = |name: String, link: Option<String>| match link {
        Some(link) => Line { text: "Forwarded from ".into(), link: Some((link, name)) },
        None => plain(&format!("Forwarded from {name}")),
    };
    match from {
        Author::Name(name) => named(name.clone(), None),
        // Who wrote it is nobody's business outside.
        Author::User(_) => plain("Forwarded from somebody"),
        Author::Channel { channel, post, .. } => {
            let Some(found) =
                shared.core.channel(*channel).filter(|found| found.username.is_some())
            else {
                return plain("Forwarded from a channel");
            };
            let bridged = shared.core.bridge(*channel);
            let bridged = bridged.filter(|_| shared.core.is_bridged(*channel));
            let shown = bridged.map(|bridge| {
                let page = shared.ids_of(&bridge.cid).web(&name_of(shared, &bridge));
                match post {
                    Some(post) => format!("{page}/{}", post.0),
                    None => page,
                }
            });
            named(found.title.clone(), shown)
        }
    }
}

/// What has no place of its own in a note.
fn told(media: &Media) -> Option<Line> {
    let place = |lat: f64, long: f64, name: &str| {
        let shown = if name.is_empty() { format!("{lat:.5}, {long:.5}") } else { name.to_owned() };
        let link = format!("https://www.openstreetmap.org/?mlat={lat:.5}&mlon={long:.5}");
        Line { text: "📍 ".into(), link: Some((link, shown)) }
    };
    match media {
        Media::Geo(point) | Media::GeoLive { point, .. } => {
            Some(place(point.lat.into(), point.long.into(), ""))
        }
        Media::Venue { point, title, address, .. } => {
            let name = [title.as_str(), address.as_str()].join(", ");
            Some(place(point.lat.into(), point.long.into(), name.trim_matches([',', ' '])))
        }
        // The number is left out: whoever posts it to a channel has not given it to everybody.
        Media::Contact { first_name, last_name, .. } => {
            Some(plain(format!("👤 {first_name} {last_name}").trim_end()))
        }
        Media::Dice { emoticon, value } => Some(plain(&format!("{emoticon} {value}"))),
        _ => None,
    }
}

fn too_large(ids: &object::Ids, username: &str, post: &PostRef, file: &File) -> Line {
    let page = ids.web_post(username, &mid(post));
    let what = match file.kind {
        Kind::Image => "Picture",
        Kind::Video => "Video",
        Kind::Audio => "Recording",
        Kind::Document => "File",
    };
    let name = if file.name.is_empty() { what } else { &file.name };
    Line { text: format!("{what}: "), link: Some((page, name.to_owned())) }
}

fn attachment(
    shared: &Shared,
    cid: &node_core::Cid,
    post: &PostRef,
    file: &File,
    alt: Option<String>,
) -> Attachment {
    let url = |file: &File| media::post_url(shared, cid, post, file);
    Attachment {
        kind: match file.kind {
            Kind::Image => AttachmentKind::Image,
            Kind::Video => AttachmentKind::Video,
            Kind::Audio => AttachmentKind::Audio,
            Kind::Document => AttachmentKind::Document,
        },
        media_type: file.mime.clone(),
        url: url(file),
        name: alt.or_else(|| Some(file.name.clone()).filter(|name| !name.is_empty())),
        size: file.sides,
        duration_ms: file.duration_s.map(|seconds| (seconds.max(0.0) * 1000.0) as u64),
        blurhash: None,
        icon: file
            .thumb
            .as_ref()
            .map(|thumb| Picture { media_type: thumb.mime.clone(), url: url(thumb) }),
    }
}

pub(crate) fn asked(poll: &node_core::Poll, said_s: i32) -> Poll {
    let hidden = poll.hide_results_until_close && !poll.closed;
    let count = |voters: u32| if hidden { 0 } else { u64::from(voters) };
    Poll {
        multiple: poll.multiple_choice,
        options: poll
            .answers
            .iter()
            .map(|answer| PollOption {
                text: answer.text.text.clone(),
                votes: count(answer.voters),
            })
            .collect(),
        voters: poll.voters.into(),
        end_s: (poll.close_date != 0).then(|| poll.close_date.into()),
        // Others ask whether it is there.
        closed_s: poll
            .closed
            .then(|| if poll.close_date == 0 { said_s } else { poll.close_date }.into()),
    }
}

/// Names in texts: channels of this node that are bridged are actors, other public names have pages.
pub(crate) struct Known<'a> {
    pub(crate) shared: &'a Shared,
    /// Of a text that goes to other servers; not of one on a page.
    pub(crate) note: Option<Named<'a>>,
}

/// What a text belongs to that goes out.
pub(crate) struct Named<'a> {
    pub(crate) cid: &'a node_core::Cid,
    pub(crate) post: PostRef,
    pub(crate) username: &'a str,
}

impl Names for Known<'_> {
    fn mention(&self, written: &str) -> MentionTo {
        let name = written.trim_start_matches('@');
        if name.contains('@') {
            // Who that is would have to be asked elsewhere.
            return MentionTo::Nobody;
        }
        let Some(channel) = self.shared.core.channel_by_username(name) else {
            return MentionTo::Nobody;
        };
        let (shared, ids) = (self.shared, &self.shared.ids);
        match shared.core.bridge(channel).filter(|_| shared.core.is_bridged(channel)) {
            Some(bridge) => {
                let (ids, called) = (shared.ids_of(&bridge.cid), name_of(shared, &bridge));
                MentionTo::Actor(Mentioned {
                    actor: shared.actor(&bridge.cid),
                    url: ids.web(&called),
                    handle: ids.handle(&called),
                })
            }
            None => MentionTo::Page(format!("{}/{name}", ids.base())),
        }
    }

    /// The channel's page: other servers show one of their own for a tag.
    fn hashtag(&self, _: &str) -> String {
        let page = |note: &Named<'_>| self.shared.ids_of(note.cid).web(note.username);
        self.note.as_ref().map(page).unwrap_or_default()
    }

    fn emoji(&self, document_id: i64) -> Option<Emoji> {
        let note = self.note.as_ref()?;
        let found = media::emoji_of(self.shared, document_id);
        let failed = |cause: &node_core::CoreError| tracing::warn!(%cause, "an emoji is not read");
        let file = found.inspect_err(failed).ok()??;
        let url = media::post_url(self.shared, note.cid, &note.post, &file);
        Some(Emoji { media_type: file.mime, url })
    }
}
