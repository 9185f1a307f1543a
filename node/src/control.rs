//! The private socket of a running node: what the command line asks of it.
//!
//! One line of JSON in, one line out, over a Unix socket in the data directory, which only its
//! owner may enter. Who can open it can read the node's keys as well: nothing more is checked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use activitypub::Carrier;
use anyhow::{Context as _, bail};
use delivery::Delivery;
use node_core::{Core, PeerId, Reporter};
use node_store::Store;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::bridge;
use crate::doctor;
use crate::federation::Federation;
use crate::media::Keeper;
use crate::operator;
use crate::secrets::Rotation;
use crate::takedown;
use crate::{archive, backup};

/// The socket's name in the data directory.
const SOCKET: &str = "control.sock";

/// Longest request, in bytes.
const REQUEST_BYTES_MAX: u64 = 4096;

/// Reports that are listed.
const REPORTS_MAX: usize = 1000;

/// How long one exchange may take.
const WITHIN: Duration = Duration::from_secs(10);

/// How long one may take that looks through all files.
const ALL_FILES_WITHIN: Duration = Duration::from_secs(3600);

/// Exchanges at once.
const CONNECTIONS_MAX: usize = 16;

/// What the commands ask.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) core: Core,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) delivery: Delivery,
    pub(crate) keeper: Keeper,
    /// None where the configuration says nothing of other nodes.
    pub(crate) federation: Option<Arc<Federation>>,
    /// The secret half of the key that recovers channels that began here, in hex.
    pub(crate) recovery: Arc<Zeroizing<String>>,
    /// None where the node has no name in the fediverse.
    pub(crate) bridge: Option<Arc<Carrier>>,
    /// Changes the node's keys.
    pub(crate) rotation: Arc<Rotation>,
    /// What is known beside the rules.
    pub(crate) here: Arc<doctor::Here>,
    /// The certificate's state; none without TLS.
    pub(crate) certificate: Option<Arc<Mutex<crate::certificates::Shown>>>,
    /// What backups are taken of.
    pub(crate) backup: Arc<backup::Source>,
}

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// A new invite.
    Invite {
        /// Where it is sent, and later login codes.
        #[serde(default)]
        mail: Option<String>,
    },
    /// Sets the mail address of a member.
    UserEmail {
        /// Digits of the number.
        phone: u64,
        /// None removes it.
        address: Option<String>,
    },
    /// The login code that a member would get.
    Code {
        /// Digits of the number.
        phone: u64,
    },
    /// What members have reported, the newest first.
    Reports,
    /// Takes a message of a channel down, here and at other nodes.
    TakeDown {
        /// The channel's public name, the beginning of its name in logs, or `c/` and its number here.
        channel: String,
        /// The message.
        id: i32,
    },
    /// What was taken down, and which nodes have acknowledged it.
    Takedowns,
    /// New search indexes.
    Reindex,
    /// What was written since the start.
    Stats,
    /// Other nodes.
    Peers,
    /// What is wrong here and between nodes.
    Doctor {
        /// A domain, an address or the beginning of a name: that one alone.
        #[serde(default)]
        peer: Option<String>,
        /// Who tells the time. Without one nobody outside is asked anything.
        time_server: Option<String>,
    },
    /// Connects to a node from now on.
    PeerAdd {
        /// Its multiaddress, or its domain.
        address: String,
    },
    /// Connects to a node no longer.
    PeerRemove {
        /// The multiaddress, or the domain that it was added by.
        address: String,
    },
    /// Wants nothing more of a node, or does again.
    PeerBlock {
        /// The beginning of its name, or its domain.
        name: String,
        /// Whether it is blocked.
        blocked: bool,
    },
    /// Channels that are shared with other nodes.
    Channels,
    /// Hands a channel over to another node.
    MoveHome {
        /// The channel's public name, or the beginning of its name in logs.
        channel: String,
        /// The node's domain, or the beginning of its name.
        to: String,
    },
    /// Agrees to become the home of a channel.
    AcceptHome {
        /// The channel.
        channel: String,
        /// Whether; false takes it back.
        agrees: bool,
    },
    /// Makes this node the home of a channel, by its recovery key.
    Recover {
        /// The channel.
        channel: String,
        /// The key, in hex.
        key: String,
        /// Its home was robbed.
        undo: bool,
    },
    /// The key that recovers channels that began here.
    RecoveryKey,
    /// Changes the node's keys.
    RotateKeys,
    /// Takes the domain for a node that it says it has now.
    PeerRepin {
        /// The beginning of its name, or the domain that it had.
        name: String,
    },
    /// Something of the bridge to the fediverse.
    Bridge {
        /// What.
        #[serde(flatten)]
        asked: bridge::Asked,
    },
    /// What the operator sees of the node and of those who use it.
    Operator {
        /// What.
        #[serde(flatten)]
        asked: operator::Asked,
    },
    /// A part of the archive of a member or a channel.
    Archive {
        /// Which.
        #[serde(flatten)]
        asked: archive::Asked,
    },
    /// What is stored of files.
    MediaUsage,
    /// All rows, as they rest; and no file is cleared away until those are copied.
    Backup,
    /// Clears away what nobody keeps.
    MediaCollect {
        /// Only says what would go.
        dry_run: bool,
    },
}

