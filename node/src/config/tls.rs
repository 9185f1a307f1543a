//! `[tls]`: the certificate of the node.

use std::path::PathBuf;

use anyhow::bail;
use serde::Deserialize;

/// `[tls]`: a certificate for every listener. Without this section TLS is refused. Either files, or
/// `[tls.acme]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// PEM file with the certificate chain. Read again when it has changed, and on SIGHUP.
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with the private key. Read again with it.
    pub(crate) key: Option<PathBuf>,
    /// `[tls.acme]`: the node fetches a certificate itself.
    pub(crate) acme: Option<AcmeConfig>,
}

/// `[tls.acme]`: a certificate from Let's Encrypt, or another authority that speaks ACME, renewed in
/// time. The authority connects to port 443 of each domain (TLS-ALPN-01): one of the listeners has to
/// be reached there, and nothing in between may end TLS.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct AcmeConfig {
    /// Names of this node that the certificate is for, for example `["example.org"]`. At most 100.
    pub(crate) domains: Vec<String>,
    /// Mail addresses to which the authority writes when something is wrong. Default: none.
    #[serde(default)]
    pub(crate) contact: Vec<String>,
    /// Whether you have read the authority's terms and agree to them; it has to be `true`.
    #[serde(default)]
    pub(crate) accept_terms: bool,
    /// The authority. Default Let's Encrypt: `https://acme-v02.api.letsencrypt.org/directory`.
    #[serde(default = "lets_encrypt")]
    pub(crate) directory: String,
    /// PEM file with certificates that are trusted beside the system's where the authority is asked.
    /// Default: none.
    pub(crate) ca_file: Option<PathBuf>,
}

fn lets_encrypt() -> String {
    "https://acme-v02.api.letsencrypt.org/directory".into()
}

impl TlsConfig {
    /// Refuses what could not work.
    ///
    /// # Errors
    /// What is wrong, and with which key.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match (&self.certificate, &self.key, &self.acme) {
            (Some(_), Some(_), None) => Ok(()),
            (None, None, Some(acme)) => acme.check(),
            (_, _, Some(_)) => bail!("[tls] has files and [tls.acme]: only one of them can be"),
            _ => bail!("[tls] needs certificate and key, or [tls.acme]"),
        }
    }
}

impl AcmeConfig {
    fn check(&self) -> anyhow::Result<()> {
        if !self.accept_terms {
            bail!(
                "tls.acme.accept_terms is not true: read the terms of {} and agree, or use files",
                self.directory
            );
        }
        // RFC 8555 leaves it to the authority; Let's Encrypt takes a hundred.
        if self.domains.is_empty() || self.domains.len() > 100 {
            bail!("tls.acme.domains needs 1 to 100 names, and has {}", self.domains.len());
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let bad = |name: &&String| {
            name.len() > 253 || !name.bytes().all(fits) || name.parse::<std::net::IpAddr>().is_ok()
        };
        if let Some(name) = self.domains.iter().find(|name| name.is_empty() || bad(name)) {
            bail!("tls.acme.domains: {name:?} is not the name of a host");
        }
        if let Some(contact) = self.contact.iter().find(|contact| !contact.contains('@')) {
            bail!("tls.acme.contact: {contact:?} is not a mail address");
        }
        if !self.directory.starts_with("https://") {
            bail!("tls.acme.directory is {:?}, but has to begin with https://", self.directory);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::from_text;

    #[test]
    fn a_certificate_comes_from_files_or_by_acme() {
        let refused = |text: &str| from_text(text, &[]).unwrap_err().to_string();
        let acme = "[tls.acme]\ndomains = ['example.org']\naccept_terms = true\n";
        let found = from_text(acme, &[("ROOKERY_TLS_ACME_CA_FILE", "/ca")]).unwrap();
        let found = found.tls.unwrap().acme.unwrap();
        assert!(found.directory.contains("letsencrypt.org") && found.ca_file.is_some());
        assert!(from_text("[tls]\ncertificate = 'a'\nkey = 'b'\n", &[]).is_ok());
        assert!(refused("[tls]\ncertificate = 'a'\n").contains("key"));
        assert!(refused(&format!("[tls]\nkey = 'b'\n{acme}")).contains("only one"));
        assert!(refused(&acme.replace("true", "false")).contains("accept_terms"));
        assert!(refused(&acme.replace("'example.org'", "")).contains("domains"));
        assert!(refused(&acme.replace("example.org", "192.0.2.1")).contains("192.0.2.1"));
        assert!(refused(&format!("{acme}contact = ['me']\n")).contains("contact"));
        assert!(refused(&format!("{acme}directory = 'http://a'\n")).contains("https"));
    }
}
