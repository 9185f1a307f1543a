//! Where the servers have names: a network namespace with a loopback device and a list of hosts of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::inboxes;

/// Set for the program that runs inside.
const INSIDE: &str = "ROOKERY_LOAD_INSIDE";

/// Brings the loopback device up, puts the list of hosts in place, and becomes the program.
const BRING_UP: &str = r#"
ip link set lo up && mount --bind "$ROOKERY_LOAD_INSIDE" /etc/hosts && exec "$0" "$@"
"#;

/// Runs this program again where all servers have names and port 443 is free, with the same arguments.
/// How it ended; `None`: this is that program.
pub(crate) fn enter() -> anyhow::Result<Option<ExitStatus>> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(None);
    }
    let directory = tempfile::tempdir()?;
    let names = directory.path().join("hosts");
    let mut hosts = "127.0.0.1 localhost\n".to_owned();
    for (name, address) in inboxes::names() {
        writeln!(hosts, "{address} {name}")?;
    }
    fs::write(&names, hosts)?;
    let mut inside = unshare()?;
    inside.args(["sh", "-c", BRING_UP]).arg(std::env::current_exe()?);
    let ended = inside.args(std::env::args_os().skip(1)).env(INSIDE, names).status()?;
    Ok(Some(ended))
}

/// `unshare` in the way that this user may: with a user namespace, or as root without one.
fn unshare() -> anyhow::Result<Command> {
    const AS_USER: [&str; 4] = ["--user", "--map-root-user", "--net", "--mount"];
    const AS_ROOT: [&str; 2] = ["--net", "--mount"];
    for options in [&AS_USER[..], &AS_ROOT[..]] {
        let trial = Command::new("unshare").args(options).arg("true").output();
        if trial.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("unshare");
            command.args(options);
            return Ok(command);
        }
    }
    bail!(
        "the bridge's rows need names and ports of their own, and neither `unshare --user \
         --map-root-user --net --mount` nor, as root, `unshare --net --mount` works here: name the \
         other rows with --rows"
    )
}

/// Who certifies the servers, and who trusts that.
pub(super) struct Authority {
    directory: tempfile::TempDir,
    /// How the servers speak TLS.
    pub(super) server: Arc<ServerConfig>,
    /// How the floor does.
    pub(super) client: Arc<ClientConfig>,
}

impl Authority {
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        // Under another name than those whom it certifies.
        params.distinguished_name.push(DnType::CommonName, "Authority of the load");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate()?;
        // One for all of them: a certificate with a thousand names would be most of a handshake.
        let all = CertificateParams::new([format!("*.{}", inboxes::DOMAIN)])?;
        let certificate = all.signed_by(&key, &issuer)?;
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join("authority.pem"), own.pem())?;
        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        let mut roots = RootCertStore::empty();
        roots.add(own.der().clone()).context("an authority")?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { directory, server: server.into(), client: client.into() })
    }

    /// Its own certificate.
    pub(super) fn file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }
}
