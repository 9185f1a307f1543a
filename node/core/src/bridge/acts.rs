//! What people of other servers do to a bridged channel's posts beside saying something: react, share,
//! vote, report, and want to hear no more.
//!
//! Keyspace `BRIDGE`: 28 ++ activity: an [`Act`]; 29 ++ actor ++ activity: the activity; 30 ++ cid ++
//! [`PostRef`] ++ actor: [`Reactions`]; 31, the same: the activity that shared it.

use glog::Node16;
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::comments::number_of;
use super::{
    ACT, ACTS_BY, BlockSeverity, Bridge, Cid, FLAG, PostRef, REACTED, RemoteActor, SHARED,
    check_host, hash16, key, number_in,
};
use crate::decide::Decide;
use crate::ids::{MessageId, PeerId};
use crate::limits::Limit;
use crate::message::Message;
use crate::polls::PollError;
use crate::reactions::{Reaction, ReactionError};
use crate::record::Record;
use crate::reports::{
    OF_ONE_MAX, REPORT_COMMENT_CHARS_MAX, REPORT_MESSAGES_MAX, Report, ReportReason, Reporter,
    TEXT_CHARS_MAX, TEXTS_MAX,
};
use crate::{Core, CoreError, CoreResult};

/// Reactions of one actor to one post that are remembered: the newest is shown.
const REACTIONS_OF_ONE_MAX: usize = 3;

/// Acts that one command takes back.
const FORGOTTEN_AT_ONCE: usize = 50;

/// An activity that may be taken back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Act {
    pub(super) activity: String,
    pub(super) actor: String,
    pub(super) cid: Cid,
    pub(super) post: PostRef,
    pub(super) what: Did,
    /// The node in whose lane it is counted, if that is another one.
    pub(super) node: Option<[u8; 16]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Did {
    Reacted,
    Shared,
}

impl Record for Act {
    const VERSION: u8 = 1;
    const NAME: &'static str = "act of another server";
}

/// What one actor reacted with to one post: activities and emoji, the newest last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Reactions(pub(super) Vec<(String, String)>);

impl Record for Reactions {
    const VERSION: u8 = 1;
    const NAME: &'static str = "reactions of an actor";
}

/// A report of another server. Key: host ++ number (8), which grows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Flag {
    host: String,
    date: i32,
    about: PeerId,
    comment: String,
    messages: Vec<(MessageId, Option<String>)>,
    elsewhere: u32,
}

impl Record for Flag {
    const VERSION: u8 = 1;
    const NAME: &'static str = "report of another server";
}

pub(super) fn act_key(activity: &str) -> Vec<u8> {
    key(ACT, &[&hash16(activity)])
}

pub(super) fn of_one_key(kind: u8, cid: &Cid, post: &PostRef, actor: &str) -> Vec<u8> {
    key(kind, &[cid, &post.bytes(), &hash16(actor)])
}

pub(super) fn by_key(actor: &str, activity: &str) -> Vec<u8> {
    key(ACTS_BY, &[&hash16(actor), &hash16(activity)])
}

impl Core {
    /// Somebody of another server reacts to a post. What the channel does not have is ❤, if it has that.
    /// One reaction of each is shown, the newest; three are remembered. False where nothing changed.
    ///
    /// # Errors
    /// [`super::BridgeError::NotBridged`], [`super::BridgeError::Blocked`],
    /// [`super::BridgeError::UnknownPost`], [`CoreError::Reaction`] where the channel has no reactions,
    /// [`CoreError::Flood`], [`CoreError::TooMany`], and those of whoever was banned.
    pub async fn bridge_react(
        &self,
        cid: Cid,
        post: PostRef,
        actor: RemoteActor,
        activity: String,
        emoji: Option<String>,
    ) -> CoreResult<bool> {
        self.write(None, move |decide| decide.bridge_react(cid, post, &actor, activity, emoji))
            .await
    }

    /// A reaction is taken back, or a share: whichever the activity was. False where it is not known.
    ///
    /// # Errors
    /// [`CoreError::NotTheAuthor`], and those of the store.
    pub async fn bridge_undo(&self, actor: String, activity: String) -> CoreResult<bool> {
        self.write(None, move |decide| {
            if let Some(act) = decide.load::<Act>(Keyspace::BRIDGE, &act_key(&activity))? {
                decide.is_not_given(&act.cid)?;
            }
            decide.undo_act(&actor, &activity)
        })
        .await
    }

