//! Frames on a stream: a length, and so many bytes. What they mean is read where it is known whose
//! fault it is if they mean nothing.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::request_response::Codec;
use libp2p::{PeerId, StreamProtocol};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::whose::Whose;
use crate::frames::{FRAME_BYTES_MAX, HELLO_BYTES_MAX};

/// How much is allocated before it has come.
const PIECE_BYTES: usize = 64 * 1024;
/// Requests of one connection that are read at once until its peer has shown who it is: it has nothing
/// to say before but that.
const EARLY_REQUESTS_MAX: usize = 4;

/// Which peers have shown who they are: what the driver knows and connections read by.
///
/// Anybody may connect, hundreds at once; with full frames on all streams they would fill the memory
/// before one of them has said its name.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeted(Arc<Mutex<HashSet<PeerId>>>);

impl Greeted {
    /// A peer has shown who it is, or is gone.
    pub(super) fn set(&self, peer: PeerId, is_greeted: bool) {
        let mut peers = self.0.lock();
        if is_greeted {
            peers.insert(peer);
        } else {
            peers.remove(&peer);
        }
    }

    fn has(&self, peer: &PeerId) -> bool {
        self.0.lock().contains(peer)
    }
}

/// Both directions alike.
#[derive(Debug)]
pub(super) struct Frames {
    greeted: Greeted,
    whose: Whose,
    connection: Option<Connection>,
}

/// Whose frames are read, by all streams of one connection.
#[derive(Debug, Clone)]
struct Connection {
    peer: PeerId,
    early: Arc<Semaphore>,
}

impl Frames {
    /// For no connection: each clone is for the one that is being opened.
    pub(super) fn new(greeted: Greeted, whose: Whose) -> Self {
        Self { greeted, whose, connection: None }
    }

    /// Whether whoever is at the other end has shown who it is.
    fn is_greeted(&self) -> bool {
        self.connection.as_ref().is_some_and(|of| self.greeted.has(&of.peer))
    }

    /// Reads a frame; one that is too long comes out empty. libp2p would not tell of an error in a
    /// request, and an empty frame is at fault wherever it is read.
    async fn read<T: AsyncRead + Unpin + Send>(&self, io: &mut T) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        io.read_exact(&mut length).await?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Ok(Vec::new());
        }
        // No fault: a peer may take this for the connection that was before.
        if length > HELLO_BYTES_MAX && !self.is_greeted() {
            return Err(io::Error::other("too long before it is known whose it is"));
        }
        let mut frame = Vec::with_capacity(length.min(PIECE_BYTES));
        let read = io.take(length as u64).read_to_end(&mut frame).await?;
        if read < length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the frame is cut off"));
        }
        Ok(frame)
    }
}

/// libp2p clones the first one for each connection, and that for each of its streams.
impl Clone for Frames {
    fn clone(&self) -> Self {
        let connection = self.connection.clone().or_else(|| {
            let peer = self.whose.peer()?;
            Some(Connection { peer, early: Arc::new(Semaphore::new(EARLY_REQUESTS_MAX)) })
        });
        Self { greeted: self.greeted.clone(), whose: self.whose.clone(), connection }
    }
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).ok().filter(|_| frame.len() <= FRAME_BYTES_MAX);
    let length = length.ok_or(io::ErrorKind::InvalidInput)?;
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(frame).await?;
    io.close().await
}

impl Codec for Frames {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let early = self.connection.as_ref().filter(|_| !self.is_greeted());
        let _turn = match early.map(|connection| connection.early.try_acquire()) {
            Some(Err(_)) => return Err(io::Error::other("too many before it is known whose")),
            turn => turn,
        };
        self.read(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        self.read(io).await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &response).await
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::io::Cursor;
    use futures_util::{StreamExt, TryStreamExt, poll, stream};

    use super::*;

    const PROTOCOL: StreamProtocol = StreamProtocol::new("/test");

    fn of_peer() -> (Greeted, PeerId, Frames) {
        let (greeted, peer) = (Greeted::default(), PeerId::random());
        let whose = Whose::default();
        let first = Frames::new(greeted.clone(), whose.clone());
        whose.set(Some(peer));
        let frames = first.clone();
        whose.set(None);
        (greeted, peer, frames)
    }

    #[tokio::test]
    async fn frames_come_back_and_wrong_lengths_do_not() {
        let mut to = Cursor::new(Vec::new());
        write(&mut to, b"rook").await.unwrap();
        assert_eq!(to.get_ref(), b"\0\0\0\x04rook");
        let (.., frames) = of_peer();
        let reads = async |bytes: &[u8]| frames.read(&mut Cursor::new(bytes)).await;
        assert_eq!(reads(b"\0\0\0\x04rook").await.unwrap(), b"rook");
        assert_eq!(reads(b"\0\0\0\0").await.unwrap(), b"");
        let kind = |result: io::Result<Vec<u8>>| result.unwrap_err().kind();
        assert_eq!(kind(reads(b"\0\0\0\x05rook").await), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(reads(b"\0\0").await), io::ErrorKind::UnexpectedEof);
        assert_eq!(reads(b"\0\x20\0\x01rook").await.unwrap(), b"");
        assert_eq!(reads(&[0xff; 4]).await.unwrap(), b"");
        let long = vec![0; FRAME_BYTES_MAX + 1];
        assert!(write(&mut Cursor::new(Vec::new()), &long).await.is_err());
    }

    #[tokio::test]
    async fn frames_are_short_until_it_is_known_whose_they_are() {
        let (greeted, peer, mut frames) = of_peer();
        let framed =
            |length: usize| [&(length as u32).to_be_bytes()[..], &vec![7; length]].concat();
        let mut reads = async |length| {
            let read =
                frames.clone().read_request(&PROTOCOL, &mut Cursor::new(framed(length))).await;
            let response = frames.read_response(&PROTOCOL, &mut Cursor::new(framed(length))).await;
            assert_eq!(read.is_ok(), response.is_ok());
            read.is_ok_and(|frame| frame.len() == length)
        };
        assert!(reads(HELLO_BYTES_MAX).await && !reads(HELLO_BYTES_MAX + 1).await);
        greeted.set(PeerId::random(), true);
        assert!(!reads(FRAME_BYTES_MAX).await);
        greeted.set(peer, true);
        assert!(reads(FRAME_BYTES_MAX).await);
        greeted.set(peer, false);
        assert!(!reads(FRAME_BYTES_MAX).await);
    }

    /// How: requests of which nothing comes but a length, each on a stream of its own.
    #[tokio::test]
    async fn few_requests_are_read_until_it_is_known_whose_they_are() {
        let (greeted, peer, frames) = of_peer();
        let mut reads: Vec<_> = (0..EARLY_REQUESTS_MAX + 2)
            .map(|_| {
                let mut frames = frames.clone();
                let came = stream::iter([Ok(vec![0, 0, 0, 9])]).chain(stream::pending());
                Box::pin(async move {
                    frames.read_request(&PROTOCOL, &mut came.into_async_read()).await
                })
            })
            .collect();
        for (i, read) in reads.iter_mut().enumerate().take(EARLY_REQUESTS_MAX + 1) {
            let is_refused = matches!(poll!(read), Poll::Ready(Err(_)));
            assert_eq!(is_refused, i >= EARLY_REQUESTS_MAX, "{i}");
        }
        greeted.set(peer, true);
        assert!(poll!(reads.last_mut().unwrap()).is_pending());
    }
}
