//! Certificates of a node's domains, from an authority that speaks ACME: an account, orders, and what
//! proves that the domains lead here.
//!
//! The proof is TLS-ALPN-01: the authority connects to port 443 of each domain, and is shown a
//! certificate that only the holder of the account can have made. A node tells protocols apart by their
//! first bytes, so this needs no other port and no other program.
//!
//! Nothing is kept and no clock is read here: whoever calls says when to order, and keeps what comes.
//!
//! Sources: <https://www.rfc-editor.org/rfc/rfc8555>, <https://www.rfc-editor.org/rfc/rfc8737>

mod https;
mod validity;

use std::path::PathBuf;
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

pub use validity::{Validity, retry_s};

/// How long the authority may take to look at the domains, and then to sign.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whom to ask, and for what.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The directory of the authority, for example
    /// `https://acme-v02.api.letsencrypt.org/directory`.
    pub directory: String,
    /// Where the authority tells of trouble: `mailto:` addresses.
    pub contact: Vec<String>,
    /// Names that one certificate is for; each leads to this node.
    pub domains: Vec<String>,
    /// PEM file of authorities that the directory's own certificate may come from, beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcmeError {
    /// The file of authorities.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
    /// The authority cannot be reached, or refuses.
    #[error(transparent)]
    Authority(#[from] instant_acme::Error),
    /// A domain was not proved.
    #[error("the authority does not find this node at {domain}: {why}")]
    Unproved {
        /// The domain.
        domain: String,
        /// What it says.
        why: String,
    },
    /// A key or request could not be made.
    #[error("cannot make a certificate request: {0}")]
    Request(#[from] rcgen::Error),
    /// What was kept, or what came, is not to be understood.
    #[error("{0}")]
    Format(&'static str),
}

/// Shows certificates to an authority that looks whether a domain leads here.
pub trait Challenges: Sync {
    /// From now on connections that offer `acme-tls/1` and ask for `domain` get this.
    fn show(&self, domain: &str, certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>);
    /// And no more.
    fn hide(&self, domain: &str);
}

/// A certificate that the authority has signed.
pub struct Issued {
    /// The chain, PEM, the node's own first.
    pub chain_pem: String,
    /// Its key, PKCS#8 PEM.
    pub key_pem: Zeroizing<String>,
}

/// An account of an authority.
pub struct Client {
    account: Account,
    domains: Vec<String>,
}

impl Client {
    /// Opens the account that `kept` holds, or makes one and answers what is to be kept: it is a
    /// secret. Making one says that the operator agrees to the authority's terms.
    ///
    /// # Errors
    /// [`AcmeError`].
    pub async fn open(
        setup: &Setup,
        kept: Option<&str>,
    ) -> Result<(Self, Option<Zeroizing<String>>), AcmeError> {
        let builder = Account::builder_with_http(Box::new(https::Https::new(setup)?));
        let domains = setup.domains.clone();
        if let Some(kept) = kept {
            let kept: AccountCredentials = serde_json::from_str(kept)
                .map_err(|_| AcmeError::Format("the kept account cannot be read"))?;
            let account = builder.from_credentials(kept).await?;
            return Ok((Self { account, domains }, None));
        }
        let contact: Vec<&str> = setup.contact.iter().map(String::as_str).collect();
        let asked = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, made) = builder.create(&asked, setup.directory.clone(), None).await?;
        let kept = serde_json::to_string(&made)
            .map_err(|_| AcmeError::Format("the account cannot be written down"))?;
        Ok((Self { account, domains }, Some(Zeroizing::new(kept))))
    }

    /// Has a new certificate with a new key signed.
    ///
    /// # Errors
    /// [`AcmeError`]; nothing is shown any more then, either.
    pub async fn order(&self, challenges: &dyn Challenges) -> Result<Issued, AcmeError> {
        let mut shown = Shown { challenges, domains: Vec::new() };
        let names: Vec<_> = self.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = self.account.new_order(&NewOrder::new(&names)).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            let domain = authorization.identifier().to_string();
            match authorization.status {
                // Proved for an earlier certificate.
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                _ => return Err(AcmeError::Unproved { domain, why: "it was refused".into() }),
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.ok_or(AcmeError::Format(
                "the authority does not look at port 443 (TLS-ALPN-01)",
            ))?;
            shown.show(domain, challenge.key_authorization().digest().as_ref())?;
            challenge.set_ready().await?;
        }
        let retries = RetryPolicy::default().timeout(PATIENCE);
        if order.poll_ready(&retries).await? != OrderStatus::Ready {
            return Err(why_not(&mut order).await);
        }
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(self.domains.clone())?;
        params.distinguished_name = DistinguishedName::new();
        order.finalize_csr(params.serialize_request(&key)?.der()).await?;
        let chain_pem = order.poll_certificate(&retries).await?;
        Ok(Issued { chain_pem, key_pem: Zeroizing::new(key.serialize_pem()) })
    }
}

/// Which domain was not proved, and what the authority says of it.
async fn why_not(order: &mut instant_acme::Order) -> AcmeError {
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let refused =
            authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = refused {
            let (domain, why) = (authorization.identifier().to_string(), problem.to_string());
            return AcmeError::Unproved { domain, why };
        }
    }
    AcmeError::Format("the authority refuses the order and does not say why")
}

/// What is shown for an order, and with it goes.
struct Shown<'a> {
    challenges: &'a dyn Challenges,
    domains: Vec<String>,
}

impl Shown<'_> {
    /// RFC 8737, section 3: a certificate of its own for the domain alone, with the digest in it.
    fn show(&mut self, domain: String, digest: &[u8]) -> Result<(), AcmeError> {
        let mut params = CertificateParams::new(vec![domain.clone()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.der().clone();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        self.challenges.show(&domain, certificate, key);
        self.domains.push(domain);
        Ok(())
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        for domain in &self.domains {
            self.challenges.hide(domain);
        }
    }
}
