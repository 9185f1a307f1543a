//! What can be wrong with a way, and with one attempt.

/// Why a way cannot be set up. All are the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Not a mail address.
    #[error("{0:?} is not a mail address")]
    Address(String),
    /// Codes would cross a network in the clear.
    #[error("{0} is not this machine: plain SMTP to it has to be allowed by allow_plain")]
    PlainAbroad(String),
    /// Not an address of the web, or one without encryption to another machine.
    #[error("{0:?}: https is needed, or http to this machine")]
    Url(String),
    /// A secret too short to sign with.
    #[error("a secret needs at least 16 bytes")]
    SecretTooShort,
    /// Nothing to run.
    #[error("no program is named")]
    NoProgram,
    /// The file with certificates, for mail.
    #[error("cannot read certificates: {0}")]
    Certificates(String),
    /// The file with certificates, for HTTPS.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
    /// The library refused.
    #[error("{0}")]
    Other(String),
}

/// Why one attempt failed. Carries nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// Trying again is of no use.
    pub(crate) for_good: bool,
    /// For the log.
    pub(crate) reason: String,
}

impl Failed {
    /// May go better later.
    pub(crate) fn now(reason: impl Into<String>) -> Self {
        Self { for_good: false, reason: reason.into() }
    }

    /// Will not.
    pub(crate) fn for_good(reason: impl Into<String>) -> Self {
        Self { for_good: true, reason: reason.into() }
    }
}
