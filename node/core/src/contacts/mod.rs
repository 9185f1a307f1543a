//! Address books, and who is not to be heard.

mod bar;
mod waited;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

pub use bar::Bar;
use node_store::{Keyspace, Store};
use parking_lot::Mutex;
pub use waited::SavedContact;

use crate::decide::{Decide, scan_prefix};
use crate::event::{Event, Own};
use crate::ids::{Actor, UserId, pair_key};
use crate::limits::Limit;
use crate::privacy::{PrivacyKey, What};
use crate::record::Record;
use crate::text::{Text, TextError, utf16_len};
use crate::user::{Contact, clean_name};
use crate::{Core, CoreError, CoreResult};

/// Contacts of one member.
pub(crate) const CONTACTS_MAX: usize = 10_000;

/// Address books in memory. Protects memory: 100 bytes a contact.
const BOOKS_MAX: usize = 2048;

/// Members whom one may block.
const BLOCKED_MAX: usize = 10_000;

/// Longest note about a contact, in UTF-16 units.
pub const NOTE_UNITS_MAX: usize = 128;

/// One address book, and whom its owner has blocked, since when (unix seconds).
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) contacts: HashMap<UserId, Contact>,
    pub(crate) blocked: BTreeMap<UserId, i32>,
}

/// Address books that were used lately, as they are on disk: a command that changes one holds it
/// from before the change is applied until it is durable.
#[derive(Debug, Default)]
pub(crate) struct ContactCache(Mutex<HashMap<UserId, Arc<Book>>>);

impl ContactCache {
    /// The book of `owner`.
    pub(crate) fn book(&self, store: &dyn Store, owner: UserId) -> CoreResult<Arc<Book>> {
        // Read under the lock: a book that is read while it changes must not be kept as it was.
        let mut books = self.0.lock();
        if let Some(book) = books.get(&owner) {
            return Ok(book.clone());
        }
        // The bound is looked at before each command: those of one batch may go over it.
        let rows = scan_prefix(store, Keyspace::CONTACTS, &owner.bytes(), 2 * CONTACTS_MAX)?;
        let mut book = Book::default();
        for (key, value) in rows {
            book.contacts.insert(second(&key), Contact::decode(&value)?);
        }
        let rows = scan_prefix(store, Keyspace::BLOCKED, &owner.bytes(), 2 * BLOCKED_MAX)?;
        for (key, value) in rows {
            let date = value.first_chunk().map_or(0, |date| i32::from_be_bytes(*date));
            book.blocked.insert(second(&key), date);
        }
        if books.len() >= BOOKS_MAX {
            books.retain(|_, book| Arc::strong_count(book) > 1);
        }
        let book = Arc::new(book);
        books.insert(owner, book.clone());
        Ok(book)
    }

    fn forget(&self, owner: UserId) {
        self.0.lock().remove(&owner);
    }
}

/// The second id of a [`pair_key`].
fn second(key: &[u8]) -> UserId {
    UserId(key.last_chunk::<8>().map_or(0, |tail| i64::from_be_bytes(*tail)))
}

/// Somebody to be added.
#[derive(Clone, Default)]
pub struct NewContact {
    /// As the book's owner writes it.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// For the book's owner only; `None`: as it is.
    pub note: Option<Note>,
    /// The contact may see the number of the book's owner from now on.
    pub share_phone: bool,
}

/// A note about a contact; `None` removes it.
pub type Note = Option<Text>;

impl NewContact {
    /// The names as they are kept.
    fn clean_names(&self) -> CoreResult<(String, String)> {
        let clean = |name: &str| clean_name(name).ok_or(CoreError::NameInvalid);
        let (first_name, last_name) = (clean(&self.first_name)?, clean(&self.last_name)?);
        if first_name.is_empty() && last_name.is_empty() {
            return Err(CoreError::ContactNameEmpty);
        }
        Ok((first_name, last_name))
    }
}

/// What became of numbers that were imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// For each number that has an account: its place in the request, and the account.
    pub found: Vec<(usize, UserId)>,
    /// Places in the request that may be tried again later: the limit was reached.
    pub retry: Vec<usize>,
}

