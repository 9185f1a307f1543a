//! Coming by a link: looking where it leads, joining, asking to join, and letting in.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{
    ChatLink, IMPORTER, REQUEST, importers_prefix, is_hash, links_prefix, request_key, user_at_end,
};
use crate::chats::{CHAT_MEMBERS_MAX, ChatDone};
use crate::decide::{Decide, scan_prefix};
use crate::event::{ChatChange, Event};
use crate::ids::{Actor, ChannelId, ChatId, PeerId, Pts, UserId};
use crate::limits::Limit;
use crate::message::Action;
use crate::record::Record;
use crate::send::Sent;
use crate::{Core, CoreError, CoreResult};

/// Requests that wait in one group or channel.
pub(super) const REQUESTS_MAX: usize = 1000;

/// Who joined by one link, as far as that is kept: of a channel's link the first ones.
pub(super) const IMPORTERS_MAX: usize = 5000;

/// In the place of a link's tag: who asks came by the public name.
pub(crate) const BY_NAME: [u8; 16] = [0; 16];

/// Requests that one command lets in or turns away: each is a message to a whole group.
const REQUESTS_AT_ONCE: usize = 10;

/// Those who asked last, as they are shown without being asked for.
const RECENT_REQUESTERS: usize = 3;

/// Who asks to join.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Request {
    date: i32,
    tag: [u8; 16],
}

impl Record for Request {
    const VERSION: u8 = 1;
    const NAME: &'static str = "request to join";
}

/// Who joined by a link.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Joined {
    date: i32,
    approved_by: Option<UserId>,
}

impl Record for Joined {
    const VERSION: u8 = 1;
    const NAME: &'static str = "joined by a link";
}

/// Somebody who came by a link, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Importer {
    /// Who.
    pub user: UserId,
    /// Since when, in unix seconds.
    pub date: i32,
    /// They wait to be let in.
    pub requested: bool,
    /// Who let them in.
    pub approved_by: Option<UserId>,
}

/// A link for somebody who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkFor {
    /// It leads to a group or channel in which the asker is already.
    Member(PeerId),
    /// It leads to a group or channel.
    Open {
        /// Which.
        place: PeerId,
        /// An admin lets people in.
        request_needed: bool,
        /// Some of its members whom the asker knows.
        known: Vec<UserId>,
    },
}

/// What came of taking a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkTaken {
    /// In.
    Joined(PeerId, ChatDone),
    /// An admin has to let them in.
    Requested,
}

impl Core {
    /// How many wait in a group or channel, and who asked last: for its admins.
    ///
    /// Shows what is durable, and does not wait: it is also asked while an update is encoded.
    ///
    /// # Errors
    /// Those of the store.
    pub fn pending_requests(&self, place: impl Into<PeerId>) -> CoreResult<(i32, Vec<UserId>)> {
        let mut requests = self.requests(place.into())?;
        let count = requests.len() as i32;
        requests.truncate(RECENT_REQUESTERS);
        Ok((count, requests.into_iter().map(|(user, _)| user).collect()))
    }

