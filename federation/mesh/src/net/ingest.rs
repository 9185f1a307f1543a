//! Entries that come unasked, by gossip or push: taken one batch after the other, what one node wrote
//! and a peer brings in order, and peers in turn. Who sends more than the node can take waits behind
//! its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use glog::{GroupId, Node16, NodeId};
use libp2p::PeerId;
use libp2p::gossipsub::{MessageAcceptance, MessageId};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::driver::Done;
use super::serve::{ask, stopped};
use crate::host::{Host, Received};

/// What waits of one peer: beyond, its gossip is ignored and its pushes are dropped, and
/// synchronisation will do.
const PEER_BYTES_MAX: usize = 2 << 20;
const PEER_MESSAGES_MAX: usize = 1_024;
/// What waits of all of them.
const BYTES_MAX: usize = 32 << 20;
/// What an entry takes beside its bytes.
const ENTRY_BYTES: usize = 64;
/// Entries that are taken in one turn: each batch waits for the disk once, and whoever comes next waits
/// for it.
const BATCH_MAX: usize = 64;
/// The same of a node of which much comes: who comes next waits for less.
const HASTY_BATCH_MAX: usize = 4;
/// While others say something, too, what comes in a hurry is taken a quarter of the time: processor and
/// disk are everybody's. Others do if they did not so long ago.
const OTHERS_FOR: Duration = Duration::from_secs(1);
/// So much longer than it took to take it, it is waited then.
const REST: u32 = 3;

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
    /// Who claims to have written them; `None` for the control chain, and for what is no entry.
    pub(super) author: Option<Node16>,
    /// Whether much of that node comes.
    pub(super) is_hasty: bool,
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) via: Via,
}

/// What became of them.
#[derive(Debug)]
pub(super) struct Ingested {
    pub(super) from: NodeId,
    pub(super) group: GroupId,
    pub(super) author: Option<Node16>,
    /// How many entries it were.
    pub(super) count: usize,
    pub(super) received: Received,
    pub(super) verdicts: Vec<(MessageId, PeerId, MessageAcceptance)>,
    /// Entries that others are to be told of.
    pub(super) further: Vec<Vec<u8>>,
    pub(super) gossiped: bool,
}

impl Incoming {
    fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.len() + ENTRY_BYTES).sum()
    }
}

/// What came and waits, peer by peer.
#[derive(Debug, Default)]
struct Waiting {
    peers: BTreeMap<NodeId, Queue>,
    /// Peers of which something waits, the next one first.
    turns: VecDeque<NodeId>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Incoming>,
    bytes: usize,
}

impl Waiting {
    fn add(&mut self, incoming: Incoming) -> bool {
        let (from, bytes) = (incoming.from, incoming.bytes());
        let queue = self.peers.entry(from).or_default();
        // One message always finds room: none is longer than a frame.
        let is_full = !queue.messages.is_empty()
            && (queue.bytes + bytes > PEER_BYTES_MAX || queue.messages.len() >= PEER_MESSAGES_MAX);
        if is_full || self.bytes + bytes > BYTES_MAX {
            if queue.messages.is_empty() {
                self.peers.remove(&from);
            }
            return false;
        }
        if queue.messages.is_empty() {
            self.turns.push_back(from);
        }
        queue.messages.push_back(incoming);
        queue.bytes += bytes;
        self.bytes += bytes;
        true
    }

    /// Whether something waits of who says little.
    fn has_calm(&self) -> bool {
        self.peers.values().any(|queue| queue.messages.iter().any(|message| !message.is_hasty))
    }

