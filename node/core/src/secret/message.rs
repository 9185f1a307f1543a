//! What is said in secret chats: taken as it comes, given on in that order, and looked into by nobody.

use glog::{NodeId, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{
    Act, Answer, Ciphertext, FILE, SAID, SecretChatId, SecretError, SecretUpdate, Side, key,
};
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{Actor, UserId};
use crate::media::{BlobId, FileId, SealedFile};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// The longest that one message may be, in bytes: what a row, and a letter, have room for.
pub const SECRET_DATA_BYTES_MAX: usize = 60 * 1024;

/// What a client says in a secret chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretOutgoing {
    /// Drawn by the client: said again with the same number, it is the same message.
    pub random_id: i64,
    /// The client says something to the other client, and shows nothing.
    pub service: bool,
    /// What.
    pub data: Ciphertext,
    /// A file that goes with it.
    pub file: Option<NewSecretFile>,
}

/// A file that goes with what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewSecretFile {
    /// One that was uploaded for it.
    Uploaded {
        /// Its bytes, which the client has encrypted.
        blob: BlobId,
        /// How many.
        size: u64,
        /// What the client recognises the file's key by.
        key_fingerprint: i32,
    },
    /// One that is there already.
    Known(FileId),
}

/// A file that a client has encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretFile {
    /// Its number.
    pub id: FileId,
    /// Bytes.
    pub size: u64,
    /// What the client recognises the file's key by.
    pub key_fingerprint: i32,
}

/// What a client is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretSent {
    /// Unix seconds.
    pub date: i32,
    /// The file that went with it.
    pub file: Option<SecretFile>,
}

/// Something that was said, as it waits for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretMessage {
    /// In which chat.
    pub chat: SecretChatId,
    /// Drawn by the client that says it.
    pub random_id: i64,
    /// When it was said, in unix seconds, by the node where that was: marks of what was read go by it.
    pub date: i32,
    /// One client says something to the other, and shows nothing.
    pub service: bool,
    /// What.
    pub data: Ciphertext,
    /// The file that goes with it.
    pub file: Option<SecretFile>,
}

/// What was said, on its way to the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) random_id: i64,
    pub(super) service: bool,
    pub(super) data: Ciphertext,
    /// Unix seconds.
    pub(super) date: i32,
    /// As it is here, or as another node has told of it.
    pub(super) file: Option<SealedFile>,
}

/// That something was said, with the file that went with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    date: i32,
    file: Option<FileId>,
}

impl Record for Said {
    const VERSION: u8 = 1;
    const NAME: &'static str = "what was said in a secret chat";
}

impl From<&SealedFile> for SecretFile {
    fn from(file: &SealedFile) -> Self {
        Self { id: file.id, size: file.size, key_fingerprint: file.key_fingerprint }
    }
}

fn said_key(user: UserId, chat: SecretChatId, random_id: i64) -> Vec<u8> {
    key(SAID, user, chat, &random_id.to_be_bytes())
}

