//! People of other nodes, as accounts of this one.
//!
//! They have numbers from [`REMOTE_FIRST`] on: so who is remote shows from the number alone, and none of
//! them is ever taken for a member. Their names are what their node says of them.

use glog::{Node16, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{ACCOUNT, ACCOUNTS, KnownNode, PERSON, SHOWN, label};
use crate::decide::{Decide, scan_prefix};
use crate::event::Event;
use crate::ids::{PeerId, SUPPORT_IDS_EVERY, USER_ID_END, UserId};
use crate::record::Record;
use crate::user::{NAME_CHARS_MAX, Role, USERNAME_CHARS, User, clean_name, is_username};
use crate::{Core, CoreError, CoreResult};

/// The first number of somebody on another node.
const REMOTE_FIRST: i64 = USER_ID_END / 2;

/// Key in [`Keyspace::SETTINGS`]: the number that the next one gets, 8 bytes.
const NEXT_KEY: &[u8] = b"next_remote_user";

/// People of one node whose names are asked for in one go.
const ASKED_AT_ONCE: usize = 100;

/// Accounts that one node's people get here: whoever writes logs could name any number. Beyond, all are
/// one.
const ACCOUNTS_OF_NODE_MAX: u64 = 50_000;

/// The number of those for whom there was no room.
const OTHERS: u64 = u64::MAX;

/// Whether somebody is on another node.
#[must_use]
pub fn is_remote(user: UserId) -> bool {
    user.0 >= REMOTE_FIRST
}

/// Whose an account is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Remote {
    node: [u8; 16],
    id: u64,
    /// Their node has said what they are called.
    named: bool,
}

impl Record for Remote {
    const VERSION: u8 = 1;
    const NAME: &'static str = "person of another node";
}

/// What a node says of one of its people to other nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Their number there.
    pub id: u64,
    /// Never empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// If they have one.
    pub username: Option<String>,
    /// The account is no more.
    pub deleted: bool,
}

fn account_key(user: UserRef) -> Vec<u8> {
    [&[ACCOUNT][..], &user.node.0, &user.id.to_be_bytes()].concat()
}

fn person_key(user: UserId) -> Vec<u8> {
    [&[PERSON][..], &user.bytes()].concat()
}

impl Core {
    /// What this node says of its people, of those that it has.
    #[must_use]
    pub fn cards(&self, users: &[u64]) -> Vec<Card> {
        let known = users.iter().filter_map(|id| {
            let id = i64::try_from(*id).ok().map(UserId).filter(|id| !is_remote(*id))?;
            self.card(id)
        });
        known.collect()
    }

    /// [`Self::cards`] of those whom other nodes were shown: who said something in a group or channel that
    /// they may read, was let into a private one that is shared, has a private chat with somebody there,
    /// or was found by name. Of the others nobody who counts numbers is to learn that they are here.
    ///
    /// # Errors
    /// Those of the store.
    pub fn cards_shown(&self, users: &[u64]) -> CoreResult<Vec<Card>> {
        let mut shown = Vec::new();
        for card in self.cards(users) {
            let key = [&[SHOWN][..], &card.id.to_be_bytes()].concat();
            let noted = self.inner.store.get(Keyspace::NODES, &key)?.is_some();
            if noted || self.is_in_what_is_told(card.id)? {
                shown.push(card);
            }
        }
        Ok(shown)
    }

