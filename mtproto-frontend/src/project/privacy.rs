//! `PrivacyKey`, `PrivacyRule` and their inputs.

use node_core::{ChatId, PrivacyKey, PrivacyRule, UserId, Who};
use tl::enums::{self, InputPrivacyKey as In, InputPrivacyRule};
use tl::types;

use super::Named;

/// A key in TL's shape.
pub(crate) fn key(key: PrivacyKey) -> enums::PrivacyKey {
    match key {
        PrivacyKey::Status => types::PrivacyKeyStatusTimestamp {}.into(),
        PrivacyKey::ChatInvite => types::PrivacyKeyChatInvite {}.into(),
        PrivacyKey::PhoneCall => types::PrivacyKeyPhoneCall {}.into(),
        PrivacyKey::PhoneP2p => types::PrivacyKeyPhoneP2P {}.into(),
        PrivacyKey::Forwards => types::PrivacyKeyForwards {}.into(),
        PrivacyKey::ProfilePhoto => types::PrivacyKeyProfilePhoto {}.into(),
        PrivacyKey::PhoneNumber => types::PrivacyKeyPhoneNumber {}.into(),
        PrivacyKey::AddedByPhone => types::PrivacyKeyAddedByPhone {}.into(),
        PrivacyKey::VoiceMessages => types::PrivacyKeyVoiceMessages {}.into(),
        PrivacyKey::About => types::PrivacyKeyAbout {}.into(),
        PrivacyKey::Birthday => types::PrivacyKeyBirthday {}.into(),
        PrivacyKey::GiftsAutoSave => types::PrivacyKeyStarGiftsAutoSave {}.into(),
        PrivacyKey::NoPaidMessages => types::PrivacyKeyNoPaidMessages {}.into(),
        _ => types::PrivacyKeySavedMusic {}.into(),
    }
}

/// A key as a client names it.
pub(crate) fn key_from_tl(key: &In) -> PrivacyKey {
    match key {
        In::InputPrivacyKeyStatusTimestamp(_) => PrivacyKey::Status,
        In::InputPrivacyKeyChatInvite(_) => PrivacyKey::ChatInvite,
        In::InputPrivacyKeyPhoneCall(_) => PrivacyKey::PhoneCall,
        In::InputPrivacyKeyPhoneP2P(_) => PrivacyKey::PhoneP2p,
        In::InputPrivacyKeyForwards(_) => PrivacyKey::Forwards,
        In::InputPrivacyKeyProfilePhoto(_) => PrivacyKey::ProfilePhoto,
        In::InputPrivacyKeyPhoneNumber(_) => PrivacyKey::PhoneNumber,
        In::InputPrivacyKeyAddedByPhone(_) => PrivacyKey::AddedByPhone,
        In::InputPrivacyKeyVoiceMessages(_) => PrivacyKey::VoiceMessages,
        In::InputPrivacyKeyAbout(_) => PrivacyKey::About,
        In::InputPrivacyKeyBirthday(_) => PrivacyKey::Birthday,
        In::InputPrivacyKeyStarGiftsAutoSave(_) => PrivacyKey::GiftsAutoSave,
        In::InputPrivacyKeyNoPaidMessages(_) => PrivacyKey::NoPaidMessages,
        In::InputPrivacyKeySavedMusic(_) => PrivacyKey::SavedMusic,
    }
}

/// Rules in TL's shape, and everybody that they name.
pub(crate) fn rules(rules: &[PrivacyRule], named: &mut Named) -> Vec<enums::PrivacyRule> {
    let rule = |rule: &PrivacyRule| -> enums::PrivacyRule {
        match (&rule.who, rule.allow) {
            (Who::All, true) => types::PrivacyValueAllowAll {}.into(),
            (Who::Contacts, true) => types::PrivacyValueAllowContacts {}.into(),
            (Who::Contacts, false) => types::PrivacyValueDisallowContacts {}.into(),
            (Who::CloseFriends, true) => types::PrivacyValueAllowCloseFriends {}.into(),
            (Who::Premium, true) => types::PrivacyValueAllowPremium {}.into(),
            (Who::Bots, true) => types::PrivacyValueAllowBots {}.into(),
            (Who::Bots, false) => types::PrivacyValueDisallowBots {}.into(),
            (Who::Users(users), allow) => {
                let users = users.iter().map(|user| {
                    named.user(*user);
                    user.0
                });
                let users = users.collect();
                if allow {
                    types::PrivacyValueAllowUsers { users }.into()
                } else {
                    types::PrivacyValueDisallowUsers { users }.into()
                }
            }
            (Who::Chats(chats), allow) => {
                let chats = chats.iter().map(|chat| {
                    named.peer((*chat).into());
                    chat.0
                });
                let chats = chats.collect();
                if allow {
                    types::PrivacyValueAllowChatParticipants { chats }.into()
                } else {
                    types::PrivacyValueDisallowChatParticipants { chats }.into()
                }
            }
            // TL has no other rules that forbid.
            _ => types::PrivacyValueDisallowAll {}.into(),
        }
    };
    rules.iter().map(rule).collect()
}

/// Rules as a client sends them; `user` and `chat` find whom they name.
pub(crate) fn rules_from_tl<E>(
    sent: &[InputPrivacyRule],
    mut user: impl FnMut(&enums::InputUser) -> Result<UserId, E>,
    mut chat: impl FnMut(i64) -> Result<ChatId, E>,
) -> Result<Vec<PrivacyRule>, E> {
    use InputPrivacyRule as R;
    let mut users = |named: &[enums::InputUser]| -> Result<Who, E> {
        Ok(Who::Users(named.iter().map(&mut user).collect::<Result<_, E>>()?))
    };
    let mut chats = |named: &[i64]| -> Result<Who, E> {
        Ok(Who::Chats(named.iter().map(|id| chat(*id)).collect::<Result<_, E>>()?))
    };
    let mut rules = Vec::new();
    for rule in sent {
        let (allow, who) = match rule {
            R::InputPrivacyValueAllowAll(_) => (true, Who::All),
            R::InputPrivacyValueDisallowAll(_) => (false, Who::All),
            R::InputPrivacyValueAllowContacts(_) => (true, Who::Contacts),
            R::InputPrivacyValueDisallowContacts(_) => (false, Who::Contacts),
            R::InputPrivacyValueAllowCloseFriends(_) => (true, Who::CloseFriends),
            R::InputPrivacyValueAllowPremium(_) => (true, Who::Premium),
            R::InputPrivacyValueAllowBots(_) => (true, Who::Bots),
            R::InputPrivacyValueDisallowBots(_) => (false, Who::Bots),
            R::InputPrivacyValueAllowUsers(named) => (true, users(&named.users)?),
            R::InputPrivacyValueDisallowUsers(named) => (false, users(&named.users)?),
            R::InputPrivacyValueAllowChatParticipants(named) => (true, chats(&named.chats)?),
            R::InputPrivacyValueDisallowChatParticipants(named) => (false, chats(&named.chats)?),
        };
        rules.push(PrivacyRule { allow, who });
    }
    Ok(rules)
}
