//! Acts on their way between the two sides of a chat that live on two nodes.
//!
//! Each act is a row of the outbox of letters, so it goes in the order in which it was done, and waits while
//! the other node is away. Several go in one letter: [`pack`]. They have numbers, by which the other side
//! knows again what comes twice; nothing else is remembered of them.
//!
//! A letter that is given up, or refused, ends the chat at this side: what comes after it could not be
//! understood. A side that is told something of a chat that it does not have answers that it has ended.

use glog::cbor::{Blob, List, Wire, decode, encode, record};
use glog::{Node16, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::message::{SECRET_DATA_BYTES_MAX, Told};
use super::{Act, Answer, Ciphertext, ON_THE_WAY, PublicValue, SecretChatId, Side};
use crate::decide::Decide;
use crate::federation::{LETTER_BODY_BYTES_MAX, LetterEnd, Post};
use crate::ids::{UserId, pair_key};
use crate::limits::Limit;
use crate::media::{BlobId, FileId, SealedFile};
use crate::record::Record;
use crate::user::Role;
use crate::{CoreError, CoreResult};

/// What may wait of one person here for one person elsewhere. Protects the box of their node, which others
/// share.
pub(crate) const ON_THE_WAY_MAX: u32 = 2_000;
pub(crate) const ON_THE_WAY_BYTES_MAX: u64 = 2 << 20;

/// How long a client waits that says more, in seconds.
const FULL_WAIT_S: u32 = 60;

/// Where so many letters wait for a node, it is not told that it asks in chats that are none.
const DENIED_UP_TO: u32 = 500;

/// Acts in one letter.
pub(crate) const ACTS_OF_LETTER_MAX: usize = 64;

/// Bytes of a public value.
const VALUE_BYTES_MAX: usize = 256;

/// Bytes of an act: a message, its file, and their heads.
const ACT_BYTES_MAX: usize = SECRET_DATA_BYTES_MAX + 512;

/// What an act costs beside its bytes: its row.
const ROW_BYTES: u64 = 128;

/// The number of an end that is told of a chat which is not there: above whatever was heard of one.
const DENIED: u64 = u64::MAX;

const REQUEST: u8 = 0;
const ACCEPT: u8 = 1;
const DISCARD: u8 = 2;
const MESSAGE: u8 = 3;
const READ: u8 = 4;

record! {
    /// What somebody did in a secret chat.
    pub struct SecretTold {
        /// The chat's number, as an unsigned one of 32 bits.
        pub chat: u32,
        /// Who, by the number at the sending node.
        pub by: u64,
        /// The other one, by the number at the receiving node.
        pub to: u64,
        /// In which life of its store the sending node did so: the numbers of another one begin anew.
        pub life: [u8; 8],
        /// Higher than that of all before in this chat and life.
        pub number: u64,
        /// What: 0 asked, 1 accepted, 2 ended, 3 said, 4 read.
        pub act: u8,
        /// The fields of that.
        pub of: Blob<ACT_BYTES_MAX>,
    }
}

record! {
    /// Asked for it.
    pub struct Requested {
        /// The public value.
        pub g_a: Blob<VALUE_BYTES_MAX>,
    }
}

record! {
    /// Accepted it.
    pub struct Accepted {
        /// The public value.
        pub g_b: Blob<VALUE_BYTES_MAX>,
        /// What the key is recognised by.
        pub key_fingerprint: u64,
    }
}

record! {
    /// Ended it.
    pub struct Ended {
        /// What was said is to be removed.
        pub history_deleted: bool,
    }
}

record! {
    /// Said something.
    pub struct SaidThere {
        /// Drawn by the client.
        pub random_id: u64,
        /// When, in unix seconds.
        pub date: u64,
        /// One client says something to the other, and shows nothing.
        pub service: bool,
        /// What, encrypted by the client.
        pub data: Blob<SECRET_DATA_BYTES_MAX>,
        /// A file, encrypted by the client too.
        pub file: Option<FileTold>,
    }
}

record! {
    /// A file that lies at the sending node.
    pub struct FileTold {
        /// Its bytes, by what they are.
        pub blob: [u8; 32],
        /// How many.
        pub size: u64,
        /// What the file's key is recognised by.
        pub key_fingerprint: u32,
    }
}

record! {
    /// Has read.
    pub struct HasRead {
        /// What came up to then, in unix seconds.
        pub max_date: u64,
    }
}

/// What waits of one person for another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OnTheWay {
    acts: u32,
    bytes: u64,
}

