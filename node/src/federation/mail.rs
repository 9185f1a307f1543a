//! Letters on their way to other nodes. What waits, and for how long, is the rules' business.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use glog::cbor::Blob;
use glog::{Node16, NodeId};
use mesh::{Call, Reply};
use node_core::{CoreError, CoreResult, LetterAnswer, Postman, Round};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Federation;

/// How often it is looked whether a letter may go, beside when one is written or a node comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often those are given up that nobody takes.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// What wakes the postman.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bell {
    /// A letter was written.
    Written,
    /// A node is connected anew.
    Met(Node16),
    /// Something was taken down.
    TakenDown,
}

impl Federation {
    /// Brings letters to the nodes that are connected: to each one at a time, in their order.
    pub(super) async fn carry(self: Arc<Self>, mut bell: mpsc::Receiver<Bell>) {
        let mut postman = Postman::default();
        let mut ways: JoinSet<Round> = JoinSet::new();
        let mut whose: HashMap<tokio::task::Id, Node16> = HashMap::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        loop {
            tokio::select! {
                Some(rung) = bell.recv() => match rung {
                    Bell::Met(node) => postman.met(node),
                    Bell::TakenDown => self.tidy_taken_down().await,
                    Bell::Written => {}
                },
                Some(ended) = ways.join_next_with_id() => {
                    let (id, round) = match ended {
                        Ok(ended) => ended,
                        Err(cause) => {
                            tracing::error!(%cause, "a way with letters has ended");
                            (cause.id(), Round::Stopped)
                        }
                    };
                    if let Some(node) = whose.remove(&id) {
                        postman.ended(node, round, self.core.now_ms());
                    }
                }
                _ = look.tick() => {}
                _ = tidy.tick() => {
                    if let Err(cause) = self.core.tidy_mail().await {
                        tracing::warn!(%cause, "old letters stay");
                    }
                    self.tidy_taken_down().await;
                }
            }
            let waiting = match self.core.mail_waiting() {
                Ok(waiting) => waiting.into_iter().map(|mail| mail.node).collect::<Vec<_>>(),
                Err(cause) => {
                    tracing::warn!(%cause, "letters wait");
                    continue;
                }
            };
            postman.keep(&waiting);
            let connected: Vec<NodeId> = self.connected.lock().iter().copied().collect();
            for node in connected.into_iter().filter(|node| waiting.contains(&node.short())) {
                if postman.begin(node.short(), self.core.now_ms()) {
                    let federation = self.clone();
                    let way = ways.spawn(async move { federation.bring_letters(node).await });
                    whose.insert(way.id(), node.short());
                }
            }
        }
    }

    async fn tidy_taken_down(&self) {
        if let Err(cause) = self.remove_taken_down().await {
            tracing::warn!(%cause, "bytes that were taken down stay for now");
        }
    }

    /// Brings all that waits for a node, until it takes no more.
    async fn bring_letters(&self, node: NodeId) -> Round {
        let mut without = Round::Stopped;
        loop {
            match self.bring_letter(node).await {
                Ok(true) => without = Round::Slowed,
                Ok(false) => return Round::Done,
                Err(cause) => {
                    tracing::debug!(%cause, %node, "a letter waits");
                    return without;
                }
            }
        }
    }

    /// Brings the oldest letter that waits for a node: whether there was one.
    async fn bring_letter(&self, node: NodeId) -> CoreResult<bool> {
        let Some(letter) = self.core.next_letter(node.short()).await? else { return Ok(false) };
        let sealed = Blob::new(letter.sealed.clone()).map_err(|_| CoreError::TooLarge("letter"))?;
        let answer = match self.ask(node, Call::Mail { sealed }).await {
            Ok(Reply::Done) => LetterAnswer::Taken,
            Ok(_) => return Err(CoreError::NodeUnreachable),
            Err(CoreError::NotALetter) => {
                tracing::warn!(%node, "a node can do nothing with a letter: it does not go again");
                LetterAnswer::Refused
            }
            Err(cause) => return Err(cause),
        };
        self.core.letter_answered(&letter, answer).await?;
        Ok(true)
    }
}
