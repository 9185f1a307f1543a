//! The service messages of a session as bytes: ids, a bounded reader, and one function per answer.
//!
//! Written by hand because a session touches the fixed head of each message only and must not
//! copy the rest; the ids are those of the published service schema.
//! Source: <https://core.telegram.org/mtproto/service_messages>

use bytes::Bytes;

/// Constructor ids.
pub(super) mod id {
    pub(crate) const BAD_MSG_NOTIFICATION: u32 = 0xa7ef_f811;
    pub(crate) const BAD_SERVER_SALT: u32 = 0xedab_447b;
    pub(crate) const DESTROY_AUTH_KEY: u32 = 0xd143_5160;
    pub(crate) const DESTROY_AUTH_KEY_FAIL: u32 = 0xea10_9b13;
    pub(crate) const DESTROY_AUTH_KEY_NONE: u32 = 0x0a9f_2259;
    pub(crate) const DESTROY_AUTH_KEY_OK: u32 = 0xf660_e1d4;
    pub(crate) const DESTROY_SESSION: u32 = 0xe751_2126;
    pub(crate) const DESTROY_SESSION_NONE: u32 = 0x62d3_50c9;
    pub(crate) const DESTROY_SESSION_OK: u32 = 0xe220_45fc;
    pub(crate) const FUTURE_SALTS: u32 = 0xae50_0895;
    pub(crate) const GET_FUTURE_SALTS: u32 = 0xb921_bd04;
    pub(crate) const GZIP_PACKED: u32 = 0x3072_cfa1;
    pub(crate) const HTTP_WAIT: u32 = 0x9299_359f;
    pub(crate) const MESSAGE: u32 = 0x5bb8_e511;
    pub(crate) const MSGS_ACK: u32 = 0x62d6_b459;
    pub(crate) const MSGS_ALL_INFO: u32 = 0x8cc0_d131;
    pub(crate) const MSGS_STATE_INFO: u32 = 0x04de_b57d;
    pub(crate) const MSGS_STATE_REQ: u32 = 0xda69_fb52;
    pub(crate) const MSG_CONTAINER: u32 = 0x73f1_f8dc;
    pub(crate) const MSG_COPY: u32 = 0xe060_46b2;
    pub(crate) const MSG_DETAILED_INFO: u32 = 0x276d_3ec6;
    pub(crate) const MSG_NEW_DETAILED_INFO: u32 = 0x809d_b6df;
    pub(crate) const MSG_RESEND_ANS_REQ: u32 = 0x8610_baeb;
    pub(crate) const MSG_RESEND_REQ: u32 = 0x7d86_1a08;
    pub(crate) const NEW_SESSION_CREATED: u32 = 0x9ec2_0908;
    pub(crate) const PING: u32 = 0x7abe_77ec;
    pub(crate) const PING_DELAY_DISCONNECT: u32 = 0xf342_7b8c;
    pub(crate) const PONG: u32 = 0x3477_73c5;
    pub(crate) const RPC_ANSWER_DROPPED: u32 = 0xa43a_d8b7;
    pub(crate) const RPC_ANSWER_DROPPED_RUNNING: u32 = 0xcd78_e586;
    pub(crate) const RPC_ANSWER_UNKNOWN: u32 = 0x5e2a_d36e;
    pub(crate) const RPC_DROP_ANSWER: u32 = 0x58e4_a740;
    pub(crate) const RPC_ERROR: u32 = 0x2144_ca19;
    pub(crate) const RPC_RESULT: u32 = 0xf35c_6d01;
    pub(crate) const VECTOR: u32 = 0x1cb5_c415;

