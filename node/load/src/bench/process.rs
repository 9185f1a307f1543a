//! CPU time and memory, as the kernel counts them.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use rookery_load::clock;

/// CPU time of all threads of a process.
///
/// Nanoseconds from each thread's schedstat: `stat` counts in ticks of 10 ms.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("is the node running?")? {
        // A thread may end between the two reads.
        if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
            total += first_number(&text);
        }
    }
    Ok(Duration::from_nanos(total))
}

/// CPU time of all threads that a process ever had, in ticks of 10 ms: for work that threads do
/// which end.
pub(crate) fn cpu_ever(pid: u32) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("is the node running?")?;
    // After the name, which may hold anything, come the fields from the third on.
    let fields = text.rsplit_once(") ").context("stat")?.1.split(' ');
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Ok(Duration::from_millis(ticks.sum::<u64>() * 10))
}

/// CPU time of this thread.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("schedstat")?;
    Ok(Duration::from_nanos(first_number(&text)))
}

fn first_number(text: &str) -> u64 {
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Resident memory in bytes.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("is the node running?")?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = kilobytes.and_then(|rest| rest.split_whitespace().next()).context("VmRSS")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

/// Bytes that a process caused to be written to disk.
pub(crate) fn written(pid: u32) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).context("is the node running?")?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(bytes.context("write_bytes")?.trim().parse()?)
}

/// Waits until a process uses next to no CPU: what it still had to do is done and counted.
pub(crate) fn settle(pid: u32) -> anyhow::Result<()> {
    let end = clock::now() + Duration::from_secs(30);
    let mut before = cpu(pid)?;
    while clock::now() < end {
        std::thread::sleep(Duration::from_millis(200));
        let now = cpu(pid)?;
        if now.saturating_sub(before) < Duration::from_millis(4) {
            return Ok(());
        }
        before = now;
    }
    anyhow::bail!("the node does not come to rest")
}
