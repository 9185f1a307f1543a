//! Certificates for TLS in front of any protocol: they may change while the node runs.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM of the right kind.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: rustls::pki_types::pem::Error,
    },
    /// Text that holds no PEM of the right kind.
    #[error("no certificate and key: {0}")]
    Text(rustls::pki_types::pem::Error),
    /// Key and certificate do not fit.
    #[error("certificate and key do not fit: {0}")]
    Pair(#[from] rustls::Error),
}

/// What an authority offers as its protocol that looks whether a domain leads here.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8737#section-3>
pub(super) const ACME_TLS_1: &[u8] = b"acme-tls/1";

/// A certificate chain with its key.
#[derive(Clone)]
pub struct Certificate(Arc<CertifiedKey>);

impl Certificate {
    /// Reads PEM files of the chain and the key.
    ///
    /// # Errors
    /// [`TlsError`] with the file's name.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let file = |path: &Path, cause| TlsError::File { path: path.display().to_string(), cause };
        let chain_path = chain;
        let chain = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|cause| file(chain_path, cause))?;
        Self::new(chain, PrivateKeyDer::from_pem_file(key).map_err(|cause| file(key, cause))?)
    }

    /// Reads PEM texts of the chain and the key.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(TlsError::Text)?;
        Self::new(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(TlsError::Text)?)
    }

    /// The chain, the node's own certificate first, and its key.
    ///
    /// # Errors
    /// [`TlsError::Pair`].
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let provider = rustls::crypto::ring::default_provider();
        Ok(Self(Arc::new(CertifiedKey::from_der(chain, key, &provider)?)))
    }

    /// What an authority is shown. Whether both fit is not looked at: that refuses extensions which it
    /// does not know, and one of these makes the certificate.
    ///
    /// # Errors
    /// [`TlsError::Pair`]: a key of a kind that is not spoken here.
    pub fn for_challenge(
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let provider = rustls::crypto::ring::default_provider();
        let key = provider.key_provider.load_private_key(key)?;
        Ok(Self(Arc::new(CertifiedKey::new(vec![certificate], key))))
    }

    /// The node's own certificate.
    #[must_use]
    pub fn first(&self) -> Option<&CertificateDer<'static>> {
        self.0.cert.first()
    }
}

/// What each handshake looks up. Connections keep what they began with.
#[derive(Default)]
pub struct Certificates {
    current: RwLock<Option<Certificate>>,
    /// By domain, what an authority is shown.
    challenges: RwLock<HashMap<String, Certificate>>,
}

impl Certificates {
    /// New connections get this from now on.
    pub fn set(&self, certificate: Certificate) {
        *self.current.write() = Some(certificate);
    }

    /// An authority that asks for `domain` gets this, and nobody else.
    pub fn show(&self, domain: &str, certificate: Certificate) {
        self.challenges.write().insert(domain.to_ascii_lowercase(), certificate);
    }

    /// And no more.
    pub fn hide(&self, domain: &str) {
        self.challenges.write().remove(&domain.to_ascii_lowercase());
    }

    /// How the node speaks TLS with these. Handshakes fail as long as there is none.
    ///
    /// # Errors
    /// [`TlsError::Pair`]: rustls and its provider do not fit.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        // HTTP/1.1 only: WebSockets and POSTs need no more. Authorities offer their own, alone.
        config.alpn_protocols = vec![b"http/1.1".to_vec(), ACME_TLS_1.to_vec()];
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut offered = hello.alpn().into_iter().flatten();
        let found = if offered.next() == Some(ACME_TLS_1) && offered.next().is_none() {
            self.challenges.read().get(&hello.server_name()?.to_ascii_lowercase()).cloned()
        } else {
            self.current.read().clone()
        };
        found.map(|certificate| certificate.0)
    }
}
