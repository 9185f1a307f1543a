//! Certificate and key for TLS in front of any protocol.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
    /// Key and certificate do not fit.
    #[error("certificate and key do not fit: {0}")]
    Pair(#[from] rustls::Error),
}

/// Reads a PEM certificate chain and its key.
///
/// # Errors
/// [`TlsError`] with the file's name.
pub fn tls_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let file = |path: &Path, cause| TlsError::File { path: path.display().to_string(), cause };
    let key_path = key;
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| file(certificate, cause))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|cause| file(key_path, cause))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // HTTP/1.1 only: WebSockets and POSTs need no more.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
