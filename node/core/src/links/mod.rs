//! Invite links of groups and channels, and requests to join.
//!
//! Source: <https://core.telegram.org/api/invites>
//!
//! Keyspace `LINKS`, key = kind (1) ++ rest. A link is found by the tag of its hash, which is
//! keyed, so that keys tell no links; where it leads to is a number, see [`place`]:
//! - 0 ++ place (8) ++ tag (16): the [`ChatLink`];
//! - 1 ++ tag (16): its place (8);
//! - 2 ++ place (8) ++ user (8): who asks to join;
//! - 3 ++ place (8) ++ tag (16) ++ user (8): who joined by it.
//!
//! Links of channels are this node's own: the log knows `Invite` and `InviteRevoke`, which are written
//! once other nodes let people in by them. Until then the home alone does, and says in a private
//! channel whom, in the name of the link's admin: `Admit`, of no invite.

mod join;
mod place;

use node_store::Keyspace;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use self::join::{IMPORTERS_MAX, REQUESTS_MAX};
use self::place::{place_at, place_bytes};
use crate::access::link_tag;
use crate::channels::AdminAction;
use crate::decide::{Decide, scan_prefix};
use crate::ids::{Actor, ChatId, PeerId, UserId};
use crate::limits::Limit;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

pub(crate) use self::join::BY_NAME;
pub use self::join::{Importer, LinkFor, LinkTaken};

/// Links of one group or channel that are kept, revoked ones included; the oldest of those go first.
const LINKS_MAX: usize = 500;

/// Rows about who joined that go with a group or a channel; further ones lead nowhere.
const FORGOTTEN_MAX: usize = 20_000;

/// Most people that may join by one link.
const USAGE_LIMIT_MAX: i32 = 99_999;

/// Longest title of a link, in characters.
const LINK_TITLE_CHARS_MAX: usize = 32;

/// Characters of a hash: 132 bits.
const HASH_CHARS: usize = 22;

const HASH_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const LINK: u8 = 0;
const TAG: u8 = 1;
const REQUEST: u8 = 2;
const IMPORTER: u8 = 3;

/// An invite link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLink {
    /// What stands in the link, and is no secret for whoever has it.
    pub hash: String,
    /// The group or channel that it leads to.
    pub place: PeerId,
    /// Whose it is.
    pub admin: UserId,
    /// What the admins call it; may be empty.
    pub title: String,
    /// When it was made, in unix seconds.
    pub date: i32,
    /// When it was changed last; 0: never.
    pub changed: i32,
    /// When it ends; 0: never.
    pub expires: i32,
    /// How many may join by it; 0: as many as there is room for.
    pub usage_limit: i32,
    /// How many did.
    pub usage: i32,
    /// Who comes by it is let in by an admin.
    pub request_needed: bool,
    /// The one that its admin has always.
    pub permanent: bool,
    /// It leads nowhere any more.
    pub revoked: bool,
}

impl std::fmt::Debug for ChatLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatLink")
            .field("place", &self.place)
            .field("usage", &self.usage)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

impl Record for ChatLink {
    const VERSION: u8 = 2;
    const NAME: &'static str = "invite link";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        postcard::from_bytes::<OfChat>(fields).ok().map(Self::from)
    }
}

/// Version 1: all links led to basic groups.
#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct OfChat {
    hash: String,
    chat: ChatId,
    admin: UserId,
    title: String,
    date: i32,
    changed: i32,
    expires: i32,
    usage_limit: i32,
    usage: i32,
    request_needed: bool,
    permanent: bool,
    revoked: bool,
}

impl From<OfChat> for ChatLink {
    fn from(old: OfChat) -> Self {
        Self {
            hash: old.hash,
            place: old.chat.into(),
            admin: old.admin,
            title: old.title,
            date: old.date,
            changed: old.changed,
            expires: old.expires,
            usage_limit: old.usage_limit,
            usage: old.usage,
            request_needed: old.request_needed,
            permanent: old.permanent,
            revoked: old.revoked,
        }
    }
}

impl ChatLink {
    /// Whether somebody could come by it at `now`, as far as the link is concerned.
    fn is_good(&self, now: i32) -> bool {
        let in_time = self.expires == 0 || self.expires > now;
        let has_room = self.usage_limit == 0 || self.usage < self.usage_limit;
        !self.revoked && in_time && has_room
    }
}

