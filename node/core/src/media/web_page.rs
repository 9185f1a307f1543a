//! Previews of pages that texts link to.
//!
//! Keyspace `WEB_PAGES`: 0 ++ id (8) is the [`WebPage`], 1 ++ id how many messages show it
//! ([`Held`]), 2 ++ since (4) ++ id: one that no message shows any more. The id is a keyed hash of
//! the address, so that keys tell no addresses.
//!
//! Somebody else fetches pages; here they are kept, and shown with the messages that link to them,
//! and for a while after the last of those is gone.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::store::Held;
use super::{FileId, Media, Photo, WebPageId};
use crate::access::page_number;
use crate::decide::{Decide, scan_prefix};
use crate::ids::{BoxId, MessageId, PeerId, UserId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

const PAGE: u8 = 0;
const HELD: u8 = 1;
const UNHELD: u8 = 2;

/// Longest address, in bytes.
const URL_BYTES_MAX: usize = 2048;

/// Longest of the other texts, in bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// What is shown of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebPage {
    /// Its number; 0 of one that is not kept yet.
    pub id: WebPageId,
    /// The address, as it was linked to.
    pub url: String,
    /// The address for people.
    pub display_url: String,
    /// `article`, `photo`, `video` and the like.
    pub kind: String,
    /// May be empty, as those below.
    pub site_name: String,
    /// Of the page.
    pub title: String,
    /// Of the page.
    pub description: String,
    /// Of the page.
    pub author: String,
    /// Its picture.
    pub photo: Option<FileId>,
    /// When it was fetched, in unix seconds.
    pub date: i32,
}

impl Record for WebPage {
    const VERSION: u8 = 1;
    const NAME: &'static str = "web page";
}

fn page_key(page: WebPageId) -> Vec<u8> {
    [&[PAGE][..], &page.0.to_be_bytes()].concat()
}

fn held_key(page: WebPageId) -> Vec<u8> {
    [&[HELD][..], &page.0.to_be_bytes()].concat()
}

fn unheld_key(since: u32, page: WebPageId) -> Vec<u8> {
    [&[UNHELD][..], &since.to_be_bytes(), &page.0.to_be_bytes()].concat()
}

impl WebPage {
    fn is_bounded(&self) -> bool {
        let texts = [&self.kind, &self.site_name, &self.title, &self.description, &self.author];
        self.url.len() <= URL_BYTES_MAX
            && self.display_url.len() <= URL_BYTES_MAX
            && texts.iter().all(|text| text.len() <= TEXT_BYTES_MAX)
    }
}

impl Core {
    /// A page, as it is in the store.
    ///
    /// # Errors
    /// Those of the store.
    pub fn web_page(&self, page: WebPageId) -> CoreResult<Option<WebPage>> {
        let row = self.inner.store.get(Keyspace::WEB_PAGES, &page_key(page))?;
        row.map(|row| WebPage::decode(&row)).transpose()
    }

    /// The number of an address is always the same: a page that is fetched again takes the place of
    /// the old one, wherever it is shown.
    fn page_at(&self, url: &str) -> WebPageId {
        WebPageId(page_number(&self.inner.access_secret, url))
    }

    /// The page at an address, if it was fetched.
    ///
    /// # Errors
    /// Those of the store.
    pub fn web_page_at(&self, url: &str) -> CoreResult<Option<WebPage>> {
        // Nobody finds a number, of 63 bits, for which two addresses have one page; it would be seen.
        Ok(self.web_page(self.page_at(url))?.filter(|page| page.url == url))
    }

    /// Pages that no message has shown since before a time, those first that wait longest.
    pub(super) fn due_web_pages(&self, before: i32, limit: usize) -> CoreResult<Vec<WebPageId>> {
        let rows = scan_prefix(&*self.inner.store, Keyspace::WEB_PAGES, &[UNHELD], limit)?;
        let due = rows.iter().filter_map(|(key, _)| {
            let since = u32::from_be_bytes(key.get(1..5)?.try_into().ok()?);
            let page = i64::from_be_bytes(key.get(5..13)?.try_into().ok()?);
            (since < before.unsigned_abs()).then_some(WebPageId(page))
        });
        Ok(due.collect())
    }

    /// Keeps a page that was fetched, with its picture: while messages show it, and for a while
    /// before and after.
    ///
    /// # Errors
    /// [`CoreError::MediaInvalid`] for one that is too long, [`CoreError::QuotaExceeded`].
    pub async fn put_web_page(&self, page: WebPage, photo: Option<Photo>) -> CoreResult<WebPage> {
        if !page.is_bounded() {
            return Err(CoreError::MediaInvalid);
        }
        let id = self.page_at(&page.url);
        self.write(None, move |decide| {
            let key = page_key(id);
            let before: Option<WebPage> = decide.load(Keyspace::WEB_PAGES, &key)?;
            let kept = photo.as_ref().map(|photo| photo.id);
            if let Some(photo) = photo {
                decide.add_photo(photo)?;
            }
            decide.hold_file(kept, 1)?;
            decide.hold_file(before.and_then(|before| before.photo), -1)?;
            let page = WebPage { id, photo: kept, date: decide.now(), ..page };
            decide.put(Keyspace::WEB_PAGES, &key, &page)?;
            decide.keep_page(id)?;
            Ok(page)
        })
        .await
    }