impl Record for OnTheWay {
    const VERSION: u8 = 1;
    const NAME: &'static str = "secret acts on the way";
}

fn on_the_way_key(user: UserId, with: UserId) -> Vec<u8> {
    [&[ON_THE_WAY][..], &pair_key(user.0, with.0)].concat()
}

fn blob<T: Wire, const MAX: usize>(said: &T) -> CoreResult<Blob<MAX>> {
    Blob::new(encode(said)).map_err(|_| CoreError::TooLarge("secret message"))
}

fn bytes<const MAX: usize>(bytes: Vec<u8>) -> CoreResult<Blob<MAX>> {
    Blob::new(bytes).map_err(|_| CoreError::TooLarge("secret message"))
}

impl Act {
    /// Number and fields.
    fn told(&self) -> CoreResult<(u8, Blob<ACT_BYTES_MAX>)> {
        Ok(match self {
            Self::Request(g_a) => (REQUEST, blob(&Requested { g_a: bytes(g_a.to_wire())? })?),
            Self::Accept(g_b, key_fingerprint) => {
                let key_fingerprint = key_fingerprint.cast_unsigned();
                (ACCEPT, blob(&Accepted { g_b: bytes(g_b.to_wire())?, key_fingerprint })?)
            }
            Self::Discard { history_deleted } => {
                (DISCARD, blob(&Ended { history_deleted: *history_deleted })?)
            }
            Self::Message(Told { random_id, service, data, date, file }) => {
                let file = file.as_ref().map(|file| FileTold {
                    blob: file.blob.0,
                    size: file.size,
                    key_fingerprint: file.key_fingerprint.cast_unsigned(),
                });
                let said = SaidThere {
                    random_id: random_id.cast_unsigned(),
                    date: u64::try_from(*date).unwrap_or(0),
                    service: *service,
                    data: bytes(data.to_wire())?,
                    file,
                };
                (MESSAGE, blob(&said)?)
            }
            Self::Read { max_date } => {
                let max_date = u64::try_from(*max_date).unwrap_or(0);
                (READ, blob(&HasRead { max_date })?)
            }
        })
    }

    /// The inverse; `None` for what no client could have done.
    fn of(act: u8, fields: &[u8]) -> Option<Self> {
        Some(match act {
            REQUEST => {
                let Requested { g_a } = decode(fields).ok()?;
                Self::Request(PublicValue::new(g_a.into_vec()).ok()?)
            }
            ACCEPT => {
                let Accepted { g_b, key_fingerprint } = decode(fields).ok()?;
                let g_b = PublicValue::new(g_b.into_vec()).ok()?;
                Self::Accept(g_b, key_fingerprint.cast_signed())
            }
            DISCARD => {
                let Ended { history_deleted } = decode(fields).ok()?;
                Self::Discard { history_deleted }
            }
            MESSAGE => {
                let SaidThere { random_id, date, service, data, file } = decode(fields).ok()?;
                let date = i32::try_from(date).ok()?;
                let file = file.map(|file| SealedFile {
                    id: FileId(0),
                    owner: UserId(0),
                    date: 0,
                    size: file.size,
                    blob: BlobId(file.blob),
                    key_fingerprint: file.key_fingerprint.cast_signed(),
                });
                if file.as_ref().is_some_and(|file| !file.is_sound()) {
                    return None;
                }
                let (random_id, data) =
                    (random_id.cast_signed(), Ciphertext::new(data.into_vec()).ok()?);
                Self::Message(Told { random_id, service, data, date, file })
            }
            READ => {
                let HasRead { max_date } = decode(fields).ok()?;
                Self::Read { max_date: i32::try_from(max_date).ok()? }
            }
            _ => return None,
        })
    }
}

