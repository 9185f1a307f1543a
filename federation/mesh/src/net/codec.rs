//! Frames on a stream: a length, and so many bytes. What they mean is read where it is known whose
//! fault it is if they mean nothing.

use std::io;

use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response::Codec;

use crate::frames::FRAME_BYTES_MAX;

/// How much is allocated before it has come.
const PIECE_BYTES: usize = 64 * 1024;

/// Both directions alike.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Frames;

/// Reads a frame; one that is too long comes out empty. libp2p would not tell of an error in a
/// request, and an empty frame is at fault wherever it is read.
async fn read<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Ok(Vec::new());
    }
    let mut frame = Vec::with_capacity(length.min(PIECE_BYTES));
    let read = io.take(length as u64).read_to_end(&mut frame).await?;
    if read < length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the frame is cut off"));
    }
    Ok(frame)
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
        read(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
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
    use futures_util::io::Cursor;

    use super::*;

    async fn reads(bytes: &[u8]) -> io::Result<Vec<u8>> {
        read(&mut Cursor::new(bytes)).await
    }

    #[tokio::test]
    async fn frames_come_back_and_wrong_lengths_do_not() {
        let mut to = Cursor::new(Vec::new());
        write(&mut to, b"rook").await.unwrap();
        assert_eq!(to.get_ref(), b"\0\0\0\x04rook");
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
}
