//! The handle to the rules.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tracing::Span;

use crate::bridge::Bridges;
use crate::channels::{self, Channels, Fills};
use crate::chats::Chats;
use crate::committer::{self, Answer, Command, Run};
use crate::decide::Decide;
use crate::directory::Directory;
use crate::event::Follower;
use crate::federation::Groups;
use crate::ids::Actor;
use crate::inner::{Inner, Pace};
use crate::search;
use crate::setup::Setup;
use crate::timers::Timers;
use crate::{CoreError, CoreResult};

/// Commands that wait for the committer. Protects memory: beyond it a caller is told to come back
/// later.
const COMMANDS_WAITING_MAX: usize = 1024;

/// The rules of one node, and their state. Cheap to clone.
#[derive(Clone)]
pub struct Core {
    pub(crate) inner: Arc<Inner>,
    commands: Arc<Commands>,
    threads: Arc<Threads>,
}

/// The way to the committer.
pub(crate) type Commands = SyncSender<Command>;

/// The threads of the rules. Dropped with the last handle.
struct Threads {
    inner: Arc<Inner>,
    committer: Mutex<Option<JoinHandle<()>>>,
    indexer: Mutex<Option<JoinHandle<()>>>,
    filler: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        // The committer ends by itself when nobody can command any more.
        self.inner.search.end();
        self.inner.fills.end();
    }
}

/// A command that decides by `decide`, and where its answer will be once it is durable.
pub(crate) fn command<T: Send + 'static>(
    decide: impl FnOnce(&mut Decide<'_>) -> CoreResult<T> + Send + 'static,
) -> (Run, oneshot::Receiver<CoreResult<T>>) {
    let (sender, receiver) = oneshot::channel();
    let run: Run = Box::new(move |batch| {
        let result = batch.and_then(decide);
        let succeeded = result.is_ok();
        let answer: Answer = Box::new(move |failed| {
            // A caller that went away has no use for the answer; what it did stays done.
            let _ = sender.send(failed.map_or(result, Err));
        });
        (succeeded, answer)
    });
    (run, receiver)
}

/// How many keys were written since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// By commands.
    pub written: u64,
    /// Of what is derived from them: written behind, and rebuilt if lost.
    pub derived: u64,
}

impl Core {
    /// Reads what is kept in memory, and starts the committer.
    ///
    /// # Errors
    /// Those of the store, and records that cannot be read.
    pub fn open(setup: Setup) -> CoreResult<Self> {
        Self::open_with(setup, Pace::default())
    }

    /// [`Core::open`] at another pace.
    pub(crate) fn open_with(setup: Setup, pace: Pace) -> CoreResult<Self> {
        crate::media::key_blobs(&*setup.store, &setup.access_secret)?;
        let directory = Directory::load(&*setup.store)?;
        let (chats, channels) = (Chats::load(&*setup.store)?, Channels::load(&*setup.store)?);
        let groups = Groups::load(&*setup.store, &channels)?;
        let fills = Fills::load(&*setup.store, &channels, (setup.clock)())?;
        let timers = Timers::load(&*setup.store)?;
        let bridges = Bridges::load(&*setup.store)?;
        let rooms = (chats, channels, groups, fills);
        let inner = Arc::new(Inner::new(setup, directory, rooms, bridges, timers, pace)?);
        let (commands, queue) = sync_channel(COMMANDS_WAITING_MAX);
        let commands = Arc::new(commands);
        let shared = inner.clone();
        let committer = thread("committer", move || committer::run(&shared, &queue))?;
        let (shared, way) = (inner.clone(), Arc::downgrade(&commands));
        let indexer = thread("indexer", move || search::run(&shared, &way))?;
        let (shared, way) = (inner.clone(), Arc::downgrade(&commands));
        let filler = thread("filler", move || channels::fill(&shared, &way))?;
        let threads = Threads {
            inner: inner.clone(),
            committer: Mutex::new(Some(committer)),
            indexer: Mutex::new(Some(indexer)),
            filler: Mutex::new(Some(filler)),
        };
        Ok(Self { inner, commands, threads: Arc::new(threads) })
    }

    /// Tells `follower` of everything from now on.
    pub fn follow(&self, follower: Arc<dyn Follower>) {
        self.inner.follow(follower);
    }

    /// Unix milliseconds, by the node's clock.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> i32 {
        i32::try_from(self.now_ms() / 1000).unwrap_or(i32::MAX)
    }

    /// Resolves, with the reason, when nothing can be written any more.
    pub async fn stopped(&self) -> String {
        let mut stopped = self.inner.stopped();
        match stopped.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Keys written since the start.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let (written, derived) = self.inner.keys();
        Keys { written, derived }
    }

    /// Accounts of the node.
    #[must_use]
    pub fn users(&self) -> usize {
        self.inner.directory.len()
    }

    /// Runs a command, and answers when it is durable.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        actor: Option<Actor>,
        decide: impl FnOnce(&mut Decide<'_>) -> CoreResult<T> + Send + 'static,
    ) -> CoreResult<T> {
        self.inner.store.admit()?;
        let (run, receiver) = command(decide);
        let command = Command { actor, run, last: false, span: Span::current() };
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => CoreError::Busy,
            TrySendError::Disconnected(_) => stopped(),
        })?;
        receiver.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Waits until everything that a reader may have seen so far is durable.
    ///
    /// Memory and the store show what is decided before it is on disk; nothing of it may leave the
    /// node earlier. At rest this does not wait.
    pub(crate) async fn settled(&self) -> CoreResult<()> {
        let seen = self.inner.deciding.load(Ordering::SeqCst);
        let mut durable: watch::Receiver<u64> = self.inner.durable.subscribe();
        if *durable.borrow_and_update() >= seen {
            return Ok(());
        }
        let mut ended = self.inner.stopped();
        tokio::select! {
            reached = durable.wait_for(|durable| *durable >= seen) => {
                reached.map(|_| ()).map_err(|_| stopped())
            }
            _ = ended.wait_for(Option::is_some) => Err(stopped()),
        }
    }

    /// Lets the committer end what is queued, and waits for it. Later commands are refused. Blocks
    /// the thread: called at the end of a node.
    pub fn close(&self) {
        self.inner.search.end();
        self.inner.fills.end();
        join(&self.threads.indexer, "indexer");
        join(&self.threads.filler, "filler");
        let run: Run = Box::new(|batch| {
            let written = batch.and_then(|decide| {
                while decide.write_views()? {}
                Ok(())
            });
            (written.is_ok(), Box::new(|_| {}))
        });
        // Refused only if the committer has ended already.
        let _ = self.commands.send(Command { actor: None, run, last: true, span: Span::none() });
        join(&self.threads.committer, "committer");
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> CoreResult<JoinHandle<()>> {
    let started = std::thread::Builder::new().name(name.into()).spawn(run);
    started.map_err(|cause| CoreError::Stopped(cause.to_string()))
}

fn join(thread: &Mutex<Option<JoinHandle<()>>>, name: &str) {
    if let Some(thread) = thread.lock().take()
        && thread.join().is_err()
    {
        tracing::error!("the {name} panicked");
    }
}

fn stopped() -> CoreError {
    CoreError::Stopped("the committer has ended".into())
}
