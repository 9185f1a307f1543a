//! What the old home says: rows of each kind, as the next home is told them.

use glog::GroupId;
use glog::cbor::{Blob, List, Text, Wire, decode, encode};
use node_store::{Keyspace, Order};

use super::super::acts::{Act, Reactions, act_key};
use super::super::answers::{Answered, Cursor, cursor_key};
use super::super::quotes::Quote;
use super::super::{
    ACTOR, ANSWER, APPROVED, ARRIVED, ActorKind, Bridge, BridgeState, COMMENT, CommentPlace,
    CommentPolicy, FOLLOWER, FarComment, Follower, Outgoing, POST, PostRef, PostState, QUOTE,
    REACTED, REPLY_AWAY, ROWS_AT_ONCE, RemoteActor, SHARED, Spoilers, hash16, key, number_in,
};
use super::undelivered::outgoing_told;
use super::wire::{
    self, AnswerTold, AuthorTold, Begin, CommentTold, FollowerTold, HandOver, ITEMS_MAX, Id,
    PostTold, QuoteTold, ReactionTold, ReactionsTold, Ref, ShareTold,
};
use super::{At, BEFORE_MAX, Before, Giving, before_key};
use crate::decide::Decide;
use crate::ids::ChannelId;
use crate::record::Record as _;
use crate::text::Text as Words;
use crate::{CoreError, CoreResult};

/// What one part is filled up to; a row more may lie above it.
pub(super) const PART_BYTES: usize = 48 * 1024;

/// Where parts are from, in the order in which they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Begin,
    Followers,
    Posts,
    Comments,
    Approved,
    Reactions,
    Shares,
    Quotes,
    Answers,
    AnswersAway,
    Undelivered,
    Arrived,
    End,
}

const SOURCES: [Source; 13] = [
    Source::Begin,
    Source::Followers,
    Source::Posts,
    Source::Comments,
    Source::Approved,
    Source::Reactions,
    Source::Shares,
    Source::Quotes,
    Source::Answers,
    Source::AnswersAway,
    Source::Undelivered,
    Source::Arrived,
    Source::End,
];

impl Source {
    /// What the next home is told that it is about.
    const fn part(self) -> u8 {
        match self {
            Self::Begin => wire::BEGIN,
            Self::Followers => wire::FOLLOWERS,
            Self::Posts => wire::POSTS,
            Self::Comments => wire::COMMENTS,
            Self::Approved => wire::APPROVED,
            Self::Reactions => wire::REACTIONS,
            Self::Shares => wire::SHARES,
            Self::Quotes => wire::QUOTES,
            Self::Answers | Self::AnswersAway => wire::ANSWERS,
            Self::Undelivered | Self::Arrived => wire::OUTGOING,
            Self::End => wire::END,
        }
    }
}

/// Rows of one part: encoded, how many, and after which key there are more.
struct Page {
    of: Vec<u8>,
    count: usize,
    after: Option<Vec<u8>>,
}

impl Page {
    fn new<T: Wire>(items: Vec<T>, after: Option<Vec<u8>>) -> CoreResult<Self> {
        let count = items.len();
        let items: List<T, ITEMS_MAX> = List::new(items).map_err(|_| too_large())?;
        Ok(Self { of: encode(&items), count, after })
    }
}

pub(super) fn too_large() -> CoreError {
    CoreError::TooLarge("part of a hand-over")
}

pub(super) fn id(text: &str) -> CoreResult<Id> {
    Text::new(text).map_err(|_| too_large())
}

fn ids(text: Option<&String>) -> CoreResult<Option<Id>> {
    text.map(|text| id(text)).transpose()
}

pub(super) fn text<const MAX: usize>(text: &str) -> CoreResult<Text<MAX>> {
    Text::new(text).map_err(|_| too_large())
}

fn seconds(at: i32) -> u64 {
    u64::try_from(at).unwrap_or(0)
}

/// What a comment says, as it is carried.
pub(super) fn words(said: &Words) -> CoreResult<Blob<{ wire::WORDS_BYTES_MAX }>> {
    Blob::new(super::far::Said(said.clone()).encode()?).map_err(|_| too_large())
}

