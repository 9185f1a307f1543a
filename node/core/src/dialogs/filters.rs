//! Folders of a member: lists of dialogs by rule and by hand.
//!
//! The node keeps what a member wrote; which dialogs a folder shows is worked out by clients.
//! Source: <https://core.telegram.org/api/folders>

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, PeerId, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::text::Entity;
use crate::{Core, CoreResult};

/// Folders of one member, "All chats" not counted: `dialog_filters_limit_default`.
pub const FILTERS_MAX: usize = 10;

/// Dialogs that a folder names: `dialog_filters_chats_limit_default`.
const PEERS_MAX: usize = 100;

/// Longest title, in characters.
pub const FILTER_TITLE_CHARS_MAX: usize = 12;

/// Longest icon, in bytes: one emoji.
const EMOTICON_BYTES_MAX: usize = 32;

/// Numbers of folders: 0 is "All chats", 1 the archive.
const IDS: std::ops::RangeInclusive<u8> = 2..=255;

/// "All chats" in an order.
const ALL_CHATS: FilterId = FilterId(0);

/// Number of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FilterId(pub u8);

/// A folder. Rest of the key: its number (1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// What it is called.
    pub title: String,
    /// Custom emoji in the title.
    pub title_entities: Vec<Entity>,
    /// Whether those stand still.
    pub title_noanimate: bool,
    /// Its icon.
    pub emoticon: Option<String>,
    /// Of its tag.
    pub color: Option<i32>,
    /// Takes in contacts.
    pub contacts: bool,
    /// Takes in people who are none.
    pub non_contacts: bool,
    /// Takes in groups.
    pub groups: bool,
    /// Takes in channels.
    pub broadcasts: bool,
    /// Takes in bots.
    pub bots: bool,
    /// Leaves out what is muted.
    pub exclude_muted: bool,
    /// Leaves out what is read.
    pub exclude_read: bool,
    /// Leaves out what is archived.
    pub exclude_archived: bool,
    /// At its top, in this order.
    pub pinned: Vec<PeerId>,
    /// Taken in besides.
    pub include: Vec<PeerId>,
    /// Left out.
    pub exclude: Vec<PeerId>,
}

impl Record for Filter {
    const VERSION: u8 = 1;
    const NAME: &'static str = "folder";
}

impl PersonalRecord for Filter {
    const KIND: u8 = 6;
}

/// The order in which folders are shown, and whether dialogs show their tags.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct FilterOrder {
    order: Vec<FilterId>,
    tags: bool,
}

impl Record for FilterOrder {
    const VERSION: u8 = 1;
    const NAME: &'static str = "order of folders";
}

impl PersonalRecord for FilterOrder {
    const KIND: u8 = 7;
}

/// Why a folder may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// There is none of this number, or none may have it.
    #[error("no such folder")]
    Unknown,
    /// It has no title.
    #[error("no title")]
    TitleEmpty,
    /// Its title or icon is longer than [`FILTER_TITLE_CHARS_MAX`].
    #[error("title too long")]
    TitleTooLong,
    /// No dialog could be in it.
    #[error("takes in nothing")]
    TakesInNothing,
    /// It names more dialogs than a folder may.
    #[error("names too many dialogs")]
    TooManyPeers,
    /// There are [`FILTERS_MAX`] already.
    #[error("too many folders")]
    TooMany,
}

/// All folders of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filters {
    /// In their order; `None` is the place of "All chats".
    pub filters: Vec<(FilterId, Option<Filter>)>,
    /// Whether dialogs show the tags of their folders.
    pub tags: bool,
}

impl Filter {
    fn check(&self) -> Result<(), FilterError> {
        if self.title.trim().is_empty() {
            return Err(FilterError::TitleEmpty);
        }
        let long = self.title.chars().count() > FILTER_TITLE_CHARS_MAX
            || self.title_entities.len() > FILTER_TITLE_CHARS_MAX;
        if long || self.emoticon.as_ref().is_some_and(|icon| icon.len() > EMOTICON_BYTES_MAX) {
            return Err(FilterError::TitleTooLong);
        }
        let takes_in = self.contacts
            || self.non_contacts
            || self.groups
            || self.broadcasts
            || self.bots
            || !self.pinned.is_empty()
            || !self.include.is_empty();
        if !takes_in {
            return Err(FilterError::TakesInNothing);
        }
        if self.pinned.len() + self.include.len() > PEERS_MAX || self.exclude.len() > PEERS_MAX {
            return Err(FilterError::TooManyPeers);
        }
        Ok(())
    }
}

