//! Letters that wait for their nodes.

use glog::Node16;
use glog::cbor::{Blob, Wire};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::kinds::{Kind, body};
use super::letter::{BODY_BYTES_MAX, Letter, LetterId};
use super::{LETTER, OUTBOX, SLOT, key};
use crate::decide::{Decide, scan_prefix};
use crate::event::Event;
use crate::record::Record;
use crate::secret::ACTS_OF_LETTER_MAX;
use crate::{Core, CoreError, CoreResult};

/// How long a letter waits before it is given up, in milliseconds.
pub const LETTER_KEPT_MS: u64 = 30 * 86_400_000;

/// What may wait for one node, and for all. Protects the disk from a node that is away, or from many.
pub(crate) const LETTERS_OF_NODE_MAX: u32 = 10_000;
const BYTES_OF_NODE_MAX: u64 = 32 << 20;
const LETTERS_MAX: u32 = 100_000;
const BYTES_MAX: u64 = 256 << 20;

/// One part in so many of each box is kept for what a node has to say by itself, so that what people
/// write leaves it room; and one for all but secret chats, which write the most.
const KEPT_FOR_NODES: u32 = 8;
const KEPT_FROM_CHATS: u32 = 4;

/// What a letter costs beside its body: its row.
const ROW_BYTES: u64 = 128;

/// Letters that one command gives up.
const EXPIRED_AT_ONCE: usize = 256;

/// Acts about secret chats that are read to see how long they are.
const ACTS_READ_FIRST: usize = 8;

/// Nodes for which something may wait.
const NODES_MAX: usize = 100_000;

/// A letter that waits. It is signed and sealed when it goes: keys may be others by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::federation) struct Waiting {
    pub(super) id: LetterId,
    /// For whom of the node's people, or 0.
    pub(super) user: u64,
    pub(super) kind: u16,
    pub(super) version: u8,
    pub(in crate::federation) body: Vec<u8>,
    pub(super) expires_ms: u64,
    /// The letter that is written next for the same takes its place.
    pub(super) slot: Option<[u8; 16]>,
}

impl Record for Waiting {
    const VERSION: u8 = 1;
    const NAME: &'static str = "letter that waits";
}

impl Waiting {
    fn bytes(&self) -> u64 {
        ROW_BYTES + self.body.len() as u64
    }
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Queue {
    /// The number that the next letter gets.
    next: u64,
    letters: u32,
    bytes: u64,
}

impl Record for Queue {
    const VERSION: u8 = 1;
    const NAME: &'static str = "queue of letters";
}

/// What waits for one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingMail {
    /// Which.
    pub node: Node16,
    /// So many letters.
    pub letters: u32,
    /// In bytes.
    pub bytes: u64,
}

/// Places in what waits for a node, with the names of what waits there.
type LetterRows = Vec<(u64, LetterId)>;

/// A letter as it goes.
#[derive(Debug, Clone)]
pub struct SealedLetter {
    /// To which node.
    pub node: Node16,
    /// The rows of what waits for that node that it brings, with their names.
    rows: LetterRows,
    /// The bytes of the box.
    pub sealed: Vec<u8>,
}

/// What a node said of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterAnswer {
    /// It is kept there.
    Taken,
    /// The node can do nothing with it, however often it comes.
    Refused,
}

/// A letter as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) to: Node16,
    /// For whom of that node's people, or 0: for the node itself.
    pub(crate) user: u64,
    pub(crate) kind: Kind,
    pub(crate) body: Blob<BODY_BYTES_MAX>,
    /// It takes the place of the letter that waits under the same name.
    pub(crate) slot: Option<[u8; 16]>,
    /// The node says it by itself, for no one person.
    pub(crate) by_node: bool,
}

impl Post {
    /// A letter of a node to a node.
    ///
    /// # Errors
    /// [`CoreError::TooLarge`].
    pub(crate) fn new<T: Wire>(to: Node16, kind: Kind, said: &T) -> CoreResult<Self> {
        Ok(Self { to, user: 0, kind, body: body(said)?, slot: None, by_node: false })
    }

