//! Names of RPC errors, with the codes that clients know them by.
//!
//! One constant for each name of `schema/errors.json`, and a function for each with a number in
//! it. Where a name has several codes, the constant has the usual one; [`Error::with_code`] gives
//! the others. Source: <https://core.telegram.org/api/errors>

use std::borrow::Cow;

/// What `rpc_error` holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Error {
    /// In the manner of HTTP: 303, 400, 401, 403, 404, 406, 420, 500.
    pub code: i32,
    /// `PHONE_NUMBER_INVALID`.
    pub text: Cow<'static, str>,
}

impl Error {
    const fn fixed(code: i32, text: &'static str) -> Self {
        Self { code, text: Cow::Borrowed(text) }
    }

    fn new(code: i32, text: String) -> Self {
        Self { code, text: Cow::Owned(text) }
    }

    /// The same name under another code.
    #[must_use]
    pub fn with_code(self, code: i32) -> Self {
        Self { code, ..self }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

impl std::error::Error for Error {}

include!(concat!(env!("OUT_DIR"), "/errors.rs"));