impl Decide<'_> {
    /// The part that begins at a place: what it is about, its rows, and where the next one begins.
    pub(super) fn part_of(
        &self,
        bridge: &Bridge,
        giving: &Giving,
    ) -> CoreResult<(u8, Vec<u8>, Option<At>)> {
        let At { mut part, mut after } = giving.from.clone();
        loop {
            let source = SOURCES.get(usize::from(part)).copied().unwrap_or(Source::End);
            if source == Source::End {
                return Ok((wire::END, encode(&List::<u8, 1>::default()), None));
            }
            let page = self.page_of(bridge, giving, source, &after)?;
            let next = page.after.map(|after| At { part, after });
            if next.is_some() || page.count > 0 {
                let behind = At { part: part.saturating_add(1), after: Vec::new() };
                return Ok((source.part(), page.of, Some(next.unwrap_or(behind))));
            }
            part = part.saturating_add(1);
            after.clear();
        }
    }

    fn page_of(
        &self,
        bridge: &Bridge,
        giving: &Giving,
        source: Source,
        after: &[u8],
    ) -> CoreResult<Page> {
        let cid = &bridge.cid;
        let of_cid = |kind: u8| key(kind, &[cid]);
        match source {
            Source::Begin => Page::new(vec![self.begin_told(bridge)?], None),
            Source::Followers => self.page(of_cid(FOLLOWER), after, |_, row| {
                let follower = Follower::decode(row)?;
                Ok(Some(FollowerTold {
                    actor: id(&follower.actor)?,
                    host: text(&follower.host)?,
                    inbox: id(&follower.inbox)?,
                    shared_inbox: ids(follower.shared_inbox.as_ref())?,
                    follow: id(&follower.follow)?,
                    since: seconds(follower.since),
                }))
            }),
            Source::Posts => self.page(of_cid(POST), after, |at, row| {
                let Some(post) = at.last_chunk::<28>() else { return Ok(None) };
                let (gone, at, repeats) = match PostState::decode(row)? {
                    PostState::Live { published, repeats } => (false, published, repeats),
                    PostState::Gone { at, repeats } => (true, at, repeats),
                };
                let repeats = ids(repeats.as_ref())?;
                Ok(Some(PostTold { post: *post, gone, at: seconds(at), repeats }))
            }),
            Source::Comments => self.page(vec![COMMENT], after, |_, row| {
                let comment = FarComment::decode(row)?;
                if comment.cid == *cid { self.comment_told(comment) } else { Ok(None) }
            }),
            Source::Approved => {
                self.page(of_cid(APPROVED), after, |_, row| id(&text_of(row)).map(Some))
            }
            Source::Reactions => {
                self.page(of_cid(REACTED), after, |at, row| self.reactions_told(at, row))
            }
            Source::Shares => self.page(of_cid(SHARED), after, |at, row| {
                let activity = text_of(row);
                let act: Option<Act> = self.load(Keyspace::BRIDGE, &act_key(&activity))?;
                let (Some(act), Some(post)) = (act, post_in(at)) else { return Ok(None) };
                let (actor, activity) = (id(&act.actor)?, id(&activity)?);
                Ok(Some(ShareTold { post, actor, activity }))
            }),
            Source::Quotes => self.page(of_cid(QUOTE), after, |at, row| {
                let Quote { post, quoting, date } = Quote::decode(row)?;
                let (number, quoting) = (number_in(at)?, id(&quoting)?);
                Ok(Some(QuoteTold { number, post: post.bytes(), quoting, date: seconds(date) }))
            }),
            Source::Answers => {
                let Some((group, name)) = self.talk_of(bridge.channel)? else {
                    return Page::new(Vec::<AnswerTold>::new(), None);
                };
                self.page(key(ANSWER, &[&group.bytes()]), after, |_, row| answer_told(name, row))
            }
            Source::AnswersAway => {
                let Some((_, name)) = self.talk_of(bridge.channel)? else {
                    return Page::new(Vec::<AnswerTold>::new(), None);
                };
                self.page(key(REPLY_AWAY, &[&name.0]), after, |_, row| answer_told(name, row))
            }
            Source::Undelivered => {
                let (items, after) = self.undelivered(cid, giving.newest, after)?;
                Page::new(items, after)
            }
            Source::Arrived => {
                self.page(of_cid(ARRIVED), after, |_, row| outgoing_told(&Outgoing::decode(row)?))
            }
            Source::End => Page::new(Vec::<u8>::new(), None),
        }
    }

    /// Rows of a kind after a key, as they are told; what `read` leaves out is passed over.
    fn page<T: Wire>(
        &self,
        prefix: Vec<u8>,
        after: &[u8],
        mut read: impl FnMut(&[u8], &[u8]) -> CoreResult<Option<T>>,
    ) -> CoreResult<Page> {
        let from = if after.is_empty() { prefix.clone() } else { [after, &[0]].concat() };
        let end = [&prefix[..], &[u8::MAX; 64]].concat();
        // Nothing of it changes any more, so what is on disk is all.
        let store = self.store();
        let rows =
            store.scan(Keyspace::BRIDGE, &from, Some(&end), ROWS_AT_ONCE, Order::Ascending)?;
        let (mut items, mut bytes) = (Vec::new(), 0);
        let mut last: Option<&Vec<u8>> = None;
        for (at, row) in &rows {
            let item = match read(at, row) {
                // One row that no letter holds does not keep back all others.
                Err(cause @ CoreError::TooLarge(_)) => {
                    tracing::warn!(%cause, "something of a bridge is not handed over");
                    None
                }
                item => item?,
            };
            if let Some(item) = item {
                bytes += encode(&item).len();
                if bytes > PART_BYTES && !items.is_empty() {
                    return Page::new(items, last.cloned());
                }
                items.push(item);
            }
            last = Some(at);
        }
        let more = rows.len() == ROWS_AT_ONCE;
        Page::new(items, last.filter(|_| more).cloned())
    }

    fn begin_told(&self, bridge: &Bridge) -> CoreResult<Begin> {
        let known = match &bridge.known {
            Some(known) => known.clone(),
            None => {
                let channel = self.channel_row(bridge.channel)?;
                self.own_known(channel.username, channel.date)?
            }
        };
        let (state, off_since) = match bridge.state {
            BridgeState::On => (0, 0),
            BridgeState::Off { since } => (1, seconds(since)),
            BridgeState::Gone => (2, 0),
        };
        let former = bridge.former_names.iter();
        let former = former.map(|(name, until)| Ok((text(name)?, seconds(*until))));
        let refs = |found: Vec<PostRef>| -> CoreResult<List<Ref, { super::ANCHORS_MAX }>> {
            let bytes = found.iter().map(PostRef::bytes).collect();
            List::new(bytes).map_err(|_| too_large())
        };
        let cursor: Option<Cursor> = self.load(Keyspace::BRIDGE, &cursor_key(bridge.channel))?;
        let talk = self.talk_of(bridge.channel)?;
        let told = cursor.filter(|cursor| talk.is_some_and(|(group, _)| group == cursor.group));
        let answers = match &told {
            Some(told) => self.anchors(told.group, told.pts)?,
            None => Vec::new(),
        };
        Ok(Begin {
            base: text(&known.base)?,
            domain: text(&known.domain)?,
            name: known.name.as_deref().map(text).transpose()?,
            made: seconds(known.made),
            kind: match bridge.kind {
                ActorKind::Service => 0,
                ActorKind::Person => 1,
                ActorKind::Group => 2,
                ActorKind::Organization => 3,
            },
            state,
            off_since,
            comments: match bridge.settings.comments {
                CommentPolicy::Open => 0,
                CommentPolicy::HoldFirst => 1,
                CommentPolicy::Off => 2,
            },
            spoilers: match bridge.settings.spoilers {
                Spoilers::Warning => 0,
                Spoilers::Reveal => 1,
            },
            discoverable: bridge.settings.discoverable,
            protected: bridge.settings.protected,
            former: List::new(former.collect::<CoreResult<_>>()?).map_err(|_| too_large())?,
            actor_hash: bridge.actor_hash,
            since: seconds(bridge.since),
            // No row but the sealed one holds them: they are put in when the letter goes.
            rsa: Blob::default(),
            ed25519: Blob::default(),
            posts: refs(self.anchors(bridge.channel, bridge.cursor)?)?,
            talk: told.and(talk).map(|(_, name)| name),
            answers: refs(answers)?,
        })
    }

    /// The body of a letter as it goes: with the keys, if it is the one that has them.
    pub(crate) fn hand_over_body(&self, body: Vec<u8>) -> CoreResult<Vec<u8>> {
        let Ok(said) = decode::<HandOver>(&body) else { return Ok(body) };
        if said.part != wire::BEGIN {
            return Ok(body);
        }
        let Ok(of) = decode::<List<Begin, ITEMS_MAX>>(&said.of) else { return Ok(body) };
        let cid = *said.group.0.first_chunk().ok_or(CoreError::Damaged(Bridge::NAME))?;
        // Without them the next home refuses it, and it is tried again.
        let Ok(Some(keys)) = self.opened_bridge_keys(cid) else { return Ok(body) };
        let mut filled = Vec::new();
        for begin in of.into_vec() {
            filled.push(Begin {
                rsa: Blob::new(keys.rsa.clone()).map_err(|_| too_large())?,
                ed25519: Blob::new(keys.ed25519.clone()).map_err(|_| too_large())?,
                ..begin
            });
        }
        let of: List<Begin, ITEMS_MAX> = List::new(filled).map_err(|_| too_large())?;
        let of = Blob::new(encode(&of)).map_err(|_| too_large())?;
        Ok(encode(&HandOver { of, ..said }))
    }

    /// The group in which a channel is discussed, and its name in logs.
    fn talk_of(&self, channel: ChannelId) -> CoreResult<Option<(ChannelId, GroupId)>> {
        let Some(group) = self.channel_row(channel)?.linked else { return Ok(None) };
        Ok(Some((group, self.with_chain(group, |chain| chain.group())?)))
    }

    fn comment_told(&self, comment: FarComment) -> CoreResult<Option<CommentTold>> {
        let (place, at) = match comment.place {
            CommentPlace::Held => (0, None),
            CommentPlace::Kept => (1, None),
            CommentPlace::Gone => (2, None),
            CommentPlace::Away { group, at } => (3, Some((GroupId(group), at.bytes()))),
            CommentPlace::Shown { group, id } => match self.entry_of_message(group, id)? {
                Some(entry) => {
                    let name = self.with_chain(group, |chain| chain.group())?;
                    (3, Some((name, PostRef::from(entry).bytes())))
                }
                None => (2, None),
            },
        };
        let has_words = matches!(comment.place, CommentPlace::Held | CommentPlace::Kept);
        let author: Option<RemoteActor> =
            self.load(Keyspace::BRIDGE, &key(ACTOR, &[&hash16(&comment.actor)]))?;
        let author = author.filter(|_| place != 2).map(|author| {
            CoreResult::Ok(AuthorTold {
                name: id(&author.name)?,
                handle: id(&author.handle)?,
                inbox: id(&author.inbox)?,
                shared_inbox: ids(author.shared_inbox.as_ref())?,
                icon: ids(author.icon.as_ref())?,
                url: ids(author.url.as_ref())?,
                fetched_at_ms: author.fetched_at_ms,
            })
        });
        let own = self.inner.logs.keys().node().short();
        let ghost = self.known_ghost(&comment.actor)?;
        let mut ghosts: Vec<([u8; 16], u64)> =
            ghost.iter().map(|ghost| (own.0, ghost.user.0.unsigned_abs())).collect();
        let before: Option<Before> = self.load(Keyspace::BRIDGE, &before_key(&comment.actor))?;
        ghosts.extend(before.unwrap_or_default().0);
        ghosts.truncate(BEFORE_MAX);
        Ok(Some(CommentTold {
            object: id(&comment.object)?,
            actor: id(&comment.actor)?,
            host: text(&comment.host)?,
            post: comment.post.bytes(),
            parent: ids(comment.parent.as_ref())?,
            words: if has_words { Some(words(&comment.text)?) } else { None },
            published: seconds(comment.published),
            updated: seconds(comment.updated),
            url: ids(comment.url.as_ref())?,
            place,
            at,
            author: author.transpose()?,
            ghosts: List::new(ghosts).map_err(|_| too_large())?,
        }))
    }

    fn reactions_told(&self, at: &[u8], row: &[u8]) -> CoreResult<Option<ReactionsTold>> {
        let own = self.inner.logs.keys().node().short();
        let Some(post) = post_in(at) else { return Ok(None) };
        let (mut actor, mut of) = (None, Vec::new());
        for (activity, emoji) in Reactions::decode(row)?.0 {
            let act: Option<Act> = self.load(Keyspace::BRIDGE, &act_key(&activity))?;
            let Some(act) = act else { continue };
            let node = act.node.unwrap_or(own.0);
            of.push(ReactionTold { activity: id(&activity)?, emoji: text(&emoji)?, node });
            actor = Some(id(&act.actor)?);
        }
        let of = List::new(of).map_err(|_| too_large())?;
        Ok(actor.map(|actor| ReactionsTold { post, actor, of }))
    }
}

fn answer_told(group: GroupId, row: &[u8]) -> CoreResult<Option<AnswerTold>> {
    let Answered { post, note, to, author } = Answered::decode(row)?;
    let (note, to, author) = (id(&note)?, id(&to)?, id(&author)?);
    Ok(Some(AnswerTold { group, at: post.bytes(), note, to, author }))
}

fn text_of(row: &[u8]) -> String {
    String::from_utf8_lossy(row).into_owned()
}

/// The post in a key of a channel: kind (1) ++ cid (20) ++ post (28) ++ rest.
fn post_in(at: &[u8]) -> Option<Ref> {
    at.get(21..49)?.try_into().ok()
}
