//! What a device missed of its secret chats.

use std::collections::BTreeSet;

use super::queue::{FIRST_QTS, Queue};
use super::{SecretChatId, SecretMessage, SecretUpdate, Side, Stage};
use crate::ids::{AuthKeyId, UserId};
use crate::{Core, CoreResult};

/// Messages of one slice, and their bytes.
pub(crate) const SLICE_MAX: usize = 100;
const SLICE_BYTES_MAX: usize = 512 * 1024;

/// So long a device that does not answer a request is told of it each time that it comes, in seconds: many
/// clients know no secret chats.
const ANSWERED_WITHIN_S: i32 = 7 * 86_400;

/// What a device missed.
#[derive(Debug, Clone, Default)]
pub struct SecretMissed {
    /// What was said, in order.
    pub messages: Vec<(i32, SecretMessage)>,
    /// What the device has seen with them.
    pub qts: i32,
    /// There is more: the device has to ask again.
    pub more: bool,
    /// How chats stand that changed, and how far the other ones have read.
    pub updates: Vec<SecretUpdate>,
}

impl Core {
    /// What a device missed since it has seen `qts` and `date` (unix seconds; none: it only confirms).
    ///
    /// # Errors
    /// [`crate::CoreError::FromTheFuture`] for a number that no store gives.
    pub async fn secret_missed(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        qts: i32,
        date: Option<i32>,
    ) -> CoreResult<SecretMissed> {
        let device = self.login_of(user, auth_key)?;
        let mut queue = self.secret_queue(device)?;
        // A client that has never counted begins where the queue does.
        let seen = qts.max(FIRST_QTS);
        if queue.as_ref().map_or(FIRST_QTS, Queue::newest) < seen {
            queue = Some(self.catch_up_queue(device, seen).await?);
        }
        self.confirm_qts(device, seen).await?;
        // Before what was said is read: whatever was said in these is found then.
        let over = self.sides(user)?.into_iter().filter(|(_, side)| side.is_over());
        let over: BTreeSet<SecretChatId> = over.map(|(chat, _)| chat).collect();
        let mut messages = self.waiting_after(device, seen, SLICE_MAX + 1)?;
        let newest = queue.as_ref().map_or(FIRST_QTS, Queue::newest);
        let mut bytes = 0;
        let fits = messages.iter().take(SLICE_MAX).take_while(|(_, message)| {
            bytes += message.data.size();
            bytes <= SLICE_BYTES_MAX
        });
        let fits = fits.count();
        let cut = messages.len() > fits;
        messages.truncate(fits);
        let reached = messages.last().map_or(seen, |(qts, _)| *qts);
        let mut updates = Vec::new();
        let mut held_back = false;
        // After it: whatever was said in these was said once they were open.
        for (chat, side) in self.sides(user)? {
            let Some(date) = date else { break };
            let Some(shown) = side.shown(user, chat, device) else { continue };
            // Clients take what was said in a chat that has ended for nothing, and hear of the end first.
            let comes = messages.iter().any(|(_, message)| message.chat == chat);
            if side.is_over() && !over.contains(&chat) {
                // It ends at this moment, which is pushed.
                continue;
            }
            if side.is_over() && (comes || cut && side.waiting > 0) {
                held_back = true;
                continue;
            }
            let is_asked = matches!(side.stage, Stage::Requested(_));
            if is_asked && !self.takes_secret_chats(user, device)? {
                continue;
            }
            if side.changed >= date || side.is_unanswered(device, self.now()) {
                updates.push(SecretUpdate::Chat(shown));
            }
            if let Some((max_date, at)) = side.read.filter(|_| side.device == Some(device))
                && at >= date
                && !side.is_over()
            {
                updates.push(SecretUpdate::Read { chat, max_date, date: at });
            }
        }
        self.settled().await?;
        let more = cut || held_back;
        let qts = if cut { reached } else { newest.max(reached) };
        Ok(SecretMissed { messages, qts, more, updates })
    }
}

impl Side {
    /// Whether the device has to do something before the chat goes on: told until it does, whenever it was
    /// asked.
    fn is_unanswered(&self, device: AuthKeyId, now: i32) -> bool {
        match &self.stage {
            Stage::Requested(_) => now.saturating_sub(self.changed) < ANSWERED_WITHIN_S,
            Stage::Open(..) => self.outgoing && !self.used && self.device == Some(device),
            Stage::Waiting(_) | Stage::Discarded { .. } => false,
        }
    }
}
