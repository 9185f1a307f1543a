//! Framing: bytes of a connection in, MTProto packets out, and back. No I/O, no clock.
//!
//! [`Detector`] reads the first bytes of a connection and says what speaks there; for MTProto
//! it gives a [`Codec`], which cuts the stream into packets and frames the answers. [`client`]
//! is the other end of the wire.
//!
//! ```text
//! socket ─► Detector ─┬─ Tls  ─► (rustls) ─► Detector(Tls) ─► …
//!                     ├─ Http ─► (hyper) ─┬─ /apiws: Detector(WebSocket) ─► Codec
//!                     │                   └─ /apiw1: one body is one packet, nothing to frame
//!                     └─ Framed ─► Codec
//! ```
//!
//! Sources: <https://core.telegram.org/mtproto/mtproto-transports>,
//! <https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation>

pub mod client;
mod codec;
mod ctr_stream;
mod detect;
mod framing;
mod obfuscation;
mod proxy;
mod secret;

pub use codec::{Codec, EncodeError, Frame, FrameError};
pub use detect::{Detection, Detector, Surface};
pub use framing::Protocol;
pub use obfuscation::HEADER_BYTES;
pub use proxy::{Handed, PROXY_BYTES_MAX, handed};
pub use secret::{SECRETS_MAX, Secret, SecretError, Secrets};

/// Longest packet taken from a client, in bytes of MTProto payload: 1 MiB + 64 KiB.
///
/// The largest thing a client sends is `upload.saveFilePart` with 512 KiB; a container may hold
/// one beside many small requests. Twice a part and some room, so that no honest client meets
/// it, and a connection can never hold more than this of unread input.
pub const FRAME_BYTES_MAX: usize = (1 << 20) + (64 << 10);

/// Default bound for a connection on which no authorized key has been seen: 64 KiB.
///
/// The longest honest packet before login is a container of some thirty requests, each wrapped
/// in `initConnection`. A stranger can thus make the node keep 64 KiB, not 1 MiB.
pub const FRAME_BYTES_MAX_BEFORE_LOGIN: usize = 64 << 10;

/// Longest packet given to a client: what the three length bytes of the abridged transport can
/// say, in words of 4 bytes.
pub const ANSWER_BYTES_MAX: usize = 0x00ff_ffff * 4;

/// Transport error: the auth key is unknown here; the client makes a new one.
pub const ERROR_UNKNOWN_KEY: i32 = -404;
/// Transport error: too many connections or packets in a short time.
pub const ERROR_FLOOD: i32 = -429;
/// Transport error: the DC that the client addressed is not served here.
pub const ERROR_INVALID_DC: i32 = -444;
