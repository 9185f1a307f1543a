//! Transports over TCP: abridged and intermediate, each plain or obfuscated2.
//!
//! Source: <https://core.telegram.org/mtproto/mtproto-transports>

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use aes::cipher::{KeyIvInit, StreamCipher};
use keys::CryptoRng;

type Ctr = ctr::Ctr128BE<aes::Aes256>;

/// Bit 31 of an intermediate length and bit 7 of an abridged one: a quick ack is wanted.
const QUICK_ACK: u32 = 1 << 31;
/// A server's answer may be this long; what claims more is an error.
const FRAME_BYTES_MAX: usize = 16 << 20;

/// How frames are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// 0xef, then lengths in words of one or four bytes.
    Abridged,
    /// 0xeeeeeeee, then lengths in bytes, four each.
    Intermediate,
}

impl Framing {
    fn first_bytes(self) -> &'static [u8] {
        match self {
            Self::Abridged => &[0xef],
            Self::Intermediate => &[0xee; 4],
        }
    }
}

/// What came from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// One frame.
    Frame(Vec<u8>),
    /// A transport error: minus an HTTP status.
    Error(i32),
    /// A quick ack, the highest bit set.
    QuickAck(u32),
}

/// Why nothing came.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The server closed the connection.
    #[error("closed by the server")]
    Closed,
    /// Nothing came in time.
    #[error("nothing came in time")]
    Timeout,
    /// The server broke its framing.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// Anything else.
    #[error("socket")]
    Io(#[source] io::Error),
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::WouldBlock | Kind::TimedOut => Self::Timeout,
            Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// One connection.
pub struct Wire {
    stream: TcpStream,
    framing: Framing,
    /// Client to server, server to client.
    ciphers: Option<Box<(Ctr, Ctr)>>,
}

impl Wire {
    /// Connects and sends the transport's first bytes.
    ///
    /// `obfuscated` carries the DC number for the header, `None` goes plain.
    ///
    /// # Errors
    /// The socket's.
    pub fn connect<R: CryptoRng + ?Sized>(
        address: SocketAddr,
        framing: Framing,
        obfuscated: Option<i16>,
        rng: &mut R,
    ) -> Result<Self, WireError> {
        let mut wire = Self::open(address, framing)?;
        match obfuscated {
            Some(dc) => wire.obfuscate(dc, rng)?,
            None => wire.send_raw(framing.first_bytes())?,
        }
        Ok(wire)
    }

    /// Connects and sends nothing.
    ///
    /// # Errors
    /// The socket's.
    pub fn open(address: SocketAddr, framing: Framing) -> Result<Self, WireError> {
        Self::on(TcpStream::connect(address)?, framing)
    }

    fn on(stream: TcpStream, framing: Framing) -> Result<Self, WireError> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { stream, framing, ciphers: None })
    }

    /// Connects from another address of this machine, and sends the first bytes of a plain transport.
    ///
    /// # Errors
    /// The socket's.
    pub fn connect_from(
        source: IpAddr,
        address: SocketAddr,
        framing: Framing,
    ) -> Result<Self, WireError> {
        // std cannot bind before it connects.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(source, 0))?;
            socket.connect(address).await?.into_std()
        })?;
        stream.set_nonblocking(false)?;
        let mut wire = Self::on(stream, framing)?;
        wire.send_raw(wire.framing.first_bytes())?;
        Ok(wire)
    }

    fn obfuscate<R: CryptoRng + ?Sized>(&mut self, dc: i16, rng: &mut R) -> Result<(), WireError> {
        let mut init = [0_u8; 64];
        loop {
            rng.fill_bytes(&mut init);
            let first = u32::from_le_bytes([init[0], init[1], init[2], init[3]]);
            let second = u32::from_le_bytes([init[4], init[5], init[6], init[7]]);
            // What must not look like a plain transport, HTTP or TLS.
            let taken = [
                0x4441_4548,
                0x5453_4f50,
                0x2054_4547,
                0x4954_504f,
                0xeeee_eeee,
                0xdddd_dddd,
                0x0201_0316,
            ];
            if init[0] != 0xef && !taken.contains(&first) && second != 0 {
                break;
            }
        }
        let tag = match self.framing {
            Framing::Abridged => 0xef,
            Framing::Intermediate => 0xee,
        };
        init[56..60].fill(tag);
        init[60..62].copy_from_slice(&dc.to_le_bytes());
        let mut reversed = init;
        reversed.reverse();
        let cipher = |bytes: &[u8; 64]| {
            let (mut key, mut iv) = ([0; 32], [0; 16]);
            key.copy_from_slice(&bytes[8..40]);
            iv.copy_from_slice(&bytes[40..56]);
            Ctr::new(&key.into(), &iv.into())
        };
        let mut out = cipher(&init);
        let back = cipher(&reversed);
        let mut encrypted = init;
        out.apply_keystream(&mut encrypted);
        init[56..].copy_from_slice(&encrypted[56..]);
        self.stream.write_all(&init)?;
        self.ciphers = Some(Box::new((out, back)));
        Ok(())
    }

    /// How long [`Wire::receive`] waits; 10 s at first.
    ///
    /// # Errors
    /// The socket's.
    pub fn set_timeout(&self, timeout: Duration) -> Result<(), WireError> {
        Ok(self.stream.set_read_timeout(Some(timeout))?)
    }

    /// Sends one frame; its length is a multiple of 4.
    ///
    /// # Errors
    /// The socket's.
    pub fn send(&mut self, frame: &[u8], quick_ack: bool) -> Result<(), WireError> {
        let mut out = Vec::with_capacity(frame.len() + 4);
        match self.framing {
            Framing::Abridged => {
                let words = frame.len() / 4;
                let bit = if quick_ack { 0x80 } else { 0 };
                if words < 0x7f {
                    out.push(words as u8 | bit);
                } else {
                    out.push(0x7f | bit);
                    out.extend_from_slice(&(words as u32).to_le_bytes()[..3]);
                }
            }
            Framing::Intermediate => {
                let bit = if quick_ack { QUICK_ACK } else { 0 };
                out.extend_from_slice(&(frame.len() as u32 | bit).to_le_bytes());
            }
        }
        out.extend_from_slice(frame);
        self.send_raw(&out)
    }

    /// Sends bytes as they are (through the cipher, if there is one), without a length.
    ///
    /// # Errors
    /// The socket's.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let mut bytes = bytes.to_vec();
        if let Some(ciphers) = &mut self.ciphers {
            ciphers.0.apply_keystream(&mut bytes);
        }
        Ok(self.stream.write_all(&bytes)?)
    }

    /// Waits for one frame, transport error or quick ack.
    ///
    /// # Errors
    /// `Closed`, `Timeout` (nothing was read), or the socket's.
    pub fn receive(&mut self) -> Result<Incoming, WireError> {
        match self.framing {
            Framing::Intermediate => {
                let head = u32::from_le_bytes(self.take()?);
                if head & QUICK_ACK != 0 {
                    return Ok(Incoming::QuickAck(head));
                }
                self.body(head as usize)
            }
            Framing::Abridged => {
                let [first] = self.take()?;
                if first & 0x80 != 0 {
                    let [b, c, d] = self.take()?;
                    // Of the abridged transport alone, quick acks are big-endian.
                    return Ok(Incoming::QuickAck(u32::from_be_bytes([first, b, c, d])));
                }
                if first < 0x7f {
                    return self.body(usize::from(first) * 4);
                }
                let [a, b, c] = self.take()?;
                self.body(u32::from_le_bytes([a, b, c, 0]) as usize * 4)
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn body(&mut self, length: usize) -> Result<Incoming, WireError> {
        if length > FRAME_BYTES_MAX {
            return Err(WireError::Length(length));
        }
        let mut frame = vec![0; length];
        self.fill(&mut frame)?;
        Ok(match <[u8; 4]>::try_from(frame.as_slice()) {
            Ok(code) => Incoming::Error(i32::from_le_bytes(code)),
            Err(_) => Incoming::Frame(frame),
        })
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), WireError> {
        self.stream.read_exact(bytes)?;
        if let Some(ciphers) = &mut self.ciphers {
            ciphers.1.apply_keystream(bytes);
        }
        Ok(())
    }

    /// Ends the client's half: the server sees the end of the stream.
    ///
    /// # Errors
    /// The socket's.
    pub fn finish(&self) -> Result<(), WireError> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// A second handle of the same plain (not obfuscated) connection, to send and receive in two threads.
    ///
    /// # Errors
    /// The socket's.
    pub fn duplicate(&self) -> Result<Self, WireError> {
        Ok(Self { stream: self.stream.try_clone()?, framing: self.framing, ciphers: None })
    }
}
