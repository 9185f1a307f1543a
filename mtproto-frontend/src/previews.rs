//! Previews of pages that texts link to, where the operator wants them.
//!
//! A message goes out at once; its preview follows as a change of it, when the page was fetched.
//! Who writes asks for the preview before, and then it is mostly there.

use std::collections::HashMap;
use std::sync::Arc;

use blobs::Pin;
use node_core::{
    BlobId, Buckets, EntityKind, FileId, Media, Message, MessageId, Photo, PhotoSize, Rate, UserId,
    WebPage, WebPageId, utf16_slice,
};
use parking_lot::Mutex;
use preview::{Fetcher, Page};
use rand::RngExt as _;
use tokio::sync::Semaphore;

use crate::frontend::Shared;

/// Messages whose previews are under way. Protects memory; beyond, one stays without.
const UNDER_WAY_MAX: usize = 256;

/// Seconds for which a page is shown without asking for it again.
const FRESH_S: i32 = 86_400;

/// Pages that are fetched for one member. Who sends links all day has fewer; each makes the node
/// ask somebody, and store a picture.
const FETCHES: Rate = Rate { burst: 60, per_second: 0.02 };

/// Pages that are fetched for one member at once: fewer than there are turns.
const FETCHES_AT_ONCE: usize = 2;

/// Members whose fetches are counted. Protects memory: 50 bytes each.
const MEMBERS_MAX: usize = 50_000;

/// What fetches pages, and turns for messages that wait for it.
pub(crate) struct Previews {
    fetcher: Fetcher,
    under_way: Arc<Semaphore>,
    shares: Mutex<Shares>,
}

/// What members have fetched.
struct Shares {
    buckets: Buckets<UserId>,
    under_way: HashMap<UserId, usize>,
}

/// Leave to fetch a page; dropped, it is the member's again.
struct Leave<'a> {
    previews: &'a Previews,
    member: UserId,
}

impl Previews {
    pub(crate) fn new(fetcher: Fetcher) -> Self {
        let shares =
            Shares { buckets: Buckets::new(FETCHES, MEMBERS_MAX), under_way: HashMap::new() };
        let (under_way, shares) = (Arc::new(Semaphore::new(UNDER_WAY_MAX)), Mutex::new(shares));
        Self { fetcher, under_way, shares }
    }

    /// Leave for a member to have a page fetched, unless that were too many.
    fn leave(&self, member: UserId, now_ms: u64) -> Option<Leave<'_>> {
        let mut shares = self.shares.lock();
        if shares.under_way.get(&member).is_some_and(|count| *count >= FETCHES_AT_ONCE) {
            return None;
        }
        shares.buckets.take(member, now_ms).ok()?;
        *shares.under_way.entry(member).or_default() += 1;
        Some(Leave { previews: self, member })
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut shares = self.previews.shares.lock();
        if let Some(count) = shares.under_way.get_mut(&self.member) {
            *count -= 1;
            if *count == 0 {
                shares.under_way.remove(&self.member);
            }
        }
    }
}

/// The first link of a text.
pub(crate) fn first_link(text: &str, entities: &[node_core::Entity]) -> Option<String> {
    let link = entities.iter().find_map(|entity| match &entity.kind {
        EntityKind::TextUrl { url } => Some(url.as_str()),
        EntityKind::Url => utf16_slice(text, entity.offset, entity.length),
        _ => None,
    })?;
    // As it was typed: mostly without a scheme.
    let known = link.starts_with("http://") || link.starts_with("https://");
    (known || !link.contains("://"))
        .then(|| if known { link.to_owned() } else { format!("https://{link}") })
}

impl Shared {
    /// The page behind a link, for a member: what is kept, if that is fresh, or if the member has had
    /// many fetched, else what is found there now. None where there are no previews, or nothing to
    /// show.
    pub(crate) async fn web_page(&self, member: UserId, url: &str) -> Option<WebPage> {
        let previews = self.previews.as_ref()?;
        let now = self.core.now();
        let known = self.core.web_page_at(url).ok().flatten();
        if let Some(known) = &known
            && now.saturating_sub(known.date) < FRESH_S
        {
            return Some(known.clone());
        }
        let Some(_leave) = previews.leave(member, self.now_ms()) else { return known };
        let page = match previews.fetcher.fetch(url, u64::try_from(now).unwrap_or(0)).await {
            Ok(page) => page,
            Err(cause) => {
                tracing::debug!(%cause, "no preview of a page");
                return None;
            }
        };
        // With nothing but an address there is nothing to show.
        if page.title.is_none() && page.description.is_none() && page.image.is_none() {
            return None;
        }
        let (photo, pins) = self.picture(&page).await;
        let kept = self.core.put_web_page(shown(&page, url), photo).await;
        drop(pins);
        kept.inspect_err(|cause| tracing::warn!(%cause, "a preview was not kept")).ok()
    }

