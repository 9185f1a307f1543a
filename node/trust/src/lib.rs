//! Whom the node trusts when it asks other servers over TLS: the same for login codes, identity
//! providers, S3 and previews.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// The operator's file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot read certificates: {0}")]
pub struct TrustError(String);

/// How TLS is spoken to other servers: with the ring provider, trusting the system's authorities
/// and those in the PEM file `more`.
///
/// # Errors
/// [`TrustError`] names the file, and why.
pub fn client_config(more: Option<&Path>) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    // A system without authorities of its own can still reach this machine, and who is in `more`:
    // what is missing shows when something is asked.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = more {
        let bad = |cause: String| TrustError(format!("{}: {cause}", path.display()));
        let found = CertificateDer::pem_file_iter(path).map_err(|e| bad(e.to_string()))?;
        for certificate in found {
            let certificate = certificate.map_err(|e| bad(e.to_string()))?;
            roots.add(certificate).map_err(|e| bad(e.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| TrustError(cause.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Whether a host, as it stands in an address, is this machine: nobody listens on the way there.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_read_whole_or_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("authorities.pem");
        let refused = || client_config(Some(&path)).unwrap_err().to_string();
        assert!(refused().contains("authorities.pem"), "it is not there");
        let authority = rcgen::generate_simple_self_signed(vec!["example.org".into()]).unwrap();
        let pem = authority.cert.pem();
        fs::write(&path, &pem).unwrap();
        client_config(Some(&path)).unwrap();
        fs::write(&path, pem.clone() + &pem.replacen('M', "!", 1)).unwrap();
        assert!(refused().contains("authorities.pem"), "the second is none");
    }

    #[test]
    fn names_that_look_like_this_machine_are_not() {
        for here in ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_loopback(here), "{here}");
        }
        for there in ["localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "[::2]", ""] {
            assert!(!is_loopback(there), "{there}");
        }
    }
}
