//! `p_q_inner_data` in its four forms: what the client sends under RSA.

use keys::{InnerData, Padding};
use tl::mtproto::enums;
use tl::{Read, Reader};
use zeroize::Zeroizing;

use super::EXPIRES_IN_S_MAX;

/// The fields of all four forms; those that a form lacks are `None`.
pub(super) struct Inner {
    pub(super) pq: Vec<u8>,
    pub(super) p: Vec<u8>,
    pub(super) q: Vec<u8>,
    pub(super) nonce: [u8; 16],
    pub(super) server_nonce: [u8; 16],
    pub(super) new_nonce: Zeroizing<[u8; 32]>,
    pub(super) dc: Option<i32>,
    pub(super) expires_in: Option<i32>,
}

impl Inner {
    /// Reads one of the four forms and checks what can be checked without the run.
    pub(super) fn read(inner: &InnerData) -> Option<Self> {
        let mut reader = Reader::new(&inner.data, 0);
        let value = enums::PQInnerData::read(&mut reader).ok()?;
        // RSA_PAD leaves random bytes behind the value; the hash of the old padding covers it exactly.
        if inner.padding == Padding::Sha1 && !reader.remaining().is_empty() {
            return None;
        }
        let fields = match value {
            enums::PQInnerData::PQInnerData(d) => Self {
                pq: d.pq,
                p: d.p,
                q: d.q,
                nonce: d.nonce,
                server_nonce: d.server_nonce,
                new_nonce: Zeroizing::new(d.new_nonce),
                dc: None,
                expires_in: None,
            },
            enums::PQInnerData::PQInnerDataDc(d) => Self {
                pq: d.pq,
                p: d.p,
                q: d.q,
                nonce: d.nonce,
                server_nonce: d.server_nonce,
                new_nonce: Zeroizing::new(d.new_nonce),
                dc: Some(d.dc),
                expires_in: None,
            },
            enums::PQInnerData::PQInnerDataTemp(d) => Self {
                pq: d.pq,
                p: d.p,
                q: d.q,
                nonce: d.nonce,
                server_nonce: d.server_nonce,
                new_nonce: Zeroizing::new(d.new_nonce),
                dc: None,
                expires_in: Some(d.expires_in),
            },
            enums::PQInnerData::PQInnerDataTempDc(d) => Self {
                pq: d.pq,
                p: d.p,
                q: d.q,
                nonce: d.nonce,
                server_nonce: d.server_nonce,
                new_nonce: Zeroizing::new(d.new_nonce),
                dc: Some(d.dc),
                expires_in: Some(d.expires_in),
            },
        };
        (fields.dc.is_none_or(plausible_dc) && fields.expires_in.is_none_or(plausible_expiry))
            .then_some(fields)
    }
}

/// 1 to 5, 10000 more for the test servers, negative for media.
fn plausible_dc(dc: i32) -> bool {
    matches!(dc.unsigned_abs(), 1..=5 | 10_001..=10_005)
}

fn plausible_expiry(seconds: i32) -> bool {
    (1..=EXPIRES_IN_S_MAX).contains(&seconds)
}

/// A big-endian number of at most 8 bytes, as TL strings carry pq, p and q.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
