//! What members show to whom: rules by key, and the one place where they are judged.
//!
//! Source: <https://core.telegram.org/api/privacy>

mod global;
mod rules;

use serde::{Deserialize, Serialize};

pub use global::GlobalPrivacy;
pub(crate) use rules::{Facts, Judge};

use crate::chats::Chats;
use crate::contacts::Book;
use crate::decide::Decide;
use crate::event::{Event, Own};
use crate::ids::{Actor, ChatId, UserId};
use crate::inner::Inner;
use crate::personal::{Personal, PersonalRecord};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Rules and exceptions of one key, together: what Telegram's server takes.
pub const PRIVACY_ENTRIES_MAX: usize = 1000;

/// Something that a member may show to some and not to others. The number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
#[repr(u8)]
pub enum PrivacyKey {
    /// When one was there last.
    Status = 0,
    /// Who may add one to groups.
    ChatInvite = 1,
    /// Who may call.
    PhoneCall = 2,
    /// With whom calls go without a relay.
    PhoneP2p = 3,
    /// Who may link to the account when forwarding its messages.
    Forwards = 4,
    /// The profile photo.
    ProfilePhoto = 5,
    /// The phone number.
    PhoneNumber = 6,
    /// Who may find the account by its number.
    AddedByPhone = 7,
    /// Who may send voice messages.
    VoiceMessages = 8,
    /// The text about oneself.
    About = 9,
    /// The birthday.
    Birthday = 10,
    /// Whose gifts are shown without asking.
    GiftsAutoSave = 11,
    /// Who may write without paying; nobody pays here.
    NoPaidMessages = 12,
    /// Music on the profile page.
    SavedMusic = 13,
}

impl PrivacyKey {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Status,
        Self::ChatInvite,
        Self::PhoneCall,
        Self::PhoneP2p,
        Self::Forwards,
        Self::ProfilePhoto,
        Self::PhoneNumber,
        Self::AddedByPhone,
        Self::VoiceMessages,
        Self::About,
        Self::Birthday,
        Self::GiftsAutoSave,
        Self::NoPaidMessages,
        Self::SavedMusic,
    ];

    /// Whether it shows something that whom the owner has blocked is not to see. The others say
    /// what one may do, which a block answers by itself.
    fn hides_from_blocked(self) -> bool {
        self != Self::AddedByPhone
    }

    /// What holds where nothing is set, as in Telegram: numbers and birthdays are for contacts.
    #[must_use]
    pub fn default_rules(self) -> Vec<PrivacyRule> {
        let rule = |allow, who| PrivacyRule { allow, who };
        match self {
            Self::PhoneNumber | Self::PhoneP2p | Self::Birthday => {
                vec![rule(true, Who::Contacts), rule(false, Who::All)]
            }
            _ => vec![rule(true, Who::All)],
        }
    }
}

/// One rule. The first of a list that fits decides; where none fits, the answer is no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyRule {
    /// Whether it allows or forbids.
    pub allow: bool,
    /// For whom it is.
    pub who: Who,
}

/// For whom a rule is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Who {
    /// Everybody.
    All,
    /// The owner's contacts.
    Contacts,
    /// Those of them whom the owner calls close friends.
    CloseFriends,
    /// Subscribers; there are none.
    Premium,
    /// Bots; there are none yet.
    Bots,
    /// These.
    Users(Vec<UserId>),
    /// Whoever is in one of these groups.
    Chats(Vec<ChatId>),
}

impl Who {
    fn entries(&self) -> usize {
        match self {
            Self::Users(users) => users.len(),
            Self::Chats(chats) => chats.len(),
            _ => 1,
        }
    }
}

/// What is asked about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Something with rules of its own.
    Key(PrivacyKey),
    /// When the member has read a message of the viewer's.
    ReadDates,
}

/// The rules of one key. Rest of the key: the key's number.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PrivacyRules(pub(crate) Vec<PrivacyRule>);

impl Record for PrivacyRules {
    const VERSION: u8 = 1;
    const NAME: &'static str = "privacy rules";
}

impl PersonalRecord for PrivacyRules {
    const KIND: u8 = 20;
}

/// Everything that one member has said about privacy, ready to be asked.
#[derive(Debug, Default)]
pub(crate) struct Privacy {
    /// By the key's number; absent where nothing is set.
    set: Vec<(u8, Judge)>,
    global: GlobalPrivacy,
}

impl Privacy {
    pub(crate) fn of(personal: &Personal) -> CoreResult<Self> {
        let mut set = Vec::new();
        for (key, PrivacyRules(rules)) in personal.all::<PrivacyRules>()? {
            set.push((key.first().copied().unwrap_or_default(), Judge::new(&rules)));
        }
        Ok(Self { set, global: GlobalPrivacy::of(personal)? })
    }

    /// What the rules alone say of a viewer.
    pub(crate) fn allows(
        &self,
        key: PrivacyKey,
        viewer: UserId,
        facts: Facts,
        chats: &Chats,
    ) -> bool {
        match self.set.iter().find(|(known, _)| *known == key as u8) {
            Some((_, judge)) => judge.allows(viewer, facts, chats),
            None => match key {
                PrivacyKey::PhoneNumber | PrivacyKey::PhoneP2p | PrivacyKey::Birthday => {
                    facts.contact
                }
                _ => true,
            },
        }
    }