    /// Something about a secret chat, as [`Kind::SECRET`] has it.
    ///
    /// # Errors
    /// [`CoreError::TooLarge`].
    pub(crate) fn secret(to: Node16, act: Vec<u8>) -> CoreResult<Self> {
        let body = Blob::new(act).map_err(|_| CoreError::TooLarge("letter"))?;
        Ok(Self { to, user: 0, kind: Kind::SECRET, body, slot: None, by_node: false })
    }
}

fn letter_key(node: Node16, number: u64) -> Vec<u8> {
    key(LETTER, node, &number.to_be_bytes())
}

impl Core {
    /// Nodes for which letters wait, and how many.
    ///
    /// # Errors
    /// Those of the store.
    pub fn mail_waiting(&self) -> CoreResult<Vec<WaitingMail>> {
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &[OUTBOX], NODES_MAX)?;
        let mut waiting = Vec::new();
        for (key, row) in rows {
            let Some(node) = key.get(1..).and_then(|node| node.try_into().ok()) else { continue };
            let Queue { letters, bytes, .. } = Queue::decode(&row)?;
            waiting.push(WaitingMail { node: Node16(node), letters, bytes });
        }
        Ok(waiting)
    }

    /// The oldest letter for a node, signed and sealed; those whose time is over are given up. The same
    /// until [`Self::letter_answered`] says what became of it. `None` where nothing waits, and for a node
    /// that is unknown or blocked.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn next_letter(&self, node: Node16) -> CoreResult<Option<SealedLetter>> {
        // Nothing leaves that is not durable: what a command sees may not be.
        self.write(None, move |decide| decide.next_letter(node)).await
    }

    /// A node has said what it does with a letter: it does not go again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn letter_answered(
        &self,
        letter: &SealedLetter,
        answer: LetterAnswer,
    ) -> CoreResult<()> {
        let (node, rows) = (letter.node, letter.rows.clone());
        self.write(None, move |decide| {
            for (number, id) in rows {
                let waiting: Option<Waiting> =
                    decide.load(Keyspace::NODES, &letter_key(node, number))?;
                // Another one may have taken its place, or its time was over meanwhile.
                if let Some(waiting) = waiting.filter(|waiting| waiting.id == id) {
                    decide.end_letter(node, number, &waiting, Fate::from(answer))?;
                }
            }
            Ok(())
        })
        .await
    }

    /// What a letter about secret chats brings, for tests that look into it.
    #[cfg(test)]
    pub(crate) fn secret_rows_of(&self, letter: &SealedLetter) -> Vec<Vec<u8>> {
        let row = |(number, _): &(u64, LetterId)| {
            let key = letter_key(letter.node, *number);
            let row = self.inner.store.get(Keyspace::NODES, &key).unwrap();
            row.map(|row| Waiting::decode(&row).unwrap().body)
        };
        letter.rows.iter().filter_map(row).collect()
    }

    /// Time has passed: letters that nobody takes are given up, and ids forgotten that cannot come again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tidy_mail(&self) -> CoreResult<()> {
        for WaitingMail { node, .. } in self.mail_waiting()? {
            // As often as there is more.
            while self.write(None, move |decide| decide.expire_letters(node)).await? {}
        }
        while self.write(None, |decide| decide.forget_taken()).await? {}
        Ok(())
    }
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was taken.
    Taken,
    /// It was refused.
    Refused,
    /// Its time is over.
    Expired,
}

impl From<LetterAnswer> for Fate {
    fn from(answer: LetterAnswer) -> Self {
        match answer {
            LetterAnswer::Taken => Self::Taken,
            LetterAnswer::Refused => Self::Refused,
        }
    }
}

