//! `account.sendVerifyEmailCode#98e037bb purpose:EmailVerifyPurpose email:string =
//! account.SentEmailCode`,
//! `account.verifyEmail#032da4cf purpose:EmailVerifyPurpose verification:EmailVerification =
//! account.EmailVerified`
//!
//! A login address, shown by a code that arrived there: of whoever joins (`loginSetup`) or of a
//! member (`loginChange`).
//! Source: <https://core.telegram.org/api/auth#email-verification>

use node_core::EmailOf;
use tl::enums::account::EmailVerified as Verified;
use tl::enums::{EmailVerification, EmailVerifyPurpose};
use tl::functions::account::{SendVerifyEmailCode, VerifyEmail};
use tl::types::account::{EmailVerified, EmailVerifiedLogin, SentEmailCode};

use crate::rpc::auth::sent_code;
use crate::rpc::resolve::phone_number;
use crate::rpc::{Context, RpcError, RpcResult};

/// Longest address and code that are looked at.
const EMAIL_BYTES_MAX: usize = 256;
const CODE_BYTES_MAX: usize = 32;

pub(in crate::rpc) async fn send_verify_email_code(
    ctx: &Context,
    request: SendVerifyEmailCode,
) -> RpcResult<SentEmailCode> {
    let of = email_of(ctx, request.purpose)?;
    if request.email.len() > EMAIL_BYTES_MAX {
        return Err(RpcError::new(400, "EMAIL_INVALID"));
    }
    let from = ctx.addresses.remote.ip();
    let sent = ctx.shared.core.send_email_code(of, &request.email, from).await?;
    Ok(SentEmailCode { email_pattern: sent.pattern, length: sent.length as i32 })
}

pub(in crate::rpc) async fn verify_email(
    ctx: &Context,
    request: VerifyEmail,
) -> RpcResult<Verified> {
    let of = email_of(ctx, request.purpose)?;
    let code = email_code(request.verification)?;
    let from = ctx.addresses.remote.ip();
    Ok(match ctx.shared.core.verify_email(of, code, from).await? {
        (email, None) => EmailVerified { email }.into(),
        (email, Some(sent)) => {
            EmailVerifiedLogin { email, sent_code: sent_code(ctx, sent).into() }.into()
        }
    })
}

fn email_of(ctx: &Context, purpose: EmailVerifyPurpose) -> RpcResult<EmailOf> {
    match purpose {
        EmailVerifyPurpose::EmailVerifyPurposeLoginSetup(setup) => {
            Ok(EmailOf::Number(phone_number(&setup.phone_number)?, setup.phone_code_hash))
        }
        EmailVerifyPurpose::EmailVerifyPurposeLoginChange(_) => Ok(EmailOf::Member(ctx.user()?)),
        // Telegram Passport is not built.
        EmailVerifyPurpose::EmailVerifyPurposePassport(_) => Err(RpcError::NOT_IMPLEMENTED),
    }
}

/// The code of a verification. Accounts at Apple and Google prove nothing here.
pub(in crate::rpc) fn email_code(verification: EmailVerification) -> RpcResult<String> {
    let EmailVerification::EmailVerificationCode(verification) = verification else {
        return Err(RpcError::new(400, "EMAIL_NOT_ALLOWED"));
    };
    let code = verification.code.trim();
    if code.len() > CODE_BYTES_MAX {
        return Err(RpcError::new(400, "CODE_INVALID"));
    }
    Ok(code.to_owned())
}
