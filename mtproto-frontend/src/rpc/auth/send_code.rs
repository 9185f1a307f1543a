//! `auth.sendCode#a677244f phone_number:string api_id:int api_hash:string settings:CodeSettings =
//! auth.SentCode`,
//! `auth.resendCode#cae47523 flags:# phone_number:string phone_code_hash:string
//! reason:flags.0?string = auth.SentCode`,
//! `auth.cancelCode#1f040578 phone_number:string phone_code_hash:string = Bool`
//!
//! A code for a number. The answer does not tell whether the number has an account.
//! Source: <https://core.telegram.org/method/auth.sendCode>

use tl::functions::auth::{CancelCode, ResendCode, SendCode};
use tl::types::auth::{SentCode, SentCodeTypeApp};

use super::login_codes::{DIGITS, LIFETIME_MS, NoCode};
use crate::rpc::{Context, RpcError, RpcResult};

/// ITU-T E.164: at most 15 digits with the country code. Shorter than 5 is no subscriber.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

pub(in crate::rpc) async fn send_code(ctx: &Context, request: SendCode) -> RpcResult<SentCode> {
    check_api_id(request.api_id)?;
    let phone = phone_number(&request.phone_number)?;
    ctx.shared.code_limits.take(phone, ctx.addresses.remote.ip(), ctx.now_ms)?;
    let hash = ctx.shared.login_codes.make(phone, ctx.now_ms, &mut crate::rng())?;
    Ok(sent_code(hash))
}

pub(in crate::rpc) async fn resend_code(ctx: &Context, request: ResendCode) -> RpcResult<SentCode> {
    let phone = phone_number(&request.phone_number)?;
    let codes = &ctx.shared.login_codes;
    ctx.shared.code_limits.take(phone, ctx.addresses.remote.ip(), ctx.now_ms)?;
    let hash = codes.again(phone, &request.phone_code_hash, ctx.now_ms, &mut crate::rng())?;
    Ok(sent_code(hash))
}

pub(in crate::rpc) async fn cancel_code(ctx: &Context, request: CancelCode) -> RpcResult<bool> {
    let phone = phone_number(&request.phone_number)?;
    ctx.shared.login_codes.take(phone, &request.phone_code_hash, ctx.now_ms)?;
    Ok(true)
}

fn sent_code(phone_code_hash: String) -> SentCode {
    SentCode {
        type_: SentCodeTypeApp { length: DIGITS as i32 }.into(),
        phone_code_hash,
        next_type: None,
        timeout: Some((LIFETIME_MS / 1000) as i32),
    }
}

/// Any application may connect; zero and less are what a broken one sends.
pub(super) fn check_api_id(api_id: i32) -> RpcResult<()> {
    if api_id > 0 { Ok(()) } else { Err(RpcError::new(400, "API_ID_INVALID")) }
}

/// The digits of a number as clients write it: `+888 1234 5678`, `(888)12345678`.
fn phone_number(text: &str) -> RpcResult<u64> {
    // 406: clients show it by themselves, and drop what they kept for the number.
    const INVALID: RpcError = RpcError::new(406, "PHONE_NUMBER_INVALID");
    let digits: String =
        text.chars().filter(|c| !matches!(c, '+' | ' ' | '(' | ')' | '-')).collect();
    if !PHONE_DIGITS.contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(INVALID);
    }
    digits.parse().map_err(|_| INVALID)
}

impl From<NoCode> for RpcError {
    fn from(reason: NoCode) -> Self {
        match reason {
            NoCode::Expired => Self::new(400, "PHONE_CODE_EXPIRED"),
            NoCode::Full => Self::flood_wait(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in ["88812345678", "+888 1234 5678", "+888 (1234) 56-78"] {
            assert_eq!(phone_number(text), Ok(88_812_345_678), "{text}");
        }
        for text in ["", "+", "1234", "+12345678901234567", "+88812x45678", "\u{0661}23456789"] {
            assert!(phone_number(text).is_err(), "{text}");
        }
    }
}