    /// Whether somebody is in a channel whose log other nodes read, and is named there.
    fn is_in_what_is_told(&self, user: u64) -> CoreResult<bool> {
        let user = UserId(i64::try_from(user).unwrap_or(0));
        for channel in self.channels_of(user)? {
            let Some(found) = self.channel(channel) else { continue };
            let shared = self.sharing(channel).is_some_and(|shared| !shared.members.is_empty());
            let is_public = found.username.is_some();
            let Some(own) = self.participant(channel, user)?.filter(|_| shared || is_public) else {
                continue;
            };
            // In a private one all are named who were let in.
            if own.announced || own.is_admin() || !is_public {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn card(&self, user: UserId) -> Option<Card> {
        let found = self.inner.directory.get(user)?;
        Some(Card {
            id: user.0.unsigned_abs(),
            first_name: found.first_name.clone(),
            last_name: found.last_name.clone(),
            username: found.username.clone(),
            deleted: found.deleted,
        })
    }

    /// People of a node whose names are not known here yet.
    ///
    /// # Errors
    /// Those of the store.
    pub fn strangers(&self, node: Node16) -> CoreResult<Vec<u64>> {
        let prefix = [&[ACCOUNT][..], &node.0].concat();
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &prefix, usize::MAX >> 1)?;
        let mut strangers = Vec::new();
        for (_, row) in rows {
            let user = account(&row)?;
            let row = self.inner.store.get(Keyspace::NODES, &person_key(user))?;
            let person = row.map(|row| Remote::decode(&row)).transpose()?;
            strangers.extend(person.filter(|person| !person.named).map(|person| person.id));
            if strangers.len() == ASKED_AT_ONCE {
                break;
            }
        }
        Ok(strangers)
    }

    /// A node's people are strangers again: their names are asked for anew. Some at a time: others wait
    /// for none of it long.
    pub(super) async fn forget_names(&self, node: Node16) -> CoreResult<()> {
        let prefix = [&[ACCOUNT][..], &node.0].concat();
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &prefix, usize::MAX >> 1)?;
        for some in rows.chunks(ASKED_AT_ONCE) {
            let users: Vec<UserId> =
                some.iter().map(|(_, row)| account(row)).collect::<CoreResult<_>>()?;
            self.write(None, move |decide| {
                for user in users {
                    let key = person_key(user);
                    let person: Option<Remote> = decide.load(Keyspace::NODES, &key)?;
                    let person = person.ok_or(CoreError::UnknownUser)?;
                    decide.put(Keyspace::NODES, &key, &Remote { named: false, ..person })?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// What a node says of its people: they are called so from now on.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn learn_people(&self, node: Node16, cards: Vec<Card>) -> CoreResult<()> {
        self.write(None, move |decide| {
            for card in cards {
                decide.learn_person(node, card)?;
            }
            Ok(())
        })
        .await
    }

    /// The account of somebody of another node, if there is one.
    pub(crate) fn known_person(&self, user: UserRef) -> CoreResult<Option<UserId>> {
        let row = self.inner.store.get(Keyspace::NODES, &account_key(user))?;
        row.map(|row| account(&row)).transpose()
    }

    /// The number of an account at its own node; `None` for members of this one.
    pub(crate) fn number_there(&self, user: UserId) -> CoreResult<Option<u64>> {
        let row = self.inner.store.get(Keyspace::NODES, &person_key(user))?;
        Ok(row.map(|row| Remote::decode(&row)).transpose()?.map(|person| person.id))
    }

    /// The node that an account is on: whom to ask for its files. `None` for members of this one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn node_of(&self, user: UserId) -> CoreResult<Option<KnownNode>> {
        let row = self.inner.store.get(Keyspace::NODES, &person_key(user))?;
        let Some(row) = row else { return Ok(None) };
        self.known_node(Node16(Remote::decode(&row)?.node))
    }

    /// The account of somebody on another node, made if there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn account_of(&self, node: Node16, card: Card) -> CoreResult<UserId> {
        self.write(None, move |decide| {
            let user = UserRef { node, id: card.id };
            let account = decide.account_of(user)?;
            decide.learn_person(node, card)?;
            Ok(account)
        })
        .await
    }
}

fn account(row: &[u8]) -> CoreResult<UserId> {
    let id = row.try_into().map_err(|_| CoreError::Damaged(Remote::NAME))?;
    Ok(UserId(i64::from_be_bytes(id)))
}

impl Decide<'_> {
    /// How logs call an account.
    pub(crate) fn user_ref(&self, user: UserId) -> CoreResult<UserRef> {
        if !is_remote(user) {
            return Ok(self.inner.logs.user(user));
        }
        let person: Option<Remote> = self.load(Keyspace::NODES, &person_key(user))?;
        let person = person.ok_or(CoreError::UnknownUser)?;
        Ok(UserRef { node: Node16(person.node), id: person.id })
    }

    /// The account of somebody of another node, if there is one.
    pub(crate) fn known_account(&self, user: UserRef) -> CoreResult<Option<UserId>> {
        self.get(Keyspace::NODES, &account_key(user))?.map(|row| account(&row)).transpose()
    }

    /// The account of somebody whom a log names, made if there is none.
    pub(crate) fn account_of(&mut self, mut user: UserRef) -> CoreResult<UserId> {
        if user.node == self.inner.logs.keys().node().short() {
            return Ok(UserId(i64::try_from(user.id).unwrap_or(0)));
        }
        if let Some(known) = self.known_account(user)? {
            return Ok(known);
        }
        let counted = [&[ACCOUNTS][..], &user.node.0].concat();
        let row = self.get(Keyspace::NODES, &counted)?;
        let known = row.and_then(|row| row.first_chunk().map(|count| u64::from_be_bytes(*count)));
        let known = known.unwrap_or(0);
        if known >= ACCOUNTS_OF_NODE_MAX {
            user.id = OTHERS;
            if let Some(row) = self.get(Keyspace::NODES, &account_key(user))? {
                return account(&row);
            }
        }
        self.put_bytes(Keyspace::NODES, &counted, (known + 1).to_be_bytes().to_vec());
        let row = self.get(Keyspace::SETTINGS, NEXT_KEY)?;
        let next = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        let next = next.unwrap_or(REMOTE_FIRST);
        let next = next + i64::from(next % SUPPORT_IDS_EVERY == 0);
        if next >= USER_ID_END {
            return Err(CoreError::BoxFull);
        }
        self.put_bytes(Keyspace::SETTINGS, NEXT_KEY, (next + 1).to_be_bytes().to_vec());
        let id = UserId(next);
        self.put_bytes(Keyspace::NODES, &account_key(user), id.bytes().to_vec());
        let person = Remote { node: user.node.0, id: user.id, named: false };
        self.put(Keyspace::NODES, &person_key(id), &person)?;
        let domain = self.domain_of(user.node)?;
        self.put_user(User {
            id,
            phone: 0,
            first_name: clip(&format!("{} at {domain}", user.id)),
            last_name: String::new(),
            username: None,
            about: String::new(),
            role: Role::Remote,
            created: self.now(),
            birthday: None,
            color: None,
            profile_color: None,
            deleted: false,
        })?;
        self.event(Event::Stranger { node: user.node });
        Ok(id)
    }

    /// The account of somebody whom another node names, made if there is none; `None` for who is said to
    /// be here and is not.
    pub(crate) fn account_named(&mut self, user: UserRef) -> CoreResult<Option<UserId>> {
        let account = self.account_of(user)?;
        let is_there = is_remote(account) || self.user(account)?.is_some();
        Ok(Some(account).filter(|_| is_there))
    }

    /// Other nodes are told of somebody here, and may ask what they are called, also when that one is gone
    /// from where it was.
    pub(crate) fn note_shown(&mut self, user: UserId) -> CoreResult<()> {
        let key = [&[SHOWN][..], &user.bytes()].concat();
        let is_named = !is_remote(user) && user.0 > 0 && user != UserId::SERVICE;
        if is_named && self.get(Keyspace::NODES, &key)?.is_none() {
            self.put_bytes(Keyspace::NODES, &key, vec![1]);
        }
        Ok(())
    }

    /// Somebody on another node has deleted their account: it shows so here, and what they said stays.
    pub(super) fn end_far_account(&mut self, account: UserId) -> CoreResult<()> {
        let before = self.user(account)?.ok_or(CoreError::UnknownUser)?;
        if before.deleted {
            return Ok(());
        }
        let person: Option<Remote> = self.load(Keyspace::NODES, &person_key(account))?;
        let person = person.ok_or(CoreError::UnknownUser)?;
        if let Some(mapped) = &before.username {
            self.delete(Keyspace::NAMES, mapped.to_lowercase().as_bytes());
            let domain = self.domain_of(Node16(person.node))?;
            let name = mapped.rsplit_once("_at_").map_or("", |(name, _)| name);
            let whole = format!("{name}@{domain}").to_lowercase();
            let holder = PeerId::from(account).bytes();
            if self.get(Keyspace::NAMES, whole.as_bytes())?.is_some_and(|row| row == holder) {
                self.delete(Keyspace::NAMES, whole.as_bytes());
            }
        }
        if !person.named {
            // Nobody has to ask for the name any more.
            let person = Remote { named: true, ..person };
            self.put(Keyspace::NODES, &person_key(account), &person)?;
        }
        self.put_user(User {
            first_name: String::new(),
            last_name: String::new(),
            username: None,
            about: String::new(),
            birthday: None,
            color: None,
            profile_color: None,
            deleted: true,
            ..before
        })?;
        self.event(Event::Profile { user: account });
        Ok(())
    }

    fn learn_person(&mut self, node: Node16, card: Card) -> CoreResult<()> {
        let Some(row) = self.get(Keyspace::NODES, &account_key(UserRef { node, id: card.id }))?
        else {
            return Ok(());
        };
        let id = account(&row)?;
        if card.deleted {
            return self.end_far_account(id);
        }
        let before = self.user(id)?.ok_or(CoreError::UnknownUser)?;
        let named = |name: &str| clean_name(&clip(name)).unwrap_or_default();
        let first_name = Some(named(&card.first_name)).filter(|name| !name.is_empty());
        let username = match &card.username {
            Some(name) => self.name_for(name, node, id.into())?,
            None => None,
        };
        if let Some(old) = before.username.as_ref().filter(|old| username.as_ref() != Some(old)) {
            self.delete(Keyspace::NAMES, old.to_lowercase().as_bytes());
        }
        let person = Remote { node: node.0, id: card.id, named: true };
        self.put(Keyspace::NODES, &person_key(id), &person)?;
        let after = User {
            first_name: first_name.unwrap_or_else(|| before.first_name.clone()),
            last_name: named(&card.last_name),
            username,
            deleted: card.deleted,
            ..before.clone()
        };
        if after != before {
            self.put_user(after)?;
            self.event(Event::Profile { user: id });
        }
        Ok(())
    }

    /// A name that clients take, for somebody or something that has `name` on another node; it leads
    /// there from now on, and so does `name@domain`. `None` for what is no name at all.
    pub(crate) fn name_for(
        &mut self,
        name: &str,
        node: Node16,
        holder: PeerId,
    ) -> CoreResult<Option<String>> {
        if !is_username(name) {
            return Ok(None);
        }
        let domain = self.domain_of(node)?;
        let whole = format!("{name}@{domain}").to_lowercase();
        let holder = holder.bytes().to_vec();
        self.put_bytes(Keyspace::NAMES, whole.as_bytes(), holder.clone());
        let longest = *USERNAME_CHARS.end();
        for number in 0..100_u32 {
            let suffix = if number == 0 { String::new() } else { format!("_{number}") };
            let mut mapped = format!("{}_at_{}", name.to_lowercase(), label(&domain));
            mapped.truncate(longest - suffix.len());
            let mapped = format!("{}{suffix}", mapped.trim_end_matches('_'));
            let taken = match self.get(Keyspace::NAMES, mapped.as_bytes())? {
                Some(taken) => taken != holder,
                None => false,
            };
            if !taken {
                self.put_bytes(Keyspace::NAMES, mapped.as_bytes(), holder);
                return Ok(Some(mapped));
            }
        }
        Ok(None)
    }
}

/// As much of a name as a name may have.
fn clip(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}
