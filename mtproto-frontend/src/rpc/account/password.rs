//! `account.getPassword#548a30f5 = account.Password`,
//! `account.getPasswordSettings#9cd4eaf9 password:InputCheckPasswordSRP =
//! account.PasswordSettings`,
//! `account.updatePasswordSettings#a59b102f password:InputCheckPasswordSRP
//! new_settings:account.PasswordInputSettings = Bool`
//!
//! The second factor. Telegram Passport, which would keep documents under the password, is not
//! there.
//! Source: <https://core.telegram.org/api/srp>

use keys::dh;
use node_core::{NewSecret, PasswordChange, PasswordChanged, Proof};
use rand::Rng as _;
use tl::enums::account::PasswordInputSettings;
use tl::enums::{InputCheckPasswordSrp, PasswordKdfAlgo};
use tl::functions::account::{GetPassword, GetPasswordSettings, UpdatePasswordSettings};
use tl::types::account::{Password, PasswordSettings};
use tl::types::{
    PasswordKdfAlgoSha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow as PasswordAlgorithm,
    SecurePasswordKdfAlgoPbkdf2Hmacsha512iter100000 as SecureAlgorithm,
};

use crate::rpc::{Context, RpcError, RpcResult};

/// The server's part of the salt of Telegram Passport.
const SECURE_SALT_BYTES: usize = 8;
/// Clients mix it into what they draw themselves.
const SECURE_RANDOM_BYTES: usize = 256;

const NEW_SETTINGS_INVALID: RpcError = RpcError::new(400, "NEW_SETTINGS_INVALID");

pub(in crate::rpc) async fn get_password(ctx: &Context, _: GetPassword) -> RpcResult<Password> {
    let view = ctx.shared.core.password(ctx.account()?, ctx.auth_key()?).await?;
    let login_email_pattern = match ctx.user() {
        Ok(user) => ctx.shared.core.login_email(user).await?,
        // Whoever has a code only is told nothing that is not needed for the password.
        Err(_) => None,
    };
    let algorithm = |salt1: Vec<u8>, salt2: Vec<u8>| -> PasswordKdfAlgo {
        PasswordAlgorithm { salt1, salt2, g: dh::G, p: dh::prime().to_vec() }.into()
    };
    let new_algo = algorithm(view.offer.salt1.to_vec(), view.offer.salt2.to_vec());
    let (mut current_algo, mut srp_b, mut srp_id) = (None, None, None);
    if let Some(question) = view.question {
        current_algo = Some(algorithm(question.salt1, question.salt2));
        (srp_b, srp_id) = (Some(question.b), Some(question.id));
    }
    Ok(Password {
        has_recovery: view.has_recovery,
        has_password: current_algo.is_some(),
        current_algo,
        srp_b,
        srp_id,
        hint: (!view.hint.is_empty()).then_some(view.hint),
        email_unconfirmed_pattern: view.unconfirmed_email,
        new_algo,
        new_secure_algo: SecureAlgorithm { salt: random::<SECURE_SALT_BYTES>() }.into(),
        secure_random: random::<SECURE_RANDOM_BYTES>(),
        pending_reset_date: view.reset_at,
        login_email_pattern,
        ..Password::default()
    })
}

pub(in crate::rpc) async fn get_password_settings(
    ctx: &Context,
    request: GetPasswordSettings,
) -> RpcResult<PasswordSettings> {
    let core = &ctx.shared.core;
    let proof = proof(request.password);
    let email = core.password_email(ctx.user()?, ctx.auth_key()?, proof).await?;
    Ok(PasswordSettings { email, secure_settings: None })
}

pub(in crate::rpc) async fn update_password_settings(
    ctx: &Context,
    request: UpdatePasswordSettings,
) -> RpcResult<bool> {
    let (user, key) = (ctx.user()?, ctx.auth_key()?);
    let (proof, change) = (proof(request.password), change(request.new_settings)?);
    match ctx.shared.core.update_password(user, key, proof, change).await? {
        PasswordChanged::Done => Ok(true),
        PasswordChanged::EmailUnconfirmed(digits) => Err(RpcError::email_unconfirmed(digits)),
    }
}

/// What a client says to know the password.
pub(in crate::rpc) fn proof(said: InputCheckPasswordSrp) -> Option<Proof> {
    match said {
        InputCheckPasswordSrp::InputCheckPasswordEmpty(_) => None,
        InputCheckPasswordSrp::InputCheckPasswordSrp(said) => {
            Some(Proof { id: said.srp_id, a: said.a, m1: said.m1 })
        }
    }
}

/// What a client wants to change. An empty hash means no password, under whatever algorithm.
pub(in crate::rpc) fn change(wanted: PasswordInputSettings) -> RpcResult<PasswordChange> {
    let PasswordInputSettings::PasswordInputSettings(wanted) = wanted;
    if wanted.new_secure_settings.is_some() {
        return Err(NEW_SETTINGS_INVALID);
    }
    let secret = match (wanted.new_algo, wanted.new_password_hash) {
        (None, None) => None,
        (_, Some(hash)) if hash.is_empty() => Some(NewSecret::Remove),
        (
            Some(
                PasswordKdfAlgo::PasswordKdfAlgoSha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow(
                    algorithm,
                ),
            ),
            Some(v),
        ) if algorithm.g == dh::G && algorithm.p == dh::prime() => Some(NewSecret::Set {
            salt1: algorithm.salt1,
            salt2: algorithm.salt2,
            v,
            hint: wanted.hint.unwrap_or_default(),
        }),
        _ => return Err(NEW_SETTINGS_INVALID),
    };
    Ok(PasswordChange { secret, email: wanted.email })
}

fn random<const BYTES: usize>() -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    crate::rng().fill_bytes(&mut bytes);
    bytes
}