    /// Whether a viewer who is not the member may see this: the rules, blocks, and what goes with
    /// them. `book` is the member's.
    pub(crate) fn lets_see(&self, viewer: UserId, book: &Book, what: What, chats: &Chats) -> bool {
        let facts = Facts::of(book, viewer);
        let allows = |key| self.allows(key, viewer, facts, chats);
        let blocked = book.blocked.contains_key(&viewer);
        match what {
            What::Key(key) => !(blocked && key.hides_from_blocked()) && allows(key),
            // Only who cannot see when the member was there is kept from it.
            What::ReadDates => {
                let status = !blocked && allows(PrivacyKey::Status);
                status || !self.global.hide_read_marks
            }
        }
    }
}

impl Core {
    /// The rules of one key.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn privacy(&self, owner: UserId, key: PrivacyKey) -> CoreResult<Vec<PrivacyRule>> {
        let rules = self.shown_privacy(owner, key)?;
        self.settled().await?;
        Ok(rules)
    }

    /// [`Core::privacy`] for an update: shows what is durable, and does not wait.
    ///
    /// # Errors
    /// Those of the store.
    pub fn shown_privacy(&self, owner: UserId, key: PrivacyKey) -> CoreResult<Vec<PrivacyRule>> {
        let rules = self.inner.personal(owner)?.get::<PrivacyRules>(&[key as u8])?;
        Ok(rules.map_or_else(|| key.default_rules(), |PrivacyRules(rules)| rules))
    }

    /// Replaces the rules of one key.
    ///
    /// # Errors
    /// [`CoreError::TooMany`], [`CoreError::UnknownUser`].
    pub async fn set_privacy(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        key: PrivacyKey,
        rules: Vec<PrivacyRule>,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| decide.set_privacy(owner, key, rules)).await
    }

    /// Whether `viewer` may see this of `owner`: the rules, blocks, and what goes with them.
    ///
    /// Shows what is durable, and does not wait: it is also asked while an update is encoded.
    ///
    /// # Errors
    /// Those of the store.
    pub fn may_see(&self, viewer: UserId, owner: UserId, what: What) -> CoreResult<bool> {
        let theirs = self.inner.contacts.book(&*self.inner.store, owner)?;
        self.inner.may_see(viewer, owner, &theirs, what)
    }
}

impl Inner {
    /// Whether even who is nobody here may see this of `owner`.
    pub(crate) fn may_anybody_see(&self, owner: UserId, key: PrivacyKey) -> CoreResult<bool> {
        const NOBODY: UserId = UserId(0);
        let privacy = self.personal(owner)?.privacy()?;
        Ok(privacy.allows(key, NOBODY, Facts::default(), &self.chats))
    }

    /// [`Core::may_see`], where the owner's book is at hand.
    pub(crate) fn may_see(
        &self,
        viewer: UserId,
        owner: UserId,
        theirs: &Book,
        what: What,
    ) -> CoreResult<bool> {
        if viewer == owner {
            return Ok(true);
        }
        let privacy = self.personal(owner)?.privacy()?;
        Ok(privacy.lets_see(viewer, theirs, what, &self.chats))
    }
}

impl Decide<'_> {
    fn set_privacy(
        &mut self,
        owner: UserId,
        key: PrivacyKey,
        mut rules: Vec<PrivacyRule>,
    ) -> CoreResult<()> {
        // A rule for nobody says nothing.
        rules.retain(|rule| rule.who.entries() > 0);
        if rules.iter().map(|rule| rule.who.entries()).sum::<usize>() > PRIVACY_ENTRIES_MAX {
            return Err(CoreError::TooMany);
        }
        for rule in &rules {
            match &rule.who {
                Who::Users(users) => {
                    for user in users {
                        self.inner.directory.get(*user).ok_or(CoreError::UnknownUser)?;
                    }
                }
                Who::Chats(chats) => {
                    for chat in chats {
                        self.chat_for(owner, *chat).map_err(|_| CoreError::UnknownChat)?;
                    }
                }
                _ => {}
            }
        }
        let rest = [key as u8];
        let default = rules == key.default_rules();
        let rules = PrivacyRules(rules);
        self.set_personal(owner, &rest, (!default).then_some(&rules))?;
        self.tell_own(owner, Own::Privacy(key));
        self.event(Event::Shown { user: owner });
        Ok(())
    }

    /// Lets one person see the owner's number, whatever the other rules say.
    pub(crate) fn share_phone(&mut self, owner: UserId, with: UserId) -> CoreResult<()> {
        let key = PrivacyKey::PhoneNumber;
        let known = self.personal::<PrivacyRules>(owner, &[key as u8])?;
        let mut rules = known.map_or_else(|| key.default_rules(), |PrivacyRules(rules)| rules);
        for rule in &mut rules {
            if let Who::Users(users) = &mut rule.who {
                users.retain(|user| *user != with);
            }
        }
        // An exception comes before what it is an exception from.
        match rules.first_mut() {
            Some(PrivacyRule { allow: true, who: Who::Users(users) }) => users.push(with),
            _ => rules.insert(0, PrivacyRule { allow: true, who: Who::Users(vec![with]) }),
        }
        self.set_privacy(owner, key, rules)
    }
}
