//! One MTProto connection: packets in, packets out, and the time between them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, sleep_until, timeout};

use super::incoming::{self, Arrival, Ending, Origin};
use super::key_exchange::KeyExchange;
use super::large_frames::{ARRIVES_WITHIN, LargeFrame};
use super::outlet::{Outlet, Way};
use super::refusals::Refusal;
use super::sessions::SessionEntry;
use super::stream::{SCRATCH_BYTES, Stream, read_some};
use crate::frontend::Shared;
use crate::rpc::Addresses;
use crate::transport::{
    Codec, ERROR_UNKNOWN_KEY, FRAME_BYTES_MAX, FRAME_BYTES_MAX_BEFORE_LOGIN, Frame, FrameError,
};

/// How long one write may take. Protects memory: a client that never reads is cut off.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Sessions that one connection may show. TDLib uses one; a proxy might use several.
const SESSIONS_MAX: usize = 32;

/// A connection without any accepted packet ends after this long: a key exchange takes three
/// round trips and some patience.
const FIRST_PACKET_TIMEOUT: Duration = Duration::from_secs(60);

/// Numbers connections, so that a session knows when another one shows it.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// A number that no connection had before.
pub(super) fn next_generation() -> u64 {
    GENERATIONS.fetch_add(1, Ordering::Relaxed)
}

struct Connection {
    shared: Arc<Shared>,
    /// Where sessions that are shown here send to.
    outlet: Arc<Outlet>,
    way: Arc<Mutex<Way>>,
    addresses: Addresses,
    generation: u64,
    exchange: Option<Box<KeyExchange>>,
    sessions: Vec<Arc<SessionEntry>>,
    /// Set by `ping_delay_disconnect`.
    disconnect_at: Option<Instant>,
    /// When silence has lasted too long.
    idle_at: Instant,
    /// Leave for the packet that arrives, if it is longer than a stranger's may be.
    large: Option<(LargeFrame, Instant)>,
}

/// Serves packets until the client goes, breaks a rule, or is silent for too long.
pub(super) async fn serve(
    shared: Arc<Shared>,
    mut stream: impl Stream,
    mut input: BytesMut,
    codec: Codec,
    addresses: Addresses,
    socket: Option<OwnedWriteHalf>,
) {
    let way = Way::new(codec, socket);
    let mut connection = Connection {
        shared,
        outlet: Outlet::new(&way),
        way,
        addresses,
        generation: next_generation(),
        exchange: None,
        sessions: Vec::new(),
        disconnect_at: None,
        idle_at: Instant::now() + FIRST_PACKET_TIMEOUT,
        large: None,
    };
    let ended = connection.run(&mut stream, &mut input).await;
    if connection.exchange.as_ref().is_some_and(|exchange| exchange.waits_for_its_key()) {
        connection.shared.refused(addresses.remote, Refusal::LeftAtKey);
    }
    if let Ok(Ending::Error(code)) = ended {
        let mut output = BytesMut::new();
        {
            // Nobody writes in between.
            let mut way = connection.way.lock();
            way.is_sending = true;
            way.codec.encode_error(code, &mut output);
        }
        let _ = timeout(WRITE_TIMEOUT, stream.write_all(&output)).await;
    }
    let _ = timeout(WRITE_TIMEOUT, stream.shutdown()).await;
}

impl Connection {
    async fn run(&mut self, stream: &mut impl Stream, input: &mut BytesMut) -> io::Result<Ending> {
        let shared = self.shared.clone();
        loop {
            // Whose packet it is that waits for leave to arrive.
            let mut waits = None;
            loop {
                let decoded = self.way.lock().codec.decode(input);
                match decoded {
                    Ok(Some(frame)) => {
                        // The next may be a short one again.
                        self.large = None;
                        self.set_frame_bytes_max(FRAME_BYTES_MAX_BEFORE_LOGIN);
                        if let Err(ending) = self.packet(frame, stream).await {
                            return Ok(ending);
                        }
                    }
                    Ok(None) => break,
                    // Parts of files are longer than what a stranger may send.
                    Err(FrameError::OverLimit { auth_key_id, .. })
                        if incoming::is_of_member(&self.shared, auth_key_id).await =>
                    {
                        waits = Some(auth_key_id);
                        break;
                    }
                    Err(cause) => {
                        tracing::debug!(%cause, "a frame broke the rules");
                        return Ok(Ending::Silent);
                    }
                }
            }
            if input.is_empty() {
                // An idle connection keeps no buffer.
                *input = BytesMut::new();
            }
            self.send(stream).await?;
            if self.sessions.iter().any(|s| s.key.is_dead(self.shared.now_ms())) {
                return Ok(Ending::Error(ERROR_UNKNOWN_KEY));
            }
            if self.sessions.iter().any(|s| s.is_ended()) {
                return Ok(Ending::Silent);
            }
            // What is left of a long packet goes where it stays.
            let missing = self.way.lock().codec.missing(input);
            if missing > SCRATCH_BYTES {
                input.reserve(missing);
            }
            let deadline = self.deadline();
            tokio::select! {
                read = read_some(stream, input), if waits.is_none() && !self.is_congested() => {
                    if read? == 0 {
                        return Ok(Ending::Silent);
                    }
                }
                // Boxed, like all that is rare: an idle connection should not keep room for it.
                leave = async { Box::pin(shared.large_frames.take(waits.unwrap_or(0))).await },
                    if waits.is_some() =>
                {
                    self.large = Some((leave, Instant::now() + ARRIVES_WITHIN));
                    self.set_frame_bytes_max(FRAME_BYTES_MAX);
                }
                () = self.outlet.woken() => {}
                () = sleep_until(deadline) => {
                    let now = Instant::now();
                    let late = |at: Option<Instant>| at.is_some_and(|at| at <= now);
                    let arrives_by = self.large.as_ref().map(|(_, at)| *at);
                    if late(self.disconnect_at) || late(arrives_by) || self.idle_at <= now {
                        return Ok(Ending::Silent);
                    }
                }
            }
        }
    }

