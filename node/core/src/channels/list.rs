//! Who is in a channel, in pages.

use std::collections::BTreeSet;

use node_store::Keyspace;

use super::{AdminRights, Channel, MARKED, Mark, Participant, RECENT, row_key};
use crate::decide::{Decide, scan_prefix};
use crate::ids::{ChannelId, UserId};
use crate::{Core, CoreResult};

/// Participants of one page.
const PARTICIPANTS_MAX: usize = 200;

/// How far a list of participants is walked: what Telegram shows too.
const WALKED_MAX: usize = 10_000;

/// Admins who are told something.
const ADMINS_MAX: usize = 500;

/// Which participants are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParticipantFilter {
    /// All, the latest first.
    Recent,
    /// The creator and admins.
    Admins,
    /// Who was removed and may not come back; whose names begin so.
    Kicked(String),
    /// From whom something is taken; whose names begin so.
    Restricted(String),
    /// Whose names begin so.
    Search(String),
    /// Contacts of the viewer, whose names begin so.
    Contacts(String),
}

/// Some participants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParticipantPage {
    /// In their order.
    pub participants: Vec<Participant>,
    /// All that match.
    pub count: usize,
}

impl Core {
    /// A page of who is in a channel. That the viewer may see them is the caller's to ask.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn participants(
        &self,
        viewer: UserId,
        channel: &Channel,
        filter: &ParticipantFilter,
        offset: usize,
        limit: usize,
    ) -> CoreResult<ParticipantPage> {
        let id = channel.id;
        let limit = limit.min(PARTICIPANTS_MAX);
        let (prefix, words, total) = match filter {
            ParticipantFilter::Recent => (row_key(id, RECENT, &[]), "", Some(channel.members)),
            ParticipantFilter::Admins => {
                (row_key(id, MARKED, &[Mark::Admin as u8]), "", Some(channel.admins))
            }
            ParticipantFilter::Kicked(words) => {
                (row_key(id, MARKED, &[Mark::Banned as u8]), words.as_str(), None)
            }
            ParticipantFilter::Restricted(words) => {
                (row_key(id, MARKED, &[Mark::Restricted as u8]), words.as_str(), None)
            }
            ParticipantFilter::Search(words) | ParticipantFilter::Contacts(words) => {
                (row_key(id, RECENT, &[]), words.as_str(), None)
            }
        };
        let hidden = self.hidden_admins(viewer, id)?;
        let walked = if total.is_some() {
            (offset + limit + hidden.len()).min(WALKED_MAX)
        } else {
            WALKED_MAX
        };
        let rows = scan_prefix(&*self.inner.store, Keyspace::CHANNELS, &prefix, walked)?;
        let users = rows.iter().filter_map(|(key, _)| {
            key.last_chunk::<8>().map(|user| UserId(i64::from_be_bytes(*user)))
        });
        let words = words.trim().to_lowercase();
        let contacts = match filter {
            ParticipantFilter::Contacts(_) => {
                Some(self.inner.contacts.book(&*self.inner.store, viewer)?)
            }
            _ => None,
        };
        let matching: Vec<UserId> = users
            .filter(|user| {
                !hidden.contains(user)
                    && contacts.as_ref().is_none_or(|book| book.contacts.contains_key(user))
                    && self.is_called(*user, &words)
            })
            .collect();
        let known = |total| usize::try_from(total).unwrap_or(0).saturating_sub(hidden.len());
        let count = total.map_or(matching.len(), known);
        let mut participants = Vec::new();
        for user in matching.into_iter().skip(offset).take(limit) {
            participants.extend(self.newest_participant(id, user)?);
        }
        self.settled().await?;
        let shown = participants.into_iter();
        let shown = shown.map(|participant| self.participant_for(viewer, id, participant));
        let participants = shown.collect::<CoreResult<_>>()?;
        Ok(ParticipantPage { participants, count })
    }

    /// Admins of whom the viewer is not to know that they are there; none is hidden from an admin.
    fn hidden_admins(&self, viewer: UserId, channel: ChannelId) -> CoreResult<BTreeSet<UserId>> {
        let mut hidden = BTreeSet::new();
        if self.participant(channel, viewer)?.is_some_and(|own| own.joined && own.is_admin()) {
            return Ok(hidden);
        }
        let prefix = row_key(channel, MARKED, &[Mark::Admin as u8]);
        for (key, _) in scan_prefix(&*self.inner.store, Keyspace::CHANNELS, &prefix, ADMINS_MAX)? {
            let user = key.last_chunk::<8>().map(|user| UserId(i64::from_be_bytes(*user)));
            let found = user.map(|user| self.newest_participant(channel, user)).transpose()?;
            let found = found.flatten().filter(Participant::is_anonymous);
            hidden.extend(found.map(|own| own.user));
        }
        Ok(hidden)
    }

    /// Whether a word of the name, or the username, begins so.
    pub(super) fn is_called(&self, user: UserId, words: &str) -> bool {
        if words.is_empty() {
            return true;
        }
        let Some(account) = self.inner.directory.get(user) else { return false };
        let name = account.full_name().to_lowercase();
        let username = account.username.as_deref().unwrap_or_default().to_lowercase();
        name.starts_with(words)
            || name.split_whitespace().any(|word| word.starts_with(words))
            || username.starts_with(words.trim_start_matches('@'))
    }

    /// Who of a channel is `wanted`, for whoever tells members who are there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn is_in_channel(&self, channel: ChannelId, user: UserId) -> CoreResult<bool> {
        Ok(self.participant(channel, user)?.is_some_and(|found| found.joined))
    }
}

impl Decide<'_> {
    /// Admins who have this right, with the creator.
    pub(crate) fn channel_admins(
        &self,
        channel: ChannelId,
        right: AdminRights,
    ) -> CoreResult<Vec<UserId>> {
        let prefix = row_key(channel, MARKED, &[Mark::Admin as u8]);
        let mut admins = Vec::new();
        for (key, _) in self.scan_prefix(Keyspace::CHANNELS, &prefix, ADMINS_MAX)? {
            let user = key.last_chunk::<8>().map(|user| UserId(i64::from_be_bytes(*user)));
            let found = user.map(|user| self.participant(channel, user)).transpose()?.flatten();
            let found = found.filter(|own| own.joined && own.admin_rights().contains_all(right));
            admins.extend(found.map(|own| own.user));
        }
        Ok(admins)
    }
}
