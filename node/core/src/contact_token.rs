//! A member in a link, for a while: what it says is in it, and nobody else can make one.

use std::fmt::Write as _;

use subtle::ConstantTimeEq as _;

use crate::access::token_tag;
use crate::ids::UserId;
use crate::{Core, CoreResult};

/// How long a link is good for.
const LIFETIME_S: i32 = 24 * 3600;

/// user (8) ++ expires (4) ++ tag (16).
const TOKEN_BYTES: usize = 28;

impl Core {
    /// A token that stands for a member, and the unix second at which it ends.
    #[must_use]
    pub fn contact_token(&self, user: UserId) -> (String, i32) {
        let expires = self.now().saturating_add(LIFETIME_S);
        let said = [&user.0.to_be_bytes()[..], &expires.to_be_bytes()].concat();
        let tag = token_tag(&self.inner.access_secret, &said);
        let mut token = String::with_capacity(2 * TOKEN_BYTES);
        for byte in said.iter().chain(&tag) {
            // Writing to a text does not fail.
            let _ = write!(token, "{byte:02x}");
        }
        (token, expires)
    }

    /// Whom a token stands for; none for one that is over or was not made here.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn user_of_token(&self, token: &str) -> CoreResult<Option<UserId>> {
        let found = self.read_token(token);
        self.settled().await?;
        Ok(found)
    }

    fn read_token(&self, token: &str) -> Option<UserId> {
        let bytes = token.as_bytes();
        if bytes.len() != 2 * TOKEN_BYTES || !token.is_ascii() {
            return None;
        }
        let pairs = (0..TOKEN_BYTES).map(|at| token.get(2 * at..2 * at + 2));
        let bytes: Vec<u8> =
            pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<_>>()?;
        let (said, tag) = bytes.split_at_checked(12)?;
        if !bool::from(tag.ct_eq(&token_tag(&self.inner.access_secret, said))) {
            return None;
        }
        let (user, expires) = said.split_at_checked(8)?;
        let expires = i32::from_be_bytes(*expires.first_chunk()?);
        let user = UserId(i64::from_be_bytes(*user.first_chunk()?));
        (expires > self.now()).then_some(user)
    }
}
