//! The admin page: who may enter, by [`gate`], and what the node answers and does, which are the answers of
//! the command line.

mod gate;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use node_core::{Clock, Core, Quotas, UserId};
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use web::Found;
use web::admin::{
    Act, Admin, Codes, Finding, Listed, Loaded, Notice, OpenInvite, Overview, Peer, Peers, Person,
    PersonPage, PublicChannel, Queues, Report, Storage, Tried,
};

use crate::config::Config;
use crate::control::{self, Node, NumberAndCode, Request};
use crate::operator::{self, Asked, ROWS_OF_PAGE, Whom, listed};
use crate::{bridge, media, run};
use gate::Gate;

/// How long a page waits for what it asked for. What takes longer goes on behind it.
const WITHIN: Duration = Duration::from_secs(30);

const TOO_LONG: &str = "it takes longer than usual; look again in a minute";

/// The pages, if the operator wants them.
pub(crate) fn router(config: &Config, node: &Node) -> Router {
    if !config.http.admin {
        return Router::new();
    }
    web::admin::router(Arc::new(Desk::new(config, node.clone())))
}

/// The node, for its owner.
struct Desk {
    node: Node,
    name: String,
    is_https: bool,
    public_url: Option<String>,
    quotas: Quotas,
    clock: Clock,
    gate: Mutex<Gate<Notice>>,
}

impl Desk {
    fn new(config: &Config, node: Node) -> Self {
        let public_url = config.http.public_url.as_deref();
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        let by_url = public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
        let clock = run::clock();
        Self {
            name: config.node.name.clone(),
            is_https: by_url || config.tls.is_some(),
            public_url,
            quotas: media::quotas(&config.media),
            gate: Mutex::new(Gate::new(clock(), &mut rng())),
            clock,
            node,
        }
    }

    fn core(&self) -> &Core {
        &self.node.core
    }

    fn owner(&self) -> Option<UserId> {
        let owner = self.core().owner();
        owner.inspect_err(|cause| tracing::warn!(%cause, "the owner cannot be looked up")).ok()?
    }

    /// The same answer as on the command line, within a time.
    async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, String> {
        let node = self.node.clone();
        // Not dropped half way when the browser goes, or it takes long.
        let asked = tokio::spawn(async move { control::answer(&node, request).await });
        let answer = match timeout(WITHIN, asked).await {
            Err(_) => return Err(TOO_LONG.into()),
            Ok(Err(cause)) => {
                tracing::warn!(%cause, "the admin page got no answer");
                return Err("the node failed to answer; its log says more".into());
            }
            Ok(Ok(answer)) => answer.map_err(|cause| bridge::because(&cause))?,
        };
        serde_json::from_value(answer).map_err(|cause| {
            tracing::warn!(%cause, "the admin page does not understand an answer");
            "the node answered something unexpected".into()
        })
    }

    async fn operator<T: DeserializeOwned>(&self, asked: Asked) -> Result<T, String> {
        self.ask(Request::Operator { asked }).await
    }

    async fn enters(&self, from: Option<SocketAddr>, code: &str) -> Tried {
        let (owner, now_ms) = (self.owner(), (self.clock)());
        let tried = self.gate.lock().try_code(from, owner, code, now_ms);
        let owner = match tried {
            gate::Tried::Right(owner) => owner,
            gate::Tried::Wrong => return Tried::Wrong,
            gate::Tried::TooMany => return Tried::TooMany,
        };
        // First the message: nobody is in whom the owner does not know of.
        let text = format!(
            "Somebody logged in to the admin page of this node with the code that came here.\n\nAddress: \
             {}\n\nIf this was not you: whoever it was can read this chat. End unknown devices under \
             Settings, Devices; then open the admin page, and log out everywhere there.",
            address(from)
        );
        if let Err(cause) = self.core().answer_by_service(owner, text).await {
            tracing::warn!(%cause, "the owner cannot be told of a login to the admin page");
            return Tried::Failed;
        }
        tracing::info!(user = owner.0, "a login to the admin page");
        Tried::In(self.gate.lock().open(owner, (self.clock)(), &mut rng()))
    }

    async fn all_peers(&self, page: u64) -> Result<Peers, String> {
        if self.node.federation.is_none() {
            return Ok(Peers { off: true, ..Peers::default() });
        }
        let known: Known = self.ask(Request::Peers).await?;
        Ok(Peers { off: false, addresses: known.addresses, peers: paged(known.peers, page) })
    }

    async fn all_queues(&self) -> Result<Queues, String> {
        let hosts = match &self.node.bridge {
            Some(_) => Some(self.ask(Request::Bridge { asked: bridge::Asked::Queue }).await?),
            None => None,
        };
        let letters = match &self.node.federation {
            Some(_) => self.ask::<Known>(Request::Peers).await?.letters(),
            None => Vec::new(),
        };
        let codes: Codes = self.ask(Request::Stats).await?;
        Ok(Queues { hosts, letters, codes })
    }

