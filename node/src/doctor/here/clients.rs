//! What the last clients that did not get through would have to do differently.

use mtproto_frontend::{Refusal, Refused};

use super::Finding;

/// Those that are shown.
const SHOWN: usize = 8;
/// What lies back further is not shown.
const SHOWN_MS: u64 = 24 * 3_600_000;

/// The newest first. None of them is a fault of the node: others knock as well.
pub(super) fn examine(refused: &[Refused], now_ms: u64) -> Vec<Finding> {
    let is_new = |refused: &&Refused| now_ms.saturating_sub(refused.at_ms) < SHOWN_MS;
    refused.iter().filter(is_new).take(SHOWN).map(|refused| finding(refused, now_ms)).collect()
}

fn finding(refused: &Refused, now_ms: u64) -> Finding {
    let (says, advice) = words(refused.why);
    let times = match refused.times {
        1 => String::new(),
        times => format!(" {times} times"),
    };
    let ago = ago(now_ms.saturating_sub(refused.at_ms));
    let says =
        format!("A client at {} did not get through{times}, last {ago}: {says}.", refused.from);
    Finding::note("client-refused", says).advise(advice)
}

fn words(why: Refusal) -> (&'static str, &'static str) {
    match why {
        Refusal::NotUnderstood => (
            "what it sends is none of the protocols that are spoken here",
            "If it is a member's, its MTProxy secret is not one of [mtproto] secrets. Scanners of the \
             Internet look the same.",
        ),
        Refusal::NoTls => (
            "it speaks TLS, and this node has no certificate",
            "Set [tls], or let a proxy in front end TLS.",
        ),
        Refusal::Tls => (
            "TLS failed",
            "It does not trust the certificate in [tls], or asks for a name that is not in it.",
        ),
        Refusal::LeftAtKey => (
            "it was told this node's RSA key fingerprint, and left",
            "It trusts other keys, such as Telegram's: give it the key that `rookery client-config` \
             prints, or a copy made with --repoint.",
        ),
        Refusal::OtherKey => (
            "it encrypts for an RSA key that this node does not have",
            "It holds the key of another node, or of before this one was made anew: give it the one \
             that `rookery client-config` prints.",
        ),
        Refusal::BadEncryption => (
            "what it encrypted for this node's RSA key does not open",
            "Old libraries need [mtproto] old_rsa_padding = true; or its copy of the key is damaged.",
        ),
        Refusal::Exchange => (
            "it did not follow the key exchange",
            "Nothing, if it happens once; a client that always fails so is too old or broken.",
        ),
        Refusal::UnknownAuthKey => (
            "its session is of another node, or of before this one was made anew",
            "It logs in again by itself; if not, delete its session file.",
        ),
        Refusal::TooMany => (
            "too many new keys from its address",
            "If many members share that address: [limits] handshakes_per_address_per_minute.",
        ),
        _ => ("it was refused", "The log says more at ROOKERY_LOG=debug."),
    }
}

fn ago(ms: u64) -> String {
    match ms / 1000 {
        s @ 0..120 => format!("{s} s ago"),
        s @ 120..7200 => format!("{} minutes ago", s / 60),
        s => format!("{} hours ago", s / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_told_with_what_to_do() {
        let at = |hours_ago: u64, why, times| Refused {
            at_ms: (100 - hours_ago) * 3_600_000,
            from: [192, 0, 2, 1].into(),
            why,
            times,
        };
        let refused =
            [at(0, Refusal::LeftAtKey, 3), at(5, Refusal::NoTls, 1), at(25, Refusal::Tls, 1)];
        let found = examine(&refused, 100 * 3_600_000);
        assert_eq!(found.len(), 2, "what lies back a day is not shown");
        assert!(found[0].says.contains("through 3 times, last 0 s ago: it was told"), "{found:?}");
        assert!(found[0].advice.as_ref().unwrap().contains("--repoint"));
        assert!(found[1].says.contains("through, last 5 hours ago"), "{found:?}");
    }
}