impl Request {
    /// How long the answer may take.
    fn within(&self) -> Duration {
        match self {
            Self::MediaCollect { .. } => ALL_FILES_WITHIN,
            // The other node is waited for.
            Self::Archive { .. }
            | Self::PeerAdd { .. }
            | Self::PeerRepin { .. }
            | Self::MoveHome { .. }
            | Self::Doctor { .. } => 10 * WITHIN,
            _ => WITHIN,
        }
    }
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<T> {
    Ok(T),
    Error(String),
}

/// A number and a code: of an invite, or for a login.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct NumberAndCode {
    /// With its `+`.
    pub(crate) phone: String,
    /// What to type.
    pub(crate) code: String,
    /// Unix seconds at which the code ends.
    pub(crate) expires: i32,
    /// The page that shows an invite, and how to connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
}

impl NumberAndCode {
    /// Of an invite.
    pub(crate) fn of_invite(core: &Core, invite: node_core::Invite) -> Self {
        let page = core.invite_page(&invite);
        let node_core::Invite { phone, code, expires } = invite;
        Self { phone: format!("+{phone}"), code, expires, page }
    }
}

/// Listens until the task is dropped.
pub(crate) fn listen(
    directory: &Path,
    node: Node,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let path = directory.join(SOCKET);
    match fs::remove_file(&path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            return Err(cause).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    let (short, _directory) = short_path(directory)?;
    let listener = UnixListener::bind(short)
        .with_context(|| format!("cannot listen on {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(serve(listener, node))
}

/// The socket by a path that fits: the system takes 107 bytes. The directory stays open as long as
/// the path is used.
fn short_path(directory: &Path) -> anyhow::Result<(PathBuf, fs::File)> {
    let opened = fs::File::open(directory)
        .with_context(|| format!("cannot open {}", directory.display()))?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd())).join(SOCKET);
    Ok((path, opened))
}

async fn serve(listener: UnixListener, node: Node) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let node = node.clone();
                tokio::spawn(async move {
                    if exchange(stream, node).await.is_err() {
                        tracing::warn!("a command was not answered");
                    }
                    drop(place);
                });
            }
            Err(cause) => {
                tracing::warn!(%cause, "the control socket refuses a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn exchange(mut stream: UnixStream, node: Node) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(reader.take(REQUEST_BYTES_MAX));
    timeout(WITHIN, reader.read_line(&mut line)).await??;
    let reply = match serde_json::from_str::<Request>(&line) {
        Ok(Request::Backup) => return backup::serve(stream, &node).await,
        Ok(request) => {
            let answer = timeout(request.within(), answer(&node, request)).await?;
            answer.map_err(|cause| format!("{cause:#}"))
        }
        Err(cause) => Err(format!("not a request: {cause}")),
    };
    let reply = reply.map_or_else(Reply::Error, Reply::Ok);
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    timeout(WITHIN, writer.write_all(text.as_bytes())).await?
}

/// Does what is asked, whoever asks: that is for the caller to know.
pub(crate) async fn answer(node: &Node, request: Request) -> anyhow::Result<Value> {
    let shown = |found: NumberAndCode| json!(found);
    match request {
        Request::Invite { mail } => {
            let invite = match mail {
                None => node.core.invite(None).await?,
                Some(address) => node.core.invite_by_mail(&address).await?,
            };
            Ok(shown(NumberAndCode::of_invite(&node.core, invite)))
        }
        Request::UserEmail { phone, address } => {
            node.core.set_login_email(phone, address.as_deref()).await?;
            Ok(json!({ "phone": format!("+{phone}"), "email": address }))
        }
        Request::Code { phone } => {
            let (code, expires) = node.core.show_code(phone).await?;
            Ok(shown(NumberAndCode { phone: format!("+{phone}"), code, expires, page: None }))
        }
        Request::Reports => {
            let name = |user| {
                let view = node.core.view(user, user).ok().flatten();
                view.map(|view| view.user.full_name()).unwrap_or_default()
            };
            let reports = node.core.reports(REPORTS_MAX).await?;
            let shown = reports.iter().map(|report| {
                let (about, named, kind) = match report.about {
                    PeerId::User(user) => (user.0, name(user), "user"),
                    PeerId::Chat(chat) => {
                        let title = node.core.chat(chat).map(|chat| chat.title.clone());
                        (chat.0, title.unwrap_or_default(), "chat")
                    }
                    PeerId::Channel(channel) => {
                        let title = node.core.channel(channel).map(|found| found.title.clone());
                        (channel.0, title.unwrap_or_default(), "channel")
                    }
                    // What a later version adds.
                    _ => (0, String::new(), ""),
                };
                let by = match &report.by {
                    Reporter::Member(user) => json!({ "id": user.0, "name": name(*user) }),
                    Reporter::Host(host) => json!({ "id": 0, "name": host, "host": host }),
                    Reporter::Node(from) => {
                        let known = node.core.known_node(*from).ok().flatten();
                        let domain = known.map(|known| known.domain);
                        json!({ "id": 0, "name": domain, "node": from.to_string() })
                    }
                };
                let messages: Vec<Value> = report
                    .messages
                    .iter()
                    .map(|(id, text)| json!({ "id": id.0, "text": text }))
                    .collect();
                json!({
                    "date": report.date,
                    "by": by,
                    "about": { "id": about, "name": named, "kind": kind },
                    "reason": report.reason.words(),
                    "comment": report.comment,
                    "messages": messages,
                    "elsewhere": report.elsewhere,
                })
            });
            Ok(Value::Array(shown.collect()))
        }
        Request::TakeDown { channel, id } => takedown::answer(node, &channel, id).await,
        Request::Takedowns => takedown::all(node).await,
        Request::Reindex => {
            node.core.reindex().await?;
            Ok(json!({ "boxes": node.core.users(), "done": false }))
        }
        Request::Peers => Ok(json!({
            "node": node.core.node().to_string(),
            "addresses": federation(node)?.addresses(),
            "peers": federation(node)?.peers(),
        })),
        Request::Doctor { peer, time_server } => {
            Ok(json!(doctor::examine(node, peer.as_deref(), time_server.as_deref()).await?))
        }
        Request::PeerAdd { address } => Ok(json!(federation(node)?.add_peer(address).await?)),
        Request::PeerRemove { address } => {
            federation(node)?.remove_peer(address).await?;
            Ok(Value::Null)
        }
        Request::PeerBlock { name, blocked } => {
            Ok(json!({ "node": federation(node)?.block(&name, blocked).await? }))
        }
        Request::Channels => {
            let shown = node.core.shared_groups().into_iter().map(|shared| {
                let found = node.core.channel(shared.channel);
                let disputed = node.core.dispute(shared.channel)?.map(|dispute| {
                    json!({
                        "entry": dispute.seq,
                        "by": dispute.author.to_string(),
                        "since": dispute.since,
                    })
                });
                Ok(json!({
                    "group": shared.group.to_string(),
                    "channel": shared.channel.0,
                    "title": found.as_ref().map(|found| found.title.clone()),
                    "name": found.as_ref().and_then(|found| found.username.clone()),
                    "home": shared.home.to_string(),
                    "is_home": shared.is_home,
                    "members": shared.members.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    "waits_for": shared.unheard.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    "disputed": disputed,
                }))
            });
            Ok(Value::Array(shown.collect::<anyhow::Result<_>>()?))
        }
        Request::MoveHome { channel, to } => {
            Ok(json!({ "home": federation(node)?.move_home(&channel, &to).await? }))
        }
        Request::AcceptHome { channel, agrees } => {
            let channel = node.core.channel_called(&channel)?;
            node.core.consent_to_home(channel, agrees).await?;
            Ok(json!({ "agrees": agrees }))
        }
        Request::Recover { channel, key, undo } => {
            let channel = node.core.channel_called(&channel)?;
            node.core.recover_channel(channel, recovery_key(&key)?, undo).await?;
            Ok(json!({ "home": node.core.node().to_string() }))
        }
        Request::RecoveryKey => Ok(json!({ "key": node.recovery.as_str() })),
        Request::RotateKeys => {
            let (operational, cert) = node.rotation.rotate(&node.core).await?;
            let serial = cert.body.serial;
            if let Some(federation) = &node.federation {
                federation.rekey(operational, cert)?;
            }
            tracing::info!(serial, "the keys of this node were changed");
            Ok(json!({ "node": node.core.node().to_string(), "serial": serial }))
        }
        Request::PeerRepin { name } => Ok(json!(federation(node)?.repin(&name).await?)),
        Request::Archive { asked } => archive::answer(node, asked).await,
        Request::Bridge { asked } => bridge::answer(node, None, asked).await,
        Request::Operator { asked } => operator::answer(node, asked).await,
        Request::Backup => bail!("a backup is a stream of its own"),
        Request::MediaUsage => Ok(json!(node.keeper.usage()?)),
        Request::MediaCollect { dry_run } => {
            let (cleared, failed) = node.keeper.clear(true, dry_run).await;
            match failed {
                None => Ok(json!(cleared)),
                Some(cause) => Err(cause.context(format!("not all is cleared away: {cleared:?}"))),
            }
        }
        Request::Stats => {
            let (store, keys) = (node.store.stats(), node.core.keys());
            let codes = node.delivery.counters();
            Ok(json!({
                "users": node.core.users(),
                "commits": store.commits,
                "syncs": store.syncs,
                "keys": store.keys,
                "bytes": store.bytes,
                "keys_by_commands": keys.written,
                "keys_derived": keys.derived,
                "boxes_to_index": node.core.boxes_to_index(),
                "disk_bytes": store.disk_bytes,
                "codes_delivered": codes.delivered(),
                "codes_failed": codes.failed(),
                "codes_dropped": codes.dropped(),
            }))
        }
    }
}

/// A recovery key: 64 hexadecimal digits.
fn recovery_key(hex: &str) -> anyhow::Result<keys::NodeIdentity> {
    let seed = Zeroizing::new(crate::federation::parse_hex(hex.trim())?);
    Ok(keys::NodeIdentity::from_seed(&seed))
}

fn federation(node: &Node) -> anyhow::Result<&Federation> {
    node.federation.as_deref().context(
        "this node reaches no others: give it an address in [federation] listen, or by --mesh",
    )
}

/// A connection to the node that runs on `directory`; `None` if there is none.
pub(crate) fn connect(directory: &Path) -> anyhow::Result<Option<StdUnixStream>> {
    if !directory.exists() {
        return Ok(None);
    }
    let (path, _directory) = short_path(directory)?;
    Ok(StdUnixStream::connect(path).ok())
}

/// Asks the node that runs on `directory`.
pub(crate) fn ask<T: DeserializeOwned>(directory: &Path, request: &Request) -> anyhow::Result<T> {
    ask_if_running(directory, request)?.with_context(|| {
        format!("no node runs on {}: start it first, or name its --data", directory.display())
    })
}

/// Asks the node that runs on `directory`; `None` if there is none.
pub(crate) fn ask_if_running<T: DeserializeOwned>(
    directory: &Path,
    request: &Request,
) -> anyhow::Result<Option<T>> {
    let Some(stream) = connect(directory)? else { return Ok(None) };
    stream.set_read_timeout(Some(request.within()))?;
    let mut text = serde_json::to_string(request)?;
    text.push('\n');
    (&stream).write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).context("the node does not answer")?;
    match serde_json::from_str(&line).context("the node's answer")? {
        Reply::Ok(answer) => Ok(Some(answer)),
        Reply::Error(reason) => bail!("{reason}"),
    }
}
