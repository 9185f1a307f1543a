//! Asking for a secret chat, accepting one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use glog::{Node16, UserRef};

use super::{
    Act, Answer, PublicValue, SIDES_MAX, SecretChat, SecretChatId, SecretError, Side, Stage,
};
use crate::decide::Decide;
use crate::ids::{Actor, AuthKeyId, UserId};
use crate::limits::Limit;
use crate::{Core, CoreError, CoreResult};

/// Chats that wait for one person's answer. Beyond, one ends.
const REQUESTED_MAX: usize = 50;

/// Chats of the same two people that have not ended. Protects both from one who asks again and again.
const OF_PAIR_MAX: usize = 10;

/// How long somebody waits who has more, in seconds.
const PAIR_FULL_WAIT_S: u32 = 3600;

impl Core {
    /// Asks somebody for a secret chat. The number is the client's: asked again with the same value, it is
    /// the same chat.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`], [`CoreError::Deactivated`], [`CoreError::UserPrivacy`] for whom nobody
    /// can write to, [`CoreError::NodeUnreachable`]; [`SecretError::NumberTaken`],
    /// [`SecretError::Blocked`]; [`CoreError::Flood`] for too many strangers, or chats of the two.
    pub async fn request_secret_chat(
        &self,
        by: Actor,
        from: UserId,
        to: UserId,
        chat: SecretChatId,
        g_a: PublicValue,
    ) -> CoreResult<SecretChat> {
        self.write(Some(by), move |decide| decide.request_secret_chat(by, from, to, chat, g_a))
            .await
    }

    /// Accepts a secret chat: it is this login's from now on. Accepted again with the same key, nothing
    /// changes.
    ///
    /// # Errors
    /// [`SecretError::UnknownChat`], [`SecretError::AlreadyAccepted`] by another device,
    /// [`SecretError::AlreadyDiscarded`].
    pub async fn accept_secret_chat(
        &self,
        by: Actor,
        user: UserId,
        chat: SecretChatId,
        g_b: PublicValue,
        key_fingerprint: i64,
    ) -> CoreResult<SecretChat> {
        self.write(Some(by), move |decide| {
            decide.accept_secret_chat(by, user, chat, g_b, key_fingerprint)
        })
        .await
    }
}

impl Side {
    fn new(with: UserId, date: i32, stage: Stage, device: Option<AuthKeyId>) -> Self {
        Self {
            with,
            outgoing: device.is_some(),
            date,
            stage,
            changed: date,
            device,
            used: false,
            read: None,
            read_told: 0,
            waiting: 0,
            waiting_bytes: 0,
            told: 0,
            heard: (0, [0; 8]),
            end_told: false,
        }
    }
}

