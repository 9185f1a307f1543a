//! What an operator's monitoring reads, on a listener of its own that no stranger reaches.
//!
//! `/metrics` in Prometheus' text form, `/healthz` (the process answers) and `/readyz` (it takes
//! clients). Values are read when they are asked for: nothing is counted twice, and nothing costs
//! anything in between. Labels name no member.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

mod frontend;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use mtproto_frontend::Watch;
use node_core::Quotas;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::control::Node;
use crate::federation::{Lane, Peer};
use crate::media;

/// What is shown.
pub(crate) struct Metrics {
    pub(crate) node: Node,
    pub(crate) quotas: Quotas,
    /// What serves clients, once it does.
    pub(crate) frontend: OnceLock<Watch>,
    /// Clients are answered.
    pub(crate) ready: AtomicBool,
}

/// Serves them on each address; answers the addresses with the ports that were taken for 0.
pub(crate) async fn listen(
    metrics: &Arc<Metrics>,
    addresses: &[SocketAddr],
) -> anyhow::Result<(Vec<SocketAddr>, Vec<JoinHandle<()>>)> {
    let (mut bound, mut tasks) = (Vec::new(), Vec::new());
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("[metrics] cannot listen on {address}"))?;
        bound.push(listener.local_addr()?);
        let router = router(metrics.clone());
        tasks.push(tokio::spawn(async move {
            if let Err(cause) = axum::serve(listener, router).await {
                tracing::warn!(%cause, "metrics are not served any more");
            }
        }));
    }
    Ok((bound, tasks))
}

fn router(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(shown))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(metrics)
}

async fn readyz(State(metrics): State<Arc<Metrics>>) -> (StatusCode, &'static str) {
    match metrics.ready.load(Ordering::Acquire) {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
    }
}

async fn shown(State(metrics): State<Arc<Metrics>>) -> Response {
    let text = match metrics.text() {
        Ok(text) => text,
        Err(cause) => {
            tracing::warn!(%cause, "metrics cannot be read");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Lines of one value each.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, kind: &str, name: &str, help: &str, value: u64) {
        // Writing into a string does not fail.
        let _ = write!(
            self.0,
            "# HELP rookery_{name} {help}\n# TYPE rookery_{name} {kind}\nrookery_{name} {value}\n"
        );
    }

    /// One value for each set of labels.
    fn labelled(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        values: impl Iterator<Item = (String, u64)>,
    ) {
        let _ = write!(self.0, "# HELP rookery_{name} {help}\n# TYPE rookery_{name} {kind}\n");
        for (labels, value) in values {
            let _ = writeln!(self.0, "rookery_{name}{{{labels}}} {value}");
        }
    }

    /// What other nodes are to this one.
    fn peers(&mut self, peers: &[Peer]) {
        let label = |peer: &Peer| {
            let node = peer.node.as_deref().unwrap_or("unknown");
            format!("peer=\"{}\"", node.get(..16).unwrap_or(node))
        };
        let known: Vec<&Peer> = peers.iter().filter(|peer| peer.node.is_some()).collect();
        let mut each = |kind: &str, name: &str, help: &str, of: fn(&Peer) -> u64| {
            self.labelled(kind, name, help, known.iter().map(|peer| (label(peer), of(peer))));
        };
        each("gauge", "peer_connected", "Whether a node is connected.", |peer| {
            u64::from(peer.connected)
        });
        each("counter", "peer_received_bytes_total", "Bytes of a node.", |peer| peer.bytes_in);
        each("counter", "peer_sent_bytes_total", "Bytes to a node.", |peer| peer.bytes_out);
        each("counter", "peer_gossiped_entries_total", "New entries that it told.", |peer| {
            peer.entries_by_gossip
        });
        each("counter", "peer_fetched_entries_total", "New entries fetched from it.", |peer| {
            peer.entries_by_fetch
        });
        let held = "Entries that it wrote and that came too fast: they were fetched later.";
        each("counter", "peer_held_back_entries_total", held, |peer| peer.held_back);
        each("gauge", "peer_letters_waiting", "Letters that wait for a node.", |peer| {
            u64::from(peer.letters)
        });
        each("gauge", "peer_failures", "Failures since it was last reached.", |peer| {
            u64::from(peer.failures)
        });
        let lags = known.iter().flat_map(|peer| {
            peer.lag.iter().map(|(group, lag)| {
                let group = group.get(..16).unwrap_or(group);
                (format!("{},group=\"{group}\"", label(peer)), *lag)
            })
        });
        let help = "Entries of a group that a node has and this one does not.";
        self.labelled("gauge", "peer_lag_entries", help, lags.collect::<Vec<_>>().into_iter());
        let in_group = |peer: &Peer, group: &str| {
            format!("{},group=\"{}\"", label(peer), group.get(..16).unwrap_or(group))
        };
        let lags = known.iter().flat_map(|peer| {
            peer.lag_s.iter().map(|(group, lag_s)| (in_group(peer, group), *lag_s))
        });
        let help = "For how many seconds a node has had entries of a group that this one has not.";
        self.labelled("gauge", "peer_lag_seconds", help, lags);
        let mut lanes = |kind: &str, name: &str, help: &str, of: fn(&Lane) -> u64| {
            let lanes = known.iter().flat_map(|peer| {
                peer.lanes.iter().map(|lane| (in_group(peer, &lane.group), of(lane)))
            });
            self.labelled(kind, name, help, lanes);
        };
        let help = "Entries of a node in a group that wait for others.";
        lanes("gauge", "peer_pending_entries", help, |lane| lane.pending);
        let help = "Entries of a node in a group that were shown without what they depend on.";
        lanes("counter", "peer_gap_entries_total", help, |lane| lane.gaps);
        let help = "Places in a group at which a node was seen to say two things.";
        lanes("counter", "peer_forks_total", help, |lane| lane.forks);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.line("gauge", name, help, value);
    }

    /// Since the start of the node.
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.line("counter", name, help, value);
    }
}