impl Core {
    /// Makes or changes a folder; `None` removes it.
    ///
    /// # Errors
    /// [`CoreError::Filter`].
    pub async fn set_filter(
        &self,
        actor: Actor,
        owner: UserId,
        id: FilterId,
        filter: Option<Filter>,
    ) -> CoreResult<()> {
        if !IDS.contains(&id.0) {
            return Err(FilterError::Unknown.into());
        }
        filter.as_ref().map_or(Ok(()), Filter::check)?;
        self.write(Some(actor), move |decide| {
            let before: Option<Filter> = decide.personal(owner, &[id.0])?;
            if before == filter {
                return Ok(());
            }
            let mut shown = decide.filter_order(owner)?;
            match &filter {
                Some(_) if before.is_none() => {
                    if decide.personal_all::<Filter>(owner, FILTERS_MAX)?.len() >= FILTERS_MAX {
                        return Err(FilterError::TooMany.into());
                    }
                    shown.order.push(id);
                }
                Some(_) => {}
                None => shown.order.retain(|other| *other != id),
            }
            decide.set_personal(owner, &[], Some(&shown))?;
            decide.set_personal(owner, &[id.0], filter.as_ref())?;
            decide.tell_own(owner, Own::Filter(id));
            Ok(())
        })
        .await
    }

    /// Puts folders in this order, "All chats" (0) among them. What is not named comes last.
    ///
    /// # Errors
    /// [`CoreError::Filter`] for a folder that there is not.
    pub async fn order_filters(
        &self,
        actor: Actor,
        owner: UserId,
        order: Vec<FilterId>,
    ) -> CoreResult<()> {
        if order.len() > 2 * FILTERS_MAX {
            return Err(FilterError::Unknown.into());
        }
        self.write(Some(actor), move |decide| {
            let before = decide.filter_order(owner)?;
            let mut after: Vec<FilterId> = Vec::with_capacity(before.order.len());
            for id in order {
                if !before.order.contains(&id) {
                    return Err(FilterError::Unknown.into());
                }
                if !after.contains(&id) {
                    after.push(id);
                }
            }
            let rest: Vec<FilterId> =
                before.order.iter().filter(|id| !after.contains(id)).copied().collect();
            after.extend(rest);
            if after != before.order {
                let order = FilterOrder { order: after, ..before };
                decide.set_personal(owner, &[], Some(&order))?;
                decide.tell_own(owner, Own::FilterOrder);
            }
            Ok(())
        })
        .await
    }

    /// Whether dialogs show the tags of their folders.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_filter_tags(&self, actor: Actor, owner: UserId, tags: bool) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let before = decide.filter_order(owner)?;
            if before.tags != tags {
                decide.set_personal(owner, &[], Some(&FilterOrder { tags, ..before }))?;
                decide.tell_own(owner, Own::Filters);
            }
            Ok(())
        })
        .await
    }

    /// One folder.
    ///
    /// # Errors
    /// Those of the store.
    pub fn filter(&self, owner: UserId, id: FilterId) -> CoreResult<Option<Filter>> {
        self.inner.personal(owner)?.get(&[id.0])
    }

    /// All folders.
    ///
    /// # Errors
    /// Those of the store.
    pub fn filters(&self, owner: UserId) -> CoreResult<Filters> {
        let personal = self.inner.personal(owner)?;
        let shown = with_all_chats(personal.get::<FilterOrder>(&[])?);
        let mut filters = Vec::with_capacity(shown.order.len());
        for id in shown.order {
            let filter: Option<Filter> = personal.get(&[id.0])?;
            if filter.is_some() || id == ALL_CHATS {
                filters.push((id, filter));
            }
        }
        Ok(Filters { filters, tags: shown.tags })
    }
}

impl Decide<'_> {
    fn filter_order(&self, owner: UserId) -> CoreResult<FilterOrder> {
        Ok(with_all_chats(self.personal::<FilterOrder>(owner, &[])?))
    }
}

fn with_all_chats(order: Option<FilterOrder>) -> FilterOrder {
    order.unwrap_or_else(|| FilterOrder { order: vec![ALL_CHATS], tags: false })
}