    // Of the API schema, the same in every layer.
    pub(crate) const BIND_TEMP_AUTH_KEY: u32 = 0xcdd4_2a05;
    pub(crate) const INIT_CONNECTION: u32 = 0xc1cd_5ea9;
    pub(crate) const INPUT_CLIENT_PROXY: u32 = 0x7558_8b3f;
    pub(crate) const INVOKE_AFTER_MSG: u32 = 0xcb9f_372d;
    pub(crate) const INVOKE_AFTER_MSGS: u32 = 0x3dc4_b4f0;
    pub(crate) const INVOKE_WITHOUT_UPDATES: u32 = 0xbf94_59b7;
    pub(crate) const INVOKE_WITH_LAYER: u32 = 0xda9b_0d0d;
    pub(crate) const JSON_ARRAY: u32 = 0xf744_4763;
    pub(crate) const JSON_BOOL: u32 = 0xc734_5e6a;
    pub(crate) const JSON_NULL: u32 = 0x3f6d_7b68;
    pub(crate) const JSON_NUMBER: u32 = 0x2be0_dfa4;
    pub(crate) const JSON_OBJECT: u32 = 0x99c1_d49d;
    pub(crate) const JSON_OBJECT_VALUE: u32 = 0xc0de_1bd9;
    pub(crate) const JSON_STRING: u32 = 0xb71e_767a;
    pub(crate) const UPDATES_TOO_LONG: u32 = 0xe317_af7e;
    pub(crate) const UPLOAD_CDN_FILE: u32 = 0xa99f_ca4f;
    pub(crate) const UPLOAD_FILE: u32 = 0x096a_18d5;
}

/// Reads little-endian TL values off the front of a slice; every read may fail, none panics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// `bytes` or `string`: a length of 1 or 4 bytes, the bytes, zeros up to a multiple of 4.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let (head, len) = match *self.0.first()? {
            254 => {
                let [_, a, b, c] = *self.0.first_chunk()?;
                (4, u32::from_le_bytes([a, b, c, 0]) as usize)
            }
            255 => return None,
            short => (1, usize::from(short)),
        };
        let whole = self.take((head + len).next_multiple_of(4))?;
        whole.get(head..head + len)
    }

    /// `Vector<long>` of at most `max` elements; the count is checked against the bytes there are
    /// before anything is allocated.
    pub(super) fn longs(&mut self, max: usize) -> Option<Vec<i64>> {
        if self.u32()? != id::VECTOR {
            return None;
        }
        let count = usize::try_from(self.u32()?).ok().filter(|count| *count <= max)?;
        let (longs, _) = self.take(count.checked_mul(8)?)?.as_chunks::<8>();
        Some(longs.iter().map(|long| i64::from_le_bytes(*long)).collect())
    }
}

/// The first four bytes: the constructor id of a boxed object.
pub(super) fn constructor(body: &[u8]) -> Option<u32> {
    Reader(body).u32()
}

/// Writes one object.
struct Out(Vec<u8>);

impl Out {
    fn new(id: u32, len: usize) -> Self {
        let mut out = Vec::with_capacity(4 + len);
        out.extend_from_slice(&id.to_le_bytes());
        Self(out)
    }