    /// Those who wait, the newest first.
    fn requests(&self, place: PeerId) -> CoreResult<Vec<(UserId, Request)>> {
        let prefix = links_prefix(REQUEST, place);
        let rows = scan_prefix(&*self.inner.store, Keyspace::LINKS, &prefix, REQUESTS_MAX)?;
        let mut requests = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let user = user_at_end(&key);
            // An account that ended waits for nothing.
            if self.inner.directory.get(user).is_some_and(|account| !account.deleted) {
                requests.push((user, Request::decode(&value)?));
            }
        }
        requests.sort_by_key(|(user, request)| std::cmp::Reverse((request.date, *user)));
        Ok(requests)
    }

    pub(super) fn waiting(&self, links: &[&ChatLink]) -> CoreResult<Vec<i32>> {
        let Some(first) = links.first() else { return Ok(Vec::new()) };
        let requests = self.requests(first.place)?;
        let count = |link: &&ChatLink| {
            let tag = self.tag(&link.hash);
            requests.iter().filter(|(_, request)| request.tag == tag).count() as i32
        };
        Ok(links.iter().map(count).collect())
    }

    /// Who joined by a link, or with `requested` waits to be let in, the newest first.
    ///
    /// # Errors
    /// [`CoreError::LinkExpired`], and those of rights.
    pub async fn importers(
        &self,
        owner: UserId,
        place: impl Into<PeerId>,
        hash: Option<&str>,
        requested: bool,
    ) -> CoreResult<Vec<Importer>> {
        let place = place.into();
        let tag = hash.map(|hash| self.tag(hash));
        self.write(None, move |decide| {
            decide.manages_links(owner, place)?;
            match tag {
                Some(tag) => decide.own_link(owner, place, tag).map(|_| ()),
                None => Ok(()),
            }
        })
        .await?;
        if requested {
            let requests = self.requests(place)?.into_iter();
            let requests = requests.filter(|(_, request)| tag.is_none_or(|t| t == request.tag));
            return Ok(requests
                .map(|(user, Request { date, .. })| Importer {
                    user,
                    date,
                    requested: true,
                    approved_by: None,
                })
                .collect());
        }
        let prefix = match tag {
            Some(tag) => importers_prefix(place, tag),
            None => links_prefix(IMPORTER, place),
        };
        let rows = scan_prefix(&*self.inner.store, Keyspace::LINKS, &prefix, IMPORTERS_MAX)?;
        let mut importers = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let Joined { date, approved_by } = Joined::decode(&value)?;
            importers.push(Importer {
                user: user_at_end(&key),
                date,
                requested: false,
                approved_by,
            });
        }
        importers.sort_by_key(|importer| std::cmp::Reverse((importer.date, importer.user)));
        Ok(importers)
    }

    /// Where a link leads to, for somebody who has it.
    ///
    /// # Errors
    /// [`CoreError::LinkInvalid`], [`CoreError::LinkExpired`], [`CoreError::Flood`] for who tries
    /// many that are none.
    pub async fn check_link(
        &self,
        asker: UserId,
        hash: &str,
        known_max: usize,
    ) -> CoreResult<LinkFor> {
        let link = self.find_link(asker, hash).await?;
        let (is_in, is_out, known) = match link.place {
            PeerId::Chat(chat) => self.seen_by_link(asker, chat, known_max)?,
            PeerId::Channel(channel) => self.channel_by_link(asker, channel, known_max)?,
            PeerId::User(_) => return Err(CoreError::LinkExpired),
        };
        if is_in {
            return Ok(LinkFor::Member(link.place));
        }
        if is_out || !link.is_good(self.now()) {
            return Err(CoreError::LinkExpired);
        }
        Ok(LinkFor::Open { place: link.place, request_needed: link.request_needed, known })
    }

    /// Whether somebody is in a group, whether they may not come in, and whom they know there.
    fn seen_by_link(
        &self,
        asker: UserId,
        chat: ChatId,
        known_max: usize,
    ) -> CoreResult<(bool, bool, Vec<UserId>)> {
        let found = self.inner.chats.get(chat).ok_or(CoreError::LinkExpired)?;
        let book = self.inner.contacts.book(&*self.inner.store, asker)?;
        let mut known = Vec::new();
        for member in &found.members {
            if known.len() < known_max
                && (book.contacts.contains_key(&member.user)
                    || self.has_words_with(asker, member.user)?)
            {
                known.push(member.user);
            }
        }
        Ok((found.has(asker), found.deactivated || found.has_removed(asker), known))
    }

    /// The same of a channel. Who follows a broadcast channel is nobody's to know, and of a supergroup
    /// as many are looked for as of a group.
    fn channel_by_link(
        &self,
        asker: UserId,
        channel: ChannelId,
        known_max: usize,
    ) -> CoreResult<(bool, bool, Vec<UserId>)> {
        let view = match self.channel_for(asker, channel) {
            Err(CoreError::UnknownChannel) => return Err(CoreError::LinkExpired),
            view => view?,
        };
        let is_out = view.channel.deleted || view.is_banned();
        let mut known = Vec::new();
        if !view.channel.broadcast && !view.channel.hidden_members && !is_out {
            let book = self.inner.contacts.book(&*self.inner.store, asker)?;
            for contact in book.contacts.keys().take(CHAT_MEMBERS_MAX) {
                if known.len() < known_max && self.is_in_channel(channel, *contact)? {
                    known.push(*contact);
                }
            }
        }
        Ok((view.is_member() && !view.channel.deleted, is_out, known))
    }

    fn has_words_with(&self, owner: UserId, with: UserId) -> CoreResult<bool> {
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(&*self.inner.store, owner)?;
        Ok(state.dialogs.contains_key(&with.into()))
    }

    /// The link of a hash. Who asks for hashes that are none is limited.
    async fn find_link(&self, asker: UserId, hash: &str) -> CoreResult<ChatLink> {
        if !is_hash(hash) {
            return Err(CoreError::LinkInvalid);
        }
        let tag = self.tag(hash);
        let link = self.write(None, move |decide| {
            let link = decide.link_of(tag)?;
            if link.is_none() {
                decide.take(Limit::Links(asker), 1)?;
            }
            Ok(link)
        });
        link.await?.ok_or(CoreError::LinkExpired)
    }

    /// Joins by a link, or asks to.
    ///
    /// # Errors
    /// [`CoreError::LinkInvalid`], [`CoreError::LinkExpired`], [`CoreError::AlreadyAMember`],
    /// [`CoreError::UsersTooMuch`], [`CoreError::TooMany`], [`CoreError::Flood`].
    pub async fn import_link(
        &self,
        actor: Actor,
        user: UserId,
        hash: &str,
    ) -> CoreResult<LinkTaken> {
        let place = self.find_link(user, hash).await?.place;
        let tag = self.tag(hash);
        self.write(Some(actor), move |decide| {
            let link = decide.link_of(tag)?.ok_or(CoreError::LinkExpired)?;
            let way = decide.way_in(user, place)?;
            if !link.is_good(decide.now()) {
                return Err(CoreError::LinkExpired);
            }
            decide.needs_room(user, &way)?;
            if link.request_needed {
                return decide.request(place, user, tag);
            }
            decide.take(Limit::Links(user), 1)?;
            let action = Action::ChatJoinedByLink { inviter: link.admin };
            let sent = decide.let_in(way, user, link.admin, action, Some(&link))?;
            decide.joined(link, tag, user, None)?;
            Ok(LinkTaken::Joined(place, ChatDone { sent, missing: Vec::new() }))
        })
        .await
    }

    /// Lets somebody in who waits, or turns them away.
    ///
    /// # Errors
    /// [`CoreError::NoRequest`], [`CoreError::UsersTooMuch`], [`CoreError::TooMany`], and those of
    /// rights.
    pub async fn hide_request(
        &self,
        actor: Actor,
        owner: UserId,
        place: impl Into<PeerId>,
        user: UserId,
        approved: bool,
    ) -> CoreResult<ChatDone> {
        let place = place.into();
        self.write(Some(actor), move |decide| {
            let sent = decide.hide_request(owner, place, user, approved)?;
            Ok(ChatDone { sent: sent.into_iter().collect(), missing: Vec::new() })
        })
        .await
    }

    /// The same for all who wait, or for those who came by one link.
    ///
    /// # Errors
    /// Those of [`Core::hide_request`]; some may be in when the group is full.
    pub async fn hide_all_requests(
        &self,
        actor: Actor,
        owner: UserId,
        place: impl Into<PeerId>,
        hash: Option<&str>,
        approved: bool,
    ) -> CoreResult<ChatDone> {
        let place = place.into();
        let waiting = self.importers(owner, place, hash, true).await?;
        let mut done = ChatDone { sent: Vec::new(), missing: Vec::new() };
        // Who asked first comes first.
        let users: Vec<UserId> = waiting.iter().rev().map(|importer| importer.user).collect();
        for some in users.chunks(REQUESTS_AT_ONCE) {
            let some = some.to_vec();
            let sent = self.write(Some(actor), move |decide| {
                let mut sent = Vec::new();
                for user in some {
                    match decide.part(|decide| decide.hide_request(owner, place, user, approved))? {
                        Ok(told) => sent.extend(told),
                        // Gone meanwhile; or in too many channels already: they go on waiting.
                        Err(CoreError::NoRequest | CoreError::TooMany) => {}
                        // Full: those who are in stay.
                        Err(CoreError::UsersTooMuch) if !sent.is_empty() => break,
                        Err(other) => return Err(other),
                    }
                }
                Ok(sent)
            });
            done.sent.extend(sent.await?);
        }
        Ok(done)
    }
}

