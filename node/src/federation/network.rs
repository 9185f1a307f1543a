//! What the rules here ask of other nodes.

use glog::body::Join;
use glog::cbor::{Blob, List, Text, decode, encode};
use glog::{GroupId, NodeId};
use mesh::{Call, CallError, Reply};
use node_core::{
    Asked, Asking, CoreError, CoreResult, Event, FarInvite, Follower, FoundName, Network,
};

use super::live::Live;
use super::mail::Bell;
use super::records::{EMOJI, EmojiAsked, EmojiShown, Found, INVITE, Invite, Invited, WILLING};
use super::{ANSWER_WITHIN, Federation};

impl Follower for Federation {
    fn happened(&self, event: &Event) {
        let Some(mesh) = self.mesh.get() else { return };
        // What does not fit is not told.
        if let Some(live) = Live::of(event) {
            let _ = self.live.try_send(live);
        }
        match event {
            Event::Entry(entry) => {
                let (group, members) = (entry.group, entry.members.clone());
                mesh.announce(group, entry.public, members, entry.entry.clone());
                // The other node of a pair may not know of it. A full line loses nothing, as below.
                if !entry.public {
                    let _ = self.unmet.try_send(group);
                }
            }
            Event::GroupsChanged => mesh.groups_changed(),
            // Nor here: what is followed is said again now and then.
            Event::Wanted { group, from } => drop(self.wanted.try_send((*group, from.clone()))),
            // A full line loses nothing: names are asked for again now and then.
            Event::Stranger { node } => drop(self.strangers.try_send(*node)),
            Event::NodeKey { node, serial } => mesh.has_newer(*node, *serial),
            // Nor here: it is looked again every second.
            Event::Mail => drop(self.bell.try_send(Bell::Written)),
            Event::TakenDown => drop(self.bell.try_send(Bell::TakenDown)),
            Event::Locked { channel } => drop(self.locked.try_send(*channel)),
            _ => {}
        }
    }
}

/// When somebody is to ask again for whom a node has too much to do.
const BUSY_S: u32 = 3;

impl Network for Federation {
    fn is_connected(&self, node: NodeId) -> bool {
        Self::is_connected(self, node)
    }

    fn find(&self, name: String, domain: String) -> Asking<'_, (NodeId, FoundName)> {
        Box::pin(async move {
            let node = self.node_at(&domain)?;
            let name = Text::new(name.as_str()).map_err(|_| CoreError::UnknownUser)?;
            let found = match self.mesh()?.call(node, Call::Resolve { name }, ANSWER_WITHIN).await {
                // It is there, and somebody here asks much of it.
                Err(CallError::Busy) => return Err(CoreError::Flood { wait_s: BUSY_S }),
                answered => Self::answered(node, answered)?,
            };
            let Reply::Found(record) = found else {
                return Err(CoreError::UnknownUser);
            };
            let found: Found = decode(&record).map_err(|_| CoreError::UnknownUser)?;
            match (found.group, found.person) {
                (Some(group), _) => Ok((node, FoundName::Group(group.0))),
                (None, Some(person)) => Ok((node, FoundName::Person(person.into()))),
                (None, None) => Err(CoreError::UnknownUser),
            }
        })
    }

    fn follow(&self, node: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            self.follow_one(node, group).await?;
            self.fetch(group, node).await?;
            // Who comes into a private group is to find in it what was said before.
            let Some(channel) = self.core.channel_of_group(group)? else { return Ok(()) };
            if let Err(cause) = self.ask_for_keys(channel).await {
                tracing::debug!(%cause, "keys are not given");
            }
            Ok(())
        })
    }

    fn join(&self, home: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            let join = Join { group, user: 0, cert: self.core.cert(), proof: [0; 32] };
            let join = Blob::new(encode(&join)).map_err(|_| CoreError::NodeUnreachable)?;
            self.ask(home, Call::Join { join }).await?;
            self.fetch(group, home).await
        })
    }

    fn emoji(&self, node: NodeId, numbers: Vec<i64>) -> Asking<'_, Vec<(i64, Vec<u8>)>> {
        Box::pin(async move {
            let numbers = numbers.into_iter().filter_map(|number| number.try_into().ok()).collect();
            let numbers = List::new(numbers).map_err(|_| CoreError::TooMany)?;
            let body =
                Blob::new(encode(&EmojiAsked { numbers })).map_err(|_| CoreError::TooMany)?;
            let call = Call::Other { kind: EMOJI, body };
            let Reply::Other { kind: EMOJI, body } = self.ask(node, call).await? else {
                return Err(CoreError::NodeUnreachable);
            };
            let shown: EmojiShown = decode(&body).map_err(|_| CoreError::NodeUnreachable)?;
            let shown =
                shown.emoji.into_vec().into_iter().filter_map(|emoji| {
                    Some((emoji.number.try_into().ok()?, emoji.record.into_vec()))
                });
            Ok(shown.collect())
        })
    }

    fn willing(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(self.ask_about_people(WILLING, node, invite))
    }

    fn invite(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async move {
            let added = self.ask_about_people(INVITE, node, invite).await?;
            // So that what they write finds its way here.
            if let Some(mesh) = self.mesh.get() {
                mesh.groups_changed();
            }
            Ok(added)
        })
    }

    fn ask(&self, asked: Asked) -> Asking<'_, ()> {
        Box::pin(async move {
            let evidence = Blob::new(asked.evidence).map_err(|_| CoreError::NodeUnreachable)?;
            Self::ask(self, asked.home, Call::Ask { evidence }).await?;
            self.fetch(asked.group, asked.home).await
        })
    }
}

impl Federation {
    /// Asks a node about people of its own who are wanted in a group.
    async fn ask_about_people(
        &self,
        kind: u16,
        node: NodeId,
        invite: FarInvite,
    ) -> CoreResult<Vec<u64>> {
        let FarInvite { group, home, by, users } = invite;
        let users = List::new(users).map_err(|_| CoreError::TooMany)?;
        let said = encode(&Invite { group, home, by, users });
        let body = Blob::new(said).map_err(|_| CoreError::TooMany)?;
        let Reply::Other { kind: of, body } = self.ask(node, Call::Other { kind, body }).await?
        else {
            return Err(CoreError::NodeUnreachable);
        };
        let answer: Invited = decode(&body).map_err(|_| CoreError::NodeUnreachable)?;
        if of == kind { Ok(answer.users.to_vec()) } else { Err(CoreError::NodeUnreachable) }
    }
}