    fn int(mut self, value: i32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn long(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Lengths of 16 MiB and more cannot be said in TL; callers bound theirs far below.
    fn bytes(mut self, bytes: &[u8]) -> Self {
        let [a, b, c, ..] = (bytes.len() as u64).to_le_bytes();
        if bytes.len() < 254 {
            self.0.push(a);
        } else {
            self.0.extend_from_slice(&[254, a, b, c]);
        }
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn done(self) -> Bytes {
        Bytes::from(self.0)
    }
}

pub(super) fn bad_msg_notification(bad_msg_id: i64, bad_msg_seqno: i32, code: i32) -> Bytes {
    Out::new(id::BAD_MSG_NOTIFICATION, 16).long(bad_msg_id).int(bad_msg_seqno).int(code).done()
}

pub(super) fn bad_server_salt(bad_msg_id: i64, bad_msg_seqno: i32, salt: i64) -> Bytes {
    let out = Out::new(id::BAD_SERVER_SALT, 24).long(bad_msg_id).int(bad_msg_seqno);
    out.int(48).long(salt).done()
}

pub(super) fn new_session_created(first_msg_id: i64, unique_id: i64, salt: i64) -> Bytes {
    Out::new(id::NEW_SESSION_CREATED, 24).long(first_msg_id).long(unique_id).long(salt).done()
}

pub(super) fn msgs_ack(msg_ids: &[i64]) -> Bytes {
    let out = Out::new(id::MSGS_ACK, 8 + 8 * msg_ids.len());
    let out = out.raw(&id::VECTOR.to_le_bytes()).int(msg_ids.len() as i32);
    msg_ids.iter().fold(out, |out, id| out.long(*id)).done()
}

pub(super) fn pong(msg_id: i64, ping_id: i64) -> Bytes {
    Out::new(id::PONG, 16).long(msg_id).long(ping_id).done()
}

/// `salts` are (valid_since, valid_until, salt); a bare vector of bare `future_salt`.
pub(super) fn future_salts(req_msg_id: i64, now_s: i32, salts: &[(i32, i32, i64)]) -> Bytes {
    let out = Out::new(id::FUTURE_SALTS, 16 + 16 * salts.len()).long(req_msg_id).int(now_s);
    let out = out.int(salts.len() as i32);
    salts
        .iter()
        .fold(out, |out, (since, until, salt)| out.int(*since).int(*until).long(*salt))
        .done()
}

pub(super) fn msgs_state_info(req_msg_id: i64, info: &[u8]) -> Bytes {
    Out::new(id::MSGS_STATE_INFO, 16 + info.len()).long(req_msg_id).bytes(info).done()
}

pub(super) fn msg_detailed_info(msg_id: i64, answer_msg_id: i64, bytes: i32) -> Bytes {
    Out::new(id::MSG_DETAILED_INFO, 24).long(msg_id).long(answer_msg_id).int(bytes).int(0).done()
}

pub(super) fn msg_new_detailed_info(answer_msg_id: i64, bytes: i32) -> Bytes {
    Out::new(id::MSG_NEW_DETAILED_INFO, 16).long(answer_msg_id).int(bytes).int(0).done()
}

pub(super) fn destroy_session_res(session_id: i64, existed: bool) -> Bytes {
    let id = if existed { id::DESTROY_SESSION_OK } else { id::DESTROY_SESSION_NONE };
    Out::new(id, 8).long(session_id).done()
}

pub(super) fn rpc_error(code: i32, message: &str) -> Bytes {
    let out = Out::new(id::RPC_ERROR, 8 + message.len()).int(code);
    out.bytes(message.as_bytes()).done()
}

pub(super) fn rpc_answer_dropped(msg_id: i64, seq_no: i32, bytes: i32) -> Bytes {
    Out::new(id::RPC_ANSWER_DROPPED, 16).long(msg_id).int(seq_no).int(bytes).done()
}

/// An object without fields.
pub(super) fn bare(id: u32) -> Bytes {
    Out::new(id, 0).done()
}

pub(super) fn rpc_result(req_msg_id: i64, result: &[u8]) -> Bytes {
    Out::new(id::RPC_RESULT, 8 + result.len()).long(req_msg_id).raw(result).done()
}

pub(super) fn rpc_result_gzip(req_msg_id: i64, packed: &[u8]) -> Bytes {
    let out = Out::new(id::RPC_RESULT, 20 + packed.len()).long(req_msg_id);
    out.raw(&id::GZIP_PACKED.to_le_bytes()).bytes(packed).done()
}

/// `parts` are (msg_id, seq_no, body); a bare vector of bare `message`.
pub(super) fn msg_container<'a>(
    parts: impl ExactSizeIterator<Item = (i64, i32, &'a [u8])>,
    body_bytes: usize,
) -> Bytes {
    let out = Out::new(id::MSG_CONTAINER, 4 + body_bytes + 16 * parts.len());
    let out = out.int(parts.len() as i32);
    parts
        .fold(out, |out, (msg_id, seq_no, body)| {
            out.long(msg_id).int(seq_no).int(body.len() as i32).raw(body)
        })
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_both_length_forms_come_back() {
        for len in [0_usize, 1, 3, 4, 253, 254, 255, 256, 70_000] {
            let data = vec![7_u8; len];
            let written = Out::new(0, 0).bytes(&data).raw(&[9; 4]).done();
            let mut reader = Reader(&written[4..]);
            assert_eq!(reader.bytes(), Some(data.as_slice()), "{len}");
            assert_eq!(reader.0, [9; 4], "{len}: padded to a multiple of 4");
        }
    }

    #[test]
    fn hostile_lengths_are_errors_before_they_are_allocations() {
        assert_eq!(Reader(&[254, 255, 255, 255]).bytes(), None);
        assert_eq!(Reader(&[255, 0, 0, 0, 0, 0, 0, 0]).bytes(), None);
        let mut vector = id::VECTOR.to_le_bytes().to_vec();
        vector.extend_from_slice(&0x7fff_ffff_u32.to_le_bytes());
        assert_eq!(Reader(&vector).longs(usize::MAX), None);
        assert_eq!(Reader(&vector).longs(8192), None);
    }
}
