//! Which protocol a connection speaks, from its first bytes.

use super::codec::Codec;
use super::framing::Protocol;
use super::obfuscation::{self, HEADER_BYTES};
use super::secret::Secrets;

/// Where the bytes come from, and so what may be spoken there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// An accepted socket: everything.
    Socket,
    /// The inside of a TLS connection: everything but TLS again.
    Tls,
    /// The binary messages of a WebSocket, joined: obfuscated transports only.
    ///
    /// Source: <https://core.telegram.org/mtproto/transports#websocket>
    WebSocket,
}

/// What the first bytes are.
#[derive(Debug)]
pub enum Detection {
    /// Not decidable yet: at most [`HEADER_BYTES`] in all are ever needed. Slow senders are the
    /// caller's to time out.
    NeedMore,
    /// A TLS ClientHello, nothing consumed.
    Tls,
    /// An HTTP request, also the upgrade to a WebSocket; nothing consumed.
    Http,
    /// MTProto. The caller drops the first `consumed` bytes and gives the rest to `codec`.
    Framed {
        /// Reads and writes this connection from here on.
        codec: Codec,
        /// Bytes of tag or header: 0, 1, 4 or 64.
        consumed: usize,
    },
    /// Nothing spoken here: close, in silence.
    Reject,
}

/// Decides what a connection speaks. Keeps no state: call again with all bytes so far.
#[derive(Debug, Clone, Copy)]
pub struct Detector {
    surface: Surface,
}

/// How a connection begins that is not obfuscated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// Too short to say.
    Undecided,
    Tls,
    Http,
    Plain {
        protocol: Protocol,
        consumed: usize,
    },
    /// None of these: an obfuscated2 header, if anything.
    Other,
}

impl Detector {
    /// A detector for connections that arrive on `surface`.
    pub const fn new(surface: Surface) -> Self {
        Self { surface }
    }

    /// Decides from `buf`, all that has arrived so far.
    ///
    /// More bytes never change an answer other than `NeedMore`. Obfuscated headers are tried
    /// without a secret and with each of `secrets`: at most 17 trials of under a microsecond.
    pub fn detect(&self, buf: &[u8], secrets: &Secrets) -> Detection {
        match (opening(buf), self.surface) {
            (Opening::Undecided, _) => Detection::NeedMore,
            (Opening::Other, _) => match buf.first_chunk() {
                Some(header) => obfuscated(header, secrets),
                None => Detection::NeedMore,
            },
            (_, Surface::WebSocket) | (Opening::Tls, Surface::Tls) => Detection::Reject,
            (Opening::Tls, Surface::Socket) => Detection::Tls,
            (Opening::Http, _) => Detection::Http,
            (Opening::Plain { protocol, consumed }, _) => {
                Detection::Framed { codec: Codec::plain(protocol), consumed }
            }
        }
    }
}

fn obfuscated(header: &[u8; HEADER_BYTES], secrets: &Secrets) -> Detection {
    let with_secrets = (0..).zip(secrets.iter()).map(|(place, secret)| (Some(place), Some(secret)));
    for (place, secret) in std::iter::once((None, None)).chain(with_secrets) {
        if let Some(opened) = obfuscation::open(header, secret) {
            let codec = Codec::obfuscated(opened, place);
            return Detection::Framed { codec, consumed: HEADER_BYTES };
        }
    }
    Detection::Reject
}

/// How an HTTP request begins. Four bytes where the specification of obfuscation reserves them;
/// otherwise more, since a random header may well begin with `PUT `.
const HTTP: [&[u8]; 10] = [
    b"GET ",
    b"POST",
    b"HEAD",
    b"OPTI",
    b"PUT /",
    b"PATCH ",
    b"DELETE ",
    b"CONNECT ",
    b"TRACE ",
    b"PRI * HTTP/2", // HTTP/2 without an upgrade
];

/// Sorts out everything that is not obfuscated.
///
/// An obfuscated header is random but for what it must not look like: first byte 0xef, first
/// four bytes `GET `, `POST`, `HEAD`, `OPTI`, 0xeeeeeeee, 0xdddddddd or 16 03 01 02, bytes 4..8
/// zero. So these tests and no wider ones decide; TLS, where the reserved form would miss most
/// real ClientHellos, is known by seven bytes, which a random header has once in 2^39.
pub(super) fn opening(buf: &[u8]) -> Opening {
    let tag = |tag: [u8; 4]| starts(buf, &tag);
    let http = HTTP.iter().map(|verb| starts(buf, verb)).max().unwrap_or(Match::No);
    let plain = |protocol, consumed| Opening::Plain { protocol, consumed };
    let tests = [
        (starts(buf, &[0xef]), plain(Protocol::Abridged, 1)),
        (tag([0xee; 4]), plain(Protocol::Intermediate, 4)),
        (tag([0xdd; 4]), plain(Protocol::PaddedIntermediate, 4)),
        (client_hello(buf), Opening::Tls),
        (http, Opening::Http),
        // Full: a length, then sequence number 0, which no obfuscated header has there.
        (first_packet_of_full(buf), plain(Protocol::Full, 0)),
    ];
    // The first that agrees wholly: a short abridged packet may have zeros where the full
    // transport has its sequence number, but its first byte has already told.
    if let Some((_, opening)) = tests.iter().find(|(matched, _)| *matched == Match::Yes) {
        *opening
    } else if tests.iter().any(|(matched, _)| *matched == Match::Partly) {
        Opening::Undecided
    } else {
        Opening::Other
    }
}

/// How far a buffer agrees with a pattern; in the order of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    No,
    Partly,
    Yes,
}

pub(super) fn starts(buf: &[u8], pattern: &[u8]) -> Match {
    if buf.starts_with(pattern) {
        Match::Yes
    } else if pattern.starts_with(buf) {
        Match::Partly
    } else {
        Match::No
    }
}

/// TLS record (16 03 00..04, length at most 2^14) that begins with a ClientHello below 64 KiB.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8446#section-5.1>
fn client_hello(buf: &[u8]) -> Match {
    const PATTERN: [std::ops::RangeInclusive<u8>; 7] =
        [0x16..=0x16, 3..=3, 0..=4, 0..=0x40, 0..=0xff, 1..=1, 0..=0];
    if !buf.iter().zip(&PATTERN).all(|(byte, range)| range.contains(byte)) {
        Match::No
    } else if buf.len() < PATTERN.len() {
        Match::Partly
    } else {
        Match::Yes
    }
}

fn first_packet_of_full(buf: &[u8]) -> Match {
    let seq = buf.get(4..).unwrap_or_default();
    starts(seq, &[0; 4])
}
