//! What clients ask the node to remember for a member's other devices, and do themselves.

use serde::{Deserialize, Serialize};

use crate::dialogs::Sound;
use crate::event::Own;
use crate::ids::{Actor, PEER_BYTES, PeerId, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Dialogs with settings of their own about saving.
const EXCEPTIONS_MAX: usize = 1000;

/// Longest name of a sound, in bytes.
const SOUND_BYTES_MAX: usize = 256;

/// What is marked as sensitive is shown without a question.
#[derive(Debug, Serialize, Deserialize)]
struct SensitiveShown;

impl Record for SensitiveShown {
    const VERSION: u8 = 1;
    const NAME: &'static str = "sensitive content";
}

impl PersonalRecord for SensitiveShown {
    const KIND: u8 = 26;
}

/// Which of the three presets of automatic downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownloadPreset {
    /// Roaming, mostly.
    Low = 0,
    /// Mobile data, mostly.
    Medium = 1,
    /// Wi-Fi, mostly.
    High = 2,
}

/// What is downloaded without being asked for. Rest of the key: the preset's number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the API")]
pub struct AutoDownload {
    pub disabled: bool,
    pub video_preload_large: bool,
    pub audio_preload_next: bool,
    pub phonecalls_less_data: bool,
    pub stories_preload: bool,
    pub photo_size_max: i32,
    pub video_size_max: i64,
    pub file_size_max: i64,
    pub video_upload_maxbitrate: i32,
    pub small_queue_active_operations_max: i32,
    pub large_queue_active_operations_max: i32,
}

impl Record for AutoDownload {
    const VERSION: u8 = 1;
    const NAME: &'static str = "automatic downloads";
}

impl PersonalRecord for AutoDownload {
    const KIND: u8 = 27;
}

/// For which dialogs saving to the device is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveScope {
    /// All with people.
    Users,
    /// All groups.
    Chats,
    /// All channels.
    Broadcasts,
    /// This one.
    Peer(PeerId),
}

impl SaveScope {
    /// Rest of the key: 1 byte of a scope, or the peer.
    fn rest(self) -> Vec<u8> {
        match self {
            Self::Users => vec![0],
            Self::Chats => vec![1],
            Self::Broadcasts => vec![2],
            Self::Peer(peer) => peer.bytes().to_vec(),
        }
    }
}

/// What is saved to the device without being asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoSave {
    /// Photos are.
    pub photos: bool,
    /// Videos are.
    pub videos: bool,
    /// Up to so many bytes, where said.
    pub video_max_size: Option<i64>,
}

impl Record for AutoSave {
    const VERSION: u8 = 1;
    const NAME: &'static str = "automatic saving";
}

impl PersonalRecord for AutoSave {
    const KIND: u8 = 28;
}

/// Everything about saving to the device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AutoSaves {
    /// With people.
    pub users: AutoSave,
    /// In groups.
    pub chats: AutoSave,
    /// In channels.
    pub broadcasts: AutoSave,
    /// Dialogs with settings of their own.
    pub exceptions: Vec<(PeerId, AutoSave)>,
}

/// Whose reactions and votes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReactionsFrom {
    /// Nobody's.
    Nobody,
    /// Contacts'.
    Contacts,
    /// Everybody's.
    All,
}

/// How the member is told of reactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionsNotify {
    /// To messages.
    pub messages: ReactionsFrom,
    /// To stories.
    pub stories: ReactionsFrom,
    /// Votes.
    pub poll_votes: ReactionsFrom,
    /// With this sound.
    pub sound: Sound,
    /// With what they are about.
    pub show_previews: bool,
}

impl Default for ReactionsNotify {
    fn default() -> Self {
        let contacts = ReactionsFrom::Contacts;
        Self {
            messages: contacts,
            stories: contacts,
            poll_votes: contacts,
            sound: Sound::Default,
            show_previews: true,
        }
    }
}

impl Record for ReactionsNotify {
    const VERSION: u8 = 1;
    const NAME: &'static str = "notifications of reactions";
}

impl PersonalRecord for ReactionsNotify {
    const KIND: u8 = 29;
}

