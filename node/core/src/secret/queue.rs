//! What waits for a device: the secondary message box, which counts by `qts`.
//!
//! Rows go when the client says that it has them (`messages.receivedQueue`). TDLib never says so: it asks for
//! the difference from a `qts` on, by which it says the same. The newest of what was only confirmed so stays,
//! as long as there is room: a client that has lost its newest state asks for it again. What nobody has
//! confirmed never goes; where a queue is full of that, nothing more is taken.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::message::{SecretFile, SecretMessage};
use super::{Ciphertext, QUEUE, SecretChatId, SecretError, SecretUpdate, Side, WAITING};
use crate::decide::Decide;
use crate::ids::{Actor, AuthKeyId, UserId};
use crate::media::FileId;
use crate::record::Record;
use crate::timers::{Kind, at};
use crate::{Core, CoreError, CoreResult};

/// What may wait for one device, and of one chat among it. Protects the disk.
pub(super) const MESSAGES_MAX: u32 = 20_000;
const BYTES_MAX: u64 = 64 << 20;
pub(crate) const MESSAGES_OF_CHAT_MAX: u32 = 5_000;
pub(super) const BYTES_OF_CHAT_MAX: u64 = 16 << 20;

/// A chat of which more waits than this leaves a quarter of the queue to others.
const MESSAGES_OF_CHAT_FAIR: u32 = 1_000;
const BYTES_OF_CHAT_FAIR: u64 = 4 << 20;

/// How long a client waits that says more, in seconds.
pub(super) const FULL_WAIT_S: u32 = 30;

/// A device for which so much more waits is asked to confirm.
pub(super) const ASK_EVERY: u32 = 1_000;
const ASK_EVERY_BYTES: u64 = 4 << 20;

/// Rows that stay though the device has confirmed them, and how many more bring the oldest to go.
pub(crate) const CONFIRMED_KEPT: u32 = 1_000;
const TRIMMED_AFTER: u32 = 500;

/// What a message costs beside its bytes: its row.
const ROW_BYTES: u64 = 128;

/// Rows that make room for one, or that one command removes.
const AT_ONCE: usize = 500;

/// `qts` of an empty queue: TDLib takes a first message with 1 for an error.
pub(super) const FIRST_QTS: i32 = 1;

/// By how much `qts` goes ahead when the store was restored from a backup: the device may have seen numbers
/// that this one has not given yet.
const NEW_LIFE_AHEAD: i32 = 1_000_000;

/// A device is believed to have seen numbers up to this one: beyond, too few are left.
const QTS_BELIEVED_MAX: i32 = i32::MAX / 2;

/// The queue of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Queue {
    /// The newest number.
    newest: i32,
    /// Up to which one the device has asked for what comes after.
    confirmed: i32,
    /// Up to which one nothing is kept.
    gone: i32,
    /// Rows that are kept, and their bytes.
    rows: u32,
    bytes: u64,
    /// In which life of the store the newest was given.
    life: [u8; 16],
}

impl Record for Queue {
    const VERSION: u8 = 1;
    const NAME: &'static str = "queue of a device";
}

/// Something that was said, waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    user: UserId,
    chat: SecretChatId,
    random_id: i64,
    date: i32,
    service: bool,
    data: Ciphertext,
    file: Option<(FileId, u64, i32)>,
}

impl Record for Waiting {
    const VERSION: u8 = 1;
    const NAME: &'static str = "secret message that waits";
}

impl Waiting {
    fn bytes(&self) -> u64 {
        ROW_BYTES + self.data.size() as u64
    }

    pub(super) fn message(self) -> SecretMessage {
        let Self { chat, random_id, date, service, data, file, .. } = self;
        let file = file.map(|(id, size, key_fingerprint)| SecretFile { id, size, key_fingerprint });
        SecretMessage { chat, random_id, date, service, data, file }
    }
}

fn queue_key(device: AuthKeyId) -> Vec<u8> {
    [&[QUEUE][..], &device.0.to_be_bytes()].concat()
}

fn waiting_prefix(device: AuthKeyId) -> Vec<u8> {
    [&[WAITING][..], &device.0.to_be_bytes()].concat()
}

pub(super) fn waiting_key(device: AuthKeyId, qts: i32) -> Vec<u8> {
    // Never negative, so keys sort as numbers do.
    [waiting_prefix(device), qts.max(0).to_be_bytes().to_vec()].concat()
}

pub(super) fn qts_of(key: &[u8]) -> i32 {
    key.last_chunk().map_or(0, |qts| i32::from_be_bytes(*qts))
}