impl Decide<'_> {
    /// Writes a letter: it goes once the batch is durable and the node is connected.
    ///
    /// # Errors
    /// [`CoreError::MailboxFull`], [`CoreError::NodeUnreachable`] for a node that the operator wants
    /// nothing of, and this one.
    pub(crate) fn post(&mut self, post: Post) -> CoreResult<()> {
        let Post { to, user, kind, body, slot, by_node } = post;
        if to == self.inner.logs.keys().node().short() || self.is_frozen(to)? {
            return Err(CoreError::NodeUnreachable);
        }
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        let replaced = match slot {
            Some(slot) => self.in_slot(to, &slot)?,
            None => None,
        };
        // In its place and for its time: else one that is replaced for ever would keep those behind it.
        let expires_ms = self.now_ms.saturating_add(LETTER_KEPT_MS);
        let expires_ms = replaced.as_ref().map_or(expires_ms, |(_, old)| old.expires_ms);
        let kept_from = match kind {
            _ if by_node => 0,
            Kind::SECRET => KEPT_FROM_CHATS,
            _ => KEPT_FOR_NODES,
        };
        let (kind, version, body) = (kind.number, kind.version, body.into_vec());
        let waiting = Waiting { id, user, kind, version, body, expires_ms, slot };
        let queue = self.queue(&key(OUTBOX, to, &[]))?;
        let all = self.queue(&[OUTBOX])?;
        let (letters, bytes) = match &replaced {
            Some((_, old)) => (0, waiting.bytes().saturating_sub(old.bytes())),
            None => (1, waiting.bytes()),
        };
        let has_room = |queue: &Queue, letters_max: u32, bytes_max: u64| {
            let kept = |max: u64| match kept_from {
                0 => max,
                part => max - max / u64::from(part),
            };
            u64::from(queue.letters + letters) <= kept(letters_max.into())
                && queue.bytes + bytes <= kept(bytes_max)
        };
        if !has_room(&queue, LETTERS_OF_NODE_MAX, BYTES_OF_NODE_MAX)
            || !has_room(&all, LETTERS_MAX, BYTES_MAX)
        {
            return Err(CoreError::MailboxFull);
        }
        let number = match replaced {
            Some((number, old)) => {
                self.count_letters(to, |queue| {
                    queue.bytes = queue.bytes.saturating_sub(old.bytes())
                })?;
                number
            }
            None => {
                self.count_letters(to, |queue| {
                    queue.letters += 1;
                    queue.next += 1;
                })?;
                queue.next
            }
        };
        let bytes = waiting.bytes();
        self.count_letters(to, |queue| queue.bytes += bytes)?;
        self.put(Keyspace::NODES, &letter_key(to, number), &waiting)?;
        if let Some(slot) = slot {
            let key = key(SLOT, to, &slot);
            self.put_bytes(Keyspace::NODES, &key, number.to_be_bytes().to_vec());
        }
        self.event(Event::Mail);
        Ok(())
    }

    fn in_slot(&self, node: Node16, slot: &[u8; 16]) -> CoreResult<Option<(u64, Waiting)>> {
        let row = self.get(Keyspace::NODES, &key(SLOT, node, slot))?;
        let number = row.and_then(|row| row.first_chunk().map(|n| u64::from_be_bytes(*n)));
        let Some(number) = number else { return Ok(None) };
        let waiting: Option<Waiting> = self.load(Keyspace::NODES, &letter_key(node, number))?;
        Ok(waiting.map(|waiting| (number, waiting)))
    }

    fn queue(&self, key: &[u8]) -> CoreResult<Queue> {
        Ok(self.load(Keyspace::NODES, key)?.unwrap_or_default())
    }

    /// Changes how much waits for a node, and for all. What is empty has no row.
    fn count_letters(&mut self, node: Node16, change: impl Fn(&mut Queue)) -> CoreResult<()> {
        for key in [key(OUTBOX, node, &[]), vec![OUTBOX]] {
            let mut queue = self.queue(&key)?;
            change(&mut queue);
            if queue.letters == 0 {
                self.delete(Keyspace::NODES, &key);
            } else {
                self.put(Keyspace::NODES, &key, &queue)?;
            }
        }
        Ok(())
    }

    /// How many letters wait for a node.
    pub(crate) fn letters_waiting(&self, node: Node16) -> CoreResult<u32> {
        Ok(self.queue(&key(OUTBOX, node, &[]))?.letters)
    }

    fn first_letters(&self, node: Node16, count: usize) -> CoreResult<Vec<(u64, Waiting)>> {
        let rows = self.scan_prefix(Keyspace::NODES, &key(LETTER, node, &[]), count)?;
        let letters = rows.iter().map(|(key, row)| {
            let number = key.last_chunk().ok_or(CoreError::Damaged(Waiting::NAME))?;
            Ok((u64::from_be_bytes(*number), Waiting::decode(row)?))
        });
        letters.collect()
    }

    fn next_letter(&mut self, node: Node16) -> CoreResult<Option<SealedLetter>> {
        let Some(row) = self.node_row(node)?.filter(|row| !row.blocked) else { return Ok(None) };
        if self.expire_letters(node)? {
            return Ok(None);
        }
        let Some((number, waiting)) = self.first_letters(node, 1)?.pop() else { return Ok(None) };
        let Waiting { id, user, kind, version, body, expires_ms, .. } = waiting;
        let mut rows = vec![(number, id)];
        let body = match (Kind { number: kind, version }) {
            // What is secret rests sealed, and nowhere else.
            Kind::HAND_OVER => self.hand_over_body(body)?,
            Kind::SECRET => {
                let (body, packed) = self.pack_secret(node)?;
                rows = packed;
                body
            }
            _ => body,
        };
        let keys = self.inner.logs.keys();
        let letter = Letter {
            from: keys.node(),
            key_serial: keys.cert().body.serial,
            to: glog::NodeId(row.id),
            user,
            id,
            expires_ms,
            kind,
            version,
            body: Blob::new(body).map_err(|_| CoreError::Damaged(Waiting::NAME))?,
        };
        let sealed = letter.seal(keys.operational(), &row.cert()?, &mut *self.rng)?;
        Ok(Some(SealedLetter { node, rows, sealed }))
    }

    /// The first letters for a node, which are about secret chats, as the body of one; and their rows.
    fn pack_secret(&self, node: Node16) -> CoreResult<(Vec<u8>, LetterRows)> {
        // Most are short; of long ones no more than a few fit.
        let mut first = self.first_letters(node, ACTS_READ_FIRST)?;
        let bytes: usize = first.iter().map(|(_, waiting)| waiting.body.len()).sum();
        if bytes < BODY_BYTES_MAX / 2 {
            first = self.first_letters(node, ACTS_OF_LETTER_MAX)?;
        }
        let is_one = |waiting: &Waiting| {
            (Kind { number: waiting.kind, version: waiting.version }) == Kind::SECRET
        };
        first.truncate(first.iter().take_while(|(_, waiting)| is_one(waiting)).count());
        let acts: Vec<&[u8]> = first.iter().map(|(_, waiting)| waiting.body.as_slice()).collect();
        let (body, count) = crate::secret::pack(&acts)?;
        first.truncate(count);
        Ok((body, first.into_iter().map(|(number, waiting)| (number, waiting.id)).collect()))
    }

    /// Gives up letters whose time is over: whether there may be more.
    fn expire_letters(&mut self, node: Node16) -> CoreResult<bool> {
        // Whatever is younger waits behind: mostly the first says it.
        let first = self.first_letters(node, 1)?.pop();
        if first.is_none_or(|(_, waiting)| waiting.expires_ms > self.now_ms) {
            return Ok(false);
        }
        let mut given_up = 0;
        for (number, waiting) in self.first_letters(node, EXPIRED_AT_ONCE)? {
            if waiting.expires_ms > self.now_ms {
                return Ok(false);
            }
            self.end_letter(node, number, &waiting, Fate::Expired)?;
            given_up += 1;
        }
        Ok(given_up == EXPIRED_AT_ONCE)
    }

    fn end_letter(
        &mut self,
        node: Node16,
        number: u64,
        waiting: &Waiting,
        fate: Fate,
    ) -> CoreResult<()> {
        self.delete(Keyspace::NODES, &letter_key(node, number));
        if let Some(slot) = &waiting.slot {
            self.delete(Keyspace::NODES, &key(SLOT, node, slot));
        }
        let bytes = waiting.bytes();
        self.count_letters(node, |queue| {
            queue.letters = queue.letters.saturating_sub(1);
            queue.bytes = queue.bytes.saturating_sub(bytes);
        })?;
        self.letter_ended(node, waiting, fate)
    }

    /// What follows from what became of a letter.
    fn letter_ended(&mut self, node: Node16, waiting: &Waiting, fate: Fate) -> CoreResult<()> {
        match (Kind { number: waiting.kind, version: waiting.version }) {
            Kind::TAKEDOWN => self.takedown_told(node, waiting, fate),
            Kind::SUMS => self.sums_letter_ended(node, waiting, fate),
            Kind::HAND_OVER => self.hand_over_ended(node, &waiting.body, fate),
            Kind::SECRET => self.secret_letter_ended(node, &waiting.body, fate),
            // Of reports and of accounts that are no more nothing follows.
            _ => Ok(()),
        }
    }
}
