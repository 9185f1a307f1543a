//! Channels in which other nodes write, or that are another node's: what their logs say is brought into
//! the box that members here share.
//!
//! What is shown of a message follows from its log alone (`glog`'s `Lanes::message`). So nothing is
//! applied step by step: whenever an entry is delivered or judged otherwise, each message that it is
//! about is compared with what the log says now, and made so. A message that returns gets a new number:
//! clients drop one that returns under an old one. The chain is followed entry by entry, as its order is
//! the same everywhere: see [`super::chain`].

use glog::body::{Action as LogAction, DataBody, GroupKind, Settle};
use glog::control::State;
use glog::{EntryRef, Event as LogEvent, Rights as LogRights, UserRef};

use super::chain::banned;
use super::post::{Origin, Read};
use super::{AdminAction, Channel, ChannelRole, Participant};
use crate::decide::Decide;
use crate::event::{ChatChange, Event, LogEntry};
use crate::ids::{ChannelId, MessageId, PeerId, UserId};
use crate::media::FileRecord;
use crate::message::{Action, BoxRow, Message, Reply};
use crate::{CoreError, CoreResult};

/// The kind of a Post.
const POST: u16 = 64;

/// The kind of a Topic.
const TOPIC: u16 = 76;

/// How far ahead of this node's clock a date may be.
const AHEAD_S: i32 = 300;

