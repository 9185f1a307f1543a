//! MTProxy-style secrets, which a client mixes into the keys of the obfuscated transport.

use std::fmt;
use std::str::FromStr;

/// Most secrets that one listener may have: each costs every unknown connection one trial.
pub const SECRETS_MAX: usize = 16;

/// One secret: 16 bytes, and whether it asks for the padded transport (`dd`).
///
/// Parsed from what clients print in proxy links: 32 hexadecimal digits, or `dd` and 32.
/// Fake-TLS secrets (`ee…`) are refused: this node has real TLS in front of any protocol.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    pub(super) bytes: [u8; 16],
    pub(super) padded_only: bool,
}

/// Why a secret, or a list of them, is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Not 32 hexadecimal digits after the optional `dd`.
    #[error("a secret is 32 hexadecimal digits, with `dd` before them for the padded transport")]
    Malformed,
    /// A fake-TLS secret.
    #[error("fake-TLS secrets (ee…) are not supported")]
    FakeTls,
    /// More than [`SECRETS_MAX`].
    #[error("at most {SECRETS_MAX} secrets")]
    TooMany,
}

impl Secret {
    /// A secret with which a client may choose any obfuscated transport.
    pub const fn plain(bytes: [u8; 16]) -> Self {
        Self { bytes, padded_only: false }
    }

    /// A `dd` secret: only the padded intermediate transport is taken under it.
    pub const fn padded(bytes: [u8; 16]) -> Self {
        Self { bytes, padded_only: true }
    }

    /// Whether only the padded intermediate transport is taken under this secret.
    pub const fn is_padded_only(&self) -> bool {
        self.padded_only
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let bytes = text.as_bytes();
        match (bytes.len(), bytes.get(..2).map(<[u8]>::to_ascii_lowercase).as_deref()) {
            (32, _) => Ok(Self::plain(from_hex(bytes)?)),
            (34, Some(b"dd")) => {
                Ok(Self::padded(from_hex(bytes.get(2..).ok_or(SecretError::Malformed)?)?))
            }
            (34.., Some(b"ee")) => Err(SecretError::FakeTls),
            _ => Err(SecretError::Malformed),
        }
    }
}

fn from_hex(digits: &[u8]) -> Result<[u8; 16], SecretError> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(SecretError::Malformed);
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err(SecretError::Malformed);
    };
    let mut bytes = Vec::with_capacity(16);
    for &[high, low] in pairs {
        bytes.push((digit(high)? << 4 | digit(low)?) as u8);
    }
    bytes.try_into().map_err(|_| SecretError::Malformed)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("padded_only", &self.padded_only).finish_non_exhaustive()
    }
}

/// The secrets of a listener, at most [`SECRETS_MAX`]. Connections without one are taken too.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// Takes the list in the order of the configuration; [`super::Codec::secret`] counts in it.
    ///
    /// # Errors
    /// [`SecretError::TooMany`] above [`SECRETS_MAX`].
    pub fn new(secrets: Vec<Secret>) -> Result<Self, SecretError> {
        if secrets.len() > SECRETS_MAX { Err(SecretError::TooMany) } else { Ok(Self(secrets)) }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Secret> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_links_carry() {
        let bytes = [0x0f; 16];
        let hex = "0f".repeat(16);
        assert_eq!(hex.parse(), Ok(Secret::plain(bytes)));
        assert_eq!(hex.to_uppercase().parse(), Ok(Secret::plain(bytes)));
        assert_eq!(format!("dd{hex}").parse(), Ok(Secret::padded(bytes)));
        assert_eq!(format!("DD{hex}").parse(), Ok(Secret::padded(bytes)));
        // `dd` may also begin a plain secret.
        let dd = "dd".repeat(16);
        assert_eq!(dd.parse(), Ok(Secret::plain([0xdd; 16])));
    }

    #[test]
    fn refuses_the_rest() {
        let hex = "0f".repeat(16);
        for text in ["", "0f", "dd", "zz", &hex[1..], &format!("{hex}0"), &format!("aa{hex}")] {
            assert_eq!(text.parse::<Secret>(), Err(SecretError::Malformed), "{text}");
        }
        assert_eq!("+f".repeat(16).parse::<Secret>(), Err(SecretError::Malformed));
        assert_eq!("é".repeat(16).parse::<Secret>(), Err(SecretError::Malformed));
        let fake_tls = format!("ee{hex}{}", "61".repeat(10));
        assert_eq!(fake_tls.parse::<Secret>(), Err(SecretError::FakeTls));
        let many = vec![Secret::plain([0; 16]); SECRETS_MAX + 1];
        assert_eq!(Secrets::new(many).err(), Some(SecretError::TooMany));
    }

    #[test]
    fn debug_hides_the_bytes() {
        let text = format!("{:?}", Secret::padded([0xab; 16]));
        assert!(!text.contains("171") && !text.contains("ab"), "{text}");
    }
}
