//! `account.getPassword#548a30f5 = account.Password`
//!
//! No account has a second factor yet. The algorithms are those that a client would set one with;
//! salts and randomness are new each time, in the sizes that Telegram's server gives.
//! Source: <https://core.telegram.org/api/srp>

use keys::dh;
use rand::Rng as _;
use tl::functions::account::GetPassword;
use tl::types::account::Password;
use tl::types::{
    PasswordKdfAlgoSha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow as PasswordAlgorithm,
    SecurePasswordKdfAlgoPbkdf2Hmacsha512iter100000 as SecureAlgorithm,
};

use crate::rpc::{Context, RpcResult};

/// The server's part of salt1; the client appends 32 bytes of its own.
const SALT1_BYTES: usize = 8;
const SALT2_BYTES: usize = 16;
/// The server's part of the salt of Telegram Passport.
const SECURE_SALT_BYTES: usize = 8;
/// Clients mix it into what they draw themselves.
const SECURE_RANDOM_BYTES: usize = 256;

pub(in crate::rpc) async fn get_password(ctx: &Context, _: GetPassword) -> RpcResult<Password> {
    let new_algo = PasswordAlgorithm {
        salt1: random::<SALT1_BYTES>(),
        salt2: random::<SALT2_BYTES>(),
        g: dh::G,
        p: dh::prime().to_vec(),
    };
    Ok(Password {
        new_algo: new_algo.into(),
        new_secure_algo: SecureAlgorithm { salt: random::<SECURE_SALT_BYTES>() }.into(),
        secure_random: random::<SECURE_RANDOM_BYTES>(),
        login_email_pattern: ctx.shared.core.login_email(ctx.user()?).await?,
        ..Password::default()
    })
}

fn random<const BYTES: usize>() -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    crate::rng().fill_bytes(&mut bytes);
    bytes
}