impl Metrics {
    fn text(&self) -> anyhow::Result<String> {
        let Node { core, store, delivery, keeper, federation, bridge, .. } = &self.node;
        let (stats, codes, usage) = (store.stats(), delivery.counters(), keeper.usage()?);
        let media::Totals { cleared, failures } = *keeper.totals.lock();
        let mut out = Lines::default();
        out.gauge("users", "Accounts.", core.users() as u64);
        out.counter("store_commits_total", "Batches that were written.", stats.commits);
        out.counter("store_syncs_total", "Flushes to the disk.", stats.syncs);
        out.counter("store_written_bytes_total", "Bytes of keys and values.", stats.bytes);
        if let Some(bytes) = stats.disk_bytes {
            out.gauge("store_disk_bytes", "Bytes of the store's files.", bytes);
        }
        if let Some(bytes) = stats.disk_free_bytes {
            out.gauge("store_disk_free_bytes", "Bytes free beside the store.", bytes);
        }
        out.gauge("store_queued_bytes", "Bytes that wait to be written.", stats.queued_bytes);
        out.gauge("boxes_to_index", "Boxes behind in search.", core.boxes_to_index() as u64);
        out.counter("codes_delivered_total", "Login codes that left.", codes.delivered());
        out.counter("codes_failed_total", "Login codes that could not.", codes.failed());
        out.counter("codes_dropped_total", "Login codes beyond the queue.", codes.dropped());
        out.gauge("media_bytes", "Bytes of all files of members.", usage.bytes);
        out.gauge("media_uploads", "Unfinished uploads.", usage.uploads);
        out.gauge("media_upload_bytes", "Bytes that those count for.", usage.upload_bytes);
        // Without a bound there is nothing to compare with.
        for (name, help, bound) in [
            ("media_quota_bytes", "Most bytes of all files.", self.quotas.node_bytes),
            ("media_member_quota_bytes", "Most bytes of one member.", self.quotas.member_bytes),
        ] {
            if bound != u64::MAX {
                out.gauge(name, help, bound);
            }
        }
        out.counter("media_removed_files_total", "Files that nothing kept.", cleared.files);
        out.counter("media_removed_blobs_total", "Blobs of those.", cleared.blobs);
        out.counter("media_removed_orphans_total", "Blobs without a file.", cleared.orphans);
        out.counter("media_removed_previews_total", "Previews of links.", cleared.previews);
        out.counter("media_expired_uploads_total", "Uploads that were over.", cleared.uploads);
        out.counter("media_clear_failures_total", "Clearings that failed.", failures);
        if let Some(frontend) = self.frontend.get() {
            out.frontend(frontend);
        }
        if let Some(certificate) = &self.node.certificate {
            let shown = *certificate.lock();
            if let Some(until_s) = shown.until_s {
                let help = "Unix time at which the certificate of TLS ends.";
                out.gauge("tls_certificate_expires_timestamp_seconds", help, until_s);
            }
            let help = "Attempts at a new certificate since the last that succeeded.";
            out.gauge("tls_renewal_failures", help, shown.failures.into());
        }
        if let Some(federation) = federation {
            out.peers(&federation.peers());
        }
        if let Some(bridge) = bridge {
            let followers = core.bridges().iter().map(|bridge| core.followers(&bridge.cid)).sum();
            let followers: Result<u64, _> = followers;
            out.gauge("bridge_followers", "Followers of channels in the fediverse.", followers?);
            if let Some(hosts) = bridge.metrics() {
                let help = "Servers of the fediverse that are delivered to.";
                out.gauge("bridge_hosts", help, hosts.hosts as u64);
                let help = "Those that do not answer.";
                out.gauge("bridge_failing_hosts", help, hosts.failing as u64);
                let help = "Those that have not answered for a week.";
                out.gauge("bridge_dormant_hosts", help, hosts.dormant as u64);
                let oldest =
                    hosts.oldest_pending_ms.map_or(0, |at| core.now_ms().saturating_sub(at));
                let help = "For how many seconds the oldest activity waits.";
                out.gauge("bridge_oldest_waiting_seconds", help, oldest / 1000);
                let help = "Activities that a server has taken.";
                out.counter("bridge_delivered_total", help, hosts.delivered);
                let help = "Activities that a server refused for good.";
                out.counter("bridge_dropped_total", help, hosts.dropped);
                out.counter("bridge_failures_total", "Attempts in vain.", hosts.failures);
            }
        }
        Ok(out.0)
    }
}
