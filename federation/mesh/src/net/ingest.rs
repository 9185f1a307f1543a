//! Entries that come unasked, by gossip or push: taken one batch after the other, in order.

use std::sync::Arc;

use glog::{GroupId, NodeId};
use libp2p::PeerId;
use libp2p::gossipsub::{MessageAcceptance, MessageId};
use tokio::sync::mpsc;

use super::driver::Done;
use super::serve::{ask, stopped};
use crate::host::{Host, Received};

/// Batches that wait. Beyond, gossip is ignored and pushes are dropped: synchronisation will do.
pub(super) const INGEST_MAX: usize = 1_024;
/// Entries that are taken at once: each batch waits for the disk once.
const BATCH_MAX: usize = 256;

/// How entries came.
#[derive(Debug)]
pub(super) enum Via {
    /// Gossip wants to know what they are worth before it passes them on.
    Gossip(MessageId, PeerId),
    /// A peer pushed them; whether others are to be told.
    Push { further: bool },
}

/// Entries that came.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) from: NodeId,
    pub(super) group: GroupId,
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) via: Via,
}

/// What became of them.
#[derive(Debug)]
pub(super) struct Ingested {
    pub(super) from: NodeId,
    pub(super) group: GroupId,
    pub(super) received: Received,
    pub(super) verdicts: Vec<(MessageId, PeerId, MessageAcceptance)>,
    /// Entries that others are to be told of.
    pub(super) further: Vec<Vec<u8>>,
    pub(super) gossiped: bool,
}

/// Takes what comes, until nobody sends any more.
pub(super) async fn work(
    host: Arc<dyn Host>,
    mut incoming_rx: mpsc::Receiver<Incoming>,
    done: mpsc::Sender<Done>,
) {
    let mut batch = Vec::new();
    while incoming_rx.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let mut rest = std::mem::take(&mut batch).into_iter().peekable();
        while let Some(first) = rest.next() {
            let (from, group) = (first.from, first.group);
            let mut same = vec![first];
            while let Some(next) = rest.next_if(|next| (next.from, next.group) == (from, group)) {
                same.push(next);
            }
            let ingested = take(&host, from, group, same).await;
            if done.send(Done::Ingested(ingested)).await.is_err() {
                return;
            }
        }
    }
}

async fn take(
    host: &Arc<dyn Host>,
    from: NodeId,
    group: GroupId,
    incoming: Vec<Incoming>,
) -> Ingested {
    let entries = incoming.iter().flat_map(|incoming| incoming.entries.iter().cloned()).collect();
    let received = ask(host.receive(from, group, entries)).await.unwrap_or_else(stopped);
    let mut ingested = Ingested {
        from,
        group,
        verdicts: Vec::new(),
        further: Vec::new(),
        gossiped: false,
        received,
    };
    let many = incoming.len() > 1;
    let rejects = ingested.received.rejected > 0;
    for Incoming { entries, via, .. } in incoming {
        // Which of them was it? What is here already is taken once more, without effect.
        let alone = if rejects && many {
            let again = host.receive(from, group, entries.clone());
            ask(again).await.unwrap_or_else(stopped)
        } else {
            ingested.received.clone()
        };
        match via {
            Via::Gossip(id, source) => {
                ingested.gossiped = true;
                let verdict = match (alone.rejected, alone.stopped) {
                    (1.., _) => MessageAcceptance::Reject,
                    (0, Some(_)) => MessageAcceptance::Ignore,
                    (0, None) => MessageAcceptance::Accept,
                };
                ingested.verdicts.push((id, source, verdict));
            }
            Via::Push { further } if further && alone.rejected == 0 => {
                ingested.further.extend(entries);
            }
            Via::Push { .. } => {}
        }
    }
    ingested
}
