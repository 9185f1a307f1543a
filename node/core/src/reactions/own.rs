//! What a member reacts with: the default reaction, and recent ones.

use serde::{Deserialize, Serialize};

use super::{DEFAULT_REACTION, REACTIONS, Reaction};
use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreResult};

/// Recent reactions that are kept.
const RECENT_MAX: usize = 50;

/// What the member reacted with, the newest first. One row.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RecentReactions(Vec<Reaction>);

impl Record for RecentReactions {
    const VERSION: u8 = 1;
    const NAME: &'static str = "recent reactions";
}

impl PersonalRecord for RecentReactions {
    const KIND: u8 = 91;
}

/// What the member reacts with by a touch. One row.
#[derive(Debug, Serialize, Deserialize)]
struct DefaultReaction(Reaction);

impl Record for DefaultReaction {
    const VERSION: u8 = 1;
    const NAME: &'static str = "default reaction";
}

impl PersonalRecord for DefaultReaction {
    const KIND: u8 = 92;
}

impl Core {
    /// What the member reacted with, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn recent_reactions(&self, owner: UserId) -> CoreResult<Vec<Reaction>> {
        let recent: Option<RecentReactions> = self.inner.personal(owner)?.get(&[])?;
        Ok(recent.unwrap_or_default().0)
    }

    /// What the member is offered first: the default, recent ones, then all.
    ///
    /// # Errors
    /// Those of the store.
    pub fn top_reactions(&self, owner: UserId) -> CoreResult<Vec<Reaction>> {
        let mut top = vec![self.default_reaction(owner)?];
        let all = REACTIONS.iter().map(|known| Reaction::Emoji(known.emoticon.to_owned()));
        for reaction in self.recent_reactions(owner)?.into_iter().chain(all) {
            if !top.contains(&reaction) {
                top.push(reaction);
            }
        }
        Ok(top)
    }

    /// What the member reacts with by a touch.
    ///
    /// # Errors
    /// Those of the store.
    pub fn default_reaction(&self, owner: UserId) -> CoreResult<Reaction> {
        let set: Option<DefaultReaction> = self.inner.personal(owner)?.get(&[])?;
        Ok(set.map_or_else(|| Reaction::Emoji(DEFAULT_REACTION.to_owned()), |set| set.0))
    }

    /// Sets [`Core::default_reaction`].
    ///
    /// # Errors
    /// [`super::ReactionError::Invalid`].
    pub async fn set_default_reaction(
        &self,
        actor: Actor,
        owner: UserId,
        reaction: Reaction,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let reaction = decide.known_reaction(reaction)?;
            decide.set_personal(owner, &[], Some(&DefaultReaction(reaction)))?;
            decide.tell_own(owner, Own::DefaultReaction);
            Ok(())
        })
        .await
    }

    /// Forgets what the member reacted with.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn clear_recent_reactions(&self, actor: Actor, owner: UserId) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            decide.set_personal::<RecentReactions>(owner, &[], None)?;
            decide.tell_own(owner, Own::RecentReactions);
            Ok(())
        })
        .await
    }
}

impl Decide<'_> {
    pub(crate) fn add_recent_reaction(
        &mut self,
        owner: UserId,
        reaction: Reaction,
    ) -> CoreResult<()> {
        let mut recent: RecentReactions = self.personal(owner, &[])?.unwrap_or_default();
        if recent.0.first() == Some(&reaction) {
            return Ok(());
        }
        recent.0.retain(|known| *known != reaction);
        recent.0.insert(0, reaction);
        recent.0.truncate(RECENT_MAX);
        self.set_personal(owner, &[], Some(&recent))?;
        self.tell_own(owner, Own::RecentReactions);
        Ok(())
    }
}
