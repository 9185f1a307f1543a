//! Whether what is derived of a box is what its messages say.

use std::collections::BTreeMap;

use node_store::{Keyspace, Store};

use super::load;
use crate::fsck::{Examined, for_each_row};
use crate::ids::{BoxId, PeerId, box_key, box_number};
use crate::message::BoxRow;
use crate::record::Record;
use crate::{CoreError, CoreResult};

/// A dialog, counted anew.
#[derive(Default)]
struct Counted {
    count: i32,
    top: i32,
    /// Ids of messages from the other party, ascending.
    incoming: Vec<i32>,
}

/// Looks at all boxes.
pub(crate) fn examine(
    store: &dyn Store,
    done: &mut Examined,
    trouble: &mut dyn FnMut(String),
) -> CoreResult<()> {
    for space in [Keyspace::BOXES, Keyspace::BOX_HEADS] {
        // The first row of each owner, and then past all of theirs.
        let mut from = Vec::new();
        while let Some((key, _)) =
            store.scan(space, &from, None, 1, node_store::Order::Ascending)?.pop()
        {
            let Some(owner) = key.first_chunk::<8>() else {
                trouble("a row of boxes has an impossible key".into());
                from = [key.as_slice(), &[0]].concat();
                continue;
            };
            let owner = BoxId::from_bytes(*owner);
            from = owner.end().to_vec();
            // Those without a message were not met among the messages.
            if space == Keyspace::BOXES || first_message(store, owner)?.is_none() {
                one(store, owner, done, trouble)?;
            }
        }
    }
    Ok(())
}

fn first_message(store: &dyn Store, owner: BoxId) -> CoreResult<Option<node_store::Row>> {
    let (from, to) = (box_key(owner, 0), owner.end());
    Ok(store.scan(Keyspace::BOXES, &from, Some(&to), 1, node_store::Order::Ascending)?.pop())
}

fn one(
    store: &dyn Store,
    owner: BoxId,
    done: &mut Examined,
    trouble: &mut dyn FnMut(String),
) -> CoreResult<()> {
    done.boxes += 1;
    let whose = match (owner.user(), owner.channel()) {
        (_, Some(channel)) => format!("of channel {}", channel.0),
        (user, None) => format!("of user {}", user.map_or(0, |user| user.0)),
    };
    let mut dialogs: BTreeMap<PeerId, Counted> = BTreeMap::new();
    let (from, to) = (owner.bytes(), owner.end());
    let mut whole = true;
    for_each_row(store, Keyspace::BOXES, &from, Some(&to), &mut |(key, value)| {
        let pts = box_number(&key);
        if key.len() != box_key(owner, pts).len() {
            trouble(format!("{whose}: an event has an impossible key"));
            return Ok(());
        }
        match BoxRow::decode(&value) {
            Ok(BoxRow::Message(message)) => {
                done.messages += 1;
                let dialog = dialogs.entry(message.peer).or_default();
                dialog.count += 1;
                dialog.top = pts;
                if !message.out {
                    dialog.incoming.push(pts);
                }
            }
            Ok(_) => {}
            Err(cause) => {
                whole = false;
                trouble(format!("{whose}, event {pts}: {cause}"));
            }
        }
        Ok(())
    })?;
    let state = match load(store, owner) {
        Ok(state) => state,
        Err(CoreError::Store(cause)) => return Err(cause.into()),
        Err(cause) => {
            trouble(format!("{whose}: {cause}"));
            return Ok(());
        }
    };
    if !whole {
        return Ok(()); // whatever is counted is then wrong
    }
    let none = Counted::default();
    let said: BTreeMap<_, _> = state.dialogs.iter().collect();
    for (peer, dialog) in said {
        let counted = dialogs.get(peer).unwrap_or(&none);
        let mut compare = |name: &str, said: i32, is: i32| {
            if said != is {
                trouble(format!("{whose}, {peer:?}: {name} is {said}, but should be {is}"));
            }
        };
        compare("the number of messages", dialog.count, counted.count);
        compare("the newest message", dialog.top.0, counted.top);
        // What was placed below all others is read, whatever its number; so is nothing in a member's own.
        if owner.user().is_some() && state.floor.0 == 0 {
            let read = counted.incoming.partition_point(|id| *id <= dialog.read_inbox.0);
            let unread = i32::try_from(counted.incoming.len() - read).unwrap_or(i32::MAX);
            compare("the number of unread messages", dialog.unread, unread);
        }
    }
    for (peer, counted) in &dialogs {
        if counted.count > 0 && state.dialogs.get(peer).is_none() {
            trouble(format!("{whose}, {peer:?}: the dialog is missing"));
        }
    }
    Ok(())
}
