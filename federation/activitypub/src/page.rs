//! Posts as the node's own pages show them: what other servers get, for people without one.

use node_core::{
    Author, Bridge, ChannelId, CommentPlace, CoreResult, Entity, HistoryQuery, Media, MessageId,
    PostState, Stored, UserId,
};

use crate::Carrier;
use crate::map;
use crate::media::{self, File, Kind};
use crate::object::{Cid, Mid, Place};
use crate::text::{Spoilers, masked, split_caption, to_html};

/// A post, or an album.
#[derive(Debug, Clone, Default)]
pub struct ShownPost {
    /// The number of its first message here.
    pub number: i32,
    /// What its addresses end with.
    pub name: String,
    /// The id of its object.
    pub object: String,
    /// Unix seconds.
    pub date: i64,
    /// Unix seconds of the last edit.
    pub edited: Option<i64>,
    /// HTML of escaped text.
    pub html: String,
    /// The same as text, without what is hidden.
    pub text: String,
    /// What is warned of.
    pub warning: Option<String>,
    /// What comes with it.
    pub files: Vec<ShownFile>,
    /// Question, answers each with its count, how many voted, whether it is over.
    pub poll: Option<ShownPoll>,
    /// Whose words they are.
    pub forwarded: Option<String>,
    /// What the addresses of the post end with that it answers.
    pub answers: Option<String>,
    /// Who signed it.
    pub author: Option<String>,
    /// Views, reactions, comments.
    pub counts: (u64, u64, u64),
}

/// See [`ShownPost`].
#[derive(Debug, Clone, Default)]
pub struct ShownPoll {
    /// What is asked.
    pub question: String,
    /// Each with how many chose it.
    pub options: Vec<(String, u64)>,
    /// How many chose.
    pub voters: u64,
    /// No more.
    pub closed: bool,
}

/// See [`ShownPost`].
#[derive(Debug, Clone)]
pub struct ShownFile {
    /// Shown, played or saved: `image`, `video`, `audio`, `file`.
    pub kind: &'static str,
    /// Where it is.
    pub url: String,
    /// What it shows, or how it is called.
    pub name: String,
    /// Pixels.
    pub size: Option<(u32, u32)>,
    /// Bytes.
    pub bytes: u64,
}

/// Something said about a post.
#[derive(Debug, Clone)]
pub struct ShownComment {
    /// Who wrote it.
    pub author: String,
    /// Where it was written first, if that was elsewhere.
    pub url: Option<String>,
    /// Unix seconds.
    pub date: i64,
    /// HTML of escaped text.
    pub html: String,
}

/// What stands under the name of a post.
#[derive(Debug, Clone)]
pub enum Named {
    /// Nothing.
    None,
    /// It was deleted.
    Gone,
    /// It is called so.
    At(String),
    /// The message with which it begins.
    Here(MessageId),
}

impl Carrier {
    /// The bridged channel of a name that it has or had, for who asks at a host; its number, and the name
    /// that it has now.
    #[must_use]
    pub fn channel_named(&self, host: Option<&str>, name: &str) -> Option<(ChannelId, String)> {
        let core = &self.shared.core;
        let found = host.and_then(|host| self.shared.named_at(host, name));
        let found = found.or_else(|| core.bridge_by_name(name));
        let bridge = found
            .filter(|bridge| core.is_bridged(bridge.channel) && self.shared.is_at(bridge, host))?;
        Some((bridge.channel, core.bridge_name(&bridge)?))
    }

    /// Where the picture of a channel is.
    ///
    /// # Errors
    /// Those of the store.
    pub fn picture(&self, channel: ChannelId) -> CoreResult<Option<String>> {
        let Some(bridge) = self.shared.core.bridge(channel) else { return Ok(None) };
        let Some(photo) = self.shared.core.channel(channel).and_then(|found| found.photo) else {
            return Ok(None);
        };
        let file = media::photo_of(&self.shared, photo)?;
        Ok(file.map(|file| media::actor_url(&self.shared, &bridge.cid, &file)))
    }