    /// Somebody of another server has shared a post: counted once for each. False where nothing changed.
    ///
    /// # Errors
    /// As [`Core::bridge_react`].
    pub async fn bridge_announce(
        &self,
        cid: Cid,
        post: PostRef,
        actor: RemoteActor,
        activity: String,
    ) -> CoreResult<bool> {
        self.write(None, move |decide| {
            let acted = decide.act(&cid, &post, &actor, &activity)?;
            let Some((bridge, id, _)) = acted else { return Ok(false) };
            let at = of_one_key(SHARED, &cid, &post, &actor.id);
            if decide.get(Keyspace::BRIDGE, &at)?.is_some() {
                return Ok(false);
            }
            decide.put_bytes(Keyspace::BRIDGE, &at, activity.clone().into_bytes());
            let actor = actor.id.clone();
            decide.put_act(Act { activity, actor, cid, post, what: Did::Shared, node: None })?;
            decide.count_forwards(bridge.channel, &[id])?;
            Ok(true)
        })
        .await
    }

    /// Somebody of another server votes, by the words of answers. One answer where only one may be given;
    /// where several may, each vote adds to those before. False where it does not count: the poll is
    /// over, or they have voted.
    ///
    /// # Errors
    /// As [`Core::bridge_react`]; [`CoreError::Poll`] for what is no answer, [`CoreError::UnknownMessage`]
    /// for what is no poll.
    pub async fn bridge_vote(
        &self,
        cid: Cid,
        post: PostRef,
        actor: RemoteActor,
        activity: String,
        answers: Vec<String>,
    ) -> CoreResult<bool> {
        self.write(None, move |decide| {
            let acted = decide.act(&cid, &post, &actor, &activity)?;
            let Some((bridge, id, _)) = acted else { return Ok(false) };
            let ghost = decide.ghost_of(&actor)?;
            match decide.vote_of_ghost(ghost, bridge.channel, id, &answers) {
                Ok(counted) => Ok(counted),
                Err(CoreError::Poll(PollError::Closed | PollError::RevoteNotAllowed)) => Ok(false),
                Err(cause) => Err(cause),
            }
        })
        .await
    }

    /// Another server reports posts of a channel, or the channel itself: kept for the operator, and told
    /// to the owner of the node and to whoever has the channel. `elsewhere` counts what is not here.
    ///
    /// # Errors
    /// [`super::BridgeError::NotBridged`], [`super::BridgeError::Blocked`],
    /// [`super::BridgeError::Invalid`].
    pub async fn bridge_flag(
        &self,
        activity: String,
        cid: Cid,
        host: String,
        posts: Vec<PostRef>,
        elsewhere: u32,
        comment: String,
    ) -> CoreResult<()> {
        self.write(None, move |decide| {
            check_host(&host)?;
            decide.not_blocked(&host, BlockSeverity::Suspend)?;
            let rejects = decide.inner.bridges.block(&host).is_some_and(|b| b.rejects_reports);
            if rejects || !decide.see_activity(&activity)? {
                return Ok(());
            }
            decide.flag(&cid, host, posts, elsewhere, &comment)
        })
        .await
    }

    /// Somebody of another server wants to hear no more of a channel. Nobody is told.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn bridge_block(&self, activity: String, actor: String, cid: Cid) -> CoreResult<()> {
        self.write(None, move |decide| {
            decide.is_not_given(&cid)?;
            if decide.see_activity(&activity)?
                && let Some(known) = decide.follower_row(&cid, &actor)?
            {
                decide.remove_follower(cid, &known)?;
            }
            Ok(())
        })
        .await
    }

    /// Takes back all that an actor did, some at a time.
    pub(super) async fn forget_acts(&self, actor: String) -> CoreResult<()> {
        loop {
            let actor = actor.clone();
            let left = self
                .write(None, move |decide| {
                    let prefix = key(ACTS_BY, &[&hash16(&actor)]);
                    let rows = decide.scan_prefix(Keyspace::BRIDGE, &prefix, FORGOTTEN_AT_ONCE)?;
                    for (row, activity) in &rows {
                        decide.undo_act(&actor, &String::from_utf8_lossy(activity))?;
                        decide.delete(Keyspace::BRIDGE, row);
                    }
                    Ok(rows.len() == FORGOTTEN_AT_ONCE)
                })
                .await?;
            if !left {
                return Ok(());
            }
        }
    }

    /// What other servers have reported.
    pub(crate) fn flags(&self) -> CoreResult<Vec<Report>> {
        let store = &*self.inner.store;
        let rows = crate::decide::scan_prefix(store, Keyspace::BRIDGE, &[FLAG], usize::MAX >> 1)?;
        let report = |row: &[u8]| {
            let Flag { host, date, about, comment, messages, elsewhere } = Flag::decode(row)?;
            let (by, reason) = (Reporter::Host(host), ReportReason::Other);
            Ok(Report { by, date, about, reason, comment, messages, elsewhere })
        };
        rows.iter().map(|(_, row)| report(row)).collect()
    }
}

