//! Which messages make a noise.
//!
//! Source: <https://core.telegram.org/api/folders>,
//! <https://core.telegram.org/constructor/peerNotifySettings>

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, MessageId, PeerId, Talk, UserId};
use crate::personal::{Personal, PersonalRecord};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Dialogs of one member with settings of their own.
const EXCEPTIONS_MAX: usize = 10_000;

/// Bytes of the title and the data of a sound that only the member's devices know.
const SOUND_BYTES_MAX: usize = 512;

/// All dialogs of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NotifyScope {
    /// Private chats.
    Users,
    /// Groups.
    Chats,
    /// Channels.
    Broadcasts,
}

/// What notification settings are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotifyTarget {
    /// All dialogs of a kind that have none of their own.
    Scope(NotifyScope),
    /// One dialog.
    Peer(PeerId),
    /// A topic of one.
    Topic(PeerId, MessageId),
}

/// A sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sound {
    /// As the device has it.
    Default,
    /// Silence.
    None,
    /// One that the member's devices know by these.
    Local {
        /// For people.
        title: String,
        /// For the device.
        data: String,
    },
    /// An uploaded one.
    Ringtone(i64),
}

impl Sound {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Local { title, data } => title.len() + data.len() <= SOUND_BYTES_MAX,
            _ => true,
        }
    }
}

/// Notification settings; what is `None` is as for the scope, there as for everybody. Rest of the
/// key: 0 and the scope, or 1 and the dialog, with the topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifySettings {
    /// With the text of the message.
    pub show_previews: Option<bool>,
    /// Without a sound.
    pub silent: Option<bool>,
    /// Not at all, until then (unix seconds).
    pub mute_until: Option<i32>,
    /// Which sound.
    pub sound: Option<Sound>,
    /// The same for stories: muted,
    pub stories_muted: Option<bool>,
    /// without a name,
    pub stories_hide_sender: Option<bool>,
    /// and with which sound.
    pub stories_sound: Option<Sound>,
}

impl NotifySettings {
    /// Takes over what `change` says.
    fn update(&mut self, change: Self) {
        fn take<T>(own: &mut Option<T>, change: Option<T>) {
            if change.is_some() {
                *own = change;
            }
        }
        take(&mut self.show_previews, change.show_previews);
        take(&mut self.silent, change.silent);
        take(&mut self.mute_until, change.mute_until);
        take(&mut self.sound, change.sound);
        take(&mut self.stories_muted, change.stories_muted);
        take(&mut self.stories_hide_sender, change.stories_hide_sender);
        take(&mut self.stories_sound, change.stories_sound);
    }

    /// Whether nothing is heard at that time, `scope` being what holds where these say nothing.
    fn is_muted(&self, scope: &Self, now: i32) -> bool {
        self.mute_until.or(scope.mute_until).is_some_and(|until| until > now)
    }
}

impl Record for NotifySettings {
    const VERSION: u8 = 1;
    const NAME: &'static str = "notification settings";
}

impl PersonalRecord for NotifySettings {
    const KIND: u8 = 5;
}

const SCOPE: u8 = 0;
const PEER: u8 = 1;

fn rest(target: NotifyTarget) -> Vec<u8> {
    match target {
        NotifyTarget::Scope(scope) => {
            let number = match scope {
                NotifyScope::Users => 0,
                NotifyScope::Chats => 1,
                NotifyScope::Broadcasts => 2,
            };
            vec![SCOPE, number]
        }
        NotifyTarget::Peer(peer) => [&[PEER][..], &peer.bytes()].concat(),
        NotifyTarget::Topic(peer, topic) => {
            [&[PEER][..], &Talk { peer, topic: Some(topic) }.bytes()].concat()
        }
    }
}

impl Personal {
    /// The settings of a dialog or a scope, as far as they were set.
    pub(crate) fn notify(&self, target: NotifyTarget) -> CoreResult<NotifySettings> {
        Ok(self.get(&rest(target))?.unwrap_or_default())
    }
}