/// What a link is made of, or changed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkTerms {
    /// When it ends, in unix seconds; 0: never.
    pub expires: Option<i32>,
    /// How many may join by it; 0: as many as there is room for.
    pub usage_limit: Option<i32>,
    /// Who comes by it is let in by an admin.
    pub request_needed: Option<bool>,
    /// What the admins call it.
    pub title: Option<String>,
}

/// kind ++ place.
fn links_prefix(kind: u8, place: PeerId) -> Vec<u8> {
    [&[kind][..], &place_bytes(place)].concat()
}

fn link_key(place: PeerId, tag: [u8; 16]) -> Vec<u8> {
    [&links_prefix(LINK, place)[..], &tag].concat()
}

fn tag_key(tag: [u8; 16]) -> Vec<u8> {
    [&[TAG][..], &tag].concat()
}

fn request_key(place: PeerId, user: UserId) -> Vec<u8> {
    [&links_prefix(REQUEST, place)[..], &user.bytes()].concat()
}

fn importers_prefix(place: PeerId, tag: [u8; 16]) -> Vec<u8> {
    [&links_prefix(IMPORTER, place)[..], &tag].concat()
}

fn user_at_end(key: &[u8]) -> UserId {
    UserId(key.last_chunk::<8>().map_or(0, |user| i64::from_be_bytes(*user)))
}

/// Whether a text could be a hash.
fn is_hash(text: &str) -> bool {
    text.len() == HASH_CHARS && text.bytes().all(|byte| HASH_ALPHABET.contains(&byte))
}

impl LinkTerms {
    fn check(&self, now: i32) -> CoreResult<()> {
        if self.expires.is_some_and(|at| at != 0 && at <= now) {
            return Err(CoreError::LinkDateInvalid);
        }
        if self.usage_limit.is_some_and(|limit| !(0..=USAGE_LIMIT_MAX).contains(&limit)) {
            return Err(CoreError::LinkUsageInvalid);
        }
        Ok(())
    }