/// One line of an address book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactView {
    /// Whom.
    pub user: UserId,
    /// Whether each has the other.
    pub mutual: bool,
}

impl Core {
    /// The address book of `owner`, by id.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn contacts(&self, owner: UserId) -> CoreResult<Vec<ContactView>> {
        let book = self.inner.contacts.book(&*self.inner.store, owner)?;
        let mut views = Vec::with_capacity(book.contacts.len());
        for user in book.contacts.keys() {
            let mutual = self.inner.has_contact(*user, owner)?;
            views.push(ContactView { user: *user, mutual });
        }
        views.sort_unstable_by_key(|view| view.user);
        self.settled().await?;
        Ok(views)
    }

    /// Adds or renames a contact.
    ///
    /// # Errors
    /// [`CoreError::ContactNameEmpty`], [`CoreError::UnknownUser`], [`CoreError::Oneself`].
    pub async fn add_contact(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        user: UserId,
        contact: NewContact,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            decide.add_contact(owner, user, &contact, false)?;
            if contact.share_phone {
                decide.share_phone(owner, user)?;
            }
            Ok(())
        })
        .await
    }

    /// Lets a contact who has one as a contact too see one's number.
    ///
    /// # Errors
    /// [`CoreError::NotAContact`] where that is not so.
    pub async fn accept_contact(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        user: UserId,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            let has = |decide: &Decide<'_>, a: UserId, b: UserId| {
                decide.get(Keyspace::CONTACTS, &pair_key(a.0, b.0)).map(|row| row.is_some())
            };
            if !has(decide, owner, user)? || !has(decide, user, owner)? {
                return Err(CoreError::NotAContact);
            }
            decide.share_phone(owner, user)?;
            decide.event(Event::Contact { owner, user });
            Ok(())
        })
        .await
    }

    /// Replaces the note about a contact.
    ///
    /// # Errors
    /// [`CoreError::NotAContact`], [`CoreError::Text`].
    pub async fn set_contact_note(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        user: UserId,
        note: Note,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            let key = pair_key(owner.0, user.0);
            let known: Option<Contact> = decide.load(Keyspace::CONTACTS, &key)?;
            let known = known.ok_or(CoreError::NotAContact)?;
            check_note(&note)?;
            decide.changes_book(owner)?;
            decide.put(Keyspace::CONTACTS, &key, &Contact { note, ..known })?;
            decide.event(Event::Contact { owner, user });
            Ok(())
        })
        .await
    }

    /// Makes exactly these of the contacts close friends; who is no contact is passed over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_close_friends(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        friends: Vec<UserId>,
    ) -> CoreResult<()> {
        let friends: HashSet<UserId> = friends.into_iter().collect();
        self.write(actor, move |decide| {
            decide.changes_book(owner)?;
            let rows = decide.scan_prefix(Keyspace::CONTACTS, &owner.bytes(), 2 * CONTACTS_MAX)?;
            for (key, value) in rows {
                let (user, known) = (second(&key), Contact::decode(&value)?);
                let close_friend = friends.contains(&user);
                if close_friend != known.close_friend {
                    let contact = Contact { close_friend, ..known };
                    decide.put(Keyspace::CONTACTS, &key, &contact)?;
                    decide.event(Event::Contact { owner, user });
                }
            }
            Ok(())
        })
        .await
    }

    /// Removes whoever has one of these numbers from the address book, with or without an account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_contacts_by_phone(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        phones: Vec<u64>,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            decide.changes_book(owner)?;
            for phone in phones {
                decide.stop_waiting(owner, phone)?;
                let Some(user) = decide.inner.directory.by_phone(phone) else { continue };
                let key = pair_key(owner.0, user.0);
                // A contact by name alone does not tell whose number this is.
                let known: Option<Contact> = decide.load(Keyspace::CONTACTS, &key)?;
                if known.is_some_and(|known| known.knows_phone) {
                    decide.delete_contact(owner, user);
                }
            }
            Ok(())
        })
        .await
    }

    /// Adds whoever has one of these numbers. At most a bucket of numbers an hour: the rest comes
    /// back in `retry`.
    ///
    /// # Errors
    /// [`CoreError::Flood`] when not even one number can be looked up.
    pub async fn import_contacts(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        contacts: Vec<(u64, NewContact)>,
    ) -> CoreResult<Imported> {
        self.write(actor, move |decide| decide.import_contacts(owner, &contacts)).await
    }

    /// Removes contacts.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_contacts(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        users: Vec<UserId>,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            decide.changes_book(owner)?;
            for user in users {
                if decide.get(Keyspace::CONTACTS, &pair_key(owner.0, user.0))?.is_some() {
                    decide.delete_contact(owner, user);
                }
            }
            Ok(())
        })
        .await
    }

    /// Blocks or unblocks somebody. True if that changed something.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`], [`CoreError::Oneself`].
    pub async fn set_blocked(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        user: UserId,
        blocked: bool,
    ) -> CoreResult<bool> {
        self.write(actor, move |decide| decide.set_blocked(owner, user, blocked)).await
    }

    /// Blocks exactly these.
    ///
    /// # Errors
    /// Those of [`Core::set_blocked`].
    pub async fn set_all_blocked(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        users: Vec<UserId>,
    ) -> CoreResult<()> {
        let wanted: HashSet<UserId> = users.iter().copied().collect();
        self.write(actor, move |decide| {
            let rows = decide.scan_prefix(Keyspace::BLOCKED, &owner.bytes(), 2 * BLOCKED_MAX)?;
            for (key, _) in rows {
                let user = second(&key);
                if !wanted.contains(&user) {
                    decide.set_blocked(owner, user, false)?;
                }
            }
            for user in users {
                decide.set_blocked(owner, user, true)?;
            }
            Ok(())
        })
        .await
    }

    /// Whom `owner` has blocked, and when (unix seconds), by id.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn blocked(&self, owner: UserId) -> CoreResult<Vec<(UserId, i32)>> {
        let book = self.inner.contacts.book(&*self.inner.store, owner)?;
        self.settled().await?;
        Ok(book.blocked.iter().map(|(user, date)| (*user, *date)).collect())
    }
}