impl Decide<'_> {
    /// A channel of another node, as its first entry says.
    pub(crate) fn begin_copy(&mut self, channel: ChannelId, state: &State) -> CoreResult<()> {
        let owner = self.account_named(state.owner)?.ok_or(CoreError::UnknownChannel)?;
        let broadcast = state.kind() == GroupKind::Channel;
        let mut found = Channel {
            id: channel,
            broadcast,
            banned: banned(state),
            ..Channel::new(owner, self.now(), String::new(), String::new())
        };
        // Nobody here is in a channel by the word of another node.
        if !self.is_own(state.owner.node) {
            let role = ChannelRole::Creator { rank: String::new() };
            let entering = Participant::new(owner, owner, found.date, role);
            self.put_participant(&mut found, &entering)?;
        }
        self.put_channel(found)
    }

    /// Somebody here has come into a channel of another node: they are there what its log says.
    pub(crate) fn show_own_standing(&mut self, channel: ChannelId, user: UserId) -> CoreResult<()> {
        if !self.is_away(channel)? {
            return Ok(());
        }
        let user = self.user_ref(user)?;
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        self.show_standing(channel, user, None, &state)
    }

    /// Tells other nodes of an entry that was written here.
    pub(crate) fn tell_entry(&mut self, channel: ChannelId, entry: Vec<u8>) -> CoreResult<()> {
        if self.inner.network.get().is_none() {
            return Ok(());
        }
        let (group, public) =
            self.with_chain(channel, |chain| (chain.group(), chain.state().is_public()))?;
        let members = self.federated(channel)?.map_or(Vec::new(), |row| row.members);
        let members = members.into_iter().map(glog::NodeId).collect();
        self.event(Event::Entry(std::sync::Arc::new(LogEntry { group, public, members, entry })));
        Ok(())
    }

    /// What followed from an entry of this node's own, beside what its command does: shown when the
    /// command ends, since it may still fail. Entries of others that waited may have been delivered by it.
    pub(super) fn follow_own(&mut self, channel: ChannelId, events: Vec<LogEvent>) {
        self.inner.groups.health.note(channel, &events);
        for event in events {
            match event {
                LogEvent::Judged(all) => {
                    self.judged.extend(all.into_iter().map(|at| (channel, at)));
                }
                LogEvent::Delivered { at, .. } => self.judged.push((channel, at)),
                _ => {}
            }
        }
    }

    /// A command has ended: what its entries changed beside is shown.
    pub(crate) fn follow_judged(&mut self) -> CoreResult<()> {
        let own = self.inner.logs.keys().node().short();
        for (channel, at) in std::mem::take(&mut self.judged) {
            // What this node's people wrote was shown by who wrote it, unless it is void now.
            let counts = self.with_shared(channel, |shared| shared.replica.lanes().counts(&at))?;
            if at.node != own || counts == Some(false) {
                self.show(channel, &at, None)?;
            }
        }
        Ok(())
    }

    /// Shows what came from other nodes.
    pub(crate) fn follow_log(&mut self, channel: ChannelId, events: &[LogEvent]) -> CoreResult<()> {
        self.inner.groups.health.note(channel, events);
        for event in events {
            if let LogEvent::Disputed(proof) = event {
                self.note_dispute(channel, proof)?;
            }
        }
        if events.iter().any(|event| matches!(event, LogEvent::Recovered { .. })) {
            self.forget_dispute(channel);
            self.follow_recovered(channel)?;
        } else if events.iter().any(|event| matches!(event, LogEvent::Control { .. })) {
            self.follow_chain(channel)?;
        }
        for event in events {
            match event {
                LogEvent::Delivered { at, entry, .. } => {
                    self.show(channel, at, Some(entry.header().ts_ms))?;
                }
                LogEvent::Judged(all) => {
                    for at in all {
                        self.show(channel, at, None)?;
                    }
                }
                _ => {}
            }
        }
        // What a key has opened brings no other.
        let grows = |event: &LogEvent| !matches!(event, LogEvent::Judged(_));
        if events.iter().any(grows) && !self.missing_keys(channel)?.is_empty() {
            self.event(Event::Locked { channel });
        }
        let forked = |event: &LogEvent| matches!(event, LogEvent::Forked(fork) if !fork.pinned);
        if events.iter().any(forked) { self.settle_forks(channel) } else { Ok(()) }
    }

    /// The home decides for everybody which branch of a forked lane counts: the one that it has
    /// delivered. Until it has, each node shows the branch that came to it first.
    fn settle_forks(&mut self, channel: ChannelId) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let found = self.with_shared(channel, |shared| {
            let (replica, chain) = (&shared.replica, shared.replica.chain());
            let heads = replica.lanes().heads(chain);
            let head = |lane| heads.iter().find(|head| (head.node, head.inc) == lane).copied();
            let lanes = replica.forked_lanes().into_iter();
            (chain.state().home, lanes.map(|lane| (lane, head(lane))).collect::<Vec<_>>())
        })?;
        let Some((_, lanes)) = found.filter(|(home, _)| *home == own) else { return Ok(()) };
        // Its own lane is forked where a backup was restored: that is not for this rule to end.
        for ((node, inc), keep) in lanes.into_iter().filter(|((node, _), _)| *node != own.short()) {
            let settle = LogAction::Settle(Settle { node, inc, keep });
            match self.write_control(channel, None, settle) {
                // Not now, or done already: it is no reason not to take what shows the fork, which may
                // have changed the box by now.
                Ok(())
                | Err(
                    CoreError::NodeUnreachable
                    | CoreError::AdminRightMissing
                    | CoreError::ChatNotModified,
                ) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// Shows what an entry is about as the log has it now.
    pub(super) fn show(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
        ts_ms: Option<u64>,
    ) -> CoreResult<()> {
        let found = self.with_shared(channel, |shared| {
            let lanes = shared.replica.lanes();
            (lanes.subjects(at), lanes.get(at).cloned())
        })?;
        let Some((subjects, Some(entry))) = found else { return Ok(()) };
        match entry.body() {
            Some(DataBody::Member(_)) => return self.show_member(channel, entry.user),
            Some(DataBody::React(react)) => {
                for item in react.items.iter() {
                    let by = UserRef { node: at.node, id: item.user };
                    self.show_reaction(channel, &item.target, by)?;
                }
                return Ok(());
            }
            Some(DataBody::Vote(vote)) => {
                return self.show_vote(channel, &vote.target, entry.user);
            }
            Some(DataBody::Sums(sums)) => return self.follow_sums(channel, at, sums),
            Some(DataBody::Readers(said)) => return self.follow_readers(channel, at, said),
            Some(DataBody::Count(_)) => return self.show_members_elsewhere(channel),
            Some(DataBody::TopicEdit(edit)) => {
                return self.show_topic(channel, edit.target.as_ref(), None, entry.user);
            }
            _ if entry.kind == TOPIC => {
                return self.show_topic(channel, Some(at), ts_ms, entry.user);
            }
            _ => {}
        }
        for subject in subjects {
            if self.is_topic_entry(channel, &subject)? {
                self.show_topic(channel, Some(&subject), None, entry.user)?;
                continue;
            }
            let ts_ms = ts_ms.filter(|_| subject == *at);
            self.show_message(channel, &subject, ts_ms, entry.user)?;
        }
        Ok(())
    }

    /// Makes a message what the log says that it is; `by` changed it.
    fn show_message(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
        ts_ms: Option<u64>,
        by: UserRef,
    ) -> CoreResult<()> {
        let known = self.message_of_entry(channel, at)?;
        // It has its turn, and is shown as it is then.
        if known.is_none() && self.is_held_back(channel, at)? {
            return Ok(());
        }
        let said = self.with_shared(channel, |shared| {
            shared.replica.lanes().message(shared.replica.chain(), at)
        })?;
        let said = said.flatten();
        let Some(said) = said else {
            return match known {
                Some(id) => self.withdraw(channel, id, by),
                None => Ok(()),
            };
        };
        // Sealed, or erased: there is nothing to show.
        let Some(post) = &said.post else { return Ok(()) };
        // A ban is on its way to the home; or the operator wants nothing more of the node.
        if known.is_none()
            && (self.is_veiled(channel, said.author)?
                || self.is_frozen(said.author.node)?
                || self.is_taken_down(channel, at)?)
        {
            return Ok(());
        }
        let read = self.read_post(channel.into(), said.author, post)?;
        let by_author = said.author;
        let id = match known {
            Some(id) => {
                let edited_there = said.edited.filter(|edit| !self.is_own(edit.node));
                if let Some(edit) = edited_there {
                    self.show_edit(channel, id, &edit, read)?;
                }
                id
            }
            None => self.place_read(channel, at, (ts_ms, said.edited), read, by_author)?,
        };
        self.show_pins(channel, id, &said.pins, by)?;
        for (user, _) in said.reactions.iter().filter(|_| known.is_none()) {
            self.show_reaction(channel, at, *user)?;
        }
        if known.is_none() {
            self.show_votes(channel, id, said.votes.into_iter().collect())?;
            self.take_up_sums(channel, at, said.sums.as_ref())?;
        }
        self.show_far_votes(channel, id, at)
    }

    /// Shows what somebody has voted for, as the log has it now.
    fn show_vote(&mut self, channel: ChannelId, target: &EntryRef, by: UserRef) -> CoreResult<()> {
        let known = self.message_of_entry(channel, target)?;
        let said = self.votes_said(channel, target, by)?;
        let (Some(id), Some(chosen)) = (known, said) else { return Ok(()) };
        self.show_votes(channel, id, vec![(by, chosen)])
    }

    /// Shows all that somebody has written as the log has it.
    pub(crate) fn show_all_of(&mut self, channel: ChannelId, user: UserRef) -> CoreResult<()> {
        let posts = self.with_shared(channel, |shared| {
            let all = shared.replica.lanes().entries();
            let own = all.filter(|entry| entry.user == user && [POST, TOPIC].contains(&entry.kind));
            let mut own: Vec<EntryRef> = own.map(|entry| entry.at).collect();
            own.sort_unstable();
            own
        })?;
        posts.unwrap_or_default().iter().try_for_each(|at| self.show(channel, at, None))
    }

    fn is_topic_entry(&self, channel: ChannelId, at: &EntryRef) -> CoreResult<bool> {
        let is = self.with_shared(channel, |shared| {
            shared.replica.lanes().get(at).is_some_and(|entry| entry.kind == TOPIC)
        })?;
        Ok(is == Some(true))
    }

    pub(super) fn is_own(&self, node: glog::Node16) -> bool {
        node == self.inner.logs.keys().node().short()
    }

    /// When an entry was written, in unix seconds, as far as that can be.
    pub(super) fn date_of(
        &self,
        channel: ChannelId,
        at: &EntryRef,
        ts_ms: Option<u64>,
    ) -> CoreResult<i32> {
        let ts_ms = match ts_ms {
            Some(ts_ms) => Some(ts_ms),
            None => self.entry_at(channel, at)?.and_then(|entry| {
                glog::Entry::decode(&entry).ok().map(|entry| entry.header().ts_ms)
            }),
        };
        Ok(self.date_shown(ts_ms))
    }

    /// The date of something that another node says was written then, as far as that can be.
    pub(crate) fn date_shown(&self, ts_ms: Option<u64>) -> i32 {
        let date = ts_ms.and_then(|ts_ms| i32::try_from(ts_ms / 1000).ok());
        date.unwrap_or(self.now()).clamp(1, self.now().saturating_add(AHEAD_S))
    }

    /// Puts a message of another node into the box.
    fn place_read(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
        (ts_ms, edited): (Option<u64>, Option<EntryRef>),
        read: Read,
        by: UserRef,
    ) -> CoreResult<MessageId> {
        let mut found = self.channel_row(channel)?;
        let (top, copy_of, reply_to) = (read.top, read.copy_of.clone(), read.reply_to);
        let mut message = self.message_taken(&found, at, (ts_ms, edited), read)?;
        let copy_of = match copy_of {
            Some(copy) if self.look_as_copy(&found, at, by, &mut message, &copy)? => Some(copy),
            _ => None,
        };
        let answered = reply_to.map(|to| self.message_planned(channel, &to)).transpose()?;
        message.reply = answered.flatten().map(|to| Reply { to, quote: None });
        // As its author's node had it, whatever is here of what it answers.
        let top = top.filter(|_| !found.broadcast);
        let thread = top.map(|top| self.thread_planned(channel, &top)).transpose()?.flatten();
        message.thread = thread.map(|(top, _)| top);
        message.in_topic = thread.is_some_and(|(_, in_topic)| in_topic);
        let id = self.next_id(channel)?;
        let meant = self.meant_in_channel(&found, &message)?;
        message.mentioned = !meant.is_empty();
        self.ask_poll_in_channel(message.media.as_ref(), channel, id)?;
        self.hold_media(&message, 1)?;
        self.note_meant(&mut found, id, &meant)?;
        self.put_channel(found.clone())?;
        self.put_origin(channel, id, &Origin { post: glog::cbor::encode(at), pin: None })?;
        self.enter_thread(&found, id, &message)?;
        self.append(channel, BoxRow::Message(message.clone()))?;
        if let Some(top) = top {
            self.stand_in_thread(channel, id, &top, message.thread)?;
        }
        if let Some(copy) = copy_of {
            self.note_copy(channel, id, &copy)?;
        }
        match found.broadcast {
            true => self.post_came(channel, id, at, &message)?,
            false => self.gather(channel, at, id)?,
        }
        Ok(id)
    }

    /// A message of another node without what it answers, its file and its poll kept.
    pub(super) fn message_taken(
        &mut self,
        found: &Channel,
        at: &EntryRef,
        (ts_ms, edited): (Option<u64>, Option<EntryRef>),
        read: Read,
    ) -> CoreResult<Message> {
        let Read { mut message, file, poll, .. } = read;
        message.date = self.date_of(found.id, at, ts_ms)?;
        if let Some(edit) = &edited {
            message.edited = self.date_of(found.id, edit, None)?;
        }
        message.sent_as = match message.sent_as {
            Some(sender) if self.may_speak_as(found, message.from, sender)? => Some(sender),
            _ => None,
        };
        if let Some(file) = file
            && !self.keep_file(file)?
        {
            message.media = Some(crate::media::Media::Unsupported);
        }
        let asked = poll.map(|poll| self.take_poll(message.from, poll)).transpose()?.flatten();
        if let Some(poll) = asked {
            message.media = Some(crate::media::Media::Poll(poll));
        }
        Ok(message)
    }

    /// Whether somebody of another node may write in the name of a channel: of the one where they write,
    /// as its log says; of another one that is theirs.
    fn may_speak_as(&mut self, place: &Channel, from: UserId, sender: PeerId) -> CoreResult<bool> {
        match sender {
            PeerId::Channel(channel) if channel == place.id => {
                Ok(place.broadcast || self.log_rights(channel, from)?.1.has(LogRights::ANONYMOUS))
            }
            PeerId::Channel(channel) => Ok(self.channel_row(channel)?.creator == from),
            _ => Ok(false),
        }
    }

    /// Keeps what a file of another node is; `false` where there is no room for it.
    pub(crate) fn keep_file(&mut self, file: FileRecord) -> CoreResult<bool> {
        let added = match file {
            FileRecord::Photo(photo) => self.add_photo(photo),
            FileRecord::Document(document) => self.add_document(document),
            // In no log.
            FileRecord::Sealed(_) => return Ok(false),
        };
        match added {
            Ok(()) => Ok(true),
            Err(CoreError::QuotaExceeded | CoreError::FileInvalid) => Ok(false),
            Err(cause) => Err(cause),
        }
    }

    /// A message says something else since an edit on another node.
    fn show_edit(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        edit: &EntryRef,
        read: Read,
    ) -> CoreResult<()> {
        let Some(before) = self.message(channel, id)? else { return Ok(()) };
        if read.poll.as_ref().is_some_and(|poll| poll.closed) {
            self.close_far_poll(channel, id)?;
        }
        let Some(mut message) = self.edited_to(&before, read)? else { return Ok(()) };
        message.edited = self.date_of(channel, edit, None)?;
        if message.media != before.media {
            self.hold_media(&message, 1)?;
            self.release_media([&before])?;
        }
        let by = before.from;
        let what = AdminAction::Edited(id, before, message.clone());
        self.note(channel, by, what)?;
        self.rewrite(channel, id, &message)?;
        self.append_edited(channel, id, &message)?;
        self.post_edited(channel, id, &message)
    }

    /// A message as an edit on another node makes it, its file kept; `None` where nothing changes.
    pub(crate) fn edited_to(
        &mut self,
        before: &Message,
        read: Read,
    ) -> CoreResult<Option<Message>> {
        let same_file = match (&before.media, &read.file) {
            (Some(media), Some(file)) => match media.file() {
                Some(shown) => self.file(shown)?.is_some_and(|known| known.shows_same(file)),
                None => false,
            },
            _ => before.media.as_ref().is_none_or(|media| media.file().is_none()),
        };
        let mut message = Message {
            text: read.message.text,
            entities: read.message.entities,
            invert_media: read.message.invert_media,
            ..before.clone()
        };
        if !same_file {
            if let Some(file) = read.file
                && !self.keep_file(file)?
            {
                return Ok(None);
            }
            message.media = read.message.media;
        } else if let Some(media) = read.message.media
            && media.file().is_none()
            && media != crate::media::Media::Unsupported
        {
            // Where somebody is by now.
            message.media = Some(media);
        }
        Ok((message != *before).then_some(message))
    }

    /// A message is shown no more.
    pub(crate) fn withdraw(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        by: UserRef,
    ) -> CoreResult<()> {
        let Some(message) = self.message(channel, id)? else { return Ok(()) };
        if by.id != 0 {
            let by = self.account_of(by)?;
            self.note(channel, by, AdminAction::Deleted(id, message.clone()))?;
        }
        self.forget_message(channel, id, &message)?;
        self.remove(channel.into(), channel.into(), None, vec![id]).map(|_| ())
    }

    /// What pins a message in the log; none where nobody else writes.
    pub(super) fn pins_in_log(
        &mut self,
        channel: ChannelId,
        post: &EntryRef,
    ) -> CoreResult<Vec<EntryRef>> {
        let said = self.with_shared(channel, |shared| {
            shared.replica.lanes().message(shared.replica.chain(), post)
        })?;
        Ok(said.flatten().map(|said| said.pins).unwrap_or_default())
    }

    fn show_pins(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        pins: &[EntryRef],
        by: UserRef,
    ) -> CoreResult<()> {
        let Some(before) = self.message(channel, id)? else { return Ok(()) };
        if before.pinned != pins.is_empty() {
            return Ok(());
        }
        let linked = self.channel_row(channel)?.linked.map(PeerId::from);
        let speaks = before.sent_as.is_some() && before.sent_as == linked;
        let is_copy = before.is_copy_of_post() || speaks;
        let message = Message { pinned: !before.pinned, ..before };
        self.rewrite(channel, id, &message)?;
        let peer = PeerId::from(channel);
        let pinned = message.pinned;
        if by.id != 0 {
            let by = self.account_of(by)?;
            self.note(channel, by, AdminAction::Pinned(id, message))?;
        }
        self.append(channel, BoxRow::Pinned { peer, ids: vec![id], pinned })?;
        // A copy of a post is pinned as it comes, and nobody says so.
        if pinned && by.id != 0 && !is_copy {
            let by = self.account_of(by)?;
            let service = Message {
                action: Some(Action::Pin),
                reply: Some(Reply { to: id, quote: None }),
                ..Message::service(peer, by, false, self.now())
            };
            self.place_service(by, channel, service)?;
        }
        Ok(())
    }

    /// Makes somebody's reaction to a message what the log says.
    pub(super) fn show_reaction(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
        by: UserRef,
    ) -> CoreResult<()> {
        // Of one's own people it shows before it is in the log.
        if self.is_own(by.node) {
            return Ok(());
        }
        let Some(id) = self.message_of_entry(channel, at)? else { return Ok(()) };
        let said = self.with_shared(channel, |shared| {
            shared.replica.lanes().message(shared.replica.chain(), at)
        })?;
        let said = said.flatten().and_then(|said| said.reactions.get(&by)?.first().cloned());
        let wanted = match said {
            Some(text) => self.reaction_named(by.node, text)?,
            None => None,
        };
        let user = self.account_of(by)?;
        self.show_far_reaction(channel, id, user, wanted)
    }

    /// Makes somebody a member, or not, as the log says.
    fn show_member(&mut self, channel: ChannelId, user: UserRef) -> CoreResult<()> {
        if self.is_own(user.node) {
            return Ok(());
        }
        let is_in = self.with_shared(channel, |shared| shared.replica.lanes().membership(&user))?;
        let joined = is_in.flatten() == Some(true);
        let node = user.node;
        let user = self.account_of(user)?;
        let date = self.now();
        let own = self.participant(channel, user)?;
        let own = own.unwrap_or_else(|| Participant {
            joined: false,
            ..Participant::new(user, user, date, ChannelRole::Member)
        });
        if own.joined == joined || matches!(own.role, ChannelRole::Creator { .. }) {
            return Ok(());
        }
        let mut found = self.channel_row(channel)?;
        let now = Participant { joined, announced: joined, date, ..own };
        self.put_participant(&mut found, &now)?;
        self.put_channel(found)?;
        if !self.is_past(channel)? {
            let what = if joined { AdminAction::Joined } else { AdminAction::Left };
            self.note(channel, user, what)?;
            self.tell_channel(channel, ChatChange::Members);
        }
        if joined { Ok(()) } else { self.let_go_of_idle(channel, node) }
    }

    /// Somebody of another node is in a channel, whom `by` has added; whether that is news.
    pub(crate) fn far_came(
        &mut self,
        channel: ChannelId,
        user: UserId,
        by: UserId,
    ) -> CoreResult<bool> {
        let date = self.now();
        let own = self.participant(channel, user)?;
        if own.as_ref().is_some_and(|own| own.joined || own.is_banned()) {
            return Ok(false);
        }
        let own = own.unwrap_or_else(|| Participant::new(user, by, date, ChannelRole::Member));
        let now = Participant { joined: true, date, inviter: by, ..own };
        let mut found = self.channel_row(channel)?;
        self.put_participant(&mut found, &now)?;
        self.put_channel(found)?;
        self.note(channel, by, AdminAction::Added(now))?;
        self.tell_channel(channel, ChatChange::Members);
        Ok(true)
    }
}

#[cfg(test)]
impl crate::Core {
    /// A home that makes somebody an admin, whether they are in it or not.
    pub(crate) async fn appoint_unasked(&self, channel: ChannelId, owner: UserId, user: UserId) {
        let write = self.write(None, move |decide| {
            let (user, rights) = (decide.user_ref(user)?, LogRights::BAN | LogRights::INVITE);
            let rank = glog::cbor::Text::default();
            let promote = glog::body::Promote { user, rights, rank, cut: None };
            decide.write_control(channel, Some(owner), LogAction::Promote(promote))
        });
        write.await.unwrap();
    }

    /// A node that lets one of its people write in a group's name, without asking its own rules.
    pub(crate) async fn lie(&self, channel: ChannelId, from: UserId, words: &str) {
        let words = crate::text::Text::draft(words, Vec::new()).unwrap();
        let write = self.write(None, move |decide| {
            let message = Message::new(channel.into(), from, false, decide.now(), words);
            let message = Message { sent_as: Some(channel.into()), ..message };
            let post = decide.post_of(channel, &message)?;
            decide.write_data(channel, from, &DataBody::Post(post)).map(|_| ())
        });
        write.await.unwrap();
    }
}
