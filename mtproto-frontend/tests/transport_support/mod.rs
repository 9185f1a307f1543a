//! What the transport tests share: every way to connect, and a server that is fed in pieces.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::convert::Infallible;

use bytes::{Buf, BytesMut};
use mtproto_frontend::transport::client::{ClientCodec, Disguise};
use mtproto_frontend::transport::{
    Codec, Detection, Detector, Frame, FrameError, Protocol, Secret, Secrets, Surface,
};
use rand::rngs::StdRng;
use rand::{SeedableRng, TryRng};

pub const PROTOCOLS: [Protocol; 4] =
    [Protocol::Abridged, Protocol::Intermediate, Protocol::PaddedIntermediate, Protocol::Full];

/// One way to connect: the listener's secrets, and which of them the client uses.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub protocol: Protocol,
    pub disguise: Option<Option<usize>>, // Some: obfuscated, with that secret or none
}

/// The listener of these tests has a plain and a `dd` secret.
pub fn secret_list() -> Vec<Secret> {
    vec![Secret::plain(*b"sixteen bytes..."), Secret::padded(*b"and another one.")]
}

pub fn secrets() -> Secrets {
    Secrets::new(secret_list()).unwrap()
}

/// Every transport: in clear, obfuscated, and under each secret that allows it.
pub fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for protocol in PROTOCOLS {
        ways.push(Way { protocol, disguise: None });
        if protocol != Protocol::Full {
            ways.push(Way { protocol, disguise: Some(None) });
            ways.push(Way { protocol, disguise: Some(Some(0)) });
        }
        if protocol == Protocol::PaddedIntermediate {
            ways.push(Way { protocol, disguise: Some(Some(1)) });
        }
    }
    ways
}

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A client that has opened its connection: the bytes to send first are in `out`.
pub fn connect(way: Way, dc: Option<i16>, out: &mut BytesMut, rng: &mut StdRng) -> ClientCodec {
    let list = secret_list();
    let disguise = match way.disguise {
        None => Disguise::None,
        Some(secret) => Disguise::Obfuscated { dc, secret: secret.map(|place| &list[place]) },
    };
    ClientCodec::connect(way.protocol, disguise, out, rng).unwrap()
}

/// A connected pair with nothing in between.
pub fn pair(way: Way, rng: &mut StdRng) -> (ClientCodec, Codec) {
    let mut opening = BytesMut::new();
    let mut client = connect(way, Some(2), &mut opening, rng);
    if way.protocol == Protocol::Full {
        // Nothing but the first packet opens it.
        let mut first = BytesMut::new();
        let mut throwaway = connect(way, None, &mut first, rng);
        throwaway.encode(&encrypted(1), false, &mut first, rng).unwrap();
        client = connect(way, None, &mut BytesMut::new(), rng);
        opening = first;
    }
    let detector = Detector::new(Surface::Socket);
    match detector.detect(&opening, &secrets()) {
        Detection::Framed { codec, .. } => (client, codec),
        other => panic!("{way:?} opens as {other:?}"),
    }
}

/// A packet that looks encrypted: 24 bytes that are not a zero key id, then `blocks` of 16.
pub fn encrypted(blocks: usize) -> Vec<u8> {
    (0..24 + 16 * blocks).map(|i| (i * 7 + 1) as u8).collect()
}

/// An unencrypted packet around `body` bytes.
pub fn unencrypted(body: usize) -> Vec<u8> {
    let mut packet = vec![0; 8];
    packet.extend_from_slice(&[5; 8]);
    packet.extend_from_slice(&(body as u32).to_le_bytes());
    packet.extend((0..body).map(|i| i as u8));
    packet
}

/// A server's end of one connection, fed in pieces.
pub struct Server {
    surface: Surface,
    secrets: Secrets,
    pub codec: Option<Codec>,
    pub input: BytesMut,
    pub rejected: bool,
    pub frame_bytes_max: Option<usize>,
}

impl Server {
    pub fn new(surface: Surface, secrets: Secrets) -> Self {
        let input = BytesMut::new();
        Self { surface, secrets, codec: None, input, rejected: false, frame_bytes_max: None }
    }

    /// Takes what has arrived; gives the packets that are whole by now.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
        self.input.extend_from_slice(bytes);
        if self.codec.is_none() && !self.rejected {
            match Detector::new(self.surface).detect(&self.input, &self.secrets) {
                Detection::NeedMore => {}
                Detection::Framed { mut codec, consumed } => {
                    self.input.advance(consumed);
                    if let Some(max) = self.frame_bytes_max {
                        codec.set_frame_bytes_max(max);
                    }
                    self.codec = Some(codec);
                }
                _ => self.rejected = true,
            }
        }
        let mut frames = Vec::new();
        if let Some(codec) = &mut self.codec {
            while let Some(frame) = codec.decode(&mut self.input)? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }
}

/// Randomness of zeros: no padding.
pub struct Zeros;

impl TryRng for Zeros {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill(0);
        Ok(())
    }
}
