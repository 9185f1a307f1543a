//! How secret chats end: because one of the two ends them, or because a login does.

use node_store::Keyspace;

use super::{Act, FILE, SAID, SecretChatId, SecretError, Side, Stage, key, side_key};
use crate::decide::Decide;
use crate::ids::{Actor, AuthKeyId, UserId};
use crate::media::FileId;
use crate::timers::{Kind, at};
use crate::{Core, CoreError, CoreResult};

/// How long files are kept after a chat has ended, in seconds: a device that has not fetched them yet may.
const FILES_KEPT_S: i32 = 7 * 86_400;

/// Files, and other rows, of a chat that has ended that one command lets go of.
const FILES_AT_ONCE: usize = 100;

impl Core {
    /// Ends a secret chat, or declines it; with `delete_history` the other one is asked to remove what was
    /// said. The chat of another device of the caller's only that one ends.
    ///
    /// # Errors
    /// [`SecretError::UnknownChat`], [`SecretError::AlreadyAccepted`] for one that another device has,
    /// [`SecretError::AlreadyDiscarded`].
    pub async fn discard_secret_chat(
        &self,
        by: Actor,
        user: UserId,
        chat: SecretChatId,
        delete_history: bool,
    ) -> CoreResult<()> {
        self.write(Some(by), move |decide| {
            let device = decide.login_of(user, by.auth_key)?;
            let side = decide.side(user, chat)?.ok_or(SecretError::UnknownChat)?;
            match (&side.stage, side.device) {
                (Stage::Discarded { .. }, _) => Err(SecretError::AlreadyDiscarded.into()),
                (_, Some(other)) if other != device => match side.outgoing {
                    true => Err(SecretError::UnknownChat.into()),
                    false => Err(SecretError::AlreadyAccepted.into()),
                },
                _ => decide.end_secret_chat_by(user, chat, delete_history, Some(by)),
            }
        })
        .await
    }
}

impl Decide<'_> {
    /// The owner's side ends, and the other one is told.
    pub(super) fn end_secret_chat(
        &mut self,
        owner: UserId,
        chat: SecretChatId,
        delete_history: bool,
    ) -> CoreResult<()> {
        self.end_secret_chat_by(owner, chat, delete_history, None)
    }

    fn end_secret_chat_by(
        &mut self,
        owner: UserId,
        chat: SecretChatId,
        delete_history: bool,
        by: Option<Actor>,
    ) -> CoreResult<()> {
        let side = self.side(owner, chat)?.filter(|side| !side.is_over());
        let Some(mut side) = side else { return Ok(()) };
        let act = Act::Discard { history_deleted: delete_history };
        side.end_told = match self.carry_out(owner, chat, &mut side, act) {
            // It ends here all the same: what the other one says is answered by that.
            Err(CoreError::Flood { .. } | CoreError::NodeUnreachable | CoreError::UnknownUser) => {
                false
            }
            told => told.map(|()| true)?,
        };
        self.close_side(owner, chat, side, delete_history, by)
    }

    /// The other side has ended.
    pub(super) fn take_discard(
        &mut self,
        owner: UserId,
        by: UserId,
        chat: SecretChatId,
        history_deleted: bool,
    ) -> CoreResult<()> {
        let side = self.side(owner, chat)?.filter(|side| side.with == by && !side.is_over());
        match side {
            Some(mut side) => {
                side.end_told = true;
                self.close_side(owner, chat, side, history_deleted, None)
            }
            None => Ok(()),
        }
    }

    /// This side has ended. What was said stays until its device has taken it.
    fn close_side(
        &mut self,
        owner: UserId,
        chat: SecretChatId,
        side: Side,
        history_deleted: bool,
        by: Option<Actor>,
    ) -> CoreResult<()> {
        let stage = Stage::Discarded { history_deleted };
        let side = Side { stage, changed: self.now(), ..side };
        self.put_side(owner, chat, &side)?;
        self.tell_stage(owner, chat, &side, by)?;
        self.clear_later(owner, chat, if history_deleted { 0 } else { FILES_KEPT_S });
        Ok(())
    }

    fn clear_later(&mut self, owner: UserId, chat: SecretChatId, in_s: i32) {
        let due = self.now().saturating_add(in_s);
        let key = at(Kind::ClearSecret, due, owner, &chat.0.to_be_bytes());
        self.set_timer(&key, Vec::new());
    }

    /// Lets go of some files and random ids of a chat that has ended.
    pub(crate) fn clear_secret_chat(&mut self, owner: UserId, rest: &[u8]) -> CoreResult<()> {
        let chat = rest.first_chunk().map(|chat| SecretChatId(i32::from_be_bytes(*chat)));
        let chat = chat.ok_or(CoreError::Damaged("timer"))?;
        // The number may be another chat's by now.
        if self.side(owner, chat)?.is_some_and(|side| !side.is_over()) {
            return Ok(());
        }
        let files =
            self.scan_prefix(Keyspace::SECRET, &key(FILE, owner, chat, &[]), FILES_AT_ONCE)?;
        for (key, _) in &files {
            let file = key.last_chunk().map(|file| FileId(i64::from_be_bytes(*file)));
            self.hold_file(file, -1)?;
            self.delete(Keyspace::SECRET, key);
        }
        if files.len() == FILES_AT_ONCE {
            self.clear_later(owner, chat, 0);
            return Ok(());
        }
        self.clear_rows(Keyspace::SECRET, &key(SAID, owner, chat, &[]))
    }

    /// Nothing of a chat that has ended is known any more.
    pub(crate) fn forget_side(&mut self, owner: UserId, chat: SecretChatId) {
        self.delete(Keyspace::SECRET, &side_key(owner, chat));
        self.clear_later(owner, chat, 0);
    }

    /// A login has ended: so do its chats, and what waits for it goes.
    pub(crate) fn end_secret_chats(&mut self, user: UserId, device: AuthKeyId) -> CoreResult<()> {
        for (chat, side) in self.sides(user)? {
            if side.device != Some(device) {
                continue;
            }
            self.end_secret_chat(user, chat, false)?;
            // Also of those that have ended before.
            if let Some(side) = self.side(user, chat)?.filter(|side| side.waiting > 0) {
                let side = Side { waiting: 0, waiting_bytes: 0, ..side };
                self.put_side(user, chat, &side)?;
            }
        }
        self.end_queue(device)
    }

    /// An account is no more: what it was asked for is declined, and nothing is known of what it had.
    pub(crate) fn forget_secret_chats(&mut self, user: UserId) -> CoreResult<()> {
        for (chat, _) in self.sides(user)? {
            self.end_secret_chat(user, chat, false)?;
            self.forget_side(user, chat);
        }
        Ok(())
    }

    /// What was told to another node did not get there: the chat can go no further, and the other side, where
    /// there is one, does not know.
    pub(super) fn end_unheard(
        &mut self,
        owner: UserId,
        with: UserId,
        chat: SecretChatId,
        was_end: bool,
    ) -> CoreResult<()> {
        match self.side(owner, chat)?.filter(|side| side.with == with) {
            Some(side) if !side.is_over() => self.close_side(owner, chat, side, false, None),
            Some(side) if was_end => self.put_side(owner, chat, &Side { end_told: false, ..side }),
            _ => Ok(()),
        }
    }
}
