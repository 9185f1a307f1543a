//! Bounds, cancellation and panics, with work that the tests hold in their hands.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::*;

fn empty() -> Photo {
    Photo { width: 1, height: 1, stripped: Vec::new(), sizes: Vec::new() }
}

fn studio(jobs_max: usize, bytes_max: usize) -> Arc<Studio> {
    Arc::new(Studio::start(Setup { workers: 1, jobs_max, bytes_max }).unwrap())
}

/// Occupies the worker until the sender is used or dropped. Returns once it has begun.
fn occupy(studio: &Arc<Studio>, bytes: usize) -> SyncSender<()> {
    let (go_tx, go_rx) = sync_channel::<()>(0);
    let (begun_tx, begun_rx): (_, Receiver<()>) = sync_channel(0);
    let studio = Arc::clone(studio);
    tokio::spawn(async move {
        studio
            .run(bytes, move || {
                begun_tx.send(()).unwrap();
                go_rx.recv().ok();
                Ok(empty())
            })
            .await
    });
    tokio::task::block_in_place(|| begun_rx.recv_timeout(Duration::from_secs(20)).unwrap());
    go_tx
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_busy_in_number_and_in_bytes() {
    let studio = studio(2, 100);
    let held = occupy(&studio, 60);
    assert_eq!(studio.run(41, || Ok(empty())).await, Err(StudioError::Busy), "bytes");
    let waiting = tokio::spawn({
        let studio = Arc::clone(&studio);
        async move { studio.run(40, || Ok(empty())).await }
    });
    while studio.shared.queue.lock().jobs_held < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(studio.run(0, || Ok(empty())).await, Err(StudioError::Busy), "number");
    drop(held);
    assert_eq!(waiting.await.unwrap(), Ok(empty()));
    // Answers come a moment before what they held is given back.
    while studio.shared.queue.lock().jobs_held > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(studio.shared.queue.lock().bytes_held, 0);
    assert_eq!(studio.run(100, || Ok(empty())).await, Ok(empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_nobody_waits_for_is_not_begun() {
    let studio = studio(8, 100);
    let held = occupy(&studio, 1);
    let begun = Arc::new(AtomicUsize::new(0));
    let given_up = tokio::spawn({
        let (studio, begun) = (Arc::clone(&studio), Arc::clone(&begun));
        async move {
            let work = move || {
                begun.fetch_add(1, Ordering::SeqCst);
                Ok(empty())
            };
            studio.run(1, work).await
        }
    });
    while studio.shared.queue.lock().jobs_held < 2 {
        tokio::task::yield_now().await;
    }
    given_up.abort();
    given_up.await.unwrap_err();
    drop(held);
    assert_eq!(studio.run(1, || Ok(empty())).await, Ok(empty()));
    assert_eq!(begun.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_one_pictures_error() {
    let studio = studio(8, 100);
    assert_eq!(studio.run(1, || panic!("a decoder's")).await, Err(StudioError::Panicked));
    assert_eq!(studio.run(1, || Ok(empty())).await, Ok(empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_when_the_studio_goes_is_told_so() {
    let studio = studio(8, 100);
    let held = occupy(&studio, 1);
    let shared = Arc::clone(&studio.shared);
    let (answer_tx, answer_rx) = oneshot::channel::<()>();
    shared.enqueue(Job { bytes: 1, work: Box::new(move || answer_tx.send(()).unwrap()) }).unwrap();
    drop(Studio { shared: Arc::clone(&shared) });
    answer_rx.await.unwrap_err();
    drop(held);
}