impl SecretTold {
    fn chat(&self) -> SecretChatId {
        SecretChatId(self.chat.cast_signed())
    }

    /// Who, where that is somebody of the node that asks.
    fn by(&self) -> UserId {
        UserId(i64::try_from(self.by).unwrap_or(0))
    }

    fn to(&self) -> UserId {
        UserId(i64::try_from(self.to).unwrap_or(0))
    }
}

/// The body of a letter with these acts: as many of the first as fit and are of one life of this node, by
/// which the other knows again what comes twice; and how many those are. Each is as it waits.
///
/// # Errors
/// [`CoreError::Damaged`] where not even one fits.
pub(crate) fn pack(waiting: &[&[u8]]) -> CoreResult<(Vec<u8>, usize)> {
    let life = |act: &[u8]| decode::<SecretTold>(act).ok().map(|told| told.life);
    let first = waiting.first().and_then(|act| life(act));
    // The heads of the list and of each act: at most 5 bytes.
    let mut room = LETTER_BODY_BYTES_MAX.saturating_sub(5);
    let fits = waiting.iter().take(ACTS_OF_LETTER_MAX).take_while(|act| {
        let needs = act.len() + 5;
        let fits = needs <= room && life(act) == first;
        room = room.saturating_sub(needs);
        fits
    });
    let acts: Vec<Blob<LETTER_BODY_BYTES_MAX>> =
        fits.filter_map(|act| Blob::new(act.to_vec()).ok()).collect();
    let count = acts.len();
    let list = List::<_, ACTS_OF_LETTER_MAX>::new(acts);
    match list {
        Ok(list) if count > 0 => Ok((encode(&list), count)),
        _ => Err(CoreError::Damaged("secret act that waits")),
    }
}

