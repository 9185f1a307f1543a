//! Memory of an idle authorised connection, beside a bare task that waits for its socket.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::Context as _;
use keys::dh::DhSecret;
use rookery_load::exchange::exchange_with;
use rookery_load::{Client, Framing, Session, Wire};
use tokio::net::TcpListener;

use super::{Gate, Row, Target, process, rng};

/// At most 8 KB for each.
const BYTES_MAX: f64 = 8.0 * 1024.0;
/// Connections made before the first reading: what a process takes once is not theirs.
const WARM_UP: usize = 100;

/// The row.
pub(crate) fn row(target: &Target, short: bool, keys: Option<usize>) -> anyhow::Result<Row> {
    let connections: usize = if short { 2_000 } else { 10_000 };
    let keys = keys.unwrap_or(connections / 10).clamp(1, connections);
    let node = node_bytes(target, connections, keys)?;
    let floor = floor_bytes(connections)?;
    Ok(Row::of_pairs(
        format!("memory of an idle authorised connection at {connections}"),
        "bytes of RSS",
        &[(node, floor)],
        connections,
        Gate::ValueAtMost(BYTES_MAX),
        format!(
            "{keys} auth keys, {} session(s) each, one connection per session, pinged and \
             acknowledged; floor: a tokio task that waits for readable()",
            connections.div_ceil(keys)
        ),
    ))
}

fn node_bytes(target: &Target, connections: usize, keys: usize) -> anyhow::Result<f64> {
    let rng = &mut rng();
    let secret = DhSecret::generate(rng);
    let mut held = Vec::with_capacity(connections + WARM_UP);
    let mut before = 0;
    let mut key = None;
    let per_key = connections.div_ceil(keys);
    for index in 0..connections + WARM_UP {
        if index == WARM_UP {
            process::settle(target.pid)?;
            before = process::resident(target.pid)?;
        }
        let mut wire = Wire::connect(target.address, Framing::Intermediate, None, rng)?;
        if key.is_none() || index.saturating_sub(WARM_UP).is_multiple_of(per_key) {
            let fresh = exchange_with(&mut wire, &target.public, 2, None, &secret, rng)?;
            key = Some((Arc::new(fresh.key), fresh.salt, fresh.offset_s));
        }
        let (auth_key, salt, offset_s) = key.clone().context("made above")?;
        let mut client = Client::resume(wire, Session::new(auth_key, salt, offset_s, rng));
        client.ping(rng)?;
        client.acknowledge(rng)?;
        held.push(client);
    }
    process::settle(target.pid)?;
    let after = process::resident(target.pid)?;
    // They are alive, not only counted.
    for client in held.iter_mut().step_by(997) {
        client.ping(rng)?;
    }
    Ok(after.saturating_sub(before) as f64 / connections as f64)
}

struct Floor(Child);

impl Drop for Floor {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn floor_bytes(connections: usize) -> anyhow::Result<f64> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("floor-idle")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().context("standard output")?;
    let child = Floor(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address: SocketAddr = line.trim().parse()?;
    let mut held = Vec::with_capacity(connections + WARM_UP);
    let mut before = 0;
    for index in 0..connections + WARM_UP {
        if index == WARM_UP {
            process::settle(child.0.id())?;
            before = process::resident(child.0.id())?;
        }
        held.push(TcpStream::connect(address)?);
    }
    process::settle(child.0.id())?;
    let after = process::resident(child.0.id())?;
    Ok(after.saturating_sub(before) as f64 / connections as f64)
}

/// Accepts and waits; ends when it is killed, or when nobody holds a connection any more.
pub(crate) fn floor_process() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", listener.local_addr()?)?;
        out.flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                // Readiness may be a guess: only the end of the stream ends the task.
                while stream.readable().await.is_ok() {
                    match stream.try_read(&mut [0; 16]) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Ok(read) if read > 0 => {}
                        _ => break,
                    }
                }
            });
        }
    })
}
