//! The floor of delivery: a relay that does what a message cannot do without.
//!
//! One thread. A frame is read and opened, appended to a file with all others that came meanwhile,
//! made durable by one fdatasync, sealed for the peer and written. No session, no rules, no store.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use keys::{AuthKey, Side, message};
use rookery_load::{Client, Framing, Pair, Session, Wire, talk};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::rng;

/// index (4 bytes) ++ role (4) ++ session_id (8): a connection's first frame, in the clear.
const HELLO_BYTES: usize = 16;
const SPEAKER: u32 = 0;
const HEARER: u32 = 1;
const READ_BYTES: usize = 64 << 10;

/// A running relay; ends when it is dropped.
pub(crate) struct Relay {
    pub(crate) pid: u32,
    address: SocketAddr,
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    _directory: tempfile::TempDir,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Relay {
    /// Starts one, with a file on the disk that a node of ours would use.
    pub(crate) fn start(answers: bool) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("floor-relay").arg(directory.path().join("log"));
        if answers {
            command.arg("--answers");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().context("standard input")?;
        let stdout = child.stdout.take().context("standard output")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.trim().parse().context("the relay's address")?;
        let pid = child.id();
        Ok(Self { pid, address, child, stdin, stdout, _directory: directory })
    }

    /// Pairs of connections.
    pub(crate) fn pairs(&self, count: usize, answers: bool) -> anyhow::Result<Vec<Pair>> {
        let connect = |index: u32, role: u32| -> anyhow::Result<Client> {
            let rng = &mut rng();
            let mut wire = Wire::connect(self.address, Framing::Intermediate, None, rng)?;
            let session = Session::new(Arc::new(key(index, role)?), 0, 0, rng);
            let mut hello = [index.to_le_bytes(), role.to_le_bytes()].concat();
            hello.extend_from_slice(&session.session_id.to_le_bytes());
            wire.send(&hello, false)?;
            Ok(Client::resume(wire, session))
        };
        (0..count as u32)
            .map(|index| {
                let (hearer, speaker) = (connect(index, HEARER)?, connect(index, SPEAKER)?);
                Ok(Pair::relayed(speaker, hearer, answers)?)
            })
            .collect()
    }

    /// Commits so far.
    pub(crate) fn commits(&mut self) -> anyhow::Result<u64> {
        writeln!(self.stdin, "commits?")?;
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        line.trim().parse().context("the relay's commits")
    }
}

/// A key that both sides know.
fn key(index: u32, role: u32) -> anyhow::Result<AuthKey> {
    let mut bytes = [0x5a; 256];
    bytes[..4].copy_from_slice(&index.to_le_bytes());
    bytes[4..8].copy_from_slice(&role.to_le_bytes());
    AuthKey::from_slice(&bytes).context("an auth key has 256 bytes")
}

/// One connection of a pair.
struct End {
    stream: TcpStream,
    key: AuthKey,
    session_id: i64,
    index: u32,
    role: u32,
}

struct State {
    answers: bool,
    ends: RefCell<HashMap<(u32, u32), Rc<End>>>,
    /// Opened and not stored: whose, and the body.
    pending: RefCell<Vec<(u32, Vec<u8>)>>,
    work: Notify,
    last_msg_id: Cell<i64>,
    commits: Arc<AtomicU64>,
}

/// The relay itself; ends when it is killed, or when whoever started it is gone.
pub(crate) fn floor_process(log: &Path, answers: bool) -> anyhow::Result<()> {
    let commits = Arc::new(AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let log: PathBuf = log.to_owned();
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", listener.local_addr()?)?;
        out.flush()?;
        let told = Arc::clone(&commits);
        std::thread::spawn(move || {
            for line in std::io::stdin().lines() {
                let mut out = std::io::stdout().lock();
                if line.is_err() || writeln!(out, "{}", told.load(Ordering::Relaxed)).is_err() {
                    break;
                }
                out.flush().ok();
            }
            std::process::exit(0);
        });
        let state = Rc::new(State {
            answers,
            ends: RefCell::default(),
            pending: RefCell::default(),
            work: Notify::new(),
            last_msg_id: Cell::new(1),
            commits,
        });
        let file = File::create(&log)?;
        let committing = Rc::clone(&state);
        let mut committer =
            tokio::task::spawn_local(async move { commit(&committing, file).await });
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    stream.set_nodelay(true)?;
                    let state = Rc::clone(&state);
                    // A connection that ends takes its errors with it: the generator sees the loss.
                    tokio::task::spawn_local(async move { serve(&state, stream).await });
                }
                ended = &mut committer => return ended?,
            }
        }
    })
}