    /// The picture of a page, if it has one that can be shown.
    async fn picture(&self, page: &Page) -> (Option<Photo>, Vec<Pin>) {
        let mut pins = Vec::new();
        let Some(image) = &page.image else { return (None, pins) };
        let Some(turn) = self.files.turn().await else { return (None, pins) };
        let Ok(made) = turn.photo(image.bytes.clone()).await else { return (None, pins) };
        drop(turn);
        let mut sizes = Vec::with_capacity(made.sizes.len());
        for size in made.sizes {
            let bytes = u32::try_from(size.bytes.len()).unwrap_or(u32::MAX);
            let Ok(put) = self.files.blobs.put(size.bytes.into()).await else {
                return (None, pins);
            };
            pins.push(put.pin);
            sizes.push(PhotoSize {
                kind: u8::try_from(size.letter).unwrap_or(b'm'),
                width: size.width.cast_signed(),
                height: size.height.cast_signed(),
                size: bytes,
                blob: BlobId(put.id.0),
                progressive: size.progressive,
            });
        }
        #[expect(clippy::disallowed_methods, reason = "numbers of files are drawn at the edge")]
        let id = FileId(rand::rng().random_range(1..=i64::MAX));
        // It counts against nobody: the node fetched it.
        let (owner, date) = (UserId::SERVICE, self.core.now());
        let stripped = made.stripped;
        (Some(Photo { id, owner, date, sizes, stripped, has_stickers: false }), pins)
    }

    /// Shows the preview of a message's first link with it, as soon as there is one.
    pub(crate) fn preview(self: &Arc<Self>, owner: UserId, id: MessageId, message: &Message) {
        let Some(previews) = &self.previews else { return };
        if message.media.is_some() {
            return;
        }
        let Some(url) = first_link(&message.text, &message.entities) else { return };
        let Ok(turn) = previews.under_way.clone().try_acquire_owned() else { return };
        let (shared, peer, text) = (self.clone(), message.peer, message.text.clone());
        tokio::spawn(async move {
            let _turn = turn;
            let Some(page) = shared.web_page(owner, &url).await else { return };
            let shown = Media::WebPage {
                page: page.id,
                force_large: false,
                force_small: false,
                manual: false,
            };
            if let Err(cause) = shared.core.show_web_page(owner, peer, id, text, shown).await {
                tracing::warn!(%cause, "a preview is not shown");
            }
        });
    }
}

fn shown(page: &Page, url: &str) -> WebPage {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    WebPage {
        id: WebPageId(0),
        url: url.to_owned(),
        display_url: page.display_url.clone(),
        kind: page.kind.as_str().to_owned(),
        site_name: page.site_name.clone(),
        title: text(&page.title),
        description: text(&page.description),
        author: text(&page.author),
        photo: None,
        date: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_a_share_of_what_is_fetched() {
        let previews = Previews::new(Fetcher::new(preview::Setup::default()).unwrap());
        let (ada, bob) = (UserId(1), UserId(2));
        let held: Vec<_> = (0..FETCHES_AT_ONCE).map(|_| previews.leave(ada, 0).unwrap()).collect();
        assert!(previews.leave(ada, 0).is_none());
        assert!(previews.leave(bob, 0).is_some());
        drop(held);
        for _ in FETCHES_AT_ONCE..FETCHES.burst as usize {
            assert!(previews.leave(ada, 0).is_some());
        }
        assert!(previews.leave(ada, 0).is_none(), "one after the other they are too many too");
        assert!(previews.leave(ada, 60_000).is_some(), "time gives some back");
        assert!(previews.shares.lock().under_way.is_empty());
    }
}
