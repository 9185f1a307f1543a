//! Mail addresses: which are taken, and how they are shown to who may not know them.

use std::str::FromStr as _;

use email_address::EmailAddress;

/// Longest address (RFC 5321: a path of 256 with its brackets).
const BYTES_MAX: usize = 254;

/// An address as it is kept; `None` if it is none. Without display name, quotes or bare host.
#[must_use]
pub fn clean_email(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > BYTES_MAX {
        return None;
    }
    let address = EmailAddress::from_str(text).ok()?;
    let plain = !text.contains(['"', '<', '>', ' ', '[', '\\']) && !text.contains(char::is_control);
    (plain && address.domain().contains('.')).then(|| text.to_owned())
}

/// What its owner recognises and nobody else can write to: `a***@e***.org`.
#[must_use]
pub fn masked_email(address: &str) -> String {
    let (name, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let (host, top) = domain.rsplit_once('.').unwrap_or((domain, ""));
    let first = |part: &str| part.chars().next().map_or(String::new(), String::from);
    format!("{}***@{}***.{top}", first(name), first(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_a_person_has() {
        assert_eq!(
            clean_email(" Ada.Lovelace+1@example.org "),
            Some("Ada.Lovelace+1@example.org".into())
        );
        assert!(clean_email("ä@exämple.org").is_some());
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "a b@example.org",
            "<ada@example.org>",
            "Ada <ada@example.org>",
            "\"a\"@example.org",
            "ada@[127.0.0.1]",
            "ada@example.org\r\nBcc: x@y.z",
            "a@b.c, d@e.f",
        ] {
            assert_eq!(clean_email(bad), None, "{bad:?}");
        }
        assert_eq!(clean_email(&format!("{}@example.org", "a".repeat(300))), None);
    }

    #[test]
    fn a_masked_address_shows_three_letters_and_the_last_name() {
        assert_eq!(masked_email("ada@mail.example.org"), "a***@m***.org");
        assert_eq!(masked_email("ä@x.y"), "ä***@x***.y");
    }
}
