//! The one thread that decides and writes.
//!
//! There is no timed window: while a batch is made durable, commands queue up, and become the next
//! batch. A lone command commits at once; load batches itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use node_store::{Batch, StoreError};
use tracing::Span;

use crate::boxes::{FLUSH_EVERY_EVENTS, flush};
use crate::decide::{After, Decide};
use crate::event::Event;
use crate::ids::{Actor, BoxId, Pts};
use crate::inner::Inner;
use crate::{CoreError, CoreResult};

/// Commands that one batch may hold.
const COMMANDS_MAX: usize = 256;

/// Bytes after which a batch takes no further command. The last one may go over it by about as
/// much, or four times as much where it is a long text to a large group.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Bytes of what is derived that one batch takes, as far as the store's own bound leaves room.
const DERIVED_BYTES_MAX: usize = 3 << 20;

/// What a command answers once its batch is durable, or cannot be.
pub(crate) type Answer = Box<dyn FnOnce(Option<CoreError>) + Send>;

/// One command: decides, and gives whom to tell the result; or is refused, and tells.
pub(crate) type Run = Box<dyn FnOnce(CoreResult<&mut Decide<'_>>) -> (bool, Answer) + Send>;

/// A command on its way to the committer.
pub(crate) struct Command {
    pub(crate) actor: Option<Actor>,
    pub(crate) run: Run,
    /// The committer ends after it.
    pub(crate) last: bool,
    /// What asked for it: lines about it stand in there.
    pub(crate) span: Span,
}

/// A decided command that waits for its batch.
struct Decided {
    after: Vec<After>,
    events: Vec<Event>,
    answer: Answer,
    span: Span,
}

/// Runs until it is told to end, or a write fails.
pub(crate) fn run(inner: &Arc<Inner>, commands: &Receiver<Command>) {
    let _guard = StopOnPanic(inner);
    let mut number = 0;
    while let Ok(first) = commands.recv() {
        number += 1;
        inner.deciding.store(number, Ordering::SeqCst);
        match batch(inner, first, commands) {
            Err(cause) => {
                tracing::error!(%cause, "a batch was not written: nothing is acknowledged any more");
                inner.stop(&cause);
                // What is queued is refused by dropping it.
                return;
            }
            Ok(last) => {
                inner.durable.send_replace(number);
                if last {
                    return;
                }
            }
        }
    }
}

/// Stops the rules when a command or a follower panics: else readers would wait for ever for a
/// batch that nobody writes any more.
struct StopOnPanic<'a>(&'a Inner);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(&CoreError::Stopped("the committer panicked".into()));
        }
    }
}

/// One batch: decides `first` and all that is queued, makes it durable, tells everybody. True if
/// it was the last one.
fn batch(inner: &Arc<Inner>, first: Command, commands: &Receiver<Command>) -> CoreResult<bool> {
    let mut last = first.last;
    // What was queued while the disk had room need not end the node when it has none: asked before
    // anything is decided. What is decided has to be written.
    if let Err(full @ StoreError::Full { .. }) = inner.store.admit() {
        let (_, answer) = (first.run)(Err(full.into()));
        answer(None);
        return Ok(last);
    }
    #[expect(clippy::disallowed_methods, reason = "the committer's own source of randomness")]
    let mut rng = rand::rng();
    let mut decide = Decide::new(inner, (inner.clock)(), &mut rng);
    let mut decided = vec![one(&mut decide, first)?];
    while decided.len() < COMMANDS_MAX && decide.bytes + decide.derived_bytes < BATCH_BYTES_MAX {
        let Ok(command) = commands.try_recv() else { break };
        last |= command.last;
        // It may have been queued long after the first was.
        decide.now_ms = (inner.clock)();
        decided.push(one(&mut decide, command)?);
    }
    let mut writing = decide.take_batch();
    inner.count_written(writing.len().saturating_sub(decide.derived_keys));
    inner.count_derived(decide.derived_keys);
    let room = node_store::BATCH_BYTES_MAX.saturating_sub(decide.bytes).min(DERIVED_BYTES_MAX);
    let mut to_index = Vec::new();
    let touched = std::mem::take(&mut decide.touched);
    let placed = std::mem::take(&mut decide.placed);
    let flushed = flush_boxes(inner, touched, &placed, room, &mut writing, &mut to_index)?;
    let ticket = match commit(inner, writing) {
        Ok(ticket) => ticket,
        Err(cause) => {
            for one in decided {
                let _within = one.span.enter();
                (one.answer)(Some(CoreError::Stopped(cause.to_string())));
            }
            return Err(cause);
        }
    };
    for (owner, pts) in flushed {
        let cell = inner.boxes.cell(owner);
        cell.lock(&*inner.store, owner)?.written(pts);
    }
    inner.boxes.evict();
    inner.logs.evict();
    for owner in to_index {
        inner.search.due(owner);
    }
    for one in decided {
        let _within = one.span.enter();
        tracing::debug!(ticket, "stored");
        for after in one.after {
            after(inner);
        }
        inner.changed();
        for event in &one.events {
            inner.tell(event);
        }
        (one.answer)(None);
    }
    Ok(last)
}

fn one(decide: &mut Decide<'_>, command: Command) -> CoreResult<Decided> {
    decide.actor = command.actor;
    let span = command.span;
    let _within = span.clone().entered();
    let (succeeded, answer) = (command.run)(Ok(decide));
    match decide.end(succeeded) {
        Ok((after, events)) => {
            tracing::debug!(succeeded, events = events.len(), "decided");
            Ok(Decided { after, events, answer, span })
        }
        Err(cause) => {
            answer(Some(CoreError::Stopped(cause.to_string())));
            Err(cause)
        }
    }
}

/// Adds what is derived from boxes that have not been written for long, as far as there is room.
/// The others follow when they change again; those of `placed` are written in any case. `to_index` gets
/// those that are ahead of their search index.
fn flush_boxes(
    inner: &Inner,
    mut owners: Vec<BoxId>,
    placed: &BTreeSet<BoxId>,
    mut room: usize,
    writing: &mut Batch,
    to_index: &mut Vec<BoxId>,
) -> CoreResult<Vec<(BoxId, Pts)>> {
    owners.sort_unstable();
    owners.dedup();
    let (mut flushed, before) = (Vec::new(), writing.len());
    for owner in owners {
        let cell = inner.boxes.cell(owner);
        let mut state = cell.lock(&*inner.store, owner)?;
        if state.pts.0 - state.indexed.0 >= inner.pace.index_every {
            to_index.push(owner);
        }
        let is_due = placed.contains(&owner);
        if is_due || state.unwritten() >= FLUSH_EVERY_EVENTS {
            let flush = flush(&state, &*inner.store, owner, inner.pace.events_kept)?;
            if is_due || flush.bytes <= room {
                room = room.saturating_sub(flush.bytes);
                state.floor = flush.floor;
                flushed.push((owner, flush.pts));
                writing.merge(flush.batch);
            }
        }
    }
    inner.count_derived(writing.len() - before);
    Ok(flushed)
}

/// Makes a batch durable, and answers the number by which the store knows it; none where there was
/// nothing to write.
fn commit(inner: &Inner, batch: Batch) -> CoreResult<Option<u64>> {
    if batch.is_empty() {
        return Ok(None);
    }
    let store = &inner.store;
    let ticket = store.commit_decided(batch)?;
    store.wait_durable(ticket)?;
    Ok(Some(ticket.number()))
}