    /// Shows the preview of a page with a message that has nothing else beside its text. Nothing
    /// happens where the message is gone, has something or says something else by now, or where its
    /// writer may not have links previewed.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn show_web_page(
        &self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        text: String,
        shown: Media,
    ) -> CoreResult<()> {
        // For all sessions, the writer's too: it is no answer to any of them.
        self.write(None, move |decide| decide.show_web_page(owner, peer, id, &text, &shown)).await
    }
}

impl Decide<'_> {
    /// Begins to wait for messages that show a page, or goes on.
    fn keep_page(&mut self, page: WebPageId) -> CoreResult<()> {
        let held: Option<Held> = self.load(Keyspace::WEB_PAGES, &held_key(page))?;
        match held {
            Some(Held { count: 1.., .. }) => return Ok(()),
            Some(held) => self.delete(Keyspace::WEB_PAGES, &unheld_key(held.since, page)),
            None => {}
        }
        let held = Held { count: 0, since: self.now().unsigned_abs() };
        self.put_bytes(Keyspace::WEB_PAGES, &unheld_key(held.since, page), Vec::new());
        self.put(Keyspace::WEB_PAGES, &held_key(page), &held)
    }

    /// So many more messages show a page; or fewer, below 0.
    pub(crate) fn hold_page(&mut self, page: WebPageId, more: i64) -> CoreResult<()> {
        let key = held_key(page);
        let held: Option<Held> = self.load(Keyspace::WEB_PAGES, &key)?;
        // Pages of the time before they were counted stay: how many messages show one is not known.
        if held.is_none() && more < 0 {
            return Ok(());
        }
        let held = held.unwrap_or_default();
        let held_now = held.changed(more, self.now());
        if held.count == 0 {
            self.delete(Keyspace::WEB_PAGES, &unheld_key(held.since, page));
        }
        if held_now.count == 0 {
            self.put_bytes(Keyspace::WEB_PAGES, &unheld_key(held_now.since, page), Vec::new());
        }
        self.put(Keyspace::WEB_PAGES, &key, &held_now)
    }

    /// Removes a page that no message has shown since before a time; whether it did.
    pub(super) fn remove_page(&mut self, page: WebPageId, before: i32) -> CoreResult<bool> {
        let held: Held = self.load(Keyspace::WEB_PAGES, &held_key(page))?.unwrap_or_default();
        if !held.is_due(before) {
            return Ok(false);
        }
        let key = page_key(page);
        let removed: Option<WebPage> = self.load(Keyspace::WEB_PAGES, &key)?;
        self.delete(Keyspace::WEB_PAGES, &key);
        self.delete(Keyspace::WEB_PAGES, &held_key(page));
        self.delete(Keyspace::WEB_PAGES, &unheld_key(held.since, page));
        self.hold_file(removed.and_then(|removed| removed.photo), -1)?;
        Ok(true)
    }

    fn show_web_page(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        text: &str,
        shown: &Media,
    ) -> CoreResult<()> {
        let place = BoxId::of(owner, peer);
        let Some(mut message) = self.message(place, id)? else { return Ok(()) };
        let own = if peer.channel().is_some() { message.is_by(owner) } else { message.out };
        if !own || message.media.is_some() || message.text != text {
            return Ok(());
        }
        match self.may_show(owner, message.peer, Some(shown)) {
            Ok(()) => {}
            Err(
                CoreError::RightMissing(_)
                | CoreError::NotAMember
                | CoreError::AdminRightMissing
                | CoreError::UnknownChannel,
            ) => return Ok(()),
            Err(cause) => return Err(cause),
        }
        message.media = Some(shown.clone());
        let others = self.present_copies(owner, &message)?;
        self.hold_shown(Some(shown), others.len() as i64 + 1)?;
        self.release_media(others.iter().map(|(.., copy)| copy))?;
        self.rewrite(place, id, &message)?;
        let mut changed = Vec::with_capacity(others.len());
        for (user, id, mut copy) in others {
            copy.media = Some(shown.clone());
            self.rewrite(user, id, &copy)?;
            changed.push((user, id, copy));
        }
        let copy = match peer {
            PeerId::Channel(channel) => self.edit_copy(channel, id, &message, false)?,
            _ => None,
        };
        self.append_edited(place, id, &message)?;
        for (user, id, copy) in &changed {
            self.append_edited(*user, *id, copy)?;
        }
        self.tell_edited_copy(copy)
    }
}