impl Core {
    /// What was answered when a client said something before by the same number.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sent_secret(
        &self,
        user: UserId,
        chat: SecretChatId,
        random_id: i64,
    ) -> CoreResult<Option<SecretSent>> {
        let row = self.inner.store.get(Keyspace::SECRET, &said_key(user, chat, random_id))?;
        let said = row.map(|row| Said::decode(&row)).transpose()?;
        let sent = match said {
            Some(Said { date, file: Some(file) }) => {
                let file = self.sealed_file(file)?;
                Some(SecretSent { date, file: file.as_ref().map(Into::into) })
            }
            Some(Said { date, file: None }) => Some(SecretSent { date, file: None }),
            None => None,
        };
        self.settled().await?;
        Ok(sent)
    }

    /// With whom somebody has a secret chat, or had.
    ///
    /// # Errors
    /// Those of the store.
    pub fn secret_chat_with(&self, user: UserId, chat: SecretChatId) -> CoreResult<Option<UserId>> {
        Ok(self.side(user, chat)?.map(|side| side.with))
    }

    /// Says something in a secret chat.
    ///
    /// # Errors
    /// [`SecretError::UnknownChat`] for one that is not open, or another device's;
    /// [`SecretError::Discarded`], [`SecretError::Blocked`]; [`CoreError::FileInvalid`],
    /// [`CoreError::QuotaExceeded`]; [`CoreError::Flood`] while too much waits for the other one.
    pub async fn send_secret(
        &self,
        by: Actor,
        user: UserId,
        chat: SecretChatId,
        outgoing: SecretOutgoing,
    ) -> CoreResult<SecretSent> {
        self.write(Some(by), move |decide| decide.send_secret(by, user, chat, outgoing)).await
    }

    /// Keeps a file that a client has encrypted, before it says anything with it. What is not sent is
    /// removed after a while, as any upload.
    ///
    /// # Errors
    /// Those of [`Self::send_secret`].
    pub async fn keep_secret_file(
        &self,
        by: Actor,
        user: UserId,
        chat: SecretChatId,
        file: NewSecretFile,
    ) -> CoreResult<SecretFile> {
        self.write(Some(by), move |decide| {
            decide.open_side(by, user, chat)?;
            Ok((&decide.sealed_file_of(user, file)?).into())
        })
        .await
    }

    /// The client has read what came up to a date (unix seconds): the other one is told.
    ///
    /// # Errors
    /// Those of [`Self::send_secret`].
    pub async fn read_secret(
        &self,
        by: Actor,
        user: UserId,
        chat: SecretChatId,
        max_date: i32,
    ) -> CoreResult<()> {
        self.write(Some(by), move |decide| {
            let mut side = decide.open_side(by, user, chat)?;
            // As late as anything said here may be: a wrong clock does not silence what is read later.
            let max_date = decide.date_shown(u64::try_from(max_date).ok().map(|date| date * 1000));
            if max_date <= side.read_told {
                return Ok(());
            }
            side.used = true;
            decide.carry_out(user, chat, &mut side, Act::Read { max_date })?;
            side.read_told = max_date;
            decide.put_side(user, chat, &side)
        })
        .await
    }

    /// Somebody is writing in a secret chat: the other one's device is told, or [`Event::SecretTyping`]
    /// brings it to that one's node.
    ///
    /// # Errors
    /// [`SecretError::UnknownChat`].
    pub fn secret_typing(&self, by: Actor, user: UserId, chat: SecretChatId) -> CoreResult<()> {
        let side = self.side(user, chat)?.ok_or(SecretError::UnknownChat)?;
        let is_open = matches!(side.stage, super::Stage::Open(..));
        if !is_open || side.device != Some(self.login_of(user, by.auth_key)?) {
            return Err(SecretError::UnknownChat.into());
        }
        if crate::is_remote(side.with) {
            self.inner.tell(&Event::SecretTyping { from: user, to: side.with, chat });
            return Ok(());
        }
        self.hear_secret_typing(side.with, user, chat)
    }

    /// Somebody of another node is writing in a secret chat.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`], [`SecretError::UnknownChat`].
    pub fn secret_typing_from(
        &self,
        node: NodeId,
        by: u64,
        to: u64,
        chat: SecretChatId,
    ) -> CoreResult<()> {
        let from = self.known_person(UserRef { node: node.short(), id: by })?;
        let owner = UserId(i64::try_from(to).unwrap_or(0));
        self.hear_secret_typing(owner, from.ok_or(CoreError::UnknownUser)?, chat)
    }

    /// The node of somebody of another node, and the number there; `None` where the operator wants nothing
    /// of it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn lives_on(&self, account: UserId) -> CoreResult<Option<(NodeId, u64)>> {
        let node = self.node_of(account)?.filter(|node| !node.blocked);
        Ok(node.map(|node| node.id).zip(self.number_there(account)?))
    }

    /// Somebody is writing to `owner`, of this node or of another.
    ///
    /// # Errors
    /// [`SecretError::UnknownChat`].
    fn hear_secret_typing(
        &self,
        owner: UserId,
        from: UserId,
        chat: SecretChatId,
    ) -> CoreResult<()> {
        let side = self.side(owner, chat)?.filter(|side| side.with == from);
        let side = side.filter(|side| matches!(side.stage, super::Stage::Open(..)));
        let side = side.ok_or(SecretError::UnknownChat)?;
        let Some(device) = side.device else { return Ok(()) };
        if !self.inner.has_blocked(owner, from)? {
            let update = SecretUpdate::Typing(chat).into();
            self.inner.tell(&Event::Secret { user: owner, device, update, actor: None });
        }
        Ok(())
    }
}