impl crate::inner::Inner {
    /// Whether `owner` has `user` in the address book.
    pub(crate) fn has_contact(&self, owner: UserId, user: UserId) -> CoreResult<bool> {
        Ok(self.contacts.book(&*self.store, owner)?.contacts.contains_key(&user))
    }

    /// Whether `owner` has blocked `user`.
    pub(crate) fn has_blocked(&self, owner: UserId, user: UserId) -> CoreResult<bool> {
        Ok(self.contacts.book(&*self.store, owner)?.blocked.contains_key(&user))
    }
}

impl Decide<'_> {
    fn set_blocked(&mut self, owner: UserId, user: UserId, blocked: bool) -> CoreResult<bool> {
        if owner == user {
            return Err(CoreError::Oneself);
        }
        self.user(user)?.ok_or(CoreError::UnknownUser)?;
        let key = pair_key(owner.0, user.0);
        let before = self.get(Keyspace::BLOCKED, &key)?.is_some();
        if blocked == before {
            return Ok(false);
        }
        if self.changes_book(owner)?.blocked.len() >= BLOCKED_MAX && blocked {
            return Err(CoreError::Flood { wait_s: 86_400 });
        }
        if blocked {
            let date = self.now();
            self.put_bytes(Keyspace::BLOCKED, &key, date.to_be_bytes().to_vec());
        } else {
            self.delete(Keyspace::BLOCKED, &key);
        }
        self.tell_own(owner, Own::Blocked { user, blocked });
        self.event(Event::Contact { owner, user });
        Ok(true)
    }

    /// A member keeps nobody any more, and blocks nobody.
    pub(crate) fn forget_book(&mut self, owner: UserId) -> CoreResult<()> {
        self.changes_book(owner)?;
        for (space, max) in [(Keyspace::CONTACTS, CONTACTS_MAX), (Keyspace::BLOCKED, BLOCKED_MAX)] {
            for (key, _) in self.scan_prefix(space, &owner.bytes(), 2 * max)? {
                self.delete(space, &key);
            }
        }
        Ok(())
    }

    fn delete_contact(&mut self, owner: UserId, user: UserId) {
        self.delete(Keyspace::CONTACTS, &pair_key(owner.0, user.0));
        self.event(Event::Contact { owner, user });
    }

    fn add_contact(
        &mut self,
        owner: UserId,
        user: UserId,
        contact: &NewContact,
        knows_phone: bool,
    ) -> CoreResult<()> {
        if owner == user {
            return Err(CoreError::Oneself);
        }
        let (first_name, last_name) = contact.clean_names()?;
        if crate::bridge::is_ghost(user) {
            return Err(CoreError::UnknownUser);
        }
        decide_exists(self, user)?;
        let key = pair_key(owner.0, user.0);
        let known: Option<Contact> = self.load(Keyspace::CONTACTS, &key)?;
        if self.changes_book(owner)?.contacts.len() >= CONTACTS_MAX && known.is_none() {
            return Err(CoreError::Flood { wait_s: 86_400 });
        }
        let knows_phone = knows_phone || known.as_ref().is_some_and(|known| known.knows_phone);
        let close_friend = known.as_ref().is_some_and(|known| known.close_friend);
        let note = match &contact.note {
            Some(note) => note.clone(),
            None => known.and_then(|known| known.note),
        };
        check_note(&note)?;
        let contact = Contact { first_name, last_name, knows_phone, close_friend, note };
        self.put(Keyspace::CONTACTS, &key, &contact)?;
        self.event(Event::Contact { owner, user });
        Ok(())
    }

    /// Keeps the book in memory as it is until the command is durable: readers show no other.
    fn changes_book(&mut self, owner: UserId) -> CoreResult<Arc<Book>> {
        let book = self.inner.contacts.book(self.store(), owner)?;
        let held = book.clone();
        self.after(move |inner| {
            drop(held);
            inner.contacts.forget(owner);
        });
        Ok(book)
    }

    fn import_contacts(
        &mut self,
        owner: UserId,
        contacts: &[(u64, NewContact)],
    ) -> CoreResult<Imported> {
        let mut imported = Imported::default();
        let mut room = self.room_to_wait(owner)?;
        for (place, (phone, contact)) in contacts.iter().enumerate() {
            match self.take(Limit::Imports(owner), 1) {
                Ok(()) => {}
                Err(flood @ CoreError::Flood { .. }) if place == 0 => return Err(flood),
                Err(CoreError::Flood { .. }) => {
                    imported.retry.extend(place..contacts.len());
                    break;
                }
                Err(other) => return Err(other),
            }
            let Some(user) = self.found_by(owner, *phone)? else {
                match self.wait_for(owner, *phone, contact, &mut room) {
                    Ok(()) | Err(CoreError::ContactNameEmpty | CoreError::NameInvalid) => continue,
                    Err(other) => return Err(other),
                }
            };
            match self.add_contact(owner, user, contact, true) {
                Ok(()) | Err(CoreError::Oneself) => imported.found.push((place, user)),
                Err(CoreError::ContactNameEmpty | CoreError::NameInvalid) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(imported)
    }
}

impl Decide<'_> {
    /// Who has this number, and may be found by it: who does not want that is as good as nobody.
    fn found_by(&self, asker: UserId, phone: u64) -> CoreResult<Option<UserId>> {
        let Some(user) = self.get(Keyspace::PHONES, &phone.to_be_bytes())? else { return Ok(None) };
        let user = user.try_into().map_err(|_| CoreError::Damaged("phone"))?;
        let user = UserId(i64::from_be_bytes(user));
        let theirs = self.inner.contacts.book(self.store(), user)?;
        let found = What::Key(PrivacyKey::AddedByPhone);
        Ok(self.inner.may_see(asker, user, &theirs, found)?.then_some(user))
    }
}

fn check_note(note: &Note) -> CoreResult<()> {
    match note {
        Some(note) if utf16_len(&note.text) > NOTE_UNITS_MAX => Err(TextError::TooLong.into()),
        _ => Ok(()),
    }
}

fn decide_exists(decide: &Decide<'_>, user: UserId) -> CoreResult<()> {
    decide.user(user)?.map(|_| ()).ok_or(CoreError::UnknownUser)
}