impl Decide<'_> {
    /// An actor does something to a post: the channel and the message, once for each activity.
    fn act(
        &mut self,
        cid: &Cid,
        post: &PostRef,
        actor: &RemoteActor,
        activity: &str,
    ) -> CoreResult<Option<(Bridge, MessageId, Message)>> {
        actor.check()?;
        let bridge = self.bridge_of_cid(cid)?;
        self.not_blocked(&actor.host, BlockSeverity::Suspend)?;
        if !self.see_activity(activity)? {
            return Ok(None);
        }
        let (id, message) = self.bridged_post(&bridge, post)?;
        self.take(Limit::ActsOfHost(number_of(&actor.host)), 1)?;
        self.put_remote_actor(actor)?;
        Ok(Some((bridge, id, message)))
    }

    pub(super) fn put_act(&mut self, act: Act) -> CoreResult<()> {
        let activity = act.activity.clone().into_bytes();
        self.put_bytes(Keyspace::BRIDGE, &by_key(&act.actor, &act.activity), activity);
        self.put(Keyspace::BRIDGE, &act_key(&act.activity), &act)
    }

    fn bridge_react(
        &mut self,
        cid: Cid,
        post: PostRef,
        actor: &RemoteActor,
        activity: String,
        emoji: Option<String>,
    ) -> CoreResult<bool> {
        let Some((bridge, id, _)) = self.act(&cid, &post, actor, &activity)? else {
            return Ok(false);
        };
        let allowed = self.allowed_in(bridge.channel, emoji)?;
        let ghost = self.ghost_of(actor)?;
        let at = of_one_key(REACTED, &cid, &post, &actor.id);
        let mut own: Reactions = self.load(Keyspace::BRIDGE, &at)?.unwrap_or_default();
        if own.0.iter().any(|(_, known)| *known == allowed) {
            return Ok(false);
        }
        if own.0.len() >= REACTIONS_OF_ONE_MAX {
            return Ok(false);
        }
        // Each is shown once: where an earlier home counts the older one, this one counts the newest.
        for (before, _) in &own.0 {
            let act: Option<Act> = self.load(Keyspace::BRIDGE, &act_key(before))?;
            if let Some(act) = act
                && let Some(node) = act.node
            {
                self.undo_away(Node16(node), &cid, &actor.id, before)?;
                self.put_act(Act { node: None, ..act })?;
            }
        }
        own.0.push((activity.clone(), allowed.clone()));
        self.put(Keyspace::BRIDGE, &at, &own)?;
        let by = actor.id.clone();
        self.put_act(Act { activity, actor: by, cid, post, what: Did::Reacted, node: None })?;
        self.set_ghost_reaction(ghost, bridge.channel, id, Some(Reaction::Emoji(allowed)))?;
        Ok(true)
    }

    /// A reaction that a channel has: this one, or ❤.
    fn allowed_in(&self, channel: crate::ChannelId, emoji: Option<String>) -> CoreResult<String> {
        let allowed = self.allowed_reactions(channel)?;
        let emoji = emoji.map(Reaction::Emoji);
        let asked = emoji.into_iter().chain([Reaction::Emoji(DEFAULT_LIKE.to_owned())]);
        for reaction in asked {
            let known = self.known_reaction(reaction).ok();
            let known = known.filter(|reaction| allowed.available.has(reaction));
            if let Some(Reaction::Emoji(known)) = known {
                return Ok(known);
            }
        }
        Err(ReactionError::Invalid.into())
    }

    /// The same of an act on a post of one channel.
    pub(super) fn undo_act_of(
        &mut self,
        actor: &str,
        activity: &str,
        cid: &Cid,
    ) -> CoreResult<bool> {
        match self.load::<Act>(Keyspace::BRIDGE, &act_key(activity))? {
            Some(act) if act.cid == *cid => self.undo_act(actor, activity),
            _ => Ok(false),
        }
    }

    fn undo_act(&mut self, actor: &str, activity: &str) -> CoreResult<bool> {
        let Some(act) = self.load::<Act>(Keyspace::BRIDGE, &act_key(activity))? else {
            return Ok(false);
        };
        if act.actor != actor {
            return Err(CoreError::NotTheAuthor);
        }
        if let Some(node) = act.node {
            self.undo_away(Node16(node), &act.cid, actor, activity)?;
        }
        self.delete(Keyspace::BRIDGE, &act_key(activity));
        self.delete(Keyspace::BRIDGE, &by_key(actor, activity));
        let bridge = self.inner.bridges.by_cid(&act.cid);
        let id = match &bridge {
            Some(bridge) if !self.channel_row(bridge.channel)?.deleted => {
                self.post_at(bridge.channel, &act.post)?
            }
            _ => None,
        };
        let place = bridge.map(|bridge| bridge.channel).zip(id);
        match act.what {
            Did::Shared => {
                self.delete(Keyspace::BRIDGE, &of_one_key(SHARED, &act.cid, &act.post, actor));
                if let Some((channel, id)) = place {
                    self.uncount_forward(channel, id)?;
                }
            }
            Did::Reacted => {
                let at = of_one_key(REACTED, &act.cid, &act.post, actor);
                let mut own: Reactions = self.load(Keyspace::BRIDGE, &at)?.unwrap_or_default();
                own.0.retain(|(known, _)| known != activity);
                let shown = own.0.last().map(|(_, emoji)| Reaction::Emoji(emoji.clone()));
                match own.0.is_empty() {
                    true => self.delete(Keyspace::BRIDGE, &at),
                    false => self.put(Keyspace::BRIDGE, &at, &own)?,
                }
                if let (Some((channel, id)), Some(ghost)) = (place, self.known_ghost(actor)?) {
                    self.set_ghost_reaction(ghost.user, channel, id, shown)?;
                }
            }
        }
        Ok(true)
    }

    fn flag(
        &mut self,
        cid: &Cid,
        host: String,
        posts: Vec<PostRef>,
        mut elsewhere: u32,
        comment: &str,
    ) -> CoreResult<()> {
        let bridge = self.bridge_of_cid(cid)?;
        let channel = self.channel_row(bridge.channel)?;
        let mut messages = Vec::new();
        for post in posts.into_iter().take(REPORT_MESSAGES_MAX) {
            match self.bridged_post(&bridge, &post) {
                Ok((id, message)) => {
                    let text: String = message.text.chars().take(TEXT_CHARS_MAX).collect();
                    messages.push((id, (messages.len() < TEXTS_MAX).then_some(text)));
                }
                Err(CoreError::Bridge(_)) => elsewhere = elsewhere.saturating_add(1),
                Err(cause) => return Err(cause),
            }
        }
        let prefix = key(FLAG, &[&hash16(&host)]);
        let known = self.scan_prefix(Keyspace::BRIDGE, &prefix, OF_ONE_MAX + 1)?;
        let number = known.last().map_or(Ok(0), |(key, _)| number_in(key))? + 1;
        if known.len() >= OF_ONE_MAX
            && let Some((oldest, _)) = known.first()
        {
            self.delete(Keyspace::BRIDGE, oldest);
        }
        let comment = comment.trim().chars().take(REPORT_COMMENT_CHARS_MAX).collect();
        let (date, about) = (self.now(), PeerId::from(bridge.channel));
        let row = Flag { host: host.clone(), date, about, comment, messages, elsewhere };
        let at = key(FLAG, &[&hash16(&host), &number.to_be_bytes()]);
        self.put(Keyspace::BRIDGE, &at, &row)?;
        // Beyond, the operator finds it in the list: nobody fills dialogs.
        match self.take(Limit::FlagsOfHost(number_of(&host)), 1) {
            Err(CoreError::Flood { .. }) => return Ok(()),
            taken => taken?,
        }
        let text = format!(
            "Somebody on the server {host} has reported the channel {}. `rookery reports` lists all \
             reports.",
            channel.title
        );
        let owner = self.inner.owner()?;
        if let Some(owner) = owner {
            self.service_message(owner, text.clone(), Vec::new())?;
        }
        let has_it = channel.creator;
        if Some(has_it) != owner && !crate::federation::is_remote(has_it) {
            self.service_message(has_it, text, Vec::new())?;
        }
        Ok(())
    }
}

/// What a like without an emoji is.
const DEFAULT_LIKE: &str = "❤";
