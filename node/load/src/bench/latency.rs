//! Latency of messages while one core is full of handshakes, beside the same in quiet.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use keys::dh::DhSecret;
use keys::{Side, message};
use rookery_load::exchange::provoke;
use rookery_load::{Framing, Incoming, Wire, clock};
use tl::mtproto::{functions, types};

use super::{Gate, Row, Target, percentile, process, rng};

/// Pings offered in a second, whatever comes back: latency counts from when one was due.
const PER_SECOND: u32 = 500;
/// Connections that do nothing but make keys; each waits for its answers, so the node's queue is
/// never longer than this.
const FLOODERS: usize = 4;

/// The row.
pub(crate) fn row(target: &Target, short: bool) -> anyhow::Result<Row> {
    let (pairs, seconds) = if short { (3, 3) } else { (5, 10) };
    let (mut measured, mut keys, mut medians) = (Vec::new(), 0, Vec::new());
    for _ in 0..pairs {
        process::settle(target.pid)?;
        let quiet = pings(target, seconds)?;
        let (full, made) = beside_a_flood(target, seconds)?;
        keys += made;
        medians.push((percentile(&full, 0.5), percentile(&quiet, 0.5)));
        measured.push((percentile(&full, 0.99), percentile(&quiet, 0.99)));
    }
    let made_per_s = keys as f64 / f64::from(pairs * seconds);
    let (full, quiet) = medians[medians.len() / 2];
    Ok(Row::of_pairs(
        "message p99 while one core is full of handshakes",
        "us",
        &measured,
        (PER_SECOND * seconds) as usize,
        Gate::RatioAtMost(4.0),
        format!(
            "floor: the same pings in quiet; open loop, {PER_SECOND}/s; {made_per_s:.0} keys/s \
             made meanwhile; p50 {full:.0} beside {quiet:.0} us"
        ),
    ))
}

fn beside_a_flood(target: &Target, seconds: u32) -> anyhow::Result<(Vec<f64>, usize)> {
    let (done, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let flooders: Vec<_> =
            (0..FLOODERS).map(|_| scope.spawn(|| flood(target, &done, &made))).collect();
        // Until the handshakes are under way.
        thread::sleep(Duration::from_millis(300));
        let before = made.load(Ordering::Relaxed);
        let latencies = pings(target, seconds);
        let made = made.load(Ordering::Relaxed) - before;
        done.store(true, Ordering::Relaxed);
        for flooder in flooders {
            flooder.join().map_err(|_| anyhow::anyhow!("a flooder panicked"))??;
        }
        Ok((latencies?, made))
    })
}

fn flood(target: &Target, done: &AtomicBool, made: &AtomicUsize) -> anyhow::Result<()> {
    let rng = &mut rng();
    let secret = DhSecret::generate(rng);
    while !done.load(Ordering::Relaxed) {
        let mut wire = Wire::connect(target.address, Framing::Intermediate, None, rng)?;
        provoke(&mut wire, &target.public, 2, &secret, rng)?;
        made.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Latencies in microseconds, sorted.
fn pings(target: &Target, seconds: u32) -> anyhow::Result<Vec<f64>> {
    let rng = &mut rng();
    let mut client = target.client(rng)?;
    let mut reader = client.wire.duplicate()?;
    let key = client.session.key.clone();
    let count = i64::from(PER_SECOND * seconds);
    let begin = clock::now() + Duration::from_millis(50);
    let due = |index: i64| begin + Duration::from_secs(1) * index as u32 / PER_SECOND;
    thread::scope(|scope| {
        let receiver = scope.spawn(move || -> anyhow::Result<Vec<f64>> {
            let mut latencies = Vec::with_capacity(count as usize);
            while latencies.len() < count as usize {
                let Incoming::Frame(frame) = reader.receive()? else { anyhow::bail!("no frame") };
                let now = clock::now();
                let opened = message::open(&key, Side::Server, &frame)
                    .map_err(|_| anyhow::anyhow!("a frame does not open"))?;
                for ping_id in pongs(&opened.body) {
                    latencies.push((now - due(ping_id)).as_secs_f64() * 1e6);
                }
            }
            Ok(latencies)
        });
        for index in 0..count {
            thread::sleep(due(index).saturating_duration_since(clock::now()));
            let body = tl::to_bytes(&functions::Ping { ping_id: index }, 0)?;
            client.send(&body, false, rng)?;
        }
        let received = receiver.join().ok().context("the receiver panicked")?;
        let mut latencies = received?;
        latencies.sort_by(f64::total_cmp);
        Ok(latencies)
    })
}

fn pongs(body: &[u8]) -> Vec<i64> {
    if let Ok(pong) = tl::from_bytes::<types::Pong>(body, 0) {
        return vec![pong.ping_id];
    }
    let container = tl::from_bytes::<types::MsgContainer>(body, 0);
    let messages = container.map(|container| container.messages).unwrap_or_default();
    messages.iter().flat_map(|inner| pongs(&inner.body.0)).collect()
}