    /// What is taken next, all of one peer, one group and one author: so it shows of whom what is new is.
    fn next(&mut self) -> Option<Vec<Incoming>> {
        let from = self.turns.pop_front()?;
        let queue = self.peers.get_mut(&from)?;
        // Of who says little first, whatever else the peer brings.
        let calm = queue.messages.iter().find(|message| !message.is_hasty);
        let Incoming { group, author, is_hasty, .. } = *calm.or_else(|| queue.messages.front())?;
        let mut batch: Vec<Incoming> = Vec::new();
        let mut passed = VecDeque::new();
        let mut room = if is_hasty { HASTY_BATCH_MAX } else { BATCH_MAX };
        while let Some(mut next) = queue.messages.pop_front() {
            // What others wrote is passed over, but not what the chain says: it may be cited.
            let is_other = (next.group, next.author) != (group, author);
            let waits = is_other && next.author.is_none() && next.group == group;
            if waits || room == 0 {
                queue.messages.push_front(next);
                break;
            }
            if is_other {
                passed.push_back(next);
                continue;
            }
            if let Via::Push { further } = next.via
                && next.entries.len() > room
            {
                // A long push is taken in parts.
                let rest = next.entries.split_off(room);
                let entries = std::mem::replace(&mut next.entries, rest);
                queue.messages.push_front(next);
                let via = Via::Push { further };
                batch.push(Incoming { from, group, author, is_hasty, entries, via });
                break;
            }
            room = room.saturating_sub(next.entries.len());
            batch.push(next);
        }
        passed.append(&mut queue.messages);
        queue.messages = passed;
        let bytes: usize = batch.iter().map(Incoming::bytes).sum();
        queue.bytes = queue.bytes.saturating_sub(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        if queue.messages.is_empty() {
            self.peers.remove(&from);
        } else {
            self.turns.push_back(from);
        }
        Some(batch)
    }
}

/// Where the driver puts what comes. What takes it ends with this.
#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Arc<Mutex<Waiting>>,
    wake: watch::Sender<()>,
}

impl Inbox {
    /// Takes what comes in a task of its own.
    pub(super) fn start(host: Arc<dyn Host>, done: mpsc::Sender<Done>) -> Self {
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let (wake, woken) = watch::channel(());
        tokio::spawn(work(host, Arc::clone(&waiting), woken, done));
        Self { waiting, wake }
    }

    /// Lets something wait for its turn; whether there was room.
    pub(super) fn add(&self, incoming: Incoming) -> bool {
        let is_there = self.waiting.lock().add(incoming);
        self.wake.send_replace(());
        is_there
    }
}

async fn work(
    host: Arc<dyn Host>,
    waiting: Arc<Mutex<Waiting>>,
    mut woken: watch::Receiver<()>,
    done: mpsc::Sender<Done>,
) {
    let mut calm_at = None::<Instant>;
    loop {
        let next = waiting.lock().next();
        let Some(batch) = next else {
            if woken.changed().await.is_err() {
                return;
            }
            continue;
        };
        let is_hasty = batch.iter().any(|incoming| incoming.is_hasty);
        let began = Instant::now();
        let ingested = take(&host, batch).await;
        let taken_for = began.elapsed();
        if let Some(ingested) = ingested
            && done.send(Done::Ingested(ingested)).await.is_err()
        {
            return;
        }
        if !is_hasty {
            calm_at = Some(began);
        } else if calm_at.is_some_and(|at| at.elapsed() < OTHERS_FOR) {
            rest(&waiting, &mut woken, taken_for * REST).await;
        }
    }
}

/// Waits so long, or until something of somebody comes who is in no hurry.
async fn rest(waiting: &Mutex<Waiting>, woken: &mut watch::Receiver<()>, at_most: Duration) {
    let calm = async { while !waiting.lock().has_calm() && woken.changed().await.is_ok() {} };
    let _ = timeout(at_most, calm).await;
}

