//! The next home: what the old one tells it is put where it belongs, and counts once all has come.

use glog::cbor::{Blob, List, Wire, decode, encode};
use glog::{EntryId, GroupId, Node16};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::super::acts::{Act, Did, Reactions, of_one_key};
use super::super::answers::{Answered, Cursor, cursor_key};
use super::super::comments::{approved_key, comment_key, held_key};
use super::super::quotes::{Quote, quote_key};
use super::super::{
    ARRIVED, AWAY, ActorKind, ActorState, Audience, BlockSeverity, Bridge, BridgeKeys,
    BridgeSettings, BridgeState, Cid, CommentPlace, CommentPolicy, FarComment, Follower,
    OUTGOING_JSON_BYTES_MAX, PostRef, PostState, REACTED, REPLY_AWAY, RemoteActor, SHARED,
    Spoilers, bounded, check_host, check_id, hash16, key,
};
use super::undelivered::outgoing_of;
use super::wire::{
    self, AnswerTold, AuthorTold, Begin, CommentTold, FollowerTold, HandOver, ITEMS_MAX, Id,
    OutgoingTold, PostTold, QuoteTold, ReactionsTold, Ref, ShareTold,
};
use super::{
    Before, BridgeStage, KnownAs, Moved, away_key, before_key, host_of, note_away_key, taking_key,
};
use crate::decide::Decide;
use crate::ids::{ChannelId, Pts};
use crate::is_username;
use crate::record::Record;
use crate::{CoreError, CoreResult};

/// So soon a part comes again whose entry of the chain has not come, in seconds.
const CHAIN_WAIT_S: u32 = 1;

/// Parts of one hand-over: some 25 million rows. Protects the disk.
const PARTS_MAX: u32 = 50_000;

/// So long after the last part a channel whose bridge is on its way may be handed on without it, in
/// seconds.
const QUIET_S: i32 = 3600;

/// How much of a bridge has come. Key: cid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Taking {
    from: [u8; 16],
    moved: Moved,
    run: [u8; 16],
    /// The number of the part that comes next.
    next: u32,
    done: bool,
    /// Unix seconds.
    heard: i32,
    /// Who it is, without its keys.
    begin: Vec<u8>,
    /// Activities that wait to go out.
    arrived: u64,
}

impl Record for Taking {
    const VERSION: u8 = 1;
    const NAME: &'static str = "bridge that comes";
}

fn items<T: Wire>(of: &[u8]) -> CoreResult<Vec<T>> {
    let items: List<T, ITEMS_MAX> = decode(of).map_err(|_| CoreError::NotALetter)?;
    Ok(items.into_vec())
}

fn post_of(at: &Ref) -> CoreResult<PostRef> {
    PostRef::from_bytes(at).ok_or(CoreError::NotALetter)
}

fn time(seconds: u64) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

fn some(text: &Option<Id>) -> Option<String> {
    text.as_ref().map(|text| text.to_string())
}

/// Whether all of these are of one host. What is not was told by nobody's own server, and is left out; the
/// rest holds for all that.
fn is_of<'a>(host: &str, ids: impl IntoIterator<Item = &'a String>) -> bool {
    let is_so = ids.into_iter().all(|id| host_of(id).as_deref() == Some(host));
    if !is_so {
        tracing::warn!(host, "something of a bridge is of two servers: it is not taken");
    }
    is_so
}

/// What is no part of a hand-over need not come again.
fn none(_: CoreError) -> CoreError {
    CoreError::NotALetter
}

/// The addresses of an actor, if they are any.
fn known_as(begin: &Begin) -> CoreResult<KnownAs> {
    let known = KnownAs {
        base: begin.base.to_string(),
        domain: begin.domain.to_string(),
        name: begin.name.as_ref().map(|text| text.to_string()).filter(|name| is_username(name)),
        made: time(begin.made),
    };
    let is_web = known.base.starts_with("https://") || known.base.starts_with("http://");
    let is_bare = |host: &str| !host.contains(['/', '?', '#', '@']);
    if !is_web || !is_bare(known.host()) || !is_bare(&known.domain) {
        return Err(CoreError::NotALetter);
    }
    check_host(known.host()).and_then(|()| check_host(&known.domain)).map_err(none)?;
    Ok(known)
}

