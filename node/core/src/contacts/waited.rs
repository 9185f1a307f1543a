//! Numbers that a member has imported and that are nobody's yet: when one joins, the member is
//! told, and has a contact.
//!
//! Only a keyed hash of each number is kept: they are numbers of people who never agreed to
//! anything here.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::NewContact;
use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, UserId};
use crate::message::{Action, BoxRow, Message};
use crate::personal::PersonalRecord;
use crate::privacy::{PrivacyKey, What};
use crate::record::Record;
use crate::text::Text;
use crate::{Core, CoreError, CoreResult};

/// Numbers that one member may wait for.
const WAITED_MAX: usize = 1000;

/// Members that are told of one newcomer.
const TOLD_MAX: usize = 1000;

/// Bytes of a number's hash.
const HASH_BYTES: usize = 16;

/// Somebody who has no account. Rest of the key: the number's hash.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Waited {
    first_name: String,
    last_name: String,
    /// Unix seconds of the import.
    date: i32,
}

impl Record for Waited {
    const VERSION: u8 = 1;
    const NAME: &'static str = "number that is waited for";
}

impl PersonalRecord for Waited {
    const KIND: u8 = 24;
}

/// The member is not to be disturbed by newcomers.
#[derive(Debug, Serialize, Deserialize)]
struct SignUpsAreSilent;

impl Record for SignUpsAreSilent {
    const VERSION: u8 = 1;
    const NAME: &'static str = "silence about newcomers";
}

impl PersonalRecord for SignUpsAreSilent {
    const KIND: u8 = 25;
}

/// Somebody without an account in a member's address book.
#[derive(Clone, PartialEq, Eq)]
pub struct SavedContact {
    /// As the book's owner writes it.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// Unix seconds of the import.
    pub date: i32,
}

impl Core {
    /// Contacts without an account. Their numbers are not known: only hashes are kept.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn saved_contacts(&self, owner: UserId) -> CoreResult<Vec<SavedContact>> {
        let personal = self.inner.personal(owner)?;
        let saved = personal.all::<Waited>()?.into_iter().map(|(_, waited)| {
            let Waited { first_name, last_name, date } = waited;
            SavedContact { first_name, last_name, date }
        });
        let saved = saved.collect();
        self.settled().await?;
        Ok(saved)
    }

    /// Forgets all contacts without an account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reset_saved_contacts(
        &self,
        actor: Option<Actor>,
        owner: UserId,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            for hash in decide.waited(owner)? {
                decide.forget_waited(owner, &hash)?;
            }
            decide.tell_own(owner, Own::ContactsReset);
            Ok(())
        })
        .await
    }

    /// Whether the member is told of newcomers without a sound.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sign_ups_are_silent(&self, owner: UserId) -> CoreResult<bool> {
        let silent = self.inner.personal(owner)?.get::<SignUpsAreSilent>(&[])?.is_some();
        self.settled().await?;
        Ok(silent)
    }

    /// Sets [`Core::sign_ups_are_silent`].
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_sign_ups_silent(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        silent: bool,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            decide.set_personal(owner, &[], silent.then_some(&SignUpsAreSilent))
        })
        .await
    }
}

impl Decide<'_> {
    /// How many numbers more a member may wait for.
    pub(super) fn room_to_wait(&self, owner: UserId) -> CoreResult<usize> {
        Ok(WAITED_MAX.saturating_sub(self.waited(owner)?.len()))
    }

    /// Remembers a number that is nobody's. Where there is no room it is passed over.
    pub(super) fn wait_for(
        &mut self,
        owner: UserId,
        phone: u64,
        contact: &NewContact,
        room: &mut usize,
    ) -> CoreResult<()> {
        let hash = self.number_hash(phone);
        let known = self.personal::<Waited>(owner, &hash)?;
        if known.is_none() && *room == 0 {
            return Ok(());
        }
        let (first_name, last_name) = contact.clean_names()?;
        if known.is_none() {
            *room -= 1;
        }
        let date = known.map_or(self.now(), |known| known.date);
        self.set_personal(owner, &hash, Some(&Waited { first_name, last_name, date }))?;
        let key = [&hash[..], &owner.bytes()].concat();
        self.put_bytes(Keyspace::WAITED, &key, Vec::new());
        Ok(())
    }

    /// Forgets a number that the member waited for.
    pub(super) fn stop_waiting(&mut self, owner: UserId, phone: u64) -> CoreResult<()> {
        let hash = self.number_hash(phone);
        self.forget_waited(owner, &hash)
    }

    /// Somebody has joined: who waited for the number has a contact now, and is told.
    pub(crate) fn has_joined(&mut self, user: UserId, phone: u64) -> CoreResult<()> {
        let hash = self.number_hash(phone);
        let mut told = Vec::new();
        for (key, _) in self.scan_prefix(Keyspace::WAITED, &hash, TOLD_MAX)? {
            let Some(owner) = key.last_chunk::<8>() else { continue };
            let owner = UserId(i64::from_be_bytes(*owner));
            let waited = self.personal::<Waited>(owner, &hash)?;
            self.forget_waited(owner, &hash)?;
            let Some(Waited { first_name, last_name, .. }) = waited else { continue };
            let theirs = self.inner.contacts.book(self.store(), user)?;
            let found = What::Key(PrivacyKey::AddedByPhone);
            if !self.inner.may_see(owner, user, &theirs, found)? {
                continue;
            }
            let contact = NewContact { first_name, last_name, ..NewContact::default() };
            match self.add_contact(owner, user, &contact, true) {
                // A full book of somebody else is no reason to refuse a newcomer.
                Err(CoreError::Flood { .. }) => continue,
                added => added?,
            }
            told.push((owner, self.personal::<SignUpsAreSilent>(owner, &[])?.is_some()));
        }
        // Last: what follows a change of a box may not fail.
        for (owner, silent) in told {
            let text = Text { text: String::new(), entities: Vec::new() };
            let message = Message {
                silent,
                action: Some(Action::ContactSignUp),
                ..Message::new(user.into(), user, false, self.now(), text)
            };
            self.append(owner, BoxRow::Message(message))?;
        }
        Ok(())
    }

    fn forget_waited(&mut self, owner: UserId, hash: &[u8]) -> CoreResult<()> {
        self.set_personal::<Waited>(owner, hash, None)?;
        self.delete(Keyspace::WAITED, &[hash, &owner.bytes()].concat());
        Ok(())
    }

    /// Hashes of the numbers that `owner` waits for.
    fn waited(&self, owner: UserId) -> CoreResult<Vec<Vec<u8>>> {
        let prefix = [&owner.bytes()[..], &[Waited::KIND]].concat();
        // The bound is looked at before each number is added: there are never more.
        let rows = self.scan_prefix(Keyspace::PERSONAL, &prefix, WAITED_MAX)?;
        Ok(rows.iter().map(|(key, _)| key.get(prefix.len()..).unwrap_or_default().into()).collect())
    }

    fn number_hash(&self, phone: u64) -> [u8; HASH_BYTES] {
        crate::access::number_hash(&self.inner.access_secret, phone)
    }
}