    /// One packet from the client.
    async fn packet(&mut self, frame: Frame, stream: &mut impl Stream) -> Result<(), Ending> {
        let id = frame.payload.first_chunk::<8>().ok_or(Ending::Silent)?;
        match i64::from_le_bytes(*id) {
            0 => self.exchange(&frame.payload).await,
            auth_key_id => self.encrypted(auth_key_id, frame, stream).await,
        }
    }

    /// One message of a key exchange.
    async fn exchange(&mut self, payload: &[u8]) -> Result<(), Ending> {
        let shared = &self.shared;
        let exchange = self.exchange.get_or_insert_with(|| Box::new(KeyExchange::new(shared)));
        // Boxed, like all that is rare: an idle connection should not keep room for it.
        let answer = Box::pin(exchange.message(&self.shared, self.addresses, payload)).await?;
        let Way { codec, output, .. } = &mut *self.way.lock();
        codec.encode(&answer, output, &mut crate::rng()).map_err(|_| Ending::Silent)
    }

    async fn encrypted(
        &mut self,
        auth_key_id: i64,
        frame: Frame,
        stream: &mut impl Stream,
    ) -> Result<(), Ending> {
        let arrival = Arrival::now();
        let Frame { payload, quick_ack } = frame;
        let opened = incoming::open(&self.shared, auth_key_id, payload);
        let incoming = opened.inspect_err(|ending| {
            if *ending == Ending::Error(ERROR_UNKNOWN_KEY) {
                self.shared.refused(self.addresses.remote, Refusal::UnknownAuthKey);
            }
        })?;
        // The key exchange, if there was one on this connection, is over.
        self.exchange = None;
        if quick_ack {
            let Way { codec, output, .. } = &mut *self.way.lock();
            codec.encode_quick_ack(incoming.message.quick_ack, output);
        }
        self.idle_at = Instant::now() + self.shared.bounds.idle_timeout;
        let now_ms = self.shared.now_ms();
        let session = incoming.session(&self.shared, now_ms)?;
        // A replayed packet must not draw the answers to the connection that replays it.
        if incoming.is_fresh(&session) || !session.is_shown() {
            session.attach(self.generation, &self.outlet, incoming.message.msg_id, now_ms);
        }
        if !self.sessions.iter().any(|shown| Arc::ptr_eq(shown, &session)) {
            if self.sessions.len() >= SESSIONS_MAX {
                return Err(Ending::Silent);
            }
            self.sessions.reserve_exact(1);
            self.sessions.push(session.clone());
        }
        let origin = Origin {
            addresses: self.addresses,
            session_id: session.session_id,
            transport_dc: self.way.lock().codec.dc(),
            arrival,
        };
        let asked = incoming.deliver(&self.shared, &session, origin);
        if !session.is_shown_by(&self.outlet) {
            // The client has gone over to another connection, whose task knows nothing of this packet.
            session.wake();
        }
        if let Some(delay_s) = asked.disconnect_in_s {
            self.disconnect_at = Some(Instant::now() + Duration::from_secs(delay_s.into()));
        }
        if let Some(msg_id) = asked.destroy_key {
            Box::pin(incoming::destroy_key(&self.shared, &session, msg_id)).await;
            // The answer is the last thing under this key.
            let _ = self.send(stream).await;
            return Err(Ending::Silent);
        }
        Ok(())
    }

    fn set_frame_bytes_max(&self, bytes: usize) {
        self.way.lock().codec.set_frame_bytes_max(bytes);
    }

    /// Sends all that is due.
    async fn send(&mut self, stream: &mut impl Stream) -> io::Result<()> {
        loop {
            let Some(output) = self.collect()? else { return Ok(()) };
            timeout(WRITE_TIMEOUT, stream.write_all(&output)).await??;
            timeout(WRITE_TIMEOUT, stream.flush()).await??;
        }
    }

    /// Encrypts and frames what is due, up to one write's worth, which then is this task's to send;
    /// `None` if nothing is.
    fn collect(&mut self) -> io::Result<Option<BytesMut>> {
        // A session that another connection shows now is no longer this one's.
        self.sessions.retain(|session| session.is_shown_by(&self.outlet));
        let (mut packet, mut way) = (Vec::new(), self.way.lock());
        if way.is_broken {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut output = std::mem::take(&mut way.output);
        for session in &self.sessions {
            way.encode_due(&self.shared, session, &self.outlet, &mut packet, &mut output)?;
        }
        way.is_sending = !output.is_empty();
        Ok(way.is_sending.then_some(output))
    }

    /// Whether the client should first read what it has asked for.
    fn is_congested(&self) -> bool {
        self.sessions.iter().any(|session| session.lock().session.is_congested())
    }

    /// When something happens by itself.
    fn deadline(&self) -> Instant {
        let now_ms = self.shared.now_ms();
        let due = self.sessions.iter().filter_map(|s| s.lock().session.next_deadline()).min();
        let due = due.map(|at| Instant::now() + Duration::from_millis(at.saturating_sub(now_ms)));
        let arrives_by = self.large.as_ref().map(|(_, at)| *at);
        [due, self.disconnect_at, arrives_by].into_iter().flatten().fold(self.idle_at, Instant::min)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for session in &self.sessions {
            session.detach(self.generation, &self.outlet);
        }
    }
}
