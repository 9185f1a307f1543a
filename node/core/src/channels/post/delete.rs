//! Messages of channels that go.

use glog::EntryRef;
use glog::body::{DataBody, Delete};
use node_store::Keyspace;

use super::id_key;
use crate::channels::{AdminAction, AdminRights, ENTRY_OF, MESSAGE_OF, row_key};
use crate::decide::Decide;
use crate::ids::{Actor, ChannelId, MessageId, Pts, UserId};
use crate::message::{Action, Message};
use crate::send::Affected;
use crate::{Core, CoreError, CoreResult};

/// Messages that one command deletes.
const DELETE_AT_ONCE: usize = 100;

impl Core {
    /// Removes messages of a channel, from everybody. Ids that are not there are passed over.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::AdminRightMissing`] for what others wrote.
    pub async fn delete_in_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        ids: Vec<MessageId>,
    ) -> CoreResult<Affected> {
        let mut affected = None;
        for some in ids.chunks(DELETE_AT_ONCE) {
            let some = some.to_vec();
            let more = self
                .write(Some(actor), move |decide| decide.delete_in_channel(owner, channel, some))
                .await?;
            let before = affected.map_or(0, |affected: Affected| affected.pts_count);
            affected = Some(Affected { pts_count: before + more.pts_count, ..more });
        }
        match affected {
            Some(affected) => Ok(affected),
            None => {
                let pts = self.channel_state(channel)?;
                Ok(Affected { pts, pts_count: 0 })
            }
        }
    }
}

impl Decide<'_> {
    pub(crate) fn delete_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        mut ids: Vec<MessageId>,
    ) -> CoreResult<Affected> {
        let view = self.channel_view(owner, channel)?;
        if !view.is_member() && !view.is_guest() {
            return Err(CoreError::UnknownChannel);
        }
        let any = view.admin_rights().contains_all(AdminRights::DELETE_MESSAGES);
        let posts = view.admin_rights().contains_all(AdminRights::POST_MESSAGES);
        ids.sort_unstable();
        ids.dedup();
        let (mut going, mut targets) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(message) = self.message(channel, id)? else { continue };
            // That goes with its topic.
            if matches!(message.action, Some(Action::TopicCreated { .. })) {
                continue;
            }
            let own = message.is_by(owner)
                && message.action.is_none()
                && (!view.channel.broadcast || posts);
            if !any && !own {
                return Err(CoreError::AdminRightMissing);
            }
            self.note(channel, owner, AdminAction::Deleted(id, message.clone()))?;
            targets.extend(self.forget_message(channel, id, &message)?);
            going.push(id);
        }
        if going.is_empty() {
            return Ok(Affected { pts: Pts(self.next_id(channel)?.0 - 1), pts_count: 0 });
        }
        for target in targets {
            self.write_data(channel, owner, &DataBody::Delete(Delete { target }))?;
        }
        let pts_count = i32::try_from(going.len()).unwrap_or(i32::MAX);
        let pts = self.remove(channel.into(), channel.into(), None, going)?;
        Ok(Affected { pts, pts_count })
    }

    /// Takes a message away in the log: whoever wrote it, or may delete what others wrote.
    pub(crate) fn delete_in_log(
        &mut self,
        channel: ChannelId,
        by: UserId,
        target: &EntryRef,
    ) -> CoreResult<()> {
        self.write_data(channel, by, &DataBody::Delete(Delete { target: *target })).map(|_| ())
    }

    /// A message goes by itself: whoever wrote it takes it away, which needs no right.
    pub(crate) fn expire_in_channel(
        &mut self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<()> {
        let Some(message) = self.message(channel, id)?.filter(|m| m.ttl_period > 0) else {
            return Ok(());
        };
        let origin = self.forget_message(channel, id, &message)?;
        if let Some(target) = origin {
            let gone = DataBody::Delete(Delete { target });
            self.write_data(channel, message.from, &gone)?;
        }
        self.remove(channel.into(), channel.into(), None, vec![id]).map(|_| ())
    }

    /// What leads to a message goes; answers the entry that brought it.
    pub(in crate::channels) fn forget_message(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<Option<EntryRef>> {
        let origin = self.origin(channel, id)?;
        if let Some(origin) = &origin {
            self.post_goes(channel, id, &origin.post()?)?;
            self.delete(Keyspace::CHANNELS, &row_key(channel, MESSAGE_OF, &origin.post));
            self.delete(Keyspace::CHANNELS, &id_key(channel, ENTRY_OF, id));
        }
        if let Some(origin) = &origin {
            self.keep_top(channel, id, &origin.post)?;
            self.forget_sums(channel, &origin.post)?;
        }
        self.forget_reactions_in_channel(channel, id, message)?;
        self.forget_views(channel, id, message)?;
        self.forget_heard(channel, id, message)?;
        self.forget_meant(channel, id, message)?;
        self.release_media([message])?;
        self.leave_thread(channel, id, message)?;
        self.forget_copy(channel, id, message)?;
        origin.map(|origin| origin.post()).transpose()
    }
}
