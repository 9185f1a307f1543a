//! The way out to a client: its connection's task, and, where nothing is being sent, whoever has
//! something to say.
//!
//! Waking a task for each of a thousand sessions costs as much as what it then does. So bytes for an
//! idle socket are written by who has them; the task comes in where the socket is full, and for
//! streams that are not plain sockets.

use std::io;
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use parking_lot::Mutex;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

use super::incoming;
use super::sessions::SessionEntry;
use crate::frontend::Shared;
use crate::transport::{ANSWER_BYTES_MAX, Codec};

/// Bytes that one container may have, and that go out in one write.
pub(super) const CONTAINER_BYTES_MAX: usize = 256 << 10;
pub(super) const WRITE_BYTES_MAX: usize = 1 << 20;

/// A buffer that has grown beyond this is freed.
const BUFFER_BYTES_KEPT: usize = 64 << 10;

/// Where what is due to sessions goes.
#[derive(Default)]
pub(crate) struct Outlet {
    /// Wakes the connection (or the waiting HTTP requests).
    wake: Notify,
    /// `None` for HTTP requests, which fetch what is due themselves.
    way: Option<Arc<Mutex<Way>>>,
}

/// What turns packets into bytes of one connection, in the order in which they are sent.
pub(super) struct Way {
    pub(super) codec: Codec,
    /// Bytes that wait for the next write. Empty while nothing is being sent.
    pub(super) output: BytesMut,
    /// The task has taken bytes and writes them.
    pub(super) is_sending: bool,
    /// Something could not be framed: the task ends the connection.
    pub(super) is_broken: bool,
    /// A plain socket, into which anybody may write.
    socket: Option<OwnedWriteHalf>,
}

/// Buffers of who writes to many sessions in turn.
#[derive(Default)]
pub(super) struct Buffers {
    packet: Vec<u8>,
    output: BytesMut,
}

impl Outlet {
    /// The way out of a connection.
    pub(super) fn new(way: &Arc<Mutex<Way>>) -> Arc<Self> {
        Arc::new(Self { wake: Notify::new(), way: Some(way.clone()) })
    }

    /// Tells the connection that something is due.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Until it is told.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Sends what is due to a session now, if nothing else is being sent. False where the task has to.
    pub(super) fn send_now(
        self: &Arc<Self>,
        shared: &Shared,
        session: &SessionEntry,
        buffers: &mut Buffers,
    ) -> bool {
        // Who holds it is about to send.
        let Some(mut way) = self.way.as_ref().and_then(|way| way.try_lock()) else { return false };
        // The task ends the connection of a key that is over.
        let is_idle = !way.is_sending && way.output.is_empty() && way.socket.is_some();
        if !is_idle || session.key.is_dead(shared.now_ms()) {
            return false;
        }
        let Buffers { packet, output } = buffers;
        output.clear();
        let encoded = way.encode_due(shared, session, self, packet, output);
        way.is_broken = encoded.is_err();
        let is_all = matches!(encoded, Ok(false));
        while !output.is_empty() {
            match way.socket.as_ref().map(|socket| socket.try_write(output)) {
                Some(Ok(written)) if written > 0 => output.advance(written),
                Some(Err(cause)) if cause.kind() == io::ErrorKind::Interrupted => {}
                _ => {
                    way.output.extend_from_slice(output);
                    return false;
                }
            }
        }
        if output.capacity() > BUFFER_BYTES_KEPT {
            *output = BytesMut::new();
        }
        is_all
    }
}

impl Way {
    /// `socket` if the connection is a plain one.
    pub(super) fn new(codec: Codec, socket: Option<OwnedWriteHalf>) -> Arc<Mutex<Self>> {
        let output = BytesMut::new();
        Arc::new(Mutex::new(Self { codec, output, is_sending: false, is_broken: false, socket }))
    }

    /// Encrypts and frames what is due to a session that `here` shows, up to one write's worth; and
    /// whether there is more.
    ///
    /// # Errors
    /// What cannot be framed: the connection is of no more use.
    pub(super) fn encode_due(
        &mut self,
        shared: &Shared,
        session: &SessionEntry,
        here: &Arc<Outlet>,
        packet: &mut Vec<u8>,
        output: &mut BytesMut,
    ) -> io::Result<bool> {
        while output.len() < WRITE_BYTES_MAX {
            packet.clear();
            let sealed =
                incoming::seal_next(shared, session, Some(here), CONTAINER_BYTES_MAX, packet);
            let Some(is_more) = sealed else { return Ok(false) };
            if packet.len() > ANSWER_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.codec.encode(packet, output, &mut crate::rng()).map_err(io::Error::other)?;
            if !is_more {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
