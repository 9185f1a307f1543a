//! The client's side of the key exchange, every answer checked.
//!
//! Source: <https://core.telegram.org/mtproto/auth_key>

use keys::handshake::{Outcome, TmpAes, first_salt, new_nonce_hash};
use keys::{AuthKey, CryptoRng, PublicKey, dh, pq};
use tl::mtproto::{enums, functions, types};

use crate::clock;
use crate::wire::{Incoming, Wire, WireError};

/// A new auth key.
#[derive(Debug)]
pub struct Fresh {
    /// The key.
    pub key: AuthKey,
    /// Its first server salt.
    pub salt: i64,
    /// The server's clock minus ours, in seconds.
    pub offset_s: i64,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The connection.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The server answered with a transport error.
    #[error("transport error {0}")]
    Transport(i32),
    /// The server's answer was not as it must be.
    #[error("the server's {0} is wrong")]
    Wrong(&'static str),
    /// The server's answer did not decode.
    #[error("the server's answer does not decode")]
    Read(#[from] tl::ReadError),
    /// Our own request did not encode.
    #[error("our request does not encode")]
    Write(#[from] tl::WriteError),
    /// `dh_gen_retry` or `dh_gen_fail`.
    #[error("refused: {0}")]
    Refused(&'static str),
}

/// Sends one unencrypted message.
///
/// # Errors
/// The socket's.
pub fn send_plain(wire: &mut Wire, msg_id: i64, body: &[u8]) -> Result<(), WireError> {
    let mut frame = vec![0; 8];
    frame.extend_from_slice(&msg_id.to_le_bytes());
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(body);
    wire.send(&frame, false)
}

/// Waits for one unencrypted message and returns its body.
///
/// # Errors
/// See [`ExchangeError`].
pub fn receive_plain(wire: &mut Wire) -> Result<Vec<u8>, ExchangeError> {
    let frame = match wire.receive()? {
        Incoming::Frame(frame) => frame,
        Incoming::Error(code) => return Err(ExchangeError::Transport(code)),
        Incoming::QuickAck(_) => return Err(ExchangeError::Wrong("quick ack")),
    };
    let (head, body) = frame.split_at_checked(20).ok_or(ExchangeError::Wrong("length"))?;
    let msg_id = i64::from_le_bytes(std::array::from_fn(|i| head[8 + i]));
    let length = u32::from_le_bytes(std::array::from_fn(|i| head[16 + i])) as usize;
    if head[..8] != [0; 8] || msg_id & 3 != 1 || body.len() < length {
        return Err(ExchangeError::Wrong("envelope"));
    }
    Ok(body[..length].to_vec())
}

/// A msg_id for an unencrypted message: now.
pub fn plain_msg_id() -> i64 {
    ((clock::since_epoch().as_secs_f64() * 4_294_967_296.0) as i64) & !3
}

fn call<F: tl::Write>(wire: &mut Wire, request: &F) -> Result<Vec<u8>, ExchangeError> {
    send_plain(wire, plain_msg_id(), &tl::to_bytes(request, 0)?)?;
    receive_plain(wire)
}

/// Makes a key: permanent, or temporary for `expires_in` seconds.
///
/// # Errors
/// See [`ExchangeError`].
pub fn exchange<R: CryptoRng + ?Sized>(
    wire: &mut Wire,
    public: &PublicKey,
    dc: i32,
    expires_in: Option<i32>,
    rng: &mut R,
) -> Result<Fresh, ExchangeError> {
    exchange_with(wire, public, dc, expires_in, &dh::DhSecret::generate(rng), rng)
}

/// As [`exchange`], with a secret exponent that may serve many times: half the cost for a load
/// generator, and nothing for a client to do.
///
/// # Errors
/// See [`ExchangeError`].
pub fn exchange_with<R: CryptoRng + ?Sized>(
    wire: &mut Wire,
    public: &PublicKey,
    dc: i32,
    expires_in: Option<i32>,
    secret: &dh::DhSecret,
    rng: &mut R,
) -> Result<Fresh, ExchangeError> {
    let offered = offer(wire, public, dc, expires_in, rng)?;
    let ok = answer(wire, &offered, secret, rng)?;
    let key = secret.shared_again(&offered.g_a);
    if ok.new_nonce_hash1 != new_nonce_hash(Outcome::Ok, &offered.new_nonce, &key) {
        return Err(ExchangeError::Wrong("new_nonce_hash1"));
    }
    let salt = first_salt(&offered.new_nonce, &offered.server_nonce);
    Ok(Fresh { key, salt, offset_s: offered.offset_s })
}

/// Makes the server do all its work for a key that nobody computes: a cheap flood.
///
/// # Errors
/// See [`ExchangeError`].
pub fn provoke<R: CryptoRng + ?Sized>(
    wire: &mut Wire,
    public: &PublicKey,
    dc: i32,
    secret: &dh::DhSecret,
    rng: &mut R,
) -> Result<(), ExchangeError> {
    let offered = offer(wire, public, dc, None, rng)?;
    answer(wire, &offered, secret, rng).map(|_| ())
}

/// What is known after `server_DH_params_ok`.
struct Offered {
    nonce: [u8; 16],
    server_nonce: [u8; 16],
    new_nonce: [u8; 32],
    aes: TmpAes,
    g_a: dh::PublicValue,
    offset_s: i64,
}

fn offer<R: CryptoRng + ?Sized>(
    wire: &mut Wire,
    public: &PublicKey,
    dc: i32,
    expires_in: Option<i32>,
    rng: &mut R,
) -> Result<Offered, ExchangeError> {
    use ExchangeError::Wrong;
    let mut nonce = [0; 16];
    let mut new_nonce = [0; 32];
    rng.fill_bytes(&mut nonce);
    rng.fill_bytes(&mut new_nonce);

    let answer = call(wire, &functions::ReqPqMulti { nonce })?;
    let res: types::ResPq = tl::from_bytes(&answer, 0)?;
    if res.nonce != nonce {
        return Err(Wrong("nonce"));
    }
    let server_nonce = res.server_nonce;
    let fingerprint = public.fingerprint();
    if !res.server_public_key_fingerprints.contains(&fingerprint) {
        return Err(Wrong("fingerprint"));
    }
    let number = res.pq.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    let (p, q) = pq::factor(number).ok_or(Wrong("pq"))?;
    let (p, q) = (p.to_be_bytes().to_vec(), q.to_be_bytes().to_vec());
    let (pq, inner_p, inner_q) = (res.pq, p.clone(), q.clone());
    let inner = match expires_in {
        Some(expires_in) => tl::to_bytes(
            &types::PQInnerDataTempDc {
                pq,
                p: inner_p,
                q: inner_q,
                nonce,
                server_nonce,
                new_nonce,
                dc,
                expires_in,
            },
            0,
        )?,
        None => tl::to_bytes(
            &types::PQInnerDataDc {
                pq,
                p: inner_p,
                q: inner_q,
                nonce,
                server_nonce,
                new_nonce,
                dc,
            },
            0,
        )?,
    };
    let encrypted = public.encrypt_rsa_pad(&inner, rng).ok_or(Wrong("pq size"))?;
    let request = functions::ReqDhParams {
        nonce,
        server_nonce,
        p,
        q,
        public_key_fingerprint: fingerprint,
        encrypted_data: encrypted.to_vec(),
    };
    let answer = call(wire, &request)?;
    let params: types::ServerDhParamsOk = tl::from_bytes(&answer, 0)?;
    if (params.nonce, params.server_nonce) != (nonce, server_nonce) {
        return Err(Wrong("nonce"));
    }
    let aes = TmpAes::derive(&new_nonce, &server_nonce);
    let inner = aes.decrypt(&params.encrypted_answer).ok_or(Wrong("answer hash"))?;
    let inner: types::ServerDhInnerData = tl::from_bytes(&inner, 0)?;
    if (inner.nonce, inner.server_nonce) != (nonce, server_nonce) {
        return Err(Wrong("inner nonce"));
    }
    if inner.dh_prime != dh::prime() || inner.g != 3 {
        return Err(Wrong("group"));
    }
    let g_a = dh::check_public(&inner.g_a).map_err(|_| Wrong("g_a"))?;
    let apart_s = i64::from(inner.server_time) - clock::since_epoch().as_secs() as i64;
    // The server speaks in whole seconds: one of them is no difference, and a msg_id a second too
    // old may lie before the start of a node that was started just now.
    let offset_s = if apart_s.abs() <= 1 { 0 } else { apart_s };
    Ok(Offered { nonce, server_nonce, new_nonce, aes, g_a, offset_s })
}

fn answer<R: CryptoRng + ?Sized>(
    wire: &mut Wire,
    offered: &Offered,
    secret: &dh::DhSecret,
    rng: &mut R,
) -> Result<types::DhGenOk, ExchangeError> {
    let Offered { nonce, server_nonce, .. } = *offered;
    let data = types::ClientDhInnerData {
        nonce,
        server_nonce,
        retry_id: 0,
        g_b: secret.public().to_vec(),
    };
    let encrypted_data = offered.aes.encrypt(&tl::to_bytes(&data, 0)?, rng);
    let answer = call(wire, &functions::SetClientDhParams { nonce, server_nonce, encrypted_data })?;
    match tl::from_bytes::<enums::SetClientDhParamsAnswer>(&answer, 0)? {
        enums::SetClientDhParamsAnswer::DhGenOk(ok) => Ok(*ok),
        enums::SetClientDhParamsAnswer::DhGenRetry(_) => {
            Err(ExchangeError::Refused("dh_gen_retry"))
        }
        enums::SetClientDhParamsAnswer::DhGenFail(_) => Err(ExchangeError::Refused("dh_gen_fail")),
    }
}
