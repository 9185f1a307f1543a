//! Certificates, and new keys: of the running node, and of one whose store was filled from a backup.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use glog::NodeCert;
use keys::sealed::BoxSecret;
use keys::{CryptoRng, MasterKey, NodeIdentity, Secret};
use node_core::Core;
use node_store::{Batch, Keyspace, Store};
use zeroize::Zeroizing;

use super::{IDENTITY_KEY, SEALING_KEY, Vault};

/// Earlier keys that open what was sealed for this node: 32 bytes each, the oldest first.
const SEALING_BEFORE_KEY: &[u8] = b"sealing.before";

/// A certificate: "node.cert" ++ serial (4 bytes, big-endian). They are no secrets.
const CERT_KEY: &[u8] = b"node.cert";

/// Certificates that are read. Nobody changes keys so often.
const CERTS_MAX: usize = 10_000;

/// The row of a certificate: version (1 byte) ++ its encoding.
const CERT_VERSION: u8 = 1;

/// Rows of [`Keyspace::SETTINGS`].
pub(crate) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// All certificates of this node, from the first on; none before the first start.
pub(super) fn certs(store: &dyn Store) -> anyhow::Result<Vec<NodeCert>> {
    let rows = store.scan(
        Keyspace::SETTINGS,
        CERT_KEY,
        Some(&[CERT_KEY, &[0xff; 5]].concat()),
        CERTS_MAX,
        node_store::Order::Ascending,
    )?;
    let read = rows.iter().map(|(_, row)| match row.split_first() {
        Some((&CERT_VERSION, cert)) => glog::cbor::decode(cert).context("a stored certificate"),
        _ => anyhow::bail!("a stored certificate is of a newer version"),
    });
    read.collect()
}

/// The row of a certificate.
fn cert_row(cert: &NodeCert) -> (Vec<u8>, Vec<u8>) {
    let key = [CERT_KEY, &cert.body.serial.to_be_bytes()].concat();
    (key, [&[CERT_VERSION][..], &glog::cbor::encode(cert)].concat())
}

/// Keeps a certificate; durable when it returns, and so before anybody sees it.
pub(super) fn keep_cert(store: &dyn Store, cert: &NodeCert) -> anyhow::Result<()> {
    commit(store, vec![cert_row(cert)])
}

/// Earlier keys that open what was sealed for this node.
pub(super) fn sealing_before(vault: &Vault<'_>) -> anyhow::Result<Vec<BoxSecret>> {
    let Some(known) = vault.get(SEALING_BEFORE_KEY)? else { return Ok(Vec::new()) };
    Ok(known.as_chunks().0.iter().map(BoxSecret::from_bytes).collect())
}

/// New keys, and the rows that replace the ones in use. The key that opens boxes is kept beside the new
/// one: keys of private groups were sealed to it. The operational key is not kept.
fn new_keys(
    vault: &Vault<'_>,
    rng: &mut impl CryptoRng,
) -> anyhow::Result<(NodeIdentity, BoxSecret, Rows)> {
    let (identity, sealing) = (NodeIdentity::generate(rng), BoxSecret::generate(rng));
    let before = vault.get(SEALING_BEFORE_KEY)?.unwrap_or_default();
    let last = vault.get(SEALING_KEY)?.unwrap_or_default();
    let before = Zeroizing::new([before.as_slice(), last.as_slice()].concat());
    let mut rows = Vec::new();
    let mut seal = |name: &[u8], secret: &[u8]| {
        rows.push((name.to_vec(), vault.master.seal(Secret::Node, name, secret, rng)));
    };
    seal(IDENTITY_KEY, identity.seed().as_slice());
    seal(SEALING_KEY, sealing.secret_bytes().as_slice());
    seal(SEALING_BEFORE_KEY, &before);
    Ok((identity, sealing, rows))
}

/// Replaces the keys of a node whose store was filled from a backup: others may have seen newer ones
/// since, and would take this node for a thief.
pub(super) fn replace(vault: &Vault<'_>, rng: &mut impl CryptoRng) -> anyhow::Result<()> {
    let (.., rows) = new_keys(vault, rng)?;
    commit(vault.store, rows)
}

fn commit(store: &dyn Store, rows: Rows) -> anyhow::Result<()> {
    let mut batch = Batch::new();
    for (key, row) in rows {
        batch.put(Keyspace::SETTINGS, &key, row);
    }
    let ticket = store.commit(batch)?;
    Ok(store.wait_durable(ticket)?)
}

/// What a running node needs to change its keys.
pub(crate) struct Rotation {
    pub(super) store: Arc<dyn Store>,
    pub(super) master: Arc<MasterKey>,
    pub(super) path: PathBuf,
    /// One after the other.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Rotation {
    /// Makes new keys and has the node sign with them from now on; durable when it answers, and then the
    /// old operational key is gone. Answers the new one and its certificate.
    pub(crate) async fn rotate(&self, core: &Core) -> anyhow::Result<(NodeIdentity, NodeCert)> {
        let _turn = self.turn.lock().await;
        let vault = Vault { store: &*self.store, master: &self.master, path: &self.path };
        #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
        let (identity, sealing, mut rows) = new_keys(&vault, &mut rand::rng())?;
        let operational = NodeIdentity::from_seed(&identity.seed());
        let next = core.next_keys(operational, sealing);
        let cert = next.cert().clone();
        rows.push(cert_row(&cert));
        core.rotate_keys(next, rows).await?;
        Ok((identity, cert))
    }
}