impl Core {
    /// Whether the member is shown what is marked as sensitive.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sensitive_shown(&self, owner: UserId) -> CoreResult<bool> {
        let shown = self.inner.personal(owner)?.get::<SensitiveShown>(&[])?.is_some();
        self.settled().await?;
        Ok(shown)
    }

    /// Sets [`Core::sensitive_shown`].
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_sensitive_shown(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        shown: bool,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            decide.set_personal(owner, &[], shown.then_some(&SensitiveShown))
        })
        .await
    }

    /// A preset, where the member has changed it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn auto_download(
        &self,
        owner: UserId,
        preset: DownloadPreset,
    ) -> CoreResult<Option<AutoDownload>> {
        let set = self.inner.personal(owner)?.get(&[preset as u8])?;
        self.settled().await?;
        Ok(set)
    }

    /// Changes a preset.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_auto_download(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        preset: DownloadPreset,
        set: AutoDownload,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| decide.set_personal(owner, &[preset as u8], Some(&set)))
            .await
    }

    /// What is saved to the device.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn auto_saves(&self, owner: UserId) -> CoreResult<AutoSaves> {
        let personal = self.inner.personal(owner)?;
        let mut saves = AutoSaves::default();
        for (rest, set) in personal.all::<AutoSave>()? {
            match rest {
                [0] => saves.users = set,
                [1] => saves.chats = set,
                [2] => saves.broadcasts = set,
                peer => saves.exceptions.extend(PeerId::from_bytes(peer).map(|peer| (peer, set))),
            }
        }
        self.settled().await?;
        Ok(saves)
    }

    /// Changes what is saved to the device.
    ///
    /// # Errors
    /// [`CoreError::TooMany`].
    pub async fn set_auto_save(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        scope: SaveScope,
        set: AutoSave,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            let rest = scope.rest();
            if matches!(scope, SaveScope::Peer(_))
                && decide.personal::<AutoSave>(owner, &rest)?.is_none()
                && decide.exceptions(owner)?.len() >= EXCEPTIONS_MAX
            {
                return Err(CoreError::TooMany);
            }
            decide.set_personal(owner, &rest, Some(&set))?;
            decide.tell_own(owner, Own::AutoSave);
            Ok(())
        })
        .await
    }

    /// Forgets what is set for single dialogs.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_auto_save_exceptions(
        &self,
        actor: Option<Actor>,
        owner: UserId,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            for rest in decide.exceptions(owner)? {
                decide.set_personal::<AutoSave>(owner, &rest, None)?;
            }
            decide.tell_own(owner, Own::AutoSave);
            Ok(())
        })
        .await
    }

    /// How the member is told of reactions.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reactions_notify(&self, owner: UserId) -> CoreResult<ReactionsNotify> {
        let set: Option<ReactionsNotify> = self.inner.personal(owner)?.get(&[])?;
        self.settled().await?;
        Ok(set.unwrap_or_default())
    }

    /// Sets [`Core::reactions_notify`].
    ///
    /// # Errors
    /// [`CoreError::SettingsInvalid`].
    pub async fn set_reactions_notify(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        set: ReactionsNotify,
    ) -> CoreResult<()> {
        if let Sound::Local { title, data } = &set.sound
            && title.len().max(data.len()) > SOUND_BYTES_MAX
        {
            return Err(CoreError::SettingsInvalid);
        }
        self.write(actor, move |decide| decide.set_personal(owner, &[], Some(&set))).await
    }
}

impl crate::decide::Decide<'_> {
    /// The keys of dialogs with settings of their own about saving.
    fn exceptions(&self, owner: UserId) -> CoreResult<Vec<Vec<u8>>> {
        let prefix = [&owner.bytes()[..], &[AutoSave::KIND]].concat();
        // The bound is looked at before each is added: there are never more, beside three scopes.
        let rows = self.scan_prefix(node_store::Keyspace::PERSONAL, &prefix, EXCEPTIONS_MAX + 3)?;
        let rests = rows.into_iter().filter_map(|(key, _)| Some(key.get(prefix.len()..)?.to_vec()));
        Ok(rests.filter(|rest| rest.len() == PEER_BYTES).collect())
    }
}