    async fn all_storage(&self) -> Result<Storage, String> {
        let bound = |bytes: u64| Some(bytes).filter(|bytes| *bytes != u64::MAX);
        Ok(Storage {
            usage: self.ask(Request::MediaUsage).await?,
            member_quota: bound(self.quotas.member_bytes),
            node_quota: bound(self.quotas.node_bytes),
            store_bytes: self.node.store.stats().disk_bytes,
            disk: operator::disk(&self.node),
        })
    }

    async fn done(&self, act: Act) -> Result<Notice, String> {
        let done = |words: &str| Ok(Notice::Done(words.to_owned()));
        match act {
            Act::Invite => {
                let made: NumberAndCode = self.ask(Request::Invite { mail: None }).await?;
                Ok(Notice::Invite { phone: made.phone, code: made.code })
            }
            Act::RevokeInvite { phone } => {
                let invite = operator::number(&phone).map_err(|cause| cause.to_string())?;
                self.operator::<Value>(Asked::RevokeInvite { invite }).await?;
                done("the invite is taken back")
            }
            Act::EndSession { person, session } => {
                let asked = Asked::EndSession { whom: whom(&person)?, session };
                self.operator::<Value>(asked).await?;
                done("the device is logged out, and the member is told")
            }
            Act::Suspend { person } => {
                let asked = Asked::Suspend { whom: whom(&person)?, suspended: true };
                self.operator::<Value>(asked).await?;
                done("the member is logged out everywhere, and cannot log in")
            }
            Act::Unsuspend { person } => {
                let asked = Asked::Suspend { whom: whom(&person)?, suspended: false };
                self.operator::<Value>(asked).await?;
                done("the member can log in again")
            }
            Act::DeleteMember { person } => {
                self.operator::<Value>(Asked::DeleteMember { whom: whom(&person)? }).await?;
                done("the account is deleted")
            }
            Act::BridgeOn { channel } => {
                let asked = bridge::Asked::On { channel };
                self.ask::<Value>(Request::Bridge { asked }).await?;
                done("people of the fediverse can follow the channel from now on")
            }
            Act::BridgeOff { channel } => {
                let asked = bridge::Asked::Off { channel };
                self.ask::<Value>(Request::Bridge { asked }).await?;
                done("the bridge rests: nothing more goes out")
            }
            Act::PeerAdd { address } => {
                let address = address.trim().to_owned();
                let peer: Peer = self.ask(Request::PeerAdd { address }).await?;
                done(&format!("connected to {}", peer.domain.unwrap_or_default()))
            }
            Act::PeerRemove { address } => {
                self.ask::<Value>(Request::PeerRemove { address }).await?;
                done("this node does not connect there by itself any more")
            }
            Act::PeerBlock { node } => {
                self.ask::<Value>(Request::PeerBlock { name: node, blocked: true }).await?;
                done("the node is blocked")
            }
            Act::PeerUnblock { node } => {
                self.ask::<Value>(Request::PeerBlock { name: node, blocked: false }).await?;
                done("the node is talked with again")
            }
            Act::TakeDown { channel, message } => {
                let id = message.parse().map_err(|_| "there is no such message".to_owned())?;
                let request = Request::TakeDown { channel: format!("c/{channel}"), id };
                self.ask::<Value>(request).await?;
                done("the message is taken down, and other nodes that show it are told")
            }
            Act::ClearMedia => {
                let cleared: Cleared = self.ask(Request::MediaCollect { dry_run: false }).await?;
                done(&cleared.words())
            }
        }
    }
}

impl Admin for Desk {
    fn node(&self) -> String {
        self.name.clone()
    }

    fn is_https(&self) -> bool {
        self.is_https
    }

    fn public_url(&self) -> Option<String> {
        self.public_url.clone()
    }

    fn new_browser(&self) -> String {
        gate::token(&mut rng())
    }

    fn form_token(&self, browser: &str) -> String {
        self.gate.lock().form_token(browser)
    }

    fn is_form_token(&self, browser: &str, given: &str) -> bool {
        self.gate.lock().is_form_token(browser, given)
    }

    fn enter(&self, browser: &str) -> bool {
        let owner = self.owner();
        self.gate.lock().enter(browser, owner, (self.clock)())
    }

    fn ask_code(&self, from: Option<SocketAddr>) -> bool {
        let owner = self.owner();
        let asked = self.gate.lock().ask(from, owner, (self.clock)(), &mut rng());
        let (owner, code) = match asked {
            gate::Asked::TooMany => return false,
            gate::Asked::Nothing => return true,
            gate::Asked::Send(owner, code) => (owner, code),
        };
        let (first, second) = code.split_at_checked(code.len() / 2).unwrap_or((&code, ""));
        let text = format!(
            "Admin page code: {first} {second}\n\nSomebody wants to open the admin page of this node, from \
             the address {}. The code is good for {} minutes. If that is not you, ignore this message, \
             and give the code to nobody.",
            address(from),
            gate::CODE_MS / 60_000
        );
        let core = self.core().clone();
        // Not waited for: how long an answer takes does not tell whether somebody owns the node.
        tokio::spawn(async move {
            if let Err(cause) = core.answer_by_service(owner, text).await {
                tracing::warn!(%cause, "a code for the admin page is not sent");
            }
        });
        true
    }

