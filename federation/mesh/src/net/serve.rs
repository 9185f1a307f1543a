//! Answers of this node to its peers, from what the host says.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use glog::cbor::List;
use glog::{GroupId, NodeCert, NodeId};

use crate::frames::{CERTS_MAX, HeadsFrame, PAGE_BYTES_MAX, Request, Response, page};
use crate::host::{Heads, Host, LaneName, Received};
use crate::sync::{Answer, Question};

/// Bytes of certificates in one answer: so many fit into a frame with room to spare.
const CERTS_BYTES_MAX: usize = 1 << 20;

/// Awaits the host. `None` if it panicked: that ends an answer, not the mesh.
pub(super) async fn ask<T>(future: BoxFuture<'_, T>) -> Option<T> {
    let answer = AssertUnwindSafe(future).catch_unwind().await;
    if answer.is_err() {
        tracing::error!("the node has panicked over a question of the mesh");
    }
    answer.ok()
}

/// What a peer is answered. Who may not read a group is answered as if it did not exist.
pub(super) async fn serve(host: Arc<dyn Host>, from: NodeId, request: Request) -> Response {
    match request {
        Request::Heads { group } => {
            let heads = readable(&host, from, group).await.map(HeadsFrame::new);
            heads.and_then(Result::ok).map_or(Response::Absent, Response::Heads)
        }
        Request::Fetch { group, lane, from: begin, to, bytes_max } => {
            let Some(heads) = readable(&host, from, group).await else { return Response::Absent };
            let to = if heads.ends { to.min(heads.end(lane)) } else { to };
            let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(PAGE_BYTES_MAX);
            let entries = ask(host.page(group, lane, begin, to, bytes_max)).await;
            Response::Entries(page(entries.unwrap_or_default(), bytes_max))
        }
        Request::ByName { group, names } => {
            if readable(&host, from, group).await.is_none_or(|heads| heads.ends) {
                return Response::Absent;
            }
            let entries = ask(host.named(group, names.into_vec())).await;
            Response::Entries(page(entries.unwrap_or_default(), PAGE_BYTES_MAX))
        }
        Request::Certs { group } => {
            if readable(&host, from, group).await.is_none_or(|heads| heads.ends) {
                return Response::Absent;
            }
            Response::Certs(fitting(ask(host.certs(group)).await.unwrap_or_default()))
        }
        Request::Call(call) => match ask(host.call(from, *call)).await {
            Some(reply) => Response::Reply(Box::new(reply)),
            None => Response::Refused,
        },
        Request::Hello(_) | Request::Digests(_) | Request::Push { .. } => Response::Done,
    }
}

async fn readable(host: &Arc<dyn Host>, peer: NodeId, group: GroupId) -> Option<Heads> {
    ask(host.heads(Some(peer), group)).await.flatten()
}

fn fitting(certs: Vec<NodeCert>) -> List<NodeCert, CERTS_MAX> {
    let mut bytes = 0;
    let mut fitting = certs;
    fitting.truncate(CERTS_MAX);
    let fits = |cert: &NodeCert| {
        bytes += glog::cbor::encode(cert).len();
        bytes <= CERTS_BYTES_MAX
    };
    let count = fitting.iter().map(fits).take_while(|fits| *fits).count();
    fitting.truncate(count);
    List::new(fitting).unwrap_or_default()
}

/// What the core is answered.
pub(super) async fn answer(host: Arc<dyn Host>, question: Question) -> Answer {
    let answer = match question {
        Question::Shared(peer) => ask(host.shared_with(peer)).await.map(Answer::Shared),
        Question::Digests(groups) => {
            let mut digests = Vec::with_capacity(groups.len());
            for group in groups {
                let heads = ask(host.heads(None, group)).await.flatten();
                digests.push((group, heads.map(|heads| heads.digest())));
            }
            Some(Answer::Digests(digests))
        }
        Question::Heads(group) => ask(host.heads(None, group)).await.map(Answer::Heads),
        Question::Begins(group, lanes) => {
            ask(host.begins(group, lanes)).await.map(|()| Answer::Begun)
        }
        Question::Own(group, lane, seq) => {
            let page = ask(host.page(group, lane, seq, seq.saturating_add(1), 1)).await;
            page.map(|page| Answer::Own(own(&group, lane, seq, page.first())))
        }
        Question::Receive { from, group, entries } => {
            let received = ask(host.receive(from, group, entries)).await;
            Some(Answer::Received(received.unwrap_or_else(stopped)))
        }
        Question::Wanted(group) => ask(host.wanted(group)).await.map(Answer::Wanted),
        Question::Learn(group, certs) => {
            ask(host.learn_certs(group, certs)).await.map(|()| Answer::Learned)
        }
    };
    answer.unwrap_or(Answer::Failed)
}

/// What became of entries over which the host panicked.
pub(super) fn stopped() -> Received {
    Received { stopped: Some("the node failed".to_owned()), ..Received::default() }
}

fn own(group: &GroupId, lane: LaneName, seq: u64, entry: Option<&Vec<u8>>) -> Option<glog::Hash16> {
    let (at, id, _) = crate::sync::place(group, lane, entry?)?;
    (at == seq).then(|| id.short())
}
