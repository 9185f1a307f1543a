//! What a proxy says of a connection that it hands on: the PROXY protocol, versions 1 and 2, in front
//! of whatever is spoken after it.
//!
//! Source: <https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt>

use std::net::SocketAddr;

use proxy_header::{Error, ParseConfig, Protocol, ProxyHeader};

use super::detect::{Match, starts};

/// Longest header that is read: 16 bytes, addresses, and what the proxy says beside them (a client's
/// certificate has a name, a connection an id).
pub const PROXY_BYTES_MAX: usize = 2048;

/// How a header begins: version 1 is a line, version 2 is binary.
const VERSION_1: &[u8] = b"PROXY ";
const VERSION_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Longest line of version 1.
const LINE_BYTES_MAX: usize = 107;

/// Bytes of version 2 before its addresses; the last two count the rest.
const FIXED_BYTES: usize = 16;

/// What the first bytes of a connection from a proxy are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// Not decidable yet: at most [`PROXY_BYTES_MAX`] in all are ever needed.
    NeedMore,
    /// No header: the proxy speaks for itself.
    Not,
    /// A header of `consumed` bytes, which the caller drops.
    Header {
        /// Where the client connected from, and to; `None` where the proxy says that it is its own
        /// connection, for example to see whether the node is alive, or that it does not know.
        ends: Option<(SocketAddr, SocketAddr)>,
        /// Bytes of the header.
        consumed: usize,
    },
    /// It began as a header and is none: close, in silence.
    Reject,
}

/// Reads what stands before a connection. Keeps no state: call again with all bytes so far; more
/// bytes never change an answer other than `NeedMore`.
#[must_use]
pub fn handed(buf: &[u8]) -> Handed {
    match starts(buf, VERSION_1).max(starts(buf, VERSION_2)) {
        Match::No => return Handed::Not,
        Match::Partly => return Handed::NeedMore,
        Match::Yes => {}
    }
    let declared = buf
        .get(FIXED_BYTES - 2..FIXED_BYTES)
        .map_or(0, |length| length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
    let is_binary = buf.starts_with(VERSION_2);
    if is_binary && FIXED_BYTES + declared > PROXY_BYTES_MAX {
        return Handed::Reject;
    }
    let bytes_max = if is_binary { PROXY_BYTES_MAX } else { LINE_BYTES_MAX };
    let header = buf.get(..bytes_max).unwrap_or(buf);
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    match ProxyHeader::parse(header, config) {
        Ok((header, consumed)) => match header.proxied_address() {
            None => Handed::Header { ends: None, consumed },
            Some(told) if told.protocol == Protocol::Stream => {
                Handed::Header { ends: Some((told.source, told.destination)), consumed }
            }
            Some(_) => Handed::Reject,
        },
        // A version 2 that is all there, and too short for the addresses that it promises.
        Err(Error::BufferTooShort) if is_binary && buf.len() >= FIXED_BYTES + declared => {
            Handed::Reject
        }
        Err(Error::BufferTooShort) if buf.len() < bytes_max => Handed::NeedMore,
        Err(_) => Handed::Reject,
    }
}