impl Decide<'_> {
    fn send_secret(
        &mut self,
        by: Actor,
        user: UserId,
        chat: SecretChatId,
        outgoing: SecretOutgoing,
    ) -> CoreResult<SecretSent> {
        let SecretOutgoing { random_id, service, data, file } = outgoing;
        let known: Option<Said> = self.load(Keyspace::SECRET, &said_key(user, chat, random_id))?;
        if let Some(Said { date, file }) = known {
            let file = file.map(|file| self.sealed_file(file)).transpose()?.flatten();
            return Ok(SecretSent { date, file: file.as_ref().map(Into::into) });
        }
        let mut side = self.open_side(by, user, chat)?;
        if !crate::is_remote(side.with) && self.is_blocked(side.with, user)? {
            return Err(SecretError::Blocked.into());
        }
        let file = file.map(|file| self.sealed_file_of(user, file)).transpose()?;
        side.used = true;
        let date = self.now();
        let told = Told { random_id, service, data, date, file: file.clone() };
        self.carry_out(user, chat, &mut side, Act::Message(told))?;
        self.put_side(user, chat, &side)?;
        if let Some(file) = &file {
            self.hold_secret_file(user, chat, file.id)?;
        }
        let said = Said { date, file: file.as_ref().map(|file| file.id) };
        self.put(Keyspace::SECRET, &said_key(user, chat, random_id), &said)?;
        Ok(SecretSent { date: said.date, file: file.as_ref().map(Into::into) })
    }

    /// The file that a client sends: one that is there, or one that comes to be.
    fn sealed_file_of(&mut self, owner: UserId, file: NewSecretFile) -> CoreResult<SealedFile> {
        match file {
            NewSecretFile::Known(file) => self.sealed_file(file)?.ok_or(CoreError::FileInvalid),
            NewSecretFile::Uploaded { blob, size, key_fingerprint } => {
                let (id, date) = (self.draw_file_id()?, self.now());
                let file = SealedFile { id, owner, date, size, blob, key_fingerprint };
                self.add_sealed_file(file.clone())?;
                Ok(file)
            }
        }
    }

    /// A chat keeps a file, once however often it is sent there.
    fn hold_secret_file(
        &mut self,
        user: UserId,
        chat: SecretChatId,
        file: FileId,
    ) -> CoreResult<()> {
        let key = key(FILE, user, chat, &file.bytes());
        if self.get(Keyspace::SECRET, &key)?.is_some() {
            return Ok(());
        }
        self.hold_file(Some(file), 1)?;
        self.put_bytes(Keyspace::SECRET, &key, vec![1]);
        Ok(())
    }

    /// The other one says something to the owner.
    pub(super) fn take_message(
        &mut self,
        owner: UserId,
        by: UserId,
        chat: SecretChatId,
        told: Told,
    ) -> CoreResult<Answer> {
        let Some(mut side) = self.open_with(owner, by, chat)? else { return Ok(Answer::NoChat) };
        let Some(device) = side.device else { return Ok(Answer::NoChat) };
        let Told { random_id, service, data, date, file } = told;
        let file = file.map(|file| self.file_here(by, file)).transpose()?.flatten();
        let date = self.date_shown(u64::try_from(date).ok().map(|date| date * 1000));
        let message = SecretMessage { chat, random_id, date, service, data, file };
        let qts = self.enqueue(owner, device, &mut side, &message)?;
        if let Some(file) = &message.file {
            self.hold_secret_file(owner, chat, file.id)?;
        }
        self.put_side(owner, chat, &side)?;
        self.tell_device(owner, device, SecretUpdate::Message { qts, message }, None);
        Ok(Answer::Done)
    }

    /// The owner's side of an open chat with somebody: a number that others have is another chat's.
    fn open_with(&self, owner: UserId, by: UserId, chat: SecretChatId) -> CoreResult<Option<Side>> {
        let side = self.side(owner, chat)?.filter(|side| side.with == by);
        Ok(side.filter(|side| matches!(side.stage, super::Stage::Open(..))))
    }

    /// A file that somebody sends, as it is known here; `None` for one that there is no room for.
    fn file_here(&mut self, by: UserId, file: SealedFile) -> CoreResult<Option<SecretFile>> {
        if !crate::is_remote(by) {
            return Ok(Some((&file).into()));
        }
        // It lies at the other node, and is that person's.
        let id = self.draw_file_id()?;
        let file = SealedFile { id, owner: by, date: self.now(), ..file };
        match self.add_sealed_file(file.clone()) {
            Ok(()) => Ok(Some((&file).into())),
            Err(CoreError::QuotaExceeded) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// The other one has read what the owner has said.
    pub(super) fn take_read(
        &mut self,
        owner: UserId,
        by: UserId,
        chat: SecretChatId,
        max_date: i32,
    ) -> CoreResult<Answer> {
        let Some(mut side) = self.open_with(owner, by, chat)? else { return Ok(Answer::NoChat) };
        let is_new = side.read.is_none_or(|(known, _)| known < max_date);
        let Some(device) = side.device.filter(|_| is_new) else { return Ok(Answer::Done) };
        let date = self.now();
        side.read = Some((max_date, date));
        self.put_side(owner, chat, &side)?;
        let update = SecretUpdate::Read { chat, max_date, date };
        self.tell_device(owner, device, update, None);
        Ok(Answer::Done)
    }
}

impl Core {
    fn side(&self, user: UserId, chat: SecretChatId) -> CoreResult<Option<Side>> {
        let row = self.inner.store.get(Keyspace::SECRET, &super::side_key(user, chat))?;
        row.map(|row| Side::decode(&row)).transpose()
    }
}
