//! Rules of one key, in the form in which they are asked.

use std::collections::HashMap;

use super::{PrivacyRule, Who};
use crate::chats::Chats;
use crate::contacts::Book;
use crate::ids::UserId;

/// What rules ask about a viewer, beside who it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The owner keeps the viewer as a contact.
    pub(crate) contact: bool,
    /// And calls it a close friend.
    pub(crate) close_friend: bool,
    /// The viewer has a subscription: nobody has one.
    pub(crate) premium: bool,
    /// The viewer is a bot: there are none yet.
    pub(crate) bot: bool,
}

impl Facts {
    /// What the owner's book says of `viewer`.
    pub(crate) fn of(book: &Book, viewer: UserId) -> Self {
        let contact = book.contacts.get(&viewer);
        Self {
            contact: contact.is_some(),
            close_friend: contact.is_some_and(|contact| contact.close_friend),
            ..Self::default()
        }
    }
}

/// A list of rules, of which the first that fits is found without walking through the people that
/// others name.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// Of each person that is named: the place of the first rule that does, and what it says.
    users: HashMap<UserId, (usize, bool)>,
    /// The rules for groups of people, with their places; after one for everybody none counts.
    groups: Vec<(usize, Who, bool)>,
}

impl Judge {
    pub(crate) fn new(rules: &[PrivacyRule]) -> Self {
        let mut judge = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            match &rule.who {
                Who::Users(users) => {
                    for user in users {
                        judge.users.entry(*user).or_insert((place, rule.allow));
                    }
                }
                group => {
                    judge.groups.push((place, group.clone(), rule.allow));
                    if *group == Who::All {
                        break;
                    }
                }
            }
        }
        judge
    }

    /// What the first rule that fits says; no, if none does.
    pub(crate) fn allows(&self, viewer: UserId, facts: Facts, chats: &Chats) -> bool {
        let named = self.users.get(&viewer).copied();
        let group = self.groups.iter().find(|(_, who, _)| fits(who, viewer, facts, chats));
        match (named, group.map(|(place, _, allow)| (*place, *allow))) {
            (Some(named), Some(group)) => named.min(group).1,
            (Some((_, allow)), None) | (None, Some((_, allow))) => allow,
            (None, None) => false,
        }
    }
}

fn fits(group: &Who, viewer: UserId, facts: Facts, chats: &Chats) -> bool {
    match group {
        Who::All => true,
        Who::Contacts => facts.contact,
        Who::CloseFriends => facts.close_friend,
        Who::Premium => facts.premium,
        Who::Bots => facts.bot,
        Who::Chats(named) => named.iter().any(|chat| chats.has(*chat, viewer)),
        Who::Users(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, word by word.
    fn slowly(rules: &[PrivacyRule], viewer: UserId, facts: Facts) -> bool {
        let fits = |who: &Who| match who {
            Who::All => true,
            Who::Contacts => facts.contact,
            Who::CloseFriends => facts.close_friend,
            Who::Premium => facts.premium,
            Who::Bots => facts.bot,
            Who::Users(users) => users.contains(&viewer),
            Who::Chats(_) => false,
        };
        rules.iter().find(|rule| fits(&rule.who)).is_some_and(|rule| rule.allow)
    }

    fn rules() -> impl Strategy<Value = Vec<PrivacyRule>> {
        let users = prop::collection::vec((1..6_i64).prop_map(UserId), 0..4);
        let who = prop_oneof![
            Just(Who::All),
            Just(Who::Contacts),
            Just(Who::CloseFriends),
            Just(Who::Premium),
            Just(Who::Bots),
            users.clone().prop_map(Who::Users),
            users.prop_map(Who::Users),
        ];
        let rule = (any::<bool>(), who).prop_map(|(allow, who)| PrivacyRule { allow, who });
        prop::collection::vec(rule, 0..6)
    }

    proptest! {
        #[test]
        fn the_first_rule_that_fits_decides(
            rules in rules(),
            viewer in (1..8_i64).prop_map(UserId),
            facts in any::<[bool; 4]>(),
        ) {
            let [contact, close_friend, premium, bot] = facts;
            let facts = Facts { contact, close_friend, premium, bot };
            prop_assert_eq!(
                Judge::new(&rules).allows(viewer, facts, &Chats::default()),
                slowly(&rules, viewer, facts)
            );
        }
    }
}