    fn apply(self, link: &mut ChatLink) -> CoreResult<()> {
        link.expires = self.expires.unwrap_or(link.expires);
        link.usage_limit = self.usage_limit.unwrap_or(link.usage_limit);
        link.request_needed = self.request_needed.unwrap_or(link.request_needed);
        if let Some(title) = self.title {
            link.title = title.trim().chars().take(LINK_TITLE_CHARS_MAX).collect();
        }
        // Who is let in by hand needs no count.
        if link.request_needed && link.usage_limit != 0 {
            return Err(CoreError::LinkUsageInvalid);
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Core {
    fn tag(&self, hash: &str) -> [u8; 16] {
        link_tag(&self.inner.access_secret, hash)
    }

    /// Makes a link. With `replaces`, the one that the admin has always: what it was before leads
    /// nowhere any more.
    ///
    /// # Errors
    /// [`CoreError::NotAnAdmin`], [`CoreError::LinkDateInvalid`], [`CoreError::LinkUsageInvalid`],
    /// [`CoreError::TooMany`], [`CoreError::Flood`].
    pub async fn export_link(
        &self,
        actor: Actor,
        owner: UserId,
        place: impl Into<PeerId>,
        replaces: bool,
        terms: LinkTerms,
    ) -> CoreResult<ChatLink> {
        let place = place.into();
        self.write(Some(actor), move |decide| {
            decide.manages_links(owner, place)?;
            terms.check(decide.now())?;
            decide.take(Limit::Links(owner), 1)?;
            let current = decide.permanent_link(place, owner)?;
            let permanent = replaces || (terms.is_empty() && current.is_none());
            let mut link = decide.new_link(place, owner, permanent);
            if !permanent {
                terms.apply(&mut link)?;
            }
            if let Some(old) = current.filter(|_| permanent) {
                let old = ChatLink { revoked: true, ..old };
                decide.put_link(&old)?;
                decide.note_link(owner, AdminAction::LinkRevoked(old), place)?;
            }
            decide.add_link(link)
        })
        .await
    }

    /// Changes a link, or with `revoke` ends it: one that its admin has always is followed by
    /// another.
    ///
    /// # Errors
    /// [`CoreError::LinkExpired`], [`CoreError::LinkPermanent`], and those of
    /// [`Core::export_link`].
    pub async fn edit_link(
        &self,
        actor: Actor,
        owner: UserId,
        place: impl Into<PeerId>,
        hash: &str,
        revoke: bool,
        terms: LinkTerms,
    ) -> CoreResult<(ChatLink, Option<ChatLink>)> {
        let place = place.into();
        let tag = self.tag(hash);
        self.write(Some(actor), move |decide| {
            let mut link = decide.own_link(owner, place, tag)?;
            if link.revoked {
                return Err(CoreError::LinkExpired);
            }
            let before = link.clone();
            if revoke {
                link.revoked = true;
                decide.put_link(&link)?;
                decide.note_link(owner, AdminAction::LinkRevoked(link.clone()), place)?;
                let next = match link.permanent {
                    true => {
                        let next = decide.new_link(place, link.admin, true);
                        Some(decide.add_link(next)?)
                    }
                    false => None,
                };
                return Ok((link, next));
            }
            if link.permanent {
                return Err(CoreError::LinkPermanent);
            }
            terms.check(decide.now())?;
            terms.apply(&mut link)?;
            link.changed = decide.now();
            decide.put_link(&link)?;
            decide.note_link(owner, AdminAction::LinkEdited(before, link.clone()), place)?;
            Ok((link, None))
        })
        .await
    }

    /// Forgets a revoked link.
    ///
    /// # Errors
    /// [`CoreError::LinkExpired`], [`CoreError::LinkNotRevoked`], and those of rights.
    pub async fn delete_link(
        &self,
        actor: Actor,
        owner: UserId,
        place: impl Into<PeerId>,
        hash: &str,
    ) -> CoreResult<()> {
        let place = place.into();
        let tag = self.tag(hash);
        self.write(Some(actor), move |decide| {
            let link = decide.own_link(owner, place, tag)?;
            if !link.revoked {
                return Err(CoreError::LinkNotRevoked);
            }
            decide.forget_link(&link)?;
            decide.note_link(owner, AdminAction::LinkDeleted(link), place)
        })
        .await
    }

    /// Forgets all revoked links of an admin.
    ///
    /// # Errors
    /// Those of rights.
    pub async fn delete_revoked_links(
        &self,
        actor: Actor,
        owner: UserId,
        place: impl Into<PeerId>,
        admin: UserId,
    ) -> CoreResult<()> {
        let place = place.into();
        self.write(Some(actor), move |decide| {
            decide.may_see_links(owner, place, admin)?;
            for link in decide.links(place)? {
                if link.revoked && link.admin == admin {
                    decide.forget_link(&link)?;
                    decide.note_link(owner, AdminAction::LinkDeleted(link), place)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// One link, for its admin or the creator; and how many wait who came by it.
    ///
    /// # Errors
    /// [`CoreError::LinkExpired`], and those of rights.
    pub async fn link(
        &self,
        owner: UserId,
        place: impl Into<PeerId>,
        hash: &str,
    ) -> CoreResult<(ChatLink, i32)> {
        let place = place.into();
        let tag = self.tag(hash);
        let link = self.write(None, move |decide| decide.own_link(owner, place, tag)).await?;
        let waiting = self.waiting(&[&link])?;
        Ok((link, waiting.first().copied().unwrap_or(0)))
    }

    /// The links of an admin, the newest first, each with how many wait who came by it.
    ///
    /// # Errors
    /// Those of rights.
    pub async fn links(
        &self,
        owner: UserId,
        place: impl Into<PeerId>,
        admin: UserId,
        revoked: bool,
    ) -> CoreResult<Vec<(ChatLink, i32)>> {
        let place = place.into();
        let mut links = self
            .write(None, move |decide| {
                decide.may_see_links(owner, place, admin)?;
                decide.links(place)
            })
            .await?;
        links.retain(|link| link.admin == admin && link.revoked == revoked);
        // The one that is there always stands on top.
        links.sort_by_key(|link| (!link.permanent, -link.date, link.hash.clone()));
        let waiting = self.waiting(&links.iter().collect::<Vec<_>>())?;
        Ok(links.into_iter().zip(waiting).collect())
    }

    /// The link that an admin has always, if one was made.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn permanent_link(
        &self,
        place: impl Into<PeerId>,
        admin: UserId,
    ) -> CoreResult<Option<ChatLink>> {
        let place = place.into();
        let prefix = links_prefix(LINK, place);
        let rows = scan_prefix(&*self.inner.store, Keyspace::LINKS, &prefix, LINKS_MAX)?;
        self.settled().await?;
        for (_, value) in rows {
            let link = ChatLink::decode(&value)?;
            if link.permanent && !link.revoked && link.admin == admin {
                return Ok(Some(link));
            }
        }
        Ok(None)
    }

    /// How many links each admin has: those that lead somewhere, and revoked ones.
    ///
    /// # Errors
    /// [`CoreError::NotAnAdmin`] for all but the creator.
    pub async fn links_of_admins(
        &self,
        owner: UserId,
        place: impl Into<PeerId>,
    ) -> CoreResult<Vec<(UserId, i32, i32)>> {
        let place = place.into();
        let (mut admins, links) = self
            .write(None, move |decide| {
                if decide.manages_links(owner, place)?.creator() != Some(owner) {
                    return Err(CoreError::NotAnAdmin);
                }
                Ok((decide.link_admins(place)?, decide.links(place)?))
            })
            .await?;
        let count = |admin: UserId, revoked: bool| {
            links.iter().filter(|link| link.admin == admin && link.revoked == revoked).count()
        };
        admins.retain(|admin| links.iter().any(|link| link.admin == *admin));
        let counted = admins
            .into_iter()
            .map(|admin| (admin, count(admin, false) as i32, count(admin, true) as i32));
        Ok(counted.collect())
    }
}

impl Decide<'_> {
    fn tag(&self, hash: &str) -> [u8; 16] {
        link_tag(&self.inner.access_secret, hash)
    }

    fn new_link(&mut self, place: PeerId, admin: UserId, permanent: bool) -> ChatLink {
        let mut hash = String::with_capacity(HASH_CHARS);
        // One of digits only would be read as a number.
        while hash.bytes().all(|byte| byte.is_ascii_digit()) {
            hash.clear();
            for _ in 0..HASH_CHARS {
                let at = self.rng.random_range(0..HASH_ALPHABET.len());
                hash.push(char::from(HASH_ALPHABET.get(at).copied().unwrap_or(b'A')));
            }
        }
        ChatLink {
            hash,
            place,
            admin,
            title: String::new(),
            date: self.now(),
            changed: 0,
            expires: 0,
            usage_limit: 0,
            usage: 0,
            request_needed: false,
            permanent,
            revoked: false,
        }
    }

    fn put_link(&mut self, link: &ChatLink) -> CoreResult<()> {
        let tag = self.tag(&link.hash);
        self.put(Keyspace::LINKS, &link_key(link.place, tag), link)
    }

    fn add_link(&mut self, link: ChatLink) -> CoreResult<ChatLink> {
        let links = self.links(link.place)?;
        if links.len() >= LINKS_MAX {
            let revoked = links.iter().filter(|link| link.revoked);
            let oldest = revoked.min_by_key(|link| link.date).ok_or(CoreError::TooMany)?;
            self.forget_link(oldest)?;
        }
        self.put_link(&link)?;
        let tag = self.tag(&link.hash);
        self.put_bytes(Keyspace::LINKS, &tag_key(tag), place_bytes(link.place).to_vec());
        Ok(link)
    }

    /// Of a channel's link its admins see what became of it.
    fn note_link(&mut self, by: UserId, what: AdminAction, place: PeerId) -> CoreResult<()> {
        match place.channel() {
            Some(channel) => self.note(channel, by, what),
            None => Ok(()),
        }
    }

    /// A link and who joined by it: gone. Who waits goes on waiting.
    fn forget_link(&mut self, link: &ChatLink) -> CoreResult<()> {
        let tag = self.tag(&link.hash);
        self.delete(Keyspace::LINKS, &link_key(link.place, tag));
        self.delete(Keyspace::LINKS, &tag_key(tag));
        let prefix = importers_prefix(link.place, tag);
        for (key, _) in self.scan_prefix(Keyspace::LINKS, &prefix, IMPORTERS_MAX)? {
            self.delete(Keyspace::LINKS, &key);
        }
        Ok(())
    }

    /// All links of a group or channel.
    fn links(&self, place: PeerId) -> CoreResult<Vec<ChatLink>> {
        let rows = self.scan_prefix(Keyspace::LINKS, &links_prefix(LINK, place), LINKS_MAX)?;
        rows.iter().map(|(_, value)| ChatLink::decode(value)).collect()
    }

    fn permanent_link(&self, place: PeerId, admin: UserId) -> CoreResult<Option<ChatLink>> {
        let mut links = self.links(place)?.into_iter();
        Ok(links.find(|link| link.permanent && !link.revoked && link.admin == admin))
    }

    fn link_of(&self, tag: [u8; 16]) -> CoreResult<Option<ChatLink>> {
        let Some(place) = self.get(Keyspace::LINKS, &tag_key(tag))? else { return Ok(None) };
        let place = place.try_into().map_err(|_| CoreError::Damaged(ChatLink::NAME))?;
        self.load(Keyspace::LINKS, &link_key(place_at(place), tag))
    }

    /// Links are shown to their admin, and all of them to the creator.
    fn may_see_links(&self, owner: UserId, place: PeerId, admin: UserId) -> CoreResult<()> {
        let found = self.manages_links(owner, place)?;
        let may = admin == owner || found.creator() == Some(owner);
        may.then_some(()).ok_or(CoreError::NotAnAdmin)
    }

    fn own_link(&self, owner: UserId, place: PeerId, tag: [u8; 16]) -> CoreResult<ChatLink> {
        self.manages_links(owner, place)?;
        let link = self.load(Keyspace::LINKS, &link_key(place, tag))?;
        let link: ChatLink = link.ok_or(CoreError::LinkExpired)?;
        self.may_see_links(owner, place, link.admin)?;
        Ok(link)
    }

    /// Somebody may make no links any more: what they made leads nowhere.
    pub(crate) fn end_links_of(&mut self, place: PeerId, admin: UserId) -> CoreResult<()> {
        for link in self.links(place)? {
            if link.admin == admin && !link.revoked {
                self.put_link(&ChatLink { revoked: true, ..link })?;
            }
        }
        Ok(())
    }

    /// A group or channel is no more.
    pub(crate) fn end_links(&mut self, place: PeerId) -> CoreResult<()> {
        for link in self.links(place)? {
            let tag = self.tag(&link.hash);
            self.delete(Keyspace::LINKS, &link_key(place, tag));
            self.delete(Keyspace::LINKS, &tag_key(tag));
        }
        for (kind, limit) in [(REQUEST, REQUESTS_MAX), (IMPORTER, FORGOTTEN_MAX)] {
            for (key, _) in self.scan_prefix(Keyspace::LINKS, &links_prefix(kind, place), limit)? {
                self.delete(Keyspace::LINKS, &key);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_groups_are_read_as_they_were_written() {
        let old = OfChat {
            hash: "AbCdEf-123_456AbCdEf-1".into(),
            chat: ChatId(7),
            admin: UserId(5),
            title: "Friends".into(),
            date: 1,
            changed: 2,
            expires: 3,
            usage_limit: 4,
            usage: 5,
            request_needed: true,
            permanent: false,
            revoked: true,
        };
        let row = [&[1][..], &postcard::to_allocvec(&old).unwrap()].concat();
        let link = ChatLink::decode(&row).unwrap();
        assert_eq!((link.place, link.admin), (ChatId(7).into(), UserId(5)));
        assert_eq!((link.title.as_str(), link.usage, link.revoked), ("Friends", 5, true));
        assert_eq!(ChatLink::decode(&link.encode().unwrap()).unwrap(), link);
        let newer = [&[3][..], &postcard::to_allocvec(&old).unwrap()].concat();
        assert!(ChatLink::decode(&newer).is_err());
    }

    #[test]
    fn hashes_have_one_shape() {
        assert!(is_hash("AbCdEf-123_456AbCdEf-1"));
        for text in ["", "AbCdEf-123_456", "AbCdEf-123_456AbCdEf-12", "AbCdEf+123_456AbCdEf-1"] {
            assert!(!is_hash(text), "{text}");
        }
    }
}
