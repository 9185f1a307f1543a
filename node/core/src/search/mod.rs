//! Searching for words in messages: an index per box, derived from its rows and rebuildable.
//!
//! `words` and `kinds` say what is searched and what matches, `rows` how the index lies in the store,
//! `indexer` writes it behind, `find` reads it.

mod find;
mod indexer;
mod kinds;
mod rows;
mod words;

use node_store::{Keyspace, Store};

pub(crate) use find::turn;
pub use find::{SearchFilter, SearchKind, SearchPage, SearchQuery};
pub(crate) use indexer::{INDEX_EVERY_EVENTS, Queue, run};

use crate::ids::{BoxId, Pts};
use crate::{Core, CoreResult};

/// Up to where the rows of a box are in its index.
pub(crate) fn indexed(store: &dyn Store, owner: BoxId) -> CoreResult<Pts> {
    let live = rows::Head::load(store, owner)?.readable();
    Ok(Pts(live.map_or(0, |live| live.cursor)))
}

impl Core {
    /// Builds all search indexes anew, behind what else goes on. The old ones are read until then;
    /// a restart goes on where it was.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reindex(&self) -> CoreResult<()> {
        self.write(None, |decide| {
            let epoch = indexer::epoch(decide.store())?.wrapping_add(1);
            decide.put_bytes(Keyspace::SETTINGS, indexer::EPOCH_KEY, epoch.to_be_bytes().to_vec());
            decide.after(|inner| inner.search.all_due());
            Ok(())
        })
        .await
    }

    /// Boxes that wait for the indexer.
    #[must_use]
    pub fn boxes_to_index(&self) -> usize {
        *self.inner.search.left().borrow()
    }

    /// Waits until no box waits for the indexer.
    ///
    /// # Errors
    /// [`crate::CoreError::Stopped`].
    pub async fn indexed(&self) -> CoreResult<()> {
        let (mut left, mut stopped) = (self.inner.search.left(), self.inner.stopped());
        tokio::select! {
            _ = left.wait_for(|left| *left == 0) => Ok(()),
            _ = stopped.wait_for(Option::is_some) => {
                Err(crate::CoreError::Stopped("the committer has ended".into()))
            }
        }
    }
}

/// Whether a message matches what was typed.
#[cfg(test)]
pub(crate) fn matches(typed: &str, message: &crate::Message) -> bool {
    words::Words::parse(typed).are_in(message, None)
}
