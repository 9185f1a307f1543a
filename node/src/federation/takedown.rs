//! What operators take down.

use blobs::{BlobId, Removal};
use node_core::{ChannelId, MessageId, Takedown};

use super::Federation;

impl Federation {
    /// Takes a message down: here, and at all nodes that take part in its channel or follow it.
    pub(crate) async fn take_down(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> anyhow::Result<Takedown> {
        let group = self.core.sharing(channel).map(|shared| shared.group);
        let followers = match group {
            Some(group) => {
                let followers = self.followers.lock();
                let follow = followers.0.iter().filter(|(_, groups)| groups.contains_key(&group));
                follow.map(|(node, _)| *node).collect()
            }
            None => Vec::new(),
        };
        Ok(self.core.take_down(channel, id, followers).await?)
    }

    /// Removes bytes of files that were taken down.
    pub(super) async fn remove_taken_down(&self) -> anyhow::Result<()> {
        let marked = self.core.blobs_taken_down().await?;
        if marked.is_empty() {
            return Ok(());
        }
        let core = self.core.clone();
        // All files are looked through: not on a thread that others wait for.
        let judged = tokio::task::spawn_blocking(move || core.to_remove(&marked)).await??;
        for (blob, goes) in judged {
            // Files have it still; it is gone all the same.
            if goes && self.blobs.remove(BlobId(blob.0), || false).await? == Removal::Pinned {
                // Somebody reads it right now: at the next look.
                continue;
            }
            self.core.blob_removed(blob).await?;
        }
        Ok(())
    }
}
