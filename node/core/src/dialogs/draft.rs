//! What a member was about to write.

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, MessageId, Talk, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::text::Entity;
use crate::{Core, CoreResult};

/// Drafts of one member. The oldest one makes room.
const DRAFTS_MAX: usize = 500;

/// A text that is not sent yet. Rest of the key: the dialog, with the topic.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// As it was typed; empty if only a message to answer was chosen.
    pub text: String,
    /// Sorted, within the text.
    pub entities: Vec<Entity>,
    /// What it will answer.
    pub reply: Option<DraftReply>,
    /// Without a preview of its link.
    pub no_webpage: bool,
    /// With the preview above the text.
    pub invert_media: bool,
    /// Unix seconds at which it was saved.
    pub date: i32,
}

/// What a draft answers; checked when it is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftReply {
    /// In the member's box.
    pub to: MessageId,
    /// The quoted part, and where it begins in UTF-16 units.
    pub quote: Option<(String, Vec<Entity>, i32)>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("date", &self.date).finish_non_exhaustive()
    }
}

impl Record for Draft {
    const VERSION: u8 = 1;
    const NAME: &'static str = "draft";
}

impl PersonalRecord for Draft {
    const KIND: u8 = 2;
}

impl Draft {
    fn says_the_same(&self, other: &Self) -> bool {
        Self { date: 0, ..self.clone() } == Self { date: 0, ..other.clone() }
    }
}

impl Core {
    /// Keeps a draft, dated now, and tells the other sessions; `None` removes it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn save_draft(
        &self,
        actor: Actor,
        owner: UserId,
        to: impl Into<Talk>,
        draft: Option<Draft>,
    ) -> CoreResult<()> {
        let to = to.into();
        self.write(Some(actor), move |decide| decide.save_draft(owner, to, draft)).await
    }

    /// Removes all drafts, and tells all sessions but the acting one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn clear_drafts(&self, actor: Actor, owner: UserId) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let all = decide.personal_all::<Draft>(owner, 2 * DRAFTS_MAX)?;
            for to in all.iter().filter_map(|(to, _)| Talk::from_bytes(to)) {
                decide.save_draft(owner, to, None)?;
            }
            Ok(())
        })
        .await
    }

    /// The draft in one dialog, or in a topic.
    ///
    /// # Errors
    /// Those of the store.
    pub fn draft(&self, owner: UserId, to: impl Into<Talk>) -> CoreResult<Option<Draft>> {
        self.inner.personal(owner)?.get(&to.into().bytes())
    }

    /// All drafts.
    ///
    /// # Errors
    /// Those of the store.
    pub fn drafts(&self, owner: UserId) -> CoreResult<Vec<(Talk, Draft)>> {
        let personal = self.inner.personal(owner)?;
        let all = personal.all::<Draft>()?.into_iter();
        Ok(all.filter_map(|(peer, draft)| Some((Talk::from_bytes(peer)?, draft))).collect())
    }
}

impl Decide<'_> {
    pub(crate) fn save_draft(
        &mut self,
        owner: UserId,
        to: impl Into<Talk>,
        draft: Option<Draft>,
    ) -> CoreResult<()> {
        let to = to.into();
        let key = to.bytes();
        let draft = draft.map(|draft| Draft { date: self.now(), ..draft });
        let before: Option<Draft> = self.personal(owner, &key)?;
        let same = match (&before, &draft) {
            (None, None) => true,
            (Some(before), Some(draft)) => before.says_the_same(draft),
            _ => false,
        };
        if same {
            return Ok(());
        }
        if before.is_none() {
            let all = self.personal_all::<Draft>(owner, 2 * DRAFTS_MAX)?;
            if all.len() >= DRAFTS_MAX
                && let Some((oldest, _)) = all.iter().min_by_key(|(_, draft)| draft.date)
            {
                self.set_personal::<Draft>(owner, oldest, None)?;
                if let Some(to) = Talk::from_bytes(oldest) {
                    self.tell_own(owner, Own::Draft { to });
                }
            }
        }
        self.set_personal(owner, &key, draft.as_ref())?;
        self.tell_own(owner, Own::Draft { to });
        Ok(())
    }
}
