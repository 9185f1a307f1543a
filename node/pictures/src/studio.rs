//! The threads that work on pictures, beside those that carry messages.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::{Limits, Photo, PictureError, photo, profile, thumbnail};

/// How far a worker stands back for threads that people wait for (nice value).
const NICE: i32 = 10;

/// Bounds of a [`Studio`].
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Threads. Default 1: each may take [`Limits::decode_bytes_max`] and a core.
    pub workers: usize,
    /// Pictures that wait or are worked on. Default 64: some ten seconds of one worker.
    pub jobs_max: usize,
    /// Bytes of the files of those. Default 64 MiB.
    pub bytes_max: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self { workers: 1, jobs_max: 64, bytes_max: 64 << 20 }
    }
}

/// Why a studio gives no photo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StudioError {
    /// Too much waits. The caller answers that the client should try later.
    #[error("too many pictures wait")]
    Busy,
    /// The picture is refused.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The work on this picture panicked; nothing else is affected.
    #[error("the work on a picture panicked")]
    Panicked,
    /// The studio is gone.
    #[error("the studio has stopped")]
    Stopped,
}

/// A bounded pool for work on pictures. Dropped, it finishes what its threads hold and no more.
#[derive(Debug)]
pub struct Studio {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    setup: Setup,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Of the jobs that wait and of those that are worked on.
    jobs_held: usize,
    bytes_held: usize,
    stopped: bool,
}

struct Job {
    bytes: usize,
    work: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Studio {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub fn start(setup: Setup) -> io::Result<Self> {
        let shared = Arc::new(Shared { setup, queue: Mutex::default(), wake: Condvar::new() });
        let studio = Self { shared: Arc::clone(&shared) };
        for index in 0..setup.workers.max(1) {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("pictures-{index}"))
                .spawn(move || work(&shared))?;
        }
        Ok(studio)
    }

    /// See [`photo`]. Work that nobody waits for any more when its turn comes is left out.
    ///
    /// # Errors
    /// [`StudioError`].
    pub async fn photo(&self, bytes: Bytes, limits: Limits) -> Result<Photo, StudioError> {
        self.run(bytes.len(), move || photo(&bytes, &limits)).await
    }

    /// See [`profile`].
    ///
    /// # Errors
    /// [`StudioError`].
    pub async fn profile(&self, bytes: Bytes, limits: Limits) -> Result<Photo, StudioError> {
        self.run(bytes.len(), move || profile(&bytes, &limits)).await
    }

    /// See [`thumbnail`].
    ///
    /// # Errors
    /// [`StudioError`].
    pub async fn thumbnail(&self, bytes: Bytes, limits: Limits) -> Result<Photo, StudioError> {
        self.run(bytes.len(), move || thumbnail(&bytes, &limits)).await
    }

    async fn run<F>(&self, bytes: usize, work: F) -> Result<Photo, StudioError>
    where
        F: FnOnce() -> Result<Photo, PictureError> + Send + 'static,
    {
        let (answer_tx, answer_rx) = oneshot::channel();
        let work = Box::new(move || {
            if answer_tx.is_closed() {
                return;
            }
            // Decoders share nothing between pictures: what one left half done is dropped here.
            let answer = match catch_unwind(AssertUnwindSafe(work)) {
                Ok(done) => done.map_err(StudioError::Picture),
                Err(_) => Err(StudioError::Panicked),
            };
            answer_tx.send(answer).ok();
        });
        self.shared.enqueue(Job { bytes, work })?;
        answer_rx.await.unwrap_or(Err(StudioError::Stopped))
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.stopped = true;
        let waiting = std::mem::take(&mut queue.jobs);
        drop(queue);
        drop(waiting); // their callers get `Stopped`
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn enqueue(&self, job: Job) -> Result<(), StudioError> {
        let mut queue = self.queue.lock();
        if queue.jobs_held >= self.setup.jobs_max
            || job.bytes > self.setup.bytes_max.saturating_sub(queue.bytes_held)
        {
            return Err(StudioError::Busy);
        }
        queue.jobs_held += 1;
        queue.bytes_held += job.bytes;
        queue.jobs.push_back(job);
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    /// The next job, or none once the studio is gone.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            self.wake.wait(&mut queue);
        }
    }

    fn done(&self, bytes: usize) {
        let mut queue = self.queue.lock();
        queue.jobs_held -= 1;
        queue.bytes_held -= bytes;
    }
}

fn work(shared: &Shared) {
    stand_back();
    while let Some(Job { bytes, work }) = shared.next() {
        work();
        shared.done(bytes);
    }
}

/// Lowers the priority of this thread. On Linux, and only there, a priority is a thread's own.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(cause) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%cause, "the priority of work on pictures stays as it is");
    }
}

#[cfg(test)]
mod tests;