impl Decide<'_> {
    /// Tells the node of the other one what was done at this side.
    ///
    /// # Errors
    /// [`CoreError::NodeUnreachable`]; [`CoreError::Flood`] where too much waits already.
    pub(super) fn tell_other_node(
        &mut self,
        from: UserId,
        chat: SecretChatId,
        side: &mut Side,
        act: &Act,
    ) -> CoreResult<()> {
        let (node, to) = self.reaches(side.with)?;
        let (act, of) = act.told()?;
        let told = SecretTold {
            chat: chat.0.cast_unsigned(),
            by: from.0.unsigned_abs(),
            to,
            life: self.life(),
            number: side.told + 1,
            act,
            of,
        };
        let body = encode(&told);
        let bytes = ROW_BYTES + body.len() as u64;
        let key = on_the_way_key(from, side.with);
        let mut on_the_way: OnTheWay = self.load(Keyspace::SECRET, &key)?.unwrap_or_default();
        let full =
            on_the_way.acts >= ON_THE_WAY_MAX || on_the_way.bytes + bytes > ON_THE_WAY_BYTES_MAX;
        // That it ends is told also where nothing more is said.
        if full && act != DISCARD {
            return Err(CoreError::Flood { wait_s: FULL_WAIT_S });
        }
        if matches!(act, MESSAGE | READ) {
            self.take(Limit::SecretActs(from), 1)?;
        }
        // Their node may ask what they are called.
        self.note_shown(from)?;
        match self.post(Post::secret(node.short(), body)?) {
            Err(CoreError::MailboxFull) => Err(CoreError::Flood { wait_s: FULL_WAIT_S })?,
            posted => posted?,
        }
        side.told += 1;
        on_the_way.acts += 1;
        on_the_way.bytes += bytes;
        self.put(Keyspace::SECRET, &key, &on_the_way)
    }

    fn life(&self) -> [u8; 8] {
        self.inner.stamp.first_chunk().copied().unwrap_or_default()
    }

    /// An act is no longer on its way.
    pub(crate) fn secret_letter_ended(
        &mut self,
        node: Node16,
        body: &[u8],
        fate: LetterEnd,
    ) -> CoreResult<()> {
        let told: SecretTold =
            decode(body).map_err(|_| CoreError::Damaged("secret act that waits"))?;
        let (by, chat) = (told.by(), told.chat());
        let Some(with) = self.known_account(UserRef { node, id: told.to })? else {
            return Ok(());
        };
        // That there is no such chat is said by the node, and counted for nobody.
        if told.number != DENIED {
            let key = on_the_way_key(by, with);
            let mut on_the_way: OnTheWay = self.load(Keyspace::SECRET, &key)?.unwrap_or_default();
            on_the_way.acts = on_the_way.acts.saturating_sub(1);
            on_the_way.bytes = on_the_way.bytes.saturating_sub(ROW_BYTES + body.len() as u64);
            match on_the_way.acts {
                0 => self.delete(Keyspace::SECRET, &key),
                _ => self.put(Keyspace::SECRET, &key, &on_the_way)?,
            }
        }
        match fate {
            LetterEnd::Taken => Ok(()),
            LetterEnd::Refused | LetterEnd::Expired => {
                self.end_unheard(by, with, chat, told.act == DISCARD)
            }
        }
    }

    /// Another node tells what its people did. None of it is refused for what it asks: a letter that is would
    /// come again, and hold up those of all others.
    pub(crate) fn take_secret(&mut self, node: Node16, said: &[u8]) -> CoreResult<()> {
        type Acts = List<Blob<LETTER_BODY_BYTES_MAX>, ACTS_OF_LETTER_MAX>;
        let acts: Acts = decode(said).map_err(|_| CoreError::NotALetter)?;
        let told = acts.iter().map(|act| decode::<SecretTold>(act));
        let told = told.collect::<Result<Vec<_>, _>>().map_err(|_| CoreError::NotALetter)?;
        let count = u32::try_from(told.len()).unwrap_or(u32::MAX);
        self.take(Limit::LettersOfNode(node), count.max(1))?;
        for told in told {
            let answer = match self.part(|decide| decide.take_secret_act(node, &told))? {
                Ok(answer) => answer,
                Err(cause @ (CoreError::Store(_) | CoreError::Stopped(_))) => return Err(cause),
                // No room, or nobody to tell: the chat ends, and both are told.
                Err(cause) => {
                    tracing::debug!(%cause, "a secret chat with another node ends");
                    Answer::NoChat
                }
            };
            if answer == Answer::NoChat {
                self.end_with_far(node, &told)?;
            }
        }
        Ok(())
    }

    fn take_secret_act(&mut self, node: Node16, told: &SecretTold) -> CoreResult<Answer> {
        let user = UserRef { node, id: told.by };
        let (owner, chat) = (told.to(), told.chat());
        let Some(act) = Act::of(told.act, &told.of) else { return Ok(Answer::NoChat) };
        let account = self.user(owner)?.filter(|account| {
            !account.deleted && matches!(account.role, Role::Owner | Role::Member)
        });
        if account.is_none() || crate::is_remote(owner) || chat.0 == 0 {
            return Ok(Answer::NoChat);
        }
        let by = match (self.known_account(user)?, &act) {
            (Some(by), _) => by,
            (None, Act::Request(_)) => self.account_of(user)?,
            (None, _) => return Ok(Answer::NoChat),
        };
        let is_new = matches!(act, Act::Request(_)) && self.side(owner, chat)?.is_none();
        if is_new {
            // As little as if both lived here: who is blocked waits for ever.
            if self.is_blocked(owner, by)? {
                return Ok(Answer::Done);
            }
            self.take(Limit::SecretChatsOfNode(node), 1)?;
            self.meet_stranger(owner, user)?;
        }
        if let Some(mut side) = self.side(owner, chat)?.filter(|side| side.with == by) {
            let (number, life) = side.heard;
            if life == told.life && told.number <= number {
                return Ok(Answer::Done);
            }
            // What it was told of the end may be lost with its other life.
            side.end_told &= number == 0 || life == told.life;
            side.heard = (told.number, told.life);
            self.put_side(owner, chat, &side)?;
        }
        if !is_new && matches!(act, Act::Request(_)) {
            self.take(Limit::SecretChatsOfNode(node), 1)?;
        }
        let is_end = matches!(act, Act::Discard { .. });
        if !is_end && self.is_blocked(owner, by)? {
            return Ok(Answer::NoChat);
        }
        let answer = self.do_act(owner, by, chat, act)?;
        if is_new && let Some(mut side) = self.side(owner, chat)? {
            side.heard = (told.number, told.life);
            self.put_side(owner, chat, &side)?;
        }
        Ok(answer)
    }

    /// The other node is to end a chat that cannot go on, and so does this side of it.
    fn end_with_far(&mut self, node: Node16, told: &SecretTold) -> CoreResult<()> {
        let (owner, chat) = (told.to(), told.chat());
        let by = self.known_account(UserRef { node, id: told.by })?;
        let side = self.side(owner, chat)?.filter(|side| Some(side.with) == by);
        match side {
            // It is on its way there.
            Some(side) if side.is_over() && side.end_told => Ok(()),
            Some(side) if side.is_over() => {
                let end_told = self.deny_far(node, told)?;
                self.put_side(owner, chat, &Side { end_told, ..side })
            }
            Some(_) => self.end_secret_chat(owner, chat, false),
            None if told.act == DISCARD => Ok(()),
            None => self.deny_far(node, told).map(|_| ()),
        }
    }

    /// Tells another node that there is no such chat here, once at a time: whether it is told.
    fn deny_far(&mut self, node: Node16, told: &SecretTold) -> CoreResult<bool> {
        if self.letters_waiting(node)? >= DENIED_UP_TO {
            return Ok(false);
        }
        let denied = SecretTold {
            chat: told.chat,
            by: told.to,
            to: told.by,
            life: self.life(),
            number: DENIED,
            act: DISCARD,
            of: blob(&Ended { history_deleted: false })?,
        };
        let body = encode(&denied);
        let slot = blake3::hash(&body).as_bytes().first_chunk().copied();
        match self.post(Post { slot, ..Post::secret(node, body)? }) {
            // It hears of it when it says something again.
            Err(CoreError::MailboxFull | CoreError::NodeUnreachable) => Ok(false),
            posted => posted.map(|()| true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_acts_go_as_fit() {
        let act = |life: u8, bytes: usize| {
            let of = Blob::new(vec![1; bytes]).unwrap();
            encode(&SecretTold { chat: 1, by: 2, to: 3, life: [life; 8], number: 4, act: 5, of })
        };
        let small = act(1, 900);
        let all: Vec<&[u8]> = vec![&small; 100];
        let (body, count) = pack(&all).unwrap();
        assert_eq!(count, ACTS_OF_LETTER_MAX);
        assert!(body.len() <= LETTER_BODY_BYTES_MAX);
        let large = act(1, ACT_BYTES_MAX);
        let (body, count) = pack(&[&small, &large, &small, &small, &small]).unwrap();
        assert_eq!((count, body.len() <= LETTER_BODY_BYTES_MAX), (4, true));
        let (_, count) = pack(&[&large, &large]).unwrap();
        assert_eq!(count, 1);
        // The other node may have taken what an earlier life of this one has sent, whole letters of it.
        let later = act(2, 900);
        let (_, count) = pack(&[&small, &small, &later, &small]).unwrap();
        assert_eq!(count, 2);
        assert!(pack(&[]).is_err());
        let huge = vec![3; LETTER_BODY_BYTES_MAX];
        assert!(pack(&[&huge]).is_err());
    }
}
