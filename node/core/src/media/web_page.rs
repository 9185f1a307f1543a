//! Previews of pages that texts link to.
//!
//! Keyspace `WEB_PAGES`: 0 ++ id (8) is the [`WebPage`], 1 ++ hash of the address (16) its id.
//! Somebody else fetches them; here they are kept, and shown with the messages that link to them.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{FileId, Media, Photo, WebPageId};
use crate::decide::Decide;
use crate::ids::{MessageId, UserId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

const PAGE: u8 = 0;
const ADDRESS: u8 = 1;

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

fn address_key(url: &str) -> Vec<u8> {
    let hash = blake3::hash(url.as_bytes());
    [&[ADDRESS][..], hash.as_bytes().first_chunk::<16>().map_or(&[][..], |head| head)].concat()
}

/// The number of an address is always the same: a page that is fetched again takes the place of the
/// old one, wherever it is shown.
fn id_of(url: &str) -> WebPageId {
    let hash = blake3::hash(url.as_bytes());
    let number = hash.as_bytes().last_chunk().map_or(1, |tail| i64::from_be_bytes(*tail));
    WebPageId((number & i64::MAX).max(1))
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

    /// The page at an address, if it was fetched.
    ///
    /// # Errors
    /// Those of the store.
    pub fn web_page_at(&self, url: &str) -> CoreResult<Option<WebPage>> {
        let row = self.inner.store.get(Keyspace::WEB_PAGES, &address_key(url))?;
        let id = row.and_then(|row| row.try_into().ok()).map(i64::from_be_bytes);
        id.map_or(Ok(None), |id| self.web_page(WebPageId(id)))
    }

    /// Keeps a page that was fetched, with its picture.
    ///
    /// # Errors
    /// [`CoreError::MediaInvalid`] for one that is too long, [`CoreError::QuotaExceeded`].
    pub async fn put_web_page(&self, page: WebPage, photo: Option<Photo>) -> CoreResult<WebPage> {
        if !page.is_bounded() {
            return Err(CoreError::MediaInvalid);
        }
        self.write(None, move |decide| {
            let id = id_of(&page.url);
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
            let number = id.0.to_be_bytes().to_vec();
            decide.put_bytes(Keyspace::WEB_PAGES, &address_key(&page.url), number);
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
        id: MessageId,
        text: String,
        shown: Media,
    ) -> CoreResult<()> {
        // For all sessions, the writer's too: it is no answer to any of them.
        self.write(None, move |decide| decide.show_web_page(owner, id, &text, &shown)).await
    }
}

impl Decide<'_> {
    fn show_web_page(
        &mut self,
        owner: UserId,
        id: MessageId,
        text: &str,
        shown: &Media,
    ) -> CoreResult<()> {
        let Some(mut message) = self.message(owner, id)? else { return Ok(()) };
        if !message.out || message.media.is_some() || message.text != text {
            return Ok(());
        }
        match self.may_show(owner, message.peer, Some(shown)) {
            Ok(()) => {}
            Err(CoreError::RightMissing(_) | CoreError::NotAMember) => return Ok(()),
            Err(cause) => return Err(cause),
        }
        message.media = Some(shown.clone());
        let others = self.other_copies(owner, &message)?;
        self.rewrite(owner, id, &message)?;
        let mut changed = Vec::with_capacity(others.len());
        for (user, id, mut copy) in others {
            copy.media = Some(shown.clone());
            self.rewrite(user, id, &copy)?;
            changed.push((user, id, copy));
        }
        self.append_edited(owner, id, &message)?;
        for (user, id, copy) in &changed {
            self.append_edited(*user, *id, copy)?;
        }
        Ok(())
    }
}
