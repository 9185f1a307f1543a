//! The node's certificate: from files that somebody else renews, or by ACME; changed while the node
//! runs, without an end to any connection.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acme::{Client, Validity};
use anyhow::{Context as _, anyhow};
use keys::{MasterKey, Secret};
use mtproto_frontend::{Certificate, Certificates};
use node_core::Clock;
use node_store::{Batch, Keyspace, Store};
use parking_lot::Mutex;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::{Zeroize, Zeroizing};

use crate::config::{AcmeConfig, TlsConfig};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long an order may take in all. An authority may never answer.
const ORDER_WITHIN: Duration = Duration::from_secs(600);

/// The longest wait between two looks at the clock, which may be set meanwhile.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(600);

/// The row of [`Keyspace::SETTINGS`] with what came by ACME.
const ACME_KEY: &[u8] = b"tls.acme";

/// The certificate, and what keeps it new.
pub(crate) struct Keeper {
    source: Source,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) shown: Arc<Mutex<Shown>>,
    clock: Clock,
}

/// What monitoring is told.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Shown {
    /// Unix seconds of the end of the certificate; none where there is none yet.
    pub(crate) until_s: Option<u64>,
    /// Changes in vain since the last that succeeded.
    pub(crate) failures: u32,
}

enum Source {
    Files(Files),
    Acme(Box<Acme>),
}

/// Files that another program renews.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    seen: Option<[(SystemTime, u64); 2]>,
}

/// What is ordered, and where it is kept.
struct Acme {
    setup: acme::Setup,
    store: Arc<dyn Store>,
    master: Arc<MasterKey>,
    kept: Kept,
}

/// The sealed row.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    /// The authority that the account is with.
    directory: String,
    account: Option<String>,
    /// What the certificate is for.
    domains: Vec<String>,
    chain_pem: String,
    key_pem: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.account.zeroize();
        self.key_pem.zeroize();
    }
}

impl Keeper {
    /// What `config` asks for. Files have to be there; an order is made later, when the authority can
    /// reach the node.
    ///
    /// # Errors
    /// Files that cannot be used, with the name; a row that does not open.
    pub(crate) fn open(
        config: &TlsConfig,
        store: &Arc<dyn Store>,
        master: &Arc<MasterKey>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let certificates = Arc::default();
        let source = match (&config.acme, &config.certificate, &config.key) {
            (Some(config), _, _) => Source::Acme(Box::new(Acme::open(config, store, master)?)),
            (None, Some(certificate), Some(key)) => Source::Files(Files {
                certificate: certificate.clone(),
                key: key.clone(),
                seen: None,
            }),
            _ => return Err(anyhow!("neither files nor [tls.acme]")),
        };
        let mut keeper = Self { source, certificates, shown: Arc::default(), clock };
        match &mut keeper.source {
            Source::Files(files) => {
                let found = files.read()?;
                keeper.use_it(found);
            }
            Source::Acme(acme) => {
                if let Some(found) = acme.kept.certificate()? {
                    keeper.use_it(found);
                }
            }
        }
        Ok(keeper)
    }

    /// Keeps the certificate new until the node ends.
    pub(crate) async fn run(mut self) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => hangup,
            Err(cause) => {
                tracing::error!(%cause, "certificates are not read again");
                return;
            }
        };
        loop {
            let wait = self.next().await;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // An order that waits is tried at once, too: it is due.
                _ = hangup.recv() => {
                    tracing::info!("SIGHUP: looking at the certificate");
                    if let Source::Files(files) = &mut self.source {
                        files.seen = None;
                    }
                }
            }
        }
    }

    /// Does what is due, and answers how long there is nothing more to do.
    async fn next(&mut self) -> Duration {
        match &mut self.source {
            Source::Files(files) => {
                let stamps = files.stamps();
                if files.seen.is_none() || stamps != files.seen {
                    match files.read() {
                        Ok(found) => {
                            tracing::info!("the certificate was read again");
                            self.use_it(found);
                        }
                        // Both are written one after the other; once said is enough.
                        Err(cause) => {
                            self.failed();
                            tracing::warn!(
                                cause = format!("{cause:#}"),
                                "the old certificate stays"
                            );
                        }
                    }
                }
                LOOK_EVERY
            }
            Source::Acme(acme) => {
                let now_s = (self.clock)() / 1000;
                let due_s = acme.due_s();
                if due_s > now_s {
                    return Duration::from_secs(due_s - now_s).min(LOOK_AT_CLOCK_EVERY);
                }
                let ordered = acme.order(&self.certificates);
                let ordered = match tokio::time::timeout(ORDER_WITHIN, ordered).await {
                    Ok(ordered) => ordered,
                    Err(_) => Err(anyhow!("the authority did not answer in time")),
                };
                match ordered {
                    Ok(found) => {
                        self.use_it(found);
                        tracing::info!(until_s = self.shown.lock().until_s, "a new certificate");
                        Duration::ZERO
                    }
                    Err(cause) => {
                        let again_s = acme::retry_s(self.failed());
                        let cause = format!("{cause:#}");
                        tracing::error!(cause, again_s, "no new certificate");
                        Duration::from_secs(again_s)
                    }
                }
            }
        }
    }

    fn use_it(&self, found: Certificate) {
        let until_s = found.first().and_then(Validity::of).map(|validity| validity.until_s);
        *self.shown.lock() = Shown { until_s, failures: 0 };
        self.certificates.set(found);
    }

    fn failed(&self) -> u32 {
        let mut shown = self.shown.lock();
        shown.failures = shown.failures.saturating_add(1);
        shown.failures
    }
}