    fn log_in<'a>(&'a self, from: Option<SocketAddr>, code: &'a str) -> Found<'a, Tried> {
        Box::pin(self.enters(from, code))
    }

    fn log_out(&self, browser: &str) {
        self.gate.lock().close(browser);
    }

    fn log_out_everywhere(&self) {
        self.gate.lock().close_all();
    }

    fn notice(&self, browser: &str, notice: Notice) {
        self.gate.lock().notice(browser, notice);
    }

    fn take_notice(&self, browser: &str) -> Option<Notice> {
        self.gate.lock().take_notice(browser)
    }

    fn overview(&self) -> Loaded<'_, (Overview, Vec<Finding>)> {
        Box::pin(async {
            let overview = self.operator(Asked::Status).await?;
            // Nobody outside is asked while somebody waits for the page.
            let doctor = Request::Doctor { peer: None, time_server: None };
            Ok((overview, self.ask(doctor).await?))
        })
    }

    fn people<'a>(&'a self, text: &'a str, page: u64) -> Loaded<'a, Listed<Person>> {
        Box::pin(self.operator(Asked::Members { text: text.to_owned(), page }))
    }

    fn person(&self, id: i64) -> Loaded<'_, PersonPage> {
        Box::pin(self.operator(Asked::Member { whom: Whom::Id(id) }))
    }

    fn invites(&self, page: u64) -> Loaded<'_, Listed<OpenInvite>> {
        Box::pin(self.operator(Asked::Invites { page }))
    }

    fn channels(&self, page: u64) -> Loaded<'_, Listed<PublicChannel>> {
        Box::pin(self.operator(Asked::Channels { page }))
    }

    fn peers(&self, page: u64) -> Loaded<'_, Peers> {
        Box::pin(self.all_peers(page))
    }

    fn queues(&self) -> Loaded<'_, Queues> {
        Box::pin(self.all_queues())
    }

    fn reports(&self, page: u64) -> Loaded<'_, Listed<Report>> {
        Box::pin(async move { Ok(paged(self.ask(Request::Reports).await?, page)) })
    }

    fn storage(&self) -> Loaded<'_, Storage> {
        Box::pin(self.all_storage())
    }

    fn act(&self, act: Act) -> Found<'_, Notice> {
        Box::pin(async move { self.done(act).await.unwrap_or_else(Notice::Failed) })
    }
}

/// What `rookery peer list` prints.
#[derive(Deserialize)]
struct Known {
    addresses: Vec<String>,
    peers: Vec<Peer>,
}

impl Known {
    fn letters(self) -> Vec<(String, u32)> {
        let waiting = self.peers.into_iter().filter(|peer| peer.letters > 0);
        let called = |peer: Peer| (peer.domain.or(peer.node).unwrap_or_default(), peer.letters);
        waiting.map(called).take(ROWS_OF_PAGE).collect()
    }
}

/// What `rookery media collect` prints.
#[derive(Deserialize)]
struct Cleared {
    files: u64,
    orphans: u64,
    uploads: u64,
    previews: u64,
}

impl Cleared {
    fn words(&self) -> String {
        let Self { files, orphans, uploads, previews } = self;
        format!(
            "cleared away: {files} files that nothing kept, {orphans} blobs without a file, {uploads} \
             uploads that were over, {previews} previews"
        )
    }
}

fn whom(person: &str) -> Result<Whom, String> {
    person.parse().map(Whom::Id).map_err(|_| "there is no such member".to_owned())
}

fn paged<T>(all: Vec<T>, page: u64) -> Listed<T> {
    let total = all.len();
    let skipped = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX);
    let rows = all.into_iter().skip(skipped.saturating_mul(ROWS_OF_PAGE)).take(ROWS_OF_PAGE);
    listed(total, page, rows.collect())
}

fn address(from: Option<SocketAddr>) -> String {
    from.map_or_else(|| "unknown".into(), |from| from.ip().to_canonical().to_string())
}

#[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
fn rng() -> impl rand::Rng {
    rand::rng()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_shown_page_by_page() {
        let all = || (0..60).collect::<Vec<u32>>();
        let shown = paged(all(), 2);
        assert_eq!((shown.total, shown.page, shown.pages), (60, 2, 3));
        assert_eq!((shown.rows.first(), shown.rows.len()), (Some(&25), ROWS_OF_PAGE));
        assert_eq!(paged(all(), 3).rows.len(), 10);
        // A page that is not there says which is the last.
        let behind = paged(all(), u64::MAX);
        assert_eq!((behind.page, behind.rows.len()), (3, 0));
        assert_eq!(paged(Vec::<u32>::new(), 1).pages, 1);
    }
}