impl Core {
    /// Changes what `change` says, and tells the other sessions. For a dialog, what becomes as for
    /// its scope is said by [`Core::reset_notify`] only.
    ///
    /// # Errors
    /// [`CoreError::SettingsInvalid`], [`CoreError::Flood`] for too many exceptions.
    pub async fn update_notify(
        &self,
        actor: Actor,
        owner: UserId,
        target: NotifyTarget,
        change: NotifySettings,
    ) -> CoreResult<()> {
        let sounds = [&change.sound, &change.stories_sound];
        if !sounds.into_iter().flatten().all(Sound::is_bounded) {
            return Err(CoreError::SettingsInvalid);
        }
        self.write(Some(actor), move |decide| {
            let key = rest(target);
            let before: Option<NotifySettings> = decide.personal(owner, &key)?;
            if before.is_none() && !matches!(target, NotifyTarget::Scope(_)) {
                let known = decide.inner.personal(owner)?.all::<NotifySettings>()?.len();
                if known >= EXCEPTIONS_MAX {
                    return Err(CoreError::Flood { wait_s: 86_400 });
                }
            }
            let mut settings = before.clone().unwrap_or_default();
            settings.update(change);
            if before.as_ref() == Some(&settings) {
                return Ok(());
            }
            let set = (settings != NotifySettings::default()).then_some(&settings);
            decide.set_personal(owner, &key, set)?;
            decide.tell_own(owner, Own::Notify(target));
            Ok(())
        })
        .await
    }

    /// Makes all notification settings as for everybody.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reset_notify(&self, actor: Actor, owner: UserId) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let all = decide.personal_all::<NotifySettings>(owner, 2 * EXCEPTIONS_MAX)?;
            for (key, _) in all {
                decide.set_personal::<NotifySettings>(owner, &key, None)?;
                if let Some(target) = target_of(&key) {
                    decide.tell_own(owner, Own::Notify(target));
                }
            }
            Ok(())
        })
        .await
    }

    /// The settings of a dialog or a scope, as far as they were set.
    ///
    /// # Errors
    /// Those of the store.
    pub fn notify(&self, owner: UserId, target: NotifyTarget) -> CoreResult<NotifySettings> {
        self.inner.personal(owner)?.notify(target)
    }

    /// Dialogs and topics with settings of their own.
    ///
    /// # Errors
    /// Those of the store.
    pub fn notify_exceptions(
        &self,
        owner: UserId,
    ) -> CoreResult<Vec<(NotifyTarget, NotifySettings)>> {
        let personal = self.inner.personal(owner)?;
        let all = personal.all::<NotifySettings>()?.into_iter();
        let exceptions = all.filter_map(|(key, settings)| match target_of(key)? {
            NotifyTarget::Scope(_) => None,
            exception => Some((exception, settings)),
        });
        Ok(exceptions.collect())
    }
}

impl Decide<'_> {
    /// What a member has set for one dialog holds for another from now on.
    pub(crate) fn carry_notify(
        &mut self,
        owner: UserId,
        from: PeerId,
        to: PeerId,
    ) -> CoreResult<()> {
        let (from, target) = (rest(NotifyTarget::Peer(from)), NotifyTarget::Peer(to));
        let Some(settings) = self.personal::<NotifySettings>(owner, &from)? else { return Ok(()) };
        self.set_personal::<NotifySettings>(owner, &from, None)?;
        self.set_personal(owner, &rest(target), Some(&settings))?;
        self.tell_own(owner, Own::Notify(target));
        Ok(())
    }
}

/// The inverse of [`rest`].
fn target_of(key: &[u8]) -> Option<NotifyTarget> {
    match key.split_first()? {
        (&PEER, talk) => Talk::from_bytes(talk).map(|talk| match talk.topic {
            Some(topic) => NotifyTarget::Topic(talk.peer, topic),
            None => NotifyTarget::Peer(talk.peer),
        }),
        (&SCOPE, [0]) => Some(NotifyTarget::Scope(NotifyScope::Users)),
        (&SCOPE, [1]) => Some(NotifyTarget::Scope(NotifyScope::Chats)),
        (&SCOPE, [2]) => Some(NotifyTarget::Scope(NotifyScope::Broadcasts)),
        _ => None,
    }
}

impl Decide<'_> {
    /// Whether messages of a dialog are not heard now.
    pub(super) fn is_muted(&self, owner: UserId, peer: PeerId) -> CoreResult<bool> {
        let personal = self.inner.personal(owner)?;
        let scope = match peer {
            PeerId::User(_) => NotifyScope::Users,
            PeerId::Chat(_) => NotifyScope::Chats,
            PeerId::Channel(channel) => match self.inner.channels.get(channel) {
                Some(found) if found.broadcast => NotifyScope::Broadcasts,
                _ => NotifyScope::Chats,
            },
        };
        let scope = personal.notify(NotifyTarget::Scope(scope))?;
        Ok(personal.notify(NotifyTarget::Peer(peer))?.is_muted(&scope, self.now()))
    }
}
