//! How the bridge to the fediverse is configured.

use std::path::PathBuf;

use anyhow::bail;
use serde::Deserialize;

/// `[activitypub]`: the bridge to the fediverse, for channels whose owners switch it on. Without a host
/// there is none.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ActivityPubConfig {
    /// The host under which channels are known there, for example `example.org`: it is in all their
    /// addresses, and cannot be changed once a channel was bridged. Default: none.
    pub(crate) host: String,
    /// The domain in handles, `@channel@example.org`, where it is another one: its
    /// `/.well-known/webfinger` has to lead to this node. Default: `host`.
    pub(crate) handle_domain: String,
    /// `https` (default), or `http` in closed test networks.
    pub(crate) scheme: Scheme,
    /// Whether objects are shown to servers only that sign what they ask. Default false.
    pub(crate) secure_mode: bool,
    /// The only servers that are heard and told, each with all below its name. Default: none are left
    /// out. A block holds for these, too.
    pub(crate) allowed_hosts: Option<Vec<String>>,
    /// Servers that are delivered to at once. Default 32.
    pub(crate) deliveries_at_once: usize,
    /// Bytes of a video or file that others get; what is larger is a link. Default 40 MiB.
    pub(crate) media_bytes_max: u64,
    /// PEM file with certificates that are trusted beside the system's. Default: none.
    pub(crate) ca_file: Option<PathBuf>,
    /// Networks that may be reached although they are not public: closed test networks. Default: none.
    pub(crate) allow_ips: Vec<String>,
    /// Take another `host` than the one under which channels are known: their followers are lost.
    /// Default false.
    pub(crate) change_host: bool,
}

impl Default for ActivityPubConfig {
    fn default() -> Self {
        Self {
            host: String::new(),
            handle_domain: String::new(),
            scheme: Scheme::Https,
            secure_mode: false,
            allowed_hosts: None,
            deliveries_at_once: 32,
            media_bytes_max: 40 << 20,
            ca_file: None,
            allow_ips: Vec::new(),
            change_host: false,
        }
    }
}

/// See [`ActivityPubConfig::scheme`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    Https,
    Http,
}

impl ActivityPubConfig {
    /// # Errors
    /// What can be no host, and what only closed networks may do.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for host in [&self.host, &self.handle_domain] {
            if !host.is_empty() && !is_public_name(host) {
                bail!("activitypub: {host:?} is no domain like example.org, in small letters");
            }
        }
        for host in self.allowed_hosts.iter().flatten() {
            if !is_public_name(host) {
                bail!(
                    "activitypub.allowed_hosts: {host:?} is no domain like example.org, in small letters"
                );
            }
        }
        // What is for closed networks alone would leave a public node open to everybody's requests.
        let is_test =
            |host: &str| [".test", ".localhost", ".internal"].iter().any(|e| host.ends_with(e));
        if self.scheme == Scheme::Http && !is_test(&self.host) {
            bail!(
                "activitypub.scheme is http, which is for closed networks: hosts ending in .test"
            );
        }
        if !self.allow_ips.is_empty() && !is_test(&self.host) {
            bail!("activitypub.allow_ips is for closed networks: hosts ending in .test");
        }
        Ok(())
    }
}

/// Whether a text is a name of the DNS with a dot in it, as it is compared.
pub(crate) fn is_public_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let is_number =
        host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    host.len() <= 253 && host.contains('.') && !is_number && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::super::tests::from_text;

    #[test]
    fn hosts_are_names_and_only_closed_networks_are_open() {
        for bad in
            ["127.0.0.1", "example", "Example.org", "a..b", "-a.org", "https://a.org", "a.org:80"]
        {
            assert!(from_text(&format!("[activitypub]\nhost = '{bad}'\n"), &[]).is_err(), "{bad}");
        }
        assert!(from_text("[activitypub]\nhost = 'example.org'\n", &[]).is_ok());
        let open = "[activitypub]\nhost = 'example.org'\nallow_ips = ['127.0.0.0/8']\n";
        assert!(from_text(open, &[]).is_err());
        assert!(from_text(&open.replace("example.org", "rookery.test"), &[]).is_ok());
        assert!(from_text("[activitypub]\nhost = 'a.org'\nscheme = 'http'\n", &[]).is_err());
    }
}