impl Decide<'_> {
    /// Whether the bridge of a channel of this node is still on its way.
    pub(crate) fn bridge_is_coming(&self, group: GroupId) -> CoreResult<bool> {
        let Some(cid) = group.0.first_chunk() else { return Ok(false) };
        let taking: Option<Taking> = self.load(Keyspace::BRIDGE, &taking_key(cid))?;
        let now = self.now();
        Ok(taking.is_some_and(|one| !one.done && now < one.heard.saturating_add(QUIET_S)))
    }

    /// A part of what a channel's old home hands over.
    pub(crate) fn take_hand_over(&mut self, node: Node16, said: &[u8]) -> CoreResult<()> {
        let said: HandOver = decode(said).map_err(|_| CoreError::NotALetter)?;
        let channel = self.channel_of(said.group)?.ok_or(CoreError::NotALetter)?;
        let moved = Moved::new(said.moved.0, EntryId(said.moved.1));
        self.has_moved_here(channel, node, moved)?;
        let cid: Cid = *said.group.0.first_chunk().ok_or(CoreError::NotALetter)?;
        let known: Option<Taking> = self.load(Keyspace::BRIDGE, &taking_key(&cid))?;
        let known = known.filter(|known| known.from == node.0 && known.moved == moved);
        if known.as_ref().is_some_and(|known| known.done) {
            // It was restored from before it had handed over: what is here is newer.
            return Ok(());
        }
        if said.part == wire::BEGIN && said.number == 0 {
            return self.begin_taking(cid, node, moved, &said);
        }
        let mut taking = known.ok_or(CoreError::NotALetter)?;
        if taking.run != said.run || said.number > taking.next || said.number > PARTS_MAX {
            return Err(CoreError::NotALetter);
        }
        if said.number < taking.next {
            return Ok(());
        }
        taking.next = taking.next.saturating_add(1);
        taking.heard = self.now();
        self.take_part(channel, cid, node, &said, &mut taking)?;
        self.put(Keyspace::BRIDGE, &taking_key(&cid), &taking)
    }

    /// Whether a channel has got this node as its home from another one by an entry.
    fn has_moved_here(&self, channel: ChannelId, from: Node16, moved: Moved) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let is_so = self.with_chain(channel, |chain| {
            let at = usize::try_from(moved.seq).unwrap_or(usize::MAX);
            let entry = chain.entries().get(at)?;
            let is_it = entry.id().0 == moved.entry && entry.header().node.short() == from;
            // The last word on who is the home, and not one from before.
            let is_move = |entry: &glog::control::ControlEntry| {
                let action = entry.action();
                use glog::body::Action::{MoveHome, Recover};
                matches!(action, Some(MoveHome(_) | Recover(_)))
            };
            let is_last = !chain.entries().iter().skip(at.saturating_add(1)).any(is_move);
            let to_here = match entry.action() {
                Some(glog::body::Action::MoveHome(to)) => to.node == own.short(),
                _ => false,
            };
            Some(is_it && is_last && to_here && chain.state().home == own)
        })?;
        match is_so {
            Some(true) => Ok(()),
            Some(false) => Err(CoreError::NotALetter),
            // Letters are faster than entries.
            None => Err(CoreError::Flood { wait_s: CHAIN_WAIT_S }),
        }
    }

    fn begin_taking(
        &mut self,
        cid: Cid,
        node: Node16,
        moved: Moved,
        said: &HandOver,
    ) -> CoreResult<()> {
        let begin: Begin = items(&said.of)?.pop().ok_or(CoreError::NotALetter)?;
        known_as(&begin)?;
        let (rsa, ed25519) = (begin.rsa.to_vec(), begin.ed25519.to_vec());
        self.seal_bridge_keys(cid, &BridgeKeys { rsa, ed25519 }).map_err(none)?;
        let begin = Begin { rsa: Blob::default(), ed25519: Blob::default(), ..begin };
        // What an earlier try has left is told again.
        for (at, _) in
            self.scan_prefix(Keyspace::BRIDGE, &key(ARRIVED, &[&cid]), usize::MAX >> 1)?
        {
            self.delete(Keyspace::BRIDGE, &at);
        }
        let taking = Taking {
            from: node.0,
            moved,
            run: said.run,
            next: 1,
            done: false,
            heard: self.now(),
            begin: encode(&begin),
            arrived: 0,
        };
        self.put(Keyspace::BRIDGE, &taking_key(&cid), &taking)
    }

    fn take_part(
        &mut self,
        channel: ChannelId,
        cid: Cid,
        node: Node16,
        said: &HandOver,
        taking: &mut Taking,
    ) -> CoreResult<()> {
        match said.part {
            wire::FOLLOWERS => {
                items(&said.of)?.into_iter().try_for_each(|one| self.take_follower(cid, &one))
            }
            wire::POSTS => items(&said.of)?.iter().try_for_each(|one: &PostTold| {
                let (at, repeats) = (time(one.at), some(&one.repeats));
                repeats.iter().try_for_each(|repeated| check_id(repeated)).map_err(none)?;
                let state = match one.gone {
                    true => PostState::Gone { at, repeats },
                    false => PostState::Live { published: at, repeats },
                };
                self.put_post_state(cid, post_of(&one.post)?, state)
            }),
            wire::COMMENTS => {
                items(&said.of)?.into_iter().try_for_each(|one| self.take_comment(cid, one))
            }
            wire::APPROVED => {
                for actor in items::<Id>(&said.of)? {
                    let at = approved_key(&cid, &actor);
                    self.put_bytes(Keyspace::BRIDGE, &at, actor.as_bytes().to_vec());
                }
                Ok(())
            }
            wire::REACTIONS => {
                items(&said.of)?.into_iter().try_for_each(|one| self.take_reactions(cid, &one))
            }
            wire::SHARES => {
                items(&said.of)?.into_iter().try_for_each(|one| self.take_share(channel, cid, &one))
            }
            wire::QUOTES => {
                for QuoteTold { number, post, quoting, date } in items(&said.of)? {
                    let (post, quoting) = (post_of(&post)?, quoting.to_string());
                    let quote = Quote { post, quoting, date: time(date) };
                    self.put(Keyspace::BRIDGE, &quote_key(&cid, number), &quote)?;
                }
                Ok(())
            }
            wire::ANSWERS => {
                for AnswerTold { group, at, note, to, author } in items(&said.of)? {
                    let post = post_of(&at)?;
                    let of = [&group.0[..], &post.bytes()].concat();
                    self.put_bytes(Keyspace::BRIDGE, &note_away_key(&note), of);
                    let (note, to, author) = (note.to_string(), to.to_string(), author.to_string());
                    let known = Answered { post, note, to, author };
                    self.put(Keyspace::BRIDGE, &away_key(REPLY_AWAY, &group.0, &post), &known)?;
                }
                Ok(())
            }
            wire::OUTGOING => {
                for one in items(&said.of)? {
                    taking.arrived = taking.arrived.saturating_add(1);
                    self.take_outgoing(cid, taking.arrived, one)?;
                }
                Ok(())
            }
            wire::END => {
                taking.done = true;
                self.has_taken(channel, cid, node, &taking.begin)
            }
            _ => Err(CoreError::NotALetter),
        }
    }

    fn take_follower(&mut self, cid: Cid, told: &FollowerTold) -> CoreResult<()> {
        let follower = Follower {
            actor: told.actor.to_string(),
            host: told.host.to_string(),
            inbox: told.inbox.to_string(),
            shared_inbox: some(&told.shared_inbox),
            follow: told.follow.to_string(),
            since: time(told.since),
        };
        follower.check().map_err(none)?;
        let told_at = [&follower.actor, &follower.inbox].into_iter().chain(&follower.shared_inbox);
        if !is_of(&follower.host, told_at) {
            return Ok(());
        }
        // Who is not wanted here does not come in this way either.
        if self.not_blocked(&follower.host, BlockSeverity::Suspend).is_err() {
            return Ok(());
        }
        match self.part(|decide| decide.keep_follower(cid, &follower))? {
            Err(CoreError::TooMany) => Ok(()),
            kept => kept,
        }
    }

    fn take_comment(&mut self, cid: Cid, told: CommentTold) -> CoreResult<()> {
        let (object, actor) = (told.object.to_string(), told.actor.to_string());
        check_id(&object).and_then(|()| check_id(&actor)).map_err(none)?;
        check_host(&told.host).map_err(none)?;
        if !is_of(&told.host, [&object, &actor]) {
            return Ok(());
        }
        let place = match (told.place, told.at) {
            (0, _) => CommentPlace::Held,
            (1, _) => CommentPlace::Kept,
            (2, _) => CommentPlace::Gone,
            (3, Some((group, at))) => CommentPlace::Away { group: group.0, at: post_of(&at)? },
            _ => return Err(CoreError::NotALetter),
        };
        let own = self.inner.logs.keys().node().short();
        let ghosts = told.ghosts.iter().copied().filter(|(node, _)| *node != own.0);
        let before = Before(ghosts.collect());
        if !before.0.is_empty() {
            self.put(Keyspace::BRIDGE, &before_key(&actor), &before)?;
        }
        if let Some(known) = self.comment(&object)? {
            if known.cid != cid {
                return Ok(());
            }
            match (known.place, place) {
                // This node's own ghost has written it, and knows of it what there is to know.
                (CommentPlace::Shown { .. }, CommentPlace::Away { .. })
                | (CommentPlace::Gone, _) => return Ok(()),
                _ => self.comment_goes(known)?,
            }
        }
        if let Some(author) = told.author {
            self.take_author(&actor, &told.host, author)?;
        }
        let text = match &told.words {
            Some(words) => super::far::read_words(words)?,
            None => crate::text::Text::none(),
        };
        let comment = FarComment {
            object,
            actor,
            host: told.host.to_string(),
            cid,
            post: post_of(&told.post)?,
            parent: some(&told.parent),
            text,
            published: time(told.published),
            updated: time(told.updated),
            url: some(&told.url),
            place,
        };
        let object = comment.object.clone().into_bytes();
        if place == CommentPlace::Gone {
            return self.put(Keyspace::BRIDGE, &comment_key(&comment.object), &comment);
        }
        self.put_comment_by(&comment);
        match place {
            CommentPlace::Held => {
                self.put_bytes(Keyspace::BRIDGE, &held_key(&cid, &comment.object), object);
                self.put_comment(&comment)
            }
            CommentPlace::Away { group, at } => {
                self.put_bytes(Keyspace::BRIDGE, &away_key(AWAY, &group, &at), object);
                self.index_comment_once(&comment)
            }
            _ => self.index_comment_once(&comment),
        }
    }

    /// Somebody of another server, unless they are known here already: who speaks for themselves is newer.
    fn take_author(&mut self, actor: &str, host: &str, told: AuthorTold) -> CoreResult<()> {
        let at = key(super::super::ACTOR, &[&hash16(actor)]);
        if self.get(Keyspace::BRIDGE, &at)?.is_some() {
            return Ok(());
        }
        let author = RemoteActor {
            id: actor.to_owned(),
            host: host.to_owned(),
            name: told.name.to_string(),
            handle: told.handle.to_string(),
            inbox: told.inbox.to_string(),
            shared_inbox: some(&told.shared_inbox),
            icon: some(&told.icon),
            url: some(&told.url),
            keys: Vec::new(),
            fetched_at_ms: told.fetched_at_ms.min(self.now_ms),
            state: ActorState::There,
        };
        author.check().map_err(none)?;
        if !is_of(host, [&author.id, &author.inbox].into_iter().chain(&author.shared_inbox)) {
            return Ok(());
        }
        // Whom it tells where, and calls how, stays as it is: that is their own server's to say.
        self.put(Keyspace::BRIDGE, &at, &author)
    }

    fn take_reactions(&mut self, cid: Cid, told: &ReactionsTold) -> CoreResult<()> {
        let (post, actor) = (post_of(&told.post)?, told.actor.to_string());
        let own = self.inner.logs.keys().node().short();
        let mut of = Vec::new();
        for one in told.of.iter() {
            let activity = one.activity.to_string();
            check_id(&activity).map_err(none)?;
            of.push((activity.clone(), one.emoji.to_string()));
            let node = Some(one.node).filter(|node| *node != own.0);
            let actor = actor.clone();
            self.put_act(Act { activity, actor, cid, post, what: Did::Reacted, node })?;
        }
        self.put(Keyspace::BRIDGE, &of_one_key(REACTED, &cid, &post, &actor), &Reactions(of))
    }

    fn take_share(&mut self, channel: ChannelId, cid: Cid, told: &ShareTold) -> CoreResult<()> {
        let (post, actor) = (post_of(&told.post)?, told.actor.to_string());
        let at = of_one_key(SHARED, &cid, &post, &actor);
        if self.get(Keyspace::BRIDGE, &at)?.is_some() {
            return Ok(());
        }
        let activity = told.activity.to_string();
        check_id(&activity).map_err(none)?;
        self.put_bytes(Keyspace::BRIDGE, &at, activity.clone().into_bytes());
        self.put_act(Act { activity, actor, cid, post, what: Did::Shared, node: None })?;
        // Each node counts forwards by itself.
        match self.post_at(channel, &post)? {
            Some(id) => self.count_forwards(channel, &[id]),
            None => Ok(()),
        }
    }

    fn take_outgoing(&mut self, cid: Cid, number: u64, told: OutgoingTold) -> CoreResult<()> {
        let mut row = outgoing_of(cid, number, told);
        row.created_ms = row.created_ms.min(self.now_ms);
        match &mut row.audience {
            Audience::Hosts(hosts) => hosts.retain(|host| check_host(host).is_ok()),
            Audience::Inboxes(inboxes) => inboxes.retain(|inbox| host_of(inbox).is_some()),
            Audience::Followers => {}
        }
        check_id(&row.activity).map_err(none)?;
        bounded("activity", row.json.len(), OUTGOING_JSON_BYTES_MAX).map_err(none)?;
        self.put(Keyspace::BRIDGE, &key(ARRIVED, &[&cid, &number.to_be_bytes()]), &row)
    }

    /// All has come: the channel is bridged by this node from now on.
    fn has_taken(
        &mut self,
        channel: ChannelId,
        cid: Cid,
        node: Node16,
        begin: &[u8],
    ) -> CoreResult<()> {
        let begin: Begin = decode(begin).map_err(|_| CoreError::Damaged(Taking::NAME))?;
        let known = known_as(&begin)?;
        let posts: Vec<PostRef> = begin.posts.iter().map(post_of).collect::<CoreResult<_>>()?;
        let end = Pts(self.next_id(channel)?.0 - 1);
        let cursor = self.anchored(channel, &posts)?.unwrap_or(end);
        self.anchor_answers(channel, &begin)?;
        let now = self.now();
        let former = begin.former.iter().map(|(name, until)| (name.to_string(), time(*until)));
        let former = former.filter(|(name, until)| is_username(name) && now < *until).collect();
        let base = known.base.clone();
        let before = self.bridge_row(channel)?;
        let bridge = Bridge {
            channel,
            cid,
            kind: match begin.kind {
                0 => ActorKind::Service,
                1 => ActorKind::Person,
                2 => ActorKind::Group,
                3 => ActorKind::Organization,
                _ => return Err(CoreError::NotALetter),
            },
            state: match begin.state {
                0 => BridgeState::On,
                1 => BridgeState::Off { since: time(begin.off_since) },
                2 => BridgeState::Gone,
                _ => return Err(CoreError::NotALetter),
            },
            settings: BridgeSettings {
                comments: match begin.comments {
                    0 => CommentPolicy::Open,
                    1 => CommentPolicy::HoldFirst,
                    2 => CommentPolicy::Off,
                    _ => return Err(CoreError::NotALetter),
                },
                spoilers: if begin.spoilers == 1 { Spoilers::Reveal } else { Spoilers::Warning },
                discoverable: begin.discoverable,
                protected: begin.protected,
            },
            former_names: former,
            actor_hash: begin.actor_hash,
            cursor,
            since: time(begin.since),
            known: self.known_elsewhere(known, before.as_ref())?,
            stage: BridgeStage::Arriving,
        };
        tracing::info!(channel = channel.0, from = %node, base, "a bridge was handed over to here");
        self.delete(Keyspace::BRIDGE, &super::giving_key(&cid));
        self.put_bridge(bridge)
    }

    /// Up to where answers were carried, if the group is here.
    fn anchor_answers(&mut self, channel: ChannelId, begin: &Begin) -> CoreResult<()> {
        let Some(talk) = begin.talk else { return Ok(()) };
        let Some(group) = self.channel_of(talk)? else { return Ok(()) };
        let answers: Vec<PostRef> = begin.answers.iter().map(post_of).collect::<CoreResult<_>>()?;
        let Some(pts) = self.anchored(group, &answers)? else { return Ok(()) };
        self.put(Keyspace::BRIDGE, &cursor_key(channel), &Cursor { group, pts })
    }
}

/// For tests: what a hand-over says that is made up.
#[cfg(test)]
pub(crate) fn forged(group: GroupId, moved: (u64, [u8; 32]), number: u32, part: u8) -> HandOver {
    let of = Blob::new(encode(&List::<u8, 1>::default())).unwrap();
    HandOver { group, moved, run: [7; 16], number, part, of }
}