impl Core {
    /// The newest number of a device's queue.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn qts(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<i32> {
        let device = self.login_of(user, auth_key)?;
        let queue = self.secret_queue(device)?;
        self.settled().await?;
        Ok(queue.map_or(FIRST_QTS, |queue| queue.newest))
    }

    pub(super) fn secret_queue(&self, device: AuthKeyId) -> CoreResult<Option<Queue>> {
        let row = self.inner.store.get(Keyspace::SECRET, &queue_key(device))?;
        row.map(|row| Queue::decode(&row)).transpose()
    }

    /// The device has everything up to a number: it goes. Answers the random ids of what went.
    ///
    /// # Errors
    /// [`SecretError::QtsInvalid`] for a number that was not given.
    pub async fn received_queue(
        &self,
        by: Actor,
        user: UserId,
        max_qts: i32,
    ) -> CoreResult<Vec<i64>> {
        let mut all = Vec::new();
        loop {
            let some = self.write(Some(by), move |decide| {
                let device = decide.login_of(user, by.auth_key)?;
                decide.received_queue(device, max_qts)
            });
            let some = some.await?;
            let is_last = some.len() < AT_ONCE;
            all.extend(some);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// The device asks for what comes after a number, which says that it has all before.
    pub(super) async fn confirm_qts(&self, device: AuthKeyId, qts: i32) -> CoreResult<()> {
        let Some(queue) = self.secret_queue(device)? else { return Ok(()) };
        if qts <= queue.confirmed || queue.rows == 0 {
            return Ok(());
        }
        self.write(None, move |decide| {
            let Some(mut queue) = decide.secret_queue(device)? else { return Ok(()) };
            queue.confirmed = queue.confirmed.max(qts.min(queue.newest));
            if queue.rows >= CONFIRMED_KEPT + TRIMMED_AFTER {
                decide.trim_queue_later(device);
            }
            decide.put(Keyspace::SECRET, &queue_key(device), &queue)
        })
        .await
    }

    /// A device has seen numbers that this store has not given: of a life of it that is lost. Its queue
    /// goes ahead of them, else what comes next were taken for seen.
    pub(super) async fn catch_up_queue(&self, device: AuthKeyId, qts: i32) -> CoreResult<Queue> {
        if qts > QTS_BELIEVED_MAX {
            return Err(CoreError::FromTheFuture);
        }
        self.write(None, move |decide| {
            let mut queue = decide.queue_in_life(device)?;
            queue.newest = queue.newest.max(qts);
            decide.put(Keyspace::SECRET, &queue_key(device), &queue)?;
            Ok(queue)
        })
        .await
    }

    /// Rows after a number, in order; at most `limit`.
    pub(super) fn waiting_after(
        &self,
        device: AuthKeyId,
        qts: i32,
        limit: usize,
    ) -> CoreResult<Vec<(i32, SecretMessage)>> {
        let gone = self.secret_queue(device)?.map_or(0, |queue| queue.gone);
        let from = waiting_key(device, qts.max(gone).saturating_add(1));
        let end = [waiting_prefix(device), vec![u8::MAX; 4]].concat();
        let order = node_store::Order::Ascending;
        let rows = self.inner.store.scan(Keyspace::SECRET, &from, Some(&end), limit, order)?;
        let waiting =
            rows.iter().map(|(key, row)| Ok((qts_of(key), Waiting::decode(row)?.message())));
        waiting.collect()
    }

    /// Whether what is counted of a device's queue, and of the chats in it, is what is there.
    #[cfg(test)]
    pub(crate) fn queue_is_counted(&self, user: UserId, device: AuthKeyId) -> bool {
        let (rows, bytes) = self.counted_queue(device);
        let queue = self.secret_queue(device).unwrap();
        let counted = queue.map_or((0, 0), |queue| (queue.rows, queue.bytes));
        let sides = self.sides(user).unwrap();
        let of_chats = sides.iter().filter(|(_, side)| side.device == Some(device));
        let of_chats = of_chats.fold((0, 0), |(rows, bytes), (_, side)| {
            (rows + side.waiting, bytes + side.waiting_bytes)
        });
        counted == (rows, bytes) && of_chats == (rows, bytes)
    }

    /// How many rows wait for a device, and of how many bytes, counted anew.
    #[cfg(test)]
    pub(crate) fn counted_queue(&self, device: AuthKeyId) -> (u32, u64) {
        let prefix = waiting_prefix(device);
        let rows = crate::decide::scan_prefix(
            &*self.inner.store,
            Keyspace::SECRET,
            &prefix,
            usize::MAX >> 1,
        );
        let rows = rows.unwrap();
        let bytes = rows.iter().map(|(_, row)| Waiting::decode(row).unwrap().bytes()).sum();
        (rows.len() as u32, bytes)
    }
}

impl Queue {
    pub(super) fn newest(&self) -> i32 {
        self.newest
    }

    /// Whether one more of so many bytes fits.
    fn has_room(&self, side: &Side, bytes: u64) -> bool {
        let is_fair = side.waiting < MESSAGES_OF_CHAT_FAIR
            && side.waiting_bytes + bytes <= BYTES_OF_CHAT_FAIR;
        let quarters = if is_fair { 4 } else { 3 };
        self.rows < MESSAGES_MAX / 4 * quarters
            && self.bytes + bytes <= BYTES_MAX / 4 * u64::from(quarters)
            && side.waiting < MESSAGES_OF_CHAT_MAX
            && side.waiting_bytes + bytes <= BYTES_OF_CHAT_MAX
    }
}

impl Decide<'_> {
    /// A login has ended: what waits for it goes. The same key may log in again, and have a queue that goes
    /// on.
    pub(super) fn end_queue(&mut self, device: AuthKeyId) -> CoreResult<()> {
        let Some(queue) = self.secret_queue(device)? else { return Ok(()) };
        let up_to = queue.newest;
        let queue = Queue { confirmed: up_to, gone: up_to, rows: 0, bytes: 0, ..queue };
        self.put(Keyspace::SECRET, &queue_key(device), &queue)?;
        self.clear_queue_later(device, up_to);
        Ok(())
    }

    fn clear_queue_later(&mut self, device: AuthKeyId, up_to: i32) {
        let rest = [&device.0.to_be_bytes()[..], &up_to.to_be_bytes()].concat();
        self.set_timer(&at(Kind::ClearQueue, self.now(), UserId(0), &rest), Vec::new());
    }

    /// Removes some of what waited for a login that has ended.
    pub(crate) fn clear_queue(&mut self, rest: &[u8]) -> CoreResult<()> {
        let device = rest.first_chunk().map(|device| AuthKeyId(i64::from_be_bytes(*device)));
        let (device, up_to) = (device.ok_or(CoreError::Damaged("timer"))?, qts_of(rest));
        let rows = self.scan_prefix(Keyspace::SECRET, &waiting_prefix(device), AT_ONCE + 1)?;
        let gone = rows.iter().take_while(|(key, _)| qts_of(key) <= up_to);
        let gone: Vec<&Vec<u8>> = gone.take(AT_ONCE).map(|(key, _)| key).collect();
        for key in &gone {
            self.delete(Keyspace::SECRET, key);
        }
        if gone.len() == AT_ONCE {
            self.clear_queue_later(device, up_to);
        } else if self.secret_queue(device)?.is_some_and(|queue| queue.newest == up_to) {
            self.delete(Keyspace::SECRET, &queue_key(device));
        }
        Ok(())
    }

    fn secret_queue(&self, device: AuthKeyId) -> CoreResult<Option<Queue>> {
        self.load(Keyspace::SECRET, &queue_key(device))
    }

    /// The queue of a device, in the life that the store has now.
    fn queue_in_life(&self, device: AuthKeyId) -> CoreResult<Queue> {
        let life = self.inner.stamp;
        Ok(match self.secret_queue(device)? {
            Some(queue) if queue.life == life => queue,
            Some(queue) => {
                let newest = queue.newest.saturating_add(NEW_LIFE_AHEAD);
                Queue { newest, life, ..queue }
            }
            None => Queue { newest: FIRST_QTS, confirmed: 0, gone: 0, rows: 0, bytes: 0, life },
        })
    }

    /// Puts a message behind all that wait for a device; `side` is the chat's, which the caller writes.
    ///
    /// # Errors
    /// [`CoreError::Flood`] where there is no room.
    pub(super) fn enqueue(
        &mut self,
        user: UserId,
        device: AuthKeyId,
        side: &mut Side,
        message: &SecretMessage,
    ) -> CoreResult<i32> {
        let SecretMessage { chat, random_id, date, service, data, file } = message.clone();
        let file = file.map(|file| (file.id, file.size, file.key_fingerprint));
        let waiting = Waiting { user, chat, random_id, date, service, data, file };
        let bytes = waiting.bytes();
        let mut queue = self.queue_in_life(device)?;
        while !queue.has_room(side, bytes) {
            self.put(Keyspace::SECRET, &queue_key(device), &queue)?;
            let open = (user, chat, &mut *side);
            if self.drop_rows(device, queue.confirmed, AT_ONCE, Some(open))?.is_empty() {
                return Err(CoreError::Flood { wait_s: FULL_WAIT_S });
            }
            queue = self.queue_in_life(device)?;
        }
        let qts = queue.newest.checked_add(1).ok_or(CoreError::BoxFull)?;
        self.put(Keyspace::SECRET, &waiting_key(device, qts), &waiting)?;
        queue.newest = qts;
        let steps = |queue: &Queue| (queue.rows / ASK_EVERY, queue.bytes / ASK_EVERY_BYTES);
        let before = steps(&queue);
        queue.rows += 1;
        queue.bytes += bytes;
        side.waiting += 1;
        side.waiting_bytes += bytes;
        self.put(Keyspace::SECRET, &queue_key(device), &queue)?;
        if steps(&queue) != before {
            self.tell_device(user, device, SecretUpdate::Unconfirmed, None);
        }
        Ok(qts)
    }

    fn trim_queue_later(&mut self, device: AuthKeyId) {
        let rest = device.0.to_be_bytes();
        self.set_timer(&at(Kind::TrimQueue, self.now(), UserId(0), &rest), Vec::new());
    }

    /// Removes some of the oldest rows that a device has confirmed without saying that they may go, where
    /// there are many.
    pub(crate) fn trim_queue(&mut self, rest: &[u8]) -> CoreResult<()> {
        let device = rest.first_chunk().map(|device| AuthKeyId(i64::from_be_bytes(*device)));
        let device = device.ok_or(CoreError::Damaged("timer"))?;
        let Some(queue) = self.secret_queue(device)? else { return Ok(()) };
        let spare = queue.rows.saturating_sub(CONFIRMED_KEPT) as usize;
        let gone = self.drop_rows(device, queue.confirmed, spare.min(AT_ONCE), None)?;
        if gone.len() == AT_ONCE {
            self.trim_queue_later(device);
        }
        Ok(())
    }

    fn received_queue(&mut self, device: AuthKeyId, max_qts: i32) -> CoreResult<Vec<i64>> {
        let newest = self.secret_queue(device)?.map_or(FIRST_QTS, |queue| queue.newest);
        if max_qts < 0 || max_qts > newest {
            return Err(SecretError::QtsInvalid.into());
        }
        self.drop_rows(device, max_qts, AT_ONCE, None)
    }

    /// Some of the oldest rows go, up to a number. Answers their random ids. `open`: a side that the caller
    /// has in hand, and writes.
    fn drop_rows(
        &mut self,
        device: AuthKeyId,
        up_to: i32,
        limit: usize,
        mut open: Option<(UserId, SecretChatId, &mut Side)>,
    ) -> CoreResult<Vec<i64>> {
        let Some(mut queue) = self.secret_queue(device)? else { return Ok(Vec::new()) };
        let from = waiting_key(device, queue.gone.saturating_add(1));
        let end = waiting_key(device, up_to.saturating_add(1));
        if limit == 0 || from >= end {
            return Ok(Vec::new());
        }
        let rows = self.scan(Keyspace::SECRET, &from, Some(&end), limit)?;
        let mut gone = Vec::new();
        for (key, row) in rows {
            let waiting = Waiting::decode(&row)?;
            let bytes = waiting.bytes();
            queue.rows = queue.rows.saturating_sub(1);
            queue.bytes = queue.bytes.saturating_sub(bytes);
            let let_go = |side: &mut Side| {
                side.waiting = side.waiting.saturating_sub(1);
                side.waiting_bytes = side.waiting_bytes.saturating_sub(bytes);
            };
            match &mut open {
                Some((user, chat, side)) if (*user, *chat) == (waiting.user, waiting.chat) => {
                    let_go(side);
                }
                _ => {
                    if let Some(mut side) = self.side(waiting.user, waiting.chat)? {
                        let_go(&mut side);
                        self.put_side(waiting.user, waiting.chat, &side)?;
                    }
                }
            }
            self.delete(Keyspace::SECRET, &key);
            queue.gone = qts_of(&key);
            gone.push(waiting.random_id);
        }
        if !gone.is_empty() {
            self.put(Keyspace::SECRET, &queue_key(device), &queue)?;
        }
        Ok(gone)
    }
}
