//! When a certificate ends, and when to think of the next.

use rustls_pki_types::CertificateDer;

/// From when until when a certificate is good, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from_s: u64,
    /// The last one.
    pub until_s: u64,
}

/// Seconds before an order is tried again that failed: two minutes, and twice as long each time, up
/// to six hours. Let's Encrypt takes five failures an hour for a domain: this makes four after the
/// first.
///
/// Source: <https://letsencrypt.org/docs/rate-limits/>
#[must_use]
pub fn retry_s(failures: u32) -> u64 {
    const FIRST_S: u64 = 120;
    const LONGEST_S: u64 = 6 * 3600;
    (FIRST_S << failures.saturating_sub(1).min(16)).min(LONGEST_S)
}

impl Validity {
    /// Of a certificate; `None` where it is none.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let validity = parsed.validity();
        let unix_s = |at: x509_parser::time::ASN1Time| u64::try_from(at.timestamp()).unwrap_or(0);
        Some(Self { from_s: unix_s(validity.not_before), until_s: unix_s(validity.not_after) })
    }

    /// The second from which on a new one is ordered: a third of its time is left, which is what
    /// authorities advise, and leaves a month of ninety days for whatever fails.
    #[must_use]
    pub fn renew_at_s(self) -> u64 {
        self.until_s.saturating_sub(self.until_s.saturating_sub(self.from_s) / 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_its_time_is_left_for_the_next() {
        let validity = Validity { from_s: 1000, until_s: 1000 + 90 * 86_400 };
        assert_eq!(validity.renew_at_s(), 1000 + 60 * 86_400);
        let never = Validity { from_s: 5, until_s: 5 };
        assert_eq!(never.renew_at_s(), 5);
    }

    #[test]
    fn five_orders_in_the_first_hour_and_then_fewer() {
        let mut at_s = 0;
        let tries: Vec<u64> = (1..30)
            .map(|failures| {
                at_s += retry_s(failures);
                at_s
            })
            .collect();
        assert_eq!(1 + tries.iter().filter(|at| **at < 3600).count(), 5);
        assert_eq!(retry_s(30), 6 * 3600);
    }

    #[test]
    fn a_certificate_says_how_long_it_is_good() {
        let made = rcgen::generate_simple_self_signed(vec!["example.org".into()]).unwrap();
        let found = Validity::of(made.cert.der()).unwrap();
        assert!(found.from_s < found.until_s, "{found:?}");
        assert_eq!(Validity::of(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