    /// Posts of a bridged channel, the newest first, and before which number there are more.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn posts(
        &self,
        channel: ChannelId,
        before: Option<MessageId>,
        at_most: usize,
    ) -> CoreResult<(Vec<ShownPost>, Option<i32>)> {
        let Some(bridge) = self.shared.core.bridge(channel) else { return Ok((Vec::new(), None)) };
        let page = self.shared.core.public_posts(channel, before, at_most).await?;
        let mut shown: Vec<ShownPost> = Vec::new();
        for post in &page.posts {
            let found = self.shown(&bridge, post.id).await?;
            shown.extend(found.filter(|one| shown.iter().all(|known| known.number != one.number)));
        }
        Ok((shown, page.next.map(|next| next.0)))
    }

    /// What stands under a name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn named(&self, channel: ChannelId, name: &str) -> CoreResult<Named> {
        let core = &self.shared.core;
        let Some(bridge) = core.bridge(channel) else { return Ok(Named::None) };
        let id = match (Mid::parse(name), name.parse()) {
            (Some(mid), _) if map::answer_ref(&mid).is_some() => {
                let Some(answer) = map::answer_ref(&mid) else { return Ok(Named::None) };
                let about = map::post_of_answer(&self.shared, &bridge, &answer)?;
                return Ok(about.map_or(Named::None, |post| Named::At(map::mid(&post).to_string())));
            }
            (Some(mid), _) => {
                let post = map::post_ref(&mid);
                if let Some(PostState::Gone { .. }) = core.post_state(&bridge.cid, &post)? {
                    return Ok(Named::Gone);
                }
                core.post_at(channel, &post)?
            }
            (None, Ok(number)) => Some(MessageId(number)),
            (None, Err(_)) => None,
        };
        let Some(id) = id else { return Ok(Named::None) };
        let Some((main, post)) = map::main_of(&self.shared, channel, id).await? else {
            return Ok(Named::None);
        };
        let called = map::mid(&post).to_string();
        Ok(if called == name { Named::Here(main) } else { Named::At(called) })
    }

    /// One post.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn post(&self, channel: ChannelId, id: MessageId) -> CoreResult<Option<ShownPost>> {
        match self.shared.core.bridge(channel) {
            Some(bridge) => self.shown(&bridge, id).await,
            None => Ok(None),
        }
    }

    /// What was said to a post where it is discussed, the oldest first; nothing of a private group.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn comments(
        &self,
        channel: ChannelId,
        post: MessageId,
        at_most: usize,
    ) -> CoreResult<Vec<ShownComment>> {
        let core = &self.shared.core;
        let Some(copy) = core.copy_of_post(channel, post)? else {
            return self.kept_comments(channel, post, at_most).await;
        };
        if core.channel(copy.group).is_none_or(|group| group.username.is_none()) {
            return Ok(Vec::new());
        }
        let query = HistoryQuery { limit: at_most, ..HistoryQuery::default() };
        let found = core.replies(copy.group, copy.top, query).await?;
        let mut shown = Vec::new();
        for stored in found.messages.iter().rev() {
            let message = &stored.message;
            if message.action.is_some() {
                continue;
            }
            let author = match message.sent_as {
                Some(as_whom) => as_whom
                    .channel()
                    .and_then(|channel| core.channel(channel))
                    .map(|c| c.title.clone()),
                None => core.view(UserId::SERVICE, message.from)?.map(|view| view.user.full_name()),
            };
            shown.push(ShownComment {
                author: author.unwrap_or_else(|| "Somebody".to_owned()),
                url: None,
                date: message.date.into(),
                html: self.comment_html(&message.text, &message.entities),
            });
        }
        Ok(shown)
    }

    /// Comments of a post that is discussed nowhere: they are here alone. Oldest first.
    async fn kept_comments(
        &self,
        channel: ChannelId,
        post: MessageId,
        at_most: usize,
    ) -> CoreResult<Vec<ShownComment>> {
        let core = &self.shared.core;
        let (Some(bridge), Some(post)) = (core.bridge(channel), core.post_ref(channel, post)?)
        else {
            return Ok(Vec::new());
        };
        let mut kept = core.bridge_comments(&bridge.cid, &post).await?;
        kept.retain(|comment| comment.place == CommentPlace::Kept);
        kept.sort_by(|a, b| (a.published, &a.object).cmp(&(b.published, &b.object)));
        let mut shown = Vec::new();
        for comment in kept.into_iter().take(at_most) {
            let by = core.remote_actor(&comment.actor)?;
            shown.push(ShownComment {
                author: by.map_or(comment.actor, |by| format!("{} (@{})", by.name, by.handle)),
                url: Some(comment.url.unwrap_or(comment.object)),
                date: comment.published.into(),
                html: self.comment_html(&comment.text.text, &comment.text.entities),
            });
        }
        Ok(shown)
    }

    /// The words of a comment, as HTML.
    fn comment_html(&self, text: &str, entities: &[Entity]) -> String {
        let names = map::Known { shared: &self.shared, note: None };
        to_html(text, entities, Spoilers::Warn, &names).html
    }

    async fn shown(&self, bridge: &Bridge, id: MessageId) -> CoreResult<Option<ShownPost>> {
        let shared = &self.shared;
        let album: Vec<Stored> = shared.core.public_album(bridge.channel, id).await?;
        let Some(first) = album.first() else { return Ok(None) };
        let Some(post) = shared.core.post_ref(bridge.channel, first.id)? else { return Ok(None) };
        let words = album.iter().find(|one| !one.message.text.is_empty()).unwrap_or(first);
        let caption = split_caption(&words.message.text, &words.message.entities);
        let names = map::Known { shared, note: None };
        let html = to_html(&caption.text, &caption.entities, Spoilers::Warn, &names);
        let mut files = Vec::new();
        let mut alts = caption.alts.into_iter();
        let mut poll = None;
        for one in &album {
            if let Some(file) = media::file_of(shared, &one.message)? {
                let url = media::post_url(shared, &bridge.cid, &post, &file);
                files.push(shown_file(file, url, alts.next()));
            } else if let Some(Media::Poll(number)) = &one.message.media
                && let Some(view) = shared.core.poll(UserId::SERVICE, *number)?
            {
                let shown = map::asked(&view.poll, 0);
                poll = Some(ShownPoll {
                    question: view.poll.question.text.clone(),
                    options: shown.options.into_iter().map(|one| (one.text, one.votes)).collect(),
                    voters: shown.voters,
                    closed: view.poll.closed,
                });
            }
        }
        let hidden = html.hidden.then(|| "Hidden text".to_owned());
        let message = &first.message;
        let answers = match &message.reply {
            Some(reply) => shared.core.post_ref(bridge.channel, reply.to)?,
            None => None,
        };
        let numbers = shared.core.post_numbers(bridge.channel, first.id)?;
        let mid = map::mid(&post);
        Ok(Some(ShownPost {
            number: first.id.0,
            name: mid.to_string(),
            object: shared.url(&Place::Post(Cid(bridge.cid), mid)),
            date: message.date.into(),
            edited: album
                .iter()
                .map(|one| one.message.edited)
                .max()
                .filter(|at| *at != 0)
                .map(i64::from),
            html: html.html,
            text: masked(&caption.text, &caption.entities),
            warning: caption.warning.or(hidden),
            files,
            poll,
            forwarded: message.forward.as_ref().map(|forward| match &forward.from {
                Author::Name(name) => name.clone(),
                Author::User(_) => "somebody".to_owned(),
                Author::Channel { channel, .. } => {
                    let found =
                        shared.core.channel(*channel).filter(|found| found.username.is_some());
                    found.map_or_else(|| "a channel".to_owned(), |found| found.title.clone())
                }
            }),
            answers: answers.map(|post| map::mid(&post).to_string()),
            author: message.post_author.clone(),
            counts: (
                u64::try_from(numbers.views).unwrap_or(0),
                numbers.reactions.into(),
                numbers.comments.into(),
            ),
        }))
    }
}

fn shown_file(file: File, url: String, alt: Option<String>) -> ShownFile {
    ShownFile {
        kind: match file.kind {
            Kind::Image => "image",
            Kind::Video => "video",
            Kind::Audio => "audio",
            Kind::Document => "file",
        },
        url,
        name: alt.filter(|alt| !alt.is_empty()).unwrap_or(file.name),
        size: file.sides,
        bytes: file.size,
    }
}
