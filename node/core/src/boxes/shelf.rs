//! Dialogs by their peer and by their newest message.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;

use super::Dialog;
use crate::CoreResult;
use crate::ids::{MessageId, PeerId, Pts};

/// All dialogs of a box, or all that its owner's saved messages are filed under.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    dialogs: HashMap<PeerId, Dialog>,
    /// Dialogs by their newest message: clients list the newest first.
    order: BTreeMap<MessageId, PeerId>,
    /// Dialogs that changed since they were written.
    pub(super) changed: BTreeSet<PeerId>,
}

impl Deref for Shelf {
    type Target = HashMap<PeerId, Dialog>;

    fn deref(&self) -> &Self::Target {
        &self.dialogs
    }
}

impl Shelf {
    /// Changes a dialog by the event `pts`. Answers how many more of its messages are unread.
    pub(super) fn change(
        &mut self,
        peer: PeerId,
        pts: Pts,
        change: impl FnOnce(&mut Dialog) -> CoreResult<()>,
    ) -> CoreResult<i32> {
        let dialog = self.dialogs.entry(peer).or_default();
        let (before, unread) = (dialog.top, dialog.unread);
        dialog.stamp = pts;
        change(dialog)?;
        let (after, unread) = (dialog.top, dialog.unread - unread);
        if before != after {
            self.order.remove(&before);
            if after.0 != 0 {
                self.order.insert(after, peer);
            }
        }
        self.changed.insert(peer);
        Ok(unread)
    }

    /// Puts a dialog that was read from the store in its place.
    pub(super) fn restore(&mut self, peer: PeerId, dialog: Dialog) {
        if dialog.top.0 != 0 {
            self.order.insert(dialog.top, peer);
        }
        self.dialogs.insert(peer, dialog);
    }

    /// Dialogs that have a message, the newest first, whose newest message is below `below`.
    pub(crate) fn newest_first(
        &self,
        below: Option<MessageId>,
    ) -> impl Iterator<Item = (PeerId, &Dialog)> {
        let end = below.unwrap_or(MessageId(i32::MAX));
        self.order.range(..end).rev().filter_map(|(_, peer)| Some((*peer, self.dialogs.get(peer)?)))
    }

    /// How many dialogs have a message.
    pub(crate) fn listed(&self) -> usize {
        self.order.len()
    }

    /// What was written at `pts` is durable: what did not change since needs no memory.
    pub(super) fn written(&mut self, pts: Pts) {
        let dialogs = &mut self.dialogs;
        self.changed.retain(|peer| {
            let Some(dialog) = dialogs.get_mut(peer) else { return false };
            dialog.index.written(pts);
            dialog.stamp > pts
        });
    }
}