impl Files {
    /// When both were last written, and how long they are.
    fn stamps(&self) -> Option<[(SystemTime, u64); 2]> {
        let stamp = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        Some([stamp(&self.certificate)?, stamp(&self.key)?])
    }

    fn read(&mut self) -> anyhow::Result<Certificate> {
        // Before they are read: what is written meanwhile is read again.
        self.seen = self.stamps();
        Certificate::from_files(&self.certificate, &self.key).context("in [tls]")
    }
}

impl Acme {
    fn open(
        config: &AcmeConfig,
        store: &Arc<dyn Store>,
        master: &Arc<MasterKey>,
    ) -> anyhow::Result<Self> {
        let contact = config.contact.iter().map(|address| format!("mailto:{address}")).collect();
        let setup = acme::Setup {
            directory: config.directory.clone(),
            contact,
            domains: config.domains.clone(),
            ca_file: config.ca_file.clone(),
        };
        let mut kept = Kept::default();
        if let Some(row) = store.get(Keyspace::SETTINGS, ACME_KEY)? {
            let opened =
                master.open(Secret::Node, ACME_KEY, &row).context("the kept certificate")?;
            kept = serde_json::from_slice(&opened).context("the kept certificate")?;
        }
        if kept.directory != setup.directory {
            kept = Kept::default();
            kept.directory.clone_from(&setup.directory);
        }
        Ok(Self { setup, store: store.clone(), master: master.clone(), kept })
    }

    /// The second at which the next order is due.
    fn due_s(&self) -> u64 {
        if self.kept.domains != self.setup.domains {
            return 0;
        }
        let found = self.kept.certificate().ok().flatten();
        let validity = found.and_then(|found| found.first().and_then(Validity::of));
        validity.map_or(0, Validity::renew_at_s)
    }

    async fn order(&mut self, certificates: &Certificates) -> anyhow::Result<Certificate> {
        let (client, made) = Client::open(&self.setup, self.kept.account.as_deref()).await?;
        if let Some(made) = made {
            // Kept at once: authorities count new accounts.
            self.kept.account = Some(made.to_string());
            self.keep().await?;
        }
        let issued = client.order(&Challenges(certificates)).await?;
        let found = Certificate::from_pem(&issued.chain_pem, &issued.key_pem)?;
        self.kept.chain_pem = issued.chain_pem;
        self.kept.key_pem = issued.key_pem.to_string();
        self.kept.domains = self.setup.domains.clone();
        self.keep().await?;
        Ok(found)
    }

    /// Keeps the account and the certificate; durable when it returns.
    async fn keep(&self) -> anyhow::Result<()> {
        let text = Zeroizing::new(serde_json::to_vec(&self.kept)?);
        let row = {
            #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
            let mut rng = rand::rng();
            self.master.seal(Secret::Node, ACME_KEY, &text, &mut rng)
        };
        let mut batch = Batch::new();
        batch.put(Keyspace::SETTINGS, ACME_KEY, row);
        self.store.durable(self.store.commit(batch)?).await?;
        Ok(())
    }
}

impl Kept {
    fn certificate(&self) -> anyhow::Result<Option<Certificate>> {
        if self.chain_pem.is_empty() {
            return Ok(None);
        }
        Ok(Some(Certificate::from_pem(&self.chain_pem, &self.key_pem).context("the kept one")?))
    }
}

/// Shows the authority what it looks for.
struct Challenges<'a>(&'a Certificates);

impl acme::Challenges for Challenges<'_> {
    fn show(
        &self,
        domain: &str,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) {
        match Certificate::for_challenge(certificate, key) {
            Ok(certificate) => self.0.show(domain, certificate),
            Err(cause) => tracing::error!(%cause, domain, "nothing is shown to the authority"),
        }
    }

    fn hide(&self, domain: &str) {
        self.0.hide(domain);
    }
}
