//! Whether logs of channels are as they were signed.

use std::collections::BTreeSet;

use glog::{Entry, GAP_AFTER_MS, NodeId, Rejected, Replica};
use node_store::{Keyspace, Order, Store};

use super::{CONTROL, DATA, DELIVERED, entry_key, places};
use crate::CoreResult;
use crate::fsck::{Examined, for_each_row};
use crate::ids::ChannelId;

/// Looks at all logs.
pub(crate) fn examine(
    store: &dyn Store,
    done: &mut Examined,
    trouble: &mut dyn FnMut(String),
) -> CoreResult<()> {
    let mut from = Vec::new();
    while let Some((key, _)) = store.scan(Keyspace::LOGS, &from, None, 1, Order::Ascending)?.pop() {
        let Some(channel) = key.first_chunk::<8>() else {
            trouble("a row of logs has an impossible key".into());
            from = [key.as_slice(), &[0]].concat();
            continue;
        };
        let channel = ChannelId(i64::from_be_bytes(*channel));
        // No kind of row has this byte.
        from = entry_key(channel, u8::MAX, &[]);
        done.logs += 1;
        one(store, channel, done, &mut |what| {
            trouble(format!("of channel {}: {what}", channel.0))
        })?;
    }
    Ok(())
}

/// Takes a log from its rows as the node does when somebody writes in it: each entry's body is held
/// against its header, and it has to be signed, and to continue those before it.
fn one(
    store: &dyn Store,
    channel: ChannelId,
    done: &mut Examined,
    trouble: &mut dyn FnMut(String),
) -> CoreResult<()> {
    let mut replica: Option<Replica> = None;
    let mut dead = BTreeSet::new();
    let mut damaged = false;
    for (kind, name) in [(CONTROL, "chain"), (DATA, "lane"), (DELIVERED, "lanes")] {
        let (from, to) = (entry_key(channel, kind, &[]), entry_key(channel, kind + 1, &[]));
        for_each_row(store, Keyspace::LOGS, &from, Some(&to), &mut |(key, row)| {
            done.entries += 1;
            let number = key.last_chunk::<8>().map_or(0, |seq| u64::from_be_bytes(*seq));
            let Ok(entry) = Entry::decode(&row) else {
                damaged = true;
                trouble(format!("entry {number} of its {name} is damaged"));
                return Ok(());
            };
            // What follows a damaged one does not fit, and is not at fault.
            if damaged {
                return Ok(());
            }
            let Some(replica) = &mut replica else {
                match Replica::new(NodeId([0; 32]), entry, usize::MAX) {
                    Ok(begun) => replica = Some(begun),
                    Err(cause) => {
                        damaged = true;
                        trouble(format!("its chain does not begin: {cause}"));
                    }
                }
                return Ok(());
            };
            let place = places(&entry);
            if let Some((at, Some(before))) = place
                && dead.contains(&before)
            {
                dead.insert(at);
                return Ok(());
            }
            match replica.receive(entry, 0) {
                Ok(_) => {}
                // Delivered before the home named another branch of the lane: now it would not be.
                Err(Rejected::Frozen) => dead.extend(place.map(|(at, _)| at)),
                Err(cause) => {
                    damaged = true;
                    trouble(format!("entry {number} of its {name} is refused: {cause}"));
                }
            }
            // What was delivered without all that it names.
            if replica.pending() > 0 {
                replica.tick(GAP_AFTER_MS);
            }
            Ok(())
        })?;
    }
    Ok(())
}