impl Decide<'_> {
    fn request_secret_chat(
        &mut self,
        by: Actor,
        from: UserId,
        to: UserId,
        chat: SecretChatId,
        g_a: PublicValue,
    ) -> CoreResult<SecretChat> {
        let device = self.login_of(from, by.auth_key)?;
        if chat.0 == 0 || to == from || to == UserId::SERVICE {
            return Err(CoreError::UnknownUser);
        }
        if let Some(known) = self.side(from, chat)? {
            return self.request_again(from, to, chat, device, known, g_a);
        }
        if !crate::is_remote(to) {
            if self.is_blocked(to, from)? {
                return Err(SecretError::Blocked.into());
            }
            if self.side(to, chat)?.is_some() {
                return Err(SecretError::NumberTaken.into());
            }
        }
        let sides = self.sides(from)?;
        let of_pair = sides.iter().filter(|(_, side)| side.with == to && !side.is_over()).count();
        if of_pair >= OF_PAIR_MAX {
            return Err(CoreError::Flood { wait_s: PAIR_FULL_WAIT_S });
        }
        self.take(Limit::SecretChats(from), 1)?;
        self.may_write(from, to.into())?;
        self.make_room_for_side(from)?;
        let stage = Stage::Waiting(g_a.clone());
        let mut side = Side::new(to, self.now(), stage, Some(device));
        self.carry_out(from, chat, &mut side, Act::Request(g_a))?;
        self.put_side(from, chat, &side)?;
        side.shown(from, chat, device).ok_or(SecretError::UnknownChat.into())
    }

    /// A client asks for a chat that it has asked for before: the answer was lost. One that was ended before
    /// it could keep its secret value comes with another public one, which counts as long as nobody has
    /// accepted.
    fn request_again(
        &mut self,
        from: UserId,
        to: UserId,
        chat: SecretChatId,
        device: AuthKeyId,
        mut known: Side,
        g_a: PublicValue,
    ) -> CoreResult<SecretChat> {
        let is_same = known.with == to && known.outgoing && known.device == Some(device);
        if !is_same || known.is_over() {
            return Err(SecretError::NumberTaken.into());
        }
        if matches!(&known.stage, Stage::Waiting(before) if *before != g_a) {
            if !crate::is_remote(to) && self.is_blocked(to, from)? {
                return Err(SecretError::Blocked.into());
            }
            // It rings as a new one does.
            self.take(Limit::SecretChats(from), 1)?;
            known.stage = Stage::Waiting(g_a.clone());
            self.carry_out(from, chat, &mut known, Act::Request(g_a))?;
            self.put_side(from, chat, &known)?;
        }
        known.shown(from, chat, device).ok_or(SecretError::UnknownChat.into())
    }

    /// Somebody asks the owner.
    pub(super) fn take_request(
        &mut self,
        owner: UserId,
        by: UserId,
        chat: SecretChatId,
        g_a: PublicValue,
    ) -> CoreResult<Answer> {
        if let Some(mut known) = self.side(owner, chat)? {
            if known.with != by || known.outgoing || known.is_over() {
                return Ok(Answer::NoChat);
            }
            // Asked anew, before anybody has accepted.
            if matches!(&known.stage, Stage::Requested(before) if *before != g_a) {
                known.stage = Stage::Requested(g_a);
                known.changed = self.now();
                self.put_side(owner, chat, &known)?;
                self.tell_stage(owner, chat, &known, None)?;
            }
            return Ok(Answer::Done);
        }
        let sides = self.sides(owner)?;
        let of_pair = sides.iter().filter(|(_, side)| side.with == by && !side.is_over());
        if of_pair.count() >= OF_PAIR_MAX {
            return Ok(Answer::NoChat);
        }
        self.make_room_for_request(owner, &sides)?;
        self.make_room_for_side(owner)?;
        let side = Side::new(by, self.now(), Stage::Requested(g_a), None);
        self.put_side(owner, chat, &side)?;
        self.tell_stage(owner, chat, &side, None)?;
        Ok(Answer::Done)
    }

    fn accept_secret_chat(
        &mut self,
        by: Actor,
        user: UserId,
        chat: SecretChatId,
        g_b: PublicValue,
        key_fingerprint: i64,
    ) -> CoreResult<SecretChat> {
        let device = self.login_of(user, by.auth_key)?;
        let side = self.side(user, chat)?.filter(|side| !side.outgoing);
        let mut side = side.ok_or(SecretError::UnknownChat)?;
        let g_a = match &side.stage {
            Stage::Requested(g_a) => g_a.clone(),
            Stage::Open(_, known) if side.device == Some(device) && *known == key_fingerprint => {
                let shown = side.shown(user, chat, device);
                return shown.ok_or(SecretError::UnknownChat.into());
            }
            Stage::Open(..) => return Err(SecretError::AlreadyAccepted.into()),
            Stage::Discarded { .. } => return Err(SecretError::AlreadyDiscarded.into()),
            Stage::Waiting(_) => return Err(SecretError::UnknownChat.into()),
        };
        side.stage = Stage::Open(g_a, key_fingerprint);
        side.changed = self.now();
        side.device = Some(device);
        // It knows that the chat is open: nothing waits to be told.
        side.used = true;
        self.carry_out(user, chat, &mut side, Act::Accept(g_b, key_fingerprint))?;
        self.put_side(user, chat, &side)?;
        self.tell_stage(user, chat, &side, Some(by))?;
        side.shown(user, chat, device).ok_or(SecretError::UnknownChat.into())
    }

    /// Who was asked has accepted.
    pub(super) fn take_accept(
        &mut self,
        owner: UserId,
        by: UserId,
        chat: SecretChatId,
        g_b: PublicValue,
        key_fingerprint: i64,
    ) -> CoreResult<Answer> {
        let Some(mut side) = self.side(owner, chat)?.filter(|side| side.with == by) else {
            return Ok(Answer::NoChat);
        };
        match &side.stage {
            Stage::Waiting(_) => {}
            Stage::Open(..) if side.outgoing => return Ok(Answer::Done),
            _ => return Ok(Answer::NoChat),
        }
        side.stage = Stage::Open(g_b, key_fingerprint);
        side.changed = self.now();
        self.put_side(owner, chat, &side)?;
        self.tell_stage(owner, chat, &side, None)?;
        Ok(Answer::Done)
    }

    /// One more request fits: of who has asked most, the oldest goes; people of another node count as one.
    fn make_room_for_request(
        &mut self,
        owner: UserId,
        sides: &[(SecretChatId, Side)],
    ) -> CoreResult<()> {
        let mut requested: BTreeMap<(Node16, u64), Vec<(i32, SecretChatId)>> = BTreeMap::new();
        let mut count = 0;
        for (chat, side) in sides {
            if matches!(side.stage, Stage::Requested(_)) {
                let UserRef { node, id } = self.user_ref(side.with)?;
                let id = if crate::is_remote(side.with) { 0 } else { id };
                requested.entry((node, id)).or_default().push((side.date, *chat));
                count += 1;
            }
        }
        let oldest = |asked: &Vec<(i32, SecretChatId)>| asked.iter().min().copied();
        let most = requested.values().map(|asked| (asked.len(), Reverse(oldest(asked)))).max();
        match most {
            Some((_, Reverse(Some((_, oldest))))) if count >= REQUESTED_MAX => {
                self.end_secret_chat(owner, oldest, false)
            }
            _ => Ok(()),
        }
    }

    /// One more side fits: the oldest chat that has ended goes.
    fn make_room_for_side(&mut self, user: UserId) -> CoreResult<()> {
        let sides = self.sides(user)?;
        if sides.len() < SIDES_MAX {
            return Ok(());
        }
        let over = sides.iter().filter(|(_, side)| side.is_over());
        match over.min_by_key(|(_, side)| side.changed) {
            Some((oldest, _)) => {
                self.forget_side(user, *oldest);
                Ok(())
            }
            None => Err(CoreError::Flood { wait_s: PAIR_FULL_WAIT_S }),
        }
    }
}