impl Decide<'_> {
    /// Somebody asks to join.
    pub(crate) fn request(
        &mut self,
        place: PeerId,
        user: UserId,
        tag: [u8; 16],
    ) -> CoreResult<LinkTaken> {
        let key = request_key(place, user);
        if self.get(Keyspace::LINKS, &key)?.is_none() {
            self.take(Limit::Links(user), 1)?;
            let prefix = links_prefix(REQUEST, place);
            if self.scan_prefix(Keyspace::LINKS, &prefix, REQUESTS_MAX)?.len() >= REQUESTS_MAX {
                return Err(CoreError::UsersTooMuch);
            }
            let request = Request { date: self.now(), tag };
            self.put(Keyspace::LINKS, &key, &request)?;
            self.tell_requests(place)?;
        }
        Ok(LinkTaken::Requested)
    }

    /// The admins see who waits.
    fn tell_requests(&mut self, place: PeerId) -> CoreResult<()> {
        let (audience, actor) = (self.link_admins(place)?, self.actor);
        match place {
            PeerId::Chat(chat) => {
                self.event(Event::Chat { chat, audience, change: ChatChange::Requests, actor });
            }
            PeerId::Channel(channel) => {
                self.event(Event::ChannelRequests { channel, audience, actor });
            }
            PeerId::User(_) => {}
        }
        Ok(())
    }

    /// Somebody who is in waits no more, nor does who may not come in.
    pub(crate) fn drop_request(&mut self, place: PeerId, user: UserId) -> CoreResult<()> {
        let key = request_key(place, user);
        if self.get(Keyspace::LINKS, &key)?.is_some() {
            self.delete(Keyspace::LINKS, &key);
            self.tell_requests(place)?;
        }
        Ok(())
    }

    /// Somebody joined by a link.
    fn joined(
        &mut self,
        mut link: ChatLink,
        tag: [u8; 16],
        user: UserId,
        approved_by: Option<UserId>,
    ) -> CoreResult<()> {
        let is_kept = usize::try_from(link.usage).is_ok_and(|usage| usage < IMPORTERS_MAX);
        link.usage = link.usage.saturating_add(1);
        self.put_link(&link)?;
        if !is_kept {
            return Ok(());
        }
        let key = [&importers_prefix(link.place, tag)[..], &user.bytes()].concat();
        let joined = Joined { date: self.now(), approved_by };
        self.put(Keyspace::LINKS, &key, &joined)
    }

    /// Answers with the message that says so, as the one who lets somebody in has it.
    fn hide_request(
        &mut self,
        owner: UserId,
        place: PeerId,
        user: UserId,
        approved: bool,
    ) -> CoreResult<Option<Sent>> {
        self.manages_links(owner, place)?;
        let key = request_key(place, user);
        let request: Request = self.load(Keyspace::LINKS, &key)?.ok_or(CoreError::NoRequest)?;
        let is_there = self.inner.directory.get(user).is_some_and(|account| !account.deleted);
        if !approved || !is_there {
            self.drop_request(place, user)?;
            return Ok(None);
        }
        let way = self.way_in(user, place)?;
        self.needs_room(user, &way)?;
        let link = self.link_of(request.tag)?;
        let action = Action::ChatJoinedByRequest;
        let sent = self.let_in(way, user, owner, action, link.as_ref())?;
        if let Some(link) = link {
            self.joined(link, request.tag, user, Some(owner))?;
        }
        let Some(theirs) = sent.into_iter().next() else { return Ok(None) };
        // All members of a channel have the same message, those of a group a copy each.
        let PeerId::Chat(chat) = place else { return Ok(Some(theirs)) };
        let Some(id) = self.copies(chat, theirs.message.twin)?.of(owner) else { return Ok(None) };
        let message = self.message(owner, id)?;
        Ok(message.map(|message| Sent { id, pts: Pts(id.0), message, repeated: false }))
    }
}
