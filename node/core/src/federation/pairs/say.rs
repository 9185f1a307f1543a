//! What people here say to people of other nodes: written into this node's lane.

use glog::body::{
    DataBody, Delete, Edit as LogEdit, Pin, Post, React, Reaction as LogReaction, SALT_BYTES, Unpin,
};
use glog::cbor::List;
use glog::{EntryRef, GroupId, NodeId};

use super::PairRow;
use crate::channels::ADDED_BYTES_MAX;
use crate::decide::Decide;
use crate::ids::{MessageId, Pts, UserId};
use crate::media::Media;
use crate::message::{BoxRow, Message};
use crate::reactions::{Reaction, ReactionError};
use crate::send::Body;
use crate::{CoreError, CoreResult, TextError};

/// Pins that one entry ends.
const UNPIN_AT_ONCE: usize = 32;

impl Decide<'_> {
    /// Where somebody of another node lives.
    ///
    /// # Errors
    /// [`CoreError::NodeUnreachable`] where this node knows no way there, or wants none.
    pub(crate) fn reaches(&self, account: UserId) -> CoreResult<(NodeId, u64)> {
        let user = self.user_ref(account)?;
        let node = self.node_row(user.node)?.filter(|node| !node.blocked);
        let node = node.ok_or(CoreError::NodeUnreachable)?;
        Ok((NodeId(node.id), user.id))
    }

    fn pair_of(&mut self, mine: UserId, account: UserId) -> CoreResult<(GroupId, Option<PairRow>)> {
        let other = self.reaches(account)?;
        let own = (self.inner.logs.keys().node(), mine.0.unsigned_abs());
        let group = GroupId::of_pair(own, other);
        Ok((group, self.pair_row(group)?))
    }

    /// Fails for what one entry cannot hold, or what the other node could not show: asked of all that one
    /// command writes before the first of it changes a box.
    pub(crate) fn fits_pair(&mut self, from: UserId, to: UserId, body: &Body) -> CoreResult<()> {
        // Votes have no place between two people.
        if matches!(body.media, Some(Media::Poll(_))) {
            return Err(CoreError::NotBuilt);
        }
        let (group, row) = self.pair_of(from, to)?;
        if let Some(row) = row
            && !self.takes_more(group, &row)?
        {
            return Err(CoreError::NotWriter);
        }
        let message = Message {
            forward: body.forward.clone(),
            media: body.media.clone(),
            ..Message::new(to.into(), from, true, self.now(), body.text.clone())
        };
        let post = self.post_answering(&message, None, None)?;
        let bytes = DataBody::Post(post).encode(&[0; SALT_BYTES]).len();
        if bytes + ADDED_BYTES_MAX > glog::DATA_BODY_BYTES_MAX {
            return Err(TextError::TooLong.into());
        }
        Ok(())
    }

    /// Puts a message to somebody of another node into its writer's box, and into the log that brings it
    /// there.
    pub(crate) fn place_across(
        &mut self,
        from: UserId,
        to: UserId,
        mut message: Message,
    ) -> CoreResult<(Pts, BoxRow)> {
        message.twin = MessageId(0);
        // What a service message tells follows there from what the log says elsewhere.
        let written = match message.action {
            Some(_) => None,
            None => {
                let post = self.post_across(from, &message)?;
                let (group, mut row) = match self.pair_of(from, to)? {
                    (group, Some(row)) => (group, row),
                    (_, None) => {
                        let other = self.reaches(to)?;
                        self.begin_pair(from, other)?
                    }
                };
                let at = self.write_in_pair(group, &mut row, &DataBody::Post(post))?;
                Some((group, at))
            }
        };
        let id = self.next_id(from)?;
        if let Some((group, at)) = written {
            self.put_brought(group, from, id, &at)?;
        }
        self.expires(from, id, &message)?;
        self.hold_media(&message, 1)?;
        let row = BoxRow::Message(message);
        let pts = self.append(from, row.clone())?;
        Ok((pts, row))
    }

    /// A message of a box as a pair's log has it.
    fn post_across(&mut self, owner: UserId, message: &Message) -> CoreResult<Post> {
        let answered = match &message.reply {
            Some(reply) => self.brought(owner, reply.to)?.map(|(_, at)| at),
            None => None,
        };
        self.post_answering(message, answered, None)
    }

    fn say_about(
        &mut self,
        group: GroupId,
        body: impl FnOnce() -> CoreResult<DataBody>,
    ) -> CoreResult<()> {
        let mut row = self.pair_row(group)?.ok_or(CoreError::UnknownMessage)?;
        self.write_in_pair(group, &mut row, &body()?).map(|_| ())
    }

    /// A message says something else from now on.
    pub(crate) fn edit_across(
        &mut self,
        owner: UserId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        let Some((group, target)) = self.brought(owner, id)? else { return Ok(()) };
        let post = self.post_across(owner, message)?;
        self.say_about(group, || Ok(DataBody::Edit(LogEdit { target, post })))
    }

    /// A message goes from its owner's box, with `revoke` from that of the other too. It does not return,
    /// whatever else is said about it.
    pub(crate) fn delete_across(
        &mut self,
        owner: UserId,
        id: MessageId,
        revoke: bool,
    ) -> CoreResult<()> {
        let Some((group, target)) = self.brought(owner, id)? else { return Ok(()) };
        self.delete(node_store::Keyspace::NODES, &super::entry_of_key(owner, id));
        self.put_brought(group, owner, MessageId(0), &target)?;
        if !revoke {
            return Ok(());
        }
        self.say_about(group, || Ok(DataBody::Delete(Delete { target })))
    }

    /// What somebody here reacts with from now on.
    pub(crate) fn react_across(
        &mut self,
        owner: UserId,
        id: MessageId,
        wanted: &[Reaction],
    ) -> CoreResult<()> {
        let Some((group, target)) = self.brought(owner, id)? else { return Ok(()) };
        let too_many = |_| CoreError::from(ReactionError::TooMany);
        let named = wanted.iter().map(|wanted| self.reaction_text(wanted));
        let named = named.collect::<CoreResult<_>>()?;
        self.say_about(group, || {
            let reactions = named;
            let reactions = List::new(reactions).map_err(too_many)?;
            let item = LogReaction { user: owner.0.unsigned_abs(), target, reactions };
            let items = List::new(vec![item]).map_err(too_many)?;
            Ok(DataBody::React(React { items }))
        })
    }

    /// Messages of one dialog are pinned on both sides from now on, or are no longer.
    pub(crate) fn pin_across(
        &mut self,
        owner: UserId,
        ids: impl Iterator<Item = MessageId>,
        pinned: bool,
    ) -> CoreResult<()> {
        let mut ended: Vec<(GroupId, EntryRef)> = Vec::new();
        for id in ids {
            let Some((group, target)) = self.brought(owner, id)? else { continue };
            let row = self.pair_row(group)?.ok_or(CoreError::UnknownMessage)?;
            let pins = self.read_pair(group, &row, |pair| pair.message(&target))?;
            let pins = pins.map_or(Vec::new(), |message| message.pins);
            if !pinned {
                ended.extend(pins.into_iter().map(|pin| (group, pin)));
            } else if pins.is_empty() {
                self.say_about(group, || Ok(DataBody::Pin(Pin { target })))?;
            }
        }
        for some in ended.chunks(UNPIN_AT_ONCE) {
            let Some((group, _)) = some.first() else { continue };
            let pins = List::new(some.iter().map(|(_, pin)| *pin).collect());
            let pins = pins.map_err(|_| CoreError::TooManyPinnedMessages)?;
            self.say_about(*group, || Ok(DataBody::Unpin(Unpin { pins })))?;
        }
        Ok(())
    }
}