async fn serve(state: &State, stream: TcpStream) -> anyhow::Result<()> {
    let mut input = Vec::new();
    // 0xeeeeeeee, length, hello.
    while input.len() < 8 + HELLO_BYTES {
        read(&stream, &mut input).await?;
    }
    let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| input[at + i]));
    let (index, role) = (number(8), number(12));
    let session_id = i64::from_le_bytes(std::array::from_fn(|i| input[16 + i]));
    let rest = input.split_off(8 + HELLO_BYTES);
    input = rest;
    let end = Rc::new(End { stream, key: key(index, role)?, session_id, index, role });
    state.ends.borrow_mut().insert((index, role), Rc::clone(&end));
    loop {
        let mut taken = 0;
        while let Some((length, rest)) = input[taken..].split_first_chunk::<4>()
            && let Some(frame) = rest.get(..u32::from_le_bytes(*length) as usize)
        {
            let opened = message::open(&end.key, Side::Client, frame)?;
            taken += 4 + frame.len();
            if end.role == SPEAKER {
                state.pending.borrow_mut().push((end.index, opened.body.to_vec()));
            }
        }
        if taken > 0 {
            input.drain(..taken);
            state.work.notify_one();
        }
        read(&end.stream, &mut input).await?;
    }
}

async fn read(stream: &TcpStream, input: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut buffer = [0; READ_BYTES];
    loop {
        match stream.try_read(&mut buffer) {
            Ok(0) => bail!("closed"),
            Ok(bytes) => {
                input.extend_from_slice(&buffer[..bytes]);
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => stream.readable().await?,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn commit(state: &State, mut file: File) -> anyhow::Result<()> {
    let rng = &mut rng();
    loop {
        state.work.notified().await;
        let pending = state.pending.take();
        if pending.is_empty() {
            continue;
        }
        let bytes: Vec<u8> = pending.iter().flat_map(|(_, body)| body.iter().copied()).collect();
        file.write_all(&bytes)?;
        // On this thread: what comes meanwhile is the next batch.
        file.sync_data()?;
        state.commits.fetch_add(1, Ordering::Relaxed);
        let ends = state.ends.borrow();
        for (index, body) in &pending {
            let hearer = ends.get(&(*index, HEARER)).context("a message without a listener")?;
            state.write(hearer, body, rng)?;
            if state.answers {
                let speaker = ends.get(&(*index, SPEAKER)).context("an answer for nobody")?;
                state.write(speaker, &talk::relayed_answer(body), rng)?;
            }
        }
    }
}

impl State {
    fn write(&self, end: &End, body: &[u8], rng: &mut rand::rngs::ThreadRng) -> anyhow::Result<()> {
        let msg_id = self.last_msg_id.get() + 4;
        self.last_msg_id.set(msg_id);
        let mut frame = vec![0; 4];
        let (session, id) = (end.session_id.to_le_bytes(), msg_id.to_le_bytes());
        let length = (body.len() as u32).to_le_bytes();
        let plain: [&[u8]; 6] = [&[0; 8], &session, &id, &[0; 4], &length, body];
        message::seal_into(&end.key, Side::Server, &plain, rng, &mut frame);
        let bytes = (frame.len() as u32 - 4).to_le_bytes();
        frame[..4].copy_from_slice(&bytes);
        if end.stream.try_write(&frame)? != frame.len() {
            bail!("a listener does not read");
        }
        Ok(())
    }
}
