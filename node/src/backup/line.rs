//! The rows of a running node, over its control socket.
//!
//! After the request, the node answers with a line of JSON ([`Places`], or why not), and then with frames:
//! kind (1 byte) ++ length (4, big-endian) ++ so many bytes.
//!
//! ```text
//! 'D'  bytes of the stream of the store
//! 'S'  that was all of it: the counts, as JSON
//! 'E'  it failed: why
//! ```
//! From before the answer until the command line has said that it has copied all files (one byte, 'f') or
//! is gone, the node clears no files away. It confirms by a frame 'F': had it been stopped and started
//! meanwhile, files might be missing in the copy.

use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Places, Source};
use crate::control::{self, Node, Request};
use crate::run;

/// Bytes in a frame. Protects memory of the reader.
const FRAME_BYTES_MAX: usize = 64 * 1024;

/// How long one write may wait: whoever reads the stream encrypts it and writes it to a disk.
const WRITE_WITHIN: Duration = Duration::from_secs(60);

/// How long the copy of files may take. No file is cleared away meanwhile.
const FILES_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// How long a clearing that has begun may take to end.
const TURN_WITHIN: Duration = Duration::from_secs(3600);

/// Longest first line.
const HEAD_BYTES_MAX: u64 = 64 * 1024;

const DATA: u8 = b'D';
const STORE: u8 = b'S';
const ERROR: u8 = b'E';
const FILES: u8 = b'F';
const COPIED: u8 = b'f';

/// What went through.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) rows: u64,
    /// All that was acknowledged before is among them. Unix milliseconds.
    pub(super) until: u64,
}

/// Ends the connection when its task is dropped: the thread that writes to it then ends as well.
struct Hangup(StdUnixStream);

impl Drop for Hangup {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.shutdown(Shutdown::Both).ok();
    }
}

/// The node's end.
pub(crate) async fn serve(stream: UnixStream, node: &Node) -> io::Result<()> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(WRITE_WITHIN))?;
    stream.set_read_timeout(Some(FILES_WITHIN))?;
    let hangup = Hangup(stream.try_clone()?);
    // Whatever is being cleared away is named by no row any more; what comes later waits.
    let turn = timeout(TURN_WITHIN, node.keeper.turn.clone().lock_owned()).await?;
    let source = node.backup.clone();
    let sent = tokio::task::spawn_blocking(move || send(&stream, &source)).await;
    drop((turn, hangup));
    sent.map_err(io::Error::other)?
}

fn send(mut stream: &StdUnixStream, source: &Source) -> io::Result<()> {
    let head = json!({ "ok": source.places });
    stream.write_all(format!("{head}\n").as_bytes())?;
    let mut out = BufWriter::with_capacity(FRAME_BYTES_MAX, Frames(stream));
    let mut until = 0;
    let done = source.rests.back_up(&mut out, &mut || until = (run::clock())());
    let done = done.map_err(io::Error::other);
    let done = done.and_then(|done| out.flush().map(|()| done));
    drop(out);
    match done {
        Ok(done) => {
            let counts = serde_json::to_vec(&Counts { rows: done.rows, until })?;
            frame(stream, STORE, &counts)?;
        }
        Err(cause) => {
            frame(stream, ERROR, cause.to_string().as_bytes())?;
            return Err(cause);
        }
    }
    let mut word = [0];
    stream.read_exact(&mut word)?;
    frame(stream, FILES, &[])
}

fn frame(mut stream: &StdUnixStream, kind: u8, bytes: &[u8]) -> io::Result<()> {
    let bytes = bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes);
    let mut head = [kind, 0, 0, 0, 0];
    if let Some(length) = head.last_chunk_mut() {
        *length = (bytes.len() as u32).to_be_bytes();
    }
    stream.write_all(&head)?;
    stream.write_all(bytes)
}

/// Writes data in frames.
struct Frames<'a>(&'a StdUnixStream);

impl Write for Frames<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let some = bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes);
        frame(self.0, DATA, some)?;
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The command line's end.
pub(super) struct Running {
    stream: BufReader<StdUnixStream>,
    /// Bytes of the frame that are still to come.
    left: usize,
    counts: Option<Counts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Places),
    Error(String),
}

impl Running {
    /// Asks the node that runs on `directory`; `None` if there is none.
    pub(super) fn ask(directory: &Path) -> anyhow::Result<Option<(Places, Self)>> {
        let Some(stream) = control::connect(directory)? else { return Ok(None) };
        stream.set_read_timeout(Some(TURN_WITHIN))?;
        let mut text = serde_json::to_string(&Request::Backup)?;
        text.push('\n');
        (&stream).write_all(text.as_bytes())?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        let mut head = (&mut stream).take(HEAD_BYTES_MAX);
        head.read_line(&mut line).context("the node does not answer")?;
        match serde_json::from_str(&line).context("the node's answer")? {
            Answer::Ok(places) => Ok(Some((places, Self { stream, left: 0, counts: None }))),
            Answer::Error(reason) => bail!("{reason}"),
        }
    }

    fn head(&mut self) -> io::Result<(u8, usize)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other("the node has ended"),
            _ => cause,
        })?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(io::Error::other("the node sends something else"));
        }
        Ok((kind, length))
    }

    fn body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    /// What the store held, once all of it is read.
    pub(super) fn counts(&self) -> anyhow::Result<Counts> {
        self.counts.context("the node has not sent all of its store")
    }

    /// Tells the node that files were copied; it confirms that none was cleared away meanwhile.
    pub(super) fn files_are_copied(mut self) -> anyhow::Result<()> {
        let told = self.stream.get_ref().write_all(&[COPIED]);
        let confirmed = told.and_then(|()| self.head());
        match confirmed {
            Ok((FILES, 0)) => Ok(()),
            _ => bail!(
                "the node was stopped while its files were copied, and may have cleared some away: \
                 take the backup again"
            ),
        }
    }
}

/// The bytes of the store.
impl Read for Running {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            if self.counts.is_some() {
                return Ok(0);
            }
            match self.head()? {
                (DATA, length) => self.left = length,
                (STORE, length) => {
                    let counts = self.body(length)?;
                    self.counts = Some(serde_json::from_slice(&counts)?);
                }
                (ERROR, length) => {
                    let reason = self.body(length)?;
                    return Err(io::Error::other(String::from_utf8_lossy(&reason).into_owned()));
                }
                _ => return Err(io::Error::other("the node sends something else")),
            }
        }
        let wanted = into.len().min(self.left);
        let got = self.stream.read(into.get_mut(..wanted).unwrap_or_default())?;
        if got == 0 && wanted > 0 {
            return Err(io::Error::other("the node has ended"));
        }
        self.left -= got;
        Ok(got)
    }
}