async fn take(host: &Arc<dyn Host>, incoming: Vec<Incoming>) -> Option<Ingested> {
    let Incoming { from, group, author, .. } = *incoming.first()?;
    let entries = incoming.iter().flat_map(|incoming| incoming.entries.iter().cloned());
    let entries: Vec<_> = entries.collect();
    let count = entries.len();
    let received = ask(host.receive(from, group, entries)).await.unwrap_or_else(stopped);
    let mut ingested = Ingested {
        from,
        group,
        author,
        count,
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
    Some(ingested)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(from: u8, group: u8, entries: usize, bytes: usize) -> Incoming {
        Incoming {
            from: NodeId([from; 32]),
            group: GroupId([group; 32]),
            author: Some(Node16([from; 16])),
            is_hasty: false,
            entries: vec![vec![from; bytes]; entries],
            via: Via::Push { further: false },
        }
    }

    fn sizes(waiting: &mut Waiting) -> Option<(u8, Vec<usize>)> {
        let batch = waiting.next()?;
        let sizes = batch.iter().map(|incoming| incoming.entries.len()).collect();
        Some((batch[0].from.0[0], sizes))
    }

    /// A megabyte is pushed a thousand times: little more of it waits than one.
    #[test]
    fn what_one_peer_sends_is_bounded_by_bytes_and_so_is_what_all_do() {
        let mut waiting = Waiting::default();
        let taken = (0..1_000).filter(|_| waiting.add(push(1, 1, 3_000, 280))).count();
        assert!(taken >= 1 && waiting.bytes <= PEER_BYTES_MAX, "{taken} {}", waiting.bytes);
        for peer in 2..=200 {
            waiting.add(push(peer, 1, 3_000, 280));
        }
        assert!(waiting.bytes <= BYTES_MAX, "{}", waiting.bytes);
        while waiting.next().is_some() {}
        assert_eq!((waiting.bytes, waiting.peers.len(), waiting.turns.len()), (0, 0, 0));
    }

    #[test]
    fn who_sends_little_does_not_wait_behind_who_sends_much() {
        let mut waiting = Waiting::default();
        assert!(waiting.add(push(1, 1, 150, 300)));
        assert!(waiting.add(push(1, 1, 10, 300)));
        assert!(waiting.add(push(1, 2, 1, 300)));
        assert_eq!(sizes(&mut waiting), Some((1, vec![64])));
        assert!(waiting.add(push(2, 1, 1, 300)));
        assert!(waiting.add(push(2, 1, 1, 300)));
        assert_eq!(sizes(&mut waiting), Some((1, vec![64])));
        assert_eq!(sizes(&mut waiting), Some((2, vec![1, 1])));
        assert_eq!(sizes(&mut waiting), Some((1, vec![22, 10])));
        assert_eq!(sizes(&mut waiting), Some((1, vec![1])));
        assert_eq!(sizes(&mut waiting), None);
    }

    #[test]
    fn of_who_sends_much_little_is_taken_in_a_turn() {
        let mut waiting = Waiting::default();
        assert!(waiting.add(Incoming { is_hasty: true, ..push(1, 1, 10, 300) }));
        assert!(waiting.add(push(2, 1, 1, 300)));
        // Whoever brings the one brings the other, too.
        let calm = Incoming { author: Some(Node16([3; 16])), ..push(1, 1, 5, 300) };
        assert!(waiting.add(calm));
        let taken: Vec<_> = std::iter::from_fn(|| sizes(&mut waiting)).collect();
        let turns = [(1, vec![5]), (2, vec![1]), (1, vec![4]), (1, vec![4]), (1, vec![2])];
        assert_eq!(taken, turns);
    }

    /// What is taken at once is of one author, so that it shows whose words were new; what the chain says
    /// is overtaken by nobody's.
    #[test]
    fn batches_are_of_one_author_each_and_none_overtakes_the_chain() {
        let mut waiting = Waiting::default();
        let by = |author: Option<u8>, entries| {
            let author = author.map(|author| Node16([author; 16]));
            Incoming { author, ..push(1, 1, entries, 300) }
        };
        for (author, entries) in
            [(Some(1), 1), (Some(2), 2), (Some(1), 3), (None, 4), (Some(1), 5), (Some(2), 6)]
        {
            assert!(waiting.add(by(author, entries)));
        }
        let taken: Vec<_> =
            std::iter::from_fn(|| sizes(&mut waiting)).map(|(_, sizes)| sizes).collect();
        assert_eq!(taken, [vec![1, 3], vec![2], vec![4], vec![5], vec![6]]);
        assert_eq!(waiting.bytes, 0);
    }
}
